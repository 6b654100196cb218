/* What happened, to every loop in one order: one lock, one queue for each loop, one wake-up for
 * each batch. A notice gets its place in all queues under the lock, so that no two loops see two
 * notices in different orders.
 *
 * The queues have no limit of their own: what goes in is paced by commits, and a notice that one
 * loop does not get would break what listeners are promised. Typing, which is in no log, is dropped
 * when loops fall far behind. */
#include "events/bus.h"

#include "base/mutex.h"
#include "events/audience.h"

#define QUEUE_FIRST 64
#define QUEUE_KEPT  4096            /* room that a queue keeps when it is empty */
#define BEHIND      ((size_t)16384) /* notices that wait: who falls so far behind gets no typing */

struct queue {
    const struct notice **items;
    size_t n, cap;
};

struct seat {
    struct bus *bus;
    struct loop *loop; /* NULL: nobody has joined yet */
    void (*take)(void *ctx, const struct notice *n);
    void *ctx;
    struct queue waiting; /* under the lock */
    struct queue taken;   /* the loop's own: changes places with the former */
    bool woken;           /* under the lock: the task is on its way */
    struct loop_task task;
};

struct bus {
    pthread_mutex_t lock;
    struct audience *audience;
    bool stopped;
    size_t n;
    struct seat seats[];
};

/* ---- notices ---- */

struct notice *notice_ref(const struct notice *n)
{
    struct notice *mine = (struct notice *)(uintptr_t)n; /* immutable but for this count */

    atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void notice_unref(const struct notice *n)
{
    struct notice *mine = (struct notice *)(uintptr_t)n;

    if (mine && atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
        mine->free(mine);
}

void notice_free(struct notice *n)
{
    free(n);
}

/* ---- queues ---- */

static void queue_add(struct queue *q, const struct notice *n)
{
    if (q->n == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : QUEUE_FIRST;
        const struct notice **items = realloc(q->items, cap * sizeof(void *));

        if (!items)
            abort();
        q->items = items;
        q->cap = cap;
    }
    q->items[q->n++] = n;
}

static void queue_empty(struct queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        notice_unref(q->items[i]);
    q->n = 0;
    if (q->cap > QUEUE_KEPT) {
        free(q->items);
        *q = (struct queue){0};
    }
}

/* What comes while these are taken waits for the next round: sockets are served in between. */
static void take_all(void *ctx)
{
    struct seat *s = ctx;
    struct queue all;

    mutex_lock(&s->bus->lock);
    all = s->waiting;
    s->waiting = s->taken;
    s->woken = false;
    mutex_unlock(&s->bus->lock);
    for (size_t i = 0; i < all.n; i++)
        s->take(s->ctx, all.items[i]);
    queue_empty(&all);
    s->taken = all;
}

/* ---- the bus ---- */

struct bus *bus_new(size_t n)
{
    struct bus *b = calloc(1, sizeof *b + n * sizeof b->seats[0]);

    if (!b || pthread_mutex_init(&b->lock, NULL))
        abort();
    b->n = n;
    b->audience = audience_new();
    for (size_t i = 0; i < n; i++)
        b->seats[i].bus = b;
    return b;
}

void bus_stop(struct bus *b)
{
    mutex_lock(&b->lock);
    b->stopped = true;
    for (size_t i = 0; i < b->n; i++)
        queue_empty(&b->seats[i].waiting);
    mutex_unlock(&b->lock);
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    bus_stop(b);
    for (size_t i = 0; i < b->n; i++) {
        free(b->seats[i].waiting.items);
        free(b->seats[i].taken.items);
    }
    audience_free(b->audience);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void bus_join(struct bus *b, struct loop *loop, void (*take)(void *ctx, const struct notice *n),
              void *ctx)
{
    mutex_lock(&b->lock);
    for (size_t i = 0; i < b->n; i++) {
        struct seat *s = &b->seats[i];

        if (s->loop)
            continue;
        s->loop = loop;
        s->take = take;
        s->ctx = ctx;
        s->task = (struct loop_task){.run = take_all, .ctx = s};
        break;
    }
    mutex_unlock(&b->lock);
}

static bool may_be_dropped(const struct notice *n)
{
    return n->kind == NOTICE_TOPIC && n->order == 0 && n->effect == NOTICE_STAYS;
}

void bus_publish(struct bus *b, struct notice *n)
{
    bool droppable = may_be_dropped(n);

    mutex_lock(&b->lock);
    for (size_t i = 0; i < b->n && !b->stopped; i++) {
        struct seat *s = &b->seats[i];

        if (!s->loop || (droppable && s->waiting.n > BEHIND))
            continue;
        NO_LEAK_BEGIN; /* the queue keeps it */
        queue_add(&s->waiting, notice_ref(n));
        if (!s->woken)
            loop_post(s->loop, &s->task);
        NO_LEAK_END;
        s->woken = true;
    }
    mutex_unlock(&b->lock);
    notice_unref(n);
}

struct audience *bus_audience(const struct bus *b)
{
    return b->audience;
}
