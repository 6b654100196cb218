/* The opening handshake of a WebSocket: what a request must say, and what the answer says. The rest
 * is net's. Source: RFC 6455 §4.2. */
#include "http/ws.h"

#include "crypto/base64.h"
#include "crypto/hash.h"
#include "http/request.h"

#define KEY_OCTETS 16

/* ---- the request ---- */

/* Whether one of the lines of that name, lists of tokens, has the token. */
static bool lists(const struct request *req, enum header_id id, struct str token)
{
    for (size_t i = 0; i < req->headers.n; i++) {
        struct str rest = req->headers.items[i].value, item;

        if (req->headers.items[i].id != id)
            continue;
        while (rest.len) {
            (void)str_cut(rest, ',', &item, &rest); /* without a comma all of it is the item */
            if (name_eq_nocase(str_trim(item), token))
                return true;
        }
    }
    return false;
}

static struct str only_line(const struct request *req, struct str name)
{
    struct str value;

    return headers_only(&req->headers, name, &value) ? STR_EMPTY : value;
}

static struct str key_of(const struct request *req)
{
    struct str key = only_line(req, STR("Sec-WebSocket-Key"));
    uint8_t octets[KEY_OCTETS];
    size_t len;

    if (base64_decode(key, octets, sizeof octets, &len) || len != sizeof octets)
        return STR_EMPTY;
    return key;
}

bool ws_asked(const struct request *req)
{
    return req->method == GET && !req->http_1_0 && req->body.len == 0 &&
           lists(req, HEADER_UPGRADE, STR("websocket")) &&
           lists(req, HEADER_CONNECTION, STR("upgrade")) &&
           name_eq(only_line(req, STR("Sec-WebSocket-Version")), STR("13")) && key_of(req).len;
}

/* ---- the answers ---- */

void ws_refuse(struct request *req)
{
    reply_header(req, STR("Upgrade"), STR("websocket"));
    reply_header(req, STR("Connection"), STR("Upgrade"));
    reply_header(req, STR("Sec-WebSocket-Version"), STR("13"));
    reply_error(req, &API_UPGRADE_REQUIRED);
}

static struct str accept_text(struct request *req)
{
    struct str text = arena_printf(req->arena, STR_FMT "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                                   STR_ARG(key_of(req)));
    char *out = arena_alloc(req->arena, BASE64_LEN(SHA1_LEN));
    uint8_t digest[SHA1_LEN];

    sha1(text, digest);
    return str_of(out, base64_encode(digest, sizeof digest, out));
}

static bool offers(const struct request *req, struct str subprotocol)
{
    for (size_t i = 0; i < req->headers.n; i++) {
        struct str rest = req->headers.items[i].value, item;

        if (!name_eq_nocase(req->headers.items[i].name, STR("Sec-WebSocket-Protocol")))
            continue;
        while (rest.len) {
            (void)str_cut(rest, ',', &item, &rest); /* without a comma all of it is the item */
            if (name_eq(str_trim(item), subprotocol))
                return true;
        }
    }
    return false;
}

struct ws *ws_accept(struct request *req, const struct ws_options *options,
                     const struct ws_handler *handler, void *ctx)
{
    reply_header(req, STR("Upgrade"), STR("websocket"));
    reply_header(req, STR("Connection"), STR("Upgrade"));
    reply_header(req, STR("Sec-WebSocket-Accept"), accept_text(req));
    if (options->subprotocol.len && offers(req, options->subprotocol))
        reply_header(req, STR("Sec-WebSocket-Protocol"), options->subprotocol);
    req->replied = true;
    req->reply.status = 101;
    return req->ops->upgrade(req, options, handler, ctx);
}

/* ---- the connection ---- */

enum rc ws_send(struct ws *ws, struct str text)
{
    return ws->ops->send(ws, &text, 1);
}

enum rc ws_send_pieces(struct ws *ws, const struct str *pieces, size_t n)
{
    return ws->ops->send(ws, pieces, n);
}

size_t ws_queued(const struct ws *ws)
{
    return ws->ops->queued(ws);
}

void ws_close(struct ws *ws, uint16_t code, struct str reason)
{
    ws->ops->close(ws, code, reason);
}
