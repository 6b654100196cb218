/* One call: build, sign, send, retry, judge. */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "base/buf.h"
#include "callgate/client.h"

#define REPLY_MAX (16 * MIB)

/** What to send and where the answer goes. Borrowed for the call. */
struct exchange {
    const char *method;
    const char *target;       /* path and query as on the wire */
    struct str body;          /* JSON; empty: none */
    const char *content_type; /* of the body; NULL: application/json */
    const char *repeat_id;    /* repeatability-request-id; NULL: none */
    bool repeatable;          /* a POST that may be repeated like an idempotent method */
    FILE *stream_to;          /* a good answer's body goes there; NULL: into `reply` */
    struct buf *reply;        /* initialised by the caller */
    int http_status;          /* out */
    uint64_t streamed;        /* out: octets */
};

/** Sends until an answer counts, each attempt signed anew. Idempotent methods are repeated after
 * a network failure, 408, 500, 502 and 504, others only if the server can't have seen them; 429 and
 * 503 are repeated for all, after their Retry-After (30 s at most). A streamed call is sent once.
 */
enum cg_status exchange_run(struct cg_client *client, struct exchange *x,
                            struct cg_error *err) NODISCARD;
/** CG_PROTOCOL: the last answer of this client lacks something. */
enum cg_status exchange_not_understood(const struct cg_client *client, struct cg_error *err);

#endif
