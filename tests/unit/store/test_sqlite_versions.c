/* Versions of the embedded back end's tables: a store of an older version becomes one of this, with
 * all that was in it; and which indexes the queries of many rows use. */
#include "fault_vfs.h"
#include "fixture.h"
#include "released.h"
#include "store/sqlite/sqlite_backend.h"

#include <unistd.h>

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void make_version_1(struct fixture *f)
{
    run_sql(f->path, version_1);
    run_sql(f->path, rows_1);
}

static void make_version_2(struct fixture *f)
{
    make_version_1(f);
    run_sql(f->path, version_2);
    run_sql(f->path, rows_2);
}

static void make_version_3(struct fixture *f)
{
    make_version_2(f);
    run_sql(f->path, version_3);
    run_sql(f->path, rows_3);
}

static void make_version_4(struct fixture *f)
{
    make_version_3(f);
    run_sql(f->path, version_4);
    run_sql(f->path, rows_4);
}

static void make_version_5(struct fixture *f)
{
    make_version_4(f);
    run_sql(f->path, version_5);
}

static void make_version_6(struct fixture *f)
{
    make_version_5(f);
    run_sql(f->path, version_6);
}

/* ---- from older versions ---- */

struct seen {
    size_t resources, access_keys, signing_keys;
    struct resource_row resource[3];
    struct access_key_row access_key;
    struct signing_key_row signing_key;
};

static void see_resource(void *ctx, const struct resource_row *row)
{
    struct seen *seen = ctx;

    assert_true(seen->resources < ARRAY_LEN(seen->resource));
    seen->resource[seen->resources++] = *row;
}

static void see_access_key(void *ctx, const struct access_key_row *row)
{
    struct seen *seen = ctx;

    seen->access_keys++;
    seen->access_key = *row;
}

static void see_signing_key(void *ctx, const struct signing_key_row *row)
{
    struct seen *seen = ctx;

    seen->signing_keys++;
    seen->signing_key = *row;
}

static void check_resources(const struct seen *seen)
{
    static const struct {
        struct str name, location, names, data_location;
        uint16_t port;
        enum resource_state state;
        bool is_default;
    } wanted[] = {
        {STR_INIT("default"), STR_INIT("unitedstates"), STR_INIT("a.example"),
         STR_INIT("United States"), 9001, RESOURCE_ACTIVE, true},
        {STR_INIT("second"),
         STR_INIT("europe"),
         {NULL, 0},
         STR_INIT("Europe"),
         0,
         RESOURCE_DISABLED,
         false},
        {STR_INIT("third"),
         STR_INIT("rack-7"),
         {NULL, 0},
         STR_INIT("rack-7"),
         0,
         RESOURCE_DELETED,
         false},
    };

    assert_int_equal(seen->resources, ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        const struct resource_row *row = &seen->resource[i];
        const struct uuid id = id_of(i + 1);

        assert_true(uuid_eq(&row->id, &id));
        check_text(row->name, wanted[i].name);
        check_text(row->location, wanted[i].location);
        check_text(row->names, wanted[i].names);
        check_text(row->data_location, wanted[i].data_location);
        assert_int_equal(row->port, wanted[i].port);
        assert_int_equal(row->state, wanted[i].state);
        assert_int_equal(row->is_default, wanted[i].is_default);
        assert_int_equal(row->created, 5 + i);
        check_text(row->group, STR("callgate"));
        assert_false(row->no_local_auth);
        check_text(row->properties, STR("{}"));
    }
}

