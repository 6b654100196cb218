/* Client assertions, and what else a client of the token endpoint brings along. The official
 * clients differ in how they write thumbprints and dates, and one fills its base64url up: those are
 * read leniently, all else strictly. A certificate counts because it is registered, an issuer
 * because the application has a record of it: nothing in the assertion's header vouches for
 * anything. */
#include "gate/client_proof.h"

#include "crypto/base64.h"
#include "crypto/cert.h"
#include "http/request.h"

#define SKEW_MS       ((int64_t)5 * 60 * 1000)
#define LIFE_MAX_MS   ((int64_t)24 * 60 * 60 * 1000)
#define AUDIENCES_MAX ((size_t)64)
#define BASIC_MAX     ((size_t)4096)
#define KEY_JSON_MAX  (8 * KIB)
#define OWN_PURPOSE   STR("issuer")

/* ---- HTTP Basic ---- */

/* In place: '+' is a blank, %XX an octet. */
static enum rc form_decode(char *text, struct str *io)
{
    size_t n = 0;

    for (size_t at = 0; at < io->len; at++) {
        char c = text[at];

        if (c == '+')
            c = ' ';
        if (c == '%') {
            if (io->len - at < 3 || hex_decode(str_of(text + at + 1, 2), &c, 1))
                return RC_INVALID;
            at += 2;
        }
        if (c == '\0')
            return RC_INVALID;
        text[n++] = c;
    }
    *io = str_of(text, n);
    return str_is_utf8(*io) ? RC_OK : RC_INVALID;
}

enum rc basic_read(struct request *req, struct str *out_client, struct str *out_secret)
{
    struct str scheme, rest, client, secret;
    struct str value = headers_get(&req->headers, HEADER_AUTHORIZATION);
    size_t len, colon;
    char *text;

    if (req->headers.times[HEADER_AUTHORIZATION] == 0)
        return RC_NOT_FOUND;
    if (req->headers.times[HEADER_AUTHORIZATION] > 1 || !str_cut(value, ' ', &scheme, &rest) ||
        !name_eq_nocase(scheme, STR("Basic")) || rest.len > BASIC_MAX)
        return RC_INVALID;
    rest = str_trim(rest);
    text = arena_alloc(req->arena, rest.len + 3);
    if (base64_decode(rest, text, rest.len + 3, &len))
        return RC_INVALID;
    colon = str_find(str_of(text, len), ':');
    if (colon == len)
        return RC_INVALID;
    client = str_of(text, colon);
    secret = str_of(text + colon + 1, len - colon - 1);
    if (form_decode(text, &client) || form_decode(text + colon + 1, &secret))
        return RC_INVALID;
    *out_client = client;
    *out_secret = secret;
    return RC_OK;
}

/* ---- taking apart ---- */

enum rc assertion_read(struct str text, struct arena *arena, struct assertion *out,
                       const char **out_why)
{
    static const struct jws_limits limits = {ASSERTION_MAX, JWS_HEADER_X5C_MAX, true};
    struct assertion a = {0};
    enum rc rc = jws_parse_within(text, &limits, arena, &a.jws, out_why);

    if (rc)
        return rc;
    a.iss = claim_get_text(a.jws.payload, STR("iss"));
    a.sub = claim_get_text(a.jws.payload, STR("sub"));
    a.jti = claim_get_text(a.jws.payload, STR("jti"));
    a.federated = str_starts(a.iss, STR("https://")) || str_starts(a.iss, STR("http://"));
    if (a.federated && str_find(text, '=') != text.len) {
        *out_why = "it has padding, which only a client's own assertion may have";
        return RC_INVALID;
    }
    *out = a;
    return RC_OK;
}

/* ---- what both kinds ask for ---- */

/* `aud` is a text that fits, or a list with one. */
static bool audience_fits(const struct claim *aud, bool (*fits)(void *ctx, struct str aud),
                          void *ctx)
{
    if (claim_is(aud, CLAIM_TEXT))
        return fits(ctx, aud->u.text);
    if (claim_count(aud) > AUDIENCES_MAX)
        return false;
    for (const struct claim *item = claim_first(aud); item; item = item->next) {
        if (item->kind == CLAIM_TEXT && fits(ctx, item->u.text))
            return true;
    }
    return false;
}

/* Present and fit, or absent: nbf and iat. */
static const char *begins_late(const struct claim *payload, unix_ms now,
                               enum numeric_date_form form)
{
    static const struct str names[] = {STR_INIT("nbf"), STR_INIT("iat")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unix_ms at;
        enum rc rc = jws_numeric_date(payload, names[i], form, &at);

        if (rc == RC_INVALID)
            return "its nbf or iat is not a time";
        if (rc == RC_OK && at > now + SKEW_MS)
            return "its nbf or iat lies ahead by more than five minutes: compare the clocks";
    }
    return NULL;
}

