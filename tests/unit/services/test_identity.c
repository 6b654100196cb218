/* The Identity service through the whole pipeline: every operation and what separates versions. */
#include "fixture.h"

#include "crypto/base64.h"
#include "services/identity/identity.h"
#include "services/limits.h"

#define V            "api-version=2023-10-01"
#define V20          "api-version=2020-07-20-preview2"
#define V25          "api-version=2025-03-02-preview"
#define V256         "api-version=2025-06-30"
#define UNKNOWN_USER "00000000-0000-0000-0000-000000000001"

static struct fixture fx;
static char id[128], token[2048];

static int setup(void **state)
{
    (void)state;
    fixture_open(&fx, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&fx);
    return 0;
}

static const char *make_user(void)
{
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V, ""), 201);
    snprintf(id, sizeof id, "%s", text_at(&fx, "identity.id"));
    return id;
}

static void issue(enum caller who, const char *scopes)
{
    assert_int_equal(call(&fx, who, "POST", path_of(3, "/identities/%s/:issueAccessToken?" V, id),
                          path_of(2, "{\"scopes\":[%s]}", scopes)),
                     200);
    snprintf(token, sizeof token, "%s", text_at(&fx, "token"));
    fx.token = str_from(token);
}

static json_t *claims_of(const char *text)
{
    struct str head, rest, payload, signature;
    static char octets[2048];
    const char *why;
    size_t len;
    json_t *claims;

    assert_true(str_cut(str_from(text), '.', &head, &rest));
    assert_true(str_cut(rest, '.', &payload, &signature));
    assert_int_equal(base64url_decode(payload, octets, sizeof octets, &len), RC_OK);
    assert_int_equal(json_read(str_of(octets, len), &claims, &why), RC_OK);
    return claims;
}

static void creates_a_user_without_a_token(void **state)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "null",
        "{\"createTokenWithScopes\": null, \"expiresInMinutes\": null}",
        "{\"createTokenWithScopes\":[]}",
        "{\"unknown\":1}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct user_key key;

        assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V, bodies[i]), 201);
        assert_int_equal(user_id_parse(str_from(text_at(&fx, "identity.id")), &key), RC_OK);
        assert_true(uuid_eq(&key.resource, &fx.resource));
        assert_null(json_at(&fx, "accessToken"));
    }
    assert_true(name_eq(request_fake_header(&fx.fake, STR("api-supported-versions")),
                        identity_service.supported));
}

static void creates_a_user_with_a_token(void **state)
{
    json_t *claims;
    unix_ms expires;

    (void)state;
    assert_int_equal(
        call(&fx, SECONDARY, "POST", "/identities?" V,
             "{\"createTokenWithScopes\":[\"VoIP\",\"chat\",\"voip\"],\"expiresInMinutes\":60}"),
        201);
    claims = claims_of(text_at(&fx, "accessToken.token"));
    assert_string_equal(json_string_value(json_object_get(claims, "acsScope")), "voip,chat");
    assert_string_equal(json_string_value(json_object_get(claims, "cgk")), "s1");
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), "http://localhost:8080");
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")) -
                         json_integer_value(json_object_get(claims, "iat")),
                     3600);
    assert_int_equal(strlen(text_at(&fx, "accessToken.expiresOn")), ISO8601_TICKS_LEN);
    assert_non_null(strstr(text_at(&fx, "accessToken.expiresOn"), ".0000000+00:00"));
    assert_int_equal(time_from_iso8601(str_from(text_at(&fx, "accessToken.expiresOn")), &expires),
                     RC_OK);
    assert_int_equal(expires / 1000, json_integer_value(json_object_get(claims, "exp")));
    json_decref(claims);
}

static void writes_members_in_the_contracts_order(void **state)
{
    (void)state;
    call(&fx, PRIMARY, "POST", "/identities?" V, "{\"createTokenWithScopes\":[\"chat\"]}");
    assert_true(str_starts(fx.fake.body, STR("{\"identity\":{\"id\":\"8:acs:")));
    assert_true(str_find_str(fx.fake.body, STR("\"},\"accessToken\":{\"token\":\"ey")) <
                fx.fake.body.len);
    make_user();
    issue(PRIMARY, "\"chat\"");
    assert_true(str_starts(fx.fake.body, STR("{\"token\":\"ey")));
}

