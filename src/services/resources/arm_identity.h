/* User-assigned identities, as their files share them. Source: wire/managed-identity §6. */
#ifndef SERVICES_ARM_IDENTITY_H
#define SERVICES_ARM_IDENTITY_H

#include "services/resources/arm.h"

#define ARM_IDENTITY_TYPE STR("Microsoft.ManagedIdentity/userAssignedIdentities")

/** Where an identity lives: slices of its ARM id. */
struct arm_identity_place {
    struct str group, name;
};
/** False for what is no user-assigned identity's id. */
bool arm_identity_place(struct str arm_id, struct arm_identity_place *out) NODISCARD;
/** 3 to `max` letters, digits, '-' and '_', beginning with a letter or digit. */
bool arm_child_name_valid(struct str name, size_t max) NODISCARD;
/** The path's identity, or why not (RC_NOT_FOUND, RC_IO). False: the path is wrong, answered. */
bool arm_identity_find(struct request *req, struct application_row *out, enum rc *out_rc) NODISCARD;
/** The same with its document; false: answered. */
bool arm_identity(struct request *req, struct application_row *out,
                  struct app_document *document) NODISCARD;
/** Writes it as one object. */
void arm_write_identity(struct arm_answer *a, const struct application_row *row);

#endif
