/* One fetch of a key set: what is asked, what is refused of what issuers serve, who sees the token.
 */
#include "issuer_bench.h"

#include "gate/key_fetch.h"

#include <fcntl.h>
#include <unistd.h>

static void finds_the_keys_by_the_configuration(void **state)
{
    struct key_source_state s;
    struct arena arena;

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    arena_init(&arena);
    key_source_state(bench.source, &arena, &s);
    assert_true(s.keys == 0 && s.fetched == 0 && s.tried == 0);
    assert_int_equal(bench.fake.sent, 0); /* nothing before somebody asks */
    bench_expect("a", RC_OK, 2);
    assert_string_equal(bench.fake.last_url, JWKS);
    assert_string_equal(bench.fake.last.method, "GET");
    assert_true(bench.fake.last.total_ms > 0 && bench.fake.last.total_ms <= KEY_FETCH_MS);
    assert_true(bench.fake.last.connect_ms <= bench.fake.last.total_ms);
    assert_int_equal(bench.fake.last.response_max, 512 * KIB);
    assert_false(bench.fake.last.private_ok || bench.fake.last.plain_ok || bench.fake.last.ca_file);
    assert_string_equal(bench.fake.last_token, "");
    bench_expect("a", RC_OK, 2);
    bench_expect("", RC_OK, 2);
    key_source_state(bench.source, &arena, &s);
    assert_int_equal(s.keys, 1);
    assert_true(name_eq(s.kids[0], STR("a")) && name_eq(s.jwks_url, STR(JWKS)));
    assert_true(s.fetched == NOW && s.tried == NOW && s.failure.len == 0);
    arena_clear(&arena);
}

static void asks_the_place_that_the_operator_wrote(void **state)
{
    struct key_location where = bench_location;

    (void)state;
    where.jwks_url = STR("https://other.example/k");
    bench_answer("https://other.example/k", SET(EC_KEY("a")));
    bench_start(&where, false);
    bench_expect("a", RC_OK, 1);
}

static void asks_another_configuration(void **state)
{
    struct key_location where = bench_location;

    (void)state;
    where.discovery = STR("https://other.example/d?v=1");
    bench_answer("https://other.example/d?v=1", DOC(ISSUER, "https://third.example/k?x"));
    bench_answer("https://third.example/k?x", SET(EC_KEY("a")));
    bench_start(&where, false);
    bench_expect("a", RC_OK, 2);
}

