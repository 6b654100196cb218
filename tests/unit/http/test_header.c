/* Header fields: names by number, without case, and lines counted. */
#include "tests/unit/base/unit.h"

#include "http/header.h"

static const struct str known[HEADER_COUNT] = {
#define X(id, name) [HEADER_##id] = STR_INIT(name),
    HEADER_LIST(X)
#undef X
};

static void every_known_name_has_its_number_in_any_case(void **state)
{
    (void)state;
    for (enum header_id id = HEADER_OTHER + 1; id < HEADER_COUNT; id++) {
        char text[64];
        struct str name = {text, known[id].len};

        memcpy(text, known[id].ptr, known[id].len);
        assert_int_equal(header_id_of(name), id);
        for (size_t i = 0; i < name.len; i++)
            if (text[i] >= 'a' && text[i] <= 'z')
                text[i] = (char)(text[i] - 'a' + 'A');
        assert_int_equal(header_id_of(name), id);
    }
}

static void a_name_with_any_octet_changed_is_a_stranger(void **state)
{
    (void)state;
    for (enum header_id id = HEADER_OTHER + 1; id < HEADER_COUNT; id++) {
        for (size_t at = 0; at < known[id].len; at++) {
            char text[64];

            memcpy(text, known[id].ptr, known[id].len);
            for (unsigned c = 0; c < 256; c++) {
                unsigned char was = (unsigned char)known[id].ptr[at];
                bool same = c == was || (was >= 'a' && was <= 'z' && c == was - 0x20U);

                text[at] = (char)c;
                if ((header_id_of(str_of(text, known[id].len)) == id) != same)
                    fail_msg("%s with octet %zu as 0x%02x", known[id].ptr, at, c);
            }
        }
        assert_int_equal(header_id_of(str_head(known[id], known[id].len - 1)), HEADER_OTHER);
    }
    assert_int_equal(header_id_of(STR_EMPTY), HEADER_OTHER);
    assert_int_equal(header_id_of(STR("x-ms\x0d"
                                      "date")),
                     HEADER_OTHER);
}

static void lines_are_counted_and_the_first_counts(void **state)
{
    struct header items[HEADERS_MAX];
    struct headers h = {.items = items};
    struct str value = STR_EMPTY;

    (void)state;
    assert_null(headers_get(&h, HEADER_HOST).ptr);
    headers_add(&h, STR("X-Other"), STR("1"));
    headers_add(&h, STR("HOST"), STR(" \ta:1\t "));
    headers_add(&h, STR("Date"), STR("x"));
    headers_add(&h, STR("date"), STR("y"));
    headers_add(&h, STR("x-twice"), STR("1"));
    headers_add(&h, STR("X-Twice"), STR("2"));
    assert_int_equal(h.n, 6);
    assert_int_equal(h.times[HEADER_DATE], 2);
    check_str("blanks are cut", headers_get(&h, HEADER_HOST), STR("a:1"));
    check_str("the first line", headers_get(&h, HEADER_DATE), STR("x"));

    assert_int_equal(headers_only(&h, STR("hOST"), &value), RC_OK);
    check_str("only", value, STR("a:1"));
    assert_int_equal(headers_only(&h, STR("x-OTHER"), &value), RC_OK);
    check_str("only, unknown name", value, STR("1"));
    assert_int_equal(headers_only(&h, STR("date"), &value), RC_CONFLICT);
    assert_int_equal(headers_only(&h, STR("x-twice"), &value), RC_CONFLICT);
    assert_int_equal(headers_only(&h, STR("authorization"), &value), RC_NOT_FOUND);
    assert_int_equal(headers_only(&h, STR("x-none"), &value), RC_NOT_FOUND);
    check_str("written on success only", value, STR("1"));
}

static void a_hundred_lines_of_one_name_are_counted(void **state)
{
    struct header items[HEADERS_MAX];
    struct headers h = {.items = items};

    (void)state;
    for (size_t i = 0; i < HEADERS_MAX; i++)
        headers_add(&h, STR("cookie"), STR("a"));
    assert_int_equal(h.n, HEADERS_MAX);
    h = (struct headers){.items = items};
    for (size_t i = 0; i < HEADERS_MAX; i++)
        headers_add(&h, STR("authorization"), STR("a"));
    assert_int_equal(h.times[HEADER_AUTHORIZATION], HEADERS_MAX);
    assert_int_equal(h.first[HEADER_AUTHORIZATION], 1);
}

static void tells_tokens(void **state)
{
    static const struct str bad[] = {STR_INIT(""),    STR_INIT("a b"), STR_INIT("a:"),
                                     STR_INIT("a\t"), STR_INIT("\"a"), STR_INIT("(a)"),
                                     STR_INIT("a@"),  STR_INIT("a\0"), STR_INIT("\x80")};

    (void)state;
    check("every octet of one", header_is_token(STR("!#$%&'*+-.^_`|~azAZ09")));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check("none", !header_is_token(bad[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_name_has_its_number_in_any_case),
        cmocka_unit_test(a_name_with_any_octet_changed_is_a_stranger),
        cmocka_unit_test(lines_are_counted_and_the_first_counts),
        cmocka_unit_test(a_hundred_lines_of_one_name_are_counted),
        cmocka_unit_test(tells_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
