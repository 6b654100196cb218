/* One connection of our own realtime interface. Source: wire/realtime. */
#ifndef SERVICES_CHAT_REALTIME_H
#define SERVICES_CHAT_REALTIME_H

#include "http/ws.h"
#include "services/chat/chat_private.h"
#include "services/chat/sessions.h"

#define REALTIME_UNAUTHORIZED 4401
#define REALTIME_FORBIDDEN    4403

enum realtime_state {
    REALTIME_HELLO = 0, /* waits for the first frame */
    REALTIME_OPENING,   /* waits for its place */
    REALTIME_CATCHING_UP,
    REALTIME_LIVE,
    REALTIME_OVER, /* closing: nothing is sent any more */
};

struct catch_up;

struct realtime {
    struct session session; /* first */
    const struct site *site;
    struct ws *ws; /* NULL: closed */
    enum realtime_state state;
    bool resumes;                /* hello named a cursor */
    bool stranger;               /* and another epoch than that of this store */
    bool explains;               /* its peer may be told why a token is refused */
    struct uuid resource;        /* that its host named */
    struct principal *principal; /* of the header, until hello; owned */
    struct loop_timer hello;
    int64_t cursor;          /* of the last event that was sent, or that hello named */
    struct catch_up *behind; /* CATCHING_UP */
};

/** Sends one frame. False: the reader is too slow, or gone; the connection is closing. */
bool realtime_send(struct realtime *c, const struct buf *frame);
bool realtime_send_text(struct realtime *c, struct str frame);
void realtime_close(struct realtime *c, uint16_t code, struct str reason);
/** With the last cursor that was sent. */
void realtime_close_slow(struct realtime *c);

/* realtime_events.c */
/** The frame of a notice. Empty: none is sent. */
void realtime_render(const struct chat_notice *n, struct buf *out);
/** Whether this user is told of it: not what he has read himself. */
bool realtime_concerns(const struct realtime *c, const struct chat_notice *n);

/* realtime_hello.c */
/** One frame of the client. */
void realtime_text(struct realtime *c, struct str message);

/* realtime_catch_up.c */
/** From c->cursor to `until`, which is a number of the log, then `ready`. */
void realtime_catch_up(struct realtime *c, int64_t until);
/** A live event while catching up. */
void realtime_keep(struct realtime *c, const struct chat_notice *n);
/** The queue is short again. */
void realtime_go_on(struct realtime *c);
/** Says `ready`: from here on live. */
void realtime_ready(struct realtime *c);
/** The connection has gone, whatever is in flight. */
void realtime_abandon(struct realtime *c);

#endif
