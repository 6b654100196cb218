/* The shared part from inside: what sms.c makes and the engine, the routes and the snapshot use. */
#ifndef SERVICES_SMS_CORE_H
#define SERVICES_SMS_CORE_H

#include "services/sms/sms_private.h"

struct sms_engine;
struct sms_rates;

#define SMS_THROTTLED_MAX 64

struct sms {
    struct sms_options options;
    struct snapshot_cell world; /* struct sms_world */
    struct sms_rates *rates;
    struct sms_engine *engine;             /* NULL before sms_start() and after sms_stop() */
    _Atomic int64_t open;                  /* messages that have not ended */
    pthread_mutex_t lock;                  /* for what follows */
    struct map open_of;                    /* 16 octets of a resource's id → its part of `open` */
    uint64_t throttled[SMS_THROTTLED_MAX]; /* simulation: requests that got their 429; 0: free */
    size_t throttled_next;
    struct list early; /* reports whose refs are not known yet, oldest first */
    _Atomic size_t early_n;
    bool early_closed;          /* no more of them */
    _Atomic uint64_t handovers; /* flights begun: the number of the last one */
    struct map reporting; /* 16 octets of a message's id → the job that changes its parts now */
    _Atomic uint64_t counts[SMS_STATE_COUNT]; /* since start: final states, and those received */
};

/** Counts `n` messages that are in that state for good, for the metrics. */
static inline void sms_count(struct sms *s, enum sms_state end, uint64_t n)
{
    atomic_fetch_add_explicit(&s->counts[end], n, memory_order_relaxed);
}

/* sms_open.c */
#define SMS_LOOK_STATES 3 /* a message goes through before its end */
#define SMS_NEVER       INT64_MAX
/** Messages of a resource that wait for a transport, or for what becomes of them there. */
struct sms_queue {
    struct uuid resource;
    struct str transport;
    uint64_t changed;                  /* how often something may have become due in it */
    uint64_t served;                   /* the engine's turn in which some were taken; 0: never */
    size_t flights;                    /* that its messages are on in the engine */
    unix_ms next_due[SMS_LOOK_STATES]; /* SMS_NEVER: nothing there; 0: a look will tell */
};
/** `n` messages are in the store: they count, and the engine looks after them. Any thread. */
void sms_opened(struct sms *s, const struct uuid *resource, struct str transport, int64_t n);
/** One of them has ended: it counts no more. Any thread. */
void sms_ended(struct sms *s, const struct uuid *resource, struct str transport);
void sms_open_clear(struct sms *s);
/** A flight of one of its messages begins (1) or is over (-1): steps on the way change what is due.
 * Any thread. */
void sms_queue_flight(struct sms *s, const struct sms_row *row, int by);
/** The queues in which something may be due by now, copied to `arena`; and when something will be
 * in the others. Any thread. */
struct sms_queue *sms_queues(struct sms *s, unix_ms now, struct arena *arena, size_t *out_n,
                             unix_ms *out_next_due);
/** Keeps when it was served, and what the store, read after sms_queues(), says of next_due, unless
 * it has changed meanwhile. A queue with nothing in it is forgotten. Any thread. */
void sms_queue_looked_at(struct sms *s, const struct sms_queue *queue);

/* sms_row.c: rows and the changes that make and move them */
/** How many parts a text takes on the air, and in which alphabet. What is longer than any sender
 * may send (or no UTF-8) counts as the most there can be. */
uint32_t sms_measure(struct str text, bool *out_ucs2) NODISCARD;
/** A row of a message about to be sent: everything but its texts' home, which is the caller's.
 * Measures the text. Open, or (immediate transports) with its transport already. */
void sms_row_open(const struct sms *s, const struct sms_world *w, const struct sms_sender *sender,
                  struct sms_row *row, unix_ms now);
/** Makes the row final. */
void sms_row_end(struct sms_row *row, const struct sms_fate *fate, unix_ms now);
/** One more attempt, in which so many segments failed, before those there are. */
void sms_row_attempt(struct sms_row *row, uint32_t segments_failed, unix_ms now,
                     struct arena *arena);
/** deliveryAttempts, newest first: one of `when`, then those that the row keeps. */
void sms_attempts_write(const struct sms_row *row, uint32_t segments_failed, unix_ms when,
                        struct json_writer *w);
