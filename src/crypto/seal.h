/* Secrets at rest: AES-256-GCM under a master key that lies outside the store. Sealed form:
 * version octet 1 || 8-octet master key id || 12-octet nonce || ciphertext || 16-octet tag. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/buf.h"
#include "crypto/secret.h"

#define MASTER_KEY_LEN ((size_t)32)
#define SEAL_OVERHEAD  ((size_t)37)

/** Immutable; shared by all threads. */
struct master_key;
/** Takes exactly MASTER_KEY_LEN octets. Its id is the first 8 octets of their SHA-256 HMAC. */
struct master_key *master_key_new(const struct secret *octets);
void master_key_free(struct master_key *k);
/** Appends the sealed form; `context` ("table/row/resource") is authenticated, not stored. */
enum rc seal(const struct master_key *k, struct str context, const struct secret *plain,
             struct buf *out) NODISCARD;
/** RC_DENIED: other key, other context, or changed octets. */
enum rc unseal(const struct master_key *k, struct str context, struct str sealed,
               struct secret *out) NODISCARD;
/** HMAC-SHA256 under a key derived from the master key: for one-time codes kept as hash only. */
void master_key_hash(const struct master_key *k, struct str purpose, struct str value,
                     uint8_t out[static 32]);

#endif
