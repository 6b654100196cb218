/* Role assignments, role definitions, managed identities and their federated credentials by the
 * management API. */
#include "arm_fixture.h"

#define ID1 "aaaaaaaa-0000-4000-8000-000000000001"
#define ID2 "aaaaaaaa-0000-4000-8000-000000000002"
#define RA  AUTH "/roleAssignments/"
#define RD  AUTH "/roleDefinitions/"

static const char *assign_body(unsigned slot, const char *role, const char *principal)
{
    return path_of(slot,
                   "{\"properties\":{\"roleDefinitionId\":\"" SUB RD "%s\",\"principalId\":\"%s\","
                   "\"principalType\":\"ServicePrincipal\"}}",
                   role, principal);
}

/* ---- role assignments ---- */

static void assigns_shows_lists_and_deletes(void **state)
{
    const char *body = assign_body(0, CONTRIBUTOR_ROLE, aw.nobody_id);

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", "/" RG RA ID1 V_AUT, body);
    assert_string_equal(text("id"), RG RA ID1);
    assert_string_equal(text("name"), ID1);
    assert_string_equal(text("type"), "Microsoft.Authorization/roleAssignments");
    assert_string_equal(text("properties.roleDefinitionId"), SUB RD CONTRIBUTOR_ROLE);
    assert_string_equal(text("properties.principalId"), aw.nobody_id);
    assert_string_equal(text("properties.principalType"), "ServicePrincipal");
    assert_string_equal(text("properties.scope"), RG);
    assert_string_equal(text("properties.createdBy"), aw.owner_id);
    assert_true(json_is_null(json_at(&aw.w.fx, "properties.condition")));
    assert_true(*text("properties.createdOn"));
    /* it counts at once */
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/default" V_COM, NULL), 200);
    arm_expect(&aw, 200, NULL, "PUT", RG RA ID1 V_AUT, body);
    arm_expect(&aw, 200, NULL, "GET", RG RA ID1 V_AUT, NULL);
    assert_string_equal(text("name"), ID1);
    arm_expect(&aw, 409, "RoleAssignmentExists", "PUT", RG RA ID2 V_AUT, body);
    arm_expect(&aw, 409, "RoleAssignmentExists", "PUT", RG RA ID1 V_AUT,
               assign_body(1, READER_ROLE, aw.nobody_id));
    /* it is not to be had under another scope */
    arm_expect(&aw, 404, "ResourceNotFound", "GET", SUB RA ID1 V_AUT, NULL);
    arm_expect(&aw, 204, NULL, "DELETE", SVC "/default" RA ID1 V_AUT, NULL);
    arm_expect(&aw, 200, NULL, "DELETE", RG RA ID1 V_AUT, NULL);
    assert_string_equal(text("name"), ID1);
    arm_expect(&aw, 204, NULL, "DELETE", RG RA ID1 V_AUT, NULL);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/default" V_COM, NULL), 403);
}

static void lists_by_scope_and_filter(void **state)
{
    static const struct {
        const char *target;
        size_t n;
    } cases[] = {
        {RG AUTH "/roleAssignments" V_AUT, 3}, /* the owner's at "/", and two below */
        {RG AUTH "/roleAssignments" V_AUT "&$filter=atScope()", 2},
        {SUB AUTH "/roleAssignments" V_AUT "&%24filter=atScope%28%29", 1},
        {AUTH "/roleAssignments" V_AUT, 3},
        {SVC "/other" AUTH "/roleAssignments" V_AUT, 2},
    };

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", RG RA ID1 V_AUT, assign_body(0, READER_ROLE, aw.nobody_id));
    arm_expect(&aw, 201, NULL, "PUT", SVC "/default" RA ID2 V_AUT,
               assign_body(0, READER_ROLE, aw.nobody_id));
    assert_string_equal(text("properties.scope"),
                        RG "/providers/Microsoft.Communication/CommunicationServices/default");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        arm_expect(&aw, 200, NULL, "GET", cases[i].target, NULL);
        if (count() != cases[i].n)
            fail_msg("%s: %zu", cases[i].target, count());
    }
    arm_expect(&aw, 200, NULL, "GET",
               path_of(0, SUB AUTH "/roleAssignments" V_AUT "&$filter=principalId%%20eq%%20'%s'",
                       aw.nobody_id),
               NULL);
    assert_int_equal(count(), 2);
    arm_expect(&aw, 200, NULL, "GET",
               path_of(0,
                       SUB AUTH "/roleAssignments" V_AUT "&$filter=atScope()%%20and%%20assignedTo"
                                "(%%27%s%%27)",
                       aw.owner_id),
               NULL);
    assert_int_equal(count(), 1);
}

