/* The scope that a management path speaks of: as far as the row goes, as the router read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/gate.h"

#define S "/subscriptions/{subscription}"
#define G S "/resourceGroups/{group}"
#define N G "/providers/Microsoft.Communication/communicationServices/{name}"

static const struct {
    const char *name, *row, *path, *scope;
} cases[] = {
    {"nothing", "/subscriptions", "/subscriptions", "/"},
    {"a subscription", S, "/subscriptions/AB", "/subscriptions/ab"},
    {"a group", G, "/SUBSCRIPTIONS/ab/resourcegroups/My-G",
     "/subscriptions/ab/resourcegroups/my-g"},
    {"a list of groups is the subscription's", S "/resourceGroups",
     "/subscriptions/ab/resourceGroups", "/subscriptions/ab"},
    {"a resource", N,
     "/subscriptions/ab/resourceGroups/g/providers/microsoft.communication/"
     "CommunicationServices/Shop",
     "/subscriptions/ab/resourcegroups/g/providers/microsoft.communication/"
     "communicationservices/shop"},
    {"a list of resources is the group's",
     G "/providers/Microsoft.Communication/communicationServices",
     "/subscriptions/ab/resourceGroups/g/providers/Microsoft.Communication/communicationServices",
     "/subscriptions/ab/resourcegroups/g"},
    {"what is done to a resource", N "/listKeys",
     "/subscriptions/ab/resourceGroups/g/providers/Microsoft.Communication/"
     "communicationServices/shop/listKeys",
     "/subscriptions/ab/resourcegroups/g/providers/microsoft.communication/"
     "communicationservices/shop"},
    {"assignments belong to what is before them",
     G "/providers/Microsoft.Authorization/roleAssignments/{id}",
     "/subscriptions/ab/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments/x",
     "/subscriptions/ab/resourcegroups/g"},
    {"assignments of everything", "/providers/Microsoft.Authorization/roleAssignments/{id}",
     "/providers/Microsoft.Authorization/roleAssignments/x", "/"},
    {"escapes are read as the router reads them", G, "/subscriptions/ab/resourceGroups/%6D%79",
     "/subscriptions/ab/resourcegroups/my"},
    {"slashes in front and behind words", N,
     "//subscriptions//ab/resourceGroups/g/providers/Microsoft.Communication//"
     "communicationServices/shop",
     "/subscriptions/ab/resourcegroups/g/providers/microsoft.communication/"
     "communicationservices/shop"},
    {"what can't be a scope asks for everything", G, "/subscriptions/ab/resourceGroups/a%20%C3%A9",
     "/"},
};

static void finds_scopes(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct route row = {.path = cases[i].row};
        struct request req = {.route = &row, .arena = &arena};
        struct str scope;

        print_message("%s\n", cases[i].name);
        assert_int_equal(url_split(str_from(cases[i].path), &arena, &req.url), RC_OK);
        scope = arm_scope(&req);
        if (!name_eq(scope, str_from(cases[i].scope)))
            fail_msg("%s: " STR_FMT, cases[i].path, STR_ARG(scope));
    }
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_scopes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
