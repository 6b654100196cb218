/* The arena: a chain of zeroed blocks. What lies past the used part of a block is always zero, so
 * handing out memory costs an addition, and only the used part is wiped. */
#include "base/arena.h"

#include "base/poison.h"

#include <stdarg.h>

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data */
    size_t used; /* kept up to date for all but the newest, whose figure is arena.used */
    size_t unused_padding;
    char data[];
};

#define BLOCK_DATA (ARENA_BLOCK - sizeof(struct arena_block))
/* What does not fit and is larger than this gets a block of its own, so that little is wasted. */
#define ITEM_LARGE (BLOCK_DATA / 4)

_Static_assert(sizeof(struct arena_block) % 16 == 0, "data must be aligned for any type");

static struct arena_block *make_block(size_t size)
{
    struct arena_block *block = calloc(1, sizeof *block + size);

    if (!block)
        abort();
    block->size = size;
    POISON(block->data, size);
    return block;
}

static void push_block(struct arena *a, struct arena_block *block)
{
    if (a->head)
        a->head->used = a->used;
    block->next = a->head;
    a->head = block;
    a->used = 0;
    a->cap = block->size;
}

/* Behind the newest block, which stays in use. */
static void *alloc_apart(struct arena *a, size_t size)
{
    struct arena_block *block = make_block(size);

    UNPOISON(block->data, size);
    block->used = size;
    if (a->head) {
        block->next = a->head->next;
        a->head->next = block;
    } else {
        push_block(a, block);
        a->used = size;
    }
    return block->data;
}

static void wipe_blocks(struct arena *a, struct arena_block **keep)
{
    struct arena_block *block = a->head, *next;

    if (block)
        block->used = a->used;
    for (; block; block = next) {
        next = block->next;
        UNPOISON(block->data, block->used);
        explicit_bzero(block->data, block->used);
        block->used = 0;
        if (keep && !*keep && block->size == BLOCK_DATA) {
            *keep = block;
            block->next = NULL;
            POISON(block->data, block->size);
        } else {
            free(block);
        }
    }
    *a = (struct arena){0};
}

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = NULL;

    wipe_blocks(a, &keep);
    if (keep)
        push_block(a, keep);
}

void arena_clear(struct arena *a)
{
    if (a)
        wipe_blocks(a, NULL);
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t room = size ? (size + 15) & ~(size_t)15 : 16;
    void *at;

    if (size > SIZE_MAX / 2)
        abort();
    a->total += room;
    if (room > a->cap - a->used) {
        if (room > ITEM_LARGE)
            return alloc_apart(a, room);
        push_block(a, make_block(BLOCK_DATA));
    }
    at = a->head->data + a->used;
    UNPOISON(at, size);
    a->used += room;
    return at;
}

struct str arena_dup(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);

    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return (struct str){copy, s.len};
}

struct str arena_lower(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);

    ascii_lower(copy, s);
    return str_of(copy, s.len);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    char *text;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        abort();
    text = arena_alloc(a, (size_t)len + 1);
    (void)vsnprintf(text, (size_t)len + 1, fmt, again); /* same text, same length */
    va_end(again);
    return (struct str){text, (size_t)len};
}
