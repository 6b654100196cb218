/* The SMPP connection: binds, signs of life, coming back, peers that misbehave; configurations. */
#include "smpp_fake.h"

#include "base/json.h"

#define PLAIN "{'host':'smsc.test','systemId':'gate'}"

static struct smpp *smpp(struct fake *f)
{
    return (struct smpp *)f->carrier;
}

static void binds_as_configured(void **state)
{
    struct fake *f = fake_new("{'host':'smsc.test','systemId':'gate','systemType':'VMA',"
                              "'addressRange':'^1'}");
    struct smpp_bind bind;
    struct str body;

    (void)state;
    assert_int_equal(fake_connections(), 1);
    fake_open();
    (void)fake_expect("a bind", SMPP_BIND_TRANSCEIVER, &body);
    assert_int_equal(smpp_bind_read(body, &bind), RC_OK);
    check_str("system id", bind.system_id, STR("gate"));
    check_str("password", bind.password, STR("secret"));
    check_str("system type", bind.system_type, STR("VMA"));
    check_str("address range", bind.range.text, STR("^1"));
    assert_int_equal(bind.version, 0x34);
    assert_int_equal(smpp(f)->tx->state, SMPP_BINDING);
    fake_send_text(SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE, SMPP_ROK, 1, "peer");
    assert_int_equal(smpp(f)->tx->state, SMPP_BOUND);
    fake_free(f);
}

static void waits_long_after_a_refusal(void **state)
{
    static const uint32_t refusals[] = {SMPP_RBINDFAIL, SMPP_RINVPASWD, SMPP_RINVSYSID};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct fake *f = fake_new(PLAIN);

        fake_open();
        (void)fake_expect("a bind", SMPP_BIND_TRANSCEIVER, NULL);
        fake_send_plain(SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE, refusals[i], 1);
        assert_false(fake_is_connected());
        check("it says what to do", strstr(smpp(f)->tx->last_error, "check ") != NULL);
        fake_wait(f, 59000);
        assert_int_equal(fake_connections(), 1);
        fake_wait(f, 1250);
        assert_int_equal(fake_connections(), 2);
        fake_free(f);
    }
}

static void comes_back_ever_more_slowly(void **state)
{
    struct fake *f = fake_new(PLAIN);
    uint64_t waited[12] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(waited); i++) {
        unsigned before = fake_connections();

        fake_break();
        for (; fake_connections() == before; waited[i] += 250)
            fake_wait(f, 250);
    }
    for (size_t i = 0; i < ARRAY_LEN(waited); i++) {
        uint64_t most = i < 6 ? 1000u << i : 60000;

        assert_in_range(waited[i], most * 3 / 4, most + 250);
    }
    fake_bind(f);
    fake_wait(f, 20000);
    fake_break(); /* not steady yet */
    fake_wait(f, 40000);
    assert_int_equal(fake_connections(), 13);
    fake_wait(f, 21000);
    assert_int_equal(fake_connections(), 14);
    fake_bind(f);
    for (int i = 0; i < 40; i++) {
        fake_send_plain(SMPP_ENQUIRE_LINK, 0, 1);
        fake_wait(f, 1000);
    }
    fake_break();
    fake_wait(f, 1250);
    assert_int_equal(fake_connections(), 15);
    fake_free(f);
}

static void gives_up_a_bind_without_answer(void **state)
{
    struct fake *f = fake_new(PLAIN);

    (void)state;
    fake_open();
    fake_wait(f, 14000);
    assert_true(fake_is_connected());
    fake_wait(f, 1250);
    assert_false(fake_is_connected());
    fake_free(f);
}

static void asks_whether_the_peer_is_there(void **state)
{
    struct fake *f = fake_new(PLAIN);
    struct smpp_header h;
    struct str body;

    (void)state;
    fake_bind(f);
    for (int i = 0; i < 5; i++) {
        fake_wait(f, 30000);
        h = fake_expect("a question", SMPP_ENQUIRE_LINK, NULL);
        fake_send_plain(SMPP_ENQUIRE_LINK | SMPP_RESPONSE, 0, h.sequence);
    }
    fake_wait(f, 30000); /* not answered any more */
    (void)fake_expect("a question", SMPP_ENQUIRE_LINK, NULL);
    fake_wait(f, 30000);
    (void)fake_expect("another", SMPP_ENQUIRE_LINK, NULL);
    assert_true(fake_is_connected());
    fake_wait(f, 30000);
    assert_false(fake_is_connected());
    assert_false(fake_take(&h, &body));
    fake_free(f);
}

