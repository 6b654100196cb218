/* Service tokens of our own issuer: the list of token attacks of wire/http §2 for the second
 * scheme, each refused with 401 and explained by its true reason, beside the twin that passes;
 * revocation, roles, the claims challenge. Tokens of other issuers: test_foreign_tokens.c. */
#include "unit/gate/fixture.h"

#include "crypto/base64.h"
#include "crypto/jws.h"
#include "gate/applications.h"

#include <stdio.h>

static const struct route data_row = {
    POST, "/identities", &test_api,  ACCEPT_KEY | ACCEPT_ENTRA, NEED_IDENTITY, KIB,
    NULL, PLANE_WIRE,    KIND_REPLY, ACTION_IDENTITY_WRITE,     MEDIA_JSON};
static const struct route arm_row = {
    GET,        "/subscriptions/{s}",      &test_api, ACCEPT_ARM, NEED_ARM, KIB, NULL, PLANE_WIRE,
    KIND_REPLY, ACTION_SUBSCRIPTIONS_READ, MEDIA_JSON};
static const struct route user_row = {
    GET,  "/admin/whoami", &test_api,  ACCEPT_USER, NEED_ANY,  KIB,
    NULL, PLANE_ADMIN,     KIND_REPLY, ACTION_NONE, MEDIA_JSON};

#define TENANT    "f0000000-0000-0000-0000-00000000000f"
#define SUB       "50000000-0000-0000-0000-000000000005"
#define APP       "a0000000-0000-0000-0000-00000000000a"
#define OBJECT    "0b000000-0000-0000-0000-0000000000b0"
#define STRANGER  "0b000000-0000-0000-0000-0000000000b1"
#define ISS       "\"iss\":\"https://localhost:8443/" TENANT "/v2.0\""
#define AUD       "\"aud\":\"https://communication.azure.com/\""
#define TIMES     "\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795446000000,\"nbf\":1795445700"
#define WHO       "\"oid\":\"" OBJECT "\",\"appid\":\"" APP "\",\"tid\":\"" TENANT "\""
#define PAYLOAD   "{" ISS "," AUD "," TIMES "," WHO "}"
#define HEADER    "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"%s\"}"
#define SERVICE   "service token; "
#define NO_ISSUER SERVICE "the token's issuer (iss) is not this server's, nor one that it trusts"
#define NO_KEY    SERVICE "the token's key (kid) is not a key of this server's issuer, or retired"
#define NO_CGI    SERVICE "claim cgi is missing, or not a time within the second of iat"
#define NO_ALG    SERVICE "the token's algorithm (alg) is not that of its key"

static struct uuid id_of(const char *text)
{
    struct uuid id;

    assert_int_equal(uuid_parse(str_from(text), &id), RC_OK);
    return id;
}

static void put_meta(struct fixture *f, struct str name, const char *value)
{
    fixture_commit(f, (struct change){.kind = CHANGE_META_PUT,
                                      .u.meta = {.name = name, .value = str_from(value)}});
}

static void put_application(struct fixture *f, struct application_row *row)
{
    fixture_commit(f, (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = *row});
}

static struct application_row application(void)
{
    return (struct application_row){.client_id = id_of(APP),
                                    .object_id = id_of(OBJECT),
                                    .kind = APPLICATION_APP,
                                    .version = 1,
                                    .created = NOW,
                                    .name = STR("app"),
                                    .document = STR("{}")};
}

static void assign(struct fixture *f, const char *role, const char *scope, uint8_t id)
{
    fixture_commit(
        f, (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT,
                           .u.role_assignment = {.id = {{id}},
                                                 .principal = id_of(OBJECT),
                                                 .role = built_in_role_by_name(str_from(role))->id,
                                                 .built_in_role = true,
                                                 .scope = str_from(scope),
                                                 .created = NOW}});
}

