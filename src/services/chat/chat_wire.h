/* The REST operations: their handlers, and what these share. Source: wire/chat §1, §2. */
#ifndef SERVICES_CHAT_WIRE_H
#define SERVICES_CHAT_WIRE_H

#include "services/chat/chat_private.h"

/** Numbers of the versions, in order. All are served alike. */
enum chat_version {
    CHAT_2021_03_07 = 1,
    CHAT_2021_04_05_PREVIEW6,
    CHAT_2021_09_07,
    CHAT_2021_09_27, /* how one SDK spells the former */
    CHAT_2023_04_01_PREVIEW,
    CHAT_2023_07_01_PREVIEW,
    CHAT_2023_11_07,
    CHAT_2023_11_15_PREVIEW,
    CHAT_2024_03_07,
    CHAT_2024_03_15_PREVIEW,
    CHAT_2024_09_01,
    CHAT_2025_03_15,
    CHAT_LAST = CHAT_2025_03_15
};

/* ---- refusals: chat_answer.c. Source: wire/chat §2.1 ---- */

#define CHAT_PROBLEMS_MAX 8

/** What is wrong with a request: the first of it is enough to tell. */
struct chat_problems {
    struct error_detail items[CHAT_PROBLEMS_MAX];
    size_t n;
};
/** Texts are static, or live as long as the request. */
void chat_problem_add(struct chat_problems *p, struct str message, struct str target);
/** 400 with all of them. */
void chat_answer_problems(struct request *req, const struct chat_problems *p);
/** 400 with one. */
void chat_answer_problem(struct request *req, struct str message, struct str target);
/** What a failed store call means to the caller. */
void chat_answer_rc(struct request *req, enum rc rc);
/** The thread is none that the caller may know of: 404, or 403 with chat.hide_foreign. */
void chat_answer_no_thread(struct request *req, struct str explain);

/* ---- bodies: chat_read.c. Source: wire/chat §1.3 ---- */

/** A body on its way in. `body` is NULL when there was none. Texts that are read are copied to the
 * request's arena. */
struct chat_reading {
    struct request *req;
    json_t *body;
    struct chat_problems problems;
    bool too_large; /* the message: 413 whatever else is wrong */
};
/** On false it is no JSON object, and that is answered. */
bool chat_reading_begin(struct chat_reading *r, struct request *req) NODISCARD;
/** Forgets the body; true when nothing was wrong, else that is answered. */
bool chat_reading_end(struct chat_reading *r) NODISCARD;
/** A string member of the body; absent and null leave `out` as it was. */
void chat_read_str(struct chat_reading *r, const char *name, size_t max_chars, struct str *out);
/** False when the member is absent. `null` counts as present. */
bool chat_reading_has(const struct chat_reading *r, const char *name) NODISCARD;
/** `topic`: not empty, as long as it may be. */
void chat_read_topic(struct chat_reading *r, struct str *out);
/** `metadata` of something new, as JSON text; empty: none. `max`: octets of names and values. */
void chat_read_metadata(struct chat_reading *r, size_t max, struct str *out);
/** `metadata` as a change, see chat_metadata_merge(): its text; null gives "null"; empty: none. */
void chat_read_metadata_patch(struct chat_reading *r, size_t max, struct str *out);
/** `retentionPolicy`: days, 0 for none. False when it is absent. */
bool chat_read_retention(struct chat_reading *r, uint32_t *out_days);
/** A date of a request: RFC 3339 with any fraction, or as the service writes it into links. */
enum rc chat_time_parse(struct str text, struct arena *arena, unix_ms *out) NODISCARD;

/** In the arena. */
struct str chat_json_text(const json_t *value, struct arena *arena) NODISCARD;

/** Merges a change into the metadata that is there: members of null or "" go. *out: JSON text in
 * the arena, empty when nothing is left. RC_TOO_LARGE: more than `max` octets of names and values.
 */
enum rc chat_metadata_merge(struct str old, struct str patch, size_t max, struct arena *arena,
                            struct str *out) NODISCARD;

/** Somebody whom a request names. */
struct chat_person {
    struct str raw_id; /* as it was given, or as it would be written */
    struct user_key key;
    int code;           /* 0: an id of this resource; else why not, as an HTTP status */
    struct str message; /* why not */
};
/** Reads an identifier object. `target` is where it stands. False: a problem was added. */
bool chat_read_person(struct chat_reading *r, const json_t *identifier, struct str target,
                      struct chat_person *out) NODISCARD;

/** Whom a request brings into a thread. */
struct chat_guest {
    struct chat_person person;
    struct chat_participant participant;
};
struct chat_guests {
    struct chat_guest *items;
    size_t n;
};
/** `participants`: a second mention of one is dropped. `required`: an empty list won't do.
 * chat_guests.c. */
