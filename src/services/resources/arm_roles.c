/* Role assignments. Each lives at one scope, which its path must name; lists look up and down from
 * theirs. What roles allow is the gate's business, definitions are arm_definitions.c's.
 * Source: wire/managed-identity §3.4, §6. */
#include "services/resources/arm_access.h"

#include "gate/scope.h"

#define ASSIGNMENTS     "/providers/Microsoft.Authorization/roleAssignments/"
#define DEFINITIONS     "/providers/Microsoft.Authorization/roleDefinitions/"
#define DESCRIPTION_MAX ((size_t)1024)

/* ---- scopes ---- */

struct str arm_last_segment(const struct request *req)
{
    return req->url.n ? req->url.segments[req->url.n - 1] : STR_EMPTY;
}

struct str arm_lowered(struct request *req, struct str text)
{
    char *copy = arena_alloc(req->arena, text.len + 1);

    ascii_lower(copy, text);
    return str_of(copy, text.len);
}

struct str arm_definition_id(struct request *req, const struct uuid *id)
{
    char text[UUID_TEXT_LEN];

    uuid_format(id, text);
    return arena_printf(req->arena, "/subscriptions/" STR_FMT DEFINITIONS "%.*s",
                        STR_ARG(gate_directory(req->site->gate)->subscription_text),
                        (int)sizeof text, text);
}

static bool row_has(const struct request *req, struct str part)
{
    struct str path = str_from(req->route->path);

    return str_find_str(path, part) < path.len;
}

bool arm_role_scope(struct request *req, struct str *out)
{
    bool below = row_has(req, STR("{subscription}"));

    if (below && !arm_subscription(req))
        return false;
    if (row_has(req, STR("{group}")) && !arm_group_valid(req, req->params[ARM_GROUP]))
        return false;
    *out = arm_scope(req);
    /* An escaped spelling would be a scope that no look-up reaches; "/" stands for too long. */
    if (str_find(*out, '%') == out->len && (!below || !name_eq(*out, STR("/"))))
        return true;
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT,
               STR("The path names no scope: it is too long, or escapes what needs no escape."));
    return false;
}

/* The words of scopes as the management API spells them; the store has them in lower case. */
static struct str spelled_word(struct str word)
{
    static const struct str words[] = {
        STR_INIT("resourceGroups"),         STR_INIT("Microsoft.Communication"),
        STR_INIT("CommunicationServices"),  STR_INIT("Microsoft.ManagedIdentity"),
        STR_INIT("userAssignedIdentities"),
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (name_eq_nocase(words[i], word))
            return words[i];
    }
    return word;
}

/* Names as the caller has spelled them, as far as its path goes along. */
static struct str spelled_scope(struct request *req, struct str scope)
{
    struct str rest = str_from_index(scope, 1), segment, text = STR_EMPTY;
    bool along = true;

    for (size_t i = 0; rest.len; i++) {
        struct str word;

        (void)str_cut(rest, '/', &segment, &rest); /* the last one has no slash behind it */
        along = along && i < req->url.n && name_eq_nocase(req->url.segments[i], segment);
        word = spelled_word(segment);
        if (along && name_eq(word, segment))
            word = req->url.segments[i];
        text = arena_printf(req->arena, STR_FMT "/" STR_FMT, STR_ARG(text), STR_ARG(word));
    }
    return text;
}

/* ---- out ---- */

static void member_id_or_null(struct json_writer *w, const char *name, const struct uuid *id)
{
    static const struct uuid nobody;

    if (!uuid_eq(id, &nobody)) {
        arm_member_id(w, name, id);
        return;
    }
    json_name(w, name);
    json_null_value(w);
}

static void member_null(struct json_writer *w, const char *name)
{
    json_name(w, name);
    json_null_value(w);
}

static void write_assignment(struct request *req, const struct role_assignment_row *row,
                             struct json_writer *w)
{
    struct str scope = spelled_scope(req, row->scope);
    char id[UUID_TEXT_LEN];

    uuid_format(&row->id, id);
    json_object_begin(w);
    json_member_str(
        w, "id",
        arena_printf(req->arena, STR_FMT ASSIGNMENTS "%.*s", STR_ARG(scope), (int)sizeof id, id));
    json_member_str(w, "name", str_of(id, sizeof id));
    json_member_str(w, "type", STR("Microsoft.Authorization/roleAssignments"));
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "roleDefinitionId", arm_definition_id(req, &row->role));
    arm_member_id(w, "principalId", &row->principal);
    json_member_str(w, "principalType", row->principal_type);
    json_member_str(w, "scope", scope.len ? scope : STR("/"));
    member_null(w, "condition");
    member_null(w, "conditionVersion");
    json_member_time(w, "createdOn", row->created);
    json_member_time(w, "updatedOn", row->created);
    member_id_or_null(w, "createdBy", &row->created_by);
    member_id_or_null(w, "updatedBy", &row->created_by);
    if (row->description.len)
        json_member_str(w, "description", row->description);
    else
        member_null(w, "description");
    json_object_end(w);
    json_object_end(w);
}

