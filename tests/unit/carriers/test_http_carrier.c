/* The carrier "http": templates, answers and callbacks as its configuration describes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "carrier_bench.h"
#include "carriers/http_place.h"

#define SECRETS "{\"secrets\":{\"key\":\"k&y\"}}"
#define URL     "https://gateway.example/send"

/* A gateway of JSON with everything described. */
#define JSON_CONFIG                                                                                \
    "{\"url\":\"" URL "/{toDigits}?key={secret.key}\","                                            \
    "\"headers\":{\"Authorization\":\"Bearer {secret.key}\",\"X-Ref\":\"{id}\"},"                  \
    "\"body\":{\"from\":\"{fromDigits}\",\"to\":[\"{to}\"],\"text\":\"{text}\","                   \
    "\"parts\":\"{segments}\",\"ttl\":\"{validSeconds}\",\"hook\":\"{reportUrl}\"},"               \
    "\"accepted\":{\"status\":[200],\"id\":\"json:/messages/0/id\","                               \
    "\"value\":\"json:/messages/0/status\",\"in\":[\"queued\",\"0\"]},"                            \
    "\"temporary\":{\"status\":[420]},"                                                            \
    "\"permanent\":{\"status\":[422],\"code\":\"json:/error/code\",\"codes\":{\"21211\":4002}},"   \
    "\"reports\":{\"each\":\"/results\",\"id\":\"json:/messageId\",\"status\":\"json:/status\","   \
    "\"delivered\":[\"DELIVERED\"],\"failed\":{\"EXPIRED\":4006,\"FAILED\":5000},"                 \
    "\"code\":\"json:/error\",\"codes\":{\"7\":4005}},"                                            \
    "\"inbound\":{\"from\":\"form:From\",\"to\":\"form:To\",\"text\":\"form:Body\","               \
    "\"id\":\"form:Sid\"}}"

static void check(const char *name, bool ok)
{
    if (!ok)
        fail_msg("%s", name);
}

static void check_str(const char *name, struct str s, const char *expected)
{
    if (!str_eq(s, str_from(expected)))
        fail_msg("%s: got \"" STR_FMT "\", not \"%s\"", name, STR_ARG(s), expected);
}

/* ---- configurations ---- */

#define C(members) "{\"url\":\"" URL "\"" members "}"

