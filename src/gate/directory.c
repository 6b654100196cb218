/* The directory: resources with their access keys, and the keys of tokens, as one immutable
 * snapshot. It opens what the store keeps sealed, and knows which resource a host name means
 * (design D10). When it is rebuilt and who sees it is gate.c's business. */
#include "gate/directory.h"

#include "base/mutex.h"
#include "crypto/base64.h"
#include "crypto/cert.h"
#include "gate/grants.h"

#include <arpa/inet.h>

#define ACCESS_KEY_LEN   ((size_t)64)
#define CERTIFICATE_NAME STR("Callgate issuer")
#define CERTIFICATE_DAYS 3650

/* ---- last-used cells ---- */

#define USAGE_KEY_LEN (sizeof(struct uuid) + 1)

struct usage {
    struct usage *next;
    struct uuid resource;
    enum key_slot slot;
    uint32_t generation; /* of the key: a new one was never used */
    char key[USAGE_KEY_LEN];
    _Atomic int64_t last_used;
    int64_t told; /* what key_usage_each_changed() has passed on */
};

struct key_usage_table {
    pthread_mutex_t lock;
    struct map by_key;
    struct usage *all;
};

struct key_usage_table *key_usage_table_new(void)
{
    struct key_usage_table *t = calloc(1, sizeof *t);

    if (!t || pthread_mutex_init(&t->lock, NULL))
        abort();
    map_init(&t->by_key);
    return t;
}

void key_usage_table_free(struct key_usage_table *t)
{
    if (!t)
        return;
    for (struct usage *u = t->all, *next; u; u = next) {
        next = u->next;
        free(u);
    }
    map_clear(&t->by_key);
    (void)pthread_mutex_destroy(&t->lock); /* nobody holds it any more */
    free(t);
}

_Atomic int64_t *key_usage_cell(struct key_usage_table *t, const struct uuid *resource,
                                enum key_slot slot, uint32_t generation, unix_ms initial)
{
    char key[USAGE_KEY_LEN];
    struct usage *u;

    memcpy(key, resource, sizeof *resource);
    key[sizeof *resource] = (char)slot;
    mutex_lock(&t->lock);
    u = map_get(&t->by_key, str_of(key, sizeof key));
    if (!u) {
        u = calloc(1, sizeof *u);
        if (!u)
            abort();
        memcpy(u->key, key, sizeof key);
        u->resource = *resource;
        u->slot = slot;
        u->generation = generation;
        u->told = initial;
        atomic_init(&u->last_used, initial);
        u->next = t->all;
        t->all = u;
        (void)map_put(&t->by_key, str_of(u->key, sizeof u->key), u); /* was not there */
    } else if (u->generation != generation) {
        u->generation = generation;
        u->told = initial;
        atomic_store(&u->last_used, initial);
    }
    mutex_unlock(&t->lock);
    return &u->last_used;
}

size_t key_usage_each_changed(struct key_usage_table *t,
                              void (*each)(void *ctx, const struct uuid *resource,
                                           enum key_slot slot, unix_ms last_used),
                              void *ctx)
{
    size_t n = 0;

    mutex_lock(&t->lock);
    for (struct usage *u = t->all; u; u = u->next) {
        int64_t now = atomic_load_explicit(&u->last_used, memory_order_relaxed);

        if (now == u->told)
            continue;
        u->told = now;
        each(ctx, &u->resource, u->slot, now);
        n++;
    }
    mutex_unlock(&t->lock);
    return n;
}

/* ---- sealing ---- */

#define CONTEXT_MAX ((size_t)160)

/* "access_keys/<resource>/<slot>" */
static struct str access_key_context(const struct uuid *resource, enum key_slot slot,
                                     char out[static CONTEXT_MAX])
{
    struct str table = STR("access_keys/");

    memcpy(out, table.ptr, table.len);
    uuid_format(resource, out + table.len);
    out[table.len + UUID_TEXT_LEN] = '/';
    out[table.len + UUID_TEXT_LEN + 1] = slot == KEY_PRIMARY ? '0' : '1';
    return str_of(out, table.len + UUID_TEXT_LEN + 2);
}

/* "signing_keys/<purpose>/<kid>" */
static struct str signing_key_context(struct str purpose, struct str kid, struct arena *arena)
{
    return arena_printf(arena, "signing_keys/" STR_FMT "/" STR_FMT, STR_ARG(purpose), STR_ARG(kid));
}

