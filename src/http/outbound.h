/* Requests that we send: an interface of values, without an engine. src/net implements it, tests
 * put a fake in its place. Whom one may ask is decided by the caller; what the answer may cost is
 * bounded here. Source: wire/managed-identity §4.4; design D2, D9. */
#ifndef HTTP_OUTBOUND_H
#define HTTP_OUTBOUND_H

#include "base/buf.h"
#include "base/loop.h"

#define OUTBOUND_HEADERS_MAX 20

struct outbound_header {
    struct str name, value;
};

/** One call; embedded in its owner, who keeps it and all that it points to until `done`. */
struct outbound_call {
    /* what is asked: set by the owner */
    const char *method; /* "GET" */
    const char *url; /* https://…; http:// only with plain_ok and to a loopback address, or with
                      * plain_private too to any that is not public, or as `allows` says */
    struct outbound_header headers[OUTBOUND_HEADERS_MAX];
    size_t headers_count;
    struct str body;
    uint32_t connect_ms, total_ms;
    size_t response_max; /* octets of the body; more ends the call with RC_TOO_LARGE */
    unsigned redirects;  /* followed to the same scheme, host and port; 0: none */
    bool once; /* never asked again by itself when a kept connection is lost: what came of it is
                * the owner's to find out. No redirects then */
    const char *ca_file; /* PEM, besides the system's; NULL: none */
    bool private_ok;     /* addresses that are not public count (looked at when connecting) */
    bool plain_ok, plain_private;
    /** Judges an address instead of the rules above (plain_ok is still asked first). NULL: they
     * hold. Called on the engine's thread, when connecting: reads what never changes. */
    bool (*allows)(const struct outbound_call *call, bool tls, const uint8_t *octets, size_t len);
    void (*done)(void *ctx, struct outbound_call *call); /* on the loop that asked, once, never
                                                          * before outbound_send() returns */
    void *ctx;
    /* what came: valid in `done` */
    enum rc rc; /* RC_OK: an answer came, of whatever status; RC_DENIED: refused by a rule here;
                 * RC_TOO_LARGE; RC_BUSY: cancelled, shutting down; RC_IO: all else */
    int status;
    bool sent;                 /* not RC_OK: some of the request may have reached the other side */
    struct buf response;       /* owned by the call: outbound_call_clear() */
    struct str answer_headers; /* "name: value" lines of the last answer; in `kept` */
    struct buf kept;
    char reason[160]; /* for logs and people; holds nothing of the body. Empty: RC_OK */
    void *engine;     /* the implementation's */
};

struct outbound;
struct outbound_ops {
    void (*send)(struct outbound *o, struct loop *loop, struct outbound_call *call);
    /** On the call's loop: `done` comes with RC_BUSY, unless it has come. */
    void (*cancel)(struct outbound *o, struct outbound_call *call);
};
struct outbound {
    const struct outbound_ops *ops;
};

static inline void outbound_send(struct outbound *o, struct loop *loop, struct outbound_call *call)
{
    o->ops->send(o, loop, call);
}

static inline void outbound_cancel(struct outbound *o, struct outbound_call *call)
{
    o->ops->cancel(o, call);
}

/** The value of an answer's header, without blanks around it; ptr NULL when it is absent. */
struct str outbound_answer_header(const struct outbound_call *call, struct str name) NODISCARD;
/** Frees what came; what was asked stays. Zeros are fine. */
void outbound_call_clear(struct outbound_call *call);

/** What an address is, for the rule about public ones: octets of IPv4 or IPv6. False for loopback,
 * private, link-local, shared (RFC 6598), documentation, benchmarking, multicast, reserved and
 * unspecified ones, and for IPv6 forms that hold such an IPv4 address. */
bool outbound_address_is_public(const uint8_t *octets, size_t len) NODISCARD;
bool outbound_address_is_loopback(const uint8_t *octets, size_t len) NODISCARD;

/** An address taken apart. Slices. RC_INVALID: not http or https, user information, a fragment,
 * blanks or controls, no host, or a bad port. */
struct outbound_url {
    bool tls;
    struct str host; /* without brackets */
    uint16_t port;   /* the scheme's when it is not there */
    struct str origin, target;
};
enum rc outbound_url_parse(struct str url, struct outbound_url *out) NODISCARD;

#endif
