/* Snapshots: who frees, what readers see, and that no reader sees an older one than before. */
#include "unit.h"

#include "base/snapshot.h"

#define READERS  3
#define VERSIONS 2000

struct number {
    struct snapshot snapshot;
    unsigned value, mirror;
};

static _Atomic unsigned alive;

static void number_free(struct snapshot *s)
{
    struct number *n = (struct number *)s;

    n->mirror = ~n->value; /* a reader that still looks would notice */
    atomic_fetch_sub(&alive, 1);
    free(n);
}

static struct snapshot *number_new(unsigned value)
{
    struct number *n = calloc(1, sizeof *n);

    assert_non_null(n);
    atomic_fetch_add(&alive, 1);
    atomic_init(&n->snapshot.refs, 1);
    n->snapshot.free = number_free;
    n->value = n->mirror = value;
    return &n->snapshot;
}

static unsigned value_of(const struct snapshot *s)
{
    return ((const struct number *)s)->value;
}

static void readers_hold_what_they_see(void **state)
{
    struct snapshot_cell cell;
    struct snapshot_view a = {0}, b = {0};

    (void)state;
    snapshot_cell_init(&cell);
    assert_null(snapshot_see(&a, &cell));
    snapshot_publish(&cell, number_new(1));
    assert_int_equal(value_of(snapshot_see(&a, &cell)), 1);
    assert_int_equal(value_of(snapshot_see(&b, &cell)), 1);
    snapshot_publish(&cell, number_new(2));
    assert_int_equal(alive, 2);
    assert_int_equal(value_of(a.held), 1);
    assert_int_equal(value_of(snapshot_see(&a, &cell)), 2);
    assert_int_equal(alive, 2);
    assert_int_equal(value_of(snapshot_see(&b, &cell)), 2);
    assert_int_equal(alive, 1);
    snapshot_cell_clear(&cell);
    assert_int_equal(alive, 1);
    snapshot_view_clear(&a);
    snapshot_view_clear(&b);
    snapshot_view_clear(&b);
    snapshot_view_clear(NULL);
    assert_int_equal(alive, 0);
}

static void references_keep_it(void **state)
{
    struct snapshot *s = number_new(7), *again = snapshot_ref(s);

    (void)state;
    snapshot_unref(s);
    assert_int_equal(value_of(again), 7);
    snapshot_unref(again);
    assert_int_equal(alive, 0);
    snapshot_unref(NULL);
    assert_null(snapshot_ref(NULL));
}

static void *read_until_last(void *ctx)
{
    struct snapshot_cell *cell = ctx;
    struct snapshot_view view = {0};
    unsigned last = 0;
    bool fine = true;

    while (last < VERSIONS) {
        const struct number *n = (const struct number *)snapshot_see(&view, cell);

        fine = fine && n->value == n->mirror && n->value >= last;
        last = n->value;
    }
    snapshot_view_clear(&view);
    return fine ? ctx : NULL;
}

static void threads_see_whole_ones_in_order(void **state)
{
    pthread_t readers[READERS];
    struct snapshot_cell cell;

    (void)state;
    snapshot_cell_init(&cell);
    snapshot_publish(&cell, number_new(0));
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_until_last, &cell), 0);
    for (unsigned i = 1; i <= VERSIONS; i++)
        snapshot_publish(&cell, number_new(i));
    for (size_t i = 0; i < READERS; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(readers[i], &result), 0);
        assert_non_null(result);
    }
    snapshot_cell_clear(&cell);
    assert_int_equal(alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_hold_what_they_see),
        cmocka_unit_test(references_keep_it),
        cmocka_unit_test(threads_see_whole_ones_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
