/* What every back end keeps: rows, preconditions, sets, the change log, callbacks. Lists:
 * test_store_lists.c. */
#include "fixture.h"

#include <pthread.h>

/* ---- rows ---- */

static void reads_back_a_user(struct fixture *f)
{
    struct user_key key = key_of(1, 7);
    struct change c = add_user(key, NOW);
    struct user_row row;

    fixture_open(f);
    assert_int_equal(fixture_user(f, &key, &row), RC_NOT_FOUND);
    c.u.user.external_id = STR("name@example");
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fixture_user(f, &key, &row), RC_OK);
        assert_true(uuid_eq(&row.key.user, &key.user));
        assert_true(uuid_eq(&row.key.resource, &key.resource));
        assert_int_equal(row.generation, 1);
        assert_int_equal(row.created, NOW);
        assert_int_equal(row.valid_from + row.revoked + row.deleted + row.last_issued, 0);
        check_text(row.external_id, STR("name@example"));
        fixture_reopen(f);
    }
}

static void knows_a_user_in_its_resource_only(struct fixture *f)
{
    struct user_key other = key_of(2, 7);
    struct change c = add_user(key_of(1, 7), NOW);
    struct user_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_user(f, &other, &row), RC_NOT_FOUND);
    c = add_user(other, NOW);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_user(f, &other, &row), RC_OK);
}

static void refuses_a_user_that_exists(struct fixture *f)
{
    struct change c = add_user(key_of(1, 7), NOW);
    struct user_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.u.user.created = NOW + 1;
    assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
    assert_int_equal(fixture_user(f, &c.u.user.key, &row), RC_OK);
    assert_int_equal(row.created, NOW);
}

static void keeps_an_external_id_unique_among_the_living_of_a_resource(struct fixture *f)
{
    struct change first = add_user(key_of(1, 1), NOW), second = add_user(key_of(1, 2), NOW);
    struct change elsewhere = add_user(key_of(2, 3), NOW), gone;
    struct uuid resource = id_of(1);
    struct str name = STR("twin");
    struct user_row row;

    fixture_open(f);
    first.u.user.external_id = second.u.user.external_id = elsewhere.u.user.external_id = name;
    assert_int_equal(store_user_by_external_id(f->reader, &resource, name, &f->arena, &row),
                     RC_NOT_FOUND);
    assert_int_equal(fixture_commit(f, &first, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &second, 1), RC_CONFLICT);
    assert_int_equal(fixture_commit(f, &elsewhere, 1), RC_OK);
    assert_int_equal(store_user_by_external_id(f->reader, &resource, name, &f->arena, &row), RC_OK);
    assert_true(uuid_eq(&row.key.user, &first.u.user.key.user));
    gone = change_user(CHANGE_USER_DELETE, first.u.user.key, NOW + 1);
    assert_int_equal(fixture_commit(f, &gone, 1), RC_OK);
    assert_int_equal(store_user_by_external_id(f->reader, &resource, name, &f->arena, &row),
                     RC_NOT_FOUND);
    assert_int_equal(fixture_commit(f, &second, 1), RC_OK);
    assert_int_equal(store_user_by_external_id(f->reader, &resource, name, &f->arena, &row), RC_OK);
    assert_true(uuid_eq(&row.key.user, &second.u.user.key.user));
}

static void lets_users_without_external_id_be_many(struct fixture *f)
{
    struct change c[2] = {add_user(key_of(1, 1), NOW), add_user(key_of(1, 2), NOW)};

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 2), RC_OK);
}

static void revokes_by_counting_generations(struct fixture *f)
{
    struct user_key key = key_of(1, 7);
    struct change c = add_user(key, NOW);
    struct user_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    for (uint32_t i = 1; i <= 3; i++) {
        c = change_user(CHANGE_USER_REVOKE, key, NOW + i);
        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        assert_true(c.out_existed);
        assert_int_equal(fixture_user(f, &key, &row), RC_OK);
        assert_int_equal(row.generation, 1 + i);
        assert_int_equal(row.revoked, NOW + i);
        assert_int_equal(row.valid_from, 0);
    }
    c = change_user(CHANGE_USER_REVOKE, key, NOW + 1); /* by a clock that was set back */
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_user(f, &key, &row), RC_OK);
    assert_int_equal(row.generation, 5);
    assert_int_equal(row.revoked, NOW + 3);
}

