/* Frames of a WebSocket, the server's side: octets that came become messages, by the rules of RFC
 * 6455; messages become octets. No sockets, and nothing is kept between two frames: what reads one
 * is lent by the lane while a frame is incomplete. */
#ifndef NET_WS_FRAMES_H
#define NET_WS_FRAMES_H

#include "base/buf.h"

/* Why a connection ends: RFC 6455 §7.4.1. */
enum ws_code {
    WS_NORMAL = 1000,
    WS_GOING_AWAY = 1001,
    WS_PROTOCOL_ERROR = 1002,
    WS_UNSUPPORTED = 1003,
    WS_NO_CODE = 1005,  /* never sent: the close frame had none */
    WS_ABNORMAL = 1006, /* never sent: there was no close frame */
    WS_BAD_TEXT = 1007,
    WS_POLICY = 1008,
    WS_TOO_LARGE = 1009,
};

struct ws_reader;

/** What reads frames, one at a time; a lane's. Zeros: none are there yet. */
struct ws_readers {
    struct ws_reader *spare;
    size_t n_spare;
};
void ws_readers_clear(struct ws_readers *pool);

enum ws_event_kind {
    WS_MORE = 0, /* all octets are taken */
    WS_TEXT,     /* a whole message, valid UTF-8 */
    WS_PING,
    WS_PONG,
    WS_CLOSE,  /* `code` as the peer sent it, WS_NO_CODE without one; `text`: its reason */
    WS_REFUSED /* `code` says why: nothing may be read any more */
};

struct ws_event {
    enum ws_event_kind kind;
    struct str text; /* borrowed until the next call */
    uint16_t code;
};

/** The state of one connection between two reads. */
struct ws_frames {
    struct ws_reader *reader; /* while a frame is incomplete, or more of them are read ahead */
    struct buf message;       /* of which not all fragments are there */
    size_t message_max;
    uint32_t weight;  /* messages and control frames that came, and fragments of nothing: the
                       * caller's to set to 0 */
    bool in_message;  /* more fragments are to come */
    bool handed_over; /* `message` was given out with the last event */
};

void ws_frames_init(struct ws_frames *f, size_t message_max);
void ws_frames_clear(struct ws_frames *f);
/** Takes octets from the front of `data` up to the next event. To be called until WS_MORE. */
struct ws_event ws_frames_next(struct ws_frames *f, struct ws_readers *pool, struct str *data);

/** Octets that a frame takes beyond its payload, at most. */
#define WS_HEAD_MAX    ((size_t)10)
#define WS_CONTROL_MAX ((size_t)125) /* octets of a control frame's payload */

/** Appends one text message, made of `n` pieces. */
void ws_write_text(const struct str *pieces, size_t n, struct buf *out);
/** `ping` or pong; the payload is cut to WS_CONTROL_MAX. */
void ws_write_ping(bool ping, struct str payload, struct buf *out);
/** WS_NO_CODE: without a code. The reason is cut to what fits, between two characters. */
void ws_write_close(uint16_t code, struct str reason, struct buf *out);

#endif
