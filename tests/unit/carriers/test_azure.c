/* The carrier "azure": requests signed and repeatable, answers and fates as the service tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "carrier_bench.h"
#include "carriers/azure.h"
#include "crypto/base64.h"

#define KEY     "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5"
#define SECRETS "{\"connectionString\":\"endpoint=https://Contoso.example:443/;accesskey=" KEY "\"}"
#define HOST    "contoso.example"
#define THEIRS  "Outgoing_20261123150001aaaa_noam"

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
    {"takes a connection string alone", "{}", SECRETS, ""},
    {"takes http, too", "{\"window\":1}", "{\"connectionString\":\"endpoint=http://localhost:8080;accesskey=" KEY "\"}", ""},
    {"needs a connection string", "{}", NULL, "connectionString is required, a string."},
    {"needs an endpoint", "{}", "{\"connectionString\":\"accesskey=" KEY "\"}", "connectionString must have endpoint=…;accesskey=…."},
    {"needs a key", "{}", "{\"connectionString\":\"endpoint=https://x/;accesskey=\"}", "connectionString must have endpoint=…;accesskey=…."},
    {"refuses a path", "{}", "{\"connectionString\":\"endpoint=https://x/y;accesskey=" KEY "\"}", "connectionString must name its endpoint without a path."},
    {"refuses what is no URL", "{}", "{\"connectionString\":\"endpoint=x;accesskey=" KEY "\"}", "connectionString must name its endpoint without a path."},
    {"refuses a key that is not base64", "{}", "{\"connectionString\":\"endpoint=https://x/;accesskey=???\"}", "connectionString has an access key that is not base64."},
    {"refuses what it does not know", "{\"url\":\"x\"}", SECRETS, "url is unknown."},
};
/* clang-format on */

static void checks_its_configuration(void **state)
{
    char why[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        (void)bench_check(&azure_carrier_ops, configs[i].config, configs[i].secrets, why,
                          sizeof why);
        if (strcmp(why, configs[i].why) != 0)
            fail_msg("%s: got \"%s\"", configs[i].name, why);
    }
}

static struct str base64_of(const uint8_t *digest, char *out)
{
    return str_of(out, base64_encode(digest, SHA256_LEN, out));
}

/* The signature once more, from the contract. */
static void check_signature(const struct bench *b, const char *target)
{
    struct hash_work *work = hash_work_new();
    struct mac_key *key = mac_key_new("keykeykeykeykeykeykeykey", 24);
    char hash_text[64], mac_text[64], expected[256], text[512];
    uint8_t digest[SHA256_LEN];
    struct str hash, date = bench_header(b, "x-ms-date");

    sha256(work, b->asked.body, digest);
    hash = base64_of(digest, hash_text);
    check("hash", str_eq(bench_header(b, "x-ms-content-sha256"), hash));
    (void)snprintf(text, sizeof text, "%s\n%s\n" STR_FMT ";" HOST ";" STR_FMT, b->asked.method,
                   target, STR_ARG(date), STR_ARG(hash));
    mac_sign(key, work, str_from(text), digest);
    (void)snprintf(
        expected, sizeof expected,
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" STR_FMT,
        STR_ARG(base64_of(digest, mac_text)));
    check_str("signature", bench_header(b, "authorization"), expected);
    check("a date of today", date.len == HTTP_DATE_LEN);
    mac_key_free(key);
    hash_work_free(work);
}

static const char body[] =
    "{\"from\":\"+14255550123\",\"smsRecipients\":[{\"to\":\"+14255550199\","
    "\"repeatabilityRequestId\":\"019ab102-0304-4005-8607-08090a0b0c0d\","
    "\"repeatabilityFirstSent\":\"Mon, 23 Nov 2026 15:00:00 GMT\"}],"
    "\"message\":\"Your code is 4711\",\"smsSendOptions\":{\"enableDeliveryReport\":true,"
    "\"deliveryReportTimeoutInSeconds\":18000}}";

static void asks_signed_and_the_same_each_time(void **state)
{
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    bench_open(&b, &azure_carrier_ops, "{}", SECRETS);
    for (m.attempt = 1; m.attempt <= 3; m.attempt++) {
        (void)bench_submit(&b, &m, (struct bench_answer){.status = 400});
        assert_string_equal(b.asked.method, "POST");
        assert_string_equal(b.asked.url, "https://" HOST "/sms?api-version=2026-01-23");
        check_str("body", b.asked.body, body);
        check_str("type", bench_header(&b, "content-type"), "application/json");
        check_signature(&b, "/sms?api-version=2026-01-23");
        atomic_fetch_add(&b.clock.frozen_ms, 1000);
    }
    bench_close(&b);
}