static void add_issuer_key(struct fixture *f)
{
    struct arena arena;
    struct signing_key_row row;

    arena_init(&arena);
    assert_int_equal(signing_key_make(f->master, JWS_ES256, STR("issuer"), NOW, NOW, &arena, &row),
                     RC_OK);
    fixture_commit(f, (struct change){.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key = row});
    arena_clear(&arena);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct application_row row = application();

    fixture_init(f, NULL);
    put_meta(f, META_TENANT, TENANT);
    put_meta(f, META_SUBSCRIPTION, SUB);
    put_application(f, &row);
    assign(f, "Callgate Identity Contributor", "/", 1);
    add_issuer_key(f); /* reads the ids, too */
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_clear(*state);
    free(*state);
    return 0;
}

static const struct signing_key *key_of(struct fixture *f, const char *purpose)
{
    return directory_signer(gate_directory(f->gl), str_from(purpose), NOW);
}

static void craft(struct fixture *f, struct pkey *key, struct str header, struct str payload,
                  struct buf *out)
{
    struct signer *signer = signer_new(key);
    char *header_b64 = malloc(BASE64URL_LEN(header.len) + 1);
    size_t n = base64url_encode(header.ptr, header.len, header_b64);

    buf_reset(out);
    assert_int_equal(jws_compose(signer, f->work, str_of(header_b64, n), payload, out), RC_OK);
    free(header_b64);
    signer_free(signer);
}

/* What came of one request. */
struct outcome {
    int status; /* 0: identified */
    char why[600], challenge[600];
    struct principal principal;
};

static const char *host; /* NULL: ours */

static struct outcome send_token(struct fixture *f, struct str token, const struct route *row,
                                 const char *target)
{
    struct outcome o = {0};
    struct request_fake fake;
    struct buf value;
    bool known;

    request_fake_init(&fake, &tls_door);
    buf_init(&value, MIB);
    buf_add(&value, STR("Bearer "));
    buf_add(&value, token);
    fixture_request(
        &fake,
        &(struct recipe){
            .method = "GET", .target = target, .host = host, .authorization = buf_cstr(&value)},
        row);
    fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
    const struct api_error *error = gate_identify(f->gl, &fake.req);
    o.status = error ? error->status : 0;
    (void)snprintf(o.why, sizeof o.why, STR_FMT, STR_ARG(fake.req.explain));
    for (size_t i = 0; i < fake.req.reply.extra_count; i++) {
        if (name_eq(fake.req.reply.extra[i].name, STR("WWW-Authenticate")))
            (void)snprintf(o.challenge, sizeof o.challenge, STR_FMT,
                           STR_ARG(fake.req.reply.extra[i].value));
    }
    if (!error)
        o.principal = *fake.req.principal;
    buf_clear(&value);
    request_fake_clear(&fake);
    return o;
}

static struct outcome send_payload(struct fixture *f, const char *payload, const struct route *row)
{
    struct buf token;
    char header[256];

    buf_init(&token, MIB);
    (void)snprintf(header, sizeof header, HEADER, key_of(f, "issuer")->kid.ptr);
    craft(f, key_of(f, "issuer")->key, str_from(header), str_from(payload), &token);
    struct outcome o = send_token(f, buf_str(&token), row, TARGET);
    buf_clear(&token);
    return o;
}

static void check_why(const struct outcome *o, const char *why)
{
    assert_int_equal(o->status, 401);
    if (strncmp(o->why, why, strlen(why)) != 0)
        fail_msg("explained as \"%s\", not \"%s\"", o->why, why);
}

