/* A carrier by SMPP 3.4 that takes everything at once: binds, answers each submit_sm, and sends a
 * receipt of its delivery behind the answer. Counts messages and acknowledged receipts. */
#include "peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD         16
#define PDU_MAX      65536
#define RESPONSE     0x80000000U
#define SUBMIT_SM    4U
#define DELIVER_SM   5U
#define UNBIND       6U
#define BIND         9U /* transceiver */
#define ENQUIRE_LINK 0x15U
#define RECEIPT      4 /* esm_class */
#define ADDRESS_MAX  21
#define TAG_ID       0x001e
#define TAG_STATE    0x0427
#define DELIVERED    2

struct out {
    size_t len;
    char octets[512];
};

static uint32_t sequence;
static unsigned long messages;

static void add(struct out *o, const void *octets, size_t len)
{
    memcpy(o->octets + o->len, octets, len);
    o->len += len;
}

static void add_octet(struct out *o, int value)
{
    char octet = (char)value;

    add(o, &octet, 1);
}

static void add_text(struct out *o, const char *text)
{
    add(o, text, strlen(text) + 1);
}

static void add_tlv(struct out *o, uint16_t tag, const char *value, uint16_t len)
{
    uint16_t head[2] = {htons(tag), htons(len)};

    add(o, head, sizeof head);
    add(o, value, len);
}

static void say(struct peer_conn *c, uint32_t command, uint32_t number, const struct out *body)
{
    uint32_t head[4] = {htonl((uint32_t)(HEAD + body->len)), htonl(command), 0, htonl(number)};

    peer_say(c, head, sizeof head);
    peer_say(c, body->octets, body->len);
}

/* An address with its kind, as it stands in a submit_sm; moves on behind it. */
static const char *address(const char **at, const char *end, size_t *out_len)
{
    const char *start = *at,
               *zero = end - start > 2 ? memchr(start + 2, 0, (size_t)(end - start - 2)) : NULL;

    if (!zero || zero - start > ADDRESS_MAX + 2) {
        fprintf(stderr, "smsc: a submit_sm with a bad address\n");
        exit(1);
    }
    *at = zero + 1;
    *out_len = (size_t)(zero + 1 - start);
    return start;
}

static void add_receipt(struct out *o, const char *id)
{
    char text[160], state = DELIVERED;
    int len = snprintf(text, sizeof text,
                       "id:%s sub:001 dlvrd:001 submit date:2611291200 done date:2611291200 "
                       "stat:DELIVRD err:000 text:",
                       id);

    add_octet(o, RECEIPT);
    for (int i = 0; i < 2; i++) /* protocol, priority */
        add_octet(o, 0);
    for (int i = 0; i < 2; i++) /* schedule, validity */
        add_octet(o, 0);
    for (int i = 0; i < 4; i++) /* registered, replace, coding, default */
        add_octet(o, 0);
    add_octet(o, len);
    add(o, text, (size_t)len);
    add_tlv(o, TAG_ID, id, (uint16_t)(strlen(id) + 1));
    add_tlv(o, TAG_STATE, &state, 1);
}

static void take_message(struct peer_conn *c, uint32_t number, const char *at, const char *end)
{
    const char *from, *to, *zero = memchr(at, 0, (size_t)(end - at));
    struct out answer = {0}, receipt = {0};
    size_t from_len, to_len;
    char id[24];

    if (!zero)
        exit(1);
    at = zero + 1;
    from = address(&at, end, &from_len);
    to = address(&at, end, &to_len);
    snprintf(id, sizeof id, "%010lu", ++messages);
    add_text(&answer, id);
    say(c, SUBMIT_SM | RESPONSE, number, &answer);
    add_octet(&receipt, 0); /* service type */
    add(&receipt, to, to_len);
    add(&receipt, from, from_len);
    add_receipt(&receipt, id);
    say(c, DELIVER_SM, ++sequence, &receipt);
    peer_count(1, 0);
}

static size_t take(struct peer_conn *c)
{
    static const struct out nothing;
    struct out name = {0};
    uint32_t head[4], len;

    if (c->have < HEAD)
        return 0;
    memcpy(head, c->in, sizeof head);
    len = ntohl(head[0]);
    if (len < HEAD || len > PDU_MAX)
        exit(1);
    if (c->have < len)
        return 0;
    switch (ntohl(head[1])) {
    case BIND:
        add_text(&name, "bench");
        say(c, BIND | RESPONSE, ntohl(head[3]), &name);
        break;
    case SUBMIT_SM:
        take_message(c, ntohl(head[3]), c->in + HEAD, c->in + len);
        break;
    case DELIVER_SM | RESPONSE:
        peer_count(0, 1);
        break;
    case ENQUIRE_LINK:
    case UNBIND:
        say(c, ntohl(head[1]) | RESPONSE, ntohl(head[3]), &nothing);
        break;
    default:
        break;
    }
    return len;
}

int main(void)
{
    peer_run(take);
    return 0;
}
