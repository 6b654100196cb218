/* The event loop over libuv.
 *
 * Posting is a lock-free stack that the loop takes whole and reverses; only the post that finds it
 * empty wakes the loop. Deferred tasks run before and after the loop waits, a bounded number of
 * generations at a time, so that tasks which defer tasks can't keep the sockets from being served;
 * while any are left the wait is of no length.
 *
 * A process that is stopped, and goes on, looks at its timers before its sockets: a deadline would
 * pass though what it waited for has come meanwhile. So timers that are much too late stand back
 * for one round. */
#include "base/loop.h"

#include <uv.h>

#define DEFER_GENERATIONS 8
#define TOO_LATE_MS       1000

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t before_wait;
    uv_check_t after_wait;
    uv_idle_t no_wait; /* active while deferred tasks are left over */
    _Atomic(struct loop_task *) posted;
    atomic_bool stopping;
    struct loop_task *deferred, **deferred_end;
    struct list watches; /* of struct watch.link: what loop_free() gives back */
    size_t work_pending;
    unsigned index;
    bool running;
};

/* A timer or a signal. */
struct watch {
    union {
        uv_handle_t any;
        uv_timer_t timer;
        uv_signal_t signal;
    } handle;
    struct list link;
    loop_fn run;
    void *ctx;
    uint64_t due_ms; /* of a timer, by the engine's clock */
    bool stood_back;
};

struct work {
    uv_work_t request;
    struct loop *loop;
    loop_fn work, done;
    void *ctx;
};

/* For what fails only for lack of descriptors or memory, or by a mistake of ours. */
static void must(int result)
{
    if (result < 0)
        abort();
}

static void run_chain(struct loop_task *task)
{
    while (task) {
        struct loop_task *next = task->next; /* the task may be queued again or freed by its run */

        task->run(task->ctx);
        task = next;
    }
}

static struct loop_task *reverse(struct loop_task *task)
{
    struct loop_task *reversed = NULL;

    while (task) {
        struct loop_task *next = task->next;

        task->next = reversed;
        reversed = task;
        task = next;
    }
    return reversed;
}

/* Posts before a stop by the same thread are seen with it, so they run. */
static void on_wake(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    bool stop = atomic_exchange(&loop->stopping, false);

    run_chain(reverse(atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire)));
    if (stop)
        uv_stop(&loop->uv);
}

static void run_deferred(struct loop *loop)
{
    for (int i = 0; i < DEFER_GENERATIONS && loop->deferred; i++) {
        struct loop_task *first = loop->deferred;

        loop->deferred = NULL;
        loop->deferred_end = &loop->deferred;
        run_chain(first);
    }
}

static void on_no_wait(uv_idle_t *idle)
{
    (void)idle; /* being active is all it is for */
}

static void on_before_wait(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;

    run_deferred(loop);
    if (loop->deferred)
        must(uv_idle_start(&loop->no_wait, on_no_wait));
    else
        must(uv_idle_stop(&loop->no_wait));
}

