/* The administration through the whole pipeline: every row of its contract's core. */
#include "fixture.h"

#include "crypto/base64.h"
#include "services/admin/admin.h"

#include <unistd.h>

static struct fixture fx;
static char id[128], kept[4096], token[2048];

static int setup(void **state)
{
    (void)state;
    fixture_open(&fx, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&fx);
    return 0;
}

static const char *make_user(void)
{
    assert_int_equal(call(&fx, PRIMARY, "POST", "/admin/users", "{}"), 201);
    snprintf(id, sizeof id, "%s", text_at(&fx, "id"));
    return id;
}

static void whoami_tells_each_kind(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, SECONDARY, "GET", "/admin/whoami", ""), 200);
    assert_true(
        str_eq(fx.fake.body, STR("{\"kind\":\"accessKey\",\"resource\":\"default\",\"principal\":"
                                 "\"default/secondary\",\"scopes\":[],\"roles\":[],\"key\":"
                                 "\"secondary\"}")));
    assert_int_equal(call(&fx, OTHER, "GET", "/admin/whoami", ""), 200);
    assert_string_equal(text_at(&fx, "resource"), "other");
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/whoami", ""), 200);
    assert_string_equal(text_at(&fx, "kind"), "administrator");
    assert_string_equal(text_at(&fx, "principal"), path_of(0, "uid:%u", (unsigned)getuid()));
    assert_int_equal(call(&fx, ADMIN_TCP, "GET", "/admin/whoami?resource=other", ""), 200);
    assert_string_equal(text_at(&fx, "principal"), "administrator");
    assert_string_equal(text_at(&fx, "resource"), "other");
    make_user();
    call(&fx, ADMIN, "POST", path_of(0, "/admin/users/%s:issueToken", id),
         "{\"scopes\":[\"voip\",\"chat\"]}");
    snprintf(token, sizeof token, "%s", text_at(&fx, "token"));
    fx.token = str_from(token);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
    assert_string_equal(text_at(&fx, "kind"), "user");
    assert_string_equal(text_at(&fx, "principal"), id);
    assert_string_equal(text_at(&fx, "scopes.0"), "chat");
    assert_string_equal(text_at(&fx, "scopes.1"), "voip");
    assert_true(strlen(text_at(&fx, "expiresOn")) > 0);
    assert_int_equal(call(&fx, NOBODY, "GET", "/admin/whoami", ""), 401);
}

static struct resource_row stored;

static void take_team(void *ctx, const struct resource_row *row)
{
    (void)ctx;
    if (name_eq(row->name, STR("team-2")))
        stored = *row;
}

static void keeps_what_it_does_not_show_of_a_resource(void **state)
{
    struct arena arena;
    struct change put = {.kind = CHANGE_RESOURCE_PUT};

    (void)state;
    arena_init(&arena);
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/resources",
                          "{\"name\":\"team-2\",\"location\":\"europe\"}"),
                     201);
    assert_int_equal(store_each_resource(fx.reader, &arena, take_team, NULL), RC_OK);
    assert_true(str_eq(stored.group, RESOURCE_GROUP_DEFAULT));
    assert_false(stored.no_local_auth);
    assert_true(str_eq(stored.data_location, STR("Europe")));
    assert_true(str_eq(stored.properties, STR("{}")));
    put.u.resource = stored;
    put.u.resource.group = STR("Team");
    put.u.resource.no_local_auth = true;
    put.u.resource.properties = STR("{\"tags\":{\"a\":\"b\"}}");
    assert_int_equal(store_commit_wait(fx.store, &put, 1), RC_OK);
    assert_int_equal(call(&fx, ADMIN, "PATCH", "/admin/resources/team-2",
                          "{\"location\":\"unitedstates\",\"state\":\"disabled\"}"),
                     200);
    assert_int_equal(store_each_resource(fx.reader, &arena, take_team, NULL), RC_OK);
    assert_true(str_eq(stored.location, STR("unitedstates")));
    assert_true(str_eq(stored.group, STR("Team")));
    assert_true(stored.no_local_auth);
    assert_true(str_eq(stored.data_location, STR("Europe"))); /* fixed for life */
    assert_true(str_eq(stored.properties, STR("{\"tags\":{\"a\":\"b\"}}")));
    arena_clear(&arena);
}