static const struct {
    const char *name, *target, *body;
    int status;
    const char *code;
} refusals[] = {
    {"a name that is no id", SUB RA "x" V_AUT, "{}", 400, "InvalidRoleAssignmentId"},
    {"no properties", SUB RA ID1 V_AUT, "{}", 400, "InvalidRequestContent"},
    {"an unknown role", SUB RA ID1 V_AUT,
     "{\"properties\":{\"roleDefinitionId\":\"" SUB RD ID2 "\",\"principalId\":\"" ID2 "\"}}", 400,
     "RoleDefinitionDoesNotExist"},
    {"a role by name", SUB RA ID1 V_AUT,
     "{\"properties\":{\"roleDefinitionId\":\"Owner\",\"principalId\":\"" ID2 "\"}}", 400,
     "RoleDefinitionDoesNotExist"},
    {"a principal that is no id", SUB RA ID1 V_AUT,
     "{\"properties\":{\"roleDefinitionId\":\"" SUB RD READER_ROLE "\",\"principalId\":\"me\"}}",
     400, "PrincipalNotFound"},
    {"an unknown principal", SUB RA ID1 V_AUT,
     "{\"properties\":{\"roleDefinitionId\":\"" SUB RD READER_ROLE "\",\"principalId\":\"" ID2
     "\"}}",
     400, "PrincipalNotFound"},
    {"a condition", SUB RA ID1 V_AUT,
     "{\"properties\":{\"roleDefinitionId\":\"" SUB RD READER_ROLE "\",\"principalId\":\"" ID2
     "\",\"condition\":\"x\"}}",
     400, "InvalidRequestContent"},
    {"a type of its own", SUB RA ID1 V_AUT,
     "{\"properties\":{\"roleDefinitionId\":\"" SUB RD READER_ROLE "\",\"principalId\":\"" ID2
     "\",\"principalType\":\"Robot\"}}",
     400, "InvalidRequestContent"},
    {"a resource that does not exist", SVC "/none" RA ID1 V_AUT, "{}", 404, "ResourceNotFound"},
    {"another subscription", "/subscriptions/" ID1 RA ID1 V_AUT, "{}", 404, "SubscriptionNotFound"},
    {"a group with a bad name", SUB "/resourceGroups/a%20b" RA ID1 V_AUT, "{}", 400,
     "InvalidRequestContent"},
    {"a custom role with the id of a built-in one", SUB RD OWNER_ROLE V_AUT,
     "{\"properties\":{\"roleName\":\"x\",\"permissions\":[{\"actions\":[]}]}}", 409, "Conflict"},
    {"a custom role with the name of a built-in one", SUB RD ID1 V_AUT,
     "{\"properties\":{\"roleName\":\"owner\",\"permissions\":[{\"actions\":[]}]}}", 409,
     "Conflict"},
    {"a custom role without permissions", SUB RD ID1 V_AUT, "{\"properties\":{\"roleName\":\"x\"}}",
     400, "InvalidRequestContent"},
    {"a custom role without a name", SUB RD ID1 V_AUT,
     "{\"properties\":{\"permissions\":[{\"actions\":[]}]}}", 400, "InvalidRequestContent"},
    {"a custom role whose name is no id", SUB RD "x" V_AUT, "{}", 400, "InvalidRequestContent"},
    {"an identity without a location", RG MSI "/abc" V_MSI, "{}", 400, "InvalidRequestContent"},
    {"an identity of two characters", RG MSI "/ab" V_MSI, "{\"location\":\"x\"}", 400,
     "InvalidRequestContent"},
    {"an identity with tags that are a list", RG MSI "/abc" V_MSI,
     "{\"location\":\"x\",\"tags\":[]}", 400, "InvalidRequestContent"},
    {"an identity in another subscription",
     "/subscriptions/" ID1 "/resourceGroups/g" MSI "/abc" V_MSI, "{\"location\":\"x\"}", 404,
     "SubscriptionNotFound"},
    {"an identity with another's api-version", RG MSI "/abc" V_COM, "{\"location\":\"x\"}", 400,
     "InvalidApiVersionParameter"},
    {"a federated credential of nobody", RG MSI "/abc/federatedIdentityCredentials/fic" V_MSI, "{}",
     404, "ResourceNotFound"},
};

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        print_message("%s\n", refusals[i].name);
        arm_expect(&aw, refusals[i].status, refusals[i].code, "PUT", refusals[i].target,
                   refusals[i].body);
    }
}

