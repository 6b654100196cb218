/* The directory: hosts, keys, sealing, publication to other threads. */
#include "unit/gate/fixture.h"

#include <pthread.h>
#include <stdio.h>

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

static void finds_resources_by_host(void **state)
{
    static const struct {
        const char *host, *name; /* NULL: nobody's */
        uint16_t port;
        bool known;
    } cases[] = {
        {"localhost", "default", 8443, true},
        {"127.0.0.1", "default", 8443, true},
        {"127.9.9.9", "default", 8443, true},
        {"::1", "default", 8443, true},
        {"0:0:0:0:0:0:0:1", "default", 8443, true},
        {"default", "default", 8443, true},
        {"default.localhost", "default", 8443, true},
        {"rec.localhost", "default", 8443, true},
        {"other", "other", 8443, true},
        {"other.localhost", "other", 8443, true},
        {"localhost", "ported", 9001, true},
        {"127.0.0.1", "ported", 9001, true},
        {"ci.example", "ported", 9001, true},
        {"ci.example", "default", 8443, true},
        {"other.localhost", "other", 9001, true},
        {"stopped.localhost", NULL, 8443, false},
        {"gone.localhost", NULL, 8443, false},
        {"evil.example", NULL, 8443, false},
        {"localhost.evil.example", NULL, 8443, false},
        {"other.localhost.", NULL, 8443, false},
        {"192.0.2.1", NULL, 8443, false},
        {"128.0.0.1", NULL, 8443, false},
        {"", NULL, 8443, false},
    };
    struct fixture *f = *state;
    struct uuid ids[3] = {uuid_random(), uuid_random(), uuid_random()};
    struct str names[] = {STR("CI.example")};
    struct directory_source source = f->source;
    struct directory *d;
    struct buf why;

    fixture_put_resource(f, &ids[0], "stopped", "", RESOURCE_DISABLED);
    fixture_put_resource(f, &ids[1], "gone", "", RESOURCE_DELETED);
    fixture_commit(f, (struct change){.kind = CHANGE_RESOURCE_PUT,
                                      .u.resource = {.id = ids[2],
                                                     .name = STR("ported"),
                                                     .port = 9001,
                                                     .state = RESOURCE_ACTIVE,
                                                     .group = STR("Team"),
                                                     .no_local_auth = true,
                                                     .data_location = STR("Europe"),
                                                     .properties = STR("{\"tags\":{}}")}});
    source.names = names;
    source.names_count = 1;
    buf_init(&why, KIB);
    assert_int_equal(directory_build(&source, f->reader, &d, &why), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str host = str_from(cases[i].host);
        const struct resource *r = directory_by_host(d, host, cases[i].port);

        if ((r != NULL) != (cases[i].name != NULL) ||
            (r && !str_eq(r->name, str_from(cases[i].name))) ||
            directory_knows_host(d, host) != cases[i].known)
            fail_msg("%s:%u", cases[i].host, (unsigned)cases[i].port);
    }
    assert_non_null(directory_by_name(d, STR("stopped")));
    assert_null(directory_by_name(d, STR("gone")));
    const struct resource *ported = directory_by_id(d, &ids[2]);
    assert_true(str_eq(ported->group, STR("Team")));
    assert_true(ported->no_local_auth);
    assert_true(str_eq(ported->data_location, STR("Europe")));
    assert_true(str_eq(ported->properties, STR("{\"tags\":{}}")));
    assert_false(directory_by_name(d, STR("stopped"))->no_local_auth);
    assert_int_equal(directory_by_id(d, &ids[1])->state, RESOURCE_DELETED);
    assert_null(directory_by_id(d, &(struct uuid){{9}}));
    for (size_t i = 0; i < d->resources_count; i++)
        assert_ptr_not_equal(&d->resources[i], d->dummy);
    snapshot_unref(&d->snapshot);
    buf_clear(&why);
}

