/* Listeners of one loop: their places, what they are told, their ends.
 *
 * Everything here runs on the loop: notices come from the bus one after another, and a listener's
 * own notice gives it its place among them. Listeners may detach, themselves or others, from within
 * whatever they are told: until the outermost brackets close they stay in the lists as dead. */
#include "events/hub_private.h"

/** A listener takes its place: every hub hears of it, for the sake of those that it replaces. */
struct attach {
    struct notice base; /* first */
    struct user_key user;
    struct uuid group;
    const struct hub *from;
};

static const struct uuid no_group;

/* ---- ends ---- */

static void bury(struct hub *h, struct hub_place *p)
{
    struct hub_user *u = p->user;

    list_remove(&p->link);
    free(p);
    if (list_empty(&u->places) && u->state != USER_LOADING)
        hub_drop_user(h, u);
}

void hub_enter(struct hub *h)
{
    h->busy++;
}

void hub_leave(struct hub *h)
{
    while (h->busy == 1 && h->dead) {
        struct hub_place *p = h->dead;

        h->dead = p->next_dead;
        bury(h, p);
    }
    h->busy--;
}

/* One that waits for its notice stays in `pending` until that has come round. */
static void detach(struct hub *h, struct hub_place *p)
{
    audience_leave(bus_audience(h->options.bus), &p->l->user);
    hub_count(&h->figures.listeners,
              atomic_load_explicit(&h->figures.listeners, memory_order_relaxed) - 1);
    hub_unwatch(h, p);
    p->l->place = NULL;
    p->l = NULL;
    if (!p->user)
        return;
    p->next_dead = h->dead;
    h->dead = p;
}

void hub_detach(struct hub *h, struct hub_listener *l)
{
    if (!l->place)
        return;
    hub_enter(h);
    detach(h, l->place);
    hub_leave(h);
}

void hub_end(struct hub *h, struct hub_place *p, enum hub_end why)
{
    struct hub_listener *l = p->l;

    if (!l)
        return;
    if (why == HUB_SUPERSEDED)
        hub_add(&h->figures.superseded);
    if (why == HUB_OVERFLOW)
        hub_add(&h->figures.overflowed);
    detach(h, p);
    l->ops->ended(l, why);
}

void hub_end_all(struct hub *h, struct hub_user *u, enum hub_end why)
{
    for (struct list *at = u->places.next; at != &u->places; at = at->next)
        hub_end(h, list_entry(at, struct hub_place, link), why);
}

/* ---- places ---- */

enum rc hub_attach(struct hub *h, struct hub_listener *l)
{
    struct hub_place *p;
    struct attach *a;
    enum rc rc = h->draining ? RC_BUSY : RC_OK;

    if (!rc)
        rc = audience_enter(bus_audience(h->options.bus), &l->user, h->options.listeners_per_user);
    if (rc)
        return rc;
    p = calloc(1, sizeof *p);
    a = calloc(1, sizeof *a);
    if (!p || !a)
        abort();
    hub_add(&h->figures.listeners);
    p->l = l;
    l->place = p;
    list_add(&h->pending, &p->link);
    hub_watch(h, p);
    *a = (struct attach){
        .base = {.refs = 1, .free = notice_free, .kind = NOTICE_ATTACH},
        .user = l->user,
        .group = l->group,
        .from = h,
    };
    bus_publish(h->options.bus, &a->base);
    return RC_OK;
}

/* `floor`: all that comes from its place on is greater. */
static void say_ready(struct hub_place *p, int64_t floor)
{
    if (p->floor < floor)
        p->floor = floor;
    p->ready = true;
    p->l->ops->ready(p->l, p->floor);
}

void hub_ready(const struct hub_user *u)
{
    for (struct list *at = u->places.next; at != &u->places; at = at->next) {
        struct hub_place *p = list_entry(at, struct hub_place, link);

        if (p->l)
            say_ready(p, u->base);
    }
}

static void replace(struct hub *h, const struct hub_user *u, const struct uuid *group)
{
    for (struct list *at = u->places.next; at != &u->places; at = at->next) {
        struct hub_place *p = list_entry(at, struct hub_place, link);

        if (p->l && uuid_eq(&p->l->group, group))
            hub_end(h, p, HUB_SUPERSEDED);
    }
}

static void give_place(struct hub *h, struct hub_place *p)
{
    struct hub_user *u = hub_find_user(h, &p->l->user);
    bool is_new = !u;

    if (is_new)
        u = hub_add_user(h, &p->l->user);
    p->user = u;
    p->floor = h->last_order;
    list_add(&u->places, &p->link);
    if (!hub_stands(h, p->l))
        hub_end(h, p, HUB_DENIED);
    else if (u->state == USER_LOADED && !is_new)
        say_ready(p, u->base);
    if (is_new)
        hub_load(h, u);
}

static void take_attach(struct hub *h, const struct attach *a)
{
    const struct hub_user *u = hub_find_user(h, &a->user);
    struct hub_place *p;

    if (u && !uuid_eq(&a->group, &no_group))
        replace(h, u, &a->group);
    if (a->from != h)
        return;
    p = list_entry(h->pending.next, struct hub_place, link); /* they come round in their order */
    list_remove(&p->link);
    if (p->l)
        give_place(h, p);
    else
        free(p);
}

/* ---- topics ---- */

