/* What a client of the token endpoint proves itself with. The first line says what the input is:
 *   claims   the parameter of that name
 *   basic    the value of Authorization
 *   else     a JSON header, and what follows is a JSON payload: they are signed with the one key
 * that there is, so that the checks behind the signature are reached An input of one line is an
 * assertion as it came. */
#include "fuzz.h"
#include "signing.h"

#include "crypto/cert.h"
#include "http/request.h"
#include "services/issuer/issuer_private.h"

#define OURS "https://us/t/token"

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
    struct pkey *key;

    if (world.work)
        return;
    key = fuzz_key();
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
    const struct str parts[2] = {header, payload};
    struct str text = fuzz_signed(world.signer, world.work, parts, arena);

    if (text.len)
        check_assertion(text, arena);
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
