/* Nanoseconds for single steps of a request, one after the other on one core: the best and the
 * median of several rounds. What it measures is the rooms' own code, called the way the pipeline
 * calls it. Prints JSON. */
#include "fill.h"

#include "crypto/jws.h"
#include "crypto/pkey_private.h"
#include "services/admin/admin.h"
#include "services/identity/identity.h"
#include "services/meta/meta.h"
#include "unit/gate/fixture.h"

#include <openssl/rsa.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS      11
#define ROUND_NS    40000000
#define COLD_TOKENS 16 /* more than a cache of four holds */
#define FEW_ROLES   10
#define MANY_ROLES  100000
#define OWN_ALGS    2
#define TENANT      "f0000000-0000-0000-0000-00000000000f"
#define SUB         "50000000-0000-0000-0000-000000000005"

/* Of our own issuer, by algorithm: its key signs at `now`. */
struct own_alg {
    unix_ms now;
    char *tokens[COLD_TOKENS];
};

struct bench {
    struct fixture gate;
    struct router *router;
    struct key_check check;
    struct date_memo memo;
    struct request_fake whoami, get_user;
    struct str credential;
    struct url url;
    struct route_match match;
    struct buf out;
    struct tokens *warm, *cold;
    char *tokens[COLD_TOKENS];
    size_t next_token;
    struct arena arena;
    struct pkey *es256, *rs256;
    EVP_PKEY_CTX *es256_ctx, *rs256_ctx;
    struct signer *es256_signer, *rs256_signer;
    EVP_PKEY_CTX *es256_verify, *rs256_verify;
    uint8_t es256_signature[SIGNATURE_MAX], rs256_signature[SIGNATURE_MAX];
    size_t es256_len, rs256_len;
    uint8_t hash[SHA256_LEN];
    struct application_row application;
    struct own_alg own_es256, own_rs256;
    struct request_fake bearer;
    struct tokens *cold_service;
    size_t next_service;
    struct uuid holder, rich;                    /* of a few role assignments, of all the others */
    struct str scope;                            /* the default resource's */
    struct grants *few, *many_spread, *many_one; /* read when they are asked for */
};

/* The thread's own time: what others do on the core meanwhile does not count. */
static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* this clock is always there */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "micro: %s failed\n", what);
    exit(1);
}

/* ---- what is measured ---- */

