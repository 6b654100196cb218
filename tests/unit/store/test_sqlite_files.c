/* The embedded back end's files: what it opens and refuses, copies, versions, size of the log. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *beside(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->dir, name).ptr;
}

static void write_file(const char *path, struct str octets)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets.ptr, octets.len), octets.len);
    close(fd);
}

static struct str read_file(struct fixture *f, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *octets;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    octets = arena_alloc(&f->arena, (size_t)st.st_size + 1);
    assert_int_equal(read(fd, octets, (size_t)st.st_size), st.st_size);
    close(fd);
    return str_of(octets, (size_t)st.st_size);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static off_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) ? 0 : st.st_size;
}

static void fill(struct fixture *f, uint64_t from, uint64_t n)
{
    for (uint64_t i = from; i < from + n; i++) {
        struct change c = add_user(key_of(1, i), NOW);

        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    }
}

static void check_filled(struct fixture *f, uint64_t n)
{
    for (uint64_t i = 1; i <= n; i++) {
        struct user_key key = key_of(1, i);
        struct user_row row;

        assert_int_equal(fixture_user(f, &key, &row), RC_OK);
    }
}

/** One sentence: it names the file and ends with a full stop. */
static void check_why(struct fixture *f, const char *word)
{
    struct str why = buf_str(&f->why);

    assert_true(str_find_str(why, str_from(word)) < why.len);
    assert_true(str_ends(why, STR(".")));
    assert_true(str_find(why, '\n') == why.len);
}

/* ---- opening ---- */

static void keeps_its_files_to_itself(struct fixture *f)
{
    mode_t before = umask(0);

    fixture_open(f);
    fill(f, 1, 1);
    assert_int_equal(mode_of(f->path), 0600);
    assert_int_equal(mode_of(beside(f, "store.db-wal")), 0600);
    assert_int_equal(mode_of(beside(f, "store.db-shm")), 0600);
    fixture_close(f);
    assert_int_equal(chmod(f->path, 0644), 0);
    fixture_open(f);
    assert_int_equal(mode_of(f->path), 0600);
    umask(before);
}

static void leaves_no_log_behind(struct fixture *f)
{
    fixture_open(f);
    fill(f, 1, 3);
    fixture_close(f);
    assert_int_equal(access(beside(f, "store.db-wal"), F_OK), -1);
    fixture_open(f);
    check_filled(f, 3);
}

static void opens_no_link(struct fixture *f)
{
    const char *real = beside(f, "real.db");

    write_file(real, STR_EMPTY);
    assert_int_equal(symlink(real, f->path), 0);
    assert_int_equal(fixture_try_open(f), RC_INVALID);
    check_why(f, "link");
    assert_int_equal(size_of(real), 0);
}

static void opens_no_folder(struct fixture *f)
{
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_int_equal(fixture_try_open(f), RC_INVALID);
    check_why(f, "plain file");
    assert_int_equal(rmdir(f->path), 0);
}

/* For root everything can be written: another user tries. Each file that he may not write is named.
 */
static void refuses_what_it_can_not_write(struct fixture *f)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
    uid_t own = geteuid(), other = own ? own : 65534;

    fixture_open(f);
    fixture_close(f);
    assert_int_equal(chown(f->dir, other, (gid_t)-1), 0);
    assert_int_equal(chown(f->path, other, (gid_t)-1), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *path = beside(f, names[i]);

        if (i > 0)
            write_file(path, STR_EMPTY);
        assert_int_equal(chmod(path, i > 0 ? 0 : 0400), 0);
        assert_int_equal(seteuid(other), 0);
        assert_int_equal(fixture_try_open(f), RC_IO);
        assert_int_equal(seteuid(own), 0);
        check_why(f, names[i]);
        assert_int_equal(chmod(path, 0600), 0);
        if (i > 0)
            assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(seteuid(other), 0);
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(seteuid(own), 0);
}

static void says_when_the_folder_is_missing(struct fixture *f)
{
    snprintf(f->path, sizeof f->path, "%s/none/store.db", f->dir);
    assert_int_equal(fixture_try_open(f), RC_IO);
    check_why(f, "none/store.db");
}

static void refuses_what_is_not_ours_and_leaves_it_alone(struct fixture *f)
{
    static const struct str text =
        STR_INIT("A letter, not a store, and long enough to have a header "
                 "of a hundred octets: more words follow, and more.");
    struct str before;

    write_file(f->path, text);
    assert_int_equal(fixture_try_open(f), RC_INVALID);
    check_why(f, "not a store of this server");
    check_text(read_file(f, f->path), text);
    assert_int_equal(unlink(f->path), 0);

    run_sql(f->path, "CREATE TABLE users(id)");
    before = read_file(f, f->path);
    assert_int_equal(fixture_try_open(f), RC_INVALID);
    check_why(f, "not a store of this server");
    check_text(read_file(f, f->path), before);
}

