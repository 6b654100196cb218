/* The topics of a user who has begun to listen here: read on the pool, a few users at a time, while
 * notices are kept.
 *
 * What is read is his membership as it was when he got his place: rows tell by numbers of the log
 * when he came and left last, so that it does not matter how new the reading is. Of a topic into
 * which he came since, the notices tell what he was before: they are waited for. Then all that has
 * come since happens to him in its order. Who has to wait too long for that is ended. */
#include "events/hub_private.h"

#define LOADS_MAX     16 /* of one loop: the pool serves others too */
#define BACKLOG_FIRST ((size_t)64)
#define BACKLOG_MAX   ((size_t)16384) /* notices: a power of two times BACKLOG_FIRST */

struct load {
    struct hub *hub;
    struct hub_user *user;
    struct user_key key;
    struct uuid *topics;
    size_t n;
    int64_t base;  /* of the log, when he got his place */
    int64_t until; /* when he came last into a topic */
    enum rc rc;
};

/* ---- what came meanwhile ---- */

static void backlog_grow(struct backlog *b)
{
    size_t cap = b->cap ? b->cap * 2 : BACKLOG_FIRST;
    const struct notice **items = calloc(cap, sizeof(void *));

    if (!items)
        abort();
    for (uint64_t i = b->first; b->cap && i < b->next; i++)
        items[i % cap] = b->items[i % b->cap];
    free(b->items);
    b->items = items;
    b->cap = cap;
}

static void backlog_drop(struct backlog *b, uint64_t up_to)
{
    for (; b->first < up_to; b->first++)
        notice_unref(b->items[b->first % b->cap]);
    if (b->first == b->next && b->cap > BACKLOG_FIRST) {
        free(b->items);
        b->items = NULL;
        b->cap = 0;
    }
}

/* The first in the list got his place first: he needs the oldest. */
static void forget(struct hub *h)
{
    const struct hub_user *first = list_entry(h->waiting.next, struct hub_user, link);

    backlog_drop(&h->backlog, list_empty(&h->waiting) ? h->backlog.next : first->from);
}

void hub_drop_load(struct hub *h, struct hub_user *u)
{
    if (!u->load)
        return;
    h->overtaken--;
    free(u->load->topics);
    free(u->load);
    u->load = NULL;
}

static void give_up_oldest(struct hub *h)
{
    struct hub_user *u = list_entry(h->waiting.next, struct hub_user, link);

    u->lost = u->state == USER_LOADING;
    list_remove(&u->link);
    hub_end_all(h, u, HUB_OVERFLOW);
    hub_drop_load(h, u);
    forget(h);
}

void hub_remember(struct hub *h, const struct notice *n)
{
    struct backlog *b = &h->backlog;

    while (!list_empty(&h->waiting) && b->next - b->first >= BACKLOG_MAX)
        give_up_oldest(h);
    if (list_empty(&h->waiting))
        return;
    if (b->next - b->first == b->cap)
        backlog_grow(b);
    b->items[b->next++ % b->cap] = notice_ref(n);
}

void hub_forget_all(struct hub *h)
{
    backlog_drop(&h->backlog, h->backlog.next);
    free(h->backlog.items);
}

/* ---- reading ---- */

static bool was_in(const struct chat_member_row *m, int64_t base)
{
    return m->joined <= base && (m->gone == 0 || m->gone > base);
}

static void read_topics(void *ctx, struct store_reader *r)
{
    struct load *l = ctx;
    const struct chat_query query = {
        .what = CHAT_LIST_THREADS, .resource = l->key.resource, .user = l->key.user};
    struct chat_page page = {0};
    struct arena arena;

    arena_init(&arena);
    l->rc = r ? store_list_chat(r, &query, &arena, &page) : RC_IO;
    l->topics = l->rc ? NULL : calloc(page.n + 1, sizeof *l->topics);
    if (!l->rc && !l->topics)
        abort();
    for (size_t i = 0; !l->rc && i < page.n; i++) {
        if (page.members[i].joined > l->until)
            l->until = page.members[i].joined;
        if (was_in(&page.members[i], l->base))
            l->topics[l->n++] = page.threads[i].key;
    }
    arena_clear(&arena);
}

static bool concerns(const struct notice *n, const struct hub_user *u)
{
    if (!uuid_eq(&n->resource, &u->key.resource))
        return false;
    for (size_t i = 0; i < n->n_users; i++) {
        if (uuid_eq(&n->users[i], &u->key.user))
            return true;
    }
    return false;
}

