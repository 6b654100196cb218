/* What comes in by SMPP: receipts and messages, acknowledged when they are safe and not before. */
#include "smpp_fake.h"

#define PLAIN  "{'host':'smsc.test','systemId':'gate'}"
#define ANSWER (SMPP_DELIVER_SM | SMPP_RESPONSE)

static struct smpp *smpp(struct fake *f)
{
    return (struct smpp *)f->carrier;
}

static struct fake *bound(const char *config)
{
    struct fake *f = fake_new(config);

    fake_bind(f);
    return f;
}

/* The store has it, or can't. */
static void done(struct fake *f, struct fake_event *e, enum rc rc)
{
    carrier_done_fn fn = e->done;

    assert_non_null(fn);
    e->done = NULL;
    fn(e->done_ctx, rc);
    fake_wait(f, 0);
}

static void expect_answer(const char *name, uint32_t sequence, uint32_t status)
{
    struct smpp_header h = fake_expect(name, ANSWER, NULL);

    check(name, h.sequence == sequence);
    check(name, h.status == status);
}

static void expect_silence(const char *name)
{
    struct smpp_header h;
    struct str body;

    check(name, !fake_take(&h, &body));
}

/* A message that was accepted under that id. */
static void accept_message(struct fake *f, const char *id)
{
    struct smpp_header h;

    fake_submit(f, 1, "12345", "Hi");
    fake_wait(f, 0);
    h = fake_expect("a submit", SMPP_SUBMIT_SM, NULL);
    fake_send_text(SMPP_SUBMIT_SM | SMPP_RESPONSE, SMPP_ROK, h.sequence, id);
}

static void message(uint32_t sequence, const struct smpp_message *rest)
{
    struct smpp_message m = *rest;

    if (!m.source.text.ptr)
        m.source = (struct smpp_address){1, 1, STR("14255550123")};
    if (!m.destination.text.ptr)
        m.destination = (struct smpp_address){3, 0, STR("12345")};
    fake_deliver(sequence, &m);
}

/* ---- receipts ---- */

static void acknowledges_a_receipt_when_it_is_safe(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    fake_receipt(5, "id:a-1 stat:DELIVRD err:000");
    assert_int_equal(f->n_reports, 1);
    assert_true(f->reports[0].final && f->reports[0].delivered);
    assert_string_equal(f->reports[0].refs, "a-1");
    fake_wait(f, 1000);
    expect_silence("not before");
    done(f, &f->reports[0], RC_OK);
    expect_answer("then", 5, SMPP_ROK);
    fake_free(f);
}

static void asks_for_it_again_when_the_store_fails(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    fake_receipt(5, "id:a-1 stat:UNDELIV err:001");
    assert_false(f->reports[0].delivered);
    assert_int_equal(f->reports[0].code, 4006);
    done(f, &f->reports[0], RC_FULL);
    expect_answer("later", 5, SMPP_RX_T_APPN);
    fake_receipt(6, "id:a-1 stat:UNDELIV err:001");
    done(f, &f->reports[1], RC_OK);
    expect_answer("now", 6, SMPP_ROK);
    fake_free(f);
}

static void acknowledges_what_is_nobodys(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    fake_receipt(5, "id:a-1 stat:DELIVRD");
    done(f, &f->reports[0], RC_NOT_FOUND);
    expect_answer("it would come for ever", 5, SMPP_ROK);
    fake_receipt(6, "stat:DELIVRD");
    fake_wait(f, 0);
    expect_answer("without an id", 6, SMPP_ROK);
    assert_int_equal(f->n_reports, 1);
    fake_free(f);
}

static void a_receipt_that_is_early_waits_for_the_hosts_word(void **state)
{
    struct fake *f = bound(PLAIN);
    struct smpp_header h;

    (void)state;
    fake_submit(f, 1, "12345", "Hi");
    fake_wait(f, 0);
    h = fake_expect("a submit", SMPP_SUBMIT_SM, NULL);
    fake_receipt(5, "id:a-1 stat:DELIVRD");
    fake_send_text(SMPP_SUBMIT_SM | SMPP_RESPONSE, SMPP_ROK, h.sequence, "a-1");
    fake_wait(f, 250);
    expect_silence("the host has it, and has not kept it");
    assert_int_equal(f->n_reports, 1);
    done(f, &f->reports[0], RC_OK);
    expect_answer("kept", 5, SMPP_ROK);
    fake_receipt(6, "id:a-2 stat:DELIVRD");
    done(f, &f->reports[1], RC_BUSY);
    expect_answer("it must come again", 6, SMPP_RX_T_APPN);
    fake_free(f);
}

