/* What pkey.c, jwk.c and signer.c know of a key; nobody else includes this. */
#ifndef CRYPTO_PKEY_PRIVATE_H
#define CRYPTO_PKEY_PRIVATE_H

#include "crypto/pkey.h"

#include <openssl/evp.h>
#include <stdatomic.h>

#define P256_LEN         ((size_t)32) /* of a coordinate, r or s */
#define RSA_BITS_MIN     2048
#define RSA_BITS_MAX     4096 /* its signature fills SIGNATURE_MAX */
#define RSA_EXPONENT_MIN 65537

struct pkey {
    _Atomic uint32_t refs;
    enum jws_alg alg;
    bool is_private;
    EVP_PKEY *key;
};

/** Takes `key` over (NULL gives NULL); frees it when there is no memory. */
struct pkey *pkey_wrap(enum jws_alg alg, EVP_PKEY *key, bool is_private);
/** RC_OK when `key` is what `alg` takes: P-256; or RSA of 2048 to 4096 bits with an odd modulus,
 * an odd exponent of 17 to 64 bits, and none of the weak moduli of CVE-2017-15361. */
enum rc pkey_judge(enum jws_alg alg, const EVP_PKEY *key) NODISCARD;

#endif
