/* The request of the tests: see request_fake.h. It splits text plainly; what net refuses before
 * there is a request (framing) is not its business. */
#include "request_fake.h"

#include <unistd.h>

#define REPLY_MAX (8 * MIB)

const struct door request_fake_door = {
    .loopback = true, .port = 8080, .bound = STR_INIT("127.0.0.1")};

/* In release builds too: assert() is not. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct request_fake *fake_of(const struct request *req)
{
    return req->engine;
}

/* ---- how it is answered ---- */

static void encode(struct request_fake *f)
{
    size_t end;

    reply_encode(&f->req, STR(REQUEST_FAKE_DATE), &f->octets);
    must(!f->octets.failed);
    end = str_find_str(buf_str(&f->octets), STR("\r\n\r\n"));
    must(end < f->octets.len);
    f->head = str_head(buf_str(&f->octets), end + 4);
    f->body = (struct str){f->octets.ptr + end + 4, f->octets.len - end - 4};
    f->status = f->req.reply.status;
}

static void take_reply(struct request *req)
{
    struct request_fake *f = fake_of(req);

    must(!f->done && !f->streaming && req->replied);
    encode(f);
    f->done = true;
}

static struct str moved(const struct request_fake *f, const char *to, struct str s)
{
    if (!s.ptr || s.ptr < f->raw || s.ptr > f->raw + f->raw_len)
        return s;
    return (struct str){to + (s.ptr - f->raw), s.len};
}

static void hold(struct request *req)
{
    struct request_fake *f = fake_of(req);
    struct str copy = arena_dup(&f->arena, (struct str){f->raw, f->raw_len});

    req->target = moved(f, copy.ptr, req->target);
    req->url.path = moved(f, copy.ptr, req->url.path);
    req->url.query = moved(f, copy.ptr, req->url.query);
    for (size_t i = 0; i < req->url.n; i++)
        req->url.segments[i] = moved(f, copy.ptr, req->url.segments[i]);
    for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++)
        req->params[i] = moved(f, copy.ptr, req->params[i]);
    for (size_t i = 0; i < req->headers.n; i++) {
        req->headers.items[i].name = moved(f, copy.ptr, req->headers.items[i].name);
        req->headers.items[i].value = moved(f, copy.ptr, req->headers.items[i].value);
    }
    req->body = moved(f, copy.ptr, req->body);
    req->origin = moved(f, copy.ptr, req->origin);
    memset(f->raw, '#', f->raw_len);
}

static void stream_begin(struct request *req, loop_fn more, void *ctx)
{
    struct request_fake *f = fake_of(req);

    must(!f->done && !f->streaming && !req->replied);
    req->replied = true;
    req->reply.stream = true;
    encode(f);
    f->streaming = f->wants_piece = true;
    f->more = more;
    f->more_ctx = ctx;
}

static void stream_piece(struct request *req, struct str piece)
{
    struct request_fake *f = fake_of(req);

    must(f->streaming && !f->done);
    buf_add(&f->pieces, piece);
    must(!f->pieces.failed);
    f->body = buf_str(&f->pieces);
    f->n_pieces++;
    f->wants_piece = true;
}

static void stream_end(struct request *req, bool ok)
{
    struct request_fake *f = fake_of(req);

    must(f->streaming && !f->done);
    f->stream_ok = ok;
    f->wants_piece = false;
    f->done = true;
}

/* ---- parking ---- */

static struct request *unpark(struct parked *parked)
{
    struct request_fake *f =
        (struct request_fake *)(void *)((char *)parked - offsetof(struct request_fake, parked));

    must(f->is_parked);
    f->is_parked = false;
    return &f->req;
}

/* What a parked request does not keep is gone here, too. */
static struct parked *park(struct request *req, loop_fn on_gone, void *ctx)
{
    struct request_fake *f = fake_of(req);

    must(!f->done && !f->streaming && !f->is_parked);
    request_hold(req);
    memset(req->params, 0, sizeof req->params);
    req->url.query = req->body = STR_EMPTY;
    req->reply.extra_count = 0;
    f->parked.unpark = unpark;
    f->is_parked = true;
    f->on_parked_gone = on_gone;
    f->parked_ctx = ctx;
    return &f->parked;
}

/* ---- WebSockets ---- */

static enum rc ws_take(struct ws *ws, const struct str *pieces, size_t n)
{
    struct ws_fake *w = (struct ws_fake *)ws;
    size_t len = w->queued;

    must(!w->ended);
    for (size_t i = 0; i < n; i++)
        len += pieces[i].len;
    if (w->closing)
        return RC_NOT_FOUND;
    if (len > w->options.queue_max)
        return RC_TOO_LARGE;
    for (size_t i = 0; i < n; i++)
        buf_add(&w->sent, pieces[i]);
    buf_add(&w->sent, STR("\n"));
    must(!w->sent.failed);
    w->n_sent++;
    return RC_OK;
}

static size_t ws_tell_queued(const struct ws *ws)
{
    must(!((const struct ws_fake *)ws)->ended);
    return ((const struct ws_fake *)ws)->queued;
}

static void ws_take_close(struct ws *ws, uint16_t code, struct str reason)
{
    struct ws_fake *w = (struct ws_fake *)ws;

    (void)reason;
    must(!w->ended && code);
    if (!w->closing)
        w->closing = code;
}

static struct ws *upgrade(struct request *req, const struct ws_options *options,
                          const struct ws_handler *handler, void *ctx)
{
    static const struct ws_ops ws_ops = {ws_take, ws_tell_queued, ws_take_close};
    struct request_fake *f = fake_of(req);
    struct ws_fake *w = calloc(1, sizeof *w);

    must(w && !f->done && !f->streaming && req->replied);
    encode(f);
    f->done = true;
    *w = (struct ws_fake){{&ws_ops}, *options, handler, ctx, .queued = 0};
    buf_init(&w->sent, REPLY_MAX);
    f->ws = w;
    return &w->ws;
}

