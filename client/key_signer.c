/* Signs a request with an access key: HMAC-SHA256 over method, target, date, host and body hash.
 *
 * Signs what goes on the wire and nothing else: no spelling of any SDK is imitated here.
 * Source: wire/authentication §1.1. */
#include "client/key_signer.h"

#include "base/buf.h"
#include "base/clock.h"
#include "client/failure.h"
#include "crypto/base64.h"

#define KEY_MAX ((size_t)128)

bool text_is_plain(const char *text)
{
    if (!text || !*text)
        return false;
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return false;
    return true;
}

enum cg_status key_signer_init(struct key_signer *signer, struct str access_key,
                               struct cg_error *err)
{
    uint8_t octets[KEY_MAX];
    size_t len = 0;
    enum cg_status status = CG_OK;

    *signer = (struct key_signer){0};
    if (base64_decode(access_key, octets, sizeof octets, &len) || len == 0)
        return failure(err, CG_INVALID, STR("the access key is not base64 of 1 to 128 octets"));
    signer->key = mac_key_new(octets, len);
    signer->work = hash_work_new();
    if (!signer->key || !signer->work) {
        key_signer_clear(signer);
        status = failure(err, CG_NOMEM, STR("out of memory"));
    }
    explicit_bzero(octets, sizeof octets);
    return status;
}

void key_signer_clear(struct key_signer *signer)
{
    if (!signer)
        return;
    mac_key_free(signer->key);
    hash_work_free(signer->work);
    *signer = (struct key_signer){0};
}

enum cg_status key_signer_sign(struct key_signer *signer, const struct cg_sign_input *input,
                               struct cg_signature *out, struct cg_error *err)
{
    uint8_t digest[SHA256_LEN];
    char signature[BASE64_LEN(SHA256_LEN) + 1];
    struct cg_signature made = {{0}, {0}, {0}};

    if (!text_is_plain(input->method) || !text_is_plain(input->host) ||
        !text_is_plain(input->target) || input->target[0] != '/')
        return failure(err, CG_INVALID,
                       STR("method, host and target (from its slash on) are needed, without "
                           "blanks and controls"));
    time_to_http_date(input->unix_ms ? input->unix_ms : clock_wall(), made.date);
    sha256(signer->work, str_of(input->body, input->body ? input->body_len : 0), digest);
    made.content_hash[base64_encode(digest, sizeof digest, made.content_hash)] = '\0';
    mac_sign_pieces(signer->key, signer->work,
                    (const struct str[]){str_from(input->method), STR("\n"),
                                         str_from(input->target), STR("\n"), str_from(made.date),
                                         STR(";"), str_from(input->host), STR(";"),
                                         str_from(made.content_hash)},
                    9, digest);
    signature[base64_encode(digest, sizeof digest, signature)] = '\0';
    (void)snprintf(made.authorization, sizeof made.authorization, /* fits: fixed lengths */
                   "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=%s",
                   signature);
    *out = made;
    return CG_OK;
}

enum cg_status cg_sign(const char *access_key, const struct cg_sign_input *input,
                       struct cg_signature *out, struct cg_error *err)
{
    struct key_signer signer = {0};
    enum cg_status status = CG_INVALID;

    if (!access_key || !input || !out)
        return failure_missing(err);
    status = key_signer_init(&signer, str_trim(str_from(access_key)), err);
    if (status == CG_OK)
        status = key_signer_sign(&signer, input, out, err);
    key_signer_clear(&signer);
    return status;
}
