/* The dispatcher's life: lanes follow the table of subscriptions, a wake or a tick makes it look.
 *
 * It ticks only while something is under way or will be due: the service clock may be moved, so
 * what is due is looked at four times a second. What a look reads and how it goes out is
 * deliveries.c, what came of it outcomes.c, consent handshakes.c. */
#include "events/dispatcher.h"

#include <stdlib.h>

#define TICK_MS 250

unix_ms dispatcher_now(const struct dispatcher *d)
{
    return clock_now(d->events->options.clock);
}

/* Good enough for jitter. */
uint32_t dispatcher_random(struct dispatcher *d)
{
    d->random = d->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(d->random >> 33);
}

/* ---- lanes ---- */

static struct lane *lane_new(struct dispatcher *d, const struct subscription *s)
{
    struct lane *lane = calloc(1, sizeof *lane);

    if (!lane)
        abort();
    lane->dispatcher = d;
    lane->id = s->id;
    lane->stale = true;
    lane->next_due = NEVER;
    map_init(&lane->parcels);
    list_add(&d->lanes, &lane->node);
    map_put(&d->lanes_by_id, str_of(&lane->id, sizeof lane->id), lane);
    return lane;
}

static void lane_free(struct lane *lane)
{
    struct dispatcher *d = lane->dispatcher;

    list_remove(&lane->node);
    (void)map_remove(&d->lanes_by_id, str_of(&lane->id, sizeof lane->id));
    map_clear(&lane->parcels);
    free(lane);
}

/* One lane for each subscription of the table; what is gone stays until it is idle. */
static void follow_table(struct dispatcher *d)
{
    const struct subscriptions *table =
        (const struct subscriptions *)(void *)snapshot_see(&d->view, &d->events->table);

    for (struct list *at = d->lanes.next; at != &d->lanes; at = at->next)
        list_entry(at, struct lane, node)->sub = NULL;
    for (size_t i = 0; i < table->n; i++) {
        const struct subscription *s = &table->items[i];
        struct lane *lane = map_get(&d->lanes_by_id, str_of(&s->id, sizeof s->id));

        if (!lane)
            lane = lane_new(d, s);
        lane->sub = s;
    }
    for (struct list *at = d->lanes.next, *next; at != &d->lanes; at = next) {
        struct lane *lane = list_entry(at, struct lane, node);

        next = at->next;
        if (!lane->sub && !lane->calls && !lane->parcels.count && !lane->unfolding && !lane->shake)
            lane_free(lane);
    }
}

/* ---- subscriptions whose resource is gone ---- */

struct removal {
    struct change_set set;
    struct change change;
    struct arena arena;
};

static void removal_free(void *ctx)
{
    struct removal *r = ctx;

    arena_clear(&r->arena);
    free(r);
}

/* Nobody waits: should it fail, the next start tries again. */
static void remove_orphan(struct lane *lane)
{
    struct dispatcher *d = lane->dispatcher;
    struct removal *r = calloc(1, sizeof *r);

    if (!r)
        abort();
    arena_init(&r->arena);
    r->change.kind = CHANGE_SUBSCRIPTION_DELETE;
    r->change.u.subscription = (struct subscription_row){
        .resource = lane->sub->resource,
        .id = lane->sub->id,
        .name = arena_dup(&r->arena, lane->sub->name),
    };
    r->set = (struct change_set){
        .items = &r->change, .n = 1, .loop = d->loop, .ctx = r, .discard = removal_free};
    lane->deleting = true;
    store_commit(d->events->options.store, &r->set);
}

static bool is_orphan(const struct lane *lane)
{
    struct events *e = lane->dispatcher->events;
    struct arena arena;
    bool orphan;

    arena_init(&arena);
    orphan = events_topic(e, &lane->sub->resource, &arena).len == 0;
    arena_clear(&arena);
    return orphan;
}

/* ---- turns ---- */

static bool lane_pending(const struct lane *lane)
{
    return lane->stale || lane->next_due != NEVER || lane->calls || lane->parcels.count ||
           handshake_pending(lane);
}

static bool anything_pending(const struct dispatcher *d)
{
    if (d->outcomes || d->saving_n || d->look || d->pruning || d->finished)
        return true;
    for (struct list *at = d->lanes.next; at != &d->lanes; at = at->next)
        if (lane_pending(list_entry(at, struct lane, node)))
            return true;
    return false;
}

static void tick(void *ctx)
{
    dispatcher_turn(ctx);
}

static void set_ticking(struct dispatcher *d)
{
    bool wanted = anything_pending(d);

    if (wanted && !d->ticking)
        loop_timer_start(d->loop, &d->timer, TICK_MS, TICK_MS, tick, d);
    else if (!wanted && d->ticking)
        loop_timer_stop(&d->timer);
    d->ticking = wanted;
}

void dispatcher_turn(struct dispatcher *d)
{
    if (d->stopping || !d->loop)
        return;
    follow_table(d);
    for (struct list *at = d->lanes.next, *next; at != &d->lanes; at = next) {
        /* A lane that was freed is off the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        next = at->next;
        handshake_turn(list_entry(at, struct lane, node));
    }
    outcomes_save(d);
    outcomes_prune(d);
    deliveries_look(d);
    set_ticking(d);
}

static void on_wake(void *ctx)
{
    struct dispatcher *d = ctx;
    bool resources;

    d->woken = false; /* first: who changes something from here on wakes anew */
    resources = atomic_exchange(&d->resources_changed, false);
    if (d->stopping)
        return;
    if (resources)
        follow_table(d);
    for (struct list *at = d->lanes.next; at != &d->lanes; at = at->next) {
        struct lane *lane = list_entry(at, struct lane, node);

        /* A lane that was freed is off the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        lane->stale = true;
        if (resources && lane->sub && !lane->deleting && is_orphan(lane))
            remove_orphan(lane);
    }
    dispatcher_turn(d);
}

void dispatcher_wake(struct dispatcher *d)
{
    if (!d->loop || d->stopping || atomic_exchange(&d->woken, true))
        return;
    loop_post(d->loop, &d->wake_task);
}

/* ---- life ---- */

void dispatcher_init(struct dispatcher *d, struct events *e)
{
    *d = (struct dispatcher){.events = e, .wake_task = {.run = on_wake, .ctx = d}};
    list_init(&d->lanes);
    list_init(&d->farewells);
    list_init(&d->posts);
    map_init(&d->lanes_by_id);
    d->tail = &d->outcomes;
    d->random = (uint64_t)clock_wall();
}

void dispatcher_start(struct dispatcher *d, struct loop *loop)
{
    d->loop = loop;
    d->resources_changed = true;
    dispatcher_wake(d);
}

void dispatcher_stop(struct dispatcher *d)
{
    if (!d->loop || d->stopping)
        return;
    d->stopping = true;
    loop_timer_close(&d->timer);
    deliveries_stop(d);
    handshakes_stop(d);
    farewells_stop(d);
    outcomes_stop(d);
}

void dispatcher_clear(struct dispatcher *d)
{
    while (!list_empty(&d->lanes))
        /* A lane that was freed is off the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        lane_free(list_entry(d->lanes.next, struct lane, node));
    map_clear(&d->lanes_by_id);
    snapshot_view_clear(&d->view);
}
