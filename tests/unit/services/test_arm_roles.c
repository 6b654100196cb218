/* The management API: role assignments, role definitions, and who may use which of its routes.
 * Source: wire/managed-identity §3.4, §6. */
#include "arm_scene.h"

#define OWNER_ID       "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define READER_ID      "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define CONTRIBUTOR_ID "b24988ac-6180-42a0-ab88-20f7382dd24c"
#define ROLE(id)       "{S}{A}/roleDefinitions/" id
#define ID_1           "11111111-2222-4333-8444-555555555501"
#define ID_2           "11111111-2222-4333-8444-555555555502"
#define ID_3           "11111111-2222-4333-8444-555555555503"
#define ID_4           "11111111-2222-4333-8444-555555555504"
#define ASSIGN(role)   "{'properties':{'roleDefinitionId':'" ROLE(role) "','principalId':'{P}'}}"
#define DEFAULT_RES    "{S}/resourceGroups/callgate{C}/communicationServices/default"
#define A_1            "{A}/roleAssignments/" ID_1
#define A_2            "{A}/roleAssignments/" ID_2

static struct arm_scene scene;

static int open_scene(void **state)
{
    (void)state;
    scene_open(&scene);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    scene_close(&scene);
    return 0;
}

static const char *at(const char *path)
{
    return text_at(scene.fx, path);
}

static void expect(enum arm_caller who, const char *method, const char *target, const char *body,
                   int status)
{
    (void)arm(&scene, who, method, target, body);
    check_arm(&scene, target, status, NULL);
}

/* "/subscriptions/ID" and what follows. */
static const char *in_sub(const char *rest)
{
    return path_of(1, "/subscriptions/%s%s", scene.sub, rest);
}

/* ---- role assignments ---- */

static void assignment_is_made_shown_and_deleted(void **state)
{
    char created[40];

    (void)state;
    expect(OWNER, "PUT", "{S}" A_1,
           "{'properties':{'roleDefinitionId':'" ROLE(
               READER_ID) "','principalId':'{P}',"
                          "'principalType':'serviceprincipal','description':'reads \\u00e4'}}",
           201);
    assert_string_equal(at("name"), ID_1);
    assert_string_equal(at("type"), "Microsoft.Authorization/roleAssignments");
    assert_string_equal(at("id"),
                        in_sub("/providers/Microsoft.Authorization/roleAssignments/" ID_1));
    assert_string_equal(at("properties.scope"), in_sub(""));
    assert_string_equal(at("properties.roleDefinitionId"),
                        in_sub("/providers/Microsoft.Authorization/roleDefinitions/" READER_ID));
    assert_string_equal(at("properties.principalId"), scene.principals[STRANGER]);
    assert_string_equal(at("properties.principalType"), "ServicePrincipal");
    assert_string_equal(at("properties.createdBy"), scene.principals[OWNER]);
    assert_string_equal(at("properties.description"), "reads \xc3\xa4");
    assert_true(json_is_null(json_at(scene.fx, "properties.condition")));
    snprintf(created, sizeof created, "%s", at("properties.createdOn"));
    assert_true(strlen(created) >= 20);

    expect(OWNER, "PUT", "{S}" A_1, ASSIGN(READER_ID), 200);
    assert_string_equal(at("properties.createdOn"), created);
    assert_string_equal(at("properties.description"), "reads \xc3\xa4"); /* what is there stays */
    expect(READER, "GET", "{S}" A_1, NULL, 200);
    assert_string_equal(at("name"), ID_1);
    expect(OWNER, "DELETE", "{S}" A_1, NULL, 200);
    assert_string_equal(at("properties.principalId"), scene.principals[STRANGER]);
    expect(OWNER, "DELETE", "{S}" A_1, NULL, 204);
    expect(OWNER, "GET", "{S}" A_1, NULL, 404);
}

static void assignment_counts_at_once(void **state)
{
    (void)state;
    expect(STRANGER, "GET", "{S}{C}/communicationServices", NULL, 403);
    expect(OWNER, "PUT", "{S}" A_1, ASSIGN(READER_ID), 201);
    expect(STRANGER, "GET", "{S}{C}/communicationServices", NULL, 200);
    expect(STRANGER, "PUT", "{S}" A_2, ASSIGN(OWNER_ID), 403); /* nobody lifts himself up */
    expect(OWNER, "DELETE", "{S}" A_1, NULL, 200);
    expect(STRANGER, "GET", "{S}{C}/communicationServices", NULL, 403);
}

