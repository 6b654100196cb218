/* The access-key signer against the contract's vectors. */
#include "base/str.h"
#include "callgate/signer.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EMPTY_HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static const struct {
    const char *name, *key, *method, *host, *target, *body, *hash, *signature;
} cases[] = {
    {"V1 a POST without a body", KEY_1, "POST", "localhost:8443",
     "/identities?api-version=2023-10-01", NULL, EMPTY_HASH,
     "DFjk9obvLNWybjUOjfWY31fMJuXai3HN91MjudqZqeI="},
    {"V2 a POST with a body", KEY_1, "POST", "localhost:8443", "/identities?api-version=2023-10-01",
     "{\"createTokenWithScopes\":[\"chat\",\"voip\"],\"expiresInMinutes\":60}",
     "jENEeifYNCidF9FcfXJ54WzhK3ED/2UrQyA4+oWOZKc=",
     "DdZgFUZdbOjDRkzOBl3ksgf7bbGTXjTUoCppRdCE24A="},
    {"V3 an encoded id in the path", KEY_1, "POST", "localhost:8443",
     "/identities/" USER "/:issueAccessToken?api-version=2023-10-01", "{\"scopes\":[\"chat\"]}",
     "J+doRQjtFVYLx3qOvzptwBLjQWqy6OEWEEk1TY1+rT4=",
     "llBDON/9OXefu6yFHBu0KbmNblIoOT9B7XkbFrwtl8g="},
    {"V4 a DELETE", KEY_1, "DELETE", "localhost:8443",
     "/identities/" USER "?api-version=2023-10-01", NULL, EMPTY_HASH,
     "a7aR/K05fOllApWMtyetbwzxwqOzzWV+2H5GcfphMko="},
    {"V5 the query as a form, when that is what is sent", KEY_1, "GET", "localhost:8443",
     "/rooms?api-version=2024-04-15&note=a+b%3Ac%7E*", NULL, EMPTY_HASH,
     "i6/gyzO1E9nbHJeW3BcMCvFbBUZSoLIXG7RhmoOXMfc="},
    {"V6 the header's name is not signed, only its value", KEY_1, "POST", "localhost:8443",
     "/identities?api-version=2021-03-07", NULL, EMPTY_HASH,
     "iNupnGW0Jwn7cejdsVVS1ktd+ZbN2vOQyhb64MlNoEU="},
    {"V11 the second key", KEY_2, "POST", "localhost:8443", "/identities?api-version=2023-10-01",
     NULL, EMPTY_HASH, "GxZJInrakYagl1f8ip1EopnkdEtOKd/WmP6QlWDarz8="},
    {"V12 a UTF-8 body", KEY_1, "POST", "localhost:8443", "/sms?api-version=2021-03-07",
     "{\"from\":\"+14255550123\",\"message\":\"Grüße, 世界 👋\",\"smsRecipients\":"
     "[{\"to\":\"+14255550124\"}]}",
     "+5gLeeTsZU/BaxOBeIk+sf/gHqYVnUc2+R9Ax8q8Xdg=",
     "XYkbyw3Lsvsz24CefuCl6pQQgAi27xEIJOsx/EOBl7U="},
    {"V13 a default port that is written out", KEY_1, "POST", "localhost:443",
     "/identities?api-version=2022-10-01", NULL, EMPTY_HASH,
     "JogyhVJnNHn5V1ie23QpR4aGjMMSQbOF25rtrt1lCE4="},
    {"V15 names of signed headers in any case", KEY_1, "POST", "localhost:8443",
     "/identities?api-version=2023-10-01", "{}", "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=",
     "e0nubDLMvdr0oIt7hKvn2PgfGu0fe4feQNcjtKUAyIQ="},
};

static void signs_as_the_vectors_say(void **state)
{
    char authorization[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cg_sign_input input = {.method = cases[i].method,
                                      .host = cases[i].host,
                                      .target = cases[i].target,
                                      .body = cases[i].body,
                                      .body_len = cases[i].body ? strlen(cases[i].body) : 7,
                                      .unix_ms = VECTOR_TIME_MS};
        struct cg_signature out = {{0}, {0}, {0}};

        print_message("%s\n", cases[i].name);
        assert_int_equal(cg_sign(cases[i].key, &input, &out, NULL), CG_OK);
        assert_string_equal(out.date, "Mon, 23 Nov 2026 15:00:00 GMT");
        assert_string_equal(out.content_hash, cases[i].hash);
        (void)snprintf(authorization, sizeof authorization,
                       "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=%s",
                       cases[i].signature);
        assert_string_equal(out.authorization, authorization);
    }
}

static void refuses_bad_input_without_showing_the_key(void **state)
{
    struct cg_sign_input input = {.method = "GET", .host = "h", .target = "/"};
    struct cg_signature out;
    struct cg_error err = {0};

    (void)state;
    assert_int_equal(cg_sign("not*base64", &input, &out, &err), CG_INVALID);
    assert_null(strstr(err.message, "not*base64"));
    assert_int_equal(cg_sign("", &input, &out, &err), CG_INVALID);
    assert_int_equal(cg_sign(KEY_1, NULL, &out, &err), CG_INVALID);
    assert_int_equal(cg_sign(KEY_1, &input, NULL, &err), CG_INVALID);
    input.target = "no-slash";
    assert_int_equal(cg_sign(KEY_1, &input, &out, &err), CG_INVALID);
    input.target = "/a\nb";
    assert_int_equal(cg_sign(KEY_1, &input, &out, &err), CG_INVALID);
    input.target = NULL;
    assert_int_equal(cg_sign(KEY_1, &input, &out, NULL), CG_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_vectors_say),
        cmocka_unit_test(refuses_bad_input_without_showing_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
