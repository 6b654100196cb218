/* PDUs there and back, their limits, and what is cut short. */
#include "../base/unit.h"

#include "carriers/smpp_pdu.h"

static const struct smpp_message whole = {
    .service_type = STR_INIT("VMA"),
    .source = {5, 0, STR_INIT("Callgate")},
    .destination = {1, 1, STR_INIT("14255550123")},
    .esm_class = SMPP_ESM_UDH,
    .protocol_id = 1,
    .priority = 2,
    .schedule = STR_INIT(""),
    .validity = STR_INIT("261130120000000+"),
    .registered = 1,
    .replace = 0,
    .coding = 8,
    .default_id = 3,
    .text = STR_INIT("\x05\x00\x03\x01\x02\x01\x04\x4F"),
    .payload = STR_INIT("long"),
    .receipted_id = STR_INIT("abc-1"),
    .state = 2,
    .sar = true,
    .sar_ref = 0x1234,
    .sar_total = 3,
    .sar_number = 2,
};

static struct str body_of(const struct buf *pdu)
{
    return str_from_index(buf_str(pdu), SMPP_HEADER_LEN);
}

static void carries_messages_there_and_back(void **state)
{
    struct buf pdu;
    struct smpp_header h;
    struct smpp_message m;

    (void)state;
    buf_init(&pdu, SMPP_PDU_MAX);
    assert_int_equal(
        smpp_message_write(&pdu, (struct smpp_header){.command = SMPP_SUBMIT_SM, .sequence = 7},
                           &whole),
        RC_OK);
    smpp_set_sequence(pdu.ptr, 0x01020304);
    assert_int_equal(smpp_header_read(buf_str(&pdu), &h), RC_OK);
    assert_int_equal(h.length, pdu.len);
    assert_int_equal(h.command, SMPP_SUBMIT_SM);
    assert_int_equal(h.status, 0);
    assert_int_equal(h.sequence, 0x01020304);
    assert_int_equal(smpp_message_read(body_of(&pdu), &m), RC_OK);
    check_str("service type", m.service_type, whole.service_type);
    check_str("source", m.source.text, whole.source.text);
    assert_int_equal(m.source.ton, 5);
    check_str("destination", m.destination.text, whole.destination.text);
    assert_int_equal(m.destination.npi, 1);
    assert_int_equal(m.esm_class, SMPP_ESM_UDH);
    assert_int_equal(m.protocol_id, 1);
    assert_int_equal(m.priority, 2);
    check_str("validity", m.validity, whole.validity);
    assert_int_equal(m.registered, 1);
    assert_int_equal(m.coding, 8);
    assert_int_equal(m.default_id, 3);
    check_str("text", m.text, whole.text);
    check_str("payload", m.payload, whole.payload);
    check_str("receipted id", m.receipted_id, whole.receipted_id);
    assert_int_equal(m.state, 2);
    assert_true(m.sar);
    assert_int_equal(m.sar_ref, 0x1234);
    assert_int_equal(m.sar_total, 3);
    assert_int_equal(m.sar_number, 2);
    check_str("the payload is the text", smpp_message_text(&m), whole.payload);
    buf_clear(&pdu);
}

static void refuses_every_body_that_is_cut_short(void **state)
{
    struct buf pdu;
    struct smpp_message m;
    size_t fit = 0;

    (void)state;
    buf_init(&pdu, SMPP_PDU_MAX);
    assert_int_equal(
        smpp_message_write(&pdu, (struct smpp_header){.command = SMPP_DELIVER_SM}, &whole), RC_OK);
    for (size_t len = 0; len < body_of(&pdu).len; len++) {
        char *copy = malloc(len ? len : 1); /* so that a read past the end is seen */

        memcpy(copy, body_of(&pdu).ptr, len);
        fit += smpp_message_read(str_of(copy, len), &m) == RC_OK;
        free(copy);
    }
    assert_int_equal(fit, 6); /* before each of the optional parameters */
    buf_clear(&pdu);
}

static void carries_binds_and_texts(void **state)
{
    const struct smpp_bind bind = {
        STR("system"), STR("secret08"), STR("type"), 0x34, {1, 1, STR("^1")}};
    struct smpp_bind back;
    struct smpp_header h = {.command = SMPP_BIND_TRANSCEIVER, .sequence = 1};
    struct buf pdu;
    struct str text;

    (void)state;
    buf_init(&pdu, KIB);
    assert_int_equal(smpp_bind_write(&pdu, h, &bind), RC_OK);
    assert_int_equal(smpp_bind_read(body_of(&pdu), &back), RC_OK);
    check_str("system id", back.system_id, bind.system_id);
    check_str("password", back.password, bind.password);
    check_str("range", back.range.text, bind.range.text);
    assert_int_equal(back.version, 0x34);
    for (size_t len = 0; len < body_of(&pdu).len; len++)
        assert_int_equal(smpp_bind_read(str_head(body_of(&pdu), len), &back), RC_INVALID);
    buf_reset(&pdu);
    assert_int_equal(smpp_text_write(&pdu, h, STR("id-1")), RC_OK);
    assert_int_equal(smpp_text_read(body_of(&pdu), &text), RC_OK);
    check_str("id", text, STR("id-1"));
    assert_int_equal(smpp_text_read(STR_EMPTY, &text), RC_OK);
    assert_int_equal(text.len, 0);
    assert_int_equal(smpp_text_read(STR("no end"), &text), RC_INVALID);
    buf_reset(&pdu);
    smpp_plain_write(&pdu, h);
    assert_int_equal(smpp_header_read(buf_str(&pdu), &h), RC_OK);
    assert_int_equal(h.length, SMPP_HEADER_LEN);
    buf_clear(&pdu);
}

