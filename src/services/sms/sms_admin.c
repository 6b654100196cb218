/* Helpers of the routes that administer text messages. */
#include "services/sms/sms_admin.h"

struct str sms_admin_number(struct request *req, const char *name)
{
    struct str text = request_query(req, name);

    if (text.len > 1 && text.ptr[0] == ' ')
        return arena_printf(req->arena, "+" STR_FMT, STR_ARG(str_from_index(text, 1)));
    return text.len ? arena_dup(req->arena, text) : STR_EMPTY;
}

void sms_admin_log(struct request *req, const char *event, const char *what, struct str id)
{
    struct str by = principal_kind_name(req->principal->kind);
    char quoted[128];
    size_t len = log_quote(quoted, sizeof quoted, id, 64);

    log_info(req->site->log, event, "request=" STR_FMT " by=" STR_FMT " %s=%.*s", STR_ARG(req->id),
             STR_ARG(by), what, (int)len, quoted);
}

void sms_admin_commit(struct request *req, const struct change *change, change_done_fn done,
                      void *ctx)
{
    struct change *items = arena_new(req->arena, struct change);
    struct change_set *set = arena_new(req->arena, struct change_set);

    *items = *change;
    *set = (struct change_set){.items = items, .n = 1, .loop = req->loop, .done = done, .ctx = ctx};
    request_hold(req);
    store_commit(req->site->store, set);
}

bool sms_admin_refuse(struct refusal *why, struct str message, const char *target)
{
    *why = (struct refusal){&API_VALIDATION, message, str_from(target)};
    return false;
}

void sms_admin_not_found(struct request *req, struct str message)
{
    answer_refusal(req, &(struct refusal){&API_NOT_FOUND, message, STR_EMPTY});
}

void sms_admin_conflict(struct request *req, struct str message)
{
    answer_refusal(req, &(struct refusal){&API_CONFLICT, message, STR_EMPTY});
}

/* ---- lists of the world ---- */

struct world_list {
    struct list_request list; /* first */
    sms_admin_rows_fn rows_of;
    void (*write_row)(const void *row, struct json_writer *w);
    const struct sms_world *world; /* held until the answer */
    struct sms_admin_row *rows;
    size_t from, to; /* what is shown of them */
    bool more;
};

static int newer_first(const void *a, const void *b)
{
    const struct sms_admin_row *x = a, *y = b;

    if (x->created != y->created)
        return x->created > y->created ? -1 : 1;
    return name_cmp(x->key, y->key);
}

/* Orders the rows and cuts them. RC_INVALID: `after` is no key of theirs. */
static enum rc cut(struct world_list *l, size_t n)
{
    const struct list_request *list = &l->list;
    bool after_seen = list->after.len == 0;

    if (n > 1)
        qsort(l->rows, n, sizeof *l->rows, newer_first);
    l->from = l->to = 0;
    for (; l->to < n; l->to++) {
        const struct sms_admin_row *row = &l->rows[l->to];

        if (row->created < list->since || (list->since_id.len && name_eq(row->key, list->since_id)))
            break;
        if (!after_seen && name_eq(row->key, list->after)) {
            after_seen = true;
            l->from = l->to + 1;
        }
    }
    l->more = l->to - l->from > list->limit;
    if (l->more)
        l->to = l->from + list->limit;
    return after_seen ? RC_OK : RC_INVALID;
}

static void fetch(struct list_request *list)
{
    struct world_list *l = (struct world_list *)list;
    const struct sms_world *w;
    enum rc rc;

    sms_world_unref(l->world);
    l->world = w = sms_world_ref(list->req->site->sms);
    l->rows = arena_array(&list->scratch, struct sms_admin_row, w->senders_n + w->transports_n + 1);
    rc = cut(l, l->rows_of(list, w, l->rows));
    if (rc) {
        sms_world_unref(l->world);
        l->world = NULL;
    }
    list_fetched(list, rc, l->to - l->from);
}

static struct str write_rows(struct list_request *list, struct json_writer *w)
{
    struct world_list *l = (struct world_list *)list;
    struct str next = STR_EMPTY;

    for (size_t i = l->from; i < l->to; i++)
        l->write_row(l->rows[i].row, w);
    if (l->more)
        next = arena_dup(list->req->arena, l->rows[l->to - 1].key);
    sms_world_unref(l->world);
    return next;
}

void sms_admin_list_world(struct request *req, sms_admin_rows_fn rows_of,
                          void (*write_row)(const void *row, struct json_writer *w))
{
    struct world_list *l = arena_new(req->arena, struct world_list);

    l->rows_of = rows_of;
    l->write_row = write_row;
    if (list_begin(&l->list, req, fetch, write_rows))
        list_run(&l->list);
}
