/* What the embedded back end does when the disk fails or is full, at every call of the write path:
 * nothing acknowledged is lost, nothing unacknowledged is shown, nothing is half made. */
#include "fault_vfs.h"
#include "fixture.h"

#include <pthread.h>
#include <sqlite3.h>

enum { SETS_MAX = 64 };

/* Whichever call fails, the same threads meet: races are looked for at some of the calls, and what
 * is lost or half made, in every other build, at each. */
#ifdef __SANITIZE_THREAD__
enum { THINNED = 4 };
#else
enum { THINNED = 1 };
#endif

struct path { /* what is written while a fault waits */
    size_t sets;
    size_t value_len; /* of the named value that each set puts beside its user */
    int stride;       /* 1: every call */
    enum {
        PAIRS = 0,
        ACCESS,   /* see commit_access() */
        MESSAGES, /* see commit_message() */
    } what;
};

static const struct path short_path = {6, 10, 1, PAIRS};
static const struct path long_path = {18, 300000, 131, PAIRS}; /* long enough for checkpoints */
static const struct path access_path = {6, 0, 1, ACCESS};
static const struct path messages_path = {6, 0, 1, MESSAGES};

static char big[300000];

static struct str name_of(size_t i)
{
    static char names[SETS_MAX][8];
    int n = snprintf(names[i], sizeof names[i], "v%zu", i);

    return str_of(names[i], (size_t)n);
}

/** Set `i`: a user and a value, both or neither. */
static enum rc commit_pair(struct fixture *f, size_t i, size_t value_len)
{
    struct change c[2] = {add_user(key_of(1, i), NOW),
                          put_meta(name_of(i), str_of(big, value_len))};

    return fixture_commit(f, c, 2);
}

/** Is set `i` there? Fails when only half of it is. */
static bool pair_is_there(struct fixture *f, size_t i)
{
    struct user_key key = key_of(1, i);
    struct user_row row;
    struct str value;
    enum rc user = fixture_user(f, &key, &row);
    enum rc meta = store_meta(f->reader, name_of(i), &f->arena, &value);

    assert_true(user == RC_OK || user == RC_NOT_FOUND);
    assert_int_equal(user, meta);
    return user == RC_OK;
}

/** Application `i`, and what is assigned to it. */
static void fill_access(struct change c[static 3], size_t i)
{
    c[0] = put_application(i, name_of(i));
    c[0].u.application.document = str_of(big, 3000);
    c[1] = assign(2 * i, 1000 + i, 1, STR("/a"));
    c[2] = assign(2 * i + 1, 1000 + i, 1, STR("/b"));
}

/** Before the fault waits: what the sets of odd numbers delete. */
static void prepare_access(struct fixture *f, size_t sets)
{
    struct change c[3];

    for (size_t i = 1; i < sets; i += 2) {
        fill_access(c, i);
        assert_int_equal(fixture_commit(f, c, 3), RC_OK);
    }
}

/** Set `i`: puts an application and assignments; one of an odd number deletes them, by one change.
 */
static enum rc commit_access(struct fixture *f, size_t i)
{
    struct change c[3] = {delete_application(i)};

    if (i % 2)
        return fixture_commit(f, c, 1);
    fill_access(c, i);
    return fixture_commit(f, c, 3);
}

/** Is what set `i` does done? Fails when only a part of it is. */
static bool access_is_done(struct fixture *f, size_t i)
{
    const struct uuid client = id_of(i), ids[2] = {id_of(2 * i), id_of(2 * i + 1)};
    struct role_assignment_row assignment;
    struct application_row row;
    enum rc rc = store_application(f->reader, APPLICATION_BY_CLIENT_ID,
                                   str_of(client.octets, sizeof client.octets), &f->arena, &row);

    assert_true(rc == RC_OK || rc == RC_NOT_FOUND);
    for (size_t a = 0; a < 2; a++)
        assert_int_equal(store_role_assignment(f->reader, &ids[a], &f->arena, &assignment), rc);
    return (rc == RC_OK) == (i % 2 == 0);
}

/** Message `i`, the request and the carrier's id that belong to it, and an event. */
static void fill_message(struct change c[static 4], size_t i)
{
    c[0] = add_sms(i, NOW);
    c[0].u.sms.text = str_of(big, 4200); /* goes on in a page of its own */
    c[1] = (struct change){.kind = CHANGE_SMS_REPEAT_ADD,
                           .u.sms_repeat = {.resource = id_of(1), .id = id_of(i)}};
    c[2] = (struct change){.kind = CHANGE_SMS_REF_PUT,
                           .u.sms_ref = {.transport = STR("inbox"), .ref = name_of(i)}};
    c[3] = add_event(1, i, NOW);
}

