/* Verifying states by key and algorithm: a ring, since a loop meets few keys. */
#include "gate/verifiers.h"

void verifiers_clear(struct verifiers *v)
{
    for (size_t i = 0; i < VERIFIERS_MAX; i++) {
        verifier_free(v->kept[i].verifier);
        pkey_unref(v->kept[i].key);
    }
    *v = (struct verifiers){0};
}

struct verifier *verifiers_get(struct verifiers *v, struct pkey *key, enum jws_alg alg)
{
    for (size_t i = 0; i < VERIFIERS_MAX; i++) {
        if (v->kept[i].key == key && v->kept[i].alg == alg)
            return v->kept[i].verifier;
    }
    struct verifier *made = verifier_new_alg(key, alg);
    if (!made)
        return NULL;
    struct kept_verifier *k = &v->kept[v->next++ % VERIFIERS_MAX];
    verifier_free(k->verifier);
    pkey_unref(k->key);
    *k = (struct kept_verifier){.key = pkey_ref(key), .alg = alg, .verifier = made};
    return made;
}
