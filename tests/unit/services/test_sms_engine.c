/* The life of messages: handovers, results, reports, crashes, deadlines. */
#include "sms_scene.h"

/* ---- handovers and results ---- */

static void the_step_is_durable_before_the_carrier_sees_it(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("r1");
    struct sms_row row;

    (void)state;
    assert_int_equal(fake.in_store, SMS_SUBMITTING);
    assert_int_equal(fake.attempt, 1);
    accept_with(&id, &ref, 1);
    row = wait_for_state(&id, SMS_SUBMITTED);
    assert_int_equal(row.due, row.deadline);
    report(ref, true, 0);
    row = wait_for_state(&id, SMS_DELIVERED);
    assert_int_equal(row.code, 2000);
    assert_false(row.unsure);
    report(ref, false, 4005); /* too late */
    fixture_spin(&fx, 50);
    assert_int_equal(stored(&id).state, SMS_DELIVERED);
}

static void note_rc(void *ctx, enum rc rc)
{
    *(int *)ctx = (int)rc;
}

static void report_early(const struct str *ref, int *rc)
{
    *rc = -1;
    fake.host->report(
        fake.host, &(struct carrier_report){.refs = ref, .n_refs = 1, .final = true, .code = 4006},
        note_rc, rc);
}

static void a_report_may_come_before_the_answer(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("early");
    int rc;

    (void)state;
    report_early(&ref, &rc);
    fixture_spin(&fx, 30);
    assert_int_equal(stored(&id).state, SMS_SUBMITTING);
    assert_int_equal(rc, -1); /* in memory alone: not acknowledged */
    accept_with(&id, &ref, 1);
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(stored(&id).code, 4006); /* durable before it was acknowledged */
}

static int wait_for_rc(const int *rc)
{
    for (int i = 0; i < 2 * WAIT_STEPS && *rc < 0; i++)
        fixture_spin(&fx, 5);
    return *rc;
}

static void a_report_of_nobody_waits_for_what_is_under_way(void **state)
{
    struct uuid id;
    const struct str ref = STR("stray"), other = STR("other");
    int rc;

    (void)state;
    fixture_spin(&fx, 50);
    report_early(&ref, &rc);
    assert_int_equal(wait_for_rc(&rc), RC_NOT_FOUND); /* nothing is under way */
    id = add_message((struct sms_row){0});
    wait_for_submits(1);
    report_early(&ref, &rc);
    fixture_spin(&fx, 100);
    assert_int_equal(rc, -1); /* it may be this one */
    (void)add_message((struct sms_row){0});
    wait_for_submits(2);
    accept_with(&id, &other, 1);
    assert_int_equal(wait_for_rc(&rc), RC_NOT_FOUND); /* the later one is not what it is about */
}

static void a_report_is_told_again_when_a_handover_takes_long(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("early");
    int rc;

    (void)state;
    report_early(&ref, &rc);
    assert_int_equal(wait_for_rc(&rc), RC_BUSY);
    accept_with(&id, &ref, 1);
    wait_for_state(&id, SMS_SUBMITTED);
    report_early(&ref, &rc);
    assert_int_equal(wait_for_rc(&rc), RC_OK);
    assert_int_equal(stored(&id).code, 4006);
}

static void the_end_of_the_service_lets_go_of_early_reports(void **state)
{
    const struct str ref = STR("early");
    int rc;

    (void)state;
    (void)add_message((struct sms_row){0});
    wait_for_submits(1);
    report_early(&ref, &rc);
    fixture_spin(&fx, 20);
    assert_int_equal(rc, -1);
    end_sms();
    assert_int_equal(rc, RC_BUSY);
}

static void a_report_by_id_during_the_handover_counts(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    fake.host->report(fake.host,
                      &(struct carrier_report){.id = id, .delivered = true, .final = true}, NULL,
                      NULL);
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_UNSURE});
    wait_for_state(&id, SMS_DELIVERED);
}

/* When a message goes again, counted from now: a little later than that at most. */
static void check_due(const struct sms_row *row, int64_t wait_ms)
{
    unix_ms due = clock_now(&fx.clock) + wait_ms;

    assert_in_range(row->due, due, due + wait_ms / 20);
}

