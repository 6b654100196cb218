/* Principals: the administrator's doors, user tokens through their life, minting, failure rate. */
#include "unit/gate/fixture.h"

#include "crypto/base64.h"

#include <arpa/inet.h>
#include <stdio.h>

static const struct route any_row = {
    GET,       "/admin/whoami",
    &test_api, ACCEPT_KEY | ACCEPT_ENTRA | ACCEPT_USER | ACCEPT_ADMIN,
    NEED_ANY,  KIB,
    NULL,      PLANE_ADMIN,
    KIND_REPLY};
static const struct route handler_row = {POST, "/access", &test_api,  ACCEPT_HANDLER, NEED_NOTHING,
                                         KIB,  NULL,      PLANE_WIRE, KIND_REPLY};
static const struct route open_row = {GET, "/health", &test_api,  ACCEPT_NOBODY, NEED_NOTHING,
                                      KIB, NULL,      PLANE_WIRE, KIND_REPLY};

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

struct outcome {
    const struct api_error *error;
    struct principal who; /* kind NONE: nobody */
    char resource[32], explain[512];
};

struct visit {
    const struct door *door;
    const struct route *row;
    const char *peer; /* NULL: 127.0.0.1 */
    unix_ms now;      /* 0: NOW */
};

static struct outcome visit(struct fixture *f, const struct visit *v, const struct recipe *r)
{
    struct request_fake fake;
    struct outcome out = {0};
    bool known;

    request_fake_init(&fake, v->door);
    fixture_request(&fake, r, v->row);
    if (v->peer) {
        fake.req.peer.ip = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
        assert_int_equal(inet_pton(AF_INET, v->peer, &fake.req.peer.ip.s6_addr[12]), 1);
        fake.req.peer.loopback = false;
        request_addresses(&fake.req);
    }
    if (v->now)
        fake.req.now = v->now;
    fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
    out.error = gate_identify(f->gl, &fake.req);
    if (fake.req.principal) {
        assert_null(out.error);
        out.who = *fake.req.principal;
        if (out.who.resource)
            (void)snprintf(out.resource, sizeof out.resource, STR_FMT,
                           STR_ARG(out.who.resource->name));
    }
    (void)snprintf(out.explain, sizeof out.explain, STR_FMT, STR_ARG(fake.req.explain));
    request_fake_clear(&fake);
    return out;
}

