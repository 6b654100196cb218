/* Requests that the server sends, against a server of this test that answers as its paths say:
 * rules, limits, redirects, certificates, cancelling and stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/x509.h"
#include "net/outbound.h"

#include "hostile.h"
#include "names.h"
#include "server_tls.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#define MANY      100
#define NS_PER_MS 1000000U

/* ---- one call, waited for ---- */

struct world {
    struct loop *loop;
    struct outbound *out;
    struct hostile plain, tls, expired;
    char url[256]; /* of the plain one; the call borrows it */
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
    (void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u%s", (unsigned)w->plain.port, path);
    return w->url;
}

/* ---- set-up ---- */

/* One CA signs two leaves, one of which is long over; another CA signs nothing. */
static void start_tls(struct world *w)
{
    const struct str allowed[] = {STR("127.0.0.1"), STR("loop.test"), STR("other.test")};
    const struct str name[] = {STR("127.0.0.1"), STR("loop.test")};
    const unix_ms now = clock_wall(), times[] = {now, now - (unix_ms)800 * 24 * 3600 * 1000};
    struct hostile *servers[] = {&w->tls, &w->expired};
    struct buf ca, other, chain;
    struct secret ca_key = {0}, other_key = {0}, key = {0};

    buf_init(&ca, MIB);
    buf_init(&other, MIB);
    buf_init(&chain, MIB);
    assert_int_equal(ca_make(allowed, 3, now, &ca, &ca_key), RC_OK);
    assert_int_equal(ca_make(allowed, 3, now, &other, &other_key), RC_OK);
    (void)snprintf(w->ca_file, sizeof w->ca_file, "/tmp/callgate-ca-XXXXXX");
    (void)snprintf(w->other_ca_file, sizeof w->other_ca_file, "/tmp/callgate-ca-XXXXXX");
    server_tls_write(w->ca_file, buf_str(&ca));
    server_tls_write(w->other_ca_file, buf_str(&other));
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        assert_int_equal(leaf_make(buf_str(&ca), &ca_key, name, 2, times[i], &chain, &key), RC_OK);
        hostile_start(servers[i], server_tls_new(buf_str(&chain), &key));
        buf_clear(&chain);
        secret_clear(&key);
    }
    buf_clear(&ca);
    buf_clear(&other);
    secret_clear(&ca_key);
    secret_clear(&other_key);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)signal(SIGPIPE, SIG_IGN);
    w->loop = loop_new(0);
    w->out = outbound_new();
    hostile_start(&w->plain, NULL);
    start_tls(w);
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
    hostile_stop(&w->plain);
    hostile_stop(&w->tls);
    hostile_stop(&w->expired);
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
    {"takes a body as long as its limit",             "/fit",     0, RC_OK,        200, NULL},
    {"refuses one octet more",                        "/over",    0, RC_TOO_LARGE, 0,   NULL},
    {"refuses what says that it is too long",         "/claims",  0, RC_TOO_LARGE, 0,   NULL},
    {"ends an endless body at its limit",             "/endless", 0, RC_TOO_LARGE, 0,   NULL},
    {"ends endless headers",                          "/heads",   0, RC_TOO_LARGE, 0,   NULL},
    {"ends endless interim answers",                  "/interim", 0, RC_TOO_LARGE, 0,   NULL},
    {"ends a slow head in time",                      "/slow",    0, RC_IO,        0,   NULL},
    {"ends a slow body in time",                      "/drip",    0, RC_IO,        0,   NULL},
    {"ends slow redirects in time, all in all",       "/hop",    99, RC_IO,        0,   NULL},
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

        mono_ns start = clock_mono();

        call.redirects = answers[i].redirects;
        run_call(w, &call);
        if (clock_mono() - start > 2000 * (mono_ns)NS_PER_MS)
            fail_msg("%s: takes longer than it may", answers[i].name);
        if (call.rc != answers[i].rc || call.status != answers[i].status)
            fail_msg("%s: rc %s status %d (%s)", answers[i].name, rc_name(call.rc), call.status,
                     call.reason);
        if (call.rc && !call.sent)
            fail_msg("%s: does not say that it was sent", answers[i].name);
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
    assert_int_equal(call.status, 201); /* 404 if it came with a media type */
    outbound_call_clear(&call);
    call.method = "DELETE";
    call.body = STR_EMPTY;
    run_call(w, &call);
    assert_int_equal(call.status, 204);
    outbound_call_clear(&call);
    call = new_call(w, plain_url(w, "/ok"));
    call.method = "HEAD"; /* the answer tells of a body beyond the limit, and has none */
    run_call(w, &call);
    assert_int_equal(call.rc, RC_OK);
    assert_int_equal(call.status, 200);
    outbound_call_clear(&call);
    call = new_call(w, plain_url(w, "/same"));
    call.method = "POST"; /* its body is for the first place alone */
    call.redirects = 1;
    run_call(w, &call);
    assert_int_equal(call.rc, RC_DENIED);
    outbound_call_clear(&call);
}

