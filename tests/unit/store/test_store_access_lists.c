/* Lists of applications, roles, role assignments and trusted issuers: order, filters, scopes. */
#include "fixture.h"

static void must(struct fixture *f, struct change c)
{
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
}

/** The numbers of rows, as id_of() made them, in the order they come: "3 1 2". */
struct order {
    struct buf text;
};

static void note(struct order *o, const struct uuid *id)
{
    uint64_t n = 0;

    for (int i = 8; i < 16; i++)
        n = n << 8 | id->octets[i];
    buf_addf(&o->text, "%s%llu", o->text.len ? " " : "", (unsigned long long)n);
}

static void check_order(struct order *o, const char *wanted)
{
    check_text(buf_str(&o->text), str_from(wanted));
    buf_reset(&o->text);
}

/* ---- whole tables ---- */

static void note_application(void *ctx, const struct application_row *row)
{
    note(ctx, &row->client_id);
}

static void note_role(void *ctx, const struct role_row *row)
{
    note(ctx, &row->id);
}

static void note_assignment(void *ctx, const struct role_assignment_row *row)
{
    note(ctx, &row->id);
}

static void note_issuer(void *ctx, const struct issuer_row *row)
{
    note(ctx, &row->id);
}

static void hands_out_whole_tables_in_order(struct fixture *f)
{
    static const struct str names[] = {STR_INIT("b"), STR_INIT("C"), STR_INIT("a"), STR_INIT("D")};
    const struct uuid one = id_of(1001), nobody = id_of(99);
    struct order o;

    buf_init(&o.text, KIB);
    fixture_open(f);
    assert_int_equal(store_each_application(f->reader, &f->arena, note_application, &o), RC_OK);
    assert_int_equal(store_each_role(f->reader, &f->arena, note_role, &o), RC_OK);
    assert_int_equal(store_each_role_assignment(f->reader, NULL, &f->arena, note_assignment, &o),
                     RC_OK);
    assert_int_equal(store_each_issuer(f->reader, &f->arena, note_issuer, &o), RC_OK);
    check_order(&o, "");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        must(f, put_application(i, names[i]));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct change c = assign(i, i % 2 ? 1001 : 1000, 1, names[i]);

        c.u.role_assignment.created = NOW - (unix_ms)(i / 2); /* two pairs of one time */
        must(f, c);
        must(f, put_role(i, names[i]));
        must(f, put_issuer(i, names[i]));
    }
    assert_int_equal(store_each_application(f->reader, &f->arena, note_application, &o), RC_OK);
    check_order(&o, "2 0 1 3");
    assert_int_equal(store_each_role(f->reader, &f->arena, note_role, &o), RC_OK);
    check_order(&o, "2 0 1 3");
    assert_int_equal(store_each_issuer(f->reader, &f->arena, note_issuer, &o), RC_OK);
    check_order(&o, "1 3 2 0"); /* as octets */
    assert_int_equal(store_each_role_assignment(f->reader, NULL, &f->arena, note_assignment, &o),
                     RC_OK);
    check_order(&o, "2 3 0 1");
    assert_int_equal(store_each_role_assignment(f->reader, &one, &f->arena, note_assignment, &o),
                     RC_OK);
    check_order(&o, "3 1");
    assert_int_equal(store_each_role_assignment(f->reader, &nobody, &f->arena, note_assignment, &o),
                     RC_OK);
    check_order(&o, "");
    buf_clear(&o.text);
}

/* ---- lists ---- */

struct listed {
    struct fixture *f;
    enum rc rc;
    struct access_page page;
    bool over;
};

static void on_listed(void *ctx, enum rc rc, const struct access_page *page)
{
    struct listed *l = ctx;

    l->rc = rc;
    l->page = *page;
    l->over = true;
    loop_stop(l->f->loop);
}

static struct listed list(struct fixture *f, struct access_query query)
{
    char scope[64];
    struct listed l = {.f = f};

