/* Events on their way: once each when all goes well, again by the table when it does not, again
 * after a crash, and never more at a time than allowed. */
#include "bench.h"

#include <sys/stat.h>

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

static void check_outcome(const struct uuid *sub, const char *outcome, uint32_t attempts)
{
    struct event_row row = bench_newest(sub);

    check_str("outcome", row.outcome, str_from(outcome));
    assert_int_equal(row.attempts, attempts);
}

static void sends_each_event_to_who_wants_it(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    assert_true(
        events_wanted(bench.events, &bench.resource, STR("Microsoft.Communication.SMSReceived")));
    assert_false(events_wanted(bench.events, &a, STR("Microsoft.Communication.SMSReceived")));
    bench_publish(1);
    bench_until(&a, EVENT_DELIVERED, 1);
    assert_int_equal(bench.sent_n, 1);
    assert_string_equal(bench.sent[0].url, "http://a.test/");
    assert_string_equal(bench.sent[0].kind, "Notification");
    assert_string_equal(bench.sent[0].count, "0");
    assert_int_equal(bench.sent[0].events, 1);
    check_outcome(&a, "Delivered", 1);
    assert_int_equal(bench_newest(&a).last_attempt, NOW);
}

static void ends_begin(struct subscription *s)
{
    s->begins = STR("/other");
}

static void keeps_nothing_for_who_does_not_want_it(void **state)
{
    struct uuid a = bench_subscribe("a", ends_begin);

    (void)state;
    bench_publish(3);
    bench_spin(50);
    assert_int_equal(bench_count(&a, 0), 0);
    assert_int_equal(bench.sent_n, 0);
}

static void sends_thousands_once_each(void **state)
{
    struct uuid a = bench_subscribe("a", NULL), b = bench_subscribe("b", NULL);

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        bench_publish(50);
        bench_spin(2); /* so that looks and commits overlap */
    }
    bench_until(&a, EVENT_DELIVERED, 2000);
    bench_until(&b, EVENT_DELIVERED, 2000);
    assert_int_equal(bench.sent_n, 4000);
}

static void has_a_bounded_number_under_way(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    bench.hold = true;
    bench_publish(100);
    bench_until_sent(16);
    bench_spin(100);
    assert_int_equal(bench.sent_n, 16);
    bench.hold = false;
    bench_release();
    bench_until(&a, EVENT_DELIVERED, 100);
    assert_int_equal(bench.sent_n, 100);
}

static size_t sent_to(const char *url)
{
    size_t n = 0;

    for (size_t i = 0; i < bench.sent_n; i++)
        n += strcmp(bench.sent[i].url, url) == 0;
    return n;
}

static void until_sent_to(const char *url)
{
    for (unsigned i = 0; i < 10000 && !sent_to(url); i++)
        bench_spin(1);
}

static void endpoints_that_do_not_answer_leave_room(void **state)
{
    char name[16], url[32];

    (void)state;
    bench.hold = true;
    for (unsigned i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "silent-%u", i);
        (void)bench_subscribe(name, NULL);
    }
    bench_publish(16);
    bench_until_held(128);
    bench_spin(200);
    for (unsigned i = 0; i < 60; i++) {
        (void)snprintf(url, sizeof url, "http://silent-%u.test/", i);
        assert_in_range(sent_to(url), 1, 16);
    }
    assert_in_range(bench.held_n, 128, 128 + 60);
    (void)bench_subscribe("prompt", NULL);
    bench_publish(1);
    until_sent_to("http://prompt.test/");
    assert_int_equal(sent_to("http://prompt.test/"), 1);
}

