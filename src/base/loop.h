/* One event loop per thread (libuv behind it): timers, posting between loops, pool work,
 * signals. Only loop.c and src/net know what engine this is. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/clock.h"
#include "base/list.h"

struct loop;
typedef void (*loop_fn)(void *ctx);

/** Something to run later, embedded in its owner; may be queued once at a time. */
struct loop_task {
    struct loop_task *next;
    loop_fn run;
    void *ctx;
};

struct loop_timer {
    void *handle; /* made by the first start, given back by loop_timer_close() */
    loop_fn run;
    void *ctx;
};

/** A loop for the calling thread to run; `index` numbers it from 0. Owned. Aborts when the
 * system gives no descriptors. */
struct loop *loop_new(unsigned index);
/** Only after loop_run() has returned. Waits for pool work in flight (its `done` runs); timers
 * still open are given back and must not be touched again; tasks still queued are dropped. NULL is
 * fine. */
void loop_free(struct loop *loop);
/** After the last loop of the process: ends the threads of the pool, so that what libraries keep
 * for each of them is given back while those libraries can still do it. No loop after that. */
void loop_pool_end(void);
/** Runs until loop_stop(). */
void loop_run(struct loop *loop);
/** After loop_run() has returned: until no pool work is in flight and nothing is queued. Timers and
 * sockets are served meanwhile. True: something has run, which may have posted to other loops. */
bool loop_settle(struct loop *loop);
/** From any thread: loop_run() returns after the present round. What the same thread posted before
 * still runs; posting afterwards is harmless until loop_free(). */
void loop_stop(struct loop *loop);
unsigned loop_index(const struct loop *loop);
/** The engine's own handle (uv_loop_t *), for src/net alone. */
void *loop_engine(struct loop *loop);

/** From any thread: runs `task` on `loop`, in order of posting. Wakes it once per batch. */
void loop_post(struct loop *loop, struct loop_task *task);
/** A whole chain (linked by next, ended by NULL), one wake-up. */
void loop_post_chain(struct loop *loop, struct loop_task *first);
/** On the loop's thread: runs `task` before the loop waits again, never before this returns. In
 * order; tasks may defer tasks. */
void loop_defer(struct loop *loop, struct loop_task *task);
/** Runs `work` on the pool, then `done` on the loop. */
void loop_work(struct loop *loop, loop_fn work, loop_fn done, void *ctx);

/** (Re)starts: first after `after_ms`, then every `repeat_ms` unless 0. On the loop's thread. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t after_ms,
                      uint64_t repeat_ms, loop_fn run, void *ctx);
void loop_timer_stop(struct loop_timer *timer);
/** Stops and gives the handle back; zeros and repeated calls are fine. */
void loop_timer_close(struct loop_timer *timer);
/** Calls `run` on this loop for each arrival of `signum`, until loop_free(); from then on it is
 * ignored. */
void loop_signal(struct loop *loop, int signum, loop_fn run, void *ctx);

#endif
