/* User access tokens: from octets to verified claims, with a per-loop cache of verified ones. It
 * knows the token's form and claims (wire/authentication §3); revocation is checked by gate.c on
 * every request, cached or not. */
#ifndef GATE_SCHEME_USER_H
#define GATE_SCHEME_USER_H

#include "gate/principal.h"

#define KID_MAX 64

struct user_claims {
    struct user_key user;
    unsigned scopes;
    uint32_t generation; /* cgg */
    bool by_key;         /* cgk present */
    enum key_slot key;   /* cgk: slot and generation */
    uint32_t key_generation;
    int64_t iat, exp, nbf; /* seconds; nbf 0: not there */
    char kid[KID_MAX];     /* which key verified it: checked again on each use */
    uint8_t kid_len;
};

/** One loop's cache and verifier contexts. */
struct user_tokens;
struct user_tokens *user_tokens_new(size_t cache_max);
void user_tokens_free(struct user_tokens *t);
/** Signature and form: RC_OK or RC_DENIED with a short reason in `out_why` (static). Time is not
 * looked at, but a key that has retired for longer than the longest token is refused, from the
 * cache too. */
enum rc user_tokens_verify(struct user_tokens *t, const struct directory *d, struct hash_work *work,
                           struct str token, unix_ms now, struct arena *arena,
                           struct user_claims *out, const char **out_why) NODISCARD;
/** Hits and misses since start. */
void user_tokens_figures(const struct user_tokens *t, uint64_t *hits, uint64_t *misses);

#endif
