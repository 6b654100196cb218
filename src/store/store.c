/* The queue, the writer thread and the way back: what every back end shares.
 *
 * Loops queue change sets; the writer takes all that has gathered, commits it in one transaction
 * and posts the answers, one wake-up per loop. It never waits for more to come: while one batch
 * is being synced the next gathers by itself. It knows no SQL (the back end does), and no rows
 * beyond their number. Source: design D4, D5, D8. */
#include "store/store_private.h"

#include <signal.h>

struct batch {
    struct change_set *first;
    size_t sets;
    store_watch_fn watch;
    void *watch_ctx;
    store_trouble_fn tell_trouble;
    void *trouble_ctx;
};

static void *grown(void *ptr, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return ptr;
    *cap = need * 2;
    ptr = reallocarray(ptr, *cap, size);
    if (!ptr)
        abort();
    return ptr;
}

/* ---- the way back ---- */

static void settle(void *ctx)
{
    struct change_set *set = ctx;

    if (set->done)
        set->done(set->ctx, set->rc, set);
    else if (set->discard)
        set->discard(set->ctx);
}

static struct posting *posting_for(struct store *s, size_t *n, struct loop *loop)
{
    for (size_t i = 0; i < *n; i++)
        if (s->postings[i].loop == loop)
            return &s->postings[i];
    s->postings = grown(s->postings, &s->postings_cap, *n + 1, sizeof *s->postings);
    s->postings[*n] = (struct posting){.loop = loop};
    return &s->postings[(*n)++];
}

static void run_here(struct loop_task *task)
{
    while (task) {
        struct loop_task *next = task->next; /* the set may be gone after `run` */

        task->run(task->ctx);
        task = next;
    }
}

/** Sends every set back to its loop, in order. They belong to their owners from then on. */
static void hand_back(struct store *s, struct change_set *set)
{
    size_t n = 0;
    struct change_set *next;

    for (; set; set = next) {
        struct posting *p = posting_for(s, &n, set->loop);

        next = set->next;
        set->task = (struct loop_task){.run = settle, .ctx = set};
        if (p->last)
            p->last->next = &set->task;
        else
            p->first = &set->task;
        p->last = &set->task;
    }
    for (size_t i = 0; i < n; i++) {
        if (s->postings[i].loop)
            loop_post_chain(s->postings[i].loop, s->postings[i].first);
        else
            run_here(s->postings[i].first); /* store_commit_wait() */
    }
}

/* ---- the writer ---- */

/** Applies each set; a set's own failure is its own, the store's failure ends the batch. */
static enum rc apply_batch(struct store *s, const struct batch *batch)
{
    enum rc rc = s->ops->begin(s->backend);

    if (rc)
        return rc;
    for (struct change_set *set = batch->first; set; set = set->next) {
        set->rc = s->ops->apply(s->backend, set, &s->log);
        if (backend_spoils_batch(set->rc))
            return set->rc;
    }
    return s->ops->commit(s->backend);
}

static void count_batch(struct store *s, const struct batch *batch)
{
    uint64_t changes = 0, failed = 0;
    int64_t alive, deleted;

    for (const struct change_set *set = batch->first; set; set = set->next) {
        changes += set->rc ? 0 : set->n;
        failed += set->rc != RC_OK;
    }
    s->ops->users(s->backend, &alive, &deleted);
    atomic_store(&s->users, alive);
    atomic_store(&s->users_deleted, deleted);
    atomic_fetch_add(&s->sets, batch->sets);
    atomic_fetch_add(&s->changes, changes);
    atomic_fetch_add(&s->failed, failed);
}

static void fail_batch(struct store *s, const struct batch *batch, enum rc rc)
{
    for (struct change_set *set = batch->first; set; set = set->next)
        set->rc = rc;
    if (rc == RC_IO)
        atomic_store(&s->healthy, false);
    count_batch(s, batch);
}

static void tell_trouble(struct store *s, const struct batch *batch, enum rc rc)
{
    if (rc == s->trouble)
        return;
    s->trouble = rc;
    if (batch->tell_trouble)
        batch->tell_trouble(batch->trouble_ctx, rc);
}

/** The order of commits is the order in which this tells of them. */
static void tell_durable(const struct batch *batch)
{
    for (struct change_set *set = batch->first; set; set = set->next)
        if (set->durable && !set->rc)
            set->durable(set->ctx, set);
}

/** Are ended messages other than they were, or gone? */
static bool changes_ended_sms(const struct change *c)
{
    return c->kind == CHANGE_SMS_CLEAR ||
           (c->kind == CHANGE_SMS_PRUNE && c->u.sms_prune.messages_before > 0) ||
           (c->kind == CHANGE_SMS_STEP && (c->u.sms_step.from & ~SMS_OPEN_STATES));
}