static void refuses_a_newer_version(struct fixture *f)
{
    fixture_open(f);
    fixture_close(f);
    run_sql(f->path, "INSERT INTO schema_version VALUES (7001, 1)");
    assert_int_equal(fixture_try_open(f), RC_CONFLICT);
    check_why(f, "7001");
    check_why(f, "newer version");
    assert_int_equal(store_verify_file(f->path, &f->why), RC_CONFLICT);
    run_sql(f->path, "DELETE FROM schema_version WHERE version = 7001");
    fixture_open(f);
}

static void refuses_a_damaged_store(struct fixture *f)
{
    int fd;

    fixture_open(f);
    fill(f, 1, 10);
    fixture_close(f);
    fd = open(f->path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 100), 8); /* page 1 */
    close(fd);
    assert_int_equal(fixture_try_open(f), RC_INVALID);
    check_why(f, "damaged");
}

static void refuses_a_store_that_lost_a_table(struct fixture *f)
{
    fixture_open(f);
    fixture_close(f);
    run_sql(f->path, "DROP TABLE schema_version");
    assert_int_equal(fixture_try_open(f), RC_INVALID);
    check_why(f, "damaged");
}

static void opens_an_empty_file_as_a_new_store(struct fixture *f)
{
    write_file(f->path, STR_EMPTY);
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    run_sql(f->path, "PRAGMA journal_mode = WAL"); /* as far as a first start may have come */
    fixture_open(f);
    fill(f, 1, 1);
}

/* ---- copies ---- */

struct copied {
    struct fixture *f;
    enum rc rc;
    bool over;
    /* who writes meanwhile */
    uint64_t added;
    bool enough;
    struct change c;
    struct change_set set;
};

static void on_copied(void *ctx, enum rc rc)
{
    struct copied *c = ctx;

    c->rc = rc;
    c->over = true;
    loop_stop(c->f->loop);
}

static enum rc copy_to(struct fixture *f, const char *path)
{
    struct copied c = {.f = f};

    store_backup(f->store, f->loop, path, on_copied, &c);
    assert_false(c.over);
    fixture_run(f);
    return c.rc;
}

static void copies_while_it_runs(struct fixture *f)
{
    const char *copy = beside(f, "a %41?#copy");

    fixture_open(f);
    fill(f, 1, 20);
    assert_int_equal(copy_to(f, copy), RC_OK);
    fill(f, 21, 1);
    assert_int_equal(copy_to(f, copy), RC_OK); /* replaces the former one */
    fill(f, 22, 1);
    assert_int_equal(mode_of(copy), 0600);
    assert_int_equal(store_verify_file(copy, &f->why), RC_OK);
    fixture_close(f);
    snprintf(f->path, sizeof f->path, "%s", copy);
    fixture_open(f);
    check_filled(f, 21);
    assert_int_equal(
        fixture_user(f, &(struct user_key){id_of(1), id_of(22)}, &(struct user_row){0}),
        RC_NOT_FOUND);
}

static void add_another(void *ctx, enum rc rc, struct change_set *set)
{
    struct copied *c = ctx;

    assert_int_equal(rc, RC_OK);
    if (c->enough) {
        loop_stop(c->f->loop);
        return;
    }
    c->c = add_user(key_of(1, ++c->added), NOW);
    store_commit(c->f->store, set);
}

/** The copy holds users 1 to some number, none missing: a state that was committed. */
static uint64_t users_in_copy(const char *copy)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    sqlite3_int64 n, last;

    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT count(*), coalesce(max(hex(id)), 0), (SELECT n FROM users_tally"
                           " WHERE state = 0) FROM users",
                           -1, &st, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    last = strtoll((const char *)sqlite3_column_text(st, 1), NULL, 16);
    assert_int_equal(n, last);
    assert_int_equal(n, sqlite3_column_int64(st, 2));
    sqlite3_finalize(st);
    sqlite3_close(db);
    return (uint64_t)n;
}

static void copies_a_state_between_commits(struct fixture *f)
{
    struct copied c = {.f = f};
    const char *copy = beside(f, "copy");
    uint64_t before = 0;

    fixture_open(f);
    c.set =
        (struct change_set){.items = &c.c, .n = 1, .loop = f->loop, .done = add_another, .ctx = &c};
    add_another(&c, RC_OK, &c.set);
    for (int i = 0; i < 10; i++) {
        uint64_t n;

        store_backup(f->store, f->loop, copy, on_copied, &c);
        fixture_run(f);
        assert_int_equal(c.rc, RC_OK);
        assert_int_equal(store_verify_file(copy, &f->why), RC_OK);
        n = users_in_copy(copy);
        assert_in_range(n, before, c.added);
        before = n;
    }
    c.enough = true;
    fixture_run(f);
}

static void copies_over_no_store_in_use(struct fixture *f)
{
    fixture_open(f);
    fill(f, 1, 3);
    assert_int_equal(copy_to(f, f->path), RC_CONFLICT);
    write_file(beside(f, "other-wal"), STR("log"));
    assert_int_equal(copy_to(f, beside(f, "other")), RC_CONFLICT);
    assert_int_equal(copy_to(f, beside(f, "none/copy")), RC_IO);
    check_filled(f, 3);
}

