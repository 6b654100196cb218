/* Queries for chat: by key, and lists. Writing: sqlite_chat.c.
 *
 * Messages of a thread come in order of their last change. Those that never changed are in that
 * order by their ids already; the few others have an index of their own, and a list merges both. */
#include "store/sqlite/sqlite_chat.h"

enum { /* columns of messages that lists look at */
       COL_ID = 0,
       COL_SEQ,
       COL_FIRST_SEQ,
       COL_TYPE,
       COL_SENDER,
       COL_DELETED = 7,
       COL_SENDER_NAME,
       COL_CONTENT,
};

/* ---- rows ---- */

struct chat_thread_row chat_thread_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct chat_thread_row){
        .key = column_uuid(st, 1),
        .secret = column_uuid(st, 2),
        .resource = column_uuid(st, 3),
        .created_by = column_uuid(st, 4),
        .created = sqlite3_column_int64(st, 5),
        .deleted = sqlite3_column_int64(st, 6),
        .members = (uint32_t)sqlite3_column_int64(st, 7),
        .delete_after_days = (uint32_t)sqlite3_column_int64(st, 8),
        .expires = sqlite3_column_int64(st, 9),
        .topic = arena_dup(arena, column_str(st, 10)),
        .metadata = arena_dup(arena, column_str(st, 11)),
        .seq = sqlite3_column_int64(st, 12),
        .last_id = sqlite3_column_int64(st, 13),
    };
}

struct chat_member_row chat_member_of(sqlite3_stmt *st, int at, const struct uuid *thread,
                                      struct arena *arena)
{
    return (struct chat_member_row){
        .thread = *thread,
        .user = column_uuid(st, at),
        .joined = sqlite3_column_int64(st, at + 1),
        .gone = sqlite3_column_int64(st, at + 2),
        .left = sqlite3_column_int64(st, at + 3),
        .share_from = sqlite3_column_int64(st, at + 4),
        .display_name = arena_dup(arena, column_str(st, at + 5)),
        .metadata = arena_dup(arena, column_str(st, at + 6)),
        .topic = arena_dup(arena, column_str(st, at + 7)),
    };
}

struct chat_message_row chat_message_of(sqlite3_stmt *st, const struct uuid *thread,
                                        struct arena *arena)
{
    return (struct chat_message_row){
        .thread = *thread,
        .id = sqlite3_column_int64(st, COL_ID),
        .seq = sqlite3_column_int64(st, COL_SEQ),
        .first_seq = sqlite3_column_int64(st, COL_FIRST_SEQ),
        .type = (enum chat_message_type)sqlite3_column_int(st, COL_TYPE),
        .sender = column_uuid(st, COL_SENDER),
        .version = sqlite3_column_int64(st, 5),
        .edited = sqlite3_column_int64(st, 6),
        .deleted = sqlite3_column_int64(st, COL_DELETED),
        .sender_name = arena_dup(arena, column_str(st, COL_SENDER_NAME)),
        .content = arena_dup(arena, column_str(st, COL_CONTENT)),
        .metadata = arena_dup(arena, column_str(st, 10)),
    };
}

static struct chat_receipt_row receipt_of(sqlite3_stmt *st, const struct uuid *thread)
{
    return (struct chat_receipt_row){*thread, column_uuid(st, 0), sqlite3_column_int64(st, 1),
                                     sqlite3_column_int64(st, 2)};
}

static struct chat_log_row entry_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct chat_log_row){
        .order = sqlite3_column_int64(st, 0),
        .thread = column_uuid(st, 1),
        .kind = (enum chat_log_kind)sqlite3_column_int(st, 2),
        .time = sqlite3_column_int64(st, 3),
        .message = sqlite3_column_int64(st, 4),
        .actor = column_uuid(st, 5),
        .data = arena_dup(arena, column_str(st, 6)),
    };
}

/* ---- by key ---- */

enum rc read_chat_thread(struct backend_reader *r, uint64_t stamp, const struct uuid *key,
                         struct arena *arena, struct chat_thread_row *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_CHAT_THREAD);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, key);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *out = chat_thread_of(st, arena);
    sqlite3_reset(st);
    return RC_OK;
}

