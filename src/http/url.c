/* Request targets. A path is split at '/' and each segment is decoded exactly once; what could mean
 * another path after a second look ('/' or a control octet behind an escape) is refused. Dot
 * segments are ordinary segments: nothing is resolved, so no path leads anywhere but where it says.
 * Sources: RFC 3986 §2.1, RFC 9112 §3.2, WHATWG URL §5 (forms), wire/authentication §1.3. */
#include "http/url.h"

#include <arpa/inet.h>

enum { BAD = 0, UNRESERVED, PLAIN };

/* clang-format off */
#define U UNRESERVED
#define P PLAIN
/* Printable ASCII but '<', '>' and '#', which have no place in a target. */
static const uint8_t kinds[256] = {
    /*          0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f */
    /* 0x20 */ [0x20] =
                0, P, P, 0, P, P, P, P, P, P, P, P, P, U, U, P,
    /* 0x30 */  U, U, U, U, U, U, U, U, U, U, P, P, 0, P, 0, P,
    /* 0x40 */  P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    /* 0x50 */  U, U, U, U, U, U, U, U, U, U, U, P, P, P, P, U,
    /* 0x60 */  P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    /* 0x70 */  U, U, U, U, U, U, U, U, U, U, U, P, P, P, U, 0,
};
#undef U
#undef P
/* clang-format on */

static unsigned kind_of(char c)
{
    return kinds[(unsigned char)c];
}

static bool all_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (kind_of(s.ptr[i]) == BAD)
            return false;
    return true;
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7F;
}

/* Reads the escape at s[at]; false when it is none. */
static bool escape_at(struct str s, size_t at, unsigned char *out)
{
    return s.len - at >= 3 && s.ptr[at] == '%' &&
           hex_decode((struct str){s.ptr + at + 1, 2}, out, 1) == RC_OK;
}

static enum rc decode_segment(struct str raw, struct arena *arena, struct str *out,
                              bool *inner_slash)
{
    char *text;
    size_t len = 0;

    if (str_find(raw, '%') == raw.len) {
        *out = raw;
        return RC_OK;
    }
    text = arena_alloc(arena, raw.len);
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.ptr[i];

        if (c == '%') {
            if (!escape_at(raw, i, &c) || is_control(c))
                return RC_INVALID;
            *inner_slash = *inner_slash || c == '/';
            i += 2;
        }
        text[len++] = (char)c;
    }
    *out = (struct str){text, len};
    return RC_OK;
}

static enum rc split_segments(struct str path, struct arena *arena, struct url *out)
{
    size_t at = 0;

    while (at < path.len && path.ptr[at] == '/')
        at++;
    while (at < path.len) { /* a slash at the very end starts no segment */
        struct str rest = {path.ptr + at, path.len - at};
        struct str raw = str_head(rest, str_find(rest, '/'));
        enum rc rc;

        if (out->n == URL_SEGMENTS_MAX)
            return RC_TOO_LARGE;
        rc = decode_segment(raw, arena, &out->segments[out->n], &out->inner_slash);
        if (rc)
            return rc;
        out->n++;
        at += raw.len + 1;
    }
    return RC_OK;
}

enum rc url_split(struct str target, struct arena *arena, struct url *out)
{
    size_t path_len;

    if (target.len == 0 || target.ptr[0] != '/' || !all_printable(target))
        return RC_INVALID;
    path_len = str_find(target, '?');
    out->path = str_head(target, path_len);
    out->query = STR_EMPTY;
    if (path_len < target.len)
        out->query = (struct str){target.ptr + path_len + 1, target.len - path_len - 1};
    out->n = 0;
    out->inner_slash = false;
    return split_segments(out->path, arena, out);
}

/* Takes the next name=value off `query`, empty ones left out; false at the end. */
static bool next_pair(struct str *query, struct str *out_name, struct str *out_value)
{
    while (query->len) {
        struct str pair;

        (void)str_cut(*query, '&', &pair, query); /* without '&' all of it is the last pair */
        if (pair.len == 0)
            continue;
        if (!str_cut(pair, '=', out_name, out_value))
            *out_value = STR("");
        return true;
    }
    return false;
}

static bool needs_decoding(struct str raw)
{
    return str_find(raw, '%') < raw.len || str_find(raw, '+') < raw.len;
}

static enum rc decode_form(struct str raw, struct arena *arena, struct str *out)
{
    char *text;
    size_t len = 0;

    if (!needs_decoding(raw)) {
        *out = raw;
        return RC_OK;
    }
    text = arena_alloc(arena, raw.len);
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.ptr[i];

        if (c == '%') {
            if (!escape_at(raw, i, &c))
                return RC_INVALID;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        text[len++] = (char)c;
    }
    *out = (struct str){text, len};
    return RC_OK;
}

