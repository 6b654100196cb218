/* Communication services by the management API: every route, what bodies may say, who may not. */
#include "arm_fixture.h"

#define NEW_BODY "{\"location\":\"GLOBAL\",\"properties\":{\"dataLocation\":\"Europe\"}}"
#define GUID     "11111111-2222-4333-8444-555555555555"

static void make(const char *name)
{
    arm_expect(&aw, 201, NULL, "PUT", path_of(0, SVC "/%s" V_COM, name), NEW_BODY);
}

/* ---- the life of a resource ---- */

static void makes_shows_changes_and_deletes_a_resource(void **state)
{
    char id[64];

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", SVC "/Shop-1" V_COM,
               "{\"location\":\"global\",\"tags\":{\"a\":\"b\"},\"properties\":{\"dataLocation\":"
               "\"United States\",\"provisioningState\":\"Failed\",\"hostName\":\"evil\"}}");
    assert_string_equal(text("id"),
                        SUB "/resourceGroups/callgate/providers/Microsoft.Communication/"
                            "CommunicationServices/shop-1");
    assert_string_equal(text("name"), "shop-1");
    assert_string_equal(text("type"), "Microsoft.Communication/CommunicationServices");
    assert_string_equal(text("location"), "Global");
    assert_string_equal(text("tags.a"), "b");
    assert_string_equal(text("properties.provisioningState"), "Succeeded");
    assert_string_equal(text("properties.hostName"), "shop-1.localhost:8443");
    assert_string_equal(text("properties.dataLocation"), "United States");
    assert_true(json_is_false(json_at(&aw.w.fx, "properties.disableLocalAuth")));
    assert_null(json_at(&aw.w.fx, "identity"));
    snprintf(id, sizeof id, "%s", text("properties.immutableResourceId"));
    assert_int_equal(strlen(id), UUID_TEXT_LEN);
    /* the same again keeps what is fixed, and takes away what it does not say */
    arm_expect(&aw, 200, NULL, "PUT", SVC "/shop-1" V_COM,
               "{\"location\":\"Global\",\"properties\":{\"dataLocation\":\"united states\","
               "\"linkedDomains\":[\"/d/1\"],\"publicNetworkAccess\":\"enabled\"}}");
    assert_string_equal(text("properties.immutableResourceId"), id);
    assert_null(json_at(&aw.w.fx, "tags"));
    assert_string_equal(text("properties.linkedDomains.0"), "/d/1");
    assert_string_equal(text("properties.publicNetworkAccess"), "Enabled");
    /* what PATCH does not say stays */
    arm_expect(&aw, 200, NULL, "PATCH", SVC "/shop-1" V_COM,
               "{\"tags\":{\"x\":\"y\"},\"properties\":{\"disableLocalAuth\":true}}");
    assert_string_equal(text("tags.x"), "y");
    assert_string_equal(text("properties.linkedDomains.0"), "/d/1");
    assert_true(json_is_true(json_at(&aw.w.fx, "properties.disableLocalAuth")));
    arm_expect(&aw, 200, NULL, "PATCH", SVC "/shop-1" V_COM, "{}");
    assert_true(json_is_true(json_at(&aw.w.fx, "properties.disableLocalAuth")));
    arm_expect(&aw, 200, NULL, "GET", SVC "/SHOP-1" V_COM, NULL);
    assert_string_equal(text("tags.x"), "y");
    arm_expect(&aw, 200, NULL, "DELETE", SVC "/shop-1" V_COM, NULL);
    arm_expect(&aw, 204, NULL, "DELETE", SVC "/shop-1" V_COM, NULL);
    arm_expect(&aw, 404, "ResourceNotFound", "GET", SVC "/shop-1" V_COM, NULL);
    /* its name is free, its id is not used again */
    arm_expect(&aw, 201, NULL, "PUT", SVC "/shop-1" V_COM, NEW_BODY);
    assert_string_not_equal(text("properties.immutableResourceId"), id);
}

