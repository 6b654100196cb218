/* Scopes as text: one spelling, and the way up. What is assigned at them is grants.c. */
#include "gate/scope.h"

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    }
    return true;
}

/* `s` starts with one slash and does not end with one: no empty segments, and not too many. */
static bool segments_are_fine(struct str s)
{
    size_t depth = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '/')
            continue;
        depth++;
        if (i + 1 < s.len && s.ptr[i + 1] == '/')
            return false;
    }
    return depth <= SCOPE_DEPTH_MAX;
}

enum rc scope_normalise(struct str text, struct arena *arena, struct str *out)
{
    struct str s = text;

    if (s.len == 0 || s.len > SCOPE_MAX || s.ptr[0] != '/' || !is_printable(s))
        return RC_INVALID;
    while (s.len > 1 && s.ptr[s.len - 1] == '/')
        s.len--;
    while (s.len > 1 && s.ptr[1] == '/')
        s = str_from_index(s, 1);
    if (!segments_are_fine(s))
        return RC_INVALID;
    *out = arena_lower(arena, s);
    return RC_OK;
}

bool scope_parent(struct str scope, struct str *out)
{
    size_t at = scope.len;

    if (scope.len < 2 || scope.ptr[0] != '/')
        return false;
    while (scope.ptr[--at] != '/')
        ;
    *out = str_head(scope, at ? at : 1);
    return true;
}

struct str scope_of_resource(const struct uuid *subscription, struct str group, struct str name,
                             struct arena *arena)
{
    char id[UUID_TEXT_LEN];
    struct str text;

    uuid_format(subscription, id);
    text = arena_printf(arena,
                        "/subscriptions/" STR_FMT "/resourcegroups/" STR_FMT
                        "/providers/microsoft.communication/communicationservices/" STR_FMT,
                        STR_ARG(str_of(id, sizeof id)), STR_ARG(group), STR_ARG(name));
    return arena_lower(arena, text);
}
