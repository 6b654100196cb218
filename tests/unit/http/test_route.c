/* The route table: which row a request gets, and which tables refuse to start. */
#include "tests/unit/base/unit.h"

#include "http/route.h"

static void run(struct request *req)
{
    (void)req; /* never called here */
}

static const struct str versions[] = {STR_INIT("2020-01-01"), STR_INIT("2021-01-01"),
                                      STR_INIT("2022-01-01")};
static const struct service identity = {
    .name = STR_INIT("identity"), .versions = versions, .version_count = 3};
static const struct service meta = {.name = STR_INIT("meta")};
static const struct service loose = {.name = STR_INIT("loose"), .any_case = true};
static const struct api any_case = {&loose, 0, 0};
static const struct api all = {&identity, 1, 3}, old = {&identity, 1, 1}, newer = {&identity, 3, 3},
                        none = {&meta, 0, 0};

#define COMMON ACCEPT_KEY, NEED_IDENTITY, KIB, run, PLANE_WIRE, KIND_REPLY

static const struct route wire_rows[] = {
    {POST, "/identities", &all, COMMON},
    {GET, "/identities/{id}", &newer, COMMON},
    {DELETE, "/identities/{id}", &all, COMMON},
    {PATCH, "/identities/{id}", &old, COMMON},
    {POST, "/identities/{id}/token", &old, COMMON},
    {POST, "/identities/{id}/token", &newer, COMMON},
    {POST, "/identities/{id}/:issueAccessToken", &all, COMMON},
    {POST, "/identities/{id}:issueAccessToken", &all, COMMON},
    {POST, "/identities/{id}:reissueAccessToken", &all, COMMON},
    {GET, "/access/teamsExtension/tenants/{tenant}/assignments/{object}", &all, COMMON},
    {0},
};
static const struct route admin_rows[] = {
    {GET, "/", &none, COMMON},
    {GET, "/admin/resources/{name}", &none, COMMON},
    {DELETE, "/admin/resources/{name}", &none, COMMON},
    {POST, "/admin/resources/{name}", &none, COMMON},
    {POST, "/admin/resources/import", &none, COMMON},
    {GET, "/admin/head", &none, COMMON},
    {HEAD, "/admin/head", &none, COMMON},
    {GET, "/subscriptions", &none, ACCEPT_ARM, NEED_ANY, KIB, run, PLANE_WIRE, KIND_REPLY},
    {GET, "/subscriptions/{s}", &none, ACCEPT_ARM, NEED_ARM, KIB, run, PLANE_WIRE, KIND_REPLY,
     ACTION_SUBSCRIPTIONS_READ},
    {0},
};

static const struct route loose_rows[] = {
    {GET, "/Subscriptions/{s}/resourceGroups/{g}", &any_case, COMMON},
    {GET, "/Access/TEAMSEXTENSION/tenants/{x}/assignments/{y}", &any_case, COMMON},
    {POST, "/vaults/{v}:Rotate", &any_case, COMMON},
    {PUT, "/{t}/OAuth2/token", &any_case, COMMON},
    {0},
};

static struct router *make(void)
{
    static const struct route *const tables[] = {wire_rows, admin_rows, loose_rows};
    struct buf why;
    struct router *r;

    buf_init(&why, KIB);
    r = router_new(tables, ARRAY_LEN(tables), &why);
    if (!r)
        fail_msg(STR_FMT, STR_ARG(buf_str(&why)));
    buf_clear(&why);
    return r;
}

#define V2     "2021-01-01"
#define ISSUE  "/identities/8:acs:1_2/:issueAccessToken"
#define BIT(m) (1U << (m))

struct find_case {
    const char *name;
    enum http_method method;
    const char *target, *version;
    const struct route *route, *any;
    const char *param0;
    unsigned methods;
    uint8_t number;
};

