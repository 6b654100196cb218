/* Tokens: RFC 7515's own, those that we compose, and each flaw with its reason. */
#include "crypto/base64.h"
#include "crypto/jws.h"
#include "rfc_vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEADER "eyJhbGciOiJFUzI1NiJ9" /* {"alg":"ES256"} */
#define EMPTY  "e30"                  /* {} */
#define SIG    "AAAA"

struct fixture {
    struct hash_work *work;
    struct arena arena;
};

static int make_fixture(void **state)
{
    static struct fixture f;

    f.work = hash_work_new();
    arena_init(&f.arena);
    *state = &f;
    return f.work ? 0 : -1;
}

static int free_fixture(void **state)
{
    struct fixture *f = *state;

    hash_work_free(f->work);
    arena_clear(&f->arena);
    return 0;
}

/* Puts a token together from plain texts. */
static struct str token_of(struct fixture *f, struct str header, struct str payload)
{
    char *h = arena_alloc(&f->arena, BASE64URL_LEN(header.len) + 1);
    char *p = arena_alloc(&f->arena, BASE64URL_LEN(payload.len) + 1);

    h[base64url_encode(header.ptr, header.len, h)] = '\0';
    p[base64url_encode(payload.ptr, payload.len, p)] = '\0';
    return arena_printf(&f->arena, "%s.%s." SIG, h, p);
}

static void assert_refused(struct fixture *f, struct str token, const char *name, enum rc rc,
                           const char *reason)
{
    struct jws jws = {.alg = STR("untouched")};
    const char *why = "no reason";

    if (jws_parse(token, &f->arena, &jws, &why) != rc || strcmp(why, reason) != 0)
        fail_msg("%s: %s", name, why);
    assert_true(name_eq(jws.alg, STR("untouched")));
    arena_reset(&f->arena);
}

static void takes_the_tokens_of_rfc_7515_apart_and_verifies_them(void **state)
{
    static const struct {
        enum jws_alg alg;
        struct str jwk, token;
    } cases[] = {
        {JWS_RS256, STR_INIT(RFC7515_A2_JWK), STR_INIT(RFC7515_A2_TOKEN)},
        {JWS_ES256, STR_INIT(RFC7515_A3_JWK), STR_INIT(RFC7515_A3_TOKEN)},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pkey *k = NULL;
        struct jws jws = {0};
        const char *why = NULL;
        struct verifier *v;
        json_t *jwk = NULL;
        const struct claim *exp;

        assert_int_equal(json_read(cases[i].jwk, &jwk, NULL), RC_OK);
        assert_int_equal(pkey_from_jwk(cases[i].alg, jwk, &k), RC_OK);
        assert_int_equal(jws_parse(cases[i].token, &f->arena, &jws, &why), RC_OK);
        assert_true(name_eq(jws.alg, jws_alg_name(cases[i].alg)));
        assert_int_equal(jws.kid.len, 0);
        assert_int_equal(jws.typ.len, 0);
        exp = claim_get(jws.payload, STR("exp"));
        assert_true(claim_is(exp, CLAIM_INTEGER));
        assert_int_equal(exp->u.integer, 1300819380);
        v = verifier_new(k);
        assert_int_equal(verifier_check(v, f->work, jws.signing_input, jws.signature), RC_OK);
        assert_int_equal(verifier_check(v, f->work, cases[i].token, jws.signature), RC_DENIED);
        verifier_free(v);
        pkey_unref(k);
        json_decref(jwk);
        arena_reset(&f->arena);
    }
}

