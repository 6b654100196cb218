/* One call to the server. An attempt is signed when it is sent, never before: the date window is
 * five minutes, and a retried signature would be the old one.
 * Source: wire/authentication §1.1, §5. */
#include "client/exchange.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "client/client_private.h"
#include "client/failure.h"

#include <errno.h>

#define HEADER_ROWS     10
#define RETRY_AFTER_MAX 30000u
#define RETRY_DELAY_MAX 10000u
#define REQUEST_ID_SIZE (UUID_TEXT_LEN + 1)
#define NAME_IS(lit)    name_eq_nocase(str_of(name, name_len), STR(lit))

/* One attempt: what is sent and what has come back. */
struct attempt {
    struct exchange *x;
    int http_status;
    uint64_t retry_after_s;
    bool overflowed, write_failed;
    struct buf body; /* of the answer */
    char explain[sizeof((struct cg_error *)0)->explain];
    char request_id[sizeof((struct cg_error *)0)->request_id];
    struct cg_http_result result;
    struct cg_error err; /* of this attempt: the application's is written when it was the last */
};

struct header_rows {
    struct cg_header rows[HEADER_ROWS];
    size_t n;
    struct cg_signature signature;
    char *authorization; /* owned, wiped: a bearer token */
    size_t authorization_len;
};

static int take_status(int status, void *user)
{
    struct attempt *a = user;

    a->http_status = status;
    return 0;
}

static int take_header(const char *name, size_t name_len, const char *value, size_t value_len,
                       void *user)
{
    struct attempt *a = user;
    struct str text = str_of(value, value_len);

    if (NAME_IS("x-callgate-explain"))
        text_store(a->explain, sizeof a->explain, text);
    else if (NAME_IS("x-ms-client-request-id"))
        text_store(a->request_id, sizeof a->request_id, text);
    else if (NAME_IS("retry-after") && str_to_u64(text, 86400, &a->retry_after_s))
        a->retry_after_s = 0; /* a date: our own delay will do */
    return 0;
}

static int take_body(const void *data, size_t len, void *user)
{
    struct attempt *a = user;

    if (a->x->stream_to && a->http_status < 300) {
        a->write_failed = fwrite(data, 1, len, a->x->stream_to) != len;
        a->x->streamed += len;
        return a->write_failed;
    }
    buf_add(&a->body, str_of(data, len));
    a->overflowed = a->body.failed != RC_OK;
    return a->overflowed;
}

static void add_header(struct header_rows *h, const char *name, const char *value)
{
    h->rows[h->n++] = (struct cg_header){name, value};
}

static enum cg_status add_bearer(struct cg_client *c, struct header_rows *h, struct cg_error *err)
{
    static const char scheme[] = "Bearer ";
    enum cg_status status = CG_OK;

    h->authorization_len = sizeof scheme + CG_TOKEN_MAX;
    h->authorization = calloc(1, h->authorization_len);
    if (!h->authorization)
        return failure(err, CG_NOMEM, STR("out of memory"));
    memcpy(h->authorization, scheme, sizeof scheme);
    if (c->bearer_token)
        memcpy(h->authorization + sizeof scheme - 1, c->bearer_token, strlen(c->bearer_token));
    else
        status =
            c->get_token(h->authorization + sizeof scheme - 1, CG_TOKEN_MAX, c->get_token_user);
    if (status)
        return failure(err, status, STR("the application's token could not be had"));
    if (!text_is_plain(h->authorization + sizeof scheme - 1))
        return failure(err, CG_INVALID, STR("the application's token is empty or not a token"));
    add_header(h, "Authorization", h->authorization);
    return CG_OK;
}

static enum cg_status add_credential(struct cg_client *c, const struct exchange *x,
                                     struct header_rows *h, struct cg_error *err)
{
    struct cg_sign_input input = {.method = x->method,
                                  .host = c->endpoint.authority,
                                  .target = x->target,
                                  .body = x->body.ptr,
                                  .body_len = x->body.len};
    enum cg_status status = CG_OK;

    if (c->bearer_token || c->get_token)
        return add_bearer(c, h, err);
    if (!c->signer.key)
        return CG_OK; /* the socket's file permissions are the login */
    status = key_signer_sign(&c->signer, &input, &h->signature, err);
    if (status)
        return status;
    add_header(h, "x-ms-date", h->signature.date);
    add_header(h, "x-ms-content-sha256", h->signature.content_hash);
    add_header(h, "Authorization", h->signature.authorization);
    return CG_OK;
}

static enum cg_status send_once(struct cg_client *c, struct attempt *a, const char *request_id,
                                const char *url, struct cg_error *err)
{
    struct exchange *x = a->x;
    struct header_rows h = {.n = 0};
    struct cg_http_request request = {
        .method = x->method,
        .url = url,
        .headers = h.rows,
        .body = x->body.ptr,
        .body_len = x->body.len,
        .unix_socket = c->unix_socket,
        .ca_file = c->ca_file,
        .timeout_ms = x->stream_to ? 0 : c->timeout_ms,
        .connect_timeout_ms = c->connect_timeout_ms,
        .no_proxy = c->unix_socket || c->endpoint.loopback,
    };
    const struct cg_http_sink sink = {take_status, take_header, take_body, a};
    enum cg_status status = CG_OK;

    add_header(&h, "Host", c->endpoint.authority);
    add_header(&h, "Accept", "application/json");
    add_header(&h, "User-Agent", c->user_agent);
    add_header(&h, "x-ms-client-request-id", request_id);
    add_header(&h, "x-ms-return-client-request-id", "true");
    if (x->body.len > 0)
        add_header(&h, "Content-Type", x->content_type ? x->content_type : "application/json");
    if (x->repeat_id)
        add_header(&h, "repeatability-request-id", x->repeat_id);
    status = add_credential(c, x, &h, err);
    if (status)
        goto out;
    request.header_count = h.n;
    status = c->transport->send(c->transport_state, &request, &sink, &a->result);
    if (status)
        (void)failure(err, status, str_from(a->result.reason));
out:
    if (h.authorization)
        explicit_bzero(h.authorization, h.authorization_len);
    free(h.authorization);
    return status;
}

