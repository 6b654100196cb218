/* How many listeners each user has, on all loops together: limits, and whether anyone hears that
 * his credential has died. Any thread. */
#ifndef EVENTS_AUDIENCE_H
#define EVENTS_AUDIENCE_H

#include "store/store.h"

struct audience;

struct audience *audience_new(void);
void audience_free(struct audience *a);
/** One more listener of the user. RC_BUSY: he has `max`. */
enum rc audience_enter(struct audience *a, const struct user_key *user, size_t max) NODISCARD;
void audience_leave(struct audience *a, const struct user_key *user);
bool audience_has(struct audience *a, const struct user_key *user) NODISCARD;
/** Listeners of all users. Without the lock. */
size_t audience_count(const struct audience *a) NODISCARD;

#endif
