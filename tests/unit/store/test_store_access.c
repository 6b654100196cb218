/* What every back end keeps of applications, roles, role assignments and trusted issuers: rows,
 * preconditions, what goes along, the change log. Lists: test_store_access_lists.c. */
#include "fixture.h"

#define LARGE (64 * KIB)

static struct change delete_role(uint64_t n)
{
    return (struct change){.kind = CHANGE_ROLE_DELETE, .u.role.id = id_of(n)};
}

static struct change unassign(uint64_t n)
{
    return (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_DELETE, .u.role_assignment.id = id_of(n)};
}

static struct change delete_scope(struct str scope)
{
    return (struct change){.kind = CHANGE_ROLE_SCOPE_DELETE, .u.role_assignment.scope = scope};
}

static enum rc find(struct fixture *f, enum application_key by, struct str key,
                    struct application_row *out)
{
    return store_application(f->reader, by, key, &f->arena, out);
}

static struct str octets_of(const struct uuid *id)
{
    return str_of(id->octets, sizeof id->octets);
}

static enum rc find_client(struct fixture *f, uint64_t n, struct application_row *out)
{
    const struct uuid id = id_of(n);

    return find(f, APPLICATION_BY_CLIENT_ID, octets_of(&id), out);
}

static bool assigned(struct fixture *f, uint64_t n)
{
    const struct uuid id = id_of(n);
    struct role_assignment_row row;
    enum rc rc = store_role_assignment(f->reader, &id, &f->arena, &row);

    assert_true(rc == RC_OK || rc == RC_NOT_FOUND);
    return rc == RC_OK;
}

static enum rc commit_one(struct fixture *f, struct change c, bool *out_existed)
{
    enum rc rc = fixture_commit(f, &c, 1);

    if (out_existed)
        *out_existed = c.out_existed;
    return rc;
}

static void must(struct fixture *f, struct change c)
{
    assert_int_equal(commit_one(f, c, NULL), RC_OK);
}

/** Of `len` octets: all values, so also NUL, and sequences of UTF-8. */
static struct str text_of(struct fixture *f, size_t len)
{
    char *text = arena_alloc(&f->arena, len);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)(i * 7);
    if (len > 8)
        memcpy(text, "\0\xc3\xbc\xe2\x82\xac", 6);
    return str_of(text, len);
}

/* ---- applications ---- */

static void check_application(const struct application_row *got, const struct application_row *row)
{
    assert_true(uuid_eq(&got->client_id, &row->client_id));
    assert_true(uuid_eq(&got->object_id, &row->object_id));
    assert_int_equal(got->kind, row->kind);
    assert_int_equal(got->version, row->version);
    assert_int_equal(got->disabled, row->disabled);
    assert_int_equal(got->created, row->created);
    assert_int_equal(got->revoked_before, row->revoked_before);
    check_text(got->name, row->name);
    check_text(got->arm_id, row->arm_id);
    check_text(got->header_hash, row->header_hash);
    check_text(got->header_sealed, row->header_sealed);
    check_text(got->document, row->document);
}

static void finds_an_application_by_each_key(struct fixture *f)
{
    struct change c = put_application(1, STR("B\xc3\xbc"
                                             "cher"));
    struct application_row *row = &c.u.application, got;

    fixture_open(f);
    row->kind = APPLICATION_MANAGED;
    row->disabled = true;
    row->revoked_before = NOW + 5;
    row->arm_id = STR("/subscriptions/s/identities/one");
    row->header_hash = STR("0123456789abcdef0123456789abcde\xff");
    row->header_sealed = (struct str){"\0sealed", 7};
    row->document = text_of(f, LARGE);
    must(f, c);
    must(f, put_application(2, STR("other")));
    for (int i = 0; i < 2; i++) {
        const struct {
            enum application_key by;
            struct str key;
        } keys[] = {
            {APPLICATION_BY_CLIENT_ID, octets_of(&row->client_id)},
            {APPLICATION_BY_OBJECT_ID, octets_of(&row->object_id)},
            {APPLICATION_BY_NAME, row->name},
            {APPLICATION_BY_NAME, STR("b\xc3\xbc"
                                      "CHER")},
            {APPLICATION_BY_ARM_ID, row->arm_id},
            {APPLICATION_BY_HEADER_HASH, row->header_hash},
        };

        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            assert_int_equal(find(f, keys[k].by, keys[k].key, &got), RC_OK);
            check_application(&got, row);
        }
        fixture_reopen(f);
    }
}

