/* What happened, to every loop in one order.
 *
 * The writer thread publishes after a commit is durable and before anyone is answered; whoever else
 * publishes takes his place in the same order. Nothing is acknowledged here: the store is the
 * truth, the bus only hurries. Other nodes join behind this interface. Source: design D6. */
#ifndef EVENTS_BUS_H
#define EVENTS_BUS_H

#include "base/loop.h"
#include "base/uuid.h"
#include "store/store.h"

/** What the hub does about it. */
enum notice_kind {
    NOTICE_NONE = 0,
    NOTICE_TOPIC,    /* to all who listen to `topic`; its `effect` changes who does */
    NOTICE_ATTACH,   /* hub.c's own: a listener takes its place */
    NOTICE_STANDING, /* hub.c's own: users or resources have changed, credentials may be dead */
};

/** What a notice does to the listeners of its topic. */
enum notice_effect {
    NOTICE_STAYS = 0,
    NOTICE_JOINS,  /* `users` listen from this notice on, itself included */
    NOTICE_LEAVES, /* this notice is the last that `users` get */
    NOTICE_ENDS,   /* it is the last one of the topic for everybody; `users`: who was in */
};

/** Immutable once published; shared by all loops. First member of what a service publishes. */
struct notice {
    _Atomic uint32_t refs; /* 1 when made */
    void (*free)(struct notice *n);
    enum notice_kind kind;
    enum notice_effect effect;
    struct uuid topic; /* a thread's key */
    struct uuid resource;
    int64_t order;            /* its number in the store's log; 0: it is in none (typing) */
    const struct uuid *users; /* of the resource; live as long as the notice */
    size_t n_users;
};
struct notice *notice_ref(const struct notice *n);
/** NULL is fine. */
void notice_unref(const struct notice *n);
/** For `free` of a notice that is one piece of memory. */
void notice_free(struct notice *n);

struct audience;
struct bus;
/** For `n` loops. Owned. */
struct bus *bus_new(size_t n);
void bus_free(struct bus *b);
/** Before the loop runs: it gets every notice that is published from here on, by `take` on its
 * thread. Borrowed for the call: notice_ref() keeps it. */
void bus_join(struct bus *b, struct loop *loop, void (*take)(void *ctx, const struct notice *n),
              void *ctx);
/** Any thread. Moved in. Every loop takes notices in the order in which this was called. */
void bus_publish(struct bus *b, struct notice *n);
/** After the loops have ended: drops what is still on its way. */
void bus_stop(struct bus *b);
/** Who listens on all loops together: hub.c's own. */
struct audience *bus_audience(const struct bus *b);

#endif
