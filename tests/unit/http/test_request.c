/* Requests: who calls, what we are called, and what outlives the connection's buffer. */
#include "tests/unit/base/unit.h"
#include "tests/unit/request_fake.h"

#include <arpa/inet.h>

static const struct door plain = {.loopback = true, .port = 8080, .bound = STR_INIT("127.0.0.1")};
static const struct door tls = {.tls = true, .port = 8443, .bound = STR_INIT("::1")};
static const struct door tls443 = {.tls = true, .port = 443, .bound = STR_INIT("10.0.0.9")};
static const struct door unix_door = {
    .admin = true, .unix_socket = true, .loopback = true, .bound = STR_INIT("/data/admin.sock")};

static struct in6_addr ip(const char *text)
{
    struct cidr c;

    assert_int_equal(cidr_parse(str_from(text), &c), RC_OK);
    return c.net;
}

static void reads_address_ranges(void **state)
{
    static const struct {
        const char *range, *inside, *outside;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
        {"10.1.2.3/8", "10.0.0.0", "9.255.255.255"},
        {"192.0.2.7", "192.0.2.7", "192.0.2.6"},
        {"192.0.2.4/30", "192.0.2.7", "192.0.2.8"},
        {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"},
        {"::1", "::1", "::2"},
        {"::/0", "10.0.0.1", NULL},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
        {"::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"},
    };
    static const char *const bad[] = {
        "",
        "a",
        "10.0.0",
        "10.0.0.0/33",
        "10.0.0.0/",
        "::/129",
        "10.0.0.0/-1",
        "10.0.0.0/ 8",
        " 10.0.0.0",
        "[::1]",
        "10.0.0.0/8/8",
        "::1%lo",
        "10.0.0.256",
        "00010.000000000.000000000.00000000000000000001",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct in6_addr at = ip(cases[i].inside);
        struct cidr c;

        assert_int_equal(cidr_parse(str_from(cases[i].range), &c), RC_OK);
        check(cases[i].range, cidr_contains(&c, &at));
        if (!cases[i].outside)
            continue;
        at = ip(cases[i].outside);
        check(cases[i].range, !cidr_contains(&c, &at));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct cidr c;

        check(bad[i], cidr_parse(str_from(bad[i]), &c) == RC_INVALID);
    }
    assert_int_equal(cidr_parse(STR("10.0.0.1\0"), &(struct cidr){0}), RC_INVALID);
}

/* Proxies at 10.0.0.0/8 and on this machine; the peer, unless said, is 10.0.0.1. */
static void start(struct request_fake *f, const struct door *door, const char *peer,
                  const char *lines)
{
    static struct cidr trusted[2];
    char raw[1024];

    assert_int_equal(cidr_parse(STR("10.0.0.0/8"), &trusted[0]), RC_OK);
    assert_int_equal(cidr_parse(STR("127.0.0.1"), &trusted[1]), RC_OK);
    (void)snprintf(raw, sizeof raw, "GET / HTTP/1.1\r\n%s\r\n", lines);
    request_fake_init(f, door);
    f->rules.trusted_proxies = trusted;
    f->rules.n_trusted = ARRAY_LEN(trusted);
    f->req.peer = (struct address){.ip = ip(peer), .uid = (uint32_t)-1};
    f->req.peer.loopback = str_starts(str_from(peer), STR("127."));
    assert_int_equal(request_fake_parse(f, raw), RC_OK);
}

static const struct {
    const char *name;
    const struct door *door;
    const char *peer, *lines, *client;
    bool secure, loopback;
} callers[] = {
    {"nobody else speaks", &plain, "10.0.0.1", "", "10.0.0.1", false, false},
    {"TLS is secure", &tls, "192.0.2.7", "", "192.0.2.7", true, false},
    {"a stranger's word does not count", &plain, "192.0.2.7",
     "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n", "192.0.2.7", false, false},
    {"a stranger's Forwarded does not count", &plain, "192.0.2.7",
     "Forwarded: for=203.0.113.5;proto=https\r\n", "192.0.2.7", false, false},
    {"one proxy", &plain, "10.0.0.1",
     "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n", "203.0.113.5", true, false},
    {"what the client wrote first does not count", &plain, "10.0.0.1",
     "X-Forwarded-For: 198.51.100.1, 203.0.113.5\r\n", "203.0.113.5", false, false},
    {"several lines are one list", &plain, "10.0.0.1",
     "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5", false,
     false},
    {"a chain of proxies", &plain, "10.0.0.1",
     "X-Forwarded-For: 203.0.113.5, 10.0.0.3,10.0.0.2\r\n", "203.0.113.5", false, false},
    {"proxies alone", &plain, "10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3",
     false, false},
    {"an address with port", &plain, "10.0.0.1", "X-Forwarded-For: 203.0.113.5:4711\r\n",
     "203.0.113.5", false, false},
    {"IPv6", &plain, "10.0.0.1", "X-Forwarded-For: 2001:db8::5\r\n", "2001:db8::5", false, false},
    {"IPv6 with port", &plain, "10.0.0.1", "X-Forwarded-For: [2001:db8::5]:4711\r\n", "2001:db8::5",
     false, false},
    {"what is no address", &plain, "10.0.0.1",
     "X-Forwarded-For: 203.0.113.5, unknown, 10.0.0.2\r\n", "10.0.0.2", false, false},
    {"the client's quote hides nothing", &plain, "10.0.0.1", "X-Forwarded-For: \", 203.0.113.5\r\n",
     "203.0.113.5", false, false},
    {"empty elements", &plain, "10.0.0.1", "X-Forwarded-For: ,203.0.113.5, ,\r\n", "203.0.113.5",
     false, false},
    {"a scheme beside each address", &plain, "10.0.0.1",
     "X-Forwarded-For: 203.0.113.5, 10.0.0.2\r\nX-Forwarded-Proto: https, http\r\n", "203.0.113.5",
     true, false},
    {"the client's own scheme does not count", &plain, "10.0.0.1",
     "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https, http\r\n", "203.0.113.5", false,
     false},
    {"a proxy that says http over TLS", &tls, "10.0.0.1", "X-Forwarded-Proto: http\r\n", "10.0.0.1",
     false, false},
    {"a scheme in capitals", &plain, "10.0.0.1", "X-Forwarded-Proto: HTTPS\r\n", "10.0.0.1", true,
     false},
    {"Forwarded", &plain, "10.0.0.1", "Forwarded: for=203.0.113.5;proto=https;by=10.0.0.1\r\n",
     "203.0.113.5", true, false},
    {"Forwarded, quoted", &plain, "10.0.0.1",
     "Forwarded: Proto=https; For=\"[2001:db8::5]:4711\"\r\n", "2001:db8::5", true, false},
    {"Forwarded, a chain", &plain, "10.0.0.1",
     "Forwarded: for=203.0.113.5;proto=https, for=10.0.0.2;proto=http\r\n", "203.0.113.5", true,
     false},
    {"Forwarded, the client's quote hides nothing", &plain, "10.0.0.1",
     "Forwarded: for=\"1.2.3.4\r\nForwarded: for=\", for=203.0.113.5\r\n", "203.0.113.5", false,
     false},
    {"Forwarded, hidden", &plain, "10.0.0.1", "Forwarded: for=_secret;proto=https\r\n", "10.0.0.1",
     true, false},
    {"the client's Forwarded beside X-Forwarded-For", &plain, "10.0.0.1",
     "Forwarded: for=198.51.100.1;proto=https\r\nX-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5",
     false, false},
    {"loopback through our own proxy", &plain, "127.0.0.1", "X-Forwarded-For: 127.0.0.1\r\n",
     "127.0.0.1", false, true},
    {"a stranger through our own proxy", &plain, "127.0.0.1", "X-Forwarded-For: 203.0.113.5\r\n",
     "203.0.113.5", false, false},
    {"a proxy elsewhere that says loopback", &plain, "10.0.0.1", "X-Forwarded-For: 127.0.0.1\r\n",
     "127.0.0.1", false, false},
    {"IPv6 loopback through our own proxy", &plain, "127.0.0.1", "X-Forwarded-For: ::1\r\n", "::1",
     false, true},
};

static void finds_the_caller(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        struct in6_addr client = ip(callers[i].client);
        struct request_fake f;

        start(&f, callers[i].door, callers[i].peer, callers[i].lines);
        check(callers[i].name, memcmp(&f.req.client_addr.ip, &client, sizeof client) == 0);
        check(callers[i].name, f.req.secure == callers[i].secure);
        check(callers[i].name, f.req.client_addr.loopback == callers[i].loopback);
        request_fake_clear(&f);
    }
}

