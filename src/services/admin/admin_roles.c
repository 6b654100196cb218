/* Roles and who has them where. Source: wire/managed-identity §3.4, §6, §8. */
#include "services/admin/admin_access.h"

#define NAME_MAX_LEN        128
#define DESCRIPTION_MAX_LEN 2048
#define PRINCIPAL_MAX_LEN   1024

/* ---- assignments ---- */

static void write_assignment(struct request *req, const struct role_assignment_row *row,
                             struct json_writer *w)
{
    const struct grants *grants = gate_grants(gate_of(req->site->gate));
    struct application_row app;

    json_object_begin(w);
    json_member_str(w, "id", uuid_text(req, &row->id));
    json_member_str(w, "principalId", uuid_text(req, &row->principal));
    if (!store_application(req->site->reader, APPLICATION_BY_OBJECT_ID,
                           str_of(&row->principal, sizeof row->principal), req->arena, &app)) {
        json_member_str(w, "principal", app.name);
        json_member_str(w, "kind", application_kind_name(app.kind));
    }
    json_member_str(w, "role", grants_role_name(grants, &row->role, req->arena));
    json_member_str(w, "roleId", uuid_text(req, &row->role));
    json_member_str(w, "scope", row->scope);
    json_member_time(w, "createdOn", row->created);
    json_object_end(w);
}

static void write_assignment_item(struct request *req, const struct access_page *page, size_t i,
                                  struct json_writer *w)
{
    write_assignment(req, &page->assignments[i], w);
}

/* The object id that `text` means: an application's, or the id itself. */
static enum rc principal_of(struct request *req, struct str text, struct uuid *out)
{
    struct application_row app;
    enum rc rc = application_named(req, text, &app);

    if (!rc)
        *out = app.object_id;
    return rc == RC_NOT_FOUND ? uuid_parse(text, out) ? RC_NOT_FOUND : RC_OK : rc;
}

/* "/", or of our subscription: a role at any other place would never be looked up. */
static bool read_scope_of_ours(struct request *req, struct str text, struct str *out,
                               struct refusal *why)
{
    struct str groups = STR("/resourcegroups/");
    struct str subscription =
        arena_printf(req->arena, "/subscriptions/" STR_FMT,
                     STR_ARG(gate_directory(req->site->gate)->subscription_text));

    if (scope_normalise(text, req->arena, out) == RC_OK) {
        struct str below = str_from_index(*out, subscription.len);

        if (name_eq(*out, STR("/")) ||
            (str_starts(*out, subscription) &&
             (!below.len || (str_starts(below, groups) && below.len > groups.len))))
            return true;
    }
    return access_refuse(why, &API_VALIDATION,
                         arena_printf(req->arena,
                                      "scope must be /, or this server's subscription, " STR_FMT
                                      ", or a resource group in it, /resourceGroups/NAME behind "
                                      "that, or a resource of the group.",
                                      STR_ARG(subscription)),
                         "$.scope");
}

/* scope or resource, from query or body. False: `why` says what is wrong with it. */
static bool read_scope(struct request *req, struct str scope, struct str resource, struct str *out,
                       struct refusal *why)
{
    const struct resource *r = NULL;

    if (scope.ptr && resource.ptr)
        return access_refuse(why, &API_VALIDATION, STR("Give scope or resource, not both."),
                             "$.scope");
    if (scope.ptr)
        return read_scope_of_ours(req, scope, out, why);
    if (!resource.ptr) {
        *out = default_scope(req);
        return true;
    }
    r = directory_by_name(gate_directory(req->site->gate), resource);
    if (!r)
        return access_refuse(why, &API_VALIDATION, STR("There is no resource of this name."),
                             "$.resource");
    *out = arena_dup(req->arena, r->scope);
    return true;
}

void admin_role_assignments_list(struct request *req)
{
    struct str principal = request_query(req, "principal"), scope = request_query(req, "scope");
    struct access_query query = {.what = ACCESS_ROLE_ASSIGNMENTS};
    enum rc rc = RC_OK;

    if (principal.ptr) {
        rc = principal_of(req, principal, &query.principal);
        query.of_principal = true;
    }
    if (rc == RC_NOT_FOUND)
        answer_refusal(req, &(struct refusal){&API_PRINCIPAL_NOT_FOUND,
                                              STR("Nobody goes by this name, client id or object "
                                                  "id."),
                                              STR("principal")});
    else if (rc)
        answer_rc(req, rc);
    else if (scope.ptr && scope_normalise(scope, req->arena, &query.scope))
        answer_invalid(req, STR("scope must be / or a path like /subscriptions/…"), STR("scope"));
    else
        access_list(req, &query, write_assignment_item);
}

struct assignment_body {
    struct str principal, role, scope, resource;
};

