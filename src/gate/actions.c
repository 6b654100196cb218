/* The actions by their texts, and which of them a pattern names. Which role has which is roles.c.
 * Source: wire/managed-identity §3.4. */
#include "gate/roles.h"

#define SERVICES "Microsoft.Communication/CommunicationServices/"
#define RIGHTS   "Microsoft.Authorization/"
#define MANAGED  "Microsoft.ManagedIdentity/userAssignedIdentities/"
#define ARM      "Microsoft.Resources/subscriptions/"

#define PATTERN_MAX ((size_t)256)

/* clang-format off */
static const struct { struct str name; bool data; } actions[ACTION_COUNT] = {
    [ACTION_IDENTITY_READ]            = {STR_INIT(SERVICES "identity/read/action"), true},
    [ACTION_IDENTITY_WRITE]           = {STR_INIT(SERVICES "identity/write/action"), true},
    [ACTION_IDENTITY_TOKEN]           = {STR_INIT(SERVICES "identity/token/action"), true},
    [ACTION_SMS_READ]                 = {STR_INIT(SERVICES "sms/read/action"), true},
    [ACTION_SMS_WRITE]                = {STR_INIT(SERVICES "sms/write/action"), true},
    [ACTION_ROOMS_READ]               = {STR_INIT(SERVICES "rooms/read/action"), true},
    [ACTION_ROOMS_WRITE]              = {STR_INIT(SERVICES "rooms/write/action"), true},
    [ACTION_CHAT_READ]                = {STR_INIT(SERVICES "chat/read/action"), true},
    [ACTION_CHAT_WRITE]               = {STR_INIT(SERVICES "chat/write/action"), true},
    [ACTION_CALLING_READ]             = {STR_INIT(SERVICES "calling/read/action"), true},
    [ACTION_CALLING_WRITE]            = {STR_INIT(SERVICES "calling/write/action"), true},
    [ACTION_PHONE_NUMBERS_READ]       = {STR_INIT(SERVICES "phoneNumbers/read/action"), true},
    [ACTION_PHONE_NUMBERS_WRITE]      = {STR_INIT(SERVICES "phoneNumbers/write/action"), true},
    [ACTION_EMAIL_READ]               = {STR_INIT(SERVICES "email/read/action"), true},
    [ACTION_EMAIL_WRITE]              = {STR_INIT(SERVICES "email/write/action"), true},

    [ACTION_SERVICES_READ]            = {STR_INIT(SERVICES "read"), false},
    [ACTION_SERVICES_WRITE]           = {STR_INIT(SERVICES "write"), false},
    [ACTION_SERVICES_DELETE]          = {STR_INIT(SERVICES "delete"), false},
    [ACTION_SERVICES_LIST_KEYS]       = {STR_INIT(SERVICES "ListKeys/action"), false},
    [ACTION_SERVICES_REGENERATE_KEY]  = {STR_INIT(SERVICES "RegenerateKey/action"), false},
    [ACTION_SERVICES_LINK_HUB]        = {STR_INIT(SERVICES "LinkNotificationHub/action"), false},
    [ACTION_CHECK_NAME]               = {STR_INIT("Microsoft.Communication/CheckNameAvailability/action"), false},
    [ACTION_OPERATION_STATUS]         = {STR_INIT("Microsoft.Communication/Locations/OperationStatuses/read"), false},
    [ACTION_OPERATIONS_READ]          = {STR_INIT("Microsoft.Communication/Operations/read"), false},
    [ACTION_ROLE_ASSIGNMENTS_READ]    = {STR_INIT(RIGHTS "roleAssignments/read"), false},
    [ACTION_ROLE_ASSIGNMENTS_WRITE]   = {STR_INIT(RIGHTS "roleAssignments/write"), false},
    [ACTION_ROLE_ASSIGNMENTS_DELETE]  = {STR_INIT(RIGHTS "roleAssignments/delete"), false},
    [ACTION_ROLE_DEFINITIONS_READ]    = {STR_INIT(RIGHTS "roleDefinitions/read"), false},
    [ACTION_ROLE_DEFINITIONS_WRITE]   = {STR_INIT(RIGHTS "roleDefinitions/write"), false},
    [ACTION_ROLE_DEFINITIONS_DELETE]  = {STR_INIT(RIGHTS "roleDefinitions/delete"), false},
    [ACTION_MANAGED_IDENTITIES_READ]  = {STR_INIT(MANAGED "read"), false},
    [ACTION_MANAGED_IDENTITIES_WRITE] = {STR_INIT(MANAGED "write"), false},
    [ACTION_MANAGED_IDENTITIES_DELETE] = {STR_INIT(MANAGED "delete"), false},
    [ACTION_FEDERATED_READ]           = {STR_INIT(MANAGED "federatedIdentityCredentials/read"), false},
    [ACTION_FEDERATED_WRITE]          = {STR_INIT(MANAGED "federatedIdentityCredentials/write"), false},
    [ACTION_FEDERATED_DELETE]         = {STR_INIT(MANAGED "federatedIdentityCredentials/delete"), false},
    [ACTION_GROUPS_READ]              = {STR_INIT(ARM "resourceGroups/read"), false},
    [ACTION_GROUPS_WRITE]             = {STR_INIT(ARM "resourceGroups/write"), false},
    [ACTION_GROUPS_DELETE]            = {STR_INIT(ARM "resourceGroups/delete"), false},
    [ACTION_SUBSCRIPTIONS_READ]       = {STR_INIT(ARM "read"), false},
};
/* clang-format on */

struct str action_name(enum action action)
{
    return (unsigned)action < ACTION_COUNT ? actions[action].name : STR_EMPTY;
}

bool action_is_data(enum action action)
{
    return (unsigned)action < ACTION_COUNT && actions[action].data;
}

static unsigned char lower(char c)
{
    unsigned char octet = (unsigned char)c;

    return octet >= 'A' && octet <= 'Z' ? (unsigned char)(octet | 0x20U) : octet;
}

/* The last star that was met takes one octet more whenever what follows it does not fit. */
static bool pattern_fits(struct str pattern, struct str name)
{
    size_t p = 0, n = 0, star = pattern.len, taken = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.len && lower(pattern.ptr[p]) == lower(name.ptr[n])) {
            p++;
            n++;
        } else if (star < pattern.len) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

uint64_t actions_matching(struct str pattern, bool data)
{
    uint64_t found = 0;

    if (pattern.len > PATTERN_MAX)
        return 0;
    for (unsigned a = ACTION_NONE + 1; a < ACTION_COUNT; a++) {
        if (actions[a].data == data && pattern_fits(pattern, actions[a].name))
            found |= ACTION_BIT(a);
    }
    return found;
}
