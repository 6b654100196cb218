/* Nothing sleeps here: else the server would pay for waking us. A slice begins when all listeners
 * are ready and the load has run for a while; messages sent within it are followed to their last
 * listener.
 *
 * When a message was committed only the server knows: commits.c notes in shared memory when its
 * disk has last answered. That is looked at when the first sign of a message comes, its answer or
 * its first frame, whichever is earlier. */
#include "fan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_ROOM   ((size_t)64 * 1024)
#define SEND_ROOM   (1024 * 1024)
#define EVENTS_MAX  512
#define CONNS_MAX   ((size_t)1 << 17)
#define DIGITS      10
#define NS_PER_S    1000000000LL
#define PATIENCE_NS (30 * NS_PER_S)

struct message {
    int64_t sent, committed; /* 0: not known yet */
    struct fan_conn *by;
    uint32_t seen; /* by so many listeners */
};

struct fan {
    struct fan_options options;
    const struct fan_speech *speech;
    struct fan_conn *conns;
    size_t n_conns, n_listeners, n_ready;
    int poller;
    const _Atomic int64_t *commits;
    struct message *messages; /* by number */
    uint64_t n_messages, cap_messages, first_measured, end_measured;
    uint64_t under_way, frames, octets, in_slice;
    struct meter done, seen, behind; /* from sending: until done, to a frame; from commit to it */
    bool sending, measuring;
    int64_t next_due;
};

static const char *program;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

void fan_complain(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", program, what);
    exit(1);
}

void *fan_memory(void *memory)
{
    if (!memory)
        fan_complain("out of memory");
    return memory;
}

const struct fan_options *fan_options(const struct fan *f)
{
    return &f->options;
}

/* ---- connections ---- */

static struct fan_conn *add_conn(struct fan *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->options.port)};
    int yes = 1, room = SEND_ROOM;
    struct fan_conn *c;

    if (f->n_conns == CONNS_MAX)
        fan_complain("too many connections");
    c = &f->conns[f->n_conns++];
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room); /* fan_write() finds out */
    return c;
}

struct fan_conn *fan_listener(struct fan *f)
{
    struct fan_conn *c = add_conn(f);

    c->listens = true;
    f->n_listeners++;
    return c;
}

struct fan_conn *fan_sender(struct fan *f, char *request, size_t length)
{
    struct fan_conn *c = add_conn(f);

    c->request = request;
    c->length = length;
    return c;
}