static void moves_valid_from_only_forward(struct fixture *f)
{
    struct user_key key = key_of(1, 7);
    struct change c = add_user(key, NOW);
    struct user_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c = change_user(CHANGE_USER_VALID_FROM, key, NOW + 10);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_true(c.out_existed);
    c = change_user(CHANGE_USER_VALID_FROM, key, NOW + 5);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_false(c.out_existed);
    assert_int_equal(fixture_user(f, &key, &row), RC_OK);
    assert_int_equal(row.valid_from, NOW + 10);
    assert_int_equal(row.revoked, NOW + 10);
    assert_int_equal(row.generation, 1);
}

static void keeps_a_deleted_user_as_a_tombstone(struct fixture *f)
{
    struct user_key key = key_of(1, 7);
    struct change c = add_user(key, NOW);
    static const enum change_kind later[] = {CHANGE_USER_DELETE, CHANGE_USER_REVOKE,
                                             CHANGE_USER_VALID_FROM, CHANGE_USER_ISSUED};
    struct user_row row;

    fixture_open(f);
    c.u.user.external_id = STR("name@example");
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c = change_user(CHANGE_USER_DELETE, key, NOW + 1);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_true(c.out_existed);
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        c = change_user(later[i], key, NOW + 5);
        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        assert_false(c.out_existed);
    }
    assert_int_equal(fixture_user(f, &key, &row), RC_OK);
    assert_int_equal(row.deleted, NOW + 1);
    assert_int_equal(row.external_id.len, 0); /* nothing of his is kept but that he was */
    assert_int_equal(row.generation, 1);
    assert_int_equal(row.valid_from + row.last_issued, 0);
    c = add_user(key, NOW);
    assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
}

static void finds_no_user_to_change(struct fixture *f)
{
    static const enum change_kind kinds[] = {CHANGE_USER_DELETE, CHANGE_USER_REVOKE,
                                             CHANGE_USER_VALID_FROM, CHANGE_USER_ISSUED};

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct change c = change_user(kinds[i], key_of(1, 7), NOW);

        assert_int_equal(fixture_commit(f, &c, 1), RC_NOT_FOUND);
    }
}

static void notes_the_last_issue_never_backwards(struct fixture *f)
{
    struct user_key key = key_of(1, 7);
    struct change c = add_user(key, NOW);
    struct user_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c = change_user(CHANGE_USER_ISSUED, key, NOW + 9);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c = change_user(CHANGE_USER_ISSUED, key, NOW + 4);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_user(f, &key, &row), RC_OK);
    assert_int_equal(row.last_issued, NOW + 9);
}

struct seen_resource {
    size_t n;
    struct resource_row last;
};

static void see_resource(void *ctx, const struct resource_row *row)
{
    struct seen_resource *seen = ctx;

    seen->n++;
    seen->last = *row;
}

static void keeps_resources(struct fixture *f)
{
    struct seen_resource seen = {0};
    struct change c = put_resource(1, STR("first"));

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.u.resource.state = RESOURCE_DISABLED;
    c.u.resource.no_local_auth = false;
    c.u.resource.properties = STR("{}");
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(store_each_resource(f->reader, &f->arena, see_resource, &seen), RC_OK);
    assert_int_equal(seen.n, 1);
    check_text(seen.last.name, STR("first"));
    check_text(seen.last.location, STR("unitedstates"));
    check_text(seen.last.names, STR("a.example b.example"));
    assert_int_equal(seen.last.port, 65535);
    assert_int_equal(seen.last.state, RESOURCE_DISABLED);
    assert_true(seen.last.is_default);
    check_text(seen.last.group, STR("Group-1"));
    assert_false(seen.last.no_local_auth);
    check_text(seen.last.data_location, STR("Europe"));
    check_text(seen.last.properties, STR("{}"));
    assert_int_equal(seen.last.created, NOW);
}

