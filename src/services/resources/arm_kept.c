/* The object in a resource's row: tags, linked domains, identity, notification hub. */
#include "services/resources/arm_kept.h"

#define PROPERTIES_MAX (64 * KIB)

static struct str text_of(struct request *req, const json_t *obj, const char *name)
{
    struct str text;

    return json_get_str(obj, name, &text) ? STR_EMPTY : arena_dup(req->arena, text);
}

void arm_kept_read(struct request *req, struct str text, struct arm_kept *out)
{
    AUTO(json_freep) json_t *obj = NULL;
    const json_t *list, *item;
    size_t i;

    *out = (struct arm_kept){0};
    if (json_read(text, &obj, NULL))
        return; /* ours: it can be read */
    out->tags = arm_raw(req, obj, "tags");
    out->linked_domains = arm_raw(req, obj, "linkedDomains");
    out->network = text_of(req, obj, "publicNetworkAccess");
    out->hub = text_of(req, obj, "notificationHubId");
    out->system = json_is_true(json_object_get(obj, "systemAssigned"));
    list = json_object_get(obj, "userAssigned");
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && out->identities_count < ARM_IDENTITIES_MAX)
            out->identities[out->identities_count++] =
                arena_dup(req->arena, str_of(json_string_value(item), json_string_length(item)));
    }
}

void arm_member_raw(struct json_writer *w, const char *name, struct str value)
{
    if (!value.len)
        return;
    json_name(w, name);
    json_raw(w, value);
}

void arm_member_text(struct json_writer *w, const char *name, struct str value)
{
    if (value.len)
        json_member_str(w, name, value);
}

enum rc arm_kept_write(struct request *req, const struct arm_kept *k, struct str *out)
{
    struct json_writer w;
    struct buf text;
    enum rc rc;

    buf_init(&text, PROPERTIES_MAX);
    json_writer_init(&w, &text);
    json_object_begin(&w);
    arm_member_raw(&w, "tags", k->tags);
    arm_member_raw(&w, "linkedDomains", k->linked_domains);
    arm_member_text(&w, "publicNetworkAccess", k->network);
    arm_member_text(&w, "notificationHubId", k->hub);
    json_member_bool(&w, "systemAssigned", k->system);
    json_name(&w, "userAssigned");
    json_array_begin(&w);
    for (size_t i = 0; i < k->identities_count; i++)
        json_str(&w, k->identities[i]);
    json_array_end(&w);
    json_object_end(&w);
    rc = text.failed;
    if (!rc)
        *out = arena_dup(req->arena, buf_str(&text));
    buf_clear(&text);
    return rc;
}
