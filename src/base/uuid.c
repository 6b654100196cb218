/* Ids as in RFC 9562. Random octets are fetched from the kernel in pages per thread, since a call
 * for each id would cost more than the rest of it together. Each octet is used once and wiped. */
#include "base/uuid.h"

#include <sys/random.h>

struct random_page {
    size_t left;
    uint8_t octets[512];
};

struct order {
    unix_ms asked;    /* the time of the last call */
    uint64_t ms;      /* what the last id says: may run ahead when the counter has wrapped */
    unsigned counter; /* 12 bits */
    bool begun;
};

static _Thread_local struct random_page page;
static _Thread_local struct order order;

static void random_take(void *out, size_t len)
{
    uint8_t *from;

    if (page.left < len) {
        if (getrandom(page.octets, sizeof page.octets, 0) != (ssize_t)sizeof page.octets)
            abort();
        page.left = sizeof page.octets;
    }
    page.left -= len;
    from = page.octets + page.left;
    memcpy(out, from, len);
    memset(from, 0, len);
}

/* The counter starts in the lower half of its range, so that there is room to count. */
static void order_start(uint64_t ms)
{
    uint16_t start;

    random_take(&start, sizeof start);
    order.ms = ms;
    order.counter = start & 0x7ffU;
    order.begun = true;
}

static void order_step(void)
{
    if (order.counter < 0xfff)
        order.counter++;
    else
        order_start(order.ms + 1);
}

struct uuid uuid_random(void)
{
    struct uuid id;

    random_take(id.octets, sizeof id.octets);
    id.octets[6] = (uint8_t)((id.octets[6] & 0x0fU) | 0x40U);
    id.octets[8] = (uint8_t)((id.octets[8] & 0x3fU) | 0x80U);
    return id;
}

struct uuid uuid_ordered(unix_ms now)
{
    uint64_t ms = now > 0 ? (uint64_t)now : 0;
    struct uuid id;

    if (!order.begun || now < order.asked || ms > order.ms)
        order_start(ms); /* a clock that was set back is followed */
    else
        order_step();
    order.asked = now;
    for (size_t i = 0; i < 6; i++)
        id.octets[i] = (uint8_t)(order.ms >> (40 - 8 * i));
    id.octets[6] = (uint8_t)(0x70U | order.counter >> 8);
    id.octets[7] = (uint8_t)(order.counter & 0xffU);
    random_take(id.octets + 8, 8);
    id.octets[8] = (uint8_t)((id.octets[8] & 0x3fU) | 0x80U);
    return id;
}

struct uuid uuid_first(unix_ms when)
{
    uint64_t ms = when > 0 ? (uint64_t)when : 0;
    struct uuid id = {{0}};

    if (ms >> 48)
        ms = ((uint64_t)1 << 48) - 1;
    for (size_t i = 0; i < 6; i++)
        id.octets[i] = (uint8_t)(ms >> (40 - 8 * i));
    return id;
}

void uuid_format(const struct uuid *id, char out[static 36])
{
    hex_encode(id->octets, 4, out);
    out[8] = '-';
    hex_encode(id->octets + 4, 2, out + 9);
    out[13] = '-';
    hex_encode(id->octets + 6, 2, out + 14);
    out[18] = '-';
    hex_encode(id->octets + 8, 2, out + 19);
    out[23] = '-';
    hex_encode(id->octets + 10, 6, out + 24);
}

enum rc uuid_parse(struct str text, struct uuid *out)
{
    static const size_t starts[] = {0, 9, 14, 19, 24}, octets[] = {4, 2, 2, 2, 6};
    struct uuid id;
    size_t at = 0;

    if (text.len != UUID_TEXT_LEN)
        return RC_INVALID;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        struct str digits = {text.ptr + starts[i], 2 * octets[i]};

        if (i > 0 && text.ptr[starts[i] - 1] != '-')
            return RC_INVALID;
        if (hex_decode(digits, id.octets + at, octets[i]))
            return RC_INVALID;
        at += octets[i];
    }
    *out = id;
    return RC_OK;
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}
