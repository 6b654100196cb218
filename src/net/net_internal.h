/* What the files of this room share: the structs, and the arrows between the files.
 *
 *   door.c     accepts              → conn_accept()
 *   conn.c     reads a socket       → tls_input() or conn_input()
 *   tls.c      decrypts             → conn_input()
 *   http1.c    octets to requests   → the handler
 *   exchange.c a request's life     → conn_send()
 *   park.c     a long poll's wait   → exchange_new()
 *   ws.c       a WebSocket's life   → conn_send()
 *   deadline.c what took too long   → conn_expire()
 *
 * All of it happens on the lane's loop, but for what net.h calls "any thread". */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/snapshot.h"
#include "base/uuid.h"
#include "net/chunks.h"
#include "net/head.h"
#include "net/net.h"
#include "net/ws_frames.h"

#include <pthread.h>
#include <uv.h>

#define READ_BUFFER    (64 * KIB)
#define TLS_RECORD_MAX (17 * KIB)
#define PLAIN_BUFFER   (READ_BUFFER + TLS_RECORD_MAX) /* a read, and a record kept from before */
#define KEEP_BUFFER    (256 * KIB) /* a lane's buffers are given back when they grew beyond */
#define FLUSH_AT       (128 * KIB) /* answers of one batch gather up to here */
#define SWEEP_MS       500
#define RATE_WINDOW_MS 10000 /* progress of bodies and of slow readers is judged in windows */
#define LINGER_MS      2000  /* for the peer to read the last answer */
#define PATIENCE_MS    1000  /* of WebSockets with requests in flight, when all is to end */
#define TLS_HANDSHAKE  0x16  /* the first of a record that starts one (RFC 8446 5.1) */
#define PING_KINDS     4     /* different ws_options.ping_ms in a process */
#define EXCHANGES_KEPT 64    /* free requests per lane that keep their arena's block */

enum deadline {
    DEADLINE_NONE = 0,
    DEADLINE_HANDSHAKE, /* of TLS, or the first octet where it decides */
    DEADLINE_IDLE,
    DEADLINE_HEAD,
    DEADLINE_BODY,
    DEADLINE_WRITE,
    DEADLINE_LINGER,
    DEADLINE_PING, /* and PING_KINDS - 1 more: a WebSocket's peer is silent; renewed by any word */
    DEADLINE_COUNT = DEADLINE_PING + PING_KINDS
};

/* ---- net: shared by all lanes ---- */

struct address_count;
struct parked_request;
struct ws_conn;

struct net {
    struct net_options options;
    struct net_lane **lanes; /* complete before the first loop runs */
    size_t n_lanes;
    pthread_mutex_t lock; /* of doors and of the lanes' lists of listeners */
    struct list doors;    /* net_door.link */
    struct snapshot_cell tls;
    struct bio_method_st *bio_method;
    _Atomic uint32_t open; /* connections, all lanes */
    pthread_mutex_t crowd_lock;
    struct map crowd; /* ip_of_client() to struct address_count */
    _Atomic bool draining;
    _Atomic size_t lanes_busy; /* that have requests in flight yet, or don't drain yet */
    _Atomic size_t lanes_left; /* that have not drained yet */
    struct loop_task drained;  /* posted to the first lane */
};

/** One more connection from that client: false when it has too many. Loopback and trusted
 * proxies are not counted. Thread-safe. */
bool crowd_enter(struct net *net, const struct in6_addr *ip);
void crowd_leave(struct net *net, const struct in6_addr *ip);
void crowd_clear(struct net *net);

/* ---- doors ---- */

/* One bound address: what requests see of it, by kind of connection. */
struct door_face {
    struct door plain, secure;
    char text[112]; /* of `bound` */
};

struct net_door {
    struct list link;
    struct net *net;
    struct door_spec spec; /* the address is not kept */
    struct door_face faces[2];
    size_t n_faces;
    uint16_t port;
    _Atomic uint32_t refs; /* the owner and each listener */
    char path[108];        /* of a Unix socket, else empty */
};
void door_unref(struct net_door *door);

