/* Messages of several resources: whose turn it is, and which queues there are. */
#include "sms_scene.h"

/* Whose messages the carrier gets, one after the other: it answers each at once. */
static void work_off(size_t n, struct uuid *out_resources)
{
    for (size_t i = 0; i < n; i++) {
        struct uuid id;

        wait_for_submits((unsigned)i + 1);
        assert_int_equal(fake.n, 1);
        id = fake.at[0];
        out_resources[i] = stored(&id).resource;
        accept_with(&id, NULL, 0);
    }
}

static void resources_take_turns(void **state)
{
    static const struct uuid heavy = {{1}}, light = {{2}}, late = {{3}};
    struct uuid order[26];
    size_t last[4] = {0};

    (void)state;
    fake.room = 0;
    for (int i = 0; i < 20; i++)
        add_message((struct sms_row){.resource = heavy});
    for (int i = 0; i < 4; i++)
        add_message((struct sms_row){.resource = light});
    for (int i = 0; i < 2; i++)
        add_message((struct sms_row){.resource = late});
    fixture_spin(&fx, 20);
    fake.room = 1;
    advance(MINUTE_MS);
    work_off(ARRAY_LEN(order), order);
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        last[order[i].octets[0]] = i;
    assert_in_range(last[2], 0, 11); /* as if there were nobody else but two */
    assert_in_range(last[3], 0, 6);
    assert_int_equal(last[1], ARRAY_LEN(order) - 1);
}

/* Who is asked about in every look has its turn like the others. */
static void questions_are_no_turn(void **state)
{
    static const struct uuid asking = {{1}}, others[] = {{{2}}, {{3}}};
    size_t own = 0;

    (void)state;
    fake.says_later = true;
    fake.room = 0;
    add_message((struct sms_row){.resource = asking, .state = SMS_SUBMITTED});
    for (int i = 0; i < 15; i++)
        for (size_t j = 0; j < ARRAY_LEN(others); j++)
            add_message((struct sms_row){.resource = others[j]});
    for (int i = 0; i < 4; i++)
        add_message((struct sms_row){.resource = asking});
    fixture_spin(&fx, 20);
    fake.room = 1;
    advance(MINUTE_MS);
    for (unsigned i = 0; i < 20; i++) {
        struct uuid id;

        wait_for_submits(i + 1);
        id = fake.at[0];
        own += stored(&id).resource.octets[0] == asking.octets[0];
        atomic_fetch_add(&fx.clock.frozen_ms, 1);
        accept_with(&id, NULL, 0);
    }
    assert_int_equal(own, 4);
    assert_true(fake.polls > 10);
}

static size_t queues(void)
{
    struct arena arena;
    unix_ms next;
    size_t n;

    arena_init(&arena);
    (void)sms_queues(sms, SMS_NEVER, &arena, &n, &next);
    arena_clear(&arena);
    return n;
}

static void a_queue_with_nothing_in_it_is_forgotten(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("r1");

    (void)state;
    add_message((struct sms_row){.transport = STR("carrier-b")});
    fixture_spin(&fx, 20);
    assert_int_equal(queues(), 2);
    accept_with(&id, &ref, 1);
    wait_for_state(&id, SMS_SUBMITTED);
    assert_int_equal(queues(), 2); /* it waits for its report */
    report(ref, true, 0);
    wait_for_state(&id, SMS_DELIVERED);
    for (int i = 0; i < WAIT_STEPS && queues() == 2; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(queues(), 1); /* carrier-b is missing: its message waits */
    id = add_message((struct sms_row){0});
    wait_for_submits(2);
    assert_int_equal(queues(), 2);
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
}

/* A message may change its state while a look reads one state after the other: it is in none then.
 */
static void a_queue_whose_message_moves_on_during_a_look_is_kept(void **state)
{
    const unsigned n = 1000;
    struct uuid id;

    (void)state;
    fake.accepts = true;
    fake.room = RECORDS_MAX;
    for (unsigned i = 0; i < n; i++) {
        id = add_message((struct sms_row){.resource = {{1, (uint8_t)(i >> 8), (uint8_t)i}}});
        if (i % 20 == 0)
            fixture_spin(&fx, 1);
    }
    wait_for_submits(n);
    wait_for_state(&id, SMS_SUBMITTED);
    fixture_spin(&fx, 50);
    assert_int_equal(queues(), n);
}

/* What a look says that has found nothing, or only something due later. */
static void looked_at(struct sms_queue *q, unix_ms next_due)
{
    for (size_t i = 0; i < SMS_LOOK_STATES; i++)
        q->next_due[i] = next_due;
    sms_queue_looked_at(sms, q);
}

static size_t queues_due(unix_ms now, struct sms_queue *out_first, unix_ms *out_next)
{
    struct sms_queue *found;
    struct arena arena;
    size_t n;

    arena_init(&arena);
    found = sms_queues(sms, now, &arena, &n, out_next);
    if (n)
        *out_first = found[0];
    arena_clear(&arena);
    out_first->transport = STR("carrier-c");
    return n;
}

/* What changed it came after the look began: that it found nothing says nothing of that. */
static void a_look_says_nothing_of_what_comes_meanwhile(void **state)
{
    const struct sms_row row = {.resource = {{9}}, .transport = STR_INIT("carrier-c")};
    struct sms_queue found = {0};
    unix_ms next;

    (void)state;
    sms_opened(sms, &row.resource, row.transport, 1);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    sms_opened(sms, &row.resource, row.transport, 1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    sms_queue_flight(sms, &row, 1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    looked_at(&found, SMS_NEVER); /* while it is under way, its row may be anywhere */
    assert_int_equal(queues(), 1);
    sms_queue_flight(sms, &row, -1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    sms_ended(sms, &row.resource, row.transport);
    looked_at(&found, START_MS + 9);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues(), 0);
    looked_at(&found, START_MS); /* twice is fine */
    assert_int_equal(queues(), 0);
}

static void a_queue_is_looked_at_when_something_is_due(void **state)
{
    static const struct uuid other = {{9}};
    struct sms_queue found = {0};
    unix_ms next;

    (void)state;
    sms_opened(sms, &other, STR("carrier-c"), 1);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    looked_at(&found, START_MS + 9);
    assert_int_equal(queues_due(START_MS + 8, &found, &next), 0);
    assert_int_equal(next, START_MS + 9);
    assert_int_equal(queues_due(START_MS + 9, &found, &next), 1);
    assert_int_equal(next, SMS_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sms_scene_open, sms_scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resources_take_turns),
        TEST(questions_are_no_turn),
        TEST(a_queue_with_nothing_in_it_is_forgotten),
        TEST(a_queue_whose_message_moves_on_during_a_look_is_kept),
        TEST(a_look_says_nothing_of_what_comes_meanwhile),
        TEST(a_queue_is_looked_at_when_something_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
