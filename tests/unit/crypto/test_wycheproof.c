/* Runs the Wycheproof vectors that the environment variable VECTORS_DIR leads to
 * ($VECTORS_DIR/wycheproof), against the functions that the gate uses. Without it all is skipped.
 *
 * A vector counts as unsupported when its key or algorithm is not of ours: then it must be refused,
 * valid or not. All others must come out as the file says; "acceptable" ones are refused. */
#include "crypto/base64.h"
#include "crypto/jws.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SKIPPED 77 /* the test runner's word for it */

/* What was seen of one file. */
struct tally {
    unsigned valid, invalid, acceptable, unsupported;
};

struct fixture {
    struct hash_work *work;
    struct arena arena;
};

typedef void (*group_fn)(struct fixture *f, const json_t *group, struct tally *tally);

static int make_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->work = hash_work_new();
    arena_init(&f->arena);
    *state = f;
    return 0;
}

static int free_fixture(void **state)
{
    struct fixture *f = *state;

    hash_work_free(f->work);
    arena_clear(&f->arena);
    free(f);
    return 0;
}

static struct str text_of(const json_t *obj, const char *name)
{
    const json_t *value = json_object_get(obj, name);

    return str_of(json_string_value(value), json_string_length(value));
}

/* The octets of a hexadecimal member, in the arena. */
static struct str octets_of(struct fixture *f, const json_t *obj, const char *name)
{
    struct str hex = text_of(obj, name);
    char *out = arena_alloc(&f->arena, hex.len / 2 + 1);

    assert_int_equal(hex_decode(hex, out, hex.len / 2), RC_OK);
    return str_of(out, hex.len / 2);
}

/* Compares our answer with the file's and counts. */
static void settle(const json_t *test, bool supported, bool accepted, struct tally *tally)
{
    const char *want = json_string_value(json_object_get(test, "result"));
    bool should = supported && name_eq(str_from(want), STR("valid"));

    if (accepted != should)
        fail_msg("vector %d (%s) is %s, %s", (int)json_integer_value(json_object_get(test, "tcId")),
                 json_string_value(json_object_get(test, "comment")), want,
                 accepted ? "and was accepted" : "and was refused");
    if (!supported)
        tally->unsupported++;
    else if (should)
        tally->valid++;
    else if (name_eq(str_from(want), STR("acceptable")))
        tally->acceptable++;
    else
        tally->invalid++;
}

static void run_file(void **state, const char *name, group_fn run)
{
    struct fixture *f = *state;
    const char *dir = getenv("VECTORS_DIR");
    struct tally t = {0};
    json_t *file, *group, *test;
    size_t i, j, present = 0;
    json_error_t error;
    struct str path;

    if (!dir) {
        print_message("VECTORS_DIR is not set: %s was not run\n", name);
        skip();
    }
    path = arena_printf(&f->arena, "%s/wycheproof/%s", dir, name);
    file = json_load_file(path.ptr, 0, &error);
    if (!file)
        fail_msg("%s: %s", path.ptr, error.text);
    json_array_foreach(json_object_get(file, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), j, test) present++;
        run(f, group, &t);
        arena_reset(&f->arena);
    }
    print_message("%s: %zu checked (%u accepted, %u refused, %u acceptable refused, "
                  "%u unsupported refused)\n",
                  name, present, t.valid, t.invalid, t.acceptable, t.unsupported);
    assert_true(present > 0);
    assert_int_equal(present, json_integer_value(json_object_get(file, "numberOfTests")));
    assert_int_equal(present, t.valid + t.invalid + t.acceptable + t.unsupported);
    json_decref(file);
}

/* Checks the signatures of a group with `jwk` (moved in) as a key of somebody else's. */
static void check_signatures(struct fixture *f, const json_t *group, json_t *jwk, enum jws_alg alg,
                             struct tally *tally)
{
    struct pkey *k = NULL;
    struct verifier *v;
    json_t *test;
    size_t i;