static void finds_no_application_by_another_key(struct fixture *f)
{
    struct change c = put_application(1, STR("one"));
    const struct uuid client = c.u.application.client_id, object = c.u.application.object_id;
    const struct {
        enum application_key by;
        struct str key;
    } cases[] = {
        {APPLICATION_BY_CLIENT_ID, octets_of(&object)},
        {APPLICATION_BY_OBJECT_ID, octets_of(&client)},
        {APPLICATION_BY_CLIENT_ID, STR_EMPTY},
        {APPLICATION_BY_CLIENT_ID, str_head(octets_of(&client), 15)},
        {APPLICATION_BY_NAME, STR("on")},
        {APPLICATION_BY_NAME, STR("one ")},
        {APPLICATION_BY_NAME, STR("o%")},
        {APPLICATION_BY_NAME, STR_EMPTY},
        {APPLICATION_BY_ARM_ID, STR_EMPTY}, /* it has none: not the empty one */
        {APPLICATION_BY_HEADER_HASH, STR_EMPTY},
        {APPLICATION_BY_HEADER_HASH, STR("0123456789abcdef0123456789abcdef")},
        {(enum application_key)17, octets_of(&client)},
    };
    struct application_row got;

    fixture_open(f);
    must(f, c);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (find(f, cases[i].by, cases[i].key, &got) != RC_NOT_FOUND)
            fail_msg("case %zu", i);
}

static void takes_an_application_when_its_version_follows(struct fixture *f)
{
    static const struct {
        uint32_t there, version; /* 0: there is none */
        enum rc rc;
    } cases[] = {
        {0, 1, RC_OK},       {0, 0, RC_CONFLICT}, {0, 2, RC_CONFLICT}, {1, 2, RC_OK},
        {1, 1, RC_CONFLICT}, {1, 3, RC_CONFLICT}, {1, 0, RC_CONFLICT}, {3, 4, RC_OK},
        {3, 3, RC_CONFLICT}, {3, 2, RC_CONFLICT}, {3, 1, RC_CONFLICT}, {3, UINT32_MAX, RC_CONFLICT},
    };

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = put_application(i, arena_printf(&f->arena, "app %zu", i));
        struct application_row got = {0};
        bool existed;

        for (uint32_t v = 1; v <= cases[i].there; v++) {
            c.u.application.version = v;
            must(f, c);
        }
        c.u.application.version = cases[i].version;
        c.u.application.document = STR("{\"new\":true}");
        if (commit_one(f, c, &existed) != cases[i].rc || existed != (cases[i].there > 0))
            fail_msg("version %u after %u", cases[i].version, cases[i].there);
        assert_int_equal(find_client(f, i, &got),
                         cases[i].there || !cases[i].rc ? RC_OK : RC_NOT_FOUND);
        assert_int_equal(got.version, cases[i].rc ? cases[i].there : cases[i].version);
        assert_int_equal(got.document.len, cases[i].rc ? (cases[i].there ? 2 : 0) : 12);
    }
}

static void refuses_names_with_a_nul(struct fixture *f)
{
    struct application_row got;

    fixture_open(f);
    assert_int_equal(commit_one(f, put_application(1, (struct str){"a\0x", 3}), NULL), RC_INVALID);
    assert_int_equal(commit_one(f, put_role(1, (struct str){"a\0x", 3}), NULL), RC_INVALID);
    must(f, put_application(1, STR("a")));
    assert_int_equal(find(f, APPLICATION_BY_NAME, (struct str){"a\0x", 3}, &got), RC_NOT_FOUND);
}

