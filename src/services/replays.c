/* A set-associative table under one lock. What lives yet is never dropped for something new: who
 * fills it gets refusals, not a second use. */
#include "services/replays.h"

#include <pthread.h>
#include <stdlib.h>

#define WAYS ((size_t)16)

struct used {
    uint64_t key;
    unix_ms until; /* 0: free */
};

struct replays {
    pthread_mutex_t lock;
    struct used used[REPLAYS_MAX];
};

struct replays *replays_new(void)
{
    struct replays *r = calloc(1, sizeof *r);

    if (!r)
        abort();
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void replays_free(struct replays *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct used *set_of(struct replays *r, uint64_t key)
{
    return &r->used[key % (REPLAYS_MAX / WAYS) * WAYS];
}

bool replays_used(struct replays *r, uint64_t key, unix_ms now)
{
    const struct used *set = set_of(r, key);
    bool found = false;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < WAYS; i++)
        found = found || (set[i].until > now && set[i].key == key);
    pthread_mutex_unlock(&r->lock);
    return found;
}

enum rc replays_take(struct replays *r, uint64_t key, unix_ms now, unix_ms until)
{
    struct used *set = set_of(r, key), *room = NULL;
    enum rc rc = RC_OK;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].until <= now)
            room = &set[i];
        else if (set[i].key == key)
            rc = RC_CONFLICT;
    }
    if (!rc && !room)
        rc = RC_BUSY;
    if (!rc)
        *room = (struct used){key, until};
    pthread_mutex_unlock(&r->lock);
    return rc;
}
