/* Applications, managed identities, roles and trusted issuers through the administration. */
#include "issuer_fixture.h"

#include "crypto/base64.h"

#include <unistd.h>

#define UNKNOWN_ID "11111111-2222-4333-8444-555555555555"

static struct issuer_world w;
static uint16_t opened, closed;
static unsigned open_count;

static enum rc endpoint_open(void *ctx, uint16_t *out_port)
{
    (void)ctx;
    if (open_count == 2)
        return RC_TOO_LARGE;
    open_count++;
    *out_port = opened = (uint16_t)(50000 + open_count);
    return RC_OK;
}

static void endpoint_close(void *ctx, uint16_t port)
{
    (void)ctx;
    closed = port;
}

static int setup(void **state)
{
    (void)state;
    world_open(&w, false);
    w.fx.hooks.endpoint_open = endpoint_open;
    w.fx.hooks.endpoint_close = endpoint_close;
    opened = closed = 0;
    open_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static int ask(const char *method, const char *target, const char *body)
{
    return call(&w.fx, ADMIN, method, target, body);
}

/* The last answer's text at `path`, kept over the next call. */
static const char *kept(const char *path)
{
    return arena_dup(&w.arena, str_from(text_at(&w.fx, path))).ptr;
}

static size_t count_at(const char *path)
{
    return json_array_size(json_at(&w.fx, path));
}

static void make_app(const char *name)
{
    assert_int_equal(ask("POST", "/admin/apps", path_of(3, "{\"name\":\"%s\"}", name)), 201);
}

/* ---- applications ---- */

static void an_application_is_made_found_changed_and_deleted(void **state)
{
    const char *client, *object;

    (void)state;
    assert_int_equal(ask("POST", "/admin/apps", "{\"name\":\"Mail Service\"}"), 201);
    client = kept("clientId");
    object = kept("objectId");
    assert_string_equal(text_at(&w.fx, "kind"), "app");
    assert_string_equal(text_at(&w.fx, "tenantId"), w.tenant);
    assert_int_equal(count_at("roles"), 0); /* not the first: the world has some */
    assert_int_equal(ask("GET", "/admin/apps/mail%20SERVICE", ""), 200);
    assert_string_equal(text_at(&w.fx, "clientId"), client);
    assert_int_equal(ask("GET", path_of(0, "/admin/apps/%s", object), ""), 200);
    assert_string_equal(text_at(&w.fx, "clientId"), client);
    assert_int_equal(ask("PATCH", path_of(0, "/admin/apps/%s", client),
                         "{\"name\":\"post\",\"disabled\":true,\"revokeTokens\":true}"),
                     200);
    assert_string_equal(text_at(&w.fx, "name"), "post");
    assert_true(json_is_true(json_at(&w.fx, "disabled")));
    assert_true(strlen(text_at(&w.fx, "tokensValidFrom")) > 0);
    assert_int_equal(ask("PATCH", "/admin/apps/post", "{\"disabled\":false}"), 200);
    assert_true(json_is_false(json_at(&w.fx, "disabled")));
    assert_true(strlen(text_at(&w.fx, "tokensValidFrom")) > 0);
    assert_int_equal(ask("DELETE", "/admin/apps/post", ""), 204);
    assert_int_equal(ask("GET", path_of(0, "/admin/apps/%s", client), ""), 404);
}

static void refuses_odd_applications(void **state)
{
    static const struct {
        const char *what, *body;
        int status;
        const char *code, *target;
    } cases[] = {
        {"no name", "{}", 400, "ValidationError", "$.name"},
        {"an empty name", "{\"name\":\"\"}", 400, "ValidationError", "$.name"},
        {"a number for a name", "{\"name\":7}", 400, "ValidationError", "$.name"},
        {"a slash in the name", "{\"name\":\"a/b\"}", 400, "ValidationError", "$.name"},
        {"a control in the name", "{\"name\":\"a\\nb\"}", 400, "ValidationError", "$.name"},
        {"a blank in front", "{\"name\":\" a\"}", 400, "ValidationError", "$.name"},
        {"a name like an id", "{\"name\":\"" UNKNOWN_ID "\"}", 400, "ValidationError", "$.name"},
        {"a NUL in the name", "{\"name\":\"a\\u0000b\"}", 400, "ValidationError", "$.name"},
        {"an unknown member", "{\"name\":\"a\",\"rolle\":\"x\"}", 400, "UnknownMember", "$.rolle"},
        {"an unknown role", "{\"name\":\"a\",\"role\":\"Emperor\"}", 400, "ValidationError",
         "$.role"},
        {"a role of another type", "{\"name\":\"a\",\"role\":[]}", 400, "ValidationError",
         "$.role"},
        {"a list for a body", "[]", 400, "ValidationError", "$"},
        {"no JSON", "{", 400, "ValidationError", "$"},
        {"a taken name in another case", "{\"name\":\"TAKEN\"}", 409, "Conflict", "$.name"},
    };
    char longest[200];

    (void)state;
    make_app("taken");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/apps", cases[i].body);
        check_error(&w.fx, cases[i].status, cases[i].code, NULL, cases[i].target);
    }
    memset(longest, 'n', sizeof longest);
    longest[129] = '\0';
    ask("POST", "/admin/apps", path_of(0, "{\"name\":\"%s\"}", longest));
    check_error(&w.fx, 400, "ValidationError", NULL, "$.name");
    longest[128] = '\0';
    assert_int_equal(ask("POST", "/admin/apps", path_of(0, "{\"name\":\"%s\"}", longest)), 201);
    ask("PATCH", path_of(0, "/admin/apps/%s", longest), "{\"name\":\"taken\"}");
    check_error(&w.fx, 409, "Conflict", NULL, NULL);
    ask("PATCH", "/admin/apps/taken", "{\"disabled\":\"yes\"}");
    check_error(&w.fx, 400, "ValidationError", NULL, "$.disabled");
    ask("GET", "/admin/apps/" UNKNOWN_ID, "");
    check_error(&w.fx, 404, "NotFound", NULL, NULL);
}

