/* Frames of a WebSocket against octets made by hand, without sockets: each case whole, cut in two
 * at every octet, and octet by octet. Source: RFC 6455 §5, §7.4, §8.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/ws_frames.h"

#include <stdio.h>

#define MESSAGE_MAX 300
#define KEY         "\x37\xfa\x21\x3d"

/* ---- frames made by hand ---- */

/* A frame in a case: its first octet, the way its length is written, its payload. */
struct made {
    int first;        /* FIN, reserved bits and opcode; 0 as the whole: the end */
    const char *text; /* NULL: `fill` octets of 'x' */
    size_t fill;
    enum { SHORTEST = 0, TWO_OCTETS, EIGHT_OCTETS, UNMASKED } form;
};

#define FIN   0x80
#define CONT  0x100 /* instead of 0, which ends a case */
#define TEXT  0x1
#define BIN   0x2
#define CLOSE 0x8
#define PING  0x9
#define PONG  0xA

static void add_length(struct buf *out, const struct made *m, size_t len)
{
    int mask = m->form == UNMASKED ? 0 : 0x80;

    if (m->form == EIGHT_OCTETS || len > 65535) {
        buf_add_char(out, (char)(mask | 127));
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_add_char(out, (char)((uint64_t)len >> shift & 0xFF));
    } else if (m->form == TWO_OCTETS || len > 125) {
        buf_add_char(out, (char)(mask | 126));
        buf_add_char(out, (char)(len >> 8));
        buf_add_char(out, (char)(len & 0xFF));
    } else {
        buf_add_char(out, (char)(mask | (int)len));
    }
}

static void add_frame(struct buf *out, const struct made *m)
{
    struct str text = str_from(m->text);
    size_t len = m->text ? text.len : m->fill;

    buf_add_char(out, (char)(m->first & 0xFF));
    add_length(out, m, len);
    if (m->form != UNMASKED)
        buf_add(out, STR(KEY));
    for (size_t i = 0; i < len; i++) {
        char plain = m->text ? text.ptr[i] : 'x';

        buf_add_char(out, m->form == UNMASKED ? plain : (char)(plain ^ KEY[i % 4]));
    }
}

static void add_frames(struct buf *out, const struct made *frames)
{
    for (const struct made *m = frames; m->first; m++)
        add_frame(out, m);
    assert_false(out->failed);
}

/* ---- what came of them, as text: "text:hello ping:a refused:1002" ---- */

static void note(struct buf *seen, const struct ws_event *e)
{
    static const char *const names[] = {"", "text", "ping", "pong", "close", "refused"};

    if (seen->len)
        buf_add_char(seen, ' ');
    buf_add(seen, str_from(names[e->kind]));
    if (e->code)
        buf_addf(seen, ":%u", (unsigned)e->code);
    if (e->text.len > 40)
        buf_addf(seen, ":%zu", e->text.len);
    else if (e->text.len)
        buf_addf(seen, ":" STR_FMT, STR_ARG(e->text));
}

/* False: refused. */
static bool feed(struct ws_frames *f, struct ws_readers *pool, struct str data, struct buf *seen)
{
    for (;;) {
        struct ws_event e = ws_frames_next(f, pool, &data);

        if (e.kind == WS_MORE) {
            assert_int_equal(data.len, 0);
            return true;
        }
        note(seen, &e);
        if (e.kind == WS_REFUSED)
            return false;
    }
}

/* In pieces: `first` octets, then `step` at a time. */
static void check(const char *name, struct str all, size_t first, size_t step, const char *wanted)
{
    struct ws_readers pool = {0};
    struct ws_frames f;
    struct buf seen;

    ws_frames_init(&f, MESSAGE_MAX);
    buf_init(&seen, 64 * KIB);
    for (size_t at = 0, n = first; at < all.len; at += n, n = step) {
        struct str rest = str_from_index(all, at);

        if (!feed(&f, &pool, str_head(rest, n), &seen))
            break;
    }
    if (!str_eq(buf_str(&seen), str_from(wanted)))
        fail_msg("%s, cut at %zu: " STR_FMT, name, first, STR_ARG(buf_str(&seen)));
    buf_clear(&seen);
    ws_frames_clear(&f);
    ws_readers_clear(&pool);
}

