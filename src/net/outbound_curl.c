/* Requests over libcurl's multi interface: the module's side. It stands alone (libc and libcurl),
 * because the executable loads it on first use (design D9).
 *
 * Everything that libcurl would do by itself is switched off: proxies and credentials of the
 * environment, redirects, other protocols, decompression, signals. Redirects are followed here,
 * within one origin. */
#include "base/wiped.h"
#include "net/outbound_engine.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS_KEPT 16
#define WAIT_MS          1000
#define STOOD_STILL_MS   1500                /* a wait that took longer: nothing ran meanwhile */
#define HEADS_MAX        ((size_t)64 * 1024) /* octets of all heads of a call, interim ones too */

struct engine {
    const struct outbound_host *host;
    CURLM *multi;
    struct transfer *first;
};

/* One call under way. */
struct transfer {
    struct transfer *next;
    struct engine *engine;
    struct outbound_call *call;
    CURL *easy;
    struct curl_slist *headers;
    unsigned redirects;
    int64_t deadline_ms;            /* of all that it takes, redirects too */
    int64_t timeout_ms, connect_ms; /* as libcurl has them */
    size_t heads;                   /* octets so far */
    bool tls, refused, full, asked;
    char reason[CURL_ERROR_SIZE];
};

/* ---- callbacks ---- */

static size_t on_body(char *octets, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;

    if (!t->engine->host->take_body(t->call, octets, size * n)) {
        t->full = true;
        return 0; /* ends the transfer */
    }
    return size * n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * n;
    bool first = len > 5 && memcmp(line, "HTTP/", 5) == 0;

    t->heads += len;
    if (t->heads > HEADS_MAX) {
        t->full = true;
        return 0; /* ends the transfer */
    }
    t->engine->host->take_header(t->call, line, len, first);
    return len;
}

/* The resolved address is judged, not the name: a name may mean another one by now. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct transfer *t = ctx;
    const uint8_t *octets = NULL;
    size_t len = 0;

    (void)purpose;
    if (a->family == AF_INET) {
        octets = (const uint8_t *)&((struct sockaddr_in *)(void *)&a->addr)->sin_addr;
        len = sizeof(struct in_addr);
    } else if (a->family == AF_INET6) {
        octets = (const uint8_t *)&((struct sockaddr_in6 *)(void *)&a->addr)->sin6_addr;
        len = sizeof(struct in6_addr);
    }
    if (!octets || !t->engine->host->allows(t->call, t->tls, octets, len)) {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* A connection that is used again was opened for another call, whose rules may have been wider: so
 * its address is judged once more before anything is sent over it. When such a one turns out to be
 * lost, libcurl would ask again over a new one, though the first may have been heard.
 * NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static int on_connection(void *ctx, char *peer, char *own, int peer_port, int own_port)
{
    struct transfer *t = ctx;
    uint8_t octets[sizeof(struct in6_addr)];
    size_t len = strchr(peer, ':') ? sizeof(struct in6_addr) : sizeof(struct in_addr);

    (void)own;
    (void)peer_port;
    (void)own_port;
    if (t->call->once && t->asked)
        return CURL_PREREQFUNC_ABORT;
    t->asked = true;
    if (inet_pton(len == sizeof(struct in_addr) ? AF_INET : AF_INET6, peer, octets) == 1 &&
        t->engine->host->allows(t->call, t->tls, octets, len))
        return CURL_PREREQFUNC_OK;
    t->refused = true;
    return CURL_PREREQFUNC_ABORT;
}

/* ---- setting up ---- */

static bool add_line(struct transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->headers, line);

    if (longer)
        t->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct transfer *t)
{
    const struct outbound_call *call = t->call;
    /* no waiting for 100; a body is no form unless the caller says so */
    bool ok = add_line(t, "Expect:"), typed = false;

    for (size_t i = 0; ok && i < call->headers_count; i++) {
        const struct outbound_header *h = &call->headers[i];
        char line[8192];
        int len = snprintf(line, sizeof line, "%.*s: %.*s", (int)h->name.len, h->name.ptr,
                           (int)h->value.len, h->value.ptr);

        ok = len > 0 && (size_t)len < sizeof line && add_line(t, line);
        explicit_bzero(line, sizeof line); /* it may have been a credential */
        typed |= h->name.len == 12 && strncasecmp(h->name.ptr, "content-type", 12) == 0;
    }
    return ok && (typed || add_line(t, "Content-Type:"));
}

