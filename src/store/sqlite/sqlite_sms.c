/* Changes of messages, repeatable requests, opt-outs, senders, transports and carriers' ids: on the
 * writer thread, as sqlite_apply.c calls them. Reading them: sqlite_sms_read.c.
 *
 * A message is written by one statement each time, whatever its step: a batch of thousands is
 * mostly this file's work. What deletes many rows does so in portions, since others wait for the
 * writer meanwhile. */
#include "store/sqlite/sqlite_backend.h"

/** Runs an insert that leaves a row of the same key as it is, or a delete by key. */
static enum rc run_and_count(struct backend *b, sqlite3_stmt *st, int *out_rows)
{
    enum rc rc = writer_run(b, st);

    *out_rows = rc ? 0 : sqlite3_changes(b->db);
    return rc;
}

/* ---- messages ---- */

static bool is_state(enum sms_state state)
{
    return state > SMS_STATE_NONE && state < SMS_STATE_COUNT;
}

static void bind_sms_texts(sqlite3_stmt *st, const struct sms_row *row)
{
    bind_str(st, 15, row->from);
    bind_str(st, 16, row->to);
    bind_str(st, 17, row->transport);
    bind_str(st, 18, row->tag);
    bind_str(st, 19, row->ref);
    bind_str(st, 20, row->text);
    bind_str(st, 21, row->history);
}

/** The place of a message that isn't at the place of its id. RC_NOT_FOUND: none is. */
static enum rc stray_place(struct backend *b, const struct uuid *id, int64_t *out)
{
    sqlite3_stmt *st = writer_stmt(b, W_SMS_STRAY);
    enum rc rc;
    int code;

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, id);
    code = sqlite3_step(st);
    rc = sqlite_rc(b->db, code);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc || code == SQLITE_ROW ? rc : RC_NOT_FOUND;
}

/** Is a message at the place of its id? */
static enum rc is_at_place(struct backend *b, const struct uuid *id, bool *out)
{
    sqlite3_stmt *st = writer_stmt(b, W_SMS_THERE);

    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, sms_place(id));
    bind_uuid(st, 2, id);
    return writer_row_exists(b, st, out);
}

static enum rc add_at(struct backend *b, sqlite3_stmt *st, int64_t place)
{
    sqlite3_bind_int64(st, 22, place);
    return writer_run(b, st);
}

/** Its place is taken: by itself, which is a conflict, or by another. Then it gets the next odd one
 * that is free. */
static enum rc add_stray(struct backend *b, sqlite3_stmt *st, const struct uuid *id)
{
    int64_t place = sms_place(id) + 1;
    bool there = false;
    enum rc rc = is_at_place(b, id, &there);

    if (rc || there)
        return rc ? rc : RC_CONFLICT;
    rc = add_at(b, st, place);
    while (rc == RC_CONFLICT && place < INT64_MAX)
        rc = add_at(b, st, place += 2);
    return rc;
}

enum rc apply_sms_add(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct sms_row *row = &c->u.sms;
    int64_t place;
    enum rc rc;

    (void)log; /* messages are not kept in memory */
    if (!is_state(row->state))
        return RC_INVALID;
    rc = stray_place(b, &row->id, &place);
    if (rc != RC_NOT_FOUND)
        return rc ? rc : RC_CONFLICT;
    bind_uuid(st, 1, &row->id);
    bind_uuid(st, 2, &row->resource);
    sqlite3_bind_int(st, 3, (int)row->state);
    sqlite3_bind_int64(st, 4, row->created);
    sqlite3_bind_int64(st, 5, row->due);
    sqlite3_bind_int64(st, 6, row->deadline);
    sqlite3_bind_int64(st, 7, row->finished);
    sqlite3_bind_int64(st, 8, row->attempts);
    sqlite3_bind_int64(st, 9, row->code);
    sqlite3_bind_int64(st, 10, row->segments);
    sqlite3_bind_int64(st, 11, row->segments_failed);
    sqlite3_bind_int(st, 12, row->ucs2);
    sqlite3_bind_int(st, 13, row->report);
    sqlite3_bind_int(st, 14, row->unsure);
    bind_sms_texts(st, row);
    rc = add_at(b, st, sms_place(&row->id));
    return rc == RC_CONFLICT ? add_stray(b, st, &row->id) : rc;
}

