/* RSASSA-PKCS1-v1_5 signatures checked the way that RFC 8017 section 8.2.2 says: the signature to
 * the power of e is compared with the one encoding that the hash has. Nothing is parsed.
 *
 * With the numbers and OpenSSL's Montgomery multiplication kept between calls this takes a fifth
 * less than EVP_PKEY_verify(), which makes its numbers anew each time, multiplies twice more, and
 * copies the result octet by octet. All that is handled here is public. */
#include "crypto/pkey_private.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#define PREFIX_LEN  ((size_t)19)
#define PADDING_MIN ((size_t)11) /* 00 01, eight octets of FF, 00 */

struct rsa_check {
    BN_CTX *ctx;
    BN_MONT_CTX *mont;
    BIGNUM *n, *e;
    BIGNUM *signature, *base, *power, *wanted; /* of one call */
    size_t len;                                /* octets of the modulus */
    uint8_t encoded[RSA_FOREIGN_MAX / 8];      /* what a right signature holds, but for the hash */
};

/* The DER of a DigestInfo up to the hash (RFC 8017 section 9.2, note 1). The three differ in their
 * lengths and in the last number of the hash's name. */
static void write_encoding(uint8_t *out, size_t len, size_t hash_len)
{
    uint8_t prefix[PREFIX_LEN] = {0x30, 0x11, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                  0x65, 0x03, 0x04, 0x02, 0x00, 0x05, 0x00, 0x04, 0x00};
    size_t at = len - hash_len - PREFIX_LEN;

    prefix[1] = (uint8_t)(prefix[1] + hash_len);
    prefix[14] = (uint8_t)(hash_len / 16 - 1); /* 32, 48, 64 octets: 1, 2, 3 */
    prefix[18] = (uint8_t)hash_len;
    memset(out, 0xFF, at);
    out[0] = 0;
    out[1] = 1;
    out[at - 1] = 0;
    memcpy(out + at, prefix, PREFIX_LEN);
}

static bool prepare(struct rsa_check *c, const EVP_PKEY *key)
{
    c->ctx = BN_CTX_new();
    c->mont = BN_MONT_CTX_new();
    c->signature = BN_new();
    c->base = BN_new();
    c->power = BN_new();
    c->wanted = BN_new();
    return c->ctx && c->mont && c->signature && c->base && c->power && c->wanted &&
           EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &c->n) == 1 &&
           EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &c->e) == 1 && BN_is_odd(c->e) &&
           BN_num_bits(c->e) > 1 && BN_MONT_CTX_set(c->mont, c->n, c->ctx) == 1;
}

struct rsa_check *rsa_check_new(const EVP_PKEY *key, size_t hash_len)
{
    struct rsa_check *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->len = (size_t)EVP_PKEY_get_size(key);
    if (c->len > sizeof c->encoded || c->len < PADDING_MIN + PREFIX_LEN + hash_len ||
        !prepare(c, key)) {
        rsa_check_free(c);
        return NULL;
    }
    write_encoding(c->encoded, c->len, hash_len);
    return c;
}

void rsa_check_free(struct rsa_check *c)
{
    if (!c)
        return;
    BN_free(c->n);
    BN_free(c->e);
    BN_free(c->signature);
    BN_free(c->base);
    BN_free(c->power);
    BN_free(c->wanted);
    BN_MONT_CTX_free(c->mont);
    BN_CTX_free(c->ctx);
    free(c);
}

/* power = signature to the e, bit by bit from the top. e is odd: the last multiplication is by the
 * number as it came, which takes the result out of Montgomery's form. */
static bool raise(struct rsa_check *c)
{
    const BIGNUM *factor = c->base;

    if (!BN_to_montgomery(c->base, c->signature, c->mont, c->ctx) || !BN_copy(c->power, c->base))
        return false;
    for (int bit = BN_num_bits(c->e) - 2; bit >= 0; bit--) {
        if (!BN_mod_mul_montgomery(c->power, c->power, c->power, c->mont, c->ctx))
            return false;
        if (bit == 0)
            factor = c->signature;
        if (BN_is_bit_set(c->e, bit) &&
            !BN_mod_mul_montgomery(c->power, c->power, factor, c->mont, c->ctx))
            return false;
    }
    return true;
}

bool rsa_check_holds(struct rsa_check *c, struct str signature, const uint8_t *hash,
                     size_t hash_len)
{
    if (signature.len != c->len)
        return false;
    memcpy(c->encoded + c->len - hash_len, hash, hash_len);
    return BN_bin2bn((const uint8_t *)signature.ptr, (int)c->len, c->signature) &&
           BN_cmp(c->signature, c->n) < 0 && raise(c) &&
           BN_bin2bn(c->encoded, (int)c->len, c->wanted) && BN_cmp(c->power, c->wanted) == 0;
}