enum rc read_chat_member(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                         struct chat_member_row *in_out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_CHAT_MEMBER);
    struct uuid thread = in_out->thread;
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &in_out->thread);
    bind_uuid(st, 2, &in_out->user);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *in_out = chat_member_of(st, 0, &thread, arena);
    sqlite3_reset(st);
    return RC_OK;
}

enum rc read_chat_message(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                          struct chat_message_row *in_out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_CHAT_MESSAGE);
    struct uuid thread = in_out->thread;
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &in_out->thread);
    sqlite3_bind_int64(st, 2, in_out->id);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *in_out = chat_message_of(st, &thread, arena);
    sqlite3_reset(st);
    return RC_OK;
}

enum rc read_chat_repeat(struct backend_reader *r, uint64_t stamp, struct chat_repeat_row *in_out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_CHAT_REPEAT);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &in_out->user);
    sqlite3_bind_blob(st, 2, in_out->digest, (int)sizeof in_out->digest, SQLITE_STATIC);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    in_out->thread = column_uuid(st, 0);
    in_out->kept_until = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    return RC_OK;
}

/* ---- lists ---- */

struct listing {
    struct backend_reader *r;
    uint64_t stamp;
    const struct chat_query *q;
    struct arena *arena;
    struct chat_page *out;
    uint32_t limit;
    int64_t number;                /* of q->thread */
    size_t cap, looked_at, octets; /* octets: of the texts of messages */
};

/** One number. RC_NOT_FOUND: no row. */
static enum rc number_from(struct listing *l, sqlite3_stmt *st, int64_t *out)
{
    enum rc rc = reader_step(l->r, st);

    if (rc)
        return rc;
    *out = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return RC_OK;
}

static enum rc find_number(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_CHAT_NUMBER);

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &l->q->thread);
    return number_from(l, st, &l->number);
}

/** False when the page is full: there is more. */
static bool has_room(struct listing *l)
{
    l->out->more = l->out->n >= l->limit;
    return !l->out->more;
}

static void add_thread(struct listing *l, sqlite3_stmt *st)
{
    struct chat_page *out = l->out;

    out->threads = scan_room(l->arena, out->threads, out->n, &l->cap, sizeof *out->threads);
    out->threads[out->n++] = chat_thread_of(st, l->arena);
}

static bool thread_for_page(sqlite3_stmt *st, void *ctx)
{
    if (!has_room(ctx))
        return false;
    add_thread(ctx, st);
    return true;
}

static bool thread_of_user(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct chat_page *out = l->out;
    size_t cap = l->cap; /* both grow together */

    out->members = scan_room(l->arena, out->members, out->n, &cap, sizeof *out->members);
    add_thread(l, st);
    out->members[out->n - 1] =
        chat_member_of(st, CHAT_THREAD_WIDTH, &out->threads[out->n - 1].key, l->arena);
    return true;
}

static bool place_for_page(sqlite3_stmt *st, void *ctx)
{
    return has_room(ctx) && thread_of_user(st, ctx);
}

static bool leaver_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct chat_page *out = l->out;

    if (!has_room(l))
        return false;
    out->leavers = scan_room(l->arena, out->leavers, out->n, &l->cap, sizeof *out->leavers);
    out->leavers[out->n++] =
        (struct chat_leaver_row){.resource = column_uuid(st, 0), .user = column_uuid(st, 1)};
    return true;
}

static bool member_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct chat_page *out = l->out;

    if (!has_room(l))
        return false;
    out->members = scan_room(l->arena, out->members, out->n, &l->cap, sizeof *out->members);
    out->members[out->n++] = chat_member_of(st, 0, &l->q->thread, l->arena);
    return true;
}

static bool receipt_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct chat_page *out = l->out;

    if (!has_room(l))
        return false;
    out->receipts = scan_room(l->arena, out->receipts, out->n, &l->cap, sizeof *out->receipts);
    out->receipts[out->n++] = receipt_of(st, &l->q->thread);
    return true;
}

static bool entry_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct chat_page *out = l->out;

    if (!has_room(l))
        return false;
    out->log = scan_room(l->arena, out->log, out->n, &l->cap, sizeof *out->log);
    out->log[out->n++] = entry_of(st, l->arena);
    return true;
}