static const struct find_case cases[] = {
    {"a literal path", POST, "/identities", V2, &wire_rows[0], &wire_rows[0], NULL, BIT(POST), 2},
    {"a slash at the end", POST, "/identities/", V2, &wire_rows[0], &wire_rows[0], NULL, BIT(POST),
     2},
    {"leading slashes", POST, "//identities", V2, &wire_rows[0], &wire_rows[0], NULL, BIT(POST), 2},
    {"case counts", POST, "/Identities", V2, NULL, NULL, NULL, 0, 0},
    {"case counts in the middle", POST, "/identities/a/Token", V2, NULL, NULL, NULL, 0, 0},
    {"a parameter", DELETE, "/identities/8%3Aacs%3A1_2", V2, &wire_rows[2], &wire_rows[2],
     "8:acs:1_2", BIT(GET) | BIT(HEAD) | BIT(DELETE) | BIT(PATCH), 2},
    {"an action", POST, ISSUE, V2, &wire_rows[6], &wire_rows[6], "8:acs:1_2", BIT(POST), 2},
    {"an escaped action", POST, "/identities/8:acs:1_2/%3AissueAccessToken", V2, &wire_rows[6],
     &wire_rows[6], "8:acs:1_2", BIT(POST), 2},
    {"an action without its slash", POST, "/identities/8:acs:1_2:issueAccessToken", V2,
     &wire_rows[7], &wire_rows[7], "8:acs:1_2", BIT(POST), 2},
    {"a longer ending", POST, "/identities/8:acs:1_2:reissueAccessToken", V2, &wire_rows[8],
     &wire_rows[8], "8:acs:1_2", BIT(POST), 2},
    {"an ending in the middle is part of the id", POST,
     "/identities/a:issueAccessToken:issueAccessToken", V2, &wire_rows[7], &wire_rows[7],
     "a:issueAccessToken", BIT(POST), 2},
    {"an id that looks like an action can be deleted", DELETE, "/identities/a:issueAccessToken", V2,
     &wire_rows[2], &wire_rows[2], "a:issueAccessToken",
     BIT(POST) | BIT(GET) | BIT(HEAD) | BIT(DELETE) | BIT(PATCH), 2},
    {"an empty segment behind a word of a service without case", GET,
     "/subscriptions//s1//resourceGroups/g", NULL, NULL, NULL, NULL, 0, 0},
    {"empty segments behind such words alone", GET, "/subscriptions//s1/resourceGroups///g", NULL,
     &loose_rows[0], &loose_rows[0], "s1", BIT(GET) | BIT(HEAD), 0},
    {"an empty id", DELETE, "/identities//", V2, NULL, NULL, NULL, 0, 0},
    {"an empty id before an action", POST, "/identities//:issueAccessToken", V2, NULL, NULL, NULL,
     0, 0},
    {"an action without an id", POST, "/identities/:issueAccessToken", V2, NULL, &wire_rows[1],
     NULL, BIT(GET) | BIT(HEAD) | BIT(DELETE) | BIT(PATCH), 0},
    {"two parameters", GET, "/access/teamsExtension/tenants/t/assignments/o", V2, &wire_rows[9],
     &wire_rows[9], "t", BIT(GET) | BIT(HEAD), 2},
    {"no such path", GET, "/identities/a/b/c", V2, NULL, NULL, NULL, 0, 0},
    {"no such method", PUT, "/identities", V2, NULL, &wire_rows[0], NULL, BIT(POST), 0},
    {"a method nobody serves", METHOD_OTHER, "/identities", V2, NULL, &wire_rows[0], NULL,
     BIT(POST), 0},
    {"a known version without the route", GET, "/identities/a", V2, NULL, &wire_rows[1], NULL,
     BIT(GET) | BIT(HEAD) | BIT(DELETE) | BIT(PATCH), 2},
    {"no version", POST, "/identities", NULL, NULL, &wire_rows[0], NULL, BIT(POST), 0},
    {"an unknown version", POST, "/identities", "2023-01-01", NULL, &wire_rows[0], NULL, BIT(POST),
     0},
    {"the oldest of two rows", POST, "/identities/a/token", "2020-01-01", &wire_rows[4],
     &wire_rows[4], "a", BIT(POST), 1},
    {"the newest of two rows", POST, "/identities/a/token", "2022-01-01", &wire_rows[5],
     &wire_rows[5], "a", BIT(POST), 3},
    {"a version between two rows", POST, "/identities/a/token", V2, NULL, &wire_rows[4], NULL,
     BIT(POST), 2},
    {"the root", GET, "/", NULL, &admin_rows[0], &admin_rows[0], NULL, BIT(GET) | BIT(HEAD), 0},
    {"unversioned, any version is ignored", GET, "/", "x", &admin_rows[0], &admin_rows[0], NULL,
     BIT(GET) | BIT(HEAD), 0},
    {"literal before parameter", POST, "/admin/resources/import", NULL, &admin_rows[4],
     &admin_rows[4], NULL, BIT(POST), 0},
    {"the parameter serves what the literal does not", DELETE, "/admin/resources/import", NULL,
     &admin_rows[2], &admin_rows[2], "import", BIT(GET) | BIT(HEAD) | BIT(POST) | BIT(DELETE), 0},
    {"HEAD as GET", HEAD, "/admin/resources/a", NULL, &admin_rows[1], &admin_rows[1], "a",
     BIT(GET) | BIT(HEAD) | BIT(POST) | BIT(DELETE), 0},
    {"HEAD with a row of its own", HEAD, "/admin/head", NULL, &admin_rows[6], &admin_rows[6], NULL,
     BIT(GET) | BIT(HEAD), 0},
    {"a path that goes on", GET, "/admin", NULL, NULL, NULL, NULL, 0, 0},
    {"without regard to case", GET, "/subscriptions/S1/RESOURCEGROUPS/Gg", NULL, &loose_rows[0],
     &loose_rows[0], "S1", BIT(GET) | BIT(HEAD), 0},
    {"only the service that has no regard to case", GET,
     "/ACCESS/teamsExtension/tenants/t/assignments/o", V2, &loose_rows[1], &loose_rows[1], "t",
     BIT(GET) | BIT(HEAD), 0},
    {"by the letter before without regard to case", GET,
     "/access/teamsExtension/tenants/t/assignments/o", V2, &wire_rows[9], &wire_rows[9], "t",
     BIT(GET) | BIT(HEAD), 2},
    {"an ending without regard to case", POST, "/Vaults/Vv:ROTATE", NULL, &loose_rows[2],
     &loose_rows[2], "Vv", BIT(POST), 0},
    {"a literal after a parameter", PUT, "/T/oauth2/TOKEN", NULL, &loose_rows[3], &loose_rows[3],
     "T", BIT(PUT), 0},
    {"only ASCII letters have two cases", PUT, "/T/oauth2/to%E2%84%AAen", NULL, NULL, NULL, NULL, 0,
     0},
    {"dots lead nowhere", GET, "/admin/x/../head", NULL, NULL, NULL, NULL, 0, 0},
};