static void lets_one_of_two_puts_in_a_batch_win(struct fixture *f)
{
    struct change c[6] = {put_application(1, STR("one")),   put_application(1, STR("rival")),
                          put_application(2, STR("ONE")),   put_application(1, STR("one")),
                          put_application(1, STR("rival")), put_application(2, STR("two"))};
    static const enum rc wanted[] = {RC_OK, RC_CONFLICT, RC_CONFLICT, RC_OK, RC_CONFLICT, RC_OK};
    struct application_row got;
    enum rc rcs[6];

    fixture_open(f);
    c[3].u.application.version = c[4].u.application.version = 2;
    fixture_commit_as_one_batch(f, c, 6, rcs);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(rcs[i], wanted[i]);
    assert_int_equal(find_client(f, 1, &got), RC_OK);
    assert_int_equal(got.version, 2);
    check_text(got.name, STR("one"));
    assert_int_equal(find_client(f, 2, &got), RC_OK);
}

static void keeps_the_object_id_of_an_application(struct fixture *f)
{
    struct change c = put_application(1, STR("one"));
    const struct application_row before = c.u.application;
    struct application_row got;

    fixture_open(f);
    must(f, c);
    c.u.application.version = 2;
    c.u.application.object_id = id_of(77);
    assert_int_equal(commit_one(f, c, NULL), RC_INVALID);
    c.u.application.version = 7;
    assert_int_equal(commit_one(f, c, NULL), RC_CONFLICT);
    assert_int_equal(find_client(f, 1, &got), RC_OK);
    check_application(&got, &before);
}

static void keeps_what_is_unique_among_applications(struct fixture *f)
{
    static const struct {
        const char *sentence;
        uint64_t object;
        struct str name, arm_id, header_hash;
        enum rc rc;
    } cases[] = {
        {"all of its own", 1, STR_INIT("b"), STR_INIT("/b"), STR_INIT("hash b"), RC_OK},
        {"no ARM id, no hash", 2, STR_INIT("c"), {NULL, 0}, {NULL, 0}, RC_OK},
        {"neither has the next", 3, STR_INIT("d"), {NULL, 0}, {NULL, 0}, RC_OK},
        {"the object id", 100, STR_INIT("e"), {NULL, 0}, {NULL, 0}, RC_CONFLICT},
        {"the name", 4, STR_INIT("Name"), {NULL, 0}, {NULL, 0}, RC_CONFLICT},
        {"the name in another case", 4, STR_INIT("nAME"), {NULL, 0}, {NULL, 0}, RC_CONFLICT},
        {"a longer name", 4, STR_INIT("Names"), {NULL, 0}, {NULL, 0}, RC_OK},
        {"the ARM id", 5, STR_INIT("f"), STR_INIT("/arm"), {NULL, 0}, RC_CONFLICT},
        {"the hash", 6, STR_INIT("g"), {NULL, 0}, STR_INIT("hash"), RC_CONFLICT},
        {"what was refused before is free", 6, STR_INIT("g"), STR_INIT("/f"), {NULL, 0}, RC_OK},
    };
    struct change first = put_application(1, STR("Name")), c;

    fixture_open(f);
    first.u.application.object_id = id_of(100);
    first.u.application.arm_id = STR("/arm");
    first.u.application.header_hash = STR("hash");
    must(f, first);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        c = put_application(10 + i, cases[i].name);
        c.u.application.object_id = id_of(cases[i].object);
        c.u.application.arm_id = cases[i].arm_id;
        c.u.application.header_hash = cases[i].header_hash;
        if (commit_one(f, c, NULL) != cases[i].rc)
            fail_msg("%s", cases[i].sentence);
    }
    must(f, delete_application(1));
    c = put_application(50, STR("name"));
    c.u.application.arm_id = STR("/arm");
    c.u.application.header_hash = STR("hash");
    must(f, c);
}

static void leaves_an_application_as_it_was_when_its_new_name_is_taken(struct fixture *f)
{
    struct change c = put_application(2, STR("two"));
    const struct application_row before = c.u.application;
    struct application_row got;
    bool existed = false;

    fixture_open(f);
    must(f, put_application(1, STR("one")));
    must(f, c);
    c.u.application.version = 2;
    c.u.application.name = STR("ONE");
    assert_int_equal(commit_one(f, c, &existed), RC_CONFLICT);
    assert_true(existed);
    assert_int_equal(find_client(f, 2, &got), RC_OK);
    check_application(&got, &before);
    c.u.application.name = STR("TWO"); /* its own in another case */
    must(f, c);
}

