/* What is kept: typed rows, typed changes, one interface, several back ends.
 *
 * Reads of one row by primary key run on the calling loop through its own reader; lists run on
 * the pool and call back. Writes are change sets: one writer thread commits what has gathered in
 * one transaction, each set for itself succeeds or fails, and the callback comes on the loop that
 * asked, after the commit is durable, never before the call returns. Source: design D4, D5, D8. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/uuid.h"
#include "store/chat.h"
#include "store/events.h"
#include "store/sms.h"

struct buf;

#define STORE_SCHEMA_VERSION 7
/** Rows of one page of messages, opt-outs or events, at most: a larger limit means this one. */
#define STORE_ROWS_MAX ((uint32_t)10000)

/* ---- rows: strings are borrowed (from the reader's arena, or from the caller) ---- */

enum resource_state { RESOURCE_DELETED = 0, RESOURCE_ACTIVE, RESOURCE_DISABLED };

struct resource_row {
    struct uuid id;      /* the guid in user ids and tokens: fixed for life */
    struct str name;     /* host label, lower case */
    struct str location; /* "unitedstates" */
    struct str names;    /* further host names, separated by blanks */
    uint16_t port;       /* a port of its own, or 0 */
    enum resource_state state;
    bool is_default;
    unix_ms created;
    struct str group;         /* resource group, as it was spelled */
    bool no_local_auth;       /* disableLocalAuth: access keys open nothing */
    struct str data_location; /* "Europe": fixed for life */
    struct str properties;    /* JSON object: tags, linkedDomains, publicNetworkAccess, identity */
};

enum key_slot { KEY_PRIMARY = 0, KEY_SECONDARY = 1, KEY_SLOTS = 2 };

struct access_key_row {
    struct uuid resource;
    enum key_slot slot;
    uint32_t generation; /* 1 at first, +1 with each regeneration */
    uint32_t
        tokens_valid_from; /* tokens of generations below this are dead (keepTokens keeps it) */
    struct str sealed;
    unix_ms regenerated, last_used; /* last_used 0: never */
};

struct signing_key_row {
    struct str kid;
    struct str alg;     /* "ES256", "RS256" */
    struct str purpose; /* "user" (later also "issuer", "callback"): disjoint key sets */
    struct str sealed;  /* PKCS #8, sealed */
    unix_ms created;
    unix_ms active_from;    /* signs from here on */
    unix_ms retired;        /* stopped signing; 0: not yet */
    struct str certificate; /* purpose "issuer": self-signed, DER; else empty */
};

struct user_key {
    struct uuid resource, user; /* 8:acs:<resource>_<user> */
};

struct user_row {
    struct user_key key;
    uint32_t generation; /* of its tokens; +1 with each revocation */
    unix_ms created;
    unix_ms valid_from;     /* tokens issued before are dead; 0: no such limit */
    unix_ms revoked;        /* time of the last change of generation or valid_from; 0: none */
    unix_ms deleted;        /* 0: alive. Deleted rows stay as tombstones */
    unix_ms last_issued;    /* 0: never */
    struct str external_id; /* empty: none */
};

struct assignment_row { /* teamsExtension assignments: wire/authentication §2.1 */
    struct uuid resource, tenant, object;
    struct str principal_type;
    struct str client_ids; /* JSON array text; empty: none given */
};

enum application_kind {
    APPLICATION_NONE = 0,
    APPLICATION_APP,     /* a service principal with secrets, certificates, federated credentials */
    APPLICATION_MANAGED, /* a managed identity, user- or system-assigned */
    APPLICATION_FOREIGN, /* stands for what a rule of a trusted issuer matches */
};

/** Who may get or present service tokens. Its credentials are few, are read together and die with
 * it: one JSON object. */
struct application_row {
    struct uuid client_id; /* primary key */
    struct uuid object_id; /* the principal's: what role assignments name */
    enum application_kind kind;
    uint32_t version; /* 1 at first, +1 with each change */
    bool disabled;
    unix_ms created;
    unix_ms revoked_before;   /* tokens issued before are dead; 0: no such limit */
    struct str name;          /* unique, compared without case */
    struct str arm_id;        /* of a managed identity, lower case; empty: none */
    struct str header_hash;   /* of a managed identity: keyed hash of its endpoint's secret, 32
                               * octets; empty: none */
    struct str header_sealed; /* that secret, sealed */
    struct str document;      /* JSON object: credentials, tags, location */
};