static void finds_the_row(void **state)
{
    struct router *r = make();
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct find_case *c = &cases[i];
        struct route_match m;
        struct url url;

        assert_int_equal(url_split(str_from(c->target), &arena, &url), RC_OK);
        route_find(r, c->method, &url, str_from(c->version), &m);
        check(c->name, m.route == c->route);
        check(c->name, m.any == c->any);
        check_str(c->name, m.params[0], str_from(c->param0));
        if (m.methods != c->methods)
            fail_msg("%s: methods %x, not %x", c->name, m.methods, c->methods);
        check(c->name, m.version == c->number);
    }
    arena_clear(&arena);
    router_free(r);
}

static void parameters_come_in_order(void **state)
{
    struct router *r = make();
    struct arena arena;
    struct route_match m;
    struct url url;

    (void)state;
    arena_init(&arena);
    assert_int_equal(url_split(STR("/access/teamsExtension/tenants/t/assignments/o"), &arena, &url),
                     RC_OK);
    route_find(r, GET, &url, STR(V2), &m);
    check_str("first", m.params[0], STR("t"));
    check_str("second", m.params[1], STR("o"));
    assert_null(m.params[2].ptr);
    arena_clear(&arena);
    router_free(r);
}

struct seen {
    const struct router *router;
    const struct route *rows[32];
    size_t n;
};

static void see(void *ctx, const struct route *row)
{
    struct seen *seen = ctx;

    seen->rows[seen->n++] = row;
}

static void rows_are_numbered_in_table_order(void **state)
{
    struct router *r = make();
    struct seen seen = {.router = r};
    struct arena arena;
    struct route_match m;
    struct url url;

    (void)state;
    router_each(r, see, &seen);
    assert_int_equal(seen.n,
                     ARRAY_LEN(wire_rows) + ARRAY_LEN(admin_rows) + ARRAY_LEN(loose_rows) - 3);
    assert_ptr_equal(seen.rows[0], &wire_rows[0]);
    assert_ptr_equal(seen.rows[seen.n - 1], &loose_rows[3]);
    arena_init(&arena);
    assert_int_equal(url_split(STR(ISSUE), &arena, &url), RC_OK);
    route_find(r, POST, &url, STR(V2), &m);
    assert_int_equal(m.index, 6);
    assert_ptr_equal(seen.rows[m.index], m.route);
    arena_clear(&arena);
    router_free(r);
}

