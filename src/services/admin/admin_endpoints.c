/* An identity endpoint for as long as somebody wants it: a free port of the loopback address, open
 * while the stream that brought its address is. What is asked there is services/endpoint's.
 * Source: wire/managed-identity §0 B, §2.6. */
#include "services/admin/admin_access.h"

#define LOOK_EVERY_MS 100
#define LINE_MAX      ((size_t)4 * KIB)

/* In the request's arena. */
struct serving {
    struct request *req;
    uint16_t port;
    struct str line; /* until it has been sent */
    bool ended;
    struct loop_timer timer; /* looks whether the server is going */
};

static void end(struct serving *s, bool ok)
{
    const struct site_hooks *hooks = s->req->site->hooks;
    struct request *req = s->req;

    if (s->ended)
        return;
    s->ended = true;
    req->on_gone = NULL;
    loop_timer_close(&s->timer);
    hooks->endpoint_close(hooks->ctx, s->port);
    log_info(req->site->log, "identity.endpoint_closed", "request=" STR_FMT " port=%u",
             STR_ARG(req->id), (unsigned)s->port);
    req->ops->stream_end(req, ok);
}

static void on_gone(void *ctx)
{
    end(ctx, false);
}

static void look(void *ctx)
{
    struct serving *s = ctx;
    const struct site_hooks *hooks = s->req->site->hooks;
    const char *why = NULL;

    if (!hooks->ready(hooks->ctx, &why))
        end(s, true);
}

static void on_more(void *ctx)
{
    struct serving *s = ctx;
    struct str line = s->line;

    if (s->req->gone) {
        end(s, false);
        return;
    }
    s->line = STR_EMPTY;
    if (line.len)
        s->req->ops->stream_piece(s->req, line);
}

static struct str line_of(struct request *req, const struct application_row *row, struct str header,
                          uint16_t port)
{
    struct buf out = answer_buf(req, LINE_MAX);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "endpoint",
                    arena_printf(req->arena, "http://127.0.0.1:%u/msi/token", (unsigned)port));
    json_member_str(&w, "header", header);
    json_member_str(&w, "name", row->name);
    json_member_str(&w, "clientId", uuid_text(req, &row->client_id));
    json_member_str(&w, "resourceId", row->arm_id);
    json_object_end(&w);
    buf_add_char(&out, '\n');
    return buf_str(&out);
}

static void refuse_open(struct request *req, enum rc rc)
{
    if (rc == RC_TOO_LARGE)
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("The server has as many identity endpoints open "
                                                  "as it may: end one of the programs."),
                                              STR_EMPTY});
    else
        answer_error(req, &API_UNAVAILABLE);
}

void admin_identity_serve(struct request *req)
{
    const struct site_hooks *hooks = req->site->hooks;
    struct serving *s = arena_new(req->arena, struct serving);
    struct str header = STR_EMPTY;
    struct app_view app;
    enum rc rc;

    if (!app_view_of(req, req->params[0], KIND_BIT(APPLICATION_MANAGED), &app))
        return;
    rc = app_header_open(gate_master(gate_of(req->site->gate)), &app.row, req->arena, &header);
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    s->req = req;
    rc = hooks->endpoint_open(hooks->ctx, &s->port);
    if (rc) {
        refuse_open(req, rc);
        return;
    }
    s->line = line_of(req, &app.row, header, s->port);
    log_info(req->site->log, "identity.endpoint_opened",
             "request=" STR_FMT " port=%u application=" STR_FMT, STR_ARG(req->id),
             (unsigned)s->port, STR_ARG(uuid_text(req, &app.row.client_id)));
    request_hold(req);
    req->on_gone = on_gone;
    req->on_gone_ctx = s;
    loop_timer_start(req->loop, &s->timer, LOOK_EVERY_MS, LOOK_EVERY_MS, look, s);
    req->reply.status = 200;
    req->reply.content_type = STR("application/x-ndjson");
    req->reply.stream = true;
    req->reply.close = true; /* a stop need not wait for whoever keeps an idle connection */
    req->reply.processed = true;
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    req->ops->stream_begin(req, on_more, s);
}