static void refuses_what_issuers_serve(void **state)
{
    static const struct {
        const char *name, *config, *jwks;
        int config_status, jwks_status;
        const char *failure;
        unsigned sent;
    } cases[] = {
        {"another issuer", DOC("https://evil.example", JWKS), NULL, 0, 0, "another issuer's", 1},
        {"a slash more", DOC(ISSUER "/", JWKS), NULL, 0, 0, "another issuer's", 1},
        {"no issuer", "{\"jwks_uri\":\"" JWKS "\"}", NULL, 0, 0, "another issuer's", 1},
        {"an issuer that is a list", "{\"issuer\":[\"" ISSUER "\"],\"jwks_uri\":\"" JWKS "\"}",
         NULL, 0, 0, "another issuer's", 1},
        {"issuer twice", "{\"issuer\":\"" ISSUER "\"," DOC(ISSUER, JWKS) "}", NULL, 0, 0,
         "no JSON object", 1},
        {"no place of keys", "{\"issuer\":\"" ISSUER "\"}", NULL, 0, 0, "no jwks_uri", 1},
        {"an empty place of keys", DOC(ISSUER, ""), NULL, 0, 0, "no jwks_uri", 1},
        {"plain http", DOC(ISSUER, "http://keys.example.org/certs"), NULL, 0, 0, "no https URL", 1},
        {"a file", DOC(ISSUER, "file:///etc/passwd"), NULL, 0, 0, "no https URL", 1},
        {"a user in the URL", DOC(ISSUER, "https://keys.example.org@evil.example/"), NULL, 0, 0,
         "no https URL", 1},
        {"cloud metadata", DOC(ISSUER, "https://169.254.169.254/latest"), NULL, 0, 0,
         "private host", 1},
        {"localhost", DOC(ISSUER, "https://localhost/k"), NULL, 0, 0, "private host", 1},
        {"localhost with a dot", DOC(ISSUER, "https://localhost./k"), NULL, 0, 0, "private host",
         1},
        {"below localhost", DOC(ISSUER, "https://a.LOCALHOST/k"), NULL, 0, 0, "private host", 1},
        {"an internal name", DOC(ISSUER, "https://metadata.google.internal/k"), NULL, 0, 0,
         "private host", 1},
        {"one label", DOC(ISSUER, "https://metadata/k"), NULL, 0, 0, "private host", 1},
        {"loopback as a number", DOC(ISSUER, "https://2130706433/k"), NULL, 0, 0, "private host",
         1},
        {"loopback of IPv6", DOC(ISSUER, "https://[::1]/k"), NULL, 0, 0, "private host", 1},
        {"a configuration that is missing", "", NULL, 404, 0, "HTTP 404", 1},
        {"a configuration that is elsewhere", "", NULL, 302, 0, "HTTP 302", 1},
        {"a page", "<html>", NULL, 0, 0, "no JSON object", 1},
        {"nothing", "", NULL, 0, 0, "no JSON object", 1},
        {"keys that are elsewhere", DOC(ISSUER, JWKS), "", 0, 301, "key set: HTTP 301", 2},
        {"keys and an error", DOC(ISSUER, JWKS), SET(EC_KEY("a")), 0, 500, "key set: HTTP 500", 2},
        {"an empty set", DOC(ISSUER, JWKS), SET(""), 0, 0, "no key that can", 2},
        {"no set", DOC(ISSUER, JWKS), "{}", 0, 0, "no list of keys", 2},
        {"a list", DOC(ISSUER, JWKS), "[]", 0, 0, "no JSON object", 2},
        {"keys that are no list", DOC(ISSUER, JWKS), "{\"keys\":{}}", 0, 0, "no list of keys", 2},
        {"text behind the set", DOC(ISSUER, JWKS), SET(EC_KEY("a")) "x", 0, 0, "no JSON object", 2},
        {"keys twice", DOC(ISSUER, JWKS), "{\"keys\":[],\"keys\":[" EC_KEY("a") "]}", 0, 0,
         "no JSON object", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct key_source_state s;
        struct arena arena;
        const char *why = NULL;

        bench.fake.sent = 0;
        outbound_fake_answer(&bench.fake, (struct fake_answer){.url = CONFIG,
                                                               .body = str_from(cases[i].config),
                                                               .status = cases[i].config_status});
        outbound_fake_answer(&bench.fake, (struct fake_answer){.url = JWKS,
                                                               .body = str_from(cases[i].jwks),
                                                               .status = cases[i].jwks_status});
        bench_start(&bench_location, false);
        arena_init(&arena);
        if (bench_ask("a", JWS_ES256, &why) != RC_IO || !why || bench.fake.sent != cases[i].sent)
            fail_msg("%s: %u requests", cases[i].name, bench.fake.sent);
        key_source_state(bench.source, &arena, &s);
        if (str_find_str(s.failure, str_from(cases[i].failure)) == s.failure.len)
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(s.failure));
        arena_clear(&arena);
        key_source_unref(bench.source);
        bench.source = NULL;
        issuer_keys_free(bench.keys);
        bench.keys = NULL;
    }
}

static void refuses_answers_that_do_not_end(void **state)
{
    static const enum rc outcomes[] = {RC_TOO_LARGE, RC_IO, RC_DENIED};
    const char *why = "";

    (void)state;
    bench_start_with(SET(EC_KEY("a")));
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        outbound_fake_answer(&bench.fake, (struct fake_answer){.url = CONFIG, .rc = outcomes[i]});
        assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
        assert_int_equal(bench.fake.sent, i + 1);
        assert_int_equal(bench_find_once("a", JWS_ES256, &why), RC_IO); /* and not asked again */
        bench_advance(HOUR);
    }
    assert_string_equal(why, "the issuer's address is not allowed");
}

