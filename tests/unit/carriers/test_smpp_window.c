/* Messages handed over by SMPP: the window, the rate, a busy peer, lost answers, several parts. */
#include "smpp_fake.h"

#define PLAIN "{'host':'smsc.test','systemId':'gate'}"

static struct smpp *smpp(struct fake *f)
{
    return (struct smpp *)f->carrier;
}

static size_t room(struct fake *f)
{
    return smpp_carrier_ops.room(f->carrier);
}

/* The submit_sm that stands next. */
static struct smpp_header expect_submit(const char *name, struct smpp_message *out)
{
    struct str body;
    struct smpp_header h = fake_expect(name, SMPP_SUBMIT_SM, &body);

    check(name, smpp_message_read(body, out) == RC_OK);
    return h;
}

static size_t count_submits(void)
{
    struct smpp_header h;
    struct str body;
    size_t n = 0;

    while (fake_take(&h, &body))
        n += h.command == SMPP_SUBMIT_SM;
    return n;
}

static void accept_it(uint32_t sequence, const char *id)
{
    fake_send_text(SMPP_SUBMIT_SM | SMPP_RESPONSE, SMPP_ROK, sequence, id);
}

static void refuse_it(uint32_t sequence, uint32_t status)
{
    fake_send_plain(SMPP_SUBMIT_SM | SMPP_RESPONSE, status, sequence);
}

static void check_result(const char *name, const struct fake *f, size_t i,
                         enum carrier_outcome outcome, uint32_t code)
{
    check(name, f->n_results > i);
    if (f->results[i].outcome != outcome || f->results[i].code != code)
        fail_msg("%s: outcome %d, code %u", name, (int)f->results[i].outcome,
                 (unsigned)f->results[i].code);
}

static void says_what_stands_in_a_submit(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name, *config, *from, *text;
        uint8_t ton, npi, coding;
        struct str source, octets;
    } cases[] = {
        {"a number", PLAIN, "+14255550100", "Hi @", 1, 1, 0,
         STR_INIT("14255550100"), STR_INIT("Hi \0")},
        {"a short code", PLAIN, "12345", "Hi", 3, 0, 0, STR_INIT("12345"), STR_INIT("Hi")},
        {"a name", PLAIN, "Call Gate", "Hi", 5, 0, 0, STR_INIT("Call Gate"), STR_INIT("Hi")},
        {"other letters", PLAIN, "12345", "\xD1\x8F", 3, 0, 8, STR_INIT("12345"), STR_INIT("\x04\x4F")},
        {"types that the carrier wants",
         "{'host':'h','systemId':'s','shortCodeTon':1,'shortCodeNpi':1,'dataCoding':241}",
         "12345", "Hi", 1, 1, 241, STR_INIT("12345"), STR_INIT("Hi")},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake *f = fake_new(cases[i].config);
        struct smpp_message m;

        fake_bind(f);
        fake_submit(f, 1, cases[i].from, cases[i].text);
        fake_wait(f, 0);
        (void)expect_submit(cases[i].name, &m);
        check_str(cases[i].name, m.source.text, cases[i].source);
        check(cases[i].name, m.source.ton == cases[i].ton && m.source.npi == cases[i].npi);
        check_str(cases[i].name, m.destination.text, STR("14255550123"));
        check(cases[i].name, m.destination.ton == 1 && m.destination.npi == 1);
        check(cases[i].name, m.coding == cases[i].coding);
        check(cases[i].name, m.registered == 1 && m.esm_class == 0);
        check(cases[i].name, m.validity.len == 16 && str_ends(m.validity, STR("000+")));
        check_str(cases[i].name, m.text, cases[i].octets);
        fake_free(f);
    }
}

static void keeps_within_the_window(void **state)
{
    struct fake *f = fake_new("{'host':'h','systemId':'s','window':4}");
    struct smpp_message m;
    struct smpp_header h;

    (void)state;
    assert_int_equal(room(f), 0); /* not bound yet */
    fake_bind(f);
    assert_int_equal(f->n_ready, 1);
    assert_int_equal(room(f), 8);
    for (uint8_t i = 0; i < 8; i++)
        fake_submit(f, i, "12345", "Hi");
    assert_int_equal(f->n_results, 0);
    fake_wait(f, 0);
    assert_int_equal(room(f), 0);
    h = expect_submit("the first", &m);
    assert_int_equal(count_submits(), 3);
    accept_it(h.sequence, "a-0");
    check_result("the first is accepted", f, 0, CARRIER_ACCEPTED, 0);
    assert_int_equal(f->results[0].first, 0);
    assert_int_equal(f->results[0].n_refs, 1);
    assert_string_equal(f->results[0].refs[0], "a-0");
    assert_int_equal(f->n_ready, 2);
    assert_int_equal(room(f), 1);
    assert_int_equal(count_submits(), 1);
    accept_it(h.sequence + 2, "00AB"); /* out of order */
    check_result("the third", f, 1, CARRIER_ACCEPTED, 0);
    assert_int_equal(f->results[1].first, 2);
    assert_string_equal(f->results[1].refs[0], "ab");
    fake_free(f);
}

