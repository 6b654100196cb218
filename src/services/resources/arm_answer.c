/* What the handlers of the management API share: answers, refusals in its words, and the parts of
 * bodies and paths that several of them read. Source: wire/managed-identity §5.2, §5.5. */
#include "services/resources/arm.h"

#define ANSWER_MAX    (16 * MIB)
#define GROUP_MAX     ((size_t)90)
#define TAGS_MAX      ((size_t)50)
#define TAG_NAME_MAX  ((size_t)512)
#define TAG_VALUE_MAX ((size_t)256)

/* ---- answers ---- */

void arm_answer_begin(struct arm_answer *a, struct request *req)
{
    a->req = req;
    buf_init(&a->out, ANSWER_MAX);
    json_writer_init(&a->w, &a->out);
}

void arm_answer_end(struct arm_answer *a, int status)
{
    answer_json_moved(a->req, status, &a->out);
}

void arm_refuse(struct request *req, const struct api_error *error, struct str message)
{
    answer_refusal(req, &(struct refusal){error, message, STR_EMPTY});
}

void arm_invalid(struct request *req, struct str message)
{
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT, message);
}

void arm_refuse_rc(struct request *req, enum rc rc)
{
    if (rc == RC_NOT_FOUND)
        answer_error(req, &API_RESOURCE_NOT_FOUND);
    else if (rc == RC_CONFLICT)
        arm_refuse(req, &API_CONFLICT,
                   STR("Somebody changed this at the same time: read it again, then try again."));
    else
        answer_rc(req, rc);
}

void arm_write_tags(struct json_writer *w, struct str tags)
{
    if (!tags.len)
        return;
    json_name(w, "tags");
    json_raw(w, tags);
}

/* ---- paths ---- */

bool arm_subscription(struct request *req)
{
    struct uuid id;

    if (!uuid_parse(req->params[ARM_SUBSCRIPTION], &id) &&
        uuid_eq(&id, &gate_directory(req->site->gate)->subscription))
        return true;
    answer_error(req, &API_SUBSCRIPTION_NOT_FOUND);
    return false;
}

static bool in_group_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '(' || c == ')';
}

bool arm_group_valid(struct request *req, struct str group)
{
    bool ok = group.len && group.len <= GROUP_MAX && group.ptr[group.len - 1] != '.';

    for (size_t i = 0; ok && i < group.len; i++)
        ok = in_group_name(group.ptr[i]);
    if (!ok)
        arm_invalid(req, STR("The name of a resource group is 1 to 90 letters, digits, '.', '_', "
                             "'-', '(' and ')', and does not end with a dot."));
    return ok;
}

struct str arm_group_id(struct request *req, struct str group)
{
    return arena_printf(req->arena, "/subscriptions/" STR_FMT "/resourceGroups/" STR_FMT,
                        STR_ARG(gate_directory(req->site->gate)->subscription_text),
                        STR_ARG(group));
}

/* ---- bodies ---- */

bool arm_body(struct request *req, json_t **out)
{
    struct refusal why;

    if (!body_object(req, out, &why)) {
        why.error = &API_INVALID_REQUEST_CONTENT;
        answer_refusal(req, &why);
        return false;
    }
    if (!*out)
        *out = json_object();
    return true;
}

bool arm_object(struct request *req, const json_t *body, const char *name, json_t **out)
{
    *out = json_object_get(body, name);
    if (json_is_null(*out))
        *out = NULL;
    if (!*out || json_is_object(*out))
        return true;
    arm_invalid(req, arena_printf(req->arena, "'%s' must be an object.", name));
    return false;
}

bool arm_text(struct request *req, const json_t *obj, const struct arm_text_rule *rule,
              struct str *out)
{
    struct str text;
    enum rc rc = obj ? json_get_str(obj, rule->name, &text) : RC_NOT_FOUND;

    if (rc == RC_NOT_FOUND && !rule->required) {
        *out = STR_EMPTY;
        return true;
    }
    if (rc || text.len > rule->max || (rule->required && !text.len)) {
        arm_invalid(req, arena_printf(req->arena, "'%s' must be a text of %d to %zu characters.",
                                      rule->name, rule->required ? 1 : 0, rule->max));
        return false;
    }
    *out = arena_dup(req->arena, text);
    return true;
}

struct str arm_raw(struct request *req, const json_t *obj, const char *name)
{
    const json_t *value = json_object_get(obj, name);

    return !value || json_is_null(value) ? STR_EMPTY : json_text(value, 0, req->arena);
}

static bool tags_fine(json_t *tags)
{
    const char *name;
    json_t *value;

    if (!json_is_object(tags) || json_object_size(tags) > TAGS_MAX)
        return false;
    json_object_foreach(tags, name, value)
    {
        if (!*name || strlen(name) > TAG_NAME_MAX || !json_is_string(value) ||
            json_string_length(value) > TAG_VALUE_MAX)
            return false;
    }
    return true;
}

bool arm_tags(struct request *req, const json_t *body, struct str *out)
{
    json_t *tags = json_object_get(body, "tags");

    if (!tags || json_is_null(tags))
        return true;
    if (!tags_fine(tags)) {
        arm_invalid(req, STR("'tags' must be an object of at most 50 texts: names of 1 to 512 "
                             "octets, values of at most 256."));
        return false;
    }
    *out = json_object_size(tags) ? json_text(tags, 0, req->arena) : STR_EMPTY;
    return true;
}