static void run_mac(struct bench *b)
{
    const struct directory *d = gate_directory(b->gate.gl);
    uint8_t mac[SHA256_LEN];

    mac_sign(d->default_resource->keys[0].mac, b->gate.work,
             STR("GET\n/admin/whoami\nMon, 23 Nov 2026 15:00:00 GMT;localhost:8443;"
                 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
             mac);
}

static void run_check(struct bench *b)
{
    struct key_verdict verdict;

    scheme_key_check(&b->check, &b->whoami.req, b->credential, b->gate.work, &verdict);
    must(!verdict.error, "the access-key check");
}

static void run_route(struct bench *b)
{
    route_find(b->router, GET, &b->get_user.req.url, STR("2025-03-02-preview"), &b->match);
    must(b->match.route != NULL, "route_find");
}

static void run_url_split(struct bench *b)
{
    must(url_split(b->get_user.req.target, &b->arena, &b->url) == RC_OK, "url_split");
    arena_reset(&b->arena);
}

static void run_reply(struct bench *b)
{
    buf_reset(&b->out);
    reply_encode(&b->whoami.req, STR(HTTPDAY), &b->out);
    must(!b->out.failed, "reply_encode");
}

static void verify_at(struct bench *b, struct tokens *cache, const char *token, unix_ms now)
{
    struct token_check check = {
        .d = gate_directory(b->gate.gl), .work = b->gate.work, .now = now, .arena = &b->arena};
    struct denial denial = {0};
    struct token out;

    must(tokens_verify(cache, &check, str_from(token), &out, &denial) == RC_OK, "tokens_verify");
    arena_reset(&b->arena);
}

static void verify(struct bench *b, struct tokens *cache, const char *token)
{
    verify_at(b, cache, token, NOW);
}

static void run_verify_cached(struct bench *b)
{
    verify(b, b->warm, b->tokens[0]);
}

static void run_verify_cold(struct bench *b)
{
    verify(b, b->cold, b->tokens[b->next_token++ % COLD_TOKENS]);
}

static void sign(EVP_PKEY_CTX *ctx, const uint8_t hash[static SHA256_LEN])
{
    uint8_t out[SIGNATURE_MAX];
    size_t len = sizeof out;

    must(EVP_PKEY_sign(ctx, out, &len, hash, SHA256_LEN) == 1, "EVP_PKEY_sign");
}

static void run_evp_es256(struct bench *b)
{
    sign(b->es256_ctx, b->hash);
}

static void run_evp_rs256(struct bench *b)
{
    sign(b->rs256_ctx, b->hash);
}

static void run_jws_es256(struct bench *b)
{
    static const char payload[600] = {0};

    buf_reset(&b->out);
    must(jws_compose(b->es256_signer, b->gate.work,
                     STR("eyJhbGciOiJFUzI1NiIsImtpZCI6IjAxMjM0NTY3ODkwMSIsInR5cCI6IkpXVCJ9"),
                     str_of(payload, sizeof payload), &b->out) == RC_OK,
         "jws_compose");
}

static void run_mint(struct bench *b)
{
    char *token = fixture_mint(
        &b->gate, &(struct mint){
                      .resource = gate_directory(b->gate.gl)->default_resource,
                      .user = {.resource = b->gate.resource, .user = uuid_ordered(NOW)},
                  });

    must(token != NULL, "gate_mint");
    free(token);
}

static void run_store_user(struct bench *b)
{
    struct user_key key = {.resource = b->gate.resource, .user = b->gate.other};
    struct user_row row;

    must(store_user(b->gate.reader, &key, &b->arena, &row) == RC_OK, "store_user");
    arena_reset(&b->arena);
}

/* ---- service tokens ---- */

static void evp_verify(EVP_PKEY_CTX *ctx, const uint8_t *signature, size_t len, const uint8_t *hash)
{
    must(EVP_PKEY_verify(ctx, signature, len, hash, SHA256_LEN) == 1, "EVP_PKEY_verify");
}

static void run_evp_verify_es256(struct bench *b)
{
    evp_verify(b->es256_verify, b->es256_signature, b->es256_len, b->hash);
}

static void run_evp_verify_rs256(struct bench *b)
{
    evp_verify(b->rs256_verify, b->rs256_signature, b->rs256_len, b->hash);
}

static void run_service_cached(struct bench *b)
{
    verify_at(b, b->warm, b->own_rs256.tokens[0], b->own_rs256.now);
}

static void service_cold(struct bench *b, const struct own_alg *own)
{
    verify_at(b, b->cold_service, own->tokens[b->next_service++ % COLD_TOKENS], own->now);
}

static void run_service_cold_es256(struct bench *b)
{
    service_cold(b, &b->own_es256);
}

static void run_service_cold_rs256(struct bench *b)
{
    service_cold(b, &b->own_rs256);
}

static void service_mint(struct bench *b, unix_ms now)
{
    struct service_mint m = {.application = &b->application,
                             .audience = STR("https://communication.azure.com/"),
                             .origin = STR("https://localhost:8443"),
                             .by_secret = true,
                             .now = now,
                             .seconds = 3599};
    struct service_minted minted;

    buf_reset(&b->out);
    must(gate_mint_service(b->gate.gl, &m, &b->out, &minted) == RC_OK, "gate_mint_service");
}

static void run_service_mint_es256(struct bench *b)
{
    service_mint(b, b->own_es256.now);
}

static void run_service_mint_rs256(struct bench *b)
{
    service_mint(b, b->own_rs256.now);
}

/* All that the gate does with a token that it remembers. */
static void run_service_identify(struct bench *b)
{
    struct request *req = &b->bearer.req;

    req->principal = NULL;
    must(gate_identify(b->gate.gl, req) == NULL, "gate_identify");
    arena_reset(req->arena);
}

static void find(struct bench *b, const struct grants *g, const struct uuid *principal)
{
    struct standing found;

    grants_find(g, principal, b->scope, &found);
    must(found.actions != 0, "grants_find");
}

static void run_find_few(struct bench *b)
{
    find(b, b->few, &b->holder);
}

static void run_find_spread(struct bench *b)
{
    find(b, b->many_spread, &b->holder);
}

static void run_find_one(struct bench *b)
{
    find(b, b->many_one, &b->rich);
}

static void read_grants(struct bench *b);

static const struct step {
    const char *name;
    void (*run)(struct bench *b);
    void (*prepare)(struct bench *b); /* NULL: nothing but set_up() */
} steps[] = {
    {"mac_sign", run_mac, NULL},
    {"scheme_key_check", run_check, NULL},
    {"url_split", run_url_split, NULL},
    {"route_find", run_route, NULL},
    {"reply_encode", run_reply, NULL},
    {"store_user", run_store_user, NULL},
    {"user_token_cached", run_verify_cached, NULL},
    {"user_token_cold", run_verify_cold, NULL},
    {"evp_pkey_sign_es256", run_evp_es256, NULL},
    {"evp_pkey_sign_rs256", run_evp_rs256, NULL},
    {"jws_compose_es256", run_jws_es256, NULL},
    {"gate_mint_es256", run_mint, NULL},
    {"evp_pkey_verify_es256", run_evp_verify_es256, NULL},
    {"evp_pkey_verify_rs256", run_evp_verify_rs256, NULL},
    {"service_token_cached", run_service_cached, NULL},
    {"service_token_cold_es256", run_service_cold_es256, NULL},
    {"service_token_cold_rs256", run_service_cold_rs256, NULL},
    {"service_identify", run_service_identify, NULL},
    {"service_mint_es256", run_service_mint_es256, NULL},
    {"service_mint_rs256", run_service_mint_rs256, NULL},
    {"grants_find_10", run_find_few, read_grants},
    {"grants_find_100000_spread", run_find_spread, read_grants},
    {"grants_find_100000_of_one", run_find_one, read_grants},
};

/* ---- setting up ---- */

static EVP_PKEY_CTX *context(const struct pkey *key, int (*init)(EVP_PKEY_CTX *ctx))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->key, NULL);

    must(ctx && init(ctx) == 1, "EVP_PKEY_sign_init or EVP_PKEY_verify_init");
    if (pkey_alg(key) == JWS_RS256)
        must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1, "padding");
    must(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1, "digest");
    return ctx;
}