/* A door's socket on one lane. Freed when closed and no connection or request names it. */
struct listener {
    uv_poll_t poll;
    struct list link; /* net_lane.listeners, under net->lock */
    struct net_lane *lane;
    struct net_door *door;
    const struct door_face *face;
    struct loop_task open, close;
    size_t refs; /* of connections and requests */
    int fd;
    bool polling; /* the handle was made */
    bool stopped; /* stops accepting: connections are drained */
    bool paused;  /* out of descriptors: tried again by the sweep */
};
void listener_ref(struct listener *l);
void listener_unref(struct listener *l);
/** Closes the socket and drains the connections. On the lane. Repeated calls are fine. */
void listener_stop(struct listener *l);
/** listener_stop(), and gives up the door's hold on it. */
void listener_release(struct listener *l);
/** The sweep's: accepts again after a lack of descriptors. */
void listener_resume(struct listener *l);

/* ---- lanes ---- */

struct lane_figures {
    _Atomic uint64_t accepted, closed, tls_accepted, tls_closed, refused_full, requests, bytes_in,
        bytes_out, handshakes, handshakes_failed, framing_refused, timed_out, ws_opened, ws_closed;
};

struct net_lane {
    struct net *net;
    struct loop *loop;
    void *ctx;
    const struct site *site;
    struct clock *clock;
    struct list listeners;
    struct list conns;     /* conn.all */
    struct list exchanges; /* exchange.all: in use */
    struct list waiting[DEADLINE_COUNT];
    uint32_t deadline_ms[DEADLINE_COUNT];
    struct list to_resume; /* conn.resume: octets read ahead are to be looked at */
    struct list to_notify; /* exchange.notify: the handler is to be called */
    struct list parked;    /* parked_request.all */
    struct list to_tell;   /* parked_request.tell: its peer has gone */
    struct list to_flush;  /* ws_conn.flush: has something to send or to tell */
    struct loop_task later;
    bool later_queued;
    struct exchange *spare; /* linked by next_spare */
    size_t n_spare;
    struct conn *batch;       /* whose input is being looked at: its answers gather in `out` */
    struct exchange *running; /* which is inside the handler's run() */
    struct buf out;           /* answers of the batch */
    struct buf scratch;       /* one answer outside a batch */
    struct buf wire;          /* what TLS wants to send */
    char *in;                 /* READ_BUFFER */
    char *plain;              /* PLAIN_BUFFER, made with the first TLS connection */
    struct header *items;     /* HEADERS_MAX: of the head being read */
    llhttp_t parser;          /* of the head being read */
    struct ws_readers ws_readers;
    struct snapshot_view tls;
    unix_ms now;  /* service time and ... */
    mono_ns mono; /* ... of this batch */
    char date[HTTP_DATE_LEN];
    int64_t date_second;
    char id_text[UUID_TEXT_LEN];
    uint64_t id_count;
    struct loop_timer sweep, grace, patience;
    bool draining, quiet, parting,
        drained;      /* quiet: nothing was in flight; parting: WebSockets end */
    bool some_paused; /* of the listeners: see listener_resume() */
    struct loop_task drain_task, farewell_task;
    uint32_t grace_ms;
    struct lane_figures figures;
};

