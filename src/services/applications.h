/* Applications, managed identities and role assignments: what the administration and the management
 * API share. Source: wire/managed-identity §6, §8. */
#ifndef SERVICES_APPLICATIONS_H
#define SERVICES_APPLICATIONS_H

#include "gate/applications.h"
#include "services/answer.h"
#include "services/site.h"

/** The application that `text` means: a client id, an object id, an ARM id (any case), or a name
 * (any case). Read on this loop; texts in the request's arena. RC_NOT_FOUND, RC_IO. */
enum rc application_named(struct request *req, struct str text,
                          struct application_row *out) NODISCARD;
/** A new row with ids of its own, version 1, created now; nothing is written yet. `name` is
 * borrowed. */
struct application_row application_make(struct request *req, enum application_kind kind,
                                        struct str name);
/** A new managed identity: also with an ARM id and an endpoint secret. `tags`: JSON object text or
 * empty. */
struct application_row managed_identity_make(struct request *req, struct str group, struct str name,
                                             struct str location, struct str tags);
/** The system-assigned identity of a resource: its ARM id is the resource's own. */
struct application_row system_identity_make(struct request *req, const struct resource *resource);
/** The row as it is after a change of its document: version + 1. */
enum rc application_changed(struct request *req, struct application_row *row,
                            const struct app_document *doc) NODISCARD;
/** Ends the tokens that the application has got, by its row: all that were issued till now, and
 * those of this millisecond after the last revocation. */
void application_revoke(struct request *req, struct application_row *row);
/** True for 1 to 128 octets of printable text that is no id and has no slash. */
bool application_name_valid(struct str name) NODISCARD;

/** The role that `text` means: a name (any case), a definition's id, or the path that ends in one.
 * Texts in the request's arena. RC_NOT_FOUND. */
enum rc role_named(struct request *req, struct str text, struct role *out) NODISCARD;
/** Changes to be committed as one set, in the request's arena. */
struct changes {
    struct change items[6]; /* a new resource: its scope, row, two keys, identity */
    size_t n;
    struct change_set set;
    struct request *req;
};
/** The principal that a role is to be assigned to. RC_OK: there is one. Else, when a trusted issuer
 * of Entra ID may speak for it (its directory is not ours to look into), the change that makes a
 * record for it is added to `c`; else RC_NOT_FOUND. RC_IO. */
enum rc principal_change(struct request *req, const struct uuid *object_id,
                         struct changes *c) NODISCARD;
/** Which of the two the store missed when it refused the assignment with RC_NOT_FOUND: the role,
 * else the principal. One of them was deleted meanwhile. */
const struct api_error *role_assignment_refusal(struct request *req,
                                                const struct role_assignment_row *row) NODISCARD;
/** Holds the request and commits; `done` gets `c` as ctx. */
void changes_commit(struct changes *c, struct request *req, change_done_fn done);

#endif
