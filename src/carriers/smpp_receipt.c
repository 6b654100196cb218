/* Receipts. Carriers agree on little: keys in any case and order, ids hexadecimal here and decimal
 * there, with or without zeros in front. What is read is bounded by what came. Source: wire/sms
 * §6.2; SMPP 3.4 appendix B, §5.3.2.35. */
#include "carriers/smpp_receipt.h"

#define ERROR_MAX 8

/* clang-format off */
static const struct {
    struct str word;
    enum smpp_state state;
} states[] = {
    {STR_INIT("DELIVRD"), SMPP_DELIVERED}, {STR_INIT("EXPIRED"), SMPP_EXPIRED},
    {STR_INIT("DELETED"), SMPP_DELETED},   {STR_INIT("UNDELIV"), SMPP_UNDELIVERABLE},
    {STR_INIT("ACCEPTD"), SMPP_ACCEPTED},  {STR_INIT("UNKNOWN"), SMPP_UNKNOWN},
    {STR_INIT("REJECTD"), SMPP_REJECTED},  {STR_INIT("ENROUTE"), SMPP_ENROUTE},
    {STR_INIT("BUFFERD"), SMPP_ENROUTE},
};
/* clang-format on */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool all(struct str s, bool (*is)(char c))
{
    for (size_t i = 0; i < s.len; i++)
        if (!is(s.ptr[i]))
            return false;
    return s.len > 0;
}

/* ---- text ---- */

/* The value of `key` ("id:"), up to a blank; keys stand at the start or behind a blank. */
static struct str value_of(struct str text, struct str key)
{
    for (size_t i = 0; i + key.len <= text.len; i++) {
        struct str rest = str_from_index(text, i);

        if ((i == 0 || text.ptr[i - 1] == ' ' || text.ptr[i - 1] == '\n') &&
            str_starts_nocase(rest, key)) {
            rest = str_from_index(rest, key.len);
            return str_head(rest, str_find(rest, ' '));
        }
    }
    return STR_EMPTY;
}

/* What the message itself said may hold anything, keys too. */
static struct str without_text(struct str s)
{
    for (size_t i = 0; i + 6 <= s.len; i++)
        if (s.ptr[i] == ' ' && str_starts_nocase(str_from_index(s, i + 1), STR("text:")))
            return str_head(s, i);
    return s;
}

static enum smpp_state state_of(struct str word)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (name_eq_nocase(word, states[i].word))
            return states[i].state;
    return word.len ? SMPP_ENROUTE : SMPP_STATE_NONE; /* a carrier's own word is no end */
}

static struct str clean_error(struct str error)
{
    for (size_t i = 0; i < error.len; i++)
        if (!is_hex(error.ptr[i]) || i >= ERROR_MAX)
            return STR_EMPTY;
    return error;
}

void smpp_receipt_read(const struct smpp_message *m, struct smpp_receipt *out)
{
    struct str text = without_text(smpp_message_text(m));

    *out = (struct smpp_receipt){
        .id = m->receipted_id.ptr ? m->receipted_id : value_of(text, STR("id:")),
        .state = m->state >= SMPP_ENROUTE && m->state <= SMPP_REJECTED
                     ? (enum smpp_state)m->state
                     : state_of(value_of(text, STR("stat:"))),
        .error = clean_error(value_of(text, STR("err:"))),
    };
    if (out->id.len > SMPP_ID_MAX)
        out->id = STR_EMPTY;
}

enum rc smpp_state_final(enum smpp_state state, bool *out_delivered, uint32_t *out_code)
{
    *out_delivered = state == SMPP_DELIVERED;
    switch (state) {
    case SMPP_ENROUTE:
    case SMPP_ACCEPTED:
        return RC_BUSY;
    case SMPP_DELIVERED:
        *out_code = 2000;
        break;
    case SMPP_EXPIRED:
    case SMPP_UNDELIVERABLE:
        *out_code = 4006;
        break;
    case SMPP_REJECTED:
        *out_code = 4005;
        break;
    case SMPP_DELETED:
        *out_code = 5000;
        break;
    case SMPP_STATE_NONE:
    case SMPP_UNKNOWN:
        *out_code = 9999;
        break;
    }
    return RC_OK;
}

/* ---- ids ---- */

void smpp_id_normal(struct str id, char out[static 65])
{
    size_t zeros = 0;

    id = str_head(id, SMPP_ID_MAX);
    id = str_head(id, str_find(id, '\0'));
    if (all(id, is_hex))
        while (zeros + 1 < id.len && id.ptr[zeros] == '0')
            zeros++;
    id = str_from_index(id, zeros);
    ascii_lower(out, id);
    out[id.len] = '\0';
}

static void add_spelling(struct smpp_spellings *s, const char *text, enum smpp_ids by)
{
    for (size_t i = 0; i < s->n; i++)
        if (name_eq(str_from(s->text[i]), str_from(text)))
            return;
    (void)snprintf(s->text[s->n], SMPP_SPELLING_ROOM, "%s", text);
    s->by[s->n++] = by;
}

static bool from_hex(struct str text, uint64_t *out)
{
    uint64_t n = 0;

    if (text.len > 16 || !all(text, is_hex))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        n = n << 4 | (uint64_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    *out = n;
    return true;
}

void smpp_id_spell(struct str id, enum smpp_ids ids, struct smpp_spellings *out)
{
    char normal[SMPP_SPELLING_ROOM], other[SMPP_SPELLING_ROOM];
    uint64_t n;

    smpp_id_normal(id, normal);
    out->n = 0;
    if (ids == SMPP_IDS_AUTO || ids == SMPP_IDS_SAME)
        add_spelling(out, normal, SMPP_IDS_SAME);
    if ((ids == SMPP_IDS_AUTO || ids == SMPP_IDS_HEX_TO_DECIMAL) &&
        !str_to_u64(str_from(normal), UINT64_MAX, &n)) {
        (void)snprintf(other, sizeof other, "%llx", (unsigned long long)n);
        add_spelling(out, other, SMPP_IDS_HEX_TO_DECIMAL);
    }
    if ((ids == SMPP_IDS_AUTO || ids == SMPP_IDS_DECIMAL_TO_HEX) &&
        from_hex(str_from(normal), &n)) {
        (void)snprintf(other, sizeof other, "%llu", (unsigned long long)n);
        add_spelling(out, other, SMPP_IDS_DECIMAL_TO_HEX);
    }
    if (out->n == 0)
        add_spelling(out, normal, SMPP_IDS_SAME); /* no number: it can only be as it is */
}
