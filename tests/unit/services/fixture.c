/* See fixture.h. The signing here is the test's own, by the contract's rules. */
#include "fixture.h"

#include "crypto/base64.h"
#include "services/admin/admin.h"
#include "services/endpoint/endpoint.h"
#include "services/identity/identity.h"
#include "services/issuer/issuer.h"
#include "services/meta/meta.h"
#include "services/resources/arm.h"

#include <dirent.h>
#include <unistd.h>

#define WAIT_NS ((mono_ns)10 * 1000 * 1000 * 1000)

static const struct door socket_door = {.admin = true, .unix_socket = true, .loopback = true};
static const struct door admin_door = {
    .admin = true, .loopback = true, .port = 8090, .bound = STR_INIT("127.0.0.1")};

struct issuer_keys *fixture_issuer_keys;

/* ---- hooks ---- */

static enum rc port_free(void *ctx, uint16_t port)
{
    (void)ctx;
    return port == 7777 ? RC_CONFLICT : RC_OK;
}

static void write_settings(void *ctx, struct json_writer *w)
{
    (void)ctx;
    json_array_begin(w);
    json_object_begin(w);
    json_member_str(w, "name", STR("mode"));
    json_object_end(w);
    json_array_end(w);
}

static void write_status(void *ctx, struct json_writer *w)
{
    (void)ctx;
    json_member_str(w, "version", STR("1.2.3"));
}

static void write_metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_add(out, STR("callgate_extra 1\n"));
}

static bool ready(void *ctx, const char **why)
{
    const struct fixture *fx = ctx;

    *why = "starting";
    return !fx->not_ready;
}

/* ---- open and close ---- */

static void put_key(struct fixture *fx, struct change *c, const struct uuid *resource,
                    enum key_slot slot, unsigned key)
{
    struct secret secret;
    struct buf sealed;

    random_octets(fx->keys[key], sizeof fx->keys[key]);
    secret = secret_copy(fx->keys[key], sizeof fx->keys[key]);
    buf_init(&sealed, KIB);
    assert_int_equal(access_key_seal(fx->master, resource, slot, &secret, &sealed), RC_OK);
    c->kind = CHANGE_ACCESS_KEY_PUT;
    c->u.access_key = (struct access_key_row){.resource = *resource,
                                              .slot = slot,
                                              .generation = 1,
                                              .tokens_valid_from = 1,
                                              .sealed = buf_str(&sealed),
                                              .regenerated = clock_wall()};
    secret_clear(&secret);
}

static void put_resource(struct change *c, const struct uuid *id, struct str name, bool is_default)
{
    c->kind = CHANGE_RESOURCE_PUT;
    c->u.resource = (struct resource_row){.id = *id,
                                          .name = name,
                                          .location = STR("unitedstates"),
                                          .state = RESOURCE_ACTIVE,
                                          .is_default = is_default,
                                          .created = clock_wall() - (is_default ? 2000 : 1000),
                                          .group = RESOURCE_GROUP_DEFAULT,
                                          .data_location = STR("United States"),
                                          .properties = STR("{}")};
}