static void only_the_administrator_gets_in(void **state)
{
    (void)state;
    assert_int_equal(call(&w.fx, PRIMARY, "GET", "/admin/apps", ""), 404);
    assert_int_equal(call(&w.fx, ADMIN_TCP, "GET", "/admin/apps", ""), 200);
    assert_int_equal(call(&w.fx, NOBODY, "POST", "/admin/token", "{}"), 404);
}

/* ---- credentials ---- */

static void a_secret_is_shown_once_and_its_end_ends_tokens(void **state)
{
    const char *id, *secret, *client;

    (void)state;
    make_app("mail");
    client = kept("clientId");
    assert_int_equal(
        ask("POST", "/admin/apps/mail/secrets", "{\"description\":\"ci\",\"expiresIn\":\"90d\"}"),
        201);
    assert_true(str_eq(request_fake_header(&w.fx.fake, STR("Cache-Control")), STR("no-store")));
    id = kept("id");
    secret = kept("secret");
    assert_int_equal(strlen(secret), 40);
    assert_int_equal(ask("GET", "/admin/apps/mail", ""), 200);
    assert_true(str_find_str(w.fx.fake.body, str_from(secret)) == w.fx.fake.body.len);
    assert_string_equal(text_at(&w.fx, "secrets.0.id"), id);
    assert_string_equal(text_at(&w.fx, "secrets.0.description"), "ci");
    assert_memory_equal(text_at(&w.fx, "secrets.0.hint"), secret, 3);
    assert_int_equal(
        ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=%s", client, secret)), 200);
    assert_int_equal(ask("DELETE", path_of(0, "/admin/apps/mail/secrets/%s", id), ""), 204);
    assert_int_equal(
        ask_token(&w, path_of(0, GRANT "&client_id=%s&client_secret=%s", client, secret)), 401);
    assert_int_equal(ask("GET", "/admin/apps/mail", ""), 200);
    assert_int_equal(count_at("secrets"), 0);
    assert_true(strlen(text_at(&w.fx, "tokensValidFrom")) > 0);
    assert_int_equal(ask("DELETE", path_of(0, "/admin/apps/mail/secrets/%s", id), ""), 404);
}

static void refuses_odd_secrets(void **state)
{
    static const struct {
        const char *what, *body, *target;
    } cases[] = {
        {"no duration", "{\"expiresIn\":\"soon\"}", "$.expiresIn"},
        {"a bare number", "{\"expiresIn\":\"90\"}", "$.expiresIn"},
        {"an end behind us", "{\"expiresIn\":\"-1d\"}", "$.expiresIn"},
        {"no life at all", "{\"expiresIn\":\"0s\"}", "$.expiresIn"},
        {"an end too far away", "{\"expiresIn\":\"99999999d\"}", "$.expiresIn"},
        {"a time gone by", "{\"expiresOn\":\"2020-01-01T00:00:00Z\"}", "$.expiresOn"},
        {"no time", "{\"expiresOn\":\"tomorrow\"}", "$.expiresOn"},
        {"both", "{\"expiresIn\":\"1d\",\"expiresOn\":\"2099-01-01T00:00:00Z\"}", "$.expiresOn"},
        {"a list", "{\"description\":[]}", "$.description"},
        {"an unknown member", "{\"secret\":\"mine\"}", "$.secret"},
    };

    (void)state;
    make_app("mail");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/apps/mail/secrets", cases[i].body);
        check_error(&w.fx, 400, NULL, NULL, cases[i].target);
    }
    for (unsigned i = 0; i < APP_SECRETS_MAX; i++)
        assert_int_equal(ask("POST", "/admin/apps/mail/secrets", "{}"), 201);
    ask("POST", "/admin/apps/mail/secrets", "{}");
    check_error(&w.fx, 409, "Conflict", NULL, NULL);
    assert_int_equal(ask("POST", "/admin/apps/nobody/secrets", "{}"), 404);
    assert_int_equal(ask("POST", "/admin/identities", "{\"name\":\"worker\"}"), 201);
    ask("POST", "/admin/apps/worker/secrets", "{}");
    check_error(&w.fx, 409, "Conflict", NULL, NULL);
}

