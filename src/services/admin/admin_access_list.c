/* Lists of applications, role assignments, roles and issuers: few enough to be read whole, cut into
 * pages here. */
#include "services/admin/admin_access.h"

struct access_listing {
    struct list_request list; /* first */
    struct access_query query;
    access_write_fn write_item;
    struct access_page page; /* in list.scratch */
    size_t from, to;         /* what is shown of it */
    bool more;
};

static const struct uuid *id_at(const struct access_listing *l, size_t i)
{
    switch (l->query.what) {
    case ACCESS_APPLICATIONS:
        return &l->page.applications[i].client_id;
    case ACCESS_ROLE_ASSIGNMENTS:
        return &l->page.assignments[i].id;
    case ACCESS_ROLES:
        return &l->page.roles[i].id;
    case ACCESS_ISSUERS:
    case ACCESS_META: /* listed by nobody here */
        break;
    }
    return &l->page.issuers[i].id;
}

static unix_ms created_at(const struct access_listing *l, size_t i)
{
    switch (l->query.what) {
    case ACCESS_APPLICATIONS:
        return l->page.applications[i].created;
    case ACCESS_ROLE_ASSIGNMENTS:
        return l->page.assignments[i].created;
    case ACCESS_ROLES:
        return l->page.roles[i].created;
    case ACCESS_ISSUERS:
    case ACCESS_META: /* listed by nobody here */
        break;
    }
    return l->page.issuers[i].created;
}

/* Where the page begins, and where since=ID or TIME cuts the list off. False: `after` or `since` is
 * the id of nothing here. */
static bool cut(struct access_listing *l)
{
    const struct list_request *list = &l->list;
    struct uuid after = {0}, since = {0};
    bool after_seen = !list->after.len;

    if ((list->after.len && uuid_parse(list->after, &after)) ||
        (list->since_id.len && uuid_parse(list->since_id, &since)))
        return false;
    l->from = 0;
    l->to = 0;
    for (; l->to < l->page.n; l->to++) {
        if (created_at(l, l->to) < list->since ||
            (list->since_id.len && uuid_eq(id_at(l, l->to), &since)))
            break;
        if (!after_seen && uuid_eq(id_at(l, l->to), &after)) {
            after_seen = true;
            l->from = l->to + 1;
        }
    }
    l->more = l->to - l->from > list->limit;
    if (l->more)
        l->to = l->from + list->limit;
    return after_seen;
}

static void *copy_of(struct arena *arena, const void *rows, size_t size)
{
    void *copy = arena_alloc(arena, size + 1);

    if (size)
        memcpy(copy, rows, size);
    return copy;
}

static void on_page(void *ctx, enum rc rc, const struct access_page *page)
{
    struct access_listing *l = ctx;
    struct arena *scratch = &l->list.scratch;

    if (rc) {
        list_fetched(&l->list, rc, 0);
        return;
    }
    l->page = *page; /* its arrays are borrowed for this call only */
    if (page->applications)
        l->page.applications =
            copy_of(scratch, page->applications, page->n * sizeof *page->applications);
    if (page->assignments)
        l->page.assignments =
            copy_of(scratch, page->assignments, page->n * sizeof *page->assignments);
    if (page->roles)
        l->page.roles = copy_of(scratch, page->roles, page->n * sizeof *page->roles);
    if (page->issuers)
        l->page.issuers = copy_of(scratch, page->issuers, page->n * sizeof *page->issuers);
    list_fetched(&l->list, cut(l) ? RC_OK : RC_INVALID, l->to - l->from);
}

static void fetch(struct list_request *list)
{
    struct access_listing *l = (struct access_listing *)list;

    store_list_access(list->req->site->store, list->req->loop, &list->scratch, &l->query, on_page,
                      l);
}

static struct str write(struct list_request *list, struct json_writer *w)
{
    struct access_listing *l = (struct access_listing *)list;

    for (size_t i = l->from; i < l->to; i++)
        l->write_item(list->req, &l->page, i, w);
    return l->more ? uuid_text(list->req, id_at(l, l->to - 1)) : STR_EMPTY;
}

void access_list(struct request *req, const struct access_query *query, access_write_fn write_item)
{
    struct access_listing *l = arena_new(req->arena, struct access_listing);

    l->query = *query;
    l->query.scope = arena_dup(req->arena, query->scope);
    l->write_item = write_item;
    if (list_begin(&l->list, req, fetch, write))
        list_run(&l->list);
}