/* Old clients write dates as text; only in what they sign themselves. */
static const char *out_of_time(struct assertion *a, unix_ms now, enum numeric_date_form form,
                               int64_t skew_ms)
{
    if (jws_numeric_date(a->jws.payload, STR("exp"), form, &a->exp))
        return "its exp is missing or not a time";
    if (a->exp <= now - skew_ms)
        return "it has expired (exp): compare the clocks, and make a new one for each request";
    return begins_late(a->jws.payload, now, form);
}

/* ---- signed by the client itself ---- */

static bool is_for_clients(enum jws_alg alg)
{
    const uint32_t taken = 1U << JWS_RS256 | 1U << JWS_RS384 | 1U << JWS_RS512 | 1U << JWS_PS256 |
                           1U << JWS_PS384 | 1U << JWS_PS512 | 1U << JWS_ES256;

    return taken >> alg & 1U;
}

/* A thumbprint of the header: *out_there is false when it has none. */
static enum rc thumbprint(const struct claim *header, struct str name, uint8_t *out, size_t len,
                          bool *out_there)
{
    const struct claim *value = claim_get(header, name);
    size_t got;

    *out_there = value != NULL;
    if (!value)
        return RC_OK;
    if (value->kind != CLAIM_TEXT || thumbprint_decode(value->u.text, out, len, &got) || got != len)
        return RC_INVALID;
    return RC_OK;
}

/* The registered certificate that all thumbprints of the header name. */
static const struct app_certificate *
find_certificate(const struct app_document *doc, const struct claim *header, const char **out_why)
{
    uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN];
    bool has_sha1, has_sha256;

    *out_why = "its header has a thumbprint (x5t, x5t#S256) that is none";
    if (thumbprint(header, STR("x5t"), sha1, sizeof sha1, &has_sha1) ||
        thumbprint(header, STR("x5t#S256"), sha256, sizeof sha256, &has_sha256))
        return NULL;
    *out_why = "its header names no certificate: x5t or x5t#S256 is needed";
    if (!has_sha1 && !has_sha256)
        return NULL;
    *out_why = "its thumbprint (x5t, x5t#S256) is that of no certificate of this application";
    for (size_t i = 0; i < doc->certificates_count; i++) {
        const struct app_certificate *cert = &doc->certificates[i];

        if ((!has_sha1 || ct_equal(cert->sha1, sha1, sizeof sha1)) &&
            (!has_sha256 || ct_equal(cert->sha256, sha256, sizeof sha256)))
            return cert;
    }
    return NULL;
}

static const char *certificate_signature(const struct assertion *a, const struct token_check *c,
                                         const struct app_certificate *cert, enum jws_alg alg)
{
    struct cert read = {0};
    const char *why = NULL;
    struct verifier *verifier;

    if (cert_read(cert->der, c->arena, &read, &why))
        return "the registered certificate can't be read";
    verifier = verifier_new_alg(read.key, alg); /* not kept: such requests are rare */
    if (!verifier)
        why = "its algorithm (alg) does not fit the certificate's key";
    else if (verifier_check(verifier, c->work, a->jws.signing_input, a->jws.signature))
        why = "its signature does not verify with the certificate that it names";
    verifier_free(verifier);
    cert_clear(&read);
    return why;
}

static bool is_client(struct str text, const struct uuid *client_id)
{
    struct uuid id;

    return uuid_parse(text, &id) == RC_OK && uuid_eq(&id, client_id);
}

static enum assertion_flaw certificate_claims(struct assertion *a, const struct token_check *c,
                                              const struct assertion_party *party,
                                              const char **out_why)
{
    *out_why = "its iss and sub must both be the client id";
    if (!is_client(a->iss, party->client_id) || !is_client(a->sub, party->client_id))
        return ASSERTION_PARTIES;
    *out_why = "its aud is neither a token endpoint of this server's nor its issuer";
    if (!audience_fits(claim_get(a->jws.payload, STR("aud")), party->is_ours, party->ctx))
        return ASSERTION_AUDIENCE;
    *out_why = out_of_time(a, c->now, NUMERIC_DATE_OR_DIGITS, SKEW_MS);
    if (!*out_why && a->exp > c->now + LIFE_MAX_MS)
        *out_why = "its exp lies ahead by more than a day";
    return *out_why ? ASSERTION_TIME : ASSERTION_FINE;
}

enum assertion_flaw assertion_by_certificate(struct assertion *a, const struct token_check *c,
                                             const struct assertion_party *party,
                                             const char **out_why)
{
    enum jws_alg alg = jws_alg_from_name(a->jws.alg);
    const struct app_certificate *cert;

    *out_why = "its algorithm (alg) is none of RS256, PS256, RS384, PS384, RS512, PS512, ES256";
    if (!is_for_clients(alg))
        return ASSERTION_KEY;
    cert = find_certificate(party->document, a->jws.header, out_why);
    if (!cert)
        return ASSERTION_KEY;
    *out_why = certificate_signature(a, c, cert, alg);
    if (*out_why)
        return ASSERTION_KEY;
    *out_why = "the certificate that signed it has expired, or is not valid yet";
    if (c->now < cert->not_before || c->now > cert->not_after)
        return ASSERTION_CERTIFICATE;
    return certificate_claims(a, c, party, out_why);
}

