/* Signs requests with an access key (HMAC-SHA256), for programs that send them themselves. C99. */
#ifndef CALLGATE_SIGNER_H
#define CALLGATE_SIGNER_H

#include "callgate/base.h"

CG_BEGIN

/** What is signed; borrowed for the call. */
struct cg_sign_input {
    const char *method; /* upper case */
    const char *host;   /* the Host header as it will be sent: port only if not the default */
    const char *target; /* path and query as they will be sent */
    const void *body;   /* NULL: empty */
    size_t body_len;
    int64_t unix_ms; /* date of the signature; 0: now */
};

/** The three header values to send beside Host. */
struct cg_signature {
    char date[32];           /* x-ms-date */
    char content_hash[48];   /* x-ms-content-sha256 */
    char authorization[160]; /* Authorization */
};

/**
 * Signs one attempt of one request. Sign each attempt anew: the date window is five minutes.
 *
 * @param access_key NUL-terminated base64 of the key, as in a connection string; borrowed.
 * @param input      borrowed.
 * @param out        written on success only.
 * @param err        NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (key is not base64, a text is missing or has control characters);
 *         CG_NOMEM.
 * Thread rule: any thread.
 * @source wire/authentication §1.1
 */
CG_API enum cg_status cg_sign(const char *access_key, const struct cg_sign_input *input,
                              struct cg_signature *out, struct cg_error *err) CG_NODISCARD;

CG_END

#endif
