/* Parts of a message add up, in any order and more than once. */
#include "../base/unit.h"

#include "carriers/parts.h"

static void adds_parts_up(void **state)
{
    struct arena arena;
    struct str ref;

    (void)state;
    arena_init(&arena);
    ref = carrier_parts_new(3, &arena);
    check_str("a new one", ref, STR("parts/3/0"));
    assert_false(carrier_parts_arrived(ref, 2, &arena, &ref));
    check_str("the last part first", ref, STR("parts/3/4"));
    assert_false(carrier_parts_arrived(ref, 2, &arena, &ref));
    check_str("twice is once", ref, STR("parts/3/4"));
    assert_false(carrier_parts_arrived(ref, 7, &arena, &ref));
    check_str("a part that it has not", ref, STR("parts/3/4"));
    assert_false(carrier_parts_arrived(ref, 0, &arena, &ref));
    assert_true(carrier_parts_arrived(ref, 1, &arena, &ref));
    arena_clear(&arena);
}

static void counts_sixty_four(void **state)
{
    struct arena arena;
    struct str ref;

    (void)state;
    arena_init(&arena);
    ref = carrier_parts_new(64, &arena);
    for (uint32_t i = 0; i < 63; i++)
        assert_false(carrier_parts_arrived(ref, i, &arena, &ref));
    assert_true(carrier_parts_arrived(ref, 63, &arena, &ref));
    arena_clear(&arena);
}

static void takes_other_texts_for_one_part(void **state)
{
    static const char *const others[] = {"",
                                         "parts/",
                                         "parts/3",
                                         "parts/3/",
                                         "parts/1/0",
                                         "parts/65/0",
                                         "parts/x/0",
                                         "parts/3/x",
                                         "2134",
                                         "parts/-3/0",
                                         "parts/3/0x",
                                         "PARTS/3/0",
                                         "parts/3/00000000000000000"};
    struct arena arena;
    struct str ref;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        check(others[i], carrier_parts_arrived(str_from(others[i]), 0, &arena, &ref));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_parts_up),
        cmocka_unit_test(counts_sixty_four),
        cmocka_unit_test(takes_other_texts_for_one_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