static void goes_to_private_addresses_where_the_operator_wrote_them(void **state)
{
    static const struct {
        const char *name, *issuer, *jwks;
        bool private_ok, development, asked, allowed;
    } cases[] = {
        {"his own address", "https://10.0.0.1:6443", "https://10.0.0.1:6443/openid/v1/jwks", true,
         false, true, true},
        {"his own, not allowed", "https://10.0.0.1:6443", "https://10.0.0.1:6443/openid/v1/jwks",
         false, false, true, false},
        {"another private address", "https://10.0.0.1:6443", "https://10.0.0.2:6443/k", true, false,
         false, false},
        {"a public name", "https://10.0.0.1:6443", "https://keys.example.org/k", true, false, true,
         false},
        {"his own name, in other case", "https://kubernetes.default.svc",
         "https://KUBERNETES.default.svc/k", true, false, true, true},
        {"plain http in development", "http://localhost:8080", "http://localhost:8080/k", false,
         true, true, true},
        {"plain http to another port in development", "http://localhost:8080",
         "http://localhost:8081/k", false, true, true, true},
        {"plain http to another loopback address", "http://localhost:8080",
         "http://127.0.0.1:8080/k", false, true, false, false},
        {"plain http elsewhere in development", "http://localhost:8080",
         "http://keys.example.org/k", false, true, false, false},
        {"plain http in production", "http://localhost:8080", "http://localhost:8080/k", true,
         false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct key_location where = {.issuer = str_from(cases[i].issuer),
                                     .private_ok = cases[i].private_ok};
        struct key_url how = {0};
        const char *why = NULL;
        enum rc rc =
            key_url_judge(&where, str_from(cases[i].jwks), cases[i].development, &how, &why);

        if ((rc == RC_OK) != cases[i].asked || (rc && rc != RC_DENIED) || (rc && !why) ||
            how.allow_private != cases[i].allowed)
            fail_msg("%s", cases[i].name);
    }
}

static void shows_its_token_to_the_issuer_alone(void **state)
{
    struct key_location where = bench_location;

    (void)state;
    bench_write_file("file", "fake-token.1\n");
    where.token_file = str_from(bench_in_dir("file"));
    where.ca_file = STR("/ca.pem");
    bench_answer(CONFIG, DOC(ISSUER, JWKS));
    bench_answer(JWKS, SET(EC_KEY("a")));
    bench_start(&where, false);
    bench_expect("a", RC_OK, 2);
    assert_string_equal(bench.fake.last_token, "Bearer fake-token.1");
    assert_string_equal(bench.fake.last.ca_file, "/ca.pem");
    bench_write_file("file", "fake-token.2"); /* read at each fetch */
    bench_answer(CONFIG, DOC(ISSUER, "https://other.example/k"));
    bench_answer("https://other.example/k", SET(EC_KEY("b")));
    key_source_refresh(bench.source, bench.loop);
    bench_wait_on(bench.loop);
    assert_string_equal(bench.fake.last_url, "https://other.example/k");
    assert_string_equal(bench.fake.last_token, "");
    bench_answer(CONFIG, DOC(ISSUER, "https://keys.example.org:444/k"));
    bench_answer("https://keys.example.org:444/k", SET(EC_KEY("b")));
    key_source_refresh(bench.source, bench.loop);
    bench_wait_on(bench.loop);
    assert_string_equal(bench.fake.last_token, ""); /* another port is another service */
    bench_expect("b", RC_OK, 6);
}

static void asks_nothing_without_the_token_it_should_show(void **state)
{
    static const char *const texts[] = {"", "\n", "two words\n", "a\nb", "caf\xC3\xA9", NULL};
    struct key_location where = bench_location;
    const char *why;

    (void)state;
    where.token_file = str_from(bench_in_dir("file"));
    bench_start(&where, false);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i])
            bench_write_file("file", texts[i]);
        else
            assert_int_equal(unlink(bench_in_dir("file")), 0);
        assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
        assert_true(str_starts(str_from(why), STR("the token file")));
        bench_advance(HOUR);
    }
    assert_int_equal(bench.fake.sent, 0);
}

static void asks_nobody_when_it_has_no_way_out(void **state)
{
    const char *why = "";

    (void)state;
    bench.keys = issuer_keys_new(&(struct issuer_keys_options){.clock = &bench.clock});
    bench.source = key_source_get(bench.keys, &bench_location);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "this server sends no requests");
}

static void logs_no_token(void **state)
{
    int fd = open(bench_in_dir("log"), O_CREAT | O_RDWR | O_APPEND, 0600);
    struct key_location where = bench_location;
    const char *why = "";

    (void)state;
    bench.log =
        log_new(&(struct log_options){.level = LOG_DEBUG, .format = LOG_FORMAT_JSON, .fd = fd});
    bench_write_file("file", "fake-token");
    where.token_file = str_from(bench_in_dir("file"));
    outbound_fake_answer(&bench.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    bench_start(&where, false);
    assert_int_equal(bench_ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(bench.fake.last_token, "Bearer fake-token");
    assert_int_equal(bench_count_in_log("issuer.keys_missing"), 1);
    assert_int_equal(bench_count_in_log(ISSUER), 1);
    assert_int_equal(bench_count_in_log("fake-token"), 0);
    log_free(bench.log);
    bench.log = NULL;
    assert_int_equal(close(fd), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(finds_the_keys_by_the_configuration),
        CASE(asks_the_place_that_the_operator_wrote),
        CASE(asks_another_configuration),
        CASE(refuses_what_issuers_serve),
        CASE(refuses_answers_that_do_not_end),
        CASE(goes_to_private_addresses_where_the_operator_wrote_them),
        CASE(shows_its_token_to_the_issuer_alone),
        CASE(asks_nothing_without_the_token_it_should_show),
        CASE(asks_nobody_when_it_has_no_way_out),
        CASE(logs_no_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
