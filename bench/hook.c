/* A receiver of webhooks that does nothing but agree: answers every request with 200, and the
 * handshake of Event Grid with its code. Counts requests and the events in them. */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE "\"validationCode\":\""
#define TYPE "\"eventType\""

static const char *find(const char *in, size_t len, const char *what)
{
    return memmem(in, len, what, strlen(what));
}

static size_t body_length(const char *head, size_t len)
{
    for (const char *at = head; (at = find(at, len - (size_t)(at - head), "\r\n")); at += 2)
        if (len - (size_t)(at - head) > 18 && strncasecmp(at, "\r\ncontent-length:", 17) == 0)
            return strtoul(at + 17, NULL, 10);
    return 0;
}

static uint64_t count_events(const char *body, size_t len)
{
    const char *at = body, *end = body + len;
    uint64_t n = 0;

    while ((at = find(at, (size_t)(end - at), TYPE))) {
        n++;
        at += sizeof TYPE - 1;
    }
    return n;
}

/* The answer to a handshake repeats its code, which ends with a quotation mark. */
static void agree(struct peer_conn *c, const char *code, const char *end)
{
    const char *quote = memchr(code, '"', (size_t)(end - code));
    char text[512];
    int len = quote ? (int)(quote - code) : 0;

    len = snprintf(text, sizeof text,
                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                   "{\"validationResponse\":\"%.*s\"}",
                   len + 25, len, code);
    peer_say(c, text, (size_t)len);
}

static size_t take(struct peer_conn *c)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const char *end = find(c->in, c->have, "\r\n\r\n"), *code;
    size_t head, body;

    if (!end)
        return 0;
    head = (size_t)(end - c->in) + 4;
    body = body_length(c->in, head - 2);
    if (c->have < head + body)
        return 0;
    code = find(c->in + head, body, CODE);
    if (code) {
        agree(c, code + sizeof CODE - 1, c->in + head + body);
    } else {
        peer_say(c, ok, sizeof ok - 1);
        peer_count(1, count_events(c->in + head, body));
    }
    return head + body;
}

int main(void)
{
    peer_run(take);
    return 0;
}
