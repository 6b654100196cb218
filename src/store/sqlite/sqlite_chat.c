/* Changes of chat: turns of threads, and the rows that decisions put; on the writer thread, as
 * sqlite_apply.c calls them. Reading: sqlite_chat_read.c.
 *
 * A message costs one turn: so what a turn reads stands on few pages that are always at hand, and
 * what each message moves (the thread's head) lies apart from the rest of the thread. */
#include "store/sqlite/sqlite_chat.h"

/* ---- numbers of threads ---- */

/** The number of thread `key`. RC_NOT_FOUND: there is no such thread. */
static enum rc thread_number(struct backend *b, const struct uuid *key, int64_t *out)
{
    sqlite3_stmt *st;
    enum rc rc;
    int code;

    if (b->chat_number && uuid_eq(&b->chat_key, key)) {
        *out = b->chat_number;
        return RC_OK;
    }
    st = writer_stmt(b, W_CHAT_NUMBER);
    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, key);
    code = sqlite3_step(st);
    rc = sqlite_rc(b->db, code);
    if (code == SQLITE_ROW) {
        *out = b->chat_number = sqlite3_column_int64(st, 0);
        b->chat_key = *key;
    } else if (!rc) {
        rc = RC_NOT_FOUND;
    }
    sqlite3_reset(st);
    return rc;
}

/* ---- turns ---- */

/** Steps to one row. RC_NOT_FOUND: there is none. Unless RC_OK the statement is reset. */
static enum rc one_row(struct backend *b, sqlite3_stmt *st)
{
    int code = sqlite3_step(st);
    enum rc rc = sqlite_rc(b->db, code);

    if (code == SQLITE_ROW)
        return RC_OK;
    sqlite3_reset(st);
    return rc ? rc : RC_NOT_FOUND;
}

static enum rc find_thread(struct backend *b, struct chat_turn *turn)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_THREAD);
    enum rc rc;

    turn->row = (struct chat_thread_row){.key = turn->thread};
    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, &turn->thread);
    rc = one_row(b, st);
    if (rc)
        return rc;
    b->chat_key = turn->thread;
    b->chat_number = sqlite3_column_int64(st, 0);
    turn->row = chat_thread_of(st, turn->arena);
    sqlite3_reset(st);
    return RC_OK;
}

static enum rc find_member(struct backend *b, struct chat_turn *turn, struct chat_member_row *row)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_MEMBER);
    enum rc rc;

    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, b->chat_number);
    bind_uuid(st, 2, &row->user);
    rc = one_row(b, st);
    if (rc)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    *row = chat_member_of(st, 0, &turn->thread, turn->arena);
    sqlite3_reset(st);
    return RC_OK;
}

static enum rc find_all_members(struct backend *b, struct chat_turn *turn)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_MEMBERS);
    size_t cap = turn->row.members;
    enum rc rc;
    int code;

    if (!st)
        return RC_INTERNAL;
    turn->all = cap ? arena_array(turn->arena, struct chat_member_row, cap) : NULL;
    sqlite3_bind_int64(st, 1, b->chat_number);
    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        turn->all = scan_room(turn->arena, turn->all, turn->n_all, &cap, sizeof *turn->all);
        turn->all[turn->n_all++] = chat_member_of(st, 0, &turn->thread, turn->arena);
    }
    rc = sqlite_rc(b->db, code);
    sqlite3_reset(st);
    return rc;
}

static enum rc find_message(struct backend *b, struct chat_turn *turn)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_MESSAGE);
    enum rc rc;

    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, b->chat_number);
    sqlite3_bind_int64(st, 2, turn->message);
    rc = one_row(b, st);
    if (rc)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    turn->found = chat_message_of(st, &turn->thread, turn->arena);
    sqlite3_reset(st);
    return RC_OK;
}

static enum rc find_receipt(struct backend *b, struct chat_turn *turn)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_RECEIPT);
    enum rc rc;

    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, b->chat_number);
    bind_uuid(st, 2, &turn->users[0]);
    rc = one_row(b, st);
    if (rc)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    turn->read.message = sqlite3_column_int64(st, 1);
    turn->read.read_on = sqlite3_column_int64(st, 2);
    sqlite3_reset(st);
    return RC_OK;
}

