/* Who may do what where, over a store that is arrays in memory: look-ups, changes of one principal,
 * failures, threads. The real store: test_grants_store.c. */
#include "unit/base/unit.h"

#include "gate/grants.h"

#include <pthread.h>
#include <stdatomic.h>

#define SUB     "/subscriptions/s"
#define GROUP   SUB "/resourcegroups/g"
#define BLUE    GROUP "/providers/microsoft.communication/communicationservices/blue"
#define OWNER   "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define READER  "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define ISSUER  "2b08f6a3-37a8-4047-9daa-73e1e8b743f3"
#define SENDER  "bad97317-a226-4486-b7d2-a05c6b4da8ff"
#define CUSTOM  "c0000000-0000-0000-0000-000000000001"
#define UNKNOWN "c0000000-0000-0000-0000-00000000ffff"

#define BIT(a) ACTION_BIT(ACTION_##a)
#define SMS    (BIT(SMS_READ) | BIT(SMS_WRITE))

/* ---- the store: linked before the real one ---- */

enum read { READ_ROLES, READ_APPLICATIONS, READ_ASSIGNMENTS, READ_ONE, READS };

struct store_reader {
    const struct application_row *applications;
    const struct role_assignment_row *assignments;
    const struct role_row *roles;
    size_t applications_n, assignments_n, roles_n;
    enum rc failing[READS];
    size_t rows_read;
};

enum rc store_each_role(struct store_reader *r, struct arena *arena,
                        void (*each)(void *ctx, const struct role_row *row), void *ctx)
{
    (void)arena;
    for (size_t i = 0; i < r->roles_n; i++)
        each(ctx, &r->roles[i]);
    return r->failing[READ_ROLES];
}

enum rc store_each_application(struct store_reader *r, struct arena *arena,
                               void (*each)(void *ctx, const struct application_row *row),
                               void *ctx)
{
    (void)arena;
    for (size_t i = 0; i < r->applications_n; i++)
        each(ctx, &r->applications[i]);
    return r->failing[READ_APPLICATIONS];
}

enum rc store_each_role_assignment(struct store_reader *r, const struct uuid *principal,
                                   struct arena *arena,
                                   void (*each)(void *ctx, const struct role_assignment_row *row),
                                   void *ctx)
{
    for (size_t i = 0; i < r->assignments_n; i++) {
        struct role_assignment_row row = r->assignments[i];

        if (principal && !uuid_eq(principal, &row.principal))
            continue;
        row.scope = arena_dup(arena, row.scope);
        r->rows_read++;
        each(ctx, &row);
    }
    return r->failing[READ_ASSIGNMENTS];
}

enum rc store_application(struct store_reader *r, enum application_key by, struct str key,
                          struct arena *arena, struct application_row *out)
{
    (void)arena;
    assert_int_equal(by, APPLICATION_BY_OBJECT_ID);
    assert_int_equal(key.len, sizeof(struct uuid));
    if (r->failing[READ_ONE])
        return r->failing[READ_ONE];
    for (size_t i = 0; i < r->applications_n; i++) {
        if (!name_eq(key, str_of(&r->applications[i].object_id, sizeof(struct uuid))))
            continue;
        *out = r->applications[i];
        return RC_OK;
    }
    return RC_NOT_FOUND;
}

/* ---- rows ---- */

static struct uuid id_of(const char *text)
{
    struct uuid id;

    assert_int_equal(uuid_parse(str_from(text), &id), RC_OK);
    return id;
}

static struct uuid principal_of(uint32_t n)
{
    struct uuid id = {{0xaa}};

    for (int i = 0; i < 4; i++)
        id.octets[15 - i] = (uint8_t)(n >> (8 * i));
    return id;
}

static struct application_row app(uint32_t n)
{
    return (struct application_row){.client_id = {{(uint8_t)n}},
                                    .object_id = principal_of(n),
                                    .kind = APPLICATION_APP,
                                    .version = 1};
}

static struct role_assignment_row give(uint32_t principal, const char *role, const char *scope)
{
    return (struct role_assignment_row){
        .principal = principal_of(principal), .role = id_of(role), .scope = str_from(scope)};
}

