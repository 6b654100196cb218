/* Microsoft.Communication/communicationServices: made, changed, deleted by the management API. All
 * is done at once: no answer names an operation to wait for.
 * Source: wire/managed-identity §5.2, §5.3, §5.4. */
#include "services/resource_rows.h"
#include "services/resources/arm_kept.h"

#define DOMAINS_MAX 100
#define HUB_MAX     ((size_t)1024)

struct write {
    struct changes changes; /* first */
    const struct resource *old;
    struct resource_row row;
    struct arm_kept kept;
    int status;
    bool replace; /* PUT: what is not named goes */
    bool linked;  /* the answer names the notification hub alone */
};

static bool refuse_content(struct request *req, const char *text)
{
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT, str_from(text));
    return false;
}

static bool read_domains(struct request *req, const json_t *properties, struct arm_kept *k)
{
    const json_t *list = json_object_get(properties, "linkedDomains"), *item;
    size_t i;

    if (!list || json_is_null(list))
        return true;
    if (!json_is_array(list) || json_array_size(list) > DOMAINS_MAX)
        return refuse_content(req, "linkedDomains must be a list of at most 100 ids of domains.");
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) || json_string_length(item) > SCOPE_MAX)
            return refuse_content(req, "linkedDomains must be a list of ids of domains.");
    }
    k->linked_domains = arm_raw(req, properties, "linkedDomains");
    return true;
}

static bool read_network(struct request *req, const json_t *properties, struct arm_kept *k)
{
    static const struct str known[] = {STR_INIT("Enabled"), STR_INIT("Disabled"),
                                       STR_INIT("SecuredByPerimeter")};
    struct str text;
    enum rc rc = json_get_str(properties, "publicNetworkAccess", &text);

    if (rc == RC_NOT_FOUND)
        return true;
    for (size_t i = 0; !rc && i < ARRAY_LEN(known); i++) {
        if (name_eq_nocase(text, known[i])) {
            k->network = known[i];
            return true;
        }
    }
    return refuse_content(req,
                          "publicNetworkAccess must be Enabled, Disabled or SecuredByPerimeter.");
}

static bool read_data_location(struct request *req, const json_t *properties, struct write *wr)
{
    struct str text;
    enum rc rc = json_get_str(properties, "dataLocation", &text);

    if (rc == RC_NOT_FOUND && (wr->old || !wr->replace))
        return true;
    if (rc || !text.len || text.len > 64 || !str_is_utf8(text))
        return refuse_content(req,
                              "properties.dataLocation is required: Europe, United States, ….");
    if (wr->old && !name_eq_nocase(text, wr->old->data_location))
        return refuse_content(req, "properties.dataLocation is fixed for the life of a resource.");
    if (!wr->old)
        wr->row.data_location = arena_dup(req->arena, text);
    return true;
}

static bool read_properties(struct request *req, const json_t *body, struct write *wr)
{
    const json_t *properties = json_object_get(body, "properties");
    enum rc rc;

    if (properties && !json_is_null(properties) && !json_is_object(properties))
        return refuse_content(req, "properties must be an object.");
    if (!json_is_object(properties))
        return read_data_location(req, body, wr); /* says that it is missing where it must be */
    rc = json_get_bool(properties, "disableLocalAuth", &wr->row.no_local_auth);
    if (rc && rc != RC_NOT_FOUND)
        return refuse_content(req, "properties.disableLocalAuth must be true or false.");
    return read_data_location(req, properties, wr) && read_domains(req, properties, &wr->kept) &&
           read_network(req, properties, &wr->kept);
}

/* ---- identity ---- */

static bool has_word(struct str list, struct str word)
{
    struct str head, rest = list;
    bool more = true;

    while (more) {
        more = str_cut(rest, ',', &head, &rest);
        if (name_eq_nocase(str_trim(head), word))
            return true;
    }
    return false;
}

static size_t find_identity(const struct arm_kept *k, struct str id)
{
    size_t i = 0;

    while (i < k->identities_count && !name_eq_nocase(k->identities[i], id))
        i++;
    return i;
}

static bool add_identity(struct request *req, struct arm_kept *k, struct str id)
{
    struct application_row row;
    enum rc rc = application_named(req, id, &row);

    if (rc == RC_IO) {
        arm_refuse_rc(req, rc);
        return false;
    }
    if (rc || row.kind != APPLICATION_MANAGED || !str_starts(id, STR("/")))
        return refuse_content(req, "identity.userAssignedIdentities names an identity that does "
                                   "not exist.");
    if (k->identities_count == ARM_IDENTITIES_MAX)
        return refuse_content(req, "A resource has at most 32 user-assigned identities.");
    k->identities[k->identities_count++] = arena_dup(req->arena, id);
    return true;
}

/* An object of ids: null takes one away, anything else names it. */
static bool read_assigned(struct request *req, json_t *assigned, struct arm_kept *k)
{
    const char *id;
    json_t *value;

    json_object_foreach(assigned, id, value)
    {
        size_t at = find_identity(k, str_from(id));

        if (json_is_null(value) && at < k->identities_count)
            k->identities[at] = k->identities[--k->identities_count];
        else if (!json_is_null(value) && at == k->identities_count &&
                 !add_identity(req, k, str_from(id)))
            return false;
    }
    return true;
}