static bool names_parameter(struct str raw, struct str name, struct arena *arena)
{
    struct str decoded;

    if (name_eq(raw, name))
        return true;
    return needs_decoding(raw) && decode_form(raw, arena, &decoded) == RC_OK &&
           name_eq(decoded, name);
}

enum rc url_query(struct str query, struct str name, struct arena *arena, struct str *out)
{
    struct str raw_name, raw_value;

    while (next_pair(&query, &raw_name, &raw_value))
        if (names_parameter(raw_name, name, arena))
            return decode_form(raw_value, arena, out);
    return RC_NOT_FOUND;
}

bool url_query_repeats(struct str query, struct str name, struct arena *arena)
{
    struct str raw_name, raw_value;
    unsigned n = 0;

    while (n < 2 && next_pair(&query, &raw_name, &raw_value))
        n += names_parameter(raw_name, name, arena);
    return n == 2;
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";

    buf_add(out, (struct str){(char[]){'%', digits[c >> 4], digits[c & 15U]}, 3});
}

static bool form_keeps(unsigned char c)
{
    return (kinds[c] == UNRESERVED && c != '~') || c == '*';
}

static void add_form_ascii(struct buf *out, unsigned char c)
{
    if (c == ' ')
        buf_add_char(out, '+');
    else if (form_keeps(c))
        buf_add_char(out, (char)c);
    else
        add_escape(out, c);
}

/* Up to four decoded octets from s[at]; ends[i] is where octet i ends in `s`. What is not an escape
 * stands for itself, as browsers have it. */
static size_t peek_form(struct str s, size_t at, unsigned char octets[4], size_t ends[4])
{
    size_t n = 0;

    while (n < 4 && at < s.len) {
        if (escape_at(s, at, &octets[n])) {
            at += 3;
        } else {
            octets[n] = s.ptr[at] == '+' ? ' ' : (unsigned char)s.ptr[at];
            at++;
        }
        ends[n++] = at;
    }
    return n;
}

/* How many octets of ill-formed UTF-8 one replacement character stands for: the longest start of a
 * character, which is one that some continuation would have completed. */
static size_t replaced_len(const unsigned char octets[4], size_t n)
{
    for (size_t len = n < 3 ? n : 3; len > 1; len--) {
        char tried[4];

        memset(tried, 0x80, sizeof tried);
        memcpy(tried, octets, len);
        if (str_utf8_char((struct str){tried, sizeof tried}) > len)
            return len;
    }
    return 1;
}

static void add_as_form(struct buf *out, struct str raw)
{
    size_t at = 0;

    while (at < raw.len) {
        unsigned char octets[4] = {0};
        size_t ends[4] = {0};
        size_t n = peek_form(raw, at, octets, ends);
        size_t len = str_utf8_char(str_of(octets, n));

        if (len == 0) {
            buf_add(out, STR("%EF%BF%BD"));
            at = ends[replaced_len(octets, n) - 1];
            continue;
        }
        if (len == 1)
            add_form_ascii(out, octets[0]);
        else
            for (size_t i = 0; i < len; i++)
                add_escape(out, octets[i]);
        at = ends[len - 1];
    }
}

void url_query_as_form(struct str query, struct buf *out)
{
    struct str name, value;
    bool more = false;

    while (next_pair(&query, &name, &value)) {
        if (more)
            buf_add_char(out, '&');
        add_as_form(out, name);
        buf_add_char(out, '=');
        add_as_form(out, value);
        more = true;
    }
}

void url_encode_segment(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (kind_of(text.ptr[i]) == UNRESERVED)
            buf_add_char(out, text.ptr[i]);
        else
            add_escape(out, (unsigned char)text.ptr[i]);
    }
}

static bool is_ipv6(struct str text)
{
    struct in6_addr ip;
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET6, copy, &ip) == 1;
}

static bool is_host_name(struct str text)
{
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (kind_of(text.ptr[i]) != UNRESERVED)
            return false;
    return true;
}

enum rc authority_split(struct str authority, struct str *out_host, uint16_t *out_port)
{
    struct str host, rest;
    uint64_t port = 0;

    if (authority.len && authority.ptr[0] == '[') {
        size_t end = str_find(authority, ']');

        if (end == authority.len)
            return RC_INVALID;
        host = (struct str){authority.ptr + 1, end - 1};
        rest = str_from_index(authority, end + 1);
        if (!is_ipv6(host))
            return RC_INVALID;
    } else {
        size_t end = str_find(authority, ':');

        host = str_head(authority, end);
        rest = str_from_index(authority, end);
        if (!is_host_name(host))
            return RC_INVALID;
    }
    if (rest.len) {
        if (rest.ptr[0] != ':' || str_to_u64(str_from_index(rest, 1), 65535, &port) || port == 0)
            return RC_INVALID;
    }
    *out_host = host;
    *out_port = (uint16_t)port;
    return RC_OK;
}
