/* A server of issuer_fixture.h with a subscription and two service principals: one owns it, one has
 * no role. Calls go to the management API with their tokens. */
#ifndef TESTS_UNIT_SERVICES_ARM_FIXTURE_H
#define TESTS_UNIT_SERVICES_ARM_FIXTURE_H

#include "issuer_fixture.h"

#define SUB   "/subscriptions/c0ffee00-0000-4000-8000-000000000001"
#define RG    SUB "/resourceGroups/callgate"
#define COMM  "/providers/Microsoft.Communication"
#define SVC   RG COMM "/communicationServices"
#define AUTH  "/providers/Microsoft.Authorization"
#define MSI   "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
#define V_COM "?api-version=2025-09-01"
#define V_AUT "?api-version=2022-04-01"
#define V_MSI "?api-version=2024-11-30"
#define V_RES "?api-version=2022-12-01"

#define OWNER_ROLE       "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define CONTRIBUTOR_ROLE "b24988ac-6180-42a0-ab88-20f7382dd24c"
#define READER_ROLE      "acdd72a7-3385-48ef-bd42-f606fba81ae7"

struct arm_world {
    struct issuer_world w;
    struct application_row owner, nobody;
    char owner_id[UUID_TEXT_LEN + 1], nobody_id[UUID_TEXT_LEN + 1]; /* object ids */
    char nobody_client[UUID_TEXT_LEN + 1];
    struct str owner_token, nobody_token, data_token;
};

/** The program's one world, for cmocka: made before a test, given back after it. */
extern struct arm_world aw;
int setup(void **state);
int teardown(void **state);
/** The text at `path` of the last answer; how many items its "value" has. */
const char *text(const char *path);
size_t count(void);
/** A token of an application for `audience`, in the world's arena. */
struct str arm_token(struct arm_world *world, const struct application_row *row,
                     const char *audience);
/** One call with a bearer token (ptr NULL: none); the status. `body` NULL: none. */
int arm_as(struct arm_world *world, struct str token, const char *method, const char *target,
           const char *body);
/** The same by the owner. */
int arm_call(struct arm_world *world, const char *method, const char *target, const char *body);
/** Fails unless the owner's call has this status, and, when `code` is not NULL, this error. */
void arm_expect(struct arm_world *world, int status, const char *code, const char *method,
                const char *target, const char *body);
/** Gives `principal` (object id) a role at `scope` behind the server's back. */
void arm_grant(struct arm_world *world, const char *role, const struct uuid *principal,
               const char *scope);

#endif
