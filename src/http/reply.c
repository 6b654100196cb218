/* Replies: what a handler says, and its octets on the wire. The head is written by hand into one
 * reservation, since it is written for every request. No caller's text gets in unfiltered: control
 * characters would let it add header lines. Source: wire/authentication §2.4, §2.5. */
#include "http/reply.h"

#include "http/request.h"

#include <assert.h>

#define CLIENT_ID_MAX ((size_t)128)
#define CV_LEN        22
/* More than the fixed lines of a head can take: status line, the names, numbers and constants. */
#define FIXED_MAX ((size_t)1536)

static const struct str json_media_type = STR_INIT("application/json; charset=utf-8");

/* ---- what handlers say ---- */

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

static struct str without_controls(struct arena *arena, struct str text)
{
    size_t clean = 0, len = 0;
    char *copy;

    while (clean < text.len && !is_control(text.ptr[clean]))
        clean++;
    if (clean == text.len)
        return text;
    copy = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        if (!is_control(text.ptr[i]))
            copy[len++] = text.ptr[i];
    return (struct str){copy, len};
}

void reply_header(struct request *req, struct str name, struct str value)
{
    struct reply *reply = &req->reply;

    assert(reply->extra_count < REPLY_EXTRA_MAX);
    if (reply->extra_count == REPLY_EXTRA_MAX)
        return;
    reply->extra[reply->extra_count++] = (struct reply_header){without_controls(req->arena, name),
                                                               without_controls(req->arena, value)};
}

static void finish(struct request *req, int status, struct str content_type, struct str body)
{
    assert(!req->replied);
    req->replied = true;
    req->reply.status = status;
    req->reply.content_type = content_type;
    req->reply.body = body;
    req->ops->reply(req);
}

void reply_json(struct request *req, int status, struct str json)
{
    finish(req, status, json_media_type, json);
}

void reply_empty(struct request *req, int status)
{
    finish(req, status, STR_EMPTY, STR_EMPTY);
}

void reply_text(struct request *req, int status, struct str content_type, struct str body)
{
    finish(req, status, without_controls(req->arena, content_type), body);
}

/* What one error says, in whatever words its shape has for it. */
struct error_body {
    struct str code, message, target;
    const struct error_detail *details;
    size_t n;
};

/* The words of the ACS shape, and of the live chat service. */
static const struct error_words {
    const char *error, *code, *message, *target, *details;
    bool always_details;
} acs_words = {"error", "code", "message", "target", "details", false},
  live_words = {"CommunicationError", "Code", "Message", "Target", "Details", true};

static void write_parts(struct json_writer *w, const struct error_words *words, struct str code,
                        const struct error_detail *what)
{
    json_object_begin(w);
    json_member_str(w, words->code, code);
    json_member_str(w, words->message, what->message);
    if (what->target.len)
        json_member_str(w, words->target, what->target);
}

static void write_error(struct buf *out, const struct error_words *words,
                        const struct error_body *body)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_name(&w, words->error);
    write_parts(&w, words, body->code, &(struct error_detail){body->message, body->target});
    if (body->n || words->always_details) {
        json_name(&w, words->details);
        json_array_begin(&w);
        for (size_t i = 0; i < body->n; i++) {
            write_parts(&w, words, body->code, &body->details[i]);
            json_object_end(&w);
        }
        json_array_end(&w);
    }
    json_object_end(&w);
    json_object_end(&w);
}

void api_error_write(struct buf *out, struct str code, struct str message, struct str target)
{
    write_error(out, &acs_words, &(struct error_body){code, message, target, NULL, 0});
}

void oauth_error_write(struct buf *out, struct str code, struct str message)
{
    buf_add(out, STR("{\"error\":\""));
    json_escape(out, code);
    buf_add(out, STR("\",\"error_description\":\""));
    json_escape(out, message);
    buf_add(out, STR("\"}"));
}

static const struct service *service_of(const struct request *req)
{
    return req->route && req->route->api ? req->route->api->service : NULL;
}