/** The thread whose row, or whose memberships, are other than they were; NULL: none. */
static const struct uuid *changed_thread(const struct change *c)
{
    switch (c->kind) {
    case CHANGE_CHAT_THREAD_PUT:
        return &c->u.chat_thread.key;
    case CHANGE_CHAT_MEMBER_PUT:
        return &c->u.chat_member.thread;
    case CHANGE_CHAT_MEMBER_DELETE:
        return &c->u.chat_member_delete.thread;
    case CHANGE_CHAT_CLEAR:
        return &c->u.chat_clear.thread;
    default:
        return NULL;
    }
}

/** Has readers forget what they remember and is so no more. */
static void outdate(struct store *s, const struct batch *batch)
{
    bool sms = false;

    for (const struct change_set *set = batch->first; set; set = set->next)
        for (size_t i = 0; !set->rc && i < set->n; i++) {
            const struct uuid *thread = changed_thread(&set->items[i]);

            if (thread)
                atomic_fetch_add(store_chat_changes(s, thread), 1);
            sms = sms || changes_ended_sms(&set->items[i]);
        }
    if (sms)
        atomic_fetch_add(&s->sms_changes, 1);
}

static void commit_batch(struct store *s, const struct batch *batch)
{
    enum rc rc = RC_IO;

    s->log.n = 0;
    if (atomic_load(&s->healthy) && s->ops->in_place(s->backend)) {
        rc = apply_batch(s, batch);
        if (rc)
            s->ops->rollback(s->backend);
    }
    if (rc) {
        fail_batch(s, batch, rc);
        tell_trouble(s, batch, rc);
        hand_back(s, batch->first);
        return;
    }
    tell_trouble(s, batch, RC_OK);
    atomic_fetch_add(&s->commits, 1);
    outdate(s, batch);
    count_batch(s, batch);
    if (batch->watch && s->log.n)
        batch->watch(batch->watch_ctx, s->log.entries, s->log.n);
    tell_durable(batch);
    hand_back(s, batch->first);
    if (s->ops->upkeep(s->backend) == RC_IO) {
        atomic_store(&s->healthy, false);
        tell_trouble(s, batch, RC_IO);
    }
}

/** Waits for something to do and takes all of it; false when the store closes. */
static bool take_batch(struct store *s, struct batch *out)
{
    pthread_mutex_lock(&s->lock);
    while (!s->first && !s->stopping)
        pthread_cond_wait(&s->wake, &s->lock);
    *out = (struct batch){s->first,     s->queued,       s->watch,
                          s->watch_ctx, s->tell_trouble, s->trouble_ctx};
    s->first = NULL;
    s->tail = &s->first;
    s->queued = 0;
    pthread_mutex_unlock(&s->lock);
    return out->first != NULL;
}

static void *write_until_closed(void *ctx)
{
    struct store *s = ctx;
    struct batch batch;

    while (take_batch(s, &batch))
        commit_batch(s, &batch);
    return NULL;
}

/** Signals are for the loops: the writer takes none. */
static int start_writer(struct store *s)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&s->writer, NULL, write_until_closed, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(s->writer, "store-writer");
    return failed;
}

/* ---- open, close, commit ---- */

static void release(struct store *s)
{
    s->ops->close(s->backend);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->spare_lock);
    free(s->log.entries);
    free(s->postings);
    free(s);
}

enum rc store_open(const struct store_options *options, struct store **out, struct buf *why)
{
    struct store *s = calloc(1, sizeof *s);
    int64_t alive, deleted;
    enum rc rc;

    if (!s)
        abort();
    s->ops = options->ops ? options->ops : &sqlite_store_ops;
    rc = s->ops->open(options, &s->backend, why);
    if (rc) {
        free(s);
        return rc;
    }
    s->ops->users(s->backend, &alive, &deleted);
    atomic_init(&s->users, alive);
    atomic_init(&s->users_deleted, deleted);
    atomic_init(&s->healthy, true);
    s->tail = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_mutex_init(&s->spare_lock, NULL);
    if (start_writer(s)) {
        release(s);
        if (why)
            buf_add(why, STR("No thread could be started: raise the limits of processes and of "
                             "memory (ulimit -u, -v)."));
        return RC_INTERNAL;
    }
    *out = s;
    return RC_OK;
}

void store_stop(struct store *s)
{
    bool stopped;

    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    stopped = s->stopping;
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (!stopped)
        pthread_join(s->writer, NULL);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_stop(s);
    while (s->spare) {
        struct store_reader *next = s->spare->next;

        store_reader_free(s->spare);
        s->spare = next;
    }
    release(s);
}