/* clang-format off */
static const struct {
    const char *name, *header, *payload; /* NULL: the right one */
    const char *why;                     /* NULL: accepted */
} texts[] = {
    {"the twin that is right", NULL, NULL, NULL},
    {"1: alg none", "{\"alg\":\"none\",\"kid\":\"%s\"}", NULL, SERVICE "alg is none"},
    {"1: alg a number", "{\"alg\":1,\"kid\":\"%s\"}", NULL, SERVICE "alg is not a string"},
    {"1: alg absent", "{\"kid\":\"%s\"}", NULL, SERVICE "alg is missing"},
    {"5: alg of another kind of key", "{\"alg\":\"RS256\",\"kid\":\"%s\"}", NULL, NO_ALG},
    {"5: alg in lower case", "{\"alg\":\"es256\",\"kid\":\"%s\"}", NULL, NO_ALG},
    {"6: kid unknown", "{\"alg\":\"ES256\",\"kid\":\"x%s\"}", NULL, NO_KEY},
    {"6: kid absent", "{\"alg\":\"ES256\"}", NULL, SERVICE "the token names no key (kid)"},
    {"6: kid a path", "{\"alg\":\"ES256\",\"kid\":\"../%s\"}", NULL, NO_KEY},
    {"6: kid with a NUL behind", "{\"alg\":\"ES256\",\"kid\":\"%s\\u0000\"}", NULL, NO_KEY},
    {"6: kid an integer", "{\"alg\":\"ES256\",\"kid\":1}", NULL, SERVICE "kid is not a string"},
    {"7: jku, x5u, jwk and x5c are ignored", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"jku\":\"http://127.0.0.1:1/\",\"x5u\":\"http://127.0.0.1:1/\",\"x5c\":[\"AA\"],\"jwk\":{}}", NULL, NULL},
    {"8: crit", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"crit\":[\"exp\"]}", NULL, SERVICE "header has crit"},
    {"9: b64", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"b64\":false}", NULL, SERVICE "header has b64"},
    {"10: alg twice", "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"%s\"}", NULL, SERVICE "header repeats a member"},
    {"10: oid twice", NULL, "{" ISS "," AUD "," TIMES "," WHO ",\"oid\":\"" OBJECT "\"}", SERVICE "payload repeats a member"},
    {"10: exp twice", NULL, "{" ISS "," AUD "," TIMES "," WHO ",\"exp\":1}", SERVICE "payload repeats a member"},
    {"13: payload an array", NULL, "[]", SERVICE "payload is not a JSON object"},
    {"14: exp missing", NULL, "{" ISS "," AUD ",\"iat\":1795446000,\"cgi\":1795446000000," WHO "}", SERVICE "claim exp is missing or not a time"},
    {"14: exp a string", NULL, "{" ISS "," AUD ",\"exp\":\"1795449600\",\"iat\":1795446000,\"cgi\":1795446000000," WHO "}", SERVICE "claim exp is missing or not a time"},
    {"14: exp negative", NULL, "{" ISS "," AUD ",\"exp\":-1,\"iat\":1795446000,\"cgi\":1795446000000," WHO "}", SERVICE "claim exp is missing or not a time"},
    {"14: exp 1e400", NULL, "{" ISS "," AUD ",\"exp\":1e400,\"iat\":1795446000,\"cgi\":1795446000000," WHO "}", SERVICE "payload has a number out of range"},
    {"14: exp past the year 9999", NULL, "{" ISS "," AUD ",\"exp\":1e15,\"iat\":1795446000,\"cgi\":1795446000000," WHO "}", SERVICE "claim exp is missing or not a time"},
    {"14: exp a fraction", NULL, "{" ISS "," AUD ",\"exp\":1795449600.5,\"iat\":1795446000,\"cgi\":1795446000000," WHO "}", NULL},
    {"14: exp now", NULL, "{" ISS "," AUD ",\"exp\":1795446000,\"iat\":1795440000,\"cgi\":1795440000000," WHO "}", SERVICE "it has expired (exp)"},
    {"14: exp in a second", NULL, "{" ISS "," AUD ",\"exp\":1795446001,\"iat\":1795440000,\"cgi\":1795440000000," WHO "}", NULL},
    {"14: iat missing", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"cgi\":1795446000000," WHO "}", NO_CGI},
    {"14: cgi missing", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000," WHO "}", NO_CGI},
    {"14: cgi null", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":null," WHO "}", NO_CGI},
    {"14: cgi a text", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":\"1795446000000\"," WHO "}", NO_CGI},
    {"14: cgi a fraction", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795446000000.5," WHO "}", NO_CGI},
    {"14: cgi negative", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":0,\"cgi\":-1," WHO "}", NO_CGI},
    {"14: cgi before the second of iat", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795445999999," WHO "}", NO_CGI},
    {"14: cgi the last of the second of iat", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795446000999," WHO "}", NULL},
    {"14: cgi after the second of iat", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795446001000," WHO "}", NO_CGI},
    {"14: issued in the millisecond after a revocation that was now", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795446000001," WHO "}", NULL},
    {"14: iat in the future", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446001,\"cgi\":1795446001001," WHO "}", SERVICE "it was issued in the future (iat)"},
    {"14: nbf in the future", NULL, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795446000000,\"nbf\":1795446001," WHO "}", SERVICE "it is not valid yet (nbf)"},
    {"14: longer than any token lives", NULL, "{" ISS "," AUD ",\"exp\":1795532401,\"iat\":1795446000,\"cgi\":1795446000000," WHO "}", SERVICE "claims iat and exp are further apart than any token lives"},
    {"15: the audience of another service", NULL, "{" ISS ",\"aud\":\"https://graph.microsoft.com/\"," TIMES "," WHO "}", SERVICE "claim aud names no service of ours"},
    {"15: an audience that begins like ours", NULL, "{" ISS ",\"aud\":\"https://communication.azure.com.evil/\"," TIMES "," WHO "}", SERVICE "claim aud names no service of ours"},
    {"15: an audience with two slashes", NULL, "{" ISS ",\"aud\":\"https://communication.azure.com//\"," TIMES "," WHO "}", SERVICE "claim aud names no service of ours"},
    {"15: an audience in a list", NULL, "{" ISS ",\"aud\":[\"https://communication.azure.com/\"]," TIMES "," WHO "}", SERVICE "claim aud names no service of ours"},
    {"15: no audience", NULL, "{" ISS "," TIMES "," WHO "}", SERVICE "claim aud names no service of ours"},
    {"15: the audience without its slash", NULL, "{" ISS ",\"aud\":\"https://communication.azure.com\"," TIMES "," WHO "}", NULL},
    {"15: the audience as an application id", NULL, "{" ISS ",\"aud\":\"1fd5118e-2576-4263-8130-9503064c837a\"," TIMES "," WHO "}", NULL},
    {"15: a token for the management API", NULL, "{" ISS ",\"aud\":\"https://management.azure.com/\"," TIMES "," WHO "}", SERVICE "it is for the management API (aud), which this route is not part of"},
    {"15: a token for our own origin", NULL, "{" ISS ",\"aud\":\"https://localhost:8443\"," TIMES "," WHO "}", SERVICE "it is for the management API (aud), which this route is not part of"},
    {"15: a v1 issuer of ours", NULL, "{\"iss\":\"https://localhost:8443/" TENANT "/\"," AUD "," TIMES "," WHO "}", NULL},
    {"15: our issuer under another of our names", NULL, "{\"iss\":\"https://127.0.0.1/" TENANT "/v2.0\"," AUD "," TIMES "," WHO "}", NULL},
    {"15: our issuer at a strange host", NULL, "{\"iss\":\"https://evil.example/" TENANT "/v2.0\"," AUD "," TIMES "," WHO "}", NO_ISSUER},
    {"15: our issuer with another tenant", NULL, "{\"iss\":\"https://localhost:8443/" APP "/v2.0\"," AUD "," TIMES "," WHO "}", NO_ISSUER},
    {"15: our issuer with a tail", NULL, "{\"iss\":\"https://localhost:8443/" TENANT "/v2.0/\"," AUD "," TIMES "," WHO "}", NO_ISSUER},
    {"15: our issuer with user information", NULL, "{\"iss\":\"https://localhost:8443@evil/" TENANT "/v2.0\"," AUD "," TIMES "," WHO "}", NO_ISSUER},
    {"15: Entra's issuer, signed by us", NULL, "{\"iss\":\"https://sts.windows.net/" TENANT "/\"," AUD "," TIMES "," WHO "}", NO_ISSUER},
    {"15: no issuer", NULL, "{" AUD "," TIMES "," WHO "}", NO_ISSUER},
    {"15: claim tid of another tenant", NULL, "{" ISS "," AUD "," TIMES ",\"oid\":\"" OBJECT "\",\"tid\":\"" APP "\"}", SERVICE "claim tid is not this server's tenant"},
    {"oid missing", NULL, "{" ISS "," AUD "," TIMES ",\"tid\":\"" TENANT "\"}", SERVICE "claim oid is missing or no id: this is no token of a service principal"},
    {"oid a number", NULL, "{" ISS "," AUD "," TIMES ",\"oid\":1,\"tid\":\"" TENANT "\"}", SERVICE "claim oid is missing or no id: this is no token of a service principal"},
    {"appid no id", NULL, "{" ISS "," AUD "," TIMES ",\"oid\":\"" OBJECT "\",\"appid\":\"x\",\"tid\":\"" TENANT "\"}", SERVICE "a claim that names a principal or client is no id"},
    {"an application that does not exist", NULL, "{" ISS "," AUD "," TIMES ",\"oid\":\"" STRANGER "\",\"tid\":\"" TENANT "\"}", SERVICE "its application does not exist any more"},
    {"typ of an access token", "{\"typ\":\"application/at+jwt\",\"alg\":\"ES256\",\"kid\":\"%s\"}", NULL, NULL},
    {"typ of another kind", "{\"typ\":\"secevent+jwt\",\"alg\":\"ES256\",\"kid\":\"%s\"}", NULL, SERVICE "the token's type (typ) is not that of an access token"},
    {"roles in the token count for nothing", NULL, "{" ISS "," AUD "," TIMES "," WHO ",\"roles\":[\"Owner\"],\"scp\":\"x\"}", NULL},
};
/* clang-format on */