void chat_read_guests(struct chat_reading *r, bool required, struct chat_guests *out);
/** Marks those of whom there is no living user. On the loop; on false answered. */
bool chat_guests_look_up(struct request *req, struct chat_guests *guests) NODISCARD;
/** Writes `invalidParticipants` unless all were fine. */
void chat_guests_write_invalid(struct json_writer *w, const struct chat_guests *guests);
/** Room for that. */
size_t chat_guests_invalid_max(const struct chat_guests *guests) NODISCARD;
/** The participants as a system message tells them: JSON array in the arena. */
struct str chat_participants_text(const struct uuid *resource, const struct chat_participant *items,
                                  size_t n, struct arena *arena) NODISCARD;

/* ---- html: chat_html.c ---- */

/** What may stay of it: formatting, links and pictures by http(s), nothing that runs. In the
 * arena. RC_TOO_LARGE: longer than `max`. What comes out goes in unchanged. */
enum rc chat_html_clean(struct str html, size_t max, struct arena *arena,
                        struct str *out) NODISCARD;

/* ---- limits: chat_limits.c. Source: wire/chat §2.9 ---- */

enum chat_limit_op {
    CHAT_LIMIT_CREATE_THREAD = 0,
    CHAT_LIMIT_DELETE_THREAD,
    CHAT_LIMIT_UPDATE_THREAD,
    CHAT_LIMIT_GET_THREAD,
    CHAT_LIMIT_LIST_THREADS,
    CHAT_LIMIT_CHANGE_PARTICIPANTS,
    CHAT_LIMIT_LIST_PARTICIPANTS,
    CHAT_LIMIT_GET_MESSAGE,
    CHAT_LIMIT_LIST_MESSAGES,
    CHAT_LIMIT_CHANGE_MESSAGES,
    CHAT_LIMIT_LIST_RECEIPTS,
    CHAT_LIMIT_SEND_RECEIPT,
    CHAT_LIMIT_TYPING,
    CHAT_LIMIT_OP_COUNT
};
/** Owned. `factor` multiplies the documented numbers. */
struct chat_limits *chat_limits_new(double factor);
/** NULL is fine. */
void chat_limits_free(struct chat_limits *l);
/** Counts one call of `user`, on `thread` where the limit is by thread. False: a share is used up,
 * with the seconds until it is free again and the limit's name (static). Any thread. */
struct chat_limit_call {
    enum chat_limit_op op;
    struct user_key user;
    struct uuid thread;
};
bool chat_limits_take(struct chat_limits *l, const struct chat_limit_call *call, mono_ns now,
                      uint32_t *out_retry_s, struct str *out_name) NODISCARD;
/** The same for a request; `thread` may be NULL. On false 429 has been answered. */
bool chat_limits_allow(struct request *req, enum chat_limit_op op,
                       const struct uuid *thread) NODISCARD;

/* ---- lists: chat_list.c ---- */

#define CHAT_PLACE_LEN 3 /* numbers that a place in a list takes at most */

/** One list request, in the request's arena. */
struct chat_listing {
    struct request *req;
    uint32_t size; /* maxPageSize */
    struct chat_query query;
    struct chat_page page;
    struct arena arena; /* what was found */
    enum rc rc;
    /** Writes the items into the open array. *out_place: the parameter that leads to the next page,
     * "skip=2", in the request's arena; untouched on the last one. */
    void (*write)(struct chat_listing *l, struct json_writer *w, struct str *out_place);
    unix_ms start; /* startTime; 0: none */
};
/** "syncState=…", in the request's arena. */
struct str chat_listing_cursor(struct chat_listing *l, struct str what,
                               const uint64_t place[static CHAT_PLACE_LEN]) NODISCARD;
/** Where a former page ended, from the query; *out_given false: this is the first. On false 400 has
 * been answered. */
bool chat_listing_place(struct chat_listing *l, struct str what, bool *out_given,
                        uint64_t out[static CHAT_PLACE_LEN]) NODISCARD;
/** Reads maxPageSize and startTime. On false 400 has been answered. */
bool chat_listing_begin(struct chat_listing *l, struct request *req,
                        uint32_t default_size) NODISCARD;
/** The same with skip. */
bool chat_listing_skip(struct chat_listing *l) NODISCARD;
/** Holds the request, asks the store on the pool, answers the page. */
void chat_listing_run(struct chat_listing *l);

#define CHAT_CURSOR_LEN ((size_t)64)
/** A place in a list as an opaque text: numbers, and a sum over them and `what` they are a place
 * in. No NUL. chat_cursor.c. */
void chat_cursor_write(struct str what, const uint64_t place[static CHAT_PLACE_LEN],
                       char out[static CHAT_CURSOR_LEN]);
/** RC_INVALID: not of ours, or of another list. */
enum rc chat_cursor_read(struct str text, struct str what,
                         uint64_t out[static CHAT_PLACE_LEN]) NODISCARD;

/* ---- writes: chat_write.c ---- */

/** A turn of a thread on behalf of a request or of retention; first member of what each kind of
 * write adds to it. Lives in `arena`. */
