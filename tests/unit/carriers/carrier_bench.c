#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "carrier_bench.h"
#include "http/url.h"

/* ---- outbound ---- */

struct due {
    struct loop_task task;
    struct outbound_call *call;
};

/* What a call points to is its owner's to keep until `done`: an engine may look at it till then. */
static size_t look_at(const struct outbound_call *call)
{
    size_t seen = strlen(call->method) + strlen(call->url) + str_find(call->body, '\0');

    for (size_t i = 0; i < call->headers_count; i++)
        seen += str_find(call->headers[i].name, '\0') + str_find(call->headers[i].value, '\0');
    return seen;
}

static void run_due(void *ctx)
{
    struct due *d = ctx;
    struct outbound_call *call = d->call;

    free(d);
    assert_true(look_at(call) > 0);
    call->done(call->ctx, call);
}

static void answer_soon(struct loop *loop, struct outbound_call *call)
{
    struct due *d = calloc(1, sizeof *d);

    if (!d)
        abort();
    *d = (struct due){.task = {.run = run_due, .ctx = d}, .call = call};
    loop_defer(loop, &d->task);
}

static void keep_request(struct bench *b, const struct outbound_call *call)
{
    b->asked = *call;
    b->asked_n++;
    b->asked.method = arena_dup(&b->arena, str_from(call->method)).ptr;
    b->asked.url = arena_dup(&b->arena, str_from(call->url)).ptr;
    b->asked.body = arena_dup(&b->arena, call->body);
    for (size_t i = 0; i < call->headers_count; i++) {
        b->asked.headers[i].name = arena_dup(&b->arena, call->headers[i].name);
        b->asked.headers[i].value = arena_dup(&b->arena, call->headers[i].value);
    }
}

static void fake_send(struct outbound *o, struct loop *loop, struct outbound_call *call)
{
    struct bench *b = (struct bench *)(void *)o;

    keep_request(b, call);
    if (b->answer.hold) {
        b->held[b->held_n++] = call;
        return;
    }
    call->rc = b->answer.rc;
    call->sent = b->answer.sent;
    call->status = b->answer.status;
    (void)snprintf(call->reason, sizeof call->reason, "%s", call->rc ? rc_name(call->rc) : "");
    buf_init(&call->response, call->response_max);
    buf_add(&call->response, str_from(b->answer.body));
    buf_init(&call->kept, KIB);
    buf_add(&call->kept, str_from(b->answer.headers));
    call->answer_headers = buf_str(&call->kept);
    answer_soon(loop, call);
}

static void fake_cancel(struct outbound *o, struct outbound_call *call)
{
    struct bench *b = (struct bench *)(void *)o;

    b->cancelled++;
    call->rc = RC_BUSY;
    for (size_t i = 0; i < b->held_n; i++)
        if (b->held[i] == call)
            answer_soon(b->loop, call);
}

/* ---- host ---- */

static struct str kept(struct bench *b, struct str text)
{
    return text.ptr ? arena_dup(&b->arena, text) : text;
}

static void on_submitted(const struct carrier_host *host, const struct carrier_result *result)
{
    struct bench *b = host->ctx;
    struct str *refs = arena_array(&b->arena, struct str, result->n_refs + 1);

    assert_false(b->inside);
    b->result = *result;
    b->results++;
    b->result.ref = kept(b, result->ref);
    for (size_t i = 0; i < result->n_refs; i++)
        refs[i] = kept(b, result->refs[i]);
    b->result.refs = refs;
    if (result->detail)
        b->result.detail = kept(b, str_from(result->detail)).ptr;
    loop_stop(b->loop);
}

static void on_report(const struct carrier_host *host, const struct carrier_report *report,
                      carrier_done_fn done, void *done_ctx)
{
    struct bench *b = host->ctx;

    assert_null(done);
    assert_null(done_ctx);
    assert_false(b->inside);
    b->report = *report;
    b->reports++;
}

static void on_ready(const struct carrier_host *host)
{
    struct bench *b = host->ctx;

    assert_false(b->inside);
    b->readies++;
    loop_stop(b->loop);
}

/* ---- life ---- */

static json_t *read_json(const char *text)
{
    json_t *json = NULL;

    if (text)
        assert_int_equal(json_read(str_from(text), &json, NULL), RC_OK);
    return json;
}

const char *bench_check(const struct carrier_ops *ops, const char *config, const char *secrets,
                        char *out, size_t cap)
{
    json_t *c = read_json(config), *s = read_json(secrets);
    struct buf why;
    enum rc rc;

    buf_init(&why, 4 * KIB);
    rc = ops->check(c, s, &why);
    (void)snprintf(out, cap, STR_FMT, STR_ARG(buf_str(&why)));
    assert_int_equal(rc, why.len ? RC_INVALID : RC_OK);
    buf_clear(&why);
    json_decref(c);
    json_decref(s);
    return out;
}

