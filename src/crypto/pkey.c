/* Key pairs for JWS: making them, keeping them as PKCS #8, and the rule for which are good enough.
 *
 * The public JSON form is jwk.c, their use is signer.c. Sources: RFC 7518 section 3, RFC 5208,
 * RFC 8017. */
#include "crypto/pkey_private.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/* The primes of the fingerprint of CVE-2017-15361 ("ROCA"). */
static const unsigned char roca_primes[] = {
    3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
    73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
};

/* clang-format off */
static const struct alg_traits algs[JWS_ALG_COUNT] = {
    [JWS_ES256] = {STR_INIT("ES256"), "SHA256", KEY_P256,    false},
    [JWS_RS256] = {STR_INIT("RS256"), "SHA256", KEY_RSA,     false},
    [JWS_RS384] = {STR_INIT("RS384"), "SHA384", KEY_RSA,     false},
    [JWS_RS512] = {STR_INIT("RS512"), "SHA512", KEY_RSA,     false},
    [JWS_PS256] = {STR_INIT("PS256"), "SHA256", KEY_RSA,     true},
    [JWS_PS384] = {STR_INIT("PS384"), "SHA384", KEY_RSA,     true},
    [JWS_PS512] = {STR_INIT("PS512"), "SHA512", KEY_RSA,     true},
    [JWS_ES384] = {STR_INIT("ES384"), "SHA384", KEY_P384,    false},
    [JWS_EDDSA] = {STR_INIT("EdDSA"), NULL,     KEY_ED25519, false},
};
static const struct kind_traits kinds[KEY_KIND_COUNT] = {
    [KEY_RSA]     = {"RSA",     NULL,         STR_INIT("RSA"), STR_INIT(""),        0},
    [KEY_P256]    = {"EC",      "prime256v1", STR_INIT("EC"),  STR_INIT("P-256"),   32},
    [KEY_P384]    = {"EC",      "secp384r1",  STR_INIT("EC"),  STR_INIT("P-384"),   48},
    [KEY_ED25519] = {"ED25519", NULL,         STR_INIT("OKP"), STR_INIT("Ed25519"), 32},
};
/* clang-format on */

const struct alg_traits *alg_traits(enum jws_alg alg)
{
    return &algs[alg < JWS_ALG_COUNT ? alg : JWS_ALG_NONE];
}

const struct kind_traits *kind_traits(enum key_kind kind)
{
    return &kinds[kind];
}

struct str jws_alg_name(enum jws_alg alg)
{
    return alg_traits(alg)->name;
}

enum jws_alg jws_alg_from_name(struct str name)
{
    for (enum jws_alg alg = JWS_ALG_NONE + 1; alg < JWS_ALG_COUNT; alg++)
        if (name_eq(name, algs[alg].name))
            return alg;
    return JWS_ALG_NONE;
}

bool jws_alg_signs(enum jws_alg alg)
{
    return alg == JWS_ES256 || alg == JWS_RS256;
}

static void free_bn(BIGNUM **n)
{
    BN_free(*n);
}

/* True when `residue` is a power of 65537 modulo `prime`. */
static bool is_power_of_65537(BN_ULONG residue, unsigned prime)
{
    unsigned power = 1;

    do {
        if (power == residue)
            return true;
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

/* Moduli of a faulty smart-card library can be factored. They are powers of 65537 modulo each of
 * these primes; a good modulus is so with a chance of 2^-27.8. */
static bool is_roca(const BIGNUM *n)
{
    for (size_t i = 0; i < sizeof roca_primes; i++)
        if (!is_power_of_65537(BN_mod_word(n, roca_primes[i]), roca_primes[i]))
            return false;
    return true;
}

static bool is_good_rsa(enum key_owner owner, const EVP_PKEY *key)
{
    int bits_max = owner == KEY_OWN ? RSA_BITS_MAX : RSA_FOREIGN_MAX;
    BN_ULONG exponent_min = owner == KEY_OWN ? RSA_EXPONENT_MIN : RSA_FOREIGN_EXP;
    AUTO(free_bn) BIGNUM *n = NULL;
    AUTO(free_bn) BIGNUM *e = NULL;

    if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) ||
        !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e))
        return false;
    if (BN_num_bits(n) < RSA_BITS_MIN || BN_num_bits(n) > bits_max || !BN_is_odd(n))
        return false;
    if (!BN_is_odd(e) || BN_num_bits(e) > 64 || BN_get_word(e) < exponent_min)
        return false;
    return !is_roca(n);
}

