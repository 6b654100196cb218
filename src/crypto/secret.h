/* Octets that must not be printed, and are wiped on release. Only crypto/ looks inside. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/str.h"

struct secret {
    uint8_t *octets;
    size_t len;
};

/** Copies `len` octets. Out of memory: an empty secret. Owned: secret_clear(). */
struct secret secret_copy(const void *octets, size_t len);
/** `len` random octets. */
struct secret secret_random(size_t len);
/** Wipes and frees. NULL and zeros are fine. */
void secret_clear(struct secret *s);

/** True when equal, in time that depends on `len` alone. */
bool ct_equal(const void *a, const void *b, size_t len) NODISCARD;
/** The same for slices; the lengths are public, the octets are not. */
bool ct_equal_str(struct str a, struct str b) NODISCARD;
/** Fills with octets from the system's generator; aborts when it fails. Thread-safe. */
void random_octets(void *out, size_t len);

#endif
