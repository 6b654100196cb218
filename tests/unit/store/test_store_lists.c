/* What every back end shows: lists of users, page by page, what readers see meanwhile, and how many
 * users there are. */
#include "fixture.h"

/* ---- lists ---- */

struct listed {
    struct fixture *f;
    enum rc rc;
    size_t n, pages;
    uint64_t ids[64];
    struct str next, external;
};

static void on_page(void *ctx, enum rc rc, const struct user_page *page)
{
    struct listed *l = ctx;

    l->rc = rc;
    l->pages++;
    l->next = rc ? STR_EMPTY : page->next;
    for (size_t i = 0; !rc && i < page->n; i++) {
        const uint8_t *octets = page->rows[i].key.user.octets;

        l->ids[l->n++] = (uint64_t)octets[14] << 8 | octets[15];
        l->external = page->rows[i].external_id;
    }
    loop_stop(l->f->loop);
}

/** All pages of a query. */
static void list_all(struct listed *l, struct user_query query)
{
    do {
        store_list_users(l->f->store, l->f->loop, &l->f->arena, &query, on_page, l);
        fixture_run(l->f);
        query.after = l->next;
    } while (l->next.len && l->pages < 64);
}

static void check_list(struct listed *l, size_t pages, const uint64_t *ids, size_t n)
{
    assert_int_equal(l->rc, RC_OK);
    assert_int_equal(l->n, n);
    assert_int_equal(l->pages, pages);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(l->ids[i], ids[i]);
}

static void fill_list(struct fixture *f)
{
    struct change c[] = {
        add_user(key_of(1, 5), NOW + 1), add_user(key_of(1, 3), NOW + 2),
        add_user(key_of(1, 9), NOW + 3), add_user(key_of(1, 4), NOW + 3),
        add_user(key_of(1, 0x12), NOW),  add_user(key_of(2, 6), NOW + 2),
        add_user(key_of(0, 6), NOW + 2), change_user(CHANGE_USER_DELETE, key_of(1, 3), NOW + 5),
    };

    c[0].u.user.external_id = STR("five");
    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, ARRAY_LEN(c)), RC_OK);
}

static void lists_users_newest_first(struct fixture *f)
{
    struct listed l = {.f = f};

    fill_list(f);
    list_all(&l, (struct user_query){.resource = id_of(1), .limit = 1000, .with_deleted = true});
    check_list(&l, 1, (uint64_t[]){9, 4, 3, 5, 0x12}, 5);
}

static void lists_only_the_living_unless_asked(struct fixture *f)
{
    struct listed l = {.f = f};

    fill_list(f);
    list_all(&l, (struct user_query){.resource = id_of(1), .limit = 10});
    check_list(&l, 1, (uint64_t[]){9, 4, 5, 0x12}, 4);
}

static void lists_page_by_page(struct fixture *f)
{
    struct listed l = {.f = f}, ones = {.f = f}, all = {.f = f};

    fill_list(f);
    list_all(&l, (struct user_query){.resource = id_of(1), .limit = 2});
    check_list(&l, 2, (uint64_t[]){9, 4, 5, 0x12}, 4);
    list_all(&ones, (struct user_query){.resource = id_of(1), .limit = 1});
    check_list(&ones, 4, (uint64_t[]){9, 4, 5, 0x12}, 4);
    list_all(&all, (struct user_query){.resource = id_of(1), .limit = 4});
    check_list(&all, 1, (uint64_t[]){9, 4, 5, 0x12}, 4);
}

static void lists_since_a_time(struct fixture *f)
{
    struct listed l = {.f = f};

    fill_list(f);
    list_all(&l, (struct user_query){.resource = id_of(1), .limit = 9, .created_since = NOW + 1});
    check_list(&l, 1, (uint64_t[]){9, 4, 5}, 3);
    check_text(l.external, STR("five"));
}

