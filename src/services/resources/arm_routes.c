/* The tables of the management API: wire/managed-identity §5.2, §5.6 and §6 made code. Each
 * provider has api-versions of its own. Literal words match in any case. */
#include "services/resources/arm.h"

/* clang-format off */
static const struct str communication_versions[] = {
    STR_INIT("2020-08-20-preview"), STR_INIT("2020-08-20"), STR_INIT("2021-10-01-preview"),
    STR_INIT("2022-07-01-preview"), STR_INIT("2023-03-01-preview"), STR_INIT("2023-03-31"),
    STR_INIT("2023-04-01-preview"), STR_INIT("2023-04-01"), STR_INIT("2023-06-01-preview"),
    STR_INIT("2024-09-01-preview"), STR_INIT("2025-05-01-preview"), STR_INIT("2025-05-01"),
    STR_INIT("2025-09-01"), STR_INIT("2026-03-18"),
};
static const struct str authorization_versions[] = {
    STR_INIT("2015-07-01"), STR_INIT("2017-10-01-preview"), STR_INIT("2018-01-01-preview"),
    STR_INIT("2018-07-01"), STR_INIT("2018-09-01-preview"), STR_INIT("2020-03-01-preview"),
    STR_INIT("2020-04-01-preview"), STR_INIT("2020-08-01-preview"), STR_INIT("2020-10-01-preview"),
    STR_INIT("2022-04-01"), STR_INIT("2022-05-01-preview"),
};
static const struct str identity_versions[] = {
    STR_INIT("2015-08-31-preview"), STR_INIT("2018-11-30"), STR_INIT("2022-01-31-preview"),
    STR_INIT("2023-01-31"), STR_INIT("2023-07-31-preview"), STR_INIT("2024-11-30"),
    STR_INIT("2025-01-31-preview"), STR_INIT("2025-05-31-preview"),
};
static const struct str resource_versions[] = {
    STR_INIT("2015-01-01"), STR_INIT("2016-06-01"), STR_INIT("2018-05-01"), STR_INIT("2019-06-01"),
    STR_INIT("2019-10-01"), STR_INIT("2019-11-01"), STR_INIT("2020-01-01"), STR_INIT("2020-06-01"), STR_INIT("2020-10-01"),
    STR_INIT("2021-01-01"), STR_INIT("2021-04-01"), STR_INIT("2022-09-01"), STR_INIT("2022-12-01"),
    STR_INIT("2024-03-01"), STR_INIT("2024-07-01"), STR_INIT("2024-11-01"), STR_INIT("2025-04-01"),
};
/* clang-format on */

#define ARM_SERVICE(text, list, listed)                                                            \
    {                                                                                              \
        .name = STR_INIT(text), .versions = (list), .version_count = ARRAY_LEN(list),              \
        .supported = STR_INIT(listed), .unauthorized = &API_INVALID_AUTHENTICATION_TOKEN,          \
        .forbidden = &API_AUTHORIZATION_FAILED, .challenge = STR_INIT("Bearer"), .any_case = true, \
        .version_missing = &API_MISSING_API_VERSION_PARAMETER,                                     \
        .version_invalid = &API_INVALID_API_VERSION_PARAMETER,                                     \
    }

static const struct service communication =
    ARM_SERVICE("Microsoft.Communication", communication_versions,
                "2020-08-20-preview, 2020-08-20, 2021-10-01-preview, 2022-07-01-preview, "
                "2023-03-01-preview, 2023-03-31, 2023-04-01-preview, 2023-04-01, "
                "2023-06-01-preview, 2024-09-01-preview, 2025-05-01-preview, 2025-05-01, "
                "2025-09-01, 2026-03-18");
static const struct service authorization =
    ARM_SERVICE("Microsoft.Authorization", authorization_versions,
                "2015-07-01, 2017-10-01-preview, 2018-01-01-preview, 2018-07-01, "
                "2018-09-01-preview, 2020-03-01-preview, 2020-04-01-preview, 2020-08-01-preview, "
                "2020-10-01-preview, 2022-04-01, 2022-05-01-preview");
static const struct service managed_identity =
    ARM_SERVICE("Microsoft.ManagedIdentity", identity_versions,
                "2015-08-31-preview, 2018-11-30, 2022-01-31-preview, 2023-01-31, "
                "2023-07-31-preview, 2024-11-30, 2025-01-31-preview, 2025-05-31-preview");
static const struct service resources = ARM_SERVICE(
    "Microsoft.Resources", resource_versions,
    "2015-01-01, 2016-06-01, 2018-05-01, 2019-06-01, 2019-10-01, 2019-11-01, 2020-01-01, "
    "2020-06-01, 2020-10-01, 2021-01-01, 2021-04-01, 2022-09-01, 2022-12-01, "
    "2024-03-01, 2024-07-01, 2024-11-01, 2025-04-01");