static void refuses_each_text_for_its_reason(void **state)
{
    struct fixture *f = *state;
    const struct signing_key *key = key_of(f, "issuer");
    char kid[64], header[1024];
    struct buf token;

    buf_init(&token, 64 * KIB);
    (void)snprintf(kid, sizeof kid, STR_FMT, STR_ARG(key->kid));
    for (size_t i = 0; i < 2 * ARRAY_LEN(texts); i++) { /* each twice: cached or not */
        const char *format = texts[i / 2].header ? texts[i / 2].header : HEADER;
        const char *at = strstr(format, "%s"), *why = texts[i / 2].why;

        (void)snprintf(header, sizeof header, "%.*s%s%s", at ? (int)(at - format) : 1024, format,
                       at ? kid : "", at ? at + 2 : "");
        craft(f, key->key, str_from(header),
              str_from(texts[i / 2].payload ? texts[i / 2].payload : PAYLOAD), &token);
        struct outcome o = send_token(f, buf_str(&token), &data_row, TARGET);
        if (o.status != (why ? 401 : 0) || (why && strncmp(o.why, why, strlen(why)) != 0))
            fail_msg("%s: %d %s", texts[i / 2].name, o.status, o.why);
        if (why)
            assert_string_equal(o.challenge, "Bearer realm=\"\", error=\"invalid_token\"");
    }
    buf_clear(&token);
}

