/* Queries of many rows: whole tables for memory, and pages of users. Not for loops. */
#include "store/sqlite/sqlite_backend.h"

#define AFTER_OCTETS 24 /* created, big-endian, and the user's guid */

typedef void (*resource_fn)(void *, const struct resource_row *);
typedef void (*access_key_fn)(void *, const struct access_key_row *);
typedef void (*signing_key_fn)(void *, const struct signing_key_row *);
typedef void (*user_fn)(void *, const struct user_row *);
typedef void (*entry_fn)(void *, const struct log_entry *);

enum rc scan_rows(struct backend_reader *r, sqlite3_stmt *st, bool (*row)(sqlite3_stmt *, void *),
                  struct walk walk)
{
    return st ? reader_walk(r, st, row, &walk) : RC_IO;
}

void *scan_room(struct arena *arena, void *rows, size_t n, size_t *cap, size_t size)
{
    void *moved;

    if (n < *cap)
        return rows;
    *cap = *cap ? *cap * 2 : 16;
    moved = arena_alloc(arena, *cap * size);
    if (n)
        memcpy(moved, rows, n * size);
    return moved;
}

uint32_t scan_limit(uint32_t limit)
{
    return limit < 1 ? 1 : limit > STORE_ROWS_MAX ? STORE_ROWS_MAX : limit;
}

