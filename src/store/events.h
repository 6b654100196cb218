/* What is kept of events: who wants them, and each that is on its way to somebody. Part of store.h.
 * Source: design D24. */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "base/arena.h"
#include "base/uuid.h"

enum subscription_state {
    SUBSCRIPTION_NONE = 0,
    SUBSCRIPTION_CREATING,
    SUBSCRIPTION_UPDATING,
    SUBSCRIPTION_SUCCEEDED,
    SUBSCRIPTION_FAILED,
    SUBSCRIPTION_AWAITING, /* AwaitingManualAction */
    SUBSCRIPTION_DELETING,
};

/** Primary key: resource, name in lower case. */
struct subscription_row {
    struct uuid resource;
    struct str name;
    struct uuid id;   /* fixed for life: events on their way name it */
    uint32_t version; /* 1 at first, +1 with each change */
    enum subscription_state state;
    struct str document;  /* JSON object: endpoint, schema, filters, limits, names of headers */
    struct str sealed;    /* JSON object: values of static headers, sealed; empty: none */
    struct str handshake; /* JSON object: code, hash of the token, until; empty: none under way */
    struct str failure;   /* lastError; empty: none */
    unix_ms created;
};

enum event_state {
    EVENT_STATE_NONE = 0,
    EVENT_PENDING,   /* goes out at `due` */
    EVENT_DELIVERED, /* final */
    EVENT_DEAD,      /* final: dead letter, may be replayed */
    EVENT_STATE_COUNT
};
#define EVENT_STATE_BIT(s) (1u << (s))

/** One event on its way to one subscription. */
struct event_row {
    struct uuid subscription, id; /* primary key; id: uuid_ordered() */
    struct uuid resource;
    enum event_state state;
    struct str event_id, type, subject; /* of the envelope. No event_id: a whole series, from which
                                         * the events' room makes rows; not for anybody's eyes */
    struct str data;                    /* JSON object */
    unix_ms time;                       /* of what happened */
    unix_ms published, due, last_attempt;
    uint32_t attempts;
    struct str outcome; /* of the last attempt: "NotFound", …; a dead one's reason after a blank */
};

/** CHANGE_EVENT_STEP: RC_CONFLICT unless it is in one of `from`; RC_NOT_FOUND; RC_INVALID: `to` is
 * no state. */
struct event_step {
    struct uuid subscription, id;
    unsigned from; /* EVENT_STATE_BIT()s */
    enum event_state to;
    unix_ms due, last_attempt;
    unix_ms published; /* 0: stays as it is (a replay begins anew) */
    uint32_t attempts;
    struct str outcome;
};

/** CHANGE_EVENT_PRUNE: delivered and dead ones published before, and those whose subscription is
 * gone, at most `limit` of each. When it reached that with one, `out_existed` is set. */
struct event_prune {
    unix_ms delivered_before, dead_before;
    uint32_t limit;
};

struct event_query {
    enum {
        EVENT_LIST_DUE = 1, /* pending with due <= `now`, oldest due first */
        EVENT_LIST_NEWEST,  /* in `states`, newest first */
    } what;
    struct uuid subscription;
    unix_ms now;
    unsigned states;    /* EVENT_STATE_BIT()s; 0: all */
    struct uuid before; /* older than this id; zeros: from the newest */
    uint32_t limit;     /* 1..STORE_ROWS_MAX */
};
struct event_page {
    struct event_row *rows; /* with their texts in the arena of the call */
    size_t n;
    bool more;        /* there may be more rows. NEWEST: go on with before = next; a filter that
                       * skips much makes a page short, or empty */
    struct uuid next; /* NEWEST: of the last row that was looked at */
};

#endif