static void a_header_beyond_two_kib_is_refused(void **state)
{
    struct fixture *f = *state;
    char header[4096];
    struct buf token;

    buf_init(&token, 64 * KIB);
    (void)snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"pad\":\"%2500s\"}",
                   key_of(f, "issuer")->kid.ptr, "x");
    craft(f, key_of(f, "issuer")->key, str_from(header), STR(PAYLOAD), &token);
    struct outcome o = send_token(f, buf_str(&token), &data_row, TARGET);
    assert_int_equal(o.status, 401);
    check_why(&o, SERVICE "the token's header is too long");
    buf_clear(&token);
}

/* A key id may not carry a token from one kind to the other, whatever the token says of itself. */
static void the_kinds_of_tokens_stay_apart(void **state)
{
    struct fixture *f = *state;
    const struct signing_key *user = key_of(f, "user"), *issuer = key_of(f, "issuer");
    struct buf token;
    char header[256];
    struct outcome o;

    buf_init(&token, 64 * KIB);
    (void)snprintf(header, sizeof header, HEADER, user->kid.ptr);
    craft(f, user->key, str_from(header), STR(PAYLOAD), &token);
    o = send_token(f, buf_str(&token), &data_row, TARGET);
    assert_int_equal(o.status, 401);
    check_why(&o, "user token; claim skypeid is missing or no string");
    craft(f, issuer->key, str_from(header), STR(PAYLOAD), &token); /* our issuer's, users' kid */
    assert_int_equal(send_token(f, buf_str(&token), &data_row, TARGET).status, 401);
    (void)snprintf(header, sizeof header, HEADER, issuer->kid.ptr);
    craft(f, user->key, str_from(header), STR(PAYLOAD), &token); /* and the reverse */
    o = send_token(f, buf_str(&token), &data_row, TARGET);
    check_why(&o, SERVICE "the token's signature does not verify");
    craft(f, issuer->key, str_from(header), STR(PAYLOAD), &token);
    o = send_token(f, buf_str(&token), &user_row, TARGET);
    assert_int_equal(o.status, 401);
    check_why(&o, "service token; the route takes user access tokens");
    char *users = fixture_mint(
        f, &(struct mint){.resource = directory_by_id(gate_directory(f->gl), &f->resource),
                          .user = {.resource = f->resource, .user = id_of(STRANGER)}});
    o = send_token(f, str_from(users), &data_row, TARGET);
    assert_int_equal(o.status, 401);
    check_why(&o, "user token; the route takes no user access token: use an access "
                  "key or a service principal");
    free(users);
    buf_clear(&token);
}

