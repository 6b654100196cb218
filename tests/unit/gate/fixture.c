/* See fixture.h. */
#include "unit/gate/fixture.h"

#include "crypto/base64.h"

#include <stdio.h>
#include <unistd.h>

const struct door tls_door = {
    .tls = true, .loopback = true, .port = 8443, .bound = STR_INIT("127.0.0.1")};
const struct door plain_door = {.loopback = true, .port = 8080, .bound = STR_INIT("127.0.0.1")};
const struct door admin_door = {
    .admin = true, .loopback = true, .port = 9090, .bound = STR_INIT("127.0.0.1")};
const struct door identity_door = {
    .identity = true, .loopback = true, .port = 4001, .bound = STR_INIT("127.0.0.1")};
const struct door socket_door = {.admin = true, .unix_socket = true, .loopback = true};

const struct service test_service = {
    .name = STR_INIT("test"),
    .unauthorized = &API_DENIED,
    .forbidden = &API_FORBIDDEN,
    .challenge = STR_INIT("HMAC-SHA256, Bearer"),
};
const struct api test_api = {&test_service, 0, 0};

static void on_commit(void *ctx, const struct log_entry *entries, size_t n)
{
    struct fixture *f = ctx;

    if (f->gate)
        gate_on_commit(f->gate, entries, n);
}

void fixture_commit(struct fixture *f, struct change change)
{
    assert_int_equal(store_commit_wait(f->store, &change, 1), RC_OK);
}

void fixture_put_key(struct fixture *f, const struct uuid *resource, enum key_slot slot,
                     const char *octets, uint32_t generation, uint32_t tokens_valid_from)
{
    struct secret secret = secret_copy(octets, strlen(octets));
    struct buf sealed;

    buf_init(&sealed, 4 * KIB);
    assert_int_equal(access_key_seal(f->master, resource, slot, &secret, &sealed), RC_OK);
    fixture_commit(f, (struct change){.kind = CHANGE_ACCESS_KEY_PUT,
                                      .u.access_key = {.resource = *resource,
                                                       .slot = slot,
                                                       .generation = generation,
                                                       .tokens_valid_from = tokens_valid_from,
                                                       .sealed = buf_str(&sealed),
                                                       .regenerated = NOW}});
    buf_clear(&sealed);
    secret_clear(&secret);
}

void fixture_put_resource(struct fixture *f, const struct uuid *id, const char *name,
                          const char *names, enum resource_state state)
{
    fixture_commit(f, (struct change){.kind = CHANGE_RESOURCE_PUT,
                                      .u.resource = {.id = *id,
                                                     .name = str_from(name),
                                                     .location = STR("unitedstates"),
                                                     .names = str_from(names),
                                                     .state = state,
                                                     .is_default = uuid_eq(id, &f->resource),
                                                     .created = NOW,
                                                     .group = RESOURCE_GROUP_DEFAULT,
                                                     .data_location = STR("United States"),
                                                     .properties = STR("{}")}});
}

void fixture_add_signing_key(struct fixture *f, unix_ms active_from, char out_kid[static 64])
{
    struct arena arena;
    struct signing_key_row row;

    arena_init(&arena);
    assert_int_equal(
        signing_key_make(f->master, JWS_ES256, STR("user"), NOW, active_from, &arena, &row), RC_OK);
    memcpy(out_kid, row.kid.ptr, row.kid.len);
    out_kid[row.kid.len] = '\0';
    fixture_commit(f, (struct change){.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key = row});
    arena_clear(&arena);
}

struct retiring {
    struct arena arena;
    struct signing_key_row row;
};

static void take_first(void *ctx, const struct signing_key_row *row)
{
    struct retiring *r = ctx;

    if (row->active_from > NOW)
        return;
    r->row = *row;
    r->row.kid = arena_dup(&r->arena, row->kid);
    r->row.alg = arena_dup(&r->arena, row->alg);
    r->row.purpose = arena_dup(&r->arena, row->purpose);
    r->row.sealed = arena_dup(&r->arena, row->sealed);
}

void fixture_retire_signing_keys(struct fixture *f, unix_ms retired)
{
    struct retiring r = {0};

    arena_init(&r.arena);
    assert_int_equal(store_each_signing_key(f->reader, &r.arena, take_first, &r), RC_OK);
    r.row.retired = retired;
    fixture_commit(f, (struct change){.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key = r.row});
    arena_clear(&r.arena);
}

static void open_store(struct fixture *f)
{
    struct buf why;
    char path[128];

    memcpy(f->dir, "/tmp/callgate-gate-XXXXXX", 26);
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(path, sizeof path, "%s/store", f->dir);
    buf_init(&why, KIB);
    struct store_options options = {.path = str_from(path)};
    assert_int_equal(store_open(&options, &f->store, &why), RC_OK);
    buf_clear(&why);
}