/** Which key an application is looked up by. */
enum application_key {
    APPLICATION_BY_CLIENT_ID = 0,
    APPLICATION_BY_OBJECT_ID,
    APPLICATION_BY_NAME,
    APPLICATION_BY_ARM_ID,
    APPLICATION_BY_HEADER_HASH
};

struct role_row { /* a custom role definition */
    struct uuid id;
    struct str name;     /* unique, compared without case */
    struct str document; /* JSON object: description, permissions, assignableScopes */
    unix_ms created, updated;
};

struct role_assignment_row {
    struct uuid id;
    struct uuid principal; /* object id */
    struct uuid role;      /* definition */
    bool built_in_role;    /* PUT: the role is one of the program's, in no row; not kept */
    struct str scope;      /* lower case, no slash at the end but in "/" itself */
    struct str principal_type;
    struct str description;
    struct uuid created_by; /* object id; zeros: an administrator */
    unix_ms created;
};

struct issuer_row { /* a trusted issuer of service tokens */
    struct uuid id;
    uint32_t version;    /* 1 at first, +1 with each change */
    struct str issuer;   /* exactly as tokens say it; unique */
    struct str document; /* JSON object: keys, audiences, algorithms, rules */
    unix_ms created;
};

/* ---- changes ---- */

enum change_kind {
    CHANGE_NONE = 0,
    CHANGE_RESOURCE_PUT,    /* insert or replace by id; RC_CONFLICT when one that is not deleted has
                             * the name; RC_NOT_FOUND when it was deleted before and shall live */
    CHANGE_ACCESS_KEY_PUT,  /* by (resource, slot); RC_CONFLICT unless its generation is newer */
    CHANGE_ACCESS_KEY_USED, /* only last_used, never back; not in the change log */
    CHANGE_SIGNING_KEY_PUT,
    CHANGE_SIGNING_KEY_DELETE,
    CHANGE_USER_ADD,        /* RC_CONFLICT when the id exists, or the external id in its resource */
    CHANGE_USER_REVOKE,     /* generation + 1; RC_NOT_FOUND when unknown; deleted: no change, OK */
    CHANGE_USER_VALID_FROM, /* sets valid_from if later than what is there; as above */
    CHANGE_USER_DELETE,     /* tombstone without its external id, which is free again; see struct
                             * chat_leaver_row. RC_NOT_FOUND when unknown; deleted before: OK */
    CHANGE_USER_REVIVE,     /* a deleted one lives again, with the row's external id and time of
                             * creation; of his former tokens none does, and chat has nothing to
                             * let go any more. RC_CONFLICT when he lives; RC_NOT_FOUND when unknown */
    CHANGE_USER_ISSUED,     /* only last_issued, never back; not in the change log */
    CHANGE_ASSIGNMENT_PUT,
    CHANGE_ASSIGNMENT_DELETE,  /* absent: OK */
    CHANGE_META_PUT,           /* a named value of the server itself */
    CHANGE_META_DELETE,        /* by name; absent: OK */
    CHANGE_APPLICATION_PUT,    /* by client id; RC_CONFLICT unless its version follows the one that
                                * is there (1: none is), or when another has its object id, name, ARM
                                * id or header hash; RC_INVALID: another object id than
                                * before, or a NUL in the name */
    CHANGE_APPLICATION_DELETE, /* with its role assignments, by client id; absent: OK */
    CHANGE_ROLE_PUT,    /* insert or replace by id; RC_CONFLICT: another has the name; RC_INVALID:
                         * a NUL in it */
    CHANGE_ROLE_DELETE, /* RC_CONFLICT while it is assigned; absent: OK */
    CHANGE_ROLE_ASSIGNMENT_PUT, /* insert; the same again (id, principal, role and scope): OK, and
                                 * what is there stays; RC_CONFLICT: the id, or principal, role and
                                 * scope together, are taken by another; RC_NOT_FOUND: no
                                 * application has the object id, or there is no such role */
    CHANGE_ROLE_ASSIGNMENT_DELETE, /* by id; absent: OK */
    CHANGE_ROLE_SCOPE_DELETE,      /* every role assignment at `scope` and below; RC_INVALID when
                                    * it is empty */
    CHANGE_ISSUER_PUT,             /* by id; RC_CONFLICT unless its version follows the one that is
                                    * there (1: none is), or when another has `issuer` */
    CHANGE_ISSUER_DELETE,          /* by id; absent: OK */
    CHANGE_SMS_ADD,                /* RC_CONFLICT when the id exists; RC_INVALID: no such state */
    CHANGE_SMS_STEP,               /* see struct sms_step */
    CHANGE_SMS_CLEAR,         /* messages of `sms.resource` that are final or received, made before
                               * `sms.created`: looks at some thousand rows after `sms.id`. When
                               * `out_existed` is set there may be more: commit it again, with
                               * `sms.id` as it then stands */
    CHANGE_SMS_REPEAT_ADD,    /* RC_CONFLICT when (resource, id) exists */
    CHANGE_SMS_OPTOUT_PUT,    /* there already: OK, and it stays as it was */
    CHANGE_SMS_OPTOUT_DELETE, /* absent: OK */
    CHANGE_SMS_SENDER_PUT,    /* RC_CONFLICT unless its version follows the one that is there */
    CHANGE_SMS_SENDER_DELETE, /* by resource and sender; absent: OK */
    CHANGE_SMS_TRANSPORT_PUT, /* RC_CONFLICT unless its version follows the one that is there */
    CHANGE_SMS_TRANSPORT_DELETE, /* by name; absent: OK */
    CHANGE_SMS_REF_PUT,          /* insert or replace by (transport, ref) */
    CHANGE_SMS_PRUNE,            /* see struct sms_prune */
    CHANGE_SUBSCRIPTION_PUT,     /* RC_CONFLICT unless its version follows the one that is there (1:
                                  * none is), or when another has its id; RC_INVALID: another id
                                  * than before */
    CHANGE_SUBSCRIPTION_DELETE,  /* by resource and name, with its events (of very many, EVENT_PRUNE
                                  * takes the rest); absent: OK */
    CHANGE_EVENT_ADD,            /* RC_CONFLICT when (subscription, id) exists; RC_INVALID: no such
                                  * state. The subscription is not looked up */
    CHANGE_EVENT_STEP,           /* see struct event_step */
    CHANGE_EVENT_PRUNE,          /* see struct event_prune */
    CHANGE_CHAT_TURN,            /* see struct chat_turn */
    CHANGE_CHAT_THREAD_PUT,      /* insert or replace by key. Comes before what belongs to a new
                                  * thread: the next four are RC_NOT_FOUND without their thread */
    CHANGE_CHAT_HEAD_PUT,        /* see struct chat_head */
    CHANGE_CHAT_MEMBER_PUT,    /* insert or replace by thread and user; RC_INVALID: never joined */
    CHANGE_CHAT_MESSAGE_PUT,   /* insert or replace by thread and id. RC_INVALID: no such type, or
                                * seq below first_seq, or that below 1; RC_CONFLICT: it was made
                                * with another first_seq */
    CHANGE_CHAT_RECEIPT_PUT,   /* insert or replace by thread and user */
    CHANGE_CHAT_REPEAT_ADD,    /* RC_CONFLICT when (user, digest) exists and is still kept at
                                * `chat_repeat.now`; one that is not is replaced */
    CHANGE_CHAT_LOG_ADD,       /* assigns `chat_log.order` */
    CHANGE_CHAT_CLEAR,         /* see struct chat_clear */
    CHANGE_CHAT_PRUNE,         /* see struct chat_prune */
    CHANGE_CHAT_MEMBER_DELETE, /* see struct chat_member_delete */
    CHANGE_CHAT_LEAVER_DELETE, /* see struct chat_leaver_row */
    CHANGE_KIND_COUNT
};

