/* What every header of libcallgate shares: results, errors and the marks on functions. C99. */
#ifndef CALLGATE_BASE_H
#define CALLGATE_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CG_API       __attribute__((visibility("default")))
#define CG_NODISCARD __attribute__((warn_unused_result))
#else
#define CG_API
#define CG_NODISCARD
#endif

#ifdef __cplusplus
#define CG_BEGIN extern "C" {
#define CG_END   }
#else
#define CG_BEGIN
#define CG_END
#endif

CG_BEGIN

enum cg_status {
    CG_OK = 0,
    CG_INVALID,       /* refused before sending: an argument of yours */
    CG_DENIED,        /* 401: credential missing, wrong, expired or revoked */
    CG_FORBIDDEN,     /* 403: a good credential that may not do this */
    CG_NOT_FOUND,     /* 404 */
    CG_CONFLICT,      /* 409, 412 */
    CG_BUSY,          /* 429, 503, also after the retries */
    CG_REFUSED,       /* any other 4xx */
    CG_SERVER_FAILED, /* any other 5xx */
    CG_NETWORK,       /* no answer: name, connection, TLS, time-out */
    CG_PROTOCOL,      /* an answer that we don't understand */
    CG_NOMEM,
    CG_LOCAL /* a file, or the transport's library, could not be used */
};

/** What went wrong. Filled on failure only; holds its texts itself, nothing to free. Texts are
 * cut to fit, always NUL-terminated, and never contain a key, token or signature. */
struct cg_error {
    enum cg_status status;
    int http_status;     /* 0: no answer arrived */
    char code[64];       /* the service's code, "Denied"; empty when there is none */
    char message[512];   /* for people */
    char request_id[64]; /* x-ms-client-request-id of the failed call */
    char explain[2048];  /* a development server's x-callgate-explain */
};

/**
 * A short English text for a status.
 *
 * @param status any value.
 * @return static text, never NULL.
 * Thread rule: any thread.
 * @source own
 */
CG_API const char *cg_status_text(enum cg_status status);

CG_END

#endif
