/* JSON (RFC 8259) in: jansson's work. A scan of ours comes first for what jansson can't limit:
 * depth, empty texts, UTF-8, NULs. Writing: json_write.c. */
#include "base/json.h"

#include "base/wiped.h"

#include <math.h>

#define NAMES_MAX    64                 /* of a table: the rest is not suggested */
#define INTEGRAL_MAX 9007199254740992.0 /* 2^53: beyond, a double has no units */

struct cursor {
    const char *at, *end;
};

/* clang-format off */
static const struct { enum json_error_code code; const char *why; } reasons[] = {
    {json_error_premature_end_of_input, "ends too early"},
    {json_error_end_of_input_expected, "more text after the value"},
    {json_error_duplicate_key, "a member name appears twice"},
    {json_error_numeric_overflow, "a number is out of range"},
    {json_error_null_character, "a NUL in a text"},
    {json_error_null_byte_in_key, "a NUL in a member name"},
    {json_error_invalid_utf8, "not UTF-8"},
    {json_error_out_of_memory, "no memory"},
};
/* clang-format on */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* From a quote to behind the closing one, or to the end. */
static void skip_string(struct cursor *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"') {
            c->at++;
            return;
        }
        if (*c->at == '\\' && c->at + 1 < c->end)
            c->at++;
    }
}

static bool is_too_deep(struct str text)
{
    struct cursor c = {text.ptr, text.ptr + text.len};
    unsigned depth = 0;

    while (c.at < c.end) {
        switch (*c.at) {
        case '"':
            skip_string(&c);
            continue;
        case '{':
        case '[':
            if (++depth > JSON_DEPTH_MAX)
                return true;
            break;
        case '}':
        case ']':
            if (depth)
                depth--;
            break;
        default:
            break;
        }
        c.at++;
    }
    return false;
}

static const char *reason_of(const json_error_t *error)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (json_error_code(error) == reasons[i].code)
            return reasons[i].why;
    /* of a text that was cut within a character: jansson has no code for it */
    return str_starts(str_from(error->text), STR("invalid Unicode '")) ? "half of a surrogate pair"
                                                                       : "not JSON";
}

static const char *refusal_before_parsing(struct str text)
{
    if (text.len == 0)
        return "empty";
    if (!str_is_utf8(text))
        return "not UTF-8";
    if (str_find(text, '\0') != text.len)
        return "not JSON"; /* jansson takes one behind a number or a word for a blank */
    return is_too_deep(text) ? "nested too deeply" : NULL;
}

enum rc json_read(struct str text, json_t **out, const char **out_why)
{
    const char *why = refusal_before_parsing(text);

    if (!why) {
        json_error_t error;
        json_t *value = json_loadb(
            text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);

        if (value) {
            *out = value;
            return RC_OK;
        }
        why = reason_of(&error);
    }
    if (out_why)
        *out_why = why;
    return RC_INVALID;
}

void json_wipe_freed(void)
{
    json_set_alloc_funcs(malloc, wiped_free);
}

void json_freep(json_t **j)
{
    if (!j)
        return;
    json_decref(*j);
    *j = NULL;
}

struct str json_text(const json_t *value, size_t flags, struct arena *arena)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | flags);
    struct str copy;

    if (!text)
        abort(); /* no memory: what was parsed can be written */
    copy = arena_dup(arena, str_from(text));
    explicit_bzero(text, copy.len);
    free(text);
    return copy;
}

static struct str string_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

static enum rc integer_of(const json_t *value, int64_t *out)
{
    double real;

    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return RC_OK;
    }
    if (!json_is_real(value))
        return RC_INVALID;
    real = json_real_value(value);
    if (!(fabs(real) <= INTEGRAL_MAX) || (double)(int64_t)real != real)
        return RC_INVALID;
    *out = (int64_t)real;
    return RC_OK;
}

/* RC_OK: present and not null. */
static enum rc find_member(const json_t *obj, const char *name, const json_t **out)
{
    const json_t *value;

    if (!json_is_object(obj))
        return RC_INVALID;
    value = json_object_get(obj, name);
    if (!value || json_is_null(value))
        return RC_NOT_FOUND;
    *out = value;
    return RC_OK;
}

