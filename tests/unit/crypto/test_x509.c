/* The local authority: what its certificates say, and what an independent check makes of them. */
#include "crypto/x509.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define NOW ((unix_ms)1795446000000) /* 2026-11-23T15:00:00Z */
#define DAY ((unix_ms)86400000)

struct authority {
    struct buf cert;
    struct secret key;
};

static const struct str configured[] = {
    STR_INIT("acs.Example.com"), STR_INIT("callgate"),        STR_INIT("my_service"),
    STR_INIT("10.1.2.3"),        STR_INIT("fd00::1"),         STR_INIT("contoso.localhost"),
    STR_INIT("127.0.0.1"),       STR_INIT("acs.example.com"),
};

static struct authority authority_of(const struct str *names, size_t n)
{
    struct authority a = {0};

    buf_init(&a.cert, 64 * KIB);
    assert_int_equal(ca_make(names, n, NOW, &a.cert, &a.key), RC_OK);
    return a;
}

static void authority_clear(struct authority *a)
{
    buf_clear(&a->cert);
    secret_clear(&a->key);
}

static X509 *next_cert(BIO *bio)
{
    return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

/* Verifies `chain` against `ca` at `at` for `name`; returns OpenSSL's verdict. */
static int verdict(struct str ca_pem, struct str chain_pem, const char *name, unix_ms at)
{
    BIO *ca_bio = BIO_new_mem_buf(ca_pem.ptr, (int)ca_pem.len);
    BIO *chain_bio = BIO_new_mem_buf(chain_pem.ptr, (int)chain_pem.len);
    X509 *ca = next_cert(ca_bio), *leaf = next_cert(chain_bio);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;
    int result;

    assert_non_null(ca);
    assert_non_null(leaf);
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(at / 1000));
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) != 1)
        assert_int_equal(X509_VERIFY_PARAM_set1_host(param, name, 0), 1);
    result = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(ca);
    X509_free(leaf);
    BIO_free(ca_bio);
    BIO_free(chain_bio);
    return result;
}

static void verifies_for_every_name_that_was_allowed(void **state)
{
    static const struct str names[] = {
        STR_INIT("localhost"),  STR_INIT("127.0.0.1"),         STR_INIT("::1"),
        STR_INIT("callgate"),   STR_INIT("contoso.localhost"), STR_INIT("acs.example.com"),
        STR_INIT("10.1.2.3"),   STR_INIT("fd00::1"),           STR_INIT("eu.acs.example.com"),
        STR_INIT("my_service"), STR_INIT("127.9.9.9"),
    };
    struct authority a = authority_of(configured, ARRAY_LEN(configured));
    struct secret key = {0};
    struct buf chain;

    (void)state;
    buf_init(&chain, 64 * KIB);
    assert_int_equal(
        leaf_make(buf_str(&a.cert), &a.key, names, ARRAY_LEN(names), NOW, &chain, &key), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int got = verdict(buf_str(&a.cert), buf_str(&chain), names[i].ptr, NOW);

        if (got != X509_V_OK)
            fail_msg("%s: %s", names[i].ptr, X509_verify_cert_error_string(got));
    }
    assert_int_equal(verdict(buf_str(&a.cert), buf_str(&chain), "other.localhost", NOW),
                     X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(verdict(buf_str(&a.cert), buf_str(&chain), "127.0.0.2", NOW),
                     X509_V_ERR_IP_ADDRESS_MISMATCH);
    buf_clear(&chain);
    secret_clear(&key);
    authority_clear(&a);
}

static void verifies_a_leaf_of_addresses_alone(void **state)
{
    static const struct str names[] = {STR_INIT("127.0.0.1"), STR_INIT("::1")};
    struct authority a = authority_of(NULL, 0);
    struct secret key = {0};
    struct buf chain;

    (void)state;
    buf_init(&chain, 64 * KIB);
    assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, names, 2, NOW, &chain, &key), RC_OK);
    assert_int_equal(verdict(buf_str(&a.cert), buf_str(&chain), "127.0.0.1", NOW), X509_V_OK);
    assert_int_equal(verdict(buf_str(&a.cert), buf_str(&chain), "::1", NOW), X509_V_OK);
    buf_clear(&chain);
    secret_clear(&key);
    authority_clear(&a);
}