static struct grants *loaded(struct store_reader *r)
{
    struct grants *g = grants_new();

    assert_int_equal(grants_load(g, r), RC_OK);
    return g;
}

static uint64_t may(const struct grants *g, uint32_t principal, const char *scope)
{
    struct uuid id = principal_of(principal);
    struct standing found;

    grants_find(g, &id, str_from(scope), &found);
    return found.actions;
}

/* ---- look-ups ---- */

static void a_role_counts_at_its_scope_and_below(void **state)
{
    static const struct {
        const char *name;
        uint32_t principal;
        const char *scope;
        uint64_t actions;
    } cases[] = {
        {"at the resource itself", 1, BLUE, SMS},
        {"below the resource", 1, BLUE "/x/y", SMS},
        {"not at its group", 1, GROUP, 0},
        {"not at a name that goes on", 1, BLUE "2", 0},
        {"nor at one that is cut off", 1,
         GROUP "/providers/microsoft.communication/communicationservices/blu", 0},
        {"nor in another spelling", 1, GROUP "/PROVIDERS", 0},
        {"from the group down", 2, BLUE, SMS},
        {"at the group", 2, GROUP, SMS},
        {"not in a group whose name goes on", 2, SUB "/resourcegroups/g2/x", 0},
        {"not at the subscription", 2, SUB, 0},
        {"from the top", 3, "/", SMS},
        {"from the top down", 3, BLUE, SMS},
        {"of the scope and of those above together", 4, BLUE, SMS | BIT(IDENTITY_TOKEN)},
        {"above, less", 4, GROUP, BIT(IDENTITY_TOKEN)},
        {"two roles at one scope", 5, GROUP, SMS | BIT(IDENTITY_TOKEN)},
        {"nobody's assignments", 6, "/", 0},
        {"a slash at the end changes nothing", 2, GROUP "/", SMS},
        {"no scope at all", 3, "", 0},
        {"no slash before", 3, "subscriptions/s", 0},
    };
    const struct application_row apps[] = {app(1), app(2), app(3), app(4), app(5)};
    const struct role_assignment_row rows[] = {
        give(5, SENDER, GROUP), give(1, SENDER, BLUE),  give(2, SENDER, GROUP),
        give(3, SENDER, "/"),   give(4, SENDER, BLUE),  give(4, ISSUER, SUB),
        give(6, OWNER, "/"),    give(5, ISSUER, GROUP),
    };
    struct store_reader r = {.applications = apps,
                             .applications_n = ARRAY_LEN(apps),
                             .assignments = rows,
                             .assignments_n = ARRAY_LEN(rows)};
    struct grants *g = loaded(&r);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(cases[i].name, may(g, cases[i].principal, cases[i].scope) == cases[i].actions);
    assert_int_equal(grants_count(g), ARRAY_LEN(rows) - 1); /* less nobody's */
    grants_free(g);
}

static void a_scope_too_long_or_too_deep_finds_nothing(void **state)
{
    const struct application_row a = app(1);
    const struct role_assignment_row row = give(1, SENDER, "/");
    struct store_reader r = {
        .applications = &a, .applications_n = 1, .assignments = &row, .assignments_n = 1};
    struct grants *g = loaded(&r);
    char text[SCOPE_MAX + 2];

    (void)state;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    text[SCOPE_MAX] = '\0';
    assert_true(may(g, 1, text) == SMS);
    text[SCOPE_MAX] = 'a';
    text[SCOPE_MAX + 1] = '\0';
    assert_true(may(g, 1, text) == 0);
    for (size_t i = 0; i < 2 * SCOPE_DEPTH_MAX; i += 2)
        text[i] = '/';
    text[2 * SCOPE_DEPTH_MAX] = '\0';
    assert_true(may(g, 1, text) == SMS);
    memcpy(text + 2 * SCOPE_DEPTH_MAX, "/a", sizeof "/a");
    assert_true(may(g, 1, text) == 0);
    grants_free(g);
}

