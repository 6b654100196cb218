/* Who is calling: first line ranges of trusted proxies, second line the peer, then a request. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <stdio.h>

#define TRUSTED_MAX 8

/* A range, written again, is the same range, and holds its own address. */
static void check_range(const struct cidr *range)
{
    char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
    struct cidr again;
    unsigned bits = range->bits;

    CHECK(bits <= 128 && cidr_contains(range, &range->net));
    CHECK(inet_ntop(AF_INET6, &range->net, ip, sizeof ip));
    int n = snprintf(text, sizeof text, "%s/%u", ip, bits);
    CHECK(n > 0 && (size_t)n < sizeof text);
    CHECK(cidr_parse(str_of(text, (size_t)n), &again) == RC_OK);
    CHECK(again.bits == range->bits && memcmp(&again.net, &range->net, sizeof again.net) == 0);
}

static size_t read_ranges(struct str line, struct cidr *out)
{
    size_t n = 0;

    while (line.len && n < TRUSTED_MAX) {
        struct str word;

        (void)str_cut(line, ' ', &word, &line); /* without a blank all of it is the word */
        if (cidr_parse(word, &out[n]) == RC_OK)
            check_range(&out[n++]);
    }
    return n;
}

static bool is_trusted(const struct origin_rules *rules, const struct in6_addr *ip)
{
    for (size_t i = 0; i < rules->n_trusted; i++)
        if (cidr_contains(&rules->trusted_proxies[i], ip))
            return true;
    return false;
}

static void check_request(struct request *req)
{
    struct str origin, host;
    uint16_t port;

    request_addresses(req);
    if (!is_trusted(req->origin_rules, &req->peer.ip)) {
        CHECK(memcmp(&req->client_addr, &req->peer, sizeof req->peer) == 0);
        CHECK(req->secure == req->door->tls);
    }
    CHECK(req->peer.loopback || !req->client_addr.loopback);
    CHECK(req->client_addr.uid == req->peer.uid);
    origin = request_origin(req);
    CHECK(str_starts(origin, req->secure ? STR("https://") : STR("http://")));
    CHECK(authority_split(str_from_index(origin, req->secure ? 8 : 7), &host, &port) == RC_OK);
    CHECK(request_origin(req).ptr == origin.ptr);
    (void)request_query(req, "api-version"); /* any text will do */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size), trusted = fuzz_take_line(&text);
    struct str peer_text = fuzz_take_line(&text);
    struct cidr ranges[TRUSTED_MAX], peer;
    struct origin_rules rules = {.trusted_proxies = ranges,
                                 .n_trusted = read_ranges(trusted, ranges)};
    struct fuzz_request f;

    if (fuzz_request_read(&f, text) == RC_OK && cidr_parse(peer_text, &peer) == RC_OK) {
        f.door.tls = size % 2;
        f.door.port = 8443;
        f.req.origin_rules = &rules;
        f.req.peer = (struct address){.ip = peer.net, .loopback = size % 3 == 0, .uid = 7};
        check_request(&f.req);
    }
    fuzz_request_clear(&f);
    return 0;
}
