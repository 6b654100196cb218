/* The client's side of RFC 6455: the handshake, frames out with a mask, frames in without, pings
 * answered, fragments joined. Octets are the stream's business. */
#include "client/websocket.h"

#include "base/buf.h"
#include "base/clock.h"
#include "client/endpoint.h"
#include "client/failure.h"
#include "client/stream.h"
#include "crypto/base64.h"
#include "crypto/hash.h"

#include <poll.h>
#include <stdlib.h>

#define GUID        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define HEAD_MAX    (64 * KIB)
#define MESSAGE_MAX (16 * MIB)
#define CHUNK       (16 * KIB)
#define CONTROL_MAX ((size_t)125)
#define HEADER_MAX  ((size_t)14)
#define KEY_LEN     ((size_t)24) /* base64 of 16 octets */
#define ACCEPT_LEN  ((size_t)28) /* base64 of a SHA-1 */
#define NS_PER_MS   ((mono_ns)1000000)

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct websocket {
    const struct stream_ops *ops;
    void *stream;
    unsigned timeout_ms;
    struct buf in;      /* octets that came and were not looked at */
    struct buf message; /* the frames of a message so far */
    bool whole;         /* `message` was handed out: empty it first */
    bool begun;         /* a message's first fragment has come */
    bool ended;
    uint16_t code;
    char reason[CONTROL_MAX];
    size_t reason_len;
};

struct frame {
    unsigned opcode;
    bool last;
    struct str payload; /* within `in` */
    size_t size;        /* with its header */
};

/* ---- octets ---- */

static mono_ns deadline_of(const struct websocket *ws)
{
    return clock_mono() + (mono_ns)ws->timeout_ms * NS_PER_MS;
}

/* Waits until the stream may be ready; false when the time is over. */
static bool wait_for(struct websocket *ws, short events, mono_ns deadline)
{
    struct pollfd fd = {.fd = ws->ops->fd(ws->stream), .events = events};
    mono_ns now = clock_mono();

    return now < deadline && poll(&fd, 1, (int)((deadline - now) / NS_PER_MS) + 1) > 0;
}

static enum rc send_all(struct websocket *ws, struct str octets)
{
    mono_ns deadline = deadline_of(ws);

    while (octets.len > 0) {
        long n = ws->ops->send(ws->stream, octets.ptr, octets.len);

        if (n < 0 || (n == 0 && !wait_for(ws, POLLOUT, deadline)))
            return RC_IO;
        octets = str_from_index(octets, (size_t)n);
    }
    return RC_OK;
}

/* Takes what has come into `in`. RC_NOT_FOUND: nothing. */
static enum rc receive(struct websocket *ws)
{
    char *room = buf_reserve(&ws->in, CHUNK);
    long n = room ? ws->ops->recv(ws->stream, room, CHUNK) : -1;

    if (n > 0)
        buf_grown(&ws->in, (size_t)n);
    return n > 0 ? RC_OK : n == 0 ? RC_NOT_FOUND : RC_IO;
}

/* ---- frames out ---- */

/* The two to ten octets in front of a mask. */
static size_t write_header(uint8_t *out, unsigned opcode, size_t len)
{
    size_t n = 2, octets = len <= CONTROL_MAX ? 0 : len <= 0xffff ? 2 : 8;

    out[0] = (uint8_t)(0x80u | opcode);
    out[1] = (uint8_t)(0x80u | (octets == 0 ? len : octets == 2 ? 126u : 127u));
    for (size_t i = 0; i < octets; i++)
        out[n++] = (uint8_t)(len >> (8 * (octets - 1 - i)));
    return n;
}

static enum rc send_frame(struct websocket *ws, unsigned opcode, struct str payload)
{
    uint8_t header[HEADER_MAX], mask[4];
    struct buf out;
    enum rc rc = RC_OK;
    size_t n = write_header(header, opcode, payload.len);

