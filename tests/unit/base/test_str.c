/* Slices: searching, numbers, digits, UTF-8, nearest names. */
#include "unit.h"

static void compares(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str a, b;
        bool equal, equal_nocase;
    } cases[] = {
        {"equal texts are equal", STR_INIT("host"), STR_INIT("host"), true, true},
        {"case matters only when it is asked for", STR_INIT("Host"), STR_INIT("hOST"), false, true},
        {"a prefix is not equal", STR_INIT("hos"), STR_INIT("host"), false, false},
        {"two empty ones are equal", {NULL, 0}, STR_INIT(""), true, true},
        {"only letters have a case", STR_INIT("a[b"), STR_INIT("a{b"), false, false},
        {"at and backquote differ", STR_INIT("@"), STR_INIT("`"), false, false},
        {"octets past ASCII have no case",
         STR_INIT("\xC3\x84"), STR_INIT("\xC3\xA4"), false, false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(cases[i].name, str_eq(cases[i].a, cases[i].b) == cases[i].equal);
        check(cases[i].name, name_eq(cases[i].a, cases[i].b) == cases[i].equal);
        check(cases[i].name, name_eq_nocase(cases[i].a, cases[i].b) == cases[i].equal_nocase);
    }
}

static void finds_prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR_EMPTY));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_starts_nocase(STR("HMAC-SHA256 x"), STR("hmac-sha256 ")));
    assert_false(str_starts_nocase(STR("HMAC"), STR("hmac-")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(STR_EMPTY, STR_EMPTY));
    assert_false(str_ends(STR("abc"), STR("ab")));
}

static void searches_and_cuts(void **state)
{
    struct str head, tail;

    (void)state;
    assert_int_equal(str_find(STR("a=b=c"), '='), 1);
    assert_int_equal(str_find(STR("abc"), '='), 3);
    assert_int_equal(str_find(STR_EMPTY, '='), 0);
    assert_int_equal(str_find_str(STR("one two"), STR("two")), 4);
    assert_int_equal(str_find_str(STR("one"), STR("two")), 3);
    assert_int_equal(str_find_str(STR("one"), STR_EMPTY), 0);
    assert_true(str_cut(STR("k=v=w"), '=', &head, &tail));
    check_str("the head ends before the first separator", head, STR("k"));
    check_str("the tail has the rest", tail, STR("v=w"));
    assert_true(str_cut(STR("k="), '=', &head, &tail));
    assert_int_equal(tail.len, 0);
    assert_false(str_cut(STR("k"), '=', &head, &tail));
    check_str("without a separator all is head", head, STR("k"));
    assert_int_equal(tail.len, 0);
    check_str("blanks and tabs go at both ends only", str_trim(STR("\t a b \t ")), STR("a b"));
    assert_int_equal(str_trim(STR(" \t")).len, 0);
    assert_int_equal(str_from_index(STR("abc"), 7).len, 0);
    check_str("from an index", str_from_index(STR("abc"), 1), STR("bc"));
    check_str("a head longer than all is all", str_head(STR("abc"), 9), STR("abc"));
}

static void orders_names(void **state)
{
    (void)state;
    assert_true(name_cmp(STR("a"), STR("b")) < 0);
    assert_true(name_cmp(STR("ab"), STR("a")) > 0);
    assert_true(name_cmp(STR_EMPTY, STR("a")) < 0);
    assert_true(name_cmp(STR("\xFF"), STR("a")) > 0);
    assert_int_equal(name_cmp(STR("x"), STR("x")), 0);
}

static void parses_numbers(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text;
        uint64_t max, value;
        bool ok;
    } cases[] = {
        {"reads zero", STR_INIT("0"), 9, 0, true},
        {"reads up to the maximum", STR_INIT("1440"), 1440, 1440, true},
        {"refuses one more", STR_INIT("1441"), 1440, 0, false},
        {"reads the largest", STR_INIT("18446744073709551615"), UINT64_MAX, UINT64_MAX, true},
        {"refuses what does not fit", STR_INIT("18446744073709551616"), UINT64_MAX, 0, false},
        {"refuses what is far too long", STR_INIT("99999999999999999999999"), UINT64_MAX, 0, false},
        {"refuses nothing at all", {NULL, 0}, 9, 0, false},
        {"refuses a sign", STR_INIT("+1"), 9, 0, false},
        {"refuses a negative", STR_INIT("-1"), 9, 0, false},
        {"refuses blanks", STR_INIT(" 1"), 9, 0, false},
        {"refuses what follows", STR_INIT("1x"), 9, 0, false},
        {"refuses hexadecimal", STR_INIT("0x1"), 9, 0, false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 0;
        enum rc rc = str_to_u64(cases[i].text, cases[i].max, &value);

        check(cases[i].name, (rc == RC_OK) == cases[i].ok && value == cases[i].value);
    }
}

static void codes_hexadecimal(void **state)
{
    uint8_t octets[3] = {7, 7, 7};
    char text[6];

    (void)state;
    hex_encode("\x00\xAB\xFF", 3, text);
    check_str("digits are lower case", str_of(text, 6), STR("00abff"));
    assert_int_equal(hex_decode(STR("00aBFf"), octets, 3), RC_OK);
    assert_memory_equal(octets, "\x00\xAB\xFF", 3);
    assert_int_equal(hex_decode(STR("00abf"), octets, 3), RC_INVALID);
    assert_int_equal(hex_decode(STR("00abff0"), octets, 3), RC_INVALID);
    assert_int_equal(hex_decode(STR("1g1111"), octets, 3), RC_INVALID);
    assert_memory_equal(octets, "\x00\xAB\xFF", 3);
    assert_int_equal(hex_decode(STR_EMPTY, octets, 0), RC_OK);
}

