/* The policy table, written out by hand: every kind of principal and every need. */
#include "unit/gate/fixture.h"

enum { OK, NO, WHO, DEV };

/* clang-format off */
/*                                             nothing any identity resource administrator local */
static const uint8_t want[PRINCIPAL_ADMINISTRATOR + 1][NEED_COUNT] = {
    [PRINCIPAL_NONE]          = {[NEED_NOTHING] = OK, WHO, WHO, WHO, WHO, WHO},
    [PRINCIPAL_ACCESS_KEY]    = {[NEED_NOTHING] = OK, OK,  OK,  OK,  NO,  NO},
    [PRINCIPAL_BEARER]        = {[NEED_NOTHING] = OK, OK,  NO,  NO,  NO,  NO},
    [PRINCIPAL_USER]          = {[NEED_NOTHING] = OK, OK,  WHO, WHO, WHO, WHO},
    [PRINCIPAL_ADMINISTRATOR] = {[NEED_NOTHING] = OK, OK,  OK,  OK,  OK,  DEV},
};
/* clang-format on */

static void allows_exactly_what_the_table_says(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind <= PRINCIPAL_ADMINISTRATOR; kind++) {
        for (unsigned need = NEED_NOTHING; need < NEED_COUNT; need++) {
            struct route row = {.api = &test_api, .accept = ACCEPT_KEY, .need = (enum need)need};
            struct principal p = {.kind = (enum principal_kind)kind};
            struct request req = {
                .route = &row, .peer = {.loopback = true}, .client_addr = {.loopback = true}};
            const struct api_error *got = policy_allows(kind ? &p : NULL, &req, true);

            switch (want[kind][need]) {
            case OK:
                assert_null(got);
                break;
            case NO:
                assert_ptr_equal(got, &API_FORBIDDEN);
                break;
            case WHO:
                assert_ptr_equal(got, &API_DENIED);
                break;
            default:
                assert_null(got);
                assert_ptr_equal(policy_allows(&p, &req, false), &API_DEVELOPMENT_ONLY);
                req.client_addr.loopback = false;
                assert_ptr_equal(policy_allows(&p, &req, true), &API_LOCAL_ONLY);
                break;
            }
            if (got)
                assert_true(req.explain.len > 0);
        }
    }
}

static void an_unset_need_denies(void **state)
{
    struct route row = {.api = &test_api, .accept = ACCEPT_ADMIN};
    struct principal p = {.kind = PRINCIPAL_ADMINISTRATOR};
    struct request req = {.route = &row};

    (void)state;
    assert_ptr_equal(policy_allows(&p, &req, true), &API_FORBIDDEN);
}

static void the_handler_decides_where_the_row_says_so(void **state)
{
    struct route row = {.api = &test_api, .accept = ACCEPT_HANDLER, .need = NEED_IDENTITY};
    struct request req = {.route = &row};

    (void)state;
    assert_null(policy_allows(NULL, &req, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allows_exactly_what_the_table_says),
        cmocka_unit_test(an_unset_need_denies),
        cmocka_unit_test(the_handler_decides_where_the_row_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
