/* Key sets of foreign issuers: how long they are kept, when they are asked for again, who waits,
 * and how it ends. Requests go to a fake, the clock stands still until it is moved. */
#include "issuer_bench.h"

#include "gate/key_set.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- ages ---- */

static void renews_behind_the_use(void **state)
{
    const char *why;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    bench_expect("a", RC_OK, 2);
    bench_advance(HOUR - 7 * MINUTE); /* a tenth earlier than an hour is the earliest */
    bench_expect("a", RC_OK, 2);
    bench_answer(JWKS, SET(EC_KEY("b")));
    bench_advance(14 * MINUTE);
    assert_int_equal(bench_find_once("a", JWS_ES256, &why),
                     RC_OK); /* at once, with what there is */
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_OK);
    bench_wait_on(bench.loop);
    assert_int_equal(bench.fake.sent, 4); /* one fetch for both */
    bench_expect("a", RC_DENIED, 4);      /* gone from the document: gone at once */
    bench_expect("b", RC_OK, 4);
}

static void jitters_by_a_tenth(void **state)
{
    unsigned early = 0, rounds = 200;
    const char *why;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    bench_expect("a", RC_OK, 2);
    for (unsigned i = 0; i < rounds; i++) {
        unsigned before = bench.fake.sent;

        bench_advance(HOUR - 6 * MINUTE - 1);
        assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_OK);
        bench_wait_on(bench.loop);
        assert_int_equal(bench.fake.sent, before);
        bench_advance(6 * MINUTE);
        assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_OK);
        bench_wait_on(bench.loop);
        early += bench.fake.sent > before;
        key_source_refresh(bench.source, bench.loop);
        bench_wait_on(bench.loop);
    }
    assert_true(early > rounds / 4 && early < rounds * 3 / 4);
}

static void waits_when_nobody_has_looked_for_a_day(void **state)
{
    const char *why;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    bench_expect("a", RC_OK, 2);
    bench_answer(JWKS, SET(EC_KEY("b")));
    bench_advance(DAY);
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_BUSY);
    bench_expect("a", RC_DENIED, 4);
}

static void heeds_the_age_that_the_issuer_names(void **state)
{
    static const struct {
        const char *name, *headers;
        int64_t not_before, not_after;
    } cases[] = {
        {"20 minutes", "cache-control: public, max-age=1200", 18 * MINUTE - 1, 22 * MINUTE},
        {"as text", "Cache-Control: max-age=\"1200\"", 18 * MINUTE - 1, 22 * MINUTE},
        {"never below 5 minutes", "cache-control: max-age=1", 4 * MINUTE + 29000, 6 * MINUTE},
        {"nor for no-store", "cache-control: no-store, max-age=1200", 4 * MINUTE + 29000,
         6 * MINUTE},
        {"nor for a broken one", "cache-control: max-age=x", 4 * MINUTE + 29000, 6 * MINUTE},
        {"a year is an hour", "cache-control: max-age=31536000", 54 * MINUTE - 1, 67 * MINUTE},
        {"none is an hour", "etag: x", 54 * MINUTE - 1, 67 * MINUTE},
    };
    const char *why;

    (void)state;
    bench_answer(CONFIG, DOC(ISSUER, JWKS));
    bench_start(&bench_location, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned before;

        outbound_fake_answer(&bench.fake, (struct fake_answer){.url = JWKS,
                                                               .body = STR(SET(EC_KEY("a"))),
                                                               .headers = cases[i].headers});
        key_source_refresh(bench.source, bench.loop);
        bench_wait_on(bench.loop);
        before = bench.fake.sent;
        bench_advance(cases[i].not_before);
        (void)bench_find_once("a", JWS_ES256, &why); /* whether it asks is what counts */
        bench_wait_on(bench.loop);
        if (bench.fake.sent != before)
            fail_msg("%s: too early", cases[i].name);
        bench_advance(cases[i].not_after - cases[i].not_before);
        (void)bench_find_once("a", JWS_ES256, &why); /* likewise */
        bench_wait_on(bench.loop);
        if (bench.fake.sent != before + 2)
            fail_msg("%s: too late", cases[i].name);
    }
}