static enum rc find_leaver(struct backend *b, struct chat_turn *turn)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_LEAVER);

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, &turn->leaver->resource);
    bind_uuid(st, 2, &turn->leaver->user);
    return writer_row_exists(b, st, &turn->is_leaver);
}

/** What a turn says where nothing is found. */
static void begin_turn(struct chat_turn *turn)
{
    turn->members = arena_array(turn->arena, struct chat_member_row, turn->n_users);
    for (size_t i = 0; i < turn->n_users; i++)
        turn->members[i] = (struct chat_member_row){.thread = turn->thread, .user = turn->users[i]};
    turn->all = NULL;
    turn->n_all = 0;
    turn->found = (struct chat_message_row){.thread = turn->thread};
    turn->read = (struct chat_receipt_row){.thread = turn->thread};
    turn->is_leaver = false;
    if (turn->n_users)
        turn->read.user = turn->users[0];
}

static enum rc find_what_is_asked(struct backend *b, struct chat_turn *turn)
{
    enum rc rc = find_thread(b, turn);

    for (size_t i = 0; !rc && i < turn->n_users; i++)
        rc = find_member(b, turn, &turn->members[i]);
    if (!rc && turn->all_members)
        rc = find_all_members(b, turn);
    if (!rc && turn->message)
        rc = find_message(b, turn);
    if (!rc && turn->receipt && turn->n_users)
        rc = find_receipt(b, turn);
    if (!rc && turn->leaver)
        rc = find_leaver(b, turn);
    return rc == RC_NOT_FOUND ? RC_OK : rc; /* no thread: nothing else */
}

enum rc apply_chat_turn(struct backend *b, struct chat_turn *turn, struct change_set *set)
{
    enum rc rc;

    begin_turn(turn);
    rc = find_what_is_asked(b, turn);
    if (rc)
        return backend_spoils_batch(rc) ? rc : RC_INTERNAL;
    turn->next_order = b->now.chat_order + 1;
    rc = turn->decide(turn->ctx, turn, set);
    return backend_spoils_batch(rc) ? RC_INVALID : rc; /* it speaks of this set alone */
}

/* ---- rows ---- */

static void bind_thread(sqlite3_stmt *st, const struct chat_thread_row *row)
{
    bind_uuid(st, 3, &row->secret);
    bind_uuid(st, 4, &row->resource);
    bind_uuid(st, 5, &row->created_by);
    sqlite3_bind_int64(st, 6, row->created);
    sqlite3_bind_int64(st, 7, row->deleted);
    sqlite3_bind_int64(st, 8, row->members);
    sqlite3_bind_int64(st, 9, row->delete_after_days);
    sqlite3_bind_int64(st, 10, row->expires);
    bind_str(st, 11, row->topic);
    bind_str(st, 12, row->metadata);
}

static enum rc set_head(struct backend *b, sqlite3_stmt *st, int64_t number,
                        const struct chat_head *head)
{
    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, number);
    sqlite3_bind_int64(st, 2, head->seq);
    sqlite3_bind_int64(st, 3, head->last_id);
    return writer_run(b, st);
}

static struct chat_head head_of(const struct chat_thread_row *row)
{
    return (struct chat_head){row->key, row->seq, row->last_id};
}

enum rc apply_chat_head_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                            struct log_out *log)
{
    int64_t number;
    enum rc rc = thread_number(b, &c->u.chat_head.thread, &number);

    (void)log; /* threads are not kept in memory */
    return rc ? rc : set_head(b, st, number, &c->u.chat_head);
}

static enum rc add_thread(struct backend *b, sqlite3_stmt *st, const struct chat_thread_row *row)
{
    const struct chat_head head = head_of(row);
    int64_t number;
    enum rc rc;

    bind_uuid(st, 2, &row->key);
    bind_thread(st, row);
    rc = writer_run(b, st);
    if (rc)
        return rc;
    number = sqlite3_last_insert_rowid(b->db);
    b->chat_key = row->key;
    b->chat_number = number;
    return set_head(b, writer_stmt(b, W_CHAT_HEAD_ADD), number, &head);
}

