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

static void add_member(struct buf *out, const struct claim *object, struct str name)
{
    const struct claim *value = claim_get(object, name);

    if (!value)
        return;
    if (out->len)
        buf_add_char(out, ' ');
    buf_add(out, name);
    buf_add_char(out, '=');
    add_value(out, value->kind == CLAIM_TEXT ? value->u.text : value->written);
}

struct str token_says(struct str token, struct arena *arena)
{
    static const struct str claims[] = {STR_INIT("iss"), STR_INIT("aud"),   STR_INIT("sub"),
                                        STR_INIT("oid"), STR_INIT("appid"), STR_INIT("tid"),
                                        STR_INIT("nbf"), STR_INIT("exp")};
    struct jws jws = {0};
    const char *why;
    struct buf out;
    struct str text;

    if (jws_parse(token, arena, &jws, &why))
        return STR_EMPTY;
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        add_member(&out, jws.payload, claims[i]);
    add_member(&out, jws.header, STR("alg"));
    add_member(&out, jws.header, STR("kid"));
    text = out.failed ? STR_EMPTY : arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}
