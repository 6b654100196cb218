/* The net room with a trivial handler, as a server of its own: for the framing suite, for slow
 * clients and for benches of the bare path.
 *
 * It answers 200 with {"requestLine","target","bodyLength","bodySha256","id"}, and
 *   /later?ms=N      after N milliseconds (50)        /figures        what net has counted
 *   /stream?n=N&size=S   N pieces of S octets         /gone           peers that left early
 *   /cut             a stream that breaks off         /door           opens one more door
 *   /door/close      closes it again                  /certificate    takes the second pair
 *   /drain           ends the server                  /ends           WebSockets that have ended
 *   /park?ms=N       after N milliseconds, parked     /park/later     parked after 50 of them
 *   /ws?message=N&queue=N&ping=N&rate=N   a WebSocket that sends back what comes; `times N text`
 *                    N times, `close N text` closes it with that code
 * It prints {"plain":port,...} when it is ready; each request's target goes to stderr. */
#include "base/json.h"
#include "crypto/hash.h"
#include "http/ws.h"
#include "net/net.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#define LANES_MAX 8

struct server;

struct lane {
    struct server *server;
    struct loop *loop;
    struct net_lane *net;
    struct hash_work *hash;
    pthread_t thread;
};

struct server {
    struct net *net;
    struct clock clock;
    struct lane lanes[LANES_MAX];
    size_t n_lanes;
    struct net_door *extra;
    const char *certificates[2], *keys[2];
    _Atomic unsigned gone, finished, refused;
    _Atomic unsigned ends, last_end, drained; /* of WebSockets: how many, and the last one's code */
    bool quiet;
};

static struct server *server_of(const struct request *req)
{
    return ((struct lane *)(uintptr_t)req->site)->server;
}

static uint64_t number(struct request *req, const char *name, uint64_t otherwise)
{
    uint64_t value;

    return str_to_u64(request_query(req, name), 1u << 30, &value) ? otherwise : value;
}

static struct str copy_of(struct request *req, struct buf *json)
{
    struct str text = arena_dup(req->arena, buf_str(json));

    buf_clear(json);
    return text;
}

/* ---- echo ---- */

static void echo(struct request *req)
{
    struct lane *lane = (struct lane *)(uintptr_t)req->site;
    uint8_t digest[SHA256_LEN];
    char hex[2 * SHA256_LEN];
    struct json_writer w;
    struct buf json;

    sha256(lane->hash, req->body, digest);
    hex_encode(digest, sizeof digest, hex);
    buf_init(&json, MIB);
    json_writer_init(&w, &json);
    json_object_begin(&w);
    json_member_str(&w, "requestLine",
                    arena_printf(req->arena, STR_FMT " " STR_FMT " HTTP/1.%d",
                                 STR_ARG(method_name(req->method)), STR_ARG(req->target),
                                 req->http_1_0 ? 0 : 1));
    json_member_str(&w, "target", req->target);
    json_member_int(&w, "bodyLength", (int64_t)req->body.len);
    json_member_str(&w, "bodySha256", str_of(hex, sizeof hex));
    json_member_str(&w, "host", headers_get(&req->headers, HEADER_HOST));
    json_member_bool(&w, "secure", req->secure);
    json_member_int(&w, "uid", (int64_t)req->peer.uid);
    json_member_str(&w, "id", req->id);
    json_object_end(&w);
    reply_json(req, 200, copy_of(req, &json));
}

/* ---- later ---- */

struct wait {
    struct request *req;
    struct loop_timer timer;
};

static void on_wait_over(void *ctx)
{
    struct wait *wait = ctx;
    struct request *req = wait->req;

    loop_timer_close(&wait->timer);
    echo(req);
}

static void on_gone(void *ctx)
{
    struct request *req = ctx;

    atomic_fetch_add(&server_of(req)->gone, 1);
}

static void wait_and(struct request *req, loop_fn then)
{
    struct wait *wait = arena_new(req->arena, struct wait);

    wait->req = req;
    req->on_gone = on_gone;
    req->on_gone_ctx = req;
    request_hold(req);
    loop_timer_start(req->loop, &wait->timer, number(req, "ms", 50), 0, then, wait);
}