/** The step from one of `from` (SMS_STATE_BIT()s) to what the row says now. */
void sms_step_add(struct change_list *changes, unsigned from, const struct sms_row *row);
/** SMSDeliveryReportReceived of a final row, if a report was asked for. */
void sms_report_publish(struct sms *s, const struct sms_row *row, struct change_list *changes);
/** SMSReceived. */
void sms_received_publish(struct sms *s, const struct sms_row *row, struct change_list *changes);

/* sms_fate.c */
/** What ends `row` (as it stands in the store, open): its step, its event, what the simulation
 * adds. The row becomes final. *out_opened: as of an arrival. */
void sms_end_add(const struct site *site, struct sms_row *row, const struct sms_fate *fate,
                 struct change_list *changes, struct str *out_opened);
/** That is in the store: the message counts as ended, and what it opened as open. */
void sms_end_done(struct sms *s, const struct sms_row *row, struct str opened);
/** How many parts the carrier made of a message, and which of them have been reported: kept before
 * the carrier's own ref. */
#define SMS_PARTS_MAX 255
struct str sms_parts_ref(uint32_t parts, const uint8_t done[static 32], struct str ref,
                         struct arena *arena) NODISCARD;
/** Takes it apart: 0 parts when there are no more than one. */
uint32_t sms_parts_split(struct str kept, uint8_t done[static 32], struct str *out_ref);
/** sms_ref_row.part holds the number of the part and of all of them. */
#define SMS_PART(at, of) ((uint32_t)(at) | (uint32_t)(of) << 16)
/** A handover of the transport has ended, `refs` are in the store, and `oldest` is the number of
 * the first one that is still under way (UINT64_MAX: there is none): reports that waited for refs
 * go on, or are told that they are nobody's. */
void sms_early_review(struct sms *s, struct str transport, uint64_t oldest, const struct str *refs,
                      size_t n);
/** Reports that still wait are to be told again: the service ends. */
void sms_early_clear(struct sms *s);

/* sms_inbound.c */
/** Where a message comes in, and what that adds to a commit. */
struct sms_arrival {
    const struct site *site; /* of the calling loop */
    const struct sms_world *world;
    const struct sms_sender *owner;
    struct str transport;
    unix_ms now;
    struct change_list *changes;
    struct sms_row row; /* out; texts in the list's arena */
    struct str opened;  /* out: the transport of a message that goes out for it; empty: none does */
};
/** A message that came in: its row, its event, what its keyword does. */
void sms_arrival_add(struct sms_arrival *a, const struct carrier_inbound *m);

/* sms_keywords.c */
enum sms_keyword { SMS_KEYWORD_NONE = 0, SMS_KEYWORD_STOP, SMS_KEYWORD_START, SMS_KEYWORD_HELP };
/** What the whole text means, blanks around it and case aside. Source: wire/sms §4.4. */
enum sms_keyword sms_keyword_of(struct str text) NODISCARD;

/* sms_sim.c: wire/sms §7 */
/** What the rules make of one recipient before it is taken: 202, 400, 500, 503. */
int sms_sim_status(struct str to);
/** True for the number that wants requests to come again. */
bool sms_sim_may_throttle(struct str to) NODISCARD;
/** True when the request of that key, for such a number, has not been told to come again yet. */
bool sms_sim_throttles(struct sms *s, uint64_t key) NODISCARD;
/** What comes back to the sender once the message has been delivered: true with its text. */
bool sms_sim_answer(const struct sms_row *row, struct str *out_text);

/* sms_world.c */
/** Reads both tables and publishes what they say. A row that can't be read is left out and logged.
 */
enum rc sms_world_load(struct sms *s, struct store_reader *r) NODISCARD;
/** The world without rows: the built-in inbox. */
void sms_world_init(struct sms *s);

/* sms_rates.c */
struct sms_rates *sms_rates_new(void);
/** NULL is fine. */
void sms_rates_free(struct sms_rates *r);
/** Counts `units` of the sender: 0; the seconds until the next minute when this one's share
 * (`rate`) is used up. A request that begins within the share may go beyond it. Any thread. */
uint32_t sms_rates_take(struct sms_rates *r, const struct sms_sender *sender, uint32_t rate,
                        uint32_t units, unix_ms now) NODISCARD;
/** The segments a minute that hold for the sender; 0: no limit. */
uint32_t sms_rate_of(const struct sms *s, const struct sms_sender *sender) NODISCARD;

#endif