#define ITEM(rest) "{\"value\":[{\"to\":\"+14255550199\"," rest "}]}"

/* clang-format off */
static const struct {
    const char *name;
    struct bench_answer answer;
    enum carrier_outcome outcome;
    uint32_t code;
} answers[] = {
    {"takes what is accepted", {RC_OK, 202, ITEM("\"messageId\":\"" THEIRS "\",\"httpStatusCode\":202,\"repeatabilityResult\":\"accepted\",\"successful\":true")}, CARRIER_ACCEPTED, 0},
    {"rejects a recipient", {RC_OK, 202, ITEM("\"httpStatusCode\":400,\"errorMessage\":\"Invalid To phone number format.\",\"successful\":false")}, CARRIER_REJECTED, 4002},
    {"comes again when its queue is full", {RC_OK, 202, ITEM("\"httpStatusCode\":503")}, CARRIER_LATER, 5001},
    {"comes again after an item of 500", {RC_OK, 202, ITEM("\"httpStatusCode\":500")}, CARRIER_LATER, 5001},
    {"comes again without an id", {RC_OK, 202, ITEM("\"httpStatusCode\":202")}, CARRIER_LATER, 5001},
    {"comes again without an item", {RC_OK, 202, "{\"value\":[]}"}, CARRIER_LATER, 5001},
    {"comes again when it is no JSON", {RC_OK, 202, "<html>"}, CARRIER_LATER, 5001},
    {"rejects a sender that is not the resource's", {RC_OK, 401, "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"\"}}"}, CARRIER_REJECTED, 4001},
    {"comes again when the key is refused", {RC_OK, 401, "{\"error\":{\"code\":\"Denied\",\"message\":\"\"}}"}, CARRIER_LATER, 5000},
    {"comes again when nothing is said", {RC_OK, 401, ""}, CARRIER_LATER, 5000},
    {"rejects a malformed sender", {RC_OK, 400, "{\"From\":[\"Invalid From phone number format\"]}"}, CARRIER_REJECTED, 4001},
    {"rejects a malformed sender of newer versions", {RC_OK, 400, "{\"status\":400,\"errors\":{\"From\":[\"x\"]}}"}, CARRIER_REJECTED, 4001},
    {"rejects a bad request", {RC_OK, 400, "{\"Message\":[\"x\"]}"}, CARRIER_REJECTED, 5000},
    {"comes again where there is no such service", {RC_OK, 404, ""}, CARRIER_LATER, 5000},
    {"comes again when told so", {RC_OK, 429, "", "Retry-After: 7\r\n"}, CARRIER_LATER, 5001},
    {"comes again after an error", {RC_OK, 500, ""}, CARRIER_LATER, 5001},
    {"comes again though it was sent: it counts once", {.rc = RC_IO, .sent = true}, CARRIER_LATER, 5001},
    {"comes again when nobody listens", {.rc = RC_IO}, CARRIER_LATER, 5001},
};
/* clang-format on */

static void reads_answers(void **state)
{
    struct carrier_message m = bench_message();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct carrier_result *r;
        struct bench b;

        bench_open(&b, &azure_carrier_ops, "{}", SECRETS);
        r = bench_submit(&b, &m, answers[i].answer);
        if (r->outcome != answers[i].outcome || r->code != answers[i].code)
            fail_msg("%s: outcome %d code %u", answers[i].name, (int)r->outcome, r->code);
        check_str(answers[i].name, r->ref, r->outcome == CARRIER_ACCEPTED ? THEIRS : "");
        check(answers[i].name, r->n_refs == (r->outcome == CARRIER_ACCEPTED));
        check(answers[i].name, r->poll_ms == (r->outcome == CARRIER_ACCEPTED ? 1000 : 0));
        if (answers[i].answer.headers)
            check(answers[i].name, r->retry_ms == 7000);
        bench_close(&b);
    }
}

