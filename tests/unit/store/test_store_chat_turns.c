/* Turns of threads: what a decision sees, what it appends, what is left of one that fails, numbers
 * of the log, and who is told in which order. */
#include "chat_rows.h"
#include "store/change_list.h"

#include <sched.h>
#include <stdatomic.h>

/** A turn of thread 1 whose decision appends what is given here. */
struct plan {
    struct chat_turn turn;
    struct change append[40];
    size_t n;
    enum rc rc;
    int called;
};

static enum rc append_all(void *ctx, struct chat_turn *turn, struct change_set *set)
{
    struct plan *p = ctx;

    assert_ptr_equal(turn, &p->turn);
    p->called++;
    for (size_t i = 0; i < p->n; i++)
        *change_set_add(set, turn->arena, p->append[i].kind) = p->append[i];
    return p->rc;
}

static struct change turn_of(struct fixture *f, struct plan *p, uint64_t thread)
{
    p->turn.arena = &f->arena;
    p->turn.thread = id_of(thread);
    p->turn.decide = append_all;
    p->turn.ctx = p;
    return (struct change){.kind = CHANGE_CHAT_TURN, .u.chat_turn = &p->turn};
}

static enum rc take_turn(struct fixture *f, struct plan *p, uint64_t thread)
{
    struct change c = turn_of(f, p, thread);
    enum rc rc = fixture_commit(f, &c, 1);

    assert_int_equal(p->called, 1);
    return rc;
}

static void says_in_a_turn_that_there_is_nothing(struct fixture *f)
{
    const struct uuid users[2] = {id_of(2), id_of(3)};
    struct plan p = {
        .turn = {
            .users = users, .n_users = 2, .message = NOW, .all_members = true, .receipt = true}};

    fixture_open(f);
    for (int i = 0; i < 2; i++) { /* no thread, then an empty one */
        p.called = 0;
        assert_int_equal(take_turn(f, &p, 1), RC_OK);
        check_id(&p.turn.row.key, 1);
        assert_int_equal(p.turn.row.created, i ? NOW : 0);
        for (uint64_t u = 0; u < 2; u++) {
            check_id(&p.turn.members[u].thread, 1);
            check_id(&p.turn.members[u].user, 2 + u);
            assert_int_equal(p.turn.members[u].joined, 0);
        }
        assert_int_equal(p.turn.n_all, 0);
        assert_int_equal(p.turn.found.id, 0);
        assert_int_equal(p.turn.read.message, 0);
        check_id(&p.turn.read.user, 2);
        assert_int_equal(p.turn.next_order, 1);
        must(f, put_thread(1));
    }
}

static void shows_a_turn_what_was_asked_for(struct fixture *f)
{
    const struct uuid users[3] = {id_of(3), id_of(2), id_of(9)};
    struct plan p = {.turn = {.users = users, .n_users = 3, .message = NOW}};
    struct change c[] = {
        put_thread(1),
        put_member(1, 2, 5),
        put_member(1, 3, 4),
        put_member(1, 4, 4),
        put_member(1, 5, 1),
        put_message(1, 1, NOW),
        log_entry(1),
        {.kind = CHANGE_CHAT_RECEIPT_PUT,
         .u.chat_receipt = {id_of(1), id_of(3), .message = NOW, .read_on = NOW + 1}},
    };

    c[0].u.chat_thread.members = 3;
    c[4].u.chat_member.gone = 6; /* he left */
    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, ARRAY_LEN(c)), RC_OK);
    for (int i = 0; i < 2; i++) {
        bool all = i == 1;

        p.called = 0;
        p.turn.all_members = p.turn.receipt = all;
        assert_int_equal(take_turn(f, &p, 1), RC_OK);
        check_thread(&p.turn.row, &c[0].u.chat_thread);
        assert_int_equal(p.turn.members[0].joined, 4);
        assert_int_equal(p.turn.members[1].joined, 5);
        assert_int_equal(p.turn.members[2].joined, 0);
        check_message(&p.turn.found, &c[5].u.chat_message);
        assert_int_equal(p.turn.read.message, all ? NOW : 0);
        assert_int_equal(p.turn.read.read_on, all ? NOW + 1 : 0);
        assert_int_equal(p.turn.n_all, all ? 3 : 0);
        assert_int_equal(p.turn.next_order, 2);
    }
    check_id(&p.turn.all[0].user, 3);
    check_id(&p.turn.all[1].user, 4);
    check_id(&p.turn.all[2].user, 2);
    p = (struct plan){.turn = {.message = NOW + 1}};
    assert_int_equal(take_turn(f, &p, 1), RC_OK);
    assert_int_equal(p.turn.found.id, 0);
}

