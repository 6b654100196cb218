/* SHA-256, and HMAC-SHA256 with kept key state: hashing is nearly all that a MAC costs. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "crypto/secret.h"

#define SHA256_LEN ((size_t)32)
#define SHA1_LEN   ((size_t)20)

/** Per-thread scratch state for sha256() and mac_sign(). Owned; one thread at a time. */
struct hash_work;
struct hash_work *hash_work_new(void);
void hash_work_free(struct hash_work *w);

/** SHA-256 (FIPS 180-4) of `data`. */
void sha256(struct hash_work *w, struct str data, uint8_t out[static 32]);
/** The same in pieces: begin, add any number of times, end. One at a time per work state. */
void sha256_begin(struct hash_work *w);
void sha256_add(struct hash_work *w, struct str data);
void sha256_end(struct hash_work *w, uint8_t out[static 32]);

/** SHA-1 of `data`, for the thumbprint `x5t` of a certificate, which names one that is known
 * already (RFC 7515 section 4.1.7), and the answer to a WebSocket's key, which is no secret (RFC
 * 6455 section 4.2.2). It vouches for nothing. */
void sha1(struct str data, uint8_t out[static 20]);

/** HMAC-SHA256 (RFC 2104) with its inner and outer pad states kept. Immutable after _new: may be
 * used by many threads at once, each with its own hash_work. */
struct mac_key;
struct mac_key *mac_key_new(const void *key, size_t len);
void mac_key_free(struct mac_key *k);
void mac_sign(const struct mac_key *k, struct hash_work *w, struct str data,
              uint8_t out[static 32]);
/** The MAC of several pieces laid end to end. */
void mac_sign_pieces(const struct mac_key *k, struct hash_work *w, const struct str *pieces,
                     size_t n, uint8_t out[static 32]);

#ifdef COUNT_CRYPTO_CALLS
/** Test builds: how many MACs and hashes this thread has computed. */
struct crypto_calls {
    uint64_t macs, hashes;
};
struct crypto_calls crypto_calls_now(void);
#endif

#endif
