/* Requests: who is really calling, and under which address this server is known to them.
 *
 * Only a trusted proxy may speak for somebody else; from anybody else its headers are ordinary
 * text. A proxy is one whose address lies in net.trusted_proxies. Sources: design §1 Addresses,
 * RFC 7239. */
#include "http/request.h"

#include <arpa/inet.h>

/* ---- address ranges ---- */

static enum rc ip_parse(struct str text, struct in6_addr *out, bool *out_v4)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr v4;

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
        return RC_INVALID;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out_v4 = inet_pton(AF_INET, copy, &v4) == 1;
    if (!*out_v4)
        return inet_pton(AF_INET6, copy, out) == 1 ? RC_OK : RC_INVALID;
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xFF;
    memcpy(&out->s6_addr[12], &v4, sizeof v4);
    return RC_OK;
}

static bool same_prefix(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;

    if (memcmp(a->s6_addr, b->s6_addr, whole) != 0)
        return false;
    return rest == 0 || ((a->s6_addr[whole] ^ b->s6_addr[whole]) >> (8 - rest)) == 0;
}

enum rc cidr_parse(struct str text, struct cidr *out)
{
    struct str ip_text, bits_text;
    struct in6_addr ip;
    bool v4, ranged = str_cut(text, '/', &ip_text, &bits_text);
    uint64_t bits;

    if (ip_parse(ip_text, &ip, &v4))
        return RC_INVALID;
    bits = v4 ? 32 : 128;
    if (ranged && str_to_u64(bits_text, bits, &bits))
        return RC_INVALID;
    if (v4)
        bits += 96;
    for (size_t bit = bits; bit < 128; bit++) /* host bits are not part of the range */
        ip.s6_addr[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
    *out = (struct cidr){ip, (uint8_t)bits};
    return RC_OK;
}

bool cidr_contains(const struct cidr *c, const struct in6_addr *ip)
{
    return same_prefix(&c->net, ip, c->bits);
}

struct str ip_of_client(const struct in6_addr *ip)
{
    return str_of(ip, IN6_IS_ADDR_V4MAPPED(ip) ? sizeof *ip : sizeof *ip / 2);
}

static bool is_trusted(const struct origin_rules *rules, const struct in6_addr *ip)
{
    for (size_t i = 0; rules && i < rules->n_trusted; i++)
        if (cidr_contains(&rules->trusted_proxies[i], ip))
            return true;
    return false;
}

static bool is_loopback_ip(const struct in6_addr *ip)
{
    static const struct cidr v4 = {{.s6_addr = {[10] = 0xFF, [11] = 0xFF, [12] = 127}}, 104};

    return cidr_contains(&v4, ip) || memcmp(ip, &in6addr_loopback, sizeof *ip) == 0;
}

static bool peer_is_trusted(const struct request *req)
{
    return req->door && !req->door->unix_socket && is_trusted(req->origin_rules, &req->peer.ip);
}

/* ---- what proxies say ---- */

/* Takes the last element off a list that commas separate. It looks from the right, where trusted
 * proxies wrote, so that an odd quote of the caller's further left changes nothing. */
static struct str take_last(struct str *list, bool quotes)
{
    size_t start = list->len;
    bool quoted = false;
    struct str last;

