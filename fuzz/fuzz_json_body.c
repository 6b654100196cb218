/* JSON bodies: the reader, the writer, field tables, and the bodies of the identity service. */
#include "fuzz.h"

#include "services/body.h"
#include "services/tokens.h"

#include <stdlib.h>

#define OUT_MAX MIB

static void write_value(struct json_writer *w, const json_t *value)
{
    /* Iteration wants it mutable, but changes nothing. */
    json_t *walk = (json_t *)(uintptr_t)value;

    if (json_is_object(value)) {
        json_object_begin(w);
        for (void *it = json_object_iter(walk); it; it = json_object_iter_next(walk, it)) {
            json_name(w, json_object_iter_key(it));
            write_value(w, json_object_iter_value(it));
        }
        json_object_end(w);
    } else if (json_is_array(value)) {
        json_array_begin(w);
        for (size_t i = 0; i < json_array_size(value); i++)
            write_value(w, json_array_get(value, i));
        json_array_end(w);
    } else if (json_is_string(value)) {
        json_str(w, str_of(json_string_value(value), json_string_length(value)));
    } else if (json_is_integer(value)) {
        json_int(w, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        json_bool(w, json_is_true(value));
    } else if (json_is_real(value)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);

        CHECK(text);
        json_raw(w, str_from(text));
        free(text);
    } else {
        json_null_value(w);
    }
}

/* What was read, written and read again, is the same. */
static void check_writer(const json_t *value)
{
    struct json_writer w;
    json_t *again = NULL;
    struct buf out;

    buf_init(&out, OUT_MAX);
    json_writer_init(&w, &out);
    write_value(&w, value);
    if (!out.failed) {
        CHECK(json_read(buf_str(&out), &again, NULL) == RC_OK);
        CHECK(json_equal((json_t *)(uintptr_t)value, again));
    }
    json_freep(&again);
    buf_clear(&out);
}

/* Each member, cut out as written, reads as its value. */
static void check_members(struct str text, json_t *object)
{
    const char *name;
    json_t *value;
    struct str raw;

    json_object_foreach(object, name, value)
    {
        json_t *alone = NULL;

        CHECK(json_raw_member(text, str_from(name), &raw) == RC_OK);
        CHECK(fuzz_lies_within(raw, text) && json_read(raw, &alone, NULL) == RC_OK);
        CHECK(json_equal(alone, value));
        json_freep(&alone);
    }
    CHECK(json_raw_member(text, STR("no such member, hopefully"), &raw) == RC_NOT_FOUND ||
          json_object_get(object, "no such member, hopefully"));
}

struct filled {
    struct str name;
    struct json_str_list scopes;
    int64_t minutes;
    bool keep;
};

static void check_fill(const json_t *value, bool strict, struct arena *arena)
{
    static const struct json_field fields[] = {
        {"name", JSON_FIELD_STR, offsetof(struct filled, name), 1, 16, true},
        {"scopes", JSON_FIELD_STR_LIST, offsetof(struct filled, scopes), 1, 4, false},
        {"expiresInMinutes", JSON_FIELD_INT, offsetof(struct filled, minutes), 60, 1440, false},
        {"keep", JSON_FIELD_BOOL, offsetof(struct filled, keep), 0, 0, false},
        {0},
    };
    struct filled f = {.minutes = 60};
    struct json_problem problem = {0};
    enum rc rc = json_fill(value, fields, strict, &f, arena, &problem);

    CHECK(rc == RC_OK || rc == RC_INVALID || (rc == RC_CONFLICT && strict));
    CHECK(!rc || problem.reason);
    if (rc)
        return;
    CHECK(f.name.len >= 1 && f.name.len <= 16 && f.minutes >= 60 && f.minutes <= 1440);
    CHECK(!f.scopes.present || (f.scopes.n >= 1 && f.scopes.n <= 4));
}

static void check_getters(const json_t *value, const char *name)
{
    struct str text;
    int64_t number = 0;
    bool flag;
    int matches = (json_get_str(value, name, &text) == RC_OK) +
                  (json_get_int(value, name, &number) == RC_OK) +
                  (json_get_bool(value, name, &flag) == RC_OK);

    CHECK(matches <= 1);
}

static void check_token_request(struct request *req, const json_t *obj, unsigned bits)
{
    struct token_rules rules = {.join_scopes = bits & 1, .pstn = bits & 2, .minutes = bits & 4};
    struct token_request asked = {.rules = rules};
    struct refusal why = {0};

    if (!token_read(req, obj, &asked, &why)) {
        CHECK(why.error && why.message.len && str_is_utf8(why.message));
        return;
    }
    CHECK(asked.n >= 1 && asked.n == (size_t)__builtin_popcount(asked.scopes));
    CHECK(rules.join_scopes || !(asked.scopes & ~(SCOPE_CHAT | SCOPE_VOIP)));
    CHECK(asked.minutes >= TOKEN_MINUTES_MIN && asked.minutes <= TOKEN_MINUTES_MAX);
}

static void check_body(struct str text, struct arena *arena)
{
    static const struct str names[] = {STR_INIT("scopes"), STR_INIT("expiresInMinutes")};
    AUTO(json_freep) json_t *obj = NULL;
    struct request req = {.body = text, .arena = arena};
    struct refusal why = {0};

    if (!body_object(&req, &obj, &why)) {
        CHECK(why.error && !obj);
        return;
    }
    for (unsigned bits = 0; bits < 8; bits++)
        check_token_request(&req, obj, bits);
    if (obj && !body_only(&req, obj, names, ARRAY_LEN(names), &why))
        CHECK(why.error && why.message.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_freep) json_t *value = NULL;
    struct str text = str_of(data, size);
    const char *why = NULL;
    struct arena arena;

    arena_init(&arena);
    if (json_read(text, &value, &why) == RC_OK) {
        check_writer(value);
        check_fill(value, false, &arena);
        check_fill(value, true, &arena);
        check_getters(value, "expiresInMinutes");
        if (json_is_object(value))
            check_members(text, value);
    } else {
        struct str raw;

        CHECK(why && !value);
        CHECK(json_raw_member(text, STR("scopes"), &raw) || fuzz_lies_within(raw, text));
    }
    check_body(text, &arena);
    arena_clear(&arena);
    return 0;
}