/* A certificate as base64, which is what the body takes besides PEM. */
static const char *base64_of(struct str der)
{
    char *text = arena_alloc(&w.arena, BASE64_LEN(der.len) + 1);

    base64_encode(der.ptr, der.len, text);
    return text;
}

static void certificates_come_and_go(void **state)
{
    const char *id, *pem;

    (void)state;
    make_app("mail");
    pem = arena_printf(&w.arena, "-----BEGIN CERTIFICATE-----\\n%s\\n-----END CERTIFICATE-----\\n",
                       base64_of(test_keys.stranger_der))
              .ptr;
    assert_int_equal(ask("POST", "/admin/apps/mail/certificates",
                         path_of(0, "{\"certificate\":\"%s\"}", base64_of(test_keys.client_der))),
                     201);
    id = kept("certificates.0.id");
    assert_int_equal(strlen(text_at(&w.fx, "certificates.0.thumbprint")), 40);
    assert_int_equal(strlen(text_at(&w.fx, "certificates.0.thumbprintSha256")), 64);
    assert_string_equal(text_at(&w.fx, "certificates.0.subject"), "CN=test client");
    ask("POST", "/admin/apps/mail/certificates",
        path_of(0, "{\"certificate\":\"%s\"}", base64_of(test_keys.client_der)));
    check_error(&w.fx, 409, "Conflict", NULL, "$.certificate");
    assert_int_equal(
        ask("POST", "/admin/apps/mail/certificates", path_of(0, "{\"certificate\":\"%s\"}", pem)),
        201);
    assert_int_equal(ask("DELETE", path_of(0, "/admin/apps/mail/certificates/%s", id), ""), 204);
    assert_int_equal(ask("DELETE", path_of(0, "/admin/apps/mail/certificates/%s", id), ""), 404);
    assert_int_equal(ask("GET", "/admin/apps/mail", ""), 200);
    assert_int_equal(count_at("certificates"), 1);
}

static void refuses_what_is_no_certificate(void **state)
{
    static const struct {
        const char *what, *text;
    } cases[] = {
        {"words", "hello there"},
        {"half an octet", "A"},
        {"no certificate", "AAAA"},
        {"an empty PEM", "-----BEGIN CERTIFICATE-----\\n-----END CERTIFICATE-----\\n"},
        {"a private key", "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n"},
        {"a certificate and a key", "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END "
                                    "CERTIFICATE-----\\n-----BEGIN RSA PRIVATE KEY-----\\nAAAA\\n"},
    };

    (void)state;
    make_app("mail");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/apps/mail/certificates",
            path_of(0, "{\"certificate\":\"%s\"}", cases[i].text));
        check_error(&w.fx, 400, "ValidationError", NULL, "$.certificate");
    }
    ask("POST", "/admin/apps/mail/certificates", "{}");
    check_error(&w.fx, 400, "ValidationError", NULL, "$.certificate");
}

static int add_federated(const char *name, const char *subject)
{
    return ask("POST", "/admin/apps/mail/federated",
               path_of(0, "{\"name\":\"%s\",\"issuer\":\"https://idp.example\",\"subject\":\"%s\"}",
                       name, subject));
}

static void federated_credentials_come_and_go(void **state)
{
    static const struct {
        const char *what, *body, *target;
    } cases[] = {
        {"no issuer", "{\"name\":\"a\",\"subject\":\"s\"}", "$.issuer"},
        {"no subject", "{\"name\":\"a\",\"issuer\":\"https://i\"}", "$.subject"},
        {"a blank in the name", "{\"name\":\"a b\",\"issuer\":\"https://i\",\"subject\":\"s\"}",
         "$.name"},
        {"an issuer of another scheme", "{\"name\":\"a\",\"issuer\":\"ftp://i\",\"subject\":\"s\"}",
         "$.issuer"},
        {"a control in the subject",
         "{\"name\":\"a\",\"issuer\":\"https://i\",\"subject\":\"s\\n\"}", "$.subject"},
    };
    char name[16], subject[16];

    (void)state;
    make_app("mail");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/apps/mail/federated", cases[i].body);
        check_error(&w.fx, 400, "ValidationError", NULL, cases[i].target);
    }
    assert_int_equal(add_federated("ci", "repo:a"), 201);
    assert_string_equal(text_at(&w.fx, "federated.0.audience"), EXCHANGE);
    assert_int_equal(add_federated("CI", "repo:b"), 409);
    assert_int_equal(add_federated("other", "repo:a"), 409);
    for (unsigned i = 1; i < APP_FEDERATED_MAX; i++) {
        snprintf(name, sizeof name, "n%u", i);
        snprintf(subject, sizeof subject, "s%u", i);
        assert_int_equal(add_federated(name, subject), 201);
    }
    assert_int_equal(add_federated("last", "straw"), 409);
    assert_int_equal(ask("DELETE", "/admin/apps/mail/federated/ci", ""), 204);
    assert_int_equal(ask("DELETE", "/admin/apps/mail/federated/ci", ""), 404);
    assert_int_equal(add_federated("last", "straw"), 201);
}

