/* Resources and their access keys as rows to be written: what the administration and the management
 * API share. */
#ifndef SERVICES_RESOURCE_ROWS_H
#define SERVICES_RESOURCE_ROWS_H

#include "services/answer.h"
#include "services/site.h"

/** 1 to 63 lower-case letters, digits and inner hyphens: a DNS label. */
bool resource_label_valid(struct str text) NODISCARD;
/** Nobody goes by this host name, but perhaps `self` (NULL: nobody). Lower case. */
bool resource_host_free(const struct directory *d, struct str host,
                        const struct uuid *self) NODISCARD;
/** A new resource may have this name: neither it nor its full name means somebody. */
bool resource_name_free(struct request *req, struct str name) NODISCARD;
/** A new row with an id of its own, in the default group, at the default location; `name` is
 * borrowed. Nothing is written yet. */
struct resource_row resource_row_new(struct request *req, struct str name) NODISCARD;
/** The row as it stands, its texts in the request's arena. */
struct resource_row resource_row_of(struct request *req, const struct resource *r) NODISCARD;

/** A new secret of a key; owned: secret_clear(). */
struct secret resource_key_secret(void) NODISCARD;
/** The change that gives a new resource its key. Texts in the request's arena. */
enum rc resource_key_change(struct request *req, const struct uuid *resource, enum key_slot slot,
                            const struct secret *secret, struct change *out) NODISCARD;
/** Makes it one that replaces `old`: tokens issued with that one die unless `keep_tokens`. */
void resource_key_follow(const struct access_key *old, bool keep_tokens, struct change *change);
/** "endpoint=https://…/;accesskey=…", in the arena, which is wiped. */
struct str resource_connection_string(struct request *req, const struct resource *r,
                                      struct str key);

/** The changes that end a resource: its row, its role assignments, its system-assigned identity.
 * `identity` is the latter's row, or NULL. Returns how many (at most 3). */
size_t resource_delete_changes(struct request *req, const struct resource *r,
                               const struct application_row *identity, struct change out[static 3]);

#endif