static void resources_come_change_and_go(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/resources",
                          "{\"name\":\"team-1\",\"port\":9001,\"names\":[\"Acs.Example.com\"]}"),
                     201);
    assert_string_equal(text_at(&fx, "name"), "team-1");
    assert_string_equal(text_at(&fx, "location"), "unitedstates");
    assert_string_equal(text_at(&fx, "names.0"), "acs.example.com");
    assert_string_equal(text_at(&fx, "endpoint"), "https://localhost:9001");
    assert_int_equal(int_at(&fx, "port"), 9001);
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/keys?resource=team-1&reveal=true", ""), 200);
    assert_int_equal(strlen(text_at(&fx, "primary.key")), 88);
    assert_int_equal(call(&fx, ADMIN, "PATCH", "/admin/resources/team-1",
                          "{\"port\":0,\"names\":[],\"location\":\"europe\","
                          "\"state\":\"disabled\"}"),
                     200);
    assert_null(json_at(&fx, "port"));
    assert_string_equal(text_at(&fx, "state"), "disabled");
    assert_string_equal(text_at(&fx, "location"), "europe");
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/resources/team-1", ""), 200);
    assert_string_equal(text_at(&fx, "endpoint"), "https://team-1.localhost:8443");
    call(&fx, ADMIN, "DELETE", "/admin/resources/team-1", "");
    check_error(&fx, 400, "ValidationError", NULL, "confirm");
    call(&fx, ADMIN, "DELETE", "/admin/resources/team-1?confirm=team", "");
    check_error(&fx, 400, "ValidationError", NULL, "confirm");
    assert_int_equal(call(&fx, ADMIN, "DELETE", "/admin/resources/team-1?confirm=team-1", ""), 204);
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/resources/team-1", ""), 404);
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/resources", "{\"name\":\"team-1\"}"), 201);
    call(&fx, ADMIN, "DELETE", "/admin/resources/default?confirm=default", "");
    check_error(&fx, 409, "Conflict", NULL, NULL);
}

static void refuses_resources_that_would_clash(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *target;
    } cases[] = {
        {"{}", 400, "$.name"},
        {"{\"name\":\"Big\"}", 400, "$.name"},
        {"{\"name\":\"-a\"}", 400, "$.name"},
        {"{\"name\":\"a_b\"}", 400, "$.name"},
        {"{\"name\":\"other\"}", 409, "$.name"},
        {"{\"name\":\"localhost\"}", 409, "$.name"},
        {"{\"name\":\"n\",\"names\":[\"other\"]}", 409, "$.names[0]"},
        {"{\"name\":\"n\",\"names\":[\"other.localhost\"]}", 409, "$.names[0]"},
        {"{\"name\":\"n\",\"names\":[\"ok.example\",\"127.0.0.1\"]}", 400, "$.names[1]"},
        {"{\"name\":\"n\",\"names\":[\"a..b\"]}", 400, "$.names[0]"},
        {"{\"name\":\"n\",\"port\":7777}", 409, "$.port"},
        {"{\"name\":\"n\",\"port\":70000}", 400, "$.port"},
        {"{\"name\":\"n\",\"state\":\"odd\"}", 400, "$.state"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        call(&fx, ADMIN, "POST", "/admin/resources", cases[i].body);
        check_error(&fx, cases[i].status, NULL, NULL, cases[i].target);
    }
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/resources",
                          "{\"name\":\"first\",\"names\":[\"second.localhost\"]}"),
                     201);
    call(&fx, ADMIN, "POST", "/admin/resources", "{\"name\":\"second\"}");
    check_error(&fx, 409, "Conflict", NULL, "$.name"); /* its full name is somebody's */
    call(&fx, ADMIN, "PATCH", "/admin/resources/other", "{\"name\":\"else\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.name");
}

