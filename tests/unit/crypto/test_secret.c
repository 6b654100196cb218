/* Secrets: copies, wiping, comparison, randomness. */
#include "crypto/secret.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void copies_octets_into_memory_of_its_own(void **state)
{
    char source[] = "octets";
    struct secret s = secret_copy(source, 6);

    (void)state;
    assert_non_null(s.octets);
    assert_ptr_not_equal(s.octets, source);
    assert_int_equal(s.len, 6);
    source[0] = 'X';
    assert_memory_equal(s.octets, "octets", 6);
    secret_clear(&s);
    assert_null(s.octets);
    assert_int_equal(s.len, 0);
    secret_clear(&s);
    secret_clear(NULL);
}

static void copies_nothing_into_an_empty_secret(void **state)
{
    struct secret s = secret_copy(NULL, 0), r = secret_random(0);

    (void)state;
    assert_null(s.octets);
    assert_int_equal(s.len, 0);
    assert_null(r.octets);
    assert_int_equal(r.len, 0);
}

/* Under sanitizers: with allocator_may_return_null=1, as tools/test sets it. */
static void gives_an_empty_secret_when_memory_is_out(void **state)
{
    volatile size_t too_much = PTRDIFF_MAX;
    struct secret s = secret_copy("x", too_much), r = secret_random(too_much);

    (void)state;
    assert_null(s.octets);
    assert_int_equal(s.len, 0);
    assert_null(r.octets);
    assert_int_equal(r.len, 0);
}

static void makes_different_random_octets_each_time(void **state)
{
    struct secret a = secret_random(64), b = secret_random(64);
    uint8_t big[70000] = {0};
    size_t zeros = 0;

    (void)state;
    assert_int_equal(a.len, 64);
    assert_memory_not_equal(a.octets, b.octets, 64);
    random_octets(big, sizeof big);
    random_octets(big, 0);
    for (size_t i = 0; i < sizeof big; i++)
        zeros += big[i] == 0;
    assert_in_range(zeros, 100, 600); /* 273 expected, deviation 16.5 */
    secret_clear(&a);
    secret_clear(&b);
}

static void compares_by_content_and_length(void **state)
{
    static const struct {
        const char *name;
        struct str a, b;
        bool equal;
    } cases[] = {
        {"the same octets are equal", STR_INIT("abc"), STR_INIT("abc"), true},
        {"nothing equals nothing", {NULL, 0}, STR_INIT(""), true},
        {"a different first octet is noticed", STR_INIT("Xbc"), STR_INIT("abc"), false},
        {"a different last octet is noticed", STR_INIT("abX"), STR_INIT("abc"), false},
        {"a single different bit is noticed", STR_INIT("abc"), STR_INIT("abb"), false},
        {"a prefix is not equal", STR_INIT("ab"), STR_INIT("abc"), false},
        {"octets after a NUL count", STR_INIT("a\0b"), STR_INIT("a\0c"), false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (ct_equal_str(cases[i].a, cases[i].b) != cases[i].equal)
            fail_msg("%s", cases[i].name);
        if (cases[i].a.len == cases[i].b.len)
            assert_int_equal(ct_equal(cases[i].a.ptr, cases[i].b.ptr, cases[i].a.len),
                             cases[i].equal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_octets_into_memory_of_its_own),
        cmocka_unit_test(copies_nothing_into_an_empty_secret),
        cmocka_unit_test(gives_an_empty_secret_when_memory_is_out),
        cmocka_unit_test(makes_different_random_octets_each_time),
        cmocka_unit_test(compares_by_content_and_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