/* ---- stream ---- */

struct pour {
    struct request *req;
    uint64_t left;
    struct str piece;
    bool ok;
};

static void on_more(void *ctx)
{
    struct pour *pour = ctx;
    struct request *req = pour->req;

    if (!req->gone && pour->left) {
        pour->left--;
        req->ops->stream_piece(req, pour->piece);
        if (pour->left || pour->ok)
            return; /* the end is sent when the socket has room again */
    }
    req->ops->stream_end(req, pour->ok && !req->gone);
}

static void stream(struct request *req, bool ok)
{
    struct pour *pour = arena_new(req->arena, struct pour);
    size_t size = (size_t)number(req, "size", 1000);
    char *octets = arena_alloc(req->arena, size);

    memset(octets, 'x', size);
    *pour = (struct pour){req, number(req, "n", 10), {octets, size}, ok};
    req->on_gone = on_gone;
    req->on_gone_ctx = req;
    req->reply.status = 200;
    req->reply.content_type = STR("text/plain");
    req->ops->stream_begin(req, on_more, pour);
}

/* ---- park ---- */

struct poll {
    struct parked *parked;
    struct server *server;
    struct loop_timer timer;
};

static void answer_poll(struct poll *poll)
{
    struct request *req = request_unpark(poll->parked);

    loop_timer_close(&poll->timer);
    free(poll);
    echo(req);
}

static void on_poll_over(void *ctx)
{
    answer_poll(ctx);
}

static void on_poll_gone(void *ctx)
{
    struct poll *poll = ctx;

    atomic_fetch_add(&poll->server->gone, 1);
    answer_poll(poll);
}

static void park(struct request *req)
{
    struct poll *poll = calloc(1, sizeof *poll);
    uint64_t ms = number(req, "ms", 50);
    struct loop *loop = req->loop;

    if (!poll)
        abort();
    poll->server = server_of(req);
    poll->parked = request_park(req, on_poll_gone, poll);
    loop_timer_start(loop, &poll->timer, ms, 0, on_poll_over, poll);
}

static void on_park_wait_over(void *ctx)
{
    struct wait *wait = ctx;
    struct request *req = wait->req;

    loop_timer_close(&wait->timer);
    park(req);
}

/* ---- WebSocket ---- */

struct talk {
    struct server *server;
    struct ws *ws;
    bool full;
};

static void say(struct talk *talk, struct str text, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++)
        talk->full = ws_send(talk->ws, text) == RC_TOO_LARGE || talk->full;
}

static void on_text(void *ctx, struct str message)
{
    struct talk *talk = ctx;
    struct str verb, rest, count = STR_EMPTY, text = STR_EMPTY;
    uint64_t n = 0;
    bool order = str_cut(message, ' ', &verb, &rest) && str_cut(rest, ' ', &count, &text) &&
                 str_to_u64(count, 1u << 20, &n) == RC_OK;

    if (order && name_eq(verb, STR("times")))
        say(talk, text, n);
    else if (order && name_eq(verb, STR("close")))
        ws_close(talk->ws, (uint16_t)n, text);
    else
        say(talk, message, 1);
}

static void on_room(void *ctx)
{
    struct talk *talk = ctx;

    atomic_fetch_add(&talk->server->drained, 1);
    if (talk->full)
        talk->full = ws_send(talk->ws, STR("room again")) == RC_TOO_LARGE;
}

static void on_end(void *ctx, uint16_t code, struct str reason)
{
    struct talk *talk = ctx;

    (void)reason;
    atomic_store(&talk->server->last_end, code);
    atomic_fetch_add(&talk->server->ends, 1);
    free(talk);
}

static const struct ws_handler talk_handler = {on_text, on_room, on_end};

static void begin_talk(struct request *req)
{
    const struct ws_options options = {
        .message_max = (size_t)number(req, "message", 64 * KIB),
        .queue_max = (size_t)number(req, "queue", 4 * MIB),
        .ping_ms = (uint32_t)number(req, "ping", 0),
        .rate_max = (uint32_t)number(req, "rate", 0),
        .subprotocol = STR("echo"),
    };
    struct talk *talk;

    if (!ws_asked(req)) {
        ws_refuse(req);
        return;
    }
    talk = calloc(1, sizeof *talk);
    if (!talk)
        abort();
    talk->server = server_of(req);
    talk->ws = ws_accept(req, &options, &talk_handler, talk);
}

