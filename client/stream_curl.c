/* Streams over libcurl: it connects, with proxies and TLS as for requests, and then carries octets.
 *
 * It stands alone (libc and libcurl), because the executable loads it as a module. */
#include "client/stream.h"

#include "client/curl_rules.h"

#include <stdio.h>
#include <string.h>

static CURLcode set_up(CURL *e, const struct stream_target *to, char *reason)
{
    CURLcode rc = curl_rules_set(e);

#define SET(option, value)                                                                         \
    if (rc == CURLE_OK)                                                                            \
    rc = curl_easy_setopt(e, option, value)
    SET(CURLOPT_URL, to->url);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)to->connect_timeout_ms);
    SET(CURLOPT_ERRORBUFFER, reason);
    if (to->ca_file)
        SET(CURLOPT_CAINFO, to->ca_file);
    if (to->no_proxy)
        SET(CURLOPT_PROXY, "");
#undef SET
    return rc;
}

static enum cg_status stream_open(const struct stream_target *to, void **out, char *reason,
                                  size_t cap)
{
    CURL *e = curl_easy_init();
    char why[CURL_ERROR_SIZE] = "";
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    if (e)
        rc = set_up(e, to, why);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(e);
    if (rc == CURLE_OK) {
        curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL);
        *out = e;
        return CG_OK;
    }
    (void)snprintf(reason, cap, "%s", why[0] ? why : curl_easy_strerror(rc));
    curl_easy_cleanup(e);
    if (rc == CURLE_OUT_OF_MEMORY)
        return CG_NOMEM;
    return rc == CURLE_SSL_CACERT_BADFILE ? CG_LOCAL : CG_NETWORK;
}

static long stream_send(void *stream, const void *data, size_t len)
{
    size_t n = 0;
    CURLcode rc = curl_easy_send(stream, data, len, &n);

    if (rc == CURLE_AGAIN)
        return 0;
    return rc == CURLE_OK ? (long)n : -1;
}

static long stream_recv(void *stream, void *data, size_t cap)
{
    size_t n = 0;
    CURLcode rc = curl_easy_recv(stream, data, cap, &n);

    if (rc == CURLE_AGAIN)
        return 0;
    return rc == CURLE_OK && n > 0 ? (long)n : -1;
}

static int stream_fd(void *stream)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    return curl_easy_getinfo((CURL *)stream, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK ? (int)fd : -1;
}

static void stream_close(void *stream)
{
    curl_easy_cleanup(stream);
}

CG_API const struct stream_ops *cg_stream_curl(void)
{
    static const struct stream_ops table = {
        .size = sizeof(struct stream_ops),
        .open = stream_open,
        .send = stream_send,
        .recv = stream_recv,
        .fd = stream_fd,
        .close = stream_close,
    };

    return &table;
}
