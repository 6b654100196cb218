/* Subscriptions made, changed, shown and deleted, and the consent of their endpoints' owners. The
 * handshake itself is the event module's: a change here only says that one is wanted.
 *
 * The present state is read from memory, which the store's writer brings up to date before a commit
 * is acknowledged. Whoever loses a race against the dispatcher begins again. */
#include "services/events/subscription_handlers.h"

#include "events/handshake.h"

#define TRIES_MAX 8u
#define JSON_MAX  (256 * KIB)

/* One change of one subscription, and what is answered after it. */
struct sub_change {
    struct request *req;
    struct change_set set;
    struct change change;
    struct subscription now; /* as it is after the change */
    bool existed;
    unsigned tries;
};

static void commit(struct sub_change *c, enum change_kind kind, change_done_fn done)
{
    c->change.kind = kind;
    c->set = (struct change_set){
        .items = &c->change, .n = 1, .loop = c->req->loop, .done = done, .ctx = c};
    request_hold(c->req);
    store_commit(c->req->site->store, &c->set);
}

/* The request's own copy of a subscription of the table. */
static struct subscription copy_of(struct request *req, const struct subscription *s)
{
    struct subscription copy = *s;
    struct arena *a = req->arena;

    copy.name = arena_dup(a, s->name);
    copy.failure = arena_dup(a, s->failure);
    copy.endpoint = arena_dup(a, s->endpoint);
    copy.query = arena_dup(a, s->query);
    copy.begins = arena_dup(a, s->begins);
    copy.ends = arena_dup(a, s->ends);
    copy.code = arena_dup(a, s->code);
    copy.types = arena_array(a, struct str, s->types_n + 1);
    for (size_t i = 0; i < s->types_n; i++)
        copy.types[i] = arena_dup(a, s->types[i]);
    for (size_t i = 0; i < s->headers_n; i++) {
        copy.headers[i].name = arena_dup(a, s->headers[i].name);
        copy.headers[i].value = arena_dup(a, s->headers[i].value);
    }
    return copy;
}

static bool find(struct request *req, struct subscription *out, size_t *out_n)
{
    const struct subscriptions *table = events_subscriptions(req->site->events);
    const struct uuid *resource = &req->principal->resource->id;
    const struct subscription *s = subscriptions_find(table, resource, req->params[0]);

    if (s)
        *out = copy_of(req, s);
    (void)subscriptions_of(table, resource, out_n);
    subscriptions_unref(table);
    return s != NULL;
}

static void answer_unknown(struct request *req)
{
    answer_refusal(req, &(struct refusal){&API_NOT_FOUND,
                                          STR("There is no event subscription of that name."),
                                          STR_EMPTY});
}

bool subscription_named(struct request *req, struct subscription *out)
{
    size_t n;

    if (find(req, out, &n))
        return true;
    answer_unknown(req);
    return false;
}

static void answer_subscription(struct request *req, int status, const struct subscription *s)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, JSON_MAX);
    json_writer_init(&w, &out);
    subscription_write_json(req, s, &w);
    answer_json_moved(req, status, &out);
}

void subscription_get(struct request *req)
{
    struct subscription s;

    if (subscription_named(req, &s))
        answer_subscription(req, 200, &s);
}

/* ---- create and update ---- */

static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return false;
    }
    return text.len >= 3 && text.len <= 64;
}

static void put_once(struct sub_change *c);

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct sub_change *c = ctx;

    (void)set;
    if (rc == RC_CONFLICT && c->tries < TRIES_MAX)
        put_once(c);
    else if (rc)
        answer_rc(c->req, rc);
    else
        answer_subscription(c->req, c->existed ? 200 : 201, &c->now);
}

/* What stays of the one before, and what begins anew. */
static void continue_from(struct sub_change *c, const struct subscription *former)
{
    struct request *req = c->req;

    c->now.resource = req->principal->resource->id;
    c->now.name = arena_lower(req->arena, req->params[0]);
    c->now.id = c->existed ? former->id : uuid_random();
    c->now.version = c->existed ? former->version + 1 : 1;
    c->now.created = c->existed ? former->created : req->now;
    c->now.proven = c->existed && former->proven;
    c->now.state = c->existed ? SUBSCRIPTION_UPDATING : SUBSCRIPTION_CREATING;
    c->now.code = handshake_code(req->arena);
}

