/* Client assertions: by certificate and by another issuer, and what is tried against them. */
#include "issuer_fixture.h"

#include "crypto/base64.h"
#include "services/replays.h"

static struct issuer_world w;

static int setup(void **state)
{
    (void)state;
    world_open(&w, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static const char *header_of_client(void)
{
    return certificate_header(&w, "RS256", test_keys.client_der);
}

/* ---- certificates ---- */

static void takes_an_assertion_of_a_registered_certificate(void **state)
{
    struct str assertion =
        signed_jws(&w, test_keys.client, header_of_client(), client_payload(&w, ""));
    json_t *payload;

    (void)state;
    assert_int_equal(ask_with_assertion(&w, w.client, assertion), 200);
    payload = token_payload(&w);
    assert_string_equal(json_string_value(json_object_get(payload, "appidacr")), "2");
    json_decref(payload);
    assert_int_equal(ask_with_assertion(&w, NULL, assertion), 200);     /* sub is the client */
    assert_int_equal(ask_with_assertion(&w, w.client, assertion), 200); /* used again */
}

static const char *thumb(struct str der, bool sha256_form, bool url, bool padded)
{
    uint8_t hash[SHA256_LEN];
    size_t n = sha256_form ? SHA256_LEN : SHA1_LEN, len;
    char *text = arena_alloc(&w.arena, 64);

    if (sha256_form)
        sha256(w.fx.work, der, hash);
    else
        sha1(der, hash);
    len = url ? base64url_encode(hash, n, text) : base64_encode(hash, n, text);
    while (url && padded && len % 4)
        text[len++] = '=';
    while (!url && !padded && text[len - 1] == '=')
        len--;
    text[len] = '\0';
    return text;
}

static int ask_with_header(const char *header)
{
    return ask_with_assertion(&w, w.client,
                              signed_jws(&w, test_keys.client, header, client_payload(&w, "")));
}

static void reads_thumbprints_as_every_client_writes_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        bool sha256_form = i & 1, url = i & 2, padded = i & 4;
        const char *text = thumb(test_keys.client_der, sha256_form, url, padded);
        /* a form decodes '+' as a blank inside the JWS only when it is not encoded: it is */
        struct str header = arena_printf(&w.arena, "{\"alg\":\"RS256\",\"%s\":\"%s\"}",
                                         sha256_form ? "x5t#S256" : "x5t", text);

        assert_int_equal(ask_with_header(header.ptr), 200);
    }
    assert_int_equal(
        ask_with_header(arena_printf(&w.arena,
                                     "{\"alg\":\"RS256\",\"x5t\":\"%s\",\"x5t#S256\":\"%s\"}",
                                     thumb(test_keys.client_der, false, true, false),
                                     thumb(test_keys.client_der, true, true, false))
                            .ptr),
        200);
}

static void takes_dates_as_every_client_writes_them(void **state)
{
    static const struct {
        const char *name, *before, *after;
        int shift;
    } cases[] = {
        {"with a fraction, as Python", "", ".980301", 600},
        {"as text, as old Go", "\"", "\"", 600},
        {"with an exponent", "", "e0", 600},
        {"past within the skew", "", "", -299},
    };
    long long now = clock_wall() / 1000;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str payload = arena_printf(
            &w.arena,
            "{\"aud\":[\"x\",\"" ORIGIN "/adfs/oauth2/token\"],\"iss\":\"%s\",\"sub\":\"%s\","
            "\"exp\":%s%lld%s,\"iat\":\"%lld\"}",
            w.client, w.client, cases[i].before, now + cases[i].shift, cases[i].after, now);

        print_message("  %s\n", cases[i].name);
        assert_int_equal(
            ask_with_assertion(&w, w.client,
                               signed_jws(&w, test_keys.client, header_of_client(), payload.ptr)),
            200);
    }
}

static void add_filled(struct buf *out, const void *octets, size_t len)
{
    char *text = arena_alloc(&w.arena, BASE64URL_LEN(len) + 1);
    size_t n = base64url_encode(octets, len, text);

    buf_add(out, str_of(text, n));
    for (; n % 4; n++)
        buf_add_char(out, '=');
}

