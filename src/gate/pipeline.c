/* The way of every request: route, host, preflight, web-page rule, principal, policy, version,
 * media type, handler; and behind the reply one log line and the figures. The order is the
 * contract's priority of refusals. It knows no socket and no service.
 *
 * A handler may reply before it returns, and then the request is gone: frames on our stack hear of
 * it through pipeline_finished(). Source: design D10, D16, D22, D26; wire/authentication §2.4,
 * §5.1. */
#include "gate/pipeline.h"

#include "base/log.h"
#include "gate/access_line.h"

#define UNKNOWN_BODY_MAX (64 * KIB)
#define NS_PER_US        ((mono_ns)1000)

const uint32_t latency_bucket_us[LATENCY_BUCKETS] = {50,   100,   250,   500,    1000,   2500,
                                                     5000, 10000, 50000, 100000, 500000, 2500000};

/* One call of pipeline_run() that has not returned. */
struct frame {
    struct frame *outer;
    const struct request *req;
    bool finished; /* the request is gone */
};

struct row_slot {
    const struct route *row;
    size_t index;
};

struct pipeline {
    struct pipeline_options options;
    const struct router *router;
    struct gate_loop *gate;
    const struct site *site;
    struct log *log;
    struct frame *innermost;
    struct row_slot *slots; /* row → number, open addressing */
    size_t slots_cap, rows;
    struct route_figures *figures; /* rows + 1 of them */
};

/* ---- rows and their numbers ---- */

static void count_row(void *ctx, const struct route *row)
{
    struct pipeline *p = ctx;

    (void)row;
    p->rows++;
}

static struct row_slot *slot_of(const struct pipeline *p, const struct route *row)
{
    size_t at = ((uintptr_t)row / sizeof *row) & (p->slots_cap - 1);

    while (p->slots[at].row && p->slots[at].row != row)
        at = (at + 1) & (p->slots_cap - 1);
    return &p->slots[at];
}

static void number_row(void *ctx, const struct route *row)
{
    struct pipeline *p = ctx;

    *slot_of(p, row) = (struct row_slot){row, p->rows++};
}

struct pipeline *pipeline_new(const struct pipeline_options *options, const struct router *router,
                              struct gate_loop *gate, const struct site *site, struct log *log)
{
    struct pipeline *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    p->options = *options;
    p->router = router;
    p->gate = gate;
    p->site = site;
    p->log = log;
    router_each(router, count_row, p);
    p->slots_cap = 16;
    while (p->slots_cap < p->rows * 2)
        p->slots_cap *= 2;
    p->slots = calloc(p->slots_cap, sizeof *p->slots);
    p->figures = calloc(p->rows + 1, sizeof *p->figures);
    if (!p->slots || !p->figures)
        abort();
    p->rows = 0;
    router_each(router, number_row, p);
    return p;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    free(p->slots);
    free(p->figures);
    free(p);
}

const struct route_figures *pipeline_figures(const struct pipeline *p, size_t index)
{
    return &p->figures[index < p->rows ? index : p->rows];
}

/* ---- the head ---- */

static void find_route(const struct pipeline *p, struct request *req, struct route_match *out)
{
    struct str version = STR_EMPTY;

    if (req->url.query.ptr)
        version = request_query(req, "api-version");
    route_find(p->router, req->method, &req->url, version, out);
}

size_t pipeline_head(struct pipeline *p, struct request *req)
{
    struct route_match match;

    if (!req->site)
        req->site = p->site;
    req->errors_live = p->options.errors_live;
    request_addresses(req);
    find_route(p, req, &match);
    req->route = match.route;
    if (!match.route)
        return UNKNOWN_BODY_MAX;
    memcpy(req->params, match.params, sizeof req->params);
    req->version = match.version;
    return match.route->body_max ? match.route->body_max : UNKNOWN_BODY_MAX;
}

/* ---- doors ---- */

static bool only_administrator(const struct route *row)
{
    return row->plane == PLANE_ADMIN && !(row->accept & ~ACCEPT_ADMIN);
}

/* Health and discovery of our own; an issuer's pages are of the wire alone. */
static bool is_meta(const struct route *row)
{
    const struct service *service = row->api->service;

    return row->plane == PLANE_WIRE && row->accept == ACCEPT_NOBODY &&
           service->version_count == 0 && service->error_shape == ERROR_SHAPE_ACS;
}

static bool is_identity_door(const struct request *req)
{
    return req->door && req->door->identity;
}

/* Whether the row exists behind this door (design D16). */
static bool shows(const struct pipeline *p, const struct request *req, const struct route *row)
{
    if (is_identity_door(req))
        return row->plane == PLANE_IDENTITY ||
               (is_meta(row) && str_starts(str_from(row->path), STR("/health/")));
    if (row->plane == PLANE_IDENTITY)
        return false;
    if (req->door && req->door->admin)
        return row->plane == PLANE_ADMIN || is_meta(row);
    if (row->plane == PLANE_ADMIN && row->accept == ACCEPT_NOBODY)
        return p->options.development;
    return !only_administrator(row);
}