    random_octets(mask, sizeof mask);
    memcpy(header + n, mask, sizeof mask);
    buf_init(&out, payload.len + HEADER_MAX);
    buf_add(&out, str_of(header, n + sizeof mask));
    for (size_t i = 0; i < payload.len; i++)
        buf_add_char(&out, (char)((uint8_t)payload.ptr[i] ^ mask[i % 4]));
    rc = out.failed ? RC_IO : send_all(ws, buf_str(&out));
    buf_wipe(&out);
    return rc;
}

static enum rc end_with(struct websocket *ws, uint16_t code, struct str reason)
{
    ws->ended = true;
    ws->code = code;
    ws->reason_len = reason.len < sizeof ws->reason ? reason.len : sizeof ws->reason;
    if (ws->reason_len)
        memcpy(ws->reason, reason.ptr, ws->reason_len);
    return RC_IO;
}

/* The server has broken the protocol: it is told so. */
static enum rc breach(struct websocket *ws, uint16_t code)
{
    const uint8_t octets[2] = {(uint8_t)(code >> 8), (uint8_t)code};

    (void)send_frame(ws, CLOSE, str_of(octets, sizeof octets)); /* it ends in any case */
    return end_with(ws, code, STR_EMPTY);
}

enum rc websocket_send(struct websocket *ws, struct str text)
{
    if (ws->ended)
        return RC_IO;
    return send_frame(ws, TEXT, text) ? end_with(ws, 1006, STR_EMPTY) : RC_OK;
}

/* ---- frames in ---- */

/* RC_NOT_FOUND: not all of it is here; RC_INVALID: it breaks the protocol; RC_TOO_LARGE. */
static enum rc read_frame(struct str in, struct frame *out)
{
    const uint8_t *at = (const uint8_t *)in.ptr;
    size_t octets = 0;
    uint64_t len = 0;

    if (in.len < 2)
        return RC_NOT_FOUND;
    *out = (struct frame){.opcode = at[0] & 0x0fu, .last = (at[0] & 0x80u) != 0, .size = 2};
    len = at[1] & 0x7fu;
    if ((at[0] & 0x70u) || (at[1] & 0x80u)) /* extensions, or a mask */
        return RC_INVALID;
    if (out->opcode >= CLOSE && (!out->last || len > CONTROL_MAX))
        return RC_INVALID;
    octets = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (in.len < 2 + octets)
        return RC_NOT_FOUND;
    for (size_t i = 0; i < octets; i++)
        len = (i ? len << 8 : 0) | at[2 + i];
    if (len > MESSAGE_MAX)
        return RC_TOO_LARGE;
    out->size += octets + (size_t)len;
    if (in.len < out->size)
        return RC_NOT_FOUND;
    out->payload = str_of(in.ptr + 2 + octets, (size_t)len);
    return RC_OK;
}

static enum rc take_close(struct websocket *ws, struct str payload)
{
    uint16_t code = 1005;

