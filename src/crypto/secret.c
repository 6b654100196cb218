/* Octets that must not leak: owned copies that are wiped, comparison in constant time, and the
 * system's random generator.
 *
 * Nothing here prints, and nothing outside crypto/ looks inside a struct secret. Keys come from
 * getrandom(2) itself, with no state of ours that a fork could double; ids that become public may
 * come from a thread's store of its octets. */
#include "crypto/secret.h"

#include <errno.h>
#include <sys/random.h>

#define RANDOM_POOL  512
#define RANDOM_SMALL ((size_t)16) /* keys are longer: they come from the system itself */

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

static void from_system(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* without randomness no key, nonce or id may be made */
        out += got;
        len -= (size_t)got;
    }
}

/* Small amounts come from a store of the thread's own, each octet once, wiped as it leaves: a
 * token's id would cost a system call otherwise. */
void random_octets(void *out, size_t len)
{
    static _Thread_local uint8_t pool[RANDOM_POOL];
    static _Thread_local size_t left;

    if (len > RANDOM_SMALL) {
        from_system(out, len);
        return;
    }
    if (left < len) {
        from_system(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= len;
    memcpy(out, pool + left, len);
    explicit_bzero(pool + left, len);
}
