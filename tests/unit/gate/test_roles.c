/* The permission table of the product, written by hand; patterns; custom roles; scopes. */
#include "unit/base/unit.h"

#include "base/buf.h"
#include "gate/roles.h"
#include "gate/scope.h"

#define BIT(a)   ACTION_BIT(ACTION_##a)
#define SERVICES "Microsoft.Communication/CommunicationServices/"
#define RIGHTS   "Microsoft.Authorization/"
#define MANAGED  "Microsoft.ManagedIdentity/userAssignedIdentities/"
#define GROUPS   "Microsoft.Resources/subscriptions/resourceGroups/"

static const struct {
    const char *name, *id;
} columns[] = {
    {"Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"},
    {"Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"},
    {"Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"},
    {"User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"},
    {"Communication and Email Service Owner", "09976791-48a7-449e-bb21-39d1a415f350"},
    {"Callgate Data Contributor", "6d1c0e92-3b57-4c8e-914d-0a7fc325e841"},
    {"Callgate Identity Contributor", "ebd392b4-af77-4ff3-b2b5-c4c43cd3e9e4"},
    {"Callgate Token Issuer", "2b08f6a3-37a8-4047-9daa-73e1e8b743f3"},
    {"Callgate SMS Sender", "bad97317-a226-4486-b7d2-a05c6b4da8ff"},
    {"Callgate Reader", "fe2c11e0-e047-4eca-a460-b25172033914"},
};

/* clang-format off */
static const struct {
    enum action action;
    const char *may; /* one letter a column: Owner, Contributor, Reader, User access administrator,
                      * communication and Email owner, whole data Plane, Identity, Token, Sms, Data reader */
    const char *name;
    bool data;
} table[] = {
    {ACTION_IDENTITY_READ,             "OC..EPI..D", SERVICES "identity/read/action", true},
    {ACTION_IDENTITY_WRITE,            "OC..EPI...", SERVICES "identity/write/action", true},
    {ACTION_IDENTITY_TOKEN,            "OC..EPIT..", SERVICES "identity/token/action", true},
    {ACTION_SMS_READ,                  "OC..EP..SD", SERVICES "sms/read/action", true},
    {ACTION_SMS_WRITE,                 "OC..EP..S.", SERVICES "sms/write/action", true},
    {ACTION_ROOMS_READ,                "OC..EP...D", SERVICES "rooms/read/action", true},
    {ACTION_ROOMS_WRITE,               "OC..EP....", SERVICES "rooms/write/action", true},
    {ACTION_CHAT_READ,                 "OC..EP...D", SERVICES "chat/read/action", true},
    {ACTION_CHAT_WRITE,                "OC..EP....", SERVICES "chat/write/action", true},
    {ACTION_CALLING_READ,              "OC..EP...D", SERVICES "calling/read/action", true},
    {ACTION_CALLING_WRITE,             "OC..EP....", SERVICES "calling/write/action", true},
    {ACTION_PHONE_NUMBERS_READ,        "OC..EP...D", SERVICES "phoneNumbers/read/action", true},
    {ACTION_PHONE_NUMBERS_WRITE,       "OC..EP....", SERVICES "phoneNumbers/write/action", true},
    {ACTION_EMAIL_READ,                "OC..EP...D", SERVICES "email/read/action", true},
    {ACTION_EMAIL_WRITE,               "OC..EP....", SERVICES "email/write/action", true},
    {ACTION_SERVICES_READ,             "OCRUE.....", SERVICES "read", false},
    {ACTION_SERVICES_WRITE,            "OC..E.....", SERVICES "write", false},
    {ACTION_SERVICES_DELETE,           "OC..E.....", SERVICES "delete", false},
    {ACTION_SERVICES_LIST_KEYS,        "OC..E.....", SERVICES "ListKeys/action", false},
    {ACTION_SERVICES_REGENERATE_KEY,   "OC..E.....", SERVICES "RegenerateKey/action", false},
    {ACTION_SERVICES_LINK_HUB,         "OC..E.....", SERVICES "LinkNotificationHub/action", false},
    {ACTION_CHECK_NAME,                "OC..E.....", "Microsoft.Communication/CheckNameAvailability/action", false},
    {ACTION_OPERATION_STATUS,          "OCRUE.....", "Microsoft.Communication/Locations/OperationStatuses/read", false},
    {ACTION_OPERATIONS_READ,           "OCRUE.....", "Microsoft.Communication/Operations/read", false},
    {ACTION_ROLE_ASSIGNMENTS_READ,     "OCRU......", RIGHTS "roleAssignments/read", false},
    {ACTION_ROLE_ASSIGNMENTS_WRITE,    "O..U......", RIGHTS "roleAssignments/write", false},
    {ACTION_ROLE_ASSIGNMENTS_DELETE,   "O..U......", RIGHTS "roleAssignments/delete", false},
    {ACTION_ROLE_DEFINITIONS_READ,     "OCRU......", RIGHTS "roleDefinitions/read", false},
    {ACTION_ROLE_DEFINITIONS_WRITE,    "O..U......", RIGHTS "roleDefinitions/write", false},
    {ACTION_ROLE_DEFINITIONS_DELETE,   "O..U......", RIGHTS "roleDefinitions/delete", false},
    {ACTION_MANAGED_IDENTITIES_READ,   "OCRU......", MANAGED "read", false},
    {ACTION_MANAGED_IDENTITIES_WRITE,  "OC........", MANAGED "write", false},
    {ACTION_MANAGED_IDENTITIES_DELETE, "OC........", MANAGED "delete", false},
    {ACTION_FEDERATED_READ,            "OCRU......", MANAGED "federatedIdentityCredentials/read", false},
    {ACTION_FEDERATED_WRITE,           "OC........", MANAGED "federatedIdentityCredentials/write", false},
    {ACTION_FEDERATED_DELETE,          "OC........", MANAGED "federatedIdentityCredentials/delete", false},
    {ACTION_GROUPS_READ,               "OCRU......", GROUPS "read", false},
    {ACTION_GROUPS_WRITE,              "OC........", GROUPS "write", false},
    {ACTION_GROUPS_DELETE,             "OC........", GROUPS "delete", false},
    {ACTION_SUBSCRIPTIONS_READ,        "OCRU......", "Microsoft.Resources/subscriptions/read", false},
};
/* clang-format on */