static void refuses_filters_it_does_not_know(void **state)
{
    static const char *const filters[] = {
        "x",
        "atScope(",
        "atScope()%20or%20atScope()",
        "atScope()%20and",
        "atScope()%20and%20atScope()",
        "principalId%20eq%20'me'",
        "principalId%20eq%20" ID1,
        "roleName%20eq%20'Owner'", /* of the other list */
        "principalId%20ne%20'" ID1 "'",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        arm_expect(&aw, 400, "InvalidRequestContent", "GET",
                   path_of(0, SUB AUTH "/roleAssignments" V_AUT "&$filter=%s", filters[i]), NULL);
    arm_expect(&aw, 400, "InvalidRequestContent", "GET",
               SUB AUTH "/roleDefinitions" V_AUT "&$filter=roleName%20eq%20'Owner", NULL);
}

static void only_owners_assign(void **state)
{
    const char *body = assign_body(0, OWNER_ROLE, aw.nobody_id);

    (void)state;
    arm_grant(&aw, CONTRIBUTOR_ROLE, &aw.nobody.object_id, SUB);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", SUB RA ID1 V_AUT, body), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", SVC "/default" RA ID1 V_AUT, body), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", SUB RD ID1 V_AUT, "{}"), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SUB AUTH "/roleAssignments" V_AUT, NULL),
                     200);
    /* an owner of one resource stays inside it */
    arm_grant(&aw, OWNER_ROLE, &aw.nobody.object_id, SVC "/default");
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", SVC "/default" RA ID1 V_AUT,
                            assign_body(1, READER_ROLE, aw.nobody_id)),
                     201);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", SVC "/other" RA ID2 V_AUT, body), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", RA ID2 V_AUT, body), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", RG "/../.." RA ID2 V_AUT, body), 404);
}

static void an_owner_may_give_up_its_role(void **state)
{
    char name[UUID_TEXT_LEN + 1];

    (void)state;
    arm_expect(&aw, 200, NULL, "GET", AUTH "/roleAssignments" V_AUT, NULL);
    snprintf(name, sizeof name, "%s", text("value.0.name"));
    arm_expect(&aw, 200, NULL, "DELETE", path_of(0, RA "%s" V_AUT, name), NULL);
    arm_expect(&aw, 403, "AuthorizationFailed", "GET", AUTH "/roleAssignments" V_AUT, NULL);
}

/* ---- role definitions ---- */

