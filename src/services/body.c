/* From octets to a JSON object or a refusal with a JSON path. It does not check the media type
 * (the pipeline does, before the handler). Source: wire/authentication §2.1, §2.5. */
#include "services/body.h"

#define EXCERPT_MAX ((size_t)64)
#define FIELDS_MAX  16

static bool blank(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr(" \t\r\n", s.ptr[i]) || s.ptr[i] == '\0')
            return false;
    return true;
}

bool body_object(struct request *req, json_t **out, struct refusal *why)
{
    const char *reason = "it is malformed";
    json_t *json = NULL;

    *out = NULL;
    if (blank(req->body))
        return true;
    if (json_read(req->body, &json, &reason)) {
        *why = (struct refusal){&API_VALIDATION,
                                arena_printf(req->arena, "The body is not valid JSON: %s.", reason),
                                STR("$")};
        return false;
    }
    if (json_is_object(json)) {
        *out = json;
        return true;
    }
    if (json_is_null(json)) {
        json_decref(json);
        return true;
    }
    json_decref(json);
    *why = (struct refusal){&API_VALIDATION, STR("The body must be a JSON object."), STR("$")};
    return false;
}

static bool listed(struct str name, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name_eq(name, names[i]))
            return true;
    return false;
}

bool body_only(struct request *req, json_t *obj, const struct str *names, size_t n,
               struct refusal *why)
{
    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
        struct str name = str_from(json_object_iter_key(it));
        struct str nearest, shown;

        if (listed(name, names, n))
            continue;
        nearest = str_nearest(name, names, n);
        shown = body_excerpt(name);
        why->error = &API_UNKNOWN_MEMBER;
        why->target = arena_printf(req->arena, "$." STR_FMT, STR_ARG(shown));
        why->message =
            nearest.len
                ? arena_printf(req->arena,
                               "There is no member '" STR_FMT "' here. Did you mean '" STR_FMT "'?",
                               STR_ARG(shown), STR_ARG(nearest))
                : arena_printf(req->arena, "There is no member '" STR_FMT "' here.",
                               STR_ARG(shown));
        return false;
    }
    return true;
}

bool body_fill(struct request *req, const struct json_field *fields, void *into,
               struct refusal *why)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct json_problem problem = {0};
    struct str names[FIELDS_MAX];
    size_t n = 0;

    if (!body_object(req, &obj, why))
        return false;
    if (!obj)
        obj = json_object();
    for (; fields[n].name && n < FIELDS_MAX; n++)
        names[n] = str_from(fields[n].name);
    if (!body_only(req, obj, names, n, why))
        return false;
    if (json_fill(obj, fields, false, into, req->arena, &problem) == RC_OK)
        return true;
    *why = (struct refusal){
        &API_VALIDATION,
        arena_printf(req->arena, STR_FMT " %s.", STR_ARG(problem.field), problem.reason),
        arena_printf(req->arena, "$." STR_FMT, STR_ARG(problem.field))};
    return false;
}

struct str body_excerpt_within(struct str text, size_t max)
{
    size_t len = max;

    if (text.len <= len)
        return text;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0u) == 0x80u)
        len--;
    return str_head(text, len);
}

struct str body_excerpt(struct str text)
{
    return body_excerpt_within(text, EXCERPT_MAX);
}