static void many_paths_at_the_limit_are_bounded(void **state)
{
    static const struct route deep[] = {
        {GET, "/{a}/{b}/{c}/{d}/e/f/g/h/i/j/k/l/m/n/o/p", &none, COMMON}, {0}};
    static const struct route *const tables[] = {deep};
    struct arena arena;
    struct route_match m;
    struct router *r;
    struct url url;
    struct buf why;

    (void)state;
    buf_init(&why, KIB);
    r = router_new(tables, 1, &why);
    assert_non_null(r);
    arena_init(&arena);
    assert_int_equal(url_split(STR("/1/2/3/4/e/f/g/h/i/j/k/l/m/n/o/p"), &arena, &url), RC_OK);
    route_find(r, GET, &url, STR_EMPTY, &m);
    assert_ptr_equal(m.route, &deep[0]);
    check_str("fourth", m.params[3], STR("4"));
    arena_clear(&arena);
    router_free(r);
    buf_clear(&why);
}

/* One bad row, and words of the sentence that names it. */
static const struct {
    struct route row;
    const char *said;
} bad_rows[] = {
    {{METHOD_UNSET, "/a", &all, COMMON}, "no method"},
    {{METHOD_OTHER, "/a", &all, COMMON}, "no method"},
    {{GET, NULL, &all, COMMON}, "no path"},
    {{GET, "/a", &all, ACCEPT_KEY, NEED_UNSET, KIB, run, PLANE_WIRE, KIND_REPLY}, "no policy"},
    {{GET, "/a", &all, ACCEPT_KEY, NEED_COUNT, KIB, run, PLANE_WIRE, KIND_REPLY}, "no policy"},
    {{GET, "/a", &all, 0, NEED_ANY, KIB, run, PLANE_WIRE, KIND_REPLY}, "no accepted credential"},
    {{GET, "/a", &all, ACCEPT_NOBODY | ACCEPT_KEY, NEED_ANY, KIB, run, PLANE_WIRE, KIND_REPLY},
     "none is looked at"},
    {{GET, "/a", &all, ACCEPT_PATH | ACCEPT_KEY, NEED_NOTHING, KIB, run, PLANE_WIRE, KIND_REPLY},
     "its secret in the path"},
    {{GET, "/a", &all, ACCEPT_PATH, NEED_ANY, KIB, run, PLANE_WIRE, KIND_REPLY},
     "its secret in the path"},
    {{GET, "/a", &all, ACCEPT_USER | ACCEPT_FRAME, NEED_ANY, KIB, run, PLANE_WIRE, KIND_REPLY},
     "in the first frame"},
    {{GET, "/a", &all, ACCEPT_FRAME | ACCEPT_KEY, NEED_ANY, KIB, run, PLANE_WIRE, KIND_UPGRADE},
     "in the first frame"},
    {{GET, "/a", &all, ACCEPT_SKYPETOKEN, NEED_ANY, KIB, run, PLANE_WIRE, KIND_REPLY},
     "token in another header"},
    {{GET, "/a", &all, ACCEPT_SKYPETOKEN | ACCEPT_USER | ACCEPT_KEY, NEED_ANY, KIB, run, PLANE_WIRE,
      KIND_REPLY},
     "token in another header"},
    {{GET, "/a", &all, ACCEPT_QUERY | ACCEPT_USER, NEED_ANY, KIB, run, PLANE_WIRE, KIND_REPLY},
     "token in another header"},
    {{GET, "/a", &all, ACCEPT_KEY, NEED_ANY, KIB, run, PLANE_UNSET, KIND_REPLY}, "no plane"},
    {{GET, "/a", &all, ACCEPT_KEY, NEED_ANY, KIB, run, PLANE_WIRE, KIND_UNSET}, "no kind"},
    {{GET, "/a", &all, ACCEPT_KEY, NEED_ANY, KIB, NULL, PLANE_WIRE, KIND_REPLY}, "no handler"},
    {{POST, "/a", &all, COMMON, ACTION_COUNT}, "unknown action"},
    {{POST, "/a", &all, COMMON, ACTION_SMS_READ, MEDIA_ANY + 1}, "unknown media type"},
    {{GET, "/a", &all, ACCEPT_ARM, NEED_ARM, KIB, run, PLANE_WIRE, KIND_REPLY}, "names no action"},
    {{GET, "/a", &all, ACCEPT_ARM, NEED_NOTHING, KIB, run, PLANE_WIRE, KIND_REPLY,
      ACTION_SERVICES_READ},
     "accepts management tokens"},
    {{GET, "/a", &all, ACCEPT_ARM | ACCEPT_KEY, NEED_IDENTITY, KIB, run, PLANE_WIRE, KIND_REPLY,
      ACTION_SERVICES_READ},
     "accepts management tokens"},
    {{POST, "/a", &all, ACCEPT_KEY, NEED_ANY, 0, run, PLANE_WIRE, KIND_REPLY}, "body limit of 0"},
    {{PUT, "/a", &all, ACCEPT_KEY, NEED_ANY, 0, run, PLANE_WIRE, KIND_REPLY}, "body limit of 0"},
    {{PATCH, "/a", &all, ACCEPT_KEY, NEED_ANY, 0, run, PLANE_WIRE, KIND_REPLY}, "body limit of 0"},
    {{GET, "/a", NULL, COMMON}, "no versions"},
    {{GET, "/a", &(const struct api){&identity, 0, 1}, COMMON}, "unknown version"},
    {{GET, "/a", &(const struct api){&identity, 2, 1}, COMMON}, "unknown version"},
    {{GET, "/a", &(const struct api){&identity, 1, 4}, COMMON}, "unknown version"},
    {{GET, "/a", &(const struct api){&meta, 1, 1}, COMMON}, "its service has none"},
    {{GET, "a", &all, COMMON}, "start with a slash"},
    {{GET, "", &all, COMMON}, "start with a slash"},
    {{GET, "/a//b", &all, COMMON}, "empty path segment"},
    {{GET, "/a/", &all, COMMON}, "empty path segment"},
    {{GET, "/a{b}", &all, COMMON}, "does not start"},
    {{GET, "/a}", &all, COMMON}, "does not start"},
    {{GET, "/{a", &all, COMMON}, "without an end"},
    {{GET, "/{}", &all, COMMON}, "without an end or a name"},
    {{GET, "/{a}{b}", &all, COMMON}, "two parameters"},
    {{GET, "/{a}/{b}/{c}/{d}/{e}", &all, COMMON}, "too many"},
    {{GET, "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", &all, COMMON}, "too many"},
    {{POST, "/identities", &all, COMMON}, "is a duplicate."},
    {{DELETE, "/identities/{other}", &old, COMMON}, "is a duplicate."},
    {{POST, "/identities", &none, COMMON}, "duplicate in another service"},
    {{GET, "/subscriptions/{x}/ResourceGroups/{y}", &any_case, COMMON}, "is a duplicate."},
};