static void does_not_answer_on_another_connection(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    fake_receipt(5, "id:a-1 stat:DELIVRD");
    fake_break();
    fake_wait(f, 1000);
    fake_bind(f);
    done(f, &f->reports[0], RC_OK);
    expect_silence("that number means nothing here");
    fake_free(f);
}

static void learns_how_ids_are_spelt(void **state)
{
    static const struct {
        const char *name, *given, *receipt, *first, *next, *then;
    } cases[] = {
        {"the same", "123456", "123456", "123456", "777", "777"},
        {"hexadecimal, then decimal", "1E240", "123456", "1e240", "777", "309"},
        {"decimal, then hexadecimal", "123456", "0001E240", "123456", "309", "777"},
        {"unknown: all of them, the plainest first", "x", "16", "16|10|22", "777", "777|309|1911"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake *f = bound(PLAIN);
        char text[64];

        accept_message(f, cases[i].given);
        (void)snprintf(text, sizeof text, "id:%s stat:DELIVRD", cases[i].receipt);
        fake_receipt(5, text);
        check_str(cases[i].name, str_from(f->reports[0].refs), str_from(cases[i].first));
        (void)snprintf(text, sizeof text, "id:%s stat:DELIVRD", cases[i].next);
        fake_receipt(6, text);
        check_str(cases[i].name, str_from(f->reports[1].refs), str_from(cases[i].then));
        fake_free(f);
    }
}

static void tells_what_is_no_end_as_such(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    fake_receipt(5, "id:a-1 stat:ENROUTE");
    assert_false(f->reports[0].final);
    done(f, &f->reports[0], RC_OK);
    expect_answer("it is noted", 5, SMPP_ROK);
    fake_free(f);
}

/* ---- messages ---- */

static void takes_messages(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name, *config;
        struct smpp_message m;
        const char *from, *to, *text;
    } cases[] = {
        {"septets", PLAIN, {.text = STR_INIT("STOP\0")}, "+14255550123", "12345", "STOP@"},
        {"UTF-16", PLAIN, {.coding = 8, .text = STR_INIT("\x04\x4F\xD8\x3D\xDE\x00")},
         "+14255550123", "12345", "\xD1\x8F\xF0\x9F\x98\x80"},
        {"half a pair", PLAIN, {.coding = 8, .text = STR_INIT("\xD8\x3D")}, "+14255550123", "12345", "\xEF\xBF\xBD"},
        {"Latin-1", PLAIN, {.coding = 3, .text = STR_INIT("\xE9")}, "+14255550123", "12345", "\xC3\xA9"},
        {"a class", PLAIN, {.coding = 0xF1, .text = STR_INIT("a\0")}, "+14255550123", "12345", "a@"},
        {"a class of 8 bit", PLAIN, {.coding = 0xF5, .text = STR_INIT("\xE9")}, "+14255550123", "12345", "\xC3\xA9"},
        {"a peer whose default is Latin-1", "{'host':'h','systemId':'s','inboundAlphabet':'latin1'}",
         {.text = STR_INIT("@\xE9")}, "+14255550123", "12345", "@\xC3\xA9"},
        {"a payload", PLAIN, {.payload = STR_INIT("long")}, "+14255550123", "12345", "long"},
        {"no text at all", PLAIN, {.text = STR_INIT("")}, "+14255550123", "12345", ""},
        {"numbers with a plus", PLAIN, {.source = {0, 0, STR_INIT("+14255550123")},
         .destination = {0, 1, STR_INIT("14255550100")}, .text = STR_INIT("a")}, "+14255550123", "+14255550100", "a"},
        {"numbers with zeros", PLAIN, {.source = {0, 0, STR_INIT("0014255550123")}, .text = STR_INIT("a")},
         "+14255550123", "12345", "a"},
        {"an international number with zeros", PLAIN,
         {.source = {1, 1, STR_INIT("0014255550123")}, .text = STR_INIT("a")}, "+14255550123", "12345", "a"},
        {"a national number", "{'host':'h','systemId':'s','countryCode':'1'}",
         {.source = {2, 1, STR_INIT("4255550123")}, .text = STR_INIT("a")}, "+14255550123", "12345", "a"},
        {"a name", PLAIN, {.source = {5, 0, STR_INIT("BANK")}, .text = STR_INIT("a")}, "BANK", "12345", "a"},
        {"a name in Latin-1", PLAIN, {.source = {5, 0, STR_INIT("Caf\xE9")}, .text = STR_INIT("a")}, "Caf\xC3\xA9",
         "12345", "a"},
        {"a header that says other things", PLAIN,
         {.esm_class = SMPP_ESM_UDH, .text = STR_INIT("\x06\x05\x04\x0B\x84\x23\xF0" "a")}, "+14255550123", "12345", "a"},
        {"one part of one", PLAIN, {.esm_class = SMPP_ESM_UDH, .text = STR_INIT("\x05\0\x03\x01\x01\x01" "a")},
         "+14255550123", "12345", "a"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake *f = bound(cases[i].config);

        message(5, &cases[i].m);
        check(cases[i].name, f->n_inbounds == 1);
        check_str(cases[i].name, str_from(f->inbounds[0].from), str_from(cases[i].from));
        check_str(cases[i].name, str_from(f->inbounds[0].to), str_from(cases[i].to));
        check_str(cases[i].name, str_from(f->inbounds[0].text), str_from(cases[i].text));
        check(cases[i].name, f->inbounds[0].segments == 1);
        expect_silence(cases[i].name);
        done(f, &f->inbounds[0], i % 2 ? RC_OK : RC_NOT_FOUND);
        expect_answer(cases[i].name, 5, SMPP_ROK);
        fake_free(f);
    }
}

static void puts_off_what_the_store_can_not_take(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    message(5, &(struct smpp_message){.text = STR("STOP")});
    done(f, &f->inbounds[0], RC_BUSY);
    expect_answer("later", 5, SMPP_RX_T_APPN);
    fake_free(f);
}

static void acknowledges_what_is_no_message(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    message(5, &(struct smpp_message){.text = STR("STOP")});
    done(f, &f->inbounds[0], RC_INVALID);
    expect_answer("it would be as bad the next time", 5, SMPP_ROK);
    fake_free(f);
}

static struct smpp_message part(const char *octets)
{
    return (struct smpp_message){.esm_class = SMPP_ESM_UDH, .text = str_of(octets, 8)};
}

static void joins_parts_in_any_order(void **state)
{
    struct fake *f = bound(PLAIN);
    struct smpp_message third = part("\x05\0\x03\x09\x03\x03"
                                     "ef"),
                        first = part("\x05\0\x03\x09\x03\x01"
                                     "ab"),
                        second = part("\x05\0\x03\x09\x03\x02"
                                      "cd"),
                        other = part("\x05\0\x03\x0A\x03\x02"
                                     "XX");

    (void)state;
    message(5, &third);
    message(6, &first);
    message(7, &other);
    fake_wait(f, 1000);
    expect_silence("none before all are here");
    message(8, &second);
    assert_int_equal(f->n_inbounds, 1);
    assert_string_equal(f->inbounds[0].text, "abcdef");
    assert_int_equal(f->inbounds[0].segments, 3);
    expect_silence("nor before they are safe");
    done(f, &f->inbounds[0], RC_OK);
    expect_answer("the first", 6, SMPP_ROK);
    expect_answer("the second", 8, SMPP_ROK);
    expect_answer("the third", 5, SMPP_ROK);
    fake_free(f);
}

static void joins_parts_by_parameters_and_long_references(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    message(5, &(struct smpp_message){.coding = 8,
                                      .sar = true,
                                      .sar_ref = 300,
                                      .sar_total = 2,
                                      .sar_number = 1,
                                      .text = STR("\xD8\x3D")});
    message(6, &(struct smpp_message){.coding = 8,
                                      .sar = true,
                                      .sar_ref = 300,
                                      .sar_total = 2,
                                      .sar_number = 2,
                                      .text = STR("\xDE\x00")});
    assert_int_equal(f->n_inbounds, 1);
    assert_string_equal(f->inbounds[0].text, "\xF0\x9F\x98\x80"); /* torn by the sender */
    message(7, &(struct smpp_message){.esm_class = SMPP_ESM_UDH,
                                      .text = STR("\x06\x08\x04\x01\x02\x02\x01"
                                                  "a")});
    message(8, &(struct smpp_message){.esm_class = SMPP_ESM_UDH,
                                      .text = STR("\x06\x08\x04\x01\x02\x02\x02"
                                                  "b")});
    assert_int_equal(f->n_inbounds, 2);
    assert_string_equal(f->inbounds[1].text, "ab");
    fake_free(f);
}

static void does_not_make_a_slow_peer_wait(void **state)
{
    struct fake *f = bound(PLAIN);
    struct smpp_message first = part("\x05\0\x03\x09\x02\x01"
                                     "ab"),
                        second = part("\x05\0\x03\x09\x02\x02"
                                      "cd");

    (void)state;
    message(5, &first);
    fake_wait(f, 2250);
    expect_answer("so that it sends the next one", 5, SMPP_ROK);
    message(6, &second);
    assert_int_equal(f->n_inbounds, 1);
    done(f, &f->inbounds[0], RC_OK);
    expect_answer("the last one", 6, SMPP_ROK);
    expect_silence("no more");
    fake_free(f);
}

static void takes_a_part_once(void **state)
{
    struct fake *f = bound(PLAIN);
    struct smpp_message first = part("\x05\0\x03\x09\x02\x01"
                                     "ab"),
                        second = part("\x05\0\x03\x09\x02\x02"
                                      "cd");

    (void)state;
    message(5, &first);
    message(6, &first);
    fake_wait(f, 0);
    expect_answer("the earlier one", 5, SMPP_ROK);
    message(7, &second);
    assert_string_equal(f->inbounds[0].text, "abcd");
    assert_int_equal(f->inbounds[0].segments, 2);
    fake_free(f);
}

static void hands_over_what_never_becomes_whole(void **state)
{
    struct fake *f = bound(PLAIN);
    struct smpp_message first = part("\x05\0\x03\x09\x03\x01"
                                     "ab"),
                        third = part("\x05\0\x03\x09\x03\x03"
                                     "ef");

    (void)state;
    message(5, &first);
    message(6, &third);
    for (int i = 0; i < 310; i++) {
        fake_send_plain(SMPP_ENQUIRE_LINK, 0, 1);
        fake_wait(f, 1000);
    }
    assert_int_equal(f->n_inbounds, 1);
    assert_string_equal(f->inbounds[0].text, "abef");
    assert_int_equal(f->inbounds[0].segments, 2);
    fake_free(f);
}

static void bounds_unfinished_messages(void **state)
{
    struct fake *f = bound(PLAIN);

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        char octets[] = "\x06\x08\x04\x00\x00\x02\x01"
                        "a";

        octets[3] = (char)(i >> 8);
        octets[4] = (char)i;
        message(i + 1,
                &(struct smpp_message){.esm_class = SMPP_ESM_UDH, .text = str_of(octets, 8)});
    }
    assert_int_equal(smpp(f)->n_partials, 256);
    assert_int_equal(f->n_inbounds, 44); /* the oldest, as far as they came */
    fake_free(f);
}

