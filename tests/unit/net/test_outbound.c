/* Requests that the server sends, against a server of this test that answers as its paths say:
 * rules, limits, redirects, certificates, cancelling and stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/x509.h"
#include "net/outbound.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 100

/* ---- a server that misbehaves on demand ---- */

struct server {
    int listener;
    uint16_t port;
    SSL_CTX *tls; /* NULL: plain */
    pthread_t thread;
    _Atomic unsigned requests;
};

struct peer {
    struct server *server;
    int fd;
    SSL *ssl;
};

static bool put(struct peer *p, const char *text)
{
    size_t len = strlen(text);

    return (p->ssl ? SSL_write(p->ssl, text, (int)len)
                   : (int)send(p->fd, text, len, MSG_NOSIGNAL)) == (int)len;
}

static bool get_head(struct peer *p, char *head, size_t cap)
{
    size_t len = 0;

    while (len < cap - 1) {
        int n = p->ssl ? SSL_read(p->ssl, head + len, (int)(cap - 1 - len))
                       : (int)recv(p->fd, head + len, cap - 1 - len, 0);

        if (n <= 0)
            return false;
        len += (size_t)n;
        head[len] = '\0';
        if (strstr(head, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void endless(struct peer *p)
{
    char block[4097];

    memset(block, 'x', sizeof block - 1);
    block[sizeof block - 1] = '\0';
    if (put(p, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"))
        while (put(p, block))
            continue;
}

static void drip(struct peer *p, const char *text)
{
    for (char one[2] = {0}; *text; text++) {
        one[0] = *text;
        if (!put(p, one))
            return;
        usleep(50000);
    }
}

static void redirect(struct peer *p, const char *where)
{
    char head[256];

    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", where);
    (void)put(p, head);
}

static void answer(struct peer *p, const char *head)
{
    char where[64];

    if (strstr(head, " /ok "))
        (void)put(
            p, "HTTP/1.1 200 OK\r\ncache-control:  max-age=300 \r\nContent-Length: 5\r\n\r\nhello");
    else if (strstr(head, " /headers ") && strstr(head, "X-Probe: yes") &&
             !strstr(head, "Accept-Encoding"))
        (void)put(p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    else if (strstr(head, "POST /post ") && strstr(head, "\r\n\r\nbody"))
        (void)put(p, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    else if (strstr(head, " /same "))
        redirect(p, "/ok");
    else if (strstr(head, " /loop "))
        redirect(p, "/loop");
    else if (strstr(head, " /port "))
        redirect(p, "http://127.0.0.1:1/ok");
    else if (strstr(head, " /host ")) {
        (void)snprintf(where, sizeof where, "http://localhost:%u/ok", (unsigned)p->server->port);
        redirect(p, where);
    } else if (strstr(head, " /file "))
        redirect(p, "file:///etc/passwd");
    else if (strstr(head, " /endless "))
        endless(p);
    else if (strstr(head, " /slow "))
        drip(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nslowly, slowly, slowly, slowly, "
                "slowly");
    else if (strstr(head, " /silent "))
        sleep(2);
    else if (strstr(head, " /cut "))
        (void)put(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort");
    else if (strstr(head, " /noise "))
        (void)put(p, "220 not a web server\r\n\r\n");
    else
        (void)put(p, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
}

static void *serve_one(void *ctx)
{
    struct peer *p = ctx;
    char head[4096];
    bool ok = true;

    if (p->server->tls) {
        p->ssl = SSL_new(p->server->tls);
        SSL_set_fd(p->ssl, p->fd);
        ok = SSL_accept(p->ssl) == 1;
    }
    if (ok && get_head(p, head, sizeof head)) {
        p->server->requests++;
        answer(p, head);
        if (p->ssl)
            (void)SSL_shutdown(p->ssl);
    }
    SSL_free(p->ssl);
    (void)close(p->fd);
    free(p);
    return NULL;
}

static void *serve(void *ctx)
{
    struct server *s = ctx;
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        struct peer *p = calloc(1, sizeof *p);
        pthread_t thread;

        p->server = s;
        p->fd = fd;
        assert_int_equal(pthread_create(&thread, NULL, serve_one, p), 0);
        pthread_detach(thread);
    }
    return NULL;
}

static void server_start(struct server *s, SSL_CTX *tls)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    *s = (struct server){.tls = tls, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->listener, 256), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    (void)close(s->listener);
    SSL_CTX_free(s->tls);
}

/* ---- one call, waited for ---- */

struct world {
    struct loop *loop;
    struct outbound *out;
    struct server plain, tls;
    char ca_file[64], other_ca_file[64];
    unsigned left;
    bool sending;
};

static void on_done(void *ctx, struct outbound_call *call)
{
    struct world *w = ctx;

    (void)call;
    assert_false(w->sending);
    if (--w->left == 0)
        loop_stop(w->loop);
}

static struct outbound_call new_call(struct world *w, const char *url)
{
    return (struct outbound_call){.method = "GET",
                                  .url = url,
                                  .connect_ms = 1000,
                                  .total_ms = 1000,
                                  .response_max = 1000,
                                  .plain_ok = true,
                                  .private_ok = true,
                                  .done = on_done,
                                  .ctx = w};
}

static void send_it(struct world *w, struct outbound_call *call)
{
    w->sending = true;
    outbound_send(w->out, w->loop, call);
    w->sending = false;
}

static void run_call(struct world *w, struct outbound_call *call)
{
    w->left = 1;
    send_it(w, call);
    loop_run(w->loop);
    if (call->rc)
        assert_true(call->reason[0] != '\0');
    else
        assert_string_equal(call->reason, "");
}

static const char *plain_url(struct world *w, const char *path)
{
    static char url[256];

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", (unsigned)w->plain.port, path);
    return url;
}

/* ---- set-up ---- */

static void write_file(char *path, struct str text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    (void)close(fd);
}

static SSL_CTX *tls_context(struct str chain, const struct secret *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    BIO *in = BIO_new_mem_buf(chain.ptr, (int)chain.len);
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    BIO *key_in = BIO_new_mem_buf(key->octets, (int)key->len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL);

    assert_int_equal(SSL_CTX_use_certificate(tls, leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, pkey), 1);
    X509_free(leaf);
    EVP_PKEY_free(pkey);
    BIO_free(in);
    BIO_free(key_in);
    return tls;
}

/* A CA of its own for 127.0.0.1, and another one that signed nothing. */
static SSL_CTX *make_tls(struct world *w)
{
    struct str name = STR("127.0.0.1");
    struct buf ca, other, chain;
    struct secret ca_key = {0}, other_key = {0}, key = {0};

    buf_init(&ca, MIB);
    buf_init(&other, MIB);
    buf_init(&chain, MIB);
    assert_int_equal(ca_make(&name, 1, clock_wall(), &ca, &ca_key), RC_OK);
    assert_int_equal(ca_make(&name, 1, clock_wall(), &other, &other_key), RC_OK);
    assert_int_equal(leaf_make(buf_str(&ca), &ca_key, &name, 1, clock_wall(), &chain, &key), RC_OK);
    (void)snprintf(w->ca_file, sizeof w->ca_file, "/tmp/callgate-ca-XXXXXX");
    (void)snprintf(w->other_ca_file, sizeof w->other_ca_file, "/tmp/callgate-ca-XXXXXX");
    write_file(w->ca_file, buf_str(&ca));
    write_file(w->other_ca_file, buf_str(&other));
    SSL_CTX *tls = tls_context(buf_str(&chain), &key);
    buf_clear(&ca);
    buf_clear(&other);
    buf_clear(&chain);
    secret_clear(&ca_key);
    secret_clear(&other_key);
    secret_clear(&key);
    return tls;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)signal(SIGPIPE, SIG_IGN);
    w->loop = loop_new(0);
    w->out = outbound_new();
    server_start(&w->plain, NULL);
    server_start(&w->tls, make_tls(w));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    outbound_stop(w->out);
    loop_settle(w->loop);
    loop_free(w->loop);
    outbound_free(w->out);
    server_stop(&w->plain);
    server_stop(&w->tls);
    (void)unlink(w->ca_file);
    (void)unlink(w->other_ca_file);
    free(w);
    return 0;
}

/* ---- cases ---- */

/* clang-format off */
static const struct {
    const char *name, *path;
    unsigned redirects;
    enum rc rc;
    int status;
    const char *body; /* NULL: not looked at */
} answers[] = {
    {"takes an answer",                               "/ok",      0, RC_OK,        200, "hello"},
    {"takes an answer of any status",                 "/nowhere", 0, RC_OK,        404, "none"},
    {"follows a redirect within the origin",          "/same",    1, RC_OK,        200, "hello"},
    {"follows none unless told",                      "/same",    0, RC_DENIED,    302, NULL},
    {"follows a loop as often as told",               "/loop",    3, RC_DENIED,    302, NULL},
    {"refuses a redirect to another port",            "/port",    1, RC_DENIED,    302, NULL},
    {"refuses a redirect to another host",            "/host",    1, RC_DENIED,    302, NULL},
    {"refuses a redirect to a file",                  "/file",    1, RC_DENIED,    302, NULL},
    {"ends an endless body at its limit",             "/endless", 0, RC_TOO_LARGE, 0,   NULL},
    {"ends a slow answer in time",                    "/slow",    0, RC_IO,        0,   NULL},
    {"ends a silent peer in time",                    "/silent",  0, RC_IO,        0,   NULL},
    {"refuses a body that is cut short",              "/cut",     0, RC_IO,        0,   NULL},
    {"refuses what is not HTTP",                      "/noise",   0, RC_IO,        0,   NULL},
};
/* clang-format on */

static void answers_as_the_peer_does_within_limits(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct outbound_call call = new_call(w, plain_url(w, answers[i].path));

        call.redirects = answers[i].redirects;
        run_call(w, &call);
        if (call.rc != answers[i].rc || call.status != answers[i].status)
            fail_msg("%s: rc %s status %d (%s)", answers[i].name, rc_name(call.rc), call.status,
                     call.reason);
        if (answers[i].body && !str_eq(buf_str(&call.response), str_from(answers[i].body)))
            fail_msg("%s: body " STR_FMT, answers[i].name, STR_ARG(buf_str(&call.response)));
        outbound_call_clear(&call);
    }
}

static void sends_what_it_is_given(void **state)
{
    struct world *w = *state;
    struct outbound_call call = new_call(w, plain_url(w, "/headers"));

    call.headers[call.headers_count++] = (struct outbound_header){STR("X-Probe"), STR("yes")};
    run_call(w, &call);
    assert_int_equal(call.status, 200);
    outbound_call_clear(&call);
    call = new_call(w, plain_url(w, "/post"));
    call.method = "POST";
    call.body = STR("body");
    run_call(w, &call);
    assert_int_equal(call.status, 201);
    outbound_call_clear(&call);
}

static void finds_headers_of_the_answer(void **state)
{
    struct world *w = *state;
    struct outbound_call call = new_call(w, plain_url(w, "/ok"));

    run_call(w, &call);
    assert_true(str_eq(outbound_answer_header(&call, STR("Cache-Control")), STR("max-age=300")));
    assert_null(outbound_answer_header(&call, STR("Retry-After")).ptr);
    outbound_call_clear(&call);
}

static void judges_certificates(void **state)
{
    struct world *w = *state;
    const struct {
        const char *ca_file;
        enum rc rc;
    } cases[] = {{NULL, RC_IO}, {w->other_ca_file, RC_IO}, {w->ca_file, RC_OK}};
    char url[64];

    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/ok", (unsigned)w->tls.port);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbound_call call = new_call(w, url);

        call.plain_ok = false;
        call.ca_file = cases[i].ca_file;
        run_call(w, &call);
        assert_int_equal(call.rc, cases[i].rc);
        outbound_call_clear(&call);
    }
    assert_int_equal(w->tls.requests, 1);
}

static void refuses_addresses_by_its_rules(void **state)
{
    struct world *w = *state;
    char tls_url[64];
    const struct {
        const char *name, *url;
        bool plain_ok, private_ok;
        enum rc rc;
    } cases[] = {
        {"a loopback address without leave", tls_url, false, false, RC_DENIED},
        {"plain HTTP without leave", plain_url(w, "/ok"), false, true, RC_DENIED},
        {"plain HTTP beyond loopback", "http://192.0.2.1/", true, true, RC_DENIED},
        {"a private address", "https://10.0.0.1/", false, false, RC_DENIED},
        {"a link-local address", "https://169.254.169.254/", false, false, RC_DENIED},
        {"a mapped address", "https://[::ffff:10.0.0.1]/", false, false, RC_DENIED},
        {"a name that means loopback", "https://localhost:1/", false, false, RC_DENIED},
        {"user information", "https://user:pass@example.com/", false, false, RC_DENIED},
        {"another scheme", "ftp://127.0.0.1/", true, true, RC_DENIED},
        {"a file", "file:///etc/passwd", true, true, RC_DENIED},
        {"a blank", "https://exa mple.com/", true, true, RC_DENIED},
        {"a port that is none", "https://example.com:99999/", true, true, RC_DENIED},
        {"nothing", "", true, true, RC_DENIED},
        {"a name that does not resolve", "https://nowhere.invalid/", false, false, RC_IO},
        {"a port where nobody listens", "http://127.0.0.1:1/", true, true, RC_IO},
    };

    (void)snprintf(tls_url, sizeof tls_url, "https://127.0.0.1:%u/ok", (unsigned)w->tls.port);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbound_call call = new_call(w, cases[i].url);

        call.plain_ok = cases[i].plain_ok;
        call.private_ok = cases[i].private_ok;
        run_call(w, &call);
        if (call.rc != cases[i].rc)
            fail_msg("%s: %s (%s)", cases[i].name, rc_name(call.rc), call.reason);
        outbound_call_clear(&call);
    }
    assert_int_equal(w->tls.requests + w->plain.requests, 0);
}

static void serves_many_at_once(void **state)
{
    struct world *w = *state;
    struct outbound_call *calls = calloc(MANY, sizeof *calls);
    const char *url = plain_url(w, "/ok");

    w->left = MANY;
    for (size_t i = 0; i < MANY; i++) {
        calls[i] = new_call(w, url);
        calls[i].total_ms = 20000;
        send_it(w, &calls[i]);
    }
    loop_run(w->loop);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(calls[i].rc, RC_OK);
        assert_int_equal(calls[i].response.len, 5);
        outbound_call_clear(&calls[i]);
    }
    free(calls);
}

static void cancels_in_flight_and_before(void **state)
{
    struct world *w = *state;
    struct outbound_call calls[2];

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        calls[i] = new_call(w, plain_url(w, "/silent"));
        calls[i].total_ms = 20000;
        w->left = 1;
        send_it(w, &calls[i]);
        if (i)
            usleep(200000);
        outbound_cancel(w->out, &calls[i]);
        outbound_cancel(w->out, &calls[i]);
        loop_run(w->loop);
        assert_int_equal(calls[i].rc, RC_BUSY);
        outbound_call_clear(&calls[i]);
    }
}

static void ends_calls_in_flight_when_it_stops(void **state)
{
    struct world *w = *state;
    struct outbound_call calls[3];

    w->left = ARRAY_LEN(calls);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        calls[i] = new_call(w, plain_url(w, "/silent"));
        calls[i].total_ms = 20000;
        if (i == 2)
            outbound_stop(w->out);
        send_it(w, &calls[i]);
        usleep(100000);
    }
    loop_run(w->loop);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        assert_int_equal(calls[i].rc, RC_BUSY);
        outbound_call_clear(&calls[i]);
    }
}

