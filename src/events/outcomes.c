/* Outcomes of attempts, committed together: one commit at a time takes all that has gathered.
 *
 * A set is all or nothing, so one event that is no longer there (its subscription was deleted)
 * would undo the others: then they are committed one by one. When the store can't write, they wait
 * here, and no call begins until it can: a receiver is not sent the same again because our disk is
 * full. Source: wire/events §6. */
#include "events/dispatcher.h"

#include <stdlib.h>

#define SAVE_MAX          500
#define SAVE_PAUSE_NS     ((mono_ns)1000 * 1000 * 1000)
#define PRUNE_EVERY_MS    ((int64_t)60 * 1000)
#define PRUNE_AT_LEAST_MS ((int64_t)60 * 60 * 1000)
#define PRUNE_AFTER       ((size_t)1000)
#define PRUNE_LIMIT       2000u

/* ---- parcels ---- */

struct parcel *parcel_new(struct lane *lane, const struct event_row *row)
{
    struct parcel *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    arena_init(&p->arena);
    p->id = row->id;
    p->lane = lane;
    p->published = row->published;
    p->attempts = row->attempts;
    p->step = (struct event_step){.subscription = row->subscription,
                                  .id = row->id,
                                  .from = EVENT_STATE_BIT(EVENT_PENDING),
                                  .last_attempt = row->last_attempt,
                                  .attempts = row->attempts};
    map_put(&lane->parcels, str_of(&p->id, sizeof p->id), p);
    return p;
}

void parcel_free(struct parcel *p)
{
    (void)map_remove(&p->lane->parcels, str_of(&p->id, sizeof p->id));
    arena_clear(&p->arena);
    free(p);
}

/* ---- committing ---- */

struct saving {
    struct dispatcher *d;
    struct change_set set;
    struct change items[SAVE_MAX];
    struct parcel *parcels[SAVE_MAX];
    size_t n;
    /* dead letters that are also written to files */
    struct str dir;
    struct arena arena;
    struct dead {
        struct subscription sub;
        struct str topic;
        struct event_step step;
    } * dead;
    size_t dead_n, files_failed;
};

void outcomes_add(struct dispatcher *d, struct parcel *p)
{
    p->next = NULL;
    *d->tail = p;
    d->tail = &p->next;
    d->outcomes_n++;
}

static void saving_free(struct saving *s)
{
    arena_clear(&s->arena);
    free(s);
}

/* What a commit has left to do: the lane learns when the event is due again. */
static void settle(struct dispatcher *d, struct parcel *p)
{
    struct lane *lane = p->lane;

    if (p->step.to == EVENT_PENDING && p->step.due < lane->next_due)
        lane->next_due = p->step.due;
    if (p->step.to != EVENT_PENDING)
        d->finished++;
    if (d->look) { /* it may have read the row as it was before */
        p->next = d->settled;
        d->settled = p;
        return;
    }
    lane->stale = true;
    parcel_free(p);
}

void outcomes_forget(struct dispatcher *d)
{
    while (d->settled) {
        struct parcel *p = d->settled;

        d->settled = p->next;
        p->lane->stale = true;
        parcel_free(p);
    }
}

static void put_back(struct dispatcher *d, struct saving *s)
{
    for (size_t i = s->n; i-- > 0;) {
        s->parcels[i]->next = d->outcomes;
        d->outcomes = s->parcels[i];
        if (!d->outcomes->next)
            d->tail = &d->outcomes->next;
    }
    d->outcomes_n += s->n;
}

static void on_saved(void *ctx, enum rc rc, struct change_set *set)
{
    struct saving *s = ctx;
    struct dispatcher *d = s->d;
    bool gone = rc == RC_CONFLICT || rc == RC_NOT_FOUND;

    (void)set;
    d->saving_n -= s->n;
    if (d->singly)
        d->singly -= s->n;
    if (rc == RC_OK)
        d->save_after = 0;
    if (rc == RC_OK || d->stopping || (gone && s->n == 1)) {
        for (size_t i = 0; i < s->n; i++)
            settle(d, s->parcels[i]);
    } else {
        put_back(d, s);
        if (gone)
            d->singly = s->n;
        else
            d->save_after = clock_mono() + SAVE_PAUSE_NS;
    }
    saving_free(s);
    dispatcher_turn(d);
}

static void commit(void *ctx)
{
    struct saving *s = ctx;

    for (size_t i = 0; i < s->n; i++)
        s->items[i] =
            (struct change){.kind = CHANGE_EVENT_STEP, .u.event_step = s->parcels[i]->step};
    s->set = (struct change_set){
        .items = s->items, .n = s->n, .loop = s->d->loop, .done = on_saved, .ctx = s};
    if (s->files_failed)
        log_warn(s->d->events->options.log, "events.dead_letter_files",
                 "failed=%zu action=kept_in_the_store_alone", s->files_failed);
    store_commit(s->d->events->options.store, &s->set);
}

