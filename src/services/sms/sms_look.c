/* One look at what is due: on the pool it reads a bounded number of rows of each queue, on the loop
 * each becomes a flight. The resources of a transport take turns: each gets its share of the room
 * that there is, and who was served the longest ago comes first. Source: wire/sms §3. */
#include "services/sms/sms_engine.h"

#define LOOK_ROWS_MAX ((size_t)1000) /* of one transport and state */
#define STALLED_ROWS  ((size_t)200)  /* that nobody can take now: they are put off */
#define POLLS_MAX     ((size_t)100)  /* questions under way, of transports that ask others */

static const enum sms_state open_states[SMS_LOOK_STATES] = {SMS_SUBMITTED, SMS_SUBMITTING,
                                                            SMS_QUEUED};

/* One queue in one state. */
struct view {
    struct sms_query query;
    struct sms_page page;
    unix_ms next_due; /* of what is not due yet; SMS_NEVER: nothing is open */
};

struct turn {
    struct sms_queue queue;
    struct sms_way *way; /* not touched on the pool */
    struct view views[SMS_LOOK_STATES];
};

struct sms_look {
    struct sms_engine *engine;
    struct arena arena;
    struct turn *turns;
    size_t n;
    enum rc rc;
};

/* ---- on the pool ---- */

static enum rc read_view(struct view *v, struct store_reader *r, struct arena *arena)
{
    struct sms_query peek = v->query;
    struct sms_page first = {0};
    enum rc rc;

    v->next_due = SMS_NEVER;
    if (v->query.limit == 0)
        return RC_OK;
    rc = store_list_sms(r, &v->query, arena, &v->page);
    if (rc || v->page.n)
        return rc; /* there is something to do: what comes after it is seen then */
    peek.now = SMS_NEVER;
    peek.limit = 1;
    rc = store_list_sms(r, &peek, arena, &first);
    if (rc == RC_OK && first.n)
        v->next_due = first.rows[0].due;
    return rc;
}

static void read_turns(void *ctx, struct store_reader *r)
{
    struct sms_look *l = ctx;

    l->rc = r ? RC_OK : RC_IO;
    for (size_t i = 0; i < l->n * SMS_LOOK_STATES && l->rc == RC_OK; i++)
        l->rc = read_view(&l->turns[i / SMS_LOOK_STATES].views[i % SMS_LOOK_STATES], r, &l->arena);
}

/* ---- what to ask for ---- */

static bool is_stalled(const struct sms_way *w)
{
    return w->pending + w->submitting == 0;
}

static size_t room_for(const struct sms_way *w, enum sms_state state)
{
    size_t room;

    if (w->engine->flights.count >= SMS_FLIGHTS_MAX)
        return 0;
    if (state == SMS_SUBMITTED) {
        room = w->carrier && w->ops->poll && !w->ops->immediate ? POLLS_MAX : LOOK_ROWS_MAX;
        return room > w->polling ? room - w->polling : 0;
    }
    room = sms_way_room(w);
    if (room == 0)
        return is_stalled(w) ? STALLED_ROWS : 0;
    return room < LOOK_ROWS_MAX ? room : LOOK_ROWS_MAX;
}

/* Rows that flights stand for are found again until their step is committed. */
static size_t found_again(const struct sms_way *w, enum sms_state state)
{
    return state == SMS_SUBMITTED    ? w->polling
           : state == SMS_SUBMITTING ? w->submitting
                                     : w->pending;
}

static void divide_room(struct sms_way *w)
{
    for (size_t i = 0; i < SMS_LOOK_STATES && w->queues; i++) {
        w->room[i] = room_for(w, open_states[i]);
        w->share[i] = (w->room[i] + w->queues - 1) / w->queues;
    }
}

