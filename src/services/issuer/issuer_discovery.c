/* What others read to find and check our tokens: documents made for the origin that was asked, so
 * that `issuer` and the addresses are on the host that the client has in its settings.
 * Source: wire/managed-identity §1.1 to §1.4. */
#include "services/issuer/issuer_private.h"

#include "http/outbound.h"
#include "services/body.h"

#define PURPOSE   STR("issuer")
#define ROOM      (8 * KIB)
#define KEYS_MAX  (512 * KIB)
#define TRUST_REL STR("http://schemas.microsoft.com/rel/trusted-realm")

/* {t}; false: it is no tenant of ours, and has been refused. */
static bool tenant_of(struct request *req, struct str *out)
{
    *out = req->params[0];
    if (issuer_tenant(req, *out))
        return true;
    issuer_refuse(req, &(struct issuer_refusal){
                           .error = &AADSTS_UNKNOWN_TENANT,
                           .named = arena_printf(req->arena, "Asked for: '" STR_FMT "'.",
                                                 STR_ARG(body_excerpt(*out))),
                       });
    return false;
}

static void list_of(struct json_writer *w, const char *name, const struct str *items, size_t n)
{
    json_name(w, name);
    json_array_begin(w);
    for (size_t i = 0; i < n; i++)
        json_str(w, items[i]);
    json_array_end(w);
}

/* "localhost:8443" of an origin. */
static struct str authority_of(struct str origin)
{
    size_t scheme = str_find_str(origin, STR("://"));

    return str_from_index(origin, scheme + 3);
}

/* ---- OpenID configuration ---- */

static void member_address(struct json_writer *w, struct request *req, const char *name,
                           const char *path)
{
    json_member_str(w, name,
                    arena_printf(req->arena, STR_FMT "/" STR_FMT "/%s",
                                 STR_ARG(request_origin(req)),
                                 STR_ARG(arena_lower(req->arena, req->params[0])), path));
}

static void write_lists(struct json_writer *w, struct request *req)
{
    static const struct str methods[] = {STR_INIT("client_secret_post"),
                                         STR_INIT("private_key_jwt"),
                                         STR_INIT("client_secret_basic")};
    static const struct str modes[] = {STR_INIT("query")}, subjects[] = {STR_INIT("pairwise")};
    static const struct str responses[] = {STR_INIT("code")}, scopes[] = {STR_INIT("openid")};
    struct str alg = jws_alg_name(req->site->options->issuer_alg);

    list_of(w, "token_endpoint_auth_methods_supported", methods, ARRAY_LEN(methods));
    list_of(w, "response_modes_supported", modes, ARRAY_LEN(modes));
    list_of(w, "subject_types_supported", subjects, ARRAY_LEN(subjects));
    list_of(w, "id_token_signing_alg_values_supported", &alg, 1);
    list_of(w, "response_types_supported", responses, ARRAY_LEN(responses));
    list_of(w, "scopes_supported", scopes, ARRAY_LEN(scopes));
}

static void answer_configuration(struct request *req, bool version_1)
{
    static const struct str claims[] = {STR_INIT("sub"), STR_INIT("iss"), STR_INIT("aud"),
                                        STR_INIT("exp"), STR_INIT("iat"), STR_INIT("oid"),
                                        STR_INIT("tid")};
    struct buf out = answer_buf(req, ROOM);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    member_address(&w, req, "token_endpoint", version_1 ? "oauth2/token" : "oauth2/v2.0/token");
    member_address(&w, req, "jwks_uri", version_1 ? "discovery/keys" : "discovery/v2.0/keys");
    write_lists(&w, req);
    json_member_str(&w, "issuer", issuer_name(req, version_1));
    member_address(&w, req, "authorization_endpoint",
                   version_1 ? "oauth2/authorize" : "oauth2/v2.0/authorize");
    list_of(&w, "claims_supported", claims, ARRAY_LEN(claims));
    json_name(&w, "tenant_region_scope");
    json_null_value(&w);
    json_member_str(&w, "cloud_instance_name", authority_of(request_origin(req)));
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("max-age=86400, private"));
    answer_json(req, 200, &out);
}

void issuer_discovery(struct request *req)
{
    struct str tenant;

    if (tenant_of(req, &tenant))
        answer_configuration(req, false);
}

