/* What role assignments and role definitions share. Source: wire/managed-identity §6. */
#ifndef SERVICES_ARM_ROLES_H
#define SERVICES_ARM_ROLES_H

#include "services/resources/arm.h"

/** The scope that the path stands at, in the store's spelling, and the {id} at its end (empty for a
 * list). The subscription is ours, a resource exists; else it has been answered: false. */
bool arm_role_scope(struct request *req, struct str *out_id, struct str *out_scope) NODISCARD;
/** A scope as answers spell it, in the arena. */
struct str arm_scope_text(struct request *req, struct str scope);
/** The id of a role definition: it lives in the subscription. */
struct str arm_definition_id(struct request *req, const struct uuid *id);

#endif
