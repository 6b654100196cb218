/* Looks: what is due, of which transport, and when the next look is worth its while. One look at a
 * time: on the pool it reads a bounded number of rows, on the loop each becomes a flight.
 * Source: wire/sms §3. */
#include "services/sms/sms_engine.h"

#define STATES         3
#define LOOK_ROWS_MAX  ((uint32_t)1000) /* of one transport and state */
#define STALLED_ROWS   ((uint32_t)200)  /* that nobody can take now: they are put off */
#define POLLS_MAX      ((size_t)100)    /* questions under way, of transports that ask others */
#define LOOK_MAX_MS    ((int64_t)250) /* the clock may be moved: no longer while something is open */
#define LOOK_MIN_NS    ((mono_ns)2 * 1000 * 1000)
#define RETRY_STUCK_MS ((uint64_t)1000)
#define TICK_MS        ((uint64_t)60 * 1000)
#define PRUNE_ROWS     1000
#define PRUNE_MS       ((int64_t)60 * 1000)
#define MS_NS          ((mono_ns)1000 * 1000)
#define NEVER          INT64_MAX

static const enum sms_state open_states[STATES] = {SMS_SUBMITTED, SMS_SUBMITTING, SMS_QUEUED};

/* One transport and state. */
struct view {
    struct sms_way *way; /* not touched on the pool */
    struct sms_query query;
    struct sms_page page;
    unix_ms next_due; /* of what is not due yet; NEVER: nothing is open */
};

struct sms_look {
    struct sms_engine *engine;
    struct arena arena;
    struct view *views;
    size_t n;
    enum rc rc;
};

static void look(struct sms_engine *e);

/* ---- on the pool ---- */

static enum rc read_view(struct view *v, struct store_reader *r, struct arena *arena)
{
    struct sms_query peek = v->query;
    struct sms_page first = {0};
    enum rc rc = RC_OK;

    v->next_due = NEVER;
    if (v->query.limit)
        rc = store_list_sms(r, &v->query, arena, &v->page);
    if (rc || v->page.n)
        return rc; /* there is something to do: what comes after it is seen then */
    peek.now = NEVER;
    peek.limit = 1;
    rc = store_list_sms(r, &peek, arena, &first);
    if (rc == RC_OK && first.n)
        v->next_due = first.rows[0].due;
    return rc;
}

static void read_views(void *ctx, struct store_reader *r)
{
    struct sms_look *l = ctx;

    l->rc = r ? RC_OK : RC_IO;
    for (size_t i = 0; i < l->n && l->rc == RC_OK; i++)
        l->rc = read_view(&l->views[i], r, &l->arena);
}

/* ---- what to ask for ---- */

static bool is_stalled(const struct sms_way *w)
{
    return w->pending + w->submitting == 0;
}

static uint32_t at_most(size_t n, size_t max)
{
    return (uint32_t)(n < max ? n : max);
}

/* Rows that flights stand for are found again until their step is committed: so many more. */
static uint32_t rows_wanted(const struct sms_way *w, enum sms_state state)
{
    size_t flights = w->engine->flights.count, room;

    if (flights >= SMS_FLIGHTS_MAX)
        return 0;
    if (state == SMS_SUBMITTED) {
        if (!w->carrier || !w->ops->poll)
            return LOOK_ROWS_MAX;
        room = w->ops->immediate ? LOOK_ROWS_MAX : POLLS_MAX;
        return w->polling < room ? at_most(room + w->polling, 2 * (size_t)LOOK_ROWS_MAX) : 0;
    }
    room = sms_way_room(w);
    if (room)
        return at_most(room, LOOK_ROWS_MAX) +
               (state == SMS_SUBMITTING ? (uint32_t)w->submitting : 0);
    return is_stalled(w) ? STALLED_ROWS : 0;
}

static void add_view(struct sms_look *l, struct sms_way *w, enum sms_state state, unix_ms now)
{
    struct view *v = &l->views[l->n++];

    v->way = w;
    v->query = (struct sms_query){.what = SMS_LIST_DUE,
                                  .transport = arena_dup(&l->arena, w->name),
                                  .state = state,
                                  .now = now,
                                  .limit = rows_wanted(w, state)};
}

