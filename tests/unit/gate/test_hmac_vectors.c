/* The access-key vectors, stage by stage: the string that the client signed is one that we try, its
 * HMAC is the signature, and the verdict is the expected one. A failure names the stage. */
#include "unit/gate/fixture.h"

#include "crypto/base64.h"
#include "gate/candidates.h"

#include <dirent.h>
#include <stdio.h>

static char *read_whole(const char *folder, const char *name, size_t *out_len)
{
    char path[512], *text = malloc(16 * KIB);
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s/%s", VECTORS, folder, name);
    file = fopen(path, "rb");
    if (!file || !text)
        fail_msg("%s cannot be read", path);
    *out_len = fread(text, 1, 16 * KIB - 1, file);
    text[*out_len] = '\0';
    (void)fclose(file);
    return text;
}

/* The value of the line "# name: value" at the head of the case, or empty. */
static struct str note(struct str text, const char *name)
{
    struct str line, key, value;

    while (text.len && text.ptr[0] == '#') {
        (void)str_cut(text, '\n', &line, &text);
        (void)str_cut(str_from_index(line, 2), ':', &key, &value);
        if (str_eq(key, str_from(name)))
            return str_trim(value);
    }
    return STR_EMPTY;
}

struct vector {
    const char *folder;
    char *request, *sts, *signature;
    size_t request_len, sts_len, signature_len;
    struct door door;
    struct request_fake fake;
};

static void load(struct vector *v, const char *folder)
{
    struct str scheme, port_text, rest;
    uint64_t port;

    *v = (struct vector){.folder = folder};
    v->request = read_whole(folder, "request.txt", &v->request_len);
    v->sts = read_whole(folder, "string-to-sign.txt", &v->sts_len);
    v->signature = read_whole(folder, "signature.txt", &v->signature_len);
    assert_true(str_cut(note(str_from(v->request), "door"), ' ', &scheme, &port_text));
    assert_int_equal(str_to_u64(port_text, 65535, &port), RC_OK);
    v->door = (struct door){.tls = str_eq(scheme, STR("https")),
                            .loopback = true,
                            .port = (uint16_t)port,
                            .bound = STR("127.0.0.1")};
    rest = str_from(v->request);
    while (rest.len && rest.ptr[0] == '#') {
        struct str line;
        (void)str_cut(rest, '\n', &line, &rest);
    }
    request_fake_init(&v->fake, &v->door);
    assert_int_equal(request_fake_parse(&v->fake, rest.ptr), RC_OK);
}

static void unload(struct vector *v)
{
    request_fake_clear(&v->fake);
    free(v->request);
    free(v->sts);
    free(v->signature);
}

/* Stage 2: the HMAC of the string under one of the keys is the signature. */
static bool is_hmac(struct fixture *f, const struct vector *v, const char *octets)
{
    struct mac_key *key = mac_key_new(octets, strlen(octets));
    uint8_t mac[SHA256_LEN];
    char text[BASE64_LEN(SHA256_LEN)];

    mac_sign(key, f->work, str_of(v->sts, v->sts_len), mac);
    (void)base64_encode(mac, sizeof mac, text);
    mac_key_free(key);
    return str_eq(str_of(text, sizeof text), str_trim(str_head(str_from(v->signature), 44)));
}

/* Stage 1: the string is among those that we try. */
static bool is_tried(const struct key_check *check, struct vector *v)
{
    struct request *req = &v->fake.req;
    struct candidate list[CANDIDATES_MAX + 1];
    struct signed_parts p = {.method = method_name(req->method), .target = req->target};
    struct key_credential c;
    struct str scheme, credential;

    assert_true(
        str_cut(headers_get(&req->headers, HEADER_AUTHORIZATION), ' ', &scheme, &credential));
    assert_int_equal(key_credential_parse(credential, &c), RC_OK);
    p.n = c.n;
    for (size_t i = 0; i < c.n; i++) {
        assert_int_equal(headers_only(&req->headers, c.signed_headers[i], &p.values[i]), RC_OK);
        if (header_id_of(c.signed_headers[i]) == HEADER_HOST)
            p.host_at = i;
    }
    size_t n = candidates_list(check, req, p.values[p.host_at], list);
    list[n++] = (struct candidate){req->target, p.values[p.host_at], true};
    for (size_t i = 0; i < n; i++) {
        size_t len = string_to_sign_len(&p, list[i].path, list[i].host);
        char *text = arena_alloc(req->arena, len + 1);

        len = string_to_sign(&p, list[i].path, list[i].host, text);
        if (list[i].counts && str_eq(str_of(text, len), str_of(v->sts, v->sts_len)))
            return true;
    }
    return false;
}

static void run_one(struct fixture *f, const char *folder)
{
    struct vector v;
    struct key_verdict verdict;
    unix_ms clock;
    bool known;

    load(&v, folder);
    struct str expect = note(str_from(v.request), "expect"), scheme, credential;
    bool must_pass = str_eq(expect, STR("verified"));
    assert_int_equal(time_from_http_date(note(str_from(v.request), "clock"), &clock), RC_OK);
    v.fake.req.now = clock;
    struct key_check check = {
        .directory = gate_directory(f->gl),
        .skew_ms = 300000,
        .wall = clock,
        .without_query = str_eq(note(str_from(v.request), "row"), STR("recording")),
        .explain = true,
    };
    check.resource = gate_resource(check.directory, &v.fake.req, &known);
    check.known = check.resource != NULL;
    assert_true(check.known);
    if (must_pass && !is_tried(&check, &v))
        fail_msg("%s: string-to-sign is none of those tried", folder);
    if (!is_hmac(f, &v, KEY_1) && !is_hmac(f, &v, KEY_2))
        fail_msg("%s: signature is not the HMAC of string-to-sign", folder);
    assert_true(
        str_cut(headers_get(&v.fake.req.headers, HEADER_AUTHORIZATION), ' ', &scheme, &credential));
    scheme_key_check(&check, &v.fake.req, credential, f->work, &verdict);
    const struct api_error *want = must_pass                     ? NULL
                                   : str_eq(expect, STR("date")) ? &API_DENIED_DATE
                                   : str_eq(expect, STR("hash")) ? &API_DENIED_HASH
                                                                 : &API_DENIED;
    if (verdict.error != want)
        fail_msg("%s: verdict: " STR_FMT, folder, STR_ARG(verdict.explain));
    if (verdict.error)
        assert_true(
            str_starts(verdict.explain, str_eq(expect, STR("hash")) ? STR("body hash") : expect));
    unload(&v);
}

static void every_vector_holds_at_every_stage(void **state)
{
    struct fixture f;
    DIR *dir = opendir(VECTORS);
    struct dirent *entry;
    size_t n = 0;

    (void)state;
    assert_non_null(dir);
    fixture_init(&f, NULL);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != 'v' && entry->d_name[0] != 'f')
            continue;
        run_one(&f, entry->d_name);
        n++;
    }
    (void)closedir(dir);
    assert_true(n >= 31); /* a vector that got lost would go unnoticed */
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_vector_holds_at_every_stage)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