static void check_what_version_1_held(struct fixture *f)
{
    const struct user_key key = key_of(1, 7);
    struct store_figures figures;
    struct seen seen = {0};
    struct user_row user;
    struct str value;

    assert_int_equal(store_each_resource(f->reader, &f->arena, see_resource, &seen), RC_OK);
    check_resources(&seen);
    assert_int_equal(store_each_access_key(f->reader, &f->arena, see_access_key, &seen), RC_OK);
    assert_int_equal(seen.access_keys, 1);
    assert_int_equal(seen.access_key.generation, 3);
    check_text(seen.access_key.sealed, (struct str){"\0\xff", 2});
    assert_int_equal(store_each_signing_key(f->reader, &f->arena, see_signing_key, &seen), RC_OK);
    assert_int_equal(seen.signing_keys, 1);
    check_text(seen.signing_key.kid, STR("kid"));
    assert_int_equal(seen.signing_key.certificate.len, 0);
    assert_int_equal(fixture_user(f, &key, &user), RC_OK);
    assert_int_equal(user.generation, 4);
    check_text(user.external_id, STR("name"));
    assert_int_equal(store_meta(f->reader, STR("clock"), &f->arena, &value), RC_OK);
    check_text(value, STR("1"));
    store_figures(f->store, &figures);
    assert_int_equal(figures.users, 1);
}

static int64_t number_in(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    int64_t n = -1;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite_number(db, sql, &n), RC_OK);
    sqlite3_close(db);
    return n;
}

static void note_seq(void *ctx, const struct log_entry *e)
{
    *(int64_t *)ctx = e->seq;
}

static void takes_over_a_store_of_version_1(struct fixture *f)
{
    struct change c[2] = {put_application(1, STR("one")), assign(1, 1001, 1, STR("/"))};
    struct application_row row;
    int64_t seq = 0;

    make_version_1(f);
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        fixture_open(f);
        check_what_version_1_held(f);
        fixture_close(f);
        assert_int_equal(number_in(f->path, "SELECT count(*) FROM schema_version"),
                         STORE_SCHEMA_VERSION);
        assert_int_equal(number_in(f->path, "SELECT max(version) FROM schema_version"),
                         STORE_SCHEMA_VERSION);
    }
    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 2), RC_OK);
    assert_int_equal(store_each_change(f->reader, 0, note_seq, &seq), RC_OK);
    assert_int_equal(seq, 43); /* goes on from 41 */
    assert_int_equal(store_application(f->reader, APPLICATION_BY_NAME, STR("one"), &f->arena, &row),
                     RC_OK);
}

static void takes_over_a_store_of_version_2(struct fixture *f)
{
    struct change c[3] = {add_sms(1, NOW), put_subscription(5, STR("name")), add_event(5, 1, NOW)};
    struct application_row row;
    struct sms_row sms;

    make_version_2(f);
    assert_int_equal(store_verify_file(f->path, &f->why), RC_OK);
    for (int i = 0; i < 2; i++) {
        fixture_open(f);
        check_what_version_1_held(f);
        assert_int_equal(
            store_application(f->reader, APPLICATION_BY_NAME, STR("app"), &f->arena, &row), RC_OK);
        assert_int_equal(row.version, 3);
        check_text(row.document, STR("{\"a\":1}"));
        fixture_close(f);
        assert_int_equal(number_in(f->path, "SELECT count(*) FROM schema_version"),
                         STORE_SCHEMA_VERSION);
        assert_int_equal(number_in(f->path, "SELECT count(*) FROM issuers"), 1);
    }
    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 3), RC_OK);
    assert_int_equal(store_sms(f->reader, &c[0].u.sms.id, &f->arena, &sms), RC_OK);
}

static struct change put_thread(uint64_t n)
{
    return (struct change){.kind = CHANGE_CHAT_THREAD_PUT,
                           .u.chat_thread = {.key = id_of(n), .created = NOW, .seq = 1}};
}

static void see_subscription(void *ctx, const struct subscription_row *row)
{
    ++*(size_t *)ctx;
    check_text(row->name, STR("hook"));
}

