/* What carriers call, by HTTP: delivery reports and messages that came in. The secret in the path
 * is the login. Source: wire/transports §1.3. */
#include "services/own_routes.h"
#include "services/sms/carrier_callback.h"
#include "services/sms/sms.h"

#define BODY_MAX (256 * KIB)
#define PATH     "/carriers/{transport}/{secret}/{what}"

static const struct api ANY = {&own_service, 0, 0};

/* clang-format off */
const struct route carrier_routes[] = {
    {GET,  PATH, &ANY, ACCEPT_PATH, NEED_NOTHING, KIB,      carrier_callback, PLANE_WIRE, KIND_REPLY, ACTION_NONE, MEDIA_ANY},
    {POST, PATH, &ANY, ACCEPT_PATH, NEED_NOTHING, BODY_MAX, carrier_callback, PLANE_WIRE, KIND_REPLY, ACTION_NONE, MEDIA_ANY},
    {0},
};
/* clang-format on */