static void lets_the_administrator_in_at_his_doors_alone(void **state)
{
    static const struct {
        const char *name;
        const struct door *door;
        struct recipe r;
        enum principal_kind kind;
        const struct api_error *error;
        const char *resource;
    } cases[] = {
        {"socket without a credential",
         &socket_door,
         {.authorization = ""},
         PRINCIPAL_ADMINISTRATOR,
         NULL,
         "default"},
        {"socket, any host",
         &socket_door,
         {.authorization = "", .host = "evil.example"},
         PRINCIPAL_ADMINISTRATOR,
         NULL,
         "default"},
        {"socket, naming a resource",
         &socket_door,
         {.authorization = "", .target = "/admin/whoami?resource=other"},
         PRINCIPAL_ADMINISTRATOR,
         NULL,
         "other"},
        {"socket, naming nobody's",
         &socket_door,
         {.authorization = "", .target = "/admin/whoami?resource=nobody"},
         PRINCIPAL_NONE,
         &API_NOT_FOUND,
         ""},
        {"listener with the token",
         &admin_door,
         {.authorization = "Bearer " ADMIN},
         PRINCIPAL_ADMINISTRATOR,
         NULL,
         "default"},
        {"listener with the token, scheme in lower case",
         &admin_door,
         {.authorization = "bearer " ADMIN},
         PRINCIPAL_ADMINISTRATOR,
         NULL,
         "default"},
        {"listener with the token and a strange host",
         &admin_door,
         {.authorization = "Bearer " ADMIN, .host = "evil.example"},
         PRINCIPAL_NONE,
         &API_DENIED,
         ""},
        {"listener without", &admin_door, {.authorization = ""}, PRINCIPAL_NONE, &API_DENIED, ""},
        {"listener with a longer token",
         &admin_door,
         {.authorization = "Bearer " ADMIN "0"},
         PRINCIPAL_NONE,
         &API_DENIED,
         ""},
        {"public listener with the token",
         &tls_door,
         {.authorization = "Bearer " ADMIN},
         PRINCIPAL_NONE,
         &API_DENIED,
         ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct visit v = {.door = cases[i].door, .row = &any_row};
        struct recipe r = cases[i].r;

        r.method = "GET";
        struct outcome o = visit(*state, &v, &r);
        if (o.error != cases[i].error || o.who.kind != cases[i].kind ||
            strcmp(o.resource, cases[i].resource) != 0)
            fail_msg("%s: %s", cases[i].name, o.explain);
    }
}

static void reads_the_peers_uid_on_the_socket(void **state)
{
    struct visit v = {.door = &socket_door, .row = &any_row};
    struct outcome o = visit(*state, &v, &(struct recipe){.authorization = ""});

    assert_int_equal(o.who.kind, PRINCIPAL_ADMINISTRATOR);
    assert_true(o.who.uid != (uint32_t)-1);
}

static void refuses_bearers_on_plain_http_from_afar(void **state)
{
    struct fixture *f = *state;
    struct mint m = {.user = {.resource = f->resource, .user = uuid_random()}};
    char *token = fixture_mint(f, &m), auth[2048];
    struct recipe r = {.method = "GET", .authorization = auth};
    struct visit far_plain = {.door = &plain_door, .row = &any_row, .peer = "192.0.2.9"};
    struct visit near_plain = {.door = &plain_door, .row = &any_row};
    struct visit far_tls = {.door = &tls_door, .row = &any_row, .peer = "192.0.2.9"};

    (void)snprintf(auth, sizeof auth, "Bearer %s", token);
    struct outcome o = visit(f, &far_plain, &r);
    assert_ptr_equal(o.error, &API_DENIED);
    assert_non_null(strstr(o.explain, "plain HTTP"));
    assert_null(visit(f, &near_plain, &r).error);
    assert_null(visit(f, &far_tls, &r).error);
    assert_null(visit(f, &far_plain, &(struct recipe){0}).error); /* a signature may */
    free(token);
}

static void leaves_tokens_to_the_handler_where_the_row_says_so(void **state)
{
    struct visit v = {.door = &tls_door, .row = &handler_row};
    struct outcome o = visit(*state, &v, &(struct recipe){.authorization = "Bearer anything"});

    assert_null(o.error);
    assert_int_equal(o.who.kind, PRINCIPAL_NONE);
    assert_ptr_equal(visit(*state, &v, &(struct recipe){.authorization = ""}).error, &API_DENIED);
    assert_ptr_equal(visit(*state, &v, &(struct recipe){0}).error, &API_DENIED); /* a signature */
    assert_ptr_equal(
        visit(*state, &v, &(struct recipe){.authorization = "Bearer x", .host = "evil.example"})
            .error,
        &API_DENIED);
    v.row = &open_row;
    assert_null(visit(*state, &v, &(struct recipe){.authorization = ""}).error);
}

static void lets_in_without_a_token_where_the_query_may_stand_for_it(void **state)
{
    static const struct route row = {GET,       "/socket.io/1",
                                     &test_api, ACCEPT_USER | ACCEPT_SKYPETOKEN | ACCEPT_QUERY,
                                     NEED_ANY,  KIB,
                                     NULL,      PLANE_WIRE,
                                     KIND_REPLY};
    struct visit v = {.door = &plain_door, .row = &row};
    struct recipe r = {.target = "/socket.io/1", .authorization = ""};
    struct outcome o = visit(*state, &v, &r);

    assert_null(o.error);
    r.extra = "X-Skypetoken: a.b.c\r\n";
    o = visit(*state, &v, &r);
    assert_int_equal(o.error->status, 401);
}

static void takes_a_user_token_from_another_header_where_the_row_says_so(void **state)
{
    static const struct route row = {POST,      "/v4/a", &test_api, ACCEPT_USER | ACCEPT_SKYPETOKEN,
                                     NEED_ANY,  KIB,     NULL,      PLANE_WIRE,
                                     KIND_REPLY};
    struct fixture *f = *state;
    struct mint m = {.user = {.resource = f->resource, .user = uuid_random()}};
    char *token = fixture_mint(f, &m), good[2048], twice[4096], cut[2048], prefixed[2048];
    const struct {
        const char *name, *extra, *authorization, *peer, *explain;
    } cases[] = {
        {"the token", good, "", NULL, NULL},
        {"the token, beside another credential", good, "Bearer x", NULL, NULL},
        {"the token, over plain HTTP from afar", good, "", "192.0.2.9", "plain HTTP"},
        {"no header", "", "", NULL, "has no X-Skypetoken header"},
        {"a token in Authorization alone", "", NULL, NULL, "has no X-Skypetoken header"},
        {"two headers", twice, "", NULL, "several X-Skypetoken headers"},
        {"a token that was cut", cut, "", NULL, "does not verify"},
        {"a scheme before it", prefixed, "", NULL, "user token;"},
        {"nothing in it", "X-Skypetoken: \r\n", "", NULL, "user token;"},
        {"garbage", "X-Skypetoken: a.b.c\r\n", "", NULL, "user token;"},
    };

    (void)snprintf(good, sizeof good, "X-Skypetoken: %s\r\n", token);
    (void)snprintf(twice, sizeof twice, "%s%s", good, good);
    (void)snprintf(cut, sizeof cut, "X-Skypetoken: %.*sAAAA\r\n", (int)strlen(token) - 4, token);
    (void)snprintf(prefixed, sizeof prefixed, "X-Skypetoken: Bearer %s\r\n", token);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct visit v = {.door = &plain_door, .row = &row, .peer = cases[i].peer};
        struct recipe r = {
            .target = "/v4/a", .extra = cases[i].extra, .authorization = cases[i].authorization};
        struct outcome o = visit(f, &v, &r);

        print_message("%s\n", cases[i].name);
        if (!cases[i].explain) {
            assert_null(o.error);
            assert_int_equal(o.who.kind, PRINCIPAL_USER);
            continue;
        }
        assert_ptr_equal(o.error, &API_DENIED);
        assert_non_null(strstr(o.explain, cases[i].explain));
    }
    free(token);
}

