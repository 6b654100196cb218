/* JSON: what is refused, typed members, field tables, raw members, writing. */
#include "unit.h"

#include "base/json.h"

static void reads_and_refuses(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text;
        const char *why; /* NULL: accepted */
    } cases[] = {
        {"reads an object", STR_INIT("{\"a\":[1,2.5,true,null,\"x\"]}"), NULL},
        {"reads a scalar", STR_INIT(" 12 "), NULL},
        {"reads the largest integer", STR_INIT("9223372036854775807"), NULL},
        {"reads an escaped NUL in a text", STR_INIT("\"a\\u0000b\""), NULL},
        {"reads brackets in texts as text",
         STR_INIT("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\""), NULL},
        {"reads a quote in a text", STR_INIT("[\"\\\"[\"]"), NULL},
        {"refuses nothing", {NULL, 0}, "empty"},
        {"refuses blanks alone", STR_INIT("  "), "ends too early"},
        {"refuses a duplicate", STR_INIT("{\"a\":1,\"a\":1}"), "a member name appears twice"},
        {"refuses an escaped duplicate", STR_INIT("{\"a\":1,\"\\u0061\":1}"),
         "a member name appears twice"},
        {"refuses trailing octets", STR_INIT("{} x"), "more text after the value"},
        {"refuses a trailing NUL", STR_INIT("{}\0"), "not JSON"},
        {"refuses two values", STR_INIT("1 2"), "more text after the value"},
        {"refuses a byte order mark", STR_INIT("\xEF\xBB\xBF{}"), "not JSON"},
        {"refuses other encodings", STR_INIT("\"\xE9\""), "not UTF-8"},
        {"refuses surrogates as octets", STR_INIT("\"\xED\xA0\x80\""), "not UTF-8"},
        {"refuses a lone escaped surrogate", STR_INIT("\"\\ud800\""), "half of a surrogate pair"},
        {"refuses half a pair before other text", STR_INIT("\"\\ud83d, and on\""), "half of a surrogate pair"},
        {"refuses two first halves", STR_INIT("\"\\ud83d\\ud83d\""), "half of a surrogate pair"},
        {"refuses an escape that is none", STR_INIT("\"\\uZZZZ\""), "not JSON"},
        {"refuses larger integers", STR_INIT("9223372036854775808"), "a number is out of range"},
        {"refuses reals without bounds", STR_INIT("1e999"), "a number is out of range"},
        {"refuses NaN", STR_INIT("NaN"), "not JSON"},
        {"refuses comments", STR_INIT("{} // x"), "more text after the value"},
        {"refuses a trailing comma", STR_INIT("[1,]"), "not JSON"},
        {"refuses a cut text", STR_INIT("{\"a\":\"b"), "ends too early"},
        {"refuses a NUL in a name", STR_INIT("{\"a\\u0000\":1}"), "a NUL in a member name"},
        {"refuses raw controls", STR_INIT("\"a\nb\""), "not JSON"},
        {"refuses a NUL behind a number", STR_INIT("[1\0]"), "not JSON"},
        {"refuses a NUL behind a word", STR_INIT("[true\0,2]"), "not JSON"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        json_t *value = NULL;
        enum rc rc = json_read(cases[i].text, &value, &why);

        check(cases[i].name, (rc == RC_OK) == (cases[i].why == NULL));
        if (cases[i].why)
            check_str(cases[i].name, str_from(why), str_from(cases[i].why));
        json_freep(&value);
        assert_null(value);
    }
    json_freep(NULL);
}

static enum rc read_nested(size_t depth)
{
    char text[200];
    json_t *value = NULL;
    enum rc rc;

    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    rc = json_read(str_of(text, 2 * depth), &value, NULL);
    json_freep(&value);
    return rc;
}

static void limits_depth(void **state)
{
    (void)state;
    assert_int_equal(read_nested(JSON_DEPTH_MAX), RC_OK);
    assert_int_equal(read_nested(JSON_DEPTH_MAX + 1), RC_INVALID);
}

