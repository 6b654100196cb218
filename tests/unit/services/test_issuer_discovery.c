/* What clients and verifiers read: configuration, keys, instance discovery, and the pages. */
#include "issuer_fixture.h"

#include "crypto/base64.h"

static struct issuer_world w;

static int setup(void **state)
{
    (void)state;
    world_open(&w, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static int get(const char *target)
{
    return call(&w.fx, NOBODY, "GET", target, "");
}

static void names_all_endpoints_at_the_origin(void **state)
{
    const char *const tenants[] = {w.tenant, "adfs", "common", "organizations", "localhost"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tenants); i++) {
        const char *t = tenants[i];

        assert_int_equal(get(path_of(0, "/%s/v2.0/.well-known/openid-configuration", t)), 200);
        assert_string_equal(text_at(&w.fx, "issuer"), path_of(1, ORIGIN "/%s/v2.0", w.tenant));
        assert_string_equal(text_at(&w.fx, "token_endpoint"),
                            path_of(1, ORIGIN "/%s/oauth2/v2.0/token", t));
        assert_string_equal(text_at(&w.fx, "jwks_uri"),
                            path_of(1, ORIGIN "/%s/discovery/v2.0/keys", t));
        assert_string_equal(text_at(&w.fx, "authorization_endpoint"),
                            path_of(1, ORIGIN "/%s/oauth2/v2.0/authorize", t));
    }
    assert_string_equal(text_at(&w.fx, "cloud_instance_name"), "localhost:8080");
    assert_true(json_is_null(json_at(&w.fx, "tenant_region_scope")));
    assert_string_equal(text_at(&w.fx, "id_token_signing_alg_values_supported.0"), "ES256");
    assert_true(name_eq(request_fake_header(&w.fx.fake, STR("Cache-Control")),
                        STR("max-age=86400, private")));
    assert_true(
        name_eq(request_fake_header(&w.fx.fake, STR("Access-Control-Allow-Origin")), STR("*")));
}

static void adfs_means_the_present_protocol(void **state)
{
    (void)state;
    assert_int_equal(get("/ADFS/.well-known/openid-configuration"), 200);
    assert_string_equal(text_at(&w.fx, "token_endpoint"), ORIGIN "/adfs/oauth2/v2.0/token");
    assert_string_equal(text_at(&w.fx, "issuer"), path_of(1, ORIGIN "/%s/v2.0", w.tenant));
    assert_int_equal(get("/common/.well-known/openid-configuration"), 200);
    assert_string_equal(text_at(&w.fx, "token_endpoint"), ORIGIN "/common/oauth2/token");
    assert_string_equal(text_at(&w.fx, "issuer"), path_of(1, ORIGIN "/%s/", w.tenant));
}

static void strange_tenants_are_refused_everywhere(void **state)
{
    static const char *const targets[] = {
        "/contoso/v2.0/.well-known/openid-configuration",
        "/contoso/.well-known/openid-configuration",
        "/contoso/discovery/v2.0/keys",
        "/contoso/discovery/keys",
        "/contoso/discovery/instance?authorization_endpoint=x",
        "/contoso/.well-known/webfinger",
        "/contoso/oauth2/authorize",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        get(targets[i]);
        check_refused(&w, 400, "invalid_request", 90002);
    }
}

static void the_servers_own_configuration_is_another(void **state)
{
    (void)state;
    assert_int_equal(get("/.well-known/openid-configuration"), 200);
    assert_string_equal(text_at(&w.fx, "issuer"), ORIGIN);
}

static void publishes_keys_with_true_certificates(void **state)
{
    (void)state;
    assert_int_equal(get("/common/discovery/v2.0/keys"), 200);
    assert_true(
        name_eq(request_fake_header(&w.fx.fake, STR("Cache-Control")), STR("max-age=3600")));
    assert_int_equal(json_array_size(json_at(&w.fx, "keys")), 3); /* present, next, retired */
    for (unsigned i = 0; i < 3; i++) {
        const json_t *key = json_array_get(json_at(&w.fx, "keys"), i);
        const char *x5c = json_string_value(json_array_get(json_object_get(key, "x5c"), 0));
        const char *x5t = json_string_value(json_object_get(key, "x5t"));
        uint8_t der[2048], hash[SHA1_LEN];
        char text[BASE64URL_LEN(SHA1_LEN) + 1] = {0};
        struct cert cert = {0};
        const char *why;
        size_t len;

        assert_non_null(x5c);
        assert_int_equal(base64_decode(str_from(x5c), der, sizeof der, &len), RC_OK);
        sha1(str_of(der, len), hash);
        (void)base64url_encode(hash, sizeof hash, text);
        assert_string_equal(x5t, text);
        assert_int_equal(cert_read(str_of(der, len), &w.arena, &cert, &why), RC_OK);
        char thumbprint[44] = {0};
        pkey_thumbprint(cert.key, thumbprint);
        assert_string_equal(json_string_value(json_object_get(key, "kid")), thumbprint);
        cert_clear(&cert);
        assert_string_equal(json_string_value(json_object_get(key, "use")), "sig");
        assert_string_equal(json_string_value(json_object_get(key, "alg")), "ES256");
        assert_string_equal(json_string_value(json_object_get(key, "issuer")),
                            path_of(1, ORIGIN "/%s/v2.0", w.tenant));
        assert_null(json_object_get(key, "d"));
    }
}

static void drops_a_key_when_its_last_token_is_dead(void **state)
{
    (void)state;
    w.fx.clock.offset_ms = (unix_ms)30 * 24 * 3600 * 1000;
    assert_int_equal(get("/common/discovery/keys"), 200);
    assert_int_equal(json_array_size(json_at(&w.fx, "keys")), 2);
}

static void points_clients_from_their_authority_to_the_tenant(void **state)
{
    (void)state;
    assert_int_equal(
        get("/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A"
            "%2F%2Flocalhost%3A8443%2Fadfs%2Foauth2%2Fv2.0%2Fauthorize"),
        200);
    assert_string_equal(text_at(&w.fx, "tenant_discovery_endpoint"),
                        ORIGIN "/adfs/v2.0/.well-known/openid-configuration");
    assert_string_equal(text_at(&w.fx, "metadata.0.aliases.0"), "localhost:8443");
    assert_string_equal(text_at(&w.fx, "metadata.0.preferred_network"), "localhost:8443");
}

static void refuses_instances_of_others(void **state)
{
    static const struct {
        const char *query, *error;
        int number;
    } cases[] = {
        {"", "invalid_request", 900144},
        {"?authorization_endpoint=", "invalid_instance", 50049},
        {"?authorization_endpoint=https://evil.example/common/x", "invalid_instance", 50049},
        {"?authorization_endpoint=http://localhost/common/x", "invalid_instance", 50049},
        {"?authorization_endpoint=https://localhost@evil.example/common", "invalid_instance",
         50049},
        {"?authorization_endpoint=https://localhost/contoso/x", "invalid_request", 90002},
        {"?authorization_endpoint=https://localhost", "invalid_request", 90002},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        get(path_of(0, "/common/discovery/instance%s", cases[i].query));
        check_refused(&w, 400, cases[i].error, cases[i].number);
    }
}

#define REL "?rel=http://schemas.microsoft.com/rel/trusted-realm&resource="

static void vouches_for_its_own_host_alone(void **state)
{
    (void)state;
    assert_int_equal(get("/adfs/.well-known/webfinger" REL "https://localhost"), 200);
    assert_string_equal(text_at(&w.fx, "subject"), "https://localhost");
    assert_string_equal(text_at(&w.fx, "links.0.href"), "https://localhost");
    assert_string_equal(text_at(&w.fx, "links.0.rel"),
                        "http://schemas.microsoft.com/rel/trusted-realm");
    get("/adfs/.well-known/webfinger" REL "https://evil.example");
    check_refused(&w, 400, "invalid_instance", 50049);
    get("/adfs/.well-known/webfinger?resource=https://localhost");
    check_refused(&w, 400, "invalid_instance", 50049);
}

static void has_no_page_to_sign_in(void **state)
{
    (void)state;
    assert_int_equal(get("/common/oauth2/v2.0/authorize?client_id=x"), 400);
    assert_true(str_starts(w.fx.fake.body, STR("unsupported_response_type\n")));
    assert_int_equal(get("/common/oauth2/authorize"), 400);
}

static void explains_errors_by_number(void **state)
{
    static const char *const none[] = {"/error", "/error?code=", "/error?code=1", "/error?code=x",
                                       "/error?code=99999999999999999999"};

    (void)state;
    assert_int_equal(get("/error?code=7000215"), 200);
    assert_true(str_starts(w.fx.fake.body, STR("AADSTS7000215 (401 invalid_client)\n")));
    assert_true(str_find_str(w.fx.fake.body, STR("AZURE_CLIENT_SECRET")) < w.fx.fake.body.len);
    assert_int_equal(get("/error?code=700027"), 200); /* two meanings */
    assert_true(str_find_str(w.fx.fake.body, STR("expired")) < w.fx.fake.body.len);
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_int_equal(get(none[i]), 404);
}

static void hosts_of_nobody_get_no_document(void **state)
{
    struct fixture *fx = &w.fx;

    (void)state;
    call(fx, NOBODY, "GET", "/health/live", "");
    request_fake_clear(&fx->fake);
    fx->fake.req.loop = fx->loop;
    fx->fake.req.site = &fx->site;
    fx->fake.req.now = clock_now(&fx->clock);
    assert_int_equal(request_fake_parse(&fx->fake,
                                        "GET /common/v2.0/.well-known/openid-configuration HTTP/1.1"
                                        "\r\nHost: evil.example\r\n\r\n"),
                     RC_OK);
    (void)pipeline_head(fx->pipeline, &fx->fake.req);
    pipeline_run(fx->pipeline, &fx->fake.req);
    json_decref(fx->json);
    fx->json = NULL;
    assert_int_equal(call_wait(fx), 421);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(names_all_endpoints_at_the_origin),
        CASE(adfs_means_the_present_protocol),
        CASE(strange_tenants_are_refused_everywhere),
        CASE(the_servers_own_configuration_is_another),
        CASE(publishes_keys_with_true_certificates),
        CASE(drops_a_key_when_its_last_token_is_dead),
        CASE(points_clients_from_their_authority_to_the_tenant),
        CASE(refuses_instances_of_others),
        CASE(vouches_for_its_own_host_alone),
        CASE(has_no_page_to_sign_in),
        CASE(explains_errors_by_number),
        CASE(hosts_of_nobody_get_no_document),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
