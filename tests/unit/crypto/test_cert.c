/* Certificates that others hand in, those that we make for our keys, and thumbprints. All of them
 * are made here, by OpenSSL. */
#include "crypto/cert.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define NOW ((unix_ms)1795446000000) /* 2026-11-23T15:00:00Z */
#define DAY ((unix_ms)86400000)

struct fixture {
    struct arena arena;
    EVP_PKEY *rsa, *p256; /* for certificates of others */
    struct buf pem, der;  /* a good one of `p256` */
};

/* What a certificate of others says; zeros: the ordinary. */
struct plan {
    EVP_PKEY *key, *signer;
    const char *cn, *not_before, *not_after; /* ASN.1 GeneralizedTime */
};

static X509 *make_x509(const struct plan *plan)
{
    const char *cn = plan->cn ? plan->cn : "client";
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);

    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 7), 1);
    assert_int_equal(ASN1_STRING_set(X509_getm_notBefore(x),
                                     plan->not_before ? plan->not_before : "20260101000000Z", -1),
                     1);
    assert_int_equal(ASN1_STRING_set(X509_getm_notAfter(x),
                                     plan->not_after ? plan->not_after : "20270101000000Z", -1),
                     1);
    X509_getm_notBefore(x)->type = V_ASN1_GENERALIZEDTIME;
    X509_getm_notAfter(x)->type = V_ASN1_GENERALIZEDTIME;
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                                (const unsigned char *)"Contoso, Ltd", -1, -1, 0),
                     1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0),
        1);
    assert_int_equal(X509_set_issuer_name(x, name), 1);
    assert_int_equal(X509_set_pubkey(x, plan->key), 1);
    assert_true(X509_sign(x, plan->signer ? plan->signer : plan->key, EVP_sha256()) > 0);
    return x;
}

static void write_pem(X509 *x, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;

    assert_int_equal(PEM_write_bio_X509(bio, x), 1);
    len = BIO_get_mem_data(bio, &text);
    buf_add(out, str_of(text, (size_t)len));
    BIO_free(bio);
}

static void write_der(X509 *x, struct buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);

    assert_true(len > 0);
    buf_add(out, str_of(der, (size_t)len));
    OPENSSL_free(der);
}

static int make_fixture(void **state)
{
    static struct fixture f;
    X509 *x;

    arena_init(&f.arena);
    f.rsa = EVP_RSA_gen(2048);
    f.p256 = EVP_EC_gen("P-256");
    buf_init(&f.pem, 64 * KIB);
    buf_init(&f.der, 64 * KIB);
    x = make_x509(&(struct plan){.key = f.p256});
    write_pem(x, &f.pem);
    write_der(x, &f.der);
    X509_free(x);
    *state = &f;
    return f.pem.failed || f.der.failed;
}

static int free_fixture(void **state)
{
    struct fixture *f = *state;

    arena_clear(&f->arena);
    EVP_PKEY_free(f->rsa);
    EVP_PKEY_free(f->p256);
    buf_clear(&f->pem);
    buf_clear(&f->der);
    return 0;
}

/* Reads what must be refused; returns why. */
static const char *flaw_of(struct fixture *f, struct str text, enum rc want)
{
    struct cert cert = {.subject = STR("untouched")};
    const char *why = NULL;
    enum rc rc = cert_read(text, &f->arena, &cert, &why);

    if (rc != want)
        fail_msg("%s instead of %s: %s", rc_name(rc), rc_name(want), why ? why : "no reason");
    assert_true(name_eq(cert.subject, STR("untouched")));
    assert_null(cert.key);
    assert_non_null(why);
    return why;
}

/* Makes, reads and frees one; returns the result. */
static enum rc read_made(struct fixture *f, const struct plan *plan, struct cert *out,
                         const char **out_why)
{
    X509 *x = make_x509(plan);
    struct buf der;
    enum rc rc;

    buf_init(&der, 64 * KIB);
    write_der(x, &der);
    rc = cert_read(buf_str(&der), &f->arena, out, out_why);
    buf_clear(&der);
    X509_free(x);
    return rc;
}

