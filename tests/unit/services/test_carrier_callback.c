/* The handler of callbacks over a service that answers as the test says: who may call, what is
 * handed on, and which results ask the carrier to come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/site.h"
#include "services/sms/carrier_callback.h"
#include "services/sms/sms_private.h"
#include "unit/request_fake.h"

#define TAKEN_MAX 8

/* What is handed on, until the test says what became of it. */
static struct {
    struct sms_transport transport;
    struct sms_world world;
    bool known;
    unsigned held; /* references to the world */
    struct {
        carrier_done_fn done;
        void *ctx;
    } taken[TAKEN_MAX];
    size_t n;
    bool check_secret;
    char from[32], text[32];
} s;

/* ---- the service: these take the place of its own ---- */

const struct sms_world *sms_world_ref(struct sms *sms)
{
    (void)sms;
    s.held++;
    return &s.world;
}

void sms_world_unref(const struct sms_world *w)
{
    assert_ptr_equal(w, &s.world);
    s.held--;
}

const struct sms_transport *sms_transport_find(const struct sms_world *w, struct str name)
{
    (void)w;
    return name_eq(name, s.transport.name) ? &s.transport : NULL;
}

bool sms_transport_secret_is(const struct sms *sms, struct str name, struct str given)
{
    (void)sms;
    (void)name;
    s.known = name_eq(given, STR("right"));
    return s.known;
}

static void take(carrier_done_fn done, void *ctx)
{
    assert_true(s.n < TAKEN_MAX);
    s.taken[s.n].done = done;
    s.taken[s.n++].ctx = ctx;
}

void sms_take_report(const struct site *site, struct sms_teller teller,
                     const struct carrier_report *report, carrier_done_fn done, void *ctx)
{
    (void)site;
    (void)report;
    assert_true(name_eq(teller.transport, s.transport.name));
    s.check_secret = teller.check_secret;
    take(done, ctx);
}

void sms_take_inbound(const struct site *site, struct str transport,
                      const struct carrier_inbound *message, carrier_done_fn done, void *ctx)
{
    (void)site;
    assert_true(name_eq(transport, s.transport.name));
    (void)snprintf(s.from, sizeof s.from, STR_FMT, STR_ARG(message->from));
    (void)snprintf(s.text, sizeof s.text, STR_FMT, STR_ARG(message->text));
    take(done, ctx);
}

/* ---- one call ---- */

static const struct site site;

