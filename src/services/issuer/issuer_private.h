/* The insides of the issuer. */
#ifndef SERVICES_ISSUER_PRIVATE_H
#define SERVICES_ISSUER_PRIVATE_H

#include "gate/client_proof.h"
#include "gate/clients.h"
#include "services/form.h"
#include "services/issuer/issuer.h"
#include "services/service_tokens.h"

/* ---- issuer_error.c ---- */

struct issuer_error {
    int number, status;
    struct str error, text, remedy;
};
#define X(name, number, status, error, text, remedy) extern const struct issuer_error AADSTS_##name;
#include "services/issuer/issuer_error.def"
#undef X

/** A refusal in the making: `named` repeats what the caller sent and is always told; `why` only to
 * those who may know (req->explains). Both go to the log. */
struct issuer_refusal {
    const struct issuer_error *error;
    struct str named, why; /* arena or static */
};
/** Answers with the issuer's error body. */
void issuer_refuse(struct request *req, const struct issuer_refusal *r);
/** The same with nothing to add. */
void issuer_refuse_plain(struct request *req, const struct issuer_error *error);
/** What the caller calls the request (client-request-id, a GUID), or empty. */
struct str issuer_client_request_id(struct request *req);
/** Headers of every answer of the token endpoint. */
void issuer_no_store(struct request *req);

/* ---- issuer_names.c ---- */

/** True when `t` means the tenant of this server: its id, the server's domain, adfs, common,
 * organizations; in any case. */
bool issuer_tenant(struct request *req, struct str t) NODISCARD;
/** "B/T/v2.0" or "B/T/" at the origin that the request was sent to. */
struct str issuer_name(struct request *req, bool version_1);
/** True when `aud` is a token endpoint of this tenant's, or its issuer, at an origin by which this
 * request could have come; `req` is a struct request. Source: wire/managed-identity §1.7. */
bool issuer_is_endpoint(void *req, struct str aud) NODISCARD;

/* ---- issuer_claims.c ---- */

struct asked_claims {
    struct str capabilities; /* xms_cc: JSON array of texts as sent, or empty */
    unix_ms not_before;      /* 0: none */
};
/** The parameter `claims`; NULL, or a static reason. Unknown members are ignored. */
const char *asked_claims_read(struct str text, struct arena *arena, struct asked_claims *out);

/* ---- issuer_token.c and issuer_proof.c ---- */

/** One token request, in its arena. */
struct token_ask {
    struct request *req;
    struct form form;
    bool version_1;   /* the route's */
    bool by_resource; /* `resource` was asked for: a v1 answer */
    struct str client_text, secret, assertion_text, audience;
    struct asked_claims claims;
    bool client_is_id;
    struct uuid client_id; /* of client_text; zeros: it is none */
    struct client *client; /* NULL: not found */
    struct assertion assertion;
    const char *proof; /* "secret", "certificate", "federated": for the log */
    struct issuer_refusal refusal;
    struct key_source *source; /* held while it is waited for */
    struct key_wait wait;
    unsigned waits;
};

/** Is it the client? RC_OK; RC_DENIED with ask->refusal; RC_BUSY: waits for keys, `later` will be
 * called on this loop. */
enum rc issuer_prove(struct token_ask *ask, loop_fn later) NODISCARD;
/** Gives back what the proof took. */
void issuer_prove_end(struct token_ask *ask);

#endif
