/* How requests leave the process: a table that an application may replace, for its own loop, its
 * own TLS or a test. The default one stands on libcurl. C99. */
#ifndef CALLGATE_TRANSPORT_H
#define CALLGATE_TRANSPORT_H

#include "callgate/base.h"

CG_BEGIN

struct cg_header {
    const char *name;
    const char *value;
};

/** One request, everything borrowed for the call. Send the headers as they are, add no body
 * header but Content-Length, follow no redirect, decode nothing: the target is signed. Send a POST
 * or PATCH once: whether it may be repeated is decided by the caller. */
struct cg_http_request {
    const char *method;
    const char *url; /* absolute; keep its path and query octet for octet */
    const struct cg_header *headers;
    size_t header_count;
    const void *body; /* NULL: none; POST, PUT and PATCH then say Content-Length: 0 */
    size_t body_len;
    const char *unix_socket;     /* path to connect to instead of the URL's host, or NULL */
    const char *ca_file;         /* PEM file that replaces the system's roots, or NULL */
    unsigned timeout_ms;         /* whole exchange; 0: none */
    unsigned connect_timeout_ms; /* 0: none */
    int no_proxy;                /* nonzero: ignore proxies of the environment */
};

/** Where the answer goes, in this order: status, headers, body in pieces. Names and values are
 * not NUL-terminated. A nonzero result of a callback ends the exchange. Interim answers (1xx) are
 * not passed on. */
struct cg_http_sink {
    int (*on_status)(int status, void *user);
    int (*on_header)(const char *name, size_t name_len, const char *value, size_t value_len,
                     void *user);
    int (*on_body)(const void *data, size_t len, void *user);
    void *user;
};

struct cg_http_result {
    int connected;    /* nonzero: the server may have seen the request */
    char reason[256]; /* for people, when it failed */
};

struct cg_transport {
    size_t size; /* sizeof(struct cg_transport) */
    /** Makes the state of one client: one thread at a time, connections kept between calls. */
    enum cg_status (*open)(void **out_state, void *user);
    /** CG_OK: a whole answer arrived, whatever its status. CG_NETWORK: it did not. */
    enum cg_status (*send)(void *state, const struct cg_http_request *request,
                           const struct cg_http_sink *sink, struct cg_http_result *out);
    void (*close)(void *state); /* NULL is fine */
    void *user;                 /* handed to open */
};

/**
 * The transport over libcurl, used when an application names none.
 *
 * @return a static table; borrowed.
 * Thread rule: any thread; each state it opens belongs to one thread at a time.
 * @source own
 */
CG_API const struct cg_transport *cg_transport_curl(void);

CG_END

#endif