static uint64_t all_of(bool data)
{
    uint64_t all = 0;

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        all |= table[i].data == data ? ACTION_BIT(table[i].action) : 0;
    return all;
}

static void every_action_has_its_name_and_plane(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(table), ACTION_COUNT - 1);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        assert_int_equal(table[i].action, i + 1);
        check_str(table[i].name, action_name(table[i].action), str_from(table[i].name));
        check(table[i].name, action_is_data(table[i].action) == table[i].data);
    }
    assert_int_equal(action_name(ACTION_NONE).len, 0);
    assert_int_equal(action_name(ACTION_COUNT).len, 0);
    assert_false(action_is_data(ACTION_NONE));
    assert_false(action_is_data(ACTION_COUNT));
}

static void every_built_in_role_allows_what_the_table_says(void **state)
{
    (void)state;
    assert_int_equal(built_in_roles_count, ARRAY_LEN(columns));
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
        const struct role *role = &built_in_roles[c];
        struct uuid id;

        assert_int_equal(uuid_parse(str_from(columns[c].id), &id), RC_OK);
        check_str("name", role->name, str_from(columns[c].name));
        check(columns[c].name, uuid_eq(&role->id, &id) && role->built_in && role->description.len);
        check(columns[c].name, built_in_role_by_id(&id) == role);
        check(columns[c].name, built_in_role_by_name(str_from(columns[c].name)) == role);
        assert_false(role->actions & ACTION_BIT(ACTION_NONE));
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
            bool may = (role->actions & ACTION_BIT(table[i].action)) != 0;

            if (may != (table[i].may[c] != '.'))
                fail_msg("%s, %s: %d", columns[c].name, table[i].name, may);
        }
    }
}

static void a_built_in_role_is_found_without_case_and_else_not(void **state)
{
    struct uuid id = {{1}};

    (void)state;
    assert_ptr_equal(built_in_role_by_name(STR("cOnTrIbUtOr")), &built_in_roles[1]);
    assert_null(built_in_role_by_name(STR("Contributo")));
    assert_null(built_in_role_by_name(STR("Contributor ")));
    assert_null(built_in_role_by_name(STR_EMPTY));
    assert_null(built_in_role_by_id(&id));
}

