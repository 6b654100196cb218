/* URLs of trusted issuers, judged by their text: see issuer_url.h. Where a name leads is judged by
 * whoever connects. Source: wire/managed-identity §4.1, §4.4; RFC 3986. */
#include "gate/issuer_url.h"

#include "base/uuid.h"
#include "http/url.h"

#include <arpa/inet.h>

/* ---- one URL ---- */

static bool is_url_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= 0x20 || c >= 0x7F || strchr("\"#<>\\^`{|}", c))
            return false;
    }
    return true;
}

static bool to_cstring(struct str text, char *out, size_t cap)
{
    if (text.len == 0 || text.len >= cap)
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

/* As resolvers do: a last label of digits, or one that starts with 0x, makes a number of it. */
static bool is_address(struct str host)
{
    struct str label = host, rest = host;

    if (str_find(host, ':') < host.len)
        return true;
    while (rest.len) {
        struct str head;

        (void)str_cut(rest, '.', &head, &rest); /* without a dot: all of it, and the end */
        label = head.len ? head : label;
    }
    if (str_starts_nocase(label, STR("0x")))
        return true;
    for (size_t i = 0; i < label.len; i++)
        if (label.ptr[i] < '0' || label.ptr[i] > '9')
            return false;
    return true;
}

enum rc web_url_read(struct str text, struct web_url *out)
{
    struct web_url url = {0};
    struct str rest;
    size_t end = 0;

    if (text.len > WEB_URL_MAX || !is_url_text(text))
        return RC_INVALID;
    if (str_starts(text, STR("https://"))) {
        url.secure = true;
        rest = str_from_index(text, 8);
    } else if (str_starts(text, STR("http://"))) {
        rest = str_from_index(text, 7);
    } else {
        return RC_INVALID;
    }
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    if (authority_split(str_head(rest, end), &url.host, &url.port))
        return RC_INVALID; /* a user's name has an '@', which no host has */
    if (url.port == 0)
        url.port = url.secure ? 443 : 80;
    url.rest = str_from_index(rest, end);
    url.address = is_address(url.host);
    *out = url;
    return RC_OK;
}

bool web_url_is_loopback(const struct web_url *url)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;

    if (name_eq_nocase(url->host, STR("localhost")))
        return true;
    if (!to_cstring(url->host, text, sizeof text))
        return false;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static struct str without_dot(struct str host)
{
    return str_ends(host, STR(".")) ? str_head(host, host.len - 1) : host;
}

bool web_url_same_host(const struct web_url *a, const struct web_url *b)
{
    return name_eq_nocase(without_dot(a->host), without_dot(b->host));
}

bool web_url_same_origin(const struct web_url *a, const struct web_url *b)
{
    return a->secure == b->secure && a->port == b->port && web_url_same_host(a, b);
}

bool issuer_url_valid(struct str text, bool allow_plain_loopback)
{
    struct web_url url;

    if (text.len > ISSUER_URL_MAX || web_url_read(text, &url) ||
        str_find(url.rest, '?') < url.rest.len)
        return false;
    return url.secure || (allow_plain_loopback && web_url_is_loopback(&url));
}

/* ---- Entra ID ---- */

/* clang-format off */
static const struct { struct str v2_host, v1_host; } clouds[] = {
    {STR_INIT("login.microsoftonline.com"),        STR_INIT("sts.windows.net")},
    {STR_INIT("login.microsoftonline.us"),         STR_INIT("sts.windows.net")},
    {STR_INIT("login.partner.microsoftonline.cn"), STR_INIT("sts.chinacloudapi.cn")},
};
/* clang-format on */

/* "/{tid}/v2.0" or "/{tid}/": the tenant, 36 octets; empty for anything else. */
static struct str tenant_of(struct str path, struct str tail)
{
    struct uuid id;
    struct str tenant = str_head(str_from_index(path, 1), UUID_TEXT_LEN);

    if (path.len != 1 + UUID_TEXT_LEN + tail.len || path.ptr[0] != '/' || !str_ends(path, tail) ||
        uuid_parse(tenant, &id))
        return STR_EMPTY;
    return tenant;
}

enum rc entra_forms_read(struct str issuer, struct arena *arena, struct entra_forms *out)
{
    struct web_url url;

    if (web_url_read(issuer, &url))
        return RC_NOT_FOUND;
    for (size_t i = 0; i < ARRAY_LEN(clouds); i++) {
        bool v2 = name_eq_nocase(without_dot(url.host), clouds[i].v2_host);
        struct str host = v2 ? clouds[i].v2_host : clouds[i].v1_host;

        if (!v2 && !name_eq_nocase(without_dot(url.host), clouds[i].v1_host))
            continue;
        struct str tenant = tenant_of(url.rest, v2 ? STR("/v2.0") : STR("/"));
        /* written as tokens write it: no port, no other spelling of the host */
        if (!url.secure || !tenant.len || issuer.len != 8 + host.len + url.rest.len ||
            !str_starts(str_from_index(issuer, 8), host))
            return RC_INVALID;
        out->tenant = arena_lower(arena, tenant);
        out->v2 = arena_printf(arena, "https://" STR_FMT "/" STR_FMT "/v2.0",
                               STR_ARG(clouds[i].v2_host), STR_ARG(out->tenant));
        out->v1 = arena_printf(arena, "https://" STR_FMT "/" STR_FMT "/",
                               STR_ARG(clouds[i].v1_host), STR_ARG(out->tenant));
        return RC_OK;
    }
    return RC_NOT_FOUND;
}
