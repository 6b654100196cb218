/* Byte streams to somebody else: resolve, judge, connect, TLS, read, write, close.
 *
 * Each address that a name has is judged before it is tried, and each gets its share of the time
 * that is left. A stream is counted: its owner, each socket and each errand on the pool hold it, so
 * that callbacks which come late find it. Source: design D2, D9; base/stream.h. */
#include "net/stream_internal.h"

#include "base/clock.h"
#include "http/outbound.h"
#include "net/address.h"
#include "net/resolve.h"

#include <uv.h>

#define READ_ROOM    (16 * KIB)
#define KEEPALIVE_S  60
#define NS_PER_MS    1000000U
#define TLS_OVERHEAD (64 * KIB) /* records' heads, the handshake: beyond what the owner queues */

struct stream_socket;

struct stream {
    struct loop *loop;
    struct stream_options options; /* without its texts, which stand below */
    char *host, *ca_file, *tls_name;
    unsigned refs;
    mono_ns until; /* connected by then */
    struct resolving *resolving;
    struct addrinfo *found, *next; /* next: to be tried */
    struct stream_socket *socket;
    struct stream_tls *tls;
    struct loop_timer deadline, kick;
    struct buf out; /* for the wire, not given to the system yet */
    bool opened, handshaking, ended, closed;
    char why[160];
    struct stream_tls *prepared; /* it and its why: the pool's, until on_tls_prepared() */
    char prepared_why[160];
    char plain[READ_ROOM];
};

/* One attempt to connect, and the connection that comes of it. */
struct stream_socket {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct stream *stream;
    struct buf flight; /* being written */
    bool connected, writing;
    char in[READ_ROOM];
};

static void try_next(struct stream *s);

/* ---- life ---- */

static void release(struct stream *s)
{
    if (--s->refs > 0)
        return;
    if (s->found)
        freeaddrinfo(s->found);
    stream_tls_free(s->tls);
    buf_wipe(&s->out);
    free(s->host);
    free(s->ca_file);
    free(s->tls_name);
    explicit_bzero(s->plain, sizeof s->plain);
    free(s);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct stream_socket *socket = handle->data;
    struct stream *s = socket->stream;

    buf_wipe(&socket->flight);
    explicit_bzero(socket->in, sizeof socket->in);
    free(socket);
    release(s);
}

static void drop_socket(struct stream *s)
{
    struct stream_socket *socket = s->socket;

    s->socket = NULL;
    if (socket)
        uv_close((uv_handle_t *)&socket->tcp, on_socket_closed);
}

static void tell_end(struct stream *s)
{
    loop_timer_stop(&s->kick);
    s->options.on_end(s->options.ctx, s->why);
}

static void end(struct stream *s, const char *why);

/* ---- writing ---- */

static void flush(struct stream *s);

static void on_written(uv_write_t *write, int status)
{
    struct stream_socket *socket = write->data;
    struct stream *s = socket->stream;

    socket->writing = false;
    buf_reset(&socket->flight);
    if (s->socket != socket)
        return;
    if (status < 0)
        end(s, "the connection broke");
    else
        flush(s);
}

static void flush(struct stream *s)
{
    struct stream_socket *socket = s->socket;
    struct buf swap;
    uv_buf_t octets;

    if (!socket || !socket->connected || socket->writing || s->out.len == 0)
        return;
    swap = socket->flight;
    socket->flight = s->out;
    s->out = swap;
    socket->writing = true;
    socket->write.data = socket;
    octets = uv_buf_init(socket->flight.ptr, (unsigned)socket->flight.len);
    if (uv_write(&socket->write, (uv_stream_t *)&socket->tcp, &octets, 1, on_written) < 0) {
        socket->writing = false;
        end(s, "the connection broke");
    }
}

static void on_kick(void *ctx)
{
    struct stream *s = ctx;

    if (s->ended)
        tell_end(s);
    else
        flush(s);
}

/* In the next round: what is sent until then goes out together, and nobody is called from within
 * a call of his own. */
static void kick(struct stream *s)
{
    loop_timer_start(s->loop, &s->kick, 0, 0, on_kick, s);
}

static void end(struct stream *s, const char *why)
{
    if (s->ended || s->closed)
        return;
    s->ended = true;
    (void)snprintf(s->why, sizeof s->why, "%s", why);
    loop_timer_stop(&s->deadline);
    flush(s); /* an alert */
    drop_socket(s);
    kick(s);
}

/* ---- reading ---- */

static void open_up(struct stream *s)
{
    s->opened = true;
    s->handshaking = false;
    loop_timer_stop(&s->deadline);
    s->options.on_open(s->options.ctx);
}

