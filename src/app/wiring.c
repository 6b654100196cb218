/* Opens the rooms in order and joins them: settings, directory, store, gate, services, net. What
 * is passed downwards is data or a function; nothing below knows this file. */
#include "app/app.h"

#include "gate/issuer_keys.h"
#include "net/outbound.h"
#include "services/admin/admin.h"
#include "services/chat/chat.h"
#include "services/chat/sessions.h"
#include "services/endpoint/endpoint.h"
#include "services/events/subscription_routes.h"
#include "services/identity/identity.h"
#include "services/issuer/issuer.h"
#include "services/meta/meta.h"
#include "services/resources/arm.h"
#include "services/sms/sms.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* The store's files, sockets and pipes at rest, and some dozens of connections. */
#define DESCRIPTORS_MIN    64
#define DESCRIPTORS_A_LOOP 14

/* ---- the handler that net calls: one lane's pipeline ---- */

static size_t on_head(void *lane_ctx, struct request *req)
{
    struct lane *lane = lane_ctx;

    return pipeline_head(lane->pipeline, req);
}

static void on_run(void *lane_ctx, struct request *req)
{
    struct lane *lane = lane_ctx;

    pipeline_run(lane->pipeline, req);
}

static void on_finished(void *lane_ctx, const struct request *req, size_t octets)
{
    struct lane *lane = lane_ctx;

    pipeline_finished(lane->pipeline, req, octets);
}

static void on_refused(void *lane_ctx, const struct address *peer, int status, const char *why)
{
    struct lane *lane = lane_ctx;
    char quoted[160];
    size_t len = log_quote(quoted, sizeof quoted, str_from(why), 100);

    (void)peer; /* counted per address by net; the log names no strangers */
    log_info(lane->app->log, "http.refused", "status=%d why=%.*s", status, (int)len, quoted);
}

static void *on_park(void *lane_ctx, struct request *req)
{
    struct lane *lane = lane_ctx;

    return pipeline_park(lane->pipeline, req);
}

static void on_unpark(void *lane_ctx, struct request *req, void *kept)
{
    (void)lane_ctx;
    pipeline_unpark(req, kept);
}

static void on_farewell(void *lane_ctx)
{
    const struct lane *lane = lane_ctx;

    sessions_drain(lane->site.sessions);
}

static const struct net_handler handler = {on_head, on_run,    on_finished, on_refused,
                                           on_park, on_unpark, on_farewell};

/* ---- from settings to options ---- */

/* Those that app_settings_check let through: none is left out. */
static struct cidr *read_cidrs(struct app *app, const char *name, size_t *out_n)
{
    const struct setting_value *v = setting(app->settings, name);
    struct cidr *all = arena_array(&app->dir.arena, struct cidr, v->count + 1);

    *out_n = 0;
    for (size_t i = 0; i < v->count; i++)
        *out_n += cidr_parse(v->items[i], &all[*out_n]) == RC_OK;
    return all;
}

static bool limits_azure(const struct app *app)
{
    return setting_is(app->settings, "limits", "azure") ||
           (setting_is(app->settings, "limits", "auto") && !app->development);
}

static void fill_site_options(struct app *app)
{
    const struct settings *s = app->settings;

    app->site_options = (struct site_options){
        .development = app->development,
        .domain = setting_text(s, "domain"),
        .region = setting_text(s, "identity.region"),
        .location = setting_text(s, "identity.location"),
        .scopes_any_version = setting_number(s, "identity.scopes_any_version") != 0,
        .limits_azure = limits_azure(app),
        .limits_factor = (double)setting_number(s, "limits.factor"),
        .issuer_token_s = setting_number(s, "issuer.token_seconds"),
        .issuer_version_1 = setting_is(s, "issuer.version", "1.0"),
        .issuer_jti_once = setting_number(s, "issuer.jti_once") != 0,
        .issuer_alg = jws_alg_from_name(setting_text(s, "issuer.alg")),
        .token_alg = jws_alg_from_name(setting_text(s, "auth.token_alg")),
        .backup_dir = app->dir.path,
    };
}

static enum rc fill_gate_options(struct app *app, struct gate_options *o, struct buf *why)
{
    const struct settings *s = app->settings;
    const struct setting_value *hosts = setting(s, "auth.public_hosts");

