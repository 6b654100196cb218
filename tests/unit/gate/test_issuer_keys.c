/* Key sets of foreign issuers: when they are fetched, how long they are kept, what a fetch may do.
 * Requests go to a fake, the clock stands still until it is moved. */
#include "outbound_fake.h"

#include "unit/crypto/rfc_vectors.h"
#include "unit/gate/fixture.h"

#include "base/log.h"
#include "gate/issuer_keys.h"
#include "gate/key_fetch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ISSUER       "https://keys.example.org/realms/a"
#define CONFIG       ISSUER "/.well-known/openid-configuration"
#define JWKS         "https://keys.example.org/certs"
#define DOC(is, uri) "{\"issuer\":\"" is "\",\"jwks_uri\":\"" uri "\"}"
#define EC_KEY(kid)                                                                                \
    "{\"kid\":\"" kid "\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X                  \
    "\",\"y\":\"" RFC7515_A3_Y "\"}"
#define SET(keys) "{\"keys\":[" keys "]}"
#define MINUTE    ((int64_t)60 * 1000)
#define HOUR      (60 * MINUTE)
#define DAY       (24 * HOUR)

static const struct key_location plain_location = {.issuer = STR_INIT(ISSUER)};

struct bench {
    struct outbound_fake fake;
    struct clock clock;
    struct loop *loop;
    struct issuer_keys *keys;
    struct key_source *source;
    struct log *log;
    char dir[64];
};
static struct bench b;

static int set_up(void **state)
{
    (void)state;
    b = (struct bench){0};
    outbound_fake_init(&b.fake);
    atomic_init(&b.clock.frozen_ms, NOW);
    b.loop = loop_new(0);
    (void)snprintf(b.dir, sizeof b.dir, "/tmp/test_issuer_keys.XXXXXX");
    return mkdtemp(b.dir) ? 0 : -1;
}

static char *in_dir(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", b.dir, name);
    return path;
}

static int tear_down(void **state)
{
    (void)state;
    key_source_unref(b.source);
    loop_free(b.loop);
    issuer_keys_free(b.keys);
    log_free(b.log);
    outbound_fake_clear(&b.fake);
    (void)unlink(in_dir("file")); /* most tests write none */
    (void)unlink(in_dir("next"));
    (void)unlink(in_dir("log"));
    return rmdir(b.dir);
}

static void answer(const char *url, const char *body)
{
    outbound_fake_answer(&b.fake, (struct fake_answer){.url = url, .body = str_from(body)});
}

static void start(const struct key_location *where, bool development)
{
    b.keys = issuer_keys_new(&(struct issuer_keys_options){.outbound = &b.fake.outbound,
                                                           .clock = &b.clock,
                                                           .log = b.log,
                                                           .plain_loopback = development});
    b.source = key_source_get(b.keys, where);
}

/* An issuer that serves one key. */
static void start_with(const char *kid_set)
{
    answer(CONFIG, DOC(ISSUER, JWKS));
    answer(JWKS, kid_set);
    start(&plain_location, false);
}

static void advance(int64_t ms)
{
    (void)atomic_fetch_add(&b.clock.frozen_ms, ms);
}

static void stop_loop(void *ctx)
{
    loop_stop(ctx);
}

/* Until the fetch that is under way, if any, has ended. */
static void wait_on(struct loop *loop)
{
    struct key_wait w = {.task = {.run = stop_loop, .ctx = loop}, .loop = loop};

    assert_int_equal(key_source_wait(b.source, &w), RC_OK);
    loop_run(loop);
}

static enum rc find_once(const char *kid, enum jws_alg alg, const char **why)
{
    struct key_query q = {str_from(kid), alg};
    struct pkey *key = NULL;
    enum rc rc = key_source_find(b.source, b.loop, &q, &key, why);

    assert_true(rc == RC_OK ? key && pkey_fits(key, alg) : !key);
    pkey_unref(key);
    return rc;
}

/* As the gate does: waits and asks again. */
static enum rc ask(const char *kid, enum jws_alg alg, const char **why)
{
    for (unsigned i = 0; i < 5; i++) {
        enum rc rc = find_once(kid, alg, why);

        if (rc != RC_BUSY)
            return rc;
        wait_on(b.loop);
    }
    fail_msg("it never ends");
    return RC_BUSY;
}