static void keeps_to_the_rate(void **state)
{
    struct fake *f = fake_new("{'host':'h','systemId':'s','window':100,'messagesPerSecond':10}");
    size_t sent;

    (void)state;
    fake_bind(f);
    assert_int_equal(room(f), 100);
    for (uint8_t i = 0; i < 100; i++)
        fake_submit(f, i, "12345", "Hi");
    for (int i = 0; i < 20; i++) {
        f->now += 50;
        smpp_set_time(f->carrier, f->now);
        smpp_tick(smpp(f));
    }
    sent = count_submits();
    assert_in_range(sent, 9, 12);
    fake_free(f);
}

static void pauses_when_the_peer_is_busy(void **state)
{
    static const uint32_t busy[] = {SMPP_RTHROTTLED, SMPP_RMSGQFUL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(busy); i++) {
        struct fake *f = fake_new(PLAIN);
        struct smpp_message m;
        struct smpp_header h;

        fake_bind(f);
        fake_submit(f, 1, "12345", "first");
        fake_submit(f, 2, "12345", "second");
        fake_wait(f, 0);
        h = expect_submit("the first", &m);
        (void)expect_submit("the second", &m);
        refuse_it(h.sequence, busy[i]);
        assert_int_equal(room(f), 0);
        fake_submit(f, 3, "12345", "third");
        fake_wait(f, 900);
        assert_int_equal(count_submits(), 0);
        fake_wait(f, 250);
        h = expect_submit("the first again", &m);
        check_str("it goes first", m.text, STR("first"));
        assert_int_equal(count_submits(), 1);
        refuse_it(h.sequence, busy[i]);
        fake_wait(f, 1500);
        assert_int_equal(count_submits(), 0); /* longer the second time */
        fake_wait(f, 600);
        h = expect_submit("and again", &m);
        accept_it(h.sequence, "x");
        check_result("at last", f, 0, CARRIER_ACCEPTED, 0);
        fake_free(f);
    }
}

static void gives_back_what_a_busy_peer_never_took(void **state)
{
    struct fake *f = fake_new(PLAIN);

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", "first");
    for (int i = 0; i < 100 && f->n_results == 0; i++) {
        struct smpp_header h;
        struct str body;

        fake_wait(f, 250);
        while (fake_take(&h, &body))
            if (h.command == SMPP_SUBMIT_SM)
                refuse_it(h.sequence, SMPP_RTHROTTLED);
    }
    check_result("it goes again later", f, 0, CARRIER_LATER, 5001);
    assert_true(f->results[0].retry_ms >= 1000);
    fake_free(f);
}

static void maps_refusals(void **state)
{
    static const struct {
        uint32_t status, code;
    } cases[] = {{SMPP_RINVSRCADR, 4001},
                 {SMPP_RINVDSTADR, 4002},
                 {SMPP_RSUBMITFAIL, 5000},
                 {SMPP_RSYSERR, 5000},
                 {0x400, 5000}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake *f = fake_new(PLAIN);
        struct smpp_message m;

        fake_bind(f);
        fake_submit(f, 1, "12345", "Hi");
        fake_wait(f, 0);
        refuse_it(expect_submit("a submit", &m).sequence, cases[i].status);
        check_result("refused", f, 0, CARRIER_REJECTED, cases[i].code);
        fake_free(f);
    }
}

static void takes_a_nack_for_a_refusal(void **state)
{
    struct fake *f = fake_new(PLAIN);
    struct smpp_message m;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", "Hi");
    fake_wait(f, 0);
    fake_send_plain(SMPP_GENERIC_NACK, SMPP_RINVCMDID, expect_submit("a submit", &m).sequence);
    check_result("refused", f, 0, CARRIER_REJECTED, 5000);
    fake_free(f);
}

