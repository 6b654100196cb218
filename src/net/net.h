/* Sockets: listeners, connections, HTTP/1.1 framing, TLS. The only room that knows libuv's
 * streams, llhttp and libssl. It makes requests and takes replies; what they mean is the
 * handler's business. Source: design D2, D3, D11; wire/http §1. */
#ifndef NET_NET_H
#define NET_NET_H

#include "crypto/secret.h"
#include "http/request.h"

struct net;      /* the whole: doors and loops */
struct net_lane; /* one loop's part */
struct tls_context;

struct net_limits {
    uint32_t head_max;        /* http.head_max: octets of request line and headers (16 KiB) */
    uint32_t headers_max;     /* http.headers_max: lines (100) */
    uint32_t head_timeout_ms; /* http.head_timeout: 10 s */
    uint32_t idle_timeout_ms; /* http.idle_timeout: keep-alive, 75 s */
    uint32_t body_rate_min;   /* http.body_rate_min: octets per second, 1024, after 10 s */
    uint32_t connections_max; /* net.connections_max: in all */
    uint32_t
        connections_per_addr;  /* net.connections_per_address: loopback and trusted exempt; 0 off */
    uint32_t tls_handshake_ms; /* net.tls_handshake_timeout: 10 s */
};

/** What net does with requests. `lane_ctx` is what was given to net_lane_new(). */
struct net_handler {
    /** Head complete: returns the body limit in octets. May not reply. */
    size_t (*head)(void *lane_ctx, struct request *req);
    /** Body complete: reply now or later. */
    void (*run)(void *lane_ctx, struct request *req);
    /** Reply handed to the socket, or dropped since the peer had gone (octets 0). Every request
     * that was run ends here; one that was refused never does. */
    void (*finished)(void *lane_ctx, const struct request *req, size_t octets);
    /** A request that never became one: status sent and why (static text), for log and metrics. */
    void (*refused)(void *lane_ctx, const struct address *peer, int status, const char *why);
    /** A request is being parked, which does not end it: what of its principal and the like is to
     * outlive the arena, owned; handed back to unpark(). NULL, and NULL returned, are fine. */
    void *(*park)(void *lane_ctx, struct request *req);
    void (*unpark)(void *lane_ctx, struct request *req, void *kept);
    /** net_drain() has come to WebSockets and long polls of this lane: what ends them by words of
     * its own says them now. May be NULL. */
    void (*farewell)(void *lane_ctx);
};

struct net_options {
    struct net_limits limits;
    const struct net_handler *handler;
    const struct origin_rules *origin_rules;
};

/** Copies the options' values; pointers are borrowed and outlive it. */
struct net *net_new(const struct net_options *options);
/** After all lanes were freed; closes what doors are left. Before the loops are freed. */
void net_free(struct net *net);
/** One per loop, before any loop runs and any door is opened, from any thread. Everything of it
 * happens on `loop`. */
struct net_lane *net_lane_new(struct net *net, struct loop *loop, void *lane_ctx,
                              const struct site *site, struct clock *clock);
/** After the loop has ended: closes every connection and listener, so that no request comes any
 * more. Those in flight live on, and their handlers may still end them. */
void net_lane_cut(struct net_lane *lane);
/** After the loop has ended and before it is freed. Requests that are still held die unanswered. */
void net_lane_free(struct net_lane *lane);

struct door_spec {
    struct str address; /* "127.0.0.1:8443", "localhost:0", "[::]:8080", or "unix:/path" */
    bool tls;           /* from the first octet on */
    bool either;        /* tells TLS from plain by the first octet (a resource's own port) */
    bool admin;
    bool identity; /* an identity endpoint */
    bool metadata; /* with it: the forms without a secret, too */
};
struct net_door;
/** Binds (D3: probe bind first, then one SO_REUSEPORT socket per lane; "localhost:PORT" means
 * 127.0.0.1 and ::1 on the same port; port 0: the first bind picks) and starts accepting on every
 * lane. Any thread, also while running. RC_CONFLICT: taken; `why` says so in one sentence, naming
 * the process where it can be told; RC_DENIED: no permission; RC_INVALID: not an address. */
enum rc net_door_open(struct net *net, const struct door_spec *spec, struct net_door **out,
                      struct buf *why) NODISCARD;
/** Stops accepting there; connections of it are drained. */
void net_door_close(struct net_door *door);
uint16_t net_door_port(const struct net_door *door);
/** RC_OK when nobody listens on that port of the loopback addresses. */
enum rc net_port_free(uint16_t port) NODISCARD;

/** New handshakes use this context from now on. Any thread. Reference moved in. */
void net_set_tls(struct net *net, struct tls_context *tls);
/** From PEM: chain and private key. TLS 1.2 and 1.3, ALPN http/1.1. RC_INVALID with `why`. */
enum rc tls_context_new(struct str chain_pem, const struct secret *key_pem,
                        struct tls_context **out, struct buf *why) NODISCARD;
void tls_context_unref(struct tls_context *tls);

/** Stops accepting and reading; requests in flight are answered (Connection: close). WebSockets are
 * closed when that is done on all lanes, or takes long: what was acknowledged meanwhile still gets
 * to them. `done` is called on the first lane's loop when no connection is left, or after
 * `grace_ms`. Any thread. */
void net_drain(struct net *net, uint32_t grace_ms, loop_fn done, void *ctx);

struct net_figures {
    uint64_t accepted, open, tls_open, ws_open, refused_full, requests, bytes_in, bytes_out,
        handshakes, handshakes_failed, framing_refused, timed_out;
};
/** Sum over lanes. Any thread. */
void net_figures(const struct net *net, struct net_figures *out);

#endif
