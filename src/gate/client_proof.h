/* How a client of the token endpoint proves who it is, besides a plain secret (applications.h):
 * HTTP Basic, an assertion signed with a registered certificate, or one that another issuer signed
 * for a registered subject. Which application is meant, and whether it may have a token, is decided
 * by the caller. Source: wire/managed-identity §1.5, §1.7, §1.8; RFC 7521, RFC 7523. */
#ifndef GATE_CLIENT_PROOF_H
#define GATE_CLIENT_PROOF_H

#include "gate/applications.h"
#include "gate/scheme_entra.h"

struct request;

/** The client id and secret of "Authorization: Basic …", form-decoded (RFC 6749 §2.3.1), in the
 * request's arena. RC_NOT_FOUND: no Authorization header; RC_INVALID: several, another scheme, or
 * malformed. */
enum rc basic_read(struct request *req, struct str *out_client, struct str *out_secret) NODISCARD;

#define ASSERTION_MAX ((size_t)32768) /* characters */

enum assertion_flaw {
    ASSERTION_FINE = 0,
    ASSERTION_MALFORMED,
    ASSERTION_KEY,         /* algorithm, key or signature */
    ASSERTION_CERTIFICATE, /* the certificate is out of its time */
    ASSERTION_PARTIES,     /* iss, sub and the client are not one */
    ASSERTION_AUDIENCE,
    ASSERTION_TIME,
    ASSERTION_ISSUER, /* federated: no record has its issuer, … */
    ASSERTION_SUBJECT,
    ASSERTION_FEDERATED_AUDIENCE,
};

/** Taken apart, nothing checked. Texts are slices of `jws`. */
struct assertion {
    struct jws jws;
    struct str iss, sub, jti; /* empty: absent, or no text */
    bool federated;           /* `iss` is an address: another issuer vouches for the client */
    unix_ms exp;              /* set by the checks */
};

/** RC_INVALID or RC_TOO_LARGE with a static reason. The header may hold a certificate chain, which
 * is never looked at. What the client signed itself may have base64 padding, as azure.identity.aio
 * writes it; a foreign token may not. */
enum rc assertion_read(struct str text, struct arena *arena, struct assertion *out,
                       const char **out_why) NODISCARD;
/** Zeros are fine. */

/** Whom an assertion must be for. */
struct assertion_party {
    const struct app_document *document;
    const struct uuid *client_id;
    bool (*is_ours)(void *ctx, struct str aud); /* names our token endpoint or issuer */
    void *ctx;
};
/** The whole check of an assertion that the client signed itself; `out_why` gets a static reason.
 * Whether `jti` was used before is not asked. */
enum assertion_flaw assertion_by_certificate(struct assertion *a, const struct token_check *c,
                                             const struct assertion_party *party,
                                             const char **out_why) NODISCARD;

/** The registration that a foreign assertion fits: issuer, subject and audience, by the letter. */
enum assertion_flaw assertion_registration(const struct assertion *a,
                                           const struct app_document *doc,
                                           const struct app_federated **out) NODISCARD;
/** Who vouches for a foreign assertion, and why it does not count. */
struct assertion_issuer {
    struct key_source *source; /* the issuer's key set; NULL: we are the issuer */
    uint32_t algs;             /* bits 1 << enum jws_alg; of others */
    enum assertion_flaw flaw;
    const char *why;
};
/** Its signature and times. RC_OK, RC_DENIED with flaw and a static reason in `by`, RC_BUSY: wait
 * for the source, then ask again; RC_IO: the keys can't be had, with a static reason. */
enum rc assertion_by_issuer(struct assertion *a, const struct token_check *c,
                            struct assertion_issuer *by) NODISCARD;
/** What is taken of issuers whose record does not say: RS256, PS256, ES256, ES384. */
#define ASSERTION_ALGS (1U << JWS_RS256 | 1U << JWS_PS256 | 1U << JWS_ES256 | 1U << JWS_ES384)

/** Writes a signing key of ours as a JWK with `x5t`, `x5c` and `issuer`. Source:
 * wire/managed-identity §1.3. */
void signing_key_write(const struct signing_key *k, struct str issuer, struct json_writer *w);

#endif