    for (; start > 0; start--) {
        char c = list->ptr[start - 1];

        if (c == '"' && quotes)
            quoted = !quoted;
        else if (c == ',' && !quoted)
            break;
    }
    last = str_trim((struct str){list->ptr + start, list->len - start});
    *list = str_head(*list, start ? start - 1 : 0);
    return last;
}

/* Walks the elements of all lines of one header, the last one first; empty ones are left out. */
struct walk {
    const struct headers *headers;
    enum header_id id;
    size_t line; /* lines at and after it are done, but for `rest` */
    struct str rest;
};

static bool walk_next(struct walk *w, struct str *out)
{
    for (;;) {
        while (w->rest.len == 0) {
            if (w->line == 0)
                return false;
            w->line--;
            if (w->headers->items[w->line].id == w->id)
                w->rest = w->headers->items[w->line].value;
        }
        *out = take_last(&w->rest, w->id == HEADER_FORWARDED);
        if (out->len)
            return true;
    }
}

static struct walk walk_of(const struct request *req, enum header_id id)
{
    return (struct walk){&req->headers, id, req->headers.n, STR_EMPTY};
}

static struct str unquote(struct str text)
{
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        return (struct str){text.ptr + 1, text.len - 2};
    return text;
}

/* The value of for=, host= or proto= in one element of Forwarded; empty when absent. */
static struct str forwarded_part(struct str element, struct str name)
{
    while (element.len) {
        struct str pair, key, value;

        (void)str_cut(element, ';', &pair, &element); /* without ';' all of it is the pair */
        if (str_cut(pair, '=', &key, &value) && name_eq_nocase(str_trim(key), name))
            return unquote(str_trim(value));
    }
    return STR_EMPTY;
}

/* "192.0.2.7", "192.0.2.7:4711", "[2001:db8::1]:4711", "2001:db8::1". */
static enum rc node_parse(struct str text, struct in6_addr *out)
{
    bool v4;

    if (text.len && text.ptr[0] == '[') {
        struct str inside = str_from_index(text, 1);

        return ip_parse(str_head(inside, str_find(inside, ']')), out, &v4);
    }
    if (ip_parse(text, out, &v4) == RC_OK)
        return RC_OK;
    return ip_parse(str_head(text, str_find(text, ':')), out, &v4);
}

static bool has(const struct request *req, enum header_id id)
{
    return req->headers.first[id] != 0;
}

static bool speaks_x_forwarded(const struct request *req)
{
    return has(req, HEADER_X_FORWARDED_FOR) || has(req, HEADER_X_FORWARDED_PROTO) ||
           has(req, HEADER_X_FORWARDED_HOST);
}

/* Goes left while the addresses are trusted proxies'. Returns how many elements were looked at; the
 * last one goes to `out_element`, the last address to `ip`, which starts as the peer's. */
static size_t walk_to_client(const struct request *req, enum header_id id, struct in6_addr *ip,
                             struct str *out_element)
{
    struct walk w = walk_of(req, id);
    struct str element;
    size_t seen = 0;

    while (is_trusted(req->origin_rules, ip) && walk_next(&w, &element)) {
        *out_element = element;
        seen++;
        if (id == HEADER_FORWARDED)
            element = forwarded_part(element, STR("for"));
        if (node_parse(element, ip))
            break; /* unknown or hidden: the proxy that said so is all that is known */
    }
    return seen;
}

static size_t count_elements(const struct request *req, enum header_id id)
{
    struct walk w = walk_of(req, id);
    struct str element;
    size_t n = 0;

    while (walk_next(&w, &element))
        n++;
    return n;
}

/* What proxies say of the client's own connection, in the header `x` or as `part` of Forwarded; its
 * address goes to `ip`. Of an X- list as long as that of the addresses the element beside the
 * client's counts, else the one that the nearest proxy wrote. */
static struct str forwarded_value(const struct request *req, enum header_id x, struct str part,
                                  struct in6_addr *ip)
{
    struct str value = STR_EMPTY;
    struct walk w;
    size_t seen;

