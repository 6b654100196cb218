/* Load for the realtime feed: many WebSockets on /realtime that listen, a few connections that send
 * chat messages, one request in flight on each. Measured is how long a message takes from its POST,
 * and from the 201 to it, to the frame of each listener, and what CPU time the server used
 * meanwhile.
 *
 * Tokens of listeners come from a file, one a line. Requests come ready-made from another, each of
 * the same length and one for each sender; the ten digits behind the first '#' of a request become
 * the message's number, by which frames are told apart. Prints one JSON object. */
#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_ROOM   (64 * 1024)
#define EVENTS_MAX  512
#define DIGITS      10
#define NS_PER_S    1000000000LL
#define PATIENCE_NS (30 * NS_PER_S)

struct options {
    int port;
    long pid;
    double warm_s, slice_s;
    const char *tokens, *requests;
    size_t length; /* of one request; 0: the whole file is one */
    double rate;   /* messages per second, of all senders; 0: as fast as answers come */
};

/* When a message went, and when it was answered; 0: not yet. */
struct message {
    int64_t sent, answered;
};

struct conn {
    int fd;
    bool listens, ready;
    size_t have, cap; /* octets that are no whole frame or answer yet */
    char *kept;
    char *request; /* a sender's */
    uint64_t number;
    bool in_flight;
};

struct load {
    struct options options;
    struct conn *conns;
    size_t n_conns, n_listeners, n_ready;
    int poller;
    struct message *messages; /* by number */
    uint64_t n_messages, cap_messages, first_measured;
    uint64_t wrong, frames;
    struct meter post, frame,
        behind; /* to the 201; from the POST, and from the 201, to the frame */
    bool measuring, sending;
    int64_t next_due;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void complain(const char *what)
{
    (void)fprintf(stderr, "ws_load: %s\n", what);
    exit(1);
}

static void *some(void *memory)
{
    if (!memory)
        complain("out of memory");
    return memory;
}

/* ---- files ---- */

static char *read_file(const char *path, size_t *out_len)
{
    FILE *f = fopen(path, "re");
    size_t cap = 1 << 20, len = 0, n;
    char *text = some(malloc(cap));

    if (!f)
        die(path);
    while ((n = fread(text + len, 1, cap - len, f)) > 0) {
        len += n;
        if (len == cap)
            text = some(realloc(text, cap *= 2));
    }
    (void)fclose(f);
    *out_len = len;
    return text;
}

/* ---- connections ---- */

static struct conn *add_conn(struct load *l)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->options.port)};
    struct conn *c = &l->conns[l->n_conns++];
    int yes = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return c;
}

static void watch(const struct load *l, struct conn *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(l->poller, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll_ctl");
}

static void write_all(const struct conn *c, const void *octets, size_t len)
{
    if (write(c->fd, octets, len) != (ssize_t)len)
        complain("what is sent does not fit");
}

/* A mask of zeros changes nothing, and is a mask. */
static void send_hello(const struct conn *c)
{
    static const char hello[] = "\x81\x90\0\0\0\0{\"type\":\"hello\"}";

    write_all(c, hello, sizeof hello - 1);
}

static void open_listener(struct load *l, const char *token, size_t len)
{
    struct conn *c = add_conn(l);
    char request[4096], answer[4096];
    int n = snprintf(request, sizeof request,
                     "GET /realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Authorization: Bearer %.*s\r\n\r\n",
                     (int)len, token);
    ssize_t got;

    c->listens = true;
    write_all(c, request, (size_t)n);
    got = read(c->fd, answer, sizeof answer - 1); /* the server is silent until it hears hello */
    if (got < 16 || memcmp(answer, "HTTP/1.1 101 ", 13) != 0)
        complain("no WebSocket was given");
    send_hello(c);
    watch(l, c);
}

static void open_listeners(struct load *l)
{
    size_t len, at = 0;
    char *text = read_file(l->options.tokens, &len);

    while (at < len) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;

        if (n) {
            open_listener(l, text + at, n);
            l->n_listeners++;
        }
        at += n + 1;
    }
    free(text);
}

static void open_senders(struct load *l)
{
    size_t len;
    char *text = read_file(l->options.requests, &len);
    size_t one = l->options.length ? l->options.length : len;

    for (size_t at = 0; at + one <= len; at += one) {
        struct conn *c = add_conn(l);

        c->request = text + at;
        l->options.length = one;
        watch(l, c);
    }
}

/* ---- messages ---- */

