/* The option parser. */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct option first[] = {
    {"json", 0, NULL, "for programs"}, {"help", 'h', NULL, "this"}, {0}};
static const struct option second[] = {
    {"data", 'd', "DIR", "where"}, {"name", 0, "NAME", "may be repeated"}, {0}};
static const struct option *const tables[] = {first, second, NULL};

static enum rc parse(int argc, const char *const *words, struct args *out, struct buf *why)
{
    char *argv[16];

    for (int i = 0; i < argc; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    buf_init(why, KIB);
    return options_parse(tables, argc, argv, out, why);
}

static void reads_values_flags_and_words_in_any_order(void **state)
{
    static const char *const words[] = {"a", "--data", "x",  "--json", "--name=1=2",
                                        "-", "--name", "-h", "b"};
    const char *names[4] = {NULL};
    struct args args;
    struct buf why;

    (void)state;
    assert_int_equal(parse(9, words, &args, &why), RC_OK);
    assert_int_equal(args.n, 3);
    assert_string_equal(args.words[0], "a");
    assert_string_equal(args.words[1], "-");
    assert_string_equal(args.words[2], "b");
    assert_string_equal(args_value(&args, "data"), "x");
    assert_true(args_has(&args, "json"));
    assert_false(args_has(&args, "help")); /* it is the value of --name */
    assert_int_equal(args_values(&args, "name", names, 4), 2);
    assert_string_equal(names[0], "1=2");
    assert_string_equal(names[1], "-h");
    buf_clear(&why);
}

static void takes_everything_behind_two_dashes_as_words(void **state)
{
    static const char *const words[] = {"-h", "--", "-10m", "--data"};
    struct args args;
    struct buf why;

    (void)state;
    assert_int_equal(parse(4, words, &args, &why), RC_OK);
    assert_true(args_has(&args, "help"));
    assert_int_equal(args.n, 2);
    assert_string_equal(args.words[0], "-10m");
    buf_clear(&why);
}

static const struct {
    const char *name, *word, *why;
} refusals[] = {
    {"names the nearest option", "--dta", "unknown option --dta; did you mean --data?"},
    {"names none when none is near", "--zzzzzzzzzz", "unknown option --zzzzzzzzzz"},
    {"wants a value", "--data", "--data needs a value: --data DIR"},
    {"wants none for a flag", "--json=yes", "--json takes no value"},
    {"knows no such letter", "-q", "unknown option --q"},
};

static void refuses_with_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct args args;
        struct buf why;

        print_message("%s\n", refusals[i].name);
        assert_int_equal(parse(1, &refusals[i].word, &args, &why), RC_INVALID);
        assert_string_equal(buf_cstr(&why), refusals[i].why);
        buf_clear(&why);
    }
}

static void writes_help_in_two_columns(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, KIB);
    options_help(second, &out);
    assert_string_equal(buf_cstr(&out), "  --data DIR, -d                where\n"
                                        "  --name NAME                   may be repeated\n");
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_flags_and_words_in_any_order),
        cmocka_unit_test(takes_everything_behind_two_dashes_as_words),
        cmocka_unit_test(refuses_with_one_sentence),
        cmocka_unit_test(writes_help_in_two_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