    assert_true(query.scope.len < sizeof scope);
    if (query.scope.len)
        memcpy(scope, query.scope.ptr, query.scope.len);
    query.scope.ptr = scope;
    store_list_access(f->store, f->loop, &f->arena, &query, on_listed, &l);
    memset(scope, 'x', sizeof scope); /* it was copied */
    assert_false(l.over);
    fixture_run(f);
    return l;
}

static void lists_applications_of_a_kind_newest_first(struct fixture *f)
{
    struct order o;
    struct listed l;
    static const struct {
        enum application_kind kind;
        const char *wanted;
    } cases[] = {
        {APPLICATION_NONE, "5 4 1 3 2"}, {APPLICATION_APP, "4 2"},
        {APPLICATION_MANAGED, "5 1"},    {APPLICATION_FOREIGN, "3"},
        {(enum application_kind)9, ""},
    };

    buf_init(&o.text, KIB);
    fixture_open(f);
    for (uint64_t i = 1; i <= 5; i++) {
        struct change c = put_application(i, arena_printf(&f->arena, "app %d", (int)i));

        c.u.application.kind = i == 3  ? APPLICATION_FOREIGN
                               : i % 2 ? APPLICATION_MANAGED
                                       : APPLICATION_APP;
        c.u.application.created = NOW + (i == 1 ? 4 : (unix_ms)i); /* 1 and 4 at once */
        c.u.application.document = STR("{\"a\":1}");
        c.u.application.header_sealed = (struct str){"\0s", 2};
        must(f, c);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        l = list(f, (struct access_query){.what = ACCESS_APPLICATIONS, .kind = cases[i].kind});
        assert_int_equal(l.rc, RC_OK);
        for (size_t n = 0; n < l.page.n; n++) {
            note(&o, &l.page.applications[n].client_id);
            check_text(l.page.applications[n].document, STR("{\"a\":1}"));
            check_text(l.page.applications[n].header_sealed, (struct str){"\0s", 2});
            assert_int_equal(l.page.applications[n].arm_id.len, 0);
        }
        check_order(&o, cases[i].wanted);
    }
    buf_clear(&o.text);
}

static void lists_roles_and_issuers_newest_first(struct fixture *f)
{
    struct order o;
    struct listed l;

    buf_init(&o.text, KIB);
    fixture_open(f);
    for (uint64_t i = 1; i <= 3; i++) {
        struct change role = put_role(i, arena_printf(&f->arena, "role %d", (int)i));
        struct change issuer = put_issuer(i, arena_printf(&f->arena, "issuer %d", (int)i));

        role.u.role.created = issuer.u.issuer.created = NOW - (i == 2 ? 1 : 0);
        must(f, role);
        must(f, issuer);
    }
    l = list(f, (struct access_query){.what = ACCESS_ROLES});
    for (size_t i = 0; i < l.page.n; i++)
        note(&o, &l.page.roles[i].id);
    check_order(&o, "3 1 2");
    check_text(l.page.roles[0].name, STR("role 3"));
    check_text(l.page.roles[0].document, STR("{}"));
    l = list(f, (struct access_query){.what = ACCESS_ISSUERS});
    for (size_t i = 0; i < l.page.n; i++)
        note(&o, &l.page.issuers[i].id);
    check_order(&o, "3 1 2");
    check_text(l.page.issuers[2].issuer, STR("issuer 2"));
    check_text(l.page.issuers[2].document, STR("{}"));
    l = list(f, (struct access_query){0});
    assert_int_equal(l.rc, RC_INVALID);
    assert_int_equal(l.page.n, 0);
    buf_clear(&o.text);
}

/* clang-format off */
static const struct { /* the nth is assignment n, made at NOW + n */
    uint64_t principal;
    struct str scope;
} assignments[] = {
    {1, STR_INIT("/")},             /* 0 */
    {2, STR_INIT("/s")},            /* 1 */
    {1, STR_INIT("/s/blue")},       /* 2 */
    {2, STR_INIT("/s/blue/r")},     /* 3 */
    {1, STR_INIT("/s/blue2")},      /* 4 */
    {1, STR_INIT("/s/blue2/r")},    /* 5 */
    {1, STR_INIT("/s/b_ue")},       /* 6 */
    {1, STR_INIT("/s/%")},          /* 7 */
    {1, STR_INIT("/s/%/r")},        /* 8 */
    {2, STR_INIT("/s/blu")},        /* 9 */
    {2, STR_INIT("/s/blue/r/part")},/* 10 */
};

