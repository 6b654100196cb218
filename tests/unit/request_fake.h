/* A request without a network: made from its text, answered into memory. For tests of handlers and
 * of the whole pipeline.
 *
 *     struct request_fake f;
 *
 *     request_fake_init(&f, NULL);
 *     assert_int_equal(request_fake_parse(&f, "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
 *     pipeline_run(pipeline, &f.req);
 *     assert_true(f.done);
 *     assert_int_equal(f.status, 200);
 *     request_fake_clear(&f);
 *
 * It is stricter than a connection: hold() moves what the request points to and scribbles over the
 * old place, so that a slice somebody kept shows up. */
#ifndef TESTS_REQUEST_FAKE_H
#define TESTS_REQUEST_FAKE_H

#include "http/request.h"
#include "http/ws.h"

#define REQUEST_FAKE_ID   "5f0c2b7e-91d4-4a36-8d1f-0123456789ab"
#define REQUEST_FAKE_DATE "Mon, 23 Nov 2026 15:00:00 GMT"

/** A WebSocket that was accepted: what the handler does with it. Lives on when the request is gone.
 */
struct ws_fake {
    struct ws ws; /* what ws_accept() returned points here */
    struct ws_options options;
    const struct ws_handler *handler;
    void *ctx;
    struct buf sent;  /* each message, and a line feed behind it */
    size_t n_sent;    /* messages */
    size_t queued;    /* what ws_queued() says; the test's to set */
    uint16_t closing; /* the code of ws_close(); 0: it was not called */
    bool ended;       /* `closed` has run */
};
/** Lets a message come. */
void ws_fake_text(struct ws_fake *w, const char *message);
/** The connection ends; what was sent may still be looked at. Nothing happens the second time. */
void ws_fake_end(struct ws_fake *w, uint16_t code);
/** Ends it, unless that was done, and frees it. NULL is fine. */
void ws_fake_free(struct ws_fake *w);

struct request_fake {
    struct request req; /* fields may be set before the pipeline runs: site, loop, peer, … */
    struct arena arena;
    struct header lines[HEADERS_MAX];
    struct origin_rules rules; /* what req.origin_rules points to; zeros: nobody is trusted */
    char *raw;                 /* the connection's buffer */
    size_t raw_len;
    struct buf octets; /* the reply as it would go out */
    struct buf pieces; /* what was streamed */

    /* what came of it */
    bool done;        /* replied, or the stream has ended */
    int status;       /* of the reply */
    struct str head;  /* of the reply, with the empty line; borrowed */
    struct str body;  /* of the reply, or all pieces so far; borrowed */
    bool streaming;   /* stream_begin was called */
    bool stream_ok;   /* as stream_end said */
    size_t n_pieces;  /* stream_piece calls */
    bool wants_piece; /* `more` is due: request_fake_pump() */
    loop_fn more;
    void *more_ctx;
    struct parked parked; /* by request_park(); request_fake_leave() calls its on_gone, too */
    bool is_parked;
    loop_fn on_parked_gone;
    void *parked_ctx;
    struct ws_fake *ws; /* made by ws_accept(); the test's to free */
};

/** A plain loopback door on port 8080: what NULL stands for below. */
extern const struct door request_fake_door;
/** Starts empty; `door` (borrowed) may be NULL. The peer is 127.0.0.1, on a Unix door its uid is
 * that of the process. */
void request_fake_init(struct request_fake *f, const struct door *door);
/** Takes a request line, header lines and a body, ended by "\r\n" or "\n"; splits the target, works
 * out the addresses. A NUL ends it. RC_INVALID: not a request, or a target that is refused. May be
 * called again after request_fake_clear(). */
enum rc request_fake_parse(struct request_fake *f, const char *raw) NODISCARD;
/** The same, the body given apart and of any octets. */
enum rc request_fake_parse_with(struct request_fake *f, const char *head,
                                struct str body) NODISCARD;
/** The value of a line of the reply's head, or an empty slice with ptr NULL. */
struct str request_fake_header(const struct request_fake *f, struct str name);
/** How many lines of that name the reply has. */
size_t request_fake_count(const struct request_fake *f, struct str name);
/** Lets a stream go on: calls `more` at most `rounds` times; true when the stream has ended. */
bool request_fake_pump(struct request_fake *f, size_t rounds);
/** Says that the peer has left: req.gone, then on_gone. */
void request_fake_leave(struct request_fake *f);
/** Frees everything and makes it new, on the same door; zeros are fine. */
void request_fake_clear(struct request_fake *f);

#endif
