/* Resources: the tenants of the server. Names and ports are checked against the directory and the
 * machine before they are written; the store has the last word on names. A deleted resource stays
 * as a row, its name is free again. */
#include "services/admin/admin.h"
#include "services/body.h"
#include "services/list.h"
#include "services/resource_rows.h"

#define HOST_MAX_LEN  ((size_t)253)
#define HOSTS_MAX     16
#define LOCATION_MAX  64
#define RESOURCE_JSON ((size_t)1024)

/* ---- out ---- */

static void write_resource(struct request *req, const struct resource *r, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "name", r->name);
    json_member_str(w, "id", r->id_text);
    json_member_str(w, "location", r->location);
    if (r->port)
        json_member_int(w, "port", r->port);
    json_name(w, "names");
    json_array_begin(w);
    for (size_t i = 0; i < r->names_count; i++)
        json_str(w, r->names[i]);
    json_array_end(w);
    json_member_str(w, "state", r->state == RESOURCE_ACTIVE ? STR("active") : STR("disabled"));
    json_member_bool(w, "default", r->is_default);
    json_member_str(w, "endpoint", site_endpoint(req, r));
    json_member_time(w, "createdOn", r->created);
    json_object_end(w);
}

static void answer_resource(struct request *req, int status, const struct resource *r)
{
    struct buf out = answer_buf(req, RESOURCE_JSON + (HOSTS_MAX + 1) * (HOST_MAX_LEN + 4));
    struct json_writer w;

    json_writer_init(&w, &out);
    write_resource(req, r, &w);
    answer_json(req, status, &out);
}

/* The path's resource; on NULL 404 has been answered. */
static const struct resource *named(struct request *req)
{
    const struct resource *r = directory_by_name(gate_directory(req->site->gate), req->params[0]);

    if (!r)
        answer_error(req, &API_NOT_FOUND);
    return r;
}

void admin_resource_get(struct request *req)
{
    const struct resource *r = named(req);

    if (r)
        answer_resource(req, 200, r);
}

/* ---- list ---- */

struct resources_list {
    struct list_request list; /* first */
    const struct resource **found;
    size_t n;
    bool more;
};

/* qsort order: the newest first, then by name. */
static int newest_first(const void *a, const void *b)
{
    const struct resource *const *x = a, *const *y = b;

    if ((*x)->created != (*y)->created)
        return (*x)->created < (*y)->created ? 1 : -1;
    return name_cmp((*x)->name, (*y)->name);
}

/* Where the page begins in the sorted list, and where since=NAME or ID cuts it off. */
static void cut(struct resources_list *r, size_t total)
{
    const struct list_request *l = &r->list;
    size_t from = 0, to = total;

    for (size_t i = 0; i < total; i++) {
        const struct resource *item = r->found[i];

        if (l->after.len && name_eq(item->name, l->after))
            from = i + 1;
        if (l->since_id.len &&
            (name_eq(item->name, l->since_id) || name_eq(item->id_text, l->since_id)))
            to = i;
    }
    r->found += from;
    r->n = to > from ? to - from : 0;
    r->more = r->n > l->limit;
    if (r->more)
        r->n = l->limit;
}

static void fetch_resources(struct list_request *list)
{
    struct resources_list *r = (struct resources_list *)list;
    const struct directory *d = gate_directory(list->req->site->gate);
    size_t total = 0;

    r->found = arena_array(&list->scratch, const struct resource *, d->resources_count + 1);
    for (size_t i = 0; i < d->resources_count; i++)
        if (d->resources[i].state != RESOURCE_DELETED && d->resources[i].created >= list->since)
            r->found[total++] = &d->resources[i];
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the array is of pointers */
    qsort(r->found, total, sizeof *r->found, newest_first);
    cut(r, total);
    list_fetched(list, RC_OK, r->n);
}

static struct str write_resources(struct list_request *list, struct json_writer *w)
{
    struct resources_list *r = (struct resources_list *)list;

    for (size_t i = 0; i < r->n; i++)
        write_resource(list->req, r->found[i], w);
    return r->more ? arena_dup(list->req->arena, r->found[r->n - 1]->name) : STR_EMPTY;
}

void admin_resources_list(struct request *req)
{
    struct resources_list *r = arena_new(req->arena, struct resources_list);

    if (list_begin(&r->list, req, fetch_resources, write_resources))
        list_run(&r->list);
}

/* ---- in ---- */

