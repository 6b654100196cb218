/* Readers: one connection each, prepared statements, and the state seen last.
 *
 * A read transaction stays open between look-ups and is renewed only when the store's commit
 * counter (the stamp) or the writer's nudge has moved: that keeps a look-up near 1 µs. Source:
 * design D8. */
#include "store/sqlite/sqlite_backend.h"

#define USER_COLUMNS                                                                               \
    "resource, id, generation, created, valid_from, revoked, deleted, last_issued, external_id"

/* clang-format off */
static const char *const sql[R_COUNT] = {
    [R_BEGIN] = "BEGIN",
    [R_END] = "COMMIT",
    [R_USER] = "SELECT " USER_COLUMNS " FROM users WHERE resource = ?1 AND id = ?2",
    [R_USER_EXTERNAL] =
        "SELECT " USER_COLUMNS " FROM users"
        " WHERE resource = ?1 AND external_id = ?2 AND external_id IS NOT NULL AND deleted = 0",
    [R_ASSIGNMENT] =
        "SELECT principal_type, client_ids FROM assignments"
        " WHERE resource = ?1 AND tenant = ?2 AND object = ?3",
    [R_META] = "SELECT value FROM meta WHERE name = ?1",
    [R_RESOURCES] =
        "SELECT id, name, location, names, port, state, is_default, created FROM resources"
        " ORDER BY id",
    [R_ACCESS_KEYS] =
        "SELECT resource, slot, generation, tokens_valid_from, sealed, regenerated, last_used"
        " FROM access_keys ORDER BY resource, slot",
    [R_SIGNING_KEYS] =
        "SELECT kid, alg, purpose, sealed, created, active_from, retired FROM signing_keys"
        " ORDER BY kid",
    [R_REVOKED] =
        "SELECT " USER_COLUMNS " FROM users WHERE revoked > 0 AND revoked >= ?1"
        " UNION ALL"
        " SELECT " USER_COLUMNS " FROM users WHERE deleted > 0 AND deleted >= ?1"
        " AND (revoked = 0 OR revoked < ?1)",
    [R_CHANGES] = "SELECT seq, kind, resource, id FROM change_log WHERE seq > ?1 ORDER BY seq",
    [R_LIST] =
        "SELECT " USER_COLUMNS " FROM users"
        " WHERE resource = ?1 AND (created, id) < (?2, ?3) AND created >= ?4"
        " ORDER BY created DESC, id DESC",
    [R_LIST_PREFIX] =
        "SELECT " USER_COLUMNS " FROM users WHERE resource = ?1 AND id >= ?2 AND id < ?3"
        " ORDER BY id DESC",
};
/* clang-format on */

struct backend_reader {
    struct backend *b; /* for the nudge; outlives its readers */
    sqlite3 *db;
    sqlite3_stmt *stmt[R_COUNT];
    bool held;        /* a read transaction is open */
    unsigned walking; /* queries under way whose rows are being handed out */
    uint64_t stamp, nudge;
};

enum rc reader_open(struct backend *b, struct backend_reader **out)
{
    struct backend_reader *r = calloc(1, sizeof *r);
    enum rc rc;