static void lists_by_prefix(struct fixture *f)
{
    static const struct {
        const char *prefix;
        size_t n;
        uint64_t ids[5];
    } cases[] = {
        {"0", 4, {0x12, 9, 5, 4}},
        {"00000000-", 4, {0x12, 9, 5, 4}},
        {"00000000-0000-0000-0000-0000000000", 4, {0x12, 9, 5, 4}},
        {"00000000-0000-0000-0000-00000000000", 3, {9, 5, 4}},
        {"00000000-0000-0000-0000-00000000001", 1, {0x12}},
        {"00000000-0000-0000-0000-000000000012", 1, {0x12}},
        {"00000000-0000-0000-0000-0000000000122", 0, {0}},
        {"000000000", 0, {0}},
        {"1", 0, {0}},
        {"f", 0, {0}},
        {"F", 0, {0}},
        {"x", 0, {0}},
        {"%", 0, {0}},
    };

    fill_list(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (uint32_t limit = 1; limit < 6; limit++) {
            struct listed l = {.f = f};
            struct user_query q = {.resource = id_of(1), .limit = limit};

            q.prefix = str_from(cases[i].prefix);
            list_all(&l, q);
            check_list(&l, cases[i].n ? (cases[i].n + limit - 1) / limit : 1, cases[i].ids,
                       cases[i].n);
        }
    }
}

static void refuses_a_continuation_that_is_not_ours(struct fixture *f)
{
    static const char *const texts[] = {"x", "00",
                                        "zz00000000000000000000000000000000000000000000zz",
                                        "ffffffffffffffff00000000000000000000000000000000",
                                        "00000000000000000000000000000000000000000000000000"};

    fill_list(f);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct listed l = {.f = f};

        list_all(
            &l, (struct user_query){.resource = id_of(1), .limit = 9, .after = str_from(texts[i])});
        assert_int_equal(l.rc, RC_INVALID);
        assert_int_equal(l.pages, 1);
    }
}

static void bounds_what_one_page_looks_at(struct fixture *f)
{
    enum { SET = 1000, SETS = 45 };
    struct change *c = calloc(SET, sizeof *c);
    struct listed l = {.f = f};

    assert_non_null(c);
    fixture_open(f);
    for (uint64_t s = 0; s < SETS; s++) {
        for (uint64_t i = 0; i < SET; i++) {
            c[i] = add_user(key_of(1, s * SET + i), NOW + (unix_ms)(s * SET + i));
            c[i].u.user.deleted = s || i ? NOW : 0; /* only the oldest lives */
        }
        assert_int_equal(fixture_commit(f, c, SET), RC_OK);
    }
    list_all(&l, (struct user_query){.resource = id_of(1), .limit = 10});
    assert_int_equal(l.n, 1);
    assert_int_equal(l.ids[0], 0);
    assert_int_equal(l.pages, 3);
    free(c);
}

static void count_user(void *ctx, const struct user_row *row)
{
    uint64_t *sum = ctx;

    *sum += (uint64_t)1 << (8 * (row->key.user.octets[15] - 1));
}

static void finds_who_was_revoked_or_deleted_since(struct fixture *f)
{
    struct change c[] = {
        add_user(key_of(1, 1), NOW),
        add_user(key_of(1, 2), NOW),
        add_user(key_of(1, 3), NOW),
        add_user(key_of(1, 4), NOW),
        add_user(key_of(1, 5), NOW),
        change_user(CHANGE_USER_REVOKE, key_of(1, 2), NOW + 10),
        change_user(CHANGE_USER_DELETE, key_of(1, 3), NOW + 20),
        change_user(CHANGE_USER_VALID_FROM, key_of(1, 4), NOW + 5),
        change_user(CHANGE_USER_DELETE, key_of(1, 4), NOW + 30),
        change_user(CHANGE_USER_REVOKE, key_of(1, 5), NOW + 20),
        change_user(CHANGE_USER_DELETE, key_of(1, 5), NOW + 20),
    };
    static const struct {
        unix_ms since;
        uint64_t users; /* one octet each, counting */
    } cases[] = {{0, 0x0101010100},        {NOW + 6, 0x0101010100},  {NOW + 11, 0x0101010000},
                 {NOW + 20, 0x0101010000}, {NOW + 21, 0x0001000000}, {NOW + 31, 0}};

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, ARRAY_LEN(c)), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t sum = 0;

        assert_int_equal(store_each_revoked(f->reader, cases[i].since, count_user, &sum), RC_OK);
        assert_int_equal(sum, cases[i].users);
    }
}

