/* Microsoft.ManagedIdentity: user-assigned identities, and the system-assigned one of a resource.
 * An identity is an application of its own; its ARM id says where it lives.
 * Source: wire/managed-identity §6. */
#include "services/resources/arm_identity.h"

#include "services/resource_rows.h"

#define NAME_MIN        ((size_t)3)
#define NAME_MAX_OCTETS ((size_t)128)
#define MARK            STR("/providers/microsoft.managedidentity/userassignedidentities/")

/* ---- which one ---- */

bool arm_identity_place(struct str arm_id, struct arm_identity_place *out)
{
    struct str groups = STR("/resourcegroups/");
    size_t at = str_find_str(arm_id, groups), mark = str_find_str(arm_id, MARK);

    if (at >= mark || mark >= arm_id.len)
        return false; /* a resource's own */
    out->group = str_of(arm_id.ptr + at + groups.len, mark - at - groups.len);
    out->name = str_from_index(arm_id, mark + MARK.len);
    return true;
}

/* Letters, digits, '-' and '_', beginning with a letter or digit. */
bool arm_child_name_valid(struct str name, size_t max)
{
    bool ok = name.len >= NAME_MIN && name.len <= max && name.ptr[0] != '-' && name.ptr[0] != '_';

    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.ptr[i];

        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    }
    return ok;
}

bool arm_identity_find(struct request *req, struct application_row *out, enum rc *out_rc)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str id;

    if (!arm_subscription(req) || !arm_group_valid(req, req->params[ARM_GROUP]))
        return false;
    if (!arm_child_name_valid(req->params[ARM_NAME], NAME_MAX_OCTETS)) {
        arm_invalid(req, STR("The name of an identity is 3 to 128 letters, digits, '-' and '_', "
                             "and begins with a letter or digit."));
        return false;
    }
    id = managed_identity_id(&d->subscription, req->params[ARM_GROUP], req->params[ARM_NAME], true,
                             req->arena);
    *out_rc = store_application(req->site->reader, APPLICATION_BY_ARM_ID, id, req->arena, out);
    return true;
}

bool arm_identity(struct request *req, struct application_row *out, struct app_document *document)
{
    enum rc rc;

    if (!arm_identity_find(req, out, &rc))
        return false;
    if (!rc)
        rc = app_document_read(out->document, req->arena, document);
    if (rc == RC_NOT_FOUND)
        arm_refuse(
            req, &API_RESOURCE_NOT_FOUND,
            arena_printf(req->arena,
                         "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/" STR_FMT
                         "' under resource group '" STR_FMT "' was not found.",
                         STR_ARG(req->params[ARM_NAME]), STR_ARG(req->params[ARM_GROUP])));
    else if (rc)
        arm_refuse_rc(req, rc);
    return !rc;
}

/* ---- out ---- */

static void write_properties(struct arm_answer *a, const struct application_row *row)
{
    json_name(&a->w, "properties");
    json_object_begin(&a->w);
    json_member_str(&a->w, "tenantId", gate_directory(a->req->site->gate)->tenant_text);
    json_member_id(&a->w, "principalId", &row->object_id);
    json_member_id(&a->w, "clientId", &row->client_id);
}

void arm_write_identity(struct arm_answer *a, const struct application_row *row)
{
    const struct directory *d = gate_directory(a->req->site->gate);
    struct arm_identity_place place = {0};
    struct app_document document = {0};
    struct str name;

    if (!arm_identity_place(row->arm_id, &place))
        return;
    if (app_document_read(row->document, a->req->arena, &document))
        document = (struct app_document){0}; /* no row of ours */
    name = name_eq_nocase(row->name, place.name) ? row->name : place.name;
    json_object_begin(&a->w);
    json_member_str(&a->w, "id",
                    managed_identity_id(&d->subscription, place.group, name, false, a->req->arena));
    json_member_str(&a->w, "name", name);
    json_member_str(&a->w, "type", ARM_IDENTITY_TYPE);
    json_member_str(&a->w, "location", document.location);
    arm_write_tags(&a->w, document.tags);
    write_properties(a, row);
    json_object_end(&a->w);
    json_object_end(&a->w);
}

static void answer_identity(struct request *req, int status, const struct application_row *row)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    arm_write_identity(&a, row);
    arm_answer_end(&a, status);
}

void arm_identity_get(struct request *req)
{
    struct application_row row;
    struct app_document document;

    if (arm_identity(req, &row, &document))
        answer_identity(req, 200, &row);
}

/* ---- writing ---- */

struct identity_write {
    struct changes changes; /* first */
    struct application_row row;
};

static void on_written(void *ctx, enum rc rc, struct change_set *set)
{
    struct identity_write *iw = ctx;
    struct request *req = iw->changes.req;

    if (rc == RC_CONFLICT && iw->row.version == 1)
        arm_refuse(req, &API_CONFLICT,
                   STR("An application or identity has this name already: names are unique here, "
                       "also between groups."));
    else if (rc)
        arm_refuse_rc(req, rc);
    else
        answer_identity(req, set->items[0].out_existed ? 200 : 201, &iw->row);
}

