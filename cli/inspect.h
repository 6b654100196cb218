/* Parts of token inspect: what is found out about a service token beyond any token's. */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include "base/clock.h"
#include "base/json.h"
#include "callgate/client.h"
#include "cli/server_find.h"

/** A GET whose failure is a finding, not an error; *out owned. */
bool inspect_fetch(struct cg_client *client, struct str path, json_t **out, struct cg_error *err);

/** Whose token it is and what that means here. Texts in the arena. */
struct service_view {
    bool is_service;    /* a service token at all */
    bool own;           /* the issuer of this server signed it, as it says */
    struct str key_set; /* path of the discovery document to check it by; empty: a user token's */
    struct str issuer;  /* which issuer that is, for people */
    struct str audience, principal; /* verdicts, for people */
    struct str roles;               /* on the default resource, as the server says */
    struct str problem;             /* the first check that fails; empty: none did */
};

/** Is this a service token, and which key set is it to be checked by? */
void service_view_begin(struct cli *cli, const json_t *claims, struct service_view *out);
/** Looks at audience, issuer and principal through the administration socket (`info` without one:
 * only at what the token says). `who` is the server's answer to the token itself, or NULL. */
void service_view_finish(struct cli *cli, const struct server_info *info, const json_t *claims,
                         const json_t *who, struct service_view *v);
/** Where the server is asked with a token of this audience: whoami, or the management API. */
struct str service_view_question(const json_t *claims);
/** Adds members issuer, audience, principal and roles. False: out of memory. */
bool service_view_show(const struct service_view *v, json_t *out);

#endif
