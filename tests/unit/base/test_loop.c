/* The loop: order of tasks, deferral, timers, pool work, signals, and clean ends. */
#include "unit.h"

#include "base/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define POSTERS 3
#define POSTS   5000

static struct loop *loop;
static char order[64];
static size_t order_len;

struct letter {
    struct loop_task task;
    char c;
};

static void note(char c)
{
    assert_true(order_len < sizeof order);
    order[order_len++] = c;
}

static void note_letter(void *ctx)
{
    const struct letter *l = ctx;

    note(l->c);
    if (l->c == '.')
        loop_stop(loop);
}

static struct letter letter(char c)
{
    return (struct letter){.task = {.run = note_letter}, .c = c};
}

static void post(struct letter *l)
{
    l->task.ctx = l;
    loop_post(loop, &l->task);
}

static void defer(struct letter *l)
{
    l->task.ctx = l;
    loop_defer(loop, &l->task);
}

static void check_order(const char *name, const char *expected)
{
    check_str(name, str_of(order, order_len), str_from(expected));
}

static int set_up(void **state)
{
    (void)state;
    order_len = 0;
    loop = loop_new(3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    loop = NULL;
    return 0;
}

static void runs_tasks_in_order_of_posting(void **state)
{
    struct letter a = letter('a'), b = letter('b'), c = letter('c'), d = letter('d'),
                  end = letter('.');

    (void)state;
    assert_int_equal(loop_index(loop), 3);
    assert_non_null(loop_engine(loop));
    post(&a);
    b.task.ctx = &b;
    c.task.ctx = &c;
    b.task.next = &c.task;
    c.task.next = NULL;
    loop_post_chain(loop, &b.task);
    loop_post_chain(loop, NULL);
    post(&d);
    post(&end);
    loop_run(loop);
    check_order("posted one by one and as a chain", "abcd.");
}

static void runs_what_was_posted_before_a_stop(void **state)
{
    struct letter a = letter('a'), b = letter('b');

    (void)state;
    post(&a);
    loop_stop(loop);
    loop_run(loop);
    check_order("posted before", "a");
    post(&b);
    loop_stop(loop);
    loop_run(loop);
    check_order("and again", "ab");
}

static struct letter again_letter;
static int again_left;

static void post_again(void *ctx)
{
    note('p');
    if (--again_left > 0)
        loop_post(loop, ctx);
    else
        loop_stop(loop);
}

static void a_task_may_post_itself(void **state)
{
    (void)state;
    again_left = 3;
    again_letter.task = (struct loop_task){.run = post_again, .ctx = &again_letter.task};
    loop_post(loop, &again_letter.task);
    loop_run(loop);
    check_order("three times", "ppp");
}

static struct letter first_deferred, second_deferred;

static void defer_two(void *ctx)
{
    (void)ctx;
    defer(&first_deferred);
    defer(&second_deferred);
    note('t'); /* before them */
}

static void runs_deferred_tasks_after_their_maker_returned(void **state)
{
    struct loop_task task = {.run = defer_two};

    (void)state;
    first_deferred = letter('1');
    second_deferred = letter('.');
    loop_post(loop, &task);
    loop_run(loop);
    check_order("deferred in order", "t1.");
}

static int generations_left;

static void defer_again(void *ctx)
{
    if (--generations_left > 0)
        loop_defer(loop, ctx);
    else
        loop_stop(loop);
}

/* Many more than one wait drains: with nothing else to wake the loop it must not sleep. */
static void never_sleeps_with_deferred_tasks(void **state)
{
    struct loop_task task = {.run = defer_again};

    (void)state;
    task.ctx = &task;
    generations_left = 1000;
    loop_defer(loop, &task);
    loop_run(loop);
    assert_int_equal(generations_left, 0);
}

static int starving_left;

static void defer_until_timer(void *ctx)
{
    if (starving_left)
        loop_defer(loop, ctx);
}

static void on_fed(void *ctx)
{
    (void)ctx;
    starving_left = 0;
    loop_stop(loop);
}

static void endless_deferral_does_not_starve_timers(void **state)
{
    struct loop_task task = {.run = defer_until_timer};
    struct loop_timer timer = {0};

    (void)state;
    task.ctx = &task;
    starving_left = 1;
    loop_defer(loop, &task);
    loop_timer_start(loop, &timer, 5, 0, on_fed, NULL);
    loop_run(loop);
    assert_int_equal(starving_left, 0);
    loop_timer_close(&timer);
}

static struct loop_timer tick, once, never;

static void on_tick(void *ctx)
{
    note(*(const char *)ctx);
    if (order_len == 4) {
        loop_timer_stop(&tick);
        loop_timer_close(&tick);
        loop_timer_close(&tick);
        loop_stop(loop);
    }
}

static void timers_fire_repeat_and_stop(void **state)
{
    (void)state;
    tick = once = never = (struct loop_timer){0};
    loop_timer_stop(&never);
    loop_timer_close(&never);
    loop_timer_close(NULL);
    loop_timer_start(loop, &once, 0, 0, on_tick, "o");
    loop_timer_start(loop, &tick, 10, 2, on_tick, "x");
    loop_timer_start(loop, &tick, 3, 2, on_tick, "t"); /* restarted: the former is forgotten */
    loop_timer_start(loop, &never, 1, 0, on_tick, "n");
    loop_timer_stop(&never);
    loop_run(loop);
    check_order("once, then three ticks", "ottt");
    assert_null(tick.handle);
    /* `once` and `never` are left for loop_free() to give back */
}

static void wait_five(void *ctx)
{
    (void)ctx;
    loop_stop(loop);
}

/* The engine's idea of now is old when the loop is made long before it runs. */
static void a_timer_waits_from_its_start(void **state)
{
    struct timespec pause = {.tv_nsec = 30000000};
    struct loop_timer timer = {0};
    mono_ns start;

    (void)state;
    (void)nanosleep(&pause, NULL);
    start = clock_mono();
    loop_timer_start(loop, &timer, 20, 0, wait_five, NULL);
    loop_run(loop);
    assert_true(clock_mono() - start >= 19000000);
    loop_timer_close(&timer);
}

static pthread_t worked_on;

static void on_pool(void *ctx)
{
    *(int *)ctx = 42;
    worked_on = pthread_self();
}

static void on_pool_done(void *ctx)
{
    (*(int *)ctx)++;
    loop_stop(loop);
}

static void stand_still(int signum)
{
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 500000000};

    (void)signum;
    (void)nanosleep(&pause, NULL);
}

