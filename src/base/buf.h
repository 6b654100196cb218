/* A growing buffer with a stated ceiling. It remembers its first failure, so that a chain of
 * appends is checked once, at the end. Never aborts: the client library stands on it. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *ptr;
    size_t len, cap, max;
    enum rc failed; /* RC_OK, RC_TOO_LARGE or RC_INTERNAL (no memory) */
};

/** Makes an empty buffer that grows to at most `max` octets. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
/** Frees the memory (not wiped); usable again after buf_init(). NULL and zeros are fine. */
void buf_clear(struct buf *b);
/** As buf_clear(), wiping first. */
void buf_wipe(struct buf *b);
/** Empties it, keeps memory and ceiling, forgets the failure. */
void buf_reset(struct buf *b);
/** Makes room for `len` more octets: false when that failed. The short way is in buf_add(). */
bool buf_grow(struct buf *b, size_t len) NODISCARD;
static inline void buf_add(struct buf *b, struct str s)
{
    if (s.len == 0 || ((b->failed || s.len >= b->cap - b->len) && !buf_grow(b, s.len)))
        return;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}
static inline void buf_add_char(struct buf *b, char c)
{
    if ((b->failed || b->cap - b->len <= 1) && !buf_grow(b, 1))
        return;
    b->ptr[b->len++] = c;
}
void buf_add_u64(struct buf *b, uint64_t value);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Room for `len` more octets at the end, or NULL (then `failed` is set); see buf_grown(). */
char *buf_reserve(struct buf *b, size_t len);
/** Says that `len` octets were written where buf_reserve() pointed. */
void buf_grown(struct buf *b, size_t len);
/** Drops the first `len` octets. */
void buf_consume(struct buf *b, size_t len);
/** What it holds, borrowed until the next change. */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr, b->len};
}
/** NUL-terminates (not counted in len) and returns the text; NULL when `failed`. Borrowed. */
const char *buf_cstr(struct buf *b);

#endif