struct str data_location_of(struct str location)
{
    static const struct {
        struct str location, data_location;
    } known[] = {
        {STR_INIT("unitedstates"), STR_INIT("United States")},
        {STR_INIT("europe"), STR_INIT("Europe")},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (name_eq(location, known[i].location))
            return known[i].data_location;
    return location;
}

enum rc access_key_seal(const struct master_key *master, const struct uuid *resource,
                        enum key_slot slot, const struct secret *secret, struct buf *out)
{
    char context[CONTEXT_MAX];

    return seal(master, access_key_context(resource, slot, context), secret, out);
}

/* NOLINTNEXTLINE(readability-function-size): what the row says, one by one */
enum rc signing_key_make(const struct master_key *master, enum jws_alg alg, struct str purpose,
                         unix_ms now, unix_ms active_from, struct arena *arena,
                         struct signing_key_row *row)
{
    struct pkey *key = pkey_generate(alg);
    struct secret der = {0};
    struct buf sealed, certificate;
    enum rc rc;
    char kid[43];

    if (!key)
        return RC_INTERNAL;
    buf_init(&sealed, 64 * KIB);
    buf_init(&certificate, 16 * KIB);
    pkey_thumbprint(key, kid);
    rc = pkey_to_der(key, &der);
    if (!rc)
        rc = seal(master, signing_key_context(purpose, str_of(kid, sizeof kid), arena), &der,
                  &sealed);
    if (!rc && name_eq(purpose, STR("issuer")))
        rc = cert_self_signed(key, CERTIFICATE_NAME, now, CERTIFICATE_DAYS, &certificate);
    if (!rc)
        *row = (struct signing_key_row){
            .certificate = arena_dup(arena, buf_str(&certificate)),
            .kid = arena_dup(arena, str_of(kid, sizeof kid)),
            .alg = jws_alg_name(alg),
            .purpose = arena_dup(arena, purpose),
            .sealed = arena_dup(arena, buf_str(&sealed)),
            .created = now,
            .active_from = active_from,
        };
    buf_clear(&sealed);
    buf_clear(&certificate);
    secret_clear(&der);
    pkey_unref(key);
    return rc;
}

/* ---- building ---- */

struct builder {
    const struct directory_source *source;
    struct directory *d;
    struct arena scratch;
    size_t resources_cap, signing_cap;
    struct buf *why;
    enum rc rc;
};

static void make_unknown_key(struct access_key *k)
{
    k->present = false;
    k->secret = secret_random(ACCESS_KEY_LEN);
    if (!k->secret.octets)
        abort();
    k->mac = mac_key_new(k->secret.octets, k->secret.len);
    if (!k->mac)
        abort();
}

static void key_clear(struct access_key *k)
{
    mac_key_free(k->mac);
    secret_clear(&k->secret);
}

static void directory_free(struct snapshot *s)
{
    struct directory *d = (struct directory *)(void *)s;

    for (size_t i = 0; i < d->resources_count + (d->dummy ? 1 : 0); i++) {
        for (int slot = 0; slot < KEY_SLOTS; slot++)
            key_clear(&d->resources[i].keys[slot]);
    }
    for (size_t i = 0; i < d->signing_keys_count; i++)
        pkey_unref(d->signing_keys[i].key);
    map_clear(&d->by_host);
    map_clear(&d->by_name);
    map_clear(&d->by_id);
    map_clear(&d->generic);
    arena_clear(&d->arena);
    free(d);
}

/* Room for one more item of `size` at *items; moves them inside the arena when it is full. */
static void make_room(struct arena *arena, void **items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return;
    size_t next = *cap ? *cap * 2 : 4;
    void *moved = arena_alloc(arena, next * size);
    if (count)
        memcpy(moved, *items, count * size);
    *items = moved;
    *cap = next;
}

/* `names` of a row: separated by blanks. */
static void split_names(struct arena *arena, struct str names, struct resource *out)
{
    size_t cap = 0;
    struct str head, rest = names;

    while (rest.len) {
        (void)str_cut(rest, ' ', &head, &rest); /* without a blank: all of it, and the end */
        if (!head.len)
            continue;
        void *items = out->names;
        make_room(arena, &items, out->names_count, &cap, sizeof *out->names);
        out->names = items;
        out->names[out->names_count++] = arena_lower(arena, head);
    }
}

static struct resource *resource_add(struct builder *b)
{
    struct directory *d = b->d;
    void *items = d->resources;

