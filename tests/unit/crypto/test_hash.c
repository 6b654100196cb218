/* SHA-256 and HMAC-SHA256: FIPS 180-4, RFC 4231, and two requests of the access-key scheme. */
#include "crypto/base64.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>

static int make_work(void **state)
{
    *state = hash_work_new();
    return *state ? 0 : -1;
}

static int free_work(void **state)
{
    hash_work_free(*state);
    return 0;
}

static void assert_hex(const uint8_t octets[static 32], const char *want, size_t want_octets)
{
    char text[64];

    hex_encode(octets, 32, text);
    assert_memory_equal(text, want, want_octets * 2);
}

static void hashes_the_known_texts(void **state)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {STR_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {STR_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t out[32];

        sha256(*state, cases[i].text, out);
        assert_hex(out, cases[i].want, 32);
    }
}

static void hashes_a_million_letters_in_pieces(void **state)
{
    struct hash_work *w = *state;
    char piece[1000];
    uint8_t out[32];

    memset(piece, 'a', sizeof piece);
    sha256_begin(w);
    for (int i = 0; i < 1000; i++)
        sha256_add(w, str_of(piece, sizeof piece));
    sha256_add(w, STR_EMPTY);
    sha256_end(w, out);
    assert_hex(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 32);
}

static void starts_afresh_after_an_abandoned_hash(void **state)
{
    struct hash_work *w = *state;
    uint8_t out[32];

    sha256_begin(w);
    sha256_add(w, STR("left behind"));
    sha256(w, STR("abc"), out);
    assert_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 32);
}

#define TIMES4(x) x x x x
#define X5        "\xaa\xaa\xaa\xaa\xaa"
#define X131      TIMES4(X5 X5 X5 X5 X5 X5) X5 X5 "\xaa"