/* ---- lists ---- */

static void lists_come_in_pages_by_kind(void **state)
{
    const char *next;
    size_t all;

    (void)state;
    make_app("one");
    make_app("two");
    assert_int_equal(ask("GET", "/admin/apps", ""), 200);
    all = count_at("value");
    assert_true(all >= 2);
    assert_int_equal(ask("GET", "/admin/apps?limit=1", ""), 200);
    assert_int_equal(count_at("value"), 1);
    next = strstr(kept("nextLink"), "/admin");
    assert_non_null(next);
    assert_int_equal(ask("GET", next, ""), 200);
    assert_int_equal(count_at("value"), 1);
    assert_int_equal(ask("GET", "/admin/apps?kind=managed", ""), 200);
    assert_int_equal(count_at("value"), 0);
    assert_int_equal(ask("GET", "/admin/apps?kind=all", ""), 200);
    assert_int_equal(count_at("value"), all);
    assert_int_equal(ask("GET", "/admin/apps?kind=odd", ""), 400);
    assert_int_equal(ask("GET", "/admin/apps?after=odd", ""), 400);
    assert_int_equal(ask("GET", "/admin/apps?after=" UNKNOWN_ID, ""), 400);
    assert_int_equal(ask("GET", "/admin/apps?limit=0", ""), 400);
    assert_int_equal(ask("GET", "/admin/apps?since=2099-01-01T00:00:00Z", ""), 200);
    assert_int_equal(count_at("value"), 0);
}

/* ---- identities ---- */

static void an_identity_has_an_endpoint_secret(void **state)
{
    const char *header;

    (void)state;
    assert_int_equal(ask("POST", "/admin/identities", "{\"name\":\"worker\",\"group\":\"Shop\"}"),
                     201);
    assert_non_null(strstr(text_at(&w.fx, "resourceId"), "/resourcegroups/shop/providers/"));
    assert_string_equal(text_at(&w.fx, "roles.0"), "Callgate Data Contributor"); /* the first */
    assert_int_equal(ask("POST", "/admin/identities", "{\"name\":\"second\"}"), 201);
    assert_int_equal(count_at("roles"), 0);
    assert_int_equal(ask("GET", "/admin/identities/worker:header", ""), 200);
    assert_true(str_eq(request_fake_header(&w.fx.fake, STR("Cache-Control")), STR("no-store")));
    header = kept("header");
    assert_int_equal(strlen(header), 64);
    assert_int_equal(ask("POST", "/admin/identities/worker:renewHeader", "{}"), 200);
    assert_string_not_equal(text_at(&w.fx, "header"), header);
    header = kept("header");
    assert_int_equal(ask("GET", "/admin/identities/worker:header", ""), 200);
    assert_string_equal(text_at(&w.fx, "header"), header);
    assert_int_equal(ask("GET", "/admin/identities/nobody:header", ""), 404);
    assert_int_equal(ask("PATCH", "/admin/apps/worker", "{\"name\":\"renamed\"}"), 400);
    make_app("mail");
    assert_int_equal(ask("GET", "/admin/identities/mail:header", ""), 409);
    assert_int_equal(ask("DELETE", "/admin/identities/mail", ""), 409);
    assert_int_equal(ask("DELETE", "/admin/apps/worker", ""), 409);
    assert_int_equal(ask("DELETE", "/admin/identities/worker", ""), 204);
}

