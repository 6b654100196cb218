/* One loop's verifying states, kept by key: making one costs more than a signature check of its
 * own. */
#ifndef GATE_VERIFIERS_H
#define GATE_VERIFIERS_H

#include "crypto/pkey.h"

#define VERIFIERS_MAX ((size_t)16)

/** Zeros to start with. */
struct verifiers {
    struct kept_verifier {
        struct pkey *key; /* held, so that no other key can come to lie at its address */
        enum jws_alg alg;
        struct verifier *verifier;
    } kept[VERIFIERS_MAX];
    size_t next;
};

void verifiers_clear(struct verifiers *v);
/** The state for `key` and `alg`, borrowed until the next call; NULL when they don't fit. */
struct verifier *verifiers_get(struct verifiers *v, struct pkey *key, enum jws_alg alg);

#endif