/* ---- signed by another issuer ---- */

static bool is_audience(void *ctx, struct str aud)
{
    const struct app_federated *record = ctx;

    return name_eq(aud, record->audience);
}

enum assertion_flaw assertion_registration(const struct assertion *a,
                                           const struct app_document *doc,
                                           const struct app_federated **out)
{
    const struct claim *aud = claim_get(a->jws.payload, STR("aud"));
    enum assertion_flaw flaw = ASSERTION_ISSUER;

    for (size_t i = 0; i < doc->federated_count; i++) {
        struct app_federated *record = &doc->federated[i];

        if (!name_eq(a->iss, record->issuer))
            continue;
        if (!name_eq(a->sub, record->subject)) {
            if (flaw == ASSERTION_ISSUER)
                flaw = ASSERTION_SUBJECT;
            continue;
        }
        if (audience_fits(aud, is_audience, record)) {
            *out = record;
            return ASSERTION_FINE;
        }
        flaw = ASSERTION_FEDERATED_AUDIENCE;
    }
    return flaw;
}

static enum rc refuse(struct assertion_issuer *by, enum assertion_flaw flaw, const char *why)
{
    by->flaw = flaw;
    by->why = why;
    return RC_DENIED;
}

/* The key that signed it, if its issuer is who it says: *out is a reference of the caller's. */
static enum rc issuer_key(const struct assertion *a, const struct token_check *c,
                          struct assertion_issuer *by, struct pkey **out)
{
    struct key_query q = {.kid = a->jws.kid, .alg = jws_alg_from_name(a->jws.alg)};
    const struct signing_key *own;
    enum rc rc;

    if (!by->source) {
        own = q.kid.len ? directory_verifier(c->d, OWN_PURPOSE, q.kid, c->now) : NULL;
        if (!own || pkey_alg(own->key) != q.alg)
            return refuse(by, ASSERTION_KEY, "its key (kid) is no key of this server's issuer");
        *out = pkey_ref(own->key);
        return RC_OK;
    }
    if (q.alg == JWS_ALG_NONE || !(by->algs & 1U << q.alg))
        return refuse(by, ASSERTION_KEY, "its algorithm (alg) is not taken of its issuer");
    rc = key_source_find(by->source, c->loop, &q, out, &by->why);
    return rc == RC_DENIED ? refuse(by, ASSERTION_KEY, by->why) : rc;
}

enum rc assertion_by_issuer(struct assertion *a, const struct token_check *c,
                            struct assertion_issuer *by)
{
    struct pkey *key = NULL;
    enum jws_alg alg = jws_alg_from_name(a->jws.alg);
    struct verifier *verifier;
    const char *why;
    enum rc rc = issuer_key(a, c, by, &key);

    if (rc)
        return rc;
    verifier = verifiers_get(c->verifiers, key, alg);
    if (!verifier)
        rc = refuse(by, ASSERTION_KEY, "its algorithm (alg) does not fit its key");
    else if (verifier_check(verifier, c->work, a->jws.signing_input, a->jws.signature))
        rc = refuse(by, ASSERTION_KEY, "its signature does not verify with its issuer's key");
    pkey_unref(key);
    if (rc)
        return rc;
    why = out_of_time(a, c->now, NUMERIC_DATE_NUMBER, by->source ? SKEW_MS : 0);
    return why ? refuse(by, ASSERTION_TIME, why) : RC_OK;
}

/* ---- our own keys, for others to read ---- */

void signing_key_write(const struct signing_key *k, struct str issuer, struct json_writer *w)
{
    struct json_writer inner;
    struct buf text, chain;

    buf_init(&text, KEY_JSON_MAX);
    buf_init(&chain, KEY_JSON_MAX);
    json_writer_init(&inner, &text);
    pkey_write_jwk(k->key, k->kid, &inner);
    if (text.len)
        text.len--; /* the object goes on */
    inner.comma = true;
    if (k->certificate.len) {
        char *at = buf_reserve(&chain, BASE64_LEN(k->certificate.len));

        if (at)
            buf_grown(&chain, base64_encode(k->certificate.ptr, k->certificate.len, at));
        json_member_str(&inner, "x5t", k->x5t);
        json_name(&inner, "x5c");
        json_array_begin(&inner);
        json_str(&inner, buf_str(&chain));
        json_array_end(&inner);
    }
    json_member_str(&inner, "issuer", issuer);
    json_object_end(&inner);
    if (text.failed || chain.failed)
        w->out->failed = RC_INTERNAL;
    else
        json_raw(w, buf_str(&text));
    buf_clear(&text);
    buf_clear(&chain);
}
