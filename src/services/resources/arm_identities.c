/* Managed identities: those with a name of their own, which are application rows found by their ARM
 * id, and what a resource's own identity looks like. Their federated credentials are
 * arm_federated.c's, the endpoint that gives their tokens is services/endpoint's.
 * Source: wire/managed-identity §5.3, §6. */
#include "services/resources/arm_access.h"

#define IDENTITIES   STR("/providers/microsoft.managedidentity/userassignedidentities/")
#define TYPE         "Microsoft.ManagedIdentity/userAssignedIdentities"
#define NAME_MIN     ((size_t)3)
#define NAME_MAX_LEN ((size_t)128)
#define LOCATION_MAX ((size_t)64)

/* ---- names and ids ---- */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool arm_child_name_valid(struct str name, size_t min)
{
    if (name.len < min || name.len > NAME_MAX_LEN || !is_alnum(name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_alnum(name.ptr[i]) && name.ptr[i] != '-' && name.ptr[i] != '_')
            return false;
    }
    return true;
}

bool arm_id_is_identity(struct str arm_id)
{
    return str_find_str(arm_id, IDENTITIES) < arm_id.len;
}

struct str arm_id_group(struct str id)
{
    struct str rest = id, word;

    while (rest.len) {
        bool more = str_cut(rest, '/', &word, &rest);

        if (name_eq_nocase(word, STR("resourceGroups")) && more) {
            (void)str_cut(rest, '/', &word, &rest);
            return word;
        }
    }
    return STR_EMPTY;
}

static struct str path_id(struct request *req)
{
    return managed_identity_id(&gate_directory(req->site->gate)->subscription,
                               req->params[ARM_GROUP], req->params[ARM_NAME], true, req->arena);
}

/* The group's spelling is the caller's where its path names one: the row has it in lower case. */
struct str arm_identity_id(struct request *req, const struct application_row *row)
{
    struct str group = arm_id_group(row->arm_id);

    if (name_eq_nocase(group, req->params[ARM_GROUP]))
        group = req->params[ARM_GROUP];
    return managed_identity_id(&gate_directory(req->site->gate)->subscription, group, row->name,
                               false, req->arena);
}

static void refuse_absent(struct request *req)
{
    arm_refuse(req, &API_RESOURCE_NOT_FOUND,
               arena_printf(req->arena,
                            "The Resource '" TYPE "/" STR_FMT "' under resource group '" STR_FMT
                            "' was not found.",
                            STR_ARG(body_excerpt(req->params[ARM_NAME])),
                            STR_ARG(body_excerpt(req->params[ARM_GROUP]))));
}

bool arm_identity_find(struct request *req, struct application_row *out)
{
    enum rc rc;

    if (!arm_subscription(req))
        return false;
    rc = application_named(req, path_id(req), out);
    if (rc == RC_NOT_FOUND)
        refuse_absent(req);
    else if (rc)
        arm_refuse_rc(req, rc);
    return rc == RC_OK;
}

/* ---- out ---- */

static void write_ids(struct request *req, const struct application_row *row, struct json_writer *w)
{
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "tenantId", gate_directory(req->site->gate)->tenant_text);
    arm_member_id(w, "principalId", &row->object_id);
    arm_member_id(w, "clientId", &row->client_id);
    json_object_end(w);
}

static void write_identity(struct request *req, const struct application_row *row,
                           struct json_writer *w)
{
    struct app_document document = {0};

    if (app_document_read(row->document, req->arena, &document))
        document = (struct app_document){0}; /* damaged: its ids are what matters */
    json_object_begin(w);
    json_member_str(w, "id", arm_identity_id(req, row));
    json_member_str(w, "name", row->name);
    json_member_str(w, "type", STR(TYPE));
    json_member_str(w, "location", document.location);
    arm_write_tags(w, document.tags);
    write_ids(req, row, w);
    json_object_end(w);
}

static void answer_identity(struct request *req, int status, const struct application_row *row)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_identity(req, row, &a.w);
    arm_answer_end(&a, status);
}

void arm_identity_get(struct request *req)
{
    struct application_row row;

    if (arm_identity_find(req, &row))
        answer_identity(req, 200, &row);
}

static void answer_default(struct request *req, const struct resource *r,
                           const struct application_row *row)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_member_str(&a.w, "id",
                    arena_printf(req->arena,
                                 STR_FMT "/providers/Microsoft.ManagedIdentity/identities/default",
                                 STR_ARG(arm_service_id(req, r))));
    json_member_str(&a.w, "name", STR("default"));
    json_member_str(&a.w, "type", STR("Microsoft.ManagedIdentity/identities"));
    json_member_str(&a.w, "location", r->location);
    write_ids(req, row, &a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_identity_default(struct request *req)
{
    const struct resource *r = arm_service(req);
    struct application_row row;
    enum rc rc;

    if (!r)
        return;
    rc = application_named(req, r->scope, &row);
    if (rc == RC_NOT_FOUND)
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   STR("The resource has no system-assigned identity."));
    else if (rc)
        arm_refuse_rc(req, rc);
    else
        answer_default(req, r, &row);
}

/* ---- list ---- */

