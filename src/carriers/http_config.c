/* Configurations of carriers by HTTP: see http_config.h. */
#include "carriers/http_config.h"

#include "http/outbound.h"

enum rc http_config_bad(struct buf *why, const char *name, const char *reason)
{
    buf_addf(why, "%s %s.", name, reason);
    return RC_INVALID;
}

enum rc http_config_fill(const json_t *config, const struct json_field *fields, void *into,
                         struct arena *arena, struct buf *why)
{
    struct json_problem problem = {0};

    if (!json_fill(config, fields, true, into, arena, &problem))
        return RC_OK;
    if (problem.field.len)
        buf_addf(why, STR_FMT " %s.", STR_ARG(str_head(problem.field, 64)), problem.reason);
    else
        buf_addf(why, "the configuration %s.", problem.reason);
    if (problem.nearest.len)
        buf_addf(why, " Did you mean " STR_FMT "?", STR_ARG(problem.nearest));
    return RC_INVALID;
}

bool http_config_is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

enum rc http_config_url(struct str url, const char *name, struct buf *why)
{
    struct outbound_url parts;

    if (outbound_url_parse(url, &parts))
        return http_config_bad(why, name,
                               "must be http://… or https://…, without login and fragment");
    return RC_OK;
}

enum rc http_config_secret(const json_t *secrets, const char *name, struct arena *arena,
                           struct str *out, struct buf *why)
{
    struct str value = STR_EMPTY;

    if ((secrets && json_get_str(secrets, name, &value) == RC_INVALID) || value.len == 0)
        return http_config_bad(why, name, "is required, a string");
    if (value.len > KIB || !http_config_is_plain(value))
        return http_config_bad(why, name, "must be at most 1024 printable ASCII characters");
    *out = arena_dup(arena, value);
    return RC_OK;
}
