/* Load for the realtime feed: WebSockets on /realtime that listen, connections that send chat
 * messages. A message is under way until its 201.
 *
 * Tokens of listeners come from a file, one a line. Requests come ready-made from another, each of
 * the same length and one for each sender. The rest is fan.c's. */
#include "fan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *read_file(const char *path, size_t *out_len)
{
    FILE *f = fopen(path, "re");
    size_t cap = 1 << 20, len = 0, n;
    char *text = fan_memory(malloc(cap));

    if (!f)
        fan_complain(path);
    while ((n = fread(text + len, 1, cap - len, f)) > 0) {
        len += n;
        if (len == cap)
            text = fan_memory(realloc(text, cap *= 2));
    }
    (void)fclose(f);
    *out_len = len;
    return text;
}

/* ---- connections ---- */

/* A mask of zeros changes nothing, and is a mask. */
static void send_hello(const struct fan_conn *c)
{
    static const char hello[] = "\x81\x90\0\0\0\0{\"type\":\"hello\"}";

    fan_write(c, hello, sizeof hello - 1);
}

static void open_listener(struct fan *f, const char *token, size_t len)
{
    struct fan_conn *c = fan_listener(f);
    char request[4096], answer[4096];
    int n = snprintf(request, sizeof request,
                     "GET /realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Authorization: Bearer %.*s\r\n\r\n",
                     (int)len, token);
    ssize_t got;

    fan_write(c, request, (size_t)n);
    got = read(c->fd, answer, sizeof answer - 1); /* the server is silent until it hears hello */
    if (got < 16 || memcmp(answer, "HTTP/1.1 101 ", 13) != 0)
        fan_complain("no WebSocket was given");
    send_hello(c);
    fan_watch(f, c);
}

static void open_listeners(struct fan *f)
{
    size_t len, at = 0;
    char *text = read_file(fan_options(f)->tokens, &len);

    while (at < len) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;

        if (n)
            open_listener(f, text + at, n);
        at += n + 1;
    }
    free(text);
}

static void open_senders(struct fan *f)
{
    size_t len, one = fan_options(f)->length;
    char *text = read_file(fan_options(f)->requests, &len); /* the senders keep it */

    for (size_t at = 0; at + one <= len; at += one)
        fan_watch(f, fan_sender(f, text + at, one));
}

static void open_all(struct fan *f)
{
    const struct fan_options *o = fan_options(f);

    if (!o->tokens || !o->requests || !o->length)
        fan_complain("--tokens, --requests and --length are needed");
    open_listeners(f);
    open_senders(f);
}

/* ---- octets ---- */

static void on_text(struct fan *f, struct fan_conn *c, const char *text, size_t len)
{
    if (!c->ready && memmem(text, len, "\"ready\"", 7))
        fan_ready(f, c);
    (void)fan_seen(f, text, len); /* a message is done with its answer */
}

static size_t take_frame(struct fan *f, struct fan_conn *c, const char *in, size_t have)
{
    static const char pong[] = "\x8a\x80\0\0\0\0";
    const unsigned char *o = (const unsigned char *)in;
    size_t head = 2, len;

    if (have < 2)
        return 0;
    len = o[1];
    if (len >= 126)
        head = len == 126 ? 4 : 10;
    if (have < head)
        return 0;
    if (head > 2)
        len = 0;
    for (size_t i = 2; i < head; i++)
        len = len << 8 | o[i];
    if (have < head + len)
        return 0;
    if ((o[0] & 15) == 1)
        on_text(f, c, in + head, len);
    else if ((o[0] & 15) == 9)
        fan_write(c, pong, sizeof pong - 1);
    else
        fan_complain("the server closed a WebSocket");
    return head + len;
}

static size_t take_answer(struct fan *f, const struct fan_conn *c, const char *in, size_t have)
{
    const char *end = memmem(in, have, "\r\n\r\n", 4), *length;
    size_t total;

    if (!end)
        return 0;
    length = memmem(in, (size_t)(end - in), "\r\nContent-Length: ", 18);
    if (!length)
        fan_complain("an answer has no Content-Length");
    total = (size_t)(end - in) + 4 + strtoul(length + 18, NULL, 10);
    if (have < total)
        return 0;
    if (memcmp(in + 9, "201", 3) != 0)
        fan_complain("a message was refused");
    fan_done(f, c->newest);
    return total;
}

static size_t take(struct fan *f, struct fan_conn *c, const char *in, size_t have)
{
    return c->listens ? take_frame(f, c, in, have) : take_answer(f, c, in, have);
}

int main(int argc, char **argv)
{
    static const struct fan_speech speech = {"ws_load", open_all, take};

    return fan_main(argc, argv, &speech);
}
