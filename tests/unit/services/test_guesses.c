/* Wrong credentials counted, assertions used once, key sets held: bounded memory of the issuer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "gate/issuer_keys.h"
#include "services/guesses.h"
#include "services/key_holds.h"
#include "services/replays.h"

#define SECOND ((mono_ns)1000 * 1000 * 1000)

static void counts_failures_up_to_the_limit(void **state)
{
    struct guesses *g = guesses_new();
    uint32_t retry_s = 0;

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        assert_false(guesses_over(g, 7, 3, SECOND, &retry_s));
        guesses_failed(g, 7, 100 + i, SECOND);
    }
    assert_true(guesses_over(g, 7, 3, 11 * SECOND, &retry_s));
    assert_int_equal(retry_s, 50);
    assert_false(guesses_over(g, 8, 3, 11 * SECOND, &retry_s)); /* somebody else */
    assert_false(guesses_over(g, 7, 3, 61 * SECOND, &retry_s)); /* the window has ended */
    guesses_failed(g, 7, 200, 61 * SECOND);
    assert_false(guesses_over(g, 7, 2, 61 * SECOND, &retry_s)); /* and began anew */
    guesses_free(g);
    guesses_free(NULL);
}

static void the_last_four_again_are_no_new_guess(void **state)
{
    struct guesses *g = guesses_new();
    uint32_t retry_s;

    (void)state;
    for (uint64_t i = 0; i < 40; i++)
        guesses_failed(g, 7, i % 4, SECOND);
    assert_true(guesses_over(g, 7, 4, SECOND, &retry_s));
    assert_false(guesses_over(g, 7, 5, SECOND, &retry_s));
    guesses_failed(g, 7, 4, SECOND);
    guesses_failed(g, 7, 0, SECOND); /* forgotten by now */
    assert_true(guesses_over(g, 7, 6, SECOND, &retry_s));
    guesses_free(g);
}

static void a_success_forgets(void **state)
{
    struct guesses *g = guesses_new();
    uint32_t retry_s;

    (void)state;
    guesses_failed(g, 7, 1, SECOND);
    guesses_failed(g, 8, 1, SECOND);
    guesses_forget(g, 7);
    guesses_forget(g, 9);
    assert_false(guesses_over(g, 7, 1, SECOND, &retry_s));
    assert_true(guesses_over(g, 8, 1, SECOND, &retry_s));
    guesses_free(g);
}

static void a_flood_does_not_hide_the_worst(void **state)
{
    struct guesses *g = guesses_new();
    uint32_t retry_s;
    uint64_t worst = 12345;

    (void)state;
    for (uint64_t i = 0; i < 10; i++)
        guesses_failed(g, worst, i, SECOND);
    for (uint64_t i = 0; i < 20 * GUESS_SLOTS; i++)
        guesses_failed(g, hash_keyed(&i, sizeof i), 1, 2 * SECOND);
    assert_true(guesses_over(g, worst, 10, 3 * SECOND, &retry_s));
    guesses_free(g);
}

static void what_was_used_is_refused_until_its_time(void **state)
{
    struct replays *r = replays_new();

    (void)state;
    assert_int_equal(replays_take(r, 1, 1000, 5000), RC_OK);
    assert_int_equal(replays_take(r, 1, 4999, 9000), RC_CONFLICT);
    assert_int_equal(replays_take(r, 2, 4999, 9000), RC_OK);
    assert_int_equal(replays_take(r, 1, 5000, 9000), RC_OK);
    replays_free(r);
    replays_free(NULL);
}

static void a_full_memory_refuses_rather_than_forgets(void **state)
{
    struct replays *r = replays_new();
    size_t kept = 0, refused = 0;

    (void)state;
    for (uint64_t i = 0; i < 3 * REPLAYS_MAX; i++) {
        uint64_t key = hash_keyed(&i, sizeof i);
        enum rc rc = replays_take(r, key, 1000, 5000);

        kept += rc == RC_OK;
        refused += rc == RC_BUSY;
        if (rc == RC_OK)
            assert_int_equal(replays_take(r, key, 1000, 5000), RC_CONFLICT);
    }
    assert_int_equal(kept, REPLAYS_MAX);
    assert_int_equal(kept + refused, 3 * REPLAYS_MAX);
    assert_int_equal(replays_take(r, 77, 5000, 9000), RC_OK); /* all have run out */
    replays_free(r);
}

static void key_sets_outlive_their_requests_and_not_the_ring(void **state)
{
    struct issuer_keys *keys = issuer_keys_new(&(struct issuer_keys_options){0});
    struct key_holds *h = key_holds_new();
    struct key_source *first = NULL, *again;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < KEY_HOLDS_MAX + round; i++) {
            char issuer[64];
            int len = snprintf(issuer, sizeof issuer, "https://issuer%u.example", i);
            struct key_location where = {.issuer = str_of(issuer, (size_t)len)};
            struct key_source *s = key_source_get(keys, &where);

            key_holds_keep(h, s);
            if (round == 0 && i == 0)
                first = s;
            key_source_unref(s);
        }
        again =
            key_source_get(keys, &(struct key_location){.issuer = STR("https://issuer0.example")});
        if (round == 0)
            assert_ptr_equal(again, first); /* still the same one */
        key_source_unref(again);
    }
    key_holds_free(h);
    key_holds_free(NULL);
    issuer_keys_free(keys); /* asserts that nobody holds one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_failures_up_to_the_limit),
        cmocka_unit_test(the_last_four_again_are_no_new_guess),
        cmocka_unit_test(a_success_forgets),
        cmocka_unit_test(a_flood_does_not_hide_the_worst),
        cmocka_unit_test(what_was_used_is_refused_until_its_time),
        cmocka_unit_test(a_full_memory_refuses_rather_than_forgets),
        cmocka_unit_test(key_sets_outlive_their_requests_and_not_the_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