static void creates_in_2020_with_the_bare_id(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V20, "{}"), 200);
    assert_int_equal(strlen(text_at(&fx, "id")), 79);
    snprintf(id, sizeof id, "%s", text_at(&fx, "id"));
    assert_int_equal(call(&fx, PRIMARY, "POST", path_of(0, "/identities/%s/token?" V20, id),
                          "{\"scopes\":[\"pstn\",\"chat\"]}"),
                     200);
    assert_string_equal(text_at(&fx, "id"), id);
    assert_true(strlen(text_at(&fx, "expiresOn")) > 0);
    json_t *claims = claims_of(text_at(&fx, "token"));
    assert_string_equal(json_string_value(json_object_get(claims, "acsScope")), "voip,chat");
    json_decref(claims);
}

static void refuses_what_is_not_a_token_request(void **state)
{
    static const struct {
        const char *query, *body, *message, *target;
    } cases[] = {
        {V, "", "Scopes: The Scopes field is required.", "Scopes"},
        {V, "{}", "Scopes: The Scopes field is required.", "Scopes"},
        {V, "{\"scopes\":null}", "Scopes: The Scopes field is required.", "Scopes"},
        {V, "{\"scopes\":[]}", "Scopes: The Scopes field is required.", "Scopes"},
        {V, "{\"scopes\":[\"chat\",\"fly\"]}", NULL, "Scopes"},
        {V, "{\"scopes\":[\"pstn\"]}", NULL, "Scopes"},
        {V, "{\"scopes\":\"chat\"}", NULL, "$.scopes"},
        {V, "{\"scopes\":[1]}", NULL, "$.scopes[0]"},
        {V, "[]", NULL, "$"},
        {V, "{\"scopes\"", NULL, "$"},
        {V, "{\"scopes\":[\"chat\"],\"expiresInMinutes\":1441}",
         "ExpiresInMinutes value 1441 is invalid. Value must be within the [60, 1440] interval.",
         "ExpiresInMinutes"},
        {V, "{\"scopes\":[\"chat\"],\"expiresInMinutes\":59.0}",
         "ExpiresInMinutes value 59.0 is invalid. Value must be within the [60, 1440] interval.",
         "ExpiresInMinutes"},
        {V, "{\"scopes\":[\"chat\"],\"expiresInMinutes\":60.5}",
         "ExpiresInMinutes value 60.5 is invalid. Value must be within the [60, 1440] interval.",
         "ExpiresInMinutes"},
        {V, "{\"scopes\":[\"chat\"],\"expiresInMinutes\": -1 }",
         "ExpiresInMinutes value -1 is invalid. Value must be within the [60, 1440] interval.",
         "ExpiresInMinutes"},
        {V, "{\"scopes\":[\"chat\"],\"expiresInMinutes\":\"60\"}", NULL, "$.expiresInMinutes"},
    };

    (void)state;
    make_user();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        call(&fx, PRIMARY, "POST",
             path_of(0, "/identities/%s/:issueAccessToken?%s", id, cases[i].query), cases[i].body);
        check_error(&fx, 400, "ValidationError", cases[i].message, cases[i].target);
    }
    call(&fx, PRIMARY, "POST", "/identities?" V, "{\"expiresInMinutes\":10}");
    check_error(&fx, 400, "ValidationError",
                "ExpiresInMinutes value 10 is invalid. Value must be within the [60, 1440] "
                "interval.",
                "ExpiresInMinutes");
}

static void takes_every_spelling_of_the_minutes(void **state)
{
    static const struct {
        const char *query, *minutes;
        int64_t seconds;
    } cases[] = {
        {V, "60", 3600},
        {V, "60.0", 3600},
        {V, "1e2", 6000},
        {V, "1440", 86400},
        {V, "null", 86400},
        {"api-version=2022-10-01", "61", 3660},
        {"api-version=2022-06-01", "5", 86400},
        {"api-version=2021-03-07", "\"x\"", 86400},
    };

    (void)state;
    make_user();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *claims;

        assert_int_equal(
            call(&fx, PRIMARY, "POST",
                 path_of(0, "/identities/%s/:issueAccessToken?%s", id, cases[i].query),
                 path_of(1, "{\"scopes\":[\"chat\"],\"expiresInMinutes\":%s}", cases[i].minutes)),
            200);
        claims = claims_of(text_at(&fx, "token"));
        assert_int_equal(json_integer_value(json_object_get(claims, "exp")) -
                             json_integer_value(json_object_get(claims, "iat")),
                         cases[i].seconds);
        json_decref(claims);
    }
}

