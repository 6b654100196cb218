/* What the files of the chat service share, and nobody else sees. Source: wire/chat.
 *
 * A write is a turn of its thread (store/chat.h): the loop refuses early what can't succeed, the
 * writer thread decides again on what it then finds, and what happened goes to the bus once it is
 * durable. Reads of one row run on the loop, lists on the pool. */
#ifndef SERVICES_CHAT_PRIVATE_H
#define SERVICES_CHAT_PRIVATE_H

#include "base/json.h"
#include "gate/gate.h"
#include "services/answer.h"
#include "services/chat/chat.h"
#include "services/chat/chat_notice.h"
#include "services/site.h"
#include "store/change_list.h"

#define CHAT_PAGE_MAX       ((uint32_t)200)
#define CHAT_MEMBERS_MAX    ((uint32_t)250) /* in a thread */
#define CHAT_ADD_MAX        ((size_t)200)   /* participants in one request */
#define CHAT_TOPIC_MAX      ((size_t)250)   /* characters */
#define CHAT_NAME_MAX       ((size_t)256)   /* characters of a display name */
#define CHAT_CONTENT_MAX    ((size_t)28672) /* octets of a message */
#define CHAT_METADATA_MAX   ((size_t)1024)  /* octets of names and values of a thread, a member */
#define CHAT_LIVELY_MAX     ((uint32_t)20)  /* members, up to which typing and receipts are told */
#define CHAT_RETENTION_MIN  30              /* days */
#define CHAT_RETENTION_MAX  90
#define CHAT_REPEAT_KEPT_MS ((int64_t)25 * 60 * 60 * 1000)

struct chat_keeper;
struct chat_leavers;
struct chat_limits;

/** Made once, lent to every loop. */
struct chat {
    struct chat_options options;
    struct chat_limits *limits; /* NULL: none */
    struct chat_keeper *keeper;
    struct chat_leavers *leavers;
};

/** Versions and refusals of all routes under /chat: chat_routes.c. */
extern const struct service chat_service;

/* ---- ids: chat_ids.c. Source: wire/chat §1.4 ---- */

#define CHAT_THREAD_ID_LEN ((size_t)57)
/** "19:<43 characters>1@thread.v2"; no NUL. */
void chat_thread_id_format(const struct uuid *key, const struct uuid *secret,
                           char out[static CHAT_THREAD_ID_LEN]);
/** The id of a row, in the arena. */
struct str chat_thread_id(const struct chat_thread_row *row, struct arena *arena) NODISCARD;
/** Byte by byte of that form, and no other spelling of the same octets. RC_INVALID. */
enum rc chat_thread_id_parse(struct str text, struct uuid *out_key,
                             struct uuid *out_secret) NODISCARD;
/** True when the row is the thread that key and secret of an id name, compared in constant time. */
bool chat_thread_is(const struct chat_thread_row *row, const struct uuid *secret) NODISCARD;
/** Decimal digits without a leading zero, within int64. RC_INVALID. */
enum rc chat_message_id_parse(struct str text, unix_ms *out) NODISCARD;
#define CHAT_DIGITS_MAX ((size_t)20)
/** A number that is not negative, in decimal digits: a slice of `room`. */
struct str chat_digits(int64_t value, char room[static CHAT_DIGITS_MAX]) NODISCARD;
/** The same in the arena. */
struct str chat_message_id(unix_ms id, struct arena *arena) NODISCARD;

/* ---- forms of answers: chat_form.c. Source: wire/chat §1.3 ---- */

/** "text", "html", "topicUpdated", "participantAdded", "participantRemoved". */
struct str chat_message_type_name(enum chat_message_type type);
/** "2021-06-15T23:04:09Z": whole seconds, as all times of this service. */
void chat_member_time(struct json_writer *w, const char *name, unix_ms t);
/** {"rawId":"8:acs:…","communicationUser":{"id":"8:acs:…"}} */
void chat_identifier_write(struct json_writer *w, const struct uuid *resource,
                           const struct uuid *user);
/** A ChatParticipant. */
void chat_participant_write(struct json_writer *w, const struct uuid *resource,
                            const struct chat_participant *p);
/** The participant that a row is about; texts are borrowed from it. */
struct chat_participant chat_participant_of(const struct chat_member_row *row) NODISCARD;
/** A ChatMessage. */
void chat_message_write(struct json_writer *w, const struct uuid *resource,
                        const struct chat_message_row *row);
/** A ChatThreadProperties. */
void chat_thread_write(struct json_writer *w, const struct chat_thread_row *row);
/** {"kind":"none"} or {"kind":"threadCreationDate","deleteThreadAfterDays":n}. */
void chat_retention_write(struct json_writer *w, uint32_t days);

/* ---- the log: chat_log.c ---- */

/** What an entry of the log keeps of a notice beyond its own columns: JSON in the arena, or empty.
 */
struct str chat_log_data(const struct chat_notice *what, struct arena *arena) NODISCARD;
/** The other way: the notice of an entry, for clients that catch up. `thread` and `message` are the
 * rows as they now are, NULL when there are none any more: a message that was edited or deleted
 * since is told with its present text. Texts go to the arena, or are borrowed from the rows.
 * base.kind, topic, resource and order are set; `users` and `members` are not. RC_NOT_FOUND: what
 * it is about is gone, and nothing can be told; RC_INVALID: it is none of ours. */
enum rc chat_notice_from_log(const struct chat_log_row *entry, const struct chat_thread_row *thread,
                             const struct chat_message_row *message, struct arena *arena,
                             struct chat_notice *out) NODISCARD;

/* ---- who may: chat_enter.c. Source: wire/chat §1.5, §2.1 ---- */

/** A thread, and the caller's place in it. */
struct chat_place {
    struct uuid secret;
    struct chat_thread_row thread;
    struct chat_member_row member;
};
/** What a thread in the path is to a caller who must be in it now: on false answered. */
bool chat_enter(struct request *req, struct chat_place *out) NODISCARD;
/** The same for one who is, or was in it and may still read (chat.removed_reads). */
bool chat_enter_to_read(struct request *req, struct chat_place *out) NODISCARD;
/** Messages with ids from..to are for him; to 0: no bound. */
void chat_window(const struct chat_member_row *member, unix_ms *out_from, unix_ms *out_to);
bool chat_sees(const struct chat_member_row *member, unix_ms message) NODISCARD;
/** The thread as a member may know it: who has left is told its topic as it was then, and nothing
 * else that others can change. Texts are borrowed from both. */
struct chat_thread_row chat_thread_for(const struct chat_thread_row *row,
                                       const struct chat_member_row *member) NODISCARD;

/* ---- what is kept about a user: chat_export.c ---- */

void chat_user_export(struct request *req);

#endif