static void names_the_nearest_known_member(void **state)
{
    (void)state;
    call(&fx, ADMIN, "POST", "/admin/resources", "{\"nmae\":\"x\"}");
    check_error(&fx, 400, "UnknownMember", "There is no member 'nmae' here. Did you mean 'name'?",
                "$.nmae");
    call(&fx, PRIMARY, "POST", "/admin/users", "{\"external\":\"x\"}");
    check_error(&fx, 400, "UnknownMember", NULL, "$.external");
    make_user();
    call(&fx, ADMIN, "POST", path_of(0, "/admin/users/%s:issueToken", id), "{\"scope\":[]}");
    check_error(&fx, 400, "UnknownMember", NULL, "$.scope");
}

static void lists_resources_in_pages(void **state)
{
    const char *next;

    (void)state;
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/resources?limit=1", ""), 200);
    assert_string_equal(text_at(&fx, "value.0.name"), "other");
    next = strstr(text_at(&fx, "nextLink"), "/admin/");
    assert_non_null(next);
    snprintf(kept, sizeof kept, "%s", next);
    assert_int_equal(call(&fx, ADMIN, "GET", kept, ""), 200);
    assert_string_equal(text_at(&fx, "value.0.name"), "default");
    assert_null(json_at(&fx, "nextLink"));
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/resources?since=default", ""), 200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 1);
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/resources", ""), 404);
}

static void keys_show_times_and_values_to_the_right_people(void **state)
{
    char endpoint[4096];

    (void)state;
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/keys", ""), 200);
    assert_null(json_at(&fx, "primary.key"));
    assert_true(strlen(text_at(&fx, "primary.lastUsedOn")) > 0);
    assert_true(json_is_null(json_at(&fx, "secondary.lastUsedOn")));
    call(&fx, PRIMARY, "GET", "/admin/keys?reveal=true", "");
    check_error(&fx, 403, "Forbidden", NULL, NULL);
    assert_true(request_fake_header(&fx.fake, STR("x-callgate-explain")).len > 0);
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/keys?reveal=true", ""), 200);
    snprintf(endpoint, sizeof endpoint, "endpoint=https://localhost:8443/;accesskey=%s",
             text_at(&fx, "primary.key"));
    assert_string_equal(text_at(&fx, "primary.connectionString"), endpoint);
}

static void imports_a_key_unless_somebody_has_it(void **state)
{
    uint8_t octets[64] = "an imported key of sixty-four octets, made up for this test only";
    char text[BASE64_LEN(sizeof octets) + 1] = "", other[BASE64_LEN(sizeof octets) + 1] = "";

    (void)state;
    base64_encode(octets, sizeof octets, text);
    base64_encode(fx.keys[2], sizeof fx.keys[2], other);
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/keys/primary:regenerate",
                          path_of(0, "{\"key\":\"%s\"}", text)),
                     200);
    assert_string_equal(text_at(&fx, "key"), text);
    memcpy(fx.keys[0], octets, sizeof octets);
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/whoami", ""), 200);
    call(&fx, ADMIN, "POST", "/admin/keys/primary:regenerate",
         path_of(0, "{\"key\":\"%s\"}", other));
    check_error(&fx, 409, "Conflict", NULL, "$.key");
    call(&fx, ADMIN, "POST", "/admin/keys/secondary:regenerate",
         path_of(0, "{\"key\":\"%s\"}", text));
    check_error(&fx, 409, "Conflict", NULL, "$.key");
    call(&fx, ADMIN, "POST", "/admin/keys/primary:regenerate", "{\"key\":\"c2hvcnQ=\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.key");
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/keys/third:regenerate", "{}"), 404);
    assert_int_equal(call(&fx, PRIMARY, "POST", "/admin/keys/primary:regenerate", "{}"), 404);
}

static void keeps_tokens_when_asked(void **state)
{
    (void)state;
    call(&fx, PRIMARY, "POST", "/identities?api-version=2023-10-01",
         "{\"createTokenWithScopes\":[\"chat\"]}");
    snprintf(token, sizeof token, "%s", text_at(&fx, "accessToken.token"));
    fx.token = str_from(token);
    assert_int_equal(
        call(&fx, ADMIN, "POST", "/admin/keys/primary:regenerate", "{\"keepTokens\":true}"), 200);
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/whoami", ""), 401);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
}