static void endpoints_that_fail_leave_half_of_the_room(void **state)
{
    struct uuid failing[80];
    char name[16];

    (void)state;
    bench.status = 500;
    for (unsigned i = 0; i < ARRAY_LEN(failing); i++) {
        (void)snprintf(name, sizeof name, "fails-%u", i);
        failing[i] = bench_subscribe(name, NULL);
    }
    bench_publish(2);
    bench_until_sent(160);
    for (unsigned i = 0; i < ARRAY_LEN(failing); i++)
        bench_until_noted(&failing[i], 1);
    bench.hold = true;
    bench_advance(15 * SECONDS);
    bench_until_held(128);
    bench_spin(100);
    assert_int_equal(bench.held_n, 128);
    (void)bench_subscribe("prompt", NULL);
    bench_publish(1);
    until_sent_to("http://prompt.test/");
    assert_int_equal(sent_to("http://prompt.test/"), 1);
}

static void batches(struct subscription *s)
{
    s->batch_max = 10;
}

static void small_batches(struct subscription *s)
{
    s->batch_max = 5000;
    s->batch_kib = 1;
    s->schema = SCHEMA_CLOUD_EVENTS;
}

static void sends_several_in_one(void **state)
{
    struct uuid a = bench_subscribe("a", batches);

    (void)state;
    bench.hold = true;
    bench_publish(25);
    bench_until_sent(2);
    bench_spin(50);
    assert_int_equal(bench.sent_n, 2); /* two calls at a time */
    bench.hold = false;
    bench_release();
    bench_until(&a, EVENT_DELIVERED, 25);
    assert_int_equal(bench.sent_n, 3);
    assert_int_equal(bench.sent[0].events, 10);
    assert_int_equal(bench.sent[1].events, 10);
    assert_int_equal(bench.sent[2].events, 5);
}

static void keeps_to_the_preferred_size(void **state)
{
    struct uuid a = bench_subscribe("a", small_batches);

    (void)state;
    bench_publish(20);
    bench_until(&a, EVENT_DELIVERED, 20);
    assert_true(bench.sent_n > 5);
    for (size_t i = 0; i < bench.sent_n; i++)
        assert_true(bench.sent[i].octets <= KIB && bench.sent[i].events > 0);
}

static void tries_again_when_it_is_due(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    bench.failures = 2;
    bench_publish(1);
    bench_until_noted(&a, 1);
    check_outcome(&a, "InternalServerError", 1);
    bench_advance(9 * SECONDS);
    bench_spin(400);
    assert_int_equal(bench.sent_n, 1);
    bench_advance(2 * SECONDS);
    bench_until_sent(2);
    assert_string_equal(bench.sent[1].count, "1");
    bench_until_noted(&a, 2);
    bench_advance(32 * SECONDS);
    bench_until(&a, EVENT_DELIVERED, 1);
    assert_string_equal(bench.sent[2].count, "2");
    check_outcome(&a, "Delivered", 3);
}

static void three_attempts(struct subscription *s)
{
    s->attempts_max = 3;
}

static void gives_up_after_the_attempts(void **state)
{
    struct uuid a = bench_subscribe("a", three_attempts);

    (void)state;
    bench.status = 503;
    bench_publish(1);
    for (size_t i = 1; i <= 3; i++) {
        bench_until_noted(&a, i);
        bench_advance(2 * MINUTES);
    }
    bench_until(&a, EVENT_DEAD, 1);
    check_outcome(&a, "Busy MaxDeliveryAttemptsExceeded", 3);
    bench_advance(24 * HOURS);
    bench_spin(300);
    assert_int_equal(bench.sent_n, 3);
}

static void one_minute(struct subscription *s)
{
    s->ttl_minutes = 1;
}

static void gives_up_when_its_time_is_over(void **state)
{
    struct uuid a = bench_subscribe("a", one_minute);

    (void)state;
    bench.status = 500;
    bench_publish(1);
    bench_until_noted(&a, 1);
    bench_advance(2 * MINUTES);
    bench_until(&a, EVENT_DEAD, 1);
    check_outcome(&a, "InternalServerError TimeToLiveExceeded", 1);
    assert_int_equal(bench.sent_n, 1);
}

static void does_not_repeat_what_was_refused(void **state)
{
    static const int statuses[] = {400, 401, 403, 413};
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        bench.status = statuses[i];
        bench_publish(1);
        bench_until(&a, EVENT_DEAD, i + 1);
    }
    bench_advance(24 * HOURS);
    bench_spin(300);
    assert_int_equal(bench.sent_n, ARRAY_LEN(statuses));
}

