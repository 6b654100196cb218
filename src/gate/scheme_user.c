/* User access tokens: from octets to verified claims.
 *
 * The key set of purpose "user" and the kid decide what a token is; the algorithm is the key's, and
 * the header must agree. Only tokens whose signature was verified enter the cache, and a hit needs
 * the same octets. Time, revocation and the resource's state are gate.c's business.
 * Source: wire/authentication §3.1; design D14, D15; RFC 8725. */
#include "gate/scheme_user.h"

#include "base/map.h"
#include "crypto/jws.h"

#define WAYS          ((size_t)4)
#define VERIFIERS_MAX ((size_t)8)
#define SECONDS_MAX   (((int64_t)1 << 53) - 1)

struct cached {
    uint64_t hash;
    uint64_t used; /* tick of the last use: the least goes first */
    struct user_claims claims;
    size_t len;
    char token[];
};

struct kept_verifier {
    struct pkey *key;
    struct verifier *verifier;
};

struct user_tokens {
    struct cached **slots; /* sets of WAYS */
    size_t sets;           /* a power of two */
    uint64_t tick, hits, misses;
    struct kept_verifier verifiers[VERIFIERS_MAX];
    size_t next_verifier;
};

struct user_tokens *user_tokens_new(size_t cache_max)
{
    struct user_tokens *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    t->sets = 1;
    while (t->sets * 2 * WAYS <= cache_max)
        t->sets *= 2;
    return t;
}

static void cached_free(struct cached *c)
{
    if (!c)
        return;
    explicit_bzero(c->token, c->len);
    free(c);
}

void user_tokens_free(struct user_tokens *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->slots && i < t->sets * WAYS; i++)
        cached_free(t->slots[i]);
    free(t->slots);
    for (size_t i = 0; i < VERIFIERS_MAX; i++) {
        verifier_free(t->verifiers[i].verifier);
        pkey_unref(t->verifiers[i].key);
    }
    free(t);
}

void user_tokens_figures(const struct user_tokens *t, uint64_t *hits, uint64_t *misses)
{
    *hits = t->hits;
    *misses = t->misses;
}

/* ---- the cache ---- */

static struct cached **set_of(struct user_tokens *t, uint64_t hash)
{
    return t->slots + (hash & (t->sets - 1)) * WAYS;
}

static struct cached **cache_find(struct user_tokens *t, uint64_t hash, struct str token)
{
    if (!t->slots)
        return NULL;
    struct cached **set = set_of(t, hash);
    for (size_t i = 0; i < WAYS; i++) {
        struct cached *c = set[i];

        if (c && c->hash == hash && ct_equal_str(str_of(c->token, c->len), token))
            return &set[i];
    }
    return NULL;
}

static void cache_put(struct user_tokens *t, uint64_t hash, struct str token,
                      const struct user_claims *claims)
{
    struct cached *c = malloc(sizeof *c + token.len);

    if (!t->slots)
        t->slots = calloc(t->sets * WAYS, sizeof(struct cached *));
    if (!c || !t->slots)
        abort();
    struct cached **set = set_of(t, hash), **victim = set;
    for (size_t i = 0; i < WAYS && *victim; i++) {
        if (!set[i] || set[i]->used < (*victim)->used)
            victim = &set[i];
    }
    c->hash = hash;
    c->used = ++t->tick;
    c->claims = *claims;
    c->len = token.len;
    memcpy(c->token, token.ptr, token.len);
    cached_free(*victim);
    *victim = c;
}

/* ---- the signature ---- */

static struct verifier *verifier_of(struct user_tokens *t, struct pkey *key)
{
    for (size_t i = 0; i < VERIFIERS_MAX; i++) {
        if (t->verifiers[i].key == key)
            return t->verifiers[i].verifier;
    }
    struct kept_verifier *k = &t->verifiers[t->next_verifier++ % VERIFIERS_MAX];
    verifier_free(k->verifier);
    pkey_unref(k->key);
    k->key = pkey_ref(key); /* held, so that no other key can come to lie at its address */
    k->verifier = verifier_new(key);
    if (!k->verifier)
        abort();
    return k->verifier;
}

static const char *verify_signature(struct user_tokens *t, const struct directory *d,
                                    struct hash_work *work, const struct jws *jws, unix_ms now)
{
    const struct signing_key *key;

    if (!jws->kid.len)
        return "the token names no key (kid)";
    key = directory_verifier(d, STR("user"), jws->kid, now);
    if (!key || key->kid.len > KID_MAX)
        return "the token's key (kid) is not a key of user access tokens here, or retired";
    if (!name_eq(jws->alg, jws_alg_name(pkey_alg(key->key))))
        return "the token's algorithm (alg) is not that of its key";
    if (!name_eq(jws->typ, STR("JWT")))
        return "the token's type (typ) is not JWT";
    if (verifier_check(verifier_of(t, key->key), work, jws->signing_input, jws->signature))
        return "the token's signature does not verify";
    return NULL;
}

/* ---- the claims ---- */

static struct str text_of(const json_t *value)
{
    return str_of(json_string_value(value), json_string_length(value));
}

static const char *read_user(const json_t *payload, struct user_claims *out)
{
    const json_t *skypeid = json_object_get(payload, "skypeid");
    const json_t *resource = json_object_get(payload, "resourceId");
    struct uuid named;
    char raw_id[80] = "8:";

    if (!json_is_string(skypeid))
        return "claim skypeid is missing or no string";
    struct str id = text_of(skypeid);
    if (id.len > sizeof raw_id - 2)
        return "claim skypeid is not of the form acs:<resource>_<user>";
    memcpy(raw_id + 2, id.ptr, id.len);
    if (user_id_parse(str_of(raw_id, id.len + 2), &out->user))
        return "claim skypeid is not of the form acs:<resource>_<user>";
    if (!json_is_string(resource) || uuid_parse(text_of(resource), &named))
        return "claim resourceId is missing or no id";
    if (!uuid_eq(&named, &out->user.resource))
        return "claim resourceId is not the resource of skypeid";
    return NULL;
}

