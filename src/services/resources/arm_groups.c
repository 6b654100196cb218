/* Resource groups. A group is there when something is in it, or when it was made: those that were
 * made are one named value of the store, a JSON object by lower-case name,
 *     {"group": {"name": "Group", "location": "westeurope", "tags": {…}}}
 * which one request at a time reads and writes anew. Source: wire/managed-identity §5.6. */
#include "services/resources/arm_access.h"

#include "base/map.h"

#include <stdatomic.h>
#include <stdlib.h>

#define META_GROUPS STR("resource_groups")
#define TYPE        "Microsoft.Resources/resourceGroups"
#define GROUPS_MAX  ((size_t)800)
#define KEPT_MAX    (64 * KIB)
#define RETRY_MS    5
#define RETRIES_MAX 400 /* 2 s: a commit takes milliseconds */

struct group {
    struct str key; /* lower case */
    struct str name, location, tags;
    bool made;  /* by a PUT: it is kept */
    bool holds; /* a resource or a managed identity */
};

/* One request about groups, in its arena. */
struct groups {
    struct changes c; /* first: what changes_commit() hands back */
    struct request *req;
    void (*next)(struct groups *g); /* when they have been read */
    struct group *items;            /* by name; room for one more */
    size_t n;
    struct group *one; /* the path's, or NULL */
    /* what is to be written */
    bool location_given, tags_given;
    struct str location, tags;
    int status;
    struct loop_timer timer; /* waiting for another writer */
    unsigned tries;
};

/* ---- reading ---- */

static struct group *group_in(struct groups *g, struct map *by_key, struct str name)
{
    struct str key = arm_lowered(g->req, name);
    struct group *group = map_get(by_key, key);

    if (!group) {
        group = arena_new(g->req->arena, struct group);
        group->key = key;
        group->name = arena_dup(g->req->arena, name);
        group->location = g->req->site->options->location;
        (void)map_put(by_key, key, group); /* there was none */
    }
    return group;
}

static void gather_made(struct groups *g, struct map *by_key, json_t *made)
{
    const char *key;
    json_t *item;

    json_object_foreach(made, key, item)
    {
        struct str name = str_from(key), location = STR_EMPTY;
        struct group *group;

        (void)json_get_str(item, "name", &name); /* absent: as its key says */
        (void)json_get_str(item, "location", &location);
        group = group_in(g, by_key, name);
        group->made = true;
        group->location = arena_dup(g->req->arena, location);
        group->tags = arm_raw(g->req, item, "tags");
    }
}

static void gather_held(struct groups *g, struct map *by_key, const struct access_page *page)
{
    const struct directory *d = gate_directory(g->req->site->gate);

    for (size_t i = 0; i < d->resources_count; i++) {
        if (d->resources[i].state != RESOURCE_DELETED)
            group_in(g, by_key, d->resources[i].group)->holds = true;
    }
    for (size_t i = 0; i < page->n; i++) {
        struct str id = page->applications[i].arm_id;

        if (arm_id_is_identity(id))
            group_in(g, by_key, arm_id_group(id))->holds = true;
    }
}

/* qsort order */
static int by_name(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    return name_cmp(x->key, y->key);
}

/* From the map to an array, and which of it the path names. */
static void settle(struct groups *g, const struct map *by_key)
{
    struct str wanted = arm_lowered(g->req, g->req->params[ARM_GROUP]), key;
    size_t at = 0, total = 0;
    void *value;

    while (map_next(by_key, &at, &key, &value))
        total++;
    g->items = arena_array(g->req->arena, struct group, total + 1);
    for (at = 0; map_next(by_key, &at, &key, &value);)
        g->items[g->n++] = *(const struct group *)value;
    qsort(g->items, g->n, sizeof *g->items, by_name);
    for (size_t i = 0; i < g->n; i++) {
        if (name_eq(g->items[i].key, wanted))
            g->one = &g->items[i];
    }
}

static enum rc gather(struct groups *g, const struct access_page *page)
{
    AUTO(json_freep) json_t *made = NULL;
    struct str text;
    struct map by_key;
    enum rc rc = store_meta(g->req->site->reader, META_GROUPS, g->req->arena, &text);

