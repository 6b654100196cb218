/* Capsules: octets sealed by AES-256-GCM in base64url. The purpose is authenticated, so that a
 * capsule of one kind opens nothing of another. */
#include "gate/capsule.h"

#include "crypto/base64.h"
#include "crypto/hash.h"
#include "crypto/seal.h"

#include <stdlib.h>

#define SEALED_MAX (SEAL_OVERHEAD + CAPSULE_PLAIN_MAX)

_Static_assert(BASE64URL_LEN(SEALED_MAX) <= CAPSULE_TEXT_MAX, "the header file states enough");

struct capsule_key {
    struct master_key *key;
};

struct capsule_key *capsule_key_new(const uint8_t octets[static CAPSULE_KEY_LEN])
{
    struct secret copy = secret_copy(octets, CAPSULE_KEY_LEN);
    struct capsule_key *k = calloc(1, sizeof *k);

    if (!k)
        abort();
    k->key = master_key_new(&copy);
    secret_clear(&copy);
    if (!k->key)
        abort();
    return k;
}

void capsule_key_free(struct capsule_key *k)
{
    if (!k)
        return;
    master_key_free(k->key);
    free(k);
}

size_t capsule_seal(const struct capsule_key *k, struct str purpose, struct str plain,
                    char out[static CAPSULE_TEXT_MAX])
{
    struct secret copy = secret_copy(plain.ptr, plain.len);
    struct buf sealed;
    size_t len;

    buf_init(&sealed, SEALED_MAX + 1);
    if (copy.len != plain.len || seal(k->key, purpose, &copy, &sealed))
        abort(); /* no memory: sizes and keys are ours */
    len = base64url_encode(sealed.ptr, sealed.len, out);
    buf_clear(&sealed);
    secret_clear(&copy);
    return len;
}

enum rc capsule_open(const struct capsule_key *k, struct str purpose, struct str text, void *out,
                     size_t len)
{
    uint8_t sealed[SEALED_MAX];
    struct secret plain = {0};
    size_t got;

    if (base64url_decode(text, sealed, sizeof sealed, &got) || got != SEAL_OVERHEAD + len ||
        unseal(k->key, purpose, str_of(sealed, got), &plain))
        return RC_DENIED;
    memcpy(out, plain.octets, len);
    secret_clear(&plain);
    return RC_OK;
}

struct uuid capsule_name(const struct capsule_key *k, struct str purpose, struct str text)
{
    uint8_t digest[SHA256_LEN];
    struct uuid name;

    master_key_hash(k->key, purpose, text, digest);
    memcpy(name.octets, digest, sizeof name.octets);
    return name;
}
