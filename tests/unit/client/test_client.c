/* Clients over a transport of our own: what is sent, when again, and how failures are told. */
#include "base/str.h"
#include "callgate/callgate.h"
#include "client/admin.h"
#include "script.h"

static void issues_a_token_with_a_signed_request(void **state)
{
    struct script s = {
        .answers = {{200, NULL, NULL,
                     "{\"token\":\"a.b.c\",\"expiresOn\":\"2026-11-23T15:00:00.0000000+00:00\"}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    const char *scopes[] = {"chat"};
    struct cg_token_options o = {scopes, 1, 60};
    struct cg_token token = {0};

    (void)state;
    assert_int_equal(cg_identity_issue_token(c, "8:acs:a_b", &o, &token, NULL), CG_OK);
    assert_string_equal(token.text, "a.b.c");
    assert_true(token.expires_unix_ms == VECTOR_TIME_MS);
    assert_string_equal(s.method, "POST");
    assert_string_equal(s.url, "https://localhost:8443/identities/8%3Aacs%3Aa_b/:issueAccessToken"
                               "?api-version=2023-10-01");
    assert_string_equal(s.body, "{\"scopes\":[\"chat\"],\"expiresInMinutes\":60}");
    assert_string_equal(s.host, "localhost:8443");
    assert_int_equal(strncmp(s.authorization, "HMAC-SHA256 SignedHeaders=", 26), 0);
    assert_true(s.no_proxy);
    cg_token_clear(&token);
    cg_client_free(c);
}

static void creates_a_user_and_a_first_token(void **state)
{
    struct script s = {.answers = {{201, NULL, NULL,
                                    "{\"identity\":{\"id\":\"8:acs:x_y\"},\"accessToken\":{"
                                    "\"token\":\"t\",\"expiresOn\":\"2026-11-23T15:00:00Z\"}}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_user user = {0};
    struct cg_token token = {0};

    (void)state;
    assert_int_equal(cg_identity_create_user_and_token(c, NULL, &user, &token, NULL), CG_OK);
    assert_string_equal(user.id, "8:acs:x_y");
    assert_string_equal(token.text, "t");
    assert_string_equal(s.body, "{\"createTokenWithScopes\":[\"chat\",\"voip\"]}");
    cg_user_clear(&user);
    cg_token_clear(&token);
    cg_client_free(c);
}

static void tells_status_code_message_and_explanation(void **state)
{
    struct script s = {.answers = {{401, "X-Callgate-Explain", "signature; host=…",
                                    "{\"error\":{\"code\":\"Denied\",\"message\":\"Denied by the "
                                    "resource provider.\"}}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_error err = {0};

    (void)state;
    assert_int_equal(cg_identity_delete_user(c, "8:acs:a_b", &err), CG_DENIED);
    assert_int_equal(err.http_status, 401);
    assert_string_equal(err.code, "Denied");
    assert_string_equal(err.message, "Denied by the resource provider.");
    assert_string_equal(err.explain, "signature; host=…");
    assert_int_equal(strlen(err.request_id), 36);
    assert_int_equal(s.sent, 1);
    cg_client_free(c);
}

static void waits_and_signs_anew_when_the_server_is_busy(void **state)
{
    struct script s = {.answers = {{503, "Retry-After", "1", ""},
                                   {201, NULL, NULL, "{\"identity\":{\"id\":\"8:acs:x_y\"}}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_user user = {0};

    (void)state;
    assert_int_equal(cg_identity_create_user(c, &user, NULL), CG_OK);
    assert_int_equal(s.sent, 2);
    assert_string_not_equal(s.dates[0], s.dates[1]); /* a second has passed */
    cg_user_clear(&user);
    cg_client_free(c);
}

static void repeats_a_post_only_when_it_was_not_seen(void **state)
{
    struct script unseen = {.connected = false}, seen = {.connected = true};
    struct cg_transport t = transport_of(&unseen), u = transport_of(&seen);
    struct cg_client *c = client_of(&t), *d = client_of(&u);
    struct cg_user user = {0};
    struct cg_error err = {0};

    (void)state;
    assert_int_equal(cg_identity_create_user(c, &user, &err), CG_NETWORK);
    assert_string_equal(err.message, "refused");
    assert_int_equal(unseen.sent, 3);
    assert_int_equal(cg_identity_create_user(d, &user, &err), CG_NETWORK);
    assert_int_equal(seen.sent, 1);
    assert_int_equal(cg_identity_delete_user(d, "x", &err), CG_NETWORK);
    assert_int_equal(seen.sent, 4);
    cg_client_free(c);
    cg_client_free(d);
}

static void repeats_what_a_gateway_failed_at_when_that_is_harmless(void **state)
{
    static const int statuses[] = {408, 500, 502, 504};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct script s = {.answers = {{statuses[i], NULL, NULL, ""}, {204, NULL, NULL, ""}}};
        struct script once = {.answers = {{statuses[i], NULL, NULL, ""}}};
        struct script never = {.answers = {{501, NULL, NULL, ""}}};
        struct cg_transport t = transport_of(&s), u = transport_of(&once), v = transport_of(&never);
        struct cg_client *c = client_of(&t), *d = client_of(&u), *e = client_of(&v);
        struct cg_user user = {0};
        struct cg_error err = {0};

        assert_int_equal(cg_identity_delete_user(c, "x", &err), CG_OK);
        assert_int_equal(s.sent, 2);
        assert_true(cg_identity_create_user(d, &user, &err) != CG_OK);
        assert_int_equal(err.http_status, statuses[i]);
        assert_int_equal(once.sent, 1);
        assert_int_equal(cg_identity_delete_user(e, "x", &err), CG_SERVER_FAILED);
        assert_int_equal(never.sent, 1);
        cg_client_free(c);
        cg_client_free(d);
        cg_client_free(e);
    }
}

static void says_when_an_answer_makes_no_sense(void **state)
{
    struct script s = {
        .answers = {
            {200, NULL, NULL, "{}"},
            {200, NULL, NULL, "no json"},
            {200, NULL, NULL, "{\"token\":\"a\\u0000b\",\"expiresOn\":\"2026-11-23T15:00:00Z\"}"},
            {302, "Location", "https://x/", ""}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_token token = {0};

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct cg_error err = {0};

        assert_int_equal(cg_identity_issue_token(c, "x", NULL, &token, &err), CG_PROTOCOL);
        assert_int_equal(err.status, CG_PROTOCOL);
        assert_int_equal(err.http_status, i < 3 ? 200 : 302);
        assert_int_equal(strlen(err.request_id), 36);
    }
    assert_null(token.text);
    cg_client_free(c);
}

static void leaves_the_error_as_it_was_when_a_later_attempt_succeeds(void **state)
{
    struct script s = {.answers = {{503, NULL, NULL, ""},
                                   {201, NULL, NULL, "{\"identity\":{\"id\":\"8:acs:x_y\"}}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_user user = {0};
    struct cg_error err = {0};

    (void)state;
    assert_int_equal(cg_identity_create_user(c, &user, &err), CG_OK);
    assert_int_equal(s.sent, 2);
    assert_memory_equal(&err, &(struct cg_error){0}, sizeof err);
    cg_user_clear(&user);
    cg_client_free(c);
}

static enum cg_status give_token(char *out, size_t cap, void *user)
{
    unsigned *calls = user;

    (void)snprintf(out, cap, "token-%u", ++*calls);
    return CG_OK;
}

static void asks_for_a_token_before_each_attempt(void **state)
{
    struct script s = {.answers = {{503, NULL, NULL, ""}, {200, NULL, NULL, "{\"a\":1}"}}};
    struct cg_transport t = transport_of(&s);
    unsigned calls = 0;
    struct cg_client_options o = {.endpoint = "https://name.example/",
                                  .get_token = give_token,
                                  .get_token_user = &calls,
                                  .transport = &t,
                                  .ca_file = "ca.pem",
                                  .retry_delay_ms = 1};
    struct cg_client *c = NULL;
    struct cg_admin_reply reply = {0};

    (void)state;
    assert_int_equal(cg_client_new(&o, &c, NULL), CG_OK);
    assert_string_equal(cg_client_endpoint(c), "https://name.example");
    assert_int_equal(cg_admin_call(c, "GET", "/admin/x?a=b", NULL, &reply, NULL), CG_OK);
    assert_string_equal(reply.text, "{\"a\":1}");
    assert_string_equal(s.authorization, "Bearer token-2");
    assert_string_equal(s.ca, "ca.pem");
    assert_false(s.no_proxy);
    cg_admin_reply_clear(&reply);
    cg_client_free(c);
}

static enum cg_status give_bad_token(char *out, size_t cap, void *user)
{
    const char *text = user;

    (void)snprintf(out, cap, "%s", text);
    return CG_OK;
}

static void sends_no_token_that_is_none(void **state)
{
    static const char *const bad[] = {"", "a b", "a\n", "a\r\nx-more: 1"};
    struct script s = {.sent = 0};
    struct cg_transport t = transport_of(&s);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct cg_client_options o = {.endpoint = "https://name.example",
                                      .get_token = give_bad_token,
                                      .get_token_user = (void *)(uintptr_t)bad[i],
                                      .transport = &t};
        struct cg_client *c = NULL;
        struct cg_user user = {0};
        struct cg_error err = {0};

        assert_int_equal(cg_client_new(&o, &c, NULL), CG_OK);
        assert_int_equal(cg_identity_create_user(c, &user, &err), CG_INVALID);
        assert_string_equal(err.message, "the application's token is empty or not a token");
        cg_client_free(c);
    }
    assert_int_equal(s.sent, 0);
}

static void refuses_what_is_missing_or_too_much(void **state)
{
    const struct cg_token_options hole = {.scope_count = 1};
    struct script s = {.sent = 0};
    struct cg_transport t = transport_of(&s), holed = {.size = sizeof holed};
    struct cg_client *c = client_of(&t), *none = NULL;
    struct cg_user user = {0};
    struct cg_token token = {0};
    struct cg_error err = {0};
    char id[70000] = "";
    const enum cg_status all[] = {
        cg_identity_create_user(NULL, &user, NULL),
        cg_identity_create_user(c, NULL, NULL),
        cg_identity_create_user_and_token(NULL, NULL, &user, &token, NULL),
        cg_identity_create_user_and_token(c, NULL, NULL, &token, NULL),
        cg_identity_create_user_and_token(c, NULL, &user, NULL, NULL),
        cg_identity_create_user_and_token(c, &hole, &user, &token, NULL),
        cg_identity_issue_token(NULL, "x", NULL, &token, NULL),
        cg_identity_issue_token(c, "x", NULL, NULL, NULL),
        cg_identity_issue_token(c, "x", &hole, &token, NULL),
        cg_identity_revoke_tokens(NULL, "x", NULL),
        cg_identity_delete_user(NULL, "x", NULL),
        cg_client_new(
            &(struct cg_client_options){.connection_string = CONNECTION, .transport = &holed},
            &none, NULL),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(all[i], CG_INVALID);
    memset(id, 'x', sizeof id - 1);
    assert_int_equal(cg_identity_issue_token(c, id, NULL, &token, &err), CG_INVALID);
    assert_string_equal(err.message, "this is too much for one call");
    assert_int_equal(cg_identity_delete_user(c, id, &err), CG_INVALID);
    assert_int_equal(s.sent, 0);
    assert_null(none);
    cg_client_free(c);
}

static void streams_a_download_and_not_an_error(void **state)
{
    struct script s = {.answers = {{200, NULL, NULL, "octets"},
                                   {403, NULL, NULL, "{\"error\":{\"code\":\"Forbidden\"}}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    FILE *f = tmpfile();
    struct cg_error err = {0};
    uint64_t octets = 0;

    (void)state;
    assert_int_equal(cg_admin_download(c, "POST", "/b", f, &octets, &err), CG_OK);
    assert_int_equal(octets, 6);
    assert_int_equal(cg_admin_download(c, "POST", "/b", f, &octets, &err), CG_FORBIDDEN);
    assert_string_equal(err.code, "Forbidden");
    assert_int_equal(ftell(f), 6);
    (void)fclose(f);
    cg_client_free(c);
}

static void refuses_options_that_contradict(void **state)
{
    static const struct cg_client_options bad[] = {
        {.access_key = KEY_1},
        {.connection_string = CONNECTION, .endpoint = "https://h"},
        {.connection_string = CONNECTION, .access_key = KEY_1},
        {.connection_string = "endpoint=https://h;accesskey=%%%"},
        {.endpoint = "https://h", .access_key = KEY_1, .bearer_token = "t"},
        {.endpoint = "http://name.example", .bearer_token = "t"},
        {.endpoint = "https://h", .bearer_token = "a\r\nb"},
        {.endpoint = "https://h/path"},
        {.endpoint = "https://h", .user_agent = "a\nb"},
    };
    struct cg_client *c = NULL;
    struct cg_error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(cg_client_new(&bad[i], &c, &err), CG_INVALID);
        assert_true(err.message[0] != '\0');
        assert_null(strstr(err.message, KEY_1));
        assert_null(strstr(err.message, "%%%"));
    }
    assert_null(c);
    assert_int_equal(cg_client_new(NULL, &c, NULL), CG_INVALID);
    cg_client_free(NULL);
    cg_token_clear(NULL);
    cg_user_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issues_a_token_with_a_signed_request),
        cmocka_unit_test(creates_a_user_and_a_first_token),
        cmocka_unit_test(tells_status_code_message_and_explanation),
        cmocka_unit_test(waits_and_signs_anew_when_the_server_is_busy),
        cmocka_unit_test(repeats_a_post_only_when_it_was_not_seen),
        cmocka_unit_test(repeats_what_a_gateway_failed_at_when_that_is_harmless),
        cmocka_unit_test(says_when_an_answer_makes_no_sense),
        cmocka_unit_test(leaves_the_error_as_it_was_when_a_later_attempt_succeeds),
        cmocka_unit_test(asks_for_a_token_before_each_attempt),
        cmocka_unit_test(sends_no_token_that_is_none),
        cmocka_unit_test(refuses_what_is_missing_or_too_much),
        cmocka_unit_test(streams_a_download_and_not_an_error),
        cmocka_unit_test(refuses_options_that_contradict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