static void takes_apart_what_it_composed(void **state)
{
    static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"key 1\",\"typ\":\"JWT\"}";
    struct fixture *f = *state;
    struct pkey *k = pkey_generate(JWS_ES256);
    struct signer *s = signer_new(k);
    struct verifier *v = verifier_new(k);
    char text[BASE64URL_LEN(sizeof header)];
    struct str header_b64 = str_of(text, base64url_encode(header, sizeof header - 1, text));
    const char *why = NULL;
    struct jws jws = {0};
    struct buf out;

    buf_init(&out, 2 * KIB);
    buf_add(&out, STR("Bearer "));
    assert_int_equal(jws_compose(s, f->work, header_b64, STR("{\"id\":\"8:acs:1_2\"}"), &out),
                     RC_OK);
    assert_true(str_starts(buf_str(&out), STR("Bearer ")));
    assert_int_equal(jws_parse(str_from_index(buf_str(&out), 7), &f->arena, &jws, &why), RC_OK);
    assert_true(name_eq(jws.alg, STR("ES256")));
    assert_true(name_eq(jws.kid, STR("key 1")));
    assert_true(name_eq(jws.typ, STR("JWT")));
    assert_true(name_eq(claim_get_text(jws.payload, STR("id")), STR("8:acs:1_2")));
    assert_int_equal(jws.signature.len, 64);
    assert_int_equal(verifier_check(v, f->work, jws.signing_input, jws.signature), RC_OK);
    buf_clear(&out);
    verifier_free(v);
    signer_free(s);
    pkey_unref(k);
    arena_reset(&f->arena);
}

static void says_when_a_token_does_not_fit_its_buffer(void **state)
{
    struct fixture *f = *state;
    struct pkey *k = pkey_generate(JWS_ES256);
    struct signer *s = signer_new(k);
    size_t full = sizeof HEADER - 1 + 1 + 3 + 1 + 86;
    struct buf out;

    for (size_t max = 0; max < full; max++) {
        buf_init(&out, max);
        assert_int_equal(jws_compose(s, f->work, STR(HEADER), STR("{}"), &out), RC_TOO_LARGE);
        buf_clear(&out);
    }
    buf_init(&out, full);
    assert_int_equal(jws_compose(s, f->work, STR(HEADER), STR("{}"), &out), RC_OK);
    assert_int_equal(out.len, full);
    buf_clear(&out);
    signer_free(s);
    pkey_unref(k);
}

