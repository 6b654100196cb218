/* Grants over the embedded store: what is committed is what counts. Edge cases: test_grants.c. */
#include "unit/gate/fixture.h"

#include "gate/grants.h"

#define GROUP "/subscriptions/s/resourcegroups/g"
#define BLUE  GROUP "/providers/microsoft.communication/communicationservices/blue"

static const struct uuid app_id = {{1}}, object_id = {{2}}, other_id = {{3}}, custom_id = {{4}};

static struct change put_application(const struct uuid *client, const struct uuid *object,
                                     struct str name, uint32_t version)
{
    return (struct change){.kind = CHANGE_APPLICATION_PUT,
                           .u.application = {.client_id = *client,
                                             .object_id = *object,
                                             .kind = APPLICATION_APP,
                                             .version = version,
                                             .created = NOW,
                                             .name = name,
                                             .document = STR("{}")}};
}

static struct change assign(uint8_t id, const struct uuid *principal, const struct uuid *role,
                            struct str scope)
{
    return (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT,
                           .u.role_assignment = {.id = {{id}},
                                                 .principal = *principal,
                                                 .role = *role,
                                                 .built_in_role = built_in_role_by_id(role) != NULL,
                                                 .scope = scope,
                                                 .principal_type = STR("ServicePrincipal"),
                                                 .created = NOW + id}};
}

static uint64_t may(const struct grants *g, const struct uuid *principal, const char *scope)
{
    struct standing found;

    grants_find(g, principal, str_from(scope), &found);
    return found.actions;
}

static uint64_t actions_of(const char *role)
{
    return built_in_role_by_name(str_from(role))->actions;
}

static const struct uuid *id_of(const char *role)
{
    return &built_in_role_by_name(str_from(role))->id;
}

static void what_is_committed_counts(void **state)
{
    struct fixture f;
    struct grants *g = grants_new();
    struct uuid other_app = {{9}};
    struct change role = {
        .kind = CHANGE_ROLE_PUT,
        .u.role = {.id = custom_id,
                   .name = STR("Name Checker"),
                   .document =
                       STR("{\"permissions\":[{\"actions\":[\"*/CheckNameAvailability/*\"]}]}"),
                   .created = NOW,
                   .updated = NOW}};

    (void)state;
    fixture_init(&f, NULL);
    fixture_commit(&f, role);
    fixture_commit(&f, put_application(&app_id, &object_id, STR("one"), 1));
    fixture_commit(&f, put_application(&other_app, &other_id, STR("two"), 1));
    fixture_commit(&f, assign(1, &object_id, id_of("Callgate SMS Sender"), STR(BLUE)));
    fixture_commit(&f, assign(2, &other_id, id_of("Reader"), STR("/")));
    fixture_commit(&f, assign(3, &object_id, &custom_id, STR(GROUP)));
    assert_int_equal(grants_load(g, f.reader), RC_OK);
    assert_int_equal(grants_count(g), 3);
    assert_true(may(g, &object_id, GROUP) == ACTION_BIT(ACTION_CHECK_NAME));
    assert_true(may(g, &object_id, BLUE) ==
                (actions_of("Callgate SMS Sender") | ACTION_BIT(ACTION_CHECK_NAME)));
    assert_true(may(g, &other_id, BLUE) == actions_of("Reader"));

    fixture_commit(&f, assign(4, &object_id, id_of("Callgate Token Issuer"), STR("/")));
    fixture_commit(&f, assign(5, &other_id, id_of("Owner"), STR("/"))); /* not taken below */
    fixture_commit(&f, (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_DELETE,
                                       .u.role_assignment = {.id = {{1}}}});
    assert_int_equal(grants_take(g, f.reader, &object_id), RC_OK);
    assert_true(may(g, &object_id, BLUE) ==
                (actions_of("Callgate Token Issuer") | ACTION_BIT(ACTION_CHECK_NAME)));
    assert_true(may(g, &other_id, BLUE) == actions_of("Reader"));
    assert_int_equal(grants_take(g, f.reader, &other_id), RC_OK);
    assert_true(may(g, &other_id, BLUE) == actions_of("Owner"));
    assert_int_equal(grants_count(g), 4);

    struct change stopped = put_application(&app_id, &object_id, STR("one"), 2);
    stopped.u.application.disabled = true;
    stopped.u.application.revoked_before = NOW;
    fixture_commit(&f, stopped);
    assert_int_equal(grants_take(g, f.reader, &object_id), RC_OK);
    struct standing s;
    grants_find(g, &object_id, STR(BLUE), &s);
    assert_true(s.known && s.disabled && s.revoked_before == NOW && s.actions == 0);

    fixture_commit(&f, (struct change){.kind = CHANGE_APPLICATION_DELETE,
                                       .u.application = {.client_id = app_id}});
    assert_int_equal(grants_take(g, f.reader, &object_id), RC_OK);
    grants_find(g, &object_id, STR(BLUE), &s);
    assert_false(s.known);
    assert_int_equal(grants_count(g), 2);
    fixture_commit(&f, (struct change){.kind = CHANGE_ROLE_SCOPE_DELETE,
                                       .u.role_assignment = {.scope = STR("/")}});
    assert_int_equal(grants_load(g, f.reader), RC_OK);
    assert_int_equal(grants_count(g), 0);
    grants_find(g, &other_id, STR(BLUE), &s);
    assert_true(s.known && s.actions == 0);
    grants_free(g);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