static const struct api_error *try_token(struct fixture *f, const char *token, unix_ms now,
                                         char out_explain[static 512])
{
    struct visit v = {.door = &tls_door, .row = &any_row, .now = now};
    char auth[4096];

    (void)snprintf(auth, sizeof auth, "Bearer %s", token);
    struct outcome o = visit(f, &v, &(struct recipe){.method = "GET", .authorization = auth});
    memcpy(out_explain, o.explain, 512);
    if (!o.error)
        assert_int_equal(o.who.kind, PRINCIPAL_USER);
    return o.error;
}

static void follows_a_user_token_through_its_life(void **state)
{
    struct fixture *f = *state;
    struct mint m = {.resource = gate_directory(f->gl)->default_resource,
                     .user = {.resource = f->resource, .user = uuid_random()},
                     .issued_by = PRINCIPAL_ACCESS_KEY,
                     .key = KEY_PRIMARY,
                     .key_generation = 1};
    char *by_primary = fixture_mint(f, &m), why[512];
    m.key = KEY_SECONDARY;
    char *by_secondary = fixture_mint(f, &m);
    m.issued_by = PRINCIPAL_ADMINISTRATOR;
    char *by_nobody = fixture_mint(f, &m);

    assert_null(try_token(f, by_primary, NOW + 3599999, why));
    assert_ptr_equal(try_token(f, by_primary, NOW + 3600000, why), &API_DENIED);
    assert_string_equal(why, "user token; it has expired");
    assert_ptr_equal(try_token(f, by_primary, NOW - 1000, why), &API_DENIED);
    assert_string_equal(why, "user token; it was issued in the future (iat)");
    fixture_put_key(f, &f->resource, KEY_PRIMARY, KEY_3, 2, 1); /* keepTokens */
    assert_null(try_token(f, by_primary, NOW, why));
    fixture_put_key(f, &f->resource, KEY_PRIMARY, KEY_3, 3, 3);
    assert_ptr_equal(try_token(f, by_primary, NOW, why), &API_DENIED);
    assert_string_equal(why, "user token; the access key that issued it was regenerated");
    assert_null(try_token(f, by_secondary, NOW, why));
    fixture_put_resource(f, &f->resource, "default", "", RESOURCE_DISABLED);
    assert_ptr_equal(try_token(f, by_nobody, NOW, why), &API_DENIED);
    assert_string_equal(why, "user token; its resource does not exist, or is disabled");
    fixture_put_resource(f, &f->resource, "default", "", RESOURCE_ACTIVE);
    assert_null(try_token(f, by_nobody, NOW, why));
    free(by_primary);
    free(by_secondary);
    free(by_nobody);
}