static void refuses_odd_identities(void **state)
{
    static const struct {
        const char *what, *body, *target;
    } cases[] = {
        {"a blank in the name", "{\"name\":\"a b\"}", "$.name"},
        {"a colon in the name", "{\"name\":\"a:header\"}", "$.name"},
        {"a name like an id", "{\"name\":\"" UNKNOWN_ID "\"}", "$.name"},
        {"a slash in the group", "{\"name\":\"a\",\"group\":\"g/h\"}", "$.group"},
        {"a dot at the group's end", "{\"name\":\"a\",\"group\":\"g.\"}", "$.group"},
        {"an empty group", "{\"name\":\"a\",\"group\":\"\"}", "$.group"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/identities", cases[i].body);
        check_error(&w.fx, 400, "ValidationError", NULL, cases[i].target);
    }
    assert_int_equal(ask("POST", "/admin/identities:assign", "{\"resource\":\"nowhere\"}"), 400);
    assert_int_equal(ask("POST", "/admin/identities:assign", "{\"resource\":\"other\"}"), 201);
    assert_string_equal(text_at(&w.fx, "name"), "resource other");
    assert_int_equal(count_at("roles"), 0);
    assert_int_equal(ask("POST", "/admin/identities:assign", "{\"resource\":\"other\"}"), 200);
}

static void an_endpoint_lives_as_long_as_its_stream(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/admin/identities", "{\"name\":\"worker\"}"), 201);
    call_begin(&w.fx, ADMIN, "POST", "/admin/identities/worker:serve", "");
    assert_true(w.fx.fake.streaming);
    (void)request_fake_pump(&w.fx.fake, 1);
    assert_int_equal(opened, 50001);
    assert_non_null(strstr(w.fx.fake.body.ptr, "\"http://127.0.0.1:50001/msi/token\""));
    fixture_spin(&w.fx, 300); /* nothing ends it by itself */
    assert_int_equal(closed, 0);
    request_fake_leave(&w.fx.fake);
    (void)call_wait(&w.fx);
    assert_int_equal(closed, 50001);

    call_begin(&w.fx, ADMIN, "POST", "/admin/identities/worker:serve", "");
    (void)request_fake_pump(&w.fx.fake, 1);
    w.fx.not_ready = true; /* the server stops */
    (void)call_wait(&w.fx);
    assert_true(w.fx.fake.stream_ok);
    assert_int_equal(closed, 50002);
    w.fx.not_ready = false;
    ask("POST", "/admin/identities/worker:serve", "");
    check_error(&w.fx, 409, "Conflict", NULL, NULL);
    assert_int_equal(ask("POST", "/admin/identities/nobody:serve", ""), 404);
}

/* ---- roles ---- */

static void a_role_is_assigned_and_taken_away(void **state)
{
    const char *id;

    (void)state;
    make_app("mail");
    assert_int_equal(ask("POST", "/admin/role-assignments",
                         "{\"principal\":\"mail\",\"role\":\"callgate sms SENDER\"}"),
                     201);
    id = kept("id");
    assert_string_equal(text_at(&w.fx, "role"), "Callgate SMS Sender");
    assert_int_equal(ask("POST", "/admin/role-assignments",
                         "{\"principal\":\"mail\",\"role\":\"Callgate SMS Sender\"}"),
                     409);
    assert_int_equal(ask("POST", "/admin/role-assignments",
                         "{\"principal\":\"mail\",\"role\":\"Reader\",\"resource\":\"other\"}"),
                     201);
    assert_int_equal(ask("GET", "/admin/apps/mail", ""), 200);
    assert_int_equal(count_at("roles"), 1);
    assert_int_equal(ask("GET", "/admin/role-assignments?principal=mail", ""), 200);
    assert_int_equal(count_at("value"), 2);
    assert_int_equal(ask("DELETE", path_of(0, "/admin/role-assignments/%s", id), ""), 204);
    assert_int_equal(ask("DELETE", path_of(0, "/admin/role-assignments/%s", id), ""), 404);
    assert_int_equal(ask("DELETE", "/admin/role-assignments/odd", ""), 404);
    assert_int_equal(ask("DELETE", "/admin/apps/mail", ""), 204);
    assert_int_equal(ask("GET", "/admin/role-assignments?principal=mail", ""), 400);
    assert_int_equal(ask("GET", "/admin/role-assignments?scope=here", ""), 400);
}

static void refuses_odd_assignments(void **state)
{
    static const struct {
        const char *what, *body;
        const char *code, *target;
    } cases[] = {
        {"nobody", "{\"principal\":\"ghost\",\"role\":\"Reader\"}", "PrincipalNotFound",
         "$.principal"},
        {"an id of nobody", "{\"principal\":\"" UNKNOWN_ID "\",\"role\":\"Reader\"}",
         "PrincipalNotFound", "$.principal"},
        {"no role of ours", "{\"principal\":\"mail\",\"role\":\"Emperor\"}",
         "RoleDefinitionDoesNotExist", "$.role"},
        {"a relative scope", "{\"principal\":\"mail\",\"role\":\"Reader\",\"scope\":\"x\"}",
         "ValidationError", "$.scope"},
        {"no such resource", "{\"principal\":\"mail\",\"role\":\"Reader\",\"resource\":\"x\"}",
         "ValidationError", "$.resource"},
        {"both",
         "{\"principal\":\"mail\",\"role\":\"Reader\",\"resource\":\"other\",\"scope\":\"/\"}",
         "ValidationError", "$.scope"},
        {"no principal", "{\"role\":\"Reader\"}", "ValidationError", "$.principal"},
    };

    (void)state;
    make_app("mail");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/role-assignments", cases[i].body);
        check_error(&w.fx, 400, cases[i].code, NULL, cases[i].target);
    }
}

