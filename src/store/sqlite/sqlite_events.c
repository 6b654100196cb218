/* Changes of event subscriptions and of events on their way: on the writer thread, as
 * sqlite_apply.c calls them. Reading them: sqlite_events_read.c. */
#include "store/sqlite/sqlite_backend.h"

/* ---- subscriptions ---- */

static enum rc log_subscription(struct backend *b, struct log_out *log, const struct uuid *resource)
{
    return writer_log(b, log, &(struct log_entry){.kind = LOG_SUBSCRIPTION, .resource = *resource});
}

/** The row that has the key: its version and id. RC_NOT_FOUND: none. */
static enum rc find_subscription(struct backend *b, const struct subscription_row *key,
                                 int64_t *out_version, struct uuid *out_id)
{
    sqlite3_stmt *st = writer_stmt(b, W_SUBSCRIPTION_THERE);
    enum rc rc;
    int code;

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, &key->resource);
    bind_str(st, 2, key->name);
    code = sqlite3_step(st);
    rc = sqlite_rc(b->db, code);
    if (code == SQLITE_ROW) {
        *out_version = sqlite3_column_int64(st, 0);
        *out_id = column_uuid(st, 1);
    }
    sqlite3_reset(st);
    return rc || code == SQLITE_ROW ? rc : RC_NOT_FOUND;
}

/** Does the row follow the one that is there? */
static enum rc check_version(struct backend *b, struct change *c)
{
    const struct subscription_row *row = &c->u.subscription;
    int64_t version;
    struct uuid id;
    enum rc rc = find_subscription(b, row, &version, &id);

    if (rc == RC_NOT_FOUND)
        return row->version == 1 ? RC_OK : RC_CONFLICT;
    if (rc)
        return rc;
    c->out_existed = true;
    if (row->version != version + 1)
        return RC_CONFLICT;
    return uuid_eq(&id, &row->id) ? RC_OK : RC_INVALID; /* fixed for life */
}

enum rc apply_subscription_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    const struct subscription_row *row = &c->u.subscription;
    enum rc rc = check_version(b, c);

    if (rc)
        return rc;
    bind_uuid(st, 1, &row->resource);
    bind_str(st, 2, row->name);
    bind_uuid(st, 3, &row->id);
    sqlite3_bind_int64(st, 4, row->version);
    sqlite3_bind_int(st, 5, (int)row->state);
    bind_str(st, 6, row->document);
    bind_blob(st, 7, row->sealed);
    bind_str(st, 8, row->handshake);
    bind_str(st, 9, row->failure);
    sqlite3_bind_int64(st, 10, row->created);
    rc = writer_run(b, st);
    return rc ? rc : log_subscription(b, log, &row->resource);
}

static enum rc clear_events(struct backend *b, const struct uuid *subscription)
{
    sqlite3_stmt *st = writer_stmt(b, W_SUBSCRIPTION_CLEAR);

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, subscription);
    sqlite3_bind_int(st, 2, DELETE_STEP); /* nobody finds the rest: pruning takes it */
    return writer_run(b, st);
}

enum rc apply_subscription_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                  struct log_out *log)
{
    const struct subscription_row *key = &c->u.subscription;
    int64_t version;
    struct uuid id;
    enum rc rc = find_subscription(b, key, &version, &id);

    if (rc)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    c->out_existed = true;
    rc = clear_events(b, &id);
    if (rc)
        return rc;
    bind_uuid(st, 1, &key->resource);
    bind_str(st, 2, key->name);
    rc = writer_run(b, st);
    return rc ? rc : log_subscription(b, log, &key->resource);
}

/* ---- events ---- */

static bool is_state(enum event_state state)
{
    return state > EVENT_STATE_NONE && state < EVENT_STATE_COUNT;
}

enum rc apply_event_add(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct event_row *row = &c->u.event;

    (void)log; /* events are not kept in memory */
    if (!is_state(row->state))
        return RC_INVALID;
    bind_uuid(st, 1, &row->subscription);
    bind_uuid(st, 2, &row->id);
    bind_uuid(st, 3, &row->resource);
    sqlite3_bind_int(st, 4, (int)row->state);
    sqlite3_bind_int64(st, 5, row->time);
    sqlite3_bind_int64(st, 6, row->published);
    sqlite3_bind_int64(st, 7, row->due);
    sqlite3_bind_int64(st, 8, row->last_attempt);
    sqlite3_bind_int64(st, 9, row->attempts);
    bind_str(st, 10, row->event_id);
    bind_str(st, 11, row->type);
    bind_str(st, 12, row->subject);
    bind_str(st, 13, row->outcome);
    bind_str(st, 14, row->data);
    return writer_run(b, st);
}

/** Why did a step find nothing to change? */
static enum rc missed_step(struct backend *b, const struct event_step *step)
{
    sqlite3_stmt *st = writer_stmt(b, W_EVENT_EXISTS);
    bool found = false;
    enum rc rc;

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, &step->subscription);
    bind_uuid(st, 2, &step->id);
    rc = writer_row_exists(b, st, &found);
    return rc ? rc : found ? RC_CONFLICT : RC_NOT_FOUND;
}

enum rc apply_event_step(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct event_step *step = &c->u.event_step;
    enum rc rc;

    (void)log;
    if (!is_state(step->to))
        return RC_INVALID;
    bind_uuid(st, 1, &step->subscription);
    bind_uuid(st, 2, &step->id);
    sqlite3_bind_int64(st, 3, step->from);
    sqlite3_bind_int(st, 4, (int)step->to);
    sqlite3_bind_int64(st, 5, step->due);
    sqlite3_bind_int64(st, 6, step->last_attempt);
    sqlite3_bind_int64(st, 7, step->published);
    sqlite3_bind_int64(st, 8, step->attempts);
    bind_str(st, 9, step->outcome);
    rc = writer_run(b, st);
    return rc || sqlite3_changes(b->db) ? rc : missed_step(b, step);
}

static enum rc prune_state(struct backend *b, sqlite3_stmt *st, struct change *c,
                           enum event_state state)
{
    const struct event_prune *prune = &c->u.event_prune;

    sqlite3_bind_int(st, 1, (int)state);
    sqlite3_bind_int64(st, 2, state == EVENT_DEAD ? prune->dead_before : prune->delivered_before);
    return writer_prune(b, st, 3, prune->limit, c);
}

enum rc apply_event_prune(struct backend *b, sqlite3_stmt *st, struct change *c,
                          struct log_out *log)
{
    sqlite3_stmt *gone = writer_stmt(b, W_EVENT_PRUNE_GONE);
    enum rc rc;

    (void)log;
    if (!gone)
        return RC_INTERNAL;
    rc = prune_state(b, st, c, EVENT_DELIVERED);
    if (!rc)
        rc = prune_state(b, st, c, EVENT_DEAD);
    return rc ? rc : writer_prune(b, gone, 1, c->u.event_prune.limit, c);
}
