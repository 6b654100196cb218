/* Nanoseconds for single steps of a request, one after the other on one core: the best and the
 * median of several rounds. What it measures is the rooms' own code, called the way the pipeline
 * calls it. Prints JSON. */
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
    uint8_t hash[SHA256_LEN];
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

static void verify(struct bench *b, struct tokens *cache, const char *token)
{
    struct token_check check = {
        .d = gate_directory(b->gate.gl), .work = b->gate.work, .now = NOW, .arena = &b->arena};
    struct denial denial = {0};
    struct token out;

    must(tokens_verify(cache, &check, str_from(token), &out, &denial) == RC_OK, "tokens_verify");
    arena_reset(&b->arena);
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

static const struct step {
    const char *name;
    void (*run)(struct bench *b);
} steps[] = {
    {"mac_sign", run_mac},
    {"scheme_key_check", run_check},
    {"url_split", run_url_split},
    {"route_find", run_route},
    {"reply_encode", run_reply},
    {"store_user", run_store_user},
    {"user_token_cached", run_verify_cached},
    {"user_token_cold", run_verify_cold},
    {"evp_pkey_sign_es256", run_evp_es256},
    {"evp_pkey_sign_rs256", run_evp_rs256},
    {"jws_compose_es256", run_jws_es256},
    {"gate_mint_es256", run_mint},
};

/* ---- setting up ---- */

static EVP_PKEY_CTX *sign_context(const struct pkey *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->key, NULL);

    must(ctx && EVP_PKEY_sign_init(ctx) == 1, "EVP_PKEY_sign_init");
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
    b->es256_ctx = sign_context(b->es256);
    b->rs256_ctx = sign_context(b->rs256);
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
        printf("%s", separator);
        measure(b, &steps[i]);
        separator = ",\n";
    }
    printf("}\n");
    fixture_clear(&b->gate); /* what is in memory only goes with the process */
    return 0;
}