/* Each part filled up with '=', and signed so, as the asynchronous Python credential does. */
static struct str filled_jws(struct pkey *key, const char *header, const char *payload)
{
    struct signer *signer = signer_new(key);
    uint8_t signature[SIGNATURE_MAX];
    struct str kept;
    struct buf out;
    size_t len;

    buf_init(&out, 16 * KIB);
    add_filled(&out, header, strlen(header));
    buf_add_char(&out, '.');
    add_filled(&out, payload, strlen(payload));
    assert_int_equal(signer_sign(signer, w.fx.work, buf_str(&out), signature, &len), RC_OK);
    buf_add_char(&out, '.');
    add_filled(&out, signature, len);
    kept = arena_dup(&w.arena, buf_str(&out));
    buf_clear(&out);
    signer_free(signer);
    return kept;
}

static void takes_parts_that_are_filled_up(void **state)
{
    static const char *const more[] = {",\"x\":1", ",\"x\":12", ",\"x\":123"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        struct str assertion =
            filled_jws(test_keys.client, header_of_client(), client_payload(&w, more[i]));

        assert_int_equal(ask_with_assertion(&w, w.client, assertion), 200);
    }
}

static void takes_every_address_that_means_us(void **state)
{
    const char *const good[] = {
        "http://localhost:8080/common/oauth2/v2.0/token",
        "http://LOCALHOST:8080/ADFS/oauth2/token",
        "http://127.0.0.1:8080/organizations/oauth2/v2.0/token",
        "http://default.localhost:8080/localhost/v2.0",
        "https://localhost:8443/adfs/oauth2/v2.0/token",
        path_of(1, "http://localhost:8080/%s/", w.tenant),
        path_of(2, "http://localhost:8080/%s/v2.0", w.tenant),
    };
    const char *const bad[] = {
        "http://localhost:8081/common/oauth2/v2.0/token",
        "https://localhost:8080/common/oauth2/v2.0/token",
        "http://evil.example:8080/common/oauth2/v2.0/token",
        "http://localhost:8080/contoso/oauth2/v2.0/token",
        "http://localhost:8080/00000000-0000-4000-8000-000000000001/v2.0",
        "http://localhost:8080/common/oauth2/v2.0/token?x=1",
        "http://localhost:8080/common/oauth2/v2.0/token/",
        "http://localhost:8080/common",
        "http://localhost:8080",
        "http://user@localhost:8080/common/oauth2/token",
        "common/oauth2/token",
        "",
    };
    long long now = clock_wall() / 1000;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
        bool is_good = i < ARRAY_LEN(good);
        const char *aud = is_good ? good[i] : bad[i - ARRAY_LEN(good)];
        struct str payload =
            arena_printf(&w.arena, "{\"aud\":\"%s\",\"iss\":\"%s\",\"sub\":\"%s\",\"exp\":%lld}",
                         aud, w.client, w.client, now + 60);

        print_message("  %s\n", aud);
        ask_with_assertion(&w, w.client,
                           signed_jws(&w, test_keys.client, header_of_client(), payload.ptr));
        if (is_good)
            assert_int_equal(w.fx.status, 200);
        else
            check_refused(&w, 401, "invalid_client", 700023);
    }
}

/* ---- attacks ---- */

static void check_attack(const char *name, struct str assertion, int number)
{
    print_message("  %s\n", name);
    ask_with_assertion(&w, w.client, assertion);
    check_refused(&w, 401, "invalid_client", number);
}

static struct str by_client(const char *header, const char *payload)
{
    return signed_jws(&w, test_keys.client, header, payload);
}

/* A JWS whose third part is a MAC with the certificate, or nothing. */
static struct str by_mac(const char *alg)
{
    struct str signed_text =
        by_client(certificate_header(&w, alg, test_keys.client_der), client_payload(&w, ""));
    struct mac_key *key = mac_key_new(test_keys.client_der.ptr, test_keys.client_der.len);
    size_t dot = signed_text.len;
    uint8_t mac[SHA256_LEN];
    char text[BASE64URL_LEN(SHA256_LEN)];

