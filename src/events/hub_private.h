/* The insides of a hub, shared by hub.c, hub_topics.c, hub_load.c and hub_standing.c alone. */
#ifndef EVENTS_HUB_PRIVATE_H
#define EVENTS_HUB_PRIVATE_H

#include "base/map.h"
#include "events/audience.h"
#include "events/hub.h"

/** Threads of one user: what they cost here is 32 octets each. Who is in more can't listen. */
#define HUB_TOPICS_MAX ((uint32_t)100000)

/** A user and a topic know each other by these: taking one out is a step, not a search. */
struct topic_link {
    struct hub_user *user;
    uint32_t at; /* in user->topics */
};
struct user_link {
    struct hub_topic *topic;
    uint32_t at; /* in topic->links */
};

struct hub_topic {
    struct uuid key;
    struct topic_link *links;
    uint32_t n, cap;
};

/** Someone who listens on this loop. He is made with his first listener's place, and goes with the
 * last one. */
struct hub_user {
    struct user_key key;
    struct list places; /* of struct hub_place, in their order */
    struct user_link *topics;
    uint32_t n, cap;
    enum {
        USER_QUEUED = 0, /* his topics are yet to be read */
        USER_LOADING,
        USER_READ, /* they are, but notices are yet to come that the reading has overtaken */
        USER_LOADED,
    } state;
    bool lost;         /* LOADING: notices were dropped meanwhile, so that it is in vain */
    uint64_t from;     /* until LOADED: the first notice of the backlog that concerns him */
    int64_t base;      /* and of the log, what was before it */
    struct load *load; /* READ */
    struct list link;  /* in hub.waiting, until LOADED */
};

/** A listener's place in the order of notices. */
struct hub_place {
    struct list link;       /* in hub.pending, then in user->places */
    struct hub_listener *l; /* NULL: detached */
    struct hub_user *user;  /* NULL: its notice has not come round yet */
    struct hub_place *next_dead;
    int64_t floor; /* notices of the log up to here are not for it */
    unix_ms expires;
    size_t deadline; /* its index in hub.deadlines */
    bool ready;
};

/** Notices that came while topics were being read. */
struct backlog {
    const struct notice **items; /* a ring */
    size_t cap;
    uint64_t first, next; /* numbers, ever growing: item i lies at i % cap */
};

struct hub {
    struct hub_options options;
    struct map users;  /* by their keys */
    struct map topics; /* by theirs */
    struct list pending;
    int64_t last_order; /* of the log, as far as notices have come */
    unsigned busy;      /* brackets: within, what is detached stays in its lists */
    struct hub_place *dead;
    bool draining;

    struct list waiting; /* users whose topics are not known, in the order of `from` */
    size_t loads;        /* users LOADING */
    size_t overtaken;    /* users READ */
    struct backlog backlog;

    struct hub_place **deadlines; /* a heap: the first to expire is on top */
    size_t deadlines_n, deadlines_cap;
    struct loop_timer timer;

    struct {
        _Atomic uint64_t listeners, topics, delivered, superseded, overflowed;
    } figures;
};

static inline void hub_count(_Atomic uint64_t *figure, uint64_t value)
{
    atomic_store_explicit(figure, value, memory_order_relaxed);
}
static inline void hub_add(_Atomic uint64_t *figure)
{
    hub_count(figure, atomic_load_explicit(figure, memory_order_relaxed) + 1);
}

/* hub.c */
/** Brackets around whatever calls listeners. */
void hub_enter(struct hub *h);
void hub_leave(struct hub *h);
/** Within brackets. Detached before: nothing happens. */
void hub_end(struct hub *h, struct hub_place *p, enum hub_end why);
void hub_end_all(struct hub *h, struct hub_user *u, enum hub_end why);
/** Within brackets, to those of the user whose turn it is. */
void hub_deliver(struct hub *h, const struct hub_user *u, const struct notice *n);
/** His topics are known: his listeners that wait are ready. Within brackets. */
void hub_ready(const struct hub_user *u);

/* hub_topics.c */
struct hub_user *hub_find_user(const struct hub *h, const struct user_key *key);
struct hub_user *hub_add_user(struct hub *h, const struct user_key *key);
/** With his links. */
void hub_drop_user(struct hub *h, struct hub_user *u);
struct hub_topic *hub_find_topic(const struct hub *h, const struct uuid *key);
bool hub_is_in(const struct hub_topic *t, const struct hub_user *u);
/** In already: fine. RC_TOO_LARGE: he is in too many. */
enum rc hub_join(struct hub *h, struct hub_user *u, const struct uuid *topic) NODISCARD;
/** Not in: nothing happens. A topic goes with its last listener. */
void hub_part(struct hub *h, struct hub_user *u, const struct uuid *topic);
/** Everybody leaves. */
void hub_drop_topic(struct hub *h, struct hub_topic *t);

/* hub_load.c */
/** A new user's topics are read when it is his turn. */
void hub_load(struct hub *h, struct hub_user *u);
/** Keeps a notice for those whose topics are being read. Within brackets. */
void hub_remember(struct hub *h, const struct notice *n);
/** Behind a notice, or a reading: who waits for nothing more is ready. Within brackets. */
void hub_finish_loads(struct hub *h);
/** What was read for him, if he is READ. */
void hub_drop_load(struct hub *h, struct hub_user *u);
void hub_forget_all(struct hub *h);

/* hub_standing.c */
void hub_watch(struct hub *h, struct hub_place *p);
void hub_unwatch(struct hub *h, struct hub_place *p);
bool hub_stands(const struct hub *h, const struct hub_listener *l);
/** Within brackets. */
void hub_judge(struct hub *h, const struct notice *n);

#endif