static void lives_on_for_a_week_when_the_issuer_is_away(void **state)
{
    int fd = open(bench_in_dir("log"), O_CREAT | O_RDWR | O_APPEND, 0600);
    unsigned sent;

    (void)state;
    bench.log = log_new(&(struct log_options){.format = LOG_FORMAT_TEXT, .fd = fd});
    bench_start_with(SET(EC_KEY("a")));
    bench_expect("a", RC_OK, 2);
    outbound_fake_answer(&bench.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    bench_advance(DAY);
    bench_expect("a", RC_OK, 3); /* waited for, in vain */
    bench_expect("a", RC_OK, 3);
    for (int i = 1; i < 6; i++) {
        bench_advance(DAY);
        bench_expect("a", RC_OK, 3 + (unsigned)i - 1);
        bench_wait_on(bench.loop);
    }
    bench_advance(DAY - MINUTE);
    bench_expect("a", RC_OK, 8);
    bench_wait_on(bench.loop);
    assert_int_equal(bench_count_in_log("issuer.keys_stale"), 1); /* said once */
    bench_advance(MINUTE);
    sent = bench.fake.sent;
    assert_true(sent >= 9);
    const char *why = NULL;
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the issuer is out of reach");
    bench_answer(CONFIG, DOC(ISSUER, JWKS));
    bench_advance(5 * MINUTE);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_OK);
    outbound_fake_answer(&bench.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    bench_advance(DAY);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_OK);
    assert_int_equal(bench_count_in_log("issuer.keys_stale"), 2); /* after it had worked again */
    log_free(bench.log);
    bench.log = NULL;
    assert_int_equal(close(fd), 0);
}

static void asks_a_dead_issuer_less_and_less(void **state)
{
    static const int64_t waits_s[] = {10, 20, 40, 80, 160, 300, 300};
    const char *why;

    (void)state;
    bench_start(&bench_location, false);
    bench_expect("a", RC_IO, 1);
    for (size_t i = 0; i < ARRAY_LEN(waits_s); i++) {
        for (unsigned n = 0; n < 50; n++) /* a flood asks nobody */
            assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_IO);
        bench_advance(waits_s[i] * 1000 - 1);
        bench_expect("a", RC_IO, 1 + (unsigned)i);
        bench_advance(1);
        bench_expect("a", RC_IO, 2 + (unsigned)i);
    }
}

/* ---- unknown kids ---- */

static void fetches_once_in_five_minutes_for_unknown_kids(void **state)
{
    const char *why;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    bench_expect("a", RC_OK, 2);
    for (unsigned i = 0; i < 1000; i++) { /* just fetched: refused at once */
        char kid[32];

        (void)snprintf(kid, sizeof kid, "random-%u", i);
        assert_int_equal(bench_find_once(kid, JWS_ES256, &why), RC_DENIED);
    }
    assert_int_equal(bench.fake.sent, 2);
    bench_advance(5 * MINUTE);
    bench_answer(JWKS, SET(EC_KEY("a") "," EC_KEY("new")));
    for (unsigned i = 0; i < 100; i++) { /* single flight */
        char kid[32];

        (void)snprintf(kid, sizeof kid, "random-%u", i);
        assert_int_equal(bench_find_once(kid, JWS_ES256, &why), RC_BUSY);
        assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_OK);
    }
    bench_wait_on(bench.loop);
    assert_int_equal(bench.fake.sent, 4);
    bench_expect("new", RC_OK, 4);
    for (unsigned minute = 0; minute < 50; minute++) { /* less than any renewal */
        char kid[32];

        (void)snprintf(kid, sizeof kid, "more-%u", minute);
        assert_int_equal(bench_ask(kid, JWS_ES256, &why), RC_DENIED);
        bench_advance(MINUTE);
    }
    assert_true(bench.fake.sent <= 4 + 2 * 10);
}