static void the_permissions_shown_come_to_what_is_allowed(void **state)
{
    (void)state;
    for (size_t c = 0; c < built_in_roles_count; c++) {
        struct json_writer w;
        struct buf text;
        struct arena arena;
        struct str why = STR_EMPTY;
        json_t *document = NULL;
        uint64_t actions = 0;

        arena_init(&arena);
        buf_init(&text, 16 * KIB);
        json_writer_init(&w, &text);
        json_object_begin(&w);
        json_name(&w, "permissions");
        built_in_role_write_permissions(&built_in_roles[c], &w);
        json_object_end(&w);
        assert_int_equal(json_read(buf_str(&text), &document, NULL), RC_OK);
        assert_int_equal(role_actions_read(document, &actions, &arena, &why), RC_OK);
        check(columns[c].name, actions == built_in_roles[c].actions);
        const json_t *one = json_array_get(json_object_get(document, "permissions"), 0);
        assert_int_equal(json_object_size(one), 4);
        assert_int_equal(json_array_size(json_object_get(one, "notDataActions")), 0);
        json_decref(document);
        buf_clear(&text);
        arena_clear(&arena);
    }
}

static const struct {
    const char *name, *pattern;
    uint64_t control, data;
} patterns[] = {
    {"a whole name is itself, without case", "microsoft.communication/COMMUNICATIONSERVICES/read",
     BIT(SERVICES_READ), 0},
    {"a name of the data plane", SERVICES "sms/write/action", 0, BIT(SMS_WRITE)},
    {"a star at the end takes all that follows, slashes too", SERVICES "identity/*", 0,
     BIT(IDENTITY_READ) | BIT(IDENTITY_WRITE) | BIT(IDENTITY_TOKEN)},
    {"a star inside takes one segment", SERVICES "*/token/action", 0, BIT(IDENTITY_TOKEN)},
    {"a star inside takes several segments", "Microsoft.Communication/*/token/action", 0,
     BIT(IDENTITY_TOKEN)},
    {"a star inside a segment", SERVICES "*Key*/action",
     BIT(SERVICES_LIST_KEYS) | BIT(SERVICES_REGENERATE_KEY), 0},
    {"a star takes nothing, too", SERVICES "read*", BIT(SERVICES_READ), 0},
    {"several stars", "*Communication*Operation*read*",
     BIT(OPERATION_STATUS) | BIT(OPERATIONS_READ), 0},
    {"stars side by side", "**/ROLEASSIGNMENTS/**", /* */
     BIT(ROLE_ASSIGNMENTS_READ) | BIT(ROLE_ASSIGNMENTS_WRITE) | BIT(ROLE_ASSIGNMENTS_DELETE), 0},
    {"a star goes back when what followed did not fit", "*s/read/a*n", 0,
     BIT(ROOMS_READ) | BIT(SMS_READ) | BIT(PHONE_NUMBERS_READ)},
    {"nothing names nothing", "", 0, 0},
    {"a prefix alone names nothing", "Microsoft.Communication/CommunicationServices", 0, 0},
    {"a suffix alone names nothing", "sms/write/action", 0, 0},
    {"more than the name names nothing", SERVICES "read/", 0, 0},
    {"a dot is a dot", "Microsoft?Communication/Operations/read", 0, 0},
    {"a resource that we don't have", "Microsoft.Communication/EmailServices/*", 0, 0},
};

static void a_pattern_names_what_it_names_in_azure(void **state)
{
    char long_pattern[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct str p = str_from(patterns[i].pattern);

        check(patterns[i].name, actions_matching(p, false) == patterns[i].control);
        check(patterns[i].name, actions_matching(p, true) == patterns[i].data);
    }
    assert_true(actions_matching(STR("*"), false) == all_of(false));
    assert_true(actions_matching(STR("*"), true) == all_of(true));
    assert_true(actions_matching(STR("*/read"), true) == 0);
    memset(long_pattern, '*', sizeof long_pattern);
    assert_true(actions_matching(str_of(long_pattern, 256), false) == all_of(false));
    assert_true(actions_matching(str_of(long_pattern, 257), false) == 0);
}

/* ---- custom roles ---- */

#define ALLOWED(perms) "{\"permissions\":[" perms "]}"
#define OPEN           SERVICES "write"

