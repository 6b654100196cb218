/* Base64: RFC 4648 vectors, strictness, and a round trip of every length and octet. */
#include "crypto/base64.h"
#include "crypto/secret.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void encodes_and_decodes_the_vectors_of_rfc_4648(void **state)
{
    static const struct {
        struct str octets, standard, url;
    } cases[] = {
        {STR_INIT(""), STR_INIT(""), STR_INIT("")},
        {STR_INIT("f"), STR_INIT("Zg=="), STR_INIT("Zg")},
        {STR_INIT("fo"), STR_INIT("Zm8="), STR_INIT("Zm8")},
        {STR_INIT("foo"), STR_INIT("Zm9v"), STR_INIT("Zm9v")},
        {STR_INIT("foob"), STR_INIT("Zm9vYg=="), STR_INIT("Zm9vYg")},
        {STR_INIT("fooba"), STR_INIT("Zm9vYmE="), STR_INIT("Zm9vYmE")},
        {STR_INIT("foobar"), STR_INIT("Zm9vYmFy"), STR_INIT("Zm9vYmFy")},
        {STR_INIT("\xfb\xff\xbf"), STR_INIT("+/+/"), STR_INIT("-_-_")},
        {STR_INIT("\0\0"), STR_INIT("AAA="), STR_INIT("AAA")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[16];
        uint8_t octets[16];
        size_t len = 99;

        assert_int_equal(BASE64_LEN(cases[i].octets.len), cases[i].standard.len);
        assert_int_equal(BASE64URL_LEN(cases[i].octets.len), cases[i].url.len);
        len = base64_encode(cases[i].octets.ptr, cases[i].octets.len, text);
        assert_int_equal(len, cases[i].standard.len);
        assert_memory_equal(text, cases[i].standard.ptr, len);
        len = base64url_encode(cases[i].octets.ptr, cases[i].octets.len, text);
        assert_int_equal(len, cases[i].url.len);
        assert_memory_equal(text, cases[i].url.ptr, len);
        assert_int_equal(base64_decode(cases[i].standard, octets, sizeof octets, &len), RC_OK);
        assert_int_equal(len, cases[i].octets.len);
        assert_memory_equal(octets, cases[i].octets.ptr, len);
        assert_int_equal(base64url_decode(cases[i].url, octets, sizeof octets, &len), RC_OK);
        assert_int_equal(len, cases[i].octets.len);
        assert_memory_equal(octets, cases[i].octets.ptr, len);
    }
}

static void refuses_everything_that_is_not_canonical(void **state)
{
    enum { STANDARD = 1, URL = 2, BOTH = 3 };
    static const struct {
        const char *name;
        struct str text;
        int refused_by;
    } cases[] = {
        {"a blank in front", STR_INIT(" m9v"), BOTH},
        {"a line break inside", STR_INIT("Zm9\n"), BOTH},
        {"a line break at the end", STR_INIT("Zm9v\n"), BOTH},
        {"a NUL", STR_INIT("Zm9\0"), BOTH},
        {"an octet above 127", STR_INIT("Zm9\xf6"), BOTH},
        {"a comma", STR_INIT("Zm9,"), BOTH},
        {"one character left over", STR_INIT("Zm9vY"), BOTH},
        {"no padding where it is due", STR_INIT("Zg"), STANDARD},
        {"half of the padding", STR_INIT("Zg="), BOTH},
        {"padding where none is due", STR_INIT("Zm9v===="), BOTH},
        {"padding on url text", STR_INIT("Zg=="), URL},
        {"three padding characters", STR_INIT("Z==="), BOTH},
        {"padding alone", STR_INIT("===="), BOTH},
        {"padding in the middle", STR_INIT("Zg==Zg=="), BOTH},
        {"trailing bits after one octet", STR_INIT("Zh=="), BOTH},
        {"trailing bits after two octets", STR_INIT("Zm9="), BOTH},
        {"trailing bits after one octet, url", STR_INIT("Zh"), BOTH},
        {"trailing bits after two octets, url", STR_INIT("Zm9"), BOTH},
        {"the url alphabet in standard text", STR_INIT("-_-_"), STANDARD},
        {"the standard alphabet in url text", STR_INIT("+/+/"), URL},
        {"neighbours of the letters", STR_INIT("@[`{"), BOTH},
        {"neighbours of the digits", STR_INIT("..::"), BOTH},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t out[16];
        size_t len = 77;
        enum rc standard = base64_decode(cases[i].text, out, sizeof out, &len);
        enum rc url;

        if (cases[i].refused_by & STANDARD)
            assert_int_equal(len, 77);
        url = base64url_decode(cases[i].text, out, sizeof out, &len);
        if (standard != (cases[i].refused_by & STANDARD ? RC_INVALID : RC_OK) ||
            url != (cases[i].refused_by & URL ? RC_INVALID : RC_OK))
            fail_msg("%s: standard %d, url %d", cases[i].name, (int)standard, (int)url);
    }
}

static void accepts_exactly_the_64_characters_of_each_alphabet(void **state)
{
    unsigned standard = 0, url = 0;

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char text[4] = {(char)c, (char)c, (char)c, (char)c};
        uint8_t out[3];
        size_t len = 0;

        standard += base64_decode(str_of(text, 4), out, sizeof out, &len) == RC_OK;
        url += base64url_decode(str_of(text, 4), out, sizeof out, &len) == RC_OK;
    }
    assert_int_equal(standard, 64);
    assert_int_equal(url, 64);
}