static void takes_over_a_store_of_version_3(struct fixture *f)
{
    struct change c[2] = {add_sms(2, NOW), put_thread(1)};
    const struct uuid first = id_at(NOW, 1), key = id_of(1);
    struct chat_thread_row thread;
    struct sms_row sms;
    size_t n = 0;

    make_version_3(f);
    assert_int_equal(store_verify_file(f->path, &f->why), RC_OK);
    for (int i = 0; i < 2; i++) {
        fixture_open(f);
        check_what_version_1_held(f);
        assert_int_equal(store_sms(f->reader, &first, &f->arena, &sms), RC_OK);
        check_text(sms.tag, STR("tag"));
        check_text(sms.text, STR("text"));
        assert_int_equal(store_each_subscription(f->reader, &f->arena, see_subscription, &n),
                         RC_OK);
        fixture_close(f);
        assert_int_equal(number_in(f->path, "SELECT count(*) FROM schema_version"),
                         STORE_SCHEMA_VERSION);
    }
    assert_int_equal(n, 2);
    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 2), RC_OK);
    assert_int_equal(store_sms(f->reader, &first, &f->arena, &sms), RC_OK);
    assert_int_equal(store_chat_thread(f->reader, &key, &f->arena, &thread), RC_OK);
}

static void takes_over_a_store_of_version_4(struct fixture *f)
{
    const struct chat_query q = {.what = CHAT_LIST_LEAVERS, .limit = 10};
    const struct user_key key = key_of(1, 8);
    struct chat_page page;
    struct user_row user;

    make_version_4(f);
    assert_int_equal(store_verify_file(f->path, &f->why), RC_OK);
    for (int i = 0; i < 2; i++) {
        fixture_open(f);
        check_what_version_1_held(f);
        assert_int_equal(store_list_chat(f->reader, &q, &f->arena, &page), RC_OK);
        assert_int_equal(page.n, 1); /* he who was deleted before and has a place yet */
        assert_true(uuid_eq(&page.leavers[0].user, &key.user));
        assert_int_equal(fixture_user(f, &key, &user), RC_OK);
        assert_int_equal(user.external_id.len, 0);
        fixture_close(f);
    }
}

