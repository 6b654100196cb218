/* Is it the client? One of three proofs: a secret, an assertion that it signed itself, or one of an
 * issuer that the application has registered. Foreign keys are fetched meanwhile, so that the
 * request may have to wait; which issuer is asked depends on the application's own records, never
 * on the assertion alone. Source: wire/managed-identity §1.7, §1.8. */
#include "services/issuer/issuer_private.h"

#include "services/body.h"
#include "services/key_holds.h"

#define WAITS_MAX     3
#define PRESENTED_MAX ((size_t)600) /* of each text: as much as can be registered */

static enum rc refuse(struct token_ask *ask, const struct issuer_error *error, struct str why)
{
    ask->refusal = (struct issuer_refusal){.error = error, .why = why};
    return RC_DENIED;
}

/* ---- secret ---- */

static enum rc by_secret(struct token_ask *ask)
{
    const struct master_key *master = gate_master(gate_of(ask->req->site->gate));
    const struct app_secret *found = app_secret_find(master, &ask->client->document, ask->secret);

    ask->proof = "secret";
    if (!found)
        return refuse(ask, &AADSTS_WRONG_SECRET, STR_EMPTY);
    if (found->expires && found->expires <= ask->req->now)
        return refuse(ask, &AADSTS_EXPIRED_SECRET, STR_EMPTY);
    return RC_OK;
}

/* ---- assertions ---- */

static const struct issuer_error *error_of(enum assertion_flaw flaw)
{
    switch (flaw) {
    case ASSERTION_FINE:
        break;
    case ASSERTION_MALFORMED:
    case ASSERTION_KEY:
        return &AADSTS_BAD_KEY;
    case ASSERTION_CERTIFICATE:
        return &AADSTS_OLD_CERTIFICATE;
    case ASSERTION_PARTIES:
        return &AADSTS_BAD_PARTIES;
    case ASSERTION_AUDIENCE:
        return &AADSTS_BAD_AUDIENCE;
    case ASSERTION_TIME:
        return &AADSTS_BAD_TIME;
    case ASSERTION_ISSUER:
        return &AADSTS_NO_ISSUER;
    case ASSERTION_SUBJECT:
        return &AADSTS_NO_SUBJECT;
    case ASSERTION_FEDERATED_AUDIENCE:
        return &AADSTS_NO_FEDERATED_AUDIENCE;
    }
    return &AADSTS_FAULT;
}

static enum rc by_certificate(struct token_ask *ask)
{
    struct token_check check = gate_token_check(ask->req->site->gate, ask->req);
    struct assertion_party party = {&ask->client->document, &ask->client_id, issuer_is_endpoint,
                                    ask->req};
    const char *why = NULL;
    enum assertion_flaw flaw;

    ask->proof = "certificate";
    flaw = assertion_by_certificate(&ask->assertion, &check, &party, &why);
    if (flaw)
        return refuse(ask, error_of(flaw), str_from(why));
    return RC_OK;
}

/* ---- federated ---- */

/* What of the registered does not fit is told in development only, or anybody could find out what
 * an application has registered. */
static enum rc refuse_presented(struct token_ask *ask, enum assertion_flaw flaw)
{
    struct arena *arena = ask->req->arena;
    const struct claim *aud = claim_get(ask->assertion.jws.payload, STR("aud"));
    const struct issuer_error *error =
        ask->req->site->options->development ? error_of(flaw) : &AADSTS_NO_MATCH;

    ask->refusal = (struct issuer_refusal){
        .error = error,
        .named = arena_printf(
            arena,
            "Presented: issuer '" STR_FMT "', subject '" STR_FMT "', audience '" STR_FMT "'.",
            STR_ARG(body_excerpt_within(ask->assertion.iss, PRESENTED_MAX)),
            STR_ARG(body_excerpt_within(ask->assertion.sub, PRESENTED_MAX)),
            STR_ARG(claim_is(aud, CLAIM_TEXT) ? body_excerpt_within(aud->u.text, PRESENTED_MAX)
                                              : STR("(a list, or none)"))),
    };
    return RC_DENIED;
}

