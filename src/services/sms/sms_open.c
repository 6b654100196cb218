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

/* Made when it is not there. */
static struct kept_queue *queue_get(struct open_of *o, struct str transport)
{
    struct kept_queue *k = *queue_of(o, transport);

    return k ? k : queue_new(o, transport);
}

static void changed(struct kept_queue *k)
{
    k->queue.changed++;
    memset(k->queue.next_due, 0, sizeof k->queue.next_due);
}

void sms_opened(struct sms *s, const struct uuid *resource, struct str transport, int64_t n)
{
    struct open_of *o;

    if (n == 0)
        return;
    atomic_fetch_add(&s->open, n);
    mutex_lock(&s->lock);
    o = open_of(s, resource);
    o->n += n;
    changed(queue_get(o, transport));
    mutex_unlock(&s->lock);
}

/* It may be told of before the opening is: both follow a commit, on loops of their own. */
void sms_ended(struct sms *s, const struct uuid *resource, struct str transport)
{
    struct kept_queue *k;
    struct open_of *o;

    atomic_fetch_sub(&s->open, 1);
    mutex_lock(&s->lock);
    o = open_of(s, resource);
    o->n--;
    k = *queue_of(o, transport);
    if (k)
        changed(k); /* it may be empty now */
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

void sms_queue_flight(struct sms *s, const struct sms_row *row, int by)
{
    struct kept_queue *k;

    mutex_lock(&s->lock);
    k = queue_get(open_of(s, &row->resource), row->transport);
    k->queue.flights += (size_t)by;
    changed(k);
    mutex_unlock(&s->lock);
}

static unix_ms next_due(const struct sms_queue *q)
{
    unix_ms next = SMS_NEVER;

    for (size_t i = 0; i < SMS_LOOK_STATES; i++)
        next = q->next_due[i] < next ? q->next_due[i] : next;
    return next;
}

struct queue_list {
    struct arena *arena;
    struct sms_queue *queues;
    size_t n, cap;
};

static void add_copy(struct queue_list *l, const struct sms_queue *q)
{
    if (l->n == l->cap) {
        struct sms_queue *former = l->queues;

        l->cap = l->cap ? 2 * l->cap : 16;
        l->queues = arena_array(l->arena, struct sms_queue, l->cap);
        if (l->n)
            memcpy(l->queues, former, l->n * sizeof *former);
    }
    l->queues[l->n] = *q;
    l->queues[l->n++].transport = arena_dup(l->arena, q->transport);
}

struct sms_queue *sms_queues(struct sms *s, unix_ms now, struct arena *arena, size_t *out_n,
                             unix_ms *out_next_due)
{
    struct queue_list list = {.arena = arena};
    size_t at = 0;
    struct str key;
    void *entry;

    *out_next_due = SMS_NEVER;
    mutex_lock(&s->lock);
    while (map_next(&s->open_of, &at, &key, &entry)) {
        const struct open_of *o = entry;

        for (const struct kept_queue *k = o->queues; k; k = k->next) {
            unix_ms next = next_due(&k->queue);

            if (next <= now)
                add_copy(&list, &k->queue);
            else if (next < *out_next_due)
                *out_next_due = next;
        }
    }
    mutex_unlock(&s->lock);
    *out_n = list.n;
    return list.queues;
}

/* What changes a queue comes after a commit: a look that has not seen that one has not seen the
 * change either, and says nothing of what is due. */
void sms_queue_looked_at(struct sms *s, const struct sms_queue *queue)
{
    struct kept_queue **at, *k;

    mutex_lock(&s->lock);
    at = queue_of(open_of(s, &queue->resource), queue->transport);
    k = *at;
    if (k)
        k->queue.served = queue->served;
    if (k && k->queue.changed == queue->changed) {
        memcpy(k->queue.next_due, queue->next_due, sizeof k->queue.next_due);
        if (next_due(queue) == SMS_NEVER && !queue->flights) {
            *at = k->next;
            free(k);
        }
    }
    mutex_unlock(&s->lock);
}
