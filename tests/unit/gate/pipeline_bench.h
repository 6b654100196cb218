/* A pipeline without network, with rows of every kind, for the tests of the way of a request. */
#ifndef UNIT_GATE_PIPELINE_BENCH_H
#define UNIT_GATE_PIPELINE_BENCH_H

#include "unit/gate/fixture.h"

#include "gate/pipeline.h"

#include <stdio.h>
#include <unistd.h>

static struct request *parked;
static unsigned served;

static inline void answer(struct request *req)
{
    served++;
    reply_json(req, 200, STR("{}"));
}

static inline void park(struct request *req)
{
    request_hold(req);
    parked = req;
}

static const struct str versions[] = {STR_INIT("2022-10-01"), STR_INIT("2023-10-01")};
static const struct service wire_service = {
    .name = STR_INIT("identity"),
    .versions = versions,
    .version_count = 2,
    .supported = STR_INIT("2022-10-01, 2023-10-01"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .challenge = STR_INIT("HMAC-SHA256, Bearer"),
};
static const struct service issuer_service = {
    .name = STR_INIT("issuer"), .error_shape = ERROR_SHAPE_OAUTH, .any_case = true};
static const struct service arm_service = {
    .name = STR_INIT("management"),
    .versions = versions,
    .version_count = 2,
    .supported = STR_INIT("2022-10-01, 2023-10-01"),
    .unauthorized = &API_DENIED,
    .any_case = true,
    .version_missing = &API_MISSING_API_VERSION_PARAMETER,
    .version_invalid = &API_INVALID_API_VERSION_PARAMETER,
};
static const struct api issuer = {&issuer_service, 0, 0}, arm = {&arm_service, 1, 2};
static const struct api all = {&wire_service, 1, 2}, later = {&wire_service, 2, 2};

static struct pipeline *park_in;
static void *parked_kept, *parked_snapshot;

/* As net does it: what is kept is taken out of the request. */
static inline void pack(struct request *req)
{
    parked_kept = pipeline_park(park_in, req);
    parked_snapshot = req->held_snapshot;
    req->held_snapshot = NULL;
}

/* clang-format off */
static const struct route rows[] = {
    {POST,   "/identities",      &all,      ACCEPT_KEY,                  NEED_IDENTITY,      KIB, answer, PLANE_WIRE,     KIND_REPLY},
    {DELETE, "/identities/{id}", &later,    ACCEPT_KEY,                  NEED_IDENTITY,      KIB, answer, PLANE_WIRE,     KIND_REPLY},
    {GET,    "/later",           &all,      ACCEPT_KEY,                  NEED_IDENTITY,      KIB, park,   PLANE_WIRE,     KIND_REPLY},
    {GET,    "/health/live",     &test_api, ACCEPT_NOBODY,               NEED_NOTHING,       KIB, answer, PLANE_WIRE,     KIND_REPLY},
    {GET,    "/admin/whoami",    &test_api, ACCEPT_KEY | ACCEPT_ADMIN | ACCEPT_USER, NEED_ANY, KIB, answer, PLANE_ADMIN,  KIND_REPLY},
    {GET,    "/admin/status",    &test_api, ACCEPT_ADMIN,                NEED_ADMINISTRATOR, KIB, answer, PLANE_ADMIN,    KIND_REPLY},
    {PUT,    "/admin/clock",     &test_api, ACCEPT_ADMIN,                NEED_LOCAL_DEV,     KIB, answer, PLANE_ADMIN,    KIND_REPLY},
    {GET,    "/metrics",         &test_api, ACCEPT_NOBODY,               NEED_NOTHING,       KIB, answer, PLANE_ADMIN,    KIND_REPLY},
    {GET,    "/msi/token",       &test_api, ACCEPT_NOBODY,               NEED_NOTHING,       KIB, answer, PLANE_IDENTITY, KIND_REPLY},
    {POST,   "/msi/token",       &issuer,   ACCEPT_NOBODY,               NEED_NOTHING,       KIB, answer, PLANE_IDENTITY, KIND_REPLY, ACTION_NONE, MEDIA_FORM},
    {POST,   "/{t}/oauth2/token", &issuer,  ACCEPT_NOBODY,               NEED_NOTHING,       KIB, answer, PLANE_WIRE,     KIND_REPLY, ACTION_NONE, MEDIA_FORM},
    {GET,    "/park",            &test_api, ACCEPT_NOBODY,               NEED_NOTHING,       KIB, pack,   PLANE_WIRE,     KIND_POLL},
    {POST,   "/any",             &test_api, ACCEPT_NOBODY,               NEED_NOTHING,       KIB, answer, PLANE_WIRE,     KIND_REPLY, ACTION_NONE, MEDIA_ANY},
    {POST,   "/carriers/{t}/{s}/{w}", &test_api, ACCEPT_PATH,            NEED_NOTHING,       KIB, answer, PLANE_WIRE,     KIND_REPLY, ACTION_NONE, MEDIA_ANY},
    {GET,    "/subscriptions",   &arm,      ACCEPT_KEY,                  NEED_ANY,           KIB, answer, PLANE_WIRE,     KIND_REPLY},
    {0},
};
/* clang-format on */

struct bench {
    struct fixture f;
    struct router *router;
    struct pipeline *pipeline;
    struct log *log;
    int log_fd;
};

static inline void open_bench(struct bench *b, bool development)
{
    static const struct route *const tables[] = {rows};
    struct gate_options o = {.development = development};
    struct pipeline_options p = {.development = development};
    struct log_options l = {.format = LOG_FORMAT_TEXT};
    char path[] = "/tmp/callgate-log-XXXXXX";
    struct buf why;

    fixture_init(&b->f, &o);
    buf_init(&why, KIB);
    b->router = router_new(tables, 1, &why);
    assert_non_null(b->router);
    buf_clear(&why);
    b->log_fd = mkstemp(path);
    assert_true(b->log_fd >= 0);
    assert_int_equal(unlink(path), 0);
    l.fd = b->log_fd;
    b->log = log_new(&l);
    b->pipeline = pipeline_new(&p, b->router, b->f.gl, NULL, b->log);
}

static inline void close_bench(struct bench *b)
{
    pipeline_free(b->pipeline);
    router_free(b->router);
    log_free(b->log);
    (void)close(b->log_fd);
    fixture_clear(&b->f);
}

static inline int set_up(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    open_bench(*state, true);
    return 0;
}

static inline int tear_down(void **state)
{
    close_bench(*state);
    free(*state);
    return 0;
}

/* Sends it whole: head, run, finished when it was answered. */
static inline void deliver(struct bench *b, struct request_fake *fake, const struct door *door,
                           const struct recipe *r)
{
    request_fake_init(fake, door);
    fixture_request(fake, r, NULL);
    (void)pipeline_head(b->pipeline, &fake->req);
    pipeline_run(b->pipeline, &fake->req);
    if (fake->done)
        pipeline_finished(b->pipeline, &fake->req, fake->octets.len);
}

#endif
