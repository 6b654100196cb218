/* What a loop keeps of applications: the same record while nothing changes, never an old one. */
#include "unit/gate/fixture.h"

#include "gate/clients.h"

#define APP    "a0000000-0000-0000-0000-00000000000a"
#define OBJECT "0b000000-0000-0000-0000-0000000000b0"

static struct fixture f;

static struct uuid id_of(const char *text)
{
    struct uuid id;

    assert_int_equal(uuid_parse(str_from(text), &id), RC_OK);
    return id;
}

static void put(uint32_t version, struct str document)
{
    fixture_commit(&f, (struct change){.kind = CHANGE_APPLICATION_PUT,
                                       .u.application = {.client_id = id_of(APP),
                                                         .object_id = id_of(OBJECT),
                                                         .kind = APPLICATION_APP,
                                                         .version = version,
                                                         .created = NOW,
                                                         .name = STR("app"),
                                                         .document = document}});
}

static struct str located(const char *location, struct arena *arena)
{
    return arena_printf(arena, "{\"location\":\"%s\"}", location);
}

static int setup(void **state)
{
    (void)state;
    fixture_init(&f, NULL);
    put(1, STR("{\"location\":\"first\"}"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_clear(&f);
    return 0;
}

static struct client *find(void)
{
    struct uuid id = id_of(APP);
    struct client *c = NULL;

    assert_int_equal(gate_client(f.gl, &id, &c), RC_OK);
    return c;
}

static void expect_location(const struct client *c, const char *location)
{
    assert_true(name_eq(c->document.location, str_from(location)));
}

static void gives_the_same_record_while_nothing_changes(void **state)
{
    struct client *first = find(), *second = find();

    (void)state;
    assert_ptr_equal(first, second);
    expect_location(first, "first");
    client_unref(first);
    client_unref(second);
}

static void a_changed_row_is_seen_at_once_and_the_old_one_stays_whole(void **state)
{
    struct client *old = find(), *changed;

    (void)state;
    put(2, STR("{\"location\":\"second\"}"));
    changed = find();
    expect_location(changed, "second");
    assert_int_equal(changed->row.version, 2);
    expect_location(old, "first"); /* of a request that waits for keys */
    client_unref(old);
    client_unref(changed);
}

static void a_deleted_application_is_gone_at_once(void **state)
{
    struct uuid id = id_of(APP);
    struct client *c = find();

    (void)state;
    client_unref(c);
    fixture_commit(
        &f, (struct change){.kind = CHANGE_APPLICATION_DELETE, .u.application = {.client_id = id}});
    assert_int_equal(gate_client(f.gl, &id, &c), RC_NOT_FOUND);
}

static void nothing_kept_counts_while_the_gate_could_not_read_a_change(void **state)
{
    struct client *kept = find(), *read;

    (void)state;
    atomic_store(&f.gate->stale, true);
    read = find();
    assert_ptr_not_equal(kept, read);
    client_unref(kept);
    client_unref(read);
}

static void a_damaged_document_is_no_client(void **state)
{
    struct uuid id = id_of(APP);
    struct client *c = NULL;

    (void)state;
    put(2, STR("{\"secrets\":1}"));
    assert_int_equal(gate_client(f.gl, &id, &c), RC_INVALID);
    assert_null(c);
}

static void long_documents_are_not_kept(void **state)
{
    struct client *first, *second;
    struct arena arena;
    char location[40000] = {0};

    (void)state;
    memset(location, 'x', sizeof location - 1);
    arena_init(&arena);
    put(2, located(location, &arena));
    first = find();
    second = find();
    assert_ptr_not_equal(first, second);
    expect_location(second, location);
    client_unref(first);
    client_unref(second);
    arena_clear(&arena);
}

/* More than a loop keeps: places are taken over, and who was asked for is who is given. */
static void many_clients_do_not_take_each_others_place(void **state)
{
    struct uuid ids[200];
    struct client *c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char name[16];

        ids[i] = uuid_random();
        (void)snprintf(name, sizeof name, "app%zu", i);
        fixture_commit(&f, (struct change){.kind = CHANGE_APPLICATION_PUT,
                                           .u.application = {.client_id = ids[i],
                                                             .object_id = uuid_random(),
                                                             .kind = APPLICATION_APP,
                                                             .version = 1,
                                                             .created = NOW,
                                                             .name = str_from(name),
                                                             .document = STR("{}")}});
    }
    for (size_t i = 0; i < 2 * ARRAY_LEN(ids); i++) {
        const struct uuid *id = &ids[i % ARRAY_LEN(ids)];

        assert_int_equal(gate_client(f.gl, id, &c), RC_OK);
        assert_true(uuid_eq(&c->row.client_id, id));
        client_unref(c);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(gives_the_same_record_while_nothing_changes),
        CASE(a_changed_row_is_seen_at_once_and_the_old_one_stays_whole),
        CASE(a_deleted_application_is_gone_at_once),
        CASE(nothing_kept_counts_while_the_gate_could_not_read_a_change),
        CASE(a_damaged_document_is_no_client),
        CASE(long_documents_are_not_kept),
        CASE(many_clients_do_not_take_each_others_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
