/* Listeners of one loop: who hears what, limits, ends. The order on several loops is tried in
 * test_hub_order.c. */
#include "hub_world.h"

#define NOW        ((unix_ms)1700000000000)
#define PER_USER   3
#define HEARD_MAX  64
#define GIVE_UP_MS 5000

struct ear {
    struct hub_listener listener; /* first */
    bool ready;
    int64_t from;
    int64_t heard[HEARD_MAX];
    size_t n;
    enum hub_end ended;
    struct ear *detaches; /* from within `deliver` */
};

static struct loop *loop;
static struct bus *bus;
static struct hub *hub;
static struct clock service;
static bool stands;

static void on_ready(struct hub_listener *l, int64_t order)
{
    struct ear *e = (struct ear *)l;

    e->ready = true;
    e->from = order;
}

static void on_deliver(struct hub_listener *l, const struct notice *n)
{
    struct ear *e = (struct ear *)l;

    e->heard[e->n++ % HEARD_MAX] = n->order;
    if (e->detaches)
        hub_detach(hub, &e->detaches->listener);
}

static void on_ended(struct hub_listener *l, enum hub_end why)
{
    struct ear *e = (struct ear *)l;

    assert_null(l->place);
    assert_int_equal(e->ended, 0);
    e->ended = why;
}

static const struct hub_listener_ops ops = {on_ready, on_deliver, on_ended};

static enum rc try_attach(struct ear *e, unsigned user, uint8_t group)
{
    *e = (struct ear){.listener = {.ops = &ops,
                                   .user = world_user(user),
                                   .expires = NOW + 60000,
                                   .standing = e->listener.standing}};
    e->listener.group.octets[0] = group;
    return hub_attach(hub, &e->listener);
}

static void settle(void)
{
    (void)loop_settle(loop);
}

static void attach(struct ear *e, unsigned user, uint8_t group)
{
    assert_int_equal(try_attach(e, user, group), RC_OK);
    settle();
}

static bool does_stand(void *ctx, const struct hub_listener *l)
{
    (void)ctx;
    return stands || l->standing;
}

/* ---- who hears what ---- */

static void hears_the_topics_it_is_in(void **state)
{
    struct ear e;

    (void)state;
    world_join(0, 0);
    world_join(1, 1);
    settle();
    attach(&e, 0, 0);
    assert_true(e.ready);
    assert_int_equal(e.from, 102);
    world_say(0);
    world_say(1);
    world_say(0);
    settle();
    assert_int_equal(e.n, 2);
    assert_int_equal(e.heard[0], 103);
    assert_int_equal(e.heard[1], 105);
    hub_detach(hub, &e.listener);
    world_say(0);
    settle();
    assert_int_equal(e.n, 2);
}

static void is_not_ready_before_its_topics_are_known(void **state)
{
    struct ear e;

    (void)state;
    world_join(0, 0);
    settle();
    assert_int_equal(try_attach(&e, 0, 0), RC_OK);
    world_say(0); /* behind its place, before anything was read */
    assert_false(e.ready);
    settle();
    assert_true(e.ready);
    assert_int_equal(e.from, 101);
    assert_int_equal(e.n, 1);
    assert_int_equal(e.heard[0], 102);
    hub_detach(hub, &e.listener);
}

static void hears_from_joining_to_leaving(void **state)
{
    struct ear e;

    (void)state;
    attach(&e, 0, 0);
    world_say(0);
    world_join(0, 0); /* 102 */
    world_say(0);
    world_part(0, 0); /* 104 */
    world_say(0);
    settle();
    assert_int_equal(e.n, 3);
    assert_int_equal(e.heard[0], 102);
    assert_int_equal(e.heard[2], 104);
    hub_detach(hub, &e.listener);
}

static void hears_the_end_of_a_topic_and_nothing_after(void **state)
{
    struct ear e;
    struct hub_figures f;

    (void)state;
    world_join(0, 0);
    settle();
    attach(&e, 0, 0);
    hub_figures(hub, &f);
    assert_int_equal(f.topics, 1);
    world_delete(0);
    settle();
    assert_int_equal(e.n, 1);
    hub_figures(hub, &f);
    assert_int_equal(f.topics, 0);
    hub_detach(hub, &e.listener);
}

static void hears_of_the_end_while_being_read(void **state)
{
    struct ear e;

    (void)state;
    world_join(0, 0);
    settle();
    assert_int_equal(try_attach(&e, 0, 0), RC_OK);
    world_delete(0); /* what is read does not know it any more */
    settle();
    assert_int_equal(e.n, 1);
    assert_int_equal(e.heard[0], 102);
    hub_detach(hub, &e.listener);
}

static void hears_typing_which_is_in_no_log(void **state)
{
    struct ear e;

    (void)state;
    world_join(0, 0);
    settle();
    attach(&e, 0, 0);
    world_typing(0);
    settle();
    assert_int_equal(e.n, 1);
    assert_int_equal(e.heard[0], 0);
    hub_detach(hub, &e.listener);
}

