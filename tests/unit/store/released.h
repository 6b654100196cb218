/* Stores of older versions, as SQL: the tables as they were released, and rows in them. */
#ifndef TESTS_UNIT_STORE_RELEASED_H
#define TESTS_UNIT_STORE_RELEASED_H

/* clang-format off */
/* Version 1, as it was released: never to be changed. */
static const char version_1[] =
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
    "  resource BLOB, id BLOB);"
    "INSERT INTO schema_version(version, applied) VALUES (1, 1700000000000);"
    "PRAGMA application_id = 1128747860;"; /* "CGST" */

/* What version 2 added, as it was released: never to be changed. */
static const char version_2[] =
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
    "  issuer TEXT NOT NULL UNIQUE, document TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO schema_version(version, applied) VALUES (2, 1700000000000);";

/* What version 3 added, as it was released: never to be changed. */
static const char version_3[] =
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
    "CREATE INDEX events_done ON events(state, published) WHERE state > 1;"
    "INSERT INTO schema_version(version, applied) VALUES (3, 1700000000000);";

/* What version 4 added, as it was released, without the rows that it took over: never to be changed.
 */
static const char version_4[] =
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
    "DROP TABLE sms_messages;"
    "CREATE TABLE sms_messages(place INTEGER NOT NULL PRIMARY KEY, id BLOB NOT NULL,"
    "  resource BLOB NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL,"
    "  due INTEGER NOT NULL, deadline INTEGER NOT NULL, finished INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, code INTEGER NOT NULL, segments INTEGER NOT NULL,"
    "  segments_failed INTEGER NOT NULL, ucs2 INTEGER NOT NULL, report INTEGER NOT NULL,"
    "  unsure INTEGER NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,"
    "  transport TEXT NOT NULL, tag TEXT NOT NULL, ref TEXT NOT NULL, text TEXT NOT NULL,"
    "  history TEXT NOT NULL);"
    "CREATE INDEX sms_due ON sms_messages(transport, state, due) WHERE state < 4;"
    "CREATE UNIQUE INDEX sms_strays ON sms_messages(id) WHERE place & 1;"
    "INSERT INTO schema_version(version, applied) VALUES (4, 1700000000000);";

/* What version 5 added, as it was released: never to be changed. */
static const char version_5[] =
    "CREATE TABLE chat_leavers(resource BLOB NOT NULL, user BLOB NOT NULL,"
    "  PRIMARY KEY(resource, user)) WITHOUT ROWID;"
    "INSERT INTO chat_leavers(resource, user) SELECT resource, id FROM users WHERE deleted > 0"
    "  AND EXISTS (SELECT 1 FROM chat_members WHERE chat_members.user = users.id);"
    "UPDATE users SET external_id = NULL WHERE deleted > 0 AND external_id IS NOT NULL;"
    "INSERT INTO schema_version(version, applied) VALUES (5, 1700000000000);";

/* What version 6 added, as it was released: never to be changed. */
static const char version_6[] =
    "UPDATE sms_messages SET history = CASE WHEN json_array_length(history) > 1"
    "  THEN json_remove(history, '$[0]') ELSE '' END WHERE finished > 0 AND history <> '';"
    "INSERT INTO schema_version(version, applied) VALUES (6, 1700000000000);";

/* A thread whose topic was "first" at 10, "second" at 20, "third" at 30, between other messages;
 * who was in it, and one who left the thread of rows_4. */
static const char members_6[] =
    "INSERT INTO chat_threads VALUES (2, x'00000000000000000000000000000005', x'01',"
    " x'00000000000000000000000000000001', x'00000000000000000000000000000011', 5, 0, 1, 0, 0,"
    " 'third', '');"
    "INSERT INTO chat_heads VALUES (2, 8, 40);"
    "INSERT INTO chat_messages WITH m(id, type, content) AS (VALUES (9, 4, '[]'), (10, 3, 'first'),"
    "  (11, 1, 'text'), (15, 5, '[]'), (20, 3, 'second'), (21, 5, '[]'), (30, 3, 'third'),"
    "  (40, 5, '[]')) SELECT id, 2, id, id, id, type, x'00000000000000000000000000000011', id, 0, 0,"
    "  '', content, '' FROM m;"
    "INSERT INTO chat_members WITH m(thread, user, left_on) AS (VALUES"
    "  (2, x'0000000000000000000000000000000b', 0), (2, x'0000000000000000000000000000000c', 14),"
    "  (2, x'0000000000000000000000000000000d', 20), (2, x'0000000000000000000000000000000e', 29),"
    "  (2, x'0000000000000000000000000000000f', 39), (1, x'00000000000000000000000000000010', 50))"
    "  SELECT thread, user, 1, left_on > 0, left_on, 0, '', '' FROM m;";

/* A message that waits, one that has ended at once, one whose second attempt was the last; those
 * that have ended tell of it in their history too. */
