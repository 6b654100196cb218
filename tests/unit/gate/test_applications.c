/* Documents of applications there and back, and damaged ones; client secrets; endpoint secrets. */
#include "unit/base/unit.h"

#include "crypto/base64.h"
#include "crypto/hash.h"
#include "gate/applications.h"

#define NOW  ((unix_ms)1795446000000)
#define ID_1 "c0000000-0000-0000-0000-000000000001"
#define ID_2 "c0000000-0000-0000-0000-000000000002"

struct kept {
    struct arena arena;
    struct master_key *master;
};

static struct master_key *master_of(uint8_t octet)
{
    uint8_t octets[MASTER_KEY_LEN];
    struct secret key;
    struct master_key *master;

    memset(octets, octet, sizeof octets);
    key = secret_copy(octets, sizeof octets);
    master = master_key_new(&key);
    secret_clear(&key);
    assert_non_null(master);
    return master;
}

static int begin(void **state)
{
    struct kept *k = calloc(1, sizeof *k);

    assert_non_null(k);
    arena_init(&k->arena);
    k->master = master_of(7);
    *state = k;
    return 0;
}

static int end(void **state)
{
    struct kept *k = *state;

    master_key_free(k->master);
    arena_clear(&k->arena);
    free(k);
    return 0;
}

/* ---- documents ---- */

static void a_document_comes_back_as_it_was_written(void **state)
{
    struct kept *k = *state;
    struct app_secret secrets[APP_SECRETS_MAX];
    struct app_certificate certificate = {.id = STR(ID_2),
                                          .subject = STR("CN=\"x\", O=\xc3\xa4"),
                                          .der = str_of("\x30\x00\xff", 3),
                                          .sha1 = {1, 2},
                                          .sha256 = {3, 4},
                                          .created = NOW,
                                          .not_before = -1,
                                          .not_after = INT64_MAX};
    struct app_federated federated[] = {
        {STR("one"), STR("https://token.example/"), STR("repo:a/b"), STR("api://x"), true},
        {STR("two"), STR("https://token.example/"), STR("Repo:a/b"), STR("api://x"), false},
    };
    struct app_document doc = {.secrets = secrets,
                               .secrets_count = APP_SECRETS_MAX,
                               .certificates = &certificate,
                               .certificates_count = 1,
                               .federated = federated,
                               .federated_count = ARRAY_LEN(federated),
                               .location = STR("westeurope"),
                               .tags = STR("{\"a\":\"1\",\"b\":null}")},
                        back;

    for (size_t i = 0; i < APP_SECRETS_MAX; i++)
        (void)app_secret_make(k->master, NOW, i ? NOW + (unix_ms)i : 0, STR("for\n\"tests\""),
                              &k->arena, &secrets[i]);
    struct str text = app_document_write(&doc, &k->arena);
    assert_int_equal(app_document_read(text, &k->arena, &back), RC_OK);
    assert_int_equal(back.secrets_count, APP_SECRETS_MAX);
    for (size_t i = 0; i < APP_SECRETS_MAX; i++) {
        const struct app_secret *a = &secrets[i], *b = &back.secrets[i];

        check_str("id", b->id, a->id);
        check_str("hint", b->hint, a->hint);
        check_str("description", b->description, a->description);
        assert_memory_equal(b->hash, a->hash, sizeof a->hash);
        assert_true(b->created == NOW && b->expires == a->expires);
    }
    assert_int_equal(back.certificates_count, 1);
    check_str("id", back.certificates[0].id, certificate.id);
    check_str("subject", back.certificates[0].subject, certificate.subject);
    check_str("der", back.certificates[0].der, certificate.der);
    assert_memory_equal(back.certificates[0].sha1, certificate.sha1, sizeof certificate.sha1);
    assert_memory_equal(back.certificates[0].sha256, certificate.sha256, 32);
    assert_true(back.certificates[0].created == NOW && back.certificates[0].not_before == -1 &&
                back.certificates[0].not_after == INT64_MAX);
    assert_int_equal(back.federated_count, 2);
    check_str("name", back.federated[0].name, STR("one"));
    check_str("issuer", back.federated[1].issuer, federated[1].issuer);
    check_str("subject", back.federated[1].subject, federated[1].subject);
    check_str("audience", back.federated[1].audience, federated[1].audience);
    assert_true(back.federated[0].by_administrator && !back.federated[1].by_administrator);
    check_str("location", back.location, doc.location);
    check_str("tags", back.tags, doc.tags);
    check_str("again", app_document_write(&back, &k->arena), text);
}