/** Before the fault waits: the messages that sets of odd numbers end. */
static void prepare_messages(struct fixture *f, size_t sets)
{
    struct change c[4];

    for (size_t i = 1; i < sets; i += 2) {
        fill_message(c, i);
        assert_int_equal(fixture_commit(f, c, 3), RC_OK);
    }
}

/** Set `i`: sends a message; one of an odd number ends one and tells of it. */
static enum rc commit_message(struct fixture *f, size_t i)
{
    struct change c[4];

    fill_message(c, i);
    if (i % 2 == 0)
        return fixture_commit(f, c, 4);
    c[2] = step_sms(&c[0].u.sms.id, SMS_OPEN_STATES, SMS_DELIVERED);
    c[2].u.sms_step.history = str_of(big, 2000);
    return fixture_commit(f, c + 2, 2);
}

/** Is what set `i` does done? Fails when only a part of it is. */
static bool message_is_done(struct fixture *f, size_t i)
{
    const struct uuid id = id_at(NOW, i), one = id_of(1);
    struct sms_ref_row ref = {.transport = STR("inbox"), .ref = name_of(i)};
    struct sms_repeat_row repeat = {.resource = id_of(1), .id = id_of(i)};
    struct event_row event;
    struct sms_row row;
    enum rc there = store_sms(f->reader, &id, &f->arena, &row);
    enum rc told = store_event(f->reader, &one, &id, &f->arena, &event);

    assert_true(told == RC_OK || told == RC_NOT_FOUND);
    assert_int_equal(store_sms_repeat(f->reader, &repeat), there);
    assert_int_equal(store_sms_ref(f->reader, &ref), there);
    if (i % 2) {
        assert_int_equal(there, RC_OK);
        assert_int_equal(row.state, told ? SMS_QUEUED : SMS_DELIVERED);
    } else {
        assert_int_equal(there, told);
    }
    return told == RC_OK;
}

static void prepare(const struct path *path, struct fixture *f)
{
    if (path->what == ACCESS)
        prepare_access(f, path->sets);
    else if (path->what == MESSAGES)
        prepare_messages(f, path->sets);
}

static enum rc commit_set(const struct path *path, struct fixture *f, size_t i)
{
    return path->what == ACCESS     ? commit_access(f, i)
           : path->what == MESSAGES ? commit_message(f, i)
                                    : commit_pair(f, i, path->value_len);
}

static bool is_done(const struct path *path, struct fixture *f, size_t i)
{
    return path->what == ACCESS     ? access_is_done(f, i)
           : path->what == MESSAGES ? message_is_done(f, i)
                                    : pair_is_there(f, i);
}

/** What the set says when it is committed a second time. */
static enum rc said_again(const struct path *path, size_t i)
{
    return path->what == ACCESS && i % 2 ? RC_OK : RC_CONFLICT;
}

static void check_acknowledged(const struct path *path, struct fixture *f, const enum rc *rcs,
                               bool exactly)
{
    struct store_figures figures;
    int64_t acknowledged = 0;

    for (size_t i = 0; i < path->sets; i++)
        acknowledged += rcs[i] == RC_OK;
    store_figures(f->store, &figures);
    if (exactly && path->what == PAIRS)
        assert_int_equal(figures.users, acknowledged);
    for (size_t i = 0; i < path->sets; i++) {
        bool there = is_done(path, f, i);

        if (rcs[i] == RC_OK)
            assert_true(there);
        else if (exactly)
            assert_false(there);
    }
}

/** Runs the path with the plan armed; true when the fault was met. */
static bool survive_io_error(const struct path *path, struct fault_plan plan)
{
    struct fixture f;
    enum rc rcs[SETS_MAX];
    bool failed = false, hit;
    long syncs;

    fixture_init(&f, &back_ends[0]);
    f.vfs = FAULT_VFS;
    fixture_open(&f);
    prepare(path, &f);
    fault_vfs_arm(plan);
    for (size_t i = 0; i < path->sets; i++) {
        rcs[i] = commit_set(path, &f, i);
        assert_true(rcs[i] == (failed ? RC_IO : rcs[i] ? RC_IO : RC_OK));
        failed = failed || rcs[i];
    }
    hit = fault_vfs_disarm() > 0;
    if (failed)
        assert_false(store_healthy(f.store));
    assert_true(hit || !failed);
    check_acknowledged(path, &f, rcs, true);
    syncs = fault_vfs_syncs();
    fixture_close(&f);
    if (failed) /* what the disk holds is left as it is, for the next start to recover */
        assert_int_equal(fault_vfs_syncs(), syncs);
    fixture_open(&f);
    check_acknowledged(path, &f, rcs, false);
    assert_int_equal(commit_set(path, &f, path->sets), RC_OK);
    fixture_clear(&f);
    return hit;
}

