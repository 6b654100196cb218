/* User access tokens: from octets to verified claims.
 *
 * The key set of purpose "user" and the kid decide what a token is; the algorithm is the key's, and
 * the header must agree. Time, revocation and the resource's state are identify.c's business.
 * Source: wire/authentication §3.1; design D14, D15; RFC 8725. */
#include "gate/scheme_user.h"

#include "gate/scheme_entra.h"
#include "gate/user_standing.h"

#define SECONDS_MAX (((int64_t)1 << 53) - 1)

/* ---- the signature ---- */

static const char *verify_signature(const struct token_check *c, const struct jws *jws)
{
    const struct signing_key *key;
    struct verifier *verifier;

    if (!jws->kid.len)
        return "the token names no key (kid)";
    key = directory_verifier(c->d, STR("user"), jws->kid, c->now);
    if (!key || key->kid.len > KID_MAX)
        return "the token's key (kid) is not a key of user access tokens here, or retired";
    if (!name_eq(jws->alg, jws_alg_name(pkey_alg(key->key))))
        return "the token's algorithm (alg) is not that of its key";
    if (!name_eq(jws->typ, STR("JWT")))
        return "the token's type (typ) is not JWT";
    verifier = verifiers_get(c->verifiers, key->key, pkey_alg(key->key));
    if (!verifier || verifier_check(verifier, c->work, jws->signing_input, jws->signature))
        return "the token's signature does not verify";
    return NULL;
}

/* ---- the claims ---- */

static const char *read_user(const struct claim *payload, struct user_claims *out)
{
    const struct claim *skypeid = claim_get(payload, STR("skypeid"));
    const struct claim *resource = claim_get(payload, STR("resourceId"));
    struct uuid named;
    char raw_id[80] = "8:";

    if (!claim_is(skypeid, CLAIM_TEXT))
        return "claim skypeid is missing or no string";
    struct str id = skypeid->u.text;
    if (id.len > sizeof raw_id - 2)
        return "claim skypeid is not of the form acs:<resource>_<user>";
    memcpy(raw_id + 2, id.ptr, id.len);
    if (user_id_parse(str_of(raw_id, id.len + 2), &out->user))
        return "claim skypeid is not of the form acs:<resource>_<user>";
    if (!claim_is(resource, CLAIM_TEXT) || uuid_parse(resource->u.text, &named))
        return "claim resourceId is missing or no id";
    if (!uuid_eq(&named, &out->user.resource))
        return "claim resourceId is not the resource of skypeid";
    return NULL;
}

static const char *read_scopes(const struct claim *payload, struct user_claims *out)
{
    const struct claim *scopes = claim_get(payload, STR("acsScope"));
    bool more = true;

    if (!claim_is(scopes, CLAIM_TEXT))
        return "claim acsScope is missing or no string";
    struct str list = scopes->u.text;
    out->scopes = 0;
    while (more) {
        struct str name;

        more = str_cut(list, ',', &name, &list);
        unsigned bit = scope_from_name(name);
        if (!bit)
            return "claim acsScope names an unknown scope";
        out->scopes |= bit;
    }
    return NULL;
}

/* An integer claim within [0, 2^53); `out` keeps its value when it is absent. */
static enum rc read_seconds(const struct claim *payload, struct str name, int64_t *out)
{
    const struct claim *value = claim_get(payload, name);

    if (!value)
        return RC_NOT_FOUND;
    if (value->kind != CLAIM_INTEGER || value->u.integer < 0 || value->u.integer > SECONDS_MAX)
        return RC_INVALID;
    *out = value->u.integer;
    return RC_OK;
}

static const char *read_times(const struct claim *payload, struct user_claims *out)
{
    if (read_seconds(payload, STR("exp"), &out->standing.exp))
        return "claim exp is missing or not a whole number of seconds";
    if (read_seconds(payload, STR("iat"), &out->standing.iat))
        return "claim iat is missing or not a whole number of seconds";
    out->nbf = 0;
    if (read_seconds(payload, STR("nbf"), &out->nbf) == RC_INVALID)
        return "claim nbf is not a whole number of seconds";
    if (out->standing.exp < out->standing.iat ||
        out->standing.exp - out->standing.iat > TOKEN_LONGEST_MS / 1000)
        return "claims iat and exp are further apart than any token lives";
    return NULL;
}

static const char *read_key(const struct claim *payload, struct user_standing *out)
{
    const struct claim *cgk = claim_get(payload, STR("cgk"));
    uint64_t generation;

    out->by_key = cgk != NULL;
    if (!cgk)
        return NULL;
    struct str text = claim_is(cgk, CLAIM_TEXT) ? cgk->u.text : STR_EMPTY;
    if (text.len < 2 || (text.ptr[0] != 'p' && text.ptr[0] != 's') ||
        str_to_u64(str_from_index(text, 1), UINT32_MAX, &generation))
        return "claim cgk is not a key slot and generation";
    out->key = text.ptr[0] == 'p' ? KEY_PRIMARY : KEY_SECONDARY;
    out->key_generation = (uint32_t)generation;
    return NULL;
}

static const char *read_generation(const struct claim *payload, struct user_standing *out)
{
    const struct claim *cgg = claim_get(payload, STR("cgg"));

    out->generation = 0;
    if (!cgg)
        return NULL;
    if (cgg->kind != CLAIM_INTEGER || cgg->u.integer < 0 || cgg->u.integer > UINT32_MAX)
        return "claim cgg is not a generation";
    out->generation = (uint32_t)cgg->u.integer;
    return NULL;
}

static const char *read_claims(const struct claim *payload, struct user_claims *out)
{
    const char *why;

    if (!claim_get_text(payload, STR("iss")).len)
        return "claim iss is missing or no string";
    why = read_user(payload, out);
    if (!why)
        why = read_scopes(payload, out);
    if (!why)
        why = read_times(payload, out);
    if (!why)
        why = read_key(payload, &out->standing);
    return why ? why : read_generation(payload, &out->standing);
}

/* ---- the whole ---- */

const char *user_token_check(const struct token_check *c, const struct jws *jws,
                             struct user_claims *out)
{
    struct user_claims claims = {0};
    const char *why = verify_signature(c, jws);

    if (!why)
        why = read_claims(jws->payload, &claims);
    if (why)
        return why;
    memcpy(claims.kid, jws->kid.ptr, jws->kid.len); /* one of ours: not longer than KID_MAX */
    claims.kid_len = (uint8_t)jws->kid.len;
    claims.standing.kid_hash = user_kid_hash(jws->kid);
    *out = claims;
    return NULL;
}

const char *user_token_still(const struct directory *d, const struct user_claims *claims,
                             unix_ms now)
{
    return directory_verifier(d, STR("user"), str_of(claims->kid, claims->kid_len), now)
               ? NULL
               : "the token's key (kid) is not a key of user access tokens here, or retired";
}
