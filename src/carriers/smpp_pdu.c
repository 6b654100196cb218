/* The codec of SMPP's PDUs. Bounded by what it is given: no length in a PDU is believed before it
 * was compared with the octets that are there. Of the optional parameters those are read that say
 * something here; others are skipped. Source: wire/sms §6.2; SMPP 3.4 §3.2, §4, §5.3. */
#include "carriers/smpp_pdu.h"

enum tlv {
    TLV_RECEIPTED_ID = 0x001E,
    TLV_SAR_REF = 0x020C,
    TLV_SAR_TOTAL = 0x020E,
    TLV_SAR_NUMBER = 0x020F,
    TLV_PAYLOAD = 0x0424,
    TLV_STATE = 0x0427,
};
#define TLV_HEAD ((size_t)4)

enum limit { /* of texts, without the NUL */
             SERVICE_TYPE_MAX = 5,
             ADDRESS_MAX = 20,
             TIME_MAX = 16,
             SYSTEM_ID_MAX = 15,
             PASSWORD_MAX = 8,
             SYSTEM_TYPE_MAX = 12,
             RANGE_MAX = 40,
};

/* ---- reading ---- */

/* What is left of a body; a failure sticks. */
struct source {
    struct str left;
    enum rc rc;
};

static uint32_t number_at(const char *at, size_t octets)
{
    uint32_t n = 0;

    for (size_t i = 0; i < octets; i++)
        n = n << 8 | (uint8_t)at[i];
    return n;
}

static uint8_t take_u8(struct source *s)
{
    uint8_t n;

    if (s->rc || s->left.len == 0) {
        s->rc = RC_INVALID;
        return 0;
    }
    n = (uint8_t)s->left.ptr[0];
    s->left = str_of(s->left.ptr + 1, s->left.len - 1);
    return n;
}

static struct str take_octets(struct source *s, size_t len)
{
    struct str taken;

    if (s->rc || s->left.len < len) {
        s->rc = RC_INVALID;
        return STR_EMPTY;
    }
    taken = str_of(s->left.ptr, len);
    s->left = str_of(s->left.ptr + len, s->left.len - len);
    return taken;
}

/* A text ended by NUL, of at most `max` octets without it. */
static struct str take_text(struct source *s, size_t max)
{
    size_t len = s->rc ? s->left.len : str_find(str_head(s->left, max + 1), '\0');
    struct str text;

    if (s->rc || len >= s->left.len || len > max) {
        s->rc = RC_INVALID;
        return STR_EMPTY;
    }
    text = take_octets(s, len);
    (void)take_u8(s);
    return text;
}

static struct smpp_address take_address(struct source *s, size_t max)
{
    struct smpp_address a;

    a.ton = take_u8(s);
    a.npi = take_u8(s);
    a.text = take_text(s, max);
    return a;
}

enum rc smpp_header_read(struct str octets, struct smpp_header *out)
{
    struct smpp_header h;

    if (octets.len < SMPP_HEADER_LEN)
        return RC_INVALID;
    h.length = number_at(octets.ptr, 4);
    h.command = number_at(octets.ptr + 4, 4);
    h.status = number_at(octets.ptr + 8, 4);
    h.sequence = number_at(octets.ptr + 12, 4);
    if (h.length > SMPP_PDU_MAX)
        return RC_TOO_LARGE;
    if (h.length < SMPP_HEADER_LEN || h.sequence > SMPP_SEQUENCE_MAX ||
        (h.sequence == 0 && h.command != SMPP_GENERIC_NACK))
        return RC_INVALID;
    *out = h;
    return RC_OK;
}

/* Some end the id with a NUL, some don't. */
static enum rc read_id(struct str value, struct str *out)
{
    struct str id = str_head(value, str_find(value, '\0'));

    if (id.len > SMPP_ID_MAX || id.len == 0)
        return RC_INVALID;
    *out = id;
    return RC_OK;
}

static enum rc read_number(struct str value, size_t octets, uint32_t *out)
{
    if (value.len != octets)
        return RC_INVALID;
    *out = number_at(value.ptr, octets);
    return RC_OK;
}

/* What of the sar_* parameters has been seen. */
enum { SAW_REF = 1, SAW_TOTAL = 2, SAW_NUMBER = 4, SAW_ALL = 7 };

