/* Resource groups. One exists when something lies in it, or when it was made by a request: those
 * are kept as named values of the store, with location and tags. Source: wire/managed-identity
 * §5.6. */
#include "services/resources/arm_identity.h"

#define VALUE_PREFIX STR("group:")
#define GROUPS_TYPE  STR("Microsoft.Resources/resourceGroups")

struct group {
    struct str name, location, tags;
    bool kept;     /* made by a request */
    bool occupied; /* something lies in it */
};

/* What is asked for, while the groups are being gathered. */
struct gathering {
    struct changes changes; /* first */
    struct request *req;
    void (*done)(struct gathering *g);
    struct group *groups;
    size_t n, cap;
    struct str wanted; /* name */
    /* PUT, PATCH */
    struct str location, tags;
    bool with_tags, existed;
    struct group made;
};

/* ---- gathering ---- */

static struct group *group_named(struct gathering *g, struct str name)
{
    for (size_t i = 0; i < g->n; i++)
        if (name_eq_nocase(g->groups[i].name, name))
            return &g->groups[i];
    return NULL;
}

static struct group *add_group(struct gathering *g, struct str name)
{
    struct group *found = group_named(g, name);

    if (found)
        return found;
    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct group *moved = arena_array(g->req->arena, struct group, cap);

        if (g->n)
            memcpy(moved, g->groups, g->n * sizeof *moved);
        g->groups = moved;
        g->cap = cap;
    }
    g->groups[g->n] = (struct group){.name = name, .location = g->req->site->options->location};
    return &g->groups[g->n++];
}

static void add_kept(struct gathering *g, const struct meta_row *row)
{
    AUTO(json_freep) json_t *value = NULL;
    struct str name, location;
    struct group *group;

    if (json_read(row->value, &value, NULL))
        return; /* none of ours */
    if (json_get_str(value, "name", &name))
        name = str_from_index(row->name, VALUE_PREFIX.len); /* in lower case */
    group = add_group(g, arena_dup(g->req->arena, name));
    group->kept = true;
    if (!json_get_str(value, "location", &location))
        group->location = arena_dup(g->req->arena, location);
    group->tags = arm_raw(g->req, value, "tags");
}

static void on_identities(void *ctx, enum rc rc, const struct access_page *page)
{
    struct gathering *g = ctx;
    struct arm_identity_place place;

    if (rc) {
        arm_refuse_rc(g->req, rc);
        return;
    }
    for (size_t i = 0; i < page->n; i++)
        if (arm_identity_place(page->applications[i].arm_id, &place))
            add_group(g, place.group)->occupied = true;
    g->done(g);
}

static void on_kept(void *ctx, enum rc rc, const struct access_page *page)
{
    const struct access_query query = {.what = ACCESS_APPLICATIONS, .kind = APPLICATION_MANAGED};
    struct gathering *g = ctx;
    struct request *req = g->req;
    const struct directory *d = gate_directory(req->site->gate);

    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    for (size_t i = 0; i < page->n; i++)
        add_kept(g, &page->metas[i]);
    for (size_t i = 0; i < d->resources_count; i++)
        if (d->resources[i].state != RESOURCE_DELETED)
            add_group(g, arena_dup(req->arena, d->resources[i].group))->occupied = true;
    store_list_access(req->site->store, req->loop, req->arena, &query, on_identities, g);
}

static struct gathering *gathering_new(struct request *req)
{
    struct gathering *g = arena_new(req->arena, struct gathering);

    g->req = req;
    g->wanted = arena_dup(req->arena, req->params[ARM_GROUP]);
    return g;
}

static void gather(struct gathering *g, void (*done)(struct gathering *g))
{
    const struct access_query query = {.what = ACCESS_META, .scope = VALUE_PREFIX};
    struct request *req = g->req;

    g->done = done;
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &query, on_kept, g);
}

/* ---- out ---- */

static void write_group(struct arm_answer *a, const struct group *group)
{
    struct json_writer *w = &a->w;

    json_object_begin(w);
    json_member_str(w, "id", arm_group_id(a->req, group->name));
    json_member_str(w, "name", group->name);
    json_member_str(w, "type", GROUPS_TYPE);
    json_member_str(w, "location", group->location);
    arm_write_tags(w, group->tags);
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "provisioningState", STR("Succeeded"));
    json_object_end(w);
    json_object_end(w);
}

static void answer_group(struct request *req, int status, const struct group *group)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_group(&a, group);
    arm_answer_end(&a, status);
}

static void refuse_unknown(struct gathering *g)
{
    arm_refuse(g->req, &API_RESOURCE_GROUP_NOT_FOUND,
               arena_printf(g->req->arena, "Resource group '" STR_FMT "' could not be found.",
                            STR_ARG(g->wanted)));
}

