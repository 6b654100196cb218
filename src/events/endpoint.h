/* Whom webhooks may reach: every endpoint is a wish of somebody with a resource's key, so it must
 * not become a way into the server's own network. Judged when it is named, and again by address
 * when connecting, since a name may mean another address by then. Source: wire/events §9. */
#ifndef EVENTS_ENDPOINT_H
#define EVENTS_ENDPOINT_H

#include "base/arena.h"
#include "http/outbound.h"
#include "http/request.h"

/** Immutable once read. */
struct endpoint_rules {
    bool development; /* every address, http:// too */
    struct str *hosts;
    size_t hosts_n;
    struct cidr *networks;
    size_t networks_n;
};

/** `allowed`: host names and networks. Texts are borrowed, lists in `arena`. */
void endpoint_rules_read(const struct str *allowed, size_t n, bool development, struct arena *arena,
                         struct endpoint_rules *out);
/** Why an endpoint is refused, as the end of a sentence; NULL: nothing is known against it. */
const char *endpoint_against(const struct endpoint_rules *rules, struct str url) NODISCARD;

/** A call to an endpoint, under the rules. */
struct endpoint_call {
    struct outbound_call call; /* first */
    const struct endpoint_rules *rules;
    bool trusted; /* its host is one of the allowed ones */
};

/** Fills all but method, headers, body, `done` and ctx. `url`: NUL-terminated, kept by the caller,
 * like `ca_file` (NULL: none). */
void endpoint_call_init(struct endpoint_call *c, const struct endpoint_rules *rules,
                        const char *url, const char *ca_file);
/** Adds a header; texts are kept by the caller. */
void endpoint_call_header(struct endpoint_call *c, struct str name, struct str value);
/** The status that came, though the body did not end; 0: none did. */
int endpoint_call_status(const struct endpoint_call *c) NODISCARD;

#endif
