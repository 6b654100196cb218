/* Bodies octet by octet: both envelopes, alone and together, and dead letters. */
#include "unit/base/unit.h"

#include "events/envelope.h"

#define TOPIC                                                                                      \
    "/subscriptions/0a/resourceGroups/g/providers/Microsoft.Communication/CommunicationServices/r"

static const struct event_row one = {
    .state = EVENT_PENDING,
    .event_id = STR_INIT("Incoming_1"),
    .type = STR_INIT("Microsoft.Communication.SMSReceived"),
    .subject = STR_INIT("/phonenumber/14255550123"),
    .data = STR_INIT("{\"message\":\"h\\u00e9\"}"),
    .time = 1600388525285,
    .published = 1600388526000,
};

#define GRID                                                                                       \
    "{\"id\":\"Incoming_1\",\"topic\":\"" TOPIC                                                    \
    "\",\"subject\":\"/phonenumber/14255550123\",\"data\":{\"message\":\"h\\u00e9\"},"             \
    "\"eventType\":\"Microsoft.Communication.SMSReceived\",\"dataVersion\":\"1.0\","               \
    "\"metadataVersion\":\"1\",\"eventTime\":\"2020-09-18T00:22:05Z\""
#define CLOUD                                                                                      \
    "{\"id\":\"Incoming_1\",\"source\":\"" TOPIC                                                   \
    "\",\"subject\":\"/phonenumber/14255550123\",\"data\":{\"message\":\"h\\u00e9\"},"             \
    "\"type\":\"Microsoft.Communication.SMSReceived\",\"time\":\"2020-09-18T00:22:05.2850000Z\","  \
    "\"specversion\":\"1.0\""

static const struct {
    const char *name;
    enum event_schema schema;
    bool batched;
    size_t n;
    const char *body, *type;
} cases[] = {
    {"Event Grid sends an array even for one", SCHEMA_EVENT_GRID, false, 1, "[" GRID "}]",
     "application/json; charset=utf-8"},
    {"Event Grid batches", SCHEMA_EVENT_GRID, true, 2, "[" GRID "}," GRID "}]",
     "application/json; charset=utf-8"},
    {"CloudEvents sends an object", SCHEMA_CLOUD_EVENTS, false, 1, CLOUD "}",
     "application/cloudevents+json; charset=utf-8"},
    {"CloudEvents sends an array of one when batching is on", SCHEMA_CLOUD_EVENTS, true, 1,
     "[" CLOUD "}]", "application/cloudevents-batch+json; charset=utf-8"},
    {"CloudEvents batches", SCHEMA_CLOUD_EVENTS, true, 2, "[" CLOUD "}," CLOUD "}]",
     "application/cloudevents-batch+json; charset=utf-8"},
};

static void writes_bodies(void **state)
{
    const struct event_row *rows[] = {&one, &one};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct envelope e = {cases[i].schema, cases[i].batched, STR(TOPIC)};
        struct buf out;

        buf_init(&out, 64 * KIB);
        envelope_body(&out, &e, rows, cases[i].n);
        check_str(cases[i].name, buf_str(&out), str_from(cases[i].body));
        check_str(cases[i].name, envelope_content_type(cases[i].schema, cases[i].batched),
                  str_from(cases[i].type));
        check(cases[i].name,
              out.len <= cases[i].n * (envelope_size(&one) + sizeof TOPIC) + sizeof "[]");
        buf_clear(&out);
    }
}

static void writes_dead_letters(void **state)
{
    struct event_row row = one;
    struct json_writer w;
    struct buf out;

    (void)state;
    row.attempts = 3;
    row.outcome = STR("NotFound MaxDeliveryAttemptsExceeded");
    row.last_attempt = 1600388999001;
    buf_init(&out, 64 * KIB);
    json_writer_init(&w, &out);
    envelope_write_dead(&w, SCHEMA_EVENT_GRID, STR(TOPIC), &row);
    check_str("Event Grid", buf_str(&out),
              STR(GRID ",\"deadLetterReason\":\"MaxDeliveryAttemptsExceeded\","
                       "\"deliveryAttempts\":3,\"lastDeliveryOutcome\":\"NotFound\","
                       "\"publishTime\":\"2020-09-18T00:22:06.000Z\","
                       "\"lastDeliveryAttemptTime\":\"2020-09-18T00:29:59.001Z\"}"));
    buf_reset(&out);
    json_writer_init(&w, &out);
    row.last_attempt = 0;
    envelope_write_dead(&w, SCHEMA_CLOUD_EVENTS, STR(TOPIC), &row);
    check_str("CloudEvents", buf_str(&out),
              STR(CLOUD ",\"deadletterreason\":\"MaxDeliveryAttemptsExceeded\","
                        "\"deliveryattempts\":3,\"lastdeliveryoutcome\":\"NotFound\","
                        "\"publishtime\":\"2020-09-18T00:22:06.000Z\","
                        "\"lastdeliveryattempttime\":null}"));
    buf_clear(&out);
}

static void writes_times_of_other_services_with_seven_digits(void **state)
{
    struct event_row row = one;
    struct json_writer w;
    struct buf out;

    (void)state;
    row.type = STR("Microsoft.Communication.ChatMessageReceived");
    buf_init(&out, 64 * KIB);
    json_writer_init(&w, &out);
    envelope_write(&w, SCHEMA_EVENT_GRID, STR(TOPIC), &row);
    check("Event Grid",
          str_ends(buf_str(&out), STR("\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\","
                                      "\"eventTime\":\"2020-09-18T00:22:05.2850000Z\"}")));
    buf_clear(&out);
}

static void takes_outcomes_apart(void **state)
{
    struct str last, reason;

    (void)state;
    outcome_split(STR("NotFound"), &last, &reason);
    check_str("alone", last, STR("NotFound"));
    check_str("alone", reason, STR(""));
    outcome_split(STR("Busy TimeToLiveExceeded"), &last, &reason);
    check_str("two", last, STR("Busy"));
    check_str("two", reason, STR("TimeToLiveExceeded"));
    outcome_split(STR_EMPTY, &last, &reason);
    assert_true(last.len == 0 && reason.len == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_bodies),
        cmocka_unit_test(writes_dead_letters),
        cmocka_unit_test(writes_times_of_other_services_with_seven_digits),
        cmocka_unit_test(takes_outcomes_apart),
    };

    return cmocka_run_group_tests_name("events_envelope", tests, NULL, NULL);
}
