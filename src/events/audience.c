#include "events/audience.h"

#include "base/map.h"
#include "base/mutex.h"

#include <stdatomic.h>

struct listeners {
    struct user_key user;
    size_t n;
};

struct audience {
    pthread_mutex_t lock;
    struct map by_user;
    _Atomic size_t count;
};

static struct str key_of(const struct user_key *user)
{
    return str_of(user, sizeof *user);
}

struct audience *audience_new(void)
{
    struct audience *a = calloc(1, sizeof *a);

    if (!a || pthread_mutex_init(&a->lock, NULL))
        abort();
    map_init(&a->by_user);
    return a;
}

void audience_free(struct audience *a)
{
    size_t at = 0;
    struct str key;
    void *entry;

    if (!a)
        return;
    while (map_next(&a->by_user, &at, &key, &entry))
        free(entry);
    map_clear(&a->by_user);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static struct listeners *add_user(struct audience *a, const struct user_key *user)
{
    struct listeners *l = calloc(1, sizeof *l);

    if (!l)
        abort();
    l->user = *user;
    (void)map_put(&a->by_user, key_of(&l->user), l); /* there was none */
    return l;
}

enum rc audience_enter(struct audience *a, const struct user_key *user, size_t max)
{
    enum rc rc = RC_OK;

    mutex_lock(&a->lock);
    struct listeners *l = map_get(&a->by_user, key_of(user));
    if ((l ? l->n : 0) >= max) {
        rc = RC_BUSY;
    } else {
        l = l ? l : add_user(a, user);
        l->n++;
        atomic_fetch_add(&a->count, 1);
    }
    mutex_unlock(&a->lock);
    return rc;
}

void audience_leave(struct audience *a, const struct user_key *user)
{
    mutex_lock(&a->lock);
    struct listeners *l = map_get(&a->by_user, key_of(user));
    atomic_fetch_sub(&a->count, 1);
    if (--l->n == 0) {
        (void)map_remove(&a->by_user, key_of(user)); /* it is `l` */
        free(l);
    }
    mutex_unlock(&a->lock);
}

bool audience_has(struct audience *a, const struct user_key *user)
{
    bool has;

    mutex_lock(&a->lock);
    has = map_get(&a->by_user, key_of(user)) != NULL;
    mutex_unlock(&a->lock);
    return has;
}

size_t audience_count(const struct audience *a)
{
    return atomic_load(&a->count);
}