/* clang-format off */
static const struct { const char *name, *config, *secrets, *why; } configs[] = {
    {"takes all there is", JSON_CONFIG, SECRETS, ""},
    {"takes a URL alone", C(""), NULL, ""},
    {"takes a body of another type", C(",\"contentType\":\"text/xml\",\"body\":\"<t>{text}</t>\""), NULL, ""},
    {"needs a URL", "{}", NULL, "url is required."},
    {"refuses a host with a place", "{\"url\":\"https://{to}.example/\"}", NULL, "url must name its host without places."},
    {"refuses a port with a place", "{\"url\":\"https://x:{to}/\"}", NULL, "url must name its host without places."},
    {"refuses a word that is no place", C(",\"body\":\"{form}\""), NULL, "{form} is no place that there is."},
    {"refuses such a word in the URL", "{\"url\":\"" URL "/{toDigit}\"}", NULL, "{toDigit} is no place that there is."},
    {"refuses a secret that there is not", C(",\"headers\":{\"A\":\"{secret.kez}\"}"), SECRETS, "{secret.kez} is not among the secrets."},
    {"refuses the text in a header", C(",\"headers\":{\"A\":\"{text}\"}"), NULL, "{text} can't stand in a header."},
    {"refuses a header with a line end", C(",\"headers\":{\"A\":\"a\\nb\"}"), NULL, "headers.A must be a string of printable ASCII."},
    {"refuses an empty header", C(",\"headers\":{\"A\":\"\"}"), NULL, "headers.A must be a string of printable ASCII."},
    {"refuses headers that are no object", C(",\"headers\":[]"), NULL, "headers must be an object."},
    {"refuses too many headers", C(",\"headers\":{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":\"1\",\"f\":\"1\",\"g\":\"1\",\"h\":\"1\",\"i\":\"1\",\"j\":\"1\",\"k\":\"1\",\"l\":\"1\",\"m\":\"1\",\"n\":\"1\",\"o\":\"1\",\"p\":\"1\",\"q\":\"1\",\"r\":\"1\",\"s\":\"1\",\"t\":\"1\"}"), NULL, "headers are too many."},
    {"refuses secrets that are no texts", C(""), "{\"secrets\":{\"a\":1}}", "secrets.a must be a string of printable ASCII."},
    {"refuses another method", C(",\"method\":\"PATCH\""), NULL, "method must be GET, POST or PUT."},
    {"refuses GET with a body", C(",\"method\":\"GET\",\"body\":\"x\""), NULL, "body does not go with method GET."},
    {"refuses a body that is a number", C(",\"body\":1"), NULL, "body must be a string, an object or an array."},
    {"refuses JSON of another type", C(",\"body\":{},\"contentType\":\"text/plain\""), NULL, "body that is JSON needs a contentType of JSON."},
    {"refuses what it does not know", C(",\"heders\":{}"), NULL, "heders is unknown."},
    {"refuses it deeper, too", C(",\"accepted\":{\"stats\":[200]}"), NULL, "accepted.stats is unknown."},
    {"refuses a status that is none", C(",\"accepted\":{\"status\":[99]}"), NULL, "accepted.status must be a list of HTTP statuses."},
    {"refuses an empty list", C(",\"temporary\":{\"status\":[]}"), NULL, "temporary.status must be a list of HTTP statuses."},
    {"refuses a place that an answer has not", C(",\"accepted\":{\"id\":\"query:x\"}"), NULL, "accepted.id must be json:/…, header:… or text:…."},
    {"refuses a value without its list", C(",\"accepted\":{\"value\":\"json:/x\"}"), NULL, "accepted must have both value and in, or neither."},
    {"refuses a code that is none", C(",\"permanent\":{\"codes\":{\"1\":2000}}"), NULL, "permanent.codes must be an object of codes from 4000 to 9999."},
    {"refuses reports without a status", C(",\"reports\":{\"delivered\":[\"x\"],\"failed\":[\"y\"]}"), NULL, "reports.status is required."},
    {"refuses a list that is no pointer", C(",\"inbound\":{\"each\":\"x\"}"), NULL, "inbound.each must be a JSON pointer, /…."},
    {"refuses a place that a callback has not", C(",\"inbound\":{\"from\":\"text:x\"}"), NULL, "inbound.from must be json:/…, query:…, form:…, header:… or body:."},
    {"refuses messages without a text", C(",\"inbound\":{\"from\":\"query:f\",\"to\":\"query:t\"}"), NULL, "inbound.text is required."},
    {"refuses what is no object", "7", NULL, "the configuration must be an object."},
};
/* clang-format on */

static void checks_its_configuration(void **state)
{
    char why[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        (void)bench_check(&http_carrier_ops, configs[i].config, configs[i].secrets, why,
                          sizeof why);
        if (strcmp(why, configs[i].why) != 0)
            fail_msg("%s: got \"%s\"", configs[i].name, why);
    }
}

/* ---- requests ---- */

static void asks_in_json(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    m.text = STR("a \"quoted\" {to}\n");
    bench_open(&b, &http_carrier_ops, JSON_CONFIG, SECRETS);
    (void)bench_submit(&b, &m, (struct bench_answer){.status = 200, .body = "{}"});
    assert_string_equal(b.asked.method, "POST");
    assert_string_equal(b.asked.url, URL "/14255550199?key=k%26y");
    check_str("body", b.asked.body,
              "{\"from\":\"14255550123\",\"to\":[\"+14255550199\"],"
              "\"text\":\"a \\\"quoted\\\" {to}\\n\",\"parts\":\"1\",\"ttl\":\"18000\",\"hook\":"
              "\"" BENCH_CALLBACK "/report?id=019ab102-0304-7005-8607-08090a0b0c0d&key=m%2F"
              "secret\"}");
    check_str("type", bench_header(&b, "content-type"), "application/json");
    check_str("key", bench_header(&b, "authorization"), "Bearer k&y");
    check_str("id", bench_header(&b, "x-ref"),
              "Outgoing_20261123150000019ab102-0304-7005-8607-08090a0b0c0d");
    bench_close(&b);
}

