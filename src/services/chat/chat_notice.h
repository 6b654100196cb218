/* What happened in a thread, as it goes over the bus to live connections. Made by chat_notice.c in
 * one piece of memory, from what was committed; rendered by each protocol in its own form. */
#ifndef SERVICES_CHAT_CHAT_NOTICE_H
#define SERVICES_CHAT_CHAT_NOTICE_H

#include "events/bus.h"
#include "store/chat.h"

enum chat_event {
    CHAT_EVENT_NONE = 0,
    CHAT_EVENT_MESSAGE_RECEIVED,
    CHAT_EVENT_MESSAGE_EDITED,
    CHAT_EVENT_MESSAGE_DELETED,
    CHAT_EVENT_TYPING, /* not in the log: order 0 */
    CHAT_EVENT_READ_RECEIPT,
    CHAT_EVENT_THREAD_CREATED,
    CHAT_EVENT_THREAD_UPDATED,
    CHAT_EVENT_THREAD_DELETED,
    CHAT_EVENT_PARTICIPANTS_ADDED,
    CHAT_EVENT_PARTICIPANTS_REMOVED,
    CHAT_EVENT_COUNT
};

struct chat_participant {
    struct uuid user;
    struct str display_name; /* empty: none */
    unix_ms share_from;
    struct str metadata; /* JSON object; empty: none */
};

/** Immutable. Texts live as long as it does. */
struct chat_notice {
    struct notice base; /* first; its topic is the thread's key */
    enum chat_event event;
    struct str thread_id;  /* "19:…@thread.v2" */
    unix_ms time;          /* of what happened; also its version */
    struct uuid actor;     /* who did it; zeros: retention */
    struct str actor_name; /* senderDisplayName, of messages and typing; empty: none */
    /* MESSAGE_…, READ_RECEIPT: the message. Of a deleted one content and metadata are empty */
    unix_ms message, version, edited, deleted;
    int64_t seq; /* sequenceId */
    enum chat_message_type type;
    struct str content, metadata;
    unix_ms read_on;
    /* THREAD_…, PARTICIPANTS_…: the thread as it now is. THREAD_DELETED: `deleted`, too */
    unix_ms created;
    struct uuid created_by;
    struct str topic, thread_metadata;
    uint32_t delete_after_days;
    /* PARTICIPANTS_…: who came or left; THREAD_CREATED, THREAD_DELETED: all */
    const struct chat_participant *participants;
    size_t n_participants;
    /* PARTICIPANTS_ADDED: all who are in now, for those who came */
    const struct chat_participant *members;
    size_t n_members;
};

/** Zeros: no user was behind it. */
bool chat_is_nobody(const struct uuid *user) NODISCARD;
/** A deep copy of `plain` with one reference, to be published. `plain->base.users` too. */
struct chat_notice *chat_notice_make(const struct chat_notice *plain);

#endif
