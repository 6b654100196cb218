/* The members of a token that decide who it is for and from, as text. */
#include "gate/token_says.h"

#include "crypto/jws.h"

#define VALUE_MAX ((size_t)120)
#define TEXT_MAX  ((size_t)2048)

static void add_value(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.len && i < VALUE_MAX; i++) {
        char c = value.ptr[i];

        if (c <= ' ' || c >= 0x7F)
            c = '?';
        buf_add_char(out, c);
    }
    if (value.len > VALUE_MAX)
        buf_add(out, STR("..."));
}

static void add_json(struct buf *out, const json_t *value)
{
    char *text;

    if (json_is_string(value)) {
        add_value(out, str_of(json_string_value(value), json_string_length(value)));
        return;
    }
    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (text)
        add_value(out, str_from(text));
    free(text);
}

static void add_member(struct buf *out, const json_t *obj, const char *name)
{
    const json_t *value = json_object_get(obj, name);

    if (!value)
        return;
    buf_addf(out, "%s%s=", out->len ? " " : "", name);
    add_json(out, value);
}

struct str token_says(struct str token, struct arena *arena)
{
    static const char *const claims[] = {"iss", "aud", "sub", "oid", "appid",
                                         "tid", "nbf", "exp", NULL};
    struct jws jws = {0};
    const char *why;
    struct buf out;
    struct str text;

    if (jws_parse(token, arena, &jws, &why))
        return STR_EMPTY;
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; claims[i]; i++)
        add_member(&out, jws.payload, claims[i]);
    add_member(&out, jws.header, "alg");
    add_member(&out, jws.header, "kid");
    text = out.failed ? STR_EMPTY : arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    jws_clear(&jws);
    return text;
}
