/* Keys and signatures: what comes in, what is refused, and what a forger may try. */
#include "crypto/base64.h"
#include "crypto/pkey.h"
#include "rfc_vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>

/* One key of each kind for all tests: RSA keys take long to make. */
struct fixture {
    struct hash_work *work;
    struct pkey *keys[2]; /* ES256, RS256 */
};

static int make_fixture(void **state)
{
    static struct fixture f;

    f.work = hash_work_new();
    f.keys[0] = pkey_generate(JWS_ES256);
    f.keys[1] = pkey_generate(JWS_RS256);
    *state = &f;
    return f.work && f.keys[0] && f.keys[1] ? 0 : -1;
}

static int free_fixture(void **state)
{
    struct fixture *f = *state;

    hash_work_free(f->work);
    pkey_unref(f->keys[0]);
    pkey_unref(f->keys[1]);
    return 0;
}

static enum rc jwk_read(enum jws_alg alg, const char *text, struct pkey **out)
{
    json_t *jwk = NULL;
    enum rc rc;

    assert_int_equal(json_read(str_from(text), &jwk, NULL), RC_OK);
    rc = pkey_from_jwk(alg, jwk, out);
    json_decref(jwk);
    return rc;
}

static void names_algorithms_exactly(void **state)
{
    static const struct {
        enum jws_alg alg;
        bool signs;
        const char *name;
    } ours[] = {
        {JWS_ES256, true, "ES256"},  {JWS_RS256, true, "RS256"},  {JWS_RS384, false, "RS384"},
        {JWS_RS512, false, "RS512"}, {JWS_PS256, false, "PS256"}, {JWS_PS384, false, "PS384"},
        {JWS_PS512, false, "PS512"}, {JWS_ES384, false, "ES384"}, {JWS_EDDSA, false, "EdDSA"},
    };
    static const char *const others[] = {"",      "none",   "None",   "HS256", "ES512", "ES521",
                                         "es256", "ES256 ", "ES2566", "PS25",  "EDDSA", "Ed25519",
                                         "eddsa", "ES256K", "HS512",  "RS1",   "ES25",  "RSA-OAEP"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        assert_true(name_eq(jws_alg_name(ours[i].alg), str_from(ours[i].name)));
        assert_int_equal(jws_alg_from_name(str_from(ours[i].name)), ours[i].alg);
        assert_int_equal(jws_alg_signs(ours[i].alg), ours[i].signs);
    }
    assert_int_equal(ARRAY_LEN(ours), JWS_ALG_COUNT - 1);
    assert_false(jws_alg_signs(JWS_ALG_NONE));
    assert_int_equal(jws_alg_name(JWS_ALG_COUNT).len, 0);
    assert_int_equal(jws_alg_name(JWS_ALG_NONE).len, 0);
    assert_int_equal(jws_alg_from_name(STR("ES256\0")), JWS_ALG_NONE);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(jws_alg_from_name(str_from(others[i])), JWS_ALG_NONE);
    assert_null(pkey_generate(JWS_ALG_NONE));
    assert_null(pkey_generate(JWS_PS256));
    assert_null(pkey_generate(JWS_EDDSA));
}

static void verifies_what_it_signed_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(f->keys); i++) {
        struct signer *s = signer_new(f->keys[i]);
        struct verifier *v = verifier_new(f->keys[i]);
        struct pkey *other = pkey_generate(pkey_alg(f->keys[i]));
        struct verifier *stranger = verifier_new(other);
        uint8_t sig[SIGNATURE_MAX];
        size_t len = 0;

        assert_int_equal(signer_sign(s, f->work, STR("a.b"), sig, &len), RC_OK);
        assert_int_equal(len, i == 0 ? 64 : 256);
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, len)), RC_OK);
        assert_int_equal(verifier_check(v, f->work, STR("a.c"), str_of(sig, len)), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, STR_EMPTY, str_of(sig, len)), RC_DENIED);
        assert_int_equal(verifier_check(stranger, f->work, STR("a.b"), str_of(sig, len)),
                         RC_DENIED);
        for (size_t bit = 0; bit < len * 8; bit += i == 0 ? 1 : 7) {
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, len)), RC_DENIED);
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, len - 1)), RC_DENIED);
        sig[len] = 0;
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, len + 1)), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), STR_EMPTY), RC_DENIED);
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, len)), RC_OK);
        signer_free(s);
        verifier_free(v);
        verifier_free(stranger);
        pkey_unref(other);
    }
}