static void custom_roles_come_and_go(void **state)
{
    static const struct {
        const char *what, *body;
        int status;
        const char *target;
    } cases[] = {
        {"no permissions", "{\"name\":\"x\"}", 400, "$.permissions"},
        {"an empty list", "{\"name\":\"x\",\"permissions\":[]}", 400, "$.permissions"},
        {"nothing of ours",
         "{\"name\":\"x\",\"permissions\":[{\"actions\":[\"Microsoft.Odd/*\"]}]}", 400,
         "$.permissions"},
        {"an odd member", "{\"name\":\"x\",\"permissions\":[{\"acts\":[\"*\"]}]}", 400,
         "$.permissions"},
        {"no name", "{\"permissions\":[{\"actions\":[\"*\"]}]}", 400, "$.name"},
        {"a number", "{\"name\":1,\"permissions\":[{\"actions\":[\"*\"]}]}", 400, "$.name"},
        {"a built-in name", "{\"name\":\"OWNER\",\"permissions\":[{\"actions\":[\"*\"]}]}", 409,
         "$.name"},
        {"an unknown member", "{\"name\":\"x\",\"permission\":[]}", 400, "$.permission"},
    };
    static const char *const sender =
        "{\"name\":\"Only SMS\",\"description\":\"sends\",\"permissions\":[{\"dataActions\":["
        "\"Microsoft.Communication/CommunicationServices/sms/write/action\"]}]}";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/roles", cases[i].body);
        check_error(&w.fx, cases[i].status, NULL, NULL, cases[i].target);
    }
    assert_int_equal(ask("POST", "/admin/roles", sender), 201);
    assert_string_equal(text_at(&w.fx, "description"), "sends");
    assert_int_equal(ask("POST", "/admin/roles", sender), 409);
    assert_int_equal(ask("GET", "/admin/roles", ""), 200);
    assert_int_equal(count_at("value"), built_in_roles_count + 1);
    assert_string_equal(text_at(&w.fx, "value.0.name"), "Owner");
    make_app("mail");
    assert_int_equal(
        ask("POST", "/admin/role-assignments", "{\"principal\":\"mail\",\"role\":\"only sms\"}"),
        201);
    assert_int_equal(ask("DELETE", "/admin/roles/Only%20SMS", ""), 409);
    assert_int_equal(ask("DELETE", "/admin/apps/mail", ""), 204);
    assert_int_equal(ask("DELETE", "/admin/roles/Only%20SMS", ""), 204);
    assert_int_equal(ask("DELETE", "/admin/roles/Only%20SMS", ""), 404);
    assert_int_equal(ask("DELETE", "/admin/roles/Owner", ""), 409);
}

/* ---- trusted issuers ---- */

#define ADD(more) "{\"issuer\":\"" FOREIGN_ISSUER "\",\"audiences\":[\"callgate\"]" more "}"

static void an_issuer_is_tested_before_it_is_trusted(void **state)
{
    const char *id, *object;

    (void)state;
    w.unreachable = true;
    ask("POST", "/admin/issuers", ADD(",\"subject\":\"team/robot\""));
    check_error(&w.fx, 400, "ValidationError", NULL, "$.issuer");
    assert_non_null(strstr(text_at(&w.fx, "error.message"), "no such host"));
    assert_int_equal(ask("GET", "/admin/issuers", ""), 200);
    assert_int_equal(count_at("value"), 0);
    w.unreachable = false;
    assert_int_equal(ask("POST", "/admin/issuers", ADD(",\"subject\":\"team/robot\"")), 201);
    id = kept("id");
    object = kept("objectId");
    assert_string_equal(text_at(&w.fx, "principalName"), "team-robot");
    assert_true(json_is_true(json_at(&w.fx, "test.ok")));
    assert_string_equal(text_at(&w.fx, "test.kids.0"), "foreign-1");
    assert_int_equal(ask("GET", path_of(0, "/admin/apps/%s", object), ""), 200);
    assert_string_equal(text_at(&w.fx, "kind"), "foreign");
    assert_int_equal(ask("POST", "/admin/apps/team-robot/secrets", "{}"), 409);

    /* a further rule, and one more audience */
    assert_int_equal(ask("POST", "/admin/issuers",
                         "{\"issuer\":\"" FOREIGN_ISSUER
                         "\",\"audiences\":[\"more\"],\"claims\":{\"team\":\"red\"},"
                         "\"principalName\":\"red\"}"),
                     201);
    assert_string_equal(text_at(&w.fx, "id"), id);
    assert_int_equal(count_at("rules"), 2);
    assert_int_equal(count_at("audiences"), 2);
    assert_int_equal(ask("POST", "/admin/issuers", ADD(",\"subject\":\"team/robot\"")), 409);
    assert_int_equal(ask("POST", "/admin/issuers",
                         ADD(",\"subject\":\"x\",\"jwksUrl\":\"https://a.example/k\"")),
                     409);

    assert_int_equal(ask("POST", path_of(0, "/admin/issuers/%s:test", id), "{}"), 200);
    assert_true(json_is_true(json_at(&w.fx, "ok")));
    assert_int_equal(int_at(&w.fx, "keys"), 1);
    w.unreachable = true;
    assert_int_equal(ask("POST", path_of(0, "/admin/issuers/%s:test", id), "{}"), 200);
    assert_true(json_is_false(json_at(&w.fx, "ok")));

    /* its principals go with it */
    assert_int_equal(ask("DELETE", path_of(0, "/admin/issuers/%s", id), ""), 204);
    assert_int_equal(ask("DELETE", path_of(0, "/admin/issuers/%s", id), ""), 404);
    assert_int_equal(ask("GET", path_of(0, "/admin/apps/%s", object), ""), 404);
    assert_int_equal(ask("POST", "/admin/issuers/" UNKNOWN_ID ":test", "{}"), 404);
}

