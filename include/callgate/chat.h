/* The Chat service: threads, messages, who takes part, typing and read receipts. C99.
 *
 * All of it is done by a user: make the client with an endpoint and his access token
 * (cg_identity_issue_token(), scope "chat"), or with cg_client_options.get_token, which is asked
 * before each attempt and so can give a fresh one. Works against Azure, too. */
#ifndef CALLGATE_CHAT_H
#define CALLGATE_CHAT_H

#include "callgate/client.h"

CG_BEGIN

/* ---- what is sent: borrowed for the call; zeros mean "not given" ---- */

/** Who shall take part. */
struct cg_chat_person {
    const char *user_id; /* "8:acs:…" */
    const char *display_name;
    const char *share_history_from; /* RFC 3339: sees messages from then on; NULL: all of them */
    const char *metadata;           /* a JSON object of texts */
};

struct cg_chat_people {
    const struct cg_chat_person *items;
    size_t count; /* at most 200 */
};

/** A thread to be made. Whoever makes it takes part. */
struct cg_chat_thread_new {
    const char *topic;
    struct cg_chat_people people;
    const char *metadata;  /* a JSON object of texts */
    int delete_after_days; /* 30..90: the service deletes it then; 0: never */
    const char *repeat_id; /* the same again gives the same thread; NULL: an id of the library's,
                            * the same for all attempts of one call */
};

/** What of a thread shall become different. */
struct cg_chat_thread_change {
    const char *topic;
    const char *metadata;  /* a JSON object of texts: merged; an empty text removes its key */
    int delete_after_days; /* 30..90; 0: as it was; -1: never */
};

struct cg_chat_message_new {
    const char *text;         /* UTF-8, at most 28 KiB */
    int html;                 /* not 0: `text` is HTML, which the service cleans */
    const char *display_name; /* of the sender */
    const char *metadata;     /* a JSON object of texts */
};

/** What of a message shall become different. */
struct cg_chat_message_change {
    const char *text;
    const char *metadata; /* a JSON object of texts: merged; an empty text removes its key */
};

/** Which part of a list. All zeros: its first page. */
struct cg_chat_range {
    const char *next;  /* `next` of the page before; the other members are not looked at then */
    const char *since; /* threads, messages: RFC 3339, nothing older */
    int page_size;     /* 0: the service's */
    int skip;          /* participants, receipts */
};

/* ---- what comes back: texts that the service left out are NULL, a NUL in one is told as U+FFFD;
 * times are RFC 3339 ---- */

struct cg_chat_thread {
    char *id; /* "19:…@thread.v2" */
    char *topic;
    char *created_on;   /* not in lists */
    char *created_by;   /* user id; not in lists */
    char *last_message; /* when the newest one came; in lists only */
    char *metadata;     /* a JSON object */
    int delete_after_days;
};

/** Somebody who could not be added. */
struct cg_chat_refusal {
    char *user_id;
    char *code; /* "403", "404", … */
    char *message;
};
struct cg_chat_refusals {
    struct cg_chat_refusal *items;
    size_t count;
};

struct cg_chat_participant {
    char *user_id, *display_name, *share_history_from;
    char *metadata; /* a JSON object */
};

struct cg_chat_message {
    char *id;
    char *type; /* "text", "html", "topicUpdated", "participantAdded", "participantRemoved" */
    char *sequence_id, *version;
    char *text;                               /* text, html */
    char *topic;                              /* topicUpdated */
    struct cg_chat_participant *participants; /* participantAdded, participantRemoved */
    size_t participant_count;
    char *sender_name;
    char *sender_id; /* or, of a system message, who caused it */
    char *created_on, *edited_on, *deleted_on;
    char *metadata; /* a JSON object */
};

/** The id of a message that was sent. Holds it itself, nothing to free. */
struct cg_chat_sent {
    char id[64];
};

struct cg_chat_receipt {
    char *sender_id, *message_id, *read_on;
};

/* Pages. `next` is NULL on the last one; an empty page may have one. Zeros are fine for their
 * …_clear(). */
