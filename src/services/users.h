/* Users of the caller's resource: what the identity and the administration service share. */
#ifndef SERVICES_USERS_H
#define SERVICES_USERS_H

#include "base/json.h"
#include "services/site.h"

/** The key that `raw_id` names; RC_NOT_FOUND when it is malformed or of another resource. */
enum rc user_key_of(const struct request *req, struct str raw_id, struct user_key *out) NODISCARD;
/** Reads a living user of the caller's resource on this loop: RC_NOT_FOUND for malformed, foreign,
 * unknown and deleted ids; RC_IO. Strings in the request's arena. */
enum rc user_find(struct request *req, struct str raw_id, struct user_row *out) NODISCARD;
/** A new row of the caller's resource with an id of its own; nothing is written yet. */
struct user_row user_new(const struct request *req) NODISCARD;
/** Commits one change of one user (the row is copied, its texts are borrowed until `done`);
 * holds the request. */
void user_change(struct request *req, enum change_kind kind, const struct user_row *row,
                 change_done_fn done, void *ctx);
/** A user as our own routes tell of him. */
void user_write(struct json_writer *w, const struct user_row *row, struct arena *arena);
/** What user_key_of() or a look-up failed with. */
void user_answer_rc(struct request *req, enum rc rc);
/** True for 1 to 256 characters of text. */
bool external_id_valid(struct str text) NODISCARD;

#endif