struct retiring {
    struct fixture *f;
    struct arena arena;
    struct signing_key_row row;
};

static void take_issuer_key(void *ctx, const struct signing_key_row *row)
{
    struct retiring *r = ctx;

    if (name_eq(row->purpose, STR("issuer")))
        r->row = *row; /* its texts lie in the arena */
}

static void retire_issuer_key(struct fixture *f, unix_ms retired)
{
    struct retiring r = {.f = f};

    arena_init(&r.arena);
    assert_int_equal(store_each_signing_key(f->reader, &r.arena, take_issuer_key, &r), RC_OK);
    r.row.retired = retired;
    fixture_commit(f, (struct change){.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key = r.row});
    arena_clear(&r.arena);
}

static void a_key_that_retired_too_long_ago_counts_no_more(void **state)
{
    struct fixture *f = *state;
    struct buf token;
    char header[256];

    buf_init(&token, 64 * KIB);
    (void)snprintf(header, sizeof header, HEADER, key_of(f, "issuer")->kid.ptr);
    craft(f, key_of(f, "issuer")->key, str_from(header), STR(PAYLOAD), &token);
    assert_int_equal(send_token(f, buf_str(&token), &data_row, TARGET).status, 0);
    retire_issuer_key(f, NOW - 1000);
    assert_int_equal(send_token(f, buf_str(&token), &data_row, TARGET).status, 0);
    retire_issuer_key(f, NOW - TOKEN_LONGEST_MS);
    assert_int_equal(send_token(f, buf_str(&token), &data_row, TARGET).status, 401);
    buf_clear(&token);
}

static void a_refusal_tells_what_the_token_says_but_not_its_signature(void **state)
{
    struct fixture *f = *state;
    struct outcome o =
        send_payload(f, "{" ISS ",\"aud\":\"other\\u0001\\u00e9\"," TIMES "," WHO "}", &data_row);

    assert_int_equal(o.status, 401);
    assert_non_null(strstr(o.why, "; the token says iss=https://localhost:8443/" TENANT "/v2.0 "
                                  "aud=other??? oid=" OBJECT " appid=" APP " tid=" TENANT
                                  " nbf=1795445700 exp=1795449600 alg=ES256 kid="));
    assert_null(strchr(strstr(o.why, "kid="), '.'));
}

/* ---- what can change while a token lives ---- */

