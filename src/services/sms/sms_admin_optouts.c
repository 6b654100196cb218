/* Who wants no messages of which sender: what the wire's opt-out routes keep, seen and changed by
 * hand. Source: wire/sms §2.7, §8. */
#include "services/sms/sms_admin.h"

#define LOOKS_MAX 64 /* reads of one fetch: since= may skip much */

/* ---- the list: by sender and recipient, as the store has them ---- */

struct optouts {
    struct list_request list; /* first */
    struct sms_optout_query query;
    enum rc rc;
    struct sms_optout_row *rows; /* in list.scratch */
    size_t n;
    bool more;
    struct sms_optout_row last; /* that was looked at */
};

static void write_optout(const struct sms_optout_row *row, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "sender", row->sender);
    json_member_str(w, "recipient", row->recipient);
    json_member_time(w, "createdOn", row->created);
    json_object_end(w);
}

static void take_page(struct optouts *l, const struct sms_optout_page *page)
{
    for (size_t i = 0; i < page->n; i++) {
        l->last = page->rows[i];
        if (page->rows[i].created >= l->list.since)
            l->rows[l->n++] = page->rows[i];
    }
    l->more = page->more && page->n > 0;
}

static void read_optouts(void *ctx, struct store_reader *r)
{
    struct optouts *l = ctx;
    struct sms_optout_query q = l->query;

    l->rc = r ? RC_OK : RC_IO;
    l->n = 0;
    l->more = true;
    l->rows = arena_array(&l->list.scratch, struct sms_optout_row, l->list.limit);
    for (unsigned i = 0; !l->rc && l->more && l->n < l->list.limit && i < LOOKS_MAX; i++) {
        struct sms_optout_page page = {0};

        q.limit = l->list.limit - (uint32_t)l->n;
        l->rc = store_list_optouts(r, &q, &l->list.scratch, &page);
        if (l->rc)
            break;
        take_page(l, &page);
        q.after_sender = l->last.sender;
        q.after_recipient = l->last.recipient;
    }
}

static void on_read(void *ctx)
{
    struct optouts *l = ctx;

    list_fetched(&l->list, l->rc, l->n);
}

static void fetch_optouts(struct list_request *list)
{
    store_on_pool(list->req->site->store, list->req->loop, read_optouts, on_read, list);
}

static struct str write_optouts(struct list_request *list, struct json_writer *w)
{
    struct optouts *l = (struct optouts *)list;

    for (size_t i = 0; i < l->n; i++)
        write_optout(&l->rows[i], w);
    if (!l->more)
        return STR_EMPTY;
    return arena_printf(list->req->arena, STR_FMT "/" STR_FMT, STR_ARG(l->last.sender),
                        STR_ARG(l->last.recipient));
}

void sms_admin_optouts_list(struct request *req)
{
    struct optouts *l = arena_new(req->arena, struct optouts);
    struct sms_optout_query *q = &l->query;

    if (!list_begin(&l->list, req, fetch_optouts, write_optouts))
        return;
    q->resource = req->principal->resource->id;
    q->sender = sms_admin_number(req, "sender");
    if (l->list.since_id.len)
        answer_invalid(req, STR("since must be a time."), STR("since"));
    else if (l->list.after.len &&
             !str_cut(l->list.after, '/', &q->after_sender, &q->after_recipient))
        answer_invalid(req, STR("after must come from a nextLink."), STR("after"));
    else
        list_run(&l->list);
}

/* ---- one entry ---- */

bool sms_admin_optout_check(struct request *req, const struct sms_optout_row *row,
                            struct refusal *why)
{
    bool strict = sms_options(req->site->sms)->numbers_strict;

    if (sms_sender_kind_of(row->sender, strict) == SMS_SENDER_NONE)
        return sms_admin_refuse(why, STR("The sender is not well-formed."), "sender");
    if (sms_number_valid(row->recipient, strict))
        return true;
    return sms_admin_refuse(why,
                            STR("The recipient must be a number with '+' and country code, like "
                                "+14255550123."),
                            "recipient");
}

/* Sender and recipient of the path; false: answered. */
static bool key_of(struct request *req, struct sms_optout_row *out)
{
    struct refusal why;

    *out = (struct sms_optout_row){.resource = req->principal->resource->id,
                                   .sender = arena_dup(req->arena, req->params[0]),
                                   .recipient = arena_dup(req->arena, req->params[1]),
                                   .created = req->now};
    if (sms_admin_optout_check(req, out, &why))
        return true;
    answer_refusal(req, &why);
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
    sms_admin_log(req, "sms.optout.added", "sender", sms_masked(key.sender, req->arena));
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
                  sms_masked(set->items[0].u.sms_optout.sender, req->arena));
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
