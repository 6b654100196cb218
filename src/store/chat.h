/* What is kept of chat: threads, who is or was in them, messages, read receipts, ids of requests
 * that may be repeated, and the log of what happened, from which clients catch up. Part of store.h.
 *
 * Whatever changes a thread is a turn of it: CHANGE_CHAT_TURN reads what the decision stands on, on
 * the writer thread, and hands it to a function of the service, which appends the changes that
 * follow to the same set. So turns of a thread come one after another, each sees what the former
 * left, and the order of commits is the order of the thread. Source: design D5; wire/chat. */
#ifndef STORE_CHAT_H
#define STORE_CHAT_H

#include "base/arena.h"
#include "base/uuid.h"

struct change_set;

struct chat_thread_row {
    struct uuid key;    /* primary key: the first half of the id on the wire, uuid_ordered() */
    struct uuid secret; /* its second half, random: the wire's id is known only with it */
    struct uuid resource;
    struct uuid created_by;     /* user of the resource */
    unix_ms created;            /* 0: there is no such thread */
    unix_ms deleted;            /* 0: it lives. A deleted one waits for CHANGE_CHAT_CLEAR */
    int64_t seq;                /* last sequenceId given */
    unix_ms last_id;            /* id of the newest message: they only grow; 0: none */
    uint32_t members;           /* present ones */
    uint32_t delete_after_days; /* retentionPolicy; 0: none */
    unix_ms expires;            /* when retention deletes it; 0: never */
    struct str topic;
    struct str metadata; /* JSON object; empty: none */
};

/** CHANGE_CHAT_HEAD_PUT: what a message moves of its thread, and nothing else of the row. */
struct chat_head {
    struct uuid thread;
    int64_t seq;
    unix_ms last_id;
};

struct chat_member_row {
    struct uuid thread, user; /* primary key; the user is of the thread's resource */
    int64_t joined;          /* order of the log's entry by which he came (last); 0: never was in */
    int64_t gone;            /* of the entry by which he left; 0: he is in */
    unix_ms left;            /* when; 0: he is in */
    unix_ms share_from;      /* shareHistoryTime: sees messages with ids from it on */
    struct str display_name; /* empty: none */
    struct str metadata;     /* JSON object; empty: none */
    struct str topic;        /* the thread's when he left; empty: he is in */
};

enum chat_message_type {
    CHAT_MESSAGE_NONE = 0,
    CHAT_TEXT,
    CHAT_HTML,
    CHAT_TOPIC_UPDATED,
    CHAT_PARTICIPANT_ADDED,
    CHAT_PARTICIPANT_REMOVED,
    CHAT_MESSAGE_TYPE_COUNT
};

struct chat_message_row {
    struct uuid thread;
    unix_ms id;  /* primary key with the thread; also its createdOn. 0: there is no such message */
    int64_t seq; /* of its last change: unique in the thread */
    int64_t first_seq; /* when it was made: grows with the id */
    enum chat_message_type type;
    struct uuid sender; /* of a system message: the initiator; zeros: retention or nobody */
    unix_ms version;
    unix_ms edited, deleted; /* 0: not */
    struct str sender_name;  /* empty: none */
    struct str content;  /* text or html as stored; TOPIC_UPDATED: the topic; PARTICIPANT_…: JSON
                          * array of participants as they are told; deleted: empty */
    struct str metadata; /* JSON object; empty: none */
};

struct chat_receipt_row {
    struct uuid thread, user; /* primary key */
    unix_ms message;          /* newest message that was read */
    unix_ms read_on;
};

/** A creation that may come again: the same id of the same user gives the same thread. */
struct chat_repeat_row {
    struct uuid user;
    uint8_t digest[16]; /* of resource and repeatability-request-id; primary key with the user */
    struct uuid thread;
    unix_ms now, kept_until;
};

/** What happened, as clients that were away learn it. Numbered in order of commits. */
enum chat_log_kind {
    CHAT_LOG_NONE = 0,
    CHAT_LOG_THREAD_CREATED,
    CHAT_LOG_THREAD_UPDATED,
    CHAT_LOG_THREAD_DELETED,
    CHAT_LOG_MESSAGE_RECEIVED,
    CHAT_LOG_MESSAGE_EDITED,
    CHAT_LOG_MESSAGE_DELETED,
    CHAT_LOG_PARTICIPANTS_ADDED,
    CHAT_LOG_PARTICIPANTS_REMOVED,
    CHAT_LOG_READ_RECEIPT,
    CHAT_LOG_KIND_COUNT
};
struct chat_log_row {
    int64_t order; /* primary key: 1, 2, 3 … CHAT_LOG_ADD assigns it */
    struct uuid thread;
    enum chat_log_kind kind;
    unix_ms time;
    unix_ms message;   /* id, where one is concerned; else 0 */
    struct uuid actor; /* zeros: nobody (retention) */
    /** JSON, the service's own form, of what can't be read from the rows afterwards: topic, who
     * came or left, of a deleted thread who was in. Empty for messages. */
    struct str data;
};

/** A deleted user who still has a place in threads, or had one. CHANGE_USER_DELETE makes the row in
 * its own commit when he has one; so does CHANGE_CHAT_MEMBER_PUT when it lets in somebody who was
 * deleted meanwhile. CHANGE_USER_REVIVE takes it away, and so does CHANGE_CHAT_LEAVER_DELETE once
 * none of his memberships in threads that live is left; before that it changes nothing. Absent: OK.
 */
struct chat_leaver_row {
    struct uuid resource, user;
};

/** One turn of a thread: CHANGE_CHAT_TURN. Lives in the arena of the set's owner, which nobody else
 * touches until `done`. */
