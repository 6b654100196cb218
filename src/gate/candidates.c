/* The candidate pairs of the access-key scheme. Each is needed by a client that exists (see the
 * contract's table); nothing else is tried. Paths and hosts are spelled first, then paired. */
#include "gate/candidates.h"

enum { P0, P1, P2, P3, P4, P5, P6, PATHS };
enum { H0, H1, H2, H3, H4, H5, H6, HOSTS };

#define SPELLINGS_MAX 16 /* of one host row: eight public names, with and without port */
#define FORM_MAX      (64 * KIB)

struct spellings {
    struct str path[PATHS]; /* ptr NULL: not for this request */
    struct {
        struct str text;
        bool counts;
    } host[HOSTS][SPELLINGS_MAX];
    size_t hosts[HOSTS];
};

/* clang-format off */
static const uint8_t pairs[PATHS] = {
    [P0] = 1 << H0 | 1 << H1 | 1 << H2 | 1 << H3 | 1 << H4 | 1 << H5 | 1 << H6,
    [P1] = 1 << H0 | 1 << H2 | 1 << H5 | 1 << H6,
    [P2] = 1 << H0 | 1 << H2 | 1 << H5,
    [P3] = 1 << H0 | 1 << H2 | 1 << H4 | 1 << H5,
    [P4] = 1 << H0 | 1 << H2 | 1 << H4 | 1 << H5,
    [P5] = 1 << H4,
    [P6] = 1 << H6,
};
/* clang-format on */

/* ---- paths ---- */

static struct str with_form_query(struct request *req)
{
    struct buf out;
    struct str path = STR_EMPTY;

    if (!req->url.query.ptr)
        return STR_EMPTY;
    buf_init(&out, FORM_MAX);
    buf_add(&out, req->url.path);
    buf_add_char(&out, '?');
    url_query_as_form(req->url.query, &out);
    if (!out.failed && !name_eq(buf_str(&out), req->target))
        path = arena_dup(req->arena, buf_str(&out));
    buf_clear(&out);
    return path;
}

/* Whether an escape that decodes to `c` lets P3 be tried: else one signature would open a second
 * request. */
static bool may_decode(unsigned char c, bool in_query)
{
    if (c < 0x20 || c == 0x7F || c == '%' || c == '/' || c == '?' || c == '#' || c == '&')
        return false;
    return !in_query || (c != '=' && c != '+');
}

/* P3: decoded once. */
static struct str decoded_once(struct request *req)
{
    struct str in = req->target;
    size_t query = str_find(in, '?'), n = 0;

    if (str_find(in, '%') == in.len)
        return STR_EMPTY;
    char *out = arena_alloc(req->arena, in.len + 1);
    for (size_t i = 0; i < in.len; i++, n++) {
        unsigned char c;

        out[n] = in.ptr[i];
        if (in.ptr[i] != '%')
            continue;
        if (in.len - i < 3 || hex_decode(str_of(in.ptr + i + 1, 2), &c, 1) ||
            !may_decode(c, i > query))
            return STR_EMPTY;
        out[n] = (char)c;
        i += 2;
    }
    return str_is_utf8(str_of(out, n)) ? str_of(out, n) : STR_EMPTY;
}

static struct str with_question_mark(struct request *req)
{
    size_t len = req->target.len;
    char *out;

    if (str_find(req->target, '?') < len)
        return STR_EMPTY;
    out = arena_alloc(req->arena, len + 1);
    memcpy(out, req->target.ptr, len);
    out[len] = '?';
    return str_of(out, len + 1);
}

static void spell_paths(const struct key_check *check, struct request *req, struct spellings *s)
{
    struct str target = req->target;
    bool x_ms_host = headers_get(&req->headers, HEADER_X_MS_HOST).len > 0;

    s->path[P0] = target;
    s->path[P1] = with_form_query(req);
    s->path[P2] = with_question_mark(req);
    s->path[P3] = decoded_once(req);
    s->path[P4] = str_from_index(target, 1);
    if (!req->secure)
        s->path[P5] = str_from_index(target, 2);
    if (check->without_query && x_ms_host && req->url.query.ptr)
        s->path[P6] = req->url.path;
}

/* ---- hosts ---- */

static void add_host(struct spellings *s, int row, struct str text, bool counts)
{
    size_t *n = &s->hosts[row];

    if (!text.len || *n == SPELLINGS_MAX)
        return;
    s->host[row][*n].text = text;
    s->host[row][*n].counts = counts;
    (*n)++;
}

