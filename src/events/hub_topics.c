/* Who is in which topic, of those who listen on this loop. */
#include "events/hub_private.h"

#define LINKS_FIRST 4

static struct str user_text(const struct user_key *key)
{
    return str_of(key, sizeof *key);
}

static struct str topic_text(const struct uuid *key)
{
    return str_of(key, sizeof *key);
}

static void *grown(void *links, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return links;
    *cap = *cap ? *cap * 2 : LINKS_FIRST;
    links = realloc(links, *cap * size);
    if (!links)
        abort();
    return links;
}

/* ---- topics ---- */

struct hub_topic *hub_find_topic(const struct hub *h, const struct uuid *key)
{
    return map_get(&h->topics, topic_text(key));
}

static struct hub_topic *add_topic(struct hub *h, const struct uuid *key)
{
    struct hub_topic *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    t->key = *key;
    (void)map_put(&h->topics, topic_text(&t->key), t); /* there was none */
    hub_count(&h->figures.topics, h->topics.count);
    return t;
}

static void free_topic(struct hub *h, struct hub_topic *t)
{
    (void)map_remove(&h->topics, topic_text(&t->key)); /* it is `t` */
    hub_count(&h->figures.topics, h->topics.count);
    free(t->links);
    free(t);
}

/* ---- links ---- */

/* The last one takes the empty place. */
static void unlink_topic(struct hub_topic *t, uint32_t at)
{
    t->links[at] = t->links[--t->n];
    if (at < t->n)
        t->links[at].user->topics[t->links[at].at].at = at;
}

static void unlink_user(struct hub_user *u, uint32_t at)
{
    u->topics[at] = u->topics[--u->n];
    if (at < u->n)
        u->topics[at].topic->links[u->topics[at].at].at = at;
}

/* A topic has at most as many members as a thread: a walk is short. */
static uint32_t place_in(const struct hub_topic *t, const struct hub_user *u)
{
    uint32_t at = 0;

    while (at < t->n && t->links[at].user != u)
        at++;
    return at;
}

bool hub_is_in(const struct hub_topic *t, const struct hub_user *u)
{
    return place_in(t, u) < t->n;
}

enum rc hub_join(struct hub *h, struct hub_user *u, const struct uuid *topic)
{
    struct hub_topic *t = hub_find_topic(h, topic);

    if (t && hub_is_in(t, u))
        return RC_OK;
    if (u->n >= HUB_TOPICS_MAX)
        return RC_TOO_LARGE;
    if (!t)
        t = add_topic(h, topic);
    NO_LEAK_BEGIN; /* the topic and the user keep them */
    t->links = grown(t->links, t->n, &t->cap, sizeof *t->links);
    u->topics = grown(u->topics, u->n, &u->cap, sizeof *u->topics);
    NO_LEAK_END;
    t->links[t->n] = (struct topic_link){u, u->n};
    u->topics[u->n++] = (struct user_link){t, t->n++};
    return RC_OK;
}

static void part_at(struct hub_topic *t, uint32_t at)
{
    unlink_user(t->links[at].user, t->links[at].at);
    unlink_topic(t, at);
}

static void drop_if_empty(struct hub *h, struct hub_topic *t)
{
    if (t->n == 0)
        free_topic(h, t);
}

void hub_part(struct hub *h, struct hub_user *u, const struct uuid *topic)
{
    struct hub_topic *t = hub_find_topic(h, topic);
    uint32_t at = t ? place_in(t, u) : 0;

    if (!t || at == t->n)
        return;
    part_at(t, at);
    drop_if_empty(h, t);
}

void hub_drop_topic(struct hub *h, struct hub_topic *t)
{
    while (t->n > 0)
        part_at(t, t->n - 1);
    free_topic(h, t);
}

/* ---- users ---- */

struct hub_user *hub_find_user(const struct hub *h, const struct user_key *key)
{
    return map_get(&h->users, user_text(key));
}

struct hub_user *hub_add_user(struct hub *h, const struct user_key *key)
{
    struct hub_user *u = calloc(1, sizeof *u);

    if (!u)
        abort();
    u->key = *key;
    list_init(&u->places);
    list_init(&u->link);
    (void)map_put(&h->users, user_text(&u->key), u); /* there was none */
    return u;
}

void hub_drop_user(struct hub *h, struct hub_user *u)
{
    while (u->n > 0) {
        const struct user_link last = u->topics[u->n - 1];

        /* A user is in a topic once, so none is met again behind its end.
         * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        part_at(last.topic, last.at);
        drop_if_empty(h, last.topic);
    }
    list_remove(&u->link);
    hub_drop_load(h, u);
    (void)map_remove(&h->users, user_text(&u->key)); /* it is `u` */
    free(u->topics);
    free(u);
}
