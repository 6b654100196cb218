/* A WebSocket of a client: text messages over a stream. For our own command line, never installed.
 * Text frames and what RFC 6455 asks of a client; no extensions, no binary messages. */
#ifndef CLIENT_WEBSOCKET_H
#define CLIENT_WEBSOCKET_H

#include "base/str.h"
#include "callgate/base.h"

struct stream_ops;
struct websocket;

/** Borrowed for the call. */
struct websocket_options {
    const char *endpoint;     /* "https://host[:port]", as for a client */
    const char *target;       /* path and query as they go on the wire */
    const char *bearer_token; /* NULL: none. Refused over plain HTTP to another machine */
    const char *ca_file;      /* NULL: the system's roots */
    unsigned timeout_ms;      /* for connecting and the handshake, and for sending a message */
    const struct stream_ops *stream; /* NULL: the module's */
};

/** Connects and shakes hands. Owned: websocket_free(). What the server answers instead of 101 is an
 * error as of a request. One thread at a time. */
enum cg_status websocket_open(const struct websocket_options *options, struct websocket **out,
                              struct cg_error *err) CG_NODISCARD;
/** NULL is fine. Says goodbye if it is still open; doesn't wait for an answer. */
void websocket_free(struct websocket *ws);
/** Sends one text message: all of it before this returns. RC_IO: it has ended. */
enum rc websocket_send(struct websocket *ws, struct str text) NODISCARD;
/** The next message that has come, borrowed until the next call. RC_NOT_FOUND: none so far, poll
 * websocket_fd() for input and ask again; RC_IO: it has ended, websocket_end() says why. Answers
 * pings meanwhile. */
enum rc websocket_next(struct websocket *ws, struct str *out) NODISCARD;
int websocket_fd(struct websocket *ws);
/** The code of the close frame that came (RFC 6455 §7.4), or that we sent for a breach of the
 * protocol; 1006: without one. `out_reason` may be NULL; borrowed. */
uint16_t websocket_end(const struct websocket *ws, struct str *out_reason);

#endif
