/* The running server: everything, wired. Only this room knows everybody. */
#ifndef APP_APP_H
#define APP_APP_H

#include "app/data_dir.h"
#include "base/log.h"
#include "events/events.h"
#include "gate/pipeline.h"
#include "net/net.h"
#include "services/site.h"

#include <pthread.h>

#define APP_LANES_MAX 256

/** Named value: an id of this life of the store. A restore begins another, so that numbers of its
 * log mean other things. */
#define META_EPOCH STR("epoch")

/** One event loop and what belongs to it. */
struct lane {
    struct app *app;
    struct loop *loop;
    struct store_reader *reader;
    struct gate_loop *gate;
    struct pipeline *pipeline;
    struct net_lane *net;
    struct site site;
    struct hub *hub;
    struct loop_timer idle_timer;
    pthread_t thread; /* lanes but the first */
    bool threaded;
};

/** A listener that a resource asked for. */
struct port_door {
    uint16_t port;
    struct net_door *door;
    struct port_door *next;
};

#define APP_ENDPOINTS_MAX 256

/** Identity endpoints that were opened while running. Any thread, under the lock. */
struct endpoints {
    pthread_mutex_t lock;
    struct port_door *first;
    size_t count; /* with those about to open */
};

struct app {
    struct settings *settings;
    struct data_dir dir;
    struct clock clock;
    struct log *log;
    bool development;
    unix_ms started;

    struct master_key *master;
    struct store *store;
    struct store_reader *writer_reader; /* for what the writer thread reads back */
    struct key_usage_table *usage;
    struct directory_source source;
    struct origin_rules origin_rules;
    struct outbound *outbound;       /* requests that we send */
    struct issuer_keys *issuer_keys; /* key sets of trusted issuers */
    struct gate *gate;
    struct events *events;
    struct sms *sms;
    struct chat *chat;
    struct bus *bus;
    int64_t log_order; /* of the chat log, at the start */
    struct str epoch;  /* META_EPOCH */
    struct sessions *sessions[APP_LANES_MAX];
    uint8_t capsule_key[32]; /* seals ids of realtime sessions: new with each start */
    struct router *router;
    struct net *net;
    struct net_door *https, *http, *admin_tcp, *admin_socket, *imds;
    struct port_door *port_doors; /* writer thread and start-up alone */
    bool doors_open;              /* start-up is over: resources may open ports */
    struct endpoints endpoints;

    /* certificates.c */
    pthread_mutex_t tls_lock;
    struct buf ca_cert;
    struct secret ca_key;
    _Atomic unix_ms leaf_not_after; /* 0: unknown */

    struct site_options site_options;
    struct site_hooks hooks;
    struct site_shared shared;
    struct lane lanes[APP_LANES_MAX];
    unsigned lane_count;
    struct loop_timer tick_timer;
    unsigned ticks;
    _Atomic bool ready, stopping;
    bool stop_asked;
    int exit_code;
};

/** Every route table but the metrics', which depend on the mode. */
extern const struct route *const app_tables[];
extern const size_t app_tables_count;

/* checks.c */
/** Says what no single value's type tells: a wrong form, or values that do not go together. One
 * sentence in `why` on refusal. */
enum rc app_settings_check(const struct settings *s, struct buf *why) NODISCARD;

/** Opens everything but the doors, by settings that passed their check. One sentence in `why` on
 * refusal. */
enum rc app_open(struct app *app, struct settings *settings, struct buf *why) NODISCARD;
void app_close(struct app *app);

/** A line for the operator when records of trusted issuers can't be read. Any thread. */
void app_tell_issuers_left_out(struct app *app);

/* bootstrap.c */
/** Commits a set on the first loop, which does not run yet, and waits. */
enum rc app_commit(struct app *app, struct change_set *set) NODISCARD;
/** Makes what the first start needs (default resource, keys, signing key) and applies the mode to
 * the data directory (design D18). */
enum rc app_bootstrap(struct app *app, struct buf *why) NODISCARD;
/** Renews token signing keys that are due. On the first lane's loop. */
void app_rotate_signing_keys(struct app *app);

/* certificates.c */
/** Loads or makes the CA, writes ca.pem, the bundle and the Java trust store, makes the leaf (or
 * loads the operator's certificate) and hands it to net. */
enum rc app_certificates_start(struct app *app, struct buf *why) NODISCARD;
/** Makes a new leaf for the present names, or reads the operator's files again. Any thread. */
enum rc app_certificates_renew(struct app *app, struct buf *why) NODISCARD;

/* doors.c */
enum rc app_doors_open(struct app *app, struct buf *why) NODISCARD;
/** Opens and closes ports so that they match the resources. Writer thread, or start-up. */
void app_doors_follow(struct app *app, const struct directory *d);
/** The hooks of the same names (services/site.h). Any loop's thread. */
enum rc app_endpoint_open(struct app *app, uint16_t *out_port) NODISCARD;
void app_endpoint_close(struct app *app, uint16_t port);
/** Forgets the endpoints that are open; net closes their doors. */
void app_endpoints_clear(struct app *app);
/** "ready https=… http=… admin=unix:…" */
void app_ready_line(const struct app *app, struct buf *out);
/** server.json: how local programs find this server. */
enum rc app_server_json_write(struct app *app) NODISCARD;

/* chatting.c */
void app_chat_open(struct app *app);
/** Before the loops run. */
void app_chat_start(struct app *app);
/** Writer thread, after the gate. */
void app_chat_on_commit(struct app *app, const struct log_entry *entries, size_t n);
/** Nothing is begun any more; before the store stops. Loops do not run. */
void app_chat_stop(struct app *app);
void app_chat_close(struct app *app);

/* delivery.c: events and text messages, what leaves */
enum rc app_delivery_open(struct app *app, struct buf *why) NODISCARD;
/** Begins to deliver: when the doors are open, before the loops run. */
void app_delivery_start(struct app *app);
/** Writer thread, after the gate. */
void app_delivery_on_commit(struct app *app, const struct log_entry *entries, size_t n);
/** Nothing is begun any more; before the store stops. Loops do not run. */
void app_delivery_stop(struct app *app);
void app_delivery_close(struct app *app);
/** Reads subscriptions, senders and transports again. */
enum rc app_delivery_load(struct app *app, struct buf *why) NODISCARD;

/* live.c: the bus, and each loop's live chat connections */
/** For `loops` loops, before the chat service and the lanes. */
enum rc app_live_open(struct app *app, size_t loops, struct buf *why) NODISCARD;
void app_live_lane(struct lane *lane, unsigned index, size_t loops);
/** Writer thread, after the gate. */
void app_live_on_commit(struct app *app, const struct log_entry *entries, size_t n);
/** After net's lane. */
void app_live_close_lane(struct lane *lane);
void app_live_close(struct app *app);
void app_live_status(const struct app *app, struct json_writer *w);
void app_live_metrics(const struct app *app, struct buf *out);

/* hooks.c */
/** A metric without labels. */
void app_metric(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value);
void app_hooks_init(struct app *app);

/* notify.c */
/** Tells systemd ("READY=1"), where $NOTIFY_SOCKET asks for it. */
void app_notify(const char *state);

#endif