struct resource_body {
    struct str name, location, state;
    int64_t port; /* -1: not given; 0: none */
    struct json_str_list names;
};

/* clang-format off */
static const struct json_field fields[] = {
    {"name",     JSON_FIELD_STR,      offsetof(struct resource_body, name),     0, 0,            false},
    {"location", JSON_FIELD_STR,      offsetof(struct resource_body, location), 1, LOCATION_MAX, false},
    {"port",     JSON_FIELD_INT,      offsetof(struct resource_body, port),     0, UINT16_MAX,   false},
    {"names",    JSON_FIELD_STR_LIST, offsetof(struct resource_body, names),    0, HOSTS_MAX,    false},
    {"state",    JSON_FIELD_STR,      offsetof(struct resource_body, state),    0, 0,            false},
    {0}};
/* clang-format on */

/* Labels with dots between; the last one is no number, so that it is no address. */
static bool host_valid(struct str host)
{
    struct str rest = host, label = STR_EMPTY;
    uint64_t number;

    if (host.len > HOST_MAX_LEN)
        return false;
    while (rest.len) {
        bool dot = str_cut(rest, '.', &label, &rest);

        if (!label_valid(label) || (dot && !rest.len))
            return false;
    }
    return label.len && str_to_u64(label, UINT64_MAX, &number) != RC_OK;
}

static bool refuse(struct refusal *why, const struct api_error *error, struct str message,
                   struct str target)
{
    *why = (struct refusal){error, message, target};
    return false;
}

static bool read_names(struct request *req, const struct resource_body *body,
                       struct resource_row *row, struct refusal *why)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str joined = STR_EMPTY;

    if (!body->names.present)
        return true;
    for (size_t i = 0; i < body->names.n; i++) {
        struct str raw = body->names.items[i], host;
        struct str target = arena_printf(req->arena, "$.names[%zu]", i);

        host = arena_lower(req->arena, raw);
        if (!host_valid(host))
            return refuse(why, &API_VALIDATION, STR("A further name must be a host name."), target);
        if (!resource_host_free(d, host, &row->id))
            return refuse(why, &API_CONFLICT, STR("Somebody has this name already."), target);
        joined = arena_printf(req->arena, STR_FMT "%s" STR_FMT, STR_ARG(joined),
                              joined.len ? " " : "", STR_ARG(host));
    }
    row->names = joined;
    return true;
}

static bool read_port(struct request *req, const struct resource_body *body,
                      struct resource_row *row, struct refusal *why)
{
    const struct directory *d = gate_directory(req->site->gate);
    const struct site_hooks *hooks = req->site->hooks;
    enum rc rc;

    if (body->port < 0 || body->port == row->port)
        return true;
    row->port = (uint16_t)body->port;
    if (row->port == 0)
        return true;
    for (size_t i = 0; i < d->resources_count; i++)
        if (d->resources[i].state != RESOURCE_DELETED && d->resources[i].port == row->port)
            return refuse(why, &API_CONFLICT, STR("Another resource has this port."),
                          STR("$.port"));
    rc = hooks->port_free(hooks->ctx, row->port);
    if (rc)
        return refuse(why, &API_CONFLICT,
                      rc == RC_DENIED ? STR("The server may not listen on this port.")
                                      : STR("Somebody listens on this port already."),
                      STR("$.port"));
    return true;
}

static bool read_location(struct request *req, const struct resource_body *body,
                          struct resource_row *row, struct refusal *why)
{
    if (!body->location.ptr) {
        if (!row->location.len)
            row->location = req->site->options->location;
        return true;
    }
    if (!label_valid(body->location))
        return refuse(why, &API_VALIDATION,
                      STR("location must be of lower-case letters, digits and hyphens."),
                      STR("$.location"));
    row->location = body->location;
    return true;
}

static bool read_state(const struct resource_body *body, struct resource_row *row,
                       struct refusal *why)
{
    if (!body->state.ptr)
        return true;
    if (name_eq(body->state, STR("active")))
        row->state = RESOURCE_ACTIVE;
    else if (name_eq(body->state, STR("disabled")))
        row->state = RESOURCE_DISABLED;
    else
        return refuse(why, &API_VALIDATION, STR("state must be active or disabled."),
                      STR("$.state"));
    return true;
}

static bool read_rest(struct request *req, const struct resource_body *body,
                      struct resource_row *row, struct refusal *why)
{
    return read_location(req, body, row, why) && read_state(body, row, why) &&
           read_names(req, body, row, why) && read_port(req, body, row, why);
}