static json_t *parsed(struct str text)
{
    json_t *value = NULL;

    assert_int_equal(json_read(text, &value, NULL), RC_OK);
    return value;
}

static void gets_typed_members(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        enum rc rc;
        int64_t value;
    } integers[] = {
        {"i", RC_OK, -5},     {"r", RC_OK, 60},           {"e", RC_OK, 100},
        {"f", RC_INVALID, 0}, {"m", RC_OK, 9007199254740992}, {"o", RC_INVALID, 0},
        {"s", RC_INVALID, 0}, {"n", RC_NOT_FOUND, 0},     {"x", RC_NOT_FOUND, 0},
        {"t", RC_INVALID, 0},
    };
    /* clang-format on */
    json_t *obj =
        parsed(STR("{\"i\":-5,\"r\":60.0,\"e\":1e2,\"f\":1.5,\"m\":9007199254740992.0,"
                   "\"o\":9007199254740994.0,\"s\":\"a\\u0000b\",\"n\":null,\"t\":true}"));
    struct str text = STR_EMPTY;
    bool flag = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(integers); i++) {
        int64_t value = 0;

        check(integers[i].name, json_get_int(obj, integers[i].name, &value) == integers[i].rc);
        check(integers[i].name, value == integers[i].value);
    }
    assert_int_equal(json_get_str(obj, "s", &text), RC_OK);
    check_str("a NUL is an octet like others", text, str_of("a\0b", 3));
    assert_int_equal(json_get_str(obj, "i", &text), RC_INVALID);
    assert_int_equal(json_get_str(obj, "n", &text), RC_NOT_FOUND);
    assert_int_equal(json_get_bool(obj, "t", &flag), RC_OK);
    assert_true(flag);
    assert_int_equal(json_get_bool(obj, "i", &flag), RC_INVALID);
    assert_int_equal(json_get_bool(obj, "x", &flag), RC_NOT_FOUND);
    json_freep(&obj);
    obj = parsed(STR("[1]"));
    assert_int_equal(json_get_str(obj, "s", &text), RC_INVALID);
    json_freep(&obj);
}

static void finds_raw_members(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text, member, value;
        enum rc rc;
    } cases[] = {
        {"a number as written", STR_INIT("{\"a\":1.50}"), STR_INIT("a"), STR_INIT("1.50"), RC_OK},
        {"an object with blanks", STR_INIT("{ \"x\" : 1 , \"jwk\" : { \"k\" : \"}\" } }"),
         STR_INIT("jwk"), STR_INIT("{ \"k\" : \"}\" }"), RC_OK},
        {"a text with its quotes", STR_INIT("{\"a\":\"b\\\"c\",\"d\":2}"), STR_INIT("a"),
         STR_INIT("\"b\\\"c\""), RC_OK},
        {"the one after a text",
         STR_INIT("{\"a\":\"b\\\\\",\"d\":2}"), STR_INIT("d"), STR_INIT("2"),
         RC_OK},
        {"a list", STR_INIT("{\"a\":[1,[2],{\"b\":3}]}"), STR_INIT("a"),
         STR_INIT("[1,[2],{\"b\":3}]"), RC_OK},
        {"an escaped name", STR_INIT("{\"\\u0061\":true}"), STR_INIT("a"), STR_INIT("true"), RC_OK},
        {"only the top level",
         STR_INIT("{\"a\":{\"b\":1}}"), STR_INIT("b"), {NULL, 0}, RC_NOT_FOUND},
        {"no member", STR_INIT("{}"), STR_INIT("a"), {NULL, 0}, RC_NOT_FOUND},
        {"a null", STR_INIT("{\"a\":null}"), STR_INIT("a"), STR_INIT("null"), RC_OK},
        {"a list has none", STR_INIT("[1]"), STR_INIT("a"), {NULL, 0}, RC_INVALID},
        {"a scalar has none", STR_INIT("1"), STR_INIT("a"), {NULL, 0}, RC_INVALID},
        {"nothing has none", {NULL, 0}, STR_INIT("a"), {NULL, 0}, RC_INVALID},
        {"a cut text is noticed", STR_INIT("{\"a\""), STR_INIT("b"), {NULL, 0}, RC_INVALID},
        {"a cut name is noticed", STR_INIT("{\""), STR_INIT("b"), {NULL, 0}, RC_INVALID},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str value = STR_EMPTY;
        enum rc rc = json_raw_member(cases[i].text, cases[i].member, &value);

        check(cases[i].name, rc == cases[i].rc);
        check_str(cases[i].name, value, cases[i].value);
    }
}