static void refuses_headers_that_would_break_the_request(void **state)
{
    static const struct {
        const char *name, *header, *value;
    } cases[] = {
        {"a line break in the value", "X-A", "a\r\nX-B: b"},
        {"a bare line feed", "X-A", "token\n"},
        {"a line break in the name", "X-A\r\nX-B", "b"},
        {"a colon in the name", "X-A: b", "c"},
        {"no name", "", "a"},
        {"no value", "X-A", " "},
        {"a length", "Content-Length", "5"},
        {"a framing", "transfer-encoding", "chunked"},
        {"a host", "HOST", "example.com"},
        {"packing", "Accept-Encoding", "gzip"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbound_call call = new_call(w, plain_url(w, "/ok"));

        call.headers[call.headers_count++] =
            (struct outbound_header){str_from(cases[i].header), str_from(cases[i].value)};
        run_call(w, &call);
        if (call.rc != RC_DENIED)
            fail_msg("%s: %s", cases[i].name, rc_name(call.rc));
        outbound_call_clear(&call);
    }
    assert_int_equal(w->plain.requests, 0);
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

static struct outbound_call tls_call(struct world *w, char *url, size_t cap, const char *host)
{
    (void)snprintf(url, cap, "https://%s:%u/keep", host, (unsigned)w->tls.port);
    struct outbound_call call = new_call(w, url);

    call.plain_ok = false;
    call.ca_file = w->ca_file;
    return call;
}

static void judges_certificates(void **state)
{
    struct world *w = *state;
    const struct {
        const char *name, *host, *ca_file;
        bool expired;
        enum rc rc;
    } cases[] = {
        {"an authority that nobody knows", "127.0.0.1", NULL, false, RC_IO},
        {"another authority", "127.0.0.1", w->other_ca_file, false, RC_IO},
        {"another name", "other.test", w->ca_file, false, RC_IO},
        {"one that is over", "127.0.0.1", w->ca_file, true, RC_IO},
        {"an authority file that is not there", "127.0.0.1", "/nowhere/ca.pem", false, RC_IO},
        {"the right one", "loop.test", w->ca_file, false, RC_OK},
        {"none, though a connection is open that another authority made good", "loop.test", NULL,
         false, RC_IO},
    };
    char url[64];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbound_call call = tls_call(w, url, sizeof url, cases[i].host);

        if (cases[i].expired)
            (void)snprintf(url, sizeof url, "https://%s:%u/ok", cases[i].host,
                           (unsigned)w->expired.port);
        call.ca_file = cases[i].ca_file;
        run_call(w, &call);
        if (call.rc != cases[i].rc)
            fail_msg("%s: %s (%s)", cases[i].name, rc_name(call.rc), call.reason);
        outbound_call_clear(&call);
    }
    assert_int_equal(w->tls.requests + w->expired.requests, 1);
}

static void connections_are_used_again_by_the_rules_of_each_call(void **state)
{
    struct world *w = *state;
    char url[64];

    for (int i = 0; i < 3; i++) {
        struct outbound_call call = tls_call(w, url, sizeof url, "loop.test");

        call.private_ok = i < 2;
        run_call(w, &call);
        assert_int_equal(call.rc, i < 2 ? RC_OK : RC_DENIED);
        outbound_call_clear(&call);
    }
    assert_int_equal(w->tls.connections, 1);
    assert_int_equal(w->tls.requests, 2);
}

static void asks_once_over_a_kept_connection_that_is_lost(void **state)
{
    struct world *w = *state;

    for (int once = 1; once >= 0; once--) { /* without: libcurl asks again over a new one */
        struct outbound_call warm = new_call(w, plain_url(w, "/keep")), call;
        unsigned before = w->plain.requests;

        run_call(w, &warm);
        assert_int_equal(warm.rc, RC_OK);
        call = new_call(w, plain_url(w, "/mute"));
        call.method = "POST";
        call.body = STR("body");
        call.once = once;
        run_call(w, &call);
        assert_int_equal(call.rc, RC_IO);
        assert_true(call.sent);
        assert_int_equal(w->plain.requests - before, once ? 2 : 3);
        if (once)
            assert_string_equal(call.reason, "the connection was lost");
        outbound_call_clear(&warm);
        outbound_call_clear(&call);
    }
}

static void refuses_addresses_by_its_rules(void **state)
{
    struct world *w = *state;
    char tls_url[64];
    const struct {
        const char *name, *url;
        bool plain_ok, private_ok;
        enum rc rc;
        bool plain_private;
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
        {"a name that means a private address", "https://private.test/", false, false, RC_DENIED},
        {"a name that does not resolve", "https://nowhere.test/", false, false, RC_IO},
        {"an address in one number", "https://2130706433:1/", false, false, RC_DENIED},
        {"an address of two numbers", "https://127.1:1/", false, false, RC_DENIED},
        {"plain HTTP to a name that means a private address", "http://private.test/", true, true,
         RC_DENIED},
        {"a port where nobody listens", "http://127.0.0.1:1/", true, true, RC_IO},
        {"plain HTTP to a private address with leave", "http://0.0.0.0:1/", true, true, RC_IO,
         true},
        {"plain HTTP to a public address", "http://8.8.8.8:1/", true, true, RC_DENIED, true},
    };

    (void)snprintf(tls_url, sizeof tls_url, "https://127.0.0.1:%u/ok", (unsigned)w->tls.port);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbound_call call = new_call(w, cases[i].url);

        call.plain_ok = cases[i].plain_ok;
        call.private_ok = cases[i].private_ok;
        call.plain_private = cases[i].plain_private;
        run_call(w, &call);
        if (call.rc != cases[i].rc)
            fail_msg("%s: %s (%s)", cases[i].name, rc_name(call.rc), call.reason);
        if (call.sent)
            fail_msg("%s: says that it was sent", cases[i].name);
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
    const char *url = plain_url(w, "/silent");

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        calls[i] = new_call(w, url);
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

    const char *url = plain_url(w, "/silent");

    w->left = ARRAY_LEN(calls);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        calls[i] = new_call(w, url);
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

/* Cancelled at all stages: queued, connecting, waiting, answered, told. */
static void each_call_ends_once_however_late_it_is_cancelled(void **state)
{
    struct world *w = *state;
    struct outbound_call *calls = calloc(MANY, sizeof *calls);
    const char *url = plain_url(w, "/ok");
    unsigned ended = 0;

    w->left = MANY;
    for (size_t i = 0; i < MANY; i++) {
        calls[i] = new_call(w, url);
        calls[i].total_ms = 20000;
        send_it(w, &calls[i]);
        usleep(i % 7 * 300);
        outbound_cancel(w->out, &calls[i / 2]);
    }
    loop_run(w->loop);
    for (size_t i = 0; i < MANY; i++) {
        ended += calls[i].rc == RC_OK || calls[i].rc == RC_BUSY;
        outbound_call_clear(&calls[i]);
    }
    assert_int_equal(ended, MANY);
    free(calls);
}

static void a_name_server_that_hangs_holds_up_nothing(void **state)
{
    struct world *w = *state;
    struct outbound_call hangs[2], call = new_call(w, plain_url(w, "/ok"));
    mono_ns start = clock_mono();

    for (size_t i = 0; i < 2; i++) {
        hangs[i] = new_call(w, "https://hangs.test/");
        hangs[i].total_ms = i ? 20000 : 100;
    }
    w->left = 2;
    send_it(w, &hangs[0]);
    send_it(w, &hangs[1]);
    usleep(50000); /* both are asking */
    send_it(w, &call);
    loop_run(w->loop);
    assert_int_equal(call.rc, RC_OK);
    assert_int_equal(hangs[0].rc, RC_IO);
    assert_true(clock_mono() - start < HANG_US / 2 * (mono_ns)1000);
    w->left = 1; /* the other one hangs yet */
    outbound_stop(w->out);
    loop_run(w->loop);
    assert_int_equal(hangs[1].rc, RC_BUSY);
    assert_true(clock_mono() - start < HANG_US / 2 * (mono_ns)1000);
    outbound_call_clear(&call);
}

/* A loop of its own that asks again and again, each time from within `done`. */
struct asker {
    pthread_t thread;
    struct loop *loop;
    struct outbound *out;
    struct outbound_call call;
    unsigned left, good;
};

static void ask_again(void *ctx, struct outbound_call *call)
{
    struct asker *a = ctx;

    assert_true(pthread_equal(pthread_self(), a->thread));
    a->good += call->rc == RC_OK && call->status == 200;
    outbound_call_clear(call);
    if (--a->left)
        outbound_send(a->out, a->loop, call);
    else
        loop_stop(a->loop);
}

static void *ask(void *ctx)
{
    struct asker *a = ctx;

    a->thread = pthread_self();
    outbound_send(a->out, a->loop, &a->call);
    loop_run(a->loop);
    return NULL;
}

static void serves_several_loops(void **state)
{
    struct world *w = *state;
    struct asker askers[3] = {0};
    pthread_t threads[ARRAY_LEN(askers)];
    const char *url = plain_url(w, "/keep");

    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        struct asker *a = &askers[i];

        *a = (struct asker){.loop = loop_new((unsigned)i), .out = w->out, .left = 30};
        a->call = new_call(w, url);
        a->call.total_ms = 20000;
        a->call.done = ask_again;
        a->call.ctx = a;
        assert_int_equal(pthread_create(&threads[i], NULL, ask, a), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].good, 30);
        loop_free(askers[i].loop);
    }
    assert_true(w->plain.connections <= ARRAY_LEN(askers));
}

