/* The carrier "kannel": what it asks of an smsbox, what it makes of answers and callbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "carrier_bench.h"

#define URL     "http://127.0.0.1:13013/cgi-bin/sendsms"
#define CONFIG  "{\"url\":\"" URL "\",\"username\":\"tester\"}"
#define SECRETS "{\"password\":\"pass word\"}"
#define REPORT_URL                                                                                 \
    BENCH_CALLBACK "/report?id=019ab102-0304-7005-8607-08090a0b0c0d&key=m%%2Fsecret"               \
                   "&type=%d&answer=%A"

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

/* clang-format off */
static const struct { const char *name, *config, *secrets, *why; } configs[] = {
    {"takes what it needs and no more", CONFIG, SECRETS, ""},
    {"takes all there is",
     "{\"url\":\"" URL "\",\"username\":\"u\",\"smsc\":\"a\",\"method\":\"GET\",\"window\":100,"
     "\"timeoutSeconds\":5,\"plainPrivate\":true}", SECRETS, ""},
    {"needs a URL", "{\"username\":\"u\"}", SECRETS, "url is required."},
    {"needs a URL that can be asked", "{\"url\":\"ftp://x/\",\"username\":\"u\"}", SECRETS,
     "url must be http://… or https://…, without login and fragment."},
    {"needs a URL without a query", "{\"url\":\"" URL "?x=1\",\"username\":\"u\"}", SECRETS,
     "url must have no query."},
    {"needs a password", CONFIG, NULL, "password is required, a string."},
    {"refuses an empty password", CONFIG, "{\"password\":\"\"}", "password is required, a string."},
    {"refuses a password that is a number", CONFIG, "{\"password\":1}",
     "password is required, a string."},
    {"refuses a password with a line end", CONFIG, "{\"password\":\"a\\r\\nb\"}",
     "password must be at most 1024 printable ASCII characters."},
    {"refuses a user with a line end", "{\"url\":\"" URL "\",\"username\":\"a\\nb\"}", SECRETS,
     "username or smsc must be printable ASCII."},
    {"refuses another method", "{\"url\":\"" URL "\",\"username\":\"u\",\"method\":\"PUT\"}",
     SECRETS, "method must be POST or GET."},
    {"refuses a window beyond its limit", "{\"url\":\"" URL "\",\"username\":\"u\",\"window\":101}",
     SECRETS, "window is out of range."},
    {"refuses what it does not know", "{\"url\":\"" URL "\",\"username\":\"u\",\"windows\":1}",
     SECRETS, "windows is unknown. Did you mean window?"},
    {"refuses what is no object", "[]", SECRETS, "the configuration must be an object."},
};
/* clang-format on */

static void checks_its_configuration(void **state)
{
    char why[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        (void)bench_check(&kannel_carrier_ops, configs[i].config, configs[i].secrets, why,
                          sizeof why);
        if (strcmp(why, configs[i].why) != 0)
            fail_msg("%s: got \"%s\"", configs[i].name, why);
    }
}

static void asks_by_post_with_headers(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    bench_open(&b, &kannel_carrier_ops, CONFIG, SECRETS);
    (void)bench_submit(&b, &m, (struct bench_answer){.status = 202});
    assert_string_equal(b.asked.method, "POST");
    assert_string_equal(b.asked.url, URL);
    check_str("text", b.asked.body, "Your code is 4711");
    check_str("type", bench_header(&b, "content-type"), "text/plain; charset=UTF-8");
    check_str("user", bench_header(&b, "x-kannel-username"), "tester");
    check_str("password", bench_header(&b, "x-kannel-password"), "pass word");
    check_str("from", bench_header(&b, "x-kannel-from"), "+14255550123");
    check_str("to", bench_header(&b, "x-kannel-to"), "+14255550199");
    check_str("coding", bench_header(&b, "x-kannel-coding"), "0");
    check_str("mask", bench_header(&b, "x-kannel-dlr-mask"), "31");
    check_str("report", bench_header(&b, "x-kannel-dlr-url"), REPORT_URL);
    check_str("validity", bench_header(&b, "x-kannel-validity"), "300");
    check_str("no smsc", bench_header(&b, "x-kannel-smsc"), "");
    check("bounded", b.asked.total_ms == 30000 && b.asked.response_max <= 64 * KIB);
    check("only loopback in plain HTTP", b.asked.plain_ok && !b.asked.plain_private);
    bench_close(&b);
}

