/* The table of dead tokens: bounded, certain or in doubt, and right under threads. */
#include "unit/gate/fixture.h"

#include <pthread.h>

static struct user_row row_of(unsigned i, uint32_t generation)
{
    struct user_row row = {.generation = generation, .valid_from = 1000 + i, .revoked = NOW};

    memcpy(row.key.user.octets, &i, sizeof i);
    return row;
}

static void finds_what_was_entered_and_nothing_else(void **state)
{
    struct revocations *r = revocations_new(10000);
    struct revocation found;
    bool unsure;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        struct user_row row = row_of(i, i);
        row.deleted = i % 2 ? NOW : 0;
        revocations_put(r, &row, NOW);
    }
    assert_int_equal(revocations_count(r), 5000);
    for (unsigned i = 0; i < 6000; i++) {
        struct user_row row = row_of(i, 0);
        assert_int_equal(revocations_find(r, &row.key, &found, &unsure), i < 5000);
        assert_false(unsure);
        if (i >= 5000)
            continue;
        assert_int_equal(found.generation, i);
        assert_int_equal(found.valid_from, 1000 + i);
        assert_int_equal(found.deleted, i % 2 != 0);
    }
    revocations_free(r);
}

static void replaces_and_forgets_by_time(void **state)
{
    struct revocations *r = revocations_new(10000);
    struct revocation found;
    bool unsure;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        struct user_row row = row_of(i, 1);
        revocations_put(r, &row, i % 3 ? NOW : NOW + 100000);
        row.generation = 2;
        revocations_put(r, &row, i % 3 ? NOW : NOW + 100000);
    }
    assert_int_equal(revocations_count(r), 3000);
    revocations_expire(r, NOW + 50000);
    assert_int_equal(revocations_count(r), 1000);
    for (unsigned i = 0; i < 3000; i++) {
        struct user_row row = row_of(i, 0);
        assert_int_equal(revocations_find(r, &row.key, &found, &unsure), i % 3 == 0);
        if (i % 3 == 0)
            assert_int_equal(found.generation, 2);
    }
    revocations_free(r);
}

static void is_in_doubt_when_full_until_what_was_left_out_is_past(void **state)
{
    struct revocations *r = revocations_new(2);
    struct revocation found;
    bool unsure;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct user_row row = row_of(i, 1);
        revocations_put(r, &row, NOW);
    }
    struct user_row third = row_of(2, 1), first = row_of(0, 7);
    assert_int_equal(revocations_count(r), 2);
    assert_false(revocations_find(r, &third.key, &found, &unsure));
    assert_true(unsure);
    revocations_put(r, &first, NOW); /* one that is held is still replaced */
    assert_true(revocations_find(r, &first.key, &found, &unsure));
    assert_int_equal(found.generation, 7);
    revocations_expire(r, NOW + 5000);
    assert_false(revocations_find(r, &third.key, &found, &unsure));
    assert_false(unsure);
    revocations_free(r);
}

static void is_in_doubt_while_it_is_loaded(void **state)
{
    struct revocations *r = revocations_new(10);
    struct user_row row = row_of(1, 1);
    struct revocation found;
    bool unsure;

    (void)state;
    revocations_put(r, &row, NOW);
    revocations_reset(r);
    assert_false(revocations_find(r, &row.key, &found, &unsure));
    assert_true(unsure);
    revocations_loaded(r);
    assert_false(revocations_find(r, &row.key, &found, &unsure));
    assert_false(unsure);
    revocations_doubt(r, NOW);
    assert_false(revocations_find(r, &row.key, &found, &unsure));
    assert_true(unsure);
    revocations_free(r);
    revocations_free(NULL);
}

static void *put_many(void *ctx)
{
    for (unsigned round = 1; round <= 20; round++) {
        for (unsigned i = 0; i < 200; i++) {
            struct user_row row = row_of(i, round);
            revocations_put(ctx, &row, NOW);
        }
        revocations_expire(ctx, NOW - 100000);
    }
    return NULL;
}

static void *find_many(void *ctx)
{
    uint32_t last[200] = {0};

    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < 200; i++) {
            struct user_row row = row_of(i, 0);
            struct revocation found = {0};
            bool unsure;

            if (!revocations_find(ctx, &row.key, &found, &unsure))
                continue;
            if (found.generation < last[i] || found.valid_from != 1000 + i)
                return ctx; /* torn, or back in time */
            last[i] = found.generation;
        }
    }
    return NULL;
}

static void is_seen_whole_by_other_threads(void **state)
{
    struct revocations *r = revocations_new(10000);
    pthread_t threads[3];
    void *torn;

    (void)state;
    assert_int_equal(pthread_create(&threads[0], NULL, put_many, r), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, find_many, r), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, find_many, r), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &torn), 0);
        assert_null(torn);
    }
    assert_int_equal(revocations_count(r), 200);
    revocations_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_entered_and_nothing_else),
        cmocka_unit_test(replaces_and_forgets_by_time),
        cmocka_unit_test(is_in_doubt_when_full_until_what_was_left_out_is_past),
        cmocka_unit_test(is_in_doubt_while_it_is_loaded),
        cmocka_unit_test(is_seen_whole_by_other_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
