/* The realtime channel of the official chat client, as its files share it.
 *
 * A session speaks socket.io 0.9 over a transport: a WebSocket (trouter_ws.c) or polled requests
 * (trouter_poll.c). What it says is trouter_session.c's, what it is let in by trouter_admit.c's.
 * Nothing is kept of allocations, session ids and registrations: they are capsules, or hints.
 * Source: wire/trouter. */
#ifndef SERVICES_CHAT_TROUTER_PRIVATE_H
#define SERVICES_CHAT_TROUTER_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "gate/capsule.h"
#include "services/chat/sessions.h"
#include "services/chat/trouter_push.h"
#include "services/site.h"

#define TROUTER_TTL_S       86400 /* of an allocation and of what is said to be connected */
#define TROUTER_TIMEOUT_S   70    /* heartbeat and close timeout that the handshake tells */
#define TROUTER_SID_MS      ((int64_t)60 * 1000) /* an unused session id is good for so long */
#define TROUTER_MESSAGE_MAX (64 * KIB)           /* octets of what a client sends at once */

/** The services of this channel; its refusals are those of chat. */
extern const struct service trouter_service;

/* ---- one loop's part: trouter.c ---- */

struct trouter {
    struct sessions *sessions;
    const struct site *site;
    struct capsule_key *key; /* the same for all loops */
    struct map polls;        /* polling sessions that live here, by the octets of their ids */
    struct list visits;      /* of requests that came here: trouter_poll.c */
    struct list beats;       /* sessions in the order of their next heartbeat */
    struct list leaving;     /* those that end soon, in no order */
    struct list aging;       /* those that are asked for a new connection, in that order */
    struct loop_timer tick;  /* runs while there is a session */
    bool ticking;
};
/** This loop's, made when it is first asked for. Borrowed. */
struct trouter *trouter_of(struct sessions *h);
/** It has a session: the tick runs. */
void trouter_wake(struct trouter *t);

/* ---- who is let in: trouter_admit.c ---- */

/** What connect parameters carry, sealed. */
struct trouter_allocation {
    struct uuid connection; /* stands in the addresses of pushes */
    struct uuid group;      /* of the user's connections that replace each other: same user, epid */
    struct user_key user;
    unsigned scopes; /* of the token that asked for it */
    struct user_standing standing;
    unix_ms use_by;
    unix_ms alone_until; /* so long it does without a token */
};
/** What a session id is. Whoever has it is the user. */
struct trouter_sid {
    struct trouter_allocation from;
    uint32_t node, loop; /* where a polling session lives */
    struct uuid session;
    unix_ms use_by; /* opens no session from then on */
};
/** The session id in the path, for the resource of the host. False: answered. */
bool trouter_admit(struct request *req, struct trouter_sid *out) NODISCARD;
/** May a session be opened with it now, on this loop? NULL, or why not. */
const char *trouter_may_open(struct trouter *t, const struct trouter_sid *sid);
/** A session of that id has come to life: it opens no other. False: one had before. */
bool trouter_use(struct trouter *t, const struct uuid *session, unix_ms use_by) NODISCARD;

/* ---- sessions: trouter_session.c ---- */

struct trouter_session;
/** How a session's packets travel. Static. */
struct trouter_transport {
    /** One packet in pieces. RC_TOO_LARGE: too much waits already, nothing was sent. */
    enum rc (*send)(struct trouter_session *s, const struct str *pieces, size_t n);
    /** The session is over: lets what was sent go out, and frees it later, never at once. `code` as
     * a WebSocket closes. */
    void (*end)(struct trouter_session *s, uint16_t code, struct str reason);
    /** It is over, and its time to leave has come: frees it. NULL: it never asks for that. */
    void (*drop)(struct trouter_session *s);
};

/** First in what a transport keeps. */
struct trouter_session {
    struct session base; /* first */
    struct trouter *home;
    const struct trouter_transport *transport;
    struct list beat, leave, age; /* in home's lists */
    mono_ns beat_at, leave_at, old_at;
    mono_ns credit_at;
    int64_t credit;      /* packets that it may send yet; see CREDIT_… */
    uint32_t unanswered; /* pushes */
    uint32_t pushes, refused;
    uint8_t silent;          /* heartbeats since the last sign of life */
    bool over;               /* nothing is sent or read any more */
    char connection[36];     /* UUID_TEXT_LEN: the allocated id */
    char raw_id[RAW_ID_LEN]; /* of the user */
};

/** Says that it is connected, and attaches; or it is over at once. */
void trouter_session_open(struct trouter_session *s, struct trouter *t,
                          const struct trouter_transport *transport, const struct trouter_sid *sid);
/** A packet has come. It may be over afterwards. */
void trouter_session_take(struct trouter_session *s, struct str text);
/** Ends it; repeated calls are fine. */
void trouter_session_end(struct trouter_session *s, uint16_t code, struct str reason);
/** It leaves (see trouter_tick) in so long, unless it does before. */
void trouter_session_leave_in(struct trouter_session *s, int64_t ms);
/** Before a transport frees it. */
void trouter_session_clear(struct trouter_session *s);
/** Heartbeats, those that are old, and those whose time to leave has come. Once a second. */
void trouter_sessions_tick(struct trouter *t);

/* ---- transports and operations ---- */

void trouter_websocket(struct request *req);
void trouter_poll_get(struct request *req);
void trouter_poll_post(struct request *req);
/** Before the loop's part is freed: polling sessions, and requests that nobody answers. */
void trouter_polls_clear(struct trouter *t);
void trouter_allocate(struct request *req);
void trouter_handshake(struct request *req);

#endif