static void verifies_without_writing(struct fixture *f)
{
    const char *copy = beside(f, "copy");
    struct str whole;
    char *damaged;

    fixture_open(f);
    fill(f, 1, 300);
    assert_int_equal(copy_to(f, copy), RC_OK);
    whole = read_file(f, copy);
    assert_int_equal(chmod(copy, 0400), 0);
    assert_int_equal(store_verify_file(copy, &f->why), RC_OK);
    check_text(read_file(f, copy), whole);
    assert_int_equal(access(beside(f, "copy-wal"), F_OK), -1);
    assert_int_equal(access(beside(f, "copy-shm"), F_OK), -1);
    assert_int_equal(chmod(copy, 0600), 0);

    damaged = arena_alloc(&f->arena, whole.len);
    memcpy(damaged, whole.ptr, whole.len);
    memset(damaged + whole.len / 2, 0xff, 4096);
    write_file(copy, str_of(damaged, whole.len));
    buf_reset(&f->why);
    assert_int_equal(store_verify_file(copy, &f->why), RC_INVALID);
    check_why(f, "damaged");
    write_file(copy, str_head(whole, whole.len / 2));
    assert_int_equal(store_verify_file(copy, &f->why), RC_INVALID);
    write_file(copy, STR_EMPTY);
    assert_int_equal(store_verify_file(copy, &f->why), RC_INVALID);
    write_file(copy, STR("letter"));
    assert_int_equal(store_verify_file(copy, &f->why), RC_INVALID);
    assert_int_equal(store_verify_file(beside(f, "none"), &f->why), RC_NOT_FOUND);
    assert_int_equal(store_verify_file(f->path, NULL), RC_OK); /* a running store, too */
}

/* ---- the log ---- */

static char big[1024 * 1024];

static off_t write_big(struct fixture *f, int times, bool look)
{
    const char *log = beside(f, "store.db-wal");
    off_t most = 0;

    for (int i = 0; i < times; i++) {
        struct change c = put_meta(STR("big"), str_of(big, sizeof big));
        struct arena arena;
        struct str value;

        memset(big, big[0] + 1, sizeof big); /* what does not change is not written */
        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        arena_init(&arena);
        if (look)
            assert_int_equal(store_meta(f->reader, STR("big"), &arena, &value), RC_OK);
        arena_clear(&arena);
        if (size_of(log) > most)
            most = size_of(log);
    }
    print_message("the log grew to %ld KiB\n", (long)most / 1024);
    return most;
}

static void let_go(void *ctx)
{
    store_reader_idle(ctx);
}

static void keeps_the_log_short_without_readers(struct fixture *f)
{
    fixture_open(f);
    assert_true(write_big(f, 60, false) < (off_t)(8 * MIB));
}

static void keeps_the_log_short_beside_a_busy_reader(struct fixture *f)
{
    struct loop_timer timer = {0};

    fixture_open(f);
    loop_timer_start(f->loop, &timer, 20, 20, let_go, f->reader);
    assert_true(write_big(f, 120, true) < (off_t)(48 * MIB));
    loop_timer_close(&timer);
}

static void starts_the_log_again_when_a_reader_lets_go(struct fixture *f)
{
    struct user_key key = key_of(1, 1);
    off_t held;

    fixture_open(f);
    fill(f, 1, 1);
    check_filled(f, 1); /* now holds a state */
    held = write_big(f, 20, false);
    assert_true(held > (off_t)(16 * MIB));
    assert_int_equal(fixture_user(f, &key, &(struct user_row){0}), RC_OK);
    store_reader_idle(f->reader);
    assert_true(write_big(f, 20, false) <= held + (off_t)(6 * MIB));
}

/* clang-format off */
static const struct store_case cases[] = {
    {"keeps its files to itself", keeps_its_files_to_itself},
    {"leaves no log behind", leaves_no_log_behind},
    {"opens no link", opens_no_link},
    {"opens no folder", opens_no_folder},
    {"refuses what it can not write", refuses_what_it_can_not_write},
    {"says when the folder is missing", says_when_the_folder_is_missing},
    {"refuses what is not ours and leaves it alone", refuses_what_is_not_ours_and_leaves_it_alone},
    {"refuses a newer version", refuses_a_newer_version},
    {"refuses a damaged store", refuses_a_damaged_store},
    {"refuses a store that lost a table", refuses_a_store_that_lost_a_table},
    {"opens an empty file as a new store", opens_an_empty_file_as_a_new_store},
    {"copies while it runs", copies_while_it_runs},
    {"copies a state between commits", copies_a_state_between_commits},
    {"copies over no store in use", copies_over_no_store_in_use},
    {"verifies without writing", verifies_without_writing},
    {"keeps the log short without readers", keeps_the_log_short_without_readers},
    {"keeps the log short beside a busy reader", keeps_the_log_short_beside_a_busy_reader},
    {"starts the log again when a reader lets go", starts_the_log_again_when_a_reader_lets_go},
};
/* clang-format on */

int main(void)
{
    return run_cases_on(&back_ends[0], "sqlite files", cases, ARRAY_LEN(cases));
}