/** Definitions of all tables and indexes, as the engine spells them. */
static struct str schema_of(struct fixture *f)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    struct str text;

    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT group_concat(type || name || sql, char(10)) FROM"
                                        " (SELECT * FROM sqlite_schema WHERE sql NOT NULL"
                                        "  ORDER BY type, name)",
                                        -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    text = arena_dup(&f->arena, column_str(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
    return text;
}

static void makes_of_an_old_store_what_a_new_one_is(struct fixture *f)
{
    static void (*const make[])(struct fixture *) = {make_version_1, make_version_2,
                                                     make_version_3, make_version_4,
                                                     make_version_5, make_version_6};
    struct str fresh;

    fixture_open(f);
    fixture_close(f);
    fresh = schema_of(f);
    assert_true(fresh.len > 2000);
    for (size_t i = 0; i < ARRAY_LEN(make); i++) {
        assert_int_equal(unlink(f->path), 0);
        make[i](f);
        fixture_open(f);
        fixture_close(f);
        check_text(schema_of(f), fresh);
    }
}

static void refuses_the_next_version_and_leaves_it_alone(struct fixture *f)
{
    fixture_open(f);
    fixture_close(f);
    run_sql(f->path, "INSERT INTO schema_version VALUES (8, 1)");
    assert_int_equal(fixture_try_open(f), RC_CONFLICT);
    assert_true(str_find_str(buf_str(&f->why), STR("newer version (its schema is 8,")) <
                f->why.len);
    assert_int_equal(store_verify_file(f->path, NULL), RC_CONFLICT);
    run_sql(f->path, "DELETE FROM schema_version WHERE version = 8");
    fixture_open(f);
}

/** Opens a store of version 1 with the plan armed; true when the fault was met. */
static bool survive_a_cut_migration(struct fixture *f, struct fault_plan plan)
{
    bool hit;
    enum rc rc;

    make_version_1(f);
    fault_vfs_arm(plan);
    rc = fixture_try_open(f);
    hit = fault_vfs_disarm() > 0;
    assert_int_equal(rc, !hit ? RC_OK : plan.code == SQLITE_FULL ? RC_FULL : RC_IO);
    fixture_close(f);
    fixture_open(f);
    check_what_version_1_held(f);
    fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    return hit;
}

static void takes_over_a_store_after_a_migration_that_failed(struct fixture *f)
{
    static const struct fault_plan plans[] = {
        {FAULT_WRITE, 0, SQLITE_FULL, true},
        {FAULT_WRITE, 0, SQLITE_IOERR_WRITE, true},
        {FAULT_SYNC, 0, SQLITE_IOERR_FSYNC, true},
    };

    f->vfs = FAULT_VFS;
    for (size_t p = 0; p < ARRAY_LEN(plans); p++) {
        struct fault_plan plan = plans[p];

        plan.nth = 1;
        while (survive_a_cut_migration(f, plan))
            plan.nth++;
        assert_in_range(plan.nth, 3, 200);
    }
    f->vfs = NULL;
}

/** All messages have their place: they are found by id, and listed in the order of time. */
static void check_messages_of_version_3(struct fixture *f)
{
    struct sms_query q = {.what = SMS_LIST_NEWEST, .resource = id_of(1), .limit = 100};
    struct sms_page page;

    assert_int_equal(store_list_sms(f->reader, &q, &f->arena, &page), RC_OK);
    assert_int_equal(page.n, 22);
    check_text(page.rows[0].tag, STR("random"));
    check_text(page.rows[1].tag, STR("later"));
    for (int i = 20; i > 1; i--)
        check_text(page.rows[22 - i].tag, arena_printf(&f->arena, "%d", i));
    check_text(page.rows[21].tag, STR("tag"));
    for (size_t i = 0; i < page.n; i++) {
        struct sms_row row;

        assert_int_equal(store_sms(f->reader, &page.rows[i].id, &f->arena, &row), RC_OK);
        check_text(row.tag, page.rows[i].tag);
        check_text(row.text, STR("text"));
    }
    q = (struct sms_query){.what = SMS_LIST_DUE,
                           .resource = id_of(1),
                           .transport = STR("inbox"),
                           .state = SMS_QUEUED,
                           .now = NOW,
                           .limit = 100};
    assert_int_equal(store_list_sms(f->reader, &q, &f->arena, &page), RC_OK);
    assert_int_equal(page.n, 2);
    check_text(page.rows[0].tag, STR("tag"));
    check_text(page.rows[1].tag, STR("later"));
}

static void gives_places_to_messages_of_version_3(struct fixture *f)
{
    struct sms_page page;
    struct sms_query q = {.what = SMS_LIST_NEWEST, .resource = id_of(1), .limit = 100};

    make_version_3(f);
    run_sql(f->path, messages_3);
    for (int i = 0; i < 2; i++) {
        fixture_open(f);
        check_messages_of_version_3(f);
        fixture_close(f);
    }
    assert_int_equal(store_verify_file(f->path, &f->why), RC_OK);
    fixture_open(f);
    assert_int_equal(store_list_sms(f->reader, &q, &f->arena, &page), RC_OK);
    for (size_t i = 0; i < page.n; i++) { /* nobody's id can be taken again */
        struct change c = {.kind = CHANGE_SMS_ADD, .u.sms = page.rows[i]};

        assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
    }
}

static void takes_the_end_out_of_histories_of_version_5(struct fixture *f)
{
    static const struct {
        enum sms_state state;
        struct str history;
    } wanted[] = {
        {SMS_QUEUED, STR_INIT("[{\"timestamp\":\"1\"}]")},
        {SMS_DELIVERED, STR_INIT("")},
        {SMS_FAILED, STR_INIT("[{\"timestamp\":\"1\"}]")},
        {SMS_FAILED, STR_INIT("")},
    };
    struct sms_query q = {.what = SMS_LIST_NEWEST, .resource = id_of(1), .limit = 100};
    struct sms_page page;

    make_version_5(f);
    run_sql(f->path, messages_5);
    assert_int_equal(store_verify_file(f->path, &f->why), RC_OK);
    for (int k = 0; k < 2; k++) {
        fixture_open(f);
        assert_int_equal(store_list_sms(f->reader, &q, &f->arena, &page), RC_OK);
        assert_int_equal(page.n, ARRAY_LEN(wanted));
        for (size_t i = 0; i < page.n; i++) {
            const struct sms_row *row = &page.rows[page.n - 1 - i];

            assert_int_equal(row->state, wanted[i].state);
            check_text(row->history, wanted[i].history);
            check_text(row->text, STR("text"));
        }
        fixture_close(f);
    }
}

/** Of those who left a thread of version 6, 11 and up. */
static void keeps_the_topic_that_was_when_somebody_left(struct fixture *f)
{
    static const struct {
        const char *of;
        struct str topic;
    } wanted[] = {
        {"one who is in", STR_INIT("")},
        {"one who left before anything changed", STR_INIT("first")},
        {"one who left with the change", STR_INIT("second")},
        {"one who left before the next change", STR_INIT("second")},
        {"one who left last", STR_INIT("third")},
        {"one whose thread does not tell of topics", STR_INIT("topic")},
    };

    make_version_6(f);
    run_sql(f->path, members_6);
    assert_int_equal(store_verify_file(f->path, &f->why), RC_OK);
    for (int k = 0; k < 2; k++) {
        fixture_open(f);
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
            const struct uuid thread = id_of(i < 5 ? 5 : 4), user = id_of(11 + i);
            struct chat_member_row row;

            assert_int_equal(store_chat_member(f->reader, &thread, &user, &f->arena, &row), RC_OK);
            if (!str_eq(row.topic, wanted[i].topic))
                fail_msg("%s: " STR_FMT, wanted[i].of, STR_ARG(row.topic));
        }
        fixture_close(f);
    }
}

