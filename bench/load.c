/* Load for one server: many keep-alive connections, one request in flight on each, no pipelining.
 *
 * Requests come ready-made from a file (each of the same length, so that a million signed ones need
 * no index); answers are read to their last octet and their status is checked. One slice is
 * measured after a warm-up: requests, latencies, and the CPU time that the server's process used
 * meanwhile. Prints one JSON object. */
#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX (32 * 1024)
#define EVENTS_MAX 512
#define NS_PER_S   1000000000LL

struct options {
    int port, connections;
    long pid;
    double warm_s, slice_s;
    const char *file, *status;
    size_t length; /* of one request; 0: the whole file is one */
    uint64_t first;
    bool tls;
};

struct conn {
    int fd;
    SSL *ssl;
    int64_t sent_at;
    size_t have;
    char answer[ANSWER_MAX];
};

/* What the last answer looked like: the next one mostly is of the same shape. */
struct shape {
    size_t head, total, length_at, length_len;
};

struct load {
    struct options options;
    const char *requests;
    uint64_t count, next;
    struct conn *conns;
    struct shape shape;
    uint64_t wrong;
    struct meter latency;
    bool measuring;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void complain(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static int64_t cpu_ns(long pid)
{
    int64_t cpu = pid > 0 ? meter_cpu(pid) : 0;

    if (cpu < 0)
        complain("the server's CPU clock can't be read");
    return cpu;
}

/* ---- octets ---- */

static void set_blocking(int fd, bool blocking)
{
    int flags = fcntl(fd, F_GETFL);

    if (fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0)
        die("fcntl");
}

static void open_conn(const struct load *l, struct conn *c, SSL_CTX *ctx)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->options.port)};
    int yes = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (ctx) {
        c->ssl = SSL_new(ctx);
        if (!c->ssl || !SSL_set_fd(c->ssl, c->fd) || !SSL_set_tlsext_host_name(c->ssl, "localhost"))
            complain("no TLS");
        if (SSL_connect(c->ssl) != 1)
            complain("the TLS handshake failed");
    }
    set_blocking(c->fd, false);
}

static void send_next(struct load *l, struct conn *c)
{
    size_t len = l->options.length;
    const char *request = l->requests + (l->next++ % l->count) * len;
    ssize_t n;

    c->have = 0;
    c->sent_at = meter_now();
    n = c->ssl ? SSL_write(c->ssl, request, (int)len) : write(c->fd, request, len);
    if (n != (ssize_t)len)
        complain("a request could not be sent whole");
}

/* Octets read, 0 when there are none now. */
static size_t receive(struct conn *c)
{
    size_t room = sizeof c->answer - c->have;
    ssize_t n;

    if (room == 0)
        complain("an answer is too long");
    if (c->ssl) {
        n = SSL_read(c->ssl, c->answer + c->have, (int)room);
        if (n <= 0 && SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ)
            return 0;
    } else {
        n = read(c->fd, c->answer + c->have, room);
        if (n < 0 && errno == EAGAIN)
            return 0;
    }
    if (n <= 0)
        complain("the server closed a connection");
    c->have += (size_t)n;
    return (size_t)n;
}

/* ---- answers ---- */

static const char *find(const char *from, size_t len, const char *what)
{
    return memmem(from, len, what, strlen(what));
}

/* The last answer's shape, if this one has it too: same place and text of its length. */
static bool has_shape(const struct load *l, const struct conn *c, const char *last)
{
    const struct shape *s = &l->shape;

    return s->total && c->have >= s->head &&
           memcmp(c->answer + s->length_at, last, s->length_len) == 0 &&
           memcmp(c->answer + s->head - 4, "\r\n\r\n", 4) == 0;
}

/* Reads the head: where it ends and how long the whole is; false while it is not whole. */
static bool learn_shape(struct load *l, struct conn *c)
{
    const char *end = find(c->answer, c->have, "\r\n\r\n"), *length;
    struct shape *s = &l->shape;
    char *after;

    if (!end)
        return false;
    s->head = (size_t)(end - c->answer) + 4;
    length = find(c->answer, s->head, "\r\nContent-Length: ");
    if (!length)
        complain("an answer has no Content-Length");
    s->length_at = (size_t)(length - c->answer);
    s->total = s->head + strtoul(length + 18, &after, 10);
    s->length_len = (size_t)(after - length) + 2;
    return true;
}

static bool is_whole(struct load *l, struct conn *c)
{
    static char last[64];

    if (!has_shape(l, c, last)) {
        if (!learn_shape(l, c))
            return false;
        if (l->shape.length_len > sizeof last)
            complain("odd Content-Length");
        memcpy(last, c->answer + l->shape.length_at, l->shape.length_len);
    }
    return c->have >= l->shape.total;
}

static void note_answer(struct load *l, struct conn *c)
{
    int64_t took = meter_now() - c->sent_at;

    if (memcmp(c->answer + 9, l->options.status, 3) != 0) {
        if (l->wrong++ == 0)
            fprintf(stderr, "load: unexpected answer: %.*s\n", (int)c->have, c->answer);
    }
    if (l->measuring)
        meter_add(&l->latency, took);
}