static void roles_count_from_the_next_request_on(void **state)
{
    struct fixture *f = *state;
    struct outcome o = send_payload(f, PAYLOAD, &data_row);

    assert_int_equal(o.status, 0);
    assert_int_equal(o.principal.kind, PRINCIPAL_BEARER);
    assert_true(o.principal.actions & ACTION_BIT(ACTION_IDENTITY_WRITE));
    assert_false(o.principal.actions & ACTION_BIT(ACTION_SMS_WRITE));
    assign(f, "Callgate SMS Sender", "/subscriptions/" SUB "/resourcegroups//providers/x",
           2); /* elsewhere */
    o = send_payload(f, PAYLOAD, &data_row);
    assert_false(o.principal.actions & ACTION_BIT(ACTION_SMS_WRITE));
    assign(f, "Callgate SMS Sender", "/subscriptions/" SUB, 3);
    o = send_payload(f, PAYLOAD, &data_row);
    assert_true(o.principal.actions & ACTION_BIT(ACTION_SMS_WRITE));
    for (uint8_t i = 1; i <= 3; i++)
        fixture_commit(f, (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_DELETE,
                                          .u.role_assignment = {.id = {{i}}}});
    o = send_payload(f, PAYLOAD, &data_row);
    assert_int_equal(o.status, 0); /* who he is stays; what he may do is policy's */
    assert_int_equal(o.principal.actions, 0);
}

static void a_revoked_application_is_challenged_if_its_client_can_answer(void **state)
{
    struct fixture *f = *state;
    struct application_row row = application();
    struct outcome o;

    row.version = 2;
    row.revoked_before = NOW;
    put_application(f, &row);
    o = send_payload(f, PAYLOAD, &data_row);
    assert_int_equal(o.status, 401);
    assert_string_equal(o.challenge, "Bearer realm=\"\", error=\"invalid_token\"");
    o = send_payload(f, "{" ISS "," AUD "," TIMES "," WHO ",\"xms_cc\":[\"CP1\"]}", &data_row);
    assert_int_equal(o.status, 401);
    assert_string_equal(
        o.challenge,
        "Bearer realm=\"\", authorization_uri=\"https://localhost:8443/common/oauth2/authorize\", "
        "error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6"
        "dHJ1ZSwidmFsdWUiOiIxNzk1NDQ2MDAwIn19fQ==\"");
    /* one issued for the challenge, within the same second */
    o = send_payload(
        f, "{" ISS "," AUD ",\"exp\":1795449600,\"iat\":1795446000,\"cgi\":1795446000001," WHO "}",
        &data_row);
    assert_int_equal(o.status, 0);
}

/* In one second, with the tokens between them: a clock that stands still is the hardest case. */
static void each_revocation_ends_what_was_minted_before_it(void **state)
{
    struct fixture *f = *state;
    struct application_row row = application();
    struct service_mint m = {.application = &row,
                             .audience = STR("https://communication.azure.com/"),
                             .origin = STR("https://localhost:8443"),
                             .now = NOW,
                             .seconds = 3599};
    struct service_minted minted;
    struct buf token;

    buf_init(&token, 64 * KIB);
    for (unsigned i = 0; i < 3; i++) {
        buf_reset(&token);
        assert_int_equal(gate_mint_service(f->gl, &m, &token, &minted), RC_OK);
        assert_int_equal(minted.issued, NOW + i);
        assert_int_equal(minted.expires, NOW + 3599000);
        assert_int_equal(send_token(f, buf_str(&token), &data_row, TARGET).status, 0);
        row.version++;
        row.revoked_before = NOW + i;
        put_application(f, &row);
        struct outcome o = send_token(f, buf_str(&token), &data_row, TARGET);
        check_why(&o, SERVICE "it was issued before the time from which the application's tokens");
    }
    buf_clear(&token);
}

static void a_disabled_or_deleted_application_is_refused(void **state)
{
    struct fixture *f = *state;
    struct application_row row = application();
    struct outcome o;

    row.version = 2;
    row.disabled = true;
    put_application(f, &row);
    o = send_payload(f, PAYLOAD, &data_row);
    check_why(&o, SERVICE "its application is disabled");
    fixture_commit(f, (struct change){.kind = CHANGE_APPLICATION_DELETE, .u.application = row});
    o = send_payload(f, PAYLOAD, &data_row);
    check_why(&o, SERVICE "its application does not exist any more");
}

