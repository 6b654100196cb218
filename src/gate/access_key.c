/* Access keys as text. How they check signatures is scheme_key.c; how they are sealed and found,
 * directory.c. Source: wire/authentication §1.4. */
#include "gate/access_key.h"

#include "crypto/base64.h"

#define IMPORT_MIN ((size_t)16)
#define IMPORT_MAX ((size_t)128)

struct str access_key_text(const struct secret *key, struct arena *arena)
{
    char *text = arena_alloc(arena, BASE64_LEN(key->len) + 1);

    return str_of(text, base64_encode(key->octets, key->len, text));
}

enum rc access_key_import(struct str text, struct secret *out)
{
    uint8_t octets[IMPORT_MAX];
    size_t len = 0;
    enum rc rc = RC_INVALID;

    if (base64_decode(text, octets, sizeof octets, &len) == RC_OK && len >= IMPORT_MIN) {
        *out = secret_copy(octets, len);
        rc = out->octets ? RC_OK : RC_INTERNAL;
    }
    explicit_bzero(octets, sizeof octets);
    return rc;
}

bool access_key_taken(const struct directory *d, const struct secret *key,
                      const struct uuid *resource, enum key_slot slot)
{
    bool found = false;

    for (size_t i = 0; i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        for (unsigned other = 0; other < KEY_SLOTS; other++) {
            const struct access_key *k = &r->keys[other];
            bool itself = other == slot && uuid_eq(&r->id, resource);

            if (k->present && !itself && k->secret.len == key->len)
                found |= ct_equal(k->secret.octets, key->octets, key->len);
        }
    }
    return found;
}