static void set_up_keys(struct bench *b)
{
    b->es256 = pkey_generate(JWS_ES256);
    b->rs256 = pkey_generate(JWS_RS256);
    must(b->es256 && b->rs256, "pkey_generate");
    b->es256_ctx = context(b->es256, EVP_PKEY_sign_init);
    b->rs256_ctx = context(b->rs256, EVP_PKEY_sign_init);
    b->es256_verify = context(b->es256, EVP_PKEY_verify_init);
    b->rs256_verify = context(b->rs256, EVP_PKEY_verify_init);
    b->es256_len = sizeof b->es256_signature;
    b->rs256_len = sizeof b->rs256_signature;
    must(EVP_PKEY_sign(b->es256_ctx, b->es256_signature, &b->es256_len, b->hash, SHA256_LEN) == 1 &&
             EVP_PKEY_sign(b->rs256_ctx, b->rs256_signature, &b->rs256_len, b->hash, SHA256_LEN) ==
                 1,
         "EVP_PKEY_sign");
    b->es256_signer = signer_new(b->es256);
    b->rs256_signer = signer_new(b->rs256);
}

static void set_up_requests(struct bench *b)
{
    const struct directory *d = gate_directory(b->gate.gl);
    struct recipe whoami = {.method = "GET", .target = "/admin/whoami"};
    struct recipe user = {.method = "GET",
                          .target = "/identities/8:acs:00000000-0000-0000-0000-000000000001_"
                                    "00000000-0000-0000-0000-000000000002"
                                    "?api-version=2025-03-02-preview"};
    struct str scheme;

    request_fake_init(&b->whoami, &tls_door);
    request_fake_init(&b->get_user, &tls_door);
    fixture_request(&b->whoami, &whoami, &admin_routes[0]);
    fixture_request(&b->get_user, &user, NULL);
    must(str_cut(headers_get(&b->whoami.req.headers, HEADER_AUTHORIZATION), ' ', &scheme,
                 &b->credential),
         "the credential");
    b->check = (struct key_check){
        .resource = d->default_resource,
        .known = true,
        .directory = d,
        .skew_ms = 300000,
        .memo = &b->memo,
        .wall = NOW,
    };
    b->whoami.req.reply = (struct reply){
        .status = 200,
        .content_type = STR("application/json; charset=utf-8"),
        .body = STR("{\"kind\":\"accessKey\",\"resource\":\"default\",\"principal\":"
                    "\"default/primary\",\"scopes\":[]}"),
        .processed = true,
    };
}