static void on_readable(struct load *l, struct conn *c)
{
    if (receive(c) == 0 || !is_whole(l, c))
        return;
    note_answer(l, c);
    send_next(l, c);
}

/* Never sleeps: else the server would pay for waking us, the more the slower its answers are. */
static void run_until(struct load *l, int poller, int64_t deadline)
{
    struct epoll_event events[EVENTS_MAX];

    while (meter_now() < deadline) {
        int n = epoll_wait(poller, events, EVENTS_MAX, 0);

        for (int i = 0; i < n; i++)
            on_readable(l, events[i].data.ptr);
    }
}

/* ---- the whole ---- */

static void open_requests(struct load *l)
{
    int fd = open(l->options.file, O_RDONLY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
        die(l->options.file);
    l->requests = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (l->requests == MAP_FAILED)
        die("mmap");
    if (l->options.length == 0)
        l->options.length = (size_t)st.st_size;
    l->count = (uint64_t)st.st_size / l->options.length;
    l->next = l->options.first;
    close(fd);
}

static SSL_CTX *tls_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION))
        complain("no TLS");
    return ctx; /* the server's certificate is not the subject here */
}

static int open_all(struct load *l, SSL_CTX *ctx)
{
    int poller = epoll_create1(0);

    l->conns = calloc((size_t)l->options.connections, sizeof *l->conns);
    if (poller < 0 || !l->conns)
        die("epoll");
    for (int i = 0; i < l->options.connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l->conns[i]};

        open_conn(l, &l->conns[i], ctx);
        if (epoll_ctl(poller, EPOLL_CTL_ADD, l->conns[i].fd, &event) != 0)
            die("epoll_ctl");
    }
    return poller;
}

static void print(const struct load *l, int64_t took, int64_t cpu, const char *cipher)
{
    double seconds = (double)took / NS_PER_S, n = (double)(l->latency.n ? l->latency.n : 1);

    printf("{\"requests\":%llu,\"seconds\":%.6f,\"rate\":%.1f,\"wrong\":%llu,\"cpu_us\":%.4f,"
           "\"busy\":%.4f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
           "\"answer_octets\":%zu,\"next\":%llu,\"cipher\":\"%s\"}\n",
           (unsigned long long)l->latency.n, seconds, (double)l->latency.n / seconds,
           (unsigned long long)l->wrong, (double)cpu / 1000 / n, (double)cpu / (double)took,
           meter_us(&l->latency, 0.5), meter_us(&l->latency, 0.9), meter_us(&l->latency, 0.99),
           (double)l->latency.longest / 1000, l->shape.total, (unsigned long long)l->next, cipher);
}

static void measure(struct load *l)
{
    SSL_CTX *ctx = l->options.tls ? tls_context() : NULL;
    int poller = open_all(l, ctx);
    int64_t start, cpu;

    for (int i = 0; i < l->options.connections; i++)
        send_next(l, &l->conns[i]);
    run_until(l, poller, meter_now() + (int64_t)(l->options.warm_s * (double)NS_PER_S));
    l->measuring = true;
    start = meter_now();
    cpu = cpu_ns(l->options.pid);
    run_until(l, poller, start + (int64_t)(l->options.slice_s * (double)NS_PER_S));
    cpu = cpu_ns(l->options.pid) - cpu;
    print(l, meter_now() - start, cpu, ctx ? SSL_get_cipher_name(l->conns[0].ssl) : "");
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"port", 1, NULL, 'p'},
                                          {"pid", 1, NULL, 'i'},
                                          {"connections", 1, NULL, 'c'},
                                          {"warm", 1, NULL, 'w'},
                                          {"slice", 1, NULL, 's'},
                                          {"requests", 1, NULL, 'r'},
                                          {"length", 1, NULL, 'l'},
                                          {"first", 1, NULL, 'f'},
                                          {"status", 1, NULL, 'S'},
                                          {"tls", 0, NULL, 't'},
                                          {0}};
    struct load *l = calloc(1, sizeof *l);
    int c;

    if (!l)
        die("calloc");
    l->options = (struct options){.connections = 64, .warm_s = 0.3, .slice_s = 2, .status = "200"};
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'p':
            l->options.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'i':
            l->options.pid = strtol(optarg, NULL, 10);
            break;
        case 'c':
            l->options.connections = (int)strtol(optarg, NULL, 10);
            break;
        case 'w':
            l->options.warm_s = strtod(optarg, NULL);
            break;
        case 's':
            l->options.slice_s = strtod(optarg, NULL);
            break;
        case 'r':
            l->options.file = optarg;
            break;
        case 'l':
            l->options.length = strtoul(optarg, NULL, 10);
            break;
        case 'f':
            l->options.first = strtoull(optarg, NULL, 10);
            break;
        case 'S':
            l->options.status = optarg;
            break;
        case 't':
            l->options.tls = true;
            break;
        default:
            return 2;
        }
    }
    if (!l->options.port || !l->options.file || l->options.connections < 1)
        complain("--port and --requests are needed");
    open_requests(l);
    measure(l);
    return l->wrong ? 3 : 0;
}
