/* Places in answers and callbacks: see http_place.h. */
#include "carriers/http_place.h"

#include "carriers/callback.h"
#include "http/url.h"

#define TOKEN_MAX 128

/* ---- JSON pointers ---- */

/* "~1" is a slash, "~0" a tilde. False: too long, or another escape. */
static bool unescape(struct str token, char out[static TOKEN_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];

        if (n + 1 >= TOKEN_MAX)
            return false;
        if (c == '~') {
            i++;
            if (i == token.len || (token.ptr[i] != '0' && token.ptr[i] != '1'))
                return false;
            c = token.ptr[i] == '0' ? '~' : '/';
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static const json_t *step(const json_t *at, struct str token)
{
    char name[TOKEN_MAX];
    uint64_t index;

    if (json_is_array(at))
        return str_to_u64(token, UINT32_MAX, &index) ? NULL : json_array_get(at, (size_t)index);
    return unescape(token, name) ? json_object_get(at, name) : NULL;
}

const json_t *place_find(const json_t *root, struct str pointer)
{
    const json_t *at = root;
    struct str token, rest = pointer;

    if (!rest.len)
        return at;
    if (rest.ptr[0] != '/')
        return NULL;
    rest = str_from_index(rest, 1);
    for (bool more = true; more && at;) {
        more = str_cut(rest, '/', &token, &rest);
        at = step(at, token);
    }
    return at;
}

/* ---- values ---- */

static struct str scalar_text(const json_t *value, struct arena *arena)
{
    if (json_is_string(value))
        return str_of(json_string_value(value), json_string_length(value));
    if (json_is_integer(value))
        return arena_printf(arena, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value))
        return json_is_true(value) ? STR("true") : STR("false");
    return STR_EMPTY;
}

static struct str in_json(struct str name, const struct place_source *s)
{
    return s->json ? scalar_text(place_find(s->json, name), s->arena) : STR_EMPTY;
}

static struct str in_query(struct str name, const struct place_source *s)
{
    return s->callback ? callback_query(s->callback, arena_dup(s->arena, name).ptr) : STR_EMPTY;
}

static struct str in_form(struct str name, const struct place_source *s)
{
    struct str value = STR_EMPTY;

    return url_query(s->body, name, s->arena, &value) ? STR_EMPTY : value;
}

static struct str in_header(struct str name, const struct place_source *s)
{
    if (s->answer)
        return outbound_answer_header(s->answer, name);
    return s->callback ? callback_header(s->callback, arena_dup(s->arena, name).ptr) : STR_EMPTY;
}

/* The word behind the first occurrence of `prefix`. */
static struct str in_text(struct str prefix, const struct place_source *s)
{
    struct str rest = str_from_index(s->body, str_find_str(s->body, prefix) + prefix.len);
    size_t end = 0;

    while (end < rest.len && rest.ptr[end] > ' ')
        end++;
    return end ? str_head(rest, end) : STR_EMPTY;
}

static struct str in_body(struct str name, const struct place_source *s)
{
    (void)name;
    return s->callback ? callback_text(s->callback) : s->body;
}

/* clang-format off */
static const struct {
    struct str scheme;
    unsigned where; /* 1 << enum place_where */
    bool named;     /* something must follow */
    struct str (*read)(struct str name, const struct place_source *s);
} schemes[] = {
    {STR_INIT("json:"),   1u << PLACE_IN_ANSWER | 1u << PLACE_IN_CALLBACK, true,  in_json},
    {STR_INIT("header:"), 1u << PLACE_IN_ANSWER | 1u << PLACE_IN_CALLBACK, true,  in_header},
    {STR_INIT("text:"),   1u << PLACE_IN_ANSWER,                           false, in_text},
    {STR_INIT("query:"),  1u << PLACE_IN_CALLBACK,                         true,  in_query},
    {STR_INIT("form:"),   1u << PLACE_IN_CALLBACK,                         true,  in_form},
    {STR_INIT("body:"),   1u << PLACE_IN_CALLBACK,                         false, in_body},
};
/* clang-format on */

bool place_is_known(struct str text, enum place_where where)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str name = str_from_index(text, schemes[i].scheme.len);

        if (!str_starts(text, schemes[i].scheme) || !(schemes[i].where & 1u << where))
            continue;
        if (schemes[i].read == in_json)
            return str_starts(name, STR("/"));
        return name.len > 0 || !schemes[i].named;
    }
    return false;
}

struct str place_read(struct str place, const struct place_source *source)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_starts(place, schemes[i].scheme))
            return schemes[i].read(str_from_index(place, schemes[i].scheme.len), source);
    return STR_EMPTY;
}
