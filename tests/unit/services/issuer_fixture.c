/* See issuer_fixture.h. */
#include "issuer_fixture.h"

#include "crypto/base64.h"

#define YEAR_DAYS 365

struct issuer_keys_of_test test_keys;
static struct arena keys_arena;

/* ---- keys ---- */

static struct str certificate(struct pkey *key, unix_ms now, int days)
{
    struct buf der;
    struct str kept;

    buf_init(&der, 8 * KIB);
    assert_int_equal(cert_self_signed(key, STR("test client"), now, days, &der), RC_OK);
    kept = arena_dup(&keys_arena, buf_str(&der));
    buf_clear(&der);
    return kept;
}

static void make_keys(void)
{
    unix_ms now = clock_wall(), day = (unix_ms)24 * 3600 * 1000;

    if (test_keys.client)
        return;
    arena_init(&keys_arena);
    test_keys.client = pkey_generate(JWS_RS256);
    test_keys.stranger = pkey_generate(JWS_RS256);
    test_keys.foreign = pkey_generate(JWS_ES256);
    test_keys.client_der = certificate(test_keys.client, now, YEAR_DAYS);
    test_keys.expired_der = certificate(test_keys.client, now - 30 * day, 10);
    test_keys.stranger_der = certificate(test_keys.stranger, now, YEAR_DAYS);
}

void test_keys_free(void)
{
    pkey_unref(test_keys.client);
    pkey_unref(test_keys.stranger);
    pkey_unref(test_keys.foreign);
    arena_clear(&keys_arena);
    test_keys = (struct issuer_keys_of_test){0};
}

/* ---- the other issuer's documents ---- */

struct answer {
    struct loop_task task;
    struct issuer_world *world;
    struct outbound_call *call;
};

static void write_foreign_keys(struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_name(&w, "keys");
    json_array_begin(&w);
    pkey_write_jwk(test_keys.foreign, STR("foreign-1"), &w);
    json_array_end(&w);
    json_object_end(&w);
}

static void answer_call(void *ctx)
{
    struct answer *a = ctx;
    struct outbound_call *call = a->call;

    buf_init(&call->response, call->response_max);
    if (a->world->unreachable) {
        call->rc = RC_IO;
        snprintf(call->reason, sizeof call->reason, "no such host");
    } else {
        call->rc = RC_OK;
        call->status = 200;
        if (strstr(call->url, "openid-configuration"))
            buf_add(&call->response, STR("{\"issuer\":\"" FOREIGN_ISSUER
                                         "\",\"jwks_uri\":\"" FOREIGN_ISSUER "/keys\"}"));
        else
            write_foreign_keys(&call->response);
    }
    free(a);
    call->done(call->ctx, call);
}

static struct issuer_world *world_of(struct outbound *o)
{
    return (struct issuer_world *)(void *)((char *)o - offsetof(struct issuer_world, outbound));
}

static void send_call(struct outbound *o, struct loop *loop, struct outbound_call *call)
{
    struct answer *a = calloc(1, sizeof *a);

    assert_non_null(a);
    *a = (struct answer){{.run = answer_call, .ctx = a}, world_of(o), call};
    a->world->fetches++;
    a->world->private_ok = call->private_ok;
    loop_post(loop, &a->task);
}

static void cancel_call(struct outbound *o, struct outbound_call *call)
{
    (void)o;
    (void)call; /* the answer is on its way */
}

static const struct outbound_ops outbound_ops = {send_call, cancel_call};

/* ---- applications ---- */

static void add_certificate(struct issuer_world *w, struct app_document *doc, struct str der)
{
    struct app_certificate *c = &doc->certificates[doc->certificates_count++];
    struct cert read = {0};
    const char *why;

    assert_int_equal(cert_read(der, &w->arena, &read, &why), RC_OK);
    *c = (struct app_certificate){
        .id = arena_dup(&w->arena, STR("5f0c2b7e-91d4-4a36-8d1f-00000000000")),
        .subject = read.subject,
        .der = read.der,
        .created = clock_wall(),
        .not_before = read.not_before,
        .not_after = read.not_after};
    c->id = arena_printf(&w->arena, STR_FMT "%zu", STR_ARG(c->id), doc->certificates_count);
    memcpy(c->sha1, read.sha1, sizeof c->sha1);
    memcpy(c->sha256, read.sha256, sizeof c->sha256);
    cert_clear(&read);
}