static void reads_one_certificate_as_pem_and_as_der(void **state)
{
    struct fixture *f = *state;
    struct str texts[] = {buf_str(&f->der), buf_str(&f->pem)};
    unsigned char sha1_want[20], sha256_want[32];

    assert_int_equal(EVP_Digest(f->der.ptr, f->der.len, sha1_want, NULL, EVP_sha1(), NULL), 1);
    assert_int_equal(EVP_Digest(f->der.ptr, f->der.len, sha256_want, NULL, EVP_sha256(), NULL), 1);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct cert cert = {0};
        const char *why = NULL;

        assert_int_equal(cert_read(texts[i], &f->arena, &cert, &why), RC_OK);
        assert_null(why);
        assert_true(name_eq(cert.der, buf_str(&f->der)));
        assert_ptr_not_equal(cert.der.ptr, texts[i].ptr);
        assert_memory_equal(cert.sha1, sha1_want, 20);
        assert_memory_equal(cert.sha256, sha256_want, 32);
        assert_int_equal(cert.not_before, 1767225600000);
        assert_int_equal(cert.not_after, 1798761600000);
        assert_true(name_eq(cert.subject, STR("CN=client,O=Contoso\\, Ltd")));
        assert_int_equal(pkey_alg(cert.key), JWS_ALG_NONE);
        assert_true(pkey_fits(cert.key, JWS_ES256));
        assert_false(pkey_fits(cert.key, JWS_RS256));
        cert_clear(&cert);
        cert_clear(&cert);
        assert_null(cert.key);
    }
    cert_clear(NULL);
}

/* The key of a certificate checks what its owner signed with PS256. */
static void checks_signatures_with_the_key_of_a_certificate(void **state)
{
    struct fixture *f = *state;
    struct hash_work *w = hash_work_new();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    struct cert cert = {0};
    const char *why = NULL;
    uint8_t sig[256];
    size_t len = sizeof sig;
    struct verifier *v;

    assert_int_equal(read_made(f, &(struct plan){.key = f->rsa}, &cert, &why), RC_OK);
    assert_int_equal(EVP_DigestSignInit(ctx, &options, EVP_sha256(), NULL, f->rsa), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const uint8_t *)"a.b", 3), 1);
    v = verifier_new_alg(cert.key, JWS_PS256);
    assert_int_equal(verifier_check(v, w, STR("a.b"), str_of(sig, len)), RC_OK);
    assert_int_equal(verifier_check(v, w, STR("a.c"), str_of(sig, len)), RC_DENIED);
    verifier_free(v);
    cert_clear(&cert);
    EVP_MD_CTX_free(ctx);
    hash_work_free(w);
}

static void takes_pem_however_its_lines_are_laid(void **state)
{
    struct fixture *f = *state;
    struct str pem = buf_str(&f->pem);
    struct buf out;

    buf_init(&out, 64 * KIB);
    for (int form = 0; form < 4; form++) {
        struct cert cert = {0};
        const char *why = NULL;

        buf_reset(&out);
        if (form == 1)
            buf_add(&out, STR(" \r\n\t\n"));
        for (size_t i = 0; i < pem.len; i++) {
            if (form == 2 && pem.ptr[i] == '\n')
                buf_add_char(&out, '\r');
            if (form != 3 || pem.ptr[i] != '\n') /* 3: all on one line */
                buf_add_char(&out, pem.ptr[i]);
        }
        if (form == 1)
            buf_add(&out, STR("\n\n  \n"));
        if (cert_read(buf_str(&out), &f->arena, &cert, &why))
            fail_msg("form %d: %s", form, why);
        assert_true(name_eq(cert.der, buf_str(&f->der)));
        cert_clear(&cert);
    }
    buf_clear(&out);
}

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----\n"
#define KEY   "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