    if (payload.len >= 2)
        code = (uint16_t)((uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
    (void)send_frame(ws, CLOSE, str_head(payload, 2)); /* the echo; it ends in any case */
    return end_with(ws, code, str_from_index(payload, 2));
}

/* RC_OK: a message is whole; RC_NOT_FOUND: not yet. */
static enum rc take_text(struct websocket *ws, const struct frame *f)
{
    if (f->opcode == BINARY)
        return breach(ws, 1003);
    if ((f->opcode == CONTINUATION) != ws->begun)
        return breach(ws, 1002);
    ws->begun = !f->last;
    buf_add(&ws->message, f->payload);
    if (ws->message.failed)
        return breach(ws, 1009);
    if (!f->last)
        return RC_NOT_FOUND;
    if (!str_is_utf8(buf_str(&ws->message)))
        return breach(ws, 1007);
    ws->whole = true;
    return RC_OK;
}

static enum rc take_frame(struct websocket *ws, const struct frame *f)
{
    switch (f->opcode) {
    case CONTINUATION:
    case TEXT:
    case BINARY:
        return take_text(ws, f);
    case CLOSE:
        return take_close(ws, f->payload);
    case PING:
        return send_frame(ws, PONG, f->payload) ? end_with(ws, 1006, STR_EMPTY) : RC_NOT_FOUND;
    case PONG:
        return RC_NOT_FOUND;
    default:
        return breach(ws, 1002);
    }
}

enum rc websocket_next(struct websocket *ws, struct str *out)
{
    enum rc rc = RC_NOT_FOUND;
    struct frame f;

    if (ws->whole)
        buf_reset(&ws->message);
    ws->whole = false;
    while (!ws->ended) {
        rc = read_frame(buf_str(&ws->in), &f);
        if (rc == RC_INVALID || rc == RC_TOO_LARGE)
            return breach(ws, rc == RC_INVALID ? 1002 : 1009);
        if (rc == RC_NOT_FOUND) {
            rc = receive(ws);
            if (rc == RC_IO)
                return end_with(ws, 1006, STR_EMPTY);
            if (rc)
                return rc;
            continue;
        }
        rc = take_frame(ws, &f);
        buf_consume(&ws->in, f.size);
        if (rc == RC_OK)
            *out = buf_str(&ws->message);
        if (rc != RC_NOT_FOUND)
            return rc;
    }
    return RC_IO;
}

int websocket_fd(struct websocket *ws)
{
    return ws->ops->fd(ws->stream);
}

uint16_t websocket_end(const struct websocket *ws, struct str *out_reason)
{
    if (out_reason)
        *out_reason = str_of(ws->reason, ws->reason_len);
    return ws->code;
}

/* ---- the handshake ---- */

static enum rc send_request(struct websocket *ws, const struct websocket_options *o,
                            const struct endpoint *at, const char *key)
{
    struct buf head;
    enum rc rc = RC_OK;

    buf_init(&head, HEAD_MAX);
    buf_addf(&head,
             "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n",
             o->target, at->authority, (int)KEY_LEN, key);
    if (o->bearer_token) {
        buf_add(&head, STR("Authorization: Bearer "));
        buf_add(&head, str_from(o->bearer_token));
        buf_add(&head, STR("\r\n"));
    }
    buf_add(&head, STR("\r\n"));
    rc = head.failed ? RC_TOO_LARGE : send_all(ws, buf_str(&head));
    buf_wipe(&head);
    return rc;
}

/* Receives until `in` has `len` octets, or, with 0, the end of a head. */
static enum rc receive_until(struct websocket *ws, size_t len, mono_ns deadline)
{
    struct str end = STR("\r\n\r\n");

    while (len ? ws->in.len < len : str_find_str(buf_str(&ws->in), end) == ws->in.len) {
        enum rc rc = ws->in.len > HEAD_MAX ? RC_TOO_LARGE : receive(ws);

        if (rc == RC_NOT_FOUND && wait_for(ws, POLLIN, deadline))
            continue;
        if (rc)
            return rc;
    }
    return RC_OK;
}

/* The value of a header in a head; empty: it is not there. */
static struct str header_of(struct str head, struct str name)
{
    struct str line = STR_EMPTY, rest = head, key, value;

    while (rest.len > 0) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last line has an end, too */
        if (str_cut(line, ':', &key, &value) && name_eq_nocase(key, name)) {
            if (str_ends(value, STR("\r")))
                value.len--;
            return str_trim(value);
        }
    }
    return STR_EMPTY;
}

/* What came instead of 101, as a request's answer is told. */
static enum cg_status refused(struct websocket *ws, int status, size_t head_len,
                              struct cg_error *err)
{
    struct str head = str_head(buf_str(&ws->in), head_len);
    enum cg_status result = failure_of_http(status);
    uint64_t len = 0;
    char text[64];