static enum rc read_tlv(uint32_t tag, struct str value, struct smpp_message *out, unsigned *saw)
{
    uint32_t n = 0;
    enum rc rc = RC_OK;

    switch (tag) {
    case TLV_RECEIPTED_ID:
        return read_id(value, &out->receipted_id);
    case TLV_PAYLOAD:
        out->payload = value;
        return RC_OK;
    case TLV_STATE:
        rc = read_number(value, 1, &n);
        out->state = (uint8_t)n;
        return rc;
    case TLV_SAR_REF:
        rc = read_number(value, 2, &n);
        out->sar_ref = (uint16_t)n;
        *saw |= SAW_REF;
        return rc;
    case TLV_SAR_TOTAL:
        rc = read_number(value, 1, &n);
        out->sar_total = (uint8_t)n;
        *saw |= SAW_TOTAL;
        return rc;
    case TLV_SAR_NUMBER:
        rc = read_number(value, 1, &n);
        out->sar_number = (uint8_t)n;
        *saw |= SAW_NUMBER;
        return rc;
    default:
        return RC_OK;
    }
}

static enum rc read_tlvs(struct source *s, struct smpp_message *out)
{
    unsigned n = 0, saw = 0;

    while (s->left.len && !s->rc) {
        struct str head = take_octets(s, TLV_HEAD), value;

        if (s->rc)
            break;
        value = take_octets(s, number_at(head.ptr + 2, 2));
        if (++n > SMPP_TLVS_MAX)
            return RC_TOO_LARGE;
        if (!s->rc)
            s->rc = read_tlv(number_at(head.ptr, 2), value, out, &saw);
    }
    out->sar = saw == SAW_ALL;
    return s->rc;
}

enum rc smpp_message_read(struct str body, struct smpp_message *out)
{
    struct source s = {.left = body};
    struct smpp_message m = {0};
    enum rc rc;

    m.service_type = take_text(&s, SERVICE_TYPE_MAX);
    m.source = take_address(&s, ADDRESS_MAX);
    m.destination = take_address(&s, ADDRESS_MAX);
    m.esm_class = take_u8(&s);
    m.protocol_id = take_u8(&s);
    m.priority = take_u8(&s);
    m.schedule = take_text(&s, TIME_MAX);
    m.validity = take_text(&s, TIME_MAX);
    m.registered = take_u8(&s);
    m.replace = take_u8(&s);
    m.coding = take_u8(&s);
    m.default_id = take_u8(&s);
    m.text = take_octets(&s, take_u8(&s));
    if (s.rc)
        return s.rc;
    rc = read_tlvs(&s, &m);
    if (!rc)
        *out = m;
    return rc;
}

enum rc smpp_bind_read(struct str body, struct smpp_bind *out)
{
    struct source s = {.left = body};
    struct smpp_bind b;

    b.system_id = take_text(&s, SYSTEM_ID_MAX);
    b.password = take_text(&s, PASSWORD_MAX);
    b.system_type = take_text(&s, SYSTEM_TYPE_MAX);
    b.version = take_u8(&s);
    b.range = take_address(&s, RANGE_MAX);
    if (!s.rc)
        *out = b;
    return s.rc;
}

enum rc smpp_text_read(struct str body, struct str *out)
{
    struct source s = {.left = body};
    struct str text = body.len ? take_text(&s, SMPP_ID_MAX) : STR_EMPTY;

    if (!s.rc)
        *out = text;
    return s.rc;
}

/* ---- writing ---- */

static void put_number(struct buf *out, uint32_t n, size_t octets)
{
    for (size_t i = octets; i-- > 0;)
        buf_add_char(out, (char)(n >> 8 * i));
}

static void put_text(struct buf *out, struct str text)
{
    buf_add(out, text);
    buf_add_char(out, '\0');
}

static void put_address(struct buf *out, const struct smpp_address *a)
{
    buf_add_char(out, (char)a->ton);
    buf_add_char(out, (char)a->npi);
    put_text(out, a->text);
}

static void put_tlv(struct buf *out, enum tlv tag, struct str value)
{
    put_number(out, tag, 2);
    put_number(out, (uint32_t)value.len, 2);
    buf_add(out, value);
}

