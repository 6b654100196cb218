/* See peer.h. Answers that are held back stay in their connection's memory. */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define START_ROOM ((size_t)65536)
#define ROOM_MAX   ((size_t)64 << 20)
#define CONNS_MAX  1024
#define NS_PER_S   1000000000LL

static struct peer_conn *conns[CONNS_MAX];
static struct peer_counts counts;
static bool held;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static char *with_room(char *octets, size_t have, size_t more, size_t *cap)
{
    while (*cap - have < more) {
        *cap = *cap ? 2 * *cap : START_ROOM;
        octets = *cap <= ROOM_MAX ? realloc(octets, *cap) : NULL;
        if (!octets)
            die("too much at once");
    }
    return octets;
}

void peer_say(struct peer_conn *c, const void *octets, size_t len)
{
    c->out = with_room(c->out, c->ready, len, &c->out_cap);
    memcpy(c->out + c->ready, octets, len);
    c->ready += len;
}

void peer_count(uint64_t requests, uint64_t items)
{
    counts.requests += requests;
    counts.items += items;
    counts.last_ns = now_ns();
    if (!counts.first_ns)
        counts.first_ns = counts.last_ns;
}

static void drop(struct peer_conn *c)
{
    conns[c->fd] = NULL;
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

/* Waits for room: the server reads whatever else it does. */
static void flush_out(struct peer_conn *c)
{
    size_t done = 0;

    if (held)
        return;
    while (done < c->ready) {
        ssize_t n = send(c->fd, c->out + done, c->ready - done, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    c->ready = 0;
}

static void on_readable(struct peer_conn *c, peer_take_fn take)
{
    size_t at = 0, used;
    ssize_t n;

    c->in = with_room(c->in, c->have, START_ROOM / 2, &c->in_cap);
    n = recv(c->fd, c->in + c->have, c->in_cap - c->have, MSG_DONTWAIT);
    if (n <= 0) {
        drop(c);
        return;
    }
    c->have += (size_t)n;
    for (;;) {
        struct peer_conn rest = {.in = c->in + at, .have = c->have - at};

        if (rest.have == 0)
            break;
        rest.out = c->out, rest.ready = c->ready, rest.out_cap = c->out_cap;
        used = take(&rest);
        c->out = rest.out, c->ready = rest.ready, c->out_cap = rest.out_cap;
        if (used == 0)
            break;
        at += used;
    }
    c->have -= at;
    memmove(c->in, c->in + at, c->have);
    flush_out(c);
}

static void take_connection(int listener, int poller)
{
    int fd = accept(listener, NULL, NULL), yes = 1;
    struct epoll_event event = {.events = EPOLLIN};

    if (fd < 0 || fd >= CONNS_MAX)
        die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    conns[fd] = calloc(1, sizeof *conns[fd]);
    if (!conns[fd])
        die("calloc");
    conns[fd]->fd = fd;
    event.data.fd = fd;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void tell(void)
{
    printf("{\"requests\":%llu,\"items\":%llu,\"seconds\":%.6f}\n",
           (unsigned long long)counts.requests, (unsigned long long)counts.items,
           (double)(counts.last_ns - counts.first_ns) / NS_PER_S);
    fflush(stdout);
}

static void obey(void)
{
    char word;

    if (read(STDIN_FILENO, &word, 1) != 1)
        exit(0);
    if (word == '?')
        tell();
    if (word == 'h') {
        held = true;
        counts = (struct peer_counts){0};
    }
    if (word != 'g')
        return;
    held = false;
    counts.first_ns = now_ns();
    for (size_t i = 0; i < CONNS_MAX; i++)
        if (conns[i])
            flush_out(conns[i]);
}

static int listen_somewhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("listen");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

void peer_run(peer_take_fn take)
{
    int poller = epoll_create1(0), listener = listen_somewhere();
    const int fixed[] = {listener, STDIN_FILENO};
    struct epoll_event events[EVENTS_MAX];

    for (size_t i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fixed[i]};

        if (epoll_ctl(poller, EPOLL_CTL_ADD, fixed[i], &event) != 0)
            die("epoll_ctl");
    }
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS_MAX, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                take_connection(listener, poller);
            else if (fd == STDIN_FILENO)
                obey();
            else if (conns[fd])
                on_readable(conns[fd], take);
        }
    }
}
