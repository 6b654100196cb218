/* Requests that are answered later: what they were checked against stays, held or parked. */
#include "unit/gate/pipeline_bench.h"

static void keeps_the_directory_of_a_request_that_waits(void **state)
{
    struct bench *b = *state;
    struct request_fake fake;

    deliver(b, &fake, &tls_door,
            &(struct recipe){.method = "GET", .target = "/later?api-version=2023-10-01"});
    assert_false(fake.done);
    assert_non_null(fake.req.held_snapshot);
    for (uint32_t generation = 2; generation < 5; generation++) {
        fixture_put_key(&b->f, &b->f.resource, KEY_PRIMARY, KEY_3, generation, 1);
        (void)gate_directory(b->f.gl);
    }
    assert_true(str_eq(parked->principal->resource->name, STR("default"))); /* ASan looks on */
    assert_int_equal(parked->principal->resource->keys[KEY_PRIMARY].generation, 1);
    reply_json(parked, 200, STR("{}"));
    assert_true(fake.done);
    pipeline_finished(b->pipeline, &fake.req, 2);
    request_fake_clear(&fake);
}

static void remembers_who_called_while_a_request_is_parked(void **state)
{
    struct bench *b = *state;
    struct request_fake fake;
    void *kept, *snapshot;

    deliver(b, &fake, &tls_door,
            &(struct recipe){.method = "GET", .target = "/later?api-version=2023-10-01"});
    kept = pipeline_park(b->pipeline, &fake.req);
    fake.req.principal = NULL;
    for (uint32_t generation = 2; generation < 5; generation++) {
        fixture_put_key(&b->f, &b->f.resource, KEY_PRIMARY, KEY_3, generation, 1);
        (void)gate_directory(b->f.gl);
    }
    pipeline_unpark(&fake.req, kept);
    assert_int_equal(fake.req.principal->kind, PRINCIPAL_ACCESS_KEY);
    assert_true(str_eq(fake.req.principal->resource->name, STR("default"))); /* ASan looks on */
    reply_json(&fake.req, 200, STR("{}"));
    pipeline_finished(b->pipeline, &fake.req, 2);
    request_fake_clear(&fake);

    /* within the handler: the request is gone when it returns */
    park_in = b->pipeline;
    deliver(b, &fake, &tls_door,
            &(struct recipe){.method = "GET", .target = "/park", .authorization = ""});
    assert_null(fake.req.held_snapshot);
    assert_null(parked_kept); /* nobody called */
    snapshot = parked_snapshot;
    assert_non_null(snapshot);
    snapshot_unref(snapshot);
    request_fake_clear(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_the_directory_of_a_request_that_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(remembers_who_called_while_a_request_is_parked, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
