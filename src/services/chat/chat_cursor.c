/* Places in lists, as clients carry them from page to page: three numbers and a checksum,
 * in hexadecimal. Nobody gains by forging one, since what it leads to is checked as ever; the sum
 * is there so that what is no cursor, or one of another list, is told to be none. */
#include "services/chat/chat_wire.h"

#include "base/map.h"

#define PLACE_LEN (CHAT_PLACE_LEN * sizeof(uint64_t))
#define SUM_LEN   ((size_t)8)
#define LIST_MAX  ((size_t)64) /* octets of what it is a place in */

_Static_assert(CHAT_CURSOR_LEN == 2 * (PLACE_LEN + SUM_LEN), "two digits an octet");

static void put_u64(uint8_t *out, uint64_t value)
{
    for (size_t i = 0; i < sizeof value; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *octets)
{
    uint64_t value = 0;

    for (size_t i = 0; i < sizeof value; i++)
        value = value << 8 | octets[i];
    return value;
}

/* The same in every process: cursors outlive a restart. */
static uint64_t sum_of(const uint8_t *place, struct str what)
{
    static const uint8_t key[16] = "callgate cursor";
    uint8_t text[PLACE_LEN + LIST_MAX];
    size_t len = what.len < LIST_MAX ? what.len : LIST_MAX;

    memcpy(text, place, PLACE_LEN);
    if (len)
        memcpy(text + PLACE_LEN, what.ptr, len);
    return siphash(key, text, PLACE_LEN + len);
}

void chat_cursor_write(struct str what, const uint64_t place[static CHAT_PLACE_LEN],
                       char out[static CHAT_CURSOR_LEN])
{
    uint8_t octets[PLACE_LEN + SUM_LEN];

    for (size_t i = 0; i < CHAT_PLACE_LEN; i++)
        put_u64(octets + i * sizeof place[i], place[i]);
    put_u64(octets + PLACE_LEN, sum_of(octets, what));
    hex_encode(octets, sizeof octets, out);
}

enum rc chat_cursor_read(struct str text, struct str what, uint64_t out[static CHAT_PLACE_LEN])
{
    uint8_t octets[PLACE_LEN + SUM_LEN];

    if (text.len != CHAT_CURSOR_LEN || hex_decode(text, octets, sizeof octets) ||
        get_u64(octets + PLACE_LEN) != sum_of(octets, what))
        return RC_INVALID;
    for (size_t i = 0; i < CHAT_PLACE_LEN; i++)
        out[i] = get_u64(octets + i * sizeof out[i]);
    return RC_OK;
}