struct body {
    struct str id;
    int64_t minutes;
    bool flag;
    struct json_str_list scopes;
};

static const struct json_field body_fields[] = {
    {"id", JSON_FIELD_STR, offsetof(struct body, id), 1, 4, true},
    {"minutes", JSON_FIELD_INT, offsetof(struct body, minutes), 60, 1440, false},
    {"flag", JSON_FIELD_BOOL, offsetof(struct body, flag), 0, 0, false},
    {"scopes", JSON_FIELD_STR_LIST, offsetof(struct body, scopes), 0, 2, false},
    {0},
};

/* What json_fill() looks at and writes; zeros at first. */
struct filling {
    json_t *obj;
    struct arena arena;
    struct body body;
    struct json_problem problem;
};

static void filling_clear(struct filling *f)
{
    json_freep(&f->obj);
    arena_clear(&f->arena);
}

/* What the text does not have stays in the body. */
static enum rc fill(struct filling *f, struct str text, const struct json_field *fields,
                    bool strict)
{
    json_freep(&f->obj);
    f->obj = parsed(text);
    f->problem = (struct json_problem){0};
    return json_fill(f->obj, fields, strict, &f->body, &f->arena, &f->problem);
}

static void says_what_is_wrong_with_a_body(void **state)
{
    /* clang-format off */
    static const struct {
        struct str text;
        bool strict;
        enum rc rc;
        struct str field, reason;
    } cases[] = {
        {STR_INIT("[]"), false, RC_INVALID, {NULL, 0}, STR_INIT("must be an object")},
        {STR_INIT("{}"), false, RC_INVALID, STR_INIT("id"), STR_INIT("is required")},
        {STR_INIT("{\"id\":null}"), false, RC_INVALID, STR_INIT("id"), STR_INIT("is required")},
        {STR_INIT("{\"id\":1}"), false, RC_INVALID, STR_INIT("id"), STR_INIT("must be a string")},
        {STR_INIT("{\"id\":\"\"}"), false, RC_INVALID, STR_INIT("id"),
         STR_INIT("must not be empty")},
        {STR_INIT("{\"id\":\"abcde\"}"), false, RC_INVALID, STR_INIT("id"),
         STR_INIT("is too long")},
        {STR_INIT("{\"id\":\"a\",\"minutes\":\"60\"}"), false, RC_INVALID, STR_INIT("minutes"),
         STR_INIT("must be an integer")},
        {STR_INIT("{\"id\":\"a\",\"minutes\":59}"), false, RC_INVALID, STR_INIT("minutes"),
         STR_INIT("is out of range")},
        {STR_INIT("{\"id\":\"a\",\"minutes\":1441}"), false, RC_INVALID, STR_INIT("minutes"),
         STR_INIT("is out of range")},
        {STR_INIT("{\"id\":\"a\",\"flag\":0}"), false, RC_INVALID, STR_INIT("flag"),
         STR_INIT("must be true or false")},
        {STR_INIT("{\"id\":\"a\",\"scopes\":\"x\"}"), false, RC_INVALID, STR_INIT("scopes"),
         STR_INIT("must be a list of strings")},
        {STR_INIT("{\"id\":\"a\",\"scopes\":[1]}"), false, RC_INVALID, STR_INIT("scopes"),
         STR_INIT("must be a list of strings")},
        {STR_INIT("{\"id\":\"a\",\"scopes\":[\"1\",\"2\",\"3\"]}"), false, RC_INVALID,
         STR_INIT("scopes"), STR_INIT("has too many items")},
        {STR_INIT("{\"id\":\"a\",\"idd\":1}"), true, RC_CONFLICT, STR_INIT("idd"),
         STR_INIT("is unknown")},
        {STR_INIT("{\"id\":\"a\",\"idd\":1}"), false, RC_OK, {NULL, 0}, {NULL, 0}},
    };
    /* clang-format on */
    struct filling f = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(fill(&f, cases[i].text, body_fields, cases[i].strict), cases[i].rc);
        check_str("the field", f.problem.field, cases[i].field);
        check_str("the reason", str_from(f.problem.reason), cases[i].reason);
        check_str("the nearest", f.problem.nearest,
                  cases[i].rc == RC_CONFLICT ? STR("id") : STR_EMPTY);
    }
    filling_clear(&f);
}

