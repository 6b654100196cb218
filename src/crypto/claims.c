/* The JSON of tokens: one pass, whose values lie in the arena and whose texts are slices of the
 * input unless they have escapes. Whoever needs values that live longer, or can be changed, or a
 * body's field table, uses base/json.h. Source: RFC 8259, RFC 7493 section 2.3, RFC 8725
 * section 2.4. */
#include "crypto/claims.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>

struct reader {
    const char *at, *end;
    struct arena *arena;
    unsigned depth;
    enum claims_flaw flaw;
};

static bool refuse(struct reader *r, enum claims_flaw flaw)
{
    r->flaw = flaw;
    return false;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

static bool take(struct reader *r, char expected)
{
    if (r->at == r->end || *r->at != expected)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, struct str word)
{
    if (!str_starts(str_of(r->at, (size_t)(r->end - r->at)), word))
        return refuse(r, CLAIMS_NOT_JSON);
    r->at += word.len;
    return true;
}

/* ---- texts ---- */

/* The inside of a text up to its closing quote; false: it has none, or a control character. */
static bool find_end(struct reader *r, struct str *out, bool *out_escapes)
{
    const char *from = r->at;

    *out_escapes = false;
    for (; r->at < r->end && *r->at != '"'; r->at++) {
        if ((unsigned char)*r->at < 0x20)
            return false;
        if (*r->at != '\\')
            continue;
        *out_escapes = true;
        if (++r->at == r->end)
            return false;
    }
    *out = str_of(from, (size_t)(r->at - from));
    return take(r, '"');
}

/* The four digits behind "\u" at `at`. */
static bool take_unit(struct str s, size_t at, unsigned *out)
{
    uint8_t octets[2];

    if (at > s.len || s.len - at < 4 || hex_decode(str_of(s.ptr + at, 4), octets, 2))
        return false;
    *out = (unsigned)octets[0] << 8 | octets[1];
    return true;
}

/* One code point from "\uXXXX" at s.ptr[*at], or from two of them; moves behind. */
static bool take_code_point(struct str s, size_t *at, unsigned *out)
{
    unsigned low;

    if (!take_unit(s, *at + 2, out))
        return false;
    *at += 6;
    if (*out < 0xD800 || *out > 0xDFFF)
        return true;
    if (*out > 0xDBFF || !str_starts(str_from_index(s, *at), STR("\\u")) ||
        !take_unit(s, *at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    *at += 6;
    *out = 0x10000 + ((*out - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Returns the octets of the code point: at most four, and fewer than its escape has. */
static size_t put_utf8(char *out, unsigned point)
{
    static const unsigned char leads[] = {0x00, 0x00, 0xC0, 0xE0, 0xF0};
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80U | (point & 0x3FU));
    out[0] = (char)(leads[len] | point);
    return len;
}

static bool decode_escape(struct str s, size_t *at, char *out, size_t *n)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char name = s.ptr[*at + 1];
    const char *found = name ? strchr(names, name) : NULL;
    unsigned point;

    if (name == 'u') {
        if (!take_code_point(s, at, &point))
            return false;
        *n += put_utf8(out + *n, point);
        return true;
    }
    if (!found)
        return false;
    out[(*n)++] = meant[found - names];
    *at += 2;
    return true;
}

/* `s`: as find_end() finds it, so that no backslash is its last octet. */
static bool decode_escapes(struct reader *r, struct str s, struct str *out)
{
    char *text = arena_alloc(r->arena, s.len);
    size_t n = 0, at = 0;

    while (at < s.len) {
        if (s.ptr[at] != '\\')
            text[n++] = s.ptr[at++];
        else if (!decode_escape(s, &at, text, &n))
            return refuse(r, CLAIMS_NOT_JSON);
    }
    *out = str_of(text, n);
    return true;
}

/* From the opening quote to behind the closing one. */
static bool read_text(struct reader *r, struct str *out)
{
    const char *quote;
    bool escapes;

    if (!take(r, '"'))
        return refuse(r, CLAIMS_NOT_JSON);
    quote = memchr(r->at, '"', (size_t)(r->end - r->at));
    if (!quote)
        return refuse(r, CLAIMS_NOT_JSON);
    *out = str_of(r->at, (size_t)(quote - r->at));
    if (json_is_plain(*out)) { /* nearly always */
        r->at = quote + 1;
        return true;
    }
    if (!find_end(r, out, &escapes))
        return refuse(r, CLAIMS_NOT_JSON);
    return !escapes || decode_escapes(r, *out, out);
}

/* ---- numbers ---- */

static size_t skip_digits(struct reader *r)
{
    const char *from = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - from);
}

/* Behind the integral part; *out_real: there was more. */
static bool skip_fraction(struct reader *r, bool *out_real)
{
    *out_real = false;
    if (take(r, '.')) {
        *out_real = true;
        if (!skip_digits(r))
            return false;
    }
    if (!take(r, 'e') && !take(r, 'E'))
        return true;
    *out_real = true;
    (void)(take(r, '+') || take(r, '-')); /* either, or none */
    return skip_digits(r) != 0;
}

static bool read_integer(struct reader *r, struct str digits, bool negative, struct claim *out)
{
    uint64_t most = (uint64_t)INT64_MAX + negative, number;

    if (str_to_u64(digits, most, &number))
        return refuse(r, CLAIMS_RANGE);
    out->kind = CLAIM_INTEGER;
    out->u.integer = (int64_t)(negative ? 0 - number : number);
    return true;
}

static bool read_number(struct reader *r, struct claim *out)
{
    const char *from = r->at;
    bool negative = take(r, '-'), real;
    struct str digits = {r->at, 0};

    digits.len = skip_digits(r);
    if (!digits.len || (digits.len > 1 && digits.ptr[0] == '0') || !skip_fraction(r, &real))
        return refuse(r, CLAIMS_NOT_JSON);
    if (!real)
        return read_integer(r, digits, negative, out);
    out->kind = CLAIM_REAL;
    out->u.real = strtod(arena_dup(r->arena, str_of(from, (size_t)(r->at - from))).ptr, NULL);
    return isfinite(out->u.real) ? true : refuse(r, CLAIMS_RANGE);
}

/* ---- values ---- */

static bool read_value(struct reader *r, struct claim *out);

static bool is_member(const struct claim *first, struct str name)
{
    for (; first; first = first->next)
        if (name_eq(first->name, name))
            return true;
    return false;
}

/* What the names so far are like: a bit for length, first and last octet. */
static uint64_t likeness(struct str name)
{
    size_t n = name.len;

    if (n)
        n += (unsigned char)name.ptr[0] * 7U + (unsigned char)name.ptr[name.len - 1] * 13U;
    return UINT64_C(1) << (n & 63);
}

static bool read_name(struct reader *r, const struct claim *first, uint64_t *seen, struct str *out)
{
    uint64_t like;

    if (!read_text(r, out))
        return false;
    if (str_find(*out, '\0') != out->len)
        return refuse(r, CLAIMS_NOT_JSON);
    like = likeness(*out);
    if (*seen & like && is_member(first, *out))
        return refuse(r, CLAIMS_REPEATED);
    *seen |= like;
    skip_blanks(r);
    return take(r, ':') ? true : refuse(r, CLAIMS_NOT_JSON);
}

/* The values between two brackets, the first of which is taken. */
static bool read_inside(struct reader *r, bool object, struct claim *out)
{
    const struct claim **link = &out->u.first;
    uint64_t seen = 0;
    size_t n = 0;

    out->u.first = NULL;
    skip_blanks(r);
    if (take(r, object ? '}' : ']'))
        return true;
    do {
        struct claim *c = arena_new(r->arena, struct claim);

        skip_blanks(r);
        if (object && ++n > CLAIMS_MEMBERS_MAX)
            return refuse(r, CLAIMS_MANY);
        if ((object && !read_name(r, out->u.first, &seen, &c->name)) || !read_value(r, c))
            return false;
        *link = c;
        link = &c->next;
        skip_blanks(r);
    } while (take(r, ','));
    return take(r, object ? '}' : ']') ? true : refuse(r, CLAIMS_NOT_JSON);
}

static bool read_nested(struct reader *r, bool object, struct claim *out)
{
    bool ok;

    if (++r->depth > JSON_DEPTH_MAX)
        return refuse(r, CLAIMS_DEEP);
    r->at++;
    out->kind = object ? CLAIM_OBJECT : CLAIM_LIST;
    ok = read_inside(r, object, out);
    r->depth--;
    return ok;
}

static bool read_kind(struct reader *r, struct claim *out)
{
    switch (r->at < r->end ? *r->at : '\0') {
    case '"':
        out->kind = CLAIM_TEXT;
        return read_text(r, &out->u.text);
    case '{':
        return read_nested(r, true, out);
    case '[':
        return read_nested(r, false, out);
    case 't':
        out->kind = CLAIM_TRUE;
        return take_word(r, STR("true"));
    case 'f':
        out->kind = CLAIM_FALSE;
        return take_word(r, STR("false"));
    case 'n':
        out->kind = CLAIM_NULL;
        return take_word(r, STR("null"));
    default:
        return read_number(r, out);
    }
}

static bool read_value(struct reader *r, struct claim *out)
{
    const char *from;

    skip_blanks(r);
    from = r->at;
    if (!read_kind(r, out))
        return false;
    out->written = str_of(from, (size_t)(r->at - from));
    return true;
}

/* ---- the whole ---- */

enum claims_flaw claims_read(struct str text, struct arena *arena, const struct claim **out)
{
    struct reader r = {.at = text.ptr, .end = text.ptr + text.len, .arena = arena};
    struct claim *c = arena_new(arena, struct claim);

    if (!text.len)
        return CLAIMS_NOT_JSON;
    if (!str_is_utf8(text))
        return CLAIMS_NOT_UTF8;
    if (!read_value(&r, c))
        return r.flaw;
    skip_blanks(&r);
    if (r.at != r.end)
        return CLAIMS_NOT_JSON;
    *out = c;
    return CLAIMS_FINE;
}

const struct claim *claim_get(const struct claim *object, struct str name)
{
    const struct claim *c = claim_is(object, CLAIM_OBJECT) ? object->u.first : NULL;

    while (c && !name_eq(c->name, name))
        c = c->next;
    return c;
}

struct str claim_get_text(const struct claim *object, struct str name)
{
    const struct claim *c = claim_get(object, name);

    return claim_is(c, CLAIM_TEXT) ? c->u.text : STR_EMPTY;
}

size_t claim_count(const struct claim *list)
{
    size_t n = 0;

    for (const struct claim *item = claim_first(list); item; item = item->next)
        n++;
    return n;
}
