/* Microsoft.Communication/communicationServices: resources as the management API shows them. All is
 * done at once: no answer names an operation to wait for. What the API keeps of a resource beyond
 * its row (tags, linked domains, identity) is one JSON object in it.
 * Source: wire/managed-identity §5.2, §5.3, §5.4. */
#include "services/resource_rows.h"
#include "services/resources/arm.h"

#define TYPE           "Microsoft.Communication/CommunicationServices"
#define IDENTITY_MAX   32 /* user-assigned identities of one resource */
#define DOMAINS_MAX    100
#define HUB_MAX        ((size_t)1024)
#define PROPERTIES_MAX (64 * KIB)

/* ---- what is kept in `properties` ---- */

/* The members of the row's object; JSON texts, empty when absent. */
struct kept {
    struct str tags, linked_domains, hub;
    struct str network; /* publicNetworkAccess */
    bool system;        /* identity: SystemAssigned */
    struct str identities[IDENTITY_MAX];
    size_t identities_count; /* identity: UserAssigned, ARM ids */
};

static struct str text_of(struct request *req, const json_t *obj, const char *name)
{
    struct str text;

    return json_get_str(obj, name, &text) ? STR_EMPTY : arena_dup(req->arena, text);
}

static void read_kept(struct request *req, struct str text, struct kept *out)
{
    AUTO(json_freep) json_t *obj = NULL;
    const json_t *list, *item;
    size_t i;

    *out = (struct kept){0};
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
        if (json_is_string(item) && out->identities_count < IDENTITY_MAX)
            out->identities[out->identities_count++] =
                arena_dup(req->arena, str_of(json_string_value(item), json_string_length(item)));
    }
}

static void member_raw(struct json_writer *w, const char *name, struct str value)
{
    if (!value.len)
        return;
    json_name(w, name);
    json_raw(w, value);
}

static void member_text(struct json_writer *w, const char *name, struct str value)
{
    if (value.len)
        json_member_str(w, name, value);
}

static enum rc write_kept(struct request *req, const struct kept *k, struct str *out)
{
    struct json_writer w;
    struct buf text;
    enum rc rc;

    buf_init(&text, PROPERTIES_MAX);
    json_writer_init(&w, &text);
    json_object_begin(&w);
    member_raw(&w, "tags", k->tags);
    member_raw(&w, "linkedDomains", k->linked_domains);
    member_text(&w, "publicNetworkAccess", k->network);
    member_text(&w, "notificationHubId", k->hub);
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

/* ---- out ---- */

struct str arm_service_id(struct request *req, const struct resource *r)
{
    return arena_printf(req->arena, STR_FMT "/providers/" TYPE "/" STR_FMT,
                        STR_ARG(arm_group_id(req, r->group)), STR_ARG(r->name));
}

static struct str host_name(struct request *req, const struct resource *r)
{
    struct str endpoint = site_endpoint(req, r);
    size_t at = str_find_str(endpoint, STR("://"));

    return str_from_index(endpoint, at + 3);
}

static struct str identity_type(const struct kept *k)
{
    if (k->system)
        return k->identities_count ? STR("SystemAssigned,UserAssigned") : STR("SystemAssigned");
    return k->identities_count ? STR("UserAssigned") : STR("None");
}

static void write_user_assigned(struct request *req, const struct kept *k, struct json_writer *w)
{
    json_name(w, "userAssignedIdentities");
    json_object_begin(w);
    for (size_t i = 0; i < k->identities_count; i++) {
        struct application_row row;

        json_name(w, k->identities[i].ptr); /* a copy in the arena: ended by a NUL */
        json_object_begin(w);
        if (!application_named(req, k->identities[i], &row)) {
            arm_member_id(w, "principalId", &row.object_id);
            arm_member_id(w, "clientId", &row.client_id);
        }
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_identity(struct request *req, const struct resource *r, const struct kept *k,
                           struct json_writer *w)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct application_row row;

    if (!k->system && !k->identities_count)
        return;
    json_name(w, "identity");
    json_object_begin(w);
    json_member_str(w, "type", identity_type(k));
    if (k->system && !application_named(req, r->scope, &row)) {
        arm_member_id(w, "principalId", &row.object_id);
        json_member_str(w, "tenantId", d->tenant_text);
    }
    if (k->identities_count)
        write_user_assigned(req, k, w);
    json_object_end(w);
}

static void write_service(struct request *req, const struct resource *r, struct json_writer *w)
{
    struct kept k;

    read_kept(req, r->properties, &k);
    json_object_begin(w);
    json_member_str(w, "id", arm_service_id(req, r));
    json_member_str(w, "name", r->name);
    json_member_str(w, "type", STR(TYPE));
    json_member_str(w, "location", STR("Global"));
    arm_write_tags(w, k.tags);
    write_identity(req, r, &k, w);
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "provisioningState", STR("Succeeded"));
    json_member_str(w, "hostName", host_name(req, r));
    json_member_str(w, "dataLocation", r->data_location);
    json_member_str(w, "immutableResourceId", r->id_text);
    member_text(w, "notificationHubId", k.hub);
    member_raw(w, "linkedDomains", k.linked_domains);
    member_text(w, "publicNetworkAccess", k.network);
    json_member_bool(w, "disableLocalAuth", r->no_local_auth);
    json_object_end(w);
    json_object_end(w);
}

static void answer_service(struct request *req, int status, const struct resource *r)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_service(req, r, &a.w);
    arm_answer_end(&a, status);
}

