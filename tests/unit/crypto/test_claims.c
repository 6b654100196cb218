/* The JSON of tokens: what is read, and each way to refuse. */
#include "crypto/claims.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

static struct arena arena;

static int clear(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

static const struct claim *read_it(struct str text)
{
    const struct claim *c = NULL;

    if (claims_read(text, &arena, &c))
        fail_msg(STR_FMT, STR_ARG(text));
    return c;
}

static void reads_the_claims_of_a_token(void **state)
{
    const struct claim *c = read_it(
        STR(" {\"iss\":\"https://a\", \"exp\":1795446806,\"aud\":[\"x\",\"y\"],\"none\":null,"
            "\"deep\":{\"yes\":true,\"no\":false},\"r\":-1.5e2,\"empty\":{},\"list\":[ ]}\n"));

    (void)state;
    assert_true(name_eq(claim_get_text(c, STR("iss")), STR("https://a")));
    assert_int_equal(claim_get(c, STR("exp"))->u.integer, 1795446806);
    assert_int_equal(claim_count(claim_get(c, STR("aud"))), 2);
    assert_true(name_eq(claim_first(claim_get(c, STR("aud")))->next->u.text, STR("y")));
    assert_true(name_eq(claim_get(c, STR("aud"))->written, STR("[\"x\",\"y\"]")));
    assert_true(claim_is(claim_get(c, STR("none")), CLAIM_NULL));
    assert_true(claim_is(claim_get(claim_get(c, STR("deep")), STR("yes")), CLAIM_TRUE));
    assert_true(claim_is(claim_get(claim_get(c, STR("deep")), STR("no")), CLAIM_FALSE));
    assert_true(claim_get(c, STR("r"))->u.real == -150.0);
    assert_true(claim_is(claim_get(c, STR("empty")), CLAIM_OBJECT));
    assert_null(claim_get(c, STR("empty"))->u.first);
    assert_null(claim_first(claim_get(c, STR("list"))));
}

static void finds_nothing_where_nothing_is(void **state)
{
    const struct claim *c = read_it(STR("{\"a\":1,\"t\":\"x\"}"));

    (void)state;
    assert_null(claim_get(c, STR("b")));
    assert_null(claim_get(c, STR("A")));
    assert_null(claim_get(NULL, STR("a")));
    assert_null(claim_get(claim_get(c, STR("a")), STR("a")));
    assert_int_equal(claim_get_text(c, STR("a")).len, 0);
    assert_null(claim_first(claim_get(c, STR("t"))));
    assert_null(claim_first(NULL));
    assert_int_equal(claim_count(claim_get(c, STR("t"))), 0);
}

/* clang-format off */
static void reads_texts(void **state)
{
    static const struct { const char *name; struct str json, want; } cases[] = {
        {"empty", STR_INIT("\"\""), STR_INIT("")},
        {"plain", STR_INIT("\"a longer text than a word\""), STR_INIT("a longer text than a word")},
        {"beyond ASCII", STR_INIT("\"gr\xc3\xbc\xc3\x9f\xf0\x9f\x98\x80\""), STR_INIT("gr\xc3\xbc\xc3\x9f\xf0\x9f\x98\x80")},
        {"every short escape", STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR_INIT("\"\\/\b\f\n\r\t")},
        {"an escaped quote in the middle", STR_INIT("\"a\\\"b\""), STR_INIT("a\"b")},
        {"a backslash at the end", STR_INIT("\"a\\\\\""), STR_INIT("a\\")},
        {"code points of one to three octets", STR_INIT("\"\\u0041\\u00fC\\u20AC\""), STR_INIT("A\xc3\xbc\xe2\x82\xac")},
        {"a pair of surrogates", STR_INIT("\"\\ud83d\\uDE00x\""), STR_INIT("\xf0\x9f\x98\x80x")},
        {"the last code point", STR_INIT("\"\\udbff\\udfff\""), STR_INIT("\xf4\x8f\xbf\xbf")},
        {"a NUL", STR_INIT("\"a\\u0000b\""), STR_INIT("a\0b")},
        {"DEL as it stands", STR_INIT("\"\x7f\""), STR_INIT("\x7f")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct claim *c = read_it(cases[i].json);

        if (!claim_is(c, CLAIM_TEXT) || !name_eq(c->u.text, cases[i].want))
            fail_msg("%s", cases[i].name);
    }
}

static void reads_numbers(void **state)
{
    static const struct { const char *json; enum claim_kind kind; int64_t integer; double real; } cases[] = {
        {"0", CLAIM_INTEGER, 0, 0}, {"-0", CLAIM_INTEGER, 0, 0}, {"10", CLAIM_INTEGER, 10, 0},
        {"9223372036854775807", CLAIM_INTEGER, INT64_MAX, 0},
        {"-9223372036854775808", CLAIM_INTEGER, INT64_MIN, 0},
        {"0.5", CLAIM_REAL, 0, 0.5}, {"1e3", CLAIM_REAL, 0, 1000}, {"1E+3", CLAIM_REAL, 0, 1000},
        {"-25e-1", CLAIM_REAL, 0, -2.5}, {"1e-400", CLAIM_REAL, 0, 0},
        {"99999999999999999999.0", CLAIM_REAL, 0, 1e20},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct claim *c = read_it(str_from(cases[i].json));

        if (c->kind != cases[i].kind || (c->kind == CLAIM_INTEGER ? c->u.integer != cases[i].integer
                                                                  : c->u.real != cases[i].real))
            fail_msg("%s", cases[i].json);
    }
}

static void refuses_each_flaw(void **state)
{
    static const struct { struct str json; enum claims_flaw want; } cases[] = {
        {STR_INIT(""), CLAIMS_NOT_JSON}, {STR_INIT(" "), CLAIMS_NOT_JSON}, {STR_INIT("{"), CLAIMS_NOT_JSON},
        {STR_INIT("{}x"), CLAIMS_NOT_JSON}, {STR_INIT("{} {}"), CLAIMS_NOT_JSON}, {STR_INIT("{}\0"), CLAIMS_NOT_JSON},
        {STR_INIT("{,}"), CLAIMS_NOT_JSON}, {STR_INIT("{\"a\":1,}"), CLAIMS_NOT_JSON}, {STR_INIT("[1,]"), CLAIMS_NOT_JSON},
        {STR_INIT("{\"a\"}"), CLAIMS_NOT_JSON}, {STR_INIT("{\"a\":}"), CLAIMS_NOT_JSON}, {STR_INIT("{a:1}"), CLAIMS_NOT_JSON},
        {STR_INIT("{\"a\" 1}"), CLAIMS_NOT_JSON}, {STR_INIT("{1:1}"), CLAIMS_NOT_JSON}, {STR_INIT("[1 2]"), CLAIMS_NOT_JSON},
        {STR_INIT("[1}"), CLAIMS_NOT_JSON}, {STR_INIT("{\"a\":1]"), CLAIMS_NOT_JSON}, {STR_INIT("{'a':1}"), CLAIMS_NOT_JSON},
        {STR_INIT("\v{}"), CLAIMS_NOT_JSON}, {STR_INIT("\xef\xbb\xbf{}"), CLAIMS_NOT_JSON}, {STR_INIT("//\n{}"), CLAIMS_NOT_JSON},
        {STR_INIT("nul"), CLAIMS_NOT_JSON}, {STR_INIT("True"), CLAIMS_NOT_JSON}, {STR_INIT("nullx"), CLAIMS_NOT_JSON},
        {STR_INIT("NaN"), CLAIMS_NOT_JSON}, {STR_INIT("Infinity"), CLAIMS_NOT_JSON}, {STR_INIT("-"), CLAIMS_NOT_JSON},
        {STR_INIT("+1"), CLAIMS_NOT_JSON}, {STR_INIT("01"), CLAIMS_NOT_JSON}, {STR_INIT("-01"), CLAIMS_NOT_JSON},
        {STR_INIT("1."), CLAIMS_NOT_JSON}, {STR_INIT(".5"), CLAIMS_NOT_JSON}, {STR_INIT("1e"), CLAIMS_NOT_JSON},
        {STR_INIT("1e+"), CLAIMS_NOT_JSON}, {STR_INIT("1e+-1"), CLAIMS_NOT_JSON}, {STR_INIT("0x1"), CLAIMS_NOT_JSON},
        {STR_INIT("\"a"), CLAIMS_NOT_JSON}, {STR_INIT("\"a\\\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\"), CLAIMS_NOT_JSON},
        {STR_INIT("\"\\x\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\\0\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\U0041\""), CLAIMS_NOT_JSON},
        {STR_INIT("\"a\nb\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\0\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\x1f\""), CLAIMS_NOT_JSON},
        {STR_INIT("\"\\u\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\u12\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\u12g4\""), CLAIMS_NOT_JSON},
        {STR_INIT("\"\\ud800\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\udc00\""), CLAIMS_NOT_JSON},
        {STR_INIT("\"\\ud800\\u0041\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\ud800\\ud800\""), CLAIMS_NOT_JSON},
        {STR_INIT("\"\\ud800x\""), CLAIMS_NOT_JSON}, {STR_INIT("\"\\ud800\\u\""), CLAIMS_NOT_JSON},
        {STR_INIT("{\"a\\u0000\":1}"), CLAIMS_NOT_JSON},
        {STR_INIT("\"\xc0\xaf\""), CLAIMS_NOT_UTF8}, {STR_INIT("\"\xed\xa0\x80\""), CLAIMS_NOT_UTF8},
        {STR_INIT("\xff"), CLAIMS_NOT_UTF8},
        {STR_INIT("{\"a\":1,\"a\":1}"), CLAIMS_REPEATED}, {STR_INIT("{\"a\":1,\"b\":2,\"\\u0061\":1}"), CLAIMS_REPEATED},
        {STR_INIT("{\"x\":[{\"a\":1,\"a\":2}]}"), CLAIMS_REPEATED}, {STR_INIT("{\"\":1,\"\":1}"), CLAIMS_REPEATED},
        {STR_INIT("9223372036854775808"), CLAIMS_RANGE}, {STR_INIT("-9223372036854775809"), CLAIMS_RANGE},
        {STR_INIT("99999999999999999999"), CLAIMS_RANGE}, {STR_INIT("1e400"), CLAIMS_RANGE}, {STR_INIT("-1e400"), CLAIMS_RANGE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct claim *c = NULL;
        enum claims_flaw flaw = claims_read(cases[i].json, &arena, &c);

        if (flaw != cases[i].want || c)
            fail_msg(STR_FMT ": %d", STR_ARG(cases[i].json), (int)flaw);
    }
}
/* clang-format on */

static void takes_the_same_name_in_two_objects(void **state)
{
    const struct claim *c = read_it(STR("{\"a\":{\"a\":1},\"b\":{\"a\":2},\"ab\":3,\"ba\":4}"));

    (void)state;
    assert_int_equal(claim_get(claim_get(c, STR("b")), STR("a"))->u.integer, 2);
}

static void nests_32_deep_and_no_more(void **state)
{
    char text[67];
    const struct claim *c = NULL;

    (void)state;
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_int_equal(claims_read(str_of(text + 1, 64), &arena, &c), CLAIMS_FINE);
    assert_int_equal(claims_read(str_of(text, 66), &arena, &c), CLAIMS_DEEP);
    assert_int_equal(claims_read(STR("[[],[],[[]],{}]"), &arena, &c), CLAIMS_FINE);
}

static void takes_256_members_and_no_more(void **state)
{
    char text[4096] = "{";
    size_t len = 1;

    (void)state;
    for (size_t i = 0; i < CLAIMS_MEMBERS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\"%zu\":0", i ? "," : "", i);
    text[len] = '}';
    assert_int_equal(claim_get(read_it(str_of(text, len + 1)), STR("255"))->u.integer, 0);
    const struct claim *c = NULL;
    memcpy(text + len, ",\"x\":0}", 7);
    assert_int_equal(claims_read(str_of(text, len + 7), &arena, &c), CLAIMS_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_claims_of_a_token),
        cmocka_unit_test(finds_nothing_where_nothing_is),
        cmocka_unit_test(reads_texts),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(refuses_each_flaw),
        cmocka_unit_test(takes_the_same_name_in_two_objects),
        cmocka_unit_test(nests_32_deep_and_no_more),
        cmocka_unit_test(takes_256_members_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, clear);
}
