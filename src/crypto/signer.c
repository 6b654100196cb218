/* Making and checking JWS signatures (RFC 7518 sections 3.3 to 3.5, RFC 8037) with contexts that
 * are kept between calls, one per thread and key.
 *
 * ECDSA on the wire is r||s; OpenSSL speaks DER. Both turns are made by hand, since going through
 * ECDSA_SIG would cost allocations, and since the range of r and s is ours to check first. */
#include "crypto/pkey_private.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#define DER_SEQUENCE 0x30
#define DER_INTEGER  0x02
#define DER_MAX      (2 + 2 * (2 + 1 + COORDINATE_MAX)) /* below 128: lengths are one octet */
#define ED25519_LEN  ((size_t)64)

struct signer {
    struct pkey *key;
    EVP_PKEY_CTX *ctx;
};

struct verifier {
    struct pkey *key;
    EVP_PKEY_CTX *ctx;     /* unless EdDSA, or with `rsa` */
    struct rsa_check *rsa; /* of PKCS #1 v1.5; else NULL */
    EVP_MD *md;            /* of hashes other than SHA-256; else NULL */
    EVP_MD_CTX *md_ctx;    /* its state; or EdDSA's */
    const uint8_t *order;  /* of the curve; NULL: not ECDSA */
    size_t coordinate;     /* octets of r and s */
    size_t signature_len;
};

/* The orders n of the curves (FIPS 186-4, D.1.2.3 and D.1.2.4). */
static const uint8_t p256_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t p384_order[48] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

/* True when 0 < number < order; both of `n` octets. */
static bool is_in_range(const uint8_t *number, const uint8_t *order, size_t n)
{
    unsigned any = 0;
    size_t i = 0;

    for (size_t j = 0; j < n; j++)
        any |= number[j];
    while (i < n && number[i] == order[i])
        i++;
    return any != 0 && i < n && number[i] < order[i];
}

/* Writes one INTEGER (shortest form) of `n` octets; returns its length. */
static size_t put_integer(uint8_t *out, const uint8_t *number, size_t n)
{
    size_t skip = 0, pad;

    while (skip < n - 1 && number[skip] == 0)
        skip++;
    pad = number[skip] >> 7;
    out[0] = DER_INTEGER;
    out[1] = (uint8_t)(n - skip + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number + skip, n - skip);
    return 2 + pad + n - skip;
}

/* `pair` holds two numbers of `n` octets, at most COORDINATE_MAX. */
static size_t der_from_pair(const uint8_t *pair, size_t n, uint8_t out[static DER_MAX])
{
    size_t len = put_integer(out + 2, pair, n);

    len += put_integer(out + 2 + len, pair + n, n);
    out[0] = DER_SEQUENCE;
    out[1] = (uint8_t)len;
    return 2 + len;
}

/* Reads one INTEGER at `*at` into `n` octets and moves on. */
static bool take_integer(const uint8_t **at, const uint8_t *end, uint8_t *out, size_t n)
{
    const uint8_t *p = *at;
    size_t len;

    if (end - p < 2 || p[0] != DER_INTEGER || p[1] > end - p - 2)
        return false;
    len = p[1];
    p += 2;
    *at = p + len;
    for (; len > n && *p == 0; len--)
        p++;
    if (len > n)
        return false;
    memset(out, 0, n - len);
    memcpy(out + n - len, p, len);
    return true;
}

static bool pair_from_der(const uint8_t *der, size_t len, uint8_t *out, size_t n)
{
    const uint8_t *at = der + 2, *end = der + len;

    return len > 2 && der[0] == DER_SEQUENCE && der[1] == len - 2 &&
           take_integer(&at, end, out, n) && take_integer(&at, end, out + n, n) && at == end;
}

