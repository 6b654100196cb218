/* Does what a user access token stands on still count? Asked on every request, and of connections
 * that outlive theirs, without the token. Time is not looked at. Source: design D19. */
#ifndef GATE_USER_STANDING_H
#define GATE_USER_STANDING_H

#include "gate/gate.h"

/** How struct user_standing names a key. */
uint64_t user_kid_hash(struct str kid) NODISCARD;
/** Revocation, the user, his resource and the access key that issued it: NULL, or why the token is
 * dead. `out_rc` is set when the store was asked and failed, or has no such user. */
const char *user_token_dead(struct gate_loop *gl, const struct user_key *user,
                            const struct user_standing *s, enum rc *out_rc) NODISCARD;
/** The same for a connection, with the key that verified the token: NULL, or why it must end. */
const char *gate_user_stands(struct gate_loop *gl, const struct user_key *user,
                             const struct user_standing *s, unix_ms now) NODISCARD;

#endif
