/* A WebSocket's life: from the answer 101 to the last frame. What is sent gathers and goes out once
 * in a round of the loop, with one call to the system for each connection, however many messages
 * there are and whoever they are from. While nothing moves, a connection has no buffer here.
 *
 * The connection below may close in whatever is sent: then `closed` has run and the ws is gone, so
 * that nothing of it is touched after a send. Source: RFC 6455; wire/http §3. */
#include "http/ws.h"

#include "net/net_internal.h"

#define RATE_SPAN_MS 10000 /* in whose mean ws_options.rate_max is judged */
#define OWN_ROOM     (4 * (WS_HEAD_MAX + WS_CONTROL_MAX)) /* of a queue, for control frames */

struct ws_conn {
    struct ws ws;      /* first: net finds the rest from it */
    struct conn *conn; /* NULL: the peer was gone before it began */
    struct net_lane *lane;
    const struct ws_handler *handler;
    void *ctx;
    struct list flush; /* net_lane.to_flush */
    struct ws_frames in;
    struct buf out; /* frames that were not given to the connection yet */
    size_t queue_max;
    uint64_t rate_since_ms;
    uint32_t rate_max, rate_count; /* per RATE_SPAN_MS */
    uint16_t close_code;           /* of our close frame */
    uint8_t ping;                  /* enum deadline; DEADLINE_NONE: silence is fine */
    bool closing;                  /* our close frame is queued or sent */
    bool above;                    /* the queue was above a quarter since `drained` */
    bool pinged;                   /* and no word since */
};

struct ws_conn *ws_conn_of(struct list *flush)
{
    return list_entry(flush, struct ws_conn, flush);
}

static uint64_t now_ms(const struct net_lane *lane)
{
    return uv_now(loop_engine(lane->loop));
}

/* ---- the end ---- */

static void tell_end(struct ws_conn *w, uint16_t code, struct str reason)
{
    list_remove(&w->flush);
    if (w->conn)
        w->conn->ws = NULL;
    figure_add(&w->lane->figures.ws_closed, 1);
    w->handler->closed(w->ctx, code, reason);
    ws_frames_clear(&w->in);
    buf_wipe(&w->out);
    free(w);
}

void ws_lost(struct conn *c)
{
    tell_end(c->ws, WS_ABNORMAL, STR_EMPTY);
}

/* ---- out ---- */

static size_t queued(const struct ws_conn *w)
{
    return w->out.len + (w->conn ? w->conn->unsent_len : 0);
}

static void flush_later(struct ws_conn *w)
{
    w->above = w->above || queued(w) > w->queue_max / 4;
    if (list_empty(&w->flush))
        list_add(&w->lane->to_flush, &w->flush);
    lane_later(w->lane);
}

/* Gives the connection what has gathered. False: it has closed. */
static bool send_out(struct ws_conn *w)
{
    struct conn *c = w->conn;
    struct buf out = w->out;

    if (out.len == 0)
        return true;
    buf_init(&w->out, out.max);
    conn_send(c, buf_str(&out));
    buf_wipe(&out);
    return c->state != CONN_CLOSED;
}

static void tell_drained(struct ws_conn *w)
{
    if (!w->above || queued(w) > w->queue_max / 4)
        return;
    w->above = false;
    if (w->handler->drained && !w->closing)
        w->handler->drained(w->ctx);
}

void ws_flush(struct ws_conn *w)
{
    struct conn *c = w->conn;

    list_remove(&w->flush);
    if (!c) {
        tell_end(w, WS_ABNORMAL, STR_EMPTY);
        return;
    }
    if (c->unsent_len == 0 && !send_out(w)) /* else: ws_sent() comes */
        return;
    tell_drained(w);
    conn_settle(c);
}

void ws_sent(struct conn *c)
{
    if (send_out(c->ws))
        tell_drained(c->ws);
}

static enum rc take_message(struct ws *ws, const struct str *pieces, size_t n)
{
    struct ws_conn *w = (struct ws_conn *)ws;
    size_t len = WS_HEAD_MAX;

    if (w->closing || !w->conn)
        return RC_NOT_FOUND;
    for (size_t i = 0; i < n; i++)
        len += pieces[i].len;
    if (len > w->queue_max || queued(w) > w->queue_max - len)
        return RC_TOO_LARGE;
    ws_write_text(pieces, n, &w->out);
    if (w->out.failed)
        abort(); /* it fits: no memory */
    flush_later(w);
    return RC_OK;
}

static size_t queued_octets(const struct ws *ws)
{
    return queued((const struct ws_conn *)ws);
}

static void queue_close(struct ws_conn *w, uint16_t code, struct str reason)
{
    if (w->closing || !w->conn)
        return;
    w->closing = true;
    w->close_code = code;
    ws_write_close(code, reason, &w->out);
    flush_later(w);
}

static void close_politely(struct ws *ws, uint16_t code, struct str reason)
{
    queue_close((struct ws_conn *)ws, code, reason);
}

static const struct ws_ops ops = {take_message, queued_octets, close_politely};

/* ---- in ---- */

/* Sends what is queued, the close frame as the last, and takes no more. */
static void finish(struct ws_conn *w, uint16_t code, struct str reason)
{
    struct conn *c = w->conn;

    if (c->lane->batch == c)
        conn_flush(c); /* the 101 may be there yet */
    if (c->state == CONN_CLOSED || !send_out(w))
        return;
    tell_end(w, code, reason);
    conn_last(c);
}