static void call(struct request_fake *f, const struct carrier_ops *ops, const char *transport,
                 const char *secret, const char *target, const char *body)
{
    char raw[2048];

    memset(&s, 0, sizeof s);
    s.transport = (struct sms_transport){.name = STR("out"), .ops = ops};
    (void)snprintf(raw, sizeof raw,
                   "POST /carriers/%s/%s/%s HTTP/1.1\r\nHost: a\r\nX-Kannel-To: 12345\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   transport, secret, target, strlen(body), body);
    request_fake_init(f, NULL);
    assert_int_equal(request_fake_parse(f, raw), RC_OK);
    f->req.site = &site;
    for (size_t i = 0; i < 3; i++)
        f->req.params[i] = f->req.url.segments[i + 1];
    carrier_callback(&f->req);
    assert_int_equal(s.held, 0);
}

static void finish(size_t i, enum rc rc)
{
    s.taken[i].done(s.taken[i].ctx, rc);
}

#define MESSAGE "inbound?from=%2B14255550199&id=1"

static void answers_when_it_is_kept(void **state)
{
    static const struct {
        enum rc rc;
        int status;
    } cases[] = {{RC_OK, 200},     {RC_NOT_FOUND, 200}, {RC_CONFLICT, 200},
                 {RC_DENIED, 404}, {RC_INVALID, 400},   {RC_IO, 503},
                 {RC_FULL, 503},   {RC_BUSY, 503},      {RC_INTERNAL, 503}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        call(&f, &kannel_carrier_ops, "out", "right", MESSAGE, "STOP");
        assert_false(f.done);
        assert_int_equal(s.n, 1);
        assert_string_equal(s.from, "+14255550199");
        assert_string_equal(s.text, "STOP");
        finish(0, cases[i].rc);
        assert_true(f.done);
        if (f.status != cases[i].status)
            fail_msg("%s: %d", rc_name(cases[i].rc), f.status);
        if (f.status == 200)
            assert_int_equal(f.body.len, 0);
        assert_int_equal(request_fake_count(&f, STR("Retry-After")), f.status == 503);
        request_fake_clear(&f);
    }
}

static void refuses_strangers_without_a_reason(void **state)
{
    static const struct {
        const char *name, *transport, *secret;
        bool takes;
    } cases[] = {{"another secret", "out", "wrong", true},
                 {"another transport", "in", "right", true},
                 {"a transport that takes no callbacks", "out", "right", false}};
    static const struct carrier_ops mute = {.kind = "mute"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        call(&f, cases[i].takes ? &kannel_carrier_ops : &mute, cases[i].transport, cases[i].secret,
             MESSAGE, "x");
        if (!f.done || f.status != 404 || s.n)
            fail_msg("%s: %d", cases[i].name, f.status);
        assert_int_equal(f.req.explain.len, 0);
        request_fake_clear(&f);
    }
}

static void refuses_what_is_no_callback(void **state)
{
    struct request_fake f;

    (void)state;
    call(&f, &kannel_carrier_ops, "out", "right", "report?type=1", "");
    assert_true(f.done);
    assert_int_equal(f.status, 400);
    assert_int_equal(s.n, 0);
    request_fake_clear(&f);
}

#define REPORT(id)                                                                                 \
    "{\"eventType\":\"Microsoft.Communication.SMSDeliveryReportReceived\",\"data\":"               \
    "{\"messageId\":\"" id "\",\"deliveryStatus\":\"Delivered\"}}"

static void answers_for_all_by_the_worst(void **state)
{
    static const struct {
        enum rc rc[3];
        int status;
    } cases[] = {{{RC_OK, RC_OK, RC_OK}, 200},      {{RC_OK, RC_NOT_FOUND, RC_CONFLICT}, 200},
                 {{RC_INVALID, RC_OK, RC_OK}, 400}, {{RC_INVALID, RC_IO, RC_OK}, 503},
                 {{RC_IO, RC_INVALID, RC_OK}, 503}, {{RC_OK, RC_OK, RC_BUSY}, 503}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        call(&f, &azure_carrier_ops, "out", "right", "events",
             "[" REPORT("a") "," REPORT("b") "," REPORT("c") "]");
        assert_int_equal(s.n, 3);
        assert_false(s.check_secret); /* they name the carrier's ids */
        for (size_t k = 0; k < 3; k++) {
            assert_false(f.done);
            finish(k, cases[i].rc[k]);
        }
        assert_true(f.done);
        assert_int_equal(f.status, cases[i].status);
        request_fake_clear(&f);
    }
}

static void asks_for_the_secret_of_a_message_that_is_named(void **state)
{
    struct request_fake f;

    (void)state;
    call(&f, &kannel_carrier_ops, "out", "right",
         "report?id=019ab102-0304-7005-8607-08090a0b0c0d&key=k&type=1", "");
    assert_int_equal(s.n, 1);
    assert_true(s.check_secret);
    finish(0, RC_DENIED);
    assert_int_equal(f.status, 404);
    request_fake_clear(&f);
}

static void answers_what_the_carrier_wants_to_hear(void **state)
{
    struct request_fake f;

    (void)state;
    call(&f, &azure_carrier_ops, "out", "right", "events",
         "[{\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\","
         "\"data\":{\"validationCode\":\"c\"}}]");
    assert_true(f.done);
    assert_int_equal(f.status, 200);
    assert_true(str_eq(f.body, STR("{\"validationResponse\":\"c\"}")));
    request_fake_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_when_it_is_kept),
        cmocka_unit_test(refuses_strangers_without_a_reason),
        cmocka_unit_test(refuses_what_is_no_callback),
        cmocka_unit_test(answers_for_all_by_the_worst),
        cmocka_unit_test(asks_for_the_secret_of_a_message_that_is_named),
        cmocka_unit_test(answers_what_the_carrier_wants_to_hear),
    };

    return cmocka_run_group_tests_name("carrier_callback", tests, NULL, NULL);
}
