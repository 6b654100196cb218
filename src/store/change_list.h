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

#endif
