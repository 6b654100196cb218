/* Who wants no messages of which sender: what the wire's opt-out routes keep, seen and changed by
 * hand. Source: wire/sms §2.7, §8. */
#include "services/sms/sms_admin.h"

/* ---- the list ---- */

struct optouts {
    struct list_request list; /* first */
    struct sms_optout_row key;
    struct sms_optout_list found; /* in list.scratch */
    enum rc rc;
    struct sms_admin_page page;
};

static void write_optout(const struct sms_optout_row *row, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "sender", row->sender);
    json_member_str(w, "recipient", row->recipient);
    json_member_time(w, "createdOn", row->created);
    json_object_end(w);
}

static void read_optouts(void *ctx, struct store_reader *r)
{
    struct optouts *l = ctx;

    l->found = (struct sms_optout_list){0};
    l->rc = r ? store_list_optouts(r, &l->key, &l->list.scratch, &l->found) : RC_IO;
}

static void on_read(void *ctx)
{
    struct optouts *l = ctx;
    struct arena *scratch = &l->list.scratch;
    struct sms_admin_row *rows = arena_array(scratch, struct sms_admin_row, l->found.n + 1);

    for (size_t i = 0; i < l->found.n; i++) {
        const struct sms_optout_row *row = &l->found.rows[i];
        struct str key = arena_printf(scratch, STR_FMT "/" STR_FMT, STR_ARG(row->sender),
                                      STR_ARG(row->recipient));

        rows[i] = (struct sms_admin_row){row->created, key, row};
    }
    if (!l->rc)
        l->rc = sms_admin_cut(&l->list, rows, l->found.n, &l->page);
    list_fetched(&l->list, l->rc, l->page.to - l->page.from);
}

static void fetch_optouts(struct list_request *list)
{
    store_on_pool(list->req->site->store, list->req->loop, read_optouts, on_read, list);
}

static struct str write_optouts(struct list_request *list, struct json_writer *w)
{
    struct optouts *l = (struct optouts *)list;

    for (size_t i = l->page.from; i < l->page.to; i++)
        write_optout(l->page.rows[i].row, w);
    return l->page.more ? arena_dup(list->req->arena, l->page.rows[l->page.to - 1].key) : STR_EMPTY;
}

void sms_admin_optouts_list(struct request *req)
{
    struct optouts *l = arena_new(req->arena, struct optouts);

    if (!list_begin(&l->list, req, fetch_optouts, write_optouts))
        return;
    l->key.resource = req->principal->resource->id;
    l->key.sender = sms_admin_number(req, "sender");
    list_run(&l->list);
}

/* ---- one entry ---- */

/* Sender and recipient of the path; false: answered. */
static bool key_of(struct request *req, struct sms_optout_row *out)
{
    bool strict = sms_options(req->site->sms)->numbers_strict;

    *out = (struct sms_optout_row){.resource = req->principal->resource->id,
                                   .sender = arena_dup(req->arena, req->params[0]),
                                   .recipient = arena_dup(req->arena, req->params[1]),
                                   .created = req->now};
    if (sms_sender_kind_of(out->sender, strict) == SMS_SENDER_NONE)
        answer_invalid(req, STR("The sender is not well-formed."), STR("sender"));
    else if (!sms_number_valid(out->recipient, strict))
        answer_invalid(req,
                       STR("The recipient must be a number with '+' and country code, like "
                           "+14255550123."),
                       STR("recipient"));
    else
        return true;
    return false;
}

static void answer_state(struct request *req, int status, const struct sms_optout_row *row,
                         bool opted_out)
{
    struct buf out = answer_buf(req, KIB);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "sender", row->sender);
    json_member_str(&w, "recipient", row->recipient);
    json_member_bool(&w, "isOptedOut", opted_out);
    if (opted_out)
        json_member_time(&w, "createdOn", row->created);
    json_object_end(&w);
    answer_json(req, status, &out);
}

void sms_admin_optout_get(struct request *req)
{
    struct sms_optout_row key, found = {0};
    enum rc rc;

    if (!key_of(req, &key))
        return;
    rc = store_sms_optout(req->site->reader, &key, &found);
    if (rc && rc != RC_NOT_FOUND) {
        answer_rc(req, rc);
        return;
    }
    key.created = found.created;
    answer_state(req, 200, &key, rc == RC_OK);
}

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;
    struct sms_optout_row key = set->items[0].u.sms_optout, found = key;

    if (rc) {
        answer_rc(req, rc);
        return;
    }
    sms_admin_log(req, "sms.optout.added", "sender", sms_admin_masked(req, key.sender));
    if (store_sms_optout(req->site->reader, &key, &found) == RC_OK)
        key.created = found.created; /* it may have been there */
    answer_state(req, set->items[0].out_existed ? 200 : 201, &key, true);
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;

    if (rc) {
        answer_rc(req, rc);
        return;
    }
    sms_admin_log(req, "sms.optout.removed", "sender",
                  sms_admin_masked(req, set->items[0].u.sms_optout.sender));
    answer_empty(req, 204);
}

static void change(struct request *req, enum change_kind kind, change_done_fn done)
{
    struct change c = {.kind = kind};

    if (key_of(req, &c.u.sms_optout))
        sms_admin_commit(req, &c, done, req);
}

void sms_admin_optout_put(struct request *req)
{
    change(req, CHANGE_SMS_OPTOUT_PUT, on_put);
}

/* Also when there is none: it wants messages from here on. */
void sms_admin_optout_delete(struct request *req)
{
    change(req, CHANGE_SMS_OPTOUT_DELETE, on_deleted);
}