static void users_are_made_shown_and_deleted(void **state)
{
    (void)state;
    make_user();
    assert_int_equal(call(&fx, PRIMARY, "GET", path_of(0, "/admin/users/%s", id), ""), 200);
    assert_true(strlen(text_at(&fx, "createdOn")) > 0);
    snprintf(kept, sizeof kept, "8:acs:%.36s_0000000a-0000-0000-0000-00000000000b", id + 6);
    assert_int_equal(call(&fx, PRIMARY, "POST", "/admin/users",
                          path_of(0, "{\"id\":\"%s\",\"externalId\":\"bob\"}", kept)),
                     201);
    assert_string_equal(text_at(&fx, "id"), kept);
    assert_string_equal(text_at(&fx, "externalId"), "bob");
    call(&fx, PRIMARY, "POST", "/admin/users", path_of(0, "{\"id\":\"%s\"}", kept));
    check_error(&fx, 409, "Conflict", NULL, NULL);
    call(&fx, PRIMARY, "POST", "/admin/users", "{\"externalId\":\"bob\"}");
    check_error(&fx, 409, "Conflict", NULL, NULL);
    call(&fx, OTHER, "POST", "/admin/users", path_of(0, "{\"id\":\"%s\"}", kept));
    check_error(&fx, 400, "ValidationError", NULL, "$.id");
    assert_int_equal(call(&fx, OTHER, "GET", path_of(0, "/admin/users/%s", kept), ""), 404);
    assert_int_equal(call(&fx, PRIMARY, "DELETE", path_of(0, "/admin/users/%s", kept), ""), 204);
    assert_int_equal(call(&fx, PRIMARY, "GET", path_of(0, "/admin/users/%s", kept), ""), 404);
    assert_int_equal(call(&fx, PRIMARY, "DELETE", path_of(0, "/admin/users/%s", kept), ""), 204);
}

static void issues_as_administrator_without_a_key(void **state)
{
    (void)state;
    make_user();
    assert_int_equal(call(&fx, ADMIN, "POST", path_of(0, "/admin/users/%s:issueToken", id),
                          "{\"scopes\":[\"chat.join\"],\"expiresInMinutes\":60}"),
                     200);
    call(&fx, ADMIN, "POST", path_of(0, "/admin/users/%s:issueToken", id), "{}");
    check_error(&fx, 400, "ValidationError", "Scopes: The Scopes field is required.", "Scopes");
    assert_int_equal(call(&fx, PRIMARY, "POST", path_of(0, "/admin/users/%s:issueToken", id),
                          "{\"scopes\":[\"chat\"]}"),
                     404);
}

static void lists_users_newest_first_in_pages(void **state)
{
    char ids[3][128];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        snprintf(ids[i], sizeof ids[i], "%s", make_user());
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/users?limit=2", ""), 200);
    assert_string_equal(text_at(&fx, "value.0.id"), ids[2]);
    assert_string_equal(text_at(&fx, "value.1.id"), ids[1]);
    assert_true(str_starts(str_from(text_at(&fx, "nextLink")),
                           STR("http://localhost:8080/admin/users?limit=2&after=")));
    snprintf(kept, sizeof kept, "%s", strstr(text_at(&fx, "nextLink"), "/admin/"));
    assert_int_equal(call(&fx, PRIMARY, "GET", kept, ""), 200);
    assert_string_equal(text_at(&fx, "value.0.id"), ids[0]);
    assert_null(json_at(&fx, "nextLink"));
    assert_int_equal(call(&fx, PRIMARY, "GET", path_of(0, "/admin/users?since=%s", ids[1]), ""),
                     200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 1);
    assert_string_equal(text_at(&fx, "value.0.id"), ids[2]);
    assert_int_equal(call(&fx, PRIMARY, "GET", path_of(0, "/admin/users?prefix=%s", ids[1]), ""),
                     200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 1);
    assert_int_equal(
        call(&fx, PRIMARY, "GET", path_of(0, "/admin/users?prefix=%s", ids[1] + 43), ""), 200);
    assert_string_equal(text_at(&fx, "value.0.id"), ids[1]);
    assert_int_equal(
        call(&fx, PRIMARY, "GET", "/admin/users?createdSince=2199-01-01T00:00:00Z", ""), 200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 0);
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/users?resource=other", ""), 200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 0);
}

