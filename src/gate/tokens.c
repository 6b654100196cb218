/* One loop's verified tokens. Only tokens whose signature was verified enter, and a hit needs the
 * same octets; what can change since (keys, trust) is looked at again on every hit. What the kinds
 * say is read by scheme_user.c and scheme_entra.c. Source: design D14, D15. */
#include "gate/tokens.h"

#include "base/map.h"

#define WAYS       ((size_t)4)
#define HASHED_LEN ((size_t)64) /* characters: 384 bits */

struct cached {
    uint64_t hash;
    uint64_t used; /* tick of the last use: the least goes first */
    struct token token;
    size_t len;
    char octets[];
};

struct tokens {
    struct cached **slots; /* sets of WAYS; made with the first entry */
    size_t sets;           /* a power of two */
    uint64_t tick, hits, misses;
    struct verifiers verifiers;
};

struct tokens *tokens_new(size_t cache_max)
{
    struct tokens *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    t->sets = 1;
    while (t->sets * 2 * WAYS <= cache_max)
        t->sets *= 2;
    return t;
}

static void cached_wipe(struct cached *c)
{
    if (c->token.kind == TOKEN_SERVICE)
        pkey_unref(c->token.u.service.key);
    explicit_bzero(c->octets, c->len);
}

static void cached_free(struct cached *c)
{
    if (!c)
        return;
    cached_wipe(c);
    free(c);
}

/* With room for `len` octets, in the place of `former`: tokens of one issuer mostly have one
 * length. */
static struct cached *cached_renew(struct cached *former, size_t len)
{
    if (former && former->len == len) {
        cached_wipe(former);
        return former;
    }
    cached_free(former);
    return malloc(sizeof *former + len);
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->slots && i < t->sets * WAYS; i++)
        cached_free(t->slots[i]);
    free(t->slots);
    verifiers_clear(&t->verifiers);
    free(t);
}

struct verifiers *tokens_verifiers(struct tokens *t)
{
    return &t->verifiers;
}

void tokens_figures(const struct tokens *t, uint64_t *hits, uint64_t *misses)
{
    *hits = t->hits;
    *misses = t->misses;
}

/* ---- the cache ---- */

/* Of the signature's end, which no two tokens share: what is found by it is compared as a whole. */
static uint64_t hash_of(struct str token)
{
    size_t from = token.len > HASHED_LEN ? token.len - HASHED_LEN : 0;

    return hash_keyed(token.ptr + from, token.len - from);
}

static struct cached **set_of(struct tokens *t, uint64_t hash)
{
    return t->slots + (hash & (t->sets - 1)) * WAYS;
}

static struct cached **cache_find(struct tokens *t, uint64_t hash, struct str token)
{
    if (!t->slots)
        return NULL;
    struct cached **set = set_of(t, hash);
    for (size_t i = 0; i < WAYS; i++) {
        struct cached *c = set[i];

        if (c && c->hash == hash && ct_equal_str(str_of(c->octets, c->len), token))
            return &set[i];
    }
    return NULL;
}

/* `token`: with a reference to its key, which is moved in. */
static void cache_put(struct tokens *t, uint64_t hash, struct str octets, const struct token *token)
{
    if (!t->slots)
        t->slots = calloc(t->sets * WAYS, sizeof(struct cached *));
    if (!t->slots)
        abort();
    struct cached **set = set_of(t, hash), **victim = set;
    for (size_t i = 0; i < WAYS && *victim; i++) {
        if (!set[i] || set[i]->used < (*victim)->used)
            victim = &set[i];
    }
    struct cached *c = cached_renew(*victim, octets.len);
    if (!c)
        abort();
    *victim = c;
    c->hash = hash;
    c->used = ++t->tick;
    c->token = *token;
    c->len = octets.len;
    memcpy(c->octets, octets.ptr, octets.len);
}

/* ---- checking ---- */

static enum rc still_counts(const struct token_check *c, const struct token *token,
                            struct denial *d)
{
    if (token->kind == TOKEN_SERVICE)
        return service_token_still(c, &token->u.service, d);
    d->why = user_token_still(c->d, &token->u.user, c->now);
    return d->why ? RC_DENIED : RC_OK;
}

static enum rc check_new(const struct token_check *c, struct str token, struct token *out,
                         struct denial *d)
{
    struct jws jws = {0};
    enum rc rc;

    if (jws_parse(token, c->arena, &jws, &d->why))
        return RC_DENIED;
    if (service_token_claimed(c, &jws)) {
        out->kind = TOKEN_SERVICE;
        rc = service_token_check(c, &jws, &out->u.service, d);
    } else {
        out->kind = TOKEN_USER;
        d->why = user_token_check(c, &jws, &out->u.user);
        rc = d->why ? RC_DENIED : RC_OK;
    }
    return rc;
}

/* What the cache says; RC_NOT_FOUND: nothing. */
static enum rc ask_cache(struct tokens *t, const struct token_check *c, struct cached **hit,
                         struct token *out, struct denial *d)
{
    struct cached *found = *hit;
    enum rc rc = still_counts(c, &found->token, d);

    out->kind = found->token.kind;
    if (rc == RC_DENIED || rc == RC_CONFLICT) {
        cached_free(found);
        *hit = NULL;
        return rc == RC_DENIED ? rc : RC_NOT_FOUND;
    }
    found->used = ++t->tick;
    t->hits++;
    *out = found->token;
    return rc;
}

enum rc tokens_verify(struct tokens *t, const struct token_check *check, struct str token,
                      struct token *out, struct denial *d)
{
    struct token_check c = *check;
    struct token fresh = {0};
    enum rc rc = RC_NOT_FOUND;

    c.verifiers = &t->verifiers;
    if (!token.len || token.len > JWS_TOKEN_MAX) {
        d->why = token.len ? "the token is too long" : "the token is empty";
        return RC_DENIED;
    }
    uint64_t hash = hash_of(token);
    struct cached **hit = cache_find(t, hash, token);
    if (hit)
        rc = ask_cache(t, &c, hit, out, d);
    if (rc != RC_NOT_FOUND)
        return rc;
    t->misses++;
    rc = check_new(&c, token, &fresh, d);
    out->kind = fresh.kind;
    if (rc)
        return rc;
    NO_LEAK_BEGIN; /* the cache keeps it */
    cache_put(t, hash, token, &fresh);
    *out = fresh;
    NO_LEAK_END;
    return RC_OK;
}