static bool read_identity(struct request *req, const json_t *body, struct write *wr)
{
    const json_t *identity = json_object_get(body, "identity");
    json_t *assigned = json_object_get(identity, "userAssignedIdentities");
    struct str type;
    bool user;

    if (!identity || json_is_null(identity))
        return true;
    if (json_get_str(identity, "type", &type))
        return refuse_content(req, "identity.type must be None, SystemAssigned, UserAssigned, or "
                                   "'SystemAssigned,UserAssigned'.");
    user = has_word(type, STR("UserAssigned"));
    wr->kept.system = has_word(type, STR("SystemAssigned"));
    if (!user && !wr->kept.system && !name_eq_nocase(type, STR("None")))
        return refuse_content(req, "identity.type is not known.");
    if (!user || wr->replace)
        wr->kept.identities_count = 0;
    if (!user)
        return true;
    if (assigned && !json_is_object(assigned))
        return refuse_content(req, "identity.userAssignedIdentities must be an object.");
    return !assigned || read_assigned(req, assigned, &wr->kept);
}

/* The system-assigned identity comes and goes with the resource's change. */
static bool add_identity_change(struct request *req, struct write *wr)
{
    struct changes *c = &wr->changes;
    struct application_row row;
    struct resource future = wr->old ? *wr->old : (struct resource){.name = wr->row.name};
    const struct directory *d = gate_directory(req->site->gate);
    enum rc rc;

    future.location = wr->row.location;
    future.scope = scope_of_resource(&d->subscription, wr->row.group, wr->row.name, req->arena);
    rc = application_named(req, future.scope, &row);
    if (rc && rc != RC_NOT_FOUND) {
        arm_refuse_rc(req, rc);
        return false;
    }
    if (wr->kept.system && rc)
        c->items[c->n++] = (struct change){.kind = CHANGE_APPLICATION_PUT,
                                           .u.application = system_identity_make(req, &future)};
    else if (!wr->kept.system && !rc)
        c->items[c->n++] = (struct change){.kind = CHANGE_APPLICATION_DELETE, .u.application = row};
    return true;
}

/* ---- writing ---- */

static void answer_hub(struct request *req, struct str id)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_member_str(&a.w, "resourceId", id);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

static void on_written(void *ctx, enum rc rc, struct change_set *set)
{
    struct write *wr = ctx;
    struct request *req = wr->changes.req;
    const struct resource *r;

    (void)set;
    if (rc == RC_CONFLICT)
        arm_refuse(req, &API_CONFLICT, STR("The resource was changed meanwhile. Try again."));
    else if (rc)
        arm_refuse_rc(req, rc);
    else if (!(r = directory_by_id(gate_directory(req->site->gate), &wr->row.id)))
        arm_refuse_rc(req, RC_NOT_FOUND);
    else if (wr->linked)
        answer_hub(req, wr->kept.hub);
    else
        arm_answer_service(req, wr->status, r);
}

static bool add_keys(struct request *req, struct write *wr)
{
    for (int slot = 0; slot < KEY_SLOTS; slot++) {
        AUTO(secret_clear) struct secret secret = resource_key_secret();
        enum rc rc = resource_key_change(req, &wr->row.id, (enum key_slot)slot, &secret,
                                         &wr->changes.items[wr->changes.n]);

        if (rc) {
            arm_refuse_rc(req, rc);
            return false;
        }
        wr->changes.n++;
    }
    return true;
}

static void commit(struct request *req, struct write *wr)
{
    struct changes *c = &wr->changes;

    if (arm_kept_write(req, &wr->kept, &wr->row.properties)) {
        (void)refuse_content(req, "The resource's properties are too large.");
        return;
    }
    c->items[c->n++] = (struct change){.kind = CHANGE_RESOURCE_PUT, .u.resource = wr->row};
    if (!wr->old && !add_keys(req, wr))
        return;
    if (add_identity_change(req, wr))
        changes_commit(c, req, on_written);
}

/* ---- PUT, PATCH ---- */

static bool read_location(struct request *req, const json_t *body)
{
    struct str text;

    if (json_get_str(body, "location", &text) || !text.len)
        return refuse_content(req, "location is required: global.");
    if (name_eq_nocase(text, STR("global")))
        return true;
    arm_refuse(req, &API_LOCATION_NOT_AVAILABLE,
               arena_printf(req->arena,
                            "The location '" STR_FMT
                            "' is not available for resource type '" ARM_SERVICE_TYPE
                            "': use 'global', and properties.dataLocation for where data lies.",
                            STR_ARG(body_excerpt(text))));
    return false;
}

