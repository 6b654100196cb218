/* The policy table, written out by hand: every kind of principal and every need. */
#include "unit/gate/fixture.h"

enum { OK, NO, WHO, DEV, NEAR, ROLE, CHAT, JOIN, FULL };

/* clang-format off */
/*                                             nothing any identity sms   resource administrator local-dev local chat join full arm */
static const uint8_t want[PRINCIPAL_ADMINISTRATOR + 1][NEED_COUNT] = {
    [PRINCIPAL_NONE]          = {[NEED_NOTHING] = OK, WHO, WHO,  WHO,  WHO, WHO, WHO, WHO,  WHO,  WHO,  WHO,  WHO},
    [PRINCIPAL_ACCESS_KEY]    = {[NEED_NOTHING] = OK, OK,  OK,   OK,   OK,  NO,  NO,  NO,   WHO,  WHO,  WHO,  NO},
    [PRINCIPAL_BEARER]        = {[NEED_NOTHING] = OK, OK,  ROLE, ROLE, NO,  NO,  NO,  NO,   WHO,  WHO,  WHO,  ROLE},
    [PRINCIPAL_USER]          = {[NEED_NOTHING] = OK, OK,  WHO,  WHO,  WHO, WHO, WHO, WHO,  CHAT, JOIN, FULL, WHO},
    [PRINCIPAL_ADMINISTRATOR] = {[NEED_NOTHING] = OK, OK,  OK,   OK,   OK,  OK,  DEV, NEAR, WHO,  WHO,  WHO,  NO},
};
/* clang-format on */

static const struct gate_options dev = {.development = true};
static const struct gate_options production = {0};
static const struct gate_options strict = {.no_role_denied = true};

static const struct api_error *ask(struct principal *p, struct request *req,
                                   const struct gate_options *options)
{
    return policy_allows(p->kind ? p : NULL, req, options);
}

/* A principal with the row's action, with another one, without any. */
static void needs_the_action(struct principal *p, struct request *req)
{
    p->actions = ACTION_BIT(ACTION_IDENTITY_TOKEN) | ACTION_BIT(ACTION_IDENTITY_READ);
    assert_null(ask(p, req, &strict));
    p->actions = ACTION_BIT(ACTION_IDENTITY_READ);
    assert_ptr_equal(ask(p, req, &strict), &API_FORBIDDEN);
    p->actions = 0;
    assert_ptr_equal(ask(p, req, &dev), &API_FORBIDDEN);
    assert_ptr_equal(ask(p, req, &strict), &API_DENIED);
    p->actions = UINT64_MAX;
    ((struct route *)(uintptr_t)req->route)->action = ACTION_NONE; /* a row that forgot it */
    assert_ptr_equal(ask(p, req, &dev), &API_FORBIDDEN);
}

/* Every set of scopes: one of those that open it is enough, and no other helps. */
static void needs_a_scope(struct principal *p, struct request *req, unsigned opening)
{
    for (unsigned scopes = 0; scopes < 1u << SCOPE_COUNT; scopes++) {
        p->scopes = scopes;
        if (scopes & opening) {
            assert_null(ask(p, req, &dev));
        } else {
            req->explain = STR_EMPTY;
            assert_ptr_equal(ask(p, req, &dev), &API_FORBIDDEN);
            assert_true(str_find_str(req->explain, STR("the scope chat")) < req->explain.len);
        }
    }
}

static void check_cell(unsigned wanted, struct principal *p, struct request *req)
{
    const struct api_error *got = ask(p, req, &dev);

    switch (wanted) {
    case OK:
        assert_null(got);
        break;
    case NO:
        assert_ptr_equal(got, &API_FORBIDDEN);
        break;
    case WHO:
        assert_ptr_equal(got, &API_DENIED);
        break;
    case ROLE:
        needs_the_action(p, req);
        break;
    case CHAT:
        needs_a_scope(p, req, SCOPE_CHAT | SCOPE_CHAT_JOIN | SCOPE_CHAT_JOIN_LIMITED);
        break;
    case JOIN:
        needs_a_scope(p, req, SCOPE_CHAT | SCOPE_CHAT_JOIN);
        break;
    case FULL:
        needs_a_scope(p, req, SCOPE_CHAT);
        break;
    default:
        assert_null(got);
        if (wanted == DEV)
            assert_ptr_equal(ask(p, req, &production), &API_DEVELOPMENT_ONLY);
        else
            assert_null(ask(p, req, &production));
        req->client_addr.loopback = false;
        assert_ptr_equal(ask(p, req, &dev), &API_LOCAL_ONLY);
        break;
    }
    if (got)
        assert_true(req->explain.len > 0);
}

static void allows_exactly_what_the_table_says(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (unsigned kind = 0; kind <= PRINCIPAL_ADMINISTRATOR; kind++) {
        for (unsigned need = NEED_NOTHING; need < NEED_COUNT; need++) {
            struct route row = {.path = "/identities",
                                .api = &test_api,
                                .accept = ACCEPT_KEY,
                                .need = (enum need)need,
                                .action = ACTION_IDENTITY_TOKEN};
            struct principal p = {.kind = (enum principal_kind)kind};
            struct request req = {.route = &row,
                                  .arena = &arena,
                                  .peer = {.loopback = true},
                                  .client_addr = {.loopback = true}};

            check_cell(want[kind][need], &p, &req);
        }
    }
    arena_clear(&arena);
}

static void an_unset_need_denies(void **state)
{
    struct route row = {.api = &test_api, .accept = ACCEPT_ADMIN};
    struct principal p = {.kind = PRINCIPAL_ADMINISTRATOR};
    struct request req = {.route = &row};

    (void)state;
    assert_ptr_equal(policy_allows(&p, &req, &dev), &API_FORBIDDEN);
}

static void the_handler_decides_where_the_row_says_so(void **state)
{
    struct route row = {.api = &test_api, .accept = ACCEPT_HANDLER, .need = NEED_IDENTITY};
    struct request req = {.route = &row};

    (void)state;
    assert_null(policy_allows(NULL, &req, &dev));
}

static void a_second_action_is_asked_of_service_principals_alone(void **state)
{
    struct route row = {.path = "/identities", .api = &test_api};
    struct principal p = {.kind = PRINCIPAL_BEARER, .actions = ACTION_BIT(ACTION_IDENTITY_WRITE)};
    struct arena arena;
    struct request req = {.route = &row, .principal = &p, .arena = &arena};

    (void)state;
    arena_init(&arena);
    assert_ptr_equal(policy_also(&req, ACTION_IDENTITY_TOKEN), &API_FORBIDDEN);
    assert_null(policy_also(&req, ACTION_IDENTITY_WRITE));
    p.kind = PRINCIPAL_ACCESS_KEY;
    assert_null(policy_also(&req, ACTION_IDENTITY_TOKEN));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allows_exactly_what_the_table_says),
        cmocka_unit_test(an_unset_need_denies),
        cmocka_unit_test(the_handler_decides_where_the_row_says_so),
        cmocka_unit_test(a_second_action_is_asked_of_service_principals_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