    make_room(&d->arena, &items, d->resources_count, &b->resources_cap, sizeof *d->resources);
    d->resources = items;
    struct resource *r = &d->resources[d->resources_count++];
    *r = (struct resource){0};
    for (int slot = 0; slot < KEY_SLOTS; slot++)
        make_unknown_key(&r->keys[slot]);
    return r;
}

static void take_resource(void *ctx, const struct resource_row *row)
{
    struct builder *b = ctx;
    struct arena *arena = &b->d->arena;
    struct resource *r = resource_add(b);
    char *id = arena_alloc(arena, UUID_TEXT_LEN + 1);

    uuid_format(&row->id, id);
    r->id = row->id;
    r->id_text = str_of(id, UUID_TEXT_LEN);
    r->name = arena_lower(arena, row->name);
    r->location = arena_dup(arena, row->location);
    split_names(arena, row->names, r);
    r->port = row->port;
    r->state = row->state;
    r->is_default = row->is_default;
    r->created = row->created;
    r->group = arena_dup(arena, row->group);
    r->no_local_auth = row->no_local_auth;
    r->data_location = arena_dup(arena, row->data_location);
    r->properties = arena_dup(arena, row->properties);
}

static void explain_seal(struct builder *b, const char *what, struct str of)
{
    b->rc = RC_DENIED;
    buf_addf(b->why,
             "the %s of " STR_FMT " does not open with this master key: use the master key that "
             "belongs to this data",
             what, STR_ARG(of));
}

static void take_access_key(void *ctx, const struct access_key_row *row)
{
    struct builder *b = ctx;
    struct resource *r = map_get(&b->d->by_id, str_of(&row->resource, sizeof row->resource));
    char context[CONTEXT_MAX];
    struct secret secret = {0};

    if (b->rc || !r || row->slot >= KEY_SLOTS || r->state == RESOURCE_DELETED)
        return;
    if (unseal(b->source->master, access_key_context(&row->resource, row->slot, context),
               row->sealed, &secret)) {
        explain_seal(b, "access key", r->name);
        return;
    }
    struct access_key *k = &r->keys[row->slot];
    key_clear(k);
    *k = (struct access_key){
        .mac = mac_key_new(secret.octets, secret.len),
        .secret = secret,
        .present = true,
        .generation = row->generation,
        .tokens_valid_from = row->tokens_valid_from,
        .regenerated = row->regenerated,
        .last_used = key_usage_cell(b->source->usage, &row->resource, row->slot, row->generation,
                                    row->last_used),
    };
    if (!k->mac)
        abort();
}

static struct str thumbprint_text(struct arena *arena, struct str certificate)
{
    uint8_t digest[SHA1_LEN];
    char *text = arena_alloc(arena, BASE64URL_LEN(SHA1_LEN) + 1);

    sha1(certificate, digest);
    return str_of(text, base64url_encode(digest, sizeof digest, text));
}

/* Of our issuer's tokens: in Entra's order, with the certificate's thumbprint. */
static struct str token_header(struct arena *arena, struct str alg, const struct signing_key *k)
{
    struct str json =
        k->x5t.len
            ? arena_printf(arena,
                           "{\"typ\":\"JWT\",\"alg\":\"" STR_FMT "\",\"kid\":\"" STR_FMT
                           "\",\"x5t\":\"" STR_FMT "\"}",
                           STR_ARG(alg), STR_ARG(k->kid), STR_ARG(k->x5t))
            : arena_printf(arena,
                           "{\"alg\":\"" STR_FMT "\",\"kid\":\"" STR_FMT "\",\"typ\":\"JWT\"}",
                           STR_ARG(alg), STR_ARG(k->kid));
    char *out = arena_alloc(arena, BASE64URL_LEN(json.len) + 1);