static void a_failed_fetch_for_an_unknown_kid_counts_too(void **state)
{
    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    bench_expect("a", RC_OK, 2);
    bench_advance(5 * MINUTE);
    outbound_fake_answer(&bench.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    bench_expect("x", RC_DENIED, 3);
    bench_advance(5 * MINUTE - 1);
    bench_expect("x", RC_DENIED, 3);
    bench_expect("a", RC_OK, 3);
    bench_advance(1);
    bench_expect("x", RC_DENIED, 4);
}

static void asks_nobody_for_a_kid_that_no_set_can_have(void **state)
{
    static char kid[10 * 1024];
    const char *why = "";

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    memset(kid, 'k', sizeof kid - 1);
    assert_int_equal(bench_find_once(kid, JWS_ES256, &why), RC_DENIED);
    assert_int_equal(bench.fake.sent, 0);
    bench_expect("a", RC_OK, 2);
    bench_advance(HOUR / 2);
    assert_int_equal(bench_find_once("a", JWS_RS256, &why),
                     RC_DENIED); /* nor for one that does not fit */
    assert_string_equal(why, "the key of this kid is for another algorithm");
    assert_int_equal(bench_find_once("", JWS_RS256, &why), RC_DENIED);
    assert_int_equal(bench.fake.sent, 2);
}

static void a_clock_set_back_does_no_harm(void **state)
{
    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    bench_expect("a", RC_OK, 2);
    bench_advance(-30 * DAY);
    bench_answer(JWKS, SET(EC_KEY("b")));
    bench_expect("b", RC_OK, 4);
    bench_expect("x", RC_DENIED, 4);
}

/* ---- files ---- */

static void replace_file(const char *text)
{
    char next[128];

    bench_write_file("next", text);
    (void)snprintf(next, sizeof next, "%s", bench_in_dir("next"));
    assert_int_equal(rename(next, bench_in_dir("file")), 0);
}

static void reads_a_file_again_when_it_has_changed(void **state)
{
    struct key_location where = bench_location;
    const char *why = "";
    struct key_source_state s;
    struct arena arena;

    (void)state;
    where.jwks_file = str_from(bench_in_dir("file"));
    bench_start(&where, false);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the file of the keys can't be read");
    replace_file(SET(EC_KEY("a")));
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO); /* at most once a second */
    bench_advance(1000);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_OK);
    replace_file(SET(EC_KEY("b")));
    assert_int_equal(bench_ask("b", JWS_ES256, &why), RC_DENIED);
    bench_advance(1000);
    assert_int_equal(bench_ask("b", JWS_ES256, &why), RC_OK); /* an unknown kid makes it look */
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_DENIED);
    bench_advance(HOUR);
    assert_int_equal(bench_find_once("b", JWS_ES256, &why), RC_BUSY); /* long not looked at */
    assert_int_equal(bench_ask("b", JWS_ES256, &why), RC_OK);
    replace_file("{\"keys\":[");
    bench_advance(1000);
    assert_int_equal(bench_find_once("b", JWS_ES256, &why), RC_OK);
    bench_wait_on(bench.loop);
    assert_int_equal(bench_ask("b", JWS_ES256, &why), RC_OK); /* half a file keeps the former set */
    arena_init(&arena);
    key_source_state(bench.source, &arena, &s);
    assert_true(str_starts(s.failure, STR("files: the key set is no JSON")));
    arena_clear(&arena);
    replace_file(SET(EC_KEY("c")));
    bench_advance(1000);
    assert_int_equal(bench_ask("c", JWS_ES256, &why), RC_OK);
    assert_int_equal(bench.fake.sent, 0);
}

static void reads_only_plain_files_of_a_size(void **state)
{
    struct key_location where = bench_location;
    const char *why = "";

    (void)state;
    where.jwks_file = str_from(bench_in_dir("file"));
    bench_start(&where, false);
    assert_int_equal(mkfifo(bench_in_dir("file"), 0600), 0);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO); /* and waits for no writer */
    assert_string_equal(why, "the file of the keys can't be read");
    assert_int_equal(unlink(bench_in_dir("file")), 0);
    bench_write_file("file", SET(EC_KEY("a")));
    assert_int_equal(truncate(bench_in_dir("file"), (off_t)KEY_DOCUMENT_MAX + 1), 0);
    bench_advance(1000);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the key set is too large");
}

/* ---- sharing, waiting, ending ---- */

static void shares_sources_of_one_location(void **state)
{
    struct key_location other = bench_location;
    struct key_source *again, *elsewhere;

    (void)state;
    bench_start(&bench_location, false);
    other.ca_file = STR("/ca.pem");
    again = key_source_get(bench.keys, &bench_location);
    elsewhere = key_source_get(bench.keys, &other);
    assert_ptr_equal(again, bench.source);
    assert_ptr_not_equal(elsewhere, bench.source);
    assert_ptr_equal(key_source_ref(again), again);
    key_source_unref(again);
    key_source_unref(again);
    key_source_unref(elsewhere);
    key_source_unref(NULL);
    again = key_source_get(bench.keys, &other); /* was forgotten with its last holder */
    key_source_unref(again);
}

static void count_task(void *ctx)
{
    unsigned *count = ctx;

    ++*count;
}

static void bounds_who_waits(void **state)
{
    static struct key_wait waits[KEY_WAITERS_MAX + 1];
    unsigned called = 0;
    const char *why;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_BUSY);
    for (size_t i = 0; i <= KEY_WAITERS_MAX; i++) {
        waits[i] =
            (struct key_wait){.task = {.run = count_task, .ctx = &called}, .loop = bench.loop};
        assert_int_equal(key_source_wait(bench.source, &waits[i]),
                         i < KEY_WAITERS_MAX ? RC_OK : RC_BUSY);
    }
    assert_int_equal(called, 0);
    loop_settle(bench.loop);
    assert_int_equal(called, KEY_WAITERS_MAX);
    assert_int_equal(key_source_wait(bench.source, &waits[0]), RC_OK); /* none under way: at once */
    loop_settle(bench.loop);
    assert_int_equal(called, KEY_WAITERS_MAX + 1);
    bench_expect("a", RC_OK, 2);
}

