/* The bus: one order for all loops, whoever publishes; nothing lost, nothing twice. */
#include "unit/base/unit.h"

#include "events/bus.h"

#include <pthread.h>

#define LOOPS      3
#define PUBLISHERS 3
#define EACH       20000

struct numbered {
    struct notice base; /* first */
    unsigned publisher, number;
};

struct listener {
    struct loop *loop;
    pthread_t thread;
    unsigned *seen; /* publisher * EACH + number, in the order in which they came */
    size_t n;
};

static struct bus *bus;
static struct listener listeners[LOOPS];
static _Atomic unsigned freed;

static void free_numbered(struct notice *n)
{
    atomic_fetch_add(&freed, 1);
    notice_free(n);
}

static void publish(unsigned publisher, unsigned number)
{
    struct numbered *n = calloc(1, sizeof *n);

    if (!n)
        abort();
    n->base = (struct notice){
        .refs = 1, .free = free_numbered, .kind = NOTICE_TOPIC, .order = (int64_t)number + 1};
    n->publisher = publisher;
    n->number = number;
    bus_publish(bus, &n->base);
}

static void take(void *ctx, const struct notice *n)
{
    const struct numbered *mine = (const struct numbered *)n;
    struct listener *l = ctx;

    l->seen[l->n++] = mine->publisher * EACH + mine->number;
    if (l->n == (size_t)PUBLISHERS * EACH)
        loop_stop(l->loop);
}

static void *run_loop(void *ctx)
{
    struct listener *l = ctx;

    loop_run(l->loop);
    return NULL;
}

static void *run_publisher(void *ctx)
{
    for (unsigned i = 0; i < EACH; i++)
        publish(*(const unsigned *)ctx, i);
    return NULL;
}

static void gives_all_loops_one_order(void **state)
{
    static const unsigned ids[PUBLISHERS] = {0, 1, 2};
    pthread_t publishers[PUBLISHERS];
    unsigned next[PUBLISHERS] = {0};

    (void)state;
    for (size_t i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_create(&listeners[i].thread, NULL, run_loop, &listeners[i]), 0);
    for (size_t i = 0; i < PUBLISHERS; i++)
        assert_int_equal(
            pthread_create(&publishers[i], NULL, run_publisher, (void *)(uintptr_t)&ids[i]), 0);
    for (size_t i = 0; i < PUBLISHERS; i++)
        assert_int_equal(pthread_join(publishers[i], NULL), 0);
    for (size_t i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_join(listeners[i].thread, NULL), 0);
    for (size_t i = 0; i < (size_t)PUBLISHERS * EACH; i++) {
        unsigned seen = listeners[0].seen[i];

        assert_int_equal(seen % EACH, next[seen / EACH]++);
        for (size_t k = 1; k < LOOPS; k++)
            assert_int_equal(listeners[k].seen[i], seen);
    }
    assert_int_equal(freed, PUBLISHERS * EACH);
}

static void drops_what_is_under_way_when_it_stops(void **state)
{
    (void)state;
    publish(0, 0);
    bus_stop(bus);
    publish(0, 1);
    for (size_t i = 0; i < LOOPS; i++)
        (void)loop_settle(listeners[i].loop);
    assert_int_equal(freed, 2);
    assert_int_equal(listeners[0].n, 0);
}

static void works_without_listeners(void **state)
{
    struct bus *alone = bus_new(2);
    struct bus *before = bus;

    (void)state;
    bus = alone;
    publish(0, 0);
    bus = before;
    assert_int_equal(freed, 1);
    bus_free(alone);
}

static int set_up(void **state)
{
    (void)state;
    bus = bus_new(LOOPS);
    freed = 0;
    for (unsigned i = 0; i < LOOPS; i++) {
        listeners[i].loop = loop_new(i);
        listeners[i].n = 0;
        listeners[i].seen = calloc((size_t)PUBLISHERS * EACH, sizeof(unsigned));
        bus_join(bus, listeners[i].loop, take, &listeners[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_free(bus);
    for (size_t i = 0; i < LOOPS; i++) {
        loop_free(listeners[i].loop);
        free(listeners[i].seen);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_all_loops_one_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_what_is_under_way_when_it_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(works_without_listeners, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
