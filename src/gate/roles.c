/* The built-in roles, and custom ones read from their documents. Who has them where is grants.c.
 *
 * A built-in role is written twice: as Azure's patterns, which the management API shows, and as the
 * set that they come to. The unit test reads the one and compares. Source: wire/managed-identity
 * §3.4. */
#include "gate/roles.h"

#include "gate/scope.h"

#define PATTERN_LEN_MAX     ((size_t)256)
#define DESCRIPTION_LEN_MAX ((size_t)2048)

/* ---- built-in roles ---- */

#define BELOW(a) (ACTION_BIT(a) - 1)
/* from..to, both included */
#define RANGE(from, to) (BELOW((to) + 1) & ~BELOW(from))

#define ALL_DATA    RANGE(ACTION_IDENTITY_READ, ACTION_EMAIL_WRITE)
#define ALL_CONTROL RANGE(ACTION_SERVICES_READ, ACTION_SUBSCRIPTIONS_READ)
#define ALL_RIGHTS  RANGE(ACTION_ROLE_ASSIGNMENTS_READ, ACTION_ROLE_DEFINITIONS_DELETE)
#define ALL_COMMUNICATION                                                                          \
    (ALL_DATA | RANGE(ACTION_SERVICES_READ, ACTION_SERVICES_LINK_HUB) |                            \
     RANGE(ACTION_CHECK_NAME, ACTION_OPERATIONS_READ))
#define CONTROL_READS                                                                              \
    (ACTION_BIT(ACTION_SERVICES_READ) | ACTION_BIT(ACTION_OPERATION_STATUS) |                      \
     ACTION_BIT(ACTION_OPERATIONS_READ) | ACTION_BIT(ACTION_ROLE_ASSIGNMENTS_READ) |               \
     ACTION_BIT(ACTION_ROLE_DEFINITIONS_READ) | ACTION_BIT(ACTION_MANAGED_IDENTITIES_READ) |       \
     ACTION_BIT(ACTION_FEDERATED_READ) | ACTION_BIT(ACTION_GROUPS_READ) |                          \
     ACTION_BIT(ACTION_SUBSCRIPTIONS_READ))
#define RIGHTS_READS                                                                               \
    (ACTION_BIT(ACTION_ROLE_ASSIGNMENTS_READ) | ACTION_BIT(ACTION_ROLE_DEFINITIONS_READ))
#define DATA_READS                                                                                 \
    (ACTION_BIT(ACTION_IDENTITY_READ) | ACTION_BIT(ACTION_SMS_READ) |                              \
     ACTION_BIT(ACTION_ROOMS_READ) | ACTION_BIT(ACTION_CHAT_READ) |                                \
     ACTION_BIT(ACTION_CALLING_READ) | ACTION_BIT(ACTION_PHONE_NUMBERS_READ) |                     \
     ACTION_BIT(ACTION_EMAIL_READ))

