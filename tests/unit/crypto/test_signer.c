/* Verifying what others sign: every algorithm, and the near misses of each. What we sign ourselves
 * is test_pkey.c's. */
#include "crypto/base64.h"
#include "crypto/hash.h"
#include "crypto/pkey.h"
#include "rfc_vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define DATA     STR("header.payload")
#define LONGEST  ((size_t)512) /* of a signature here */
#define SALT_LEN (-1)          /* as long as the hash */

enum maker { RSA_3072, P256, P384, ED25519, MAKERS };

/* A key of OpenSSL's, and the same without an algorithm as ours. */
struct fixture {
    struct hash_work *work;
    EVP_PKEY *raw[MAKERS];
    struct pkey *keys[MAKERS];
};

/* How OpenSSL is to sign. */
struct scheme {
    enum maker maker;
    const char *digest;
    int padding, salt_len;
    const char *mgf1; /* NULL: the same */
};

/* clang-format off */
static const struct { enum jws_alg alg; struct scheme scheme; size_t len; } algs[] = {
    {JWS_ES256, {P256, "SHA256", 0, 0, NULL}, 64},
    {JWS_ES384, {P384, "SHA384", 0, 0, NULL}, 96},
    {JWS_EDDSA, {ED25519, NULL, 0, 0, NULL}, 64},
    {JWS_RS256, {RSA_3072, "SHA256", RSA_PKCS1_PADDING, 0, NULL}, 384},
    {JWS_RS384, {RSA_3072, "SHA384", RSA_PKCS1_PADDING, 0, NULL}, 384},
    {JWS_RS512, {RSA_3072, "SHA512", RSA_PKCS1_PADDING, 0, NULL}, 384},
    {JWS_PS256, {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, SALT_LEN, NULL}, 384},
    {JWS_PS384, {RSA_3072, "SHA384", RSA_PKCS1_PSS_PADDING, SALT_LEN, NULL}, 384},
    {JWS_PS512, {RSA_3072, "SHA512", RSA_PKCS1_PSS_PADDING, SALT_LEN, NULL}, 384},
};
/* clang-format on */

static json_t *text_of_number(EVP_PKEY *key, const char *name, int width)
{
    BIGNUM *number = NULL;
    uint8_t octets[600];
    char text[800];
    int len;

    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    len = width ? width : BN_num_bytes(number);
    assert_int_equal(BN_bn2binpad(number, octets, len), len);
    BN_free(number);
    return json_stringn(text, base64url_encode(octets, (size_t)len, text));
}

static json_t *jwk_of(EVP_PKEY *key, enum maker maker)
{
    int width = maker == P256 ? 32 : 48;
    uint8_t octets[32];
    size_t len = sizeof octets;
    char text[64];

    if (maker == RSA_3072)
        return json_pack("{s:s, s:o, s:o}", "kty", "RSA", "n",
                         text_of_number(key, OSSL_PKEY_PARAM_RSA_N, 0), "e",
                         text_of_number(key, OSSL_PKEY_PARAM_RSA_E, 0));
    if (maker != ED25519)
        return json_pack("{s:s, s:s, s:o, s:o}", "kty", "EC", "crv",
                         maker == P256 ? "P-256" : "P-384", "x",
                         text_of_number(key, OSSL_PKEY_PARAM_EC_PUB_X, width), "y",
                         text_of_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, width));
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, octets, &len), 1);
    return json_pack("{s:s, s:s, s:s%}", "kty", "OKP", "crv", "Ed25519", "x", text,
                     base64url_encode(octets, len, text));
}

static int make_fixture(void **state)
{
    static struct fixture f;

    f.work = hash_work_new();
    f.raw[RSA_3072] = EVP_RSA_gen(3072);
    f.raw[P256] = EVP_EC_gen("P-256");
    f.raw[P384] = EVP_EC_gen("P-384");
    f.raw[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (enum maker m = 0; m < MAKERS; m++) {
        json_t *jwk = jwk_of(f.raw[m], m);
        enum rc rc = pkey_from_jwk_any(jwk, &f.keys[m]);

        json_decref(jwk);
        if (rc)
            return -1;
    }
    *state = &f;
    return f.work ? 0 : -1;
}

static int free_fixture(void **state)
{
    struct fixture *f = *state;

    hash_work_free(f->work);
    for (enum maker m = 0; m < MAKERS; m++) {
        EVP_PKEY_free(f->raw[m]);
        pkey_unref(f->keys[m]);
    }
    return 0;
}

/* DER to r||s. */
static size_t pair_of(const uint8_t *der, size_t len, size_t n, uint8_t *out)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

    assert_non_null(sig);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)n), (int)n);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + n, (int)n), (int)n);
    ECDSA_SIG_free(sig);
    return 2 * n;
}