static void deletes_an_application_with_its_assignments(struct fixture *f)
{
    struct application_row got;
    bool existed = false;

    fixture_open(f);
    must(f, put_application(1, STR("one")));
    must(f, put_application(2, STR("two")));
    for (uint64_t i = 1; i <= 3; i++) {
        must(f, assign(i, 1001, i, STR("/a")));
        must(f, assign(10 + i, 1002, i, STR("/a")));
    }
    assert_int_equal(commit_one(f, delete_application(1), &existed), RC_OK);
    assert_true(existed);
    assert_int_equal(find_client(f, 1, &got), RC_NOT_FOUND);
    assert_int_equal(find_client(f, 2, &got), RC_OK);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_false(assigned(f, i));
        assert_true(assigned(f, 10 + i));
    }
    assert_int_equal(commit_one(f, delete_application(1), &existed), RC_OK);
    assert_false(existed);
    must(f, put_application(1, STR("one"))); /* version 1 again */
}

static void undoes_a_delete_with_its_assignments_as_a_whole(struct fixture *f)
{
    struct change c[2] = {delete_application(1), put_application(9, STR("TWO"))};
    struct application_row got;

    fixture_open(f);
    must(f, put_application(1, STR("one")));
    must(f, put_application(2, STR("two")));
    must(f, assign(1, 1001, 1, STR("/a")));
    assert_int_equal(fixture_commit(f, c, 2), RC_CONFLICT);
    assert_int_equal(find_client(f, 1, &got), RC_OK);
    assert_int_equal(find_client(f, 9, &got), RC_NOT_FOUND);
    assert_true(assigned(f, 1));
}

/* ---- roles ---- */

struct seen_roles {
    size_t n;
    struct role_row last;
};

static void see_role(void *ctx, const struct role_row *row)
{
    struct seen_roles *seen = ctx;

    seen->n++;
    seen->last = *row;
}

static void keeps_roles_and_replaces_them(struct fixture *f)
{
    struct change c = put_role(1, STR("Reader"));
    struct seen_roles seen = {0};
    bool existed = true;

    fixture_open(f);
    assert_int_equal(commit_one(f, c, &existed), RC_OK);
    assert_false(existed);
    c.u.role.name = STR("Read\xc3\xa9r");
    c.u.role.document = text_of(f, LARGE);
    c.u.role.updated = NOW + 3;
    assert_int_equal(commit_one(f, c, &existed), RC_OK);
    assert_true(existed);
    fixture_reopen(f);
    assert_int_equal(store_each_role(f->reader, &f->arena, see_role, &seen), RC_OK);
    assert_int_equal(seen.n, 1);
    assert_true(uuid_eq(&seen.last.id, &c.u.role.id));
    check_text(seen.last.name, c.u.role.name);
    check_text(seen.last.document, c.u.role.document);
    assert_int_equal(seen.last.created, NOW);
    assert_int_equal(seen.last.updated, NOW + 3);
}

static void keeps_a_role_name_unique_in_any_case(struct fixture *f)
{
    fixture_open(f);
    must(f, put_role(1, STR("Reader")));
    assert_int_equal(commit_one(f, put_role(2, STR("READER")), NULL), RC_CONFLICT);
    must(f, put_role(2, STR("Readers")));
    assert_int_equal(commit_one(f, put_role(2, STR("reader")), NULL), RC_CONFLICT);
    must(f, put_role(1, STR("reader")));
    must(f, delete_role(1));
    must(f, put_role(2, STR("reader")));
}

static void deletes_a_role_only_when_nobody_has_it(struct fixture *f)
{
    struct change both[2] = {unassign(6), delete_role(1)};
    struct seen_roles seen = {0};
    bool existed = false;

    fixture_open(f);
    must(f, put_role(1, STR("used")));
    must(f, put_role(2, STR("unused")));
    put_principals(f, 1, 2);
    must(f, assign(5, 1, 1, STR("/a")));
    must(f, assign(6, 2, 1, STR("/b")));
    assert_int_equal(commit_one(f, delete_role(1), NULL), RC_CONFLICT);
    assert_int_equal(commit_one(f, delete_role(2), &existed), RC_OK);
    assert_true(existed);
    assert_int_equal(commit_one(f, delete_role(2), &existed), RC_OK);
    assert_false(existed);
    must(f, unassign(5));
    assert_int_equal(commit_one(f, delete_role(1), NULL), RC_CONFLICT);
    assert_int_equal(store_each_role(f->reader, &f->arena, see_role, &seen), RC_OK);
    assert_int_equal(seen.n, 1);
    assert_int_equal(fixture_commit(f, both, 2), RC_OK); /* in one set, in this order */
    seen.n = 0;
    assert_int_equal(store_each_role(f->reader, &f->arena, see_role, &seen), RC_OK);
    assert_int_equal(seen.n, 0);
}