/* Makes the loop stand still while it waits, and posts a task meanwhile. */
static void *interrupt(void *ctx)
{
    static struct letter came;
    pthread_t of_loop = *(pthread_t *)ctx;

    came = letter('i');
    assert_int_equal(usleep(100000), 0);
    assert_int_equal(pthread_kill(of_loop, SIGUSR2), 0);
    assert_int_equal(usleep(300000), 0);
    post(&came);
    return NULL;
}

static void after_a_standstill_what_came_goes_before_timers(void **state)
{
    struct sigaction still = {.sa_handler = stand_still}, before;
    struct letter t = letter('t'), end = letter('.');
    struct loop_timer once = {0}, often = {0};
    pthread_t own = pthread_self(), other;

    (void)state;
    assert_int_equal(sigaction(SIGUSR2, &still, &before), 0);
    loop_timer_start(loop, &once, 400, 0, note_letter, &t);
    loop_timer_start(loop, &often, 410, 60000, note_letter, &end);
    assert_int_equal(pthread_create(&other, NULL, interrupt, &own), 0);
    loop_run(loop);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(sigaction(SIGUSR2, &before, NULL), 0);
    loop_timer_close(&once);
    loop_timer_close(&often);
    check_order("the task was posted before the timers were seen to", "it.");
}

static void works_on_the_pool_then_returns(void **state)
{
    int value = 0;

    (void)state;
    loop_work(loop, on_pool, on_pool_done, &value);
    loop_run(loop);
    assert_int_equal(value, 43);
    assert_false(pthread_equal(worked_on, pthread_self()));
}

static void freeing_waits_for_pool_work(void **state)
{
    int value = 0;

    (void)state;
    loop_work(loop, on_pool, on_pool_done, &value);
    loop_free(loop);
    assert_int_equal(value, 43);
    loop = loop_new(0);
}

