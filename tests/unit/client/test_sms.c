/* The SMS calls of the library: what is sent, what is read, what is told. */
#include "script.h"

static const char *const two[] = {"+14255550123", "+1425"};
static const struct cg_sms_message message = {.from = "+18005550100",
                                              .to = two,
                                              .to_count = 2,
                                              .text = "caf\xc3\xa9 \"1\"",
                                              .delivery_report = 1,
                                              .tag = "t-1",
                                              .report_timeout_s = 60};

#define ACCEPTED                                                                                   \
    "{\"value\":[{\"to\":\"+14255550123\",\"messageId\":\"Outgoing_1\",\"httpStatusCode\":202,"    \
    "\"repeatabilityResult\":\"accepted\",\"successful\":true},{\"to\":\"+1425\","                 \
    "\"httpStatusCode\":400,\"errorMessage\":\"Invalid To phone number format.\","                 \
    "\"successful\":false}]}"

/* Every id in the body, one after another: 36 characters each. */
static size_t ids_of(const char *body, char out[4][37])
{
    static const char name[] = "\"repeatabilityRequestId\":\"";
    size_t n = 0;

    for (const char *at = strstr(body, name); at && n < 4; at = strstr(at + 1, name))
        (void)snprintf(out[n++], sizeof out[0], "%.36s", at + sizeof name - 1);
    return n;
}

