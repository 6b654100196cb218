/* By which names the tenant, the issuer and the token endpoint go. */
#include "services/issuer/issuer_private.h"

#include "http/outbound.h"

bool issuer_tenant(struct request *req, struct str t)
{
    static const struct str names[] = {STR_INIT("adfs"), STR_INIT("common"),
                                       STR_INIT("organizations")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (name_eq_nocase(t, names[i]))
            return true;
    }
    return name_eq_nocase(t, gate_directory(req->site->gate)->tenant_text) ||
           name_eq_nocase(t, req->site->options->domain);
}

struct str issuer_name(struct request *req, bool version_1)
{
    return arena_printf(req->arena, STR_FMT "/" STR_FMT "%s", STR_ARG(request_origin(req)),
                        STR_ARG(gate_directory(req->site->gate)->tenant_text),
                        version_1 ? "/" : "/v2.0");
}

/* By the request's own scheme and port under any name of ours, or as the operator said we are
 * called. */
static bool is_origin(struct request *req, const struct outbound_url *url)
{
    const struct directory *d = gate_directory(req->site->gate);
    const struct str others[] = {request_origin(req), d->public_url, service_token_origin(req)};
    struct outbound_url own;

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (outbound_url_parse(others[i], &own) || url->tls != own.tls || url->port != own.port)
            continue;
        if (name_eq_nocase(url->host, own.host))
            return true;
        if (i == 0 && directory_knows_host(d, arena_lower(req->arena, url->host)))
            return true;
    }
    return false;
}

bool issuer_is_endpoint(void *ctx, struct str aud)
{
    static const struct str paths[] = {STR_INIT("oauth2/v2.0/token"), STR_INIT("oauth2/token"),
                                       STR_INIT("v2.0"), STR_INIT("")};
    struct request *req = ctx;
    struct outbound_url url;
    struct str tenant, path;

    if (outbound_url_parse(aud, &url) || !is_origin(req, &url) || !url.target.len ||
        url.target.ptr[0] != '/')
        return false;
    if (!str_cut(str_from_index(url.target, 1), '/', &tenant, &path) || !issuer_tenant(req, tenant))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (name_eq_nocase(path, paths[i]))
            return true;
    }
    return false;
}
