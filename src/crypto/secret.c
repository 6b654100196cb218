/* Octets that must not leak: owned copies that are wiped, comparison in constant time, and the
 * system's random generator.
 *
 * Nothing here prints, and nothing outside crypto/ looks inside a struct secret. Randomness comes
 * from getrandom(2) itself: no state of ours that a fork could double. */
#include "crypto/secret.h"

#include <errno.h>
#include <sys/random.h>

struct secret secret_copy(const void *octets, size_t len)
{
    struct secret s = {NULL, 0};

    if (len == 0)
        return s;
    s.octets = malloc(len);
    if (!s.octets)
        return s;
    memcpy(s.octets, octets, len);
    s.len = len;
    return s;
}

struct secret secret_random(size_t len)
{
    struct secret s = {NULL, 0};

    if (len == 0)
        return s;
    s.octets = malloc(len);
    if (!s.octets)
        return s;
    random_octets(s.octets, len);
    s.len = len;
    return s;
}

void secret_clear(struct secret *s)
{
    if (!s)
        return;
    if (s->octets) {
        explicit_bzero(s->octets, s->len);
        free(s->octets);
    }
    *s = (struct secret){NULL, 0};
}

/* Keeps the compiler from knowing the value, and so from leaving a loop before its end. */
static uint64_t hidden(uint64_t value)
{
    __asm__("" : "+r"(value));
    return value;
}

/* Eight octets at a time: all of them are always looked at. */
bool ct_equal(const void *a, const void *b, size_t len)
{
    const uint8_t *p = a, *q = b;
    uint64_t differ = 0, x, y;
    size_t i = 0;

    for (; len - i >= sizeof x; i += sizeof x) {
        memcpy(&x, p + i, sizeof x);
        memcpy(&y, q + i, sizeof y);
        differ = hidden(differ | (x ^ y));
    }
    for (; i < len; i++)
        differ = hidden(differ | (uint64_t)(p[i] ^ q[i]));
    return differ == 0;
}

bool ct_equal_str(struct str a, struct str b)
{
    return a.len == b.len && ct_equal(a.ptr, b.ptr, a.len);
}

void random_octets(void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* without randomness no key, nonce or id may be made */
        at += got;
        len -= (size_t)got;
    }
}
