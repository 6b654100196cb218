/* The public half of a key as JSON (RFC 7517, RFC 7518 section 6, RFC 8037) and its name (RFC
 * 7638).
 *
 * Reading trusts nothing: points are checked to lie on the curve, moduli and exponents to be of
 * use, and a key that says that it is for something else is refused. Writing gives public members
 * only. */
#include "crypto/base64.h"
#include "crypto/pkey_private.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define NUMBER_MAX ((size_t)RSA_FOREIGN_MAX / 8)

/* A public number in base64url. */
struct number_text {
    char text[BASE64URL_LEN(NUMBER_MAX)];
    size_t len;
};

/* The numbers of a public key: x and y, x alone (Ed25519), or n and e. */
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

static EVP_PKEY *ec_from_jwk(const struct kind_traits *kind, const json_t *jwk)
{
    uint8_t x[NUMBER_MAX + 1], y[NUMBER_MAX + 1], point[1 + 2 * COORDINATE_MAX] = {4};
    size_t x_len, y_len, n = kind->coordinate;
    char group[16];
    int group_len = snprintf(group, sizeof group, "%s", kind->group);
    EVP_PKEY *key;

    if (read_number(jwk, "x", x, &x_len) || read_number(jwk, "y", y, &y_len) || x_len != n ||
        y_len != n)
        return NULL;
    memcpy(point + 1, x, n);
    memcpy(point + 1 + n, y, n);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, (size_t)group_len),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n),
        OSSL_PARAM_construct_end(),
    };
    key = key_from_params(kind->type, params);
    if (key && !pkey_is_good_point(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static EVP_PKEY *okp_from_jwk(const struct kind_traits *kind, const json_t *jwk)
{
    uint8_t x[NUMBER_MAX + 1];
    size_t len;

    if (read_number(jwk, "x", x, &len) || len != kind->coordinate)
        return NULL;
    return EVP_PKEY_new_raw_public_key_ex(NULL, kind->type, NULL, x, len);
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

static enum key_kind kind_of_jwk(const json_t *jwk)
{
    struct str kty, crv;

    if (json_get_str(jwk, "kty", &kty))
        return KEY_KIND_NONE;
    if (json_get_str(jwk, "crv", &crv))
        crv = STR_EMPTY;
    for (enum key_kind kind = KEY_KIND_NONE + 1; kind < KEY_KIND_COUNT; kind++) {
        const struct kind_traits *traits = kind_traits(kind);

        if (name_eq(kty, traits->kty) && (!traits->crv.len || name_eq(crv, traits->crv)))
            return kind;
    }
    return KEY_KIND_NONE;
}

static EVP_PKEY *key_from_jwk(enum key_kind kind, const json_t *jwk)
{
    switch (kind) {
    case KEY_RSA:
        return rsa_from_jwk(jwk);
    case KEY_P256:
    case KEY_P384:
        return ec_from_jwk(kind_traits(kind), jwk);
    case KEY_ED25519:
        return okp_from_jwk(kind_traits(kind), jwk);
    case KEY_KIND_NONE:
    case KEY_KIND_COUNT:
        break;
    }
    return NULL;
}

/* `alg` JWS_ALG_NONE: the key may be of any kind. */
static enum rc take_jwk(enum jws_alg alg, enum key_owner owner, const json_t *jwk,
                        struct pkey **out)
{
    enum key_kind kind = kind_of_jwk(jwk);
    EVP_PKEY *key = NULL;
    struct pkey *k = NULL;

    if ((alg == JWS_ALG_NONE || alg_traits(alg)->kind == kind) && agrees(jwk, "use", STR("sig")) &&
        may_verify(jwk))
        key = key_from_jwk(kind, jwk);
    if (!key || pkey_judge(kind, owner, key)) {
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

enum rc pkey_from_jwk(enum jws_alg alg, const json_t *jwk, struct pkey **out)
{
    if (alg == JWS_ALG_NONE || !agrees(jwk, "alg", jws_alg_name(alg)))
        return RC_INVALID;
    return take_jwk(alg, KEY_OWN, jwk, out);
}

enum rc pkey_from_jwk_any(const json_t *jwk, struct pkey **out)
{
    enum jws_alg alg = JWS_ALG_NONE;
    struct str name = STR_EMPTY;
    enum rc rc = json_get_str(jwk, "alg", &name);

    if (rc == RC_OK)
        alg = jws_alg_from_name(name);
    if (rc != RC_NOT_FOUND && alg == JWS_ALG_NONE)
        return RC_INVALID;
    return take_jwk(alg, KEY_FOREIGN, jwk, out);
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

static void x_of_okp(const struct pkey *k, struct number_text *out)
{
    uint8_t octets[COORDINATE_MAX];
    size_t len = sizeof octets;

    if (EVP_PKEY_get_raw_public_key(k->key, octets, &len) != 1)
        abort(); /* the key was asked for its kind when it came in */
    out->len = base64url_encode(octets, len, out->text);
}

static void numbers_of(const struct pkey *k, struct numbers *out)
{
    size_t coordinate = kind_traits(k->kind)->coordinate;

    out->second.len = 0;
    if (k->kind == KEY_RSA) {
        number_of(k, OSSL_PKEY_PARAM_RSA_N, 0, &out->first);
        number_of(k, OSSL_PKEY_PARAM_RSA_E, 0, &out->second);
    } else if (k->kind == KEY_ED25519) {
        x_of_okp(k, &out->first);
    } else {
        number_of(k, OSSL_PKEY_PARAM_EC_PUB_X, coordinate, &out->first);
        number_of(k, OSSL_PKEY_PARAM_EC_PUB_Y, coordinate, &out->second);
    }
}

static struct str text_of(const struct number_text *number)
{
    return str_of(number->text, number->len);
}

void pkey_write_jwk(const struct pkey *k, struct str kid, struct json_writer *w)
{
    const struct kind_traits *kind = kind_traits(k->kind);
    bool is_rsa = k->kind == KEY_RSA;
    struct numbers numbers;

    numbers_of(k, &numbers);
    json_object_begin(w);
    json_member_str(w, "kty", kind->kty);
    json_member_str(w, "use", STR("sig"));
    if (k->alg != JWS_ALG_NONE)
        json_member_str(w, "alg", jws_alg_name(k->alg));
    json_member_str(w, "kid", kid);
    if (!is_rsa)
        json_member_str(w, "crv", kind->crv);
    json_member_str(w, is_rsa ? "n" : "x", text_of(&numbers.first));
    if (numbers.second.len)
        json_member_str(w, is_rsa ? "e" : "y", text_of(&numbers.second));
    json_object_end(w);
}

/* Hashes one member of JSON; `opening` reaches up to the quote before the value. */
static void add_member(struct hash_work *w, struct str opening, struct str value)
{
    sha256_add(w, opening);
    sha256_add(w, value);
    sha256_add(w, STR("\""));
}

void pkey_thumbprint(const struct pkey *k, char out[static 43])
{
    const struct kind_traits *kind = kind_traits(k->kind);
    struct hash_work *w = hash_work_new();
    struct numbers numbers;
    uint8_t hash[SHA256_LEN];

    if (!w)
        abort();
    numbers_of(k, &numbers);
    sha256_begin(w); /* the required members alone, in the order of their names */
    if (k->kind == KEY_RSA) {
        add_member(w, STR("{\"e\":\""), text_of(&numbers.second));
        add_member(w, STR(",\"kty\":\""), kind->kty);
        add_member(w, STR(",\"n\":\""), text_of(&numbers.first));
    } else {
        add_member(w, STR("{\"crv\":\""), kind->crv);
        add_member(w, STR(",\"kty\":\""), kind->kty);
        add_member(w, STR(",\"x\":\""), text_of(&numbers.first));
        if (numbers.second.len)
            add_member(w, STR(",\"y\":\""), text_of(&numbers.second));
    }
    sha256_add(w, STR("}"));
    sha256_end(w, hash);
    hash_work_free(w);
    (void)base64url_encode(hash, sizeof hash, out);
}
