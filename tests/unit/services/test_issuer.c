/* The token endpoint: what a request may say, every refusal, both forms of answers. */
#include "issuer_fixture.h"

#include "crypto/base64.h"

static struct issuer_world w;

static int setup(void **state)
{
    (void)state;
    world_open(&w, false);
    return 0;
}

static int setup_production(void **state)
{
    (void)state;
    world_open(&w, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static const char *with_secret(const char *more)
{
    return path_of(0, GRANT "&client_id=%s&client_secret=" STR_FMT "%s", w.client,
                   STR_ARG(w.secret), more);
}

static void replace_setting(const struct site_options *options)
{
    w.fx.options = *options;
}

static const char *claim(const json_t *payload, const char *name)
{
    const char *text = json_string_value(json_object_get(payload, name));

    return text ? text : "";
}

/* ---- answers ---- */

static void gives_a_token_for_the_right_secret(void **state)
{
    json_t *payload;
    int64_t iat, exp;

    (void)state;
    assert_int_equal(ask_token(&w, with_secret("")), 200);
    assert_string_equal(text_at(&w.fx, "token_type"), "Bearer");
    assert_in_range(int_at(&w.fx, "expires_in"), 3598, 3599);
    assert_int_equal(int_at(&w.fx, "ext_expires_in"), int_at(&w.fx, "expires_in"));
    assert_null(json_at(&w.fx, "refresh_in"));
    assert_null(json_at(&w.fx, "refresh_token"));
    assert_null(json_at(&w.fx, "id_token"));
    assert_true(
        name_eq(request_fake_header(&w.fx.fake, STR("Cache-Control")), STR("no-store, no-cache")));
    assert_true(name_eq(request_fake_header(&w.fx.fake, STR("Pragma")), STR("no-cache")));
    assert_int_equal(request_fake_count(&w.fx.fake, STR("x-ms-request-id")), 1);
    payload = token_payload(&w);
    iat = json_integer_value(json_object_get(payload, "iat"));
    exp = json_integer_value(json_object_get(payload, "exp"));
    assert_string_equal(claim(payload, "aud"), "https://communication.azure.com/");
    assert_string_equal(claim(payload, "iss"), path_of(1, ORIGIN "/%s/v2.0", w.tenant));
    assert_string_equal(claim(payload, "appid"), w.client);
    assert_string_equal(claim(payload, "azp"), w.client);
    assert_string_equal(claim(payload, "appidacr"), "1");
    assert_string_equal(claim(payload, "ver"), "2.0");
    assert_string_equal(claim(payload, "tid"), w.tenant);
    assert_int_equal(strlen(claim(payload, "uti")), 22);
    assert_int_equal(exp - iat, 3599);
    assert_int_equal(iat - json_integer_value(json_object_get(payload, "nbf")), 300);
    assert_null(json_object_get(payload, "xms_cc"));
    json_decref(payload);
}

static void answers_v1_clients_with_texts(void **state)
{
    (void)state;
    assert_int_equal(
        post(&w, "/ADFS/oauth2/token", "",
             path_of(0,
                     "grant_type=client_credentials&client_id=%s&client_secret=" STR_FMT
                     "&resource=https%%3A%%2F%%2Fcommunication.azure.com%%2F",
                     w.client, STR_ARG(w.secret))),
        200);
    assert_true(strcmp(text_at(&w.fx, "expires_in"), "3598") >= 0);
    assert_string_equal(text_at(&w.fx, "resource"), "https://communication.azure.com/");
    assert_int_equal(strlen(text_at(&w.fx, "expires_on")), 10);
    assert_int_equal(strlen(text_at(&w.fx, "not_before")), 10);
    assert_string_equal(text_at(&w.fx, "token_type"), "Bearer");
    /* with scope, as Java sends it there: numbers */
    assert_int_equal(post(&w, "/adfs/oauth2/token", "", with_secret("")), 200);
    assert_in_range(int_at(&w.fx, "expires_in"), 3598, 3599);
    assert_null(json_at(&w.fx, "resource"));
    /* neither */
    assert_int_equal(
        post(&w, "/adfs/oauth2/token", "",
             path_of(0, "grant_type=client_credentials&client_id=%s&client_secret=" STR_FMT,
                     w.client, STR_ARG(w.secret))),
        400);
    check_refused(&w, 400, "invalid_request", 900144);
}

static void says_when_to_refresh_a_long_token(void **state)
{
    struct site_options options = w.fx.options;

    (void)state;
    options.issuer_token_s = 86400;
    options.issuer_version_1 = true;
    replace_setting(&options);
    assert_int_equal(ask_token(&w, with_secret("")), 200);
    assert_in_range(int_at(&w.fx, "refresh_in"), 43199, 43200);
    json_t *payload = token_payload(&w);
    assert_string_equal(claim(payload, "iss"), path_of(1, ORIGIN "/%s/", w.tenant));
    assert_string_equal(claim(payload, "ver"), "1.0");
    json_decref(payload);
}

static void takes_http_basic(void **state)
{
    char pair[128], text[256];
    int len = snprintf(pair, sizeof pair, "%s:" STR_FMT, w.client, STR_ARG(w.secret));
    size_t n = base64_encode(pair, (size_t)len, text);

    (void)state;
    assert_int_equal(post(&w, "/common/oauth2/v2.0/token",
                          path_of(0, "Authorization: basic %.*s\r\n", (int)n, text), GRANT),
                     200);
    /* and the same client in the body */
    assert_int_equal(post(&w, "/common/oauth2/v2.0/token",
                          path_of(0, "Authorization: Basic %.*s\r\n", (int)n, text),
                          path_of(1, GRANT "&client_id=%s", w.client)),
                     200);
    post(&w, "/common/oauth2/v2.0/token", path_of(0, "Authorization: Basic %.*s\r\n", (int)n, text),
         path_of(1, GRANT "&client_id=%s", w.other));
    check_refused(&w, 400, "invalid_request", 90100);
    post(&w, "/common/oauth2/v2.0/token", path_of(0, "Authorization: Basic %.*s\r\n", (int)n, text),
         path_of(1, GRANT "&client_secret=x"));
    check_refused(&w, 400, "invalid_request", 90100);
}

static void refuses_other_authorization_headers(void **state)
{
    static const char *const headers[] = {
        "Authorization: Bearer abc\r\n",
        "Authorization: Basic\r\n",
        "Authorization: Basic !!!\r\n",
        "Authorization: Basic YWJj\r\n",     /* no colon */
        "Authorization: Basic JXp6OmE=\r\n", /* bad escape */
        "Authorization: Basic YTolMDA=\r\n", /* a NUL */
        "Authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        post(&w, "/common/oauth2/v2.0/token", headers[i], GRANT);
        check_refused(&w, 400, "invalid_request", 90100);
    }
}

static void echoes_the_clients_request_id(void **state)
{
    static const char id[] = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

    (void)state;
    assert_int_equal(post(&w, path_of(1, "/common/oauth2/v2.0/token?client-request-id=%s", id), "",
                          with_secret("")),
                     200);
    assert_true(name_eq(request_fake_header(&w.fx.fake, STR("client-request-id")), str_from(id)));
    post(&w, "/common/oauth2/v2.0/token", path_of(1, "client-request-id: %s\r\n", id), "");
    check_refused(&w, 400, "unsupported_grant_type", 70003);
    assert_string_equal(text_at(&w.fx, "correlation_id"), id);
    assert_string_equal(text_at(&w.fx, "trace_id"), REQUEST_FAKE_ID);
    post(&w, "/common/oauth2/v2.0/token", "client-request-id: <script>\r\n", "");
    check_refused(&w, 400, "unsupported_grant_type", 70003);
    assert_int_equal(request_fake_count(&w.fx.fake, STR("client-request-id")), 0);
}

/* ---- refusals ---- */

struct refused_case {
    const char *name, *path, *form, *error;
    int status, number;
};

#define CLIENT "&client_id=00000000-0000-4000-8000-000000000001&client_secret=abc"
#define V2     "/common/oauth2/v2.0/token"
#define CC     "grant_type=client_credentials"
#define ID     "&client_id=00000000-0000-4000-8000-000000000001"

static const struct refused_case refused[] = {
    {"a strange tenant", "/contoso/oauth2/v2.0/token", GRANT CLIENT, "invalid_request", 400, 90002},
    {"another tenant's id", "/00000000-0000-4000-8000-000000000001/oauth2/v2.0/token", GRANT CLIENT,
     "invalid_request", 400, 90002},
    {"an empty form", V2, "", "unsupported_grant_type", 400, 70003},
    {"people's grant", V2, "grant_type=password" CLIENT, "unsupported_grant_type", 400, 70003},
    {"a field twice", V2, GRANT CLIENT "&client_secret=abc", "invalid_request", 400, 90100},
    {"grant_type twice", V2, GRANT CLIENT "&grant_type=client_credentials", "invalid_request", 400,
     90100},
    {"a bad escape", V2, GRANT CLIENT "&x=%zz", "invalid_request", 400, 90100},
    {"no client", V2, GRANT "&client_secret=abc", "invalid_request", 400, 900144},
    {"no proof", V2, GRANT ID, "invalid_client", 401, 7000218},
    {"an empty secret", V2, GRANT ID "&client_secret=", "invalid_client", 401, 7000218},
    {"an unknown client", V2, GRANT CLIENT, "unauthorized_client", 400, 700016},
    {"a client that is no id", V2, GRANT "&client_id=app&client_secret=x", "unauthorized_client",
     400, 700016},
    {"an assertion without its type", V2, GRANT ID "&client_assertion=a.b.c", "invalid_request",
     400, 900144},
    {"a type without an assertion", V2, GRANT ID "&client_assertion_type=x", "invalid_request", 400,
     900144},
    {"a strange type", V2, GRANT ID "&client_assertion=a.b.c&client_assertion_type=saml",
     "invalid_request", 400, 90100},
    {"no scope", V2, CC CLIENT, "invalid_scope", 400, 70011},
    {"openid scopes alone", V2, CC CLIENT "&scope=openid+profile", "invalid_scope", 400, 1002012},
    {"two scopes", V2, CC CLIENT "&scope=" DATA_SCOPE "+https://management.azure.com/.default",
     "invalid_scope", 400, 70011},
    {"a scope that is not .default", V2, CC CLIENT "&scope=https://communication.azure.com/x",
     "invalid_scope", 400, 1002012},
    {"a scope of people", V2, CC CLIENT "&scope=https://communication.azure.com/clients/VoIP",
     "invalid_scope", 400, 1002012},
    {"another cloud's resource", V2, CC CLIENT "&scope=https://vault.azure.net/.default",
     "invalid_resource", 400, 500011},
    {"another cloud's resource on v1", "/common/oauth2/token",
     CC CLIENT "&resource=https://vault.azure.net", "invalid_resource", 400, 500011},
    {"claims that are no JSON", V2, GRANT CLIENT "&claims=x", "invalid_request", 400, 90100},
};

static void refuses_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        print_message("  %s\n", refused[i].name);
        post(&w, refused[i].path, "", refused[i].form);
        check_refused(&w, refused[i].status, refused[i].error, refused[i].number);
    }
}

