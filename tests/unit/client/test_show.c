/* JSON for people: what a path finds. */
#include "cli/show.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LONG_NAME "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"

static void finds_what_a_path_names(void **state)
{
    static const struct {
        const char *name, *path, *text;
    } cases[] = {
        {"finds a text", "a", "x"},
        {"finds a text inside", "b.c.d", "y"},
        {"finds nothing where there is nothing", "b.x.d", ""},
        {"finds nothing inside a text", "a.b", ""},
        {"finds nothing for null", "n", ""},
        {"writes a number", "i", "7"},
        {"writes yes and no", "t", "yes"},
        {"joins texts", "l", "p, q"},
        {"finds nothing by a name that no path has", LONG_NAME, ""},
    };
    struct cli cli = {.json = false};
    json_t *obj = NULL;

    (void)state;
    arena_init(&cli.arena);
    assert_int_equal(json_read(STR("{\"a\":\"x\",\"b\":{\"c\":{\"d\":\"y\"}},\"n\":null,\"i\":7,"
                                   "\"t\":true,\"l\":[\"p\",\"q\"],\"" LONG_NAME "\":\"z\"}"),
                               &obj, NULL),
                     RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!name_eq(show_text(&cli, obj, cases[i].path), str_from(cases[i].text)))
            fail_msg("%s", cases[i].name);
    json_decref(obj);
    arena_clear(&cli.arena);
}

/* A live view looks up some eight texts of each event, and runs for weeks. */
static void takes_no_memory_for_a_text(void **state)
{
    struct cli cli = {.json = false};
    json_t *obj = NULL;

    (void)state;
    arena_init(&cli.arena);
    assert_int_equal(json_read(STR("{\"b\":{\"c\":\"y\"}}"), &obj, NULL), RC_OK);
    assert_true(name_eq(show_text(&cli, obj, "b.c"), STR("y")));
    assert_int_equal(cli.arena.total, 0);
    json_decref(obj);
    arena_clear(&cli.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_path_names),
        cmocka_unit_test(takes_no_memory_for_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