struct cg_chat_threads {
    struct cg_chat_thread *items;
    size_t count;
    char *next;
};
struct cg_chat_messages {
    struct cg_chat_message *items;
    size_t count;
    char *next;
};
struct cg_chat_participants {
    struct cg_chat_participant *items;
    size_t count;
    char *next;
};
struct cg_chat_receipts {
    struct cg_chat_receipt *items;
    size_t count;
    char *next;
};

/* ---- threads ---- */

/**
 * Makes a thread.
 *
 * The thread is made even when somebody could not be added: look at `out_refused`. A call whose
 * answer was lost is repeated by the library, and still makes one thread.
 *
 * @param client      borrowed; one thread at a time; by a token with scope chat.
 * @param thread      borrowed for the call.
 * @param out         written on success only; owned by the caller: cg_chat_thread_clear().
 * @param out_refused NULL, or written on success only; owned by the caller:
 *                    cg_chat_refusals_clear().
 * @param err         NULL, or filled on failure: HTTP status, service code, request id.
 * @return CG_OK; CG_INVALID (no topic, no user id, metadata that is no JSON object); CG_DENIED;
 *         CG_FORBIDDEN (another scope); CG_REFUSED; CG_BUSY; CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.2
 */
CG_API enum cg_status cg_chat_create_thread(struct cg_client *client,
                                            const struct cg_chat_thread_new *thread,
                                            struct cg_chat_thread *out,
                                            struct cg_chat_refusals *out_refused,
                                            struct cg_error *err) CG_NODISCARD;

/**
 * Lists the user's threads, newest activity first.
 *
 * @param client borrowed; one thread at a time.
 * @param range  NULL for the first page; borrowed for the call.
 * @param out    written on success only; owned by the caller: cg_chat_threads_clear().
 * @param err    NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (`next` is of another list); CG_DENIED; CG_REFUSED; CG_BUSY;
 *         CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.3
 */
CG_API enum cg_status cg_chat_list_threads(struct cg_client *client,
                                           const struct cg_chat_range *range,
                                           struct cg_chat_threads *out,
                                           struct cg_error *err) CG_NODISCARD;

/**
 * Reads a thread.
 *
 * @param client    borrowed; one thread at a time.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param out       written on success only; owned by the caller: cg_chat_thread_clear().
 * @param err       NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_FORBIDDEN (takes no part); CG_NOT_FOUND;
 *         CG_BUSY; CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §1.1
 */
CG_API enum cg_status cg_chat_get_thread(struct cg_client *client, const char *thread_id,
                                         struct cg_chat_thread *out,
                                         struct cg_error *err) CG_NODISCARD;

/**
 * Changes topic, metadata or retention of a thread. What is not given stays.
 *
 * @param client    borrowed; one thread at a time; by a token with scope chat.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param change    borrowed for the call.
 * @param err       NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id, metadata that is no JSON object); CG_DENIED; CG_FORBIDDEN;
 *         CG_NOT_FOUND; CG_REFUSED; CG_BUSY; CG_NETWORK; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.4
 */
CG_API enum cg_status cg_chat_update_thread(struct cg_client *client, const char *thread_id,
                                            const struct cg_chat_thread_change *change,
                                            struct cg_error *err) CG_NODISCARD;

/**
 * Deletes a thread for everybody in it.
 *
 * @param client    borrowed; one thread at a time; by a token with scope chat.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param err       NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_FORBIDDEN; CG_NOT_FOUND; CG_BUSY; CG_NETWORK;
 *         CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.5
 */
CG_API enum cg_status cg_chat_delete_thread(struct cg_client *client, const char *thread_id,
                                            struct cg_error *err) CG_NODISCARD;

/* ---- messages ---- */

/**
 * Sends a message. The service has no way to recognise a second try: when the answer is lost, the
 * call fails with CG_NETWORK and the message may have been sent.
 *
 * @param client    borrowed; one thread at a time.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param message   borrowed for the call.
 * @param out       NULL, or written on success only; nothing to free.
 * @param err       NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id or text, metadata that is no JSON object); CG_DENIED;
 *         CG_FORBIDDEN (takes no part); CG_NOT_FOUND; CG_REFUSED; CG_BUSY; CG_NETWORK;
 *         CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.6
 */
