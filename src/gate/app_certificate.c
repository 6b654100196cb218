/* Certificates as an administrator gives them: PEM, or DER in base64 of one line or many. Source:
 * wire/managed-identity §1.7. */
#include "gate/applications.h"

#include "crypto/base64.h"
#include "crypto/cert.h"

/* DER from base64; blanks are skipped. */
static enum rc from_base64(struct str text, struct arena *arena, struct str *out)
{
    char *plain = arena_alloc(arena, text.len + 1);
    uint8_t *der = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || !strchr(" \t\r\n", text.ptr[i]))
            plain[n++] = text.ptr[i];
    out->ptr = (const char *)der;
    return base64_decode(str_of(plain, n), der, text.len, &out->len);
}

enum rc app_certificate_read(struct str text, unix_ms now, struct arena *arena,
                             struct app_certificate *out, const char **out_why)
{
    struct uuid id = uuid_random();
    struct cert cert = {0};
    char *id_text = arena_alloc(arena, UUID_TEXT_LEN + 1);
    struct str octets = text;
    enum rc rc;

    if (str_find_str(text, STR("PRIVATE KEY")) < text.len) {
        *out_why = "it holds a private key: keep that to yourself, renew it if somebody has seen "
                   "it, and give the certificate alone";
        return RC_DENIED;
    }
    if (str_find_str(text, STR("-----BEGIN")) == text.len && from_base64(text, arena, &octets)) {
        *out_why = "it is neither PEM nor DER in base64";
        return RC_INVALID;
    }
    rc = cert_read(octets, arena, &cert, out_why);
    if (rc)
        return rc;
    uuid_format(&id, id_text);
    *out = (struct app_certificate){
        .id = str_of(id_text, UUID_TEXT_LEN),
        .subject = cert.subject,
        .der = cert.der,
        .created = now,
        .not_before = cert.not_before,
        .not_after = cert.not_after,
    };
    memcpy(out->sha1, cert.sha1, sizeof out->sha1);
    memcpy(out->sha256, cert.sha256, sizeof out->sha256);
    cert_clear(&cert); /* the key is read again from the DER when it is needed */
    return RC_OK;
}
