/* Microsoft.Communication/communicationServices, shown; and what may be done with them.
 * Source: wire/managed-identity §5.2, §5.3. */
#include "services/resources/arm_kept.h"

struct str arm_service_id(struct request *req, const struct resource *r)
{
    return arena_printf(req->arena, STR_FMT "/providers/" ARM_SERVICE_TYPE "/" STR_FMT,
                        STR_ARG(arm_group_id(req, r->group)), STR_ARG(r->name));
}

static struct str host_name(struct request *req, const struct resource *r)
{
    struct str endpoint = site_endpoint(req, r);
    size_t at = str_find_str(endpoint, STR("://"));

    return str_from_index(endpoint, at + 3);
}

static struct str identity_type(const struct arm_kept *k)
{
    if (k->system)
        return k->identities_count ? STR("SystemAssigned,UserAssigned") : STR("SystemAssigned");
    return k->identities_count ? STR("UserAssigned") : STR("None");
}

static void write_user_assigned(struct request *req, const struct arm_kept *k,
                                struct json_writer *w)
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

static void write_identity(struct request *req, const struct resource *r, const struct arm_kept *k,
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
    struct arm_kept k;

    arm_kept_read(req, r->properties, &k);
    json_object_begin(w);
    json_member_str(w, "id", arm_service_id(req, r));
    json_member_str(w, "name", r->name);
    json_member_str(w, "type", STR(ARM_SERVICE_TYPE));
    json_member_str(w, "location", STR("Global"));
    arm_write_tags(w, k.tags);
    write_identity(req, r, &k, w);
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "provisioningState", STR("Succeeded"));
    json_member_str(w, "hostName", host_name(req, r));
    json_member_str(w, "dataLocation", r->data_location);
    json_member_str(w, "immutableResourceId", r->id_text);
    arm_member_text(w, "notificationHubId", k.hub);
    arm_member_raw(w, "linkedDomains", k.linked_domains);
    arm_member_text(w, "publicNetworkAccess", k.network);
    json_member_bool(w, "disableLocalAuth", r->no_local_auth);
    json_object_end(w);
    json_object_end(w);
}

void arm_answer_service(struct request *req, int status, const struct resource *r)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_service(req, r, &a.w);
    arm_answer_end(&a, status);
}

/* The path's resource in the path's group, or NULL. */
const struct resource *arm_service_find(struct request *req)
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
    r = arm_service_find(req);
    if (!r)
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   arena_printf(req->arena,
                                "The Resource '" ARM_SERVICE_TYPE "/" STR_FMT
                                "' under resource group '" STR_FMT "' was not found.",
                                STR_ARG(req->params[ARM_NAME]), STR_ARG(req->params[ARM_GROUP])));
    return r;
}

void arm_service_get(struct request *req)
{
    const struct resource *r = arm_service(req);

    if (r)
        arm_answer_service(req, 200, r);
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

/* ---- operations ---- */

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