static void later_goes_again_later_each_time(void **state)
{
    struct uuid id = add_message((struct sms_row){0});
    struct sms_row row;

    (void)state;
    for (unsigned i = 1; i <= 10; i++) {
        wait_for_submits(i);
        assert_int_equal(fake.attempt, i);
        answer(&(struct carrier_result){.id = id, .outcome = CARRIER_LATER, .code = 5001});
        row = wait_for_state(&id, SMS_QUEUED);
        check_due(&row, i < 10 ? (int64_t)1000 << (i - 1) : 5 * MINUTE_MS);
        if (i == 1)
            fixture_spin(&fx, 300);
        assert_int_equal(fake.submits, i);
        advance(row.due - clock_now(&fx.clock));
    }
}

static void later_goes_again_when_the_carrier_wants_it(void **state)
{
    struct uuid id = add_message((struct sms_row){0});

    (void)state;
    for (unsigned i = 1; i <= 4; i++) {
        wait_for_submits(i);
        answer(&(struct carrier_result){.id = id, .outcome = CARRIER_LATER, .retry_ms = 2000});
        assert_int_equal(wait_for_state(&id, SMS_QUEUED).due, clock_now(&fx.clock) + 2000);
        advance(2000);
    }
}

static void rejected_is_final(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_REJECTED, .code = 4002});
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 4002);
}

/* Each may bring it to the recipient once more. */
static void unsure_goes_again_later_each_time(void **state)
{
    const unsigned minutes[] = {1, 2, 4, 8, 16, 30, 30};
    struct uuid id = add_message((struct sms_row){.deadline = START_MS + 125 * MINUTE_MS});
    struct sms_row row;

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(minutes); i++) {
        wait_for_submits(i + 1);
        answer(&(struct carrier_result){.id = id, .outcome = CARRIER_UNSURE});
        fixture_spin(&fx, 100);
        assert_int_equal(fake.submits, i + 1);
        row = stored(&id);
        assert_int_equal(row.state, SMS_SUBMITTING);
        assert_int_equal(row.unsure, i > 0);
        check_due(&row, minutes[i] * MINUTE_MS);
        advance(row.due - clock_now(&fx.clock));
    }
    wait_for_submits(ARRAY_LEN(minutes) + 1);
    accept_with(&id, NULL, 0);
    assert_true(wait_for_state(&id, SMS_SUBMITTED).unsure);
}

static void never_goes_again_after_the_deadline(void **state)
{
    static const struct {
        struct carrier_result result;
        uint32_t code; /* what it fails with then */
    } cases[] = {
        {{.outcome = CARRIER_UNSURE}, 5002},
        {{.outcome = CARRIER_LATER, .retry_ms = 90 * (uint64_t)MINUTE_MS, .code = 5001}, 5001}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        unix_ms deadline = clock_now(&fx.clock) + 30000;
        struct carrier_result result = cases[i].result;

        result.id = add_message((struct sms_row){.deadline = deadline});
        wait_for_submits(i + 1);
        answer(&result);
        fixture_spin(&fx, 100);
        assert_int_equal(stored(&result.id).due, deadline);
        advance(30000);
        assert_int_equal(wait_for_state(&result.id, SMS_FAILED).code, cases[i].code);
        assert_int_equal(fake.submits, i + 1);
    }
}

static void a_new_run_takes_up_what_was_left(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    struct sms_row row;

    (void)state;
    end_sms();
    assert_int_equal(stored(&id).state, SMS_SUBMITTING);
    run_sms();
    fixture_spin(&fx, 100);
    assert_int_equal(fake.submits, 1); /* it may have been taken: not before its time */
    row = stored(&id);
    check_due(&row, MINUTE_MS);
    advance(row.due - clock_now(&fx.clock));
    wait_for_submits(2);
    assert_true(stored(&id).unsure);
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
}

static void no_more_than_there_is_room_for(void **state)
{
    struct uuid ids[5];

    (void)state;
    fake.room = 2;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = add_message((struct sms_row){0});
    wait_for_submits(2);
    fixture_spin(&fx, 100);
    assert_int_equal(fake.submits, 2);
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        accept_with(&ids[i], NULL, 0);
        wait_for_submits(i + 3 < 5 ? i + 3 : 5);
    }
    assert_int_equal(wait_for_state(&ids[4], SMS_SUBMITTED).attempts, 1);
}