static void on_listed(void *ctx, enum rc rc, const struct access_page *page)
{
    struct request *req = ctx;
    bool one_group = req->params[ARM_GROUP].len > 0;
    struct arm_answer a;

    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < page->n; i++) {
        const struct application_row *row = &page->applications[i];

        if (arm_id_is_identity(row->arm_id) &&
            (!one_group || name_eq_nocase(arm_id_group(row->arm_id), req->params[ARM_GROUP])))
            write_identity(req, row, &a.w);
    }
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_identities_list(struct request *req)
{
    struct access_query q = {.what = ACCESS_APPLICATIONS, .kind = APPLICATION_MANAGED};

    if (!arm_subscription(req))
        return;
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &q, on_listed, req);
}

/* ---- put, patch ---- */

static bool refuse_put(struct request *req, const struct api_error *error, const char *message)
{
    arm_refuse(req, error, str_from(message));
    return false;
}

bool arm_location(struct request *req, const json_t *body, struct str *out)
{
    struct str text;
    enum rc rc = json_get_str(body, "location", &text);
    char *kept;
    size_t n = 0;

    *out = STR_EMPTY;
    if (rc == RC_NOT_FOUND)
        return true;
    if (rc || text.len > LOCATION_MAX)
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          "location must be a string of at most 64 octets.");
    kept = arena_alloc(req->arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ')
            continue;
        if (!is_alnum(text.ptr[i]) && text.ptr[i] != '-')
            return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                              "location must be of letters, digits, blanks and hyphens.");
        kept[n++] = text.ptr[i];
    }
    ascii_lower(kept, str_of(kept, n));
    *out = str_of(kept, n);
    return true;
}

struct identity_change {
    struct changes c; /* first: what changes_commit() hands back */
    struct application_row row;
    bool is_new;
};

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    const struct identity_change *ic = ctx;

    (void)set;
    if (rc == RC_CONFLICT)
        arm_refuse(ic->c.req, &API_CONFLICT,
                   ic->is_new ? STR("Another application or managed identity of this server has "
                                    "this name: names are unique across resource groups.")
                              : STR("Somebody else has changed it meanwhile: try again."));
    else if (rc)
        arm_refuse_rc(ic->c.req, rc);
    else
        answer_identity(ic->c.req, ic->is_new ? 201 : 200, &ic->row);
}

static void commit_put(struct request *req, struct identity_change *ic)
{
    ic->c.items[ic->c.n++] =
        (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = ic->row};
    changes_commit(&ic->c, req, on_put);
}

static void put_new(struct request *req, const json_t *body, struct identity_change *ic)
{
    struct str name = req->params[ARM_NAME], location, tags = STR_EMPTY;

    if (!arm_child_name_valid(name, NAME_MIN) || !application_name_valid(name)) {
        (void)refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                         "The name of a managed identity must be 3 to 128 letters, digits, '-' and "
                         "'_', begin with a letter or a digit, and be no GUID.");
        return;
    }
    if (!arm_group_valid(req, req->params[ARM_GROUP]) || !arm_location(req, body, &location) ||
        !arm_tags(req, body, &tags))
        return;
    if (!location.len) {
        (void)refuse_put(req, &API_INVALID_REQUEST_CONTENT, "location is required.");
        return;
    }
    ic->is_new = true;
    ic->row = managed_identity_make(req, req->params[ARM_GROUP], arena_dup(req->arena, name),
                                    location, tags);
    commit_put(req, ic);
}

static void put_again(struct request *req, const json_t *body, struct identity_change *ic)
{
    struct app_document document;
    struct str location;
    enum rc rc = app_document_read(ic->row.document, req->arena, &document);

    if (rc) {
        arm_refuse_rc(req, RC_INTERNAL);
        return;
    }
    if (req->method == PUT)
        document.tags = STR_EMPTY; /* a PUT says all of it */
    if (!arm_location(req, body, &location) || !arm_tags(req, body, &document.tags))
        return;
    if (location.len && !name_eq(location, document.location)) {
        (void)refuse_put(req, &API_CONFLICT,
                         "The location of a managed identity can't be changed.");
        return;
    }
    rc = application_changed(req, &ic->row, &document);
    if (rc)
        arm_refuse_rc(req, rc);
    else
        commit_put(req, ic);
}

void arm_identity_put(struct request *req)
{
    AUTO(json_freep) json_t *body = NULL;
    struct identity_change *ic = arena_new(req->arena, struct identity_change);
    enum rc rc;

    if (!arm_subscription(req) || !arm_body(req, &body))
        return;
    rc = application_named(req, path_id(req), &ic->row);
    if (!rc)
        put_again(req, body, ic);
    else if (rc != RC_NOT_FOUND)
        arm_refuse_rc(req, rc);
    else if (req->method == PATCH)
        refuse_absent(req);
    else
        put_new(req, body, ic);
}

/* ---- delete ---- */

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    const struct changes *c = ctx;

    (void)set;
    if (rc)
        arm_refuse_rc(c->req, rc);
    else
        answer_empty(c->req, c->items[0].out_existed ? 200 : 204);
}

void arm_identity_delete(struct request *req)
{
    struct changes *c = arena_new(req->arena, struct changes);
    struct application_row row;
    enum rc rc;

    if (!arm_subscription(req))
        return;
    rc = application_named(req, path_id(req), &row);
    if (rc == RC_NOT_FOUND) {
        answer_empty(req, 204);
        return;
    }
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    c->items[c->n++] = (struct change){.kind = CHANGE_APPLICATION_DELETE,
                                       .u.application.client_id = row.client_id};
    changes_commit(c, req, on_deleted);
}
