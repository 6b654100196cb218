/* Who is behind a bearer token that is a JWT: time, revocation, resource and roles are looked at on
 * every request, whether the signature was checked now or earlier (tokens.c). A token whose
 * issuer's keys are being fetched makes the request wait. Source: wire/authentication §3, §4;
 * wire/managed-identity §3.2, §3.3, §4.3. */
#include "crypto/base64.h"
#include "gate/gate_private.h"
#include "gate/token_says.h"
#include "gate/user_standing.h"

#define WAITS_MAX 3

const struct api_error GATE_LATER = {.status = 503};

/* ---- user access tokens ---- */

static const char *out_of_time(const struct user_claims *c, unix_ms now)
{
    if (now >= c->standing.exp * 1000)
        return "user token; it has expired";
    if (c->standing.iat * 1000 > now)
        return "user token; it was issued in the future (iat)";
    if (c->nbf * 1000 > now)
        return "user token; it is not valid yet (nbf)";
    return NULL;
}

/* After the signature: time, revocation, key, resource. `out_rc` is set when the store failed. */
static const char *check_claims(struct gate_loop *gl, struct request *req,
                                const struct user_claims *c, enum rc *out_rc)
{
    const struct resource *r = directory_by_id(directory_now(gl), &c->user.resource);
    const char *why = out_of_time(c, req->now);

    if (!why)
        why = user_token_dead(gl, &c->user, &c->standing, out_rc);
    if (why)
        return why;
    return r == req->resource ? NULL : "user token; it belongs to another resource than the host";
}

/* ---- service tokens ---- */

/* Where our issuer is: what a stranger writes into Host is not repeated. Empty: not said. */
static struct str issuer_origin(struct gate_loop *gl, struct request *req)
{
    const struct directory *d = directory_now(gl);
    struct str origin = request_origin(req);
    struct str iss =
        arena_printf(req->arena, STR_FMT "/" STR_FMT "/", STR_ARG(origin), STR_ARG(d->tenant_text));

    return issuer_is_own(d, iss) ? origin : without_slash(d->public_url);
}

/* Of an API that our own issuer's clients know how to answer to. */
static const struct api_error *challenge(struct gate_loop *gl, struct request *req,
                                         const struct service_claims *c, unix_ms not_before)
{
    struct str origin = issuer_origin(gl, req);
    struct str header = STR("Bearer realm=\"\", error=\"invalid_token\"");

    if (origin.len && c && c->challengeable && not_before) {
        struct str json = arena_printf(
            req->arena, "{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"%lld\"}}}",
            (long long)(not_before / 1000));
        char *text = arena_alloc(req->arena, BASE64_LEN(json.len) + 1);
        size_t len = base64_encode(json.ptr, json.len, text);

        header = arena_printf(req->arena,
                              "Bearer realm=\"\", authorization_uri=\"" STR_FMT
                              "/common/oauth2/authorize\", error=\"insufficient_claims\", "
                              "claims=\"%.*s\"",
                              STR_ARG(origin), (int)len, text);
    } else if (origin.len && req->route->accept & ACCEPT_ARM) {
        header = arena_printf(req->arena,
                              "Bearer authorization_uri=\"" STR_FMT "/" STR_FMT
                              "\", error=\"invalid_token\", error_description=\"The access token "
                              "is missing, invalid, expired, or not for this service.\"",
                              STR_ARG(origin), STR_ARG(directory_now(gl)->tenant_text));
    }
    reply_header(req, STR("WWW-Authenticate"), header);
    return identify_unauthorized(req);
}

const struct api_error *identify_challenge(struct gate_loop *gl, struct request *req)
{
    return challenge(gl, req, NULL, 0);
}

static const char *service_out_of_time(const struct service_claims *c, unix_ms now)
{
    int64_t skew = c->own ? 0 : FOREIGN_SKEW_MS;
    /* ours: by the second, as iat says it; in the millisecond after a revocation it is issued too
     */
    unix_ms issued = c->own && c->iat ? (c->iat - 1) / 1000 * 1000 : c->iat;

    if (now >= c->exp + skew)
        return "service token; it has expired (exp)";
    if (issued > now + skew)
        return "service token; it was issued in the future (iat)";
    if (c->nbf > now + skew)
        return "service token; it is not valid yet (nbf)";
    return NULL;
}

static struct kept_standing *standing_slot(struct gate_loop *gl, const struct uuid *principal)
{
    uint64_t hash;

    if (!gl->standings)
        gl->standings = calloc(STANDINGS, sizeof *gl->standings);
    if (!gl->standings)
        abort();
    memcpy(&hash, principal->octets + sizeof *principal - sizeof hash, sizeof hash);
    return &gl->standings[hash & (STANDINGS - 1)];
}