static void on_talk_wait_over(void *ctx)
{
    struct wait *wait = ctx;
    struct request *req = wait->req;

    loop_timer_close(&wait->timer);
    begin_talk(req);
}

static void ends(struct request *req)
{
    struct server *s = server_of(req);

    reply_json(req, 200,
               arena_printf(req->arena, "{\"ends\":%u,\"last\":%u,\"drained\":%u}",
                            atomic_load(&s->ends), atomic_load(&s->last_end),
                            atomic_load(&s->drained)));
}

/* ---- the server itself ---- */

static void figures(struct request *req)
{
    struct net_figures f;
    struct json_writer w;
    struct buf json;

    net_figures(server_of(req)->net, &f);
    buf_init(&json, MIB);
    json_writer_init(&w, &json);
    json_object_begin(&w);
    json_member_int(&w, "accepted", (int64_t)f.accepted);
    json_member_int(&w, "open", (int64_t)f.open);
    json_member_int(&w, "tlsOpen", (int64_t)f.tls_open);
    json_member_int(&w, "wsOpen", (int64_t)f.ws_open);
    json_member_int(&w, "requests", (int64_t)f.requests);
    json_member_int(&w, "bytesIn", (int64_t)f.bytes_in);
    json_member_int(&w, "bytesOut", (int64_t)f.bytes_out);
    json_member_int(&w, "handshakes", (int64_t)f.handshakes);
    json_member_int(&w, "handshakesFailed", (int64_t)f.handshakes_failed);
    json_member_int(&w, "framingRefused", (int64_t)f.framing_refused);
    json_member_int(&w, "timedOut", (int64_t)f.timed_out);
    json_member_int(&w, "refusedFull", (int64_t)f.refused_full);
    json_object_end(&w);
    reply_json(req, 200, copy_of(req, &json));
}

static void tell(struct request *req, const char *name, int64_t value)
{
    reply_json(req, 200, arena_printf(req->arena, "{\"%s\":%lld}", name, (long long)value));
}

static void open_door(struct request *req)
{
    struct server *s = server_of(req);
    struct door_spec spec = {.address = request_query(req, "at")};
    struct buf why;

    if (!spec.address.ptr)
        spec.address = STR("127.0.0.1:0");
    buf_init(&why, KIB);
    if (net_door_open(s->net, &spec, &s->extra, &why)) {
        reply_text(req, 409, STR("text/plain"), copy_of(req, &why));
        return;
    }
    buf_clear(&why);
    tell(req, "port", net_door_port(s->extra));
}

static void close_door(struct request *req)
{
    struct server *s = server_of(req);

    net_door_close(s->extra);
    s->extra = NULL;
    tell(req, "closed", 1);
}

static void on_drained(void *ctx)
{
    struct server *s = ctx;

    for (size_t i = 0; i < s->n_lanes; i++)
        loop_stop(s->lanes[i].loop);
}

static void drain(struct server *s)
{
    net_drain(s->net, 3000, on_drained, s);
}

static void on_signal(void *ctx)
{
    drain(ctx);
}

static char *file_text(const char *path, size_t *out_len)
{
    FILE *f = fopen(path, "re");
    char *text = calloc(1, 64 * KIB);

    if (!f || !text) {
        (void)fprintf(stderr, "can't read %s\n", path);
        exit(1);
    }
    *out_len = fread(text, 1, 64 * KIB, f);
    (void)fclose(f);
    return text;
}

static void use_certificate(struct server *s, size_t i)
{
    size_t chain_len, key_len;
    char *chain = file_text(s->certificates[i], &chain_len);
    char *key = file_text(s->keys[i], &key_len);
    struct secret secret = secret_copy(key, key_len);
    struct tls_context *tls;
    struct buf why;

    buf_init(&why, KIB);
    if (tls_context_new(str_of(chain, chain_len), &secret, &tls, &why)) {
        (void)fprintf(stderr, STR_FMT "\n", STR_ARG(buf_str(&why)));
        exit(1);
    }
    net_set_tls(s->net, tls);
    buf_clear(&why);
    secret_clear(&secret);
    free(chain);
    free(key);
}