static void decrypt(struct stream *s)
{
    int n = 1;

    while (n > 0 && !s->ended && !s->closed) {
        n = stream_tls_read(s->tls, s->plain, sizeof s->plain);
        if (n > 0)
            s->options.on_data(s->options.ctx, str_of(s->plain, (size_t)n));
    }
    if (n < 0)
        end(s, n == -1 ? "the peer has closed it" : "TLS: the peer broke it");
    else
        flush(s);
}

static void shake_hands(struct stream *s, struct str data)
{
    char why[sizeof s->why];

    switch (stream_tls_handshake(s->tls, data)) {
    case STREAM_TLS_MORE:
        flush(s);
        break;
    case STREAM_TLS_DONE:
        flush(s);
        if (!s->ended)
            open_up(s);
        if (!s->ended && !s->closed)
            decrypt(s);
        break;
    case STREAM_TLS_FAILED:
        stream_tls_reason(s->tls, why, sizeof why);
        end(s, why);
        break;
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct stream_socket *socket = handle->data;

    (void)suggested;
    *out = uv_buf_init(socket->in, sizeof socket->in);
}

static void on_read(uv_stream_t *from, ssize_t n, const uv_buf_t *buf)
{
    struct stream_socket *socket = from->data;
    struct stream *s = socket->stream;

    if (s->socket != socket || n == 0)
        return;
    if (n < 0) {
        end(s, n == UV_EOF ? "the peer has closed it" : uv_strerror((int)n));
        return;
    }
    if (s->handshaking) {
        shake_hands(s, str_of(buf->base, (size_t)n));
    } else if (s->tls) {
        stream_tls_feed(s->tls, str_of(buf->base, (size_t)n));
        decrypt(s);
    } else {
        s->options.on_data(s->options.ctx, str_of(buf->base, (size_t)n));
    }
}

/* ---- connecting ---- */

static uint64_t time_left_ms(const struct stream *s)
{
    mono_ns now = clock_mono();

    return now < s->until ? (s->until - now) / NS_PER_MS : 0;
}

static void on_deadline(void *ctx)
{
    struct stream *s = ctx;

    (void)snprintf(s->why, sizeof s->why, "no connection in time");
    if (s->handshaking || !s->socket || time_left_ms(s) == 0) {
        end(s, s->handshaking ? "no TLS in time" : "no connection in time");
        return;
    }
    drop_socket(s);
    try_next(s);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct stream_socket *socket = request->data;
    struct stream *s = socket->stream;

    if (s->socket != socket)
        return;
    if (status < 0) {
        (void)snprintf(s->why, sizeof s->why, "%s", uv_strerror(status));
        drop_socket(s);
        try_next(s);
        return;
    }
    socket->connected = true;
    (void)uv_tcp_nodelay(&socket->tcp, 1);
    (void)uv_tcp_keepalive(&socket->tcp, 1, KEEPALIVE_S);
    if (uv_read_start((uv_stream_t *)&socket->tcp, on_room, on_read) < 0) {
        end(s, "the connection can't be read");
        return;
    }
    if (!s->tls) {
        open_up(s);
        return;
    }
    s->handshaking = true; /* no other address is tried any more: it has all that is left */
    loop_timer_start(s->loop, &s->deadline, time_left_ms(s), 0, on_deadline, s);
    shake_hands(s, STR_EMPTY);
}

static bool is_allowed(const struct stream *s, const struct sockaddr *to)
{
    union socket_address a = {.storage = {0}};

    if (s->options.private_ok)
        return to->sa_family == AF_INET || to->sa_family == AF_INET6;
    if (to->sa_family == AF_INET) {
        memcpy(&a.v4, to, sizeof a.v4);
        return outbound_address_is_public((const uint8_t *)&a.v4.sin_addr, sizeof a.v4.sin_addr);
    }
    if (to->sa_family != AF_INET6)
        return false;
    memcpy(&a.v6, to, sizeof a.v6);
    return outbound_address_is_public(a.v6.sin6_addr.s6_addr, sizeof a.v6.sin6_addr);
}

static size_t allowed_left(const struct stream *s)
{
    size_t n = 0;

    for (const struct addrinfo *a = s->next; a; a = a->ai_next)
        n += is_allowed(s, a->ai_addr);
    return n;
}

static bool connect_to(struct stream *s, const struct sockaddr *to)
{
    struct stream_socket *socket = calloc(1, sizeof *socket);

    if (!socket)
        abort();
    if (uv_tcp_init(loop_engine(s->loop), &socket->tcp) < 0) {
        free(socket);
        return false;
    }
    socket->stream = s;
    socket->tcp.data = socket;
    socket->connect.data = socket;
    buf_init(&socket->flight, s->out.max);
    s->socket = socket;
    s->refs++;
    if (uv_tcp_connect(&socket->connect, &socket->tcp, to, on_connected) == 0)
        return true;
    drop_socket(s);
    return false;
}

static void try_next(struct stream *s)
{
    while (!s->socket) {
        size_t left = allowed_left(s);
        uint64_t share = left ? time_left_ms(s) / left : 0;
        const struct addrinfo *a;

        if (left == 0 || time_left_ms(s) == 0) {
            char why[sizeof s->why];

            (void)snprintf(why, sizeof why, "%s", s->why);
            end(s, why[0] ? why : "its address is not public");
            return;
        }
        while (!is_allowed(s, s->next->ai_addr))
            s->next = s->next->ai_next;
        a = s->next;
        s->next = a->ai_next;
        loop_timer_start(s->loop, &s->deadline, left > 1 ? share + 1 : time_left_ms(s), 0,
                         on_deadline, s);
        if (!connect_to(s, a->ai_addr))
            (void)snprintf(s->why, sizeof s->why, "no way to its address");
    }
}

/* Pool: issuers are read from disk. */
static void prepare_tls(void *ctx)
{
    struct stream *s = ctx;

    s->prepared = stream_tls_new(s->tls_name[0] ? s->tls_name : s->host, s->ca_file,
                                 s->prepared_why, sizeof s->prepared_why);
}

static void on_tls_prepared(void *ctx)
{
    struct stream *s = ctx;

    s->tls = s->prepared;
    if (!s->closed && !s->ended) {
        if (s->tls) {
            stream_tls_bind(s->tls, &s->out);
            try_next(s);
        } else {
            end(s, s->prepared_why);
        }
    }
    release(s);
}

static void on_resolved(void *ctx, struct addrinfo *found)
{
    struct stream *s = ctx;

    s->resolving = NULL;
    s->found = s->next = found;
    if (s->ended)
        return;
    if (!found) {
        end(s, "its name means no address");
    } else if (allowed_left(s) == 0) {
        end(s, "its address is not public");
    } else if (s->options.tls) {
        s->refs++;
        loop_work(s->loop, prepare_tls, on_tls_prepared, s);
    } else {
        try_next(s);
    }
}

static void ask_for_addresses(struct stream *s)
{
    char port[8];

    (void)snprintf(port, sizeof port, "%u", (unsigned)s->options.port);
    s->resolving = resolve(s->loop, s->host, port, on_resolved, s);
    if (!s->resolving)
        end(s, "its name can't be asked for now");
}

/* ---- the table ---- */

static char *copy(struct str text)
{
    char *to = malloc(text.len + 1);

    if (!to)
        abort();
    if (text.len)
        memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
    return to;
}

static struct stream *stream_open(struct loop *loop, const struct stream_options *options)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    s->loop = loop;
    s->options = *options;
    s->host = copy(options->host);
    s->ca_file = copy(options->ca_file);
    s->tls_name = copy(options->tls_name);
    s->refs = 1;
    s->until = clock_mono() + (mono_ns)options->connect_ms * NS_PER_MS;
    buf_init(&s->out, options->queue_max * 2 + TLS_OVERHEAD);
    loop_timer_start(loop, &s->deadline, options->connect_ms, 0, on_deadline, s);
    if (strlen(s->host) != options->host.len || options->host.len == 0)
        end(s, "its name is none");
    else
        ask_for_addresses(s);
    return s;
}