static const struct {
    const char *name, *document;
    uint64_t actions;
    bool all_data; /* besides `actions` */
} readable[] = {
    {"one action", ALLOWED("{\"actions\":[\"" SERVICES "read\"]}"), BIT(SERVICES_READ), false},
    {"absent and null lists are empty",
     ALLOWED("{\"actions\":null,\"notDataActions\":null,\"condition\":null}"), 0, false},
    {"a permission may be empty", ALLOWED("{}"), 0, false},
    {"a data action", ALLOWED("{\"dataActions\":[\"" SERVICES "sms/*\"]}"),
     BIT(SMS_READ) | BIT(SMS_WRITE), false},
    {"a data action among the actions names nothing",
     ALLOWED("{\"actions\":[\"" SERVICES "sms/write/action\"]}"), 0, false},
    {"an action among the data actions names nothing",
     ALLOWED("{\"dataActions\":[\"" SERVICES "write\"]}"), 0, false},
    {"notDataActions take away",
     ALLOWED("{\"dataActions\":[\"" SERVICES "identity/*\"],\"notDataActions\":[\"*/TOKEN/*\"]}"),
     BIT(IDENTITY_READ) | BIT(IDENTITY_WRITE), false},
    {"who may write the resource has its data plane", ALLOWED("{\"actions\":[\"" OPEN "\"]}"),
     BIT(SERVICES_WRITE), true},
    {"so has who may do all to it", ALLOWED("{\"actions\":[\"" SERVICES "*\"]}"),
     BIT(SERVICES_READ) | BIT(SERVICES_WRITE) | BIT(SERVICES_DELETE) | BIT(SERVICES_LIST_KEYS) |
         BIT(SERVICES_REGENERATE_KEY) | BIT(SERVICES_LINK_HUB),
     true},
    {"not when writing was taken away",
     ALLOWED("{\"actions\":[\"" SERVICES "write\",\"" SERVICES
             "read\"],\"notActions\":[\"*/Write\"]}"),
     BIT(SERVICES_READ), false},
    {"notActions of another permission take nothing away",
     ALLOWED("{\"actions\":[\"" OPEN "\"]},{\"notActions\":[\"*\"],\"notDataActions\":[\"*\"]}"),
     BIT(SERVICES_WRITE), true},
    {"notDataActions take away from an open data plane, too",
     ALLOWED("{\"actions\":[\"" OPEN "\"],\"notDataActions\":[\"*\"],\"dataActions\":[\"*\"]}"),
     BIT(SERVICES_WRITE), false},
    {"permissions add up",
     ALLOWED("{\"dataActions\":[\"" SERVICES "sms/read/action\"]},{\"actions\":[\"" RIGHTS
             "*/read\"]}"),
     BIT(SMS_READ) | BIT(ROLE_ASSIGNMENTS_READ) | BIT(ROLE_DEFINITIONS_READ), false},
    {"what is not ours names nothing",
     ALLOWED("{\"actions\":[\"Microsoft.Compute/virtualMachines/read\"]}"), 0, false},
    {"scopes, a description and other members",
     "{\"roleName\":\"x\",\"type\":\"CustomRole\",\"description\":\"d\",\"assignableScopes\":["
     "\"/\",\"/subscriptions/S/\"],\"permissions\":[{\"actions\":[\"" SERVICES "read\"]}]}",
     BIT(SERVICES_READ), false},
};

static enum rc read_role(const char *document, size_t len, uint64_t *out, bool *out_has_why)
{
    struct arena arena;
    struct str why = STR_EMPTY;
    json_t *json = NULL;
    enum rc rc;

    arena_init(&arena);
    assert_int_equal(json_read(str_of(document, len), &json, NULL), RC_OK);
    rc = role_actions_read(json, out, &arena, &why);
    *out_has_why = why.len > 0;
    json_decref(json);
    arena_clear(&arena);
    return rc;
}

static void a_custom_role_allows_what_its_permissions_leave(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(readable); i++) {
        uint64_t wanted = readable[i].actions | (readable[i].all_data ? all_of(true) : 0);
        uint64_t actions = ~UINT64_C(0);
        bool has_why;

        check(readable[i].name, read_role(readable[i].document, strlen(readable[i].document),
                                          &actions, &has_why) == RC_OK);
        check(readable[i].name, actions == wanted);
    }
}

