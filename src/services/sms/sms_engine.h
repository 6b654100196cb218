/* The engine from inside: the life of messages, on one loop.
 *
 * Everything that counts is in the store. The engine looks for what is due, a bounded number of
 * rows at a time, and each row on its way through it is a flight: in memory until its step is
 * committed. Source: wire/sms §3, §6. */
#ifndef SERVICES_SMS_ENGINE_H
#define SERVICES_SMS_ENGINE_H

#include "services/sms/sms_core.h"

#define SMS_FLIGHTS_MAX   ((size_t)4000)
#define SMS_RETRY_MS      ((int64_t)1000)
#define SMS_RETRY_MAX_MS  ((int64_t)5 * 60 * 1000)
#define SMS_UNSURE_MS     ((int64_t)60 * 1000)
#define SMS_UNSURE_MAX_MS ((int64_t)30 * 60 * 1000)

/** What the look under way may take of a transport's messages in one state. */
struct sms_room {
    size_t queues; /* in which something may be due */
    size_t left;   /* rows of all of them */
    size_t share;  /* of one of them */
    size_t asked;  /* how much of it rows are read for */
    bool skipped;  /* there are queues that are not read this time */
};

/** A transport as the engine uses it: open, or missing while messages wait for it. */
struct sms_way {
    struct sms_way *next;
    struct sms_engine *engine;
    struct str name; /* owned */
    uint32_t version;
    const struct carrier_ops *ops; /* NULL: missing, or it can't be opened */
    struct carrier *carrier;       /* NULL: the same */
    struct carrier_host host;
    struct str callback_url; /* owned */
    size_t pending;          /* flights that go to the carrier after their commit */
    size_t submitting;       /* that are at the carrier */
    size_t polling;
    struct list under_way; /* its flights, the oldest first */
    bool is_configured;    /* while ways are matched with the world */
    struct sms_room rooms[SMS_LOOK_STATES];
};

enum sms_phase {
    SMS_PHASE_COMMIT = 0, /* a step is on its way into the store */
    SMS_PHASE_SUBMIT,     /* at the carrier */
    SMS_PHASE_POLL,       /* the carrier is asked */
    SMS_PHASE_STUCK,      /* the store refused its step: again soon */
};

/** One row on its way through the engine. */
struct sms_flight {
    struct arena arena;
    struct sms_engine *engine;
    struct sms_way *way;
    struct sms_row row; /* texts in the arena */
    enum sms_phase phase;
    bool hand_over; /* goes to the carrier after this commit */
    size_t *place;  /* the counter of its way that it is counted in, or NULL */
    bool has_fate;  /* the carrier has said how it ended */
    struct sms_fate fate;
    carrier_done_fn done; /* of that report */
    void *done_ctx;
    struct change_list changes;
    struct change_set set;
    struct str opened; /* as of an arrival */
    struct str *refs;  /* that this commit makes known */
    size_t refs_n;
    struct sms_flight *next; /* stuck */
    struct list in_way;
    uint64_t number; /* in the order of beginning */
};

struct sms_look;

struct sms_engine {
    struct sms *sms;
    const struct site *site; /* NULL before start */
    _Atomic bool running, woken;
    struct loop_task wake_task;
    struct loop_timer timer; /* the next look */
    struct loop_timer tick;  /* what is forgotten by time */
    struct sms_way *ways;
    const struct sms_world *world; /* that the ways were made from */
    struct map flights;            /* 16 octets of the id → struct sms_flight * */
    struct sms_flight *stuck;
    struct sms_look *look; /* under way; NULL: none */
    bool again;            /* look at once when it is over */
    mono_ns looked;        /* when the last one began */
    uint64_t looks;        /* begun so far */
    struct change prune;
    struct change_set prune_set;
    bool pruning;
    unix_ms pruned; /* when it was begun last */
};

struct sms_engine *sms_engine_new(struct sms *s);
void sms_engine_start(struct sms_engine *e, const struct site *site);
void sms_engine_stop(struct sms_engine *e);
/** NULL is fine. */
void sms_engine_free(struct sms_engine *e);
/** Any thread. */
void sms_engine_wake(struct sms_engine *e);

/** What a look has found, rows aside that became flights. */
struct sms_looked {
    bool more;        /* at once */
    bool waits;       /* for what is under way, or for room: that brings its own wake-up */
    unix_ms next_due; /* SMS_NEVER: nothing else is open */
};
/** A look is over. */
void sms_engine_looked(struct sms_engine *e, const struct sms_looked *found);

/* sms_look.c */
/** Looks for what is due, then tells sms_engine_looked(). One at a time: e->look. */
void sms_look_begin(struct sms_engine *e, unix_ms now);

/* sms_ways.c */
/** Opens, closes and replaces carriers until they match the world of now. */
void sms_ways_follow(struct sms_engine *e);
/** Closes all. */
void sms_ways_close(struct sms_engine *e);
void sms_ways_free(struct sms_engine *e);
struct sms_way *sms_way_find(const struct sms_engine *e, struct str name);
/** There may be messages of this transport: it is looked after, whether it can be opened or not. */
struct sms_way *sms_way_note(struct sms_engine *e, struct str name);
/** How many more messages the carrier takes, those counted that are about to come. */
size_t sms_way_room(const struct sms_way *way);

/** One of its flights has ended, and `refs` are known: reports that waited for that go on. */
void sms_way_review(const struct sms_way *way, const struct str *refs, size_t n);

/* sms_flight.c */
/** Takes a row that is due on its way; `row` is copied. */
void sms_flight_begin(struct sms_engine *e, struct sms_way *way, const struct sms_row *row);
struct sms_flight *sms_flight_find(const struct sms_engine *e, const struct uuid *id);
/** What a carrier says of a handover or a question. */
void sms_flight_result(struct sms_flight *f, const struct carrier_result *result);
/** What it says of the end, meanwhile. */
void sms_flight_report(struct sms_flight *f, const struct carrier_report *report,
                       carrier_done_fn done, void *ctx);
/** Commits again what the store refused. */
void sms_flights_retry(struct sms_engine *e);
/** Frees those that nobody answers for any more. */
void sms_flights_clear(struct sms_engine *e);
/** How long a message waits after so many handovers, in milliseconds: twice as long each time. The
 * carrier may have it: that could bring it to the recipient again, so it waits longer. */
int64_t sms_retry_delay(bool may_have_it, uint32_t attempts) NODISCARD;

#endif