static const struct {
    struct str scope;
    uint64_t principal; /* 0: of all */
    bool not_below;
    const char *wanted;
} scope_cases[] = {
    {{NULL, 0}, 0, false, "10 9 8 7 6 5 4 3 2 1 0"},
    {{NULL, 0}, 2, false, "10 9 3 1"},
    {{NULL, 0}, 9, false, ""},
    {STR_INIT("/"), 0, false, "10 9 8 7 6 5 4 3 2 1 0"},
    {STR_INIT("/"), 0, true, "0"},
    {STR_INIT("/"), 2, true, ""},
    {STR_INIT("/"), 2, false, "10 9 3 1"},
    {STR_INIT("/s"), 0, true, "1 0"},
    {STR_INIT("/s/blue"), 0, false, "10 3 2 1 0"},
    {STR_INIT("/s/blue"), 0, true, "2 1 0"},
    {STR_INIT("/s/blue"), 1, false, "2 0"},
    {STR_INIT("/s/blue"), 2, false, "10 3 1"},
    {STR_INIT("/s/blue"), 2, true, "1"},
    {STR_INIT("/s/blue/r"), 0, false, "10 3 2 1 0"},
    {STR_INIT("/s/blue/r"), 0, true, "3 2 1 0"},
    {STR_INIT("/s/blue/none"), 0, false, "2 1 0"},
    {STR_INIT("/s/blue2"), 0, false, "5 4 1 0"},
    {STR_INIT("/s/b_ue"), 0, false, "6 1 0"},
    {STR_INIT("/s/%"), 0, false, "8 7 1 0"},
    {STR_INIT("/s/%"), 1, false, "8 7 0"},
    {STR_INIT("/s/%/r"), 0, true, "8 7 1 0"},
    {STR_INIT("/none"), 0, false, "0"},
    {STR_INIT("none"), 0, false, ""},
    {STR_INIT("s/blue"), 0, false, ""},
    {{"/s/blue\0/r", 10}, 0, false, "1 0"},
};
/* clang-format on */

static void lists_assignments_at_above_and_below_a_scope(struct fixture *f)
{
    struct order o;

    buf_init(&o.text, KIB);
    fixture_open(f);
    put_principals(f, 1, 9);
    for (size_t i = 0; i < ARRAY_LEN(assignments); i++)
        must(f, assign(i, assignments[i].principal, 1, assignments[i].scope));
    for (size_t i = 0; i < ARRAY_LEN(scope_cases); i++) {
        struct listed l = list(f, (struct access_query){
                                      .what = ACCESS_ROLE_ASSIGNMENTS,
                                      .scope = scope_cases[i].scope,
                                      .principal = id_of(scope_cases[i].principal),
                                      .of_principal = scope_cases[i].principal != 0,
                                      .not_below = scope_cases[i].not_below,
                                  });

        assert_int_equal(l.rc, RC_OK);
        for (size_t n = 0; n < l.page.n; n++)
            note(&o, &l.page.assignments[n].id);
        if (!str_eq(buf_str(&o.text), str_from(scope_cases[i].wanted)))
            fail_msg("case %zu, \"" STR_FMT "\": got " STR_FMT, i, STR_ARG(scope_cases[i].scope),
                     STR_ARG(buf_str(&o.text)));
        buf_reset(&o.text);
    }
    buf_clear(&o.text);
}

