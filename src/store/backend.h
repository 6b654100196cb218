/* What a back end gives to store.c: reached through this table only. store.c owns the queue, the
 * writer thread, the watch and the callbacks; a back end owns SQL. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/store.h"

struct backend_reader;
struct backend;

/** store_application()'s question. */
struct application_lookup {
    enum application_key by;
    struct str key;
};
/** store_each_role_assignment()'s. */
struct role_assignment_walk {
    const struct uuid *principal; /* NULL: of all */
    struct arena *arena;
    void (*each)(void *ctx, const struct role_assignment_row *row);
    void *ctx;
};

/** Where entries of the change log go: its room grows with them. Zeros at first; freed by
 * `entries`.
 */
struct log_out {
    struct log_entry *entries;
    size_t n, cap;
};

struct store_ops {
    enum rc (*open)(const struct store_options *options, struct backend **out, struct buf *why);
    void (*close)(struct backend *b);

    /* on the writer thread */
    enum rc (*begin)(struct backend *b);
    /** False: the files lie where they were opened no more, and what is written to them is lost
     * with the process. */
    bool (*in_place)(const struct backend *b);
    /** One set: undone alone when it fails by itself (see backend_spoils_batch()). Appends to
     * `log`. The set may grow meanwhile (CHANGE_CHAT_TURN). */
    enum rc (*apply)(struct backend *b, struct change_set *set, struct log_out *log);
    /** Durable when it returns RC_OK. */
    enum rc (*commit)(struct backend *b);
    void (*rollback)(struct backend *b);
    /** After each commit, when its callbacks are on their way: pruning, checkpoints. RC_IO: the
     * device failed, nothing may be written any more. */
    enum rc (*upkeep)(struct backend *b);
    /** Users as of the last commit; also right after open. */
    void (*users)(const struct backend *b, int64_t *alive, int64_t *deleted);

    /* any thread, one reader each; `stamp` is store_commits(): unchanged means nothing new */
    enum rc (*reader_open)(struct backend *b, struct backend_reader **out);
    void (*reader_close)(struct backend_reader *r);
    /** Lets go of the state held between look-ups. */
    void (*reader_idle)(struct backend_reader *r);
    enum rc (*user)(struct backend_reader *r, uint64_t stamp, const struct user_key *key,
                    struct arena *arena, struct user_row *out);
    /** `key`: its resource and external id. */
    enum rc (*user_by_external_id)(struct backend_reader *r, uint64_t stamp,
                                   const struct user_row *key, struct arena *arena,
                                   struct user_row *out);
    enum rc (*assignment)(struct backend_reader *r, uint64_t stamp,
                          const struct assignment_row *key, struct arena *arena,
                          struct assignment_row *out);
    enum rc (*meta)(struct backend_reader *r, uint64_t stamp, struct str name, struct arena *arena,
                    struct str *out);
    enum rc (*each_resource)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                             void (*each)(void *, const struct resource_row *), void *ctx);
    enum rc (*each_access_key)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                               void (*each)(void *, const struct access_key_row *), void *ctx);
    enum rc (*each_signing_key)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                                void (*each)(void *, const struct signing_key_row *), void *ctx);
    enum rc (*each_revoked)(struct backend_reader *r, uint64_t stamp, unix_ms since,
                            void (*each)(void *, const struct user_row *), void *ctx);
    enum rc (*each_change)(struct backend_reader *r, uint64_t stamp, int64_t seq,
                           void (*each)(void *, const struct log_entry *), void *ctx);
    enum rc (*list_users)(struct backend_reader *r, uint64_t stamp, const struct user_query *q,
                          struct arena *arena, struct user_page *out);

    enum rc (*application)(struct backend_reader *r, uint64_t stamp,
                           const struct application_lookup *lookup, struct arena *arena,
                           struct application_row *out);
    enum rc (*role_assignment)(struct backend_reader *r, uint64_t stamp, const struct uuid *id,
                               struct arena *arena, struct role_assignment_row *out);
    enum rc (*each_application)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                                void (*each)(void *, const struct application_row *), void *ctx);
    enum rc (*each_role)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                         void (*each)(void *, const struct role_row *), void *ctx);
    enum rc (*each_role_assignment)(struct backend_reader *r, uint64_t stamp,
                                    const struct role_assignment_walk *walk);
    enum rc (*each_issuer)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                           void (*each)(void *, const struct issuer_row *), void *ctx);
    /** Rows and texts go to `arena`. */
    enum rc (*list_access)(struct backend_reader *r, uint64_t stamp, const struct access_query *q,
                           struct arena *arena, struct access_page *out);

    enum rc (*sms)(struct backend_reader *r, uint64_t stamp, const struct uuid *id,
                   struct arena *arena, struct sms_row *out);
    /** In: its resource and id. */
    enum rc (*sms_repeat)(struct backend_reader *r, uint64_t stamp, struct sms_repeat_row *in_out);
    enum rc (*sms_optout)(struct backend_reader *r, uint64_t stamp,
                          const struct sms_optout_row *key, struct sms_optout_row *out);
    enum rc (*sms_ref)(struct backend_reader *r, uint64_t stamp, struct sms_ref_row *in_out);
    /** In: its subscription and id. */
    enum rc (*event)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                     struct event_row *in_out);
    enum rc (*each_sms_sender)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                               void (*each)(void *, const struct sms_sender_row *), void *ctx);
    enum rc (*each_sms_transport)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                                  void (*each)(void *, const struct sms_transport_row *),
                                  void *ctx);
    enum rc (*each_sms_open)(struct backend_reader *r, uint64_t stamp,
                             void (*each)(void *, const struct sms_open_row *), void *ctx);
    enum rc (*each_subscription)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                                 void (*each)(void *, const struct subscription_row *), void *ctx);
    /** Rows and texts go to `arena`. */
    enum rc (*list_sms)(struct backend_reader *r, uint64_t stamp, const struct sms_query *q,
                        struct arena *arena, struct sms_page *out);
    enum rc (*list_optouts)(struct backend_reader *r, uint64_t stamp,
                            const struct sms_optout_query *q, struct arena *arena,
                            struct sms_optout_page *out);
    enum rc (*list_events)(struct backend_reader *r, uint64_t stamp, const struct event_query *q,
                           struct arena *arena, struct event_page *out);

    enum rc (*chat_thread)(struct backend_reader *r, uint64_t stamp, const struct uuid *key,
                           struct arena *arena, struct chat_thread_row *out);
    /** In: its thread and user. */
    enum rc (*chat_member)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                           struct chat_member_row *in_out);
    /** In: its thread and id. */
    enum rc (*chat_message)(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                            struct chat_message_row *in_out);
    /** In: its user and digest. */
    enum rc (*chat_repeat)(struct backend_reader *r, uint64_t stamp,
                           struct chat_repeat_row *in_out);
    /** Rows and texts go to `arena`. */
    enum rc (*list_chat)(struct backend_reader *r, uint64_t stamp, const struct chat_query *q,
                         struct arena *arena, struct chat_page *out);

    /* any thread */
    enum rc (*backup)(struct backend *b, const char *path);
    enum rc (*verify_file)(const char *path, struct buf *why);
};

/** True when a set's failure is the store's, not the set's own: then the whole batch fails. */
static inline bool backend_spoils_batch(enum rc rc)
{
    return rc == RC_FULL || rc == RC_IO || rc == RC_BUSY || rc == RC_INTERNAL;
}

extern const struct store_ops sqlite_store_ops;

#endif
