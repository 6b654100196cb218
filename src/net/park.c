/* Long polls: a request that waits is packed into one small block, and its exchange, with the arena
 * and its blocks, goes back to the lane. Only what a reply, its log line and its CORS lines are
 * made from is packed. Source: design §1; wire/http §4. */
#include "net/net_internal.h"

struct parked_request {
    struct parked parked; /* first: net finds the rest from it */
    struct conn *conn;    /* NULL: the peer has gone for good */
    struct net_lane *lane;
    struct listener *at;
    struct list all, tell; /* net_lane.parked, net_lane.to_tell */
    loop_fn on_gone;
    void *ctx;
    void *kept, *held_snapshot; /* the pipeline's */
    const struct door *door;
    const struct route *route;
    const struct resource *resource;
    struct address peer, client_addr;
    unix_ms now;
    mono_ns started;
    enum http_method method;
    uint8_t version;
    bool http_1_0, secure, explains, keep_alive, gone, processed;
    char id[UUID_TEXT_LEN];
    uint16_t lens[1 + 3]; /* of the texts: path, values of `packed_headers` */
    char texts[];
};

/* What replies look at. A host, an id or a "true" that is longer means nothing to them. */
static const struct {
    enum header_id id;
    struct str name;
    size_t max;
} packed_headers[] = {
    {HEADER_HOST, STR_INIT("host"), 80},
    {HEADER_X_MS_CLIENT_REQUEST_ID, STR_INIT("x-ms-client-request-id"), 130},
    {HEADER_X_MS_RETURN_CLIENT_REQUEST_ID, STR_INIT("x-ms-return-client-request-id"), 5},
};

#define PATH_MAX_LEN ((size_t)160) /* for the log line */
#define TEXTS        (1 + ARRAY_LEN(packed_headers))

_Static_assert(sizeof(struct parked_request) + 160 + 80 + 130 + 5 < 768,
               "of 1 KiB the rest is the principal's");

/* ---- packing ---- */

static void find_texts(const struct request *req, struct str out[static TEXTS])
{
    out[0] = str_head(req->url.path, PATH_MAX_LEN);
    for (size_t i = 0; i < ARRAY_LEN(packed_headers); i++)
        out[1 + i] =
            str_head(headers_get(&req->headers, packed_headers[i].id), packed_headers[i].max);
}

static struct parked_request *pack(const struct exchange *ex)
{
    const struct request *req = &ex->req;
    struct str texts[TEXTS];
    struct parked_request *p;
    size_t len = 0, at = 0;

    find_texts(req, texts);
    for (size_t i = 0; i < TEXTS; i++)
        len += texts[i].len;
    p = calloc(1, sizeof *p + len);
    if (!p)
        abort();
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i].len)
            memcpy(p->texts + at, texts[i].ptr, texts[i].len);
        p->lens[i] = (uint16_t)texts[i].len;
        at += texts[i].len;
    }
    memcpy(p->id, ex->id, sizeof p->id);
    p->door = req->door;
    p->route = req->route;
    p->resource = req->resource;
    p->peer = req->peer;
    p->client_addr = req->client_addr;
    p->now = req->now;
    p->started = req->started;
    p->method = req->method;
    p->version = req->version;
    p->http_1_0 = req->http_1_0;
    p->secure = req->secure;
    p->explains = req->explains;
    p->keep_alive = ex->keep_alive;
    p->gone = req->gone;
    p->processed = req->reply.processed;
    return p;
}

static void unpack_texts(const struct parked_request *p, struct request *req)
{
    const char *at = p->texts + p->lens[0];

    req->url.path = req->target = arena_dup(req->arena, str_of(p->texts, p->lens[0]));
    req->headers.items = arena_array(req->arena, struct header, ARRAY_LEN(packed_headers));
    for (size_t i = 0; i < ARRAY_LEN(packed_headers); i++) {
        size_t len = p->lens[1 + i];

        if (len)
            headers_add(&req->headers, packed_headers[i].name,
                        arena_dup(req->arena, str_of(at, len)));
        at += len;
    }
}

static struct exchange *unpack(const struct parked_request *p)
{
    struct exchange *ex = exchange_new(p->lane, p->at, p->conn);
    struct request *req = &ex->req;

    memcpy(ex->id, p->id, sizeof p->id);
    unpack_texts(p, req);
    req->door = p->door;
    req->route = p->route;
    req->resource = p->resource;
    req->peer = p->peer;
    req->client_addr = p->client_addr;
    req->now = p->now;
    req->started = p->started;
    req->method = p->method;
    req->version = p->version;
    req->http_1_0 = p->http_1_0;
    req->secure = p->secure;
    req->explains = p->explains;
    req->gone = p->gone;
    req->reply.processed = p->processed;
    req->held = true; /* nothing of it is in a connection's buffer */
    req->held_snapshot = p->held_snapshot;
    ex->keep_alive = p->keep_alive;
    ex->started = true;
    return ex;
}

/* ---- a wait ---- */

static void drop(struct parked_request *p)
{
    list_remove(&p->all);
    list_remove(&p->tell);
    if (p->conn)
        p->conn->parked = NULL;
    listener_unref(p->at);
    free(p);
}

static struct request *unpark(struct parked *parked)
{
    struct parked_request *p = (struct parked_request *)parked;
    const struct net_handler *handler = p->lane->net->options.handler;
    struct exchange *ex = unpack(p);

    if (p->conn)
        p->conn->exchange = ex;
    if (p->kept)
        handler->unpark(p->lane->ctx, &ex->req, p->kept);
    drop(p);
    return &ex->req;
}

static void tell_later(struct parked_request *p)
{
    if (list_empty(&p->tell))
        list_add(&p->lane->to_tell, &p->tell);
    lane_later(p->lane);
}

struct parked *park_request(struct request *req, loop_fn on_gone, void *ctx)
{
    struct exchange *ex = (struct exchange *)req;
    struct net_lane *lane = ex->lane;
    const struct net_handler *handler = lane->net->options.handler;
    struct parked_request *p = pack(ex);

    p->parked.unpark = unpark;
    p->conn = ex->conn;
    p->lane = lane;
    p->at = ex->at;
    p->on_gone = on_gone;
    p->ctx = ctx;
    p->kept = handler->park ? handler->park(lane->ctx, req) : NULL;
    p->held_snapshot = req->held_snapshot;
    listener_ref(p->at);
    list_add(&lane->parked, &p->all);
    list_init(&p->tell);
    if (p->conn) {
        p->conn->exchange = NULL;
        p->conn->parked = p;
    }
    if (lane->running == ex)
        lane->running = NULL;
    exchange_free(ex);
    if (p->gone)
        tell_later(p);
    return &p->parked;
}

void parked_gone(struct parked_request *p, bool hard)
{
    if (hard) {
        p->conn->parked = NULL;
        p->conn = NULL;
    }
    if (p->gone)
        return;
    p->gone = true;
    tell_later(p);
}

void parked_tell(struct net_lane *lane)
{
    while (!list_empty(&lane->to_tell)) {
        struct parked_request *p = list_entry(lane->to_tell.next, struct parked_request, tell);

        list_remove(&p->tell);
        p->on_gone(p->ctx);
    }
}

void parked_abandon(struct list *all)
{
    struct parked_request *p = list_entry(all, struct parked_request, all);

    free(p->kept);
    drop(p);
}