static void refuses_a_resource_name_that_is_taken(struct fixture *f)
{
    struct change first = put_resource(1, STR("same")), second = put_resource(2, STR("same"));

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &first, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &second, 1), RC_CONFLICT);
    first.u.resource.state = RESOURCE_DELETED;
    assert_int_equal(fixture_commit(f, &first, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &second, 1), RC_OK);
    first.u.resource.state = RESOURCE_ACTIVE;
    assert_int_equal(fixture_commit(f, &first, 1), RC_NOT_FOUND);
}

static void leaves_a_deleted_resource_deleted(struct fixture *f)
{
    struct change c = put_resource(1, STR("gone"));

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.u.resource.state = RESOURCE_DELETED;
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.u.resource.state = RESOURCE_ACTIVE;
    assert_int_equal(fixture_commit(f, &c, 1), RC_NOT_FOUND);
}

struct seen_keys {
    size_t n;
    struct access_key_row rows[4];
};

static void see_access_key(void *ctx, const struct access_key_row *row)
{
    struct seen_keys *seen = ctx;

    seen->rows[seen->n++] = *row;
}

static void keeps_access_keys(struct fixture *f)
{
    struct change c = {.kind = CHANGE_ACCESS_KEY_PUT,
                       .u.access_key = {.resource = id_of(1),
                                        .slot = KEY_SECONDARY,
                                        .generation = UINT32_MAX,
                                        .tokens_valid_from = 4000000000U,
                                        .sealed = {"a\0b", 3},
                                        .regenerated = NOW}};
    struct seen_keys seen = {0};

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.kind = CHANGE_ACCESS_KEY_USED;
    c.u.access_key.last_used = NOW + 9;
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.u.access_key.last_used = NOW + 3;
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.u.access_key.slot = KEY_PRIMARY;
    assert_int_equal(fixture_commit(f, &c, 1), RC_NOT_FOUND);
    assert_int_equal(store_each_access_key(f->reader, &f->arena, see_access_key, &seen), RC_OK);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.rows[0].slot, KEY_SECONDARY);
    assert_int_equal(seen.rows[0].generation, UINT32_MAX);
    assert_int_equal(seen.rows[0].tokens_valid_from, 4000000000U);
    check_text(seen.rows[0].sealed, (struct str){"a\0b", 3});
    assert_int_equal(seen.rows[0].regenerated, NOW);
    assert_int_equal(seen.rows[0].last_used, NOW + 9);
}

static void refuses_a_key_of_no_newer_generation(struct fixture *f)
{
    struct change c = {.kind = CHANGE_ACCESS_KEY_PUT,
                       .u.access_key = {.resource = id_of(1), .generation = 2, .sealed = STR("a")}};

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
    c.u.access_key.generation = 1;
    assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
    c.u.access_key.generation = 3;
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
}

struct seen_signing_keys {
    size_t n;
    struct signing_key_row last;
};

static void see_signing_key(void *ctx, const struct signing_key_row *row)
{
    struct seen_signing_keys *seen = ctx;

    seen->n++;
    seen->last = *row;
}

static void keeps_signing_keys(struct fixture *f)
{
    struct change c = {.kind = CHANGE_SIGNING_KEY_PUT,
                       .u.signing_key = {.kid = STR("k1"),
                                         .alg = STR("ES256"),
                                         .purpose = STR("user"),
                                         .sealed = STR("sealed"),
                                         .created = NOW,
                                         .active_from = NOW + 1}};
    struct seen_signing_keys seen = {0};

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    c.u.signing_key.retired = NOW + 2;
    c.u.signing_key.certificate = (struct str){"\x30\0\xff", 3};
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(store_each_signing_key(f->reader, &f->arena, see_signing_key, &seen), RC_OK);
    assert_int_equal(seen.n, 1);
    check_text(seen.last.kid, STR("k1"));
    check_text(seen.last.alg, STR("ES256"));
    check_text(seen.last.purpose, STR("user"));
    check_text(seen.last.sealed, STR("sealed"));
    assert_int_equal(seen.last.active_from, NOW + 1);
    assert_int_equal(seen.last.retired, NOW + 2);
    check_text(seen.last.certificate, (struct str){"\x30\0\xff", 3});
    c.kind = CHANGE_SIGNING_KEY_DELETE;
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    seen.n = 0;
    assert_int_equal(store_each_signing_key(f->reader, &f->arena, see_signing_key, &seen), RC_OK);
    assert_int_equal(seen.n, 0);
}