static void nobody_speaks_on_the_socket(void **state)
{
    struct request_fake f;

    (void)state;
    request_fake_init(&f, &unix_door);
    assert_int_equal(request_fake_parse(&f, "GET / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n"
                                            "X-Forwarded-Host: evil\r\n\r\n"),
                     RC_OK);
    assert_true(f.req.client_addr.loopback);
    assert_int_not_equal(f.req.client_addr.uid, (uint32_t)-1);
    check_str("origin", request_origin(&f.req), STR("http://localhost"));
    request_fake_clear(&f);
}

static const struct {
    const char *name, *public_url;
    const struct door *door;
    const char *peer, *lines;
    struct str origin;
} origins[] = {
    {"the port of Host", "", &plain, "192.0.2.7", "Host: localhost:8080\r\n",
     STR_INIT("http://localhost:8080")},
    {"Host without port gets the listener's", "", &tls, "192.0.2.7", "Host: localhost\r\n",
     STR_INIT("https://localhost:8443")},
    {"the usual port is left out", "", &tls443, "192.0.2.7", "Host: Acs.Example.com\r\n",
     STR_INIT("https://acs.example.com")},
    {"the usual port is left out, also when Host has it", "", &tls443, "192.0.2.7",
     "Host: acs.example.com:443\r\n", STR_INIT("https://acs.example.com")},
    {"443 is not usual on plain HTTP", "", &plain, "192.0.2.7", "Host: a:443\r\n",
     STR_INIT("http://a:443")},
    {"IPv6", "", &tls, "192.0.2.7", "Host: [::1]\r\n", STR_INIT("https://[::1]:8443")},
    {"IPv6 and the longest port", "", &tls, "192.0.2.7", "Host: [::1]:65535\r\n",
     STR_INIT("https://[::1]:65535")},
    {"no Host", "", &tls, "192.0.2.7", "", STR_INIT("https://[::1]:8443")},
    {"a Host that is none", "", &plain, "192.0.2.7", "Host: a/b\"\r\n",
     STR_INIT("http://127.0.0.1:8080")},
    {"a stranger's word does not count", "", &plain, "192.0.2.7",
     "Host: a\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n",
     STR_INIT("http://a:8080")},
    {"what a proxy was asked for", "", &plain, "10.0.0.1",
     "Host: inner:8080\r\nX-Forwarded-Host: acs.example.com\r\nX-Forwarded-Proto: https\r\n",
     STR_INIT("https://acs.example.com")},
    {"what a proxy was asked for, with port", "", &plain, "10.0.0.1",
     "Host: inner\r\nForwarded: host=\"acs.example.com:8443\";proto=https\r\n",
     STR_INIT("https://acs.example.com:8443")},
    {"the first of two proxies counts", "", &plain, "10.0.0.1",
     "Host: inner\r\nX-Forwarded-For: 203.0.113.5, 10.0.0.2\r\n"
     "X-Forwarded-Host: acs.example.com, middle\r\nX-Forwarded-Proto: https, http\r\n",
     STR_INIT("https://acs.example.com")},
    {"a proxy that keeps Host has its own port", "", &plain, "10.0.0.1",
     "Host: acs.example.com\r\nX-Forwarded-Proto: https\r\n", STR_INIT("https://acs.example.com")},
    {"a proxy that forwards nonsense", "", &plain, "10.0.0.1",
     "Host: a:1\r\nX-Forwarded-Host: <evil>\r\n", STR_INIT("http://a:1")},
    {"a proxy that says nothing", "", &plain, "10.0.0.1", "Host: a\r\n", STR_INIT("http://a:8080")},
    {"the public URL", "https://acs.example.com/", &plain, "10.0.0.1",
     "Host: a\r\nX-Forwarded-Host: b\r\n", STR_INIT("https://acs.example.com")},
};