static void judges_utf8(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text;
        bool ok;
    } cases[] = {
        {"nothing is well-formed", {NULL, 0}, true},
        {"ASCII is", STR_INIT("0123456789abcdef!"), true},
        {"two, three and four octets are",
         STR_INIT("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), true},
        {"the last code point is", STR_INIT("\xF4\x8F\xBF\xBF"), true},
        {"one past it is not", STR_INIT("\xF4\x90\x80\x80"), false},
        {"a surrogate is not", STR_INIT("\xED\xA0\x80"), false},
        {"just below the surrogates is", STR_INIT("\xED\x9F\xBF"), true},
        {"an overlong slash is not", STR_INIT("\xC0\xAF"), false},
        {"an overlong form of three is not", STR_INIT("\xE0\x9F\xBF"), false},
        {"an overlong form of four is not", STR_INIT("\xF0\x8F\xBF\xBF"), false},
        {"a lone continuation is not", STR_INIT("a\x80"), false},
        {"a cut character is not", STR_INIT("abcdefgh\xE2\x82"), false},
        {"a lead without its second is not", STR_INIT("\xC3("), false},
        {"FE is not", STR_INIT("\xFE"), false},
        {"a bad octet after a long run is noticed", STR_INIT("0123456789012345\xFF"), false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(cases[i].name, str_is_utf8(cases[i].text) == cases[i].ok);
    assert_int_equal(str_utf8_char(STR("\xE2\x82\xACx")), 3);
    assert_int_equal(str_utf8_char(STR("\xE2x")), 0);
    assert_int_equal(str_utf8_char(STR_EMPTY), 0);
}

static void lowers_ascii(void **state)
{
    char text[] = "AZaz@[\xC4";

    (void)state;
    ascii_lower(text, STR("AZaz@[\xC4"));
    assert_string_equal(text, "azaz@[\xC4");
}

static void names_the_nearest(void **state)
{
    static const struct str names[] = {STR_INIT("auth.clock_skew"), STR_INIT("auth.fail_rate"),
                                       STR_INIT("net.trusted_proxies"), STR_INIT("mode")};
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text, nearest;
    } cases[] = {
        {"a swap of neighbours is near", STR_INIT("auth.clokc_skew"), STR_INIT("auth.clock_skew")},
        {"a missing letter is near", STR_INIT("auth.fail_rat"), STR_INIT("auth.fail_rate")},
        {"a letter too many is near", STR_INIT("moode"), STR_INIT("mode")},
        {"three changes are near", STR_INIT("auth_clok-skew"), STR_INIT("auth.clock_skew")},
        {"four are not", STR_INIT("auth_clok-skw"), {NULL, 0}},
        {"something else is not", STR_INIT("zzzzzzzz"), {NULL, 0}},
        {"half of a short word is", STR_INIT("mods"), STR_INIT("mode")},
        {"more than half of it is not", STR_INIT("foo"), {NULL, 0}},
        {"a very long text is not",
         STR_INIT("mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"),
         {NULL, 0}},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_str(cases[i].name, str_nearest(cases[i].text, names, ARRAY_LEN(names)),
                  cases[i].nearest);
}

static void tells_digits(void **state)
{
    (void)state;
    check("digits", str_is_digits(STR("0123456789")) && str_is_digits(STR("7")));
    check("nothing is none", !str_is_digits(STR_EMPTY));
    check("a sign is none", !str_is_digits(STR("-1")) && !str_is_digits(STR("+1")));
    check("their neighbours are none", !str_is_digits(STR("1/")) && !str_is_digits(STR("1:")));
    check("a NUL is none", !str_is_digits(str_of("1\0", 2)));
}

static void names_results(void **state)
{
    (void)state;
    assert_string_equal(rc_name(RC_OK), "ok");
    assert_string_equal(rc_name(RC_TOO_LARGE), "too_large");
    assert_string_equal(rc_name(RC_INTERNAL), "internal");
}

static void writes_numbers(void **state)
{
    static const struct {
        uint64_t value;
        struct str text;
    } cases[] = {{0, STR_INIT("0")},
                 {7, STR_INIT("7")},
                 {65535, STR_INIT("65535")},
                 {UINT64_MAX, STR_INIT("18446744073709551615")}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char room[20];

        assert_true(str_eq(str_from_u64(cases[i].value, room), cases[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),          cmocka_unit_test(finds_prefixes_and_suffixes),
        cmocka_unit_test(searches_and_cuts), cmocka_unit_test(orders_names),
        cmocka_unit_test(parses_numbers),    cmocka_unit_test(codes_hexadecimal),
        cmocka_unit_test(judges_utf8),       cmocka_unit_test(lowers_ascii),
        cmocka_unit_test(names_the_nearest), cmocka_unit_test(names_results),
        cmocka_unit_test(tells_digits),      cmocka_unit_test(writes_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