static const struct {
    const char *name;
    struct made frames[8];
    const char *wanted;
} cases[] = {
    /* clang-format off */
    {"a text message", {{FIN | TEXT, "hello"}}, "text:hello"},
    {"an empty message", {{FIN | TEXT, ""}}, "text"},
    {"two messages", {{FIN | TEXT, "a"}, {FIN | TEXT, "b"}}, "text:a text:b"},
    {"125 octets", {{FIN | TEXT, NULL, 125}}, "text:125"},
    {"126 octets, in two octets of length", {{FIN | TEXT, NULL, 126}}, "text:126"},
    {"as many octets as there may be", {{FIN | TEXT, NULL, 300}}, "text:300"},
    {"one more", {{FIN | TEXT, NULL, 301}}, "refused:1009"},
    {"66 KB, in eight octets of length", {{FIN | TEXT, NULL, 66000}}, "refused:1009"},
    {"a length in more octets than it needs, two", {{FIN | TEXT, "abc", 0, TWO_OCTETS}}, "refused:1002"},
    {"the same, eight", {{FIN | TEXT, "abc", 0, EIGHT_OCTETS}}, "refused:1002"},
    {"without a mask", {{FIN | TEXT, "abc", 0, UNMASKED}}, "refused:1002"},
    {"a ping without a mask", {{FIN | PING, "", 0, UNMASKED}}, "refused:1002"},
    {"binary", {{FIN | BIN, "abc"}}, "refused:1003"},
    {"the first reserved bit", {{FIN | 0x40 | TEXT, "abc"}}, "refused:1002"},
    {"the second", {{FIN | 0x20 | TEXT, "abc"}}, "refused:1002"},
    {"the third", {{FIN | 0x10 | TEXT, "abc"}}, "refused:1002"},
    {"a reserved bit of a ping", {{FIN | 0x10 | PING, "abc"}}, "refused:1002"},
    {"opcode 3", {{FIN | 3, ""}}, "refused:1002"},
    {"opcode 7", {{FIN | 7, "a"}}, "refused:1002"},
    {"opcode 11", {{FIN | 11, ""}}, "refused:1002"},
    {"opcode 15", {{FIN | 15, "a"}}, "refused:1002"},
    {"what came before is served", {{FIN | TEXT, "a"}, {FIN | 3, ""}}, "text:a refused:1002"},

    {"two fragments", {{TEXT, "hel"}, {FIN | CONT, "lo"}}, "text:hello"},
    {"fragments of nothing", {{TEXT, ""}, {CONT, ""}, {FIN | CONT, ""}}, "text"},
    {"nothing, then something", {{TEXT, ""}, {FIN | CONT, "ab"}}, "text:ab"},
    {"an octet each", {{TEXT, "a"}, {CONT, "b"}, {CONT, "c"}, {FIN | CONT, "d"}}, "text:abcd"},
    {"a ping between fragments", {{TEXT, "a"}, {FIN | PING, "p"}, {FIN | CONT, "b"}}, "ping:p text:ab"},
    {"a close between fragments", {{TEXT, "a"}, {FIN | CLOSE, "\x03\xe8"}}, "close:1000"},
    {"two fragmented messages", {{TEXT, "a"}, {FIN | CONT, "b"}, {TEXT, "c"}, {FIN | CONT, "d"}}, "text:ab text:cd"},
    {"fragments that are too much together", {{TEXT, NULL, 200}, {FIN | CONT, NULL, 101}}, "refused:1009"},
    {"fragments that just fit", {{TEXT, NULL, 200}, {FIN | CONT, NULL, 100}}, "text:300"},
    {"a continuation of nothing", {{FIN | CONT, "a"}}, "refused:1002"},
    {"a continuation after the end", {{FIN | TEXT, "a"}, {CONT, "b"}}, "text:a refused:1002"},
    {"a new message in the midst", {{TEXT, "a"}, {FIN | TEXT, "b"}}, "refused:1002"},
    {"binary in the midst", {{TEXT, "a"}, {FIN | BIN, "b"}}, "refused:1002"},

    {"a ping", {{FIN | PING, "abc"}}, "ping:abc"},
    {"an empty ping", {{FIN | PING, ""}}, "ping"},
    {"a ping of 125 octets", {{FIN | PING, NULL, 125}}, "ping:125"},
    {"one of 126", {{FIN | PING, NULL, 126}}, "refused:1002"},
    {"a fragmented ping", {{PING, "a"}, {FIN | CONT, "b"}}, "refused:1002"},
    {"a fragmented close", {{CLOSE, ""}}, "refused:1002"},
    {"a pong that nobody asked for", {{FIN | PONG, "x"}}, "pong:x"},

    {"text beyond ASCII", {{FIN | TEXT, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"}}, "text:\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"},
    {"a character in two fragments", {{TEXT, "\xf0\x9f"}, {FIN | CONT, "\x98\x80"}}, "text:\xf0\x9f\x98\x80"},
    {"a cut character", {{FIN | TEXT, "a\xf0\x9f\x98"}}, "refused:1007"},
    {"one that the next message would mend", {{FIN | TEXT, "\xce"}, {FIN | TEXT, "\xba"}}, "refused:1007"},
    {"a surrogate", {{FIN | TEXT, "\xed\xa0\x80"}}, "refused:1007"},
    {"an overlong form", {{FIN | TEXT, "\xc0\xaf"}}, "refused:1007"},
    {"beyond Unicode", {{FIN | TEXT, "\xf4\x90\x80\x80"}}, "refused:1007"},
    {"the octet 0xFF", {{FIN | TEXT, "\xff"}}, "refused:1007"},

    {"a close without a code", {{FIN | CLOSE, ""}}, "close:1005"},
    {"half a code", {{FIN | CLOSE, "\x03"}}, "refused:1002"},
    {"a code and a reason", {{FIN | CLOSE, "\x03\xe9" "bye"}}, "close:1001:bye"},
    {"a reason of 123 octets", {{FIN | CLOSE, "\x03\xe8" "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" "3"}}, "close:1000:123"},
    {"a reason that is no UTF-8", {{FIN | CLOSE, "\x03\xe8\xff"}}, "refused:1007"},
    /* clang-format on */
};

static void reads_frames_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf all;

        buf_init(&all, MIB);
        add_frames(&all, cases[i].frames);
        check(cases[i].name, buf_str(&all), all.len, 1, cases[i].wanted);
        check(cases[i].name, buf_str(&all), 1, 1, cases[i].wanted);
        for (size_t cut = 1; cut < all.len && cut < 600; cut++)
            check(cases[i].name, buf_str(&all), cut, all.len, cases[i].wanted);
        buf_clear(&all);
    }
}

static void takes_the_codes_that_may_be_sent(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 65536; code++) {
        bool fine =
            (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
            (code >= 3000 && code <= 4999);
        char frame[] = "\x88\x82\0\0\0\0??", wanted[16];

        frame[6] = (char)(code >> 8);
        frame[7] = (char)(code & 0xFF);
        (void)snprintf(wanted, sizeof wanted, fine ? "close:%u" : "refused:1002", code);
        check("a code", str_of(frame, 8), 8, 8, wanted);
    }
}

static void refuses_a_length_beyond_63_bits(void **state)
{
    static const char top[] = "\x81\xff\x80\0\0\0\0\0\0\0\1\2\3\4a";
    static const char most[] = "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\1\2\3\4a";

    (void)state;
    check("bit 63", str_of(top, sizeof top - 1), 1, 1, "refused:1002");
    check("all below it", str_of(most, sizeof most - 1), 1, 1, "refused:1009");
}

static void keeps_nothing_between_frames(void **state)
{
    static const struct made frames[] = {{FIN | TEXT, "hello"}, {0}};
    struct ws_readers pool = {0};
    struct ws_frames f;
    struct buf all, seen;

    (void)state;
    buf_init(&all, KIB);
    buf_init(&seen, KIB);
    add_frames(&all, frames);
    ws_frames_init(&f, MESSAGE_MAX);
    for (size_t cut = 1; cut < all.len; cut++) {
        assert_true(feed(&f, &pool, str_head(buf_str(&all), cut), &seen));
        assert_non_null(f.reader);
        assert_int_equal(pool.n_spare, 0);
        assert_true(feed(&f, &pool, str_from_index(buf_str(&all), cut), &seen));
        assert_null(f.reader);
        assert_null(f.message.ptr);
        assert_int_equal(pool.n_spare, 1);
    }
    ws_frames_clear(&f);
    ws_readers_clear(&pool);
    buf_clear(&all);
    buf_clear(&seen);
}

static void weighs_what_costs_without_end(void **state)
{
    static const struct {
        const char *name;
        struct made frames[6];
        uint32_t weight;
    } weights[] = {
        {"messages", {{FIN | TEXT, "a"}, {FIN | TEXT, "b"}}, 2},
        {"fragments are of one message", {{TEXT, "a"}, {CONT, "b"}, {FIN | CONT, "c"}}, 1},
        {"but those of nothing have no end", {{TEXT, "a"}, {CONT, ""}, {CONT, ""}}, 3},
        {"control frames", {{FIN | PING, ""}, {FIN | PONG, ""}, {TEXT, "a"}}, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
        struct ws_readers pool = {0};
        struct ws_frames f;
        struct buf all, seen;

        buf_init(&all, KIB);
        buf_init(&seen, KIB);
        add_frames(&all, weights[i].frames);
        ws_frames_init(&f, MESSAGE_MAX);
        assert_true(feed(&f, &pool, buf_str(&all), &seen));
        if (f.weight != weights[i].weight)
            fail_msg("%s: %u", weights[i].name, f.weight);
        ws_frames_clear(&f);
        ws_readers_clear(&pool);
        buf_clear(&all);
        buf_clear(&seen);
    }
}

/* ---- out ---- */

static void writes_the_shortest_form_of_each_length(void **state)
{
    static const struct {
        size_t len, head_len;
        const char *head;
    } lengths[] = {
        {0, 2, "\x81\x00"},
        {125, 2, "\x81\x7d"},
        {126, 4, "\x81\x7e\x00\x7e"},
        {65535, 4, "\x81\x7e\xff\xff"},
        {65536, 10, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
    };
    static char text[65536];

    (void)state;
    memset(text, 'y', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct str all = str_of(text, lengths[i].len);
        size_t half = all.len / 2;
        struct str pieces[] = {STR_EMPTY, str_head(all, half), STR_EMPTY, str_from_index(all, half),
                               STR_EMPTY};
        struct buf out;

        buf_init(&out, MIB);
        ws_write_text(pieces, ARRAY_LEN(pieces), &out);
        assert_int_equal(out.len, lengths[i].head_len + lengths[i].len);
        assert_memory_equal(out.ptr, lengths[i].head, lengths[i].head_len);
        assert_memory_equal(out.ptr + lengths[i].head_len, text, lengths[i].len);
        buf_clear(&out);
    }
}

static void writes_control_frames(void **state)
{
    struct buf out, reason;

    (void)state;
    buf_init(&out, KIB);
    buf_init(&reason, KIB);
    ws_write_ping(true, STR_EMPTY, &out);
    ws_write_ping(false, STR("abc"), &out);
    ws_write_close(4001, STR("bye"), &out);
    ws_write_close(WS_NO_CODE, STR("unsaid"), &out);
    assert_true(str_eq(buf_str(&out), STR("\x89\x00\x8a\x03"
                                          "abc\x88\x05\x0f\xa1"
                                          "bye\x88\x00")));
    buf_reset(&out);
    for (int i = 0; i < 61; i++)
        buf_add(&reason, STR("\xc3\xa4"));
    buf_add(&reason, STR("\xc3\xa4"));
    ws_write_close(1000, buf_str(&reason), &out);
    assert_int_equal(out.len, 2 + 2 + 122); /* the 62nd character would be cut in two */
    buf_clear(&out);
    buf_clear(&reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_frames_however_they_are_cut),
        cmocka_unit_test(takes_the_codes_that_may_be_sent),
        cmocka_unit_test(refuses_a_length_beyond_63_bits),
        cmocka_unit_test(keeps_nothing_between_frames),
        cmocka_unit_test(weighs_what_costs_without_end),
        cmocka_unit_test(writes_the_shortest_form_of_each_length),
        cmocka_unit_test(writes_control_frames),
    };

    return cmocka_run_group_tests_name("net_ws_frames", tests, NULL, NULL);
}
