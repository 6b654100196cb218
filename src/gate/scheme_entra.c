/* Service tokens: which issuer, which key, which principal.
 *
 * `iss` picks the record (our own issuer, or one that the operator trusts) and nothing else; the
 * algorithm must be one that the record allows and that the key fits. Key ids are looked up in the
 * key set of that issuer alone, so that no issuer can speak for another. Header members that bring
 * keys along are never looked at. Whether the principal may do something is not asked here.
 * Source: wire/managed-identity §1.10, §4; RFC 8725 §3. */
#include "gate/scheme_entra.h"

#include "crypto/base64.h"
#include "http/url.h"

#define OWN_PURPOSE STR("issuer")
#define CLIENT_CP1  STR("cp1")

struct str without_slash(struct str text)
{
    return str_ends(text, STR("/")) ? str_head(text, text.len - 1) : text;
}

static const char *uuid_member(const struct claim *payload, struct str name, struct uuid *out)
{
    const struct claim *id = claim_get(payload, name);

    if (!id || id->kind == CLAIM_NULL)
        return NULL;
    return id->kind != CLAIM_TEXT || uuid_parse(id->u.text, out)
               ? "a claim that names a principal or client is no id"
               : NULL;
}

/* ---- issuers and audiences ---- */

/* "https://HOST[:PORT]" of this server. */
static bool origin_is_own(const struct directory *d, struct str origin)
{
    struct str host = origin;
    char lower[256];
    uint16_t port;

    if (d->public_url.len && name_eq(origin, d->public_url))
        return true;
    if (str_starts(host, STR("https://")))
        host = str_from_index(host, 8);
    else if (str_starts(host, STR("http://")))
        host = str_from_index(host, 7);
    else
        return false;
    if (authority_split(host, &host, &port) || !host.len || host.len > sizeof lower)
        return false;
    ascii_lower(lower, host);
    return directory_knows_host(d, str_of(lower, host.len));
}

bool issuer_is_own(const struct directory *d, struct str iss)
{
    struct str v2 = STR("/v2.0"), rest;

    if (str_ends(iss, v2))
        rest = str_head(iss, iss.len - v2.len);
    else if (str_ends(iss, STR("/")))
        rest = without_slash(iss);
    else
        return false;
    if (rest.len <= UUID_TEXT_LEN + 1 ||
        !name_eq(str_from_index(rest, rest.len - UUID_TEXT_LEN), d->tenant_text) ||
        rest.ptr[rest.len - UUID_TEXT_LEN - 1] != '/')
        return false;
    return origin_is_own(d, str_head(rest, rest.len - UUID_TEXT_LEN - 1));
}

enum token_audience token_audience_of(struct str aud)
{
    static const struct {
        struct str name;
        enum token_audience audience;
    } known[] = {
        {STR_INIT("https://communication.azure.com"), AUDIENCE_DATA},
        {STR_INIT("1fd5118e-2576-4263-8130-9503064c837a"), AUDIENCE_DATA},
        {STR_INIT("https://management.azure.com"), AUDIENCE_ARM},
        {STR_INIT("https://management.core.windows.net"), AUDIENCE_ARM},
    };
    struct str name = without_slash(aud);

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (name_eq(name, known[i].name))
            return known[i].audience;
    }
    return AUDIENCE_NONE;
}

/* ---- claims ---- */

static bool has_cp1(const struct claim *payload)
{
    const struct claim *item = claim_first(claim_get(payload, STR("xms_cc")));

    while (item && !(item->kind == CLAIM_TEXT && name_eq_nocase(item->u.text, CLIENT_CP1)))
        item = item->next;
    return item != NULL;
}

static const char *read_times(const struct claim *payload, struct service_claims *out)
{
    if (jws_numeric_date(payload, STR("exp"), NUMERIC_DATE_NUMBER, &out->exp))
        return "claim exp is missing or not a time";
    if (jws_numeric_date(payload, STR("iat"), NUMERIC_DATE_NUMBER, &out->iat) == RC_INVALID)
        return "claim iat is not a time";
    if (jws_numeric_date(payload, STR("nbf"), NUMERIC_DATE_NUMBER, &out->nbf) == RC_INVALID)
        return "claim nbf is not a time";
    return NULL;
}

enum rc service_token_issued(const struct claim *payload, unix_ms *out)
{
    const struct claim *cgi = claim_get(payload, STR("cgi"));
    unix_ms second = 0;
    int64_t issued = claim_is(cgi, CLAIM_INTEGER) ? cgi->u.integer : 0;

    if (jws_numeric_date(payload, STR("iat"), NUMERIC_DATE_NUMBER, &second) || issued <= 0 ||
        issued / 1000 != second / 1000)
        return RC_INVALID;
    *out = issued;
    return RC_OK;
}

/* `appid` of a v1 token, `azp` of a v2 one. */
static const char *read_client(const struct claim *payload, struct service_claims *out)
{
    const char *why = uuid_member(payload, STR("appid"), &out->client_id);

    return why ? why : uuid_member(payload, STR("azp"), &out->client_id);
}