struct change {
    enum change_kind kind;
    bool out_existed; /* ASSIGNMENT_PUT, META_…, ROLE_…, APPLICATION_…, ISSUER_…, SMS_OPTOUT_…,
                       * SMS_SENDER_…, SMS_TRANSPORT_…, SUBSCRIPTION_…: there was one before.
                       * USER_REVOKE, _VALID_FROM, _DELETE: it was alive and has changed.
                       * SMS_CLEAR, SMS_PRUNE, EVENT_PRUNE, CHAT_CLEAR, CHAT_PRUNE: there may be
                       * more to delete */
    union {
        struct resource_row resource;
        struct access_key_row access_key;
        struct signing_key_row signing_key;
        struct user_row user; /* ADD, REVIVE: all; others: key and the field concerned (valid_from,
                               * deleted, last_issued), `revoked` = now */
        struct assignment_row assignment;
        struct application_row application; /* DELETE: client_id alone */
        struct role_row role;
        struct role_assignment_row role_assignment; /* DELETE: id; SCOPE_DELETE: scope */
        struct issuer_row issuer;
        struct sms_row sms;
        struct sms_step sms_step;
        struct sms_repeat_row sms_repeat;
        struct sms_optout_row sms_optout;
        struct sms_sender_row sms_sender;
        struct sms_transport_row sms_transport;
        struct sms_ref_row sms_ref;
        struct sms_prune sms_prune;
        struct subscription_row subscription;
        struct event_row event;
        struct event_step event_step;
        struct event_prune event_prune;
        struct chat_turn *chat_turn; /* moved by pointer: the owner keeps it until `done` */
        struct chat_thread_row chat_thread;
        struct chat_head chat_head;
        struct chat_member_row chat_member;
        struct chat_message_row chat_message;
        struct chat_receipt_row chat_receipt;
        struct chat_repeat_row chat_repeat;
        struct chat_log_row chat_log;
        struct chat_clear chat_clear;
        struct chat_prune chat_prune;
        struct chat_member_delete chat_member_delete;
        struct chat_leaver_row chat_leaver;
        struct {
            struct str name, value; /* DELETE: name */
        } meta;
    } u;
};

