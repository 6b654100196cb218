/* What is kept of text messages: the messages themselves, ids of requests that may be repeated,
 * opt-outs, senders, transports, and the ids that carriers gave. Part of store.h.
 *
 * Nothing that is written once per message has an index in random order but the ids of repeatable
 * requests, whose rows are small and forgotten after a day. */
#ifndef STORE_SMS_H
#define STORE_SMS_H

#include "base/arena.h"
#include "base/uuid.h"

/** Life of a message. Which step follows which is decided by services/sms; the store checks only
 * that a step begins where the caller believes. */
enum sms_state {
    SMS_STATE_NONE = 0,
    SMS_QUEUED,     /* waits for its transport until `due`, then is handed over */
    SMS_SUBMITTING, /* is being handed over: after a crash nobody knows whether it was taken, and it
                     * goes again at `due` */
    SMS_SUBMITTED,  /* the transport has it: `due` is when to ask for its fate, or its deadline */
    SMS_DELIVERED,  /* final */
    SMS_FAILED,     /* final */
    SMS_RECEIVED,   /* inbound */
    SMS_STATE_COUNT
};
#define SMS_STATE_BIT(s) (1u << (s))
/** The states in which a message still has something before it. */
#define SMS_OPEN_STATES                                                                            \
    (SMS_STATE_BIT(SMS_QUEUED) | SMS_STATE_BIT(SMS_SUBMITTING) | SMS_STATE_BIT(SMS_SUBMITTED))

struct sms_row {
    struct uuid id; /* primary key: uuid_ordered() */
    struct uuid resource;
    enum sms_state state;
    unix_ms created;
    unix_ms due;       /* open states: when there is something to do */
    unix_ms deadline;  /* open states: without a report by then it has failed (5002) */
    unix_ms finished;  /* final states; 0: not yet */
    uint32_t attempts; /* how often it was handed over */
    uint32_t code;     /* final states: 2000, 4007, …; else of the last failure, or 0 */
    uint32_t segments, segments_failed;
    bool ucs2;            /* encoding: UCS-2, else GSM-7 */
    bool report;          /* enableDeliveryReport: its end is told */
    bool unsure;          /* it may have reached the carrier more than once */
    struct str from, to;  /* as they are told: "+14255550123" */
    struct str text;      /* UTF-8 */
    struct str tag;       /* empty: none */
    struct str transport; /* name of the one that carries it; inbound: that brought it */
    struct str ref;       /* what the transport keeps with it, its own format; empty: nothing */
    struct str history; /* JSON array of deliveryAttempts; empty: none. That of its end is not among
                         * them: `finished` and the segments say it */
};

/** One step of a message: CHANGE_SMS_STEP. */
struct sms_step {
    struct uuid id;
    unsigned from; /* SMS_STATE_BIT()s in which it must be: else RC_CONFLICT, and the whole set is
                    * undone; RC_NOT_FOUND: no such message; RC_INVALID: `to` is no state */
    enum sms_state to;
    unix_ms due, finished;
    uint32_t attempts, code, segments_failed;
    bool unsure;        /* adds to what is there; never taken back */
    struct str ref;     /* ptr NULL: stays as it is */
    struct str history; /* ptr NULL: stays as it is */
};

/** A request that may come again. There is one for each message of a usual client, at a place of
 * its own in the tree: so it holds what can't be said again without it. Source: wire/sms §2.4. */
struct sms_repeat_row {
    struct uuid resource, id; /* primary key: repeatabilityRequestId */
    uint8_t digest[16];       /* of what was asked: the first octets of its hash */
    struct uuid message;      /* what came of it */
    unix_ms created;          /* of the message: with its id it makes the item of the answer */
    unix_ms kept_until;
};

struct sms_optout_row {
    struct uuid resource;
    struct str sender, recipient; /* primary key with the resource */
    unix_ms created;
};

/** Opt-outs of a resource by sender and recipient. */
struct sms_optout_query {
    struct uuid resource;
    struct str sender;                        /* empty: of all senders */
    struct str after_sender, after_recipient; /* paging: the last one seen; empty: the first page.
                                               * With `sender` only the recipient counts */
    uint32_t limit;                           /* 1..STORE_ROWS_MAX */
};
struct sms_optout_page {
    struct sms_optout_row *rows; /* with their texts in the arena of the call */
    size_t n;
    bool more; /* go on after the last one */
};

/** Who may send, and by which transport: the document says. Primary key: resource, sender. */
struct sms_sender_row {
    struct uuid resource;
    struct str sender;
    uint32_t version;    /* 1 at first, +1 with each change */
    struct str document; /* JSON object */
    unix_ms created;
    bool alone; /* not kept; of a PUT: RC_CONFLICT when another active resource has it as well */
};

/** A way out: the server's, not a resource's. Primary key: name, lower case. */
struct sms_transport_row {
    struct str name, kind; /* "carrier-a", "smpp" */
    uint32_t version;      /* 1 at first, +1 with each change */
    struct str document;   /* JSON object, without secrets */
    struct str sealed;     /* its secrets: a sealed JSON object; empty: none */
    unix_ms created;
};

/** The id that a carrier gave to (a part of) a message: how a later receipt finds it. Primary key:
 * transport, ref. */
struct sms_ref_row {
    struct str transport, ref;
    struct uuid message;
    uint32_t part;      /* from 0 */
    unix_ms kept_until; /* forgotten by CHANGE_SMS_PRUNE afterwards */
};

/** CHANGE_SMS_PRUNE: what time has made worthless, at most `limit` rows of each kind. When it
 * reached that with one, `out_existed` is set. */
struct sms_prune {
    unix_ms now;             /* repeats and refs with kept_until before it */
    unix_ms messages_before; /* final and received messages with ids from before it; 0: none */
    uint32_t limit;
};

/** Messages that have not ended. */
struct sms_open_row {
    struct str transport;
    struct uuid resource;
    uint64_t n;
};

/** Rows of messages, one direction and order. */
struct sms_query {
    enum {
        SMS_LIST_NEWEST = 1, /* of `resource`, newest first */
        SMS_LIST_DUE, /* of `resource` and `transport` in `state` with due <= `now`, oldest due
                       * first */
    } what;
    struct uuid resource;
    /* SMS_LIST_NEWEST: all that are given must fit */
    unsigned states; /* SMS_STATE_BIT()s; 0: all */
    struct str from, to, tag;
    unix_ms since;        /* made then or later */
    struct uuid after_id; /* newer than this id; zeros: all */
    struct uuid before;   /* older than this id: paging; zeros: from the newest */
    /* SMS_LIST_DUE */
    struct str transport;
    enum sms_state state;
    unix_ms now;
    uint32_t limit; /* 1..STORE_ROWS_MAX */
};
struct sms_page {
    struct sms_row *rows; /* with their texts in the arena of the call */
    size_t n;
    bool more;        /* there may be more rows. NEWEST: go on with before = next; a filter that
                       * skips much makes a page short, or empty */
    struct uuid next; /* NEWEST: of the last row of a full page, else of the last one looked at */
};

#endif
