/* Role definitions: the built-in ones are a table, custom ones live in the store and are assignable
 * in the one subscription. Source: wire/managed-identity §6, §3.4. */
#include "services/resources/arm_filter.h"
#include "services/resources/arm_roles.h"

#define ROLE_NAME_MAX ((size_t)128)
#define TYPE_BUILT_IN STR("BuiltInRole")
#define TYPE_CUSTOM   STR("CustomRole")

/* What is asked for, while the custom roles are being read. */
struct definitions {
    struct changes changes; /* first */
    struct request *req;
    struct arm_filter filter;
    struct uuid id;      /* one of them */
    struct role_row row; /* PUT: the new one; DELETE: the former one */
};

/* ---- out ---- */

static void write_frame(struct arm_answer *a, const struct uuid *id)
{
    json_object_begin(&a->w);
    json_member_str(&a->w, "id", arm_definition_id(a->req, id));
    json_member_str(&a->w, "type", STR("Microsoft.Authorization/roleDefinitions"));
    json_member_id(&a->w, "name", id);
    json_name(&a->w, "properties");
    json_object_begin(&a->w);
}

static void write_end(struct arm_answer *a, unix_ms created, unix_ms updated)
{
    json_member_time(&a->w, "createdOn", created);
    json_member_time(&a->w, "updatedOn", updated);
    json_name(&a->w, "createdBy");
    json_null_value(&a->w);
    json_name(&a->w, "updatedBy");
    json_null_value(&a->w);
    json_object_end(&a->w);
    json_object_end(&a->w);
}

static void write_built_in(struct arm_answer *a, const struct role *role)
{
    struct json_writer *w = &a->w;

    write_frame(a, &role->id);
    json_member_str(w, "roleName", role->name);
    json_member_str(w, "type", TYPE_BUILT_IN);
    json_member_str(w, "description", role->description);
    json_name(w, "assignableScopes");
    json_array_begin(w);
    json_str(w, STR("/"));
    json_array_end(w);
    json_name(w, "permissions");
    built_in_role_write_permissions(role, w);
    write_end(a, 0, 0);
}

/* A list of the document; the administration's roles may lack one. */
static void member_list(struct arm_answer *a, const json_t *document, const char *name)
{
    struct str list = arm_raw(a->req, document, name);

    json_name(&a->w, name);
    json_raw(&a->w, list.len ? list : STR("[]"));
}

static void write_custom(struct arm_answer *a, const struct role_row *row)
{
    AUTO(json_freep) json_t *document = NULL;
    struct json_writer *w = &a->w;
    struct str description;

    if (json_read(row->document, &document, NULL))
        document = json_object();
    if (json_get_str(document, "description", &description))
        description = STR_EMPTY;
    write_frame(a, &row->id);
    json_member_str(w, "roleName", row->name);
    json_member_str(w, "type", TYPE_CUSTOM);
    json_member_str(w, "description", description);
    member_list(a, document, "assignableScopes");
    member_list(a, document, "permissions");
    write_end(a, row->created, row->updated);
}

static void answer_custom(struct request *req, int status, const struct role_row *row)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_custom(&a, row);
    arm_answer_end(&a, status);
}

/* ---- reading ---- */

static void read_roles(struct definitions *d,
                       void (*done)(void *ctx, enum rc rc, const struct access_page *page))
{
    const struct access_query query = {.what = ACCESS_ROLES};
    struct request *req = d->req;

    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &query, done, d);
}

static const struct role_row *row_of(const struct access_page *page, const struct uuid *id)
{
    for (size_t i = 0; i < page->n; i++)
        if (uuid_eq(&page->roles[i].id, id))
            return &page->roles[i];
    return NULL;
}

static bool is_wanted(const struct arm_filter *f, struct str name, struct str type)
{
    return (!(f->has & FILTER_ROLE_NAME) || name_eq_nocase(f->role_name, name)) &&
           (!(f->has & FILTER_ROLE_TYPE) || name_eq_nocase(f->role_type, type));
}

