/* What pkey.c, jwk.c, signer.c, rsa_check.c and cert.c know of a key; nobody else includes this. */
#ifndef CRYPTO_PKEY_PRIVATE_H
#define CRYPTO_PKEY_PRIVATE_H

#include "crypto/pkey.h"

#include <openssl/evp.h>
#include <stdatomic.h>

#define COORDINATE_MAX   ((size_t)48) /* octets of a coordinate, r or s: P-384 */
#define RSA_BITS_MIN     2048
#define RSA_BITS_MAX     4096 /* its signature fills SIGNATURE_MAX */
#define RSA_EXPONENT_MIN 65537
#define RSA_FOREIGN_MAX  8192
#define RSA_FOREIGN_EXP  3 /* RFC 8017 section 3.1; still in use with others */

enum key_kind { KEY_KIND_NONE = 0, KEY_RSA, KEY_P256, KEY_P384, KEY_ED25519, KEY_KIND_COUNT };
enum key_owner { KEY_OWN, KEY_FOREIGN };

/* What a kind of key is called, and how long its coordinates are. */
struct kind_traits {
    const char *type, *group; /* by OpenSSL; group NULL: has none */
    struct str kty, crv;      /* by RFC 7518 section 6, RFC 8037 section 2; crv empty: has none */
    size_t coordinate;
};

struct alg_traits {
    struct str name;
    const char *digest; /* by OpenSSL; NULL: the algorithm hashes by itself */
    enum key_kind kind;
    bool is_pss;
};

struct pkey {
    _Atomic uint32_t refs;
    enum key_kind kind;
    enum jws_alg alg; /* JWS_ALG_NONE: any that fits the kind */
    bool is_private;
    EVP_PKEY *key;
};

/** Zeros for JWS_ALG_NONE and numbers that are none. Static. */
const struct alg_traits *alg_traits(enum jws_alg alg);
/** Zeros for KEY_KIND_NONE. Static. */
const struct kind_traits *kind_traits(enum key_kind kind);
/** Takes `key` over (NULL gives NULL); frees it when there is no memory. */
struct pkey *pkey_wrap(enum jws_alg alg, EVP_PKEY *key, bool is_private);
/** KEY_KIND_NONE when `key` is of no kind that we know. */
enum key_kind pkey_kind_of(const EVP_PKEY *key);
/** RC_OK when `key` is of that kind and good: RSA of 2048 to 4096 bits (of others: 8192) with an
 * odd modulus, an odd exponent of 17 to 64 bits (of others: from 3), and none of the weak moduli
 * of CVE-2017-15361. */
enum rc pkey_judge(enum key_kind kind, enum key_owner owner, const EVP_PKEY *key) NODISCARD;
/** The curve's own check again, with the order of the point; keys without a curve pass. */
bool pkey_is_good_point(EVP_PKEY *key) NODISCARD;

/* ---- rsa_check.c ---- */

/** What is kept to check RSASSA-PKCS1-v1_5 signatures of one key; of one thread. */
struct rsa_check;
/** `hash_len`: 32, 48 or 64 octets of SHA-2. NULL without memory, or when the key is too short. */
struct rsa_check *rsa_check_new(const EVP_PKEY *key, size_t hash_len);
void rsa_check_free(struct rsa_check *c);
/** `signature` must be as long as the modulus, and less. */
bool rsa_check_holds(struct rsa_check *c, struct str signature, const uint8_t *hash,
                     size_t hash_len) NODISCARD;

#endif
