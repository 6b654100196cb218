/* Health, metrics, discovery and keys, in both modes. */
#include "fixture.h"

static struct fixture fx;

static int setup(void **state)
{
    (void)state;
    fixture_open(&fx, false);
    return 0;
}

static int setup_production(void **state)
{
    (void)state;
    fixture_open(&fx, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&fx);
    return 0;
}

static void health_needs_no_credential(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, NOBODY, "GET", "/health/live", ""), 200);
    assert_int_equal(call(&fx, NOBODY, "GET", "/health/ready", ""), 200);
    assert_string_equal(text_at(&fx, "status"), "ready");
    fx.not_ready = true;
    assert_int_equal(call(&fx, NOBODY, "GET", "/health/ready", ""), 503);
    assert_string_equal(text_at(&fx, "reason"), "starting");
    assert_int_equal(call(&fx, NOBODY, "GET", "/health/live", ""), 200);
}

static void metrics_are_public_in_development(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, PRIMARY, "POST", "/admin/users", ""), 201);
    assert_int_equal(call(&fx, NOBODY, "GET", "/metrics", ""), 200);
    assert_true(str_find_str(fx.fake.body, STR("\ncallgate_users_created_total 1\n")) <
                fx.fake.body.len);
    assert_true(str_ends(fx.fake.body, STR("callgate_extra 1\n")));
    assert_true(str_starts(request_fake_header(&fx.fake, STR("Content-Type")),
                           STR("text/plain; version=0.0.4")));
}

static void metrics_are_the_administrators_in_production(void **state)
{
    (void)state;
    assert_true(call(&fx, NOBODY, "GET", "/metrics", "") >= 400);
    assert_int_equal(call(&fx, ADMIN_TCP, "GET", "/metrics", ""), 200);
    assert_int_equal(call(&fx, ADMIN, "GET", "/metrics", ""), 200);
    assert_true(call(&fx, ADMIN, "GET", "/admin/clock", "") >= 400);
}

static void discovery_names_the_origin_it_was_asked_at(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, NOBODY, "GET", "/.well-known/openid-configuration", ""), 200);
    assert_string_equal(text_at(&fx, "issuer"), "http://localhost:8080");
    assert_string_equal(text_at(&fx, "jwks_uri"), "http://localhost:8080/.well-known/jwks.json");
    assert_int_equal(call(&fx, NOBODY, "GET", "/.well-known/jwks.json", ""), 200);
    assert_string_equal(text_at(&fx, "keys.0.kty"), "EC");
    assert_string_equal(text_at(&fx, "keys.0.alg"), "ES256");
    assert_null(json_at(&fx, "keys.0.d"));
    assert_true(strlen(text_at(&fx, "keys.0.kid")) > 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(health_needs_no_credential),
        CASE(metrics_are_public_in_development),
        cmocka_unit_test_setup_teardown(metrics_are_the_administrators_in_production,
                                        setup_production, teardown),
        CASE(discovery_names_the_origin_it_was_asked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