static void put_meta(struct bench *b, struct str name, struct str value)
{
    fixture_commit(&b->gate, (struct change){.kind = CHANGE_META_PUT,
                                             .u.meta = {.name = name, .value = value}});
}

/* A key of our issuer from a second of its own on, and tokens that it signs. */
static void set_up_own(struct bench *b, struct own_alg *own, enum jws_alg alg, unix_ms now)
{
    struct signing_key_row row;

    own->now = now;
    must(signing_key_make(b->gate.master, alg, STR("issuer"), now, now, &b->arena, &row) == RC_OK,
         "signing_key_make");
    fixture_commit(&b->gate, (struct change){.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key = row});
    arena_reset(&b->arena);
    for (size_t i = 0; i < COLD_TOKENS; i++) {
        service_mint(b, now);
        own->tokens[i] = strndup(b->out.ptr, b->out.len);
        must(own->tokens[i] != NULL, "strndup");
    }
}

static void set_up_bearer(struct bench *b)
{
    static char line[4 * KIB];
    struct recipe r = {.method = "GET", .target = "/admin/whoami", .authorization = line};

    must(snprintf(line, sizeof line, "Bearer %s", b->own_rs256.tokens[0]) < (int)sizeof line,
         "the credential");
    request_fake_init(&b->bearer, &tls_door);
    fixture_request(&b->bearer, &r, &admin_routes[0]);
    b->bearer.req.now = b->own_rs256.now;
    b->bearer.req.resource = gate_directory(b->gate.gl)->default_resource;
}

static void set_up_service(struct bench *b)
{
    put_meta(b, META_TENANT, STR(TENANT));
    put_meta(b, META_SUBSCRIPTION, STR(SUB));
    must(fill_application(b->gate.store, STR("app"), STR("{}"), &b->application) == RC_OK,
         "adding an application");
    must(fill_root_role(b->gate.store, &b->application.object_id,
                        STR("Callgate Data Contributor")) == RC_OK,
         "giving it a role");
    set_up_own(b, &b->own_es256, JWS_ES256, NOW);
    set_up_own(b, &b->own_rs256, JWS_RS256, NOW + 1000);
    b->cold_service = tokens_new(1);
    b->scope = gate_directory(b->gate.gl)->default_resource->scope;
    set_up_bearer(b);
}

static struct grants *grants_of(struct store *store)
{
    struct store_reader *reader = store_reader_new(store);
    struct grants *g = grants_new();

    must(reader && grants_load(g, reader) == RC_OK, "grants_load");
    store_reader_free(reader);
    return g;
}