static const char messages_5[] =
    "INSERT INTO sms_messages WITH m(n, state, finished, history) AS (VALUES"
    "  (1, 1, 0, '[{\"timestamp\":\"1\"}]'),"
    "  (2, 4, 1700000000009, '[{\"timestamp\":\"9\"}]'),"
    "  (3, 5, 1700000000009, '[{\"timestamp\":\"9\"},{\"timestamp\":\"1\"}]'),"
    "  (4, 5, 1700000000009, '')) SELECT n, CAST(printf('%016d', n) AS BLOB),"
    "  x'00000000000000000000000000000001', state, 1700000000000, 0, 1700000001000, finished, 1,"
    "  2000, 1, 0, 0, 1, 0, '+14255550123', '+14255550124', 'inbox', 'tag', '', 'text', history"
    "  FROM m;";

/* Two deleted users, of whom one was in a thread. */
static const char rows_4[] =
    "INSERT INTO users VALUES"
    " (x'00000000000000000000000000000001', x'00000000000000000000000000000008', 1, 10, 0, 12, 12,"
    "  0, 'former'),"
    " (x'00000000000000000000000000000001', x'00000000000000000000000000000009', 1, 10, 0, 12, 12,"
    "  0, NULL);"
    "UPDATE users_tally SET n = 2 WHERE state = 1;"
    "INSERT INTO chat_threads VALUES (1, x'00000000000000000000000000000004', x'01',"
    " x'00000000000000000000000000000001', x'00000000000000000000000000000007', 5, 0, 2, 0, 0,"
    " 'topic', '');"
    "INSERT INTO chat_heads VALUES (1, 1, 1);"
    "INSERT INTO chat_members VALUES"
    " (1, x'00000000000000000000000000000007', 1, 0, 0, 0, '', ''),"
    " (1, x'00000000000000000000000000000008', 1, 0, 0, 0, 'Ben', '');";

static const char rows_3[] =
    "INSERT INTO sms_messages VALUES (x'018bcfe5680000000000000000000001',"
    " x'00000000000000000000000000000001', 1, 1700000000000, 1700000000000, 1700000001000, 0, 0, 0,"
    " 1, 0, 0, 1, 0, '+14255550123', '+14255550124', 'inbox', 'tag', '', 'text', '[]');"
    "INSERT INTO subscriptions VALUES (x'00000000000000000000000000000001', 'hook',"
    " x'00000000000000000000000000000005', 2, 3, '{}', x'', '', '', 5);";

static const char rows_2[] =
    "INSERT INTO applications VALUES (x'00000000000000000000000000000009',"
    " x'00000000000000000000000000000010', 1, 3, 0, 5, 0, 'app', '', x'', x'', '{\"a\":1}');"
    "INSERT INTO issuers VALUES (x'00000000000000000000000000000011', 1, 'https://sts', '{}', 5);";

static const char rows_1[] =
    "INSERT INTO resources VALUES"
    " (x'00000000000000000000000000000001', 'default', 'unitedstates', 'a.example', 9001, 1, 1, 5),"
    " (x'00000000000000000000000000000002', 'second', 'europe', '', 0, 2, 0, 6),"
    " (x'00000000000000000000000000000003', 'third', 'rack-7', '', 0, 0, 0, 7);"
    "INSERT INTO access_keys VALUES"
    " (x'00000000000000000000000000000001', 0, 3, 2, x'00ff', 8, 9);"
    "INSERT INTO signing_keys VALUES ('kid', 'ES256', 'user', x'01', 1, 2, 0);"
    "INSERT INTO users VALUES"
    " (x'00000000000000000000000000000001', x'00000000000000000000000000000007', 4, 10, 0, 11, 0,"
    "  0, 'name');"
    "UPDATE users_tally SET n = 1 WHERE state = 0;"
    "INSERT INTO meta VALUES ('clock', x'31');"
    "INSERT INTO change_log VALUES (41, 3, x'00000000000000000000000000000001',"
    " x'00000000000000000000000000000007');";

/* Nineteen messages at one place, an open one of a later time, and one whose id is random. */
static const char messages_3[] =
    "INSERT INTO sms_messages WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n"
    "  WHERE i < 20) SELECT CAST(x'018bcfe568000000' || printf('%08d', i) AS BLOB), resource, 4,"
    "  created, 0, deadline, created, 1, 2000, segments, 0, 0, 1, 0, sender, recipient, transport,"
    "  printf('%d', i), '', text, history FROM n, sms_messages;"
    "INSERT INTO sms_messages SELECT x'018bcfe568017abc8000000000000001', resource, 1, created + 1,"
    "  due, deadline, 0, 0, 0, 1, 0, 0, 1, 0, sender, recipient, transport, 'later', '', text, ''"
    "  FROM sms_messages WHERE tag = 'tag';"
    "INSERT INTO sms_messages SELECT x'f68bcfe5680041234000000000000001', resource, 4, created, 0,"
    "  deadline, 0, 0, 0, 1, 0, 0, 1, 0, sender, recipient, transport, 'random', '', text, ''"
    "  FROM sms_messages WHERE tag = 'tag';";
/* clang-format on */

#endif