static void put_once(struct sub_change *c)
{
    struct request *req = c->req;
    struct subscription former = {.version = 0};
    struct refusal why;
    size_t n = 0;

    c->tries++;
    c->existed = find(req, &former, &n);
    if (!subscription_body(req, c->existed ? &former : NULL, &c->now, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (!c->existed && n >= SUBSCRIPTIONS_MAX) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("A resource has at most 100 event "
                                                  "subscriptions."),
                                              STR_EMPTY});
        return;
    }
    continue_from(c, &former);
    events_write(req->site->events, &c->now, req->arena, &c->change.u.subscription);
    commit(c, CHANGE_SUBSCRIPTION_PUT, on_put);
}

void subscription_put(struct request *req)
{
    struct sub_change *c = arena_new(req->arena, struct sub_change);

    if (!is_name(req->params[0])) {
        answer_invalid(req,
                       STR("The name of a subscription has 3 to 64 letters, digits and hyphens."),
                       STR("name"));
        return;
    }
    c->req = req;
    put_once(c);
}

/* ---- delete ---- */

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct sub_change *c = ctx;

    (void)set;
    if (rc) {
        answer_rc(c->req, rc);
        return;
    }
    events_tell_deleted(c->req->site->events, &c->now);
    answer_empty(c->req, 204);
}

void subscription_delete(struct request *req)
{
    struct sub_change *c = arena_new(req->arena, struct sub_change);

    c->req = req;
    if (!subscription_named(req, &c->now))
        return;
    events_write(req->site->events, &c->now, req->arena, &c->change.u.subscription);
    commit(c, CHANGE_SUBSCRIPTION_DELETE, on_deleted);
}

/* ---- consent ---- */

static void consent_once(struct sub_change *c);

static void on_consent(void *ctx, enum rc rc, struct change_set *set)
{
    struct sub_change *c = ctx;

    (void)set;
    if ((rc == RC_CONFLICT || rc == RC_NOT_FOUND) && c->tries < TRIES_MAX)
        consent_once(c); /* it has moved on: does the token fit it still? */
    else if (rc)
        answer_rc(c->req, rc);
    else
        reply_text(c->req, 200, STR("text/plain; charset=utf-8"),
                   STR("Webhook successfully validated as a subscription endpoint.\n"));
}

static void consent_once(struct sub_change *c)
{
    struct request *req = c->req;
    struct events *e = req->site->events;
    const struct subscriptions *table = events_subscriptions(e);
    const struct subscription *s =
        events_by_token(e, table, request_query(req, "token"), clock_now(req->site->clock));
    struct str rate;

    c->tries++;
    if (s)
        c->now = copy_of(req, s);
    subscriptions_unref(table);
    if (!s) {
        answer_refusal(req, &(struct refusal){&API_NOT_FOUND,
                                              STR("This address was used, is too old, or never "
                                                  "was one."),
                                              STR_EMPTY});
        return;
    }
    if (headers_only(&req->headers, STR("webhook-allowed-rate"), &rate) == RC_OK)
        c->now.rate = handshake_rate(rate);
    c->now.version++;
    c->now.state = SUBSCRIPTION_SUCCEEDED;
    c->now.proven = true;
    c->now.code = STR_EMPTY;
    c->now.failure = STR_EMPTY;
    events_write(e, &c->now, req->arena, &c->change.u.subscription);
    commit(c, CHANGE_SUBSCRIPTION_PUT, on_consent);
}

/** GET, POST /events/validate: the owner of an endpoint consents. Source: wire/events §4, §5. */
void subscription_validate(struct request *req)
{
    struct sub_change *c = arena_new(req->arena, struct sub_change);

    c->req = req;
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    if (req->method == HEAD) /* looking is not consenting */
        answer_error(req, &API_METHOD_NOT_ALLOWED);
    else
        consent_once(c);
}