static void verifies_a_store_of_version_1(struct fixture *f)
{
    make_version_1(f);
    assert_int_equal(store_verify_file(f->path, &f->why), RC_OK);
    assert_int_equal(number_in(f->path, "SELECT max(version) FROM schema_version"), 1);
}

struct copied {
    struct loop *loop;
    enum rc rc;
};

static void on_copied(void *ctx, enum rc rc)
{
    struct copied *c = ctx;

    c->rc = rc;
    loop_stop(c->loop);
}

static void copies_applications_and_what_is_assigned(struct fixture *f)
{
    struct change c[4] = {put_application(1, STR("one")), put_role(5, STR("role")),
                          assign(1, 1001, 5, STR("/a")), put_issuer(6, STR("issuer"))};
    const char *copy = arena_printf(&f->arena, "%s/copy", f->dir).ptr;
    const struct uuid id = id_of(1);
    struct copied copied = {.loop = f->loop, .rc = RC_INTERNAL};
    struct role_assignment_row assignment;
    struct application_row application;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 4), RC_OK);
    store_backup(f->store, f->loop, copy, on_copied, &copied);
    fixture_run(f);
    assert_int_equal(copied.rc, RC_OK);
    assert_int_equal(store_verify_file(copy, &f->why), RC_OK);
    fixture_close(f);
    snprintf(f->path, sizeof f->path, "%s", copy);
    fixture_open(f);
    assert_int_equal(
        store_application(f->reader, APPLICATION_BY_NAME, STR("ONE"), &f->arena, &application),
        RC_OK);
    assert_int_equal(store_role_assignment(f->reader, &id, &f->arena, &assignment), RC_OK);
    check_text(assignment.scope, STR("/a"));
    assert_int_equal(number_in(copy, "SELECT count(*) FROM roles"), 1);
    assert_int_equal(number_in(copy, "SELECT count(*) FROM issuers"), 1);
}

/* ---- indexes ---- */

/** Fails unless every table access of the statement is a search by index `name` or by the primary
 * key, and that index is used; NULL: by the primary key alone. The name may go on with what bounds
 * the search: "sms_due (transport=? AND …)". */
static void check_plan(sqlite3_stmt *of, const char *name)
{
    sqlite3 *db = sqlite3_db_handle(of);
    char sql[1024];
    sqlite3_stmt *st = NULL;
    int looks = 0, by_name = 0;

    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", sqlite3_sql(of));
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        struct str detail = column_str(st, 3);

        if (str_starts(detail, STR("SCAN")))
            fail_msg("%s: " STR_FMT, sqlite3_sql(of), STR_ARG(detail));
        if (!str_starts(detail, STR("SEARCH")))
            continue;
        looks++;
        if (name && str_find_str(detail, str_from(name)) < detail.len)
            by_name++;
        else if (str_find_str(detail, STR("PRIMARY KEY")) == detail.len &&
                 str_find_str(detail, STR("sqlite_autoindex")) == detail.len) /* UNIQUE */
            fail_msg("%s: " STR_FMT, sqlite3_sql(of), STR_ARG(detail));
    }
    sqlite3_finalize(st);
    assert_true(name ? by_name > 0 : looks > 0);
}

