/* The documented limits per resource and 30 seconds; only with limits = azure.
 * Source: wire/authentication §2.5. */
#ifndef SERVICES_LIMITS_H
#define SERVICES_LIMITS_H

#include "base/clock.h"
#include "base/uuid.h"

struct request;

enum limit_op {
    LIMIT_CREATE = 0,
    LIMIT_CREATE_WITH_TOKEN,
    LIMIT_ISSUE,
    LIMIT_DELETE,
    LIMIT_REVOKE,
    LIMIT_EXCHANGE,
    LIMIT_OP_COUNT
};

struct limiter;
/** `factor` multiplies the documented numbers (limits.factor). Owned. */
struct limiter *limiter_new(double factor);
void limiter_free(struct limiter *l);
/** Counts one call; false when the window's share is used up, with the seconds (1..30) until the
 * next window. Any thread. */
bool limiter_take(struct limiter *l, const struct uuid *resource, enum limit_op op, mono_ns now,
                  uint32_t *out_retry_s) NODISCARD;
/** The same for a request of its principal's resource: on false 429 has been answered. */
bool limits_allow(struct request *req, enum limit_op op) NODISCARD;

#endif