static void names_the_data_location_of_a_location(void **state)
{
    static const struct {
        const char *location, *data_location;
    } cases[] = {
        {"unitedstates", "United States"},
        {"europe", "Europe"},
        {"rack-7", "rack-7"},
        {"Europe", "Europe"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!str_eq(data_location_of(str_from(cases[i].location)),
                    str_from(cases[i].data_location)))
            fail_msg("%s", cases[i].location);
}

static void refuses_another_master_key(void **state)
{
    struct fixture *f = *state;
    struct secret octets = secret_copy("another master key for this test", MASTER_KEY_LEN);
    struct master_key *master = master_key_new(&octets);
    struct directory_source source = f->source;
    struct directory *d = NULL;
    struct buf why;

    source.master = master;
    buf_init(&why, KIB);
    assert_int_equal(directory_build(&source, f->reader, &d, &why), RC_DENIED);
    assert_null(d);
    assert_true(str_find_str(buf_str(&why), STR("master key")) < why.len);
    buf_clear(&why);
    master_key_free(master);
    secret_clear(&octets);
}

static void chooses_the_key_that_signs(void **state)
{
    struct fixture *f = *state;
    char first[64], later[64];
    const struct directory *d = gate_directory(f->gl);

    (void)snprintf(first, sizeof first, STR_FMT,
                   STR_ARG(directory_signer(d, STR("user"), NOW)->kid));
    fixture_add_signing_key(f, NOW + 5000, later);
    d = gate_directory(f->gl);
    assert_true(str_eq(directory_signer(d, STR("user"), NOW + 4999)->kid, str_from(first)));
    assert_true(str_eq(directory_signer(d, STR("user"), NOW + 5000)->kid, str_from(later)));
    assert_true(str_eq(directory_signer(d, STR("user"), 0)->kid, str_from(first))); /* set back */
    assert_null(directory_signer(d, STR("issuer"), NOW));
    assert_null(directory_verifier(d, STR("issuer"), str_from(first), NOW));
    assert_non_null(directory_verifier(d, STR("user"), str_from(later), NOW));
    fixture_retire_signing_keys(f, NOW);
    d = gate_directory(f->gl);
    assert_true(str_eq(directory_signer(d, STR("user"), NOW)->kid, str_from(later)));
    assert_non_null(
        directory_verifier(d, STR("user"), str_from(first), NOW + TOKEN_LONGEST_MS - 1));
    assert_null(directory_verifier(d, STR("user"), str_from(first), NOW + TOKEN_LONGEST_MS));
}

struct watcher {
    struct fixture *f;
    _Atomic uint32_t *committed;
    uint32_t until;
};

/* Another loop: once a commit has been acknowledged it never sees an older generation. */
static void *watch(void *ctx)
{
    struct watcher *w = ctx;
    struct store_reader *reader = store_reader_new(w->f->store);
    struct gate_loop *gl = gate_loop_new(w->f->gate, w->f->store, reader);
    void *stale = NULL;
    uint32_t seen = 0;

    while (seen < w->until && !stale) {
        uint32_t known = atomic_load(w->committed);
        struct gate_pin pin = gate_enter(gl);
        const struct access_key *before = &pin.directory->default_resource->keys[KEY_PRIMARY];

        seen = directory_by_id(gate_directory(gl), &w->f->resource)->keys[KEY_PRIMARY].generation;
        if (seen < known || before->generation > seen)
            stale = ctx;
        gate_leave(gl, pin);
    }
    gate_loop_free(gl);
    store_reader_free(reader);
    return stale;
}

static void is_seen_by_every_loop_before_the_answer(void **state)
{
    struct fixture *f = *state;
    _Atomic uint32_t committed = 1;
    struct watcher w = {f, &committed, 20};
    pthread_t threads[2];
    void *stale;

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, watch, &w), 0);
    for (uint32_t generation = 2; generation <= w.until; generation++) {
        fixture_put_key(f, &f->resource, KEY_PRIMARY, KEY_3, generation, generation);
        atomic_store(&committed, generation);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &stale), 0);
        assert_null(stale);
    }
}

static void keeps_pointers_alive_inside_the_brackets(void **state)
{
    struct fixture *f = *state;
    struct gate_pin outer = gate_enter(f->gl);
    const struct resource *r = outer.directory->default_resource;

    fixture_put_key(f, &f->resource, KEY_PRIMARY, KEY_3, 2, 2);
    struct gate_pin inner = gate_enter(f->gl);
    assert_ptr_not_equal(inner.directory, outer.directory);
    assert_int_equal(inner.directory->default_resource->keys[KEY_PRIMARY].generation, 2);
    gate_leave(f->gl, inner);
    assert_int_equal(r->keys[KEY_PRIMARY].generation, 1); /* ASan looks on */
    struct request req = {0};
    gate_hold(f->gl, &req);
    gate_leave(f->gl, outer);
    assert_int_equal(r->keys[KEY_PRIMARY].generation, 1);
    gate_release(&req);
}

static void writes_the_last_use_of_a_key(void **state)
{
    struct fixture *f = *state;
    _Atomic int64_t *cell = gate_directory(f->gl)->default_resource->keys[KEY_SECONDARY].last_used;

    assert_int_equal(atomic_load(cell), 0);
    atomic_store(cell, NOW + 7);
    gate_tick(f->gate);
    fixture_put_key(f, &f->other, KEY_SECONDARY, KEY_2, 1, 1); /* behind it in the queue */
    struct key_usage_table *fresh = key_usage_table_new();
    struct directory_source source = f->source;
    struct directory *d;
    struct buf why;
    buf_init(&why, KIB);
    source.usage = fresh;
    assert_int_equal(directory_build(&source, f->reader, &d, &why), RC_OK);
    assert_int_equal(atomic_load(d->default_resource->keys[KEY_SECONDARY].last_used), NOW + 7);
    snapshot_unref(&d->snapshot);
    key_usage_table_free(fresh);
    fixture_put_key(f, &f->resource, KEY_SECONDARY, KEY_3, 2, 2);
    assert_int_equal(
        atomic_load(gate_directory(f->gl)->default_resource->keys[KEY_SECONDARY].last_used), 0);
    buf_clear(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_resources_by_host, set_up, tear_down),
        cmocka_unit_test(names_the_data_location_of_a_location),
        cmocka_unit_test_setup_teardown(refuses_another_master_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chooses_the_key_that_signs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_seen_by_every_loop_before_the_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_pointers_alive_inside_the_brackets, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(writes_the_last_use_of_a_key, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