static void kills_tokens_of_the_revoked_and_the_deleted(void **state)
{
    struct fixture *f = *state;
    struct user_key user = {.resource = f->resource, .user = uuid_ordered(NOW)};
    struct mint m = {.user = user, .now = NOW};
    char *token = fixture_mint(f, &m), why[512];
    struct buf sentence;

    fixture_commit(
        f, (struct change){.kind = CHANGE_USER_ADD, .u.user = {.key = user, .created = NOW}});
    assert_null(try_token(f, token, NOW, why));
    fixture_commit(f, (struct change){.kind = CHANGE_USER_VALID_FROM,
                                      .u.user = {.key = user, .valid_from = NOW, .revoked = NOW}});
    assert_null(try_token(f, token, NOW, why));
    fixture_commit(
        f, (struct change){.kind = CHANGE_USER_VALID_FROM,
                           .u.user = {.key = user, .valid_from = NOW + 1, .revoked = NOW + 1}});
    assert_ptr_equal(try_token(f, token, NOW + 1, why), &API_DENIED);
    assert_non_null(strstr(why, "issued before the time"));
    fixture_commit(f, (struct change){.kind = CHANGE_USER_REVOKE,
                                      .u.user = {.key = user, .revoked = NOW + 2}});
    assert_ptr_equal(try_token(f, token, NOW + 2, why), &API_DENIED);
    assert_string_equal(why, "user token; it was revoked");
    fixture_commit(
        f, (struct change){.kind = CHANGE_USER_DELETE,
                           .u.user = {.key = user, .deleted = NOW + 3, .revoked = NOW + 3}});
    assert_ptr_equal(try_token(f, token, NOW + 3, why), &API_DENIED);
    assert_string_equal(why, "user token; the user was deleted");
    assert_int_equal(gate_revocations_held(f->gate), 1);
    buf_init(&sentence, KIB);
    assert_int_equal(gate_load(f->gate, &sentence), RC_OK); /* as at a start */
    assert_int_equal(gate_revocations_held(f->gate), 1);
    assert_ptr_equal(try_token(f, token, NOW + 3, why), &API_DENIED);
    f->clock.frozen_ms = NOW + 2 * TOKEN_LONGEST_MS;
    gate_tick(f->gate);
    assert_int_equal(gate_revocations_held(f->gate), 0);
    free(token);
    buf_clear(&sentence);
}

