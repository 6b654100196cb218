/* Tables, their versions, and how to tell a store of ours from another file.
 *
 * Keys are octets or numbers, and time-ordered where rows come in bulk; every table is its own
 * primary key's tree. Where rows are written often indexes are few, since each costs a page per
 * commit: users by time (lists), and partial ones which the ordinary insert does not touch.
 *
 * Messages and events come by the million and time-ordered: inserts touch the end of their tree
 * and of the partial index of what is due. A row of an ordinary message has some 200 octets, since
 * its end is not told twice (step 6), hardly grows when the message ends, and stays on its page;
 * one above 4,000 (an event: 1,000) goes on in pages of its own, which hold the end of it: so text
 * and history stand last, and what lists filter by stands first. Messages lie at numbers made of
 * their ids, since any of many millions is asked for: see sqlite_sms_place.c.
 *
 * Ids of repeatable requests are random, so that each writes a page: a row of some 80 octets keeps
 * their tree small enough that the messages of one commit meet on its pages.
 *
 * Messages of chat stand in the order in which they came, whatever their thread, with an index of
 * (thread, id), and one of order that holds only those that have changed since. A commit of 128
 * messages of 1,000 threads writes so 4.3 KiB for each and takes 12 µs; side by side in their
 * threads 12 KiB and 33 µs (a page of a thread for each, and its halves when it is split), by
 * (thread, id) as the tree's own key 13 KiB and 37 µs. A page of the ten newest, 40 µs, takes 15 µs
 * longer for it. What each message moves in its thread is a row of some 20 octets of its own.
 *
 * A step of migration is never changed once released: add the next one. */
#include "store/sqlite/sqlite_backend.h"

