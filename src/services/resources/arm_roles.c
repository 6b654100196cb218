/* Role assignments: Microsoft.Authorization/roleAssignments. An assignment is looked at, made and
 * deleted under its own scope only: that is the one the caller's roles were looked up in.
 * Source: wire/managed-identity §6. */
#include "services/resources/arm_roles.h"

#include "services/resources/arm_filter.h"

#define DESCRIPTION_MAX ((size_t)1024)

/* ---- scopes ---- */

static size_t params_of(const struct route *row)
{
    struct str path = str_from(row->path);
    size_t n = 0;

    for (size_t i = 0; i < path.len; i++)
        n += path.ptr[i] == '{';
    return n;
}

bool arm_role_scope(struct request *req, struct str *out_id, struct str *out_scope)
{
    size_t n = params_of(req->route);
    bool one = str_ends(str_from(req->route->path), STR("{id}"));

    *out_id = one ? req->params[--n] : STR_EMPTY;
    *out_scope = arm_scope(req);
    if (n > ARM_NAME)
        return arm_service(req) != NULL;
    return n == 0 ||
           (arm_subscription(req) && (n == 1 || arm_group_valid(req, req->params[ARM_GROUP])));
}

/* Words of a scope that the store keeps in lower case, as they are spelled outside. */
struct str arm_scope_text(struct request *req, struct str scope)
{
    static const struct {
        struct str lower, shown;
    } words[] = {
        {STR_INIT("/resourcegroups/"), STR_INIT("/resourceGroups/")},
        {STR_INIT("/providers/microsoft.communication/communicationservices/"),
         STR_INIT("/providers/Microsoft.Communication/CommunicationServices/")},
    };
    char *text = arena_alloc(req->arena, scope.len + 1);

    ascii_lower(text, scope);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t at = str_find_str(scope, words[i].lower);

        if (at < scope.len)
            memcpy(text + at, words[i].shown.ptr, words[i].shown.len);
    }
    return str_of(text, scope.len);
}

struct str arm_definition_id(struct request *req, const struct uuid *id)
{
    char text[UUID_TEXT_LEN];

    uuid_format(id, text);
    return arena_printf(
        req->arena,
        "/subscriptions/" STR_FMT "/providers/Microsoft.Authorization/roleDefinitions/%.*s",
        STR_ARG(gate_directory(req->site->gate)->subscription_text), (int)sizeof text, text);
}

/* ---- out ---- */

static void write_assignment(struct arm_answer *a, const struct role_assignment_row *row)
{
    struct str scope = arm_scope_text(a->req, row->scope);
    struct json_writer *w = &a->w;
    char id[UUID_TEXT_LEN];

    uuid_format(&row->id, id);
    json_object_begin(w);
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "roleDefinitionId", arm_definition_id(a->req, &row->role));
    json_member_id(w, "principalId", &row->principal);
    json_member_str(w, "principalType", row->principal_type);
    json_member_str(w, "scope", scope);
    json_name(w, "condition");
    json_null_value(w);
    json_name(w, "conditionVersion");
    json_null_value(w);
    json_member_time(w, "createdOn", row->created);
    json_member_time(w, "updatedOn", row->created);
    json_member_id(w, "createdBy", &row->created_by);
    json_member_id(w, "updatedBy", &row->created_by);
    json_name(w, "delegatedManagedIdentityResourceId");
    json_null_value(w);
    json_name(w, "description");
    if (row->description.len)
        json_str(w, row->description);
    else
        json_null_value(w);
    json_object_end(w);
    json_member_str(w, "id",
                    arena_printf(a->req->arena,
                                 STR_FMT "/providers/Microsoft.Authorization/roleAssignments/%.*s",
                                 STR_ARG(name_eq(scope, STR("/")) ? STR_EMPTY : scope),
                                 (int)sizeof id, id));
    json_member_str(w, "type", STR("Microsoft.Authorization/roleAssignments"));
    json_member_str(w, "name", str_of(id, sizeof id));
    json_object_end(w);
}