static void appends_more_than_a_set_had_room_for(struct fixture *f)
{
    struct plan p = {.n = 40};
    struct change c[3] = {put_thread(1), turn_of(f, &p, 1), put_message(1, 100, NOW + 100)};
    struct change_set set = {.items = c, .n = 3};
    struct chat_message_row got;
    struct resource_row *resource;
    struct told told;
    enum rc rc;

    for (size_t i = 0; i < 40; i++)
        p.append[i] = i % 4 == 3 ? put_resource(i, arena_printf(&f->arena, "r%zu", i))
                                 : put_message(1, (int64_t)i + 1, NOW + (unix_ms)i);
    fixture_open(f);
    fixture_commit_sets(f, &set, 1, &rc);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(set.n, 43);
    for (size_t i = 0; i < 40; i++)
        if (i % 4 != 3)
            assert_int_equal(find_message(f, 1, NOW + (unix_ms)i, &got), RC_OK);
    assert_int_equal(find_message(f, 1, NOW + 100, &got), RC_OK);
    p.called = 0; /* the watch is told of rows in memory that a decision changed */
    p.append[39].u.resource.names = STR("other.example");
    for (size_t i = 0; i < 39; i++)
        p.append[i] = p.append[39];
    resource = &p.append[39].u.resource;
    c[0] = turn_of(f, &p, 1);
    assert_int_equal(fixture_commit_watched(f, &c[0], &told), RC_OK);
    assert_int_equal(told.n, 40);
    assert_true(uuid_eq(&told.last.resource, &resource->id));
}

static void undoes_a_set_whose_decision_fails_and_no_other(struct fixture *f)
{
    static const struct {
        enum rc said, arrives;
    } cases[] = {
        {RC_CONFLICT, RC_CONFLICT},   {RC_NOT_FOUND, RC_NOT_FOUND}, {RC_INVALID, RC_INVALID},
        {RC_TOO_LARGE, RC_TOO_LARGE}, {RC_BUSY, RC_INVALID},        {RC_FULL, RC_INVALID},
        {RC_IO, RC_INVALID},          {RC_INTERNAL, RC_INVALID},
    };
    struct chat_message_row got;

    fixture_open(f);
    must(f, put_thread(1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unix_ms at = NOW + (unix_ms)i * 10;
        int64_t seq = (int64_t)i * 10 + 1;
        struct plan bad = {
            .n = 2, .append = {put_message(1, seq, at), log_entry(1)}, .rc = cases[i].said};
        struct plan good = {.n = 2, .append = {put_message(1, seq + 1, at + 1), log_entry(1)}};
        struct change c[3] = {put_message(1, seq + 2, at + 2), turn_of(f, &bad, 1),
                              turn_of(f, &good, 1)};
        enum rc rcs[3];

        fixture_commit_as_one_batch(f, c, 3, rcs);
        assert_int_equal(rcs[0], RC_OK);
        assert_int_equal(rcs[1], cases[i].arrives);
        assert_int_equal(rcs[2], RC_OK);
        assert_int_equal(find_message(f, 1, at, &got), RC_NOT_FOUND);
        assert_int_equal(find_message(f, 1, at + 1, &got), RC_OK);
        assert_int_equal(find_message(f, 1, at + 2, &got), RC_OK);
        assert_int_equal(good.turn.next_order, i + 1); /* the failed one's number is given again */
        assert_true(store_healthy(f->store));
        fixture_reopen(f);
    }
}

static void undoes_a_set_when_what_was_decided_fails(struct fixture *f)
{
    const struct change message = put_message(1, 2, NOW + 1), head = put_head(1, 9),
                        entry = log_entry(1), no_entry = {.kind = CHANGE_CHAT_LOG_ADD};
    const struct {
        enum rc rc;
        struct change append[4];
    } cases[] = {
        {RC_NOT_FOUND, {message, entry, head, put_message(2, 1, NOW)}},
        {RC_NOT_FOUND, {message, head, entry, put_head(2, 1)}},
        {RC_INVALID, {message, head, entry, no_entry}},
        {RC_CONFLICT, {put_message(1, 2, NOW), head, entry, entry}}, /* the first one itself */
    };
    struct plan see = {.turn = {.message = NOW + 1}};

    fixture_open(f);
    must(f, put_thread(1));
    must(f, put_message(1, 1, NOW));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plan p = {.n = 4};

        memcpy(p.append, cases[i].append, sizeof cases[i].append);
        assert_int_equal(take_turn(f, &p, 1), cases[i].rc);
        see.called = 0;
        assert_int_equal(take_turn(f, &see, 1), RC_OK);
        assert_int_equal(see.turn.next_order, 1);
        assert_int_equal(see.turn.row.seq, 0);
        assert_int_equal(see.turn.found.id, 0);
    }
}