static void expect(const char *kid, enum rc rc, unsigned sent)
{
    const char *why = "";
    enum rc got = ask(kid, JWS_ES256, &why);

    if (got != rc || b.fake.sent != sent)
        fail_msg("%s: %s (%s) after %u requests", kid, rc_name(got), why, b.fake.sent);
}

/* ---- fetching ---- */

static void finds_the_keys_by_the_configuration(void **state)
{
    struct key_source_state s;
    struct arena arena;

    (void)state;
    start_with(SET(EC_KEY("a")));
    arena_init(&arena);
    key_source_state(b.source, &arena, &s);
    assert_true(s.keys == 0 && s.fetched == 0 && s.tried == 0);
    assert_int_equal(b.fake.sent, 0); /* nothing before somebody asks */
    expect("a", RC_OK, 2);
    assert_string_equal(b.fake.last_url, JWKS);
    assert_string_equal(b.fake.last.method, "GET");
    assert_true(b.fake.last.total_ms > 0 && b.fake.last.total_ms <= KEY_FETCH_MS);
    assert_true(b.fake.last.connect_ms <= b.fake.last.total_ms);
    assert_int_equal(b.fake.last.response_max, 512 * KIB);
    assert_false(b.fake.last.private_ok || b.fake.last.plain_ok || b.fake.last.ca_file);
    assert_string_equal(b.fake.last_token, "");
    expect("a", RC_OK, 2);
    expect("", RC_OK, 2);
    key_source_state(b.source, &arena, &s);
    assert_int_equal(s.keys, 1);
    assert_true(name_eq(s.kids[0], STR("a")) && name_eq(s.jwks_url, STR(JWKS)));
    assert_true(s.fetched == NOW && s.tried == NOW && s.failure.len == 0);
    arena_clear(&arena);
}

static void asks_the_place_that_the_operator_wrote(void **state)
{
    struct key_location where = plain_location;

    (void)state;
    where.jwks_url = STR("https://other.example/k");
    answer("https://other.example/k", SET(EC_KEY("a")));
    start(&where, false);
    expect("a", RC_OK, 1);
}

static void asks_another_configuration(void **state)
{
    struct key_location where = plain_location;

    (void)state;
    where.discovery = STR("https://other.example/d?v=1");
    answer("https://other.example/d?v=1", DOC(ISSUER, "https://third.example/k?x"));
    answer("https://third.example/k?x", SET(EC_KEY("a")));
    start(&where, false);
    expect("a", RC_OK, 2);
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

        b.fake.sent = 0;
        outbound_fake_answer(&b.fake, (struct fake_answer){.url = CONFIG,
                                                           .body = str_from(cases[i].config),
                                                           .status = cases[i].config_status});
        outbound_fake_answer(&b.fake, (struct fake_answer){.url = JWKS,
                                                           .body = str_from(cases[i].jwks),
                                                           .status = cases[i].jwks_status});
        start(&plain_location, false);
        arena_init(&arena);
        if (ask("a", JWS_ES256, &why) != RC_IO || !why || b.fake.sent != cases[i].sent)
            fail_msg("%s: %u requests", cases[i].name, b.fake.sent);
        key_source_state(b.source, &arena, &s);
        if (str_find_str(s.failure, str_from(cases[i].failure)) == s.failure.len)
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(s.failure));
        arena_clear(&arena);
        key_source_unref(b.source);
        b.source = NULL;
        issuer_keys_free(b.keys);
        b.keys = NULL;
    }
}