static size_t sign(struct fixture *f, const struct scheme *s, struct str data,
                   uint8_t out[static LONGEST])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    uint8_t made[LONGEST];
    size_t len = sizeof made;

    assert_int_equal(
        EVP_DigestSignInit_ex(ctx, &options, s->digest, NULL, NULL, f->raw[s->maker], NULL), 1);
    if (s->padding)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, s->padding), 1);
    if (s->padding == RSA_PKCS1_PSS_PADDING)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, s->salt_len), 1);
    if (s->mgf1)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(options, s->mgf1, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, made, &len, (const uint8_t *)data.ptr, data.len), 1);
    EVP_MD_CTX_free(ctx);
    if (s->maker == P256 || s->maker == P384)
        return pair_of(made, len, s->maker == P256 ? 32 : 48, out);
    memcpy(out, made, len);
    return len;
}

static enum rc check(struct fixture *f, struct pkey *k, enum jws_alg alg, struct str data,
                     struct str signature)
{
    struct verifier *v = verifier_new_alg(k, alg);
    enum rc rc;

    assert_non_null(v);
    rc = verifier_check(v, f->work, data, signature);
    assert_int_equal(verifier_check(v, f->work, data, signature), rc); /* the context is kept */
    verifier_free(v);
    return rc;
}

static void verifies_each_algorithm_and_no_other_of_its_key(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        struct pkey *k = f->keys[algs[i].scheme.maker];
        uint8_t sig[LONGEST];
        struct str made = str_of(sig, sign(f, &algs[i].scheme, DATA, sig));

        assert_int_equal(made.len, algs[i].len);
        for (enum jws_alg alg = JWS_ALG_NONE; alg <= JWS_ALG_COUNT; alg++) {
            if (!pkey_fits(k, alg)) {
                assert_null(verifier_new_alg(k, alg));
                assert_int_not_equal(alg, algs[i].alg);
                continue;
            }
            if (check(f, k, alg, DATA, made) != (alg == algs[i].alg ? RC_OK : RC_DENIED))
                fail_msg("signed " STR_FMT ", checked as " STR_FMT,
                         STR_ARG(jws_alg_name(algs[i].alg)), STR_ARG(jws_alg_name(alg)));
        }
    }
}

static void denies_what_differs_in_any_octet(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        struct verifier *v = verifier_new_alg(f->keys[algs[i].scheme.maker], algs[i].alg);
        uint8_t sig[LONGEST + 1] = {0};
        size_t len = sign(f, &algs[i].scheme, DATA, sig);

        for (size_t at = 0; at<len; at += len> 100 ? 13 : 1) {
            sig[at] ^= (uint8_t)(1 << at % 8);
            assert_int_equal(verifier_check(v, f->work, DATA, str_of(sig, len)), RC_DENIED);
            sig[at] ^= (uint8_t)(1 << at % 8);
        }
        assert_int_equal(verifier_check(v, f->work, STR("header.Payload"), str_of(sig, len)),
                         RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, STR_EMPTY, str_of(sig, len)), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, DATA, str_of(sig, len - 1)), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, DATA, str_of(sig, len + 1)), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, DATA, str_of(sig + 1, len - 1)), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, DATA, STR_EMPTY), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, DATA, str_of(sig, len)), RC_OK);
        len = sign(f, &algs[i].scheme, STR_EMPTY, sig);
        assert_int_equal(verifier_check(v, f->work, STR_EMPTY, str_of(sig, len)), RC_OK);
        verifier_free(v);
    }
}