/* Among eight characters at once each one counts for itself: its neighbours stay what they are. */
static void judges_each_of_many_characters_by_itself(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const uint8_t neighbour[6] = {0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe};

    (void)state;
    for (size_t at = 0; at < 8; at++) {
        for (unsigned c = 0; c < 256; c++) {
            const char *found = c ? strchr(alphabet, (int)c) : NULL;
            uint8_t octets[6], wanted[6];
            char text[8];
            size_t len, bit = at * 6;

            memset(text, '-', sizeof text); /* 62: 111110 */
            memcpy(wanted, neighbour, sizeof wanted);
            text[at] = (char)c;
            assert_int_equal(base64url_decode(str_of(text, 8), octets, sizeof octets, &len),
                             found ? RC_OK : RC_INVALID);
            if (!found)
                continue;
            for (size_t i = 0; i < 6; i++) {
                size_t k = bit + i;
                unsigned value = (unsigned)(found - alphabet) >> (5 - i) & 1;

                wanted[k / 8] &= (uint8_t) ~(0x80U >> k % 8);
                wanted[k / 8] |= (uint8_t)((value << 7) >> k % 8);
            }
            assert_int_equal(len, 6);
            assert_memory_equal(octets, wanted, 6);
        }
    }
}

static void says_when_the_octets_do_not_fit(void **state)
{
    uint8_t out[3] = {7, 7, 7};
    size_t len = 0;

    (void)state;
    assert_int_equal(base64_decode(STR("Zm9v"), out, 2, &len), RC_TOO_LARGE);
    assert_int_equal(base64_decode(STR("Zg=="), out, 0, &len), RC_TOO_LARGE);
    assert_int_equal(base64url_decode(STR("Zm8"), out, 1, &len), RC_TOO_LARGE);
    assert_int_equal(out[0], 7);
    assert_int_equal(base64_decode(STR("Zm8="), out, 2, &len), RC_OK);
    assert_int_equal(len, 2);
    assert_int_equal(out[2], 7);
}

static void returns_what_went_in_for_every_length(void **state)
{
    (void)state;
    for (size_t n = 0; n < 200; n++) {
        uint8_t octets[200], back[200];
        char text[BASE64_LEN(200)];
        size_t len = 0;

        random_octets(octets, n);
        len = base64_encode(octets, n, text);
        assert_int_equal(len, BASE64_LEN(n));
        assert_int_equal(base64_decode(str_of(text, len), back, n, &len), RC_OK);
        assert_int_equal(len, n);
        assert_memory_equal(octets, back, n);
        len = base64url_encode(octets, n, text);
        assert_int_equal(len, BASE64URL_LEN(n));
        assert_int_equal(base64url_decode(str_of(text, len), back, n, &len), RC_OK);
        assert_int_equal(len, n);
        assert_memory_equal(octets, back, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_the_vectors_of_rfc_4648),
        cmocka_unit_test(refuses_everything_that_is_not_canonical),
        cmocka_unit_test(accepts_exactly_the_64_characters_of_each_alphabet),
        cmocka_unit_test(judges_each_of_many_characters_by_itself),
        cmocka_unit_test(says_when_the_octets_do_not_fit),
        cmocka_unit_test(returns_what_went_in_for_every_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