static const struct api COM = {&communication, 1, ARRAY_LEN(communication_versions)};
static const struct api AUT = {&authorization, 1, ARRAY_LEN(authorization_versions)};
static const struct api MSI = {&managed_identity, 1, ARRAY_LEN(identity_versions)};
static const struct api RES = {&resources, 1, ARRAY_LEN(resource_versions)};

/* Where a path begins: the subscription, a resource group, a resource. */
#define S "/subscriptions/{subscription}"
#define G S "/resourceGroups/{group}"
#define C "/providers/Microsoft.Communication"
#define N G C "/communicationServices/{name}"
#define A "/providers/Microsoft.Authorization"
#define M "/providers/Microsoft.ManagedIdentity"
#define U G M "/userAssignedIdentities/{name}"

#define BODY  (64 * KIB)
#define ROW   ACCEPT_ARM, NEED_ARM, BODY
#define ALL   ACCEPT_ARM, NEED_ANY, BODY
#define REPLY PLANE_WIRE, KIND_REPLY

/* Role assignments and definitions at one kind of scope. */
/* clang-format off */
#define ROLES_AT(P) \
    {GET,    P A "/roleAssignments",      &AUT, ROW, arm_assignments_list,  REPLY, ACTION_ROLE_ASSIGNMENTS_READ,   MEDIA_JSON}, \
    {PUT,    P A "/roleAssignments/{id}", &AUT, ROW, arm_assignment_put,    REPLY, ACTION_ROLE_ASSIGNMENTS_WRITE,  MEDIA_JSON}, \
    {GET,    P A "/roleAssignments/{id}", &AUT, ROW, arm_assignment_get,    REPLY, ACTION_ROLE_ASSIGNMENTS_READ,   MEDIA_JSON}, \
    {DELETE, P A "/roleAssignments/{id}", &AUT, ROW, arm_assignment_delete, REPLY, ACTION_ROLE_ASSIGNMENTS_DELETE, MEDIA_JSON}, \
    {GET,    P A "/roleDefinitions",      &AUT, ROW, arm_definitions_list,  REPLY, ACTION_ROLE_DEFINITIONS_READ,   MEDIA_JSON}, \
    {GET,    P A "/roleDefinitions/{id}", &AUT, ROW, arm_definition_get,    REPLY, ACTION_ROLE_DEFINITIONS_READ,   MEDIA_JSON}

