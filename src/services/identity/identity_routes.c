/* The table of the Identity service: wire/authentication §2.1 made code. */
#include "services/identity/identity.h"

/* clang-format off */
static const struct str versions[] = {
    STR_INIT("2020-07-20-preview2"), STR_INIT("2021-02-22-preview1"), STR_INIT("2021-03-07"),
    STR_INIT("2021-03-31-preview1"), STR_INIT("2021-10-31-preview"), STR_INIT("2021-11-01"),
    STR_INIT("2022-06-01"), STR_INIT("2022-10-01"), STR_INIT("2023-08-01"),
    STR_INIT("2023-10-01"), STR_INIT("2025-03-02-preview"), STR_INIT("2025-04-01-preview"),
    STR_INIT("2025-06-30"), STR_INIT("2026-07-22"), STR_INIT("2026-09-23"),
};
/* clang-format on */
_Static_assert(ARRAY_LEN(versions) == IDENTITY_LAST, "one text per number");

const struct service identity_service = {
    .name = STR_INIT("identity"),
    .versions = versions,
    .version_count = IDENTITY_LAST,
    .supported =
        STR_INIT("2020-07-20-preview2, 2021-02-22-preview1, 2021-03-07, 2021-03-31-preview1, "
                 "2021-10-31-preview, 2021-11-01, 2022-06-01, 2022-10-01, 2023-08-01, 2023-10-01, "
                 "2025-03-02-preview, 2025-04-01-preview, 2025-06-30, 2026-07-22, 2026-09-23"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .challenge = STR_INIT("HMAC-SHA256, Bearer"),
};

#define SERVICE &identity_service
static const struct api ALL = {SERVICE, IDENTITY_2020_07_20_PREVIEW2, IDENTITY_LAST};
static const struct api IN_2020 = {SERVICE, IDENTITY_2020_07_20_PREVIEW2,
                                   IDENTITY_2020_07_20_PREVIEW2};
static const struct api FROM_2021 = {SERVICE, IDENTITY_2021_02_22_PREVIEW1, IDENTITY_LAST};
static const struct api TEAMS_DRAFT = {SERVICE, IDENTITY_2021_03_31_PREVIEW1, IDENTITY_2021_11_01};
static const struct api TEAMS = {SERVICE, IDENTITY_2022_06_01, IDENTITY_LAST};
static const struct api PREVIEW_2025 = {SERVICE, IDENTITY_2025_03_02_PREVIEW,
                                        IDENTITY_2025_04_01_PREVIEW};
static const struct api FROM_2025 = {SERVICE, IDENTITY_2025_03_02_PREVIEW, IDENTITY_LAST};

#define KEY_OR_ENTRA (ACCEPT_KEY | ACCEPT_ENTRA)
#define BODY         (64 * KIB)

/* clang-format off */
const struct route identity_routes[] = {
    /* method path                                    versions       credentials   need           body  handler            plane       kind        action */
    {POST,   "/identities",                           &IN_2020,      KEY_OR_ENTRA, NEED_IDENTITY, BODY, user_create_2020,  PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_WRITE},
    {POST,   "/identities",                           &FROM_2021,    KEY_OR_ENTRA, NEED_IDENTITY, BODY, user_create,       PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_WRITE},
    {GET,    "/identities/{id}",                      &PREVIEW_2025, KEY_OR_ENTRA, NEED_IDENTITY, BODY, user_get,          PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_READ},
    {DELETE, "/identities/{id}",                      &ALL,          KEY_OR_ENTRA, NEED_IDENTITY, BODY, user_delete,       PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_WRITE},
    {PATCH,  "/identities/{id}",                      &IN_2020,      KEY_OR_ENTRA, NEED_IDENTITY, BODY, user_patch_2020,   PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_WRITE},
    {POST,   "/identities/{id}/token",                &IN_2020,      KEY_OR_ENTRA, NEED_IDENTITY, BODY, token_issue_2020,  PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/identities/{id}/:issueAccessToken",    &FROM_2021,    KEY_OR_ENTRA, NEED_IDENTITY, BODY, token_issue,       PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/identities/{id}:issueAccessToken",     &FROM_2021,    KEY_OR_ENTRA, NEED_IDENTITY, BODY, token_issue,       PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/identities/{id}/:revokeAccessTokens",  &FROM_2021,    KEY_OR_ENTRA, NEED_IDENTITY, BODY, token_revoke,      PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/identities/{id}:revokeAccessTokens",   &FROM_2021,    KEY_OR_ENTRA, NEED_IDENTITY, BODY, token_revoke,      PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/teamsUser/:exchangeAccessToken",       &TEAMS_DRAFT,  KEY_OR_ENTRA, NEED_IDENTITY, BODY, exchange_teams_user_draft, PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/teamsUser/:exchangeAccessToken",       &TEAMS,        KEY_OR_ENTRA, NEED_IDENTITY, BODY, exchange_teams_user, PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/teamsUser:exchangeAccessToken",        &TEAMS_DRAFT,  KEY_OR_ENTRA, NEED_IDENTITY, BODY, exchange_teams_user_draft, PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/teamsUser:exchangeAccessToken",        &TEAMS,        KEY_OR_ENTRA, NEED_IDENTITY, BODY, exchange_teams_user, PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_TOKEN},
    {POST,   "/access/entra/:exchangeAccessToken",    &FROM_2025,    ACCEPT_HANDLER, NEED_NOTHING, BODY, exchange_entra,   PLANE_WIRE, KIND_REPLY},
    {POST,   "/access/entra:exchangeAccessToken",     &FROM_2025,    ACCEPT_HANDLER, NEED_NOTHING, BODY, exchange_entra,   PLANE_WIRE, KIND_REPLY},
    {POST,   "/access/teamsExtension/:exchangeAccessToken", &FROM_2025, ACCEPT_HANDLER, NEED_NOTHING, BODY, exchange_entra, PLANE_WIRE, KIND_REPLY},
    {POST,   "/access/teamsExtension:exchangeAccessToken",  &FROM_2025, ACCEPT_HANDLER, NEED_NOTHING, BODY, exchange_entra, PLANE_WIRE, KIND_REPLY},
    {GET,    "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}", &FROM_2025, KEY_OR_ENTRA, NEED_IDENTITY, BODY, assignment_get,    PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_READ},
    {PUT,    "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}", &FROM_2025, KEY_OR_ENTRA, NEED_IDENTITY, BODY, assignment_put,    PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_WRITE},
    {DELETE, "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}", &FROM_2025, KEY_OR_ENTRA, NEED_IDENTITY, BODY, assignment_delete, PLANE_WIRE, KIND_REPLY, ACTION_IDENTITY_WRITE},
    {0},
};
/* clang-format on */