/** NULL leaves a column as it is. */
static void bind_if_given(sqlite3_stmt *st, int at, struct str s)
{
    if (s.ptr)
        bind_str(st, at, s);
    else
        sqlite3_bind_null(st, at);
}

static enum rc step_at(struct backend *b, sqlite3_stmt *st, int64_t place, int *out_rows)
{
    sqlite3_bind_int64(st, 12, place);
    return run_and_count(b, st, out_rows);
}

/** The step found nothing to change at the place of the id: is the message elsewhere, or in another
 * state? */
static enum rc step_stray(struct backend *b, sqlite3_stmt *st, const struct uuid *id)
{
    bool there = false;
    int64_t place;
    int rows = 0;
    enum rc rc = is_at_place(b, id, &there);

    if (rc || there)
        return rc ? rc : RC_CONFLICT;
    rc = stray_place(b, id, &place);
    if (!rc)
        rc = step_at(b, st, place, &rows);
    return rc || rows ? rc : RC_CONFLICT;
}

enum rc apply_sms_step(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct sms_step *step = &c->u.sms_step;
    int rows;
    enum rc rc;

    (void)log;
    if (!is_state(step->to))
        return RC_INVALID;
    bind_uuid(st, 1, &step->id);
    sqlite3_bind_int64(st, 2, step->from);
    sqlite3_bind_int(st, 3, (int)step->to);
    sqlite3_bind_int64(st, 4, step->due);
    sqlite3_bind_int64(st, 5, step->finished);
    sqlite3_bind_int64(st, 6, step->attempts);
    sqlite3_bind_int64(st, 7, step->code);
    sqlite3_bind_int64(st, 8, step->segments_failed);
    sqlite3_bind_int(st, 9, step->unsure);
    bind_if_given(st, 10, step->ref);
    bind_if_given(st, 11, step->history);
    rc = step_at(b, st, sms_place(&step->id), &rows);
    return rc || rows ? rc : step_stray(b, st, &step->id);
}

/** A portion of a table that is cleared: places after `from`, up to `to`. */
struct portion {
    int64_t from, to, n;
    struct uuid end; /* the id at `to` */
};

/** Where the portion behind message `after` begins; zeros: at the first place. */
static enum rc portion_begin(struct backend *b, const struct uuid *after, struct portion *p)
{
    static const struct uuid none;
    enum rc rc = RC_OK;

    p->from = -1;
    if (!uuid_eq(after, &none))
        rc = stray_place(b, after, &p->from);
    if (rc != RC_NOT_FOUND)
        return rc;
    p->from = sms_place(after);
    return RC_OK;
}

static enum rc portion_end(struct backend *b, struct portion *p)
{
    sqlite3_stmt *st = writer_stmt(b, W_SMS_CLEAR_END);
    enum rc rc;
    int code;

    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, p->from);
    sqlite3_bind_int(st, 2, DELETE_STEP);
    code = sqlite3_step(st);
    rc = sqlite_rc(b->db, code);
    if (code == SQLITE_ROW) {
        p->to = sqlite3_column_int64(st, 0);
        p->end = column_uuid(st, 1);
        p->n = sqlite3_column_int64(st, 2);
    }
    sqlite3_reset(st);
    return rc;
}