static void knows_its_own_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        struct request_fake f;
        struct str first;

        start(&f, origins[i].door, origins[i].peer, origins[i].lines);
        f.rules.public_url = str_from(origins[i].public_url);
        first = request_origin(&f.req);
        check_str(origins[i].name, first, origins[i].origin);
        assert_ptr_equal(request_origin(&f.req).ptr, first.ptr);
        request_fake_clear(&f);
    }
}

static void a_held_request_outlives_the_buffer(void **state)
{
    struct request_fake f;

    (void)state;
    request_fake_init(&f, NULL);
    assert_int_equal(request_fake_parse(&f, "POST /a/b?c=d HTTP/1.1\nHost: h\n\nbody"), RC_OK);
    request_hold(&f.req);
    assert_true(f.req.held);
    assert_int_equal(f.raw[0], '#');
    request_hold(&f.req);
    check_str("target", f.req.target, STR("/a/b?c=d"));
    check_str("segment", f.req.url.segments[1], STR("b"));
    check_str("query", request_query(&f.req, "c"), STR("d"));
    check_str("header", headers_get(&f.req.headers, HEADER_HOST), STR("h"));
    check_str("body", f.req.body, STR("body"));
    assert_null(request_query(&f.req, "x").ptr);
    request_fake_clear(&f);
}

