/* Requests under way: see http_window.h.
 *
 * A gateway that fails is left alone for a while, longer each time; messages that it could not take
 * come back from the engine. What was sent and not answered is CARRIER_UNSURE: whether it goes
 * again is for the engine to say. Source: wire/transports §1. */
#include "carriers/http_window.h"

#define CONNECT_MS       ((uint32_t)5000)
#define PAUSE_FIRST_MS   ((uint64_t)1000)
#define PAUSE_MAX_MS     ((uint64_t)60000)
#define RETRY_AFTER_MAX  ((uint64_t)3600)
#define CODE_UNAVAILABLE 5001u

void http_window_init(struct http_window *w, const struct http_window_options *options)
{
    *w = (struct http_window){.options = *options};
    list_init(&w->calls);
}

size_t http_window_room(const struct http_window *w)
{
    return w->paused || w->n >= w->options.max ? 0 : w->options.max - w->n;
}

static const struct carrier_host *host_of(const struct http_window *w)
{
    return w->options.host;
}

static void free_call(struct http_call *c)
{
    outbound_call_clear(&c->call);
    arena_clear(&c->arena);
    free(c);
}

static void take_out(struct http_window *w, struct http_call *c)
{
    list_remove(&c->node);
    w->n--;
    c->window = NULL;
}

/* ---- pauses ---- */

