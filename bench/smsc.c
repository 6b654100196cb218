/* A carrier for the bench: takes every bind and every submit_sm at once, and sends the receipt of
 * each as fast as receipts are acknowledged (WINDOW of them unanswered at a time, at most 1000; 0:
 * sends none).
 *
 *   smsc PORT WINDOW    prints "ready PORT"; PORT 0: any; each second "submits receipts acks"
 *
 * One thread, one poll(). It checks nothing: what it is sent was checked by the tests. */
#include "carriers/smpp_pdu.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX   64
#define BUFFER_MAX  (64 * MIB)
#define READ_ROOM   (64 * KIB)
#define PENDING_MAX ((size_t)1 << 20) /* receipts that wait: a power of two */
#define SECOND_MS   1000

struct link {
    int fd;
    struct buf in, out;
    uint32_t sequence, unanswered;
    uint64_t *pending; /* a ring of ids */
    size_t first, n;
};

static struct link links[LINKS_MAX];
static size_t n_links;
static uint64_t next_id = 1, submits, receipts, acks;
static uint32_t window;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static void answer(struct link *l, const struct smpp_header *h, struct str text)
{
    struct smpp_header to = {.command = h->command | SMPP_RESPONSE, .sequence = h->sequence};

    must(smpp_text_write(&l->out, to, text) == RC_OK, "answer");
}

static void on_submit(struct link *l, const struct smpp_header *h)
{
    char id[24];
    int len = snprintf(id, sizeof id, "%llu", (unsigned long long)next_id);

    answer(l, h, str_of(id, (size_t)len));
    submits++;
    if (window && l->n < PENDING_MAX)
        l->pending[(l->first + l->n++) % PENDING_MAX] = next_id;
    next_id++;
}

static void take(struct link *l, const struct smpp_header *h)
{
    switch (h->command) {
    case SMPP_BIND_TRANSCEIVER:
        answer(l, h, STR("bench"));
        break;
    case SMPP_SUBMIT_SM:
        on_submit(l, h);
        break;
    case SMPP_DELIVER_SM | SMPP_RESPONSE:
        l->unanswered--;
        acks++;
        break;
    case SMPP_ENQUIRE_LINK:
    case SMPP_UNBIND:
        smpp_plain_write(&l->out, (struct smpp_header){.command = h->command | SMPP_RESPONSE,
                                                       .sequence = h->sequence});
        break;
    default:
        break;
    }
}

static void give_receipts(struct link *l)
{
    while (l->n && l->unanswered < window) {
        char text[96];
        int len = snprintf(text, sizeof text, "id:%llu sub:001 dlvrd:001 stat:DELIVRD err:000",
                           (unsigned long long)l->pending[l->first]);
        const struct smpp_message m = {.source = {1, 1, STR("14255550123")},
                                       .destination = {1, 1, STR("14255550100")},
                                       .esm_class = SMPP_ESM_RECEIPT,
                                       .text = {text, (size_t)len}};

        l->first = (l->first + 1) % PENDING_MAX;
        l->n--;
        l->unanswered++;
        l->sequence = l->sequence % SMPP_SEQUENCE_MAX + 1;
        must(smpp_message_write(
                 &l->out, (struct smpp_header){.command = SMPP_DELIVER_SM, .sequence = l->sequence},
                 &m) == RC_OK,
             "receipt");
        receipts++;
    }
}

/* False: the peer has gone, or is none. */
static bool receive(struct link *l)
{
    char *room = buf_reserve(&l->in, READ_ROOM);
    ssize_t got = room ? read(l->fd, room, READ_ROOM) : 0;
    struct str left;
    struct smpp_header h;

    if (got <= 0)
        return false;
    buf_grown(&l->in, (size_t)got);
    left = buf_str(&l->in);
    while (left.len >= SMPP_HEADER_LEN) {
        if (smpp_header_read(left, &h))
            return false;
        if (left.len < h.length)
            break;
        take(l, &h);
        left = str_from_index(left, h.length);
    }
    buf_consume(&l->in, l->in.len - left.len);
    return true;
}

static void transmit(struct link *l)
{
    ssize_t sent;

    give_receipts(l);
    sent = l->out.len ? send(l->fd, l->out.ptr, l->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (sent > 0)
        buf_consume(&l->out, (size_t)sent); /* the rest when poll() says so, or tells the end */
}

static void link_open(int listener)
{
    struct link *l = &links[n_links];
    int one = 1;

    *l = (struct link){.fd = accept(listener, NULL, NULL)};
    if (l->fd < 0)
        return;
    (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    buf_init(&l->in, BUFFER_MAX);
    buf_init(&l->out, BUFFER_MAX);
    l->pending = calloc(PENDING_MAX, sizeof *l->pending);
    must(l->pending != NULL, "memory");
    n_links++;
}

static void link_close(size_t at)
{
    struct link *l = &links[at];

    (void)close(l->fd);
    buf_clear(&l->in);
    buf_clear(&l->out);
    free(l->pending);
    *l = links[--n_links];
}

static int start_listening(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(fd >= 0, "socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    must(bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    must(listen(fd, LINKS_MAX) == 0, "listen");
    must(getsockname(fd, (struct sockaddr *)&at, &len) == 0, "getsockname");
    (void)printf("ready %u\n", (unsigned)ntohs(at.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void serve_links(const struct pollfd *polled, size_t n)
{
    for (size_t i = n; i-- > 0;) { /* the last one takes the place of a closed one */
        if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) && !receive(&links[i]))
            link_close(i);
        else
            transmit(&links[i]);
    }
}

static void tell(void)
{
    static time_t told;
    time_t now = time(NULL);

    if (now == told)
        return;
    told = now;
    (void)printf("%llu %llu %llu\n", (unsigned long long)submits, (unsigned long long)receipts,
                 (unsigned long long)acks);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    uint64_t port, most;
    int listener;

    if (argc != 3 || str_to_u64(str_from(argv[1]), UINT16_MAX, &port) ||
        str_to_u64(str_from(argv[2]), UINT32_MAX, &most)) {
        (void)fputs("usage: smsc PORT WINDOW\n", stderr);
        return 2;
    }
    window = (uint32_t)most;
    listener = start_listening((uint16_t)port);
    for (;;) {
        struct pollfd polled[LINKS_MAX + 1];
        size_t n = n_links;

        for (size_t i = 0; i < n; i++)
            polled[i] = (struct pollfd){
                .fd = links[i].fd, .events = (short)(POLLIN | (links[i].out.len ? POLLOUT : 0))};
        polled[n] = (struct pollfd){.fd = n < LINKS_MAX ? listener : -1, .events = POLLIN};
        (void)poll(polled, n + 1, SECOND_MS); /* an interruption is a round without news */
        serve_links(polled, n);
        if (polled[n].revents & POLLIN)
            link_open(listener);
        tell();
    }
}