static void refuses_odd_issuers(void **state)
{
    static const struct {
        const char *what, *body;
        int status;
        const char *target;
    } cases[] = {
        {"no issuer", "{\"audiences\":[\"a\"],\"subject\":\"s\"}", 400, "$.issuer"},
        {"another scheme", "{\"issuer\":\"ftp://i\",\"audiences\":[\"a\"],\"subject\":\"s\"}", 400,
         "$.issuer"},
        {"plain http elsewhere",
         "{\"issuer\":\"http://i.example\",\"audiences\":[\"a\"],\"subject\":\"s\"}", 400,
         "$.issuer"},
        {"no audience", "{\"issuer\":\"https://i.example\",\"subject\":\"s\"}", 400, "$"},
        {"no rule", ADD(""), 400, "$"},
        {"a name without a rule", ADD(",\"principalName\":\"x\""), 400, "$.principalName"},
        {"claims that are none", ADD(",\"claims\":[]"), 400, "$.claims"},
        {"a claim of another type", ADD(",\"claims\":{\"a\":1}"), 400, "$"},
        {"an algorithm with a shared key", ADD(",\"subject\":\"s\",\"algorithms\":[\"HS256\"]"),
         400, "$"},
        {"a relative path", ADD(",\"subject\":\"s\",\"jwksFile\":\"keys.json\""), 400, "$"},
        {"two places", ADD(",\"subject\":\"s\",\"jwksFile\":\"/k\",\"jwksUrl\":\"https://a/k\""),
         400, "$"},
        {"an unknown member", ADD(",\"subjekt\":\"s\""), 400, "$.subjekt"},
        {"an application's name", ADD(",\"subject\":\"s\",\"principalName\":\"mail\""), 409,
         "$.principalName"},
        {"Entra ID without a tenant",
         "{\"issuer\":\"https://login.microsoftonline.com/common/v2.0\"}", 400, "$"},
        {"rules for Entra ID",
         "{\"issuer\":\"https://login.microsoftonline.com/" UNKNOWN_ID "/v2.0\",\"subject\":\"s\"}",
         400, "$"},
    };

    (void)state;
    make_app("mail");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].what);
        ask("POST", "/admin/issuers", cases[i].body);
        check_error(&w.fx, cases[i].status, NULL, NULL, cases[i].target);
    }
    assert_int_equal(ask("GET", "/admin/issuers", ""), 200);
    assert_int_equal(count_at("value"), 0);
}

static void a_tenant_of_entra_id_vouches_for_its_object_ids(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/admin/issuers",
                         "{\"issuer\":\"https://sts.windows.net/" UNKNOWN_ID
                         "/\",\"untested\":true}"),
                     201);
    assert_string_equal(text_at(&w.fx, "kind"), "entra");
    assert_string_equal(text_at(&w.fx, "issuer"),
                        "https://login.microsoftonline.com/" UNKNOWN_ID "/v2.0");
    assert_int_equal(ask("POST", "/admin/issuers",
                         "{\"issuer\":\"https://login.microsoftonline.com/" UNKNOWN_ID "/v2.0\"}"),
                     409);
    assert_int_equal(ask("POST", "/admin/role-assignments",
                         "{\"principal\":\"" UNKNOWN_ID "\",\"role\":\"Reader\"}"),
                     201);
    assert_string_equal(text_at(&w.fx, "principal"), "entra " UNKNOWN_ID);
}

/* ---- tokens, keys, tenant ---- */