static bool resource_from_row(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct resource_row row = {
        .id = column_uuid(st, 0),
        .name = arena_dup(w->arena, column_str(st, 1)),
        .location = arena_dup(w->arena, column_str(st, 2)),
        .names = arena_dup(w->arena, column_str(st, 3)),
        .port = (uint16_t)sqlite3_column_int(st, 4),
        .state = (enum resource_state)sqlite3_column_int(st, 5),
        .is_default = sqlite3_column_int(st, 6) != 0,
        .created = sqlite3_column_int64(st, 7),
        .group = arena_dup(w->arena, column_str(st, 8)),
        .no_local_auth = sqlite3_column_int(st, 9) != 0,
        .data_location = arena_dup(w->arena, column_str(st, 10)),
        .properties = arena_dup(w->arena, column_str(st, 11)),
    };

    ((resource_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_resources(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                       void (*each)(void *, const struct resource_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_RESOURCES), resource_from_row,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

static bool access_key_from_row(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct access_key_row row = {
        .resource = column_uuid(st, 0),
        .slot = (enum key_slot)sqlite3_column_int(st, 1),
        .generation = (uint32_t)sqlite3_column_int64(st, 2),
        .tokens_valid_from = (uint32_t)sqlite3_column_int64(st, 3),
        .sealed = arena_dup(w->arena, column_str(st, 4)),
        .regenerated = sqlite3_column_int64(st, 5),
        .last_used = sqlite3_column_int64(st, 6),
    };

    ((access_key_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_access_keys(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                         void (*each)(void *, const struct access_key_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_ACCESS_KEYS), access_key_from_row,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

static bool signing_key_from_row(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct signing_key_row row = {
        .kid = arena_dup(w->arena, column_str(st, 0)),
        .alg = arena_dup(w->arena, column_str(st, 1)),
        .purpose = arena_dup(w->arena, column_str(st, 2)),
        .sealed = arena_dup(w->arena, column_str(st, 3)),
        .created = sqlite3_column_int64(st, 4),
        .active_from = sqlite3_column_int64(st, 5),
        .retired = sqlite3_column_int64(st, 6),
        .certificate = arena_dup(w->arena, column_str(st, 7)),
    };

    ((signing_key_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_signing_keys(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                          void (*each)(void *, const struct signing_key_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_SIGNING_KEYS), signing_key_from_row,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

static bool revoked_from_row(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct user_row row;

    user_from_row(st, &row);
    ((user_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_revoked(struct backend_reader *r, uint64_t stamp, unix_ms since,
                     void (*each)(void *, const struct user_row *), void *ctx)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_REVOKED);

    if (st)
        sqlite3_bind_int64(st, 1, since);
    return scan_rows(r, st, revoked_from_row, (struct walk){(void (*)(void))each, ctx, NULL});
}

static bool entry_from_row(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct log_entry e = {
        .seq = sqlite3_column_int64(st, 0),
        .kind = (enum log_kind)sqlite3_column_int(st, 1),
    };

    if (e.kind == LOG_USER)
        e.user = (struct user_key){.resource = column_uuid(st, 2), .user = column_uuid(st, 3)};
    else if (e.kind == LOG_RESOURCE || e.kind == LOG_SMS_SENDER || e.kind == LOG_SUBSCRIPTION)
        e.resource = column_uuid(st, 2);
    else if (e.kind == LOG_PRINCIPAL)
        e.principal = column_uuid(st, 3);
    ((entry_fn)w->each)(w->ctx, &e);
    return true;
}

enum rc scan_changes(struct backend_reader *r, uint64_t stamp, int64_t seq,
                     void (*each)(void *, const struct log_entry *), void *ctx)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_CHANGES);

    if (st)
        sqlite3_bind_int64(st, 1, seq);
    return scan_rows(r, st, entry_from_row, (struct walk){(void (*)(void))each, ctx, NULL});
}

/* ---- pages of users ---- */

struct page {
    const struct user_query *q;
    struct arena *arena;
    struct user_page *out;
    size_t looked_at;
    bool more;
    unix_ms last_created; /* where the next page goes on */
    struct uuid last;
};

/** Octets of ids that begin with `prefix`: from `lo` up to, not including, `hi`. False: none can.
 */
static bool prefix_range(struct str prefix, uint8_t lo[static 16], uint8_t hi[static 17],
                         size_t *hi_len)
{
    char low[37] = "00000000-0000-0000-0000-000000000000";
    char high[37] = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    struct uuid from, to;

    if (prefix.len > UUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        if (prefix.ptr[i] >= 'A' && prefix.ptr[i] <= 'F')
            return false; /* ids are lower case, and so are their beginnings */
        low[i] = high[i] = prefix.ptr[i];
    }
    if (uuid_parse(str_of(low, UUID_TEXT_LEN), &from) ||
        uuid_parse(str_of(high, UUID_TEXT_LEN), &to))
        return false;
    memcpy(lo, from.octets, 16);
    memcpy(hi, to.octets, 16);
    hi[16] = 0; /* the first text of octets after `to` */
    *hi_len = 17;
    return true;
}

static bool is_wanted(const struct page *p, const struct user_row *row)
{
    return (p->q->with_deleted || row->deleted == 0) && row->created >= p->q->created_since;
}

static bool user_for_page(sqlite3_stmt *st, void *ctx)
{
    struct page *p = ctx;
    struct user_row row;
    bool wanted;

    user_from_row(st, &row);
    wanted = is_wanted(p, &row);
    if (p->looked_at++ >= LIST_SCAN_MAX || (wanted && p->out->n >= p->q->limit)) {
        p->more = true;
        return false;
    }
    if (wanted) {
        row.external_id = row.external_id.len ? arena_dup(p->arena, row.external_id) : STR_EMPTY;
        p->out->rows[p->out->n++] = row;
    }
    p->last = row.key.user;
    p->last_created = row.created;
    return true;
}

static struct str continuation(const struct page *p)
{
    uint8_t octets[AFTER_OCTETS];
    char text[AFTER_OCTETS * 2];

    for (int i = 0; i < 8; i++)
        octets[i] = (uint8_t)((uint64_t)p->last_created >> (56 - 8 * i));
    memcpy(octets + 8, p->last.octets, 16);
    hex_encode(octets, sizeof octets, text);
    return arena_dup(p->arena, str_of(text, sizeof text));
}

static enum rc read_continuation(struct str text, unix_ms *out_created, struct uuid *out_last)
{
    uint8_t octets[AFTER_OCTETS];
    uint64_t created = 0;

    if (text.len != sizeof octets * 2 || hex_decode(text, octets, sizeof octets))
        return RC_INVALID;
    for (int i = 0; i < 8; i++)
        created = created << 8 | octets[i];
    if (created > INT64_MAX)
        return RC_INVALID;
    *out_created = (unix_ms)created;
    memcpy(out_last->octets, octets + 8, 16);
    return RC_OK;
}

enum rc scan_users(struct backend_reader *r, uint64_t stamp, const struct user_query *q,
                   struct arena *arena, struct user_page *out)
{
    struct user_query query = *q;
    struct page p = {.q = &query, .arena = arena, .out = out};
    unix_ms created = INT64_MAX;
    struct uuid last = {{0}};
    uint8_t lo[16], hi[17];
    size_t hi_len = 0;
    sqlite3_stmt *st;
    enum rc rc;

    *out = (struct user_page){0};
    if (q->after.len && read_continuation(q->after, &created, &last))
        return RC_INVALID;
    if (q->prefix.len && !prefix_range(q->prefix, lo, hi, &hi_len))
        return RC_OK;
    query.limit = q->limit < 1 ? 1 : q->limit > 1000 ? 1000 : q->limit;
    out->rows = arena_array(arena, struct user_row, query.limit);
    st = reader_stmt(r, stamp, q->prefix.len ? R_LIST_PREFIX : R_LIST);
    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &query.resource);
    if (q->prefix.len) {
        if (q->after.len && memcmp(last.octets, hi, 16) <= 0) {
            memcpy(hi, last.octets, 16);
            hi_len = 16;
        }
        sqlite3_bind_blob(st, 2, lo, sizeof lo, SQLITE_STATIC);
        sqlite3_bind_blob(st, 3, hi, (int)hi_len, SQLITE_STATIC);
    } else {
        sqlite3_bind_int64(st, 2, created);
        bind_uuid(st, 3, &last);
        sqlite3_bind_int64(st, 4, query.created_since);
    }
    rc = reader_walk(r, st, user_for_page, &p);
    if (!rc && p.more)
        out->next = continuation(&p);
    return rc;
}
