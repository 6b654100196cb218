/* A transmitter and a receiver: each on a connection of its own, each with its own fate. */
#include "smpp_fake.h"

#include "base/json.h"

#define PAIR     "{'host':'smsc.test','systemId':'gate','bindMode':'pair'}"
#define TX       ((size_t)0)
#define RX       ((size_t)1)
#define RESPONSE SMPP_RESPONSE

static struct smpp *smpp(struct fake *f)
{
    return (struct smpp *)f->carrier;
}

static struct fake *bound_pair(void)
{
    struct fake *f = fake_new(PAIR);

    fake_look_at(TX);
    fake_bind_as(f, SMPP_BIND_TRANSMITTER);
    fake_look_at(RX);
    fake_bind_as(f, SMPP_BIND_RECEIVER);
    return f;
}

static void binds_both(void **state)
{
    static const uint32_t commands[] = {SMPP_BIND_TRANSMITTER, SMPP_BIND_RECEIVER};
    struct fake *f = fake_new(PAIR);
    struct smpp_bind bind;
    struct str body;

    (void)state;
    assert_int_equal(fake_connections(), 2);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        fake_look_at(i);
        fake_open();
        (void)fake_expect("a bind", commands[i], &body);
        assert_int_equal(smpp_bind_read(body, &bind), RC_OK);
        check_str("system id", bind.system_id, STR("gate"));
        check_str("password", bind.password, STR("secret"));
    }
    fake_free(f);
}

static void sends_when_both_are_bound(void **state)
{
    struct fake *f = fake_new(PAIR);
    struct smpp_header h;
    struct str body;

    (void)state;
    fake_look_at(TX);
    fake_bind_as(f, SMPP_BIND_TRANSMITTER);
    assert_int_equal(smpp_carrier_ops.room(f->carrier), 0);
    fake_submit(f, 1, "12345", "Hi");
    fake_wait(f, 250);
    assert_false(fake_take(&h, &body));
    fake_look_at(RX);
    fake_bind_as(f, SMPP_BIND_RECEIVER);
    assert_true(smpp_carrier_ops.room(f->carrier) > 0);
    assert_true(f->n_ready > 0);
    assert_false(fake_take(&h, &body));
    fake_look_at(TX);
    h = fake_expect("the message", SMPP_SUBMIT_SM, NULL);
    fake_send_text(SMPP_SUBMIT_SM | RESPONSE, SMPP_ROK, h.sequence, "1");
    assert_int_equal(f->n_results, 1);
    assert_int_equal(f->results[0].outcome, CARRIER_ACCEPTED);
    fake_free(f);
}

static void takes_a_receipt_on_the_receiver(void **state)
{
    struct fake *f = bound_pair();

    (void)state;
    fake_receipt(7, "id:1 stat:DELIVRD");
    assert_int_equal(f->n_reports, 1);
    f->reports[0].done(f->reports[0].done_ctx, RC_OK);
    f->reports[0].done = NULL;
    fake_wait(f, 0);
    assert_int_equal(fake_expect("thanks", SMPP_DELIVER_SM | RESPONSE, NULL).sequence, 7);
    fake_free(f);
}

static void refuses_what_belongs_to_the_other(void **state)
{
    struct fake *f = bound_pair();
    struct smpp_header h;

    (void)state;
    fake_look_at(TX);
    fake_receipt(7, "id:1 stat:DELIVRD");
    assert_int_equal(f->n_reports, 0);
    h = fake_expect("no", SMPP_GENERIC_NACK, NULL);
    assert_int_equal(h.status, SMPP_RINVCMDID);
    assert_int_equal(h.sequence, 7);
    fake_submit(f, 1, "12345", "Hi");
    fake_wait(f, 0);
    h = fake_expect("the message", SMPP_SUBMIT_SM, NULL);
    fake_look_at(RX); /* an answer here is to nothing, whatever its number */
    fake_send_text(SMPP_SUBMIT_SM | RESPONSE, SMPP_ROK, h.sequence, "1");
    assert_int_equal(f->n_results, 0);
    assert_int_equal(smpp(f)->rx->strikes, 1);
    fake_free(f);
}

