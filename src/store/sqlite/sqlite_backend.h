/* What the files of this back end share. No other folder includes this, and no type of the engine
 * leaves it. */
#ifndef STORE_SQLITE_SQLITE_BACKEND_H
#define STORE_SQLITE_SQLITE_BACKEND_H

#include "store/backend.h"

#include <sqlite3.h>
#include <sys/stat.h>

/** In the file's header: recognises our files. */
#define STORE_APPLICATION_ID 0x43475354 /* "CGST" */
/** Pages of the log after which it is copied into the file. */
#define WAL_SOFT_PAGES 1000
/** Pages after which the writer waits for readers, so that the log starts again. */
#define WAL_HARD_PAGES 8000
/** For how long it waits then, at most. */
#define WAL_WAIT_MS 200
/** What the writer may keep of the file: a commit of thousands of repeatable messages writes as
 * many pages, and goes through the log twice when they have no room. */
#define WRITER_CACHE_KIB "32768"
/** The change log keeps this many entries, and up to a step more. */
#define CHANGE_LOG_KEEP 100000
#define CHANGE_LOG_STEP 1000
/** Rows that one page of a list looks at, at most. */
#define LIST_SCAN_MAX 20000
/** Messages that one CHANGE_SMS_CLEAR looks at, and events that go with their subscription: others
 * wait for the writer meanwhile. */
#define DELETE_STEP 5000

enum write_stmt {
    W_BEGIN = 0,
    W_COMMIT,
    W_ROLLBACK,
    W_SAVE,
    W_RELEASE,
    W_UNDO,
    W_LOG,
    W_PRUNE,
    W_TALLY,
    W_RESOURCE_PUT,
    W_ACCESS_KEY_PUT,
    W_ACCESS_KEY_USED,
    W_SIGNING_KEY_PUT,
    W_SIGNING_KEY_DELETE,
    W_USER_ADD,
    W_USER_REVOKE,
    W_USER_VALID_FROM,
    W_USER_DELETE,
    W_USER_REVIVE,
    W_USER_STAYS,
    W_USER_ISSUED,
    W_USER_EXISTS,
    W_ASSIGNMENT_EXISTS,
    W_ASSIGNMENT_PUT,
    W_ASSIGNMENT_DELETE,
    W_META_EXISTS,
    W_META_PUT,
    W_META_DELETE,
    W_APPLICATION_THERE,
    W_APPLICATION_PUT,
    W_APPLICATION_DELETE,
    W_PRINCIPAL_CLEAR,
    W_ROLE_EXISTS,
    W_ROLE_PUT,
    W_ROLE_ASSIGNED,
    W_ROLE_DELETE,
    W_PRINCIPAL_EXISTS,
    W_ROLE_ASSIGNMENT_THERE,
    W_ROLE_ASSIGNMENT_PUT,
    W_ROLE_ASSIGNMENT_DELETE,
    W_ROLE_SCOPE_DELETE,
    W_ISSUER_THERE,
    W_ISSUER_PUT,
    W_ISSUER_DELETE,
    W_SMS_ADD,
    W_SMS_STEP,
    W_SMS_THERE,
    W_SMS_STRAY,
    W_SMS_CLEAR_END,
    W_SMS_CLEAR,
    W_SMS_REPEAT_ADD,
    W_SMS_OPTOUT_PUT,
    W_SMS_OPTOUT_DELETE,
    W_SMS_SENDER_THERE,
    W_SMS_SENDER_ELSEWHERE,
    W_SMS_SENDER_PUT,
    W_SMS_SENDER_DELETE,
    W_SMS_TRANSPORT_THERE,
    W_SMS_TRANSPORT_PUT,
    W_SMS_TRANSPORT_DELETE,
    W_SMS_REF_PUT,
    W_SMS_PRUNE,
    W_SMS_REPEAT_PRUNE,
    W_SMS_REF_PRUNE,
    W_SUBSCRIPTION_THERE,
    W_SUBSCRIPTION_PUT,
    W_SUBSCRIPTION_DELETE,
    W_SUBSCRIPTION_CLEAR,
    W_EVENT_ADD,
    W_EVENT_STEP,
    W_EVENT_EXISTS,
    W_EVENT_PRUNE,
    W_EVENT_PRUNE_GONE,
    W_CHAT_NUMBER,
    W_CHAT_THREAD,
    W_CHAT_THREAD_ADD,
    W_CHAT_THREAD_SET,
    W_CHAT_HEAD_ADD,
    W_CHAT_HEAD_SET,
    W_CHAT_MEMBER,
    W_CHAT_MEMBERS,
    W_CHAT_MEMBER_PUT,
    W_CHAT_MESSAGE,
    W_CHAT_MESSAGE_PUT,
    W_CHAT_RECEIPT,
    W_CHAT_RECEIPT_PUT,
    W_CHAT_REPEAT_ADD,
    W_CHAT_LOG_ADD,
    W_CHAT_CLEAR_MESSAGES,
    W_CHAT_CLEAR_MEMBERS,
    W_CHAT_CLEAR_RECEIPTS,
    W_CHAT_CLEAR_HEAD,
    W_CHAT_CLEAR_THREAD,
    W_CHAT_REPEAT_PRUNE,
    W_CHAT_LOG_PRUNE,
    W_CHAT_LOG_LAST,
    W_CHAT_MEMBER_DELETE,
    W_CHAT_RECEIPT_DELETE,
    W_CHAT_LEAVER,
    W_CHAT_LEAVER_ADD,
    W_CHAT_LEAVER_BACK,
    W_CHAT_LEAVER_DELETE,
    W_COUNT
};

