/* Changes become statements: on the writer thread, inside the batch's transaction. Those of
 * applications and roles: sqlite_access.c; of messages: sqlite_sms.c; of events: sqlite_events.c;
 * of chat: sqlite_chat.c.
 *
 * A set that fails for its own reason leaves no trace; a failure of the store itself is left to the
 * caller, who rolls the batch back. One statement is atomic by itself; where a later one could fail
 * after it there is a savepoint. Each savepoint keeps a copy of every page that its set writes, a
 * quarter of what a chat message costs: so a message goes without. */
#include "store/sqlite/sqlite_backend.h"
#include "store/sqlite/sqlite_chat.h"

#include <errno.h>

/* clang-format off */
static const char *const sql[W_COUNT] = {
    [W_BEGIN] = "BEGIN IMMEDIATE",
    [W_COMMIT] = "COMMIT",
    [W_ROLLBACK] = "ROLLBACK",
    [W_SAVE] = "SAVEPOINT one_set",
    [W_RELEASE] = "RELEASE one_set",
    [W_UNDO] = "ROLLBACK TO one_set",
    [W_LOG] = "INSERT INTO change_log(seq, kind, resource, id) VALUES (?1, ?2, ?3, ?4)",
    [W_PRUNE] = "DELETE FROM change_log WHERE seq <= ?1",
    [W_TALLY] = "UPDATE users_tally SET n = CASE state WHEN 0 THEN ?1 ELSE ?2 END",
    [W_RESOURCE_PUT] =
        "INSERT INTO resources(id, name, location, names, port, state, is_default, created,"
        " resource_group, no_local_auth, data_location, properties)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        " ON CONFLICT(id) DO UPDATE SET name = ?2, location = ?3, names = ?4, port = ?5,"
        " state = ?6, is_default = ?7, created = ?8, resource_group = ?9, no_local_auth = ?10,"
        " data_location = ?11, properties = ?12 WHERE state <> 0 OR ?6 = 0",
    [W_ACCESS_KEY_PUT] =
        "INSERT INTO access_keys(resource, slot, generation, tokens_valid_from, sealed,"
        " regenerated, last_used) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        " ON CONFLICT(resource, slot) DO UPDATE SET generation = ?3, tokens_valid_from = ?4,"
        " sealed = ?5, regenerated = ?6, last_used = ?7 WHERE generation < ?3",
    [W_ACCESS_KEY_USED] =
        "UPDATE access_keys SET last_used = max(last_used, ?3) WHERE resource = ?1 AND slot = ?2",
    [W_SIGNING_KEY_PUT] =
        "INSERT INTO signing_keys(kid, alg, purpose, sealed, created, active_from, retired,"
        " certificate) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        " ON CONFLICT(kid) DO UPDATE SET alg = ?2, purpose = ?3, sealed = ?4, created = ?5,"
        " active_from = ?6, retired = ?7, certificate = ?8",
    [W_SIGNING_KEY_DELETE] = "DELETE FROM signing_keys WHERE kid = ?1",
    [W_USER_ADD] =
        "INSERT INTO users(resource, id, generation, created, valid_from, revoked, deleted,"
        " last_issued, external_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [W_USER_REVOKE] =
        "UPDATE users SET generation = generation + 1, revoked = max(revoked, ?3)"
        " WHERE resource = ?1 AND id = ?2 AND deleted = 0",
    [W_USER_VALID_FROM] =
        "UPDATE users SET valid_from = ?4, revoked = max(revoked, ?3)"
        " WHERE resource = ?1 AND id = ?2 AND deleted = 0 AND valid_from < ?4",
    [W_USER_DELETE] =
        "UPDATE users SET deleted = ?3, external_id = NULL"
        " WHERE resource = ?1 AND id = ?2 AND deleted = 0",
    [W_USER_REVIVE] =
        "UPDATE users SET deleted = 0, generation = generation + 1, revoked = max(revoked, ?3),"
        " created = ?4, last_issued = 0, external_id = ?5"
        " WHERE resource = ?1 AND id = ?2 AND deleted > 0",
    [W_USER_STAYS] = "DELETE FROM chat_leavers WHERE resource = ?1 AND user = ?2",
    [W_USER_ISSUED] =
        "UPDATE users SET last_issued = max(last_issued, ?3)"
        " WHERE resource = ?1 AND id = ?2 AND deleted = 0",
    [W_USER_EXISTS] = "SELECT 1 FROM users WHERE resource = ?1 AND id = ?2",
    [W_ASSIGNMENT_EXISTS] =
        "SELECT 1 FROM assignments WHERE resource = ?1 AND tenant = ?2 AND object = ?3",
    [W_ASSIGNMENT_PUT] =
        "INSERT INTO assignments(resource, tenant, object, principal_type, client_ids)"
        " VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(resource, tenant, object) DO UPDATE SET principal_type = ?4,"
        " client_ids = ?5",
    [W_ASSIGNMENT_DELETE] =
        "DELETE FROM assignments WHERE resource = ?1 AND tenant = ?2 AND object = ?3",
    [W_META_EXISTS] = "SELECT 1 FROM meta WHERE name = ?1",
    [W_META_PUT] =
        "INSERT INTO meta(name, value) VALUES (?1, ?2)"
        " ON CONFLICT(name) DO UPDATE SET value = ?2",
    [W_META_DELETE] = "DELETE FROM meta WHERE name = ?1",
    [W_APPLICATION_THERE] = "SELECT version, object_id FROM applications WHERE client_id = ?1",
    [W_APPLICATION_PUT] =
        "INSERT INTO applications(client_id, object_id, kind, version, disabled, created,"
        " revoked_before, name, arm_id, header_hash, header_sealed, document)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        " ON CONFLICT(client_id) DO UPDATE SET kind = ?3, version = ?4, disabled = ?5,"
        " created = ?6, revoked_before = ?7, name = ?8, arm_id = ?9, header_hash = ?10,"
        " header_sealed = ?11, document = ?12",
    [W_APPLICATION_DELETE] = "DELETE FROM applications WHERE client_id = ?1",
    [W_PRINCIPAL_CLEAR] = "DELETE FROM role_assignments WHERE principal = ?1",
    [W_ROLE_EXISTS] = "SELECT 1 FROM roles WHERE id = ?1",
    [W_ROLE_PUT] =
        "INSERT INTO roles(id, name, document, created, updated) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(id) DO UPDATE SET name = ?2, document = ?3, created = ?4, updated = ?5",
    [W_ROLE_ASSIGNED] = "SELECT 1 FROM role_assignments WHERE role = ?1",
    [W_ROLE_DELETE] = "DELETE FROM roles WHERE id = ?1",
    [W_PRINCIPAL_EXISTS] = "SELECT 1 FROM applications WHERE object_id = ?1",
    [W_ROLE_ASSIGNMENT_THERE] =
        "SELECT principal, role, scope FROM role_assignments WHERE id = ?1",
    [W_ROLE_ASSIGNMENT_PUT] =
        "INSERT INTO role_assignments(id, principal, role, scope, principal_type, description,"
        " created_by, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [W_ROLE_ASSIGNMENT_DELETE] = "DELETE FROM role_assignments WHERE id = ?1",
    [W_ROLE_SCOPE_DELETE] =
        "DELETE FROM role_assignments WHERE scope = ?1"
        " OR (scope >= ?2 || '/' AND scope < ?2 || '0')", /* '0' follows '/' */
    [W_ISSUER_THERE] = "SELECT version FROM issuers WHERE id = ?1",
    [W_ISSUER_PUT] =
        "INSERT INTO issuers(id, version, issuer, document, created) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(id) DO UPDATE SET version = ?2, issuer = ?3, document = ?4, created = ?5",
    [W_ISSUER_DELETE] = "DELETE FROM issuers WHERE id = ?1",
    [W_SMS_ADD] =
        "INSERT INTO sms_messages(id, resource, state, created, due, deadline, finished, attempts,"
        " code, segments, segments_failed, ucs2, report, unsure, sender, recipient, transport, tag,"
        " ref, text, history, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
        " ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
    [W_SMS_STEP] =
        "UPDATE sms_messages SET state = ?3, due = ?4, finished = ?5, attempts = ?6, code = ?7,"
        " segments_failed = ?8, unsure = unsure | ?9, ref = coalesce(?10, ref),"
        " history = coalesce(?11, history)"
        " WHERE place = ?12 AND id = ?1 AND (1 << state) & ?2 <> 0",
    [W_SMS_THERE] = "SELECT 1 FROM sms_messages WHERE place = ?1 AND id = ?2",
    [W_SMS_STRAY] = "SELECT place FROM sms_messages WHERE place & 1 AND id = ?1",
    [W_SMS_CLEAR_END] = /* the id is that of the row with the greatest place */
        "SELECT max(place), id, count(*) FROM"
        " (SELECT place, id FROM sms_messages WHERE place > ?1 ORDER BY place LIMIT ?2)",
    [W_SMS_CLEAR] =
        "DELETE FROM sms_messages WHERE place > ?1 AND place <= ?2 AND resource = ?3"
        " AND state > 3 AND created < ?4",
    [W_SMS_REPEAT_ADD] =
        "INSERT INTO sms_repeats(id, resource, digest, message, created, kept_until)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [W_SMS_OPTOUT_PUT] =
        "INSERT INTO sms_optouts(resource, sender, recipient, created) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO NOTHING",
    [W_SMS_OPTOUT_DELETE] =
        "DELETE FROM sms_optouts WHERE resource = ?1 AND sender = ?2 AND recipient = ?3",
    [W_SMS_SENDER_THERE] = "SELECT version FROM sms_senders WHERE resource = ?1 AND sender = ?2",
    [W_SMS_SENDER_PUT] =
        "INSERT INTO sms_senders(resource, sender, version, document, created)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT(resource, sender)"
        " DO UPDATE SET version = ?3, document = ?4, created = ?5",
    [W_SMS_SENDER_DELETE] = "DELETE FROM sms_senders WHERE resource = ?1 AND sender = ?2",
    [W_SMS_TRANSPORT_THERE] = "SELECT version FROM sms_transports WHERE name = ?1",
    [W_SMS_TRANSPORT_PUT] =
        "INSERT INTO sms_transports(name, kind, version, document, sealed, created)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(name)"
        " DO UPDATE SET kind = ?2, version = ?3, document = ?4, sealed = ?5, created = ?6",
    [W_SMS_TRANSPORT_DELETE] = "DELETE FROM sms_transports WHERE name = ?1",
    [W_SMS_REF_PUT] =
        "INSERT INTO sms_refs(transport, ref, message, part, kept_until)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT(transport, ref)"
        " DO UPDATE SET message = ?3, part = ?4, kept_until = ?5",
    [W_SMS_PRUNE] =
        "DELETE FROM sms_messages WHERE place IN (SELECT place FROM sms_messages"
        " WHERE place < ?1 AND state > 3 ORDER BY place LIMIT ?2)",
    [W_SMS_REPEAT_PRUNE] =
        "DELETE FROM sms_repeats WHERE (id, resource) IN (SELECT id, resource FROM sms_repeats"
        " WHERE kept_until < ?1 ORDER BY kept_until LIMIT ?2)",
    [W_SMS_REF_PRUNE] =
        "DELETE FROM sms_refs WHERE (transport, ref) IN (SELECT transport, ref FROM sms_refs"
        " WHERE kept_until < ?1 ORDER BY kept_until LIMIT ?2)",
    [W_SUBSCRIPTION_THERE] =
        "SELECT version, id FROM subscriptions WHERE resource = ?1 AND name = ?2",
    [W_SUBSCRIPTION_PUT] =
        "INSERT INTO subscriptions(resource, name, id, version, state, document, sealed, handshake,"
        " failure, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT(resource, name) DO UPDATE SET version = ?4, state = ?5, document = ?6,"
        " sealed = ?7, handshake = ?8, failure = ?9, created = ?10",
    [W_SUBSCRIPTION_DELETE] = "DELETE FROM subscriptions WHERE resource = ?1 AND name = ?2",
    [W_SUBSCRIPTION_CLEAR] =
        "DELETE FROM events WHERE subscription = ?1"
        " AND id IN (SELECT id FROM events WHERE subscription = ?1 ORDER BY id LIMIT ?2)",
    [W_EVENT_ADD] =
        "INSERT INTO events(subscription, id, resource, state, time, published, due, last_attempt,"
        " attempts, event_id, type, subject, outcome, data)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [W_EVENT_STEP] =
        "UPDATE events SET state = ?4, due = ?5, last_attempt = ?6,"
        " published = CASE ?7 WHEN 0 THEN published ELSE ?7 END, attempts = ?8, outcome = ?9"
        " WHERE subscription = ?1 AND id = ?2 AND (1 << state) & ?3 <> 0",
    [W_EVENT_EXISTS] = "SELECT 1 FROM events WHERE subscription = ?1 AND id = ?2",
    [W_EVENT_PRUNE] =
        "DELETE FROM events WHERE (subscription, id) IN (SELECT subscription, id FROM events"
        " WHERE state = ?1 AND state > 1 AND published < ?2 ORDER BY published LIMIT ?3)",
    [W_EVENT_PRUNE_GONE] = /* one look for each subscription that has events, then its rows */
        "WITH RECURSIVE owners(id) AS (SELECT min(subscription) FROM events UNION ALL"
        " SELECT (SELECT min(subscription) FROM events WHERE subscription > owners.id)"
        " FROM owners WHERE owners.id IS NOT NULL)"
        " DELETE FROM events WHERE (subscription, id) IN (SELECT subscription, e.id"
        " FROM owners CROSS JOIN events AS e ON e.subscription = owners.id WHERE NOT EXISTS"
        " (SELECT 1 FROM subscriptions WHERE subscriptions.id = owners.id) LIMIT ?1)",
    [W_CHAT_NUMBER] = "SELECT num FROM chat_threads WHERE id = ?1",
    [W_CHAT_THREAD] = "SELECT " CHAT_THREAD_COLUMNS CHAT_THREAD_TABLES " WHERE t.id = ?1",
    [W_CHAT_THREAD_ADD] =
        "INSERT INTO chat_threads(id, secret, resource, created_by, created, deleted, members,"
        " delete_after_days, expires, topic, metadata)"
        " VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [W_CHAT_THREAD_SET] = /* many changes are of the head alone: then nothing is written */
        "UPDATE chat_threads SET secret = ?3, resource = ?4, created_by = ?5, created = ?6,"
        " deleted = ?7, members = ?8, delete_after_days = ?9, expires = ?10, topic = ?11,"
        " metadata = ?12 WHERE num = ?1 AND (deleted, members, topic, metadata, delete_after_days,"
        " expires, secret, resource, created_by, created)"
        " IS NOT (?7, ?8, ?11, ?12, ?9, ?10, ?3, ?4, ?5, ?6)",
    [W_CHAT_HEAD_ADD] = "INSERT INTO chat_heads(thread, seq, last_id) VALUES (?1, ?2, ?3)",
    [W_CHAT_HEAD_SET] = "UPDATE chat_heads SET seq = ?2, last_id = ?3 WHERE thread = ?1",
    [W_CHAT_MEMBER] =
        "SELECT " CHAT_MEMBER_COLUMNS " FROM chat_members AS m WHERE thread = ?1 AND user = ?2",
    [W_CHAT_MEMBERS] =
        "SELECT " CHAT_MEMBER_COLUMNS " FROM chat_members AS m WHERE thread = ?1 AND gone = 0"
        " ORDER BY joined, user",
    [W_CHAT_MEMBER_PUT] =
        "INSERT INTO chat_members(thread, user, joined, gone, left_on, share_from, display_name,"
        " metadata, topic) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(thread, user)"
        " DO UPDATE SET joined = ?3, gone = ?4, left_on = ?5, share_from = ?6, display_name = ?7,"
        " metadata = ?8, topic = ?9",
    [W_CHAT_MESSAGE] =
        "SELECT " CHAT_MESSAGE_COLUMNS " FROM chat_messages AS m WHERE thread = ?1 AND id = ?2",
    [W_CHAT_MESSAGE_PUT] =
        "INSERT INTO chat_messages(thread, id, seq, first_seq, type, sender, version, edited,"
        " deleted, sender_name, content, metadata)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT(thread, id)"
        " DO UPDATE SET seq = ?3, type = ?5, sender = ?6, version = ?7, edited = ?8, deleted = ?9,"
        " sender_name = ?10, content = ?11, metadata = ?12 WHERE first_seq = ?4",
    [W_CHAT_RECEIPT] =
        "SELECT user, message, read_on FROM chat_receipts WHERE thread = ?1 AND user = ?2",
    [W_CHAT_RECEIPT_PUT] =
        "INSERT INTO chat_receipts(thread, user, message, read_on) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT(thread, user) DO UPDATE SET message = ?3, read_on = ?4",
    [W_CHAT_REPEAT_ADD] =
        "INSERT INTO chat_repeats(user, digest, thread, kept_until) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT(user, digest) DO UPDATE SET thread = ?3, kept_until = ?4"
        " WHERE kept_until < ?5",
    [W_CHAT_LOG_ADD] =
        "INSERT INTO chat_log(number, thread, kind, time, message, actor, data)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [W_CHAT_CLEAR_MESSAGES] =
        "DELETE FROM chat_messages WHERE num IN"
        " (SELECT num FROM chat_messages WHERE thread = ?1 LIMIT ?2)",
    [W_CHAT_CLEAR_MEMBERS] =
        "DELETE FROM chat_members WHERE thread = ?1"
        " AND user IN (SELECT user FROM chat_members WHERE thread = ?1 LIMIT ?2)",
    [W_CHAT_CLEAR_RECEIPTS] =
        "DELETE FROM chat_receipts WHERE thread = ?1"
        " AND user IN (SELECT user FROM chat_receipts WHERE thread = ?1 LIMIT ?2)",
    [W_CHAT_CLEAR_HEAD] = "DELETE FROM chat_heads WHERE thread = ?1",
    [W_CHAT_CLEAR_THREAD] = "DELETE FROM chat_threads WHERE num = ?1",
    [W_CHAT_REPEAT_PRUNE] =
        "DELETE FROM chat_repeats WHERE (user, digest) IN (SELECT user, digest FROM chat_repeats"
        " WHERE kept_until < ?1 ORDER BY kept_until LIMIT ?2)",
    [W_CHAT_LOG_PRUNE] = /* looks at the oldest alone: nobody waits for a walk through the log */
        "DELETE FROM chat_log WHERE number IN (SELECT number FROM"
        " (SELECT number, time FROM chat_log ORDER BY number LIMIT ?2) WHERE time < ?1)",
    [W_CHAT_LOG_LAST] = "UPDATE chat_log_last SET n = ?1",
    [W_CHAT_MEMBER_DELETE] = "DELETE FROM chat_members WHERE thread = ?1 AND user = ?2 AND gone > 0",
    [W_CHAT_RECEIPT_DELETE] = "DELETE FROM chat_receipts WHERE thread = ?1 AND user = ?2",
    [W_CHAT_LEAVER_ADD] =
        "INSERT INTO chat_leavers(resource, user) SELECT ?1, ?2"
        " WHERE EXISTS (SELECT 1 FROM chat_members WHERE user = ?2) ON CONFLICT DO NOTHING",
    [W_CHAT_LEAVER_BACK] =
        "INSERT INTO chat_leavers(resource, user) SELECT u.resource, u.id FROM chat_threads AS t"
        " CROSS JOIN users AS u ON u.resource = t.resource WHERE t.num = ?1 AND u.id = ?2"
        " AND u.deleted > 0 ON CONFLICT DO NOTHING",
    [W_CHAT_LEAVER_DELETE] =
        "DELETE FROM chat_leavers WHERE resource = ?1 AND user = ?2 AND NOT EXISTS"
        " (SELECT 1 FROM chat_members AS m CROSS JOIN chat_threads AS t ON t.num = m.thread"
        " WHERE m.user = ?2 AND t.resource = ?1 AND t.deleted = 0)",
};
/* clang-format on */