static void without_room_a_deadline_still_counts(void **state)
{
    struct uuid slow, quick;

    (void)state;
    fake.room = 0;
    slow = add_message((struct sms_row){0});
    quick = add_message((struct sms_row){.deadline = START_MS + MINUTE_MS});
    fixture_spin(&fx, 50);
    advance(MINUTE_MS);
    assert_int_equal(wait_for_state(&quick, SMS_FAILED).code, 5002);
    assert_int_equal(stored(&slow).state, SMS_QUEUED);
    fake.room = 1;
    fake.host->ready(fake.host);
    advance(MINUTE_MS);
    wait_for_submits(1);
    accept_with(&slow, NULL, 0);
    wait_for_state(&slow, SMS_SUBMITTED);
}

/* ---- parts ---- */

static void delivered_when_all_parts_are(void **state)
{
    const struct str refs[] = {STR_INIT("p0"), STR_INIT("p1"), STR_INIT("p2")};
    struct uuid id = handed_over((struct sms_row){.segments = 3});

    (void)state;
    accept_with(&id, refs, ARRAY_LEN(refs));
    wait_for_state(&id, SMS_SUBMITTED);
    report(refs[2], true, 0);
    report(refs[0], true, 0); /* both at once: neither forgets the other */
    report(refs[0], true, 0);
    fixture_spin(&fx, 50);
    assert_int_equal(stored(&id).state, SMS_SUBMITTED);
    report(refs[1], true, 0);
    wait_for_state(&id, SMS_DELIVERED);
}

static void failed_when_one_part_is(void **state)
{
    const struct str refs[] = {STR_INIT("q0"), STR_INIT("q1")};
    struct uuid id = handed_over((struct sms_row){.segments = 2});

    (void)state;
    accept_with(&id, refs, ARRAY_LEN(refs));
    wait_for_state(&id, SMS_SUBMITTED);
    report(refs[0], true, 0);
    report(refs[1], false, 4006);
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 4006);
}

/* ---- questions ---- */

static void asks_when_told_to(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    answer(&(struct carrier_result){
        .id = id, .outcome = CARRIER_ACCEPTED, .ref = STR("theirs"), .poll_ms = 1000});
    wait_for_state(&id, SMS_SUBMITTED);
    advance(1000);
    for (int i = 0; i < WAIT_STEPS && fake.polls < 1; i++)
        fixture_spin(&fx, 5);
    assert_string_equal(fake.ref, "theirs");
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_ACCEPTED, .poll_ms = 5000});
    fixture_spin(&fx, 50);
    assert_int_equal(stored(&id).due, START_MS + 6000);
    advance(5000);
    for (int i = 0; i < WAIT_STEPS && fake.polls < 2; i++)
        fixture_spin(&fx, 5);
    assert_string_equal(fake.ref, "theirs");
    fake.host->report(fake.host,
                      &(struct carrier_report){.id = id, .delivered = true, .final = true}, NULL,
                      NULL);
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_ACCEPTED});
    wait_for_state(&id, SMS_DELIVERED);
}

static void no_report_in_time(void **state)
{
    struct uuid id = handed_over((struct sms_row){.deadline = START_MS + MINUTE_MS});

    (void)state;
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
    advance(MINUTE_MS);
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 5002);
}

/* ---- transports that change ---- */

