/* SMPP: whatever was read lies within the input, within its limits, and reads the same when it is
 * written again. */
#include "fuzz.h"

#include "carriers/smpp_pdu.h"

static void check_text(struct str text, size_t max, struct str whole)
{
    CHECK(text.len <= max && fuzz_lies_within(text, whole));
}

static void check_same(const struct smpp_message *a, const struct smpp_message *b)
{
    CHECK(str_eq(a->service_type, b->service_type));
    CHECK(str_eq(a->source.text, b->source.text));
    CHECK(str_eq(a->destination.text, b->destination.text));
    CHECK(a->source.ton == b->source.ton && a->destination.npi == b->destination.npi);
    CHECK(a->esm_class == b->esm_class && a->coding == b->coding);
    CHECK(str_eq(a->validity, b->validity) && str_eq(a->schedule, b->schedule));
    CHECK(str_eq(a->text, b->text) && str_eq(a->payload, b->payload));
    CHECK(str_eq(a->receipted_id, b->receipted_id));
    CHECK(a->state == b->state && a->sar == b->sar);
    CHECK(!a->sar || (a->sar_ref == b->sar_ref && a->sar_total == b->sar_total &&
                      a->sar_number == b->sar_number));
}

static void check_message(struct str body)
{
    struct smpp_message m, again;
    struct smpp_header header = {.command = SMPP_DELIVER_SM, .sequence = 1};
    struct buf out;

    if (smpp_message_read(body, &m))
        return;
    check_text(m.service_type, 5, body);
    check_text(m.source.text, 20, body);
    check_text(m.destination.text, 20, body);
    check_text(m.schedule, 16, body);
    check_text(m.validity, 16, body);
    check_text(m.text, UINT8_MAX, body);
    check_text(m.payload, UINT16_MAX, body);
    check_text(m.receipted_id, SMPP_ID_MAX, body);
    CHECK(fuzz_lies_within(smpp_message_text(&m), body));
    buf_init(&out, 2 * SMPP_PDU_MAX);
    if (smpp_message_write(&out, header, &m)) {
        CHECK(m.text.len > SMPP_SHORT_MAX); /* read with patience, never written */
    } else {
        CHECK(smpp_header_read(buf_str(&out), &header) == RC_OK || out.len > SMPP_PDU_MAX);
        CHECK(smpp_message_read(str_from_index(buf_str(&out), SMPP_HEADER_LEN), &again) == RC_OK);
        check_same(&m, &again);
    }
    buf_clear(&out);
}

static void check_bind(struct str body)
{
    struct smpp_bind b, again;
    struct buf out;

    if (smpp_bind_read(body, &b))
        return;
    check_text(b.system_id, 15, body);
    check_text(b.password, 8, body);
    buf_init(&out, KIB);
    CHECK(smpp_bind_write(&out, (struct smpp_header){.sequence = 1}, &b) == RC_OK);
    CHECK(smpp_bind_read(str_from_index(buf_str(&out), SMPP_HEADER_LEN), &again) == RC_OK);
    CHECK(str_eq(b.system_id, again.system_id) && str_eq(b.range.text, again.range.text));
    buf_clear(&out);
}

static void check_plain(const struct smpp_header *h)
{
    struct smpp_header again;
    struct buf out;

    buf_init(&out, KIB);
    smpp_plain_write(&out, *h);
    smpp_set_sequence(out.ptr, h->sequence);
    CHECK(smpp_header_read(buf_str(&out), &again) == RC_OK && again.sequence == h->sequence);
    CHECK(again.command == h->command && again.length == SMPP_HEADER_LEN);
    buf_clear(&out);
}

static void check_id(struct str body)
{
    struct str text;
    struct buf out;

    if (smpp_text_read(body, &text))
        return;
    check_text(text, SMPP_ID_MAX, body);
    buf_init(&out, KIB);
    CHECK(smpp_text_write(&out, (struct smpp_header){.sequence = 1}, text) == RC_OK);
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_of(data, size), body;
    struct smpp_header h;

    while (all.len >= SMPP_HEADER_LEN && !smpp_header_read(all, &h)) {
        CHECK(h.length >= SMPP_HEADER_LEN && h.length <= SMPP_PDU_MAX);
        CHECK(h.sequence <= SMPP_SEQUENCE_MAX);
        check_plain(&h);
        body = str_head(str_from_index(all, SMPP_HEADER_LEN), h.length - SMPP_HEADER_LEN);
        check_message(body);
        check_bind(body);
        check_id(body);
        all = str_from_index(all, h.length);
    }
    CHECK(smpp_header_read(str_head(all, SMPP_HEADER_LEN - 1), &h) == RC_INVALID);
    return 0;
}
