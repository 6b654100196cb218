/* The same load for a NATS server, in its own plain protocol: each listener subscribes to the
 * subject of its group, one connection publishes to each. A publisher gets no answer: a message is
 * under way until all listeners have seen it.
 *
 * Source: the client protocol of NATS (INFO, CONNECT, SUB, PUB, MSG, PING, PONG). */
#include "fan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"

/* The server speaks first, and all of that in one piece. */
static void greet(struct fan_conn *c)
{
    char info[4096];
    ssize_t got = read(c->fd, info, sizeof info);

    if (got < 5 || memcmp(info, "INFO ", 5) != 0 || info[got - 1] != '\n')
        fan_complain("this is no NATS server");
    fan_write(c, CONNECT, sizeof CONNECT - 1);
}

/* The answer to the ping says that it has subscribed. */
static void open_listener(struct fan *f, size_t group)
{
    struct fan_conn *c = fan_listener(f);
    char text[64];
    int n = snprintf(text, sizeof text, "SUB group.%zu 1\r\nPING\r\n", group);

    greet(c);
    fan_write(c, text, (size_t)n);
    fan_watch(f, c);
}

static void open_sender(struct fan *f, size_t group)
{
    size_t octets = fan_options(f)->octets;
    char *request = fan_memory(malloc(octets + 64));
    int head = snprintf(request, 64, "PUB group.%zu %zu\r\n", group, octets);
    struct fan_conn *c;

    memset(request + head, 'x', octets);
    request[head] = '#';
    request[(size_t)head + octets] = '\r';
    request[(size_t)head + octets + 1] = '\n';
    c = fan_sender(f, request, (size_t)head + octets + 2);
    greet(c);
    fan_watch(f, c);
}

static void open_all(struct fan *f)
{
    const struct fan_options *o = fan_options(f);

    if (!o->listeners || o->octets < 16)
        fan_complain("--listeners and --octets (16 and more) are needed");
    for (size_t i = 0; i < o->listeners; i++)
        open_listener(f, i * o->groups / o->listeners);
    for (size_t i = 0; i < o->groups; i++)
        open_sender(f, i);
}

static void on_message(struct fan *f, const char *text, size_t len)
{
    uint64_t number;

    if (fan_seen(f, text, len) && fan_number(f, text, len, &number))
        fan_done(f, number);
}

/* `MSG <subject> <sid> <octets>`, and the message in a line of its own. */
static size_t take_message(struct fan *f, const char *in, size_t line, size_t have)
{
    const char *last = memrchr(in, ' ', line);
    size_t len = strtoul(last + 1, NULL, 10), total = line + 2 + len + 2;

    if (have < total)
        return 0;
    on_message(f, in + line + 2, len);
    return total;
}

static size_t take(struct fan *f, struct fan_conn *c, const char *in, size_t have)
{
    const char *end = memmem(in, have, "\r\n", 2);
    size_t line;

    if (!end)
        return 0;
    line = (size_t)(end - in);
    if (line > 4 && memcmp(in, "MSG ", 4) == 0)
        return take_message(f, in, line, have);
    if (line == 4 && memcmp(in, "PING", 4) == 0)
        fan_write(c, "PONG\r\n", 6);
    else if (line == 4 && memcmp(in, "PONG", 4) == 0)
        fan_ready(f, c);
    else
        fan_complain("the server says something else");
    return line + 2;
}

int main(int argc, char **argv)
{
    static const struct fan_speech speech = {"nats_load", open_all, take};

    return fan_main(argc, argv, &speech);
}