static void denies_a_signature_of_another_key(void **state)
{
    struct fixture *f = *state;
    EVP_PKEY *own[MAKERS];

    memcpy(own, f->raw, sizeof own);
    f->raw[RSA_3072] = EVP_RSA_gen(3072);
    f->raw[P256] = EVP_EC_gen("P-256");
    f->raw[P384] = EVP_EC_gen("P-384");
    f->raw[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        uint8_t sig[LONGEST];
        size_t len = sign(f, &algs[i].scheme, DATA, sig);

        assert_int_equal(
            check(f, f->keys[algs[i].scheme.maker], algs[i].alg, DATA, str_of(sig, len)),
            RC_DENIED);
    }
    for (enum maker m = 0; m < MAKERS; m++)
        EVP_PKEY_free(f->raw[m]);
    memcpy(f->raw, own, sizeof own);
}

/* RFC 7518 section 3.5. */
static void asks_of_pss_for_the_salt_and_the_mask_of_the_rfc(void **state)
{
    static const struct {
        const char *name;
        enum jws_alg alg;
        struct scheme scheme;
        enum rc want;
    } cases[] = {
        {"32 octets of salt",
         JWS_PS256,
         {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, 32, NULL},
         RC_OK},
        {"no salt", JWS_PS256, {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, 0, NULL}, RC_DENIED},
        {"20 octets of salt",
         JWS_PS256,
         {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, 20, NULL},
         RC_DENIED},
        {"31 octets of salt",
         JWS_PS256,
         {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, 31, NULL},
         RC_DENIED},
        {"33 octets of salt",
         JWS_PS256,
         {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, 33, NULL},
         RC_DENIED},
        {"the longest salt",
         JWS_PS256,
         {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX, NULL},
         RC_DENIED},
        {"a mask of SHA-1",
         JWS_PS256,
         {RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, 32, "SHA1"},
         RC_DENIED},
        {"a mask of SHA-512",
         JWS_PS384,
         {RSA_3072, "SHA384", RSA_PKCS1_PSS_PADDING, 48, "SHA512"},
         RC_DENIED},
        {"32 octets of salt with SHA-384",
         JWS_PS384,
         {RSA_3072, "SHA384", RSA_PKCS1_PSS_PADDING, 32, NULL},
         RC_DENIED},
        {"64 octets of salt with SHA-512",
         JWS_PS512,
         {RSA_3072, "SHA512", RSA_PKCS1_PSS_PADDING, 64, NULL},
         RC_OK},
        {"32 octets of salt with SHA-512",
         JWS_PS512,
         {RSA_3072, "SHA512", RSA_PKCS1_PSS_PADDING, 32, NULL},
         RC_DENIED},
        {"another hash in the scheme",
         JWS_PS256,
         {RSA_3072, "SHA512-256", RSA_PKCS1_PSS_PADDING, 32, NULL},
         RC_DENIED},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t sig[LONGEST];
        size_t len = sign(f, &cases[i].scheme, DATA, sig);

        if (check(f, f->keys[RSA_3072], cases[i].alg, DATA, str_of(sig, len)) != cases[i].want)
            fail_msg("%s", cases[i].name);
    }
}

/* The private key's power of `encoded`, whatever that says: a signature that only its encoding
 * makes right or wrong. */
static void sign_encoded(EVP_PKEY *key, const uint8_t *encoded, size_t len, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t made = len;

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, out, &made, encoded, len), 1);
    assert_int_equal(made, len);
    EVP_PKEY_CTX_free(ctx);
}

#define OID_SHA256 "300d06096086480165030402010500"

