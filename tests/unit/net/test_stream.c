/* Byte streams against servers of this test: plain and TLS, whom they refuse, how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "crypto/x509.h"
#include "net/stream.h"

#include "names.h"
#include "server_tls.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_MS 1000

enum manner { ECHO, SILENT, HANG_UP };

/* One peer at a time. */
struct server {
    int fd;
    uint16_t port;
    SSL_CTX *tls;
    enum manner manner;
    pthread_t thread;
};

struct world {
    struct loop *loop;
    struct server plain, tls, silent, rude;
    char ca_file[64], other_ca_file[64];
};

/* ---- servers ---- */

static void echo_plain(int fd)
{
    char octets[4096];
    ssize_t n;

    while ((n = recv(fd, octets, sizeof octets, 0)) > 0 &&
           send(fd, octets, (size_t)n, MSG_NOSIGNAL) == n)
        ;
}

static void echo_tls(SSL_CTX *tls, int fd)
{
    SSL *ssl = SSL_new(tls);
    char octets[4096];
    int n;

    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    if (SSL_accept(ssl) == 1) {
        while ((n = SSL_read(ssl, octets, sizeof octets)) > 0 && SSL_write(ssl, octets, n) == n)
            ;
        (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

/* Reads nothing, and waits until the peer has gone. */
static void stay_silent(int fd)
{
    struct pollfd peer = {.fd = fd, .events = POLLRDHUP};

    (void)poll(&peer, 1, SILENCE_MS); /* its goodbye may be stuck behind what is not read */
}

static void *serve(void *ctx)
{
    const struct server *s = ctx;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        if (s->manner == ECHO && s->tls)
            echo_tls(s->tls, fd);
        else if (s->manner == ECHO)
            echo_plain(fd);
        else if (s->manner == SILENT)
            stay_silent(fd);
        (void)close(fd);
    }
    return NULL;
}

static void server_start(struct server *s, SSL_CTX *tls, enum manner manner)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int small = 4096;

    *s = (struct server){
        .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .tls = tls, .manner = manner};
    if (manner == SILENT)
        (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->fd);
    SSL_CTX_free(s->tls);
}

/* ---- set-up ---- */

static void start_tls(struct world *w)
{
    const struct str names[] = {STR("127.0.0.1"), STR("carrier.test")};
    struct buf ca, other, chain;
    struct secret ca_key = {0}, other_key = {0}, key = {0};
    unix_ms now = clock_wall();

    buf_init(&ca, MIB);
    buf_init(&other, MIB);
    buf_init(&chain, MIB);
    assert_int_equal(ca_make(names, 2, now, &ca, &ca_key), RC_OK);
    assert_int_equal(ca_make(names, 2, now, &other, &other_key), RC_OK);
    assert_int_equal(leaf_make(buf_str(&ca), &ca_key, names, 2, now, &chain, &key), RC_OK);
    (void)snprintf(w->ca_file, sizeof w->ca_file, "/tmp/callgate-ca-XXXXXX");
    (void)snprintf(w->other_ca_file, sizeof w->other_ca_file, "/tmp/callgate-ca-XXXXXX");
    server_tls_write(w->ca_file, buf_str(&ca));
    server_tls_write(w->other_ca_file, buf_str(&other));
    server_start(&w->tls, server_tls_new(buf_str(&chain), &key), ECHO);
    buf_clear(&ca);
    buf_clear(&other);
    buf_clear(&chain);
    secret_clear(&ca_key);
    secret_clear(&other_key);
    secret_clear(&key);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)signal(SIGPIPE, SIG_IGN);
    w->loop = loop_new(0);
    server_start(&w->plain, NULL, ECHO);
    server_start(&w->silent, NULL, SILENT);
    server_start(&w->rude, NULL, HANG_UP);
    start_tls(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    loop_free(w->loop);
    server_stop(&w->plain);
    server_stop(&w->silent);
    server_stop(&w->rude);
    server_stop(&w->tls);
    (void)unlink(w->ca_file);
    (void)unlink(w->other_ca_file);
    free(w);
    return 0;
}

/* ---- one stream, watched ---- */

struct watch {
    struct loop *loop;
    struct stream *stream;
    struct buf came;
    size_t wanted; /* octets, after which it is closed */
    struct str first, second;
    unsigned opened, ended;
    bool opening, close_when_open;
    char why[160];
};

static void hang_up(struct watch *w)
{
    net_streams.close(w->stream);
    w->stream = NULL;
    loop_stop(w->loop);
}

static void on_open(void *ctx)
{
    struct watch *w = ctx;

    assert_false(w->opening);
    w->opened++;
    if (w->close_when_open) {
        hang_up(w);
        return;
    }
    if (w->first.len)
        assert_true(net_streams.send(w->stream, w->first));
    if (w->second.len)
        assert_true(net_streams.send(w->stream, w->second));
}

static void on_data(void *ctx, struct str data)
{
    struct watch *w = ctx;

    buf_add(&w->came, data);
    if (w->wanted && w->came.len >= w->wanted)
        hang_up(w);
}

static void on_end(void *ctx, const char *why)
{
    struct watch *w = ctx;

    assert_false(w->opening);
    w->ended++;
    (void)snprintf(w->why, sizeof w->why, "%s", why);
    hang_up(w);
}

static struct stream_options options_for(uint16_t port)
{
    return (struct stream_options){.host = STR("127.0.0.1"),
                                   .port = port,
                                   .connect_ms = 5000,
                                   .private_ok = true,
                                   .queue_max = MIB};
}

static void watch_open(struct watch *w, struct loop *loop, struct stream_options o)
{
    w->loop = loop;
    o.on_open = on_open;
    o.on_data = on_data;
    o.on_end = on_end;
    o.ctx = w;
    buf_init(&w->came, 4 * MIB);
    w->opening = true;
    w->stream = net_streams.open(loop, &o);
    assert_non_null(w->stream);
    w->opening = false;
}

static void watch_run(struct watch *w, struct loop *loop, struct stream_options o)
{
    watch_open(w, loop, o);
    loop_run(loop);
    assert_null(w->stream);
}

static void check_ends(const char *name, const struct watch *w, const char *why)
{
    if (w->ended != 1 || !strstr(w->why, why))
        fail_msg("%s: ended %u times: %s", name, w->ended, w->why);
}

/* ---- the tests ---- */

static void carries_octets_both_ways(void **state)
{
    struct world *world = *state;
    struct watch w = {.wanted = 11, .first = STR("hello "), .second = STR("there")};

    watch_run(&w, world->loop, options_for(world->plain.port));
    assert_int_equal(w.opened, 1);
    assert_int_equal(w.ended, 0);
    assert_memory_equal(w.came.ptr, "hello there", 11);
    buf_clear(&w.came);
}

static void carries_them_under_tls(void **state)
{
    struct world *world = *state;
    struct stream_options o = options_for(world->tls.port);
    const size_t len = 300 * KIB;
    char *octets = malloc(len);
    struct watch w = {.wanted = len + 5, .first = STR("first"), .second = {octets, len}};

    memset(octets, 'x', len);
    o.tls = true;
    o.ca_file = str_from(world->ca_file);
    watch_run(&w, world->loop, o);
    assert_int_equal(w.opened, 1);
    assert_int_equal(w.ended, 0);
    assert_memory_equal(w.came.ptr, "first", 5);
    assert_memory_equal(w.came.ptr + 5, octets, len);
    buf_clear(&w.came);
    free(octets);
}

static void checks_names_and_issuers(void **state)
{
    struct world *world = *state;
    const struct {
        const char *name, *ca_file, *tls_name, *why;
        bool ok;
    } cases[] = {
        {"the name may be another than the host", world->ca_file, "carrier.test", "", true},
        {"refuses another name", world->ca_file, "other.test", "TLS: ", false},
        {"refuses another address", world->ca_file, "127.0.0.2", "TLS: ", false},
        {"refuses a stranger's signature", world->other_ca_file, "", "TLS: ", false},
        {"refuses who is not signed by a CA of the system", "", "", "TLS: ", false},
        {"a CA file must be there", "/nonexistent/ca.pem", "", "CA file", false},
        {"a CA file must hold certificates", "/dev/null", "", "CA file", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stream_options o = options_for(world->tls.port);
        struct watch w = {.wanted = 1, .first = STR("x")};

        o.tls = true;
        o.ca_file = str_from(cases[i].ca_file);
        o.tls_name = str_from(cases[i].tls_name);
        watch_run(&w, world->loop, o);
        if (w.opened != (cases[i].ok ? 1 : 0))
            fail_msg("%s: %s", cases[i].name, w.why);
        if (!cases[i].ok)
            check_ends(cases[i].name, &w, cases[i].why);
        buf_clear(&w.came);
    }
}

static void ends_once_when_there_is_no_way(void **state)
{
    struct world *world = *state;
    const struct {
        const char *name;
        struct str host;
        uint16_t port;
        bool tls, public_only;
        const char *why;
    } cases[] = {
        {"nobody listens", STR("127.0.0.1"), 1, false, false, "refused"},
        {"loopback is not public", STR("127.0.0.1"), world->plain.port, false, true, "not public"},
        {"nor is a name that means it", STR("localhost"), world->plain.port, true, true,
         "not public"},
        {"nor is a private address", STR("10.0.0.1"), 25, false, true, "not public"},
        {"nor one inside IPv6", STR("::ffff:127.0.0.1"), 25, false, true, "not public"},
        {"no name", STR_EMPTY, 25, false, false, "name"},
        {"a name with a NUL", STR("127.0.0.1\0x"), 25, false, false, "name"},
        {"a name that is none", STR("no such name"), 25, false, false, "name"},
        {"a peer that hangs up", STR("127.0.0.1"), world->rude.port, false, false, ""},
        {"a peer that hangs up on TLS", STR("127.0.0.1"), world->rude.port, true, false, ""},
        {"a peer that speaks no TLS", STR("127.0.0.1"), world->plain.port, true, false, "TLS: "},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stream_options o = options_for(cases[i].port);
        struct watch w = {.wanted = 1};

        o.host = cases[i].host;
        o.tls = cases[i].tls;
        o.private_ok = !cases[i].public_only;
        watch_run(&w, world->loop, o);
        check_ends(cases[i].name, &w, cases[i].why);
        buf_clear(&w.came);
    }
}

static void waits_only_so_long_for_tls(void **state)
{
    struct world *world = *state;
    struct stream_options o = options_for(world->silent.port);
    struct watch w = {0};

    o.tls = true;
    o.connect_ms = 50;
    watch_run(&w, world->loop, o);
    check_ends("a silent peer", &w, "in time");
    assert_int_equal(w.opened, 0);
    buf_clear(&w.came);
}

static void ends_when_too_much_waits(void **state)
{
    struct world *world = *state;
    struct stream_options o = options_for(world->silent.port);
    const size_t len = 32 * KIB;
    char *octets = calloc(1, len);
    struct watch w = {.first = {octets, len}, .second = {octets, len}};

    o.queue_max = 64 * KIB;
    watch_open(&w, world->loop, o);
    assert_false(net_streams.send(w.stream, STR("too early")));
    while (w.opened == 0) {
        loop_stop(world->loop);
        loop_run(world->loop);
    }
    assert_false(net_streams.send(w.stream, w.first));
    assert_int_equal(w.ended, 0); /* not from within */
    assert_false(net_streams.send(w.stream, STR("it has ended")));
    loop_run(world->loop);
    check_ends("a peer that reads nothing", &w, "too much");
    buf_clear(&w.came);
    free(octets);
}

static void may_be_closed_at_any_time(void **state)
{
    struct world *world = *state;
    struct stream_options o = options_for(world->tls.port);
    struct watch early = {0}, late = {.close_when_open = true}, tls = {.close_when_open = true};

    watch_open(&early, world->loop, o);
    net_streams.close(early.stream);
    o.host = STR("localhost");
    o.tls = true;
    watch_open(&early, world->loop, o);
    net_streams.close(early.stream);
    net_streams.close(NULL);
    watch_run(&late, world->loop, options_for(world->plain.port));
    assert_int_equal(late.opened, 1);
    o = options_for(world->tls.port);
    o.tls = true;
    o.ca_file = str_from(world->ca_file);
    watch_run(&tls, world->loop, o);
    assert_int_equal(tls.opened, 1);
    assert_int_equal(early.opened + early.ended + late.ended + tls.ended, 0);
}

static void out_of_time(void *ctx)
{
    hang_up(ctx);
}

/* The pool reads them; the sanitizers see whether both touch the same. */
static void may_be_closed_while_issuers_are_read(void **state)
{
    struct world *world = *state;
    struct stream_options o = options_for(world->tls.port);

    o.tls = true;
    o.tls_name = STR("other.test");
    for (unsigned ms = 0; ms < 16; ms++) {
        struct watch w = {0};
        struct loop_timer timer = {0};

        loop_timer_start(world->loop, &timer, ms, 0, out_of_time, &w);
        watch_run(&w, world->loop, o);
        loop_timer_close(&timer);
        assert_int_equal(w.opened, 0);
        buf_clear(&w.came);
    }
}

static void waits_for_no_name_server_that_hangs(void **state)
{
    struct world *world = *state;
    struct stream_options o = options_for(world->plain.port);
    struct watch closed = {0}, late = {0}, w = {.wanted = 2, .first = STR("hi")};
    struct loop *other = loop_new(1);
    mono_ns start = clock_mono();

    o.host = STR("hangs.test");
    watch_open(&closed, other, o);
    net_streams.close(closed.stream);
    o.connect_ms = 50;
    watch_run(&late, other, o);
    check_ends("a name that takes too long", &late, "in time");
    o = options_for(world->plain.port);
    o.host = STR("loop.test");
    watch_run(&w, other, o);
    assert_int_equal(w.opened, 1);
    while (loop_settle(other)) {
    }
    loop_free(other);
    assert_true(clock_mono() - start < HANG_US / 2 * (mono_ns)1000);
    assert_int_equal(closed.opened + closed.ended, 0);
    buf_clear(&closed.came);
    buf_clear(&late.came);
    buf_clear(&w.came);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_octets_both_ways),
        cmocka_unit_test(carries_them_under_tls),
        cmocka_unit_test(checks_names_and_issuers),
        cmocka_unit_test(ends_once_when_there_is_no_way),
        cmocka_unit_test(waits_only_so_long_for_tls),
        cmocka_unit_test(ends_when_too_much_waits),
        cmocka_unit_test(may_be_closed_at_any_time),
        cmocka_unit_test(may_be_closed_while_issuers_are_read),
        cmocka_unit_test(waits_for_no_name_server_that_hangs),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