enum rc apply_chat_thread_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct chat_thread_row *row = &c->u.chat_thread;
    const struct chat_head head = head_of(row);
    int64_t number;
    enum rc rc = thread_number(b, &row->key, &number);

    (void)log;
    if (rc == RC_NOT_FOUND)
        return add_thread(b, st, row);
    if (rc)
        return rc;
    st = writer_stmt(b, W_CHAT_THREAD_SET);
    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, number);
    bind_thread(st, row);
    rc = writer_run(b, st);
    return rc ? rc : set_head(b, writer_stmt(b, W_CHAT_HEAD_SET), number, &head);
}

/** Of a thread and a user. */
static enum rc run_of_member(struct backend *b, sqlite3_stmt *st, int64_t number,
                             const struct uuid *user)
{
    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, number);
    bind_uuid(st, 2, user);
    return writer_run(b, st);
}

enum rc apply_chat_member_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct chat_member_row *row = &c->u.chat_member;
    int64_t number;
    enum rc rc = row->joined > 0 ? thread_number(b, &row->thread, &number) : RC_INVALID;

    (void)log;
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, number);
    bind_uuid(st, 2, &row->user);
    sqlite3_bind_int64(st, 3, row->joined);
    sqlite3_bind_int64(st, 4, row->gone);
    sqlite3_bind_int64(st, 5, row->left);
    sqlite3_bind_int64(st, 6, row->share_from);
    bind_str(st, 7, row->display_name);
    bind_str(st, 8, row->metadata);
    bind_str(st, 9, row->topic);
    rc = writer_run(b, st);
    if (rc || row->gone)
        return rc;
    /* Who lets him in looked before whether he lives: he may have been deleted since. */
    return run_of_member(b, writer_stmt(b, W_CHAT_LEAVER_BACK), number, &row->user);
}

enum rc apply_chat_member_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log)
{
    const struct chat_member_delete *d = &c->u.chat_member_delete;
    int64_t number;
    enum rc rc = thread_number(b, &d->thread, &number);

    (void)log;
    if (!rc)
        rc = run_of_member(b, st, number, &d->user);
    if (!rc && sqlite3_changes(b->db))
        rc = run_of_member(b, writer_stmt(b, W_CHAT_RECEIPT_DELETE), number, &d->user);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc apply_chat_leaver_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log)
{
    (void)log;
    bind_uuid(st, 1, &c->u.chat_leaver.resource);
    bind_uuid(st, 2, &c->u.chat_leaver.user);
    return writer_run(b, st);
}

static bool is_message(const struct chat_message_row *row)
{
    return row->type > CHAT_MESSAGE_NONE && row->type < CHAT_MESSAGE_TYPE_COUNT && row->id > 0 &&
           row->first_seq > 0 && row->seq >= row->first_seq;
}

enum rc apply_chat_message_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    const struct chat_message_row *row = &c->u.chat_message;
    int64_t number;
    enum rc rc = is_message(row) ? thread_number(b, &row->thread, &number) : RC_INVALID;

    (void)log;
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, number);
    sqlite3_bind_int64(st, 2, row->id);
    sqlite3_bind_int64(st, 3, row->seq);
    sqlite3_bind_int64(st, 4, row->first_seq);
    sqlite3_bind_int(st, 5, (int)row->type);
    bind_uuid(st, 6, &row->sender);
    sqlite3_bind_int64(st, 7, row->version);
    sqlite3_bind_int64(st, 8, row->edited);
    sqlite3_bind_int64(st, 9, row->deleted);
    bind_str(st, 10, row->sender_name);
    bind_str(st, 11, row->content);
    bind_str(st, 12, row->metadata);
    rc = writer_run(b, st);
    return rc || sqlite3_changes(b->db) ? rc : RC_CONFLICT; /* it was made elsewhere */
}

enum rc apply_chat_receipt_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    const struct chat_receipt_row *row = &c->u.chat_receipt;
    int64_t number;
    enum rc rc = thread_number(b, &row->thread, &number);

    (void)log;
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, number);
    bind_uuid(st, 2, &row->user);
    sqlite3_bind_int64(st, 3, row->message);
    sqlite3_bind_int64(st, 4, row->read_on);
    return writer_run(b, st);
}

enum rc apply_chat_repeat_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct chat_repeat_row *row = &c->u.chat_repeat;
    enum rc rc;

    (void)log;
    bind_uuid(st, 1, &row->user);
    sqlite3_bind_blob(st, 2, row->digest, (int)sizeof row->digest, SQLITE_STATIC);
    bind_uuid(st, 3, &row->thread);
    sqlite3_bind_int64(st, 4, row->kept_until);
    sqlite3_bind_int64(st, 5, row->now);
    rc = writer_run(b, st);
    return rc || sqlite3_changes(b->db) ? rc : RC_CONFLICT;
}

