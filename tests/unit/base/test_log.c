/* The log: both forms, escapes, levels, threads that come and go, and lines that are dropped. */
#include "unit.h"

#include "base/json.h"
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#define WRITERS 4
#define LINES   3000

static FILE *file;
static char *text;

static int set_up(void **state)
{
    (void)state;
    file = tmpfile();
    assert_non_null(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return fclose(file);
}

static struct log *log_to_file(enum log_level level, enum log_format format)
{
    return log_new(&(struct log_options){.level = level, .format = format, .fd = fileno(file)});
}

/* All that was written so far. */
static struct str written(void)
{
    off_t size = lseek(fileno(file), 0, SEEK_END);

    assert_true(size >= 0);
    free(text);
    text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fileno(file), text, (size_t)size, 0), size);
    return str_of(text, (size_t)size);
}

static size_t count(struct str s, struct str needle)
{
    size_t n = 0;

    for (size_t at; (at = str_find_str(s, needle)) < s.len; n++)
        s = str_from_index(s, at + needle.len);
    return n;
}

static void writes_text(void **state)
{
    struct log *log = log_to_file(0, LOG_FORMAT_TEXT);
    struct str line;

    (void)state;
    log_info(log, "http.request", "status=%d path=%s", 200, "/identities");
    log_write_raw(log, LOG_ERROR, "store.failed", STR_EMPTY);
    log_debug(log, "not.kept", "a=%d", 1);
    assert_true(log_enabled(log, LOG_INFO));
    assert_false(log_enabled(log, LOG_DEBUG));
    log_flush(log);
    line = written();
    assert_int_equal(count(line, STR("\n")), 2);
    assert_int_equal(line.ptr[4], '-');
    assert_int_equal(line.ptr[23], 'Z');
    line = str_from_index(line, 24);
    assert_true(str_starts(line, STR(" info  http.request status=200 path=/identities\n")));
    assert_true(str_ends(line, STR("Z error store.failed\n")));
    log_free(log);
}

static void writes_json(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str fields, members;
    } cases[] = {
        {"a text and an integer",
         STR_INIT("path=/x status=200"), STR_INIT("\"path\":\"/x\",\"status\":200")},
        {"negative integers", STR_INIT("a=-1 b=0"), STR_INIT("\"a\":-1,\"b\":0")},
        {"what only looks like one", STR_INIT("a=007 b=1.5 c=-0 d=- e=-01"),
         STR_INIT("\"a\":\"007\",\"b\":\"1.5\",\"c\":\"-0\",\"d\":\"-\",\"e\":\"-01\"")},
        {"integers too long for a double or int64", STR_INIT("a=1234567890123456789"),
         STR_INIT("\"a\":\"1234567890123456789\"")},
        {"quoted texts", STR_INIT("a=\"x y\" b=1"), STR_INIT("\"a\":\"x y\",\"b\":1")},
        {"escapes in quotes", STR_INIT("a=\"\\\"\\\\\\n\\xc3\\xa9\""),
         STR_INIT("\"a\":\"\\\"\\\\\\n\\\\xc3\\\\xa9\"")},
        {"quotes that do not end", STR_INIT("a=\"x y"), STR_INIT("\"a\":\"\\\"x\",\"y\":\"\"")},
        {"escapes that nobody writes", STR_INIT("a=\"x\\q\" b=1"),
         STR_INIT("\"a\":\"\\\"x\\\\q\\\"\",\"b\":1")},
        {"an empty value", STR_INIT("a= b=\"\""), STR_INIT("\"a\":\"\",\"b\":\"\"")},
        {"values with an equals sign", STR_INIT("a=b=c"), STR_INIT("\"a\":\"b=c\"")},
        {"names that are taken", STR_INIT("time=1 level=2 event=3"),
         STR_INIT("\"time_\":1,\"level_\":2,\"event_\":3")},
        {"raw controls", STR_INIT("a=x\ny"), STR_INIT("\"a\":\"x\\ny\"")},
        {"a value without a name", STR_INIT("=x"), STR_INIT("\"\":\"x\"")},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct log *log;
        struct str line, rest;
        json_t *value = NULL;

        assert_int_equal(ftruncate(fileno(file), 0), 0);
        assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
        log = log_to_file(LOG_DEBUG, LOG_FORMAT_AUTO); /* a file is no terminal */
        log_write_raw(log, LOG_WARN, "x.y", cases[i].fields);
        log_free(log);
        line = written();
        rest = str_from_index(line, str_find(line, ',') + 1);
        check(cases[i].name, str_starts(rest, STR("\"level\":\"warn\",\"event\":\"x.y\",")));
        rest = str_from_index(rest, 29);
        check_str(cases[i].name, str_head(rest, rest.len - 2), cases[i].members);
        check(cases[i].name, json_read(line, &value, NULL) == RC_OK);
        json_freep(&value);
    }
}

