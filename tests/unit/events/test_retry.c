/* What becomes of an event after an attempt: the table, the schedule, both limits. */
#include "unit/base/unit.h"

#include "events/retry.h"

#define NOW     ((unix_ms)1700000000000)
#define SECONDS ((int64_t)1000)
#define MINUTES (60 * SECONDS)
#define HOURS   (60 * MINUTES)

/* clang-format off */
static const struct {
    const char *name;
    struct attempt attempt;
    enum event_state to;
    int64_t wait_ms; /* of the first failure, without jitter */
    const char *outcome;
    bool blames;
} cases[] = {
    {"200 is success",                  {RC_OK, 200, NULL}, EVENT_DELIVERED, 0, "Delivered", false},
    {"201 is success",                  {RC_OK, 201, NULL}, EVENT_DELIVERED, 0, "Delivered", false},
    {"202 is success",                  {RC_OK, 202, NULL}, EVENT_DELIVERED, 0, "Delivered", false},
    {"203 is success",                  {RC_OK, 203, NULL}, EVENT_DELIVERED, 0, "Delivered", false},
    {"204 is success",                  {RC_OK, 204, NULL}, EVENT_DELIVERED, 0, "Delivered", false},
    {"205 is not",                      {RC_OK, 205, NULL}, EVENT_PENDING, 10 * SECONDS, "UnexpectedSuccessStatus", true},
    {"100 is not",                      {RC_OK, 100, NULL}, EVENT_PENDING, 10 * SECONDS, "GenericError", true},
    {"400 is final",                    {RC_OK, 400, NULL}, EVENT_DEAD, 0, "BadRequest BadRequest", false},
    {"401 is final",                    {RC_OK, 401, NULL}, EVENT_DEAD, 0, "Unauthorized Unauthorized", true},
    {"403 is final",                    {RC_OK, 403, NULL}, EVENT_DEAD, 0, "Forbidden Forbidden", true},
    {"413 is final",                    {RC_OK, 413, NULL}, EVENT_DEAD, 0, "RequestEntityTooLarge RequestEntityTooLarge", false},
    {"404 waits five minutes",          {RC_OK, 404, NULL}, EVENT_PENDING, 5 * MINUTES, "NotFound", true},
    {"408 waits two minutes",           {RC_OK, 408, NULL}, EVENT_PENDING, 2 * MINUTES, "RequestTimeout", true},
    {"503 waits half a minute",         {RC_OK, 503, NULL}, EVENT_PENDING, 30 * SECONDS, "Busy", true},
    {"429 waits ten seconds",           {RC_OK, 429, NULL}, EVENT_PENDING, 10 * SECONDS, "Busy", true},
    {"500 waits ten seconds",           {RC_OK, 500, NULL}, EVENT_PENDING, 10 * SECONDS, "InternalServerError", true},
    {"a strange status, too",           {RC_OK, 418, NULL}, EVENT_PENDING, 10 * SECONDS, "GenericError", true},
    {"304 is a redirect without place", {RC_OK, 304, NULL}, EVENT_PENDING, 10 * SECONDS, "RedirectNotFollowed", true},
    {"redirects are failures",          {RC_DENIED, 302, "it redirects"}, EVENT_PENDING, 10 * SECONDS, "RedirectNotFollowed", true},
    {"an address that is not allowed",  {RC_DENIED, 0, "the address is not one"}, EVENT_PENDING, 10 * SECONDS, "EndpointNotAllowed", true},
    {"a time-out",                      {RC_IO, 0, "Operation timed out after 30000 ms"}, EVENT_PENDING, 10 * SECONDS, "TimedOut", true},
    {"no such name",                    {RC_IO, 0, "Could not resolve host: x"}, EVENT_PENDING, 10 * SECONDS, "ResolutionError", true},
    {"a certificate of nobody",         {RC_IO, 0, "SSL certificate problem: x"}, EVENT_PENDING, 10 * SECONDS, "TlsError", true},
    {"a refused connection",            {RC_IO, 0, "Failed to connect"}, EVENT_PENDING, 10 * SECONDS, "SocketError", true},
    {"no reason at all",                {RC_IO, 0, NULL}, EVENT_PENDING, 10 * SECONDS, "SocketError", true},
    {"an answer without end",           {RC_TOO_LARGE, 0, ""}, EVENT_PENDING, 10 * SECONDS, "ResponseTooLarge", true},
};
/* clang-format on */

static void follows_the_table(void **state)
{
    const struct attempt_of of = {1, NOW, 30, 1440};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct retry_plan plan = retry_decide(&cases[i].attempt, &of, NOW, 0, &arena);

        if (plan.to != cases[i].to)
            fail_msg("%s: %d", cases[i].name, (int)plan.to);
        check_str(cases[i].name, plan.outcome, str_from(cases[i].outcome));
        check(cases[i].name, plan.to != EVENT_PENDING || plan.due == NOW + cases[i].wait_ms);
        check(cases[i].name, attempt_blames_endpoint(&cases[i].attempt) == cases[i].blames);
    }
    arena_clear(&arena);
}

