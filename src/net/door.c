/* Doors: listening sockets, opened and closed while running. A probe bind without SO_REUSEPORT
 * comes first, since with it a second server would silently take half of the connections; then
 * every lane gets a socket of its own. Source: design D3. */
#include "net/address.h"
#include "net/net_internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG       4096
#define ACCEPT_BATCH  64
#define UNSENT_MAX    (256 * 1024) /* octets that the system takes before the network can */
#define PORT_ATTEMPTS 16 /* until a port that the system picked is free on both loopbacks */

/* ---- listeners ---- */

void door_unref(struct net_door *door)
{
    if (atomic_fetch_sub(&door->refs, 1) == 1)
        free(door);
}

void listener_ref(struct listener *l)
{
    l->refs++;
}

void listener_unref(struct listener *l)
{
    if (--l->refs)
        return;
    door_unref(l->door);
    free(l);
}

/* Out of descriptors or memory: the backlog waits, and so do we, rather than spin. */
static void pause_accepting(struct listener *l)
{
    (void)uv_poll_stop(&l->poll); /* always 0 */
    l->paused = true;
    l->lane->some_paused = true;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;

    (void)events;
    if (status < 0) {
        pause_accepting(l);
        return;
    }
    for (int i = 0; i < ACCEPT_BATCH && !l->stopped; i++) {
        union socket_address from = {.any.sa_family = AF_UNSPEC};
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct address peer;

        if (fd < 0 && errno == EAGAIN)
            return;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            pause_accepting(l);
            return;
        }
        if (fd < 0)
            continue; /* that one has gone */
        if (l->door->path[0])
            from.any.sa_family = AF_UNIX;
        peer = peer_address(&from, fd);
        conn_accept(l, fd, &peer);
    }
}

void listener_resume(struct listener *l)
{
    if (!l->paused || l->stopped)
        return;
    l->paused = false;
    if (uv_poll_start(&l->poll, UV_READABLE, on_acceptable))
        pause_accepting(l);
}

static void on_listener_closed(uv_handle_t *handle)
{
    listener_unref(handle->data);
}

void listener_stop(struct listener *l)
{
    struct list *at, *next;

    if (l->stopped)
        return;
    l->stopped = true;
    if (l->polling) {
        (void)uv_poll_stop(&l->poll); /* always 0 */
        uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    }
    if (l->door->path[0])
        (void)unlink(l->door->path); /* not there: somebody was quicker */
    (void)close(l->fd);              /* nothing is left to be lost */
    for (at = l->lane->conns.next; at != &l->lane->conns; at = next) {
        struct conn *c = list_entry(at, struct conn, all);

        next = at->next;
        if (c->at == l)
            conn_drain(c);
    }
}

static void open_on_lane(void *ctx)
{
    struct listener *l = ctx;

    if (l->stopped)
        return;
    if (l->lane->draining || uv_poll_init(loop_engine(l->lane->loop), &l->poll, l->fd)) {
        listener_stop(l);
        return;
    }
    l->poll.data = l;
    l->polling = true;
    listener_ref(l); /* the handle's: until on_listener_closed() */
    if (uv_poll_start(&l->poll, UV_READABLE, on_acceptable))
        pause_accepting(l);
}

void listener_release(struct listener *l)
{
    struct net *net = l->lane->net;

    listener_stop(l);
    pthread_mutex_lock(&net->lock);
    list_remove(&l->link);
    pthread_mutex_unlock(&net->lock);
    listener_unref(l);
}

static void close_on_lane(void *ctx)
{
    listener_release(ctx);
}

/* ---- sockets ---- */

static enum rc rc_from_errno(int err)
{
    switch (err) {
    case EADDRINUSE:
        return RC_CONFLICT;
    case EACCES:
    case EPERM:
        return RC_DENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return RC_INVALID;
    default:
        return RC_IO;
    }
}

/* Binds, without listening. */
static enum rc bind_socket(union socket_address *at, bool shared, int *out_fd)
{
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, only_v6;
    bool ok;

    if (fd < 0)
        return rc_from_errno(errno);
    ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (ok && shared)
        ok = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
    if (ok && at->any.sa_family == AF_INET6) {
        only_v6 = !IN6_IS_ADDR_UNSPECIFIED(&at->v6.sin6_addr); /* [::] takes IPv4 as well */
        ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6) == 0;
    }
    if (!ok || bind(fd, &at->any, socket_address_len(at))) {
        enum rc rc = rc_from_errno(errno);

        (void)close(fd); /* it was never used */
        return rc;
    }
    *out_fd = fd;
    return RC_OK;
}

static enum rc probe(union socket_address *at)
{
    int fd;
    enum rc rc = bind_socket(at, false, &fd);

    if (!rc)
        (void)close(fd); /* it was never used */
    return rc;
}

/* Connections inherit these. */
static void tune(int fd)
{
    int on = 1, unsent_max = UNSENT_MAX;

    /* without them it is slower, or takes more of the system's memory, but not wrong */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max);
}