void store_watch(struct store *s, store_watch_fn fn, void *ctx)
{
    pthread_mutex_lock(&s->lock);
    s->watch = fn;
    s->watch_ctx = ctx;
    pthread_mutex_unlock(&s->lock);
}

void store_watch_trouble(struct store *s, store_trouble_fn fn, void *ctx)
{
    pthread_mutex_lock(&s->lock);
    s->tell_trouble = fn;
    s->trouble_ctx = ctx;
    pthread_mutex_unlock(&s->lock);
}

static void refuse(struct change_set *set)
{
    set->rc = RC_BUSY;
    set->task = (struct loop_task){.run = settle, .ctx = set};
    if (set->loop)
        loop_post(set->loop, &set->task);
    else
        run_here(&set->task);
}

void store_commit(struct store *s, struct change_set *set)
{
    bool idle;

    set->next = NULL;
    set->rc = RC_OK;
    pthread_mutex_lock(&s->lock);
    if (s->stopping) {
        pthread_mutex_unlock(&s->lock);
        refuse(set);
        return;
    }
    idle = s->first == NULL;
    *s->tail = set;
    s->tail = &set->next;
    if (++s->queued > atomic_load_explicit(&s->queue_high, memory_order_relaxed))
        atomic_store_explicit(&s->queue_high, s->queued, memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    if (idle)
        pthread_cond_signal(&s->wake);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
    enum rc rc;
};

static void wake_waiter(void *ctx, enum rc rc, struct change_set *set)
{
    struct waiter *w = ctx;

    (void)set;
    pthread_mutex_lock(&w->lock);
    w->rc = rc;
    w->done = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

enum rc store_commit_wait(struct store *s, struct change *items, size_t n)
{
    struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct change_set set = {.items = items, .n = n, .done = wake_waiter, .ctx = &w};

    store_commit(s, &set);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.wake, &w.lock);
    pthread_mutex_unlock(&w.lock);
    return w.rc;
}

bool store_in_place(const struct store *s)
{
    return s->ops->in_place(s->backend);
}

bool store_healthy(const struct store *s)
{
    return atomic_load(&s->healthy);
}

uint64_t store_commits(const struct store *s)
{
    return atomic_load_explicit(&s->commits, memory_order_acquire);
}

void store_figures(const struct store *s, struct store_figures *out)
{
    *out = (struct store_figures){
        .commits = atomic_load(&s->commits),
        .sets = atomic_load(&s->sets),
        .changes = atomic_load(&s->changes),
        .failed = atomic_load(&s->failed),
        .queue_high = atomic_load(&s->queue_high),
        .users = atomic_load(&s->users),
        .users_deleted = atomic_load(&s->users_deleted),
    };
}

/* ---- readers ---- */

struct store_reader *store_reader_new(struct store *s)
{
    struct store_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->store = s;
    if (s->ops->reader_open(s->backend, &r->reader)) {
        free(r);
        return NULL;
    }
    return r;
}

void store_reader_free(struct store_reader *r)
{
    if (!r)
        return;
    r->store->ops->reader_close(r->reader);
    memo_free(r->sms);
    memo_free(r->chat);
    free(r);
}

void store_reader_idle(struct store_reader *r)
{
    r->store->ops->reader_idle(r->reader);
}

enum rc store_user(struct store_reader *r, const struct user_key *key, struct arena *arena,
                   struct user_row *out)
{
    return r->store->ops->user(r->reader, store_commits(r->store), key, arena, out);
}

enum rc store_user_by_external_id(struct store_reader *r, const struct uuid *resource,
                                  struct str external_id, struct arena *arena, struct user_row *out)
{
    const struct user_row key = {.key.resource = *resource, .external_id = external_id};

    return r->store->ops->user_by_external_id(r->reader, store_commits(r->store), &key, arena, out);
}

enum rc store_assignment(struct store_reader *r, const struct assignment_row *key,
                         struct arena *arena, struct assignment_row *out)
{
    return r->store->ops->assignment(r->reader, store_commits(r->store), key, arena, out);
}

enum rc store_meta(struct store_reader *r, struct str name, struct arena *arena, struct str *out)
{
    return r->store->ops->meta(r->reader, store_commits(r->store), name, arena, out);
}

enum rc store_each_resource(struct store_reader *r, struct arena *arena,
                            void (*each)(void *ctx, const struct resource_row *row), void *ctx)
{
    return r->store->ops->each_resource(r->reader, store_commits(r->store), arena, each, ctx);
}

enum rc store_each_access_key(struct store_reader *r, struct arena *arena,
                              void (*each)(void *ctx, const struct access_key_row *row), void *ctx)
{
    return r->store->ops->each_access_key(r->reader, store_commits(r->store), arena, each, ctx);
}

enum rc store_each_signing_key(struct store_reader *r, struct arena *arena,
                               void (*each)(void *ctx, const struct signing_key_row *row),
                               void *ctx)
{
    return r->store->ops->each_signing_key(r->reader, store_commits(r->store), arena, each, ctx);
}

enum rc store_each_revoked(struct store_reader *r, unix_ms since,
                           void (*each)(void *ctx, const struct user_row *row), void *ctx)
{
    return r->store->ops->each_revoked(r->reader, store_commits(r->store), since, each, ctx);
}

enum rc store_each_change(struct store_reader *r, int64_t seq,
                          void (*each)(void *ctx, const struct log_entry *entry), void *ctx)
{
    return r->store->ops->each_change(r->reader, store_commits(r->store), seq, each, ctx);
}

/* ---- work of the pool ---- */

struct store_reader *store_borrow_reader(struct store *s)
{
    struct store_reader *r;

    pthread_mutex_lock(&s->spare_lock);
    r = s->spare;
    if (r)
        s->spare = r->next;
    pthread_mutex_unlock(&s->spare_lock);
    return r ? r : store_reader_new(s);
}

void store_give_back_reader(struct store *s, struct store_reader *r)
{
    store_reader_idle(r);
    pthread_mutex_lock(&s->spare_lock);
    r->next = s->spare;
    s->spare = r;
    pthread_mutex_unlock(&s->spare_lock);
}

struct list_job {
    struct store *store;
    struct arena *arena; /* the caller's: touched on its loop only */
    struct arena own;
    struct user_query query;
    struct user_page page;
    enum rc rc;
    void (*done)(void *ctx, enum rc rc, const struct user_page *page);
    void *ctx;
};

static void list_on_pool(void *ctx)
{
    struct list_job *job = ctx;
    struct store *s = job->store;
    struct store_reader *r = store_borrow_reader(s);

    job->rc = RC_IO;
    if (!r)
        return;
    job->rc = s->ops->list_users(r->reader, store_commits(s), &job->query, &job->own, &job->page);
    store_give_back_reader(s, r);
}

static void list_on_loop(void *ctx)
{
    struct list_job *job = ctx;
    struct user_page page = {0};

    if (!job->rc && job->page.n) {
        page.n = job->page.n;
        page.rows = arena_array(job->arena, struct user_row, page.n);
        memcpy(page.rows, job->page.rows, page.n * sizeof *page.rows);
        for (size_t i = 0; i < page.n; i++)
            if (page.rows[i].external_id.len)
                page.rows[i].external_id = arena_dup(job->arena, page.rows[i].external_id);
    }
    if (!job->rc && job->page.next.len)
        page.next = arena_dup(job->arena, job->page.next);
    job->done(job->ctx, job->rc, &page);
    arena_clear(&job->own);
    free(job);
}

/* NOLINTNEXTLINE(readability-function-size): what is listed, where it lives, who is told */
void store_list_users(struct store *s, struct loop *loop, struct arena *arena,
                      const struct user_query *query,
                      void (*done)(void *ctx, enum rc rc, const struct user_page *page), void *ctx)
{
    struct list_job *job = calloc(1, sizeof *job);

    if (!job)
        abort();
    *job = (struct list_job){.store = s, .arena = arena, .query = *query, .done = done, .ctx = ctx};
    arena_init(&job->own);
    job->query.prefix = arena_dup(&job->own, query->prefix);
    job->query.after = arena_dup(&job->own, query->after);
    loop_work(loop, list_on_pool, list_on_loop, job);
}

struct backup_job {
    struct store *store;
    char *path;
    enum rc rc;
    void (*done)(void *ctx, enum rc rc);
    void *ctx;
};

static void backup_on_pool(void *ctx)
{
    struct backup_job *job = ctx;

    job->rc = job->store->ops->backup(job->store->backend, job->path);
}

static void backup_on_loop(void *ctx)
{
    struct backup_job *job = ctx;

    job->done(job->ctx, job->rc);
    free(job->path);
    free(job);
}

void store_backup(struct store *s, struct loop *loop, const char *path,
                  void (*done)(void *ctx, enum rc rc), void *ctx)
{
    struct backup_job *job = calloc(1, sizeof *job);

    if (!job)
        abort();
    *job = (struct backup_job){.store = s, .path = strdup(path), .done = done, .ctx = ctx};
    if (!job->path)
        abort();
    loop_work(loop, backup_on_pool, backup_on_loop, job);
}

enum rc store_verify_file(const char *path, struct buf *why)
{
    return sqlite_store_ops.verify_file(path, why);
}