static void a_document_leaves_room_for_one_more_of_each(void **state)
{
    struct kept *k = *state;
    struct app_document doc;
    struct str text;

    assert_int_equal(app_document_read(STR("{}"), &k->arena, &doc), RC_OK);
    assert_true(!doc.secrets_count && !doc.certificates_count && !doc.federated_count);
    assert_true(!doc.location.len && !doc.tags.len);
    check_str("empty", app_document_write(&doc, &k->arena), STR("{}"));
    (void)app_secret_make(k->master, NOW, 0, STR_EMPTY, &k->arena, &doc.secrets[0]);
    doc.secrets_count++;
    doc.certificates[doc.certificates_count++] =
        (struct app_certificate){.id = STR(ID_1), .der = STR("x")};
    doc.federated[doc.federated_count++] =
        (struct app_federated){STR("n"), STR("i"), STR("s"), STR("a"), false};
    text = app_document_write(&doc, &k->arena);
    assert_int_equal(app_document_read(text, &k->arena, &doc), RC_OK);
    assert_true(doc.secrets_count == 1 && doc.certificates_count == 1 && doc.federated_count == 1);
}

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SHA1 "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SECRET(id, hint, hash, more)                                                               \
    "{\"id\":\"" id "\",\"hint\":\"" hint "\",\"description\":\"\",\"hash\":\"" hash               \
    "\",\"created\":1,\"expires\":0" more "}"
#define CERTIFICATE(id, der, sha1)                                                                 \
    "{\"id\":\"" id "\",\"subject\":\"\",\"der\":\"" der "\",\"sha1\":\"" sha1                     \
    "\",\"sha256\":\"" HASH "\",\"created\":1,\"notBefore\":0,\"notAfter\":0}"
#define FEDERATED(name, more)                                                                      \
    "{\"name\":\"" name                                                                            \
    "\",\"issuer\":\"i\",\"subject\":\"s\",\"audience\":\"a\",\"byAdministrator\":false" more "}"
#define SECRETS(items)      "{\"secrets\":[" items "]}"
#define CERTIFICATES(items) "{\"certificates\":[" items "]}"
#define FEDERATIONS(items)  "{\"federated\":[" items "]}"

static const struct {
    const char *name, *text;
    enum rc rc;
} documents[] = {
    {"a secret", SECRETS(SECRET(ID_1, "abc", HASH, "")), RC_OK},
    {"two secrets", SECRETS(SECRET(ID_1, "abc", HASH, "") "," SECRET(ID_2, "abc", HASH, "")),
     RC_OK},
    {"two secrets of one id",
     SECRETS(SECRET(ID_1, "abc", HASH, "") "," SECRET(ID_1, "abd", HASH, "")), RC_INVALID},
    {"a certificate", CERTIFICATES(CERTIFICATE(ID_1, "MAA=", SHA1)), RC_OK},
    {"two certificates of one id",
     CERTIFICATES(CERTIFICATE(ID_1, "MAA=", SHA1) "," CERTIFICATE(ID_1, "MAA=", SHA1)), RC_INVALID},
    {"a federated credential", FEDERATIONS(FEDERATED("n", "")), RC_OK},
    {"two federated credentials of one name, without case",
     FEDERATIONS(FEDERATED("n", "") "," FEDERATED("N", "")), RC_INVALID},
    {"nothing", "", RC_INVALID},
    {"no JSON", "{\"secrets\":[", RC_INVALID},
    {"more after it", "{} {}", RC_INVALID},
    {"no object", "[]", RC_INVALID},
    {"null", "null", RC_INVALID},
    {"an unknown member", "{\"secret\":[]}", RC_INVALID},
    {"a member twice", "{\"secrets\":[],\"secrets\":[]}", RC_INVALID},
    {"secrets that are an object", "{\"secrets\":{}}", RC_INVALID},
    {"secrets that are null", "{\"secrets\":null}", RC_INVALID},
    {"a secret that is a text", SECRETS("\"x\""), RC_INVALID},
    {"a secret that is empty", SECRETS("{}"), RC_INVALID},
    {"an unknown member of a secret", SECRETS(SECRET(ID_1, "abc", HASH, ",\"plain\":\"x\"")),
     RC_INVALID},
    {"a member of a secret twice", SECRETS(SECRET(ID_1, "abc", HASH, ",\"expires\":1")),
     RC_INVALID},
    {"an id that is none", SECRETS(SECRET("c0000000-0000-0000-0000-00000000000x", "abc", HASH, "")),
     RC_INVALID},
    {"a short id", SECRETS(SECRET("1", "abc", HASH, "")), RC_INVALID},
    {"a long hint", SECRETS(SECRET(ID_1, "abcd", HASH, "")), RC_INVALID},
    {"a short hash", SECRETS(SECRET(ID_1, "abc", SHA1, "")), RC_INVALID},
    {"a long hash", SECRETS(SECRET(ID_1, "abc", "AAAA" HASH, "")), RC_INVALID},
    {"no hash", SECRETS(SECRET(ID_1, "abc", "", "")), RC_INVALID},
    {"a hash in another alphabet",
     SECRETS(SECRET(ID_1, "abc", "-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "")), RC_INVALID},
    {"a time below zero",
     SECRETS("{\"id\":\"" ID_1 "\",\"hint\":\"abc\",\"description\":\"\",\"hash\":\"" HASH
             "\",\"created\":1,\"expires\":-1}"),
     RC_INVALID},
    {"a time that is a text",
     SECRETS("{\"id\":\"" ID_1 "\",\"hint\":\"abc\",\"description\":\"\",\"hash\":\"" HASH
             "\",\"created\":\"1\",\"expires\":0}"),
     RC_INVALID},
    {"a secret without its end",
     SECRETS("{\"id\":\"" ID_1 "\",\"hint\":\"abc\",\"description\":\"\",\"hash\":\"" HASH
             "\",\"created\":1}"),
     RC_INVALID},
    {"a certificate without octets", CERTIFICATES(CERTIFICATE(ID_1, "", SHA1)), RC_INVALID},
    {"a certificate that is no base64", CERTIFICATES(CERTIFICATE(ID_1, "MA=", SHA1)), RC_INVALID},
    {"a long SHA-1", CERTIFICATES(CERTIFICATE(ID_1, "MAA=", HASH)), RC_INVALID},
    {"a federated credential without a name", FEDERATIONS(FEDERATED("", "")), RC_INVALID},
    {"a federated credential that says more", FEDERATIONS(FEDERATED("n", ",\"x\":1")), RC_INVALID},
    {"federated that is a number", "{\"federated\":1}", RC_INVALID},
    {"a location that is a number", "{\"location\":1}", RC_INVALID},
    {"tags that are a list", "{\"tags\":[]}", RC_INVALID},
    {"tags that are null", "{\"tags\":null}", RC_INVALID},
    {"a tag twice", "{\"tags\":{\"a\":\"1\",\"a\":\"2\"}}", RC_INVALID},
    {"octets that are no UTF-8", "{\"location\":\"\xff\"}", RC_INVALID},
};

static void a_damaged_document_is_refused(void **state)
{
    struct kept *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        struct app_document doc = {.secrets_count = 42};
        enum rc rc = app_document_read(str_from(documents[i].text), &k->arena, &doc);

        check(documents[i].name, rc == documents[i].rc);
        check(documents[i].name, rc == RC_OK || doc.secrets_count == 42);
    }
}

static void a_document_holds_so_many_and_no_more(void **state)
{
    struct kept *k = *state;
    struct app_document doc = {.federated = arena_array(&k->arena, struct app_federated, 22)};

    for (size_t i = 0; i < APP_FEDERATED_MAX + 1; i++)
        doc.federated[i] = (struct app_federated){arena_printf(&k->arena, "n%zu", i), STR("i"),
                                                  STR("s"), STR("a"), false};
    doc.federated_count = APP_FEDERATED_MAX;
    struct str text = app_document_write(&doc, &k->arena);
    doc.federated_count = APP_FEDERATED_MAX + 1;
    struct str longer = app_document_write(&doc, &k->arena);
    assert_int_equal(app_document_read(text, &k->arena, &doc), RC_OK);
    assert_int_equal(doc.federated_count, APP_FEDERATED_MAX);
    assert_int_equal(app_document_read(longer, &k->arena, &doc), RC_INVALID);
}

/* ---- client secrets ---- */

static void a_new_secret_is_random_text_and_its_hint(void **state)
{
    struct kept *k = *state;
    struct app_secret a, b;
    struct str one = app_secret_make(k->master, NOW, NOW + 5, STR("d"), &k->arena, &a);
    struct str two = app_secret_make(k->master, NOW, 0, STR_EMPTY, &k->arena, &b);
    uint8_t octets[30];
    size_t len;

    assert_int_equal(one.len, APP_SECRET_LEN);
    assert_int_equal(base64url_decode(one, octets, sizeof octets, &len), RC_OK);
    assert_int_equal(len, 30);
    assert_false(str_eq(one, two) || str_eq(a.id, b.id));
    check_str("hint", a.hint, str_head(one, 3));
    check_str("description", a.description, STR("d"));
    assert_true(a.created == NOW && a.expires == NOW + 5 && b.expires == 0);
    assert_int_equal(a.id.len, UUID_TEXT_LEN);
}

static void a_secret_does_not_look_like_an_option(void **state)
{
    struct kept *k = *state;
    struct app_secret secret;

    for (int i = 0; i < 1500; i++) /* by chance, each 64th would */
        assert_int_not_equal(
            app_secret_make(k->master, NOW, 0, STR_EMPTY, &k->arena, &secret).ptr[0], '-');
}

static void a_secret_is_found_by_all_of_its_octets_alone(void **state)
{
    struct kept *k = *state;
    struct app_secret secrets[3];
    struct app_document doc = {.secrets = secrets, .secrets_count = ARRAY_LEN(secrets)};
    struct str text[ARRAY_LEN(secrets)];
    struct master_key *other = master_of(8);
    char *changed, *big;

    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) /* the second has expired */
        text[i] = app_secret_make(k->master, NOW - 10, i == 1 ? NOW - 5 : 0, STR_EMPTY, &k->arena,
                                  &secrets[i]);
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        assert_ptr_equal(app_secret_find(k->master, &doc, text[i]), &secrets[i]);
        assert_null(app_secret_find(other, &doc, text[i]));
        assert_null(app_secret_find(k->master, &doc, str_head(text[i], APP_SECRET_LEN - 1)));
        assert_null(app_secret_find(k->master, &doc, str_from_index(text[i], 1)));
        assert_null(app_secret_find(k->master, &doc, str_of(secrets[i].hash, 32)));
        assert_null(app_secret_find(k->master, &doc, secrets[i].hint));
        changed = arena_alloc(&k->arena, APP_SECRET_LEN + 1);
        memcpy(changed, text[i].ptr, APP_SECRET_LEN);
        assert_null(app_secret_find(k->master, &doc, str_of(changed, APP_SECRET_LEN + 1)));
        changed[APP_SECRET_LEN - 1] ^= 1;
        assert_null(app_secret_find(k->master, &doc, str_of(changed, APP_SECRET_LEN)));
    }
    assert_null(app_secret_find(k->master, &doc, STR_EMPTY));
    big = arena_alloc(&k->arena, MIB);
    memcpy(big, text[0].ptr, APP_SECRET_LEN);
    assert_null(app_secret_find(k->master, &doc, str_of(big, MIB)));
    doc.secrets_count = 1;
    assert_null(app_secret_find(k->master, &doc, text[2]));
    doc.secrets_count = 0;
    assert_null(app_secret_find(k->master, &doc, text[0]));
    master_key_free(other);
}

static void the_document_holds_nothing_but_a_keyed_hash(void **state)
{
    struct kept *k = *state;
    struct app_secret record;
    struct app_document doc = {.secrets = &record, .secrets_count = 1};
    struct str secret = app_secret_make(k->master, NOW, 0, STR_EMPTY, &k->arena, &record);
    struct str text = app_document_write(&doc, &k->arena);
    struct hash_work *work = hash_work_new();
    struct master_key *other = master_of(8);
    uint8_t hash[32];

    assert_int_equal(str_find_str(text, secret), text.len);
    assert_int_equal(str_find_str(text, str_head(secret, 8)), text.len);
    assert_int_equal(str_find_str(text, str_from_index(secret, 4)), text.len);
    sha256(work, secret, hash); /* whoever has the document alone can't try secrets */
    assert_memory_not_equal(hash, record.hash, sizeof hash);
    app_secret_hash(other, secret, hash);
    assert_memory_not_equal(hash, record.hash, sizeof hash);
    app_secret_hash(k->master, secret, hash);
    assert_memory_equal(hash, record.hash, sizeof hash);
    hash_work_free(work);
    master_key_free(other);
}

/* ---- endpoint secrets ---- */

static void an_endpoint_secret_opens_for_its_row_alone(void **state)
{
    struct kept *k = *state;
    struct application_row row = {.client_id = {{1}}}, none = {.client_id = {{1}}}, other;
    struct master_key *other_master = master_of(8);
    struct str header = app_header_make(k->master, &k->arena, &row), got = STR_EMPTY;
    uint8_t octets[32], hash[32];
    char *damaged;

    assert_int_equal(header.len, APP_HEADER_LEN);
    assert_int_equal(hex_decode(header, octets, sizeof octets), RC_OK);
    assert_int_equal(app_header_open(k->master, &row, &k->arena, &got), RC_OK);
    check_str("opened", got, header);
    assert_int_equal(row.header_hash.len, 32);
    app_secret_hash(k->master, header, hash);
    assert_memory_equal(row.header_hash.ptr, hash, sizeof hash);
    assert_int_equal(str_find_str(row.header_sealed, str_head(header, 8)), row.header_sealed.len);

    assert_int_equal(app_header_open(k->master, &none, &k->arena, &got), RC_NOT_FOUND);
    other = row;
    other.client_id.octets[0] = 2;
    assert_int_equal(app_header_open(k->master, &other, &k->arena, &got), RC_DENIED);
    assert_int_equal(app_header_open(other_master, &row, &k->arena, &got), RC_DENIED);
    other = row;
    other.header_sealed.len--;
    assert_int_equal(app_header_open(k->master, &other, &k->arena, &got), RC_DENIED);
    damaged = arena_alloc(&k->arena, row.header_sealed.len);
    memcpy(damaged, row.header_sealed.ptr, row.header_sealed.len);
    damaged[row.header_sealed.len - 1] ^= 1;
    other.header_sealed = str_of(damaged, row.header_sealed.len);
    assert_int_equal(app_header_open(k->master, &other, &k->arena, &got), RC_DENIED);
    check_str("untouched", got, header);

    struct application_row again = row;
    assert_false(str_eq(app_header_make(k->master, &k->arena, &again), header));
    assert_false(str_eq(again.header_hash, row.header_hash));
    master_key_free(other_master);
}

/* ---- certificates ---- */

static struct str certificate_der(struct kept *k, struct pkey *key)
{
    struct str kept;
    struct buf der;

    buf_init(&der, 16 * KIB);
    assert_int_equal(cert_self_signed(key, STR("agent"), NOW, 30, &der), RC_OK);
    kept = arena_dup(&k->arena, buf_str(&der));
    buf_clear(&der);
    return kept;
}

static void a_certificate_is_read_from_text(void **state)
{
    static const char *const frames[][3] = {
        {"", "", ""},
        {" \t", "\r\n", "\n"}, /* of several lines */
        {"-----BEGIN CERTIFICATE-----\n", "", "\n-----END CERTIFICATE-----\n"},
    };
    struct kept *k = *state;
    struct pkey *key = pkey_generate(JWS_ES256);
    struct str der = certificate_der(k, key), why = STR_EMPTY;
    char *text = arena_alloc(&k->arena, BASE64_LEN(der.len) + 1);
    int len = (int)base64_encode(der.ptr, der.len, text);
    struct app_certificate got, last = {0};

    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        struct str framed = arena_printf(&k->arena, "%s%.*s%s%.*s%s", frames[i][0], 40, text,
                                         frames[i][1], len - 40, text + 40, frames[i][2]);

        assert_int_equal(app_certificate_read(framed, NOW, &k->arena, &got, &why), RC_OK);
        check_str("der", got.der, der);
        check_str("subject", got.subject, STR("CN=agent"));
        assert_int_equal(got.id.len, UUID_TEXT_LEN);
        assert_false(str_eq(got.id, last.id));
        assert_true(got.created == NOW && got.not_before < NOW && got.not_after > NOW);
        last = got;
    }
    pkey_unref(key);
}

