/* The token endpoint: client credentials in, a service token out. The order of the checks is that
 * of the refusals: what the request says, how often its client has failed, which application, the
 * proof, the token. A secret or an assertion is never logged, nor is the token.
 * Source: wire/managed-identity §1.5 to §1.9. */
#include "services/issuer/issuer_private.h"

#include "base/map.h"
#include "services/body.h"
#include "services/guesses.h"
#include "services/replays.h"

#define ASSERTION_TYPE  STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
#define ROOM            KIB /* beside the token and the resource */
#define PAIR_LIMIT      10  /* failures of a client at an address, per window */
#define ADDRESS_LIMIT   100 /* of an address, whoever it says it is */
#define DEVELOPER_TIMES 10  /* as many more for a program on a developer's machine */
#define JTI_MAX         ((size_t)256)
#define LATE_MS         ((int64_t)5 * 60 * 1000) /* how long an assertion counts beyond its exp */
#define REFRESH_FROM_S  7200

/* ---- refusing ---- */

static bool refuse_named(struct token_ask *ask, const struct issuer_error *error, struct str named)
{
    ask->refusal = (struct issuer_refusal){.error = error, .named = named};
    return false;
}

static bool refuse(struct token_ask *ask, const struct issuer_error *error)
{
    return refuse_named(ask, error, STR_EMPTY);
}

static bool refuse_missing(struct token_ask *ask, const char *field)
{
    return refuse_named(ask, &AADSTS_FIELD_MISSING,
                        arena_printf(ask->req->arena, "It needs '%s'.", field));
}

/* ---- what the request says ---- */

static bool read_form(struct token_ask *ask)
{
    struct request *req = ask->req;
    struct refusal why = {0};

    if (!req->secure && !req->peer.loopback)
        return refuse(ask, &AADSTS_PLAIN_HTTP);
    if (!issuer_tenant(req, req->params[0]))
        return refuse_named(ask, &AADSTS_UNKNOWN_TENANT,
                            arena_printf(req->arena, "Asked for: '" STR_FMT "'.",
                                         STR_ARG(body_excerpt(req->params[0]))));
    if (!form_read(req, &ask->form, &why))
        return refuse_named(ask, &AADSTS_MALFORMED, why.message);
    if (!name_eq(form_get(&ask->form, "grant_type"), STR("client_credentials")))
        return refuse(ask, &AADSTS_GRANT_TYPE);
    return true;
}

static bool is_same_client(struct str a, struct str b)
{
    return name_eq_nocase(a, b);
}

/* HTTP Basic beside the form: the two may not contradict each other. */
static bool read_basic(struct token_ask *ask)
{
    struct str client, secret;
    enum rc rc = basic_read(ask->req, &client, &secret);

    if (rc == RC_NOT_FOUND)
        return true;
    if (rc)
        return refuse_named(ask, &AADSTS_MALFORMED,
                            STR("The Authorization header must be one of the scheme Basic."));
    if (ask->secret.len)
        return refuse_named(ask, &AADSTS_MALFORMED,
                            STR("The secret is given twice: in the body and by HTTP Basic."));
    if (ask->client_text.len && !is_same_client(ask->client_text, client))
        return refuse_named(ask, &AADSTS_MALFORMED,
                            STR("client_id is not the client of HTTP Basic."));
    ask->client_text = client;
    ask->secret = secret;
    return true;
}

static bool read_assertion(struct token_ask *ask)
{
    struct str type = form_get(&ask->form, "client_assertion_type");
    const char *why = NULL;

    ask->assertion_text = form_get(&ask->form, "client_assertion");
    if (!ask->assertion_text.len && !type.len)
        return true;
    if (!ask->assertion_text.len)
        return refuse_missing(ask, "client_assertion");
    if (!type.len)
        return refuse_missing(ask, "client_assertion_type");
    if (!name_eq(type, ASSERTION_TYPE))
        return refuse_named(ask, &AADSTS_MALFORMED,
                            STR("client_assertion_type must be that of JWT bearer assertions."));
    if (assertion_read(ask->assertion_text, ask->req->arena, &ask->assertion, &why)) {
        ask->refusal = (struct issuer_refusal){.error = &AADSTS_BAD_KEY, .why = str_from(why)};
        return false;
    }
    /* old clients leave client_id out: RFC 7521 §4.2 */
    if (!ask->client_text.len && !ask->assertion.federated)
        ask->client_text = ask->assertion.sub;
    return true;
}

