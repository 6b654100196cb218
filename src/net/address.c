/* Addresses: from settings to sockets, and from sockets to what requests say of their peer. */
#include "net/address.h"

#include <arpa/inet.h>

#define HOST_TEXT_MAX ((size_t)64)

static bool parse_v4(const char *host, struct sockaddr_in *out)
{
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static bool parse_v6(const char *host, struct sockaddr_in6 *out)
{
    *out = (struct sockaddr_in6){.sin6_family = AF_INET6};
    return inet_pton(AF_INET6, host, &out->sin6_addr) == 1;
}

static enum rc parse_localhost(struct bind_address *out)
{
    bool ok = parse_v4("127.0.0.1", &out->at[0].v4) && parse_v6("::1", &out->at[1].v6);

    out->n = 2;
    out->text[0] = STR("127.0.0.1");
    out->text[1] = STR("::1");
    out->localhost = true;
    return ok ? RC_OK : RC_INVALID;
}

static enum rc parse_host(struct str host, bool bracketed, struct bind_address *out)
{
    char text[HOST_TEXT_MAX];

    if (host.len == 0 || host.len >= sizeof text || memchr(host.ptr, '\0', host.len))
        return RC_INVALID;
    if (!bracketed && name_eq_nocase(host, STR("localhost")))
        return parse_localhost(out);
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    out->n = 1;
    out->text[0] = host;
    if (bracketed ? parse_v6(text, &out->at[0].v6) : parse_v4(text, &out->at[0].v4))
        return RC_OK;
    return RC_INVALID;
}

static enum rc parse_path(struct str path, struct bind_address *out)
{
    struct sockaddr_un *local = &out->at[0].local;

    *local = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path.len == 0 || path.len >= sizeof local->sun_path || memchr(path.ptr, '\0', path.len))
        return RC_INVALID;
    memcpy(local->sun_path, path.ptr, path.len);
    out->n = 1;
    out->text[0] = path;
    out->unix_socket = true;
    return RC_OK;
}

enum rc bind_address_parse(struct str text, struct bind_address *out)
{
    bool bracketed = text.len && text.ptr[0] == '[';
    struct str host, port_text;
    uint64_t port;
    size_t colon = text.len;

    *out = (struct bind_address){0};
    if (str_starts(text, STR("unix:")))
        return parse_path(str_from_index(text, 5), out);
    while (colon && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return RC_INVALID;
    host = str_head(text, colon - 1);
    port_text = str_from_index(text, colon);
    if (str_to_u64(port_text, 65535, &port))
        return RC_INVALID;
    if (bracketed) {
        if (!str_ends(host, STR("]")))
            return RC_INVALID;
        host = (struct str){host.ptr + 1, host.len - 2};
    }
    if (parse_host(host, bracketed, out))
        return RC_INVALID;
    out->port = (uint16_t)port;
    for (size_t i = 0; i < out->n; i++)
        socket_address_set_port(&out->at[i], out->port);
    return RC_OK;
}

socklen_t socket_address_len(const union socket_address *a)
{
    switch (a->any.sa_family) {
    case AF_INET:
        return sizeof a->v4;
    case AF_INET6:
        return sizeof a->v6;
    default:
        return sizeof a->local;
    }
}

void socket_address_set_port(union socket_address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(port);
    else if (a->any.sa_family == AF_INET6)
        a->v6.sin6_port = htons(port);
}

uint16_t socket_address_port(const union socket_address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohs(a->v4.sin_port);
    return a->any.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

/* IPv4 as ::ffff:a.b.c.d. */
static struct in6_addr unified_ip(const union socket_address *a)
{
    struct in6_addr ip = {0};

    if (a->any.sa_family == AF_INET6)
        return a->v6.sin6_addr;
    if (a->any.sa_family == AF_INET) {
        ip.s6_addr[10] = ip.s6_addr[11] = 0xFF;
        memcpy(ip.s6_addr + 12, &a->v4.sin_addr, 4);
    }
    return ip;
}

bool socket_address_is_loopback(const union socket_address *a)
{
    struct in6_addr ip = unified_ip(a);

    if (a->any.sa_family == AF_UNIX)
        return true;
    return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
}

struct address peer_address(const union socket_address *a, int fd)
{
    struct address peer = {
        .ip = unified_ip(a), .loopback = socket_address_is_loopback(a), .uid = (uint32_t)-1};
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (a->any.sa_family == AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
        peer.uid = cred.uid;
    return peer;
}