static void waits_longer_each_time(void **state)
{
    static const int64_t waits[] = {10 * SECONDS, 30 * SECONDS, 1 * MINUTES, 5 * MINUTES,
                                    10 * MINUTES, 30 * MINUTES, 1 * HOURS,   3 * HOURS,
                                    6 * HOURS,    12 * HOURS,   12 * HOURS,  12 * HOURS};

    (void)state;
    for (uint32_t i = 0; i < ARRAY_LEN(waits); i++)
        assert_int_equal(retry_wait_ms(i + 1, 500, 0), waits[i]);
    assert_int_equal(retry_wait_ms(30, 500, 0), 12 * HOURS);
    assert_int_equal(retry_wait_ms(3, 404, 0), 5 * MINUTES); /* the longer of the two */
    assert_int_equal(retry_wait_ms(5, 404, 0), 10 * MINUTES);
    assert_int_equal(retry_wait_ms(2, 503, 0), 30 * SECONDS);
}

static void adds_a_little_jitter_and_never_takes_any(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 100000; random += 17) {
        int64_t first = retry_wait_ms(1, 500, random), later = retry_wait_ms(10, 500, random);

        assert_true(first >= 10 * SECONDS && first <= 10 * SECONDS + 500);
        assert_true(later >= 12 * HOURS && later <= 12 * HOURS + 30 * SECONDS);
    }
    assert_int_equal(retry_jitter_ms(60 * SECONDS, 3000), 3000);
    assert_int_equal(retry_jitter_ms(60 * SECONDS, 3001), 0);
    assert_int_equal(retry_jitter_ms(0, UINT32_MAX), 0);
}

static void stops_at_the_attempts(void **state)
{
    const struct attempt failed = {RC_OK, 500, NULL};
    struct attempt_of of = {3, NOW - 50 * SECONDS, 3, 1440};
    struct retry_plan plan;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    plan = retry_decide(&failed, &of, NOW, 0, &arena);
    assert_int_equal(plan.to, EVENT_DEAD);
    check_str("reason", plan.outcome, STR("InternalServerError MaxDeliveryAttemptsExceeded"));
    of.attempts = 2;
    assert_int_equal(retry_decide(&failed, &of, NOW, 0, &arena).to, EVENT_PENDING);
    arena_clear(&arena);
}

static void stops_at_the_time_to_live(void **state)
{
    const struct attempt failed = {RC_OK, 500, NULL};
    const struct attempt_of of = {1, NOW - 55 * SECONDS, 30, 1},
                            late = {1, NOW - 60 * SECONDS, 30, 1};
    struct retry_plan plan;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    plan = retry_decide(&failed, &of, NOW, 7, &arena);
    assert_int_equal(plan.to, EVENT_PENDING);
    assert_int_equal(plan.due, NOW + 5 * SECONDS); /* not ten seconds: then it is over */
    assert_false(retry_is_expired(of.published, 1, plan.due - 1));
    assert_true(retry_is_expired(of.published, 1, plan.due));
    plan = retry_decide(&failed, &late, NOW, 0, &arena);
    assert_int_equal(plan.to, EVENT_DEAD);
    check_str("reason", plan.outcome, STR("InternalServerError TimeToLiveExceeded"));
    check_str("never tried", retry_expired(STR_EMPTY, &arena).outcome,
              STR("NotAttempted TimeToLiveExceeded"));
    check_str("tried", retry_expired(STR("Busy"), &arena).outcome, STR("Busy TimeToLiveExceeded"));
    arena_clear(&arena);
}

static void leaves_a_dead_endpoint_alone(void **state)
{
    (void)state;
    assert_int_equal(retry_protection_ms(0), 0);
    assert_int_equal(retry_protection_ms(9), 0);
    assert_int_equal(retry_protection_ms(10), 30 * SECONDS);
    assert_int_equal(retry_protection_ms(11), 60 * SECONDS);
    assert_int_equal(retry_protection_ms(15), 10 * MINUTES);
    assert_int_equal(retry_protection_ms(UINT32_MAX), 10 * MINUTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_table),
        cmocka_unit_test(waits_longer_each_time),
        cmocka_unit_test(adds_a_little_jitter_and_never_takes_any),
        cmocka_unit_test(stops_at_the_attempts),
        cmocka_unit_test(stops_at_the_time_to_live),
        cmocka_unit_test(leaves_a_dead_endpoint_alone),
    };

    return cmocka_run_group_tests_name("events_retry", tests, NULL, NULL);
}