static void a_standing_says_who_it_is(void **state)
{
    struct application_row apps[] = {app(1), app(2), app(3)};
    const struct role_assignment_row rows[] = {
        give(1, READER, "/"),  give(1, SENDER, BLUE), give(1, UNKNOWN, BLUE),
        give(1, READER, BLUE), give(2, OWNER, "/"),
    };
    struct uuid id = principal_of(1);
    struct standing s;

    (void)state;
    apps[0].revoked_before = 1234;
    apps[1].disabled = true;
    apps[1].kind = APPLICATION_MANAGED;
    apps[2].kind = APPLICATION_FOREIGN;
    struct store_reader r = {
        .applications = apps, .applications_n = 3, .assignments = rows, .assignments_n = 5};
    struct grants *g = loaded(&r);
    grants_find(g, &id, STR(BLUE), &s);
    assert_true(s.known && !s.disabled && s.kind == APPLICATION_APP && s.revoked_before == 1234);
    const char *nearest_first[] = {SENDER, UNKNOWN, READER};
    assert_int_equal(s.roles_count, ARRAY_LEN(nearest_first)); /* READER once */
    for (size_t i = 0; i < s.roles_count; i++) {
        struct uuid role = id_of(nearest_first[i]);
        assert_true(uuid_eq(&s.roles[i], &role));
    }
    id = principal_of(2);
    grants_find(g, &id, STR(BLUE), &s);
    assert_true(s.known && s.disabled && s.kind == APPLICATION_MANAGED);
    assert_true(s.actions == 0 && s.roles_count == 1);
    id = principal_of(3);
    grants_find(g, &id, STR(BLUE), &s);
    assert_true(s.known && s.kind == APPLICATION_FOREIGN && s.actions == 0 && !s.roles_count);
    id = principal_of(4);
    memset(&s, 0xff, sizeof s);
    grants_find(g, &id, STR(BLUE), &s);
    assert_true(!s.known && !s.disabled && s.kind == APPLICATION_NONE && s.revoked_before == 0 &&
                s.actions == 0 && s.roles_count == 0);
    grants_free(g);
}

static void no_more_roles_are_listed_than_fit(void **state)
{
    const struct application_row a = app(1);
    struct role_assignment_row rows[2 * STANDING_ROLES_MAX];
    struct uuid id = principal_of(1);
    struct standing s;

    (void)state;
    for (uint8_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i] = give(1, CUSTOM, i % 2 ? "/" : SUB);
        rows[i].role.octets[0] = i;
    }
    rows[ARRAY_LEN(rows) - 1].role = id_of(OWNER); /* counts though it is not listed */
    struct store_reader r = {.applications = &a,
                             .applications_n = 1,
                             .assignments = rows,
                             .assignments_n = ARRAY_LEN(rows)};
    struct grants *g = loaded(&r);
    grants_find(g, &id, STR(GROUP), &s);
    assert_int_equal(s.roles_count, STANDING_ROLES_MAX);
    for (size_t i = 0; i < s.roles_count; i++)
        assert_int_equal(s.roles[i].octets[0], 2 * i); /* those of SUB, oldest first */
    assert_true(s.actions & BIT(SERVICES_DELETE));
    grants_free(g);
}

/* ---- roles ---- */

#define DOCUMENT                                                                                   \
    "{\"description\":\"chat only\",\"permissions\":[{\"dataActions\":["                           \
    "\"Microsoft.Communication/CommunicationServices/chat/*\"]}]}"

