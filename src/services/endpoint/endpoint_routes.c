/* The table of the identity endpoints: wire/managed-identity §2.1 made code. */
#include "services/endpoint/endpoint.h"

const struct service endpoint_service = {
    .name = STR_INIT("endpoint"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .error_shape = ERROR_SHAPE_OAUTH,
};

static const struct api ANY = {&endpoint_service, 0, 0};

#define BODY (8 * KIB)

/* clang-format off */
const struct route endpoint_routes[] = {
    /* method path                             versions credentials      need          body  handler               plane           kind        action       media */
    {GET,  "/metadata/identity/oauth2/token",  &ANY,    ACCEPT_ENDPOINT, NEED_NOTHING, BODY, endpoint_metadata,    PLANE_IDENTITY, KIND_REPLY, ACTION_NONE, MEDIA_ANY},
    {GET,  "/msi/token",                       &ANY,    ACCEPT_ENDPOINT, NEED_NOTHING, BODY, endpoint_app_service, PLANE_IDENTITY, KIND_REPLY, ACTION_NONE, MEDIA_ANY},
    {POST, "/msi/token",                       &ANY,    ACCEPT_ENDPOINT, NEED_NOTHING, BODY, endpoint_cloud_shell, PLANE_IDENTITY, KIND_REPLY, ACTION_NONE, MEDIA_FORM},
    {0},
};
/* clang-format on */