static void refuses_answers_that_do_not_end(void **state)
{
    static const enum rc outcomes[] = {RC_TOO_LARGE, RC_IO, RC_DENIED};
    const char *why = "";

    (void)state;
    start_with(SET(EC_KEY("a")));
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        outbound_fake_answer(&b.fake, (struct fake_answer){.url = CONFIG, .rc = outcomes[i]});
        assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
        assert_int_equal(b.fake.sent, i + 1);
        assert_int_equal(find_once("a", JWS_ES256, &why), RC_IO); /* and not asked again */
        advance(HOUR);
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

static void write_file(const char *name, const char *text)
{
    int fd = open(in_dir(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static void shows_its_token_to_the_issuer_alone(void **state)
{
    struct key_location where = plain_location;

    (void)state;
    write_file("file", "fake-token.1\n");
    where.token_file = str_from(in_dir("file"));
    where.ca_file = STR("/ca.pem");
    answer(CONFIG, DOC(ISSUER, JWKS));
    answer(JWKS, SET(EC_KEY("a")));
    start(&where, false);
    expect("a", RC_OK, 2);
    assert_string_equal(b.fake.last_token, "Bearer fake-token.1");
    assert_string_equal(b.fake.last.ca_file, "/ca.pem");
    write_file("file", "fake-token.2"); /* read at each fetch */
    answer(CONFIG, DOC(ISSUER, "https://other.example/k"));
    answer("https://other.example/k", SET(EC_KEY("b")));
    key_source_refresh(b.source, b.loop);
    wait_on(b.loop);
    assert_string_equal(b.fake.last_url, "https://other.example/k");
    assert_string_equal(b.fake.last_token, "");
    answer(CONFIG, DOC(ISSUER, "https://keys.example.org:444/k"));
    answer("https://keys.example.org:444/k", SET(EC_KEY("b")));
    key_source_refresh(b.source, b.loop);
    wait_on(b.loop);
    assert_string_equal(b.fake.last_token, ""); /* another port is another service */
    expect("b", RC_OK, 6);
}

static void asks_nothing_without_the_token_it_should_show(void **state)
{
    static const char *const texts[] = {"", "\n", "two words\n", "a\nb", "caf\xC3\xA9", NULL};
    struct key_location where = plain_location;
    const char *why;

    (void)state;
    where.token_file = str_from(in_dir("file"));
    start(&where, false);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i])
            write_file("file", texts[i]);
        else
            assert_int_equal(unlink(in_dir("file")), 0);
        assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
        assert_true(str_starts(str_from(why), STR("the token file")));
        advance(HOUR);
    }
    assert_int_equal(b.fake.sent, 0);
}

static void asks_nobody_when_it_has_no_way_out(void **state)
{
    const char *why = "";

    (void)state;
    b.keys = issuer_keys_new(&(struct issuer_keys_options){.clock = &b.clock});
    b.source = key_source_get(b.keys, &plain_location);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "this server sends no requests");
}

/* ---- ages ---- */

static void renews_behind_the_use(void **state)
{
    const char *why;

    (void)state;
    start_with(SET(EC_KEY("a")));
    expect("a", RC_OK, 2);
    advance(HOUR - 7 * MINUTE); /* a tenth earlier than an hour is the earliest */
    expect("a", RC_OK, 2);
    answer(JWKS, SET(EC_KEY("b")));
    advance(14 * MINUTE);
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_OK); /* at once, with what there is */
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_OK);
    wait_on(b.loop);
    assert_int_equal(b.fake.sent, 4); /* one fetch for both */
    expect("a", RC_DENIED, 4);        /* gone from the document: gone at once */
    expect("b", RC_OK, 4);
}

static void jitters_by_a_tenth(void **state)
{
    unsigned early = 0, rounds = 200;
    const char *why;

    (void)state;
    start_with(SET(EC_KEY("a")));
    expect("a", RC_OK, 2);
    for (unsigned i = 0; i < rounds; i++) {
        unsigned before = b.fake.sent;

        advance(HOUR - 6 * MINUTE - 1);
        assert_int_equal(find_once("a", JWS_ES256, &why), RC_OK);
        wait_on(b.loop);
        assert_int_equal(b.fake.sent, before);
        advance(6 * MINUTE);
        assert_int_equal(find_once("a", JWS_ES256, &why), RC_OK);
        wait_on(b.loop);
        early += b.fake.sent > before;
        key_source_refresh(b.source, b.loop);
        wait_on(b.loop);
    }
    assert_true(early > rounds / 4 && early < rounds * 3 / 4);
}

static void waits_when_nobody_has_looked_for_a_day(void **state)
{
    const char *why;

    (void)state;
    start_with(SET(EC_KEY("a")));
    expect("a", RC_OK, 2);
    answer(JWKS, SET(EC_KEY("b")));
    advance(DAY);
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_BUSY);
    expect("a", RC_DENIED, 4);
}