/* ---- on the loop ---- */

static void schedule(struct sms_engine *e, uint64_t after_ms);

static void on_timer(void *ctx)
{
    look(ctx);
}

static void schedule(struct sms_engine *e, uint64_t after_ms)
{
    if (atomic_load(&e->running))
        loop_timer_start(e->site->loop, &e->timer, after_ms, 0, on_timer, e);
}

static size_t take_rows(struct sms_engine *e, const struct view *v)
{
    size_t taken = 0;

    for (size_t i = 0; i < v->page.n; i++) {
        const struct sms_row *row = &v->page.rows[i];

        if (sms_flight_find(e, &row->id) || e->flights.count >= SMS_FLIGHTS_MAX)
            continue;
        sms_flight_begin(e, v->way, row);
        taken++;
    }
    return taken;
}

/* When there may be something to do, in milliseconds; NEVER: when somebody says so. */
static int64_t next_look(struct sms_engine *e, unix_ms next_due)
{
    int64_t wait;

    if (next_due == NEVER)
        return e->flights.count ? LOOK_MAX_MS : NEVER;
    wait = next_due - clock_now(e->site->clock);
    return wait < 1 ? 1 : wait < LOOK_MAX_MS ? wait : LOOK_MAX_MS;
}

static void look_free(struct sms_look *l)
{
    arena_clear(&l->arena);
    free(l);
}

static void on_read(void *ctx)
{
    struct sms_look *l = ctx;
    struct sms_engine *e = l->engine;
    unix_ms next_due = NEVER;
    bool more = false;
    int64_t wait;

    e->look = NULL;
    if (!atomic_load(&e->running)) {
        look_free(l);
        return;
    }
    if (l->rc)
        log_error(e->site->log, "sms.look_failed", "rc=%s action=looking_again", rc_name(l->rc));
    for (size_t i = 0; i < l->n && l->rc == RC_OK; i++) {
        const struct view *v = &l->views[i];

        more = (take_rows(e, v) && v->page.more) || more;
        next_due = v->next_due < next_due ? v->next_due : next_due;
        if (v->page.n)
            next_due = 0; /* flights bring their own wake-ups; others of the page may be left */
    }
    wait = next_due == 0 ? LOOK_MAX_MS : next_look(e, next_due);
    if (l->rc)
        wait = LOOK_MAX_MS;
    look_free(l);
    if (e->again || more)
        schedule(e, LOOK_MIN_NS / MS_NS);
    else if (wait != NEVER)
        schedule(e, (uint64_t)wait);
    e->again = false;
}

/* ---- what is forgotten by time ---- */

static void prune(struct sms_engine *e);

static void on_pruned(void *ctx, enum rc rc, struct change_set *set)
{
    struct sms_engine *e = ctx;

    e->pruning = false;
    if (rc)
        log_warn(e->site->log, "sms.prune_failed", "rc=%s action=trying_again", rc_name(rc));
    else if (set->items[0].out_existed && atomic_load(&e->running))
        prune(e);
}

static void prune(struct sms_engine *e)
{
    const struct sms_options *o = &e->sms->options;
    unix_ms now = clock_now(e->site->clock);

    if (e->pruning)
        return;
    e->pruning = true;
    e->pruned = now;
    e->prune = (struct change){.kind = CHANGE_SMS_PRUNE,
                               .u.sms_prune = {.now = now,
                                               .messages_before = o->keep_ms ? now - o->keep_ms : 0,
                                               .limit = PRUNE_ROWS}};
    e->prune_set = (struct change_set){
        .items = &e->prune, .n = 1, .loop = e->site->loop, .done = on_pruned, .ctx = e};
    store_commit(e->site->store, &e->prune_set);
}

/* By the service's clock, which may be moved. */
static void prune_each_minute(struct sms_engine *e, unix_ms now)
{
    if (now - e->pruned >= PRUNE_MS || now < e->pruned)
        prune(e);
}

