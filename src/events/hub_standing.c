/* When a listener's credential dies: by its time, of which a heap is kept, or because something
 * that it stands on has changed, of which the store's watch tells. Source: design D19. */
#include "events/hub_private.h"

#define LOOK_MS         200 /* the clock may be moved: a deadline is looked at that often */
#define DEADLINES_FIRST ((size_t)16)

/* ---- time ---- */

static void put(struct hub *h, struct hub_place *p, size_t at)
{
    h->deadlines[at] = p;
    p->deadline = at;
}

/* To where it belongs, from `at` up or down. */
static void sift(struct hub *h, struct hub_place *p, size_t at)
{
    struct hub_place **all = h->deadlines;

    while (at > 0 && p->expires < all[(at - 1) / 2]->expires) {
        put(h, all[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    for (size_t child = 2 * at + 1; child < h->deadlines_n; child = 2 * at + 1) {
        if (child + 1 < h->deadlines_n && all[child + 1]->expires < all[child]->expires)
            child++;
        if (p->expires <= all[child]->expires)
            break;
        put(h, all[child], at);
        at = child;
    }
    put(h, p, at);
}

static void look(void *ctx)
{
    struct hub *h = ctx;
    unix_ms now = clock_now(h->options.clock);

    hub_enter(h);
    while (h->deadlines_n > 0 && h->deadlines[0]->expires <= now)
        hub_end(h, h->deadlines[0], HUB_EXPIRED);
    hub_leave(h);
    if (h->deadlines_n == 0)
        loop_timer_stop(&h->timer);
}

void hub_watch(struct hub *h, struct hub_place *p)
{
    if (h->deadlines_n == h->deadlines_cap) {
        h->deadlines_cap = h->deadlines_cap ? h->deadlines_cap * 2 : DEADLINES_FIRST;
        h->deadlines = realloc(h->deadlines, h->deadlines_cap * sizeof(void *));
        if (!h->deadlines)
            abort();
    }
    if (h->deadlines_n == 0)
        loop_timer_start(h->options.loop, &h->timer, LOOK_MS, LOOK_MS, look, h);
    p->expires = p->l->expires;
    h->deadlines_n++;
    sift(h, p, h->deadlines_n - 1);
}

void hub_unwatch(struct hub *h, struct hub_place *p)
{
    struct hub_place *last = h->deadlines[--h->deadlines_n];

    if (last != p)
        sift(h, last, p->deadline);
}

void hub_renewed(struct hub *h, struct hub_listener *l)
{
    struct hub_place *p = l->place;

    if (!p)
        return;
    p->expires = l->expires;
    sift(h, p, p->deadline);
}

/* ---- what it stands on ---- */

/** Whose credentials may be dead. */
struct standing_notice {
    struct notice base; /* first */
    bool all;
    size_t n;
    struct user_key who[]; /* zeros as user: everybody of the resource */
};

static const struct uuid everybody;

bool hub_stands(const struct hub *h, const struct hub_listener *l)
{
    return !h->options.stands || h->options.stands(h->options.ctx, l);
}

static void judge_user(struct hub *h, struct hub_user *u)
{
    for (struct list *at = u->places.next; at != &u->places; at = at->next) {
        struct hub_place *p = list_entry(at, struct hub_place, link);

        if (p->l && !hub_stands(h, p->l))
            hub_end(h, p, HUB_DENIED);
    }
}

/* Of one resource; NULL: all. */
static void judge_many(struct hub *h, const struct uuid *resource)
{
    size_t at = 0;
    struct str key;
    void *entry;

    while (map_next(&h->users, &at, &key, &entry)) {
        struct hub_user *u = entry;

        if (!resource || uuid_eq(&u->key.resource, resource))
            judge_user(h, u);
    }
}

/* Those that wait for their place are judged when they get it. */
void hub_judge(struct hub *h, const struct notice *n)
{
    const struct standing_notice *s = (const struct standing_notice *)n;

    if (s->all)
        judge_many(h, NULL);
    for (size_t i = 0; i < s->n; i++) {
        struct hub_user *u = hub_find_user(h, &s->who[i]);

        if (uuid_eq(&s->who[i].user, &everybody))
            judge_many(h, &s->who[i].resource);
        else if (u)
            judge_user(h, u);
    }
}

void hub_on_commit(struct bus *bus, const struct log_entry *entries, size_t n)
{
    struct audience *a = bus_audience(bus);
    struct standing_notice *s;

    if (audience_count(a) == 0)
        return;
    s = calloc(1, sizeof *s + n * sizeof s->who[0]);
    if (!s)
        abort();
    s->base = (struct notice){.refs = 1, .free = notice_free, .kind = NOTICE_STANDING};
    for (size_t i = 0; i < n; i++) {
        if (entries[i].kind == LOG_USER && audience_has(a, &entries[i].user))
            s->who[s->n++] = entries[i].user;
        else if (entries[i].kind == LOG_RESOURCE)
            s->who[s->n++] = (struct user_key){.resource = entries[i].resource};
        else if (entries[i].kind == LOG_SIGNING_KEY)
            s->all = true;
    }
    if (s->n > 0 || s->all)
        bus_publish(bus, &s->base);
    else
        free(s);
}
