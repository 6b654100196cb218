/* The table of the administration: wire/administration §2 made code. */
#include "services/admin/admin.h"

const struct service admin_service = {
    .name = STR_INIT("admin"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .challenge = STR_INIT("HMAC-SHA256, Bearer"),
};

static const struct api ANY = {&admin_service, 0, 0};

#define ANYBODY       (ACCEPT_KEY | ACCEPT_ENTRA | ACCEPT_USER | ACCEPT_ADMIN)
#define ADMIN_OR_KEY  (ACCEPT_ADMIN | ACCEPT_KEY)
#define ADMINISTRATOR NEED_ADMINISTRATOR
#define BODY          (64 * KIB)

#ifdef FLIP_ONE_PERMISSION /* a build of the tests, whose fault the permission matrix must notice  \
                            */
#define REGENERATE ADMIN_OR_KEY, NEED_RESOURCE
#else
#define REGENERATE ACCEPT_ADMIN, ADMINISTRATOR
#endif

/* clang-format off */
const struct route admin_routes[] = {
    /* method path                              versions credentials need            body  handler                    plane        kind */
    {GET,    "/admin/whoami",                   &ANY, ANYBODY,      NEED_ANY,        BODY, admin_whoami,              PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/resources",                &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_resources_list,      PLANE_ADMIN, KIND_POLL},
    {POST,   "/admin/resources",                &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_resource_create,     PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/resources/{name}",         &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_resource_get,        PLANE_ADMIN, KIND_REPLY},
    {PATCH,  "/admin/resources/{name}",         &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_resource_patch,      PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/resources/{name}",         &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_resource_delete,     PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/keys",                     &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, admin_keys_get,            PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/keys/{slot}:regenerate",   &ANY, REGENERATE,                    BODY, admin_key_regenerate,      PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/signing-keys",             &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_signing_keys_list,   PLANE_ADMIN, KIND_POLL},
    {POST,   "/admin/signing-keys:rotate",      &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_signing_keys_rotate, PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/users",                    &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, admin_users_list,          PLANE_ADMIN, KIND_POLL},
    {POST,   "/admin/users",                    &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, admin_user_create,         PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/users/{id}",               &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, admin_user_get,            PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/users/{id}",               &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, admin_user_delete,         PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/users/{id}:export",        &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, admin_user_export,         PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/users/{id}:issueToken",    &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_user_issue_token,    PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/clock",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_clock_get,           PLANE_ADMIN, KIND_REPLY},
    {PUT,    "/admin/clock",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_clock_put,           PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/clock",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_clock_delete,        PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/settings",                 &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_settings,            PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/status",                   &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_status,              PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/backup",                   &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_backup,              PLANE_ADMIN, KIND_STREAM},
    {0},
};
/* clang-format on */
