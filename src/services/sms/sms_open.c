/* Messages that have not ended: how many there are, and of which resource, since the room for them
 * has a limit and one resource shall not fill it for all; and the queues that they stand in. The
 * store finds what is due by transport and resource, and a transport may be deleted, or never have
 * been there, while its messages wait: the engine looks after all queues that it has heard of, from
 * the store at its start and then from whoever writes messages. Source: wire/sms §2.3, §3. */
#include "services/sms/sms_core.h"

struct kept_queue {
    struct kept_queue *next; /* of the same resource */
    struct sms_queue queue;
    char name[]; /* of the transport */
};

struct open_of {
    struct uuid resource;
    int64_t n;
    struct kept_queue *queues;
};

static struct str key_of(const struct uuid *resource)
{
    return str_of(resource->octets, sizeof resource->octets);
}

static struct open_of *open_of(struct sms *s, const struct uuid *resource)
{
    struct open_of *o = map_get(&s->open_of, key_of(resource));

    if (o)
        return o;
    o = calloc(1, sizeof *o);
    if (!o)
        abort();
    o->resource = *resource;
    map_put(&s->open_of, key_of(&o->resource), o);
    return o;
}

static struct kept_queue *queue_new(struct open_of *o, struct str transport)
{
    struct kept_queue *k = calloc(1, sizeof *k + transport.len);

    if (!k)
        abort();
    if (transport.len)
        memcpy(k->name, transport.ptr, transport.len);
    k->queue.resource = o->resource;
    k->queue.transport = str_of(k->name, transport.len);
    k->next = o->queues;
    o->queues = k;
    return k;
}

/* Where the pointer to the queue is, or would be. */
static struct kept_queue **queue_of(struct open_of *o, struct str transport)
{
    struct kept_queue **at = &o->queues;

    while (*at && !name_eq((*at)->queue.transport, transport))
        at = &(*at)->next;
    return at;
}

void sms_opened(struct sms *s, const struct uuid *resource, struct str transport, int64_t n)
{
    struct kept_queue *k;
    struct open_of *o;

    if (n == 0)
        return;
    atomic_fetch_add(&s->open, n);
    mutex_lock(&s->lock);
    o = open_of(s, resource);
    o->n += n;
    k = *queue_of(o, transport);
    if (!k)
        k = queue_new(o, transport);
    k->queue.opened++;
    mutex_unlock(&s->lock);
}

/* It may be told of before the opening is: both follow a commit, on loops of their own. */
void sms_ended(struct sms *s, const struct uuid *resource)
{
    atomic_fetch_sub(&s->open, 1);
    mutex_lock(&s->lock);
    open_of(s, resource)->n--;
    mutex_unlock(&s->lock);
}

void sms_open_clear(struct sms *s)
{
    size_t at = 0;
    struct str key;
    void *entry;

    while (map_next(&s->open_of, &at, &key, &entry)) {
        struct open_of *o = entry;

        for (struct kept_queue *k = o->queues, *next; k; k = next) {
            next = k->next;
            free(k);
        }
        free(o);
    }
    map_clear(&s->open_of);
}

size_t sms_open_count(const struct sms *s)
{
    int64_t open = atomic_load_explicit(&s->open, memory_order_relaxed);

    return open > 0 ? (size_t)open : 0;
}

bool sms_queue_full(struct sms *s, const struct uuid *resource, bool is_shared)
{
    size_t open = sms_open_count(s), max = s->options.queue_max, share = max - max / 4;
    const struct open_of *o;
    bool full;

    if (open >= max || !is_shared || open < share)
        return open >= max;
    mutex_lock(&s->lock);
    o = map_get(&s->open_of, key_of(resource));
    full = o && o->n > 0 && (size_t)o->n >= share;
    mutex_unlock(&s->lock);
    return full;
}

/* ---- the queues ---- */

static size_t queues_count(const struct sms *s)
{
    size_t at = 0, n = 0;
    struct str key;
    void *entry;

    while (map_next(&s->open_of, &at, &key, &entry)) {
        const struct open_of *o = entry;

        for (const struct kept_queue *k = o->queues; k; k = k->next)
            n++;
    }
    return n;
}

struct sms_queue *sms_queues(struct sms *s, struct arena *arena, size_t *out_n)
{
    size_t at = 0, n = 0;
    struct sms_queue *queues;
    struct str key;
    void *entry;

    mutex_lock(&s->lock);
    queues = arena_array(arena, struct sms_queue, queues_count(s) + 1);
    while (map_next(&s->open_of, &at, &key, &entry)) {
        const struct open_of *o = entry;

        for (const struct kept_queue *k = o->queues; k; k = k->next) {
            queues[n] = k->queue;
            queues[n++].transport = arena_dup(arena, k->queue.transport);
        }
    }
    mutex_unlock(&s->lock);
    *out_n = n;
    return queues;
}

void sms_queue_looked_at(struct sms *s, const struct sms_queue *queue, bool is_empty)
{
    struct kept_queue **at, *k;

    mutex_lock(&s->lock);
    at = queue_of(open_of(s, &queue->resource), queue->transport);
    k = *at;
    if (k && is_empty && k->queue.opened == queue->opened) {
        *at = k->next;
        free(k);
    } else if (k) {
        k->queue.served = queue->served;
    }
    mutex_unlock(&s->lock);
}
