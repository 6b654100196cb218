/* The way of a request, without network: hosts, doors, preflights, web pages, the order of
 * refusals, explanations, the log line, figures. */
#include "unit/gate/pipeline_bench.h"

static void answers_by_door_host_and_route(void **state)
{
    static const struct {
        const char *name;
        const struct door *door;
        struct recipe r;
        int status;
        const char *code; /* within the body */
    } cases[] = {
        {"signed", &tls_door, {0}, 200, ""},
        {"unsigned", &tls_door, {.authorization = ""}, 401, "Denied"},
        {"no such path", &tls_door, {.method = "GET", .target = "/x"}, 404, "NotFound"},
        {"no such method", &tls_door, {.method = "PUT"}, 405, "MethodNotAllowed"},
        {"a method nobody serves", &tls_door, {.method = "BREW"}, 405, "MethodNotAllowed"},
        {"health",
         &tls_door,
         {.method = "GET", .target = "/health/live", .authorization = ""},
         200,
         ""},
        {"health at a strange host",
         &tls_door,
         {.method = "GET", .target = "/health/live", .authorization = "", .host = "evil.example"},
         421,
         "Misdirected"},
        {"no such path at a strange host",
         &tls_door,
         {.method = "GET", .target = "/x", .host = "evil.example"},
         421,
         "Misdirected"},
        {"no such method at a strange host",
         &tls_door,
         {.method = "PUT", .host = "evil.example"},
         421,
         "Misdirected"},
        {"a credential route at a strange host",
         &tls_door,
         {.host = "evil.example"},
         401,
         "Denied by the resource provider."},
        {"health on the socket, any host",
         &socket_door,
         {.method = "GET", .target = "/health/live", .host = "x"},
         200,
         ""},
        {"the wire on the socket", &socket_door, {0}, 404, "NotFound"},
        {"the wire on the administration listener", &admin_door, {0}, 404, "NotFound"},
        {"identity endpoints there",
         &admin_door,
         {.method = "GET", .target = "/msi/token"},
         404,
         "NotFound"},
        {"administration on a public listener",
         &tls_door,
         {.method = "GET", .target = "/admin/status"},
         404,
         "NotFound"},
        {"with the token too",
         &tls_door,
         {.method = "GET", .target = "/admin/status", .authorization = "Bearer " ADMIN},
         404,
         "NotFound"},
        {"another method of it",
         &tls_door,
         {.method = "POST", .target = "/admin/status"},
         404,
         "NotFound"},
        {"administration on the socket",
         &socket_door,
         {.method = "GET", .target = "/admin/status", .authorization = ""},
         200,
         ""},
        {"administration on its listener",
         &admin_door,
         {.method = "GET", .target = "/admin/status", .authorization = "Bearer " ADMIN},
         200,
         ""},
        {"the resource's own on a public listener",
         &tls_door,
         {.method = "GET", .target = "/admin/whoami"},
         200,
         ""},
        {"clock on the socket",
         &socket_door,
         {.method = "PUT", .target = "/admin/clock", .authorization = ""},
         200,
         ""},
        {"metrics in development",
         &tls_door,
         {.method = "GET", .target = "/metrics", .authorization = ""},
         200,
         ""},
        {"no version", &tls_door, {.target = "/identities"}, 400, "ApiVersionUnspecified"},
        {"a malformed version",
         &tls_door,
         {.target = "/identities?api-version=v1"},
         400,
         "InvalidApiVersion"},
        {"an unknown version",
         &tls_door,
         {.target = "/identities?api-version=2020-01-01"},
         400,
         "The HTTP resource that matches the request URI 'https://localhost:8443/identities' does "
         "not support the API version '2020-01-01'."},
        {"a version without this route",
         &tls_door,
         {.method = "DELETE", .target = "/identities/x?api-version=2022-10-01"},
         400,
         "UnsupportedApiVersion"},
        {"credential before version",
         &tls_door,
         {.target = "/identities", .key = "wrong"},
         401,
         "Denied"},
        {"version before media type",
         &tls_door,
         {.target = "/identities", .body = "{}", .extra = "Content-Type: text/plain\r\n"},
         400,
         "ApiVersionUnspecified"},
        {"a body that is not JSON",
         &tls_door,
         {.body = "{}", .extra = "Content-Type: text/plain\r\n"},
         415,
         "UnsupportedMediaType"},
        {"a body of no type", &tls_door, {.body = "{}"}, 415, "UnsupportedMediaType"},
        {"a JSON body",
         &tls_door,
         {.body = "{}", .extra = "Content-Type: Application/JSON; charset=utf-8\r\n"},
         200,
         ""},
        {"a merge patch",
         &tls_door,
         {.body = "{}", .extra = "Content-Type: application/merge-patch+json\r\n"},
         200,
         ""},
        {"an empty body of any type",
         &tls_door,
         {.extra = "Content-Type: text/plain\r\n"},
         200,
         ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake fake;

        deliver(*state, &fake, cases[i].door, &cases[i].r);
        if (!fake.done || fake.status != cases[i].status ||
            str_find_str(fake.body, str_from(cases[i].code)) > fake.body.len ||
            (*cases[i].code && str_find_str(fake.body, str_from(cases[i].code)) == fake.body.len))
            fail_msg("%s: %d " STR_FMT, cases[i].name, fake.status, STR_ARG(fake.body));
        request_fake_clear(&fake);
    }
}

static void names_the_methods_and_versions_that_there_are(void **state)
{
    struct request_fake fake;

    deliver(*state, &fake, &tls_door, &(struct recipe){.method = "PUT"});
    assert_true(str_eq(request_fake_header(&fake, STR("Allow")), STR("POST")));
    request_fake_clear(&fake);
    deliver(*state, &fake, &tls_door, &(struct recipe){.target = "/identities"});
    assert_true(str_eq(request_fake_header(&fake, STR("api-supported-versions")),
                       STR("2022-10-01, 2023-10-01")));
    request_fake_clear(&fake);
    deliver(*state, &fake, &tls_door, &(struct recipe){.authorization = ""});
    assert_true(
        str_eq(request_fake_header(&fake, STR("WWW-Authenticate")), STR("HMAC-SHA256, Bearer")));
    request_fake_clear(&fake);
}

/* Whoever calls back uses the name that he was given, which need not be one of ours. */
static void serves_a_secret_path_under_any_host(void **state)
{
    static const struct {
        const char *method, *target, *host;
        const struct door *door;
        int status;
    } cases[] = {
        {"POST", "/carriers/a/b/c", "10.0.0.5:8080", &plain_door, 200},
        {"POST", "/carriers/a/b/c", "evil.example", &tls_door, 200},
        {"POST", "/carriers/a/b", "evil.example", &tls_door, 421},
        {"DELETE", "/carriers/a/b/c", "evil.example", &tls_door, 421},
        {"POST", "/carriers/a/b/c", NULL, &admin_door, 404},
        {"POST", "/carriers/a/b/c", NULL, &identity_door, 404},
        {"POST", "/carriers/a/b/c", NULL, &socket_door, 404},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake fake;

        deliver(*state, &fake, cases[i].door,
                &(struct recipe){.method = cases[i].method,
                                 .target = cases[i].target,
                                 .host = cases[i].host,
                                 .authorization = ""});
        if (fake.status != cases[i].status)
            fail_msg("%s %s at %s: %d", cases[i].method, cases[i].target,
                     cases[i].host ? cases[i].host : "us", fake.status);
        request_fake_clear(&fake);
    }
}

static void answers_preflights_of_the_wire_alone(void **state)
{
    static const struct {
        const char *target, *host;
        const struct door *door;
        int status;
    } cases[] = {
        {TARGET, NULL, &tls_door, 204},
        {"/identities/x", NULL, &plain_door, 204},
        {"/nowhere", NULL, &tls_door, 204},
        {"/nowhere", "evil.example", &tls_door, 421},
        {"/nowhere", NULL, &admin_door, 404},
        {"/nowhere", NULL, &identity_door, 403},
        {"/admin/nowhere", NULL, &tls_door, 404},
        {TARGET, "evil.example", &tls_door, 421},
        {TARGET, NULL, &admin_door, 404},
        {"/admin/whoami", NULL, &tls_door, 403},
        {"/admin/status", NULL, &admin_door, 403},
        {"/msi/token", NULL, &tls_door, 404},
        {"/msi/token", NULL, &identity_door, 403},
        {"/health/live", NULL, &identity_door, 403},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake fake;
        struct recipe r = {.method = "OPTIONS",
                           .target = cases[i].target,
                           .host = cases[i].host,
                           .authorization = "",
                           .extra = "Origin: https://app.example\r\n"
                                    "Access-Control-Request-Method: POST\r\n"
                                    "Access-Control-Request-Headers: authorization,x-ms-date\r\n"};

        deliver(*state, &fake, cases[i].door, &r);
        if (fake.status != cases[i].status)
            fail_msg("%s: %d", cases[i].target, fake.status);
        struct str allow = request_fake_header(&fake, STR("Access-Control-Allow-Methods"));
        struct str origin = request_fake_header(&fake, STR("Access-Control-Allow-Origin"));
        assert_int_equal(allow.len > 0, fake.status == 204);
        if (fake.status == 204) {
            assert_true(str_eq(origin, STR("*")));
            assert_true(str_eq(request_fake_header(&fake, STR("Access-Control-Allow-Headers")),
                               STR("authorization,x-ms-date")));
            assert_true(str_eq(allow, STR("GET, POST, PUT, PATCH, DELETE")));
            assert_true(
                str_eq(request_fake_header(&fake, STR("Access-Control-Max-Age")), STR("3600")));
        }
        if (fake.status == 403)
            assert_null(origin.ptr);
        request_fake_clear(&fake);
    }
    struct request_fake bare;
    deliver(*state, &bare, &identity_door,
            &(struct recipe){.method = "OPTIONS", .target = "/health/live", .authorization = ""});
    assert_int_equal(bare.status, 405);
    assert_null(request_fake_header(&bare, STR("Access-Control-Allow-Methods")).ptr);
    request_fake_clear(&bare);
}

/* Who reaches this door gets tokens: no name of a stranger's, no web page. */
static void the_identity_door_has_rules_of_its_own(void **state)
{
    static const struct {
        const char *name, *method, *target, *host, *extra;
        int status;
    } cases[] = {
        {"localhost", "GET", "/msi/token", "localhost:4001", "", 200},
        {"loopback", "GET", "/msi/token", "127.0.0.1:4001", "", 200},
        {"an address of elsewhere", "GET", "/msi/token", "169.254.169.254", "", 200},
        {"an IPv6 address", "GET", "/msi/token", "[fd00::1]:4001", "", 200},
        {"a resource's name", "GET", "/msi/token", "default.localhost", "", 200},
        {"a stranger's name", "GET", "/msi/token", "evil.example", "", 421},
        {"a name like an address", "GET", "/msi/token", "127.0.0.1.evil.example", "", 421},
        {"half an address", "GET", "/msi/token", "127.1", "", 421},
        {"a malformed host", "GET", "/msi/token", "10.0.0.0/8", "", 421},
        {"health at a stranger's name", "GET", "/health/live", "evil.example", "", 421},
        {"no such path there", "GET", "/x", "evil.example", "", 421},
        {"health", "GET", "/health/live", "localhost", "", 200},
        {"health at an address", "GET", "/health/live", "10.1.2.3", "", 200},
        {"the wire", "POST", TARGET, "localhost", "", 404},
        {"the issuer", "POST", "/t/oauth2/token", "localhost", "", 404},
        {"administration", "GET", "/admin/whoami", "localhost", "", 404},
        {"metrics", "GET", "/metrics", "localhost", "", 404},
        {"no such path", "GET", "/x", "localhost", "", 404},
        {"another method", "DELETE", "/msi/token", "localhost", "", 405},
        {"a page of elsewhere", "GET", "/msi/token", "localhost",
         "Origin: https://evil.example\r\n", 403},
        {"a page of its own", "GET", "/msi/token", "localhost:4001",
         "Origin: http://localhost:4001\r\n", 403},
        {"from the same origin", "GET", "/msi/token", "localhost",
         "Sec-Fetch-Site: same-origin\r\n", 403},
        {"typed by a person", "GET", "/msi/token", "localhost", "Sec-Fetch-Site: none\r\n", 200},
        {"twice", "GET", "/msi/token", "localhost",
         "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n", 403},
        {"a page that asks for health", "GET", "/health/live", "localhost",
         "Sec-Fetch-Site: cross-site\r\n", 403},
        {"a page that asks for nothing", "GET", "/x", "localhost", "Origin: null\r\n", 403},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recipe r = {.method = cases[i].method,
                           .target = cases[i].target,
                           .host = cases[i].host,
                           .authorization = "",
                           .extra = cases[i].extra};
        struct request_fake fake;

        deliver(*state, &fake, &identity_door, &r);
        if (fake.status != cases[i].status)
            fail_msg("%s: %d " STR_FMT, cases[i].name, fake.status, STR_ARG(fake.body));
        assert_null(request_fake_header(&fake, STR("Access-Control-Allow-Origin")).ptr);
        assert_null(request_fake_header(&fake, STR("Access-Control-Expose-Headers")).ptr);
        request_fake_clear(&fake);
    }
}

static void an_identity_endpoint_shows_at_its_door_alone(void **state)
{
    static const struct door *const doors[] = {&tls_door, &plain_door, &admin_door, &socket_door};

    for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
        struct request_fake fake;

        deliver(*state, &fake, doors[i],
                &(struct recipe){.method = "GET", .target = "/msi/token", .authorization = ""});
        assert_int_equal(fake.status, 404);
        assert_true(str_starts(fake.body, STR("{\"error\":{\"code\":\"NotFound\"")));
        request_fake_clear(&fake);
    }
}