/* Where the keys of the assertion's issuer are: what the operator says of it, else its discovery.
 */
static enum rc find_source(struct token_ask *ask, const struct token_check *check,
                           const struct app_federated *record, struct assertion_issuer *by)
{
    const struct trusted_issuer *trusted =
        check->issuers ? issuer_set_find(check->issuers, ask->assertion.iss) : NULL;
    struct issuer_keys *keys = gate_issuer_keys(gate_of(ask->req->site->gate));
    struct key_location where = {.issuer = record->issuer, .private_ok = record->by_administrator};

    by->algs = trusted ? trusted->algs : ASSERTION_ALGS;
    if (!ask->source && trusted) {
        ask->source = key_source_ref(trusted->keys);
    } else if (!ask->source) {
        if (!keys)
            return refuse(ask, &AADSTS_BAD_KEY, STR("Keys of other issuers are not fetched here."));
        ask->source = key_source_get(keys, &where);
        key_holds_keep(ask->req->site->shared->federated, ask->source);
    }
    by->source = ask->source;
    return RC_OK;
}

/* A token of ours stands for its principal, who may have been shut out since. */
static enum rc check_own_principal(struct token_ask *ask)
{
    struct standing standing = {0};
    struct uuid principal;
    unix_ms issued;

    if (uuid_parse(ask->assertion.sub, &principal) ||
        service_token_issued(ask->assertion.jws.payload, &issued))
        return refuse(ask, &AADSTS_BAD_KEY, STR("It is no service token."));
    gate_standing(ask->req->site->gate, &principal, STR("/"), &standing);
    if (!standing.known || standing.disabled ||
        (standing.revoked_before && issued <= standing.revoked_before))
        return refuse(
            ask, &AADSTS_BAD_KEY,
            STR("The principal of the assertion is disabled, or its tokens are revoked."));
    return RC_OK;
}

static enum rc wait_for_keys(struct token_ask *ask, loop_fn later)
{
    struct request *req = ask->req;

    if (++ask->waits > WAITS_MAX)
        return refuse(ask, &AADSTS_BUSY, STR("The issuer's keys can't be had."));
    request_hold(req);
    ask->wait = (struct key_wait){.task = {.run = later, .ctx = ask}, .loop = req->site->loop};
    if (key_source_wait(ask->source, &ask->wait))
        return refuse(ask, &AADSTS_BUSY, STR("Too many requests wait for the issuer's keys."));
    return RC_BUSY;
}

static enum rc by_federation(struct token_ask *ask, loop_fn later)
{
    struct token_check check = gate_token_check(ask->req->site->gate, ask->req);
    const struct app_federated *record = NULL;
    struct assertion_issuer by = {0};
    bool own = issuer_is_own(check.d, ask->assertion.iss);
    enum assertion_flaw flaw;
    enum rc rc = RC_OK;

    ask->proof = "federated";
    flaw = assertion_registration(&ask->assertion, &ask->client->document, &record);
    if (flaw)
        return refuse_presented(ask, flaw);
    if (!own)
        rc = find_source(ask, &check, record, &by);
    if (!rc)
        rc = assertion_by_issuer(&ask->assertion, &check, &by);
    if (rc == RC_BUSY)
        return wait_for_keys(ask, later);
    if (rc == RC_IO) /* nobody can tell: no wrong credential */
        return refuse(ask, &AADSTS_BUSY, str_from(by.why));
    if (by.flaw)
        return refuse(ask, error_of(by.flaw), str_from(by.why));
    return rc || !own ? rc : check_own_principal(ask);
}

/* ---- the whole ---- */

enum rc issuer_prove(struct token_ask *ask, loop_fn later)
{
    if (!ask->assertion.jws.payload)
        return by_secret(ask);
    return ask->assertion.federated ? by_federation(ask, later) : by_certificate(ask);
}

void issuer_prove_end(struct token_ask *ask)
{
    key_source_unref(ask->source);
    ask->source = NULL;
    client_unref(ask->client);
    ask->client = NULL;
}