/* clang-format off */
static const struct { const char *name, *config; const char *url, *body, *type; } requests[] = {
    {"a form", C(",\"contentType\":\"application/x-www-form-urlencoded\",\"body\":\"To={to}&Body={text}\""),
     URL, "To=%2B14255550199&Body=%3Ca%20%26%20%22b%22%3E%01%0A", "application/x-www-form-urlencoded"},
    {"XML", C(",\"contentType\":\"application/xml\",\"body\":\"<m to='{to}'>{text}</m>\""),
     URL, "<m to='+14255550199'>&lt;a &amp; &quot;b&quot;&gt;\n</m>", "application/xml"},
    {"plain text", C(",\"contentType\":\"text/plain\",\"body\":\"{text}\""), URL, "<a & \"b\">\x01\n", "text/plain"},
    {"a query", "{\"url\":\"" URL "?t={text}&n={to}\",\"method\":\"GET\"}",
     URL "?t=%3Ca%20%26%20%22b%22%3E%01%0A&n=%2B14255550199", "", ""},
    {"braces that are text", C(",\"body\":\"{ {} {to {to}} {a-b}\""), URL, "{ {} {to +14255550199} {a-b}", "application/json"},
};
/* clang-format on */

static void asks_in_other_forms(void **state)
{
    struct carrier_message m = bench_message();

    (void)state;
    m.text = STR("<a & \"b\">\x01\n");
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct bench b;

        bench_open(&b, &http_carrier_ops, requests[i].config, NULL);
        (void)bench_submit(&b, &m, (struct bench_answer){.status = 200});
        check_str(requests[i].name, str_from(b.asked.url), requests[i].url);
        check_str(requests[i].name, b.asked.body, requests[i].body);
        check_str(requests[i].name, bench_header(&b, "content-type"), requests[i].type);
        bench_close(&b);
    }
}

/* ---- answers ---- */

#define TAKEN "{\"messages\":[{\"id\":42,\"status\":\"queued\"}]}"