static enum rc list_threads(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_THREADS);

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &l->q->user);
    bind_uuid(st, 2, &l->q->resource);
    return reader_walk(l->r, st, thread_of_user, l);
}

/** Rows of a thread by number of those that come before. */
static enum rc list_skipping(struct listing *l, enum read_stmt which,
                             bool (*row)(sqlite3_stmt *, void *))
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, which);

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, l->number);
    sqlite3_bind_int64(st, 2, (int64_t)l->limit + 1);
    sqlite3_bind_int64(st, 3, l->q->skip);
    return reader_walk(l->r, st, row, l);
}

static bool thread_of_resource(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct chat_thread_row row = chat_thread_of(st, l->arena);
    bool wanted = !row.deleted && uuid_eq(&row.resource, &l->q->resource);
    bool full = l->out->n >= l->limit;

    if (l->looked_at++ >= LIST_SCAN_MAX || (wanted && full)) {
        l->out->more = true;
        return false;
    }
    if (!full) /* behind a full page only whether there is more matters */
        l->out->next_key = row.key;
    if (wanted)
        add_thread(l, st);
    return true;
}

static enum rc list_all(struct listing *l)
{
    static const struct uuid none;
    struct uuid before = l->q->before;
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_ALL);

    if (!st)
        return RC_IO;
    if (uuid_eq(&before, &none))
        memset(&before, 0xff, sizeof before);
    bind_uuid(st, 1, &l->q->from);
    bind_uuid(st, 2, &before);
    return reader_walk(l->r, st, thread_of_resource, l);
}

static enum rc list_expired(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_EXPIRED);

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, l->q->now);
    sqlite3_bind_int64(st, 2, (int64_t)l->limit + 1);
    return reader_walk(l->r, st, thread_for_page, l);
}

static enum rc list_deleted(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_DELETED);

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, (int64_t)l->limit + 1);
    return reader_walk(l->r, st, thread_for_page, l);
}

static enum rc list_places(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_PLACES);

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &l->q->user);
    bind_uuid(st, 2, &l->q->resource);
    sqlite3_bind_int(st, 3, l->q->present);
    sqlite3_bind_int64(st, 4, (int64_t)l->limit + 1);
    return reader_walk(l->r, st, place_for_page, l);
}

static enum rc list_leavers(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_LEAVERS);

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, (int64_t)l->limit + 1);
    return reader_walk(l->r, st, leaver_for_page, l);
}

static enum rc find_log_ends(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_CHAT_LOG_ENDS);
    enum rc rc = st ? reader_step(l->r, st) : RC_IO;

    if (rc)
        return RC_IO;
    l->out->first_order = sqlite3_column_int64(st, 0); /* NULL, the empty log: 0 */
    l->out->last_order = sqlite3_column_int64(st, 1);
    if (l->out->last_order < sqlite3_column_int64(st, 2))
        l->out->last_order = sqlite3_column_int64(st, 2);
    sqlite3_reset(st);
    return RC_OK;
}

static enum rc list_log(struct listing *l)
{
    enum rc rc = find_log_ends(l);
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_LOG);

    if (rc || !st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, l->q->after_order);
    sqlite3_bind_int64(st, 2, (int64_t)l->limit + 1);
    return reader_walk(l->r, st, entry_for_page, l);
}

/* ---- messages ---- */

static bool is_full(const struct listing *l)
{
    return l->out->n >= l->limit || l->octets >= CHAT_PAGE_OCTETS;
}

static void add_message(struct listing *l, sqlite3_stmt *st)
{
    struct chat_page *out = l->out;
    struct chat_message_row *row;

    out->messages = scan_room(l->arena, out->messages, out->n, &l->cap, sizeof *out->messages);
    row = &out->messages[out->n++];
    *row = chat_message_of(st, &l->q->thread, l->arena);
    l->octets += row->content.len + row->metadata.len;
}

/** Is something of the user left in it? */
static bool has_trace(const struct listing *l, sqlite3_stmt *st, bool sent)
{
    int type = sqlite3_column_int(st, COL_TYPE);
    struct str content = column_str(st, COL_CONTENT);
    char id[UUID_TEXT_LEN];

    if (type == CHAT_TEXT || type == CHAT_HTML)
        return sent &&
               (!sqlite3_column_int64(st, COL_DELETED) || column_str(st, COL_SENDER_NAME).len > 0);
    uuid_format(&l->q->user, id);
    return type != CHAT_TOPIC_UPDATED && str_find_str(content, str_of(id, sizeof id)) < content.len;
}

