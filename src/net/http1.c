/* HTTP/1.1: turns octets into requests, strictly one after the other. Whatever is refused ends the
 * connection: no octet that follows is ever read as a request.
 * Source: wire/http §1; RFC 9112. */
#include "net/net_internal.h"

void http1_tell_refused(const struct conn *c, struct refusal r)
{
    const struct net_handler *handler = c->lane->net->options.handler;

    if (handler->refused)
        handler->refused(c->lane->ctx, &c->peer, r.error->status, r.why);
}

void http1_refuse(struct conn *c, struct refusal r)
{
    struct exchange *ex = c->exchange ? c->exchange : exchange_new(c->lane, c->at, c);

    if (r.error != &API_REQUEST_TIMEOUT)
        figure_add(&c->lane->figures.framing_refused, 1);
    http1_tell_refused(c, r);
    c->exchange = ex;
    c->state = CONN_RUN; /* its own answer is the last one */
    ex->refusal = ex->started = true;
    ex->keep_alive = false;
    reply_error(&ex->req, r.error);
}

/* ---- run ---- */

static void run(struct conn *c, struct exchange *ex)
{
    struct net_lane *lane = c->lane;

    c->state = CONN_RUN;
    ex->started = true;
    figure_add(&lane->figures.requests, 1);
    lane->running = ex;
    lane->net->options.handler->run(lane->ctx, &ex->req);
    if (lane->running == ex)
        request_hold(&ex->req); /* not answered yet: the buffer is about to go */
    lane->running = NULL;
}

/* ---- head ---- */

static struct refusal split_target(struct exchange *ex)
{
    switch (url_split(ex->req.target, &ex->arena, &ex->req.url)) {
    case RC_OK:
        return REFUSAL_NONE;
    case RC_TOO_LARGE:
        return (struct refusal){&API_URI_TOO_LONG, "too many segments"};
    default:
        return (struct refusal){&API_BAD_REQUEST, "target"};
    }
}

/* The row is known: does its service take such a target? */
static struct refusal check_target(const struct request *req)
{
    if (req->url.inner_slash && !(req->route && req->route->api->service->inner_slash))
        return (struct refusal){&API_BAD_REQUEST, "escaped slash in target"};
    return REFUSAL_NONE;
}

static struct refusal begin_body(struct exchange *ex, const struct head *head,
                                 const struct net_limits *limits)
{
    ex->expect_continue = head->expect_continue;
    if (head->chunked) {
        buf_init(&ex->body, ex->body_max);
        ex->chunks = arena_new(&ex->arena, struct chunks);
        chunks_init(ex->chunks, &ex->lane->parser, &ex->body, limits->headers_max,
                    limits->head_max);
        return REFUSAL_NONE;
    }
    if (head->content_length > ex->body_max)
        return (struct refusal){&API_TOO_LARGE, "body too large"};
    ex->body_left = head->content_length;
    buf_init(&ex->body, (size_t)head->content_length);
    return REFUSAL_NONE;
}

/* The head is whole: makes the request of it, or the reason why not. */
static struct refusal read_head(struct conn *c, struct exchange *ex, struct str octets)
{
    struct net_lane *lane = c->lane;
    const struct net_limits *limits = &lane->net->options.limits;
    struct head_reader reader = {limits->headers_max, &lane->parser, &ex->arena, lane->items};
    struct request *req = &ex->req;
    struct head head;
    struct refusal r = head_read(octets, &reader, &head);

    req->method = head.method;
    req->http_1_0 = head.http_1_0;
    if (r.error)
        return r;
    ex->octets = octets;
    ex->keep_alive = head.keep_alive;
    req->target = head.target;
    req->headers = head.headers;
    r = split_target(ex);
    if (r.error)
        return r;
    request_addresses(req);
    ex->body_max = lane->net->options.handler->head(lane->ctx, req);
    r = check_target(req);
    if (r.error)
        return r;
    return begin_body(ex, &head, limits);
}

static void refuse_unfinished_head(struct conn *c, struct str data, const char *why)
{
    bool in_target = str_find(data, '\n') == data.len;

    http1_refuse(c, (struct refusal){in_target ? &API_URI_TOO_LONG : &API_HEADERS_TOO_LARGE, why});
}