/* clang-format off */
static const struct {
    const char *name, *config;
    struct bench_answer answer;
    enum carrier_outcome outcome;
    uint32_t code;
    const char *ref;
} answers[] = {
    {"takes what is accepted", JSON_CONFIG, {RC_OK, 200, TAKEN}, CARRIER_ACCEPTED, 0, "42"},
    {"rejects a success that says otherwise", JSON_CONFIG, {RC_OK, 200, "{\"messages\":[{\"status\":\"bad\"}],\"error\":{\"code\":21211}}"}, CARRIER_REJECTED, 4002, ""},
    {"rejects a success without the value", JSON_CONFIG, {RC_OK, 200, "{}"}, CARRIER_REJECTED, 5000, ""},
    {"rejects a success that is no JSON", JSON_CONFIG, {RC_OK, 200, "<html>"}, CARRIER_REJECTED, 5000, ""},
    {"takes no other success for one", JSON_CONFIG, {RC_OK, 202, TAKEN}, CARRIER_LATER, 5000, ""},
    {"comes again as configured", JSON_CONFIG, {RC_OK, 420, ""}, CARRIER_LATER, 5001, ""},
    {"rejects as configured", JSON_CONFIG, {RC_OK, 422, "{\"error\":{\"code\":\"21211\"}}"}, CARRIER_REJECTED, 4002, ""},
    {"rejects with a code that is not listed", JSON_CONFIG, {RC_OK, 422, "{\"error\":{\"code\":1}}"}, CARRIER_REJECTED, 5000, ""},
    {"takes 201 by itself", C(""), {RC_OK, 201, ""}, CARRIER_ACCEPTED, 0, ""},
    {"takes 204 by itself", C(""), {RC_OK, 204, ""}, CARRIER_ACCEPTED, 0, ""},
    {"comes again after 302", C(""), {RC_OK, 302, ""}, CARRIER_LATER, 5000, ""},
    {"comes again after 429", C(""), {RC_OK, 429, ""}, CARRIER_LATER, 5001, ""},
    {"comes again after 401", C(""), {RC_OK, 401, ""}, CARRIER_LATER, 5000, ""},
    {"rejects after 400", C(""), {RC_OK, 400, ""}, CARRIER_REJECTED, 5000, ""},
    {"is unsure after 500", C(""), {RC_OK, 500, ""}, CARRIER_UNSURE, 0, ""},
    {"finds an id in text", C(",\"accepted\":{\"id\":\"text:ID: \"}"), {RC_OK, 200, "OK ID: abc-1 x"}, CARRIER_ACCEPTED, 0, "abc-1"},
    {"finds an id that is all", C(",\"accepted\":{\"id\":\"text:\"}"), {RC_OK, 200, "abc-1\r\n"}, CARRIER_ACCEPTED, 0, "abc-1"},
    {"finds an id in a header", C(",\"accepted\":{\"id\":\"header:X-Id\"}"), {RC_OK, 200, "", "x-id: abc-1\r\n"}, CARRIER_ACCEPTED, 0, "abc-1"},
    {"finds none where there is none", C(",\"accepted\":{\"id\":\"text:ID: \"}"), {RC_OK, 200, "OK"}, CARRIER_ACCEPTED, 0, ""},
    {"comes again when nobody listens", C(""), {.rc = RC_IO}, CARRIER_LATER, 5001, ""},
    {"is unsure when it was sent and not answered", C(""), {.rc = RC_IO, .sent = true}, CARRIER_UNSURE, 5001, ""},
};
/* clang-format on */

static void reads_answers(void **state)
{
    struct carrier_message m = bench_message();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct carrier_result *r;
        struct bench b;

        bench_open(&b, &http_carrier_ops, answers[i].config, SECRETS);
        r = bench_submit(&b, &m, answers[i].answer);
        if (r->outcome != answers[i].outcome || r->code != answers[i].code)
            fail_msg("%s: outcome %d code %u", answers[i].name, (int)r->outcome, r->code);
        check_str(answers[i].name, r->n_refs ? r->refs[0] : STR_EMPTY, answers[i].ref);
        bench_close(&b);
    }
}

static void waits_as_long_as_it_is_told(void **state)
{
    static const struct {
        const char *name;
        struct bench_answer answer;
        uint64_t retry_ms;
    } cases[] = {
        {"429 with a time", {.status = 429, .headers = "retry-after: 90\r\n"}, 90000},
        {"503 with a time", {.status = 503, .headers = "retry-after: 1\r\n"}, 1000},
        {"a time beyond an hour", {.status = 503, .headers = "retry-after: 3601\r\n"}, 0},
        {"a date", {.status = 503, .headers = "retry-after: Mon, 23 Nov 2026 15:00:00 GMT\r\n"}, 0},
        {"no time", {.status = 429}, 0},
        {"no answer", {.rc = RC_IO}, 0},
    };
    struct carrier_message m = bench_message();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;

        bench_open(&b, &http_carrier_ops, C(""), NULL);
        check(cases[i].name, bench_submit(&b, &m, cases[i].answer)->retry_ms == cases[i].retry_ms);
        bench_close(&b);
    }
}

static void refuses_a_request_that_grows_too_long(void **state)
{
    struct carrier_message m = bench_message();
    char *text = calloc(1, 300 * KIB);
    struct bench b;

    (void)state;
    memset(text, 'x', 300 * KIB - 1);
    m.text = str_from(text);
    bench_open(&b, &http_carrier_ops, C(",\"body\":\"{text}\""), NULL);
    assert_int_equal(bench_submit(&b, &m, (struct bench_answer){.status = 200})->outcome,
                     CARRIER_LATER);
    assert_int_equal(b.asked_n, 0);
    bench_close(&b);
    free(text);
}