static void heeds_the_age_that_the_issuer_names(void **state)
{
    static const struct {
        const char *name, *headers;
        int64_t not_before, not_after;
    } cases[] = {
        {"20 minutes", "cache-control: public, max-age=1200", 18 * MINUTE - 1, 22 * MINUTE},
        {"as text", "Cache-Control: max-age=\"1200\"", 18 * MINUTE - 1, 22 * MINUTE},
        {"never below 5 minutes", "cache-control: max-age=1", 4 * MINUTE + 29000, 6 * MINUTE},
        {"nor for no-store", "cache-control: no-store, max-age=1200", 4 * MINUTE + 29000,
         6 * MINUTE},
        {"nor for a broken one", "cache-control: max-age=x", 4 * MINUTE + 29000, 6 * MINUTE},
        {"a year is an hour", "cache-control: max-age=31536000", 54 * MINUTE - 1, 67 * MINUTE},
        {"none is an hour", "etag: x", 54 * MINUTE - 1, 67 * MINUTE},
    };
    const char *why;

    (void)state;
    answer(CONFIG, DOC(ISSUER, JWKS));
    start(&plain_location, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned before;

        outbound_fake_answer(&b.fake, (struct fake_answer){.url = JWKS,
                                                           .body = STR(SET(EC_KEY("a"))),
                                                           .headers = cases[i].headers});
        key_source_refresh(b.source, b.loop);
        wait_on(b.loop);
        before = b.fake.sent;
        advance(cases[i].not_before);
        (void)find_once("a", JWS_ES256, &why); /* whether it asks is what counts */
        wait_on(b.loop);
        if (b.fake.sent != before)
            fail_msg("%s: too early", cases[i].name);
        advance(cases[i].not_after - cases[i].not_before);
        (void)find_once("a", JWS_ES256, &why); /* likewise */
        wait_on(b.loop);
        if (b.fake.sent != before + 2)
            fail_msg("%s: too late", cases[i].name);
    }
}

static size_t count_in_log(const char *needle)
{
    static char text[16 * 1024];
    int fd = open(in_dir("log"), O_RDONLY);
    ssize_t got;
    struct str rest;
    size_t found = 0, at;

    log_flush(b.log);
    assert_true(fd >= 0);
    got = read(fd, text, sizeof text);
    assert_int_equal(close(fd), 0);
    assert_true(got >= 0);
    for (rest = str_of(text, (size_t)got); (at = str_find_str(rest, str_from(needle))) < rest.len;
         rest = str_from_index(rest, at + 1))
        found++;
    return found;
}

static void lives_on_for_a_week_when_the_issuer_is_away(void **state)
{
    int fd = open(in_dir("log"), O_CREAT | O_RDWR | O_APPEND, 0600);
    unsigned sent;

    (void)state;
    b.log = log_new(&(struct log_options){.format = LOG_FORMAT_TEXT, .fd = fd});
    start_with(SET(EC_KEY("a")));
    expect("a", RC_OK, 2);
    outbound_fake_answer(&b.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    advance(DAY);
    expect("a", RC_OK, 3); /* waited for, in vain */
    expect("a", RC_OK, 3);
    for (int i = 1; i < 6; i++) {
        advance(DAY);
        expect("a", RC_OK, 3 + (unsigned)i - 1);
        wait_on(b.loop);
    }
    advance(DAY - MINUTE);
    expect("a", RC_OK, 8);
    wait_on(b.loop);
    assert_int_equal(count_in_log("issuer.keys_stale"), 1); /* said once */
    advance(MINUTE);
    sent = b.fake.sent;
    assert_true(sent >= 9);
    const char *why = NULL;
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the issuer is out of reach");
    answer(CONFIG, DOC(ISSUER, JWKS));
    advance(5 * MINUTE);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_OK);
    outbound_fake_answer(&b.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    advance(DAY);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_OK);
    assert_int_equal(count_in_log("issuer.keys_stale"), 2); /* after it had worked again */
    log_free(b.log);
    b.log = NULL;
    assert_int_equal(close(fd), 0);
}