static void refuses_texts_that_are_not_one_certificate(void **state)
{
    static const char none[] = "neither PEM nor DER",
                      key[] = "a private key is in it: hand over "
                              "the certificate alone",
                      block[] = "not a single block CERTIFICATE",
                      base64[] = "the block is not base64", der[] = "not a certificate in DER";
    static const struct {
        const char *name;
        const char *before, *after; /* the good PEM stands between, if `whole` */
        bool whole;
        const char *reason;
    } cases[] = {
        {"nothing", "", "", false, none},
        {"blanks", " \n\t\r\n", "", false, none},
        {"words", "certificate", "", false, none},
        {"a private key behind it", "", KEY, true, key},
        {"a private key before it", KEY, "", true, key},
        {"a private key alone", KEY, "", false, key},
        {"an encrypted key", "", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n", true, key},
        {"an RSA key in its old form", "", "-----BEGIN RSA PRIVATE KEY-----\nAA==\n", true, key},
        {"another certificate", "", BEGIN "AAAA\n" END, true, "more than one certificate is in it"},
        {"a request", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", END, false, block},
        {"a public key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "", false,
         block},
        {"OpenSSL's own label", "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n", END, false, block},
        {"words before it", "subject=CN = client\n", "", true, block},
        {"words behind it", "", "subject=CN = client\n", true, block},
        {"a NUL behind it", "", NULL, true, block},
        {"no end", BEGIN "AAAA\n", "", false, block},
        {"an end of another kind", BEGIN "AAAA\n-----END PUBLIC KEY-----\n", "", false, block},
        {"a header inside", BEGIN "Proc-Type: 4,ENCRYPTED\n\nAAAA\n", END, false, base64},
        {"no base64", BEGIN "A*AA\n", END, false, base64},
        {"base64 cut short", BEGIN "AAA\n", END, false, base64},
        {"base64 of urls", BEGIN "MII_\n", END, false, base64},
        {"padding inside", BEGIN "AA==\nAAAA\n", END, false, base64},
        {"an empty block", BEGIN, END, false, der},
        {"octets that are none", BEGIN "AAAA\n", END, false, der},
        {"an empty sequence", BEGIN "MAA=\n", END, false, der},
        {"DER of one octet", "0", "", false, der},
        {"a sequence of great length", "0\x84\x7f\xff\xff\xff", "", false, der},
        {"a sequence without an end", "0\x80", "", false, der},
    };
    struct fixture *f = *state;
    struct buf text;

    buf_init(&text, 64 * KIB);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why;

        buf_reset(&text);
        buf_add(&text, str_from(cases[i].before));
        if (cases[i].whole)
            buf_add(&text, buf_str(&f->pem));
        buf_add(&text, cases[i].after ? str_from(cases[i].after) : STR("\0"));
        why = flaw_of(f, buf_str(&text), RC_INVALID);
        if (!name_eq(str_from(why), str_from(cases[i].reason)))
            fail_msg("%s: %s", cases[i].name, why);
    }
    buf_clear(&text);
}

static void refuses_der_that_is_cut_or_has_more_behind(void **state)
{
    struct fixture *f = *state;
    struct buf longer;

    for (size_t len = 1; len < f->der.len; len++)
        assert_string_equal(flaw_of(f, str_head(buf_str(&f->der), len), RC_INVALID),
                            "not a certificate in DER");
    buf_init(&longer, 64 * KIB);
    buf_add(&longer, buf_str(&f->der));
    buf_add_char(&longer, '\0');
    assert_string_equal(flaw_of(f, buf_str(&longer), RC_INVALID),
                        "more octets behind the certificate");
    longer.len--;
    buf_add(&longer, buf_str(&f->der));
    assert_string_equal(flaw_of(f, buf_str(&longer), RC_INVALID),
                        "more octets behind the certificate");
    buf_clear(&longer);
}

static void refuses_more_than_16_kib(void **state)
{
    struct fixture *f = *state;
    struct cert cert = {0};
    const char *why = NULL;
    struct buf text;

    buf_init(&text, 64 * KIB);
    buf_add(&text, buf_str(&f->pem));
    while (text.len < CERT_TEXT_MAX)
        buf_add_char(&text, '\n');
    assert_int_equal(cert_read(buf_str(&text), &f->arena, &cert, &why), RC_OK);
    cert_clear(&cert);
    buf_add_char(&text, '\n');
    assert_string_equal(flaw_of(f, buf_str(&text), RC_TOO_LARGE), "longer than 16 KiB");
    buf_clear(&text);
}

/* Broken anywhere, it is refused or still reads: memory is all that is watched here. */
static void survives_every_octet_broken(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->der.len; i++) {
        struct cert cert = {0};
        const char *why = NULL;
        enum rc rc;

        f->der.ptr[i] ^= 0x11;
        rc = cert_read(buf_str(&f->der), &f->arena, &cert, &why);
        assert_true((rc == RC_OK) == (cert.key != NULL));
        assert_true((rc == RC_OK) == (why == NULL));
        cert_clear(&cert);
        f->der.ptr[i] ^= 0x11;
        arena_reset(&f->arena);
    }
}

static EVP_PKEY *explicit_p256(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
    return key;
}