/* ---- the handler ---- */

static size_t on_head(void *lane_ctx, struct request *req)
{
    (void)lane_ctx;
    if (name_eq(req->url.path, STR("/small")))
        return 16;
    return name_eq(req->url.path, STR("/large")) ? 16 * MIB : 64 * KIB;
}

static void on_run(void *lane_ctx, struct request *req)
{
    struct lane *lane = lane_ctx;
    struct str path = req->url.path;

    if (!lane->server->quiet)
        (void)fprintf(stderr, "request " STR_FMT "\n", STR_ARG(req->target));
    if (name_eq(path, STR("/later")))
        wait_and(req, on_wait_over);
    else if (name_eq(path, STR("/park")))
        park(req);
    else if (name_eq(path, STR("/park/later")))
        wait_and(req, on_park_wait_over);
    else if (name_eq(path, STR("/ws")))
        begin_talk(req);
    else if (name_eq(path, STR("/ws/later")))
        wait_and(req, on_talk_wait_over);
    else if (name_eq(path, STR("/ends")))
        ends(req);
    else if (name_eq(path, STR("/stream")))
        stream(req, true);
    else if (name_eq(path, STR("/cut")))
        stream(req, false);
    else if (name_eq(path, STR("/figures")))
        figures(req);
    else if (name_eq(path, STR("/gone")))
        tell(req, "gone", atomic_load(&lane->server->gone));
    else if (name_eq(path, STR("/door")))
        open_door(req);
    else if (name_eq(path, STR("/door/close")))
        close_door(req);
    else if (name_eq(path, STR("/certificate"))) {
        use_certificate(lane->server, 1);
        tell(req, "certificate", 1);
    } else if (name_eq(path, STR("/drain"))) {
        drain(lane->server);
        tell(req, "drain", 1);
    } else if (name_eq(path, STR("/empty")))
        reply_empty(req, 204);
    else
        echo(req);
}

static void on_finished(void *lane_ctx, const struct request *req, size_t octets)
{
    struct lane *lane = lane_ctx;

    (void)req;
    (void)octets;
    atomic_fetch_add(&lane->server->finished, 1);
}

static void on_refused(void *lane_ctx, const struct address *peer, int status, const char *why)
{
    struct lane *lane = lane_ctx;

    (void)peer;
    atomic_fetch_add(&lane->server->refused, 1);
    if (!lane->server->quiet)
        (void)fprintf(stderr, "refused %d %s\n", status, why);
}

static const struct net_handler handler = {on_head, on_run, on_finished, on_refused};

/* ---- start and end ---- */

static void *run_lane(void *ctx)
{
    loop_run(((struct lane *)ctx)->loop);
    return NULL;
}

static struct net_door *open_or_exit(struct server *s, struct door_spec spec)
{
    struct net_door *door;
    struct buf why;

    buf_init(&why, KIB);
    if (net_door_open(s->net, &spec, &door, &why)) {
        (void)fprintf(stderr, STR_FMT "\n", STR_ARG(buf_str(&why)));
        exit(1);
    }
    buf_clear(&why);
    return door;
}

static void open_doors(struct server *s, const char *plain, const char *unix_path)
{
    struct net_door *door;

    door = open_or_exit(s, (struct door_spec){.address = str_from(plain)});
    (void)printf("{\"plain\":%u", (unsigned)net_door_port(door));
    if (s->certificates[0]) {
        use_certificate(s, 0);
        door = open_or_exit(s, (struct door_spec){.address = STR("localhost:0"), .tls = true});
        (void)printf(",\"tls\":%u", (unsigned)net_door_port(door));
        door = open_or_exit(s, (struct door_spec){.address = STR("localhost:0"), .either = true});
        (void)printf(",\"either\":%u", (unsigned)net_door_port(door));
    }
    if (unix_path)
        (void)open_or_exit(s, (struct door_spec){.address = str_from(unix_path), .admin = true});
    (void)printf("}\n");
    (void)fflush(stdout);
}

