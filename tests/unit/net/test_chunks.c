/* Bodies in chunks, without sockets: each case whole and cut at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/chunks.h"

#define HEAD_TEXT "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define BODY_MAX  64

static const struct {
    const char *name, *data, *body;
    int status;  /* 0: sound */
    size_t used; /* of sound ones */
} cases[] = {
    /* clang-format off */
    {"one chunk", "5\r\nhello\r\n0\r\n\r\nGET", "hello", 0, 15},
    {"several chunks", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!", 0, 21},
    {"no data", "0\r\n\r\n", "", 0, 5},
    {"zeros and capitals", "000A\r\n0123456789\r\n00\r\n\r\n", "0123456789", 0, 24},
    {"an extension", "5;a=\"b c\"\r\nhello\r\n0;x\r\n\r\n", "hello", 0, 25},
    {"a trailer", "5\r\nhello\r\n0\r\nA: b\r\nHost: x\r\n\r\n", "hello", 0, 30},
    {"sixteen digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0, 30},
    {"seventeen digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
    {"no size", "\r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
    {"a size with an underscore", "0_2e\r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
    {"a bare LF after the size", "5\nhello\r\n0\r\n\r\n", NULL, 400, 0},
    {"a bare CR after the size", "5\rhello\r\n0\r\n\r\n", NULL, 400, 0},
    {"data longer than its size", "5\r\nhello!\r\n0\r\n\r\n", NULL, 400, 0},
    {"a bare LF after data", "5\r\nhello\n0\r\n\r\n", NULL, 400, 0},
    {"a control in an extension", "5;\x01\r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
    {"a trailer without colon", "0\r\nA\r\n\r\n", NULL, 400, 0},
    {"four trailers", "0\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", NULL, 431, 0},
    {"a trailer beyond its limit", "0\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n", NULL, 431, 0},
    {"a body beyond the limit", "41\r\n", NULL, 413, 0},
    {"chunks beyond the limit", "20\r\n01234567890123456789012345678901\r\n21\r\n", NULL, 413, 0},
    {"a size near 2^64", "ffffffffffffffff\r\n", NULL, 413, 0},
    /* clang-format on */
};

static void start(struct chunks *c, struct buf *body)
{
    static struct header items[HEADERS_MAX];
    struct arena arena;
    struct head head;
    llhttp_t parser;
    struct head_reader reader = {100, &parser, &arena, items};

    arena_init(&arena);
    assert_null(head_read(STR(HEAD_TEXT), &reader, &head).error);
    arena_clear(&arena);
    buf_init(body, BODY_MAX);
    chunks_init(c, &parser, body, 3, 64);
}

static void check(size_t i, const struct refusal *r, bool done, size_t used, struct str body)
{
    if (cases[i].status) {
        assert_non_null(r->error);
        assert_int_equal(r->error->status, cases[i].status);
        return;
    }
    assert_null(r->error);
    assert_true(done);
    assert_int_equal(used, cases[i].used);
    assert_true(name_eq(body, str_from(cases[i].body)));
}

static void takes_whole_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chunks c;
        struct buf body;
        size_t used = 0;
        bool done = false;
        struct refusal r;

        print_message("%s\n", cases[i].name);
        start(&c, &body);
        r = chunks_take(&c, str_from(cases[i].data), &used, &done);
        check(i, &r, done, used, buf_str(&body));
        buf_clear(&body);
    }
}

static void takes_bodies_octet_by_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str data = str_from(cases[i].data);
        struct refusal r = REFUSAL_NONE;
        struct chunks c;
        struct buf body;
        size_t total = 0;
        bool done = false;

        print_message("%s\n", cases[i].name);
        start(&c, &body);
        for (size_t at = 0; at < data.len && !r.error && !done; at++) {
            size_t used = 0;

            r = chunks_take(&c, (struct str){data.ptr + at, 1}, &used, &done);
            total += used;
        }
        check(i, &r, done, total, buf_str(&body));
        buf_clear(&body);
    }
}

static void takes_bodies_cut_in_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str data = str_from(cases[i].data);

        for (size_t cut = 1; cut < data.len; cut++) {
            size_t first = 0, second = 0;
            struct chunks c;
            struct buf body;
            bool done = false;
            struct refusal r;

            start(&c, &body);
            r = chunks_take(&c, str_head(data, cut), &first, &done);
            if (!r.error && !done)
                r = chunks_take(&c, str_from_index(data, first), &second, &done);
            check(i, &r, done, first + second, buf_str(&body));
            buf_clear(&body);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_whole_bodies),
        cmocka_unit_test(takes_bodies_octet_by_octet),
        cmocka_unit_test(takes_bodies_cut_in_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
