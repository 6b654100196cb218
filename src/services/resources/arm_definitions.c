/* Role definitions: the built-in ones, which nobody changes, and custom ones, which the store keeps
 * as documents. A custom role is checked by the reader that also evaluates it, so that what is
 * accepted here means the same there. Source: wire/managed-identity §3.4, §6. */
#include "services/resources/arm_access.h"

#define IN_USE "The role is assigned: delete its role assignments first."

/* ---- out ---- */

static void write_head(struct request *req, const struct uuid *id, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "id", arm_definition_id(req, id));
    arm_member_id(w, "name", id);
    json_member_str(w, "type", STR("Microsoft.Authorization/roleDefinitions"));
    json_name(w, "properties");
    json_object_begin(w);
}

static void write_tail(struct json_writer *w)
{
    json_object_end(w);
    json_object_end(w);
}

static void write_built_in(struct request *req, const struct role *role, struct json_writer *w)
{
    write_head(req, &role->id, w);
    json_member_str(w, "roleName", role->name);
    json_member_str(w, "type", STR("BuiltInRole"));
    json_member_str(w, "description", role->description);
    json_name(w, "assignableScopes");
    json_raw(w, STR("[\"/\"]"));
    json_name(w, "permissions");
    built_in_role_write_permissions(role, w);
    write_tail(w);
}

/* A member of the document as it stands there, or `absent`. */
static void write_kept(struct request *req, const json_t *document, const char *name,
                       struct str absent, struct json_writer *w)
{
    struct str text = arm_raw(req, document, name);

    json_name(w, name);
    json_raw(w, text.len ? text : absent);
}

static void write_custom(struct request *req, const struct role_row *row, struct json_writer *w)
{
    AUTO(json_freep) json_t *document = NULL;
    struct str subscription =
        arena_printf(req->arena, "[\"/subscriptions/" STR_FMT "\"]",
                     STR_ARG(gate_directory(req->site->gate)->subscription_text));

    if (json_read(row->document, &document, NULL))
        document = json_object(); /* damaged: it grants nothing, and shows nothing */
    write_head(req, &row->id, w);
    json_member_str(w, "roleName", row->name);
    json_member_str(w, "type", STR("CustomRole"));
    write_kept(req, document, "description", STR("\"\""), w);
    write_kept(req, document, "assignableScopes", subscription, w);
    write_kept(req, document, "permissions", STR("[]"), w);
    json_member_time(w, "createdOn", row->created);
    json_member_time(w, "updatedOn", row->updated);
    write_tail(w);
}

static void answer_custom(struct request *req, int status, const struct role_row *row)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_custom(req, row, &a.w);
    arm_answer_end(&a, status);
}

/* ---- one ---- */

/* The id in the path; false: answered. */
static bool read_id(struct request *req, struct uuid *out)
{
    struct str scope;

    if (!arm_role_scope(req, &scope))
        return false;
    if (uuid_parse(arm_last_segment(req), out) == RC_OK)
        return true;
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT,
               STR("The name of a role definition must be a GUID."));
    return false;
}

static void refuse_absent(struct request *req)
{
    arm_refuse(req, &API_RESOURCE_NOT_FOUND, STR("There is no role definition of this name."));
}

/* What is done to a custom role, once all of them have been read. */
struct definition {
    struct changes c; /* first: what changes_commit() hands back */
    struct role_row row;
};

static const struct role_row *find_row(const struct access_page *page, const struct uuid *id)
{
    for (size_t i = 0; i < page->n; i++) {
        if (uuid_eq(&page->roles[i].id, id))
            return &page->roles[i];
    }
    return NULL;
}

/* `done` gets `d`; the request is held from here on. */
static void read_roles(struct definition *d, struct request *req,
                       void (*done)(void *ctx, enum rc rc, const struct access_page *page))
{
    struct access_query q = {.what = ACCESS_ROLES};

    d->c.req = req;
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &q, done, d);
}

static void on_read(void *ctx, enum rc rc, const struct access_page *page)
{
    struct definition *d = ctx;
    const struct role_row *row = rc ? NULL : find_row(page, &d->row.id);

    if (rc)
        arm_refuse_rc(d->c.req, rc);
    else if (!row)
        refuse_absent(d->c.req);
    else
        answer_custom(d->c.req, 200, row);
}

void arm_definition_get(struct request *req)
{
    struct definition *d = arena_new(req->arena, struct definition);
    const struct role *built_in;
    struct arm_answer a;

    if (!read_id(req, &d->row.id))
        return;
    built_in = built_in_role_by_id(&d->row.id);
    if (!built_in) {
        read_roles(d, req, on_read);
        return;
    }
    arm_answer_begin(&a, req);
    write_built_in(req, built_in, &a.w);
    arm_answer_end(&a, 200);
}

/* ---- list ---- */

struct definitions_list {
    struct request *req;
    struct str name; /* roleName eq; ptr NULL: all */
    bool built_in, custom;
};

static bool is_listed(const struct definitions_list *l, struct str name)
{
    return !l->name.ptr || name_eq_nocase(l->name, name);
}