static const struct {
    const char *name, *method, *target, *body;
    int status;
    const char *code;
} refusals[] = {
    {"another subscription", "GET",
     "/subscriptions/" GUID "/resourceGroups/callgate" COMM "/communicationServices/default" V_COM,
     NULL, 404, "SubscriptionNotFound"},
    {"a subscription that is no id", "GET", "/subscriptions/x" COMM "/communicationServices" V_COM,
     NULL, 404, "SubscriptionNotFound"},
    {"another group", "GET", SUB "/resourceGroups/g2" COMM "/communicationServices/default" V_COM,
     NULL, 404, "ResourceNotFound"},
    {"a name of another group", "PUT",
     SUB "/resourceGroups/g2" COMM "/communicationServices/default" V_COM, NEW_BODY, 409,
     "NameNotAvailable"},
    {"a name that is a host already", "PUT", SVC "/localhost" V_COM, NEW_BODY, 409,
     "NameNotAvailable"},
    {"a name with an underscore", "PUT", SVC "/a_b" V_COM, NEW_BODY, 400, "InvalidRequestContent"},
    {"a name of 64 characters", "PUT",
     SVC "/a234567890123456789012345678901234567890123456789012345678901234" V_COM, NEW_BODY, 400,
     "InvalidRequestContent"},
    {"a group with a dot at the end", "PUT",
     SUB "/resourceGroups/g." COMM "/communicationServices/n" V_COM, NEW_BODY, 400,
     "InvalidRequestContent"},
    {"no body", "PUT", SVC "/n" V_COM, NULL, 400, "InvalidRequestContent"},
    {"a body that is no JSON", "PUT", SVC "/n" V_COM, "{", 400, "InvalidRequestContent"},
    {"a body that is a list", "PUT", SVC "/n" V_COM, "[]", 400, "InvalidRequestContent"},
    {"a member twice", "PUT", SVC "/n" V_COM, "{\"location\":\"global\",\"location\":\"global\"}",
     400, "InvalidRequestContent"},
    {"no location", "PUT", SVC "/n" V_COM, "{\"properties\":{\"dataLocation\":\"Europe\"}}", 400,
     "InvalidRequestContent"},
    {"a region", "PUT", SVC "/n" V_COM,
     "{\"location\":\"westeurope\",\"properties\":{\"dataLocation\":\"Europe\"}}", 400,
     "LocationNotAvailableForResourceType"},
    {"no data location", "PUT", SVC "/n" V_COM, "{\"location\":\"global\",\"properties\":{}}", 400,
     "InvalidRequestContent"},
    {"a data location with digits", "PUT", SVC "/n" V_COM,
     "{\"location\":\"global\",\"properties\":{\"dataLocation\":\"x1\"}}", 400,
     "InvalidRequestContent"},
    {"properties that are a text", "PUT", SVC "/n" V_COM,
     "{\"location\":\"global\",\"properties\":\"x\"}", 400, "InvalidRequestContent"},
    {"a data location that changes", "PUT", SVC "/default" V_COM, NEW_BODY, 400,
     "InvalidRequestContent"},
    {"tags with a number", "PATCH", SVC "/default" V_COM, "{\"tags\":{\"a\":1}}", 400,
     "InvalidRequestContent"},
    {"disableLocalAuth as a text", "PATCH", SVC "/default" V_COM,
     "{\"properties\":{\"disableLocalAuth\":\"true\"}}", 400, "InvalidRequestContent"},
    {"linkedDomains with a number", "PATCH", SVC "/default" V_COM,
     "{\"properties\":{\"linkedDomains\":[1]}}", 400, "InvalidRequestContent"},
    {"publicNetworkAccess of another word", "PATCH", SVC "/default" V_COM,
     "{\"properties\":{\"publicNetworkAccess\":\"Maybe\"}}", 400, "InvalidRequestContent"},
    {"an identity without a type", "PATCH", SVC "/default" V_COM, "{\"identity\":{}}", 400,
     "InvalidRequestContent"},
    {"an identity of another type", "PATCH", SVC "/default" V_COM,
     "{\"identity\":{\"type\":\"SystemAssigned,Mine\"}}", 400, "InvalidRequestContent"},
    {"UserAssigned without one", "PATCH", SVC "/default" V_COM,
     "{\"identity\":{\"type\":\"UserAssigned\"}}", 400, "InvalidRequestContent"},
    {"an identity that does not exist", "PATCH", SVC "/default" V_COM,
     "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" RG MSI
     "/none\":{}}}}",
     400, "InvalidRequestContent"},
    {"an identity that is no id", "PATCH", SVC "/default" V_COM,
     "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"x\":{}}}}", 400,
     "InvalidRequestContent"},
    {"PATCH of nothing", "PATCH", SVC "/none" V_COM, "{}", 404, "ResourceNotFound"},
    {"deleting the default resource", "DELETE", SVC "/default" V_COM, NULL, 409, "Conflict"},
    {"no api-version", "GET", SVC "/default", NULL, 400, "MissingApiVersionParameter"},
    {"an unknown api-version", "GET", SVC "/default?api-version=2019-01-01", NULL, 400,
     "InvalidApiVersionParameter"},
    {"another provider's api-version", "GET", SVC "/default" V_AUT, NULL, 400,
     "InvalidApiVersionParameter"},
    {"a key of another slot", "POST", SVC "/default/regenerateKey" V_COM, "{\"keyType\":\"Third\"}",
     400, "InvalidRequestContent"},
    {"no key type", "POST", SVC "/default/regenerateKey" V_COM, "{}", 400, "InvalidRequestContent"},
    {"keys of nothing", "POST", SVC "/none/listKeys" V_COM, NULL, 404, "ResourceNotFound"},
    {"a hub without a connection string", "POST", SVC "/default/linkNotificationHub" V_COM,
     "{\"resourceId\":\"/x\"}", 400, "InvalidRequestContent"},
    {"an operation", "GET", SUB COMM "/locations/global/operationStatuses/" GUID V_COM, NULL, 404,
     "ResourceNotFound"},
    {"checking another type", "POST", SUB COMM "/checkNameAvailability" V_COM,
     "{\"name\":\"a\",\"type\":\"Microsoft.Storage/storageAccounts\"}", 400,
     "InvalidRequestContent"},
    {"checking no name", "POST", SUB COMM "/checkNameAvailability" V_COM,
     "{\"type\":\"Microsoft.Communication/CommunicationServices\"}", 400, "InvalidRequestContent"},
};

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        print_message("%s\n", refusals[i].name);
        arm_expect(&aw, refusals[i].status, refusals[i].code, refusals[i].method,
                   refusals[i].target, refusals[i].body);
        assert_true(*text("error.message"));
    }
}

