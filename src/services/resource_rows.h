/* Rows of resources and their keys, as the administration and the management API write them: one
 * rule for names, one way to make, change and delete. Nothing here answers or commits.
 * Source: wire/managed-identity §5.2, administration §2.1. */
#ifndef SERVICES_RESOURCE_ROWS_H
#define SERVICES_RESOURCE_ROWS_H

#include "services/applications.h"

#define RESOURCE_NAME_MAX ((size_t)63)

/** A DNS label in lower case: 1 to RESOURCE_NAME_MAX letters, digits and hyphens, no hyphen at an
 * end. */
bool label_valid(struct str s) NODISCARD;
/** Nobody is reached by `host` (lower case), but perhaps `self` (may be NULL). */
bool resource_host_free(const struct directory *d, struct str host,
                        const struct uuid *self) NODISCARD;
/** A new resource may be called `name` (a label): neither it nor its full name means somebody. */
bool resource_name_free(struct request *req, struct str name) NODISCARD;

/** The row as it stands, its texts in the request's arena. */
struct resource_row resource_row_of(struct request *req, const struct resource *r);
/** What a new resource's set begins with: a role that was given in a scope of this name when it
 * meant nobody, or another before, gives nothing in the new one. Texts in the arena. */
struct change resource_scope_clear(struct request *req, const struct resource_row *row) NODISCARD;
/** Fills `out` with the two first keys of a new resource, sealed; texts in the arena. */
enum rc resource_first_keys(struct request *req, const struct uuid *resource,
                            struct change out[static KEY_SLOTS]) NODISCARD;
/** The change that gives `slot` the key `secret`: tokens that its former key issued die, unless the
 * caller puts the former tokens_valid_from back. */
enum rc resource_next_key(struct request *req, const struct resource *r, enum key_slot slot,
                          const struct secret *secret, struct change *out) NODISCARD;
/** A random key of the usual length. Owned: secret_clear(). */
struct secret resource_random_key(void) NODISCARD;
/** "endpoint=https://…/;accesskey=…" in the arena. `key`: its base64 text. */
struct str connection_string(struct request *req, const struct resource *r, struct str key);

/** Adds to `c` what deletes the resource: the row as a tombstone, every role assignment in its
 * scope, its system-assigned identity. At most three changes. RC_IO. */
enum rc resource_delete_changes(struct changes *c, struct request *req,
                                const struct resource *r) NODISCARD;
/** The resource's system-assigned identity. Texts in the arena. RC_NOT_FOUND, RC_IO. */
enum rc system_identity_of(struct request *req, const struct resource *r,
                           struct application_row *out) NODISCARD;

#endif
