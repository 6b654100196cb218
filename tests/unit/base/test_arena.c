/* The arena: alignment, zeros after reuse, what is kept and what is given back. */
#include "unit.h"

#include "base/arena.h"
#include "base/poison.h"

static bool is_zero(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

static void gives_zeroed_aligned_memory(void **state)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 1000, 1024, 3000, 4064, 4065, 100000};
    struct arena a;

    (void)state;
    arena_init(&a);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            char *p = arena_alloc(&a, sizes[i]);

            assert_int_equal((uintptr_t)p % 16, 0);
            check("zeroed, also after a reset", is_zero(p, sizes[i]));
            memset(p, 0xA5, sizes[i]);
        }
        arena_reset(&a);
    }
    arena_clear(&a);
    arena_clear(&a);
    arena_clear(NULL);
}

static void items_do_not_overlap(void **state)
{
    struct arena a;
    unsigned char *items[300];

    (void)state;
    arena_init(&a);
    for (unsigned i = 0; i < 300; i++) {
        items[i] = arena_alloc(&a, 1 + i * 7);
        memset(items[i], (int)(i & 0xff), 1 + i * 7);
    }
    for (unsigned i = 0; i < 300; i++)
        for (unsigned j = 0; j < 1 + i * 7; j++)
            assert_int_equal(items[i][j], i & 0xff);
    arena_clear(&a);
}

static void counts_what_it_hands_out(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a);
    (void)arena_alloc(&a, 10);
    (void)arena_alloc(&a, 10000);
    assert_true(a.total >= 10010);
    arena_reset(&a);
    assert_int_equal(a.total, 0);
    arena_clear(&a);
}

static void keeps_one_block_for_reuse(void **state)
{
    struct arena a;
    char *first, *again;

    (void)state;
    arena_init(&a);
    first = arena_alloc(&a, 100);
    arena_reset(&a);
    again = arena_alloc(&a, 100);
    assert_ptr_equal(first, again);
    for (int i = 0; i < 100; i++)
        (void)arena_alloc(&a, 1000);
    arena_reset(&a);
    assert_non_null(a.head);
    assert_int_equal(a.used, 0);
    assert_true(a.cap < ARENA_BLOCK);
    arena_reset(&a);
    assert_non_null(a.head);
    arena_clear(&a);
    assert_null(a.head);
}

static void wipes_before_reuse(void **state)
{
    struct arena a;
    const char *seen;

    (void)state;
    arena_init(&a);
    seen = arena_dup(&a, STR("a credential of some length")).ptr;
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 27), seen);
    check("nothing is left of it", is_zero(seen, 27));
    arena_clear(&a);
}

#ifdef POISONS
static void hides_what_nobody_has(void **state)
{
    struct arena a;
    char *former, *now;

    (void)state;
    arena_init(&a);
    former = arena_alloc(&a, 20);
    assert_false(__asan_address_is_poisoned(former + 19));
    assert_true(__asan_address_is_poisoned(former + 20));
    arena_reset(&a);
    assert_true(__asan_address_is_poisoned(former));
    now = arena_alloc(&a, 8);
    assert_ptr_equal(now, former);
    assert_false(__asan_address_is_poisoned(now));
    assert_true(__asan_address_is_poisoned(now + 8));
    arena_clear(&a);
}
#endif

static void a_large_item_leaves_the_block_in_use(void **state)
{
    struct arena a;
    char *before, *after;

    (void)state;
    arena_init(&a);
    before = arena_alloc(&a, 16);
    (void)arena_alloc(&a, 1000000);
    after = arena_alloc(&a, 16);
    assert_ptr_equal(after, before + 16);
    arena_clear(&a);
    (void)arena_alloc(&a, 1000000);
    (void)arena_alloc(&a, 16);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    arena_clear(&a);
}

static void copies_and_formats(void **state)
{
    struct arena a;
    struct str copy, text, empty;

    (void)state;
    arena_init(&a);
    copy = arena_dup(&a, str_of("ab\0cd", 5));
    assert_int_equal(copy.len, 5);
    assert_memory_equal(copy.ptr, "ab\0cd", 6);
    empty = arena_dup(&a, STR_EMPTY);
    assert_non_null(empty.ptr);
    assert_int_equal(empty.len, 0);
    text = arena_printf(&a, "%s-%d", "x", 12);
    check_str("formatted", text, STR("x-12"));
    assert_int_equal(text.ptr[text.len], 0);
    text = arena_printf(&a, "%5000d", 1);
    assert_int_equal(text.len, 5000);
    assert_int_equal(text.ptr[4999], '1');
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory),
        cmocka_unit_test(items_do_not_overlap),
        cmocka_unit_test(counts_what_it_hands_out),
        cmocka_unit_test(keeps_one_block_for_reuse),
        cmocka_unit_test(wipes_before_reuse),
#ifdef POISONS
        cmocka_unit_test(hides_what_nobody_has),
#endif
        cmocka_unit_test(a_large_item_leaves_the_block_in_use),
        cmocka_unit_test(copies_and_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