static void a_call_outlives_its_carrier(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    bench_open(&b, &http_carrier_ops, C(",\"method\":\"PUT\",\"headers\":{\"X-A\":\"b\"}"), NULL);
    (void)bench_submit(&b, &m, (struct bench_answer){.hold = true});
    b.ops->close(b.carrier);
    b.carrier = NULL;
    assert_int_equal(b.cancelled, 1);
    bench_close(&b); /* the call's end: it looks at method and headers */
    assert_int_equal(b.results, 1);
}

static void sends_nothing_without_outbound_requests(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    bench_open(&b, &http_carrier_ops, C(""), NULL);
    b.host.outbound = NULL;
    assert_int_equal(bench_submit(&b, &m, (struct bench_answer){.status = 200})->outcome,
                     CARRIER_LATER);
    bench_close(&b);
}

/* ---- callbacks ---- */

static json_t *config_of(const char *text)
{
    json_t *json = NULL;

    assert_int_equal(json_read(str_from(text), &json, NULL), RC_OK);
    return json;
}

static void reads_a_list_of_reports(void **state)
{
    json_t *config = config_of(JSON_CONFIG);
    struct bench_callback c;
    static const struct {
        const char *ref;
        bool final, delivered;
        uint32_t code;
    } expected[] = {{"a", true, true, 0},
                    {"7", true, false, 4006},
                    {"c", true, false, 4005},
                    {"d", true, false, 5000},
                    {"e", false, false, 0}};

    (void)state;
    assert_int_equal(bench_read(&c, &http_carrier_ops, config, "report", "",
                                STR("{\"results\":[{\"messageId\":\"a\",\"status\":\"DELIVERED\"},"
                                    "{\"messageId\":7,\"status\":\"EXPIRED\"},"
                                    "{\"messageId\":\"c\",\"status\":\"FAILED\",\"error\":7},"
                                    "{\"messageId\":\"d\",\"status\":\"FAILED\",\"error\":8},"
                                    "{\"messageId\":\"e\",\"status\":\"SENT\"}]}")),
                     RC_OK);
    assert_int_equal(c.cb.n_reports, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct carrier_report *r = &c.cb.reports[i];

        assert_int_equal(r->n_refs, 1);
        check_str("ref", r->refs[0], expected[i].ref);
        check(expected[i].ref, r->final == expected[i].final);
        check(expected[i].ref, r->delivered == expected[i].delivered);
        check(expected[i].ref, r->code == expected[i].code);
        check(expected[i].ref, r->secret.len == 0);
    }
    bench_callback_clear(&c);
    json_decref(config);
}

static void finds_the_message_by_our_own_address(void **state)
{
    json_t *config = config_of(
        C(",\"reports\":{\"status\":\"query:s\",\"delivered\":[\"1\"],\"failed\":[\"2\"]}"));
    struct carrier_message m = bench_message();
    struct bench_callback c;

    (void)state;
    assert_int_equal(bench_read(&c, &http_carrier_ops, config,
                                "report?id=019ab102-0304-7005-8607-08090a0b0c0d&key=m%2Fsecret&s=2",
                                "", STR_EMPTY),
                     RC_OK);
    assert_true(uuid_eq(&c.cb.reports[0].id, &m.id));
    assert_true(str_eq(c.cb.reports[0].secret, m.secret));
    assert_int_equal(c.cb.reports[0].code, 9999);
    bench_callback_clear(&c);
    json_decref(config);
}

