/* Subscriptions, tenants, resource groups and what else clients of the management API look at. */
#include "arm_fixture.h"

#define GROUPS SUB "/resourceGroups"

static void makes_changes_and_deletes_a_group(void **state)
{
    (void)state;
    arm_expect(&aw, 404, NULL, "HEAD", GROUPS "/New.Group" V_RES, NULL);
    arm_expect(&aw, 404, "ResourceGroupNotFound", "GET", GROUPS "/New.Group" V_RES, NULL);
    arm_expect(&aw, 404, "ResourceGroupNotFound", "DELETE", GROUPS "/New.Group" V_RES, NULL);
    arm_expect(&aw, 404, "ResourceGroupNotFound", "PATCH", GROUPS "/New.Group" V_RES, "{}");
    arm_expect(&aw, 201, NULL, "PUT", GROUPS "/New.Group" V_RES,
               "{\"location\":\"westeurope\",\"tags\":{\"a\":\"b\"}}");
    assert_string_equal(text("id"), GROUPS "/New.Group");
    assert_string_equal(text("name"), "New.Group");
    assert_string_equal(text("type"), "Microsoft.Resources/resourceGroups");
    assert_string_equal(text("location"), "westeurope");
    assert_string_equal(text("tags.a"), "b");
    assert_string_equal(text("properties.provisioningState"), "Succeeded");
    arm_expect(&aw, 200, NULL, "PUT", GROUPS "/new.group" V_RES, "{\"location\":\"westeurope\"}");
    assert_string_equal(text("name"), "New.Group");
    assert_null(json_at(&aw.w.fx, "tags"));
    arm_expect(&aw, 200, NULL, "PATCH", GROUPS "/new.group" V_RES, "{\"tags\":{\"c\":\"d\"}}");
    arm_expect(&aw, 204, NULL, "HEAD", SUB "/resourcegroups/NEW.GROUP" V_RES, NULL);
    arm_expect(&aw, 200, NULL, "GET", SUB "/resourcegroups/NEW.GROUP" V_RES, NULL);
    assert_string_equal(text("tags.c"), "d");
    assert_string_equal(text("location"), "westeurope");
    arm_expect(&aw, 200, NULL, "GET", GROUPS V_RES, NULL);
    assert_int_equal(count(), 2); /* and that of the resources */
    arm_expect(&aw, 200, NULL, "DELETE", GROUPS "/new.group" V_RES, NULL);
    arm_expect(&aw, 404, NULL, "HEAD", GROUPS "/new.group" V_RES, NULL);
}

static void a_group_is_there_when_something_is_in_it(void **state)
{
    (void)state;
    arm_expect(&aw, 409, "Conflict", "DELETE", GROUPS "/callgate" V_RES, NULL);
    arm_expect(&aw, 201, NULL, "PUT", GROUPS "/ids" MSI "/worker" V_MSI,
               "{\"location\":\"global\"}");
    arm_expect(&aw, 200, NULL, "GET", GROUPS "/IDS" V_RES, NULL);
    arm_expect(&aw, 409, "Conflict", "DELETE", GROUPS "/ids" V_RES, NULL);
    arm_expect(&aw, 200, NULL, "PATCH", GROUPS "/ids" V_RES, "{\"tags\":{\"a\":\"b\"}}");
    arm_expect(&aw, 200, NULL, "DELETE", GROUPS "/ids" MSI "/worker" V_MSI, NULL);
    arm_expect(&aw, 200, NULL, "GET", GROUPS "/ids" V_RES, NULL); /* it was changed: it is kept */
    arm_expect(&aw, 200, NULL, "DELETE", GROUPS "/ids" V_RES, NULL);
    arm_expect(&aw, 404, NULL, "GET", GROUPS "/ids" V_RES, NULL);
}

static void roles_in_a_group_end_with_it(void **state)
{
    struct standing standing;
    struct str scope;

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", GROUPS "/g5" V_RES, "{\"location\":\"x\"}");
    arm_grant(&aw, OWNER_ROLE, &aw.nobody.object_id, GROUPS "/g5");
    assert_int_equal(arm_as(&aw, aw.nobody_token, "DELETE", GROUPS "/g5" V_RES, NULL), 200);
    assert_int_equal(scope_normalise(STR(GROUPS "/g5"), &aw.w.arena, &scope), RC_OK);
    gate_standing(aw.w.fx.gate_loop, &aw.nobody.object_id, scope, &standing);
    assert_int_equal(standing.actions, 0);
}

static void refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *method, *target, *body;
        int status;
        const char *code;
    } cases[] = {
        {"PUT", GROUPS "/g." V_RES, "{\"location\":\"x\"}", 400, "InvalidRequestContent"},
        {"PUT", GROUPS "/a%20b" V_RES, "{\"location\":\"x\"}", 400, "InvalidRequestContent"},
        {"PUT", GROUPS "/g" V_RES, "{}", 400, "InvalidRequestContent"},
        {"PUT", GROUPS "/g" V_RES, "{\"location\":1}", 400, "InvalidRequestContent"},
        {"PUT", GROUPS "/g" V_RES, "{\"location\":\"x\",\"tags\":{\"a\":{}}}", 400,
         "InvalidRequestContent"},
        {"PUT", GROUPS "/g" V_RES, "nonsense", 400, "InvalidRequestContent"},
        {"PUT", GROUPS "/g", "{\"location\":\"x\"}", 400, "MissingApiVersionParameter"},
        {"PUT", GROUPS "/g?api-version=1", "{\"location\":\"x\"}", 400,
         "InvalidApiVersionParameter"},
        {"GET", "/subscriptions/11111111-2222-4333-8444-555555555555" V_RES, NULL, 404,
         "SubscriptionNotFound"},
        {"GET", SUB "/resources" V_RES "&$filter=kind%20eq%20'x'", NULL, 400,
         "InvalidRequestContent"},
        {"POST", GROUPS V_RES, "{}", 405, "MethodNotAllowed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        arm_expect(&aw, cases[i].status, cases[i].code, cases[i].method, cases[i].target,
                   cases[i].body);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PUT", GROUPS "/g" V_RES, "{\"location\":\"x\"}"),
                     403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SUB V_RES, NULL), 403);
    assert_int_equal(arm_as(&aw, aw.data_token, "GET", SUB V_RES, NULL), 401);
    assert_int_equal(call(&aw.w.fx, PRIMARY, "GET", SUB V_RES, NULL), 401);
}

