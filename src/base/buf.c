/* The growing buffer. It doubles up to its ceiling, and never leaves an unwiped copy behind when it
 * moves, so that buf_wipe() means what it says. */
#include "base/buf.h"

#include <stdio.h>

#define FIRST_CAP ((size_t)64)

/* clang-format off */
static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";
/* clang-format on */

static bool move_to(struct buf *b, size_t cap)
{
    char *ptr = malloc(cap);

    if (!ptr) {
        b->failed = RC_INTERNAL;
        return false;
    }
    if (b->ptr) {
        memcpy(ptr, b->ptr, b->len);
        explicit_bzero(b->ptr, b->cap);
        free(b->ptr);
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

/* One octet more than asked for, for a NUL, which does not count against the ceiling. */
bool buf_grow(struct buf *b, size_t len)
{
    size_t ceiling = b->max < SIZE_MAX / 4 ? b->max + 1 : SIZE_MAX / 4;
    size_t need, cap;

    if (b->failed)
        return false;
    if (b->len > b->max || len > b->max - b->len || len >= ceiling - b->len) {
        b->failed = RC_TOO_LARGE;
        return false;
    }
    need = b->len + len + 1;
    if (need <= b->cap)
        return true;
    cap = b->cap ? b->cap * 2 : FIRST_CAP;
    if (cap < need)
        cap = need;
    return move_to(b, cap < ceiling ? cap : ceiling);
}

static bool has_room(struct buf *b, size_t len)
{
    return (!b->failed && len < b->cap - b->len) || buf_grow(b, len);
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_clear(struct buf *b)
{
    if (!b)
        return;
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_wipe(struct buf *b)
{
    if (b && b->ptr)
        explicit_bzero(b->ptr, b->cap);
    buf_clear(b);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = RC_OK;
}

void buf_add_u64(struct buf *b, uint64_t value)
{
    char text[20];
    size_t at = sizeof text;

    while (value >= 100) {
        at -= 2;
        memcpy(text + at, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(text + at, digit_pairs + 2 * value, 2);
    } else {
        text[--at] = (char)('0' + value);
    }
    buf_add(b, (struct str){text + at, sizeof text - at});
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    size_t room = b->cap - b->len;
    va_list args, again;
    int len;

    if (b->failed)
        return;
    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(room ? b->ptr + b->len : NULL, room, fmt, args);
    va_end(args);
    if (len < 0) {
        b->failed = RC_INTERNAL;
    } else if (has_room(b, (size_t)len)) {
        if ((size_t)len >= room)
            (void)vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt,
                            again); /* same text, same length */
        b->len += (size_t)len;
    }
    va_end(again);
}

char *buf_reserve(struct buf *b, size_t len)
{
    return has_room(b, len) ? b->ptr + b->len : NULL;
}

void buf_grown(struct buf *b, size_t len)
{
    b->len += len;
}

void buf_consume(struct buf *b, size_t len)
{
    if (len >= b->len) {
        b->len = 0;
        return;
    }
    if (len == 0)
        return;
    memmove(b->ptr, b->ptr + len, b->len - len);
    b->len -= len;
}

const char *buf_cstr(struct buf *b)
{
    if (!has_room(b, 0))
        return NULL;
    b->ptr[b->len] = '\0';
    return b->ptr;
}
