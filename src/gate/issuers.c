/* The set of trusted issuers, and what a token must say to mean somebody: see issuers.h. The
 * documents are read in issuer_document.c, signatures and times are checked elsewhere.
 * Source: wire/managed-identity §4.1, §4.2, §4.3. */
#include "gate/issuers.h"

#include <inttypes.h>

/* ---- matching ---- */

/* The member that `path` leads to, or NULL: as it stands, else by its longest beginning that is a
 * member. There is one way at each step, so nothing is tried twice. */
static const struct claim *claim_at(const struct claim *object, struct str path)
{
    while (path.len <= ISSUER_NAME_MAX && claim_is(object, CLAIM_OBJECT)) {
        const struct claim *value = NULL;
        size_t len = path.len;

        for (;;) {
            value = claim_get(object, str_head(path, len));
            if (value || len == 0)
                break;
            do
                len--;
            while (len && path.ptr[len] != '.');
        }
        if (!value || len == path.len)
            return value;
        path = str_from_index(path, len + 1);
        object = value;
    }
    return NULL;
}

static bool scalar_is(const struct claim *value, struct str wanted)
{
    char text[32];

    if (claim_is(value, CLAIM_TEXT))
        return name_eq(value->u.text, wanted);
    if (claim_is(value, CLAIM_TRUE) || claim_is(value, CLAIM_FALSE))
        return name_eq(wanted, value->written);
    if (!claim_is(value, CLAIM_INTEGER))
        return false;
    (void)snprintf(text, sizeof text, "%" PRId64, value->u.integer);
    return name_eq(str_from(text), wanted);
}

static bool has_claim(const struct claim *payload, const struct issuer_claim *claim)
{
    const struct claim *value = claim_at(payload, claim->name);

    if (!claim_is(value, CLAIM_LIST))
        return scalar_is(value, claim->value);
    for (const struct claim *item = claim_first(value); item; item = item->next)
        if (scalar_is(item, claim->value))
            return true;
    return false;
}

static bool rule_matches(const struct issuer_rule *rule, const struct claim *payload)
{
    if (!rule->subject.len && !rule->claims_count)
        return false; /* never meant: reading refuses it */
    if (rule->subject.len && !name_eq(claim_get_text(payload, STR("sub")), rule->subject))
        return false;
    for (size_t i = 0; i < rule->claims_count; i++)
        if (!has_claim(payload, &rule->claims[i]))
            return false;
    return true;
}

const struct issuer_rule *trusted_issuer_match(const struct trusted_issuer *issuer,
                                               const struct claim *payload)
{
    for (size_t i = 0; i < issuer->rules_count; i++)
        if (rule_matches(&issuer->rules[i], payload))
            return &issuer->rules[i];
    return NULL;
}

static bool is_audience(const struct trusted_issuer *issuer, const struct claim *aud)
{
    for (size_t i = 0; claim_is(aud, CLAIM_TEXT) && i < issuer->audiences_count; i++)
        if (name_eq(aud->u.text, issuer->audiences[i]))
            return true;
    return false;
}

bool trusted_issuer_audience(const struct trusted_issuer *issuer, const struct claim *aud)
{
    bool found = false;

    if (!claim_is(aud, CLAIM_LIST))
        return is_audience(issuer, aud);
    if (claim_count(aud) > TOKEN_AUDIENCES_MAX)
        return false;
    for (const struct claim *item = claim_first(aud); item; item = item->next) {
        if (item->kind != CLAIM_TEXT)
            return false;
        found = found || is_audience(issuer, item);
    }
    return found;
}

/* ---- the set ---- */

static void issuer_set_free(struct snapshot *s)
{
    struct issuer_set *set = (struct issuer_set *)(void *)s;

    for (size_t i = 0; i < set->n; i++)
        key_source_unref(set->items[i].keys);
    map_clear(&set->by_issuer);
    arena_clear(&set->arena);
    free(set);
}

struct builder {
    struct issuer_keys *keys;
    struct issuer_set *set;
    size_t cap;
};

static void take_row(void *ctx, const struct issuer_row *row)
{
    struct builder *b = ctx;
    struct issuer_set *set = b->set;
    struct trusted_issuer t;
    struct str why;

    if (trusted_issuer_read(row, &set->arena, &t, &why)) {
        if (set->left_out++ == 0)
            set->left_out_why =
                arena_printf(&set->arena, STR_FMT ": " STR_FMT, STR_ARG(row->issuer), STR_ARG(why));
        return;
    }
    if (set->n == b->cap) {
        size_t next = b->cap ? b->cap * 2 : 4;
        struct trusted_issuer *moved = arena_array(&set->arena, struct trusted_issuer, next);

        if (set->n)
            memcpy(moved, set->items, set->n * sizeof *moved);
        set->items = moved;
        b->cap = next;
    }
    t.keys = key_source_get(b->keys, &t.where);
    set->items[set->n++] = t;
}

/* Once the array has stopped moving. The first row of two that say the same keeps its place. */
static void index_issuer(struct issuer_set *set, struct str text, struct trusted_issuer *t)
{
    if (text.len && !map_get(&set->by_issuer, text))
        (void)map_put(&set->by_issuer, text, t);
}

enum rc issuer_set_build(struct issuer_keys *keys, struct store_reader *reader,
                         struct issuer_set **out)
{
    struct issuer_set *set = calloc(1, sizeof *set);
    struct builder b = {.keys = keys, .set = set};
    struct arena scratch;
    enum rc rc;

    if (!set)
        abort();
    atomic_init(&set->snapshot.refs, 1);
    set->snapshot.free = issuer_set_free;
    arena_init(&set->arena);
    map_init(&set->by_issuer);
    arena_init(&scratch);
    rc = store_each_issuer(reader, &scratch, take_row, &b);
    arena_clear(&scratch);
    if (rc) {
        snapshot_unref(&set->snapshot);
        return rc;
    }
    for (size_t i = 0; i < set->n; i++) {
        index_issuer(set, set->items[i].issuer, &set->items[i]);
        index_issuer(set, set->items[i].issuer_2, &set->items[i]);
    }
    *out = set;
    return RC_OK;
}

const struct trusted_issuer *issuer_set_find(const struct issuer_set *set, struct str iss)
{
    return map_get(&set->by_issuer, iss);
}
