/* The event module over a real store and a network of the test's own: what is sent is noted and
 * answered by script, on a clock that the test moves. */
#ifndef TESTS_UNIT_EVENTS_BENCH_H
#define TESTS_UNIT_EVENTS_BENCH_H

#include "unit/base/unit.h"

#include "crypto/seal.h"
#include "events/events.h"
#include "events/subscriptions.h"
#include "http/outbound.h"
#include "store/change_list.h"

#define NOW     ((unix_ms)1700000000000)
#define SECONDS ((int64_t)1000)
#define MINUTES (60 * SECONDS)
#define HOURS   (60 * MINUTES)
#define TOPIC   "/topic"

struct sent {
    char url[128], kind[32], count[8], event_id[64];
    size_t events; /* in the body */
    size_t octets;
};

struct bench {
    struct outbound outbound; /* first */
    char dir[64];
    struct clock clock;
    struct master_key *master;
    struct store *store;
    struct store_reader *writer_reader, *reader;
    struct loop *loop;
    struct events *events;
    struct uuid resource, sub;
    struct arena arena;
    bool resource_gone;
    struct str dead_letter_dir;
    int64_t keep_ms;
    struct log *log;
    int log_fd;

    /* the network */
    int status;        /* of answers; 0: it fails */
    unsigned failures; /* so many answers are 500 first */
    bool hold;         /* no answer until bench_release() */
    struct outbound_call *held[600];
    struct sent sent[6000];
    size_t held_n, sent_n, held_most;
};
extern struct bench bench;

void bench_open(void);
/** Ends the module as the application does, and begins it anew over the same store. */
void bench_restart(void);
void bench_close(void);
/** A Succeeded subscription named `name` at http://<name>.test/, changed by `change` (or NULL). */
struct uuid bench_subscribe(const char *name, void (*change)(struct subscription *s));
void bench_unsubscribe(const char *name);
/** Publishes `n` events, each in a commit, and wakes the module. Ids: "e0", "e1", … counted on. */
void bench_publish(unsigned n);
void bench_advance(int64_t ms);
/** Runs the loop until `n` requests were sent in all; fails after a minute. */
void bench_until_sent(size_t n);
/** Runs until `n` requests wait for bench_release(). */
void bench_until_held(size_t n);
/** Runs until so many attempts are noted for the subscription's newest event: the next one has its
 *  time only then, so that bench_advance() brings it. */
void bench_until_noted(const struct uuid *sub, size_t attempts);
/** Runs the loop for `ms`. */
void bench_spin(unsigned ms);
/** Answers what is held. */
void bench_release(void);
/** The number of events of the subscription in that state; 0: all. */
size_t bench_count(const struct uuid *sub, enum event_state state);
/** Runs until bench_count() is `n`. */
void bench_until(const struct uuid *sub, enum event_state state, size_t n);
/** How often it stands in what the module has logged. */
size_t bench_count_in_log(const char *needle);
/** The newest event of it. */
struct event_row bench_newest(const struct uuid *sub);

#endif