sqlite3_stmt *writer_stmt(struct backend *b, enum write_stmt which)
{
    return sqlite_prepared(b->db, &b->stmt[which], sql[which]);
}

enum rc writer_run(struct backend *b, sqlite3_stmt *st)
{
    int code;

    if (!st)
        return sqlite_rc(b->db, sqlite3_extended_errcode(b->db));
    errno = 0;
    code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        code = SQLITE_DONE;
    enum rc rc = sqlite_rc(b->db, code);
    sqlite3_reset(st); /* repeats what step said */
    return rc;
}

enum rc writer_row_exists(struct backend *b, sqlite3_stmt *st, bool *out)
{
    int code = sqlite3_step(st);
    enum rc rc = sqlite_rc(b->db, code);

    sqlite3_reset(st);
    if (!rc)
        *out = code == SQLITE_ROW;
    return rc;
}

static struct log_entry *log_room(struct log_out *log)
{
    if (log->n == log->cap) {
        log->cap = log->cap ? log->cap * 2 : 64;
        log->entries = reallocarray(log->entries, log->cap, sizeof *log->entries);
        if (!log->entries)
            abort();
    }
    return &log->entries[log->n];
}

enum rc writer_log(struct backend *b, struct log_out *log, const struct log_entry *what)
{
    sqlite3_stmt *st = writer_stmt(b, W_LOG);
    struct log_entry *e = log_room(log);
    enum rc rc;

