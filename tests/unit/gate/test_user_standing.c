/* What a user's token stands on, judged again without the token: each thing that may die, and that
 * nothing else does; and rows whose token comes later. */
#include "unit/gate/fixture.h"

#include "gate/user_standing.h"

#include <stdio.h>

static const struct route user_row = {GET, "/x", &test_api,  ACCEPT_USER, NEED_ANY,
                                      KIB, NULL, PLANE_WIRE, KIND_REPLY};
static const struct route frame_row = {GET,         "/x", &test_api, ACCEPT_USER | ACCEPT_FRAME,
                                       NEED_ANY,    KIB,  NULL,      PLANE_WIRE,
                                       KIND_UPGRADE};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    fixture_init(f, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_clear(*state);
    free(*state);
    return 0;
}

static const struct api_error *ask(struct fixture *f, const struct route *row,
                                   const char *authorization, struct principal *out)
{
    struct request_fake fake;
    struct recipe r = {.method = "GET", .authorization = authorization};
    const struct api_error *error;
    bool known;

    request_fake_init(&fake, &tls_door);
    fixture_request(&fake, &r, row);
    fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
    error = gate_identify(f->gl, &fake.req);
    *out = fake.req.principal ? *fake.req.principal : (struct principal){0};
    if (!error)
        error = policy_allows(fake.req.principal, &fake.req, gate_options(f->gate));
    request_fake_clear(&fake);
    return error;
}

/* The principal of a token that was just issued by the primary key. */
static struct principal principal_of(struct fixture *f, const struct user_key *user)
{
    struct mint m = {.user = *user,
                     .now = NOW,
                     .issued_by = PRINCIPAL_ACCESS_KEY,
                     .key = KEY_PRIMARY,
                     .key_generation = 1};
    char *token = fixture_mint(f, &m), auth[4096];
    struct principal p;

    (void)snprintf(auth, sizeof auth, "Bearer %s", token);
    assert_null(ask(f, &user_row, auth, &p));
    free(token);
    return p;
}

static struct user_key add_user(struct fixture *f)
{
    struct user_key user = {.resource = f->resource, .user = uuid_ordered(NOW)};

    fixture_commit(
        f, (struct change){.kind = CHANGE_USER_ADD, .u.user = {.key = user, .created = NOW}});
    return user;
}

static void change_user(struct fixture *f, enum change_kind kind, const struct user_key *user)
{
    fixture_commit(f, (struct change){.kind = kind,
                                      .u.user = {.key = *user,
                                                 .valid_from = NOW + 1,
                                                 .deleted = NOW + 1,
                                                 .revoked = NOW + 1}});
}

static void revoke(struct fixture *f, const struct user_key *user)
{
    change_user(f, CHANGE_USER_REVOKE, user);
}

static void set_valid_from(struct fixture *f, const struct user_key *user)
{
    change_user(f, CHANGE_USER_VALID_FROM, user);
}

static void delete_user(struct fixture *f, const struct user_key *user)
{
    change_user(f, CHANGE_USER_DELETE, user);
}

static void revoke_another(struct fixture *f, const struct user_key *user)
{
    struct user_key another = add_user(f);

    (void)user;
    revoke(f, &another);
}

static void regenerate(struct fixture *f, const struct user_key *user)
{
    fixture_put_key(f, &user->resource, KEY_PRIMARY, KEY_3, 2, 2);
}

static void regenerate_and_keep(struct fixture *f, const struct user_key *user)
{
    fixture_put_key(f, &user->resource, KEY_PRIMARY, KEY_3, 2, 1);
}

static void regenerate_the_other(struct fixture *f, const struct user_key *user)
{
    fixture_put_key(f, &user->resource, KEY_SECONDARY, KEY_3, 2, 2);
}

static void disable(struct fixture *f, const struct user_key *user)
{
    fixture_put_resource(f, &user->resource, "default", "", RESOURCE_DISABLED);
}

static void disable_another(struct fixture *f, const struct user_key *user)
{
    (void)user;
    fixture_put_resource(f, &f->other, "other", "", RESOURCE_DISABLED);
}