static void one_record_is_one_line(void **state)
{
    struct log *log = log_to_file(0, LOG_FORMAT_TEXT);

    (void)state;
    log_info(log, "x", "a=%s", "1\n2026-01-01T00:00:00.000Z error forged \x1b[31m");
    log_free(log);
    assert_int_equal(count(written(), STR("\n")), 1);
    assert_int_equal(count(written(), STR("\x1b")), 0);
}

static void quotes(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text, quoted;
        size_t cap, max;
    } cases[] = {
        {"plain text", STR_INIT("a b"), STR_INIT("\"a b\""), 64, 64},
        {"nothing", {NULL, 0}, STR_INIT("\"\""), 64, 64},
        {"escapes", STR_INIT("\"\\\n\r\t"), STR_INIT("\"\\\"\\\\\\n\\r\\t\""), 64, 64},
        {"octets", STR_INIT("\x00\x1b\x7f\xff"), STR_INIT("\"\\x00\\x1b\\x7f\\xff\""), 64, 64},
        {"cut to its maximum", STR_INIT("abcdef"), STR_INIT("\"abc\""), 64, 3},
        {"cut to the room", STR_INIT("abcdef"), STR_INIT("\"abc\""), 5, 64},
        {"never cut inside an escape", STR_INIT("a\xff"), STR_INIT("\"a\""), 6, 64},
        {"no room at all", STR_INIT("a"), {NULL, 0}, 1, 64},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64];
        size_t len = log_quote(out, cases[i].cap, cases[i].text, cases[i].max);

        check_str(cases[i].name, str_of(out, len), cases[i].quoted);
    }
}

static void cuts_what_is_too_long(void **state)
{
    struct log *log = log_to_file(0, LOG_FORMAT_TEXT);

    (void)state;
    log_info(log, "x", "a=%09000d", 7);
    log_free(log);
    assert_int_equal(count(written(), STR("\n")), 1);
    assert_true(written().len > 4096 && written().len < 4200);
}

static void no_log_drops_the_line(void **state)
{
    (void)state;
    log_info(NULL, "x", "a=%d", 1);
    log_write_raw(NULL, LOG_ERROR, "x", STR_EMPTY);
    log_flush(NULL);
    log_free(NULL);
    assert_false(log_enabled(NULL, LOG_ERROR));
}

struct writer {
    pthread_t thread;
    struct log *log, *other;
    unsigned number;
};

static void *write_many(void *ctx)
{
    const struct writer *w = ctx;

    for (unsigned i = 0; i < LINES; i++) {
        log_info(w->log, "line", "from=%u n=%u.", w->number, i);
        if (i % 100 == 0)
            log_info(w->other, "other", "from=%u", w->number);
        if (i % 500 == 499)
            log_flush(w->log);
    }
    return NULL;
}

/* Threads end before the log; each line arrives once and in its thread's order. */
static void threads_come_and_go(void **state)
{
    struct log *log = log_to_file(0, LOG_FORMAT_TEXT), *other = log_to_file(0, LOG_FORMAT_TEXT);
    struct writer writers[WRITERS];
    struct str all;

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < WRITERS; i++) {
            writers[i] = (struct writer){.log = log, .other = other, .number = i};
            assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
        }
        for (unsigned i = 0; i < WRITERS; i++)
            assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    }
    log_free(other);
    log_flush(log);
    assert_int_equal(log_dropped(log), 0);
    all = written();
    assert_int_equal(count(all, STR("info  line ")), 2 * WRITERS * LINES);
    assert_int_equal(count(all, STR("info  other ")), 2 * WRITERS * LINES / 100);
    for (unsigned i = 0, at = 0; i < LINES; i++) {
        char needle[40];
        int len = snprintf(needle, sizeof needle, "from=0 n=%u.\n", i);
        size_t found = str_find_str(str_from_index(all, at), str_of(needle, (size_t)len));

        assert_true(at + found < all.len);
        at += (unsigned)found;
    }
    log_free(log);
}

struct holder {
    sem_t logged, ended;
    struct log *log;
};

