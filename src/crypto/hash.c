/* SHA-256 and HMAC-SHA256 over OpenSSL's EVP, made for the hot path: the digest is fetched once
 * per process, a key's two pad states are hashed once and copied for each MAC.
 *
 * A digest of OpenSSL fails only when memory is out or the library is broken; there is no safe
 * answer to give then, so we stop. */
#include "crypto/hash.h"

#include <openssl/evp.h>
#include <pthread.h>

#define BLOCK_LEN ((size_t)64) /* of SHA-256 */

struct hash_work {
    EVP_MD_CTX *sum; /* sha256_*() */
    EVP_MD_CTX *mac; /* mac_sign*(): apart, so that a MAC may be made between begin and end */
};

struct mac_key {
    EVP_MD_CTX *inner, *outer; /* after the padded key */
};

static EVP_MD *sha256_md;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

#ifdef COUNT_CRYPTO_CALLS
static _Thread_local struct crypto_calls calls;
#define COUNT(what) (calls.what++)

struct crypto_calls crypto_calls_now(void)
{
    return calls;
}
#else
#define COUNT(what) ((void)0)
#endif

static void must(int ok)
{
    if (ok != 1)
        abort();
}

static void fetch_sha256(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256_md != NULL);
}

static const EVP_MD *sha256_of_process(void)
{
    must(pthread_once(&sha256_once, fetch_sha256) == 0);
    return sha256_md;
}

struct hash_work *hash_work_new(void)
{
    struct hash_work *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->sum = EVP_MD_CTX_new();
    w->mac = EVP_MD_CTX_new();
    if (!w->sum || !w->mac) {
        hash_work_free(w);
        return NULL;
    }
    return w;
}

void hash_work_free(struct hash_work *w)
{
    if (!w)
        return;
    EVP_MD_CTX_free(w->sum);
    EVP_MD_CTX_free(w->mac);
    free(w);
}

void sha256_begin(struct hash_work *w)
{
    must(EVP_DigestInit_ex2(w->sum, sha256_of_process(), NULL));
}

void sha256_add(struct hash_work *w, struct str data)
{
    if (data.len > 0)
        must(EVP_DigestUpdate(w->sum, data.ptr, data.len));
}

void sha256_end(struct hash_work *w, uint8_t out[static 32])
{
    must(EVP_DigestFinal_ex(w->sum, out, NULL));
    COUNT(hashes);
}

void sha256(struct hash_work *w, struct str data, uint8_t out[static 32])
{
    sha256_begin(w);
    sha256_add(w, data);
    sha256_end(w, out);
}

void sha1(struct str data, uint8_t out[static 20])
{
    must(EVP_Digest(data.ptr, data.len, out, NULL, EVP_sha1(), NULL));
}

/* The digest state after one block of `key` xored with `pad`; NULL without memory. */
static EVP_MD_CTX *padded(const uint8_t key[static BLOCK_LEN], uint8_t pad)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t block[BLOCK_LEN];

    if (!ctx)
        return NULL;
    for (size_t i = 0; i < BLOCK_LEN; i++)
        block[i] = key[i] ^ pad;
    must(EVP_DigestInit_ex2(ctx, sha256_of_process(), NULL));
    must(EVP_DigestUpdate(ctx, block, sizeof block));
    explicit_bzero(block, sizeof block);
    return ctx;
}

struct mac_key *mac_key_new(const void *key, size_t len)
{
    struct mac_key *k = calloc(1, sizeof *k);
    uint8_t block[BLOCK_LEN] = {0};

    if (!k)
        return NULL;
    if (len > BLOCK_LEN)
        must(EVP_Digest(key, len, block, NULL, sha256_of_process(), NULL));
    else if (len > 0)
        memcpy(block, key, len);
    k->inner = padded(block, 0x36);
    k->outer = padded(block, 0x5c);
    explicit_bzero(block, sizeof block);
    if (!k->inner || !k->outer) {
        mac_key_free(k);
        return NULL;
    }
    return k;
}

void mac_key_free(struct mac_key *k)
{
    if (!k)
        return;
    EVP_MD_CTX_free(k->inner); /* the digest wipes its state on release */
    EVP_MD_CTX_free(k->outer);
    free(k);
}

void mac_sign_pieces(const struct mac_key *k, struct hash_work *w, const struct str *pieces,
                     size_t n, uint8_t out[static 32])
{
    uint8_t inner[SHA256_LEN];

    must(EVP_MD_CTX_copy_ex(w->mac, k->inner));
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].len > 0)
            must(EVP_DigestUpdate(w->mac, pieces[i].ptr, pieces[i].len));
    }
    must(EVP_DigestFinal_ex(w->mac, inner, NULL));
    must(EVP_MD_CTX_copy_ex(w->mac, k->outer));
    must(EVP_DigestUpdate(w->mac, inner, sizeof inner));
    must(EVP_DigestFinal_ex(w->mac, out, NULL));
    COUNT(macs);
}

void mac_sign(const struct mac_key *k, struct hash_work *w, struct str data, uint8_t out[static 32])
{
    mac_sign_pieces(k, w, &data, 1, out);
}
