/* Consent: what is sent, what answers mean, tokens that fit one subscription and one handshake. */
#include "unit/base/unit.h"

#include "crypto/seal.h"
#include "events/handshake.h"

#define CODE "0c1f2a33-1111-4222-8333-444455556666"
#define NOW  ((unix_ms)1700000000000)

static const struct {
    const char *name;
    int status;
    const char *body;
    enum handshake_verdict verdict;
} answers[] = {
    {"the code", 200, "{\"validationResponse\":\"" CODE "\"}", HANDSHAKE_PASSED},
    {"the samples' capitals", 200, "{\"ValidationResponse\":\"" CODE "\"}", HANDSHAKE_PASSED},
    {"other members beside it", 200, "{\"a\":1,\"VALIDATIONRESPONSE\":\"" CODE "\"}",
     HANDSHAKE_PASSED},
    {"another code", 200, "{\"validationResponse\":\"x\"}", HANDSHAKE_AGAIN},
    {"a number", 200, "{\"validationResponse\":1}", HANDSHAKE_AGAIN},
    {"an empty code", 200, "{\"validationResponse\":\"\"}", HANDSHAKE_AGAIN},
    {"no code", 200, "{\"status\":\"ok\"}", HANDSHAKE_MANUAL},
    {"no body", 200, "", HANDSHAKE_MANUAL},
    {"no JSON", 200, "<html>", HANDSHAKE_MANUAL},
    {"an array", 200, "[{\"validationResponse\":\"" CODE "\"}]", HANDSHAKE_MANUAL},
    {"the code with 202", 202, "{\"validationResponse\":\"" CODE "\"}", HANDSHAKE_AGAIN},
    {"the code with 201", 201, "{\"validationResponse\":\"" CODE "\"}", HANDSHAKE_AGAIN},
    {"204", 204, "", HANDSHAKE_AGAIN},
    {"404", 404, "{\"validationResponse\":\"" CODE "\"}", HANDSHAKE_AGAIN},
    {"the code twice", 200,
     "{\"validationResponse\":\"" CODE "\",\"validationResponse\":\"" CODE "\"}", HANDSHAKE_MANUAL},
};

static void judges_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        check(answers[i].name, handshake_judge(answers[i].status, str_from(answers[i].body),
                                               STR(CODE)) == answers[i].verdict);
}

static void judges_origins_and_rates(void **state)
{
    const struct str origin = STR("eventgrid.azure.net");

    (void)state;
    assert_int_equal(handshake_judge_origin(STR("eventgrid.azure.net"), origin), HANDSHAKE_PASSED);
    assert_int_equal(handshake_judge_origin(STR(" EventGrid.Azure.net "), origin),
                     HANDSHAKE_PASSED);
    assert_int_equal(handshake_judge_origin(STR("*"), origin), HANDSHAKE_PASSED);
    assert_int_equal(handshake_judge_origin(STR("azure.net"), origin), HANDSHAKE_MANUAL);
    assert_int_equal(handshake_judge_origin(STR("*.azure.net"), origin), HANDSHAKE_MANUAL);
    assert_int_equal(handshake_judge_origin((struct str){NULL, 0}, origin), HANDSHAKE_MANUAL);
    assert_int_equal(handshake_rate(STR("120")), 120);
    assert_int_equal(handshake_rate(STR("*")), 0);
    assert_int_equal(handshake_rate(STR("-1")), 0);
    assert_int_equal(handshake_rate(STR("99999999999999999999")), 0);
    assert_int_equal(handshake_rate((struct str){NULL, 0}), 0);
}

static void sends_a_validation_event(void **state)
{
    const struct subscription s = {.code = STR(CODE)};
    struct buf out;
    struct str text;

    (void)state;
    buf_init(&out, 64 * KIB);
    handshake_body(&out, &s, STR("/t"), STR("https://h/v?token=1"), NOW);
    text = buf_str(&out);
    assert_true(str_starts(text, STR("[{\"id\":\"")));
    text = str_from_index(text, sizeof "[{\"id\":\"" - 1 + UUID_TEXT_LEN);
    check_str("the rest", text,
              STR("\",\"topic\":\"/t\",\"subject\":\"\",\"data\":{\"validationCode\":\"" CODE
                  "\",\"validationUrl\":\"https://h/v?token=1\"},\"eventType\":"
                  "\"Microsoft.EventGrid.SubscriptionValidationEvent\",\"eventTime\":"
                  "\"2023-11-14T22:13:20Z\",\"metadataVersion\":\"1\",\"dataVersion\":\"1\"}]"));
    buf_clear(&out);
}

static struct master_key *some_key(uint8_t fill)
{
    uint8_t octets[MASTER_KEY_LEN];
    struct secret secret;
    struct master_key *key;

    memset(octets, fill, sizeof octets);
    secret = secret_copy(octets, sizeof octets);
    key = master_key_new(&secret);
    secret_clear(&secret);
    return key;
}

static void tokens_fit_one_open_handshake(void **state)
{
    struct master_key *key = some_key(1), *other = some_key(2);
    struct subscription s = {
        .id = uuid_random(), .state = SUBSCRIPTION_AWAITING, .code = STR(CODE), .until = NOW};
    struct subscription t = s;
    char text[HANDSHAKE_TOKEN_LEN];
    struct str token = str_of(text, sizeof text);

    (void)state;
    handshake_token(&s, key, text);
    assert_true(handshake_token_fits(&s, key, token, NOW - 1));
    assert_false(handshake_token_fits(&s, key, token, NOW)); /* too late */
    assert_false(handshake_token_fits(&s, other, token, NOW - 1));
    assert_false(handshake_token_fits(&s, key, str_head(token, 31), NOW - 1));
    assert_false(handshake_token_fits(&s, key, STR_EMPTY, NOW - 1));
    t.id = uuid_random();
    assert_false(handshake_token_fits(&t, key, token, NOW - 1));
    t = s;
    t.code = STR("0c1f2a33-1111-4222-8333-444455556667"); /* the next handshake's */
    assert_false(handshake_token_fits(&t, key, token, NOW - 1));
    t = s;
    t.state = SUBSCRIPTION_SUCCEEDED;
    assert_false(handshake_token_fits(&t, key, token, NOW - 1));
    t.state = SUBSCRIPTION_CREATING;
    assert_true(handshake_token_fits(&t, key, token, NOW + 1));
    t.code = STR_EMPTY;
    assert_false(handshake_token_fits(&t, key, token, NOW - 1));
    master_key_free(key);
    master_key_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_answers),
        cmocka_unit_test(judges_origins_and_rates),
        cmocka_unit_test(sends_a_validation_event),
        cmocka_unit_test(tokens_fit_one_open_handshake),
    };

    return cmocka_run_group_tests_name("events_handshake", tests, NULL, NULL);
}