/* RFC 8017 section 8.2.2: one encoding of a hash is right. */
static void takes_one_encoding_of_a_hash_under_rsa(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        const char *start, *info; /* around the FF; the hash comes behind */
        const char *rest;         /* behind the hash */
        enum rc want;
    } cases[] = {
        {"as the RFC says", "0001", "00" "3031" OID_SHA256 "0420", "", RC_OK},
        {"block type 2", "0002", "00" "3031" OID_SHA256 "0420", "", RC_DENIED},
        {"block type 0", "0000", "00" "3031" OID_SHA256 "0420", "", RC_DENIED},
        {"first octet not 0", "0101", "00" "3031" OID_SHA256 "0420", "", RC_DENIED},
        {"no parameters", "0001", "00" "302f" "300b0609608648016503040201" "0420", "", RC_DENIED},
        {"lengths in the long form", "0001", "00" "308131" OID_SHA256 "0420", "", RC_DENIED},
        {"SHA-384 by name", "0001", "00" "3031" "300d06096086480165030402020500" "0420", "",
         RC_DENIED},
        {"SHA-1 by name", "0001", "00" "302d" "300906052b0e03021a0500" "0420", "", RC_DENIED},
        {"the hash alone", "0001", "00", "", RC_DENIED},
        {"no end of the padding", "0001", "ff" "3031" OID_SHA256 "0420", "", RC_DENIED},
        {"two ends of the padding", "0001", "0000" "3031" OID_SHA256 "0420", "", RC_DENIED},
        {"an octet of the padding off", "0001fe", "00" "3031" OID_SHA256 "0420", "", RC_DENIED},
        {"an octet behind the hash", "0001", "00" "3031" OID_SHA256 "0420", "00", RC_DENIED},
        {"much behind the hash", "0001", "00" "3031" OID_SHA256 "0420",
         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", RC_DENIED},
    };
    /* clang-format on */
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t encoded[384], sig[LONGEST], *end = encoded + sizeof encoded;
        size_t start = strlen(cases[i].start) / 2, info = strlen(cases[i].info) / 2;
        size_t rest = strlen(cases[i].rest) / 2;

        memset(encoded, 0xff, sizeof encoded);
        assert_int_equal(hex_decode(str_from(cases[i].start), encoded, start), RC_OK);
        assert_int_equal(hex_decode(str_from(cases[i].rest), end - rest, rest), RC_OK);
        sha256(f->work, DATA, end - rest - SHA256_LEN);
        assert_int_equal(hex_decode(str_from(cases[i].info), end - rest - SHA256_LEN - info, info),
                         RC_OK);
        sign_encoded(f->raw[RSA_3072], encoded, sizeof encoded, sig);
        if (check(f, f->keys[RSA_3072], JWS_RS256, DATA, str_of(sig, sizeof encoded)) !=
            cases[i].want)
            fail_msg("%s", cases[i].name);
    }
}

/* The same power, but no number below the modulus. */
static void refuses_an_rsa_signature_beyond_the_modulus(void **state)
{
    struct fixture *f = *state;
    BIGNUM *n = NULL, *s = BN_new();
    uint8_t sig[LONGEST];
    bool fits = false;

    assert_int_equal(EVP_PKEY_get_bn_param(f->raw[RSA_3072], OSSL_PKEY_PARAM_RSA_N, &n), 1);
    for (unsigned i = 0; !fits; i++) {
        struct str data = str_of(&i, sizeof i);
        size_t len = sign(f, &algs[3].scheme, data, sig);

        assert_int_equal(check(f, f->keys[RSA_3072], JWS_RS256, data, str_of(sig, len)), RC_OK);
        assert_non_null(BN_bin2bn(sig, (int)len, s));
        assert_int_equal(BN_add(s, s, n), 1);
        fits = BN_bn2binpad(s, sig, (int)len) > 0;
        if (fits)
            assert_int_equal(check(f, f->keys[RSA_3072], JWS_RS256, data, str_of(sig, len)),
                             RC_DENIED);
    }
    memset(sig, 0, sizeof sig);
    assert_int_equal(check(f, f->keys[RSA_3072], JWS_RS256, DATA, str_of(sig, 384)), RC_DENIED);
    assert_int_equal(BN_bn2binpad(n, sig, 384), 384);
    assert_int_equal(check(f, f->keys[RSA_3072], JWS_RS256, DATA, str_of(sig, 384)), RC_DENIED);
    BN_free(n);
    BN_free(s);
}

