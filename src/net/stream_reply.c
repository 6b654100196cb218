/* Replies in pieces: chunked to HTTP/1.1, until the close to HTTP/1.0. A piece is sent at once; the
 * next one is asked for (`more`) when the socket has taken what there is, never before the call
 * that brought the last one has returned. */
#include "net/net_internal.h"

#include <assert.h>

static struct exchange *exchange_of(struct request *req)
{
    return (struct exchange *)req;
}

static bool has_body(const struct request *req)
{
    return req->method != HEAD && req->reply.status != 204 && req->reply.status != 304;
}

/* Streams are sent as they come, after what the batch has gathered. */
static void send_now(struct exchange *ex, struct str octets)
{
    struct net_lane *lane = ex->lane;
    struct conn *c = ex->conn;

    if (!c || octets.len == 0)
        return;
    ex->sent += octets.len;
    if (lane->batch == c) {
        buf_add(&lane->out, octets);
        return;
    }
    conn_send(c, octets);
    if (c->state != CONN_CLOSED)
        conn_settle(c);
}

void stream_begin(struct request *req, loop_fn more, void *ctx)
{
    struct exchange *ex = exchange_of(req);

    assert(!req->replied);
    req->replied = true;
    request_hold(req); /* pieces come from later calls */
    ex->streaming = true;
    ex->more = more;
    ex->more_ctx = ctx;
    req->reply.stream = true;
    if (req->http_1_0)
        ex->keep_alive = false;
    if (ex->conn)
        ex->sent = exchange_encode(ex);
    if (ex->conn && ex->sent == 0)
        conn_abort(ex->conn);
    if (ex->conn && ex->lane->batch != ex->conn)
        conn_settle(ex->conn);
    exchange_more(ex);
}

void stream_piece(struct request *req, struct str piece)
{
    struct exchange *ex = exchange_of(req);
    struct buf *chunk = &ex->lane->scratch;

    assert(ex->streaming);
    if (piece.len && has_body(req) && req->http_1_0) {
        send_now(ex, piece);
    } else if (piece.len && has_body(req)) {
        buf_addf(chunk, "%zx\r\n", piece.len);
        buf_add(chunk, piece);
        buf_add(chunk, STR("\r\n"));
        if (chunk->failed)
            abort(); /* no memory */
        send_now(ex, buf_str(chunk));
        lane_buf_done(chunk);
    }
    if (!ex->conn || ex->conn->unsent_len == 0)
        exchange_more(ex);
}

void stream_end(struct request *req, bool ok)
{
    struct exchange *ex = exchange_of(req);
    struct conn *c = ex->conn;

    assert(ex->streaming);
    ex->more = NULL;
    if (ok && has_body(req) && !req->http_1_0)
        send_now(ex, STR("0\r\n\r\n"));
    if (!ok && c && ex->conn) {
        req->reply.close = true;
        c->exchange = NULL;
        ex->conn = NULL;
        conn_abort(c);
    }
    exchange_answered(ex, ex->sent);
}