static void refuses_secrets_that_do_not_count(void **state)
{
    (void)state;
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=wrong", w.client));
    check_refused(&w, 401, "invalid_client", 7000215);
    assert_non_null(strstr(text_at(&w.fx, "error_description"), "AZURE_CLIENT_SECRET"));
    ask_token(&w,
              path_of(0, GRANT "&client_id=%s&client_secret=" STR_FMT, w.other, STR_ARG(w.secret)));
    check_refused(&w, 401, "invalid_client", 7000215);
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=" STR_FMT, w.client,
                          STR_ARG(w.expired_secret)));
    check_refused(&w, 401, "invalid_client", 7000222);
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=" STR_FMT, w.disabled,
                          STR_ARG(w.disabled_secret)));
    check_refused(&w, 401, "unauthorized_client", 7000112);
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=no", w.disabled));
    check_refused(&w, 401, "invalid_client", 7000215);
}

static int ask_with_secret(struct str secret)
{
    return ask_token(
        &w, path_of(0, GRANT "&client_id=%s&client_secret=" STR_FMT, w.client, STR_ARG(secret)));
}

/* Of the client that has just had a token, so that the loop remembers it. */
static void what_has_changed_counts_with_the_next_request(void **state)
{
    struct app_secret secrets[2];
    struct app_document doc = {.secrets = secrets, .secrets_count = 2};
    struct change c = {.kind = CHANGE_APPLICATION_PUT, .u.application = w.app};
    struct str next, brief;
    unix_ms now = clock_wall();

    (void)state;
    assert_int_equal(ask_with_secret(w.secret), 200);
    next = app_secret_make(w.fx.master, now, 0, STR("next"), &w.arena, &secrets[0]);
    brief = app_secret_make(w.fx.master, now, now + 60000, STR("brief"), &w.arena, &secrets[1]);
    c.u.application.version = 2;
    c.u.application.document = app_document_write(&doc, &w.arena);
    assert_int_equal(store_commit_wait(w.fx.store, &c, 1), RC_OK);
    ask_with_secret(w.secret);
    check_refused(&w, 401, "invalid_client", 7000215);
    assert_int_equal(ask_with_secret(next), 200);
    assert_int_equal(ask_with_secret(brief), 200);
    atomic_store(&w.fx.clock.offset_ms, 60001); /* nothing is written when a secret expires */
    ask_with_secret(brief);
    check_refused(&w, 401, "invalid_client", 7000222);
    assert_int_equal(ask_with_secret(next), 200);
    c.u.application.version = 3;
    c.u.application.disabled = true;
    assert_int_equal(store_commit_wait(w.fx.store, &c, 1), RC_OK);
    ask_with_secret(next);
    check_refused(&w, 401, "unauthorized_client", 7000112);
    c.kind = CHANGE_APPLICATION_DELETE;
    assert_int_equal(store_commit_wait(w.fx.store, &c, 1), RC_OK);
    ask_with_secret(next);
    check_refused(&w, 400, "unauthorized_client", 700016);
}