/* From now back to his place: where he was before he came or left. */
static enum rc look_back(struct hub *h, struct hub_user *u)
{
    const struct backlog *b = &h->backlog;
    enum rc rc = RC_OK;

    for (uint64_t i = b->next; i > u->from && !rc; i--) {
        const struct notice *n = b->items[(i - 1) % b->cap];

        if (n->effect == NOTICE_STAYS || !concerns(n, u))
            continue;
        if (n->effect == NOTICE_JOINS)
            hub_part(h, u, &n->topic);
        else
            rc = hub_join(h, u, &n->topic);
    }
    return rc;
}

/* What came since, for this user alone. */
static enum rc replay(struct hub *h, struct hub_user *u)
{
    const struct backlog *b = &h->backlog;
    enum rc rc = RC_OK;

    for (uint64_t i = u->from; i < b->next && !rc; i++) {
        const struct notice *n = b->items[i % b->cap];
        bool changes = n->effect != NOTICE_STAYS && concerns(n, u);
        const struct hub_topic *t;

        if (changes && n->effect == NOTICE_JOINS)
            rc = hub_join(h, u, &n->topic);
        t = hub_find_topic(h, &n->topic);
        if (t && hub_is_in(t, u))
            hub_deliver(h, u, n);
        if (n->effect == NOTICE_ENDS || (changes && n->effect == NOTICE_LEAVES))
            hub_part(h, u, &n->topic);
    }
    return rc;
}

static enum rc settle(struct hub *h, struct load *l)
{
    struct hub_user *u = l->user;
    enum rc rc = l->rc;

    for (size_t i = 0; i < l->n && !rc; i++)
        rc = hub_join(h, u, &l->topics[i]);
    rc = rc ? rc : look_back(h, u);
    if (rc)
        return rc;
    u->state = USER_LOADED;
    hub_ready(u);
    return replay(h, u);
}

/* Where his membership begins to be known. */
static void queue(struct hub *h, struct hub_user *u)
{
    u->state = USER_QUEUED;
    u->from = h->backlog.next;
    u->base = h->last_order;
    list_add(&h->waiting, &u->link);
}

/* All that he needs is there, or can't be had. */
static void finish(struct hub *h, struct hub_user *u)
{
    struct load *l = u->load;
    enum rc rc = settle(h, l);

    if (rc)
        hub_end_all(h, u, rc == RC_TOO_LARGE ? HUB_OVERFLOW : HUB_FAILED);
    hub_drop_load(h, u);
    u->state = USER_LOADED;
    list_remove(&u->link);
    if (list_empty(&u->places))
        hub_drop_user(h, u);
}

void hub_finish_loads(struct hub *h)
{
    size_t left = h->overtaken;

    for (struct list *at = h->waiting.next, *next; left > 0; at = next) {
        struct hub_user *u = list_entry(at, struct hub_user, link);

        next = at->next;
        left -= u->state == USER_READ;
        if (u->state == USER_READ && u->load->until <= h->last_order)
            finish(h, u);
    }
    forget(h);
}

static void start_loads(struct hub *h);

static void on_read(void *ctx)
{
    struct load *l = ctx;
    struct hub *h = l->hub;
    struct hub_user *u = l->user;

    hub_enter(h);
    h->loads--;
    if (u->lost) {
        u->lost = false;
        queue(h, u);
        free(l->topics);
        free(l);
        if (list_empty(&u->places))
            hub_drop_user(h, u);
    } else {
        u->state = USER_READ;
        u->load = l;
        h->overtaken++;
        hub_finish_loads(h);
    }
    start_loads(h);
    hub_leave(h);
}

static struct hub_user *next_in_queue(const struct hub *h)
{
    for (struct list *at = h->waiting.next; at != &h->waiting; at = at->next) {
        struct hub_user *u = list_entry(at, struct hub_user, link);

        if (u->state == USER_QUEUED)
            return u;
    }
    return NULL;
}

static void start_loads(struct hub *h)
{
    struct hub_user *u;

    while (h->loads < LOADS_MAX && (u = next_in_queue(h))) {
        struct load *l = calloc(1, sizeof *l);

        if (!l)
            abort();
        *l = (struct load){.hub = h, .user = u, .key = u->key, .base = u->base};
        u->state = USER_LOADING;
        h->loads++;
        store_on_pool(h->options.store, h->options.loop, read_topics, on_read, l);
    }
}

void hub_load(struct hub *h, struct hub_user *u)
{
    queue(h, u);
    start_loads(h);
}