static size_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void leaves_no_descriptors_behind(void **state)
{
    static const char *const paths[] = {"/ok", "/keep", "/endless", "/cut", "/host", "/claims"};
    size_t before = 0;

    for (int round = 0; round < 3; round++) {
        struct world *w = NULL;

        if (round == 1) /* the first one may open what stays */
            before = open_descriptors();
        set_up((void **)&w);
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
            struct outbound_call call = new_call(w, plain_url(w, paths[i]));

            run_call(w, &call);
            outbound_call_clear(&call);
        }
        tear_down((void **)&w);
    }
    (void)state;
    assert_int_equal(open_descriptors(), before);
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

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown((f), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_no_descriptors_behind), /* before threads that nobody waits for */
        WORLD_TEST(answers_as_the_peer_does_within_limits),
        WORLD_TEST(sends_what_it_is_given),
        WORLD_TEST(refuses_headers_that_would_break_the_request),
        WORLD_TEST(finds_headers_of_the_answer),
        WORLD_TEST(judges_certificates),
        WORLD_TEST(connections_are_used_again_by_the_rules_of_each_call),
        WORLD_TEST(asks_once_over_a_kept_connection_that_is_lost),
        WORLD_TEST(refuses_addresses_by_its_rules),
        WORLD_TEST(serves_many_at_once),
        WORLD_TEST(serves_several_loops),
        WORLD_TEST(cancels_in_flight_and_before),
        WORLD_TEST(each_call_ends_once_however_late_it_is_cancelled),
        WORLD_TEST(ends_calls_in_flight_when_it_stops),
        WORLD_TEST(a_name_server_that_hangs_holds_up_nothing),
        WORLD_TEST(stops_without_ever_having_sent),
        cmocka_unit_test(tells_public_addresses_from_others),
    };
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"};

    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) /* where nobody listens: it is not asked */
        assert_int_equal(setenv(proxies[i], "http://127.0.0.1:1", 1), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