static void set_limit(struct net_limits *l, const char *text)
{
    static const struct {
        const char *name;
        size_t offset;
    } settings[] = {
        {"head_max", offsetof(struct net_limits, head_max)},
        {"headers_max", offsetof(struct net_limits, headers_max)},
        {"head_timeout_ms", offsetof(struct net_limits, head_timeout_ms)},
        {"idle_timeout_ms", offsetof(struct net_limits, idle_timeout_ms)},
        {"body_rate_min", offsetof(struct net_limits, body_rate_min)},
        {"connections_max", offsetof(struct net_limits, connections_max)},
        {"connections_per_addr", offsetof(struct net_limits, connections_per_addr)},
        {"tls_handshake_ms", offsetof(struct net_limits, tls_handshake_ms)},
    };
    struct str name, value;
    uint64_t n;

    if (str_cut(str_from(text), '=', &name, &value) && !str_to_u64(value, UINT32_MAX, &n))
        for (size_t i = 0; i < ARRAY_LEN(settings); i++)
            if (name_eq(name, str_from(settings[i].name))) {
                *(uint32_t *)(void *)((char *)l + settings[i].offset) = (uint32_t)n;
                return;
            }
    (void)fprintf(stderr, "not a limit: %s\n", text);
    exit(2);
}

struct settings {
    struct net_limits limits;
    const char *plain, *unix_path;
    unsigned lanes;
};

static void read_options(int argc, char **argv, struct server *s, struct settings *out)
{
    int option;

    while ((option = getopt(argc, argv, "l:p:u:s:c:k:C:K:q")) != -1) {
        switch (option) {
        case 'l':
            out->lanes = (unsigned)(optarg[0] - '0');
            break;
        case 'p':
            out->plain = optarg;
            break;
        case 'u':
            out->unix_path = optarg;
            break;
        case 's':
            set_limit(&out->limits, optarg);
            break;
        case 'c':
        case 'C':
            s->certificates[option == 'C'] = optarg;
            break;
        case 'k':
        case 'K':
            s->keys[option == 'K'] = optarg;
            break;
        case 'q':
            s->quiet = true;
            break;
        default:
            exit(2);
        }
    }
    if (out->lanes < 1 || out->lanes > LANES_MAX)
        exit(2);
}

static void make_lanes(struct server *s, unsigned n)
{
    s->n_lanes = n;
    for (unsigned i = 0; i < n; i++) {
        struct lane *lane = &s->lanes[i];

        lane->server = s;
        lane->hash = hash_work_new();
        lane->loop = loop_new(i);
        /* the site is opaque to net: the lane stands in for it */
        lane->net =
            net_lane_new(s->net, lane->loop, lane, (const struct site *)(void *)lane, &s->clock);
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    static const struct origin_rules rules;
    struct settings settings = {.limits = {16384, 100, 10000, 75000, 1024, 20000, 0, 10000},
                                .plain = "localhost:0",
                                .lanes = 1};
    struct net_options options = {.handler = &handler, .origin_rules = &rules};

    read_options(argc, argv, &s, &settings);
    options.limits = settings.limits;
    s.net = net_new(&options);
    make_lanes(&s, settings.lanes);
    loop_signal(s.lanes[0].loop, SIGTERM, on_signal, &s);
    open_doors(&s, settings.plain, settings.unix_path);
    for (size_t i = 1; i < s.n_lanes; i++)
        if (pthread_create(&s.lanes[i].thread, NULL, run_lane, &s.lanes[i]))
            abort();
    loop_run(s.lanes[0].loop);
    for (size_t i = 1; i < s.n_lanes; i++)
        (void)pthread_join(s.lanes[i].thread, NULL);
    for (size_t i = 0; i < s.n_lanes; i++) {
        net_lane_free(s.lanes[i].net);
        hash_work_free(s.lanes[i].hash);
    }
    net_free(s.net);
    for (size_t i = 0; i < s.n_lanes; i++)
        loop_free(s.lanes[i].loop);
    return 0;
}