static void judges_headers(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str octets;
        enum rc rc;
    } cases[] = {
        {"a header alone", STR_INIT("\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x01"), RC_OK},
        {"half a header", STR_INIT("\0\0\0\x10\0\0\0\x15"), RC_INVALID},
        {"a length below a header's", STR_INIT("\0\0\0\x0F\0\0\0\x15\0\0\0\0\0\0\0\x01"), RC_INVALID},
        {"no length at all", STR_INIT("\0\0\0\0\0\0\0\x15\0\0\0\0\0\0\0\x01"), RC_INVALID},
        {"a length over the limit", STR_INIT("\0\x10\0\0\0\0\0\x15\0\0\0\0\0\0\0\x01"), RC_TOO_LARGE},
        {"the longest length", STR_INIT("\xFF\xFF\xFF\xFF\0\0\0\x15\0\0\0\0\0\0\0\x01"), RC_TOO_LARGE},
        {"a sequence of 0", STR_INIT("\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\0"), RC_INVALID},
        {"a sequence of 0 in a generic_nack", STR_INIT("\0\0\0\x10\x80\0\0\0\0\0\0\0\0\0\0\0"), RC_OK},
        {"a sequence with the top bit", STR_INIT("\0\0\0\x10\0\0\0\x15\0\0\0\0\x80\0\0\0"), RC_INVALID},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct smpp_header h;

        check(cases[i].name, smpp_header_read(cases[i].octets, &h) == cases[i].rc);
    }
}

static void refuses_texts_that_do_not_fit(void **state)
{
    static char many[SMPP_SHORT_MAX + 2];
    struct smpp_header h = {.command = SMPP_SUBMIT_SM};
    struct smpp_message m = whole;
    struct buf pdu;

    (void)state;
    memset(many, 'x', sizeof many);
    buf_init(&pdu, SMPP_PDU_MAX);
    m.source.text = str_of(many, 21);
    assert_int_equal(smpp_message_write(&pdu, h, &m), RC_INVALID);
    m = whole;
    m.text = str_of(many, SMPP_SHORT_MAX + 1);
    assert_int_equal(smpp_message_write(&pdu, h, &m), RC_INVALID);
    m = whole;
    m.destination.text = STR("142\0"
                             "5");
    assert_int_equal(smpp_message_write(&pdu, h, &m), RC_INVALID);
    assert_int_equal(smpp_text_write(&pdu, h, str_of(many, SMPP_ID_MAX + 1)), RC_INVALID);
    assert_int_equal(pdu.len, 0);
    buf_clear(&pdu);
}

static void bounds_optional_parameters(void **state)
{
    static const char fixed[] = "\0\0\0a\0\0\0b\0\0\0\0\0\0\0\0\0\0\0";
    struct smpp_message m;
    struct buf body;

    (void)state;
    buf_init(&body, KIB);
    buf_add(&body, str_of(fixed, sizeof fixed - 1));
    assert_int_equal(smpp_message_read(buf_str(&body), &m), RC_OK);
    buf_add(&body, STR("\x04\x27\0\x02\x01\x01"));
    assert_int_equal(smpp_message_read(buf_str(&body), &m), RC_INVALID); /* a state of two octets */
    body.len -= 6;
    buf_add(&body, STR("\x02\x0C\0\x02\0\x01"));
    assert_int_equal(smpp_message_read(buf_str(&body), &m), RC_OK);
    assert_false(m.sar); /* one of three */
    for (int i = 1; i < SMPP_TLVS_MAX; i++)
        buf_add(&body, STR("\x14\0\0\0"));
    assert_int_equal(smpp_message_read(buf_str(&body), &m), RC_OK);
    buf_add(&body, STR("\x14\0\0\0"));
    assert_int_equal(smpp_message_read(buf_str(&body), &m), RC_TOO_LARGE);
    buf_clear(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_messages_there_and_back),
        cmocka_unit_test(refuses_every_body_that_is_cut_short),
        cmocka_unit_test(carries_binds_and_texts),
        cmocka_unit_test(judges_headers),
        cmocka_unit_test(refuses_texts_that_do_not_fit),
        cmocka_unit_test(bounds_optional_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