#ifdef COUNT_CRYPTO_CALLS
static void the_unknown_costs_as_much_as_the_wrong(void **state)
{
    struct crypto_calls before, between, after;

    (void)state;
    before = crypto_calls_now();
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=wrong", w.client));
    check_refused(&w, 401, "invalid_client", 7000215);
    between = crypto_calls_now();
    ask_token(&w, path_of(0, GRANT CLIENT));
    check_refused(&w, 400, "unauthorized_client", 700016);
    after = crypto_calls_now();
    assert_int_equal(after.macs - between.macs, between.macs - before.macs);
    assert_int_equal(after.hashes - between.hashes, between.hashes - before.hashes);
    assert_true(after.macs - between.macs + after.hashes - between.hashes > 0);
}
#endif

static void says_no_more_than_the_code_in_production(void **state)
{
    (void)state;
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=wrong", w.client));
    check_refused(&w, 401, "invalid_client", 7000215);
    assert_null(strstr(text_at(&w.fx, "error_description"), "AZURE_CLIENT_SECRET"));
    ask_with_assertion(&w, w.client,
                       signed_jws(&w, test_keys.stranger,
                                  certificate_header(&w, "RS256", test_keys.stranger_der),
                                  client_payload(&w, "")));
    check_refused(&w, 401, "invalid_client", 700027);
    assert_null(strstr(text_at(&w.fx, "error_description"), "thumbprint"));
    ask_with_assertion(&w, w.client,
                       signed_jws(&w, test_keys.foreign, "{\"alg\":\"ES256\"}",
                                  "{\"iss\":\"" FOREIGN_ISSUER "\",\"sub\":\"nobody\"}"));
    check_refused(&w, 401, "invalid_client", 70021);
    assert_non_null(strstr(text_at(&w.fx, "error_description"), "nobody"));
    assert_int_equal(w.fetches, 0);
}