    if (!r)
        abort();
    r->b = b;
    rc = sqlite_connect(b->path, SQLITE_OPEN_READONLY, b->vfs, &r->db);
    if (!rc)
        rc = sqlite_run(r->db, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -6144");
    if (rc) {
        sqlite3_close_v2(r->db);
        free(r);
        return rc;
    }
    *out = r;
    return RC_OK;
}

void reader_close(struct backend_reader *r)
{
    for (size_t i = 0; i < R_COUNT; i++)
        sqlite3_finalize(r->stmt[i]);
    sqlite3_close_v2(r->db);
    free(r);
}

static bool step_and_reset(struct backend_reader *r, enum read_stmt which)
{
    sqlite3_stmt *st = sqlite_prepared(r->db, &r->stmt[which], sql[which]);
    bool ok;

    if (!st)
        return false;
    ok = sqlite3_step(st) == SQLITE_DONE;
    sqlite3_reset(st);
    return ok;
}

void reader_idle(struct backend_reader *r)
{
    if (!r->held || r->walking)
        return;
    if (!sqlite3_get_autocommit(r->db))
        (void)step_and_reset(r, R_END); /* nothing was written: nothing to lose */
    r->held = false;
}

static bool renew(struct backend_reader *r, uint64_t stamp)
{
    uint64_t nudge = atomic_load_explicit(&r->b->nudge, memory_order_acquire);

    if (r->walking || (r->held && r->stamp == stamp && r->nudge == nudge))
        return true;
    reader_idle(r);
    if (!step_and_reset(r, R_BEGIN))
        return false;
    r->held = true;
    r->stamp = stamp;
    r->nudge = nudge;
    return true;
}

sqlite3_stmt *reader_stmt(struct backend_reader *r, uint64_t stamp, enum read_stmt which)
{
    if (!renew(r, stamp))
        return NULL;
    return sqlite_prepared(r->db, &r->stmt[which], sql[which]);
}

enum rc reader_walk(struct backend_reader *r, sqlite3_stmt *st,
                    bool (*row)(sqlite3_stmt *st, void *ctx), void *ctx)
{
    int code;

    r->walking++;
    do
        code = sqlite3_step(st);
    while (code == SQLITE_ROW && row(st, ctx));
    sqlite3_reset(st);
    r->walking--;
    reader_idle(r);
    return code == SQLITE_ROW || code == SQLITE_DONE ? RC_OK : RC_IO;
}

/** One row of a point look-up: after RC_OK its columns may be read, then finish(). */
static enum rc step_to_row(struct backend_reader *r, sqlite3_stmt *st)
{
    int code = sqlite3_step(st);

    if (code == SQLITE_ROW)
        return RC_OK;
    sqlite3_reset(st);
    if (code == SQLITE_DONE)
        return RC_NOT_FOUND;
    reader_idle(r);
    return RC_IO;
}

void user_from_row(sqlite3_stmt *st, struct user_row *out)
{
    *out = (struct user_row){
        .key = {.resource = column_uuid(st, 0), .user = column_uuid(st, 1)},
        .generation = (uint32_t)sqlite3_column_int64(st, 2),
        .created = sqlite3_column_int64(st, 3),
        .valid_from = sqlite3_column_int64(st, 4),
        .revoked = sqlite3_column_int64(st, 5),
        .deleted = sqlite3_column_int64(st, 6),
        .last_issued = sqlite3_column_int64(st, 7),
        .external_id = column_str(st, 8),
    };
}

static enum rc one_user(struct backend_reader *r, sqlite3_stmt *st, struct arena *arena,
                        struct user_row *out)
{
    enum rc rc = step_to_row(r, st);

    if (rc)
        return rc;
    user_from_row(st, out);
    if (out->external_id.len)
        out->external_id = arena_dup(arena, out->external_id);
    else
        out->external_id = STR_EMPTY;
    sqlite3_reset(st);
    return RC_OK;
}

enum rc read_user(struct backend_reader *r, uint64_t stamp, const struct user_key *key,
                  struct arena *arena, struct user_row *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_USER);

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &key->resource);
    bind_uuid(st, 2, &key->user);
    return one_user(r, st, arena, out);
}

enum rc read_user_by_external_id(struct backend_reader *r, uint64_t stamp,
                                 const struct user_row *key, struct arena *arena,
                                 struct user_row *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_USER_EXTERNAL);

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &key->key.resource);
    bind_str(st, 2, key->external_id);
    return one_user(r, st, arena, out);
}

enum rc read_assignment(struct backend_reader *r, uint64_t stamp, const struct assignment_row *key,
                        struct arena *arena, struct assignment_row *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_ASSIGNMENT);
    struct assignment_row row = *key;
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &key->resource);
    bind_uuid(st, 2, &key->tenant);
    bind_uuid(st, 3, &key->object);
    rc = step_to_row(r, st);
    if (rc)
        return rc;
    row.principal_type = arena_dup(arena, column_str(st, 0));
    row.client_ids = arena_dup(arena, column_str(st, 1));
    sqlite3_reset(st);
    *out = row;
    return RC_OK;
}

enum rc read_meta(struct backend_reader *r, uint64_t stamp, struct str name, struct arena *arena,
                  struct str *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_META);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_str(st, 1, name);
    rc = step_to_row(r, st);
    if (rc)
        return rc;
    *out = arena_dup(arena, column_str(st, 0));
    sqlite3_reset(st);
    return RC_OK;
}
