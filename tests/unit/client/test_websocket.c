/* WebSockets of the client over a stream of the test's own: the handshake, frames in any pieces,
 * what a server must not send. */
#include "base/buf.h"
#include "client/stream.h"
#include "client/websocket.h"
#include "crypto/base64.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OK_HEAD "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n"

/* The server: takes what is sent, gives `give` in pieces of `piece` octets, then ends or is quiet.
 */
static struct {
    struct buf sent, give;
    size_t piece;
    bool ends, refuses;
    const char *head; /* answer to the handshake; NULL: 101 */
    char request[2048];
} server;

static enum cg_status fake_open(const struct stream_target *to, void **out, char *reason,
                                size_t cap)
{
    assert_string_equal(to->url, "https://localhost:8443");
    if (server.refuses) {
        (void)snprintf(reason, cap, "nobody is at home");
        return CG_NETWORK;
    }
    *out = &server;
    return CG_OK;
}

static void answer_handshake(void)
{
    struct str text = buf_str(&server.sent), key;
    size_t at = str_find_str(text, STR("Sec-WebSocket-Key: "));
    char guid[128], accept[64] = "";
    uint8_t digest[SHA1_LEN];

    assert_true(at < text.len);
    key = str_head(str_from_index(text, at + 19), 24);
    (void)snprintf(guid, sizeof guid, STR_FMT "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", STR_ARG(key));
    sha1(str_from(guid), digest);
    base64_encode(digest, sizeof digest, accept);
    (void)snprintf(server.request, sizeof server.request, STR_FMT, STR_ARG(text));
    buf_reset(&server.sent);
    {
        struct buf rest = server.give;

        buf_init(&server.give, 64 * MIB);
        if (server.head)
            buf_add(&server.give, str_from(server.head));
        else
            buf_addf(&server.give, OK_HEAD "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
        buf_add(&server.give, buf_str(&rest));
        buf_clear(&rest);
    }
}

static long fake_send(void *stream, const void *data, size_t len)
{
    assert_ptr_equal(stream, &server);
    buf_add(&server.sent, str_of(data, len));
    if (!server.request[0] && str_ends(buf_str(&server.sent), STR("\r\n\r\n")))
        answer_handshake();
    return (long)len;
}

static long fake_recv(void *stream, void *data, size_t cap)
{
    size_t n = server.piece < cap ? server.piece : cap;

    assert_ptr_equal(stream, &server);
    n = n < server.give.len ? n : server.give.len;
    if (n == 0)
        return server.ends ? -1 : 0;
    memcpy(data, server.give.ptr, n);
    buf_consume(&server.give, n);
    return (long)n;
}

static int fake_fd(void *stream)
{
    (void)stream;
    return -1; /* poll() waits for the time to be over */
}

static void fake_close(void *stream)
{
    assert_ptr_equal(stream, &server);
}

static const struct stream_ops ops = {sizeof ops, fake_open, fake_send,
                                      fake_recv,  fake_fd,   fake_close};
static const struct websocket_options options = {.endpoint = "https://localhost:8443/",
                                                 .target = "/realtime",
                                                 .bearer_token = "tok",
                                                 .timeout_ms = 20,
                                                 .stream = &ops};

static void serve(struct str octets, size_t piece)
{
    buf_clear(&server.sent);
    buf_clear(&server.give);
    memset(&server, 0, sizeof server);
    buf_init(&server.sent, 64 * MIB);
    buf_init(&server.give, 64 * MIB);
    buf_add(&server.give, octets);
    server.piece = piece;
}

static struct websocket *opened(void)
{
    struct websocket *ws = NULL;
    struct cg_error err = {0};

    assert_int_equal(websocket_open(&options, &ws, &err), CG_OK);
    return ws;
}

/* The frame that was sent last, unmasked. */
static struct str sent_frame(unsigned opcode)
{
    static char text[70000];
    const uint8_t *at = (const uint8_t *)server.sent.ptr;
    size_t len, n = 2;

    assert_true(server.sent.len >= 6);
    assert_int_equal(at[0], 0x80u | opcode);
    assert_true(at[1] & 0x80u);
    len = at[1] & 0x7fu;
    if (len == 126) {
        len = (size_t)at[2] << 8 | at[3];
        n = 4;
    } else if (len == 127) {
        len = (size_t)at[7] << 16 | (size_t)at[8] << 8 | at[9];
        n = 10;
    }
    assert_int_equal(server.sent.len, n + 4 + len);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(at[n + 4 + i] ^ at[n + i % 4]);
    return str_of(text, len);
}

static void says_who_it_is_and_checks_the_answer(void **state)
{
    struct websocket *ws = NULL;

    (void)state;
    serve(STR_EMPTY, 1);
    ws = opened();
    assert_non_null(strstr(server.request, "GET /realtime HTTP/1.1\r\nHost: localhost:8443\r\n"
                                           "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                           "Sec-WebSocket-Version: 13\r\n"));
    assert_non_null(strstr(server.request, "\r\nAuthorization: Bearer tok\r\n\r\n"));
    websocket_free(ws);
    assert_memory_equal(sent_frame(8).ptr, "\x03\xe8", 2);
}

static void takes_messages_in_any_pieces(void **state)
{
    static const char octets[] = "\x81\x02hi"           /* alone */
                                 "\x01\x03\x61\xc3\xa9" /* in three fragments, */
                                 "\x89\x01p"            /* a ping between them */
                                 "\x00\x00"
                                 "\x80\x01z"
                                 "\x8a\x00"             /* a pong that nobody asked for */
                                 "\x81\x7e\x00\x03xyz"; /* a longer length than needed */

    (void)state;
    for (size_t piece = 1; piece < sizeof octets; piece++) {
        struct str text = STR_EMPTY;
        struct websocket *ws;

        serve(str_of(octets, sizeof octets - 1), piece);
        ws = opened();
        assert_int_equal(websocket_next(ws, &text), RC_OK);
        assert_true(name_eq(text, STR("hi")));
        assert_int_equal(websocket_next(ws, &text), RC_OK);
        assert_true(name_eq(text, STR("a\xc3\xa9z")));
        assert_true(name_eq(sent_frame(10), STR("p")));
        assert_int_equal(websocket_next(ws, &text), RC_OK);
        assert_true(name_eq(text, STR("xyz")));
        assert_int_equal(websocket_next(ws, &text), RC_NOT_FOUND);
        websocket_free(ws);
    }
}

static void sends_every_length_masked(void **state)
{
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536};
    static char text[65536];
    struct websocket *ws;

    (void)state;
    memset(text, 'x', sizeof text);
    serve(STR_EMPTY, 100);
    ws = opened();
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        buf_reset(&server.sent);
        assert_int_equal(websocket_send(ws, str_of(text, lengths[i])), RC_OK);
        assert_true(name_eq(sent_frame(1), str_of(text, lengths[i])));
    }
    websocket_free(ws);
}

static void tells_why_it_ended(void **state)
{
    static const struct {
        const char *name;
        struct str octets;
        bool ends;
        uint16_t code;
        const char *reason;
    } cases[] = {
        {"a close with code and reason",
         STR_INIT("\x88\x05\x11\x31"
                  "bye"),
         false, 4401, "bye"},
        {"one with a code alone", STR_INIT("\x88\x02\x03\xe9"), false, 1001, ""},
        {"one without", STR_INIT("\x88\x00"), false, 1005, ""},
        {"the connection is gone", STR_INIT("\x81"), true, 1006, ""},
        {"a binary frame", STR_INIT("\x82\x01x"), false, 1003, ""},
        {"no UTF-8", STR_INIT("\x81\x01\xff"), false, 1007, ""},
        {"a masked frame", STR_INIT("\x81\x81\x01\x01\x01\x01x"), false, 1002, ""},
        {"an extension's bit", STR_INIT("\xc1\x01x"), false, 1002, ""},
        {"an unknown opcode", STR_INIT("\x83\x01x"), false, 1002, ""},
        {"a ping in fragments", STR_INIT("\x09\x00"), false, 1002, ""},
        {"a ping that is too long", STR_INIT("\x89\x7e\x00\x80"), false, 1002, ""},
        {"a continuation of nothing", STR_INIT("\x80\x01x"), false, 1002, ""},
        {"a message within a message", STR_INIT("\x01\x01x\x81\x01y"), false, 1002, ""},
        {"a message of gigabytes", STR_INIT("\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00"), false,
         1009, ""},
        {"a length beyond all", STR_INIT("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), false, 1009,
         ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = STR_EMPTY, reason = STR_EMPTY;
        struct websocket *ws;

        print_message("%s\n", cases[i].name);
        serve(cases[i].octets, 100);
        ws = opened();
        server.ends = cases[i].ends;
        assert_int_equal(websocket_next(ws, &text), RC_IO);
        assert_int_equal(websocket_end(ws, &reason), cases[i].code);
        assert_true(name_eq(reason, str_from(cases[i].reason)));
        if (!cases[i].ends && cases[i].code < 4000 && cases[i].code != 1005)
            assert_int_equal((uint8_t)sent_frame(8).ptr[1], cases[i].code & 0xff);
        assert_int_equal(websocket_next(ws, &text), RC_IO);
        assert_int_equal(websocket_send(ws, STR("x")), RC_IO);
        websocket_free(ws);
    }
}

static void tells_what_was_answered_instead(void **state)
{
    static const struct {
        const char *name, *head;
        enum cg_status status;
        int http;
        const char *code, *message, *explain;
    } cases[] = {
        {"a refusal with its reasons",
         "HTTP/1.1 401 Unauthorized\r\nX-Callgate-Explain: token; expired\r\nContent-Length: "
         "48\r\n\r\n"
         "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"no\"}}",
         CG_DENIED, 401, "Unauthorized", "no", "token; expired"},
        {"one that is cut off", "HTTP/1.1 403 Forbidden\r\nContent-Length: 50\r\n\r\n{",
         CG_FORBIDDEN, 403, "", "the server answered 403", ""},
        {"a page", "HTTP/1.1 200 OK\r\n\r\n<html>", CG_PROTOCOL, 200, "", "the server answered 200",
         ""},
        {"another's acceptance",
         OK_HEAD "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", CG_PROTOCOL, 0, "",
         "the answer is no WebSocket's", ""},
        {"no HTTP", "SSH-2.0-x\r\n\r\n", CG_PROTOCOL, 0, "", "the answer is no HTTP", ""},
        {"half a head", "HTTP/1.1 101 x\r\n", CG_NETWORK, 0, "",
         "the connection ended before it was a WebSocket", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct websocket *ws = NULL;
        struct cg_error err = {0};

        print_message("%s\n", cases[i].name);
        serve(STR_EMPTY, 7);
        server.head = cases[i].head;
        server.ends = i % 2 == 1;
        assert_int_equal(websocket_open(&options, &ws, &err), cases[i].status);
        assert_null(ws);
        assert_int_equal(err.http_status, cases[i].http);
        assert_string_equal(err.code, cases[i].code);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.explain, cases[i].explain);
    }
}

static void refuses_before_it_connects(void **state)
{
    struct websocket_options plain = options, nowhere = options;
    struct websocket *ws = NULL;
    struct cg_error err = {0};

    (void)state;
    serve(STR_EMPTY, 1);
    plain.endpoint = "http://chat.example";
    nowhere.endpoint = "chat.example";
    assert_int_equal(websocket_open(&plain, &ws, &err), CG_INVALID);
    assert_int_equal(websocket_open(&nowhere, &ws, &err), CG_INVALID);
    server.refuses = true;
    assert_int_equal(websocket_open(&options, &ws, &err), CG_NETWORK);
    assert_string_equal(err.message, "nobody is at home");
    assert_int_equal(server.sent.len, 0);
    websocket_free(NULL);
    buf_clear(&server.sent);
    buf_clear(&server.give);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_who_it_is_and_checks_the_answer),
        cmocka_unit_test(takes_messages_in_any_pieces),
        cmocka_unit_test(sends_every_length_masked),
        cmocka_unit_test(tells_why_it_ended),
        cmocka_unit_test(tells_what_was_answered_instead),
        cmocka_unit_test(refuses_before_it_connects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