/* clang-format off */
static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE schema_version(version INTEGER NOT NULL PRIMARY KEY, applied INTEGER NOT NULL)"
    "  WITHOUT ROWID;"
    "CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE resources(id BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
    "  location TEXT NOT NULL, names TEXT NOT NULL, port INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, is_default INTEGER NOT NULL, created INTEGER NOT NULL)"
    "  WITHOUT ROWID;"
    "CREATE UNIQUE INDEX resources_name ON resources(name) WHERE state <> 0;"
    "CREATE TABLE access_keys(resource BLOB NOT NULL, slot INTEGER NOT NULL,"
    "  generation INTEGER NOT NULL, tokens_valid_from INTEGER NOT NULL, sealed BLOB NOT NULL,"
    "  regenerated INTEGER NOT NULL, last_used INTEGER NOT NULL, PRIMARY KEY(resource, slot))"
    "  WITHOUT ROWID;"
    "CREATE TABLE signing_keys(kid TEXT NOT NULL PRIMARY KEY, alg TEXT NOT NULL,"
    "  purpose TEXT NOT NULL, sealed BLOB NOT NULL, created INTEGER NOT NULL,"
    "  active_from INTEGER NOT NULL, retired INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE users(resource BLOB NOT NULL, id BLOB NOT NULL, generation INTEGER NOT NULL,"
    "  created INTEGER NOT NULL, valid_from INTEGER NOT NULL, revoked INTEGER NOT NULL,"
    "  deleted INTEGER NOT NULL, last_issued INTEGER NOT NULL, external_id TEXT,"
    "  PRIMARY KEY(resource, id)) WITHOUT ROWID;"
    "CREATE INDEX users_created ON users(resource, created, id);"
    "CREATE UNIQUE INDEX users_external ON users(resource, external_id)"
    "  WHERE external_id IS NOT NULL AND deleted = 0;"
    "CREATE INDEX users_revoked ON users(revoked) WHERE revoked > 0;"
    "CREATE INDEX users_deleted ON users(deleted) WHERE deleted > 0;"
    "CREATE TABLE users_tally(state INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)"
    "  WITHOUT ROWID;"
    "INSERT INTO users_tally(state, n) VALUES (0, 0), (1, 0);"
    "CREATE TABLE assignments(resource BLOB NOT NULL, tenant BLOB NOT NULL,"
    "  object BLOB NOT NULL, principal_type TEXT NOT NULL, client_ids TEXT NOT NULL,"
    "  PRIMARY KEY(resource, tenant, object)) WITHOUT ROWID;"
    "CREATE TABLE change_log(seq INTEGER NOT NULL PRIMARY KEY, kind INTEGER NOT NULL,"
    "  resource BLOB, id BLOB);",
    /* 2 */
    "ALTER TABLE resources ADD COLUMN resource_group TEXT NOT NULL DEFAULT 'callgate';"
    "ALTER TABLE resources ADD COLUMN no_local_auth INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE resources ADD COLUMN data_location TEXT NOT NULL DEFAULT 'United States';"
    "ALTER TABLE resources ADD COLUMN properties TEXT NOT NULL DEFAULT '{}';"
    "UPDATE resources SET data_location = CASE location WHEN 'unitedstates' THEN 'United States'"
    "  WHEN 'europe' THEN 'Europe' ELSE location END;"
    "ALTER TABLE signing_keys ADD COLUMN certificate BLOB NOT NULL DEFAULT x'';"
    "CREATE TABLE applications(client_id BLOB NOT NULL PRIMARY KEY, object_id BLOB NOT NULL,"
    "  kind INTEGER NOT NULL, version INTEGER NOT NULL, disabled INTEGER NOT NULL,"
    "  created INTEGER NOT NULL, revoked_before INTEGER NOT NULL, name TEXT NOT NULL,"
    "  arm_id TEXT NOT NULL, header_hash BLOB NOT NULL, header_sealed BLOB NOT NULL,"
    "  document TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX applications_object ON applications(object_id);"
    "CREATE UNIQUE INDEX applications_name ON applications(name COLLATE NOCASE);"
    "CREATE UNIQUE INDEX applications_arm ON applications(arm_id) WHERE arm_id <> '';"
    "CREATE UNIQUE INDEX applications_header ON applications(header_hash)"
    "  WHERE header_hash <> x'';"
    "CREATE TABLE roles(id BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
    "  document TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL)"
    "  WITHOUT ROWID;"
    "CREATE UNIQUE INDEX roles_name ON roles(name COLLATE NOCASE);"
    "CREATE TABLE role_assignments(id BLOB NOT NULL PRIMARY KEY, principal BLOB NOT NULL,"
    "  role BLOB NOT NULL, scope TEXT NOT NULL, principal_type TEXT NOT NULL,"
    "  description TEXT NOT NULL, created_by BLOB NOT NULL, created INTEGER NOT NULL)"
    "  WITHOUT ROWID;"
    "CREATE UNIQUE INDEX role_assignments_once ON role_assignments(principal, role, scope);"
    "CREATE INDEX role_assignments_scope ON role_assignments(scope);"
    "CREATE INDEX role_assignments_role ON role_assignments(role);"
    "CREATE TABLE issuers(id BLOB NOT NULL PRIMARY KEY, version INTEGER NOT NULL,"
    "  issuer TEXT NOT NULL UNIQUE, document TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;",
    /* 3 */
    "CREATE TABLE sms_messages(id BLOB NOT NULL PRIMARY KEY, resource BLOB NOT NULL,"
    "  state INTEGER NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL,"
    "  deadline INTEGER NOT NULL, finished INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    "  code INTEGER NOT NULL, segments INTEGER NOT NULL, segments_failed INTEGER NOT NULL,"
    "  ucs2 INTEGER NOT NULL, report INTEGER NOT NULL, unsure INTEGER NOT NULL,"
    "  sender TEXT NOT NULL, recipient TEXT NOT NULL, transport TEXT NOT NULL, tag TEXT NOT NULL,"
    "  ref TEXT NOT NULL, text TEXT NOT NULL, history TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX sms_due ON sms_messages(transport, state, due, id) WHERE state < 4;"
    "CREATE TABLE sms_repeats(id BLOB NOT NULL, resource BLOB NOT NULL, digest BLOB NOT NULL,"
    "  message BLOB NOT NULL, created INTEGER NOT NULL, kept_until INTEGER NOT NULL,"
    "  PRIMARY KEY(id, resource)) WITHOUT ROWID;"
    "CREATE INDEX sms_repeats_kept ON sms_repeats(kept_until);"
    "CREATE TABLE sms_optouts(resource BLOB NOT NULL, sender TEXT NOT NULL,"
    "  recipient TEXT NOT NULL, created INTEGER NOT NULL,"
    "  PRIMARY KEY(resource, sender, recipient)) WITHOUT ROWID;"
    "CREATE TABLE sms_senders(resource BLOB NOT NULL, sender TEXT NOT NULL,"
    "  version INTEGER NOT NULL, document TEXT NOT NULL, created INTEGER NOT NULL,"
    "  PRIMARY KEY(resource, sender)) WITHOUT ROWID;"
    "CREATE TABLE sms_transports(name TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL,"
    "  version INTEGER NOT NULL, document TEXT NOT NULL, sealed BLOB NOT NULL,"
    "  created INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE sms_refs(transport TEXT NOT NULL, ref TEXT NOT NULL, message BLOB NOT NULL,"
    "  part INTEGER NOT NULL, kept_until INTEGER NOT NULL, PRIMARY KEY(transport, ref))"
    "  WITHOUT ROWID;"
    "CREATE INDEX sms_refs_kept ON sms_refs(kept_until);"
    "CREATE TABLE subscriptions(resource BLOB NOT NULL, name TEXT NOT NULL, id BLOB NOT NULL,"
    "  version INTEGER NOT NULL, state INTEGER NOT NULL, document TEXT NOT NULL,"
    "  sealed BLOB NOT NULL, handshake TEXT NOT NULL, failure TEXT NOT NULL,"
    "  created INTEGER NOT NULL, PRIMARY KEY(resource, name)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX subscriptions_id ON subscriptions(id);"
    "CREATE TABLE events(subscription BLOB NOT NULL, id BLOB NOT NULL, resource BLOB NOT NULL,"
    "  state INTEGER NOT NULL, time INTEGER NOT NULL, published INTEGER NOT NULL,"
    "  due INTEGER NOT NULL, last_attempt INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    "  event_id TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL, outcome TEXT NOT NULL,"
    "  data TEXT NOT NULL, PRIMARY KEY(subscription, id)) WITHOUT ROWID;"
    "CREATE INDEX events_due ON events(subscription, due, id) WHERE state = 1;"
    "CREATE INDEX events_dead ON events(subscription, id) WHERE state = 3;"
    "CREATE INDEX events_done ON events(state, published) WHERE state > 1;",
    /* 4 */
    "CREATE TABLE chat_threads(num INTEGER NOT NULL PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    "  secret BLOB NOT NULL, resource BLOB NOT NULL, created_by BLOB NOT NULL,"
    "  created INTEGER NOT NULL, deleted INTEGER NOT NULL, members INTEGER NOT NULL,"
    "  delete_after_days INTEGER NOT NULL, expires INTEGER NOT NULL, topic TEXT NOT NULL,"
    "  metadata TEXT NOT NULL);"
    "CREATE INDEX chat_threads_expires ON chat_threads(expires) WHERE expires > 0 AND deleted = 0;"
    "CREATE INDEX chat_threads_deleted ON chat_threads(deleted) WHERE deleted > 0;"
    "CREATE TABLE chat_heads(thread INTEGER NOT NULL PRIMARY KEY, seq INTEGER NOT NULL,"
    "  last_id INTEGER NOT NULL);"
    "CREATE TABLE chat_members(thread INTEGER NOT NULL, user BLOB NOT NULL,"
    "  joined INTEGER NOT NULL, gone INTEGER NOT NULL, left_on INTEGER NOT NULL,"
    "  share_from INTEGER NOT NULL, display_name TEXT NOT NULL, metadata TEXT NOT NULL,"
    "  PRIMARY KEY(thread, user)) WITHOUT ROWID;"
    "CREATE INDEX chat_members_user ON chat_members(user);"
    "CREATE INDEX chat_members_in ON chat_members(thread, joined, user) WHERE gone = 0;"
    "CREATE TABLE chat_messages(num INTEGER NOT NULL PRIMARY KEY, thread INTEGER NOT NULL,"
    "  id INTEGER NOT NULL, seq INTEGER NOT NULL, first_seq INTEGER NOT NULL,"
    "  type INTEGER NOT NULL, sender BLOB NOT NULL, version INTEGER NOT NULL,"
    "  edited INTEGER NOT NULL, deleted INTEGER NOT NULL, sender_name TEXT NOT NULL,"
    "  content TEXT NOT NULL, metadata TEXT NOT NULL);"
    "CREATE UNIQUE INDEX chat_messages_id ON chat_messages(thread, id);"
    "CREATE INDEX chat_messages_changed ON chat_messages(thread, seq) WHERE seq > first_seq;"
    "CREATE TABLE chat_receipts(thread INTEGER NOT NULL, user BLOB NOT NULL,"
    "  message INTEGER NOT NULL, read_on INTEGER NOT NULL, PRIMARY KEY(thread, user))"
    "  WITHOUT ROWID;"
    "CREATE TABLE chat_repeats(user BLOB NOT NULL, digest BLOB NOT NULL, thread BLOB NOT NULL,"
    "  kept_until INTEGER NOT NULL, PRIMARY KEY(user, digest)) WITHOUT ROWID;"
    "CREATE INDEX chat_repeats_kept ON chat_repeats(kept_until);"
    "CREATE TABLE chat_log(number INTEGER NOT NULL PRIMARY KEY, thread BLOB NOT NULL,"
    "  kind INTEGER NOT NULL, time INTEGER NOT NULL, message INTEGER NOT NULL,"
    "  actor BLOB NOT NULL, data TEXT NOT NULL);"
    "CREATE TABLE chat_log_last(n INTEGER NOT NULL PRIMARY KEY);"
    "INSERT INTO chat_log_last(n) VALUES (0);"
    "DROP INDEX sms_due;"
    "ALTER TABLE sms_messages RENAME TO sms_messages_3;"
    "CREATE TABLE sms_messages(place INTEGER NOT NULL PRIMARY KEY, id BLOB NOT NULL,"
    "  resource BLOB NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL,"
    "  due INTEGER NOT NULL, deadline INTEGER NOT NULL, finished INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, code INTEGER NOT NULL, segments INTEGER NOT NULL,"
    "  segments_failed INTEGER NOT NULL, ucs2 INTEGER NOT NULL, report INTEGER NOT NULL,"
    "  unsure INTEGER NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,"
    "  transport TEXT NOT NULL, tag TEXT NOT NULL, ref TEXT NOT NULL, text TEXT NOT NULL,"
    "  history TEXT NOT NULL);"
    "INSERT INTO sms_messages SELECT sms_place(id), * FROM sms_messages_3 ORDER BY id;"
    "DROP TABLE sms_messages_3;"
    "CREATE INDEX sms_due ON sms_messages(transport, state, due) WHERE state < 4;"
    "CREATE UNIQUE INDEX sms_strays ON sms_messages(id) WHERE place & 1;",
    /* 5 */
    "CREATE TABLE chat_leavers(resource BLOB NOT NULL, user BLOB NOT NULL,"
    "  PRIMARY KEY(resource, user)) WITHOUT ROWID;"
    "INSERT INTO chat_leavers(resource, user) SELECT resource, id FROM users WHERE deleted > 0"
    "  AND EXISTS (SELECT 1 FROM chat_members WHERE chat_members.user = users.id);"
    "UPDATE users SET external_id = NULL WHERE deleted > 0 AND external_id IS NOT NULL;",
    /* 6 */
    "UPDATE sms_messages SET history = CASE WHEN json_array_length(history) > 1"
    "  THEN json_remove(history, '$[0]') ELSE '' END WHERE finished > 0 AND history <> '';",
    /* 7: of those who had left, by the messages that told of topics; each is looked at once */
    "ALTER TABLE chat_members ADD COLUMN topic TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE chat_topics(thread INTEGER NOT NULL, id INTEGER NOT NULL, topic TEXT NOT NULL,"
    "  PRIMARY KEY(thread, id)) WITHOUT ROWID;"
    "INSERT INTO chat_topics SELECT thread, id, content FROM chat_messages WHERE type = 3"
    "  AND thread IN (SELECT thread FROM chat_members WHERE gone > 0);"
    "UPDATE chat_members SET topic = coalesce((SELECT topic FROM chat_topics AS c"
    "  WHERE c.thread = chat_members.thread AND c.id <= left_on ORDER BY c.id DESC LIMIT 1),"
    "  (SELECT topic FROM chat_threads WHERE num = chat_members.thread), '') WHERE gone > 0;"
    "DROP TABLE chat_topics;"
    "DROP INDEX chat_members_user;"
    "CREATE INDEX chat_members_user ON chat_members(user, thread, left_on);"
    "DROP INDEX sms_due;"
    "CREATE INDEX sms_due ON sms_messages(transport, state, resource, due) WHERE state < 4;",
};
/* clang-format on */
_Static_assert(ARRAY_LEN(steps) == STORE_SCHEMA_VERSION, "one step per version");
_Static_assert(SMS_SUBMITTED == 3 && SMS_DELIVERED == 4, "sms_due holds the open ones");
_Static_assert(CHAT_TOPIC_UPDATED == 3, "step 7 names the type");
_Static_assert(EVENT_PENDING == 1 && EVENT_DELIVERED == 2 && EVENT_DEAD == 3,
               "indexes of events name the states");