    if (rc == RC_NOT_FOUND)
        text = STR("{}");
    else if (rc)
        return rc;
    if (json_read(text, &made, NULL) || !json_is_object(made))
        return RC_INTERNAL; /* not ours: better no answer than one that forgets them */
    map_init(&by_key);
    gather_made(g, &by_key, made);
    gather_held(g, &by_key, page);
    settle(g, &by_key);
    map_clear(&by_key);
    return RC_OK;
}

/* ---- one writer at a time ---- */

/* Before every answer of a writer: with it the request dies. */
static void release(const struct groups *g)
{
    g->req->site->shared->groups_busy = false;
}

static bool is_writer(const struct groups *g)
{
    return g->req->method != GET && g->req->method != HEAD;
}

static void on_identities(void *ctx, enum rc rc, const struct access_page *page)
{
    struct groups *g = ctx;

    if (!rc)
        rc = gather(g, page);
    if (!rc) {
        g->next(g);
        return;
    }
    if (is_writer(g))
        release(g);
    arm_refuse_rc(g->req, rc);
}

static void read_all(struct groups *g)
{
    struct access_query q = {.what = ACCESS_APPLICATIONS, .kind = APPLICATION_MANAGED};

    store_list_access(g->req->site->store, g->req->loop, g->req->arena, &q, on_identities, g);
}

static void begin_write(void *ctx)
{
    struct groups *g = ctx;

    if (!atomic_exchange(&g->req->site->shared->groups_busy, true)) {
        loop_timer_close(&g->timer);
        read_all(g);
    } else if (g->tries++ < RETRIES_MAX) {
        loop_timer_start(g->req->loop, &g->timer, RETRY_MS, 0, begin_write, g);
    } else {
        loop_timer_close(&g->timer);
        answer_error(g->req, &API_UNAVAILABLE);
    }
}

/* NULL: answered. Else the caller fills it and calls start(). */
static struct groups *groups_new(struct request *req, void (*next)(struct groups *g))
{
    struct groups *g;

    if (!arm_subscription(req))
        return NULL;
    g = arena_new(req->arena, struct groups);
    g->req = req;
    g->next = next;
    return g;
}

static void start(struct groups *g)
{
    request_hold(g->req);
    if (is_writer(g))
        begin_write(g);
    else
        read_all(g);
}

/* ---- out ---- */

static void write_group(struct request *req, const struct group *group, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "id", arm_group_id(req, group->name));
    json_member_str(w, "name", group->name);
    json_member_str(w, "type", STR(TYPE));
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
    write_group(req, group, &a.w);
    arm_answer_end(&a, status);
}

static void refuse_absent(struct request *req)
{
    arm_refuse(req, &API_RESOURCE_GROUP_NOT_FOUND,
               arena_printf(req->arena, "Resource group '" STR_FMT "' could not be found.",
                            STR_ARG(body_excerpt(req->params[ARM_GROUP]))));
}

