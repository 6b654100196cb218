/* Service tokens of issuers that are not us: whose keys count, whose claims, who is meant; requests
 * that wait for keys; confusion of issuers, tenants and key ids. Key sets come from a fake, the
 * clock stands still. Our own issuer's tokens: test_service_tokens.c. */
#include "outbound_fake.h"
#include "unit/gate/fixture.h"

#include "crypto/base64.h"
#include "crypto/jws.h"
#include "gate/issuers.h"

#include <stdio.h>

static const struct route data_row = {
    POST, "/identities", &test_api,  ACCEPT_KEY | ACCEPT_ENTRA, NEED_IDENTITY, KIB,
    NULL, PLANE_WIRE,    KIND_REPLY, ACTION_IDENTITY_WRITE,     MEDIA_JSON};

#define A        "https://a.example.org/realms/x"
#define B        "https://b.example.org"
#define TID      "70000000-0000-0000-0000-000000000007"
#define ENTRA    "https://login.microsoftonline.com/" TID "/v2.0"
#define ENTRA_V1 "https://sts.windows.net/" TID "/"
#define OBJECT_A "0b000000-0000-0000-0000-00000000000a"
#define OBJECT_B "0b000000-0000-0000-0000-00000000000b"
#define OBJECT_E "0b000000-0000-0000-0000-00000000000e"
#define TIMES    "\"exp\":1795449600,\"iat\":1795446000"
#define SERVICE  "service token; "

struct world {
    uint32_t versions[16]; /* of the issuers' rows */
    struct fixture f;
    struct outbound_fake fake;
    struct issuer_keys *keys;
    struct loop *loop;
    struct pkey *a, *b, *other;
    char set_a[1024], set_b[1024], set_entra[1024];
};

static void put_application(struct world *w, const char *object, const char *name)
{
    struct application_row row = {.client_id = uuid_random(),
                                  .kind = APPLICATION_FOREIGN,
                                  .version = 1,
                                  .created = NOW,
                                  .name = str_from(name),
                                  .document = STR("{}")};

    assert_int_equal(uuid_parse(str_from(object), &row.object_id), RC_OK);
    fixture_commit(&w->f, (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = row});
    fixture_commit(
        &w->f,
        (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT,
                        .u.role_assignment = {
                            .id = uuid_random(),
                            .principal = row.object_id,
                            .role = built_in_role_by_name(STR("Callgate Identity Contributor"))->id,
                            .built_in_role = true,
                            .scope = STR("/"),
                            .created = NOW}});
}

static void put_issuer(struct world *w, uint8_t id, const char *issuer, const char *document)
{
    fixture_commit(&w->f, (struct change){.kind = CHANGE_ISSUER_PUT,
                                          .u.issuer = {.id = {{id}},
                                                       .version = ++w->versions[id],
                                                       .issuer = str_from(issuer),
                                                       .document = str_from(document),
                                                       .created = NOW}});
}

/* A set of one key, and where it is found. */
static void serve_keys(struct world *w, const char *issuer, const char *document_issuer,
                       struct pkey *key, char set[static 1024])
{
    static char urls[6][128], documents[3][256];
    static size_t next;
    char *config = urls[2 * (next % 3)], *jwks = urls[2 * (next % 3) + 1];
    char *document = documents[next++ % 3];
    struct buf out;
    struct json_writer writer;

    buf_init(&out, KIB);
    buf_add(&out, STR("{\"keys\":["));
    json_writer_init(&writer, &out);
    pkey_write_jwk(key, STR("k"), &writer);
    buf_add(&out, STR("]}"));
    (void)snprintf(set, 1024, "%s", buf_cstr(&out));
    buf_clear(&out);
    (void)snprintf(config, 128, "%s/.well-known/openid-configuration", issuer);
    (void)snprintf(jwks, 128, "%s/keys", issuer);
    (void)snprintf(document, 256, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\"}", document_issuer, jwks);
    outbound_fake_answer(&w->fake, (struct fake_answer){.url = config, .body = str_from(document)});
    outbound_fake_answer(&w->fake, (struct fake_answer){.url = jwks, .body = str_from(set)});
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct gate_options options = {.development = true};