static void assignment_lives_at_its_own_scope_only(void **state)
{
    static const struct {
        const char *scope, *id, *shown;
    } places[] = {
        {"", ID_1, "/"},
        {"{S}", ID_2, ""},
        {"{S}/resourceGroups/callgate", ID_3, "/resourceGroups/callgate"},
        {DEFAULT_RES, ID_4,
         "/resourceGroups/callgate/providers/Microsoft.Communication/CommunicationServices/"
         "default"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        expect(OWNER, "PUT", path_of(0, "%s{A}/roleAssignments/%s", places[i].scope, places[i].id),
               ASSIGN(READER_ID), 201);
        assert_string_equal(at("properties.scope"), i ? in_sub(places[i].shown) : "/");
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        for (size_t j = 0; j < ARRAY_LEN(places); j++)
            expect(OWNER, "GET",
                   path_of(0, "%s{A}/roleAssignments/%s", places[i].scope, places[j].id), NULL,
                   i == j ? 200 : 404);
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const char *other = places[(i + 1) % ARRAY_LEN(places)].id;

        expect(OWNER, "DELETE", path_of(0, "%s{A}/roleAssignments/%s", places[i].scope, other),
               NULL, 204); /* and it is still there: */
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        expect(OWNER, "DELETE",
               path_of(0, "%s{A}/roleAssignments/%s", places[i].scope, places[i].id), NULL, 200);
}

static void assignment_can_not_be_doubled(void **state)
{
    (void)state;
    expect(OWNER, "PUT", "{S}" A_1, ASSIGN(READER_ID), 201);
    (void)arm(&scene, OWNER, "PUT", "{S}" A_2, ASSIGN(READER_ID));
    check_arm(&scene, "the same under another name", 409, "RoleAssignmentExists");
    (void)arm(&scene, OWNER, "PUT", "{S}" A_1, ASSIGN(OWNER_ID));
    check_arm(&scene, "another role under the same name", 409, "RoleAssignmentExists");
    (void)arm(&scene, OWNER, "PUT", "{S}/resourceGroups/x" A_1, ASSIGN(READER_ID));
    check_arm(&scene, "another scope under the same name", 409, "RoleAssignmentExists");
    expect(OWNER, "PUT", "{S}" A_2, ASSIGN(OWNER_ID), 201);
}

static void assignments_are_listed_by_scope_and_filter(void **state)
{
    /* the scene has: OWNER and DATA at /, READER at S, GROUPED at Shop */
    static const struct {
        const char *sentence, *target;
        size_t n;
    } cases[] = {
        {"at, above and below the subscription", "{S}{A}/roleAssignments", 6},
        {"at the root all are below", "{A}/roleAssignments", 6},
        {"at and above only", "{S}{A}/roleAssignments?$filter=atScope()", 3},
        {"at and above a group", "{S}/resourceGroups/callgate{A}/roleAssignments?$filter=atScope()",
         4},
        {"a group with its resource", "{S}/resourceGroups/callgate{A}/roleAssignments", 5},
        {"the group in another case", "{S}/resourcegroups/CALLGATE{A}/roleAssignments", 5},
        {"a resource: all but the other group's", DEFAULT_RES "{A}/roleAssignments", 5},
        {"of one principal", "{S}{A}/roleAssignments?$filter=principalId%20eq%20'{P}'", 2},
        {"of one principal, other spelling",
         "{S}{A}/roleAssignments?%24filter=principalId+eq+%27{P}%27", 2},
        {"assigned to one", "{S}{A}/roleAssignments?$filter=assignedTo('{P}')", 2},
        {"both", "{S}{A}/roleAssignments?$filter=atScope()%20and%20assignedTo('{P}')", 0},
        {"both, the other way round",
         "{S}/resourceGroups/callgate{A}/"
         "roleAssignments?$filter=assignedTo('{P}')%20and%20atScope()",
         1},
        {"of nobody",
         "{S}{A}/roleAssignments?$filter=principalId%20eq%20'11111111-2222-4333-8444-000000000000'",
         0},
        {"an empty filter is none", "{S}{A}/roleAssignments?$filter=", 6},
    };

    (void)state;
    expect(OWNER, "PUT", "{S}/resourceGroups/Callgate" A_1, ASSIGN(READER_ID), 201);
    expect(OWNER, "PUT", DEFAULT_RES A_2, ASSIGN(CONTRIBUTOR_ID), 201);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)arm(&scene, READER, "GET", cases[i].target, NULL);
        if (strstr(cases[i].target, "{A}") == cases[i].target) {
            check_arm(&scene, "above its role", 403, "AuthorizationFailed");
            (void)arm(&scene, OWNER, "GET", cases[i].target, NULL);
        }
        check_arm(&scene, cases[i].sentence, 200, NULL);
        if (listed(&scene) != cases[i].n)
            fail_msg("%s: %zu, wanted %zu", cases[i].sentence, listed(&scene), cases[i].n);
    }
}