    if (!speaks_x_forwarded(req)) {
        (void)walk_to_client(req, HEADER_FORWARDED, ip, &value); /* the element is what counts */
        return forwarded_part(value, part);
    }
    seen = walk_to_client(req, HEADER_X_FORWARDED_FOR, ip, &value);
    if (seen == 0 || count_elements(req, x) != count_elements(req, HEADER_X_FORWARDED_FOR))
        seen = 1;
    w = walk_of(req, x);
    value = STR_EMPTY;
    while (seen-- > 0 && walk_next(&w, &value))
        continue;
    return value;
}

void request_addresses(struct request *req)
{
    struct in6_addr ip = req->peer.ip;
    struct str proto;

    req->client_addr = req->peer;
    req->secure = req->door && req->door->tls;
    if (!peer_is_trusted(req))
        return;
    proto = forwarded_value(req, HEADER_X_FORWARDED_PROTO, STR("proto"), &ip);
    if (proto.len)
        req->secure = name_eq_nocase(proto, STR("https"));
    req->client_addr.ip = ip;
    /* Only a proxy on this machine can know that somebody called from this machine. */
    req->client_addr.loopback = req->peer.loopback && is_loopback_ip(&ip);
}

/* ---- our own address ---- */

/* More than what stands around a host ("https://[" and "]:65535") and the octet that a buffer keeps
 * free: it must not grow out of the arena. */
#define ORIGIN_ROOM ((size_t)64)

/* By hand: every token carries it. */
static struct str build_origin(struct request *req, struct str host, uint16_t port)
{
    uint16_t usual = req->secure ? 443 : 80;
    bool v6 = str_find(host, ':') < host.len;
    size_t room = ORIGIN_ROOM + host.len;
    struct buf out = {.ptr = arena_alloc(req->arena, room), .cap = room, .max = room - 1};
    size_t host_at;

    buf_add(&out, req->secure ? STR("https://") : STR("http://"));
    if (v6)
        buf_add_char(&out, '[');
    host_at = out.len;
    buf_add(&out, host);
    ascii_lower(out.ptr + host_at, host);
    if (v6)
        buf_add_char(&out, ']');
    if (port != 0 && port != usual) {
        buf_add_char(&out, ':');
        buf_add_u64(&out, port);
    }
    return buf_str(&out);
}

static struct str compute_origin(struct request *req)
{
    const struct door *door = req->door;
    uint16_t door_port = door ? door->port : 0, port;
    struct str host;

    if (req->origin_rules && req->origin_rules->public_url.len) {
        struct str url = req->origin_rules->public_url;

        while (url.len && url.ptr[url.len - 1] == '/')
            url.len--;
        return url;
    }
    if (peer_is_trusted(req)) {
        struct in6_addr ip = req->peer.ip;
        struct str told = forwarded_value(req, HEADER_X_FORWARDED_HOST, STR("host"), &ip);

        if (authority_split(told, &host, &port) == RC_OK)
            return build_origin(req, host, port);
        if (speaks_x_forwarded(req) || has(req, HEADER_FORWARDED))
            door_port = 0; /* ours is not the one that the proxy's clients see */
    }
    if (authority_split(headers_get(&req->headers, HEADER_HOST), &host, &port) != RC_OK) {
        host = door && door->bound.len && !door->unix_socket ? door->bound : STR("localhost");
        port = 0;
    }
    return build_origin(req, host, port ? port : door_port);
}

struct str request_origin(struct request *req)
{
    if (!req->origin.ptr)
        req->origin = compute_origin(req);
    return req->origin;
}

/* ---- small change ---- */

bool request_is_wire(const struct request *req)
{
    if (req->door && req->door->identity)
        return false;
    if (req->route)
        return req->route->plane == PLANE_WIRE;
    if (req->door && req->door->admin)
        return false;
    if (req->url.n)
        return !name_eq(req->url.segments[0], STR("admin"));
    return !str_starts(req->target, STR("/admin"));
}

void request_hold(struct request *req)
{
    if (req->held)
        return;
    req->held = true;
    req->ops->hold(req);
}

struct parked *request_park(struct request *req, loop_fn on_gone, void *ctx)
{
    return req->ops->park(req, on_gone, ctx);
}

struct request *request_unpark(struct parked *parked)
{
    return parked->unpark(parked);
}

struct str request_query(struct request *req, const char *name)
{
    struct str value;

    if (url_query(req->url.query, str_from(name), req->arena, &value))
        return STR_EMPTY;
    return value;
}
