/* What the two halves of chat share: how its rows are read. Writing: sqlite_chat.c; reading:
 * sqlite_chat_read.c. Threads have a number here which nobody outside sees: it keeps indexes
 * narrow.
 */
#ifndef STORE_SQLITE_SQLITE_CHAT_H
#define STORE_SQLITE_SQLITE_CHAT_H

#include "store/sqlite/sqlite_backend.h"

/** Rows of a thread that one CHANGE_CHAT_CLEAR deletes of each kind. */
#define CHAT_CLEAR_STEP 2000

/* Columns in the order of chat_…_of(). */
#define CHAT_THREAD_COLUMNS                                                                        \
    "t.num, t.id, t.secret, t.resource, t.created_by, t.created, t.deleted, t.members,"            \
    " t.delete_after_days, t.expires, t.topic, t.metadata, h.seq, h.last_id"
#define CHAT_THREAD_TABLES " FROM chat_threads AS t CROSS JOIN chat_heads AS h ON h.thread = t.num"
#define CHAT_MEMBER_COLUMNS                                                                        \
    "m.user, m.joined, m.gone, m.left_on, m.share_from, m.display_name, m.metadata, m.topic"
#define CHAT_MESSAGE_COLUMNS                                                                       \
    "m.id, m.seq, m.first_seq, m.type, m.sender, m.version, m.edited, m.deleted,"                  \
    " m.sender_name, m.content, m.metadata"
enum { /* the first column of a membership that stands behind a thread */
       CHAT_THREAD_WIDTH = 14
};

/** Rows from columns that begin at `at`; texts go to `arena`. */
struct chat_thread_row chat_thread_of(sqlite3_stmt *st, struct arena *arena) NODISCARD;
struct chat_member_row chat_member_of(sqlite3_stmt *st, int at, const struct uuid *thread,
                                      struct arena *arena) NODISCARD;
struct chat_message_row chat_message_of(sqlite3_stmt *st, const struct uuid *thread,
                                        struct arena *arena) NODISCARD;

/* sqlite_chat.c: what the change kinds of these names say */
/** Appends to `set`, whose items may move. */
enum rc apply_chat_turn(struct backend *b, struct chat_turn *turn,
                        struct change_set *set) NODISCARD;
enum rc apply_chat_thread_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log) NODISCARD;
enum rc apply_chat_head_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                            struct log_out *log) NODISCARD;
enum rc apply_chat_member_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log) NODISCARD;
enum rc apply_chat_message_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log) NODISCARD;
enum rc apply_chat_receipt_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log) NODISCARD;
enum rc apply_chat_repeat_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log) NODISCARD;
/** What CHANGE_CHAT_LOG_ADD takes. */
bool chat_log_is_entry(const struct chat_log_row *row) NODISCARD;
enum rc apply_chat_log_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log) NODISCARD;
enum rc apply_chat_clear(struct backend *b, sqlite3_stmt *st, struct change *c,
                         struct log_out *log) NODISCARD;
enum rc apply_chat_prune(struct backend *b, sqlite3_stmt *st, struct change *c,
                         struct log_out *log) NODISCARD;
enum rc apply_chat_member_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log) NODISCARD;
enum rc apply_chat_leaver_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log) NODISCARD;

/* sqlite_chat_read.c */
enum rc read_chat_thread(struct backend_reader *r, uint64_t stamp, const struct uuid *key,
                         struct arena *arena, struct chat_thread_row *out) NODISCARD;
/** In: its thread and user. */
enum rc read_chat_member(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                         struct chat_member_row *in_out) NODISCARD;
/** In: its thread and id. */
enum rc read_chat_message(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                          struct chat_message_row *in_out) NODISCARD;
/** In: its user and digest. */
enum rc read_chat_repeat(struct backend_reader *r, uint64_t stamp,
                         struct chat_repeat_row *in_out) NODISCARD;
/** CHAT_LIST_LATEST, into an empty page; within reader_hold(). sqlite_chat_latest.c. */
enum rc list_chat_latest(struct backend_reader *r, uint64_t stamp, const struct chat_query *q,
                         struct arena *arena, struct chat_page *out) NODISCARD;
enum rc scan_chat(struct backend_reader *r, uint64_t stamp, const struct chat_query *q,
                  struct arena *arena, struct chat_page *out) NODISCARD;

#endif