void hub_deliver(struct hub *h, const struct hub_user *u, const struct notice *n)
{
    for (struct list *at = u->places.next; at != &u->places; at = at->next) {
        const struct hub_place *p = list_entry(at, struct hub_place, link);

        if (!p->l || !p->ready || (n->order && n->order <= p->floor))
            continue;
        hub_add(&h->figures.delivered);
        p->l->ops->deliver(p->l, n);
    }
}

static struct hub_user *member(const struct hub *h, const struct notice *n, size_t i)
{
    const struct user_key key = {n->resource, n->users[i]};
    struct hub_user *u = hub_find_user(h, &key);

    return u && u->state == USER_LOADED ? u : NULL;
}

static void join(struct hub *h, const struct notice *n)
{
    for (size_t i = 0; i < n->n_users; i++) {
        struct hub_user *u = member(h, n, i);

        if (u && hub_join(h, u, &n->topic))
            hub_end_all(h, u, HUB_OVERFLOW);
    }
}

static void part(struct hub *h, const struct notice *n)
{
    for (size_t i = 0; i < n->n_users; i++) {
        struct hub_user *u = member(h, n, i);

        if (u)
            hub_part(h, u, &n->topic);
    }
}

/* Of a thread that was deleted, or left, while his topics were being read he may know nothing: that
 * it is over he is told all the same. */
static void tell_strangers(struct hub *h, const struct hub_topic *t, const struct notice *n)
{
    for (size_t i = 0; i < n->n_users; i++) {
        const struct hub_user *u = member(h, n, i);

        if (u && !(t && hub_is_in(t, u)))
            hub_deliver(h, u, n);
    }
}

static void take_topic(struct hub *h, const struct notice *n)
{
    struct hub_topic *t;

    if (n->order > h->last_order)
        h->last_order = n->order;
    hub_remember(h, n);
    if (n->effect == NOTICE_JOINS)
        join(h, n);
    t = hub_find_topic(h, &n->topic);
    for (uint32_t i = 0; t && i < t->n; i++) /* within brackets no link goes */
        hub_deliver(h, t->links[i].user, n);
    if (n->effect == NOTICE_LEAVES || n->effect == NOTICE_ENDS)
        tell_strangers(h, t, n);
    if (n->effect == NOTICE_LEAVES)
        part(h, n);
    else if (t && n->effect == NOTICE_ENDS)
        hub_drop_topic(h, t);
    if (!list_empty(&h->waiting))
        hub_finish_loads(h);
}

static void take(void *ctx, const struct notice *n)
{
    struct hub *h = ctx;

    hub_enter(h);
    if (n->kind == NOTICE_TOPIC)
        take_topic(h, n);
    else if (n->kind == NOTICE_ATTACH)
        take_attach(h, (const struct attach *)n);
    else if (n->kind == NOTICE_STANDING)
        hub_judge(h, n);
    hub_leave(h);
}

/* ---- the hub ---- */

struct hub *hub_new(const struct hub_options *options)
{
    struct hub *h = calloc(1, sizeof *h);

    if (!h)
        abort();
    h->options = *options;
    map_init(&h->users);
    map_init(&h->topics);
    list_init(&h->pending);
    list_init(&h->waiting);
    h->last_order = options->order;
    bus_join(options->bus, options->loop, take, h);
    return h;
}

static void end_pending(struct hub *h)
{
    for (struct list *at = h->pending.next; at != &h->pending; at = at->next)
        hub_end(h, list_entry(at, struct hub_place, link), HUB_DRAIN);
}

void hub_drain(struct hub *h)
{
    size_t at = 0;
    struct str key;
    void *user;

    h->draining = true;
    hub_enter(h);
    end_pending(h);
    while (map_next(&h->users, &at, &key, &user))
        hub_end_all(h, user, HUB_DRAIN);
    hub_leave(h);
}

static void free_places(struct list *places)
{
    for (struct list *at = places->next, *next; at != places; at = next) {
        next = at->next;
        free(list_entry(at, struct hub_place, link));
    }
    list_init(places);
}

void hub_free(struct hub *h)
{
    size_t at = 0;
    struct str key;
    void *entry;

    if (!h)
        return;
    loop_timer_close(&h->timer);
    hub_forget_all(h);
    free_places(&h->pending);
    while (map_next(&h->users, &at, &key, &entry)) {
        struct hub_user *u = entry;

        free_places(&u->places);
        hub_drop_load(h, u);
        free(u->topics);
        free(u);
    }
    at = 0;
    while (map_next(&h->topics, &at, &key, &entry)) {
        struct hub_topic *t = entry;

        free(t->links);
        free(t);
    }
    map_clear(&h->users);
    map_clear(&h->topics);
    free(h->deadlines);
    free(h);
}

void hub_figures(const struct hub *h, struct hub_figures *out)
{
    *out = (struct hub_figures){
        .listeners = atomic_load_explicit(&h->figures.listeners, memory_order_relaxed),
        .topics = atomic_load_explicit(&h->figures.topics, memory_order_relaxed),
        .delivered = atomic_load_explicit(&h->figures.delivered, memory_order_relaxed),
        .superseded = atomic_load_explicit(&h->figures.superseded, memory_order_relaxed),
        .overflowed = atomic_load_explicit(&h->figures.overflowed, memory_order_relaxed),
    };
}
