/* Intrusive doubly linked list. Header only. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}
/** Adds `node` before `at`: with the list's head as `at`, to the end. */
static inline void list_add(struct list *at, struct list *node)
{
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}
/** Takes `node` out and leaves it self-linked: removing it again is harmless. */
static inline void list_remove(struct list *node)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): blind to nodes that were taken out before */
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#endif