static void sends_to_each_with_an_id_and_reads_each_result(void **state)
{
    struct script s = {.answers = {{202, NULL, NULL, ACCEPTED}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_sms_results r = {0};
    char ids[4][37];

    (void)state;
    assert_int_equal(cg_sms_send(c, &message, &r, NULL), CG_OK);
    assert_string_equal(s.method, "POST");
    assert_string_equal(s.url, "https://localhost:8443/sms?api-version=2026-01-23");
    assert_non_null(strstr(s.body, "{\"from\":\"+18005550100\",\"smsRecipients\":[{\"to\":"));
    assert_non_null(strstr(s.body,
                           " GMT\"}],\"message\":\"caf\xc3\xa9 \\\"1\\\"\",\"smsSendOptions\":"
                           "{\"enableDeliveryReport\":true,\"tag\":\"t-1\","
                           "\"deliveryReportTimeoutInSeconds\":60}}"));
    assert_int_equal(ids_of(s.body, ids), 2);
    assert_string_not_equal(ids[0], ids[1]);
    assert_int_equal(r.count, 2);
    assert_string_equal(r.items[0].message_id, "Outgoing_1");
    assert_string_equal(r.items[0].repeatability, "accepted");
    assert_int_equal(r.items[0].successful, 1);
    assert_null(r.items[0].error_message);
    assert_null(r.items[1].message_id);
    assert_int_equal(r.items[1].successful, 0);
    assert_int_equal(r.items[1].http_status, 400);
    assert_string_equal(r.items[1].error_message, "Invalid To phone number format.");
    cg_sms_results_clear(&r);
    cg_client_free(c);
}

static void repeats_what_was_lost_with_the_same_ids(void **state)
{
    struct script s = {.answers = {{0, NULL, NULL, NULL}, {202, NULL, NULL, ACCEPTED}},
                       .connected = true};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_sms_results r = {0};
    char first[4][37], second[4][37];

    (void)state;
    assert_int_equal(cg_sms_send(c, &message, &r, NULL), CG_OK);
    assert_int_equal(s.sent, 2);
    assert_int_equal(ids_of(s.bodies[0], first), 2);
    assert_int_equal(ids_of(s.bodies[1], second), 2);
    assert_string_equal(first[0], second[0]);
    assert_string_equal(first[1], second[1]);
    cg_sms_results_clear(&r);
    cg_client_free(c);
}

static void leaves_out_options_that_are_not_set(void **state)
{
    struct script s = {.answers = {{202, NULL, NULL, ACCEPTED}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_sms_message plain = {.from = "Contoso", .to = two, .to_count = 2, .text = ""};
    struct cg_sms_results r = {0};

    (void)state;
    assert_int_equal(cg_sms_send(c, &plain, &r, NULL), CG_OK);
    assert_non_null(
        strstr(s.body, "\"message\":\"\",\"smsSendOptions\":{\"enableDeliveryReport\":false}}"));
    cg_sms_results_clear(&r);
    cg_client_free(c);
}

static void tells_which_member_was_refused(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *body, *code, *message;
    } cases[] = {
        {"problem details name the member", 400,
         "{\"type\":\"t\",\"title\":\"One or more validation errors occurred.\",\"status\":400,"
         "\"errors\":{\"From\":[\"Invalid From phone number format\"]},\"traceId\":\"00-1\"}",
         "From", "Invalid From phone number format"},
        {"a bare dictionary does, too", 400, "{\"Message\":[\"too long\",\"x\"]}", "Message",
         "too long"},
        {"a code and a message", 401,
         "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"not a sender\"}}", "Unauthorized",
         "not a sender"},
        {"problem details without members", 404,
         "{\"type\":\"t\",\"title\":\"Not Found\",\"status\":404,\"traceId\":\"00-1\"}", "",
         "Not Found"},
        {"what is no JSON leaves the status", 400, "<html>", "", "the server answered 400"},
        {"nor does an empty list say anything", 400, "{\"From\":[],\"To\":\"x\"}", "",
         "the server answered 400"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct script s = {.answers = {{cases[i].status, NULL, NULL, cases[i].body}}};
        struct cg_transport t = transport_of(&s);
        struct cg_client *c = client_of(&t);
        struct cg_sms_results r = {0};
        struct cg_error err = {0};

        print_message("%s\n", cases[i].name);
        assert_int_not_equal(cg_sms_send(c, &message, &r, &err), CG_OK);
        assert_int_equal(err.http_status, cases[i].status);
        assert_string_equal(err.code, cases[i].code);
        assert_string_equal(err.message, cases[i].message);
        assert_null(r.items);
        cg_client_free(c);
    }
}

static void says_when_results_make_no_sense(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"value\":[]}",
        "{\"value\":[{\"to\":\"+1\",\"httpStatusCode\":400}]}",
        "{\"value\":[{\"to\":\"+1\",\"httpStatusCode\":202,\"successful\":true},{}]}",
        "{\"value\":[{\"httpStatusCode\":400},{\"to\":\"x\",\"httpStatusCode\":400}]}",
        "{\"value\":[{\"to\":\"x\",\"httpStatusCode\":-1},{\"to\":\"x\",\"httpStatusCode\":400}]}",
        "[1,2]",
    };
    struct cg_error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct script s = {.answers = {{202, NULL, NULL, bodies[i]}}};
        struct cg_transport t = transport_of(&s);
        struct cg_client *c = client_of(&t);
        struct cg_sms_results r = {0};

        assert_int_equal(cg_sms_send(c, &message, &r, &err), CG_PROTOCOL);
        assert_null(r.items);
        cg_client_free(c);
    }
}

static void refuses_before_sending(void **state)
{
    static const char *const hole[] = {"+14255550123", NULL};
    static const struct cg_sms_message bad[] = {
        {.to = two, .to_count = 2, .text = "x"},
        {.from = "", .to = two, .to_count = 2, .text = "x"},
        {.from = "+1", .to_count = 2, .text = "x"},
        {.from = "+1", .to = two, .text = "x"},
        {.from = "+1", .to = two, .to_count = 2},
        {.from = "+1", .to = hole, .to_count = 2, .text = "x"},
        {.from = "+1", .to = two, .to_count = 2, .text = "caf\xe9"},
        {.from = "+1", .to = two, .to_count = 2, .text = "x", .tag = "\xff"},
    };
    struct script s = {.sent = 0};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    char text[70000] = "";
    const struct cg_sms_message large = {.from = "+1", .to = two, .to_count = 2, .text = text};
    struct cg_sms_recipients nobody = {"+1", two, 0}, all = {"+1", two, 2};
    struct cg_sms_results r = {0};
    struct cg_sms_optouts o = {0};
    struct cg_sms_report report = {0};
    struct cg_error err = {0};

    (void)state;
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(cg_sms_send(c, &bad[i], &r, &err), CG_INVALID);
    assert_int_equal(cg_sms_optouts_check(c, &nobody, &o, &err), CG_INVALID);
    assert_int_equal(cg_sms_get_delivery_report(c, "", &report, &err), CG_INVALID);
    assert_int_equal(cg_sms_get_delivery_report(c, NULL, &report, NULL), CG_INVALID);
    assert_int_equal(cg_sms_get_delivery_report(c, "x", NULL, NULL), CG_INVALID);
    assert_int_equal(cg_sms_get_delivery_report(NULL, "x", &report, NULL), CG_INVALID);
    assert_int_equal(cg_sms_send(c, NULL, &r, NULL), CG_INVALID);
    assert_int_equal(cg_sms_send(c, &message, NULL, NULL), CG_INVALID);
    assert_int_equal(cg_sms_send(NULL, &message, &r, NULL), CG_INVALID);
    assert_int_equal(cg_sms_optouts_add(c, NULL, &o, NULL), CG_INVALID);
    assert_int_equal(cg_sms_optouts_remove(c, &all, NULL, NULL), CG_INVALID);
    assert_int_equal(cg_sms_optouts_check(NULL, &all, &o, NULL), CG_INVALID);
    assert_int_equal(cg_sms_send(c, &large, &r, &err), CG_INVALID);
    assert_string_equal(err.message, "this is too much for one call");
    assert_int_equal(s.sent, 0);
    cg_sms_results_clear(NULL);
    cg_sms_optouts_clear(NULL);
    cg_sms_report_clear(NULL);
    cg_client_free(c);
}

static void adds_removes_and_checks_opt_outs(void **state)
{
    struct script s = {
        .answers = {
            {200, NULL, NULL,
             "{\"value\":[{\"to\":\"+14255550123\",\"httpStatusCode\":200},{\"to\":\"+1425\","
             "\"httpStatusCode\":400,\"errorMessage\":\"no\"}]}"},
            {200, NULL, NULL,
             "{\"value\":[{\"to\":\"a\",\"httpStatusCode\":200},{\"to\":\"b\","
             "\"httpStatusCode\":200}]}"},
            {200, NULL, NULL,
             "{\"value\":[{\"to\":\"a\",\"httpStatusCode\":200,\"isOptedOut\":true},{\"to\":"
             "\"b\",\"httpStatusCode\":200,\"isOptedOut\":false}]}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    const struct cg_sms_recipients them = {"+18005550100", two, 2};
    struct cg_sms_optouts o = {0};

    (void)state;
    assert_int_equal(cg_sms_optouts_add(c, &them, &o, NULL), CG_OK);
    assert_string_equal(s.url, "https://localhost:8443/sms/optouts:add?api-version=2026-01-23");
    assert_string_equal(s.body,
                        "{\"from\":\"+18005550100\",\"recipients\":[{\"to\":\"+14255550123\"},"
                        "{\"to\":\"+1425\"}]}");
    assert_int_equal(o.items[0].opted_out, -1);
    assert_null(o.items[0].error_message);
    assert_int_equal(o.items[1].http_status, 400);
    assert_string_equal(o.items[1].error_message, "no");
    cg_sms_optouts_clear(&o);
    assert_int_equal(cg_sms_optouts_remove(c, &them, &o, NULL), CG_OK);
    assert_non_null(strstr(s.url, "/sms/optouts:remove?"));
    cg_sms_optouts_clear(&o);
    assert_int_equal(cg_sms_optouts_check(c, &them, &o, NULL), CG_OK);
    assert_non_null(strstr(s.url, "/sms/optouts:check?"));
    assert_int_equal(o.items[0].opted_out, 1);
    assert_int_equal(o.items[1].opted_out, 0);
    cg_sms_optouts_clear(&o);
    cg_client_free(c);
}

static void reads_a_delivery_report(void **state)
{
    struct script s = {
        .answers = {{200, NULL, NULL,
                     "{\"deliveryStatus\":\"Delivered\",\"deliveryStatusDetails\":\"2000: No "
                     "Error\",\"deliveryAttempts\":[{\"timestamp\":\"2026-11-23T15:00:00Z\","
                     "\"segmentsSucceeded\":2,\"segmentsFailed\":1}],\"receivedTimestamp\":"
                     "\"2026-11-23T15:00:01Z\",\"tag\":\"t\",\"messageId\":\"Outgoing_1\","
                     "\"from\":\"+1800\",\"to\":\"+1425\"}"},
                    {200, NULL, NULL,
                     "{\"deliveryStatus\":\"Failed\",\"messageId\":\"m\",\"from\":\"f\",\"to\":"
                     "\"t\"}"},
                    {200, NULL, NULL, "{\"messageId\":\"m\",\"from\":\"f\",\"to\":\"t\"}"},
                    {404, NULL, NULL, "{\"title\":\"Not Found\",\"status\":404}"}}};
    struct cg_transport t = transport_of(&s);
    struct cg_client *c = client_of(&t);
    struct cg_sms_report r = {0};
    struct cg_error err = {0};

    (void)state;
    assert_int_equal(cg_sms_get_delivery_report(c, "Outgoing_1/..", &r, &err), CG_OK);
    assert_string_equal(s.url, "https://localhost:8443/deliveryReports/Outgoing_1%2F.."
                               "?api-version=2026-01-23");
    assert_string_equal(r.status, "Delivered");
    assert_string_equal(r.details, "2000: No Error");
    assert_string_equal(r.tag, "t");
    assert_null(r.partner_message_id);
    assert_int_equal(r.attempt_count, 1);
    assert_string_equal(r.attempts[0].timestamp, "2026-11-23T15:00:00Z");
    assert_int_equal(r.attempts[0].segments_succeeded, 2);
    assert_int_equal(r.attempts[0].segments_failed, 1);
    cg_sms_report_clear(&r);
    assert_int_equal(cg_sms_get_delivery_report(c, "m", &r, &err), CG_OK);
    assert_null(r.attempts);
    cg_sms_report_clear(&r);
    assert_int_equal(cg_sms_get_delivery_report(c, "m", &r, &err), CG_PROTOCOL);
    assert_null(r.message_id);
    assert_int_equal(cg_sms_get_delivery_report(c, "m", &r, &err), CG_NOT_FOUND);
    assert_string_equal(err.message, "Not Found");
    cg_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_to_each_with_an_id_and_reads_each_result),
        cmocka_unit_test(repeats_what_was_lost_with_the_same_ids),
        cmocka_unit_test(leaves_out_options_that_are_not_set),
        cmocka_unit_test(tells_which_member_was_refused),
        cmocka_unit_test(says_when_results_make_no_sense),
        cmocka_unit_test(refuses_before_sending),
        cmocka_unit_test(adds_removes_and_checks_opt_outs),
        cmocka_unit_test(reads_a_delivery_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