static void takes_the_scopes_that_java_and_go_add(void **state)
{
    (void)state;
    assert_int_equal(ask_token(&w, path_of(0,
                                           CC "&scope=profile+%s+openid+offline_access&client_id=%s"
                                              "&client_secret=" STR_FMT,
                                           DATA_SCOPE, w.client, STR_ARG(w.secret))),
                     200);
    assert_int_equal(ask_token(&w, path_of(0,
                                           CC "&scope=" ORIGIN "/.default&client_id=%s"
                                              "&client_secret=" STR_FMT,
                                           w.client, STR_ARG(w.secret))),
                     200);
    json_t *payload = token_payload(&w);
    assert_string_equal(claim(payload, "aud"), ORIGIN);
    json_decref(payload);
}

static void ignores_the_query_and_unknown_fields(void **state)
{
    (void)state;
    assert_int_equal(post(&w, V2 "?client_id=x&grant_type=password", "",
                          with_secret("&client_info=1&x-client-SKU=msal.js&nonce=1")),
                     200);
    post(&w, path_of(1, V2 "?client_secret=" STR_FMT, STR_ARG(w.secret)), "",
         path_of(0, GRANT "&client_id=%s", w.client));
    check_refused(&w, 401, "invalid_client", 7000218);
}

static void only_forms_are_read(void **state)
{
    (void)state;
    assert_int_equal(call(&w.fx, NOBODY, "POST", V2, "{\"grant_type\":\"client_credentials\"}"),
                     415);
    assert_string_equal(text_at(&w.fx, "error"), "UnsupportedMediaType");
    assert_int_equal(call(&w.fx, NOBODY, "GET", V2, ""), 405);
    assert_int_equal(call(&w.fx, NOBODY, "PUT", "/common/oauth2/token", ""), 405);
}