static void fills_a_body(void **state)
{
    struct filling f = {.body.minutes = 1440};

    (void)state;
    assert_int_equal(fill(&f, STR("{\"scopes\":[\"chat\",\"voip\"],\"id\":\"ab\",\"flag\":true}"),
                          body_fields, true),
                     RC_OK);
    json_freep(&f.obj); /* what was filled in does not need it any more */
    check_str("a string", f.body.id, STR("ab"));
    assert_int_equal(f.body.minutes, 1440);
    assert_true(f.body.flag);
    assert_true(f.body.scopes.present);
    assert_int_equal(f.body.scopes.n, 2);
    check_str("a list's item", f.body.scopes.items[1], STR("voip"));
    f.body = (struct body){0};
    assert_int_equal(fill(&f, STR("{\"id\":\"ab\",\"scopes\":[]}"), body_fields, true), RC_OK);
    assert_true(f.body.scopes.present);
    assert_int_equal(f.body.scopes.n, 0);
    filling_clear(&f);
}

static void takes_the_digits_of_a_number_for_a_word(void **state)
{
    static const struct json_field fields[] = {
        {"id", JSON_FIELD_WORD, offsetof(struct body, id), 1, 6, false},
        {0},
    };
    /* clang-format off */
    static const struct {
        struct str text, id, reason;
    } cases[] = {
        {STR_INIT("{\"id\":\"a1\"}"), STR_INIT("a1"), {NULL, 0}},
        {STR_INIT("{\"id\":123456}"), STR_INIT("123456"), {NULL, 0}},
        {STR_INIT("{\"id\":0}"), STR_INIT("0"), {NULL, 0}},
        {STR_INIT("{\"id\":-12}"), STR_INIT("-12"), {NULL, 0}},
        {STR_INIT("{\"id\":1234567}"), {NULL, 0}, STR_INIT("is too long")},
        {STR_INIT("{\"id\":1.5}"), {NULL, 0}, STR_INIT("must be a string")},
        {STR_INIT("{\"id\":true}"), {NULL, 0}, STR_INIT("must be a string")},
    };
    /* clang-format on */
    struct filling f = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f.body.id = STR_EMPTY;
        assert_int_equal(fill(&f, cases[i].text, fields, true),
                         cases[i].reason.len ? RC_INVALID : RC_OK);
        check_str("the word", f.body.id, cases[i].id);
        check_str("the reason", str_from(f.problem.reason), cases[i].reason);
    }
    filling_clear(&f);
}

static void tells_a_value_as_compact_text(void **state)
{
    json_t *obj = parsed(STR("{ \"b\" : [1, \"\u00e9\"], \"a\" : null }"));
    struct arena arena;

    (void)state;
    arena_init(&arena);
    check_str("as it stands", json_text(obj, 0, &arena), STR("{\"b\":[1,\"\u00e9\"],\"a\":null}"));
    check_str("in order", json_text(obj, JSON_SORT_KEYS, &arena),
              STR("{\"a\":null,\"b\":[1,\"\u00e9\"]}"));
    check_str("no object", json_text(json_object_get(obj, "a"), 0, &arena), STR("null"));
    json_freep(&obj);
    arena_clear(&arena);
}

