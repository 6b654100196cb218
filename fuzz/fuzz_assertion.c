/* What a client of the token endpoint proves itself with. The first line says what the input is:
 *   claims   the parameter of that name
 *   basic    the value of Authorization
 *   else     a JSON header, and what follows is a JSON payload: they are signed with the one key
 * that there is, so that the checks behind the signature are reached An input of one line is an
 * assertion as it came. */
#include "fuzz.h"

#include "crypto/base64.h"
#include "crypto/cert.h"
#include "http/request.h"
#include "services/issuer/issuer_private.h"

#define ENCODED_MAX (64 * KIB)
#define OURS        "https://us/t/token"

/* clang-format off */
static const uint8_t key_der[] = { /* a P-256 pair that signs nothing else */
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30,
    0x6b, 0x02, 0x01, 0x01, 0x04, 0x20, 0x41, 0xb7, 0xa6, 0xe1, 0xa1, 0xb8, 0xc2, 0xb9, 0xd1,
    0x3f, 0x0f, 0x4c, 0xa9, 0x46, 0xbb, 0x9e, 0x90, 0x9d, 0xd0, 0x8f, 0x72, 0x7c, 0xe2, 0x78,
    0xcd, 0xda, 0x35, 0xb4, 0x4a, 0xd7, 0x4b, 0x99, 0xa1, 0x44, 0x03, 0x42, 0x00, 0x04, 0x2f,
    0xe3, 0xd2, 0xf0, 0xec, 0x39, 0x45, 0xde, 0xa3, 0x57, 0x8b, 0x59, 0x48, 0x19, 0xdb, 0xd2,
    0xdd, 0xf7, 0xf9, 0xd5, 0xd6, 0x9b, 0x63, 0x0c, 0xca, 0x2f, 0x88, 0x16, 0x13, 0xcc, 0x37,
    0x56, 0x41, 0xda, 0xef, 0xde, 0xc4, 0x70, 0x51, 0xa1, 0x38, 0xd4, 0x36, 0x42, 0x56, 0x98,
    0xa2, 0x12, 0xd5, 0x53, 0x71, 0xcd, 0x9b, 0x52, 0xef, 0x79, 0x6a, 0xce, 0x28, 0x70, 0x5e,
    0xc9, 0x0c, 0x43,
};
/* clang-format on */

/* Made once: keys and the certificate are what costs. The thumbprints are zeros, to be written. */
static struct world {
    struct signing_key signing_key;
    struct directory directory;
    struct app_certificate certificate;
    struct app_federated federated[2];
    struct app_document document;
    struct uuid client_id;
    struct hash_work *work;
    struct signer *signer;
    struct verifiers verifiers;
    struct buf der;
} world;

static void make_world(void)
{
    struct pkey *key = NULL;

    if (world.work)
        return;
    CHECK(pkey_from_der(JWS_ES256, str_of(key_der, sizeof key_der), &key) == RC_OK);
    buf_init(&world.der, 4 * KIB);
    CHECK(cert_self_signed(key, STR("fuzz"), FUZZ_NOW, 10, &world.der) == RC_OK);
    world.signing_key =
        (struct signing_key){.kid = STR("k1"), .purpose = STR("issuer"), .key = key};
    world.directory.signing_keys = &world.signing_key;
    world.directory.signing_keys_count = 1;
    world.certificate = (struct app_certificate){
        .der = buf_str(&world.der), .not_before = FUZZ_NOW - 1000, .not_after = FUZZ_NOW + 1000};
    world.federated[0] = (struct app_federated){
        .issuer = STR("https://i"), .subject = STR("s"), .audience = STR("a")};
    world.federated[1] = (struct app_federated){
        .issuer = STR("https://i"), .subject = STR("s2"), .audience = STR("a2")};
    world.document = (struct app_document){.certificates = &world.certificate,
                                           .certificates_count = 1,
                                           .federated = world.federated,
                                           .federated_count = 2};
    world.work = hash_work_new();
    world.signer = signer_new(key);
    CHECK(world.signer);
}

/* ---- claims ---- */

static void check_claims(struct str text, struct arena *arena)
{
    struct asked_claims claims = {0};
    const char *why = asked_claims_read(text, arena, &claims);
    json_t *list = NULL;

    if (why) {
        CHECK(*why && !claims.capabilities.len && !claims.not_before);
        return;
    }
    CHECK(claims.not_before >= 0 && claims.not_before % 1000 == 0);
    if (!claims.capabilities.len)
        return;
    CHECK(json_read(claims.capabilities, &list, NULL) == RC_OK && json_is_array(list));
    CHECK(json_array_size(list) >= 1 && json_array_size(list) <= 16);
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t len = json_string_length(json_array_get(list, i));

        CHECK(len >= 1 && len <= 64);
    }
    json_decref(list);
}