static void refuses_too_many_tags(void **state)
{
    struct buf body;

    (void)state;
    buf_init(&body, 64 * KIB);
    buf_add(&body, STR("{\"tags\":{"));
    for (int i = 0; i < 51; i++)
        buf_addf(&body, "%s\"t%d\":\"\"", i ? "," : "", i);
    buf_add(&body, STR("}}"));
    arm_expect(&aw, 400, "InvalidRequestContent", "PATCH", SVC "/default" V_COM, buf_cstr(&body));
    buf_clear(&body);
}

static void spells_paths_as_clients_do(void **state)
{
    (void)state;
    arm_expect(&aw, 200, NULL, "GET", "/" SVC "/default" V_COM, NULL);
    arm_expect(&aw, 200, NULL, "GET",
               SUB "/RESOURCEGROUPS/CallGate/PROVIDERS/microsoft.communication/"
                   "CommunicationServices/Default" V_COM,
               NULL);
    arm_expect(&aw, 200, NULL, "GET",
               RG "/providers/Microsoft.Communication//communicationServices/default" V_COM, NULL);
    arm_expect(&aw, 404, NULL, "GET", RG "//providers/Microsoft.Communication/x" V_COM, NULL);
}

static void lists_by_subscription_and_group(void **state)
{
    (void)state;
    arm_expect(&aw, 201, NULL, "PUT",
               SUB "/resourceGroups/g2" COMM "/communicationServices/two" V_COM, NEW_BODY);
    arm_expect(&aw, 200, NULL, "GET", SUB COMM "/communicationServices" V_COM, NULL);
    assert_int_equal(json_array_size(json_at(&aw.w.fx, "value")), 3);
    arm_expect(&aw, 200, NULL, "GET", SUB "/resourceGroups/G2" COMM "/communicationServices" V_COM,
               NULL);
    assert_int_equal(json_array_size(json_at(&aw.w.fx, "value")), 1);
    assert_string_equal(text("value.0.name"), "two");
    arm_expect(&aw, 404, "ResourceGroupNotFound", "GET",
               SUB "/resourceGroups/g3" COMM "/communicationServices" V_COM, NULL);
}