/* Short r and s come once in 128 signatures. */
static void signs_right_a_thousand_times(void **state)
{
    struct fixture *f = *state;
    struct signer *s = signer_new(f->keys[0]);
    struct verifier *v = verifier_new(f->keys[0]);

    for (int i = 0; i < 1000; i++) {
        uint8_t sig[SIGNATURE_MAX];
        size_t len = 0;

        assert_int_equal(signer_sign(s, f->work, str_of(&i, sizeof i), sig, &len), RC_OK);
        assert_int_equal(verifier_check(v, f->work, str_of(&i, sizeof i), str_of(sig, len)), RC_OK);
    }
    signer_free(s);
    verifier_free(v);
}

#define N    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define N_1  "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define N1   "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552"
#define FULL "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE  "0000000000000000000000000000000000000000000000000000000000000001"

static void refuses_r_and_s_at_the_edges(void **state)
{
    static const char *const edges[] = {ZERO, ONE, N_1, N, N1, FULL};
    struct fixture *f = *state;
    struct verifier *v = verifier_new(f->keys[0]);
    struct signer *s = signer_new(f->keys[0]);
    uint8_t good[SIGNATURE_MAX], sig[64];
    size_t len = 0;

    assert_int_equal(signer_sign(s, f->work, STR("a.b"), good, &len), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        for (size_t j = 0; j < ARRAY_LEN(edges); j++) {
            assert_int_equal(hex_decode(str_from(edges[i]), sig, 32), RC_OK);
            assert_int_equal(hex_decode(str_from(edges[j]), sig + 32, 32), RC_OK);
            assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, 64)), RC_DENIED);
        }
        memcpy(sig, good, 64);
        assert_int_equal(hex_decode(str_from(edges[i]), sig, 32), RC_OK);
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, 64)), RC_DENIED);
        memcpy(sig, good, 64);
        assert_int_equal(hex_decode(str_from(edges[i]), sig + 32, 32), RC_OK);
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, 64)), RC_DENIED);
    }
    signer_free(s);
    verifier_free(v);
}

/* The key behind `k`, for OpenSSL to sign in ways that we don't. */
static EVP_PKEY *raw_key(const struct pkey *k)
{
    struct secret der = {0};
    const unsigned char *at;
    EVP_PKEY *key;

    assert_int_equal(pkey_to_der(k, &der), RC_OK);
    at = der.octets;
    key = d2i_AutoPrivateKey(NULL, &at, (long)der.len);
    secret_clear(&der);
    assert_non_null(key);
    return key;
}

#ifdef COUNT_CRYPTO_CALLS
/* OpenSSL would refuse these too; that we do it first shows in what was not computed. */
static void refuses_r_and_s_out_of_range_before_any_hash(void **state)
{
    static const struct {
        const char *r, *s;
        unsigned hashes;
    } cases[] = {
        {ONE, N_1, 1}, {N_1, ONE, 1}, {ZERO, ONE, 0}, {ONE, ZERO, 0}, {N, ONE, 0},
        {ONE, N, 0},   {N1, ONE, 0},  {ONE, N1, 0},   {FULL, ONE, 0}, {ONE, FULL, 0},
    };
    struct fixture *f = *state;
    struct verifier *v = verifier_new(f->keys[0]);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t before = crypto_calls_now().hashes;
        uint8_t sig[64];

        assert_int_equal(hex_decode(str_from(cases[i].r), sig, 32), RC_OK);
        assert_int_equal(hex_decode(str_from(cases[i].s), sig + 32, 32), RC_OK);
        assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(sig, 64)), RC_DENIED);
        assert_int_equal(crypto_calls_now().hashes - before, cases[i].hashes);
    }
    verifier_free(v);
}
#endif