static void check_reads(struct backend *b)
{
    static const struct {
        enum read_stmt which;
        const char *index;
    } reads[] = {
        {R_APPLICATION, NULL},
        {R_APPLICATION_OBJECT, "applications_object"},
        {R_APPLICATION_NAME, "applications_name"},
        {R_APPLICATION_ARM, "applications_arm"},
        {R_APPLICATION_HEADER, "applications_header"},
        {R_ROLE_ASSIGNMENT, NULL},
        {R_ROLE_ASSIGNMENTS_OF, "role_assignments_once"},
        {R_ROLE_ASSIGNMENTS_AT, "role_assignments_scope"},
        {R_ROLE_ASSIGNMENTS_BELOW, "role_assignments_scope"},
        {R_SMS, "sms_strays"},
        {R_SMS_STRAY, "sms_strays"},
        {R_LIST_SMS, NULL},
        {R_LIST_SMS_DUE, "sms_due (transport=? AND state=? AND resource=? AND due<?)"},
        {R_LIST_OPTOUTS, NULL},
        {R_LIST_OPTOUTS_OF, NULL},
        {R_LIST_EVENTS, NULL},
        {R_LIST_EVENTS_DUE, "events_due (subscription=? AND due<?)"},
        {R_LIST_EVENTS_DEAD, "events_dead"},
        {R_CHAT_MEMBER, NULL},
        {R_CHAT_MESSAGE, "chat_messages_id"},
        {R_CHAT_FROM, "chat_messages_id"},
        {R_LIST_CHAT_THREADS, "chat_members_user"},
        {R_LIST_CHAT_LATEST, "COVERING INDEX chat_members_user (user=?)"},
        {R_CHAT_KEY, NULL},
        {R_CHAT_PLACE, NULL},
        {R_LIST_CHAT_PLACES, "chat_members_user"},
        {R_LIST_CHAT_MESSAGES, "chat_messages_id"},
        {R_LIST_CHAT_SENT, "chat_messages_id"},
        {R_CHAT_LAST, "chat_messages_id"},
        {R_LIST_CHAT_CHANGED, "chat_messages_changed"},
        {R_LIST_CHAT_MEMBERS, "chat_members_in"},
        {R_LIST_CHAT_RECEIPTS, NULL},
        {R_LIST_CHAT_EXPIRED, "chat_threads_expires"},
        {R_LIST_CHAT_DELETED, "chat_threads_deleted"},
        {R_LIST_CHAT_LOG, NULL},
    };
    struct backend_reader *r;

    assert_int_equal(reader_open(b, &r), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
        sqlite3_stmt *st = reader_stmt(r, 0, reads[i].which);

        assert_non_null(st);
        check_plan(st, reads[i].index);
    }
    reader_close(r);
}

