/* The list of token attacks, each refused with 401 and explained by its true reason; beside each
 * class the twin that differs only in the flaw and passes. The numbers are those of the list in
 * wire/http §2. */
#include "unit/gate/fixture.h"

#include "crypto/base64.h"
#include "crypto/jws.h"

#include <stdio.h>

static const struct route user_row = {
    GET,  "/admin/whoami", &test_api, ACCEPT_KEY | ACCEPT_USER, NEED_ANY, KIB,
    NULL, PLANE_ADMIN,     KIND_REPLY};
static const struct route key_row = {
    POST, "/identities", &test_api, ACCEPT_KEY | ACCEPT_ENTRA, NEED_IDENTITY, KIB,
    NULL, PLANE_WIRE,    KIND_REPLY};

#define RESOURCE "00000000-0000-0000-0000-000000000001"
#define OTHER    "00000000-0000-0000-0000-000000000002"
#define USER     "0000000a-0000-0000-0000-000000000002"
#define USER_ID  "\"skypeid\":\"acs:" RESOURCE "_" USER "\""
#define TIMES    "\"exp\":1795449600,\"iat\":1795446000"
#define REST                                                                                       \
    "\"scp\":1792,\"acsScope\":\"chat\",\"resourceId\":\"" RESOURCE                                \
    "\",\"iss\":\"https://localhost\""
#define PAYLOAD "{" USER_ID "," TIMES "," REST "}"
#define HEADER  "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}"

#define NO_SIGNATURE "user token; the token's signature does not verify"
#define NO_KEY                                                                                     \
    "user token; the token's key (kid) is not a key of user access tokens here, or retired"
#define NO_ALG "user token; the token's algorithm (alg) is not that of its key"

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    fixture_init(f, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_clear(*state);
    free(*state);
    return 0;
}

static const struct signing_key *own_key(struct fixture *f)
{
    return directory_signer(gate_directory(f->gl), STR("user"), NOW);
}

/* header.payload.signature of the texts, signed by `key`. In `out`. */
static void craft(struct fixture *f, struct pkey *key, struct str header, struct str payload,
                  struct buf *out)
{
    struct signer *signer = signer_new(key);
    char *header_b64 = malloc(BASE64URL_LEN(header.len) + 1);
    size_t n = base64url_encode(header.ptr, header.len, header_b64);

    buf_reset(out);
    assert_int_equal(jws_compose(signer, f->work, str_of(header_b64, n), payload, out), RC_OK);
    free(header_b64);
    signer_free(signer);
}

/* Sends the token; NULL: accepted, else the explanation, in `out_why`. */
static bool is_accepted(struct fixture *f, struct str token, char out_why[static 512])
{
    struct request_fake fake;
    struct buf value;
    bool known, ok;

    request_fake_init(&fake, &tls_door);
    buf_init(&value, 4 * MIB);
    buf_addf(&value, "Bearer ");
    buf_add(&value, token);
    const char *text = buf_cstr(&value);
    if (memchr(value.ptr, '\n', value.len) || strlen(text) != value.len || value.len > 100000) {
        /* can't stand in a header line: to the core, which frames use too */
        struct principal p;
        struct str why = STR_EMPTY;

        fixture_request(&fake, &(struct recipe){.authorization = "Bearer x"}, &user_row);
        fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
        ok = gate_check_user_token(f->gl, &fake.req, token, &p, &why) == NULL;
        (void)snprintf(out_why, 512, STR_FMT, STR_ARG(why));
    } else {
        fixture_request(&fake, &(struct recipe){.method = "GET", .authorization = text}, &user_row);
        fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
        const struct api_error *error = gate_identify(f->gl, &fake.req);
        ok = error == NULL;
        if (error)
            assert_int_equal(error->status, 401);
        assert_int_equal(ok, fake.req.principal != NULL);
        (void)snprintf(out_why, 512, STR_FMT, STR_ARG(fake.req.explain));
    }
    buf_clear(&value);
    request_fake_clear(&fake);
    return ok;
}