/* clang-format off */
#define ID(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
    {{0x##a, 0x##b, 0x##c, 0x##d, 0x##e, 0x##f, 0x##g, 0x##h, 0x##i, 0x##j, 0x##k, 0x##l, 0x##m, 0x##n, 0x##o, 0x##p}}

enum { OWNER, CONTRIBUTOR, READER, ACCESS_ADMINISTRATOR, COMMUNICATION_OWNER,
       DATA_CONTRIBUTOR, IDENTITY_CONTRIBUTOR, TOKEN_ISSUER, SMS_SENDER, DATA_READER, ROLES };

static const struct role roles[ROLES] = {
    [OWNER] = {
        ID(8e, 3a, f6, 57, a8, ff, 44, 3c, a7, 5c, 2f, e8, c4, bc, b6, 35), STR_INIT("Owner"),
        STR_INIT("Everything, and who may do what."),
        true, ALL_CONTROL | ALL_DATA},
    [CONTRIBUTOR] = {
        ID(b2, 49, 88, ac, 61, 80, 42, a0, ab, 88, 20, f7, 38, 2d, d2, 4c), STR_INIT("Contributor"),
        STR_INIT("Everything but who may do what: resources, their keys and their whole data plane."),
        true, ((ALL_CONTROL | ALL_DATA) & ~ALL_RIGHTS) | RIGHTS_READS},
    [READER] = {
        ID(ac, dd, 72, a7, 33, 85, 48, ef, bd, 42, f6, 06, fb, a8, 1a, e7), STR_INIT("Reader"),
        STR_INIT("Reads the management API. No keys, no data plane."),
        true, CONTROL_READS},
    [ACCESS_ADMINISTRATOR] = {
        ID(18, d7, d8, 8d, d3, 5e, 4f, b5, a5, c3, 77, 73, c2, 0a, 72, d9), STR_INIT("User Access Administrator"),
        STR_INIT("Says who may do what, and reads the management API. No keys, no data plane."),
        true, CONTROL_READS | ALL_RIGHTS},
    [COMMUNICATION_OWNER] = {
        ID(09, 97, 67, 91, 48, a7, 44, 9e, bb, 21, 39, d1, a4, 15, f3, 50), STR_INIT("Communication and Email Service Owner"),
        STR_INIT("Communication resources, their keys and their whole data plane; nothing else."),
        true, ALL_COMMUNICATION},
    [DATA_CONTRIBUTOR] = {
        ID(6d, 1c, 0e, 92, 3b, 57, 4c, 8e, 91, 4d, 0a, 7f, c3, 25, e8, 41), STR_INIT("Callgate Data Contributor"),
        STR_INIT("The whole data plane; nothing of the management API."),
        true, ALL_DATA},
    [IDENTITY_CONTRIBUTOR] = {
        ID(eb, d3, 92, b4, af, 77, 4f, f3, b2, b5, c4, c4, 3c, d3, e9, e4), STR_INIT("Callgate Identity Contributor"),
        STR_INIT("Reads, creates and deletes users, issues and revokes their access tokens."),
        true, RANGE(ACTION_IDENTITY_READ, ACTION_IDENTITY_TOKEN)},
    /* no read: who issues a token knows the user's id, and the list of users is no part of it */
    [TOKEN_ISSUER] = {
        ID(2b, 08, f6, a3, 37, a8, 40, 47, 9d, aa, 73, e1, e8, b7, 43, f3), STR_INIT("Callgate Token Issuer"),
        STR_INIT("Issues access tokens for users that exist; neither reads nor creates users."),
        true, ACTION_BIT(ACTION_IDENTITY_TOKEN)},
    [SMS_SENDER] = {
        ID(ba, d9, 73, 17, a2, 26, 44, 86, b7, d2, a0, 5c, 6b, 4d, a8, ff), STR_INIT("Callgate SMS Sender"),
        STR_INIT("Sends text messages and reads what became of them."),
        true, RANGE(ACTION_SMS_READ, ACTION_SMS_WRITE)},
    [DATA_READER] = {
        ID(fe, 2c, 11, e0, e0, 47, 4e, ca, a4, 60, b2, 51, 72, 03, 39, 14), STR_INIT("Callgate Reader"),
        STR_INIT("Reads the whole data plane, changes nothing and issues no tokens."),
        true, DATA_READS},
};

#define SERVICES "Microsoft.Communication/CommunicationServices/"

struct permission { const char *const *actions, *const *not_actions, *const *data_actions; };

static const char *const everything[] = {"*", NULL};
static const char *const every_read[] = {"*/read", NULL};
static const char *const not_of_contributor[] = {
    "Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Blueprint/blueprintAssignments/write", "Microsoft.Blueprint/blueprintAssignments/delete",
    "Microsoft.Compute/galleries/share/action", NULL};
static const char *const access_administration[] = {
    "*/read", "Microsoft.Authorization/*", "Microsoft.Support/*", NULL};
static const char *const communication[] = {
    "Microsoft.Communication/CheckNameAvailability/action",
    "Microsoft.Communication/Locations/OperationStatuses/read",
    "Microsoft.Communication/Locations/OperationStatuses/write",
    "Microsoft.Communication/Operations/read",
    SERVICES "read", SERVICES "write", SERVICES "delete", SERVICES "ListKeys/action",
    SERVICES "RegenerateKey/action", SERVICES "LinkNotificationHub/action",
    SERVICES "EventGridFilters/read", SERVICES "EventGridFilters/write", SERVICES "EventGridFilters/delete",
    "Microsoft.Communication/EmailServices/*", NULL};
static const char *const all_data[] = {SERVICES "*", NULL};
static const char *const identity_data[] = {
    SERVICES "identity/read/action", SERVICES "identity/write/action", SERVICES "identity/token/action", NULL};
static const char *const token_data[] = {SERVICES "identity/token/action", NULL};
static const char *const sms_data[] = {SERVICES "sms/read/action", SERVICES "sms/write/action", NULL};
static const char *const data_reads[] = {SERVICES "*/read/action", NULL};

static const struct permission permissions[ROLES] = {
    [OWNER]                = {.actions = everything},
    [CONTRIBUTOR]          = {.actions = everything, .not_actions = not_of_contributor},
    [READER]               = {.actions = every_read},
    [ACCESS_ADMINISTRATOR] = {.actions = access_administration},
    [COMMUNICATION_OWNER]  = {.actions = communication},
    [DATA_CONTRIBUTOR]     = {.data_actions = all_data},
    [IDENTITY_CONTRIBUTOR] = {.data_actions = identity_data},
    [TOKEN_ISSUER]         = {.data_actions = token_data},
    [SMS_SENDER]           = {.data_actions = sms_data},
    [DATA_READER]          = {.data_actions = data_reads},
};
/* clang-format on */

const struct role *const built_in_roles = roles;
const size_t built_in_roles_count = ARRAY_LEN(roles);

const struct role *built_in_role_by_id(const struct uuid *id)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (uuid_eq(&roles[i].id, id))
            return &roles[i];
    }
    return NULL;
}