static void asks_by_get_with_a_query(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    m.ucs2 = true;
    m.text = STR("Gr\xc3\xbc\xc3\x9f"
                 "e & mehr");
    m.deadline = BENCH_NOW + 1;
    bench_open(&b, &kannel_carrier_ops,
               "{\"url\":\"" URL "\",\"username\":\"u\",\"smsc\":\"a b\",\"method\":\"GET\","
               "\"plainPrivate\":true}",
               SECRETS);
    (void)bench_submit(&b, &m, (struct bench_answer){.status = 202});
    assert_string_equal(b.asked.method, "GET");
    assert_string_equal(b.asked.url,
                        URL "?charset=UTF-8&username=u&password=pass%20word&from=%2B14255550123"
                            "&to=%2B14255550199&coding=2&validity=1&smsc=a%20b&dlr-mask=31"
                            "&dlr-url=http%3A%2F%2F127.0.0.1%3A8080%2Fcarriers%2Fout%2FS3cret%2F"
                            "report%3Fid%3D019ab102-0304-7005-8607-08090a0b0c0d%26key%3Dm%25%252F"
                            "secret%26type%3D%25d%26answer%3D%25A"
                            "&text=Gr%C3%BC%C3%9Fe%20%26%20mehr");
    check("plain HTTP to a private address, as told", b.asked.plain_private);
    check("no body", b.asked.body.len == 0);
    bench_close(&b);
}

static void asks_for_no_report_where_none_can_come(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    bench_open(&b, &kannel_carrier_ops, CONFIG, SECRETS);
    b.host.callback_url = STR_EMPTY;
    (void)bench_submit(&b, &m, (struct bench_answer){.status = 202});
    check_str("mask", bench_header(&b, "x-kannel-dlr-mask"), "");
    check_str("url", bench_header(&b, "x-kannel-dlr-url"), "");
    bench_close(&b);
}

/* clang-format off */
static const struct {
    const char *name;
    struct bench_answer answer;
    enum carrier_outcome outcome;
    uint32_t code;
    bool pauses;
} answers[] = {
    {"takes what is accepted", {RC_OK, 202, "0: Accepted for delivery"}, CARRIER_ACCEPTED, 0, false},
    {"takes what is queued", {RC_OK, 202, "3: Queued for later delivery"}, CARRIER_ACCEPTED, 0, false},
    {"comes again when told so", {RC_OK, 503, "Temporal failure, try again later."}, CARRIER_LATER, 5001, true},
    {"comes again when the user is refused", {RC_OK, 403, "Authorization failed for sendsms"}, CARRIER_LATER, 5000, true},
    {"rejects for want of a route", {RC_OK, 403, "Not routable. Do not try again."}, CARRIER_REJECTED, 4003, false},
    {"rejects what lists deny", {RC_OK, 403, "Number(s) has/have been denied by white- and/or black-lists."}, CARRIER_REJECTED, 4003, false},
    {"rejects what else is forbidden", {RC_OK, 403, "no"}, CARRIER_REJECTED, 5000, false},
    {"rejects a missing receiver", {RC_OK, 400, "Missing receiver number, rejected"}, CARRIER_REJECTED, 4002, false},
    {"rejects a missing sender", {RC_OK, 400, "Sender missing and no global set, rejected"}, CARRIER_REJECTED, 4001, false},
    {"rejects a bad request", {RC_OK, 400, "Empty text, rejected"}, CARRIER_REJECTED, 5000, false},
    {"is unsure after an error of a server", {RC_OK, 502, "bad gateway"}, CARRIER_UNSURE, 0, false},
    {"takes a success of somebody else for a wrong URL", {RC_OK, 200, "<html>"}, CARRIER_LATER, 5000, true},
    {"takes no such page for a wrong URL", {RC_OK, 404, ""}, CARRIER_LATER, 5000, true},
    {"comes again when nobody listens", {.rc = RC_IO}, CARRIER_LATER, 5001, true},
    {"comes again when a rule forbids the address", {.rc = RC_DENIED}, CARRIER_LATER, 5001, true},
    {"comes again when it is led elsewhere", {.rc = RC_DENIED, .sent = true, .status = 302}, CARRIER_LATER, 5001, true},
    {"is unsure when it was sent and not answered", {.rc = RC_IO, .sent = true}, CARRIER_UNSURE, 5001, true},
    {"is unsure when the answer is endless", {.rc = RC_TOO_LARGE, .sent = true}, CARRIER_UNSURE, 5001, true},
};
/* clang-format on */

