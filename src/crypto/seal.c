/* Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the master key, random nonces.
 *
 * The master key's id and the key of master_key_hash() are MACs under it of fixed labels, so that
 * one file of 32 octets is all there is to keep. Where that file lies is the caller's business. */
#include "crypto/seal.h"
#include "crypto/hash.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#define VERSION   ((uint8_t)1)
#define ID_LEN    ((size_t)8)
#define NONCE_LEN ((size_t)12)
#define TAG_LEN   ((size_t)16)
#define HEAD_LEN  (1 + ID_LEN + NONCE_LEN)

_Static_assert(SEAL_OVERHEAD == HEAD_LEN + TAG_LEN, "the header file states the sum");

struct master_key {
    EVP_CIPHER *cipher;
    struct mac_key *hash_key;
    uint8_t id[ID_LEN];
    uint8_t octets[MASTER_KEY_LEN];
};

struct master_key *master_key_new(const struct secret *octets)
{
    struct master_key *k = octets->len == MASTER_KEY_LEN ? calloc(1, sizeof *k) : NULL;
    struct mac_key *master = k ? mac_key_new(octets->octets, octets->len) : NULL;
    struct hash_work *w = hash_work_new();
    uint8_t mac[SHA256_LEN];

    if (master && w) {
        memcpy(k->octets, octets->octets, MASTER_KEY_LEN);
        mac_sign(master, w, STR("master key id"), mac);
        memcpy(k->id, mac, ID_LEN);
        mac_sign(master, w, STR("key of hashed values"), mac);
        k->hash_key = mac_key_new(mac, sizeof mac);
        explicit_bzero(mac, sizeof mac);
        k->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    }
    hash_work_free(w);
    mac_key_free(master);
    if (!k || !k->hash_key || !k->cipher) {
        master_key_free(k);
        return NULL;
    }
    return k;
}

void master_key_free(struct master_key *k)
{
    if (!k)
        return;
    EVP_CIPHER_free(k->cipher);
    mac_key_free(k->hash_key);
    explicit_bzero(k, sizeof *k);
    free(k);
}

static bool encrypt_text(EVP_CIPHER_CTX *ctx, struct str context, const struct secret *plain,
                         uint8_t *out, uint8_t *tag)
{
    int n = 0;

    return (context.len == 0 || EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)context.ptr,
                                                  (int)context.len) == 1) &&
           (plain->len == 0 ||
            EVP_EncryptUpdate(ctx, out, &n, plain->octets, (int)plain->len) == 1) &&
           EVP_EncryptFinal_ex(ctx, out, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)TAG_LEN, tag) == 1;
}

enum rc seal(const struct master_key *k, struct str context, const struct secret *plain,
             struct buf *out)
{
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t *at = NULL, *text = NULL;
    bool ok = false;

    if (plain->len > INT32_MAX || context.len > INT32_MAX)
        return RC_TOO_LARGE;
    at = (uint8_t *)buf_reserve(out, SEAL_OVERHEAD + plain->len);
    if (!at)
        return out->failed;
    text = at + HEAD_LEN;
    at[0] = VERSION;
    memcpy(at + 1, k->id, ID_LEN);
    random_octets(at + 1 + ID_LEN, NONCE_LEN);
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx && EVP_EncryptInit_ex2(ctx, k->cipher, k->octets, at + 1 + ID_LEN, NULL) == 1 &&
         encrypt_text(ctx, context, plain, text, text + plain->len);
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        ERR_clear_error();
        return RC_INTERNAL;
    }
    buf_grown(out, SEAL_OVERHEAD + plain->len);
    return RC_OK;
}

/* The tag is checked before *out holds anything that a caller could use. */
static enum rc decrypt_text(EVP_CIPHER_CTX *ctx, struct str context, struct str text,
                            const uint8_t *tag, uint8_t *out)
{
    uint8_t expected[TAG_LEN]; /* the control call takes no const */
    int n = 0;

    memcpy(expected, tag, TAG_LEN);
    if (context.len > 0 &&
        EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)context.ptr, (int)context.len) != 1)
        return RC_INTERNAL;
    if (text.len > 0 &&
        EVP_DecryptUpdate(ctx, out, &n, (const uint8_t *)text.ptr, (int)text.len) != 1)
        return RC_INTERNAL;
    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)TAG_LEN, expected) != 1)
        return RC_INTERNAL;
    return EVP_DecryptFinal_ex(ctx, expected, &n) == 1 ? RC_OK : RC_DENIED;
}

enum rc unseal(const struct master_key *k, struct str context, struct str sealed,
               struct secret *out)
{
    const uint8_t *at = (const uint8_t *)sealed.ptr;
    size_t len = sealed.len - SEAL_OVERHEAD;
    EVP_CIPHER_CTX *ctx = NULL;
    struct secret plain = {NULL, 0};
    enum rc rc = RC_INTERNAL;

    if (sealed.len < SEAL_OVERHEAD || sealed.len > INT32_MAX || context.len > INT32_MAX ||
        at[0] != VERSION || !ct_equal(at + 1, k->id, ID_LEN))
        return RC_DENIED;
    plain.octets = malloc(len + 1); /* one more, so that nothing sealed is not no memory */
    plain.len = len;
    ctx = EVP_CIPHER_CTX_new();
    if (plain.octets && ctx &&
        EVP_DecryptInit_ex2(ctx, k->cipher, k->octets, at + 1 + ID_LEN, NULL) == 1)
        rc = decrypt_text(ctx, context, str_of(at + HEAD_LEN, len), at + HEAD_LEN + len,
                          plain.octets);
    EVP_CIPHER_CTX_free(ctx);
    if (rc) {
        ERR_clear_error();
        secret_clear(&plain);
        return rc;
    }
    *out = plain;
    return RC_OK;
}

void master_key_hash(const struct master_key *k, struct str purpose, struct str value,
                     uint8_t out[static 32])
{
    struct hash_work *w = hash_work_new();
    uint64_t len = purpose.len;
    uint8_t prefix[8]; /* the purpose's length: no purpose can run into a value */

    if (!w)
        abort();
    for (size_t i = 0; i < sizeof prefix; i++)
        prefix[i] = (uint8_t)(len >> (56 - 8 * i));
    const struct str pieces[] = {str_of(prefix, sizeof prefix), purpose, value};
    mac_sign_pieces(k->hash_key, w, pieces, ARRAY_LEN(pieces), out);
    hash_work_free(w);
}
