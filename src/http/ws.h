/* WebSocket connections as a service sees them: a row of KIND_UPGRADE turns its request into one.
 * Framing is net's (RFC 6455); what the messages mean is the caller's. For one loop. */
#ifndef HTTP_WS_H
#define HTTP_WS_H

#include "base/rc.h"
#include "base/str.h"

struct request;
struct ws;

/** How it is done; implemented by net and by the tests' fake. */
struct ws_ops {
    enum rc (*send)(struct ws *ws, const struct str *pieces, size_t n);
    size_t (*queued)(const struct ws *ws);
    void (*close)(struct ws *ws, uint16_t code, struct str reason);
};

/** A connection. More of it is behind, and is its engine's. */
struct ws {
    const struct ws_ops *ops;
};

/** What net tells. All on the connection's loop, never from within a call of ws_…(). */
struct ws_handler {
    /** A whole text message, valid UTF-8, at most message_max octets; borrowed for the call. Binary
     * ones close the connection (1003). */
    void (*text)(void *ctx, struct str message);
    /** ws_queued() has come down to a quarter of queue_max, after it was above. May be NULL. */
    void (*drained)(void *ctx);
    /** The end, once, always, whoever ended it; the ws is gone when it returns, and may not be used
     * within. `code` as in RFC 6455 §7.4: of the close frame that came first, whoever sent it
     * (1005: it had none; 1006: there was none, or no answer to ours). `reason` is the peer's,
     * borrowed. */
    void (*closed)(void *ctx, uint16_t code, struct str reason);
};

struct ws_options {
    size_t message_max;     /* octets of a message that comes; more: closed with 1009 */
    size_t queue_max;       /* octets that may wait to be sent */
    struct str subprotocol; /* answered when the request offers it; empty: none */
    uint32_t ping_ms;       /* a ping of the protocol after so long without a word from the peer;
                             * without an answer in the same time again: closed. 0: none. At most
                             * four different ones in a process */
    uint32_t rate_max; /* messages and control frames that may come per second, in the mean of 10
                        * seconds; more: closed with 1008. 0: no limit */
};

/** True when the request asks for a WebSocket as RFC 6455 §4.2.1 wants it: GET, HTTP/1.1, no body,
 * version 13, one key of 16 octets. Else the caller answers by ws_refuse(), or serves it otherwise.
 */
bool ws_asked(const struct request *req) NODISCARD;
/** 426 with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`; the request dies here. */
void ws_refuse(struct request *req);
/** Answers 101; the request dies here, and its arena. Only after ws_asked(), now or later. Owned
 * until `closed` has run. The handler is static; the options are copied. Lines that were added by
 * reply_header() go out too. If the peer has gone, `closed` tells it. */
struct ws *ws_accept(struct request *req, const struct ws_options *options,
                     const struct ws_handler *handler, void *ctx);
/** Copies and queues one text message. RC_TOO_LARGE: the queue would exceed queue_max, nothing was
 * queued; RC_NOT_FOUND: it is closing. */
enum rc ws_send(struct ws *ws, struct str text) NODISCARD;
/** The same of several pieces that make one message: spares the caller the joining. */
enum rc ws_send_pieces(struct ws *ws, const struct str *pieces, size_t n) NODISCARD;
/** Octets not yet given to the system. */
size_t ws_queued(const struct ws *ws) NODISCARD;
/** Sends a close frame behind what is queued; `closed` follows with `code` when the peer has
 * answered, or with 1006 after two seconds; no text comes meanwhile. Repeated calls are fine. */
void ws_close(struct ws *ws, uint16_t code, struct str reason);

#endif