static void bootstrap(struct fixture *fx)
{
    struct change c[6] = {0};
    struct arena arena;

    arena_init(&arena);
    fx->resource = uuid_random();
    fx->other = uuid_random();
    put_resource(&c[0], &fx->resource, STR("default"), true);
    put_key(fx, &c[1], &fx->resource, KEY_PRIMARY, 0);
    put_key(fx, &c[2], &fx->resource, KEY_SECONDARY, 1);
    put_resource(&c[3], &fx->other, STR("other"), false);
    put_key(fx, &c[4], &fx->other, KEY_PRIMARY, 2);
    c[5].kind = CHANGE_SIGNING_KEY_PUT;
    assert_int_equal(signing_key_make(fx->master, JWS_ES256, STR("user"), clock_wall() - 1000,
                                      clock_wall() - 1000, &arena, &c[5].u.signing_key),
                     RC_OK);
    assert_int_equal(store_commit_wait(fx->store, c, ARRAY_LEN(c)), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        if (c[i].kind == CHANGE_ACCESS_KEY_PUT)
            free((void *)(uintptr_t)c[i].u.access_key.sealed.ptr);
    arena_clear(&arena);
}

static void open_store_and_gate(struct fixture *fx, bool production)
{
    struct secret octets = secret_random(MASTER_KEY_LEN);
    struct gate_options options = {.clock_skew_ms = 300000,
                                   .revocations_max = 1000,
                                   .development = !production,
                                   .issuer_keys = fixture_issuer_keys,
                                   .admin_token = secret_copy(ADMIN_TOKEN, strlen(ADMIN_TOKEN))};
    char path[128];
    struct buf why;

    buf_init(&why, KIB);
    snprintf(path, sizeof path, "%s/store.db", fx->dir);
    fx->master = master_key_new(&octets);
    secret_clear(&octets);
    assert_int_equal(store_open(&(struct store_options){.path = str_from(path)}, &fx->store, &why),
                     RC_OK);
    fx->source = (struct directory_source){
        .master = fx->master, .domain = STR("localhost"), .usage = key_usage_table_new()};
    fx->gate = gate_new(&options, &fx->source, fx->store, &fx->clock);
    store_watch(fx->store, gate_on_commit, fx->gate);
    bootstrap(fx);
    assert_int_equal(gate_load(fx->gate, &why), RC_OK);
    buf_clear(&why);
}

void fixture_open(struct fixture *fx, bool production)
{
    const struct route *tables[] = {identity_routes,
                                    admin_routes,
                                    meta_routes,
                                    issuer_routes,
                                    endpoint_routes,
                                    arm_routes,
                                    production ? metrics_admin_routes : metrics_public_routes};
    struct buf why;

    *fx = (struct fixture){0};
    snprintf(fx->dir, sizeof fx->dir, "/tmp/services-test-XXXXXX");
    assert_non_null(mkdtemp(fx->dir));
    open_store_and_gate(fx, production);
    fx->options = (struct site_options){.development = !production,
                                        .domain = STR("localhost"),
                                        .region = STR("amer"),
                                        .location = STR("unitedstates"),
                                        .scopes_any_version = true,
                                        .limits_factor = 1,
                                        .token_alg = JWS_ES256,
                                        .backup_dir = str_from(fx->dir),
                                        .https_port = 8443,
                                        .http_port = 8080};
    fx->hooks =
        (struct site_hooks){fx, port_free, write_settings, write_status, write_metrics, ready};
    site_shared_init(&fx->shared, &fx->options);
    fx->loop = loop_new(0);
    fx->reader = store_reader_new(fx->store);
    fx->gate_loop = gate_loop_new(fx->gate, fx->store, fx->reader);
    fx->work = hash_work_new();
    fx->site = (struct site){&fx->options, &fx->hooks,    &fx->shared, fx->loop, fx->store,
                             fx->reader,   fx->gate_loop, &fx->clock,  NULL};
    buf_init(&why, KIB);
    fx->router = router_new(tables, ARRAY_LEN(tables), &why);
    if (!fx->router)
        fail_msg(STR_FMT, STR_ARG(buf_str(&why)));
    fx->pipeline = pipeline_new(&(struct pipeline_options){.development = !production}, fx->router,
                                fx->gate_loop, &fx->site, NULL);
}

static void forget_call(struct fixture *fx)
{
    json_decref(fx->json);
    fx->json = NULL;
    request_fake_clear(&fx->fake);
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char name[512];

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        (void)unlink(name);
    }
    closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

void fixture_close(struct fixture *fx)
{
    forget_call(fx);
    fixture_settle(fx); /* what nobody waits for is given back on the loop */
    loop_timer_close(&fx->timer);
    pipeline_free(fx->pipeline);
    gate_loop_free(fx->gate_loop);
    store_reader_free(fx->reader);
    gate_detach(fx->gate);
    store_close(fx->store);
    loop_free(fx->loop);
    router_free(fx->router);
    gate_free(fx->gate);
    key_usage_table_free(fx->source.usage);
    master_key_free(fx->master);
    site_shared_clear(&fx->shared);
    hash_work_free(fx->work);
    remove_folder(fx->dir);
}

/* ---- calls ---- */

static void add_signature(struct fixture *fx, struct buf *head, const char *method,
                          const char *target, const char *host, const uint8_t key[64])
{
    uint8_t octets[SHA256_LEN];
    struct mac_key *mac = mac_key_new(key, 64);
    struct str body = fx->fake.req.body;
    char date[HTTP_DATE_LEN], hash[BASE64_LEN(SHA256_LEN)], signature[BASE64_LEN(SHA256_LEN)];
    char text[4096];
    int len;

    sha256(fx->work, body, octets);
    base64_encode(octets, sizeof octets, hash);
    time_to_http_date(clock_wall(), date);
    len = snprintf(text, sizeof text, "%s\n%s\n%.*s;%s;%.*s", method, target, (int)sizeof date,
                   date, host, (int)sizeof hash, hash);
    mac_sign(mac, fx->work, str_of(text, (size_t)len), octets);
    mac_key_free(mac);
    base64_encode(octets, sizeof octets, signature);
    buf_addf(head,
             "x-ms-date: %.*s\r\nx-ms-content-sha256: %.*s\r\nAuthorization: HMAC-SHA256 "
             "SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=%.*s\r\n",
             (int)sizeof date, date, (int)sizeof hash, hash, (int)sizeof signature, signature);
}

static const struct door metadata_door = {
    .identity = true, .metadata = true, .loopback = true, .port = 4001};

static void add_credential(struct fixture *fx, enum caller who, struct buf *head,
                           const char *method, const char *target)
{
    switch (who) {
    case PRIMARY:
    case SECONDARY:
        add_signature(fx, head, method, target, "localhost:8080", fx->keys[who - PRIMARY]);
        break;
    case OTHER:
        add_signature(fx, head, method, target, "other.localhost:8080", fx->keys[2]);
        break;
    case ADMIN_TCP:
        buf_add(head, STR("Authorization: Bearer " ADMIN_TOKEN "\r\n"));
        break;
    case USER:
        buf_addf(head, "Authorization: Bearer " STR_FMT "\r\n", STR_ARG(fx->token));
        break;
    case PROGRAM:
        buf_add(head, STR("Metadata: true\r\n"));
        break;
    case NOBODY:
    case ADMIN:
        break;
    }
}

static const struct door *door_of(enum caller who)
{
    if (who == PROGRAM)
        return &metadata_door;
    return who == ADMIN ? &socket_door : who == ADMIN_TCP ? &admin_door : &request_fake_door;
}

static void run_call(struct fixture *fx, struct buf *head, struct str body)
{
    buf_add(head, STR("\r\n"));
    fx->fake.req.loop = fx->loop;
    fx->fake.req.site = &fx->site;
    fx->fake.req.now = clock_now(&fx->clock);
    assert_int_equal(request_fake_parse_with(&fx->fake, buf_cstr(head), body), RC_OK);
    buf_clear(head);
    assert_true(pipeline_head(fx->pipeline, &fx->fake.req) >= body.len);
    pipeline_run(fx->pipeline, &fx->fake.req);
}

void call_form_begin(struct fixture *fx, const char *target, const char *headers, const char *form)
{
    struct buf head;

    forget_call(fx);
    request_fake_init(&fx->fake, &request_fake_door);
    buf_init(&head, 64 * KIB);
    buf_addf(&head,
             "POST %s HTTP/1.1\r\nHost: localhost:8080\r\n"
             "Content-Type: application/x-www-form-urlencoded;charset=utf-8\r\n%s",
             target, headers);
    run_call(fx, &head, str_from(form));
}

void call_begin(struct fixture *fx, enum caller who, const char *method, const char *target,
                const char *body)
{
    struct str text = str_from(body);
    struct buf head;

    forget_call(fx);
    request_fake_init(&fx->fake, door_of(who));
    buf_init(&head, 64 * KIB);
    buf_addf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target,
             who == OTHER       ? "other.localhost:8080"
             : who == ADMIN     ? "localhost"
             : who == ADMIN_TCP ? "localhost:8090"
                                : "localhost:8080");
    if (text.len)
        buf_add(&head, STR("Content-Type: application/json\r\n"));
    fx->fake.req.body = text;
    add_credential(fx, who, &head, method, target);
    run_call(fx, &head, text);
}

