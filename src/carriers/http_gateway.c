/* The configuration of the carrier "http": see http_gateway.h. Everything is checked when it is
 * set, so that a message never finds out. */
#include "carriers/http_gateway.h"

#include "carriers/http_place.h"

#define CODE_MIN 4000
#define CODE_MAX 9999

/* What a member of one of the objects must be. */
enum member_type {
    MEMBER_ANSWER_PLACE = 1, /* a place in an answer */
    MEMBER_CALLBACK_PLACE,
    MEMBER_POINTER,  /* a JSON pointer */
    MEMBER_STATUSES, /* list of HTTP statuses */
    MEMBER_TEXTS,    /* list of texts */
    MEMBER_CODES,    /* object: text → code */
    MEMBER_FATES,    /* list of texts, or object: text → code */
};

struct member {
    const char *name;
    enum member_type type;
    bool required;
};

/* clang-format off */
static const struct member accepted_members[] = {
    {"status", MEMBER_STATUSES,     false},
    {"id",     MEMBER_ANSWER_PLACE, false},
    {"value",  MEMBER_ANSWER_PLACE, false},
    {"in",     MEMBER_TEXTS,        false},
    {0},
};
static const struct member temporary_members[] = {
    {"status", MEMBER_STATUSES, true},
    {0},
};
static const struct member permanent_members[] = {
    {"status", MEMBER_STATUSES,     false},
    {"code",   MEMBER_ANSWER_PLACE, false},
    {"codes",  MEMBER_CODES,        false},
    {0},
};
static const struct member report_members[] = {
    {"each",      MEMBER_POINTER,        false},
    {"id",        MEMBER_CALLBACK_PLACE, false},
    {"status",    MEMBER_CALLBACK_PLACE, true},
    {"delivered", MEMBER_TEXTS,          true},
    {"failed",    MEMBER_FATES,          true},
    {"code",      MEMBER_CALLBACK_PLACE, false},
    {"codes",     MEMBER_CODES,          false},
    {0},
};
static const struct member inbound_members[] = {
    {"each", MEMBER_POINTER,        false},
    {"from", MEMBER_CALLBACK_PLACE, true},
    {"to",   MEMBER_CALLBACK_PLACE, true},
    {"text", MEMBER_CALLBACK_PLACE, true},
    {"id",   MEMBER_CALLBACK_PLACE, false},
    {0},
};
/* clang-format on */

struct str http_gateway_text(const json_t *object, const char *name)
{
    struct str value = STR_EMPTY;

    return object && !json_get_str(object, name, &value) ? value : STR_EMPTY;
}

bool http_gateway_has_number(const json_t *object, const char *name, int64_t number)
{
    const json_t *list = json_object_get(object, name), *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        if (json_integer_value(item) == number)
            return true;
    }
    return false;
}

bool http_gateway_has_text(const json_t *object, const char *name, struct str text)
{
    const json_t *list = json_object_get(object, name), *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        if (name_eq(text, str_of(json_string_value(item), json_string_length(item))))
            return true;
    }
    return false;
}

uint32_t http_gateway_code(const json_t *object, const char *name, struct str text)
{
    const json_t *codes = json_object_get(object, name), *code;
    const char *key;

    json_object_foreach((json_t *)(uintptr_t)codes, key, code)
    {
        if (name_eq(text, str_from(key)))
            return (uint32_t)json_integer_value(code);
    }
    return 0;
}

/* ---- checking ---- */

static bool is_status_list(const json_t *value)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)value, i, item)
    {
        if (!json_is_integer(item) || json_integer_value(item) < 100 ||
            json_integer_value(item) > 599)
            return false;
    }
    return json_array_size(value) > 0;
}

static bool is_text_list(const json_t *value)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)value, i, item)
    {
        if (!json_is_string(item))
            return false;
    }
    return json_array_size(value) > 0;
}

static bool is_code_table(const json_t *value)
{
    const json_t *code;
    const char *key;

    json_object_foreach((json_t *)(uintptr_t)value, key, code)
    {
        if (!json_is_integer(code) || json_integer_value(code) < CODE_MIN ||
            json_integer_value(code) > CODE_MAX)
            return false;
    }
    return json_object_size(value) > 0;
}