    if (!st)
        return RC_INTERNAL;
    *e = *what;
    e->seq = ++b->now.seq;
    sqlite3_bind_int64(st, 1, e->seq);
    sqlite3_bind_int(st, 2, (int)e->kind);
    sqlite3_bind_null(st, 3);
    sqlite3_bind_null(st, 4);
    if (e->kind == LOG_USER) {
        bind_uuid(st, 3, &e->user.resource);
        bind_uuid(st, 4, &e->user.user);
    } else if (e->kind == LOG_RESOURCE || e->kind == LOG_SMS_SENDER ||
               e->kind == LOG_SUBSCRIPTION) {
        bind_uuid(st, 3, &e->resource);
    } else if (e->kind == LOG_PRINCIPAL) {
        bind_uuid(st, 4, &e->principal);
    }
    rc = writer_run(b, st);
    if (rc)
        return backend_spoils_batch(rc) ? rc : RC_INTERNAL; /* half of the set is in */
    log->n++;
    return RC_OK;
}

static enum rc log_resource(struct backend *b, struct log_out *log, const struct uuid *id)
{
    return writer_log(b, log, &(struct log_entry){.kind = LOG_RESOURCE, .resource = *id});
}

static enum rc log_signing_keys(struct backend *b, struct log_out *log)
{
    return writer_log(b, log, &(struct log_entry){.kind = LOG_SIGNING_KEY});
}

