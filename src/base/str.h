/* Text and octets that somebody else owns, passed by value. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/banned.h"
#include "base/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Bytes that somebody else owns: never NUL-terminated, never freed through this. */
struct str {
    const char *ptr;
    size_t len;
};

#define STR(lit) ((struct str){(lit), sizeof("" lit) - 1})
#define STR_INIT(lit)                                                                              \
    {                                                                                              \
        (lit), sizeof("" lit) - 1                                                                  \
    } /* for static tables */
#define STR_EMPTY    ((struct str){NULL, 0})
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).len, ((s).ptr ? (s).ptr : "")
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define KIB          ((size_t)1024)
#define MIB          ((size_t)1024 * 1024)

/** A slice over a NUL-terminated text; NULL gives an empty slice. Borrowed. */
static inline struct str str_from(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

/** A slice over `len` octets at `ptr`. Borrowed. */
static inline struct str str_of(const void *ptr, size_t len)
{
    return (struct str){ptr, len};
}

/** Octets from `from` up to the end; `from` past the end gives an empty slice. */
static inline struct str str_from_index(struct str s, size_t from)
{
    return from >= s.len ? STR_EMPTY : (struct str){s.ptr + from, s.len - from};
}

/** At most the first `len` octets. */
static inline struct str str_head(struct str s, size_t len)
{
    return (struct str){s.ptr, len < s.len ? len : s.len};
}

/** True when both hold the same octets. Not for secrets: see ct_equal(). */
bool str_eq(struct str a, struct str b) NODISCARD;
/** The same, for names that are public (hosts, header names, claim names): allowed everywhere.
 * Inline, since a comparison with a literal is then a few instructions. */
static inline bool name_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || __builtin_memcmp(a.ptr, b.ptr, a.len) == 0);
}
/** Public names, ASCII letters compared without case. */
bool name_eq_nocase(struct str a, struct str b) NODISCARD;
static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len &&
           (prefix.len == 0 || __builtin_memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}
bool str_starts_nocase(struct str s, struct str prefix) NODISCARD;
bool str_ends(struct str s, struct str suffix) NODISCARD;
/** Index of the first `c`, or s.len. */
size_t str_find(struct str s, char c) NODISCARD;
/** Index of the first occurrence of `needle`, or s.len. */
size_t str_find_str(struct str s, struct str needle) NODISCARD;
/** Splits at the first `sep`: true when it was there; else head = all, tail = empty. */
bool str_cut(struct str s, char sep, struct str *out_head, struct str *out_tail);
/** Without blanks and tabs at both ends. */
struct str str_trim(struct str s) NODISCARD;
/** memcmp order, shorter first. Public texts only. */
int name_cmp(struct str a, struct str b) NODISCARD;

/** Parses decimal digits only: no blanks, no sign; more than `max` is refused. */
enum rc str_to_u64(struct str s, uint64_t max, uint64_t *out) NODISCARD;
/** The other way: decimal digits in the caller's room. */
struct str str_from_u64(uint64_t value, char room[static 20]);
/** Two hexadecimal digits per octet, lower case; `out` holds 2 * len characters. */
void hex_encode(const void *src, size_t len, char *out);
/** Exactly `len` octets from 2 * len digits of either case. */
enum rc hex_decode(struct str text, void *out, size_t len) NODISCARD;
/** True when the octets are well-formed UTF-8 without surrogates or overlong forms. */
bool str_is_utf8(struct str s) NODISCARD;
/** ASCII digits alone, at least one. */
bool str_is_digits(struct str s) NODISCARD;
/** Octets of the well-formed UTF-8 character that `s` starts with (1 to 4); 0 when there is none.
 */
size_t str_utf8_char(struct str s) NODISCARD;
/** Lower-cases ASCII letters of `src` into `dst` (same length, may be the same place). */
void ascii_lower(char *dst, struct str src);
/** The entry of `names` with the smallest edit distance to `s` (swapped neighbours count as one),
 * at most 3 away; else empty. Texts longer than 64 octets match nothing. */
struct str str_nearest(struct str s, const struct str *names, size_t n) NODISCARD;

#endif