static void fails_for_names_that_the_authority_may_not_vouch_for(void **state)
{
    static const struct {
        const char *name;
        struct str leaf;
        bool configured;
    } cases[] = {
        {"a public name under a bare authority", STR_INIT("example.com"), false},
        {"a public name above a configured one", STR_INIT("example.com"), true},
        {"a neighbour of a configured name", STR_INIT("xacs.example.com"), true},
        {"a name that ends in localhost without a dot", STR_INIT("notlocalhost"), true},
        {"an address next to a configured one", STR_INIT("10.1.2.4"), true},
        {"an address outside loopback", STR_INIT("128.0.0.1"), false},
        {"an IPv6 address other than loopback", STR_INIT("::2"), false},
        {"an IPv6 address next to a configured one", STR_INIT("fd00::2"), true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct authority a =
            authority_of(configured, cases[i].configured ? ARRAY_LEN(configured) : 0);
        struct secret key = {0};
        struct buf chain;

        buf_init(&chain, 64 * KIB);
        assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, &cases[i].leaf, 1, NOW, &chain, &key),
                         RC_OK);
        assert_false(ca_allows(buf_str(&a.cert), cases[i].leaf));
        if (verdict(buf_str(&a.cert), buf_str(&chain), cases[i].leaf.ptr, NOW) !=
            X509_V_ERR_PERMITTED_VIOLATION)
            fail_msg("%s: passes", cases[i].name);
        buf_clear(&chain);
        secret_clear(&key);
        authority_clear(&a);
    }
}

static void says_which_names_the_authority_allows(void **state)
{
    static const struct {
        const char *name;
        bool bare, configured;
    } cases[] = {
        {"localhost", true, true},
        {"LOCALHOST", true, true},
        {"a.b.localhost", true, true},
        {"127.0.0.1", true, true},
        {"127.255.0.9", true, true},
        {"::1", true, true},
        {"0:0:0:0:0:0:0:1", true, true},
        {"acs.example.com", false, true},
        {"x.ACS.example.com", false, true},
        {"callgate", false, true},
        {"my_service", false, true},
        {"10.1.2.3", false, true},
        {"fd00::1", false, true},
        {"::", false, false},
        {"126.0.0.1", false, false},
        {"example.com", false, false},
        {"*.localhost", false, false},
        {"", false, false},
        {".localhost", false, false},
        {"localhost.", false, false},
        {"a..localhost", false, false},
        {"-a.localhost", false, false},
        {"a-.localhost", false, false},
        {"127.0.0.1.", false, false},
        {"127.0.0.01", false, false},
        {"127.0.0", false, false},
        {"b\xc3\xbc.localhost", false, false},
        {"a b.localhost", false, false},
    };
    struct authority bare = authority_of(NULL, 0);
    struct authority full = authority_of(configured, ARRAY_LEN(configured));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str name = str_from(cases[i].name);

        if (ca_allows(buf_str(&bare.cert), name) != cases[i].bare ||
            ca_allows(buf_str(&full.cert), name) != cases[i].configured)
            fail_msg("%s", cases[i].name);
    }
    assert_false(ca_allows(buf_str(&bare.cert), STR("localhost\0.evil")));
    assert_false(ca_allows(STR("no certificate"), STR("localhost")));
    assert_false(ca_allows(STR_EMPTY, STR("localhost")));
    authority_clear(&bare);
    authority_clear(&full);
}

