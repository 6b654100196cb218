/* Between the executable and the module that holds libcurl: two tables of functions, so that
 * neither imports a symbol of the other. All of the engine's functions but `wake` run on one
 * thread. */
#ifndef NET_OUTBOUND_ENGINE_H
#define NET_OUTBOUND_ENGINE_H

#include "http/outbound.h"

/** What the engine asks of the executable. Called on the engine's thread. */
struct outbound_host {
    /** Appends to the call's response; false: it is full. */
    bool (*take_body)(struct outbound_call *call, const char *octets, size_t len);
    /** A line of the answer's head; `first`: a new answer begins, forget the last one. */
    void (*take_header)(struct outbound_call *call, const char *line, size_t len, bool first);
    /** May this call go to this address? `tls`: it will speak TLS there. */
    bool (*allows)(const struct outbound_call *call, bool tls, const uint8_t *address, size_t len);
    /** True when `location` has the scheme, host and port of `from`. */
    bool (*same_origin)(const char *from, const char *location);
    /** The end of a call; `reason` is copied. The engine forgets it. */
    void (*finished)(struct outbound_call *call, enum rc rc, int status, const char *reason);
    const char *user_agent;
};

struct outbound_engine {
    /** NULL: the library could not be set up. */
    void *(*open)(const struct outbound_host *host);
    void (*add)(void *engine, struct outbound_call *call);
    /** Ends it with RC_BUSY if it is there. */
    void (*drop)(void *engine, struct outbound_call *call);
    /** Serves all calls; waits for something to happen, a second at most, or for a wake. */
    void (*turn)(void *engine);
    /** Any thread: `turn` returns soon. */
    void (*wake)(void *engine);
    /** Ends all calls with RC_BUSY. */
    void (*close)(void *engine);
};

/** The module's only symbol. */
typedef const struct outbound_engine *(*outbound_engine_fn)(void);
#define OUTBOUND_ENGINE_SYMBOL "callgate_outbound_engine"

#endif