static void on_after_wait(uv_check_t *check)
{
    run_deferred(check->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void block_signals(sigset_t *out_before)
{
    sigset_t all;

    (void)sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, out_before);
}

/* A signal is the system's again then, whose answer to most is to kill: the process ends by itself.
 * One that comes in between waits: threads of the pool block all, and so must the caller's others.
 */
static void close_watch(struct watch *w)
{
    bool of_signal = uv_handle_get_type(&w->handle.any) == UV_SIGNAL;
    int signum = of_signal ? w->handle.signal.signum : 0;
    sigset_t before;

    list_remove(&w->link);
    if (of_signal)
        block_signals(&before);
    uv_close(&w->handle.any, on_watch_closed);
    if (of_signal) {
        (void)signal(signum, SIG_IGN); /* can't fail for a valid number */
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

static void close_stray(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static struct watch *add_watch(struct loop *loop)
{
    struct watch *w = calloc(1, sizeof *w);

    if (!w)
        abort();
    list_add(&loop->watches, &w->link);
    return w;
}

static void on_timer(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    uint64_t now = uv_now(timer->loop), repeat = uv_timer_get_repeat(timer);

    if (now >= w->due_ms + TOO_LATE_MS && !w->stood_back) {
        w->stood_back = true;
        must(uv_timer_start(timer, on_timer, 1, repeat));
        return;
    }
    w->stood_back = false;
    w->due_ms = now + repeat;
    w->run(w->ctx);
}

static void on_signal(uv_signal_t *signal, int signum)
{
    const struct watch *w = signal->data;

    (void)signum;
    w->run(w->ctx);
}

static void on_work(uv_work_t *request)
{
    const struct work *w = request->data;

    w->work(w->ctx);
}

static void on_work_done(uv_work_t *request, int status)
{
    struct work *w = request->data;

    (void)status; /* nothing here cancels */
    w->loop->work_pending--;
    w->done(w->ctx);
    free(w);
}

struct loop *loop_new(unsigned index)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        abort();
    loop->index = index;
    loop->deferred_end = &loop->deferred;
    list_init(&loop->watches);
    atomic_init(&loop->posted, NULL);
    atomic_init(&loop->stopping, false);
    must(uv_loop_init(&loop->uv));
    must(uv_async_init(&loop->uv, &loop->wake, on_wake));
    must(uv_prepare_init(&loop->uv, &loop->before_wait));
    must(uv_check_init(&loop->uv, &loop->after_wait));
    must(uv_idle_init(&loop->uv, &loop->no_wait));
    loop->uv.data = loop->wake.data = loop->before_wait.data = loop->after_wait.data = loop;
    must(uv_prepare_start(&loop->before_wait, on_before_wait));
    must(uv_check_start(&loop->after_wait, on_after_wait));
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->work_pending)
        (void)uv_run(&loop->uv, UV_RUN_ONCE); /* says only whether more is to come */
    while (!list_empty(&loop->watches))
        close_watch(list_entry(loop->watches.next, struct watch, link));
    uv_walk(&loop->uv, close_stray, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT))
        ;
    must(uv_loop_close(&loop->uv));
    free(loop);
}

void loop_pool_end(void)
{
    uv_library_shutdown();
}

void loop_run(struct loop *loop)
{
    loop->running = true;
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* says only that handles are left, as they must be */
    loop->running = false;
}

bool loop_settle(struct loop *loop)
{
    bool moved = false;

    for (; loop->work_pending || loop->deferred || atomic_load(&loop->posted); moved = true)
        (void)uv_run(&loop->uv, loop->work_pending ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    return moved;
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    must(uv_async_send(&loop->wake));
}

unsigned loop_index(const struct loop *loop)
{
    return loop->index;
}

void *loop_engine(struct loop *loop)
{
    return &loop->uv;
}

/* Puts a reversed chain onto the stack. */
static void push(struct loop *loop, struct loop_task *top, struct loop_task *bottom)
{
    struct loop_task *below = atomic_load_explicit(&loop->posted, memory_order_relaxed);

    do
        bottom->next = below;
    while (!atomic_compare_exchange_weak_explicit(&loop->posted, &below, top, memory_order_release,
                                                  memory_order_relaxed));
    if (!below)
        must(uv_async_send(&loop->wake));
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    push(loop, task, task);
}

void loop_post_chain(struct loop *loop, struct loop_task *first)
{
    if (first)
        push(loop, reverse(first), first);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    task->next = NULL;
    *loop->deferred_end = task;
    loop->deferred_end = &task->next;
}

/* The first one starts the pool, whose threads keep the mask of this one: signals are for loops. */
static void queue(struct loop *loop, struct work *w)
{
    static _Atomic bool has_pool;
    bool first = !atomic_load_explicit(&has_pool, memory_order_relaxed);
    sigset_t before;

    if (first)
        block_signals(&before);
    must(uv_queue_work(&loop->uv, &w->request, on_work, on_work_done));
    if (first) {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        atomic_store_explicit(&has_pool, true, memory_order_relaxed);
    }
}

void loop_work(struct loop *loop, loop_fn work, loop_fn done, void *ctx)
{
    struct work *w = malloc(sizeof *w);

    if (!w)
        abort();
    *w = (struct work){.loop = loop, .work = work, .done = done, .ctx = ctx};
    w->request.data = w;
    queue(loop, w);
    loop->work_pending++;
}

/* NOLINTNEXTLINE(readability-function-size): the times and the callback of one timer */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t after_ms,
                      uint64_t repeat_ms, loop_fn run, void *ctx)
{
    struct watch *w = timer->handle;

    if (!w) {
        w = timer->handle = add_watch(loop);
        must(uv_timer_init(&loop->uv, &w->handle.timer));
        w->handle.any.data = w;
    }
    timer->run = w->run = run;
    timer->ctx = w->ctx = ctx;
    if (!loop->running)
        uv_update_time(&loop->uv); /* its idea of now is that of the last round */
    w->due_ms = uv_now(&loop->uv) + after_ms;
    w->stood_back = false;
    must(uv_timer_start(&w->handle.timer, on_timer, after_ms, repeat_ms));
}

void loop_timer_stop(struct loop_timer *timer)
{
    struct watch *w = timer->handle;

    if (w)
        must(uv_timer_stop(&w->handle.timer));
}

void loop_timer_close(struct loop_timer *timer)
{
    struct watch *w = timer ? timer->handle : NULL;

    if (!w)
        return;
    timer->handle = NULL;
    close_watch(w);
}

void loop_signal(struct loop *loop, int signum, loop_fn run, void *ctx)
{
    struct watch *w = add_watch(loop);

    w->run = run;
    w->ctx = ctx;
    must(uv_signal_init(&loop->uv, &w->handle.signal));
    w->handle.any.data = w;
    must(uv_signal_start(&w->handle.signal, on_signal, signum));
}