static void on_listed(void *ctx, enum rc rc, const struct access_page *page)
{
    struct definitions *d = ctx;
    struct arm_answer a;

    if (rc) {
        arm_refuse_rc(d->req, rc);
        return;
    }
    arm_answer_begin(&a, d->req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < built_in_roles_count; i++)
        if (is_wanted(&d->filter, built_in_roles[i].name, TYPE_BUILT_IN))
            write_built_in(&a, &built_in_roles[i]);
    for (size_t i = 0; i < page->n; i++)
        if (is_wanted(&d->filter, page->roles[i].name, TYPE_CUSTOM))
            write_custom(&a, &page->roles[i]);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_definitions_list(struct request *req)
{
    struct definitions *d = arena_new(req->arena, struct definitions);
    struct str ignored;

    d->req = req;
    if (!arm_role_scope(req, &ignored, &ignored))
        return;
    if (arm_filter_read(req, FILTER_AT_SCOPE | FILTER_ROLE_NAME | FILTER_ROLE_TYPE, &d->filter))
        arm_invalid(req, STR("'$filter' here is atScope(), roleName eq 'NAME', type eq "
                             "'CustomRole', or several of them with 'and'."));
    else
        read_roles(d, on_listed);
}

static void refuse_unknown(struct request *req)
{
    arm_refuse(req, &API_RESOURCE_NOT_FOUND, STR("There is no such role definition."));
}

static void on_one(void *ctx, enum rc rc, const struct access_page *page)
{
    struct definitions *d = ctx;
    const struct role_row *row = rc ? NULL : row_of(page, &d->id);

    if (rc)
        arm_refuse_rc(d->req, rc);
    else if (!row)
        refuse_unknown(d->req);
    else
        answer_custom(d->req, 200, row);
}

void arm_definition_get(struct request *req)
{
    struct definitions *d = arena_new(req->arena, struct definitions);
    const struct role *built_in;
    struct str id, ignored;
    struct arm_answer a;

    d->req = req;
    if (!arm_role_scope(req, &id, &ignored))
        return;
    if (uuid_parse(id, &d->id)) {
        refuse_unknown(req);
        return;
    }
    built_in = built_in_role_by_id(&d->id);
    if (!built_in) {
        read_roles(d, on_one);
        return;
    }
    arm_answer_begin(&a, req);
    write_built_in(&a, built_in);
    arm_answer_end(&a, 200);
}

/* ---- writing ---- */

/* The id of a custom role, made or to be made; false: answered. */
static bool custom_id(struct request *req, struct uuid *out)
{
    struct str id, ignored;

    if (!arm_role_scope(req, &id, &ignored))
        return false;
    if (uuid_parse(id, out)) {
        arm_invalid(req, STR("The name of a role definition must be a GUID."));
        return false;
    }
    if (!built_in_role_by_id(out))
        return true;
    arm_refuse(req, &API_CONFLICT, STR("Built-in roles can't be changed or deleted."));
    return false;
}

static bool name_valid(struct request *req, struct str name)
{
    struct str message = STR("'roleName' must be 1 to 128 printable characters, no id and without "
                             "a slash.");

    if (built_in_role_by_name(name))
        arm_refuse(req, &API_CONFLICT, STR("A built-in role has this name."));
    else if (!application_name_valid(name) || name.len > ROLE_NAME_MAX)
        arm_invalid(req, message);
    else
        return true;
    return false;
}

/* The document of the row: what is kept of `properties`. */
static bool make_document(struct request *req, json_t *properties, struct str *out)
{
    AUTO(json_freep) json_t *document = json_object();
    static const char *const kept[] = {"description", "permissions", "assignableScopes"};
    uint64_t actions;
    struct str why;

    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        json_t *value = json_object_get(properties, kept[i]);

        if (value && !json_is_null(value))
            json_object_set(document, kept[i], value);
    }
    if (!json_array_size(json_object_get(document, "assignableScopes"))) {
        struct str scope =
            arena_printf(req->arena, "/subscriptions/" STR_FMT,
                         STR_ARG(gate_directory(req->site->gate)->subscription_text));
        json_object_set_new(document, "assignableScopes", json_pack("[s]", scope.ptr));
    }
    if (role_actions_read(document, &actions, req->arena, &why)) {
        arm_invalid(req,
                    arena_printf(req->arena, "The role is not valid: " STR_FMT ".", STR_ARG(why)));
        return false;
    }
    *out = json_text(document, 0, req->arena);
    return true;
}

static void on_written(void *ctx, enum rc rc, struct change_set *set)
{
    struct definitions *d = ctx;

    (void)set;
    if (rc == RC_CONFLICT)
        arm_refuse(d->req, &API_CONFLICT, STR("Another role has this name."));
    else if (rc)
        arm_refuse_rc(d->req, rc);
    else
        answer_custom(d->req, 201, &d->row); /* new or not: clients take no other status */
}

static void write_row(void *ctx, enum rc rc, const struct access_page *page)
{
    struct definitions *d = ctx;
    const struct role_row *former = rc ? NULL : row_of(page, &d->id);

    if (rc) {
        arm_refuse_rc(d->req, rc);
        return;
    }
    if (former)
        d->row.created = former->created;
    d->changes.items[0] = (struct change){.kind = CHANGE_ROLE_PUT, .u.role = d->row};
    d->changes.n = 1;
    changes_commit(&d->changes, d->req, on_written);
}

void arm_definition_put(struct request *req)
{
    static const struct arm_text_rule name_rule = {"roleName", 512, true};
    struct definitions *d = arena_new(req->arena, struct definitions);
    AUTO(json_freep) json_t *body = NULL;
    json_t *properties;

    d->req = req;
    if (!custom_id(req, &d->id) || !arm_body(req, &body) ||
        !arm_object(req, body, "properties", &properties) ||
        !arm_text(req, properties, &name_rule, &d->row.name) || !name_valid(req, d->row.name) ||
        !make_document(req, properties, &d->row.document))
        return;
    d->row.id = d->id;
    d->row.created = d->row.updated = req->now;
    read_roles(d, write_row);
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct definitions *d = ctx;

    if (rc == RC_CONFLICT)
        arm_refuse(d->req, &API_CONFLICT,
                   STR("The role is assigned: delete its role assignments first."));
    else if (rc)
        arm_refuse_rc(d->req, rc);
    else if (!set->items[0].out_existed)
        answer_empty(d->req, 204);
    else
        answer_custom(d->req, 200, &d->row);
}

static void delete_row(void *ctx, enum rc rc, const struct access_page *page)
{
    struct definitions *d = ctx;
    const struct role_row *former = rc ? NULL : row_of(page, &d->id);

    if (rc) {
        arm_refuse_rc(d->req, rc);
        return;
    }
    if (!former) {
        answer_empty(d->req, 204);
        return;
    }
    d->row = *former;
    d->changes.items[0].kind = CHANGE_ROLE_DELETE;
    d->changes.items[0].u.role.id = d->id;
    d->changes.n = 1;
    changes_commit(&d->changes, d->req, on_deleted);
}

void arm_definition_delete(struct request *req)
{
    struct definitions *d = arena_new(req->arena, struct definitions);

    d->req = req;
    if (custom_id(req, &d->id))
        read_roles(d, delete_row);
}
