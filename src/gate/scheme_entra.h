/* Service tokens: what an Entra-compatible issuer (ours, Entra ID, any OIDC issuer that the
 * operator trusts) says about a service principal. From a parsed JWS to verified claims.
 * Source: wire/managed-identity §1.10, §4; RFC 8725, RFC 9068 §4. */
#ifndef GATE_SCHEME_ENTRA_H
#define GATE_SCHEME_ENTRA_H

#include "crypto/jws.h"
#include "gate/directory.h"
#include "gate/issuers.h"
#include "gate/scheme_user.h"
#include "gate/verifiers.h"

/** Tokens of others may be off by this much. */
#define FOREIGN_SKEW_MS ((int64_t)300 * 1000)
struct service_claims {
    struct uuid object_id; /* the principal */
    struct uuid client_id; /* zeros: the token names none */
    enum token_audience audience;
    bool own;              /* ours: no skew */
    bool challengeable;    /* xms_cc has cp1: the client answers a claims challenge */
    unix_ms iat, exp, nbf; /* iat and nbf 0: not there; iat of ours: to the millisecond */
    char kid[KID_MAX];     /* ours: which key verified it, checked again on each use */
    uint8_t kid_len;
    struct uuid issuer;       /* foreign: the record of its issuer, … */
    uint64_t issuers_version; /* … of this set */
    struct pkey *key;         /* foreign: what verified it; a reference of the cache's */
    enum jws_alg alg;
};

/** Why a token does not count, or what it waits for. Zeros to start with. */
struct denial {
    const char *why;           /* RC_DENIED: static */
    struct key_source *source; /* RC_BUSY: being fetched, a reference of the caller's: wait, then
                                * ask again */
};

/** What a check stands on. */
struct token_check {
    const struct directory *d;
    const struct issuer_set *issuers; /* NULL: ours alone */
    uint64_t issuers_version;         /* of that set: an entry of another one is verified again */
    struct verifiers *verifiers;
    struct hash_work *work;
    struct loop *loop; /* carries fetches of key sets */
    unix_ms now;
    struct arena *arena;
};

/** Does this JWS call itself a service token: does it name a key of our issuer, or is its `iss` not
 * that of a user access token's? Decides who judges it, nothing else. */
bool service_token_claimed(const struct token_check *c, const struct jws *jws) NODISCARD;
/** Signature and form: RC_OK (then out->key, if any, is a reference of the caller's), RC_DENIED,
 * RC_BUSY. Time is not looked at. */
enum rc service_token_check(const struct token_check *c, const struct jws *jws,
                            struct service_claims *out, struct denial *d) NODISCARD;
/** A verified one, later: does its key count yet? As above; RC_CONFLICT: the issuers that we trust
 * have changed, verify it again. */
enum rc service_token_still(const struct token_check *c, const struct service_claims *claims,
                            struct denial *d) NODISCARD;
/** When a token of ours was issued, to the millisecond: claim `cgi`, which lies within the second
 * of `iat`. RC_INVALID: it doesn't, or one of them is missing. Source: wire/managed-identity §1.10.
 */
enum rc service_token_issued(const struct claim *payload, unix_ms *out) NODISCARD;
/** Which of our services an audience names. Our own origins count for the management API.
 * Source: wire/managed-identity §4.2. */
enum token_audience token_audience_of(struct str aud) NODISCARD;
/** True when `iss` is a spelling of our own issuer: an origin of ours and the tenant. */
bool issuer_is_own(const struct directory *d, struct str iss) NODISCARD;
/** The text without one slash at its end. */
struct str without_slash(struct str text);

#endif