enum rc json_get_str(const json_t *obj, const char *name, struct str *out)
{
    const json_t *value = NULL;
    enum rc rc = find_member(obj, name, &value);

    if (rc)
        return rc;
    if (!json_is_string(value))
        return RC_INVALID;
    *out = string_of(value);
    return RC_OK;
}

enum rc json_get_int(const json_t *obj, const char *name, int64_t *out)
{
    const json_t *value = NULL;
    enum rc rc = find_member(obj, name, &value);

    return rc ? rc : integer_of(value, out);
}

enum rc json_get_bool(const json_t *obj, const char *name, bool *out)
{
    const json_t *value = NULL;
    enum rc rc = find_member(obj, name, &value);

    if (rc)
        return rc;
    if (!json_is_boolean(value))
        return RC_INVALID;
    *out = json_is_true(value);
    return RC_OK;
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && is_blank(*c->at))
        c->at++;
}

static bool take(struct cursor *c, char expected)
{
    skip_blanks(c);
    if (c->at >= c->end || *c->at != expected)
        return false;
    c->at++;
    return true;
}

static struct str take_string(struct cursor *c)
{
    const char *start;

    skip_blanks(c);
    start = c->at;
    if (start >= c->end || *start != '"')
        return STR_EMPTY;
    skip_string(c);
    return (struct str){start, (size_t)(c->at - start)};
}

static struct str take_value(struct cursor *c)
{
    const char *start;
    size_t depth = 0;

    skip_blanks(c);
    start = c->at;
    while (c->at < c->end) {
        char now = *c->at;

        if (depth == 0 && (now == ',' || now == '}' || now == ']' || is_blank(now)))
            break;
        if (now == '"') {
            skip_string(c);
        } else {
            if (now == '{' || now == '[')
                depth++;
            else if (now == '}' || now == ']')
                depth--;
            c->at++;
        }
        if (depth == 0 && (now == '"' || now == '}' || now == ']'))
            break;
    }
    return (struct str){start, (size_t)(c->at - start)};
}

/* Whether a quoted name, as written, reads as `name`. Only names with an escape are decoded. */
static bool reads_as(struct str quoted, struct str name)
{
    struct str inner = {quoted.ptr + 1, quoted.len - 2};
    json_t *decoded = NULL;
    bool equal;

    if (str_find(inner, '\\') == inner.len)
        return name_eq(inner, name);
    if (json_read(quoted, &decoded, NULL))
        return false;
    equal = name_eq(string_of(decoded), name);
    json_decref(decoded);
    return equal;
}

enum rc json_raw_member(struct str text, struct str name, struct str *out)
{
    struct cursor c = {text.ptr, text.ptr + text.len};

    if (!take(&c, '{'))
        return RC_INVALID;
    if (take(&c, '}'))
        return RC_NOT_FOUND;
    do {
        struct str quoted = take_string(&c), value;

        if (quoted.len < 2 || !take(&c, ':'))
            return RC_INVALID;
        value = take_value(&c);
        if (value.len == 0)
            return RC_INVALID;
        if (reads_as(quoted, name)) {
            *out = value;
            return RC_OK;
        }
    } while (take(&c, ','));
    return take(&c, '}') ? RC_NOT_FOUND : RC_INVALID;
}

static bool is_limited(const struct json_field *f)
{
    return f->min != 0 || f->max != 0;
}

static bool is_above(const struct json_field *f, int64_t value)
{
    return is_limited(f) && f->max >= f->min && value > f->max;
}

static bool is_below(const struct json_field *f, int64_t value)
{
    return is_limited(f) && value < f->min;
}

/* The fill_… functions return NULL or what is wrong. */
static const char *fill_text(const struct json_field *f, struct str text, void *into,
                             struct arena *arena)
{
    if (is_below(f, (int64_t)text.len))
        return text.len ? "is too short" : "must not be empty";
    if (is_above(f, (int64_t)text.len))
        return "is too long";
    *(struct str *)into = arena_dup(arena, text);
    return NULL;
}