#define SET(option, value) (rc = rc ? rc : curl_easy_setopt(e, option, value))

static CURLcode set_rules(CURL *e, const struct transfer *t)
{
    const struct outbound_call *call = t->call;
    CURLcode rc = CURLE_OK;

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a stop does not wait for a name server */
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROTOCOLS_STR, call->plain_ok ? "http,https" : "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
    SET(CURLOPT_USERAGENT, t->engine->host->user_agent);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->response_max);
    SET(CURLOPT_FORBID_REUSE, 0L); /* private addresses too: on_connection() looks again */
    if (call->ca_file)             /* the system's stay in their folder */
        SET(CURLOPT_CAINFO, call->ca_file);
    return rc;
}

static CURLcode set_callbacks(CURL *e, struct transfer *t)
{
    CURLcode rc = CURLE_OK;

    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ERRORBUFFER, t->reason);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_connection);
    SET(CURLOPT_PREREQDATA, t);
    return rc;
}

static CURLcode set_request(CURL *e, const struct transfer *t)
{
    const struct outbound_call *call = t->call;
    CURLcode rc = CURLE_OK;

    SET(CURLOPT_HTTPHEADER, t->headers);
    SET(CURLOPT_URL, call->url);
    if (strcmp(call->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)0); /* what it tells is not sent */
    } else if (call->body.len || strcmp(call->method, "GET") != 0) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        SET(CURLOPT_POSTFIELDS, call->body.len ? call->body.ptr : "");
        SET(CURLOPT_CUSTOMREQUEST, call->method);
    }
    return rc;
}

/* ---- the life of a transfer ---- */

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* can't fail for this clock */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void unlink_transfer(struct transfer *t)
{
    struct transfer **at = &t->engine->first;

    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
}

/* Without an answer that is all one can know: a head that was written may have been read. */
static bool has_sent(CURL *easy)
{
    long octets = 0;

    return curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &octets) != CURLE_OK || octets > 0;
}

static void end(struct transfer *t, enum rc rc, int status, const char *reason)
{
    struct engine *engine = t->engine;
    struct outbound_call *call = t->call;
    char kept[CURL_ERROR_SIZE];

    (void)snprintf(kept, sizeof kept, "%s", reason);
    unlink_transfer(t);
    if (t->easy) {
        call->sent = has_sent(t->easy);
        curl_multi_remove_handle(engine->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->headers);
    free(t);
    engine->host->finished(call, rc, status, kept);
}

static void engine_add(void *ctx, struct outbound_call *call)
{
    struct engine *engine = ctx;
    struct transfer *t = calloc(1, sizeof *t);

    if (!t) {
        engine->host->finished(call, RC_INTERNAL, 0, "no memory");
        return;
    }
    t->engine = engine;
    t->call = call;
    t->redirects = call->redirects;
    t->deadline_ms = now_ms() + call->total_ms;
    t->timeout_ms = call->total_ms;
    t->connect_ms = call->connect_ms;
    t->tls = strncmp(call->url, "https:", 6) == 0;
    t->next = engine->first;
    engine->first = t;
    t->easy = curl_easy_init();
    if (!t->easy || !add_headers(t) || set_rules(t->easy, t) || set_callbacks(t->easy, t) ||
        set_request(t->easy, t) || curl_multi_add_handle(engine->multi, t->easy))
        end(t, RC_INTERNAL, 0, "the request could not be set up");
}

static void engine_drop(void *ctx, struct outbound_call *call)
{
    struct engine *engine = ctx;

    for (struct transfer *t = engine->first; t; t = t->next) {
        if (t->call == call) {
            end(t, RC_BUSY, 0, "cancelled");
            return;
        }
    }
}

/* True when a request of this kind may be sent again to another place, without its body. */
static bool may_follow(const struct outbound_call *call)
{
    return strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
}

/* True when it goes on elsewhere in the same origin, in what is left of its time. */
static bool follow(struct transfer *t, const char **out_problem)
{
    char *location = NULL;
    int64_t left_ms = t->deadline_ms - now_ms();

    if (curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location) || !location)
        return false;
    if (!t->engine->host->same_origin(t->call->url, location)) {
        *out_problem = "it redirects to another scheme, host or port";
        return false;
    }
    if (!t->redirects || !may_follow(t->call)) {
        *out_problem =
            t->redirects == t->call->redirects ? "it redirects" : "it redirects too often";
        return false;
    }
    t->redirects--;
    t->timeout_ms = left_ms > 1 ? left_ms : 1;
    curl_multi_remove_handle(t->engine->multi, t->easy);
    if (curl_easy_setopt(t->easy, CURLOPT_URL, location) ||
        curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms) ||
        curl_multi_add_handle(t->engine->multi, t->easy)) {
        *out_problem = "the redirect could not be followed";
        return false;
    }
    return true;
}

