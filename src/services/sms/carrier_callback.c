/* A callback of a carrier: whose it is, what it says, and the answer once that is kept.
 *
 * An unknown transport, a wrong secret and a transport that takes no callbacks are the same 404.
 * The answer says nothing but whether it must come again (503): what came twice is acknowledged
 * like what came once. Source: wire/transports §1.3. */
#include "services/sms/carrier_callback.h"

#include "services/answer.h"
#include "services/sms/sms_private.h"

enum { PARAM_TRANSPORT, PARAM_SECRET, PARAM_WHAT };

/* One callback until all that it said is kept; in the request's arena. */
struct callback {
    struct request *req;
    struct str answer;
    size_t left; /* of what it said, and one while it is still being handed on */
    enum rc worst;
};

static struct str query(void *ctx, const char *name)
{
    return request_query(ctx, name);
}

static struct str header(void *ctx, const char *name)
{
    const struct request *req = ctx;
    struct str value = STR_EMPTY;

    return headers_only(&req->headers, str_from(name), &value) ? STR_EMPTY : value;
}

/* ---- the answer ---- */

/* What nobody here knows, or knows already, would come for ever if it were not acknowledged. */
static bool must_come_again(enum rc rc)
{
    return rc && rc != RC_NOT_FOUND && rc != RC_CONFLICT && rc != RC_DENIED && rc != RC_INVALID;
}

static unsigned gravity(enum rc rc)
{
    if (must_come_again(rc))
        return 3;
    return rc == RC_DENIED || rc == RC_INVALID ? 2 : rc != RC_OK;
}

static void reply(struct callback *c)
{
    struct request *req = c->req;

    if (must_come_again(c->worst)) {
        reply_header(req, STR("Retry-After"), STR("5"));
        answer_error(req, &API_UNAVAILABLE);
    } else if (c->worst == RC_DENIED) {
        answer_error(req, &API_NOT_FOUND);
    } else if (c->worst == RC_INVALID) {
        answer_error(req, &API_BAD_REQUEST);
    } else if (c->answer.len) {
        reply_json(req, 200, c->answer);
    } else {
        answer_empty(req, 200);
    }
}

static void on_kept(void *ctx, enum rc rc)
{
    struct callback *c = ctx;

    if (gravity(rc) > gravity(c->worst))
        c->worst = rc;
    if (--c->left == 0)
        reply(c);
}

/* ---- what it says ---- */

/* An id of ours could be guessed by whoever knows the transport's address; the ids that the carrier
 * gave are its own business. */
static bool names_message(const struct carrier_report *report)
{
    static const struct uuid none = {{0}};

    return !uuid_eq(&report->id, &none);
}

static void hand_on(struct callback *c, const struct sms_transport *t,
                    const struct carrier_callback *cb)
{
    const struct site *site = c->req->site;

    c->left = cb->n_reports + cb->n_inbound + 1;
    for (size_t i = 0; i < cb->n_reports; i++) {
        struct sms_teller teller = {.transport = t->name,
                                    .check_secret = names_message(&cb->reports[i])};

        sms_take_report(site, teller, &cb->reports[i], on_kept, c);
    }
    for (size_t i = 0; i < cb->n_inbound; i++)
        sms_take_inbound(site, t->name, &cb->inbound[i], on_kept, c);
    on_kept(c, RC_OK);
}

static void read_and_keep(struct request *req, const struct sms_transport *t)
{
    struct callback *c = arena_new(req->arena, struct callback);
    struct carrier_callback cb;

    request_hold(req); /* before texts of it are taken */
    cb = (struct carrier_callback){
        .what = req->params[PARAM_WHAT],
        .body = req->body,
        .content_type = headers_get(&req->headers, HEADER_CONTENT_TYPE),
        .query = query,
        .header = header,
        .ctx = req,
        .arena = req->arena,
    };

    if (t->ops->read_callback(t->config, &cb)) {
        req->explain = STR("callback; not one of this kind of transport");
        answer_error(req, &API_BAD_REQUEST);
        return;
    }
    c->req = req;
    c->answer = cb.answer;
    hand_on(c, t, &cb);
}

void carrier_callback(struct request *req)
{
    const struct sms_world *world = sms_world_ref(req->site->sms);
    const struct sms_transport *t = sms_transport_find(world, req->params[PARAM_TRANSPORT]);
    bool known = sms_transport_secret_is(req->site->sms, req->params[PARAM_TRANSPORT],
                                         req->params[PARAM_SECRET]);

    if (known && t && t->ops && t->ops->read_callback)
        read_and_keep(req, t);
    else
        answer_error(req, &API_NOT_FOUND);
    sms_world_unref(world);
}