struct change_set;
/** Called on the loop of the change set after the commit is durable, or after it failed:
 * RC_CONFLICT, RC_NOT_FOUND (a precondition), RC_FULL, RC_IO. Sees the `out_` fields. */
typedef void (*change_done_fn)(void *ctx, enum rc rc, struct change_set *set);

/** All or nothing. Lives in the caller's memory (a request's arena) until `done` has run; strings
 * in it too. */
struct change_set {
    struct change *items;
    size_t n;
    struct loop *loop;
    change_done_fn done; /* NULL: nobody waits; then the set is freed by `discard` */
    void *ctx;
    loop_fn discard; /* without `done`: called with ctx on the loop when it may be freed */
    /** Writer thread, once the set is durable, in the order of commits and before any `done`: what
     * happened goes to the bus from here. Not for sets that failed. May be NULL. */
    void (*durable)(void *ctx, struct change_set *set);
    size_t cap; /* room in `items`, when change_set_add() has made it; else 0 */
    /* the store's own */
    struct change_set *next;
    enum rc rc;
    struct loop_task task;
};

/** What changed, for those who keep rows in memory (design D4). */
enum log_kind {
    LOG_RESOURCE = 1,
    LOG_SIGNING_KEY,
    LOG_USER,
    LOG_PRINCIPAL, /* an application, or what is assigned to it */
    LOG_ROLES,     /* a role definition, or assignments of many principals */
    LOG_ISSUER,
    LOG_SMS_SENDER,    /* senders of `resource` */
    LOG_SMS_TRANSPORT, /* any */
    LOG_SUBSCRIPTION,  /* event subscriptions of `resource` */
};
struct log_entry {
    int64_t seq;
    enum log_kind kind;
    struct user_key user;  /* LOG_USER */
    struct uuid resource;  /* LOG_RESOURCE (also for its keys), LOG_SMS_SENDER, LOG_SUBSCRIPTION */
    struct uuid principal; /* LOG_PRINCIPAL: object id */
};
/** Called on the writer thread after a durable commit and before any `done` of it is posted, so
 * that what is kept in memory is right before anyone hears of the change. */
typedef void (*store_watch_fn)(void *ctx, const struct log_entry *entries, size_t n);

/* ---- the store ---- */

struct store;
struct store_ops;    /* store/backend.h */
struct store_reader; /* one thread's window on the committed state */

struct store_options {
    const struct store_ops *ops; /* the back end; NULL: the embedded one */
    struct str path;             /* sqlite: the file */
    bool unsafe_no_sync;         /* bench builds only: synchronous=OFF */
    const char *vfs;             /* sqlite: name of a VFS of the tests, or NULL; borrowed */
};