static EVP_PKEY *rsa_with(const char *exponent)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    BIGNUM *e = NULL;

    assert_true(BN_dec2bn(&e, exponent) > 0);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
    assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void verifies_rsa_keys_with_any_exponent_that_is_taken(void **state)
{
    static const char *const exponents[] = {"3",     "5",          "17",
                                            "65537", "4294967297", "18446744073709551615"};
    struct fixture *f = *state;
    EVP_PKEY *own = f->raw[RSA_3072];

    for (size_t i = 0; i < ARRAY_LEN(exponents); i++) {
        struct pkey *k = NULL;
        uint8_t sig[LONGEST];
        json_t *jwk;
        size_t len;

        f->raw[RSA_3072] = rsa_with(exponents[i]);
        jwk = jwk_of(f->raw[RSA_3072], RSA_3072);
        assert_int_equal(pkey_from_jwk_any(jwk, &k), RC_OK);
        len = sign(f, &algs[3].scheme, DATA, sig);
        if (check(f, k, JWS_RS256, DATA, str_of(sig, len)))
            fail_msg("%s", exponents[i]);
        sig[len - 1] ^= 1;
        assert_int_equal(check(f, k, JWS_RS256, DATA, str_of(sig, len)), RC_DENIED);
        EVP_PKEY_free(f->raw[RSA_3072]);
        pkey_unref(k);
        json_decref(jwk);
    }
    f->raw[RSA_3072] = own;
}

#define N384                                                                                       \
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc5" \
    "297"

static void refuses_r_and_s_of_p384_at_the_edges(void **state)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000"
                                "000000000000000000000000000000";
    static const struct {
        const char *most; /* of the 96 digits, less the last two */
        const char *last;
    } edges[] = {
        {zeros, "00"}, {zeros, "01"}, {N384, "72"}, {N384, "73"}, {N384, "74"}, {N384, "ff"},
    };
    struct fixture *f = *state;
    struct pkey *k = f->keys[P384];
    uint8_t good[LONGEST], sig[96], number[48];
    char digits[97];

    assert_int_equal(sign(f, &algs[1].scheme, DATA, good), 96);
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        (void)snprintf(digits, sizeof digits, "%s%s", edges[i].most, edges[i].last);
        assert_int_equal(hex_decode(str_from(digits), number, sizeof number), RC_OK);
        for (size_t half = 0; half <= 48; half += 48) {
            memcpy(sig, good, sizeof sig);
            memcpy(sig + half, number, sizeof number);
            assert_int_equal(check(f, k, JWS_ES384, DATA, str_of(sig, 96)), RC_DENIED);
        }
        memcpy(sig, number, 48);
        memcpy(sig + 48, number, 48);
        assert_int_equal(check(f, k, JWS_ES384, DATA, str_of(sig, 96)), RC_DENIED);
    }
    assert_int_equal(check(f, k, JWS_ES384, DATA, str_of(good, 96)), RC_OK);
}

/* Short r and s come once in 128 signatures. */
static void verifies_p384_five_hundred_times(void **state)
{
    struct fixture *f = *state;
    struct verifier *v = verifier_new_alg(f->keys[P384], JWS_ES384);

    for (int i = 0; i < 500; i++) {
        struct str data = str_of(&i, sizeof i);
        uint8_t sig[LONGEST];
        size_t len = sign(f, &algs[1].scheme, data, sig);

        assert_int_equal(verifier_check(v, f->work, data, str_of(sig, len)), RC_OK);
    }
    verifier_free(v);
}

