/* Aligned columns. */
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void aligns_columns_by_characters(void **state)
{
    static const char *const titles[] = {"NAME", "WHAT", "END"};
    struct arena arena;
    struct table t;
    struct buf out;

    (void)state;
    arena_init(&arena);
    table_init(&t, &arena, titles, 3);
    table_row(&t, (const struct str[]){STR("Grüße"), STR("a"), STR("1")});
    table_row(&t, (const struct str[]){STR("x"), STR_EMPTY, STR("2")});
    buf_init(&out, KIB);
    table_write(&t, &out);
    assert_string_equal(buf_cstr(&out), "NAME   WHAT  END\n"
                                        "Grüße  a     1\n"
                                        "x      -     2\n");
    buf_clear(&out);
    arena_clear(&arena);
}

static void shows_no_control_characters(void **state)
{
    struct arena arena;
    struct table t;
    struct buf out;

    (void)state;
    arena_init(&arena);
    table_init(&t, &arena, NULL, 1);
    table_row(&t, (const struct str[]){STR("a\x1b[31mb\n\xff\xc2\x9b")});
    buf_init(&out, KIB);
    table_write(&t, &out);
    assert_string_equal(buf_cstr(&out), "a?[31mb???\n");
    buf_clear(&out);
    arena_clear(&arena);
}

static void grows_with_its_rows(void **state)
{
    struct arena arena;
    struct table t;
    struct buf out;

    (void)state;
    arena_init(&arena);
    table_init(&t, &arena, NULL, 2);
    for (int i = 0; i < 1000; i++)
        table_row(&t, (const struct str[]){STR("k"), STR("v")});
    buf_init(&out, 64 * KIB);
    table_write(&t, &out);
    assert_int_equal(out.failed, RC_OK);
    assert_int_equal(out.len, 5000);
    buf_clear(&out);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_columns_by_characters),
        cmocka_unit_test(shows_no_control_characters),
        cmocka_unit_test(grows_with_its_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
