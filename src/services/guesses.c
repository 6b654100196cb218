/* A set-associative table under one lock: it is taken once or twice per token request, for some
 * hundred nanoseconds. Keys are keyed hashes, so nobody can choose whom they crowd out. */
#include "services/guesses.h"

#include <pthread.h>
#include <stdlib.h>

#define WAYS      ((size_t)8)
#define SECOND_NS ((mono_ns)1000 * 1000 * 1000)
#define WINDOW_NS (GUESS_WINDOW_S * SECOND_NS)
#define RECENT    4

struct slot {
    uint64_t key;
    mono_ns began;
    uint64_t recent[RECENT]; /* what failed last */
    uint32_t failures;       /* 0: free */
};

struct guesses {
    pthread_mutex_t lock;
    struct slot slots[GUESS_SLOTS];
};

struct guesses *guesses_new(void)
{
    struct guesses *g = calloc(1, sizeof *g);

    if (!g)
        abort();
    pthread_mutex_init(&g->lock, NULL);
    return g;
}

void guesses_free(struct guesses *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static struct slot *set_of(struct guesses *g, uint64_t key)
{
    return &g->slots[key % (GUESS_SLOTS / WAYS) * WAYS];
}

/* The slot of `key` in a window that has not ended; NULL: it has not failed. */
static struct slot *find(struct guesses *g, uint64_t key, mono_ns now)
{
    struct slot *set = set_of(g, key);

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].failures && set[i].key == key && now - set[i].began < WINDOW_NS)
            return &set[i];
    }
    return NULL;
}

/* A free one, one whose window has ended, or else the one with the fewest failures. */
static struct slot *take(struct guesses *g, uint64_t key, mono_ns now)
{
    struct slot *set = set_of(g, key), *least = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].failures || set[i].key == key || now - set[i].began >= WINDOW_NS) {
            least = &set[i];
            break;
        }
        if (set[i].failures < least->failures)
            least = &set[i];
    }
    *least = (struct slot){.key = key, .began = now};
    return least;
}

bool guesses_over(struct guesses *g, uint64_t key, uint32_t limit, mono_ns now,
                  uint32_t *out_retry_s)
{
    const struct slot *s;
    bool over;

    pthread_mutex_lock(&g->lock);
    s = find(g, key, now);
    over = s && s->failures >= limit;
    if (over)
        *out_retry_s = (uint32_t)((WINDOW_NS - (now - s->began) + SECOND_NS - 1) / SECOND_NS);
    pthread_mutex_unlock(&g->lock);
    return over;
}

static bool was_tried(const struct slot *s, uint64_t what)
{
    for (size_t i = 0; i < RECENT && i < s->failures; i++) {
        if (s->recent[i] == what)
            return true;
    }
    return false;
}

void guesses_failed(struct guesses *g, uint64_t key, uint64_t what, mono_ns now)
{
    struct slot *s;

    pthread_mutex_lock(&g->lock);
    s = find(g, key, now);
    if (!s)
        s = take(g, key, now);
    if (!was_tried(s, what) && s->failures < UINT32_MAX)
        s->recent[s->failures++ % RECENT] = what;
    pthread_mutex_unlock(&g->lock);
}

void guesses_forget(struct guesses *g, uint64_t key)
{
    struct slot *set;

    pthread_mutex_lock(&g->lock);
    set = set_of(g, key);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            set[i] = (struct slot){0};
    }
    pthread_mutex_unlock(&g->lock);
}
