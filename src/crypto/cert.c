/* Certificates of clients and of the issuer (RFC 5280, RFC 7468), and thumbprints in base64.
 *
 * A certificate is no more than a public key with a name here: who registered it vouches for it.
 * So no chain is built and no signature of a certificate is checked. The text is taken apart by
 * hand, since OpenSSL's reader of PEM skips what it doesn't look for, keys of others included. */
#include "crypto/cert.h"
#include "crypto/base64.h"
#include "crypto/pkey_private.h"
#include "crypto/x509_private.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define NAME_MAX_OCTETS ((size_t)64) /* ub-common-name */
#define DAYS_MAX        36500
#define SERIAL_LEN      ((size_t)16)
#define THUMBPRINT_MAX  BASE64_LEN(SHA256_LEN)

#define PEM_BEGIN "-----BEGIN "
#define PEM_END   "-----END CERTIFICATE-----"

/* clang-format off */
static const struct extension self_signed_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_subject_key_identifier, "hash"},
    {0, NULL},
};
/* clang-format on */

static void free_bio(BIO **b)
{
    BIO_free(*b);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str trim_blanks(struct str text)
{
    while (text.len && is_blank(text.ptr[0]))
        text = str_from_index(text, 1);
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Why a PEM text is not the one certificate that it should be; NULL: it may be one. */
static const char *bundle_flaw(struct str text)
{
    size_t begins = 0, at;

    for (struct str rest = text; (at = str_find_str(rest, STR(PEM_BEGIN))) < rest.len; begins++)
        rest = str_from_index(rest, at + sizeof PEM_BEGIN - 1);
    if (!begins)
        return "neither PEM nor DER";
    if (str_find_str(text, STR("PRIVATE KEY-----")) < text.len)
        return "a private key is in it: hand over the certificate alone";
    return begins > 1 ? "more than one certificate is in it" : NULL;
}

/* Decodes the one block of a PEM text into the arena. */
static enum rc der_from_pem(struct str text, struct arena *arena, struct str *out,
                            const char **out_why)
{
    static const struct str begin = STR_INIT(PEM_BEGIN "CERTIFICATE-----");
    struct str body = trim_blanks(text);
    char *base64, *octets;
    size_t n = 0, len;

    *out_why = bundle_flaw(body);
    if (*out_why)
        return RC_INVALID;
    if (!str_starts(body, begin) || !str_ends(body, STR(PEM_END))) {
        *out_why = "not a single block CERTIFICATE";
        return RC_INVALID;
    }
    body = str_from_index(str_head(body, body.len - (sizeof PEM_END - 1)), begin.len);
    base64 = arena_alloc(arena, body.len + 1);
    octets = arena_alloc(arena, body.len + 1);
    for (size_t i = 0; i < body.len; i++)
        if (!is_blank(body.ptr[i]))
            base64[n++] = body.ptr[i];
    if (base64_decode(str_of(base64, n), octets, body.len, &len)) {
        *out_why = "the block is not base64";
        return RC_INVALID;
    }
    *out = str_of(octets, len);
    return RC_OK;
}

/* Parameters spelt out may be those of another curve in disguise (CVE-2020-0601). */
static bool is_named_curve(const EVP_PKEY *key)
{
    int is_explicit = 0;

    return !EVP_PKEY_is_a(key, "EC") ||
           (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                   &is_explicit) == 1 &&
            !is_explicit);
}

/* Why the key is not one that we would check a signature with; NULL: it is. */
static const char *key_flaw(EVP_PKEY *key)
{
    enum key_kind kind = key ? pkey_kind_of(key) : KEY_KIND_NONE;

    if (kind != KEY_RSA && kind != KEY_P256 && kind != KEY_P384)
        return "its key is neither RSA nor P-256 nor P-384";
    if (pkey_judge(kind, KEY_FOREIGN, key))
        return "its RSA key is weak, or has not 2048 to 8192 bits";
    return is_named_curve(key) && pkey_is_good_point(key)
               ? NULL
               : "its key is not a point of a named curve";
}

static enum rc take_key(X509 *x, struct pkey **out, const char **out_why)
{
    EVP_PKEY *key = X509_get_pubkey(x);
    const char *why = key_flaw(key);

    if (why) {
        EVP_PKEY_free(key);
        *out_why = why;
        return RC_INVALID;
    }
    *out = pkey_wrap(JWS_ALG_NONE, key, false);
    *out_why = "no memory";
    return *out ? RC_OK : RC_INTERNAL;
}

static enum rc take_subject(const X509 *x, struct arena *arena, struct str *out)
{
    AUTO(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;

    if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) < 0)
        return RC_INVALID;
    len = BIO_get_mem_data(bio, &text);
    *out = len > 0 ? arena_dup(arena, str_of(text, (size_t)len)) : STR_EMPTY;
    return RC_OK;
}