static void query_parameters_that_are_badly_escaped_are_absent(void **state)
{
    struct request_fake f;

    (void)state;
    request_fake_init(&f, NULL);
    assert_int_equal(request_fake_parse(&f, "GET /?a=%2&b=%20 HTTP/1.1\r\n\r\n"), RC_OK);
    assert_null(request_query(&f.req, "a").ptr);
    check_str("b", request_query(&f.req, "b"), STR(" "));
    request_fake_clear(&f);
}

static int left;

static void count_leave(void *ctx)
{
    (void)ctx;
    left++;
}

static void the_fake_refuses_what_is_no_request(void **state)
{
    static const char *const bad[] = {
        "",
        "GET /",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/2\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    };
    struct request_fake f;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        request_fake_init(&f, NULL);
        check(bad[i], request_fake_parse(&f, bad[i]) == RC_INVALID);
        request_fake_clear(&f);
    }
    f = (struct request_fake){0};
    request_fake_clear(&f);

    request_fake_init(&f, NULL);
    assert_int_equal(request_fake_parse_with(&f, "PUT / HTTP/1.1\r\n\r\n", STR("a\0b")), RC_OK);
    check_str("octets", f.req.body, STR("a\0b"));
    f.req.on_gone = count_leave;
    left = 0;
    request_fake_leave(&f);
    request_fake_leave(&f);
    assert_true(f.req.gone);
    assert_int_equal(left, 1);
    request_fake_clear(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_address_ranges),
        cmocka_unit_test(finds_the_caller),
        cmocka_unit_test(nobody_speaks_on_the_socket),
        cmocka_unit_test(knows_its_own_address),
        cmocka_unit_test(a_held_request_outlives_the_buffer),
        cmocka_unit_test(query_parameters_that_are_badly_escaped_are_absent),
        cmocka_unit_test(the_fake_refuses_what_is_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