/* clang-format off */
static const struct {
    const char *name;
    struct bench_answer answer;
    enum carrier_outcome outcome;
    bool final, delivered;
    uint32_t code;
} polls[] = {
    {"delivered", {RC_OK, 200, "{\"deliveryStatus\":\"Delivered\",\"deliveryStatusDetails\":\"2000: No Error\"}"}, CARRIER_ACCEPTED, true, true, 0},
    {"failed", {RC_OK, 200, "{\"deliveryStatus\":\"Failed\",\"deliveryStatusDetails\":\"4006: not reachable\"}"}, CARRIER_ACCEPTED, true, false, 4006},
    {"failed without a word", {RC_OK, 200, "{\"deliveryStatus\":\"Failed\"}"}, CARRIER_ACCEPTED, true, false, 9999},
    {"failed with a word that is no code", {RC_OK, 200, "{\"deliveryStatus\":\"Failed\",\"deliveryStatusDetails\":\"Blocked.\"}"}, CARRIER_ACCEPTED, true, false, 9999},
    {"not yet", {RC_OK, 404, "{\"status\":404}"}, CARRIER_ACCEPTED, false, false, 0},
    {"pending", {RC_OK, 200, "{\"deliveryStatus\":\"Pending\"}"}, CARRIER_ACCEPTED, false, false, 0},
    {"no JSON", {RC_OK, 200, "<html>"}, CARRIER_ACCEPTED, false, false, 0},
    {"an error", {RC_OK, 500, ""}, CARRIER_LATER, false, false, 0},
    {"a refusal", {RC_OK, 401, ""}, CARRIER_LATER, false, false, 0},
    {"nobody there", {.rc = RC_IO}, CARRIER_LATER, false, false, 0},
};
/* clang-format on */

static void asks_for_the_fate(void **state)
{
    struct carrier_message m = bench_message();

    (void)state;
    m.ref = STR(THEIRS "/x");
    for (size_t i = 0; i < ARRAY_LEN(polls); i++) {
        const struct carrier_result *r;
        struct bench b;

        bench_open(&b, &azure_carrier_ops, "{}", SECRETS);
        r = bench_poll(&b, &m, polls[i].answer);
        check(polls[i].name, r->outcome == polls[i].outcome && uuid_eq(&r->id, &m.id));
        check(polls[i].name, b.reports == polls[i].final);
        check(polls[i].name, b.report.delivered == polls[i].delivered);
        check(polls[i].name, b.report.code == polls[i].code);
        check(polls[i].name, !b.reports || uuid_eq(&b.report.id, &m.id));
        assert_string_equal(b.asked.method, "GET");
        assert_string_equal(b.asked.url, "https://" HOST "/deliveryReports/" THEIRS
                                         "%2Fx?api-version=2026-01-23");
        check_signature(&b, "/deliveryReports/" THEIRS "%2Fx?api-version=2026-01-23");
        bench_close(&b);
    }
}

static void asks_less_often_as_time_goes_by(void **state)
{
    static const struct {
        int64_t age_ms;
        uint64_t next_ms;
    } cases[] = {{-5000, 1000}, {0, 1000},      {1000, 4000},   {1100, 3900},
                 {5000, 10000}, {15000, 45000}, {60000, 60000}, {3600000, 60000}};
    struct carrier_message m = bench_message();
    struct bench b;

    (void)state;
    m.ref = STR(THEIRS);
    bench_open(&b, &azure_carrier_ops, "{}", SECRETS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        atomic_store(&b.clock.frozen_ms, BENCH_NOW + cases[i].age_ms);
        assert_int_equal(bench_poll(&b, &m, (struct bench_answer){.status = 404})->poll_ms,
                         cases[i].next_ms);
    }
    bench_close(&b);
}

/* ---- Event Grid ---- */

#define EVENT(type, data)                                                                          \
    "{\"id\":\"1\",\"topic\":\"t\",\"subject\":\"s\",\"eventType\":\"" type "\",\"data\":" data    \
    ",\"eventTime\":\"2026-11-23T15:00:00Z\",\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\"}"
#define REPORTED "Microsoft.Communication.SMSDeliveryReportReceived"
#define RECEIVED "Microsoft.Communication.SMSReceived"