/* A request from another machine, by TLS or without. */
static int post_from(const char *address, bool tls, const char *form)
{
    static const struct door plain = {.port = 8080, .bound = STR_INIT("0.0.0.0")};
    static const struct door secure = {.tls = true, .port = 8443, .bound = STR_INIT("0.0.0.0")};
    struct fixture *fx = &w.fx;
    struct cidr peer;

    call(fx, NOBODY, "GET", "/health/live", "");
    json_decref(fx->json);
    fx->json = NULL;
    request_fake_clear(&fx->fake);
    request_fake_init(&fx->fake, tls ? &secure : &plain);
    fx->fake.req.loop = fx->loop;
    fx->fake.req.site = &fx->site;
    fx->fake.req.now = clock_now(&fx->clock);
    fx->fake.req.peer.loopback = false;
    assert_int_equal(cidr_parse(str_from(address), &peer), RC_OK);
    fx->fake.req.peer.ip = peer.net;
    assert_int_equal(
        request_fake_parse_with(&fx->fake,
                                "POST /common/oauth2/v2.0/token HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/x-www-form-urlencoded\r\n\r\n",
                                str_from(form)),
        RC_OK);
    (void)pipeline_head(fx->pipeline, &fx->fake.req);
    pipeline_run(fx->pipeline, &fx->fake.req);
    return call_wait(fx);
}

static void refuses_secrets_on_plain_http_from_afar(void **state)
{
    (void)state;
    assert_int_equal(post_from("192.0.2.7", false, with_secret("")), 400);
    assert_int_equal(json_integer_value(json_at(&w.fx, "error_codes.0")), 90100);
    assert_int_equal(post_from("192.0.2.7", true, with_secret("")), 200);
}

static void a_guesser_shuts_out_nobody_else(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(
            post_from("2001:db8:1:2::a", true,
                      path_of(0, GRANT "&client_id=%s&client_secret=no%u", w.client, i)),
            401);
    assert_int_equal(post_from("2001:db8:1:2::a", true, with_secret("")), 429);
    assert_int_equal(post_from("2001:db8:1:2:ffff::1", true, with_secret("")), 429); /* its /64 */
    assert_int_equal(post_from("2001:db8:1:3::a", true, with_secret("")), 200);
    assert_int_equal(post_from("192.0.2.7", true, with_secret("")), 200);
}

static void a_scan_of_client_ids_ends_at_its_address(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(
            post_from(
                "192.0.2.7", true,
                path_of(0, GRANT "&client_id=00000000-0000-4000-8000-%012u&client_secret=x", i)),
            400);
    assert_int_equal(post_from("192.0.2.7", true, with_secret("")), 429);
    assert_int_equal(post_from("192.0.2.8", true, with_secret("")), 200);
}

/* ---- claims ---- */

static void copies_capabilities_as_sent(void **state)
{
    json_t *payload;

    (void)state;
    assert_int_equal(
        ask_token(&w, with_secret("&claims={\"id_token\":{\"x\":null},\"access_token\":{\"xms_cc\":"
                                  "{\"values\":[\"cp1\",\"CP2\"]}}}")),
        200);
    payload = token_payload(&w);
    assert_int_equal(json_array_size(json_object_get(payload, "xms_cc")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(payload, "xms_cc"), 1)),
                        "CP2");
    json_decref(payload);
}