static void reads_the_row_when_memory_is_full(void **state)
{
    struct fixture f;
    struct gate_options o = {.development = true, .revocations_max = 1};
    char *tokens[3], why[512];
    struct user_key users[3];

    (void)state;
    fixture_init(&f, &o);
    for (size_t i = 0; i < 3; i++) {
        users[i] = (struct user_key){.resource = f.resource, .user = uuid_ordered(NOW)};
        struct mint m = {.user = users[i]};
        tokens[i] = fixture_mint(&f, &m);
        if (i < 2)
            fixture_commit(&f, (struct change){.kind = CHANGE_USER_ADD,
                                               .u.user = {.key = users[i], .created = NOW}});
    }
    assert_null(try_token(&f, tokens[2], NOW, why)); /* certain: no row is asked for */
    for (size_t i = 0; i < 2; i++)
        fixture_commit(&f, (struct change){.kind = CHANGE_USER_REVOKE,
                                           .u.user = {.key = users[i], .revoked = NOW}});
    assert_int_equal(gate_revocations_held(f.gate), 1);
    for (size_t i = 0; i < 2; i++) {
        assert_ptr_equal(try_token(&f, tokens[i], NOW, why), &API_DENIED);
        assert_string_equal(why, "user token; it was revoked");
    }
    assert_ptr_equal(try_token(&f, tokens[2], NOW, why), &API_DENIED);
    assert_string_equal(why, "user token; the user does not exist");
    for (size_t i = 0; i < 3; i++)
        free(tokens[i]);
    fixture_clear(&f);
}

static void mints_what_the_contract_says(void **state)
{
    struct fixture *f = *state;
    struct mint m = {.user = {.resource = f->resource, .user = f->other},
                     .issued_by = PRINCIPAL_ACCESS_KEY,
                     .key = KEY_SECONDARY,
                     .key_generation = 3,
                     .generation = 2,
                     .now = NOW + 999,
                     .minutes = 1440};
    static const char want[] =
        "{\"skypeid\":\"acs:00000000-0000-0000-0000-000000000001_"
        "00000000-0000-0000-0000-000000000002\",\"scp\":1792,\"csi\":\"1795446000\","
        "\"exp\":1795532400,\"rgn\":\"amer\",\"acsScope\":\"chat,voip\",\"resourceId\":"
        "\"00000000-0000-0000-0000-000000000001\",\"resourceLocation\":\"unitedstates\","
        "\"iat\":1795446000,\"jti\":\"";
    static const char tail[] = "\",\"cgk\":\"s3\",\"cgg\":2,\"iss\":\"https://localhost:8443\"}";
    char *one = fixture_mint(f, &m), *two = fixture_mint(f, &m), payload[2048];
    struct str head, rest, body, sig;
    size_t len;

    assert_string_not_equal(one, two);
    assert_true(str_cut(str_from(one), '.', &head, &rest));
    assert_true(str_cut(rest, '.', &body, &sig));
    assert_int_equal(str_find(body, '-'), body.len);
    assert_int_equal(str_find(body, '_'), body.len);
    assert_int_equal(base64url_decode(body, payload, sizeof payload, &len), RC_OK);
    assert_true(str_starts(str_of(payload, len), str_from(want)));
    assert_true(str_ends(str_of(payload, len), str_from(tail)));
    assert_int_equal(len, sizeof want - 1 + 32 + sizeof tail - 1);
    assert_true(strlen(one) <= 2048);
    free(one);
    free(two);
}

/* A region of any text: the payload stays ASCII that needs neither '-' nor '_'. */
static void mints_ascii_whatever_the_settings_say(void **state)
{
    static const char *const texts[] = {"a>b?c~d", "??????", "Zürich", "\"\\\n", "\xff\xfe", "👋"};
    static const unsigned order[] = {SCOPE_VOIP_JOIN};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct mint m = {.user = {.resource = f->resource},
                         .scopes = SCOPE_VOIP_JOIN,
                         .order = order,
                         .order_count = 1,
                         .now = NOW,
                         .minutes = 60,
                         .origin = STR("http://localhost"),
                         .region = str_from(texts[i]),
                         .location = str_from(texts[i])};
        struct str head, rest, body, sig;
        char payload[2048], why[512];
        struct buf out;
        unix_ms expires;
        json_t *json;
        size_t len;

        buf_init(&out, 8 * KIB);
        assert_int_equal(gate_mint(f->gl, &m, &out, &expires), RC_OK);
        assert_true(str_cut(buf_str(&out), '.', &head, &rest));
        assert_true(str_cut(rest, '.', &body, &sig));
        assert_int_equal(str_find(body, '-'), body.len);
        assert_int_equal(str_find(body, '_'), body.len);
        assert_int_equal(base64url_decode(body, payload, sizeof payload, &len), RC_OK);
        assert_int_equal(json_read(str_of(payload, len), &json, NULL), RC_OK);
        if (str_is_utf8(str_from(texts[i])))
            assert_string_equal(json_string_value(json_object_get(json, "rgn")), texts[i]);
        json_decref(json);
        assert_null(try_token(f, buf_cstr(&out), NOW, why));
        buf_clear(&out);
    }
}