static const char *read_principal(const struct claim *payload, struct service_claims *out)
{
    struct str oid = claim_get_text(payload, STR("oid"));

    if (!oid.len || uuid_parse(oid, &out->object_id))
        return "claim oid is missing or no id: this is no token of a service principal";
    return read_client(payload, out);
}

/* ---- signature ---- */

static const char *check_signature(const struct token_check *c, const struct jws *jws,
                                   struct pkey *key, enum jws_alg alg)
{
    struct verifier *verifier = verifiers_get(c->verifiers, key, alg);

    if (!verifier)
        return "the token's algorithm (alg) does not fit its key";
    return verifier_check(verifier, c->work, jws->signing_input, jws->signature)
               ? "the token's signature does not verify"
               : NULL;
}

static bool is_service_type(struct str typ)
{
    if (str_starts_nocase(typ, STR("application/")))
        typ = str_from_index(typ, 12);
    return !typ.len || name_eq_nocase(typ, STR("JWT")) || name_eq_nocase(typ, STR("at+jwt"));
}

static bool header_too_long(const struct jws *jws)
{
    return str_find(jws->signing_input, '.') > BASE64URL_LEN(JWS_HEADER_MAX);
}

/* ---- ours ---- */

static const char *own_signature(const struct token_check *c, const struct jws *jws)
{
    const struct signing_key *key;

    if (!jws->kid.len)
        return "the token names no key (kid)";
    key = directory_verifier(c->d, OWN_PURPOSE, jws->kid, c->now);
    if (!key || key->kid.len > KID_MAX)
        return "the token's key (kid) is not a key of this server's issuer, or retired";
    if (!name_eq(jws->alg, jws_alg_name(pkey_alg(key->key))))
        return "the token's algorithm (alg) is not that of its key";
    return check_signature(c, jws, key->key, pkey_alg(key->key));
}

/* Our own origins mean the management API. */
static enum token_audience own_audience(const struct token_check *c, const struct claim *payload)
{
    struct str aud = claim_get_text(payload, STR("aud"));
    enum token_audience known = token_audience_of(aud);

    if (known != AUDIENCE_NONE)
        return known;
    return origin_is_own(c->d, without_slash(aud)) ? AUDIENCE_ARM : AUDIENCE_NONE;
}

static const char *check_own(const struct token_check *c, const struct jws *jws,
                             struct service_claims *out)
{
    const char *why = own_signature(c, jws);

    if (why)
        return why;
    if (!name_eq_nocase(claim_get_text(jws->payload, STR("tid")), c->d->tenant_text))
        return "claim tid is not this server's tenant";
    why = read_principal(jws->payload, out);
    if (!why)
        why = read_times(jws->payload, out);
    if (why)
        return why;
    if (service_token_issued(jws->payload, &out->iat))
        return "claim cgi is missing, or not a time within the second of iat";
    if (out->exp - out->iat > TOKEN_LONGEST_MS)
        return "claims iat and exp are further apart than any token lives";
    out->own = true;
    out->audience = own_audience(c, jws->payload);
    if (out->audience == AUDIENCE_NONE)
        return "claim aud names no service of ours";
    memcpy(out->kid, jws->kid.ptr, jws->kid.len); /* one of ours: not longer than KID_MAX */
    out->kid_len = (uint8_t)jws->kid.len;
    return NULL;
}

/* ---- of others ---- */

/* Entra ID: the tenant is the record's, the token an application's. */
static const char *entra_principal(const struct trusted_issuer *t, const struct claim *payload,
                                   struct service_claims *out)
{
    struct str idtyp = claim_get_text(payload, STR("idtyp"));
    bool has_scopes = claim_get(payload, STR("scp")) != NULL;

    if (!name_eq_nocase(claim_get_text(payload, STR("tid")), t->tenant))
        return "claim tid is not the tenant of the issuer's record";
    if (!t->user_tokens && (has_scopes || (idtyp.len && !name_eq(idtyp, STR("app")))))
        return "the token speaks for a person (scp, idtyp), and this issuer's record takes "
               "applications alone";
    return read_principal(payload, out);
}

static const char *rule_principal(const struct trusted_issuer *t, const struct claim *payload,
                                  struct service_claims *out)
{
    const struct issuer_rule *rule = trusted_issuer_match(t, payload);

    if (!rule)
        return "no rule of the issuer's record matches the token's subject and claims";
    out->object_id = rule->principal;
    return NULL;
}

/* What the audience opens: the management API only by its own names, the data plane by any other
 * that the record has. What stands beside them opens nothing. */
static enum token_audience foreign_audience(const struct trusted_issuer *t,
                                            const struct claim *payload)
{
    const struct claim *aud = claim_get(payload, STR("aud"));

    if (claim_is(aud, CLAIM_TEXT))
        return token_audience_of(aud->u.text) == AUDIENCE_ARM ? AUDIENCE_ARM : AUDIENCE_DATA;
    for (const struct claim *item = claim_first(aud); item; item = item->next) {
        if (trusted_issuer_audience(t, item) && token_audience_of(item->u.text) != AUDIENCE_ARM)
            return AUDIENCE_DATA;
    }
    return AUDIENCE_ARM;
}

