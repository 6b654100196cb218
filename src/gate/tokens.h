/* Bearer tokens that are JWTs: from octets to verified claims, with one loop's cache of verified
 * ones. Which key set a token names (`kid` of ours, or `iss` of a trusted issuer) decides its kind,
 * never a claim (design D14, D15). Time, revocation and permission are checked by identify.c on
 * every request, cached or not. Source: wire/authentication §3.1, wire/managed-identity §4;
 * RFC 8725. */
#ifndef GATE_TOKENS_H
#define GATE_TOKENS_H

#include "gate/scheme_entra.h"
#include "gate/scheme_user.h"

enum token_kind { TOKEN_NONE = 0, TOKEN_USER, TOKEN_SERVICE };

struct token {
    enum token_kind kind;
    union {
        struct user_claims user;
        struct service_claims service;
    } u;
};

/** One loop's cache and verifier states. */
struct tokens;
/** Keeps as many as the greatest power of two in `cache_max`, but no fewer than four. */
struct tokens *tokens_new(size_t cache_max);
void tokens_free(struct tokens *t);
/** Signature and form: RC_OK, RC_DENIED, RC_BUSY (see struct denial). c->verifiers is not used.
 * out->kind says what the token seems to be, also when it is refused. Time is not looked at, but a
 * key that counts no longer is refused, from the cache too. */
enum rc tokens_verify(struct tokens *t, const struct token_check *c, struct str token,
                      struct token *out, struct denial *d) NODISCARD;
/** This loop's verifying states: for other JWS (client assertions). */
struct verifiers *tokens_verifiers(struct tokens *t);
/** Hits and misses since start. */
void tokens_figures(const struct tokens *t, uint64_t *hits, uint64_t *misses);

#endif