static void answers_429_to_failures_over_the_rate_and_serves_the_rest(void **state)
{
    struct fixture f;
    struct gate_options o = {.development = true, .fail_rate = 3};
    struct visit attacker = {.door = &tls_door, .row = &any_row, .peer = "192.0.2.1"};
    struct visit other = {.door = &tls_door, .row = &any_row, .peer = "192.0.2.2"};
    struct visit local = {.door = &tls_door, .row = &any_row};
    struct recipe wrong = {.key = "wrong"}, java = {.signed_host = "localhost"};

    (void)state;
    fixture_init(&f, &o);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(visit(&f, &attacker, &wrong).error, &API_DENIED);
    assert_ptr_equal(visit(&f, &attacker, &wrong).error, &API_TOO_MANY_REQUESTS);
    assert_null(visit(&f, &attacker, &(struct recipe){0}).error); /* verifies: served */
    assert_ptr_equal(visit(&f, &attacker, &java).error, &API_TOO_MANY_REQUESTS); /* plain only */
    assert_null(visit(&f, &other, &java).error);
    assert_ptr_equal(visit(&f, &other, &wrong).error, &API_DENIED);
    for (int i = 0; i < 9; i++)
        assert_ptr_equal(visit(&f, &local, &wrong).error, &API_DENIED); /* loopback, development */
    fixture_clear(&f);
}

static void explains_to_loopback_and_to_whom_it_was_told(void **state)
{
    struct fixture f;
    struct cidr to[1];
    struct gate_options o = {.development = true, .explain_to = to, .explain_to_count = 1};
    struct visit v = {.door = &tls_door, .row = &any_row};
    struct recipe wrong = {.key = "wrong"};

    (void)state;
    assert_int_equal(cidr_parse(STR("192.0.2.0/24"), &to[0]), RC_OK);
    fixture_init(&f, &o);
    assert_non_null(strstr(visit(&f, &v, &wrong).explain, "path="));
    v.peer = "192.0.2.77";
    assert_non_null(strstr(visit(&f, &v, &wrong).explain, "path="));
    v.peer = "198.51.100.1";
    assert_string_equal(visit(&f, &v, &wrong).explain, "signature");
    fixture_clear(&f);
}

static void knows_an_address_only_at_its_own_listener(void **state)
{
    static const struct door bound = {.tls = true, .port = 8443, .bound = STR_INIT("192.0.2.1")};
    struct visit here = {.door = &bound, .row = &any_row};
    struct visit elsewhere = {.door = &tls_door, .row = &any_row};
    struct recipe r = {.host = "192.0.2.1:8443"};

    assert_null(visit(*state, &here, &r).error);
    assert_ptr_equal(visit(*state, &elsewhere, &r).error, &API_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lets_the_administrator_in_at_his_doors_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reads_the_peers_uid_on_the_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_bearers_on_plain_http_from_afar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_tokens_to_the_handler_where_the_row_says_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            takes_a_user_token_from_another_header_where_the_row_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_in_without_a_token_where_the_query_may_stand_for_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(follows_a_user_token_through_its_life, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kills_tokens_of_the_revoked_and_the_deleted, set_up,
                                        tear_down),
        cmocka_unit_test(reads_the_row_when_memory_is_full),
        cmocka_unit_test_setup_teardown(mints_what_the_contract_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mints_ascii_whatever_the_settings_say, set_up, tear_down),
        cmocka_unit_test(answers_429_to_failures_over_the_rate_and_serves_the_rest),
        cmocka_unit_test(explains_to_loopback_and_to_whom_it_was_told),
        cmocka_unit_test_setup_teardown(knows_an_address_only_at_its_own_listener, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