static EVP_PKEY *rsa_for_pss_alone(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa_with_exponent_1(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params;
    BIGNUM *n = BN_new();
    EVP_PKEY *key = NULL;

    assert_int_equal(BN_set_bit(n, 2048), 1);
    assert_int_equal(BN_sub_word(n, 1), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_uint(build, OSSL_PKEY_PARAM_RSA_E, 1), 1);
    params = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    return key;
}

static void judges_the_keys_of_certificates(void **state)
{
    static const char other[] = "its key is neither RSA nor P-256 nor P-384",
                      weak[] = "its RSA key is weak, or has not 2048 to 8192 bits";
    struct fixture *f = *state;
    const struct {
        const char *name;
        EVP_PKEY *key; /* moved in */
        enum jws_alg fits;
        const char *reason;
    } cases[] = {
        {"P-384", EVP_EC_gen("P-384"), JWS_ES384, NULL},
        {"RSA of 3072 bits", EVP_RSA_gen(3072), JWS_PS512, NULL},
        {"RSA of 1024 bits", EVP_RSA_gen(1024), 0, weak},
        {"RSA of 2040 bits", EVP_RSA_gen(2040), 0, weak},
        {"RSA with the exponent 1", rsa_with_exponent_1(), 0, weak},
        {"RSA for PSS alone", rsa_for_pss_alone(), 0, other},
        {"P-521", EVP_EC_gen("P-521"), 0, other},
        {"secp256k1", EVP_EC_gen("secp256k1"), 0, other},
        {"Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0, other},
        {"P-256 with its parameters spelt out", explicit_p256(), 0,
         "its key is not a point of a named curve"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plan plan = {.key = cases[i].key, .signer = f->p256};
        struct cert cert = {0};
        const char *why = NULL;
        enum rc rc = read_made(f, &plan, &cert, &why);

        if (!name_eq(str_from(why), str_from(cases[i].reason)))
            fail_msg("%s: %s", cases[i].name, why ? why : "accepted");
        assert_int_equal(rc, cases[i].reason ? RC_INVALID : RC_OK);
        if (cases[i].fits)
            assert_true(pkey_fits(cert.key, cases[i].fits));
        cert_clear(&cert);
        EVP_PKEY_free(cases[i].key);
    }
}

static void judges_the_times_of_certificates(void **state)
{
    static const struct {
        const char *name, *before, *after, *reason;
        unix_ms not_before, not_after;
    } cases[] = {
        {"without an end (RFC 5280)", "20200101000000Z", "99991231235959Z", NULL, 1577836800000,
         253402300799000},
        {"begun before 1970", "19500101000000Z", "20300101000000Z", NULL, -631152000000,
         1893456000000},
        {"one second long", "20200101000000Z", "20200101000000Z", NULL, 1577836800000,
         1577836800000},
        {"ended before it began", "20200101000001Z", "20200101000000Z", "it ends before it begins",
         0, 0},
        {"no time", "yesterday", "20200101000000Z", "its times can't be read", 0, 0},
        {"month 13", "20200101000000Z", "20201301000000Z", "its times can't be read", 0, 0},
        {"an empty time", "", "20201201000000Z", "its times can't be read", 0, 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plan plan = {
            .key = f->p256, .not_before = cases[i].before, .not_after = cases[i].after};
        struct cert cert = {0};
        const char *why = NULL;
        enum rc rc = read_made(f, &plan, &cert, &why);

        if (!name_eq(str_from(why), str_from(cases[i].reason)))
            fail_msg("%s: %s", cases[i].name, why ? why : "accepted");
        assert_int_equal(rc, cases[i].reason ? RC_INVALID : RC_OK);
        assert_int_equal(cert.not_before, cases[i].not_before);
        assert_int_equal(cert.not_after, cases[i].not_after);
        cert_clear(&cert);
    }
}

static void shows_a_subject_in_printable_characters(void **state)
{
    static const struct {
        const char *cn, *want;
    } cases[] = {
        {"callgate, \"x\" <y>;z+1=2\\", "CN=callgate\\, \\\"x\\\" \\<y\\>\\;z\\+1=2\\\\,"},
        {"a\nb\x1b[31m\x7f", "CN=a\\0Ab\\1B[31m\\7F,"},
        {"M\xc3\xbcller \xe2\x80\xae", "CN=M\\C3\\BCller \\E2\\80\\AE,"},
        {" blanks ", "CN=\\ blanks\\ ,"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plan plan = {.key = f->p256, .cn = cases[i].cn};
        struct cert cert = {0};
        const char *why = NULL;

        assert_int_equal(read_made(f, &plan, &cert, &why), RC_OK);
        if (!str_starts(cert.subject, str_from(cases[i].want)))
            fail_msg("%zu: " STR_FMT, i, STR_ARG(cert.subject));
        assert_true(str_ends(cert.subject, STR(",O=Contoso\\, Ltd")));
        cert_clear(&cert);
    }
}

static void makes_a_certificate_for_a_key_of_ours(void **state)
{
    static const enum jws_alg algs[] = {JWS_RS256, JWS_ES256};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        struct pkey *k = pkey_generate(algs[i]);
        char mine[43], its[43];
        struct cert cert = {0};
        const char *why = NULL;
        struct buf der, again;
        const unsigned char *at;
        X509 *x;

        buf_init(&der, 4 * KIB);
        buf_init(&again, 4 * KIB);
        buf_add(&der, STR("kept"));
        assert_int_equal(cert_self_signed(k, STR("callgate issuer"), NOW, 30, &der), RC_OK);
        assert_int_equal(cert_self_signed(k, STR("callgate issuer"), NOW, 30, &again), RC_OK);
        assert_true(str_starts(buf_str(&der), STR("kept")));
        buf_consume(&der, 4);
        assert_int_equal(cert_read(buf_str(&der), &f->arena, &cert, &why), RC_OK);
        assert_true(name_eq(cert.subject, STR("CN=callgate issuer")));
        assert_int_equal(cert.not_before, NOW - DAY);
        assert_int_equal(cert.not_after, NOW + 30 * DAY);
        pkey_thumbprint(k, mine);
        pkey_thumbprint(cert.key, its);
        assert_memory_equal(mine, its, 43);
        /* no signature of RSA has chance in it */
        assert_int_equal(name_eq(buf_str(&der), buf_str(&again)), algs[i] == JWS_RS256);
        at = (const unsigned char *)der.ptr;
        x = d2i_X509(NULL, &at, (long)der.len);
        assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
        assert_int_equal(X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)), 0);
        assert_int_equal(X509_get_version(x), X509_VERSION_3);
        assert_int_equal(X509_check_ca(x), 0);
        assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
        assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x)), 16);
        X509_free(x);
        cert_clear(&cert);
        buf_clear(&der);
        buf_clear(&again);
        pkey_unref(k);
    }
}

