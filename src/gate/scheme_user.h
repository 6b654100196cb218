/* User access tokens: from a parsed JWS to verified claims. It knows the token's form and claims
 * (wire/authentication §3); revocation is checked by identify.c on every request. */
#ifndef GATE_SCHEME_USER_H
#define GATE_SCHEME_USER_H

#include "crypto/jws.h"
#include "gate/principal.h"

#define KID_MAX 64

struct user_claims {
    struct user_key user;
    unsigned scopes;
    struct user_standing standing;
    int64_t nbf;       /* seconds; 0: not there */
    char kid[KID_MAX]; /* which key verified it: checked again on each use */
    uint8_t kid_len;
};

struct token_check;

/** A JWS that names no issuer of service tokens: signature and form. NULL, or a short reason
 * (static). Time is not looked at, but a key that has retired for longer than the longest token is
 * refused. */
const char *user_token_check(const struct token_check *c, const struct jws *jws,
                             struct user_claims *out) NODISCARD;
/** A verified one, later: NULL while its key counts. */
const char *user_token_still(const struct directory *d, const struct user_claims *claims,
                             unix_ms now) NODISCARD;

#endif