static void orders_assignments_of_one_time_by_id(struct fixture *f)
{
    struct order o;
    struct listed l;

    buf_init(&o.text, KIB);
    fixture_open(f);
    put_principals(f, 1, 4);
    for (uint64_t i = 1; i <= 4; i++) {
        struct change c = assign(i, i, 1, i % 2 ? STR("/") : STR("/a"));

        c.u.role_assignment.created = NOW;
        must(f, c);
    }
    l = list(f, (struct access_query){.what = ACCESS_ROLE_ASSIGNMENTS, .scope = STR("/a")});
    for (size_t i = 0; i < l.page.n; i++)
        note(&o, &l.page.assignments[i].id);
    check_order(&o, "4 3 2 1");
    buf_clear(&o.text);
}

static void lists_what_was_committed_before(struct fixture *f)
{
    enum { N = 300 };
    struct listed l;

    fixture_open(f);
    put_principals(f, 1, 1);
    for (uint64_t i = 0; i < N; i++) {
        must(f, assign(i, 1, i, STR("/a")));
        if (i % 50)
            continue;
        l = list(f, (struct access_query){.what = ACCESS_ROLE_ASSIGNMENTS, .scope = STR("/a")});
        assert_int_equal(l.page.n, i + 1);
    }
    l = list(f, (struct access_query){.what = ACCESS_ROLE_ASSIGNMENTS});
    assert_int_equal(l.page.n, N);
    for (size_t i = 0; i < N; i++) {
        const struct uuid id = id_of(N - 1 - i);

        assert_true(uuid_eq(&l.page.assignments[i].id, &id));
        check_text(l.page.assignments[i].scope, STR("/a"));
        check_text(l.page.assignments[i].principal_type, STR("ServicePrincipal"));
        assert_int_equal(l.page.assignments[i].description.len, 0);
    }
}

static void keep(struct fixture *f, const char *name, const char *value)
{
    must(f, (struct change){.kind = CHANGE_META_PUT, .u.meta = {str_from(name), str_from(value)}});
}

static void lists_and_deletes_named_values_by_their_beginning(struct fixture *f)
{
    struct change gone = {.kind = CHANGE_META_DELETE, .u.meta.name = STR("group:b")};
    struct listed l;
    struct str value;

    fixture_open(f);
    keep(f, "group:b", "2");
    keep(f, "group:a", "1");
    keep(f, "grouq", "no");
    keep(f, "group", "no");
    keep(f, "group:%", "3");
    l = list(f, (struct access_query){.what = ACCESS_META, .scope = STR("group:")});
    assert_int_equal(l.rc, RC_OK);
    assert_int_equal(l.page.n, 3);
    check_text(l.page.metas[0].name, STR("group:%"));
    check_text(l.page.metas[1].name, STR("group:a"));
    check_text(l.page.metas[1].value, STR("1"));
    check_text(l.page.metas[2].name, STR("group:b"));
    assert_int_equal(fixture_commit(f, &gone, 1), RC_OK);
    assert_true(gone.out_existed);
    assert_int_equal(fixture_commit(f, &gone, 1), RC_OK);
    assert_false(gone.out_existed);
    l = list(f, (struct access_query){.what = ACCESS_META, .scope = STR("group:")});
    assert_int_equal(l.page.n, 2);
    assert_int_equal(store_meta(f->reader, STR("group:b"), &f->arena, &value), RC_NOT_FOUND);
    assert_int_equal(store_meta(f->reader, STR("group:a"), &f->arena, &value), RC_OK);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"hands out whole tables in order", hands_out_whole_tables_in_order},
    {"lists applications of a kind, newest first", lists_applications_of_a_kind_newest_first},
    {"lists roles and issuers, newest first", lists_roles_and_issuers_newest_first},
    {"lists assignments at, above and below a scope", lists_assignments_at_above_and_below_a_scope},
    {"orders assignments of one time by id", orders_assignments_of_one_time_by_id},
    {"lists what was committed before", lists_what_was_committed_before},
    {"lists and deletes named values by their beginning",
     lists_and_deletes_named_values_by_their_beginning},
};
/* clang-format on */

int main(void)
{
    return run_cases("store access lists", cases, ARRAY_LEN(cases));
}
