/* JWS compact serialisation (RFC 7515) under RFC 8725: form only. Which key and algorithm may be
 * used is the caller's decision, from its own key record. */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include "base/clock.h"
#include "crypto/claims.h"
#include "crypto/pkey.h"

#define JWS_TOKEN_MAX      ((size_t)16384) /* characters */
#define JWS_HEADER_MAX     ((size_t)2048)  /* octets of JSON; for bearer tokens of issuers */
#define JWS_HEADER_X5C_MAX ((size_t)12288) /* for client assertions, which bring their chain */

/** How much of a token is looked at. */
struct jws_limits {
    size_t token_max;  /* characters of the whole */
    size_t header_max; /* octets of the decoded header */
    bool padded;       /* parts may end in the '=' that fill them up to four characters */
};

/** A token taken apart. All is borrowed from the token or the arena. */
struct jws {
    struct str signing_input;             /* header.payload as received */
    struct str signature;                 /* decoded, in the arena */
    const struct claim *header, *payload; /* objects, no member twice */
    struct str alg, kid, typ;             /* from the header; kid and typ empty when absent */
};

/** Takes `token` apart: three parts, strict base64url, JSON objects, `alg` a string, `kid` and
 * `typ` strings if there, no `crit`, no `b64`. `out_why` gets a short static reason on refusal.
 * jku, x5u, jwk and x5c are ignored. */
enum rc jws_parse(struct str token, struct arena *arena, struct jws *out,
                  const char **out_why) NODISCARD;
/** The same within limits other than JWS_TOKEN_MAX for all. RC_TOO_LARGE or RC_INVALID. */
enum rc jws_parse_within(struct str token, const struct jws_limits *limits, struct arena *arena,
                         struct jws *out, const char **out_why) NODISCARD;

/** What a date may be written as. */
enum numeric_date_form {
    NUMERIC_DATE_NUMBER = 0, /* RFC 7519 */
    NUMERIC_DATE_OR_DIGITS,  /* also a string of digits: old clients' assertions, nothing else */
};
/** A NumericDate of a payload (RFC 7519 section 2) in milliseconds, fraction and exponent allowed,
 * what is below a millisecond cut off. RC_NOT_FOUND: absent; RC_INVALID: null, of another type,
 * negative, or beyond the year 9999. */
enum rc jws_numeric_date(const struct claim *payload, struct str name, enum numeric_date_form form,
                         unix_ms *out) NODISCARD;
/** Appends header.payload.signature; `header_b64` is encoded already. */
enum rc jws_compose(struct signer *s, struct hash_work *w, struct str header_b64,
                    struct str payload, struct buf *out) NODISCARD;

#endif