/* Clients that are told the tenant `adfs` look here and mean the present protocol. */
void issuer_discovery_v1(struct request *req)
{
    struct str tenant;

    if (tenant_of(req, &tenant))
        answer_configuration(req, !name_eq_nocase(tenant, STR("adfs")));
}

/* ---- keys ---- */

void issuer_keys(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str tenant, issuer = issuer_name(req, false);
    struct json_writer w;
    struct buf out;

    if (!tenant_of(req, &tenant))
        return;
    buf_init(&out, KEYS_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "keys");
    json_array_begin(&w);
    for (size_t i = 0; i < d->signing_keys_count; i++) {
        const struct signing_key *k = &d->signing_keys[i];

        if (directory_verifier(d, PURPOSE, k->kid, req->now) == k)
            signing_key_write(k, issuer, &w);
    }
    json_array_end(&w);
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("max-age=3600"));
    answer_json_moved(req, 200, &out);
}

/* ---- instance discovery ---- */

static bool is_host_of_ours(struct request *req, struct str host)
{
    return directory_knows_host(gate_directory(req->site->gate), arena_lower(req->arena, host));
}

static void answer_instance(struct request *req, struct str authority, struct str tenant)
{
    struct buf out = answer_buf(req, ROOM);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "tenant_discovery_endpoint",
                    arena_printf(req->arena,
                                 STR_FMT "/" STR_FMT "/v2.0/.well-known/openid-configuration",
                                 STR_ARG(request_origin(req)), STR_ARG(tenant)));
    json_member_str(&w, "api-version", STR("1.1"));
    json_name(&w, "metadata");
    json_array_begin(&w);
    json_object_begin(&w);
    json_member_str(&w, "preferred_network", authority);
    json_member_str(&w, "preferred_cache", authority);
    list_of(&w, "aliases", &authority, 1);
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
    answer_json(req, 200, &out);
}

void issuer_instance(struct request *req)
{
    struct str endpoint = request_query(req, "authorization_endpoint"), tenant, rest;
    struct outbound_url url;

    if (!tenant_of(req, &tenant))
        return;
    if (!endpoint.ptr) {
        issuer_refuse(req, &(struct issuer_refusal){.error = &AADSTS_FIELD_MISSING,
                                                    .named = STR("It needs "
                                                                 "'authorization_endpoint'.")});
        return;
    }
    if (endpoint.len > KIB || outbound_url_parse(endpoint, &url) || !url.tls ||
        !is_host_of_ours(req, url.host)) {
        issuer_refuse_plain(req, &AADSTS_UNKNOWN_INSTANCE);
        return;
    }
    (void)str_cut(str_from_index(url.target, 1), '/', &tenant, &rest); /* without: all of it */
    if (!issuer_tenant(req, tenant)) {
        issuer_refuse_plain(req, &AADSTS_UNKNOWN_TENANT);
        return;
    }
    answer_instance(req, authority_of(url.origin), tenant);
}

/* ---- what .NET and browsers look at ---- */

void issuer_webfinger(struct request *req)
{
    struct str rel = request_query(req, "rel"), resource = request_query(req, "resource"), tenant;
    struct buf out = answer_buf(req, ROOM);
    struct outbound_url url;
    struct json_writer w;

    if (!tenant_of(req, &tenant))
        return;
    if (!name_eq(rel, TRUST_REL) || resource.len > KIB || outbound_url_parse(resource, &url) ||
        !url.tls || !is_host_of_ours(req, url.host)) {
        issuer_refuse_plain(req, &AADSTS_UNKNOWN_INSTANCE);
        return;
    }
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "subject", resource);
    json_name(&w, "links");
    json_array_begin(&w);
    json_object_begin(&w);
    json_member_str(&w, "rel", rel);
    json_member_str(&w, "href", resource);
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
    answer_json(req, 200, &out);
}

void issuer_authorize(struct request *req)
{
    struct str tenant;

    if (tenant_of(req, &tenant))
        reply_text(req, 400, STR("text/plain; charset=utf-8"),
                   STR("unsupported_response_type\nThis issuer signs in programs, not people: "
                       "there is no page here. Programs ask the token endpoint.\n"));
}
