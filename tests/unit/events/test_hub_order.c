/* The promise of the hub, tried at random on two loops: every device's newest listener, and it
 * alone, hears everything that its user may hear, in order, once, from its place on. */
#include "hub_world.h"

#include "events/hub_private.h"

#include <unistd.h>

#define LOOPS         2
#define DEVICES       20 /* two of each user */
#define LISTENERS_MAX 20000
#define SAYINGS       30000
#define HEARD_FIRST   16

struct ear {
    struct hub_listener listener; /* first */
    unsigned device;
    bool ready, ended, superseded;
    int64_t from, to; /* after `from`, up to `to` */
    int64_t *heard;
    size_t n, cap;
    struct ear *next; /* of those that its loop has attached */
};

struct side {
    struct loop *loop;
    struct hub *hub;
    struct loop_timer timer;
    pthread_t thread;
    struct ear ears[LISTENERS_MAX / LOOPS];
    size_t n;
    struct ear *live;
    uint32_t seed;
};

static struct side sides[LOOPS];
static struct clock service;
static struct bus *bus;
static atomic_bool over;

static uint32_t dice(uint32_t *seed, uint32_t sides_n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % sides_n;
}

/* ---- listeners ---- */

static struct side *side_of(const struct hub_listener *l)
{
    const struct ear *e = (const struct ear *)l;

    return e >= sides[1].ears && e < sides[1].ears + LISTENERS_MAX / LOOPS ? &sides[1] : &sides[0];
}

static void on_ready(struct hub_listener *l, int64_t order)
{
    struct ear *e = (struct ear *)l;

    assert_false(e->ready);
    e->ready = true;
    e->from = order;
}

static void on_deliver(struct hub_listener *l, const struct notice *n)
{
    struct ear *e = (struct ear *)l;

    assert_true(e->ready && !e->ended);
    if (e->n == e->cap) {
        e->cap = e->cap ? e->cap * 2 : HEARD_FIRST;
        e->heard = realloc(e->heard, e->cap * sizeof *e->heard);
        assert_non_null(e->heard);
    }
    e->heard[e->n++] = n->order;
}

static void end_ear(struct side *s, struct ear *e)
{
    struct ear **at = &s->live;

    e->ended = true;
    e->to = s->hub->last_order;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
}

static void on_ended(struct hub_listener *l, enum hub_end why)
{
    struct ear *e = (struct ear *)l;

    assert_int_equal(why, HUB_SUPERSEDED);
    e->superseded = true;
    end_ear(side_of(l), e);
}

static const struct hub_listener_ops ops = {on_ready, on_deliver, on_ended};

static void attach(struct side *s)
{
    struct ear *e = &s->ears[s->n++];

    e->device = dice(&s->seed, DEVICES);
    e->listener = (struct hub_listener){.ops = &ops,
                                        .user = world_user(e->device / 2),
                                        .group = {{'g', (uint8_t)e->device}},
                                        .expires = INT64_MAX};
    e->next = s->live;
    s->live = e;
    assert_int_equal(hub_attach(s->hub, &e->listener), RC_OK);
}

static void act(void *ctx)
{
    struct side *s = ctx;

    if (atomic_load(&over))
        return;
    for (unsigned i = dice(&s->seed, 4); i > 0 && s->n < ARRAY_LEN(s->ears); i--) {
        if (s->live && dice(&s->seed, 3) == 0) {
            struct ear *e = s->live;

            end_ear(s, e);
            hub_detach(s->hub, &e->listener);
        } else {
            attach(s);
        }
    }
}

static void *run_side(void *ctx)
{
    struct side *s = ctx;

    loop_run(s->loop);
    return NULL;
}

/* ---- the test ---- */

static void act_on_world(uint32_t *seed)
{
    unsigned topic = dice(seed, TOPICS - 1), user = dice(seed, USERS), what = dice(seed, 100);

    if (what < 6)
        world_join(topic, user);
    else if (what < 12)
        world_part(topic, user);
    else
        world_say(topic);
}

