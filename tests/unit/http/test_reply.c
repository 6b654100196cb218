/* Replies: which lines go out when, and that nobody's text adds a line. */
#include "tests/unit/base/unit.h"
#include "tests/unit/request_fake.h"

static void run(struct request *req)
{
    (void)req; /* never called here */
}

static const struct str versions[] = {STR_INIT("2021-03-07"), STR_INIT("2023-10-01")};
static const struct service identity = {
    .name = STR_INIT("identity"),
    .versions = versions,
    .version_count = 2,
    .supported = STR_INIT("2021-03-07, 2023-10-01"),
    .challenge = STR_INIT("HMAC-SHA256, Bearer"),
};
static const struct api api = {&identity, 1, 2};
static const struct route wire = {GET, "/a", &api,       ACCEPT_KEY, NEED_IDENTITY,
                                  0,   run,  PLANE_WIRE, KIND_REPLY};
static const struct route admin = {GET, "/admin/a", &api,        ACCEPT_ADMIN, NEED_RESOURCE,
                                   0,   run,        PLANE_ADMIN, KIND_REPLY};
static const struct route no_key = {POST, "/b", &api,       ACCEPT_HANDLER, NEED_NOTHING,
                                    KIB,  run,  PLANE_WIRE, KIND_REPLY};
static const struct route endpoint = {GET, "/msi/a", &api,           ACCEPT_NOBODY, NEED_NOTHING,
                                      0,   run,      PLANE_IDENTITY, KIND_REPLY};
static const struct service issuer = {
    .name = STR_INIT("issuer"), .error_shape = ERROR_SHAPE_OAUTH, .challenge = STR_INIT("Bearer")};
static const struct api issuer_api = {&issuer, 0, 0};
static const struct route token = {POST, "/t/token", &issuer_api, ACCEPT_NOBODY, NEED_NOTHING,
                                   KIB,  run,        PLANE_WIRE,  KIND_REPLY};
static const struct service chat = {.name = STR_INIT("chat"), .error_shape = ERROR_SHAPE_CHAT};
static const struct api chat_api = {&chat, 0, 0};
static const struct route thread = {POST, "/chat", &chat_api,  ACCEPT_USER, NEED_CHAT,
                                    KIB,  run,     PLANE_WIRE, KIND_REPLY};
static const struct door identity_door = {.identity = true, .loopback = true, .port = 4001};
static const struct door tls_door = {.tls = true, .loopback = true, .port = 8443};
static const struct door admin_door = {.admin = true, .loopback = true, .port = 9000};

static void start(struct request_fake *f, const struct door *door, const struct route *route,
                  const char *raw)
{
    request_fake_init(f, door);
    assert_int_equal(request_fake_parse(f, raw), RC_OK);
    f->req.route = route;
}

#define PLAIN "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void a_json_reply_has_its_lines_in_order(void **state)
{
    static const char expected[] =
        "HTTP/1.1 201 Created\r\n"
        "Date: " REQUEST_FAKE_DATE "\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        "Content-Length: 8\r\n"
        "api-supported-versions: 2021-03-07, 2023-10-01\r\n"
        "x-ms-request-id: " REQUEST_FAKE_ID "\r\n"
        "MS-CV: 5f0c2b7e91d44a368d1f01.0\r\n"
        "Access-Control-Allow-Origin: *\r\n"
        "Access-Control-Expose-Headers: x-ms-client-request-id, api-supported-versions, "
        "Retry-After, WWW-Authenticate\r\n"
        "x-one: 1\r\n"
        "\r\n";
    struct request_fake f;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    f.req.started = 0;
    f.req.reply.processed = true;
    reply_header(&f.req, STR("x-one"), STR("1"));
    reply_json(&f.req, 201, STR("{\"a\":1}\n"));
    assert_true(f.done);
    assert_int_equal(f.status, 201);
    check_str("head", f.head, str_from(expected));
    check_str("body", f.body, STR("{\"a\":1}\n"));
    request_fake_clear(&f);
}