void fixture_init(struct fixture *f, const struct gate_options *options)
{
    struct secret octets = secret_copy("0123456789abcdef0123456789abcdef", MASTER_KEY_LEN);
    struct buf why;
    char kid[64];

    *f = (struct fixture){.clock.frozen_ms = NOW};
    f->options = options ? *options : (struct gate_options){.development = true};
    if (!f->options.clock_skew_ms)
        f->options.clock_skew_ms = 300000;
    if (!f->options.revocations_max)
        f->options.revocations_max = 1000;
    if (!f->options.token_cache)
        f->options.token_cache = 8192;
    f->options.admin_token = secret_copy(ADMIN, sizeof ADMIN - 1);
    f->master = master_key_new(&octets);
    secret_clear(&octets);
    f->usage = key_usage_table_new();
    f->work = hash_work_new();
    f->source = (struct directory_source){
        .master = f->master, .domain = STR("localhost"), .usage = f->usage};
    assert_int_equal(uuid_parse(STR("00000000-0000-0000-0000-000000000001"), &f->resource), RC_OK);
    assert_int_equal(uuid_parse(STR("00000000-0000-0000-0000-000000000002"), &f->other), RC_OK);
    open_store(f);
    store_watch(f->store, on_commit, f);
    f->gate = gate_new(&f->options, &f->source, f->store, &f->clock);
    buf_init(&why, KIB);
    assert_int_equal(gate_load(f->gate, &why), RC_OK);
    buf_clear(&why);
    fixture_put_resource(f, &f->resource, "default", "rec.localhost", RESOURCE_ACTIVE);
    fixture_put_resource(f, &f->other, "other", "", RESOURCE_ACTIVE);
    fixture_put_key(f, &f->resource, KEY_PRIMARY, KEY_1, 1, 1);
    fixture_put_key(f, &f->resource, KEY_SECONDARY, KEY_2, 1, 1);
    fixture_put_key(f, &f->other, KEY_PRIMARY, KEY_3, 1, 1);
    fixture_add_signing_key(f, NOW, kid);
    f->reader = store_reader_new(f->store);
    f->gl = gate_loop_new(f->gate, f->store, f->reader);
}

void fixture_clear(struct fixture *f)
{
    char command[128];

    gate_loop_free(f->gl);
    gate_detach(f->gate);
    store_reader_free(f->reader);
    store_close(f->store);
    gate_free(f->gate);
    key_usage_table_free(f->usage);
    master_key_free(f->master);
    hash_work_free(f->work);
    (void)snprintf(command, sizeof command, "rm -r '%s'", f->dir);
    assert_int_equal(system(command), 0);
}

static const char *or_else(const char *own, const char *other)
{
    return own ? own : other;
}

static void add_hash(struct buf *out, const char *body)
{
    struct hash_work *work = hash_work_new();
    uint8_t hash[SHA256_LEN];
    char text[BASE64_LEN(SHA256_LEN)];

    sha256(work, str_from(body), hash);
    buf_add(out, str_of(text, base64_encode(hash, sizeof hash, text)));
    hash_work_free(work);
}

static void add_authorization(struct buf *out, const struct recipe *r, struct str hash)
{
    const char *octets = or_else(r->key, KEY_1);
    struct mac_key *key = mac_key_new(octets, strlen(octets));
    struct hash_work *work = hash_work_new();
    uint8_t mac[SHA256_LEN];
    char text[BASE64_LEN(SHA256_LEN)];
    struct buf sts;

    buf_init(&sts, 64 * KIB);
    buf_addf(&sts, "%s\n%s\n%s;%s;" STR_FMT, or_else(r->method, "POST"),
             or_else(r->signed_target, or_else(r->target, TARGET)), or_else(r->date, HTTPDAY),
             or_else(r->signed_host, or_else(r->host, "localhost:8443")), STR_ARG(hash));
    mac_sign(key, work, buf_str(&sts), mac);
    buf_add(out, STR("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="));
    buf_add(out, str_of(text, base64_encode(mac, sizeof mac, text)));
    buf_clear(&sts);
    hash_work_free(work);
    mac_key_free(key);
}

void fixture_request(struct request_fake *fake, const struct recipe *r, const struct route *row)
{
    const char *body = or_else(r->body, "");
    struct buf head, hash;

    buf_init(&head, 256 * KIB);
    buf_init(&hash, KIB);
    add_hash(&hash, body);
    buf_addf(&head,
             "%s %s HTTP/1.1\r\nHost: %s\r\nx-ms-date: %s\r\nx-ms-content-sha256: " STR_FMT "\r\n",
             or_else(r->method, "POST"), or_else(r->target, TARGET),
             or_else(r->host, "localhost:8443"), or_else(r->date, HTTPDAY),
             STR_ARG(buf_str(&hash)));
    buf_addf(&head, "%s", or_else(r->extra, ""));
    if (!r->authorization || *r->authorization) {
        buf_add(&head, STR("Authorization: "));
        if (r->authorization)
            buf_addf(&head, "%s", r->authorization);
        else
            add_authorization(&head, r, buf_str(&hash));
        buf_add(&head, STR("\r\n"));
    }
    buf_add(&head, STR("\r\n"));
    assert_int_equal(request_fake_parse_with(fake, buf_cstr(&head), str_from(body)), RC_OK);
    fake->req.now = NOW;
    fake->req.started = (mono_ns)5000000000;
    fake->req.route = row;
    buf_clear(&head);
    buf_clear(&hash);
}

char *fixture_mint(struct fixture *f, const struct mint *changes)
{
    static const unsigned order[] = {SCOPE_CHAT, SCOPE_VOIP};
    struct mint m = *changes;
    struct buf out;
    unix_ms expires;
    char *token;

    m.order = order;
    m.order_count = ARRAY_LEN(order);
    if (!m.scopes)
        m.scopes = SCOPE_CHAT | SCOPE_VOIP;
    if (!m.now)
        m.now = NOW;
    if (!m.minutes)
        m.minutes = 60;
    m.origin = STR("https://localhost:8443");
    m.region = STR("amer");
    m.location = STR("unitedstates");
    buf_init(&out, 8 * KIB);
    assert_int_equal(gate_mint(f->gl, &m, &out, &expires), RC_OK);
    assert_int_equal(expires, m.now / 1000 * 1000 + m.minutes * 60000);
    token = strdup(buf_cstr(&out));
    buf_clear(&out);
    return token;
}
