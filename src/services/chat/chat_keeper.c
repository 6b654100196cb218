/* One round at a time: a look on the pool for what is due, then one commit after another, each of a
 * bounded number of rows, so that requests find their place between them. While there is more than
 * a look finds, the next round follows at once. Time is the service's clock, which tests may move:
 * a look each second is cheaper than to know when it moves. */
#include "services/chat/chat_keeper.h"

#include "services/chat/chat_wire.h"

#include <stdlib.h>

#define ROUND_MS        1000
#define PRUNE_EVERY     60 /* rounds */
#define THREADS_AT_ONCE ((uint32_t)32)
#define PRUNE_LIMIT     ((uint32_t)2000)

struct chat_keeper {
    struct chat *chat;
    const struct site *site;
    struct loop_timer timer;
    bool started, stopped;
    bool busy; /* a round is under way */
    unsigned rounds;
    /* the round */
    struct arena arena;
    unix_ms now;
    struct chat_page expired, deleted;
    size_t at; /* of the former, then of the latter */
    enum rc rc;
    bool failed; /* something in it: the next one waits for its time */
    struct change_set set;
    struct change change;
};

struct chat_keeper *chat_keeper_new(struct chat *c)
{
    struct chat_keeper *k = calloc(1, sizeof *k);

    if (!k)
        abort();
    k->chat = c;
    arena_init(&k->arena);
    return k;
}

void chat_keeper_free(struct chat_keeper *k)
{
    if (!k)
        return;
    arena_clear(&k->arena);
    free(k);
}

static void go_on(struct chat_keeper *k);

static void note_failure(struct chat_keeper *k, const char *what, enum rc rc)
{
    k->failed = true;
    log_warn(k->chat->options.log, "chat.keeping_failed", "what=%s rc=%s action=tried_again", what,
             rc_name(rc));
}

/* ---- one commit of a kind that may have to come again ---- */

static void on_portion(void *ctx, enum rc rc, struct change_set *set)
{
    struct chat_keeper *k = ctx;

    (void)set;
    if (rc)
        note_failure(k, k->change.kind == CHANGE_CHAT_CLEAR ? "clear" : "prune", rc);
    if (rc || !k->change.out_existed)
        k->at++;
    go_on(k);
}

static void commit_portion(struct chat_keeper *k)
{
    k->change.out_existed = false;
    k->set = (struct change_set){
        .items = &k->change, .n = 1, .loop = k->site->loop, .done = on_portion, .ctx = k};
    store_commit(k->site->store, &k->set);
}

static void clear(struct chat_keeper *k, const struct uuid *thread)
{
    k->change = (struct change){.kind = CHANGE_CHAT_CLEAR, .u.chat_clear = {.thread = *thread}};
    commit_portion(k);
}

static void prune(struct chat_keeper *k)
{
    k->change =
        (struct change){.kind = CHANGE_CHAT_PRUNE,
                        .u.chat_prune = {.now = k->now,
                                         .log_before = k->now - k->chat->options.log_keep_ms,
                                         .limit = PRUNE_LIMIT}};
    commit_portion(k);
}

/* ---- retention ---- */

/* The policy may have been changed since the look. */
static const struct api_error *decide_end(struct chat_write *w, struct change_set *set)
{
    const struct chat_thread_row *row = &w->turn.row;

    return row->expires && row->expires <= w->now ? chat_thread_end(w, set) : NULL;
}

static void on_ended(struct chat_write *w, enum rc rc)
{
    struct chat_keeper *k = w->ctx;

    if (rc && !w->refused)
        note_failure(k, "retention", rc);
    k->at++;
    go_on(k);
}

static void end_thread(struct chat_keeper *k, const struct chat_thread_row *row)
{
    struct chat_write *w = arena_new(&k->arena, struct chat_write);

    chat_thread_end_begin(w, row);
    w->chat = k->chat;
    w->arena = &k->arena;
    w->now = k->now;
    w->decide = decide_end;
    w->done = on_ended;
    w->ctx = k;
    w->set.loop = k->site->loop;
    chat_write_commit(w, CHAT_EVENT_THREAD_DELETED);
}

/* ---- rounds ---- */

static void begin_round(void *ctx);

static void end_round(struct chat_keeper *k)
{
    bool more = k->expired.more || k->deleted.more;

    arena_reset(&k->arena);
    k->busy = false;
    if (more && !k->failed)
        begin_round(k);
}

/* What comes next in the round: threads that end, threads to be cleared, then what is old. */
static void go_on(struct chat_keeper *k)
{
    size_t ends = k->expired.n, threads = ends + k->deleted.n, at = k->at;

    if (!k->stopped && at < ends)
        end_thread(k, &k->expired.threads[at]);
    else if (!k->stopped && at < threads)
        clear(k, &k->deleted.threads[at - ends].key);
    else if (!k->stopped && at == threads && k->rounds % PRUNE_EVERY == 1)
        prune(k);
    else
        end_round(k);
}

static void look(void *ctx, struct store_reader *r)
{
    struct chat_keeper *k = ctx;
    const struct chat_query expired = {
        .what = CHAT_LIST_EXPIRED, .now = k->now, .limit = THREADS_AT_ONCE};
    const struct chat_query deleted = {.what = CHAT_LIST_DELETED, .limit = THREADS_AT_ONCE};

    k->rc = r ? store_list_chat(r, &expired, &k->arena, &k->expired) : RC_BUSY;
    if (!k->rc)
        k->rc = store_list_chat(r, &deleted, &k->arena, &k->deleted);
}

static void on_looked(void *ctx)
{
    struct chat_keeper *k = ctx;

    if (k->rc) {
        note_failure(k, "look", k->rc);
        end_round(k);
    } else {
        go_on(k);
    }
}

static void begin_round(void *ctx)
{
    struct chat_keeper *k = ctx;

    if (k->busy || k->stopped)
        return;
    k->busy = true;
    k->failed = false;
    k->rounds++;
    k->at = 0;
    k->now = clock_now(k->chat->options.clock);
    k->expired = k->deleted = (struct chat_page){0};
    store_on_pool(k->site->store, k->site->loop, look, on_looked, k);
}

void chat_keeper_start(struct chat_keeper *k, const struct site *site)
{
    k->site = site;
    k->started = true;
    loop_timer_start(site->loop, &k->timer, ROUND_MS, ROUND_MS, begin_round, k);
}

void chat_keeper_stop(struct chat_keeper *k)
{
    if (!k->started || k->stopped)
        return;
    k->stopped = true;
    loop_timer_close(&k->timer);
}