static void lists_and_shows_definitions(void **state)
{
    size_t all;

    (void)state;
    arm_expect(&aw, 200, NULL, "GET", SUB AUTH "/roleDefinitions" V_AUT, NULL);
    all = count();
    assert_true(all >= 5);
    arm_expect(&aw, 200, NULL, "GET",
               SUB AUTH "/roleDefinitions" V_AUT "&$filter=roleName%20eq%20%27contributor%27",
               NULL);
    assert_int_equal(count(), 1);
    assert_string_equal(text("value.0.name"), CONTRIBUTOR_ROLE);
    assert_string_equal(text("value.0.id"), SUB RD CONTRIBUTOR_ROLE);
    assert_string_equal(text("value.0.properties.roleName"), "Contributor");
    assert_string_equal(text("value.0.properties.type"), "BuiltInRole");
    assert_string_equal(text("value.0.properties.assignableScopes.0"), "/");
    assert_string_equal(text("value.0.properties.permissions.0.actions.0"), "*");
    arm_expect(&aw, 200, NULL, "GET",
               SUB AUTH "/roleDefinitions" V_AUT
                        "&$filter=atScope()%20and%20type%20eq%20'CustomRole'",
               NULL);
    assert_int_equal(count(), 0);
    arm_expect(&aw, 200, NULL, "GET", RG RD OWNER_ROLE V_AUT, NULL);
    assert_string_equal(text("properties.roleName"), "Owner");
    arm_expect(&aw, 404, "ResourceNotFound", "GET", SUB RD ID1 V_AUT, NULL);
    arm_expect(&aw, 404, "ResourceNotFound", "GET", SUB RD "x" V_AUT, NULL);
}

static void makes_and_deletes_custom_roles(void **state)
{
    char created[64];

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", SUB RD ID1 V_AUT,
               "{\"properties\":{\"roleName\":\"Looker\",\"description\":\"looks\",\"type\":"
               "\"CustomRole\",\"permissions\":[{\"actions\":[\"Microsoft.Communication/*/read\"]"
               "}]}}");
    assert_string_equal(text("properties.roleName"), "Looker");
    assert_string_equal(text("properties.type"), "CustomRole");
    assert_string_equal(text("properties.assignableScopes.0"), SUB);
    snprintf(created, sizeof created, "%s", text("properties.createdOn"));
    arm_expect(&aw, 201, NULL, "PUT", SUB RA ID2 V_AUT, assign_body(0, ID1, aw.nobody_id));
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/default" V_COM, NULL), 200);
    arm_expect(&aw, 201, NULL, "PUT", SUB RD ID1 V_AUT,
               "{\"properties\":{\"roleName\":\"Looker\",\"permissions\":[{\"actions\":[]}]}}");
    assert_string_equal(text("properties.createdOn"), created);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/default" V_COM, NULL), 403);
    arm_expect(&aw, 409, "Conflict", "PUT", SUB RD ID2 V_AUT,
               "{\"properties\":{\"roleName\":\"LOOKER\",\"permissions\":[{\"actions\":[]}]}}");
    arm_expect(&aw, 200, NULL, "GET",
               SUB AUTH "/roleDefinitions" V_AUT "&$filter=type%20eq%20'CustomRole'", NULL);
    assert_int_equal(count(), 1);
    arm_expect(&aw, 409, "Conflict", "DELETE", SUB RD ID1 V_AUT, NULL);
    arm_expect(&aw, 200, NULL, "DELETE", SUB RA ID2 V_AUT, NULL);
    arm_expect(&aw, 200, NULL, "DELETE", SUB RD ID1 V_AUT, NULL);
    assert_string_equal(text("name"), ID1);
    arm_expect(&aw, 204, NULL, "DELETE", SUB RD ID1 V_AUT, NULL);
    arm_expect(&aw, 409, "Conflict", "DELETE", SUB RD OWNER_ROLE V_AUT, NULL);
}

/* ---- managed identities ---- */