static void expires_when_it_says(void **state)
{
    static const struct str name = STR_INIT("localhost");
    struct authority a = authority_of(NULL, 0);
    unix_ms ca_end = 0, leaf_end = 0, late = NOW + 3600 * DAY;
    struct secret key = {0};
    struct buf chain;
    struct str pem;

    (void)state;
    buf_init(&chain, 64 * KIB);
    assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, &name, 1, NOW, &chain, &key), RC_OK);
    pem = buf_str(&chain);
    assert_int_equal(cert_not_after(buf_str(&a.cert), &ca_end), RC_OK);
    assert_int_equal(cert_not_after(pem, &leaf_end), RC_OK);
    assert_int_equal(ca_end, NOW + 3650 * DAY);
    assert_int_equal(leaf_end, NOW + 396 * DAY);
    assert_int_equal(verdict(buf_str(&a.cert), pem, "localhost", NOW - DAY), X509_V_OK);
    assert_int_equal(verdict(buf_str(&a.cert), pem, "localhost", NOW - DAY - 1000),
                     X509_V_ERR_CERT_NOT_YET_VALID);
    assert_int_equal(verdict(buf_str(&a.cert), pem, "localhost", leaf_end - 1000), X509_V_OK);
    assert_int_equal(verdict(buf_str(&a.cert), pem, "localhost", leaf_end + 1000),
                     X509_V_ERR_CERT_HAS_EXPIRED);
    secret_clear(&key);
    buf_reset(&chain);
    assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, &name, 1, late, &chain, &key), RC_OK);
    assert_int_equal(cert_not_after(buf_str(&chain), &leaf_end), RC_OK);
    assert_int_equal(leaf_end, ca_end); /* a leaf does not outlive its authority */
    buf_clear(&chain);
    secret_clear(&key);
    authority_clear(&a);
}

static void writes_what_relying_parties_ask_for(void **state)
{
    static const struct str names[] = {STR_INIT("127.0.0.1"), STR_INIT("contoso.localhost")};
    struct authority a = authority_of(NULL, 0);
    struct secret key = {0};
    struct buf chain;
    BIO *bio;
    X509 *leaf, *ca, *none;
    EVP_PKEY *private_key;
    char text[128];
    BIGNUM *serial;

    (void)state;
    buf_init(&chain, 64 * KIB);
    assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, names, 2, NOW, &chain, &key), RC_OK);
    bio = BIO_new_mem_buf(chain.ptr, (int)chain.len);
    leaf = next_cert(bio);
    ca = next_cert(bio);
    none = next_cert(bio);
    assert_non_null(leaf);
    assert_non_null(ca);
    assert_null(none);
    BIO_free(bio);
    X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_commonName, text, sizeof text);
    assert_memory_equal(text, "Callgate local CA ", 18);
    assert_int_equal(strlen(text), 26);
    X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, text, sizeof text);
    assert_string_equal(text, "contoso.localhost");
    assert_int_equal(X509_get_pathlen(ca), 0);
    assert_true(X509_check_ca(ca) == 1);
    assert_true(X509_check_ca(leaf) == 0);
    assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
    assert_non_null(X509_get0_subject_key_id(ca));
    assert_int_equal(
        ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(ca), X509_get0_authority_key_id(leaf)), 0);
    const int critical[] = {NID_name_constraints, NID_basic_constraints, NID_key_usage};
    for (size_t i = 0; i < ARRAY_LEN(critical); i++) {
        int at = X509_get_ext_by_NID(ca, critical[i], -1);

        assert_true(at >= 0);
        assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(ca, at)), 1);
    }
    serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    assert_true(BN_num_bits(serial) <= 127);
    assert_true(BN_num_bits(serial) > 64);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(leaf), X509_get0_serialNumber(ca)),
                         0);
    BN_free(serial);
    bio = BIO_new_mem_buf(key.octets, (int)key.len);
    private_key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_int_equal(X509_check_private_key(leaf, private_key), 1);
    EVP_PKEY_free(private_key);
    BIO_free(bio);
    X509_free(leaf);
    X509_free(ca);
    buf_clear(&chain);
    secret_clear(&key);
    authority_clear(&a);
}

