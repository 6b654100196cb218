/* Capsules: they come back whole, for their purpose alone, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/capsule.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define PURPOSE STR("test")

static struct capsule_key *key, *other;

static void comes_back_whole(void **state)
{
    static const char zeros[CAPSULE_PLAIN_MAX], *const texts[] = {"a", "sixteen octets !", zeros};
    static const size_t lens[] = {1, 16, CAPSULE_PLAIN_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        char text[CAPSULE_TEXT_MAX], back[CAPSULE_PLAIN_MAX] = "x";
        size_t len = capsule_seal(key, PURPOSE, str_of(texts[i], lens[i]), text);

        for (size_t at = 0; at < len; at++) /* what paths and query strings carry unharmed */
            assert_non_null(memchr(LETTERS, text[at], sizeof LETTERS - 1));
        assert_int_equal(capsule_open(key, PURPOSE, str_of(text, len), back, lens[i]), RC_OK);
        assert_memory_equal(back, texts[i], lens[i]);
    }
}

static void looks_different_each_time(void **state)
{
    char a[CAPSULE_TEXT_MAX], b[CAPSULE_TEXT_MAX];
    size_t len = capsule_seal(key, PURPOSE, STR("same"), a);

    (void)state;
    assert_int_equal(capsule_seal(key, PURPOSE, STR("same"), b), len);
    assert_memory_not_equal(a, b, len);
}

static enum rc open_it(const struct capsule_key *k, struct str purpose, struct str text)
{
    char back[4];

    return capsule_open(k, purpose, text, back, sizeof back);
}

static void is_refused_when_anything_differs(void **state)
{
    char text[CAPSULE_TEXT_MAX], back[5];
    size_t len = capsule_seal(key, PURPOSE, STR("four"), text);

    (void)state;
    for (size_t i = 0; i < len; i++) {
        char kept = text[i];

        text[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(open_it(key, PURPOSE, str_of(text, len)), RC_DENIED);
        text[i] = '=';
        assert_int_equal(open_it(key, PURPOSE, str_of(text, len)), RC_DENIED);
        text[i] = kept;
        assert_int_equal(open_it(key, PURPOSE, str_of(text, i)), RC_DENIED);
    }
    assert_int_equal(open_it(key, STR("tes"), str_of(text, len)), RC_DENIED);
    assert_int_equal(open_it(other, PURPOSE, str_of(text, len)), RC_DENIED);
    assert_int_equal(open_it(key, PURPOSE, STR("garbage")), RC_DENIED);
    assert_int_equal(capsule_open(key, PURPOSE, str_of(text, len), back, sizeof back), RC_DENIED);
    assert_int_equal(open_it(key, PURPOSE, str_of(text, len)), RC_OK);
}

static void names_the_same_text_alike(void **state)
{
    struct uuid a = capsule_name(key, PURPOSE, STR("text"));
    struct uuid again = capsule_name(key, PURPOSE, STR("text"));
    struct uuid b = capsule_name(key, PURPOSE, STR("texT"));
    struct uuid c = capsule_name(other, PURPOSE, STR("text"));

    (void)state;
    assert_true(uuid_eq(&a, &again));
    assert_false(uuid_eq(&a, &b));
    assert_false(uuid_eq(&a, &c));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_whole),
        cmocka_unit_test(looks_different_each_time),
        cmocka_unit_test(is_refused_when_anything_differs),
        cmocka_unit_test(names_the_same_text_alike),
    };
    uint8_t octets[CAPSULE_KEY_LEN] = "k";
    int failed;

    key = capsule_key_new(octets);
    octets[31] = 1;
    other = capsule_key_new(octets);
    failed = cmocka_run_group_tests_name("capsule", tests, NULL, NULL);
    capsule_key_free(key);
    capsule_key_free(other);
    return failed;
}
