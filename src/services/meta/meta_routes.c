/* Health and metrics for operators, discovery and keys for back ends that check user tokens.
 * Metric names follow Prometheus' rules; what only the application knows it appends itself. */
#include "services/meta/meta.h"

#include "services/answer.h"
#include "services/site.h"

#define METRICS_MAX (4 * MIB)
#define KEYS_MAX    (256 * KIB)
#define PURPOSE     STR("user")
#define JWKS_PATH   "/.well-known/jwks.json"

static const struct service meta_service = {
    .name = STR_INIT("meta"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .challenge = STR_INIT("Bearer"),
};
static const struct api ANY = {&meta_service, 0, 0};

#define BODY KIB

/* clang-format off */
const struct route meta_routes[] = {
    {GET, "/health/live",                     &ANY, ACCEPT_NOBODY, NEED_NOTHING, BODY, meta_live,      PLANE_WIRE, KIND_REPLY},
    {GET, "/health/ready",                    &ANY, ACCEPT_NOBODY, NEED_NOTHING, BODY, meta_ready,     PLANE_WIRE, KIND_REPLY},
    {GET, "/.well-known/openid-configuration", &ANY, ACCEPT_NOBODY, NEED_NOTHING, BODY, meta_discovery, PLANE_WIRE, KIND_REPLY},
    {GET, JWKS_PATH,                          &ANY, ACCEPT_NOBODY, NEED_NOTHING, BODY, meta_jwks,      PLANE_WIRE, KIND_REPLY},
    {0},
};
const struct route metrics_public_routes[] = {
    {GET, "/metrics", &ANY, ACCEPT_NOBODY, NEED_NOTHING,       BODY, meta_metrics, PLANE_ADMIN, KIND_REPLY},
    {0},
};
const struct route metrics_admin_routes[] = {
    {GET, "/metrics", &ANY, ACCEPT_ADMIN,  NEED_ADMINISTRATOR, BODY, meta_metrics, PLANE_ADMIN, KIND_REPLY},
    {0},
};
/* clang-format on */

void meta_live(struct request *req)
{
    reply_json(req, 200, STR("{\"status\":\"live\"}"));
}

void meta_ready(struct request *req)
{
    const struct site_hooks *hooks = req->site->hooks;
    const char *why = "not ready";
    struct json_writer w;
    struct buf out;

    if (hooks->ready(hooks->ctx, &why)) {
        reply_json(req, 200, STR("{\"status\":\"ready\"}"));
        return;
    }
    out = answer_buf(req, 512);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "status", STR("unavailable"));
    json_member_str(&w, "reason", str_head(str_from(why), 64));
    json_object_end(&w);
    answer_json(req, 503, &out);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
    buf_add_u64(out, value);
    buf_add_char(out, '\n');
}

void meta_metrics(struct request *req)
{
    const struct site_hooks *hooks = req->site->hooks;
    const struct site_shared *shared = req->site->shared;
    struct buf out;

    buf_init(&out, METRICS_MAX);
    metric(&out, "callgate_users_created_total", "counter", "Users made since start.",
           atomic_load(&shared->users_created));
    metric(&out, "callgate_tokens_issued_total", "counter", "User tokens issued since start.",
           atomic_load(&shared->tokens_issued));
    hooks->write_metrics(hooks->ctx, &out);
    answer_text_moved(req, STR("text/plain; version=0.0.4; charset=utf-8"), &out);
}

static void list_of(struct json_writer *w, const char *name, const char *const *items, size_t n)
{
    json_name(w, name);
    json_array_begin(w);
    for (size_t i = 0; i < n; i++)
        json_str(w, str_from(items[i]));
    json_array_end(w);
}

void meta_discovery(struct request *req)
{
    static const char *const algs[] = {"ES256", "RS256"};
    static const char *const subjects[] = {"public"};
    static const char *const responses[] = {"none"};
    static const char *const claims[] = {"skypeid", "scp",      "csi",        "exp",
                                         "rgn",     "acsScope", "resourceId", "resourceLocation",
                                         "iat",     "jti",      "iss"};
    struct str origin = request_origin(req);
    struct json_writer w;
    struct buf out;

    out = answer_buf(req, KIB + 12 * origin.len);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "issuer", origin);
    json_member_str(&w, "jwks_uri", arena_printf(req->arena, STR_FMT JWKS_PATH, STR_ARG(origin)));
    list_of(&w, "response_types_supported", responses, ARRAY_LEN(responses));
    list_of(&w, "subject_types_supported", subjects, ARRAY_LEN(subjects));
    list_of(&w, "id_token_signing_alg_values_supported", algs, ARRAY_LEN(algs));
    list_of(&w, "claims_supported", claims, ARRAY_LEN(claims));
    json_object_end(&w);
    answer_json(req, 200, &out);
}

void meta_jwks(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct json_writer w;
    struct buf out;

    buf_init(&out, KEYS_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "keys");
    json_array_begin(&w);
    for (size_t i = 0; i < d->signing_keys_count; i++) {
        const struct signing_key *k = &d->signing_keys[i];

        if (directory_verifier(d, PURPOSE, k->kid, req->now) == k)
            pkey_write_jwk(k->key, k->kid, &w);
    }
    json_array_end(&w);
    json_object_end(&w);
    answer_json_moved(req, 200, &out);
}