/* ---- HTTP Basic ---- */

static void check_basic(struct str value, struct arena *arena)
{
    struct header line;
    struct request req = {.arena = arena, .headers = {.items = &line}};
    struct str client = STR_EMPTY, secret = STR_EMPTY;

    headers_add(&req.headers, STR("Authorization"), value);
    if (basic_read(&req, &client, &secret)) {
        CHECK(!client.ptr && !secret.ptr);
        return;
    }
    CHECK(str_is_utf8(client) && str_is_utf8(secret));
    CHECK(str_find(client, '\0') == client.len && str_find(secret, '\0') == secret.len);
    CHECK(client.len + secret.len < value.len);
}

/* ---- assertions ---- */

static bool is_ours(void *ctx, struct str aud)
{
    (void)ctx;
    return name_eq(aud, STR(OURS));
}

static struct token_check check_of(struct arena *arena)
{
    return (struct token_check){.d = &world.directory,
                                .verifiers = &world.verifiers,
                                .work = world.work,
                                .now = FUZZ_NOW,
                                .arena = arena};
}

static bool by_certificate(struct assertion *a, struct arena *arena)
{
    struct token_check check = check_of(arena);
    struct assertion_party party = {&world.document, &world.client_id, is_ours, NULL};
    const char *why = NULL;
    enum assertion_flaw flaw = assertion_by_certificate(a, &check, &party, &why);

    CHECK(!flaw == !why && (!why || *why));
    if (flaw)
        return false;
    CHECK(name_eq(a->jws.alg, STR("ES256")));
    CHECK(a->exp > FUZZ_NOW - 300000 && a->exp <= FUZZ_NOW + (unix_ms)86400 * 1000);
    return true;
}

static bool by_issuer(struct assertion *a, struct arena *arena)
{
    struct token_check check = check_of(arena);
    const struct app_federated *record = NULL;
    enum assertion_flaw flaw = assertion_registration(a, &world.document, &record);
    struct assertion_issuer by = {0};
    enum rc rc;

    CHECK(!flaw == (record != NULL));
    if (flaw)
        return false;
    CHECK(name_eq(record->issuer, a->iss) && name_eq(record->subject, a->sub));
    rc = assertion_by_issuer(a, &check, &by);
    CHECK(rc == RC_OK || (rc == RC_DENIED && by.flaw && by.why && *by.why));
    if (rc == RC_OK)
        CHECK(name_eq(a->jws.kid, STR("k1")) && a->exp > FUZZ_NOW);
    return rc == RC_OK;
}

static bool accepts(struct str text, struct arena *arena)
{
    struct assertion a = {0};
    const char *why = NULL;
    bool ok;

    if (assertion_read(text, arena, &a, &why)) {
        CHECK(why && *why && !a.jws.payload);
        return false;
    }
    ok = a.federated ? by_issuer(&a, arena) : by_certificate(&a, arena);
    assertion_clear(&a);
    assertion_clear(&a);
    return ok;
}

/* What is accepted is accepted again, and with no octet changed. */
static void check_assertion(struct str text, struct arena *arena)
{
    struct str changed = arena_dup(arena, text);
    char *octet = (char *)(uintptr_t)changed.ptr + text.len / 2;

    if (!accepts(text, arena))
        return;
    CHECK(accepts(text, arena));
    *octet = *octet == 'A' ? 'B' : 'A';
    CHECK(!accepts(changed, arena));
}

static void check_signed(struct str header, struct str payload, struct arena *arena)
{
    char *header_b64 = arena_alloc(arena, BASE64URL_LEN(header.len) + 1);
    size_t len = base64url_encode(header.ptr, header.len, header_b64);
    struct buf text;

    buf_init(&text, ENCODED_MAX);
    if (jws_compose(world.signer, world.work, str_of(header_b64, len), payload, &text) == RC_OK)
        check_assertion(buf_str(&text), arena);
    buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str first, rest, text = str_of(data, size);
    struct arena arena;

    make_world();
    arena_init(&arena);
    if (!str_cut(text, '\n', &first, &rest))
        check_assertion(text, &arena);
    else if (name_eq(first, STR("claims")))
        check_claims(rest, &arena);
    else if (name_eq(first, STR("basic")))
        check_basic(rest, &arena);
    else
        check_signed(first, rest, &arena);
    arena_clear(&arena);
    return 0;
}
