/* One request, parsed once. Slices point into the connection's buffer until the handler goes
 * asynchronous (request_hold), afterwards into the request's arena. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/uuid.h"
#include "http/reply.h"
#include "http/route.h"

#include <netinet/in.h>

struct principal;
struct site;
struct ws_handler;
struct ws_options;

/** Where connections come in. Immutable; outlives its connections. */
struct door {
    bool tls;
    bool admin;       /* the administration listener or socket: administration plane only */
    bool identity;    /* an identity endpoint: that plane only, and health */
    bool metadata;    /* with it: the forms without a secret, too */
    bool unix_socket; /* file permissions are the login */
    bool loopback;    /* bound to a loopback address */
    uint16_t port;    /* 0 for the Unix socket */
    struct str bound; /* the address it is bound to, as text without port or brackets */
};

struct address {
    struct in6_addr ip; /* IPv4 as ::ffff:a.b.c.d; zeros for the Unix socket */
    bool loopback;      /* also true for the Unix socket */
    uint32_t uid;       /* peer's uid on the Unix socket, else (uint32_t)-1 */
};

/** How a request is answered; implemented by net and by the tests' fake. */
struct request_ops {
    /** Takes req->reply and sends it; the request dies here. */
    void (*reply)(struct request *req);
    /** The handler will answer later: copies what points into the connection's buffer. */
    void (*hold)(struct request *req);
    /** KIND_STREAM: sends the head of req->reply, then pieces; `more` is called on the loop when
     * the next piece may be sent (also when the peer has gone: then req->gone is true). */
    void (*stream_begin)(struct request *req, loop_fn more, void *ctx);
    void (*stream_piece)(struct request *req, struct str piece);
    /** Ends the stream (`ok` false: cuts the connection, so that the peer notices); the request
     * dies here. */
    void (*stream_end)(struct request *req, bool ok);
    /** KIND_UPGRADE: sends req->reply, and makes a WebSocket of the connection; the request dies
     * here. See ws_accept(). */
    struct ws *(*upgrade)(struct request *req, const struct ws_options *options,
                          const struct ws_handler *handler, void *ctx);
    /** KIND_POLL: see request_park(). */
    struct parked *(*park)(struct request *req, loop_fn on_gone, void *ctx);
};

/** A request that waits long for its answer, without what a request takes: at most 1 KiB with all
 * that stands behind it, which is its engine's. */
struct parked {
    struct request *(*unpark)(struct parked *parked);
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of a request's life */
struct request {
    /* what came */
    enum http_method method;
    struct str target; /* origin-form, exactly as received: what signatures cover */
    struct url url;
    struct headers headers;
    struct str body; /* after transfer decoding */
    bool http_1_0;   /* knows no chunks; its connection is kept only when it asked for that */
    const struct door *door;
    const struct origin_rules *origin_rules;
    struct str origin;                /* see request_origin() */
    struct address peer, client_addr; /* the socket; what a trusted proxy says it is */
    bool secure;                      /* TLS, or a trusted proxy says https */

    /* what it means */
    const struct route *route;
    struct str params[ROUTE_PARAMS_MAX];
    uint8_t version;
    const struct principal *principal;
    const struct resource *resource; /* named by the host; NULL when unknown */
    unix_ms now;                     /* service time, sampled once */
    mono_ns started;
    struct str id; /* request id: in the reply, the log and the journal */

    /* what it lives in */
    struct arena *arena;
    struct loop *loop;
    const struct site *site; /* store, keys, settings: what handlers may use */
    const struct request_ops *ops;
    void *engine; /* net's own */

    /* how it ends */
    struct reply reply;
    struct str explain; /* why it was refused: for the log and, in development, the caller */
    bool explains;      /* the caller may be told: 401, 403, 404 of chat carry x-callgate-explain */
    bool errors_live;   /* ERROR_SHAPE_CHAT: refusals look as those of the live service */
    bool gone;          /* the peer has left: the reply will be dropped */
    loop_fn on_gone;    /* called once when that happens, or NULL */
    void *on_gone_ctx;
    bool held;           /* hold() was called */
    bool replied;        /* exactly one reply: asserted */
    void *later;         /* the gate's: what it waits for before it can decide */
    void *held_snapshot; /* the directory it was checked against, kept alive while held */
};

/** Who may speak for a client, and under which address we are known. Immutable, shared. */
struct origin_rules {
    struct str public_url; /* "https://acs.example.com", or empty */
    const struct cidr {
        struct in6_addr net;
        uint8_t bits; /* of 128 */
    } * trusted_proxies;
    size_t n_trusted;
};

/** Fills client_addr and secure from the peer, its door and, for a trusted proxy, X-Forwarded-For
 * and -Proto, or Forwarded when no X-Forwarded-… line is there: a proxy must set or strip the
 * family that counts. The address is the rightmost one that is no trusted proxy's. Source:
 * design §1 Addresses. */
void request_addresses(struct request *req);
/** "10.0.0.0/8", "::1", "192.0.2.7": RC_INVALID for anything else. */
enum rc cidr_parse(struct str text, struct cidr *out) NODISCARD;
bool cidr_contains(const struct cidr *c, const struct in6_addr *ip) NODISCARD;
/** The octets by which clients are told apart where they are counted: all of an IPv4 address, half
 * of another one, since who has one of those has a /64 at least. Borrowed. */
struct str ip_of_client(const struct in6_addr *ip) NODISCARD;
/** The authority for absolute URLs: "https://localhost:8443". Computed once, in the arena.
 * Source: design §1 Addresses. */
struct str request_origin(struct request *req);
/** Whether it is of the wire plane, which web pages may use. What was not routed is, but for the
 * administration's listener and paths; nothing is where identity endpoints are. */
bool request_is_wire(const struct request *req) NODISCARD;
/** Says that the reply comes later. Idempotent. */
void request_hold(struct request *req);
/** KIND_POLL: the answer may be long in coming. The request dies here, with its arena and what the
 * handler has there, and no reply comes of it; of the lines that reply_header() added none is kept.
 * The parked one is owned until request_unpark(). `on_gone` is called once if the peer leaves
 * meanwhile, on the loop and never from within a call; it unparks and replies as otherwise. */
struct parked *request_park(struct request *req, loop_fn on_gone, void *ctx) NODISCARD;
/** Makes it a request again, for exactly one reply, now or later. What a reply and its log line
 * need is there as it was: method, path, route, version, id, Host, the caller's own request id,
 * resource, principal, `now` and `started`; no parameters, query, body or other headers. On its
 * loop. */
struct request *request_unpark(struct parked *parked) NODISCARD;
/** A query parameter, decoded; ptr NULL when absent or badly escaped. */
struct str request_query(struct request *req, const char *name);

#endif
