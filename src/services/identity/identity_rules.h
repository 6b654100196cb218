/* What the versions of the Identity service allow in a token request. */
#ifndef SERVICES_IDENTITY_RULES_H
#define SERVICES_IDENTITY_RULES_H

#include "services/identity/identity.h"
#include "services/tokens.h"

/** Source: wire/authentication §2.2. */
static inline struct token_rules identity_token_rules(const struct request *req)
{
    return (struct token_rules){
        .join_scopes =
            req->version >= IDENTITY_2023_08_01 || req->site->options->scopes_any_version,
        .pstn = req->version == IDENTITY_2020_07_20_PREVIEW2,
        .minutes = req->version >= IDENTITY_2022_10_01,
    };
}

/** Answers a failed look-up or change of one user: an unknown one has words of its own. */
static inline void identity_answer_rc(struct request *req, enum rc rc)
{
    if (rc == RC_NOT_FOUND)
        answer_error(req, &API_IDENTITY_NOT_FOUND);
    else
        answer_rc(req, rc);
}

#endif
