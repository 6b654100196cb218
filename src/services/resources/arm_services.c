/* Microsoft.Communication/communicationServices: looking at resources, deleting them, and what is
 * asked around them. Everything is done when it is answered: there are no operations to follow.
 * Source: wire/managed-identity §5.2, §5.4. */
#include "services/resources/arm_service.h"

const struct resource *arm_service(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    const struct resource *r;

    if (!arm_subscription(req))
        return NULL;
    r = directory_by_name(d, arena_lower(req->arena, req->params[ARM_NAME]));
    if (r && name_eq_nocase(r->group, req->params[ARM_GROUP]))
        return r;
    arm_refuse(req, &API_RESOURCE_NOT_FOUND,
               arena_printf(req->arena,
                            "The Resource 'Microsoft.Communication/CommunicationServices/" STR_FMT
                            "' under resource group '" STR_FMT "' was not found.",
                            STR_ARG(body_excerpt(req->params[ARM_NAME])),
                            STR_ARG(body_excerpt(req->params[ARM_GROUP]))));
    return NULL;
}

void arm_service_get(struct request *req)
{
    const struct resource *r = arm_service(req);

    if (r)
        arm_answer_service(req, 200, r);
}

static bool is_listed(const struct resource *r, struct str group)
{
    return r->state != RESOURCE_DELETED && (!group.len || name_eq_nocase(r->group, group));
}

static bool any_listed(const struct directory *d, struct str group)
{
    for (size_t i = 0; i < d->resources_count; i++)
        if (is_listed(&d->resources[i], group))
            return true;
    return false;
}

void arm_services_list(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str group = req->params[ARM_GROUP];
    struct arm_answer a;

    if (!arm_subscription(req) || (group.len && !arm_group_valid(req, group)))
        return;
    if (group.len && !any_listed(d, group)) {
        arm_group_answer_empty(req);
        return;
    }
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < d->resources_count; i++)
        if (is_listed(&d->resources[i], group))
            arm_write_service(&a, &d->resources[i]);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

/* ---- deleting ---- */

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct changes *c = ctx;

    (void)set;
    if (rc)
        arm_refuse_rc(c->req, rc);
    else
        answer_empty(c->req, 200);
}

void arm_service_delete(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    const struct resource *r;
    struct changes *c;
    enum rc rc;

    if (!arm_subscription(req))
        return;
    r = directory_by_name(d, arena_lower(req->arena, req->params[ARM_NAME]));
    if (!r || !name_eq_nocase(r->group, req->params[ARM_GROUP])) {
        answer_empty(req, 204);
        return;
    }
    if (r->is_default) {
        arm_refuse(req, &API_CONFLICT,
                   STR("The default resource can't be deleted: the server answers with it for "
                       "localhost."));
        return;
    }
    c = arena_new(req->arena, struct changes);
    rc = resource_delete_changes(c, req, r);
    if (rc)
        arm_refuse_rc(req, rc);
    else
        changes_commit(c, req, on_deleted);
}

/* ---- names ---- */

static void answer_name(struct request *req, struct str reason, struct str message)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_member_bool(&a.w, "nameAvailable", !reason.len);
    if (reason.len) {
        json_member_str(&a.w, "reason", reason);
        json_member_str(&a.w, "message", message);
    }
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_check_name(struct request *req)
{
    static const struct arm_text_rule name_rule = {"name", 1024, true},
                                      type_rule = {"type", 128, true};
    AUTO(json_freep) json_t *body = NULL;
    struct str name, type;

    if (!arm_subscription(req) || !arm_body(req, &body) ||
        !arm_text(req, body, &name_rule, &name) || !arm_text(req, body, &type_rule, &type))
        return;
    name = arena_lower(req->arena, name);
    if (!name_eq_nocase(type, ARM_SERVICE_TYPE))
        arm_invalid(req, STR("'type' must be Microsoft.Communication/CommunicationServices."));
    else if (!label_valid(name))
        answer_name(req, STR("Invalid"), ARM_NAME_RULE);
    else if (!resource_name_free(req, name))
        answer_name(req, STR("AlreadyExists"), STR("The name is taken."));
    else
        answer_name(req, STR_EMPTY, STR_EMPTY);
}

/* ---- around ---- */

/* The last word of an action: "read", "write", "action". */
static struct str last_word(struct str name)
{
    size_t at = name.len;

    while (at && name.ptr[at - 1] != '/')
        at--;
    return str_from_index(name, at);
}

static void write_operation(struct json_writer *w, struct str provider, enum action action)
{
    struct str name = action_name(action), rest = str_from_index(name, provider.len);
    struct str verb = last_word(name);

    json_object_begin(w);
    json_member_str(w, "name", name);
    json_member_bool(w, "isDataAction", action_is_data(action));
    json_name(w, "display");
    json_object_begin(w);
    json_member_str(w, "provider", str_head(provider, provider.len - 1));
    json_member_str(w, "resource",
                    str_head(rest, rest.len > verb.len ? rest.len - verb.len - 1 : 0));
    json_member_str(w, "operation", verb);
    json_member_str(w, "description", rest);
    json_object_end(w);
    json_object_end(w);
}

void arm_operations(struct request *req)
{
    struct str provider = STR("Microsoft.Communication/");
    struct arm_answer a;

    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (int i = ACTION_NONE + 1; i < ACTION_COUNT; i++)
        if (str_starts(action_name((enum action)i), provider))
            write_operation(&a.w, provider, (enum action)i);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_operation_status(struct request *req)
{
    if (arm_subscription(req))
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   STR("There is no such operation: every request is done when it is answered."));
}

/* ---- notification hub ---- */

struct hub_link {
    struct changes changes; /* first */
    struct str id;
};

static void on_linked(void *ctx, enum rc rc, struct change_set *set)
{
    struct hub_link *link = ctx;
    struct request *req = link->changes.req;
    struct arm_answer a;

    (void)set;
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_member_str(&a.w, "resourceId", link->id);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

/* The hub's connection string is a secret of another service: it is not kept. */
void arm_service_link_hub(struct request *req)
{
    static const struct arm_text_rule id_rule = {"resourceId", 1024, true},
                                      string_rule = {"connectionString", 4096, true};
    const struct resource *r = arm_service(req);
    AUTO(json_freep) json_t *body = NULL, *props = NULL;
    struct str id, ignored;
    struct hub_link *link;
    struct change *c;

    if (!r || !arm_body(req, &body) || !arm_text(req, body, &id_rule, &id) ||
        !arm_text(req, body, &string_rule, &ignored))
        return;
    link = arena_new(req->arena, struct hub_link);
    link->id = id;
    c = link->changes.items;
    props = service_properties(r);
    json_object_set_new(props, "notificationHubId", json_stringn(id.ptr, id.len));
    c->kind = CHANGE_RESOURCE_PUT;
    c->u.resource = resource_row_of(req, r);
    c->u.resource.properties = json_text(props, 0, req->arena);
    link->changes.n = 1;
    changes_commit(&link->changes, req, on_linked);
}