static enum rc not_ours(const char *path, struct buf *why)
{
    sqlite_say(why,
               "%s is not a store of this server: choose another data directory, or move the file"
               " away.",
               path);
    return RC_INVALID;
}

static enum rc unreadable(sqlite3 *db, enum rc rc, const char *path, struct buf *why)
{
    int code = sqlite3_extended_errcode(db) & 0xff;

    if (code == SQLITE_NOTADB)
        return not_ours(path, why);
    if (code == SQLITE_CORRUPT || code == SQLITE_ERROR) { /* ERROR: a table is missing */
        sqlite_say(why, "The store %s is damaged: restore it from a backup.", path);
        return RC_INVALID;
    }
    sqlite_say(why,
               "The store %s can't be read (%s): check the disk, and the permissions of this file "
               "and of %s-wal and %s-shm.",
               path, sqlite3_errmsg(db), path, path);
    return rc;
}

enum rc schema_recognise(sqlite3 *db, const char *path, int64_t *out_version, struct buf *why)
{
    int64_t id = 0, tables = 0, version = 0;
    enum rc rc = sqlite_number(db, "PRAGMA application_id", &id);

    if (!rc)
        rc = sqlite_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc)
        return unreadable(db, rc, path, why);
    if (id == 0 && tables == 0) {
        *out_version = 0; /* new, or a first start was cut off before the first step */
        return RC_OK;
    }
    if (id != STORE_APPLICATION_ID)
        return not_ours(path, why);
    rc = sqlite_number(db, "SELECT coalesce(max(version), 0) FROM schema_version", &version);
    if (rc)
        return unreadable(db, rc, path, why);
    if (version > STORE_SCHEMA_VERSION) {
        sqlite_say(why,
                   "The store %s was made by a newer version (its schema is %lld, this program"
                   " knows %d): use that version, or restore a backup made before the upgrade.",
                   path, (long long)version, STORE_SCHEMA_VERSION);
        return RC_CONFLICT;
    }
    *out_version = version;
    return RC_OK;
}

static enum rc run_step(sqlite3 *db, int64_t version)
{
    char note[128];
    enum rc rc = sqlite_run(db, steps[version - 1]);

    if (rc)
        return rc;
    snprintf(note, sizeof note,
             "INSERT INTO schema_version(version, applied) VALUES (%lld, %lld);"
             "PRAGMA application_id = %d",
             (long long)version, (long long)clock_wall(), STORE_APPLICATION_ID);
    return sqlite_run(db, note);
}

static enum rc run_steps(sqlite3 *db, int64_t version)
{
    while (version < STORE_SCHEMA_VERSION) {
        enum rc rc = sqlite_run(db, "BEGIN IMMEDIATE");

        if (!rc)
            rc = run_step(db, ++version);
        if (!rc)
            rc = sqlite_run(db, "COMMIT");
        if (rc) {
            if (!sqlite3_get_autocommit(db)) /* the first failure counts, not this one */
                sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            return rc;
        }
    }
    return RC_OK;
}

enum rc schema_migrate(sqlite3 *db, int64_t version)
{
    struct sms_places places; /* step 4 gives them */
    enum rc rc = sms_places_begin(db, &places);

    if (!rc)
        rc = run_steps(db, version);
    sms_places_end(db);
    return rc;
}