static void makes_changes_and_deletes_an_identity(void **state)
{
    char principal[UUID_TEXT_LEN + 1];

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", "/" RG MSI "/Worker" V_MSI,
               "{\"location\":\"westeurope\",\"tags\":{\"a\":\"b\"}}");
    assert_string_equal(text("id"), SUB "/resourcegroups/callgate" MSI "/Worker");
    assert_string_equal(text("name"), "Worker");
    assert_string_equal(text("type"), "Microsoft.ManagedIdentity/userAssignedIdentities");
    assert_string_equal(text("location"), "westeurope");
    assert_string_equal(text("tags.a"), "b");
    assert_string_equal(text("properties.tenantId"), aw.w.tenant);
    assert_int_equal(strlen(text("properties.clientId")), UUID_TEXT_LEN);
    snprintf(principal, sizeof principal, "%s", text("properties.principalId"));
    arm_expect(&aw, 200, NULL, "PUT", RG MSI "/worker" V_MSI, "{\"location\":\"westeurope\"}");
    assert_string_equal(text("properties.principalId"), principal);
    assert_null(json_at(&aw.w.fx, "tags"));
    arm_expect(&aw, 200, NULL, "PATCH", RG MSI "/worker" V_MSI, "{\"tags\":{\"c\":\"d\"}}");
    assert_string_equal(text("tags.c"), "d");
    arm_expect(&aw, 200, NULL, "GET", RG MSI "/WORKER" V_MSI, NULL);
    assert_string_equal(text("tags.c"), "d");
    arm_expect(&aw, 404, NULL, "PATCH", RG MSI "/nobody" V_MSI, "{}");
    arm_expect(&aw, 409, "Conflict", "PUT", SUB "/resourceGroups/g2" MSI "/worker" V_MSI,
               "{\"location\":\"x\"}");
    arm_expect(&aw, 200, NULL, "GET", SUB MSI V_MSI, NULL);
    assert_int_equal(count(), 1);
    arm_expect(&aw, 404, "ResourceGroupNotFound", "GET", SUB "/resourceGroups/g2" MSI V_MSI, NULL);
    /* its roles go with it */
    arm_expect(&aw, 201, NULL, "PUT", SUB RA ID1 V_AUT, assign_body(0, READER_ROLE, principal));
    arm_expect(&aw, 200, NULL, "DELETE", RG MSI "/worker" V_MSI, NULL);
    arm_expect(&aw, 204, NULL, "DELETE", RG MSI "/worker" V_MSI, NULL);
    arm_expect(&aw, 404, NULL, "GET", SUB RA ID1 V_AUT, NULL);
    arm_expect(&aw, 404, "ResourceNotFound", "GET", RG MSI "/worker" V_MSI, NULL);
}

/* ---- federated credentials ---- */

#define FIC RG MSI "/worker/federatedIdentityCredentials"

static const char *fic_body(unsigned slot, const char *issuer, const char *subject,
                            const char *audiences)
{
    return path_of(slot, "{\"properties\":{\"issuer\":\"%s\",\"subject\":\"%s\",\"audiences\":%s}}",
                   issuer, subject, audiences);
}