static struct app_document document(struct issuer_world *w)
{
    return (struct app_document){
        .secrets = arena_array(&w->arena, struct app_secret, APP_SECRETS_MAX),
        .certificates = arena_array(&w->arena, struct app_certificate, APP_CERTIFICATES_MAX),
        .federated = arena_array(&w->arena, struct app_federated, APP_FEDERATED_MAX)};
}

static struct change put_app(struct issuer_world *w, const struct uuid *id, const char *name,
                             const struct app_document *doc)
{
    return (struct change){.kind = CHANGE_APPLICATION_PUT,
                           .u.application = {.client_id = *id,
                                             .object_id = uuid_random(),
                                             .kind = APPLICATION_APP,
                                             .version = 1,
                                             .created = clock_wall(),
                                             .name = str_from(name),
                                             .document = app_document_write(doc, &w->arena)}};
}

static void new_id(struct uuid *id, char text[UUID_TEXT_LEN + 1])
{
    *id = uuid_random();
    uuid_format(id, text);
    text[UUID_TEXT_LEN] = '\0';
}

static void add_federated(struct issuer_world *w, struct app_document *doc)
{
    doc->federated[0] = (struct app_federated){.name = STR("cluster"),
                                               .issuer = STR(FOREIGN_ISSUER),
                                               .subject = STR(SUBJECT),
                                               .audience = STR(EXCHANGE)};
    doc->federated[1] =
        (struct app_federated){.name = STR("chain"),
                               .issuer = arena_printf(&w->arena, ORIGIN "/%s/v2.0", w->tenant),
                               .subject = str_from(w->object),
                               .audience = STR(EXCHANGE)};
    doc->federated_count = 2;
}

static void add_applications(struct issuer_world *w)
{
    const struct master_key *master = w->fx.master;
    unix_ms now = clock_wall();
    struct app_document doc = document(w), other = document(w), disabled = document(w);
    struct change c[3];

    new_id(&w->object_id, w->object);
    w->secret = app_secret_make(master, now, 0, STR("one"), &w->arena, &doc.secrets[0]);
    w->expired_secret =
        app_secret_make(master, now - 2000, now - 1000, STR("two"), &w->arena, &doc.secrets[1]);
    doc.secrets_count = 2;
    add_certificate(w, &doc, test_keys.client_der);
    add_certificate(w, &doc, test_keys.expired_der);
    add_federated(w, &doc);
    add_certificate(w, &other, test_keys.stranger_der);
    w->disabled_secret = app_secret_make(master, now, 0, STR(""), &w->arena, &disabled.secrets[0]);
    disabled.secrets_count = 1;
    c[0] = put_app(w, &w->client_id, "client", &doc);
    c[0].u.application.object_id = w->object_id;
    c[1] = put_app(w, &w->other_id, "other", &other);
    c[2] = put_app(w, &w->disabled_id, "disabled", &disabled);
    c[2].u.application.disabled = true;
    w->app = c[0].u.application;
    assert_int_equal(store_commit_wait(w->fx.store, c, ARRAY_LEN(c)), RC_OK);
}

/* ---- open and close ---- */

static void add_issuer(struct issuer_world *w)
{
    struct change c[4] = {0};
    unix_ms now = clock_wall();

    c[0].kind = CHANGE_META_PUT;
    c[0].u.meta.name = META_TENANT;
    c[0].u.meta.value = str_from(w->tenant);
    for (size_t i = 1; i < ARRAY_LEN(c); i++) {
        unix_ms from = i == 2 ? now + 3600000 : now - 1000;

        c[i].kind = CHANGE_SIGNING_KEY_PUT;
        assert_int_equal(signing_key_make(w->fx.master, JWS_ES256, STR("issuer"), now - 5000, from,
                                          &w->arena, &c[i].u.signing_key),
                         RC_OK);
    }
    c[3].u.signing_key.retired = now - 1000; /* its tokens may live yet */
    assert_int_equal(store_commit_wait(w->fx.store, c, ARRAY_LEN(c)), RC_OK);
}

void world_open(struct issuer_world *w, bool production)
{
    struct uuid tenant;

    *w = (struct issuer_world){.outbound = {&outbound_ops}};
    arena_init(&w->arena);
    make_keys();
    w->keys = issuer_keys_new(&(struct issuer_keys_options){.outbound = &w->outbound});
    fixture_issuer_keys = w->keys;
    fixture_open(&w->fx, production);
    w->fx.options.issuer_token_s = 3599;
    w->fx.options.issuer_alg = JWS_ES256;
    new_id(&tenant, w->tenant);
    new_id(&w->client_id, w->client);
    new_id(&w->other_id, w->other);
    new_id(&w->disabled_id, w->disabled);
    add_issuer(w);
    add_applications(w);
}