void fan_watch(const struct fan *f, struct fan_conn *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(f->poller, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll_ctl");
}

void fan_write(const struct fan_conn *c, const void *octets, size_t len)
{
    if (write(c->fd, octets, len) != (ssize_t)len)
        fan_complain("what is sent does not fit");
}

/* ---- messages ---- */

static void note_sent(struct fan *f, struct fan_conn *by)
{
    if (f->n_messages == f->cap_messages) {
        f->cap_messages = f->cap_messages ? 2 * f->cap_messages : 1 << 16;
        f->messages = fan_memory(realloc(f->messages, f->cap_messages * sizeof *f->messages));
    }
    by->newest = f->n_messages++;
    by->under_way++;
    f->under_way++;
    f->messages[by->newest] = (struct message){.by = by, .sent = meter_now()};
}

static void send_message(struct fan *f, struct fan_conn *c)
{
    char *place = memchr(c->request, '#', c->length), number[DIGITS + 1];

    if (!place)
        fan_complain("a request has no place for the number");
    (void)snprintf(number, sizeof number, "%010llu", (unsigned long long)f->n_messages);
    memcpy(place + 1, number, DIGITS);
    note_sent(f, c);
    fan_write(c, c->request, c->length);
}

static bool is_measured(const struct fan *f, uint64_t number)
{
    return number >= f->first_measured && number < f->end_measured;
}

bool fan_number(const struct fan *f, const char *text, size_t len, uint64_t *out)
{
    const char *at = memchr(text, '#', len);

    if (!at || (size_t)(text + len - at) <= DIGITS)
        return false;
    *out = strtoull(at + 1, NULL, 10);
    return *out < f->n_messages;
}

/* Somebody knows of it. */
static void note_commit(const struct fan *f, struct message *m)
{
    if (!f->commits || m->committed)
        return;
    m->committed = atomic_load(f->commits);
    if (m->committed < m->sent)
        fan_complain("a message is known that was not committed");
}

bool fan_seen(struct fan *f, const char *text, size_t len)
{
    struct message *m;
    uint64_t number;
    int64_t now;

    if (!fan_number(f, text, len, &number))
        return false;
    m = &f->messages[number];
    note_commit(f, m);
    m->seen++;
    f->in_slice += f->measuring;
    if (is_measured(f, number)) {
        now = meter_now();
        f->frames++;
        f->octets += len;
        meter_add(&f->seen, now - m->sent);
        if (f->commits)
            meter_add(&f->behind, now - m->committed);
    }
    return m->seen == f->n_listeners / f->options.groups;
}

void fan_done(struct fan *f, uint64_t number)
{
    struct message *m = &f->messages[number];

    note_commit(f, m);
    m->by->under_way--;
    f->under_way--;
    if (is_measured(f, number))
        meter_add(&f->done, meter_now() - m->sent);
}

void fan_ready(struct fan *f, struct fan_conn *c)
{
    f->n_ready += !c->ready;
    c->ready = true;
}

/* ---- octets ---- */

static void keep(struct fan_conn *c, const char *rest, size_t len)
{
    if (len > c->cap) {
        c->cap = len;
        c->kept = fan_memory(realloc(c->kept, len));
    }
    if (len)
        memcpy(c->kept, rest, len);
    c->have = len;
}

static void on_readable(struct fan *f, struct fan_conn *c)
{
    static char in[2 * READ_ROOM];
    size_t have = c->have, at = 0, used;
    ssize_t n;

    if (have > READ_ROOM)
        fan_complain("a frame is too long");
    if (have)
        memcpy(in, c->kept, have);
    n = read(c->fd, in + have, READ_ROOM);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fan_complain("the server closed a connection");
    have += (size_t)n;
    while ((used = f->speech->take(f, c, in + at, have - at)) > 0)
        at += used;
    keep(c, in + at, have - at);
}

/* ---- the whole ---- */

/* False: it is not time yet. */
static bool is_due(struct fan *f)
{
    if (f->options.rate <= 0)
        return true;
    if (meter_now() < f->next_due)
        return false;
    f->next_due += (int64_t)((double)NS_PER_S / f->options.rate);
    return true;
}

static void send_due(struct fan *f)
{
    for (size_t i = f->n_listeners; i < f->n_conns; i++) {
        struct fan_conn *c = &f->conns[i];

        while (c->under_way < f->options.window) {
            if (!is_due(f))
                return;
            send_message(f, c);
        }
    }
}

static void run_until(struct fan *f, int64_t deadline, bool (*enough)(const struct fan *f))
{
    struct epoll_event events[EVENTS_MAX];

    while (meter_now() < deadline && !(enough && enough(f))) {
        int n = epoll_wait(f->poller, events, EVENTS_MAX, 0);

        for (int i = 0; i < n; i++)
            on_readable(f, events[i].data.ptr);
        if (f->sending)
            send_due(f);
    }
}

static bool all_ready(const struct fan *f)
{
    return f->n_ready == f->n_listeners;
}

static uint64_t expected(const struct fan *f)
{
    return (f->end_measured - f->first_measured) * (f->n_listeners / f->options.groups);
}

static bool all_seen(const struct fan *f)
{
    return f->under_way == 0 && f->frames >= expected(f);
}

static void print(const struct fan *f, int64_t took, int64_t cpu)
{
    double seconds = (double)took / NS_PER_S, frames = (double)f->in_slice;

    (void)printf("{\"listeners\":%zu,\"messages\":%llu,\"frames\":%llu,\"missing\":%lld,"
                 "\"octets\":%llu,\"seconds\":%.6f,\"rate\":%.1f,\"frame_rate\":%.1f,"
                 "\"busy\":%.4f,\"cpu_us\":%.4f,",
                 f->n_listeners, (unsigned long long)(f->end_measured - f->first_measured),
                 (unsigned long long)f->frames, (long long)(expected(f) - f->frames),
                 (unsigned long long)(f->frames ? f->octets / f->frames : 0), seconds,
                 (double)(f->end_measured - f->first_measured) / seconds, frames / seconds,
                 (double)cpu / (double)took, frames > 0 ? (double)cpu / 1000 / frames : 0);
    (void)printf("\"done_p50_us\":%.1f,\"done_p99_us\":%.1f,\"seen_p50_us\":%.1f,"
                 "\"seen_p99_us\":%.1f,\"behind_p50_us\":%.1f,\"behind_p99_us\":%.1f}\n",
                 meter_us(&f->done, 0.5), meter_us(&f->done, 0.99), meter_us(&f->seen, 0.5),
                 meter_us(&f->seen, 0.99), meter_us(&f->behind, 0.5), meter_us(&f->behind, 0.99));
}

static void measure(struct fan *f)
{
    int64_t start, end, cpu;

    f->sending = true;
    f->next_due = meter_now();
    run_until(f, meter_now() + (int64_t)(f->options.warm_s * (double)NS_PER_S), NULL);
    f->first_measured = f->n_messages;
    f->end_measured = UINT64_MAX;
    f->measuring = true;
    start = meter_now();
    cpu = meter_cpu(f->options.pid);
    run_until(f, start + (int64_t)(f->options.slice_s * (double)NS_PER_S), NULL);
    end = meter_now();
    cpu = meter_cpu(f->options.pid) - cpu;
    f->measuring = f->sending = false;
    f->end_measured = f->n_messages;
    run_until(f, end + PATIENCE_NS, all_seen);
    print(f, end - start, cpu);
}

static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* what is too little shows when connecting */
    }
}

