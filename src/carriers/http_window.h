/* Requests of one carrier that are under way: a bounded number, each with memory of its own, each
 * ended once. Shared by the carriers that speak HTTP; none of them knows the others. */
#ifndef CARRIERS_HTTP_WINDOW_H
#define CARRIERS_HTTP_WINDOW_H

#include "base/arena.h"
#include "base/list.h"
#include "carriers/carrier.h"
#include "http/outbound.h"

struct http_window;

#define HTTP_ANSWER_MAX (64 * KIB)

/** One request for one message: to take it, or (poll) to tell its fate. */
struct http_call {
    struct list node;
    struct http_window *window; /* NULL: the carrier is closed, nobody waits for it */
    struct loop_task task;      /* what can't even be asked ends by this */
    struct outbound_call call;
    struct arena arena; /* its texts */
    struct uuid id;
    unix_ms created;
    bool poll;
    bool trouble; /* set by `read`: the gateway is at fault, not this message: a pause follows */
};

struct http_window_options {
    const struct carrier_host *host;
    size_t max; /* calls at a time */
    uint32_t total_ms;
    bool plain_private; /* http:// beyond loopback, to addresses that are not public */
    /** Reads what came into `out`, which says CARRIER_UNSURE until then; `id` is set. */
    void (*read)(void *ctx, struct http_call *c, struct carrier_result *out);
    void *ctx;
};

struct http_window {
    struct http_window_options options;
    struct list calls;
    size_t n;
    struct loop_timer pause;
    bool paused;
    unsigned failures; /* of the gateway, in a row */
    uint64_t accepted, rejected, later, unsure;
    char problem[160]; /* the last one; empty: none since it worked */
};

void http_window_init(struct http_window *w, const struct http_window_options *options);
/** Ends what is under way with CARRIER_UNSURE, before it returns. */
void http_window_close(struct http_window *w);
size_t http_window_room(const struct http_window *w) NODISCARD;
/** "state", where callbacks come to, and counters. */
void http_window_status(const struct http_window *w, struct json_writer *out);

/** A call with the window's limits filled in: method, URL, headers and body are the caller's; the
 * body in the call's arena, the others copied by http_call_send(). */
struct http_call *http_call_new(struct http_window *w, const struct carrier_message *m, bool poll);
void http_call_header(struct http_call *c, struct str name, struct str value);
void http_call_send(struct http_call *c);
/** In place of http_call_send(): it can't be asked, `why` goes to the status. */
void http_call_refuse(struct http_call *c, const char *why);

/** No answer of HTTP came: not taken when nothing was sent, else unsure. */
void http_result_unanswered(struct http_call *c, struct carrier_result *out);
/** The gateway is at fault: again later, as below, and a pause for all that lasts longer each time.
 */
void http_result_trouble(struct http_call *c, uint32_t code, const char *detail,
                         struct carrier_result *out);
/** This message again later: when the answer's Retry-After says so (in seconds, up to an hour),
 * else when the engine does. `code`: what it fails with when its time is over. */
void http_result_later(const struct http_call *c, uint32_t code, const char *detail,
                       struct carrier_result *out);

#endif