static void sends_again_what_a_stop_cut_off(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    bench.hold = true;
    bench_publish(5);
    bench_until_sent(5);
    bench_restart();
    assert_int_equal(bench_count(&a, EVENT_PENDING), 5);
    assert_int_equal(bench_newest(&a).attempts, 0);
    bench.hold = false;
    bench_until(&a, EVENT_DELIVERED, 5);
    assert_int_equal(bench.sent_n, 10);
}

static void keeps_outcomes_that_came_just_before_the_stop(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    bench_publish(200);
    bench_until_sent(50);
    bench_restart();
    bench_until(&a, EVENT_DELIVERED, 200);
    assert_true(bench.sent_n <= 200 + 16); /* those whose answer had not come */
}

static void outlives_a_subscription_that_is_deleted_meanwhile(void **state)
{
    struct uuid a = bench_subscribe("a", NULL), b = bench_subscribe("b", NULL);

    (void)state;
    bench.hold = true;
    bench_publish(5);
    bench_until_sent(10);
    bench_unsubscribe("a");
    bench.hold = false;
    bench_release();
    bench_until(&b, EVENT_DELIVERED, 5);
    assert_int_equal(bench_count(&a, 0), 0);
    bench_publish(3);
    bench_until(&b, EVENT_DELIVERED, 8);
    assert_int_equal(bench.sent_n, 13);
}

static void commits_the_others_when_one_is_gone(void **state)
{
    struct uuid a = bench_subscribe("a", NULL), b = bench_subscribe("b", NULL);

    (void)state;
    bench.hold = true;
    bench_publish(5);
    bench_until_sent(10);
    bench.hold = false;
    bench_release();
    /* before the loop runs again: the lanes don't know yet */
    bench_unsubscribe("a");
    bench_until(&b, EVENT_DELIVERED, 5);
    assert_int_equal(bench_count(&a, 0), 0);
}

static void leaves_a_dead_endpoint_alone(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);
    size_t before;

    (void)state;
    bench.status = 500;
    bench_publish(30);
    bench_spin(300);
    before = bench.sent_n;
    assert_true(before >= 10 && before < 30);
    bench_publish(5);
    bench_spin(300);
    assert_int_equal(bench.sent_n, before); /* new ones wait, too */
    bench.status = 200;
    bench_advance(11 * MINUTES);
    bench_until(&a, EVENT_DELIVERED, 35);
}

static void endpoint_allows_sixty(struct subscription *s)
{
    s->rate = 1200;
}

static void keeps_to_the_rate_that_was_allowed(void **state)
{
    struct uuid a = bench_subscribe("a", endpoint_allows_sixty);

    (void)state;
    bench_publish(3);
    bench_until(&a, EVENT_DELIVERED, 3); /* one in 50 ms, looked at each 250 */
    assert_int_equal(bench.sent_n, 3);
}

static void is_updating(struct subscription *s)
{
    s->state = SUBSCRIPTION_UPDATING;
    s->code = STR("0c1f2a33-1111-4222-8333-444455556666");
}

static void keeps_events_while_consent_is_asked_for_again(void **state)
{
    struct uuid a;

    (void)state;
    bench.hold = true;
    a = bench_subscribe("a", is_updating);
    bench_publish(2);
    bench_until_sent(1);
    bench_spin(100);
    assert_int_equal(bench.sent_n, 1);
    assert_string_equal(bench.sent[0].kind, "SubscriptionValidation");
    assert_int_equal(bench_count(&a, EVENT_PENDING), 2);
    bench_advance(25 * HOURS);
    bench_until(&a, EVENT_DEAD, 2); /* their time runs, too */
    check_outcome(&a, "NotAttempted TimeToLiveExceeded", 0);
}