static enum rc take_members(X509 *x, struct arena *arena, struct cert *cert, const char **out_why)
{
    *out_why = "its times can't be read";
    if (x509_time(X509_get0_notBefore(x), &cert->not_before) ||
        x509_time(X509_get0_notAfter(x), &cert->not_after))
        return RC_INVALID;
    *out_why = "it ends before it begins";
    if (cert->not_after < cert->not_before)
        return RC_INVALID;
    *out_why = "its subject can't be read";
    if (take_subject(x, arena, &cert->subject))
        return RC_INVALID;
    return take_key(x, &cert->key, out_why);
}

static enum rc take_der(struct str der, struct arena *arena, struct cert *cert,
                        const char **out_why)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    AUTO(x509_freep) X509 *x = d2i_X509(NULL, &at, (long)der.len);
    struct hash_work *w;

    *out_why = "not a certificate in DER";
    if (!x)
        return RC_INVALID;
    *out_why = "more octets behind the certificate";
    if (at != (const unsigned char *)der.ptr + der.len)
        return RC_INVALID;
    w = hash_work_new();
    if (!w)
        return RC_INTERNAL;
    cert->der = der;
    sha1(der, cert->sha1);
    sha256(w, der, cert->sha256);
    hash_work_free(w);
    return take_members(x, arena, cert, out_why);
}

enum rc cert_read(struct str text, struct arena *arena, struct cert *out, const char **out_why)
{
    struct cert cert = {0};
    const char *why = "longer than 16 KiB";
    struct str der = STR_EMPTY;
    enum rc rc = RC_OK;

    if (text.len > CERT_TEXT_MAX)
        rc = RC_TOO_LARGE;
    else if (text.len && text.ptr[0] == '\x30') /* a SEQUENCE; "0" begins no PEM */
        der = arena_dup(arena, text);
    else
        rc = der_from_pem(text, arena, &der, &why);
    if (!rc)
        rc = take_der(der, arena, &cert, &why);
    ERR_clear_error();
    if (rc)
        *out_why = why;
    else
        *out = cert;
    return rc;
}

void cert_clear(struct cert *cert)
{
    if (!cert)
        return;
    pkey_unref(cert->key);
    *cert = (struct cert){0};
}

static enum rc append_der(X509 *x, struct buf *out)
{
    int len = i2d_X509(x, NULL);
    unsigned char *at = len > 0 ? (unsigned char *)buf_reserve(out, (size_t)len) : NULL;

    if (out->failed)
        return out->failed;
    if (!at || i2d_X509(x, &at) != len)
        return RC_INTERNAL;
    buf_grown(out, (size_t)len);
    return RC_OK;
}

enum rc cert_self_signed(const struct pkey *k, struct str name, unix_ms now, int days,
                         struct buf *out_der)
{
    char thumbprint[43];
    uint8_t serial[SHA256_LEN];
    size_t len;
    enum rc rc;

    if (!k->is_private || (k->kind != KEY_RSA && k->kind != KEY_P256) || name.len == 0 ||
        name.len > NAME_MAX_OCTETS || !str_is_utf8(name) || days < 1 || days > DAYS_MAX)
        return RC_INVALID;
    pkey_thumbprint(k, thumbprint);
    if (base64url_decode(str_of(thumbprint, sizeof thumbprint), serial, sizeof serial, &len))
        return RC_INTERNAL;
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); /* positive, of constant length */
    const struct cert_plan plan = {
        .common_name = name,
        .not_before = now - DAY_MS,
        .not_after = now + days * DAY_MS,
        .serial = str_of(serial, SERIAL_LEN),
    };
    AUTO(x509_freep) X509 *x = x509_begin(&plan, k->key);

    if (x && x509_add_extensions(x, x, self_signed_extensions) &&
        X509_sign(x, k->key, EVP_sha256()) != 0)
        rc = append_der(x, out_der);
    else
        rc = RC_INTERNAL;
    ERR_clear_error();
    return rc;
}

/* Turns the standard alphabet into that of urls; false when both are there. */
static bool to_url_alphabet(struct str text, char *out)
{
    bool standard = false, url = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        standard |= c == '+' || c == '/';
        url |= c == '-' || c == '_';
        out[i] = c;
        if (c == '+')
            out[i] = '-';
        else if (c == '/')
            out[i] = '_';
    }
    return !standard || !url;
}

enum rc thumbprint_decode(struct str text, uint8_t *out, size_t cap, size_t *out_len)
{
    char url[THUMBPRINT_MAX];

    if (text.len > 0 && text.len % 4 == 0 && text.ptr[text.len - 1] == '=')
        text.len--; /* neither length ever takes two */
    if (text.len != BASE64URL_LEN(SHA1_LEN) && text.len != BASE64URL_LEN(SHA256_LEN))
        return RC_INVALID;
    return to_url_alphabet(text, url) ? base64url_decode(str_of(url, text.len), out, cap, out_len)
                                      : RC_INVALID;
}