static void refuses_odd_list_parameters(void **state)
{
    static const char *const cases[] = {"limit=0",          "limit=1001",  "limit=x",
                                        "count=0",          "wait=5",      "wait=61s",
                                        "count=5&limit=4",  "since=never", "createdSince=soon",
                                        "prefix=8:acs:zz_", "after=zz"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        call(&fx, PRIMARY, "GET", path_of(0, "/admin/users?%s", cases[i]), "");
        check_error(&fx, 400, "ValidationError", NULL, NULL);
    }
}

static void on_user_added(void *ctx, enum rc rc, struct change_set *set)
{
    (void)ctx;
    (void)set;
    assert_int_equal(rc, RC_OK);
}

static void waits_until_enough_are_there(void **state)
{
    struct change change = {
        .kind = CHANGE_USER_ADD,
        .u.user = {.key = {fx.resource, uuid_random()}, .created = clock_wall()}};
    struct change_set set = {.items = &change, .n = 1, .loop = fx.loop, .done = on_user_added};
    mono_ns began = clock_mono();

    (void)state;
    call_begin(&fx, PRIMARY, "GET", "/admin/users?wait=5s&count=1", "");
    fixture_spin(&fx, 120);
    assert_false(fx.fake.done);
    store_commit(fx.store, &set);
    assert_int_equal(call_wait(&fx), 200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 1);
    assert_true(clock_mono() - began < (mono_ns)4 * 1000 * 1000 * 1000);
}

static void waits_no_longer_than_told(void **state)
{
    mono_ns began = clock_mono();

    (void)state;
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/users?wait=200ms", ""), 200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 0);
    assert_true(clock_mono() - began >= (mono_ns)190 * 1000 * 1000);
    call_begin(&fx, PRIMARY, "GET", "/admin/users?wait=50s", "");
    fixture_spin(&fx, 100);
    request_fake_leave(&fx.fake);
    assert_int_equal(call_wait(&fx), 200);
    call_begin(&fx, ADMIN, "GET", "/admin/resources?wait=50s&count=3", "");
    fixture_spin(&fx, 100);
    assert_false(fx.fake.done);
    fx.not_ready = true; /* the server stops */
    assert_int_equal(call_wait(&fx), 200);
}

static void moves_the_clock(void **state)
{
    unix_ms now;

    (void)state;
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/clock", ""), 200);
    assert_int_equal(int_at(&fx, "offsetSeconds"), 0);
    call(&fx, PRIMARY, "POST", "/identities?api-version=2023-10-01",
         "{\"createTokenWithScopes\":[\"chat\"],\"expiresInMinutes\":60}");
    snprintf(token, sizeof token, "%s", text_at(&fx, "accessToken.token"));
    fx.token = str_from(token);
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"1h\"}"), 200);
    assert_int_equal(int_at(&fx, "offsetSeconds"), 3600);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"-30m\"}"), 200);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"set\":\"2030-01-01T00:00:00Z\"}"),
                     200);
    assert_int_equal(time_from_iso8601(str_from(text_at(&fx, "now")), &now), RC_OK);
    assert_int_equal(now / 10000, INT64_C(1893456000000) / 10000);
    {
        struct clock other = {0};

        assert_int_equal(admin_clock_restore(fx.reader, &other), RC_OK);
        assert_int_equal(other.offset_ms, fx.clock.offset_ms);
    }
    assert_int_equal(call(&fx, ADMIN, "DELETE", "/admin/clock", ""), 200);
    assert_int_equal(int_at(&fx, "offsetSeconds"), 0);
    call(&fx, ADMIN, "PUT", "/admin/clock", "{}");
    check_error(&fx, 400, "ValidationError", NULL, NULL);
    call(&fx, ADMIN, "PUT", "/admin/clock",
         "{\"set\":\"2030-01-01T00:00:00Z\",\"advance\":\"1s\"}");
    check_error(&fx, 400, "ValidationError", NULL, NULL);
    call(&fx, ADMIN, "PUT", "/admin/clock", "{\"set\":\"9000-01-01T00:00:00Z\"}");
    check_error(&fx, 400, "ValidationError", NULL, NULL);
}