/** The next message of the thread, made of what the turn shows. */
static enum rc send_next(void *ctx, struct chat_turn *turn, struct change_set *set)
{
    struct chat_thread_row row = turn->row;
    struct change *c;

    (void)ctx;
    row.seq++;
    row.last_id = row.last_id >= NOW ? row.last_id + 1 : NOW;
    c = change_set_add(set, turn->arena, CHANGE_CHAT_MESSAGE_PUT);
    *c = put_message(1, row.seq, row.last_id);
    change_set_add(set, turn->arena, CHANGE_CHAT_THREAD_PUT)->u.chat_thread = row;
    c = change_set_add(set, turn->arena, CHANGE_CHAT_LOG_ADD);
    *c = log_entry(1);
    c->u.chat_log.message = row.last_id;
    return RC_OK;
}

static void lets_turns_of_one_batch_see_each_other(struct fixture *f)
{
    enum { N = 8 };
    struct chat_turn turns[N];
    struct chat_thread_row row;
    struct chat_message_row got;
    struct change c[N];
    enum rc rcs[N];

    fixture_open(f);
    must(f, put_thread(1));
    for (size_t i = 0; i < N; i++) {
        turns[i] = (struct chat_turn){.arena = &f->arena, .thread = id_of(1), .decide = send_next};
        c[i] = (struct change){.kind = CHANGE_CHAT_TURN, .u.chat_turn = &turns[i]};
    }
    fixture_commit_as_one_batch(f, c, N, rcs);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(rcs[i], RC_OK);
        assert_int_equal(turns[i].row.seq, i);
        assert_int_equal(turns[i].next_order, i + 1);
        assert_int_equal(find_message(f, 1, NOW + (unix_ms)i, &got), RC_OK);
        assert_int_equal(got.seq, i + 1);
    }
    assert_int_equal(find_thread(f, 1, &row), RC_OK);
    assert_int_equal(row.seq, N);
    assert_int_equal(row.last_id, NOW + N - 1);
}

static void makes_a_thread_by_a_turn_and_knows_it_in_the_next(struct fixture *f)
{
    struct plan make = {.n = 3, .append = {put_thread(1), put_member(1, 7, 1), log_entry(1)}};
    const struct uuid creator = id_of(7);
    struct plan see = {.turn = {.users = &creator, .n_users = 1, .all_members = true}};
    struct change c[3] = {turn_of(f, &make, 1), turn_of(f, &see, 1), put_thread(2)};
    enum rc rcs[3];

    fixture_open(f);
    fixture_commit_as_one_batch(f, c, 3, rcs);
    assert_int_equal(rcs[0], RC_OK);
    assert_int_equal(rcs[2], RC_OK);
    assert_int_equal(make.turn.row.created, 0);
    assert_int_equal(rcs[1], RC_OK);
    assert_int_equal(see.turn.row.created, NOW);
    assert_int_equal(see.turn.members[0].joined, 1);
    assert_int_equal(see.turn.n_all, 1);
}

