/* The table of the issuer: wire/managed-identity §1.1 made code. {t} is judged by the handlers: a
 * strange one gets an error in the issuer's own words. */
#include "services/issuer/issuer_private.h"

static const struct service issuer_service = {
    .name = STR_INIT("issuer"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .error_shape = ERROR_SHAPE_OAUTH,
    .any_case = true, /* Go writes all of the address in lower case */
};
static const struct api ANY = {&issuer_service, 0, 0};

#define NONE (4 * KIB)  /* of GET: looked at by nobody */
#define FORM (64 * KIB) /* an assertion with its chain is 3 KiB */

/* clang-format off */
const struct route issuer_routes[] = {
    /* method path                                      versions credentials  need          body  handler             plane       kind        action       media */
    {GET,  "/{t}/v2.0/.well-known/openid-configuration", &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_discovery,    PLANE_WIRE, KIND_REPLY},
    {GET,  "/{t}/.well-known/openid-configuration",      &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_discovery_v1, PLANE_WIRE, KIND_REPLY},
    {GET,  "/{t}/discovery/v2.0/keys",                   &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_keys,         PLANE_WIRE, KIND_REPLY},
    {GET,  "/{t}/discovery/keys",                        &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_keys,         PLANE_WIRE, KIND_REPLY},
    {GET,  "/{t}/discovery/instance",                    &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_instance,     PLANE_WIRE, KIND_REPLY},
    {GET,  "/{t}/.well-known/webfinger",                 &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_webfinger,    PLANE_WIRE, KIND_REPLY},
    {POST, "/{t}/oauth2/v2.0/token",                     &ANY, ACCEPT_NOBODY, NEED_NOTHING, FORM, issuer_token,        PLANE_WIRE, KIND_REPLY, ACTION_NONE, MEDIA_FORM},
    {POST, "/{t}/oauth2/token",                          &ANY, ACCEPT_NOBODY, NEED_NOTHING, FORM, issuer_token_v1,     PLANE_WIRE, KIND_REPLY, ACTION_NONE, MEDIA_FORM},
    {GET,  "/{t}/oauth2/v2.0/authorize",                 &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_authorize,    PLANE_WIRE, KIND_REPLY},
    {GET,  "/{t}/oauth2/authorize",                      &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_authorize,    PLANE_WIRE, KIND_REPLY},
    {GET,  "/error",                                     &ANY, ACCEPT_NOBODY, NEED_NOTHING, NONE, issuer_error_page,   PLANE_WIRE, KIND_REPLY},
    {0},
};
/* clang-format on */