bool chat_log_is_entry(const struct chat_log_row *row)
{
    return row->kind > CHAT_LOG_NONE && row->kind < CHAT_LOG_KIND_COUNT;
}

enum rc apply_chat_log_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    struct chat_log_row *row = &c->u.chat_log;

    (void)log; /* that one is of rows in memory */
    if (!chat_log_is_entry(row))
        return RC_INVALID;
    row->order = ++b->now.chat_order;
    sqlite3_bind_int64(st, 1, row->order);
    bind_uuid(st, 2, &row->thread);
    sqlite3_bind_int(st, 3, (int)row->kind);
    sqlite3_bind_int64(st, 4, row->time);
    sqlite3_bind_int64(st, 5, row->message);
    bind_uuid(st, 6, &row->actor);
    bind_str(st, 7, row->data);
    return writer_run(b, st);
}

/* ---- what is deleted, in portions ---- */

static enum rc clear_by_number(struct backend *b, enum write_stmt which, struct change *c)
{
    sqlite3_stmt *st = writer_stmt(b, which);

    if (!st)
        return RC_INTERNAL;
    sqlite3_bind_int64(st, 1, b->chat_number);
    return writer_prune(b, st, 2, CHAT_CLEAR_STEP, c);
}

static enum rc clear_rows(struct backend *b, struct change *c)
{
    enum rc rc = clear_by_number(b, W_CHAT_CLEAR_MESSAGES, c);

    if (!rc)
        rc = clear_by_number(b, W_CHAT_CLEAR_MEMBERS, c);
    return rc ? rc : clear_by_number(b, W_CHAT_CLEAR_RECEIPTS, c);
}

static enum rc clear_thread(struct backend *b)
{
    sqlite3_stmt *head = writer_stmt(b, W_CHAT_CLEAR_HEAD);
    sqlite3_stmt *thread = writer_stmt(b, W_CHAT_CLEAR_THREAD);
    enum rc rc;

    if (!head || !thread)
        return RC_INTERNAL;
    sqlite3_bind_int64(head, 1, b->chat_number);
    rc = writer_run(b, head);
    if (rc)
        return rc;
    sqlite3_bind_int64(thread, 1, b->chat_number);
    b->chat_number = 0;
    return writer_run(b, thread);
}

/** RC_CONFLICT: it lives. RC_NOT_FOUND: there is none. */
static enum rc is_deleted(struct backend *b, const struct uuid *key)
{
    struct arena arena;
    struct chat_turn turn = {.arena = &arena, .thread = *key};
    enum rc rc;

    arena_init(&arena);
    rc = find_thread(b, &turn);
    arena_clear(&arena);
    return rc || turn.row.deleted ? rc : RC_CONFLICT;
}

enum rc apply_chat_clear(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    enum rc rc = is_deleted(b, &c->u.chat_clear.thread);

    (void)st, (void)log;
    if (!rc)
        rc = clear_rows(b, c);
    if (!rc && !c->out_existed)
        rc = clear_thread(b);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/** The last number given is kept beside the log, which may have lost all its entries. */
static enum rc prune_log(struct backend *b, struct change *c)
{
    sqlite3_stmt *last = writer_stmt(b, W_CHAT_LOG_LAST);
    sqlite3_stmt *prune = writer_stmt(b, W_CHAT_LOG_PRUNE);
    enum rc rc;

    if (!last || !prune)
        return RC_INTERNAL;
    sqlite3_bind_int64(last, 1, b->now.chat_order);
    rc = writer_run(b, last);
    if (rc)
        return rc;
    sqlite3_bind_int64(prune, 1, c->u.chat_prune.log_before);
    return writer_prune(b, prune, 2, c->u.chat_prune.limit, c);
}

enum rc apply_chat_prune(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    enum rc rc;

    (void)log;
    sqlite3_bind_int64(st, 1, c->u.chat_prune.now);
    rc = writer_prune(b, st, 2, c->u.chat_prune.limit, c);
    return rc ? rc : prune_log(b, c);
}
