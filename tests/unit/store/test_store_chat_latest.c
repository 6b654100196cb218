/* A user's threads by activity: page by page they are what sorting all of them gives. */
#include "chat_rows.h"

#include <stdlib.h>

#define THREADS 120

/** A thread as it should be listed. */
struct wanted {
    uint64_t n;
    unix_ms active;
};

struct all {
    struct wanted items[THREADS];
    size_t n;
};

static uint64_t roll(uint64_t *dice, uint64_t sides)
{
    *dice = *dice * 6364136223846793005U + 1442695040888963407U;
    return (*dice >> 33) % sides;
}

static struct chat_query latest(uint32_t limit)
{
    return (struct chat_query){
        .what = CHAT_LIST_LATEST, .resource = id_of(1), .user = id_of(7), .limit = limit};
}

static struct chat_page must_list(struct fixture *f, struct chat_query query)
{
    struct chat_page page;

    assert_int_equal(store_list_chat(f->reader, &query, &f->arena, &page), RC_OK);
    return page;
}

static unix_ms active_of(const struct chat_page *page, size_t i)
{
    unix_ms left = page->members[i].left, last = page->threads[i].last_id;

    return left && left < last ? left : last;
}

/** As the service goes on behind a page. */
static void go_on(struct chat_query *q, const struct chat_page *page)
{
    q->goes_on = true;
    q->active_to = active_of(page, page->n - 1);
    q->before = page->threads[page->n - 1].key;
}

/** Threads of few times; some are deleted, of another resource or somebody else's alone. */
static void fill(struct fixture *f, uint64_t seed, bool present, struct all *out)
{
    struct change c[2 * THREADS];

    out->n = 0;
    fixture_open(f);
    for (uint64_t n = 1; n <= THREADS; n++) {
        struct change *thread = &c[2 * n - 2], *member = &c[2 * n - 1];
        unix_ms last = (unix_ms)roll(&seed, 30); /* 0: no message */
        unix_ms left = roll(&seed, 4) ? 0 : 1 + (unix_ms)roll(&seed, 30);
        uint64_t odd = roll(&seed, 12);

        *thread = put_thread(n);
        *member = put_member(n, odd == 0 ? 8 : 7, (int64_t)n);
        thread->u.chat_thread.last_id = last;
        thread->u.chat_thread.resource = id_of(odd == 1 ? 2 : 1);
        thread->u.chat_thread.deleted = odd == 2 ? NOW : 0;
        member->u.chat_member.left = left;
        member->u.chat_member.gone = left ? 500 : 0;
        if (odd > 2 && (!left || !present))
            out->items[out->n++] = (struct wanted){n, left && left < last ? left : last};
    }
    assert_int_equal(fixture_commit(f, c, ARRAY_LEN(c)), RC_OK);
}

static int newest_first(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    if (x->active != y->active)
        return x->active < y->active ? 1 : -1;
    return x->n < y->n ? 1 : -1;
}

static void check_pages(struct fixture *f, struct chat_query q, const struct all *wanted)
{
    struct chat_page page = {.more = true};
    size_t at = 0;

    while (page.more) {
        page = must_list(f, q);
        assert_true(page.more ? page.n == q.limit : page.n <= q.limit);
        for (size_t i = 0; i < page.n; i++, at++) {
            const struct uuid key = id_of(wanted->items[at].n), user = id_of(7);

            assert_true(at < wanted->n);
            assert_true(uuid_eq(&page.threads[i].key, &key));
            assert_true(uuid_eq(&page.members[i].user, &user));
            assert_true(uuid_eq(&page.members[i].thread, &key));
            assert_int_equal(page.members[i].joined, wanted->items[at].n);
            assert_int_equal(active_of(&page, i), wanted->items[at].active);
            check_text(page.threads[i].topic, STR("topic"));
        }
        if (page.more)
            go_on(&q, &page);
    }
    assert_int_equal(at, wanted->n);
}

static void check_all(struct fixture *f, bool present)
{
    static const uint32_t limits[] = {1, 7, 20, 200};
    struct all wanted;

    fill(f, present ? 5 : 3, present, &wanted);
    assert_in_range(wanted.n, 50, THREADS - 10);
    qsort(wanted.items, wanted.n, sizeof *wanted.items, newest_first);
    for (unix_ms from = 0; from < 32; from += 8) {
        while (wanted.n && wanted.items[wanted.n - 1].active < from)
            wanted.n--;
        for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
            struct chat_query q = latest(limits[i]);

            q.present = present;
            q.active_from = from;
            check_pages(f, q, &wanted);
        }
    }
}

static void lists_the_newest_first_page_by_page(struct fixture *f)
{
    check_all(f, false);
}

static void lists_those_where_he_is_in(struct fixture *f)
{
    check_all(f, true);
}

static void shifts_nothing_when_threads_move_to_the_top(struct fixture *f)
{
    struct chat_query q = latest(2);
    struct chat_page page;

    fixture_open(f);
    for (uint64_t n = 1; n <= 5; n++) {
        struct change thread = put_thread(n);

        thread.u.chat_thread.last_id = (unix_ms)n;
        must(f, thread);
        must(f, put_member(n, 7, 1));
    }
    page = must_list(f, q); /* 5, 4 */
    go_on(&q, &page);
    must(f, put_head(4, 9));
    must(f, put_head(2, 9));
    page = must_list(f, q);
    assert_int_equal(page.n, 2);
    assert_int_equal(page.threads[0].key.octets[15], 3);
    assert_int_equal(page.threads[1].key.octets[15], 1);
    assert_false(page.more);
}

static void lists_nothing_of_a_stranger(struct fixture *f)
{
    struct chat_query q = latest(10);

    fixture_open(f);
    assert_int_equal(must_list(f, q).n, 0);
    must(f, put_thread(1));
    must(f, put_member(1, 8, 1));
    assert_int_equal(must_list(f, q).n, 0);
    q.user = id_of(8);
    assert_int_equal(must_list(f, q).n, 1);
    q.goes_on = true; /* a place of nobody's making */
    q.active_to = -5;
    assert_int_equal(must_list(f, q).n, 0);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"lists the newest first, page by page", lists_the_newest_first_page_by_page},
    {"lists those where he is in", lists_those_where_he_is_in},
    {"shifts nothing when threads move to the top", shifts_nothing_when_threads_move_to_the_top},
    {"lists nothing of a stranger", lists_nothing_of_a_stranger},
};
/* clang-format on */

int main(void)
{
    return run_cases("latest threads of chat", cases, ARRAY_LEN(cases));
}