static void tells_subscription_and_tenant(void **state)
{
    (void)state;
    assert_int_equal(
        arm_as(&aw, aw.nobody_token, "GET", "/subscriptions?api-version=2019-11-01", NULL), 200);
    assert_int_equal(count(), 1);
    assert_string_equal(text("value.0.id"), SUB);
    assert_string_equal(text("value.0.tenantId"), aw.w.tenant);
    assert_string_equal(text("value.0.state"), "Enabled");
    arm_expect(&aw, 200, NULL, "GET", SUB V_RES, NULL);
    assert_string_equal(text("subscriptionId"), "c0ffee00-0000-4000-8000-000000000001");
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", "/tenants" V_RES, NULL), 200);
    assert_string_equal(text("value.0.tenantId"), aw.w.tenant);
    assert_int_equal(call(&aw.w.fx, NOBODY, "GET", "/tenants" V_RES, NULL), 401);
}

static void tells_where_things_are(void **state)
{
    (void)state;
    assert_int_equal(
        call(&aw.w.fx, NOBODY, "GET", "/metadata/endpoints?api-version=2022-09-01", NULL), 200);
    assert_string_equal(text("resourceManager"), ORIGIN);
    assert_string_equal(text("authentication.loginEndpoint"), ORIGIN);
    assert_string_equal(text("authentication.audiences.0"), ORIGIN);
    assert_string_equal(text("graph"), ORIGIN);
    assert_int_equal(call(&aw.w.fx, NOBODY, "GET", "/metadata/endpoints", NULL), 400);
}

static void tells_the_provider_and_all_it_holds(void **state)
{
    (void)state;
    /* whoever has a role on one resource alone asks for its api-versions here */
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SUB COMM V_RES, NULL), 200);
    assert_string_equal(text("registrationState"), "Registered");
    assert_string_equal(text("resourceTypes.0.resourceType"), "CommunicationServices");
    assert_string_equal(text("resourceTypes.0.apiVersions.0"), "2026-03-18");
    assert_int_equal(call(&aw.w.fx, NOBODY, "GET", SUB COMM V_RES, NULL), 401);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SUB "/resources" V_RES, NULL), 403);
    arm_expect(&aw, 201, NULL, "PUT", RG MSI "/worker" V_MSI, "{\"location\":\"global\"}");
    arm_expect(&aw, 200, NULL, "GET", SUB "/resources" V_RES, NULL);
    assert_int_equal(count(), 3);
    arm_expect(&aw, 200, NULL, "GET",
               SUB "/resources" V_RES "&$filter=resourceType%20eq%20'microsoft.managedidentity/"
                   "userassignedidentities'",
               NULL);
    assert_int_equal(count(), 1);
    assert_string_equal(text("value.0.name"), "worker");
}

static void lists_by_group_and_name(void **state)
{
    static const struct {
        const char *name, *filter;
        int count;
    } cases[] = {
        {"the group, in any case", "resourceGroup%20eq%20'CALLGATE'", 3},
        {"a group with nothing in it", "resourceGroup%20eq%20'other'", 0},
        {"a name", "name%20eq%20'Worker'", 1},
        {"group and name", "resourceGroup%20eq%20'callgate'%20and%20name%20eq%20'default'", 1},
        {"a group and a type that holds nothing there",
         "resourceGroup%20eq%20'other'%20and%20resourceType%20eq%20'Microsoft.Communication/"
         "CommunicationServices'",
         0},
    };

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", RG MSI "/worker" V_MSI, "{\"location\":\"global\"}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[512];

        print_message("  %s\n", cases[i].name);
        snprintf(path, sizeof path, SUB "/resources" V_RES "&$filter=%s", cases[i].filter);
        arm_expect(&aw, 200, NULL, "GET", path, NULL);
        assert_int_equal(count(), cases[i].count);
    }
    arm_expect(&aw, 400, "InvalidRequestContent", "GET",
               SUB "/resources" V_RES "&$filter=location%20eq%20'global'", NULL);
    arm_expect(&aw, 400, "InvalidRequestContent", "GET",
               SUB "/resources" V_RES "&$filter=name%20eq%20'a'%20and%20name%20eq%20'b'", NULL);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(makes_changes_and_deletes_a_group),   T(a_group_is_there_when_something_is_in_it),
        T(roles_in_a_group_end_with_it),        T(refuses_what_is_wrong),
        T(tells_subscription_and_tenant),       T(tells_where_things_are),
        T(tells_the_provider_and_all_it_holds), T(lists_by_group_and_name),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
