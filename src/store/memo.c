/* See memo.h. A table of buckets, each one line of the processor's caches: four rows and the marks
 * of four that were offered once. */
#include "store/memo.h"

#include <stdlib.h>
#include <string.h>

#define LINE    64
#define BUCKETS ((size_t)1024)
#define WAYS    4

struct bucket {
    void *kept[WAYS];
    uint32_t marks[WAYS]; /* of what was offered, kept or not; 0: none */
    uint8_t next_kept, next_mark;
    char rest[LINE - WAYS * (sizeof(void *) + sizeof(uint32_t)) - 2];
};
_Static_assert(sizeof(struct bucket) == LINE, "a bucket is one line");

struct memo {
    struct bucket *buckets;
};

struct memo *memo_new(void)
{
    struct memo *m = calloc(1, sizeof *m);

    if (!m)
        abort();
    m->buckets = aligned_alloc(LINE, BUCKETS * sizeof *m->buckets);
    if (!m->buckets)
        abort();
    memset(m->buckets, 0, BUCKETS * sizeof *m->buckets);
    return m;
}

void memo_free(struct memo *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (size_t k = 0; k < WAYS; k++)
            free(m->buckets[i].kept[k]);
    free(m->buckets);
    free(m);
}

uint64_t memo_octets(const struct uuid *id)
{
    uint64_t octets;

    memcpy(&octets, id->octets + sizeof id->octets - sizeof octets, sizeof octets);
    return octets;
}

static struct bucket *bucket_of(const struct memo *m, uint64_t octets)
{
    return &m->buckets[(octets >> 48) % BUCKETS];
}

/** Other octets than those that choose the bucket. */
static uint32_t mark_of(uint64_t octets)
{
    uint32_t mark = (uint32_t)(octets >> 16);

    return mark ? mark : 1;
}

void *memo_find(const struct memo *m, uint64_t octets, memo_is_fn is, const void *key)
{
    const struct bucket *b = bucket_of(m, octets);

    for (size_t i = 0; i < WAYS; i++)
        if (b->kept[i] && is(b->kept[i], key))
            return b->kept[i];
    return NULL;
}

bool memo_offer(struct memo *m, uint64_t octets)
{
    struct bucket *b = bucket_of(m, octets);
    uint32_t mark = mark_of(octets);

    for (size_t i = 0; i < WAYS; i++)
        if (b->marks[i] == mark)
            return true;
    b->marks[b->next_mark++ % WAYS] = mark;
    return false;
}

void memo_keep(struct memo *m, uint64_t octets, void *kept)
{
    struct bucket *b = bucket_of(m, octets);
    void **slot = &b->kept[b->next_kept++ % WAYS];

    free(*slot);
    *slot = kept;
}

void memo_drop(struct memo *m, uint64_t octets, void *kept)
{
    struct bucket *b = bucket_of(m, octets);

    for (size_t i = 0; i < WAYS; i++)
        if (b->kept[i] == kept)
            b->kept[i] = NULL;
    free(kept);
}

size_t memo_texts_len(struct str *const texts[], size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        len += texts[i]->len;
    return len;
}

void memo_move_texts(struct str *const texts[], size_t n, char *at)
{
    for (size_t i = 0; i < n; i++) {
        if (texts[i]->len)
            memcpy(at, texts[i]->ptr, texts[i]->len);
        texts[i]->ptr = at;
        at += texts[i]->len;
    }
}
