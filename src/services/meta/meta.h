/* About the server: health, metrics, and how others check our user tokens. */
#ifndef SERVICES_META_H
#define SERVICES_META_H

#include "http/route.h"

struct request;

/** Health, OpenID discovery and the key set: public in every mode. */
extern const struct route meta_routes[];
/** GET /metrics, one of the two: open to everybody (development), or to the administrator alone
 * (production). Source: design D26. */
extern const struct route metrics_public_routes[];
extern const struct route metrics_admin_routes[];

/** GET /health/live: the loop answers. */
void meta_live(struct request *req);
/** GET /health/ready: 200, or 503 with the reason in a word. */
void meta_ready(struct request *req);
/** GET /metrics: Prometheus text. */
void meta_metrics(struct request *req);
/** GET /.well-known/openid-configuration at a resource's origin. Source: design D14. */
void meta_discovery(struct request *req);
/** GET /.well-known/jwks.json: every key whose tokens may live, and the ones to come. */
void meta_jwks(struct request *req);

#endif