    return str_of(out, base64url_encode(json.ptr, json.len, out));
}

static void take_signing_key(void *ctx, const struct signing_key_row *row)
{
    struct builder *b = ctx;
    struct directory *d = b->d;
    struct secret der = {0};
    struct pkey *key = NULL;
    enum jws_alg alg = jws_alg_from_name(row->alg);

    if (b->rc)
        return;
    if (unseal(b->source->master, signing_key_context(row->purpose, row->kid, &b->scratch),
               row->sealed, &der)) {
        explain_seal(b, "signing key", row->kid);
        return;
    }
    enum rc rc =
        alg == JWS_ALG_NONE ? RC_INVALID : pkey_from_der(alg, str_of(der.octets, der.len), &key);
    secret_clear(&der);
    if (rc) {
        b->rc = RC_INVALID;
        buf_addf(b->why, "the signing key " STR_FMT " is damaged", STR_ARG(row->kid));
        return;
    }
    void *items = d->signing_keys;
    make_room(&d->arena, &items, d->signing_keys_count, &b->signing_cap, sizeof *d->signing_keys);
    d->signing_keys = items;
    struct signing_key *k = &d->signing_keys[d->signing_keys_count++];
    *k = (struct signing_key){
        .kid = arena_dup(&d->arena, row->kid),
        .purpose = arena_dup(&d->arena, row->purpose),
        .certificate = arena_dup(&d->arena, row->certificate),
        .key = key,
        .created = row->created,
        .active_from = row->active_from,
        .retired = row->retired,
    };
    if (k->certificate.len)
        k->x5t = thumbprint_text(&d->arena, k->certificate);
    k->header_b64 = token_header(&d->arena, jws_alg_name(alg), k);
}

/* Nobody's resource, behind the last of the array. Asked for a name that nobody has, the same work
 * is done on its keys. */
static void add_dummy(struct builder *b)
{
    struct resource *r = resource_add(b);
    char *id = arena_alloc(&b->d->arena, UUID_TEXT_LEN + 1);

    r->id = uuid_random();
    uuid_format(&r->id, id);
    r->id_text = str_of(id, UUID_TEXT_LEN);
    b->d->dummy = r;
    b->d->resources_count--;
}

static void index_host(struct directory *d, struct str host, struct resource *r)
{
    if (host.len && !map_get(&d->by_host, host)) /* the first one keeps it */
        (void)map_put(&d->by_host, host, r);
}

/* Once the array has stopped moving. */
static void index_resources(struct builder *b)
{
    struct directory *d = b->d;

    for (size_t i = 0; i < d->resources_count; i++) {
        struct resource *r = &d->resources[i];

        (void)map_put(&d->by_id, str_of(&r->id, sizeof r->id), r); /* ids are unique */
        if (r->state == RESOURCE_DELETED)
            continue;
        if (r->is_default)
            d->default_resource = r;
        (void)map_put(&d->by_name, r->name, r); /* so are living names */
        if (r->state != RESOURCE_ACTIVE)
            continue;
        index_host(d, r->name, r);
        struct str full = arena_printf(&d->arena, STR_FMT "." STR_FMT, STR_ARG(r->name),
                                       STR_ARG(b->source->domain));
        index_host(d, arena_lower(&d->arena, full), r);
    }
    for (size_t i = 0; i < d->resources_count; i++) {
        struct resource *r = &d->resources[i];

        for (size_t n = 0; r->state == RESOURCE_ACTIVE && n < r->names_count; n++)
            index_host(d, r->names[n], r);
    }
}

static void index_generic(struct builder *b)
{
    struct directory *d = b->d;

    for (size_t i = 0; i < b->source->names_count; i++)
        (void)map_put(&d->generic, arena_lower(&d->arena, b->source->names[i]), d);
}

static enum rc take_id(struct store_reader *reader, struct str name, struct arena *arena,
                       struct uuid *out, struct str *out_text)
{
    struct str text;
    enum rc rc = store_meta(reader, name, arena, &text);

    if (rc == RC_NOT_FOUND)
        return RC_OK; /* before the first start has made it */
    if (rc)
        return rc;
    *out_text = text;
    return uuid_parse(text, out);
}

static enum rc take_tenant(struct builder *b, struct store_reader *reader)
{
    struct directory *d = b->d;
    enum rc rc = take_id(reader, META_TENANT, &d->arena, &d->tenant, &d->tenant_text);

    if (!rc)
        rc = take_id(reader, META_SUBSCRIPTION, &d->arena, &d->subscription, &d->subscription_text);
    d->public_url = arena_dup(&d->arena, b->source->public_url);
    return rc;
}

static void add_scopes(struct directory *d)
{
    for (size_t i = 0; i < d->resources_count; i++) {
        struct resource *r = &d->resources[i];

        r->scope = scope_of_resource(&d->subscription, r->group, r->name, &d->arena);
    }
}

static enum rc fill(struct builder *b, struct store_reader *reader)
{
    enum rc rc = store_each_resource(reader, &b->scratch, take_resource, b);