static void bad_filters_are_refused(void **state)
{
    static const char *const filters[] = {
        "principalId",
        "principalId%20eq",
        "principalId%20eq%20'not-an-id'",
        "principalId%20ne%20'{P}'",
        "principalId%20eq%20'{P}",
        "principalId%20eq%20'{P}'%20and",
        "principalId%20eq%20'{P}'%20or%20atScope()",
        "principalId%20eq%20'{P}'atScope()",
        "principalId%20eq%20'{P}'%20and%20principalId%20eq%20'{P}'",
        "atScope()%20and%20atScope()",
        "atScope(",
        "assignedTo()",
        "assignedTo('{P}'",
        "roleName%20eq%20'Owner'", /* definitions know this one */
        "tenantId%20eq%20'x'",
        "%zz",
        "%00",
        "'",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        (void)arm(&scene, OWNER, "GET", path_of(0, "{S}{A}/roleAssignments?$filter=%s", filters[i]),
                  NULL);
        check_arm(&scene, filters[i], 400, "InvalidRequestContent");
    }
}

static void bad_assignments_are_refused(void **state)
{
    /* clang-format off */
    static const struct arm_refusal cases[] = {
        {"the name is no GUID", "PUT", "{S}{A}/roleAssignments/reader", ASSIGN(READER_ID), 400, "InvalidRoleAssignmentId"},
        {"the name is a GUID with more", "PUT", "{S}" A_1 "0", ASSIGN(READER_ID), 400, "InvalidRoleAssignmentId"},
        {"no body", "PUT", "{S}" A_1, NULL, 400, "InvalidRequestContent"},
        {"no JSON", "PUT", "{S}" A_1, "{'properties':", 400, "InvalidRequestContent"},
        {"twice the same member", "PUT", "{S}" A_1, "{'properties':{},'properties':{}}", 400, "InvalidRequestContent"},
        {"a list", "PUT", "{S}" A_1, "[]", 400, "InvalidRequestContent"},
        {"no properties", "PUT", "{S}" A_1, "{}", 400, "InvalidRequestContent"},
        {"properties of another type", "PUT", "{S}" A_1, "{'properties':7}", 400, "InvalidRequestContent"},
        {"no role", "PUT", "{S}" A_1, "{'properties':{'principalId':'{P}'}}", 400, "InvalidRequestContent"},
        {"a role of another type", "PUT", "{S}" A_1, "{'properties':{'principalId':'{P}','roleDefinitionId':1}}", 400, "InvalidRequestContent"},
        {"a role that is not there", "PUT", "{S}" A_1, ASSIGN(ID_4), 400, "RoleDefinitionDoesNotExist"},
        {"a path that is no role's", "PUT", "{S}" A_1, "{'properties':{'principalId':'{P}','roleDefinitionId':'{S}/x/" READER_ID "'}}", 400, "RoleDefinitionDoesNotExist"},
        {"no principal", "PUT", "{S}" A_1, "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "'}}", 400, NULL},
        {"a principal that is not there", "PUT", "{S}" A_1, "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "','principalId':'" ID_4 "'}}", 400, "PrincipalNotFound"},
        {"a principal that is no id", "PUT", "{S}" A_1, "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "','principalId':'stranger'}}", 400, NULL},
        {"an unknown type of principal", "PUT", "{S}" A_1, "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "','principalId':'{P}','principalType':'Robot'}}", 400, "InvalidRequestContent"},
        {"a condition would be ignored", "PUT", "{S}" A_1, "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "','principalId':'{P}','condition':'@x'}}", 400, "InvalidRequestContent"},
        {"a description of another type", "PUT", "{S}" A_1, "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "','principalId':'{P}','description':[]}}", 400, "InvalidRequestContent"},
        {"a resource that is not there", "PUT", "{S}/resourceGroups/callgate{C}/communicationServices/nobody" A_1, ASSIGN(READER_ID), 404, "ResourceNotFound"},
        {"a resource in another group", "PUT", "{S}/resourceGroups/Shop{C}/communicationServices/default" A_1, ASSIGN(READER_ID), 404, "ResourceNotFound"},
        {"a name that no group has", "PUT", "{S}/resourceGroups/a%2Cb" A_1, ASSIGN(READER_ID), 400, "InvalidRequestContent"},
    };
    /* clang-format on */

    (void)state;
    check_refusals(&scene, cases, ARRAY_LEN(cases));
    expect(OWNER, "GET", "{S}{A}/roleAssignments", NULL, 200);
    assert_int_equal(listed(&scene), 4); /* none of them has left anything */
}

static void long_texts_are_refused(void **state)
{
    char text[2048], body[4096];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(body, sizeof body,
             "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "','principalId':'{P}',"
                                                                   "'description':'%s'}}",
             text);
    (void)arm(&scene, OWNER, "PUT", "{S}" A_1, body);
    check_arm(&scene, "a long description", 400, "InvalidRequestContent");
    snprintf(body, sizeof body, "{'properties':{'roleDefinitionId':'%s','principalId':'{P}'}}",
             text);
    (void)arm(&scene, OWNER, "PUT", "{S}" A_1, body);
    check_arm(&scene, "a long role", 400, NULL);
}

/* An escaped spelling of a name means the same name: its roles, and its place in the store. */
static void escapes_in_scopes_mean_what_they_stand_for(void **state)
{
    (void)state;
    expect(GROUPED, "PUT", "{S}/resourceGroups/Sh%6Fp" A_1, ASSIGN(READER_ID), 201);
    expect(GROUPED, "GET", "{S}/resourceGroups/shop" A_1, NULL, 200);
    assert_string_equal(at("properties.scope"), in_sub("/resourceGroups/shop"));
    expect(STRANGER, "GET", "{S}/resourceGroups/Shop{C}/communicationServices/shop", NULL, 200);
}

/* ---- role definitions ---- */

#define CUSTOM(name)                                                                               \
    "{'properties':{'roleName':'" name "','description':'d','permissions':[{'actions':"            \
    "['Microsoft.Communication/communicationServices/read'],'notActions':[]}],"                    \
    "'assignableScopes':['{S}']}}"
#define D_1 "{S}{A}/roleDefinitions/" ID_1
#define D_2 "{S}{A}/roleDefinitions/" ID_2

static void built_in_roles_are_shown(void **state)
{
    (void)state;
    expect(READER, "GET", "{S}{A}/roleDefinitions/" OWNER_ID, NULL, 200);
    assert_string_equal(at("name"), OWNER_ID);
    assert_string_equal(at("properties.roleName"), "Owner");
    assert_string_equal(at("properties.type"), "BuiltInRole");
    assert_string_equal(at("properties.permissions.0.actions.0"), "*");
    assert_string_equal(at("properties.assignableScopes.0"), "/");
    expect(READER, "GET",
           "{S}/RESOURCEGROUPS/callgate/providers/microsoft.authorization/"
           "ROLEDEFINITIONS/" OWNER_ID "?api-version=2022-05-01-preview",
           NULL, 200);
    expect(READER, "GET", "{S}{A}/roleDefinitions?$filter=roleName%20eq%20'contributor'", NULL,
           200);
    assert_int_equal(listed(&scene), 1);
    assert_string_equal(at("value.0.name"), CONTRIBUTOR_ID);
    expect(READER, "GET", "{S}{A}/roleDefinitions?$filter=atScope()", NULL, 200);
    assert_int_equal(listed(&scene), built_in_roles_count);
    expect(READER, "GET", "{S}{A}/roleDefinitions?$filter=type%20eq%20'CustomRole'", NULL, 200);
    assert_int_equal(listed(&scene), 0);
}

static void custom_role_is_made_used_and_deleted(void **state)
{
    (void)state;
    expect(OWNER, "PUT", D_1, CUSTOM("Look''s on"), 400); /* no JSON */
    expect(OWNER, "PUT", D_1, CUSTOM("Looks on"), 201);
    assert_string_equal(at("properties.roleName"), "Looks on");
    assert_string_equal(at("properties.type"), "CustomRole");
    assert_string_equal(at("properties.permissions.0.actions.0"),
                        "Microsoft.Communication/communicationServices/read");
    expect(OWNER, "PUT", D_1, CUSTOM("Watches"), 201); /* official clients take no 200 here */
    expect(READER, "GET", D_1, NULL, 200);
    assert_string_equal(at("properties.roleName"), "Watches");
    expect(READER, "GET",
           "{S}{A}/roleDefinitions?$filter=roleName%20eq%20'WATCHES'%20and%20"
           "type%20eq%20'CustomRole'",
           NULL, 200);
    assert_int_equal(listed(&scene), 1);

    (void)arm(&scene, OWNER, "PUT", D_2, CUSTOM("watches"));
    check_arm(&scene, "another has the name", 409, NULL);
    expect(OWNER, "PUT", "{S}" A_1, ASSIGN(ID_1), 201);
    expect(STRANGER, "GET", DEFAULT_RES, NULL, 200);
    expect(STRANGER, "POST", DEFAULT_RES "/listKeys", NULL, 403);
    (void)arm(&scene, OWNER, "DELETE", D_1, NULL);
    check_arm(&scene, "it is assigned", 409, NULL);
    expect(OWNER, "DELETE", "{S}" A_1, NULL, 200);
    expect(OWNER, "DELETE", D_1, NULL, 200);
    assert_string_equal(at("name"), ID_1);
    expect(OWNER, "DELETE", D_1, NULL, 204);
    expect(OWNER, "GET", D_1, NULL, 404);
}

/* As the administration writes them. */
static void a_role_without_scopes_is_shown(void **state)
{
    struct change c = {.kind = CHANGE_ROLE_PUT,
                       .u.role = {.id = uuid_random(),
                                  .name = STR("plain"),
                                  .document = STR("{\"description\":\"d\"}"),
                                  .created = clock_wall(),
                                  .updated = clock_wall()}};
    const char *custom = "{S}{A}/roleDefinitions?$filter=type%20eq%20'CustomRole'";

    (void)state;
    assert_int_equal(store_commit_wait(scene.fx->store, &c, 1), RC_OK);
    expect(READER, "GET", custom, NULL, 200);
    assert_int_equal(listed(&scene), 1);
    assert_string_equal(at("value.0.properties.roleName"), "plain");
    assert_true(json_is_array(json_at(scene.fx, "value.0.properties.assignableScopes")));
    assert_true(json_is_array(json_at(scene.fx, "value.0.properties.permissions")));
}

static void bad_definitions_are_refused(void **state)
{
    /* clang-format off */
    static const struct arm_refusal cases[] = {
        {"the name is no GUID", "PUT", "{S}{A}/roleDefinitions/mine", CUSTOM("a"), 400, NULL},
        {"a built-in role can't be written", "PUT", "{S}{A}/roleDefinitions/" OWNER_ID, CUSTOM("a"), 409, "Conflict"},
        {"a built-in role can't be deleted", "DELETE", "{S}{A}/roleDefinitions/" OWNER_ID, NULL, 409, "Conflict"},
        {"a built-in role's name", "PUT", D_1, CUSTOM("owner"), 409, "Conflict"},
        {"no body", "PUT", D_1, NULL, 400, "InvalidRequestContent"},
        {"no properties", "PUT", D_1, "{'roleName':'a'}", 400, "InvalidRequestContent"},
        {"no name", "PUT", D_1, "{'properties':{'permissions':[{'actions':['*']}]}}", 400, "InvalidRequestContent"},
        {"an empty name", "PUT", D_1, CUSTOM(""), 400, "InvalidRequestContent"},
        {"a name with a slash", "PUT", D_1, CUSTOM("a/b"), 400, "InvalidRequestContent"},
        {"a name that is an id", "PUT", D_1, CUSTOM(ID_2), 400, "InvalidRequestContent"},
        {"no permissions", "PUT", D_1, "{'properties':{'roleName':'a'}}", 400, "InvalidRequestContent"},
        {"no permission", "PUT", D_1, "{'properties':{'roleName':'a','permissions':[]}}", 400, "InvalidRequestContent"},
        {"permissions of another type", "PUT", D_1, "{'properties':{'roleName':'a','permissions':{'actions':['*']}}}", 400, "InvalidRequestContent"},
        {"a misspelled member would give more", "PUT", D_1, "{'properties':{'roleName':'a','permissions':[{'actions':['*'],'notAction':['x/write']}]}}", 400, "InvalidRequestContent"},
        {"an action that is none", "PUT", D_1, "{'properties':{'roleName':'a','permissions':[{'actions':['a b']}]}}", 400, "InvalidRequestContent"},
        {"a scope that is none", "PUT", D_1, "{'properties':{'roleName':'a','permissions':[{'actions':['*']}],'assignableScopes':['x']}}", 400, "InvalidRequestContent"},
        {"a description of another type", "PUT", D_1, "{'properties':{'roleName':'a','description':1,'permissions':[{'actions':['*']}]}}", 400, "InvalidRequestContent"},
        {"a filter of assignments", "GET", "{S}{A}/roleDefinitions?$filter=assignedTo('{P}')", NULL, 400, "InvalidRequestContent"},
        {"a name that is not there", "GET", "{S}{A}/roleDefinitions/" ID_2, NULL, 404, "ResourceNotFound"},
    };
    /* clang-format on */

    (void)state;
    check_refusals(&scene, cases, ARRAY_LEN(cases));
    expect(OWNER, "GET", "{S}{A}/roleDefinitions", NULL, 200);
    assert_int_equal(listed(&scene), built_in_roles_count);
}

/* ---- who may ---- */

#define IDENTITY   "{S}/resourceGroups/Shop{M}/userAssignedIdentities/robot"
#define CREDENTIAL IDENTITY "/federatedIdentityCredentials/ci-1"

/* To READER, so that STRANGER stays one. */
#define ASSIGN_READER                                                                              \
    "{'properties':{'roleDefinitionId':'" ROLE(READER_ID) "','principalId':'{R}'}}"

static void every_route_asks_for_its_action(void **state)
{
    /* status of GROUPED; what READER may do; STRANGER, DATA and UNSIGNED may nothing */
    static const struct {
        const char *method, *target, *body;
        bool reads, in_shop;
    } rows[] = {
        {"GET", "{S}{A}/roleAssignments", NULL, true, false},
        {"PUT", "{S}" A_1, ASSIGN_READER, false, false},
        {"PUT", "{S}/resourceGroups/shop" A_1, ASSIGN_READER, false, true},
        {"GET", "{S}/resourceGroups/SHOP" A_1, NULL, true, true},
        {"DELETE", "{S}/resourceGroups/shop" A_1, NULL, false, true},
        {"GET", "{S}{A}/roleDefinitions", NULL, true, false},
        {"GET", "{S}{A}/roleDefinitions/" READER_ID, NULL, true, false},
        {"PUT", D_1, CUSTOM("a"), false, false},
        {"DELETE", D_1, NULL, false, false},
        {"PUT", IDENTITY, "{'location':'global'}", false, true},
        {"PATCH", IDENTITY, "{'tags':{}}", false, true},
        {"GET", IDENTITY, NULL, true, true},
        {"GET", "{S}{M}/userAssignedIdentities", NULL, true, false},
        {"GET", "{S}/resourceGroups/Shop{M}/userAssignedIdentities", NULL, true, true},
        {"PUT", CREDENTIAL,
         "{'properties':{'issuer':'https://i.example','subject':'s','audiences':"
         "['a']}}",
         false, true},
        {"GET", CREDENTIAL, NULL, true, true},
        {"GET", IDENTITY "/federatedIdentityCredentials", NULL, true, true},
        {"DELETE", CREDENTIAL, NULL, false, true},
        {"DELETE", IDENTITY, NULL, false, true},
        {"GET", "{S}", NULL, true, false},
        {"GET", "{S}/resources", NULL, true, false},
        {"GET", "{S}/resourceGroups", NULL, true, false},
        {"PUT", "{S}/resourceGroups/shop", "{'location':'europe'}", false, true},
        {"PATCH", "{S}/resourceGroups/shop", "{'tags':{}}", false, true},
        {"GET", "{S}/resourceGroups/shop", NULL, true, true},
        {"HEAD", "{S}/resourceGroups/shop", NULL, true, true},
        {"DELETE", "{S}/resourceGroups/other", NULL, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *what = path_of(1, "%s %s", rows[i].method, rows[i].target);
        bool head = !strcmp(rows[i].method, "HEAD");
        int status;

        (void)arm(&scene, UNSIGNED, rows[i].method, rows[i].target, rows[i].body);
        check_arm(&scene, what, 401, head ? NULL : "InvalidAuthenticationToken");
        (void)arm(&scene, DATA, rows[i].method, rows[i].target, rows[i].body);
        check_arm(&scene, what, 401, head ? NULL : "InvalidAuthenticationToken");
        (void)arm(&scene, STRANGER, rows[i].method, rows[i].target, rows[i].body);
        check_arm(&scene, what, 403, head ? NULL : "AuthorizationFailed");
        if (!rows[i].reads) {
            (void)arm(&scene, READER, rows[i].method, rows[i].target, rows[i].body);
            check_arm(&scene, what, 403, "AuthorizationFailed");
        }
        status = arm(&scene, GROUPED, rows[i].method, rows[i].target, rows[i].body);
        if (rows[i].in_shop ? status >= 300 : status != 403)
            fail_msg("%s: %d for the owner of one group", what, status);
        if (rows[i].reads && arm(&scene, READER, rows[i].method, rows[i].target, NULL) >= 300)
            fail_msg("%s: %d for a reader", what, scene.fx->status);
    }
}

/* Whoever has a role somewhere asks the provider for api-versions before anything else. */
static void the_provider_asks_for_a_token_alone(void **state)
{
    (void)state;
    (void)arm(&scene, UNSIGNED, "GET", "{S}{C}", NULL);
    check_arm(&scene, "unsigned", 401, "InvalidAuthenticationToken");
    (void)arm(&scene, DATA, "GET", "{S}{C}", NULL);
    check_arm(&scene, "a token for the data plane", 401, "InvalidAuthenticationToken");
    expect(STRANGER, "GET", "{S}{C}", NULL, 200);
    expect(GROUPED, "GET", "{S}{C}", NULL, 200);
}

static void another_subscription_is_not_here(void **state)
{
#define X "/subscriptions/11111111-2222-4333-8444-555555555555"
    /* clang-format off */
    static const struct arm_refusal cases[] = {
        {"itself", "GET", X, NULL, 404, "SubscriptionNotFound"},
        {"no GUID", "GET", "/subscriptions/mine", NULL, 404, "SubscriptionNotFound"},
        {"assignments", "GET", X "{A}/roleAssignments", NULL, 404, "SubscriptionNotFound"},
        {"an assignment", "PUT", X A_1, ASSIGN(READER_ID), 404, "SubscriptionNotFound"},
        {"no assignment to delete", "DELETE", X A_1, NULL, 404, "SubscriptionNotFound"},
        {"assignments of a group", "PUT", X "/resourceGroups/g" A_1, ASSIGN(READER_ID), 404, "SubscriptionNotFound"},
        {"definitions", "GET", X "{A}/roleDefinitions", NULL, 404, "SubscriptionNotFound"},
        {"a definition", "PUT", X "{A}/roleDefinitions/" ID_1, CUSTOM("a"), 404, "SubscriptionNotFound"},
        {"identities", "GET", X "{M}/userAssignedIdentities", NULL, 404, "SubscriptionNotFound"},
        {"an identity", "PUT", X "/resourceGroups/g{M}/userAssignedIdentities/abc", "{'location':'a'}", 404, "SubscriptionNotFound"},
        {"no identity to delete", "DELETE", X "/resourceGroups/g{M}/userAssignedIdentities/abc", NULL, 404, "SubscriptionNotFound"},
        {"credentials", "GET", X "/resourceGroups/g{M}/userAssignedIdentities/abc/federatedIdentityCredentials", NULL, 404, "SubscriptionNotFound"},
        {"groups", "GET", X "/resourceGroups", NULL, 404, "SubscriptionNotFound"},
        {"a group", "PUT", X "/resourceGroups/g", "{'location':'a'}", 404, "SubscriptionNotFound"},
        {"no group to delete", "DELETE", X "/resourceGroups/g", NULL, 404, "SubscriptionNotFound"},
        {"the provider", "GET", X "{C}", NULL, 404, "SubscriptionNotFound"},
        {"resources", "GET", X "/resources", NULL, 404, "SubscriptionNotFound"},
    };
    /* clang-format on */

    (void)state;
    check_refusals(&scene, cases, ARRAY_LEN(cases));
    (void)arm(&scene, READER, "GET", X, NULL);
    check_arm(&scene, "whose role is elsewhere", 403, "AuthorizationFailed");
}

static void versions_are_the_providers_own(void **state)
{
    /* clang-format off */
    static const struct arm_refusal cases[] = {
        {"another provider's", "GET", "{S}{A}/roleAssignments?api-version=2025-09-01", NULL, 400, "InvalidApiVersionParameter"},
        {"no date", "GET", "{S}{M}/userAssignedIdentities?api-version=latest", NULL, 400, "InvalidApiVersionParameter"},
        {"empty", "GET", "{S}/resourceGroups?api-version=", NULL, 400, NULL},
        {"absent", "GET", "{S}/resourceGroups?other-api-version=1", NULL, 400, "MissingApiVersionParameter"},
    };
    /* clang-format on */

    (void)state;
    check_refusals(&scene, cases, ARRAY_LEN(cases));
    expect(OWNER, "GET", "{S}{A}/roleAssignments?api-version=2015-07-01", NULL, 200);
    expect(OWNER, "GET", "/{S}{A}/roleAssignments", NULL, 200); /* two slashes, as clients write */
    expect(OWNER, "GET", "{S}{M}/userAssignedIdentities?api-version=2025-05-31-preview", NULL, 200);
    expect(OWNER, "GET", "{S}/resourcegroups?api-version=2024-11-01", NULL, 200);
}

/* ---- federated credentials ---- */

#define FEDERATED(issuer, subject, more)                                                           \
    "{'properties':{'issuer':'" issuer "','subject':'" subject "','audiences':['a']" more "}}"

static unix_ms revoked_before(void)
{
    struct application_row row;

    assert_int_equal(store_application(scene.fx->reader, APPLICATION_BY_NAME, STR("robot"),
                                       &scene.w.arena, &row),
                     RC_OK);
    return row.revoked_before;
}

/* Tokens that a credential has brought end with it, as with the administrator's routes. */
static void tokens_end_with_the_credential(void **state)
{
    unix_ms first;

    (void)state;
    expect(OWNER, "PUT", IDENTITY, "{'location':'global'}", 201);
    expect(OWNER, "PUT", CREDENTIAL, FEDERATED("https://i.example", "s", ""), 201);
    expect(OWNER, "PUT", CREDENTIAL, FEDERATED("https://i.example", "s", ""), 200);
    expect(OWNER, "PATCH", IDENTITY, "{'tags':{'a':'b'}}", 200);
    assert_int_equal(revoked_before(), 0);
    expect(OWNER, "PUT", CREDENTIAL, FEDERATED("https://i.example", "other", ""), 200);
    first = revoked_before();
    assert_true(first > clock_wall() - 2000);
    expect(OWNER, "DELETE", CREDENTIAL, NULL, 200);
    assert_true(revoked_before() > first); /* also within the same millisecond */
}

static void bad_credentials_and_identities_are_refused(void **state)
{
    /* clang-format off */
    static const struct arm_refusal cases[] = {
        {"an issuer without a host", "PUT", CREDENTIAL, FEDERATED("https://", "s", ""), 400, "InvalidRequestContent"},
        {"an issuer with a user", "PUT", CREDENTIAL, FEDERATED("https://u@i.example", "s", ""), 400, "InvalidRequestContent"},
        {"an issuer with a query", "PUT", CREDENTIAL, FEDERATED("https://i.example/?a=b", "s", ""), 400, "InvalidRequestContent"},
        {"an issuer with a blank", "PUT", CREDENTIAL, FEDERATED("https://i.example/a b", "s", ""), 400, "InvalidRequestContent"},
        {"an issuer without TLS", "PUT", CREDENTIAL, FEDERATED("http://localhost", "s", ""), 400, "InvalidRequestContent"},
        {"no address at all", "PUT", CREDENTIAL, FEDERATED("i.example", "s", ""), 400, "InvalidRequestContent"},
        {"an expression would be ignored", "PUT", CREDENTIAL, FEDERATED("https://i.example", "s", ",'claimsMatchingExpression':{'value':'x','languageVersion':1}"), 400, "InvalidRequestContent"},
        {"no properties", "PUT", CREDENTIAL, "{}", 400, "InvalidRequestContent"},
        {"properties of another type", "PUT", CREDENTIAL, "{'properties':[]}", 400, "InvalidRequestContent"},
        {"an identity whose name is an id", "PUT", "{S}/resourceGroups/Shop{M}/userAssignedIdentities/" ID_1, "{'location':'global'}", 400, "InvalidRequestContent"},
        {"an application's name", "PUT", "{S}/resourceGroups/Shop{M}/userAssignedIdentities/Stranger", "{'location':'global'}", 409, "Conflict"},
        {"a resource without an identity", "GET", DEFAULT_RES "{M}/identities/default", NULL, 404, "ResourceNotFound"},
    };
    /* clang-format on */

    (void)state;
    expect(OWNER, "PUT", IDENTITY, "{'location':'global'}", 201);
    check_refusals(&scene, cases, ARRAY_LEN(cases));
    expect(OWNER, "GET", IDENTITY "/federatedIdentityCredentials", NULL, 200);
    assert_int_equal(listed(&scene), 0);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(assignment_is_made_shown_and_deleted),
        SCENE(assignment_counts_at_once),
        SCENE(assignment_lives_at_its_own_scope_only),
        SCENE(assignment_can_not_be_doubled),
        SCENE(assignments_are_listed_by_scope_and_filter),
        SCENE(bad_filters_are_refused),
        SCENE(bad_assignments_are_refused),
        SCENE(long_texts_are_refused),
        SCENE(escapes_in_scopes_mean_what_they_stand_for),
        SCENE(built_in_roles_are_shown),
        SCENE(custom_role_is_made_used_and_deleted),
        SCENE(a_role_without_scopes_is_shown),
        SCENE(bad_definitions_are_refused),
        SCENE(every_route_asks_for_its_action),
        SCENE(the_provider_asks_for_a_token_alone),
        SCENE(another_subscription_is_not_here),
        SCENE(versions_are_the_providers_own),
        SCENE(tokens_end_with_the_credential),
        SCENE(bad_credentials_and_identities_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