static void keeps_assignments(struct fixture *f)
{
    struct assignment_row key = {.resource = id_of(1), .tenant = id_of(2), .object = id_of(3)};
    struct change c = {.kind = CHANGE_ASSIGNMENT_PUT, .u.assignment = key};
    struct assignment_row row;

    fixture_open(f);
    assert_int_equal(store_assignment(f->reader, &key, &f->arena, &row), RC_NOT_FOUND);
    c.u.assignment.principal_type = STR("user");
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_false(c.out_existed);
    c.u.assignment.client_ids = STR("[\"a\"]");
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_true(c.out_existed);
    assert_int_equal(store_assignment(f->reader, &key, &f->arena, &row), RC_OK);
    check_text(row.principal_type, STR("user"));
    check_text(row.client_ids, STR("[\"a\"]"));
    c.kind = CHANGE_ASSIGNMENT_DELETE;
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(store_assignment(f->reader, &key, &f->arena, &row), RC_NOT_FOUND);
}

static void keeps_named_values(struct fixture *f)
{
    struct change c = put_meta(STR("clock"), STR_EMPTY);
    struct str value;

    fixture_open(f);
    assert_int_equal(store_meta(f->reader, STR("clock"), &f->arena, &value), RC_NOT_FOUND);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_false(c.out_existed);
    assert_int_equal(store_meta(f->reader, STR("clock"), &f->arena, &value), RC_OK);
    assert_int_equal(value.len, 0);
    c.u.meta.value = (struct str){"\0\xff", 2};
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_true(c.out_existed);
    assert_int_equal(store_meta(f->reader, STR("clock"), &f->arena, &value), RC_OK);
    check_text(value, (struct str){"\0\xff", 2});
}

static void refuses_a_change_of_no_kind(struct fixture *f)
{
    struct change c = {.kind = CHANGE_NONE};

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_INVALID);
    c.kind = CHANGE_KIND_COUNT;
    assert_int_equal(fixture_commit(f, &c, 1), RC_INVALID);
    assert_true(store_healthy(f->store));
}

/* ---- sets and batches ---- */

static void undoes_a_set_as_a_whole(struct fixture *f)
{
    struct user_key taken = key_of(1, 1), fresh = key_of(1, 2);
    struct change c = add_user(taken, NOW);
    struct change set[3] = {add_user(fresh, NOW), put_meta(STR("half"), STR("made")),
                            add_user(taken, NOW)};
    struct store_figures before, after;
    struct user_row row;
    struct str value;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    store_figures(f->store, &before);
    assert_int_equal(fixture_commit(f, set, 3), RC_CONFLICT);
    assert_int_equal(fixture_user(f, &fresh, &row), RC_NOT_FOUND);
    assert_int_equal(store_meta(f->reader, STR("half"), &f->arena, &value), RC_NOT_FOUND);
    store_figures(f->store, &after);
    assert_int_equal(after.users, before.users);
    assert_int_equal(after.changes, before.changes);
    assert_int_equal(after.failed, before.failed + 1);
}

struct counted {
    struct fixture *f;
    size_t come, wanted;
    enum rc rcs[16];
};

static void count_answer(void *ctx, enum rc rc, struct change_set *set)
{
    struct counted *c = ctx;

    (void)set;
    c->rcs[c->come++] = rc;
    if (c->come == c->wanted)
        loop_stop(c->f->loop);
}