#define FORM "Content-Type: application/x-www-form-urlencoded"

static void bodies_have_the_type_that_the_row_says(void **state)
{
    static const struct {
        const char *target, *extra;
        int status;
    } cases[] = {
        {"/t/oauth2/token", FORM "\r\n", 200},
        {"/t/oauth2/token", FORM ";charset=utf-8\r\n", 200},
        {"/t/oauth2/token", "Content-Type: Application/X-WWW-Form-Urlencoded ; a=b\r\n", 200},
        {"/t/oauth2/token", FORM "d\r\n", 415},
        {"/t/oauth2/token", "Content-Type: application/json\r\n", 415},
        {"/t/oauth2/token", "", 415},
        {"/any", "", 200},
        {"/any", "Content-Type: text/plain\r\n", 200},
        {TARGET, FORM "\r\n", 415},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recipe r = {.target = cases[i].target, .body = "a=b", .extra = cases[i].extra};
        struct request_fake fake;

        deliver(*state, &fake, &tls_door, &r);
        if (fake.status != cases[i].status)
            fail_msg("%s %s: %d", r.target, r.extra, fake.status);
        request_fake_clear(&fake);
    }
}

/* What a refusal of the pipeline looks like, by service; without a row by door. */
static void refusals_have_the_shape_of_their_service(void **state)
{
    static const struct {
        const struct door *door;
        struct recipe r;
        int status;
        const char *body;
    } cases[] = {
        {&tls_door,
         {.target = "/t/oauth2/token", .body = "{}"},
         415,
         "{\"error\":\"UnsupportedMediaType\",\"error_description\":\"The body must be a form;"},
        {&tls_door,
         {.method = "GET", .target = "/t/OAuth2/Token"},
         405,
         "{\"error\":\"MethodNotAllowed\",\"error_description\":\""},
        {&tls_door, {.method = "GET", .target = "/t/oauth3"}, 404, "{\"error\":{\"code\":"},
        {&identity_door,
         {.method = "GET", .target = "/x"},
         404,
         "{\"error\":\"NotFound\",\"error_description\":\""},
        {&identity_door,
         {.method = "GET", .target = "/msi/token", .host = "evil.example"},
         421,
         "{\"error\":"},
        {&tls_door,
         {.method = "GET", .target = "/Subscriptions"},
         400,
         "{\"error\":{\"code\":\"MissingApiVersionParameter\",\"message\":\"The query parameter"},
        {&tls_door,
         {.method = "GET", .target = "/subscriptions?api-version=2020-01-01"},
         400,
         "{\"error\":{\"code\":\"InvalidApiVersionParameter\",\"message\":\"The api-version "
         "'2020-01-01' is "
         "not supported here. Supported are: 2022-10-01, 2023-10-01.\"}}"},
        {&tls_door,
         {.method = "GET", .target = "/subscriptions?api-version=%22"},
         400,
         "{\"error\":{\"code\":\"InvalidApiVersionParameter\",\"message\":\"The api-version '\\\"' "
         "is"},
        {&tls_door,
         {.method = "GET", .target = "/SUBSCRIPTIONS?api-version=2023-10-01"},
         200,
         "{}"},
        {&tls_door, {.target = "/Identities?api-version=2023-10-01"}, 404, "{\"error\":{"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake fake;

        deliver(*state, &fake, cases[i].door, &cases[i].r);
        if (fake.status != cases[i].status || !str_starts(fake.body, str_from(cases[i].body)))
            fail_msg("%s: %d " STR_FMT, cases[i].r.target, fake.status, STR_ARG(fake.body));
        request_fake_clear(&fake);
    }
}

static void keeps_web_pages_from_administration(void **state)
{
    static const struct {
        const char *extra;
        int status;
    } cases[] = {
        {"", 200},
        {"Origin: https://localhost:8443\r\nSec-Fetch-Site: same-origin\r\n", 200},
        {"Sec-Fetch-Site: none\r\n", 200},
        {"Origin: https://evil.example\r\n", 403},
        {"Origin: http://localhost:8443\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Origin: https://localhost:8443.evil.example\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\n", 403},
        {"Sec-Fetch-Site: same-site\r\n", 403},
        {"Origin: https://localhost:8443\r\nOrigin: https://evil.example\r\n", 403},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recipe r = {.method = "GET", .target = "/admin/whoami", .extra = cases[i].extra};
        struct request_fake fake;

        deliver(*state, &fake, &tls_door, &r);
        if (fake.status != cases[i].status)
            fail_msg("%s: %d", cases[i].extra, fake.status);
        assert_null(request_fake_header(&fake, STR("Access-Control-Allow-Origin")).ptr);
        request_fake_clear(&fake);
    }
    struct request_fake wire;
    deliver(*state, &wire, &tls_door, &(struct recipe){.extra = "Origin: https://app.example\r\n"});
    assert_int_equal(wire.status, 200); /* the wire is for browsers too */
    request_fake_clear(&wire);
}

static void explains_in_development_alone(void **state)
{
    struct bench *b = *state, production;
    struct recipe r = {.key = "wrong"};
    struct request_fake fake;

    deliver(b, &fake, &tls_door, &r);
    struct str text = request_fake_header(&fake, STR("x-callgate-explain"));
    assert_true(str_starts(text, STR("signature; method=\"POST\"; path=\"" TARGET "\"")));
    request_fake_clear(&fake);
    open_bench(&production, false);
    deliver(&production, &fake, &tls_door, &r);
    assert_int_equal(fake.status, 401);
    assert_null(request_fake_header(&fake, STR("x-callgate-explain")).ptr);
    request_fake_clear(&fake);
    deliver(&production, &fake, &tls_door,
            &(struct recipe){.method = "GET", .target = "/metrics", .authorization = ""});
    assert_int_equal(fake.status, 404);
    request_fake_clear(&fake);
    deliver(&production, &fake, &socket_door,
            &(struct recipe){.method = "PUT", .target = "/admin/clock", .authorization = ""});
    assert_int_equal(fake.status, 403);
    request_fake_clear(&fake);
    close_bench(&production);
}

static void limits_bodies_by_row(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *method, *target;
        size_t max;
    } cases[] = {{"POST", TARGET, KIB}, {"GET", "/nowhere", 64 * KIB}, {"PUT", TARGET, 64 * KIB}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake fake;

        request_fake_init(&fake, &tls_door);
        fixture_request(
            &fake, &(struct recipe){.method = cases[i].method, .target = cases[i].target}, NULL);
        assert_int_equal(pipeline_head(b->pipeline, &fake.req), cases[i].max);
        request_fake_clear(&fake);
    }
}