static void logs_no_token(void **state)
{
    int fd = open(in_dir("log"), O_CREAT | O_RDWR | O_APPEND, 0600);
    struct key_location where = plain_location;
    const char *why = "";

    (void)state;
    b.log = log_new(&(struct log_options){.level = LOG_DEBUG, .format = LOG_FORMAT_JSON, .fd = fd});
    write_file("file", "fake-token");
    where.token_file = str_from(in_dir("file"));
    outbound_fake_answer(&b.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    start(&where, false);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(b.fake.last_token, "Bearer fake-token");
    assert_int_equal(count_in_log("issuer.keys_missing"), 1);
    assert_int_equal(count_in_log(ISSUER), 1);
    assert_int_equal(count_in_log("fake-token"), 0);
    log_free(b.log);
    b.log = NULL;
    assert_int_equal(close(fd), 0);
}

static void asks_a_dead_issuer_less_and_less(void **state)
{
    static const int64_t waits_s[] = {10, 20, 40, 80, 160, 300, 300};
    const char *why;

    (void)state;
    start(&plain_location, false);
    expect("a", RC_IO, 1);
    for (size_t i = 0; i < ARRAY_LEN(waits_s); i++) {
        for (unsigned n = 0; n < 50; n++) /* a flood asks nobody */
            assert_int_equal(find_once("a", JWS_ES256, &why), RC_IO);
        advance(waits_s[i] * 1000 - 1);
        expect("a", RC_IO, 1 + (unsigned)i);
        advance(1);
        expect("a", RC_IO, 2 + (unsigned)i);
    }
}

/* ---- unknown kids ---- */

static void fetches_once_in_five_minutes_for_unknown_kids(void **state)
{
    const char *why;

    (void)state;
    start_with(SET(EC_KEY("a")));
    expect("a", RC_OK, 2);
    for (unsigned i = 0; i < 1000; i++) { /* just fetched: refused at once */
        char kid[32];

        (void)snprintf(kid, sizeof kid, "random-%u", i);
        assert_int_equal(find_once(kid, JWS_ES256, &why), RC_DENIED);
    }
    assert_int_equal(b.fake.sent, 2);
    advance(5 * MINUTE);
    answer(JWKS, SET(EC_KEY("a") "," EC_KEY("new")));
    for (unsigned i = 0; i < 100; i++) { /* single flight */
        char kid[32];

        (void)snprintf(kid, sizeof kid, "random-%u", i);
        assert_int_equal(find_once(kid, JWS_ES256, &why), RC_BUSY);
        assert_int_equal(find_once("a", JWS_ES256, &why), RC_OK);
    }
    wait_on(b.loop);
    assert_int_equal(b.fake.sent, 4);
    expect("new", RC_OK, 4);
    for (unsigned minute = 0; minute < 50; minute++) { /* less than any renewal */
        char kid[32];

        (void)snprintf(kid, sizeof kid, "more-%u", minute);
        assert_int_equal(ask(kid, JWS_ES256, &why), RC_DENIED);
        advance(MINUTE);
    }
    assert_true(b.fake.sent <= 4 + 2 * 10);
}

static void a_failed_fetch_for_an_unknown_kid_counts_too(void **state)
{
    (void)state;
    start_with(SET(EC_KEY("a")));
    expect("a", RC_OK, 2);
    advance(5 * MINUTE);
    outbound_fake_answer(&b.fake, (struct fake_answer){.url = CONFIG, .rc = RC_IO});
    expect("x", RC_DENIED, 3);
    advance(5 * MINUTE - 1);
    expect("x", RC_DENIED, 3);
    expect("a", RC_OK, 3);
    advance(1);
    expect("x", RC_DENIED, 4);
}

static void asks_nobody_for_a_kid_that_no_set_can_have(void **state)
{
    static char kid[10 * 1024];
    const char *why = "";

    (void)state;
    start_with(SET(EC_KEY("a")));
    memset(kid, 'k', sizeof kid - 1);
    assert_int_equal(find_once(kid, JWS_ES256, &why), RC_DENIED);
    assert_int_equal(b.fake.sent, 0);
    expect("a", RC_OK, 2);
    advance(HOUR / 2);
    assert_int_equal(find_once("a", JWS_RS256, &why),
                     RC_DENIED); /* nor for one that does not fit */
    assert_string_equal(why, "the key of this kid is for another algorithm");
    assert_int_equal(find_once("", JWS_RS256, &why), RC_DENIED);
    assert_int_equal(b.fake.sent, 2);
}

static void a_clock_set_back_does_no_harm(void **state)
{
    (void)state;
    start_with(SET(EC_KEY("a")));
    expect("a", RC_OK, 2);
    advance(-30 * DAY);
    answer(JWKS, SET(EC_KEY("b")));
    expect("b", RC_OK, 4);
    expect("x", RC_DENIED, 4);
}

/* ---- files ---- */

static void replace_file(const char *text)
{
    char next[128];

    write_file("next", text);
    (void)snprintf(next, sizeof next, "%s", in_dir("next"));
    assert_int_equal(rename(next, in_dir("file")), 0);
}

static void reads_a_file_again_when_it_has_changed(void **state)
{
    struct key_location where = plain_location;
    const char *why = "";
    struct key_source_state s;
    struct arena arena;

    (void)state;
    where.jwks_file = str_from(in_dir("file"));
    start(&where, false);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the file of the keys can't be read");
    replace_file(SET(EC_KEY("a")));
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO); /* at most once a second */
    advance(1000);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_OK);
    replace_file(SET(EC_KEY("b")));
    assert_int_equal(ask("b", JWS_ES256, &why), RC_DENIED);
    advance(1000);
    assert_int_equal(ask("b", JWS_ES256, &why), RC_OK); /* an unknown kid makes it look */
    assert_int_equal(ask("a", JWS_ES256, &why), RC_DENIED);
    advance(HOUR);
    assert_int_equal(find_once("b", JWS_ES256, &why), RC_BUSY); /* long not looked at */
    assert_int_equal(ask("b", JWS_ES256, &why), RC_OK);
    replace_file("{\"keys\":[");
    advance(1000);
    assert_int_equal(find_once("b", JWS_ES256, &why), RC_OK);
    wait_on(b.loop);
    assert_int_equal(ask("b", JWS_ES256, &why), RC_OK); /* half a file keeps the former set */
    arena_init(&arena);
    key_source_state(b.source, &arena, &s);
    assert_true(str_starts(s.failure, STR("files: the key set is no JSON")));
    arena_clear(&arena);
    replace_file(SET(EC_KEY("c")));
    advance(1000);
    assert_int_equal(ask("c", JWS_ES256, &why), RC_OK);
    assert_int_equal(b.fake.sent, 0);
}