/* ---- the management API ---- */

static void a_management_token_is_looked_up_in_the_scope_of_its_row(void **state)
{
    struct fixture *f = *state;
    const char *payload = "{" ISS ",\"aud\":\"https://management.azure.com/\"," TIMES "," WHO "}";
    struct buf token;
    char header[256];
    struct outcome o;

    assign(f, "Reader", "/subscriptions/" SUB, 2);
    buf_init(&token, 64 * KIB);
    (void)snprintf(header, sizeof header, HEADER, key_of(f, "issuer")->kid.ptr);
    craft(f, key_of(f, "issuer")->key, str_from(header), str_from(payload), &token);
    o = send_token(f, buf_str(&token), &arm_row, "/subscriptions/" SUB "?api-version=2022-12-01");
    assert_int_equal(o.status, 0);
    assert_true(o.principal.actions & ACTION_BIT(ACTION_SUBSCRIPTIONS_READ));
    assert_null(o.principal.resource);
    o = send_token(f, buf_str(&token), &arm_row, "/subscriptions/" APP "?api-version=2022-12-01");
    assert_int_equal(o.status, 0);
    assert_false(o.principal.actions & ACTION_BIT(ACTION_SUBSCRIPTIONS_READ));
    o = send_payload(f, PAYLOAD, &arm_row);
    assert_int_equal(o.status, 401);
    check_why(&o, SERVICE "it is for the data plane (aud), which this route is not part of");
    assert_non_null(strstr(o.challenge, "authorization_uri=\"https://localhost:8443/" TENANT "\""));
    buf_clear(&token);
}

static void a_challenge_names_no_host_but_ours(void **state)
{
    static const char *const others[] = {"evil.example", "evil.example:443", "localhost.evil"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        host = others[i];
        struct outcome o =
            send_token(f, STR("x.y.z"), &arm_row, "/subscriptions/" SUB "?api-version=2022-12-01");
        host = NULL;
        assert_int_equal(o.status, 401);
        assert_string_equal(o.challenge, "Bearer realm=\"\", error=\"invalid_token\"");
    }
}

/* ---- minted ones ---- */

static void what_is_minted_is_accepted(void **state)
{
    struct fixture *f = *state;
    struct application_row row = application();
    struct service_mint m = {.application = &row,
                             .audience = STR("https://communication.azure.com/"),
                             .origin = STR("https://localhost:8443"),
                             .client_capabilities = STR("[\"CP1\"]"),
                             .now = NOW + 250,
                             .seconds = 3599};
    struct service_minted minted;
    struct buf token;

    buf_init(&token, 64 * KIB);
    assert_int_equal(gate_mint_service(f->gl, &m, &token, &minted), RC_OK);
    assert_int_equal(minted.issued, NOW + 250);
    assert_int_equal(minted.expires, NOW + 3599000);
    assert_int_equal(send_token(f, buf_str(&token), &data_row, TARGET).status, 0);
    buf_reset(&token);
    m.version_1 = true;
    assert_int_equal(gate_mint_service(f->gl, &m, &token, &minted), RC_OK);
    assert_int_equal(send_token(f, buf_str(&token), &data_row, TARGET).status, 0);
    m.origin = STR("https://evil.example");
    assert_int_equal(gate_mint_service(f->gl, &m, &token, &minted), RC_INVALID);
    m.origin = STR("https://localhost:8443");
    m.seconds = TOKEN_LONGEST_MS / 1000 + 1;
    assert_int_equal(gate_mint_service(f->gl, &m, &token, &minted), RC_INVALID);
    buf_clear(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_each_text_for_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_header_beyond_two_kib_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_kinds_of_tokens_stay_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_retired_too_long_ago_counts_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(roles_count_from_the_next_request_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_revoked_application_is_challenged_if_its_client_can_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_revocation_ends_what_was_minted_before_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_disabled_or_deleted_application_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_management_token_is_looked_up_in_the_scope_of_its_row,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_challenge_names_no_host_but_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_tells_what_the_token_says_but_not_its_signature,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_minted_is_accepted, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