CG_API enum cg_status cg_chat_send_message(struct cg_client *client, const char *thread_id,
                                           const struct cg_chat_message_new *message,
                                           struct cg_chat_sent *out,
                                           struct cg_error *err) CG_NODISCARD;

/**
 * Lists messages, those that changed last first; also what the service notes itself, and deleted
 * ones without their text.
 *
 * @param client    borrowed; one thread at a time.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param range     NULL for the first page; borrowed for the call.
 * @param out       written on success only; owned by the caller: cg_chat_messages_clear().
 * @param err       NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id, `next` is of another list); CG_DENIED; CG_FORBIDDEN;
 *         CG_NOT_FOUND; CG_REFUSED; CG_BUSY; CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.6
 */
CG_API enum cg_status cg_chat_list_messages(struct cg_client *client, const char *thread_id,
                                            const struct cg_chat_range *range,
                                            struct cg_chat_messages *out,
                                            struct cg_error *err) CG_NODISCARD;

/**
 * Reads one message.
 *
 * @param client     borrowed; one thread at a time.
 * @param thread_id  NUL-terminated; borrowed for the call.
 * @param message_id NUL-terminated; borrowed for the call.
 * @param out        written on success only; owned by the caller: cg_chat_message_clear().
 * @param err        NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_FORBIDDEN; CG_NOT_FOUND; CG_BUSY; CG_NETWORK;
 *         CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.6
 */
CG_API enum cg_status cg_chat_get_message(struct cg_client *client, const char *thread_id,
                                          const char *message_id, struct cg_chat_message *out,
                                          struct cg_error *err) CG_NODISCARD;

/**
 * Edits a message of the user's own. What is not given stays.
 *
 * @param client     borrowed; one thread at a time.
 * @param thread_id  NUL-terminated; borrowed for the call.
 * @param message_id NUL-terminated; borrowed for the call.
 * @param change     borrowed for the call.
 * @param err        NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id, metadata that is no JSON object); CG_DENIED; CG_FORBIDDEN
 *         (another's message); CG_NOT_FOUND; CG_REFUSED; CG_BUSY; CG_NETWORK; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.6
 */
CG_API enum cg_status cg_chat_update_message(struct cg_client *client, const char *thread_id,
                                             const char *message_id,
                                             const struct cg_chat_message_change *change,
                                             struct cg_error *err) CG_NODISCARD;

/**
 * Deletes a message of the user's own: it stays in the list, without its text.
 *
 * @param client     borrowed; one thread at a time.
 * @param thread_id  NUL-terminated; borrowed for the call.
 * @param message_id NUL-terminated; borrowed for the call.
 * @param err        NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_FORBIDDEN (another's message); CG_NOT_FOUND;
 *         CG_BUSY; CG_NETWORK; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.6
 */
CG_API enum cg_status cg_chat_delete_message(struct cg_client *client, const char *thread_id,
                                             const char *message_id,
                                             struct cg_error *err) CG_NODISCARD;

/* ---- participants ---- */

/**
 * Lists who takes part, in the order of joining.
 *
 * @param client    borrowed; one thread at a time.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param range     NULL for the first page; borrowed for the call.
 * @param out       written on success only; owned by the caller: cg_chat_participants_clear().
 * @param err       NULL, or filled on failure.
 * @return as cg_chat_list_messages().
 * Thread rule: as the client.
 * @source wire/chat §2.7
 */
CG_API enum cg_status cg_chat_list_participants(struct cg_client *client, const char *thread_id,
                                                const struct cg_chat_range *range,
                                                struct cg_chat_participants *out,
                                                struct cg_error *err) CG_NODISCARD;

/**
 * Adds participants. Those who are in already stay as they are. Somebody who could not be added is
 * no failure of the call: look at `out_refused`.
 *
 * @param client      borrowed; one thread at a time; by a token with scope chat or chat.join.
 * @param thread_id   NUL-terminated; borrowed for the call.
 * @param people      borrowed for the call.
 * @param out_refused NULL, or written on success only; owned by the caller:
 *                    cg_chat_refusals_clear().
 * @param err         NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id, nobody, metadata that is no JSON object); CG_DENIED;
 *         CG_FORBIDDEN; CG_NOT_FOUND; CG_REFUSED; CG_BUSY; CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.7
 */