static void keeps_join_scopes_to_their_versions_when_told(void **state)
{
    (void)state;
    make_user();
    issue(PRIMARY, "\"chat.join\",\"chat.join.limited\",\"voip.join\"");
    fx.options.scopes_any_version = false;
    issue(PRIMARY, "\"chat.join\"");
    call(&fx, PRIMARY, "POST",
         path_of(0, "/identities/%s/:issueAccessToken?api-version=2022-10-01", id),
         "{\"scopes\":[\"chat.join\"]}");
    check_error(&fx, 400, "ValidationError", NULL, "Scopes");
    fx.options.scopes_any_version = true;
    assert_int_equal(call(&fx, PRIMARY, "POST",
                          path_of(0, "/identities/%s/:issueAccessToken?api-version=2022-10-01", id),
                          "{\"scopes\":[\"chat.join\"]}"),
                     200);
}

static void knows_ids_in_every_form_and_no_others(void **state)
{
    char encoded[160], foreign[128];

    (void)state;
    make_user();
    snprintf(encoded, sizeof encoded, "8%%3Aacs%%3A%s", id + 6);
    assert_int_equal(call(&fx, PRIMARY, "POST",
                          path_of(0, "/identities/%s/%%3AissueAccessToken?" V, encoded),
                          "{\"scopes\":[\"chat\"]}"),
                     200);
    assert_int_equal(call(&fx, PRIMARY, "POST",
                          path_of(0, "/identities/%s:issueAccessToken?" V, encoded),
                          "{\"scopes\":[\"chat\"]}"),
                     200);
    assert_int_equal(
        call(&fx, PRIMARY, "POST", path_of(0, "/identities/%s:revokeAccessTokens?" V, id), ""),
        204);
    assert_int_equal(call(&fx, OTHER, "POST", "/identities?" V, ""), 201);
    snprintf(foreign, sizeof foreign, "%s", text_at(&fx, "identity.id"));
    const char *const bad[] = {foreign,
                               "8:acs:x",
                               "nonsense",
                               "+14255550123",
                               path_of(1, "8:acs:%.36s_" UNKNOWN_USER, id + 6),
                               path_of(2, "%s_%.36s", id, id + 6)};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        call(&fx, PRIMARY, "POST", path_of(0, "/identities/%s/:issueAccessToken?" V, bad[i]),
             "{\"scopes\":[\"chat\"]}");
        check_error(&fx, 404, "IdentityNotFound", "Provided identity doesn't exist.", "");
        call(&fx, PRIMARY, "DELETE", path_of(0, "/identities/%s?" V, bad[i]), "");
        check_error(&fx, 404, "IdentityNotFound", NULL, "");
        call(&fx, PRIMARY, "POST", path_of(0, "/identities/%s/:revokeAccessTokens?" V, bad[i]), "");
        check_error(&fx, 404, "IdentityNotFound", NULL, "");
        call(&fx, PRIMARY, "GET", path_of(0, "/identities/%s?" V25, bad[i]), "");
        check_error(&fx, 404, "IdentityNotFound", NULL, "");
    }
}

static void revokes_at_once_and_no_more(void **state)
{
    (void)state;
    make_user();
    issue(PRIMARY, "\"chat\"");
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
    assert_int_equal(
        call(&fx, PRIMARY, "POST", path_of(0, "/identities/%s/:revokeAccessTokens?" V, id), ""),
        204);
    assert_int_equal(fx.fake.body.len, 0);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
    issue(PRIMARY, "\"chat\"");
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
}

static void deletes_for_good_and_twice(void **state)
{
    (void)state;
    make_user();
    issue(PRIMARY, "\"chat\"");
    assert_int_equal(call(&fx, PRIMARY, "DELETE", path_of(0, "/identities/%s?" V, id), ""), 204);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
    assert_int_equal(call(&fx, PRIMARY, "DELETE", path_of(0, "/identities/%s?" V, id), ""), 204);
    assert_int_equal(
        call(&fx, PRIMARY, "POST", path_of(0, "/identities/%s/:revokeAccessTokens?" V, id), ""),
        204);
    call(&fx, PRIMARY, "POST", path_of(0, "/identities/%s/:issueAccessToken?" V, id),
         "{\"scopes\":[\"chat\"]}");
    check_error(&fx, 404, "IdentityNotFound", "Provided identity doesn't exist.", "");
}