    while (signed_text.ptr[dot - 1] != '.')
        dot--;
    mac_sign(key, w.fx.work, str_head(signed_text, dot - 1), mac);
    mac_key_free(key);
    return arena_printf(&w.arena, "%.*s%.*s", (int)dot, signed_text.ptr,
                        strcmp(alg, "none") == 0 ? 0 : (int)base64url_encode(mac, sizeof mac, text),
                        text);
}

static void refuses_forged_headers(void **state)
{
    const char *payload = client_payload(&w, "");
    char *chain = arena_alloc(&w.arena, 20000);

    (void)state;
    check_attack("alg none", by_mac("none"), 700027);
    check_attack("alg nOnE", by_mac("nOnE"), 700027);
    check_attack("HS256 with the certificate as key", by_mac("HS256"), 700027);
    check_attack("no thumbprint", by_client("{\"alg\":\"RS256\"}", payload), 700027);
    check_attack("a kid instead", by_client("{\"alg\":\"RS256\",\"kid\":\"x\"}", payload), 700027);
    check_attack("a thumbprint of another length",
                 by_client("{\"alg\":\"RS256\",\"x5t\":\"AAAA\"}", payload), 700027);
    check_attack("a thumbprint that is no text",
                 by_client("{\"alg\":\"RS256\",\"x5t\":1}", payload), 700027);
    check_attack("a null thumbprint", by_client("{\"alg\":\"RS256\",\"x5t\":null}", payload),
                 700027);
    check_attack("an unknown certificate",
                 by_client(certificate_header(&w, "RS256", STR("no certificate")), payload),
                 700027);
    check_attack("another client's certificate",
                 signed_jws(&w, test_keys.stranger,
                            certificate_header(&w, "RS256", test_keys.stranger_der), payload),
                 700027);
    check_attack("another key under a right thumbprint",
                 signed_jws(&w, test_keys.stranger, header_of_client(), payload), 700027);
    check_attack("an algorithm of another family",
                 by_client(certificate_header(&w, "ES256", test_keys.client_der), payload), 700027);
    check_attack("an algorithm that was not used",
                 by_client(certificate_header(&w, "PS256", test_keys.client_der), payload), 700027);
    check_attack("EdDSA", by_client(certificate_header(&w, "EdDSA", test_keys.client_der), payload),
                 700027);
    check_attack(
        "two thumbprints that differ",
        by_client(arena_printf(&w.arena, "{\"alg\":\"RS256\",\"x5t\":\"%s\",\"x5t#S256\":\"%s\"}",
                               thumb(test_keys.client_der, false, true, false),
                               thumb(test_keys.expired_der, true, true, false))
                      .ptr,
                  payload),
        700027);
    check_attack(
        "a duplicate member",
        by_client(arena_printf(&w.arena, "{\"alg\":\"RS256\",\"alg\":\"RS256\",\"x5t\":\"%s\"}",
                               thumb(test_keys.client_der, false, true, false))
                      .ptr,
                  payload),
        700027);
    check_attack(
        "crit",
        by_client(arena_printf(&w.arena, "{\"alg\":\"RS256\",\"crit\":[\"x\"],\"x5t\":\"%s\"}",
                               thumb(test_keys.client_der, false, true, false))
                      .ptr,
                  payload),
        700027);
    memset(chain, 'A', 13000);
    chain[13000] = '\0';
    check_attack(
        "a header of 13 KB",
        by_client(arena_printf(&w.arena, "{\"alg\":\"RS256\",\"x5t\":\"%s\",\"x5c\":[\"%s\"]}",
                               thumb(test_keys.client_der, false, true, false), chain)
                      .ptr,
                  payload),
        700027);
    chain[11000] = '\0';
    assert_int_equal(
        ask_with_header(arena_printf(&w.arena,
                                     "{\"alg\":\"RS256\",\"x5t\":\"%s\",\"x5c\":[\"%s\"]}",
                                     thumb(test_keys.client_der, false, true, false), chain)
                            .ptr),
        200);
}