static void lifts_the_upper_limit_alone(void **state)
{
    static const struct json_field fields[] = {
        {"id", JSON_FIELD_STR, offsetof(struct body, id), 2, 0, false},
        {0},
    };
    struct filling f = {0};

    (void)state;
    assert_int_equal(fill(&f, STR("{\"id\":\"abcdefgh\"}"), fields, true), RC_OK);
    assert_int_equal(fill(&f, STR("{\"id\":\"a\"}"), fields, true), RC_INVALID);
    filling_clear(&f);
}

static void writes_in_order(void **state)
{
    struct json_writer w;
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_member_str(&w, "id", STR("8:acs:x"));
    json_name(&w, "list");
    json_array_begin(&w);
    json_int(&w, INT64_MIN);
    json_int(&w, INT64_MAX);
    json_array_begin(&w);
    json_array_end(&w);
    json_object_begin(&w);
    json_object_end(&w);
    json_str(&w, STR_EMPTY);
    json_array_end(&w);
    json_member_bool(&w, "yes", true);
    json_member_bool(&w, "no", false);
    json_member_int(&w, "n", 0);
    json_member_time(&w, "at", 1795446000123);
    json_member_time(&w, "never", 0);
    json_name(&w, "raw");
    json_raw(&w, STR("[1]"));
    json_object_end(&w);
    check_str(
        "the whole text", buf_str(&b),
        STR("{\"id\":\"8:acs:x\",\"list\":[-9223372036854775808,9223372036854775807,[],{},\"\"],"
            "\"yes\":true,\"no\":false,\"n\":0,\"at\":\"2026-11-23T15:00:00.123Z\","
            "\"never\":null,\"raw\":[1]}"));
    buf_clear(&b);
}

static void escapes(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text, escaped;
    } cases[] = {
        {"plain text stays", STR_INIT("abc /\x7f"), STR_INIT("abc /\x7f")},
        {"quotes and backslashes", STR_INIT("a\"b\\c"), STR_INIT("a\\\"b\\\\c")},
        {"short forms", STR_INIT("\b\t\n\f\r"), STR_INIT("\\b\\t\\n\\f\\r")},
        {"other controls", STR_INIT("\x01\x0B\x1F"), STR_INIT("\\u0001\\u000b\\u001f")},
        {"a NUL", STR_INIT("a\0b"), STR_INIT("a\\u0000b")},
        {"UTF-8 stays", STR_INIT("\xC3\xA9\xF0\x9F\x98\x80"), STR_INIT("\xC3\xA9\xF0\x9F\x98\x80")},
        {"a bad octet is replaced", STR_INIT("a\xFF" "b"), STR_INIT("a\xEF\xBF\xBD" "b")},
        {"a quote after a long plain run", STR_INIT("0123456789abcdef0123\"45678901234\\x"),
         STR_INIT("0123456789abcdef0123\\\"45678901234\\\\x")},
        {"a control as the eighth octet", STR_INIT("0123456\x1f" "01234567"),
         STR_INIT("0123456\\u001f" "01234567")},
        {"an octet past ASCII in a word", STR_INIT("012\xFF" "456789"),
         STR_INIT("012\xEF\xBF\xBD" "456789")},
        {"so is each of a cut character",
         STR_INIT("\xE2\x82"), STR_INIT("\xEF\xBF\xBD\xEF\xBF\xBD")},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;

        buf_init(&b, KIB);
        json_escape(&b, cases[i].text);
        check_str(cases[i].name, buf_str(&b), cases[i].escaped);
        buf_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_refuses),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(gets_typed_members),
        cmocka_unit_test(finds_raw_members),
        cmocka_unit_test(says_what_is_wrong_with_a_body),
        cmocka_unit_test(fills_a_body),
        cmocka_unit_test(takes_the_digits_of_a_number_for_a_word),
        cmocka_unit_test(lifts_the_upper_limit_alone),
        cmocka_unit_test(tells_a_value_as_compact_text),
        cmocka_unit_test(writes_in_order),
        cmocka_unit_test(escapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