static void on_pool_done_post(void *ctx)
{
    post(ctx);
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

static void settles_what_is_under_way(void **state)
{
    struct letter first = letter('a'), second = letter('b'), third = letter('c');

    (void)state;
    post(&first);
    defer(&second);
    loop_work(loop, do_nothing, on_pool_done_post, &third);
    assert_true(loop_settle(loop));
    assert_int_equal(order_len, 3);
    assert_non_null(memchr(order, 'c', order_len));
    assert_false(loop_settle(loop)); /* nothing to wait for */
}

static void on_usr1(void *ctx)
{
    note(*(const char *)ctx);
    if (order_len == 2)
        loop_stop(loop);
    else
        (void)raise(SIGUSR1);
}

static void hears_signals(void **state)
{
    (void)state;
    loop_signal(loop, SIGUSR1, on_usr1, "s");
    (void)raise(SIGUSR1);
    loop_run(loop);
    check_order("each arrival", "ss");
}

struct sending {
    atomic_bool begun, enough;
};

static void *send_until_told(void *ctx)
{
    struct sending *s = ctx;
    sigset_t all;

    (void)sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* they are for the loop, or for nobody */
    while (!atomic_load(&s->enough)) {
        (void)kill(getpid(), SIGUSR2);
        atomic_store(&s->begun, true);
    }
    return NULL;
}

/* It would end this process. */
static void freed_while_its_signal_comes(void **state)
{
    struct sending s = {0};
    mono_ns end;
    pthread_t sender;
    int value = 0;

    (void)state;
    loop_work(loop, on_pool, on_pool_done, &value); /* the pool is there, too */
    loop_run(loop);
    (void)signal(SIGUSR2, SIG_IGN);
    assert_int_equal(pthread_create(&sender, NULL, send_until_told, &s), 0);
    while (!atomic_load(&s.begun))
        (void)sched_yield();
    end = clock_mono() + 500 * (mono_ns)1000000;
    while (clock_mono() < end) {
        loop_signal(loop, SIGUSR2, do_nothing, NULL);
        loop_free(loop);
        loop = loop_new(0);
    }
    atomic_store(&s.enough, true);
    assert_int_equal(pthread_join(sender, NULL), 0);
}

static void on_posted(void *ctx)
{
    (void)ctx;
}

static void posting_after_the_stop_is_harmless(void **state)
{
    struct loop_task task = {.run = on_posted}, deferred = {.run = on_posted};

    (void)state;
    loop_stop(loop);
    loop_run(loop);
    loop_post(loop, &task);
    loop_defer(loop, &deferred);
    loop_stop(loop);
    loop_free(loop);
    loop_free(NULL);
    loop = loop_new(0);
}

struct poster {
    pthread_t thread;
    struct numbered {
        struct loop_task task;
        struct poster *by;
        unsigned number;
    } tasks[POSTS];
    unsigned expected;
};

static unsigned posted_left;
static bool posted_in_order;

static void on_numbered(void *ctx)
{
    const struct numbered *n = ctx;

    posted_in_order = posted_in_order && n->by->expected++ == n->number;
    if (--posted_left == 0)
        loop_stop(loop);
}

static void *post_all(void *ctx)
{
    struct poster *p = ctx;

    for (unsigned i = 0; i < POSTS; i++) {
        p->tasks[i] = (struct numbered){.by = p, .number = i};
        p->tasks[i].task.run = on_numbered;
        p->tasks[i].task.ctx = &p->tasks[i];
        loop_post(loop, &p->tasks[i].task);
    }
    return NULL;
}

static void threads_post_together(void **state)
{
    struct poster *posters = calloc(POSTERS, sizeof *posters);

    (void)state;
    assert_non_null(posters);
    posted_left = POSTERS * POSTS;
    posted_in_order = true;
    for (size_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    loop_run(loop);
    for (size_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
    assert_int_equal(posted_left, 0);
    assert_true(posted_in_order);
    free(posters);
}

static void *run_loop(void *ctx)
{
    loop_run(ctx);
    return NULL;
}

static void another_thread_stops_it(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    loop_stop(loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown((f), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(runs_tasks_in_order_of_posting),
        LOOP_TEST(runs_what_was_posted_before_a_stop),
        LOOP_TEST(a_task_may_post_itself),
        LOOP_TEST(runs_deferred_tasks_after_their_maker_returned),
        LOOP_TEST(never_sleeps_with_deferred_tasks),
        LOOP_TEST(endless_deferral_does_not_starve_timers),
        LOOP_TEST(timers_fire_repeat_and_stop),
        LOOP_TEST(a_timer_waits_from_its_start),
        LOOP_TEST(after_a_standstill_what_came_goes_before_timers),
        LOOP_TEST(works_on_the_pool_then_returns),
        LOOP_TEST(freeing_waits_for_pool_work),
        LOOP_TEST(settles_what_is_under_way),
        LOOP_TEST(hears_signals),
        LOOP_TEST(freed_while_its_signal_comes),
        LOOP_TEST(posting_after_the_stop_is_harmless),
        LOOP_TEST(threads_post_together),
        LOOP_TEST(another_thread_stops_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