static int ask_not_before(long long seconds)
{
    return ask_token(&w, with_secret(path_of(1,
                                             "&claims={\"access_token\":{\"nbf\":{"
                                             "\"essential\":true,\"value\":\"%lld\"}}}",
                                             seconds)));
}

static void issues_no_token_older_than_a_revocation(void **state)
{
    struct change revoked = {.kind = CHANGE_APPLICATION_PUT, .u.application = w.app};
    unix_ms at = clock_wall() + 400;
    json_t *payload;
    int64_t issued;

    (void)state;
    revoked.u.application.version = 2;
    revoked.u.application.revoked_before = at;
    assert_int_equal(store_commit_wait(w.fx.store, &revoked, 1), RC_OK);
    assert_int_equal(ask_not_before(clock_wall() / 1000), 200);
    payload = token_payload(&w);
    issued = json_integer_value(json_object_get(payload, "cgi"));
    assert_true(issued > at);
    assert_int_equal(json_integer_value(json_object_get(payload, "iat")), issued / 1000);
    json_decref(payload);
    revoked.u.application.version = 3; /* a clock that was set back: no token could be used */
    revoked.u.application.revoked_before = clock_wall() + 60000;
    assert_int_equal(store_commit_wait(w.fx.store, &revoked, 1), RC_OK);
    ask_not_before(clock_wall() / 1000);
    check_refused(&w, 400, "invalid_request", 90100);
}

/* Or it would be younger than the next revocation. */
static void dates_no_token_ahead_of_its_time(void **state)
{
    (void)state;
    assert_int_equal(ask_not_before(clock_wall() / 1000), 200);
    ask_not_before(clock_wall() / 1000 + 2);
    check_refused(&w, 400, "invalid_request", 90100);
    ask_not_before(clock_wall() / 1000 + 3600);
    check_refused(&w, 400, "invalid_request", 90100);
}

static void refuses_claims_out_of_form(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{\"access_token\":1}",
        "{\"access_token\":{\"xms_cc\":[]}}",
        "{\"access_token\":{\"xms_cc\":{\"values\":\"cp1\"}}}",
        "{\"access_token\":{\"xms_cc\":{\"values\":[1]}}}",
        "{\"access_token\":{\"xms_cc\":{\"values\":[\"\"]}}}",
        "{\"access_token\":{\"xms_cc\":{\"values\":[\"a\\u0001\"]}}}",
        "{\"access_token\":{\"xms_cc\":{\"values\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}}}",
        "{\"access_token\":{\"nbf\":{\"value\":\"soon\"}}}",
        "{\"access_token\":{\"nbf\":{\"value\":-1}}}",
        "{\"access_token\":{\"nbf\":{\"value\":[]}}}",
        "{\"access_token\":{\"nbf\":\"1\"}}",
        "{\"access_token\":{},\"access_token\":{}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ask_token(&w, with_secret(path_of(1, "&claims=%s", bad[i])));
        check_refused(&w, 400, "invalid_request", 90100);
    }
    assert_int_equal(ask_token(&w, with_secret("&claims={\"access_token\":null}")), 200);
    assert_int_equal(
        ask_token(&w, with_secret("&claims={\"access_token\":{\"xms_cc\":null,\"nbf\":null}}")),
        200);
}

/* ---- identity endpoints ---- */

static struct change identity(const char *name)
{
    return (struct change){
        .kind = CHANGE_APPLICATION_PUT,
        .u.application = {.client_id = uuid_random(),
                          .object_id = uuid_random(),
                          .kind = APPLICATION_MANAGED,
                          .version = 1,
                          .created = clock_wall(),
                          .name = str_from(name),
                          .arm_id = arena_printf(&w.arena, "/subscriptions/s/%s", name),
                          .document = STR("{}")}};
}

#define METADATA "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="