static void list_all(struct groups *g)
{
    struct arm_answer a;

    arm_answer_begin(&a, g->req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < g->n; i++)
        write_group(g->req, &g->items[i], &a.w);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

void arm_groups_list(struct request *req)
{
    struct groups *g = groups_new(req, list_all);

    if (g)
        start(g);
}

static void get_one(struct groups *g)
{
    if (g->one)
        answer_group(g->req, 200, g->one);
    else
        refuse_absent(g->req);
}

void arm_group_get(struct request *req)
{
    struct groups *g = groups_new(req, get_one);

    if (g)
        start(g);
}

static void head_one(struct groups *g)
{
    answer_empty(g->req, g->one ? 204 : 404);
}

void arm_group_head(struct request *req)
{
    struct groups *g = groups_new(req, head_one);

    if (g)
        start(g);
}

/* ---- writing ---- */

/* The value to be kept; false: it is too large. */
static bool write_made(struct groups *g, struct str *out)
{
    struct json_writer w;
    struct buf text;
    size_t made = 0;

    buf_init(&text, KEPT_MAX);
    json_writer_init(&w, &text);
    json_object_begin(&w);
    for (size_t i = 0; i < g->n; i++) {
        const struct group *group = &g->items[i];

        if (!group->made)
            continue;
        made++;
        json_name(&w, group->key.ptr); /* NUL-terminated: arm_lowered() leaves room for it */
        json_object_begin(&w);
        json_member_str(&w, "name", group->name);
        json_member_str(&w, "location", group->location);
        arm_write_tags(&w, group->tags);
        json_object_end(&w);
    }
    json_object_end(&w);
    *out = text.failed ? STR_EMPTY : arena_dup(g->req->arena, buf_str(&text));
    buf_clear(&text);
    return out->len > 0 && made <= GROUPS_MAX;
}

/* Of what is written: the group as it is now, or none when it is gone. */
static void on_written(void *ctx, enum rc rc, struct change_set *set)
{
    const struct groups *g = ctx;

    (void)set;
    release(g);
    if (rc)
        arm_refuse_rc(g->req, rc);
    else if (g->one)
        answer_group(g->req, g->status, g->one);
    else
        answer_empty(g->req, g->status);
}

static void commit(struct groups *g)
{
    struct change *c = &g->c.items[g->c.n++];

    c->kind = CHANGE_META_PUT;
    c->u.meta.name = META_GROUPS;
    if (!write_made(g, &c->u.meta.value)) {
        release(g);
        arm_refuse(g->req, &API_CONFLICT,
                   STR("There is no room for more: at most 800 resource groups are kept, in 64 "
                       "KiB with their tags. Delete some, or use fewer tags."));
        return;
    }
    changes_commit(&g->c, g->req, on_written);
}

/* The path's group, new or changed, among the items; NULL: there is none, and it needs a location.
 */
static struct group *wished(struct groups *g)
{
    struct group *group = g->one;

    g->status = group ? 200 : 201;
    if (!group) {
        if (!g->location_given)
            return NULL;
        group = &g->items[g->n++];
        group->name = arena_dup(g->req->arena, g->req->params[ARM_GROUP]);
        group->key = arm_lowered(g->req, group->name);
    }
    if (!group->made && g->location_given)
        group->location = g->location; /* one that only holds something has none of its own */
    if (g->tags_given || g->req->method == PUT)
        group->tags = g->tags; /* a PUT says all of it */
    group->made = true;
    return group;
}

static void put_one(struct groups *g)
{
    if (!g->one && g->req->method == PATCH) {
        release(g);
        refuse_absent(g->req);
        return;
    }
    if (g->one && g->one->made && g->location_given && !name_eq(g->one->location, g->location)) {
        release(g);
        arm_refuse(g->req, &API_CONFLICT,
                   STR("The location of a resource group can't be changed."));
        return;
    }
    g->one = wished(g);
    if (!g->one) {
        release(g);
        arm_refuse(g->req, &API_INVALID_REQUEST_CONTENT, STR("location is required."));
        return;
    }
    commit(g);
}

void arm_group_put(struct request *req)
{
    AUTO(json_freep) json_t *body = NULL;
    struct groups *g = groups_new(req, put_one);
    const json_t *tags;

    if (!g || !arm_group_valid(req, req->params[ARM_GROUP]) || !arm_body(req, &body) ||
        !arm_location(req, body, &g->location) || !arm_tags(req, body, &g->tags))
        return;
    tags = json_object_get(body, "tags");
    g->tags_given = tags && !json_is_null(tags);
    g->location_given = g->location.len > 0;
    start(g);
}

static void delete_one(struct groups *g)
{
    struct request *req = g->req;

    if (!g->one || g->one->holds) {
        bool there = g->one != NULL;

        release(g);
        if (there)
            arm_refuse(req, &API_CONFLICT,
                       STR("The resource group still holds resources or managed identities: delete "
                           "them first."));
        else
            refuse_absent(req);
        return;
    }
    g->one->made = false;
    g->c.items[g->c.n++] = (struct change){.kind = CHANGE_ROLE_SCOPE_DELETE,
                                           .u.role_assignment.scope =
                                               arm_lowered(req, arm_group_id(req, g->one->key))};
    g->one = NULL;
    g->status = 200;
    commit(g);
}

void arm_group_delete(struct request *req)
{
    struct groups *g = groups_new(req, delete_one);

    if (g)
        start(g);
}