/* Only the lane writes its figures; others read them. */
static inline void figure_add(_Atomic uint64_t *figure, uint64_t n)
{
    atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline struct str lane_date(const struct net_lane *lane)
{
    return (struct str){lane->date, HTTP_DATE_LEN};
}
/** Samples the clocks for what is read now. */
void lane_begin_batch(struct net_lane *lane);
/** What `out` or `scratch` held is sent, or kept elsewhere: empties and wipes it. Memory beyond
 * KEEP_BUFFER is given back. */
void lane_buf_done(struct buf *b);
/** Has conn_resume() and exchange_notify() called before the loop waits again. */
void lane_later(struct net_lane *lane);
/** The last request of a draining lane has ended, perhaps. */
void lane_check_quiet(struct net_lane *lane);
/** The last connection of a draining lane has gone, perhaps. */
void lane_check_drained(struct net_lane *lane);

/* ---- connections ---- */

enum conn_state {
    CONN_SNIFF = 0, /* the first octet will tell TLS from plain */
    CONN_HEAD,      /* between requests, or a head is coming */
    CONN_BODY,
    CONN_RUN,    /* a request is with the handler, or parked */
    CONN_WS,     /* is a WebSocket now */
    CONN_LAST,   /* the last answer is on its way: what comes is thrown away */
    CONN_LINGER, /* all is sent and said: waiting for the peer's end */
    CONN_CLOSED, /* its memory goes when the engine says so */
};

struct conn {
    uv_poll_t poll;
    struct net_lane *lane;
    struct listener *at;
    const struct door *door;
    struct exchange *exchange;     /* being read or with the handler; else NULL */
    struct parked_request *parked; /* with the handler in place of an exchange; else NULL */
    struct ws_conn *ws;            /* in CONN_WS; else NULL */
    struct tls *tls;               /* NULL: plain */
    struct list all, waiting, resume;
    uint64_t expires_ms;
    char *ahead; /* octets that are no request yet, or the next one's */
    char *unsent;
    size_t unsent_at, unsent_len; /* what the socket has not taken yet */
    uint32_t ahead_len, ahead_cap;
    uint32_t line_at;       /* in ahead: see head_find_end() */
    uint32_t window_octets; /* in the present rate window: that came, or that were to be taken */
    struct address peer;
    int fd;
    uint8_t state, deadline, events;
    bool eof;        /* the peer will send no more, and all that it sent was read */
    bool leaving;    /* it will send no more */
    bool crowd;      /* is counted by its address */
    bool blank_line; /* one empty line before a request was skipped */
};

/** Takes over `fd`. */
void conn_accept(struct listener *at, int fd, const struct address *peer);
/** Octets of HTTP; may be empty, to look again at what was read ahead. Answers are sent before it
 * returns. */
void conn_input(struct conn *c, struct str data);
/** Sends what the batch has gathered so far. */
void conn_flush(struct conn *c);
/** Sends octets of HTTP, encrypting them where due; keeps what the socket does not take. */
void conn_send(struct conn *c, struct str data);
/** The same for octets as they go over the wire. */
void conn_send_raw(struct conn *c, struct str data);
/** Brings deadline and interest up to date with the state. After every event. */
void conn_settle(struct conn *c);
/** Takes no more requests; closes when all is sent and the peer had time to read it. */
void conn_finish(struct conn *c);
/** Closes now. A request with the handler lives on and learns of it. */
void conn_close(struct conn *c);
/** The same with a reset, so that the peer can't take what it has for the whole. */
void conn_abort(struct conn *c);
/** The peer has sent its last octet. */
void conn_eof(struct conn *c);
/** Ends a connection that has nothing in flight; one that has, after its answer. */
void conn_drain(struct conn *c);
/** A deadline has passed. */
void conn_expire(struct conn *c);
/** Octets that the system has and the peer has not. */
uint32_t conn_outstanding(const struct conn *c) NODISCARD;
/** Queues it for conn_input() with nothing new. */
void conn_resume_later(struct conn *c);

/** Stops reading for good: what is sent goes, then the peer gets time to read it. */
void conn_last(struct conn *c);

/* ---- deadlines ---- */

/** Sets the kind; the time runs from now unless that kind was running already (DEADLINE_IDLE always
 * starts anew). */
void deadline_set(struct conn *c, enum deadline kind);
/** Starts the present window again. */
void deadline_renew(struct conn *c);
/** Calls conn_expire() for what is due. */
void deadline_sweep(struct net_lane *lane);

/* ---- HTTP/1.1 ---- */

/** Takes requests out of `data` until one is with the handler; returns how many octets it is done
 * with. */
size_t http1_take(struct conn *c, struct str data);
/** After http1_take(): the octets are about to go, but the request isn't complete. */
void http1_suspend(struct conn *c);
/** Answers with the error and ends the connection. */
void http1_refuse(struct conn *c, struct refusal r);
/** Tells the handler alone, for log and metrics. */
void http1_tell_refused(const struct conn *c, struct refusal r);

/* ---- requests ---- */

struct exchange {
    struct request req; /* first: net finds the rest from it */
    struct conn *conn;  /* NULL: the peer has gone */
    struct net_lane *lane;
    struct listener *at;
    struct exchange *next_spare;
    struct list all, notify;
    struct arena arena;
    struct str octets; /* in the connection's buffer: where slices may point */
    struct buf body;   /* when it comes in pieces */
    size_t body_max;
    uint64_t body_left;    /* of a body with a length */
    struct chunks *chunks; /* in the arena; NULL: not chunked */
    loop_fn more;          /* of a streamed reply */
    void *more_ctx;
    size_t sent; /* octets of a streamed reply */
    bool keep_alive;
    bool expect_continue; /* not answered yet */
    bool refusal;         /* never became a request */
    bool started;         /* is or was with the handler */
    bool streaming;
    bool more_due, gone_due;
    char id[UUID_TEXT_LEN];
};

/** `conn` NULL: for a request whose peer has gone. */
struct exchange *exchange_new(struct net_lane *lane, struct listener *at, struct conn *conn);
/** Wipes it and keeps it for reuse. */
void exchange_free(struct exchange *ex);
/** Copies into the arena what points into the connection's buffer. Repeated calls are fine. */
void exchange_keep(struct exchange *ex);
/** The peer has left (`hard`: and can't be answered): the handler learns of it later. */
void exchange_gone(struct exchange *ex, bool hard);
/** The socket has room again: the handler of a stream learns of it later. */
void exchange_more(struct exchange *ex);
/** Calls the handler for what has become due. */
void exchange_notify(struct exchange *ex);
/** Gives up one that outlived its lane's loop. */
void exchange_abandon(struct exchange *ex);
/** Encodes req->reply to where answers go now; returns its octets, 0 when that failed. */
size_t exchange_encode(struct exchange *ex);

/* The streamed kind of reply: members of the request's ops. */
void stream_begin(struct request *req, loop_fn more, void *ctx);
void stream_piece(struct request *req, struct str piece);
void stream_end(struct request *req, bool ok);
/** The answer was encoded: the request ends. Its connection is the caller's to go on with. */
void exchange_end(struct exchange *ex, size_t octets);
/** The same, and the connection goes on, or ends. */
void exchange_answered(struct exchange *ex, size_t octets);

/* ---- parked requests ---- */

/** Member of the request's ops. */
struct parked *park_request(struct request *req, loop_fn on_gone, void *ctx);
/** The peer has left (`hard`: and can't be answered): its owner learns of it later. */
void parked_gone(struct parked_request *p, bool hard);
/** Tells the owners in lane->to_tell. */
void parked_tell(struct net_lane *lane);
/** Gives up one that outlived its lane's loop, by its place in net_lane.parked. */
void parked_abandon(struct list *all);

/* ---- WebSockets ---- */

/** Member of the request's ops. */
struct ws *ws_upgrade(struct request *req, const struct ws_options *options,
                      const struct ws_handler *handler, void *ctx);
/** Octets of frames. */
void ws_input(struct conn *c, struct str data);
/** The one whose place in net_lane.to_flush that is. */
struct ws_conn *ws_conn_of(struct list *flush);
/** Sends what has gathered in a round of the loop, and tells what became due. */
void ws_flush(struct ws_conn *w);
/** The socket has taken what there was. */
void ws_sent(struct conn *c);
/** The connection has closed without a closing handshake. */
void ws_lost(struct conn *c);
/** The peer has been silent for so long. */
void ws_silent(struct conn *c);
/** Says goodbye: the server, or this listener, is ending. */
void ws_drain(struct conn *c);
enum deadline ws_deadline(const struct conn *c) NODISCARD;

/* ---- TLS ---- */

/** Takes the connection into a handshake; false: no certificate yet. */
bool tls_start(struct conn *c);
/** Octets from the wire. */
void tls_input(struct conn *c, struct str data);
void tls_send(struct conn *c, struct str data);
/** Says goodbye (close_notify). */
void tls_shutdown(struct conn *c);
bool tls_in_handshake(const struct conn *c) NODISCARD;
void tls_free(struct tls *tls);
struct bio_method_st *tls_bio_method_new(void);
void tls_bio_method_free(struct bio_method_st *method);

#endif