static struct str text_of(const json_t *value)
{
    return str_of(json_string_value(value), json_string_length(value));
}

/* NULL: nothing is wrong. */
static const char *fault_of(const json_t *value, enum member_type type)
{
    switch (type) {
    case MEMBER_ANSWER_PLACE:
        return place_is_known(text_of(value), PLACE_IN_ANSWER)
                   ? NULL
                   : "must be json:/…, header:… or text:…";
    case MEMBER_CALLBACK_PLACE:
        return place_is_known(text_of(value), PLACE_IN_CALLBACK)
                   ? NULL
                   : "must be json:/…, query:…, form:…, header:… or body:";
    case MEMBER_POINTER:
        return str_starts(text_of(value), STR("/")) ? NULL : "must be a JSON pointer, /…";
    case MEMBER_STATUSES:
        return is_status_list(value) ? NULL : "must be a list of HTTP statuses";
    case MEMBER_TEXTS:
        return is_text_list(value) ? NULL : "must be a list of strings";
    case MEMBER_CODES:
        return is_code_table(value) ? NULL : "must be an object of codes from 4000 to 9999";
    case MEMBER_FATES:
        return is_text_list(value) || is_code_table(value)
                   ? NULL
                   : "must be a list of strings, or an object of codes from 4000 to 9999";
    }
    return "is unknown";
}

static const struct member *member_of(const struct member *members, const char *name)
{
    for (; members->name; members++)
        if (strcmp(members->name, name) == 0)
            return members;
    return NULL;
}

static enum rc bad_member(struct buf *why, const char *outer, const char *inner, const char *fault)
{
    buf_addf(why, "%s." STR_FMT " %s.", outer, STR_ARG(str_head(str_from(inner), 64)), fault);
    return RC_INVALID;
}

static enum rc check_object(const json_t *object, const char *name, const struct member *members,
                            struct buf *why)
{
    const json_t *value;
    const char *key;

    if (!object)
        return RC_OK;
    if (!json_is_object(object))
        return http_config_bad(why, name, "must be an object");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const struct member *m = member_of(members, key);
        const char *fault = m ? fault_of(value, m->type) : "is unknown";

        if (fault)
            return bad_member(why, name, key, fault);
    }
    for (; members->name; members++)
        if (members->required && !json_object_get(object, members->name))
            return bad_member(why, name, members->name, "is required");
    return RC_OK;
}

static enum rc check_texts(const json_t *object, const char *name, struct buf *why)
{
    const json_t *value;
    const char *key;

    if (object && !json_is_object(object))
        return http_config_bad(why, name, "must be an object");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!json_is_string(value) || json_string_length(value) == 0 ||
            !http_config_is_plain(text_of(value)))
            return bad_member(why, name, key, "must be a string of printable ASCII");
    }
    return RC_OK;
}

/* ---- reading ---- */

static const struct json_field flat_fields[] = {
    {"url", JSON_FIELD_STR, offsetof(struct http_gateway, url), 1, HTTP_CONFIG_URL_MAX, true},
    {"method", JSON_FIELD_STR, offsetof(struct http_gateway, method), 1, 8, false},
    {"contentType", JSON_FIELD_STR, offsetof(struct http_gateway, content_type), 1, 128, false},
    HTTP_SETTINGS_FIELDS(struct http_gateway),
    {0},
};

static const char *const objects[] = {"headers",   "body",    "accepted", "temporary",
                                      "permanent", "reports", "inbound"};

/* The members that a field table can say all about. */
static enum rc read_flat(const json_t *config, struct arena *arena, struct http_gateway *g,
                         struct buf *why)
{
    json_t *flat = json_is_object(config) ? json_copy((json_t *)(uintptr_t)config) : json_null();
    enum rc rc;

    for (size_t i = 0; i < ARRAY_LEN(objects) && json_is_object(flat); i++)
        (void)json_object_del(flat, objects[i]); /* need not be there */
    rc = http_config_fill(flat, flat_fields, g, arena, why);
    json_decref(flat);
    return rc;
}

static enum template_escape escape_of(struct str content_type)
{
    struct str type = str_trim(str_head(content_type, str_find(content_type, ';')));

