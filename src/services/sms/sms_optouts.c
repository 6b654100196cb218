/* Opt-outs: recipients that a sender may not write to. Source: wire/sms §2.7. */
#include "services/sms/sms_wire.h"

#define ITEM_MAX    ((size_t)192) /* all but `to` */
#define ESCAPED_MAX ((size_t)6)

enum what { OPTOUT_ADD, OPTOUT_REMOVE, OPTOUT_CHECK };

struct entry {
    struct str to;
    int status; /* 0: not decided yet */
    bool opted_out;
};

struct optouts {
    struct request *req;
    enum what what;
    struct str from;
    struct entry *entries;
    size_t n;
    struct change_list changes;
    struct change_set set;
};

/* ---- the body ---- */

static void read_recipients(struct optouts *o, const json_t *list, struct sms_problems *p)
{
    bool strict = sms_options(o->req->site->sms)->numbers_strict;
    size_t n = json_is_array(list) ? json_array_size(list) : 0;

    if (n == 0 || n > SMS_RECIPIENTS_MAX) {
        sms_problem_add(p, "Recipients",
                        n ? STR("Max of 100 phone numbers are allowed in the Recipients field.")
                          : STR("At least one recipient is required."));
        return;
    }
    o->entries = arena_array(o->req->arena, struct entry, n);
    for (; o->n < n; o->n++) {
        struct entry *e = &o->entries[o->n];
        struct str to = STR_EMPTY;

        if (json_get_str(json_array_get(list, o->n), "to", &to) || to.len == 0) {
            sms_problem_add(p, "Recipients", STR("Each recipient must have a To field."));
            return;
        }
        e->to = arena_dup(o->req->arena, to);
        e->status = sms_number_valid(to, strict) ? 0 : 400;
    }
}

/* False: answered. */
static bool read_body(struct optouts *o)
{
    bool strict = sms_options(o->req->site->sms)->numbers_strict;
    AUTO(json_freep) json_t *obj = NULL;
    struct sms_problems p = {0};
    struct str from = STR_EMPTY;

    if (!sms_body(o->req, &obj))
        return false;
    if (json_get_str(obj, "from", &from) || sms_sender_kind_of(from, strict) == SMS_SENDER_NONE)
        sms_problem_add(&p, "From", SMS_TEXT_FROM);
    o->from = arena_dup(o->req->arena, from);
    read_recipients(o, json_object_get(obj, "recipients"), &p);
    if (p.n)
        sms_answer_problems(o->req, &p);
    return p.n == 0;
}

static bool owns_sender(const struct optouts *o)
{
    struct sms *s = o->req->site->sms;
    const struct sms_world *w = sms_world_ref(s);
    struct sms_sender sender;
    bool owns =
        sms_sender_resolve(s, w, &o->req->principal->resource->id, o->from, &sender) == RC_OK;

    sms_world_unref(w);
    return owns;
}

static bool any_valid(const struct optouts *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->entries[i].status != 400)
            return true;
    return false;
}

/* ---- the answer ---- */

static void write_entry(const struct optouts *o, const struct entry *e, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "to", e->to);
    json_member_int(w, "httpStatusCode", e->status);
    if (e->status == 200 && o->what == OPTOUT_CHECK)
        json_member_bool(w, "isOptedOut", e->opted_out);
    if (e->status != 200)
        json_member_str(w, "errorMessage",
                        e->status == 400 ? STR("Invalid recipient phone number format")
                                         : STR("Internal Server Error"));
    json_object_end(w);
}

static void answer(const struct optouts *o)
{
    size_t max = 64;
    struct json_writer w;
    struct buf out;

    for (size_t i = 0; i < o->n; i++)
        max += ITEM_MAX + ESCAPED_MAX * o->entries[i].to.len;
    out = answer_buf(o->req, max);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "value");
    json_array_begin(&w);
    for (size_t i = 0; i < o->n; i++)
        write_entry(o, &o->entries[i], &w);
    json_array_end(&w);
    json_object_end(&w);
    answer_json(o->req, 200, &out);
}

/* ---- what is done ---- */

static struct sms_optout_row row_of(const struct optouts *o, const struct entry *e)
{
    return (struct sms_optout_row){.resource = o->req->principal->resource->id,
                                   .sender = o->from,
                                   .recipient = e->to,
                                   .created = o->req->now};
}

static void check(struct optouts *o)
{
    for (size_t i = 0; i < o->n; i++) {
        struct entry *e = &o->entries[i];
        struct sms_optout_row key = row_of(o, e), found;
        enum rc rc;

        if (e->status)
            continue;
        rc = store_sms_optout(o->req->site->reader, &key, &found);
        e->status = rc == RC_OK || rc == RC_NOT_FOUND ? 200 : 500;
        e->opted_out = rc == RC_OK;
    }
    answer(o);
}

static void on_changed(void *ctx, enum rc rc, struct change_set *set)
{
    struct optouts *o = ctx;

    (void)set;
    if (rc) {
        sms_answer_rc(o->req, rc);
        return;
    }
    for (size_t i = 0; i < o->n; i++)
        if (o->entries[i].status == 0)
            o->entries[i].status = 200;
    answer(o);
}

static void change(struct optouts *o)
{
    enum change_kind kind =
        o->what == OPTOUT_ADD ? CHANGE_SMS_OPTOUT_PUT : CHANGE_SMS_OPTOUT_DELETE;

    o->changes.arena = o->req->arena;
    for (size_t i = 0; i < o->n; i++)
        if (o->entries[i].status == 0)
            change_list_add(&o->changes, kind)->u.sms_optout = row_of(o, &o->entries[i]);
    o->set = (struct change_set){.items = o->changes.items,
                                 .n = o->changes.n,
                                 .loop = o->req->loop,
                                 .done = on_changed,
                                 .ctx = o};
    request_hold(o->req);
    store_commit(o->req->site->store, &o->set);
}

static void run(struct request *req, enum what what)
{
    struct optouts *o = arena_new(req->arena, struct optouts);

    o->req = req;
    o->what = what;
    if (!read_body(o))
        return;
    if (!owns_sender(o))
        sms_answer_sender_unknown(req, o->from);
    else if (!any_valid(o))
        answer_error(req, &API_INVALID_INPUT);
    else if (what == OPTOUT_CHECK)
        check(o);
    else
        change(o);
}

void sms_optouts_add(struct request *req)
{
    run(req, OPTOUT_ADD);
}

void sms_optouts_remove(struct request *req)
{
    run(req, OPTOUT_REMOVE);
}

void sms_optouts_check(struct request *req)
{
    run(req, OPTOUT_CHECK);
}