static void all_devices_hear_but_one_of_a_group(void **state)
{
    struct ear a, b, again;

    (void)state;
    world_join(0, 0);
    settle();
    attach(&a, 0, 1);
    attach(&b, 0, 2);
    attach(&again, 0, 1);
    assert_int_equal(a.ended, HUB_SUPERSEDED);
    assert_true(again.ready);
    world_say(0);
    settle();
    assert_int_equal(a.n, 0);
    assert_int_equal(b.n, 1);
    assert_int_equal(again.n, 1);
    hub_detach(hub, &b.listener);
    hub_detach(hub, &again.listener);
}

static void may_detach_others_while_being_told(void **state)
{
    struct ear a, b;

    (void)state;
    world_join(0, 0);
    world_join(0, 1);
    settle();
    attach(&a, 0, 0);
    attach(&b, 1, 0);
    a.detaches = &b;
    b.detaches = &a;
    world_say(0);
    world_say(0);
    settle();
    assert_int_equal(a.n + b.n, 2); /* whoever was first took the other away */
    hub_detach(hub, &a.listener);
    hub_detach(hub, &b.listener);
    hub_detach(hub, &b.listener); /* repeated calls are fine */
}

static void may_detach_before_its_place(void **state)
{
    struct ear e;

    (void)state;
    assert_int_equal(try_attach(&e, 0, 0), RC_OK);
    hub_detach(hub, &e.listener);
    settle();
    assert_false(e.ready);
    assert_int_equal(e.ended, 0);
}

static void may_detach_while_its_topics_are_read(void **state)
{
    struct ear e, later;

    (void)state;
    world_join(0, 0);
    settle();
    assert_int_equal(try_attach(&e, 0, 0), RC_OK);
    hub_detach(hub, &e.listener);
    attach(&later, 0, 0);
    assert_true(later.ready);
    world_say(0);
    settle();
    assert_int_equal(later.n, 1);
    hub_detach(hub, &later.listener);
}

/* ---- limits ---- */

static void refuses_more_than_the_limit_of_a_user(void **state)
{
    struct ear all[PER_USER], more, other;

    (void)state;
    for (size_t i = 0; i < PER_USER; i++)
        attach(&all[i], 0, 0);
    assert_int_equal(try_attach(&more, 0, 0), RC_BUSY);
    attach(&other, 1, 0);
    hub_detach(hub, &all[0].listener);
    attach(&more, 0, 0);
    assert_true(more.ready);
    for (size_t i = 1; i < PER_USER; i++)
        hub_detach(hub, &all[i].listener);
    hub_detach(hub, &more.listener);
    hub_detach(hub, &other.listener);
}

static void ends_who_waits_while_too_much_happens(void **state)
{
    struct ear e, next;
    struct hub_figures f;

    (void)state;
    world_join(0, 0);
    settle();
    assert_int_equal(try_attach(&e, 0, 0), RC_OK);
    for (size_t i = 0; i < 20000; i++)
        world_say(0);
    settle();
    assert_int_equal(e.ended, HUB_OVERFLOW);
    hub_figures(hub, &f);
    assert_int_equal(f.overflowed, 1);
    attach(&next, 0, 0);
    world_say(0);
    settle();
    assert_int_equal(next.n, 1);
    hub_detach(hub, &next.listener);
}

static void ends_when_topics_can_not_be_read(void **state)
{
    struct ear e, next;

    (void)state;
    world.failing = RC_IO;
    attach(&e, 0, 0);
    assert_int_equal(e.ended, HUB_FAILED);
    world.failing = RC_OK;
    attach(&next, 0, 0);
    assert_true(next.ready);
    hub_detach(hub, &next.listener);
}

static void ends_all_when_it_drains(void **state)
{
    struct ear a, b, late;

    (void)state;
    attach(&a, 0, 0);
    assert_int_equal(try_attach(&b, 1, 0), RC_OK);
    hub_drain(hub);
    assert_int_equal(a.ended, HUB_DRAIN);
    assert_int_equal(b.ended, HUB_DRAIN);
    assert_int_equal(try_attach(&late, 0, 0), RC_BUSY);
    settle();
}

/* ---- credentials ---- */

static void stop(void *ctx)
{
    loop_stop(ctx);
}

static void run_until_ended(const struct ear *e, uint64_t within_ms)
{
    struct loop_timer timer = {0};
    mono_ns end = clock_mono() + within_ms * 1000000;

    while (!e->ended && clock_mono() < end) {
        loop_timer_start(loop, &timer, 5, 0, stop, loop);
        loop_run(loop);
    }
    loop_timer_close(&timer);
}

