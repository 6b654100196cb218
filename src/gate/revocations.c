/* The table of users whose tokens died lately: shards of open addressing, each under its own lock,
 * grown as needed and never shrunk. It does not know tokens, nor the store; gate.c fills it.
 *
 * While it is empty and certain a look-up takes no lock. */
#include "gate/revocations.h"

#include "base/map.h"
#include "base/mutex.h"

#include <stdatomic.h>

#define SHARDS      ((size_t)64)
#define FIRST_SLOTS ((uint32_t)16)
#define DELETED_BIT ((uint64_t)1 << 63)
#define MS_PER_S    1000

struct entry {
    struct user_key key;
    uint32_t generation;
    uint32_t forget_at_s;        /* 0: the slot is free */
    uint64_t valid_from_deleted; /* milliseconds, and DELETED_BIT */
};
_Static_assert(sizeof(struct entry) <= REVOCATION_ENTRY_MAX, "design D19");

struct shard {
    pthread_mutex_t lock;
    struct entry *slots;
    uint32_t cap, count; /* cap is 0 or a power of two */
};

struct revocations {
    struct shard *shards; /* SHARDS of them */
    size_t max;
    _Atomic size_t count;
    _Atomic bool loading;
    _Atomic int64_t doubt_until; /* 0: certain */
};

static uint64_t hash_of(const struct user_key *key)
{
    return hash_keyed(key, sizeof *key);
}

static bool same_user(const struct user_key *a, const struct user_key *b)
{
    return uuid_eq(&a->user, &b->user) && uuid_eq(&a->resource, &b->resource);
}

/* The slot that holds `key`, or the free one where it belongs. The shard has a free slot. */
static uint32_t slot_of(const struct shard *s, const struct user_key *key, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (s->cap - 1);

    while (s->slots[at].forget_at_s && !same_user(&s->slots[at].key, key))
        at = (at + 1) & (s->cap - 1);
    return at;
}

static void grow(struct shard *s)
{
    uint32_t old_cap = s->cap;
    struct entry *old = s->slots;

    s->cap = old_cap ? old_cap * 2 : FIRST_SLOTS;
    s->slots = calloc(s->cap, sizeof *s->slots);
    NO_LEAK_BEGIN; /* the shard keeps it */
    if (!s->slots)
        abort();
    NO_LEAK_END;
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old[i].forget_at_s)
            s->slots[slot_of(s, &old[i].key, hash_of(&old[i].key))] = old[i];
    }
    free(old);
}

/* Frees slot `at` and moves its followers up, so that no tombstones gather. */
static void take_out(struct shard *s, uint32_t at)
{
    uint32_t mask = s->cap - 1, next = at;

    for (;;) {
        next = (next + 1) & mask;
        if (!s->slots[next].forget_at_s)
            break;
        uint32_t home = (uint32_t)hash_of(&s->slots[next].key) & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            s->slots[at] = s->slots[next];
            at = next;
        }
    }
    s->slots[at] = (struct entry){0};
    s->count--;
}

struct revocations *revocations_new(size_t max)
{
    struct revocations *r = calloc(1, sizeof *r);

    if (!r)
        abort();
    r->shards = calloc(SHARDS, sizeof *r->shards);
    if (!r->shards)
        abort();
    r->max = max;
    for (size_t i = 0; i < SHARDS; i++) {
        if (pthread_mutex_init(&r->shards[i].lock, NULL))
            abort();
    }
    return r;
}

void revocations_free(struct revocations *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_destroy(&r->shards[i].lock); /* nobody holds it any more */
        free(r->shards[i].slots);
    }
    free(r->shards);
    free(r);
}

void revocations_doubt(struct revocations *r, unix_ms until)
{
    int64_t old = atomic_load(&r->doubt_until);

    while (old < until && !atomic_compare_exchange_weak(&r->doubt_until, &old, until))
        ;
}

static uint32_t seconds_of(unix_ms t)
{
    int64_t s = t / MS_PER_S + 1; /* rounded up: never forgotten too early */

    if (s < 1)
        return 1;
    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

void revocations_put(struct revocations *r, const struct user_row *row, unix_ms forget_at)
{
    uint64_t hash = hash_of(&row->key);
    struct shard *s = &r->shards[hash >> 58];
    struct entry e = {
        .key = row->key,
        .generation = row->generation,
        .forget_at_s = seconds_of(forget_at),
        .valid_from_deleted = row->valid_from > 0 ? (uint64_t)row->valid_from : 0,
    };

    if (row->deleted)
        e.valid_from_deleted |= DELETED_BIT;
    mutex_lock(&s->lock);
    if (s->count + 1 > s->cap - s->cap / 4)
        grow(s);
    uint32_t at = slot_of(s, &e.key, hash);
    bool fresh = !s->slots[at].forget_at_s;
    bool full = fresh && atomic_fetch_add(&r->count, 1) >= r->max;
    if (full) {
        atomic_fetch_sub(&r->count, 1);
    } else {
        s->slots[at] = e;
        s->count += fresh ? 1 : 0;
    }
    mutex_unlock(&s->lock);
    if (full)
        revocations_doubt(r, forget_at);
}

void revocations_expire(struct revocations *r, unix_ms now)
{
    int64_t doubt = atomic_load(&r->doubt_until);
    int64_t now_s = now / MS_PER_S;

    if (doubt && doubt < now)
        (void)atomic_compare_exchange_strong(&r->doubt_until, &doubt, 0); /* else it has grown */
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &r->shards[i];
        uint32_t before;

        mutex_lock(&s->lock);
        before = s->count;
        for (uint32_t at = 0; at < s->cap;) {
            if (s->slots[at].forget_at_s && s->slots[at].forget_at_s < now_s)
                take_out(s, at); /* another one may have moved here: look again */
            else
                at++;
        }
        atomic_fetch_sub(&r->count, before - s->count);
        mutex_unlock(&s->lock);
    }
}

void revocations_reset(struct revocations *r)
{
    atomic_store(&r->loading, true);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &r->shards[i];

        mutex_lock(&s->lock);
        atomic_fetch_sub(&r->count, s->count);
        free(s->slots);
        s->slots = NULL;
        s->cap = s->count = 0;
        mutex_unlock(&s->lock);
    }
    atomic_store(&r->doubt_until, 0);
}

void revocations_loaded(struct revocations *r)
{
    atomic_store(&r->loading, false);
}

size_t revocations_count(const struct revocations *r)
{
    return atomic_load(&r->count);
}

bool revocations_find(const struct revocations *r, const struct user_key *key,
                      struct revocation *out, bool *out_unsure)
{
    bool found = false;

    /* doubt first: what was entered before the doubt ended is then seen below */
    *out_unsure = atomic_load(&r->loading) || atomic_load(&r->doubt_until) != 0;
    if (atomic_load(&r->count) == 0)
        return false;
    uint64_t hash = hash_of(key);
    struct shard *s = &r->shards[hash >> 58];
    mutex_lock(&s->lock);
    if (s->cap) {
        const struct entry *e = &s->slots[slot_of(s, key, hash)];

        if (e->forget_at_s) {
            *out = (struct revocation){
                .generation = e->generation,
                .valid_from = (int64_t)(e->valid_from_deleted & ~DELETED_BIT),
                .deleted = (e->valid_from_deleted & DELETED_BIT) != 0,
            };
            found = true;
        }
    }
    mutex_unlock(&s->lock);
    return found;
}