static void answers_signs_of_life_and_goodbyes(void **state)
{
    struct fake *f = fake_new(PLAIN);

    (void)state;
    fake_open();
    (void)fake_expect("a bind", SMPP_BIND_TRANSCEIVER, NULL);
    fake_send_plain(SMPP_ENQUIRE_LINK, 0, 5); /* even before it is bound */
    assert_int_equal(fake_expect("yes", SMPP_ENQUIRE_LINK | SMPP_RESPONSE, NULL).sequence, 5);
    fake_send_text(SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE, SMPP_ROK, 1, "peer");
    fake_send_plain(SMPP_ENQUIRE_LINK, 0, 6);
    assert_int_equal(fake_expect("yes", SMPP_ENQUIRE_LINK | SMPP_RESPONSE, NULL).sequence, 6);
    fake_send_plain(SMPP_ALERT_NOTIFICATION, 0, 7);
    fake_send_plain(SMPP_SUBMIT_SM, 0, 8); /* that is our part */
    assert_int_equal(fake_expect("no", SMPP_GENERIC_NACK, NULL).status, SMPP_RINVCMDID);
    fake_send_plain(SMPP_UNBIND, 0, 9);
    assert_int_equal(fake_expect("farewell", SMPP_UNBIND | SMPP_RESPONSE, NULL).sequence, 9);
    assert_false(fake_is_connected());
    fake_free(f);
}

static void takes_octets_as_they_come(void **state)
{
    static const char pdus[] = "\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x01"
                               "\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x02";
    struct fake *f = fake_new(PLAIN);

    (void)state;
    fake_bind(f);
    for (size_t i = 0; i < sizeof pdus - 1; i++)
        fake_send(str_of(pdus + i, 1));
    fake_send(str_of(pdus, 20)); /* one and a bit */
    fake_send(str_of(pdus + 20, 12));
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(fake_expect("each", SMPP_ENQUIRE_LINK | SMPP_RESPONSE, NULL).sequence,
                         1 + i % 2);
    assert_int_equal(smpp(f)->rx->in.len, 0);
    fake_free(f);
}

static void leaves_hostile_peers(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str octets;
        unsigned times;
    } cases[] = {
        {"a length below a header's", STR_INIT("\0\0\0\x0F\0\0\0\x15\0\0\0\0\0\0\0\x01"), 1},
        {"a length beyond all limits", STR_INIT("\x7F\xFF\xFF\xFF\0\0\0\x15\0\0\0\0\0\0\0\x01"), 1},
        {"another protocol", STR_INIT("HTTP/1.1 200 OK\r\n\r\n"), 1},
        {"a sequence of 0", STR_INIT("\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\0"), 1},
        {"answers to nothing", STR_INIT("\0\0\0\x10\x80\0\0\x04\0\0\0\0\0\0\0\x77"), 32},
        {"commands that nobody knows", STR_INIT("\0\0\0\x10\0\0\x07\x77\0\0\0\0\0\0\0\x01"), 32},
        {"messages without a body", STR_INIT("\0\0\0\x10\0\0\0\x05\0\0\0\0\0\0\0\x01"), 32},
        {"questions without end", STR_INIT("\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x01"), 101},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake *f = fake_new(PLAIN);
        unsigned n;

        fake_bind(f);
        for (n = 0; fake_is_connected() && n < 2 * cases[i].times; n++)
            fake_send(cases[i].octets);
        if (n != cases[i].times)
            fail_msg("%s: left after %u", cases[i].name, n);
        fake_wait(f, 0);
        fake_free(f);
    }
}

static void leaves_who_speaks_before_the_bind(void **state)
{
    struct fake *f = fake_new(PLAIN);

    (void)state;
    fake_open();
    fake_receipt(1, "id:1 stat:DELIVRD");
    assert_false(fake_is_connected());
    assert_int_equal(f->n_reports, 0);
    fake_free(f);
}

