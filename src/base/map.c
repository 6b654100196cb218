/* The hash map: linear probing in a power of two of slots, grown at 70 % load. A removed entry's
 * followers move up, so no tombstones gather. SipHash-2-4 (Aumasson, Bernstein 2012) under a random
 * key keeps callers from choosing names that collide. */
#include "base/map.h"

#include <pthread.h>
#include <sys/random.h>

struct map_slot {
    uint64_t hash;
    struct str key;
    void *value; /* NULL: the slot is free */
};

#define FIRST_SLOTS ((size_t)16)

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t process_key[2];

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

static inline uint64_t sip(uint64_t k0, uint64_t k1, const uint8_t *p, size_t len)
{
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU, k0 ^ 0x6c7967656e657261U,
                     k1 ^ 0x7465646279746573U};
    uint64_t last = (uint64_t)len << 56;
    size_t rest = len % 8;
    const uint8_t *end = p + (len - rest);

    for (; p != end; p += 8)
        sip_word(v, load_le64(p));
    for (size_t i = 0; i < rest; i++)
        last |= (uint64_t)p[i] << (8 * i);
    sip_word(v, last);
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void make_process_key(void)
{
    if (getrandom(process_key, sizeof process_key, 0) != (ssize_t)sizeof process_key)
        abort();
}

/* The slot of `key`, or the free one where it belongs. The table is never full. */
static size_t locate(const struct map *m, struct str key, uint64_t hash)
{
    size_t mask = m->cap - 1, at = (size_t)hash & mask;

    while (m->slots[at].value && !(m->slots[at].hash == hash && str_eq(m->slots[at].key, key)))
        at = (at + 1) & mask;
    return at;
}

static void grow(struct map *m)
{
    struct map old = *m;
    size_t mask;

    if (old.cap > SIZE_MAX / 2 / sizeof(struct map_slot))
        abort();
    m->cap = old.cap ? old.cap * 2 : FIRST_SLOTS;
    m->slots = calloc(m->cap, sizeof *m->slots);
    if (!m->slots)
        abort();
    mask = m->cap - 1;
    for (size_t i = 0; i < old.cap; i++) {
        size_t at = (size_t)old.slots[i].hash & mask;

        if (!old.slots[i].value)
            continue;
        while (m->slots[at].value)
            at = (at + 1) & mask;
        m->slots[at] = old.slots[i];
    }
    free(old.slots);
}

/* Moves entries up into the gap as long as that brings them nearer to their home slot. */
static void close_gap(struct map *m, size_t gap)
{
    size_t mask = m->cap - 1;

    for (size_t at = (gap + 1) & mask; m->slots[at].value; at = (at + 1) & mask) {
        size_t home = (size_t)m->slots[at].hash & mask;

        if (((at - home) & mask) >= ((at - gap) & mask)) {
            m->slots[gap] = m->slots[at];
            gap = at;
        }
    }
    m->slots[gap] = (struct map_slot){0};
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_clear(struct map *m)
{
    if (!m)
        return;
    free(m->slots);
    *m = (struct map){0};
}

void *map_get(const struct map *m, struct str key)
{
    if (m->count == 0)
        return NULL;
    return m->slots[locate(m, key, hash_keyed(key.ptr, key.len))].value;
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_keyed(key.ptr, key.len);
    struct map_slot *slot;
    void *former;

    if (!value)
        abort();
    if ((m->count + 1) * 10 > m->cap * 7)
        grow(m);
    slot = &m->slots[locate(m, key, hash)];
    former = slot->value;
    if (!former)
        m->count++;
    *slot = (struct map_slot){.hash = hash, .key = key, .value = value};
    return former;
}

void *map_remove(struct map *m, struct str key)
{
    void *former;
    size_t at;

    if (m->count == 0)
        return NULL;
    at = locate(m, key, hash_keyed(key.ptr, key.len));
    former = m->slots[at].value;
    if (!former)
        return NULL;
    close_gap(m, at);
    m->count--;
    return former;
}

bool map_next(const struct map *m, size_t *at, struct str *out_key, void **out_value)
{
    for (; *at < m->cap; ++*at) {
        const struct map_slot *slot = &m->slots[*at];

        if (!slot->value)
            continue;
        *out_key = slot->key;
        *out_value = slot->value;
        ++*at;
        return true;
    }
    return false;
}

uint64_t hash_keyed(const void *data, size_t len)
{
    (void)pthread_once(&key_once, make_process_key); /* fails only for a bad control */
    return sip(process_key[0], process_key[1], data, len);
}

uint64_t siphash(const uint8_t key[16], const void *data, size_t len)
{
    return sip(load_le64(key), load_le64(key + 8), data, len);
}
