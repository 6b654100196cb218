/* The running server as handlers see it: one per loop, handed down through req->site. */
#ifndef SERVICES_SITE_H
#define SERVICES_SITE_H

#include "base/log.h"
#include "gate/gate.h"
#include "http/request.h"
#include "store/store.h"

/** What the application lends to the administration service. Set by app/wiring.c. */
struct site_hooks {
    void *ctx;
    /** RC_CONFLICT when somebody listens there already. */
    enum rc (*port_free)(void *ctx, uint16_t port);
    /** Settings as JSON: [{"name","value","from"}]. */
    void (*write_settings)(void *ctx, struct json_writer *w);
    /** Members of /admin/status that only the application knows. */
    void (*write_status)(void *ctx, struct json_writer *w);
    /** Prometheus text of everything. */
    void (*write_metrics)(void *ctx, struct buf *out);
    /** False while starting, stopping, or when the store has failed: why gets a word. */
    bool (*ready)(void *ctx, const char **why);
};

struct site_options {
    bool development;
    struct str domain;            /* resources answer to <name>.<domain> */
    struct str region, location;  /* identity.region, identity.location */
    bool scopes_any_version;      /* identity.scopes_any_version */
    bool limits_azure;            /* limits = azure */
    double limits_factor;
    enum jws_alg token_alg;       /* auth.token_alg */
    int64_t longest_token_ms;     /* 24 h */
    struct str backup_dir;        /* where copies are made before they are streamed */
    uint16_t https_port, http_port; /* for connection strings; 0: no such listener */
};

struct site {
    const struct site_options *options;
    const struct site_hooks *hooks;
    struct loop *loop;
    struct store *store;
    struct store_reader *reader; /* this loop's */
    struct gate_loop *gate;      /* this loop's */
    struct clock *clock;
    struct log *log;
};

#endif
