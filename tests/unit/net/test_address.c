/* Addresses of doors as text, and peers as requests see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/address.h"

#include <arpa/inet.h>

static const struct {
    const char *text;
    enum rc want;
    size_t n;
    uint16_t port;
    bool loopback;
} cases[] = {
    {"127.0.0.1:8443", RC_OK, 1, 8443, true},
    {"127.9.9.9:1", RC_OK, 1, 1, true},
    {"0.0.0.0:0", RC_OK, 1, 0, false},
    {"10.0.0.1:65535", RC_OK, 1, 65535, false},
    {"[::1]:8080", RC_OK, 1, 8080, true},
    {"[::]:8080", RC_OK, 1, 8080, false},
    {"[::ffff:127.0.0.1]:80", RC_OK, 1, 80, true},
    {"localhost:0", RC_OK, 2, 0, true},
    {"LocalHost:80", RC_OK, 2, 80, true},
    {"unix:/run/x.sock", RC_OK, 1, 0, true},
    {"", RC_INVALID, 0, 0, false},
    {"localhost", RC_INVALID, 0, 0, false},
    {"127.0.0.1", RC_INVALID, 0, 0, false},
    {"127.0.0.1:", RC_INVALID, 0, 0, false},
    {"127.0.0.1:65536", RC_INVALID, 0, 0, false},
    {"127.0.0.1:+80", RC_INVALID, 0, 0, false},
    {"127.0.0.1 :80", RC_INVALID, 0, 0, false},
    {"127.1:80", RC_INVALID, 0, 0, false},
    {"::1:80", RC_INVALID, 0, 0, false},
    {"[::1:80", RC_INVALID, 0, 0, false},
    {"[::1]80", RC_INVALID, 0, 0, false},
    {"[127.0.0.1]:80", RC_INVALID, 0, 0, false},
    {"[localhost]:80", RC_INVALID, 0, 0, false},
    {"[]:80", RC_INVALID, 0, 0, false},
    {"example.com:80", RC_INVALID, 0, 0, false},
    {"unix:", RC_INVALID, 0, 0, false},
};

static void reads_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bind_address a;

        print_message("%s\n", cases[i].text);
        assert_int_equal(bind_address_parse(str_from(cases[i].text), &a), cases[i].want);
        if (cases[i].want)
            continue;
        assert_int_equal(a.n, cases[i].n);
        assert_int_equal(a.port, cases[i].port);
        assert_int_equal(socket_address_is_loopback(&a.at[0]), cases[i].loopback);
        if (!a.unix_socket)
            assert_int_equal(socket_address_port(&a.at[a.n - 1]), cases[i].port);
    }
}

static void refuses_a_path_that_does_not_fit(void **state)
{
    char text[200] = "unix:/";
    struct bind_address a;

    (void)state;
    memset(text + 6, 'x', 107);
    assert_int_equal(bind_address_parse(str_from(text), &a), RC_INVALID);
    text[6 + 106] = '\0';
    assert_int_equal(bind_address_parse(str_from(text), &a), RC_OK);
}

static void tells_peers(void **state)
{
    union socket_address a = {.v4 = {.sin_family = AF_INET}};
    struct address peer;
    char text[INET6_ADDRSTRLEN];

    (void)state;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &a.v4.sin_addr), 1);
    peer = peer_address(&a, -1);
    assert_non_null(inet_ntop(AF_INET6, &peer.ip, text, sizeof text));
    assert_string_equal(text, "::ffff:192.0.2.7");
    assert_false(peer.loopback);
    assert_int_equal(peer.uid, (uint32_t)-1);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &a.v4.sin_addr), 1);
    assert_true(peer_address(&a, -1).loopback);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_addresses),
        cmocka_unit_test(refuses_a_path_that_does_not_fit),
        cmocka_unit_test(tells_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