static void answered(struct transfer *t)
{
    const char *problem = NULL;
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300 && status < 400 && follow(t, &problem))
        return;
    if (problem)
        end(t, RC_DENIED, (int)status, problem);
    else
        end(t, RC_OK, (int)status, "");
}

static void failed(struct transfer *t, CURLcode code)
{
    /* of a name's addresses some may be refused and another one fail later: then that counts */
    if (t->refused && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
        end(t, RC_DENIED, 0, "the address is not one that may be asked (private, or not loopback)");
    else if (t->full || code == CURLE_FILESIZE_EXCEEDED)
        end(t, RC_TOO_LARGE, 0, "the answer is too large");
    else if (t->asked && code == CURLE_ABORTED_BY_CALLBACK)
        end(t, RC_IO, 0, "the connection was lost");
    else
        end(t, RC_IO, 0, t->reason[0] ? t->reason : curl_easy_strerror(code));
}

/* libcurl looks at the time before it reads. Had the process been stopped, or its machine, then
 * answers that came meanwhile would count as missing, and what they acknowledge be sent again. */
static void allow_for(const struct engine *engine, int64_t stood_ms)
{
    for (struct transfer *t = engine->first; t; t = t->next) {
        t->deadline_ms += stood_ms;
        t->timeout_ms += stood_ms;
        t->connect_ms += stood_ms;
        (void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
        (void)curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
    }
}

static void engine_turn(void *ctx)
{
    struct engine *engine = ctx;
    int64_t before, waited;
    int running, left;
    CURLMsg *m;

    curl_multi_perform(engine->multi, &running);
    while ((m = curl_multi_info_read(engine->multi, &left))) {
        struct transfer *t = NULL;

        if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t))
            continue;
        if (m->data.result == CURLE_OK)
            answered(t);
        else
            failed(t, m->data.result);
    }
    before = now_ms();
    curl_multi_poll(engine->multi, NULL, 0, WAIT_MS, NULL);
    waited = now_ms() - before;
    if (waited > STOOD_STILL_MS)
        allow_for(engine, waited);
}

static void engine_wake(void *ctx)
{
    struct engine *engine = ctx;

    curl_multi_wakeup(engine->multi);
}

static void engine_close(void *ctx)
{
    struct engine *engine = ctx;

    for (struct transfer *t = engine->first, *next; t; t = next) {
        next = t->next;
        end(t, RC_BUSY, 0, "the server is stopping");
    }
    curl_multi_cleanup(engine->multi);
    free(engine);
    curl_global_cleanup();
}

/* Credentials of gateways and subscribers are in heads and bodies that libcurl copies. */
static bool init_curl(void)
{
    return !curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiped_free, wiped_realloc, strdup,
                                 calloc);
}

static void *engine_open(const struct outbound_host *host)
{
    struct engine *engine = calloc(1, sizeof *engine);

    if (!engine || !init_curl()) {
        free(engine);
        return NULL;
    }
    engine->host = host;
    engine->multi = curl_multi_init();
    if (!engine->multi) {
        free(engine);
        return NULL;
    }
    curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return engine;
}

__attribute__((visibility("default"))) const struct outbound_engine *callgate_outbound_engine(void);
const struct outbound_engine *callgate_outbound_engine(void)
{
    static const struct outbound_engine table = {engine_open, engine_add,  engine_drop,
                                                 engine_turn, engine_wake, engine_close};

    return &table;
}
