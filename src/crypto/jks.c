/* Java trust store writer. The format: magic, version 2, count; then for each trusted certificate
 * tag 2, alias, time, "X.509", length and DER; last a SHA-1 over the password in UTF-16, the
 * words "Mighty Aphrodite" and everything before (a checksum by design of the format: what is
 * inside is public). */
#include "crypto/jks.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define JKS_MAGIC       0xFEEDFEEDu
#define JKS_VERSION     2u
#define JKS_TAG_TRUSTED 2u

static void add_be(struct buf *out, uint64_t value, size_t octets)
{
    for (size_t i = octets; i-- > 0;)
        buf_add_char(out, (char)(value >> (8 * i)));
}

static void add_utf(struct buf *out, struct str text)
{
    add_be(out, text.len, 2);
    buf_add(out, text);
}

static enum rc add_certificate(X509 *cert, unsigned index, unix_ms now, struct buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    char alias[24];
    int alias_len = snprintf(alias, sizeof alias, "ca-%u", index);

    if (len <= 0)
        return RC_INVALID;
    add_be(out, JKS_TAG_TRUSTED, 4);
    add_utf(out, str_of(alias, (size_t)alias_len));
    add_be(out, (uint64_t)now, 8);
    add_utf(out, STR("X.509"));
    add_be(out, (uint64_t)len, 4);
    buf_add(out, str_of(der, (size_t)len));
    OPENSSL_free(der);
    return RC_OK;
}

static enum rc add_digest(struct str password, size_t start, struct buf *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE], wide[2] = {0, 0};
    unsigned len = 0;
    int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1;

    for (size_t i = 0; ok && i < password.len; i++) {
        wide[1] = (unsigned char)password.ptr[i];
        ok = EVP_DigestUpdate(ctx, wide, sizeof wide) == 1;
    }
    ok = ok && EVP_DigestUpdate(ctx, "Mighty Aphrodite", 16) == 1;
    ok = ok && EVP_DigestUpdate(ctx, out->ptr + start, out->len - start) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, digest, &len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return RC_INTERNAL;
    buf_add(out, str_of(digest, len));
    return out->failed;
}

enum rc jks_write(struct str pem, struct str password, unix_ms now, struct buf *out)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    size_t start = out->len, count_at = start + 8;
    enum rc rc = bio ? RC_OK : RC_INTERNAL;
    unsigned count = 0;
    X509 *cert;

    add_be(out, JKS_MAGIC, 4);
    add_be(out, JKS_VERSION, 4);
    add_be(out, 0, 4);
    while (!rc && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        rc = add_certificate(cert, count++, now, out);
        X509_free(cert);
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the text leaves one */
    if (rc || out->failed)
        return rc ? rc : out->failed;
    if (count == 0)
        return RC_INVALID;
    for (size_t i = 0; i < 4; i++)
        out->ptr[count_at + i] = (char)(count >> (8 * (3 - i)));
    return add_digest(password, start, out);
}
