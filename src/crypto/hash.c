/* SHA-256 and HMAC-SHA256, made for the hot path: a key's two pad states are hashed once and copied
 * for each MAC.
 *
 * OpenSSL calls these functions deprecated in favour of EVP. EVP allocates for each copy of a
 * state: a MAC over a request's string to sign takes a quarter longer with it. The hashing itself
 * is the same code.
 *
 * A digest of OpenSSL fails only when memory is out or the library is broken; there is no safe
 * answer to give then, so we stop. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#define BLOCK_LEN ((size_t)SHA256_CBLOCK)

struct hash_work {
    SHA256_CTX sum; /* sha256_*() */
    SHA256_CTX mac; /* mac_sign*(): apart, so that a MAC may be made between begin and end */
};

struct mac_key {
    SHA256_CTX inner, outer; /* after the padded key */
};

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

struct hash_work *hash_work_new(void)
{
    return calloc(1, sizeof(struct hash_work));
}

void hash_work_free(struct hash_work *w)
{
    if (!w)
        return;
    explicit_bzero(w, sizeof *w);
    free(w);
}

void sha256_begin(struct hash_work *w)
{
    must(SHA256_Init(&w->sum));
}

void sha256_add(struct hash_work *w, struct str data)
{
    if (data.len > 0)
        must(SHA256_Update(&w->sum, data.ptr, data.len));
}

void sha256_end(struct hash_work *w, uint8_t out[static 32])
{
    must(SHA256_Final(out, &w->sum));
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

/* The state after one block of `key` xored with `pad`. */
static void begin_padded(SHA256_CTX *state, const uint8_t key[static BLOCK_LEN], uint8_t pad)
{
    uint8_t block[BLOCK_LEN];

    for (size_t i = 0; i < BLOCK_LEN; i++)
        block[i] = key[i] ^ pad;
    must(SHA256_Init(state));
    must(SHA256_Update(state, block, sizeof block));
    explicit_bzero(block, sizeof block);
}

struct mac_key *mac_key_new(const void *key, size_t len)
{
    struct mac_key *k = calloc(1, sizeof *k);
    uint8_t block[BLOCK_LEN] = {0};

    if (!k)
        return NULL;
    if (len > BLOCK_LEN)
        SHA256(key, len, block);
    else if (len > 0)
        memcpy(block, key, len);
    begin_padded(&k->inner, block, 0x36);
    begin_padded(&k->outer, block, 0x5c);
    explicit_bzero(block, sizeof block);
    return k;
}

void mac_key_free(struct mac_key *k)
{
    if (!k)
        return;
    explicit_bzero(k, sizeof *k);
    free(k);
}

void mac_sign_pieces(const struct mac_key *k, struct hash_work *w, const struct str *pieces,
                     size_t n, uint8_t out[static 32])
{
    uint8_t inner[SHA256_LEN];

    w->mac = k->inner;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].len > 0)
            must(SHA256_Update(&w->mac, pieces[i].ptr, pieces[i].len));
    }
    must(SHA256_Final(inner, &w->mac));
    w->mac = k->outer;
    must(SHA256_Update(&w->mac, inner, sizeof inner));
    must(SHA256_Final(out, &w->mac));
    explicit_bzero(&w->mac, sizeof w->mac);
    explicit_bzero(inner, sizeof inner);
    COUNT(macs);
}

void mac_sign(const struct mac_key *k, struct hash_work *w, struct str data, uint8_t out[static 32])
{
    mac_sign_pieces(k, w, &data, 1, out);
}
