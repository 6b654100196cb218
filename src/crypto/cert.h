/* Certificates that a client registers for its assertions, and the ones that our issuer publishes
 * with its keys. Chains are nobody's business here: a certificate counts by its thumbprint. */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include "base/clock.h"
#include "crypto/pkey.h"

#define CERT_TEXT_MAX ((size_t)16384)

/** One certificate as read. `der` and `subject` lie in the arena; the key is owned: cert_clear().
 */
struct cert {
    struct str der;
    uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN]; /* of `der`: x5t and x5t#S256 */
    unix_ms not_before, not_after;
    struct str subject; /* RFC 2253 text, printable ASCII, for people to read; may be empty */
    struct pkey *key;   /* RSA of 2048 to 8192 bits, P-256 or P-384; names no algorithm */
};

/** Reads exactly one X.509 certificate (RFC 5280): PEM (RFC 7468, blanks outside allowed) or DER,
 * at most CERT_TEXT_MAX octets, nothing before or behind. RC_INVALID, RC_TOO_LARGE or RC_INTERNAL
 * (no memory), with a short static reason in `out_why`. Neither its signature nor its time is
 * judged. Thread-safe. */
enum rc cert_read(struct str text, struct arena *arena, struct cert *out,
                  const char **out_why) NODISCARD;
/** Releases the key. NULL and zeros are fine. */
void cert_clear(struct cert *cert);

/** Appends the DER of a certificate that `k` (with its private half; RSA or P-256) signs for
 * itself: subject and issuer CN=`name` (1 to 64 octets of UTF-8), valid from one day before `now`
 * for `days` (1 to 36500) from `now`, keyUsage digitalSignature. The serial number comes from the
 * key, so an RSA key gives the same octets each time; an ECDSA signature is new each time.
 * RC_INVALID, RC_TOO_LARGE (buf.max) or RC_INTERNAL. Source: RFC 5280. */
enum rc cert_self_signed(const struct pkey *k, struct str name, unix_ms now, int days,
                         struct buf *out_der) NODISCARD;

/** The thumbprint of an `x5t` or `x5t#S256` header: 20 or 32 octets in base64 of either alphabet
 * (not both in one text), padded rightly or not at all, for the official clients differ. RC_INVALID
 * for all else, RC_TOO_LARGE when `cap` is too small. Source: RFC 7515 sections 4.1.7 and 4.1.8. */
enum rc thumbprint_decode(struct str text, uint8_t *out, size_t cap, size_t *out_len) NODISCARD;

#endif