static void mints_a_token_for_an_administrator_nearby(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/admin/token", path_of(0, "{\"as\":\"%s\"}", w.client)), 200);
    assert_true(str_eq(request_fake_header(&w.fx.fake, STR("Cache-Control")), STR("no-store")));
    assert_string_equal(text_at(&w.fx, "clientId"), w.client);
    assert_true(strlen(text_at(&w.fx, "token")) > 100);
    assert_int_equal(ask("POST", "/admin/token", "{\"as\":\"ghost\"}"), 404);
    ask("POST", "/admin/token", path_of(0, "{\"as\":\"%s\"}", w.disabled));
    check_error(&w.fx, 409, "Conflict", NULL, "$.as");
    ask("POST", "/admin/token",
        path_of(0, "{\"as\":\"%s\",\"resource\":\"https://odd.example\"}", w.client));
    check_error(&w.fx, 400, "ValidationError", NULL, "$.resource");
    ask("POST", "/admin/token", path_of(0, "{\"as\":\"%s\",\"scope\":\"odd\"}", w.client));
    check_error(&w.fx, 400, "ValidationError", NULL, "$.scope");
    assert_int_equal(
        ask("POST", "/admin/token",
            path_of(0, "{\"as\":\"%s\",\"scope\":\"https://management.azure.com//.default\"}",
                    w.client)),
        200);
}

static void shows_the_tenant_and_rotates_its_keys(void **state)
{
    struct change damaged = {.kind = CHANGE_ISSUER_PUT,
                             .u.issuer = {.id = uuid_random(),
                                          .version = 1,
                                          .issuer = STR("https://damaged.example"),
                                          .document = STR("{}"),
                                          .created = clock_wall()}};
    size_t before;

    (void)state;
    assert_int_equal(ask("GET", "/admin/tenant", ""), 200);
    assert_string_equal(text_at(&w.fx, "tenantId"), w.tenant);
    assert_int_equal(ask("GET", "/admin/status", ""), 200);
    assert_string_equal(text_at(&w.fx, "tenantId"), w.tenant);
    assert_int_equal(int_at(&w.fx, "issuersLeftOut"), 0);
    assert_int_equal(store_commit_wait(w.fx.store, &damaged, 1), RC_OK);
    assert_int_equal(ask("GET", "/admin/status", ""), 200);
    assert_int_equal(int_at(&w.fx, "issuersLeftOut"), 1);
    assert_int_equal(ask("GET", "/admin/signing-keys?purpose=issuer", ""), 200);
    before = count_at("value");
    assert_int_equal(
        ask("POST", "/admin/signing-keys:rotate", "{\"purpose\":\"issuer\",\"alg\":\"ES256\"}"),
        201);
    assert_string_equal(text_at(&w.fx, "purpose"), "issuer");
    assert_string_equal(text_at(&w.fx, "state"), "active");
    assert_int_equal(ask("GET", "/admin/signing-keys?purpose=issuer", ""), 200);
    assert_int_equal(count_at("value"), before + 1);
    assert_int_equal(ask("GET", "/admin/signing-keys", ""), 200);
    assert_int_equal(count_at("value"), 1); /* of user tokens: untouched */
    assert_string_equal(text_at(&w.fx, "value.0.state"), "active");
    assert_int_equal(ask("GET", "/admin/signing-keys?purpose=odd", ""), 400);
    assert_int_equal(ask("POST", "/admin/signing-keys:rotate", "{\"purpose\":\"odd\"}"), 400);
}

static void the_first_application_gets_a_data_role_unless_told(void **state)
{
    static const struct {
        const char *what, *body;
        bool production;
        const char *role;
    } cases[] = {
        {"nothing said", "{\"name\":\"a\"}", false, "Callgate Data Contributor"},
        {"none", "{\"name\":\"a\",\"role\":\"None\"}", false, ""},
        {"null", "{\"name\":\"a\",\"role\":null}", false, ""},
        {"another", "{\"name\":\"a\",\"role\":\"Callgate Reader\"}", false, "Callgate Reader"},
        {"production", "{\"name\":\"a\"}", true, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct fixture fx;

        print_message("%s\n", cases[i].what);
        fixture_open(&fx, cases[i].production);
        assert_int_equal(call(&fx, ADMIN, "POST", "/admin/apps", cases[i].body), 201);
        assert_string_equal(text_at(&fx, "roles.0"), cases[i].role);
        fixture_close(&fx);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_application_is_made_found_changed_and_deleted),
        CASE(refuses_odd_applications),
        CASE(only_the_administrator_gets_in),
        CASE(a_secret_is_shown_once_and_its_end_ends_tokens),
        CASE(refuses_odd_secrets),
        CASE(certificates_come_and_go),
        CASE(refuses_what_is_no_certificate),
        CASE(federated_credentials_come_and_go),
        CASE(lists_come_in_pages_by_kind),
        CASE(an_identity_has_an_endpoint_secret),
        CASE(refuses_odd_identities),
        CASE(an_endpoint_lives_as_long_as_its_stream),
        CASE(a_role_is_assigned_and_taken_away),
        CASE(refuses_odd_assignments),
        CASE(custom_roles_come_and_go),
        CASE(an_issuer_is_tested_before_it_is_trusted),
        CASE(refuses_odd_issuers),
        CASE(a_tenant_of_entra_id_vouches_for_its_object_ids),
        CASE(mints_a_token_for_an_administrator_nearby),
        CASE(shows_the_tenant_and_rotates_its_keys),
        cmocka_unit_test(the_first_application_gets_a_data_role_unless_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