static void refuses_what_is_no_jws(void **state)
{
    static const char *const bad[] = {"x",         "a.b", "a.b.c",        "..",
                                      "a.b.c.d.e", "{}",  "e30.e30.e30=", "e30.e30."};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_attack(bad[i], str_from(bad[i]), 700027);
    ask_with_assertion(&w, NULL, STR("e30.e30."));
    check_refused(&w, 401, "invalid_client", 700027);
}

static void refuses_an_expired_certificate(void **state)
{
    (void)state;
    check_attack(
        "expired",
        by_client(certificate_header(&w, "RS256", test_keys.expired_der), client_payload(&w, "")),
        700027);
    assert_non_null(strstr(text_at(&w.fx, "error_description"), "expired"));
}

struct payload_case {
    const char *name;
    bool iss_other, sub_other;
    const char *exp; /* NULL: now + shift */
    int shift, nbf_shift, iat_shift, number;
};

static void refuses_forged_payloads(void **state)
{
    static const struct payload_case cases[] = {
        {"iss of another client", true, false, NULL, 60, 0, 0, 700021},
        {"sub of another client", false, true, NULL, 60, 0, 0, 700021},
        {"both of another client", true, true, NULL, 60, 0, 0, 700021},
        {"exp long past", false, false, NULL, -301, 0, 0, 700024},
        {"exp beyond a day", false, false, NULL, 86460, 0, 0, 700024},
        {"exp that is a word", false, false, "\"soon\"", 0, 0, 0, 700024},
        {"exp that is null", false, false, "null", 0, 0, 0, 700024},
        {"nbf far ahead", false, false, NULL, 900, 360, 0, 700024},
        {"iat far ahead", false, false, NULL, 900, 0, 360, 700024},
    };
    long long now = clock_wall() / 1000;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct payload_case *c = &cases[i];
        struct str exp = c->exp ? str_from(c->exp) : arena_printf(&w.arena, "%lld", now + c->shift);
        struct str payload = arena_printf(
            &w.arena,
            "{\"aud\":\"" ORIGIN "/common/oauth2/v2.0/token\",\"iss\":\"%s\",\"sub\":\"%s\","
            "\"exp\":" STR_FMT ",\"nbf\":%lld,\"iat\":%lld}",
            c->iss_other ? w.other : w.client, c->sub_other ? w.other : w.client, STR_ARG(exp),
            now + c->nbf_shift, now + c->iat_shift);

        check_attack(c->name, by_client(header_of_client(), payload.ptr), c->number);
    }
    check_attack("no exp, no aud, no iss", by_client(header_of_client(), "{}"), 700021);
    check_attack("a duplicate member",
                 by_client(header_of_client(), client_payload(&w, ",\"exp\":1")), 700027);
}

static void an_assertion_decides_over_a_secret(void **state)
{
    struct str assertion =
        signed_jws(&w, test_keys.stranger, header_of_client(), client_payload(&w, ""));
    struct str form = arena_printf(
        &w.arena,
        GRANT "&client_id=%s&client_secret=" STR_FMT
              "&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
              "&client_assertion=" STR_FMT,
        w.client, STR_ARG(w.secret), STR_ARG(assertion));

    (void)state;
    ask_token(&w, form.ptr);
    check_refused(&w, 401, "invalid_client", 700027);
}

static void takes_an_assertion_once_when_told_so(void **state)
{
    struct str assertion = by_client(header_of_client(), client_payload(&w, ""));
    long long now = clock_wall() / 1000;
    struct str without = arena_printf(&w.arena,
                                      "{\"aud\":\"" ORIGIN "/adfs/v2.0\",\"iss\":\"%s\",\"sub\":"
                                      "\"%s\",\"exp\":%lld}",
                                      w.client, w.client, now + 60);

    (void)state;
    w.fx.shared.assertions = replays_new();
    assert_int_equal(ask_with_assertion(&w, w.client, assertion), 200);
    check_attack("the same again", assertion, 50013);
    check_attack("without jti", by_client(header_of_client(), without.ptr), 50013);
}

/* ---- other issuers ---- */

