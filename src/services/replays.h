/* What may be used once only, until it would not be accepted any more anyway.
 * Source: wire/managed-identity §1.7; RFC 7523 §3. */
#ifndef SERVICES_REPLAYS_H
#define SERVICES_REPLAYS_H

#include "base/clock.h"

/** At most REPLAYS_MAX at a time, in memory: it starts empty. Shared by all loops. */
struct replays;
#define REPLAYS_MAX ((size_t)131072)

/** Owned. */
struct replays *replays_new(void);
/** NULL is fine. */
void replays_free(struct replays *r);
/** Uses `key` (a keyed hash), which is remembered until `until`. RC_CONFLICT: it was used before;
 * RC_BUSY: no room, so that it can't be said. */
enum rc replays_take(struct replays *r, uint64_t key, unix_ms now, unix_ms until) NODISCARD;
/** Whether it was used, and that is still remembered. */
bool replays_used(struct replays *r, uint64_t key, unix_ms now) NODISCARD;

#endif
