/* A name that nobody has, a deleted or disabled resource and a wrong key cost the same number of
 * MACs and hashes, and get the same octets. Built with counting hash functions. */
#include "unit/gate/fixture.h"

static const struct route key_row = {POST, "/identities", &test_api,  ACCEPT_KEY, NEED_ANY,
                                     KIB,  NULL,          PLANE_WIRE, KIND_REPLY};

struct work {
    uint64_t macs, hashes;
    struct str octets;
    struct request_fake fake;
};

static void refuse(struct fixture *f, const struct recipe *r, struct work *out)
{
    struct crypto_calls before;
    bool known;

    request_fake_init(&out->fake, &tls_door);
    fixture_request(&out->fake, r, &key_row);
    out->fake.req.started = 0;
    out->fake.req.resource = gate_resource(gate_directory(f->gl), &out->fake.req, &known);
    before = crypto_calls_now();
    const struct api_error *error = gate_identify(f->gl, &out->fake.req);
    struct crypto_calls after = crypto_calls_now();
    assert_non_null(error);
    out->macs = after.macs - before.macs;
    out->hashes = after.hashes - before.hashes;
    reply_error(&out->fake.req, error);
    out->octets = buf_str(&out->fake.octets);
}

/* clang-format off */
static const struct recipe shapes[] = {
    {0},
    {.body = "{\"createTokenWithScopes\":[\"chat\"]}"},
    {.target = "/rooms?note=a%20b:c~*"},
    {.target = "/identities/8%3Aacs%3Ax?api-version=2023-10-01"},
    {.target = "/rooms/123"},
    {.extra = "x-ms-host: default.localhost\r\n"},
    {.extra = "x-ms-host: somewhere.example:1\r\nX-FORWARDED-HOST: a\r\n"},
    {.date = "Mon, 23 Nov 2026 16:00:00 GMT"},
    {.date = "never"},
};
/* clang-format on */

static void same_work_and_octets(bool development)
{
    /* of one length, so that the host itself adds nothing */
    static const char *const hosts[] = {"default.localhost:8443", "unknown.localhost:8443",
                                        "deleted.localhost:8443", "stopped.localhost:8443"};
    struct str names[] = {STR("acs.example.com"), STR("acs.example.org:444")};
    struct gate_options o = {
        .development = development, .public_hosts = names, .public_hosts_count = 2};
    struct fixture f;
    struct uuid deleted = uuid_random(), stopped = uuid_random();

    fixture_init(&f, &o);
    fixture_put_resource(&f, &deleted, "deleted", "", RESOURCE_DELETED);
    fixture_put_resource(&f, &stopped, "stopped", "", RESOURCE_DISABLED);
    fixture_put_key(&f, &deleted, KEY_PRIMARY, KEY_3, 1, 1);
    fixture_put_key(&f, &stopped, KEY_PRIMARY, KEY_3, 1, 1);
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct work wrong_key = {0};
        struct recipe r = shapes[s];

        r.key = "not the right key";
        r.host = hosts[0];
        refuse(&f, &r, &wrong_key);
        assert_true(r.date || wrong_key.macs >= 8); /* it was really looked at */
        for (size_t h = 1; h < ARRAY_LEN(hosts); h++) {
            struct work w = {0};

            r.host = hosts[h];
            r.key = KEY_3; /* right, if it had a resource */
            refuse(&f, &r, &w);
            assert_int_equal(w.macs, wrong_key.macs);
            assert_int_equal(w.hashes, wrong_key.hashes);
            assert_true(str_eq(w.octets, wrong_key.octets));
            request_fake_clear(&w.fake);
        }
        request_fake_clear(&wrong_key.fake);
    }
    fixture_clear(&f);
}

static void the_unknown_costs_what_the_wrong_costs(void **state)
{
    (void)state;
    same_work_and_octets(false);
}

static void also_when_refusals_are_explained(void **state)
{
    (void)state;
    same_work_and_octets(true);
}

static void a_request_that_verifies_costs_one_mac_a_key(void **state)
{
    struct fixture f;
    struct request_fake fake;
    struct crypto_calls before, after;
    bool known;

    (void)state;
    fixture_init(&f, NULL);
    request_fake_init(&fake, &tls_door);
    fixture_request(&fake, &(struct recipe){0}, &key_row);
    fake.req.resource = gate_resource(gate_directory(f.gl), &fake.req, &known);
    before = crypto_calls_now();
    assert_null(gate_identify(f.gl, &fake.req));
    after = crypto_calls_now();
    assert_int_equal(after.macs - before.macs, KEY_SLOTS);
    assert_int_equal(after.hashes - before.hashes, 0); /* an empty body's hash is known */
    request_fake_clear(&fake);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unknown_costs_what_the_wrong_costs),
        cmocka_unit_test(also_when_refusals_are_explained),
        cmocka_unit_test(a_request_that_verifies_costs_one_mac_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
