/* Heads of requests, without sockets: the end of a head however it is cut, what is refused and by
 * which error, and what a sound head means. The full list of attacks runs over sockets, in
 * tests/system/test_framing.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/head.h"

#define HOST "Host: a\r\n"

static struct arena arena;
static struct header items[HEADERS_MAX];

static struct refusal read_text(const char *text, size_t lines_max, struct head *out)
{
    llhttp_t parser;
    struct head_reader reader = {lines_max, &parser, &arena, items};

    return head_read(str_from(text), &reader, out);
}

/* ---- where it ends ---- */

static const struct {
    const char *name, *data;
    enum head_scan want;
    size_t len;
} ends[] = {
    {"a whole head", "GET / HTTP/1.1\r\nA: b\r\n\r\nrest", HEAD_COMPLETE, 24},
    {"a head without lines", "GET / HTTP/1.1\r\n\r\n", HEAD_COMPLETE, 18},
    {"a lone empty line", "\r\nGET", HEAD_COMPLETE, 2},
    {"half a line", "GET / HT", HEAD_INCOMPLETE, 0},
    {"a line end cut in two", "GET / HTTP/1.1\r", HEAD_INCOMPLETE, 0},
    {"an empty line cut in two", "GET / HTTP/1.1\r\n\r", HEAD_INCOMPLETE, 0},
    {"a tab in a value", "GET / HTTP/1.1\r\nA: \tb", HEAD_INCOMPLETE, 0},
    {"a bare LF", "GET / HTTP/1.1\nA: b\r\n\r\n", HEAD_BROKEN, 0},
    {"an empty line of LF", "GET / HTTP/1.1\r\n\n", HEAD_BROKEN, 0},
    {"a CR that ends no line", "GET / HTTP/1.1\r\n\rX", HEAD_BROKEN, 0},
    {"a TLS hello", "\x16\x03\x01", HEAD_BROKEN, 0},
    {"DEL", "GET /\x7f", HEAD_BROKEN, 0},
};

static void finds_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t line_at = 0, len = 0;

        print_message("%s\n", ends[i].name);
        assert_int_equal(head_find_end(str_from(ends[i].data), &line_at, &len), ends[i].want);
        assert_int_equal(len, ends[i].len);
    }
}

static void finds_the_same_end_octet_by_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct str data = str_from(ends[i].data);
        size_t line_at = 0, len = 0;
        enum head_scan scan = HEAD_INCOMPLETE;

        print_message("%s\n", ends[i].name);
        for (size_t n = 1; n <= data.len && scan == HEAD_INCOMPLETE; n++)
            scan = head_find_end(str_head(data, n), &line_at, &len);
        assert_int_equal(scan, ends[i].want);
        assert_int_equal(len, ends[i].len);
    }
}

/* ---- what it means ---- */

static void reads_a_sound_head(void **state)
{
    struct head head;
    struct refusal r = read_text("POST /a%20b?c=d HTTP/1.1\r\n" HOST
                                 "X-MS-Date:  today\t\r\nContent-Length: 12\r\n\r\n",
                                 100, &head);

    (void)state;
    assert_null(r.error);
    assert_int_equal(head.method, POST);
    assert_true(name_eq(head.target, STR("/a%20b?c=d")));
    assert_int_equal(head.content_length, 12);
    assert_true(head.keep_alive && !head.http_1_0 && !head.chunked && !head.expect_continue);
    assert_int_equal(head.headers.n, 3);
    assert_true(name_eq(headers_get(&head.headers, HEADER_X_MS_DATE), STR("today")));
}