enum rc apply_sms_clear(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    struct sms_row *row = &c->u.sms;
    struct portion p = {0};
    enum rc rc = portion_begin(b, &row->id, &p);

    (void)log;
    if (!rc)
        rc = portion_end(b, &p);
    if (rc || p.n == 0)
        return rc;
    sqlite3_bind_int64(st, 1, p.from);
    sqlite3_bind_int64(st, 2, p.to);
    bind_uuid(st, 3, &row->resource);
    sqlite3_bind_int64(st, 4, row->created);
    rc = writer_run(b, st);
    if (!rc) {
        row->id = p.end;
        c->out_existed = p.n >= DELETE_STEP;
    }
    return rc;
}

/* ---- requests that may come again ---- */

enum rc apply_sms_repeat_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                             struct log_out *log)
{
    const struct sms_repeat_row *row = &c->u.sms_repeat;

    (void)log;
    bind_uuid(st, 1, &row->id);
    bind_uuid(st, 2, &row->resource);
    sqlite3_bind_blob(st, 3, row->digest, (int)sizeof row->digest, SQLITE_STATIC);
    bind_uuid(st, 4, &row->message);
    sqlite3_bind_int64(st, 5, row->created);
    sqlite3_bind_int64(st, 6, row->kept_until);
    return writer_run(b, st);
}

/* ---- opt-outs ---- */

static void bind_optout_key(sqlite3_stmt *st, const struct sms_optout_row *row)
{
    bind_uuid(st, 1, &row->resource);
    bind_str(st, 2, row->sender);
    bind_str(st, 3, row->recipient);
}

enum rc apply_sms_optout_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                             struct log_out *log)
{
    int rows;
    enum rc rc;

    (void)log;
    bind_optout_key(st, &c->u.sms_optout);
    sqlite3_bind_int64(st, 4, c->u.sms_optout.created);
    rc = run_and_count(b, st, &rows);
    c->out_existed = !rc && rows == 0;
    return rc;
}

enum rc apply_sms_optout_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log)
{
    int rows;
    enum rc rc;

    (void)log;
    bind_optout_key(st, &c->u.sms_optout);
    rc = run_and_count(b, st, &rows);
    c->out_existed = rows > 0;
    return rc;
}

/* ---- senders and transports ---- */

/** Does `version` follow the one that `there`, bound to the key, finds? */
static enum rc check_version(struct backend *b, sqlite3_stmt *there, uint32_t version,
                             struct change *c)
{
    int64_t now = 0;
    int code = sqlite3_step(there);
    enum rc rc = sqlite_rc(b->db, code);

    if (code == SQLITE_ROW) {
        now = sqlite3_column_int64(there, 0);
        c->out_existed = true;
    }
    sqlite3_reset(there);
    return rc || version == now + 1 ? rc : RC_CONFLICT;
}

static enum rc log_sender(struct backend *b, struct log_out *log, const struct uuid *resource)
{
    return writer_log(b, log, &(struct log_entry){.kind = LOG_SMS_SENDER, .resource = *resource});
}

_Static_assert(RESOURCE_ACTIVE == 1, "W_SMS_SENDER_ELSEWHERE names the state");

/** RC_CONFLICT: another resource has it. */
static enum rc check_alone(struct backend *b, const struct sms_sender_row *row)
{
    sqlite3_stmt *elsewhere = writer_stmt(b, W_SMS_SENDER_ELSEWHERE);
    bool found = false;
    enum rc rc;

    if (!elsewhere)
        return RC_INTERNAL;
    bind_uuid(elsewhere, 1, &row->resource);
    bind_str(elsewhere, 2, row->sender);
    rc = writer_row_exists(b, elsewhere, &found);
    return rc || !found ? rc : RC_CONFLICT;
}

enum rc apply_sms_sender_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                             struct log_out *log)
{
    const struct sms_sender_row *row = &c->u.sms_sender;
    sqlite3_stmt *there = writer_stmt(b, W_SMS_SENDER_THERE);
    enum rc rc;