static void reads_events(void **state)
{
    struct bench_callback c;

    (void)state;
    assert_int_equal(
        bench_read(&c, &azure_carrier_ops, NULL, "events", "",
                   STR("[" EVENT(
                       REPORTED,
                       "{\"messageId\":\"" THEIRS "\",\"deliveryStatus\":"
                       "\"Failed\",\"deliveryStatusDetails\":\"4005: "
                       "x\"}") "," EVENT(RECEIVED,
                                         "{\"messageId\":"
                                         "\"in-1\",\"from\":"
                                         "\"14255550199\","
                                         "\"to\":"
                                         "\"14255550123\","
                                         "\"message\":\"hi\","
                                         "\"segmentCount\":"
                                         "2}") "," EVENT(RECEIVED,
                                                         "{\""
                                                         "mes"
                                                         "sag"
                                                         "eId"
                                                         "\":"
                                                         "\"i"
                                                         "n-"
                                                         "2\""
                                                         ",\""
                                                         "fro"
                                                         "m\""
                                                         ":\""
                                                         "142"
                                                         "555"
                                                         "501"
                                                         "99"
                                                         "\","
                                                         "\"t"
                                                         "o\""
                                                         ":"
                                                         "\"1"
                                                         "234"
                                                         "5\""
                                                         ",\""
                                                         "mes"
                                                         "sag"
                                                         "e\""
                                                         ":\""
                                                         "\""
                                                         "}") "," EVENT("Microsoft.Communication."
                                                                        "ChatMessageReceived",
                                                                        "{}") "]")),
        RC_OK);
    assert_int_equal(c.cb.n_reports, 1);
    check_str("ref", c.cb.reports[0].refs[0], THEIRS);
    assert_true(c.cb.reports[0].final && !c.cb.reports[0].delivered);
    assert_int_equal(c.cb.reports[0].code, 4005);
    assert_int_equal(c.cb.n_inbound, 2);
    check_str("from", c.cb.inbound[0].from, "+14255550199");
    check_str("to", c.cb.inbound[0].to, "+14255550123");
    check_str("text", c.cb.inbound[0].text, "hi");
    check_str("id", c.cb.inbound[0].ref, "in-1");
    assert_int_equal(c.cb.inbound[0].segments, 2);
    check_str("short code", c.cb.inbound[1].to, "12345");
    assert_int_equal(c.cb.inbound[1].segments, 1);
    check_str("no answer", c.cb.answer, "");
    bench_callback_clear(&c);
}

static void consents_to_deliveries(void **state)
{
    struct bench_callback c;

    (void)state;
    assert_int_equal(bench_read(&c, &azure_carrier_ops, NULL, "events", "",
                                STR("[" EVENT("Microsoft.EventGrid.SubscriptionValidationEvent",
                                              "{\"validationCode\":\"512d38b6\"}") "]")),
                     RC_OK);
    check_str("answer", c.cb.answer, "{\"validationResponse\":\"512d38b6\"}");
    bench_callback_clear(&c);
}

/* clang-format off */
static const struct { const char *name, *target; struct str body; } strangers[] = {
    {"no JSON", "events", STR_INIT("x")},
    {"no array", "events", STR_INIT("{}")},
    {"an empty array", "events", STR_INIT("[]")},
    {"an event that is a number", "events", STR_INIT("[1]")},
    {"an event without a type", "events", STR_INIT("[{\"data\":{}}]")},
    {"an event without data", "events", STR_INIT("[{\"eventType\":\"" RECEIVED "\"}]")},
    {"a report without an id", "events", STR_INIT("[" EVENT(REPORTED, "{}") "]")},
    {"a message from nobody", "events", STR_INIT("[" EVENT(RECEIVED, "{\"to\":\"12345\"}") "]")},
    {"a question without a code", "events", STR_INIT("[" EVENT("Microsoft.EventGrid.SubscriptionValidationEvent", "{}") "]")},
    {"another thing", "report", STR_INIT("[" EVENT(RECEIVED, "{}") "]")},
};
/* clang-format on */

static void refuses_what_is_no_event(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        struct bench_callback c;

        check(strangers[i].name, bench_read(&c, &azure_carrier_ops, NULL, strangers[i].target, "",
                                            strangers[i].body) == RC_INVALID);
        bench_callback_clear(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_its_configuration),
        cmocka_unit_test(asks_signed_and_the_same_each_time),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(asks_for_the_fate),
        cmocka_unit_test(asks_less_often_as_time_goes_by),
        cmocka_unit_test(reads_events),
        cmocka_unit_test(consents_to_deliveries),
        cmocka_unit_test(refuses_what_is_no_event),
    };

    return cmocka_run_group_tests_name("azure", tests, NULL, NULL);
}