/* ---- role assignments ---- */

static void reads_back_a_role_assignment(struct fixture *f)
{
    struct change c = assign(1, 2, 3, STR("/subscriptions/s/resourcegroups/a_b%c"));
    struct role_assignment_row *row = &c.u.role_assignment, got;

    fixture_open(f);
    put_principals(f, 2, 2);
    assert_int_equal(store_role_assignment(f->reader, &row->id, &f->arena, &got), RC_NOT_FOUND);
    row->description = text_of(f, LARGE);
    row->created_by = id_of(9);
    must(f, c);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_role_assignment(f->reader, &row->id, &f->arena, &got), RC_OK);
        assert_true(uuid_eq(&got.id, &row->id));
        assert_true(uuid_eq(&got.principal, &row->principal));
        assert_true(uuid_eq(&got.role, &row->role));
        assert_true(uuid_eq(&got.created_by, &row->created_by));
        check_text(got.scope, row->scope);
        check_text(got.principal_type, STR("ServicePrincipal"));
        check_text(got.description, row->description);
        assert_int_equal(got.created, row->created);
        fixture_reopen(f);
    }
}

static void assigns_once(struct fixture *f)
{
    static const struct {
        const char *sentence;
        uint64_t id, principal, role;
        struct str scope;
        enum rc rc;
        bool existed;
    } cases[] = {
        {"the same again", 1, 2, 3, STR_INIT("/a"), RC_OK, true},
        {"the id for another principal", 1, 9, 3, STR_INIT("/a"), RC_CONFLICT, true},
        {"the id for another role", 1, 2, 9, STR_INIT("/a"), RC_CONFLICT, true},
        {"the id at another scope", 1, 2, 3, STR_INIT("/b"), RC_CONFLICT, true},
        {"the id at a longer scope", 1, 2, 3, {"/a\0", 3}, RC_CONFLICT, true},
        {"the three under another id", 7, 2, 3, STR_INIT("/a"), RC_CONFLICT, false},
        {"another principal", 10, 9, 3, STR_INIT("/a"), RC_OK, false},
        {"another role", 11, 2, 9, STR_INIT("/a"), RC_OK, false},
        {"another scope", 12, 2, 3, STR_INIT("/b"), RC_OK, false},
        {"a scope that a NUL makes longer", 13, 2, 3, {"/a\0x", 4}, RC_OK, false},
    };
    struct role_assignment_row got;
    const struct uuid id = id_of(1);

    fixture_open(f);
    put_principals(f, 2, 9);
    must(f, assign(1, 2, 3, STR("/a")));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = assign(cases[i].id, cases[i].principal, cases[i].role, cases[i].scope);
        bool existed;

        c.u.role_assignment.description = STR("later");
        if (commit_one(f, c, &existed) != cases[i].rc || existed != cases[i].existed)
            fail_msg("%s", cases[i].sentence);
    }
    assert_int_equal(store_role_assignment(f->reader, &id, &f->arena, &got), RC_OK);
    assert_int_equal(got.description.len, 0); /* what was there stays */
    assert_false(assigned(f, 7));
}