static void reads_only_plain_files_of_a_size(void **state)
{
    struct key_location where = plain_location;
    const char *why = "";

    (void)state;
    where.jwks_file = str_from(in_dir("file"));
    start(&where, false);
    assert_int_equal(mkfifo(in_dir("file"), 0600), 0);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO); /* and waits for no writer */
    assert_string_equal(why, "the file of the keys can't be read");
    assert_int_equal(unlink(in_dir("file")), 0);
    write_file("file", SET(EC_KEY("a")));
    assert_int_equal(truncate(in_dir("file"), (off_t)KEY_DOCUMENT_MAX + 1), 0);
    advance(1000);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the key set is too large");
}

/* ---- sharing, waiting, ending ---- */

static void shares_sources_of_one_location(void **state)
{
    struct key_location other = plain_location;
    struct key_source *again, *elsewhere;

    (void)state;
    start(&plain_location, false);
    other.ca_file = STR("/ca.pem");
    again = key_source_get(b.keys, &plain_location);
    elsewhere = key_source_get(b.keys, &other);
    assert_ptr_equal(again, b.source);
    assert_ptr_not_equal(elsewhere, b.source);
    assert_ptr_equal(key_source_ref(again), again);
    key_source_unref(again);
    key_source_unref(again);
    key_source_unref(elsewhere);
    key_source_unref(NULL);
    again = key_source_get(b.keys, &other); /* was forgotten with its last holder */
    key_source_unref(again);
}

static void count_task(void *ctx)
{
    unsigned *count = ctx;

    ++*count;
}

static void bounds_who_waits(void **state)
{
    static struct key_wait waits[KEY_WAITERS_MAX + 1];
    unsigned called = 0;
    const char *why;

    (void)state;
    start_with(SET(EC_KEY("a")));
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_BUSY);
    for (size_t i = 0; i <= KEY_WAITERS_MAX; i++) {
        waits[i] = (struct key_wait){.task = {.run = count_task, .ctx = &called}, .loop = b.loop};
        assert_int_equal(key_source_wait(b.source, &waits[i]),
                         i < KEY_WAITERS_MAX ? RC_OK : RC_BUSY);
    }
    assert_int_equal(called, 0);
    loop_settle(b.loop);
    assert_int_equal(called, KEY_WAITERS_MAX);
    assert_int_equal(key_source_wait(b.source, &waits[0]), RC_OK); /* none under way: at once */
    loop_settle(b.loop);
    assert_int_equal(called, KEY_WAITERS_MAX + 1);
    expect("a", RC_OK, 2);
}