/* On a resource of the present directory: asked again only when something has changed. */
static const struct standing *standing_on(struct gate_loop *gl, const struct uuid *principal,
                                          const struct resource *r)
{
    struct kept_standing *k = standing_slot(gl, principal);
    uint64_t version = grants_version(gl->gate->grants);

    if (k->version == version && k->directory == directory_now(gl)->serial &&
        uuid_eq(&k->principal, principal) && uuid_eq(&k->resource, &r->id))
        return &k->standing;
    *k = (struct kept_standing){.principal = *principal,
                                .resource = r->id,
                                .version = version,
                                .directory = directory_now(gl)->serial};
    grants_find(gl->gate->grants, principal, r->scope, &k->standing);
    return &k->standing;
}

void gate_standing(struct gate_loop *gl, const struct uuid *principal, struct str scope,
                   struct standing *out)
{
    grants_find(gl->gate->grants, principal, scope, out);
}

void gate_write_roles(struct gate_loop *gl, struct request *req, const struct principal *p,
                      struct json_writer *w)
{
    struct standing found;
    const struct standing *s = &found;

    if (p->resource)
        s = standing_on(gl, &p->object_id, p->resource);
    else
        grants_find(gl->gate->grants, &p->object_id, arm_scope(req), &found);
    json_array_begin(w);
    for (size_t i = 0; i < s->roles_count; i++)
        json_str(w, grants_role_name(gl->gate->grants, &s->roles[i], req->arena));
    json_array_end(w);
}

/* What was issued in the millisecond of the revocation is dead too; without an iat it is old. */
static bool service_token_revoked(const struct service_claims *c, const struct standing *s)
{
    return s->revoked_before && c->iat <= s->revoked_before;
}

/* The principal behind a verified token: does it live, and were its tokens revoked? */
static const char *dead_principal(const struct service_claims *c, const struct standing *s)
{
    if (c->own && !s->known)
        return "service token; its application does not exist any more";
    if (!c->own && s->known && s->kind != APPLICATION_FOREIGN)
        return "service token; it is of another issuer, and the principal is one of this server's";
    if (s->disabled)
        return "service token; its application is disabled";
    if (service_token_revoked(c, s))
        return "service token; it was issued before the time from which the application's tokens "
               "are valid";
    return NULL;
}

static const char *wrong_audience(const struct request *req, const struct service_claims *c)
{
    unsigned wanted = c->audience == AUDIENCE_ARM ? ACCEPT_ARM : ACCEPT_ENTRA;

    if (req->route->accept & wanted)
        return NULL;
    return c->audience == AUDIENCE_ARM
               ? "service token; it is for the management API (aud), which this route is not part "
                 "of"
               : "service token; it is for the data plane (aud), which this route is not part of";
}

/* What is looked at on every request, in the order of the refusals. */
static const char *check_service(struct gate_loop *gl, struct request *req,
                                 const struct service_claims *c, struct standing *out)
{
    const char *why = service_out_of_time(c, req->now);

    if (!why)
        why = wrong_audience(req, c);
    if (why)
        return why;
    if (c->audience == AUDIENCE_ARM)
        grants_find(gl->gate->grants, &c->object_id, arm_scope(req), out);
    else if (req->resource)
        *out = *standing_on(gl, &c->object_id, req->resource);
    else
        return "service token; no resource has this host name";
    return dead_principal(c, out);
}

static const struct api_error *by_service_claims(struct gate_loop *gl, struct request *req,
                                                 const struct service_claims *c)
{
    struct standing s = {0};
    const char *why = check_service(gl, req, c, &s);

    if (why) {
        req->explain = str_from(why);
        return challenge(gl, req, c, service_token_revoked(c, &s) ? s.revoked_before : 0);
    }
    struct principal *p = identify_principal(req, PRINCIPAL_BEARER);
    p->resource = c->audience == AUDIENCE_ARM ? NULL : req->resource;
    p->object_id = c->object_id;
    p->client_id = c->client_id;
    p->audience = c->audience;
    p->actions = s.actions;
    p->expires = c->exp;
    req->principal = p;
    return NULL;
}

/* ---- user access tokens, from wherever they come ---- */

static const struct api_error *by_user_claims(struct gate_loop *gl, struct request *req,
                                              const struct user_claims *c, struct principal *out,
                                              struct str *out_explain)
{
    enum rc rc = RC_OK;
    const char *why = check_claims(gl, req, c, &rc);

    if (why) {
        *out_explain = str_from(why);
        return rc && rc != RC_NOT_FOUND ? &API_UNAVAILABLE : identify_unauthorized(req);
    }
    *out = (struct principal){
        .kind = PRINCIPAL_USER,
        .resource = req->resource,
        .user = c->user,
        .scopes = c->scopes,
        .standing = c->standing,
        .expires = c->standing.exp * 1000,
        .uid = (uint32_t)-1,
    };
    return NULL;
}

struct token_check gate_token_check(struct gate_loop *gl, struct request *req)
{
    const struct issuer_set *issuers = gate_issuers(gl);

    return (struct token_check){
        .d = directory_now(gl),
        .issuers = issuers,
        .issuers_version = gl->issuers.version,
        .verifiers = tokens_verifiers(gl->tokens),
        .work = gl->work,
        .loop = req->loop,
        .now = req->now,
        .arena = req->arena,
    };
}