CG_API enum cg_status cg_chat_add_participants(struct cg_client *client, const char *thread_id,
                                               const struct cg_chat_people *people,
                                               struct cg_chat_refusals *out_refused,
                                               struct cg_error *err) CG_NODISCARD;

/**
 * Removes a participant; the user himself to leave.
 *
 * @param client    borrowed; one thread at a time; by a token with scope chat or chat.join.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param user_id   NUL-terminated; borrowed for the call.
 * @param err       NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_FORBIDDEN; CG_NOT_FOUND (nor does he take
 *         part); CG_REFUSED; CG_BUSY; CG_NETWORK; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.7
 */
CG_API enum cg_status cg_chat_remove_participant(struct cg_client *client, const char *thread_id,
                                                 const char *user_id,
                                                 struct cg_error *err) CG_NODISCARD;

/* ---- typing and receipts ---- */

/**
 * Tells the others that the user is typing. Once in 8 seconds is enough.
 *
 * @param client       borrowed; one thread at a time.
 * @param thread_id    NUL-terminated; borrowed for the call.
 * @param display_name NULL, or what to call the user; borrowed for the call.
 * @param err          NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_FORBIDDEN; CG_NOT_FOUND; CG_BUSY; CG_NETWORK;
 *         CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.8
 */
CG_API enum cg_status cg_chat_send_typing(struct cg_client *client, const char *thread_id,
                                          const char *display_name,
                                          struct cg_error *err) CG_NODISCARD;

/**
 * Tells that the user has read everything up to a message.
 *
 * @param client     borrowed; one thread at a time.
 * @param thread_id  NUL-terminated; borrowed for the call.
 * @param message_id NUL-terminated; borrowed for the call.
 * @param err        NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_FORBIDDEN; CG_NOT_FOUND; CG_BUSY; CG_NETWORK;
 *         CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/chat §2.8
 */
CG_API enum cg_status cg_chat_send_receipt(struct cg_client *client, const char *thread_id,
                                           const char *message_id,
                                           struct cg_error *err) CG_NODISCARD;

/**
 * Lists how far each participant has read, the user himself too.
 *
 * @param client    borrowed; one thread at a time.
 * @param thread_id NUL-terminated; borrowed for the call.
 * @param range     NULL for the first page; borrowed for the call.
 * @param out       written on success only; owned by the caller: cg_chat_receipts_clear().
 * @param err       NULL, or filled on failure.
 * @return as cg_chat_list_messages().
 * Thread rule: as the client.
 * @source wire/chat §2.8
 */
CG_API enum cg_status cg_chat_list_receipts(struct cg_client *client, const char *thread_id,
                                            const struct cg_chat_range *range,
                                            struct cg_chat_receipts *out,
                                            struct cg_error *err) CG_NODISCARD;

/* ---- what is given back ---- */

/**
 * Frees what a thread holds and zeroes it.
 *
 * @param thread NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_chat_thread_clear(struct cg_chat_thread *thread);

/**
 * Frees what a page of threads holds and zeroes it.
 *
 * @param threads NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_chat_threads_clear(struct cg_chat_threads *threads);

/**
 * Frees what refusals hold and zeroes them.
 *
 * @param refusals NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_chat_refusals_clear(struct cg_chat_refusals *refusals);

/**
 * Frees what a message holds, wiping its text, and zeroes it.
 *
 * @param message NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_chat_message_clear(struct cg_chat_message *message);

/**
 * Frees what a page of messages holds, wiping their texts, and zeroes it.
 *
 * @param messages NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_chat_messages_clear(struct cg_chat_messages *messages);

/**
 * Frees what a page of participants holds and zeroes it.
 *
 * @param participants NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_chat_participants_clear(struct cg_chat_participants *participants);

/**
 * Frees what a page of receipts holds and zeroes it.
 *
 * @param receipts NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_chat_receipts_clear(struct cg_chat_receipts *receipts);

CG_END

#endif