static void computes_the_macs_of_rfc_4231(void **state)
{
    static const struct {
        const char *name;
        struct str key, data;
        size_t kept;
        const char *want;
    } cases[] = {
        {"case 1",
         STR_INIT(
             "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
         STR_INIT("Hi There"), 32,
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"case 2", STR_INIT("Jefe"), STR_INIT("what do ya want for nothing?"), 32,
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"case 3", STR_INIT(TIMES4(X5)),
         STR_INIT("\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
                  "\xdd\xdd\xdd"
                  "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
                  "\xdd\xdd\xdd"
                  "\xdd\xdd\xdd\xdd"),
         32, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"case 4",
         STR_INIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11"
                  "\x12\x13\x14\x15\x16\x17\x18\x19"),
         STR_INIT("\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
                  "\xcd\xcd\xcd"
                  "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
                  "\xcd\xcd\xcd"
                  "\xcd\xcd\xcd\xcd"),
         32, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {"case 5, cut to 128 bits",
         STR_INIT(
             "\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c"),
         STR_INIT("Test With Truncation"), 16, "a3b6167473100ee06e0c796c2955552b"},
        {"case 6, a key longer than a block", STR_INIT(X131),
         STR_INIT("Test Using Larger Than Block-Size Key - Hash Key First"), 32,
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {"case 7, a long key and long data", STR_INIT(X131),
         STR_INIT("This is a test using a larger than block-size key and a larger than block-size "
                  "data. The key needs to be hashed before being used by the HMAC algorithm."),
         32, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
        {"no key and no data", STR_INIT(""), STR_INIT(""), 32,
         "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mac_key *k = mac_key_new(cases[i].key.ptr, cases[i].key.len);
        uint8_t out[32];

        print_message("RFC 4231: %s\n", cases[i].name);
        mac_sign(k, *state, cases[i].data, out);
        assert_hex(out, cases[i].want, cases[i].kept);
        mac_sign(k, *state, cases[i].data, out); /* the kept states are not used up */
        assert_hex(out, cases[i].want, cases[i].kept);
        mac_key_free(k);
    }
}

/* Source: wire/authentication, vectors V1 and V2. */
static void signs_the_requests_of_the_access_key_scheme(void **state)
{
    static const struct {
        struct str body, hash, signature;
    } cases[] = {
        {STR_INIT(""), STR_INIT("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
         STR_INIT("DFjk9obvLNWybjUOjfWY31fMJuXai3HN91MjudqZqeI=")},
        {STR_INIT("{\"createTokenWithScopes\":[\"chat\",\"voip\"],\"expiresInMinutes\":60}"),
         STR_INIT("jENEeifYNCidF9FcfXJ54WzhK3ED/2UrQyA4+oWOZKc="),
         STR_INIT("DdZgFUZdbOjDRkzOBl3ksgf7bbGTXjTUoCppRdCE24A=")},
    };
    struct str access_key =
        STR("Q2FsbGdhdGUtZmFrZS10ZXN0LWtleS0wMTIzNDU2Nzg5LW5vdC1hLXNlY3JldC0wMTI"
            "zNDU2Nzg5LUFCQ0RFRg==");
    uint8_t key[64], out[32];
    char hash[44], signature[44];
    size_t len = 0;
    struct mac_key *k = NULL;

    assert_int_equal(base64_decode(access_key, key, sizeof key, &len), RC_OK);
    assert_int_equal(len, 64);
    k = mac_key_new(key, len);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sha256(*state, cases[i].body, out);
        assert_int_equal(base64_encode(out, sizeof out, hash), 44);
        assert_memory_equal(hash, cases[i].hash.ptr, 44);
        const struct str pieces[] = {
            STR("POST\n/identities?api-version=2023-10-01\nMon, 23 Nov 2026 15:00:00 GMT;"),
            STR("localhost:8443;"), str_of(hash, sizeof hash), STR_EMPTY};
        mac_sign_pieces(k, *state, pieces, ARRAY_LEN(pieces), out);
        assert_int_equal(base64_encode(out, sizeof out, signature), 44);
        assert_memory_equal(signature, cases[i].signature.ptr, 44);
    }
    mac_key_free(k);
}

static void macs_the_same_in_one_piece_or_many(void **state)
{
    const char text[] = "a text that is cut at every place, one that is longer than a block of 64";
    struct mac_key *k = mac_key_new("key", 3);
    uint8_t whole[32], cut[32];

    mac_sign(k, *state,
             STR("a text that is cut at every place, one that is longer than a block of 64"),
             whole);
    for (size_t at = 0; at < sizeof text; at++) {
        const struct str pieces[] = {str_of(text, at), str_of(text + at, sizeof text - 1 - at)};

        mac_sign_pieces(k, *state, pieces, 2, cut);
        assert_memory_equal(whole, cut, 32);
    }
    mac_sign_pieces(k, *state, NULL, 0, whole);
    mac_sign(k, *state, STR_EMPTY, cut);
    assert_memory_equal(whole, cut, 32);
    mac_key_free(k);
}

static void makes_a_mac_between_begin_and_end_of_a_hash(void **state)
{
    struct mac_key *k = mac_key_new("Jefe", 4);
    uint8_t out[32];

    sha256_begin(*state);
    sha256_add(*state, STR("a"));
    mac_sign(k, *state, STR("what do ya want for nothing?"), out);
    sha256_add(*state, STR("bc"));
    sha256_end(*state, out);
    assert_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 32);
    mac_key_free(k);
}

static void *sign_often(void *arg)
{
    struct mac_key *k = arg;
    struct hash_work *w = hash_work_new();
    uint8_t out[32];
    char text[64];
    uintptr_t wrong = 0;

    for (int i = 0; i < 2000; i++) {
        mac_sign(k, w, STR("what do ya want for nothing?"), out);
        hex_encode(out, 32, text);
        wrong += memcmp(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                        64) != 0;
    }
    hash_work_free(w);
    return wrong ? arg : NULL;
}

static void serves_many_threads_with_one_key(void **state)
{
    struct mac_key *k = mac_key_new("Jefe", 4);
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, k), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *wrong = NULL;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    mac_key_free(k);
}

static void frees_nothing_when_there_is_nothing(void **state)
{
    (void)state;
    hash_work_free(NULL);
    mac_key_free(NULL);
}

#ifdef COUNT_CRYPTO_CALLS
static void counts_macs_and_hashes_of_this_thread(void **state)
{
    struct crypto_calls before = crypto_calls_now(), after;
    struct mac_key *k = mac_key_new("key", 3);
    uint8_t out[32];
    pthread_t other;

    sha256(*state, STR("x"), out);
    mac_sign(k, *state, STR("x"), out);
    mac_sign_pieces(k, *state, NULL, 0, out);
    assert_int_equal(pthread_create(&other, NULL, sign_often, k), 0);
    pthread_join(other, NULL);
    after = crypto_calls_now();
    assert_int_equal(after.hashes - before.hashes, 1);
    assert_int_equal(after.macs - before.macs, 2);
    mac_key_free(k);
}
#endif

static void names_certificates_by_sha1(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t got[SHA1_LEN];
        char hex[2 * SHA1_LEN];

        sha1(str_from(cases[i].text), got);
        hex_encode(got, sizeof got, hex);
        assert_memory_equal(hex, cases[i].want, sizeof hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_certificates_by_sha1),
        cmocka_unit_test(hashes_the_known_texts),
        cmocka_unit_test(hashes_a_million_letters_in_pieces),
        cmocka_unit_test(starts_afresh_after_an_abandoned_hash),
        cmocka_unit_test(computes_the_macs_of_rfc_4231),
        cmocka_unit_test(signs_the_requests_of_the_access_key_scheme),
        cmocka_unit_test(macs_the_same_in_one_piece_or_many),
        cmocka_unit_test(makes_a_mac_between_begin_and_end_of_a_hash),
        cmocka_unit_test(serves_many_threads_with_one_key),
        cmocka_unit_test(frees_nothing_when_there_is_nothing),
#ifdef COUNT_CRYPTO_CALLS
        cmocka_unit_test(counts_macs_and_hashes_of_this_thread),
#endif
    };

    return cmocka_run_group_tests(tests, make_work, free_work);
}