static void map_commits(struct fan *f)
{
    int fd = open(f->options.commits, O_RDONLY | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        die(f->options.commits);
    (void)close(fd); /* the mapping stays */
    f->commits = at;
}

static void open_all(struct fan *f)
{
    f->poller = epoll_create1(EPOLL_CLOEXEC);
    f->conns = fan_memory(calloc(CONNS_MAX, sizeof *f->conns));
    if (f->poller < 0)
        die("epoll");
    if (f->options.commits)
        map_commits(f);
    f->speech->open(f);
    run_until(f, meter_now() + PATIENCE_NS, all_ready);
    if (!all_ready(f))
        fan_complain("not every listener became ready");
    if (f->n_conns == f->n_listeners || f->n_listeners % f->options.groups)
        fan_complain("nobody sends, or groups are not equally large");
}

static bool read_option(struct fan_options *o, int name)
{
    size_t number = strtoul(optarg, NULL, 10);
    double real = strtod(optarg, NULL);

    /* clang-format off */
    switch (name) {
    case 'p': o->port = (int)number; return true;
    case 'i': o->pid = (long)number; return true;
    case 'w': o->warm_s = real; return true;
    case 's': o->slice_s = real; return true;
    case 'R': o->rate = real; return true;
    case 'g': o->groups = number; return true;
    case 'W': o->window = number; return true;
    case 'c': o->commits = optarg; return true;
    case 'k': o->tokens = optarg; return true;
    case 'r': o->requests = optarg; return true;
    case 'l': o->length = number; return true;
    case 'L': o->listeners = number; return true;
    case 'o': o->octets = number; return true;
    default: return false;
    }
    /* clang-format on */
}

int fan_main(int argc, char **argv, const struct fan_speech *speech)
{
    static const struct option names[] = {{"port", 1, NULL, 'p'},     {"pid", 1, NULL, 'i'},
                                          {"warm", 1, NULL, 'w'},     {"slice", 1, NULL, 's'},
                                          {"rate", 1, NULL, 'R'},     {"groups", 1, NULL, 'g'},
                                          {"window", 1, NULL, 'W'},   {"commits", 1, NULL, 'c'},
                                          {"tokens", 1, NULL, 'k'},   {"length", 1, NULL, 'l'},
                                          {"requests", 1, NULL, 'r'}, {"listeners", 1, NULL, 'L'},
                                          {"octets", 1, NULL, 'o'},   {0}};
    static struct fan f;
    int c;

    program = speech->program;
    f.speech = speech;
    f.options = (struct fan_options){.warm_s = 0.3, .slice_s = 2, .groups = 1, .window = 1};
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
        if (!read_option(&f.options, c))
            return 2;
    if (!f.options.port || !f.options.pid || !f.options.groups)
        fan_complain("--port, --pid and --groups are needed");
    raise_descriptors();
    open_all(&f);
    measure(&f);
    return 0;
}