static bool sent_for_page(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;
    struct uuid sender = column_uuid(st, COL_SENDER);
    bool sent = uuid_eq(&sender, &l->q->user);
    bool wanted = l->q->what == CHAT_LIST_TRACES ? has_trace(l, st, sent) : sent;

    if (l->looked_at++ >= LIST_SCAN_MAX || (wanted && is_full(l))) {
        l->out->more = true;
        return false;
    }
    l->out->next_id = sqlite3_column_int64(st, COL_ID);
    if (wanted)
        add_message(l, st);
    return true;
}

static enum rc list_sent(struct listing *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_SENT);

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, l->number);
    sqlite3_bind_int64(st, 2, l->q->id_from);
    return reader_walk(l->r, st, sent_for_page, l);
}

/** One of the two walks that a list of messages merges. */
struct side {
    sqlite3_stmt *st;
    int at;      /* the column that it descends by: seq or first_seq */
    int64_t seq; /* of the row it stands on; 0: it has ended */
    bool failed;
};

static void advance(struct side *s)
{
    int code = sqlite3_step(s->st);

    s->seq = code == SQLITE_ROW ? sqlite3_column_int64(s->st, s->at) : 0;
    s->failed = code != SQLITE_ROW && code != SQLITE_DONE;
}

/** The thread's first message with this id or a higher one. RC_NOT_FOUND: there is none. */
static enum rc find_from(struct listing *l, unix_ms id, unix_ms *out_id, int64_t *out_first_seq)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_CHAT_FROM);
    enum rc rc;

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, l->number);
    sqlite3_bind_int64(st, 2, id);
    rc = reader_step(l->r, st);
    if (rc)
        return rc;
    *out_id = sqlite3_column_int64(st, 0);
    *out_first_seq = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    return RC_OK;
}

/** Above the thread's highest id. */
static enum rc find_end(struct listing *l, unix_ms *out)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_CHAT_LAST);
    enum rc rc = RC_IO;

    if (!st)
        return rc;
    sqlite3_bind_int64(st, 1, l->number);
    rc = number_from(l, st, out);
    *out += *out < INT64_MAX;
    return rc;
}

/** Ids below `out` are those of messages that were made before change `seq`. Both grow together,
 * and only ids have an index: some 30 looks for a thread of a month, once for a page. */
static enum rc find_made_before(struct listing *l, int64_t seq, unix_ms *out)
{
    unix_ms low = 0, high = 0, id; /* low: made before; high: not, or there is none */
    int64_t first_seq;
    enum rc rc = find_end(l, &high);

    if (!rc)
        rc = find_from(l, 1, &low, &first_seq);
    low--;
    while (!rc && low + 1 < high) {
        unix_ms middle = low + (high - low) / 2;

        rc = find_from(l, middle, &id, &first_seq);
        if (!rc && first_seq < seq)
            low = id;
        else
            high = middle;
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    *out = high;
    return rc;
}

/** What can be on the page. */
struct bounds {
    int64_t seq_above, seq_below;
    unix_ms id_from, id_below;
};

/** RC_NOT_FOUND: nothing can. */
static enum rc find_bounds(struct listing *l, struct bounds *out)
{
    const struct chat_query *q = l->q;
    unix_ms made_before, id;
    enum rc rc = RC_OK;