static void answer_assignment(struct request *req, int status,
                              const struct role_assignment_row *row)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_assignment(req, row, &a.w);
    arm_answer_end(&a, status);
}

/* ---- one ---- */

/* The assignment that the path names, at the path's scope. RC_NOT_FOUND, RC_IO. False: answered. */
static bool find_assignment(struct request *req, struct role_assignment_row *out, enum rc *out_rc)
{
    struct str scope;
    struct uuid id;

    if (!arm_role_scope(req, &scope))
        return false;
    if (uuid_parse(arm_last_segment(req), &id)) {
        answer_error(req, &API_INVALID_ROLE_ASSIGNMENT_ID);
        return false;
    }
    *out_rc = store_role_assignment(req->site->reader, &id, req->arena, out);
    if (!*out_rc && !name_eq(out->scope, scope))
        *out_rc = RC_NOT_FOUND; /* what is elsewhere is not shown, nor deleted, from here */
    return true;
}

void arm_assignment_get(struct request *req)
{
    struct role_assignment_row row;
    enum rc rc;

    if (!find_assignment(req, &row, &rc))
        return;
    if (rc == RC_NOT_FOUND)
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   STR("There is no role assignment of this name at this scope."));
    else if (rc)
        arm_refuse_rc(req, rc);
    else
        answer_assignment(req, 200, &row);
}

struct assignment_change {
    struct changes c; /* first: what changes_commit() hands back */
    struct role_assignment_row row;
    size_t at; /* the assignment's change */
};

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct assignment_change *ac = ctx;

    (void)set;
    if (rc)
        arm_refuse_rc(ac->c.req, rc);
    else if (!ac->c.items[0].out_existed)
        answer_empty(ac->c.req, 204);
    else
        answer_assignment(ac->c.req, 200, &ac->row);
}

void arm_assignment_delete(struct request *req)
{
    struct assignment_change *ac = arena_new(req->arena, struct assignment_change);
    enum rc rc;

    if (!find_assignment(req, &ac->row, &rc))
        return;
    if (rc == RC_NOT_FOUND) {
        answer_empty(req, 204);
        return;
    }
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    ac->c.items[ac->c.n++] =
        (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_DELETE, .u.role_assignment.id = ac->row.id};
    changes_commit(&ac->c, req, on_deleted);
}

/* ---- put ---- */

static bool refuse_content(struct request *req, const char *message)
{
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT, str_from(message));
    return false;
}

static bool is_given(const json_t *obj, const char *name)
{
    const json_t *member = json_object_get(obj, name);

    return member && !json_is_null(member);
}

static bool read_role(struct request *req, const json_t *properties, struct uuid *out)
{
    struct str text;
    struct role role;

    if (json_get_str(properties, "roleDefinitionId", &text))
        return refuse_content(req, "properties.roleDefinitionId is required and must be a string.");
    if (text.len > SCOPE_MAX || role_named(req, text, &role)) {
        arm_refuse(req, &API_ROLE_DEFINITION_DOES_NOT_EXIST,
                   arena_printf(req->arena, "There is no role definition '" STR_FMT "'.",
                                STR_ARG(body_excerpt(text))));
        return false;
    }
    *out = role.id;
    return true;
}

static bool read_principal(struct request *req, const json_t *properties,
                           struct assignment_change *ac)
{
    struct str text;
    enum rc rc;

    if (json_get_str(properties, "principalId", &text) || uuid_parse(text, &ac->row.principal))
        return refuse_content(req, "properties.principalId is required and must be a GUID.");
    rc = principal_change(req, &ac->row.principal, &ac->c);
    if (!rc)
        return true;
    if (rc == RC_NOT_FOUND)
        arm_refuse(req, &API_PRINCIPAL_NOT_FOUND,
                   arena_printf(req->arena,
                                "The principal " STR_FMT
                                " does not exist in this directory: give the object id of a "
                                "service principal or managed identity.",
                                STR_ARG(text)));
    else
        arm_refuse_rc(req, rc);
    return false;
}

