/* Readers: one connection each, prepared statements, and the state seen last.
 *
 * A read transaction stays open between look-ups and is renewed only when the store's commit
 * counter (the stamp) or the writer's nudge has moved: that keeps a look-up near 1 µs. Source:
 * design D8. */
#include "store/sqlite/sqlite_backend.h"
#include "store/sqlite/sqlite_chat.h"

#define USER_COLUMNS                                                                               \
    "resource, id, generation, created, valid_from, revoked, deleted, last_issued, external_id"
#define APPLICATION_COLUMNS                                                                        \
    "client_id, object_id, kind, version, disabled, created, revoked_before, name, arm_id,"        \
    " header_hash, header_sealed, document"
#define ROLE_COLUMNS "id, name, document, created, updated"
#define ROLE_ASSIGNMENT_COLUMNS                                                                    \
    "id, principal, role, scope, principal_type, description, created_by, created"
#define ISSUER_COLUMNS "id, version, issuer, document, created"
#define SMS_COLUMNS                                                                                \
    "id, resource, state, created, due, deadline, finished, attempts, code, segments,"             \
    " segments_failed, ucs2, report, unsure, sender, recipient, transport, tag, ref, text, "       \
    "history"
#define EVENT_COLUMNS                                                                              \
    "subscription, id, resource, state, time, published, due, last_attempt, attempts, event_id,"   \
    " type, subject, outcome, data"

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
        "SELECT id, name, location, names, port, state, is_default, created, resource_group,"
        " no_local_auth, data_location, properties FROM resources ORDER BY id",
    [R_ACCESS_KEYS] =
        "SELECT resource, slot, generation, tokens_valid_from, sealed, regenerated, last_used"
        " FROM access_keys ORDER BY resource, slot",
    [R_SIGNING_KEYS] =
        "SELECT kid, alg, purpose, sealed, created, active_from, retired, certificate"
        " FROM signing_keys ORDER BY kid",
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
    [R_APPLICATION] = "SELECT " APPLICATION_COLUMNS " FROM applications WHERE client_id = ?1",
    [R_APPLICATION_OBJECT] =
        "SELECT " APPLICATION_COLUMNS " FROM applications WHERE object_id = ?1",
    [R_APPLICATION_NAME] =
        "SELECT " APPLICATION_COLUMNS " FROM applications WHERE name = ?1 COLLATE NOCASE",
    [R_APPLICATION_ARM] =
        "SELECT " APPLICATION_COLUMNS " FROM applications WHERE arm_id = ?1 AND arm_id <> ''",
    [R_APPLICATION_HEADER] =
        "SELECT " APPLICATION_COLUMNS " FROM applications"
        " WHERE header_hash = ?1 AND header_hash <> x''",
    [R_APPLICATIONS] =
        "SELECT " APPLICATION_COLUMNS " FROM applications ORDER BY name COLLATE NOCASE",
    [R_ROLES] = "SELECT " ROLE_COLUMNS " FROM roles ORDER BY name COLLATE NOCASE",
    [R_ROLE_ASSIGNMENT] =
        "SELECT " ROLE_ASSIGNMENT_COLUMNS " FROM role_assignments WHERE id = ?1",
    [R_ROLE_ASSIGNMENTS] =
        "SELECT " ROLE_ASSIGNMENT_COLUMNS " FROM role_assignments ORDER BY created, id",
    [R_ROLE_ASSIGNMENTS_OF] =
        "SELECT " ROLE_ASSIGNMENT_COLUMNS " FROM role_assignments WHERE principal = ?1"
        " ORDER BY created, id",
    [R_ROLE_ASSIGNMENTS_AT] =
        "SELECT " ROLE_ASSIGNMENT_COLUMNS " FROM role_assignments WHERE scope = ?1",
    [R_ROLE_ASSIGNMENTS_BELOW] =
        "SELECT " ROLE_ASSIGNMENT_COLUMNS " FROM role_assignments"
        " WHERE scope > ?1 || '/' AND scope < ?1 || '0'", /* '0' follows '/' */
    [R_ISSUERS] = "SELECT " ISSUER_COLUMNS " FROM issuers ORDER BY issuer",
    [R_LIST_META] =
        "SELECT name, value FROM meta WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
    [R_LIST_APPLICATIONS] =
        "SELECT " APPLICATION_COLUMNS " FROM applications WHERE ?1 = 0 OR kind = ?1"
        " ORDER BY created DESC, client_id DESC",
    [R_LIST_ROLES] = "SELECT " ROLE_COLUMNS " FROM roles ORDER BY created DESC, id DESC",
    [R_LIST_ISSUERS] = "SELECT " ISSUER_COLUMNS " FROM issuers ORDER BY created DESC, id DESC",
    [R_SMS] = /* strays are looked for when nothing is at the place */
        "SELECT " SMS_COLUMNS " FROM sms_messages WHERE place = ?1 AND id = ?2 UNION ALL"
        " SELECT " SMS_COLUMNS " FROM sms_messages WHERE place & 1 AND id = ?2",
    [R_SMS_STRAY] = "SELECT place FROM sms_messages WHERE place & 1 AND id = ?1",
    [R_SMS_REPEAT] =
        "SELECT digest, message, created, kept_until FROM sms_repeats"
        " WHERE id = ?1 AND resource = ?2",
    [R_SMS_OPTOUT] =
        "SELECT created FROM sms_optouts WHERE resource = ?1 AND sender = ?2 AND recipient = ?3",
    [R_SMS_REF] =
        "SELECT message, part, kept_until FROM sms_refs WHERE transport = ?1 AND ref = ?2",
    [R_SMS_SENDERS] =
        "SELECT resource, sender, version, document, created FROM sms_senders"
        " ORDER BY resource, sender",
    [R_SMS_TRANSPORTS] =
        "SELECT name, kind, version, document, sealed, created FROM sms_transports ORDER BY name",
    [R_LIST_SMS] =
        "SELECT " SMS_COLUMNS " FROM sms_messages WHERE place > ?1 AND place <= ?2"
        " ORDER BY place DESC",
    [R_LIST_SMS_DUE] = /* "state < 4" says again what the index holds: its condition to be used. That
                        * it is likely keeps the planner from bounding the search by it alone */
        "SELECT " SMS_COLUMNS " FROM sms_messages WHERE transport = ?1 AND state = ?2"
        " AND resource = ?3 AND likely(state < 4) AND due <= ?4 ORDER BY due, place",
    [R_SMS_OPEN] =
        "SELECT transport, resource, count(*) FROM sms_messages WHERE state < 4"
        " GROUP BY transport, resource ORDER BY transport, resource",
    [R_LIST_OPTOUTS] =
        "SELECT sender, recipient, created FROM sms_optouts"
        " WHERE resource = ?1 AND (sender, recipient) > (?2, ?3) ORDER BY sender, recipient",
    [R_LIST_OPTOUTS_OF] =
        "SELECT sender, recipient, created FROM sms_optouts"
        " WHERE resource = ?1 AND sender = ?2 AND recipient > ?3 ORDER BY recipient",
    [R_SUBSCRIPTIONS] =
        "SELECT resource, name, id, version, state, document, sealed, handshake, failure, created"
        " FROM subscriptions ORDER BY resource, name",
    [R_EVENT] = "SELECT " EVENT_COLUMNS " FROM events WHERE subscription = ?1 AND id = ?2",
    [R_LIST_EVENTS] =
        "SELECT " EVENT_COLUMNS " FROM events WHERE subscription = ?1 AND id < ?2 ORDER BY id DESC",
    [R_LIST_EVENTS_DUE] =
        "SELECT " EVENT_COLUMNS " FROM events"
        " WHERE subscription = ?1 AND state = 1 AND due <= ?2 ORDER BY due, id",
    [R_LIST_EVENTS_DEAD] =
        "SELECT " EVENT_COLUMNS " FROM events"
        " WHERE subscription = ?1 AND state = 3 AND id < ?2 ORDER BY id DESC",
    [R_CHAT_THREAD] = "SELECT " CHAT_THREAD_COLUMNS CHAT_THREAD_TABLES " WHERE t.id = ?1",
    [R_CHAT_MEMBER] =
        "SELECT " CHAT_MEMBER_COLUMNS " FROM chat_threads AS t"
        " CROSS JOIN chat_members AS m ON m.thread = t.num WHERE t.id = ?1 AND m.user = ?2",
    [R_CHAT_MESSAGE] =
        "SELECT " CHAT_MESSAGE_COLUMNS " FROM chat_threads AS t"
        " CROSS JOIN chat_messages AS m ON m.thread = t.num WHERE t.id = ?1 AND m.id = ?2",
    [R_CHAT_REPEAT] =
        "SELECT thread, kept_until FROM chat_repeats WHERE user = ?1 AND digest = ?2",
    [R_CHAT_NUMBER] = "SELECT num FROM chat_threads WHERE id = ?1",
    [R_CHAT_LAST] = "SELECT max(id) FROM chat_messages WHERE thread = ?1",
    [R_CHAT_FROM] =
        "SELECT id, first_seq FROM chat_messages WHERE thread = ?1 AND id >= ?2"
        " ORDER BY id LIMIT 1",
    [R_LIST_CHAT_THREADS] =
        "SELECT " CHAT_THREAD_COLUMNS ", " CHAT_MEMBER_COLUMNS
        " FROM chat_members AS m INDEXED BY chat_members_user"
        " CROSS JOIN chat_threads AS t ON t.num = m.thread"
        " CROSS JOIN chat_heads AS h ON h.thread = t.num WHERE m.user = ?1 AND t.resource = ?2"
        " AND t.deleted = 0",
    [R_LIST_CHAT_LATEST] =
        "SELECT m.thread, m.left_on, h.last_id FROM chat_members AS m INDEXED BY chat_members_user"
        " CROSS JOIN chat_heads AS h ON h.thread = m.thread WHERE m.user = ?1",
    [R_CHAT_KEY] =
        "SELECT id FROM chat_threads WHERE num = ?1 AND resource = ?2 AND deleted = 0",
    [R_CHAT_PLACE] =
        "SELECT " CHAT_THREAD_COLUMNS ", " CHAT_MEMBER_COLUMNS CHAT_THREAD_TABLES
        " CROSS JOIN chat_members AS m ON m.thread = t.num WHERE t.num = ?1 AND m.user = ?2",
    [R_LIST_CHAT_MESSAGES] =
        "SELECT " CHAT_MESSAGE_COLUMNS " FROM chat_messages AS m"
        " WHERE thread = ?1 AND id >= ?2 AND id < ?3 ORDER BY id DESC",
    [R_LIST_CHAT_CHANGED] =
        "SELECT " CHAT_MESSAGE_COLUMNS " FROM chat_messages AS m"
        " WHERE thread = ?1 AND seq > first_seq AND seq > ?2 AND seq < ?3 ORDER BY seq DESC",
    [R_LIST_CHAT_SENT] =
        "SELECT " CHAT_MESSAGE_COLUMNS " FROM chat_messages AS m"
        " WHERE thread = ?1 AND id > ?2 ORDER BY id",
    [R_LIST_CHAT_MEMBERS] =
        "SELECT " CHAT_MEMBER_COLUMNS " FROM chat_members AS m WHERE thread = ?1 AND gone = 0"
        " ORDER BY joined, user LIMIT ?2 OFFSET ?3",
    [R_LIST_CHAT_RECEIPTS] =
        "SELECT user, message, read_on FROM chat_receipts WHERE thread = ?1"
        " ORDER BY user LIMIT ?2 OFFSET ?3",
    [R_LIST_CHAT_ALL] =
        "SELECT " CHAT_THREAD_COLUMNS CHAT_THREAD_TABLES
        " WHERE t.id >= ?1 AND t.id < ?2 ORDER BY t.id DESC",
    [R_LIST_CHAT_EXPIRED] = /* the conditions say again what the index holds */
        "SELECT " CHAT_THREAD_COLUMNS CHAT_THREAD_TABLES
        " WHERE t.expires > 0 AND t.deleted = 0 AND t.expires <= ?1 ORDER BY t.expires LIMIT ?2",
    [R_LIST_CHAT_DELETED] =
        "SELECT " CHAT_THREAD_COLUMNS CHAT_THREAD_TABLES
        " WHERE t.deleted > 0 ORDER BY t.deleted LIMIT ?1",
    [R_LIST_CHAT_LOG] =
        "SELECT number, thread, kind, time, message, actor, data FROM chat_log WHERE number > ?1"
        " ORDER BY number LIMIT ?2",
    [R_CHAT_LOG_ENDS] =
        "SELECT (SELECT min(number) FROM chat_log), (SELECT max(number) FROM chat_log), n"
        " FROM chat_log_last",
    [R_LIST_CHAT_LEAVERS] = "SELECT resource, user FROM chat_leavers LIMIT ?1",
    [R_LIST_CHAT_PLACES] =
        "SELECT " CHAT_THREAD_COLUMNS ", " CHAT_MEMBER_COLUMNS
        " FROM chat_members AS m INDEXED BY chat_members_user"
        " CROSS JOIN chat_threads AS t ON t.num = m.thread"
        " CROSS JOIN chat_heads AS h ON h.thread = t.num WHERE m.user = ?1 AND t.resource = ?2"
        " AND t.deleted = 0 AND (?3 = 0 OR m.gone = 0) LIMIT ?4",
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
        rc = sqlite_run(r->db, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384");
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

bool reader_hold(struct backend_reader *r, uint64_t stamp)
{
    if (!renew(r, stamp))
        return false;
    r->walking++;
    return true;
}

void reader_let_go(struct backend_reader *r)
{
    r->walking--;
    reader_idle(r);
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

enum rc reader_step(struct backend_reader *r, sqlite3_stmt *st)
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

void bind_beyond_ids(sqlite3_stmt *st, int at)
{
    static const uint8_t beyond[17] = {255, 255, 255, 255, 255, 255, 255, 255, 255,
                                       255, 255, 255, 255, 255, 255, 255, 0};

    sqlite3_bind_blob(st, at, beyond, (int)sizeof beyond, SQLITE_STATIC);
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
    enum rc rc = reader_step(r, st);

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
    rc = reader_step(r, st);
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
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *out = arena_dup(arena, column_str(st, 0));
    sqlite3_reset(st);
    return RC_OK;
}
