/* Queries for messages, repeatable requests, opt-outs, senders, transports and carriers' ids: by
 * key, whole tables, and lists. Writing them: sqlite_sms.c.
 *
 * Messages have no index of resources or numbers: the newest are found by going back along their
 * places, which are in order of time, and a page ends after LIST_SCAN_MAX rows whether it is full
 * or not. */
#include "store/sqlite/sqlite_backend.h"

typedef void (*sender_fn)(void *, const struct sms_sender_row *);
typedef void (*transport_fn)(void *, const struct sms_transport_row *);
typedef void (*open_fn)(void *, const struct sms_open_row *);

enum { /* columns that lists filter by */
       COL_ID = 0,
       COL_RESOURCE,
       COL_STATE,
       COL_CREATED,
       COL_FROM = 14,
       COL_TO,
       COL_TAG = 17,
};

static struct sms_row sms_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct sms_row){
        .id = column_uuid(st, COL_ID),
        .resource = column_uuid(st, COL_RESOURCE),
        .state = (enum sms_state)sqlite3_column_int(st, COL_STATE),
        .created = sqlite3_column_int64(st, COL_CREATED),
        .due = sqlite3_column_int64(st, 4),
        .deadline = sqlite3_column_int64(st, 5),
        .finished = sqlite3_column_int64(st, 6),
        .attempts = (uint32_t)sqlite3_column_int64(st, 7),
        .code = (uint32_t)sqlite3_column_int64(st, 8),
        .segments = (uint32_t)sqlite3_column_int64(st, 9),
        .segments_failed = (uint32_t)sqlite3_column_int64(st, 10),
        .ucs2 = sqlite3_column_int(st, 11) != 0,
        .report = sqlite3_column_int(st, 12) != 0,
        .unsure = sqlite3_column_int(st, 13) != 0,
        .from = arena_dup(arena, column_str(st, COL_FROM)),
        .to = arena_dup(arena, column_str(st, COL_TO)),
        .transport = arena_dup(arena, column_str(st, 16)),
        .tag = arena_dup(arena, column_str(st, COL_TAG)),
        .ref = arena_dup(arena, column_str(st, 18)),
        .text = arena_dup(arena, column_str(st, 19)),
        .history = arena_dup(arena, column_str(st, 20)),
    };
}

/* ---- by key ---- */

enum rc read_sms(struct backend_reader *r, uint64_t stamp, const struct uuid *id,
                 struct arena *arena, struct sms_row *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_SMS);
    enum rc rc;

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, sms_place(id));
    bind_uuid(st, 2, id);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *out = sms_of(st, arena);
    sqlite3_reset(st);
    return RC_OK;
}

enum rc read_sms_repeat(struct backend_reader *r, uint64_t stamp, struct sms_repeat_row *in_out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_SMS_REPEAT);
    struct str digest;
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &in_out->id);
    bind_uuid(st, 2, &in_out->resource);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    digest = column_str(st, 0);
    memset(in_out->digest, 0, sizeof in_out->digest);
    if (digest.len == sizeof in_out->digest)
        memcpy(in_out->digest, digest.ptr, sizeof in_out->digest);
    in_out->message = column_uuid(st, 1);
    in_out->created = sqlite3_column_int64(st, 2);
    in_out->kept_until = sqlite3_column_int64(st, 3);
    sqlite3_reset(st);
    return RC_OK;
}

enum rc read_sms_optout(struct backend_reader *r, uint64_t stamp, const struct sms_optout_row *key,
                        struct sms_optout_row *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_SMS_OPTOUT);
    struct sms_optout_row row = *key;
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &key->resource);
    bind_str(st, 2, key->sender);
    bind_str(st, 3, key->recipient);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    row.created = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    *out = row;
    return RC_OK;
}