/* A new resource's name: lower case here, since it is a host's. */
static bool read_name(struct request *req, struct write *wr)
{
    struct str raw = req->params[ARM_NAME];
    char *lower = arena_alloc(req->arena, raw.len + 1);

    ascii_lower(lower, raw);
    wr->row = resource_row_new(req, str_of(lower, raw.len));
    wr->row.group = arena_dup(req->arena, req->params[ARM_GROUP]);
    if (!resource_label_valid(wr->row.name)) {
        arm_refuse(req, &API_INVALID_REQUEST_CONTENT,
                   STR("The name must have 1 to 63 letters, digits and hyphens, and none of the "
                       "latter at its ends: it becomes a host name."));
        return false;
    }
    if (resource_name_free(req, wr->row.name))
        return true;
    arm_refuse(req, &API_NAME_NOT_AVAILABLE,
               arena_printf(req->arena, "The name '" STR_FMT "' is taken already.",
                            STR_ARG(wr->row.name)));
    return false;
}

static bool take_body(struct request *req, const json_t *body, struct write *wr)
{
    return arm_tags(req, body, &wr->kept.tags) && read_properties(req, body, wr) &&
           read_identity(req, body, wr);
}

void arm_service_put(struct request *req)
{
    struct write *wr = arena_new(req->arena, struct write);
    AUTO(json_freep) json_t *body = NULL;

    wr->changes.req = req;
    wr->replace = true;
    if (!arm_subscription(req) || !arm_group_valid(req, req->params[ARM_GROUP]) ||
        !arm_body(req, &body) || !read_location(req, body))
        return;
    wr->old = arm_service_find(req);
    wr->status = wr->old ? 200 : 201;
    if (!wr->old && !read_name(req, wr))
        return;
    if (wr->old) {
        struct arm_kept before;

        wr->row = resource_row_of(req, wr->old);
        wr->row.no_local_auth = false;
        arm_kept_read(req, wr->old->properties, &before);
        wr->kept.hub = before.hub; /* linked by a call of its own */
    }
    if (take_body(req, body, wr))
        commit(req, wr);
}

void arm_service_patch(struct request *req)
{
    struct write *wr = arena_new(req->arena, struct write);
    AUTO(json_freep) json_t *body = NULL;

    wr->changes.req = req;
    wr->status = 200;
    wr->old = arm_service(req);
    if (!wr->old || !arm_body(req, &body))
        return;
    wr->row = resource_row_of(req, wr->old);
    arm_kept_read(req, wr->old->properties, &wr->kept);
    if (take_body(req, body, wr))
        commit(req, wr);
}

void arm_service_link_hub(struct request *req)
{
    struct write *wr = arena_new(req->arena, struct write);
    AUTO(json_freep) json_t *body = NULL;
    struct str id;

    wr->changes.req = req;
    wr->old = arm_service(req);
    if (!wr->old || !arm_body(req, &body))
        return;
    if (json_get_str(body, "resourceId", &id) || !id.len || id.len > HUB_MAX) {
        (void)refuse_content(req, "resourceId must be the id of a notification hub.");
        return;
    }
    wr->row = resource_row_of(req, wr->old);
    arm_kept_read(req, wr->old->properties, &wr->kept);
    wr->kept.hub = arena_dup(req->arena, id); /* its connection string is not kept */
    wr->linked = true;
    commit(req, wr);
}

/* ---- DELETE ---- */

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
    struct changes *c = arena_new(req->arena, struct changes);
    struct application_row identity;
    const struct resource *r;
    enum rc rc;

    if (!arm_subscription(req))
        return;
    r = arm_service_find(req);
    if (!r) {
        answer_empty(req, 204);
        return;
    }
    if (r->is_default) {
        arm_refuse(req, &API_CONFLICT, STR("The default resource of the server can't be deleted."));
        return;
    }
    rc = application_named(req, r->scope, &identity);
    if (rc && rc != RC_NOT_FOUND) {
        arm_refuse_rc(req, rc);
        return;
    }
    c->n = resource_delete_changes(req, r, rc ? NULL : &identity, c->items);
    changes_commit(c, req, on_deleted);
}

/* ---- names ---- */

void arm_check_name(struct request *req)
{
    AUTO(json_freep) json_t *body = NULL;
    struct arm_answer a;
    struct str name, type;
    char *lower;

    if (!arm_subscription(req) || !arm_body(req, &body))
        return;
    if (json_get_str(body, "name", &name) || json_get_str(body, "type", &type)) {
        (void)refuse_content(req, "name and type are required.");
        return;
    }
    lower = arena_alloc(req->arena, name.len + 1);
    ascii_lower(lower, name);
    name = str_of(lower, name.len);
    bool valid = name_eq_nocase(type, STR(ARM_SERVICE_TYPE)) && resource_label_valid(name);
    bool is_free = valid && resource_name_free(req, name);
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_member_bool(&a.w, "nameAvailable", is_free);
    if (!is_free) {
        json_member_str(&a.w, "reason", valid ? STR("AlreadyExists") : STR("Invalid"));
        json_member_str(&a.w, "message",
                        valid ? STR("The name is taken already.")
                              : STR("The name must have 1 to 63 letters, digits and inner "
                                    "hyphens, and the type must be " ARM_SERVICE_TYPE "."));
    }
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}