static void refuses_a_der_signature_where_a_pair_is_due(void **state)
{
    struct fixture *f = *state;
    struct verifier *v = verifier_new(f->keys[0]);
    EVP_PKEY *key = raw_key(f->keys[0]);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[80];
    size_t len = sizeof der;

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len, (const uint8_t *)"a.b", 3), 1);
    assert_int_equal(verifier_check(v, f->work, STR("a.b"), str_of(der, len)), RC_DENIED);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    verifier_free(v);
}

static void refuses_other_paddings_and_hashes_of_rsa(void **state)
{
    static const struct {
        const char *name;
        const EVP_MD *(*md)(void);
        int padding;
        enum rc want;
    } cases[] = {
        {"PKCS #1 v1.5 with SHA-256", EVP_sha256, RSA_PKCS1_PADDING, RC_OK},
        {"PSS with SHA-256", EVP_sha256, RSA_PKCS1_PSS_PADDING, RC_DENIED},
        {"PKCS #1 v1.5 with SHA-1", EVP_sha1, RSA_PKCS1_PADDING, RC_DENIED},
        {"PKCS #1 v1.5 with SHA-512", EVP_sha512, RSA_PKCS1_PADDING, RC_DENIED},
    };
    struct fixture *f = *state;
    struct verifier *v = verifier_new(f->keys[1]);
    EVP_PKEY *key = raw_key(f->keys[1]);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *options = NULL;
        uint8_t sig[256];
        size_t len = sizeof sig;

        assert_int_equal(EVP_DigestSignInit(ctx, &options, cases[i].md(), NULL, key), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, cases[i].padding), 1);
        assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const uint8_t *)"a.b", 3), 1);
        if (verifier_check(v, f->work, STR("a.b"), str_of(sig, len)) != cases[i].want)
            fail_msg("%s", cases[i].name);
        EVP_MD_CTX_free(ctx);
    }
    EVP_PKEY_free(key);
    verifier_free(v);
}

static void keeps_a_private_key_as_pkcs8(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(f->keys); i++) {
        enum jws_alg alg = pkey_alg(f->keys[i]);
        enum jws_alg other = alg == JWS_ES256 ? JWS_RS256 : JWS_ES256;
        struct secret der = {0}, longer;
        struct pkey *back = NULL, *none = NULL;
        char a[43], b[43];

        assert_int_equal(pkey_to_der(f->keys[i], &der), RC_OK);
        assert_int_equal(pkey_from_der(alg, str_of(der.octets, der.len), &back), RC_OK);
        assert_int_equal(pkey_alg(back), alg);
        pkey_thumbprint(f->keys[i], a);
        pkey_thumbprint(back, b);
        assert_memory_equal(a, b, 43);
        assert_int_equal(pkey_from_der(other, str_of(der.octets, der.len), &none), RC_INVALID);
        assert_int_equal(pkey_from_der(JWS_ALG_NONE, str_of(der.octets, der.len), &none),
                         RC_INVALID);
        for (size_t len = 0; len < der.len; len += i == 0 ? 1 : 13)
            assert_int_equal(pkey_from_der(alg, str_of(der.octets, len), &none), RC_INVALID);
        longer = secret_random(der.len + 1);
        memcpy(longer.octets, der.octets, der.len);
        assert_int_equal(pkey_from_der(alg, str_of(longer.octets, longer.len), &none), RC_INVALID);
        assert_null(none);
        secret_clear(&der);
        secret_clear(&longer);
        pkey_unref(back);
    }
}

/* Moves `key` in; returns what pkey_from_der() makes of it. */
static enum rc load_raw(enum jws_alg alg, EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    struct pkey *k = NULL;
    enum rc rc;

    assert_true(len > 0);
    rc = pkey_from_der(alg, str_of(der, (size_t)len), &k);
    pkey_unref(k);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(key);
    return rc;
}