static void commits_what_has_gathered_at_once_and_undoes_no_neighbour(struct fixture *f)
{
    struct writer_gate g;
    struct counted answers = {.f = f, .wanted = 6};
    struct change opener = put_resource(1, STR("opener"));
    struct change twice[2] = {add_user(key_of(1, 3), NOW), add_user(key_of(1, 1), NOW)};
    struct change single[4] = {add_user(key_of(1, 1), NOW), add_user(key_of(1, 1), NOW),
                               add_user(key_of(1, 2), NOW),
                               change_user(CHANGE_USER_REVOKE, key_of(1, 1), NOW)};
    struct change_set sets[6] = {{.items = &opener, .n = 1},    {.items = &single[0], .n = 1},
                                 {.items = &single[1], .n = 1}, {.items = twice, .n = 2},
                                 {.items = &single[2], .n = 1}, {.items = &single[3], .n = 1}};
    static const enum rc wanted[6] = {RC_OK, RC_OK, RC_CONFLICT, RC_CONFLICT, RC_OK, RC_OK};
    struct user_key half = key_of(1, 3), revoked = key_of(1, 1);
    struct user_row row;

    fixture_open(f);
    writer_gate_close(&g, f->store);
    for (size_t i = 0; i < 6; i++) {
        sets[i].loop = f->loop;
        sets[i].done = count_answer;
        sets[i].ctx = &answers;
        store_commit(f->store, &sets[i]);
        if (i == 0)
            writer_gate_wait(&g);
    }
    assert_int_equal(answers.come, 0);
    writer_gate_open(&g);
    fixture_run(f);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(answers.rcs[i], wanted[i]);
    assert_int_equal(store_commits(f->store), 2);
    assert_int_equal(fixture_user(f, &half, &row), RC_NOT_FOUND);
    assert_int_equal(fixture_user(f, &revoked, &row), RC_OK);
    assert_int_equal(row.generation, 2);
}

static void stop_loop(void *ctx)
{
    struct fixture *f = ctx;

    loop_stop(f->loop);
}

static void hands_a_set_without_callback_to_discard(struct fixture *f)
{
    struct change c = put_meta(STR("a"), STR("b"));
    struct change_set set = {.items = &c, .n = 1, .loop = f->loop, .discard = stop_loop, .ctx = f};
    struct str value;

    fixture_open(f);
    store_commit(f->store, &set);
    fixture_run(f);
    assert_int_equal(store_meta(f->reader, STR("a"), &f->arena, &value), RC_OK);
}

static void waits_for_a_set_without_a_loop(struct fixture *f)
{
    struct change c = add_user(key_of(1, 1), NOW);
    struct user_row row;

    fixture_open(f);
    assert_int_equal(store_commit_wait(f->store, &c, 1), RC_OK);
    assert_int_equal(fixture_user(f, &c.u.user.key, &row), RC_OK);
    assert_int_equal(store_commit_wait(f->store, &c, 1), RC_CONFLICT);
}

static void commits_what_is_queued_before_it_closes(struct fixture *f)
{
    enum { N = 500 };
    struct change *c = calloc(N, sizeof *c);
    struct change_set *sets = calloc(N, sizeof *sets);

    assert_non_null(c);
    assert_non_null(sets);
    fixture_open(f);
    for (size_t i = 0; i < N; i++) {
        c[i] = add_user(key_of(1, i), NOW);
        sets[i] = (struct change_set){.items = &c[i], .n = 1, .loop = f->loop};
        store_commit(f->store, &sets[i]);
    }
    fixture_reopen(f);
    for (size_t i = 0; i < N; i++) {
        struct user_row row;

        assert_int_equal(fixture_user(f, &c[i].u.user.key, &row), RC_OK);
    }
    struct loop_task last = {.run = stop_loop, .ctx = f};
    loop_post(f->loop, &last);
    fixture_run(f); /* runs what was posted to it */
    free(c);
    free(sets);
}

/* ---- the change log and the watch ---- */

struct watched {
    struct store *store;
    struct store_reader *reader; /* used on the writer's thread */
    size_t calls, n;
    struct log_entry entries[16];
    uint32_t generation_seen;
    uint64_t commits_seen;
};

static void see_entry(void *ctx, const struct log_entry *e)
{
    struct watched *w = ctx;

    w->entries[w->n++] = *e;
}

static void watch(void *ctx, const struct log_entry *entries, size_t n)
{
    struct watched *w = ctx;
    struct arena arena;
    struct user_row row;

    w->calls++;
    w->commits_seen = store_commits(w->store);
    for (size_t i = 0; i < n; i++)
        see_entry(w, &entries[i]);
    arena_init(&arena);
    if (entries[n - 1].kind == LOG_USER &&
        store_user(w->reader, &entries[n - 1].user, &arena, &row) == RC_OK)
        w->generation_seen = row.generation;
    store_reader_idle(w->reader);
    arena_clear(&arena);
}