#define REVOKE "/identities/%s/:revokeAccessTokens?api-version=2023-10-01"

static void a_revoked_token_stays_dead_wherever_the_clock_goes(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"240h\"}"), 200);
    call(&fx, PRIMARY, "POST", "/identities?api-version=2023-10-01",
         "{\"createTokenWithScopes\":[\"chat\"]}");
    snprintf(kept, sizeof kept, "%s", text_at(&fx, "identity.id"));
    snprintf(token, sizeof token, "%s", text_at(&fx, "accessToken.token"));
    fx.token = str_from(token);
    assert_int_equal(call(&fx, PRIMARY, "POST", path_of(0, REVOKE, kept), ""), 204);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
    /* revoked again at an earlier time: the later one still counts for how long it is held */
    assert_int_equal(call(&fx, ADMIN, "DELETE", "/admin/clock", ""), 200);
    assert_int_equal(call(&fx, PRIMARY, "POST", path_of(0, REVOKE, kept), ""), 204);
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"241h\"}"), 200);
    gate_tick(fx.gate);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
    /* forgotten once its tokens have expired, known again when the clock goes back */
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"48h\"}"), 200);
    gate_tick(fx.gate);
    assert_int_equal(gate_revocations_held(fx.gate), 0);
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"-48h\"}"), 200);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 401);
}

static size_t keys_published(void)
{
    assert_int_equal(call(&fx, NOBODY, "GET", "/.well-known/jwks.json", ""), 200);
    return json_array_size(json_at(&fx, "keys"));
}

/* The hourly upkeep, and enough time for the pool to have done it. */
static void upkeep(void)
{
    admin_expire_signing_keys(&fx.site);
    fixture_spin(&fx, 300);
    fixture_settle(&fx);
}

static void rotates_signing_keys_with_overlap(void **state)
{
    char first[64];

    (void)state;
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/signing-keys", ""), 200);
    snprintf(first, sizeof first, "%s", text_at(&fx, "value.0.kid"));
    call(&fx, PRIMARY, "POST", "/identities?api-version=2023-10-01",
         "{\"createTokenWithScopes\":[\"chat\"]}");
    snprintf(token, sizeof token, "%s", text_at(&fx, "accessToken.token"));
    fx.token = str_from(token);
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/signing-keys:rotate", ""), 201);
    assert_string_equal(text_at(&fx, "state"), "active");
    snprintf(kept, sizeof kept, "%s", text_at(&fx, "kid"));
    assert_string_not_equal(kept, first);
    assert_int_equal(keys_published(), 2);
    assert_int_equal(call(&fx, USER, "GET", "/admin/whoami", ""), 200);
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/signing-keys", ""), 200);
    assert_string_equal(text_at(&fx, "value.0.kid"), kept);
    assert_string_equal(text_at(&fx, "value.1.kid"), first);
    assert_string_equal(text_at(&fx, "value.1.state"), "retired");
    upkeep();
    assert_int_equal(keys_published(), 2);
    assert_int_equal(call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"25h\"}"), 200);
    assert_int_equal(keys_published(), 1);
    upkeep();
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/signing-keys", ""), 200);
    assert_int_equal(json_array_size(json_at(&fx, "value")), 1);
    assert_string_equal(text_at(&fx, "value.0.kid"), kept);
}