static void writes_one_line_without_secrets(void **state)
{
    struct bench *b = *state;
    struct request_fake fake;
    char text[8192];
    ssize_t n;

    deliver(b, &fake, &tls_door,
            &(struct recipe){.target = "/identities?api-version=2023-10-01&sig=hush&limit=5&flag"});
    request_fake_clear(&fake);
    deliver(b, &fake, &tls_door,
            &(struct recipe){.method = "GET", .target = "/phoneNumbers/%2B14255550123?x=1"});
    request_fake_clear(&fake);
    deliver(b, &fake, &tls_door, &(struct recipe){.target = "/carriers/out/hush/report?key=hush"});
    request_fake_clear(&fake);
    deliver(b, &fake, &tls_door,
            &(struct recipe){.method = "GET", .target = "//%63arriers/out/hush/report/hush"});
    request_fake_clear(&fake);
    deliver(b, &fake, &socket_door,
            &(struct recipe){.method = "GET", .target = "/admin/status", .authorization = ""});
    request_fake_clear(&fake);
    deliver(b, &fake, &tls_door, &(struct recipe){.key = "wrong"});
    request_fake_clear(&fake);
    log_flush(b->log);
    n = pread(b->log_fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "http.request"));
    assert_non_null(strstr(text, "id=" REQUEST_FAKE_ID " method=POST path=\"/identities?"
                                 "api-version=2023-10-01&REDACTED&limit=5&REDACTED\" status=200"));
    assert_non_null(strstr(text, " peer=127.0.0.1 by=accessKey resource=default "
                                 "route=\"/identities\""));
    assert_non_null(strstr(text, "path=\"/phoneNumbers/REDACTED?REDACTED\" status=404"));
    assert_non_null(
        strstr(text, "path=\"/carriers/REDACTED/REDACTED/REDACTED?REDACTED\" status=200"));
    assert_non_null(strstr(text, "path=\"//%63arriers/REDACTED/REDACTED/REDACTED/REDACTED\""));
    assert_non_null(strstr(text, " peer=uid:"));
    assert_non_null(strstr(text, " by=administrator resource=default"));
    assert_non_null(strstr(text, " status=401"));
    assert_non_null(strstr(text, " explain=\"signature; method="));
    assert_null(strstr(text, "hush"));
    assert_null(strstr(text, "4255550123"));
    assert_null(strstr(text, "Signature="));
}