static const struct {
    const char *name, *text, *target;
    bool keep_alive, chunked, expect;
} sound[] = {
    /* clang-format off */
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", "/", false, false, false},
    {"HTTP/1.0 keeps alive when asked", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", true, false, false},
    {"close among others", "GET / HTTP/1.1\r\n" HOST "Connection: te , CLOSE\r\n\r\n", "/", false, false, false},
    {"close beats keep-alive", "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n", "/", false, false, false},
    {"chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "/", true, true, false},
    {"an expectation", "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", "/", true, false, true},
    {"absolute-form", "GET http://A:80/x?y HTTP/1.1\r\n" HOST "\r\n", "/x?y", true, false, false},
    {"absolute-form without path", "GET http://a HTTP/1.1\r\n" HOST "\r\n", "/", true, false, false},
    {"absolute-form with a query only", "GET http://a?x HTTP/1.1\r\n" HOST "\r\n", "/?x", true, false, false},
    {"a query as browsers leave it", "GET /?x={a}|^` HTTP/1.1\r\n" HOST "\r\n", "/?x={a}|^`", true, false, false},
    {"an upgrade that is left to the handler", "GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", "/", true, false, false},
    /* clang-format on */
};

static void reads_what_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sound); i++) {
        struct head head;
        struct refusal r = read_text(sound[i].text, 100, &head);

        print_message("%s\n", sound[i].name);
        assert_null(r.error);
        assert_true(name_eq(head.target, str_from(sound[i].target)));
        assert_int_equal(head.keep_alive, sound[i].keep_alive);
        assert_int_equal(head.chunked, sound[i].chunked);
        assert_int_equal(head.expect_continue, sound[i].expect);
    }
}

static const struct {
    const char *name, *text;
    int status;
} refused[] = {
    /* clang-format off */
    {"no target", "GET HTTP/1.1\r\n" HOST "\r\n", 400},
    {"two blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a version that we don't know", "GET / HTTP/1.2\r\n" HOST "\r\n", 505},
    {"a version of HTTP/2", "GET / HTTP/2.0\r\n" HOST "\r\n", 505},
    {"a version that is none", "GET / HTTP/1.x\r\n" HOST "\r\n", 400},
    {"a method that is no token", "GE(T / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a method that nobody knows", "FROB / HTTP/1.1\r\n" HOST "\r\n", 405},
    {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
    {"another host in the target", "GET http://b/ HTTP/1.1\r\n" HOST "\r\n", 400},
    {"another port in the target", "GET http://a:443/ HTTP/1.1\r\n" HOST "\r\n", 400},
    {"two lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
    {"a length and a coding", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"a length of twenty digits", "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n", 400},
    {"an empty element of a coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: ,chunked\r\n\r\n", 400},
    {"a coding that we don't know", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 501},
    {"a coding on HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
    {"an expectation that we don't know", "POST / HTTP/1.1\r\n" HOST "Expect: x\r\n\r\n", 417},
    {"a folded line", "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400},
    {"a blank before the colon", "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400},
    {"a control late in a long value", "GET / HTTP/1.1\r\n" HOST "A: bbbbbbbbbbbbbbbbbbbbb\x01\r\n\r\n", 400},
    /* clang-format on */
};

static void refuses_what_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct head head;
        struct refusal r = read_text(refused[i].text, 100, &head);

        print_message("%s\n", refused[i].name);
        assert_non_null(r.error);
        assert_non_null(r.why);
        assert_int_equal(r.error->status, refused[i].status);
    }
}

static void counts_lines(void **state)
{
    const char *text = "GET / HTTP/1.1\r\n" HOST "A: b\r\nA: b\r\n\r\n";
    struct head head;

    (void)state;
    assert_null(read_text(text, 3, &head).error);
    assert_int_equal(read_text(text, 2, &head).error->status, 431);
}

/* Every octet at every place of a value: only the allowed ones pass. */
static void check_octets(struct str name)
{
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < 99; at++) {
            char text[200];
            struct head head;
            llhttp_t parser;
            struct head_reader reader = {100, &parser, &arena, items};
            bool ok = c == '\t' || (c >= 0x20 && c != 0x7F);
            int len =
                snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST STR_FMT ": %099d\r\n\r\n",
                         STR_ARG(name), 0);

            text[sizeof "GET / HTTP/1.1\r\n" HOST ": " - 1 + name.len + at] = (char)c;
            if (c == '\n')
                continue; /* found by head_find_end() */
            assert_int_equal(!head_read(str_of(text, (size_t)len), &reader, &head).error, ok);
        }
    }
}

static void looks_at_every_octet(void **state)
{
    (void)state;
    check_octets(STR("A"));
    check_octets(STR("Authorization")); /* of which llhttp sees the ends */
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_end),        cmocka_unit_test(finds_the_same_end_octet_by_octet),
        cmocka_unit_test(reads_a_sound_head),   cmocka_unit_test(reads_what_is_sound),
        cmocka_unit_test(refuses_what_is_not),  cmocka_unit_test(counts_lines),
        cmocka_unit_test(looks_at_every_octet),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