static void reads_answers(void **state)
{
    struct carrier_message m = bench_message();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct carrier_result *r;
        struct bench b;

        bench_open(&b, &kannel_carrier_ops, CONFIG, SECRETS);
        r = bench_submit(&b, &m, answers[i].answer);
        if (r->outcome != answers[i].outcome || (r->code != answers[i].code))
            fail_msg("%s: outcome %d code %u", answers[i].name, (int)r->outcome, r->code);
        check(answers[i].name, uuid_eq(&r->id, &m.id) && r->n_refs == 0 && !r->ref.len);
        check(answers[i].name, r->detail && r->detail[0]);
        check(answers[i].name, r->retry_ms == 0); /* nothing is asked for */
        check(answers[i].name, (b.ops->room(b.carrier) == 0) == answers[i].pauses);
        bench_close(&b);
    }
}

static void leaves_a_failing_gateway_alone_longer_each_time(void **state)
{
    struct carrier_message m = bench_message();
    const struct bench_answer dead = {.rc = RC_IO};
    struct bench b;

    (void)state;
    bench_open(&b, &kannel_carrier_ops, CONFIG, SECRETS);
    for (unsigned failures = 1; failures <= 2; failures++) {
        mono_ns start = clock_mono();

        assert_int_equal(bench_submit(&b, &m, dead)->outcome, CARRIER_LATER);
        assert_int_equal(b.ops->room(b.carrier), 0);
        while (b.readies < failures)
            loop_run(b.loop);
        assert_int_equal(b.ops->room(b.carrier), 10);
        assert_true(clock_mono() - start >= failures * (mono_ns)990000000);
    }
    bench_close(&b);
}

static void keeps_within_its_window(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    bench_open(&b, &kannel_carrier_ops, CONFIG, SECRETS);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(b.ops->room(b.carrier), 10 - i);
        (void)bench_submit(&b, &m, (struct bench_answer){.hold = true});
    }
    assert_int_equal(b.ops->room(b.carrier), 0);
    assert_int_equal(b.results, 0);
    b.ops->close(b.carrier);
    b.carrier = NULL;
    assert_int_equal(b.results, 10);
    assert_int_equal(b.result.outcome, CARRIER_UNSURE);
    assert_int_equal(b.cancelled, 10);
    bench_close(&b);
    assert_int_equal(b.results, 10);
}

static void says_when_there_is_room_again(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    bench_open(&b, &kannel_carrier_ops, "{\"url\":\"" URL "\",\"username\":\"u\",\"window\":1}",
               SECRETS);
    (void)bench_submit(&b, &m, (struct bench_answer){.status = 202});
    assert_int_equal(b.readies, 1);
    assert_int_equal(b.ops->room(b.carrier), 1);
    bench_close(&b);
}