static void commit(struct identity_write *iw, struct request *req)
{
    iw->changes.items[0] =
        (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = iw->row};
    iw->changes.n = 1;
    changes_commit(&iw->changes, req, on_written);
}

static void change(struct request *req, struct identity_write *iw, const json_t *body)
{
    struct app_document document;
    enum rc rc = app_document_read(iw->row.document, req->arena, &document);

    if (req->method == PUT)
        document.tags = STR_EMPTY;
    if (!rc && !arm_tags(req, body, &document.tags))
        return;
    if (!rc)
        rc = application_changed(req, &iw->row, &document);
    if (rc)
        arm_refuse_rc(req, rc);
    else
        commit(iw, req);
}

void arm_identity_put(struct request *req)
{
    static const struct arm_text_rule rule = {"location", 64, true};
    struct identity_write *iw = arena_new(req->arena, struct identity_write);
    AUTO(json_freep) json_t *body = NULL;
    struct str location = STR_EMPTY, tags = STR_EMPTY;
    enum rc rc;

    if (!arm_identity_find(req, &iw->row, &rc) || !arm_body(req, &body))
        return;
    if (rc && (rc != RC_NOT_FOUND || req->method == PATCH)) {
        arm_refuse_rc(req, rc);
        return;
    }
    if (req->method == PUT && !arm_text(req, body, &rule, &location))
        return;
    if (!rc) {
        change(req, iw, body);
        return;
    }
    if (!application_name_valid(req->params[ARM_NAME])) {
        arm_invalid(req, STR("The name of an identity must not be a GUID: it would be taken for an "
                             "id."));
        return;
    }
    if (!arm_tags(req, body, &tags))
        return;
    iw->row = managed_identity_make(req, req->params[ARM_GROUP],
                                    arena_dup(req->arena, req->params[ARM_NAME]), location, tags);
    commit(iw, req);
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct changes *c = ctx;

    if (rc)
        arm_refuse_rc(c->req, rc);
    else
        answer_empty(c->req, set->items[0].out_existed ? 200 : 204);
}

void arm_identity_delete(struct request *req)
{
    struct changes *c = arena_new(req->arena, struct changes);
    struct application_row row;
    enum rc rc;

    if (!arm_identity_find(req, &row, &rc))
        return;
    if (rc == RC_NOT_FOUND) {
        answer_empty(req, 204);
        return;
    }
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    c->items[0].kind = CHANGE_APPLICATION_DELETE;
    c->items[0].u.application.client_id = row.client_id;
    c->n = 1;
    changes_commit(c, req, on_deleted);
}

/* ---- lists ---- */

static bool is_listed(const struct application_row *row, struct str group)
{
    struct arm_identity_place place;

    return arm_identity_place(row->arm_id, &place) &&
           (!group.len || name_eq_nocase(group, place.group));
}

static bool any_listed(const struct access_page *page, struct str group)
{
    for (size_t i = 0; i < page->n; i++)
        if (is_listed(&page->applications[i], group))
            return true;
    return false;
}

static void on_listed(void *ctx, enum rc rc, const struct access_page *page)
{
    struct request *req = ctx;
    struct str group = req->params[ARM_GROUP];
    struct arm_answer a;

    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    if (group.len && !any_listed(page, group)) {
        arm_group_answer_empty(req);
        return;
    }
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < page->n; i++)
        if (is_listed(&page->applications[i], group))
            arm_write_identity(&a, &page->applications[i]);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_identities_list(struct request *req)
{
    const struct access_query query = {.what = ACCESS_APPLICATIONS, .kind = APPLICATION_MANAGED};
    struct str group = req->params[ARM_GROUP];

    if (!arm_subscription(req) || (group.len && !arm_group_valid(req, group)))
        return;
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &query, on_listed, req);
}

/* ---- the resource's own ---- */

void arm_identity_default(struct request *req)
{
    const struct resource *r = arm_service(req);
    struct application_row row;
    struct arm_answer a;
    enum rc rc;

    if (!r)
        return;
    rc = system_identity_of(req, r, &row);
    if (rc == RC_NOT_FOUND)
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   STR("The resource has no system-assigned identity."));
    else if (rc)
        arm_refuse_rc(req, rc);
    if (rc)
        return;
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_member_str(&a.w, "id",
                    arena_printf(req->arena,
                                 STR_FMT "/providers/Microsoft.ManagedIdentity/identities/default",
                                 STR_ARG(arm_service_id(req, r))));
    json_member_str(&a.w, "name", STR("default"));
    json_member_str(&a.w, "type", STR("Microsoft.ManagedIdentity/identities"));
    json_member_str(&a.w, "location", STR("global"));
    write_properties(&a, &row);
    json_member_str(&a.w, "clientSecretUrl", STR("")); /* there is no secret to fetch */
    json_object_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}