static const struct {
    const char *name, *document;
} unreadable[] = {
    {"no object", "[]"},
    {"a text", "\"permissions\""},
    {"no permissions", "{\"description\":\"d\"}"},
    {"null permissions", "{\"permissions\":null}"},
    {"empty permissions", "{\"permissions\":[]}"},
    {"permissions that are one object", "{\"permissions\":{\"actions\":[\"*\"]}}"},
    {"a permission that is a text", ALLOWED("\"*\"")},
    {"a second permission that is none", ALLOWED("{\"actions\":[\"*\"]},null")},
    {"actions that are a text", ALLOWED("{\"actions\":\"*\"}")},
    {"an action that is a number", ALLOWED("{\"actions\":[\"*\",1]}")},
    {"an action that is null", ALLOWED("{\"actions\":[null]}")},
    {"an empty action", ALLOWED("{\"actions\":[\"\"]}")},
    {"a blank in an action", ALLOWED("{\"actions\":[\"*/read \"]}")},
    {"a NUL in an action", ALLOWED("{\"actions\":[\"*\\u0000\"]}")},
    {"a letter with an accent", ALLOWED("{\"actions\":[\"*/r\\u00e9ad\"]}")},
    {"notActions that are an object", ALLOWED("{\"actions\":[\"*\"],\"notActions\":{}}")},
    {"dataActions that are true", ALLOWED("{\"dataActions\":true}")},
    {"notDataActions that are a number", ALLOWED("{\"notDataActions\":1}")},
    {"a misspelled notActions", ALLOWED("{\"actions\":[\"*\"],\"notactions\":[\"*/write\"]}")},
    {"a condition that nobody would look at",
     ALLOWED("{\"actions\":[\"*\"],\"condition\":\"@Resource[x]\"}")},
    {"a description that is a number", "{\"description\":1,\"permissions\":[{}]}"},
    {"scopes that are a text", "{\"assignableScopes\":\"/\",\"permissions\":[{}]}"},
    {"a scope without a slash", "{\"assignableScopes\":[\"subscriptions\"],\"permissions\":[{}]}"},
    {"a scope that is a number", "{\"assignableScopes\":[1],\"permissions\":[{}]}"},
};

static void a_malformed_role_is_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unreadable); i++) {
        uint64_t actions = 42;
        bool has_why;

        check(unreadable[i].name, read_role(unreadable[i].document, strlen(unreadable[i].document),
                                            &actions, &has_why) == RC_INVALID);
        check(unreadable[i].name, has_why && actions == 42);
    }
}

/* {"permissions":[{"actions":[<n patterns of `len` letters>]}, …m of them]} */
static enum rc read_many(size_t permissions, size_t n, size_t len)
{
    struct buf text;
    uint64_t actions;
    bool has_why;
    enum rc rc;

    buf_init(&text, 4 * MIB);
    buf_add(&text, STR("{\"permissions\":["));
    for (size_t p = 0; p < permissions; p++) {
        buf_add(&text, p ? STR(",{\"actions\":[") : STR("{\"actions\":["));
        for (size_t i = 0; i < n; i++) {
            buf_add(&text, i ? STR(",\"") : STR("\""));
            for (size_t k = 0; k < len; k++)
                buf_add_char(&text, 'a');
            buf_add_char(&text, '"');
        }
        buf_add(&text, STR("]}"));
    }
    buf_add(&text, STR("]}"));
    assert_int_equal(text.failed, RC_OK);
    rc = read_role(text.ptr, text.len, &actions, &has_why);
    assert_int_equal(has_why, rc != RC_OK);
    buf_clear(&text);
    return rc;
}

static void a_role_may_be_so_long_and_no_longer(void **state)
{
    (void)state;
    assert_int_equal(read_many(1, 1, 256), RC_OK);
    assert_int_equal(read_many(1, 1, 257), RC_INVALID);
    assert_int_equal(read_many(ROLE_PERMISSIONS_MAX, 1, 4), RC_OK);
    assert_int_equal(read_many(ROLE_PERMISSIONS_MAX + 1, 1, 4), RC_INVALID);
    assert_int_equal(read_many(1, ROLE_PATTERNS_MAX, 4), RC_OK);
    assert_int_equal(read_many(1, ROLE_PATTERNS_MAX + 1, 4), RC_INVALID);
    assert_int_equal(read_many(2, ROLE_PATTERNS_MAX / 2 + 1, 4), RC_INVALID);
}

