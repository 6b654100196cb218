/* Ids: text form, versions, order. */
#include "unit.h"

#include "base/uuid.h"

static void formats_and_parses(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text;
        bool ok;
    } cases[] = {
        {"accepts lower case", STR_INIT("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"), true},
        {"accepts upper case", STR_INIT("0190A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B"), true},
        {"refuses braces", STR_INIT("{0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b}"), false},
        {"refuses missing hyphens", STR_INIT("0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"), false},
        {"refuses a hyphen elsewhere", STR_INIT("0190a1b-2c3d4-7e5f-8a9b-0c1d2e3f4a5b"), false},
        {"refuses other letters", STR_INIT("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5g"), false},
        {"refuses a short one", STR_INIT("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5"), false},
        {"refuses nothing", {NULL, 0}, false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct uuid id;
        char text[36], lowered[36];
        enum rc rc = uuid_parse(cases[i].text, &id);

        check(cases[i].name, (rc == RC_OK) == cases[i].ok);
        if (rc)
            continue;
        uuid_format(&id, text);
        ascii_lower(lowered, cases[i].text);
        check_str(cases[i].name, str_of(text, UUID_TEXT_LEN), str_of(lowered, UUID_TEXT_LEN));
    }
}

static void random_ones_are_version_4_and_differ(void **state)
{
    struct uuid last = uuid_random();

    (void)state;
    for (int i = 0; i < 200; i++) {
        struct uuid id = uuid_random();

        assert_int_equal(id.octets[6] >> 4, 4);
        assert_int_equal(id.octets[8] >> 6, 2);
        assert_false(uuid_eq(&id, &last));
        last = id;
    }
}

static unix_ms time_of(const struct uuid *id)
{
    unix_ms t = 0;

    for (size_t i = 0; i < 6; i++)
        t = t << 8 | id->octets[i];
    return t;
}

static void ordered_ones_sort_within_a_millisecond(void **state)
{
    struct uuid last = uuid_ordered(1000);

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct uuid id = uuid_ordered(1000);

        assert_int_equal(id.octets[6] >> 4, 7);
        assert_int_equal(id.octets[8] >> 6, 2);
        assert_true(memcmp(&last, &id, sizeof id) < 0);
        last = id;
    }
    assert_true(time_of(&last) < 1020); /* the counter may run ahead, but not far */
}

static void ordered_ones_follow_the_clock(void **state)
{
    static const unix_ms times[] = {1795446000123, 1795446000124, 1795446000000, 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct uuid id = uuid_ordered(times[i]);

        assert_true(time_of(&id) == times[i]);
    }
}

static void the_first_of_a_time_comes_before_its_ids(void **state)
{
    static const unix_ms times[] = {1, 1795446000000, 1795446000001, ((unix_ms)1 << 48) - 1};
    struct uuid last = uuid_first(0), far = uuid_first(INT64_MAX), zeros = {{0}};

    (void)state;
    assert_true(uuid_eq(&last, &zeros));
    last = uuid_first(-5);
    assert_true(uuid_eq(&last, &zeros));
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct uuid first = uuid_first(times[i]), id = uuid_ordered(times[i]);

        assert_true(memcmp(&last, &first, sizeof first) < 0);
        assert_true(memcmp(&first, &id, sizeof id) < 0);
        last = id;
    }
    assert_true(time_of(&far) == times[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_parses),
        cmocka_unit_test(random_ones_are_version_4_and_differ),
        cmocka_unit_test(ordered_ones_sort_within_a_millisecond),
        cmocka_unit_test(ordered_ones_follow_the_clock),
        cmocka_unit_test(the_first_of_a_time_comes_before_its_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