static const char *foreign_payload(const char *iss, const char *sub, const char *aud, int exp_shift)
{
    long long now = clock_wall() / 1000;

    return arena_printf(&w.arena,
                        "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":%s,\"iat\":%lld,\"exp\":%lld}", iss,
                        sub, aud, now, now + exp_shift)
        .ptr;
}

static struct str foreign(const char *payload)
{
    return signed_jws(&w, test_keys.foreign, "{\"alg\":\"ES256\",\"kid\":\"foreign-1\"}", payload);
}

#define LISTED "[\"" EXCHANGE "\"]"

static void waits_for_the_keys_of_a_registered_issuer(void **state)
{
    json_t *payload;

    (void)state;
    assert_int_equal(
        ask_with_assertion(&w, w.client,
                           foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600))),
        200);
    payload = token_payload(&w);
    assert_string_equal(json_string_value(json_object_get(payload, "azpacr")), "2");
    json_decref(payload);
    assert_int_equal(w.fetches, 2); /* discovery and keys, once */
    assert_false(w.private_ok);     /* no administrator of this machine registered it */
    assert_int_equal(ask_with_assertion(&w, w.client,
                                        foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT,
                                                                "\"" EXCHANGE "\"", -200))),
                     200);
    assert_int_equal(w.fetches, 2);
}

static void refuses_foreign_assertions_that_fit_no_record(void **state)
{
    (void)state;
    check_attack("another issuer",
                 foreign(foreign_payload(FOREIGN_ISSUER "/", SUBJECT, LISTED, 600)), 700211);
    assert_non_null(strstr(text_at(&w.fx, "error_description"), FOREIGN_ISSUER "/"));
    check_attack(
        "another subject",
        foreign(foreign_payload(FOREIGN_ISSUER, "system:serviceaccount:shop:Worker", LISTED, 600)),
        700213);
    check_attack("parts that are filled up",
                 filled_jws(test_keys.foreign, "{\"alg\":\"ES256\",\"kid\":\"foreign-1\"}",
                            foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600)),
                 700027);
    check_attack("another audience",
                 foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT, "[\"api://other\"]", 600)),
                 700212);
    check_attack("no audience", foreign("{\"iss\":\"" FOREIGN_ISSUER "\",\"sub\":\"" SUBJECT "\"}"),
                 700212);
    ask_with_assertion(&w, NULL, foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600)));
    check_refused(&w, 400, "invalid_request", 900144);
    ask_with_assertion(&w, w.other, foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600)));
    check_refused(&w, 401, "invalid_client", 700211);
    assert_int_equal(w.fetches, 0);
}

static void refuses_forged_foreign_assertions(void **state)
{
    const char *payload = foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600);

    (void)state;
    check_attack("expired", foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, -301)),
                 700024);
    check_attack(
        "another key",
        signed_jws(&w, test_keys.client, "{\"alg\":\"RS256\",\"kid\":\"foreign-1\"}", payload),
        700027);
    check_attack(
        "a kid that is not there",
        signed_jws(&w, test_keys.foreign, "{\"alg\":\"ES256\",\"kid\":\"foreign-2\"}", payload),
        700027);
    check_attack(
        "HS256",
        signed_jws(&w, test_keys.foreign, "{\"alg\":\"HS256\",\"kid\":\"foreign-1\"}", payload),
        700027);
    check_attack("a date as text",
                 foreign("{\"iss\":\"" FOREIGN_ISSUER "\",\"sub\":\"" SUBJECT "\",\"aud\":" LISTED
                         ",\"exp\":\"99999999999\"}"),
                 700024);
}

static void says_so_when_keys_can_not_be_had(void **state)
{
    (void)state;
    w.unreachable = true;
    ask_with_assertion(&w, w.client,
                       foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600)));
    check_refused(&w, 503, "temporarily_unavailable", 90033);
}

