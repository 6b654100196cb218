/* Connections: octets in and out of a socket, and when it is closed. One read per wake-up, one send
 * for all answers of that read. What the octets mean is http1.c's business.
 *
 * Sockets are watched, not streamed, by the engine: that way a connection costs no buffers while
 * nothing comes, and a peer's leaving is noticed also while its octets are not being read. */
#include "base/poison.h"
#include "net/net_internal.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void wipe_ahead(struct conn *c)
{
    if (c->ahead)
        explicit_bzero(c->ahead, c->ahead_cap);
    free(c->ahead);
    c->ahead = NULL;
    c->ahead_len = c->ahead_cap = 0;
    c->line_at = 0;
}

/* Answers carry keys and tokens. */
static void wipe_unsent(struct conn *c)
{
    if (c->unsent)
        explicit_bzero(c->unsent, c->unsent_at + c->unsent_len);
    free(c->unsent);
    c->unsent = NULL;
    c->unsent_at = c->unsent_len = 0;
}

void conn_close(struct conn *c)
{
    struct net_lane *lane = c->lane;

    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    if (c->exchange)
        exchange_gone(c->exchange, true);
    if (c->parked)
        parked_gone(c->parked, true);
    if (c->ws)
        ws_lost(c);
    if (c->tls) {
        figure_add(&lane->figures.tls_closed, 1);
        tls_free(c->tls);
        c->tls = NULL;
    }
    wipe_ahead(c);
    wipe_unsent(c);
    list_remove(&c->all);
    list_remove(&c->waiting);
    list_remove(&c->resume);
    if (c->crowd)
        crowd_leave(lane->net, &c->peer.ip);
    atomic_fetch_sub(&lane->net->open, 1);
    figure_add(&lane->figures.closed, 1);
    (void)uv_poll_stop(&c->poll); /* fails for no reason we could act on */
    uv_close((uv_handle_t *)&c->poll, on_closed);
    (void)close(c->fd); /* nothing is left to be lost */
    listener_unref(c->at);
    lane_check_drained(lane);
}

void conn_abort(struct conn *c)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (c->state == CONN_CLOSED)
        return;
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* else: a plain end */
    conn_close(c);
}

/* ---- out ---- */

static void keep_unsent(struct conn *c, struct str data)
{
    size_t len = c->unsent_len + data.len;
    char *all = malloc(len);

    if (!all)
        abort();
    if (c->unsent_len)
        memcpy(all, c->unsent + c->unsent_at, c->unsent_len);
    memcpy(all + c->unsent_len, data.ptr, data.len);
    wipe_unsent(c);
    c->unsent = all;
    c->unsent_len = len;
}