/* ---- writing ---- */

struct resource_write {
    struct changes changes; /* first: a resource with its keys, or what deletes one */
    struct uuid id;
    int status;
};

static void on_written(void *ctx, enum rc rc, struct change_set *set)
{
    struct resource_write *rw = ctx;
    struct request *req = rw->changes.req;
    const struct resource *r;

    (void)set;
    if (rc == RC_CONFLICT) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("There is a resource of this name already."),
                                              STR("$.name")});
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    r = directory_by_id(gate_directory(req->site->gate), &rw->id);
    if (rw->status == 204 || !r)
        answer_empty(req, 204);
    else
        answer_resource(req, rw->status, r);
}

static struct resource_write *write_new(struct request *req, const struct uuid *id, int status)
{
    struct resource_write *rw = arena_new(req->arena, struct resource_write);

    rw->id = *id;
    rw->status = status;
    return rw;
}

static void put_resource(struct resource_write *rw, const struct resource_row *row)
{
    struct change *c = &rw->changes.items[rw->changes.n++];

    c->kind = CHANGE_RESOURCE_PUT;
    c->u.resource = *row;
}

static void commit(struct resource_write *rw, struct request *req)
{
    changes_commit(&rw->changes, req, on_written);
}

static bool read_name(struct request *req, const struct resource_body *body,
                      struct resource_row *row, struct refusal *why)
{
    if (!label_valid(body->name))
        return refuse(why, &API_VALIDATION,
                      STR("name must be 1 to 63 lower-case letters, digits and hyphens."),
                      STR("$.name"));
    if (!resource_name_free(req, body->name))
        return refuse(why, &API_CONFLICT, STR("Somebody has this name already."), STR("$.name"));
    row->name = body->name;
    return true;
}

void admin_resource_create(struct request *req)
{
    struct resource_body body = {.port = -1};
    struct resource_row row = {.state = RESOURCE_ACTIVE, .created = req->now};
    struct resource_write *rw;
    struct refusal why;
    enum rc rc;

    row.id = uuid_random();
    if (!body_fill(req, fields, &body, &why) || !read_name(req, &body, &row, &why) ||
        !read_rest(req, &body, &row, &why)) {
        answer_refusal(req, &why);
        return;
    }
    row.group = RESOURCE_GROUP_DEFAULT;
    row.data_location = data_location_of(row.location);
    row.properties = STR("{}");
    rw = write_new(req, &row.id, 201);
    rw->changes.items[rw->changes.n++] = resource_scope_clear(req, &row);
    put_resource(rw, &row);
    rc = resource_first_keys(req, &row.id, rw->changes.items + rw->changes.n);
    rw->changes.n += KEY_SLOTS;
    if (rc)
        answer_rc(req, rc);
    else
        commit(rw, req);
}

void admin_resource_patch(struct request *req)
{
    struct resource_body body = {.port = -1};
    const struct resource *r = named(req);
    struct resource_write *rw;
    struct resource_row row;
    struct refusal why;
    bool ok;

    if (!r)
        return;
    row = resource_row_of(req, r);
    ok = body_fill(req, fields, &body, &why);
    if (ok && body.name.ptr && !name_eq(body.name, row.name))
        ok = refuse(&why, &API_VALIDATION, STR("The name of a resource is fixed."), STR("$.name"));
    if (!ok || !read_rest(req, &body, &row, &why)) {
        answer_refusal(req, &why);
        return;
    }
    rw = write_new(req, &row.id, 200);
    put_resource(rw, &row);
    commit(rw, req);
}

void admin_resource_delete(struct request *req)
{
    const struct resource *r = named(req);
    struct resource_write *rw;
    enum rc rc;

    if (!r)
        return;
    if (!name_eq(request_query(req, "confirm"), r->name)) {
        answer_invalid(
            req,
            arena_printf(req->arena,
                         "Deleting a resource ends everything in it: add ?confirm=" STR_FMT
                         " to do it.",
                         STR_ARG(r->name)),
            STR("confirm"));
        return;
    }
    if (r->is_default) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("The default resource can't be deleted."),
                                              STR("name")});
        return;
    }
    rw = write_new(req, &r->id, 204);
    rc = resource_delete_changes(&rw->changes, req, r);
    if (rc)
        answer_rc(req, rc);
    else
        commit(rw, req);
}