static void checks_names(void **state)
{
    static const struct {
        const char *name, *reason;
    } cases[] = {{"free-name", NULL},
                 {"default", "AlreadyExists"},
                 {"OTHER", "AlreadyExists"},
                 {"a_b", "Invalid"},
                 {"-a", "Invalid"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        arm_expect(&aw, 200, NULL, "POST", SUB COMM "/checkNameAvailability" V_COM,
                   path_of(0,
                           "{\"name\":\"%s\",\"type\":\"microsoft.communication/"
                           "communicationservices\"}",
                           cases[i].name));
        assert_int_equal(json_is_true(json_at(&aw.w.fx, "nameAvailable")), !cases[i].reason);
        assert_string_equal(text("reason"), cases[i].reason ? cases[i].reason : "");
    }
}

/* ---- keys ---- */

static void lists_and_regenerates_keys(void **state)
{
    char former[256], other[256];

    (void)state;
    arm_expect(&aw, 200, NULL, "POST", SVC "/default/listKeys" V_COM, NULL);
    snprintf(former, sizeof former, "%s", text("primaryKey"));
    snprintf(other, sizeof other, "%s", text("secondaryKey"));
    assert_string_equal(text("primaryConnectionString"),
                        path_of(1, "endpoint=https://localhost:8443/;accesskey=%s", former));
    assert_true(*other && *text("secondaryConnectionString"));
    arm_expect(&aw, 200, NULL, "POST", SVC "/default/regenerateKey" V_COM,
               "{\"keyType\":\"pRimary\"}");
    assert_true(*text("primaryKey"));
    assert_string_not_equal(text("primaryKey"), former);
    assert_null(json_at(&aw.w.fx, "secondaryKey"));
    assert_int_equal(call(&aw.w.fx, PRIMARY, "GET", "/admin/whoami", NULL), 401);
    assert_int_equal(call(&aw.w.fx, SECONDARY, "GET", "/admin/whoami", NULL), 200);
    arm_expect(&aw, 200, NULL, "POST", SVC "/default/listKeys" V_COM, "");
    assert_string_equal(text("secondaryKey"), other);
}

static void switches_access_keys_off(void **state)
{
    (void)state;
    assert_int_equal(call(&aw.w.fx, PRIMARY, "GET", "/admin/whoami", NULL), 200);
    arm_expect(&aw, 200, NULL, "PATCH", SVC "/default" V_COM,
               "{\"properties\":{\"disableLocalAuth\":true}}");
    assert_int_equal(call(&aw.w.fx, PRIMARY, "GET", "/admin/whoami", NULL), 401);
    check_error(&aw.w.fx, 401, "Denied", "Denied by the resource provider.", NULL);
    arm_expect(&aw, 200, NULL, "POST", SVC "/default/listKeys" V_COM, NULL);
    arm_expect(&aw, 200, NULL, "PATCH", SVC "/default" V_COM,
               "{\"properties\":{\"disableLocalAuth\":false}}");
    assert_int_equal(call(&aw.w.fx, PRIMARY, "GET", "/admin/whoami", NULL), 200);
}

static void keeps_the_hub_but_not_its_secret(void **state)
{
    (void)state;
    arm_expect(&aw, 200, NULL, "POST", SVC "/default/linkNotificationHub" V_COM,
               "{\"resourceId\":\"/hubs/1\",\"connectionString\":\"Endpoint=sb://x;SECRETWORD\"}");
    assert_string_equal(text("resourceId"), "/hubs/1");
    arm_expect(&aw, 200, NULL, "GET", SVC "/default" V_COM, NULL);
    assert_string_equal(text("properties.notificationHubId"), "/hubs/1");
    assert_null(strstr(path_of(0, STR_FMT, STR_ARG(aw.w.fx.fake.body)), "SECRETWORD"));
}

/* ---- identity of the resource ---- */

static void gives_and_takes_identities(void **state)
{
    char principal[64];

    (void)state;
    make("withid");
    arm_expect(&aw, 404, "ResourceNotFound", "GET",
               SVC "/withid/providers/Microsoft.ManagedIdentity/identities/default" V_MSI, NULL);
    arm_expect(&aw, 201, NULL, "PUT", RG MSI "/user1" V_MSI, "{\"location\":\"global\"}");
    arm_expect(&aw, 200, NULL, "PATCH", SVC "/withid" V_COM,
               "{\"identity\":{\"type\":\"SystemAssigned, UserAssigned\","
               "\"userAssignedIdentities\":{\"" RG MSI "/USER1\":{}}}}");
    snprintf(principal, sizeof principal, "%s", text("identity.principalId"));
    assert_int_equal(strlen(principal), UUID_TEXT_LEN);
    assert_string_equal(text("identity.tenantId"), aw.w.tenant);
    assert_int_equal(json_object_size(json_at(&aw.w.fx, "identity.userAssignedIdentities")), 1);
    arm_expect(&aw, 200, NULL, "GET",
               SVC "/withid/providers/Microsoft.ManagedIdentity/identities/default" V_MSI, NULL);
    assert_string_equal(text("properties.principalId"), principal);
    /* PUT says nothing of identities: they stay */
    arm_expect(&aw, 200, NULL, "PUT", SVC "/withid" V_COM, NEW_BODY);
    assert_string_equal(text("identity.principalId"), principal);
    /* null takes one away */
    arm_expect(&aw, 400, "InvalidRequestContent", "PATCH", SVC "/withid" V_COM,
               "{\"identity\":{\"type\":\"SystemAssigned,UserAssigned\","
               "\"userAssignedIdentities\":{\"" RG MSI "/user1\":null}}}");
    arm_expect(&aw, 200, NULL, "PATCH", SVC "/withid" V_COM,
               "{\"identity\":{\"type\":\"systemassigned\"}}");
    assert_string_equal(text("identity.type"), "SystemAssigned");
    assert_null(json_at(&aw.w.fx, "identity.userAssignedIdentities"));
    arm_expect(&aw, 200, NULL, "PATCH", SVC "/withid" V_COM, "{\"identity\":{\"type\":\"None\"}}");
    assert_null(json_at(&aw.w.fx, "identity"));
    arm_expect(&aw, 404, "ResourceNotFound", "GET",
               SVC "/withid/providers/Microsoft.ManagedIdentity/identities/default" V_MSI, NULL);
}

static void deletes_roles_and_identity_with_the_resource(void **state)
{
    struct str scope = STR(SVC "/gone");
    struct application_row row;
    struct standing standing;

    (void)state;
    arm_expect(&aw, 201, NULL, "PUT", SVC "/gone" V_COM,
               "{\"location\":\"global\",\"identity\":{\"type\":\"SystemAssigned\"},"
               "\"properties\":{\"dataLocation\":\"Europe\"}}");
    arm_grant(&aw, READER_ROLE, &aw.nobody.object_id, scope.ptr);
    assert_int_equal(scope_normalise(scope, &aw.w.arena, &scope), RC_OK);
    gate_standing(aw.w.fx.gate_loop, &aw.nobody.object_id, scope, &standing);
    assert_int_not_equal(standing.actions, 0);
    assert_int_equal(
        store_application(aw.w.fx.reader, APPLICATION_BY_ARM_ID, scope, &aw.w.arena, &row), RC_OK);
    arm_expect(&aw, 200, NULL, "DELETE", SVC "/gone" V_COM, NULL);
    assert_int_equal(
        store_application(aw.w.fx.reader, APPLICATION_BY_ARM_ID, scope, &aw.w.arena, &row),
        RC_NOT_FOUND);
    make("gone");
    gate_standing(aw.w.fx.gate_loop, &aw.nobody.object_id, scope, &standing);
    assert_int_equal(standing.actions, 0);
}

/* ---- who may ---- */

/* Of nobody, or of one that has gone since: given behind the server's back, as a store of before.
 */
static void a_new_resource_gives_nobody_the_roles_of_its_name(void **state)
{
    const struct uuid *nobody = &aw.nobody.object_id;

    (void)state;
    arm_grant(&aw, OWNER_ROLE, nobody, SVC "/ghost");
    arm_grant(&aw, OWNER_ROLE, nobody, SVC "/shade");
    make("ghost");
    assert_int_equal(call(&aw.w.fx, ADMIN_TCP, "POST", "/admin/resources", "{\"name\":\"shade\"}"),
                     201);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/ghost" V_COM, NULL), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/shade" V_COM, NULL), 403);
    arm_grant(&aw, READER_ROLE, nobody, SVC "/ghost");
    arm_expect(&aw, 200, NULL, "PUT", SVC "/ghost" V_COM, NEW_BODY); /* a change takes none away */
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/ghost" V_COM, NULL), 200);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/shade" V_COM, NULL), 403);
}