static void refuses_each_flaw_of_form_by_its_reason(void **state)
{
    static const struct {
        const char *name;
        struct str token;
        const char *reason;
    } cases[] = {
        {"nothing", STR_INIT(""), "token is empty"},
        {"the JSON serialisation", STR_INIT("{\"payload\":\"e30\",\"signatures\":[]}"),
         "token is in the JSON serialisation"},
        {"a list of tokens", STR_INIT("[\"a.b.c\"]"), "token is in the JSON serialisation"},
        {"no dot", STR_INIT(HEADER), "token has not three parts"},
        {"one dot", STR_INIT(HEADER "." EMPTY), "token has not three parts"},
        {"three dots", STR_INIT(HEADER "." EMPTY "." SIG "."), "token has not three parts"},
        {"five dots", STR_INIT(HEADER "....."), "token has not three parts"},
        {"an encrypted token", STR_INIT(HEADER ".AAAA.AAAA.AAAA.AAAA"), "token is encrypted (JWE)"},
        {"header padded", STR_INIT("eyJhbGciOiJFUzI1NiJ9IA==." EMPTY "." SIG),
         "header has padding"},
        {"payload padded", STR_INIT(HEADER ".e30=." SIG), "payload has padding"},
        {"signature padded", STR_INIT(HEADER "." EMPTY ".AAA="), "signature has padding"},
        {"plus in the header", STR_INIT("eyJ+." EMPTY "." SIG),
         "header has characters outside base64url"},
        {"slash in the payload", STR_INIT(HEADER ".e3/0." SIG),
         "payload has characters outside base64url"},
        {"a blank in the signature", STR_INIT(HEADER "." EMPTY ".AA AA"),
         "signature has characters outside base64url"},
        {"a line end after the token", STR_INIT(HEADER "." EMPTY "." SIG "\n"),
         "signature has characters outside base64url"},
        {"a NUL after the token", STR_INIT(HEADER "." EMPTY "." SIG "\0"),
         "signature has characters outside base64url"},
        {"a blank in front", STR_INIT(" " HEADER "." EMPTY "." SIG),
         "header has characters outside base64url"},
        {"header cut", STR_INIT("eyJhb." EMPTY "." SIG), "header is cut short"},
        {"payload cut", STR_INIT(HEADER ".e30ee." SIG), "payload is cut short"},
        {"signature cut", STR_INIT(HEADER "." EMPTY ".AAAAA"), "signature is cut short"},
        {"trailing bits in the header", STR_INIT("eyJhbGciOiJFUzI1NiIgfR." EMPTY "." SIG),
         "header ends in non-zero bits"},
        {"trailing bits in the payload", STR_INIT(HEADER ".e31." SIG),
         "payload ends in non-zero bits"},
        {"trailing bits in the signature", STR_INIT(HEADER "." EMPTY ".AB"),
         "signature ends in non-zero bits"},
        {"header empty", STR_INIT("." EMPTY "." SIG), "header is not JSON"},
        {"payload empty", STR_INIT(HEADER ".." SIG), "payload is not JSON"},
        {"signature empty", STR_INIT(HEADER "." EMPTY "."), "signature is empty"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_refused(f, cases[i].token, cases[i].name, RC_INVALID, cases[i].reason);
}

static void refuses_each_flaw_of_content_by_its_reason(void **state)
{
    static const struct {
        const char *name;
        struct str header, payload;
        const char *reason;
    } cases[] = {
        {"header a list", STR_INIT("[]"), STR_INIT("{}"), "header is not a JSON object"},
        {"header a text", STR_INIT("\"x\""), STR_INIT("{}"), "header is not a JSON object"},
        {"header null", STR_INIT("null"), STR_INIT("{}"), "header is not a JSON object"},
        {"header no JSON", STR_INIT("{alg}"), STR_INIT("{}"), "header is not JSON"},
        {"octets behind the header", STR_INIT("{\"alg\":\"ES256\"}x"), STR_INIT("{}"),
         "header is not JSON"},
        {"two headers", STR_INIT("{\"alg\":\"ES256\"}{}"), STR_INIT("{}"), "header is not JSON"},
        {"alg twice", STR_INIT("{\"alg\":\"none\",\"alg\":\"ES256\"}"), STR_INIT("{}"),
         "header repeats a member"},
        {"alg twice, once escaped", STR_INIT("{\"alg\":\"none\",\"\\u0061lg\":\"ES256\"}"),
         STR_INIT("{}"), "header repeats a member"},
        {"header not UTF-8", STR_INIT("{\"alg\":\"\xff\"}"), STR_INIT("{}"), "header is not UTF-8"},
        {"payload not UTF-8", STR_INIT("{\"alg\":\"ES256\"}"), STR_INIT("{\"a\":\"\xc0\xaf\"}"),
         "payload is not UTF-8"},
        {"payload with a lone surrogate", STR_INIT("{\"alg\":\"ES256\"}"),
         STR_INIT("{\"a\":\"\\ud800\"}"), "payload is not JSON"},
        {"payload with a number beyond range", STR_INIT("{\"alg\":\"ES256\"}"),
         STR_INIT("{\"exp\":1e400}"), "payload has a number out of range"},
        {"header with a number beyond range", STR_INIT("{\"alg\":\"ES256\",\"x\":1e400}"),
         STR_INIT("{}"), "header has a number out of range"},
        {"alg missing", STR_INIT("{}"), STR_INIT("{}"), "alg is missing"},
        {"alg in capitals", STR_INIT("{\"ALG\":\"ES256\"}"), STR_INIT("{}"), "alg is missing"},
        {"alg a number", STR_INIT("{\"alg\":1}"), STR_INIT("{}"), "alg is not a string"},
        {"alg a list", STR_INIT("{\"alg\":[\"ES256\"]}"), STR_INIT("{}"), "alg is not a string"},
        {"alg null", STR_INIT("{\"alg\":null}"), STR_INIT("{}"), "alg is not a string"},
        {"alg none", STR_INIT("{\"alg\":\"none\"}"), STR_INIT("{}"), "alg is none"},
        {"alg None", STR_INIT("{\"alg\":\"None\"}"), STR_INIT("{}"), "alg is none"},
        {"alg NONE", STR_INIT("{\"alg\":\"NONE\"}"), STR_INIT("{}"), "alg is none"},
        {"alg nOnE", STR_INIT("{\"alg\":\"nOnE\"}"), STR_INIT("{}"), "alg is none"},
        {"kid a number", STR_INIT("{\"alg\":\"ES256\",\"kid\":1}"), STR_INIT("{}"),
         "kid is not a string"},
        {"kid null", STR_INIT("{\"alg\":\"ES256\",\"kid\":null}"), STR_INIT("{}"),
         "kid is not a string"},
        {"typ a list", STR_INIT("{\"alg\":\"ES256\",\"typ\":[]}"), STR_INIT("{}"),
         "typ is not a string"},
        {"crit", STR_INIT("{\"alg\":\"ES256\",\"crit\":[\"exp\"]}"), STR_INIT("{}"),
         "header has crit"},
        {"crit empty", STR_INIT("{\"alg\":\"ES256\",\"crit\":[]}"), STR_INIT("{}"),
         "header has crit"},
        {"crit null", STR_INIT("{\"alg\":\"ES256\",\"crit\":null}"), STR_INIT("{}"),
         "header has crit"},
        {"b64 false", STR_INIT("{\"alg\":\"ES256\",\"b64\":false}"), STR_INIT("{}"),
         "header has b64"},
        {"b64 true", STR_INIT("{\"alg\":\"ES256\",\"b64\":true}"), STR_INIT("{}"),
         "header has b64"},
        {"b64 with crit", STR_INIT("{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}"),
         STR_INIT("{}"), "header has crit"},
        {"zip", STR_INIT("{\"alg\":\"ES256\",\"zip\":\"DEF\"}"), STR_INIT("{}"), "header has zip"},
        {"zip null", STR_INIT("{\"alg\":\"ES256\",\"zip\":null}"), STR_INIT("{}"),
         "header has zip"},
        {"payload a list", STR_INIT("{\"alg\":\"ES256\"}"), STR_INIT("[1]"),
         "payload is not a JSON object"},
        {"payload a number", STR_INIT("{\"alg\":\"ES256\"}"), STR_INIT("1"),
         "payload is not a JSON object"},
        {"payload no JSON", STR_INIT("{\"alg\":\"ES256\"}"), STR_INIT("foo"),
         "payload is not JSON"},
        {"exp twice", STR_INIT("{\"alg\":\"ES256\"}"), STR_INIT("{\"exp\":1,\"exp\":2}"),
         "payload repeats a member"},
        {"sub twice, deeper", STR_INIT("{\"alg\":\"ES256\"}"),
         STR_INIT("{\"a\":{\"sub\":1,\"sub\":2}}"), "payload repeats a member"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_refused(f, token_of(f, cases[i].header, cases[i].payload), cases[i].name, RC_INVALID,
                       cases[i].reason);
}

static void refuses_depth_and_length(void **state)
{
    struct fixture *f = *state;
    char *deep = calloc(1, 10001), *big = malloc(JWS_TOKEN_MAX + 1);
    size_t head = sizeof(HEADER "." EMPTY ".") - 1;
    const char *why = NULL;
    struct jws jws = {0};

    memset(deep, '[', 10000);
    assert_refused(f, token_of(f, STR("{\"alg\":\"ES256\"}"), str_of(deep, 10000)),
                   "payload 10,000 deep", RC_INVALID, "payload is nested too deeply");
    memcpy(deep, "{\"a\":", 5);
    assert_refused(f, token_of(f, str_of(deep, 5000), STR("{}")), "header 5,000 deep", RC_INVALID,
                   "header is nested too deeply");
    memset(big, 'A', JWS_TOKEN_MAX + 1);
    memcpy(big, HEADER "." EMPTY ".", head);
    assert_refused(f, str_of(big, JWS_TOKEN_MAX + 1), "one octet too long", RC_TOO_LARGE,
                   "token is too long");
    /* the longest that is allowed and has a possible signature length */
    assert_int_equal(
        jws_parse(str_of(big, JWS_TOKEN_MAX - (JWS_TOKEN_MAX - head) % 4), &f->arena, &jws, &why),
        RC_OK);
    arena_reset(&f->arena);
    free(deep);
    free(big);
}

static void keeps_to_the_limits_it_is_given(void **state)
{
    static const struct jws_limits limits = {4000, JWS_HEADER_MAX, false};
    static const struct {
        const char *name;
        size_t header, payload; /* octets */
        enum rc want;
        const char *reason;
    } cases[] = {
        {"the longest header", JWS_HEADER_MAX, 2, RC_OK, NULL},
        {"a header one octet longer", JWS_HEADER_MAX + 1, 2, RC_TOO_LARGE, "header is too long"},
        {"a header far longer", 2600, 2, RC_TOO_LARGE, "header is too long"},
        {"the longest token", 30, 2965, RC_OK, NULL}, /* 40 + 1 + 3954 + 1 + 4 */
        {"a longer token", 30, 2966, RC_TOO_LARGE, "token is too long"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char header[3000], payload[3000];
        struct jws jws = {0};
        const char *why = NULL;
        struct str token;
        enum rc rc;

        memset(header, ' ', sizeof header);
        memset(payload, ' ', sizeof payload);
        memcpy(header, "{\"alg\":\"ES256\"}", 15);
        memcpy(payload, "{}", 2);
        token = token_of(f, str_of(header, cases[i].header), str_of(payload, cases[i].payload));
        rc = jws_parse_within(token, &limits, &f->arena, &jws, &why);
        if (rc != cases[i].want || !name_eq(str_from(why), str_from(cases[i].reason)))
            fail_msg("%s: %s, %s", cases[i].name, rc_name(rc), why ? why : "no reason");
        assert_int_equal(jws_parse(token, &f->arena, &jws, &why), RC_OK);
        arena_reset(&f->arena);
    }
}

static void takes_padding_where_it_is_told_to(void **state)
{
    static const struct jws_limits limits = {JWS_TOKEN_MAX, JWS_HEADER_MAX, true};
    static const struct {
        const char *name;
        struct str token;
        const char *reason; /* NULL: taken */
        size_t is_signed;   /* how many characters are */
    } cases[] = {
        {"none", STR_INIT(HEADER "." EMPTY "." SIG), NULL, 24},
        {"every part filled up", STR_INIT("eyJhbGciOiJFUzI1NiJ9IA==.e30=.AAA="), NULL, 29},
        {"one too few", STR_INIT("eyJhbGciOiJFUzI1NiJ9IA=." EMPTY "." SIG), "header has padding",
         0},
        {"one too many", STR_INIT(HEADER ".e30==." SIG), "payload has padding", 0},
        {"three", STR_INIT(HEADER "." EMPTY ".A==="), "signature has padding", 0},
        {"four after a full part", STR_INIT(HEADER "." EMPTY ".AAAA===="), "signature has padding",
         0},
        {"in the middle", STR_INIT(HEADER ".e3=0." SIG), "payload has padding", 0},
        {"before bits that are not zero", STR_INIT(HEADER "." EMPTY ".AAB="),
         "signature ends in non-zero bits", 0},
        {"alone", STR_INIT(HEADER "." EMPTY ".===="), "signature has padding", 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jws jws = {0};
        const char *why = NULL;
        enum rc rc = jws_parse_within(cases[i].token, &limits, &f->arena, &jws, &why);

        if (!rc != !cases[i].reason || (rc && !name_eq(str_from(why), str_from(cases[i].reason))))
            fail_msg("%s: %s, %s", cases[i].name, rc_name(rc), why ? why : "no reason");
        assert_int_equal(jws.signing_input.len, cases[i].is_signed);
        arena_reset(&f->arena);
    }
}

static void ignores_keys_that_the_token_brings(void **state)
{
    static const struct str header = STR_INIT(
        "{\"alg\":\"ES256\",\"kid\":\"\",\"jku\":\"https://evil/keys\",\"x5u\":\"https://evil/c\","
        "\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"x5c\":[\"AAAA\"],\"typ\":\"a\\u0000b\"}");
    struct fixture *f = *state;
    const char *why = NULL;
    struct jws jws = {0};

    assert_int_equal(jws_parse(token_of(f, header, STR("{}")), &f->arena, &jws, &why), RC_OK);
    assert_int_equal(jws.kid.len, 0);
    assert_int_equal(jws.typ.len, 3); /* a NUL inside does not end a name */
    assert_true(name_eq(jws.typ, STR("a\0b")));
    arena_reset(&f->arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_tokens_of_rfc_7515_apart_and_verifies_them),
        cmocka_unit_test(takes_apart_what_it_composed),
        cmocka_unit_test(says_when_a_token_does_not_fit_its_buffer),
        cmocka_unit_test(refuses_each_flaw_of_form_by_its_reason),
        cmocka_unit_test(refuses_each_flaw_of_content_by_its_reason),
        cmocka_unit_test(refuses_depth_and_length),
        cmocka_unit_test(keeps_to_the_limits_it_is_given),
        cmocka_unit_test(takes_padding_where_it_is_told_to),
        cmocka_unit_test(ignores_keys_that_the_token_brings),
    };

    return cmocka_run_group_tests(tests, make_fixture, free_fixture);
}
