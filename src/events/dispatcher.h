/* Events on their way: the part of the module that lives on one loop. Private to src/events.
 *
 * Each subscription has a lane. A look reads, on the pool, what is due for the lanes that may have
 * something; what fits in goes out at once; outcomes are committed together. An event that is under
 * way, or whose outcome is not committed yet, is a parcel of its lane: a later look passes it by.
 * Nothing of this is kept: after a crash or stop all that has no committed outcome goes again.
 * Source: wire/events §3, §6, §7; design D24. */
#ifndef EVENTS_DISPATCHER_H
#define EVENTS_DISPATCHER_H

#include "base/list.h"
#include "base/map.h"
#include "events/endpoint.h"
#include "events/events.h"
#include "events/subscriptions.h"

#define NEVER INT64_MAX

struct dispatcher;
struct lane;

/** One event under way. */
struct parcel {
    struct parcel *next;
    struct uuid id; /* key in the lane's map */
    struct lane *lane;
    unix_ms published;
    uint32_t attempts; /* with the one under way */
    struct event_step step;
    struct arena arena; /* the step's outcome */
};

struct lane {
    struct list node;
    struct dispatcher *dispatcher;
    struct uuid id;                 /* of the subscription */
    const struct subscription *sub; /* in the dispatcher's table; NULL: it is gone */
    bool stale;                     /* something may be due that was not read */
    unix_ms next_due;               /* of what was read and is not due yet */
    struct map parcels;
    unsigned calls;    /* deliveries that no answer has come to */
    unsigned failures; /* calls in a row that blame the endpoint */
    unix_ms blocked_until;
    mono_ns rate_next; /* not before, by the rate that the endpoint allows */
    struct shake *shake;
    mono_ns shake_after;
    bool unfolding; /* a row of a series is being made into events */
    bool deleting;  /* its resource is gone: the row is being deleted */
};

struct dispatcher {
    struct events *events;
    struct loop *loop; /* NULL: not started */
    struct snapshot_view view;
    struct list lanes;
    struct map lanes_by_id;
    struct loop_timer timer;
    bool ticking;
    struct loop_task wake_task;
    _Atomic bool woken; /* wake_task is queued */
    _Atomic bool resources_changed;
    _Atomic bool stopping; /* nothing is begun any more */
    unsigned calls;
    size_t octets;                   /* of their bodies */
    struct look *look;               /* the one under way */
    struct parcel *outcomes, **tail; /* that wait for being committed */
    struct parcel *settled;          /* committed while a look is under way, which may not know */
    size_t outcomes_n, saving_n;     /* in the list; being committed */
    size_t singly;                   /* so many are committed one by one */
    mono_ns save_after;              /* a commit failed: not before; 0: the store writes */
    struct list farewells, posts;    /* calls that a stop cancels */
    unix_ms pruned;                  /* service time of the last pruning */
    size_t finished;                 /* events that came to an end since */
    bool pruning;
    uint64_t random; /* of jitter */
};

/* events.c */
/** The row in which an event waits for a subscription from `published` on; texts are borrowed. */
struct event_row event_row_of(const struct event *event, const struct uuid *subscription,
                              const struct uuid *id, unix_ms published) NODISCARD;

/* dispatcher.c */
void dispatcher_init(struct dispatcher *d, struct events *e);
void dispatcher_start(struct dispatcher *d, struct loop *loop);
void dispatcher_stop(struct dispatcher *d);
void dispatcher_clear(struct dispatcher *d);
/** Any thread. */
void dispatcher_wake(struct dispatcher *d);
/** On the loop: does what can be done now. */
void dispatcher_turn(struct dispatcher *d);
unix_ms dispatcher_now(const struct dispatcher *d);
uint32_t dispatcher_random(struct dispatcher *d);

/* deliveries.c: looks and calls */
/** Begins to read what is due, unless a look is under way or nothing may be due. */
void deliveries_look(struct dispatcher *d);
/** Cancels what is on its way. */
void deliveries_stop(struct dispatcher *d);

/* unfolding.c: series */
/** Makes the next portion of the events of a series, unless one is being made. */
void unfolding_begin(struct lane *lane, const struct event_row *row);

/* outcomes.c: what came of them, into the store */
struct parcel *parcel_new(struct lane *lane, const struct event_row *row);
void parcel_free(struct parcel *p);
/** Moved in: its step is to be committed. */
void outcomes_add(struct dispatcher *d, struct parcel *p);
void outcomes_save(struct dispatcher *d);
/** A look has ended: what was settled meanwhile is let go. */
void outcomes_forget(struct dispatcher *d);
/** Queues all that is left, whatever is under way. */
void outcomes_stop(struct dispatcher *d);
/** Forgets old ones, now and then. */
void outcomes_prune(struct dispatcher *d);

/* dead_letters.c */
/** On the pool: writes a file of a dead letter. RC_OK, RC_IO. */
enum rc dead_letter_write(struct str dir, const struct subscription *sub, struct str topic,
                          const struct event_row *row) NODISCARD;

/* handshakes.c */
/** Does what the lane's handshake needs. */
void handshake_turn(struct lane *lane);
bool handshake_pending(const struct lane *lane);
void handshakes_stop(struct dispatcher *d);

/* farewells.c */
void farewell_send(struct dispatcher *d, const struct subscription *s);
void farewells_stop(struct dispatcher *d);

/** The headers that all calls of a subscription have: its own, and aeg-…. */
void lane_headers(struct endpoint_call *c, const struct subscription *s, struct str event_type,
                  struct arena *arena);

/* events_private */
struct events {
    struct events_options options;
    struct arena arena; /* of the rules */
    struct endpoint_rules rules;
    const char *ca_file; /* NULL: none */
    struct snapshot_cell table;
    _Atomic size_t count; /* of the table: none spares the look */
    struct dispatcher dispatcher;
};

#endif