/* RC_OK, RC_DENIED or RC_BUSY: then gl->later is what to wait for. */
static enum rc verify(struct gate_loop *gl, struct request *req, struct str credential,
                      struct token *out, const char **out_why)
{
    struct token_check check = gate_token_check(gl, req);
    struct denial denial = {0};
    enum rc rc = tokens_verify(gl->tokens, &check, credential, out, &denial);

    *out_why = denial.why;
    if (rc == RC_BUSY) {
        key_source_unref(gl->later);
        gl->later = denial.source;
    }
    return rc;
}

const struct api_error *gate_check_user_token(struct gate_loop *gl, struct request *req,
                                              struct str token, struct principal *out,
                                              struct str *out_explain)
{
    struct token t = {0};
    const char *why = NULL;

    if (verify(gl, req, token, &t, &why)) {
        *out_explain =
            arena_printf(req->arena, "user token; %s", why ? why : "it is no user access token");
        return identify_unauthorized(req);
    }
    if (t.kind != TOKEN_USER) {
        *out_explain = STR("user token; this is a service token, and the route takes user access "
                           "tokens");
        return identify_unauthorized(req);
    }
    return by_user_claims(gl, req, &t.u.user, out, out_explain);
}

/* ---- a token of either kind ---- */

static const struct api_error *refuse_token(struct gate_loop *gl, struct request *req,
                                            struct str explain)
{
    req->explain = explain;
    return req->route->accept & (ACCEPT_ENTRA | ACCEPT_ARM) ? identify_challenge(gl, req)
                                                            : identify_unauthorized(req);
}

/* What a token that was refused is called: what it seems to be, else what the row takes. */
static const char *kind_word(enum token_kind kind, unsigned accept)
{
    bool service = (accept & (ACCEPT_ENTRA | ACCEPT_ARM)) != 0;

    if (kind == TOKEN_NONE && service && accept & ACCEPT_USER)
        return "bearer";
    if (kind == TOKEN_NONE)
        kind = service ? TOKEN_SERVICE : TOKEN_USER;
    return kind == TOKEN_SERVICE ? "service" : "user";
}

/* A token whose signature and form are fine. */
static const struct api_error *by_claims(struct gate_loop *gl, struct request *req,
                                         const struct token *t)
{
    unsigned accept = req->route->accept;

    if (t->kind == TOKEN_SERVICE && accept & (ACCEPT_ENTRA | ACCEPT_ARM))
        return by_service_claims(gl, req, &t->u.service);
    if (t->kind == TOKEN_SERVICE)
        return refuse_token(gl, req, STR("service token; the route takes user access tokens"));
    if (!(accept & ACCEPT_USER))
        return refuse_token(gl, req,
                            STR("user token; the route takes no user access token: use an access "
                                "key or a service principal"));
    struct principal *p = arena_new(req->arena, struct principal);
    const struct api_error *error = by_user_claims(gl, req, &t->u.user, p, &req->explain);
    if (!error)
        req->principal = p;
    return error;
}

/* For whoever may see it: what the token that was refused says of itself. */
static void add_what_it_says(const struct gate_loop *gl, struct request *req, struct str credential)
{
    struct str says;

    if (!gate_explains(gl, req))
        return;
    says = token_says(credential, req->arena);
    if (says.len)
        req->explain = arena_printf(req->arena, STR_FMT "; the token says " STR_FMT,
                                    STR_ARG(req->explain), STR_ARG(says));
}

const struct api_error *identify_token(struct gate_loop *gl, struct request *req,
                                       struct str credential)
{
    const struct api_error *error;
    const char *why = NULL;
    struct token t = {0};
    enum rc rc = verify(gl, req, credential, &t, &why);

    if (rc == RC_BUSY)
        return &GATE_LATER;
    if (rc)
        error = refuse_token(
            gl, req,
            arena_printf(req->arena, "%s token; %s", kind_word(t.kind, req->route->accept), why));
    else
        error = by_claims(gl, req, &t);
    if (error && t.kind != TOKEN_USER)
        add_what_it_says(gl, req, credential);
    return error;
}

/* ---- waiting for keys ---- */

struct later {
    struct key_wait wait;
    unsigned times;
};

bool gate_wait(struct gate_loop *gl, struct request *req, loop_fn resume, void *ctx)
{
    struct later *l = req->later;
    struct key_source *source = gl->later;
    enum rc rc;

    gl->later = NULL;
    if (!l)
        l = req->later = arena_new(req->arena, struct later);
    if (!source || ++l->times > WAITS_MAX) {
        key_source_unref(source);
        return false;
    }
    request_hold(req);
    l->wait = (struct key_wait){.task = {.run = resume, .ctx = ctx}, .loop = req->loop};
    rc = key_source_wait(source, &l->wait);
    key_source_unref(source);
    return rc == RC_OK;
}