static void refuses_private_keys_of_another_kind(void **state)
{
    struct fixture *f = *state;
    struct secret der = {0};
    struct pkey *k = NULL;

    assert_int_equal(load_raw(JWS_ES256, EVP_EC_gen("P-256")), RC_OK);
    assert_int_equal(load_raw(JWS_ES256, EVP_EC_gen("P-384")), RC_INVALID);
    assert_int_equal(load_raw(JWS_ES256, EVP_EC_gen("secp256k1")), RC_INVALID);
    assert_int_equal(load_raw(JWS_RS256, EVP_RSA_gen(1024)), RC_INVALID);
    assert_int_equal(load_raw(JWS_ES256, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), RC_INVALID);
    assert_int_equal(load_raw(JWS_RS256, EVP_PKEY_Q_keygen(NULL, NULL, "X25519")), RC_INVALID);
    /* kinds that we only check */
    assert_int_equal(load_raw(JWS_ES384, EVP_EC_gen("P-384")), RC_INVALID);
    assert_int_equal(load_raw(JWS_PS256, EVP_RSA_gen(2048)), RC_INVALID);
    assert_int_equal(load_raw(JWS_EDDSA, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), RC_INVALID);
    /* a private number that is not the point's */
    assert_int_equal(pkey_to_der(f->keys[0], &der), RC_OK);
    der.octets[40] ^= 1;
    assert_int_equal(pkey_from_der(JWS_ES256, str_of(der.octets, der.len), &k), RC_INVALID);
    secret_clear(&der);
}

static void checks_the_signatures_of_rfc_7515(void **state)
{
    static const struct {
        enum jws_alg alg;
        const char *jwk, *token;
    } cases[] = {
        {JWS_RS256, RFC7515_A2_JWK, RFC7515_A2_TOKEN},
        {JWS_ES256, RFC7515_A3_JWK, RFC7515_A3_TOKEN},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str token = str_from(cases[i].token), header, rest, payload, signature;
        struct pkey *k = NULL;
        struct verifier *v;
        uint8_t sig[SIGNATURE_MAX];
        size_t len;

        assert_int_equal(jwk_read(cases[i].alg, cases[i].jwk, &k), RC_OK);
        v = verifier_new(k);
        assert_true(str_cut(token, '.', &header, &rest));
        assert_true(str_cut(rest, '.', &payload, &signature));
        assert_int_equal(base64url_decode(signature, sig, sizeof sig, &len), RC_OK);
        assert_int_equal(verifier_check(v, f->work, str_head(token, header.len + 1 + payload.len),
                                        str_of(sig, len)),
                         RC_OK);
        verifier_free(v);
        pkey_unref(k);
    }
}

