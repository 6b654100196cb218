/* Which transports messages have been given to. The store finds what is due by the transport's
 * name, and a transport may be deleted, or never have been there, while its messages wait: the
 * engine looks after all names that it has heard of, from the store at its start and then from
 * whoever writes messages. */
#include "services/sms/sms_core.h"

static bool is_seen(struct sms *s, struct str name)
{
    bool seen;

    mutex_lock(&s->lock);
    seen = map_get(&s->transports_seen, name) != NULL;
    mutex_unlock(&s->lock);
    return seen;
}

void sms_transport_seen(struct sms *s, struct str name)
{
    char *copy;

    if (name_eq(name, SMS_INBOX) || is_seen(s, name))
        return;
    copy = malloc(name.len + 1);
    if (!copy)
        abort();
    if (name.len)
        memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    mutex_lock(&s->lock);
    free(map_put(&s->transports_seen, str_of(copy, name.len), copy));
    mutex_unlock(&s->lock);
}

struct str *sms_transports_seen(struct sms *s, struct arena *arena, size_t *out_n)
{
    size_t at = 0, n = 0;
    struct str *names, key;
    void *name;

    mutex_lock(&s->lock);
    names = arena_array(arena, struct str, s->transports_seen.count + 1);
    while (map_next(&s->transports_seen, &at, &key, &name))
        names[n++] = arena_dup(arena, key);
    mutex_unlock(&s->lock);
    *out_n = n;
    return names;
}