static void patch_cuts_tokens_off_by_time(void **state)
{
    char when[ISO8601_LEN + 1] = "";

    (void)state;
    make_user();
    issue(PRIMARY, "\"chat\"");
    assert_int_equal(call(&fx, PRIMARY, "PATCH", path_of(0, "/identities/%s?" V20, id),
                          "{\"tokensValidFrom\":\"2020-01-01T00:00:00Z\"}"),
                     204);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
    time_to_iso8601(clock_wall(), when);
    assert_int_equal(call(&fx, PRIMARY, "PATCH", path_of(0, "/identities/%s?" V20, id),
                          path_of(1, "{\"tokensValidFrom\":\"%s\"}", when)),
                     204);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
    issue(PRIMARY, "\"chat\"");
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
    assert_int_equal(call(&fx, PRIMARY, "PATCH", path_of(0, "/identities/%s?" V20, id), "{}"), 204);
    call(&fx, PRIMARY, "PATCH", path_of(0, "/identities/%s?" V20, id),
         "{\"tokensValidFrom\":\"soon\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.tokensValidFrom");
}

static void regenerating_a_key_kills_what_it_issued(void **state)
{
    char by_secondary[2048];

    (void)state;
    make_user();
    issue(SECONDARY, "\"chat\"");
    snprintf(by_secondary, sizeof by_secondary, "%s", token);
    issue(PRIMARY, "\"chat\"");
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/keys/primary:regenerate", "{}"), 200);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/whoami", ""), 401);
    fx.token = str_from(by_secondary);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
}

static void keeps_external_ids_where_the_version_has_them(void **state)
{
    char first[128];

    (void)state;
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V25, "{\"externalId\":\"alice@x\"}"),
                     201);
    snprintf(first, sizeof first, "%s", text_at(&fx, "identity.id"));
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V25,
                          "{\"externalId\":\"alice@x\",\"createTokenWithScopes\":[\"chat\"]}"),
                     200);
    assert_string_equal(text_at(&fx, "identity.id"), first);
    assert_true(strlen(text_at(&fx, "accessToken.token")) > 0);
    assert_int_equal(call(&fx, OTHER, "POST", "/identities?" V25, "{\"externalId\":\"alice@x\"}"),
                     201);
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V, "{\"externalId\":\"alice@x\"}"),
                     201);
    assert_string_not_equal(text_at(&fx, "identity.id"), first);
    assert_int_equal(call(&fx, PRIMARY, "GET", path_of(0, "/identities/%s?" V25, first), ""), 200);
    assert_string_equal(text_at(&fx, "externalId"), "alice@x");
    assert_int_equal(call(&fx, PRIMARY, "DELETE", path_of(0, "/identities/%s?" V25, first), ""),
                     204);
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V25, "{\"externalId\":\"alice@x\"}"),
                     201);
    assert_string_not_equal(text_at(&fx, "identity.id"), first);
    call(&fx, PRIMARY, "POST", "/identities?" V25, "{\"externalId\":\"\"}");
    check_error(&fx, 400, "ValidationError", NULL, "ExternalId");
    call(&fx, PRIMARY, "POST", "/identities?" V25, "{\"externalId\":7}");
    check_error(&fx, 400, "ValidationError", NULL, "$.externalId");
}

static void shows_when_the_last_token_was_issued(void **state)
{
    (void)state;
    make_user();
    assert_int_equal(call(&fx, PRIMARY, "GET", path_of(0, "/identities/%s?" V25, id), ""), 200);
    assert_null(json_at(&fx, "lastTokenIssuedAt"));
    issue(PRIMARY, "\"chat\"");
    fixture_settle(&fx);
    assert_int_equal(call(&fx, PRIMARY, "GET", path_of(0, "/identities/%s?" V25, id), ""), 200);
    assert_int_equal(strlen(text_at(&fx, "lastTokenIssuedAt")), ISO8601_TICKS_LEN);
    assert_true(call(&fx, PRIMARY, "GET", path_of(0, "/identities/%s?" V, id), "") >= 400);
}