static void refuse(struct ws_conn *w, uint16_t code)
{
    queue_close(w, code, STR_EMPTY);
    finish(w, w->close_code, STR_EMPTY);
}

/* True when too much has come. */
static bool too_often(struct ws_conn *w)
{
    uint64_t now = now_ms(w->lane);

    if (w->rate_max == 0 || w->in.weight == 0)
        return false;
    if (now - w->rate_since_ms >= RATE_SPAN_MS) {
        w->rate_since_ms = now;
        w->rate_count = 0;
    }
    w->rate_count += w->in.weight;
    w->in.weight = 0;
    return w->rate_count > w->rate_max;
}

/* A pong that would not fit is left out: the peer does not read, and only the last of its pings
 * wants an answer (RFC 6455 §5.5.3). */
static void answer_ping(struct ws_conn *w, struct str payload)
{
    if (w->closing || queued(w) + WS_HEAD_MAX + payload.len > w->queue_max)
        return;
    ws_write_ping(false, payload, &w->out);
    flush_later(w);
}

/* False: the ws is gone. */
static bool take_event(struct ws_conn *w, const struct ws_event *e)
{
    switch (e->kind) {
    case WS_TEXT:
        if (!w->closing)
            w->handler->text(w->ctx, e->text);
        return true;
    case WS_PING:
        answer_ping(w, e->text);
        return true;
    case WS_CLOSE:
        if (w->closing) {
            finish(w, w->close_code, e->text);
            return false;
        }
        queue_close(w, e->code, STR_EMPTY);
        finish(w, e->code, e->text);
        return false;
    case WS_REFUSED:
        refuse(w, e->code);
        return false;
    case WS_PONG:
    case WS_MORE:
        break;
    }
    return true;
}

void ws_input(struct conn *c, struct str data)
{
    struct ws_conn *w = c->ws;
    struct ws_event e = {.kind = WS_PING};

    if (data.len == 0)
        return;
    w->pinged = false;
    if (c->deadline >= DEADLINE_PING)
        deadline_renew(c);
    while (e.kind != WS_MORE) {
        e = ws_frames_next(&w->in, &w->lane->ws_readers, &data);
        if (too_often(w)) {
            refuse(w, WS_POLICY);
            return;
        }
        if (!take_event(w, &e))
            return;
    }
}

/* ---- time ---- */

enum deadline ws_deadline(const struct conn *c)
{
    if (c->ws->closing)
        return DEADLINE_LINGER;
    return c->unsent_len ? DEADLINE_WRITE : c->ws->ping;
}

void ws_silent(struct conn *c)
{
    struct ws_conn *w = c->ws;

    if (w->pinged) {
        figure_add(&c->lane->figures.timed_out, 1);
        conn_abort(c);
        return;
    }
    w->pinged = true;
    ws_write_ping(true, STR_EMPTY, &w->out);
    flush_later(w);
    deadline_renew(c);
}

void ws_drain(struct conn *c)
{
    queue_close(c->ws, WS_GOING_AWAY, STR_EMPTY);
}

/* The list of those with that time: all of one list last equally long. */
static enum deadline ping_kind(struct net_lane *lane, uint32_t ping_ms)
{
    enum deadline kind = DEADLINE_PING;

    if (ping_ms == 0)
        return DEADLINE_NONE;
    while (kind < DEADLINE_COUNT - 1 && lane->deadline_ms[kind] &&
           lane->deadline_ms[kind] != ping_ms)
        kind++;
    if (!lane->deadline_ms[kind])
        lane->deadline_ms[kind] = ping_ms;
    return kind;
}

/* ---- the beginning ---- */

static struct ws_conn *make(struct net_lane *lane, const struct ws_options *options,
                            const struct ws_handler *handler, void *ctx)
{
    struct ws_conn *w = calloc(1, sizeof *w);

    if (!w)
        abort();
    w->ws.ops = &ops;
    w->lane = lane;
    w->handler = handler;
    w->ctx = ctx;
    w->queue_max = options->queue_max;
    w->rate_max = options->rate_max * (RATE_SPAN_MS / 1000);
    w->rate_since_ms = now_ms(lane);
    w->ping = (uint8_t)ping_kind(lane, options->ping_ms);
    list_init(&w->flush);
    ws_frames_init(&w->in, options->message_max);
    buf_init(&w->out, options->queue_max + OWN_ROOM);
    figure_add(&lane->figures.ws_opened, 1);
    return w;
}

static void take_over(struct conn *c, struct ws_conn *w)
{
    w->conn = c;
    c->ws = w;
    c->state = CONN_WS;
    if (c->lane->parting || (c->at->stopped && !c->lane->draining))
        ws_drain(c); /* the others were told before */
    if (c->lane->batch == c)
        return; /* what came behind the request follows in the same batch */
    if (c->ahead_len || c->eof)
        conn_resume_later(c);
    conn_settle(c);
}

struct ws *ws_upgrade(struct request *req, const struct ws_options *options,
                      const struct ws_handler *handler, void *ctx)
{
    struct exchange *ex = (struct exchange *)req;
    struct ws_conn *w = make(ex->lane, options, handler, ctx);
    size_t octets = ex->conn ? exchange_encode(ex) : 0;
    struct conn *c = ex->conn; /* NULL: it has closed meanwhile */

    exchange_end(ex, octets);
    if (c && octets) {
        take_over(c, w);
        return &w->ws;
    }
    if (c)
        conn_abort(c);
    flush_later(w);
    return &w->ws;
}
