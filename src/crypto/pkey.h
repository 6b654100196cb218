/* Keys for JWS over OpenSSL EVP: our own pairs, which sign ES256 (P-256) or RS256, and public keys
 * of others, which verify every algorithm of RFC 7518 section 3.1 and RFC 8037 that is asymmetric,
 * less ES512. */
#ifndef CRYPTO_PKEY_H
#define CRYPTO_PKEY_H

#include "base/arena.h"
#include "base/json.h"
#include "crypto/hash.h"

enum jws_alg {
    JWS_ALG_NONE = 0,
    JWS_ES256,
    JWS_RS256,
    JWS_RS384,
    JWS_RS512,
    JWS_PS256,
    JWS_PS384,
    JWS_PS512,
    JWS_ES384,
    JWS_EDDSA, /* Ed25519 */
    JWS_ALG_COUNT,
};

/** "ES256", "RS256", … "EdDSA"; empty for JWS_ALG_NONE. */
struct str jws_alg_name(enum jws_alg alg);
/** JWS_ALG_NONE for anything else; compared exactly. */
enum jws_alg jws_alg_from_name(struct str name);
/** True for the algorithms that we sign with ourselves: ES256 and RS256. The others verify only. */
bool jws_alg_signs(enum jws_alg alg) NODISCARD;

/** An EVP key and its algorithm. Immutable, reference counted, shared by all threads. */
struct pkey;
/** A new P-256 or 2048-bit RSA pair; NULL without memory, or when `alg` does not sign. */
struct pkey *pkey_generate(enum jws_alg alg);
/** Private key as PKCS #8 DER; judged as pkey_from_jwk() does. RC_INVALID when `alg` does not
 * sign. */
enum rc pkey_from_der(enum jws_alg alg, struct str der, struct pkey **out) NODISCARD;
/** RC_INVALID when `k` has no private half. */
enum rc pkey_to_der(const struct pkey *k, struct secret *out) NODISCARD;
/** Public key from a JWK object (RFC 7517): only kty, crv, x, y, n, e are read; private members
 * are ignored; curve points are checked; RSA below 2048 or above 4096 bits, with an exponent that
 * is even, below 65537 or above 64 bits, or with a modulus of CVE-2017-15361 is refused. So is a
 * key whose `use`, `key_ops` or `alg`, where present, names something else than this. */
enum rc pkey_from_jwk(enum jws_alg alg, const json_t *jwk, struct pkey **out) NODISCARD;
/** Somebody else's public key, whose algorithm only a token will say: `kty` and `crv` decide what
 * it is (RSA, EC P-256, EC P-384, OKP Ed25519), `alg`, where present, that it fits nothing else;
 * an `alg` unknown here or of another kind of key is refused. Other members as above. RSA may have
 * 2048 to 8192 bits and an odd exponent of 3 to 64 bits. RC_INVALID or RC_INTERNAL (no memory).
 * Source: RFC 7517 section 4. */
enum rc pkey_from_jwk_any(const json_t *jwk, struct pkey **out) NODISCARD;
/** True when `k` may check signatures of `alg`: its kind of key is right, and it names no other. */
bool pkey_fits(const struct pkey *k, enum jws_alg alg) NODISCARD;
/** Writes the public JWK members in one JSON object with kid, use and, if the key has one, alg. */
void pkey_write_jwk(const struct pkey *k, struct str kid, struct json_writer *w);
/** RFC 7638 thumbprint: base64url of SHA-256, 43 characters. */
void pkey_thumbprint(const struct pkey *k, char out[static 43]);
/** JWS_ALG_NONE for a key of somebody else's that names none. */
enum jws_alg pkey_alg(const struct pkey *k);
struct pkey *pkey_ref(struct pkey *k);
void pkey_unref(struct pkey *k);

#define SIGNATURE_MAX ((size_t)512) /* of those that we make */

/** Signing or verifying state of one thread for one key: the context is kept between calls. */
struct signer;
/** Takes a reference of its own. NULL when `k` has no private half, or without memory. */
struct signer *signer_new(struct pkey *k);
void signer_free(struct signer *s);
/** JWS signature (ES256: r||s, 64 octets) over `data`; out holds SIGNATURE_MAX. */
enum rc signer_sign(struct signer *s, struct hash_work *w, struct str data, uint8_t *out,
                    size_t *out_len) NODISCARD;
struct verifier;
/** For the key's own algorithm. Takes a reference of its own; NULL without memory, or when the key
 * names no algorithm. */
struct verifier *verifier_new(struct pkey *k);
/** For `alg`; NULL also when `k` does not fit it. */
struct verifier *verifier_new_alg(struct pkey *k, enum jws_alg alg);
void verifier_free(struct verifier *v);
/** RC_OK or RC_DENIED. Lengths are exact: ES256 and EdDSA 64 octets, ES384 96, RSA those of the
 * modulus. ECDSA asks for 0 < r, s < n, RSA-PSS for a salt as long as the hash and MGF1 with the
 * same hash (RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1). */
enum rc verifier_check(struct verifier *v, struct hash_work *w, struct str data,
                       struct str signature) NODISCARD;

#endif