static void answers_the_teams_exchange_in_the_recorded_order(void **state)
{
    static const struct {
        const char *query, *body;
        int status;
        const char *code, *message, *target;
    } cases[] = {
        {V, "{\"token\":\"\",\"appId\":\"\",\"userId\":\"\"}", 400, "ValidationError",
         "AppId: The AppId field is required.", "AppId"},
        {V, "{\"token\":\"x\"}", 400, "ValidationError", "AppId: The AppId field is required.",
         "AppId"},
        {V, "{\"token\":\"\",\"appId\":\"a\",\"userId\":\"\"}", 401, "InvalidAccessToken",
         "Provided access token is not valid.", ""},
        {V, "{\"token\":\"x\",\"appId\":\"a\",\"userId\":\"u\"}", 401, "InvalidAccessToken",
         "Provided access token is not valid.", ""},
        {"api-version=2021-10-31-preview", "{\"token\":\"x\"}", 401, "InvalidAccessToken", NULL,
         ""},
        {V, "{\"token\":1}", 400, "ValidationError", NULL, "$.token"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        call(&fx, PRIMARY, "POST", path_of(0, "/teamsUser/:exchangeAccessToken?%s", cases[i].query),
             cases[i].body);
        check_error(&fx, cases[i].status, cases[i].code, cases[i].message, cases[i].target);
    }
}

static void refuses_entra_tokens_without_an_issuer(void **state)
{
    (void)state;
    fx.token = STR("some.foreign.token");
    call(&fx, USER, "POST", "/access/entra/:exchangeAccessToken?" V25, "{}");
    check_error(&fx, 401, "InvalidAccessToken", "Provided access token is not valid.", "");
    assert_true(str_eq(request_fake_header(&fx.fake, STR("x-callgate-explain")),
                       STR("no OpenID issuer is configured for the exchange")));
    assert_true(str_eq(request_fake_header(&fx.fake, STR("WWW-Authenticate")), STR("Bearer")));
    call(&fx, USER, "POST", "//access/teamsExtension/:exchangeAccessToken?" V256, "{}");
    check_error(&fx, 401, "InvalidAccessToken", NULL, "");
    call(&fx, PRIMARY, "POST", "/access/entra/:exchangeAccessToken?" V25, "{}");
    check_error(&fx, 401, "Denied", NULL, "");
    call(&fx, NOBODY, "POST", "/access/entra/:exchangeAccessToken?" V25, "{}");
    check_error(&fx, 401, "Denied", NULL, "");
}

#define ASSIGNMENT                                                                                 \
    "/access/teamsExtension/tenants/11111111-2222-3333-4444-555555555555/assignments/"             \
    "66666666-7777-8888-9999-AAAAAAAAAAAA?" V256

static void keeps_teams_assignments(void **state)
{
    (void)state;
    call(&fx, PRIMARY, "GET", ASSIGNMENT, "");
    check_error(&fx, 404, "NotFound", NULL, NULL);
    call(&fx, PRIMARY, "PUT", ASSIGNMENT, "{\"principalType\":\"group\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.principalType");
    call(&fx, PRIMARY, "PUT", ASSIGNMENT, "{}");
    check_error(&fx, 400, "ValidationError", NULL, NULL);
    assert_int_equal(call(&fx, PRIMARY, "PUT", ASSIGNMENT,
                          "{\"principalType\":\"user\",\"clientIds\":[\"a\\\"\",\"b\"]}"),
                     201);
    assert_int_equal(
        call(&fx, PRIMARY, "PUT", ASSIGNMENT, "{\"principalType\":\"resourceAccount\"}"), 200);
    assert_null(json_at(&fx, "clientIds"));
    assert_int_equal(call(&fx, PRIMARY, "PUT", ASSIGNMENT,
                          "{\"principalType\":\"user\",\"clientIds\":[\"a\\\"\",\"b\"]}"),
                     200);
    assert_int_equal(call(&fx, PRIMARY, "GET", ASSIGNMENT, ""), 200);
    assert_string_equal(text_at(&fx, "objectId"), "66666666-7777-8888-9999-aaaaaaaaaaaa");
    assert_string_equal(text_at(&fx, "principalType"), "user");
    assert_string_equal(text_at(&fx, "clientIds.0"), "a\"");
    assert_int_equal(call(&fx, PRIMARY, "DELETE", ASSIGNMENT, ""), 204);
    assert_int_equal(call(&fx, PRIMARY, "DELETE", ASSIGNMENT, ""), 204);
    assert_int_equal(call(&fx, PRIMARY, "GET", ASSIGNMENT, ""), 404);
}

static void takes_every_version_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < identity_service.version_count; i++)
        assert_int_equal(call(&fx, PRIMARY, "POST",
                              path_of(0, "/identities?api-version=" STR_FMT,
                                      STR_ARG(identity_service.versions[i])),
                              ""),
                         i == 0 ? 200 : 201);
    call(&fx, PRIMARY, "POST", "/identities?api-version=2023-08-30-preview", "");
    check_error(&fx, 400, "UnsupportedApiVersion", NULL, NULL);
    call(&fx, PRIMARY, "POST", "/identities", "");
    check_error(&fx, 400, "ApiVersionUnspecified", NULL, NULL);
    call(&fx, PRIMARY, "POST", "/identities?api-version=newest", "");
    check_error(&fx, 400, "InvalidApiVersion", NULL, NULL);
}