    *o = (struct gate_options){
        .clock_skew_ms = setting_number(s, "auth.clock_skew"),
        .revocations_max = (size_t)setting_number(s, "auth.revocations_max"),
        .token_cache = (size_t)setting_number(s, "auth.token_cache"),
        .fail_rate = (uint32_t)setting_number(s, "auth.fail_rate"),
        .public_hosts = hosts->items,
        .public_hosts_count = hosts->count,
        .development = app->development,
        .issuer_keys = app->issuer_keys,
        .no_role_denied = setting_is(s, "auth.no_role", "401"),
    };
    o->explain_to = read_cidrs(app, "explain_to", &o->explain_to_count);
    return data_dir_admin_token(&app->dir, &o->admin_token, why);
}

static void fill_net_limits(const struct app *app, struct net_limits *l)
{
    const struct settings *s = app->settings;

    *l = (struct net_limits){
        .head_max = (uint32_t)setting_number(s, "http.head_max"),
        .headers_max = (uint32_t)setting_number(s, "http.headers_max"),
        .head_timeout_ms = (uint32_t)setting_number(s, "http.head_timeout"),
        .idle_timeout_ms = (uint32_t)setting_number(s, "http.idle_timeout"),
        .body_rate_min = (uint32_t)setting_number(s, "http.body_rate_min"),
        .connections_max = (uint32_t)setting_number(s, "net.connections_max"),
        .connections_per_addr = (uint32_t)setting_number(s, "net.connections_per_address"),
        .tls_handshake_ms = (uint32_t)setting_number(s, "net.tls_handshake_timeout"),
    };
}

/* ---- the rooms, in order ---- */

/* What a damaged record says counts for nothing: the operator is told each time the set is read. */
void app_tell_issuers_left_out(struct app *app)
{
    struct arena arena;
    struct str why;
    size_t n;

    arena_init(&arena);
    n = gate_issuers_left_out(app->gate, &arena, &why);
    if (n) {
        char quoted[512];
        int len = (int)log_quote(quoted, sizeof quoted, why, 400);

        log_warn(app->log, "issuers.left_out", "count=%zu first=%.*s action=not_trusted", n, len,
                 quoted);
    }
    arena_clear(&arena);
}

/* Writer thread: memory, certificates and ports are right before anyone hears of a change. */
static void on_commit(void *ctx, const struct log_entry *entries, size_t n)
{
    struct app *app = ctx;
    bool resources = false, issuers = false;

    gate_on_commit(app->gate, entries, n);
    app_live_on_commit(app, entries, n);
    app_delivery_on_commit(app, entries, n);
    app_chat_on_commit(app, entries, n);
    for (size_t i = 0; i < n; i++) {
        resources = resources || entries[i].kind == LOG_RESOURCE;
        issuers = issuers || entries[i].kind == LOG_ISSUER;
    }
    if (issuers)
        app_tell_issuers_left_out(app);
    if (resources && app->doors_open) {
        const struct directory *d = gate_directory_ref(app->gate);
        struct buf why;

        buf_init(&why, 4 * KIB);
        if (app_certificates_renew(app, &why))
            log_error(app->log, "tls.leaf_failed", "why=\"" STR_FMT "\"", STR_ARG(buf_str(&why)));
        app_doors_follow(app, d);
        buf_clear(&why);
        snapshot_unref((struct snapshot *)(uintptr_t)&d->snapshot);
    }
}

/* Writer thread. Requests that write are answered 503 meanwhile; this line tells the operator why.
 */
static void on_trouble(void *ctx, enum rc rc)
{
    const struct app *app = ctx;
    char quoted[512];
    int len = (int)log_quote(quoted, sizeof quoted, app->dir.store, 400);

    if (rc == RC_OK)
        log_info(app->log, "store.writes_again", "file=%.*s", len, quoted);
    else if (rc == RC_FULL)
        log_error(app->log, "store.full", "file=%.*s action=refusing_writes do=free_some_space",
                  len, quoted);
    else if (rc == RC_IO && !store_in_place(app->store))
        log_error(app->log, "store.gone",
                  "file=%.*s action=refusing_writes do=restart_then_restore_a_backup", len, quoted);
    else
        log_error(app->log, "store.failed", "file=%.*s rc=%s action=refusing_writes do=%s", len,
                  quoted, rc_name(rc), rc == RC_IO ? "mend_the_disk_then_restart" : "wait");
}