static void custom_roles_count_as_they_were_loaded(void **state)
{
    const struct application_row a = app(1);
    const struct role_assignment_row rows[] = {give(1, CUSTOM, "/"), give(1, UNKNOWN, "/")};
    struct role_row role = {
        .id = id_of(CUSTOM), .name = STR("Chat Person"), .document = STR(DOCUMENT)};
    struct store_reader r = {.applications = &a,
                             .applications_n = 1,
                             .assignments = rows,
                             .assignments_n = 2,
                             .roles = &role,
                             .roles_n = 1};
    struct uuid me = principal_of(1);
    struct grants *g = loaded(&r);
    static const char *const damaged[] = {
        "", "{", "[]", "{\"permissions\":[{\"actions\":[\"*\"]},{\"actions\":1}]}"};

    (void)state;
    assert_true(may(g, 1, BLUE) == (BIT(CHAT_READ) | BIT(CHAT_WRITE)));
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        role.document = str_from(damaged[i]);
        assert_int_equal(grants_load(g, &r), RC_OK);
        assert_true(may(g, 1, BLUE) == 0);
    }
    role.document = STR("{\"permissions\":[{\"actions\":[\"*/read\"]}]}");
    assert_int_equal(grants_take(g, &r, &me), RC_OK); /* with the roles loaded last */
    assert_true(may(g, 1, BLUE) == 0);
    assert_int_equal(grants_load(g, &r), RC_OK);
    assert_true(may(g, 1, BLUE) & BIT(SERVICES_READ));
    assert_int_equal(grants_take(g, &r, &me), RC_OK);
    assert_true(may(g, 1, BLUE) & BIT(SERVICES_READ));
    r.roles_n = 0;
    assert_int_equal(grants_load(g, &r), RC_OK);
    assert_true(may(g, 1, BLUE) == 0);
    grants_free(g);
}

static void a_role_is_found_by_id_and_by_name(void **state)
{
    const struct role_row row = {
        .id = id_of(CUSTOM), .name = STR("Chat Person"), .document = STR(DOCUMENT)};
    struct store_reader r = {.roles = &row, .roles_n = 1};
    struct grants *g = loaded(&r);
    struct uuid custom = id_of(CUSTOM), unknown = id_of(UNKNOWN), owner = id_of(OWNER);
    struct arena arena;
    struct role role;

    (void)state;
    arena_init(&arena);
    assert_true(grants_role(g, &custom, &arena, &role));
    assert_false(role.built_in);
    assert_true(role.actions == (BIT(CHAT_READ) | BIT(CHAT_WRITE)));
    check_str("description", role.description, STR("chat only"));
    assert_true(grants_role_by_name(g, STR("CHAT person"), &arena, &role));
    assert_true(uuid_eq(&role.id, &custom));
    check_str("name", role.name, STR("Chat Person"));
    assert_true(grants_role_by_name(g, STR("callgate sms sender"), &arena, &role));
    assert_true(role.built_in);
    assert_true(grants_role(g, &owner, &arena, &role));
    assert_false(grants_role(g, &unknown, &arena, &role));
    assert_false(grants_role_by_name(g, STR("Chat"), &arena, &role));
    assert_false(grants_role_by_name(g, STR_EMPTY, &arena, &role));
    check_str("built in", grants_role_name(g, &owner, &arena), STR("Owner"));
    check_str("custom", grants_role_name(g, &custom, &arena), STR("Chat Person"));
    check_str("gone", grants_role_name(g, &unknown, &arena), STR(UNKNOWN));
    r.roles_n = 0; /* texts outlive the role */
    assert_true(grants_role(g, &custom, &arena, &role));
    assert_int_equal(grants_load(g, &r), RC_OK);
    check_str("name", role.name, STR("Chat Person"));
    arena_clear(&arena);
    grants_free(g);
    grants_free(NULL);
}

/* ---- changes ---- */

static void taking_one_principal_leaves_the_others(void **state)
{
    struct application_row apps[] = {app(1), app(2)};
    struct role_assignment_row rows[] = {give(1, SENDER, BLUE), give(2, SENDER, BLUE),
                                         give(1, ISSUER, "/")};
    struct store_reader r = {
        .applications = apps, .applications_n = 2, .assignments = rows, .assignments_n = 2};
    struct uuid one = principal_of(1);
    struct grants *g = loaded(&r);
    uint64_t version = grants_version(g);

    (void)state;
    rows[1] = give(2, OWNER, "/"); /* has changed, too, but is not taken */
    r.assignments_n = 3;
    r.rows_read = 0;
    assert_int_equal(grants_take(g, &r, &one), RC_OK);
    assert_int_equal(r.rows_read, 2); /* its own */
    assert_true(grants_version(g) > version);
    assert_true(may(g, 1, BLUE) == (SMS | BIT(IDENTITY_TOKEN)));
    assert_true(may(g, 2, BLUE) == SMS);
    assert_int_equal(grants_count(g), 3);

    rows[0] = rows[2]; /* what it had at BLUE is gone */
    r.assignments_n = 2;
    assert_int_equal(grants_take(g, &r, &one), RC_OK);
    assert_true(may(g, 1, BLUE) == BIT(IDENTITY_TOKEN));
    assert_int_equal(grants_count(g), 2);

    r.applications = apps + 1; /* the application is gone */
    r.applications_n = 1;
    assert_int_equal(grants_take(g, &r, &one), RC_OK);
    assert_true(may(g, 1, BLUE) == 0);
    assert_true(may(g, 2, BLUE) == SMS);
    assert_int_equal(grants_count(g), 1);
    assert_int_equal(grants_take(g, &r, &one), RC_OK); /* again: nothing to forget */

    r.applications = apps; /* and made again */
    r.applications_n = 2;
    assert_int_equal(grants_take(g, &r, &one), RC_OK);
    assert_true(may(g, 1, BLUE) == BIT(IDENTITY_TOKEN));
    grants_free(g);
}