static void tells_the_watch_before_anyone_else(struct fixture *f)
{
    struct user_key key = key_of(1, 7);
    struct change c = add_user(key, NOW);
    struct change set[2] = {put_resource(1, STR("watched")),
                            change_user(CHANGE_USER_REVOKE, key, NOW)};
    struct watched w = {0};

    fixture_open(f);
    w.store = f->store;
    w.reader = store_reader_new(f->store);
    store_watch(f->store, watch, &w);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(w.calls, 0); /* a new user is not kept in memory */
    assert_int_equal(fixture_commit(f, set, 2), RC_OK);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.n, 2);
    assert_int_equal(w.commits_seen, 2);
    assert_int_equal(w.generation_seen, 2);
    assert_int_equal(w.entries[0].kind, LOG_RESOURCE);
    assert_true(uuid_eq(&w.entries[0].resource, &set[0].u.resource.id));
    assert_int_equal(w.entries[1].kind, LOG_USER);
    assert_true(uuid_eq(&w.entries[1].user.user, &key.user));
    assert_int_equal(w.entries[1].seq, w.entries[0].seq + 1);
    store_reader_free(w.reader);
}

static void logs_what_is_kept_in_memory_and_nothing_else(struct fixture *f)
{
    struct user_key key = key_of(1, 7);
    struct change c[] = {
        add_user(key, NOW),
        put_resource(1, STR("logged")),
        {.kind = CHANGE_ACCESS_KEY_PUT, .u.access_key = {.resource = id_of(1), .generation = 1}},
        {.kind = CHANGE_ACCESS_KEY_USED, .u.access_key = {.resource = id_of(1), .last_used = 1}},
        {.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key = {.kid = STR("k")}},
        change_user(CHANGE_USER_ISSUED, key, NOW),
        change_user(CHANGE_USER_VALID_FROM, key, NOW),
        change_user(CHANGE_USER_VALID_FROM, key, NOW), /* no change */
        change_user(CHANGE_USER_DELETE, key, NOW),
        change_user(CHANGE_USER_REVOKE, key, NOW), /* deleted: no change */
        put_meta(STR("m"), STR("v")),
        {.kind = CHANGE_SIGNING_KEY_DELETE, .u.signing_key = {.kid = STR("k")}},
    };
    static const enum log_kind wanted[] = {LOG_RESOURCE, LOG_RESOURCE, LOG_SIGNING_KEY,
                                           LOG_USER,     LOG_USER,     LOG_SIGNING_KEY};
    struct watched w = {0};

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        assert_int_equal(fixture_commit(f, &c[i], 1), RC_OK);
    fixture_reopen(f);
    assert_int_equal(store_each_change(f->reader, 0, see_entry, &w), RC_OK);
    assert_int_equal(w.n, ARRAY_LEN(wanted));
    for (size_t i = 0; i < w.n; i++) {
        assert_int_equal(w.entries[i].kind, wanted[i]);
        assert_int_equal(w.entries[i].seq, i + 1);
    }
    w.n = 0;
    assert_int_equal(store_each_change(f->reader, 5, see_entry, &w), RC_OK);
    assert_int_equal(w.n, 1);
    assert_int_equal(w.entries[0].seq, 6);
}

static void keeps_no_log_entry_of_a_set_that_was_undone(struct fixture *f)
{
    struct change set[2] = {put_resource(1, STR("undone")),
                            change_user(CHANGE_USER_REVOKE, key_of(1, 1), NOW)};
    struct watched w = {0};

    fixture_open(f);
    w.store = f->store;
    w.reader = f->reader;
    store_watch(f->store, watch, &w);
    assert_int_equal(fixture_commit(f, set, 2), RC_NOT_FOUND);
    assert_int_equal(w.calls, 0);
    assert_int_equal(fixture_commit(f, set, 1), RC_OK);
    assert_int_equal(w.n, 1);
    assert_int_equal(w.entries[0].seq, 1);
    w.n = 0;
    assert_int_equal(store_each_change(f->reader, 0, see_entry, &w), RC_OK);
    assert_int_equal(w.n, 1);
}