/* Nobody lacks a store that was never there; but who has lost one should not learn it from clients.
 */
static void tell_begun_anew(const struct app *app)
{
    char quoted[512];
    int len = (int)log_quote(quoted, sizeof quoted, app->dir.store, 400);

    log_warn(app->log, "store.begun_anew",
             "file=%.*s reason=there_was_a_master_key_and_no_store action=started_empty "
             "do=restore_a_backup_if_there_was_one",
             len, quoted);
}

static enum rc open_store(struct app *app, struct buf *why)
{
    struct store_options options = {.path = app->dir.store};
    struct secret octets = {0};
    bool begins_anew =
        access(app->dir.store.ptr, F_OK) != 0 && access(app->dir.master_key.ptr, F_OK) == 0;
    enum rc rc = data_dir_check_restore(&app->dir, why);

    if (!rc)
        rc = data_dir_master_key(&app->dir, app->settings, &octets, why);
    if (rc)
        return rc;
    app->master = master_key_new(&octets);
    secret_clear(&octets);
#ifdef BENCH_NO_SYNC
    options.unsafe_no_sync = true;
#endif
    rc = store_open(&options, &app->store, why);
    if (!rc && begins_anew)
        tell_begun_anew(app);
    return rc;
}

/* Nothing is sent, nor loaded for it, before a token of a trusted issuer comes. */
static void open_issuers(struct app *app)
{
    struct issuer_keys_options options = {
        .log = app->log, .clock = &app->clock, .plain_loopback = app->development};

    app->outbound = options.outbound = outbound_new();
    app->issuer_keys = issuer_keys_new(&options);
}

/* Issuers are compared as texts: one spelling, without a slash at its end. */
static struct str public_url(const struct app *app)
{
    struct str url = setting_text(app->settings, "net.public_url");

    while (str_ends(url, STR("/")))
        url.len--;
    return url;
}

static enum rc open_gate(struct app *app, struct buf *why)
{
    struct gate_options options;
    const struct setting_value *names = setting(app->settings, "name");
    enum rc rc;

    open_issuers(app);
    rc = fill_gate_options(app, &options, why);
    if (rc)
        return rc;
    app->usage = key_usage_table_new();
    app->source = (struct directory_source){
        .master = app->master,
        .domain = setting_text(app->settings, "domain"),
        .public_url = public_url(app),
        .names = names->items,
        .names_count = names->count,
        .usage = app->usage,
    };
    app->gate = gate_new(&options, &app->source, app->store, &app->clock);
    store_watch(app->store, on_commit, app);
    store_watch_trouble(app->store, on_trouble, app);
    rc = gate_load(app->gate, why);
    if (!rc)
        app_tell_issuers_left_out(app);
    return rc;
}

static void open_net(struct app *app)
{
    struct net_options options = {.handler = &handler, .origin_rules = &app->origin_rules};

    app->origin_rules.trusted_proxies =
        read_cidrs(app, "net.trusted_proxies", &app->origin_rules.n_trusted);
    app->origin_rules.public_url = public_url(app);
    fill_net_limits(app, &options.limits);
    app->net = net_new(&options);
}

/* What a seed may have, in the order in which parts stand on each other. */
static const struct seed_part *const seeds[] = {&seed_users, &seed_sms, &seed_chat, NULL};

static void open_lane(struct app *app, unsigned index)
{
    struct lane *lane = &app->lanes[index];
    struct pipeline_options options = {
        .development = app->development,
        .errors_live = setting_is(app->settings, "chat.error_shape", "live"),
    };

    lane->app = app;
    if (!lane->loop)
        lane->loop = loop_new(index);
    lane->gate = gate_loop_new(app->gate, app->store, lane->reader);
    lane->site = (struct site){
        .options = &app->site_options,
        .hooks = &app->hooks,
        .shared = &app->shared,
        .loop = lane->loop,
        .store = app->store,
        .reader = lane->reader,
        .gate = lane->gate,
        .clock = &app->clock,
        .log = app->log,
        .events = app->events,
        .sms = app->sms,
        .chat = app->chat,
        .seeds = seeds,
    };
    app_live_lane(lane, index, app->lane_count);
    lane->pipeline = pipeline_new(&options, app->router, lane->gate, &lane->site, app->log);
    lane->net = net_lane_new(app->net, lane->loop, lane, &lane->site, &app->clock);
}