/* From a store of their own, whose commits the gate does not follow. */
static void read_grants(struct bench *b)
{
    struct application_row holder;
    struct store *store;
    struct buf why;

    if (b->few)
        return;
    buf_init(&why, KIB);
    struct store_options options = {.path = arena_printf(&b->arena, "%s/roles", b->gate.dir)};
    must(store_open(&options, &store, &why) == RC_OK, "store_open");
    must(fill_application(store, STR("holder"), STR("{}"), &holder) == RC_OK &&
             fill_root_role(store, &holder.object_id, STR("Callgate Reader")) == RC_OK &&
             fill_roles(store, FILL_ONE, &holder.object_id, FEW_ROLES - 1) == RC_OK,
         "the few role assignments");
    b->holder = holder.object_id;
    b->few = grants_of(store);
    must(fill_roles(store, FILL_SPREAD, &b->holder, MANY_ROLES) == RC_OK, "the spread ones");
    b->many_spread = grants_of(store);
    must(fill_application(store, STR("rich"), STR("{}"), &holder) == RC_OK &&
             fill_root_role(store, &holder.object_id, STR("Callgate Reader")) == RC_OK &&
             fill_roles(store, FILL_ONE, &holder.object_id, MANY_ROLES) == RC_OK,
         "those of one");
    b->rich = holder.object_id;
    b->many_one = grants_of(store);
    store_close(store);
    buf_clear(&why);
    arena_reset(&b->arena);
}

static void set_up(struct bench *b)
{
    const struct route *tables[] = {identity_routes, admin_routes, meta_routes};
    struct buf why;

    fixture_init(&b->gate, NULL);
    buf_init(&why, KIB);
    buf_init(&b->out, 64 * KIB);
    arena_init(&b->arena);
    b->router = router_new(tables, ARRAY_LEN(tables), &why);
    must(b->router != NULL, "router_new");
    set_up_requests(b);
    set_up_keys(b);
    fixture_commit(&b->gate, (struct change){.kind = CHANGE_USER_ADD,
                                             .u.user = {.key = {.resource = b->gate.resource,
                                                                .user = b->gate.other},
                                                        .created = NOW}});
    set_up_service(b);
    b->warm = tokens_new(8192);
    b->cold = tokens_new(1);
    for (size_t i = 0; i < COLD_TOKENS; i++)
        b->tokens[i] = fixture_mint(
            &b->gate,
            &(struct mint){.resource = gate_directory(b->gate.gl)->default_resource,
                           .user = {.resource = b->gate.resource, .user = uuid_ordered(NOW)}});
}

/* ---- measuring ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static uint64_t calls_per_round(struct bench *b, const struct step *s)
{
    uint64_t n = 1;

    for (;;) {
        int64_t start = now_ns();
        for (uint64_t i = 0; i < n; i++)
            s->run(b);
        int64_t took = now_ns() - start;
        if (took > ROUND_NS / 4)
            return n * ROUND_NS / (uint64_t)took + 1;
        n *= 2;
    }
}

static void measure(struct bench *b, const struct step *s)
{
    uint64_t n = calls_per_round(b, s);
    double ns[ROUNDS];

    for (size_t round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns();
        for (uint64_t i = 0; i < n; i++)
            s->run(b);
        ns[round] = (double)(now_ns() - start) / (double)n;
    }
    qsort(ns, ROUNDS, sizeof *ns, by_value);
    printf("\"%s\":{\"best_ns\":%.1f,\"median_ns\":%.1f,\"worst_ns\":%.1f}", s->name, ns[0],
           ns[ROUNDS / 2], ns[ROUNDS - 1]);
}

static bool is_wanted(const struct step *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (str_eq(str_from(argv[i]), str_from(s->name)))
            return true;
    return argc < 2;
}

/* Without arguments all steps, else the named ones. */
int main(int argc, char **argv)
{
    const char *separator = "";
    struct bench *b = calloc(1, sizeof *b);

    must(b != NULL, "calloc");
    set_up(b);
    printf("{");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (!is_wanted(&steps[i], argc, argv))
            continue;
        if (steps[i].prepare)
            steps[i].prepare(b);
        printf("%s", separator);
        measure(b, &steps[i]);
        separator = ",\n";
    }
    printf("}\n");
    fixture_clear(&b->gate); /* what is in memory only goes with the process */
    return 0;
}
