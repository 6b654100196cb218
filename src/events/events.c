/* The module as others see it: subscriptions in memory, events that become rows of change sets.
 * What goes out is dispatcher.c. */
#include "events/dispatcher.h"

#include "crypto/seal.h"
#include "events/handshake.h"
#include "events/series.h"
#include "store/change_list.h"

#include <stdlib.h>

/* Until the first load there are none. */
static struct snapshot *no_subscriptions(void)
{
    struct subscriptions *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    s->snapshot.refs = 1;
    s->snapshot.free = subscriptions_free;
    return &s->snapshot;
}

struct events *events_new(const struct events_options *options)
{
    struct events *e = calloc(1, sizeof *e);

    if (!e)
        abort();
    e->options = *options;
    arena_init(&e->arena);
    endpoint_rules_read(options->allowed_hosts, options->allowed_hosts_n, options->development,
                        &e->arena, &e->rules);
    e->ca_file = options->ca_file.len ? arena_dup(&e->arena, options->ca_file).ptr : NULL;
    snapshot_cell_init(&e->table);
    snapshot_publish(&e->table, no_subscriptions());
    dispatcher_init(&e->dispatcher, e);
    return e;
}

void events_free(struct events *e)
{
    if (!e)
        return;
    dispatcher_clear(&e->dispatcher);
    snapshot_cell_clear(&e->table);
    arena_clear(&e->arena);
    free(e);
}

/* ---- the table ---- */

enum rc events_load(struct events *e, struct store_reader *r)
{
    struct subscriptions *s = NULL;
    enum rc rc = subscriptions_load(r, e->options.master, &s);

    if (rc)
        return rc;
    if (s->left_out)
        log_warn(e->options.log, "events.subscriptions_left_out", "count=%zu action=not_served",
                 s->left_out);
    e->count = s->n;
    snapshot_publish(&e->table, &s->snapshot);
    dispatcher_wake(&e->dispatcher);
    return RC_OK;
}

void events_on_commit(struct events *e, const struct log_entry *entries, size_t n,
                      struct store_reader *r)
{
    bool subscriptions = false, resources = false;

    for (size_t i = 0; i < n; i++) {
        subscriptions = subscriptions || entries[i].kind == LOG_SUBSCRIPTION;
        resources = resources || entries[i].kind == LOG_RESOURCE;
    }
    if (subscriptions && events_load(e, r))
        log_error(e->options.log, "events.subscriptions_not_read", "action=kept_what_was");
    else if (resources && e->count) { /* one may have been deleted */
        e->dispatcher.resources_changed = true;
        events_wake(e);
    }
}

const struct subscriptions *events_subscriptions(struct events *e)
{
    struct snapshot_view view = {0};

    return (const struct subscriptions *)(void *)snapshot_see(&view,
                                                              &e->table); /* keeps its hold */
}

const struct subscription *events_by_token(struct events *e, const struct subscriptions *s,
                                           struct str token, unix_ms now)
{
    return subscriptions_by_token(s, e->options.master, token, now);
}

void events_write(struct events *e, const struct subscription *s, struct arena *arena,
                  struct subscription_row *out)
{
    subscription_write(s, e->options.master, arena, out);
}

const char *events_endpoint_against(struct events *e, struct str url)
{
    return endpoint_against(&e->rules, url);
}

struct str events_validation_url(struct events *e, const struct subscription *s,
                                 struct arena *arena)
{
    char token[HANDSHAKE_TOKEN_LEN];
    struct str origin;

    if (!handshake_is_open(s, clock_now(e->options.clock)))
        return STR_EMPTY;
    origin = e->options.origin_of(e->options.ctx, &s->resource, arena);
    handshake_token(s, e->options.master, token);
    return arena_printf(arena, STR_FMT HANDSHAKE_PATH "%.*s", STR_ARG(origin), (int)sizeof token,
                        token);
}

struct str events_topic(struct events *e, const struct uuid *resource, struct arena *arena)
{
    return e->options.topic(e->options.ctx, resource, arena);
}

/* ---- publishing ---- */

bool events_wanted(struct events *e, const struct uuid *resource, struct str type)
{
    const struct subscriptions *table;
    const struct subscription *first;
    bool wanted = false;
    size_t n;

    if (!e || !e->count)
        return false;
    table = events_subscriptions(e);
    first = subscriptions_of(table, resource, &n);
    for (size_t i = 0; i < n && !wanted; i++)
        wanted = subscription_collects(&first[i]) && subscription_wants_type(&first[i], type);
    subscriptions_unref(table);
    return wanted;
}

struct event_row event_row_of(const struct event *event, const struct uuid *subscription,
                              const struct uuid *id, unix_ms published)
{
    return (struct event_row){
        .subscription = *subscription,
        .id = *id,
        .resource = event->resource,
        .state = EVENT_PENDING,
        .event_id = event->id,
        .type = event->type,
        .subject = event->subject,
        .data = event->data,
        .time = event->time,
        .published = published,
        .due = published,
    };
}

static void add_row(const struct subscription *s, const struct event *event, unix_ms now,
                    struct change_list *changes)
{
    const struct uuid id = uuid_ordered(now);

    change_list_add(changes, CHANGE_EVENT_ADD)->u.event = event_row_of(event, &s->id, &id, now);
}

void event_publish(struct events *e, const struct event *event, unix_ms now,
                   struct change_list *changes)
{
    const struct subscriptions *table;
    const struct subscription *first;
    size_t n;

    if (!e || !e->count)
        return;
    table = events_subscriptions(e);
    first = subscriptions_of(table, &event->resource, &n);
    for (size_t i = 0; i < n; i++)
        if (subscription_collects(&first[i]) &&
            subscription_wants(&first[i], event->type, event->subject))
            add_row(&first[i], event, now, changes);
    subscriptions_unref(table);
}

static void publish_whole(struct events *e, const struct event *series, unix_ms now,
                          struct change_list *changes)
{
    const struct subscriptions *table = events_subscriptions(e);
    const struct subscription *first;
    size_t n;

    first = subscriptions_of(table, &series->resource, &n);
    for (size_t i = 0; i < n; i++)
        if (subscription_collects(&first[i]) && subscription_wants_type(&first[i], series->type))
            add_row(&first[i], series, now, changes);
    subscriptions_unref(table);
}

void event_publish_series(struct events *e, const struct event_series *series, unix_ms now,
                          struct change_list *changes)
{
    const struct uuid seed = uuid_random();

    if (!e || !e->count)
        return;
    if (series_is_long(series)) {
        publish_whole(e,
                      &(struct event){.resource = series->resource,
                                      .type = series->type,
                                      .data = series_write(series, &seed, changes->arena),
                                      .time = series->time},
                      now, changes);
        return;
    }
    for (size_t k = 0; k < series_count(series); k++) {
        struct event event = series_event(series, &seed, k, changes->arena);

        event_publish(e, &event, now, changes);
    }
}

/* ---- going out ---- */

void events_wake(struct events *e)
{
    if (e && e->count)
        dispatcher_wake(&e->dispatcher);
}

void events_start(struct events *e, struct loop *loop)
{
    dispatcher_start(&e->dispatcher, loop);
}

void events_stop(struct events *e)
{
    dispatcher_stop(&e->dispatcher);
}

void events_tell_deleted(struct events *e, const struct subscription *s)
{
    if (s->state == SUBSCRIPTION_SUCCEEDED)
        farewell_send(&e->dispatcher, s);
}
