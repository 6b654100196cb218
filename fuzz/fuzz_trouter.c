/* What clients of the realtime channel send: bodies of packets, packets, and sealed letters that
 * were sealed elsewhere. What was taken apart and is put together again reads the same. */
#include "fuzz.h"

#include "gate/capsule.h"
#include "services/chat/trouter_packet.h"

#define OUT_MAX     (64 * KIB)
#define PURPOSE     STR("fuzz")
#define PACKETS_MAX 64

static void check_packet(struct str text)
{
    struct packet p;

    if (packet_parse(text, &p))
        return;
    CHECK(p.type < PACKET_TYPE_COUNT && p.id.len <= PACKET_ID_MAX);
    CHECK(!p.wants_ack || p.id.len);
    CHECK(fuzz_lies_within(p.id, text) && fuzz_lies_within(p.endpoint, text));
    CHECK(fuzz_lies_within(p.data, text) && str_find(p.endpoint, ':') == p.endpoint.len);
}

static void check_body(struct str body)
{
    struct str rest = body, packets[PACKETS_MAX], again;
    struct buf framed;
    size_t n = 0;

    buf_init(&framed, OUT_MAX);
    while (n < PACKETS_MAX && packet_next(&rest, &packets[n]) == RC_OK) {
        CHECK(fuzz_lies_within(packets[n], body) && str_is_utf8(packets[n]));
        CHECK(packet_utf16_len(packets[n]) <= packets[n].len);
        check_packet(packets[n]);
        packet_frame(&framed, packets[n++]);
    }
    rest = buf_str(&framed);
    for (size_t i = 0; i < n && !framed.failed; i++)
        CHECK(packet_next(&rest, &again) == RC_OK && str_eq(again, packets[i]));
    buf_clear(&framed);
}

static void check_capsules(const struct capsule_key *key, struct str data)
{
    char text[CAPSULE_TEXT_MAX], back[CAPSULE_PLAIN_MAX];
    struct str plain = str_head(data, CAPSULE_PLAIN_MAX);
    size_t len;

    CHECK(capsule_open(key, PURPOSE, data, back, 16) == RC_DENIED);
    if (!plain.len)
        return;
    len = capsule_seal(key, PURPOSE, plain, text);
    CHECK(capsule_open(key, PURPOSE, str_of(text, len), back, plain.len) == RC_OK);
    CHECK(str_eq(str_of(back, plain.len), plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t octets[CAPSULE_KEY_LEN] = "a key of the fuzz target's own";
    struct capsule_key *key = capsule_key_new(octets);
    struct str all = str_of(data, size);

    check_packet(all);
    check_body(all);
    check_capsules(key, all);
    capsule_key_free(key);
    return 0;
}
