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