    *out = (struct bounds){
        .seq_below = q->seq_below > 0 ? q->seq_below : INT64_MAX,
        .id_from = q->id_from > 0 ? q->id_from : 1,
        .id_below = q->id_to > 0 && q->id_to < INT64_MAX ? q->id_to + 1 : INT64_MAX,
    };
    if (q->id_from > 0) { /* what was made before can't match, nor can its seq */
        rc = find_from(l, q->id_from, &id, &out->seq_above);
        out->seq_above--;
    }
    if (!rc && q->seq_below > 0) {
        rc = find_made_before(l, q->seq_below, &made_before);
        if (!rc && made_before < out->id_below)
            out->id_below = made_before;
    }
    return rc;
}

/** Is it one that the page shall have, and not one whose place is elsewhere since it changed? */
static bool is_wanted(const struct listing *l, const struct side *s)
{
    unix_ms id = sqlite3_column_int64(s->st, COL_ID);

    return id >= l->q->id_from && (l->q->id_to <= 0 || id <= l->q->id_to) &&
           sqlite3_column_int64(s->st, COL_SEQ) == s->seq;
}

static void merge(struct listing *l, struct side *plain, struct side *changed)
{
    advance(plain);
    advance(changed);
    while (!plain->failed && !changed->failed && (plain->seq || changed->seq)) {
        struct side *next = plain->seq > changed->seq ? plain : changed;
        bool wanted = is_wanted(l, next);

        if (l->looked_at++ >= LIST_SCAN_MAX || (wanted && is_full(l))) {
            l->out->more = true;
            return;
        }
        if (wanted)
            add_message(l, next->st);
        l->out->next_seq = next->seq;
        advance(next);
    }
}

static enum rc list_messages(struct listing *l)
{
    struct side plain = {.at = COL_FIRST_SEQ}, changed = {.at = COL_SEQ};
    struct bounds bounds;
    enum rc rc = find_bounds(l, &bounds);

    if (rc)
        return rc;
    plain.st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_MESSAGES);
    changed.st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_CHANGED);
    if (!plain.st || !changed.st)
        return RC_IO;
    sqlite3_bind_int64(plain.st, 1, l->number);
    sqlite3_bind_int64(plain.st, 2, bounds.id_from);
    sqlite3_bind_int64(plain.st, 3, bounds.id_below);
    sqlite3_bind_int64(changed.st, 1, l->number);
    sqlite3_bind_int64(changed.st, 2, bounds.seq_above);
    sqlite3_bind_int64(changed.st, 3, bounds.seq_below);
    merge(l, &plain, &changed);
    sqlite3_reset(plain.st);
    sqlite3_reset(changed.st);
    return plain.failed || changed.failed ? RC_IO : RC_OK;
}

/* ---- the question ---- */

/** Lists of one thread: without it they are empty. */
static enum rc list_of_thread(struct listing *l)
{
    enum rc rc = find_number(l);

    if (rc)
        return rc;
    switch (l->q->what) {
    case CHAT_LIST_MESSAGES:
        return list_messages(l);
    case CHAT_LIST_MEMBERS:
        return list_skipping(l, R_LIST_CHAT_MEMBERS, member_for_page);
    case CHAT_LIST_RECEIPTS:
        return list_skipping(l, R_LIST_CHAT_RECEIPTS, receipt_for_page);
    default:
        return list_sent(l);
    }
}

static enum rc list(struct listing *l)
{
    switch (l->q->what) {
    case CHAT_LIST_THREADS:
        return list_threads(l);
    case CHAT_LIST_LATEST:
        return list_chat_latest(l->r, l->stamp, l->q, l->arena, l->out);
    case CHAT_LIST_ALL:
        return list_all(l);
    case CHAT_LIST_EXPIRED:
        return list_expired(l);
    case CHAT_LIST_DELETED:
        return list_deleted(l);
    case CHAT_LIST_LOG:
        return list_log(l);
    case CHAT_LIST_LEAVERS:
        return list_leavers(l);
    case CHAT_LIST_PLACES:
        return list_places(l);
    case CHAT_LIST_MESSAGES:
    case CHAT_LIST_MEMBERS:
    case CHAT_LIST_RECEIPTS:
    case CHAT_LIST_SENT:
    case CHAT_LIST_TRACES:
        return list_of_thread(l);
    }
    return RC_INVALID;
}

enum rc scan_chat(struct backend_reader *r, uint64_t stamp, const struct chat_query *q,
                  struct arena *arena, struct chat_page *out)
{
    struct listing l = {
        .r = r, .stamp = stamp, .q = q, .arena = arena, .out = out, .limit = scan_limit(q->limit)};
    enum rc rc;

    *out = (struct chat_page){0};
    if (!reader_hold(r, stamp)) /* several statements, one state */
        return RC_IO;
    rc = list(&l);
    reader_let_go(r);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