static void cancels_when_its_loop_leaves(void **state)
{
    struct key_wait w = {.loop = b.loop};
    unsigned called = 0;
    const char *why = "";

    (void)state;
    answer(CONFIG, DOC(ISSUER, JWKS));
    outbound_fake_answer(&b.fake, (struct fake_answer){.url = JWKS, .hold = true});
    start(&plain_location, false);
    w.task = (struct loop_task){.run = count_task, .ctx = &called};
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_BUSY);
    assert_int_equal(key_source_wait(b.source, &w), RC_OK);
    while (b.fake.sent < 2)
        loop_settle(b.loop);
    assert_int_equal(called, 0);
    issuer_keys_leave(b.keys, b.loop);
    loop_settle(b.loop);
    assert_int_equal(b.fake.cancelled, 1);
    assert_int_equal(called, 1);
    assert_int_equal(ask("a", JWS_ES256, &why), RC_IO);
    assert_string_equal(why, "the server is shutting down");
    key_source_refresh(b.source, b.loop); /* nothing new */
    advance(HOUR);
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_IO);
    assert_int_equal(b.fake.sent, 2);
}

static void leaves_before_anything_was_sent(void **state)
{
    const char *why;

    (void)state;
    start_with(SET(EC_KEY("a")));
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_BUSY);
    issuer_keys_leave(b.keys, b.loop);
    loop_settle(b.loop);
    assert_int_equal(b.fake.sent, 0);
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_IO);
}

/* tear_down() frees the loop with the request unanswered; the leak check looks on. */
static void gives_up_what_its_loop_took_along(void **state)
{
    const char *why;

    (void)state;
    write_file("file", "fake-token");
    struct key_location where = plain_location;
    where.token_file = str_from(in_dir("file"));
    outbound_fake_answer(&b.fake, (struct fake_answer){.url = CONFIG, .hold = true});
    start(&where, false);
    assert_int_equal(find_once("a", JWS_ES256, &why), RC_BUSY);
    while (b.fake.sent < 1)
        loop_settle(b.loop);
}

#define THREADS 4
#define ROUNDS  300

static pthread_barrier_t all_here;

static void *find_on_a_loop(void *ctx)
{
    const unsigned *number = ctx;
    struct loop *loop = loop_new(*number);
    unsigned lost = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct key_query q = {i % 7 ? STR("a") : STR("unknown"), JWS_ES256};
        struct pkey *key = NULL;
        const char *why;
        enum rc rc = key_source_find(b.source, loop, &q, &key, &why);

        if (rc == RC_BUSY)
            wait_on(loop);
        else if ((rc == RC_OK) != (i % 7 != 0))
            lost++;
        pkey_unref(key);
        if (*number == 0 && i % 10 == 0)
            advance(31 * MINUTE);
        if (*number == 1 && i % 50 == 0) {
            struct key_location other = plain_location;

            other.private_ok = true;
            key_source_unref(key_source_get(b.keys, &other));
        }
    }
    (void)pthread_barrier_wait(&all_here);
    loop_settle(loop); /* what it fetches behind the use */
    (void)pthread_barrier_wait(&all_here);
    loop_free(loop);
    return lost ? ctx : NULL;
}

static void is_used_by_many_loops_at_once(void **state)
{
    static unsigned numbers[THREADS] = {0, 1, 2, 3};
    pthread_t threads[THREADS];
    void *lost;

    (void)state;
    start_with(SET(EC_KEY("a")));
    assert_int_equal(pthread_barrier_init(&all_here, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_on_a_loop, &numbers[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &lost), 0);
        assert_null(lost);
    }
    assert_int_equal(pthread_barrier_destroy(&all_here), 0);
    assert_true(b.fake.sent >= 4 && b.fake.unknown == 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        CASE(renews_behind_the_use),
        CASE(jitters_by_a_tenth),
        CASE(waits_when_nobody_has_looked_for_a_day),
        CASE(heeds_the_age_that_the_issuer_names),
        CASE(lives_on_for_a_week_when_the_issuer_is_away),
        CASE(logs_no_token),
        CASE(asks_a_dead_issuer_less_and_less),
        CASE(fetches_once_in_five_minutes_for_unknown_kids),
        CASE(a_failed_fetch_for_an_unknown_kid_counts_too),
        CASE(asks_nobody_for_a_kid_that_no_set_can_have),
        CASE(a_clock_set_back_does_no_harm),
        CASE(reads_a_file_again_when_it_has_changed),
        CASE(reads_only_plain_files_of_a_size),
        CASE(shares_sources_of_one_location),
        CASE(bounds_who_waits),
        CASE(cancels_when_its_loop_leaves),
        CASE(leaves_before_anything_was_sent),
        CASE(gives_up_what_its_loop_took_along),
        CASE(is_used_by_many_loops_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