static bool read_client(struct token_ask *ask)
{
    ask->client_text = form_get(&ask->form, "client_id");
    ask->secret = form_get(&ask->form, "client_secret");
    if (!read_basic(ask) || !read_assertion(ask))
        return false;
    if (!ask->client_text.len)
        return refuse_missing(ask, "client_id");
    ask->client_is_id = uuid_parse(ask->client_text, &ask->client_id) == RC_OK;
    if (!ask->assertion_text.len && !ask->secret.len)
        return refuse(ask, &AADSTS_NO_PROOF);
    return true;
}

static bool refuse_audience(struct token_ask *ask, enum audience_problem problem, struct str asked)
{
    struct str named = asked.len ? arena_printf(ask->req->arena, "Asked for: '" STR_FMT "'.",
                                                STR_ARG(body_excerpt(asked)))
                                 : STR_EMPTY;
    struct str suffix = STR("/.default");

    switch (problem) {
    case AUDIENCE_FINE:
    case AUDIENCE_MISSING:
        return refuse(ask, &AADSTS_BAD_SCOPE);
    case AUDIENCE_MALFORMED:
        if (asked.len && str_find_str(asked, suffix) == asked.len)
            return refuse_named(ask, &AADSTS_NOT_DEFAULT_SCOPE, named);
        return refuse_named(ask, &AADSTS_BAD_SCOPE, named);
    case AUDIENCE_USER_SCOPE:
        return refuse_named(ask, &AADSTS_NOT_DEFAULT_SCOPE, named);
    case AUDIENCE_UNKNOWN:
        return refuse_named(ask, &AADSTS_UNKNOWN_RESOURCE, named);
    }
    return refuse(ask, &AADSTS_FAULT);
}

/* The v1 route takes `resource`, and `scope` where that is missing. */
static bool read_audience(struct token_ask *ask)
{
    struct str scope = form_get(&ask->form, "scope"), resource = form_get(&ask->form, "resource");
    enum audience_problem problem;

    ask->by_resource = ask->version_1 && resource.len;
    if (ask->version_1 && !resource.len && !scope.len)
        return refuse_missing(ask, "resource");
    if (ask->by_resource)
        problem = audience_of_resource(ask->req, resource, &ask->audience);
    else
        problem = audience_of_scope(ask->req, scope, &ask->audience);
    if (problem)
        return refuse_audience(ask, problem, ask->by_resource ? resource : scope);
    return true;
}

static bool read_claims(struct token_ask *ask)
{
    struct str text = form_get(&ask->form, "claims");
    const char *why = text.len ? asked_claims_read(text, ask->req->arena, &ask->claims) : NULL;

    return why ? refuse_named(ask, &AADSTS_MALFORMED, str_from(why)) : true;
}

/* ---- how often it has failed ---- */

struct guess {
    uint64_t pair, address, what;
};

static struct guess guess_of(const struct token_ask *ask)
{
    struct str from = ip_of_client(&ask->req->client_addr.ip);
    struct str tried = ask->assertion_text.len ? ask->assertion_text : ask->secret;
    uint64_t parts[2] = {hash_keyed(from.ptr, from.len),
                         hash_keyed(&ask->client_id, sizeof ask->client_id)};

    return (struct guess){hash_keyed(parts, sizeof parts), parts[0],
                          hash_keyed(tried.ptr, tried.len)};
}

static bool may_try(struct token_ask *ask)
{
    struct request *req = ask->req;
    struct guesses *guesses = req->site->shared->guesses;
    struct guess guess = guess_of(ask);
    bool developer = req->site->options->development && req->client_addr.loopback;
    uint32_t times = developer ? DEVELOPER_TIMES : 1, retry_s = 1;
    mono_ns now = clock_mono();

    if (!guesses_over(guesses, guess.pair, PAIR_LIMIT * times, now, &retry_s) &&
        !guesses_over(guesses, guess.address, ADDRESS_LIMIT * times, now, &retry_s))
        return true;
    reply_header(req, STR("Retry-After"), arena_printf(req->arena, "%u", retry_s));
    return refuse(ask, &AADSTS_TOO_MANY);
}

