/* What all answers and bodies of the management API have in common. Nothing here knows a provider.
 * Source: wire/managed-identity §5.3, §5.5. */
#include "services/resources/arm.h"

#define ANSWER_MAX    (32 * MIB) /* a list has no pages here */
#define GROUP_MAX     ((size_t)90)
#define TAGS_MAX      ((size_t)50)
#define TAG_NAME_MAX  ((size_t)512)
#define TAG_VALUE_MAX ((size_t)1024) /* 256 characters of four octets */

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

void arm_refuse_rc(struct request *req, enum rc rc)
{
    if (rc == RC_NOT_FOUND)
        answer_error(req, &API_RESOURCE_NOT_FOUND);
    else if (rc == RC_INVALID)
        answer_error(req, &API_INVALID_REQUEST_CONTENT);
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

void arm_member_id(struct json_writer *w, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT_LEN];

    uuid_format(id, text);
    json_member_str(w, name, str_of(text, sizeof text));
}

struct str arm_group_id(struct request *req, struct str group)
{
    return arena_printf(req->arena, "/subscriptions/" STR_FMT "/resourceGroups/" STR_FMT,
                        STR_ARG(gate_directory(req->site->gate)->subscription_text),
                        STR_ARG(group));
}

/* ---- paths ---- */

bool arm_subscription(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str named = req->params[ARM_SUBSCRIPTION];

    if (name_eq_nocase(named, d->subscription_text))
        return true;
    arm_refuse(req, &API_SUBSCRIPTION_NOT_FOUND,
               arena_printf(req->arena,
                            "The subscription '" STR_FMT
                            "' could not be found: this server's is '" STR_FMT "'.",
                            STR_ARG(body_excerpt(named)), STR_ARG(d->subscription_text)));
    return false;
}

static bool is_group_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '(' || c == ')';
}

bool arm_group_valid(struct request *req, struct str group)
{
    bool ok = group.len && group.len <= GROUP_MAX && group.ptr[group.len - 1] != '.';

    for (size_t i = 0; ok && i < group.len; i++)
        ok = is_group_char(group.ptr[i]);
    if (!ok)
        arm_refuse(req, &API_INVALID_REQUEST_CONTENT,
                   STR("The name of a resource group must be 1 to 90 letters, digits, '.', '_', "
                       "'-', '(' and ')', without a dot at the end."));
    return ok;
}

/* ---- bodies ---- */

bool arm_body(struct request *req, json_t **out)
{
    struct refusal why;

    if (!body_object(req, out, &why)) {
        arm_refuse(req, &API_INVALID_REQUEST_CONTENT, why.message);
        return false;
    }
    if (!*out)
        *out = json_object();
    return true;
}

static int append(const char *text, size_t len, void *ctx)
{
    struct buf *out = ctx;

    buf_add(out, str_of(text, len));
    return out->failed ? -1 : 0;
}

struct str arm_raw(struct request *req, const json_t *obj, const char *name)
{
    const json_t *member = json_object_get(obj, name);
    struct str text = STR_EMPTY;
    struct buf out;

    if (!member || json_is_null(member))
        return STR_EMPTY;
    buf_init(&out, MIB); /* a body of 64 KiB, escaped anew, stays far below */
    if (json_dump_callback(member, append, &out, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
        text = arena_dup(req->arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

static bool refuse_tags(struct request *req, struct str message)
{
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT, message);
    return false;
}

bool arm_tags(struct request *req, const json_t *body, struct str *out)
{
    json_t *tags = json_object_get(body, "tags");

    if (!tags || json_is_null(tags))
        return true;
    if (!json_is_object(tags))
        return refuse_tags(req, STR("tags must be an object."));
    if (json_object_size(tags) > TAGS_MAX)
        return refuse_tags(req, STR("There may be at most 50 tags."));
    for (void *it = json_object_iter(tags); it; it = json_object_iter_next(tags, it)) {
        struct str name = str_from(json_object_iter_key(it));

        if (!name.len || name.len > TAG_NAME_MAX)
            return refuse_tags(req, STR("The name of a tag must be 1 to 512 octets."));
        if (!json_is_string(json_object_iter_value(it)) ||
            json_string_length(json_object_iter_value(it)) > TAG_VALUE_MAX)
            return refuse_tags(req, arena_printf(req->arena,
                                                 "The value of the tag '" STR_FMT
                                                 "' must be a string of at most 1024 octets.",
                                                 STR_ARG(body_excerpt(name))));
    }
    *out = json_object_size(tags) ? arm_raw(req, body, "tags") : STR_EMPTY;
    return true;
}