static void judges_configurations(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name, *config, *secrets;
        const char *why; /* NULL: it will do */
    } cases[] = {
        {"the least", "{\"host\":\"h\",\"systemId\":\"s\"}", NULL, NULL},
        {"with its kind", "{\"kind\":\"smpp\",\"host\":\"h\",\"systemId\":\"s\"}", NULL, NULL},
        {"all of it", "{\"host\":\"h\",\"port\":2776,\"tls\":true,\"tlsName\":\"t\",\"caFile\":\"/ca.pem\","
            "\"systemId\":\"s\",\"systemType\":\"t\",\"serviceType\":\"x\",\"addressRange\":\"1\",\"bindMode\":\"transceiver\","
            "\"window\":100,\"messagesPerSecond\":50,\"enquireLinkSeconds\":10,\"validity\":false,"
            "\"longMessages\":\"sar\",\"dataCoding\":1,\"inboundAlphabet\":\"latin1\",\"receiptIds\":\"hexToDecimal\","
            "\"countryCode\":\"1\",\"sourceTon\":0,\"sourceNpi\":1,\"shortCodeTon\":3,\"shortCodeNpi\":0,"
            "\"alphanumericTon\":5,\"alphanumericNpi\":0,\"destinationTon\":1,\"destinationNpi\":1}",
            "{\"password\":\"12345678\"}", NULL},
        {"no host", "{\"systemId\":\"s\"}", NULL, "\"host\" is required"},
        {"no system id", "{\"host\":\"h\"}", NULL, "\"systemId\" is required"},
        {"a member that there is not", "{\"host\":\"h\",\"systemId\":\"s\",\"windows\":1}", NULL, "\"windows\""},
        {"a password that SMPP can't carry", "{\"host\":\"h\",\"systemId\":\"s\"}", "{\"password\":\"123456789\"}", "\"password\""},
        {"a password of other letters", "{\"host\":\"h\",\"systemId\":\"s\"}", "{\"password\":\"\\u00e9\"}", "ASCII"},
        {"no window", "{\"host\":\"h\",\"systemId\":\"s\",\"window\":0}", NULL, "\"window\""},
        {"too wide a window", "{\"host\":\"h\",\"systemId\":\"s\",\"window\":101}", NULL, "\"window\""},
        {"a pair", "{\"host\":\"h\",\"systemId\":\"s\",\"bindMode\":\"pair\"}", NULL, NULL},
        {"another bind", "{\"host\":\"h\",\"systemId\":\"s\",\"bindMode\":\"receiver\"}", NULL, "transceiver"},
        {"another way for long texts", "{\"host\":\"h\",\"systemId\":\"s\",\"longMessages\":\"fax\"}", NULL, "longMessages"},
        {"another spelling", "{\"host\":\"h\",\"systemId\":\"s\",\"receiptIds\":\"roman\"}", NULL, "receiptIds"},
        {"another alphabet", "{\"host\":\"h\",\"systemId\":\"s\",\"inboundAlphabet\":\"runes\"}", NULL, "inboundAlphabet"},
        {"a CA without TLS", "{\"host\":\"h\",\"systemId\":\"s\",\"caFile\":\"/ca.pem\"}", NULL, "need \"tls\""},
        {"a country that is no number", "{\"host\":\"h\",\"systemId\":\"s\",\"countryCode\":\"US\"}", NULL, "countryCode"},
        {"a port that there is not", "{\"host\":\"h\",\"systemId\":\"s\",\"port\":65536}", NULL, "\"port\""},
        {"no object", "[]", NULL, "must be an object"},
    };
    /* clang-format on */
    struct buf why;

    (void)state;
    buf_init(&why, KIB);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *config = NULL, *secrets = NULL;
        enum rc rc;

        buf_reset(&why);
        assert_int_equal(json_read(str_from(cases[i].config), &config, NULL), RC_OK);
        if (cases[i].secrets)
            assert_int_equal(json_read(str_from(cases[i].secrets), &secrets, NULL), RC_OK);
        rc = smpp_carrier_ops.check(config, secrets, &why);
        if (rc != (cases[i].why ? RC_INVALID : RC_OK) ||
            (cases[i].why && !strstr(buf_cstr(&why), cases[i].why)))
            fail_msg("%s: %s", cases[i].name, buf_cstr(&why));
        json_decref(config);
        json_decref(secrets);
    }
    buf_clear(&why);
    assert_ptr_equal(carrier_ops_find(STR("smpp")), &smpp_carrier_ops);
    assert_null(carrier_ops_find(STR("pigeon")));
    assert_string_equal(smpp_carrier_ops.secret_members[0], "password");
}

static void says_how_it_is(void **state)
{
    struct fake *f = fake_new(PLAIN);
    struct json_writer w;
    struct buf out;

    (void)state;
    fake_bind(f);
    fake_submit(f, 1, "12345", "Hi");
    fake_wait(f, 0);
    buf_init(&out, KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    smpp_carrier_ops.status(f->carrier, &w);
    json_object_end(&w);
    check("bound", strstr(buf_cstr(&out), "\"state\":\"bound\",\"partsInFlight\":1") != NULL);
    fake_break();
    buf_reset(&out);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    smpp_carrier_ops.status(f->carrier, &w);
    json_object_end(&w);
    check("waiting", strstr(buf_cstr(&out), "\"state\":\"waiting\"") != NULL);
    check("and why", strstr(buf_cstr(&out), "\"lastError\":\"it broke\"") != NULL);
    check("no secret", strstr(buf_cstr(&out), "secret") == NULL);
    buf_clear(&out);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_as_configured),
        cmocka_unit_test(waits_long_after_a_refusal),
        cmocka_unit_test(comes_back_ever_more_slowly),
        cmocka_unit_test(gives_up_a_bind_without_answer),
        cmocka_unit_test(asks_whether_the_peer_is_there),
        cmocka_unit_test(answers_signs_of_life_and_goodbyes),
        cmocka_unit_test(takes_octets_as_they_come),
        cmocka_unit_test(leaves_hostile_peers),
        cmocka_unit_test(leaves_who_speaks_before_the_bind),
        cmocka_unit_test(judges_configurations),
        cmocka_unit_test(says_how_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