/* "GET, DELETE" from the bits 1 << method. */
static struct str method_list(struct request *req, unsigned methods)
{
    char *text = arena_alloc(req->arena, 64), *at = text;

    for (int m = GET; m < METHOD_OTHER; m++) {
        struct str name = method_name((enum http_method)m);

        if (!(methods & 1U << m))
            continue;
        if (at != text) {
            /* Text by length. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
            memcpy(at, ", ", 2);
            at += 2;
        }
        memcpy(at, name.ptr, name.len);
        at += name.len;
    }
    return str_of(text, (size_t)(at - text));
}

/* `row` is one of the path's other methods: of the service that the caller meant. */
static void reply_not_allowed(struct request *req, const struct route *row, unsigned methods)
{
    if (row->api->service->error_shape != ERROR_SHAPE_ACS)
        req->route = row;
    reply_header(req, STR("Allow"), method_list(req, methods));
    reply_error(req, &API_METHOD_NOT_ALLOWED);
}

/* ---- browsers ---- */

/* `row`: one of the path's, or NULL. Where there is nothing, a page is to read the 404 of what it
 * asks next. The methods are those of all the wire for the like reason: 405. */
static void reply_preflight(struct request *req, const struct route *row)
{
    struct str asked = headers_get(&req->headers, HEADER_ACCESS_CONTROL_REQUEST_HEADERS);

    req->route = row;
    reply_header(req, STR("Access-Control-Allow-Methods"), STR("GET, POST, PUT, PATCH, DELETE"));
    if (asked.len)
        reply_header(req, STR("Access-Control-Allow-Headers"), asked);
    reply_header(req, STR("Access-Control-Max-Age"), STR("3600"));
    reply_empty(req, 204);
}

/* A path whose rows do not show is none of the wire. */
static bool is_preflight(const struct request *req, const struct route *row,
                         const struct route_match *match)
{
    if (req->method != OPTIONS || match->route || is_identity_door(req))
        return false;
    return row ? row->plane == PLANE_WIRE : !match->any && request_is_wire(req);
}

static bool is_own_origin(struct request *req, struct str origin)
{
    struct str host = headers_get(&req->headers, HEADER_HOST);
    struct str scheme = req->secure ? STR("https://") : STR("http://");

    if (name_eq(origin, request_origin(req)))
        return true;
    return str_starts(origin, scheme) && name_eq_nocase(str_from_index(origin, scheme.len), host);
}

/* Administration and identity endpoints are for programs: a web page of elsewhere is refused, and
 * any page where a token is to be had without a credential. */
static bool is_foreign_page(struct request *req)
{
    const struct headers *h = &req->headers;
    struct str site = headers_get(h, HEADER_SEC_FETCH_SITE);
    bool typed = !h->times[HEADER_SEC_FETCH_SITE] || name_eq(site, STR("none"));

    if (h->times[HEADER_ORIGIN] > 1 || h->times[HEADER_SEC_FETCH_SITE] > 1)
        return true;
    if (is_identity_door(req))
        return h->times[HEADER_ORIGIN] || !typed;
    if (h->times[HEADER_ORIGIN] && !is_own_origin(req, headers_get(h, HEADER_ORIGIN)))
        return true;
    return !typed && !name_eq(site, STR("same-origin"));
}

/* ---- versions and media types ---- */

static bool has_two_versions(struct request *req)
{
    return req->route->api->service->one_version &&
           url_query_repeats(req->url.query, STR("api-version"), req->arena);
}

/* In the words of the management API: one error for all that is not served. */
static void reply_version_invalid(struct request *req, const struct service *service,
                                  struct str version)
{
    struct str text = arena_printf(req->arena,
                                   "The api-version '" STR_FMT
                                   "' is not supported here. Supported are: " STR_FMT ".",
                                   STR_ARG(version), STR_ARG(service->supported));

    reply_error_text(req, service->version_invalid, text, STR_EMPTY);
}

static void reply_version_error(struct request *req)
{
    const struct service *service = req->route->api->service;
    struct str version = request_query(req, "api-version");

    req->reply.processed = true; /* the refusal lists the versions that there are */
    if (!version.ptr) {
        reply_error(req, service->version_missing ? service->version_missing
                                                  : &API_API_VERSION_UNSPECIFIED);
    } else if (service->version_invalid) {
        reply_version_invalid(req, service, version);
    } else if (!version_well_formed(version) || has_two_versions(req)) {
        reply_error(req, &API_INVALID_API_VERSION);
    } else {
        struct str text =
            arena_printf(req->arena,
                         "The HTTP resource that matches the request URI '" STR_FMT STR_FMT
                         "' does not support the API version '" STR_FMT "'.",
                         STR_ARG(request_origin(req)), STR_ARG(req->url.path), STR_ARG(version));
        reply_error_text(req, &API_UNSUPPORTED_API_VERSION, text, STR_EMPTY);
    }
}

static bool is_json(struct str content_type)
{
    struct str type = str_trim(str_head(content_type, str_find(content_type, ';')));
    struct str suffix = STR("+json");

    return name_eq_nocase(type, STR("application/json")) ||
           name_eq_nocase(type, STR("text/json")) ||
           (str_starts_nocase(type, STR("application/")) && type.len > suffix.len &&
            name_eq_nocase(str_from_index(type, type.len - suffix.len), suffix));
}

static bool is_form(struct str content_type)
{
    struct str type = str_trim(str_head(content_type, str_find(content_type, ';')));

    return name_eq_nocase(type, STR("application/x-www-form-urlencoded"));
}

static bool is_unsupported_media(const struct request *req)
{
    struct str type;

    if (!req->body.len || (req->method != POST && req->method != PUT && req->method != PATCH))
        return false;
    type = headers_get(&req->headers, HEADER_CONTENT_TYPE);
    switch (req->route->media) {
    case MEDIA_JSON:
        return !is_json(type);
    case MEDIA_FORM:
        return !is_form(type);
    case MEDIA_ANY:
        return false;
    }
    return true;
}

static void reply_unsupported_media(struct request *req)
{
    if (req->route->media == MEDIA_FORM)
        reply_error_text(req, &API_UNSUPPORTED_MEDIA_TYPE,
                         STR("The body must be a form; say so with Content-Type: "
                             "application/x-www-form-urlencoded."),
                         STR_EMPTY);
    else
        reply_error(req, &API_UNSUPPORTED_MEDIA_TYPE);
}

/* ---- waiting ---- */

struct resumption {
    struct pipeline *pipeline;
    struct request *req;
};

/* The keys of a token's issuer are there, or can't be had: from the beginning, on what holds now.
 */
static void resume(void *ctx)
{
    struct resumption *r = ctx;

    gate_release(r->req);
    r->req->held_snapshot = NULL;
    r->req->explain = STR_EMPTY;
    pipeline_run(r->pipeline, r->req);
}

static void wait_for_keys(struct pipeline *p, struct request *req)
{
    struct resumption *r = arena_new(req->arena, struct resumption);

    *r = (struct resumption){p, req};
    if (gate_wait(p->gate, req, resume, r))
        return;
    req->explain = STR("service token; its issuer's keys can't be had right now");
    reply_header(req, STR("Retry-After"), STR("1"));
    reply_error(req, &API_UNAVAILABLE);
}

/* ---- the way ---- */

/* The management API says who may not do what where: its callers have proved who they are. */
static void reply_refusal(struct request *req, const struct api_error *error)
{
    const struct principal *who = req->principal;
    char client[UUID_TEXT_LEN], object[UUID_TEXT_LEN];

    if (error != &API_AUTHORIZATION_FAILED || !who || who->kind != PRINCIPAL_BEARER) {
        reply_error(req, error);
        return;
    }
    uuid_format(&who->client_id, client);
    uuid_format(&who->object_id, object);
    reply_error_text(
        req, error,
        arena_printf(req->arena,
                     "The client '%.*s' with object id '%.*s' does not have authorization to "
                     "perform action '" STR_FMT "' over scope '" STR_FMT
                     "' or the scope is invalid.",
                     (int)sizeof client, client, (int)sizeof object, object,
                     STR_ARG(action_name(req->route->action)), STR_ARG(arm_scope(req))),
        STR_EMPTY);
}

/* Whether the service says of a version that it does not serve it before it refuses somebody whom
 * it knows. */
static bool says_version_first(const struct request *req, const struct api_error *error)
{
    return req->route->api->service->version_first && error->status == 403;
}

/* Identified, allowed, of a known version, JSON: to the handler. `row` may be one of another
 * version: then all that is left is to say so. */
static void serve(struct pipeline *p, struct request *req, const struct route *row)
{
    bool in_version = req->route == row, bad_version;
    const struct api_error *error;

    req->route = row;
    error = gate_identify(p->gate, req);
    if (error == &GATE_LATER) {
        wait_for_keys(p, req);
        return;
    }
    if (!error)
        error = policy_allows(req->principal, req, gate_options(gate_of(p->gate)));
    bad_version = !in_version || has_two_versions(req);
    if (error && !(bad_version && says_version_first(req, error)))
        reply_refusal(req, error);
    else if (bad_version)
        reply_version_error(req);
    else if (is_unsupported_media(req))
        reply_unsupported_media(req);
    else
        row->run(req);
}

static bool has_method(const struct route_match *match, enum http_method method)
{
    return match->methods & 1U << method || (method == HEAD && match->methods & 1U << GET);
}

/* Names can be pointed at us by whoever owns them, addresses can't. */
static bool host_is_address(const struct request *req)
{
    struct str host;
    struct cidr ip;
    uint16_t port;

    return authority_split(headers_get(&req->headers, HEADER_HOST), &host, &port) == RC_OK &&
           cidr_parse(host, &ip) == RC_OK;
}

/* A host that nobody has: routes with a credential go the way of the dummy, others say so. */
static bool is_astray(const struct request *req, const struct route *row, bool known_host)
{
    if (known_host || (req->door && req->door->unix_socket))
        return false;
    if (is_identity_door(req))
        return !host_is_address(req);
    return !row || row->accept & ACCEPT_NOBODY;
}

static void reply_foreign_page(struct request *req)
{
    req->explain = is_identity_door(req)
                       ? STR("origin; identity endpoints answer programs, no web page")
                       : STR("origin; a web page of another origin may not use this route");
    reply_error(req, &API_ORIGIN_REFUSED);
}

static void run(struct pipeline *p, struct request *req, const struct directory *d)
{
    struct route_match match = {.route = req->route, .any = req->route};
    bool known_host;

    req->resource = gate_resource(d, req, &known_host);
    if (!req->route)
        find_route(p, req, &match);
    const struct route *row = match.any && shows(p, req, match.any) ? match.any : NULL;
    bool row_has_method = row && (match.route || has_method(&match, req->method));
    if (!row)
        req->route = NULL; /* what does not show gives nothing away by its refusal either */
    if (is_astray(req, row_has_method ? row : NULL, known_host))
        reply_error(req, &API_MISDIRECTED);
    else if (is_identity_door(req) && is_foreign_page(req))
        reply_foreign_page(req);
    else if (is_preflight(req, row, &match))
        reply_preflight(req, row);
    else if (!row)
        reply_error(req, &API_NOT_FOUND);
    else if (row->plane != PLANE_WIRE && is_foreign_page(req)) {
        req->route = row;
        reply_foreign_page(req);
    } else if (!row_has_method) {
        reply_not_allowed(req, row, match.methods);
    } else {
        serve(p, req, row);
    }
}

void pipeline_run(struct pipeline *p, struct request *req)
{
    struct frame frame = {.outer = p->innermost, .req = req};
    struct gate_pin pin = gate_enter(p->gate);

    req->explains = gate_explains(p->gate, req);
    p->innermost = &frame;
    run(p, req, pin.directory);
    p->innermost = frame.outer;
    if (!frame.finished)
        gate_hold(p->gate, req); /* answered later: what it points to stays */
    gate_leave(p->gate, pin);
}

/* ---- behind the reply ---- */

/* One thread writes, others read: no read-modify-write is needed. */
static void count(_Atomic uint64_t *cell, uint64_t by)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static void count_request(struct pipeline *p, const struct request *req, mono_ns us)
{
    const struct row_slot *slot = req->route ? slot_of(p, req->route) : NULL;
    struct route_figures *f = &p->figures[slot && slot->row ? slot->index : p->rows];
    size_t bucket = 0;

    while (bucket < LATENCY_BUCKETS && us > latency_bucket_us[bucket])
        bucket++;
    count(&f->by_class[req->reply.status / 100 < 6 ? req->reply.status / 100 : 0], 1);
    count(&f->bucket[bucket], 1);
    count(&f->total_us, us);
}

/* Frames on our stack may not touch it any more. */
static void forget(struct pipeline *p, const struct request *req)
{
    for (struct frame *f = p->innermost; f; f = f->outer) {
        if (f->req == req)
            f->finished = true;
    }
}

void pipeline_finished(struct pipeline *p, const struct request *req, size_t octets)
{
    mono_ns now = clock_mono();
    mono_ns us = now > req->started ? (now - req->started) / NS_PER_US : 0;

    count_request(p, req, us);
    if (log_enabled(p->log, LOG_INFO))
        access_line_write(p->log, req, octets, us);
    forget(p, req);
    gate_release(req);
}

_Static_assert(sizeof(struct principal) <= 240, "a parked request stays within 1 KiB");

void *pipeline_park(struct pipeline *p, struct request *req)
{
    struct principal *kept;

    gate_hold(p->gate, req); /* what the principal points to stays */
    forget(p, req);
    if (!req->principal)
        return NULL;
    kept = malloc(sizeof *kept);
    if (!kept)
        abort();
    *kept = *req->principal;
    return kept;
}

void pipeline_unpark(struct request *req, void *kept)
{
    struct principal *who = arena_new(req->arena, struct principal);

    *who = *(struct principal *)kept;
    free(kept);
    req->principal = who;
}
