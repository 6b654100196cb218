/* The Identity service: users of a resource and their access tokens. Source:
 * wire/authentication §2. One row per operation and range of versions; the handlers that the rows
 * name. */
#ifndef SERVICES_IDENTITY_H
#define SERVICES_IDENTITY_H

#include "http/route.h"

struct request;

/** The versions in order: request.version of these routes. */
enum identity_version {
    IDENTITY_NONE = 0,
    IDENTITY_2020_07_20_PREVIEW2,
    IDENTITY_2021_02_22_PREVIEW1,
    IDENTITY_2021_03_07,
    IDENTITY_2021_03_31_PREVIEW1,
    IDENTITY_2021_10_31_PREVIEW,
    IDENTITY_2021_11_01,
    IDENTITY_2022_06_01,
    IDENTITY_2022_10_01,
    IDENTITY_2023_08_01,
    IDENTITY_2023_10_01,
    IDENTITY_2025_03_02_PREVIEW,
    IDENTITY_2025_04_01_PREVIEW,
    IDENTITY_2025_06_30,
    IDENTITY_2026_07_22,
    IDENTITY_2026_09_23,
    IDENTITY_LAST = IDENTITY_2026_09_23
};

extern const struct service identity_service;
extern const struct route identity_routes[];

/** POST /identities: makes a user in the caller's resource, with a token if scopes are given. */
void user_create(struct request *req);
/** The same in 2020-07-20-preview2: no body is read, 200 with the bare id. */
void user_create_2020(struct request *req);
/** GET /identities/{id}, in the versions of 2025 that have it. */
void user_get(struct request *req);
/** DELETE /identities/{id}: 204 also when it was deleted before. */
void user_delete(struct request *req);
/** PATCH /identities/{id}: tokensValidFrom. */
void user_patch_2020(struct request *req);

/** POST /identities/{id}/:issueAccessToken */
void token_issue(struct request *req);
/** POST /identities/{id}/token, 2020-07-20-preview2. */
void token_issue_2020(struct request *req);
/** POST /identities/{id}/:revokeAccessTokens */
void token_revoke(struct request *req);

/** POST /teamsUser/:exchangeAccessToken of the drafts, where only `token` is asked for. */
void exchange_teams_user_draft(struct request *req);
/** POST /teamsUser/:exchangeAccessToken */
void exchange_teams_user(struct request *req);
/** POST /access/entra/:exchangeAccessToken and /access/teamsExtension/:exchangeAccessToken */
void exchange_entra(struct request *req);
/** /access/teamsExtension/tenants/{tenantId}/assignments/{objectId} */
void assignment_get(struct request *req);
void assignment_put(struct request *req);
void assignment_delete(struct request *req);

#endif
