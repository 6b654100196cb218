/* Public keys of others as JSON. Those for one algorithm of ours are test_pkey.c's. */
#include "crypto/base64.h"
#include "crypto/pkey.h"
#include "rfc_vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/bn.h>

#define P256                                                                                       \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\""
/* The base point of P-384 (FIPS 186-4, D.1.2.4). */
#define P384_X          "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3"
#define P384_Y          "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f"
#define P384            "\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" P384_X "\",\"y\":\"" P384_Y "\""
#define P384_THUMBPRINT "-W6Wzot_wuerYbKBVKfGEks3iY2EALna-hBqObnPuJE" /* worked out apart */
#define OKP             "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC8037_X "\""
#define N               "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8"

static enum rc read_any(struct str text, struct pkey **out)
{
    json_t *jwk = NULL;
    enum rc rc;

    assert_int_equal(json_read(text, &jwk, NULL), RC_OK);
    rc = pkey_from_jwk_any(jwk, out);
    json_decref(jwk);
    return rc;
}

static void judges_the_members_of_a_key(void **state)
{
    static const struct {
        const char *name, *jwk;
        enum rc want;
        enum jws_alg alg;
    } cases[] = {
        {"P-256", "{" P256 "}", RC_OK, JWS_ALG_NONE},
        {"P-384", "{" P384 "}", RC_OK, JWS_ALG_NONE},
        {"Ed25519", "{" OKP "}", RC_OK, JWS_ALG_NONE},
        {"RSA with private members left out", RFC7520_RSA_JWK, RC_OK, JWS_ALG_NONE},
        {"an algorithm named", "{" P384 ",\"alg\":\"ES384\"}", RC_OK, JWS_ES384},
        {"EdDSA named", "{" OKP ",\"alg\":\"EdDSA\"}", RC_OK, JWS_EDDSA},
        {"alg null is none", "{" P256 ",\"alg\":null}", RC_OK, JWS_ALG_NONE},
        {"as Entra writes",
         "{" P256 ",\"use\":\"sig\",\"kid\":\"k\",\"x5t\":\"k\",\"x5c\":[\"AAAA\"],"
         "\"issuer\":\"https://login.microsoftonline.com/{tenantid}/v2.0\"}",
         RC_OK, JWS_ALG_NONE},
        {"the private half beside it", "{" OKP ",\"d\":\"AAAA\"}", RC_OK, JWS_ALG_NONE},
        {"verify among the operations", "{" OKP ",\"key_ops\":[\"sign\",\"verify\"]}", RC_OK,
         JWS_ALG_NONE},
        {"an algorithm of another curve", "{" P384 ",\"alg\":\"ES256\"}", RC_INVALID, 0},
        {"an algorithm of another kind", "{" P256 ",\"alg\":\"RS256\"}", RC_INVALID, 0},
        {"an algorithm for encryption", "{" P256 ",\"alg\":\"ECDH-ES\"}", RC_INVALID, 0},
        {"HS256", "{" P256 ",\"alg\":\"HS256\"}", RC_INVALID, 0},
        {"none", "{" P256 ",\"alg\":\"none\"}", RC_INVALID, 0},
        {"alg empty", "{" P256 ",\"alg\":\"\"}", RC_INVALID, 0},
        {"alg a number", "{" P256 ",\"alg\":1}", RC_INVALID, 0},
        {"alg a list", "{" P256 ",\"alg\":[\"ES256\"]}", RC_INVALID, 0},
        {"for encryption", "{" P256 ",\"use\":\"enc\"}", RC_INVALID, 0},
        {"use a number", "{" P256 ",\"use\":1}", RC_INVALID, 0},
        {"operations without verify", "{" P256 ",\"key_ops\":[\"sign\"]}", RC_INVALID, 0},
        {"operations no list", "{" P256 ",\"key_ops\":\"verify\"}", RC_INVALID, 0},
        {"symmetric", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", RC_INVALID, 0},
        {"symmetric with a curve", "{\"kty\":\"oct\",\"crv\":\"P-256\",\"k\":\"AAAA\"}", RC_INVALID,
         0},
        {"kty missing", "{\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\"}",
         RC_INVALID, 0},
        {"kty empty", "{\"kty\":\"\"}", RC_INVALID, 0},
        {"kty in small letters", "{\"kty\":\"rsa\",\"n\":\"" N "\",\"e\":\"AQAB\"}", RC_INVALID, 0},
        {"P-384 with a point of P-256",
         "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\"}",
         RC_INVALID, 0},
        {"P-384, x and y exchanged",
         "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" P384_Y "\",\"y\":\"" P384_X "\"}", RC_INVALID,
         0},
        {"P-521", RFC7520_P521_JWK, RC_INVALID, 0},
        {"secp256k1", "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}",
         RC_INVALID, 0},
        {"EC without a curve", "{\"kty\":\"EC\",\"x\":\"" P384_X "\",\"y\":\"" P384_Y "\"}",
         RC_INVALID, 0},
        {"Ed25519 as EC", "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" RFC8037_X "\"}",
         RC_INVALID, 0},
        {"P-256 as OKP",
         "{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y
         "\"}",
         RC_INVALID, 0},
        {"X25519", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" RFC8037_X "\"}", RC_INVALID, 0},
        {"Ed448", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" RFC8037_X "\"}", RC_INVALID, 0},
        {"Ed25519 without x", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", RC_INVALID, 0},
        {"Ed25519, x short", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", RC_INVALID, 0},
        {"Ed25519, x long", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA" RFC8037_X "\"}",
         RC_INVALID, 0},
        {"Ed25519, x padded", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC8037_X "=\"}",
         RC_INVALID, 0},
        {"RSA without n", "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", RC_INVALID, 0},
        {"RSA without e", "{\"kty\":\"RSA\",\"n\":\"" N "\"}", RC_INVALID, 0},
        {"RSA of 224 bits", "{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB\"}", RC_INVALID, 0},
        {"RSA, n empty", "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", RC_INVALID, 0},
        {"nothing", "{}", RC_INVALID, 0},
        {"a list", "[{" P256 "}]", RC_INVALID, 0},
        {"a string", "\"key\"", RC_INVALID, 0},
        {"null", "null", RC_INVALID, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pkey *k = NULL;

        if (read_any(str_from(cases[i].jwk), &k) != cases[i].want)
            fail_msg("%s", cases[i].name);
        assert_true((k != NULL) == (cases[i].want == RC_OK));
        if (k && pkey_alg(k) != cases[i].alg)
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(jws_alg_name(pkey_alg(k))));
        if (k)
            assert_null(signer_new(k));
        pkey_unref(k);
    }
    assert_int_equal(pkey_from_jwk_any(NULL, NULL), RC_INVALID);
}

/* An RSA key whose modulus is `bits` ones, less `minus`. */
static enum rc read_rsa(int bits, unsigned minus, const char *e, struct pkey **out)
{
    BIGNUM *n = BN_new();
    uint8_t octets[1100];
    char text[1500];
    json_t *jwk;
    enum rc rc;
    int len;

    assert_int_equal(BN_set_bit(n, bits), 1);
    assert_int_equal(BN_sub_word(n, 1 + minus), 1);
    len = BN_bn2bin(n, octets);
    jwk = json_pack("{s:s, s:s%, s:s}", "kty", "RSA", "n", text,
                    base64url_encode(octets, (size_t)len, text), "e", e);
    rc = pkey_from_jwk_any(jwk, out);
    json_decref(jwk);
    BN_free(n);
    return rc;
}

static void judges_rsa_keys_of_others(void **state)
{
    static const struct {
        const char *name;
        int bits;
        unsigned minus;
        const char *e;
        enum rc want;
    } cases[] = {
        {"2048 bits", 2048, 0, "AQAB", RC_OK},
        {"4097 bits, more than ours", 4097, 0, "AQAB", RC_OK},
        {"8192 bits", 8192, 0, "AQAB", RC_OK},
        {"exponent 3", 2048, 0, "Aw", RC_OK},
        {"exponent 17", 2048, 0, "EQ", RC_OK},
        {"an exponent of 64 bits", 2048, 0, "__________8", RC_OK},
        {"2047 bits", 2047, 0, "AQAB", RC_INVALID},
        {"8193 bits", 8193, 0, "AQAB", RC_INVALID},
        {"8200 bits", 8200, 0, "AQAB", RC_INVALID},
        {"an even modulus", 2048, 1, "AQAB", RC_INVALID},
        {"exponent 0", 2048, 0, "AA", RC_INVALID},
        {"exponent 1", 2048, 0, "AQ", RC_INVALID},
        {"exponent 2", 2048, 0, "Ag", RC_INVALID},
        {"an even exponent", 2048, 0, "AQAC", RC_INVALID},
        {"an exponent of 65 bits", 2048, 0, "AQAAAAAAAAAB", RC_INVALID},
        {"an empty exponent", 2048, 0, "", RC_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pkey *k = NULL;

        if (read_rsa(cases[i].bits, cases[i].minus, cases[i].e, &k) != cases[i].want)
            fail_msg("%s", cases[i].name);
        pkey_unref(k);
    }
}

/* One octet for each of the modulus: what is shorter or longer is not even computed. */
static void checks_signatures_as_long_as_the_largest_modulus(void **state)
{
    struct hash_work *w = hash_work_new();
    struct pkey *k = NULL;
    uint8_t sig[1025] = {0};

    (void)state;
    assert_int_equal(read_rsa(8192, 0, "AQAB", &k), RC_OK);
    for (enum jws_alg alg = JWS_RS256; alg <= JWS_PS512; alg++) {
        struct verifier *v = verifier_new_alg(k, alg);

        assert_non_null(v);
        for (size_t len = 1023; len <= 1025; len++)
            assert_int_equal(verifier_check(v, w, STR("a.b"), str_of(sig, len)), RC_DENIED);
        verifier_free(v);
    }
    pkey_unref(k);
    hash_work_free(w);
}

static void writes_every_kind_of_key(void **state)
{
    static const struct {
        const char *jwk, *want;
    } cases[] = {
        {"{" P384 ",\"d\":\"AA\"}",
         "{\"kty\":\"EC\",\"use\":\"sig\",\"kid\":\"k\",\"crv\":\"P-384\",\"x\":\"" P384_X
         "\",\"y\":\"" P384_Y "\"}"},
        {RFC8037_JWK, "{\"kty\":\"OKP\",\"use\":\"sig\",\"kid\":\"k\",\"crv\":\"Ed25519\","
                      "\"x\":\"" RFC8037_X "\"}"},
        {"{" OKP ",\"alg\":\"EdDSA\"}",
         "{\"kty\":\"OKP\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"k\",\"crv\":\"Ed25519\","
         "\"x\":\"" RFC8037_X "\"}"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 8 * KIB);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pkey *k = NULL;
        struct json_writer w;

        buf_reset(&out);
        json_writer_init(&w, &out);
        assert_int_equal(read_any(str_from(cases[i].jwk), &k), RC_OK);
        pkey_write_jwk(k, STR("k"), &w);
        assert_string_equal(buf_cstr(&out), cases[i].want);
        pkey_unref(k);
    }
    buf_clear(&out);
}

static void names_every_kind_of_key(void **state)
{
    static const struct {
        const char *name, *jwk, *want;
    } cases[] = {
        {"RFC 7638 3.1", RFC7638_JWK, RFC7638_THUMBPRINT},
        {"RFC 8037 A.3", RFC8037_JWK, RFC8037_THUMBPRINT},
        {"P-256", RFC7515_A3_JWK, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"},
        {"P-384", "{" P384 "}", P384_THUMBPRINT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pkey *k = NULL;
        char got[43];

        assert_int_equal(read_any(str_from(cases[i].jwk), &k), RC_OK);
        pkey_thumbprint(k, got);
        if (!name_eq(str_of(got, sizeof got), str_from(cases[i].want)))
            fail_msg("%s: %.43s", cases[i].name, got);
        pkey_unref(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_the_members_of_a_key),
        cmocka_unit_test(judges_rsa_keys_of_others),
        cmocka_unit_test(checks_signatures_as_long_as_the_largest_modulus),
        cmocka_unit_test(writes_every_kind_of_key),
        cmocka_unit_test(names_every_kind_of_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
