/* JWS compact serialisation (RFC 7515) under RFC 8725: form only. Which key and algorithm may be
 * used is the caller's decision, from its own key record. */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include "crypto/pkey.h"

#define JWS_TOKEN_MAX ((size_t)16384)

/** A token taken apart. Slices into the token or the arena; `header` and `payload` are owned by
 * the struct: jws_clear(). */
struct jws {
    struct str signing_input; /* header.payload as received */
    struct str signature;     /* decoded, in the arena */
    json_t *header, *payload; /* objects, duplicates refused */
    struct str alg, kid, typ; /* from the header; kid and typ empty when absent */
};

/** Takes `token` apart: three parts, strict base64url, JSON objects, `alg` a string, `kid` and
 * `typ` strings if there, no `crit`, no `b64`. `out_why` gets a short static reason on refusal.
 * jku, x5u, jwk and x5c are ignored. */
enum rc jws_parse(struct str token, struct arena *arena, struct jws *out,
                  const char **out_why) NODISCARD;
void jws_clear(struct jws *jws);
/** Appends header.payload.signature; `header_b64` is encoded already. */
enum rc jws_compose(struct signer *s, struct hash_work *w, struct str header_b64,
                    struct str payload, struct buf *out) NODISCARD;

#endif