static enum rc resource_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                            struct log_out *log)
{
    const struct resource_row *row = &c->u.resource;
    enum rc rc;

    bind_uuid(st, 1, &row->id);
    bind_str(st, 2, row->name);
    bind_str(st, 3, row->location);
    bind_str(st, 4, row->names);
    sqlite3_bind_int(st, 5, row->port);
    sqlite3_bind_int(st, 6, (int)row->state);
    sqlite3_bind_int(st, 7, row->is_default);
    sqlite3_bind_int64(st, 8, row->created);
    bind_str(st, 9, row->group);
    sqlite3_bind_int(st, 10, row->no_local_auth);
    bind_str(st, 11, row->data_location);
    bind_str(st, 12, row->properties);
    rc = writer_run(b, st);
    if (!rc && !sqlite3_changes(b->db))
        rc = RC_NOT_FOUND; /* it was deleted meanwhile, and stays so */
    return rc ? rc : log_resource(b, log, &row->id);
}

static enum rc access_key_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct access_key_row *row = &c->u.access_key;
    enum rc rc;

    bind_uuid(st, 1, &row->resource);
    sqlite3_bind_int(st, 2, (int)row->slot);
    sqlite3_bind_int64(st, 3, row->generation);
    sqlite3_bind_int64(st, 4, row->tokens_valid_from);
    bind_blob(st, 5, row->sealed);
    sqlite3_bind_int64(st, 6, row->regenerated);
    sqlite3_bind_int64(st, 7, row->last_used);
    rc = writer_run(b, st);
    if (!rc && !sqlite3_changes(b->db))
        rc = RC_CONFLICT; /* somebody else made this generation: their key is the one in force */
    return rc ? rc : log_resource(b, log, &row->resource);
}

