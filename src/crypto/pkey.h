/* Key pairs for JWS: ES256 (P-256) and RS256 (2048 bits and up), over OpenSSL EVP. */
#ifndef CRYPTO_PKEY_H
#define CRYPTO_PKEY_H

#include "base/arena.h"
#include "base/json.h"
#include "crypto/hash.h"

enum jws_alg { JWS_ALG_NONE = 0, JWS_ES256, JWS_RS256 };

/** "ES256", "RS256". */
struct str jws_alg_name(enum jws_alg alg);
/** JWS_ALG_NONE for anything else; compared exactly. */
enum jws_alg jws_alg_from_name(struct str name);

/** An EVP key and its algorithm. Immutable, reference counted, shared by all threads. */
struct pkey;
/** A new P-256 or 2048-bit RSA pair; NULL without memory. */
struct pkey *pkey_generate(enum jws_alg alg);
/** Private key as PKCS #8 DER; judged as pkey_from_jwk() does. */
enum rc pkey_from_der(enum jws_alg alg, struct str der, struct pkey **out) NODISCARD;
/** RC_INVALID when `k` has no private half. */
enum rc pkey_to_der(const struct pkey *k, struct secret *out) NODISCARD;
/** Public key from a JWK object (RFC 7517): only kty, crv, x, y, n, e are read; private members
 * are ignored; curve points are checked; RSA below 2048 or above 4096 bits, with an exponent that
 * is even, below 65537 or above 64 bits, or with a modulus of CVE-2017-15361 is refused. So is a
 * key whose `use`, `key_ops` or `alg`, where present, names something else than this. */
enum rc pkey_from_jwk(enum jws_alg alg, const json_t *jwk, struct pkey **out) NODISCARD;
/** Writes the public JWK members in one JSON object with kid, use and alg. */
void pkey_write_jwk(const struct pkey *k, struct str kid, struct json_writer *w);
/** RFC 7638 thumbprint: base64url of SHA-256, 43 characters. */
void pkey_thumbprint(const struct pkey *k, char out[static 43]);
enum jws_alg pkey_alg(const struct pkey *k);
struct pkey *pkey_ref(struct pkey *k);
void pkey_unref(struct pkey *k);

#define SIGNATURE_MAX ((size_t)512)

/** Signing or verifying state of one thread for one key: the context is kept between calls. */
struct signer;
/** Takes a reference of its own. NULL when `k` has no private half, or without memory. */
struct signer *signer_new(struct pkey *k);
void signer_free(struct signer *s);
/** JWS signature (ES256: r||s, 64 octets) over `data`; out holds SIGNATURE_MAX. */
enum rc signer_sign(struct signer *s, struct hash_work *w, struct str data, uint8_t *out,
                    size_t *out_len) NODISCARD;
struct verifier;
/** Takes a reference of its own; NULL without memory. */
struct verifier *verifier_new(struct pkey *k);
void verifier_free(struct verifier *v);
/** RC_OK or RC_DENIED. ES256 takes exactly 64 octets, with 0 < r, s < n. */
enum rc verifier_check(struct verifier *v, struct hash_work *w, struct str data,
                       struct str signature) NODISCARD;

#endif