/* On the pool. */
static void write_files(void *ctx, struct store_reader *r)
{
    struct saving *s = ctx;

    for (size_t i = 0; i < s->dead_n; i++) {
        const struct dead *dead = &s->dead[i];
        struct event_row row;
        struct arena arena;
        enum rc rc;

        arena_init(&arena);
        rc = r ? store_event(r, &dead->step.subscription, &dead->step.id, &arena, &row) : RC_IO;
        if (!rc) {
            row.state = EVENT_DEAD;
            row.attempts = dead->step.attempts;
            row.last_attempt = dead->step.last_attempt;
            row.outcome = dead->step.outcome;
            rc = dead_letter_write(s->dir, &dead->sub, dead->topic, &row);
        }
        s->files_failed += rc != RC_OK && rc != RC_NOT_FOUND;
        arena_clear(&arena);
    }
}

/* What the pool needs of each dead letter: the table may change meanwhile. */
static void gather_dead(struct saving *s)
{
    struct events *e = s->d->events;

    s->dir = e->options.dead_letter_dir;
    if (!s->dir.len || s->d->stopping)
        return;
    s->dead = arena_array(&s->arena, struct dead, s->n);
    for (size_t i = 0; i < s->n; i++) {
        const struct parcel *p = s->parcels[i];
        struct dead *dead = &s->dead[s->dead_n];

        if (p->step.to != EVENT_DEAD || !p->lane->sub)
            continue;
        *dead = (struct dead){
            .sub = {.resource = p->lane->sub->resource,
                    .name = arena_dup(&s->arena, p->lane->sub->name),
                    .schema = p->lane->sub->schema},
            .topic = events_topic(e, &p->lane->sub->resource, &s->arena),
            .step = p->step,
        };
        s->dead_n++;
    }
}

static void save_some(struct dispatcher *d)
{
    struct saving *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    s->d = d;
    arena_init(&s->arena);
    while (d->outcomes && s->n < (d->singly ? 1 : SAVE_MAX)) {
        s->parcels[s->n++] = d->outcomes;
        d->outcomes = d->outcomes->next;
    }
    if (!d->outcomes)
        d->tail = &d->outcomes;
    d->outcomes_n -= s->n;
    d->saving_n += s->n;
    gather_dead(s);
    if (s->dead_n)
        store_on_pool(d->events->options.store, d->loop, write_files, commit, s);
    else
        commit(s);
}

void outcomes_save(struct dispatcher *d)
{
    if (d->outcomes && !d->saving_n && clock_mono() >= d->save_after)
        save_some(d);
}

void outcomes_stop(struct dispatcher *d)
{
    while (d->outcomes)
        save_some(d);
}

/* ---- forgetting ---- */

struct pruning {
    struct dispatcher *d;
    struct change_set set;
    struct change change;
};

static void on_pruned(void *ctx, enum rc rc, struct change_set *set)
{
    struct pruning *p = ctx;

    if (rc == RC_OK && set->items[0].out_existed)
        p->d->finished = PRUNE_AFTER; /* there is more */
    p->d->pruning = false;
    free(p);
}

/* In proportion to what ends, and at least once an hour of the service clock in which it runs. */
static bool wants_pruning(const struct dispatcher *d, unix_ms now)
{
    int64_t since = now < d->pruned ? PRUNE_AT_LEAST_MS : now - d->pruned;

    return d->finished >= PRUNE_AFTER || since >= PRUNE_AT_LEAST_MS ||
           (d->finished && since >= PRUNE_EVERY_MS);
}

void outcomes_prune(struct dispatcher *d)
{
    unix_ms now = dispatcher_now(d), before = now - d->events->options.keep_ms;
    struct pruning *p;

    if (d->pruning || !wants_pruning(d, now))
        return;
    p = calloc(1, sizeof *p);
    if (!p)
        abort();
    d->pruned = now;
    d->finished = 0;
    d->pruning = true;
    p->d = d;
    p->change.kind = CHANGE_EVENT_PRUNE;
    p->change.u.event_prune = (struct event_prune){
        .delivered_before = before, .dead_before = before, .limit = PRUNE_LIMIT};
    p->set = (struct change_set){
        .items = &p->change, .n = 1, .loop = d->loop, .done = on_pruned, .ctx = p};
    store_commit(d->events->options.store, &p->set);
}
