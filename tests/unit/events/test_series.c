/* Series of events: few are made at once, of many one row is kept and the rest is made of it in
 * portions, whole and once each, before what came after. */
#include "bench.h"

#include "base/map.h"
#include "events/series.h"

#define TYPE STR("Microsoft.Communication.SMSReceived")

static int set_up(void **state)
{
    (void)state;
    bench_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_close();
    return 0;
}

/* "/first/<i>" with "/second/<j>"; data {"n":<i>,"m":<j>}, the first part with `more` octets. */
static struct event_series series_of(size_t n, size_t m, size_t more)
{
    struct event_part *parts = arena_array(&bench.arena, struct event_part, n + m);
    char *filler = arena_alloc(&bench.arena, more + 1);

    memset(filler, 'x', more);
    for (size_t i = 0; i < n; i++) {
        parts[i].subject = arena_printf(&bench.arena, "/first/%zu", i);
        parts[i].data =
            arena_printf(&bench.arena, "{\"x\":\"%.*s\",\"n\":%zu", (int)more, filler, i);
    }
    for (size_t j = 0; j < m; j++) {
        parts[n + j].subject = arena_printf(&bench.arena, "/second/%zu", j);
        parts[n + j].data = arena_printf(&bench.arena, ",\"m\":%zu", j);
    }
    return (struct event_series){.resource = bench.resource,
                                 .type = TYPE,
                                 .time = NOW,
                                 .firsts = parts,
                                 .seconds = parts + n,
                                 .n_firsts = n,
                                 .n_seconds = m,
                                 .tail = STR("}")};
}

static struct change_list published(const struct event_series *s)
{
    struct change_list changes = {.arena = &bench.arena};

    event_publish_series(bench.events, s, NOW, &changes);
    return changes;
}

static void commit(const struct event_series *s)
{
    struct change_list changes = published(s);

    assert_int_equal(store_commit_wait(bench.store, changes.items, changes.n), RC_OK);
    events_wake(bench.events);
}

/* How many different events were sent. */
static size_t different(void)
{
    struct map seen;
    size_t n;

    map_init(&seen);
    for (size_t i = 0; i < bench.sent_n; i++)
        map_put(&seen, str_from(bench.sent[i].event_id), bench.sent[i].event_id);
    n = seen.count;
    map_clear(&seen);
    return n;
}

static void makes_few_at_once(void **state)
{
    struct event_series s = series_of(3, 4, 0);
    struct change_list changes;

    (void)state;
    (void)bench_subscribe("a", NULL);
    changes = published(&s);
    assert_int_equal(changes.n, 12);
    for (size_t k = 0; k < 12; k++) {
        const struct event_row *row = &changes.items[k].u.event;

        check_str("subject", row->subject,
                  arena_printf(&bench.arena, "/first/%zu/second/%zu", k / 4, k % 4));
        check_str("data", row->data,
                  arena_printf(&bench.arena, "{\"x\":\"\",\"n\":%zu,\"m\":%zu}", k / 4, k % 4));
        assert_int_equal(row->event_id.len, UUID_TEXT_LEN);
        for (size_t other = 0; other < k; other++)
            assert_false(name_eq(row->event_id, changes.items[other].u.event.event_id));
    }
}

/* 200 people who come into a thread of 250: 49,800 events for each subscription. */
static void keeps_one_row_of_many(void **state)
{
    struct event_series many = series_of(200, 249, 600), none = series_of(3, 0, 0);
    struct event_series large = series_of(1, 100, 20000);
    struct change_list changes;

    (void)state;
    assert_int_equal(published(&many).n, 0);
    (void)bench_subscribe("a", NULL);
    (void)bench_subscribe("b", NULL);
    changes = published(&many);
    assert_int_equal(changes.n, 2);
    assert_true(changes.items[0].u.event.data.len < 256 * KIB);
    assert_true(series_is_row(&changes.items[0].u.event));
    assert_int_equal(published(&large).n, 2); /* 2 MB otherwise */
    assert_int_equal(published(&none).n, 0);
}

static void makes_all_of_them_before_what_came_after(void **state)
{
    struct event_series s = series_of(30, 40, 0);
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    commit(&s);
    bench_publish(1);
    bench_until(&a, EVENT_DELIVERED, 1202); /* with the series itself */
    assert_int_equal(bench.sent_n, 1201);
    assert_int_equal(different(), 1201);
    assert_string_equal(bench.sent[1200].event_id, "e0");
}

static void makes_portions_of_few_octets(void **state)
{
    struct event_series s = series_of(1, 30, 300 * KIB); /* four at a time */
    struct uuid a = bench_subscribe("a", NULL);
    struct store_figures before, after;

    (void)state;
    store_figures(bench.store, &before);
    bench.hold = true; /* so that nothing else is committed */
    commit(&s);
    bench_until_sent(16); /* as many as may be under way: four portions, and the next one at most */
    bench_spin(100);
    store_figures(bench.store, &after);
    assert_in_range(after.commits - before.commits, 1 + 4, 1 + 5 + 1); /* old ones are pruned */
    assert_in_range(bench_count(&a, 0), 1 + 16, 1 + 20);
    bench.hold = false;
    bench_release();
    bench_until(&a, EVENT_DELIVERED, 31);
}

static void goes_on_after_a_stop(void **state)
{
    struct event_series s = series_of(40, 50, 0);
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    commit(&s);
    for (int i = 0; i < 3; i++) {
        bench_spin(1);
        bench_restart();
    }
    bench_until(&a, EVENT_DELIVERED, 2001);
    assert_int_equal(bench_count(&a, 0), 2001);
    assert_int_equal(different(), 2000);
}

static void wants_the_seventh(struct subscription *s)
{
    s->begins = STR("/first/7/");
}

static void makes_what_the_filters_let_through(void **state)
{
    struct event_series s = series_of(30, 40, 0);
    struct uuid a = bench_subscribe("a", wants_the_seventh);

    (void)state;
    commit(&s);
    bench_until(&a, EVENT_DELIVERED, 41);
    assert_int_equal(bench.sent_n, 40);
    assert_int_equal(bench_count(&a, 0), 41);
}

static void passes_by_a_row_that_is_damaged(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);
    struct change c = {.kind = CHANGE_EVENT_ADD,
                       .u.event = {.subscription = a,
                                   .id = uuid_ordered(NOW),
                                   .resource = bench.resource,
                                   .state = EVENT_PENDING,
                                   .type = TYPE,
                                   .published = NOW,
                                   .due = NOW,
                                   .data = STR("{\"firsts\":[[\"words of a message\"]]}")}};

    (void)state;
    assert_int_equal(store_commit_wait(bench.store, &c, 1), RC_OK);
    bench_publish(1);
    bench_until(&a, EVENT_DELIVERED, 2);
    assert_int_equal(bench.sent_n, 1);
    assert_int_equal(bench_count_in_log("events.series_damaged subscription=a "), 1);
    assert_int_equal(bench_count_in_log("words of"), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(makes_few_at_once),
        CASE(keeps_one_row_of_many),
        CASE(makes_all_of_them_before_what_came_after),
        CASE(makes_portions_of_few_octets),
        CASE(goes_on_after_a_stop),
        CASE(makes_what_the_filters_let_through),
        CASE(passes_by_a_row_that_is_damaged),
    };

    return cmocka_run_group_tests_name("events_series", tests, NULL, NULL);
}