static void plan(struct turn *t, unix_ms now)
{
    for (size_t i = 0; i < SMS_LOOK_STATES; i++) {
        size_t share = t->way->share[i];
        size_t limit = share ? share + found_again(t->way, open_states[i]) : 0;

        t->views[i].query = (struct sms_query){
            .what = SMS_LIST_DUE,
            .resource = t->queue.resource,
            .transport = t->queue.transport,
            .state = open_states[i],
            .now = now,
            .limit = (uint32_t)(limit < 2 * LOOK_ROWS_MAX ? limit : 2 * LOOK_ROWS_MAX)};
    }
}

static int by_last_served(const void *a, const void *b)
{
    const struct turn *one = a, *other = b;

    return one->queue.served < other->queue.served ? -1 : one->queue.served > other->queue.served;
}

static struct turn *take_turns(struct sms_engine *e, struct arena *arena, size_t *out_n)
{
    const struct sms_queue *queues = sms_queues(e->sms, arena, out_n);
    struct turn *turns = arena_array(arena, struct turn, *out_n + 1);

    for (struct sms_way *w = e->ways; w; w = w->next)
        w->queues = 0;
    for (size_t i = 0; i < *out_n; i++) {
        turns[i].queue = queues[i];
        turns[i].way = sms_way_note(e, queues[i].transport);
        turns[i].way->queues++;
    }
    qsort(turns, *out_n, sizeof *turns, by_last_served);
    return turns;
}

/* ---- on the loop ---- */

/* True when something was taken, and something is left that may be taken at once. */
static bool take_rows(struct turn *t, size_t state)
{
    const struct sms_page *page = &t->views[state].page;
    struct sms_engine *e = t->way->engine;
    size_t *room = &t->way->room[state], share = t->way->share[state], taken = 0;
    bool left = page->more;

    for (size_t i = 0; i < page->n; i++) {
        if (sms_flight_find(e, &page->rows[i].id))
            continue;
        if (taken == share || *room == 0 || e->flights.count >= SMS_FLIGHTS_MAX) {
            left = true;
            break;
        }
        sms_flight_begin(e, t->way, &page->rows[i]);
        --*room;
        taken++;
    }
    if (taken)
        t->queue.served = e->looks;
    return taken && left;
}

static void take_turn(struct turn *t, struct sms_looked *found)
{
    uint64_t served = t->queue.served;
    bool is_empty = true;

    for (size_t i = 0; i < SMS_LOOK_STATES; i++) {
        const struct view *v = &t->views[i];
        bool waits = v->page.n || v->query.limit == 0;

        found->more = take_rows(t, i) || found->more;
        found->waits = waits || found->waits;
        found->next_due = v->next_due < found->next_due ? v->next_due : found->next_due;
        is_empty = is_empty && !waits && v->next_due == SMS_NEVER;
    }
    if (is_empty || served != t->queue.served)
        sms_queue_looked_at(t->way->engine->sms, &t->queue, is_empty);
}

static void on_read(void *ctx)
{
    struct sms_look *l = ctx;
    struct sms_engine *e = l->engine;
    struct sms_looked found = {.waits = l->rc != RC_OK, .next_due = SMS_NEVER};

    e->look = NULL;
    if (l->rc)
        log_error(e->site->log, "sms.look_failed", "rc=%s action=looking_again", rc_name(l->rc));
    if (atomic_load(&e->running)) {
        for (size_t i = 0; i < l->n && l->rc == RC_OK; i++)
            take_turn(&l->turns[i], &found);
        sms_engine_looked(e, &found);
    }
    arena_clear(&l->arena);
    free(l);
}

void sms_look_begin(struct sms_engine *e, unix_ms now)
{
    struct sms_look *l = calloc(1, sizeof *l);

    if (!l)
        abort();
    arena_init(&l->arena);
    l->engine = e;
    l->turns = take_turns(e, &l->arena, &l->n);
    for (struct sms_way *w = e->ways; w; w = w->next) {
        sms_way_review(w, NULL, 0);
        divide_room(w);
    }
    for (size_t i = 0; i < l->n; i++)
        plan(&l->turns[i], now);
    e->look = l;
    e->looks++;
    store_on_pool(e->site->store, e->site->loop, read_turns, on_read, l);
}