static void tells_how_it_is(void **state)
{
    struct carrier_message m = bench_message();
    struct json_writer w;
    struct buf out;
    struct bench b;

    (void)state;
    bench_open(&b, &kannel_carrier_ops, CONFIG, SECRETS);
    (void)bench_submit(&b, &m, (struct bench_answer){.status = 202});
    (void)bench_submit(&b, &m, (struct bench_answer){.status = 400});
    (void)bench_submit(&b, &m,
                       (struct bench_answer){.status = 403, .body = "Authorization failed"});
    buf_init(&out, KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    b.ops->status(b.carrier, &w);
    json_object_end(&w);
    check_str("status", buf_str(&out),
              "{\"state\":\"failing\",\"problem\":\"Kannel refuses our user or password\","
              "\"callbackUrl\":\"" BENCH_CALLBACK "\","
              "\"accepted\":1,\"rejected\":1,\"later\":1,\"unsure\":0}");
    buf_clear(&out);
    bench_close(&b);
}

/* ---- callbacks ---- */

#define FROM_US "report?id=019ab102-0304-7005-8607-08090a0b0c0d&key=m%2Fsecret&"

/* clang-format off */
static const struct {
    const char *name, *target;
    bool final, delivered;
    uint32_t code;
} reports[] = {
    {"submitted is not the end", FROM_US "type=8&answer=ACK%2F", false, false, 0},
    {"buffered is not the end", FROM_US "type=4&answer=", false, false, 0},
    {"delivered", FROM_US "type=1&answer=id%3A5+stat%3ADELIVRD+err%3A000", true, true, 0},
    {"delivered without the SMSC's words", FROM_US "type=1", true, true, 0},
    {"undeliverable", FROM_US "type=2&answer=id:5%20stat:UNDELIV%20err:069%20text:Your", true, false, 4006},
    {"expired", FROM_US "type=2&answer=stat:EXPIRED", true, false, 4006},
    {"rejected by the network", FROM_US "type=2&answer=stat:REJECTD%20err:1", true, false, 4005},
    {"deleted", FROM_US "type=2&answer=stat:DELETED", true, false, 5000},
    {"unknown", FROM_US "type=2&answer=stat:UNKNOWN", true, false, 9999},
    {"failed without a reason", FROM_US "type=2", true, false, 9999},
    {"refused for the recipient", FROM_US "type=16&answer=NACK%2F0x0000000b%2FInvalid%20Destination%20Address", true, false, 4002},
    {"refused for the sender", FROM_US "type=16&answer=NACK/0x0000000A/Invalid", true, false, 4001},
    {"refused for the sender in decimals", FROM_US "type=16&answer=NACK/10/Invalid", true, false, 4001},
    {"throttled", FROM_US "type=16&answer=NACK/0x00000058/Throttling", true, false, 5001},
    {"a queue that is full", FROM_US "type=16&answer=NACK/0x00000014/Full", true, false, 5001},
    {"tried often enough", FROM_US "type=16&answer=NACK/Retries+Exceeded", true, false, 5001},
    {"refused for another reason", FROM_US "type=16&answer=NACK/0x00000045/Submit%20failed", true, false, 5000},
    {"refused without a reason", FROM_US "type=16", true, false, 5000},
    {"refused with a number that is none", FROM_US "type=16&answer=NACK/0xzz/", true, false, 5000},
};
static const struct { const char *name, *target; } no_reports[] = {
    {"no type", FROM_US}, {"an empty type", FROM_US "type="}, {"a type that is a word", FROM_US "type=x"},
    {"an escape that was not filled", FROM_US "type=%25d"}, {"a type of nothing", FROM_US "type=0"},
    {"a sum of types", FROM_US "type=3"}, {"a type beyond all", FROM_US "type=32"},
    {"no id", "report?key=x&type=1"}, {"no secret", "report?id=019ab102-0304-7005-8607-08090a0b0c0d&type=1"},
    {"an id that is none", "report?id=019ab102&key=x&type=1"}, {"nothing", "report"},
    {"another thing", "reports?type=1"}, {"an inbound message of nobody", "inbound?to=12345"},
    {"an inbound message to nobody", "inbound?from=%2B14255550199"}, {"an inbound message of nothing", "inbound"},
};
/* clang-format on */

static void reads_reports(void **state)
{
    struct carrier_message m = bench_message();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        struct bench_callback c;
        const struct carrier_report *r;

        check(reports[i].name,
              bench_read(&c, &kannel_carrier_ops, NULL, reports[i].target, "", STR_EMPTY) == RC_OK);
        check(reports[i].name, c.cb.n_reports == 1 && c.cb.n_inbound == 0);
        r = &c.cb.reports[0];
        check(reports[i].name, r->final == reports[i].final);
        check(reports[i].name, r->delivered == reports[i].delivered);
        if (r->code != reports[i].code)
            fail_msg("%s: code %u", reports[i].name, r->code);
        check(reports[i].name, uuid_eq(&r->id, &m.id) && str_eq(r->secret, m.secret));
        check(reports[i].name, r->detail && !strstr(r->detail, "Your"));
        bench_callback_clear(&c);
    }
}