static void refuses_who_may_not(void **state)
{
    (void)state;
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/default" V_COM, NULL), 403);
    check_error(&aw.w.fx, 403, "AuthorizationFailed",
                path_of(0,
                        "The client '%s' with object id '%s' does not have authorization to "
                        "perform action 'Microsoft.Communication/CommunicationServices/read' over "
                        "scope '/subscriptions/c0ffee00-0000-4000-8000-000000000001/"
                        "resourcegroups/callgate/providers/microsoft.communication/"
                        "communicationservices/default' or the scope is invalid.",
                        aw.nobody_client, aw.nobody_id),
                NULL);
    assert_true(request_fake_header(&aw.w.fx.fake, STR("x-ms-correlation-request-id")).len > 0);
    assert_int_equal(arm_as(&aw, aw.data_token, "GET", SVC "/default" V_COM, NULL), 401);
    check_error(&aw.w.fx, 401, "InvalidAuthenticationToken", NULL, NULL);
    assert_true(str_starts(request_fake_header(&aw.w.fx.fake, STR("WWW-Authenticate")),
                           STR("Bearer authorization_uri=\"")));
    assert_int_equal(call(&aw.w.fx, PRIMARY, "GET", SVC "/default" V_COM, NULL), 401);
    assert_int_equal(call(&aw.w.fx, NOBODY, "GET", SVC "/default" V_COM, NULL), 401);
    check_error(&aw.w.fx, 401, "InvalidAuthenticationToken", NULL, NULL);
    assert_int_equal(call(&aw.w.fx, ADMIN, "GET", SVC "/default" V_COM, NULL), 404);
}

