/* What all transfers over libcurl have in common, of what curl would choose otherwise by itself. */
#ifndef CLIENT_CURL_RULES_H
#define CLIENT_CURL_RULES_H

#include <curl/curl.h>
#include <sys/socket.h>

/* Programs that the caller starts must not inherit a connection that speaks for it. */
static inline curl_socket_t curl_rules_socket(void *user, curlsocktype purpose,
                                              struct curl_sockaddr *at)
{
    (void)user;
    (void)purpose;
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

static inline CURLcode curl_rules_set(CURL *e)
{
    CURLcode rc = curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);

    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, curl_rules_socket);
    return rc;
}

#endif
