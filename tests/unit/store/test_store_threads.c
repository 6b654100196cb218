/* Several loops at once: every callback once, on its loop, in order; each reads what it wrote. */
#include "fixture.h"

#include <pthread.h>

enum { LOOPS = 4, SETS = 5000, IN_FLIGHT = 64 };
static const size_t all_sets = (size_t)LOOPS * SETS;

struct flight { /* one set under way */
    struct committer *owner;
    struct change_set set;
    struct change items[2];
    size_t number;
};

struct committer {
    struct store *store;
    struct loop *loop;
    struct store_reader *reader;
    struct arena arena;
    pthread_t thread;
    uint64_t resource;
    size_t sent, answered, discarded, conflicts;
    struct flight flights[IN_FLIGHT];
    struct loop_task start;
    struct loop_timer idle;
};

struct watched {
    int64_t last_seq;
    size_t revoked;
};

static void send_next(struct flight *fl);

/** Every 100th adds a user who exists; every 10th is a pair; every 7th has no callback. */
static bool is_conflict(size_t number)
{
    return number % 100 == 99;
}

static bool is_pair(size_t number)
{
    return number % 10 == 3;
}

static void settled(struct flight *fl)
{
    struct committer *c = fl->owner;

    if (c->sent < SETS)
        send_next(fl);
    else if (c->answered + c->discarded == SETS)
        loop_stop(c->loop);
}

static void on_done(void *ctx, enum rc rc, struct change_set *set)
{
    struct flight *fl = ctx;
    struct committer *c = fl->owner;
    struct user_row row;

    assert_ptr_equal(set, &fl->set);
    assert_true(pthread_equal(pthread_self(), c->thread));
    assert_int_equal(fl->number, c->answered + c->discarded); /* in order of queueing */
    assert_int_equal(rc, is_conflict(fl->number) ? RC_CONFLICT : RC_OK);
    assert_int_equal(store_user(c->reader, &fl->items[0].u.user.key, &c->arena, &row), RC_OK);
    assert_int_equal(row.generation, is_pair(fl->number) ? 2 : 1);
    c->conflicts += rc == RC_CONFLICT;
    c->answered++;
    settled(fl);
}

static void on_discard(void *ctx)
{
    struct flight *fl = ctx;
    struct committer *c = fl->owner;

    assert_int_equal(fl->number, c->answered + c->discarded);
    c->discarded++;
    settled(fl);
}

static void send_next(struct flight *fl)
{
    struct committer *c = fl->owner;
    bool quiet;

    fl->number = c->sent++;
    quiet = fl->number % 7 == 5 && !is_conflict(fl->number);
    fl->items[0] =
        add_user(key_of(c->resource, is_conflict(fl->number) ? fl->number - 1 : fl->number), NOW);
    fl->items[1] = change_user(CHANGE_USER_REVOKE, fl->items[0].u.user.key, NOW);
    fl->set = (struct change_set){.items = fl->items,
                                  .n = is_pair(fl->number) ? 2 : 1,
                                  .loop = c->loop,
                                  .done = quiet ? NULL : on_done,
                                  .discard = on_discard,
                                  .ctx = fl};
    store_commit(c->store, &fl->set);
}

static void start(void *ctx)
{
    struct committer *c = ctx;

    for (size_t i = 0; i < IN_FLIGHT; i++)
        send_next(&c->flights[i]);
}

static void let_go(void *ctx)
{
    store_reader_idle(ctx);
}

static void *run_committer(void *ctx)
{
    struct committer *c = ctx;

    c->thread = pthread_self();
    loop_timer_start(c->loop, &c->idle, 50, 50, let_go, c->reader);
    loop_run(c->loop);
    loop_timer_close(&c->idle);
    return NULL;
}

static void on_watch(void *ctx, const struct log_entry *entries, size_t n)
{
    struct watched *w = ctx;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(entries[i].seq, w->last_seq + 1);
        w->last_seq = entries[i].seq;
        w->revoked += entries[i].kind == LOG_USER;
    }
}

static void check_figures(struct fixture *f, size_t revoked, size_t conflicts)
{
    struct store_figures figures;

    store_figures(f->store, &figures);
    assert_int_equal(figures.sets, all_sets);
    assert_int_equal(figures.failed, conflicts);
    assert_int_equal(figures.changes, all_sets - conflicts + revoked);
    assert_int_equal(figures.users, all_sets - conflicts);
    assert_int_equal(figures.commits, store_commits(f->store));
    assert_true(figures.commits < all_sets); /* gathered, not one by one */
    assert_in_range(figures.queue_high, 1, LOOPS * IN_FLIGHT);
}

static void check_rows(struct fixture *f)
{
    for (uint64_t resource = 1; resource <= LOOPS; resource++) {
        for (size_t i = 0; i < SETS; i++) {
            struct user_key key = key_of(resource, i);
            struct user_row row;

            assert_int_equal(fixture_user(f, &key, &row), is_conflict(i) ? RC_NOT_FOUND : RC_OK);
        }
    }
}

static void calls_back_once_in_order_on_each_of_many_loops(struct fixture *f)
{
    struct committer *all = calloc(LOOPS, sizeof *all);
    struct watched w = {0};
    size_t conflicts = 0;

    assert_non_null(all);
    fixture_open(f);
    store_watch(f->store, on_watch, &w);
    for (unsigned i = 0; i < LOOPS; i++) {
        struct committer *c = &all[i];

        c->store = f->store;
        c->loop = loop_new(i);
        c->reader = store_reader_new(f->store);
        arena_init(&c->arena);
        c->resource = i + 1;
        for (size_t k = 0; k < IN_FLIGHT; k++)
            c->flights[k].owner = c;
        c->start = (struct loop_task){.run = start, .ctx = c};
        loop_post(c->loop, &c->start);
        assert_int_equal(pthread_create(&c->thread, NULL, run_committer, c), 0);
    }
    for (unsigned i = 0; i < LOOPS; i++) {
        pthread_join(all[i].thread, NULL);
        assert_int_equal(all[i].answered + all[i].discarded, SETS);
        assert_true(all[i].discarded > 0);
        conflicts += all[i].conflicts;
        store_reader_free(all[i].reader);
        loop_free(all[i].loop);
        arena_clear(&all[i].arena);
    }
    free(all);
    assert_int_equal(conflicts, all_sets / 100);
    assert_int_equal(w.revoked, all_sets / 10);
    check_figures(f, w.revoked, conflicts);
    check_rows(f);
    fixture_reopen(f);
    check_rows(f);
}

static const struct store_case cases[] = {
    {"calls back once, in order, on each of many loops",
     calls_back_once_in_order_on_each_of_many_loops},
};

int main(void)
{
    return run_cases("store with many loops", cases, ARRAY_LEN(cases));
}