static void a_reader_reads_and_nothing_else(void **state)
{
    (void)state;
    arm_grant(&aw, READER_ROLE, &aw.nobody.object_id, SVC "/default");
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/default" V_COM, NULL), 200);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", "/" SVC "/d%65fault" V_COM, NULL), 200);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", SVC "/other" V_COM, NULL), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "POST", SVC "/default/listKeys" V_COM, NULL),
                     403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "PATCH", SVC "/default" V_COM, "{}"), 403);
    assert_int_equal(arm_as(&aw, aw.nobody_token, "DELETE", SVC "/default" V_COM, NULL), 403);
    assert_int_equal(
        arm_as(&aw, aw.nobody_token, "GET", SUB COMM "/communicationServices" V_COM, NULL), 403);
}

static void tells_its_operations(void **state)
{
    const json_t *list;
    bool found = false;

    (void)state;
    assert_int_equal(arm_as(&aw, aw.nobody_token, "GET", COMM "/operations" V_COM, NULL), 200);
    list = json_at(&aw.w.fx, "value");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);

        assert_true(json_is_boolean(json_object_get(one, "isDataAction")));
        if (strcmp(json_string_value(json_object_get(one, "name")),
                   "Microsoft.Communication/CommunicationServices/read") == 0) {
            found = true;
            assert_string_equal(
                json_string_value(json_object_get(json_object_get(one, "display"), "resource")),
                "CommunicationServices");
        }
    }
    assert_true(found);
    assert_int_equal(call(&aw.w.fx, NOBODY, "GET", COMM "/operations" V_COM, NULL), 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_shows_changes_and_deletes_a_resource, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_too_many_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(spells_paths_as_clients_do, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_by_subscription_and_group, setup, teardown),
        cmocka_unit_test_setup_teardown(checks_names, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_and_regenerates_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(switches_access_keys_off, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_the_hub_but_not_its_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_and_takes_identities, setup, teardown),
        cmocka_unit_test_setup_teardown(deletes_roles_and_identity_with_the_resource, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_resource_gives_nobody_the_roles_of_its_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(refuses_who_may_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_reads_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_its_operations, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