static void refuses_names_that_are_none(void **state)
{
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("*.example.com"),
        STR_INIT("a b"),
        STR_INIT("a..b"),
        STR_INIT("1.2.3.4.5"),
        STR_INIT("[::1]"),
        STR_INIT("host:80"),
        STR_INIT("a\0b"),
        STR_INIT("300"),
        STR_INIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.localhost"),
    };
    struct authority a = authority_of(NULL, 0);
    char long_name[300];
    struct secret key = {0};
    struct buf out;

    (void)state;
    buf_init(&out, 64 * KIB);
    for (size_t i = 0; i < sizeof long_name; i++)
        long_name[i] = i % 10 == 9 ? '.' : 'a';
    for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
        struct str name = i < ARRAY_LEN(bad) ? bad[i] : str_of(long_name, 254);

        assert_int_equal(ca_make(&name, 1, NOW, &out, &key), RC_INVALID);
        assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, &name, 1, NOW, &out, &key),
                         RC_INVALID);
    }
    assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, NULL, 0, NOW, &out, &key), RC_INVALID);
    assert_int_equal(out.len, 0);
    assert_null(key.octets);
    buf_clear(&out);
    authority_clear(&a);
}

static void makes_a_leaf_whose_name_is_too_long_for_a_common_name(void **state)
{
    char text[253];
    struct str name = str_of(text, sizeof text);
    struct authority a = authority_of(NULL, 0);
    struct secret key = {0};
    struct buf chain;
    char cstr[254] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 50 == 49 ? '.' : 'a';
    memcpy(text + sizeof text - 10, ".localhost", 10);
    memcpy(cstr, text, sizeof text);
    buf_init(&chain, 64 * KIB);
    assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, &name, 1, NOW, &chain, &key), RC_OK);
    assert_int_equal(verdict(buf_str(&a.cert), buf_str(&chain), cstr, NOW), X509_V_OK);
    buf_clear(&chain);
    secret_clear(&key);
    authority_clear(&a);
}

static void refuses_a_key_or_certificate_that_does_not_fit(void **state)
{
    static const struct str name = STR_INIT("localhost");
    struct authority a = authority_of(NULL, 0), b = authority_of(NULL, 0);
    struct secret key = {0}, none = {0}, junk = secret_copy("junk", 4);
    struct buf out, small;
    unix_ms t = 7;

    (void)state;
    buf_init(&out, 64 * KIB);
    buf_init(&small, 100);
    assert_int_equal(leaf_make(buf_str(&a.cert), &b.key, &name, 1, NOW, &out, &key), RC_INVALID);
    assert_int_equal(leaf_make(buf_str(&a.cert), &none, &name, 1, NOW, &out, &key), RC_INVALID);
    assert_int_equal(leaf_make(buf_str(&a.cert), &junk, &name, 1, NOW, &out, &key), RC_INVALID);
    assert_int_equal(leaf_make(STR("junk"), &a.key, &name, 1, NOW, &out, &key), RC_INVALID);
    assert_int_equal(leaf_make(STR_EMPTY, &a.key, &name, 1, NOW, &out, &key), RC_INVALID);
    assert_int_equal(leaf_make(buf_str(&a.cert), &a.key, &name, 1, NOW, &small, &key),
                     RC_TOO_LARGE);
    buf_reset(&small);
    assert_int_equal(ca_make(NULL, 0, NOW, &small, &key), RC_TOO_LARGE);
    assert_int_equal(cert_not_after(STR("junk"), &t), RC_INVALID);
    assert_int_equal(cert_not_after(STR_EMPTY, &t), RC_INVALID);
    assert_int_equal(t, 7);
    assert_null(key.octets);
    secret_clear(&junk);
    buf_clear(&out);
    buf_clear(&small);
    authority_clear(&a);
    authority_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_for_every_name_that_was_allowed),
        cmocka_unit_test(verifies_a_leaf_of_addresses_alone),
        cmocka_unit_test(fails_for_names_that_the_authority_may_not_vouch_for),
        cmocka_unit_test(says_which_names_the_authority_allows),
        cmocka_unit_test(expires_when_it_says),
        cmocka_unit_test(writes_what_relying_parties_ask_for),
        cmocka_unit_test(refuses_names_that_are_none),
        cmocka_unit_test(makes_a_leaf_whose_name_is_too_long_for_a_common_name),
        cmocka_unit_test(refuses_a_key_or_certificate_that_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
