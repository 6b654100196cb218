/* The one subscription and the one tenant of this server, and where its parts are found: enough for
 * clients that look around before they work. Source: wire/managed-identity §5.1, §5.6. */
#include "services/resources/arm_filter.h"
#include "services/resources/arm_identity.h"
#include "services/resources/arm_service.h"

#define DISPLAY_NAME STR("Callgate")

static const struct directory *ids(struct request *req)
{
    return gate_directory(req->site->gate);
}

/* ---- subscriptions and tenants ---- */

static void write_subscription(struct arm_answer *a)
{
    const struct directory *d = ids(a->req);
    struct json_writer *w = &a->w;

    json_object_begin(w);
    json_member_str(
        w, "id",
        arena_printf(a->req->arena, "/subscriptions/" STR_FMT, STR_ARG(d->subscription_text)));
    json_member_str(w, "authorizationSource", STR("RoleBased"));
    json_name(w, "managedByTenants");
    json_array_begin(w);
    json_array_end(w);
    json_member_str(w, "subscriptionId", d->subscription_text);
    json_member_str(w, "tenantId", d->tenant_text);
    json_member_str(w, "displayName", DISPLAY_NAME);
    json_member_str(w, "state", STR("Enabled"));
    json_object_end(w);
}

static void begin_list(struct arm_answer *a, struct request *req)
{
    arm_answer_begin(a, req);
    json_object_begin(&a->w);
    json_name(&a->w, "value");
    json_array_begin(&a->w);
}

static void end_list(struct arm_answer *a)
{
    json_array_end(&a->w);
    json_object_end(&a->w);
    arm_answer_end(a, 200);
}

void arm_subscriptions_list(struct request *req)
{
    struct arm_answer a;

    begin_list(&a, req);
    write_subscription(&a);
    end_list(&a);
}

void arm_subscription_get(struct request *req)
{
    struct arm_answer a;

    if (!arm_subscription(req))
        return;
    arm_answer_begin(&a, req);
    write_subscription(&a);
    arm_answer_end(&a, 200);
}

void arm_tenants_list(struct request *req)
{
    const struct directory *d = ids(req);
    struct arm_answer a;

    begin_list(&a, req);
    json_object_begin(&a.w);
    json_member_str(&a.w, "id",
                    arena_printf(req->arena, "/tenants/" STR_FMT, STR_ARG(d->tenant_text)));
    json_member_str(&a.w, "tenantId", d->tenant_text);
    json_member_str(&a.w, "displayName", DISPLAY_NAME);
    json_member_str(&a.w, "tenantCategory", STR("Home"));
    json_object_end(&a.w);
    end_list(&a);
}

/* ---- endpoints ---- */

void arm_metadata_endpoints(struct request *req)
{
    struct str origin = request_origin(req);
    struct arm_answer a;
    struct json_writer *w = &a.w;

    arm_answer_begin(&a, req);
    json_object_begin(w);
    json_member_str(w, "name", DISPLAY_NAME);
    json_name(w, "authentication");
    json_object_begin(w);
    json_member_str(w, "loginEndpoint", origin);
    json_name(w, "audiences");
    json_array_begin(w);
    json_str(w, origin);
    json_array_end(w);
    json_member_str(w, "tenant", STR("common"));
    json_member_str(w, "identityProvider", STR("AAD"));
    json_object_end(w);
    json_member_str(w, "resourceManager", origin);
    json_member_str(w, "portal", origin);
    json_member_str(w, "graph", origin);
    json_name(w, "suffixes");
    json_object_begin(w);
    json_object_end(w);
    json_object_end(w);
    arm_answer_end(&a, 200);
}

/* ---- the provider and what it holds ---- */

static void write_type(struct json_writer *w, struct str name)
{
    json_object_begin(w);
    json_member_str(w, "resourceType", name);
    json_name(w, "locations");
    json_array_begin(w);
    json_str(w, STR("global"));
    json_array_end(w);
    json_name(w, "apiVersions");
    json_array_begin(w);
    arm_write_versions(w);
    json_array_end(w);
    json_object_end(w);
}

void arm_provider_get(struct request *req)
{
    struct arm_answer a;
    struct json_writer *w = &a.w;

    if (!arm_subscription(req))
        return;
    arm_answer_begin(&a, req);
    json_object_begin(w);
    json_member_str(w, "id",
                    arena_printf(req->arena,
                                 "/subscriptions/" STR_FMT "/providers/Microsoft.Communication",
                                 STR_ARG(ids(req)->subscription_text)));
    json_member_str(w, "namespace", STR("Microsoft.Communication"));
    json_member_str(w, "registrationState", STR("Registered"));
    json_name(w, "resourceTypes");
    json_array_begin(w);
    write_type(w, STR("CommunicationServices"));
    write_type(w, STR("checkNameAvailability"));
    write_type(w, STR("operations"));
    json_array_end(w);
    json_object_end(w);
    arm_answer_end(&a, 200);
}

struct everything {
    struct request *req;
    struct arm_filter filter;
};

static bool is_wanted(const struct everything *e, struct str type, struct str group,
                      struct str name)
{
    const struct arm_filter *f = &e->filter;

    return (!(f->has & FILTER_RESOURCE_TYPE) || name_eq_nocase(f->resource_type, type)) &&
           (!(f->has & FILTER_RESOURCE_GROUP) || name_eq_nocase(f->resource_group, group)) &&
           (!(f->has & FILTER_NAME) || name_eq_nocase(f->name, name));
}

static void on_identities(void *ctx, enum rc rc, const struct access_page *page)
{
    struct everything *e = ctx;
    const struct directory *d = ids(e->req);
    struct arm_identity_place place;
    struct arm_answer a;

    if (rc) {
        arm_refuse_rc(e->req, rc);
        return;
    }
    begin_list(&a, e->req);
    for (size_t i = 0; i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        if (r->state != RESOURCE_DELETED && is_wanted(e, ARM_SERVICE_TYPE, r->group, r->name))
            arm_write_service(&a, r);
    }
    for (size_t i = 0; i < page->n; i++) {
        const struct application_row *row = &page->applications[i];

        if (arm_identity_place(row->arm_id, &place) &&
            is_wanted(e, ARM_IDENTITY_TYPE, place.group, place.name))
            arm_write_identity(&a, row);
    }
    end_list(&a);
}

void arm_resources_list(struct request *req)
{
    const struct access_query query = {.what = ACCESS_APPLICATIONS, .kind = APPLICATION_MANAGED};
    struct everything *e = arena_new(req->arena, struct everything);

    e->req = req;
    if (!arm_subscription(req))
        return;
    if (arm_filter_read(req, FILTER_RESOURCE_TYPE | FILTER_RESOURCE_GROUP | FILTER_NAME,
                        &e->filter)) {
        arm_invalid(req, STR("'$filter' here is resourceType eq 'TYPE', resourceGroup eq 'GROUP', "
                             "name eq 'NAME', or several of them with 'and'."));
        return;
    }
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &query, on_identities, e);
}
