/* The public half of a key as JSON (RFC 7517, RFC 7518 section 6) and its name (RFC 7638).
 *
 * Reading trusts nothing: points are checked to lie on the curve, moduli and exponents to be of
 * use, and a key that says that it is for something else is refused. Writing gives public members
 * only. */
#include "crypto/base64.h"
#include "crypto/pkey_private.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define NUMBER_MAX ((size_t)RSA_BITS_MAX / 8)

/* A public number in base64url. */
struct number_text {
    char text[BASE64URL_LEN(NUMBER_MAX)];
    size_t len;
};

/* The two numbers of a public key: x and y, or n and e. */
struct numbers {
    struct number_text first, second;
};

/* False when a string member `name` is there and is not `want`. */
static bool agrees(const json_t *jwk, const char *name, struct str want)
{
    struct str value;
    enum rc rc = json_get_str(jwk, name, &value);

    return rc == RC_NOT_FOUND || (rc == RC_OK && name_eq(value, want));
}

/* RFC 7517 section 4.3: true when there is no list, or it has "verify" in it. */
static bool may_verify(const json_t *jwk)
{
    const json_t *ops = json_object_get(jwk, "key_ops");
    bool found = ops == NULL;

    for (size_t i = 0; i < json_array_size(ops); i++) {
        const json_t *op = json_array_get(ops, i);

        found |= json_is_string(op) &&
                 name_eq(str_of(json_string_value(op), json_string_length(op)), STR("verify"));
    }
    return found;
}

static enum rc read_number(const json_t *jwk, const char *name, uint8_t out[static NUMBER_MAX + 1],
                           size_t *out_len)
{
    struct str text;

    if (json_get_str(jwk, name, &text))
        return RC_INVALID;
    return base64url_decode(text, out, NUMBER_MAX + 1, out_len) ? RC_INVALID : RC_OK;
}

