/* Slices: comparison, searching, numbers, hexadecimal digits and UTF-8.
 *
 * Nothing here allocates or aborts, since the client library stands on it. Nothing here is constant
 * in time: secrets are compared in crypto/. UTF-8 as in RFC 3629. */
#include "base/str.h"

#define NEAREST_LEN  ((size_t)64)
#define NEAREST_DIST 3U

/* clang-format off */
/* The value of a hexadecimal digit plus one; 0 for anything else. */
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
    ['8'] = 9, ['9'] = 10,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};
/* clang-format on */

static bool same(const char *a, const char *b, size_t len)
{
    return len == 0 || memcmp(a, b, len) == 0;
}

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20U) : c;
}

static bool same_nocase(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];

        if (x != y && lower(x) != lower(y))
            return false;
    }
    return true;
}

static uint64_t load_octets(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0U) == 0x80;
}

/* The second octet is where overlong forms, surrogates and values past U+10FFFF show. */
static bool second_octet_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return is_continuation(second);
    }
}

/* Three rows of the table of optimal string alignment distances; both at most NEAREST_LEN long. */
static unsigned edit_distance(struct str a, struct str b)
{
    unsigned char rows[3][NEAREST_LEN + 1];
    unsigned char *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.len; j++)
        above[j] = (unsigned char)j;
    memset(before, 0, sizeof rows[0]);
    for (size_t i = 1; i <= a.len; i++) {
        unsigned char *spare = before;

        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool equal = a.ptr[i - 1] == b.ptr[j - 1];
            unsigned best = above[j - 1] + (equal ? 0U : 1U);

            if (above[j] + 1U < best)
                best = above[j] + 1U;
            if (row[j - 1] + 1U < best)
                best = row[j - 1] + 1U;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                before[j - 2] + 1U < best)
                best = before[j - 2] + 1U;
            row[j] = (unsigned char)best;
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[b.len];
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && same(a.ptr, b.ptr, a.len);
}

bool name_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && same_nocase(a.ptr, b.ptr, a.len);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && same_nocase(s.ptr, prefix.ptr, prefix.len);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || same(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len));
}

size_t str_find(struct str s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

    return at ? (size_t)(at - s.ptr) : s.len;
}

size_t str_find_str(struct str s, struct str needle)
{
    const char *at;

    if (needle.len == 0)
        return 0;
    at = s.len >= needle.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

bool str_cut(struct str s, char sep, struct str *out_head, struct str *out_tail)
{
    size_t at = str_find(s, sep);
    bool found = at < s.len;

    *out_head = str_head(s, at);
    *out_tail = found ? (struct str){s.ptr + at + 1, s.len - at - 1} : STR_EMPTY;
    return found;
}

struct str str_trim(struct str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

int name_cmp(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;

    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

enum rc str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0)
        return RC_INVALID;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - (unsigned)'0';

        if (digit > 9)
            return RC_INVALID;
        if (value > (UINT64_MAX - digit) / 10)
            return RC_INVALID;
        value = value * 10 + digit;
    }
    if (value > max)
        return RC_INVALID;
    *out = value;
    return RC_OK;
}

struct str str_from_u64(uint64_t value, char room[static 20])
{
    size_t at = 20;

    do {
        room[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return str_of(room + at, 20 - at);
}

void hex_encode(const void *src, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *octets = src;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15U];
    }
}

enum rc hex_decode(struct str text, void *out, size_t len)
{
    uint8_t *octets = out;

    if (text.len / 2 != len || text.len % 2 != 0)
        return RC_INVALID;
    for (size_t i = 0; i < text.len; i++)
        if (hex_values[(unsigned char)text.ptr[i]] == 0)
            return RC_INVALID;
    for (size_t i = 0; i < len; i++) {
        unsigned high = hex_values[(unsigned char)text.ptr[2 * i]] - 1U;
        unsigned low = hex_values[(unsigned char)text.ptr[2 * i + 1]] - 1U;

        octets[i] = (uint8_t)(high << 4 | low);
    }
    return RC_OK;
}

size_t str_utf8_char(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t len;

    if (s.len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (s.len < len || !second_octet_fits(p[0], p[1]))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_continuation(p[i]))
            return 0;
    return len;
}

bool str_is_utf8(struct str s)
{
    size_t i = 0;

    while (i < s.len) {
        size_t len;

        if (s.len - i >= 8 && (load_octets(s.ptr + i) & 0x8080808080808080U) == 0) {
            i += 8;
            continue;
        }
        len = str_utf8_char((struct str){s.ptr + i, s.len - i});
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

bool str_is_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

void ascii_lower(char *dst, struct str src)
{
    for (size_t i = 0; i < src.len; i++)
        dst[i] = (char)lower((unsigned char)src.ptr[i]);
}

struct str str_nearest(struct str s, const struct str *names, size_t n)
{
    struct str nearest = STR_EMPTY;
    unsigned best = 1 + (s.len / 2 < NEAREST_DIST ? (unsigned)s.len / 2 : NEAREST_DIST);

    if (s.len > NEAREST_LEN)
        return nearest;
    for (size_t i = 0; i < n; i++) {
        size_t gap = names[i].len > s.len ? names[i].len - s.len : s.len - names[i].len;
        unsigned distance;

        if (names[i].len > NEAREST_LEN || gap >= best)
            continue;
        distance = edit_distance(s, names[i]);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