static void check_ear(const struct ear *e)
{
    uint32_t bit = 1U << e->device / 2;
    int64_t to = e->ended ? e->to : world.order;
    size_t at = 0;

    if (!e->ready) {
        assert_int_equal(e->n, 0);
        assert_true(e->ended);
        return;
    }
    for (int64_t order = e->from + 1; order <= to; order++) {
        if (!(world.log[order].heard & bit))
            continue;
        if (at >= e->n || e->heard[at] != order)
            fail_msg("device %u misses %lld of (%lld, %lld]", e->device, (long long)order,
                     (long long)e->from, (long long)to);
        at++;
    }
    assert_int_equal(at, e->n);
}

/* Who was superseded is followed by one that goes on exactly there. */
static void check_succession(const struct ear *e)
{
    for (size_t k = 0; k < LOOPS; k++) {
        for (size_t i = 0; i < sides[k].n; i++) {
            const struct ear *other = &sides[k].ears[i];

            if (other != e && other->device == e->device && (!other->ready || other->from == e->to))
                return;
        }
    }
    fail_msg("nobody followed on device %u at %lld", e->device, (long long)e->to);
}

static size_t heard_twice(unsigned device)
{
    static uint8_t times[LOG_MAX];
    size_t twice = 0;

    memset(times, 0, sizeof times);
    for (size_t k = 0; k < LOOPS; k++) {
        for (size_t i = 0; i < sides[k].n; i++) {
            const struct ear *e = &sides[k].ears[i];

            for (size_t j = 0; e->device == device && j < e->n; j++)
                twice += times[e->heard[j]]++ > 0;
        }
    }
    return twice;
}

static void check_all(void)
{
    size_t heard = 0, superseded = 0;

    for (size_t k = 0; k < LOOPS; k++) {
        for (size_t i = 0; i < sides[k].n; i++) {
            const struct ear *e = &sides[k].ears[i];

            check_ear(e);
            if (e->superseded)
                check_succession(e);
            superseded += e->superseded;
            heard += e->n;
        }
    }
    for (unsigned d = 0; d < DEVICES; d++)
        assert_int_equal(heard_twice(d), 0);
    assert_true(heard > 1000 && superseded > 100); /* the test has tested something */
}

static void open_side(struct side *s, unsigned index, unsigned seed)
{
    const struct hub_options options = {.loop = s->loop = loop_new(index),
                                        .bus = bus,
                                        .clock = &service,
                                        .order = world.order,
                                        .listeners_per_user = SIZE_MAX};

    s->hub = hub_new(&options);
    s->seed = seed;
    s->n = 0;
    s->live = NULL;
    memset(s->ears, 0, sizeof s->ears);
    loop_timer_start(s->loop, &s->timer, 1, 1, act, s);
    assert_int_equal(pthread_create(&s->thread, NULL, run_side, s), 0);
}

static void close_side(struct side *s)
{
    loop_stop(s->loop);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
}

static void free_side(struct side *s)
{
    loop_timer_close(&s->timer);
    hub_free(s->hub);
    for (size_t i = 0; i < s->n; i++)
        free(s->ears[i].heard);
}

static void run(uint32_t seed, unsigned delay_us)
{
    atomic_store(&over, false);
    bus = bus_new(LOOPS);
    world_init(bus);
    world.delay_us = delay_us;
    for (unsigned i = 0; i < LOOPS; i++)
        open_side(&sides[i], i, seed + i);
    for (unsigned i = 0; i < SAYINGS; i++) {
        act_on_world(&seed);
        if (i % 64 == 0)
            (void)usleep(500);
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < LOOPS; i++)
        close_side(&sides[i]);
    for (bool moved = true; moved;)
        moved = loop_settle(sides[0].loop) | loop_settle(sides[1].loop);
    check_all();
    bus_stop(bus);
    for (unsigned i = 0; i < LOOPS; i++)
        free_side(&sides[i]);
    for (unsigned i = 0; i < LOOPS; i++)
        loop_free(sides[i].loop);
    bus_free(bus);
    world_clear();
}

static void hears_all_once_in_order(void **state)
{
    (void)state;
    run(1, 0);
}

static void hears_all_while_reads_are_slow(void **state)
{
    (void)state;
    run(2, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_all_once_in_order),
        cmocka_unit_test(hears_all_while_reads_are_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
