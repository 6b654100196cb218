/* The set of trusted issuers, and what a token must say to mean somebody: see issuers.h. The
 * documents are read in issuer_document.c, signatures and times are checked elsewhere.
 * Source: wire/managed-identity §4.1, §4.2, §4.3. */
#include "gate/issuers.h"

#include <inttypes.h>

/* ---- matching ---- */

/* The member that `path` leads to, or NULL: as it stands, else by its longest beginning that is a
 * member. There is one way at each step, so nothing is tried twice. */
static const json_t *claim_at(const json_t *obj, struct str path)
{
    char name[ISSUER_NAME_MAX + 1];

    while (path.len <= ISSUER_NAME_MAX && json_is_object(obj)) {
        const json_t *value = NULL;
        size_t len = path.len;

        if (len)
            memcpy(name, path.ptr, len);
        for (;;) {
            name[len] = '\0';
            value = json_object_get(obj, name);
            if (value || len == 0)
                break;
            do
                len--;
            while (len && path.ptr[len] != '.');
        }
        if (!value || len == path.len)
            return value;
        path = str_from_index(path, len + 1);
        obj = value;
    }
    return NULL;
}

static bool scalar_is(const json_t *value, struct str wanted)
{
    char text[32];

    if (json_is_string(value))
        return name_eq((struct str){json_string_value(value), json_string_length(value)}, wanted);
    if (json_is_boolean(value))
        return name_eq(wanted, json_is_true(value) ? STR("true") : STR("false"));
    if (!json_is_integer(value))
        return false;
    (void)snprintf(text, sizeof text, "%" PRId64, (int64_t)json_integer_value(value));
    return name_eq(str_from(text), wanted);
}

static bool claim_is(const json_t *payload, const struct issuer_claim *claim)
{
    const json_t *value = claim_at(payload, claim->name);

    if (!json_is_array(value))
        return scalar_is(value, claim->value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (scalar_is(json_array_get(value, i), claim->value))
            return true;
    return false;
}

static bool rule_matches(const struct issuer_rule *rule, const json_t *payload)
{
    struct str sub;

    if (!rule->subject.len && !rule->claims_count)
        return false; /* never meant: reading refuses it */
    if (rule->subject.len && (json_get_str(payload, "sub", &sub) || !name_eq(sub, rule->subject)))
        return false;
    for (size_t i = 0; i < rule->claims_count; i++)
        if (!claim_is(payload, &rule->claims[i]))
            return false;
    return true;
}

const struct issuer_rule *trusted_issuer_match(const struct trusted_issuer *issuer,
                                               const json_t *payload)
{
    for (size_t i = 0; i < issuer->rules_count; i++)
        if (rule_matches(&issuer->rules[i], payload))
            return &issuer->rules[i];
    return NULL;
}

static bool is_audience(const struct trusted_issuer *issuer, const json_t *aud)
{
    for (size_t i = 0; json_is_string(aud) && i < issuer->audiences_count; i++)
        if (name_eq((struct str){json_string_value(aud), json_string_length(aud)},
                    issuer->audiences[i]))
            return true;
    return false;
}

bool trusted_issuer_audience(const struct trusted_issuer *issuer, const json_t *aud)
{
    bool found = false;

    if (!json_is_array(aud))
        return is_audience(issuer, aud);
    if (json_array_size(aud) > TOKEN_AUDIENCES_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(aud); i++) {
        if (!json_is_string(json_array_get(aud, i)))
            return false;
        found = found || is_audience(issuer, json_array_get(aud, i));
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