    outbound_fake_init(&w->fake);
    w->loop = loop_new(0);
    w->keys = issuer_keys_new(&(struct issuer_keys_options){
        .outbound = &w->fake.outbound, .clock = &w->f.clock, .plain_loopback = true});
    options.issuer_keys = w->keys;
    fixture_init(&w->f, &options);
    w->a = pkey_generate(JWS_ES256);
    w->b = pkey_generate(JWS_ES256);
    w->other = pkey_generate(JWS_RS256);
    serve_keys(w, A, A, w->a, w->set_a);
    serve_keys(w, B, B, w->b, w->set_b);
    serve_keys(w, ENTRA, ENTRA, w->other, w->set_entra);
    put_application(w, OBJECT_A, "runner");
    put_application(w, OBJECT_B, "worker");
    put_application(w, OBJECT_E, "entra");
    put_issuer(
        w, 1, A,
        "{\"kind\":\"oidc\",\"audiences\":[\"callgate\",\"https://management.azure.com\"],"
        "\"algorithms\":[\"ES256\"],\"rules\":[{\"subject\":\"runner\",\"principal\":\"" OBJECT_A
        "\"},{\"claims\":{\"groups\":\"ci\",\"kubernetes.io.namespace\":\"prod\"},"
        "\"principal\":\"" OBJECT_B "\"}]}");
    put_issuer(w, 2, B,
               "{\"kind\":\"oidc\",\"audiences\":[\"callgate\"],\"algorithms\":[\"ES256\"],"
               "\"rules\":[{\"subject\":\"runner\",\"principal\":\"" OBJECT_B "\"}]}");
    put_issuer(w, 3, ENTRA, "{\"kind\":\"entra\",\"tenant\":\"" TID "\"}");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    fixture_clear(&w->f);
    loop_free(w->loop);
    issuer_keys_free(w->keys);
    outbound_fake_clear(&w->fake);
    pkey_unref(w->a);
    pkey_unref(w->b);
    pkey_unref(w->other);
    free(w);
    return 0;
}

/* ---- one request, which may have to wait ---- */

struct outcome {
    int status; /* 0: identified */
    char why[400];
    struct uuid principal;
    unsigned waited;
};

static void stop(void *ctx)
{
    loop_stop(ctx);
}

static const struct api_error *identify(struct world *w, struct request_fake *fake,
                                        struct outcome *o)
{
    const struct api_error *error;

    while ((error = gate_identify(w->f.gl, &fake->req)) == &GATE_LATER) {
        fake->req.loop = w->loop;
        if (!gate_wait(w->f.gl, &fake->req, stop, w->loop))
            return &API_UNAVAILABLE;
        o->waited++;
        loop_run(w->loop);
    }
    return error;
}

static struct outcome send_token(struct world *w, struct str token)
{
    struct outcome o = {0};
    struct request_fake fake;
    struct buf value;
    bool known;

    request_fake_init(&fake, &tls_door);
    buf_init(&value, MIB);
    buf_addf(&value, "Bearer " STR_FMT, STR_ARG(token));
    fixture_request(&fake, &(struct recipe){.authorization = buf_cstr(&value)}, &data_row);
    fake.req.loop = w->loop;
    fake.req.now = clock_now(&w->f.clock);
    fake.req.resource = gate_resource(gate_directory(w->f.gl), &fake.req, &known);
    const struct api_error *error = identify(w, &fake, &o);
    o.status = error ? error->status : 0;
    (void)snprintf(o.why, sizeof o.why, STR_FMT, STR_ARG(fake.req.explain));
    if (!error)
        o.principal = fake.req.principal->object_id;
    buf_clear(&value);
    request_fake_clear(&fake);
    return o;
}

static struct outcome send_signed(struct world *w, struct pkey *key, const char *header,
                                  const char *payload)
{
    struct signer *signer = signer_new(key);
    char header_b64[1024];
    size_t n = base64url_encode(header, strlen(header), header_b64);
    struct buf token;

    buf_init(&token, 64 * KIB);
    assert_int_equal(
        jws_compose(signer, w->f.work, str_of(header_b64, n), str_from(payload), &token), RC_OK);
    struct outcome o = send_token(w, buf_str(&token));
    buf_clear(&token);
    signer_free(signer);
    return o;
}

static void expect(struct world *w, const char *name, const struct outcome *o, const char *object,
                   const char *why)
{
    struct uuid id;

    (void)w;
    if (object) {
        assert_int_equal(uuid_parse(str_from(object), &id), RC_OK);
        if (o->status || !uuid_eq(&id, &o->principal))
            fail_msg("%s: %d %s", name, o->status, o->why);
        return;
    }
    if (o->status != 401 || strncmp(o->why, why, strlen(why)) != 0)
        fail_msg("%s: %d %s", name, o->status, o->why);
}

/* ---- OIDC ---- */

