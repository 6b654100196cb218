/* Whom webhooks may reach, when it is named and when it is connected to. */
#include "unit/base/unit.h"

#include "events/endpoint.h"

static const struct {
    const char *name, *url;
    bool production, development, allowed; /* allowed: in production with the list below */
} cases[] = {
    {"a public name", "https://app.example/hook?code=1", true, true, true},
    {"a public address", "https://8.8.8.8/x", true, true, true},
    {"a public address of IPv6", "https://[2606:4700::1111]/", true, true, true},
    {"plain http", "http://app.example/hook", false, true, true},
    {"plain http to a public address", "http://8.8.8.8/", false, true, false},
    {"localhost", "https://localhost:7071/", false, true, false},
    {"a name below localhost", "https://a.LocalHost/", false, true, false},
    {"loopback", "https://127.0.0.1/", false, true, false},
    {"loopback of IPv6", "https://[::1]/", false, true, false},
    {"a mapped loopback", "https://[::ffff:127.0.0.1]/", false, true, false},
    {"a private address", "https://192.168.1.1/", false, true, false},
    {"the cloud's metadata", "https://169.254.169.254/latest", false, true, false},
    {"unspecified", "https://0.0.0.0/", false, true, false},
    {"an allowed network", "https://10.1.2.3/", false, true, true},
    {"an allowed network, plain", "http://10.1.2.3:7071/", false, true, true},
    {"beside the allowed network", "https://10.2.0.1/", false, true, false},
    {"an allowed host, plain", "http://hooks.internal:9000/x", false, true, true},
    {"an allowed host in other letters", "http://HOOKS.internal/", false, true, true},
    {"no URL", "app.example", false, false, false},
    {"another scheme", "ftp://app.example/", false, false, false},
    {"a user", "https://me:secret@app.example/", false, false, false},
    {"a fragment", "https://app.example/#x", false, false, false},
    {"a blank", "https://app.example/a b", false, false, false},
    {"no host", "https:///x", false, false, false},
};

static const struct str allowed[] = {STR_INIT("10.1.0.0/16"), STR_INIT("hooks.internal")};

static void judges_names(void **state)
{
    struct endpoint_rules strict, wide, listed;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    endpoint_rules_read(NULL, 0, false, &arena, &strict);
    endpoint_rules_read(NULL, 0, true, &arena, &wide);
    endpoint_rules_read(allowed, ARRAY_LEN(allowed), false, &arena, &listed);
    assert_int_equal(listed.hosts_n, 1);
    assert_int_equal(listed.networks_n, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str url = str_from(cases[i].url);

        check(cases[i].name, !endpoint_against(&strict, url) == cases[i].production);
        check(cases[i].name, !endpoint_against(&wide, url) == cases[i].development);
        /* a plain name may lie in the network: known when connecting */
        if (!str_starts(url, STR("http://app.")))
            check(cases[i].name, !endpoint_against(&listed, url) == cases[i].allowed);
    }
    arena_clear(&arena);
}

static bool reaches(const struct endpoint_rules *rules, const char *url, bool tls, uint8_t a,
                    uint8_t b)
{
    const uint8_t octets[4] = {a, b, 0, 1};
    struct endpoint_call c;

    endpoint_call_init(&c, rules, url, NULL);
    return (tls || c.call.plain_ok) && c.call.allows(&c.call, tls, octets, sizeof octets);
}

static void judges_addresses_when_connecting(void **state)
{
    struct endpoint_rules strict, wide, listed;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    endpoint_rules_read(NULL, 0, false, &arena, &strict);
    endpoint_rules_read(NULL, 0, true, &arena, &wide);
    endpoint_rules_read(allowed, ARRAY_LEN(allowed), false, &arena, &listed);
    assert_true(reaches(&strict, "https://app.example/", true, 8, 8));
    assert_false(reaches(&strict, "https://app.example/", true, 127, 0));
    assert_false(reaches(&strict, "https://app.example/", true, 10, 1));
    assert_false(reaches(&strict, "http://app.example/", false, 8, 8));
    assert_true(reaches(&wide, "http://app.example/", false, 10, 1));
    assert_true(reaches(&wide, "http://app.example/", false, 127, 0));
    assert_true(reaches(&listed, "http://hooks.internal/", false, 127, 0));
    assert_true(reaches(&listed, "https://app.example/", true, 10, 1));
    assert_true(reaches(&listed, "http://app.example/", false, 10, 1));
    assert_false(reaches(&listed, "http://app.example/", false, 8, 8));
    assert_false(reaches(&listed, "https://app.example/", true, 10, 2));
    arena_clear(&arena);
}

static void reads_the_status_of_an_answer_that_did_not_end(void **state)
{
    static const struct {
        const char *name, *head;
        int status;
    } heads[] = {
        {"HTTP/1.1", "HTTP/1.1 200 OK\r\nx: y\r\n", 200},
        {"without a reason", "HTTP/1.1 204\r\n", 204},
        {"HTTP/1.0", "HTTP/1.0 503 no\r\n", 503},
        {"nothing", "", 0},
        {"no number", "HTTP/1.1 abc\r\n", 0},
        {"another protocol", "ICY 200 OK\r\nabc", 0},
    };
    struct endpoint_call c = {.trusted = false};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        c.call.answer_headers = str_from(heads[i].head);
        check(heads[i].name, endpoint_call_status(&c) == heads[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_names),
        cmocka_unit_test(judges_addresses_when_connecting),
        cmocka_unit_test(reads_the_status_of_an_answer_that_did_not_end),
    };

    return cmocka_run_group_tests_name("events_endpoint", tests, NULL, NULL);
}
