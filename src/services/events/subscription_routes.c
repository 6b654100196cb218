/* The table of event subscriptions: wire/events §1 made code. */
#include "services/events/subscription_routes.h"

#include "services/events/subscription_handlers.h"
#include "services/own_routes.h"

static const struct api ANY = {&own_service, 0, 0};

#define ADMIN_OR_KEY (ACCEPT_ADMIN | ACCEPT_KEY)
#define BODY         (128 * KIB) /* ten headers of 4 KiB, fifty types */
#define S            "/admin/events/subscriptions"
#define N            S "/{name}"

/* clang-format off */
const struct route subscription_routes[] = {
    /* method path                       versions credentials  need           body  handler                    plane        kind */
    {GET,    S,                          &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, subscription_list,         PLANE_ADMIN, KIND_POLL},
    {PUT,    N,                          &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, subscription_put,          PLANE_ADMIN, KIND_REPLY},
    {GET,    N,                          &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, subscription_get,          PLANE_ADMIN, KIND_REPLY},
    {DELETE, N,                          &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, subscription_delete,       PLANE_ADMIN, KIND_REPLY},
    {GET,    N "/deliveries",            &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, subscription_deliveries,   PLANE_ADMIN, KIND_POLL},
    {GET,    N "/deadletters",           &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, subscription_dead_letters, PLANE_ADMIN, KIND_POLL},
    {POST,   N "/deadletters:replay",    &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, subscription_replay,       PLANE_ADMIN, KIND_REPLY},
    /* the token is the credential: whoever was sent it may consent */
    {GET,    "/events/validate",         &ANY, ACCEPT_NOBODY, NEED_NOTHING, BODY, subscription_validate,     PLANE_WIRE,  KIND_REPLY},
    {POST,   "/events/validate",         &ANY, ACCEPT_NOBODY, NEED_NOTHING, BODY, subscription_validate,     PLANE_WIRE,  KIND_REPLY, ACTION_NONE, MEDIA_ANY},
    {0},
};
/* clang-format on */
