/* What a caller may be allowed to do, as numbers: rows name one, role definitions name many by
 * their texts (gate/actions.c). A set of them is one uint64_t. */
#ifndef HTTP_ACTION_H
#define HTTP_ACTION_H

#include <assert.h>
#include <stdint.h>

enum action {
    ACTION_NONE = 0, /* no role is asked for */

    /* the data plane of a resource */
    ACTION_IDENTITY_READ,
    ACTION_IDENTITY_WRITE,
    ACTION_IDENTITY_TOKEN, /* issues user access tokens */
    ACTION_SMS_READ,
    ACTION_SMS_WRITE,
    ACTION_ROOMS_READ,
    ACTION_ROOMS_WRITE,
    ACTION_CHAT_READ,
    ACTION_CHAT_WRITE,
    ACTION_CALLING_READ,
    ACTION_CALLING_WRITE,
    ACTION_PHONE_NUMBERS_READ,
    ACTION_PHONE_NUMBERS_WRITE,
    ACTION_EMAIL_READ,
    ACTION_EMAIL_WRITE,

    /* the control plane: the management API */
    ACTION_SERVICES_READ,
    ACTION_SERVICES_WRITE,
    ACTION_SERVICES_DELETE,
    ACTION_SERVICES_LIST_KEYS,
    ACTION_SERVICES_REGENERATE_KEY,
    ACTION_SERVICES_LINK_HUB,
    ACTION_CHECK_NAME,
    ACTION_OPERATION_STATUS,
    ACTION_OPERATIONS_READ,
    ACTION_ROLE_ASSIGNMENTS_READ,
    ACTION_ROLE_ASSIGNMENTS_WRITE,
    ACTION_ROLE_ASSIGNMENTS_DELETE,
    ACTION_ROLE_DEFINITIONS_READ,
    ACTION_ROLE_DEFINITIONS_WRITE,
    ACTION_ROLE_DEFINITIONS_DELETE,
    ACTION_MANAGED_IDENTITIES_READ,
    ACTION_MANAGED_IDENTITIES_WRITE,
    ACTION_MANAGED_IDENTITIES_DELETE,
    ACTION_FEDERATED_READ, /* federated credentials of a managed identity */
    ACTION_FEDERATED_WRITE,
    ACTION_FEDERATED_DELETE,
    ACTION_GROUPS_READ, /* resource groups */
    ACTION_GROUPS_WRITE,
    ACTION_GROUPS_DELETE,
    ACTION_SUBSCRIPTIONS_READ,
    ACTION_COUNT
};

/* The place of an action in a set. */
#define ACTION_BIT(a) (UINT64_C(1) << (a))
static_assert(ACTION_COUNT <= 64, "a set of actions is one uint64_t");

#endif