static size_t stream_queued(const struct stream *s)
{
    return s->out.len + (s->socket && s->socket->writing ? s->socket->flight.len : 0);
}

static bool stream_send(struct stream *s, struct str data)
{
    if (!s->opened || s->ended)
        return false;
    if (data.len > s->options.queue_max || stream_queued(s) > s->options.queue_max - data.len) {
        end(s, "too much waits to be sent");
        return false;
    }
    if (s->tls && !stream_tls_write(s->tls, data)) {
        end(s, "TLS: nothing can be sent");
        return false;
    }
    if (!s->tls)
        buf_add(&s->out, data);
    kick(s);
    return true;
}

/* What does not go at once does not go. */
static void send_last(struct stream *s)
{
    struct stream_socket *socket = s->socket;
    uv_buf_t octets;

    if (s->tls && s->opened)
        stream_tls_goodbye(s->tls);
    if (!socket || !socket->connected || socket->writing || s->out.len == 0)
        return;
    octets = uv_buf_init(s->out.ptr, (unsigned)s->out.len);
    (void)uv_try_write((uv_stream_t *)&socket->tcp, &octets, 1); /* the peer may miss it */
}

static void stream_close(struct stream *s)
{
    if (!s)
        return;
    if (!s->ended)
        send_last(s);
    s->closed = true;
    resolve_forget(s->resolving);
    loop_timer_close(&s->deadline);
    loop_timer_close(&s->kick);
    drop_socket(s);
    release(s);
}

const struct stream_ops net_streams = {
    .open = stream_open,
    .send = stream_send,
    .queued = stream_queued,
    .close = stream_close,
};