static void fits_by_kind_and_by_the_algorithm_that_a_key_names(void **state)
{
    static const struct {
        const char *name;
        const char *alg; /* that the key names */
        enum maker maker;
        const char *fits;
    } cases[] = {
        {"RSA without a name", NULL, RSA_3072, "RS256 RS384 RS512 PS256 PS384 PS512"},
        {"RSA for PS384", "PS384", RSA_3072, "PS384"},
        {"RSA for RS256", "RS256", RSA_3072, "RS256"},
        {"P-256 without a name", NULL, P256, "ES256"},
        {"P-384 without a name", NULL, P384, "ES384"},
        {"Ed25519 without a name", NULL, ED25519, "EdDSA"},
        {"Ed25519 by name", "EdDSA", ED25519, "EdDSA"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *jwk = jwk_of(f->raw[cases[i].maker], cases[i].maker);
        struct str want = str_from(cases[i].alg ? cases[i].alg : "");
        struct pkey *k = NULL;
        struct verifier *v;

        if (cases[i].alg)
            json_object_set_new(jwk, "alg", json_string(cases[i].alg));
        assert_int_equal(pkey_from_jwk_any(jwk, &k), RC_OK);
        assert_true(name_eq(jws_alg_name(pkey_alg(k)), want));
        for (enum jws_alg alg = JWS_ALG_NONE; alg <= JWS_ALG_COUNT; alg++) {
            struct str name = jws_alg_name(alg), list = str_from(cases[i].fits);
            bool is_listed = name.len && str_find_str(list, name) < list.len;

            if (pkey_fits(k, alg) != is_listed)
                fail_msg("%s, " STR_FMT, cases[i].name, STR_ARG(name));
        }
        v = verifier_new(k);
        assert_true((v != NULL) == (cases[i].alg != NULL));
        verifier_free(v);
        pkey_unref(k);
        json_decref(jwk);
    }
}

static void verifies_the_tokens_of_the_rfcs(void **state)
{
    static const struct {
        const char *name;
        enum jws_alg alg;
        const char *jwk, *token;
    } cases[] = {
        {"RFC 7515 A.2", JWS_RS256, RFC7515_A2_JWK, RFC7515_A2_TOKEN},
        {"RFC 7515 A.3", JWS_ES256, RFC7515_A3_JWK, RFC7515_A3_TOKEN},
        {"RFC 7520 4.1", JWS_RS256, RFC7520_RSA_JWK, RFC7520_4_1_TOKEN},
        {"RFC 7520 4.2", JWS_PS384, RFC7520_RSA_JWK, RFC7520_4_2_TOKEN},
        {"RFC 8037 A.4", JWS_EDDSA, RFC8037_JWK, RFC8037_TOKEN},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str token = str_from(cases[i].token), header, rest, payload, text, input;
        json_t *jwk = NULL;
        struct pkey *k = NULL;
        uint8_t sig[LONGEST];
        size_t len;

        assert_int_equal(json_read(str_from(cases[i].jwk), &jwk, NULL), RC_OK);
        assert_int_equal(pkey_from_jwk_any(jwk, &k), RC_OK);
        assert_true(str_cut(token, '.', &header, &rest));
        assert_true(str_cut(rest, '.', &payload, &text));
        assert_int_equal(base64url_decode(text, sig, sizeof sig, &len), RC_OK);
        input = str_head(token, header.len + 1 + payload.len);
        if (check(f, k, cases[i].alg, input, str_of(sig, len)))
            fail_msg("%s", cases[i].name);
        input.len--;
        assert_int_equal(check(f, k, cases[i].alg, input, str_of(sig, len)), RC_DENIED);
        pkey_unref(k);
        json_decref(jwk);
    }
}

/* RFC 7520 section 4.3. */
static void knows_nothing_of_es512(void **state)
{
    json_t *jwk = NULL;
    struct pkey *k = NULL;

    (void)state;
    assert_int_equal(jws_alg_from_name(STR("ES512")), JWS_ALG_NONE);
    assert_int_equal(json_read(STR(RFC7520_P521_JWK), &jwk, NULL), RC_OK);
    assert_int_equal(pkey_from_jwk_any(jwk, &k), RC_INVALID);
    json_object_set_new(jwk, "alg", json_string("ES512"));
    assert_int_equal(pkey_from_jwk_any(jwk, &k), RC_INVALID);
    assert_null(k);
    json_decref(jwk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_each_algorithm_and_no_other_of_its_key),
        cmocka_unit_test(denies_what_differs_in_any_octet),
        cmocka_unit_test(denies_a_signature_of_another_key),
        cmocka_unit_test(asks_of_pss_for_the_salt_and_the_mask_of_the_rfc),
        cmocka_unit_test(takes_one_encoding_of_a_hash_under_rsa),
        cmocka_unit_test(refuses_an_rsa_signature_beyond_the_modulus),
        cmocka_unit_test(verifies_rsa_keys_with_any_exponent_that_is_taken),
        cmocka_unit_test(refuses_r_and_s_of_p384_at_the_edges),
        cmocka_unit_test(verifies_p384_five_hundred_times),
        cmocka_unit_test(fits_by_kind_and_by_the_algorithm_that_a_key_names),
        cmocka_unit_test(verifies_the_tokens_of_the_rfcs),
        cmocka_unit_test(knows_nothing_of_es512),
    };

    return cmocka_run_group_tests(tests, make_fixture, free_fixture);
}