const struct role *built_in_role_by_name(struct str name)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (name_eq_nocase(roles[i].name, name))
            return &roles[i];
    }
    return NULL;
}

static void write_patterns(struct json_writer *w, const char *name, const char *const *patterns)
{
    json_name(w, name);
    json_array_begin(w);
    for (; patterns && *patterns; patterns++)
        json_str(w, str_from(*patterns));
    json_array_end(w);
}

void built_in_role_write_permissions(const struct role *role, struct json_writer *w)
{
    const struct permission *p = &permissions[role - roles];

    json_array_begin(w);
    json_object_begin(w);
    write_patterns(w, "actions", p->actions);
    write_patterns(w, "notActions", p->not_actions);
    write_patterns(w, "dataActions", p->data_actions);
    write_patterns(w, "notDataActions", NULL);
    json_object_end(w);
    json_array_end(w);
}

/* ---- custom roles ---- */

struct reading {
    struct arena *arena;
    struct str why;  /* set by the first that fails */
    size_t patterns; /* so far */
};

static enum rc refuse(struct reading *r, struct str why)
{
    r->why = why;
    return RC_INVALID;
}

static bool is_pattern(struct str s)
{
    if (s.len == 0 || s.len > PATTERN_LEN_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!plain && c != '.' && c != '/' && c != '*' && c != '-' && c != '_')
            return false;
    }
    return true;
}

static enum rc patterns_read(struct reading *r, const json_t *permission, const char *name,
                             bool data, uint64_t *out)
{
    const json_t *list = json_object_get(permission, name);

    *out = 0;
    if (!list || json_is_null(list))
        return RC_OK;
    if (!json_is_array(list))
        return refuse(r, arena_printf(r->arena, "%s must be a list of strings", name));
    r->patterns += json_array_size(list);
    if (r->patterns > ROLE_PATTERNS_MAX)
        return refuse(
            r, arena_printf(r->arena, "a role names at most %zu actions", ROLE_PATTERNS_MAX));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct str pattern = str_of(json_string_value(item), json_string_length(item));

        if (!is_pattern(pattern))
            return refuse(r, arena_printf(r->arena,
                                          "%s[%zu] must be an action of 1 to %zu letters, digits "
                                          "and . / * - _",
                                          name, i, PATTERN_LEN_MAX));
        *out |= actions_matching(pattern, data);
    }
    return RC_OK;
}