/* How many octets the socket took; -1: it is broken. */
static ssize_t try_send(struct conn *c, struct str data)
{
    ssize_t n;

    do
        n = send(c->fd, data.ptr, data.len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    figure_add(&c->lane->figures.bytes_out, (uint64_t)n);
    return n;
}

void conn_send_raw(struct conn *c, struct str data)
{
    ssize_t n = 0;

    if (data.len == 0 || c->state == CONN_CLOSED)
        return;
    if (c->unsent_len == 0) {
        n = try_send(c, data);
        if (n < 0) {
            conn_close(c);
            return;
        }
    }
    if ((size_t)n < data.len)
        keep_unsent(c, str_from_index(data, (size_t)n));
}

void conn_send(struct conn *c, struct str data)
{
    if (c->tls)
        tls_send(c, data);
    else
        conn_send_raw(c, data);
}

/* The last octet is with the socket: says so, and gives the peer time to read. Closing at once
 * would answer what still comes with a reset, which may destroy the answer on its way. */
static void begin_linger(struct conn *c)
{
    if (c->eof) {
        conn_close(c);
        return;
    }
    if (c->tls)
        tls_shutdown(c);
    if (c->state == CONN_CLOSED || c->unsent_len)
        return;
    if (shutdown(c->fd, SHUT_WR)) {
        conn_close(c);
        return;
    }
    c->state = CONN_LINGER;
}

void conn_finish(struct conn *c)
{
    if (c->state == CONN_CLOSED || c->state == CONN_LINGER)
        return;
    c->state = CONN_LAST;
    wipe_ahead(c);
    if (c->unsent_len == 0)
        begin_linger(c);
}

void conn_last(struct conn *c)
{
    c->state = CONN_LAST;
    if (c->lane->batch == c)
        return; /* the batch sends what it has, and ends it */
    conn_finish(c);
    conn_settle(c);
}

/* What the socket has not taken goes first; then whoever waited for it. */
static void send_more(struct conn *c)
{
    if (c->unsent_len) {
        ssize_t n = try_send(c, (struct str){c->unsent + c->unsent_at, c->unsent_len});

        if (n < 0) {
            conn_close(c);
            return;
        }
        c->unsent_at += (size_t)n;
        c->unsent_len -= (size_t)n;
        c->window_octets += (uint32_t)n;
        if (c->unsent_len)
            return;
        wipe_unsent(c);
    }
    if (c->state == CONN_LAST)
        begin_linger(c);
    else if (c->state == CONN_WS)
        ws_sent(c);
    else if (c->state == CONN_RUN && c->exchange && c->exchange->streaming)
        exchange_more(c->exchange);
    else if (c->ahead_len)
        conn_resume_later(c);
    else if (c->eof && c->state != CONN_RUN)
        conn_finish(c);
}

/* ---- in ---- */

static void keep_ahead(struct conn *c, struct str data)
{
    size_t need = c->ahead_len + data.len;

    if (need > c->ahead_cap) {
        size_t cap = need < 2 * (size_t)c->ahead_cap ? 2 * (size_t)c->ahead_cap : need;
        char *all = malloc(cap);

        if (!all)
            abort();
        if (c->ahead_len)
            memcpy(all, c->ahead, c->ahead_len);
        if (c->ahead)
            explicit_bzero(c->ahead, c->ahead_cap);
        free(c->ahead);
        c->ahead = all;
        c->ahead_cap = (uint32_t)cap;
    }
    memcpy(c->ahead + c->ahead_len, data.ptr, data.len);
    c->ahead_len = (uint32_t)need;
}

static void consume_ahead(struct conn *c, size_t used)
{
    if (used >= c->ahead_len) {
        wipe_ahead(c);
        return;
    }
    if (used == 0)
        return;
    memmove(c->ahead, c->ahead + used, c->ahead_len - used);
    c->ahead_len -= (uint32_t)used;
}

/* Takes requests from what was read ahead and from `data`, and keeps the rest. What comes behind
 * the request of an upgrade is frames already. */
static void take(struct conn *c, struct str data)
{
    bool from_ahead = c->ahead_len > 0;
    size_t used;

    if (from_ahead && data.len)
        keep_ahead(c, data);
    if (from_ahead)
        data = (struct str){c->ahead, c->ahead_len};
    used = http1_take(c, data);
    if (c->state == CONN_WS) {
        ws_input(c, str_from_index(data, used));
        used = data.len;
    }
    if (c->state == CONN_CLOSED)
        return;
    http1_suspend(c);
    if (c->state == CONN_LAST || c->state == CONN_LINGER)
        wipe_ahead(c);
    else if (from_ahead)
        consume_ahead(c, used);
    else if (used < data.len)
        keep_ahead(c, str_from_index(data, used));
}

void conn_flush(struct conn *c)
{
    struct buf *out = &c->lane->out;

    if (out->len && c->state != CONN_CLOSED)
        conn_send(c, buf_str(out));
    lane_buf_done(out);
}

static void end_of_batch(struct conn *c)
{
    c->lane->batch = NULL;
    conn_flush(c);
    if (c->state == CONN_LAST && c->unsent_len == 0)
        begin_linger(c);
}

void conn_input(struct conn *c, struct str data)
{
    struct net_lane *lane = c->lane;

    if (c->state == CONN_CLOSED)
        return;
    lane->batch = c;
    buf_reset(&lane->out);
    UNPOISON(lane->items, HEADERS_MAX * sizeof *lane->items);
    if (data.len || c->ahead_len)
        take(c, data);
    POISON(lane->items, HEADERS_MAX * sizeof *lane->items);
    end_of_batch(c);
    if (c->eof && c->state != CONN_CLOSED)
        conn_eof(c);
}

/* In CONN_RUN: it may have shut down only its own side. */
static void tell_gone(const struct conn *c)
{
    if (c->parked)
        parked_gone(c->parked, false);
    else
        exchange_gone(c->exchange, false);
}

void conn_eof(struct conn *c)
{
    c->eof = true;
    switch ((enum conn_state)c->state) {
    case CONN_RUN:
        tell_gone(c);
        break;
    case CONN_HEAD:
        if (c->unsent_len || c->resume.next != &c->resume)
            break; /* answers first: send_more() ends it */
        conn_close(c);
        break;
    case CONN_LAST:
        if (c->unsent_len == 0)
            conn_close(c);
        break;
    case CONN_SNIFF:
    case CONN_BODY:
    case CONN_WS:
    case CONN_LINGER:
    case CONN_CLOSED:
        conn_close(c);
        break;
    }
}

void conn_resume_later(struct conn *c)
{
    if (list_empty(&c->resume))
        list_add(&c->lane->to_resume, &c->resume);
    lane_later(c->lane);
}

static void sniff(struct conn *c, struct str data)
{
    c->state = CONN_HEAD;
    if ((unsigned char)data.ptr[0] == TLS_HANDSHAKE && !tls_start(c))
        conn_close(c);
}

static void take_from_wire(struct conn *c, struct str data)
{
    figure_add(&c->lane->figures.bytes_in, data.len);
    if (c->state == CONN_LAST || c->state == CONN_LINGER)
        return; /* thrown away */
    lane_begin_batch(c->lane);
    if (c->state == CONN_SNIFF)
        sniff(c, data);
    if (c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_BODY)
        c->window_octets += (uint32_t)data.len;
    if (c->tls)
        tls_input(c, data);
    else
        conn_input(c, data);
}

static void receive(struct conn *c)
{
    char *in = c->lane->in;
    ssize_t n;

    UNPOISON(in, READ_BUFFER);
    n = recv(c->fd, in, READ_BUFFER, 0);
    if (n > 0)
        take_from_wire(c, (struct str){in, (size_t)n});
    else if (n == 0)
        conn_eof(c);
    else if (errno != EAGAIN && errno != EINTR)
        conn_close(c);
    if (n > 0)
        explicit_bzero(in, (size_t)n);
    POISON(in, READ_BUFFER); /* a request that goes on has what it needs: exchange_keep() */
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct conn *c = poll->data;

    if (status < 0) {
        conn_close(c);
        return;
    }
    if (events & UV_WRITABLE)
        send_more(c);
    if (c->state != CONN_CLOSED && (events & UV_READABLE) && (c->events & UV_READABLE))
        receive(c);
    else if (c->state == CONN_RUN && (events & UV_DISCONNECT) && (c->events & UV_DISCONNECT)) {
        c->leaving = true; /* its end is yet to be read, behind requests perhaps */
        tell_gone(c);
    }
    conn_settle(c);
}

/* ---- what it waits for ---- */

static int wanted_events(const struct conn *c)
{
    int write = c->unsent_len ? UV_WRITABLE : 0;
    int read = c->eof ? 0 : UV_READABLE;

    switch ((enum conn_state)c->state) {
    case CONN_RUN:
        if (c->eof || (c->leaving && c->ahead_len))
            return write;
        return write | (c->ahead_len ? UV_DISCONNECT : UV_READABLE);
    case CONN_HEAD:
    case CONN_BODY:
        return write ? write : read; /* who does not read answers is not asked for more */
    case CONN_SNIFF:
    case CONN_WS:
    case CONN_LAST:
    case CONN_LINGER:
        return write | read;
    case CONN_CLOSED:
        break;
    }
    return 0;
}

static enum deadline wanted_deadline(const struct conn *c)
{
    if (c->state == CONN_WS)
        return ws_deadline(c);
    if (c->unsent_len)
        return DEADLINE_WRITE;
    switch ((enum conn_state)c->state) {
    case CONN_SNIFF:
        return DEADLINE_HANDSHAKE;
    case CONN_HEAD:
        if (c->tls && tls_in_handshake(c))
            return DEADLINE_HANDSHAKE;
        return c->ahead_len ? DEADLINE_HEAD : DEADLINE_IDLE;
    case CONN_BODY:
        return DEADLINE_BODY;
    case CONN_LAST:
    case CONN_LINGER:
        return DEADLINE_LINGER;
    case CONN_RUN:
    case CONN_WS:
    case CONN_CLOSED:
        break;
    }
    return DEADLINE_NONE;
}

void conn_settle(struct conn *c)
{
    int events;

    if (c->state == CONN_CLOSED)
        return;
    events = wanted_events(c);
    if (events != c->events) {
        c->events = (uint8_t)events;
        if (events == 0)
            (void)uv_poll_stop(&c->poll); /* always 0 */
        else if (uv_poll_start(&c->poll, events, on_event)) {
            conn_close(c);
            return;
        }
    }
    deadline_set(c, wanted_deadline(c));
}

void conn_drain(struct conn *c)
{
    if (c->state == CONN_BODY || c->state == CONN_RUN || c->state == CONN_LAST ||
        c->state == CONN_LINGER)
        return;
    if (c->state == CONN_WS) {
        if (c->lane->parting || !c->lane->draining)
            ws_drain(c);
        return;
    }
    if (c->exchange) {
        exchange_free(c->exchange);
        c->exchange = NULL;
    }
    conn_finish(c);
    conn_settle(c);
}

uint32_t conn_outstanding(const struct conn *c)
{
    int octets;

    return ioctl(c->fd, SIOCOUTQ, &octets) || octets < 0 ? 0 : (uint32_t)octets;
}

/* Whether enough has moved in the rate window that is ending. What the system holds back for a slow
 * reader may be megabytes: counted is what the peer has taken. */
static bool moves_enough(const struct conn *c)
{
    uint64_t least = (uint64_t)c->lane->net->options.limits.body_rate_min * RATE_WINDOW_MS / 1000;
    uint32_t outstanding = c->deadline == DEADLINE_WRITE ? conn_outstanding(c) : 0;

    return c->window_octets >= outstanding + least;
}

void conn_expire(struct conn *c)
{
    enum deadline kind = c->deadline;

    if ((kind == DEADLINE_BODY || kind == DEADLINE_WRITE) && moves_enough(c)) {
        deadline_renew(c);
        return;
    }
    if (kind >= DEADLINE_PING) {
        ws_silent(c);
        return;
    }
    if (kind != DEADLINE_IDLE && kind != DEADLINE_LINGER)
        figure_add(&c->lane->figures.timed_out, 1);
    switch (kind) {
    case DEADLINE_HEAD:
    case DEADLINE_BODY:
        http1_refuse(c, (struct refusal){&API_REQUEST_TIMEOUT, "timeout"});
        break;
    case DEADLINE_IDLE:
        conn_finish(c);
        break;
    case DEADLINE_WRITE:
        conn_abort(c);
        break;
    case DEADLINE_HANDSHAKE:
        if (c->tls)
            figure_add(&c->lane->figures.handshakes_failed, 1);
        conn_close(c);
        break;
    default: /* DEADLINE_LINGER */
        conn_close(c);
        break;
    }
    conn_settle(c);
}

/* ---- beginning ---- */

static bool may_enter(struct listener *at, struct conn *c)
{
    struct net *net = at->lane->net;
    bool full = atomic_fetch_add(&net->open, 1) >= net->options.limits.connections_max;

    if (full && !at->face->plain.unix_socket) { /* the operator comes in when strangers fill it */
        atomic_fetch_sub(&net->open, 1);
        return false;
    }
    if (c->peer.loopback)
        return true;
    if (!crowd_enter(net, &c->peer.ip)) {
        atomic_fetch_sub(&net->open, 1);
        return false;
    }
    c->crowd = true;
    return true;
}

static struct conn *make(struct listener *at, int fd, const struct address *peer)
{
    struct conn *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    c->lane = at->lane;
    c->at = at;
    c->fd = fd;
    c->peer = *peer;
    c->door = at->door->spec.tls ? &at->face->secure : &at->face->plain;
    c->state = at->door->spec.either ? CONN_SNIFF : CONN_HEAD;
    c->poll.data = c;
    list_init(&c->all);
    list_init(&c->waiting);
    list_init(&c->resume);
    return c;
}

void conn_accept(struct listener *at, int fd, const struct address *peer)
{
    struct net_lane *lane = at->lane;
    struct conn *c = make(at, fd, peer);

    if (!may_enter(at, c)) {
        figure_add(&lane->figures.refused_full, 1);
        free(c);
        (void)close(fd); /* nothing was sent */
        return;
    }
    if (uv_poll_init(loop_engine(lane->loop), &c->poll, fd)) {
        if (c->crowd)
            crowd_leave(lane->net, &c->peer.ip);
        atomic_fetch_sub(&lane->net->open, 1);
        free(c);
        (void)close(fd); /* nothing was sent */
        return;
    }
    c->poll.data = c;
    listener_ref(at);
    list_add(&lane->conns, &c->all);
    figure_add(&lane->figures.accepted, 1);
    if (at->door->spec.tls && !tls_start(c)) {
        conn_close(c);
        return;
    }
    conn_settle(c);
}
