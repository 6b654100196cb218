/* Names and raw ids. */
#include "unit/gate/fixture.h"

static void names_scopes_both_ways(void **state)
{
    (void)state;
    for (unsigned bit = 1; bit < 1U << SCOPE_COUNT; bit <<= 1) {
        assert_true(scope_name(bit).len > 0);
        assert_int_equal(scope_from_name(scope_name(bit)), bit);
    }
    assert_int_equal(scope_from_name(STR("CHAT.Join")), SCOPE_CHAT_JOIN);
    assert_int_equal(scope_from_name(STR("pstn")), 0);
    assert_int_equal(scope_name(3).len, 0);
}

static void names_every_kind(void **state)
{
    static const struct str want[] = {STR_INIT("none"), STR_INIT("accessKey"), STR_INIT("bearer"),
                                      STR_INIT("user"), STR_INIT("administrator")};

    (void)state;
    for (unsigned k = 0; k < ARRAY_LEN(want); k++)
        assert_true(name_eq(principal_kind_name((enum principal_kind)k), want[k]));
}

#define R "00000000-0000-0000-0000-00000000000a"
#define U "0000000a-0000-0000-0000-0000000000Ff"

static void reads_only_whole_raw_ids(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"8:acs:" R "_" U, true},
        {"8:acs:" R "_" U " ", false},
        {"8:acs:" R "_" U "_" U, false},
        {"8:ACS:" R "_" U, false},
        {"8:acs:" R "-" U, false},
        {"acs:" R "_" U, false},
        {"8:acs:" R "_", false},
        {"", false},
        {"8:acs:zz000000-0000-0000-0000-00000000000a_" U, false},
    };
    struct user_key key;
    struct arena arena;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(user_id_parse(str_from(cases[i].text), &key) == RC_OK, cases[i].ok);
    arena_init(&arena);
    assert_int_equal(user_id_parse(str_from(cases[0].text), &key), RC_OK);
    struct str text = user_id_format(&key, &arena);
    assert_int_equal(text.len, 79);
    assert_true(name_eq_nocase(text, str_from(cases[0].text)));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_scopes_both_ways),
        cmocka_unit_test(names_every_kind),
        cmocka_unit_test(reads_only_whole_raw_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