/** What a transaction moves besides rows, so that it can be set back. */
struct progress {
    int64_t seq;            /* last entry of the change log */
    int64_t alive, deleted; /* users */
    int64_t chat_order;     /* last entry of the log of chat */
};

struct backend {
    sqlite3 *db; /* the writer's connection */
    sqlite3_stmt *stmt[W_COUNT];
    struct progress now, committed;
    int64_t pruned;       /* `seq` when the change log was last cut */
    struct uuid chat_key; /* the thread that was looked up last within the set under way … */
    int64_t chat_number;  /* … and its number; 0: none */
    int wal_pages, checkpoint_at, restart_at;
    mono_ns wait_until;           /* how long wait_for_readers() goes on */
    bool failed;                  /* the device failed: close without touching the file again */
    _Atomic uint64_t nudge;       /* moves when readers should take a fresh state */
    char *path, *log_path, *vfs;  /* owned; vfs may be NULL */
    struct stat place, log_place; /* of the files that are open */
};

bool sqlite_in_place(const struct backend *b) NODISCARD;

/** The row or, on a failed step, the reason; `db` is the statement's connection. */
enum rc sqlite_rc(sqlite3 *db, int code) NODISCARD;
/** A connection for one thread; NULL in *out on failure. */
enum rc sqlite_connect(const char *path, int flags, const char *vfs, sqlite3 **out) NODISCARD;
/** Runs SQL without parameters or rows. */
enum rc sqlite_run(sqlite3 *db, const char *sql) NODISCARD;
/** The first column of the first row as a number. RC_NOT_FOUND: no row. */
enum rc sqlite_number(sqlite3 *db, const char *sql, int64_t *out) NODISCARD;
/** Prepares `sql` in `slot` at first use; NULL on failure. */
sqlite3_stmt *sqlite_prepared(sqlite3 *db, sqlite3_stmt **slot, const char *sql) NODISCARD;
/** Syncs the folder that `path` lies in: a new name is durable only then. 0, or -1 and errno. */
int sqlite_sync_folder(const char *path) NODISCARD;
/** One sentence for the operator; `why` may be NULL. */
void sqlite_say(struct buf *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Binding and reading columns: borrowed until the statement is reset. */
void bind_str(sqlite3_stmt *st, int at, struct str s);
/** As octets. */
void bind_blob(sqlite3_stmt *st, int at, struct str s);
/** The empty text becomes NULL. */
void bind_str_or_null(sqlite3_stmt *st, int at, struct str s);
void bind_uuid(sqlite3_stmt *st, int at, const struct uuid *id);
struct str column_str(sqlite3_stmt *st, int at) NODISCARD;
/** Zeros when the column holds no id. */
struct uuid column_uuid(sqlite3_stmt *st, int at) NODISCARD;

/* sqlite_schema.c */
/** Is it ours, and of which version (0: new and empty)? Says so in `why` unless RC_OK. */
enum rc schema_recognise(sqlite3 *db, const char *path, int64_t *out_version,
                         struct buf *why) NODISCARD;
/** Runs the steps from `version` to STORE_SCHEMA_VERSION, a transaction each. */
enum rc schema_migrate(sqlite3 *db, int64_t version) NODISCARD;

/* sqlite_statements.c */
/** A prepared statement of the writer; NULL on failure. */
sqlite3_stmt *writer_stmt(struct backend *b, enum write_stmt which) NODISCARD;
/** Runs a statement of the writer to its end and resets it. */
enum rc writer_run(struct backend *b, sqlite3_stmt *st) NODISCARD;
/** Is there a row? Resets the statement. */
enum rc writer_row_exists(struct backend *b, sqlite3_stmt *st, bool *out) NODISCARD;

/* sqlite_apply.c */
enum rc sqlite_apply(struct backend *b, struct change_set *set, struct log_out *log) NODISCARD;
/** Appends `what` to the change log under the next number. */
enum rc writer_log(struct backend *b, struct log_out *log, const struct log_entry *what) NODISCARD;
/** Applies one change; `st` is its kind's statement. */
typedef enum rc (*apply_fn)(struct backend *b, sqlite3_stmt *st, struct change *c,
                            struct log_out *log);

/* sqlite_access.c: what the change kinds of these names say */
enum rc apply_application_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log) NODISCARD;
enum rc apply_application_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log) NODISCARD;
enum rc apply_role_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                       struct log_out *log) NODISCARD;
enum rc apply_role_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                          struct log_out *log) NODISCARD;
enum rc apply_role_assignment_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                                  struct log_out *log) NODISCARD;
enum rc apply_role_assignment_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                     struct log_out *log) NODISCARD;
enum rc apply_role_scope_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log) NODISCARD;
enum rc apply_issuer_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                         struct log_out *log) NODISCARD;
enum rc apply_issuer_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                            struct log_out *log) NODISCARD;