static void finish_list(struct gathering *g)
{
    struct arm_answer a;

    arm_answer_begin(&a, g->req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < g->n; i++)
        write_group(&a, &g->groups[i]);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

static void finish_get(struct gathering *g)
{
    const struct group *group = group_named(g, g->wanted);

    if (group)
        answer_group(g->req, 200, group);
    else
        refuse_unknown(g);
}

static void finish_empty(struct gathering *g)
{
    if (!group_named(g, g->wanted)) {
        refuse_unknown(g);
        return;
    }
    g->n = 0;
    finish_list(g);
}

static void finish_head(struct gathering *g)
{
    answer_empty(g->req, group_named(g, g->wanted) ? 204 : 404);
}

void arm_groups_list(struct request *req)
{
    if (arm_subscription(req))
        gather(gathering_new(req), finish_list);
}

void arm_group_answer_empty(struct request *req)
{
    gather(gathering_new(req), finish_empty);
}

void arm_group_get(struct request *req)
{
    if (arm_subscription(req) && arm_group_valid(req, req->params[ARM_GROUP]))
        gather(gathering_new(req), finish_get);
}

void arm_group_head(struct request *req)
{
    if (arm_subscription(req) && arm_group_valid(req, req->params[ARM_GROUP]))
        gather(gathering_new(req), finish_head);
}

/* ---- writing ---- */

static struct str value_name(struct gathering *g)
{
    return arena_printf(g->req->arena, STR_FMT STR_FMT, STR_ARG(VALUE_PREFIX),
                        STR_ARG(arena_lower(g->req->arena, g->wanted)));
}

static struct str value_of(struct gathering *g, const struct group *group)
{
    struct arm_answer a;
    struct str text;

    arm_answer_begin(&a, g->req);
    json_object_begin(&a.w);
    json_member_str(&a.w, "name", group->name);
    json_member_str(&a.w, "location", group->location);
    arm_write_tags(&a.w, group->tags);
    json_object_end(&a.w);
    text = arena_dup(g->req->arena, buf_str(&a.out));
    buf_clear(&a.out);
    return text;
}

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct gathering *g = ctx;

    (void)set;
    if (rc)
        arm_refuse_rc(g->req, rc);
    else
        answer_group(g->req, g->existed ? 200 : 201, &g->made);
}

static void finish_put(struct gathering *g)
{
    const struct group *former = group_named(g, g->wanted);
    struct change *c = g->changes.items;

    if (!former && g->req->method == PATCH) {
        refuse_unknown(g);
        return;
    }
    g->existed = former != NULL;
    if (former)
        g->made = *former;
    else
        g->made.name = g->wanted;
    if (g->location.len && !(former && former->kept))
        g->made.location = g->location;
    if (g->with_tags)
        g->made.tags = g->tags;
    c->kind = CHANGE_META_PUT;
    c->u.meta.name = value_name(g);
    c->u.meta.value = value_of(g, &g->made);
    g->changes.n = 1;
    changes_commit(&g->changes, g->req, on_put);
}

void arm_group_put(struct request *req)
{
    struct gathering *g = gathering_new(req);
    const struct arm_text_rule rule = {"location", 64, req->method == PUT};
    AUTO(json_freep) json_t *body = NULL;

    if (!arm_subscription(req) || !arm_group_valid(req, g->wanted) || !arm_body(req, &body) ||
        !arm_text(req, body, &rule, &g->location) || !arm_tags(req, body, &g->tags))
        return;
    g->with_tags = req->method == PUT || json_is_object(json_object_get(body, "tags"));
    gather(g, finish_put);
}

/* ---- deleting ---- */

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct gathering *g = ctx;

    if (rc)
        arm_refuse_rc(g->req, rc);
    else if (!set->items[0].out_existed)
        refuse_unknown(g); /* somebody was faster */
    else
        answer_empty(g->req, 200);
}

static void finish_delete(struct gathering *g)
{
    const struct group *group = group_named(g, g->wanted);
    struct change *c = g->changes.items;

    if (!group) {
        refuse_unknown(g);
        return;
    }
    if (group->occupied) {
        arm_refuse(g->req, &API_CONFLICT,
                   STR("The group still holds resources or identities: delete them first."));
        return;
    }
    c[0].kind = CHANGE_META_DELETE;
    c[0].u.meta.name = value_name(g);
    c[1].kind = CHANGE_ROLE_SCOPE_DELETE;
    c[1].u.role_assignment.scope = arm_scope(g->req);
    g->changes.n = 2;
    changes_commit(&g->changes, g->req, on_deleted);
}

void arm_group_delete(struct request *req)
{
    if (arm_subscription(req) && arm_group_valid(req, req->params[ARM_GROUP]))
        gather(gathering_new(req), finish_delete);
}