/** Opens, migrates, starts the writer. RC_CONFLICT: made by a newer version; RC_INVALID: damaged,
 * or not a store of ours; RC_FULL, RC_IO. `why` gets one sentence for the operator. */
enum rc store_open(const struct store_options *options, struct store **out,
                   struct buf *why) NODISCARD;
/** Commits what is queued and ends the writer: nothing of a caller's is touched from then on, and
 * later sets fail with RC_BUSY. NULL and repeated calls are fine. */
void store_stop(struct store *s);
/** The same, and closes. All readers must be closed. */
void store_close(struct store *s);
/** Set once, before the first commit. A watch that makes point look-ups calls store_reader_idle()
 * before it returns: it stands on the thread that tidies up behind readers. */
void store_watch(struct store *s, store_watch_fn fn, void *ctx);
/** Called on the writer thread when writing has begun to fail (RC_FULL, RC_IO, RC_BUSY,
 * RC_INTERNAL), when it fails for another reason, and with RC_OK when it works again. */
typedef void (*store_trouble_fn)(void *ctx, enum rc rc);
/** Set once, before the first commit. */
void store_watch_trouble(struct store *s, store_trouble_fn fn, void *ctx);
/** Queues a change set; returns at once. After a failed fsync every set fails with RC_IO. */
void store_commit(struct store *s, struct change_set *set);
/** The same for start-up and tools: one set of `n` changes, waits until it is durable or failed.
 * Never on a loop, nor in a watch. */
enum rc store_commit_wait(struct store *s, struct change *items, size_t n) NODISCARD;
/** True until an fsync or the device failed (readiness). */
bool store_healthy(const struct store *s);
/** False: its files were moved or deleted. It is not healthy from the next commit on. Any thread.
 */
bool store_in_place(const struct store *s);
/** Number of durable commits so far: moves when anything may have changed. Any thread. */
uint64_t store_commits(const struct store *s);

struct store_figures {
    uint64_t commits, sets, changes, failed, queue_high; /* since start */
    int64_t users, users_deleted;                        /* counted at open, kept up since */
};
void store_figures(const struct store *s, struct store_figures *out);

/** Owned; for one thread at a time. NULL when the system gives no memory or descriptor. */
struct store_reader *store_reader_new(struct store *s);
/** NULL is fine. */
void store_reader_free(struct store_reader *r);
/** Lets go of the state that the reader holds between look-ups; the next one takes a fresh one
 * (about 3 µs). Whoever keeps a reader calls this from a timer, every 100 ms or so: what a reader
 * holds can't be tidied up, and the store grows until it lets go. */
void store_reader_idle(struct store_reader *r);
/** Point look-ups: RC_OK, RC_NOT_FOUND, RC_IO. Strings go to `arena`. Deleted users are found
 * by their id (deleted != 0), not by their external id. They see every commit that was acknowledged
 * before the call. */
enum rc store_user(struct store_reader *r, const struct user_key *key, struct arena *arena,
                   struct user_row *out) NODISCARD;
enum rc store_user_by_external_id(struct store_reader *r, const struct uuid *resource,
                                  struct str external_id, struct arena *arena,
                                  struct user_row *out) NODISCARD;
enum rc store_assignment(struct store_reader *r, const struct assignment_row *key,
                         struct arena *arena, struct assignment_row *out) NODISCARD;
enum rc store_meta(struct store_reader *r, struct str name, struct arena *arena,
                   struct str *out) NODISCARD;
/** `key`: 16 octets of an id, a name in any case, an ARM id in lower case, or 32 octets. */
enum rc store_application(struct store_reader *r, enum application_key by, struct str key,
                          struct arena *arena, struct application_row *out) NODISCARD;
enum rc store_role_assignment(struct store_reader *r, const struct uuid *id, struct arena *arena,
                              struct role_assignment_row *out) NODISCARD;

/** A reader remembers ended messages that are asked for again (sms_memo.h). Not from within a walk
 * of the same reader. */
enum rc store_sms(struct store_reader *r, const struct uuid *id, struct arena *arena,
                  struct sms_row *out) NODISCARD;