/* The path's resource in the path's group, or NULL. */
static const struct resource *find(struct request *req)
{
    const struct resource *r;
    char lower[64];
    struct str name = req->params[ARM_NAME];

    if (name.len > sizeof lower)
        return NULL;
    ascii_lower(lower, name);
    r = directory_by_name(gate_directory(req->site->gate), str_of(lower, name.len));
    return r && name_eq_nocase(r->group, req->params[ARM_GROUP]) ? r : NULL;
}

const struct resource *arm_service(struct request *req)
{
    const struct resource *r;

    if (!arm_subscription(req))
        return NULL;
    r = find(req);
    if (!r)
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   arena_printf(req->arena,
                                "The Resource '" TYPE "/" STR_FMT "' under resource group '" STR_FMT
                                "' was not found.",
                                STR_ARG(req->params[ARM_NAME]), STR_ARG(req->params[ARM_GROUP])));
    return r;
}

void arm_service_get(struct request *req)
{
    const struct resource *r = arm_service(req);

    if (r)
        answer_service(req, 200, r);
}

void arm_services_list(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str group = req->params[ARM_GROUP];
    struct arm_answer a;

    if (!arm_subscription(req))
        return;
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        if (r->state != RESOURCE_DELETED && (!group.len || name_eq_nocase(r->group, group)))
            write_service(req, r, &a.w);
    }
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

/* ---- in ---- */

struct write {
    struct changes changes; /* first */
    const struct resource *old;
    struct resource_row row;
    struct kept kept;
    int status;
    bool replace; /* PUT: what is not named goes */
    bool linked;  /* the answer names the notification hub alone */
};

static bool refuse_content(struct request *req, const char *text)
{
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT, str_from(text));
    return false;
}

static bool read_domains(struct request *req, const json_t *properties, struct kept *k)
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

static bool read_network(struct request *req, const json_t *properties, struct kept *k)
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

static size_t find_identity(const struct kept *k, struct str id)
{
    size_t i = 0;

    while (i < k->identities_count && !name_eq_nocase(k->identities[i], id))
        i++;
    return i;
}

static bool add_identity(struct request *req, struct kept *k, struct str id)
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
    if (k->identities_count == IDENTITY_MAX)
        return refuse_content(req, "A resource has at most 32 user-assigned identities.");
    k->identities[k->identities_count++] = arena_dup(req->arena, id);
    return true;
}

/* An object of ids: null takes one away, anything else names it. */
static bool read_assigned(struct request *req, json_t *assigned, struct kept *k)
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
        answer_service(req, wr->status, r);
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

    if (write_kept(req, &wr->kept, &wr->row.properties)) {
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
                            "The location '" STR_FMT "' is not available for resource type '" TYPE
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
    wr->old = find(req);
    wr->status = wr->old ? 200 : 201;
    if (!wr->old && !read_name(req, wr))
        return;
    if (wr->old) {
        struct kept before;

        wr->row = resource_row_of(req, wr->old);
        wr->row.no_local_auth = false;
        read_kept(req, wr->old->properties, &before);
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
    read_kept(req, wr->old->properties, &wr->kept);
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
    read_kept(req, wr->old->properties, &wr->kept);
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
    r = find(req);
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

/* ---- the rest ---- */

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
    bool valid = name_eq_nocase(type, STR(TYPE)) && resource_label_valid(name);
    bool is_free = valid && resource_name_free(req, name);
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_member_bool(&a.w, "nameAvailable", is_free);
    if (!is_free) {
        json_member_str(&a.w, "reason", valid ? STR("AlreadyExists") : STR("Invalid"));
        json_member_str(&a.w, "message",
                        valid ? STR("The name is taken already.")
                              : STR("The name must have 1 to 63 letters, digits and inner "
                                    "hyphens, and the type must be " TYPE "."));
    }
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

/* Nothing is left running: there is no operation to ask for. */
void arm_operation_status(struct request *req)
{
    if (arm_subscription(req))
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   STR("There is no such operation: every request is done when it is answered."));
}

void arm_operations(struct request *req)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (int i = ACTION_NONE + 1; i < ACTION_COUNT; i++) {
        struct str name = action_name((enum action)i);

        if (!str_starts(name, STR("Microsoft.Communication/")))
            continue;
        json_object_begin(&a.w);
        json_member_str(&a.w, "name", name);
        json_member_bool(&a.w, "isDataAction", action_is_data((enum action)i));
        json_name(&a.w, "display");
        json_object_begin(&a.w);
        json_member_str(&a.w, "provider", STR("Microsoft Communication"));
        json_member_str(&a.w, "resource", STR("Communication Services"));
        json_member_str(&a.w, "operation", name);
        json_member_str(&a.w, "description", name);
        json_object_end(&a.w);
        json_object_end(&a.w);
    }
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}