static void ends_when_the_time_is_over(void **state)
{
    struct ear soon, late, renewed;

    (void)state;
    attach(&late, 0, 0);
    attach(&soon, 1, 0);
    attach(&renewed, 2, 0);
    renewed.listener.expires = NOW + 120000;
    hub_renewed(hub, &renewed.listener);
    late.listener.expires = NOW + 90000;
    hub_renewed(hub, &late.listener);
    atomic_store(&service.frozen_ms, NOW + 60000); /* the clock is moved */
    run_until_ended(&soon, 250);
    assert_int_equal(soon.ended, HUB_EXPIRED);
    assert_int_equal(late.ended, 0);
    atomic_store(&service.frozen_ms, NOW + 90000);
    run_until_ended(&late, 250);
    assert_int_equal(late.ended, HUB_EXPIRED);
    assert_int_equal(renewed.ended, 0);
    hub_detach(hub, &renewed.listener);
}

static void ends_in_the_order_of_their_times(void **state)
{
    static struct ear ears[9 * PER_USER];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ears); i++) {
        attach(&ears[i], (unsigned)(i % 9), 0);
        ears[i].listener.expires = NOW + (unix_ms)(i * 7919 % 100) * 1000 + 1000;
        hub_renewed(hub, &ears[i].listener);
    }
    for (size_t i = 0; i < ARRAY_LEN(ears); i += 4)
        hub_detach(hub, &ears[i].listener);
    for (unix_ms t = NOW; t < NOW + 101000; t += 10000) {
        struct ear nobody = {0};

        atomic_store(&service.frozen_ms, t);
        run_until_ended(&nobody, 250);
        for (size_t i = 0; i < ARRAY_LEN(ears); i++) {
            bool due = i % 4 && ears[i].listener.expires <= t;

            assert_int_equal(ears[i].ended, due ? HUB_EXPIRED : 0);
        }
    }
}

static void ends_whose_credential_died(void **state)
{
    static const uint8_t good;
    struct ear dead = {0}, alive = {.listener.standing = &good}, other = {0};
    struct log_entry user = {.kind = LOG_USER}, resource = {.kind = LOG_RESOURCE},
                     key = {.kind = LOG_SIGNING_KEY}, elsewhere = {.kind = LOG_RESOURCE};

    (void)state;
    attach(&dead, 0, 0);
    attach(&alive, 0, 0);
    attach(&other, 1, 0);
    stands = false;
    user.user = world_user(2);
    hub_on_commit(bus, &user, 1);
    elsewhere.resource = (struct uuid){{'x'}};
    hub_on_commit(bus, &elsewhere, 1);
    settle();
    assert_int_equal(dead.ended, 0);
    user.user = world_user(0);
    hub_on_commit(bus, &user, 1);
    settle();
    assert_int_equal(dead.ended, HUB_DENIED);
    assert_int_equal(other.ended, 0);
    resource.resource = world.resource;
    hub_on_commit(bus, &resource, 1);
    settle();
    assert_int_equal(other.ended, HUB_DENIED);
    attach(&other, 1, 0); /* died on the way: judged at its place */
    assert_int_equal(other.ended, HUB_DENIED);
    assert_false(other.ready);
    hub_on_commit(bus, &key, 1);
    settle();
    assert_int_equal(alive.ended, 0);
    hub_detach(hub, &alive.listener);
}

/* ---- the whole ---- */

static int set_up(void **state)
{
    struct hub_options options = {.listeners_per_user = PER_USER, .stands = does_stand};

    (void)state;
    stands = true;
    atomic_store(&service.frozen_ms, NOW);
    options.loop = loop = loop_new(0);
    options.bus = bus = bus_new(1);
    world_init(bus);
    options.clock = &service;
    options.order = world.order;
    hub = hub_new(&options);
    return 0;
}

static int tear_down(void **state)
{
    struct hub_figures f;

    (void)state;
    settle();
    hub_figures(hub, &f);
    assert_int_equal(f.listeners, 0);
    assert_int_equal(f.topics, 0);
    bus_stop(bus);
    hub_free(hub);
    loop_free(loop);
    bus_free(bus);
    world_clear();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hears_the_topics_it_is_in),
        TEST(is_not_ready_before_its_topics_are_known),
        TEST(hears_from_joining_to_leaving),
        TEST(hears_the_end_of_a_topic_and_nothing_after),
        TEST(hears_of_the_end_while_being_read),
        TEST(hears_typing_which_is_in_no_log),
        TEST(all_devices_hear_but_one_of_a_group),
        TEST(may_detach_others_while_being_told),
        TEST(may_detach_before_its_place),
        TEST(may_detach_while_its_topics_are_read),
        TEST(refuses_more_than_the_limit_of_a_user),
        TEST(ends_who_waits_while_too_much_happens),
        TEST(ends_when_topics_can_not_be_read),
        TEST(ends_all_when_it_drains),
        TEST(ends_when_the_time_is_over),
        TEST(ends_in_the_order_of_their_times),
        TEST(ends_whose_credential_died),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