static void check_writes(struct backend *b)
{
    static const struct {
        enum write_stmt which;
        const char *index;
    } writes[] = {
        {W_APPLICATION_THERE, NULL},
        {W_APPLICATION_DELETE, NULL},
        {W_PRINCIPAL_CLEAR, "role_assignments_once"},
        {W_ROLE_ASSIGNED, "role_assignments_role"},
        {W_ROLE_ASSIGNMENT_THERE, NULL},
        {W_ROLE_ASSIGNMENT_DELETE, NULL},
        {W_ROLE_SCOPE_DELETE, "role_assignments_scope"},
        {W_SMS_STEP, NULL},
        {W_SMS_THERE, NULL},
        {W_SMS_STRAY, "sms_strays"},
        {W_SMS_CLEAR, NULL},
        {W_SMS_PRUNE, NULL},
        {W_SMS_REPEAT_PRUNE, "sms_repeats_kept"},
        {W_SMS_REF_PRUNE, "sms_refs_kept"},
        {W_SUBSCRIPTION_CLEAR, NULL},
        {W_EVENT_STEP, NULL},
        {W_EVENT_PRUNE, "events_done"},
        {W_CHAT_MEMBERS, "chat_members_in"},
        {W_CHAT_CLEAR_MESSAGES, "chat_messages_id"},
        {W_CHAT_CLEAR_MEMBERS, NULL},
        {W_CHAT_CLEAR_RECEIPTS, NULL},
        {W_CHAT_REPEAT_PRUNE, "chat_repeats_kept"},
        {W_CHAT_MEMBER_DELETE, NULL},
        {W_CHAT_RECEIPT_DELETE, NULL},
        {W_CHAT_LEAVER, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        sqlite3_stmt *st = writer_stmt(b, writes[i].which);

        assert_non_null(st);
        check_plan(st, writes[i].index);
    }
}

static void count_assignment(void *ctx, const struct role_assignment_row *row)
{
    const struct uuid principal = id_of(77);

    assert_true(uuid_eq(&row->principal, &principal));
    ++*(size_t *)ctx;
}

static void finds_few_among_many_assignments_by_an_index(struct fixture *f)
{
    enum { SETS = 100, SET = 1000 };
    struct change *c = calloc(SET, sizeof *c);
    const struct uuid principal = id_of(77);
    struct store_options options = {.path = str_from(f->path)};
    struct change gone = {.kind = CHANGE_ROLE_SCOPE_DELETE,
                          .u.role_assignment.scope = STR("/s/77")};
    struct backend *b;
    size_t n = 0;

    assert_non_null(c);
    fixture_open(f);
    put_principals(f, 0, SET - 1);
    for (uint64_t set = 0; set < SETS; set++) {
        struct arena arena;

        arena_init(&arena);
        for (uint64_t i = 0; i < SET; i++)
            c[i] = assign(set * SET + i, i, set, arena_printf(&arena, "/s/%d/r", (int)i));
        assert_int_equal(fixture_commit(f, c, SET), RC_OK);
        arena_clear(&arena);
    }
    free(c);
    assert_int_equal(
        store_each_role_assignment(f->reader, &principal, &f->arena, count_assignment, &n), RC_OK);
    assert_int_equal(n, SETS);
    assert_int_equal(fixture_commit(f, &gone, 1), RC_OK);
    n = 0;
    assert_int_equal(
        store_each_role_assignment(f->reader, &principal, &f->arena, count_assignment, &n), RC_OK);
    assert_int_equal(n, 0);
    fixture_close(f);
    assert_int_equal(number_in(f->path, "SELECT count(*) FROM role_assignments"),
                     SETS * SET - SETS);
    assert_int_equal(sqlite_store_ops.open(&options, &b, NULL), RC_OK);
    check_reads(b);
    check_writes(b);
    sqlite_store_ops.close(b);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"takes over a store of version 1", takes_over_a_store_of_version_1},
    {"takes over a store of version 2", takes_over_a_store_of_version_2},
    {"takes over a store of version 3", takes_over_a_store_of_version_3},
    {"takes over a store of version 4", takes_over_a_store_of_version_4},
    {"makes of an old store what a new one is", makes_of_an_old_store_what_a_new_one_is},
    {"refuses the next version and leaves it alone", refuses_the_next_version_and_leaves_it_alone},
    {"takes over a store after a migration that failed", takes_over_a_store_after_a_migration_that_failed},
    {"gives places to messages of version 3", gives_places_to_messages_of_version_3},
    {"takes the end out of histories of version 5", takes_the_end_out_of_histories_of_version_5},
    {"keeps the topic that was when somebody left", keeps_the_topic_that_was_when_somebody_left},
    {"verifies a store of version 1", verifies_a_store_of_version_1},
    {"copies applications and what is assigned", copies_applications_and_what_is_assigned},
    {"finds few among many assignments by an index", finds_few_among_many_assignments_by_an_index},
};
/* clang-format on */

int main(void)
{
    fault_vfs_register();
    return run_cases_on(&back_ends[0], "sqlite versions", cases, ARRAY_LEN(cases));
}