    if (rc)
        return rc;
    add_dummy(b);
    index_resources(b);
    index_generic(b);
    rc = take_tenant(b, reader);
    if (rc)
        return rc;
    add_scopes(b->d);
    rc = store_each_access_key(reader, &b->scratch, take_access_key, b);
    if (!rc && !b->rc)
        rc = store_each_signing_key(reader, &b->scratch, take_signing_key, b);
    return rc ? rc : b->rc;
}

enum rc directory_build(const struct directory_source *source, struct store_reader *reader,
                        struct directory **out, struct buf *why)
{
    static _Atomic uint64_t serials; /* a process's, since caches outlive directories */
    struct directory *d = calloc(1, sizeof *d);

    if (!d)
        abort();
    d->serial = atomic_fetch_add(&serials, 1) + 1;
    atomic_init(&d->snapshot.refs, 1);
    d->snapshot.free = directory_free;
    arena_init(&d->arena);
    map_init(&d->by_host);
    map_init(&d->by_name);
    map_init(&d->by_id);
    map_init(&d->generic);
    struct builder b = {.source = source, .d = d, .why = why};
    arena_init(&b.scratch);
    enum rc rc = fill(&b, reader);
    arena_clear(&b.scratch);
    if (rc) {
        if (!why->len)
            buf_addf(why, "the store could not be read (%s)", rc_name(rc));
        directory_free(&d->snapshot);
        return rc;
    }
    *out = d;
    return RC_OK;
}

/* ---- looking up ---- */

static bool is_loopback(struct str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;

    if (host.len == 0 || host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_generic(const struct directory *d, struct str host)
{
    return name_eq(host, STR("localhost")) ||
           (d->generic.count && map_get(&d->generic, host) != NULL) || is_loopback(host);
}

static const struct resource *behind_door(const struct directory *d, uint16_t door_port)
{
    for (size_t i = 0; door_port && i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        if (r->port == door_port && r->state == RESOURCE_ACTIVE)
            return r;
    }
    return d->default_resource && d->default_resource->state == RESOURCE_ACTIVE
               ? d->default_resource
               : NULL;
}

const struct resource *directory_by_host(const struct directory *d, struct str host,
                                         uint16_t door_port)
{
    if (!name_eq(host, STR("localhost"))) {
        const struct resource *named = map_get(&d->by_host, host);

        if (named)
            return named;
        if (!is_generic(d, host))
            return NULL;
    }
    return behind_door(d, door_port);
}

bool directory_knows_host(const struct directory *d, struct str host)
{
    return is_generic(d, host) || map_get(&d->by_host, host) != NULL;
}

const struct resource *directory_by_name(const struct directory *d, struct str name)
{
    return map_get(&d->by_name, name);
}

const struct resource *directory_by_id(const struct directory *d, const struct uuid *id)
{
    return map_get(&d->by_id, str_of(id, sizeof *id));
}

const struct signing_key *directory_signer(const struct directory *d, struct str purpose,
                                           unix_ms now)
{
    const struct signing_key *newest = NULL, *oldest = NULL;

    for (size_t i = 0; i < d->signing_keys_count; i++) {
        const struct signing_key *k = &d->signing_keys[i];

        if (k->retired || !name_eq(k->purpose, purpose))
            continue;
        if (k->active_from <= now && (!newest || k->active_from > newest->active_from))
            newest = k;
        if (!oldest || k->active_from < oldest->active_from)
            oldest = k;
    }
    return newest ? newest : oldest;
}

bool directory_has_key(const struct directory *d, struct str purpose, struct str kid)
{
    for (size_t i = 0; kid.len && i < d->signing_keys_count; i++) {
        if (name_eq(d->signing_keys[i].purpose, purpose) && name_eq(d->signing_keys[i].kid, kid))
            return true;
    }
    return false;
}

const struct signing_key *directory_verifier(const struct directory *d, struct str purpose,
                                             struct str kid, unix_ms now)
{
    for (size_t i = 0; i < d->signing_keys_count; i++) {
        const struct signing_key *k = &d->signing_keys[i];

        if (!name_eq(k->purpose, purpose) || !name_eq(k->kid, kid))
            continue;
        return k->retired && now >= k->retired + TOKEN_LONGEST_MS ? NULL : k;
    }
    return NULL;
}