static void a_changed_transport_is_opened_anew(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    put_transport(2);
    for (int i = 0; i < WAIT_STEPS && fake.opened < 2; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(fake.closed, 1);
    assert_int_equal(fake.n, 0); /* answered: unsure */
    advance(stored(&id).due - clock_now(&fx.clock));
    wait_for_submits(2);
    accept_with(&id, NULL, 0);
    assert_true(wait_for_state(&id, SMS_SUBMITTED).unsure);
}

static void status_done(void *ctx)
{
    *(bool *)ctx = true;
}

static void check_status(struct str name, const char *wanted)
{
    bool done = false;
    struct sms_status_query q = {.name = name, .loop = fx.loop, .done = status_done, .ctx = &done};

    sms_transport_status(sms, &q);
    for (int i = 0; i < WAIT_STEPS && !done; i++)
        fixture_spin(&fx, 5);
    assert_true(done);
    assert_non_null(strstr(buf_cstr(&q.out), wanted));
    buf_clear(&q.out);
}

static void a_deleted_transport_lets_messages_wait(void **state)
{
    struct change c = {.kind = CHANGE_SMS_TRANSPORT_DELETE};
    struct uuid id;

    (void)state;
    fixture_spin(&fx, 50);
    check_status(STR("carrier-a"), "\"state\":\"up\"");
    c.u.sms_transport.name = STR("carrier-a");
    assert_int_equal(store_commit_wait(fx.store, &c, 1), RC_OK);
    for (int i = 0; i < WAIT_STEPS && !fake.closed; i++)
        fixture_spin(&fx, 5);
    id = add_message((struct sms_row){0});
    fixture_spin(&fx, 100);
    assert_int_equal(fake.submits, 0);
    assert_int_equal(stored(&id).state, SMS_QUEUED);
    check_status(STR("carrier-a"), "\"state\":\"missing\"");
    put_transport(1);
    advance(MINUTE_MS);
    wait_for_submits(1);
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
}

/* ---- the administrator's word ---- */

static int finish(const struct uuid *id, uint32_t code)
{
    int rc = -1;

    sms_finish(&fx.site, id, &(struct sms_fate){.code = code}, note_rc, &rc);
    assert_int_equal(rc, -1); /* never before the call returns */
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    return rc;
}

static void ends_once(void **state)
{
    struct uuid id = add_message((struct sms_row){0}), other = uuid_random();

    (void)state;
    wait_for_submits(1);
    assert_int_equal(finish(&id, 4005), RC_OK);
    assert_int_equal(finish(&id, 4006), RC_CONFLICT);
    assert_int_equal(finish(&other, 4006), RC_NOT_FOUND);
    accept_with(&id, NULL, 0); /* the carrier's answer changes nothing any more */
    fixture_spin(&fx, 50);
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 4005);
}

static int take_report(const struct carrier_report *r)
{
    int rc = -1;

    sms_take_report(&fx.site,
                    (struct sms_teller){.transport = STR("carrier-a"), .check_secret = true}, r,
                    note_rc, &rc);
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    return rc;
}

static void callbacks_need_the_messages_secret(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    char secret[SMS_SECRET_LEN];
    struct carrier_report r = {.id = id, .delivered = true, .final = true};
    const struct str ref = STR("guess");

    (void)state;
    accept_with(&id, &ref, 1);
    wait_for_state(&id, SMS_SUBMITTED);
    assert_int_equal(take_report(&r), RC_DENIED);
    r.secret = STR("00000000000000000000000000000000");
    assert_int_equal(take_report(&r), RC_DENIED);
    sms_message_secret(sms, &id, secret);
    r.secret = str_of(secret, sizeof secret);
    r.id = (struct uuid){{0}};
    r.refs = &ref;
    r.n_refs = 1;
    assert_int_equal(take_report(&r), RC_DENIED); /* without its id */
    r.id = id;
    assert_int_equal(take_report(&r), RC_OK);
    assert_int_equal(take_report(&r), RC_OK); /* again: nothing new */
    wait_for_state(&id, SMS_DELIVERED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sms_scene_open, sms_scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_step_is_durable_before_the_carrier_sees_it),
        TEST(a_report_may_come_before_the_answer),
        TEST(a_report_of_nobody_waits_for_what_is_under_way),
        TEST(a_report_is_told_again_when_a_handover_takes_long),
        TEST(the_end_of_the_service_lets_go_of_early_reports),
        TEST(a_report_by_id_during_the_handover_counts),
        TEST(later_goes_again_later_each_time),
        TEST(later_goes_again_when_the_carrier_wants_it),
        TEST(rejected_is_final),
        TEST(unsure_goes_again_later_each_time),
        TEST(never_goes_again_after_the_deadline),
        TEST(a_new_run_takes_up_what_was_left),
        TEST(no_more_than_there_is_room_for),
        TEST(without_room_a_deadline_still_counts),
        TEST(delivered_when_all_parts_are),
        TEST(failed_when_one_part_is),
        TEST(asks_when_told_to),
        TEST(no_report_in_time),
        TEST(a_changed_transport_is_opened_anew),
        TEST(a_deleted_transport_lets_messages_wait),
        TEST(ends_once),
        TEST(callbacks_need_the_messages_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
