/* Rows of whole series become events: on the pool a portion is made, then it is committed together
 * with how far it went. After a crash it goes on there. What is made stands before its series, and
 * goes out before the next portion is made. Source: design D24. */
#include "events/series.h"

#include "events/dispatcher.h"
#include "store/change_list.h"

#include <stdlib.h>

#define TROUBLE_MS ((int64_t)1000)

struct unfolding {
    struct lane *lane; /* stays while it unfolds */
    struct uuid id;    /* of the row */
    struct arena arena;
    struct change_list changes;
    struct change_set set;
    enum rc rc;
    bool damaged; /* nothing more can be made of it */
};

/* In the place of the series in the order of ids, and one after the other. */
static struct uuid row_id(const struct event_row *series, size_t k)
{
    struct uuid id = series->id;

    id.octets[8] = 0x80U;
    for (size_t i = 0; i < 4; i++)
        id.octets[9 + i] = (uint8_t)(k >> (24 - 8 * i));
    return id;
}

/* The next portion; returns how many are made with it. */
static uint32_t make_some(struct unfolding *u, const struct subscription *sub,
                          const struct event_row *row)
{
    struct event_series series;
    struct uuid seed;
    size_t k = row->attempts, end, octets = 0;

    if (series_read(row, &u->arena, &series, &seed) || k > series_count(&series)) {
        u->damaged = true;
        return UINT32_MAX;
    }
    end = series_count(&series) - k < SERIES_EVENTS_MAX ? series_count(&series)
                                                        : k + SERIES_EVENTS_MAX;
    for (; k < end && octets < SERIES_OCTETS_MAX; k++) {
        struct event event = series_event(&series, &seed, k, &u->arena);
        const struct uuid id = row_id(row, k);

        octets += event.data.len;
        if (subscription_wants(sub, event.type, event.subject))
            change_list_add(&u->changes, CHANGE_EVENT_ADD)->u.event =
                event_row_of(&event, &row->subscription, &id, row->published);
    }
    return k < series_count(&series) ? (uint32_t)k : UINT32_MAX;
}

static void make_portion(struct unfolding *u, const struct subscription *sub,
                         const struct event_row *row)
{
    uint32_t made = make_some(u, sub, row);
    bool all = made == UINT32_MAX;

    change_list_add(&u->changes, CHANGE_EVENT_STEP)->u.event_step =
        (struct event_step){.subscription = row->subscription,
                            .id = row->id,
                            .from = EVENT_STATE_BIT(EVENT_PENDING),
                            .to = all ? EVENT_DELIVERED : EVENT_PENDING,
                            .due = row->due,
                            .attempts = all ? row->attempts : made};
}

static const struct subscription *find(const struct subscriptions *table,
                                       const struct event_row *row)
{
    size_t n;
    const struct subscription *first = subscriptions_of(table, &row->resource, &n);

    for (size_t i = 0; i < n; i++)
        if (uuid_eq(&first[i].id, &row->subscription))
            return &first[i];
    return NULL;
}

/* On the pool. */
static void read_and_make(void *ctx, struct store_reader *r)
{
    struct unfolding *u = ctx;
    const struct subscriptions *table = events_subscriptions(u->lane->dispatcher->events);
    const struct subscription *sub;
    struct event_row row;

    u->rc = r ? store_event(r, &u->lane->id, &u->id, &u->arena, &row) : RC_IO;
    if (!u->rc && row.state != EVENT_PENDING)
        u->rc = RC_CONFLICT;
    sub = u->rc ? NULL : find(table, &row);
    if (sub)
        make_portion(u, sub, &row);
    else if (!u->rc)
        u->rc = RC_NOT_FOUND; /* its row goes with it */
    subscriptions_unref(table);
}

static void end(struct unfolding *u, enum rc rc)
{
    struct lane *lane = u->lane;
    struct dispatcher *d = lane->dispatcher;
    bool failed = rc && rc != RC_CONFLICT && rc != RC_NOT_FOUND;

    lane->unfolding = false;
    lane->stale = !failed;
    lane->next_due = dispatcher_now(d) + (failed ? TROUBLE_MS : 0);
    arena_clear(&u->arena);
    free(u);
    dispatcher_turn(d);
}

static void on_committed(void *ctx, enum rc rc, struct change_set *set)
{
    const struct unfolding *u = ctx;
    const struct lane *lane = u->lane;

    (void)set;
    if (!rc && u->damaged && lane->sub)
        log_warn(lane->dispatcher->events->options.log, "events.series_damaged",
                 "subscription=" STR_FMT " action=passed_by", STR_ARG(lane->sub->name));
    end(ctx, rc);
}

static void after_making(void *ctx)
{
    struct unfolding *u = ctx;
    struct dispatcher *d = u->lane->dispatcher;

    if (u->rc || d->stopping) {
        end(u, u->rc);
        return;
    }
    u->set = (struct change_set){.items = u->changes.items,
                                 .n = u->changes.n,
                                 .loop = d->loop,
                                 .done = on_committed,
                                 .ctx = u};
    store_commit(d->events->options.store, &u->set);
}

void unfolding_begin(struct lane *lane, const struct event_row *row)
{
    struct dispatcher *d = lane->dispatcher;
    struct unfolding *u;

    if (lane->unfolding)
        return;
    u = calloc(1, sizeof *u);
    if (!u)
        abort();
    u->lane = lane;
    u->id = row->id;
    arena_init(&u->arena);
    u->changes.arena = &u->arena;
    lane->unfolding = true;
    store_on_pool(d->events->options.store, d->loop, read_and_make, after_making, u);
}