/* ---- scopes ---- */

static const struct {
    const char *name, *text, *scope; /* scope NULL: refused */
} scopes[] = {
    {"the top", "/", "/"},
    {"slashes alone", "///", "/"},
    {"lower case", "/subscriptions/AbC", "/subscriptions/abc"},
    {"no slash at the end", "/a/b/", "/a/b"},
    {"nor several", "/a/b//", "/a/b"},
    {"two slashes before", "//subscriptions/a", "/subscriptions/a"},
    {"two slashes before, some after", "///a///", "/a"},
    {"two slashes inside", "/a//b", NULL},
    {"nothing", "", NULL},
    {"no slash before", "subscriptions/a", NULL},
    {"a blank", "/a b", NULL},
    {"a blank at the end", "/a ", NULL},
    {"a line end", "/a\n", NULL},
    {"DEL", "/a\x7f", NULL},
    {"octets above ASCII", "/a\xc3\xa9", NULL},
    {"marks that names may have", "/a-b_c.(d)~", "/a-b_c.(d)~"},
};

static void a_scope_has_one_spelling(void **state)
{
    char text[1100];
    struct arena arena;
    struct str got;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        enum rc rc = scope_normalise(str_from(scopes[i].text), &arena, &got);

        check(scopes[i].name, rc == (scopes[i].scope ? RC_OK : RC_INVALID));
        if (scopes[i].scope)
            check_str(scopes[i].name, got, str_from(scopes[i].scope));
    }
    assert_int_equal(scope_normalise(str_of("/a\0b", 4), &arena, &got), RC_INVALID);
    memset(text, 'A', sizeof text);
    text[0] = '/';
    assert_int_equal(scope_normalise(str_of(text, SCOPE_MAX), &arena, &got), RC_OK);
    assert_int_equal(got.len, SCOPE_MAX);
    assert_int_equal(scope_normalise(str_of(text, SCOPE_MAX + 1), &arena, &got), RC_INVALID);
    for (size_t i = 0; i < 2 * (SCOPE_DEPTH_MAX + 1); i += 2)
        text[i] = '/';
    assert_int_equal(scope_normalise(str_of(text, 2 * SCOPE_DEPTH_MAX), &arena, &got), RC_OK);
    assert_int_equal(scope_normalise(str_of(text, 2 * SCOPE_DEPTH_MAX + 2), &arena, &got),
                     RC_INVALID);
    arena_clear(&arena);
}

static void the_way_up_ends_at_the_top(void **state)
{
    struct str at = STR("/subscriptions/s/resourcegroups/g");

    (void)state;
    assert_true(scope_parent(at, &at));
    check_str("3", at, STR("/subscriptions/s/resourcegroups"));
    assert_true(scope_parent(at, &at));
    assert_true(scope_parent(at, &at));
    check_str("1", at, STR("/subscriptions"));
    assert_true(scope_parent(at, &at));
    check_str("0", at, STR("/"));
    assert_false(scope_parent(at, &at));
    assert_false(scope_parent(STR_EMPTY, &at));
    assert_false(scope_parent(STR("a/b"), &at));
}

static void a_resource_has_its_scope(void **state)
{
    struct uuid id = {{0xAB}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    check_str("scope", scope_of_resource(&id, STR("My-Group"), STR("Blue"), &arena),
              STR("/subscriptions/ab000000-0000-0000-0000-000000000000/resourcegroups/my-group/"
                  "providers/microsoft.communication/communicationservices/blue"));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_has_its_name_and_plane),
        cmocka_unit_test(every_built_in_role_allows_what_the_table_says),
        cmocka_unit_test(a_built_in_role_is_found_without_case_and_else_not),
        cmocka_unit_test(the_permissions_shown_come_to_what_is_allowed),
        cmocka_unit_test(a_pattern_names_what_it_names_in_azure),
        cmocka_unit_test(a_custom_role_allows_what_its_permissions_leave),
        cmocka_unit_test(a_malformed_role_is_refused_with_a_reason),
        cmocka_unit_test(a_role_may_be_so_long_and_no_longer),
        cmocka_unit_test(a_scope_has_one_spelling),
        cmocka_unit_test(the_way_up_ends_at_the_top),
        cmocka_unit_test(a_resource_has_its_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
