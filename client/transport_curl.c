/* The transport over libcurl: one easy handle per client, whose connection is kept.
 *
 * It stands alone (libc and libcurl), because the executable loads it as a module. */
#include "callgate/transport.h"

#include "client/curl_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    CURL *easy;
};

struct answer {
    const struct cg_http_sink *sink;
    int interim, refused;
    int once, asked; /* not to be sent twice; was sent */
};

static enum cg_status state_open(void **out_state, void *user)
{
    struct state *s = calloc(1, sizeof *s);

    (void)user; /* none here */
    if (!s)
        return CG_NOMEM;
    s->easy = curl_easy_init();
    if (!s->easy) {
        free(s);
        return CG_NOMEM;
    }
    *out_state = s;
    return CG_OK;
}

static void state_close(void *state)
{
    struct state *s = state;

    if (!s)
        return;
    curl_easy_cleanup(s->easy);
    free(s);
}

/* "HTTP/1.1 201 Created" */
static int pass_status(struct answer *a, const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    int status = 0;

    if (!blank || len - (size_t)(blank - line) < 4)
        return 1;
    for (int i = 1; i <= 3; i++) {
        if (blank[i] < '0' || blank[i] > '9')
            return 1;
        status = status * 10 + (blank[i] - '0');
    }
    a->interim = status < 200;
    return a->interim ? 0 : a->sink->on_status(status, a->sink->user);
}

static int pass_header(const struct answer *a, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len), *value = NULL;
    size_t value_len = 0;

    if (!colon || a->interim)
        return 0;
    value = colon + 1;
    value_len = len - (size_t)(value - line);
    while (value_len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        value_len--;
    }
    while (value_len > 0 && strchr(" \t\r\n", value[value_len - 1]))
        value_len--;
    return a->sink->on_header(line, (size_t)(colon - line), value, value_len, a->sink->user);
}

static size_t on_line(char *line, size_t size, size_t n, void *user)
{
    struct answer *a = user;
    size_t len = size * n;
    int status_line = len > 5 && memcmp(line, "HTTP/", 5) == 0;

    a->refused |= status_line ? pass_status(a, line, len) : pass_header(a, line, len);
    return a->refused ? 0 : len;
}

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct answer *a = user;
    size_t len = size * n;

    a->refused |= a->sink->on_body(data, len, a->sink->user);
    return a->refused ? 0 : len;
}

/* When a kept connection ends without an answer, libcurl would ask again over a new one, though the
 * server may have read the first. What comes of that is not ours to decide.
 * NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static int on_connection(void *user, char *peer, char *own, int peer_port, int own_port)
{
    struct answer *a = user;

    (void)peer;
    (void)own;
    (void)peer_port;
    (void)own_port;
    if (a->once && a->asked)
        return CURL_PREREQFUNC_ABORT;
    a->asked = 1;
    return CURL_PREREQFUNC_OK;
}

static int add_line(struct curl_slist **list, const char *name, const char *value)
{
    size_t len = strlen(name) + strlen(value) + 3;
    char *line = malloc(len);
    struct curl_slist *longer = NULL;

    if (!line)
        return 0;
    (void)snprintf(line, len, "%s: %s", name, value);
    longer = curl_slist_append(*list, line);
    free(line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static struct curl_slist *make_headers(const struct cg_http_request *r)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for 100 */
    int ok = list != NULL, has_type = 0;

    for (size_t i = 0; ok && i < r->header_count; i++) {
        ok = add_line(&list, r->headers[i].name, r->headers[i].value);
        has_type |= strcmp(r->headers[i].name, "Content-Type") == 0;
    }
    if (ok && !has_type) { /* else libcurl says it is a form */
        struct curl_slist *longer = curl_slist_append(list, "Content-Type:");

        ok = longer != NULL;
    }
    if (!ok) {
        curl_slist_free_all(list);
        list = NULL;
    }
    return list;
}

#define SET(option, value)                                                                         \
    if (rc == CURLE_OK)                                                                            \
    rc = curl_easy_setopt(e, option, value)

static CURLcode set_rules(CURL *e, const struct cg_http_request *r)
{
    CURLcode rc = curl_rules_set(e);

    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's answer is not the server's */
    SET(CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_timeout_ms);
    return rc;
}

static CURLcode set_request(CURL *e, const struct cg_http_request *r, struct curl_slist *headers)
{
    CURLcode rc = set_rules(e, r);
    int has_body = r->body_len > 0 || strcmp(r->method, "POST") == 0 ||
                   strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0;

    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    SET(CURLOPT_HTTPHEADER, headers);
    if (has_body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        SET(CURLOPT_POSTFIELDS, r->body_len > 0 ? r->body : "");
    }
    if (strcmp(r->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    if (r->unix_socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
    if (r->ca_file)
        SET(CURLOPT_CAINFO, r->ca_file);
    if (r->no_proxy)
        SET(CURLOPT_PROXY, "");
    return rc;
}
#undef SET

static CURLcode set_sinks(CURL *e, struct answer *a, char *reason)
{
    CURLcode rc = curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_line);

    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_HEADERDATA, a);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_WRITEDATA, a);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connection);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_PREREQDATA, a);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_ERRORBUFFER, reason);
    return rc;
}

/* Without an answer that is all one can know: a head that was written may have been read. */
static int has_sent(CURL *e)
{
    long octets = 0;

    return curl_easy_getinfo(e, CURLINFO_REQUEST_SIZE, &octets) != CURLE_OK || octets > 0;
}

static const char *reason_of(CURLcode rc, const struct answer *a, const char *told)
{
    if (rc == CURLE_ABORTED_BY_CALLBACK && a->asked)
        return "the connection was lost";
    return told[0] ? told : curl_easy_strerror(rc);
}

static enum cg_status state_send(void *state, const struct cg_http_request *request,
                                 const struct cg_http_sink *sink, struct cg_http_result *out)
{
    struct state *s = state;
    struct answer a = {.sink = sink};
    struct curl_slist *headers = make_headers(request);
    char reason[CURL_ERROR_SIZE] = "";
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    memset(out, 0, sizeof *out);
    a.once = strcmp(request->method, "POST") == 0 || strcmp(request->method, "PATCH") == 0;
    if (headers) {
        curl_easy_reset(s->easy); /* keeps connections */
        rc = set_request(s->easy, request, headers);
        if (rc == CURLE_OK)
            rc = set_sinks(s->easy, &a, reason);
        if (rc == CURLE_OK)
            rc = curl_easy_perform(s->easy);
        curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, NULL);
        out->connected = has_sent(s->easy);
    }
    curl_slist_free_all(headers);
    if (rc == CURLE_OK)
        return CG_OK;
    (void)snprintf(out->reason, sizeof out->reason, "%s", reason_of(rc, &a, reason));
    if (rc == CURLE_OUT_OF_MEMORY)
        return CG_NOMEM;
    return rc == CURLE_SSL_CACERT_BADFILE ? CG_LOCAL : CG_NETWORK;
}

CG_API const struct cg_transport *cg_transport_curl(void)
{
    static const struct cg_transport table = {
        .size = sizeof(struct cg_transport),
        .open = state_open,
        .send = state_send,
        .close = state_close,
    };

    return &table;
}