/* Refusals of somebody who did not prove to be the client. */
static bool is_guess(const struct issuer_error *error)
{
    return error == &AADSTS_UNKNOWN_CLIENT ||
           (error->status == 401 && error != &AADSTS_NO_PROOF && error != &AADSTS_DISABLED &&
            error != &AADSTS_EXPIRED_SECRET);
}

static void count(const struct token_ask *ask)
{
    struct guesses *guesses = ask->req->site->shared->guesses;
    struct guess guess = guess_of(ask);

    if (!ask->refusal.error) {
        guesses_forget(guesses, guess.pair);
    } else if (is_guess(ask->refusal.error)) {
        guesses_failed(guesses, guess.pair, guess.what, clock_mono());
        guesses_failed(guesses, guess.address, guess.what ^ guess.pair, clock_mono());
    }
}

/* ---- which application ---- */

/* The unknown takes the road of the wrong: its secret is hashed all the same. */
static bool refuse_client(struct token_ask *ask)
{
    struct request *req = ask->req;
    uint8_t hash[32];

    app_secret_hash(gate_master(gate_of(req->site->gate)), ask->secret, hash);
    explicit_bzero(hash, sizeof hash);
    return refuse_named(
        ask, &AADSTS_UNKNOWN_CLIENT,
        arena_printf(req->arena, "Given: '" STR_FMT "'.", STR_ARG(body_excerpt(ask->client_text))));
}

static bool find_client(struct token_ask *ask)
{
    enum rc rc = RC_NOT_FOUND;

    if (ask->client_is_id)
        rc = gate_client(ask->req->site->gate, &ask->client_id, &ask->client);
    switch (rc) {
    case RC_OK: /* another issuer's principal has an id here, and nothing to prove it with */
        return ask->client->row.kind != APPLICATION_FOREIGN || refuse_client(ask);
    case RC_NOT_FOUND:
        return refuse_client(ask);
    case RC_INVALID:
        return refuse(ask, &AADSTS_FAULT);
    default:
        return refuse(ask, &AADSTS_BUSY);
    }
}

/* ---- the token ---- */

/* With issuer.jti_once: what the client signed counts once. */
static bool use_assertion(struct token_ask *ask)
{
    struct replays *used = ask->req->site->shared->assertions;
    struct str jti = ask->assertion.jti;
    uint64_t parts[2];

    if (!used || !ask->assertion.jws.payload || ask->assertion.federated)
        return true;
    if (!jti.len || jti.len > JTI_MAX)
        return refuse(ask, &AADSTS_REPLAYED);
    parts[0] = hash_keyed(&ask->client_id, sizeof ask->client_id);
    parts[1] = hash_keyed(jti.ptr, jti.len);
    switch (replays_take(used, hash_keyed(parts, sizeof parts), ask->req->now,
                         ask->assertion.exp + LATE_MS)) {
    case RC_OK:
        return true;
    case RC_CONFLICT:
        return refuse(ask, &AADSTS_REPLAYED);
    default:
        return refuse(ask, &AADSTS_BUSY);
    }
}

static bool issue(struct token_ask *ask, struct service_token *out)
{
    const struct service_ask wanted = {
        .application = &ask->client->row,
        .audience = ask->audience,
        .by_secret = !ask->assertion_text.len,
        .client_capabilities = ask->claims.capabilities,
        .not_before = ask->claims.not_before,
    };

    switch (service_token_issue(ask->req, &wanted, out)) {
    case RC_OK:
        return true;
    case RC_BUSY:
        return refuse_named(ask, &AADSTS_BUSY, STR("No key signs tokens."));
    case RC_INVALID:
        return refuse_named(ask, &AADSTS_MALFORMED,
                            STR("The host that was called is no issuer of this server."));
    case RC_DENIED:
        return refuse_named(
            ask, &AADSTS_MALFORMED,
            STR("The token would have to be dated ahead: by what claims asks for (nbf), or "
                "since the clock was set back."));
    default:
        return refuse(ask, &AADSTS_FAULT);
    }
}

static void member_number(struct json_writer *w, const struct token_ask *ask, const char *name,
                          int64_t value)
{
    if (ask->by_resource)
        json_member_str(w, name, arena_printf(ask->req->arena, "%lld", (long long)value));
    else
        json_member_int(w, name, value);
}