    if (!there)
        return RC_INTERNAL;
    bind_uuid(there, 1, &row->resource);
    bind_str(there, 2, row->sender);
    rc = check_version(b, there, row->version, c);
    if (!rc && row->alone)
        rc = check_alone(b, row);
    if (rc)
        return rc;
    bind_uuid(st, 1, &row->resource);
    bind_str(st, 2, row->sender);
    sqlite3_bind_int64(st, 3, row->version);
    bind_str(st, 4, row->document);
    sqlite3_bind_int64(st, 5, row->created);
    rc = writer_run(b, st);
    return rc ? rc : log_sender(b, log, &row->resource);
}

enum rc apply_sms_sender_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log)
{
    int rows;
    enum rc rc;

    bind_uuid(st, 1, &c->u.sms_sender.resource);
    bind_str(st, 2, c->u.sms_sender.sender);
    rc = run_and_count(b, st, &rows);
    c->out_existed = rows > 0;
    return rows ? log_sender(b, log, &c->u.sms_sender.resource) : rc;
}

enum rc apply_sms_transport_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log)
{
    const struct sms_transport_row *row = &c->u.sms_transport;
    sqlite3_stmt *there = writer_stmt(b, W_SMS_TRANSPORT_THERE);
    enum rc rc;

    if (!there)
        return RC_INTERNAL;
    bind_str(there, 1, row->name);
    rc = check_version(b, there, row->version, c);
    if (rc)
        return rc;
    bind_str(st, 1, row->name);
    bind_str(st, 2, row->kind);
    sqlite3_bind_int64(st, 3, row->version);
    bind_str(st, 4, row->document);
    bind_blob(st, 5, row->sealed);
    sqlite3_bind_int64(st, 6, row->created);
    rc = writer_run(b, st);
    return rc ? rc : writer_log(b, log, &(struct log_entry){.kind = LOG_SMS_TRANSPORT});
}

enum rc apply_sms_transport_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                   struct log_out *log)
{
    int rows;
    enum rc rc;

    bind_str(st, 1, c->u.sms_transport.name);
    rc = run_and_count(b, st, &rows);
    c->out_existed = rows > 0;
    return rows ? writer_log(b, log, &(struct log_entry){.kind = LOG_SMS_TRANSPORT}) : rc;
}

/* ---- ids that carriers gave ---- */

enum rc apply_sms_ref_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                          struct log_out *log)
{
    const struct sms_ref_row *row = &c->u.sms_ref;

    (void)log;
    bind_str(st, 1, row->transport);
    bind_str(st, 2, row->ref);
    bind_uuid(st, 3, &row->message);
    sqlite3_bind_int64(st, 4, row->part);
    sqlite3_bind_int64(st, 5, row->kept_until);
    return writer_run(b, st);
}

/* ---- what time has made worthless ---- */

enum rc writer_prune(struct backend *b, sqlite3_stmt *st, int at, uint32_t limit, struct change *c)
{
    int rows;
    enum rc rc;

    sqlite3_bind_int64(st, at, limit);
    rc = run_and_count(b, st, &rows);
    if (rows > 0 && (uint32_t)rows >= limit)
        c->out_existed = true;
    return rc;
}

/** Repeats or refs, which name the time themselves. */
static enum rc prune_kept(struct backend *b, enum write_stmt which, struct change *c)
{
    sqlite3_stmt *st = writer_stmt(b, which);

    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, c->u.sms_prune.now);
    return writer_prune(b, st, 2, c->u.sms_prune.limit, c);
}

/** Messages from the oldest on: places are in the order of the time at which they were made, so
 * only open messages are looked at in vain. */
enum rc apply_sms_prune(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct sms_prune *prune = &c->u.sms_prune;
    struct uuid first = uuid_first(prune->messages_before);
    enum rc rc = prune_kept(b, W_SMS_REPEAT_PRUNE, c);

    (void)log;
    if (!rc)
        rc = prune_kept(b, W_SMS_REF_PRUNE, c);
    if (rc || prune->messages_before <= 0)
        return rc;
    sqlite3_bind_int64(st, 1, sms_place(&first));
    return writer_prune(b, st, 2, prune->limit, c);
}