/* ---- readers ---- */

static void shows_each_commit_to_every_reader(struct fixture *f)
{
    struct store_reader *second;

    fixture_open(f);
    second = store_reader_new(f->store);
    for (uint64_t i = 1; i <= 50; i++) {
        struct change c = add_user(key_of(1, i), NOW);
        struct user_row row;

        assert_int_equal(store_user(second, &c.u.user.key, &f->arena, &row), RC_NOT_FOUND);
        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        assert_int_equal(store_user(second, &c.u.user.key, &f->arena, &row), RC_OK);
        if (i % 3 == 0)
            store_reader_idle(second);
        assert_int_equal(fixture_user(f, &c.u.user.key, &row), RC_OK);
    }
    store_reader_free(second);
}

struct nested {
    struct fixture *f;
    size_t users;
};

static void look_up_inside(void *ctx, const struct user_row *row)
{
    struct nested *n = ctx;
    struct user_key key = row->key;
    struct user_row again;
    struct change c = put_meta(STR("during"), STR("walk"));

    assert_int_equal(fixture_commit(n->f, &c, 1), RC_OK);
    assert_int_equal(fixture_user(n->f, &key, &again), RC_OK);
    n->users++;
}

static void allows_look_ups_during_a_walk(struct fixture *f)
{
    struct change c[4] = {add_user(key_of(1, 1), NOW), add_user(key_of(1, 2), NOW),
                          change_user(CHANGE_USER_REVOKE, key_of(1, 1), NOW),
                          change_user(CHANGE_USER_REVOKE, key_of(1, 2), NOW)};
    struct nested n = {.f = f};
    struct str value;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 4), RC_OK);
    assert_int_equal(store_each_revoked(f->reader, 0, look_up_inside, &n), RC_OK);
    assert_int_equal(n.users, 2);
    assert_int_equal(store_meta(f->reader, STR("during"), &f->arena, &value), RC_OK);
}

static void counts_users_across_restarts(struct fixture *f)
{
    struct change c[3] = {add_user(key_of(1, 1), NOW), add_user(key_of(1, 2), NOW),
                          add_user(key_of(2, 1), NOW)};
    struct change gone = change_user(CHANGE_USER_DELETE, key_of(1, 2), NOW);
    struct store_figures figures;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 3), RC_OK);
    assert_int_equal(fixture_commit(f, &gone, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &gone, 1), RC_OK);
    for (int i = 0; i < 2; i++) {
        store_figures(f->store, &figures);
        assert_int_equal(figures.users, 2);
        assert_int_equal(figures.users_deleted, 1);
        fixture_reopen(f);
    }
}

/* clang-format off */
static const struct store_case cases[] = {
    {"lists users newest first", lists_users_newest_first},
    {"lists only the living unless asked", lists_only_the_living_unless_asked},
    {"lists page by page", lists_page_by_page},
    {"lists since a time", lists_since_a_time},
    {"lists by prefix", lists_by_prefix},
    {"refuses a continuation that is not ours", refuses_a_continuation_that_is_not_ours},
    {"bounds what one page looks at", bounds_what_one_page_looks_at},
    {"finds who was revoked or deleted since", finds_who_was_revoked_or_deleted_since},
    {"shows each commit to every reader", shows_each_commit_to_every_reader},
    {"allows look-ups during a walk", allows_look_ups_during_a_walk},
    {"counts users across restarts", counts_users_across_restarts},
};
/* clang-format on */

int main(void)
{
    return run_cases("store_lists", cases, ARRAY_LEN(cases));
}
