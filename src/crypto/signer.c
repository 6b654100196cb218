/* Making and checking JWS signatures (RFC 7518 sections 3.3 and 3.4) with contexts that are kept
 * between calls, one per thread and key.
 *
 * ES256 on the wire is r||s; OpenSSL speaks DER. Both turns are made by hand, since going through
 * ECDSA_SIG would cost allocations, and since the range of r and s is ours to check first. */
#include "crypto/pkey_private.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#define DER_SEQUENCE 0x30
#define DER_INTEGER  0x02
#define DER_MAX      (2 + 2 * (2 + 1 + P256_LEN))

struct signer {
    struct pkey *key;
    EVP_PKEY_CTX *ctx;
};

struct verifier {
    struct pkey *key;
    EVP_PKEY_CTX *ctx;
    size_t signature_len;
};

/* The order n of P-256. */
static const uint8_t p256_order[P256_LEN] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

/* True when 0 < number < n. */
static bool is_in_range(const uint8_t number[static P256_LEN])
{
    unsigned any = 0;
    size_t i = 0;

    for (size_t j = 0; j < P256_LEN; j++)
        any |= number[j];
    while (i < P256_LEN && number[i] == p256_order[i])
        i++;
    return any != 0 && i < P256_LEN && number[i] < p256_order[i];
}

/* Writes one INTEGER (shortest form); returns its length. */
static size_t put_integer(uint8_t *out, const uint8_t number[static P256_LEN])
{
    size_t skip = 0, pad;

    while (skip < P256_LEN - 1 && number[skip] == 0)
        skip++;
    pad = number[skip] >> 7;
    out[0] = DER_INTEGER;
    out[1] = (uint8_t)(P256_LEN - skip + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number + skip, P256_LEN - skip);
    return 2 + pad + P256_LEN - skip;
}

static size_t der_from_pair(const uint8_t pair[static 2 * P256_LEN], uint8_t out[static DER_MAX])
{
    size_t len = put_integer(out + 2, pair);

    len += put_integer(out + 2 + len, pair + P256_LEN);
    out[0] = DER_SEQUENCE;
    out[1] = (uint8_t)len;
    return 2 + len;
}

/* Reads one INTEGER at `*at` into P256_LEN octets and moves on. */
static bool take_integer(const uint8_t **at, const uint8_t *end, uint8_t out[static P256_LEN])
{
    const uint8_t *p = *at;
    size_t len;

    if (end - p < 2 || p[0] != DER_INTEGER || p[1] > end - p - 2)
        return false;
    len = p[1];
    p += 2;
    *at = p + len;
    for (; len > P256_LEN && *p == 0; len--)
        p++;
    if (len > P256_LEN)
        return false;
    memset(out, 0, P256_LEN - len);
    memcpy(out + P256_LEN - len, p, len);
    return true;
}

static bool pair_from_der(const uint8_t *der, size_t len, uint8_t out[static 2 * P256_LEN])
{
    const uint8_t *at = der + 2, *end = der + len;

    return len > 2 && der[0] == DER_SEQUENCE && der[1] == len - 2 && take_integer(&at, end, out) &&
           take_integer(&at, end, out + P256_LEN) && at == end;
}

static bool use_sha256(const struct pkey *k, EVP_PKEY_CTX *ctx)
{
    if (k->alg == JWS_RS256 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
        return false;
    return EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
}

struct signer *signer_new(struct pkey *k)
{
    struct signer *s = k->is_private ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->key = pkey_ref(k);
    s->ctx = EVP_PKEY_CTX_new(k->key, NULL);
    if (!s->ctx || EVP_PKEY_sign_init(s->ctx) != 1 || !use_sha256(k, s->ctx)) {
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
    bool is_ec = s->key->alg == JWS_ES256;
    size_t len = is_ec ? sizeof der : SIGNATURE_MAX;

    sha256(w, data, hash);
    if (EVP_PKEY_sign(s->ctx, is_ec ? der : out, &len, hash, sizeof hash) != 1 ||
        (is_ec && !pair_from_der(der, len, out))) {
        ERR_clear_error();
        return RC_INTERNAL;
    }
    *out_len = is_ec ? 2 * P256_LEN : len;
    return RC_OK;
}

struct verifier *verifier_new(struct pkey *k)
{
    struct verifier *v = calloc(1, sizeof *v);

    if (!v)
        return NULL;
    v->key = pkey_ref(k);
    v->signature_len = k->alg == JWS_ES256 ? 2 * P256_LEN : (size_t)EVP_PKEY_get_size(k->key);
    v->ctx = EVP_PKEY_CTX_new(k->key, NULL);
    if (!v->ctx || EVP_PKEY_verify_init(v->ctx) != 1 || !use_sha256(k, v->ctx)) {
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
    pkey_unref(v->key);
    free(v);
}

enum rc verifier_check(struct verifier *v, struct hash_work *w, struct str data,
                       struct str signature)
{
    const uint8_t *octets = (const uint8_t *)signature.ptr;
    uint8_t hash[SHA256_LEN], der[DER_MAX];
    size_t len = signature.len;

    if (len != v->signature_len)
        return RC_DENIED;
    if (v->key->alg == JWS_ES256) {
        if (!is_in_range(octets) || !is_in_range(octets + P256_LEN))
            return RC_DENIED;
        len = der_from_pair(octets, der);
        octets = der;
    }
    sha256(w, data, hash);
    if (EVP_PKEY_verify(v->ctx, octets, len, hash, sizeof hash) != 1) {
        ERR_clear_error(); /* what is left there would be read as an error of TLS */
        return RC_DENIED;
    }
    return RC_OK;
}