static enum rc access_key_used(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    enum rc rc;

    (void)log; /* last_used is not kept in memory */
    bind_uuid(st, 1, &c->u.access_key.resource);
    sqlite3_bind_int(st, 2, (int)c->u.access_key.slot);
    sqlite3_bind_int64(st, 3, c->u.access_key.last_used);
    rc = writer_run(b, st);
    return rc || sqlite3_changes(b->db) ? rc : RC_NOT_FOUND;
}

static enum rc signing_key_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    const struct signing_key_row *row = &c->u.signing_key;
    enum rc rc;

    bind_str(st, 1, row->kid);
    bind_str(st, 2, row->alg);
    bind_str(st, 3, row->purpose);
    bind_blob(st, 4, row->sealed);
    sqlite3_bind_int64(st, 5, row->created);
    sqlite3_bind_int64(st, 6, row->active_from);
    sqlite3_bind_int64(st, 7, row->retired);
    bind_blob(st, 8, row->certificate);
    rc = writer_run(b, st);
    return rc ? rc : log_signing_keys(b, log);
}

static enum rc signing_key_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                  struct log_out *log)
{
    enum rc rc;

    bind_str(st, 1, c->u.signing_key.kid);
    rc = writer_run(b, st);
    return rc || !sqlite3_changes(b->db) ? rc : log_signing_keys(b, log);
}

static void bind_user_key(sqlite3_stmt *st, const struct user_key *key)
{
    bind_uuid(st, 1, &key->resource);
    bind_uuid(st, 2, &key->user);
}

