/* The access-key scheme beyond the vectors: parameters, headers, dates, candidates that must not
 * match, near misses. */
#include "unit/gate/fixture.h"

#include "gate/candidates.h"

#include "crypto/base64.h"

#include <stdio.h>

static const struct route key_row = {POST, "/identities", &test_api,  ACCEPT_KEY, NEED_ANY,
                                     KIB,  NULL,          PLANE_WIRE, KIND_REPLY};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    fixture_init(f, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_clear(*state);
    free(*state);
    return 0;
}

static void takes_the_parameters_apart(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        size_t names;
    } cases[] = {
        {"SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=abc=", true, 3},
        {"Signature=abc=&SignedHeaders=host", true, 1},
        {"Credential=id, SignedHeaders=a;b,  Signature=abc", true, 2},
        {"signedheaders=a&SIGNATURE=b", true, 1},
        {"SignedHeaders=a&Signature=b&x=1&x=2&flag", true, 1},
        {"SignedHeaders=a&SignedHeaders=a&Signature=b", false, 0},
        {"SignedHeaders=a&Signature=b&Signature=b", false, 0},
        {"SignedHeaders=a&Signature=&Signature=b", false, 0},
        {"SignedHeaders=a;;b&Signature=b", false, 0},
        {"SignedHeaders=&Signature=b", false, 0},
        {"SignedHeaders=a;A&Signature=b", false, 0},
        {"SignedHeaders=a;&Signature=b", false, 0},
        {"SignedHeaders=a", false, 0},
        {"Signature=b", false, 0},
        {"SignedHeaders=a&Signature=", false, 0},
        {"", false, 0},
        {"SignedHeaders=a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p&Signature=b", true, 16},
        {"SignedHeaders=a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q&Signature=b", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct key_credential c;

        if ((key_credential_parse(str_from(cases[i].text), &c) == RC_OK) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        if (cases[i].ok)
            assert_int_equal(c.n, cases[i].names);
    }
}

struct outcome {
    const struct api_error *error;
    char explain[2048];
    enum key_slot slot;
};

static struct outcome check(struct fixture *f, const struct recipe *r, const struct door *door)
{
    struct request_fake fake;
    struct outcome out = {0};
    bool known;

    request_fake_init(&fake, door);
    fixture_request(&fake, r, &key_row);
    fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
    out.error = gate_identify(f->gl, &fake.req);
    if (!out.error)
        out.slot = fake.req.principal->key;
    (void)snprintf(out.explain, sizeof out.explain, STR_FMT, STR_ARG(fake.req.explain));
    request_fake_clear(&fake);
    return out;
}

#define USUAL "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
#define V1    "DFjk9obvLNWybjUOjfWY31fMJuXai3HN91MjudqZqeI="

static void refuses_malformed_headers(void **state)
{
    static const struct {
        const char *name;
        struct recipe r;
        const char *why;
    } cases[] = {
        {"the twin that is right", {.authorization = USUAL V1}, NULL},
        {"scheme in lower case",
         {.authorization =
              "hmac-sha256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" V1},
         NULL},
        {"two hashes",
         {.extra = "x-ms-content-sha256: " E_HASH "\r\n"},
         "exactly once; header=\"x-ms-content-sha256\""},
        {"two dates",
         {.extra = "x-ms-date: " HTTPDAY "\r\n"},
         "exactly once; header=\"x-ms-date\""},
        {"a header that is not there",
         {.authorization =
              "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256;x&Signature=" V1},
         "exactly once"},
        {"no host signed",
         {.authorization = "HMAC-SHA256 SignedHeaders=x-ms-date;x-ms-content-sha256&Signature=" V1},
         "must name host"},
        {"no hash signed",
         {.authorization = "HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature=" V1},
         "must name host"},
        {"no date signed",
         {.authorization = "HMAC-SHA256 SignedHeaders=host;x-ms-content-sha256&Signature=" V1},
         "must name host"},
        {"signature cut short", {.authorization = USUAL "DFjk9obvLNWybjUO"}, "base64 of 32"},
        {"signature with non-zero trailing bits",
         {.authorization = USUAL "DFjk9obvLNWybjUOjfWY31fMJuXai3HN91MjudqZqeJ="},
         "base64 of 32"},
        {"signature in the url alphabet",
         {.authorization = USUAL "_Fjk9obvLNWybjUOjfWY31fMJuXai3HN91MjudqZqeI="},
         "cause=signature-url-alphabet"},
        {"signature in hexadecimal",
         {.authorization =
              USUAL "0c58e4f686ef2cd5b26e350e8df598df57cc26e5da8b71cdf75323b9da99a9e2"},
         "cause=signature-hexadecimal"},
        {"signature percent-encoded",
         {.authorization = USUAL "DFjk9obvLNWybjUOjfWY31fMJuXai3HN91MjudqZqeI%3D"},
         "cause=signature-escaped"},
        {"a date that is none", {.date = "yesterday"}, "not an HTTP date"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = check(*state, &cases[i].r, &tls_door);

        if ((o.error == NULL) != (cases[i].why == NULL) ||
            (o.error && (o.error != &API_DENIED || !strstr(o.explain, cases[i].why))))
            fail_msg("%s: %s", cases[i].name, o.explain);
    }
}

static void takes_every_date_form_and_both_dates(void **state)
{
    static const struct {
        const char *date;
        bool ok;
    } cases[] = {
        {HTTPDAY, true},
        {"Tue, 23 Nov 2026 15:00:00 GMT", true}, /* the weekday is not checked */
        {"Monday, 23-Nov-26 15:00:00 GMT", true},
        {"Mon Nov 23 15:00:00 2026", true},
        {"Mon, 23 Nov 2026 15:05:00 GMT", true},
        {"Mon, 23 Nov 2026 15:05:01 GMT", false},
        {"Mon, 23 Nov 2026 14:54:59 GMT", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recipe r = {.date = cases[i].date};
        struct outcome o = check(*state, &r, &tls_door);

        if ((o.error == NULL) != cases[i].ok)
            fail_msg("%s: %s", cases[i].date, o.explain);
        if (o.error) {
            assert_ptr_equal(o.error, &API_DENIED_DATE);
            assert_non_null(strstr(o.explain, "clockDifferenceSeconds="));
        }
    }
}

/* While the clock is moved the date may be near either clock; else only near the service's. */
static void takes_a_date_near_either_clock(void **state)
{
    struct fixture *f = *state;
    char date[HTTP_DATE_LEN + 1] = "", far[HTTP_DATE_LEN + 1] = "";
    struct recipe r = {.date = date}, far_r = {.date = far};

    time_to_http_date(clock_wall(), date);
    time_to_http_date(clock_wall() + 3600000, far);
    assert_null(check(f, &r, &tls_door).error);
    assert_null(check(f, &(struct recipe){0}, &tls_door).error);
    assert_ptr_equal(check(f, &far_r, &tls_door).error, &API_DENIED_DATE);
    f->clock.frozen_ms = 0; /* it stands nowhere else: the wall clock is not asked */
    assert_ptr_equal(check(f, &r, &tls_door).error, &API_DENIED_DATE);
    f->clock.frozen_ms = NOW;
}

static void knows_both_keys_and_no_others(void **state)
{
    struct outcome o = check(*state, &(struct recipe){.key = KEY_2}, &tls_door);

    assert_null(o.error);
    assert_int_equal(o.slot, KEY_SECONDARY);
    o = check(*state, &(struct recipe){0}, &tls_door);
    assert_null(o.error);
    assert_int_equal(o.slot, KEY_PRIMARY);
    assert_ptr_equal(check(*state, &(struct recipe){.key = KEY_3}, &tls_door).error, &API_DENIED);
    assert_null(
        check(*state, &(struct recipe){.key = KEY_3, .host = "other.localhost:8443"}, &tls_door)
            .error);
    assert_ptr_equal(
        check(*state, &(struct recipe){.host = "other.localhost:8443"}, &tls_door).error,
        &API_DENIED);
}

static void opens_no_second_request_with_one_signature(void **state)
{
    static const struct {
        const char *name;
        struct recipe r;
        const struct door *door;
        bool ok;
    } cases[] = {
        {"an escaped blank", {.target = "/a%20b", .signed_target = "/a b"}, &tls_door, true},
        {"an escaped percent", {.target = "/a%2541", .signed_target = "/a%41"}, &tls_door, false},
        {"an escaped question mark",
         {.target = "/a%3Fb", .signed_target = "/a?b"},
         &tls_door,
         false},
        {"an escaped hash", {.target = "/a%23b", .signed_target = "/a#b"}, &tls_door, false},
        {"an escaped ampersand",
         {.target = "/a?b=%26c", .signed_target = "/a?b=&c"},
         &tls_door,
         false},
        {"an escaped equals sign in the query",
         {.target = "/a?b=%3Dc", .signed_target = "/a?b==c"},
         &tls_door,
         false},
        {"an escaped plus in the query",
         {.target = "/a?b=%2Bc", .signed_target = "/a?b=+c"},
         &tls_door,
         false},
        {"an escaped equals sign in the path",
         {.target = "/a%3Db", .signed_target = "/a=b"},
         &tls_door,
         true},
        {"invalid UTF-8 behind escapes",
         {.target = "/a%FF", .signed_target = "/a\xff"},
         &tls_door,
         false},
        {"another path", {.target = "/b", .signed_target = "/a"}, &tls_door, false},
        {"two characters missing on TLS",
         {.target = "/abc", .signed_target = "bc", .signed_host = "localhost:8443/"},
         &tls_door,
         false},
        {"two characters missing on plain HTTP",
         {.target = "/abc", .signed_target = "bc", .signed_host = "localhost:8443/"},
         &plain_door,
         true},
        {"the query missing", {.target = "/a?b=c", .signed_target = "/a"}, &tls_door, false},
        {"Host in upper case",
         {.host = "LOCALHOST:8443", .signed_host = "localhost:8443"},
         &tls_door,
         true},
        {"Host without the door's port",
         {.host = "localhost", .signed_host = "localhost:8443"},
         &tls_door,
         true},
        {"Host with a foreign port",
         {.host = "localhost", .signed_host = "localhost:1"},
         &tls_door,
         false},
        {"the name of the same resource in x-ms-host",
         {.extra = "x-ms-host: default.localhost\r\n", .signed_host = "default.localhost"},
         &tls_door,
         true},
        {"and in X-FORWARDED-HOST, with a port of its own",
         {.extra = "X-FORWARDED-HOST: default.localhost:7\r\n", .signed_host = "default.localhost"},
         &tls_door,
         true},
        {"the name of another resource in x-ms-host",
         {.extra = "x-ms-host: other.localhost\r\n", .signed_host = "other.localhost"},
         &tls_door,
         false},
        {"a stranger's name in x-ms-host",
         {.extra = "x-ms-host: evil.example\r\n", .signed_host = "evil.example"},
         &tls_door,
         false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = check(*state, &cases[i].r, cases[i].door);

        if ((o.error == NULL) != cases[i].ok)
            fail_msg("%s: %s", cases[i].name, o.explain);
    }
}

static void counts_public_names_for_the_default_resource_alone(void **state)
{
    struct fixture f;
    struct str names[] = {STR("acs.example.com")};
    struct gate_options o = {.public_hosts = names, .public_hosts_count = 1};

    (void)state;
    fixture_init(&f, &o);
    assert_null(check(&f, &(struct recipe){.signed_host = "acs.example.com"}, &tls_door).error);
    assert_null(
        check(&f, &(struct recipe){.signed_host = "acs.example.com:8443"}, &tls_door).error);
    assert_ptr_equal(check(&f,
                           &(struct recipe){.host = "other.localhost:8443",
                                            .key = KEY_3,
                                            .signed_host = "acs.example.com"},
                           &tls_door)
                         .error,
                     &API_DENIED);
    fixture_clear(&f);
}

static void leaves_no_candidate_out_when_there_are_most(void **state)
{
    struct fixture f;
    struct str names[8];
    struct gate_options o = {.public_hosts = names, .public_hosts_count = 8};
    struct request_fake fake;
    struct candidate list[CANDIDATES_MAX];
    bool x_ms_host = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        names[i] = str_of(
            &"a.exampleb.examplec.exampled.examplee.examplef.exampleg.exampleh.example"[9 * i], 9);
    fixture_init(&f, &o);
    request_fake_init(&fake, &plain_door);
    fixture_request(&fake,
                    &(struct recipe){.target = "/identities/8%3Aacs?api-version=2023%2D10-01",
                                     .host = "LOCALHOST",
                                     .extra = "x-ms-host: a\r\nx-forwarded-host: b\r\n"},
                    &key_row);
    const struct directory *d = gate_directory(f.gl);
    struct key_check c = {.resource = d->dummy,
                          .directory = d,
                          .public_hosts = names,
                          .public_hosts_count = 8,
                          .without_query = true};
    size_t n = candidates_list(&c, &fake.req, STR("LOCALHOST"), list);
    assert_true(n < CANDIDATES_MAX);
    for (size_t i = 0; i < n; i++)
        x_ms_host |=
            str_eq(list[i].path, STR("/identities/8%3Aacs")) && str_eq(list[i].host, STR("b"));
    assert_true(x_ms_host); /* P6 with H6: the last of the table */
    request_fake_clear(&fake);
    fixture_clear(&f);
}

/* ---- near misses ---- */

struct wrong {
    const char *cause;
    const char *sts; /* what was signed, with %s for host and E_HASH in place */
    const char *key; /* NULL: KEY_1 */
    const char *extra;
};

#define ONE   "POST\n" TARGET "\n"
#define THREE HTTPDAY ";localhost:8443;" E_HASH

static void names_the_common_mistakes(void **state)
{
    static const struct wrong cases[] = {
        {"key-as-text", ONE THREE,
         "Q2FsbGdhdGUtZmFrZS10ZXN0LWtleS0wMTIzNDU2Nzg5LW5vdC1hLXNlY3JldC0wMTIzNDU2Nzg5LUFCQ0RFRg==",
         NULL},
        {"path-without-query", "POST\n/identities\n" THREE, NULL, NULL},
        {"whole-url", "POST\nhttps://localhost:8443" TARGET "\n" THREE, NULL, NULL},
        {"host-port", ONE HTTPDAY ";localhost:443;" E_HASH, NULL, NULL},
        {"host-missing", ONE HTTPDAY ";;" E_HASH, NULL, NULL},
        {"header-order", ONE "localhost:8443;" HTTPDAY ";" E_HASH, NULL, NULL},
        {"header-order", ONE E_HASH ";localhost:8443;" HTTPDAY, NULL, NULL},
        {"line-ends", "POST\r\n" TARGET "\r\n" THREE, NULL, NULL},
        {"line-ends", "POST\r\n" TARGET "\r\n" THREE "\r\n", NULL, NULL},
        {"line-at-the-end", ONE THREE "\n", NULL, NULL},
        {"joiner", ONE HTTPDAY "\nlocalhost:8443\n" E_HASH, NULL, NULL},
        {"other-hash",
         ONE HTTPDAY
         ";localhost:8443;e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         NULL, NULL},
        {"other-date", ONE "Mon, 23 Nov 2026 15:00:09 GMT;localhost:8443;" E_HASH, NULL,
         "Date: Mon, 23 Nov 2026 15:00:09 GMT\r\n"},
        {"method-case", "post\n" TARGET "\n" THREE, NULL, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture *f = *state;
        const char *octets = cases[i].key ? cases[i].key : KEY_1;
        struct mac_key *key = mac_key_new(octets, strlen(octets));
        uint8_t mac[SHA256_LEN];
        char auth[256] = USUAL, want[64];

        mac_sign(key, f->work, str_from(cases[i].sts), mac);
        (void)base64_encode(mac, sizeof mac, auth + strlen(USUAL));
        mac_key_free(key);
        struct recipe r = {.authorization = auth, .extra = cases[i].extra};
        struct outcome o = check(f, &r, &tls_door);
        (void)snprintf(want, sizeof want, "signature; cause=%s;", cases[i].cause);
        assert_ptr_equal(o.error, &API_DENIED);
        if (strncmp(o.explain, want, strlen(want)) != 0)
            fail_msg("%s: %s", cases[i].cause, o.explain);
    }
}

static void explains_what_the_server_signed_and_no_secret(void **state)
{
    struct recipe r = {.key = "some other key",
                       .target = "/a\"b?q=%C3%BC",
                       .extra = "x-ms-hmac-string-to-sign-"
                                "base64: UE9TVAovYSJi\r\n"};
    struct outcome o = check(*state, &r, &tls_door);

    assert_ptr_equal(o.error, &API_DENIED);
    assert_non_null(strstr(o.explain, "signature; method=\"POST\"; path=\"/a\\\"b?q=%C3%BC\""));
    assert_non_null(strstr(o.explain, "; host=\"localhost:8443\"; hash=\"" E_HASH "\""));
    assert_non_null(strstr(o.explain, "; clockDifferenceSeconds=0; candidates="));
    assert_non_null(strstr(o.explain, "; firstDifference=9; yours=\"\"; ours=\"?q"));
    assert_null(strstr(o.explain, "Callgate-fake"));
    assert_null(strstr(o.explain, "Q2FsbGdhdGU"));
    for (const char *c = o.explain; *c; c++)
        assert_true(*c >= 0x20 && *c < 0x7f);
}

static void explains_a_body_hash(void **state)
{
    static const struct {
        const char *cause, *body, *hash;
    } cases[] = {
        {"cause=hash-of-nothing", "{}", E_HASH},
        {"cause=hash-line-end", "{}\n", "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="},
        {"cause=hash-hexadecimal", "{}",
         "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
        {"cause=hash-url-alphabet", "{}", "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o="},
        {"bodyHash=\"RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=\"", "{}", "AAAA"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture *f = *state;
        struct mac_key *key = mac_key_new(KEY_1, sizeof KEY_1 - 1);
        struct request_fake fake;
        char auth[256] = USUAL, sts[512], head[2048];
        uint8_t mac[SHA256_LEN];
        bool known;

        (void)snprintf(sts, sizeof sts, ONE HTTPDAY ";localhost:8443;%s", cases[i].hash);
        mac_sign(key, f->work, str_from(sts), mac);
        mac_key_free(key);
        (void)base64_encode(mac, sizeof mac, auth + strlen(USUAL));
        (void)snprintf(head, sizeof head,
                       "POST " TARGET " HTTP/1.1\r\nHost: localhost:8443\r\nx-ms-date: " HTTPDAY
                       "\r\nx-ms-content-sha256: %s\r\nAuthorization: %s\r\n\r\n",
                       cases[i].hash, auth);
        request_fake_init(&fake, &tls_door);
        assert_int_equal(request_fake_parse_with(&fake, head, str_from(cases[i].body)), RC_OK);
        fake.req.route = &key_row;
        fake.req.now = NOW;
        fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
        assert_ptr_equal(gate_identify(f->gl, &fake.req), &API_DENIED_HASH);
        if (str_find_str(fake.req.explain, str_from(cases[i].cause)) == fake.req.explain.len)
            fail_msg("%s: " STR_FMT, cases[i].cause, STR_ARG(fake.req.explain));
        request_fake_clear(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_parameters_apart),
        cmocka_unit_test_setup_teardown(refuses_malformed_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_every_date_form_and_both_dates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_a_date_near_either_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_both_keys_and_no_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opens_no_second_request_with_one_signature, set_up,
                                        tear_down),
        cmocka_unit_test(counts_public_names_for_the_default_resource_alone),
        cmocka_unit_test(leaves_no_candidate_out_when_there_are_most),
        cmocka_unit_test_setup_teardown(names_the_common_mistakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(explains_what_the_server_signed_and_no_secret, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(explains_a_body_hash, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
