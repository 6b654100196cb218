/* Queries for event subscriptions and events on their way. Writing them: sqlite_events.c. */
#include "store/sqlite/sqlite_backend.h"

typedef void (*subscription_fn)(void *, const struct subscription_row *);

#define COL_ID    1
#define COL_STATE 3

static struct event_row event_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct event_row){
        .subscription = column_uuid(st, 0),
        .id = column_uuid(st, COL_ID),
        .resource = column_uuid(st, 2),
        .state = (enum event_state)sqlite3_column_int(st, COL_STATE),
        .time = sqlite3_column_int64(st, 4),
        .published = sqlite3_column_int64(st, 5),
        .due = sqlite3_column_int64(st, 6),
        .last_attempt = sqlite3_column_int64(st, 7),
        .attempts = (uint32_t)sqlite3_column_int64(st, 8),
        .event_id = arena_dup(arena, column_str(st, 9)),
        .type = arena_dup(arena, column_str(st, 10)),
        .subject = arena_dup(arena, column_str(st, 11)),
        .outcome = arena_dup(arena, column_str(st, 12)),
        .data = arena_dup(arena, column_str(st, 13)),
    };
}

enum rc read_event(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                   struct event_row *in_out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_EVENT);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &in_out->subscription);
    bind_uuid(st, 2, &in_out->id);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *in_out = event_of(st, arena);
    sqlite3_reset(st);
    return RC_OK;
}

static bool each_subscription(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct subscription_row row = {
        .resource = column_uuid(st, 0),
        .name = arena_dup(w->arena, column_str(st, 1)),
        .id = column_uuid(st, 2),
        .version = (uint32_t)sqlite3_column_int64(st, 3),
        .state = (enum subscription_state)sqlite3_column_int(st, 4),
        .document = arena_dup(w->arena, column_str(st, 5)),
        .sealed = arena_dup(w->arena, column_str(st, 6)),
        .handshake = arena_dup(w->arena, column_str(st, 7)),
        .failure = arena_dup(w->arena, column_str(st, 8)),
        .created = sqlite3_column_int64(st, 9),
    };

    ((subscription_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_subscriptions(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                           void (*each)(void *, const struct subscription_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_SUBSCRIPTIONS), each_subscription,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

/* ---- lists ---- */

struct listing {
    unsigned states; /* 0: all */
    struct arena *arena;
    struct event_page *out;
    uint32_t limit;
    size_t cap, looked_at;
};

static bool event_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct event_page *out = l->out;
    unsigned state = EVENT_STATE_BIT((unsigned)sqlite3_column_int(st, COL_STATE) & 31);
    bool wanted = !l->states || (l->states & state);

    if (l->looked_at++ >= LIST_SCAN_MAX || (wanted && out->n >= l->limit)) {
        out->more = true;
        return false;
    }
    out->next = column_uuid(st, COL_ID);
    if (!wanted)
        return true;
    out->rows = scan_room(l->arena, out->rows, out->n, &l->cap, sizeof *out->rows);
    out->rows[out->n++] = event_of(st, l->arena);
    return true;
}

static enum rc list_newest(struct backend_reader *r, uint64_t stamp, const struct event_query *q,
                           struct listing *l)
{
    static const struct uuid none;
    bool dead_alone = q->states == EVENT_STATE_BIT(EVENT_DEAD); /* few, and they have an index */
    sqlite3_stmt *st = reader_stmt(r, stamp, dead_alone ? R_LIST_EVENTS_DEAD : R_LIST_EVENTS);

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &q->subscription);
    if (uuid_eq(&q->before, &none))
        bind_beyond_ids(st, 2);
    else
        bind_uuid(st, 2, &q->before);
    return reader_walk(r, st, event_for_page, l);
}

static enum rc list_due(struct backend_reader *r, uint64_t stamp, const struct event_query *q,
                        struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_LIST_EVENTS_DUE);

    if (!st)
        return RC_IO;
    l->states = 0;
    bind_uuid(st, 1, &q->subscription);
    sqlite3_bind_int64(st, 2, q->now);
    return reader_walk(r, st, event_for_page, l);
}

enum rc scan_events(struct backend_reader *r, uint64_t stamp, const struct event_query *q,
                    struct arena *arena, struct event_page *out)
{
    struct listing l = {
        .states = q->states, .arena = arena, .out = out, .limit = scan_limit(q->limit)};

    *out = (struct event_page){0};
    switch (q->what) {
    case EVENT_LIST_DUE:
        return list_due(r, stamp, q, &l);
    case EVENT_LIST_NEWEST:
        return list_newest(r, stamp, q, &l);
    }
    return RC_INVALID;
}
