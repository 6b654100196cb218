/* Read-mostly shared state: an immutable object that is swapped whole. Readers pay one atomic
 * load while nothing has changed; the last holder frees. */
#ifndef BASE_SNAPSHOT_H
#define BASE_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/** First member of the immutable object. */
struct snapshot {
    _Atomic uint32_t refs;
    void (*free)(struct snapshot *);
};

/** Where the current one is published. */
struct snapshot_cell {
    pthread_mutex_t lock;
    struct snapshot *current;
    _Atomic uint64_t version;
};

/** One thread's hold on the current one. Zeros to start with. */
struct snapshot_view {
    struct snapshot *held;
    uint64_t version;
};

void snapshot_cell_init(struct snapshot_cell *cell);
void snapshot_cell_clear(struct snapshot_cell *cell);
/** Publishes `next` (refs 1, moved in). After this returns, every snapshot_see() on any thread
 * gives `next` or later. */
void snapshot_publish(struct snapshot_cell *cell, struct snapshot *next);
/** The current object, borrowed until the next call on this view. */
struct snapshot *snapshot_see(struct snapshot_view *view, struct snapshot_cell *cell);
void snapshot_view_clear(struct snapshot_view *view);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

#endif
