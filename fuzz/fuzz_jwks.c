/* Key sets of other issuers: each key that is taken can be written, read again and used. */
#include "fuzz.h"

#include "crypto/pkey.h"

/* As much as is checked of one set: a key costs more than its text. */
#define KEYS_MAX 8

static struct hash_work *work;

/* The same key comes back from its own text. */
static void check_text_of(const struct pkey *k)
{
    struct pkey *again = NULL;
    struct json_writer w;
    json_t *jwk = NULL;
    char print[43], second[43];
    struct buf text;

    buf_init(&text, 16 * KIB);
    json_writer_init(&w, &text);
    pkey_write_jwk(k, STR("k"), &w);
    CHECK(!text.failed && json_read(buf_str(&text), &jwk, NULL) == RC_OK);
    CHECK(pkey_from_jwk_any(jwk, &again) == RC_OK && pkey_alg(again) == pkey_alg(k));
    pkey_thumbprint(k, print);
    pkey_thumbprint(again, second);
    CHECK(memcmp(print, second, sizeof print) == 0);
    pkey_unref(again);
    json_decref(jwk);
    buf_clear(&text);
}

/* It fits one algorithm, or all of RSA's; nobody signed these octets. */
static void check_use_of(struct pkey *k)
{
    static const char octets[64] = {1};
    unsigned fits = 0;

    for (enum jws_alg alg = JWS_ALG_NONE; alg <= JWS_ALG_COUNT; alg++) {
        struct verifier *v = verifier_new_alg(k, alg);

        CHECK((v != NULL) == pkey_fits(k, alg));
        fits += v != NULL;
        if (v)
            CHECK(verifier_check(v, work, STR("a.b"), str_of(octets, sizeof octets)) == RC_DENIED);
        verifier_free(v);
    }
    CHECK(fits == 1 || (fits == 6 && pkey_alg(k) == JWS_ALG_NONE));
}

static void check_key(const json_t *jwk)
{
    struct pkey *k = NULL;

    if (pkey_from_jwk_any(jwk, &k)) {
        CHECK(!k);
        return;
    }
    check_text_of(k);
    check_use_of(k);
    pkey_unref(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *set = NULL;
    const json_t *keys;

    if (!work)
        work = hash_work_new();
    CHECK(work);
    if (json_read(str_of(data, size), &set, NULL))
        return 0;
    keys = json_object_get(set, "keys");
    for (size_t i = 0; i < json_array_size(keys) && i < KEYS_MAX; i++)
        check_key(json_array_get(keys, i));
    json_decref(set);
    return 0;
}