static void expect(struct fixture *f, const char *name, struct str token, const char *why)
{
    char got[512];
    bool ok = is_accepted(f, token, got);

    if (!why && !ok)
        fail_msg("%s: refused: %s", name, got);
    if (why && ok)
        fail_msg("%s: accepted", name);
    if (why && strcmp(got, why) != 0)
        fail_msg("%s: explained as \"%s\", not \"%s\"", name, got, why);
}

/* clang-format off */
static const struct {
    const char *name;
    const char *header;  /* %s: our kid; NULL: the right one */
    const char *payload; /* NULL: the right one */
    const char *why;     /* NULL: accepted */
} texts[] = {
    {"the twin that is right", NULL, NULL, NULL},
    {"1: alg none", "{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; alg is none"},
    {"1: alg None", "{\"alg\":\"None\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; alg is none"},
    {"1: alg NONE", "{\"alg\":\"NONE\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; alg is none"},
    {"1: alg nOnE", "{\"alg\":\"nOnE\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; alg is none"},
    {"1: alg absent", "{\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; alg is missing"},
    {"1: alg a number", "{\"alg\":256,\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; alg is not a string"},
    {"1: alg an array", "{\"alg\":[\"ES256\"],\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; alg is not a string"},
    {"1: alg in lower case", "{\"alg\":\"es256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, NO_ALG},
    {"5: alg of another curve", "{\"alg\":\"ES384\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, NO_ALG},
    {"5: RS256 for the kid of an ES256 key", "{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, NO_ALG},
    {"6: kid unknown", "{\"alg\":\"ES256\",\"kid\":\"x%s\",\"typ\":\"JWT\"}", NULL, NO_KEY},
    {"6: kid empty", "{\"alg\":\"ES256\",\"kid\":\"\",\"typ\":\"JWT\"}", NULL, "user token; the token names no key (kid)"},
    {"6: kid absent", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", NULL, "user token; the token names no key (kid)"},
    {"6: kid a path", "{\"alg\":\"ES256\",\"kid\":\"../../%s\",\"typ\":\"JWT\"}", NULL, NO_KEY},
    {"6: kid with a quote", "{\"alg\":\"ES256\",\"kid\":\"%s' or '1'='1\",\"typ\":\"JWT\"}", NULL, NO_KEY},
    {"6: kid with a NUL behind", "{\"alg\":\"ES256\",\"kid\":\"%s\\u0000\",\"typ\":\"JWT\"}", NULL, NO_KEY},
    {"6: kid an integer", "{\"alg\":\"ES256\",\"kid\":1,\"typ\":\"JWT\"}", NULL, "user token; kid is not a string"},
    {"7: jku, x5u and x5c are ignored", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"jku\":\"http://127.0.0.1:1/\",\"x5u\":\"http://127.0.0.1:1/\",\"x5c\":[\"AA\"]}", NULL, NULL},
    {"8: crit", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}", NULL, "user token; header has crit"},
    {"8: crit empty", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"crit\":[]}", NULL, "user token; header has crit"},
    {"9: b64 false", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"b64\":false}", NULL, "user token; header has b64"},
    {"10: alg twice", "{\"alg\":\"ES256\",\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"JWT\"}", NULL, "user token; header repeats a member"},
    {"10: exp twice", NULL, "{" USER_ID "," TIMES ",\"exp\":1795449601," REST "}", "user token; payload repeats a member"},
    {"10: skypeid twice", NULL, "{" USER_ID "," USER_ID "," TIMES "," REST "}", "user token; payload repeats a member"},
    {"10: sub twice", NULL, "{" USER_ID "," TIMES "," REST ",\"sub\":\"a\",\"sub\":\"b\"}", "user token; payload repeats a member"},
    {"13: header an array", "[\"ES256\"]", NULL, "user token; header is not a JSON object"},
    {"13: payload an array", NULL, "[1]", "user token; payload is not a JSON object"},
    {"13: payload a string", NULL, "\"a\"", "user token; payload is not a JSON object"},
    {"13: payload not UTF-8", NULL, "{\"a\":\"\xff\"}", "user token; payload is not UTF-8"},
    {"13: payload with a lone surrogate", NULL, "{\"a\":\"\\ud800\"}", "user token; payload is not JSON"},
    {"14: exp missing", NULL, "{" USER_ID ",\"iat\":1795446000," REST "}", "user token; claim exp is missing or not a whole number of seconds"},
    {"14: exp a fraction", NULL, "{" USER_ID ",\"exp\":1795449600.5,\"iat\":1795446000," REST "}", "user token; claim exp is missing or not a whole number of seconds"},
    {"14: exp a float", NULL, "{" USER_ID ",\"exp\":1795449600.0,\"iat\":1795446000," REST "}", "user token; claim exp is missing or not a whole number of seconds"},
    {"14: exp 1e400", NULL, "{" USER_ID ",\"exp\":1e400,\"iat\":1795446000," REST "}", "user token; payload has a number out of range"},
    {"14: exp a string", NULL, "{" USER_ID ",\"exp\":\"1795449600\",\"iat\":1795446000," REST "}", "user token; claim exp is missing or not a whole number of seconds"},
    {"14: exp null", NULL, "{" USER_ID ",\"exp\":null,\"iat\":1795446000," REST "}", "user token; claim exp is missing or not a whole number of seconds"},
    {"14: exp negative", NULL, "{" USER_ID ",\"exp\":-1,\"iat\":1795446000," REST "}", "user token; claim exp is missing or not a whole number of seconds"},
    {"14: exp past by a second", NULL, "{" USER_ID ",\"exp\":1795445999,\"iat\":1795440000," REST "}", "user token; it has expired"},
    {"14: exp now", NULL, "{" USER_ID ",\"exp\":1795446000,\"iat\":1795440000," REST "}", "user token; it has expired"},
    {"14: exp in a second", NULL, "{" USER_ID ",\"exp\":1795446001,\"iat\":1795440000," REST "}", NULL},
    {"14: nbf in the future", NULL, "{" USER_ID "," TIMES ",\"nbf\":1795446001," REST "}", "user token; it is not valid yet (nbf)"},
    {"14: nbf now", NULL, "{" USER_ID "," TIMES ",\"nbf\":1795446000," REST "}", NULL},
    {"14: nbf a string", NULL, "{" USER_ID "," TIMES ",\"nbf\":\"0\"," REST "}", "user token; claim nbf is not a whole number of seconds"},
    {"14: iat in the future", NULL, "{" USER_ID ",\"exp\":1795449600,\"iat\":1795446001," REST "}", "user token; it was issued in the future (iat)"},
    {"14: iat missing", NULL, "{" USER_ID ",\"exp\":1795449600," REST "}", "user token; claim iat is missing or not a whole number of seconds"},
    {"14: longer than any token lives", NULL, "{" USER_ID ",\"exp\":1795532401,\"iat\":1795446000," REST "}", "user token; claims iat and exp are further apart than any token lives"},
    {"15: another resource's id", NULL, "{\"skypeid\":\"acs:" OTHER "_" USER "\"," TIMES ",\"acsScope\":\"chat\",\"resourceId\":\"" OTHER "\",\"iss\":\"x\"}", "user token; it belongs to another resource than the host"},
    {"15: resourceId differs from skypeid", NULL, "{\"skypeid\":\"acs:" OTHER "_" USER "\"," TIMES "," REST "}", "user token; claim resourceId is not the resource of skypeid"},
    {"15: nobody's resource", NULL, "{\"skypeid\":\"acs:" USER "_" USER "\"," TIMES ",\"acsScope\":\"chat\",\"resourceId\":\"" USER "\",\"iss\":\"x\"}", "user token; its resource does not exist, or is disabled"},
    {"15: an ID token", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", "{\"iss\":\"https://localhost\",\"sub\":\"" USER "\",\"aud\":\"app\"," TIMES "}", "user token; claim skypeid is missing or no string"},
    {"15: an Entra access token", "{\"alg\":\"RS256\",\"kid\":\"nOo3ZDrODXEK1jKWhXslHR_KXEg\",\"typ\":\"JWT\"}", "{\"iss\":\"https://sts.windows.net/" USER "/\",\"oid\":\"" USER "\"}", "service token; the token's issuer (iss) is not this server's, nor one that it trusts; the token says iss=https://sts.windows.net/" USER "/ oid=" USER " alg=RS256 kid=nOo3ZDrODXEK1jKWhXslHR_KXEg"},
    {"typ of another kind", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", NULL, "user token; the token's type (typ) is not JWT"},
    {"typ absent", "{\"alg\":\"ES256\",\"kid\":\"%s\"}", NULL, "user token; the token's type (typ) is not JWT"},
    {"skypeid a number", NULL, "{\"skypeid\":1," TIMES "," REST "}", "user token; claim skypeid is missing or no string"},
    {"skypeid with a tail", NULL, "{\"skypeid\":\"acs:" RESOURCE "_" USER "_" USER "\"," TIMES "," REST "}", "user token; claim skypeid is not of the form acs:<resource>_<user>"},
    {"skypeid of another cloud", NULL, "{\"skypeid\":\"spl:" RESOURCE "_" USER "\"," TIMES "," REST "}", "user token; claim skypeid is not of the form acs:<resource>_<user>"},
    {"acsScope an array", NULL, "{" USER_ID "," TIMES ",\"acsScope\":[\"chat\"],\"resourceId\":\"" RESOURCE "\",\"iss\":\"x\"}", "user token; claim acsScope is missing or no string"},
    {"acsScope unknown", NULL, "{" USER_ID "," TIMES ",\"acsScope\":\"chat,root\",\"resourceId\":\"" RESOURCE "\",\"iss\":\"x\"}", "user token; claim acsScope names an unknown scope"},
    {"acsScope empty", NULL, "{" USER_ID "," TIMES ",\"acsScope\":\"\",\"resourceId\":\"" RESOURCE "\",\"iss\":\"x\"}", "user token; claim acsScope names an unknown scope"},
    {"resourceId missing", NULL, "{" USER_ID "," TIMES ",\"acsScope\":\"chat\",\"iss\":\"x\"}", "user token; claim resourceId is missing or no id"},
    {"iss missing", NULL, "{" USER_ID "," TIMES ",\"acsScope\":\"chat\",\"resourceId\":\"" RESOURCE "\"}", "user token; claim iss is missing or no string"},
    {"iss a number", NULL, "{" USER_ID "," TIMES ",\"acsScope\":\"chat\",\"resourceId\":\"" RESOURCE "\",\"iss\":1}", "user token; claim iss is missing or no string"},
    {"cgk a number", NULL, "{" USER_ID "," TIMES "," REST ",\"cgk\":1}", "user token; claim cgk is not a key slot and generation"},
    {"cgk of no slot", NULL, "{" USER_ID "," TIMES "," REST ",\"cgk\":\"x1\"}", "user token; claim cgk is not a key slot and generation"},
    {"cgk beyond 32 bits", NULL, "{" USER_ID "," TIMES "," REST ",\"cgk\":\"p4294967296\"}", "user token; claim cgk is not a key slot and generation"},
    {"cgk of a living key", NULL, "{" USER_ID "," TIMES "," REST ",\"cgk\":\"s1\"}", NULL},
    {"cgk of a former key", NULL, "{" USER_ID "," TIMES "," REST ",\"cgk\":\"p0\"}", "user token; the access key that issued it was regenerated"},
    {"cgg a string", NULL, "{" USER_ID "," TIMES "," REST ",\"cgg\":\"1\"}", "user token; claim cgg is not a generation"},
    {"cgg negative", NULL, "{" USER_ID "," TIMES "," REST ",\"cgg\":-1}", "user token; claim cgg is not a generation"},
    {"claims of others are ignored", NULL, "{" USER_ID "," TIMES "," REST ",\"tid\":\"x\",\"roles\":[\"admin\"],\"csi\":7}", NULL},
};
/* clang-format on */

static void refuses_each_text_for_its_reason(void **state)
{
    struct fixture *f = *state;
    const struct signing_key *key = own_key(f);
    char kid[64], header[1024];
    struct buf token;

    buf_init(&token, 64 * KIB);
    (void)snprintf(kid, sizeof kid, STR_FMT, STR_ARG(key->kid));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *format = texts[i].header ? texts[i].header : HEADER, *at = strstr(format, "%s");

        (void)snprintf(header, sizeof header, "%.*s%s%s", at ? (int)(at - format) : 1024, format,
                       at ? kid : "", at ? at + 2 : "");
        craft(f, key->key, str_from(header),
              str_from(texts[i].payload ? texts[i].payload : PAYLOAD), &token);
        expect(f, texts[i].name, buf_str(&token), texts[i].why);
        expect(f, texts[i].name, buf_str(&token), texts[i].why); /* cached or not */
    }
    buf_clear(&token);
}

static struct buf right_token(struct fixture *f)
{
    const struct signing_key *key = own_key(f);
    struct buf token;
    char header[256];

    (void)snprintf(header, sizeof header,
                   "{\"alg\":\"ES256\",\"kid\":\"" STR_FMT "\",\"typ\":\"JWT\"}",
                   STR_ARG(key->kid));
    buf_init(&token, 4 * MIB);
    craft(f, key->key, str_from(header), STR(PAYLOAD), &token);
    return token;
}

/* The right header and payload with another signature. */
static void expect_signature(struct fixture *f, const char *name, const uint8_t *octets, size_t len,
                             const char *why)
{
    struct buf token = right_token(f);
    char text[BASE64URL_LEN(SIGNATURE_MAX)];

    while (token.ptr[token.len - 1] != '.')
        token.len--;
    buf_add(&token, str_of(text, base64url_encode(octets, len, text)));
    expect(f, name, buf_str(&token), why);
    buf_clear(&token);
}

static const uint8_t order_n[32] = {
    0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static void refuses_signatures_out_of_range_or_form(void **state)
{
    struct fixture *f = *state;
    uint8_t s[80] = {0};
    static const uint8_t der[] = {0x30, 6, 2, 1, 1, 2, 1, 1};
    struct mac_key *mac;
    struct buf token;

    expect_signature(f, "3: r and s zero", s, 64, NO_SIGNATURE);
    memcpy(s, order_n, 32);
    memcpy(s + 32, order_n, 32);
    expect_signature(f, "3: r and s n", s, 64, NO_SIGNATURE);
    s[31]++;
    s[63]++;
    expect_signature(f, "3: r and s n + 1", s, 64, NO_SIGNATURE);
    memset(s, 0, 32);
    s[63] = 1;
    expect_signature(f, "3: r zero", s, 64, NO_SIGNATURE);
    expect_signature(f, "4: DER", der, sizeof der, NO_SIGNATURE);
    expect_signature(f, "4: 63 octets", s, 63, NO_SIGNATURE);
    expect_signature(f, "4: 65 octets", s, 65, NO_SIGNATURE);
    token = right_token(f);
    size_t dot = token.len;
    while (token.ptr[dot - 1] != '.')
        dot--;
    mac = mac_key_new("x", 1);
    mac_sign(mac, f->work, str_of(token.ptr, dot - 1), s);
    expect_signature(f, "2: an HMAC for a signature", s, 32, NO_SIGNATURE);
    mac_key_free(mac);
    buf_clear(&token);
}

/* HS256 in the header, keyed with our public key: as its JWK stands in the key set. */
static void refuses_hs256_keyed_with_the_public_key(void **state)
{
    struct fixture *f = *state;
    const struct signing_key *key = own_key(f);
    char header[256], b64[2048], sig[64];
    struct buf jwk, token;
    struct json_writer w;
    uint8_t mac_octets[32];

    buf_init(&jwk, 4 * KIB);
    json_writer_init(&w, &jwk);
    pkey_write_jwk(key->key, key->kid, &w);
    for (int newline = 0; newline < 2; newline++) {
        struct mac_key *mac;

        if (newline)
            buf_add_char(&jwk, '\n');
        mac = mac_key_new(jwk.ptr, jwk.len);
        buf_init(&token, 8 * KIB);
        (void)snprintf(header, sizeof header,
                       "{\"alg\":\"HS256\",\"kid\":\"" STR_FMT "\",\"typ\":\"JWT\"}",
                       STR_ARG(key->kid));
        buf_add(&token, str_of(b64, base64url_encode(header, strlen(header), b64)));
        buf_add_char(&token, '.');
        buf_add(&token, str_of(b64, base64url_encode(PAYLOAD, sizeof PAYLOAD - 1, b64)));
        mac_sign(mac, f->work, buf_str(&token), mac_octets);
        buf_add_char(&token, '.');
        buf_add(&token, str_of(sig, base64url_encode(mac_octets, 32, sig)));
        expect(f, "2: HS256 keyed with our public key", buf_str(&token), NO_ALG);
        buf_clear(&token);
        mac_key_free(mac);
    }
    buf_clear(&jwk);
}

static void refuses_foreign_keys(void **state)
{
    struct fixture *f = *state;
    const struct signing_key *own = own_key(f);
    struct pkey *foreign = pkey_generate(JWS_ES256), *rsa = pkey_generate(JWS_RS256);
    struct buf token, header;
    struct json_writer w;

    buf_init(&token, 64 * KIB);
    buf_init(&header, 8 * KIB);
    buf_addf(&header, "{\"alg\":\"ES256\",\"kid\":\"" STR_FMT "\",\"typ\":\"JWT\",\"jwk\":",
             STR_ARG(own->kid));
    json_writer_init(&w, &header);
    pkey_write_jwk(foreign, own->kid, &w);
    buf_add_char(&header, '}');
    craft(f, foreign, buf_str(&header), STR(PAYLOAD), &token);
    expect(f, "7: signed by the key in jwk", buf_str(&token), NO_SIGNATURE);
    buf_reset(&header);
    buf_addf(&header, "{\"alg\":\"RS256\",\"kid\":\"" STR_FMT "\",\"typ\":\"JWT\"}",
             STR_ARG(own->kid));
    craft(f, rsa, buf_str(&header), STR(PAYLOAD), &token);
    expect(f, "5: RS256 for an ES256 key id, really signed", buf_str(&token), NO_ALG);
    pkey_unref(foreign);
    pkey_unref(rsa);
    buf_clear(&token);
    buf_clear(&header);
}

static void refuses_every_change_of_one_octet(void **state)
{
    struct fixture *f = *state;
    struct buf token = right_token(f);

    expect(f, "the twin that is right", buf_str(&token), NULL); /* enters the cache */
    for (size_t i = 0; i < token.len; i++) {
        char why[512], before = token.ptr[i];

        token.ptr[i] = before == 'A' ? 'B' : 'A';
        if (is_accepted(f, buf_str(&token), why))
            fail_msg("accepted with octet %zu changed", i);
        token.ptr[i] = before;
    }
    buf_clear(&token);
}

static void refuses_other_encodings(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *tail;
        const char *why;
    } tails[] = {
        {"11: padding", "=", "user token; signature has padding"},
        {"11: a blank inside", " A", "user token; signature has characters outside base64url"},
        {"12: four dots", ".e30.e30", "user token; token is encrypted (JWE)"},
        {"12: three dots", ".e30", "user token; token has not three parts"},
        {"20: a trailing octet", "A", NULL},
        {"20: trailing octets", "AAAA", NO_SIGNATURE},
        {"20: a trailing comma and token", ",eyJ",
         "user token; signature has characters outside base64url"},
        {"20: a trailing line end", "\n", "user token; signature has characters outside base64url"},
    };
    struct buf token;
    char why[512];

    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        token = right_token(f);
        buf_add(&token, str_from(tails[i].tail));
        if (tails[i].why)
            expect(f, tails[i].name, buf_str(&token), tails[i].why);
        else
            assert_false(is_accepted(f, buf_str(&token), why));
        buf_clear(&token);
    }
    token = right_token(f);
    char *last = &token.ptr[token.len - 1]; /* 64 octets leave four bits over */
    *last = *last == 'A' ? 'B' : (char)(*last + 1);
    assert_false(is_accepted(f, buf_str(&token), why));
    *last = '/';
    expect(f, "11: standard alphabet", buf_str(&token),
           "user token; signature has characters outside base64url");
    expect(f, "12: one part", STR("eyJhbGciOiJFUzI1NiJ9"), "user token; token has not three parts");
    expect(f, "12: JSON serialisation", STR("{\"payload\":\"e30\",\"signatures\":[]}"),
           "user token; token is in the JSON serialisation");
    expect(f, "12: two parts", str_head(buf_str(&token), 20),
           "user token; token has not three parts");
    buf_clear(&token);
}

static void refuses_what_is_too_large_or_deep(void **state)
{
    struct fixture *f = *state;
    const struct signing_key *key = own_key(f);
    struct buf token, payload;
    char header[256], big_header[12000];

    (void)snprintf(header, sizeof header,
                   "{\"alg\":\"ES256\",\"kid\":\"" STR_FMT "\",\"typ\":\"JWT\"}",
                   STR_ARG(key->kid));
    buf_init(&token, 4 * MIB);
    buf_init(&payload, 2 * MIB);
    for (int i = 0; i < 5000; i++)
        buf_add(&payload, STR("{\"a\":"));
    craft(f, key->key, str_from(header), buf_str(&payload), &token);
    expect(f, "13: depth beyond the size", buf_str(&token), "user token; the token is too long");
    buf_reset(&payload);
    for (int i = 0; i < 10000; i++)
        buf_add_char(&payload, '[');
    craft(f, key->key, str_from(header), buf_str(&payload), &token);
    expect(f, "13: depth 10,000", buf_str(&token), "user token; payload is nested too deeply");
    while (payload.len < MIB)
        buf_add(&payload, STR("                                "));
    craft(f, key->key, str_from(header), buf_str(&payload), &token);
    expect(f, "13: 1 MB", buf_str(&token), "user token; the token is too long");
    memset(big_header, 'k', sizeof big_header);
    memcpy(big_header, "{\"alg\":\"ES256\",\"kid\":\"", 22);
    memcpy(big_header + 10000, "\",\"typ\":\"JWT\"}", 14);
    craft(f, key->key, str_of(big_header, 10014), STR(PAYLOAD), &token);
    expect(f, "6: kid of 10 kB", buf_str(&token), NO_KEY);
    buf_clear(&token);
    buf_clear(&payload);
}

/* 17: a key that retired long ago, and its twin that retired a moment ago. */
static void refuses_a_key_that_retired_too_long_ago(void **state)
{
    struct fixture *f = *state;
    struct buf token = right_token(f);
    char kid[64];

    expect(f, "17: a key at work", buf_str(&token), NULL);
    fixture_add_signing_key(f, NOW + 1000, kid);
    fixture_retire_signing_keys(f, NOW - 1000);
    expect(f, "17: retired a moment ago", buf_str(&token), NULL);
    fixture_retire_signing_keys(f, NOW - TOKEN_LONGEST_MS);
    expect(f, "17: retired for longer than a token lives", buf_str(&token), NO_KEY);
    expect(f, "17: and from the cache neither", buf_str(&token), NO_KEY);
    buf_clear(&token);
}

static const char *explain_of(struct fixture *f, const struct recipe *r, const struct route *row,
                              char out[static 512])
{
    struct request_fake fake;
    bool known;

    request_fake_init(&fake, &tls_door);
    fixture_request(&fake, r, row);
    fake.req.resource = gate_resource(gate_directory(f->gl), &fake.req, &known);
    const struct api_error *error = gate_identify(f->gl, &fake.req);
    assert_non_null(error);
    assert_int_equal(error->status, 401);
    assert_true(str_eq(error->code, STR("Denied")));
    (void)snprintf(out, 512, STR_FMT, STR_ARG(fake.req.explain));
    request_fake_clear(&fake);
    return out;
}

static void refuses_tokens_in_the_wrong_place(void **state)
{
    struct fixture *f = *state;
    struct buf token = right_token(f);
    char text[2048], why[512];
    struct recipe r = {.method = "GET", .authorization = ""};

    (void)snprintf(text, sizeof text, "/admin/whoami?access_token=%s&authorization=Bearer+%s",
                   buf_cstr(&token), buf_cstr(&token));
    r.target = text;
    assert_string_equal(explain_of(f, &r, &user_row, why),
                        "no credential; the request has no Authorization header"); /* 18 */
    r.target = "/admin/whoami";
    (void)snprintf(text, sizeof text, "Bearer Bearer %s", buf_cstr(&token));
    r.authorization = text;
    assert_string_equal(explain_of(f, &r, &user_row, why),
                        "user token; header has characters outside base64url"); /* 19 */
    (void)snprintf(text, sizeof text, "Bearer %s\r\nAuthorization: Bearer %s", buf_cstr(&token),
                   buf_cstr(&token));
    assert_string_equal(explain_of(f, &r, &user_row, why),
                        "malformed; there are several Authorization headers"); /* 19 */
    (void)snprintf(text, sizeof text, "Basic %s", buf_cstr(&token));
    assert_string_equal(explain_of(f, &r, &user_row, why),
                        "malformed; the scheme is neither HMAC-SHA256 nor Bearer");
    (void)snprintf(text, sizeof text, "Bearer");
    assert_string_equal(explain_of(f, &r, &user_row, why),
                        "malformed; Authorization is not a scheme and a credential");
    (void)snprintf(text, sizeof text, "Bearer %s", buf_cstr(&token));
    assert_true(strstr(explain_of(f, &r, &key_row, why), "no user access token") != NULL); /* 15 */
    buf_clear(&token);
}

/* 16: revoked in the second of its issue, then issued again in that second. */
static void refuses_a_token_issued_before_a_revocation_in_the_same_second(void **state)
{
    struct fixture *f = *state;
    struct mint m = {.user = {.resource = f->resource, .user = uuid_ordered(NOW)}, .now = NOW + 1};
    char *before, *after;

    fixture_commit(
        f, (struct change){.kind = CHANGE_USER_ADD, .u.user = {.key = m.user, .created = NOW}});
    before = fixture_mint(f, &m);
    expect(f, "16: before the revocation", str_from(before), NULL);
    fixture_commit(f, (struct change){.kind = CHANGE_USER_REVOKE,
                                      .u.user = {.key = m.user, .revoked = NOW + 2}});
    m.generation = 1;
    m.now = NOW + 3;
    after = fixture_mint(f, &m);
    expect(f, "16: issued before", str_from(before), "user token; it was revoked");
    expect(f, "16: issued after", str_from(after), NULL);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_each_text_for_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_signatures_out_of_range_or_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_hs256_keyed_with_the_public_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_foreign_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_every_change_of_one_octet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_other_encodings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_too_large_or_deep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_key_that_retired_too_long_ago, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_tokens_in_the_wrong_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            refuses_a_token_issued_before_a_revocation_in_the_same_second, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
