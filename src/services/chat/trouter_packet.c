/* Packets of socket.io 0.9: the smallest reading that the protocol allows, since what comes here is
 * a stranger's. Nothing is copied. Source: wire/trouter §4. */
#include "services/chat/trouter_packet.h"

#define MARK_LEN    ((size_t)3)
#define LEN_DIGITS  ((size_t)7)
#define LEN_MAX     ((uint64_t)9999999)
#define FOUR_OCTETS 0xF0U

static const struct str mark = STR_INIT("\xEF\xBF\xBD"); /* U+FFFD */

enum rc packet_parse(struct str text, struct packet *out)
{
    struct packet p = {0};
    struct str rest;

    if (text.len < 2 || text.ptr[0] < '0' || text.ptr[0] >= '0' + PACKET_TYPE_COUNT ||
        text.ptr[1] != ':')
        return RC_INVALID;
    p.type = (enum packet_type)(text.ptr[0] - '0');
    if (!str_cut(str_from_index(text, 2), ':', &p.id, &rest))
        return RC_INVALID;
    p.wants_ack = p.id.len && p.id.ptr[p.id.len - 1] == '+';
    if (p.wants_ack)
        p.id.len--;
    if (p.id.len > PACKET_ID_MAX || (p.id.len ? !str_is_digits(p.id) : p.wants_ack))
        return RC_INVALID;
    (void)str_cut(rest, ':', &p.endpoint, &p.data); /* without a colon there is no data */
    *out = p;
    return RC_OK;
}

size_t packet_utf16_len(struct str text)
{
    size_t units = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        units += (c & 0xC0U) != 0x80U; /* the first octet of a character … */
        units += c >= FOUR_OCTETS;     /* … beyond the basic plane: a pair */
    }
    return units;
}

/* The octets of the first `units` code units; text.len + 1 when there are fewer, or when they would
 * end within a pair or in what is no UTF-8. */
static size_t octets_of_units(struct str text, uint64_t units)
{
    size_t at = 0;

    while (units) {
        size_t len = str_utf8_char(str_from_index(text, at));

        if (!len || (len == 4 && units < 2))
            return text.len + 1;
        units -= len == 4 ? 2 : 1;
        at += len;
    }
    return at;
}

enum rc packet_next(struct str *rest, struct str *out)
{
    struct str after;
    uint64_t units;
    size_t digits, len;

    if (!rest->len)
        return RC_NOT_FOUND;
    if (!str_starts(*rest, mark)) {
        if (!str_is_utf8(*rest))
            return RC_INVALID;
        *out = *rest;
        *rest = STR_EMPTY;
        return RC_OK;
    }
    after = str_from_index(*rest, MARK_LEN);
    digits = str_find_str(str_head(after, LEN_DIGITS + MARK_LEN), mark);
    if (str_to_u64(str_head(after, digits), LEN_MAX, &units))
        return RC_INVALID;
    after = str_from_index(after, digits);
    if (!str_starts(after, mark))
        return RC_INVALID;
    after = str_from_index(after, MARK_LEN);
    len = octets_of_units(after, units);
    if (len > after.len || (len < after.len && !str_starts(str_from_index(after, len), mark)))
        return RC_INVALID;
    *out = str_head(after, len);
    *rest = str_from_index(after, len);
    return RC_OK;
}

void packet_frame(struct buf *out, struct str packet)
{
    buf_add(out, mark);
    buf_add_u64(out, packet_utf16_len(packet));
    buf_add(out, mark);
    buf_add(out, packet);
}