static enum rc listen_on(union socket_address *at, int *out_fd)
{
    int fd;
    enum rc rc = bind_socket(at, true, &fd);

    if (rc)
        return rc;
    tune(fd);
    if (listen(fd, BACKLOG)) {
        rc = rc_from_errno(errno);
        (void)close(fd); /* it was never used */
        return rc;
    }
    *out_fd = fd;
    return RC_OK;
}

static enum rc learn_port(int fd, uint16_t *out)
{
    union socket_address at;
    socklen_t len = sizeof at;

    if (getsockname(fd, &at.any, &len))
        return RC_IO;
    *out = socket_address_port(&at);
    return RC_OK;
}

/* ---- opening ---- */

/* What is being opened: sockets by address and lane. */
struct opening {
    struct net *net;
    struct bind_address where;
    int *fds; /* n_lanes for each address; -1: none */
    uint16_t port;
};

static void forget_sockets(struct opening *o)
{
    for (size_t i = 0; i < o->where.n * o->net->n_lanes; i++) {
        if (o->fds[i] >= 0)
            (void)close(o->fds[i]); /* nothing has come in yet */
        o->fds[i] = -1;
    }
}

/* The second address of localhost may be missing on a machine without IPv6. */
static bool may_be_missing(const struct opening *o, size_t i, enum rc rc)
{
    return o->where.localhost && i > 0 && rc == RC_INVALID;
}

static enum rc bind_one_address(struct opening *o, size_t i)
{
    union socket_address *at = &o->where.at[i];
    enum rc rc = RC_OK;

    socket_address_set_port(at, o->port);
    if (o->port)
        rc = probe(at);
    for (size_t lane = 0; !rc && lane < o->net->n_lanes; lane++) {
        int *fd = &o->fds[i * o->net->n_lanes + lane];

        rc = listen_on(at, fd);
        if (!rc && o->port == 0) {
            rc = learn_port(*fd, &o->port);
            socket_address_set_port(at, o->port);
        }
    }
    return may_be_missing(o, i, rc) ? RC_OK : rc;
}

static enum rc bind_all(struct opening *o)
{
    enum rc rc = RC_OK;

    for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
        o->port = o->where.port;
        rc = RC_OK;
        for (size_t i = 0; !rc && i < o->where.n; i++)
            rc = bind_one_address(o, i);
        if (!rc)
            return RC_OK;
        forget_sockets(o);
        if (o->where.port || rc != RC_CONFLICT)
            return rc; /* another port can be tried only when any will do */
    }
    return rc;
}

static void explain(enum rc rc, struct str address, uint16_t port, struct buf *why)
{
    buf_addf(why, "Can't listen on " STR_FMT ": ", STR_ARG(address));
    switch (rc) {
    case RC_CONFLICT:
        buf_add(why, STR("it is taken by "));
        if (port == 0 || !port_owner(port, why))
            buf_add(why, STR("another process"));
        buf_add(why, STR("."));
        break;
    case RC_DENIED:
        buf_add(why, STR("the system does not permit it; ports below 1024 are root's, or those of "
                         "who has CAP_NET_BIND_SERVICE."));
        break;
    case RC_INVALID:
        buf_add(why, STR("it is not an address of this machine."));
        break;
    case RC_BUSY:
        buf_add(why, STR("the server is shutting down."));
        break;
    default:
        buf_add(why, STR("the system failed to make the socket."));
        break;
    }
}

/* ---- Unix sockets ---- */

/* A socket file that nobody listens on is what a killed server left behind. */
static enum rc clear_stale(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    enum rc rc = RC_OK;
    struct stat st;

    if (fd < 0)
        return rc_from_errno(errno);
    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN)
        rc = RC_CONFLICT;
    else if (errno == ECONNREFUSED && lstat(at->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
        rc = unlink(at->sun_path) ? rc_from_errno(errno) : RC_OK;
    (void)close(fd); /* nothing was sent */
    return rc;
}

static enum rc listen_unix(const struct sockaddr_un *at, int *out_fd)
{
    enum rc rc = clear_stale(at);
    int fd;

    if (rc)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return rc_from_errno(errno);
    /* the mode of the file that bind() makes: never open to others, not even for a moment */
    if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)at, sizeof *at) ||
        listen(fd, BACKLOG)) {
        rc = rc_from_errno(errno);
        (void)close(fd); /* it was never used */
        return rc;
    }
    *out_fd = fd;
    return RC_OK;
}

/* ---- making ---- */

static void set_face(struct net_door *door, size_t i, const struct bind_address *where)
{
    struct door_face *face = &door->faces[i];
    struct str text = str_head(where->text[i], sizeof face->text);

    memcpy(face->text, text.ptr, text.len);
    face->plain = (struct door){.admin = door->spec.admin,
                                .identity = door->spec.identity,
                                .metadata = door->spec.metadata,
                                .unix_socket = where->unix_socket,
                                .loopback = socket_address_is_loopback(&where->at[i]),
                                .port = door->port,
                                .bound = {face->text, text.len}};
    face->secure = face->plain;
    face->secure.tls = true;
}