const struct route arm_routes[] = {
    /* method path                                    versions, credentials, need, body, handler, plane, kind, action, media */
    {GET,    C "/operations",                              &COM, ALL, arm_operations,         REPLY, ACTION_NONE,                     MEDIA_JSON},
    {POST,   S C "/checkNameAvailability",                 &COM, ROW, arm_check_name,         REPLY, ACTION_CHECK_NAME,               MEDIA_JSON},
    {GET,    S C "/communicationServices",                 &COM, ROW, arm_services_list,      REPLY, ACTION_SERVICES_READ,            MEDIA_JSON},
    {GET,    G C "/communicationServices",                 &COM, ROW, arm_services_list,      REPLY, ACTION_SERVICES_READ,            MEDIA_JSON},
    {PUT,    N,                                            &COM, ROW, arm_service_put,        REPLY, ACTION_SERVICES_WRITE,           MEDIA_JSON},
    {PATCH,  N,                                            &COM, ROW, arm_service_patch,      REPLY, ACTION_SERVICES_WRITE,           MEDIA_JSON},
    {GET,    N,                                            &COM, ROW, arm_service_get,        REPLY, ACTION_SERVICES_READ,            MEDIA_JSON},
    {DELETE, N,                                            &COM, ROW, arm_service_delete,     REPLY, ACTION_SERVICES_DELETE,          MEDIA_JSON},
    {POST,   N "/listKeys",                                &COM, ROW, arm_list_keys,          REPLY, ACTION_SERVICES_LIST_KEYS,       MEDIA_ANY},
    {POST,   N "/regenerateKey",                           &COM, ROW, arm_regenerate_key,     REPLY, ACTION_SERVICES_REGENERATE_KEY,  MEDIA_JSON},
    {POST,   N "/linkNotificationHub",                     &COM, ROW, arm_service_link_hub,   REPLY, ACTION_SERVICES_LINK_HUB,        MEDIA_JSON},
    {GET,    S C "/locations/{location}/operationStatuses/{id}", &COM, ROW, arm_operation_status, REPLY, ACTION_OPERATION_STATUS,     MEDIA_JSON},

    ROLES_AT(""),
    ROLES_AT(S),
    ROLES_AT(G),
    ROLES_AT(N),
    {PUT,    S A "/roleDefinitions/{id}",                  &AUT, ROW, arm_definition_put,     REPLY, ACTION_ROLE_DEFINITIONS_WRITE,   MEDIA_JSON},
    {DELETE, S A "/roleDefinitions/{id}",                  &AUT, ROW, arm_definition_delete,  REPLY, ACTION_ROLE_DEFINITIONS_DELETE,  MEDIA_JSON},

    {GET,    S M "/userAssignedIdentities",                &MSI, ROW, arm_identities_list,    REPLY, ACTION_MANAGED_IDENTITIES_READ,  MEDIA_JSON},
    {GET,    G M "/userAssignedIdentities",                &MSI, ROW, arm_identities_list,    REPLY, ACTION_MANAGED_IDENTITIES_READ,  MEDIA_JSON},
    {PUT,    U,                                            &MSI, ROW, arm_identity_put,       REPLY, ACTION_MANAGED_IDENTITIES_WRITE, MEDIA_JSON},
    {PATCH,  U,                                            &MSI, ROW, arm_identity_put,       REPLY, ACTION_MANAGED_IDENTITIES_WRITE, MEDIA_JSON},
    {GET,    U,                                            &MSI, ROW, arm_identity_get,       REPLY, ACTION_MANAGED_IDENTITIES_READ,  MEDIA_JSON},
    {DELETE, U,                                            &MSI, ROW, arm_identity_delete,    REPLY, ACTION_MANAGED_IDENTITIES_DELETE, MEDIA_JSON},
    {GET,    U "/federatedIdentityCredentials",            &MSI, ROW, arm_federated_list,     REPLY, ACTION_FEDERATED_READ,           MEDIA_JSON},
    {PUT,    U "/federatedIdentityCredentials/{child}",    &MSI, ROW, arm_federated_put,      REPLY, ACTION_FEDERATED_WRITE,          MEDIA_JSON},
    {GET,    U "/federatedIdentityCredentials/{child}",    &MSI, ROW, arm_federated_get,      REPLY, ACTION_FEDERATED_READ,           MEDIA_JSON},
    {DELETE, U "/federatedIdentityCredentials/{child}",    &MSI, ROW, arm_federated_delete,   REPLY, ACTION_FEDERATED_DELETE,         MEDIA_JSON},
    {GET,    N M "/identities/default",                    &MSI, ROW, arm_identity_default,   REPLY, ACTION_MANAGED_IDENTITIES_READ,  MEDIA_JSON},

    {GET,    "/metadata/endpoints",                        &RES, ACCEPT_NOBODY, NEED_NOTHING, BODY, arm_metadata_endpoints, REPLY, ACTION_NONE, MEDIA_JSON},
    {GET,    "/tenants",                                   &RES, ALL, arm_tenants_list,       REPLY, ACTION_NONE,                     MEDIA_JSON},
    {GET,    "/subscriptions",                             &RES, ALL, arm_subscriptions_list, REPLY, ACTION_NONE,                     MEDIA_JSON},
    {GET,    S,                                            &RES, ROW, arm_subscription_get,   REPLY, ACTION_SUBSCRIPTIONS_READ,       MEDIA_JSON},
    {GET,    S C,                                          &RES, ALL, arm_provider_get,       REPLY, ACTION_NONE,                     MEDIA_JSON},
    {GET,    S "/resources",                               &RES, ROW, arm_resources_list,     REPLY, ACTION_SUBSCRIPTIONS_READ,       MEDIA_JSON},
    {GET,    S "/resourceGroups",                          &RES, ROW, arm_groups_list,        REPLY, ACTION_GROUPS_READ,              MEDIA_JSON},
    {PUT,    G,                                            &RES, ROW, arm_group_put,          REPLY, ACTION_GROUPS_WRITE,             MEDIA_JSON},
    {PATCH,  G,                                            &RES, ROW, arm_group_put,          REPLY, ACTION_GROUPS_WRITE,             MEDIA_JSON},
    {GET,    G,                                            &RES, ROW, arm_group_get,          REPLY, ACTION_GROUPS_READ,              MEDIA_JSON},
    {HEAD,   G,                                            &RES, ROW, arm_group_head,         REPLY, ACTION_GROUPS_READ,              MEDIA_JSON},
    {DELETE, G,                                            &RES, ROW, arm_group_delete,       REPLY, ACTION_GROUPS_DELETE,            MEDIA_JSON},
    {0},
};
/* clang-format on */

void arm_write_versions(struct json_writer *w)
{
    for (size_t i = ARRAY_LEN(communication_versions); i-- > 0;)
        json_str(w, communication_versions[i]);
}
