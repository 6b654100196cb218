/* The documents an issuer serves: its OpenID configuration, and its key set as an immutable
 * snapshot. Nothing here fetches. Source: wire/managed-identity §4.4; RFC 7517 section 5; OpenID
 * Connect Discovery 1.0 sections 3 and 4.3. */
#ifndef GATE_KEY_SET_H
#define GATE_KEY_SET_H

#include "base/map.h"
#include "base/snapshot.h"
#include "gate/issuer_keys.h"

#define KEY_DOCUMENT_MAX (512 * KIB)
#define KEY_SET_MAX      ((size_t)100)
#define KEY_ID_MAX       ((size_t)256)

struct set_key {
    struct str kid;   /* empty: the document names none */
    struct pkey *key; /* NULL: the document has several of this kid, so that none is meant */
};

struct key_set {
    struct snapshot snapshot; /* first */
    struct arena arena;
    struct set_key *keys;
    size_t n;
    struct map by_kid; /* → struct set_key * */
};

/** Reads a document of at most KEY_DOCUMENT_MAX octets. Keys that nobody could check a signature
 * with, private ones without their public half, names longer than KEY_ID_MAX and, for Entra ID,
 * keys of another issuer are left out; RC_INVALID with a static reason when none is left. *out has
 * one reference. */
enum rc key_set_read(struct str text, const struct key_location *where, struct key_set **out,
                     const char **out_why) NODISCARD;
/** RC_OK: *out is a reference of the caller's. RC_NOT_FOUND: no key of that kid; RC_DENIED: there
 * is one, but it does not fit, or which one is meant can't be told. Both with a static reason. */
enum rc key_set_find(const struct key_set *set, const struct key_query *q, struct pkey **out,
                     const char **out_why) NODISCARD;
size_t key_set_usable(const struct key_set *set) NODISCARD;

/** Checks that the document is the issuer's and gives the place of its keys, in `arena`. RC_INVALID
 * with a static reason. Whether that place may be asked is key_url_judge()'s business. */
enum rc discovery_read(struct str text, const struct key_location *where, struct arena *arena,
                       struct str *out_jwks_url, const char **out_why) NODISCARD;
/** The URL of the OpenID configuration. In `arena` unless it is in `where`. */
struct str discovery_url(const struct key_location *where, struct arena *arena) NODISCARD;

/** How a URL may be asked. */
struct key_url {
    bool allow_private; /* addresses that are not public may be connected to */
    bool with_token;    /* it is the operator's own origin: the bearer token may go there */
};
/** RC_DENIED with a static reason: not https (http to loopback when `plain_loopback`), or a host
 * that is no public name and that the operator did not write. */
enum rc key_url_judge(const struct key_location *where, struct str url, bool plain_loopback,
                      struct key_url *out, const char **out_why) NODISCARD;

/** The seconds of max-age in a Cache-Control field; 0 for no-store and no-cache; -1: says nothing.
 * Source: RFC 9111 section 5.2.2. */
int64_t cache_max_age_s(struct str cache_control) NODISCARD;

#endif