    assert_int_equal(pkey_from_jwk_any(jwk, &k), RC_OK);
    json_decref(jwk);
    v = verifier_new_alg(k, alg);
    assert_non_null(v);
    json_array_foreach(json_object_get(group, "tests"), i, test)
    {
        bool ok = verifier_check(v, f->work, octets_of(f, test, "msg"),
                                 octets_of(f, test, "sig")) == RC_OK;

        settle(test, true, ok, tally);
    }
    verifier_free(v);
    pkey_unref(k);
}

/* The group's JWK, or one made from its uncompressed point. Owned. */
static json_t *ec_jwk_of(struct fixture *f, const json_t *group)
{
    json_t *jwk = json_object_get(group, "publicKeyJwk");
    struct str point;
    char x[43], y[43];

    if (jwk)
        return json_incref(jwk);
    point = octets_of(f, json_object_get(group, "publicKey"), "uncompressed");
    assert_int_equal(point.len, 65);
    assert_int_equal(base64url_encode(point.ptr + 1, 32, x), 43);
    assert_int_equal(base64url_encode(point.ptr + 33, 32, y), 43);
    return json_pack("{s:s, s:s, s:s%, s:s%}", "kty", "EC", "crv", "P-256", "x", x, sizeof x, "y",
                     y, sizeof y);
}

static void ecdsa_group(struct fixture *f, const json_t *group, struct tally *tally)
{
    check_signatures(f, group, ec_jwk_of(f, group), JWS_ES256, tally);
}

static void rsa_group(struct fixture *f, const json_t *group, struct tally *tally)
{
    json_t *jwk = json_deep_copy(json_object_get(group, "keyJwk"));

    check_signatures(f, group, jwk, JWS_RS256, tally);
}

static void ed25519_group(struct fixture *f, const json_t *group, struct tally *tally)
{
    json_t *jwk = json_deep_copy(json_object_get(group, "publicKeyJwk"));

    check_signatures(f, group, jwk, JWS_EDDSA, tally);
}

static void hmac_group(struct fixture *f, const json_t *group, struct tally *tally)
{
    size_t tag_len = (size_t)json_integer_value(json_object_get(group, "tagSize")) / 8;
    json_t *test;
    size_t i;

    assert_in_range(tag_len, 16, 32);
    json_array_foreach(json_object_get(group, "tests"), i, test)
    {
        struct str key = octets_of(f, test, "key"), msg = octets_of(f, test, "msg");
        struct str tag = octets_of(f, test, "tag");
        struct mac_key *k = mac_key_new(key.ptr, key.len);
        uint8_t mac[32];

        mac_sign(k, f->work, msg, mac);
        settle(test, true, ct_equal_str(tag, str_of(mac, tag_len)), tally);
        mac_key_free(k);
    }
}

/* True when the key is for an algorithm of ours. A JWK that names none is asked for its kind. */
static bool is_ours(const json_t *jwk)
{
    if (json_object_get(jwk, "alg"))
        return jws_alg_from_name(text_of(jwk, "alg")) != JWS_ALG_NONE;
    return name_eq(text_of(jwk, "kty"), STR("EC")) || name_eq(text_of(jwk, "kty"), STR("RSA"));
}

/* The key of a set that `kid` names; NULL when there is none or more than one. */
static const json_t *choose_key(const json_t *keys, struct str kid)
{
    const json_t *found = NULL, *key;
    size_t i;

    json_array_foreach(json_object_get(keys, "keys"), i, key)
    {
        if (!name_eq(text_of(key, "kid"), kid))
            continue;
        if (found)
            return NULL;
        found = key;
    }
    return found;
}

/* The payloads here are no JSON, as ours must be: the form is judged with an empty object in the
 * payload's place, the payload's own encoding apart, the signature over what was received. */