static void is_unsure_of_what_is_not_answered(void **state)
{
    struct fake *f = fake_new(PLAIN);
    struct smpp_message m;
    struct smpp_header h;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", "Hi");
    fake_wait(f, 0);
    h = expect_submit("a submit", &m);
    for (int i = 0; i < 59; i++) {
        fake_wait(f, 1000);
        fake_send_plain(SMPP_ENQUIRE_LINK, 0, 900); /* the peer is there */
    }
    assert_int_equal(f->n_results, 0);
    fake_wait(f, 1000);
    check_result("nobody knows", f, 0, CARRIER_UNSURE, 0);
    accept_it(h.sequence, "late");
    assert_int_equal(f->n_results, 1);
    assert_int_equal(smpp(f)->tx->strikes, 0); /* late is no offence */
    accept_it(h.sequence, "twice");
    assert_int_equal(smpp(f)->tx->strikes, 1);
    assert_true(fake_is_connected());
    fake_free(f);
}

static void is_unsure_when_the_connection_breaks(void **state)
{
    struct fake *f = fake_new("{'host':'h','systemId':'s','window':1}");

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", "sent");
    fake_submit(f, 2, "12345", "not sent");
    fake_wait(f, 0);
    fake_break();
    assert_int_equal(f->n_results, 2);
    check_result("what was sent", f, 0, CARRIER_UNSURE, 0);
    check_result("what was not", f, 1, CARRIER_LATER, 5001);
    assert_int_equal(room(f), 0);
    fake_wait(f, 1000);
    assert_int_equal(fake_connections(), 2);
    fake_bind(f);
    assert_int_equal(room(f), 2);
    assert_int_equal(f->n_ready, 2);
    fake_free(f);
}

static void is_unsure_of_what_it_holds_when_it_is_closed(void **state)
{
    struct fake *f = fake_new("{'host':'h','systemId':'s','window':1}");
    struct smpp_message m;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", "sent");
    fake_submit(f, 2, "12345", "not sent");
    fake_wait(f, 0);
    smpp_carrier_ops.close(f->carrier);
    f->carrier = NULL;
    check_result("what was sent", f, 0, CARRIER_UNSURE, 0);
    check_result("what was not", f, 1, CARRIER_LATER, 5001);
    (void)expect_submit("a submit", &m);
    (void)fake_expect("a goodbye", SMPP_UNBIND, NULL);
    fake_free(f);
}

/* 400 letters are three parts. */
static const char *long_text(void)
{
    static char text[401];

    memset(text, 'a', 400);
    return text;
}

static void sends_long_texts_in_parts(void **state)
{
    struct fake *f = fake_new("{'host':'h','systemId':'s','window':2}");
    struct smpp_message m;
    struct smpp_header h[3];
    uint8_t ref = 0;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", long_text());
    fake_wait(f, 0);
    for (int i = 0; i < 3; i++) {
        h[i] = expect_submit("a part", &m);
        assert_int_equal(m.esm_class, SMPP_ESM_UDH);
        assert_int_equal(m.text.len, i < 2 ? 159 : 6 + 400 - 306);
        assert_int_equal(m.text.ptr[4], 3);
        assert_int_equal(m.text.ptr[5], i + 1);
        assert_true(i == 0 || (uint8_t)m.text.ptr[3] == ref);
        ref = (uint8_t)m.text.ptr[3];
        accept_it(h[i].sequence, (const char *[]){"0A", "0B", "0C"}[i]);
        assert_int_equal(f->n_results, i == 2);
    }
    check_result("all of it", f, 0, CARRIER_ACCEPTED, 0);
    assert_int_equal(f->results[0].n_refs, 3);
    assert_string_equal(f->results[0].refs[0], "a");
    assert_string_equal(f->results[0].refs[2], "c");
    fake_free(f);
}

static void takes_one_id_for_all_parts_for_one_message(void **state)
{
    struct fake *f = fake_new(PLAIN);
    struct smpp_message m;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", long_text());
    fake_wait(f, 0);
    for (int i = 0; i < 3; i++)
        accept_it(expect_submit("a part", &m).sequence, "same");
    assert_int_equal(f->results[0].n_refs, 1);
    fake_free(f);
}

static void names_only_parts_that_have_an_id(void **state)
{
    struct fake *f = fake_new(PLAIN);
    struct smpp_message m;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", long_text());
    fake_submit(f, 2, "12345", "short");
    fake_wait(f, 0);
    for (int i = 0; i < 4; i++)
        accept_it(expect_submit("a part", &m).sequence, (const char *[]){"1", "", "3", ""}[i]);
    check_result("of several", f, 0, CARRIER_ACCEPTED, 0);
    assert_int_equal(f->results[0].n_refs, 2);
    assert_string_equal(f->results[0].refs[1], "3");
    check_result("the only one", f, 1, CARRIER_ACCEPTED, 0);
    assert_int_equal(f->results[1].n_refs, 0);
    fake_free(f);
}