static void on_listed(void *ctx, enum rc rc, const struct access_page *page)
{
    const struct definitions_list *l = ctx;
    struct arm_answer a;

    if (rc) {
        arm_refuse_rc(l->req, rc);
        return;
    }
    arm_answer_begin(&a, l->req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; l->built_in && i < built_in_roles_count; i++) {
        if (is_listed(l, built_in_roles[i].name))
            write_built_in(l->req, &built_in_roles[i], &a.w);
    }
    for (size_t i = 0; l->custom && i < page->n; i++) {
        if (is_listed(l, page->roles[i].name))
            write_custom(l->req, &page->roles[i], &a.w);
    }
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

static bool read_filter(struct request *req, struct definitions_list *l)
{
    struct arm_filter f;
    const struct arm_term *name, *type;

    if (!arm_filter_read(req, &f))
        return false;
    name = arm_filter_take(&f, "roleName", false);
    type = arm_filter_take(&f, "type", false);
    (void)arm_filter_take(&f, "atScope", true); /* every definition may be used at every scope */
    if (!arm_filter_done(req, &f))
        return false;
    if (name)
        l->name = name->value;
    if (type) {
        l->built_in = name_eq_nocase(type->value, STR("BuiltInRole"));
        l->custom = name_eq_nocase(type->value, STR("CustomRole"));
    }
    return true;
}

void arm_definitions_list(struct request *req)
{
    struct definitions_list *l = arena_new(req->arena, struct definitions_list);
    struct access_query q = {.what = ACCESS_ROLES};
    struct str scope;

    *l = (struct definitions_list){.req = req, .built_in = true, .custom = true};
    if (!arm_role_scope(req, &scope) || !read_filter(req, l))
        return;
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &q, on_listed, l);
}

/* ---- put ---- */

static bool refuse_put(struct request *req, const struct api_error *error, struct str message)
{
    arm_refuse(req, error, message);
    return false;
}

static bool read_name(struct request *req, const json_t *properties, struct str *out)
{
    struct str name;

    if (json_get_str(properties, "roleName", &name) || !application_name_valid(name))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          STR("properties.roleName is required: 1 to 128 octets of printable text "
                              "without a slash, and no GUID."));
    if (built_in_role_by_name(name))
        return refuse_put(req, &API_CONFLICT, STR("A built-in role has this name."));
    *out = arena_dup(req->arena, name);
    return true;
}

/* Only the members that mean something to a role. */
static bool read_document(struct request *req, const json_t *properties, struct str *out)
{
    static const char *const names[] = {"description", "permissions", "assignableScopes"};
    AUTO(json_freep) json_t *document = json_object(), *holder = json_object();
    struct str why = STR_EMPTY;
    uint64_t actions;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *member = json_object_get(properties, names[i]);

        if (member && !json_is_null(member) && json_object_set(document, names[i], member))
            abort(); /* no memory */
    }
    if (role_actions_read(document, &actions, req->arena, &why))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          arena_printf(req->arena, "properties: " STR_FMT ".", STR_ARG(why)));
    if (json_object_set(holder, "document", document))
        abort(); /* no memory */
    *out = arm_raw(req, holder, "document");
    return true;
}

/* The id of a custom role in the path; false: answered. */
static bool read_custom_id(struct request *req, struct uuid *out)
{
    if (!read_id(req, out))
        return false;
    return !built_in_role_by_id(out) ||
           refuse_put(req, &API_CONFLICT, STR("Built-in roles can't be changed or deleted."));
}

static bool read_body(struct request *req, struct role_row *row)
{
    AUTO(json_freep) json_t *body = NULL;
    const json_t *properties;

    if (!arm_body(req, &body))
        return false;
    properties = json_object_get(body, "properties");
    if (!json_is_object(properties))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          STR("properties is required and must be an object."));
    return read_name(req, properties, &row->name) && read_document(req, properties, &row->document);
}

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    const struct definition *d = ctx;

    (void)set;
    if (rc == RC_CONFLICT)
        arm_refuse(d->c.req, &API_CONFLICT, STR("Another custom role has this name."));
    else if (rc)
        arm_refuse_rc(d->c.req, rc);
    else
        answer_custom(d->c.req, 201, &d->row); /* clients know no other status here */
}

static void on_read_to_put(void *ctx, enum rc rc, const struct access_page *page)
{
    struct definition *d = ctx;
    const struct role_row *there = rc ? NULL : find_row(page, &d->row.id);

    if (rc) {
        arm_refuse_rc(d->c.req, rc);
        return;
    }
    d->row.created = there ? there->created : d->c.req->now;
    d->row.updated = d->c.req->now;
    d->c.items[d->c.n++] = (struct change){.kind = CHANGE_ROLE_PUT, .u.role = d->row};
    changes_commit(&d->c, d->c.req, on_put);
}

void arm_definition_put(struct request *req)
{
    struct definition *d = arena_new(req->arena, struct definition);

    if (read_custom_id(req, &d->row.id) && read_body(req, &d->row))
        read_roles(d, req, on_read_to_put);
}

/* ---- delete ---- */

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    const struct definition *d = ctx;

    (void)set;
    if (rc == RC_CONFLICT)
        arm_refuse(d->c.req, &API_CONFLICT, STR(IN_USE));
    else if (rc)
        arm_refuse_rc(d->c.req, rc);
    else if (!d->c.items[0].out_existed)
        answer_empty(d->c.req, 204);
    else
        answer_custom(d->c.req, 200, &d->row);
}

static void on_read_to_delete(void *ctx, enum rc rc, const struct access_page *page)
{
    struct definition *d = ctx;
    const struct role_row *there = rc ? NULL : find_row(page, &d->row.id);

    if (rc) {
        arm_refuse_rc(d->c.req, rc);
        return;
    }
    if (!there) {
        answer_empty(d->c.req, 204);
        return;
    }
    d->row = *there;
    d->c.items[d->c.n++] = (struct change){.kind = CHANGE_ROLE_DELETE, .u.role.id = d->row.id};
    changes_commit(&d->c, d->c.req, on_deleted);
}

void arm_definition_delete(struct request *req)
{
    struct definition *d = arena_new(req->arena, struct definition);

    if (read_custom_id(req, &d->row.id))
        read_roles(d, req, on_read_to_delete);
}