/* sqlite_sms_place.c */
/** The place of an id in the order of messages, even, or 0; two ids may have the same. */
int64_t sms_place(const struct uuid *id) NODISCARD;
/** How far a table of messages has been given places. */
struct sms_places {
    int64_t last, last_stray;
};
/** Makes sms_place(id) known to SQL, for ids in their order: no place twice. Until sms_places_end()
 * `p` must live. */
enum rc sms_places_begin(sqlite3 *db, struct sms_places *p) NODISCARD;
void sms_places_end(sqlite3 *db);

/* sqlite_sms.c */
enum rc apply_sms_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                      struct log_out *log) NODISCARD;
enum rc apply_sms_step(struct backend *b, sqlite3_stmt *st, struct change *c,
                       struct log_out *log) NODISCARD;
enum rc apply_sms_clear(struct backend *b, sqlite3_stmt *st, struct change *c,
                        struct log_out *log) NODISCARD;
enum rc apply_sms_repeat_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                             struct log_out *log) NODISCARD;
enum rc apply_sms_optout_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                             struct log_out *log) NODISCARD;
enum rc apply_sms_optout_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log) NODISCARD;
enum rc apply_sms_sender_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                             struct log_out *log) NODISCARD;
enum rc apply_sms_sender_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log) NODISCARD;
enum rc apply_sms_transport_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log) NODISCARD;
enum rc apply_sms_transport_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                   struct log_out *log) NODISCARD;
enum rc apply_sms_ref_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                          struct log_out *log) NODISCARD;
enum rc apply_sms_prune(struct backend *b, sqlite3_stmt *st, struct change *c,
                        struct log_out *log) NODISCARD;
/** Deletes at most `limit` rows by a statement whose last parameter that is, number `at`. Sets
 * c->out_existed when there may be more. */
enum rc writer_prune(struct backend *b, sqlite3_stmt *st, int at, uint32_t limit,
                     struct change *c) NODISCARD;

/* sqlite_events.c */
enum rc apply_subscription_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log) NODISCARD;
enum rc apply_subscription_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                  struct log_out *log) NODISCARD;
enum rc apply_event_add(struct backend *b, sqlite3_stmt *st, struct change *c,
                        struct log_out *log) NODISCARD;
enum rc apply_event_step(struct backend *b, sqlite3_stmt *st, struct change *c,
                         struct log_out *log) NODISCARD;
enum rc apply_event_prune(struct backend *b, sqlite3_stmt *st, struct change *c,
                          struct log_out *log) NODISCARD;

/* sqlite_read.c */
struct backend_reader;
enum rc reader_open(struct backend *b, struct backend_reader **out) NODISCARD;
void reader_close(struct backend_reader *r);
void reader_idle(struct backend_reader *r);
enum rc read_user(struct backend_reader *r, uint64_t stamp, const struct user_key *key,
                  struct arena *arena, struct user_row *out) NODISCARD;
/** `key`: its resource and external id. */
enum rc read_user_by_external_id(struct backend_reader *r, uint64_t stamp,
                                 const struct user_row *key, struct arena *arena,
                                 struct user_row *out) NODISCARD;