/* The request waits for the store meanwhile: what it said has to be kept. */
static void the_only_managed_identity_needs_no_name(void **state)
{
    static const struct {
        const char *written, *audience;
    } resources[] = {
        {"https://communication.azure.com/", "https://communication.azure.com/"}, /* Python */
        {"https%3A%2F%2Fcommunication.azure.com", "https://communication.azure.com"},
    };
    struct change c = identity("only");

    (void)state;
    assert_int_equal(call(&w.fx, PROGRAM, "GET", METADATA "https://communication.azure.com/", ""),
                     400);
    assert_int_equal(store_commit_wait(w.fx.store, &c, 1), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        json_t *payload;

        assert_int_equal(
            call(&w.fx, PROGRAM, "GET", path_of(0, METADATA "%s", resources[i].written), ""), 200);
        assert_string_equal(text_at(&w.fx, "resource"), resources[i].audience);
        payload = token_payload(&w);
        assert_string_equal(claim(payload, "aud"), resources[i].audience);
        json_decref(payload);
    }
    c = identity("second");
    assert_int_equal(store_commit_wait(w.fx.store, &c, 1), RC_OK);
    assert_int_equal(call(&w.fx, PROGRAM, "GET", METADATA "https://communication.azure.com/", ""),
                     400);
}

/* ---- many wrong ones ---- */

static void wrong_secret(unsigned i)
{
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=wrong%u", w.client, i));
}

static void slows_down_who_guesses(void **state)
{
    struct str retry;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        wrong_secret(i);
        check_refused(&w, 401, "invalid_client", 7000215);
    }
    wrong_secret(11);
    check_refused(&w, 429, "temporarily_unavailable", 90055);
    retry = request_fake_header(&w.fx.fake, STR("Retry-After"));
    assert_true(retry.len >= 1 && retry.len <= 2);
    ask_token(&w, with_secret(""));
    check_refused(&w, 429, "temporarily_unavailable", 90055);
    /* another client at the same address, another address of the same client */
    ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=" STR_FMT, w.disabled,
                          STR_ARG(w.disabled_secret)));
    check_refused(&w, 401, "unauthorized_client", 7000112);
}

static void the_same_wrong_secret_is_one_guess(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        wrong_secret(1);
        check_refused(&w, 401, "invalid_client", 7000215);
    }
    for (unsigned i = 0; i < 8; i++)
        wrong_secret(10 + i);
    assert_int_equal(ask_token(&w, with_secret("")), 200); /* forgets them */
    for (unsigned i = 0; i < 9; i++)
        wrong_secret(20 + i);
    assert_int_equal(ask_token(&w, with_secret("")), 200);
}

static void developers_may_err_more_often(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        wrong_secret(i);
        check_refused(&w, 401, "invalid_client", 7000215);
    }
    wrong_secret(100);
    check_refused(&w, 429, "temporarily_unavailable", 90055);
}

#define CASE(f)       cmocka_unit_test_setup_teardown(f, setup, teardown)
#define PRODUCTION(f) cmocka_unit_test_setup_teardown(f, setup_production, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(gives_a_token_for_the_right_secret),
        CASE(answers_v1_clients_with_texts),
        CASE(says_when_to_refresh_a_long_token),
        CASE(takes_http_basic),
        CASE(refuses_other_authorization_headers),
        CASE(echoes_the_clients_request_id),
        CASE(refuses_what_the_table_says),
        CASE(refuses_secrets_that_do_not_count),
        CASE(what_has_changed_counts_with_the_next_request),
#ifdef COUNT_CRYPTO_CALLS
        CASE(the_unknown_costs_as_much_as_the_wrong),
#endif
        PRODUCTION(says_no_more_than_the_code_in_production),
        CASE(takes_the_scopes_that_java_and_go_add),
        CASE(ignores_the_query_and_unknown_fields),
        CASE(only_forms_are_read),
        CASE(refuses_secrets_on_plain_http_from_afar),
        CASE(copies_capabilities_as_sent),
        CASE(issues_no_token_older_than_a_revocation),
        CASE(dates_no_token_ahead_of_its_time),
        CASE(refuses_claims_out_of_form),
        CASE(the_only_managed_identity_needs_no_name),
        PRODUCTION(slows_down_who_guesses),
        PRODUCTION(the_same_wrong_secret_is_one_guess),
        PRODUCTION(a_guesser_shuts_out_nobody_else),
        CASE(a_scan_of_client_ids_ends_at_its_address),
        CASE(developers_may_err_more_often),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