static enum error_shape error_shape(const struct request *req)
{
    const struct service *service = service_of(req);

    if (service)
        return service->error_shape;
    return req->door && req->door->identity ? ERROR_SHAPE_OAUTH : ERROR_SHAPE_ACS;
}

void reply_error(struct request *req, const struct api_error *error)
{
    reply_error_text(req, error, error->text, STR_EMPTY);
}

/* Whoever refuses, the pipeline or a handler: it is explained to those who may know (design D22).
 * A 404 says little enough by itself: only what a handler has to add to it goes out. */
static void explain(struct request *req, int status, struct str message)
{
    if (req->explains && (status == 401 || status == 403 || (status == 404 && req->explain.len)))
        reply_header(req, STR("x-callgate-explain"), req->explain.len ? req->explain : message);
}

/* An escape makes at most six octets of one. */
static size_t error_octets_at_most(const struct error_body *body)
{
    size_t max = 128 + 6 * (body->code.len + body->message.len + body->target.len);

    for (size_t i = 0; i < body->n; i++)
        max +=
            64 + 6 * (body->code.len + body->details[i].message.len + body->details[i].target.len);
    return max;
}

static void reply_error_body(struct request *req, int status, const struct error_body *body)
{
    size_t max = error_octets_at_most(body); /* so the buffer over arena memory never grows */
    struct buf json = {.ptr = arena_alloc(req->arena, max + 1), .cap = max + 1, .max = max};
    enum error_shape shape = error_shape(req);

    if (shape == ERROR_SHAPE_OAUTH)
        oauth_error_write(&json, body->code, body->message);
    else
        write_error(&json, shape == ERROR_SHAPE_CHAT && req->errors_live ? &live_words : &acs_words,
                    body);
    assert(!json.failed);
    explain(req, status, body->message);
    reply_json(req, status, buf_str(&json));
}

void reply_error_text(struct request *req, const struct api_error *error, struct str message,
                      struct str target)
{
    reply_error_body(req, error->status,
                     &(struct error_body){error->code, message, target, NULL, 0});
}

void reply_error_details(struct request *req, const struct api_error *error,
                         const struct error_detail *details, size_t n)
{
    reply_error_body(req, error->status,
                     &(struct error_body){error->code, error->text, STR_EMPTY, details, n});
}

/* ---- octets ---- */

/* Where the head is written; `end` is never passed. */
struct pen {
    char *at, *end;
    bool overrun;
};

static void put(struct pen *pen, struct str s)
{
    if (s.len > (size_t)(pen->end - pen->at)) {
        pen->overrun = true;
        return;
    }
    if (s.len)
        memcpy(pen->at, s.ptr, s.len);
    pen->at += s.len;
}

static void put_number(struct pen *pen, uint64_t value)
{
    char digits[20];

    put(pen, str_from_u64(value, digits));
}

static void put_line(struct pen *pen, struct str name_and_colon, struct str value)
{
    put(pen, name_and_colon);
    put(pen, value);
    put(pen, STR("\r\n"));
}

