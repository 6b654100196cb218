/* What the files of this folder share: the store itself. No other folder includes this. */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "store/backend.h"
#include "store/chat_memo.h"
#include "store/sms_memo.h"

#include <pthread.h>

#define CHAT_CHANGES 256 /* a thread shares its number with others */

struct posting { /* answers of one batch for one loop */
    struct loop *loop;
    struct loop_task *first, *last;
};

struct store_reader {
    struct store *store;
    struct backend_reader *reader;
    struct memo *sms;          /* made with the first message that is asked for */
    struct memo *chat;         /* made with the first caller in a thread */
    struct store_reader *next; /* among the spare ones */
};

struct store {
    const struct store_ops *ops;
    struct backend *backend;
    pthread_t writer;

    pthread_mutex_t lock; /* guards the queue, the watches and `stopping` */
    pthread_cond_t wake;
    struct change_set *first, **tail;
    size_t queued;
    bool stopping;
    store_watch_fn watch;
    void *watch_ctx;
    store_trouble_fn tell_trouble;
    void *trouble_ctx;

    pthread_mutex_t spare_lock;
    struct store_reader *spare; /* for the pool */

    _Atomic uint64_t commits;
    _Atomic uint64_t sms_changes; /* commits that deleted messages, or may have touched ended ones:
                                   * moves after `commits`, so that who sees it sees that too */
    _Atomic uint64_t chat_changes[CHAT_CHANGES]; /* commits that touched rows of threads, or
                                                  * memberships, by threads: likewise */
    _Atomic bool healthy;
    _Atomic uint64_t sets, changes, failed, queue_high;
    _Atomic int64_t users, users_deleted;

    /* the writer's own */
    enum rc trouble;    /* told last */
    struct log_out log; /* of the batch under way */
    struct posting *postings;
    size_t postings_cap;
};

static inline _Atomic uint64_t *store_chat_changes(struct store *s, const struct uuid *thread)
{
    return &s->chat_changes[thread->octets[15] % CHAT_CHANGES];
}

/** A reader for work of the pool: a spare one, or a new one. NULL as store_reader_new(). Any
 * thread. */
struct store_reader *store_borrow_reader(struct store *s) NODISCARD;
/** Lets go of its state and keeps it for the next. */
void store_give_back_reader(struct store *s, struct store_reader *r);

#endif
