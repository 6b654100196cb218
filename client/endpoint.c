/* Endpoints and connection strings. What the SDKs accept is accepted; an endpoint with a path,
 * query or login is refused, as they do, since requests would be signed for another place.
 * Source: wire/authentication §1.4. */
#include "client/endpoint.h"

#define HOST_MAX ((size_t)255)

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static bool is_v6_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
}

/* Splits off the port; the host keeps its brackets. */
static enum rc split_port(struct str authority, struct str *out_host, struct str *out_port)
{
    size_t end = 0;

    if (authority.len > 0 && authority.ptr[0] == '[') {
        end = str_find(authority, ']');
        if (end == authority.len)
            return RC_INVALID;
        end++;
        for (size_t i = 1; i + 1 < end; i++)
            if (!is_v6_char(authority.ptr[i]))
                return RC_INVALID;
    } else {
        while (end < authority.len && is_host_char(authority.ptr[end]))
            end++;
    }
    if (end == 0 || end > HOST_MAX || (end < authority.len && authority.ptr[end] != ':'))
        return RC_INVALID;
    *out_host = str_head(authority, end);
    *out_port = str_from_index(authority, end + 1);
    return RC_OK;
}

static bool is_loopback(struct str host)
{
    return name_eq_nocase(host, STR("localhost")) || str_starts(host, STR("127.")) ||
           name_eq(host, STR("[::1]")) ||
           (host.len > 10 &&
            name_eq_nocase(str_from_index(host, host.len - 10), STR(".localhost")));
}

static enum rc compose(struct str host, uint64_t port, bool tls, struct endpoint *out)
{
    char lower[HOST_MAX + 1];
    bool is_default = port == 0 || port == (tls ? 443u : 80u);

    ascii_lower(lower, host);
    lower[host.len] = '\0';
    if (is_default)
        (void)snprintf(out->authority, sizeof out->authority, "%s", lower); /* fits: HOST_MAX */
    else
        (void)snprintf(out->authority, sizeof out->authority, "%s:%u", lower, (unsigned)port);
    (void)snprintf(out->text, sizeof out->text, "%s://%s", tls ? "https" : "http", out->authority);
    out->tls = tls;
    out->loopback = is_loopback(str_from(lower));
    return RC_OK;
}

enum rc endpoint_parse(struct str text, struct endpoint *out, const char **out_why)
{
    struct str rest = str_trim(text), host = STR_EMPTY, port_text = STR_EMPTY;
    uint64_t port = 0;
    bool tls = str_starts_nocase(rest, STR("https://"));

    if (!tls && !str_starts_nocase(rest, STR("http://"))) {
        *out_why = "the endpoint must start with https:// or http://";
        return RC_INVALID;
    }
    rest = str_from_index(rest, tls ? 8 : 7);
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    if (str_find(rest, '/') < rest.len || str_find(rest, '?') < rest.len) {
        *out_why = "the endpoint must have no path and no query";
        return RC_INVALID;
    }
    if (split_port(rest, &host, &port_text)) {
        *out_why = "the endpoint must be scheme://host or scheme://host:port";
        return RC_INVALID;
    }
    if (host.len < rest.len && (str_to_u64(port_text, 65535, &port) || port == 0)) {
        *out_why = "the endpoint's port must be a number from 1 to 65535";
        return RC_INVALID;
    }
    return compose(host, port, tls, out);
}

enum rc connection_string_split(struct str text, struct str *out_endpoint, struct str *out_key,
                                const char **out_why)
{
    struct str rest = text, endpoint = STR_EMPTY, key = STR_EMPTY;

    for (size_t n = 0; rest.len > 0; n++) {
        struct str member = STR_EMPTY, name = STR_EMPTY, value = STR_EMPTY, *slot = NULL;

        (void)str_cut(rest, ';', &member, &rest); /* no more of them: the last member */
        if (str_trim(member).len == 0)
            continue;
        if (!str_cut(member, '=', &name, &value)) {
            *out_why = "a connection string is made of name=value members";
            return RC_INVALID;
        }
        name = str_trim(name);
        if (name_eq_nocase(name, STR("endpoint")))
            slot = &endpoint;
        else if (name_eq_nocase(name, STR("accesskey")))
            slot = &key;
        if (n == 0 && slot != &endpoint) {
            *out_why = "a connection string must begin with endpoint=";
            return RC_INVALID;
        }
        if (slot && slot->ptr) {
            *out_why = "a connection string must name its endpoint and accesskey once each";
            return RC_INVALID;
        }
        if (slot)
            *slot = str_trim(value);
    }
    if (endpoint.len == 0 || key.len == 0) {
        *out_why = "a connection string needs endpoint=… and then accesskey=…";
        return RC_INVALID;
    }
    *out_endpoint = endpoint;
    *out_key = key;
    return RC_OK;
}