/* Or it would begin to count for whoever gets the id. */
static void assigns_nothing_to_nobody(struct fixture *f)
{
    const struct uuid app = id_of(1), role = id_of(5);
    struct change c = assign(1, 1001, 5, STR("/a"));
    struct change all[3] = {put_application(1, STR("one")), put_role(5, STR("role")), c};
    struct change none[2] = {put_application(2, STR("two")), assign(2, 1003, 5, STR("/a"))};
    struct application_row got;

    fixture_open(f);
    assert_int_equal(commit_one(f, c, NULL), RC_NOT_FOUND); /* of a built-in role, to nobody */
    must(f, all[0]);
    c.u.role_assignment.built_in_role = false;
    assert_int_equal(commit_one(f, c, NULL), RC_NOT_FOUND); /* no such role */
    assert_false(assigned(f, 1));
    must(f, all[1]);
    must(f, c);
    assert_int_equal(fixture_commit(f, none, 2), RC_NOT_FOUND);
    assert_int_equal(find_client(f, 2, &got), RC_NOT_FOUND); /* the whole set */
    must(f, unassign(1));
    must(f, delete_role(5));
    c = (struct change){.kind = CHANGE_APPLICATION_DELETE, .u.application.client_id = app};
    must(f, c);
    all[2].u.role_assignment.built_in_role = false;
    assert_true(uuid_eq(&all[2].u.role_assignment.role, &role));
    assert_int_equal(fixture_commit(f, all, 3), RC_OK); /* made in the same set, before it */
    assert_true(assigned(f, 1));
    c = all[2];
    c.u.role_assignment.built_in_role = true;
    must(f, c); /* the same again, whatever became of its ends */
}

static void takes_an_assignment_away(struct fixture *f)
{
    bool existed = false;

    fixture_open(f);
    put_principals(f, 2, 2);
    must(f, assign(1, 2, 3, STR("/a")));
    must(f, assign(2, 2, 3, STR("/b")));
    assert_int_equal(commit_one(f, unassign(1), &existed), RC_OK);
    assert_true(existed);
    assert_false(assigned(f, 1));
    assert_true(assigned(f, 2));
    assert_int_equal(commit_one(f, unassign(1), &existed), RC_OK);
    assert_false(existed);
    must(f, assign(7, 2, 3, STR("/a"))); /* the three are free again */
}

/* clang-format off */
static const struct str scopes[] = {
    STR_INIT("/"),
    STR_INIT("/s/blue"),
    STR_INIT("/s/blue/r1"),
    STR_INIT("/s/blue/r1/part"),
    STR_INIT("/s/blue2"),
    STR_INIT("/s/blue2/r1"),
    STR_INIT("/s/blue-/r1"),   /* '-' sorts before '/' */
    STR_INIT("/s/blue0"),      /* '0' right behind it */
    STR_INIT("/s/blu"),
    STR_INIT("/s"),
    STR_INIT("/s/b_ue"),
    STR_INIT("/s/b%"),
    STR_INIT("/s/b%/r1"),
};
/* clang-format on */

static void deletes_what_is_assigned_at_a_scope_and_below(struct fixture *f)
{
    static const struct {
        struct str scope;
        enum rc rc;
        unsigned gone; /* bits: indexes of `scopes` */
    } cases[] = {
        {STR_INIT("/s/blue"), RC_OK, 1U << 1 | 1U << 2 | 1U << 3},
        {STR_INIT("/s/blue/r1"), RC_OK, 1U << 2 | 1U << 3},
        {STR_INIT("/s/blue2"), RC_OK, 1U << 4 | 1U << 5},
        {STR_INIT("/s/blue0"), RC_OK, 1U << 7},
        {STR_INIT("/s/b_ue"), RC_OK, 1U << 10},
        {STR_INIT("/s/b%"), RC_OK, 1U << 11 | 1U << 12},
        {STR_INIT("/s/%"), RC_OK, 0},
        {STR_INIT("/s/bl"), RC_OK, 0},
        {STR_INIT("/none"), RC_OK, 0},
        {STR_INIT("/s"), RC_OK, 0x1ffe},
        {STR_INIT("/"), RC_OK, 0x1fff},
        {{NULL, 0}, RC_INVALID, 0},
    };

    fixture_open(f);
    put_principals(f, 1, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool existed;

        for (size_t s = 0; s < ARRAY_LEN(scopes); s++)
            must(f, assign(s, 1, 1, scopes[s]));
        if (commit_one(f, delete_scope(cases[i].scope), &existed) != cases[i].rc ||
            existed != (cases[i].gone != 0))
            fail_msg(STR_FMT, STR_ARG(cases[i].scope));
        for (size_t s = 0; s < ARRAY_LEN(scopes); s++)
            if (assigned(f, s) == ((cases[i].gone >> s & 1) != 0))
                fail_msg(STR_FMT ": " STR_FMT, STR_ARG(cases[i].scope), STR_ARG(scopes[s]));
    }
}

