/* Header fields. A name becomes a number by its length, where names share a length by one octet
 * that tells them apart, and then one comparison: it runs for every line of every request. */
#include "http/header.h"

#include <assert.h>

static const struct str names[HEADER_COUNT] = {
#define X(id, name) [HEADER_##id] = STR_INIT(name),
    HEADER_LIST(X)
#undef X
};

#define CHAR_TOKEN  1u
#define CHAR_TARGET 2u

/* clang-format off */
static const uint8_t char_class[256] = {
    ['!'] = 3, ['#'] = 1, ['$'] = 3, ['%'] = 3, ['&'] = 3, ['\''] = 3, ['*'] = 3, ['+'] = 3,
    ['-'] = 3, ['.'] = 3, ['^'] = 3, ['_'] = 3, ['`'] = 3, ['|'] = 3, ['~'] = 3,
    ['0'] = 3, ['1'] = 3, ['2'] = 3, ['3'] = 3, ['4'] = 3, ['5'] = 3, ['6'] = 3, ['7'] = 3,
    ['8'] = 3, ['9'] = 3,
    ['A'] = 3, ['B'] = 3, ['C'] = 3, ['D'] = 3, ['E'] = 3, ['F'] = 3, ['G'] = 3, ['H'] = 3,
    ['I'] = 3, ['J'] = 3, ['K'] = 3, ['L'] = 3, ['M'] = 3, ['N'] = 3, ['O'] = 3, ['P'] = 3,
    ['Q'] = 3, ['R'] = 3, ['S'] = 3, ['T'] = 3, ['U'] = 3, ['V'] = 3, ['W'] = 3, ['X'] = 3,
    ['Y'] = 3, ['Z'] = 3,
    ['a'] = 3, ['b'] = 3, ['c'] = 3, ['d'] = 3, ['e'] = 3, ['f'] = 3, ['g'] = 3, ['h'] = 3,
    ['i'] = 3, ['j'] = 3, ['k'] = 3, ['l'] = 3, ['m'] = 3, ['n'] = 3, ['o'] = 3, ['p'] = 3,
    ['q'] = 3, ['r'] = 3, ['s'] = 3, ['t'] = 3, ['u'] = 3, ['v'] = 3, ['w'] = 3, ['x'] = 3,
    ['y'] = 3, ['z'] = 3,
    ['('] = 2, [')'] = 2, [','] = 2, ['/'] = 2, [':'] = 2, [';'] = 2, ['='] = 2, ['?'] = 2,
    ['@'] = 2, ['['] = 2, [']'] = 2, ['{'] = 2, ['}'] = 2,
};
/* clang-format on */

static bool all_of_class(struct str text, unsigned wanted)
{
    for (size_t i = 0; i < text.len; i++)
        if (!(char_class[(unsigned char)text.ptr[i]] & wanted))
            return false;
    return text.len > 0;
}

bool header_is_token(struct str text)
{
    return all_of_class(text, CHAR_TOKEN);
}

bool header_is_target(struct str text)
{
    return all_of_class(text, CHAR_TARGET);
}

/* Lower-cased, which is enough for telling candidates apart: the comparison follows. */
static char octet(struct str name, size_t at)
{
    return (char)(name.ptr[at] | 0x20);
}

static enum header_id short_candidate(struct str name)
{
    switch (name.len) {
    case 4:
        return octet(name, 0) == 'h' ? HEADER_HOST : HEADER_DATE;
    case 6:
        return octet(name, 0) == 'o' ? HEADER_ORIGIN : HEADER_EXPECT;
    case 7:
        return HEADER_UPGRADE;
    case 9:
        if (octet(name, 0) == 'f')
            return HEADER_FORWARDED;
        return octet(name, 5) == 'd' ? HEADER_X_MS_DATE : HEADER_X_MS_HOST;
    case 10:
        return octet(name, 0) == 'c' ? HEADER_CONNECTION : HEADER_USER_AGENT;
    case 11:
        return HEADER_TRACEPARENT;
    case 12:
        return octet(name, 0) == 'c' ? HEADER_CONTENT_TYPE : HEADER_X_SKYPETOKEN;
    case 13:
        return HEADER_AUTHORIZATION;
    case 14:
        return octet(name, 0) == 'c' ? HEADER_CONTENT_LENGTH : HEADER_SEC_FETCH_SITE;
    default:
        return HEADER_OTHER;
    }
}

