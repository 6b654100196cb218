/* A request's life: made with its head, answered once, wiped and reused. It outlives its connection
 * when the handler is slow: then the answer is dropped. Kept apart from the connection, so that an
 * idle connection costs no parse state. */
#include "net/net_internal.h"

#include <assert.h>

/* ---- keeping what points into the connection's buffer ---- */

struct move {
    const char *from, *to;
    size_t len;
};

static void move_slice(const struct move *m, struct str *s)
{
    uintptr_t at = (uintptr_t)s->ptr, from = (uintptr_t)m->from;

    if (s->ptr && at >= from && at + s->len <= from + m->len)
        s->ptr = m->to + (at - from);
}

static void move_slices(struct request *req, const struct move *m)
{
    move_slice(m, &req->target);
    move_slice(m, &req->url.path);
    move_slice(m, &req->url.query);
    for (size_t i = 0; i < req->url.n; i++)
        move_slice(m, &req->url.segments[i]);
    for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++)
        move_slice(m, &req->params[i]);
    for (size_t i = 0; i < req->headers.n; i++) {
        move_slice(m, &req->headers.items[i].name);
        move_slice(m, &req->headers.items[i].value);
    }
    move_slice(m, &req->body);
    move_slice(m, &req->origin);
    move_slice(m, &req->explain);
    move_slice(m, &req->reply.content_type);
    move_slice(m, &req->reply.body);
    for (size_t i = 0; i < req->reply.extra_count; i++) {
        move_slice(m, &req->reply.extra[i].name);
        move_slice(m, &req->reply.extra[i].value);
    }
}

static void move_octets(struct exchange *ex, struct str octets)
{
    struct str copy = arena_dup(&ex->arena, octets);
    struct move m = {octets.ptr, copy.ptr, octets.len};

    move_slices(&ex->req, &m);
}

void exchange_keep(struct exchange *ex)
{
    struct request *req = &ex->req;
    struct header *items;

    if (ex->octets.ptr) {
        items = arena_array(&ex->arena, struct header, req->headers.n);
        if (req->headers.n)
            memcpy(items, req->headers.items, req->headers.n * sizeof *items);
        req->headers.items = items;
        move_octets(ex, ex->octets);
        ex->octets = STR_EMPTY;
    }
    if (req->body.len && req->body.ptr != ex->body.ptr)
        move_octets(ex, req->body);
}

/* ---- answering ---- */

size_t exchange_encode(struct exchange *ex)
{
    struct net_lane *lane = ex->lane;
    struct conn *c = ex->conn;
    struct buf *out = lane->batch == c ? &lane->out : &lane->scratch;
    size_t before, octets;

    if (lane->draining || ex->at->stopped || (c->eof && c->ahead_len == 0))
        ex->keep_alive = false;
    if (!ex->keep_alive && ex->req.reply.status != 101)
        ex->req.reply.close = true;
    before = out->len;
    reply_encode(&ex->req, lane_date(lane), out);
    if (out->failed) {
        out->failed = RC_OK;
        out->len = before;
        return 0;
    }
    octets = out->len - before;
    if (out == &lane->scratch) {
        conn_send(c, buf_str(out));
        lane_buf_done(out);
    }
    return octets;
}

/* The connection goes on with what was read ahead, or with reading. */
static void next_request(struct conn *c)
{
    c->state = CONN_HEAD;
    if (c->lane->batch == c)
        return;
    if (c->ahead_len)
        conn_resume_later(c);
    conn_settle(c);
}

void exchange_end(struct exchange *ex, size_t octets)
{
    struct net_lane *lane = ex->lane;
    const struct net_handler *handler = lane->net->options.handler;

    if (lane->running == ex)
        lane->running = NULL;
    if (ex->conn)
        ex->conn->exchange = NULL;
    if (!ex->refusal && handler->finished)
        handler->finished(lane->ctx, &ex->req, octets);
    exchange_free(ex);
}

void exchange_answered(struct exchange *ex, size_t octets)
{
    struct conn *c = ex->conn;
    bool close = ex->req.reply.close || octets == 0;

    exchange_end(ex, octets);
    if (!c || c->state == CONN_CLOSED)
        return;
    if (close)
        conn_last(c);
    else
        next_request(c);
}

static void take_reply(struct request *req)
{
    struct exchange *ex = (struct exchange *)req;
    size_t octets = 0;

    assert(req->replied && !ex->streaming);
    if (ex->conn)
        octets = exchange_encode(ex);
    exchange_answered(ex, octets);
}

static void hold(struct request *req)
{
    exchange_keep((struct exchange *)req);
}