/* ---- trusted issuers ---- */

struct seen_issuers {
    size_t n;
    struct issuer_row last;
};

static void see_issuer(void *ctx, const struct issuer_row *row)
{
    struct seen_issuers *seen = ctx;

    seen->n++;
    seen->last = *row;
}

static void keeps_issuers_as_they_are_spelled(struct fixture *f)
{
    struct change c = put_issuer(1, STR("https://issuer.example/t"));
    struct seen_issuers seen = {0};
    bool existed = true;

    fixture_open(f);
    assert_int_equal(commit_one(f, c, &existed), RC_OK);
    assert_false(existed);
    assert_int_equal(commit_one(f, put_issuer(2, c.u.issuer.issuer), NULL), RC_CONFLICT);
    must(f, put_issuer(2, STR("https://issuer.example/T"))); /* another: case counts */
    c.u.issuer.document = text_of(f, LARGE);
    c.u.issuer.issuer = STR("https://issuer.example/z");
    assert_int_equal(commit_one(f, c, NULL), RC_CONFLICT); /* it is there already */
    c.u.issuer.version = 3;
    assert_int_equal(commit_one(f, c, NULL), RC_CONFLICT);
    c.u.issuer.version = 2;
    assert_int_equal(commit_one(f, c, &existed), RC_OK);
    assert_true(existed);
    c.u.issuer.document = STR("{}");
    assert_int_equal(commit_one(f, c, NULL), RC_CONFLICT); /* it would undo the change before */
    c.u.issuer.document = text_of(f, LARGE);
    c.u.issuer.version = 3;
    c.u.issuer.issuer = STR("https://issuer.example/T");
    assert_int_equal(commit_one(f, c, NULL), RC_CONFLICT);
    fixture_reopen(f);
    assert_int_equal(store_each_issuer(f->reader, &f->arena, see_issuer, &seen), RC_OK);
    assert_int_equal(seen.n, 2);
    check_text(seen.last.issuer, STR("https://issuer.example/z"));
    check_text(seen.last.document, c.u.issuer.document);
    assert_int_equal(seen.last.created, NOW);
    assert_int_equal(seen.last.version, 2);
    c.kind = CHANGE_ISSUER_DELETE;
    assert_int_equal(commit_one(f, c, &existed), RC_OK);
    assert_true(existed);
    assert_int_equal(commit_one(f, c, &existed), RC_OK);
    assert_false(existed);
    seen.n = 0;
    assert_int_equal(store_each_issuer(f->reader, &f->arena, see_issuer, &seen), RC_OK);
    assert_int_equal(seen.n, 1);
    c.kind = CHANGE_ISSUER_PUT;
    assert_int_equal(commit_one(f, c, NULL), RC_CONFLICT); /* it must not come back */
}

/* ---- the change log ---- */

struct watched {
    size_t n;
    struct log_entry last;
};

static void watch(void *ctx, const struct log_entry *entries, size_t n)
{
    struct watched *w = ctx;

    w->n += n;
    w->last = entries[n - 1];
}

static void see_entry(void *ctx, const struct log_entry *e)
{
    watch(ctx, e, 1);
}