/* ---- one look ---- */

static size_t count_ways(const struct sms_engine *e)
{
    size_t n = 0;

    for (const struct sms_way *w = e->ways; w; w = w->next)
        n++;
    return n;
}

/* Names that messages have been given to, and no configuration has: their messages wait. */
static void note_seen_names(struct sms_engine *e, struct arena *arena)
{
    size_t n;
    struct str *names = sms_transports_seen(e->sms, arena, &n);

    for (size_t i = 0; i < n; i++)
        sms_way_note(e, names[i]);
}

static void look(struct sms_engine *e)
{
    struct sms_look *l;
    unix_ms now;

    if (!atomic_load(&e->running))
        return;
    if (e->look) {
        e->again = true;
        return;
    }
    sms_flights_retry(e);
    sms_ways_follow(e);
    l = calloc(1, sizeof *l);
    if (!l)
        abort();
    arena_init(&l->arena);
    note_seen_names(e, &l->arena);
    l->engine = e;
    l->views = arena_array(&l->arena, struct view, STATES * count_ways(e));
    now = clock_now(e->site->clock);
    prune_each_minute(e, now);
    for (struct sms_way *w = e->ways; w; w = w->next) {
        sms_way_review(w, NULL, 0);
        for (size_t i = 0; i < STATES; i++)
            add_view(l, w, open_states[i], now);
    }
    e->look = l;
    e->looked = clock_mono();
    store_on_pool(e->site->store, e->site->loop, read_views, on_read, l);
}

/* ---- waking ---- */

static void on_woken(void *ctx)
{
    struct sms_engine *e = ctx;
    mono_ns since;

    atomic_store(&e->woken, false);
    if (!atomic_load(&e->running))
        return;
    since = clock_mono() - e->looked;
    if (e->stuck)
        schedule(e, RETRY_STUCK_MS);
    else if (since < LOOK_MIN_NS)
        schedule(e, (LOOK_MIN_NS - since) / MS_NS + 1);
    else
        look(e);
}

void sms_engine_wake(struct sms_engine *e)
{
    if (!atomic_load(&e->running) || atomic_exchange(&e->woken, true))
        return;
    loop_post(e->site->loop, &e->wake_task);
}

/* ---- the minute ---- */

static void on_tick(void *ctx)
{
    struct sms_engine *e = ctx;

    prune(e);
    look(e);
}

/* ---- life ---- */

struct sms_engine *sms_engine_new(struct sms *s)
{
    struct sms_engine *e = calloc(1, sizeof *e);

    if (!e)
        abort();
    e->sms = s;
    e->wake_task = (struct loop_task){.run = on_woken, .ctx = e};
    map_init(&e->flights);
    return e;
}

static void take_open(void *ctx, const struct sms_open_row *row)
{
    struct sms *s = ctx;

    sms_open_add(s, &row->resource, (int64_t)row->n);
    sms_transport_seen(s, row->transport);
}

/* What a former run has left is counted before anybody can add to it. */
void sms_engine_start(struct sms_engine *e, const struct site *site)
{
    enum rc rc = store_each_sms_open(site->reader, take_open, e->sms);

    if (rc)
        log_error(site->log, "sms.start_failed", "rc=%s action=transports_that_are_gone_wait",
                  rc_name(rc));
    e->site = site;
    atomic_store(&e->running, true);
    loop_timer_start(site->loop, &e->tick, TICK_MS, TICK_MS, on_tick, e);
    schedule(e, 0);
}

void sms_engine_stop(struct sms_engine *e)
{
    if (!atomic_exchange(&e->running, false))
        return;
    loop_timer_close(&e->timer);
    loop_timer_close(&e->tick);
    sms_early_clear(e->sms); /* before the end of what they wait for makes them nobody's */
    sms_ways_close(e);
    sms_flights_clear(e);
}

void sms_engine_free(struct sms_engine *e)
{
    if (!e)
        return;
    sms_ways_free(e);
    map_clear(&e->flights);
    free(e);
}
