/* The opening handshake of a WebSocket: who asks for one, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/request_fake.h"

#include <stdio.h>

#define HEAD    "GET /live HTTP/1.1\r\nHost: a\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void knows_who_asks(void **state)
{
    static const struct {
        const char *name, *raw;
        bool asked;
    } cases[] = {
        {"as the standard says", HEAD UPGRADE VERSION KEY "\r\n", true},
        {"among others, in two lines",
         HEAD
         "Upgrade: h2c, WebSocket\r\nConnection: keep-alive\r\nConnection: x, UPGRADE\r\n" VERSION
             KEY "\r\n",
         true},
        {"nothing of it", HEAD "\r\n", false},
        {"another protocol",
         HEAD "Upgrade: websockets\r\nConnection: Upgrade\r\n" VERSION KEY "\r\n", false},
        {"without the connection option", HEAD "Upgrade: websocket\r\n" VERSION KEY "\r\n", false},
        {"an older version", HEAD UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY "\r\n", false},
        {"two versions", HEAD UPGRADE VERSION VERSION KEY "\r\n", false},
        {"no version", HEAD UPGRADE KEY "\r\n", false},
        {"no key", HEAD UPGRADE VERSION "\r\n", false},
        {"two keys", HEAD UPGRADE VERSION KEY KEY "\r\n", false},
        {"a short key", HEAD UPGRADE VERSION "Sec-WebSocket-Key: dGhl\r\n\r\n", false},
        {"a long key", HEAD UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n\r\n",
         false},
        {"a body", HEAD UPGRADE VERSION KEY "\r\nbody", false},
        {"POST", "POST /live HTTP/1.1\r\n" UPGRADE VERSION KEY "\r\n", false},
        {"HTTP/1.0", "GET /live HTTP/1.0\r\n" UPGRADE VERSION KEY "\r\n", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;

        request_fake_init(&f, NULL);
        assert_int_equal(request_fake_parse(&f, cases[i].raw), RC_OK);
        if (ws_asked(&f.req) != cases[i].asked)
            fail_msg("%s", cases[i].name);
        request_fake_clear(&f);
    }
}

static void on_text(void *ctx, struct str message)
{
    struct ws *ws = *(struct ws **)ctx;

    assert_int_equal(ws_send(ws, message), RC_OK);
}

static void on_end(void *ctx, uint16_t code, struct str reason)
{
    (void)reason;
    assert_int_equal(code, 1000);
    *(struct ws **)ctx = NULL;
}

static void answers_the_key_and_a_protocol_that_was_offered(void **state)
{
    static const struct ws_handler handler = {on_text, NULL, on_end};
    static const struct {
        const char *offered, *answered;
    } cases[] = {{"Sec-WebSocket-Protocol: x, talk\r\n", "talk"},
                 {"Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: talk\r\n", "talk"},
                 {"Sec-WebSocket-Protocol: Talk, talking\r\n", NULL},
                 {"", NULL}};
    const struct ws_options options = {.queue_max = KIB, .subprotocol = STR("talk")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_fake f;
        struct ws_fake *fake;
        char raw[512];
        struct ws *ws;

        (void)snprintf(raw, sizeof raw, HEAD UPGRADE VERSION KEY "%s\r\n", cases[i].offered);
        request_fake_init(&f, NULL);
        assert_int_equal(request_fake_parse(&f, raw), RC_OK);
        ws = ws_accept(&f.req, &options, &handler, &ws);
        fake = f.ws;
        assert_int_equal(f.status, 101);
        assert_true(str_eq(request_fake_header(&f, STR("Sec-WebSocket-Accept")),
                           STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
        assert_true(str_eq(request_fake_header(&f, STR("Upgrade")), STR("websocket")));
        assert_true(str_eq(request_fake_header(&f, STR("Connection")), STR("Upgrade")));
        assert_null(request_fake_header(&f, STR("Content-Length")).ptr);
        assert_true(str_eq(request_fake_header(&f, STR("Sec-WebSocket-Protocol")),
                           str_from(cases[i].answered)));
        request_fake_clear(&f);
        ws_fake_text(fake, "hello");
        assert_true(str_eq(buf_str(&fake->sent), STR("hello\n")));
        ws_fake_end(fake, 1000);
        assert_null(ws);
        ws_fake_free(fake);
    }
}

static void says_what_it_speaks(void **state)
{
    struct request_fake f;

    (void)state;
    request_fake_init(&f, NULL);
    assert_int_equal(request_fake_parse(&f, HEAD "\r\n"), RC_OK);
    ws_refuse(&f.req);
    assert_int_equal(f.status, 426);
    assert_true(str_eq(request_fake_header(&f, STR("Upgrade")), STR("websocket")));
    assert_true(str_eq(request_fake_header(&f, STR("Sec-WebSocket-Version")), STR("13")));
    request_fake_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_who_asks),
        cmocka_unit_test(answers_the_key_and_a_protocol_that_was_offered),
        cmocka_unit_test(says_what_it_speaks),
    };

    return cmocka_run_group_tests_name("http_ws", tests, NULL, NULL);
}
