/* Who is calling: from the request's credential to one principal, or the refusal with its reason.
 *
 * The row says which schemes it takes, the door whether the administrator may come in. A host that
 * nobody has is checked against the dummy, and gets the same answer after the same work. Failures
 * are counted per client address (design D23). Source: wire/authentication §1.3, §4, §5. */
#include "gate/gate_private.h"

#include "base/map.h"

#define NS_PER_S ((mono_ns)1000000000)

const struct api_error *identify_unauthorized(const struct request *req)
{
    const struct service *service = req->route && req->route->api ? req->route->api->service : NULL;

    return service && service->unauthorized ? service->unauthorized : &API_DENIED;
}

static const struct api_error *refuse(struct gate_loop *gl, struct request *req, const char *why)
{
    req->explain = str_from(why);
    return req->route->accept & ACCEPT_ARM ? identify_challenge(gl, req)
                                           : identify_unauthorized(req);
}

struct principal *identify_principal(struct request *req, enum principal_kind kind)
{
    struct principal *p = arena_new(req->arena, struct principal);

    p->kind = kind;
    p->uid = (uint32_t)-1;
    return p;
}

/* ---- the administrator ---- */

/* The resource that the parameter resource= names; without it the default one. */
static const struct api_error *administrator(struct gate_loop *gl, struct request *req)
{
    const struct directory *d = directory_now(gl);
    struct principal *p = identify_principal(req, PRINCIPAL_ADMINISTRATOR);
    struct str name = request_query(req, "resource");

    p->resource = name.ptr ? directory_by_name(d, name) : d->default_resource;
    if (!p->resource && (name.ptr || req->route->need != NEED_ADMINISTRATOR)) {
        req->explain = STR("administrator; there is no such resource");
        return &API_NOT_FOUND;
    }
    p->uid = req->peer.uid;
    req->resource = p->resource;
    req->principal = p;
    return NULL;
}

static bool is_admin_token(const struct gate_loop *gl, struct str token)
{
    const struct secret *known = &gl->gate->options.admin_token;

    return known->len && ct_equal_str(token, str_of(known->octets, known->len));
}

/* ---- access keys ---- */

/* Service time of the last use, to the second: one store a second, not one a request. */
static void note_use(const struct access_key *key, unix_ms now)
{
    int64_t before;

    if (!key->last_used)
        return;
    before = atomic_load_explicit(key->last_used, memory_order_relaxed);
    if (now - before >= 1000 || now < before)
        atomic_store_explicit(key->last_used, now, memory_order_relaxed);
}

static unix_ms wall_of(struct gate_loop *gl, unix_ms now)
{
    struct clock *c = gl->gate->clock;

    return atomic_load_explicit(&c->offset_ms, memory_order_relaxed) ||
                   atomic_load_explicit(&c->frozen_ms, memory_order_relaxed)
               ? clock_wall()
               : now;
}

static const struct api_error *by_key(struct gate_loop *gl, struct request *req,
                                      struct str credential, bool over_rate)
{
    const struct directory *d = directory_now(gl);
    const struct gate_options *o = &gl->gate->options;
    struct key_verdict verdict = {0};
    struct key_check check = {
        .resource = req->resource ? req->resource : d->dummy,
        .known = req->resource != NULL,
        .directory = d,
        .skew_ms = o->clock_skew_ms,
        .memo = &gl->date_memo,
        .wall = wall_of(gl, req->now),
        .public_hosts = o->public_hosts,
        .public_hosts_count = o->public_hosts_count,
        .plain_only = over_rate,
        .without_query = (req->route->accept & ACCEPT_KEY_NO_QUERY) != 0,
        .explain = !over_rate && gate_explains(gl, req),
    };

#ifndef BENCH_NO_AUTH /* what the check costs is measured against an executable without it */
    scheme_key_check(&check, req, credential, gl->work, &verdict);
#endif
    if (verdict.error) {
        req->explain = verdict.explain;
        return verdict.error == &API_DENIED ? identify_unauthorized(req) : verdict.error;
    }
    if (check.resource->no_local_auth) /* behind the same work */
        return refuse(gl, req,
                      "access key; local authentication is switched off for the resource "
                      "(disableLocalAuth): use a service principal");
    const struct access_key *key = &check.resource->keys[verdict.slot];
    struct principal *p = identify_principal(req, PRINCIPAL_ACCESS_KEY);
    p->resource = check.resource;
    p->key = verdict.slot;
    p->key_generation = key->generation;
    note_use(key, req->now);
    req->principal = p;
    return NULL;
}

/* ---- which scheme ---- */

static const struct api_error *by_bearer(struct gate_loop *gl, struct request *req,
                                         struct str token)
{
    unsigned accept = req->route->accept;

    if (!req->secure && !req->peer.loopback)
        return refuse(gl, req, "bearer; bearer tokens are refused on plain HTTP: use https");
    if (accept & ACCEPT_ADMIN && req->door && req->door->admin && is_admin_token(gl, token)) {
        bool known;

        if (gate_resource(directory_now(gl), req, &known) || known)
            return administrator(gl, req);
        return refuse(gl, req, "administrator; this server has no such host name");
    }
    if (accept & ACCEPT_HANDLER)
        return req->resource ? NULL : refuse(gl, req, "bearer; no resource has this host name");
    if (accept & (ACCEPT_USER | ACCEPT_ENTRA | ACCEPT_ARM))
        return identify_token(gl, req, token);
    return refuse(gl, req, "bearer; this is not the administrator's token, or not at his door");
}

