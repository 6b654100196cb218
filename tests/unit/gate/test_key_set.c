/* Key sets and OpenID configurations as issuers, and those who pretend to be, may serve them. */
#include "unit/crypto/rfc_vectors.h"
#include "unit/gate/fixture.h"

#include "gate/key_set.h"

#define ISSUER      "https://keys.example.org"
#define TID         "72f988bf-86f1-41af-91ab-2d7cd011db47"
#define OTHER       "11111111-86f1-41af-91ab-2d7cd011db47"
#define HOST        "https://login.microsoftonline.com/"
#define EC          "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\""
#define EC_KEY(kid) "{\"kid\":\"" kid "\"," EC "}"
#define SET(keys)   "{\"keys\":[" keys "]}"

/* 1024 bits, made for this file and thrown away. */
#define RSA_1024                                                                                   \
    "{\"kid\":\"a\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""                                       \
    "rLIMknrUGdlJT3FvsQG1mKDf0eA3KEKoAW49VDJ9c3pG8YUCd5Gm2z3_MPQr1lFFD6OqX7rr5AoStW-DC1MxNh3-IQhJ" \
    "-Bax0tY4cJ7vXlvkEHy7Bv5cgvIdBVQAxUO3kYcx9rIDMAAZu_AVAVCml-Fwun7iUgmnkZ7FW1Ax_vU\"}"

static const struct key_location oidc = {.issuer = STR_INIT(ISSUER)};
static const struct key_location entra = {
    .issuer = STR_INIT(HOST TID "/v2.0"), .entra = true, .tenant = STR_INIT(TID)};

static struct key_set *read_set(struct str text, const struct key_location *where, const char **why)
{
    struct key_set *set = NULL;
    enum rc rc = key_set_read(text, where, &set, why);

    assert_true(rc == RC_OK ? set != NULL : rc == RC_INVALID && !set && *why);
    return set;
}

static enum rc find(const struct key_set *set, const char *kid, enum jws_alg alg)
{
    struct key_query q = {str_from(kid), alg};
    struct pkey *key = NULL;
    const char *why = NULL;
    enum rc rc = key_set_find(set, &q, &key, &why);

    assert_true(rc == RC_OK ? key && pkey_fits(key, alg) : !key && why);
    pkey_unref(key);
    return rc;
}