static void forgets_what_is_old(void **state)
{
    struct uuid a = bench_subscribe("a", NULL);

    (void)state;
    bench_publish(20);
    bench_until(&a, EVENT_DELIVERED, 20);
    bench_advance(7 * 24 * HOURS + 2 * HOURS);
    bench_publish(1);
    bench_until(&a, 0, 1);
}

static void removes_the_subscriptions_of_a_resource_that_is_gone(void **state)
{
    struct change c = {.kind = CHANGE_RESOURCE_PUT,
                       .u.resource = {.id = uuid_random(),
                                      .name = STR("x"),
                                      .state = RESOURCE_ACTIVE,
                                      .properties = STR("{}")}};
    const struct subscriptions *table;
    size_t left = 1;

    (void)state;
    (void)bench_subscribe("a", NULL);
    bench_spin(20);
    bench.resource_gone = true;
    assert_int_equal(store_commit_wait(bench.store, &c, 1), RC_OK);
    for (unsigned i = 0; i < 100 && left; i++) {
        bench_spin(20);
        table = events_subscriptions(bench.events);
        left = table->n;
        subscriptions_unref(table);
    }
    assert_int_equal(left, 0);
}

static void writes_dead_letters_into_a_folder(void **state)
{
    char dir[96], path[512], id[UUID_TEXT_LEN], text[2048];
    struct event_row row;
    struct uuid a;
    size_t len;
    FILE *f;

    (void)state;
    snprintf(dir, sizeof dir, "%s/dead", bench.dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    bench.dead_letter_dir = str_from(dir);
    bench_restart();
    a = bench_subscribe("a", NULL);
    bench.status = 400;
    bench_publish(1);
    bench_until(&a, EVENT_DEAD, 1);
    row = bench_newest(&a);
    uuid_format(&row.id, id);
    snprintf(path, sizeof path, "%s/a-%.36s.json", dir, id);
    f = fopen(path, "re");
    assert_non_null(f);
    len = fread(text, 1, sizeof text - 1, f);
    text[len] = '\0';
    (void)fclose(f);
    assert_non_null(strstr(text, "\"deadLetterReason\":\"BadRequest\",\"deliveryAttempts\":1,"));
    assert_true(text[0] == '[' && text[len - 2] == ']');
}

static void goes_on_when_dead_letters_can_not_be_written(void **state)
{
    struct uuid a;

    (void)state;
    bench.dead_letter_dir = STR("/nowhere/at/all");
    bench_restart();
    a = bench_subscribe("a", NULL);
    bench.status = 400;
    bench_publish(2);
    bench_until(&a, EVENT_DEAD, 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(sends_each_event_to_who_wants_it),
        CASE(keeps_nothing_for_who_does_not_want_it),
        CASE(sends_thousands_once_each),
        CASE(has_a_bounded_number_under_way),
        CASE(endpoints_that_do_not_answer_leave_room),
        CASE(endpoints_that_fail_leave_half_of_the_room),
        CASE(sends_several_in_one),
        CASE(keeps_to_the_preferred_size),
        CASE(tries_again_when_it_is_due),
        CASE(gives_up_after_the_attempts),
        CASE(gives_up_when_its_time_is_over),
        CASE(does_not_repeat_what_was_refused),
        CASE(sends_again_what_a_stop_cut_off),
        CASE(keeps_outcomes_that_came_just_before_the_stop),
        CASE(outlives_a_subscription_that_is_deleted_meanwhile),
        CASE(commits_the_others_when_one_is_gone),
        CASE(leaves_a_dead_endpoint_alone),
        CASE(keeps_to_the_rate_that_was_allowed),
        CASE(keeps_events_while_consent_is_asked_for_again),
        CASE(forgets_what_is_old),
        CASE(removes_the_subscriptions_of_a_resource_that_is_gone),
        CASE(writes_dead_letters_into_a_folder),
        CASE(goes_on_when_dead_letters_can_not_be_written),
    };
    int failed = cmocka_run_group_tests_name("events_dispatcher", tests, NULL, NULL);

    loop_pool_end();
    return failed;
}
