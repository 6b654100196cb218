/* User access tokens and service tokens. An input with a LF is a JSON header and a JSON payload,
 * which are encoded and signed with the one key pair there is, k1 for users, k2 of the issuer: so
 * the claims are reached. Any other is a token as it came. */
#include "fuzz.h"
#include "signing.h"

#include "crypto/base64.h"
#include "crypto/jws.h"
#include "gate/tokens.h"

#define LONGEST_S  (TOKEN_LONGEST_MS / 1000)
#define ALL_SCOPES 0x1Fu
#define TENANT     STR("11111111-2222-3333-4444-555555555555")

/* Made once: the key is what costs. */
static struct world {
    struct signing_key keys[2];
    struct directory directory;
    struct hash_work *work;
    struct signer *signer;
} world;

static void make_world(void)
{
    struct pkey *key;

    if (world.work)
        return;
    key = fuzz_key();
    world.keys[0] = (struct signing_key){.kid = STR("k1"), .purpose = STR("user"), .key = key};
    world.keys[1] = (struct signing_key){.kid = STR("k2"), .purpose = STR("issuer"), .key = key};
    world.directory.signing_keys = world.keys;
    world.directory.signing_keys_count = ARRAY_LEN(world.keys);
    world.directory.tenant_text = TENANT;
    map_init(&world.directory.by_host);
    map_init(&world.directory.generic);
    world.work = hash_work_new();
    world.signer = signer_new(key);
    CHECK(world.signer);
}

/* Taken apart, its pieces are pieces of the token. */
static void check_form(struct str token, struct arena *arena)
{
    struct jws jws = {0};
    const char *why = NULL;
    struct str tail;

    if (jws_parse(token, arena, &jws, &why)) {
        CHECK(why && *why && !jws.header && !jws.payload);
        return;
    }
    CHECK(token.len <= JWS_TOKEN_MAX && str_starts(token, jws.signing_input));
    CHECK(claim_is(jws.header, CLAIM_OBJECT) && claim_is(jws.payload, CLAIM_OBJECT) && jws.alg.ptr);
    CHECK(!name_eq_nocase(jws.alg, STR("none")) && !claim_get(jws.header, STR("crit")));
    tail = str_from_index(token, jws.signing_input.len);
    char *text = arena_alloc(arena, BASE64URL_LEN(jws.signature.len) + 1);
    text[0] = '.';
    CHECK(str_eq(
        tail, str_of(text, 1 + base64url_encode(jws.signature.ptr, jws.signature.len, text + 1))));
}

static enum rc verify(struct tokens *t, struct str token, struct arena *arena, struct token *out)
{
    struct token_check check = {
        .d = &world.directory, .work = world.work, .now = FUZZ_NOW, .arena = arena};
    struct denial denial = {0};
    enum rc rc = tokens_verify(t, &check, token, out, &denial);

    CHECK(rc == RC_OK || (rc == RC_DENIED && denial.why && *denial.why));
    CHECK(!denial.source); /* nobody else is trusted */
    return rc;
}

static void check_service(const struct service_claims *c)
{
    CHECK(c->own && c->audience != AUDIENCE_NONE && !c->key);
    CHECK(c->iat > 0 && c->nbf >= 0 && c->exp - c->iat <= TOKEN_LONGEST_MS);
    CHECK(name_eq(str_of(c->kid, c->kid_len), world.keys[1].kid));
}

static void check_claims(const struct token *t)
{
    const struct user_claims *c = &t->u.user;

    if (t->kind == TOKEN_SERVICE) {
        check_service(&t->u.service);
        return;
    }
    CHECK(c->scopes && !(c->scopes & ~ALL_SCOPES));
    CHECK(c->standing.iat >= 0 && c->nbf >= 0 && c->standing.exp >= c->standing.iat &&
          c->standing.exp - c->standing.iat <= LONGEST_S);
    CHECK(name_eq(str_of(c->kid, c->kid_len), world.keys[0].kid));
    CHECK(!c->standing.by_key || c->standing.key < KEY_SLOTS);
}

/* An accepted token is accepted again, from the cache, and with no octet changed. */
static void check_token(struct str token, struct arena *arena)
{
    struct tokens *t = tokens_new(4);
    struct token claims = {0}, again = {0};
    uint64_t hits, misses;

    check_form(token, arena);
    if (verify(t, token, arena, &claims) == RC_OK) {
        struct str changed = arena_dup(arena, token);
        char *octet =
            (char *)(uintptr_t)changed.ptr + (size_t)claims.u.user.standing.iat % token.len;

        check_claims(&claims);
        CHECK(verify(t, token, arena, &again) == RC_OK);
        CHECK(memcmp(&claims, &again, sizeof claims) == 0);
        tokens_figures(t, &hits, &misses);
        CHECK(hits == 1 && misses == 1);
        *octet = *octet == 'A' ? 'B' : 'A';
        CHECK(verify(t, changed, arena, &again) == RC_DENIED);
        world.keys[0].retired = world.keys[1].retired = FUZZ_NOW - TOKEN_LONGEST_MS;
        CHECK(verify(t, token, arena, &again) == RC_DENIED);
        world.keys[0].retired = world.keys[1].retired = 0;
    }
    tokens_free(t);
}

static void check_signed(struct str header, struct str payload, struct arena *arena)
{
    const struct str parts[2] = {header, payload};
    struct str text = fuzz_signed(world.signer, world.work, parts, arena);

    if (text.len)
        check_token(text, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str header, payload, text = str_of(data, size);
    struct arena arena;

    make_world();
    arena_init(&arena);
    if (str_cut(text, '\n', &header, &payload))
        check_signed(header, payload, &arena);
    else
        check_token(text, &arena);
    arena_clear(&arena);
    return 0;
}