static enum rc user_add(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct user_row *row = &c->u.user;
    enum rc rc;

    (void)log; /* memory holds only the revoked and deleted */
    bind_user_key(st, &row->key);
    sqlite3_bind_int64(st, 3, row->generation);
    sqlite3_bind_int64(st, 4, row->created);
    sqlite3_bind_int64(st, 5, row->valid_from);
    sqlite3_bind_int64(st, 6, row->revoked);
    sqlite3_bind_int64(st, 7, row->deleted);
    sqlite3_bind_int64(st, 8, row->last_issued);
    bind_str_or_null(st, 9, row->external_id);
    rc = writer_run(b, st);
    if (!rc)
        *(row->deleted ? &b->now.deleted : &b->now.alive) += 1;
    return rc;
}

/** Runs an update of one living user: `out_existed` says whether it changed something.
 * RC_NOT_FOUND: there is no such user, alive or deleted. */
static enum rc update_user(struct backend *b, sqlite3_stmt *st, struct change *c)
{
    bool found = true;
    enum rc rc = writer_run(b, st);

    if (rc)
        return rc;
    c->out_existed = sqlite3_changes(b->db) > 0;
    if (c->out_existed)
        return RC_OK;
    st = writer_stmt(b, W_USER_EXISTS);
    if (!st)
        return RC_INTERNAL;
    bind_user_key(st, &c->u.user.key);
    rc = writer_row_exists(b, st, &found);
    return rc || found ? rc : RC_NOT_FOUND;
}

static enum rc log_user(struct backend *b, struct change *c, struct log_out *log)
{
    return c->out_existed
               ? writer_log(b, log, &(struct log_entry){.kind = LOG_USER, .user = c->u.user.key})
               : RC_OK;
}

static enum rc user_revoke(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    enum rc rc;

    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, c->u.user.revoked);
    rc = update_user(b, st, c);
    return rc ? rc : log_user(b, c, log);
}

static enum rc user_valid_from(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    enum rc rc;

    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, c->u.user.revoked);
    sqlite3_bind_int64(st, 4, c->u.user.valid_from);
    rc = update_user(b, st, c);
    return rc ? rc : log_user(b, c, log);
}

/** Chat has yet to let him go. */
static enum rc add_leaver(struct backend *b, const struct user_key *key)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_LEAVER_ADD);

    if (!st)
        return RC_INTERNAL;
    bind_user_key(st, key);
    return writer_run(b, st);
}

static enum rc user_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    unix_ms when = c->u.user.deleted ? c->u.user.deleted : c->u.user.revoked;
    enum rc rc;

    if (when <= 0)
        return RC_INVALID;
    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, when);
    rc = update_user(b, st, c);
    if (rc)
        return rc;
    if (!c->out_existed)
        return RC_OK;
    b->now.alive--;
    b->now.deleted++;
    rc = add_leaver(b, &c->u.user.key);
    return rc ? rc : log_user(b, c, log);
}

static enum rc user_revive(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    const struct user_row *row = &c->u.user;
    sqlite3_stmt *stays = writer_stmt(b, W_USER_STAYS);
    enum rc rc;

    if (!stays)
        return RC_INTERNAL;
    bind_user_key(st, &row->key);
    sqlite3_bind_int64(st, 3, row->revoked);
    sqlite3_bind_int64(st, 4, row->created);
    bind_str_or_null(st, 5, row->external_id);
    rc = update_user(b, st, c);
    if (rc || !c->out_existed)
        return rc ? rc : RC_CONFLICT;
    b->now.alive++;
    b->now.deleted--;
    bind_user_key(stays, &row->key);
    rc = writer_run(b, stays);
    return rc ? rc : log_user(b, c, log);
}

static enum rc user_issued(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    (void)log; /* last_issued is not kept in memory */
    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, c->u.user.last_issued);
    return update_user(b, st, c);
}

static void bind_assignment_key(sqlite3_stmt *st, const struct assignment_row *row)
{
    bind_uuid(st, 1, &row->resource);
    bind_uuid(st, 2, &row->tenant);
    bind_uuid(st, 3, &row->object);
}

static enum rc assignment_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct assignment_row *row = &c->u.assignment;
    sqlite3_stmt *there = writer_stmt(b, W_ASSIGNMENT_EXISTS);
    enum rc rc;

    (void)log; /* not kept in memory */
    if (!there)
        return RC_INTERNAL;
    bind_assignment_key(there, row);
    rc = writer_row_exists(b, there, &c->out_existed);
    if (rc)
        return rc;
    bind_assignment_key(st, row);
    bind_str(st, 4, row->principal_type);
    bind_str(st, 5, row->client_ids);
    return writer_run(b, st);
}

static enum rc assignment_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log)
{
    (void)log; /* not kept in memory */
    bind_assignment_key(st, &c->u.assignment);
    return writer_run(b, st);
}

static enum rc meta_put(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    sqlite3_stmt *there = writer_stmt(b, W_META_EXISTS);
    enum rc rc;

    (void)log; /* its readers ask each time */
    if (!there)
        return RC_INTERNAL;
    bind_str(there, 1, c->u.meta.name);
    rc = writer_row_exists(b, there, &c->out_existed);
    if (rc)
        return rc;
    bind_str(st, 1, c->u.meta.name);
    bind_blob(st, 2, c->u.meta.value);
    return writer_run(b, st);
}