static bool survive_full_disk(const struct path *path, struct fault_plan plan)
{
    struct fixture f;
    enum rc rcs[SETS_MAX];
    bool hit;

    fixture_init(&f, &back_ends[0]);
    f.vfs = FAULT_VFS;
    fixture_open(&f);
    prepare(path, &f);
    fault_vfs_arm(plan);
    for (size_t i = 0; i < path->sets; i++) {
        rcs[i] = commit_set(path, &f, i);
        assert_true(rcs[i] == RC_OK || rcs[i] == RC_FULL);
    }
    hit = fault_vfs_disarm() > 0;
    assert_true(store_healthy(f.store));
    check_acknowledged(path, &f, rcs, true);
    for (size_t i = 0; i < path->sets; i++) /* space again: what failed works now */
        assert_int_equal(commit_set(path, &f, i), rcs[i] ? RC_OK : said_again(path, i));
    memset(rcs, 0, sizeof rcs);
    check_acknowledged(path, &f, rcs, true);
    fixture_reopen(&f);
    check_acknowledged(path, &f, rcs, true);
    fixture_clear(&f);
    return hit;
}

static void at_every_call(const struct path *path, struct fault_plan plan,
                          bool (*survive)(const struct path *, struct fault_plan), int least)
{
    int met = 0;

    for (plan.nth = 1; survive(path, plan); plan.nth += path->stride * THINNED)
        met += THINNED;
    assert_in_range(met, least, 1000);
}

static void survives_a_failed_sync_at_every_sync(void **state)
{
    (void)state;
    at_every_call(&short_path, (struct fault_plan){FAULT_SYNC, 0, SQLITE_IOERR_FSYNC, false},
                  survive_io_error, 6);
}

static void survives_a_failed_sync_of_a_long_run(void **state)
{
    struct path path = long_path;

    (void)state;
    path.stride = 1; /* few syncs: each of them */
    at_every_call(&path, (struct fault_plan){FAULT_SYNC, 0, SQLITE_IOERR_FSYNC, false},
                  survive_io_error, 20);
}

static void survives_a_failed_write_at_every_write(void **state)
{
    (void)state;
    at_every_call(&short_path, (struct fault_plan){FAULT_WRITE, 0, SQLITE_IOERR_WRITE, false},
                  survive_io_error, 20);
}

static void survive_each_fault(const struct path *path)
{
    at_every_call(path, (struct fault_plan){FAULT_SYNC, 0, SQLITE_IOERR_FSYNC, false},
                  survive_io_error, 6);
    at_every_call(path, (struct fault_plan){FAULT_WRITE, 0, SQLITE_IOERR_WRITE, false},
                  survive_io_error, 20);
    at_every_call(path, (struct fault_plan){FAULT_WRITE, 0, SQLITE_FULL, true}, survive_full_disk,
                  20);
    at_every_call(path, (struct fault_plan){FAULT_WRITE, 0, SQLITE_FULL, false}, survive_full_disk,
                  20);
}

static void survives_a_failure_at_every_call_of_application_sets(void **state)
{
    (void)state;
    survive_each_fault(&access_path);
}

static void survives_a_failure_at_every_call_of_message_sets(void **state)
{
    (void)state;
    survive_each_fault(&messages_path);
}

static void survives_a_full_disk_at_every_write(void **state)
{
    (void)state;
    at_every_call(&short_path, (struct fault_plan){FAULT_WRITE, 0, SQLITE_FULL, true},
                  survive_full_disk, 20);
}

static void survives_a_full_disk_of_a_long_run(void **state)
{
    (void)state;
    at_every_call(&long_path, (struct fault_plan){FAULT_WRITE, 0, SQLITE_FULL, true},
                  survive_full_disk, 15);
}

static void survives_one_refused_write_of_a_long_run(void **state)
{
    (void)state;
    at_every_call(&long_path, (struct fault_plan){FAULT_WRITE, 0, SQLITE_FULL, false},
                  survive_full_disk, 15);
}