static const char *read_scopes(const json_t *payload, struct user_claims *out)
{
    const json_t *scopes = json_object_get(payload, "acsScope");
    bool more = true;

    if (!json_is_string(scopes))
        return "claim acsScope is missing or no string";
    struct str list = text_of(scopes);
    out->scopes = 0;
    while (more) {
        struct str name;

        more = str_cut(list, ',', &name, &list);
        unsigned bit = scope_from_name(name);
        if (!bit)
            return "claim acsScope names an unknown scope";
        out->scopes |= bit;
    }
    return NULL;
}

/* An integer claim within [0, 2^53); `out` keeps its value when it is absent. */
static enum rc read_seconds(const json_t *payload, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(payload, name);

    if (!value)
        return RC_NOT_FOUND;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > SECONDS_MAX)
        return RC_INVALID;
    *out = json_integer_value(value);
    return RC_OK;
}

static const char *read_times(const json_t *payload, struct user_claims *out)
{
    if (read_seconds(payload, "exp", &out->exp))
        return "claim exp is missing or not a whole number of seconds";
    if (read_seconds(payload, "iat", &out->iat))
        return "claim iat is missing or not a whole number of seconds";
    out->nbf = 0;
    if (read_seconds(payload, "nbf", &out->nbf) == RC_INVALID)
        return "claim nbf is not a whole number of seconds";
    if (out->exp < out->iat || out->exp - out->iat > TOKEN_LONGEST_MS / 1000)
        return "claims iat and exp are further apart than any token lives";
    return NULL;
}

static const char *read_key(const json_t *payload, struct user_claims *out)
{
    const json_t *cgk = json_object_get(payload, "cgk");
    uint64_t generation;

    out->by_key = cgk != NULL;
    if (!cgk)
        return NULL;
    struct str text = json_is_string(cgk) ? text_of(cgk) : STR_EMPTY;
    if (text.len < 2 || (text.ptr[0] != 'p' && text.ptr[0] != 's') ||
        str_to_u64(str_from_index(text, 1), UINT32_MAX, &generation))
        return "claim cgk is not a key slot and generation";
    out->key = text.ptr[0] == 'p' ? KEY_PRIMARY : KEY_SECONDARY;
    out->key_generation = (uint32_t)generation;
    return NULL;
}

static const char *read_generation(const json_t *payload, struct user_claims *out)
{
    const json_t *cgg = json_object_get(payload, "cgg");

    out->generation = 0;
    if (!cgg)
        return NULL;
    if (!json_is_integer(cgg) || json_integer_value(cgg) < 0 ||
        json_integer_value(cgg) > UINT32_MAX)
        return "claim cgg is not a generation";
    out->generation = (uint32_t)json_integer_value(cgg);
    return NULL;
}

static const char *read_claims(const json_t *payload, struct user_claims *out)
{
    const json_t *iss = json_object_get(payload, "iss");
    const char *why;

    if (!json_is_string(iss) || !json_string_length(iss))
        return "claim iss is missing or no string";
    why = read_user(payload, out);
    if (!why)
        why = read_scopes(payload, out);
    if (!why)
        why = read_times(payload, out);
    if (!why)
        why = read_key(payload, out);
    return why ? why : read_generation(payload, out);
}

/* ---- the whole ---- */

/* NOLINTNEXTLINE(readability-function-size): the pieces of user_tokens_verify() */
static const char *check_new(struct user_tokens *t, const struct directory *d,
                             struct hash_work *work, const struct jws *jws, unix_ms now,
                             struct user_claims *out)
{
    const char *why = verify_signature(t, d, work, jws, now);

    if (why)
        return why;
    why = read_claims(jws->payload, out);
    if (why)
        return why;
    memcpy(out->kid, jws->kid.ptr, jws->kid.len); /* it is one of ours: not longer than KID_MAX */
    out->kid_len = (uint8_t)jws->kid.len;
    return NULL;
}

/* NOLINTNEXTLINE(readability-function-size): loop's part, snapshot, request's part, answers */
enum rc user_tokens_verify(struct user_tokens *t, const struct directory *d, struct hash_work *work,
                           struct str token, unix_ms now, struct arena *arena,
                           struct user_claims *out, const char **out_why)
{
    uint64_t hash;
    struct cached **hit;
    struct user_claims claims = {0};
    struct jws jws = {0};

    if (!token.len || token.len > JWS_TOKEN_MAX) {
        *out_why = token.len ? "the token is too long" : "the token is empty";
        return RC_DENIED;
    }
    hash = hash_keyed(token.ptr, token.len);
    hit = cache_find(t, hash, token);
    if (hit) {
        struct cached *c = *hit;

        if (!directory_verifier(d, STR("user"), str_of(c->claims.kid, c->claims.kid_len), now)) {
            cached_free(c);
            *hit = NULL;
            *out_why = "the token's key (kid) is not a key of user access tokens here, or retired";
            return RC_DENIED;
        }
        c->used = ++t->tick;
        t->hits++;
        *out = c->claims;
        return RC_OK;
    }
    t->misses++;
    if (jws_parse(token, arena, &jws, out_why))
        return RC_DENIED;
    *out_why = check_new(t, d, work, &jws, now, &claims);
    jws_clear(&jws);
    if (*out_why)
        return RC_DENIED;
    NO_LEAK_BEGIN; /* the cache keeps it */
    cache_put(t, hash, token, &claims);
    *out = claims;
    NO_LEAK_END;
    return RC_OK;
}
