/* A change set in the making: changes that several rooms add to, one commit. */
#ifndef STORE_CHANGE_LIST_H
#define STORE_CHANGE_LIST_H

#include "store/store.h"

/** Zeros but the arena, which must live until the commit is done. */
struct change_list {
    struct arena *arena;
    struct change *items;
    size_t n, cap;
};

/** A new change of zeros at the end; valid until the next call: fill it at once. */
static inline struct change *change_list_add(struct change_list *l, enum change_kind kind)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct change *items = arena_array(l->arena, struct change, cap);

        if (l->n)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n] = (struct change){.kind = kind};
    return &l->items[l->n++];
}

/** The same at the end of a set, whose items move to `arena` when they have no room: for decisions
 * (struct chat_turn). What was appended follows what stood in the set. */
static inline struct change *change_set_add(struct change_set *set, struct arena *arena,
                                            enum change_kind kind)
{
    if (set->n >= set->cap) {
        size_t cap = set->n < 4 ? 8 : set->n * 2;
        struct change *items = arena_array(arena, struct change, cap);

        if (set->n)
            memcpy(items, set->items, set->n * sizeof *items);
        set->items = items;
        set->cap = cap;
    }
    set->items[set->n] = (struct change){.kind = kind};
    return &set->items[set->n++];
}

#endif
