/* The service that our own routes name in their rows. */
#include "services/own_routes.h"

const struct service own_service = {
    .name = STR_INIT("admin"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .challenge = STR_INIT("HMAC-SHA256, Bearer"),
};