static bool is_of_kind(const struct kind_traits *kind, const EVP_PKEY *key)
{
    char group[32];

    if (!kind->type || !EVP_PKEY_is_a(key, kind->type))
        return false;
    return !kind->group || (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                                           sizeof group, NULL) &&
                            name_eq(str_from(group), str_from(kind->group)));
}

enum key_kind pkey_kind_of(const EVP_PKEY *key)
{
    enum key_kind kind = KEY_KIND_COUNT - 1;

    while (kind != KEY_KIND_NONE && !is_of_kind(&kinds[kind], key))
        kind--;
    ERR_clear_error();
    return kind;
}

enum rc pkey_judge(enum key_kind kind, enum key_owner owner, const EVP_PKEY *key)
{
    bool is_good = kind != KEY_KIND_NONE && pkey_kind_of(key) == kind &&
                   (kind != KEY_RSA || is_good_rsa(owner, key));

    if (!is_good)
        ERR_clear_error();
    return is_good ? RC_OK : RC_INVALID;
}

bool pkey_is_good_point(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_is_a(key, "EC") ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool ok = !EVP_PKEY_is_a(key, "EC") || (ctx && EVP_PKEY_public_check(ctx) == 1);

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

struct pkey *pkey_wrap(enum jws_alg alg, EVP_PKEY *key, bool is_private)
{
    struct pkey *k = key ? calloc(1, sizeof *k) : NULL;

    if (!k) {
        EVP_PKEY_free(key);
        return NULL;
    }
    atomic_init(&k->refs, 1);
    k->kind = pkey_kind_of(key);
    k->alg = alg;
    k->is_private = is_private;
    k->key = key;
    return k;
}

struct pkey *pkey_generate(enum jws_alg alg)
{
    if (alg == JWS_ES256)
        return pkey_wrap(alg, EVP_EC_gen("P-256"), true);
    return alg == JWS_RS256 ? pkey_wrap(alg, EVP_RSA_gen(RSA_BITS_MIN), true) : NULL;
}

/* True when the private number belongs to the public point. RSA is not asked: it would cost some
 * 50 ms of prime tests, and what we load was sealed by us. */
static bool is_pair(enum jws_alg alg, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = alg == JWS_ES256 ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool ok = alg != JWS_ES256 || (ctx && EVP_PKEY_check(ctx) == 1);

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

enum rc pkey_from_der(enum jws_alg alg, struct str der, struct pkey **out)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    PKCS8_PRIV_KEY_INFO *info = jws_alg_signs(alg) && der.len > 0 && der.len < 64 * KIB
                                    ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len)
                                    : NULL;
    bool is_all = info && at == (const unsigned char *)der.ptr + der.len;
    EVP_PKEY *key = is_all ? EVP_PKCS82PKEY(info) : NULL;
    struct pkey *k = NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    if (!key || pkey_judge(alg_traits(alg)->kind, KEY_OWN, key) || !is_pair(alg, key)) {
        EVP_PKEY_free(key);
        ERR_clear_error();
        return RC_INVALID;
    }
    k = pkey_wrap(alg, key, true);
    if (!k)
        return RC_INTERNAL;
    *out = k;
    return RC_OK;
}

enum rc pkey_to_der(const struct pkey *k, struct secret *out)
{
    PKCS8_PRIV_KEY_INFO *info = k->is_private ? EVP_PKEY2PKCS8(k->key) : NULL;
    unsigned char *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    struct secret s = {NULL, 0};

    PKCS8_PRIV_KEY_INFO_free(info);
    if (len > 0) {
        s = secret_copy(der, (size_t)len);
        OPENSSL_clear_free(der, (size_t)len);
    }
    if (!s.octets) {
        ERR_clear_error();
        return k->is_private ? RC_INTERNAL : RC_INVALID;
    }
    *out = s;
    return RC_OK;
}

bool pkey_fits(const struct pkey *k, enum jws_alg alg)
{
    return alg != JWS_ALG_NONE && k->kind == alg_traits(alg)->kind &&
           (k->alg == JWS_ALG_NONE || k->alg == alg);
}

enum jws_alg pkey_alg(const struct pkey *k)
{
    return k->alg;
}

struct pkey *pkey_ref(struct pkey *k)
{
    if (k)
        atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void pkey_unref(struct pkey *k)
{
    if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_free(k->key); /* wipes private numbers */
    free(k);
}
