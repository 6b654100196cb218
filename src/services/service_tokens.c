/* Audiences by the table of wire/managed-identity §1.6, and tokens with the settings of the
 * issuer. Who may have one was decided by the caller. */
#include "services/service_tokens.h"

#include "gate/scheme_entra.h"

#define DEFAULT_SCOPE  STR("/.default")
#define TOKEN_MAX      (8 * KIB)
#define AHEAD_MAX_MS   ((int64_t)1000) /* clocks of two threads, read one after the other */
#define AUDIENCE_MAX   ((size_t)512)
#define FEDERATED_NAME STR("api://AzureADTokenExchange")

static bool is_origin_of_ours(struct request *req, struct str text)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str iss = arena_printf(req->arena, STR_FMT "/" STR_FMT "/v2.0", STR_ARG(text),
                                  STR_ARG(d->tenant_text));

    return issuer_is_own(d, iss);
}

static bool is_user_scope(struct str text)
{
    return str_starts(text, STR("https://communication.azure.com/clients/")) ||
           str_starts(text, STR("https://auth.msft.communication.azure.com"));
}

static bool is_known(struct request *req, struct str audience)
{
    return token_audience_of(audience) != AUDIENCE_NONE || name_eq(audience, FEDERATED_NAME) ||
           is_origin_of_ours(req, without_slash(audience));
}

enum audience_problem audience_of_resource(struct request *req, struct str resource,
                                           struct str *out)
{
    if (!resource.len)
        return AUDIENCE_MISSING;
    if (resource.len > AUDIENCE_MAX)
        return AUDIENCE_MALFORMED;
    if (is_user_scope(resource))
        return AUDIENCE_USER_SCOPE;
    if (!is_known(req, resource))
        return AUDIENCE_UNKNOWN;
    *out = resource;
    return AUDIENCE_FINE;
}

/* Java and Go add these to every request, in any order. */
static bool is_openid_scope(struct str word)
{
    static const struct str names[] = {STR_INIT("openid"), STR_INIT("profile"),
                                       STR_INIT("offline_access"), STR_INIT("email")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (name_eq(word, names[i]))
            return true;
    }
    return false;
}

enum audience_problem audience_of_scope(struct request *req, struct str scope, struct str *out)
{
    struct str word, rest = scope, found = STR_EMPTY;
    bool more = scope.len > 0;

    while (more) {
        more = str_cut(rest, ' ', &word, &rest);
        if (!word.len || is_openid_scope(word))
            continue;
        if (found.len)
            return AUDIENCE_MALFORMED;
        found = word;
    }
    if (!found.len)
        return scope.len ? AUDIENCE_MALFORMED : AUDIENCE_MISSING;
    if (is_user_scope(found))
        return AUDIENCE_USER_SCOPE;
    if (!str_ends(found, DEFAULT_SCOPE))
        return AUDIENCE_MALFORMED;
    return audience_of_resource(req, str_head(found, found.len - DEFAULT_SCOPE.len), out);
}

struct str service_token_origin(struct request *req)
{
    const struct resource *r = gate_directory(req->site->gate)->default_resource;

    return r ? site_endpoint(req, r) : request_origin(req);
}

/* In the spelling that Azure shows: of the row's document, else as kept. */
static struct str managed_identity_of(const struct application_row *app)
{
    return app->kind == APPLICATION_MANAGED ? app->arm_id : STR_EMPTY;
}

enum rc service_token_issue(struct request *req, const struct service_ask *ask,
                            struct service_token *out)
{
    const struct application_row *app = ask->application;
    const struct site_options *options = req->site->options;
    struct service_mint m = {
        .application = app,
        .audience = ask->audience,
        .origin = ask->origin.len ? ask->origin : request_origin(req),
        .version_1 = options->issuer_version_1,
        .by_secret = ask->by_secret,
        .client_capabilities = ask->client_capabilities,
        .managed_identity = managed_identity_of(app),
        .now = req->now,
        .seconds = options->issuer_token_s,
    };
    struct service_minted minted;
    struct buf text;
    enum rc rc;

    /* dated ahead, it would outlive the next revocation */
    if (ask->not_before > req->now || app->revoked_before > req->now + AHEAD_MAX_MS)
        return RC_DENIED;
    buf_init(&text, TOKEN_MAX);
    rc = gate_mint_service(req->site->gate, &m, &text, &minted);
    if (!rc)
        *out = (struct service_token){
            .text = arena_dup(req->arena, buf_str(&text)),
            .issued_s = minted.issued / 1000,
            .expires_s = minted.expires / 1000,
            .lifetime_s = (minted.expires - req->now) / 1000,
            .uti = arena_dup(req->arena, str_of(minted.uti, sizeof minted.uti)),
        };
    buf_wipe(&text);
    return rc;
}