/* Tells `ctx` the padding and the hash of `alg`. */
static bool set_scheme(EVP_PKEY_CTX *ctx, enum jws_alg alg, const EVP_MD *md)
{
    const struct alg_traits *traits = alg_traits(alg);

    if (traits->kind == KEY_RSA &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, traits->is_pss ? RSA_PKCS1_PSS_PADDING
                                                         : RSA_PKCS1_PADDING) != 1)
        return false;
    if (EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
        return false;
    return !traits->is_pss || (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
                               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

struct signer *signer_new(struct pkey *k)
{
    struct signer *s = k->is_private ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->key = pkey_ref(k);
    s->ctx = EVP_PKEY_CTX_new(k->key, NULL);
    if (!s->ctx || EVP_PKEY_sign_init(s->ctx) != 1 || !set_scheme(s->ctx, k->alg, EVP_sha256())) {
        ERR_clear_error();
        signer_free(s);
        return NULL;
    }
    return s;
}

void signer_free(struct signer *s)
{
    if (!s)
        return;
    EVP_PKEY_CTX_free(s->ctx);
    pkey_unref(s->key);
    free(s);
}

enum rc signer_sign(struct signer *s, struct hash_work *w, struct str data, uint8_t *out,
                    size_t *out_len)
{
    uint8_t hash[SHA256_LEN], der[DER_MAX] = {0};
    size_t n = kind_traits(s->key->kind)->coordinate;
    bool is_ec = n != 0;
    size_t len = is_ec ? sizeof der : SIGNATURE_MAX;

    sha256(w, data, hash);
    if (EVP_PKEY_sign(s->ctx, is_ec ? der : out, &len, hash, sizeof hash) != 1 ||
        (is_ec && !pair_from_der(der, len, out, n))) {
        ERR_clear_error();
        return RC_INTERNAL;
    }
    *out_len = is_ec ? 2 * n : len;
    return RC_OK;
}

/* What a verifier keeps for hashes other than the loop's. */
static bool prepare_hash(struct verifier *v, const char *digest)
{
    if (digest && name_eq(str_from(digest), STR("SHA256")))
        return true;
    v->md_ctx = EVP_MD_CTX_new();
    if (digest)
        v->md = EVP_MD_fetch(NULL, digest, NULL);
    return v->md_ctx && (v->md || !digest);
}

static size_t hash_length(const struct verifier *v)
{
    return v->md ? (size_t)EVP_MD_get_size(v->md) : SHA256_LEN;
}

static bool prepare(struct verifier *v, enum jws_alg alg)
{
    const struct alg_traits *traits = alg_traits(alg);

    if (!prepare_hash(v, traits->digest))
        return false;
    if (traits->kind == KEY_ED25519) {
        v->signature_len = ED25519_LEN;
        return true;
    }
    if (traits->kind == KEY_RSA) {
        v->signature_len = (size_t)EVP_PKEY_get_size(v->key->key);
        if (!traits->is_pss) {
            v->rsa = rsa_check_new(v->key->key, hash_length(v));
            return v->rsa != NULL;
        }
    } else {
        v->order = traits->kind == KEY_P256 ? p256_order : p384_order;
        v->coordinate = kind_traits(traits->kind)->coordinate;
        v->signature_len = 2 * v->coordinate;
    }
    v->ctx = EVP_PKEY_CTX_new(v->key->key, NULL);
    return v->ctx && EVP_PKEY_verify_init(v->ctx) == 1 &&
           set_scheme(v->ctx, alg, v->md ? v->md : EVP_sha256());
}

struct verifier *verifier_new(struct pkey *k)
{
    return verifier_new_alg(k, k->alg);
}

struct verifier *verifier_new_alg(struct pkey *k, enum jws_alg alg)
{
    struct verifier *v = pkey_fits(k, alg) ? calloc(1, sizeof *v) : NULL;

    if (!v)
        return NULL;
    v->key = pkey_ref(k);
    if (!prepare(v, alg)) {
        ERR_clear_error();
        verifier_free(v);
        return NULL;
    }
    return v;
}

void verifier_free(struct verifier *v)
{
    if (!v)
        return;
    EVP_PKEY_CTX_free(v->ctx);
    rsa_check_free(v->rsa);
    EVP_MD_CTX_free(v->md_ctx);
    EVP_MD_free(v->md);
    pkey_unref(v->key);
    free(v);
}

/* Returns the length of the hash; 0 on failure. */
static size_t hash_with(struct verifier *v, struct hash_work *w, struct str data,
                        uint8_t out[static EVP_MAX_MD_SIZE])
{
    unsigned len = 0;

    if (!v->md) {
        sha256(w, data, out);
        return SHA256_LEN;
    }
    if (EVP_DigestInit_ex2(v->md_ctx, v->md, NULL) != 1 ||
        EVP_DigestUpdate(v->md_ctx, data.ptr, data.len) != 1 ||
        EVP_DigestFinal_ex(v->md_ctx, out, &len) != 1)
        return 0;
    return len;
}

static bool holds_eddsa(struct verifier *v, struct str data, struct str signature)
{
    return EVP_MD_CTX_reset(v->md_ctx) == 1 &&
           EVP_DigestVerifyInit(v->md_ctx, NULL, NULL, NULL, v->key->key) == 1 &&
           EVP_DigestVerify(v->md_ctx, (const uint8_t *)signature.ptr, signature.len,
                            (const uint8_t *)data.ptr, data.len) == 1;
}

static bool holds(struct verifier *v, struct hash_work *w, struct str data, struct str signature)
{
    const uint8_t *octets = (const uint8_t *)signature.ptr;
    uint8_t hash[EVP_MAX_MD_SIZE], der[DER_MAX];
    size_t len = signature.len, n = v->coordinate, hash_len;

    if (v->order) {
        if (!is_in_range(octets, v->order, n) || !is_in_range(octets + n, v->order, n))
            return false;
        len = der_from_pair(octets, n, der);
        octets = der;
    }
    hash_len = hash_with(v, w, data, hash);
    if (v->rsa)
        return hash_len && rsa_check_holds(v->rsa, signature, hash, hash_len);
    return hash_len && EVP_PKEY_verify(v->ctx, octets, len, hash, hash_len) == 1;
}

enum rc verifier_check(struct verifier *v, struct hash_work *w, struct str data,
                       struct str signature)
{
    if (signature.len != v->signature_len)
        return RC_DENIED;
    if (v->ctx || v->rsa ? holds(v, w, data, signature) : holds_eddsa(v, data, signature))
        return RC_OK;
    ERR_clear_error(); /* what is left there would be read as an error of TLS */
    return RC_DENIED;
}
