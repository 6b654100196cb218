/* The growing buffer: its ceiling, its memory of failure. */
#include "unit.h"

#include "base/buf.h"

static void appends_in_order(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    buf_add(&b, STR("a"));
    buf_add_char(&b, '=');
    buf_add_u64(&b, 42);
    buf_addf(&b, ";%s=%d", "b", -7);
    buf_add(&b, STR_EMPTY);
    check_str("everything is there", buf_str(&b), STR("a=42;b=-7"));
    assert_string_equal(buf_cstr(&b), "a=42;b=-7");
    assert_int_equal(b.len, 9);
    buf_clear(&b);
    buf_clear(&b);
    buf_clear(NULL);
    buf_wipe(NULL);
}

static void writes_all_numbers(void **state)
{
    /* clang-format off */
    static const struct {
        uint64_t value;
        struct str text;
    } cases[] = {
        {0, STR_INIT("0")},
        {9, STR_INIT("9")},
        {10, STR_INIT("10")},
        {99, STR_INIT("99")},
        {100, STR_INIT("100")},
        {1234567, STR_INIT("1234567")},
        {10000000000000000000U, STR_INIT("10000000000000000000")},
        {UINT64_MAX, STR_INIT("18446744073709551615")},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;

        buf_init(&b, 32);
        buf_add_u64(&b, cases[i].value);
        check_str("number", buf_str(&b), cases[i].text);
        buf_clear(&b);
    }
}

static void grows_across_many_appends(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    for (unsigned i = 0; i < 20000; i++)
        buf_addf(&b, "%05u", i);
    assert_int_equal(b.failed, RC_OK);
    assert_int_equal(b.len, 100000);
    check_str("the first is kept", str_head(buf_str(&b), 5), STR("00000"));
    check_str("the last is kept", str_from_index(buf_str(&b), 99995), STR("19999"));
    buf_wipe(&b);
    assert_int_equal(b.len, 0);
}

static void fills_exactly_to_its_ceiling(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_add(&b, STR("abcd"));
    assert_int_equal(b.failed, RC_OK);
    assert_string_equal(buf_cstr(&b), "abcd");
    buf_add_char(&b, 'e');
    assert_int_equal(b.failed, RC_TOO_LARGE);
    buf_clear(&b);
}

static void remembers_its_first_failure(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_add(&b, STR("abcde"));
    buf_add(&b, STR("a"));
    buf_addf(&b, "%d", 1);
    assert_int_equal(b.failed, RC_TOO_LARGE);
    assert_int_equal(b.len, 0);
    assert_null(buf_cstr(&b));
    assert_null(buf_reserve(&b, 1));
    buf_reset(&b);
    buf_addf(&b, "%04d", 12);
    assert_int_equal(b.failed, RC_OK);
    check_str("usable again after a reset", buf_str(&b), STR("0012"));
    buf_addf(&b, "%d", 1);
    assert_int_equal(b.failed, RC_TOO_LARGE);
    buf_clear(&b);
}

static void refuses_sizes_that_wrap(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX);
    buf_add_char(&b, 'x');
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.failed, RC_TOO_LARGE);
    buf_clear(&b);
}

static void lends_room_and_drops_the_front(void **state)
{
    struct buf b;
    char *room;

    (void)state;
    buf_init(&b, KIB);
    room = buf_reserve(&b, 6);
    assert_non_null(room);
    memcpy(room, "abcdef", 6);
    buf_grown(&b, 6);
    buf_consume(&b, 2);
    check_str("the front is gone", buf_str(&b), STR("cdef"));
    buf_consume(&b, 0);
    buf_consume(&b, 99);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_wipe(&b);
    assert_string_equal(buf_cstr(&b), "");
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_in_order),
        cmocka_unit_test(writes_all_numbers),
        cmocka_unit_test(grows_across_many_appends),
        cmocka_unit_test(fills_exactly_to_its_ceiling),
        cmocka_unit_test(remembers_its_first_failure),
        cmocka_unit_test(refuses_sizes_that_wrap),
        cmocka_unit_test(lends_room_and_drops_the_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