static void tells_the_watch_what_has_changed(struct fixture *f)
{
    struct change next = put_application(1, STR("two")), issuer_gone = put_issuer(1, STR_EMPTY);
    next.u.application.version = 2;
    issuer_gone.kind = CHANGE_ISSUER_DELETE;
    const struct {
        const char *sentence;
        struct change c;
        enum rc rc;
        int kind; /* 0: nothing to tell */
        uint64_t principal;
    } cases[] = {
        {"a new application", put_application(1, STR("one")), RC_OK, LOG_PRINCIPAL, 1001},
        {"a refused one", put_application(1, STR("one")), RC_CONFLICT, 0, 0},
        {"a changed one", next, RC_OK, LOG_PRINCIPAL, 1001},
        {"an assignment", assign(1, 1001, 1, STR("/a")), RC_OK, LOG_PRINCIPAL, 1001},
        {"the same again", assign(1, 1001, 1, STR("/a")), RC_OK, 0, 0},
        {"a refused one", assign(2, 1001, 1, STR("/a")), RC_CONFLICT, 0, 0},
        {"one to nobody", assign(2, 1002, 1, STR("/a/b")), RC_NOT_FOUND, 0, 0},
        {"another application", put_application(2, STR("three")), RC_OK, LOG_PRINCIPAL, 1002},
        {"another's", assign(2, 1002, 1, STR("/a/b")), RC_OK, LOG_PRINCIPAL, 1002},
        {"one taken away", unassign(2), RC_OK, LOG_PRINCIPAL, 1002},
        {"none taken away", unassign(2), RC_OK, 0, 0},
        {"a role", put_role(1, STR("role")), RC_OK, LOG_ROLES, 0},
        {"a role in use", delete_role(1), RC_CONFLICT, 0, 0},
        {"a scope", delete_scope(STR("/a")), RC_OK, LOG_ROLES, 0},
        {"an empty scope", delete_scope(STR("/a")), RC_OK, 0, 0},
        {"a role gone", delete_role(1), RC_OK, LOG_ROLES, 0},
        {"no role", delete_role(1), RC_OK, 0, 0},
        {"an issuer", put_issuer(1, STR("i")), RC_OK, LOG_ISSUER, 0},
        {"an issuer gone", issuer_gone, RC_OK, LOG_ISSUER, 0},
        {"no issuer", issuer_gone, RC_OK, 0, 0},
        {"an application gone", delete_application(1), RC_OK, LOG_PRINCIPAL, 1001},
        {"no application", delete_application(1), RC_OK, 0, 0},
    };
    struct watched w = {0}, kept;

    fixture_open(f);
    store_watch(f->store, watch, &w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t seq = w.last.seq;
        const struct uuid principal = id_of(cases[i].principal);

        w.n = 0;
        kept = (struct watched){0};
        if (commit_one(f, cases[i].c, NULL) != cases[i].rc || w.n != (cases[i].kind != 0))
            fail_msg("%s", cases[i].sentence);
        assert_int_equal(store_each_change(f->reader, seq, see_entry, &kept), RC_OK);
        assert_int_equal(kept.n, w.n);
        if (!w.n)
            continue;
        if ((int)w.last.kind != cases[i].kind || !uuid_eq(&w.last.principal, &principal))
            fail_msg("%s", cases[i].sentence);
        assert_int_equal(w.last.seq, seq + 1);
        assert_int_equal(kept.last.seq, w.last.seq);
        assert_int_equal(kept.last.kind, w.last.kind);
        assert_true(uuid_eq(&kept.last.principal, &w.last.principal));
    }
}

/* clang-format off */
static const struct store_case cases[] = {
    {"finds an application by each key, also after a restart", finds_an_application_by_each_key},
    {"finds no application by another key", finds_no_application_by_another_key},
    {"takes an application when its version follows", takes_an_application_when_its_version_follows},
    {"refuses names with a NUL", refuses_names_with_a_nul},
    {"lets one of two puts in a batch win", lets_one_of_two_puts_in_a_batch_win},
    {"keeps the object id of an application", keeps_the_object_id_of_an_application},
    {"keeps what is unique among applications", keeps_what_is_unique_among_applications},
    {"leaves an application as it was when its new name is taken", leaves_an_application_as_it_was_when_its_new_name_is_taken},
    {"deletes an application with its assignments", deletes_an_application_with_its_assignments},
    {"undoes a delete with its assignments as a whole", undoes_a_delete_with_its_assignments_as_a_whole},
    {"keeps roles and replaces them", keeps_roles_and_replaces_them},
    {"keeps a role name unique in any case", keeps_a_role_name_unique_in_any_case},
    {"deletes a role only when nobody has it", deletes_a_role_only_when_nobody_has_it},
    {"reads back a role assignment, also after a restart", reads_back_a_role_assignment},
    {"assigns once", assigns_once},
    {"assigns nothing to nobody", assigns_nothing_to_nobody},
    {"takes an assignment away", takes_an_assignment_away},
    {"deletes what is assigned at a scope and below", deletes_what_is_assigned_at_a_scope_and_below},
    {"keeps issuers as they are spelled", keeps_issuers_as_they_are_spelled},
    {"tells the watch what has changed", tells_the_watch_what_has_changed},
};
/* clang-format on */

int main(void)
{
    return run_cases("store access", cases, ARRAY_LEN(cases));
}