static void reads_a_message_of_a_form(void **state)
{
    json_t *config = config_of(JSON_CONFIG);
    struct bench_callback c;

    (void)state;
    assert_int_equal(bench_read(&c, &http_carrier_ops, config, "inbound",
                                "content-type: application/x-www-form-urlencoded\n",
                                STR("From=%2B14255550199&To=12345&Body=STOP+it&Sid=SM1")),
                     RC_OK);
    assert_int_equal(c.cb.n_inbound, 1);
    check_str("from", c.cb.inbound[0].from, "+14255550199");
    check_str("to", c.cb.inbound[0].to, "12345");
    check_str("text", c.cb.inbound[0].text, "STOP it");
    check_str("ref", c.cb.inbound[0].ref, "SM1");
    assert_int_equal(c.cb.inbound[0].segments, 1);
    bench_callback_clear(&c);
    json_decref(config);
}

/* clang-format off */
static const struct { const char *name, *target; struct str body; } strangers[] = {
    {"a report that is no JSON", "report", STR_INIT("x")},
    {"a report without the list", "report", STR_INIT("{}")},
    {"a list that is none", "report", STR_INIT("{\"results\":{}}")},
    {"a report without an id", "report", STR_INIT("{\"results\":[{\"status\":\"SENT\"}]}")},
    {"a report without a status", "report", STR_INIT("{\"results\":[{\"messageId\":\"a\"}]}")},
    {"a status that is an object", "report", STR_INIT("{\"results\":[{\"messageId\":\"a\",\"status\":{}}]}")},
    {"an id without its secret", "report?id=019ab102-0304-7005-8607-08090a0b0c0d", STR_INIT("{\"results\":[{\"status\":\"SENT\"}]}")},
    {"a message from nobody", "inbound", STR_INIT("To=1&Body=x")},
    {"a message without a text", "inbound", STR_INIT("From=1&To=1")},
    {"another thing", "events", STR_INIT("{}")},
    {"nothing", "", STR_INIT("")},
};
/* clang-format on */

static void refuses_what_is_no_callback(void **state)
{
    json_t *config = config_of(JSON_CONFIG), *bare = config_of(C(""));
    struct bench_callback c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        check(strangers[i].name, bench_read(&c, &http_carrier_ops, config, strangers[i].target, "",
                                            strangers[i].body) == RC_INVALID);
        check(strangers[i].name, c.cb.n_reports == 0 && c.cb.n_inbound == 0);
        bench_callback_clear(&c);
    }
    assert_int_equal(bench_read(&c, &http_carrier_ops, bare, "report", "", STR("{}")), RC_INVALID);
    bench_callback_clear(&c);
    json_decref(config);
    json_decref(bare);
}

/* RFC 6901 §5 */
static void follows_pointers(void **state)
{
    static const struct {
        const char *pointer;
        int64_t value; /* -1: nothing */
    } cases[] = {{"/foo/0", 10}, {"/foo/2", -1}, {"/foo/-", -1}, {"/foo/01", 11},
                 {"/", 0},       {"/a~1b", 1},   {"/c%d", 2},    {"/m~0n", 8},
                 {"/m~2n", -1},  {"/m~", -1},    {"foo", -1},    {"/foo/0/1", -1}};
    json_t *json = config_of("{\"foo\":[10,11],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8}");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const json_t *at = place_find(json, str_from(cases[i].pointer));

        if ((at ? json_integer_value(at) : -1) != cases[i].value)
            fail_msg("%s", cases[i].pointer);
    }
    assert_ptr_equal(place_find(json, STR_EMPTY), json);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_its_configuration),
        cmocka_unit_test(asks_in_json),
        cmocka_unit_test(asks_in_other_forms),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(waits_as_long_as_it_is_told),
        cmocka_unit_test(refuses_a_request_that_grows_too_long),
        cmocka_unit_test(a_call_outlives_its_carrier),
        cmocka_unit_test(sends_nothing_without_outbound_requests),
        cmocka_unit_test(reads_a_list_of_reports),
        cmocka_unit_test(finds_the_message_by_our_own_address),
        cmocka_unit_test(reads_a_message_of_a_form),
        cmocka_unit_test(refuses_what_is_no_callback),
        cmocka_unit_test(follows_pointers),
    };

    return cmocka_run_group_tests_name("http_carrier", tests, NULL, NULL);
}