static void what_is_no_certificate_is_told_apart(void **state)
{
    static const struct {
        const char *sentence, *text, *why;
    } cases[] = {
        {"nothing", "", "The certificate can't be used: "},
        {"words", "no base64!", "certificate must be PEM, or DER in base64."},
        {"base64 of something else", "MAA=", "The certificate can't be used: "},
        {"PEM of something else", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
         "The certificate can't be used: "},
        {"PEM without an end", "-----BEGIN CERTIFICATE-----\nMAA=\n",
         "The certificate can't be used: "},
        {"a private key", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
         "The text holds a private key: "},
    };
    struct kept *k = *state;
    struct app_certificate got = {0};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str why = STR_EMPTY;

        if (app_certificate_read(str_from(cases[i].text), NOW, &k->arena, &got, &why) !=
                RC_INVALID ||
            !str_starts(why, str_from(cases[i].why)) || got.id.ptr)
            fail_msg("%s: " STR_FMT, cases[i].sentence, STR_ARG(why));
    }
}

static void a_managed_identity_has_an_id_in_two_spellings(void **state)
{
    struct kept *k = *state;
    struct uuid id = {{0xAB}};

    check_str("shown", managed_identity_id(&id, STR("My-Group"), STR("Me"), false, &k->arena),
              STR("/subscriptions/ab000000-0000-0000-0000-000000000000/resourcegroups/My-Group/"
                  "providers/Microsoft.ManagedIdentity/userAssignedIdentities/Me"));
    check_str("kept", managed_identity_id(&id, STR("My-Group"), STR("Me"), true, &k->arena),
              STR("/subscriptions/ab000000-0000-0000-0000-000000000000/resourcegroups/my-group/"
                  "providers/microsoft.managedidentity/userassignedidentities/me"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_document_comes_back_as_it_was_written, begin, end),
        cmocka_unit_test_setup_teardown(a_document_leaves_room_for_one_more_of_each, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_document_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_document_holds_so_many_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(a_new_secret_is_random_text_and_its_hint, begin, end),
        cmocka_unit_test_setup_teardown(a_secret_does_not_look_like_an_option, begin, end),
        cmocka_unit_test_setup_teardown(a_secret_is_found_by_all_of_its_octets_alone, begin, end),
        cmocka_unit_test_setup_teardown(the_document_holds_nothing_but_a_keyed_hash, begin, end),
        cmocka_unit_test_setup_teardown(an_endpoint_secret_opens_for_its_row_alone, begin, end),
        cmocka_unit_test_setup_teardown(a_certificate_is_read_from_text, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_certificate_is_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(a_managed_identity_has_an_id_in_two_spellings, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