static void the_time_taken_is_told_in_milliseconds(void **state)
{
    struct request_fake f;
    struct str value;
    uint64_t ms = 0;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    f.req.started = clock_mono() - 33000000;
    reply_empty(&f.req, 202);
    value = request_fake_header(&f, STR("X-Processing-Time"));
    assert_true(str_ends(value, STR("ms")));
    assert_int_equal(str_to_u64(str_head(value, value.len - 2), 100000, &ms), RC_OK);
    assert_true(ms >= 33);
    check_str("an empty body has a length", request_fake_header(&f, STR("content-length")),
              STR("0"));
    request_fake_clear(&f);
}

static void statuses_without_a_body_have_no_length_and_no_type(void **state)
{
    static const int statuses[] = {204, 304};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct request_fake f;

        start(&f, NULL, &wire, PLAIN);
        reply_text(&f.req, statuses[i], STR("text/plain"), STR("never sent"));
        assert_int_equal(f.status, statuses[i]);
        assert_int_equal(request_fake_count(&f, STR("content-length")), 0);
        assert_int_equal(request_fake_count(&f, STR("content-type")), 0);
        assert_int_equal(f.body.len, 0);
        request_fake_clear(&f);
    }
}

static void a_reply_to_head_has_the_length_and_no_body(void **state)
{
    struct request_fake f;

    (void)state;
    start(&f, NULL, &wire, "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
    reply_text(&f.req, 200, STR("text/plain"), STR("12345"));
    check_str("length", request_fake_header(&f, STR("Content-Length")), STR("5"));
    assert_int_equal(f.body.len, 0);
    request_fake_clear(&f);
}

static void says_when_the_connection_ends(void **state)
{
    static const struct {
        const char *name, *raw;
        bool close;
        struct str connection;
    } cases[] = {
        {"stays open", PLAIN, false, STR_INIT("")},
        {"closes", PLAIN, true, STR_INIT("close")},
        {"HTTP/1.0 kept open", "GET /a HTTP/1.0\r\n\r\n", false, STR_INIT("keep-alive")},
        {"HTTP/1.0 closes", "GET /a HTTP/1.0\r\n\r\n", true, STR_INIT("close")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        start(&f, NULL, &wire, cases[i].raw);
        f.req.reply.close = cases[i].close;
        reply_empty(&f.req, 200);
        check_str(cases[i].name, request_fake_header(&f, STR("connection")), cases[i].connection);
        request_fake_clear(&f);
    }
}

static void versions_are_told_only_by_the_service_itself(void **state)
{
    struct request_fake f;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    reply_error(&f.req, &API_DENIED);
    assert_int_equal(request_fake_count(&f, STR("api-supported-versions")), 0);
    request_fake_clear(&f);
    start(&f, NULL, &wire, PLAIN);
    f.req.reply.processed = true;
    reply_error(&f.req, &API_VALIDATION);
    assert_int_equal(request_fake_count(&f, STR("api-supported-versions")), 1);
    request_fake_clear(&f);
}

static void the_challenge_goes_with_401_once(void **state)
{
    struct request_fake f;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    reply_error(&f.req, &API_DENIED);
    check_str("401", request_fake_header(&f, STR("www-authenticate")), STR("HMAC-SHA256, Bearer"));
    request_fake_clear(&f);
    start(&f, NULL, &wire, PLAIN);
    reply_header(&f.req, STR("www-authenticate"), STR("Bearer"));
    reply_error(&f.req, &API_DENIED);
    assert_int_equal(request_fake_count(&f, STR("WWW-Authenticate")), 1);
    check_str("own", request_fake_header(&f, STR("WWW-Authenticate")), STR("Bearer"));
    request_fake_clear(&f);
    start(&f, NULL, &wire, PLAIN);
    reply_error(&f.req, &API_FORBIDDEN);
    assert_int_equal(request_fake_count(&f, STR("WWW-Authenticate")), 0);
    request_fake_clear(&f);
    start(&f, NULL, &no_key, PLAIN);
    reply_error(&f.req, &API_DENIED);
    check_str("no key", request_fake_header(&f, STR("WWW-Authenticate")), STR("Bearer"));
    request_fake_clear(&f);
}

static void refusals_are_explained_to_those_who_may_know(void **state)
{
    static const struct {
        const struct api_error *error;
        bool explains;
        const char *explain, *header; /* header NULL: none */
    } cases[] = {
        {&API_DENIED, true, "signature; wrong", "signature; wrong"},
        {&API_FORBIDDEN, true, "policy; no", "policy; no"},
        {&API_FORBIDDEN, true, "",
         "The initiator doesn't have the permission to perform the "
         "requested operation."},
        {&API_DENIED, false, "signature; wrong", NULL},
        {&API_NOT_FOUND, true, "no such thing", "no such thing"},
        {&API_NOT_FOUND, true, "", NULL},
        {&API_NOT_FOUND, false, "no such thing", NULL},
        {&API_TOO_MANY_REQUESTS, true, "signature", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;
        struct str header;

        start(&f, NULL, &wire, PLAIN);
        f.req.explains = cases[i].explains;
        f.req.explain = str_from(cases[i].explain);
        reply_error(&f.req, cases[i].error);
        header = request_fake_header(&f, STR("x-callgate-explain"));
        if (cases[i].header)
            check_str("explain", header, str_from(cases[i].header));
        else
            assert_null(header.ptr);
        request_fake_clear(&f);
    }
}

static void web_pages_may_read_the_wire_and_nothing_else(void **state)
{
    static const struct {
        const char *name;
        const struct door *door;
        const struct route *route;
        const char *raw;
        bool wire;
    } cases[] = {
        {"a wire row", NULL, &wire, PLAIN, true},
        {"an administration row", NULL, &admin, PLAIN, false},
        {"an identity endpoint", NULL, &endpoint, PLAIN, false},
        {"no row", NULL, NULL, PLAIN, true},
        {"no row, administration's listener", &admin_door, NULL, PLAIN, false},
        {"no row below /admin", NULL, NULL, "GET /admin/x HTTP/1.1\r\n\r\n", false},
        {"no row at /admin", NULL, NULL, "GET /admin HTTP/1.1\r\n\r\n", false},
        {"no row, two slashes", NULL, NULL, "GET //admin/x HTTP/1.1\r\n\r\n", false},
        {"no row, escaped", NULL, NULL, "GET /%61dmin/x HTTP/1.1\r\n\r\n", false},
        {"a name that only starts so", NULL, NULL, "GET /administrators HTTP/1.1\r\n\r\n", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        start(&f, cases[i].door, cases[i].route, cases[i].raw);
        reply_error(&f.req, &API_NOT_FOUND);
        check(cases[i].name,
              request_fake_count(&f, STR("Access-Control-Allow-Origin")) == cases[i].wire);
        check(cases[i].name,
              request_fake_count(&f, STR("Access-Control-Expose-Headers")) == cases[i].wire);
        request_fake_clear(&f);
    }
}

static void a_service_may_expose_all_its_headers(void **state)
{
    static const struct service open = {.name = STR_INIT("open"), .exposes_all = true};
    static const struct api api = {.service = &open};
    static const struct route row = {.plane = PLANE_WIRE, .api = &api};
    struct request_fake f;

    (void)state;
    start(&f, NULL, &row, PLAIN);
    reply_error(&f.req, &API_INTERNAL);
    check("all", name_eq(request_fake_header(&f, STR("Access-Control-Expose-Headers")), STR("*")));
    request_fake_clear(&f);
}

static void a_refused_target_is_judged_by_its_text(void **state)
{
    struct request_fake f;

    (void)state;
    request_fake_init(&f, NULL);
    assert_int_equal(request_fake_parse(&f, "GET /admin%00x HTTP/1.1\r\n\r\n"), RC_INVALID);
    reply_error(&f.req, &API_BAD_REQUEST);
    assert_int_equal(request_fake_count(&f, STR("Access-Control-Allow-Origin")), 0);
    request_fake_clear(&f);
}

static void a_preflight_answer_is_not_doubled(void **state)
{
    struct request_fake f;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    reply_header(&f.req, STR("Access-Control-Allow-Origin"), STR("*"));
    reply_empty(&f.req, 204);
    assert_int_equal(request_fake_count(&f, STR("access-control-allow-origin")), 1);
    request_fake_clear(&f);
}

static void strict_transport_security_goes_with_tls_and_public_names(void **state)
{
    static const struct {
        const char *host;
        bool tls;
        int lines;
    } cases[] = {
        {"acs.example.com", true, 1},  {"acs.example.com:8443", true, 1},
        {"acs.example.com", false, 0}, {"localhost:8443", true, 0},
        {"demo.localhost", true, 0},   {"127.0.0.1:8443", true, 0},
        {"[::1]:8443", true, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;
        char raw[128];

        (void)snprintf(raw, sizeof raw, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].host);
        start(&f, cases[i].tls ? &tls_door : NULL, &wire, raw);
        reply_empty(&f.req, 200);
        assert_int_equal(request_fake_count(&f, STR("Strict-Transport-Security")), cases[i].lines);
        request_fake_clear(&f);
    }
}

#define ID128                                                                                      \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void the_callers_id_comes_back_when_asked_for(void **state)
{
    static const struct {
        const char *name, *lines;
        struct str echoed;
    } cases[] = {
        {"not asked", "x-ms-client-request-id: a\r\n", STR_INIT("")},
        {"asked", "x-ms-client-request-id: a b\r\nx-ms-return-client-request-id: true\r\n",
         STR_INIT("a b")},
        {"asked in capitals",
         "x-ms-client-request-id: a\r\nX-MS-Return-Client-Request-Id: True\r\n", STR_INIT("a")},
        {"refused", "x-ms-client-request-id: a\r\nx-ms-return-client-request-id: false\r\n",
         STR_INIT("")},
        {"nothing to send", "x-ms-return-client-request-id: true\r\n", STR_INIT("")},
        {"as long as allowed",
         "x-ms-client-request-id: " ID128 "\r\nx-ms-return-client-request-id: true\r\n",
         STR_INIT(ID128)},
        {"too long",
         "x-ms-client-request-id: " ID128 "x\r\nx-ms-return-client-request-id: true\r\n",
         STR_INIT("")},
        {"control character",
         "x-ms-client-request-id: a\tb\r\nx-ms-return-client-request-id: true\r\n", STR_INIT("")},
        {"CR", "x-ms-client-request-id: a\rb\r\nx-ms-return-client-request-id: true\r\n",
         STR_INIT("")},
        {"octet above 0x7e",
         "x-ms-client-request-id: \xC3\xBC\r\nx-ms-return-client-request-id: true\r\n",
         STR_INIT("")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;
        char raw[512];

        (void)snprintf(raw, sizeof raw, "GET /a HTTP/1.1\r\n%s\r\n", cases[i].lines);
        start(&f, NULL, &wire, raw);
        reply_empty(&f.req, 200);
        check_str(cases[i].name, request_fake_header(&f, STR("x-ms-client-request-id")),
                  cases[i].echoed);
        request_fake_clear(&f);
    }
}

static void no_text_adds_a_header_line(void **state)
{
    struct request_fake f;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    reply_header(&f.req, STR("x-a\r\nx-evil: 1"), STR("1\r\nx-evil: 2\n\0\x7f\t3"));
    reply_text(&f.req, 200, STR("text/plain\r\nx-evil: 4"), STR("body"));
    assert_int_equal(request_fake_count(&f, STR("x-evil")), 0);
    check_str("joined", request_fake_header(&f, STR("x-ax-evil")), STR("1: 1x-evil: 23"));
    check_str("body", f.body, STR("body"));
    request_fake_clear(&f);
}

static void errors_have_the_contracts_body(void **state)
{
    struct request_fake f;
    struct buf out;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    reply_error(&f.req, &API_DENIED);
    assert_int_equal(f.status, 401);
    check_str("type", request_fake_header(&f, STR("Content-Type")),
              STR("application/json; charset=utf-8"));
    check_str("body", f.body,
              STR("{\"error\":{\"code\":\"Denied\",\"message\":\"Denied by the resource "
                  "provider.\"}}"));
    request_fake_clear(&f);

    start(&f, NULL, &wire, PLAIN);
    reply_error_text(&f.req, &API_VALIDATION, STR("a\"\x01\n\xff"), STR("Scopes"));
    assert_int_equal(f.status, 400);
    check_str("escaped", f.body,
              STR("{\"error\":{\"code\":\"ValidationError\",\"message\":\"a\\\"\\u0001\\n\xEF\xBF"
                  "\xBD\",\"target\":\"Scopes\"}}"));
    request_fake_clear(&f);

    buf_init(&out, 16);
    api_error_write(&out, STR("a"), STR("b"), STR_EMPTY);
    assert_int_equal(out.failed, RC_TOO_LARGE);
    buf_clear(&out);
}

static void the_longest_escapes_fit(void **state)
{
    struct request_fake f;
    char text[2000];

    (void)state;
    memset(text, 1, sizeof text);
    start(&f, NULL, &wire, PLAIN);
    reply_error_text(&f.req, &API_VALIDATION, str_of(text, sizeof text), str_of(text, 100));
    assert_true(f.body.len > 6 * sizeof text);
    request_fake_clear(&f);
}

static void a_bare_request_can_be_answered(void **state)
{
    struct arena arena;
    struct request req = {.arena = &arena};
    struct buf out;

    (void)state;
    arena_init(&arena);
    buf_init(&out, 64 * KIB);
    req.reply = (struct reply){.status = 431, .close = true};
    reply_encode(&req, STR(REQUEST_FAKE_DATE), &out);
    assert_int_equal(out.failed, RC_OK);
    assert_true(
        str_starts(buf_str(&out), STR("HTTP/1.1 431 Request Header Fields Too Large\r\nDate: ")));
    assert_true(str_ends(buf_str(&out), STR("\r\n\r\n")));
    buf_clear(&out);
    arena_clear(&arena);
}

static void a_full_buffer_is_noticed(void **state)
{
    struct request_fake f;
    struct buf out;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    reply_json(&f.req, 200, STR("{}"));
    buf_init(&out, 100);
    reply_encode(&f.req, STR(REQUEST_FAKE_DATE), &out);
    assert_int_equal(out.failed, RC_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_clear(&out);
    request_fake_clear(&f);
}

static void replies_of_one_batch_follow_each_other(void **state)
{
    struct request_fake f;
    size_t one;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    f.req.started = 0;
    reply_json(&f.req, 200, STR("{}"));
    one = f.octets.len;
    reply_encode(&f.req, STR(REQUEST_FAKE_DATE), &f.octets);
    assert_int_equal(f.octets.len, 2 * one);
    assert_memory_equal(f.octets.ptr, f.octets.ptr + one, one);
    request_fake_clear(&f);
}

static void reasons_follow_their_status(void **state)
{
    static const struct api_error *const all[] = {
#define X(name, status, code, text) &API_##name,
#include "http/api_error.def"
#undef X
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_false(str_eq(status_reason(all[i]->status), STR("Unknown")));
    check_str("200", status_reason(200), STR("OK"));
    check_str("599", status_reason(599), STR("Unknown"));
}

struct stream {
    struct request *req;
    int left;
};

static void next_piece(void *ctx)
{
    struct stream *s = ctx;

    if (s->req->gone)
        s->req->ops->stream_end(s->req, false);
    else if (s->left-- > 0)
        s->req->ops->stream_piece(s->req, STR("piece;"));
    else
        s->req->ops->stream_end(s->req, true);
}

static void begin(struct request_fake *f, struct stream *s)
{
    *s = (struct stream){&f->req, 3};
    f->req.reply.status = 200;
    f->req.reply.content_type = STR("text/plain");
    f->req.ops->stream_begin(&f->req, next_piece, s);
}

static void streams_are_chunked_or_end_with_the_connection(void **state)
{
    struct request_fake f;
    struct stream s;

    (void)state;
    start(&f, NULL, &wire, PLAIN);
    begin(&f, &s);
    check_str("1.1", request_fake_header(&f, STR("Transfer-Encoding")), STR("chunked"));
    assert_int_equal(request_fake_count(&f, STR("Content-Length")), 0);
    assert_int_equal(request_fake_count(&f, STR("Connection")), 0);
    assert_true(request_fake_pump(&f, 10));
    assert_true(f.stream_ok);
    check_str("pieces", f.body, STR("piece;piece;piece;"));
    request_fake_clear(&f);

    start(&f, NULL, &wire, "GET /a HTTP/1.0\r\n\r\n");
    begin(&f, &s);
    assert_int_equal(request_fake_count(&f, STR("Transfer-Encoding")), 0);
    check_str("1.0", request_fake_header(&f, STR("Connection")), STR("close"));
    assert_false(request_fake_pump(&f, 2));
    request_fake_leave(&f);
    assert_true(request_fake_pump(&f, 1));
    assert_false(f.stream_ok);
    assert_int_equal(f.n_pieces, 2);
    request_fake_clear(&f);
}

static void an_issuer_refuses_in_the_shape_of_oauth(void **state)
{
    static const struct {
        const char *name;
        const struct door *door;
        const struct route *route;
        struct str body;
    } cases[] = {
        {"a row of the issuer", &tls_door, &token,
         STR_INIT("{\"error\":\"Conflict\",\"error_description\":\"a \\\"b\\\"\"}")},
        {"no row at an identity door", &identity_door, NULL,
         STR_INIT("{\"error\":\"Conflict\",\"error_description\":\"a \\\"b\\\"\"}")},
        {"another row at an identity door", &identity_door, &endpoint,
         STR_INIT(
             "{\"error\":{\"code\":\"Conflict\",\"message\":\"a \\\"b\\\"\",\"target\":\"$\"}}")},
        {"no row elsewhere", &tls_door, NULL,
         STR_INIT(
             "{\"error\":{\"code\":\"Conflict\",\"message\":\"a \\\"b\\\"\",\"target\":\"$\"}}")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        start(&f, cases[i].door, cases[i].route, PLAIN);
        reply_error_text(&f.req, &API_CONFLICT, STR("a \"b\""), STR("$"));
        check_str(cases[i].name, f.body, cases[i].body);
        request_fake_clear(&f);
    }
}

static void chat_refuses_in_the_shape_that_was_chosen(void **state)
{
    static const struct error_detail details[] = {{STR_INIT("a"), STR_INIT("b")},
                                                  {STR_INIT("c"), {NULL, 0}}};
    static const struct {
        const char *name;
        bool live;
        size_t n;
        struct str body;
    } cases[] = {
        {"as specified", false, 0,
         STR_INIT("{\"error\":{\"code\":\"Conflict\",\"message\":\"The request conflicts with "
                  "what is stored.\"}}")},
        {"as specified, with details", false, 2,
         STR_INIT("{\"error\":{\"code\":\"Conflict\",\"message\":\"The request conflicts with "
                  "what is stored.\",\"details\":[{\"code\":\"Conflict\",\"message\":\"a\","
                  "\"target\":\"b\"},{\"code\":\"Conflict\",\"message\":\"c\"}]}}")},
        {"live", true, 0,
         STR_INIT("{\"CommunicationError\":{\"Code\":\"Conflict\",\"Message\":\"The request "
                  "conflicts with what is stored.\",\"Details\":[]}}")},
        {"live, with details", true, 1,
         STR_INIT("{\"CommunicationError\":{\"Code\":\"Conflict\",\"Message\":\"The request "
                  "conflicts with what is stored.\",\"Details\":[{\"Code\":\"Conflict\","
                  "\"Message\":\"a\",\"Target\":\"b\"}]}}")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        start(&f, &tls_door, &thread, PLAIN);
        f.req.errors_live = cases[i].live;
        reply_error_details(&f.req, &API_CONFLICT, details, cases[i].n);
        check_str(cases[i].name, f.body, cases[i].body);
        request_fake_clear(&f);
    }
}

static void a_challenge_of_the_handlers_own_wins(void **state)
{
    struct request_fake f;

    (void)state;
    start(&f, &tls_door, &token, PLAIN);
    reply_header(&f.req, STR("www-authenticate"), STR("Bearer authorization_uri=\"x\""));
    reply_error(&f.req, &API_DENIED);
    assert_int_equal(request_fake_count(&f, STR("WWW-Authenticate")), 1);
    check_str("challenge", request_fake_header(&f, STR("WWW-Authenticate")),
              STR("Bearer authorization_uri=\"x\""));
    request_fake_clear(&f);
}

static void an_identity_door_tells_browsers_nothing(void **state)
{
    static const struct route *const routes[] = {&wire, &endpoint, NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        struct request_fake f;

        start(&f, &identity_door, routes[i], PLAIN);
        reply_error(&f.req, &API_NOT_FOUND);
        assert_int_equal(request_fake_count(&f, STR("Access-Control-Allow-Origin")), 0);
        assert_int_equal(request_fake_count(&f, STR("Access-Control-Expose-Headers")), 0);
        request_fake_clear(&f);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issuer_refuses_in_the_shape_of_oauth),
        cmocka_unit_test(chat_refuses_in_the_shape_that_was_chosen),
        cmocka_unit_test(a_challenge_of_the_handlers_own_wins),
        cmocka_unit_test(an_identity_door_tells_browsers_nothing),
        cmocka_unit_test(a_json_reply_has_its_lines_in_order),
        cmocka_unit_test(the_time_taken_is_told_in_milliseconds),
        cmocka_unit_test(statuses_without_a_body_have_no_length_and_no_type),
        cmocka_unit_test(a_reply_to_head_has_the_length_and_no_body),
        cmocka_unit_test(says_when_the_connection_ends),
        cmocka_unit_test(versions_are_told_only_by_the_service_itself),
        cmocka_unit_test(the_challenge_goes_with_401_once),
        cmocka_unit_test(refusals_are_explained_to_those_who_may_know),
        cmocka_unit_test(web_pages_may_read_the_wire_and_nothing_else),
        cmocka_unit_test(a_refused_target_is_judged_by_its_text),
        cmocka_unit_test(a_service_may_expose_all_its_headers),
        cmocka_unit_test(a_preflight_answer_is_not_doubled),
        cmocka_unit_test(strict_transport_security_goes_with_tls_and_public_names),
        cmocka_unit_test(the_callers_id_comes_back_when_asked_for),
        cmocka_unit_test(no_text_adds_a_header_line),
        cmocka_unit_test(errors_have_the_contracts_body),
        cmocka_unit_test(the_longest_escapes_fit),
        cmocka_unit_test(a_bare_request_can_be_answered),
        cmocka_unit_test(a_full_buffer_is_noticed),
        cmocka_unit_test(replies_of_one_batch_follow_each_other),
        cmocka_unit_test(reasons_follow_their_status),
        cmocka_unit_test(streams_are_chunked_or_end_with_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