static void a_failed_read_leaves_what_was_there(void **state)
{
    const struct application_row a = app(1);
    const struct role_assignment_row row = give(1, CUSTOM, BLUE);
    const struct role_row role = {
        .id = id_of(CUSTOM), .name = STR("Chat Person"), .document = STR(DOCUMENT)};
    struct store_reader r = {.applications = &a,
                             .applications_n = 1,
                             .assignments = &row,
                             .assignments_n = 1,
                             .roles = &role,
                             .roles_n = 1};
    struct uuid me = principal_of(1);
    struct grants *g = loaded(&r);
    uint64_t version = grants_version(g), chat = BIT(CHAT_READ) | BIT(CHAT_WRITE);

    (void)state;
    r.applications_n = r.assignments_n = r.roles_n = 0;
    for (int what = READ_ROLES; what < READ_ONE; what++) {
        r.failing[what] = RC_IO;
        assert_int_equal(grants_load(g, &r), RC_IO);
        r.failing[what] = RC_OK;
        assert_true(may(g, 1, BLUE) == chat);
    }
    r.failing[READ_ONE] = RC_IO;
    assert_int_equal(grants_take(g, &r, &me), RC_IO);
    assert_true(may(g, 1, BLUE) == chat);
    r.failing[READ_ONE] = RC_OK;
    r.applications_n = 1;
    r.failing[READ_ASSIGNMENTS] = RC_IO;
    assert_int_equal(grants_take(g, &r, &me), RC_IO);
    assert_true(may(g, 1, BLUE) == chat);
    assert_int_equal(grants_version(g), version);
    assert_int_equal(grants_count(g), 1);
    r.failing[READ_ASSIGNMENTS] = RC_OK;
    r.applications_n = 0;
    assert_int_equal(grants_load(g, &r), RC_OK);
    assert_true(may(g, 1, BLUE) == 0);
    assert_true(grants_version(g) > version);
    assert_int_equal(grants_count(g), 0);
    grants_free(g);
}

/* ---- many ---- */

#define MANY 100000

static void many_assignments_are_all_found(void **state)
{
    static struct application_row apps[1001];
    struct role_assignment_row *rows = calloc(MANY, sizeof *rows);
    char(*texts)[64] = calloc(MANY, sizeof *texts);
    struct uuid big = principal_of(0);

    (void)state;
    assert_non_null(rows);
    assert_non_null(texts);
    for (uint32_t i = 0; i < ARRAY_LEN(apps); i++)
        apps[i] = app(i);
    for (uint32_t i = 0; i < MANY; i++) { /* half of them are one principal's */
        snprintf(texts[i], sizeof texts[i], SUB "/resourcegroups/group%u", i);
        rows[i] = give(i % 2 ? 0 : 1 + i / 2 % 1000, i % 3 ? SENDER : ISSUER, texts[i]);
    }
    struct store_reader r = {.applications = apps,
                             .applications_n = ARRAY_LEN(apps),
                             .assignments = rows,
                             .assignments_n = MANY};
    struct grants *g = loaded(&r);
    assert_int_equal(grants_count(g), MANY);
    assert_int_equal(grants_take(g, &r, &big), RC_OK);
    assert_int_equal(grants_count(g), MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t owner = i % 2 ? 0 : 1 + i / 2 % 1000;
        uint64_t wanted = i % 3 ? SMS : BIT(IDENTITY_TOKEN);

        if (may(g, owner, texts[i]) != wanted)
            fail_msg("%s of %u", texts[i], owner);
        if (may(g, owner ? owner % 1000 + 1 : 1000, texts[i]) != 0)
            fail_msg("%s of another than %u", texts[i], owner);
    }
    grants_free(g);
    free(texts);
    free(rows);
}