static void a_lost_receiver_costs_no_message(void **state)
{
    struct fake *f = bound_pair();
    struct smpp_header h;
    struct str body;

    (void)state;
    fake_submit(f, 1, "12345", "under way");
    fake_wait(f, 0);
    fake_break(); /* the receiver */
    fake_submit(f, 2, "12345", "waits");
    fake_wait(f, 0);
    fake_look_at(TX);
    assert_true(fake_is_connected());
    h = fake_expect("the message", SMPP_SUBMIT_SM, NULL);
    fake_send_text(SMPP_SUBMIT_SM | RESPONSE, SMPP_ROK, h.sequence, "1");
    assert_int_equal(f->n_results, 1);
    assert_int_equal(f->results[0].outcome, CARRIER_ACCEPTED);
    assert_false(fake_take(&h, &body));
    assert_int_equal(smpp_carrier_ops.room(f->carrier), 0);
    fake_wait(f, 1250);
    assert_int_equal(fake_connections(), 3);
    fake_look_at(RX);
    fake_bind_as(f, SMPP_BIND_RECEIVER);
    fake_look_at(TX);
    (void)fake_expect("what waited", SMPP_SUBMIT_SM, NULL);
    fake_free(f);
}

static void a_lost_transmitter_leaves_what_it_sent_unsure(void **state)
{
    struct fake *f = bound_pair();

    (void)state;
    fake_submit(f, 1, "12345", "under way");
    fake_wait(f, 0);
    fake_look_at(TX);
    fake_break();
    assert_int_equal(f->n_results, 1);
    assert_int_equal(f->results[0].outcome, CARRIER_UNSURE);
    fake_look_at(RX);
    assert_true(fake_is_connected());
    fake_receipt(9, "id:1 stat:DELIVRD"); /* it had been taken, after all */
    assert_int_equal(f->n_reports, 1);
    f->reports[0].done(f->reports[0].done_ctx, RC_OK);
    f->reports[0].done = NULL;
    fake_wait(f, 0);
    (void)fake_expect("thanks", SMPP_DELIVER_SM | RESPONSE, NULL);
    fake_free(f);
}

static void late_outcomes_are_not_told_to_another_receiver(void **state)
{
    struct fake *f = bound_pair();
    struct smpp_header h;
    struct str body;

    (void)state;
    fake_receipt(9, "id:1 stat:DELIVRD");
    assert_int_equal(f->n_reports, 1);
    fake_break();
    fake_wait(f, 1250);
    fake_look_at(RX);
    fake_bind_as(f, SMPP_BIND_RECEIVER);
    f->reports[0].done(f->reports[0].done_ctx, RC_OK);
    f->reports[0].done = NULL;
    fake_wait(f, 0);
    assert_false(fake_take(&h, &body));
    fake_free(f);
}

static void each_is_asked_whether_it_is_there(void **state)
{
    struct fake *f = bound_pair();
    struct smpp_header h;

    (void)state;
    for (int i = 0; i < 3; i++) { /* the receiver answers, the transmitter does not */
        fake_wait(f, 30000);
        fake_look_at(RX);
        h = fake_expect("a question", SMPP_ENQUIRE_LINK, NULL);
        fake_send_plain(SMPP_ENQUIRE_LINK | RESPONSE, 0, h.sequence);
        fake_look_at(TX);
        if (i < 2)
            (void)fake_expect("a question", SMPP_ENQUIRE_LINK, NULL);
    }
    assert_false(fake_is_connected());
    fake_look_at(RX);
    assert_true(fake_is_connected());
    fake_free(f);
}

static void says_how_each_is(void **state)
{
    struct fake *f = bound_pair();
    struct json_writer w;
    struct buf out;

    (void)state;
    fake_break();
    buf_init(&out, KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    smpp_carrier_ops.status(f->carrier, &w);
    json_object_end(&w);
    check("both", strstr(buf_cstr(&out), "\"state\":\"waiting\",\"transmitter\":\"bound\","
                                         "\"receiver\":\"waiting\"") != NULL);
    check("and why", strstr(buf_cstr(&out), "\"lastError\":\"it broke\"") != NULL);
    buf_clear(&out);
    fake_free(f);
}

static void takes_leave_of_both(void **state)
{
    struct fake *f = bound_pair();

    (void)state;
    smpp_carrier_ops.close(f->carrier);
    f->carrier = NULL;
    for (size_t i = 0; i < 2; i++) {
        fake_look_at(i);
        (void)fake_expect("goodbye", SMPP_UNBIND, NULL);
    }
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_both),
        cmocka_unit_test(sends_when_both_are_bound),
        cmocka_unit_test(takes_a_receipt_on_the_receiver),
        cmocka_unit_test(refuses_what_belongs_to_the_other),
        cmocka_unit_test(a_lost_receiver_costs_no_message),
        cmocka_unit_test(a_lost_transmitter_leaves_what_it_sent_unsure),
        cmocka_unit_test(late_outcomes_are_not_told_to_another_receiver),
        cmocka_unit_test(each_is_asked_whether_it_is_there),
        cmocka_unit_test(says_how_each_is),
        cmocka_unit_test(takes_leave_of_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