static void takes_turns_of_two_threads_in_one_set(struct fixture *f)
{
    struct plan a = {.n = 1, .append = {put_message(1, 1, NOW)}};
    struct plan b = {.n = 2, .append = {put_message(2, 1, NOW), put_message(1, 2, NOW + 1)}};
    struct change c[4] = {put_thread(1), put_thread(2), turn_of(f, &a, 1), turn_of(f, &b, 2)};
    struct change_set set = {.items = c, .n = 4};
    struct chat_message_row got;
    enum rc rc;

    fixture_open(f);
    fixture_commit_sets(f, &set, 1, &rc);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(find_message(f, 1, NOW, &got), RC_OK);
    assert_int_equal(find_message(f, 2, NOW, &got), RC_OK);
    assert_int_equal(find_message(f, 1, NOW + 1, &got), RC_OK);
    assert_int_equal(find_message(f, 2, NOW + 1, &got), RC_NOT_FOUND);
}

/* ---- the log ---- */

static void numbers_the_log_on_and_on(struct fixture *f)
{
    struct change nothing = log_entry(1);
    struct change prune = {.kind = CHANGE_CHAT_PRUNE,
                           .u.chat_prune = {.log_before = NOW + 1, .limit = 100}};

    fixture_open(f);
    for (int64_t i = 0; i < 6; i++) {
        struct change c[2] = {log_entry(1), log_entry(2)};

        assert_int_equal(fixture_commit(f, c, 2), RC_OK);
        assert_int_equal(c[0].u.chat_log.order, 2 * i + 1);
        assert_int_equal(c[1].u.chat_log.order, 2 * i + 2);
        if (i % 2)
            must(f, prune); /* nothing is left of it but the number */
        if (i > 2)
            fixture_reopen(f);
    }
    nothing.u.chat_log.kind = CHAT_LOG_NONE;
    assert_int_equal(fixture_commit(f, &nothing, 1), RC_INVALID);
    nothing.u.chat_log.kind = CHAT_LOG_KIND_COUNT;
    assert_int_equal(fixture_commit(f, &nothing, 1), RC_INVALID);
    nothing = log_entry(1);
    assert_int_equal(fixture_commit(f, &nothing, 1), RC_OK);
    assert_int_equal(nothing.u.chat_log.order, 13);
}

static void count_entries(void *ctx, const struct log_entry *e)
{
    (void)e;
    ++*(size_t *)ctx;
}

static void leaves_the_change_log_alone(struct fixture *f)
{
    struct plan p = {.n = 2, .append = {put_message(1, 1, NOW), log_entry(1)}};
    size_t n = 0;

    fixture_open(f);
    must(f, put_thread(1));
    must(f, put_member(1, 2, 1));
    assert_int_equal(take_turn(f, &p, 1), RC_OK);
    assert_int_equal(store_each_change(f->reader, 0, count_entries, &n), RC_OK);
    assert_int_equal(n, 0);
}

/* ---- who is told, and when ---- */

/** What the writer did, in order: 'w' the watch was told, '0'… set n was told that it is durable,
 * 'd' somebody was answered. Nothing is asserted on the writer's thread. */
struct heard {
    struct fixture *f;
    struct change_set *sets;
    size_t done;
    _Atomic bool held, queued;
    _Atomic size_t n;
    char what[32];
    enum rc rcs[5];
};

static void note(struct heard *h, char what)
{
    h->what[atomic_fetch_add(&h->n, 1) % sizeof h->what] = what;
}

/** Holds the writer at its first commit until all sets are queued behind it. */
static void note_watch(void *ctx, const struct log_entry *entries, size_t n)
{
    struct heard *h = ctx;

    (void)entries, (void)n;
    note(h, 'w');
    atomic_store(&h->held, true);
    while (!atomic_load(&h->queued))
        (void)sched_yield();
}