struct chat_write {
    struct chat *chat;
    struct arena *arena;
    struct request *req; /* NULL: the service's own doing */
    unix_ms now;
    struct user_key actor; /* user zeros: retention */
    struct uuid secret;
    bool creates; /* the thread must not be there, instead of: be there, with the actor in it */
    struct chat_turn turn;
    /** Writer thread: the decision, on what the turn has found. Adds changes to the set and fills
     * `notice`, or returns why not. */
    const struct api_error *(*decide)(struct chat_write *w, struct change_set *set);
    /** Something happened that is to be told: `notice` goes into the log, to webhooks, and once it
     * is durable to the bus. */
    bool tells;
    struct chat_notice notice;
    const struct api_error *refused;
    struct error_detail problem; /* what it names, if anything */
    struct str explain;
    /** On the loop, when it is durable. */
    void (*answer)(struct chat_write *w);
    /** The same whatever came of it, instead; NULL: refusals and failures are answered. */
    void (*done)(struct chat_write *w, enum rc rc);
    void *ctx; /* of whoever asks without a request */
    struct change_set set;
    struct change first;
};
/** A write of the caller's in the thread that he was let into. */
void chat_write_begin(struct chat_write *w, struct request *req, const struct chat_place *place);
/** Holds the request and commits. `event`: what will be told, if anything. */
void chat_write_commit(struct chat_write *w, enum chat_event event);
/** Within decide(): chat_metadata_merge(), or why not. */
const struct api_error *chat_write_merge(struct chat_write *w, struct str old, struct str patch,
                                         size_t max, struct str *out) NODISCARD;
/** Within decide(): the thread as it will be. */
void chat_write_thread(struct chat_write *w, struct change_set *set,
                       const struct chat_thread_row *row);
/** The same when nothing but its numbers moves. */
void chat_write_head(struct chat_write *w, struct change_set *set,
                     const struct chat_thread_row *row);
/** Gives a new message its id, version and numbers; the thread's row goes forward. */
void chat_write_number(const struct chat_write *w, struct chat_thread_row *row,
                       struct chat_message_row *message);
/** Adds a message. Of a new thread: behind its row. */
void chat_write_message(struct chat_write *w, struct change_set *set,
                        const struct chat_message_row *message);
/** A notice about the thread as `row` says it, caused by the actor now. */
struct chat_notice chat_write_notice(const struct chat_write *w, enum chat_event event,
                                     const struct chat_thread_row *row) NODISCARD;
/** Present members that the turn has found, as participants, in the arena. */
struct chat_participant *chat_write_members(const struct chat_write *w, size_t *out_n);

/** Within decide(): `notice` goes into the log and to webhooks, as turn.next_order. */
void chat_write_tell(struct chat_write *w, struct change_set *set);
/** Writer thread, once it is durable: it goes to the bus. */
void chat_write_publish(const struct chat *c, const struct chat_notice *notice);

/** A thread in the making. */
struct chat_making {
    struct chat_write write; /* first */
    struct str topic, metadata;
    uint32_t days; /* of retention; 0: none */
    struct uuid secret;
    struct chat_participant *participants; /* the creator first */
    size_t n;
    struct chat_thread_row made; /* once it is decided */
};
/** Decides that the actor makes it now. chat_create.c. */
void chat_thread_make(struct chat_making *m, struct change_set *set);
/** What a message's body says: type, content, senderDisplayName and metadata. chat_messages.c. */
void chat_reading_message(struct chat_reading *r, struct chat_message_row *out);
/** Decides that the actor sends it now; the turn's thread goes on. chat_messages.c. */
void chat_message_add(struct chat_write *w, struct change_set *set, struct chat_message_row *m);

/** Sets the retention policy of a thread: 0 days for none. chat_threads.c. */
void chat_thread_retain(struct chat_thread_row *row, uint32_t days);
/** A write without a request that ends the thread, by nobody in it. */
void chat_thread_end_begin(struct chat_write *w, const struct chat_thread_row *row);
/** Decides that the thread ends now; its members must have been looked up. */
const struct api_error *chat_thread_end(struct chat_write *w, struct change_set *set);
/** Decides that `member`, who is in, leaves or is removed by the actor. What is told of him lies in
 * `goes`, which lives as long as `w`. chat_participants.c. */
void chat_member_leave(struct chat_write *w, struct change_set *set,
                       const struct chat_member_row *member, struct chat_participant *goes);
/** Decides that the message, one of the actor's, is deleted now. chat_messages.c. */
void chat_message_end(struct chat_write *w, struct change_set *set, struct chat_message_row *m);
/** 204, for writes that have nothing to show. */
void chat_write_answer_empty(struct chat_write *w);

/* ---- handlers ---- */

void chat_thread_create(struct request *req);
void chat_threads_list(struct request *req);
void chat_thread_get(struct request *req);
void chat_thread_update(struct request *req);
void chat_thread_delete(struct request *req);
void chat_message_send(struct request *req);
void chat_messages_list(struct request *req);
void chat_message_get(struct request *req);
void chat_message_update(struct request *req);
void chat_message_delete(struct request *req);
void chat_participants_list(struct request *req);
void chat_participants_add(struct request *req);
void chat_participants_remove(struct request *req);
void chat_typing_send(struct request *req);
void chat_receipts_list(struct request *req);
void chat_receipt_send(struct request *req);

#endif