static void counts_by_route_and_class(void **state)
{
    struct bench *b = *state;
    struct request_fake fake;

    for (int i = 0; i < 3; i++) {
        deliver(b, &fake, &tls_door, &(struct recipe){0});
        request_fake_clear(&fake);
    }
    deliver(b, &fake, &tls_door, &(struct recipe){.key = "wrong"});
    request_fake_clear(&fake);
    deliver(b, &fake, &tls_door, &(struct recipe){.method = "GET", .target = "/nowhere"});
    request_fake_clear(&fake);
    const struct route_figures *create = pipeline_figures(b->pipeline, 0);
    const struct route_figures *none = pipeline_figures(b->pipeline, ARRAY_LEN(rows) - 1);
    assert_int_equal(create->by_class[2], 3);
    assert_int_equal(create->by_class[4], 1);
    assert_int_equal(none->by_class[4], 1);
    assert_int_equal(pipeline_figures(b->pipeline, 1)->by_class[2], 0);
    uint64_t sum = 0;
    for (size_t i = 0; i <= LATENCY_BUCKETS; i++)
        sum += create->bucket[i];
    assert_int_equal(sum, 4);
}

static void a_regenerated_key_fails_on_the_very_next_request(void **state)
{
    struct bench *b = *state;
    struct request_fake fake;

    deliver(b, &fake, &tls_door, &(struct recipe){0});
    assert_int_equal(fake.status, 200);
    request_fake_clear(&fake);
    fixture_put_key(&b->f, &b->f.resource, KEY_PRIMARY, KEY_3, 2, 2);
    deliver(b, &fake, &tls_door, &(struct recipe){0});
    assert_int_equal(fake.status, 401);
    request_fake_clear(&fake);
    deliver(b, &fake, &tls_door, &(struct recipe){.key = KEY_2});
    assert_int_equal(fake.status, 200);
    request_fake_clear(&fake);
    deliver(b, &fake, &tls_door, &(struct recipe){.key = KEY_3});
    assert_int_equal(fake.status, 200);
    request_fake_clear(&fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_by_door_host_and_route),
        TEST(names_the_methods_and_versions_that_there_are),
        TEST(serves_a_secret_path_under_any_host),
        TEST(answers_preflights_of_the_wire_alone),
        TEST(the_identity_door_has_rules_of_its_own),
        TEST(an_identity_endpoint_shows_at_its_door_alone),
        TEST(bodies_have_the_type_that_the_row_says),
        TEST(refusals_have_the_shape_of_their_service),
        TEST(keeps_web_pages_from_administration),
        TEST(explains_in_development_alone),
        TEST(limits_bodies_by_row),
        TEST(writes_one_line_without_secrets),
        TEST(counts_by_route_and_class),
        TEST(a_regenerated_key_fails_on_the_very_next_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