static void note_sent(struct load *l, int64_t now)
{
    if (l->n_messages == l->cap_messages) {
        l->cap_messages = l->cap_messages ? 2 * l->cap_messages : 1 << 16;
        l->messages = some(realloc(l->messages, l->cap_messages * sizeof *l->messages));
    }
    l->messages[l->n_messages++] = (struct message){.sent = now};
}

static void send_message(struct load *l, struct conn *c)
{
    char *place = memchr(c->request, '#', l->options.length), number[DIGITS + 1];

    if (!place)
        complain("a request has no place for the number");
    c->number = l->n_messages;
    (void)snprintf(number, sizeof number, "%010llu", (unsigned long long)c->number);
    memcpy(place + 1, number, DIGITS);
    note_sent(l, meter_now());
    write_all(c, c->request, l->options.length);
    c->in_flight = true;
}

static bool is_measured(const struct load *l, uint64_t number)
{
    return l->measuring && number >= l->first_measured;
}

/* The number of the message that a text tells of; false: of none. */
static bool number_of(const struct load *l, const char *text, size_t len, uint64_t *out)
{
    const char *at = memchr(text, '#', len);

    if (!at || (size_t)(text + len - at) <= DIGITS)
        return false;
    *out = strtoull(at + 1, NULL, 10);
    return *out < l->n_messages;
}

static void on_text(struct load *l, struct conn *c, const char *text, size_t len)
{
    uint64_t number;
    int64_t now;

    if (!c->ready && memmem(text, len, "\"ready\"", 7)) {
        c->ready = true;
        l->n_ready++;
    }
    if (!number_of(l, text, len, &number) || !is_measured(l, number))
        return;
    now = meter_now();
    l->frames++;
    meter_add(&l->frame, now - l->messages[number].sent);
    meter_add(&l->behind, l->messages[number].answered ? now - l->messages[number].answered : 1);
}

static void on_answer(struct load *l, struct conn *c, const char *answer)
{
    int64_t now = meter_now();
    struct message *m = &l->messages[c->number];

    if (memcmp(answer + 9, "201", 3) != 0 && l->wrong++ == 0)
        (void)fprintf(stderr, "ws_load: unexpected answer: %.100s\n", answer);
    m->answered = now;
    c->in_flight = false;
    if (is_measured(l, c->number))
        meter_add(&l->post, now - m->sent);
}

/* ---- octets ---- */

/* Takes one frame off the front: its length, 0 when it is not whole. */
static size_t take_frame(struct load *l, struct conn *c, const char *in, size_t have)
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
        on_text(l, c, in + head, len);
    else if ((o[0] & 15) == 9)
        write_all(c, pong, sizeof pong - 1);
    else
        complain("the server closed a WebSocket");
    return head + len;
}

static size_t take_answer(struct load *l, struct conn *c, const char *in, size_t have)
{
    const char *end = memmem(in, have, "\r\n\r\n", 4), *length;
    size_t total;

    if (!end)
        return 0;
    length = memmem(in, (size_t)(end - in), "\r\nContent-Length: ", 18);
    if (!length)
        complain("an answer has no Content-Length");
    total = (size_t)(end - in) + 4 + strtoul(length + 18, NULL, 10);
    if (have < total)
        return 0;
    on_answer(l, c, in);
    return total;
}

static void keep(struct conn *c, const char *rest, size_t len)
{
    if (len > c->cap) {
        c->cap = len;
        c->kept = some(realloc(c->kept, len));
    }
    memmove(c->kept, rest, len);
    c->have = len;
}

static void on_readable(struct load *l, struct conn *c)
{
    static char in[2 * READ_ROOM];
    size_t have = c->have, at = 0, used;
    ssize_t n;

    if (have > READ_ROOM)
        complain("a frame is too long");
    if (have)
        memcpy(in, c->kept, have);
    n = read(c->fd, in + have, READ_ROOM);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        complain("the server closed a connection");
    have += (size_t)n;
    while ((used = c->listens ? take_frame(l, c, in + at, have - at)
                              : take_answer(l, c, in + at, have - at)) > 0)
        at += used;
    keep(c, in + at, have - at);
}

/* ---- the whole ---- */

static void send_due(struct load *l)
{
    for (size_t i = l->n_listeners; i < l->n_conns; i++) {
        if (l->conns[i].in_flight)
            continue;
        if (l->options.rate > 0) {
            if (meter_now() < l->next_due)
                return;
            l->next_due += (int64_t)((double)NS_PER_S / l->options.rate);
        }
        send_message(l, &l->conns[i]);
    }
}