struct chat_turn {
    /* what is asked: */
    struct arena *arena; /* rows and texts that are found go here */
    struct uuid thread;
    const struct uuid *users; /* whose membership is looked up */
    size_t n_users;
    unix_ms message;                      /* a message that is looked up; 0: none */
    bool all_members;                     /* the present ones, in order of joining */
    bool receipt;                         /* the receipt of users[0] */
    const struct chat_leaver_row *leaver; /* is he one yet? NULL: not asked */
    /* what is found: */
    int64_t next_order; /* the number that the first CHAT_LOG_ADD after this turn will get */
    struct chat_thread_row row;      /* created 0: there is none */
    struct chat_member_row *members; /* n_users, in that order; joined 0: never was in */
    struct chat_member_row *all;     /* with all_members: n_all of them, as many as row.members */
    size_t n_all;
    struct chat_message_row found; /* id 0: there is none */
    struct chat_receipt_row read;  /* message 0: there is none */
    bool is_leaver;
    /** Writer thread, once, within the transaction: adds what follows by change_set_add(), or fails
     * the set alone (what would speak of the store itself, RC_FULL, RC_IO, RC_BUSY, RC_INTERNAL,
     * arrives as RC_INVALID). It touches nothing but the turn, its arena and its ctx; calls that
     * are said to be for any thread are allowed. */
    enum rc (*decide)(void *ctx, struct chat_turn *turn, struct change_set *set);
    void *ctx;
};

/** CHANGE_CHAT_CLEAR: some thousand rows of a deleted thread, its own row last: when `out_existed`
 * is set there may be more. RC_CONFLICT: it lives; absent: OK. */
struct chat_clear {
    struct uuid thread;
};

/** CHANGE_CHAT_MEMBER_DELETE: the membership of a leaver who has left the thread, and his receipt.
 * Whoever is in stays, and who lives again; absent: OK. */
struct chat_member_delete {
    struct uuid thread, user;
};

/** CHANGE_CHAT_PRUNE: repeats with kept_until before `now`, entries of the log before `log_before`
 * (by their time), at most `limit` of each. When it reached that with one, `out_existed` is set.
 * Only the `limit` oldest entries are looked at: one with a later time waits, and so may others. */
struct chat_prune {
    unix_ms now, log_before;
    uint32_t limit;
};

/** A page of messages ends with the one whose content and metadata reach this together. */
#define CHAT_PAGE_OCTETS ((size_t)2 * MIB)

/** Lists, for store_on_pool(). */
struct chat_query {
    enum {
        CHAT_LIST_THREADS = 1, /* threads of `resource` that live and in which `user` is or was
                                * (joined > 0), in no order, with his membership: all of them */
        CHAT_LIST_LATEST,      /* the same by activity, newest first; of one time, highest key
                                * first: see below */
        CHAT_LIST_MESSAGES,    /* of `thread`, highest seq first: see below */
        CHAT_LIST_MEMBERS,     /* present ones of `thread`, in order of joining */
        CHAT_LIST_RECEIPTS,    /* of `thread`, in order of users */
        CHAT_LIST_EXPIRED,     /* threads that live with expires <= `now`, oldest first */
        CHAT_LIST_DELETED,     /* threads that are deleted but not yet cleared */
        CHAT_LIST_LOG,         /* entries with order > `after_order`, oldest first */
        CHAT_LIST_SENT,        /* messages that `user` sent in `thread`, by id after `id_from` */
        CHAT_LIST_ALL,         /* threads of `resource` that live, newest first: see below */
        CHAT_LIST_LEAVERS,     /* in no order */
        CHAT_LIST_PLACES, /* threads of `resource` that live and in which `user` is or was, in no
                           * order, with his membership */
        CHAT_LIST_TRACES, /* what there is of `user` in messages of `thread`, by id after
                           * `id_from`: what he sent with its text or his name, and messages of
                           * the system whose content has his id */
    } what;
    struct uuid thread, user;
    /* ALL: from <= key < before (zeros: no such bound). Bounded as MESSAGES */
    struct uuid resource, from, before;
    /* MESSAGES: seq < seq_below (0: no such bound) and id_from <= id <= id_to (0: no such bound).
     * Looks at a bounded number of rows, and ends early when texts are long: a page may be short or
     * empty while there is more */
    int64_t seq_below;
    unix_ms id_from, id_to;
    /* LATEST: a thread is active when its newest message came, or when he left. From active_from
     * on; goes_on: behind the place (active_to, before) */
    unix_ms active_from, active_to;
    bool goes_on;
    bool present;  /* PLACES, LATEST: only those where he is in */
    uint32_t skip; /* MEMBERS, RECEIPTS */
    unix_ms now;
    int64_t after_order;
    uint32_t limit; /* 1..STORE_ROWS_MAX; not for THREADS */
};
struct chat_page {
    struct chat_thread_row *threads;
    struct chat_member_row *members; /* MEMBERS; THREADS, LATEST, PLACES: one for each thread */
    struct chat_message_row *messages;
    struct chat_receipt_row *receipts;
    struct chat_log_row *log;
    struct chat_leaver_row *leavers;
    size_t n;
    bool more;
    int64_t next_seq;     /* MESSAGES: go on with seq_below = this */
    struct uuid next_key; /* ALL: go on with before = this; a full page's last one */
    unix_ms next_id;      /* SENT, TRACES: go on with id_from = this; bounded as MESSAGES */
    int64_t first_order;  /* LOG: the oldest entry that is kept at all; 0: the log is empty */
    int64_t last_order;   /* LOG: the newest; 0: the log has never had one */
};

#endif