static void stops_without_ever_having_sent(void **state)
{
    struct world *w = *state;

    outbound_stop(w->out);
    outbound_stop(w->out);
}

static void tells_public_addresses_from_others(void **state)
{
    static const struct {
        const char *text;
        bool public, loopback;
    } cases[] = {
        {"8.8.8.8", true, false},
        {"127.0.0.1", false, true},
        {"127.255.255.255", false, true},
        {"10.1.2.3", false, false},
        {"172.15.0.1", true, false},
        {"172.16.0.1", false, false},
        {"172.31.255.255", false, false},
        {"172.32.0.1", true, false},
        {"192.168.0.1", false, false},
        {"169.254.169.254", false, false},
        {"100.64.0.1", false, false},
        {"100.128.0.1", true, false},
        {"0.0.0.0", false, false},
        {"224.0.0.1", false, false},
        {"255.255.255.255", false, false},
        {"198.18.0.1", false, false},
        {"198.20.0.1", true, false},
        {"192.0.2.1", false, false},
        {"::1", false, true},
        {"::", false, false},
        {"fe80::1", false, false},
        {"fc00::1", false, false},
        {"fd12::1", false, false},
        {"ff02::1", false, false},
        {"2001:4860:4860::8888", true, false},
        {"2001:db8::1", false, false},
        {"::ffff:127.0.0.1", false, true},
        {"::ffff:8.8.8.8", true, false},
        {"64:ff9b::a00:1", false, false},
        {"64:ff9b::808:808", true, false},
        {"2002:a00:1::", false, false},
    };
    uint8_t octets[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool v6 = strchr(cases[i].text, ':') != NULL;
        size_t len = v6 ? 16 : 4;

        assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, cases[i].text, octets), 1);
        if (outbound_address_is_public(octets, len) != cases[i].public ||
            outbound_address_is_loopback(octets, len) != cases[i].loopback)
            fail_msg("%s", cases[i].text);
    }
    assert_false(outbound_address_is_public(octets, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_as_the_peer_does_within_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sends_what_it_is_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_headers_of_the_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(judges_certificates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_addresses_by_its_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(serves_many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancels_in_flight_and_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_calls_in_flight_when_it_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_without_ever_having_sent, set_up, tear_down),
        cmocka_unit_test(tells_public_addresses_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
