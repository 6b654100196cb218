/* Key sets of issuers that are not us: where they lie, how they are fetched and kept, which key a
 * token names. Shared by all loops. Nothing here decides whether an issuer is trusted.
 * Source: wire/managed-identity §4.3 item 4, §4.4; RFC 7517. */
#ifndef GATE_ISSUER_KEYS_H
#define GATE_ISSUER_KEYS_H

#include "base/clock.h"
#include "base/loop.h"
#include "crypto/pkey.h"

struct outbound;
struct log;

/** Zeros take the figures named here. */
struct issuer_keys_options {
    struct outbound *outbound; /* NULL: nothing is ever fetched, only files are read */
    struct clock *clock;       /* NULL: the wall clock, which is what ages are counted by */
    struct log *log;
    int64_t background_ms;  /* 1 h, give or take a tenth: a set older than that is fetched again
                             * while it is used */
    int64_t fresh_ms;       /* 24 h: an older one is used only when the issuer is out of reach */
    int64_t refresh_min_ms; /* 5 min: an unknown kid asks the issuer at most this often, and no
                             * Cache-Control makes a set older sooner */
    int64_t stale_ms;       /* 7 days: how long a set lives when the issuer is out of reach */
    bool plain_loopback;    /* development: http:// to loopback addresses */
};

/** Where the keys of one issuer are. All borrowed for the call of key_source_new(). */
struct key_location {
    struct str issuer;    /* the discovery document must say exactly this */
    struct str discovery; /* URL of the OpenID configuration; empty: issuer + the well-known path */
    struct str jwks_url;  /* instead of discovery */
    struct str jwks_file; /* instead of both: a path; read again when it has changed */
    struct str ca_file;
    struct str token_file; /* bearer token for the two requests; read at each */
    bool private_ok;       /* the operator wrote the URL himself */
    bool entra;        /* a tenant's document of Entra ID: issuer may be v1's or hold {tenantid};
                        * a key's own issuer member must match after substitution */
    struct str tenant; /* entra */
};

struct issuer_keys; /* the whole */
struct issuer_keys *issuer_keys_new(const struct issuer_keys_options *options);
/** Before a loop ends, on its thread: cancels what it fetches. From the first call on nothing new
 * is fetched by any loop; who waits is called, and gets RC_IO for sets that were never there. */
void issuer_keys_leave(struct issuer_keys *k, struct loop *loop);
/** After the loops have been freed and all sources given back. Fetches that a loop took with it are
 * given up: what `outbound` still has of them it must not touch any more. NULL is fine. */
void issuer_keys_free(struct issuer_keys *k);

/** One issuer's set. Reference counted, thread-safe. */
struct key_source;
/** The source at this location: an existing one with the same location is shared. */
struct key_source *key_source_get(struct issuer_keys *k,
                                  const struct key_location *where) NODISCARD;
struct key_source *key_source_ref(struct key_source *s);
/** NULL is fine. */
void key_source_unref(struct key_source *s);

/** A request that waits for a set; embedded in its owner, one wait at a time. */
struct key_wait {
    struct loop_task task; /* `run` and `ctx` set by the owner: called on `loop` */
    struct loop *loop;
    struct key_wait *next; /* the source's own */
};

struct key_query {
    struct str kid; /* empty: allowed when the set has one key that fits */
    enum jws_alg alg;
};
/** The key that the token names. RC_OK: *out is a reference of the caller's; RC_DENIED with a
 * static reason: the set has no such key (and may not be asked again yet), or the key does not fit
 * the algorithm; RC_BUSY: the set is being fetched: key_source_wait(), then ask again; RC_IO: the
 * set can't be had, with a static reason. Starts fetches by itself: for the first set (after a
 * failure in 10 s, then twice as long, up to 5 min), for an unknown kid (single flight,
 * rate-limited), in the background when the set is old. `loop` is the caller's own and carries the
 * fetch. Any thread. */
enum rc key_source_find(struct key_source *s, struct loop *loop, const struct key_query *q,
                        struct pkey **out, const char **out_why) NODISCARD;
/** Waits for the fetch that is under way: `w->task` runs on `loop` when it has ended, also when
 * none is under way any more. The owner stays until then. Any thread. RC_BUSY: too many wait
 * already (KEY_WAITERS_MAX): refuse. */
enum rc key_source_wait(struct key_source *s, struct key_wait *w) NODISCARD;
#define KEY_WAITERS_MAX 256

/** For `issuer test` and status: what is known of the set. Texts go to `arena`. */
struct key_source_state {
    size_t keys;
    unix_ms fetched, tried; /* wall clock; 0: never */
    struct str failure;     /* why the last try failed; empty: it did not */
    struct str jwks_url;    /* the last that was asked with success; empty: a file, or none */
    struct str *kids;       /* `keys` of them; empty: the key has none */
};
void key_source_state(struct key_source *s, struct arena *arena, struct key_source_state *out);
/** Fetches now, whatever the age, unless a fetch is under way; then key_source_wait(). On the
 * thread of `loop`. */
void key_source_refresh(struct key_source *s, struct loop *loop);

#endif