/* v1 clients want texts, and some members more. */
static void answer_token(struct token_ask *ask, const struct service_token *token)
{
    struct buf out = answer_buf(ask->req, token->text.len + 6 * ask->audience.len + ROOM);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "token_type", STR("Bearer"));
    member_number(&w, ask, "expires_in", token->lifetime_s);
    member_number(&w, ask, "ext_expires_in", token->lifetime_s);
    if (ask->by_resource) {
        member_number(&w, ask, "expires_on", token->expires_s);
        member_number(&w, ask, "not_before", token->issued_s);
        json_member_str(&w, "resource", ask->audience);
    }
    if (token->lifetime_s > REFRESH_FROM_S)
        member_number(&w, ask, "refresh_in", token->lifetime_s / 2);
    json_member_str(&w, "access_token", token->text);
    json_object_end(&w);
    issuer_no_store(ask->req);
    answer_json(ask->req, 200, &out);
}

/* ---- the end ---- */

/* For the log: an id, or nothing of what a stranger wrote. */
static struct str client_shown(const struct token_ask *ask)
{
    return ask->client_is_id ? ask->client_text : STR("-");
}

static void finish_refused(struct token_ask *ask)
{
    struct request *req = ask->req;
    const struct issuer_error *error = ask->refusal.error;

    log_info(req->site->log, "issuer.refused",
             "id=" STR_FMT " client=" STR_FMT " proof=%s code=%d error=" STR_FMT, STR_ARG(req->id),
             STR_ARG(client_shown(ask)), ask->proof, error->number, STR_ARG(error->error));
    if (error->status == 503)
        reply_header(req, STR("Retry-After"), STR("1"));
    if (error->status == 401 && req->headers.times[HEADER_AUTHORIZATION]) /* RFC 6749 §5.2 */
        reply_header(req, STR("WWW-Authenticate"), STR("Basic realm=\"\""));
    issuer_prove_end(ask);
    issuer_refuse(req, &ask->refusal); /* the request is gone, and with it `ask` */
}

static void finish_issued(struct token_ask *ask, const struct service_token *token)
{
    struct request *req = ask->req;

    log_info(req->site->log, "issuer.token",
             "id=" STR_FMT " client=" STR_FMT " proof=%s uti=" STR_FMT " seconds=%lld",
             STR_ARG(req->id), STR_ARG(client_shown(ask)), ask->proof, STR_ARG(token->uti),
             (long long)token->lifetime_s);
    issuer_prove_end(ask);
    answer_token(ask, token); /* the request is gone, and with it `ask` */
}

/* The client has proved who it is, or has not. */
static void conclude(struct token_ask *ask, bool proved)
{
    struct service_token token = {0};

    if (proved && ask->client->row.disabled)
        proved = refuse(ask, &AADSTS_DISABLED);
    proved = proved && use_assertion(ask);
    count(ask);
    if (proved && issue(ask, &token))
        finish_issued(ask, &token);
    else
        finish_refused(ask);
}

static void on_keys(void *ctx)
{
    struct token_ask *ask = ctx;
    struct gate_loop *gl = ask->req->site->gate;
    struct gate_pin pin = gate_enter(gl);
    enum rc rc = issuer_prove(ask, on_keys);

    if (rc != RC_BUSY)
        conclude(ask, rc == RC_OK);
    gate_leave(gl, pin);
}

static void serve(struct request *req, bool version_1)
{
    struct token_ask *ask = arena_new(req->arena, struct token_ask);
    enum rc rc;

    ask->req = req;
    ask->version_1 = version_1;
    ask->proof = "none";
    if (!read_form(ask) || !read_client(ask) || !read_audience(ask) || !read_claims(ask) ||
        !may_try(ask)) {
        finish_refused(ask);
        return;
    }
    if (!find_client(ask)) {
        conclude(ask, false);
        return;
    }
    rc = issuer_prove(ask, on_keys);
    if (rc != RC_BUSY)
        conclude(ask, rc == RC_OK);
}

void issuer_token(struct request *req)
{
    serve(req, false);
}

void issuer_token_v1(struct request *req)
{
    serve(req, true);
}
