/* A stream of octets to a server, TLS included: what a WebSocket runs over. Internal; the
 * executable's implementation is libcurl's, in the module that has its HTTP transport. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "callgate/base.h"

/** Where to; borrowed for the call. */
struct stream_target {
    const char *url;     /* "https://host[:port]" */
    const char *ca_file; /* PEM file that replaces the system's roots, or NULL */
    unsigned connect_timeout_ms;
    int no_proxy; /* nonzero: ignore proxies of the environment */
};

struct stream_ops {
    size_t size; /* sizeof(struct stream_ops) */
    /** Connects, and waits until it is. On failure `reason` says why. */
    enum cg_status (*open)(const struct stream_target *to, void **out, char *reason, size_t cap);
    /** So many octets went or came; 0: none at present; -1: it has ended or failed. */
    long (*send)(void *stream, const void *data, size_t len);
    long (*recv)(void *stream, void *data, size_t cap);
    /** What to poll for, when recv() has said 0. */
    int (*fd)(void *stream);
    void (*close)(void *stream); /* NULL is fine */
};

/** The module's table. */
CG_API const struct stream_ops *cg_stream_curl(void);
/** The table of the module, loaded at first use; NULL with a sentence in `why`. */
const struct stream_ops *stream_default(char *why, size_t cap);

#endif