enum rc read_sms_ref(struct backend_reader *r, uint64_t stamp, struct sms_ref_row *in_out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_SMS_REF);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_str(st, 1, in_out->transport);
    bind_str(st, 2, in_out->ref);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    in_out->message = column_uuid(st, 0);
    in_out->part = (uint32_t)sqlite3_column_int64(st, 1);
    in_out->kept_until = sqlite3_column_int64(st, 2);
    sqlite3_reset(st);
    return RC_OK;
}

/* ---- whole tables ---- */

static bool each_sender(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct sms_sender_row row = {
        .resource = column_uuid(st, 0),
        .sender = arena_dup(w->arena, column_str(st, 1)),
        .version = (uint32_t)sqlite3_column_int64(st, 2),
        .document = arena_dup(w->arena, column_str(st, 3)),
        .created = sqlite3_column_int64(st, 4),
    };

    ((sender_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_sms_senders(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                         void (*each)(void *, const struct sms_sender_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_SMS_SENDERS), each_sender,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

static bool each_transport(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct sms_transport_row row = {
        .name = arena_dup(w->arena, column_str(st, 0)),
        .kind = arena_dup(w->arena, column_str(st, 1)),
        .version = (uint32_t)sqlite3_column_int64(st, 2),
        .document = arena_dup(w->arena, column_str(st, 3)),
        .sealed = arena_dup(w->arena, column_str(st, 4)),
        .created = sqlite3_column_int64(st, 5),
    };

    ((transport_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_sms_transports(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                            void (*each)(void *, const struct sms_transport_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_SMS_TRANSPORTS), each_transport,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

static bool each_open(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    const struct sms_open_row row = {
        .transport = column_str(st, 0),
        .resource = column_uuid(st, 1),
        .n = (uint64_t)sqlite3_column_int64(st, 2),
    };

    ((open_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_sms_open(struct backend_reader *r, uint64_t stamp,
                      void (*each)(void *, const struct sms_open_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_SMS_OPEN), each_open,
                     (struct walk){(void (*)(void))each, ctx, NULL});
}

/* ---- messages ---- */

struct listing {
    const struct sms_query *q;
    struct arena *arena;
    struct sms_page *out;
    uint32_t limit;
    size_t cap, looked_at;
};

static bool text_fits(struct str wanted, sqlite3_stmt *st, int at)
{
    return !wanted.len || str_eq(column_str(st, at), wanted);
}

static bool is_wanted(const struct sms_query *q, sqlite3_stmt *st)
{
    struct uuid resource = column_uuid(st, COL_RESOURCE);
    unsigned state = SMS_STATE_BIT((unsigned)sqlite3_column_int(st, COL_STATE) & 31);

    return uuid_eq(&resource, &q->resource) && (!q->states || (q->states & state)) &&
           sqlite3_column_int64(st, COL_CREATED) >= q->since && text_fits(q->from, st, COL_FROM) &&
           text_fits(q->to, st, COL_TO) && text_fits(q->tag, st, COL_TAG);
}

static void add_row(struct listing *l, sqlite3_stmt *st)
{
    struct sms_page *out = l->out;

    out->rows = scan_room(l->arena, out->rows, out->n, &l->cap, sizeof *out->rows);
    out->rows[out->n++] = sms_of(st, l->arena);
}

static bool newest_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    bool wanted = is_wanted(l->q, st), full = l->out->n >= l->limit;

    if (l->looked_at++ >= LIST_SCAN_MAX || (wanted && full)) {
        l->out->more = true;
        return false;
    }
    if (!full) /* behind a full page only whether there is more matters */
        l->out->next = column_uuid(st, COL_ID);
    if (wanted)
        add_row(l, st);
    return true;
}

static bool due_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;

    l->out->more = l->out->n >= l->limit;
    if (l->out->more)
        return false;
    add_row(l, st);
    return true;
}

/** Where the list goes on from a message, which may be gone by now. */
static enum rc place_of(struct backend_reader *r, uint64_t stamp, const struct uuid *id,
                        int64_t *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_SMS_STRAY);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, id);
    rc = reader_step(r, st);
    if (rc && rc != RC_NOT_FOUND)
        return rc;
    *out = rc ? sms_place(id) : sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return RC_OK;
}

/** Places between which the list lies: beyond `after`, and not beyond `last`. */
static enum rc bounds(struct backend_reader *r, uint64_t stamp, const struct sms_query *q,
                      int64_t *out_after, int64_t *out_last)
{
    static const struct uuid none;
    struct uuid since = uuid_first(q->since); /* an id's time is never before `created` */
    int64_t after = -1, before = INT64_MAX;
    enum rc rc = RC_OK;

    if (!uuid_eq(&q->after_id, &none))
        rc = place_of(r, stamp, &q->after_id, &after);
    if (!rc && !uuid_eq(&q->before, &none)) {
        rc = place_of(r, stamp, &q->before, &before);
        before--;
    }
    *out_after = after < sms_place(&since) ? sms_place(&since) - 1 : after;
    *out_last = before;
    return rc;
}

static enum rc list_newest(struct backend_reader *r, uint64_t stamp, struct listing *l)
{
    int64_t after, last;
    enum rc rc = bounds(r, stamp, l->q, &after, &last);
    sqlite3_stmt *st;

    if (rc)
        return rc;
    st = reader_stmt(r, stamp, R_LIST_SMS);
    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, after);
    sqlite3_bind_int64(st, 2, last);
    return reader_walk(r, st, newest_for_page, l);
}

static enum rc list_due(struct backend_reader *r, uint64_t stamp, struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_LIST_SMS_DUE);

    if (!st)
        return RC_IO;
    bind_str(st, 1, l->q->transport);
    sqlite3_bind_int(st, 2, (int)l->q->state);
    bind_uuid(st, 3, &l->q->resource);
    sqlite3_bind_int64(st, 4, l->q->now);
    return reader_walk(r, st, due_for_page, l);
}

enum rc scan_sms(struct backend_reader *r, uint64_t stamp, const struct sms_query *q,
                 struct arena *arena, struct sms_page *out)
{
    struct listing l = {.q = q, .arena = arena, .out = out, .limit = scan_limit(q->limit)};

    *out = (struct sms_page){0};
    switch (q->what) {
    case SMS_LIST_NEWEST:
        return list_newest(r, stamp, &l);
    case SMS_LIST_DUE:
        return list_due(r, stamp, &l);
    }
    return RC_INVALID;
}

/* ---- opt-outs ---- */

struct optout_listing {
    const struct sms_optout_query *q;
    struct arena *arena;
    struct sms_optout_page *out;
    uint32_t limit;
    size_t cap;
};

static bool optout_for_page(sqlite3_stmt *st, void *ctx)
{
    struct optout_listing *l = ctx;
    struct sms_optout_page *out = l->out;

    out->more = out->n >= l->limit;
    if (out->more)
        return false;
    out->rows = scan_room(l->arena, out->rows, out->n, &l->cap, sizeof *out->rows);
    out->rows[out->n++] = (struct sms_optout_row){
        .resource = l->q->resource,
        .sender = arena_dup(l->arena, column_str(st, 0)),
        .recipient = arena_dup(l->arena, column_str(st, 1)),
        .created = sqlite3_column_int64(st, 2),
    };
    return true;
}

enum rc scan_optouts(struct backend_reader *r, uint64_t stamp, const struct sms_optout_query *q,
                     struct arena *arena, struct sms_optout_page *out)
{
    struct optout_listing l = {.q = q, .arena = arena, .out = out, .limit = scan_limit(q->limit)};
    sqlite3_stmt *st = reader_stmt(r, stamp, q->sender.len ? R_LIST_OPTOUTS_OF : R_LIST_OPTOUTS);

    *out = (struct sms_optout_page){0};
    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &q->resource);
    bind_str(st, 2, q->sender.len ? q->sender : q->after_sender);
    bind_str(st, 3, q->after_recipient);
    return reader_walk(r, st, optout_for_page, &l);
}