static const char *fill_str(const struct json_field *f, const json_t *value, void *into,
                            struct arena *arena)
{
    if (f->type == JSON_FIELD_WORD && json_is_integer(value))
        return fill_text(f, arena_printf(arena, "%lld", (long long)json_integer_value(value)), into,
                         arena);
    return json_is_string(value) ? fill_text(f, string_of(value), into, arena) : "must be a string";
}

static const char *fill_int(const struct json_field *f, const json_t *value, void *into)
{
    int64_t number;

    if (integer_of(value, &number))
        return "must be an integer";
    if (is_below(f, number) || is_above(f, number))
        return "is out of range";
    *(int64_t *)into = number;
    return NULL;
}

static const char *fill_bool(const json_t *value, void *into)
{
    if (!json_is_boolean(value))
        return "must be true or false";
    *(bool *)into = json_is_true(value);
    return NULL;
}

static const char *fill_str_list(const struct json_field *f, const json_t *value, void *into,
                                 struct arena *arena)
{
    struct json_str_list list = {.present = true};

    if (!json_is_array(value))
        return "must be a list of strings";
    list.n = json_array_size(value);
    if (is_below(f, (int64_t)list.n))
        return "has too few items";
    if (is_above(f, (int64_t)list.n))
        return "has too many items";
    list.items = arena_array(arena, struct str, list.n);
    for (size_t i = 0; i < list.n; i++) {
        const json_t *item = json_array_get(value, i);

        if (!json_is_string(item))
            return "must be a list of strings";
        list.items[i] = arena_dup(arena, string_of(item));
    }
    *(struct json_str_list *)into = list;
    return NULL;
}

static const char *fill_field(const struct json_field *f, const json_t *value, void *into,
                              struct arena *arena)
{
    void *place = (char *)into + f->offset;

    switch (f->type) {
    case JSON_FIELD_STR:
    case JSON_FIELD_WORD:
        return fill_str(f, value, place, arena);
    case JSON_FIELD_INT:
        return fill_int(f, value, place);
    case JSON_FIELD_BOOL:
        return fill_bool(value, place);
    case JSON_FIELD_STR_LIST:
        return fill_str_list(f, value, place, arena);
    }
    abort(); /* a table of ours with no type */
}

/* The name of the first member that is in no row; NULL when all are known. */
static const char *unknown_member(const json_t *obj, const struct json_field *fields)
{
    const char *name;
    /* Iteration wants it mutable, but changes nothing. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    json_t *object = (json_t *)(uintptr_t)obj;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        const struct json_field *f = fields;

        while (f->name && strcmp(f->name, name) != 0)
            f++;
        if (!f->name)
            break;
    }
    return name;
}

static struct str nearest_member(const struct json_field *fields, struct str name)
{
    struct str names[NAMES_MAX];
    size_t n = 0;

    for (; fields[n].name && n < NAMES_MAX; n++)
        names[n] = str_from(fields[n].name);
    return str_nearest(name, names, n);
}

/* NOLINTNEXTLINE(readability-function-size): the place and its arena belong to the caller */
enum rc json_fill(const json_t *obj, const struct json_field *fields, bool strict, void *into,
                  struct arena *arena, struct json_problem *problem)
{
    const char *unknown;

    if (!json_is_object(obj)) {
        *problem = (struct json_problem){.reason = "must be an object"};
        return RC_INVALID;
    }
    unknown = strict ? unknown_member(obj, fields) : NULL;
    if (unknown) {
        *problem = (struct json_problem){str_from(unknown), "is unknown",
                                         nearest_member(fields, str_from(unknown))};
        return RC_CONFLICT;
    }
    for (const struct json_field *f = fields; f->name; f++) {
        const json_t *value = json_object_get(obj, f->name);
        const char *reason;

        if (!value || json_is_null(value))
            reason = f->required ? "is required" : NULL;
        else
            reason = fill_field(f, value, into, arena);
        if (reason) {
            *problem = (struct json_problem){str_from(f->name), reason, STR_EMPTY};
            return RC_INVALID;
        }
    }
    return RC_OK;
}