void world_close(struct issuer_world *w)
{
    issuer_keys_leave(w->keys, w->fx.loop);
    fixture_close(&w->fx);
    issuer_keys_free(w->keys);
    fixture_issuer_keys = NULL;
    arena_clear(&w->arena);
}

/* ---- asking ---- */

int post(struct issuer_world *w, const char *path, const char *headers, const char *form)
{
    call_form_begin(&w->fx, path, headers, form);
    return call_wait(&w->fx);
}

int ask_token(struct issuer_world *w, const char *form)
{
    return post(w, path_of(3, "/%s/oauth2/v2.0/token", w->tenant), "", form);
}

void check_refused(const struct issuer_world *w, int status, const char *error, int number)
{
    const struct fixture *fx = &w->fx;
    char prefix[32];

    if (fx->status != status || json_integer_value(json_at(fx, "error_codes.0")) != number)
        fail_msg("status %d, wanted %d and AADSTS%d: " STR_FMT, fx->status, status, number,
                 STR_ARG(fx->fake.body));
    assert_string_equal(text_at(fx, "error"), error);
    snprintf(prefix, sizeof prefix, "AADSTS%d: ", number);
    assert_true(str_starts(str_from(text_at(fx, "error_description")), str_from(prefix)));
    assert_non_null(strstr(text_at(fx, "error_description"), "\r\nTrace ID: "));
    assert_int_equal(strlen(text_at(fx, "timestamp")), 20);
    assert_int_equal(strlen(text_at(fx, "trace_id")), UUID_TEXT_LEN);
    assert_int_equal(strlen(text_at(fx, "correlation_id")), UUID_TEXT_LEN);
    assert_true(str_starts(str_from(text_at(fx, "error_uri")), STR(ORIGIN "/error?code=")));
    assert_true(str_starts(request_fake_header(&fx->fake, STR("Cache-Control")), STR("no-store")));
}

json_t *token_payload(const struct issuer_world *w)
{
    struct str head, rest, body = STR_EMPTY, token = str_from(text_at(&w->fx, "access_token"));
    char json[4096];
    json_t *payload = NULL;
    size_t len;

    assert_true(str_cut(token, '.', &head, &rest) && str_cut(rest, '.', &body, &rest));
    assert_int_equal(base64url_decode(body, json, sizeof json, &len), RC_OK);
    assert_int_equal(json_read(str_of(json, len), &payload, NULL), RC_OK);
    return payload;
}

/* ---- assertions ---- */

struct str signed_jws(struct issuer_world *w, struct pkey *key, const char *header,
                      const char *payload)
{
    struct signer *signer = signer_new(key);
    char *header_b64 = arena_alloc(&w->arena, BASE64URL_LEN(strlen(header)) + 1);
    struct buf out;
    struct str kept;

    buf_init(&out, 128 * KIB);
    assert_int_equal(
        jws_compose(signer, w->fx.work,
                    str_of(header_b64, base64url_encode(header, strlen(header), header_b64)),
                    str_from(payload), &out),
        RC_OK);
    kept = arena_dup(&w->arena, buf_str(&out));
    buf_clear(&out);
    signer_free(signer);
    return kept;
}

const char *certificate_header(struct issuer_world *w, const char *alg, struct str der)
{
    uint8_t hash[SHA1_LEN];
    char text[BASE64URL_LEN(SHA1_LEN) + 1];
    size_t len;

    sha1(der, hash);
    len = base64url_encode(hash, sizeof hash, text);
    return arena_printf(&w->arena, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t\":\"%.*s\"}", alg,
                        (int)len, text)
        .ptr;
}

const char *client_payload(struct issuer_world *w, const char *more)
{
    long long now = clock_wall() / 1000;

    return arena_printf(&w->arena,
                        "{\"aud\":\"" ORIGIN "/%s/oauth2/v2.0/token\",\"iss\":\"%s\","
                        "\"sub\":\"%s\",\"jti\":\"j%lld\",\"exp\":%lld,\"nbf\":%lld%s}",
                        w->tenant, w->client, w->client, now, now + 600, now, more)
        .ptr;
}

int ask_with_assertion(struct issuer_world *w, const char *id, struct str assertion)
{
    struct str form = arena_printf(
        &w->arena,
        GRANT "%s%s&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type"
              "%%3Ajwt-bearer&client_assertion=" STR_FMT,
        id ? "&client_id=" : "", id ? id : "", STR_ARG(assertion));

    return ask_token(w, form.ptr);
}