static void keeps_federated_credentials(void **state)
{
    const char *good = fic_body(0, "https://i.example/", "s:1", "[\"api://AzureADTokenExchange\"]");

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", RG MSI "/worker" V_MSI, "{\"location\":\"global\"}");
    arm_expect(&aw, 201, NULL, "PUT", FIC "/first-1" V_MSI, good);
    assert_string_equal(text("name"), "first-1");
    assert_string_equal(text("properties.issuer"), "https://i.example/");
    assert_string_equal(text("properties.subject"), "s:1");
    assert_string_equal(text("properties.audiences.0"), "api://AzureADTokenExchange");
    arm_expect(&aw, 200, NULL, "PUT", FIC "/first-1" V_MSI, good);
    arm_expect(&aw, 409, "Conflict", "PUT", FIC "/second" V_MSI, good);
    arm_expect(&aw, 200, NULL, "GET", FIC "/FIRST-1" V_MSI, NULL);
    arm_expect(&aw, 404, "ResourceNotFound", "GET", FIC "/second" V_MSI, NULL);
    arm_expect(&aw, 400, NULL, "PUT", FIC "/second" V_MSI,
               fic_body(0, "http://i.example", "s", "[\"a\"]"));
    arm_expect(&aw, 400, NULL, "PUT", FIC "/second" V_MSI,
               fic_body(0, "https://i.example", "", "[\"a\"]"));
    arm_expect(&aw, 400, NULL, "PUT", FIC "/second" V_MSI,
               fic_body(0, "https://i.example", "s", "[]"));
    arm_expect(&aw, 400, NULL, "PUT", FIC "/second" V_MSI,
               fic_body(0, "https://i.example", "s", "[\"a\",\"b\"]"));
    arm_expect(&aw, 400, NULL, "PUT", FIC "/second" V_MSI,
               fic_body(0, "https://i.example", "s", "\"a\""));
    arm_expect(&aw, 400, NULL, "PUT", FIC "/-x" V_MSI, good);
    for (int i = 2; i <= 20; i++)
        arm_expect(&aw, 201, NULL, "PUT", path_of(1, FIC "/more%d" V_MSI, i),
                   fic_body(0, "https://i.example/", path_of(2, "m%d", i), "[\"a\"]"));
    arm_expect(&aw, 409, "Conflict", "PUT", FIC "/more21" V_MSI,
               fic_body(0, "https://i.example/", "m21", "[\"a\"]"));
    arm_expect(&aw, 200, NULL, "GET", FIC V_MSI, NULL);
    assert_int_equal(count(), 20);
    arm_expect(&aw, 200, NULL, "DELETE", FIC "/first-1" V_MSI, NULL);
    arm_expect(&aw, 204, NULL, "DELETE", FIC "/first-1" V_MSI, NULL);
    arm_expect(&aw, 204, NULL, "DELETE", RG MSI "/nobody/federatedIdentityCredentials/x1" V_MSI,
               NULL);
    arm_expect(&aw, 200, NULL, "GET", FIC V_MSI, NULL);
    assert_int_equal(count(), 19);
}

static void what_is_made_here_is_not_the_administrators(void **state)
{
    struct application_row row;
    struct app_document document;

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", RG MSI "/worker" V_MSI, "{\"location\":\"global\"}");
    arm_expect(&aw, 201, NULL, "PUT", FIC "/first" V_MSI,
               fic_body(0, "https://10.0.0.1", "s", "[\"a\"]"));
    assert_int_equal(
        store_application(aw.w.fx.reader, APPLICATION_BY_NAME, STR("Worker"), &aw.w.arena, &row),
        RC_OK);
    assert_int_equal(app_document_read(row.document, &aw.w.arena, &document), RC_OK);
    assert_int_equal(document.federated_count, 1);
    assert_false(document.federated[0].by_administrator);
}

static void a_change_at_the_same_time_is_a_conflict(void **state)
{
    struct change c = {.kind = CHANGE_APPLICATION_PUT};

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", RG MSI "/worker" V_MSI, "{\"location\":\"global\"}");
    assert_int_equal(store_application(aw.w.fx.reader, APPLICATION_BY_NAME, STR("worker"),
                                       &aw.w.arena, &c.u.application),
                     RC_OK);
    c.u.application.version++;
    /* the call has read the row and queued its change; ours is queued behind it and loses, or the
     * other way round: either way one of them is told */
    aw.w.fx.token = aw.owner_token;
    call_begin(&aw.w.fx, USER, "PATCH", RG MSI "/worker" V_MSI, "{\"tags\":{\"a\":\"b\"}}");
    assert_int_equal(store_commit_wait(aw.w.fx.store, &c, 1), RC_CONFLICT);
    assert_int_equal(call_wait(&aw.w.fx), 200);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(assigns_shows_lists_and_deletes),
        T(lists_by_scope_and_filter),
        T(refuses_what_is_wrong),
        T(refuses_filters_it_does_not_know),
        T(only_owners_assign),
        T(an_owner_may_give_up_its_role),
        T(lists_and_shows_definitions),
        T(makes_and_deletes_custom_roles),
        T(makes_changes_and_deletes_an_identity),
        T(keeps_federated_credentials),
        T(what_is_made_here_is_not_the_administrators),
        T(a_change_at_the_same_time_is_a_conflict),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