static uint64_t pause_ms(unsigned failures)
{
    uint64_t ms = PAUSE_FIRST_MS;

    while (failures-- && ms < PAUSE_MAX_MS)
        ms *= 2;
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

static void on_pause_over(void *ctx)
{
    struct http_window *w = ctx;

    w->paused = false;
    host_of(w)->ready(host_of(w));
}

static void begin_pause(struct http_window *w)
{
    if (w->paused)
        return; /* calls that were under way together fail together: that is one failure */
    loop_timer_start(host_of(w)->loop, &w->pause, pause_ms(w->failures++), 0, on_pause_over, w);
    w->paused = true;
}

/* ---- the end of a call ---- */

static void count(struct http_window *w, const struct http_call *c,
                  const struct carrier_result *result)
{
    if (c->poll)
        return;
    switch (result->outcome) {
    case CARRIER_ACCEPTED:
        w->accepted++;
        break;
    case CARRIER_REJECTED:
        w->rejected++;
        break;
    case CARRIER_LATER:
        w->later++;
        break;
    case CARRIER_UNSURE:
        w->unsure++;
        break;
    }
}

static void note_problem(struct http_window *w, const struct http_call *c, const char *detail)
{
    if (c->trouble)
        (void)snprintf(w->problem, sizeof w->problem, "%s", detail ? detail : "it fails");
    else
        w->problem[0] = '\0';
}

static void finish(struct http_call *c)
{
    struct http_window *w = c->window;
    struct carrier_result result = {.id = c->id};
    const struct carrier_host *host;
    bool was_full;

    if (!w) {
        free_call(c);
        return;
    }
    host = host_of(w);
    was_full = http_window_room(w) == 0;
    w->options.read(w->options.ctx, c, &result);
    take_out(w, c);
    count(w, c, &result);
    note_problem(w, c, result.detail);
    if (c->trouble)
        begin_pause(w);
    else
        w->failures = 0;
    was_full = was_full && http_window_room(w);
    host->submitted(host, &result);
    if (was_full)
        host->ready(host);
    free_call(c);
}

static void on_done(void *ctx, struct outbound_call *call)
{
    (void)call;
    finish(ctx);
}

void http_window_close(struct http_window *w)
{
    loop_timer_close(&w->pause);
    while (!list_empty(&w->calls)) {
        struct http_call *c = list_entry(w->calls.next, struct http_call, node);
        struct carrier_result result = {.id = c->id, .detail = "the transport is closed"};

        take_out(w, c);
        host_of(w)->submitted(host_of(w), &result);
        if (!c->task.run)
            outbound_cancel(host_of(w)->outbound, &c->call); /* on_done() frees it */
    }
}

/* ---- asking ---- */

struct http_call *http_call_new(struct http_window *w, const struct carrier_message *m, bool poll)
{
    struct http_call *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    arena_init(&c->arena);
    c->window = w;
    c->id = m->id;
    c->created = m->created;
    c->poll = poll;
    c->call = (struct outbound_call){
        .connect_ms = CONNECT_MS < w->options.total_ms ? CONNECT_MS : w->options.total_ms,
        .total_ms = w->options.total_ms,
        .response_max = HTTP_ANSWER_MAX,
        .once = !poll,
        .plain_ok = host_of(w)->plain_ok,
        .private_ok = host_of(w)->private_ok,
        .plain_private = w->options.plain_private && host_of(w)->private_ok,
        .done = on_done,
        .ctx = c,
    };
    list_add(&w->calls, &c->node);
    w->n++;
    return c;
}

void http_call_header(struct http_call *c, struct str name, struct str value)
{
    if (c->call.headers_count < OUTBOUND_HEADERS_MAX)
        c->call.headers[c->call.headers_count++] = (struct outbound_header){name, value};
}

/* It is looked at until on_done(), when the carrier and its configuration may be gone. */
static void keep_what_is_asked(struct http_call *c)
{
    struct outbound_call *call = &c->call;

    call->method = arena_dup(&c->arena, str_from(call->method)).ptr;
    call->url = arena_dup(&c->arena, str_from(call->url)).ptr;
    for (size_t i = 0; i < call->headers_count; i++) {
        call->headers[i].name = arena_dup(&c->arena, call->headers[i].name);
        call->headers[i].value = arena_dup(&c->arena, call->headers[i].value);
    }
}

void http_call_send(struct http_call *c)
{
    const struct carrier_host *host = host_of(c->window);

    if (!host->outbound) {
        http_call_refuse(c, "this server sends no requests");
        return;
    }
    keep_what_is_asked(c);
    outbound_send(host->outbound, host->loop, &c->call);
}

static void refused(void *ctx)
{
    finish(ctx);
}

void http_call_refuse(struct http_call *c, const char *why)
{
    c->call.rc = RC_DENIED;
    (void)snprintf(c->call.reason, sizeof c->call.reason, "%s", why);
    c->task = (struct loop_task){.run = refused, .ctx = c};
    loop_defer(host_of(c->window)->loop, &c->task);
}

/* ---- what it means ---- */

/* 0: the gateway says nothing, or not in seconds. */
static uint64_t retry_after_ms(const struct http_call *c)
{
    uint64_t seconds = 0;

    if (str_to_u64(outbound_answer_header(&c->call, STR("retry-after")), RETRY_AFTER_MAX, &seconds))
        return 0;
    return seconds * 1000;
}

void http_result_later(const struct http_call *c, uint32_t code, const char *detail,
                       struct carrier_result *out)
{
    out->outcome = CARRIER_LATER;
    out->code = code;
    out->retry_ms = retry_after_ms(c);
    out->detail = detail;
}

void http_result_trouble(struct http_call *c, uint32_t code, const char *detail,
                         struct carrier_result *out)
{
    c->trouble = true;
    http_result_later(c, code, detail, out);
}

void http_result_unanswered(struct http_call *c, struct carrier_result *out)
{
    http_result_trouble(c, CODE_UNAVAILABLE, c->call.reason, out);
    if (c->call.sent && c->call.rc != RC_DENIED) /* led elsewhere: that was no acceptance */
        out->outcome = CARRIER_UNSURE;
}

void http_window_status(const struct http_window *w, struct json_writer *out)
{
    json_member_str(out, "state", w->paused || w->problem[0] ? STR("failing") : STR("up"));
    if (w->problem[0])
        json_member_str(out, "problem", str_from(w->problem));
    if (w->options.host->callback_url.len)
        json_member_str(out, "callbackUrl", w->options.host->callback_url);
    json_member_int(out, "accepted", (int64_t)w->accepted);
    json_member_int(out, "rejected", (int64_t)w->rejected);
    json_member_int(out, "later", (int64_t)w->later);
    json_member_int(out, "unsure", (int64_t)w->unsure);
}
