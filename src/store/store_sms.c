/* Reads of messages, events and what goes with them: handed to the back end; and work of the pool
 * with a reader of its own, for lists of them. */
#include "store/store_private.h"

enum rc store_sms(struct store_reader *r, const struct uuid *id, struct arena *arena,
                  struct sms_row *out)
{
    uint64_t changes = atomic_load_explicit(&r->store->sms_changes, memory_order_acquire);
    enum rc rc;

    if (!r->sms)
        r->sms = memo_new();
    if (sms_memo_find(r->sms, changes, id, arena, out))
        return RC_OK;
    rc = r->store->ops->sms(r->reader, store_commits(r->store), id, arena, out);
    if (!rc)
        sms_memo_offer(r->sms, changes, out);
    return rc;
}

enum rc store_sms_repeat(struct store_reader *r, struct sms_repeat_row *key)
{
    return r->store->ops->sms_repeat(r->reader, store_commits(r->store), key);
}

enum rc store_sms_optout(struct store_reader *r, const struct sms_optout_row *key,
                         struct sms_optout_row *out)
{
    return r->store->ops->sms_optout(r->reader, store_commits(r->store), key, out);
}

enum rc store_sms_ref(struct store_reader *r, struct sms_ref_row *key)
{
    return r->store->ops->sms_ref(r->reader, store_commits(r->store), key);
}

enum rc store_event(struct store_reader *r, const struct uuid *subscription, const struct uuid *id,
                    struct arena *arena, struct event_row *out)
{
    struct event_row row = {.subscription = *subscription, .id = *id};
    enum rc rc = r->store->ops->event(r->reader, store_commits(r->store), arena, &row);

    if (!rc)
        *out = row;
    return rc;
}

enum rc store_each_sms_sender(struct store_reader *r, struct arena *arena,
                              void (*each)(void *ctx, const struct sms_sender_row *row), void *ctx)
{
    return r->store->ops->each_sms_sender(r->reader, store_commits(r->store), arena, each, ctx);
}

enum rc store_each_sms_transport(struct store_reader *r, struct arena *arena,
                                 void (*each)(void *ctx, const struct sms_transport_row *row),
                                 void *ctx)
{
    return r->store->ops->each_sms_transport(r->reader, store_commits(r->store), arena, each, ctx);
}

enum rc store_each_subscription(struct store_reader *r, struct arena *arena,
                                void (*each)(void *ctx, const struct subscription_row *row),
                                void *ctx)
{
    return r->store->ops->each_subscription(r->reader, store_commits(r->store), arena, each, ctx);
}

/* ---- work of the pool ---- */

struct pool_job {
    struct store *store;
    store_work_fn work;
    loop_fn done;
    void *ctx;
};

static void work_on_pool(void *ctx)
{
    struct pool_job *job = ctx;
    struct store_reader *r = store_borrow_reader(job->store);

    job->work(job->ctx, r);
    if (r)
        store_give_back_reader(job->store, r);
}

static void work_on_loop(void *ctx)
{
    struct pool_job job = *(struct pool_job *)ctx;

    free(ctx);
    job.done(job.ctx);
}

void store_on_pool(struct store *s, struct loop *loop, store_work_fn work, loop_fn done, void *ctx)
{
    struct pool_job *job = malloc(sizeof *job);

    if (!job)
        abort();
    *job = (struct pool_job){s, work, done, ctx};
    loop_work(loop, work_on_pool, work_on_loop, job);
}

enum rc store_each_sms_open(struct store_reader *r,
                            void (*each)(void *ctx, const struct sms_open_row *row), void *ctx)
{
    return r->store->ops->each_sms_open(r->reader, store_commits(r->store), each, ctx);
}

enum rc store_list_sms(struct store_reader *r, const struct sms_query *query, struct arena *arena,
                       struct sms_page *out)
{
    return r->store->ops->list_sms(r->reader, store_commits(r->store), query, arena, out);
}

enum rc store_list_optouts(struct store_reader *r, const struct sms_optout_query *query,
                           struct arena *arena, struct sms_optout_page *out)
{
    return r->store->ops->list_optouts(r->reader, store_commits(r->store), query, arena, out);
}

enum rc store_list_events(struct store_reader *r, const struct event_query *query,
                          struct arena *arena, struct event_page *out)
{
    return r->store->ops->list_events(r->reader, store_commits(r->store), query, arena, out);
}