static enum rc meta_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    enum rc rc;

    (void)log;
    bind_str(st, 1, c->u.meta.name);
    rc = writer_run(b, st);
    c->out_existed = !rc && sqlite3_changes(b->db) > 0;
    return rc;
}

/* clang-format off */
static const struct {
    apply_fn apply;
    enum write_stmt stmt;
    bool several; /* it changes rows by more than one statement */
} kinds[CHANGE_KIND_COUNT] = {
    [CHANGE_RESOURCE_PUT]            = {resource_put, W_RESOURCE_PUT, false},
    [CHANGE_ACCESS_KEY_PUT]          = {access_key_put, W_ACCESS_KEY_PUT, false},
    [CHANGE_ACCESS_KEY_USED]         = {access_key_used, W_ACCESS_KEY_USED, false},
    [CHANGE_SIGNING_KEY_PUT]         = {signing_key_put, W_SIGNING_KEY_PUT, false},
    [CHANGE_SIGNING_KEY_DELETE]      = {signing_key_delete, W_SIGNING_KEY_DELETE, false},
    [CHANGE_USER_ADD]                = {user_add, W_USER_ADD, false},
    [CHANGE_USER_REVOKE]             = {user_revoke, W_USER_REVOKE, false},
    [CHANGE_USER_VALID_FROM]         = {user_valid_from, W_USER_VALID_FROM, false},
    [CHANGE_USER_DELETE]             = {user_delete, W_USER_DELETE, true},
    [CHANGE_USER_REVIVE]             = {user_revive, W_USER_REVIVE, true},
    [CHANGE_USER_ISSUED]             = {user_issued, W_USER_ISSUED, false},
    [CHANGE_ASSIGNMENT_PUT]          = {assignment_put, W_ASSIGNMENT_PUT, false},
    [CHANGE_ASSIGNMENT_DELETE]       = {assignment_delete, W_ASSIGNMENT_DELETE, false},
    [CHANGE_META_PUT]                = {meta_put, W_META_PUT, false},
    [CHANGE_META_DELETE]             = {meta_delete, W_META_DELETE, false},
    [CHANGE_APPLICATION_PUT]         = {apply_application_put, W_APPLICATION_PUT, false},
    [CHANGE_APPLICATION_DELETE]      = {apply_application_delete, W_APPLICATION_DELETE, true},
    [CHANGE_ROLE_PUT]                = {apply_role_put, W_ROLE_PUT, false},
    [CHANGE_ROLE_DELETE]             = {apply_role_delete, W_ROLE_DELETE, false},
    [CHANGE_ROLE_ASSIGNMENT_PUT]     = {apply_role_assignment_put, W_ROLE_ASSIGNMENT_PUT, false},
    [CHANGE_ROLE_ASSIGNMENT_DELETE]  = {apply_role_assignment_delete, W_ROLE_ASSIGNMENT_DELETE, false},
    [CHANGE_ROLE_SCOPE_DELETE]       = {apply_role_scope_delete, W_ROLE_SCOPE_DELETE, false},
    [CHANGE_ISSUER_PUT]              = {apply_issuer_put, W_ISSUER_PUT, false},
    [CHANGE_ISSUER_DELETE]           = {apply_issuer_delete, W_ISSUER_DELETE, false},
    [CHANGE_SMS_ADD]                 = {apply_sms_add, W_SMS_ADD, false},
    [CHANGE_SMS_STEP]                = {apply_sms_step, W_SMS_STEP, false},
    [CHANGE_SMS_CLEAR]               = {apply_sms_clear, W_SMS_CLEAR, true},
    [CHANGE_SMS_REPEAT_ADD]          = {apply_sms_repeat_add, W_SMS_REPEAT_ADD, false},
    [CHANGE_SMS_OPTOUT_PUT]          = {apply_sms_optout_put, W_SMS_OPTOUT_PUT, false},
    [CHANGE_SMS_OPTOUT_DELETE]       = {apply_sms_optout_delete, W_SMS_OPTOUT_DELETE, false},
    [CHANGE_SMS_SENDER_PUT]          = {apply_sms_sender_put, W_SMS_SENDER_PUT, false},
    [CHANGE_SMS_SENDER_DELETE]       = {apply_sms_sender_delete, W_SMS_SENDER_DELETE, false},
    [CHANGE_SMS_TRANSPORT_PUT]       = {apply_sms_transport_put, W_SMS_TRANSPORT_PUT, false},
    [CHANGE_SMS_TRANSPORT_DELETE]    = {apply_sms_transport_delete, W_SMS_TRANSPORT_DELETE, false},
    [CHANGE_SMS_REF_PUT]             = {apply_sms_ref_put, W_SMS_REF_PUT, false},
    [CHANGE_SMS_PRUNE]               = {apply_sms_prune, W_SMS_PRUNE, true},
    [CHANGE_SUBSCRIPTION_PUT]        = {apply_subscription_put, W_SUBSCRIPTION_PUT, false},
    [CHANGE_SUBSCRIPTION_DELETE]     = {apply_subscription_delete, W_SUBSCRIPTION_DELETE, true},
    [CHANGE_EVENT_ADD]               = {apply_event_add, W_EVENT_ADD, false},
    [CHANGE_EVENT_STEP]              = {apply_event_step, W_EVENT_STEP, false},
    [CHANGE_EVENT_PRUNE]             = {apply_event_prune, W_EVENT_PRUNE, true},
    [CHANGE_CHAT_TURN]               = {NULL, W_CHAT_THREAD, true}, /* see apply_all() */
    [CHANGE_CHAT_THREAD_PUT]         = {apply_chat_thread_put, W_CHAT_THREAD_ADD, true},
    [CHANGE_CHAT_HEAD_PUT]           = {apply_chat_head_put, W_CHAT_HEAD_SET, false},
    [CHANGE_CHAT_MEMBER_PUT]         = {apply_chat_member_put, W_CHAT_MEMBER_PUT, true},
    [CHANGE_CHAT_MESSAGE_PUT]        = {apply_chat_message_put, W_CHAT_MESSAGE_PUT, false},
    [CHANGE_CHAT_RECEIPT_PUT]        = {apply_chat_receipt_put, W_CHAT_RECEIPT_PUT, false},
    [CHANGE_CHAT_REPEAT_ADD]         = {apply_chat_repeat_add, W_CHAT_REPEAT_ADD, false},
    [CHANGE_CHAT_LOG_ADD]            = {apply_chat_log_add, W_CHAT_LOG_ADD, false},
    [CHANGE_CHAT_CLEAR]              = {apply_chat_clear, W_CHAT_CLEAR_MESSAGES, true},
    [CHANGE_CHAT_PRUNE]              = {apply_chat_prune, W_CHAT_REPEAT_PRUNE, true},
    [CHANGE_CHAT_MEMBER_DELETE]      = {apply_chat_member_delete, W_CHAT_MEMBER_DELETE, true},
    [CHANGE_CHAT_LEAVER_DELETE]      = {apply_chat_leaver_delete, W_CHAT_LEAVER_DELETE, false},
};
/* clang-format on */