static void names_keys_as_rfc_7638_does(void **state)
{
    struct pkey *rsa = NULL, *ec = NULL;
    char print[43];

    (void)state;
    assert_int_equal(jwk_read(JWS_RS256, RFC7638_JWK, &rsa), RC_OK);
    pkey_thumbprint(rsa, print);
    assert_memory_equal(print, RFC7638_THUMBPRINT, 43);
    assert_int_equal(jwk_read(JWS_ES256, RFC7515_A3_JWK, &ec), RC_OK);
    pkey_thumbprint(ec, print);
    assert_memory_equal(print, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U", 43);
    pkey_unref(rsa);
    pkey_unref(ec);
}

static void writes_public_members_only(void **state)
{
    static const char want[] =
        "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"k\\\"1\",\"crv\":\"P-256\","
        "\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\"}";
    struct fixture *f = *state;
    struct pkey *k = NULL;
    struct json_writer w;
    struct buf out;

    buf_init(&out, 8 * KIB);
    json_writer_init(&w, &out);
    assert_int_equal(jwk_read(JWS_ES256, RFC7515_A3_JWK, &k), RC_OK);
    pkey_write_jwk(k, STR("k\"1"), &w);
    assert_string_equal(buf_cstr(&out), want);
    pkey_unref(k);
    for (size_t i = 0; i < ARRAY_LEN(f->keys); i++) {
        struct pkey *back = NULL;
        char a[43], b[43];
        json_t *jwk = NULL;

        buf_reset(&out);
        json_writer_init(&w, &out);
        pkey_write_jwk(f->keys[i], STR("kid"), &w);
        assert_int_equal(json_read(buf_str(&out), &jwk, NULL), RC_OK);
        assert_int_equal(json_object_size(jwk), i == 0 ? 7 : 6);
        assert_null(json_object_get(jwk, "d"));
        assert_int_equal(pkey_from_jwk(pkey_alg(f->keys[i]), jwk, &back), RC_OK);
        pkey_thumbprint(f->keys[i], a);
        pkey_thumbprint(back, b);
        assert_memory_equal(a, b, 43);
        pkey_unref(back);
        json_decref(jwk);
    }
    buf_clear(&out);
}

static void keeps_no_private_half_of_a_jwk(void **state)
{
    struct pkey *k = NULL;
    struct secret der = {0};

    (void)state;
    assert_int_equal(jwk_read(JWS_ES256, RFC7515_A3_JWK, &k), RC_OK);
    assert_null(signer_new(k));
    assert_int_equal(pkey_to_der(k, &der), RC_INVALID);
    assert_null(der.octets);
    pkey_unref(k);
}

#define XY "\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\","

static void judges_jwks_of_curves(void **state)
{
    static const struct {
        const char *name, *jwk;
        enum rc want;
    } cases[] = {
        {"a plain key", "{" EC XY "}", RC_OK},
        {"unknown members", "{" EC XY ",\"x5c\":[1],\"foo\":{}}", RC_OK},
        {"for signatures, with all hints",
         "{" EC XY ",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"]}", RC_OK},
        {"verify beside others", "{" EC XY ",\"key_ops\":[\"sign\",\"verify\"]}", RC_OK},
        {"for encryption", "{" EC XY ",\"use\":\"enc\"}", RC_INVALID},
        {"use is no string", "{" EC XY ",\"use\":1}", RC_INVALID},
        {"another algorithm", "{" EC XY ",\"alg\":\"ES384\"}", RC_INVALID},
        {"key_ops without verify", "{" EC XY ",\"key_ops\":[\"deriveKey\",1]}", RC_INVALID},
        {"key_ops empty", "{" EC XY ",\"key_ops\":[]}", RC_INVALID},
        {"key_ops no list", "{" EC XY ",\"key_ops\":\"verify\"}", RC_INVALID},
        {"kty missing", "{\"crv\":\"P-256\"," XY "}", RC_INVALID},
        {"kty of the other kind", "{\"kty\":\"RSA\",\"crv\":\"P-256\"," XY "}", RC_INVALID},
        {"kty symmetric", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", RC_INVALID},
        {"kty a number", "{\"kty\":1,\"crv\":\"P-256\"," XY "}", RC_INVALID},
        {"crv missing", "{\"kty\":\"EC\"," XY "}", RC_INVALID},
        {"crv another", "{\"kty\":\"EC\",\"crv\":\"P-384\"," XY "}", RC_INVALID},
        {"crv with a NUL behind", "{\"kty\":\"EC\",\"crv\":\"P-256\\u0000\"," XY "}", RC_INVALID},
        {"y missing", "{" EC "\"x\":\"" RFC7515_A3_X "\"}", RC_INVALID},
        {"x a number", "{" EC "\"x\":1,\"y\":\"" RFC7515_A3_Y "\"}", RC_INVALID},
        {"x padded", "{" EC "\"x\":\"" RFC7515_A3_X "=\",\"y\":\"" RFC7515_A3_Y "\"}", RC_INVALID},
        {"x short", "{" EC "\"x\":\"AAAA\",\"y\":\"" RFC7515_A3_Y "\"}", RC_INVALID},
        {"x long", "{" EC "\"x\":\"AAAA" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\"}", RC_INVALID},
        {"x and y exchanged", "{" EC "\"x\":\"" RFC7515_A3_Y "\",\"y\":\"" RFC7515_A3_X "\"}",
         RC_INVALID},
        {"zeros",
         "{" EC "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         RC_INVALID},
        {"an array",
         "["
         "1"
         "]",
         RC_INVALID},
    };
    struct pkey *k = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        k = NULL;
        if (jwk_read(JWS_ES256, cases[i].jwk, &k) != cases[i].want)
            fail_msg("%s", cases[i].name);
        assert_true((k != NULL) == (cases[i].want == RC_OK));
        pkey_unref(k);
        k = NULL;
        assert_int_equal(jwk_read(JWS_RS256, cases[i].jwk, &k), RC_INVALID);
        assert_int_equal(jwk_read(JWS_ALG_NONE, cases[i].jwk, &k), RC_INVALID);
    }
    assert_int_equal(pkey_from_jwk(JWS_ES256, NULL, &k), RC_INVALID);
}

/* A JWK of a modulus of `bits` bits (all ones, then `last`) and the exponent `e`. */
static enum rc rsa_jwk_read(size_t zeros, size_t bits, uint8_t last, const char *e)
{
    uint8_t n[600];
    char text[900];
    size_t len = zeros + (bits + 7) / 8;
    json_t *jwk;
    struct pkey *k = NULL;
    enum rc rc;

    memset(n, 0xff, sizeof n);
    memset(n, 0, zeros);
    n[zeros] = (uint8_t)(0xff >> ((8 - bits % 8) % 8));
    n[len - 1] = last;
    len = base64url_encode(n, len, text);
    jwk = json_pack("{s:s, s:s%, s:s}", "kty", "RSA", "n", text, len, "e", e);
    rc = pkey_from_jwk(JWS_RS256, jwk, &k);
    json_decref(jwk);
    pkey_unref(k);
    return rc;
}

static void judges_jwks_of_rsa(void **state)
{
    static const struct {
        const char *name;
        size_t zeros, bits;
        uint8_t last;
        const char *e;
        enum rc want;
    } cases[] = {
        {"2048 bits", 0, 2048, 0xff, "AQAB", RC_OK},
        {"4096 bits", 0, 4096, 0xff, "AQAB", RC_OK},
        {"an octet 0 in front", 1, 2048, 0xff, "AQAB", RC_OK},
        {"an exponent of 64 bits", 0, 2048, 0xff, "__________8", RC_OK},
        {"a large exponent", 0, 2048, 0xff, "_____w", RC_OK},
        {"an octet 0 in front of the exponent", 0, 2048, 0xff, "AAEAAQ", RC_OK},
        {"2047 bits", 0, 2047, 0xff, "AQAB", RC_INVALID},
        {"1024 bits", 0, 1024, 0xff, "AQAB", RC_INVALID},
        {"4097 bits", 0, 4097, 0xff, "AQAB", RC_INVALID},
        {"4200 bits", 0, 4200, 0xff, "AQAB", RC_INVALID},
        {"an even modulus", 0, 2048, 0xfe, "AQAB", RC_INVALID},
        {"exponent 0", 0, 2048, 0xff, "AA", RC_INVALID},
        {"exponent 1", 0, 2048, 0xff, "AQ", RC_INVALID},
        {"exponent 3", 0, 2048, 0xff, "Aw", RC_INVALID},
        {"an even exponent", 0, 2048, 0xff, "AQAC", RC_INVALID},
        {"an exponent below 65537", 0, 2048, 0xff, "__8", RC_INVALID},
        {"an exponent beyond 64 bits", 0, 2048, 0xff, "AQAAAAAAAAAB", RC_INVALID},
        {"an empty exponent", 0, 2048, 0xff, "", RC_INVALID},
        {"an exponent in another alphabet", 0, 2048, 0xff, "AQ+B", RC_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (rsa_jwk_read(cases[i].zeros, cases[i].bits, cases[i].last, cases[i].e) != cases[i].want)
            fail_msg("%s", cases[i].name);
}

/* A power of 65537 is one modulo every prime. */
static void refuses_moduli_of_the_faulty_library(void **state)
{
    BIGNUM *n = BN_new(), *base = BN_new(), *power = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    struct pkey *k = NULL;
    uint8_t octets[300];
    char text[400];
    int len;
    json_t *jwk;

    (void)state;
    BN_set_word(base, 65537);
    BN_set_word(power, 130);
    BN_exp(n, base, power, ctx);
    len = BN_bn2bin(n, octets);
    jwk = json_pack("{s:s, s:s%, s:s}", "kty", "RSA", "n", text,
                    base64url_encode(octets, (size_t)len, text), "e", "AQAB");
    assert_int_equal(pkey_from_jwk(JWS_RS256, jwk, &k), RC_INVALID);
    json_decref(jwk);
    BN_add_word(n, 2);
    len = BN_bn2bin(n, octets);
    jwk = json_pack("{s:s, s:s%, s:s}", "kty", "RSA", "n", text,
                    base64url_encode(octets, (size_t)len, text), "e", "AQAB");
    assert_int_equal(pkey_from_jwk(JWS_RS256, jwk, &k), RC_OK);
    json_decref(jwk);
    pkey_unref(k);
    BN_free(n);
    BN_free(base);
    BN_free(power);
    BN_CTX_free(ctx);
}

static void *sign_and_check(void *arg)
{
    struct pkey *k = arg;
    struct hash_work *w = hash_work_new();
    struct signer *s = signer_new(k);
    struct verifier *v = verifier_new(k);
    uintptr_t wrong = 0;

    for (int i = 0; i < 20; i++) {
        uint8_t sig[SIGNATURE_MAX];
        size_t len = 0;

        wrong += signer_sign(s, w, STR("a.b"), sig, &len) != RC_OK;
        wrong += verifier_check(v, w, STR("a.b"), str_of(sig, len)) != RC_OK;
    }
    signer_free(s);
    verifier_free(v);
    hash_work_free(w);
    return wrong ? arg : NULL;
}

static void serves_many_threads_with_one_key(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_and_check, f->keys[i % 2]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *wrong = NULL;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static void lives_as_long_as_somebody_holds_it(void **state)
{
    struct fixture *f = *state;
    struct pkey *k = pkey_generate(JWS_ES256);
    struct signer *s = signer_new(k);
    uint8_t sig[SIGNATURE_MAX];
    size_t len = 0;

    assert_ptr_equal(pkey_ref(k), k);
    pkey_unref(k);
    pkey_unref(k); /* the signer's reference is left */
    assert_int_equal(signer_sign(s, f->work, STR("a.b"), sig, &len), RC_OK);
    signer_free(s);
    assert_null(pkey_ref(NULL));
    pkey_unref(NULL);
    signer_free(NULL);
    verifier_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_algorithms_exactly),
        cmocka_unit_test(verifies_what_it_signed_and_nothing_else),
        cmocka_unit_test(signs_right_a_thousand_times),
        cmocka_unit_test(refuses_r_and_s_at_the_edges),
#ifdef COUNT_CRYPTO_CALLS
        cmocka_unit_test(refuses_r_and_s_out_of_range_before_any_hash),
#endif
        cmocka_unit_test(refuses_a_der_signature_where_a_pair_is_due),
        cmocka_unit_test(refuses_other_paddings_and_hashes_of_rsa),
        cmocka_unit_test(keeps_a_private_key_as_pkcs8),
        cmocka_unit_test(refuses_private_keys_of_another_kind),
        cmocka_unit_test(checks_the_signatures_of_rfc_7515),
        cmocka_unit_test(names_keys_as_rfc_7638_does),
        cmocka_unit_test(writes_public_members_only),
        cmocka_unit_test(keeps_no_private_half_of_a_jwk),
        cmocka_unit_test(judges_jwks_of_curves),
        cmocka_unit_test(judges_jwks_of_rsa),
        cmocka_unit_test(refuses_moduli_of_the_faulty_library),
        cmocka_unit_test(serves_many_threads_with_one_key),
        cmocka_unit_test(lives_as_long_as_somebody_holds_it),
    };

    return cmocka_run_group_tests(tests, make_fixture, free_fixture);
}
