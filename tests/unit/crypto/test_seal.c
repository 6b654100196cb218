/* Sealing: what comes back, what is refused, and one sealed form made elsewhere. */
#include "crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t octets[MASTER_KEY_LEN] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                               11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                               22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static struct master_key *key_of(uint8_t first)
{
    struct secret s = secret_copy(octets, sizeof octets);
    struct master_key *k;

    s.octets[0] = first;
    k = master_key_new(&s);
    secret_clear(&s);
    assert_non_null(k);
    return k;
}

static void returns_what_was_sealed(void **state)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 64, 4096};
    struct master_key *k = key_of(0);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct secret plain = secret_random(lengths[i]), back = {0};
        struct buf out;

        buf_init(&out, 8 * KIB);
        buf_add(&out, STR("before"));
        assert_int_equal(seal(k, STR("keys/1/contoso"), &plain, &out), RC_OK);
        assert_int_equal(out.len, 6 + SEAL_OVERHEAD + lengths[i]);
        assert_int_equal(unseal(k, STR("keys/1/contoso"), str_from_index(buf_str(&out), 6), &back),
                         RC_OK);
        assert_int_equal(back.len, plain.len);
        assert_true(ct_equal(back.octets, plain.octets, plain.len));
        secret_clear(&plain);
        secret_clear(&back);
        buf_clear(&out);
    }
    master_key_free(k);
}

static void seals_differently_each_time(void **state)
{
    struct master_key *k = key_of(0);
    struct secret plain = secret_copy("the same", 8);
    struct buf a, b;

    (void)state;
    buf_init(&a, KIB);
    buf_init(&b, KIB);
    assert_int_equal(seal(k, STR("c"), &plain, &a), RC_OK);
    assert_int_equal(seal(k, STR("c"), &plain, &b), RC_OK);
    assert_memory_equal(a.ptr, b.ptr, 9); /* version and key id */
    assert_memory_not_equal(a.ptr + 9, b.ptr + 9, 12);
    assert_memory_not_equal(a.ptr + 21, b.ptr + 21, 8);
    buf_clear(&a);
    buf_clear(&b);
    secret_clear(&plain);
    master_key_free(k);
}

static void refuses_another_key_or_context(void **state)
{
    struct master_key *k = key_of(0), *other = key_of(1);
    struct secret plain = secret_copy("secret", 6), back = {0};
    struct buf out;

    (void)state;
    buf_init(&out, KIB);
    assert_int_equal(seal(k, STR("keys/1/contoso"), &plain, &out), RC_OK);
    assert_int_equal(unseal(other, STR("keys/1/contoso"), buf_str(&out), &back), RC_DENIED);
    memcpy(out.ptr + 1, "\x00\x00\x00\x00\x00\x00\x00\x00", 8);
    assert_int_equal(unseal(other, STR("keys/1/contoso"), buf_str(&out), &back), RC_DENIED);
    buf_reset(&out);
    assert_int_equal(seal(k, STR("keys/1/contoso"), &plain, &out), RC_OK);
    assert_int_equal(unseal(k, STR("keys/2/contoso"), buf_str(&out), &back), RC_DENIED);
    assert_int_equal(unseal(k, STR("keys/1/contos"), buf_str(&out), &back), RC_DENIED);
    assert_int_equal(unseal(k, STR_EMPTY, buf_str(&out), &back), RC_DENIED);
    assert_null(back.octets);
    assert_int_equal(unseal(k, STR("keys/1/contoso"), buf_str(&out), &back), RC_OK);
    secret_clear(&back);
    secret_clear(&plain);
    buf_clear(&out);
    master_key_free(k);
    master_key_free(other);
}

static void refuses_every_single_bit_changed_and_every_cut(void **state)
{
    struct master_key *k = key_of(0);
    struct secret plain = secret_copy("secret", 6), back = {0};
    struct buf out;

    (void)state;
    buf_init(&out, KIB);
    assert_int_equal(seal(k, STR("c"), &plain, &out), RC_OK);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(unseal(k, STR("c"), buf_str(&out), &back), RC_DENIED);
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(unseal(k, STR("c"), str_head(buf_str(&out), len), &back), RC_DENIED);
    buf_add_char(&out, 'x');
    assert_int_equal(unseal(k, STR("c"), buf_str(&out), &back), RC_DENIED);
    assert_null(back.octets);
    secret_clear(&plain);
    buf_clear(&out);
    master_key_free(k);
}

/* Made with another implementation (Python's cryptography) from the description in seal.h. */
static void opens_what_another_program_sealed(void **state)
{
    static const char hex[] =
        "01da893059742f373f6465666768696a6b6c6d6e6f293bad031a9b33ea1e093a98ae450b8962"
        "b06379ff4240e3daf6e09364776dd18e6f38f53816";
    struct master_key *k = key_of(0);
    uint8_t sealed[(sizeof hex - 1) / 2];
    struct secret back = {0};

    (void)state;
    assert_int_equal(hex_decode(str_from(hex), sealed, sizeof sealed), RC_OK);
    assert_int_equal(unseal(k, STR("access_key/1/contoso"), str_of(sealed, sizeof sealed), &back),
                     RC_OK);
    assert_int_equal(back.len, 22);
    assert_memory_equal(back.octets, "a secret kept at rest.", 22);
    secret_clear(&back);
    master_key_free(k);
}

static void hashes_values_apart_by_purpose_and_key(void **state)
{
    struct master_key *k = key_of(0), *other = key_of(1);
    uint8_t a[32], b[32];

    (void)state;
    /* computed elsewhere, from the description in seal.c */
    assert_int_equal(
        hex_decode(STR("f8beaba30aee109f195257aa9909130e3b3ec747b395c071edfc285598a82d85"), a, 32),
        RC_OK);
    master_key_hash(k, STR("otp"), STR("123456"), b);
    assert_memory_equal(a, b, 32);
    master_key_hash(k, STR("otp1"), STR("23456"), b);
    assert_memory_not_equal(a, b, 32);
    master_key_hash(k, STR("otp"), STR("123457"), b);
    assert_memory_not_equal(a, b, 32);
    master_key_hash(other, STR("otp"), STR("123456"), b);
    assert_memory_not_equal(a, b, 32);
    master_key_free(k);
    master_key_free(other);
}

static void takes_exactly_32_octets_and_says_when_there_is_no_room(void **state)
{
    struct secret shorter = secret_random(31), longer = secret_random(33), none = {0};
    struct master_key *k = key_of(0);
    struct buf small;

    (void)state;
    assert_null(master_key_new(&shorter));
    assert_null(master_key_new(&longer));
    assert_null(master_key_new(&none));
    buf_init(&small, SEAL_OVERHEAD + 30);
    assert_int_equal(seal(k, STR("c"), &shorter, &small), RC_TOO_LARGE);
    assert_int_equal(small.len, 0);
    secret_clear(&shorter);
    secret_clear(&longer);
    buf_clear(&small);
    master_key_free(k);
    master_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_what_was_sealed),
        cmocka_unit_test(seals_differently_each_time),
        cmocka_unit_test(refuses_another_key_or_context),
        cmocka_unit_test(refuses_every_single_bit_changed_and_every_cut),
        cmocka_unit_test(opens_what_another_program_sealed),
        cmocka_unit_test(hashes_values_apart_by_purpose_and_key),
        cmocka_unit_test(takes_exactly_32_octets_and_says_when_there_is_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
