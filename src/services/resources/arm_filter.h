/* $filter of the management API's lists: terms joined by "and". Source: wire/managed-identity §6.
 */
#ifndef SERVICES_ARM_FILTER_H
#define SERVICES_ARM_FILTER_H

#include "base/arena.h"
#include "base/uuid.h"

/* Which terms a list knows; bits. */
#define FILTER_AT_SCOPE      0x01u /* atScope() */
#define FILTER_PRINCIPAL     0x02u /* principalId eq 'ID', assignedTo('ID') */
#define FILTER_ROLE_NAME     0x04u /* roleName eq 'NAME' */
#define FILTER_ROLE_TYPE     0x08u /* type eq 'CustomRole' */
#define FILTER_RESOURCE_TYPE 0x10u /* resourceType eq 'TYPE' */

struct arm_filter {
    unsigned has; /* bits of the terms that were there */
    struct uuid principal;
    struct str role_name, role_type, resource_type; /* arena */
};
/** Reads the decoded text of $filter; an empty one is none. RC_INVALID: a term that is malformed,
 * that the list does not know (`known`), or twice there. */
enum rc arm_filter_read(struct str text, unsigned known, struct arena *arena,
                        struct arm_filter *out) NODISCARD;

#endif