static void bounds_the_octets_of_unfinished_messages(void **state)
{
    static char big[60000];
    struct fake *f = bound(PLAIN);

    (void)state;
    memset(big, 'a', sizeof big);
    for (unsigned i = 0; i < 20; i++)
        message(i + 1, &(struct smpp_message){.sar = true,
                                              .sar_ref = (uint16_t)i,
                                              .sar_total = 2,
                                              .sar_number = 1,
                                              .payload = {big, sizeof big}});
    assert_true(smpp(f)->partial_octets <= MIB);
    assert_int_equal(f->n_inbounds + smpp(f)->n_partials, 20);
    fake_free(f);
}

static void refuses_malformed_messages(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct smpp_message m;
    } cases[] = {
        {"a header longer than the text", {.esm_class = SMPP_ESM_UDH, .text = STR_INIT("\x09\0\x03")}},
        {"a header without octets", {.esm_class = SMPP_ESM_UDH, .text = STR_INIT("")}},
        {"an element longer than the header", {.esm_class = SMPP_ESM_UDH, .text = STR_INIT("\x02\0\x03")}},
        {"part 0", {.esm_class = SMPP_ESM_UDH, .text = STR_INIT("\x05\0\x03\x01\x02\0a")}},
        {"part 3 of 2", {.esm_class = SMPP_ESM_UDH, .text = STR_INIT("\x05\0\x03\x01\x02\x03" "a")}},
        {"no sender", {.source = {1, 1, STR_INIT("")}, .text = STR_INIT("a")}},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake *f = bound(PLAIN);

        message(5, &cases[i].m);
        fake_wait(f, 0);
        check(cases[i].name, f->n_inbounds == 0);
        expect_answer(cases[i].name, 5, SMPP_RINVCMDLEN);
        check(cases[i].name, fake_is_connected());
        fake_free(f);
    }
}