void bench_open(struct bench *b, const struct carrier_ops *ops, const char *config,
                const char *secrets)
{
    static const struct outbound_ops outbound_ops = {fake_send, fake_cancel};
    char why[256];

    assert_string_equal(bench_check(ops, config, secrets, why, sizeof why), "");
    *b = (struct bench){.outbound = {&outbound_ops}, .ops = ops};
    arena_init(&b->arena);
    b->loop = loop_new(0);
    atomic_store(&b->clock.frozen_ms, BENCH_NOW);
    b->host = (struct carrier_host){
        .name = STR("out"),
        .loop = b->loop,
        .clock = &b->clock,
        .outbound = &b->outbound,
        .callback_url = STR(BENCH_CALLBACK),
        .plain_ok = true,
        .private_ok = true,
        .ctx = b,
        .submitted = on_submitted,
        .report = on_report,
        .ready = on_ready,
    };
    b->config = read_json(config);
    b->secrets = read_json(secrets);
    b->carrier = ops->open(&b->host, b->config, b->secrets);
    assert_ptr_equal(b->carrier->ops, ops);
}

void bench_close(struct bench *b)
{
    if (b->carrier)
        b->ops->close(b->carrier);
    while (loop_settle(b->loop)) {
    }
    loop_free(b->loop);
    json_decref(b->config);
    json_decref(b->secrets);
    arena_clear(&b->arena);
}

struct carrier_message bench_message(void)
{
    return (struct carrier_message){
        .id = {{0x01, 0x9a, 0xb1, 0x02, 0x03, 0x04, 0x70, 0x05, 0x86, 0x07, 0x08, 0x09, 0x0a, 0x0b,
                0x0c, 0x0d}},
        .id_text = STR("Outgoing_20261123150000019ab102-0304-7005-8607-08090a0b0c0d"),
        .from = STR("+14255550123"),
        .to = STR("+14255550199"),
        .text = STR("Your code is 4711"),
        .segments = 1,
        .created = BENCH_NOW,
        .deadline = BENCH_NOW + 18000000,
        .attempt = 1,
        .secret = STR("m/secret"),
    };
}

static const struct carrier_result *
call(struct bench *b, const struct carrier_message *m, struct bench_answer answer,
     void (*ask)(struct carrier *c, const struct carrier_message *m))
{
    unsigned before = b->results;

    b->answer = answer;
    b->inside = true;
    ask(b->carrier, m);
    b->inside = false;
    while (b->results == before && !answer.hold)
        loop_run(b->loop);
    return &b->result;
}

const struct carrier_result *bench_submit(struct bench *b, const struct carrier_message *m,
                                          struct bench_answer answer)
{
    return call(b, m, answer, b->ops->submit);
}

const struct carrier_result *bench_poll(struct bench *b, const struct carrier_message *m,
                                        struct bench_answer answer)
{
    return call(b, m, answer, b->ops->poll);
}

struct str bench_header(const struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->asked.headers_count; i++)
        if (name_eq_nocase(b->asked.headers[i].name, str_from(name)))
            return b->asked.headers[i].value;
    return STR_EMPTY;
}

/* ---- callbacks ---- */

static struct str query(void *ctx, const char *name)
{
    struct bench_callback *c = ctx;
    struct str value = STR_EMPTY;

    return url_query(c->query_text, str_from(name), &c->arena, &value) ? STR_EMPTY : value;
}

static struct str header(void *ctx, const char *name)
{
    struct bench_callback *c = ctx;
    const struct outbound_call lines = {.answer_headers = str_from(c->headers)};

    return outbound_answer_header(&lines, str_from(name));
}

enum rc bench_read(struct bench_callback *c, const struct carrier_ops *ops, const json_t *config,
                   const char *target, const char *headers, struct str body)
{
    struct str what;

    *c = (struct bench_callback){.headers = headers};
    arena_init(&c->arena);
    (void)str_cut(str_from(target), '?', &what, &c->query_text); /* no query is fine */
    c->cb = (struct carrier_callback){
        .what = what, .body = body, .query = query, .header = header, .ctx = c, .arena = &c->arena};
    c->cb.content_type = header(c, "content-type");
    return ops->read_callback(config, &c->cb);
}

void bench_callback_clear(struct bench_callback *c)
{
    arena_clear(&c->arena);
}
