/* Live chat connections: the bus that tells all loops what happened, and each loop's hub and
 * sessions. */
#include "app/app.h"

#include "crypto/secret.h"
#include "events/hub.h"
#include "gate/user_standing.h"
#include "services/chat/sessions.h"

static bool stands(void *ctx, const struct hub_listener *l)
{
    const struct lane *lane = ctx;

    return !gate_user_stands(lane->gate, &l->user, l->standing, clock_now(&lane->app->clock));
}

/* The last number of the log: what comes after it comes by the bus. And whose log it is. */
static enum rc read_log(struct app *app)
{
    const struct chat_query query = {.what = CHAT_LIST_LOG, .after_order = INT64_MAX, .limit = 1};
    struct chat_page page = {0};
    struct arena arena;
    enum rc rc;

    arena_init(&arena);
    rc = store_list_chat(app->lanes[0].reader, &query, &arena, &page);
    app->log_order = page.last_order;
    arena_clear(&arena);
    rc = rc ? rc : store_meta(app->lanes[0].reader, META_EPOCH, &app->dir.arena, &app->epoch);
    store_reader_idle(app->lanes[0].reader);
    return rc;
}

enum rc app_live_open(struct app *app, size_t loops, struct buf *why)
{
    random_octets(app->capsule_key, sizeof app->capsule_key);
    app->bus = bus_new(loops);
    if (!read_log(app))
        return RC_OK;
    buf_add(why, STR("the store can't be read."));
    return RC_IO;
}

void app_live_lane(struct lane *lane, unsigned index, size_t loops)
{
    struct app *app = lane->app;
    const struct settings *s = app->settings;
    const struct hub_options hub = {
        .loop = lane->loop,
        .bus = app->bus,
        .store = app->store,
        .clock = &app->clock,
        .order = app->log_order,
        .listeners_per_user = (size_t)setting_number(s, "chat.connections_per_user"),
        .ctx = lane,
        .stands = stands,
    };

    lane->hub = hub_new(&hub);
    const struct sessions_options sessions = {
        .chat = app->chat,
        .hub = lane->hub,
        .site = &lane->site,
        .all = app->sessions,
        .n = loops,
        .epoch = app->epoch,
        .queue_max = (size_t)setting_number(s, "chat.queue_max"),
        .connection_age_ms = setting_number(s, "chat.connection_age"),
        .capsule_key = app->capsule_key,
    };
    app->sessions[index] = lane->site.sessions = sessions_new(&sessions);
}

void app_live_on_commit(struct app *app, const struct log_entry *entries, size_t n)
{
    if (app->bus)
        hub_on_commit(app->bus, entries, n);
}

void app_live_close_lane(struct lane *lane)
{
    sessions_free(lane->site.sessions);
    hub_free(lane->hub);
}

void app_live_close(struct app *app)
{
    bus_free(app->bus);
    explicit_bzero(app->capsule_key, sizeof app->capsule_key);
}

/* ---- figures ---- */

static void sum(const struct app *app, struct sessions_figures *s, struct hub_figures *h)
{
    *s = (struct sessions_figures){0};
    *h = (struct hub_figures){0};
    for (unsigned i = 0; i < app->lane_count; i++) {
        struct hub_figures one;

        sessions_figures(app->lanes[i].site.sessions, s);
        hub_figures(app->lanes[i].hub, &one);
        h->topics += one.topics;
        h->delivered += one.delivered;
        h->superseded += one.superseded;
        h->overflowed += one.overflowed;
    }
}

void app_live_status(const struct app *app, struct json_writer *w)
{
    struct sessions_figures s;
    struct hub_figures h;

    sum(app, &s, &h);
    json_name(w, "chatConnections");
    json_object_begin(w);
    json_member_int(w, "trouter", (int64_t)s.open[SESSION_TROUTER]);
    json_member_int(w, "realtime", (int64_t)s.open[SESSION_REALTIME]);
    json_object_end(w);
}

void app_live_metrics(const struct app *app, struct buf *out)
{
    static const char *const names[SESSION_PROTOCOLS] = {"trouter", "realtime"};
    struct sessions_figures s;
    struct hub_figures h;

    sum(app, &s, &h);
    buf_add(out, STR("# HELP callgate_chat_connections_open Live chat connections.\n"
                     "# TYPE callgate_chat_connections_open gauge\n"));
    for (size_t i = 0; i < SESSION_PROTOCOLS; i++)
        buf_addf(out, "callgate_chat_connections_open{protocol=\"%s\"} %llu\n", names[i],
                 (unsigned long long)s.open[i]);
    buf_add(out, STR("# HELP callgate_chat_connections_total Live chat connections made.\n"
                     "# TYPE callgate_chat_connections_total counter\n"));
    for (size_t i = 0; i < SESSION_PROTOCOLS; i++)
        buf_addf(out, "callgate_chat_connections_total{protocol=\"%s\"} %llu\n", names[i],
                 (unsigned long long)s.opened[i]);
    app_metric(out, "chat_connections_refused_total", "counter",
               "Live chat connections refused at the user's limit or while stopping.", s.refused);
    app_metric(out, "chat_connections_denied_total", "counter",
               "Live chat connections ended since their token was revoked.", s.denied);
    app_metric(out, "chat_connections_expired_total", "counter",
               "Live chat connections ended since their token expired.", s.expired);
    app_metric(out, "chat_connections_slow_total", "counter",
               "Live chat connections ended for being slow readers.", s.slow);
    app_metric(out, "chat_connections_superseded_total", "counter",
               "Live chat connections replaced by a newer one of the same device.", h.superseded);
    app_metric(out, "chat_notices_delivered_total", "counter",
               "Notices given to live chat connections.", h.delivered);
    app_metric(out, "chat_topics", "gauge", "Threads listened to, counted on each loop.", h.topics);
}