/** `key`: resource and id; fills the rest. */
enum rc store_sms_repeat(struct store_reader *r, struct sms_repeat_row *key) NODISCARD;
/** `key`: resource, sender and recipient. */
enum rc store_sms_optout(struct store_reader *r, const struct sms_optout_row *key,
                         struct sms_optout_row *out) NODISCARD;
/** `key`: transport and ref; fills its message, part and kept_until. */
enum rc store_sms_ref(struct store_reader *r, struct sms_ref_row *key) NODISCARD;
enum rc store_event(struct store_reader *r, const struct uuid *subscription, const struct uuid *id,
                    struct arena *arena, struct event_row *out) NODISCARD;

/** Zeros but the key when there is none: RC_NOT_FOUND. */
enum rc store_chat_thread(struct store_reader *r, const struct uuid *key, struct arena *arena,
                          struct chat_thread_row *out) NODISCARD;
/** Whoever is or was in it. */
enum rc store_chat_member(struct store_reader *r, const struct uuid *thread,
                          const struct uuid *user, struct arena *arena,
                          struct chat_member_row *out) NODISCARD;
/** Both, for the thread and the user that `member` names: RC_NOT_FOUND when there is no such
 * thread; `joined` is 0 for one who never was in it. What messages move (`seq`, `last_id`) is left
 * out: a reader remembers the rest (chat_memo.h). Not from within a walk of the same reader. */
enum rc store_chat_place(struct store_reader *r, struct arena *arena,
                         struct chat_thread_row *thread, struct chat_member_row *member) NODISCARD;
enum rc store_chat_message(struct store_reader *r, const struct uuid *thread, unix_ms id,
                           struct arena *arena, struct chat_message_row *out) NODISCARD;
/** `key`: user and digest; fills the rest, also when it is no longer kept. */
enum rc store_chat_repeat(struct store_reader *r, struct chat_repeat_row *key) NODISCARD;

/** Whole tables that are kept in memory: for the writer thread and start-up, not for loops. */
enum rc store_each_resource(struct store_reader *r, struct arena *arena,
                            void (*each)(void *ctx, const struct resource_row *row),
                            void *ctx) NODISCARD;
enum rc store_each_access_key(struct store_reader *r, struct arena *arena,
                              void (*each)(void *ctx, const struct access_key_row *row),
                              void *ctx) NODISCARD;
enum rc store_each_signing_key(struct store_reader *r, struct arena *arena,
                               void (*each)(void *ctx, const struct signing_key_row *row),
                               void *ctx) NODISCARD;
/** All applications, by name. */
enum rc store_each_application(struct store_reader *r, struct arena *arena,
                               void (*each)(void *ctx, const struct application_row *row),
                               void *ctx) NODISCARD;
enum rc store_each_role(struct store_reader *r, struct arena *arena,
                        void (*each)(void *ctx, const struct role_row *row), void *ctx) NODISCARD;
/** Role assignments of one principal (NULL: of all), oldest first. */
enum rc store_each_role_assignment(struct store_reader *r, const struct uuid *principal,
                                   struct arena *arena,
                                   void (*each)(void *ctx, const struct role_assignment_row *row),
                                   void *ctx) NODISCARD;
enum rc store_each_issuer(struct store_reader *r, struct arena *arena,
                          void (*each)(void *ctx, const struct issuer_row *row),
                          void *ctx) NODISCARD;
enum rc store_each_sms_sender(struct store_reader *r, struct arena *arena,
                              void (*each)(void *ctx, const struct sms_sender_row *row),
                              void *ctx) NODISCARD;
enum rc store_each_sms_transport(struct store_reader *r, struct arena *arena,
                                 void (*each)(void *ctx, const struct sms_transport_row *row),
                                 void *ctx) NODISCARD;
enum rc store_each_subscription(struct store_reader *r, struct arena *arena,
                                void (*each)(void *ctx, const struct subscription_row *row),
                                void *ctx) NODISCARD;
/** Users revoked or deleted at or after `since`. */
enum rc store_each_revoked(struct store_reader *r, unix_ms since,
                           void (*each)(void *ctx, const struct user_row *row),
                           void *ctx) NODISCARD;
/** Entries of the change log after `seq`, oldest first: how another node follows. */
enum rc store_each_change(struct store_reader *r, int64_t seq,
                          void (*each)(void *ctx, const struct log_entry *entry),
                          void *ctx) NODISCARD;

