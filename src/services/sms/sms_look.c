/* One look at what is due: on the pool it reads a bounded number of rows of each queue, on the loop
 * each becomes a flight. The resources of a transport take turns: each gets its share of the room
 * that there is, and who was served the longest ago comes first. Queues of which is known that
 * nothing is due, and those for which there is no room, are not read. Source: wire/sms §3. */
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
    unix_ms next_due; /* as in sms_queue: 0 when something is due, as before when not read */
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
    unix_ms now, next_due; /* of queues without a turn */
    enum rc rc;
};

/* ---- on the pool ---- */

static enum rc read_view(struct view *v, struct store_reader *r, struct arena *arena)
{
    struct sms_query peek = v->query;
    struct sms_page first = {0};
    enum rc rc;

    if (v->query.limit == 0)
        return RC_OK;
    v->next_due = 0;
    rc = store_list_sms(r, &v->query, arena, &v->page);
    if (rc || v->page.n)
        return rc; /* there is something to do: what comes after it is seen then */
    v->next_due = SMS_NEVER;
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

static void divide_room(struct sms_way *w)
{
    for (size_t i = 0; i < SMS_LOOK_STATES; i++) {
        struct sms_room *room = &w->rooms[i];

        if (!room->queues)
            continue;
        room->left = room_for(w, open_states[i]);
        room->share = (room->left + room->queues - 1) / room->queues;
    }
}

/* How many rows of a queue are read. Those that flights stand for are found again until their step
 * is committed. A queue without flights has something for the room that it is read for, or else
 * has no turn the next time: so the others are not skipped for long. */
static uint32_t rows_of(const struct turn *t, size_t state, unix_ms now)
{
    struct sms_room *room = &t->way->rooms[state];
    size_t rows = room->share + t->queue.flights;

    if (t->queue.next_due[state] > now)
        return 0;
    if (room->asked >= room->left) {
        room->skipped = true;
        return 0;
    }
    if (!t->queue.flights)
        room->asked += room->share;
    return (uint32_t)(rows < 2 * LOOK_ROWS_MAX ? rows : 2 * LOOK_ROWS_MAX);
}

static void plan(struct turn *t, unix_ms now)
{
    for (size_t i = 0; i < SMS_LOOK_STATES; i++)
        t->views[i] = (struct view){.query = {.what = SMS_LIST_DUE,
                                              .resource = t->queue.resource,
                                              .transport = t->queue.transport,
                                              .state = open_states[i],
                                              .now = now,
                                              .limit = rows_of(t, i, now)},
                                    .next_due = t->queue.next_due[i]};
}

static int by_last_served(const void *a, const void *b)
{
    const struct turn *one = a, *other = b;

    return one->queue.served < other->queue.served ? -1 : one->queue.served > other->queue.served;
}

static void take_turns(struct sms_look *l)
{
    struct sms_engine *e = l->engine;
    const struct sms_queue *queues = sms_queues(e->sms, l->now, &l->arena, &l->n, &l->next_due);

    l->turns = arena_array(&l->arena, struct turn, l->n + 1);
    for (struct sms_way *w = e->ways; w; w = w->next)
        memset(w->rooms, 0, sizeof w->rooms);
    for (size_t i = 0; i < l->n; i++) {
        struct turn *t = &l->turns[i];

        t->queue = queues[i];
        t->way = sms_way_note(e, queues[i].transport);
        for (size_t j = 0; j < SMS_LOOK_STATES; j++)
            t->way->rooms[j].queues += t->queue.next_due[j] <= l->now;
    }
    qsort(l->turns, l->n, sizeof *l->turns, by_last_served);
}

/* ---- on the loop ---- */

/* True when something was taken, and something is left that may be taken at once. */
static bool take_rows(struct turn *t, size_t state)
{
    const struct sms_page *page = &t->views[state].page;
    struct sms_engine *e = t->way->engine;
    struct sms_room *room = &t->way->rooms[state];
    bool more = page->more;
    size_t taken = 0;

    for (size_t i = 0; i < page->n; i++) {
        if (sms_flight_find(e, &page->rows[i].id))
            continue;
        if (taken == room->share || room->left == 0 || e->flights.count >= SMS_FLIGHTS_MAX) {
            more = true;
            break;
        }
        sms_flight_begin(e, t->way, &page->rows[i]);
        room->left--;
        taken++;
    }
    if (taken && open_states[state] != SMS_SUBMITTED) /* questions take no room of messages */
        t->queue.served = e->looks;
    return taken && more;
}

static void take_turn(struct turn *t, unix_ms now, struct sms_looked *found)
{
    for (size_t i = 0; i < SMS_LOOK_STATES; i++) {
        unix_ms due = t->views[i].next_due;

        found->more = take_rows(t, i) || found->more;
        t->queue.next_due[i] = due;
        if (due <= now)
            found->waits = true;
        else if (due < found->next_due)
            found->next_due = due;
    }
    sms_queue_looked_at(t->way->engine->sms, &t->queue);
}

/* Room for more is left, and there are queues that were not read. */
static bool is_unfinished(const struct sms_way *w)
{
    for (size_t i = 0; i < SMS_LOOK_STATES; i++)
        if (w->rooms[i].skipped && w->rooms[i].left)
            return true;
    return false;
}

static void take_all(struct sms_look *l, struct sms_looked *found)
{
    for (size_t i = 0; i < l->n; i++)
        take_turn(&l->turns[i], l->now, found);
    for (const struct sms_way *w = l->engine->ways; w; w = w->next)
        found->more = is_unfinished(w) || found->more;
}

static void on_read(void *ctx)
{
    struct sms_look *l = ctx;
    struct sms_engine *e = l->engine;
    struct sms_looked found = {.waits = l->rc != RC_OK, .next_due = l->next_due};

    e->look = NULL;
    if (l->rc)
        log_error(e->site->log, "sms.look_failed", "rc=%s action=looking_again", rc_name(l->rc));
    if (atomic_load(&e->running)) {
        if (l->rc == RC_OK)
            take_all(l, &found);
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
    l->now = now;
    take_turns(l);
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