    if (name_eq_nocase(type, STR("application/x-www-form-urlencoded")))
        return TEMPLATE_URL;
    if (str_ends(type, STR("json")))
        return TEMPLATE_JSON;
    return str_ends(type, STR("xml")) ? TEMPLATE_XML : TEMPLATE_PLAIN;
}

static enum rc read_body(const json_t *body, struct arena *arena, struct http_gateway *g,
                         struct buf *why)
{
    if (!body)
        return RC_OK;
    if (json_is_string(body)) {
        g->body = arena_dup(arena, text_of(body));
    } else if (json_is_object(body) || json_is_array(body)) {
        g->body = json_text(body, 0, arena);
        if (g->escape != TEMPLATE_JSON)
            return http_config_bad(why, "body", "that is JSON needs a contentType of JSON");
    } else {
        return http_config_bad(why, "body", "must be a string, an object or an array");
    }
    return RC_OK;
}

static enum rc check_templates(const struct http_gateway *g, struct buf *why)
{
    const json_t *value;
    const char *key;

    if (template_check(g->url, TEMPLATE_URL, g->secrets, why) ||
        template_check(g->body, g->escape, g->secrets, why))
        return RC_INVALID;
    json_object_foreach((json_t *)(uintptr_t)g->headers, key, value)
    {
        if (template_check(text_of(value), TEMPLATE_HEADER, g->secrets, why))
            return RC_INVALID;
    }
    return RC_OK;
}

static enum rc check_method(const struct http_gateway *g, struct buf *why)
{
    static const char *const methods[] = {"GET", "POST", "PUT"};

    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (name_eq(g->method, str_from(methods[i])))
            return i == 0 && g->body.len
                       ? http_config_bad(why, "body", "does not go with method GET")
                       : RC_OK;
    return http_config_bad(why, "method", "must be GET, POST or PUT");
}

/* Host and port are the operator's: a message's values come behind them. */
static enum rc check_url(const struct http_gateway *g, struct buf *why)
{
    struct str fixed = str_head(g->url, str_find(g->url, '{'));
    size_t authority = str_find_str(fixed, STR("://")) + 3;

    if (fixed.len < g->url.len &&
        str_find(str_from_index(fixed, authority), '/') >= str_from_index(fixed, authority).len)
        return http_config_bad(why, "url", "must name its host without places");
    return http_config_url(fixed, "url", why);
}

static enum rc check(const struct http_gateway *g, struct buf *why)
{
    if (check_url(g, why) || check_method(g, why) || check_texts(g->headers, "headers", why) ||
        check_texts(g->secrets, "secrets", why) || check_templates(g, why))
        return RC_INVALID;
    if (json_object_size(g->headers) + 1 > OUTBOUND_HEADERS_MAX)
        return http_config_bad(why, "headers", "are too many");
    if (check_object(g->accepted, "accepted", accepted_members, why) ||
        check_object(g->temporary, "temporary", temporary_members, why) ||
        check_object(g->permanent, "permanent", permanent_members, why) ||
        check_object(g->reports, "reports", report_members, why) ||
        check_object(g->inbound, "inbound", inbound_members, why))
        return RC_INVALID;
    if (!json_object_get(g->accepted, "value") != !json_object_get(g->accepted, "in"))
        return http_config_bad(why, "accepted", "must have both value and in, or neither");
    return RC_OK;
}

enum rc http_gateway_read(const json_t *config, const json_t *secrets, struct arena *arena,
                          struct http_gateway *out, struct buf *why)
{
    struct http_gateway *g = out;

    *g = (struct http_gateway){.common = HTTP_SETTINGS_DEFAULT,
                               .method = STR("POST"),
                               .content_type = STR("application/json")};
    if (read_flat(config, arena, g, why))
        return RC_INVALID;
    g->escape = escape_of(g->content_type);
    g->headers = json_object_get(config, "headers");
    g->secrets = json_object_get(secrets, "secrets");
    g->accepted = json_object_get(config, "accepted");
    g->temporary = json_object_get(config, "temporary");
    g->permanent = json_object_get(config, "permanent");
    g->reports = json_object_get(config, "reports");
    g->inbound = json_object_get(config, "inbound");
    if (read_body(json_object_get(config, "body"), arena, g, why))
        return RC_INVALID;
    return check(g, why);
}