static void on_assigned(void *ctx, enum rc rc, struct change_set *set)
{
    struct changes *c = ctx;
    struct request *req = c->req;
    const struct role_assignment_row *row = &set->items[set->n - 1].u.role_assignment;
    struct json_writer w;
    struct buf out;

    if (rc == RC_CONFLICT) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("The principal has this role at this scope "
                                                  "already."),
                                              STR_EMPTY});
        return;
    }
    if (rc == RC_NOT_FOUND) {
        answer_error(req, role_assignment_refusal(req, row));
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, "role.assigned", "assignment", uuid_text(req, &row->id));
    buf_init(&out, ACCESS_TEXT_MAX);
    json_writer_init(&w, &out);
    write_assignment(req, row, &w);
    answer_json_moved(req, 201, &out);
}

/* The principal of the body, by name or id; one that is new to us comes with a record. */
static bool read_principal(struct request *req, struct str text, struct changes *c,
                           struct uuid *out, struct refusal *why)
{
    enum rc rc = principal_of(req, text, out);

    if (!rc)
        rc = principal_change(req, out, c);
    if (!rc)
        return true;
    if (rc == RC_NOT_FOUND)
        return access_refuse(why, &API_PRINCIPAL_NOT_FOUND,
                             STR("Nobody goes by this name, client id or object id: make it first, "
                                 "or trust the issuer that knows it."),
                             "$.principal");
    return access_refuse(why, &API_UNAVAILABLE, STR_EMPTY, "");
}

void admin_role_assign(struct request *req)
{
    static const struct json_field fields[] = {
        {"principal", JSON_FIELD_STR, offsetof(struct assignment_body, principal), 1,
         PRINCIPAL_MAX_LEN, true},
        {"role", JSON_FIELD_STR, offsetof(struct assignment_body, role), 1, PRINCIPAL_MAX_LEN,
         true},
        {"scope", JSON_FIELD_STR, offsetof(struct assignment_body, scope), 1, SCOPE_MAX, false},
        {"resource", JSON_FIELD_STR, offsetof(struct assignment_body, resource), 1, 64, false},
        {0}};
    struct changes *c = arena_new(req->arena, struct changes);
    struct role_assignment_row row = {.principal_type = STR("ServicePrincipal")};
    struct assignment_body body = {0};
    struct refusal why;
    struct role role;
    bool ok;

    ok = body_fill(req, fields, &body, &why) &&
         read_principal(req, body.principal, c, &row.principal, &why) &&
         read_scope(req, body.scope, body.resource, &row.scope, &why);
    if (ok && role_named(req, body.role, &role))
        ok = access_refuse(&why, &API_ROLE_DEFINITION_DOES_NOT_EXIST,
                           STR("There is no role of this name or id; GET /admin/roles lists them."),
                           "$.role");
    if (!ok) {
        answer_refusal(req, &why);
        return;
    }
    row.id = uuid_random();
    row.role = role.id;
    row.built_in_role = role.built_in;
    row.created = req->now;
    c->items[c->n++] =
        (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT, .u.role_assignment = row};
    changes_commit(c, req, on_assigned);
}

static void on_unassigned(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ((struct changes *)ctx)->req;

    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, "role.unassigned", "assignment",
               uuid_text(req, &set->items[0].u.role_assignment.id));
    answer_empty(req, 204);
}

void admin_role_unassign(struct request *req)
{
    struct changes *c = arena_new(req->arena, struct changes);
    struct role_assignment_row row;
    struct uuid id;
    enum rc rc = uuid_parse(req->params[0], &id) ? RC_NOT_FOUND : RC_OK;

    if (!rc)
        rc = store_role_assignment(req->site->reader, &id, req->arena, &row);
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    c->items[c->n++] =
        (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_DELETE, .u.role_assignment = row};
    changes_commit(c, req, on_unassigned);
}

/* ---- definitions ---- */

static void write_custom(struct request *req, const struct role_row *row, struct json_writer *w)
{
    struct str description = STR_EMPTY, permissions = STR_EMPTY;
    json_t *doc = NULL;

    json_object_begin(w);
    json_member_str(w, "name", row->name);
    json_member_str(w, "id", uuid_text(req, &row->id));
    json_member_bool(w, "builtIn", false);
    if (!json_read(row->document, &doc, NULL) && !json_get_str(doc, "description", &description))
        json_member_str(w, "description", description);
    if (doc && !json_raw_member(row->document, STR("permissions"), &permissions)) {
        json_name(w, "permissions");
        json_raw(w, permissions);
    }
    json_member_time(w, "createdOn", row->created);
    json_object_end(w);
    json_decref(doc);
}

static void write_built_in(struct request *req, const struct role *role, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "name", role->name);
    json_member_str(w, "id", uuid_text(req, &role->id));
    json_member_bool(w, "builtIn", true);
    json_member_str(w, "description", role->description);
    json_name(w, "permissions");
    built_in_role_write_permissions(role, w);
    json_object_end(w);
}

struct roles_page {
    struct request *req;
    struct arena scratch;
};