static enum header_id long_candidate(struct str name)
{
    switch (name.len) {
    case 15:
        return HEADER_X_FORWARDED_FOR;
    case 16:
        return octet(name, 0) == 'c' ? HEADER_CONTENT_ENCODING : HEADER_X_FORWARDED_HOST;
    case 17:
        return octet(name, 0) == 't' ? HEADER_TRANSFER_ENCODING : HEADER_X_FORWARDED_PROTO;
    case 19:
        return HEADER_X_MS_CONTENT_SHA256;
    case 22:
        return HEADER_X_MS_CLIENT_REQUEST_ID;
    case 24:
        return octet(name, 14) == 'r' ? HEADER_REPEATABILITY_REQUEST_ID
                                      : HEADER_REPEATABILITY_FIRST_SENT;
    case 29:
        return octet(name, 0) == 'x' ? HEADER_X_MS_RETURN_CLIENT_REQUEST_ID
                                     : HEADER_ACCESS_CONTROL_REQUEST_METHOD;
    case 30:
        return HEADER_ACCESS_CONTROL_REQUEST_HEADERS;
    case 31:
        return HEADER_X_MS_HMAC_STRING;
    default:
        return HEADER_OTHER;
    }
}

static uint64_t load(const char *p, size_t len)
{
    uint64_t word = UINT64_MAX; /* beyond `len` all words are alike, and pass */

    memcpy(&word, p, len);
    return word;
}

/* Whether `lower`, made of lower-case letters, digits and hyphens, is `any` in lower case, eight
 * octets at once. Setting bit 5 makes letters small; it would also make a hyphen or a digit of a
 * control character, which is the only kind of octet with neither bit 5 nor bit 6. */
static bool same_word(uint64_t lower, uint64_t any)
{
    const uint64_t bit_5 = 0x2020202020202020U, bit_6 = 0x4040404040404040U;

    return (any | bit_5) == lower && ((any | any << 1) & bit_6) == bit_6;
}

/* Both of the same length, which is at least 4. The last words overlap those before. */
static bool same_name(struct str lower, const char *any)
{
    size_t at = 0;

    if (lower.len < 8) {
        size_t last = lower.len - 4;

        return same_word(load(lower.ptr, 4), load(any, 4)) &&
               same_word(load(lower.ptr + last, 4), load(any + last, 4));
    }
    for (; at + 8 < lower.len; at += 8)
        if (!same_word(load(lower.ptr + at, 8), load(any + at, 8)))
            return false;
    at = lower.len - 8;
    return same_word(load(lower.ptr + at, 8), load(any + at, 8));
}

enum header_id header_id_of(struct str name)
{
    enum header_id id = name.len < 15 ? short_candidate(name) : long_candidate(name);

    return id != HEADER_OTHER && same_name(names[id], name.ptr) ? id : HEADER_OTHER;
}

void headers_add(struct headers *h, struct str name, struct str value)
{
    struct header *line;

    assert(h->n < HEADERS_MAX);
    line = &h->items[h->n++];
    *line = (struct header){name, str_trim(value), header_id_of(name)};
    if (line->id == HEADER_OTHER)
        return;
    if (h->times[line->id]++ == 0)
        h->first[line->id] = (uint8_t)h->n;
}

struct str headers_get(const struct headers *h, enum header_id id)
{
    return h->first[id] ? h->items[h->first[id] - 1].value : STR_EMPTY;
}

enum rc headers_only(const struct headers *h, struct str name, struct str *out)
{
    enum header_id id = header_id_of(name);
    const struct header *found = NULL;

    if (id != HEADER_OTHER) {
        if (h->times[id] > 1)
            return RC_CONFLICT;
        found = h->first[id] ? &h->items[h->first[id] - 1] : NULL;
    } else {
        for (size_t i = 0; i < h->n; i++) {
            if (h->items[i].id != HEADER_OTHER || !name_eq_nocase(h->items[i].name, name))
                continue;
            if (found)
                return RC_CONFLICT;
            found = &h->items[i];
        }
    }
    if (!found)
        return RC_NOT_FOUND;
    *out = found->value;
    return RC_OK;
}
