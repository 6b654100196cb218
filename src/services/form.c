/* From octets to the fields of a form. The body is copied to the arena once and decoded in place,
 * since decoding never makes it longer: no value is left in memory that is not wiped. It does not
 * check the media type (the pipeline does, before the handler), nor which fields there must be. */
#include "services/form.h"

#include "services/body.h"

static bool refuse(struct refusal *why, struct str message, struct str target)
{
    *why = (struct refusal){&API_BAD_REQUEST, message, target};
    return false;
}

/* Takes what one octet is written as off text[*at]; false for a bad escape. */
static bool decode_octet(const char *text, size_t len, size_t *at, unsigned char *out)
{
    *out = (unsigned char)text[(*at)++];
    if (*out == '+')
        *out = ' ';
    if (*out != '%')
        return true;
    if (len - *at < 2 || hex_decode(str_of(text + *at, 2), out, 1))
        return false;
    *at += 2;
    return true;
}

/* Decodes in place. Returns what is wrong, or NULL. */
static const char *decode(char *text, size_t len, struct str *out)
{
    size_t at = 0, n = 0;

    while (at < len) {
        unsigned char octet;

        if (!decode_octet(text, len, &at, &octet))
            return "a bad escape";
        if (octet == '\0')
            return "a NUL";
        text[n++] = (char)octet;
    }
    *out = str_of(text, n);
    return str_is_utf8(*out) ? NULL : "ill-formed UTF-8";
}

/* `pair` is not empty. */
static bool add_field(struct request *req, struct form *form, char *pair, size_t len,
                      struct refusal *why)
{
    size_t equals = str_find(str_of(pair, len), '=');
    size_t value_at = equals < len ? equals + 1 : len;
    struct form_field field;
    const char *problem = decode(pair, equals, &field.name);

    if (!problem)
        problem = decode(pair + value_at, len - value_at, &field.value);
    if (!problem && field.name.len == 0)
        problem = "a field without a name";
    if (problem)
        return refuse(why, arena_printf(req->arena, "The form has %s.", problem), STR_EMPTY);
    for (size_t i = 0; i < form->n; i++) {
        struct str shown = body_excerpt(field.name);

        if (name_eq(form->fields[i].name, field.name))
            return refuse(why,
                          arena_printf(req->arena, "The form has the field '" STR_FMT "' twice.",
                                       STR_ARG(shown)),
                          shown);
    }
    if (form->n == FORM_FIELDS_MAX)
        return refuse(why, STR("The form has too many fields."), STR_EMPTY);
    form->fields[form->n++] = field;
    return true;
}

bool form_read(struct request *req, struct form *out, struct refusal *why)
{
    size_t len = req->body.len, at = 0;
    char *text;

    out->n = 0;
    if (len == 0)
        return true;
    text = arena_alloc(req->arena, len);
    memcpy(text, req->body.ptr, len);
    while (at < len) {
        size_t pair = str_find(str_of(text + at, len - at), '&');

        if (pair > 0 && !add_field(req, out, text + at, pair, why))
            return false;
        at += pair + 1;
    }
    return true;
}

struct str form_get(const struct form *form, const char *name)
{
    struct str wanted = str_from(name);

    for (size_t i = 0; i < form->n; i++)
        if (name_eq(form->fields[i].name, wanted))
            return form->fields[i].value;
    return STR_EMPTY;
}
