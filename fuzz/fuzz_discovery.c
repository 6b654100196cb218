/* What issuers serve, and what is kept of them. The first line is an issuer (or a URL, or a
 * Cache-Control field), the rest a document: it is read as OpenID configuration, as key set and as
 * the document of an issuer's row, and then serves as a token's payload. */
#include "fuzz.h"

#include "gate/issuer_url.h"
#include "gate/issuers.h"
#include "gate/key_set.h"

#define KEYS_MAX 8 /* a key costs more than its text */

static const struct key_location operators = {
    .issuer = STR_INIT("https://a.example"),
    .jwks_url = STR_INIT("https://10.0.0.1/k"),
    .private_ok = true,
};

/* What is accepted keeps its promises: no way to a private host that nobody wrote, no token to
 * another origin. */
static void check_url(struct str text)
{
    struct web_url url;
    struct key_url how = {0};
    const char *why = NULL;
    bool taken = web_url_read(text, &url) == RC_OK;

    if (key_url_judge(&operators, text, false, &how, &why)) {
        CHECK(why && *why);
    } else {
        CHECK(taken && url.secure);
        CHECK(!how.with_token || name_eq_nocase(url.host, STR("10.0.0.1")) ||
              name_eq_nocase(str_head(url.host, 9), STR("a.example")));
        CHECK(how.allow_private || !url.address);
    }
    if (!taken)
        return;
    CHECK(url.port && url.host.len && fuzz_lies_within(url.host, text));
    CHECK(fuzz_lies_within(url.rest, text) && str_ends(text, url.rest));
    CHECK(web_url_same_origin(&url, &url));
    if (issuer_url_valid(text, true) && !url.secure)
        CHECK(web_url_is_loopback(&url) && !issuer_url_valid(text, false));
}

static void check_configuration(struct str document, const struct key_location *where,
                                struct arena *arena)
{
    struct str url = STR_EMPTY;
    const char *why = NULL;

    if (discovery_read(document, where, arena, &url, &why)) {
        CHECK(why && *why);
        return;
    }
    CHECK(url.len && url.len <= WEB_URL_MAX);
    check_url(url);
}

/* Every usable key is found by its kid, and by no other algorithm than it fits. */
static void check_set(struct str document, const struct key_location *where)
{
    struct key_set *set = NULL;
    const char *why = NULL;

    if (key_set_read(document, where, &set, &why)) {
        CHECK(why && *why && !set);
        return;
    }
    CHECK(set->n <= KEY_SET_MAX && key_set_usable(set) > 0 && key_set_usable(set) <= set->n);
    for (size_t i = 0; i < set->n && i < KEYS_MAX; i++) {
        for (enum jws_alg alg = JWS_ALG_NONE; alg < JWS_ALG_COUNT; alg++) {
            struct key_query q = {set->keys[i].kid, alg};
            struct pkey *key = NULL;
            enum rc rc = key_set_find(set, &q, &key, &why);

            CHECK(rc == RC_OK ? pkey_fits(key, alg) : rc == RC_DENIED && !key);
            if (q.kid.len)
                CHECK((rc == RC_OK) == (set->keys[i].key && pkey_fits(set->keys[i].key, alg)));
            pkey_unref(key);
        }
    }
    struct key_query stranger = {STR("\x01 nobody"), JWS_ES256};
    struct pkey *key = NULL;
    CHECK(key_set_find(set, &stranger, &key, &why) != RC_OK || key);
    pkey_unref(key);
    snapshot_unref(&set->snapshot);
}

/* A rule of a document that is taken has something to match; written and read it stays the same. */
static void check_row(struct str issuer, struct str document, struct arena *arena)
{
    struct issuer_row row = {.issuer = issuer, .document = document};
    struct trusted_issuer t = {0};
    struct str why = STR_EMPTY, written;
    const struct claim *doc = NULL;

    if (trusted_issuer_read(&row, arena, &t, &why)) {
        CHECK(why.len);
        return;
    }
    CHECK(t.audiences_count && t.algs && !(t.algs & 1U << JWS_ALG_NONE) && !t.keys);
    CHECK((t.kind == ISSUER_OIDC) == (t.rules_count > 0));
    for (size_t i = 0; i < t.rules_count; i++)
        CHECK(t.rules[i].subject.len || t.rules[i].claims_count);
    written = trusted_issuer_write(&t, arena);
    row.document = written;
    CHECK(trusted_issuer_read(&row, arena, &t, &why) == RC_OK);
    CHECK(str_eq(trusted_issuer_write(&t, arena), written));
    CHECK(!claims_read(document, arena, &doc));
    const struct claim *token = claim_first(claim_get(doc, STR("rules")));
    for (size_t i = 0; token; i++, token = token->next) {
        const struct claim *claims = claim_get(token, STR("claims"));
        const struct issuer_rule *rule = trusted_issuer_match(&t, claims);

        CHECK(t.rules[i].subject.len || rule); /* its own claims, as they stand, satisfy it */
    }
    const struct claim *audiences = claim_get(doc, STR("audiences"));
    CHECK(!claim_count(audiences) || trusted_issuer_audience(&t, audiences));
    CHECK(t.rules_count || !trusted_issuer_match(&t, doc));
}

/* Any object is a payload for these rules. */
static void check_payload(struct str document, struct arena *arena)
{
    static struct issuer_rule rules[] = {
        {.subject = STR_INIT("s"), .claims = {{STR_INIT("a.b"), STR_INIT("1")}}, .claims_count = 1},
        {.claims = {{STR_INIT("a.b.c"), STR_INIT("true")}}, .claims_count = 1},
    };
    static struct str audience = STR_INIT("x");
    const struct trusted_issuer t = {
        .rules = rules, .rules_count = 2, .audiences = &audience, .audiences_count = 1};
    const struct issuer_rule *rule;
    const struct claim *payload = NULL;

    if (claims_read(document, arena, &payload))
        return;
    rule = trusted_issuer_match(&t, payload);
    CHECK(!rule || claim_is(payload, CLAIM_OBJECT));
    CHECK(rule != &rules[0] || claim_is(claim_get(payload, STR("sub")), CLAIM_TEXT));
    CHECK(!trusted_issuer_audience(&t, claim_get(payload, STR("aud"))) ||
          claim_get(payload, STR("aud")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str issuer, document, text = str_of(data, size);
    struct key_location where = {0};
    struct entra_forms forms = {0};
    struct arena arena;
    enum rc rc;

    (void)str_cut(text, '\n', &issuer, &document); /* without a line end: no document */
    arena_init(&arena);
    check_url(issuer);
    CHECK(cache_max_age_s(issuer) >= -1);
    rc = entra_forms_read(issuer, &arena, &forms);
    CHECK(rc || (forms.tenant.len == 36 && (str_ends(forms.v2, STR("/v2.0")))));
    where.issuer = rc ? issuer : forms.v2;
    where.entra = rc == RC_OK;
    where.tenant = forms.tenant;
    CHECK(discovery_url(&where, &arena).len > 0);
    check_configuration(document, &where, &arena);
    check_set(document, &where);
    check_row(issuer, document, &arena);
    check_payload(document, &arena);
    arena_clear(&arena);
    return 0;
}