static void refuses_bad_tables_with_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        const struct route rows[] = {bad_rows[i].row, {0}};
        const struct route *const tables[] = {wire_rows, loose_rows, rows};
        struct buf why;

        buf_init(&why, KIB);
        assert_null(router_new(tables, ARRAY_LEN(tables), &why));
        if (str_find_str(buf_str(&why), str_from(bad_rows[i].said)) == why.len ||
            !str_ends(buf_str(&why), STR(".")))
            fail_msg("\"" STR_FMT "\" does not say \"%s\"", STR_ARG(buf_str(&why)),
                     bad_rows[i].said);
        buf_clear(&why);
    }
    router_free(NULL);
}

static void methods_have_names(void **state)
{
    (void)state;
    for (enum http_method m = GET; m < METHOD_OTHER; m++)
        assert_int_equal(method_from_name(method_name(m)), m);
    assert_int_equal(method_from_name(STR("get")), METHOD_OTHER);
    assert_int_equal(method_from_name(STR("GETS")), METHOD_OTHER);
    assert_int_equal(method_from_name(STR("")), METHOD_OTHER);
    assert_int_equal(method_name(METHOD_OTHER).len, 0);
    assert_int_equal(method_name(METHOD_COUNT).len, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_row),
        cmocka_unit_test(parameters_come_in_order),
        cmocka_unit_test(rows_are_numbered_in_table_order),
        cmocka_unit_test(many_paths_at_the_limit_are_bounded),
        cmocka_unit_test(refuses_bad_tables_with_one_sentence),
        cmocka_unit_test(methods_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
