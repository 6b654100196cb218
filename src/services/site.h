/* The running server as handlers see it: one per loop, handed down through req->site. */
#ifndef SERVICES_SITE_H
#define SERVICES_SITE_H

#include "base/log.h"
#include "gate/gate.h"
#include "http/request.h"
#include "store/store.h"

struct guesses;
struct key_holds;
struct limiter;
struct replays;
struct chat;
struct events;
struct seed_part;
struct sessions;
struct sms;

/** What the application lends to the administration service. Set by app/wiring.c. Called on the
 * loop that serves the request, unless said otherwise. */
struct site_hooks {
    void *ctx;
    /** RC_CONFLICT when somebody listens there already. */
    enum rc (*port_free)(void *ctx, uint16_t port);
    /** Settings as JSON: [{"name","value","from"}]. */
    void (*write_settings)(void *ctx, struct json_writer *w);
    /** Members of /admin/status that only the application knows. */
    void (*write_status)(void *ctx, struct json_writer *w);
    /** Prometheus text of what only the application knows: appended to the services' own. */
    void (*write_metrics)(void *ctx, struct buf *out);
    /** False while starting, stopping, or when the store has failed: why gets a word. */
    bool (*ready)(void *ctx, const char **why);
    /** Opens an identity endpoint on a free port of 127.0.0.1; any loop's thread. RC_TOO_LARGE:
     * there are 256; RC_BUSY: the server is stopping; others: the system failed. */
    enum rc (*endpoint_open)(void *ctx, uint16_t *out_port);
    /** Closes it; its connections are drained. Any loop's thread. A port of no endpoint is
     * ignored. */
    void (*endpoint_close)(void *ctx, uint16_t port);
};

struct site_options {
    bool development;
    struct str domain;           /* resources answer to <name>.<domain> */
    struct str region, location; /* identity.region, identity.location */
    bool scopes_any_version;     /* identity.scopes_any_version */
    bool limits_azure;           /* limits = azure */
    double limits_factor;
    enum jws_alg token_alg;         /* auth.token_alg */
    struct str backup_dir;          /* where copies are made before they are streamed */
    uint16_t https_port, http_port; /* for connection strings; 0: no such listener */
    int64_t issuer_token_s;         /* issuer.token_seconds */
    bool issuer_version_1;          /* issuer.version = 1.0 */
    bool issuer_jti_once;           /* issuer.jti_once */
    enum jws_alg issuer_alg;        /* issuer.alg */
};

/** What all loops count together. */
struct site_shared {
    _Atomic uint64_t tokens_issued, users_created;
    struct limiter *limiter;     /* NULL: no limits */
    struct guesses *guesses;     /* wrong credentials at the token endpoint */
    struct replays *assertions;  /* issuer.jti_once: those used; NULL: may be used again */
    struct replays *session_ids; /* of the realtime channel of chat: those that were used */
    struct key_holds *federated; /* key sets of issuers that applications have registered,
                                  * and of those that were tested */
};

struct site {
    const struct site_options *options;
    const struct site_hooks *hooks;
    struct site_shared *shared;
    struct loop *loop;
    struct store *store;
    struct store_reader *reader; /* this loop's */
    struct gate_loop *gate;      /* this loop's */
    struct clock *clock;
    struct log *log;
    struct events *events;                /* shared by all loops */
    struct sms *sms;                      /* shared by all loops */
    struct chat *chat;                    /* shared by all loops */
    struct sessions *sessions;            /* this loop's live chat connections */
    const struct seed_part *const *seeds; /* what a seed may have, ended by NULL: services/seed.h */
};

void site_shared_init(struct site_shared *shared, const struct site_options *options);
/** Zeros are fine. */
void site_shared_clear(struct site_shared *shared);
/** Where a resource is reached, for connection strings and tokens made by an administrator:
 * "https://localhost:8443", without a slash at the end. In the request's arena. */
struct str site_endpoint(struct request *req, const struct resource *resource);
/** The same without a request; `rules` may be NULL. In `arena`. */
struct str site_resource_endpoint(const struct site_options *options,
                                  const struct origin_rules *rules, const struct resource *resource,
                                  struct arena *arena);
/** The issuer of tokens that this request asks for: its origin on the listeners of the wire, the
 * resource's endpoint on the administration's. Source: design D14. */
struct str site_issuer(struct request *req);

#endif