static void answer_assignment(struct request *req, int status,
                              const struct role_assignment_row *row)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_assignment(&a, row);
    arm_answer_end(&a, status);
}

/* The assignment that the path names: RC_NOT_FOUND also when it is another scope's. False:
 * answered. */
static bool find(struct request *req, struct role_assignment_row *out, enum rc *out_rc)
{
    struct str id_text, scope;
    struct uuid id;

    if (!arm_role_scope(req, &id_text, &scope))
        return false;
    *out_rc = uuid_parse(id_text, &id)
                  ? RC_NOT_FOUND
                  : store_role_assignment(req->site->reader, &id, req->arena, out);
    if (!*out_rc && !name_eq(out->scope, scope))
        *out_rc = RC_NOT_FOUND;
    return true;
}

void arm_assignment_get(struct request *req)
{
    struct role_assignment_row row;
    enum rc rc;

    if (!find(req, &row, &rc))
        return;
    if (rc)
        arm_refuse_rc(req, rc);
    else
        answer_assignment(req, 200, &row);
}

/* ---- deleting ---- */

struct removal {
    struct changes changes; /* first */
    struct role_assignment_row row;
};

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct removal *removal = ctx;
    struct request *req = removal->changes.req;

    if (rc)
        arm_refuse_rc(req, rc);
    else if (!set->items[0].out_existed)
        answer_empty(req, 204);
    else
        answer_assignment(req, 200, &removal->row);
}

void arm_assignment_delete(struct request *req)
{
    struct removal *removal = arena_new(req->arena, struct removal);
    struct change *c = removal->changes.items;
    enum rc rc;

    if (!find(req, &removal->row, &rc))
        return;
    if (rc == RC_NOT_FOUND) {
        answer_empty(req, 204);
        return;
    }
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    c->kind = CHANGE_ROLE_ASSIGNMENT_DELETE;
    c->u.role_assignment.id = removal->row.id;
    removal->changes.n = 1;
    changes_commit(&removal->changes, req, on_deleted);
}

/* ---- making ---- */

struct assigning {
    struct changes changes; /* first */
    struct role_assignment_row row;
};

static void on_assigned(void *ctx, enum rc rc, struct change_set *set)
{
    struct assigning *assigning = ctx;
    struct request *req = assigning->changes.req;
    struct role_assignment_row row;
    bool existed = set->items[set->n - 1].out_existed;

    if (rc == RC_CONFLICT) {
        answer_error(req, &API_ROLE_ASSIGNMENT_EXISTS);
        return;
    }
    if (rc == RC_NOT_FOUND) {
        answer_error(req, role_assignment_refusal(req, &assigning->row));
        return;
    }
    if (!rc)
        rc = store_role_assignment(req->site->reader, &assigning->row.id, req->arena, &row);
    if (rc)
        arm_refuse_rc(req, rc);
    else
        answer_assignment(req, existed ? 200 : 201, &row);
}

static bool read_type(struct request *req, const json_t *properties, struct str *out)
{
    static const struct arm_text_rule rule = {"principalType", 32, false};
    static const struct str known[] = {STR_INIT("ServicePrincipal"), STR_INIT("User"),
                                       STR_INIT("Group"), STR_INIT("ForeignGroup"),
                                       STR_INIT("Device")};
    struct str text;

    if (!arm_text(req, properties, &rule, &text))
        return false;
    *out = known[0];
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (name_eq_nocase(text, known[i])) {
            *out = known[i];
            return true;
        }
    }
    if (!text.len)
        return true;
    arm_invalid(req, STR("'principalType' must be ServicePrincipal, User, Group, ForeignGroup or "
                         "Device."));
    return false;
}