void ws_fake_text(struct ws_fake *w, const char *message)
{
    must(!w->ended);
    if (!w->closing)
        w->handler->text(w->ctx, str_from(message));
}

void ws_fake_end(struct ws_fake *w, uint16_t code)
{
    if (w->ended)
        return;
    w->ended = true;
    w->handler->closed(w->ctx, code, STR_EMPTY);
}

void ws_fake_free(struct ws_fake *w)
{
    if (!w)
        return;
    ws_fake_end(w, 1006);
    buf_clear(&w->sent);
    free(w);
}

static const struct request_ops ops = {
    .reply = take_reply,
    .hold = hold,
    .stream_begin = stream_begin,
    .stream_piece = stream_piece,
    .stream_end = stream_end,
    .upgrade = upgrade,
    .park = park,
};

/* ---- how it is made ---- */

void request_fake_init(struct request_fake *f, const struct door *door)
{
    struct request *req = &f->req;

    *f = (struct request_fake){0};
    arena_init(&f->arena);
    buf_init(&f->octets, REPLY_MAX);
    buf_init(&f->pieces, REPLY_MAX);
    req->door = door ? door : &request_fake_door;
    req->origin_rules = &f->rules;
    req->headers.items = f->lines;
    req->arena = &f->arena;
    req->ops = &ops;
    req->engine = f;
    req->id = STR(REQUEST_FAKE_ID);
    req->started = clock_mono();
    req->peer = (struct address){.loopback = true, .uid = (uint32_t)-1};
    if (req->door->unix_socket) {
        req->peer.uid = getuid();
    } else {
        struct cidr here;

        if (cidr_parse(STR("127.0.0.1"), &here))
            abort();
        req->peer.ip = here.net;
    }
}

/* Takes a line off the front; false when there is none. */
static bool take_line(struct str *text, struct str *out)
{
    if (!str_cut(*text, '\n', out, text))
        return false;
    if (out->len && out->ptr[out->len - 1] == '\r')
        out->len--;
    return true;
}

static enum rc take_request_line(struct request *req, struct str line)
{
    struct str method, rest, version;

    if (!str_cut(line, ' ', &method, &rest) || !str_cut(rest, ' ', &req->target, &version))
        return RC_INVALID;
    req->method = method_from_name(method);
    req->http_1_0 = name_eq(version, STR("HTTP/1.0"));
    if (!req->http_1_0 && !name_eq(version, STR("HTTP/1.1")))
        return RC_INVALID;
    return url_split(req->target, req->arena, &req->url);
}

static enum rc parse(struct request_fake *f)
{
    struct request *req = &f->req;
    struct str text = {f->raw, f->raw_len}, line, name, value;
    enum rc rc;

    if (!take_line(&text, &line))
        return RC_INVALID;
    rc = take_request_line(req, line);
    if (rc)
        return rc;
    for (;;) {
        if (!take_line(&text, &line))
            return RC_INVALID;
        if (line.len == 0)
            break;
        if (!str_cut(line, ':', &name, &value) || req->headers.n == HEADERS_MAX)
            return RC_INVALID;
        headers_add(&req->headers, name, value);
    }
    req->body = text;
    request_addresses(req);
    return RC_OK;
}

enum rc request_fake_parse_with(struct request_fake *f, const char *head, struct str body)
{
    size_t head_len = strlen(head);

    must(!f->raw);
    f->raw_len = head_len + body.len;
    f->raw = malloc(f->raw_len + 1);
    if (!f->raw)
        abort();
    memcpy(f->raw, head, head_len);
    if (body.len)
        memcpy(f->raw + head_len, body.ptr, body.len);
    return parse(f);
}

enum rc request_fake_parse(struct request_fake *f, const char *raw)
{
    return request_fake_parse_with(f, raw, STR_EMPTY);
}

/* ---- what came of it ---- */

static size_t look_up(const struct request_fake *f, struct str name, struct str *out)
{
    struct str text = f->head, line, key, value;
    size_t n = 0;

    while (take_line(&text, &line))
        if (str_cut(line, ':', &key, &value) && name_eq_nocase(key, name) && n++ == 0)
            *out = str_trim(value);
    return n;
}

struct str request_fake_header(const struct request_fake *f, struct str name)
{
    struct str value = STR_EMPTY;

    (void)look_up(f, name, &value); /* absent: stays empty */
    return value;
}

size_t request_fake_count(const struct request_fake *f, struct str name)
{
    struct str value;

    return look_up(f, name, &value);
}

bool request_fake_pump(struct request_fake *f, size_t rounds)
{
    while (f->wants_piece && !f->done && rounds-- > 0) {
        f->wants_piece = false;
        f->more(f->more_ctx);
    }
    return f->done;
}

void request_fake_leave(struct request_fake *f)
{
    loop_fn on_gone = f->req.on_gone;

    f->req.gone = true;
    f->req.on_gone = NULL;
    if (f->is_parked)
        f->on_parked_gone(f->parked_ctx);
    else if (on_gone)
        on_gone(f->req.on_gone_ctx);
    if (f->streaming && !f->done)
        f->wants_piece = true; /* so that the stream notices */
}

void request_fake_clear(struct request_fake *f)
{
    const struct door *door = f->req.door;

    if (!door)
        return;
    free(f->raw);
    buf_clear(&f->octets);
    buf_clear(&f->pieces);
    arena_clear(&f->arena);
    request_fake_init(f, door);
}
