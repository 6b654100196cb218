/* Identity endpoints that are opened while the server runs: they answer, they are counted, and they
 * end. One lane on a thread of its own. */
#include "app/app.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASK "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"

static size_t on_head(void *ctx, struct request *req)
{
    (void)ctx;
    (void)req;
    return KIB;
}

static void on_run(void *ctx, struct request *req)
{
    (void)ctx;
    reply_json(req, 200, req->door->identity ? STR("\"identity\"") : STR("\"other\""));
}

static void on_finished(void *ctx, const struct request *req, size_t octets)
{
    (void)ctx;
    (void)req;
    (void)octets;
}

static const struct net_handler handler = {on_head, on_run, on_finished, NULL};

static void *run_loop(void *ctx)
{
    loop_run(ctx);
    return NULL;
}

static int set_up(void **state)
{
    struct app *app = calloc(1, sizeof *app);
    struct net_options options = {.handler = &handler,
                                  .origin_rules = &app->origin_rules,
                                  .limits = {.head_max = 16 * KIB,
                                             .headers_max = 100,
                                             .head_timeout_ms = 10000,
                                             .idle_timeout_ms = 75000,
                                             .connections_max = 1000,
                                             .tls_handshake_ms = 10000}};

    assert_non_null(app);
    pthread_mutex_init(&app->endpoints.lock, NULL);
    app->net = net_new(&options);
    app->lanes[0].loop = loop_new(0);
    app->lanes[0].net =
        net_lane_new(app->net, app->lanes[0].loop, NULL, &app->lanes[0].site, &app->clock);
    assert_int_equal(pthread_create(&app->lanes[0].thread, NULL, run_loop, app->lanes[0].loop), 0);
    *state = app;
    return 0;
}

static int tear_down(void **state)
{
    struct app *app = *state;

    loop_stop(app->lanes[0].loop);
    pthread_join(app->lanes[0].thread, NULL);
    net_lane_cut(app->lanes[0].net);
    loop_settle(app->lanes[0].loop);
    net_lane_free(app->lanes[0].net);
    loop_free(app->lanes[0].loop);
    app_endpoints_clear(app);
    net_free(app->net);
    pthread_mutex_destroy(&app->endpoints.lock);
    free(app);
    return 0;
}

/* A connection to that port of 127.0.0.1, or -1. */
static int dial(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static bool answers(int fd)
{
    char text[2048];
    ssize_t n;

    assert_int_equal(write(fd, ASK, sizeof ASK - 1), sizeof ASK - 1);
    n = read(fd, text, sizeof text);
    return n > 0 && str_ends(str_of(text, (size_t)n), STR("\"identity\""));
}

/* The close is posted to the loop: within a second nobody listens any more. */
static bool is_closed_soon(uint16_t port)
{
    for (int i = 0; i < 1000; i++) {
        int fd = dial(port);

        if (fd < 0)
            return true;
        (void)close(fd);
        (void)usleep(1000);
    }
    return false;
}

static void an_endpoint_answers_until_it_is_closed(void **state)
{
    struct app *app = *state;
    uint16_t port = 0, other = 0;
    char octet;
    int fd;

    assert_int_equal(app_endpoint_open(app, &port), RC_OK);
    assert_int_equal(app_endpoint_open(app, &other), RC_OK);
    assert_true(port != 0 && other != 0 && port != other);
    fd = dial(port);
    assert_true(fd >= 0);
    assert_true(answers(fd));
    app_endpoint_close(app, port);
    assert_true(is_closed_soon(port));
    assert_int_equal(read(fd, &octet, 1), 0); /* the idle connection was drained */
    (void)close(fd);
    app_endpoint_close(app, port); /* twice is harmless */
    app_endpoint_close(app, 1);
    fd = dial(other);
    assert_true(fd >= 0);
    assert_true(answers(fd)); /* its neighbour was left alone */
    (void)close(fd);
}

static void there_are_so_many_at_once(void **state)
{
    struct app *app = *state;
    uint16_t port = 0, untouched = 7;

    for (int i = 0; i < APP_ENDPOINTS_MAX; i++)
        assert_int_equal(app_endpoint_open(app, &port), RC_OK);
    assert_int_equal(app_endpoint_open(app, &untouched), RC_TOO_LARGE);
    assert_int_equal(untouched, 7);
    app_endpoint_close(app, port);
    assert_int_equal(app_endpoint_open(app, &port), RC_OK);
    assert_int_equal(app_endpoint_open(app, &untouched), RC_TOO_LARGE);
}

static void on_drained(void *ctx)
{
    (void)ctx;
}

static void none_opens_while_the_server_stops(void **state)
{
    struct app *app = *state;
    uint16_t port = 7;

    net_drain(app->net, 1000, on_drained, NULL);
    for (int i = 0; i <= APP_ENDPOINTS_MAX; i++) /* what fails takes no place */
        assert_int_equal(app_endpoint_open(app, &port), RC_BUSY);
    assert_int_equal(port, 7);
}

struct worker {
    struct app *app;
    pthread_t thread;
    bool ok;
};

static void *open_and_close(void *ctx)
{
    struct worker *w = ctx;

    w->ok = true;
    for (int i = 0; i < 20; i++) {
        uint16_t port = 0;

        w->ok = w->ok && app_endpoint_open(w->app, &port) == RC_OK;
        app_endpoint_close(w->app, port);
    }
    return NULL;
}

static void any_thread_may(void **state)
{
    struct worker workers[4];

    for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
        workers[i] = (struct worker){.app = *state};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, open_and_close, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        assert_true(workers[i].ok);
    }
    assert_int_equal(((struct app *)*state)->endpoints.count, 0);
    assert_null(((struct app *)*state)->endpoints.first);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_endpoint_answers_until_it_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_so_many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(none_opens_while_the_server_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_thread_may, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