static void a_caller_may_leave_while_keys_are_fetched(void **state)
{
    struct str form = arena_printf(
        &w.arena,
        GRANT "&client_id=%s&client_assertion_type=urn:ietf:params:oauth:client-assertion-type"
              ":jwt-bearer&client_assertion=" STR_FMT,
        w.client, STR_ARG(foreign(foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600))));

    (void)state;
    call_form_begin(&w.fx, "/common/oauth2/v2.0/token", "", form.ptr);
    assert_false(w.fx.fake.done);
    request_fake_leave(&w.fx.fake);
    assert_int_equal(call_wait(&w.fx), 200); /* to nobody */
}

static void put_trusted_issuer(const char *alg, uint32_t version)
{
    struct change c = {.kind = CHANGE_ISSUER_PUT};

    c.u.issuer = (struct issuer_row){
        .id = w.client_id,
        .version = version,
        .issuer = STR(FOREIGN_ISSUER),
        .document = arena_printf(&w.arena,
                                 "{\"jwksUrl\":\"https://keys.example/set\",\"audiences\":[\"x\"],"
                                 "\"algorithms\":[\"%s\"],\"rules\":[{\"subject\":\"nobody\","
                                 "\"principal\":\"%s\"}]}",
                                 alg, w.object),
        .created = clock_wall()};
    assert_int_equal(store_commit_wait(w.fx.store, &c, 1), RC_OK);
}

static void the_operators_record_says_where_keys_are(void **state)
{
    const char *payload = foreign_payload(FOREIGN_ISSUER, SUBJECT, LISTED, 600);

    (void)state;
    put_trusted_issuer("ES256", 1);
    assert_int_equal(ask_with_assertion(&w, w.client, foreign(payload)), 200);
    assert_int_equal(w.fetches, 1); /* no discovery */
    put_trusted_issuer("RS256", 2);
    check_attack("an algorithm that the record does not allow", foreign(payload), 700027);
    assert_int_equal(w.fetches, 1);
}

static void takes_our_own_tokens_without_asking_anybody(void **state)
{
    struct change c = {.kind = CHANGE_APPLICATION_PUT};
    struct str own;

    (void)state;
    assert_int_equal(ask_token(&w, path_of(0,
                                           "grant_type=client_credentials&scope=" EXCHANGE
                                           "/.default&client_id=%s&client_secret=" STR_FMT,
                                           w.client, STR_ARG(w.secret))),
                     200);
    own = arena_dup(&w.arena, str_from(text_at(&w.fx, "access_token")));
    assert_int_equal(ask_with_assertion(&w, w.client, own), 200);
    assert_int_equal(w.fetches, 0);
    check_attack(
        "our name, a key of somebody else",
        signed_jws(&w, test_keys.foreign, "{\"alg\":\"ES256\",\"kid\":\"x\"}",
                   foreign_payload(path_of(1, ORIGIN "/%s/v2.0", w.tenant), w.object, LISTED, 60)),
        700027);
    c.u.application = w.app; /* its tokens of before are dead */
    c.u.application.version = 2;
    c.u.application.revoked_before = clock_wall(); /* of this second, too */
    assert_int_equal(store_commit_wait(w.fx.store, &c, 1), RC_OK);
    check_attack("revoked", own, 700027);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(takes_an_assertion_of_a_registered_certificate),
        CASE(reads_thumbprints_as_every_client_writes_them),
        CASE(takes_dates_as_every_client_writes_them),
        CASE(takes_parts_that_are_filled_up),
        CASE(takes_every_address_that_means_us),
        CASE(refuses_forged_headers),
        CASE(refuses_what_is_no_jws),
        CASE(refuses_an_expired_certificate),
        CASE(refuses_forged_payloads),
        CASE(an_assertion_decides_over_a_secret),
        CASE(takes_an_assertion_once_when_told_so),
        CASE(waits_for_the_keys_of_a_registered_issuer),
        CASE(refuses_foreign_assertions_that_fit_no_record),
        CASE(refuses_forged_foreign_assertions),
        CASE(says_so_when_keys_can_not_be_had),
        CASE(a_caller_may_leave_while_keys_are_fetched),
        CASE(the_operators_record_says_where_keys_are),
        CASE(takes_our_own_tokens_without_asking_anybody),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    test_keys_free();
    return failed;
}
