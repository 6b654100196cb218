/* Resources with their access keys, and the signing keys of tokens: one immutable snapshot,
 * rebuilt from the store when the change log says so. */
#ifndef GATE_DIRECTORY_H
#define GATE_DIRECTORY_H

#include "base/map.h"
#include "base/snapshot.h"
#include "crypto/pkey.h"
#include "crypto/seal.h"
#include "store/store.h"

/** No token lives longer: revocations and retired keys are kept this long. */
#define TOKEN_LONGEST_MS ((int64_t)24 * 60 * 60 * 1000)

/** Named values of the store: ids made at the first start. */
#define META_TENANT       STR("tenant_id")
#define META_SUBSCRIPTION STR("subscription_id")

struct access_key {
    struct mac_key *mac;  /* never NULL: a key that nobody knows where there is none */
    struct secret secret; /* its octets */
    bool present;         /* false: the key that nobody knows */
    uint32_t generation, tokens_valid_from;
    unix_ms regenerated;
    _Atomic int64_t *last_used; /* service time; shared by all snapshots, owned by the gate */
};

struct resource {
    struct uuid id;
    struct str id_text; /* 36 characters */
    struct str name, location;
    struct str *names; /* further host names */
    size_t names_count;
    uint16_t port;
    enum resource_state state;
    bool is_default;
    unix_ms created;
    struct str scope;         /* for role assignments: lower case */
    struct str group;         /* resource group, as it was spelled */
    bool no_local_auth;       /* access keys open nothing */
    struct str data_location; /* "Europe" */
    struct str properties;    /* JSON object, as the row has it */
    struct access_key keys[KEY_SLOTS];
};

struct signing_key {
    struct str kid;
    struct str purpose;     /* "user", "issuer" */
    struct str header_b64;  /* {"alg","kid","typ"} of its tokens, encoded */
    struct str certificate; /* purpose "issuer": self-signed, DER */
    struct str x5t;         /* its thumbprint, base64url */
    struct pkey *key;
    unix_ms created, active_from, retired;
};

struct directory {
    struct snapshot snapshot; /* first */
    uint64_t serial;          /* no other one has it; never 0 */
    struct arena arena;       /* texts and arrays */
    struct resource *resources;
    size_t resources_count;
    const struct resource *dummy; /* same work for names that nobody has */
    const struct resource *default_resource;
    struct map by_host; /* label or full name, lower case → struct resource * (active ones) */
    struct map by_name; /* → struct resource * (not deleted) */
    struct map by_id;   /* 16 octets → struct resource * (all) */
    struct map generic; /* names of the server itself (--name): as localhost */
    struct signing_key *signing_keys;
    size_t signing_keys_count;
    struct uuid tenant, subscription; /* zeros before the first start has made them */
    struct str tenant_text, subscription_text;
    struct str public_url; /* net.public_url: an origin of ours whatever the names; or empty */
};

/** What a directory is built from besides the store. */
struct directory_source {
    const struct master_key *master;
    struct str domain;     /* resources answer to <name>.<domain>; "localhost" */
    struct str public_url; /* net.public_url, or empty */
    struct str *names;     /* further names of the default resource (--name) */
    size_t names_count;
    struct key_usage_table *usage; /* owns the last_used cells; borrowed */
};

/** Cells that outlive snapshots, one per (resource, slot); a new generation starts at `initial`.
 * Thread-safe. */
struct key_usage_table *key_usage_table_new(void);
void key_usage_table_free(struct key_usage_table *t);
_Atomic int64_t *key_usage_cell(struct key_usage_table *t, const struct uuid *resource,
                                enum key_slot slot, uint32_t generation, unix_ms initial);
/** Calls `each` for every cell that has moved since the last call. Returns how many. */
size_t key_usage_each_changed(struct key_usage_table *t,
                              void (*each)(void *ctx, const struct uuid *resource,
                                           enum key_slot slot, unix_ms last_used),
                              void *ctx);

/** Reads the store and builds the next snapshot (refs 1). RC_DENIED: a secret does not open under
 * this master key; `why` says which. */
enum rc directory_build(const struct directory_source *source, struct store_reader *reader,
                        struct directory **out, struct buf *why) NODISCARD;
/** The resource that a host names (no port, lower case): its name or full name, a configured
 * name; localhost and loopback addresses mean the default one, unless `port` is a resource's own.
 * NULL when nobody has it. Source: design D10. */
const struct resource *directory_by_host(const struct directory *d, struct str host,
                                         uint16_t door_port) NODISCARD;
/** True for names that mean this server, whether a resource stands behind them or not. */
bool directory_knows_host(const struct directory *d, struct str host) NODISCARD;
/** The resource of that name, unless it is deleted. */
const struct resource *directory_by_name(const struct directory *d, struct str name) NODISCARD;
const struct resource *directory_by_id(const struct directory *d, const struct uuid *id) NODISCARD;
/** The key that signs tokens of `purpose` at `now`: the newest that is active and not retired; the
 * oldest when the clock stands before all of them. NULL when there is none. */
const struct signing_key *directory_signer(const struct directory *d, struct str purpose,
                                           unix_ms now) NODISCARD;
/** True when some key of `purpose` is called `kid`, retired or not. */
bool directory_has_key(const struct directory *d, struct str purpose, struct str kid) NODISCARD;
/** The key `kid` of `purpose` if tokens of it may still be verified at `now`: not retired for
 * longer than the longest token lives. */
const struct signing_key *directory_verifier(const struct directory *d, struct str purpose,
                                             struct str kid, unix_ms now) NODISCARD;

/* What is written to the store for them: sealing happens here. */

/** The group of a resource that was given none. */
#define RESOURCE_GROUP_DEFAULT STR("callgate")
/** The data location of a new resource at `location`: "europe" is in "Europe". What has no name of
 * its own is returned as it is. Borrowed from `location`, or static. */
struct str data_location_of(struct str location) NODISCARD;

/** Seals `secret` for the row of (resource, slot); appends to `out`. */
enum rc access_key_seal(const struct master_key *master, const struct uuid *resource,
                        enum key_slot slot, const struct secret *secret, struct buf *out) NODISCARD;
/** A new signing key, sealed: fills `row` (texts in `arena`). Purpose "issuer": with a certificate
 * of its own. */
enum rc signing_key_make(const struct master_key *master, enum jws_alg alg, struct str purpose,
                         unix_ms now, unix_ms active_from, struct arena *arena,
                         struct signing_key_row *row) NODISCARD;

#endif