static bool token_parses(struct fixture *f, struct str token, struct jws *out)
{
    struct str header, rest, payload, signature, probe = token;
    char *octets = arena_alloc(&f->arena, token.len + 1);
    const char *why = NULL;
    size_t len;

    if (jws_parse(token, &f->arena, out, &why) == RC_OK)
        return true;
    assert_non_null(why);
    if (!str_cut(token, '.', &header, &rest) || !str_cut(rest, '.', &payload, &signature))
        return false;
    if (base64url_decode(payload, octets, token.len, &len))
        return false;
    probe = arena_printf(&f->arena, STR_FMT ".e30." STR_FMT, STR_ARG(header), STR_ARG(signature));
    if (jws_parse(probe, &f->arena, out, &why))
        return false;
    out->signing_input = str_head(token, header.len + 1 + payload.len);
    return true;
}

/* What is done with a token of somebody else's: the header's algorithm must fit the key. */
static bool token_verifies(struct fixture *f, const json_t *keys, const struct jws *jws)
{
    const json_t *jwk = json_object_get(keys, "keys") ? choose_key(keys, jws->kid) : keys;
    enum jws_alg alg = jws_alg_from_name(jws->alg);
    struct pkey *k = NULL;
    struct verifier *v;
    bool ok;

    if (pkey_from_jwk_any(jwk, &k))
        return false;
    v = verifier_new_alg(k, alg);
    assert_true((v != NULL) == pkey_fits(k, alg));
    ok = v && verifier_check(v, f->work, jws->signing_input, jws->signature) == RC_OK;
    verifier_free(v);
    pkey_unref(k);
    return ok;
}

/* True when a key of the group is for an algorithm of ours. */
static bool is_supported(const json_t *keys)
{
    const json_t *list = json_object_get(keys, "keys"), *key;
    bool any = !list && is_ours(keys);
    size_t i;

    json_array_foreach(list, i, key) any |= is_ours(key);
    return any;
}

/* RFC 7520 4.2, whose token says PS384, stands here under a key for PS256. */
static bool is_misnamed(const json_t *test)
{
    return name_eq(text_of(test, "comment"), STR("Figure20"));
}

static void jose_group(struct fixture *f, const json_t *group, struct tally *tally)
{
    const json_t *keys = json_object_get(group, "public");
    json_t *test;
    size_t i;

    if (!keys)
        keys = json_object_get(group, "private");
    json_array_foreach(json_object_get(group, "tests"), i, test)
    {
        const json_t *token = json_object_get(test, "jws");
        bool is_jwe = token == NULL, ok;
        struct jws jws = {0};
        char *dump = NULL;

        if (is_jwe)
            token = json_object_get(test, "jwe");
        assert_non_null(token);
        if (!json_is_string(token))
            dump = json_dumps(token, JSON_COMPACT);
        ok = token_parses(f, str_from(dump ? dump : json_string_value(token)), &jws) &&
             token_verifies(f, keys, &jws);
        settle(test, !is_jwe && is_supported(keys) && !is_misnamed(test), ok, tally);
        free(dump);
    }
}

static void ecdsa_p256_in_pairs(void **state)
{
    run_file(state, "ecdsa_secp256r1_sha256_p1363_test.json", ecdsa_group);
}

static void hmac_sha256(void **state)
{
    run_file(state, "hmac_sha256_test.json", hmac_group);
}

static void rsa_2048_sha256(void **state)
{
    run_file(state, "rsa_signature_2048_sha256_test.json", rsa_group);
}

static void ed25519(void **state)
{
    run_file(state, "ed25519_test.json", ed25519_group);
}

static void json_web_crypto(void **state)
{
    run_file(state, "json_web_crypto_test.json", jose_group);
}

static void json_web_key(void **state)
{
    run_file(state, "json_web_key_test.json", jose_group);
}

static void json_web_signature(void **state)
{
    run_file(state, "json_web_signature_test.json", jose_group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa_p256_in_pairs), cmocka_unit_test(hmac_sha256),
        cmocka_unit_test(rsa_2048_sha256),     cmocka_unit_test(ed25519),
        cmocka_unit_test(json_web_crypto),     cmocka_unit_test(json_web_key),
        cmocka_unit_test(json_web_signature),
    };

    int failed = cmocka_run_group_tests(tests, make_fixture, free_fixture);

    return failed || getenv("VECTORS_DIR") ? failed : SKIPPED;
}
