/* Memory that dies together. Each request has one. Out of memory aborts: every size that a
 * caller controls was limited earlier. Wiped before reuse, since credentials pass through it. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *head; /* newest first; blocks of ARENA_BLOCK or one oversized item */
    size_t used, cap;         /* in the newest block */
    size_t total;             /* octets handed out since the last reset */
};

#define ARENA_BLOCK ((size_t)4096)

/** An empty arena: allocates at first use. */
void arena_init(struct arena *a);
/** Wipes and frees everything but one block, which it keeps for reuse. */
void arena_reset(struct arena *a);
/** Wipes and frees all. NULL and zeros are fine. */
void arena_clear(struct arena *a);
/** `size` zeroed octets, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/** A copy of `s` (followed by a NUL that is not counted). */
struct str arena_dup(struct arena *a, struct str s) NODISCARD;
/** The same with ASCII letters in lower case. */
struct str arena_lower(struct arena *a, struct str s) NODISCARD;
/** Formatted text, NUL-terminated. */
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) NODISCARD;
#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

#endif