    (void)snprintf(text, sizeof text, "the server answered %d", status);
    (void)failure(err, result, str_from(text));
    if (!err)
        return result;
    err->http_status = status;
    text_store(err->explain, sizeof err->explain, header_of(head, STR("x-callgate-explain")));
    text_store(err->request_id, sizeof err->request_id,
               header_of(head, STR("x-ms-client-request-id")));
    if (!str_to_u64(header_of(head, STR("Content-Length")), HEAD_MAX, &len) && len > 0 &&
        !receive_until(ws, head_len + (size_t)len, deadline_of(ws)))
        failure_read_body(err, str_from_index(buf_str(&ws->in), head_len));
    return result;
}

static bool is_accepted(struct str head, const char *key)
{
    char text[KEY_LEN + sizeof GUID], expected[ACCEPT_LEN];
    uint8_t digest[SHA1_LEN];

    memcpy(text, key, KEY_LEN);
    memcpy(text + KEY_LEN, GUID, sizeof GUID);
    sha1(str_of(text, sizeof text - 1), digest);
    base64_encode(digest, sizeof digest, expected);
    return name_eq(header_of(head, STR("Sec-WebSocket-Accept")), str_of(expected, ACCEPT_LEN)) &&
           name_eq_nocase(header_of(head, STR("Upgrade")), STR("websocket"));
}

static enum cg_status shake_hands(struct websocket *ws, const struct websocket_options *o,
                                  const struct endpoint *at, struct cg_error *err)
{
    uint8_t octets[16];
    char key[KEY_LEN];
    struct str head, number;
    uint64_t status = 0;

    random_octets(octets, sizeof octets);
    base64_encode(octets, sizeof octets, key);
    if (send_request(ws, o, at, key) || receive_until(ws, 0, deadline_of(ws)))
        return failure(err, CG_NETWORK, STR("the connection ended before it was a WebSocket"));
    head = str_head(buf_str(&ws->in), str_find_str(buf_str(&ws->in), STR("\r\n\r\n")) + 4);
    number = str_head(str_from_index(head, sizeof "HTTP/1.1"), 3);
    if (!str_starts(head, STR("HTTP/1.1 ")) || str_to_u64(number, 599, &status) || status < 100)
        return failure(err, CG_PROTOCOL, STR("the answer is no HTTP"));
    if (status != 101)
        return refused(ws, (int)status, head.len, err);
    if (!is_accepted(head, key))
        return failure(err, CG_PROTOCOL, STR("the answer is no WebSocket's"));
    buf_consume(&ws->in, head.len);
    return CG_OK;
}

/* ---- life ---- */

static enum cg_status connect_to(struct websocket *ws, const struct websocket_options *o,
                                 const struct endpoint *at, struct cg_error *err)
{
    const struct stream_target to = {at->text, o->ca_file, o->timeout_ms, at->loopback};
    enum cg_status status = CG_OK;
    char why[512] = "";

    ws->ops = o->stream ? o->stream : stream_default(why, sizeof why);
    if (!ws->ops || ws->ops->size < sizeof *ws->ops)
        return failure(err, CG_LOCAL, str_from(why));
    status = ws->ops->open(&to, &ws->stream, why, sizeof why);
    return status ? failure(err, status, str_from(why)) : CG_OK;
}

enum cg_status websocket_open(const struct websocket_options *options, struct websocket **out,
                              struct cg_error *err)
{
    struct websocket *ws = NULL;
    struct endpoint at;
    const char *why = NULL;
    enum cg_status status = CG_OK;

    if (endpoint_parse(str_from(options->endpoint), &at, &why))
        return failure(err, CG_INVALID, str_from(why));
    if (options->bearer_token && !at.tls && !at.loopback)
        return failure(err, CG_INVALID,
                       STR("a bearer token is not sent over plain HTTP to another machine"));
    ws = calloc(1, sizeof *ws);
    if (!ws)
        return failure(err, CG_NOMEM, STR("out of memory"));
    ws->timeout_ms = options->timeout_ms;
    buf_init(&ws->in, MESSAGE_MAX + HEADER_MAX + CHUNK);
    buf_init(&ws->message, MESSAGE_MAX);
    status = connect_to(ws, options, &at, err);
    if (status == CG_OK)
        status = shake_hands(ws, options, &at, err);
    if (status) {
        ws->ended = true; /* no goodbye */
        websocket_free(ws);
    } else {
        *out = ws;
    }
    return status;
}

void websocket_free(struct websocket *ws)
{
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 0xff};

    if (!ws)
        return;
    if (!ws->ended)
        (void)send_frame(ws, CLOSE, str_of(normal, sizeof normal)); /* politeness */
    if (ws->stream)
        ws->ops->close(ws->stream);
    buf_wipe(&ws->in);
    buf_wipe(&ws->message);
    free(ws);
}
