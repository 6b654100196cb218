/* Messages that have not ended: how many there are, and of which resource, since the queue has a
 * limit and one resource shall not fill it for all. Source: wire/sms §2.3. */
#include "services/sms/sms_core.h"

struct open_of {
    struct uuid resource;
    int64_t n;
};

static struct str key_of(const struct uuid *resource)
{
    return str_of(resource->octets, sizeof resource->octets);
}

void sms_open_add(struct sms *s, const struct uuid *resource, int64_t n)
{
    struct open_of *o;

    if (n == 0)
        return;
    atomic_fetch_add(&s->open, n);
    mutex_lock(&s->lock);
    o = map_get(&s->open_of, key_of(resource));
    if (!o) {
        o = calloc(1, sizeof *o);
        if (!o)
            abort();
        o->resource = *resource;
        map_put(&s->open_of, key_of(&o->resource), o);
    }
    o->n += n;
    mutex_unlock(&s->lock);
}

void sms_open_clear(struct sms *s)
{
    size_t at = 0;
    struct str key;
    void *entry;

    while (map_next(&s->open_of, &at, &key, &entry))
        free(entry);
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
