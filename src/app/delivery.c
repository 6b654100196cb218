/* What leaves: the event module and the SMS service, joined to the rest. */
#include "app/app.h"

#include "net/stream.h"
#include "services/sms/sms.h"

#include <errno.h>
#include <unistd.h>

/* A resource of the present directory, for as long as it is held. */
struct sight {
    const struct directory *directory;
    const struct resource *resource;
};

static struct sight see(struct app *app, const struct uuid *id)
{
    const struct directory *d = gate_directory_ref(app->gate);

    return (struct sight){d, directory_by_id(d, id)};
}

static void look_away(const struct sight *s)
{
    snapshot_unref((struct snapshot *)(uintptr_t)&s->directory->snapshot);
}

static struct str topic(void *ctx, const struct uuid *id, struct arena *arena)
{
    struct sight s = see(ctx, id);
    struct str text = s.resource ? arena_dup(arena, s.resource->scope) : STR_EMPTY;

    look_away(&s);
    return text;
}

static struct str origin_of(void *ctx, const struct uuid *id, struct arena *arena)
{
    struct app *app = ctx;
    struct sight s = see(app, id);
    struct str text = STR_EMPTY;

    if (s.resource)
        text = site_resource_endpoint(&app->site_options, &app->origin_rules, s.resource, arena);
    look_away(&s);
    return text;
}

static bool on_in_production(const struct app *app, const char *name, const char *on)
{
    return setting_is(app->settings, name, on) ||
           (setting_is(app->settings, name, "auto") && !app->development);
}

static void open_events(struct app *app)
{
    const struct settings *s = app->settings;
    const struct setting_value *hosts = setting(s, "events.allowed_hosts");
    const struct events_options options = {
        .store = app->store,
        .outbound = app->outbound,
        .log = app->log,
        .clock = &app->clock,
        .master = app->master,
        .development = app->development,
        .allowed_hosts = hosts->items,
        .allowed_hosts_n = hosts->count,
        .origin = setting_text(s, "events.origin"),
        .ca_file = setting_text(s, "events.ca_file"),
        .dead_letter_dir = setting_text(s, "events.dead_letter_dir"),
        .keep_ms = setting_number(s, "events.keep"),
        .ctx = app,
        .topic = topic,
        .origin_of = origin_of,
    };

    app->events = events_new(&options);
}

static void open_sms(struct app *app)
{
    const struct settings *s = app->settings;
    const struct sms_options options = {
        .store = app->store,
        .events = app->events,
        .outbound = app->outbound,
        .streams = &net_streams,
        .log = app->log,
        .clock = &app->clock,
        .master = app->master,
        .development = app->development,
        .senders_any = !on_in_production(app, "sms.senders", "list"),
        .numbers_strict = setting_is(s, "sms.number_check", "strict"),
        .all_invalid_request = setting_is(s, "sms.all_invalid", "request"),
        .details_legacy = setting_is(s, "sms.details_style", "legacy"),
        .events_plus = setting_number(s, "sms.events_plus") != 0,
        .rates = on_in_production(app, "sms.rates", "on"),
        .sim_delay_ms = setting_number(s, "sms.sim_delay"),
        .keep_ms = setting_number(s, "sms.keep"),
        .transport = setting_text(s, "sms.transport"),
        .callback_url = setting_text(s, "sms.callback_url"),
        .queue_max = (size_t)setting_number(s, "sms.queue_max"),
    };

    app->sms = sms_new(&options);
}

enum rc app_delivery_load(struct app *app, struct buf *why)
{
    struct store_reader *r = store_reader_new(app->store);
    enum rc rc = r ? events_load(app->events, r) : RC_IO;

    if (!rc)
        rc = sms_load(app->sms, r, why);
    if (rc && why->len == 0)
        buf_add(why, STR("event subscriptions, senders and transports can't be read."));
    store_reader_free(r);
    return rc;
}

/* Else they would be found wrong when something is to leave. */
static enum rc check_paths(const struct app *app, struct buf *why)
{
    static const struct {
        const char *name, *to;
        int mode;
    } paths[] = {{"events.ca_file", "read", R_OK},
                 {"events.dead_letter_dir", "write in", W_OK | X_OK}};

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct str path = setting_text(app->settings, paths[i].name);

        if (path.len == 0 || access(path.ptr, paths[i].mode) == 0)
            continue;
        buf_addf(why, "can't %s %s (%s): %s.", paths[i].to, path.ptr, paths[i].name,
                 os_error_text(errno));
        return RC_IO;
    }
    return RC_OK;
}

enum rc app_delivery_open(struct app *app, struct buf *why)
{
    enum rc rc;

    if (check_paths(app, why))
        return RC_IO;
    open_events(app);
    open_sms(app);
    app->writer_reader = store_reader_new(app->store);
    if (!app->writer_reader) {
        buf_add(why, STR("the store can't be read."));
        return RC_IO;
    }
    rc = app_delivery_load(app, why);
    if (!rc)
        rc = sms_recover(app->sms, app->writer_reader, why);
    store_reader_idle(app->writer_reader);
    return rc;
}

void app_delivery_start(struct app *app)
{
    events_start(app->events, app->lanes[0].loop);
    sms_start(app->sms, &app->lanes[0].site);
}

void app_delivery_on_commit(struct app *app, const struct log_entry *entries, size_t n)
{
    if (!app->writer_reader)
        return; /* start-up: all is read later */
    events_on_commit(app->events, entries, n, app->writer_reader);
    sms_on_commit(app->sms, entries, n, app->writer_reader);
    store_reader_idle(app->writer_reader);
}

void app_delivery_stop(struct app *app)
{
    if (app->sms)
        sms_stop(app->sms);
    if (app->events)
        events_stop(app->events);
}

void app_delivery_close(struct app *app)
{
    store_reader_free(app->writer_reader);
    app->writer_reader = NULL;
    sms_free(app->sms);
    events_free(app->events);
}