static void publishes_a_key_before_it_signs(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/signing-keys:rotate",
                          "{\"activateIn\":\"1h\",\"alg\":\"RS256\"}"),
                     201);
    assert_string_equal(text_at(&fx, "state"), "next");
    snprintf(kept, sizeof kept, "%s", text_at(&fx, "kid"));
    assert_int_equal(keys_published(), 2);
    call(&fx, ADMIN, "GET", "/admin/signing-keys", "");
    assert_string_equal(text_at(&fx, "value.1.state"), "active");
    call(&fx, ADMIN, "PUT", "/admin/clock", "{\"advance\":\"61m\"}");
    upkeep();
    call(&fx, ADMIN, "GET", "/admin/signing-keys", "");
    assert_string_equal(text_at(&fx, "value.0.kid"), kept);
    assert_string_equal(text_at(&fx, "value.0.state"), "active");
    assert_string_equal(text_at(&fx, "value.1.state"), "retired");
    assert_int_equal(keys_published(), 2);
    call(&fx, ADMIN, "POST", "/admin/signing-keys:rotate", "{\"alg\":\"HS256\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.alg");
    call(&fx, ADMIN, "POST", "/admin/signing-keys:rotate", "{\"alg\":\"PS256\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.alg");
    call(&fx, ADMIN, "POST", "/admin/signing-keys:rotate", "{\"alg\":\"EdDSA\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.alg");
    call(&fx, ADMIN, "POST", "/admin/signing-keys:rotate", "{\"activateIn\":\"31d\"}");
    check_error(&fx, 400, "ValidationError", NULL, "$.activateIn");
}

static void streams_a_backup_and_leaves_nothing_behind(void **state)
{
    struct store_figures before;
    char path[128];
    struct buf why;
    FILE *f;

    (void)state;
    make_user();
    store_figures(fx.store, &before);
    assert_int_equal(call(&fx, ADMIN, "POST", "/admin/backup", ""), 200);
    assert_true(fx.fake.streaming && fx.fake.stream_ok);
    assert_true(str_starts(fx.fake.body, STR("SQLite format 3")));
    snprintf(path, sizeof path, "%s/copy.db", fx.dir);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(fx.fake.body.ptr, 1, fx.fake.body.len, f), fx.fake.body.len);
    assert_int_equal(fclose(f), 0);
    buf_init(&why, KIB);
    assert_int_equal(store_verify_file(path, &why), RC_OK);
    buf_clear(&why);
    assert_int_equal(unlink(path), 0);
    call_begin(&fx, ADMIN, "POST", "/admin/backup", "");
    while (!fx.fake.streaming)
        fixture_spin(&fx, 10);
    request_fake_leave(&fx.fake);
    (void)call_wait(&fx);
    assert_false(fx.fake.stream_ok);
}

static void shows_settings_and_status(void **state)
{
    (void)state;
    assert_int_equal(call(&fx, ADMIN, "GET", "/admin/settings", ""), 200);
    assert_true(str_eq(fx.fake.body, STR("[{\"name\":\"mode\"}]")));
    make_user();
    assert_int_equal(call(&fx, ADMIN_TCP, "GET", "/admin/status", ""), 200);
    assert_string_equal(text_at(&fx, "version"), "1.2.3");
    assert_int_equal(int_at(&fx, "usersCreated"), 1);
    assert_int_equal(call(&fx, PRIMARY, "GET", "/admin/status", ""), 404);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(whoami_tells_each_kind),
        CASE(keeps_what_it_does_not_show_of_a_resource),
        CASE(resources_come_change_and_go),
        CASE(refuses_resources_that_would_clash),
        CASE(names_the_nearest_known_member),
        CASE(lists_resources_in_pages),
        CASE(keys_show_times_and_values_to_the_right_people),
        CASE(imports_a_key_unless_somebody_has_it),
        CASE(keeps_tokens_when_asked),
        CASE(users_are_made_shown_and_deleted),
        CASE(issues_as_administrator_without_a_key),
        CASE(lists_users_newest_first_in_pages),
        CASE(refuses_odd_list_parameters),
        CASE(waits_until_enough_are_there),
        CASE(waits_no_longer_than_told),
        CASE(moves_the_clock),
        CASE(a_revoked_token_stays_dead_wherever_the_clock_goes),
        CASE(rotates_signing_keys_with_overlap),
        CASE(publishes_a_key_before_it_signs),
        CASE(streams_a_backup_and_leaves_nothing_behind),
        CASE(shows_settings_and_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