/** A first start that is cut off leaves something that the next start can go on from. */
static void starts_after_a_first_start_that_failed(void **state)
{
    static const struct fault_plan plans[] = {
        {FAULT_WRITE, 0, SQLITE_FULL, true},
        {FAULT_WRITE, 0, SQLITE_IOERR_WRITE, true},
        {FAULT_SYNC, 0, SQLITE_IOERR_FSYNC, true},
    };

    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(plans); p++) {
        struct fault_plan plan = plans[p];
        bool hit = true;

        for (plan.nth = 1; hit; plan.nth++) {
            struct fixture f;
            enum rc rc;

            fixture_init(&f, &back_ends[0]);
            f.vfs = FAULT_VFS;
            fault_vfs_arm(plan);
            rc = fixture_try_open(&f);
            hit = fault_vfs_disarm() > 0;
            assert_int_equal(rc, !hit ? RC_OK : plan.code == SQLITE_FULL ? RC_FULL : RC_IO);
            assert_int_equal(f.why.len > 0, hit);
            fixture_close(&f);
            fixture_open(&f);
            assert_int_equal(commit_pair(&f, 1, 10), RC_OK);
            fixture_clear(&f);
        }
        assert_in_range(plan.nth, 4, 200);
    }
}

static void syncs_every_commit(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, &back_ends[0]);
    f.vfs = FAULT_VFS;
    fixture_open(&f);
    for (size_t i = 0; i < 10; i++) {
        long before = fault_vfs_syncs();

        assert_int_equal(commit_pair(&f, i, 10), RC_OK);
        assert_in_range(fault_vfs_syncs() - before, 1, 3);
    }
    fixture_clear(&f);
}

struct answers {
    struct fixture *f;
    size_t come, wanted;
    enum rc rcs[8];
};

static void on_answer(void *ctx, enum rc rc, struct change_set *set)
{
    struct answers *a = ctx;

    (void)set;
    a->rcs[a->come++] = rc;
    if (a->come == a->wanted)
        loop_stop(a->f->loop);
}

/** One batch of seven users, of which one exists, behind an opener that succeeds. */
static void fail_a_batch(struct fault_plan plan, enum rc wanted)
{
    struct writer_gate g;
    struct change c[8] = {
        {.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key = {.kid = STR("opener")}}};
    struct change_set sets[8];
    struct fixture f;
    struct answers a = {.f = &f, .wanted = 8};

    fixture_init(&f, &back_ends[0]);
    f.vfs = FAULT_VFS;
    fixture_open(&f);
    writer_gate_close(&g, f.store);
    for (size_t i = 0; i < 8; i++) {
        if (i)
            c[i] = add_user(key_of(1, i == 5 ? 4 : i), NOW);
        sets[i] = (struct change_set){
            .items = &c[i], .n = 1, .loop = f.loop, .done = on_answer, .ctx = &a};
        store_commit(f.store, &sets[i]);
        writer_gate_wait(&g);
    }
    fault_vfs_arm(plan);
    writer_gate_open(&g);
    fixture_run(&f);
    assert_int_equal(fault_vfs_disarm(), 1);
    assert_int_equal(a.rcs[0], RC_OK);
    for (size_t i = 1; i < 8; i++)
        assert_int_equal(a.rcs[i], wanted);
    assert_int_equal(store_healthy(f.store), wanted != RC_IO);
    assert_int_equal(fixture_commit(&f, &c[1], 1), wanted == RC_IO ? RC_IO : RC_OK);
    fixture_clear(&f);
}

static void fails_every_waiter_of_a_batch(void **state)
{
    (void)state;
    fail_a_batch((struct fault_plan){FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, false}, RC_IO);
    fail_a_batch((struct fault_plan){FAULT_WRITE, 1, SQLITE_IOERR_WRITE, false}, RC_IO);
    fail_a_batch((struct fault_plan){FAULT_WRITE, 2, SQLITE_FULL, false}, RC_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syncs_every_commit),
        cmocka_unit_test(survives_a_failed_sync_at_every_sync),
        cmocka_unit_test(survives_a_failed_sync_of_a_long_run),
        cmocka_unit_test(survives_a_failed_write_at_every_write),
        cmocka_unit_test(survives_a_failure_at_every_call_of_application_sets),
        cmocka_unit_test(survives_a_failure_at_every_call_of_message_sets),
        cmocka_unit_test(survives_a_full_disk_at_every_write),
        cmocka_unit_test(survives_a_full_disk_of_a_long_run),
        cmocka_unit_test(survives_one_refused_write_of_a_long_run),
        cmocka_unit_test(starts_after_a_first_start_that_failed),
        cmocka_unit_test(fails_every_waiter_of_a_batch),
    };

    memset(big, 'x', sizeof big);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