static void put_tlv_number(struct buf *out, enum tlv tag, uint32_t n, size_t octets)
{
    put_number(out, tag, 2);
    put_number(out, (uint32_t)octets, 2);
    put_number(out, n, octets);
}

static void put_header(struct buf *out, struct smpp_header h)
{
    put_number(out, h.length, 4);
    put_number(out, h.command, 4);
    put_number(out, h.status, 4);
    put_number(out, h.sequence, 4);
}

/* Writes the length of what was appended since `from` into its header. */
static enum rc close_pdu(struct buf *out, size_t from)
{
    uint32_t length = (uint32_t)(out->len - from);

    if (out->failed)
        return out->failed;
    for (size_t i = 0; i < 4; i++)
        out->ptr[from + i] = (char)(length >> 8 * (3 - i));
    return RC_OK;
}

static bool fits(struct str text, size_t max)
{
    return text.len <= max && str_find(text, '\0') == text.len;
}

static void put_tlvs(struct buf *out, const struct smpp_message *m)
{
    if (m->receipted_id.ptr) {
        put_number(out, TLV_RECEIPTED_ID, 2);
        put_number(out, (uint32_t)m->receipted_id.len + 1, 2);
        put_text(out, m->receipted_id);
    }
    if (m->sar) {
        put_tlv_number(out, TLV_SAR_REF, m->sar_ref, 2);
        put_tlv_number(out, TLV_SAR_TOTAL, m->sar_total, 1);
        put_tlv_number(out, TLV_SAR_NUMBER, m->sar_number, 1);
    }
    if (m->payload.ptr)
        put_tlv(out, TLV_PAYLOAD, m->payload);
    if (m->state)
        put_tlv_number(out, TLV_STATE, m->state, 1);
}

enum rc smpp_message_write(struct buf *out, struct smpp_header header, const struct smpp_message *m)
{
    size_t from = out->len;

    if (!fits(m->service_type, SERVICE_TYPE_MAX) || !fits(m->source.text, ADDRESS_MAX) ||
        !fits(m->destination.text, ADDRESS_MAX) || !fits(m->schedule, TIME_MAX) ||
        !fits(m->validity, TIME_MAX) || !fits(m->receipted_id, SMPP_ID_MAX) ||
        m->text.len > SMPP_SHORT_MAX || m->payload.len > UINT16_MAX)
        return RC_INVALID;
    put_header(out, header);
    put_text(out, m->service_type);
    put_address(out, &m->source);
    put_address(out, &m->destination);
    buf_add_char(out, (char)m->esm_class);
    buf_add_char(out, (char)m->protocol_id);
    buf_add_char(out, (char)m->priority);
    put_text(out, m->schedule);
    put_text(out, m->validity);
    buf_add_char(out, (char)m->registered);
    buf_add_char(out, (char)m->replace);
    buf_add_char(out, (char)m->coding);
    buf_add_char(out, (char)m->default_id);
    buf_add_char(out, (char)m->text.len);
    buf_add(out, m->text);
    put_tlvs(out, m);
    return close_pdu(out, from);
}

enum rc smpp_bind_write(struct buf *out, struct smpp_header header, const struct smpp_bind *b)
{
    size_t from = out->len;

    if (!fits(b->system_id, SYSTEM_ID_MAX) || !fits(b->password, PASSWORD_MAX) ||
        !fits(b->system_type, SYSTEM_TYPE_MAX) || !fits(b->range.text, RANGE_MAX))
        return RC_INVALID;
    put_header(out, header);
    put_text(out, b->system_id);
    put_text(out, b->password);
    put_text(out, b->system_type);
    buf_add_char(out, (char)b->version);
    put_address(out, &b->range);
    return close_pdu(out, from);
}

enum rc smpp_text_write(struct buf *out, struct smpp_header header, struct str text)
{
    size_t from = out->len;

    if (!fits(text, SMPP_ID_MAX))
        return RC_INVALID;
    put_header(out, header);
    put_text(out, text);
    return close_pdu(out, from);
}

void smpp_plain_write(struct buf *out, struct smpp_header header)
{
    header.length = (uint32_t)SMPP_HEADER_LEN;
    put_header(out, header);
}

void smpp_set_sequence(char *pdu, uint32_t sequence)
{
    for (size_t i = 0; i < 4; i++)
        pdu[12 + i] = (char)(sequence >> 8 * (3 - i));
}
