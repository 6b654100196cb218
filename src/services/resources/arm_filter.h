/* $filter of the management API's lists: terms joined by "and". Source: wire/managed-identity §6.
 */
#ifndef SERVICES_ARM_FILTER_H
#define SERVICES_ARM_FILTER_H

#include "http/request.h"

/* Which terms a list knows; bits. */
#define FILTER_AT_SCOPE       0x01u /* atScope() */
#define FILTER_PRINCIPAL      0x02u /* principalId eq 'ID', assignedTo('ID') */
#define FILTER_ROLE_NAME      0x04u /* roleName eq 'NAME' */
#define FILTER_ROLE_TYPE      0x08u /* type eq 'CustomRole' */
#define FILTER_RESOURCE_TYPE  0x10u /* resourceType eq 'TYPE' */
#define FILTER_RESOURCE_GROUP 0x20u /* resourceGroup eq 'GROUP' */
#define FILTER_NAME           0x40u /* name eq 'NAME' */

struct arm_filter {
    unsigned has; /* bits of the terms that were there */
    struct uuid principal;
    struct str role_name, role_type, resource_type, resource_group, name; /* arena */
};
/** Reads the query's $filter; absent or empty: no terms. RC_INVALID: it can't be decoded, or a term
 * is malformed, unknown to the list (`known`), or twice there: to skip one would show more than was
 * asked for. */
enum rc arm_filter_read(struct request *req, unsigned known, struct arm_filter *out) NODISCARD;

#endif