static void keeps_the_keys_that_can_be_used(void **state)
{
    static const struct {
        const char *name, *keys;
        size_t usable;
    } cases[] = {
        {"one key", EC_KEY("a"), 1},
        {"two", EC_KEY("a") "," EC_KEY("b"), 2},
        {"two of one kid are none", EC_KEY("a") "," EC_KEY("a"), 0},
        {"three of one kid neither", EC_KEY("a") "," EC_KEY("a") "," EC_KEY("a"), 0},
        {"and leave the others", EC_KEY("a") "," EC_KEY("a") "," EC_KEY("b"), 1},
        {"one for encryption takes no kid away",
         EC_KEY("a") ",{\"use\":\"enc\",\"kid\":\"a\"," EC "}", 1},
        {"a shared secret", "{\"kid\":\"a\",\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", 0},
        {"a shared secret for HS256",
         "{\"kid\":\"a\",\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2VjcmV0\"}", 0},
        {"a public key for HS256", "{\"kid\":\"a\",\"alg\":\"HS256\"," EC "}", 0},
        {"a private key: its public half",
         "{\"kid\":\"a\",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"," EC "}", 1},
        {"a private member that is no text", "{\"kid\":\"a\",\"d\":1," EC "}", 1},
        {"RSA of 1024 bits", RSA_1024, 0},
        {"RSA of 1024 bits beside a good one", RSA_1024 "," EC_KEY("b"), 1},
        {"RSA", RFC7520_RSA_JWK, 1},
        {"Ed25519", RFC8037_JWK, 1},
        {"P-521", RFC7520_P521_JWK, 0},
        {"a point off the curve",
         "{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_Y
         "\",\"y\":\"" RFC7515_A3_X "\"}",
         0},
        {"no kid", "{" EC "}", 1},
        {"two without kid", "{" EC "},{" EC "}", 2},
        {"a kid that is a number", "{\"kid\":1," EC "}", 0},
        {"a kid that is empty", EC_KEY(""), 0},
        {"not objects", "1,\"a\",null,[]", 0},
        {"an empty object", "{}", 0},
        {"a certificate alone", "{\"kid\":\"a\",\"x5c\":[\"MIIB\"]}", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[8192];
        const char *why = NULL;

        (void)snprintf(text, sizeof text, SET("%s"), cases[i].keys);
        struct key_set *set = read_set(str_from(text), &oidc, &why);
        if ((set ? key_set_usable(set) : 0) != cases[i].usable)
            fail_msg("%s", cases[i].name);
        if (set)
            snapshot_unref(&set->snapshot);
    }
}

static void finds_the_key_that_a_token_names(void **state)
{
    static const struct {
        const char *name, *keys, *kid;
        enum jws_alg alg;
        enum rc rc;
    } cases[] = {
        {"by its kid", EC_KEY("a") "," EC_KEY("b"), "b", JWS_ES256, RC_OK},
        {"an unknown kid", EC_KEY("a"), "b", JWS_ES256, RC_NOT_FOUND},
        {"other case", EC_KEY("a"), "A", JWS_ES256, RC_NOT_FOUND},
        {"the wrong kind of key", EC_KEY("a"), "a", JWS_RS256, RC_DENIED},
        {"another curve", EC_KEY("a"), "a", JWS_ES384, RC_DENIED},
        {"an alg of its own", "{\"kid\":\"a\",\"alg\":\"ES256\"," EC "}", "a", JWS_ES256, RC_OK},
        {"no algorithm at all", EC_KEY("a"), "a", JWS_ALG_NONE, RC_DENIED},
        {"a kid that several have", EC_KEY("a") "," EC_KEY("a") "," EC_KEY("b"), "a", JWS_ES256,
         RC_DENIED},
        {"no kid, one key", EC_KEY("a"), "", JWS_ES256, RC_OK},
        {"no kid, one key that fits", EC_KEY("a") "," RFC7520_RSA_JWK, "", JWS_ES256, RC_OK},
        {"no kid, several that fit", EC_KEY("a") "," EC_KEY("b"), "", JWS_ES256, RC_DENIED},
        {"no kid, none that fits", EC_KEY("a"), "", JWS_RS256, RC_DENIED},
        {"no kid, and one that is refused counts for nothing",
         EC_KEY("a") "," EC_KEY("a") "," EC_KEY("b"), "", JWS_ES256, RC_OK},
        {"a kid with a path in it", EC_KEY("../../dev/null"), "../../dev/null", JWS_ES256, RC_OK},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[8192];
        const char *why = NULL;

        (void)snprintf(text, sizeof text, SET("%s"), cases[i].keys);
        struct key_set *set = read_set(str_from(text), &oidc, &why);
        assert_non_null(set);
        if (find(set, cases[i].kid, cases[i].alg) != cases[i].rc)
            fail_msg("%s", cases[i].name);
        snapshot_unref(&set->snapshot);
    }
}

static void a_private_key_checks_and_never_signs(void **state)
{
    const char *why;
    struct key_set *set = read_set(
        STR(SET("{\"kid\":\"a\",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"," EC "}")),
        &oidc, &why);
    struct key_query q = {STR("a"), JWS_ES256};
    struct pkey *key = NULL;
    struct secret der = {0};

    (void)state;
    assert_non_null(set);
    assert_int_equal(key_set_find(set, &q, &key, &why), RC_OK);
    assert_int_equal(pkey_to_der(key, &der), RC_INVALID);
    assert_null(signer_new(key));
    snapshot_unref(&set->snapshot);
    pkey_unref(key); /* outlives its set */
}

/* `n` keys, with a blank of `fill` octets behind them. */
static void big_set(struct buf *out, size_t n, size_t fill)
{
    buf_init(out, 2 * MIB);
    buf_add(out, STR("{\"keys\":["));
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s{\"kid\":\"k%zu\"," EC "}", i ? "," : "", i);
    buf_add(out, STR("]"));
    while (out->len + 1 < fill)
        buf_add(out, STR(" "));
    buf_add(out, STR("}"));
    assert_int_equal(out->failed, RC_OK);
}

static void bounds_sets(void **state)
{
    static const struct {
        const char *name;
        size_t keys, octets;
        const char *why;
    } cases[] = {
        {"100 keys", 100, 0, NULL},
        {"101 keys", 101, 0, "the key set has too many keys"},
        {"512 KiB", 1, 512 * KIB, NULL},
        {"an octet more", 1, 512 * KIB + 1, "the key set is too large"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        struct buf text;

        big_set(&text, cases[i].keys, cases[i].octets);
        struct key_set *set = read_set(buf_str(&text), &oidc, &why);
        if ((set != NULL) != (cases[i].why == NULL))
            fail_msg("%s", cases[i].name);
        if (set)
            snapshot_unref(&set->snapshot);
        else
            assert_string_equal(why, cases[i].why);
        buf_clear(&text);
    }
}

static void bounds_depth_and_names(void **state)
{
    struct buf text;
    const char *why = NULL;

    (void)state;
    buf_init(&text, 256 * KIB);
    buf_add(&text, STR("{\"keys\":"));
    for (unsigned i = 0; i < 10000; i++)
        buf_add_char(&text, '[');
    for (unsigned i = 0; i < 10000; i++)
        buf_add_char(&text, ']');
    buf_add_char(&text, '}');
    assert_null(read_set(buf_str(&text), &oidc, &why));
    for (size_t len = KEY_ID_MAX; len <= 10 * KIB; len += 10 * KIB - KEY_ID_MAX) {
        buf_reset(&text);
        buf_add(&text, STR("{\"keys\":[{\"kid\":\""));
        for (size_t i = 0; i < len; i++)
            buf_add_char(&text, 'k');
        buf_add(&text, STR("\"," EC "}]}"));
        struct key_set *set = read_set(buf_str(&text), &oidc, &why);
        assert_int_equal(set != NULL, len == KEY_ID_MAX);
        if (set)
            snapshot_unref(&set->snapshot);
    }
    buf_clear(&text);
}

static void keys_of_entra_are_one_tenants(void **state)
{
    static const struct {
        const char *name, *issuer;
        bool usable;
    } cases[] = {
        {"none named", "", true},
        {"the tenant's", "\"issuer\":\"" HOST TID "/v2.0\",", true},
        {"the tenant's, v1", "\"issuer\":\"https://sts.windows.net/" TID "/\",", true},
        {"the template", "\"issuer\":\"" HOST "{tenantid}/v2.0\",", true},
        {"the template of v1", "\"issuer\":\"https://sts.windows.net/{tenantid}/\",", true},
        {"another tenant's", "\"issuer\":\"" HOST OTHER "/v2.0\",", false},
        {"the consumers'", "\"issuer\":\"" HOST "9188040d-6c67-4c5b-b112-36a304b66dad/v2.0\",",
         false},
        {"the template on another host", "\"issuer\":\"https://evil.example/{tenantid}/v2.0\",",
         false},
        {"the template twice", "\"issuer\":\"" HOST "{tenantid}/{tenantid}\",", false},
        {"the template and more", "\"issuer\":\"" HOST "{tenantid}/v2.0/x\",", false},
        {"no text", "\"issuer\":1,", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1024];
        const char *why = NULL;

        (void)snprintf(text, sizeof text, SET("{%s\"kid\":\"a\"," EC "}"), cases[i].issuer);
        struct key_set *set = read_set(str_from(text), &entra, &why);
        if ((set != NULL) != cases[i].usable)
            fail_msg("%s", cases[i].name);
        if (set)
            snapshot_unref(&set->snapshot);
        set = read_set(str_from(text), &oidc, &why); /* others' keys may name what they like */
        assert_non_null(set);
        snapshot_unref(&set->snapshot);
    }
}

static void configurations_of_entra_are_one_tenants(void **state)
{
    static const struct {
        const char *name, *issuer;
        bool ok;
    } cases[] = {
        {"v2", HOST TID "/v2.0", true},
        {"v1", "https://sts.windows.net/" TID "/", true},
        {"the template", HOST "{tenantid}/v2.0", true},
        {"another tenant", HOST OTHER "/v2.0", false},
        {"another cloud", "https://login.microsoftonline.us/" TID "/v2.0", false},
        {"another host", "https://evil.example/{tenantid}/v2.0", false},
        {"the template alone", "{tenantid}", false},
        {"nothing", "", false},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = arena_printf(
            &arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"https://k.example\"}", cases[i].issuer);
        struct str url = STR_EMPTY;
        const char *why = NULL;
        enum rc rc = discovery_read(text, &entra, &arena, &url, &why);

        if ((rc == RC_OK) != cases[i].ok)
            fail_msg("%s", cases[i].name);
        assert_true(rc ? why != NULL : name_eq(url, STR("https://k.example")));
    }
    arena_clear(&arena);
}

static void knows_where_the_configuration_lies(void **state)
{
    struct key_location where = {.issuer = STR("https://a.example/")};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_true(name_eq(discovery_url(&where, &arena),
                        STR("https://a.example/.well-known/openid-configuration")));
    assert_true(name_eq(discovery_url(&entra, &arena),
                        STR(HOST TID "/v2.0/.well-known/openid-configuration")));
    where.discovery = STR("https://b.example/c");
    assert_true(name_eq(discovery_url(&where, &arena), where.discovery));
    arena_clear(&arena);
}

static void reads_max_age(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"", -1},
        {"public", -1},
        {"max-age=60", 60},
        {"public, MAX-AGE=60 , must-revalidate", 60},
        {"max-age=\"60\"", 60},
        {"max-age=0", 0},
        {"max-age=60, max-age=5", 60},
        {"s-maxage=60", -1},
        {"max-age", 0},
        {"max-age=", 0},
        {"max-age=-1", 0},
        {"max-age=99999999999999999999", 0},
        {"max-age=60, no-store", 0},
        {"no-cache", 0},
        {",,,max-age=7", 7},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (cache_max_age_s(str_from(cases[i].text)) != cases[i].seconds)
            fail_msg("%s", cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_keys_that_can_be_used),
        cmocka_unit_test(finds_the_key_that_a_token_names),
        cmocka_unit_test(a_private_key_checks_and_never_signs),
        cmocka_unit_test(bounds_sets),
        cmocka_unit_test(bounds_depth_and_names),
        cmocka_unit_test(keys_of_entra_are_one_tenants),
        cmocka_unit_test(configurations_of_entra_are_one_tenants),
        cmocka_unit_test(knows_where_the_configuration_lies),
        cmocka_unit_test(reads_max_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