static void makes_no_certificate_from_what_does_not_do(void **state)
{
    static const char name65[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct fixture *f = *state;
    struct pkey *k = pkey_generate(JWS_ES256);
    struct cert cert = {0};
    const char *why = NULL;
    struct buf out, small;

    buf_init(&out, 4 * KIB);
    buf_init(&small, 100);
    assert_int_equal(cert_read(buf_str(&f->der), &f->arena, &cert, &why), RC_OK);
    assert_int_equal(cert_self_signed(cert.key, STR("x"), NOW, 1, &out), RC_INVALID);
    assert_int_equal(cert_self_signed(k, STR_EMPTY, NOW, 1, &out), RC_INVALID);
    assert_int_equal(cert_self_signed(k, str_of(name65, 65), NOW, 1, &out), RC_INVALID);
    assert_int_equal(cert_self_signed(k, STR("\xff"), NOW, 1, &out), RC_INVALID);
    assert_int_equal(cert_self_signed(k, STR("x"), NOW, 0, &out), RC_INVALID);
    assert_int_equal(cert_self_signed(k, STR("x"), NOW, -1, &out), RC_INVALID);
    assert_int_equal(cert_self_signed(k, STR("x"), NOW, 36501, &out), RC_INVALID);
    assert_int_equal(cert_self_signed(k, STR("x"), NOW, 1, &small), RC_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(cert_self_signed(k, str_of(name65, 64), NOW, 36500, &out), RC_OK);
    cert_clear(&cert);
    buf_clear(&out);
    buf_clear(&small);
    pkey_unref(k);
}

/* clang-format off */
static const struct { const char *name, *text; size_t len; } thumbprints[] = {
    {"SHA-1, url alphabet", "y9tP6F-_zxN5ZXZ9PqBvj3AbCdE", 20},
    {"the same padded, as Python writes", "y9tP6F-_zxN5ZXZ9PqBvj3AbCdE=", 20},
    {"standard alphabet, padded, as Go and Java write", "y9tP6F+/zxN5ZXZ9PqBvj3AbCdE=", 20},
    {"standard alphabet without padding", "y9tP6F+/zxN5ZXZ9PqBvj3AbCdE", 20},
    {"no character that differs", "y9tP6FAAzxN5ZXZ9PqBvj3AbCdE", 20},
    {"SHA-256, url alphabet", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", 32},
    {"SHA-256 padded", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs=", 32},
    {"SHA-256, standard", "NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs=", 32},
    {"empty", "", 0},
    {"a pad alone", "=", 0},
    {"pads alone", "====", 0},
    {"both alphabets", "y9tP6F+_zxN5ZXZ9PqBvj3AbCdE", 0},
    {"both alphabets, the other way", "y9tP6F-/zxN5ZXZ9PqBvj3AbCdE=", 0},
    {"two pads", "y9tP6F-_zxN5ZXZ9PqBvj3AbCdE==", 0},
    {"a pad for a character", "y9tP6F-_zxN5ZXZ9PqBvj3AbCd==", 0},
    {"a pad inside", "y9tP6F-_=xN5ZXZ9PqBvj3AbCdE", 0},
    {"a blank behind", "y9tP6F-_zxN5ZXZ9PqBvj3AbCdE ", 0},
    {"a blank before", " y9tP6F-_zxN5ZXZ9PqBvj3AbCdE", 0},
    {"a line end behind", "y9tP6F-_zxN5ZXZ9PqBvj3AbCdE\n", 0},
    {"a blank inside", "y9tP6F-_ xN5ZXZ9PqBvj3AbCdE", 0},
    {"trailing bits", "y9tP6F-_zxN5ZXZ9PqBvj3AbCdF", 0},
    {"19 octets", "y9tP6F-_zxN5ZXZ9PqBvj3AbCd", 0},
    {"21 octets", "y9tP6F-_zxN5ZXZ9PqBvj3AbCdEA", 0},
    {"31 octets", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9A", 0},
    {"33 octets", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9XsA", 0},
    {"hexadecimal", "cbdb4fe85fbfcf137965767d3ea06f8f701b09d1", 0},
    {"hexadecimal with colons", "CB:DB:4F:E8:5F:BF:CF:13:79:65:76:7D:3E", 0},
    {"percent-encoded", "y9tP6F%2BzxN5ZXZ9PqBvj3AbCdE", 0},
};
/* clang-format on */

static void decodes_thumbprints_in_each_spelling(void **state)
{
    uint8_t first[32] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(thumbprints); i++) {
        struct str text = str_from(thumbprints[i].text);
        uint8_t got[32] = {0};
        size_t len = 0;
        enum rc rc = thumbprint_decode(text, got, sizeof got, &len);

        if (rc != (thumbprints[i].len ? RC_OK : RC_INVALID) || len != thumbprints[i].len)
            fail_msg("%s: %s, %zu octets", thumbprints[i].name, rc_name(rc), len);
        if (i == 0 || i == 5)
            memcpy(first, got, sizeof first);
        if (len && i != 4)
            assert_memory_equal(got, first, len);
        if (len)
            assert_int_equal(thumbprint_decode(text, got, len - 1, &len), RC_TOO_LARGE);
    }
    assert_int_equal(first[0], 0x37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_certificate_as_pem_and_as_der),
        cmocka_unit_test(checks_signatures_with_the_key_of_a_certificate),
        cmocka_unit_test(takes_pem_however_its_lines_are_laid),
        cmocka_unit_test(refuses_texts_that_are_not_one_certificate),
        cmocka_unit_test(refuses_der_that_is_cut_or_has_more_behind),
        cmocka_unit_test(refuses_more_than_16_kib),
        cmocka_unit_test(survives_every_octet_broken),
        cmocka_unit_test(judges_the_keys_of_certificates),
        cmocka_unit_test(judges_the_times_of_certificates),
        cmocka_unit_test(shows_a_subject_in_printable_characters),
        cmocka_unit_test(makes_a_certificate_for_a_key_of_ours),
        cmocka_unit_test(makes_no_certificate_from_what_does_not_do),
        cmocka_unit_test(decodes_thumbprints_in_each_spelling),
    };

    return cmocka_run_group_tests(tests, make_fixture, free_fixture);
}