/* Makes a key of type `type` from public parameters; checks nothing but what OpenSSL does. */
static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* The curve's own check again, with the order of the point. */
static bool is_good_point(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx && EVP_PKEY_public_check(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static EVP_PKEY *ec_from_jwk(const json_t *jwk)
{
    uint8_t x[NUMBER_MAX + 1], y[NUMBER_MAX + 1], point[1 + 2 * P256_LEN] = {4};
    size_t x_len, y_len;
    char group[] = "prime256v1";
    struct str crv;
    EVP_PKEY *key;

    if (json_get_str(jwk, "crv", &crv) || !name_eq(crv, STR("P-256")) ||
        read_number(jwk, "x", x, &x_len) || read_number(jwk, "y", y, &y_len) || x_len != P256_LEN ||
        y_len != P256_LEN)
        return NULL;
    memcpy(point + 1, x, P256_LEN);
    memcpy(point + 1 + P256_LEN, y, P256_LEN);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group - 1),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    key = key_from_params("EC", params);
    if (key && !is_good_point(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static EVP_PKEY *rsa_from_jwk(const json_t *jwk)
{
    uint8_t n_octets[NUMBER_MAX + 1], e_octets[NUMBER_MAX + 1];
    size_t n_len, e_len;
    OSSL_PARAM_BLD *build = NULL;
    OSSL_PARAM *params = NULL;
    BIGNUM *n = NULL, *e = NULL;
    EVP_PKEY *key = NULL;

    if (read_number(jwk, "n", n_octets, &n_len) || read_number(jwk, "e", e_octets, &e_len) ||
        e_len > sizeof(uint64_t))
        return NULL;
    build = OSSL_PARAM_BLD_new();
    n = BN_bin2bn(n_octets, (int)n_len, NULL);
    e = BN_bin2bn(e_octets, (int)e_len, NULL);
    if (build && n && e && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        params = OSSL_PARAM_BLD_to_param(build);
    key = key_from_params("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

static EVP_PKEY *key_from_jwk(enum jws_alg alg, const json_t *jwk)
{
    struct str kty;

    if (json_get_str(jwk, "kty", &kty))
        return NULL;
    if (alg == JWS_ES256 && name_eq(kty, STR("EC")))
        return ec_from_jwk(jwk);
    return alg == JWS_RS256 && name_eq(kty, STR("RSA")) ? rsa_from_jwk(jwk) : NULL;
}

enum rc pkey_from_jwk(enum jws_alg alg, const json_t *jwk, struct pkey **out)
{
    EVP_PKEY *key = NULL;
    struct pkey *k = NULL;

    if (json_is_object(jwk) && agrees(jwk, "use", STR("sig")) &&
        agrees(jwk, "alg", jws_alg_name(alg)) && may_verify(jwk))
        key = key_from_jwk(alg, jwk);
    if (!key || pkey_judge(alg, key)) {
        EVP_PKEY_free(key);
        ERR_clear_error();
        return RC_INVALID;
    }
    k = pkey_wrap(alg, key, false);
    if (!k)
        return RC_INTERNAL;
    *out = k;
    return RC_OK;
}

/* Writes one number of `k`, at least `width` octets long. */
static void number_of(const struct pkey *k, const char *name, size_t width, struct number_text *out)
{
    BIGNUM *number = NULL;
    uint8_t octets[NUMBER_MAX];
    size_t len;

    if (!EVP_PKEY_get_bn_param(k->key, name, &number))
        abort(); /* each key was asked for its numbers when it came in */
    len = (size_t)BN_num_bytes(number);
    len = len < width ? width : len;
    if (BN_bn2binpad(number, octets, (int)len) < 0)
        abort();
    BN_free(number);
    out->len = base64url_encode(octets, len, out->text);
}

static void numbers_of(const struct pkey *k, struct numbers *out)
{
    if (k->alg == JWS_ES256) {
        number_of(k, OSSL_PKEY_PARAM_EC_PUB_X, P256_LEN, &out->first);
        number_of(k, OSSL_PKEY_PARAM_EC_PUB_Y, P256_LEN, &out->second);
    } else {
        number_of(k, OSSL_PKEY_PARAM_RSA_N, 0, &out->first);
        number_of(k, OSSL_PKEY_PARAM_RSA_E, 0, &out->second);
    }
}

void pkey_write_jwk(const struct pkey *k, struct str kid, struct json_writer *w)
{
    bool is_ec = k->alg == JWS_ES256;
    struct numbers numbers;

    numbers_of(k, &numbers);
    json_object_begin(w);
    json_member_str(w, "kty", is_ec ? STR("EC") : STR("RSA"));
    json_member_str(w, "use", STR("sig"));
    json_member_str(w, "alg", jws_alg_name(k->alg));
    json_member_str(w, "kid", kid);
    if (is_ec)
        json_member_str(w, "crv", STR("P-256"));
    json_member_str(w, is_ec ? "x" : "n", str_of(numbers.first.text, numbers.first.len));
    json_member_str(w, is_ec ? "y" : "e", str_of(numbers.second.text, numbers.second.len));
    json_object_end(w);
}

void pkey_thumbprint(const struct pkey *k, char out[static 43])
{
    bool is_ec = k->alg == JWS_ES256;
    struct hash_work *w = hash_work_new();
    struct numbers numbers;
    uint8_t hash[SHA256_LEN];

    if (!w)
        abort();
    numbers_of(k, &numbers);
    sha256_begin(w); /* the required members alone, in the order of their names */
    sha256_add(w, is_ec ? STR("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"") : STR("{\"e\":\""));
    if (is_ec) {
        sha256_add(w, str_of(numbers.first.text, numbers.first.len));
        sha256_add(w, STR("\",\"y\":\""));
        sha256_add(w, str_of(numbers.second.text, numbers.second.len));
    } else {
        sha256_add(w, str_of(numbers.second.text, numbers.second.len));
        sha256_add(w, STR("\",\"kty\":\"RSA\",\"n\":\""));
        sha256_add(w, str_of(numbers.first.text, numbers.first.len));
    }
    sha256_add(w, STR("\"}"));
    sha256_end(w, hash);
    hash_work_free(w);
    (void)base64url_encode(hash, sizeof hash, out);
}