static enum rc apply_one(struct backend *b, struct change *c, struct log_out *log)
{
    sqlite3_stmt *st;

    c->out_existed = false;
    if ((unsigned)c->kind >= CHANGE_KIND_COUNT || !kinds[c->kind].apply)
        return RC_INVALID;
    st = writer_stmt(b, kinds[c->kind].stmt);
    if (!st)
        return sqlite_rc(b->db, sqlite3_extended_errcode(b->db));
    return kinds[c->kind].apply(b, st, c, log);
}

/** Turns that a set begins with: they read and append, and write nothing themselves. */
static enum rc take_first_turns(struct backend *b, struct change_set *set, size_t *out_next)
{
    enum rc rc = RC_OK;
    size_t i = 0;

    while (!rc && i < set->n && set->items[i].kind == CHANGE_CHAT_TURN)
        rc = apply_chat_turn(b, set->items[i++].u.chat_turn, set);
    *out_next = i;
    return rc;
}

/** A turn of a thread may append to the set, and move its items, while they are gone through. */
static enum rc apply_from(struct backend *b, size_t first, struct change_set *set,
                          struct log_out *log)
{
    for (size_t i = first; i < set->n; i++) {
        enum rc rc = set->items[i].kind == CHANGE_CHAT_TURN
                         ? apply_chat_turn(b, set->items[i].u.chat_turn, set)
                         : apply_one(b, &set->items[i], log);

        if (rc)
            return rc;
    }
    return RC_OK;
}

/** Can it fail with the store only? */
static bool is_sure(const struct backend *b, const struct change *c)
{
    if (c->kind == CHANGE_CHAT_HEAD_PUT) /* a turn has just found it */
        return b->chat_number && uuid_eq(&b->chat_key, &c->u.chat_head.thread);
    return c->kind == CHANGE_CHAT_LOG_ADD && chat_log_is_entry(&c->u.chat_log);
}

/** Could its own failure leave something behind of what begins at `first`? */
static bool needs_savepoint(const struct backend *b, const struct change_set *set, size_t first)
{
    for (size_t i = first; i < set->n; i++) {
        enum change_kind kind = set->items[i].kind;

        if (((unsigned)kind < CHANGE_KIND_COUNT && kinds[kind].several) ||
            (i > first && !is_sure(b, &set->items[i])))
            return true;
    }
    return false;
}

/** Back to the savepoint: anything but success is a failure of the store. */
static enum rc undo(struct backend *b, enum rc reason)
{
    if (backend_spoils_batch(reason))
        return reason;
    if (writer_run(b, writer_stmt(b, W_UNDO)) || writer_run(b, writer_stmt(b, W_RELEASE)))
        return RC_INTERNAL;
    return reason;
}

enum rc sqlite_apply(struct backend *b, struct change_set *set, struct log_out *log)
{
    const struct progress before = b->now;
    const size_t log_n = log->n;
    bool saved = false;
    size_t first;
    enum rc rc;

    b->chat_number = 0;
    rc = take_first_turns(b, set, &first);
    if (!rc && needs_savepoint(b, set, first)) {
        rc = writer_run(b, writer_stmt(b, W_SAVE));
        saved = !rc;
    }
    if (!rc)
        rc = apply_from(b, first, set, log);
    if (!rc && saved)
        rc = writer_run(b, writer_stmt(b, W_RELEASE));
    else if (rc && saved)
        rc = undo(b, rc);
    if (rc) {
        b->now = before;
        log->n = log_n;
    }
    return rc;
}