static void refuses_all_when_a_part_is_refused(void **state)
{
    struct fake *f = fake_new("{'host':'h','systemId':'s','window':2}");
    struct smpp_message m;
    uint32_t first, second;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", long_text());
    fake_wait(f, 0);
    first = expect_submit("the first part", &m).sequence;
    second = expect_submit("the second part", &m).sequence;
    refuse_it(second, SMPP_RINVDSTADR);
    assert_int_equal(f->n_results, 0); /* the first may still be anything */
    accept_it(first, "a");
    check_result("refused", f, 0, CARRIER_REJECTED, 4002);
    fake_wait(f, 1000);
    assert_int_equal(count_submits(), 0); /* the third does not go any more */
    fake_free(f);
}

static void sends_a_busy_part_again_alone(void **state)
{
    struct fake *f = fake_new(PLAIN);
    struct smpp_message m;
    uint32_t sequences[3];

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", long_text());
    fake_wait(f, 0);
    for (int i = 0; i < 3; i++)
        sequences[i] = expect_submit("a part", &m).sequence;
    accept_it(sequences[0], "1");
    refuse_it(sequences[1], SMPP_RTHROTTLED);
    accept_it(sequences[2], "3");
    assert_int_equal(f->n_results, 0);
    fake_wait(f, 1250);
    sequences[1] = expect_submit("the second part", &m).sequence;
    assert_int_equal(m.text.ptr[5], 2);
    assert_int_equal(count_submits(), 0);
    accept_it(sequences[1], "2");
    check_result("all of it", f, 0, CARRIER_ACCEPTED, 0);
    assert_string_equal(f->results[0].refs[1], "2");
    fake_free(f);
}

static void sends_long_texts_in_other_ways(void **state)
{
    struct fake *f = fake_new("{'host':'h','systemId':'s','longMessages':'payload'}");
    struct smpp_message m;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", long_text());
    fake_submit(f, 2, "12345", "short");
    fake_wait(f, 0);
    (void)expect_submit("a payload", &m);
    assert_int_equal(m.payload.len, 400);
    assert_int_equal(m.text.len, 0);
    assert_int_equal(m.esm_class, 0);
    (void)expect_submit("a short one", &m);
    check_str("stays as it is", m.text, STR("short"));
    fake_free(f);

    f = fake_new("{'host':'h','systemId':'s','longMessages':'sar'}");
    fake_bind(f);
    fake_submit(f, 1, "12345", long_text());
    fake_wait(f, 0);
    for (int i = 0; i < 3; i++) {
        (void)expect_submit("a part", &m);
        assert_true(m.sar);
        assert_int_equal(m.sar_total, 3);
        assert_int_equal(m.sar_number, i + 1);
        assert_int_equal(m.esm_class, 0);
        assert_int_equal(m.text.len, i < 2 ? 153 : 400 - 306);
    }
    fake_free(f);
}

static void refuses_what_can_not_be_sent(void **state)
{
    static char endless[64 * 153 + 2];
    struct fake *f = fake_new(PLAIN);

    (void)state;
    memset(endless, 'a', sizeof endless - 1);
    fake_bind(f);
    fake_submit(f, 1, "12345", endless);
    fake_submit(f, 2, "12345678901234567890123", "Hi");
    assert_int_equal(f->n_results, 0); /* not from within */
    fake_wait(f, 0);
    check_result("more parts than are counted", f, 0, CARRIER_REJECTED, 5000);
    check_result("too long a sender", f, 1, CARRIER_REJECTED, 4001);
    assert_int_equal(count_submits(), 0);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_stands_in_a_submit),
        cmocka_unit_test(keeps_within_the_window),
        cmocka_unit_test(keeps_to_the_rate),
        cmocka_unit_test(pauses_when_the_peer_is_busy),
        cmocka_unit_test(gives_back_what_a_busy_peer_never_took),
        cmocka_unit_test(maps_refusals),
        cmocka_unit_test(takes_a_nack_for_a_refusal),
        cmocka_unit_test(is_unsure_of_what_is_not_answered),
        cmocka_unit_test(is_unsure_when_the_connection_breaks),
        cmocka_unit_test(is_unsure_of_what_it_holds_when_it_is_closed),
        cmocka_unit_test(sends_long_texts_in_parts),
        cmocka_unit_test(takes_one_id_for_all_parts_for_one_message),
        cmocka_unit_test(names_only_parts_that_have_an_id),
        cmocka_unit_test(refuses_all_when_a_part_is_refused),
        cmocka_unit_test(sends_a_busy_part_again_alone),
        cmocka_unit_test(sends_long_texts_in_other_ways),
        cmocka_unit_test(refuses_what_can_not_be_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
