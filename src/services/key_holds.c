/* A ring under one lock. */
#include "services/key_holds.h"

#include "gate/issuer_keys.h"

#include <pthread.h>
#include <stdlib.h>

struct key_holds {
    pthread_mutex_t lock;
    struct key_source *held[KEY_HOLDS_MAX];
    size_t next;
};

struct key_holds *key_holds_new(void)
{
    struct key_holds *h = calloc(1, sizeof *h);

    if (!h)
        abort();
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

void key_holds_free(struct key_holds *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < KEY_HOLDS_MAX; i++)
        key_source_unref(h->held[i]);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void key_holds_keep(struct key_holds *h, struct key_source *source)
{
    struct key_source *former = NULL;
    size_t at = 0;

    pthread_mutex_lock(&h->lock);
    while (at < KEY_HOLDS_MAX && h->held[at] != source)
        at++;
    if (at == KEY_HOLDS_MAX) {
        former = h->held[h->next];
        h->held[h->next] = key_source_ref(source);
        h->next = (h->next + 1) % KEY_HOLDS_MAX;
    }
    pthread_mutex_unlock(&h->lock);
    key_source_unref(former);
}
