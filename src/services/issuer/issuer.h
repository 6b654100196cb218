/* The embedded issuer: discovery, keys and the token endpoint that clients of Entra ID speak to.
 * Source: wire/managed-identity §1. */
#ifndef SERVICES_ISSUER_H
#define SERVICES_ISSUER_H

#include "http/route.h"

struct request;

extern const struct route issuer_routes[];

/** GET /{t}/v2.0/.well-known/openid-configuration: §1.2. */
void issuer_discovery(struct request *req);
/** GET /{t}/.well-known/openid-configuration: the v1 issuer; of `adfs` as above. */
void issuer_discovery_v1(struct request *req);
/** GET /{t}/discovery/v2.0/keys and /{t}/discovery/keys: §1.3. */
void issuer_keys(struct request *req);
/** GET /{t}/discovery/instance: §1.4. */
void issuer_instance(struct request *req);
/** GET /{t}/.well-known/webfinger. */
void issuer_webfinger(struct request *req);
/** GET /{t}/oauth2/v2.0/authorize: there is nobody to sign in. */
void issuer_authorize(struct request *req);
/** POST /{t}/oauth2/v2.0/token: §1.5. */
void issuer_token(struct request *req);
/** POST /{t}/oauth2/token: §1.8. */
void issuer_token_v1(struct request *req);
/** GET /error?code=n: what an error's number means, and what to do. */
void issuer_error_page(struct request *req);

#endif