/* By id only: a name may mean another role tomorrow. */
static bool read_role(struct request *req, const json_t *properties,
                      struct role_assignment_row *row)
{
    static const struct arm_text_rule rule = {"roleDefinitionId", SCOPE_MAX, true};
    struct str text;
    struct uuid id;
    struct role role;

    if (!arm_text(req, properties, &rule, &text))
        return false;
    if ((!str_starts(text, STR("/")) && uuid_parse(text, &id)) || role_named(req, text, &role)) {
        answer_error(req, &API_ROLE_DEFINITION_DOES_NOT_EXIST);
        return false;
    }
    row->role = role.id;
    row->built_in_role = role.built_in;
    return true;
}

static bool read_principal(struct request *req, const json_t *properties, struct changes *c,
                           struct uuid *out)
{
    static const struct arm_text_rule rule = {"principalId", 64, true};
    struct str text;
    enum rc rc;

    if (!arm_text(req, properties, &rule, &text))
        return false;
    rc = uuid_parse(text, out) ? RC_NOT_FOUND : principal_change(req, out, c);
    if (rc == RC_NOT_FOUND)
        answer_error(req, &API_PRINCIPAL_NOT_FOUND);
    else if (rc)
        arm_refuse_rc(req, rc);
    return !rc;
}

/* A condition would narrow what is granted: since none is looked at here, none is taken. */
static bool refuse_condition(struct request *req, const json_t *properties)
{
    struct str condition;

    if (json_get_str(properties, "condition", &condition) == RC_NOT_FOUND ||
        json_is_null(json_object_get(properties, "condition")))
        return false;
    arm_invalid(req, STR("Role assignments with a condition are not supported here."));
    return true;
}

static bool read_assignment(struct request *req, const json_t *body, struct assigning *out)
{
    static const struct arm_text_rule rule = {"description", DESCRIPTION_MAX, false};
    struct role_assignment_row *row = &out->row;
    json_t *properties;

    return arm_object(req, body, "properties", &properties) && read_role(req, properties, row) &&
           read_type(req, properties, &row->principal_type) &&
           arm_text(req, properties, &rule, &row->description) &&
           !refuse_condition(req, properties) &&
           read_principal(req, properties, &out->changes, &row->principal);
}

void arm_assignment_put(struct request *req)
{
    struct assigning *assigning = arena_new(req->arena, struct assigning);
    struct role_assignment_row *row = &assigning->row;
    AUTO(json_freep) json_t *body = NULL;
    struct str id;

    if (!arm_role_scope(req, &id, &row->scope))
        return;
    if (uuid_parse(id, &row->id)) {
        answer_error(req, &API_INVALID_ROLE_ASSIGNMENT_ID);
        return;
    }
    if (!arm_body(req, &body) || !read_assignment(req, body, assigning))
        return;
    row->created = req->now;
    row->created_by = req->principal->object_id;
    assigning->changes.items[assigning->changes.n++] =
        (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT, .u.role_assignment = *row};
    changes_commit(&assigning->changes, req, on_assigned);
}

/* ---- lists ---- */

static void on_listed(void *ctx, enum rc rc, const struct access_page *page)
{
    struct request *req = ctx;
    struct arm_answer a;

    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < page->n; i++)
        write_assignment(&a, &page->assignments[i]);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_assignments_list(struct request *req)
{
    struct access_query query = {.what = ACCESS_ROLE_ASSIGNMENTS};
    struct arm_filter filter;
    struct str ignored;

    if (!arm_role_scope(req, &ignored, &query.scope))
        return;
    if (arm_filter_read(req, FILTER_AT_SCOPE | FILTER_PRINCIPAL, &filter)) {
        arm_invalid(req, STR("'$filter' here is atScope(), principalId eq 'ID', assignedTo('ID'), "
                             "or two of them with 'and'."));
        return;
    }
    query.not_below = filter.has & FILTER_AT_SCOPE;
    query.of_principal = filter.has & FILTER_PRINCIPAL;
    query.principal = filter.principal;
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &query, on_listed, req);
}
