/* api-version texts: numbers in order, and malformed told from unsupported. */
#include "tests/unit/base/unit.h"

#include "http/version.h"

static const struct str versions[] = {STR_INIT("2021-03-07"), STR_INIT("2022-10-01"),
                                      STR_INIT("2025-03-02-preview")};
static const struct service service = {.versions = versions, .version_count = 3};
static const struct service unversioned = {.name = STR_INIT("meta")};

static void numbers_follow_the_order_of_the_table(void **state)
{
    (void)state;
    assert_int_equal(version_find(&service, STR("2021-03-07")), 1);
    assert_int_equal(version_find(&service, STR("2022-10-01")), 2);
    assert_int_equal(version_find(&service, STR("2025-03-02-preview")), 3);
    assert_int_equal(version_find(&service, STR("2025-03-02")), 0);
    assert_int_equal(version_find(&service, STR("2022-10-01 ")), 0);
    assert_int_equal(version_find(&service, STR_EMPTY), 0);
    assert_int_equal(version_find(&unversioned, STR("2021-03-07")), 0);
}

static void tells_malformed_from_unsupported(void **state)
{
    static const struct {
        struct str text;
        bool ok;
    } cases[] = {
        {STR_INIT("1999-01-01"), true},
        {STR_INIT("2020-07-20-preview2"), true},
        {STR_INIT("2022-12-31-beta.1"), true},
        {STR_INIT(""), false},
        {STR_INIT("latest"), false},
        {STR_INIT("2022-10-1"), false},
        {STR_INIT("2022-13-01"), false},
        {STR_INIT("2022-00-01"), false},
        {STR_INIT("2022-10-32"), false},
        {STR_INIT("2022-10-00"), false},
        {STR_INIT("2022/10/01"), false},
        {STR_INIT("2022-10-01-"), false},
        {STR_INIT("2022-10-01preview"), false},
        {STR_INIT("2022-10-01-pre view"), false},
        {STR_INIT("2022-10-01-pre\r\n"), false},
        {STR_INIT("x022-10-01"), false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (version_well_formed(cases[i].text) != cases[i].ok)
            fail_msg("\"" STR_FMT "\"", STR_ARG(cases[i].text));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_follow_the_order_of_the_table),
        cmocka_unit_test(tells_malformed_from_unsupported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