/* ---- threads ---- */

#define ROUNDS  2000
#define READERS 4

struct threads {
    struct grants *g;
    uint64_t first_version;
    _Atomic bool over;
};

/* State n of the principal: revoked before n, a sender at BLUE when n is odd, else an issuer at
 * the top. */
static uint64_t actions_in(unix_ms n)
{
    return n % 2 ? SMS : BIT(IDENTITY_TOKEN);
}

static void *write_states(void *ctx)
{
    struct threads *t = ctx;
    struct application_row a = app(1);
    struct role_assignment_row row;
    struct store_reader r = {
        .applications = &a, .applications_n = 1, .assignments = &row, .assignments_n = 1};
    struct uuid me = principal_of(1);
    void *failed = NULL;

    for (unix_ms n = 1; n <= ROUNDS && !failed; n++) {
        a.revoked_before = n;
        row = n % 2 ? give(1, SENDER, BLUE) : give(1, ISSUER, "/");
        if (n % 16 ? grants_take(t->g, &r, &me) : grants_load(t->g, &r))
            failed = ctx;
    }
    atomic_store(&t->over, true);
    return failed;
}

static void *read_states(void *ctx)
{
    struct threads *t = ctx;
    struct uuid me = principal_of(1), sender = id_of(SENDER), issuer = id_of(ISSUER);
    unix_ms last = 0;
    struct arena arena;
    void *failed = NULL;

    arena_init(&arena);
    while (!atomic_load(&t->over) && !failed) {
        uint64_t version = grants_version(t->g);
        struct standing s;

        grants_find(t->g, &me, STR(BLUE), &s);
        unix_ms n = s.revoked_before;
        const struct uuid *role = n % 2 ? &sender : &issuer;
        if (!s.known || s.actions != actions_in(n) || s.roles_count != 1 ||
            !uuid_eq(&s.roles[0], role))
            failed = ctx; /* torn */
        if (n < last || (uint64_t)n < version - t->first_version)
            failed = ctx; /* back in time, or older than its version */
        last = n;
        if (grants_count(t->g) != 1 || !grants_role_name(t->g, role, &arena).len)
            failed = ctx;
        arena_reset(&arena);
    }
    arena_clear(&arena);
    return failed;
}

static void other_threads_see_whole_states_and_never_older_ones(void **state)
{
    struct application_row a = app(1);
    struct role_assignment_row row = give(1, ISSUER, "/");
    struct store_reader r = {
        .applications = &a, .applications_n = 1, .assignments = &row, .assignments_n = 1};
    struct threads t = {.g = loaded(&r)};
    pthread_t threads[1 + READERS];
    void *failed;

    (void)state;
    t.first_version = grants_version(t.g);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i ? read_states : write_states, &t), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(grants_version(t.g), t.first_version + ROUNDS);
    assert_true(may(t.g, 1, BLUE) == actions_in(ROUNDS));
    grants_free(t.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_counts_at_its_scope_and_below),
        cmocka_unit_test(a_scope_too_long_or_too_deep_finds_nothing),
        cmocka_unit_test(a_standing_says_who_it_is),
        cmocka_unit_test(no_more_roles_are_listed_than_fit),
        cmocka_unit_test(custom_roles_count_as_they_were_loaded),
        cmocka_unit_test(a_role_is_found_by_id_and_by_name),
        cmocka_unit_test(taking_one_principal_leaves_the_others),
        cmocka_unit_test(a_failed_read_leaves_what_was_there),
        cmocka_unit_test(many_assignments_are_all_found),
        cmocka_unit_test(other_threads_see_whole_states_and_never_older_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
