/* Roles: what a name such as Contributor allows, as a set of actions. Built-in ones are a table,
 * custom ones come from the store. Source: wire/managed-identity §3.4. */
#ifndef GATE_ROLES_H
#define GATE_ROLES_H

#include "base/arena.h"
#include "base/json.h"
#include "base/uuid.h"
#include "http/action.h"

/** "Microsoft.Communication/CommunicationServices/identity/token/action"; empty for ACTION_NONE
 * and what is no action. Static. */
struct str action_name(enum action action);
/** True for actions of the data plane. */
bool action_is_data(enum action action);
/** The actions that a pattern names, as in Azure: "*" stands for any run of octets, slashes
 * included and also an empty one; the rest is compared without case, from end to end. So "*" names
 * all, "*" followed by "/read" (Reader) whatever ends so, at any depth, and a prefix of segments
 * followed by "/" and "*" all below it. `data` picks the data plane's or the control plane's.
 * ACTION_NONE is never among them. */
uint64_t actions_matching(struct str pattern, bool data) NODISCARD;

/** A role as evaluated. */
struct role {
    struct uuid id;
    struct str name, description;
    bool built_in;
    uint64_t actions; /* whoever may write the resource may use its whole data plane */
};

/** The built-in roles: Azure's, then ours. */
extern const struct role *const built_in_roles;
extern const size_t built_in_roles_count;
const struct role *built_in_role_by_id(const struct uuid *id) NODISCARD;
/** By name, without case. */
const struct role *built_in_role_by_name(struct str name) NODISCARD;
/** The permissions of a built-in role as the management API shows them: writes the array
 * [{"actions","notActions","dataActions","notDataActions"}]. `role` is one of built_in_roles. */
void built_in_role_write_permissions(const struct role *role, struct json_writer *w);

#define ROLE_PERMISSIONS_MAX ((size_t)16)
#define ROLE_PATTERNS_MAX    ((size_t)256) /* of all permissions together */
#define ROLE_SCOPES_MAX      ((size_t)64)

/** Reads the permissions of a custom role's document: {"description"?, "permissions":[{"actions",
 * "notActions","dataActions","notDataActions"}], "assignableScopes"?}; absent lists are empty.
 * notActions and notDataActions subtract within one permission, permissions add up. A permission
 * that leaves SERVICES_WRITE opens the data plane, but for its own notDataActions. Patterns that
 * name nothing here are fine: roles brought along name much that we don't have.
 * Other members of the document are skipped. Those of a permission are refused, unless null: a
 * misspelled "notActions" or a "condition" left aside would give more than was meant.
 * RC_INVALID with a reason for the caller in `arena`; *out is then untouched. */
enum rc role_actions_read(const json_t *document, uint64_t *out, struct arena *arena,
                          struct str *out_why) NODISCARD;

#endif