static void tick(void *ctx)
{
    struct fixture *fx = ctx;

    if (fx->fake.wants_piece)
        (void)request_fake_pump(&fx->fake, 1);
    if (fx->fake.done || clock_mono() > fx->give_up)
        loop_stop(fx->loop);
}

static void stop(void *ctx)
{
    loop_stop(ctx);
}

void fixture_spin(struct fixture *fx, unsigned ms)
{
    loop_timer_start(fx->loop, &fx->timer, ms, 0, stop, fx->loop);
    loop_run(fx->loop);
    loop_timer_stop(&fx->timer);
}

void fixture_settle(struct fixture *fx)
{
    struct change change = {.kind = CHANGE_META_PUT, .u.meta = {STR("test.settled"), STR("yes")}};

    assert_int_equal(store_commit_wait(fx->store, &change, 1), RC_OK);
    fixture_spin(fx, 5);
}

int call_wait(struct fixture *fx)
{
    const char *why;

    fx->give_up = clock_mono() + WAIT_NS;
    if (!fx->fake.done) {
        loop_timer_start(fx->loop, &fx->timer, 1, 1, tick, fx);
        loop_run(fx->loop);
        loop_timer_stop(&fx->timer);
    }
    if (!fx->fake.done)
        fail_msg("no answer to " STR_FMT, STR_ARG(fx->fake.req.target));
    fx->status = fx->fake.status;
    if (fx->fake.body.len && fx->fake.body.ptr[0] == '{' &&
        json_read(fx->fake.body, &fx->json, &why))
        fx->json = NULL;
    pipeline_finished(fx->pipeline, &fx->fake.req, fx->fake.octets.len);
    return fx->status;
}

