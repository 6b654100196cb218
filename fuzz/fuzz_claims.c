/* The JSON of tokens against the library that reads bodies: the same texts are taken, but for
 * objects of many members, and they mean the same. */
#include "fuzz.h"

#include "base/json.h"
#include "crypto/claims.h"

static bool is_text(const json_t *value, struct str text)
{
    return json_is_string(value) &&
           str_eq(str_of(json_string_value(value), json_string_length(value)), text);
}

static void check_same(const struct claim *c, const json_t *value);

static void check_object(const struct claim *c, const json_t *value)
{
    size_t n = 0;

    CHECK(json_is_object(value));
    for (const struct claim *m = c->u.first; m; m = m->next, n++) {
        CHECK(claim_get(c, m->name) == m);
        check_same(m, json_object_getn(value, m->name.ptr, m->name.len));
    }
    CHECK(n == json_object_size(value));
}

static void check_list(const struct claim *c, const json_t *value)
{
    size_t i = 0;

    CHECK(json_is_array(value) && claim_count(c) == json_array_size(value));
    for (const struct claim *item = claim_first(c); item; item = item->next)
        check_same(item, json_array_get(value, i++));
}

static void check_same(const struct claim *c, const json_t *value)
{
    switch (c->kind) {
    case CLAIM_NULL:
        CHECK(json_is_null(value));
        break;
    case CLAIM_FALSE:
        CHECK(json_is_false(value));
        break;
    case CLAIM_TRUE:
        CHECK(json_is_true(value));
        break;
    case CLAIM_INTEGER:
        CHECK(json_is_integer(value) && json_integer_value(value) == c->u.integer);
        break;
    case CLAIM_REAL:
        CHECK(json_is_real(value) && json_real_value(value) == c->u.real);
        break;
    case CLAIM_TEXT:
        CHECK(is_text(value, c->u.text));
        break;
    case CLAIM_LIST:
        check_list(c, value);
        break;
    case CLAIM_OBJECT:
        check_object(c, value);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_freep) json_t *value = NULL;
    struct str text = str_of(data, size);
    const struct claim *c = NULL;
    enum claims_flaw flaw;
    enum rc rc = json_read(text, &value, NULL);
    struct arena arena;

    arena_init(&arena);
    flaw = claims_read(text, &arena, &c);
    CHECK(flaw == CLAIMS_MANY || (flaw == CLAIMS_FINE) == (rc == RC_OK));
    if (flaw == CLAIMS_FINE) {
        CHECK(fuzz_lies_within(c->written, text));
        check_same(c, value);
    } else {
        CHECK(!c);
    }
    arena_clear(&arena);
    return 0;
}