static enum rc check_members(struct reading *r, const json_t *permission)
{
    static const char *const known[] = {"actions", "notActions", "dataActions", "notDataActions"};
    const char *name;
    /* Iteration wants it mutable, but changes nothing. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    json_t *object = (json_t *)(uintptr_t)permission;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        size_t i = 0;

        while (i < ARRAY_LEN(known) && !name_eq(str_from(known[i]), str_from(name)))
            i++;
        if (i == ARRAY_LEN(known) && !json_is_null(value))
            return refuse(r, arena_printf(r->arena, "a permission has no member \"%.64s\"", name));
    }
    return RC_OK;
}

static enum rc permission_read(struct reading *r, const json_t *permission, uint64_t *out)
{
    uint64_t control, not_control, data, not_data;

    if (!json_is_object(permission))
        return refuse(r, STR("each of permissions must be an object"));
    if (check_members(r, permission) || patterns_read(r, permission, "actions", false, &control) ||
        patterns_read(r, permission, "notActions", false, &not_control) ||
        patterns_read(r, permission, "dataActions", true, &data) ||
        patterns_read(r, permission, "notDataActions", true, &not_data))
        return RC_INVALID;
    control &= ~not_control;
    if (control & ACTION_BIT(ACTION_SERVICES_WRITE))
        data = ALL_DATA;
    *out = control | (data & ~not_data);
    return RC_OK;
}

static enum rc check_scopes(struct reading *r, const json_t *document)
{
    const json_t *list = json_object_get(document, "assignableScopes");
    struct str scope;

    if (!list || json_is_null(list))
        return RC_OK;
    if (!json_is_array(list) || json_array_size(list) > ROLE_SCOPES_MAX)
        return refuse(r, arena_printf(r->arena,
                                      "assignableScopes must be a list of at most %zu scopes",
                                      ROLE_SCOPES_MAX));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (scope_normalise(str_of(json_string_value(item), json_string_length(item)), r->arena,
                            &scope))
            return refuse(r, arena_printf(r->arena, "assignableScopes[%zu] must be a scope", i));
    }
    return RC_OK;
}

static enum rc check_description(struct reading *r, const json_t *document)
{
    struct str description = STR_EMPTY;

    if (json_get_str(document, "description", &description) == RC_INVALID ||
        description.len > DESCRIPTION_LEN_MAX)
        return refuse(r,
                      arena_printf(r->arena, "description must be a string of at most %zu octets",
                                   DESCRIPTION_LEN_MAX));
    return RC_OK;
}

static enum rc document_read(struct reading *r, const json_t *document, uint64_t *out)
{
    const json_t *list = json_object_get(document, "permissions");
    uint64_t all = 0;

    if (!json_is_object(document))
        return refuse(r, STR("a role must be an object"));
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > ROLE_PERMISSIONS_MAX)
        return refuse(r, arena_printf(r->arena, "permissions must be a list of 1 to %zu objects",
                                      ROLE_PERMISSIONS_MAX));
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint64_t one = 0;

        if (permission_read(r, json_array_get(list, i), &one))
            return RC_INVALID;
        all |= one;
    }
    if (check_description(r, document) || check_scopes(r, document))
        return RC_INVALID;
    *out = all;
    return RC_OK;
}

enum rc role_actions_read(const json_t *document, uint64_t *out, struct arena *arena,
                          struct str *out_why)
{
    struct reading r = {.arena = arena};
    enum rc rc = document_read(&r, document, out);

    if (rc)
        *out_why = r.why;
    return rc;
}
