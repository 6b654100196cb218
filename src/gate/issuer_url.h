/* URLs of trusted issuers: which texts may name an issuer or a key set, and the two forms that one
 * tenant of Entra ID writes. Nothing here looks up a name. Source: wire/managed-identity §4.1,
 * §4.4. */
#ifndef GATE_ISSUER_URL_H
#define GATE_ISSUER_URL_H

#include "base/arena.h"

#define ISSUER_URL_MAX ((size_t)512)
#define WEB_URL_MAX    ((size_t)2048)

/** An absolute URL taken apart: slices into its text. */
struct web_url {
    bool secure;     /* https, else http */
    bool address;    /* the host is an IP address, or could be read as one */
    struct str host; /* without brackets */
    uint16_t port;   /* the scheme's own when the text names none */
    struct str rest; /* path and query; empty, or it starts with '/' or '?' */
};
/** RC_INVALID: another scheme, user information, a fragment, an octet that no URL has, or more than
 * WEB_URL_MAX of them. Schemes are lower case. */
enum rc web_url_read(struct str text, struct web_url *out) NODISCARD;
/** localhost, 127.0.0.0/8 or ::1, by its text alone. */
bool web_url_is_loopback(const struct web_url *url) NODISCARD;
/** The same host, compared without case; a final dot of a name does not count. */
bool web_url_same_host(const struct web_url *a, const struct web_url *b) NODISCARD;
/** Scheme, host and port. */
bool web_url_same_origin(const struct web_url *a, const struct web_url *b) NODISCARD;

/** True for what may stand in `iss`: https:// (http:// to loopback when allowed), at most
 * ISSUER_URL_MAX octets, no query. */
bool issuer_url_valid(struct str text, bool allow_plain_loopback) NODISCARD;

/** What the tokens of one tenant say. */
struct entra_forms {
    struct str v2, v1; /* in the arena */
    struct str tenant; /* lower case */
};
/** Both forms from either of them, in any cloud of the contract. RC_NOT_FOUND: not a host of Entra
 * ID's; RC_INVALID: one, but this is no issuer of one tenant (common, organizations, …). */
enum rc entra_forms_read(struct str issuer, struct arena *arena, struct entra_forms *out) NODISCARD;

#endif