/* Never sleeps: else the server would pay for waking us. */
static void run_until(struct load *l, int64_t deadline, bool (*enough)(const struct load *l))
{
    struct epoll_event events[EVENTS_MAX];

    while (meter_now() < deadline && !(enough && enough(l))) {
        int n = epoll_wait(l->poller, events, EVENTS_MAX, 0);

        for (int i = 0; i < n; i++)
            on_readable(l, events[i].data.ptr);
        if (l->sending)
            send_due(l);
    }
}

static bool all_ready(const struct load *l)
{
    return l->n_ready == l->n_listeners;
}

static bool all_answered(const struct load *l)
{
    for (size_t i = l->n_listeners; i < l->n_conns; i++)
        if (l->conns[i].in_flight)
            return false;
    return true;
}

static void print(const struct load *l, int64_t took, int64_t cpu)
{
    double seconds = (double)took / NS_PER_S;

    (void)printf("{\"listeners\":%zu,\"messages\":%llu,\"frames\":%llu,\"seconds\":%.6f,"
                 "\"rate\":%.1f,\"frame_rate\":%.1f,\"wrong\":%llu,\"busy\":%.4f,",
                 l->n_listeners, (unsigned long long)l->post.n, (unsigned long long)l->frames,
                 seconds, (double)l->post.n / seconds, (double)l->frames / seconds,
                 (unsigned long long)l->wrong, (double)cpu / (double)took);
    (void)printf("\"post_p50_us\":%.1f,\"post_p99_us\":%.1f,\"frame_p50_us\":%.1f,"
                 "\"frame_p99_us\":%.1f,\"behind_p50_us\":%.1f,\"behind_p99_us\":%.1f,"
                 "\"behind_max_us\":%.1f}\n",
                 meter_us(&l->post, 0.5), meter_us(&l->post, 0.99), meter_us(&l->frame, 0.5),
                 meter_us(&l->frame, 0.99), meter_us(&l->behind, 0.5), meter_us(&l->behind, 0.99),
                 (double)l->behind.longest / 1000);
}

static void measure(struct load *l)
{
    int64_t start, end, cpu;

    l->sending = true;
    l->next_due = meter_now();
    run_until(l, meter_now() + (int64_t)(l->options.warm_s * (double)NS_PER_S), NULL);
    l->measuring = true;
    l->first_measured = l->n_messages;
    start = meter_now();
    cpu = meter_cpu(l->options.pid);
    run_until(l, start + (int64_t)(l->options.slice_s * (double)NS_PER_S), NULL);
    end = meter_now();
    cpu = meter_cpu(l->options.pid) - cpu;
    l->sending = false;
    run_until(l, end + PATIENCE_NS, all_answered);
    run_until(l, meter_now() + NS_PER_S / 2, NULL); /* the last frames */
    print(l, end - start, cpu);
}

static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* what is too little shows when connecting */
    }
}

static void open_all(struct load *l)
{
    l->poller = epoll_create1(EPOLL_CLOEXEC);
    l->conns = some(calloc(1 << 17, sizeof *l->conns));
    if (l->poller < 0)
        die("epoll");
    open_listeners(l);
    open_senders(l);
    run_until(l, meter_now() + PATIENCE_NS, all_ready);
    if (!all_ready(l))
        complain("not every listener became ready");
    if (l->n_conns == l->n_listeners)
        complain("nobody sends");
}

static bool read_option(struct options *o, int name)
{
    switch (name) {
    case 'p':
        o->port = (int)strtol(optarg, NULL, 10);
        return true;
    case 'i':
        o->pid = strtol(optarg, NULL, 10);
        return true;
    case 'w':
        o->warm_s = strtod(optarg, NULL);
        return true;
    case 's':
        o->slice_s = strtod(optarg, NULL);
        return true;
    case 'k':
        o->tokens = optarg;
        return true;
    case 'r':
        o->requests = optarg;
        return true;
    case 'l':
        o->length = strtoul(optarg, NULL, 10);
        return true;
    case 'R':
        o->rate = strtod(optarg, NULL);
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, NULL, 'p'},   {"pid", 1, NULL, 'i'},    {"warm", 1, NULL, 'w'},
        {"slice", 1, NULL, 's'},  {"tokens", 1, NULL, 'k'}, {"requests", 1, NULL, 'r'},
        {"length", 1, NULL, 'l'}, {"rate", 1, NULL, 'R'},   {0}};
    static struct load l;
    int c;

    l.options = (struct options){.warm_s = 0.3, .slice_s = 2};
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
        if (!read_option(&l.options, c))
            return 2;
    if (!l.options.port || !l.options.tokens || !l.options.requests || !l.options.pid)
        complain("--port, --pid, --tokens and --requests are needed");
    raise_descriptors();
    open_all(&l);
    measure(&l);
    return l.wrong ? 3 : 0;
}