static bool read_type(struct request *req, const json_t *properties, struct str *out)
{
    static const struct str types[] = {STR_INIT("ServicePrincipal"), STR_INIT("User"),
                                       STR_INIT("Group"), STR_INIT("ForeignGroup"),
                                       STR_INIT("Device")};
    struct str text;
    enum rc rc = json_get_str(properties, "principalType", &text);

    *out = types[0];
    if (rc == RC_NOT_FOUND)
        return true;
    for (size_t i = 0; !rc && i < ARRAY_LEN(types); i++) {
        if (name_eq_nocase(types[i], text)) {
            *out = types[i];
            return true;
        }
    }
    return refuse_content(req, "properties.principalType must be 'ServicePrincipal', 'User', "
                               "'Group', 'ForeignGroup' or 'Device'.");
}

static bool read_rest(struct request *req, const json_t *properties,
                      struct role_assignment_row *row)
{
    struct str text = STR_EMPTY;

    if (!read_type(req, properties, &row->principal_type))
        return false;
    if (json_get_str(properties, "description", &text) == RC_INVALID || text.len > DESCRIPTION_MAX)
        return refuse_content(req, "properties.description must be a string of at most 1024 "
                                   "octets.");
    row->description = arena_dup(req->arena, text);
    if (is_given(properties, "condition"))
        return refuse_content(req, "Conditions are not supported: without one, the role would "
                                   "allow more than was meant.");
    return true;
}

/* A resource that is not there yet could be somebody else's later. */
static bool scope_exists(struct request *req, struct str scope)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str name = req->params[ARM_NAME];
    const struct resource *r;

    if (!row_has(req, STR("{name}")))
        return true;
    r = directory_by_name(d, arm_lowered(req, name));
    if (r && name_eq(r->scope, scope))
        return true;
    arm_refuse(req, &API_RESOURCE_NOT_FOUND,
               arena_printf(req->arena,
                            "The Resource 'Microsoft.Communication/CommunicationServices/" STR_FMT
                            "' under resource group '" STR_FMT "' was not found.",
                            STR_ARG(body_excerpt(name)), STR_ARG(req->params[ARM_GROUP])));
    return false;
}

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct assignment_change *ac = ctx;
    struct request *req = ac->c.req;
    struct role_assignment_row row;

    (void)set;
    if (rc == RC_CONFLICT) {
        answer_error(req, &API_ROLE_ASSIGNMENT_EXISTS);
        return;
    }
    if (!rc) /* the same again leaves what is there: who made it, and when */
        rc = store_role_assignment(req->site->reader, &ac->row.id, req->arena, &row);
    if (rc)
        arm_refuse_rc(req, rc);
    else
        answer_assignment(req, ac->c.items[ac->at].out_existed ? 200 : 201, &row);
}

void arm_assignment_put(struct request *req)
{
    AUTO(json_freep) json_t *body = NULL;
    struct assignment_change *ac = arena_new(req->arena, struct assignment_change);
    const json_t *properties;

    if (!arm_role_scope(req, &ac->row.scope) || !scope_exists(req, ac->row.scope))
        return;
    if (uuid_parse(arm_last_segment(req), &ac->row.id)) {
        answer_error(req, &API_INVALID_ROLE_ASSIGNMENT_ID);
        return;
    }
    if (!arm_body(req, &body))
        return;
    properties = json_object_get(body, "properties");
    if (!json_is_object(properties)) {
        (void)refuse_content(req, "properties is required and must be an object.");
        return;
    }
    if (!read_role(req, properties, &ac->row.role) || !read_rest(req, properties, &ac->row) ||
        !read_principal(req, properties, ac))
        return;
    ac->row.created = req->now;
    ac->row.created_by = req->principal->object_id;
    ac->at = ac->c.n;
    ac->c.items[ac->c.n++] =
        (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT, .u.role_assignment = ac->row};
    changes_commit(&ac->c, req, on_put);
}

/* ---- list ---- */

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
        write_assignment(req, &page->assignments[i], &a.w);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

static bool read_query(struct request *req, struct access_query *q)
{
    struct arm_filter f;
    const struct arm_term *term;

    if (!arm_filter_read(req, &f))
        return false;
    q->not_below = arm_filter_take(&f, "atScope", true) != NULL;
    term = arm_filter_take(&f, "principalId", false);
    if (!term)
        term = arm_filter_take(&f, "assignedTo", true);
    if (!arm_filter_done(req, &f))
        return false;
    if (!term)
        return true;
    q->of_principal = true;
    return uuid_parse(term->value, &q->principal) == RC_OK ||
           refuse_content(req, "The $filter must name a principal by its object id, a GUID.");
}

void arm_assignments_list(struct request *req)
{
    struct access_query q = {.what = ACCESS_ROLE_ASSIGNMENTS};

    if (!arm_role_scope(req, &q.scope) || !read_query(req, &q))
        return;
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &q, on_listed, req);
}