/* ---- every route ---- */

const struct route *const app_tables[] = {
    identity_routes, admin_routes,      meta_routes,      issuer_routes,  endpoint_routes,
    arm_routes,      sms_routes,        sms_admin_routes, carrier_routes, subscription_routes,
    chat_routes,     chat_admin_routes, trouter_routes,   realtime_routes};
const size_t app_tables_count = ARRAY_LEN(app_tables);

static enum rc open_router(struct app *app, struct buf *why)
{
    const struct route *tables[ARRAY_LEN(app_tables) + 1];

    memcpy(tables, app_tables, sizeof app_tables);
    tables[ARRAY_LEN(app_tables)] = app->development ? metrics_public_routes : metrics_admin_routes;
    app->router = router_new(tables, ARRAY_LEN(tables), why);
    return app->router ? RC_OK : RC_INTERNAL;
}

static unsigned lane_count(const struct app *app)
{
    int64_t wanted = setting_number(app->settings, "threads");
    cpu_set_t usable; /* by this process: a container may have some of them only */

    if (wanted == 0)
        wanted = sched_getaffinity(0, sizeof usable, &usable) ? get_nprocs() : CPU_COUNT(&usable);
    return wanted > APP_LANES_MAX ? APP_LANES_MAX : (unsigned)wanted;
}

/* A process that is started with files open has fewer left than its limit says. */
static bool has_free_descriptors(rlim_t limit, unsigned needed)
{
    for (int fd = 0; needed && (rlim_t)fd < limit; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            needed--;
    }
    return needed == 0;
}

/* Later, each lack of one would be found by whoever is first to ask, and most can't go on then. */
static enum rc take_descriptors(struct app *app, struct buf *why)
{
    unsigned loops = lane_count(app), needed = DESCRIPTORS_MIN + loops * DESCRIPTORS_A_LOOP;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return RC_OK;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warn(app->log, "start.descriptors", "action=kept_the_soft_limit");
        (void)getrlimit(RLIMIT_NOFILE, &limit); /* it could be read before */
    }
    if (has_free_descriptors(limit.rlim_cur, needed))
        return RC_OK;
    buf_addf(why,
             "too few files may be opened: the limit is %llu, and with %u event loop%s the server "
             "needs %u beside those that are open already. Raise it (ulimit -n, LimitNOFILE= of a "
             "service, --ulimit nofile= of a container)%s.",
             (unsigned long long)limit.rlim_cur, loops, loops == 1 ? "" : "s", needed,
             loops == 1 ? "" : ", or lower --threads");
    return RC_INTERNAL;
}

static enum rc open_readers(struct app *app, struct buf *why)
{
    for (unsigned i = 0; i < lane_count(app); i++) {
        app->lanes[i].reader = store_reader_new(app->store);
        if (!app->lanes[i].reader) {
            buf_add(why, STR("the store can't be opened for reading: look at its permissions, and "
                             "at how many files the process may open (ulimit -n)."));
            return RC_IO;
        }
    }
    return RC_OK;
}

enum rc app_open(struct app *app, struct settings *settings, struct buf *why)
{
    enum rc rc;

