/* The rules of endpoints, and what all calls to them have in common. Source: wire/events §9. */
#include "events/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX      (64 * KIB)
#define ANSWER_MS       30000u
#define CONNECT_MS      10000u
#define HOST_MAX        ((size_t)253)
#define STATUS_LINE_MIN ((size_t)12) /* "HTTP/1.1 200" */

void endpoint_rules_read(const struct str *allowed, size_t n, bool development, struct arena *arena,
                         struct endpoint_rules *out)
{
    *out = (struct endpoint_rules){.development = development,
                                   .hosts = arena_array(arena, struct str, n + 1),
                                   .networks = arena_array(arena, struct cidr, n + 1)};
    for (size_t i = 0; i < n; i++) {
        if (cidr_parse(allowed[i], &out->networks[out->networks_n]) == RC_OK)
            out->networks_n++;
        else
            out->hosts[out->hosts_n++] = allowed[i];
    }
}

static bool is_allowed_host(const struct endpoint_rules *rules, struct str host)
{
    for (size_t i = 0; i < rules->hosts_n; i++)
        if (name_eq_nocase(rules->hosts[i], host))
            return true;
    return false;
}

static bool is_allowed_network(const struct endpoint_rules *rules, const uint8_t *octets,
                               size_t len)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    struct in6_addr ip;

    if (len == sizeof ip.s6_addr) {
        memcpy(ip.s6_addr, octets, len);
    } else {
        memcpy(ip.s6_addr, mapped, sizeof mapped);
        memcpy(ip.s6_addr + sizeof mapped, octets, sizeof ip.s6_addr - sizeof mapped);
    }
    for (size_t i = 0; i < rules->networks_n; i++)
        if (cidr_contains(&rules->networks[i], &ip))
            return true;
    return false;
}

static bool may_reach(const struct endpoint_rules *rules, bool tls, const uint8_t *octets,
                      size_t len)
{
    return is_allowed_network(rules, octets, len) ||
           (tls && outbound_address_is_public(octets, len));
}

/* Octets of an address that is written out; 0: it is a name. */
static size_t literal_address(struct str host, uint8_t octets[static 16])
{
    char text[HOST_MAX + 1];

    if (host.len > HOST_MAX)
        return 0;
    (void)snprintf(text, sizeof text, STR_FMT, STR_ARG(host));
    if (inet_pton(AF_INET, text, octets) == 1)
        return 4;
    return inet_pton(AF_INET6, text, octets) == 1 ? 16 : 0;
}

static bool is_local_name(struct str host)
{
    static const struct str local = STR_INIT(".localhost");
    struct str tail = str_from_index(host, host.len > local.len ? host.len - local.len : 0);

    return name_eq_nocase(host, STR("localhost")) || name_eq_nocase(tail, local);
}

const char *endpoint_against(const struct endpoint_rules *rules, struct str url)
{
    struct outbound_url u;
    uint8_t octets[16];
    size_t len;

    if (outbound_url_parse(url, &u))
        return "must be an https URL without user information and fragment";
    if (u.host.len > HOST_MAX)
        return "has too long a host name";
    if (rules->development || is_allowed_host(rules, u.host))
        return NULL;
    len = literal_address(u.host, octets);
    if (len && may_reach(rules, u.tls, octets, len))
        return NULL;
    if (!u.tls && (len || !rules->networks_n))
        return "must be an https URL: in production http:// is for hosts of events.allowed_hosts";
    if (len || is_local_name(u.host))
        return "must be a public address: in production others are for hosts of "
               "events.allowed_hosts";
    return NULL;
}

/* On the engine's thread. */
static bool allows(const struct outbound_call *call, bool tls, const uint8_t *octets, size_t len)
{
    const struct endpoint_call *c = (const struct endpoint_call *)(const void *)call;

    return c->rules->development || c->trusted || may_reach(c->rules, tls, octets, len);
}

void endpoint_call_init(struct endpoint_call *c, const struct endpoint_rules *rules,
                        const char *url, const char *ca_file)
{
    struct outbound_url u = {.tls = true};

    *c = (struct endpoint_call){
        .call =
            {
                .method = "POST",
                .url = url,
                .connect_ms = CONNECT_MS,
                .total_ms = ANSWER_MS,
                .response_max = ANSWER_MAX,
                .redirects = 0,
                .ca_file = ca_file,
                .allows = allows,
            },
        .rules = rules,
    };
    if (outbound_url_parse(str_from(url), &u) == RC_OK)
        c->trusted = is_allowed_host(rules, u.host);
    c->call.plain_ok = rules->development || c->trusted || rules->networks_n > 0;
}

void endpoint_call_header(struct endpoint_call *c, struct str name, struct str value)
{
    if (c->call.headers_count == OUTBOUND_HEADERS_MAX)
        abort(); /* ours and ten of the subscription are fewer */
    c->call.headers[c->call.headers_count++] = (struct outbound_header){name, value};
}

int endpoint_call_status(const struct endpoint_call *c)
{
    struct str head = c->call.answer_headers, digits;
    uint64_t status;

    if (c->call.status)
        return c->call.status;
    if (head.len < STATUS_LINE_MIN || !str_starts(head, STR("HTTP/")))
        return 0;
    (void)str_cut(head, ' ', &digits, &head);
    digits = str_head(head, 3);
    return str_to_u64(digits, 599, &status) ? 0 : (int)status;
}
