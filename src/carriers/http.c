/* The carrier "http": a gateway whose requests, answers and callbacks are described, not
 * programmed. Source: wire/transports §3. */
#include "carriers/callback.h"
#include "carriers/http_gateway.h"
#include "carriers/http_place.h"
#include "carriers/http_window.h"

#define TEXT_MAX       (256 * KIB)
#define REF_MAX        255
#define CODE_PERMANENT 5000u
#define CODE_TEMPORARY 5001u

struct http {
    struct carrier base; /* first */
    const struct carrier_host *host;
    struct arena arena;
    json_t *config, *secrets; /* owned: the gateway's texts lie there */
    struct http_gateway gateway;
    struct http_window window;
};

static const char *const secret_members[] = {"secrets", NULL};

static enum rc http_check(const json_t *config, const json_t *secrets, struct buf *why)
{
    struct http_gateway gateway;
    struct arena arena;
    enum rc rc;

    arena_init(&arena);
    rc = http_gateway_read(config, secrets, &arena, &gateway, why);
    arena_clear(&arena);
    return rc;
}

/* ---- asking ---- */

/* In the call's arena, NUL-terminated; ptr NULL: too long. */
static struct str fill(struct http_call *c, struct str text, enum template_escape escape,
                       const struct template_values *values)
{
    struct str filled = {NULL, 0};
    struct buf out;

    buf_init(&out, TEXT_MAX);
    template_fill(text, escape, values, &out);
    if (!out.failed)
        filled = arena_dup(&c->arena, buf_str(&out));
    buf_wipe(&out);
    return filled;
}

static void add_headers(struct http_call *c, const struct http_gateway *g,
                        const struct template_values *values)
{
    const json_t *value;
    const char *name;

    if (g->body.ptr)
        http_call_header(c, STR("Content-Type"), g->content_type);
    json_object_foreach((json_t *)(uintptr_t)g->headers, name, value)
    {
        struct str text = str_of(json_string_value(value), json_string_length(value));

        http_call_header(c, str_from(name), fill(c, text, TEMPLATE_HEADER, values));
    }
}

static void http_submit(struct carrier *base, const struct carrier_message *m)
{
    struct http *h = (struct http *)base;
    const struct http_gateway *g = &h->gateway;
    struct http_call *c = http_call_new(&h->window, m, false);
    int64_t left_ms = m->deadline - clock_now(h->host->clock);
    const struct template_values values = {
        .message = m,
        .report_url = callback_report_url(h->host, m, &c->arena),
        .valid_s = left_ms > 1000 ? left_ms / 1000 : 1,
        .secrets = g->secrets,
    };
    struct str url = fill(c, g->url, TEMPLATE_URL, &values);

    c->call.method = g->method.ptr;
    c->call.url = url.ptr;
    if (g->body.ptr)
        c->call.body = fill(c, g->body, g->escape, &values);
    add_headers(c, g, &values);
    if (!url.ptr || (g->body.ptr && !c->call.body.ptr))
        http_call_refuse(c, "the request would be too long");
    else
        http_call_send(c);
}

/* ---- answers ---- */

enum verdict {
    VERDICT_UNSURE = 0,
    VERDICT_TAKEN,
    VERDICT_TEMPORARY,
    VERDICT_PERMANENT,
    VERDICT_ODD
};

/* Where the configuration is silent: what the status means to everybody. */
static enum verdict usual_verdict(int status)
{
    switch (status) {
    case 429:
    case 503:
        return VERDICT_TEMPORARY;
    case 401:
    case 404:
    case 405:
    case 407:
        return VERDICT_ODD;
    default:
        if (status >= 500)
            return VERDICT_UNSURE;
        if (status >= 400)
            return VERDICT_PERMANENT;
        return status >= 200 && status < 300 ? VERDICT_TAKEN : VERDICT_ODD;
    }
}

static enum verdict verdict_of(const struct http_gateway *g, int status)
{
    enum verdict usual = usual_verdict(status);

    if (http_gateway_has_number(g->accepted, "status", status))
        return VERDICT_TAKEN;
    if (http_gateway_has_number(g->temporary, "status", status))
        return VERDICT_TEMPORARY;
    if (http_gateway_has_number(g->permanent, "status", status))
        return VERDICT_PERMANENT;
    return usual == VERDICT_TAKEN && json_object_get(g->accepted, "status") ? VERDICT_ODD : usual;
}