int call(struct fixture *fx, enum caller who, const char *method, const char *target,
         const char *body)
{
    call_begin(fx, who, method, target, body);
    return call_wait(fx);
}

/* ---- looking at answers ---- */

json_t *json_at(const struct fixture *fx, const char *path)
{
    struct str rest = str_from(path), name;
    json_t *at = fx->json;

    while (at && rest.len) {
        char text[64];

        str_cut(rest, '.', &name, &rest);
        snprintf(text, sizeof text, STR_FMT, STR_ARG(name));
        if (json_is_array(at))
            at = json_array_get(at, (size_t)(text[0] - '0'));
        else
            at = json_object_get(at, text);
    }
    return at;
}

const char *text_at(const struct fixture *fx, const char *path)
{
    const char *text = json_string_value(json_at(fx, path));

    return text ? text : "";
}

int64_t int_at(const struct fixture *fx, const char *path)
{
    return json_integer_value(json_at(fx, path));
}

void check_error(const struct fixture *fx, int status, const char *code, const char *message,
                 const char *target)
{
    if (fx->status != status)
        fail_msg("status %d, not %d: " STR_FMT, fx->status, status, STR_ARG(fx->fake.body));
    if (code)
        assert_string_equal(text_at(fx, "error.code"), code);
    if (message)
        assert_string_equal(text_at(fx, "error.message"), message);
    if (target)
        assert_string_equal(text_at(fx, "error.target"), target);
}

const char *path_of(unsigned slot, const char *fmt, ...)
{
    static char text[4][4096];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text[slot % 4], sizeof text[0], fmt, args);
    va_end(args);
    return text[slot % 4];
}