static const struct request_ops ops = {
    .reply = take_reply,
    .hold = hold,
    .stream_begin = stream_begin,
    .stream_piece = stream_piece,
    .stream_end = stream_end,
    .upgrade = ws_upgrade,
    .park = park_request,
};

/* ---- telling the handler ---- */

static void notify_later(struct exchange *ex)
{
    if (list_empty(&ex->notify))
        list_add(&ex->lane->to_notify, &ex->notify);
    lane_later(ex->lane);
}

void exchange_more(struct exchange *ex)
{
    if (!ex->more)
        return;
    ex->more_due = true;
    notify_later(ex);
}

void exchange_gone(struct exchange *ex, bool hard)
{
    struct conn *c = ex->conn;

    if (hard) {
        ex->conn = NULL;
        if (c)
            c->exchange = NULL;
        if (!ex->started) {
            exchange_free(ex);
            return;
        }
    }
    if (!ex->req.gone) {
        ex->req.gone = true;
        ex->gone_due = true;
        notify_later(ex);
    }
    if (ex->streaming)
        exchange_more(ex);
}

/* The first call may end the request: nothing of it is touched afterwards. */
void exchange_notify(struct exchange *ex)
{
    bool gone = ex->gone_due, more = ex->more_due;
    loop_fn on_gone = ex->req.on_gone;

    ex->gone_due = ex->more_due = false;
    if (gone && on_gone) {
        if (more) { /* the stream's turn comes after, if the request is still there */
            ex->more_due = true;
            notify_later(ex);
        }
        ex->req.on_gone = NULL;
        on_gone(ex->req.on_gone_ctx);
        return;
    }
    if (more && ex->more && (!ex->conn || ex->conn->unsent_len == 0 || ex->req.gone))
        ex->more(ex->more_ctx);
}

/* ---- making and wiping ---- */

static struct exchange *take_spare(struct net_lane *lane)
{
    struct exchange *ex = lane->spare;

    if (ex) {
        lane->spare = ex->next_spare;
        lane->n_spare--;
        return ex;
    }
    ex = calloc(1, sizeof *ex);
    if (!ex)
        abort();
    return ex;
}

static const char hex_digits[] = "0123456789abcdef";

/* The lane's random text with a count in its last twelve digits. */
static void write_id(struct net_lane *lane, char *out)
{
    uint64_t count = ++lane->id_count;

    memcpy(out, lane->id_text, UUID_TEXT_LEN);
    for (size_t i = UUID_TEXT_LEN; i-- > UUID_TEXT_LEN - 12; count >>= 4)
        out[i] = hex_digits[count & 15];
}

struct exchange *exchange_new(struct net_lane *lane, struct listener *at, struct conn *conn)
{
    struct exchange *ex = take_spare(lane);
    struct request *req = &ex->req;

    ex->conn = conn;
    ex->lane = lane;
    ex->at = at;
    listener_ref(at);
    list_add(&lane->exchanges, &ex->all);
    list_init(&ex->notify);
    write_id(lane, ex->id);
    req->id = (struct str){ex->id, UUID_TEXT_LEN};
    req->origin_rules = lane->net->options.origin_rules;
    if (conn) {
        req->door = conn->door;
        req->peer = req->client_addr = conn->peer;
        req->secure = conn->door->tls;
    }
    req->now = lane->now;
    req->started = lane->mono;
    req->arena = &ex->arena;
    req->loop = lane->loop;
    req->site = lane->site;
    req->ops = &ops;
    req->engine = ex;
    return ex;
}

/* Wipes what the request held: credentials pass through here. */
static void wipe(struct exchange *ex)
{
    struct arena arena = ex->arena;

    if (ex->chunks)
        explicit_bzero(ex->chunks, sizeof *ex->chunks);
    buf_wipe(&ex->body);
    arena_reset(&arena);
    memset(ex, 0, sizeof *ex);
    ex->arena = arena;
}

void exchange_free(struct exchange *ex)
{
    struct net_lane *lane = ex->lane;

    list_remove(&ex->all);
    list_remove(&ex->notify);
    listener_unref(ex->at);
    lane_check_quiet(lane);
    wipe(ex);
    if (lane->n_spare >= EXCHANGES_KEPT) {
        arena_clear(&ex->arena);
        free(ex);
        return;
    }
    ex->next_spare = lane->spare;
    lane->spare = ex;
    lane->n_spare++;
}

void exchange_abandon(struct exchange *ex)
{
    list_remove(&ex->all);
    list_remove(&ex->notify);
    listener_unref(ex->at);
    wipe(ex);
    arena_clear(&ex->arena);
    free(ex);
}