static void retire_key(struct fixture *f, const struct user_key *user)
{
    (void)user;
    fixture_retire_signing_keys(f, NOW);
}

static void retire_key_long_ago(struct fixture *f, const struct user_key *user)
{
    (void)user;
    fixture_retire_signing_keys(f, NOW - TOKEN_LONGEST_MS);
}

static void dies_with_what_it_stands_on(void **state)
{
    static const struct {
        const char *name;
        void (*change)(struct fixture *f, const struct user_key *user);
        const char *why;
    } cases[] = {
        {"his tokens are revoked", revoke, "revoked"},
        {"tokens of before are dead", set_valid_from, "issued before the time"},
        {"the user is deleted", delete_user, "deleted"},
        {"another user's are revoked", revoke_another, NULL},
        {"the key that issued it is regenerated", regenerate, "was regenerated"},
        {"it is, and keeps its tokens", regenerate_and_keep, NULL},
        {"the other key is", regenerate_the_other, NULL},
        {"the resource is disabled", disable, "disabled"},
        {"another resource is", disable_another, NULL},
        {"the signing key has retired", retire_key, NULL},
        {"it has for longer than tokens live", retire_key_long_ago, "retired"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        struct user_key user;
        struct principal p;
        const char *why;

        (void)state;
        print_message("%s\n", cases[i].name);
        fixture_init(&f, NULL);
        user = add_user(&f);
        p = principal_of(&f, &user);
        assert_null(gate_user_stands(f.gl, &user, &p.standing, NOW));
        cases[i].change(&f, &user);
        why = gate_user_stands(f.gl, &user, &p.standing, NOW + 1);
        assert_int_equal(why != NULL, cases[i].why != NULL);
        if (why)
            assert_non_null(strstr(why, cases[i].why));
        fixture_clear(&f);
    }
}

static void says_of_a_token_what_it_stands_on(void **state)
{
    struct user_key user = add_user(*state);
    struct principal p = principal_of(*state, &user);

    assert_true(sizeof p.standing <= 48); /* kept beside each live connection */
    assert_int_equal(p.standing.iat * 1000, NOW);
    assert_int_equal(p.standing.exp * 1000, p.expires);
    assert_true(p.standing.by_key && p.standing.key == KEY_PRIMARY);
    assert_int_equal(p.standing.key_generation, 1);
    assert_int_equal(p.standing.generation, 0);
}

static void forged_standings_do_not_stand(void **state)
{
    struct fixture *f = *state;
    struct user_key user = add_user(f), elsewhere = user;
    struct principal p = principal_of(f, &user);

    elsewhere.resource = uuid_random();
    assert_non_null(gate_user_stands(f->gl, &elsewhere, &p.standing, NOW));
    p.standing.kid_hash++;
    assert_non_null(gate_user_stands(f->gl, &user, &p.standing, NOW));
}

static void lets_in_without_a_header_where_the_first_frame_brings_the_token(void **state)
{
    struct fixture *f = *state;
    struct mint m = {.user = {.resource = f->resource, .user = uuid_random()}};
    char *token = fixture_mint(f, &m), auth[4096];
    struct principal p;

    (void)snprintf(auth, sizeof auth, "Bearer %s", token);
    assert_null(ask(f, &frame_row, "", &p));
    assert_int_equal(p.kind, PRINCIPAL_NONE);
    assert_null(ask(f, &frame_row, auth, &p));
    assert_int_equal(p.kind, PRINCIPAL_USER);
    assert_ptr_equal(ask(f, &frame_row, "Bearer x", &p), &API_DENIED);
    assert_ptr_equal(ask(f, &frame_row, NULL, &p), &API_DENIED); /* an access key */
    assert_ptr_equal(ask(f, &user_row, "", &p), &API_DENIED);
    free(token);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dies_with_what_it_stands_on),
        TEST(says_of_a_token_what_it_stands_on),
        TEST(forged_standings_do_not_stand),
        TEST(lets_in_without_a_header_where_the_first_frame_brings_the_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