enum rc gate_bearer(const struct request *req, struct str *out_credential)
{
    struct str scheme, rest, value = headers_get(&req->headers, HEADER_AUTHORIZATION);

    if (req->headers.times[HEADER_AUTHORIZATION] > 1)
        return RC_CONFLICT;
    if (!str_cut(value, ' ', &scheme, &rest) || !name_eq_nocase(scheme, STR("Bearer")))
        return RC_NOT_FOUND;
    *out_credential = str_trim(rest);
    return RC_OK;
}

static const struct api_error *by_scheme(struct gate_loop *gl, struct request *req, bool over_rate)
{
    unsigned accept = req->route->accept;
    struct str scheme, credential;
    struct str value = headers_get(&req->headers, HEADER_AUTHORIZATION);

    if (req->headers.times[HEADER_AUTHORIZATION] == 0)
        return refuse(gl, req, "no credential; the request has no Authorization header");
    if (req->headers.times[HEADER_AUTHORIZATION] > 1)
        return refuse(gl, req, "malformed; there are several Authorization headers");
    if (!str_cut(value, ' ', &scheme, &credential))
        return refuse(gl, req, "malformed; Authorization is not a scheme and a credential");
    credential = str_trim(credential);
    if (name_eq_nocase(scheme, STR("HMAC-SHA256"))) {
        if (accept & ACCEPT_KEY)
            return by_key(gl, req, credential, over_rate);
        return refuse(gl, req, "access key; the route takes no access key");
    }
    if (name_eq_nocase(scheme, STR("Bearer")))
        return by_bearer(gl, req, credential);
    return refuse(gl, req, "malformed; the scheme is neither HMAC-SHA256 nor Bearer");
}

/* The user's token as the realtime channel of chat sends it. */
static const struct api_error *by_skypetoken(struct gate_loop *gl, struct request *req)
{
    if (req->headers.times[HEADER_X_SKYPETOKEN] == 0)
        return refuse(gl, req, "no credential; the request has no X-Skypetoken header");
    if (req->headers.times[HEADER_X_SKYPETOKEN] > 1)
        return refuse(gl, req, "malformed; there are several X-Skypetoken headers");
    return by_bearer(gl, req, headers_get(&req->headers, HEADER_X_SKYPETOKEN));
}

/* ---- failure rate ---- */

static uint32_t second_of(const struct request *req)
{
    return (uint32_t)(req->started / NS_PER_S);
}

static uint64_t address_hash(const struct request *req)
{
    struct str client = ip_of_client(&req->client_addr.ip);

    return hash_keyed(client.ptr, client.len) | 1U;
}

/* The slot of the address in this second, or the one to use for it. */
static struct fail_slot *fail_slot_of(struct gate_loop *gl, uint64_t address, uint32_t second)
{
    struct fail_slot *set = &gl->fails[address % (FAIL_SLOTS / FAIL_WAYS) * FAIL_WAYS];
    struct fail_slot *least = set;

    for (size_t i = 0; i < FAIL_WAYS; i++) {
        if (set[i].address == address && set[i].second == second)
            return &set[i];
        if (set[i].second != second || (least->second == second && set[i].count < least->count))
            least = &set[i];
    }
    *least = (struct fail_slot){.address = address, .second = second};
    return least;
}

static bool is_limited(const struct gate_loop *gl, const struct request *req)
{
    const struct gate_options *o = &gl->gate->options;

    return o->fail_rate && !(o->development && req->client_addr.loopback);
}

static bool is_over_rate(struct gate_loop *gl, const struct request *req)
{
    uint32_t second = second_of(req), rate = gl->gate->options.fail_rate;

    if (gl->fail_second != second || gl->fail_total < rate || !is_limited(gl, req))
        return false;
    return fail_slot_of(gl, address_hash(req), second)->count >= rate;
}

static void count_failure(struct gate_loop *gl, const struct request *req)
{
    uint32_t second = second_of(req);

    if (!is_limited(gl, req))
        return;
    if (gl->fail_second != second) {
        gl->fail_second = second;
        gl->fail_total = 0;
    }
    gl->fail_total++;
    fail_slot_of(gl, address_hash(req), second)->count++;
}

/* ---- the whole ---- */

const struct api_error *gate_identify(struct gate_loop *gl, struct request *req)
{
    const struct api_error *error;
    bool over_rate;

    if (req->route->accept & (ACCEPT_NOBODY | ACCEPT_ENDPOINT | ACCEPT_PATH))
        return NULL;
    if (!gate_healthy(gl->gate)) {
        req->explain = STR("store; what changed could not be read");
        return &API_UNAVAILABLE;
    }
    if (req->door && req->door->unix_socket && req->route->accept & ACCEPT_ADMIN)
        return administrator(gl, req);
    if (req->route->accept & ACCEPT_FRAME && req->headers.times[HEADER_AUTHORIZATION] == 0)
        return NULL;
    if (req->route->accept & ACCEPT_QUERY && req->headers.times[HEADER_X_SKYPETOKEN] == 0)
        return NULL;
    over_rate = is_over_rate(gl, req);
    error = req->route->accept & ACCEPT_SKYPETOKEN ? by_skypetoken(gl, req)
                                                   : by_scheme(gl, req, over_rate);
    if (!error || error->status != 401)
        return error;
    count_failure(gl, req);
    if (!over_rate)
        return error;
    reply_header(req, STR("Retry-After"), STR("1"));
    return &API_TOO_MANY_REQUESTS;
}
