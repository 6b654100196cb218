/* Addresses of resources, for what we print and sign. It does not know listeners: their ports come
 * with the options. */
#include "services/site.h"

#include "services/guesses.h"
#include "services/key_holds.h"
#include "services/limits.h"
#include "services/replays.h"

#define PORT_HTTPS 443
#define PORT_HTTP  80

void site_shared_init(struct site_shared *shared, const struct site_options *options)
{
    *shared = (struct site_shared){0};
    if (options->limits_azure)
        shared->limiter = limiter_new(options->limits_factor);
    if (options->issuer_jti_once)
        shared->assertions = replays_new();
    shared->session_ids = replays_new();
    shared->guesses = guesses_new();
    shared->federated = key_holds_new();
}

void site_shared_clear(struct site_shared *shared)
{
    limiter_free(shared->limiter);
    replays_free(shared->assertions);
    replays_free(shared->session_ids);
    guesses_free(shared->guesses);
    key_holds_free(shared->federated);
    *shared = (struct site_shared){0};
}

/* A resource with a port of its own is always reached through it: not every runtime resolves
 * names below localhost (design D10). */
static struct str host_of(const struct site_options *o, const struct resource *r,
                          struct arena *arena)
{
    bool local = name_eq(o->domain, STR("localhost"));

    if (local && (r->is_default || r->port))
        return o->domain;
    return arena_printf(arena, STR_FMT "." STR_FMT, STR_ARG(r->name), STR_ARG(o->domain));
}

struct str site_resource_endpoint(const struct site_options *o, const struct origin_rules *rules,
                                  const struct resource *resource, struct arena *arena)
{
    bool tls = resource->port || o->https_port || !o->http_port;
    uint16_t port = resource->port ? resource->port : tls ? o->https_port : o->http_port;
    struct str host;

    if (resource->is_default && rules && rules->public_url.len)
        return rules->public_url;
    host = host_of(o, resource, arena);
    if (!port || port == (tls ? PORT_HTTPS : PORT_HTTP))
        return arena_printf(arena, "%s://" STR_FMT, tls ? "https" : "http", STR_ARG(host));
    return arena_printf(arena, "%s://" STR_FMT ":%u", tls ? "https" : "http", STR_ARG(host),
                        (unsigned)port);
}

struct str site_endpoint(struct request *req, const struct resource *resource)
{
    return site_resource_endpoint(req->site->options, req->origin_rules, resource, req->arena);
}

struct str site_issuer(struct request *req)
{
    const struct resource *r = req->principal ? req->principal->resource : req->resource;

    if (r && req->door && (req->door->admin || req->door->unix_socket))
        return site_endpoint(req, r);
    return request_origin(req);
}