static void count_change(void *ctx, const struct log_entry *e)
{
    int64_t *range = ctx; /* number, first, last */

    if (range[0]++ == 0)
        range[1] = e->seq;
    range[2] = e->seq;
}

static void keeps_the_change_log_short(struct fixture *f)
{
    enum { SET = 1000, SETS = 103 };
    struct change *c = calloc(SET, sizeof *c);
    struct change first = add_user(key_of(1, 1), NOW);
    int64_t range[3] = {0};

    assert_non_null(c);
    fixture_open(f);
    assert_int_equal(fixture_commit(f, &first, 1), RC_OK);
    for (size_t i = 0; i < SET; i++)
        c[i] = change_user(CHANGE_USER_REVOKE, key_of(1, 1), NOW);
    for (int i = 0; i < SETS; i++)
        assert_int_equal(fixture_commit(f, c, SET), RC_OK);
    assert_int_equal(store_each_change(f->reader, 0, count_change, range), RC_OK);
    assert_int_equal(range[2], SET * SETS);
    assert_in_range(range[0], 100000, 102000);
    assert_int_equal(range[2] - range[1] + 1, range[0]);
    free(c);
}

static void refuses_sets_after_it_has_stopped(struct fixture *f)
{
    struct change add = add_user(key_of(1, 1), NOW);

    fixture_open(f);
    assert_int_equal(store_commit_wait(f->store, &add, 1), RC_OK);
    store_stop(f->store);
    store_stop(f->store);
    add = add_user(key_of(1, 2), NOW);
    assert_int_equal(fixture_commit(f, &add, 1), RC_BUSY);
    assert_int_equal(store_commit_wait(f->store, &add, 1), RC_BUSY);
    fixture_reopen(f);
    assert_int_equal(store_commit_wait(f->store, &add, 1), RC_OK);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"reads back a user, also after a restart", reads_back_a_user},
    {"knows a user in its resource only", knows_a_user_in_its_resource_only},
    {"refuses a user that exists", refuses_a_user_that_exists},
    {"keeps an external id unique among the living of a resource", keeps_an_external_id_unique_among_the_living_of_a_resource},
    {"lets users without external id be many", lets_users_without_external_id_be_many},
    {"revokes by counting generations", revokes_by_counting_generations},
    {"moves valid_from only forward", moves_valid_from_only_forward},
    {"keeps a deleted user as a tombstone", keeps_a_deleted_user_as_a_tombstone},
    {"finds no user to change", finds_no_user_to_change},
    {"notes the last issue, never backwards", notes_the_last_issue_never_backwards},
    {"keeps resources", keeps_resources},
    {"refuses a resource name that is taken", refuses_a_resource_name_that_is_taken},
    {"leaves a deleted resource deleted", leaves_a_deleted_resource_deleted},
    {"keeps access keys", keeps_access_keys},
    {"refuses a key of no newer generation", refuses_a_key_of_no_newer_generation},
    {"keeps signing keys", keeps_signing_keys},
    {"keeps assignments", keeps_assignments},
    {"keeps named values", keeps_named_values},
    {"refuses a change of no kind", refuses_a_change_of_no_kind},
    {"undoes a set as a whole", undoes_a_set_as_a_whole},
    {"commits what has gathered at once and undoes no neighbour", commits_what_has_gathered_at_once_and_undoes_no_neighbour},
    {"hands a set without callback to discard", hands_a_set_without_callback_to_discard},
    {"waits for a set without a loop", waits_for_a_set_without_a_loop},
    {"commits what is queued before it closes", commits_what_is_queued_before_it_closes},
    {"refuses sets after it has stopped", refuses_sets_after_it_has_stopped},
    {"tells the watch before anyone else", tells_the_watch_before_anyone_else},
    {"logs what is kept in memory and nothing else", logs_what_is_kept_in_memory_and_nothing_else},
    {"keeps no log entry of a set that was undone", keeps_no_log_entry_of_a_set_that_was_undone},
    {"keeps the change log short", keeps_the_change_log_short},
};
/* clang-format on */

int main(void)
{
    return run_cases("store", cases, ARRAY_LEN(cases));
}
