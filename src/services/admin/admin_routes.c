/* The table of the administration: wire/administration §2 made code. */
#include "services/admin/admin.h"
#include "services/seed.h"

static const struct api ANY = {&own_service, 0, 0};

#define ANYBODY       (ACCEPT_KEY | ACCEPT_ENTRA | ACCEPT_USER | ACCEPT_ADMIN)
#define ADMIN_OR_KEY  (ACCEPT_ADMIN | ACCEPT_KEY)
#define ADMINISTRATOR NEED_ADMINISTRATOR
#define BODY          (64 * KIB)
#define SEED          SEED_OCTETS_MAX

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
    {POST,   "/admin/users/{id}:issueToken",    &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_user_issue_token,    PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/apps",                     &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_apps_list,           PLANE_ADMIN, KIND_POLL},
    {POST,   "/admin/apps",                     &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_create,          PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/apps/{app}",               &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_get,             PLANE_ADMIN, KIND_REPLY},
    {PATCH,  "/admin/apps/{app}",               &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_patch,           PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/apps/{app}",               &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_delete,          PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/apps/{app}/secrets",       &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_secret_add,      PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/apps/{app}/secrets/{id}",  &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_secret_delete,   PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/apps/{app}/certificates",  &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_certificate_add, PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/apps/{app}/certificates/{id}", &ANY, ACCEPT_ADMIN, ADMINISTRATOR, BODY, admin_app_certificate_delete, PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/apps/{app}/federated",     &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_app_federated_add,   PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/apps/{app}/federated/{name}", &ANY, ACCEPT_ADMIN, ADMINISTRATOR, BODY, admin_app_federated_delete, PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/identities",               &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_identities_list,     PLANE_ADMIN, KIND_POLL},
    {POST,   "/admin/identities",               &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_identity_create,     PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/identities:assign",        &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_identity_assign,     PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/identities/{name}",        &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_identity_get,        PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/identities/{name}",        &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_identity_delete,     PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/identities/{name}:header", &ANY, ACCEPT_ADMIN, NEED_LOCAL,      BODY, admin_identity_header,     PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/identities/{name}:renewHeader", &ANY, ACCEPT_ADMIN, NEED_LOCAL, BODY, admin_identity_renew_header, PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/identities/{name}:serve",  &ANY, ACCEPT_ADMIN, NEED_LOCAL,      BODY, admin_identity_serve,      PLANE_ADMIN, KIND_STREAM},
    {GET,    "/admin/role-assignments",         &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_role_assignments_list, PLANE_ADMIN, KIND_POLL},
    {POST,   "/admin/role-assignments",         &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_role_assign,         PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/role-assignments/{id}",    &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_role_unassign,       PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/roles",                    &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_roles_list,          PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/roles",                    &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_role_create,         PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/roles/{name}",             &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_role_delete,         PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/issuers",                  &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_issuers_list,        PLANE_ADMIN, KIND_POLL},
    {POST,   "/admin/issuers",                  &ANY, ACCEPT_ADMIN, NEED_LOCAL,      BODY, admin_issuer_add,          PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/issuers/{id}",             &ANY, ACCEPT_ADMIN, NEED_LOCAL,      BODY, admin_issuer_delete,       PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/issuers/{id}:test",        &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_issuer_test,         PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/tenant",                   &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_tenant,              PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/token",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL,      BODY, admin_token,               PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/clock",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_clock_get,           PLANE_ADMIN, KIND_REPLY},
    {PUT,    "/admin/clock",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_clock_put,           PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/clock",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_clock_delete,        PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/seed",                     &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  SEED, admin_seed,                PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/seed:export",              &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_seed_export,         PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/reset",                    &ANY, ACCEPT_ADMIN, NEED_LOCAL_DEV,  BODY, admin_reset,               PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/settings",                 &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_settings,            PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/status",                   &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_status,              PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/backup",                   &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, admin_backup,              PLANE_ADMIN, KIND_STREAM},
    {0},
};
/* clang-format on */