/** Runs `work` on the pool with a reader of its own (NULL: the system gives none), then `done` on
 * `loop`. What both touch belongs to `work` until `done` runs. */
typedef void (*store_work_fn)(void *ctx, struct store_reader *r);
void store_on_pool(struct store *s, struct loop *loop, store_work_fn work, loop_fn done, void *ctx);

/** For store_on_pool(): how many messages have not ended, by transport, in order of their names,
 * and resource. */
enum rc store_each_sms_open(struct store_reader *r,
                            void (*each)(void *ctx, const struct sms_open_row *row),
                            void *ctx) NODISCARD;
/** Lists for store_on_pool(). Rows and texts go to `arena`. RC_OK, RC_IO. */
enum rc store_list_sms(struct store_reader *r, const struct sms_query *query, struct arena *arena,
                       struct sms_page *out) NODISCARD;
enum rc store_list_optouts(struct store_reader *r, const struct sms_optout_query *query,
                           struct arena *arena, struct sms_optout_page *out) NODISCARD;
enum rc store_list_events(struct store_reader *r, const struct event_query *query,
                          struct arena *arena, struct event_page *out) NODISCARD;
enum rc store_list_chat(struct store_reader *r, const struct chat_query *query, struct arena *arena,
                        struct chat_page *out) NODISCARD;

/** Lists that run on the pool: applications (`kind` APPLICATION_NONE: all), role assignments (of
 * `principal` unless it is NULL; at, above or below `scope` unless it is empty), role definitions:
 * newest first; named values, by name. The arena is touched on the loop only, just before `done`,
 * and must live until then; the query is copied. The rows are borrowed for the call, their texts
 * live in `arena`. */
struct access_query {
    enum {
        ACCESS_APPLICATIONS = 1,
        ACCESS_ROLE_ASSIGNMENTS,
        ACCESS_ROLES,
        ACCESS_ISSUERS,
        ACCESS_META,
    } what;
    enum application_kind kind;
    struct uuid principal;
    bool of_principal;
    struct str scope; /* as in the rows; ACCESS_META: what names begin with */
    bool not_below;   /* role assignments at and above the scope only */
};
struct meta_row { /* a named value */
    struct str name, value;
};
struct access_page {
    struct application_row *applications;
    struct role_assignment_row *assignments;
    struct role_row *roles;
    struct issuer_row *issuers;
    struct meta_row *metas;
    size_t n;
};
void store_list_access(struct store *s, struct loop *loop, struct arena *arena,
                       const struct access_query *query,
                       void (*done)(void *ctx, enum rc rc, const struct access_page *page),
                       void *ctx);

/** A page of users, newest first; with a prefix in descending order of ids (the same order for
 * ids made by uuid_ordered()). */
struct user_query {
    struct uuid resource;
    struct str prefix;     /* of the raw id's part after '_', lower case; empty: all */
    unix_ms created_since; /* 0: all */
    struct str after;      /* continuation from user_page.next; empty: first page */
    uint32_t limit;        /* 1..1000 */
    bool with_deleted;
};
struct user_page {
    struct user_row *rows; /* in the query's arena */
    size_t n;
    struct str next; /* empty: the last page. A filter that skips much makes a page short */
};
/** Runs on the pool; `done` comes on `loop`: RC_OK, RC_INVALID (`after` is not ours), RC_IO.
 * `query` is copied with its strings; `arena` is touched on the loop only, just before `done`,
 * and must live until then. The page is borrowed for the call, its rows live in `arena`. */
void store_list_users(struct store *s, struct loop *loop, struct arena *arena,
                      const struct user_query *query,
                      void (*done)(void *ctx, enum rc rc, const struct user_page *page), void *ctx);

/** An online copy at `path` (made 0600, fsynced, then put in place whole, replacing a former copy).
 * Runs on the pool. RC_CONFLICT: a store that is in use lies there; RC_FULL, RC_IO. */
void store_backup(struct store *s, struct loop *loop, const char *path,
                  void (*done)(void *ctx, enum rc rc), void *ctx);
/** Reads all of the file and checks that it is a whole store of ours, of a version we read; `why`
 * as in store_open. RC_NOT_FOUND: there is no such file. Writes nothing. */
enum rc store_verify_file(const char *path, struct buf *why) NODISCARD;

#endif
