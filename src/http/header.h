/* Header fields of one message: slices, with the fields we know indexed by number. */
#ifndef HTTP_HEADER_H
#define HTTP_HEADER_H

#include "base/str.h"

/* clang-format off */
#define HEADER_LIST(X)                                             \
    X(HOST, "host") X(AUTHORIZATION, "authorization")              \
    X(CONTENT_LENGTH, "content-length") X(CONTENT_TYPE, "content-type") \
    X(CONTENT_ENCODING, "content-encoding")                        \
    X(TRANSFER_ENCODING, "transfer-encoding") X(CONNECTION, "connection") \
    X(UPGRADE, "upgrade") X(EXPECT, "expect") X(DATE, "date")      \
    X(ORIGIN, "origin") X(SEC_FETCH_SITE, "sec-fetch-site")        \
    X(USER_AGENT, "user-agent") X(TRACEPARENT, "traceparent")      \
    X(FORWARDED, "forwarded") X(X_FORWARDED_FOR, "x-forwarded-for") \
    X(X_FORWARDED_HOST, "x-forwarded-host")                        \
    X(X_FORWARDED_PROTO, "x-forwarded-proto")                      \
    X(X_MS_DATE, "x-ms-date") X(X_MS_CONTENT_SHA256, "x-ms-content-sha256") \
    X(X_MS_HOST, "x-ms-host") X(X_MS_CLIENT_REQUEST_ID, "x-ms-client-request-id") \
    X(X_MS_RETURN_CLIENT_REQUEST_ID, "x-ms-return-client-request-id") \
    X(X_MS_HMAC_STRING, "x-ms-hmac-string-to-sign-base64")         \
    X(REPEATABILITY_REQUEST_ID, "repeatability-request-id")        \
    X(REPEATABILITY_FIRST_SENT, "repeatability-first-sent")        \
    X(X_SKYPETOKEN, "x-skypetoken")                                \
    X(ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method") \
    X(ACCESS_CONTROL_REQUEST_HEADERS, "access-control-request-headers")
/* clang-format on */

enum header_id {
    HEADER_OTHER = 0,
#define X(id, name) HEADER_##id,
    HEADER_LIST(X)
#undef X
        HEADER_COUNT
};

#define HEADERS_MAX 100 /* lines; the setting http.headers_max may be lower */

struct header {
    struct str name, value; /* value without blanks around it */
    enum header_id id;
};

struct headers {
    struct header *items;
    size_t n;
    uint8_t first[HEADER_COUNT]; /* index + 1 of the first line of that name; 0: absent */
    uint8_t times[HEADER_COUNT];
};

/** RFC 9110 §5.6.2: what names of headers and methods are made of. */
bool header_is_token(struct str text) NODISCARD;
/** What the target of a request is made of: what RFC 3986 lets a URL have, and what browsers leave
 * in queries as it is: ^`{|}. Source: WHATWG URL §1.3. */
bool header_is_target(struct str text) NODISCARD;
/** HEADER_OTHER for names we don't know; compared without case. */
enum header_id header_id_of(struct str name) NODISCARD;
/** Appends a line; the caller has made `items` large enough (HEADERS_MAX). */
void headers_add(struct headers *h, struct str name, struct str value);
/** The value of the first line of that name, or an empty slice with ptr NULL. */
struct str headers_get(const struct headers *h, enum header_id id) NODISCARD;
/** The value of the only line named `name` (any name, without case); RC_NOT_FOUND when absent,
 * RC_CONFLICT when there are several. */
enum rc headers_only(const struct headers *h, struct str name, struct str *out) NODISCARD;

#endif