static enum cg_status judge(struct attempt *a, enum cg_status sent)
{
    struct cg_error *err = &a->err;
    enum cg_status status = sent;
    char text[64];

    if (a->write_failed)
        return failure(err, CG_LOCAL, STR("the file could not be written"));
    if (a->overflowed)
        return failure(err, a->body.failed == RC_TOO_LARGE ? CG_PROTOCOL : CG_NOMEM,
                       STR("the answer is larger than this client takes"));
    if (status == CG_OK && (a->http_status < 200 || a->http_status >= 300)) {
        status = failure_of_http(a->http_status);
        (void)snprintf(text, sizeof text, "the server answered %d", a->http_status);
        (void)failure(err, status, str_from(text));
        failure_read_body(err, buf_str(&a->body));
    }
    if (status) {
        err->http_status = a->http_status;
        memcpy(err->explain, a->explain, sizeof err->explain);
    }
    return status;
}

static bool is_idempotent(const struct exchange *x)
{
    return x->repeatable || (strcmp(x->method, "POST") != 0 && strcmp(x->method, "PATCH") != 0);
}

/* What a gateway, or a server that is being restarted, answers for a moment. */
static bool may_pass(int http_status)
{
    return http_status == 408 || http_status == 500 || http_status == 502 || http_status == 504;
}

static bool worth_repeating(const struct attempt *a, enum cg_status status)
{
    if (status == CG_BUSY || (status == CG_NETWORK && !a->result.connected))
        return true;
    return is_idempotent(a->x) &&
           (status == CG_NETWORK || (status != CG_OK && may_pass(a->http_status)));
}

static void pause_before(const struct cg_client *c, unsigned attempt, uint64_t retry_after_s)
{
    uint64_t ms = (uint64_t)c->retry_delay_ms << (attempt < 16 ? attempt : 16);
    struct timespec left;

    ms = ms < RETRY_DELAY_MAX ? ms : RETRY_DELAY_MAX;
    if (retry_after_s > 0)
        ms = retry_after_s * 1000 < RETRY_AFTER_MAX ? retry_after_s * 1000 : RETRY_AFTER_MAX;
    left = (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static enum cg_status try_until(struct cg_client *c, struct attempt *a, const char *url,
                                struct cg_error *err)
{
    unsigned attempts = a->x->stream_to ? 1 : c->attempts_max;
    enum cg_status status = CG_NETWORK;
    char request_id[REQUEST_ID_SIZE] = "";
    struct uuid id = uuid_random();

    uuid_format(&id, request_id);
    for (unsigned i = 0; i < attempts; i++) {
        if (i > 0)
            pause_before(c, i - 1, a->retry_after_s);
        buf_reset(&a->body);
        a->http_status = 0;
        a->retry_after_s = 0;
        a->explain[0] = '\0';
        a->request_id[0] = '\0';
        status = judge(a, send_once(c, a, request_id, url, &a->err));
        if (!worth_repeating(a, status))
            break;
    }
    c->http_status = a->http_status;
    text_store(c->request_id, sizeof c->request_id,
               str_from(a->request_id[0] ? a->request_id : request_id));
    if (status && err) {
        *err = a->err;
        memcpy(err->request_id, c->request_id, sizeof err->request_id);
    }
    return status;
}

enum cg_status exchange_not_understood(const struct cg_client *client, struct cg_error *err)
{
    (void)failure(err, CG_PROTOCOL, STR("the answer lacks what the contract promises"));
    if (err) {
        err->http_status = client->http_status;
        memcpy(err->request_id, client->request_id, sizeof err->request_id);
    }
    return CG_PROTOCOL;
}

enum cg_status exchange_run(struct cg_client *client, struct exchange *x, struct cg_error *err)
{
    struct attempt *a = calloc(1, sizeof *a);
    struct buf url;
    enum cg_status status = CG_NOMEM;

    buf_init(&url, 64 * KIB);
    buf_add(&url, str_from(client->endpoint.text));
    buf_add(&url, str_from(x->target));
    if (!a || !buf_cstr(&url)) {
        (void)failure(err, CG_NOMEM, STR("out of memory"));
        goto out;
    }
    a->x = x;
    buf_init(&a->body, REPLY_MAX);
    status = try_until(client, a, buf_cstr(&url), err);
    x->http_status = a->http_status;
    if (status == CG_OK) {
        buf_wipe(x->reply);
        *x->reply = a->body; /* moved */
    } else {
        buf_wipe(&a->body);
    }
out:
    buf_clear(&url);
    free(a);
    return status;
}
