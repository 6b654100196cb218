/* The writer's statements: their texts, prepared when first needed and kept. Readers have theirs in
 * sqlite_read.c. */
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
    [W_SMS_SENDER_ELSEWHERE] =
        "SELECT 1 FROM sms_senders AS s CROSS JOIN resources AS r ON r.id = s.resource"
        " WHERE s.sender = ?2 AND s.resource <> ?1 AND r.state = 1",
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
    [W_CHAT_MEMBER_DELETE] =
        "DELETE FROM chat_members WHERE thread = ?1 AND user = ?2 AND gone > 0"
        " AND EXISTS (SELECT 1 FROM chat_threads AS t CROSS JOIN chat_leavers AS l"
        " ON l.resource = t.resource WHERE t.num = ?1 AND l.user = ?2)",
    [W_CHAT_RECEIPT_DELETE] = "DELETE FROM chat_receipts WHERE thread = ?1 AND user = ?2",
    [W_CHAT_LEAVER] = "SELECT 1 FROM chat_leavers WHERE resource = ?1 AND user = ?2",
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
