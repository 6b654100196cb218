/* Service tokens on request: which audience is meant, and the token with what its answers need.
 * Shared by the issuer (client credentials) and the identity endpoints (managed identities).
 * Source: wire/managed-identity §1.5, §1.6, §1.10, §2.4. */
#ifndef SERVICES_SERVICE_TOKENS_H
#define SERVICES_SERVICE_TOKENS_H

#include "services/answer.h"
#include "services/site.h"

/** Why no audience came of a scope or resource. */
enum audience_problem {
    AUDIENCE_FINE = 0,
    AUDIENCE_MISSING,
    AUDIENCE_MALFORMED,  /* not exactly one scope, or not one that ends in /.default */
    AUDIENCE_USER_SCOPE, /* a scope of people: no client credential has it */
    AUDIENCE_UNKNOWN,    /* no service of ours */
};
/** From a v2 `scope`: openid, profile, offline_access and email are dropped wherever they stand,
 * one token must remain, and its /.default is taken off. `out` is a slice of `scope`, as asked for.
 */
enum audience_problem audience_of_scope(struct request *req, struct str scope,
                                        struct str *out) NODISCARD;
/** From a v1 `resource`, or that of an identity endpoint. */
enum audience_problem audience_of_resource(struct request *req, struct str resource,
                                           struct str *out) NODISCARD;

struct service_ask {
    const struct application_row *application;
    struct str audience;            /* as found above */
    bool by_secret;                 /* else certificate, federated or managed */
    struct str client_capabilities; /* xms_cc to copy: JSON array of strings, or empty */
    unix_ms not_before;             /* claims challenge: no older; 0: none */
    struct str origin;              /* of the issuer; empty: the request's */
};

struct service_token {
    struct str text; /* in the request's arena, which is wiped */
    int64_t issued_s, expires_s, lifetime_s;
    struct str uti; /* 22 characters: its id, for the log */
};
/** RC_BUSY: no key signs; RC_INVALID: the request came to a name that is no issuer of ours;
 * RC_DENIED: not_before or the application's last revocation lies ahead of now. The token is always
 * younger than that revocation, and not dated ahead. */
enum rc service_token_issue(struct request *req, const struct service_ask *ask,
                            struct service_token *out) NODISCARD;
/** Where the issuer is found when the request came elsewhere (identity endpoints, administration):
 * the https endpoint of the default resource. */
struct str service_token_origin(struct request *req);

#endif