    app->settings = settings;
    app->development = setting_is(settings, "mode", "dev");
    app->started = clock_wall();
    app->dir.lock_fd = app->dir.folder_fd = -1;
    buf_init(&app->ca_cert, MIB);
    pthread_mutex_init(&app->tls_lock, NULL);
    pthread_mutex_init(&app->endpoints.lock, NULL);
    if ((rc = take_descriptors(app, why)) || (rc = data_dir_open(settings, &app->dir, why)) ||
        (rc = open_store(app, why)) || (rc = open_readers(app, why)))
        return rc;
    fill_site_options(app);
    site_shared_init(&app->shared, &app->site_options);
    app_hooks_init(app);
    app->lanes[0].loop = loop_new(0);
    if (app->development && (rc = admin_clock_restore(app->lanes[0].reader, &app->clock))) {
        buf_add(why, STR("the store can't be read."));
        return rc;
    }
    if ((rc = open_gate(app, why)) || (rc = app_bootstrap(app, why)) ||
        (rc = app_delivery_open(app, why)) || (rc = open_router(app, why)))
        return rc;
    open_net(app);
    if ((rc = app_certificates_start(app, why)) || (rc = app_live_open(app, lane_count(app), why)))
        return rc;
    app_chat_open(app);
    app->lane_count = lane_count(app);
    for (unsigned i = 0; i < app->lane_count; i++)
        open_lane(app, i);
    return RC_OK;
}

static void close_lane(struct lane *lane)
{
    loop_timer_close(&lane->idle_timer);
    net_lane_free(lane->net);
    pipeline_free(lane->pipeline);
    app_live_close_lane(lane);
    gate_loop_free(lane->gate);
}

/* Last-used times, then a mark of the clean stop. */
static void write_last_words(struct app *app)
{
    char time[ISO8601_LEN];
    struct change c = {.kind = CHANGE_META_PUT};

    gate_tick(app->gate);
    time_to_iso8601(clock_wall(), time);
    c.u.meta.name = STR("stopped");
    c.u.meta.value = str_of(time, sizeof time);
    if (store_commit_wait(app->store, &c, 1))
        log_warn(app->log, "server.last_words", "action=stopped_without");
}

/* What ends on one lane may be posted to another, whichever was settled first. True: something ran.
 */
static bool settle_lanes(struct app *app)
{
    bool moved = false;

    for (unsigned i = APP_LANES_MAX; i-- > 0;) {
        if (app->lanes[i].loop && loop_settle(app->lanes[i].loop))
            moved = true;
    }
    return moved;
}

/* Requests may be in flight yet: on the writer thread, on the pool, or on their way back. Each is
 * brought to its end while all that it stands on is there. */
static void end_requests(struct app *app)
{
    for (unsigned i = 0; i < app->lane_count; i++)
        net_lane_cut(app->lanes[i].net);
    for (unsigned i = 0; i < app->lane_count; i++)
        issuer_keys_leave(app->issuer_keys, app->lanes[i].loop);
    app_chat_stop(app);
    app_delivery_stop(app);
    outbound_stop(app->outbound);
    if (app->ready)
        write_last_words(app);
    store_stop(app->store);
    while (settle_lanes(app))
        ;
}

void app_close(struct app *app)
{
    loop_timer_close(&app->tick_timer);
    end_requests(app);
    for (unsigned i = 0; i < app->lane_count; i++)
        close_lane(&app->lanes[i]);
    if (app->gate)
        gate_detach(app->gate);
    for (unsigned i = 0; i < APP_LANES_MAX; i++)
        store_reader_free(app->lanes[i].reader);
    app_chat_close(app);
    app_live_close(app);
    app_delivery_close(app);
    store_close(app->store);
    for (unsigned i = 0; i < APP_LANES_MAX; i++) {
        if (app->lanes[i].loop)
            loop_free(app->lanes[i].loop);
    }
    loop_pool_end();
    while (app->port_doors) {
        struct port_door *p = app->port_doors;
        app->port_doors = p->next;
        free(p);
    }
    app_endpoints_clear(app);
    net_free(app->net);
    router_free(app->router);
    site_shared_clear(&app->shared);
    gate_free(app->gate);
    issuer_keys_free(app->issuer_keys);
    outbound_free(app->outbound);
    key_usage_table_free(app->usage);
    master_key_free(app->master);
    secret_clear(&app->ca_key);
    buf_clear(&app->ca_cert);
    pthread_mutex_destroy(&app->tls_lock);
    pthread_mutex_destroy(&app->endpoints.lock);
    if (app->dir.server_json.len > 0)
        (void)unlink(app->dir.server_json.ptr); /* gone already, or never written */
    data_dir_close(&app->dir);
}