static const char *foreign_claims(const struct trusted_issuer *t, const struct claim *payload,
                                  struct service_claims *out)
{
    const char *why = NULL;

    if (!trusted_issuer_audience(t, claim_get(payload, STR("aud"))))
        return "claim aud has none of the audiences of the issuer's record";
    out->audience = foreign_audience(t, payload);
    why = t->kind == ISSUER_ENTRA ? entra_principal(t, payload, out)
                                  : rule_principal(t, payload, out);
    return why ? why : read_times(payload, out);
}

/* RC_OK: *out is a reference of the caller's. */
static enum rc foreign_key(const struct token_check *c, const struct trusted_issuer *t,
                           const struct key_query *q, struct pkey **out, struct denial *d)
{
    enum rc rc = key_source_find(t->keys, c->loop, q, out, &d->why);

    if (rc == RC_BUSY)
        d->source = key_source_ref(t->keys);
    return rc == RC_IO ? RC_DENIED : rc;
}

static enum rc check_foreign(const struct token_check *c, const struct trusted_issuer *t,
                             const struct jws *jws, struct service_claims *out, struct denial *d)
{
    struct key_query q = {.kid = jws->kid, .alg = jws_alg_from_name(jws->alg)};
    struct pkey *key = NULL;
    enum rc rc;

    if (q.alg == JWS_ALG_NONE || !(t->algs & 1U << q.alg) || jws->kid.len > KID_MAX) {
        d->why = "the token's algorithm (alg) is not one that the issuer's record allows, or its "
                 "key id (kid) is too long";
        return RC_DENIED;
    }
    rc = foreign_key(c, t, &q, &key, d);
    if (rc)
        return rc;
    d->why = check_signature(c, jws, key, q.alg);
    if (!d->why)
        d->why = foreign_claims(t, jws->payload, out);
    if (d->why) {
        pkey_unref(key);
        return RC_DENIED;
    }
    out->issuer = t->id;
    out->issuers_version = c->issuers_version;
    out->key = key;
    out->alg = q.alg;
    if (jws->kid.len)
        memcpy(out->kid, jws->kid.ptr, jws->kid.len);
    out->kid_len = (uint8_t)jws->kid.len;
    return RC_OK;
}

/* ---- the whole ---- */

bool service_token_claimed(const struct token_check *c, const struct jws *jws)
{
    struct str iss = claim_get_text(jws->payload, STR("iss"));

    if (directory_has_key(c->d, STR("user"), jws->kid))
        return false;
    return issuer_is_own(c->d, iss) || (c->issuers && issuer_set_find(c->issuers, iss)) ||
           !claim_get(jws->payload, STR("skypeid"));
}

enum rc service_token_check(const struct token_check *c, const struct jws *jws,
                            struct service_claims *out, struct denial *d)
{
    struct str iss = claim_get_text(jws->payload, STR("iss"));
    const struct trusted_issuer *t = c->issuers ? issuer_set_find(c->issuers, iss) : NULL;
    bool own = issuer_is_own(c->d, iss);

    *out = (struct service_claims){0};
    if (header_too_long(jws))
        d->why = "the token's header is too long";
    else if (!is_service_type(jws->typ))
        d->why = "the token's type (typ) is not that of an access token";
    else if (!own && !t)
        d->why = "the token's issuer (iss) is not this server's, nor one that it trusts";
    if (d->why)
        return RC_DENIED;
    out->challengeable = has_cp1(jws->payload);
    if (!own)
        return check_foreign(c, t, jws, out, d);
    d->why = check_own(c, jws, out);
    return d->why ? RC_DENIED : RC_OK;
}

static enum rc foreign_still(const struct token_check *c, const struct service_claims *claims,
                             struct denial *d)
{
    const struct trusted_issuer *t = NULL;
    struct key_query q = {.kid = str_of(claims->kid, claims->kid_len), .alg = claims->alg};
    struct pkey *key = NULL;
    enum rc rc;

    if (claims->issuers_version != c->issuers_version)
        return RC_CONFLICT;
    for (size_t i = 0; !t && i < c->issuers->n; i++) {
        if (uuid_eq(&c->issuers->items[i].id, &claims->issuer))
            t = &c->issuers->items[i];
    }
    if (!t)
        return RC_CONFLICT;
    rc = foreign_key(c, t, &q, &key, d);
    if (!rc && key != claims->key)
        rc = RC_CONFLICT;
    pkey_unref(key);
    return rc;
}

enum rc service_token_still(const struct token_check *c, const struct service_claims *claims,
                            struct denial *d)
{
    if (!claims->own)
        return foreign_still(c, claims, d);
    if (directory_verifier(c->d, OWN_PURPOSE, str_of(claims->kid, claims->kid_len), c->now))
        return RC_OK;
    d->why = "the token's key (kid) is not a key of this server's issuer, or retired";
    return RC_DENIED;
}
