/* Dates of tokens: every way to write one, and what is none. */
#include "crypto/jws.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define UNTOUCHED ((unix_ms)-7)
#define LAST      ((unix_ms)253402300799) /* 9999-12-31T23:59:59Z in seconds */

/* clang-format off */
static const struct {
    const char *name, *value; /* NULL: absent */
    enum rc number, or_digits; /* by form */
    unix_ms want;
} cases[] = {
    {"an integer", "1795446806", RC_OK, RC_OK, 1795446806000},
    {"a fraction, as Python writes", "1795446806.980301", RC_OK, RC_OK, 1795446806980},
    {"a fraction below a millisecond", "1.0009", RC_OK, RC_OK, 1000},
    {"an exponent", "1.7e9", RC_OK, RC_OK, 1700000000000},
    {"an exponent in capitals with a sign", "17E+8", RC_OK, RC_OK, 1700000000000},
    {"a negative exponent", "17000e-1", RC_OK, RC_OK, 1700000},
    {"zero", "0", RC_OK, RC_OK, 0},
    {"minus zero, a real", "-0.0", RC_OK, RC_OK, 0},
    {"next to nothing", "1e-400", RC_OK, RC_OK, 0},
    {"the last second of the year 9999", "253402300799", RC_OK, RC_OK, LAST * 1000},
    {"the same and a fraction", "253402300799.5", RC_OK, RC_OK, LAST * 1000 + 500},
    {"the year 10000", "253402300800", RC_INVALID, RC_INVALID, 0},
    {"the year 10000, a real", "253402300800.0", RC_INVALID, RC_INVALID, 0},
    {"milliseconds by mistake", "1795446806000", RC_INVALID, RC_INVALID, 0},
    {"1e300", "1e300", RC_INVALID, RC_INVALID, 0},
    {"the largest integer", "9223372036854775807", RC_INVALID, RC_INVALID, 0},
    {"negative", "-1", RC_INVALID, RC_INVALID, 0},
    {"negative, a real", "-0.5", RC_INVALID, RC_INVALID, 0},
    {"digits in a string", "\"1795446806\"", RC_INVALID, RC_OK, 1795446806000},
    {"zeros in front in a string", "\"0001\"", RC_INVALID, RC_OK, 1000},
    {"an empty string", "\"\"", RC_INVALID, RC_INVALID, 0},
    {"a fraction in a string", "\"1.5\"", RC_INVALID, RC_INVALID, 0},
    {"an exponent in a string", "\"1e9\"", RC_INVALID, RC_INVALID, 0},
    {"a sign in a string", "\"+1\"", RC_INVALID, RC_INVALID, 0},
    {"a minus in a string", "\"-1\"", RC_INVALID, RC_INVALID, 0},
    {"a blank in a string", "\" 1\"", RC_INVALID, RC_INVALID, 0},
    {"a NUL in a string", "\"1\\u0000\"", RC_INVALID, RC_INVALID, 0},
    {"the year 10000 in a string", "\"253402300800\"", RC_INVALID, RC_INVALID, 0},
    {"more digits than a number has", "\"99999999999999999999999999\"", RC_INVALID, RC_INVALID, 0},
    {"a date in words", "\"2026-11-23T15:00:00Z\"", RC_INVALID, RC_INVALID, 0},
    {"null", "null", RC_INVALID, RC_INVALID, 0},
    {"true", "true", RC_INVALID, RC_INVALID, 0},
    {"a list", "[1795446806]", RC_INVALID, RC_INVALID, 0},
    {"an object", "{}", RC_INVALID, RC_INVALID, 0},
    {"nothing", NULL, RC_NOT_FOUND, RC_NOT_FOUND, 0},
};
/* clang-format on */

static const struct claim *payload_of(const char *value, struct arena *arena)
{
    struct str text =
        arena_printf(arena, "{\"%s\":%s}", value ? "exp" : "Exp", value ? value : "1");
    const struct claim *payload = NULL;

    assert_int_equal(claims_read(text, arena, &payload), CLAIMS_FINE);
    return payload;
}

static void assert_read(size_t i, enum numeric_date_form form, enum rc want)
{
    struct arena arena = {0};
    unix_ms got = UNTOUCHED;
    enum rc rc = jws_numeric_date(payload_of(cases[i].value, &arena), STR("exp"), form, &got);

    if (rc != want || got != (want == RC_OK ? cases[i].want : UNTOUCHED))
        fail_msg("%s: %s, %lld", cases[i].name, rc_name(rc), (long long)got);
    arena_clear(&arena);
}

static void reads_numbers_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_read(i, NUMERIC_DATE_NUMBER, cases[i].number);
}

static void reads_strings_of_digits_where_told_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_read(i, NUMERIC_DATE_OR_DIGITS, cases[i].or_digits);
}

static void never_sees_a_number_that_json_has_not(void **state)
{
    static const char *const texts[] = {"{\"exp\":1e400}", "{\"exp\":-1e400}",
                                        "{\"exp\":NaN}",   "{\"exp\":Infinity}",
                                        "{\"exp\":0x10}",  "{\"exp\":01}",
                                        "{\"exp\":1.}",    "{\"exp\":.5}",
                                        "{\"exp\":1e}",    "{\"exp\":99999999999999999999}"};

    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct claim *payload = NULL;

        if (!claims_read(str_from(texts[i]), &arena, &payload))
            fail_msg("%s", texts[i]);
    }
    arena_clear(&arena);
}

static void finds_no_date_outside_an_object(void **state)
{
    const struct claim list = {.kind = CLAIM_LIST};
    unix_ms got = UNTOUCHED;

    (void)state;
    assert_int_equal(jws_numeric_date(&list, STR("exp"), NUMERIC_DATE_NUMBER, &got), RC_NOT_FOUND);
    assert_int_equal(jws_numeric_date(NULL, STR("exp"), NUMERIC_DATE_NUMBER, &got), RC_NOT_FOUND);
    assert_int_equal(got, UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers_and_nothing_else),
        cmocka_unit_test(reads_strings_of_digits_where_told_to),
        cmocka_unit_test(never_sees_a_number_that_json_has_not),
        cmocka_unit_test(finds_no_date_outside_an_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