enum rc read_assignment(struct backend_reader *r, uint64_t stamp, const struct assignment_row *key,
                        struct arena *arena, struct assignment_row *out) NODISCARD;
enum rc read_meta(struct backend_reader *r, uint64_t stamp, struct str name, struct arena *arena,
                  struct str *out) NODISCARD;

enum read_stmt {
    R_BEGIN = 0,
    R_END,
    R_USER,
    R_USER_EXTERNAL,
    R_ASSIGNMENT,
    R_META,
    R_RESOURCES,
    R_ACCESS_KEYS,
    R_SIGNING_KEYS,
    R_REVOKED,
    R_CHANGES,
    R_LIST,
    R_LIST_PREFIX,
    R_APPLICATION, /* by its keys, in the order of enum application_key */
    R_APPLICATION_OBJECT,
    R_APPLICATION_NAME,
    R_APPLICATION_ARM,
    R_APPLICATION_HEADER,
    R_APPLICATIONS,
    R_ROLES,
    R_ROLE_ASSIGNMENT,
    R_ROLE_ASSIGNMENTS,
    R_ROLE_ASSIGNMENTS_OF,
    R_ROLE_ASSIGNMENTS_AT,
    R_ROLE_ASSIGNMENTS_BELOW,
    R_ISSUERS,
    R_LIST_APPLICATIONS,
    R_LIST_ROLES,
    R_LIST_ISSUERS,
    R_LIST_META,
    R_SMS,
    R_SMS_STRAY,
    R_SMS_REPEAT,
    R_SMS_OPTOUT,
    R_SMS_REF,
    R_SMS_SENDERS,
    R_SMS_TRANSPORTS,
    R_LIST_SMS,
    R_LIST_SMS_DUE,
    R_SMS_OPEN,
    R_LIST_OPTOUTS,
    R_LIST_OPTOUTS_OF,
    R_SUBSCRIPTIONS,
    R_EVENT,
    R_LIST_EVENTS,
    R_LIST_EVENTS_DUE,
    R_LIST_EVENTS_DEAD,
    R_CHAT_THREAD,
    R_CHAT_MEMBER,
    R_CHAT_MESSAGE,
    R_CHAT_REPEAT,
    R_CHAT_NUMBER,
    R_CHAT_LAST,
    R_CHAT_FROM,
    R_CHAT_KEY,
    R_CHAT_PLACE,
    R_LIST_CHAT_THREADS,
    R_LIST_CHAT_LATEST,
    R_LIST_CHAT_MESSAGES,
    R_LIST_CHAT_CHANGED,
    R_LIST_CHAT_SENT,
    R_LIST_CHAT_MEMBERS,
    R_LIST_CHAT_RECEIPTS,
    R_LIST_CHAT_ALL,
    R_LIST_CHAT_EXPIRED,
    R_LIST_CHAT_DELETED,
    R_LIST_CHAT_LOG,
    R_CHAT_LOG_ENDS,
    R_LIST_CHAT_LEAVERS,
    R_LIST_CHAT_PLACES,
    R_COUNT
};
/** A statement of this reader on a state at least as new as `stamp`; NULL on failure. */
sqlite3_stmt *reader_stmt(struct backend_reader *r, uint64_t stamp, enum read_stmt which) NODISCARD;
/** One row of a point look-up: after RC_OK its columns may be read, then the statement is reset.
 * RC_NOT_FOUND, RC_IO: it is reset already. */
enum rc reader_step(struct backend_reader *r, sqlite3_stmt *st) NODISCARD;
/** Keeps one state in sight over several queries, until reader_let_go(). */
bool reader_hold(struct backend_reader *r, uint64_t stamp) NODISCARD;
void reader_let_go(struct backend_reader *r);
/** Steps through all rows, or until `row` says false; then resets and lets go. */
enum rc reader_walk(struct backend_reader *r, sqlite3_stmt *st,
                    bool (*row)(sqlite3_stmt *st, void *ctx), void *ctx) NODISCARD;
/** Binds what every id comes before. */
void bind_beyond_ids(sqlite3_stmt *st, int at);
/** A row of the columns that all queries for users share; the text is borrowed. */
void user_from_row(sqlite3_stmt *st, struct user_row *out);

/* sqlite_scan.c */
/** The context of a row function that hands rows to a caller's `each`. */
struct walk {
    void (*each)(void); /* of the query's own type: see the callers */
    void *ctx;
    struct arena *arena;
};
/** reader_walk(); without a statement RC_IO. */
enum rc scan_rows(struct backend_reader *r, sqlite3_stmt *st, bool (*row)(sqlite3_stmt *, void *),
                  struct walk walk) NODISCARD;