static void says_when_it_is_full(void **state)
{
    struct fake *f = bound(PLAIN);
    uint32_t sequence = 1;

    (void)state;
    for (; sequence <= 1024; sequence++)
        message(sequence, &(struct smpp_message){.text = STR("a")});
    expect_silence("all of them wait");
    message(sequence, &(struct smpp_message){.text = STR("a")});
    assert_int_equal(f->n_inbounds, 1024);
    expect_answer("no more", 1025, SMPP_RMSGQFUL);
    done(f, &f->inbounds[0], RC_OK);
    expect_answer("one is safe", 1, SMPP_ROK);
    message(1026, &(struct smpp_message){.text = STR("a")});
    assert_int_equal(f->n_inbounds, 1025);
    for (sequence = 2000; sequence < 4000 && fake_is_connected(); sequence++)
        message(sequence, &(struct smpp_message){.text = STR("a")});
    assert_false(fake_is_connected()); /* it does not listen */
    fake_free(f);
}

static void may_be_closed_with_everything_open(void **state)
{
    struct fake *f = bound(PLAIN);
    struct smpp_message first = part("\x05\0\x03\x09\x02\x01"
                                     "ab");

    (void)state;
    accept_message(f, "x");
    message(5, &(struct smpp_message){.text = STR("a")});
    message(6, &first);
    fake_receipt(7, "id:early stat:DELIVRD");
    fake_receipt(8, "id:x stat:DELIVRD");
    smpp_carrier_ops.close(f->carrier);
    f->carrier = NULL;
    f->inbounds[0].done(f->inbounds[0].done_ctx, RC_OK); /* late */
    f->inbounds[0].done = NULL;
    fake_free(f); /* the other one too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledges_a_receipt_when_it_is_safe),
        cmocka_unit_test(asks_for_it_again_when_the_store_fails),
        cmocka_unit_test(acknowledges_what_is_nobodys),
        cmocka_unit_test(a_receipt_that_is_early_waits_for_the_hosts_word),
        cmocka_unit_test(does_not_answer_on_another_connection),
        cmocka_unit_test(learns_how_ids_are_spelt),
        cmocka_unit_test(tells_what_is_no_end_as_such),
        cmocka_unit_test(takes_messages),
        cmocka_unit_test(puts_off_what_the_store_can_not_take),
        cmocka_unit_test(acknowledges_what_is_no_message),
        cmocka_unit_test(joins_parts_in_any_order),
        cmocka_unit_test(joins_parts_by_parameters_and_long_references),
        cmocka_unit_test(does_not_make_a_slow_peer_wait),
        cmocka_unit_test(takes_a_part_once),
        cmocka_unit_test(hands_over_what_never_becomes_whole),
        cmocka_unit_test(bounds_unfinished_messages),
        cmocka_unit_test(bounds_the_octets_of_unfinished_messages),
        cmocka_unit_test(refuses_malformed_messages),
        cmocka_unit_test(says_when_it_is_full),
        cmocka_unit_test(may_be_closed_with_everything_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
