/* Who listens, on one loop: joins users' connections to the topics that they are in.
 *
 * A listener is a live connection of a user. It attaches by a notice of its own, so that its place
 * in the order of all notices is certain on every loop: of several with the same group (one device
 * that reconnects) those attached before hear nothing more from that place on, and the new one
 * hears everything behind it. Its topics are read from the store meanwhile; notices wait until they
 * are known. Bounded throughout. Source: design D6, D19; wire/chat §4. */
#ifndef EVENTS_HUB_H
#define EVENTS_HUB_H

#include "events/bus.h"

struct hub; /* one per loop */
struct hub_listener;

enum hub_end {
    HUB_SUPERSEDED = 1, /* another listener of its group has taken its place */
    HUB_DENIED,         /* its credential is no longer good: revoked, key changed, user deleted */
    HUB_EXPIRED,        /* its credential's time is over */
    HUB_OVERFLOW,       /* too many notices came before its topics were known, or it has too many */
    HUB_FAILED,         /* its topics could not be read */
    HUB_DRAIN,          /* the server is stopping */
};

struct hub_listener_ops {
    /** Once: from here on everything is delivered whose order is greater than `order`, and that the
     * user may hear. `order` is the place in the store's log at which it was attached or later. */
    void (*ready)(struct hub_listener *l, int64_t order);
    /** Something happened in a topic of his. Borrowed: notice_ref() keeps it. */
    void (*deliver)(struct hub_listener *l, const struct notice *n);
    /** It is detached already, and may be freed within. */
    void (*ended)(struct hub_listener *l, enum hub_end why);
};

/** Embedded in a session; zeros but what is said to be set. */
struct hub_listener {
    /* set before hub_attach(): */
    const struct hub_listener_ops *ops;
    struct user_key user;
    struct uuid group;    /* of listeners that replace each other; zeros: stands alone */
    unix_ms expires;      /* of its credential */
    const void *standing; /* what hub_options.stands judges by; borrowed until detached */
    /* the hub's own */
    struct hub_place *place;
};

struct hub_options {
    struct loop *loop;
    struct bus *bus;
    struct store *store;
    struct clock *clock;       /* service time: what `expires` is in */
    int64_t order;             /* last number of the store's log when it begins */
    size_t listeners_per_user; /* on all loops together: more are refused */
    void *ctx;
    /** Is the credential still good? On the loop; called when something has changed. */
    bool (*stands)(void *ctx, const struct hub_listener *l);
};

/** Joins the bus. Owned. */
struct hub *hub_new(const struct hub_options *options);
void hub_free(struct hub *h);
/** RC_BUSY: the user has too many, or the hub is draining. `ready` or `ended` comes later, always.
 */
enum rc hub_attach(struct hub *h, struct hub_listener *l) NODISCARD;
/** Nothing is called any more. Not attached: nothing happens. */
void hub_detach(struct hub *h, struct hub_listener *l);
/** Its credential was renewed: `expires` is another. */
void hub_renewed(struct hub *h, struct hub_listener *l);
/** Ends all listeners with HUB_DRAIN; later ones are refused. On the loop. */
void hub_drain(struct hub *h);
/** Writer thread, as store_watch: tells every hub that credentials may have died. */
void hub_on_commit(struct bus *bus, const struct log_entry *entries, size_t n);

struct hub_figures {
    uint64_t listeners, topics, delivered, superseded, overflowed;
};
/** Any thread. */
void hub_figures(const struct hub *h, struct hub_figures *out);

#endif
