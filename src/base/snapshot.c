/* Publishing immutable objects. The lock is taken only when something has changed: for the swap,
 * and once by each view that notices. */
#include "base/snapshot.h"

#include "base/banned.h"

void snapshot_cell_init(struct snapshot_cell *cell)
{
    if (pthread_mutex_init(&cell->lock, NULL))
        abort();
    cell->current = NULL;
    atomic_init(&cell->version, 0);
}

void snapshot_cell_clear(struct snapshot_cell *cell)
{
    snapshot_unref(cell->current);
    cell->current = NULL;
    (void)pthread_mutex_destroy(&cell->lock); /* nobody holds it any more */
}

void snapshot_publish(struct snapshot_cell *cell, struct snapshot *next)
{
    struct snapshot *former;

    (void)pthread_mutex_lock(&cell->lock); /* a plain mutex of ours can't fail */
    former = cell->current;
    cell->current = next;
    atomic_fetch_add(&cell->version, 1);
    (void)pthread_mutex_unlock(&cell->lock);
    snapshot_unref(former);
}

static void renew(struct snapshot_view *view, struct snapshot_cell *cell)
{
    struct snapshot *former = view->held;

    (void)pthread_mutex_lock(&cell->lock);
    view->held = snapshot_ref(cell->current);
    view->version = atomic_load_explicit(&cell->version, memory_order_relaxed);
    (void)pthread_mutex_unlock(&cell->lock);
    snapshot_unref(former);
}

struct snapshot *snapshot_see(struct snapshot_view *view, struct snapshot_cell *cell)
{
    if (__builtin_expect(
            atomic_load_explicit(&cell->version, memory_order_acquire) != view->version, 0))
        renew(view, cell);
    return view->held;
}

void snapshot_view_clear(struct snapshot_view *view)
{
    if (!view)
        return;
    snapshot_unref(view->held);
    *view = (struct snapshot_view){0};
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    if (s)
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        s->free(s);
}