static void note_durable(void *ctx, struct change_set *set)
{
    struct heard *h = ctx;

    note(h, (char)('0' + (set - h->sets)));
}

static void note_done(void *ctx, enum rc rc, struct change_set *set)
{
    struct heard *h = ctx;

    if (h->done == 0)
        note(h, 'd');
    h->rcs[set - h->sets] = rc;
    if (++h->done == ARRAY_LEN(h->rcs))
        loop_stop(h->f->loop);
}

static void tells_of_what_is_durable_before_anyone_is_answered(struct fixture *f)
{
    static const enum rc wanted[] = {RC_OK, RC_CONFLICT, RC_NOT_FOUND, RC_OK, RC_OK};
    struct plan bad = {.rc = RC_CONFLICT}, good = {.n = 1, .append = {put_message(1, 1, NOW)}};
    struct change opener = put_resource(4, STR("first"));
    struct change_set first = {.items = &opener, .n = 1, .loop = f->loop}, sets[5] = {0};
    struct change c[5] = {put_thread(1), turn_of(f, &bad, 1), put_message(9, 1, NOW),
                          turn_of(f, &good, 1), put_resource(5, STR("name"))};
    struct heard h = {.f = f, .sets = sets};

    fixture_open(f);
    store_watch(f->store, note_watch, &h);
    store_commit(f->store, &first);
    while (!atomic_load(&h.held))
        (void)sched_yield();
    for (size_t i = 0; i < 5; i++) {
        sets[i] = (struct change_set){.items = &c[i],
                                      .n = 1,
                                      .loop = f->loop,
                                      .done = note_done,
                                      .durable = i == 4 ? NULL : note_durable,
                                      .ctx = &h};
        store_commit(f->store, &sets[i]);
    }
    atomic_store(&h.queued, true);
    fixture_run(f);
    store_watch(f->store, NULL, NULL);
    check_text(str_of(h.what, h.n), STR("ww03d"));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(h.rcs[i], wanted[i]);
}

/** A set that is refused, since the store has stopped, was never durable. */
static void tells_of_nothing_after_it_has_stopped(struct fixture *f)
{
    struct change c[5] = {put_thread(1), put_thread(2), put_thread(3), put_thread(4),
                          put_thread(5)};
    struct change_set sets[5] = {0};
    struct heard h = {.f = f, .sets = sets};

    fixture_open(f);
    store_stop(f->store);
    for (size_t i = 0; i < 5; i++) {
        sets[i] = (struct change_set){.items = &c[i],
                                      .n = 1,
                                      .loop = f->loop,
                                      .done = note_done,
                                      .durable = note_durable,
                                      .ctx = &h};
        store_commit(f->store, &sets[i]);
    }
    fixture_run(f);
    check_text(str_of(h.what, h.n), STR("d"));
    assert_int_equal(h.rcs[0], RC_BUSY);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"says in a turn that there is nothing", says_in_a_turn_that_there_is_nothing},
    {"shows a turn what was asked for", shows_a_turn_what_was_asked_for},
    {"appends more than a set had room for", appends_more_than_a_set_had_room_for},
    {"undoes a set whose decision fails and no other", undoes_a_set_whose_decision_fails_and_no_other},
    {"undoes a set when what was decided fails", undoes_a_set_when_what_was_decided_fails},
    {"lets turns of one batch see each other", lets_turns_of_one_batch_see_each_other},
    {"makes a thread by a turn and knows it in the next", makes_a_thread_by_a_turn_and_knows_it_in_the_next},
    {"takes turns of two threads in one set", takes_turns_of_two_threads_in_one_set},
    {"numbers the log on and on", numbers_the_log_on_and_on},
    {"leaves the change log alone", leaves_the_change_log_alone},
    {"tells of what is durable before anyone is answered", tells_of_what_is_durable_before_anyone_is_answered},
    {"tells of nothing after it has stopped", tells_of_nothing_after_it_has_stopped},
};
/* clang-format on */

int main(void)
{
    return run_cases("chat turns", cases, ARRAY_LEN(cases));
}