static void refuses_other_credentials(void **state)
{
    (void)state;
    make_user();
    issue(PRIMARY, "\"chat\"");
    call(&fx, USER, "POST", "/identities?" V, "");
    check_error(&fx, 401, "Denied", "Denied by the resource provider.", "");
    call(&fx, NOBODY, "POST", "/identities?" V, "");
    check_error(&fx, 401, "Denied", "Denied by the resource provider.", "");
}

static void limits_only_when_told(void **state)
{
    uint64_t retry_s;

    (void)state;
    fx.shared.limiter = limiter_new(0.002); /* 2 of 1000, 1 of 500 */
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V, ""), 201);
    assert_int_equal(call(&fx, PRIMARY, "POST", "/identities?" V, ""), 201);
    call(&fx, PRIMARY, "POST", "/identities?" V, "");
    check_error(&fx, 429, "TooManyRequests", NULL, NULL);
    assert_int_equal(str_to_u64(request_fake_header(&fx.fake, STR("Retry-After")), 30, &retry_s),
                     RC_OK);
    assert_int_equal(call(&fx, OTHER, "POST", "/identities?" V, ""), 201);
}

static void windows_end_after_thirty_seconds(void **state)
{
    struct limiter *l = limiter_new(0.002);
    struct uuid resource = {{1}};
    const mono_ns second = 1000 * 1000 * 1000;
    uint32_t retry_s = 0;

    (void)state;
    assert_true(limiter_take(l, &resource, LIMIT_DELETE, 5 * second, &retry_s));
    assert_false(limiter_take(l, &resource, LIMIT_DELETE, 10 * second, &retry_s));
    assert_int_equal(retry_s, 25);
    assert_true(limiter_take(l, &resource, LIMIT_REVOKE, 10 * second, &retry_s));
    assert_true(limiter_take(l, &resource, LIMIT_DELETE, 35 * second, &retry_s));
    limiter_free(l);
    limiter_free(NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(creates_a_user_without_a_token),
        CASE(creates_a_user_with_a_token),
        CASE(writes_members_in_the_contracts_order),
        CASE(creates_in_2020_with_the_bare_id),
        CASE(refuses_what_is_not_a_token_request),
        CASE(takes_every_spelling_of_the_minutes),
        CASE(keeps_join_scopes_to_their_versions_when_told),
        CASE(knows_ids_in_every_form_and_no_others),
        CASE(revokes_at_once_and_no_more),
        CASE(deletes_for_good_and_twice),
        CASE(patch_cuts_tokens_off_by_time),
        CASE(regenerating_a_key_kills_what_it_issued),
        CASE(keeps_external_ids_where_the_version_has_them),
        CASE(shows_when_the_last_token_was_issued),
        CASE(answers_the_teams_exchange_in_the_recorded_order),
        CASE(refuses_entra_tokens_without_an_issuer),
        CASE(keeps_teams_assignments),
        CASE(takes_every_version_and_no_other),
        CASE(refuses_other_credentials),
        CASE(limits_only_when_told),
        cmocka_unit_test(windows_end_after_thirty_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