#define ES           "{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"JWT\"}"
#define NO_ISSUER    SERVICE "the token's issuer (iss) is not this server's, nor one that it trusts"
#define NO_RULE      SERVICE "no rule of the issuer's record matches the token's subject and claims"
#define NO_SIGNATURE SERVICE "the token's signature does not verify"
#define NO_AUDIENCE  SERVICE "claim aud has none of the audiences of the issuer's record"
#define NO_ALG                                                                                     \
    SERVICE "the token's algorithm (alg) is not one that the issuer's record allows, or its key "  \
            "id (kid) is too long"

/* clang-format off */
static const struct {
    const char *name, *header, *payload;
    const char *object; /* the principal; NULL: refused for `why` */
    const char *why;
} oidc[] = {
    {"the subject of a rule", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", OBJECT_A, NULL},
    {"the claims of a rule", ES, "{\"iss\":\"" A "\",\"sub\":\"x\",\"aud\":[\"y\",\"callgate\"],\"groups\":[\"dev\",\"ci\"],\"kubernetes.io\":{\"namespace\":\"prod\"}," TIMES "}", OBJECT_B, NULL},
    {"one of two claims", ES, "{\"iss\":\"" A "\",\"sub\":\"x\",\"aud\":\"callgate\",\"groups\":[\"ci\"]," TIMES "}", NULL, NO_RULE},
    {"another subject", ES, "{\"iss\":\"" A "\",\"sub\":\"Runner\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_RULE},
    {"no subject", ES, "{\"iss\":\"" A "\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_RULE},
    {"an oid claims nothing", ES, "{\"iss\":\"" A "\",\"sub\":\"x\",\"oid\":\"" OBJECT_A "\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_RULE},
    {"another audience", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"account\"," TIMES "}", NULL, NO_AUDIENCE},
    {"no audience", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\"," TIMES "}", NULL, NO_AUDIENCE},
    {"the service's own audience, not of the record", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"https://communication.azure.com/\"," TIMES "}", NULL, NO_AUDIENCE},
    {"the management API's audience on the data plane", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"https://management.azure.com\"," TIMES "}", NULL, SERVICE "it is for the management API (aud), which this route is not part of"},
    {"an audience that is not the record's does not open the data plane", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":[\"y\",\"https://management.azure.com\"]," TIMES "}", NULL, SERVICE "it is for the management API (aud), which this route is not part of"},
    {"issuer with a slash behind", ES, "{\"iss\":\"" A "/\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_ISSUER},
    {"issuer in capitals", ES, "{\"iss\":\"HTTPS://a.example.org/realms/x\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_ISSUER},
    {"an issuer that nobody knows", ES, "{\"iss\":\"https://evil.example\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_ISSUER},
    {"issuer confusion: B's name, signed by A's key", ES, "{\"iss\":\"" B "\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_SIGNATURE},
    {"issuer confusion: Entra's name, signed by A's key", ES, "{\"iss\":\"" ENTRA "\",\"oid\":\"" OBJECT_E "\",\"tid\":\"" TID "\",\"aud\":\"https://communication.azure.com/\"," TIMES "}", NULL, NO_ALG},
    {"alg not of the record", "{\"alg\":\"RS256\",\"kid\":\"k\"}", "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_ALG},
    {"alg HS256", "{\"alg\":\"HS256\",\"kid\":\"k\"}", "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", NULL, NO_ALG},
    {"no kid, and the set has one key", "{\"alg\":\"ES256\"}", "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", OBJECT_A, NULL},
    {"keys in the header are never used", "{\"alg\":\"ES256\",\"kid\":\"k\",\"jku\":\"https://evil.example/\",\"jwk\":{\"kty\":\"EC\"}}", "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}", OBJECT_A, NULL},
    {"fractional dates", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":1.7954496e9,\"iat\":1795446000.5}", OBJECT_A, NULL},
    {"exp at the edge of the leeway", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":1795445701,\"iat\":1795440000}", OBJECT_A, NULL},
    {"exp past the leeway", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":1795445700,\"iat\":1795440000}", NULL, SERVICE "it has expired (exp)"},
    {"nbf at the edge of the leeway", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":1795449600,\"nbf\":1795446300}", OBJECT_A, NULL},
    {"nbf past the leeway", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":1795449600,\"nbf\":1795446301}", NULL, SERVICE "it is not valid yet (nbf)"},
    {"iat past the leeway", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":1795449600,\"iat\":1795446301}", NULL, SERVICE "it was issued in the future (iat)"},
    {"no exp", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\"}", NULL, SERVICE "claim exp is missing or not a time"},
    {"exp a string", ES, "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":\"1795449600\"}", NULL, SERVICE "claim exp is missing or not a time"},
};
/* clang-format on */

static void judges_tokens_of_an_oidc_issuer(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < 2 * ARRAY_LEN(oidc); i++) { /* each twice: cached or not */
        struct outcome o = send_signed(w, w->a, oidc[i / 2].header, oidc[i / 2].payload);

        expect(w, oidc[i / 2].name, &o, oidc[i / 2].object, oidc[i / 2].why);
    }
    assert_int_equal(w->fake.unknown, 0); /* nobody else was asked */
}

#define RIGHT "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\"," TIMES "}"

/* Its principals are those that were made for it: ours have an issuer already. */
static void nobody_else_speaks_for_our_own_principals(void **state)
{
    static const enum application_kind kinds[] = {APPLICATION_APP, APPLICATION_MANAGED};
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct application_row row = {.client_id = uuid_random(),
                                      .object_id = {{0x51, (uint8_t)i}},
                                      .kind = kinds[i],
                                      .version = 1,
                                      .created = NOW,
                                      .name = i ? STR("ours 1") : STR("ours 0"),
                                      .document = STR("{}")};
        char id[UUID_TEXT_LEN], payload[512];

        fixture_commit(&w->f,
                       (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = row});
        uuid_format(&row.object_id, id);
        (void)snprintf(payload, sizeof payload,
                       "{\"iss\":\"" ENTRA "\",\"oid\":\"%.*s\",\"tid\":\"" TID "\","
                       "\"aud\":\"https://communication.azure.com/\"," TIMES "}",
                       (int)sizeof id, id);
        struct outcome o = send_signed(w, w->other, "{\"alg\":\"RS256\",\"kid\":\"k\"}", payload);
        expect(w, "an oid of ours", &o, NULL,
               SERVICE "it is of another issuer, and the principal is one of this server's");
    }
}

static void the_first_request_waits_for_the_keys_and_others_do_not(void **state)
{
    struct world *w = *state;
    struct outcome o = send_signed(w, w->a, ES, RIGHT);

    assert_int_equal(o.status, 0);
    assert_int_equal(o.waited, 1);
    assert_int_equal(w->fake.sent, 2);
    o = send_signed(w, w->a, ES,
                    "{\"iss\":\"" A "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"x\":1," TIMES
                    "}");
    assert_int_equal(o.status, 0);
    assert_int_equal(o.waited, 0);
    assert_int_equal(w->fake.sent, 2);
}

static void a_flood_of_key_ids_asks_the_issuer_once(void **state)
{
    struct world *w = *state;
    char header[64];

    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"k%u\"}", i);
        struct outcome o = send_signed(w, w->a, header, RIGHT);
        assert_int_equal(o.status, 401);
    }
    assert_true(w->fake.sent <= 4); /* the first set, and one more try */
}

static void an_issuer_out_of_reach_refuses_and_is_asked_seldom(void **state)
{
    struct world *w = *state;
    struct outcome o;

    put_issuer(w, 9, "https://dead.example.org",
               "{\"kind\":\"oidc\",\"audiences\":[\"callgate\"],"
               "\"rules\":[{\"subject\":\"runner\",\"principal\":\"" OBJECT_A "\"}]}");
    for (unsigned i = 0; i < 50; i++) {
        o = send_signed(w, w->a, ES,
                        "{\"iss\":\"https://dead.example.org\",\"sub\":\"runner\",\"aud\":"
                        "\"callgate\"," TIMES "}");
        assert_int_equal(o.status, 401);
    }
    assert_int_equal(w->fake.sent, 1);
}

/* ---- what changes while tokens live ---- */

static void an_issuer_that_is_removed_counts_no_more(void **state)
{
    struct world *w = *state;
    struct outcome o = send_signed(w, w->a, ES, RIGHT);

    assert_int_equal(o.status, 0);
    fixture_commit(&w->f, (struct change){.kind = CHANGE_ISSUER_DELETE, .u.issuer = {.id = {{1}}}});
    o = send_signed(w, w->a, ES, RIGHT);
    expect(w, "removed", &o, NULL, NO_ISSUER);
}

static void a_rule_that_changes_moves_the_next_request(void **state)
{
    struct world *w = *state;
    struct outcome o = send_signed(w, w->a, ES, RIGHT);

    expect(w, "before", &o, OBJECT_A, NULL);
    put_issuer(w, 1, A,
               "{\"kind\":\"oidc\",\"audiences\":[\"callgate\"],\"algorithms\":[\"ES256\"],"
               "\"rules\":[{\"subject\":\"runner\",\"principal\":\"" OBJECT_B "\"}]}");
    o = send_signed(w, w->a, ES, RIGHT);
    expect(w, "behind", &o, OBJECT_B, NULL);
}

static void a_key_that_left_the_set_counts_no_more(void **state)
{
    struct world *w = *state;
    struct outcome o = send_signed(w, w->a, ES, RIGHT);
    char set[1024];

    assert_int_equal(o.status, 0);
    serve_keys(w, A, A, w->b, set); /* the same kid, another key */
    (void)atomic_fetch_add(&w->f.clock.frozen_ms, (int64_t)25 * 3600 * 1000);
    o = send_signed(w, w->a, ES,
                    "{\"iss\":\"" A
                    "\",\"sub\":\"runner\",\"aud\":\"callgate\",\"exp\":1795999999}");
    assert_int_equal(o.status, 401);
    expect(w, "left", &o, NULL, NO_SIGNATURE);
}

/* ---- Entra ID ---- */

#define RS    "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k\",\"x5t\":\"k\"}"
#define E_WHO "\"oid\":\"" OBJECT_E "\",\"tid\":\"" TID "\"," TIMES
#define E_AUD "\"aud\":\"https://communication.azure.com/\""

/* clang-format off */
static const struct {
    const char *name, *payload, *object, *why;
} entra[] = {
    {"a v2 token", "{\"iss\":\"" ENTRA "\"," E_AUD ",\"idtyp\":\"app\"," E_WHO "}", OBJECT_E, NULL},
    {"a v1 token", "{\"iss\":\"" ENTRA_V1 "\"," E_AUD ",\"appid\":\"" OBJECT_A "\"," E_WHO "}", OBJECT_E, NULL},
    {"the application's id as audience", "{\"iss\":\"" ENTRA "\",\"aud\":\"1fd5118e-2576-4263-8130-9503064c837a\"," E_WHO "}", OBJECT_E, NULL},
    {"v1's issuer without its slash", "{\"iss\":\"https://sts.windows.net/" TID "\"," E_AUD "," E_WHO "}", NULL, NO_ISSUER},
    {"another tenant's issuer", "{\"iss\":\"https://sts.windows.net/" OBJECT_A "/\"," E_AUD "," E_WHO "}", NULL, NO_ISSUER},
    {"tenant confusion: tid of another", "{\"iss\":\"" ENTRA "\"," E_AUD ",\"oid\":\"" OBJECT_E "\",\"tid\":\"" OBJECT_A "\"," TIMES "}", NULL, SERVICE "claim tid is not the tenant of the issuer's record"},
    {"no tid", "{\"iss\":\"" ENTRA "\"," E_AUD ",\"oid\":\"" OBJECT_E "\"," TIMES "}", NULL, SERVICE "claim tid is not the tenant of the issuer's record"},
    {"no oid", "{\"iss\":\"" ENTRA "\"," E_AUD ",\"sub\":\"" OBJECT_E "\",\"tid\":\"" TID "\"," TIMES "}", NULL, SERVICE "claim oid is missing or no id: this is no token of a service principal"},
    {"a person's token", "{\"iss\":\"" ENTRA "\"," E_AUD ",\"scp\":\"user_impersonation\"," E_WHO "}", NULL, SERVICE "the token speaks for a person (scp, idtyp), and this issuer's record takes applications alone"},
    {"idtyp user", "{\"iss\":\"" ENTRA "\"," E_AUD ",\"idtyp\":\"user\"," E_WHO "}", NULL, SERVICE "the token speaks for a person (scp, idtyp), and this issuer's record takes applications alone"},
    {"Graph's audience", "{\"iss\":\"" ENTRA "\",\"aud\":\"https://graph.microsoft.com\"," E_WHO "}", NULL, NO_AUDIENCE},
};
/* clang-format on */

static void judges_tokens_of_entra_id(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(entra); i++) {
        struct outcome o = send_signed(w, w->other, RS, entra[i].payload);

        expect(w, entra[i].name, &o, entra[i].object, entra[i].why);
    }
}

static void a_principal_that_nobody_gave_a_role_is_known_and_may_nothing(void **state)
{
    struct world *w = *state;
    struct outcome o = send_signed(w, w->other, RS,
                                   "{\"iss\":\"" ENTRA "\"," E_AUD ",\"oid\":\"" TID
                                   "\",\"tid\":\"" TID "\"," TIMES "}");

    assert_int_equal(o.status, 0); /* policy answers 403 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(judges_tokens_of_an_oidc_issuer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_else_speaks_for_our_own_principals, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_request_waits_for_the_keys_and_others_do_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_key_ids_asks_the_issuer_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_issuer_out_of_reach_refuses_and_is_asked_seldom, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_issuer_that_is_removed_counts_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rule_that_changes_moves_the_next_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_left_the_set_counts_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(judges_tokens_of_entra_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_principal_that_nobody_gave_a_role_is_known_and_may_nothing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