/* Where ":port" starts, or the length. */
static size_t port_at(struct str host)
{
    size_t bracket = str_find(host, ']');
    size_t from = bracket < host.len ? bracket : 0;
    size_t colon = str_find(str_from_index(host, from), ':');

    return from + colon;
}

static struct str with_port(struct request *req, struct str host, unsigned port)
{
    char room[20], *out;
    struct str digits = str_from_u64(port, room);

    out = arena_alloc(req->arena, host.len + 1 + digits.len);
    if (host.len)
        memcpy(out, host.ptr, host.len);
    out[host.len] = ':';
    memcpy(out + host.len + 1, digits.ptr, digits.len);
    return str_of(out, host.len + 1 + digits.len);
}

static struct str with_slash(struct request *req, struct str host)
{
    char *out = arena_alloc(req->arena, host.len + 1);

    if (host.len)
        memcpy(out, host.ptr, host.len);
    out[host.len] = '/';
    return str_of(out, host.len + 1);
}

/* H0 to H4 of one spelling of the Host header. */
static void spell_own_host(struct request *req, struct str host, struct spellings *s)
{
    size_t port = port_at(host);
    uint16_t own = req->door ? req->door->port : 0;

    add_host(s, H0, host, true);
    add_host(s, H4, with_slash(req, host), true);
    if (port < host.len) {
        add_host(s, H1, str_head(host, port), true);
        return;
    }
    add_host(s, H2, with_port(req, host, req->secure ? 443 : 80), true);
    if (own && own != (req->secure ? 443 : 80))
        add_host(s, H3, with_port(req, host, own), true);
}

static void add_with_and_without_port(struct request *req, struct spellings *s, int row,
                                      struct str host, bool counts)
{
    size_t port = port_at(host);

    add_host(s, row, host, counts);
    if (port < host.len)
        add_host(s, row, str_head(host, port), counts);
    else if (req->door && req->door->port)
        add_host(s, row, with_port(req, host, req->door->port), counts);
}

/* H6 counts only when the name means the resource that Host means. */
static bool means_same_resource(const struct key_check *check, const struct request *req,
                                struct str authority)
{
    struct str host;
    uint16_t port;
    const struct resource *r;

    if (authority_split(authority, &host, &port))
        return false;
    char *lower = arena_alloc(req->arena, host.len + 1);
    ascii_lower(lower, host);
    r = directory_by_host(check->directory, str_of(lower, host.len),
                          req->door ? req->door->port : 0);
    return r && r == check->resource;
}

static void spell_hosts(const struct key_check *check, struct request *req, struct str host,
                        struct spellings *s)
{
    static const enum header_id elsewhere[] = {HEADER_X_MS_HOST, HEADER_X_FORWARDED_HOST};
    char *lower = arena_alloc(req->arena, host.len + 1);

    spell_own_host(req, host, s);
    ascii_lower(lower, host);
    if (!name_eq(host, str_of(lower, host.len)))
        spell_own_host(req, str_of(lower, host.len), s);
    for (size_t i = 0; i < check->public_hosts_count && i < 8; i++)
        add_with_and_without_port(req, s, H5, check->public_hosts[i], check->resource->is_default);
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        struct str other = headers_get(&req->headers, elsewhere[i]);

        if (other.len)
            add_with_and_without_port(req, s, H6, other, means_same_resource(check, req, other));
    }
}

/* ---- pairs ---- */

struct pairing {
    struct candidate *items;
    size_t n;
};

static void pair_up(const struct spellings *s, int path, int host, struct pairing *out)
{
    for (size_t i = 0; i < s->hosts[host] && out->n < CANDIDATES_MAX; i++) {
        if (path == P0 && host == H0 && i == 0)
            continue; /* tried before all others */
        out->items[out->n++] = (struct candidate){
            .path = s->path[path],
            .host = s->host[host][i].text,
            .counts = s->host[host][i].counts,
        };
    }
}

size_t candidates_list(const struct key_check *check, struct request *req, struct str host,
                       struct candidate out[static CANDIDATES_MAX])
{
    struct spellings *s = arena_new(req->arena, struct spellings);
    struct pairing list = {.items = out};

    spell_paths(check, req, s);
    spell_hosts(check, req, host, s);
    for (int path = 0; path < PATHS; path++) {
        for (int row = 0; s->path[path].len && row < HOSTS; row++) {
            if (pairs[path] & 1U << row)
                pair_up(s, path, row, &list);
        }
    }
    return list.n;
}