static struct net_door *make_door(struct net *net, const struct door_spec *spec,
                                  const struct bind_address *where, uint16_t port)
{
    struct net_door *door = calloc(1, sizeof *door);

    if (!door)
        abort();
    door->net = net;
    door->spec = *spec;
    door->spec.address = STR_EMPTY;
    door->port = port;
    atomic_init(&door->refs, 1);
    for (size_t i = 0; i < where->n; i++)
        set_face(door, i, where);
    if (where->unix_socket)
        memcpy(door->path, where->text[0].ptr, where->text[0].len);
    return door;
}

/* Under net->lock. */
static void add_listener(struct net_lane *lane, struct net_door *door, size_t face, int fd)
{
    struct listener *l = calloc(1, sizeof *l);

    if (!l)
        abort();
    l->lane = lane;
    l->door = door;
    l->face = &door->faces[face];
    l->fd = fd;
    l->refs = 1; /* the door's: until listener_release() */
    l->open = (struct loop_task){.run = open_on_lane, .ctx = l};
    l->close = (struct loop_task){.run = close_on_lane, .ctx = l};
    atomic_fetch_add(&door->refs, 1);
    list_add(&lane->listeners, &l->link);
    loop_post(lane->loop, &l->open);
}

static enum rc open_tcp(struct opening *o, const struct door_spec *spec, struct net_door **out)
{
    struct net *net = o->net;
    struct net_door *door;
    enum rc rc = bind_all(o);

    if (rc)
        return rc;
    door = make_door(net, spec, &o->where, o->port);
    pthread_mutex_lock(&net->lock);
    list_add(&net->doors, &door->link);
    for (size_t i = 0; i < o->where.n * net->n_lanes; i++)
        if (o->fds[i] >= 0)
            add_listener(net->lanes[i % net->n_lanes], door, i / net->n_lanes, o->fds[i]);
    pthread_mutex_unlock(&net->lock);
    *out = door;
    return RC_OK;
}

/* One lane is enough for what a person does. */
static enum rc open_unix(struct opening *o, const struct door_spec *spec, struct net_door **out)
{
    struct net *net = o->net;
    struct net_door *door;
    int fd = -1;
    enum rc rc = listen_unix(&o->where.at[0].local, &fd);

    if (rc)
        return rc;
    door = make_door(net, spec, &o->where, 0);
    pthread_mutex_lock(&net->lock);
    list_add(&net->doors, &door->link);
    add_listener(net->lanes[0], door, 0, fd);
    pthread_mutex_unlock(&net->lock);
    *out = door;
    return RC_OK;
}

enum rc net_door_open(struct net *net, const struct door_spec *spec, struct net_door **out,
                      struct buf *why)
{
    struct opening o = {.net = net};
    enum rc rc;

    if (bind_address_parse(spec->address, &o.where)) {
        buf_addf(why, STR_FMT " is not an address: it must look like " BIND_ADDRESS_FORMS ".",
                 STR_ARG(spec->address));
        return RC_INVALID;
    }
    if (atomic_load(&net->draining)) {
        rc = RC_BUSY;
    } else if (o.where.unix_socket) {
        rc = open_unix(&o, spec, out);
    } else {
        o.fds = malloc(o.where.n * net->n_lanes * sizeof *o.fds);
        if (!o.fds)
            abort();
        for (size_t i = 0; i < o.where.n * net->n_lanes; i++)
            o.fds[i] = -1;
        rc = open_tcp(&o, spec, out);
        free(o.fds);
    }
    if (rc)
        explain(rc, spec->address, o.where.port, why);
    return rc;
}

void net_door_close(struct net_door *door)
{
    struct net *net;

    if (!door)
        return;
    net = door->net;
    pthread_mutex_lock(&net->lock);
    list_remove(&door->link);
    for (size_t i = 0; i < net->n_lanes; i++) {
        struct net_lane *lane = net->lanes[i];

        for (struct list *at = lane->listeners.next; at != &lane->listeners; at = at->next) {
            struct listener *l = list_entry(at, struct listener, link);

            if (l->door == door)
                loop_post(lane->loop, &l->close);
        }
    }
    pthread_mutex_unlock(&net->lock);
    door_unref(door);
}

uint16_t net_door_port(const struct net_door *door)
{
    return door->port;
}

enum rc net_port_free(uint16_t port)
{
    struct bind_address where;

    if (port == 0 || bind_address_parse(STR("localhost:1"), &where))
        return RC_INVALID;
    for (size_t i = 0; i < where.n; i++) {
        enum rc rc;

        socket_address_set_port(&where.at[i], port);
        rc = probe(&where.at[i]);
        if (rc && !(i > 0 && rc == RC_INVALID)) /* no IPv6 here: nobody can listen on it */
            return rc;
    }
    return RC_OK;
}