/* All of them at once, ours first: there are few. */
static void on_roles(void *ctx, enum rc rc, const struct access_page *page)
{
    struct roles_page *r = ctx;
    struct request *req = r->req;
    struct json_writer w;
    struct buf out;

    if (rc) {
        arena_clear(&r->scratch);
        answer_rc(req, rc);
        return;
    }
    buf_init(&out, 8 * MIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "value");
    json_array_begin(&w);
    for (size_t i = 0; i < built_in_roles_count; i++)
        write_built_in(req, &built_in_roles[i], &w);
    for (size_t i = 0; i < page->n; i++)
        write_custom(req, &page->roles[i], &w);
    json_array_end(&w);
    json_object_end(&w);
    arena_clear(&r->scratch);
    answer_json_moved(req, 200, &out);
}

void admin_roles_list(struct request *req)
{
    struct roles_page *r = arena_new(req->arena, struct roles_page);

    r->req = req;
    arena_init(&r->scratch);
    request_hold(req);
    store_list_access(req->site->store, req->loop, &r->scratch,
                      &(struct access_query){.what = ACCESS_ROLES}, on_roles, r);
}

static void on_role_made(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ((struct changes *)ctx)->req;
    const struct role_row *row = &set->items[0].u.role;
    struct json_writer w;
    struct buf out;

    if (rc == RC_CONFLICT) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("There is a role of this name already."),
                                              STR("$.name")});
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, "role.created", "role", uuid_text(req, &row->id));
    buf_init(&out, ACCESS_TEXT_MAX);
    json_writer_init(&w, &out);
    write_custom(req, row, &w);
    answer_json_moved(req, 201, &out);
}

static bool read_role_name(const json_t *obj, struct str *out, struct refusal *why)
{
    if (json_get_str(obj, "name", out) || out->len > NAME_MAX_LEN || !application_name_valid(*out))
        return access_refuse(why, &API_VALIDATION,
                             STR("name must be 1 to 128 printable characters without a slash, and "
                                 "not look like an id."),
                             "$.name");
    return built_in_role_by_name(*out)
               ? access_refuse(why, &API_CONFLICT, STR("A built-in role has this name."), "$.name")
               : true;
}

/* The document of a custom role, from a body that was checked. */
static struct str document_of(struct request *req, const json_t *obj)
{
    struct str description = STR_EMPTY, permissions = STR_EMPTY, text;
    struct json_writer w;
    struct buf out;

    buf_init(&out, ACCESS_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    if (!json_get_str(obj, "description", &description))
        json_member_str(&w, "description", description);
    if (!json_raw_member(req->body, STR("permissions"), &permissions)) {
        json_name(&w, "permissions");
        json_raw(&w, permissions);
    }
    json_name(&w, "assignableScopes"); /* the management API shows it */
    json_raw(&w, STR("[\"/\"]"));
    json_object_end(&w);
    text = out.failed ? STR_EMPTY : arena_dup(req->arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

static bool read_role(struct request *req, struct role_row *row, struct refusal *why)
{
    static const struct str names[] = {STR_INIT("name"), STR_INIT("description"),
                                       STR_INIT("permissions")};
    AUTO(json_freep) json_t *obj = NULL;
    struct str name = STR_EMPTY, reason = STR_EMPTY;
    uint64_t actions = 0;

    if (!body_object(req, &obj, why) || !body_only(req, obj, names, ARRAY_LEN(names), why) ||
        !read_role_name(obj, &name, why))
        return false;
    if (role_actions_read(obj, &actions, req->arena, &reason))
        return access_refuse(why, &API_VALIDATION,
                             arena_printf(req->arena, STR_FMT ".", STR_ARG(reason)),
                             "$.permissions");
    if (!actions)
        return access_refuse(why, &API_VALIDATION,
                             STR("These permissions allow nothing that this server does; see the "
                                 "actions of GET /admin/roles."),
                             "$.permissions");
    row->name = arena_dup(req->arena, name);
    row->document = document_of(req, obj);
    return row->document.len > 0 || access_refuse(why, &API_TOO_LARGE, STR_EMPTY, "$.permissions");
}

void admin_role_create(struct request *req)
{
    struct changes *c = arena_new(req->arena, struct changes);
    struct role_row row = {.created = req->now, .updated = req->now};
    struct refusal why;

    row.id = uuid_random();
    if (!read_role(req, &row, &why)) {
        answer_refusal(req, &why);
        return;
    }
    c->items[c->n++] = (struct change){.kind = CHANGE_ROLE_PUT, .u.role = row};
    changes_commit(c, req, on_role_made);
}

static void on_role_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ((struct changes *)ctx)->req;

    if (rc == RC_CONFLICT) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("The role is assigned to somebody: take it away "
                                                  "there first."),
                                              STR_EMPTY});
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, "role.deleted", "role", uuid_text(req, &set->items[0].u.role.id));
    answer_empty(req, 204);
}

void admin_role_delete(struct request *req)
{
    struct changes *c = arena_new(req->arena, struct changes);
    struct role role;

    if (role_named(req, req->params[0], &role)) {
        answer_error(req, &API_NOT_FOUND);
        return;
    }
    if (role.built_in) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("A built-in role can't be deleted."), STR_EMPTY});
        return;
    }
    c->items[c->n++] = (struct change){.kind = CHANGE_ROLE_DELETE, .u.role.id = role.id};
    changes_commit(c, req, on_role_deleted);
}