static void cancels_when_its_loop_leaves(void **state)
{
    struct key_wait w = {.loop = bench.loop};
    unsigned called = 0;
    const char *why = "";

    (void)state;
    bench_answer(CONFIG, DOC(ISSUER, JWKS));
    outbound_fake_answer(&bench.fake, (struct fake_answer){.url = JWKS, .hold = true});
    bench_start(&bench_location, false);
    w.task = (struct loop_task){.run = count_task, .ctx = &called};
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_BUSY);
    assert_int_equal(key_source_wait(bench.source, &w), RC_OK);
    while (bench.fake.sent < 2)
        loop_settle(bench.loop);
    assert_int_equal(called, 0);
    issuer_keys_leave(bench.keys, bench.loop);
    loop_settle(bench.loop);
    assert_int_equal(bench.fake.cancelled, 1);
    assert_int_equal(called, 1);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the server is shutting down");
    key_source_refresh(bench.source, bench.loop); /* nothing new */
    bench_advance(HOUR);
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_IO);
    assert_int_equal(bench.fake.sent, 2);
}

static void leaves_before_anything_was_sent(void **state)
{
    const char *why;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_BUSY);
    issuer_keys_leave(bench.keys, bench.loop);
    loop_settle(bench.loop);
    assert_int_equal(bench.fake.sent, 0);
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_IO);
}

/* bench_tear_down() frees the loop with the request unanswered; the leak check looks on. */
static void gives_up_what_its_loop_took_along(void **state)
{
    const char *why;

    (void)state;
    bench_write_file("file", "fake-token");
    struct key_location where = bench_location;
    where.token_file = str_from(bench_in_dir("file"));
    outbound_fake_answer(&bench.fake, (struct fake_answer){.url = CONFIG, .hold = true});
    bench_start(&where, false);
    assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_BUSY);
    while (bench.fake.sent < 1)
        loop_settle(bench.loop);
}

#define THREADS 4
#define ROUNDS  300

static pthread_barrier_t all_here;

static void *find_on_a_loop(void *ctx)
{
    const unsigned *number = ctx;
    struct loop *loop = loop_new(*number);
    unsigned lost = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct key_query q = {i % 7 ? STR("a") : STR("unknown"), JWS_ES256};
        struct pkey *key = NULL;
        const char *why;
        enum rc rc = key_source_find(bench.source, loop, &q, &key, &why);

        if (rc == RC_BUSY)
            bench_wait_on(loop);
        else if ((rc == RC_OK) != (i % 7 != 0))
            lost++;
        pkey_unref(key);
        if (*number == 0 && i % 10 == 0)
            bench_advance(31 * MINUTE);
        if (*number == 1 && i % 50 == 0) {
            struct key_location other = bench_location;

            other.private_ok = true;
            key_source_unref(key_source_get(bench.keys, &other));
        }
    }
    (void)pthread_barrier_wait(&all_here);
    loop_settle(loop); /* what it fetches behind the use */
    (void)pthread_barrier_wait(&all_here);
    loop_free(loop);
    return lost ? ctx : NULL;
}

static void is_used_by_many_loops_at_once(void **state)
{
    static unsigned numbers[THREADS] = {0, 1, 2, 3};
    pthread_t threads[THREADS];
    void *lost;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    assert_int_equal(pthread_barrier_init(&all_here, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_on_a_loop, &numbers[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &lost), 0);
        assert_null(lost);
    }
    assert_int_equal(pthread_barrier_destroy(&all_here), 0);
    assert_true(bench.fake.sent >= 4 && bench.fake.unknown == 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(renews_behind_the_use),
        CASE(jitters_by_a_tenth),
        CASE(waits_when_nobody_has_looked_for_a_day),
        CASE(heeds_the_age_that_the_issuer_names),
        CASE(lives_on_for_a_week_when_the_issuer_is_away),
        CASE(asks_a_dead_issuer_less_and_less),
        CASE(fetches_once_in_five_minutes_for_unknown_kids),
        CASE(a_failed_fetch_for_an_unknown_kid_counts_too),
        CASE(asks_nobody_for_a_kid_that_no_set_can_have),
        CASE(a_clock_set_back_does_no_harm),
        CASE(reads_a_file_again_when_it_has_changed),
        CASE(reads_only_plain_files_of_a_size),
        CASE(shares_sources_of_one_location),
        CASE(bounds_who_waits),
        CASE(cancels_when_its_loop_leaves),
        CASE(leaves_before_anything_was_sent),
        CASE(gives_up_what_its_loop_took_along),
        CASE(is_used_by_many_loops_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