/* One empty line before a request is allowed (RFC 9112 2.2): some clients end bodies with one. */
static bool skips_blank_line(struct conn *c, struct str data)
{
    if (c->blank_line || data.len < 2 || data.ptr[0] != '\r' || data.ptr[1] != '\n')
        return false;
    c->blank_line = true;
    c->line_at = 0;
    return true;
}

static struct refusal refusal_of_octets(struct str data)
{
    bool tls = data.len && (unsigned char)data.ptr[0] == TLS_HANDSHAKE;

    return (struct refusal){&API_BAD_REQUEST,
                            tls ? "TLS on a listener of plain HTTP" : "line end or octet in head"};
}

static size_t take_head(struct conn *c, struct str data)
{
    uint32_t head_max = c->lane->net->options.limits.head_max;
    size_t line_at = c->line_at, len = 0;
    enum head_scan scan;
    struct exchange *ex;
    struct refusal r;

    if (skips_blank_line(c, data))
        return 2;
    scan = head_find_end(data, &line_at, &len);
    c->line_at = (uint32_t)line_at;
    if (scan == HEAD_BROKEN || (scan == HEAD_COMPLETE && len == 2)) {
        http1_refuse(c, refusal_of_octets(data));
        return 0;
    }
    if ((scan == HEAD_COMPLETE ? len : data.len) > head_max) {
        refuse_unfinished_head(c, str_head(data, head_max), "head too large");
        return 0;
    }
    if (scan == HEAD_INCOMPLETE)
        return 0;
    c->line_at = 0;
    c->blank_line = false;
    if (c->deadline == DEADLINE_HEAD || c->deadline == DEADLINE_BODY)
        deadline_set(c, DEADLINE_NONE);
    ex = c->exchange = exchange_new(c->lane, c->at, c);
    c->state = CONN_BODY;
    r = read_head(c, ex, str_head(data, len));
    if (r.error)
        http1_refuse(c, r);
    else if (!ex->chunks && ex->body_left == 0)
        run(c, ex);
    return len;
}

/* ---- body ---- */

static size_t take_chunks(struct conn *c, struct exchange *ex, struct str data)
{
    size_t used = 0;
    bool done = false;
    struct refusal r = chunks_take(ex->chunks, data, &used, &done);

    if (r.error) {
        http1_refuse(c, r);
        return 0;
    }
    if (done) {
        ex->req.body = buf_str(&ex->body);
        run(c, ex);
    }
    return used;
}

/* A body that lies whole in the buffer is used where it lies. */
static size_t take_length(struct conn *c, struct exchange *ex, struct str data)
{
    size_t n = ex->body_left < data.len ? (size_t)ex->body_left : data.len;
    struct str part = str_head(data, n);

    ex->body_left -= n;
    if (ex->body_left == 0 && ex->body.len == 0) {
        ex->req.body = part;
        run(c, ex);
        return n;
    }
    buf_add(&ex->body, part);
    if (ex->body.failed)
        abort(); /* the length was within the limit: no memory */
    if (ex->body_left == 0) {
        ex->req.body = buf_str(&ex->body);
        run(c, ex);
    }
    return n;
}

static size_t take_body(struct conn *c, struct str data)
{
    struct exchange *ex = c->exchange;

    ex->expect_continue = false; /* it comes unasked */
    return ex->chunks ? take_chunks(c, ex, data) : take_length(c, ex, data);
}

size_t http1_take(struct conn *c, struct str data)
{
    size_t at = 0;

    while (at < data.len && c->unsent_len == 0) {
        struct str rest = str_from_index(data, at);
        size_t used;

        if (c->state == CONN_HEAD)
            used = take_head(c, rest);
        else if (c->state == CONN_BODY)
            used = take_body(c, rest);
        else
            break;
        if (used == 0)
            break;
        at += used;
        if (c->lane->out.len >= FLUSH_AT)
            conn_flush(c);
    }
    return at;
}

void http1_suspend(struct conn *c)
{
    struct exchange *ex = c->exchange;

    if (c->state != CONN_BODY || !ex)
        return;
    exchange_keep(ex);
    if (ex->expect_continue) {
        ex->expect_continue = false;
        buf_add(&c->lane->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}
