/* PUT and PATCH of communicationServices: one change set with the row, the keys of a new resource,
 * and its system-assigned identity when it comes or goes. What a request does not say of an
 * existing resource stays for PATCH, and is taken away by PUT. Source: wire/managed-identity §5.2,
 * §5.3. */
#include "services/resources/arm_service.h"

static bool data_location_valid(struct str s)
{
    bool ok = s.len > 0;

    for (size_t i = 0; ok && i < s.len; i++) {
        char c = s.ptr[i];

        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c == ' ' && i && i + 1 < s.len);
    }
    return ok;
}

/* "United States" is reached at "unitedstates". */
static struct str location_of(struct request *req, struct str data_location)
{
    char *text = arena_alloc(req->arena, data_location.len + 1);
    size_t len = 0;

    ascii_lower(text, data_location);
    for (size_t i = 0; i < data_location.len; i++)
        if (text[i] != ' ')
            text[len++] = text[i];
    return str_of(text, len);
}

/* ---- commit ---- */

static void on_written(void *ctx, enum rc rc, struct change_set *set)
{
    struct service_edit *e = ctx;
    struct request *req = e->changes.req;
    const struct resource *r;

    (void)set;
    if (rc == RC_CONFLICT && !e->old) {
        answer_error(req, &API_NAME_NOT_AVAILABLE);
        return;
    }
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    r = directory_by_id(gate_directory(req->site->gate), &e->row.id);
    if (!r || r->state == RESOURCE_DELETED)
        answer_error(req, &API_RESOURCE_NOT_FOUND); /* somebody was faster */
    else
        arm_answer_service(req, e->old ? 200 : 201, r);
}

static struct change *next(struct service_edit *e, enum change_kind kind)
{
    struct change *c = &e->changes.items[e->changes.n++];

    c->kind = kind;
    return c;
}

/* The identity of the resource comes or goes with the row that says so. */
static enum rc add_identity(struct service_edit *e)
{
    const struct directory *d = gate_directory(e->req->site->gate);
    const struct resource as = {
        .name = e->row.name,
        .location = e->row.location,
        .scope = scope_of_resource(&d->subscription, e->row.group, e->row.name, e->req->arena),
    };
    struct application_row row;
    enum rc rc = system_identity_of(e->req, &as, &row);

    if (rc == RC_NOT_FOUND) {
        if (e->system)
            next(e, CHANGE_APPLICATION_PUT)->u.application = system_identity_make(e->req, &as);
        return RC_OK;
    }
    if (!rc && !e->system)
        next(e, CHANGE_APPLICATION_DELETE)->u.application.client_id = row.client_id;
    return rc;
}

static void commit(struct service_edit *e)
{
    enum rc rc;

    e->row.properties = json_text(e->props, 0, e->req->arena);
    if (!e->old)
        e->changes.items[e->changes.n++] = resource_scope_clear(e->req, &e->row);
    next(e, CHANGE_RESOURCE_PUT)->u.resource = e->row;
    rc = add_identity(e);
    if (!rc && !e->old) {
        rc = resource_first_keys(e->req, &e->row.id, e->changes.items + e->changes.n);
        e->changes.n += KEY_SLOTS;
    }
    if (rc)
        arm_refuse_rc(e->req, rc);
    else
        changes_commit(&e->changes, e->req, on_written);
}

/* ---- edits ---- */

static struct service_edit *edit_new(struct request *req, const struct resource *old)
{
    struct service_edit *e = arena_new(req->arena, struct service_edit);

    e->req = req;
    e->old = old;
    e->merge = req->method == PATCH;
    if (old) {
        e->row = resource_row_of(req, old);
        e->props = service_properties(old);
        e->system = json_is_true(json_object_get(json_object_get(e->props, "identity"), "system"));
    } else {
        e->row = (struct resource_row){.state = RESOURCE_ACTIVE,
                                       .created = req->now,
                                       .id = uuid_random(),
                                       .name = arena_lower(req->arena, req->params[ARM_NAME]),
                                       .group = arena_dup(req->arena, req->params[ARM_GROUP])};
        e->props = json_object();
    }
    return e;
}

static bool read_location(struct request *req, const json_t *body)
{
    static const struct arm_text_rule rule = {"location", 64, true};
    struct str text;

    if (!arm_text(req, body, &rule, &text))
        return false;
    if (name_eq_nocase(text, STR("global")))
        return true;
    answer_error(req, &API_LOCATION_NOT_AVAILABLE);
    return false;
}

static bool read_data_location(struct service_edit *e, const json_t *body)
{
    static const struct arm_text_rule rule = {"dataLocation", 64, true};
    struct str text;
    json_t *properties;

    if (!arm_object(e->req, body, "properties", &properties) ||
        !arm_text(e->req, properties, &rule, &text))
        return false;
    if (!data_location_valid(text)) {
        arm_invalid(e->req, STR("'dataLocation' must be the name of a geography, such as 'United "
                                "States' or 'Europe'."));
        return false;
    }
    if (!e->old) {
        e->row.data_location = text;
        e->row.location = location_of(e->req, text);
        return true;
    }
    if (name_eq_nocase(text, e->row.data_location))
        return true;
    arm_invalid(e->req, arena_printf(e->req->arena,
                                     "The dataLocation of a resource is fixed: here '" STR_FMT "'.",
                                     STR_ARG(e->row.data_location)));
    return false;
}

/* Once a step has answered, `e` may be gone with its request. */
static void edit_run(struct service_edit *e)
{
    /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): its cleanup reads it */
    AUTO(json_freep) json_t *props = e->props, *body = NULL;
    bool ok = arm_body(e->req, &body);

    if (ok && !e->merge)
        ok = read_location(e->req, body) && read_data_location(e, body);
    if (ok && service_edit_tags(e, body) && service_edit_identity(e, body) &&
        service_edit_properties(e, body))
        commit(e);
}

/* ---- handlers ---- */

/* Nobody has the name: may the resource be called so? */
static bool name_good(struct request *req)
{
    struct str name = arena_lower(req->arena, req->params[ARM_NAME]);

    if (!label_valid(name)) {
        arm_invalid(req, ARM_NAME_RULE);
        return false;
    }
    if (resource_name_free(req, name))
        return true;
    answer_error(req, &API_NAME_NOT_AVAILABLE);
    return false;
}

void arm_service_put(struct request *req)
{
    const struct directory *d = gate_directory(req->site->gate);
    const struct resource *old;

    if (!arm_subscription(req) || !arm_group_valid(req, req->params[ARM_GROUP]))
        return;
    old = directory_by_name(d, arena_lower(req->arena, req->params[ARM_NAME]));
    if (old && !name_eq_nocase(old->group, req->params[ARM_GROUP]))
        arm_refuse(req, &API_NAME_NOT_AVAILABLE,
                   STR("A resource in another group has this name: names are unique here."));
    else if (old || name_good(req))
        edit_run(edit_new(req, old));
}

void arm_service_patch(struct request *req)
{
    const struct resource *old = arm_service(req);

    if (old)
        edit_run(edit_new(req, old));
}