static void refuses_what_is_no_callback(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_reports); i++) {
        struct bench_callback c;

        check(no_reports[i].name, bench_read(&c, &kannel_carrier_ops, NULL, no_reports[i].target,
                                             "", STR_EMPTY) == RC_INVALID);
        check(no_reports[i].name, c.cb.n_reports == 0 && c.cb.n_inbound == 0);
        bench_callback_clear(&c);
    }
}

/* clang-format off */
static const struct {
    const char *name, *target, *headers;
    struct str body;
    const char *from, *to, *text, *ref;
    uint32_t segments;
} inbound[] = {
    {"by post-url with our query", "inbound?from=%2B14255550199&to=12345&id=ab-1", "Content-Type: text/plain\n",
     STR_INIT("STOP"), "+14255550199", "12345", "STOP", "ab-1", 1},
    {"by post-url with Kannel's headers", "inbound", "X-Kannel-From: 14255550199\nX-Kannel-To: 14255550123\n",
     STR_INIT("hi"), "+14255550199", "+14255550123", "hi", "", 1},
    {"by get-url", "inbound?from=0014255550199&to=14255550123&text=a+b%21", "", STR_INIT(""),
     "+14255550199", "+14255550123", "a b!", "", 1},
    {"with an empty text", "inbound?from=14255550199&to=12345&text=", "", STR_INIT("body"),
     "+14255550199", "12345", "", "", 1},
    {"a plus that became a blank", "inbound?from=+14255550199&to=12345", "", STR_INIT("x"),
     "+14255550199", "12345", "x", "", 1},
    {"from a name", "inbound?from=Contoso&to=12345", "", STR_INIT("x"), "Contoso", "12345", "x", "", 1},
    {"in UTF-8", "inbound?from=14255550199&to=12345", "Content-Type: text/plain; charset=UTF-8\n",
     STR_INIT("\xd0\x96"), "+14255550199", "12345", "\xd0\x96", "", 1},
    {"in UTF-16", "inbound?from=14255550199&to=12345", "Content-Type: text/plain; charset=\"UTF-16BE\"\n",
     STR_INIT("\x04\x16\x00!"), "+14255550199", "12345", "\xd0\x96!", "", 1},
    {"in Latin-1", "inbound?from=14255550199&to=12345", "Content-Type: text/plain; charset=ISO-8859-1\n",
     STR_INIT("\xfc"), "+14255550199", "12345", "\xc3\xbc", "", 1},
    {"in Latin-1 that does not say so", "inbound?from=14255550199&to=12345", "", STR_INIT("\xfc"),
     "+14255550199", "12345", "\xc3\xbc", "", 1},
};
/* clang-format on */

static void reads_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(inbound); i++) {
        struct bench_callback c;
        const struct carrier_inbound *m;

        check(inbound[i].name, bench_read(&c, &kannel_carrier_ops, NULL, inbound[i].target,
                                          inbound[i].headers, inbound[i].body) == RC_OK);
        check(inbound[i].name, c.cb.n_inbound == 1 && c.cb.n_reports == 0);
        m = &c.cb.inbound[0];
        check_str(inbound[i].name, m->from, inbound[i].from);
        check_str(inbound[i].name, m->to, inbound[i].to);
        check_str(inbound[i].name, m->text, inbound[i].text);
        check_str(inbound[i].name, m->ref, inbound[i].ref);
        check(inbound[i].name, m->segments == inbound[i].segments);
        bench_callback_clear(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_its_configuration),
        cmocka_unit_test(asks_by_post_with_headers),
        cmocka_unit_test(asks_by_get_with_a_query),
        cmocka_unit_test(asks_for_no_report_where_none_can_come),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(leaves_a_failing_gateway_alone_longer_each_time),
        cmocka_unit_test(keeps_within_its_window),
        cmocka_unit_test(says_when_there_is_room_again),
        cmocka_unit_test(tells_how_it_is),
        cmocka_unit_test(reads_reports),
        cmocka_unit_test(refuses_what_is_no_callback),
        cmocka_unit_test(reads_messages),
    };

    return cmocka_run_group_tests_name("kannel", tests, NULL, NULL);
}
