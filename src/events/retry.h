/* What becomes of an event after an attempt: pure functions of what came back and what is allowed.
 * Source: wire/events §7. */
#ifndef EVENTS_RETRY_H
#define EVENTS_RETRY_H

#include "base/arena.h"
#include "store/events.h"

/** What an attempt ended with, as outbound calls tell it. */
struct attempt {
    enum rc rc; /* RC_OK: `status` came */
    int status;
    const char *reason; /* of the failure, for people; NULL: none */
};

/** What one event of the attempt has had, this attempt included. */
struct attempt_of {
    uint32_t attempts;
    unix_ms published;
    uint32_t attempts_max, ttl_minutes;
};

struct retry_plan {
    enum event_state to;
    unix_ms due;
    struct str outcome; /* static, or in the arena */
};

/** "NotFound", "TimedOut", … as dead letters name it; static. */
struct str attempt_name(const struct attempt *a) NODISCARD;
bool attempt_succeeded(const struct attempt *a) NODISCARD;
/** Whether it tells of an endpoint in trouble, rather than of an event that it does not want. */
bool attempt_blames_endpoint(const struct attempt *a) NODISCARD;
/** `random`: any number, for the jitter. */
struct retry_plan retry_decide(const struct attempt *a, const struct attempt_of *of, unix_ms now,
                               uint32_t random, struct arena *arena);
/** The plan for an event whose time is over before an attempt; `outcome`: of its last one. */
struct retry_plan retry_expired(struct str outcome, struct arena *arena);
bool retry_is_expired(unix_ms published, uint32_t ttl_minutes, unix_ms now) NODISCARD;
/** Milliseconds from the `attempts`th failure to the next attempt. */
int64_t retry_wait_ms(uint32_t attempts, int status, uint32_t random) NODISCARD;
/** What is added to a wait, so that not all come back at one moment: a twentieth at most, and
 * thirty seconds. `random`: any number. */
int64_t retry_jitter_ms(int64_t wait, uint32_t random) NODISCARD;
/** How long an endpoint is left alone after so many failures in a row; 0: not at all. */
int64_t retry_protection_ms(unsigned failures) NODISCARD;

#endif