/** Room for one more of `size` octets behind `n` in `rows`, which may move; 0 in *cap at first. */
void *scan_room(struct arena *arena, void *rows, size_t n, size_t *cap, size_t size) NODISCARD;
/** A limit between 1 and STORE_ROWS_MAX. */
uint32_t scan_limit(uint32_t limit) NODISCARD;
enum rc scan_resources(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                       void (*each)(void *, const struct resource_row *), void *ctx) NODISCARD;
enum rc scan_access_keys(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                         void (*each)(void *, const struct access_key_row *), void *ctx) NODISCARD;
enum rc scan_signing_keys(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                          void (*each)(void *, const struct signing_key_row *),
                          void *ctx) NODISCARD;
enum rc scan_revoked(struct backend_reader *r, uint64_t stamp, unix_ms since,
                     void (*each)(void *, const struct user_row *), void *ctx) NODISCARD;
enum rc scan_changes(struct backend_reader *r, uint64_t stamp, int64_t seq,
                     void (*each)(void *, const struct log_entry *), void *ctx) NODISCARD;
enum rc scan_users(struct backend_reader *r, uint64_t stamp, const struct user_query *q,
                   struct arena *arena, struct user_page *out) NODISCARD;

/* sqlite_access_read.c */
/** What scopes below `scope` begin with, before a slash: empty for "/". */
struct str scope_stem(struct str scope) NODISCARD;
enum rc read_application(struct backend_reader *r, uint64_t stamp,
                         const struct application_lookup *lookup, struct arena *arena,
                         struct application_row *out) NODISCARD;
enum rc read_role_assignment(struct backend_reader *r, uint64_t stamp, const struct uuid *id,
                             struct arena *arena, struct role_assignment_row *out) NODISCARD;
enum rc scan_applications(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                          void (*each)(void *, const struct application_row *),
                          void *ctx) NODISCARD;
enum rc scan_roles(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                   void (*each)(void *, const struct role_row *), void *ctx) NODISCARD;
enum rc scan_role_assignments(struct backend_reader *r, uint64_t stamp,
                              const struct role_assignment_walk *walk) NODISCARD;
enum rc scan_issuers(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                     void (*each)(void *, const struct issuer_row *), void *ctx) NODISCARD;
enum rc scan_access(struct backend_reader *r, uint64_t stamp, const struct access_query *q,
                    struct arena *arena, struct access_page *out) NODISCARD;

/* sqlite_sms_read.c */
enum rc read_sms(struct backend_reader *r, uint64_t stamp, const struct uuid *id,
                 struct arena *arena, struct sms_row *out) NODISCARD;
enum rc read_sms_repeat(struct backend_reader *r, uint64_t stamp,
                        struct sms_repeat_row *in_out) NODISCARD;
enum rc read_sms_optout(struct backend_reader *r, uint64_t stamp, const struct sms_optout_row *key,
                        struct sms_optout_row *out) NODISCARD;
enum rc read_sms_ref(struct backend_reader *r, uint64_t stamp,
                     struct sms_ref_row *in_out) NODISCARD;
enum rc scan_sms_senders(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                         void (*each)(void *, const struct sms_sender_row *), void *ctx) NODISCARD;
enum rc scan_sms_transports(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                            void (*each)(void *, const struct sms_transport_row *),
                            void *ctx) NODISCARD;
enum rc scan_sms_open(struct backend_reader *r, uint64_t stamp,
                      void (*each)(void *, const struct sms_open_row *), void *ctx) NODISCARD;
enum rc scan_sms(struct backend_reader *r, uint64_t stamp, const struct sms_query *q,
                 struct arena *arena, struct sms_page *out) NODISCARD;
enum rc scan_optouts(struct backend_reader *r, uint64_t stamp, const struct sms_optout_query *q,
                     struct arena *arena, struct sms_optout_page *out) NODISCARD;

/* sqlite_events_read.c */
enum rc read_event(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                   struct event_row *in_out) NODISCARD;
enum rc scan_subscriptions(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                           void (*each)(void *, const struct subscription_row *),
                           void *ctx) NODISCARD;
enum rc scan_events(struct backend_reader *r, uint64_t stamp, const struct event_query *q,
                    struct arena *arena, struct event_page *out) NODISCARD;

/* sqlite_backup.c */
enum rc sqlite_backup_to(struct backend *b, const char *path) NODISCARD;
enum rc sqlite_verify_file(const char *path, struct buf *why) NODISCARD;

#endif
