/* Certificates as PEM or DER, and thumbprints: every input is read as both. */
#include "fuzz.h"

#include "crypto/base64.h"
#include "crypto/cert.h"

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
            return false;
    return true;
}

/* What was read has a key of use, and its DER alone reads as the same. */
static void check_cert(const struct cert *cert, struct arena *arena)
{
    struct cert again = {0};
    const char *why = NULL;

    CHECK(cert->der.len && cert->not_before <= cert->not_after && is_printable(cert->subject));
    CHECK(pkey_alg(cert->key) == JWS_ALG_NONE);
    CHECK(pkey_fits(cert->key, JWS_RS256) + pkey_fits(cert->key, JWS_ES256) +
              pkey_fits(cert->key, JWS_ES384) ==
          1);
    CHECK(cert_read(cert->der, arena, &again, &why) == RC_OK && !why);
    CHECK(str_eq(again.der, cert->der) && str_eq(again.subject, cert->subject));
    CHECK(memcmp(again.sha1, cert->sha1, sizeof again.sha1) == 0);
    CHECK(memcmp(again.sha256, cert->sha256, sizeof again.sha256) == 0);
    cert_clear(&again);
}

static void check_text(struct str text)
{
    struct cert cert = {0};
    const char *why = NULL;
    struct arena arena;
    enum rc rc;

    arena_init(&arena);
    rc = cert_read(text, &arena, &cert, &why);
    if (rc)
        CHECK(rc != RC_INTERNAL && why && *why && !cert.key);
    else
        check_cert(&cert, &arena);
    cert_clear(&cert);
    arena_clear(&arena);
}

/* One of the four spellings of its octets. */
static void check_thumbprint(struct str text)
{
    uint8_t octets[SHA256_LEN];
    char url[BASE64_LEN(SHA256_LEN)], standard[BASE64_LEN(SHA256_LEN)];
    size_t len = 0, url_len, standard_len;

    if (thumbprint_decode(text, octets, sizeof octets, &len))
        return;
    CHECK(len == SHA1_LEN || len == SHA256_LEN);
    standard_len = base64_encode(octets, len, standard);
    url_len = base64url_encode(octets, len, url);
    CHECK(text.len == url_len || text.len == standard_len);
    url[url_len] = '=';
    CHECK(str_eq(text, str_of(url, text.len)) || str_eq(text, str_of(standard, text.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(str_of(data, size));
    check_thumbprint(str_of(data, size));
    return 0;
}
