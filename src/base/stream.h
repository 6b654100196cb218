/* Byte streams to somebody else: connect, TLS, read, write, close. A table of functions; src/net
 * implements it. For one loop. */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include "base/loop.h"
#include "base/rc.h"
#include "base/str.h"

struct stream;

struct stream_options {
    struct str host; /* name or address; copied */
    uint16_t port;
    bool tls;
    struct str ca_file;  /* PEM, besides the system's; empty: none */
    struct str tls_name; /* the certificate's; empty: `host` */
    uint32_t connect_ms; /* resolve, connect and TLS together */
    bool private_ok;     /* addresses that are not public count */
    size_t queue_max;    /* octets that may wait to be sent; more ends the stream */
    /* all on the loop, never before open() returns; each may close the stream */
    void (*on_open)(void *ctx);
    /** Octets that came; borrowed for the call. It takes all. */
    void (*on_data)(void *ctx, struct str data);
    /** Once, for whatever reason, also when it never opened; not after close(), which is still
     * owed. `why` is for logs. Never from within send(). */
    void (*on_end)(void *ctx, const char *why);
    void *ctx;
};

struct stream_ops {
    /** Owned: close(). Begins to connect; the options are copied. Never NULL. */
    struct stream *(*open)(struct loop *loop, const struct stream_options *options);
    /** Copies and sends in order; what one round of the loop sends goes out together. False: it is
     * not open, or its queue is full (then it ends). */
    bool (*send)(struct stream *s, struct str data);
    /** Octets not yet given to the system. */
    size_t (*queued)(const struct stream *s);
    /** What was sent goes out if it can at once. Nothing is called any more. NULL is fine. */
    void (*close)(struct stream *s);
};

#endif