static void read_refusal(const struct http_gateway *g, const struct place_source *source,
                         struct carrier_result *out)
{
    struct str code = place_read(http_gateway_text(g->permanent, "code"), source);

    out->outcome = CARRIER_REJECTED;
    out->code = http_gateway_code(g->permanent, "codes", code);
    if (!out->code)
        out->code = CODE_PERMANENT;
    out->detail = "the gateway refuses the message";
}

static void read_acceptance(const struct http_gateway *g, const struct place_source *source,
                            struct carrier_result *out)
{
    struct str *ref = arena_new(source->arena, struct str);

    if (json_object_get(g->accepted, "value") &&
        !http_gateway_has_text(g->accepted, "in",
                               place_read(http_gateway_text(g->accepted, "value"), source))) {
        read_refusal(g, source, out);
        return;
    }
    out->outcome = CARRIER_ACCEPTED;
    out->detail = "taken by the gateway";
    *ref = place_read(http_gateway_text(g->accepted, "id"), source);
    if (ref->len == 0 || ref->len > REF_MAX)
        return;
    *ref = arena_dup(source->arena, *ref);
    out->refs = ref;
    out->n_refs = 1;
}

static void read_status(const struct http *h, struct http_call *c,
                        const struct place_source *source, struct carrier_result *out)
{
    switch (verdict_of(&h->gateway, c->call.status)) {
    case VERDICT_TAKEN:
        read_acceptance(&h->gateway, source, out);
        break;
    case VERDICT_PERMANENT:
        read_refusal(&h->gateway, source, out);
        break;
    case VERDICT_TEMPORARY:
        http_result_trouble(c, CODE_TEMPORARY, "the gateway says: try again later", out);
        break;
    case VERDICT_ODD:
        http_result_trouble(c, CODE_PERMANENT,
                            "a status that says nothing of the message: are URL and login right?",
                            out);
        break;
    case VERDICT_UNSURE:
        out->detail = "an error of the server, without a word on the message";
        break;
    }
}

static void read_answer(void *ctx, struct http_call *c, struct carrier_result *out)
{
    const struct http *h = ctx;
    json_t *json = NULL;
    struct place_source source = {
        .answer = &c->call, .body = buf_str(&c->call.response), .arena = &c->arena};

    if (c->call.rc) {
        http_result_unanswered(c, out);
        return;
    }
    if (json_read(source.body, &json, NULL))
        json = NULL; /* then places in JSON are empty */
    source.json = json;
    read_status(h, c, &source, out);
    json_decref(json);
}

/* ---- life ---- */

static struct carrier *http_open(const struct carrier_host *host, const json_t *config,
                                 const json_t *secrets)
{
    struct http *h = calloc(1, sizeof *h);
    struct buf why;

    if (!h)
        abort();
    h->base.ops = &http_carrier_ops;
    h->host = host;
    h->config = json_deep_copy(config);
    h->secrets = json_deep_copy(secrets);
    arena_init(&h->arena);
    buf_init(&why, KIB);
    if (http_gateway_read(h->config, h->secrets, &h->arena, &h->gateway, &why))
        log_error(host->log, "sms.transport", "name=" STR_FMT " error=configuration",
                  STR_ARG(host->name)); /* has passed the check: every answer will be a refusal */
    buf_clear(&why);
    http_window_init(&h->window, &(struct http_window_options){
                                     .host = host,
                                     .max = (size_t)h->gateway.common.window,
                                     .total_ms = (uint32_t)h->gateway.common.timeout_s * 1000,
                                     .plain_private = h->gateway.common.plain_private,
                                     .read = read_answer,
                                     .ctx = h,
                                 });
    return &h->base;
}

static void http_close(struct carrier *base)
{
    struct http *h = (struct http *)base;

    http_window_close(&h->window);
    json_decref(h->config);
    json_decref(h->secrets);
    arena_clear(&h->arena);
    free(h);
}

static size_t http_room(const struct carrier *base)
{
    return http_window_room(&((const struct http *)base)->window);
}

static void http_status(const struct carrier *base, struct json_writer *w)
{
    http_window_status(&((const struct http *)base)->window, w);
}

const struct carrier_ops http_carrier_ops = {
    .kind = "http",
    .check = http_check,
    .secret_members = secret_members,
    .open = http_open,
    .close = http_close,
    .room = http_room,
    .submit = http_submit,
    .read_callback = http_read_callback,
    .status = http_status,
};