static void *log_once_then_wait(void *ctx)
{
    struct holder *h = ctx;

    log_info(h->log, "once", "a=%d", 1);
    log_flush(h->log);
    (void)sem_post(&h->logged);
    (void)sem_wait(&h->ended);
    return NULL;
}

/* The ring is freed by whoever leaves last, here the thread. */
static void a_log_may_end_before_its_threads(void **state)
{
    struct holder h;
    struct log *next;
    pthread_t thread;

    (void)state;
    assert_int_equal(sem_init(&h.logged, 0, 0) | sem_init(&h.ended, 0, 0), 0);
    h.log = log_to_file(0, LOG_FORMAT_TEXT);
    log_info(h.log, "main", "a=%d", 1);
    assert_int_equal(pthread_create(&thread, NULL, log_once_then_wait, &h), 0);
    assert_int_equal(sem_wait(&h.logged), 0);
    log_free(h.log);
    next = log_to_file(0, LOG_FORMAT_TEXT); /* perhaps at the same address */
    log_info(next, "next", "a=%d", 1);
    log_free(next);
    assert_int_equal(sem_post(&h.ended), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sem_destroy(&h.logged) | sem_destroy(&h.ended), 0);
    assert_int_equal(count(written(), STR("\n")), 3);
}

static void *read_to_end(void *ctx)
{
    char chunk[4096];
    size_t lines = 0;
    ssize_t n;

    while ((n = read(*(int *)ctx, chunk, sizeof chunk)) > 0)
        lines += count(str_of(chunk, (size_t)n), STR("\n"));
    return (void *)(uintptr_t)lines;
}

/* A pipe that nobody reads fills; then the ring; then lines are dropped, and nobody waits. */
static void a_full_buffer_drops_and_counts(void **state)
{
    char fields[1000];
    struct log *log;
    pthread_t reader;
    void *lines = NULL;
    int ends[2];
    uint64_t dropped;

    (void)state;
    memset(fields, 'x', sizeof fields);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    log = log_new(&(struct log_options){.format = LOG_FORMAT_TEXT, .fd = ends[1]});
    for (int i = 0; i < 2000; i++)
        log_write_raw(log, LOG_INFO, "x", str_of(fields, sizeof fields));
    dropped = log_dropped(log);
    assert_true(dropped > 0 && dropped < 2000);
    assert_int_equal(pthread_create(&reader, NULL, read_to_end, &ends[0]), 0);
    log_free(log);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(pthread_join(reader, &lines), 0);
    assert_true((uintptr_t)lines >= 2000 - dropped + 1); /* and at least one that says so */
    assert_int_equal(close(ends[0]), 0);
}

/* The writer's end of the pipe stays open: it may still hang in there. */
static void an_end_does_not_wait_for_a_reader(void **state)
{
    char fields[1000];
    struct log *log;
    int ends[2];

    (void)state;
    memset(fields, 'x', sizeof fields);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    log = log_new(&(struct log_options){.format = LOG_FORMAT_TEXT, .fd = ends[1]});
    for (int i = 0; i < 200; i++)
        log_write_raw(log, LOG_INFO, "x", str_of(fields, sizeof fields));
    log_free(log);
    assert_int_equal(close(ends[0]), 0); /* lets go of it, which clears up */
}

static void wraps_around_many_times(void **state)
{
    struct log *log = log_to_file(0, LOG_FORMAT_TEXT);
    char fields[777];

    (void)state;
    memset(fields, 'y', sizeof fields);
    for (unsigned i = 0; i < 2000; i++) {
        log_write_raw(log, LOG_INFO, "wrap", str_of(fields, i % sizeof fields));
        if (i % 100 == 99)
            log_flush(log);
    }
    log_free(log);
    assert_int_equal(count(written(), STR("info  wrap")), 2000);
    assert_int_equal(count(written(), STR("\n")), 2000);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown((f), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(writes_text),
        LOG_TEST(writes_json),
        LOG_TEST(one_record_is_one_line),
        LOG_TEST(quotes),
        LOG_TEST(cuts_what_is_too_long),
        LOG_TEST(no_log_drops_the_line),
        LOG_TEST(threads_come_and_go),
        LOG_TEST(a_log_may_end_before_its_threads),
        LOG_TEST(a_full_buffer_drops_and_counts),
        LOG_TEST(an_end_does_not_wait_for_a_reader),
        LOG_TEST(wraps_around_many_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