struct str status_reason(int status)
{
    switch (status) {
    /* clang-format off */
    case 100: return STR("Continue");
    case 101: return STR("Switching Protocols");
    case 200: return STR("OK");
    case 201: return STR("Created");
    case 202: return STR("Accepted");
    case 204: return STR("No Content");
    case 206: return STR("Partial Content");
    case 207: return STR("Multi-Status");
    case 301: return STR("Moved Permanently");
    case 302: return STR("Found");
    case 303: return STR("See Other");
    case 304: return STR("Not Modified");
    case 307: return STR("Temporary Redirect");
    case 308: return STR("Permanent Redirect");
    case 400: return STR("Bad Request");
    case 401: return STR("Unauthorized");
    case 403: return STR("Forbidden");
    case 404: return STR("Not Found");
    case 405: return STR("Method Not Allowed");
    case 406: return STR("Not Acceptable");
    case 408: return STR("Request Timeout");
    case 409: return STR("Conflict");
    case 410: return STR("Gone");
    case 411: return STR("Length Required");
    case 412: return STR("Precondition Failed");
    case 413: return STR("Content Too Large");
    case 414: return STR("URI Too Long");
    case 415: return STR("Unsupported Media Type");
    case 416: return STR("Range Not Satisfiable");
    case 417: return STR("Expectation Failed");
    case 421: return STR("Misdirected Request");
    case 422: return STR("Unprocessable Content");
    case 426: return STR("Upgrade Required");
    case 428: return STR("Precondition Required");
    case 429: return STR("Too Many Requests");
    case 431: return STR("Request Header Fields Too Large");
    case 500: return STR("Internal Server Error");
    case 501: return STR("Not Implemented");
    case 502: return STR("Bad Gateway");
    case 503: return STR("Service Unavailable");
    case 504: return STR("Gateway Timeout");
    case 505: return STR("HTTP Version Not Supported");
    case 507: return STR("Insufficient Storage");
    default:  return STR("Unknown");
        /* clang-format on */
    }
}

static bool has_extra(const struct reply *reply, struct str name)
{
    for (size_t i = 0; i < reply->extra_count; i++)
        if (name_eq_nocase(reply->extra[i].name, name))
            return true;
    return false;
}

static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

/* Status line, and what says how the message is framed. */
static void put_framing(struct pen *pen, const struct request *req, struct str date)
{
    const struct reply *reply = &req->reply;

    put(pen, STR("HTTP/1.1 "));
    put_number(pen, (uint64_t)reply->status);
    put(pen, STR(" "));
    put_line(pen, status_reason(reply->status), STR_EMPTY);
    put_line(pen, STR("Date: "), date);
    if (!has_no_body(reply->status)) {
        if (reply->content_type.len)
            put_line(pen, STR("Content-Type: "), reply->content_type);
        if (!reply->stream) {
            put(pen, STR("Content-Length: "));
            put_number(pen, reply->body.len);
            put(pen, STR("\r\n"));
        } else if (!req->http_1_0) {
            put(pen, STR("Transfer-Encoding: chunked\r\n"));
        }
    }
    if (reply->close || (reply->stream && req->http_1_0))
        put(pen, STR("Connection: close\r\n"));
    else if (req->http_1_0)
        put(pen, STR("Connection: keep-alive\r\n"));
}

/* The base of a correlation vector: 22 characters of base64, made from the request's id. */
static void put_correlation_vector(struct pen *pen, struct str id)
{
    char base[CV_LEN];
    size_t len = 0;

    memset(base, '0', sizeof base);
    for (size_t i = 0; i < id.len && len < sizeof base; i++)
        if (id.ptr[i] != '-' && id.ptr[i] != '_')
            base[len++] = id.ptr[i];
    put(pen, STR("MS-CV: "));
    put(pen, (struct str){base, sizeof base});
    put(pen, STR(".0\r\n"));
}

static void put_processing_time(struct pen *pen, mono_ns started)
{
    mono_ns now = clock_mono();

    put(pen, STR("X-Processing-Time: "));
    put_number(pen, now > started ? (now - started) / 1000000 : 0);
    put(pen, STR("ms\r\n"));
}

/* The caller's own id, when it asked for it and it is fit for a header line. */
static struct str client_request_id(const struct request *req)
{
    struct str wanted = headers_get(&req->headers, HEADER_X_MS_RETURN_CLIENT_REQUEST_ID);
    struct str id;

    if (!wanted.len || !name_eq_nocase(wanted, STR("true")))
        return STR_EMPTY;
    id = headers_get(&req->headers, HEADER_X_MS_CLIENT_REQUEST_ID);
    if (id.len > CLIENT_ID_MAX)
        return STR_EMPTY;
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] < 0x20 || id.ptr[i] > 0x7E)
            return STR_EMPTY;
    return id;
}

