/* Packets of socket.io 0.9 (protocol 1), as octets: taken apart and put together. Source:
 * wire/trouter §4. */
#ifndef SERVICES_CHAT_TROUTER_PACKET_H
#define SERVICES_CHAT_TROUTER_PACKET_H

#include "base/buf.h"

enum packet_type {
    PACKET_DISCONNECT = 0,
    PACKET_CONNECT,
    PACKET_HEARTBEAT,
    PACKET_MESSAGE, /* text: pushes and their answers */
    PACKET_JSON,
    PACKET_EVENT,
    PACKET_ACK,
    PACKET_ERROR,
    PACKET_NOOP,
    PACKET_TYPE_COUNT
};

/** "type:id[+]:endpoint[:data]". Slices of the text. */
struct packet {
    enum packet_type type;
    struct str id;  /* decimal digits, at most PACKET_ID_MAX; empty: none */
    bool wants_ack; /* a plus sign behind the id */
    struct str endpoint, data;
};
#define PACKET_ID_MAX ((size_t)10)

/** RC_INVALID: not of that form. */
enum rc packet_parse(struct str text, struct packet *out) NODISCARD;

/** Takes the next packet off what a poll's body holds: one packet bare, or each as U+FFFD, its
 * length in UTF-16 code units, U+FFFD, text. RC_NOT_FOUND: nothing is left; RC_INVALID: badly
 * framed, or no UTF-8. Start with `*rest` = the body. */
enum rc packet_next(struct str *rest, struct str *out) NODISCARD;

/** UTF-16 code units of well-formed UTF-8. */
size_t packet_utf16_len(struct str text);
/** Appends one framed packet to a body of several. */
void packet_frame(struct buf *out, struct str packet);

#endif