static void put_service_lines(struct pen *pen, const struct request *req)
{
    const struct service *service = service_of(req);
    struct str client_id = client_request_id(req);

    if (req->reply.processed && service && service->version_count)
        put_line(pen, STR("api-supported-versions: "), service->supported);
    if (req->id.len) {
        put_line(pen, STR("x-ms-request-id: "), req->id);
        if (req->route && req->route->accept & ACCEPT_ARM)
            put_line(pen, STR("x-ms-correlation-request-id: "), req->id);
        put_correlation_vector(pen, req->id);
    }
    if (req->started)
        put_processing_time(pen, req->started);
    if (client_id.len)
        put_line(pen, STR("x-ms-client-request-id: "), client_id);
    if (req->reply.status == 401 && service && service->challenge.len &&
        !has_extra(&req->reply, STR("WWW-Authenticate")))
        put_line(pen, STR("WWW-Authenticate: "),
                 req->route->accept & ACCEPT_KEY ? service->challenge : STR("Bearer"));
}

/* A browser keeps HSTS by host for all ports: for localhost, or an address, it would break every
 * other program on the machine. */
static bool host_is_public(const struct request *req)
{
    struct str host;
    uint16_t port;

    if (authority_split(headers_get(&req->headers, HEADER_HOST), &host, &port) || host.len == 0)
        return false;
    if (name_eq_nocase(host, STR("localhost")) ||
        (host.len > 10 && name_eq_nocase(str_from_index(host, host.len - 10), STR(".localhost"))))
        return false;
    /* a dotted name ends in a letter, an IPv4 address in a digit; an IPv6 address has colons */
    return str_find(host, ':') == host.len &&
           !(host.ptr[host.len - 1] >= '0' && host.ptr[host.len - 1] <= '9');
}

static void put_browser_lines(struct pen *pen, const struct request *req)
{
    const struct service *service = service_of(req);
    bool tls = req->secure || (req->door && req->door->tls);

    if (tls && host_is_public(req) && !has_extra(&req->reply, STR("Strict-Transport-Security")))
        put(pen, STR("Strict-Transport-Security: max-age=31536000\r\n"));
    if (!request_is_wire(req))
        return;
    if (!has_extra(&req->reply, STR("Access-Control-Allow-Origin")))
        put(pen, STR("Access-Control-Allow-Origin: *\r\n"));
    if (!has_extra(&req->reply, STR("Access-Control-Expose-Headers")))
        put_line(pen, STR("Access-Control-Expose-Headers: "),
                 service && service->exposes_all
                     ? STR("*")
                     : STR("x-ms-client-request-id, api-supported-versions, Retry-After, "
                           "WWW-Authenticate"));
}

static size_t octets_at_most(const struct request *req)
{
    const struct reply *reply = &req->reply;
    const struct service *service = service_of(req);
    size_t max = FIXED_MAX + reply->content_type.len + 2 * req->id.len + CLIENT_ID_MAX;

    if (service)
        max += service->supported.len + service->challenge.len + STR("Bearer").len;
    for (size_t i = 0; i < reply->extra_count; i++)
        max += reply->extra[i].name.len + reply->extra[i].value.len + 4;
    return max + reply->body.len;
}

void reply_encode(const struct request *req, struct str date, struct buf *out)
{
    const struct reply *reply = &req->reply;
    size_t max = octets_at_most(req);
    char *start = buf_reserve(out, max);
    struct pen pen = {start, start ? start + max : NULL, false};

    if (!start)
        return;
    put_framing(&pen, req, date);
    put_service_lines(&pen, req);
    put_browser_lines(&pen, req);
    for (size_t i = 0; i < reply->extra_count; i++) {
        put(&pen, reply->extra[i].name);
        put_line(&pen, STR(": "), reply->extra[i].value);
    }
    put(&pen, STR("\r\n"));
    if (!reply->stream && !has_no_body(reply->status) && req->method != HEAD)
        put(&pen, reply->body);
    assert(!pen.overrun);
    if (pen.overrun)
        out->failed = RC_INTERNAL;
    else
        buf_grown(out, (size_t)(pen.at - start));
}
