/* Who may send for a resource, and how: a list that is kept in memory. A PUT replaces all that was
 * said of a sender. Source: wire/sms §4.2, §8. */
#include "services/sms/sms_admin.h"

#define REPLY_UNITS_MAX ((size_t)1600) /* of a reply to a keyword */
#define RATE_MAX        1000000
#define TRIES_MAX       8 /* of a PUT that others overtake */

static const struct str no_such = STR_INIT("There is no such sender on the list.");

static void write_sender(const struct sms_sender *s, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "sender", s->sender);
    json_member_str(w, "kind", sms_sender_kind_name(s->kind));
    json_member_bool(w, "enforceOptOut", s->enforce);
    json_name(w, "replies");
    json_object_begin(w);
    if (s->stop.len)
        json_member_str(w, "stop", s->stop);
    if (s->start.len)
        json_member_str(w, "start", s->start);
    if (s->help.len)
        json_member_str(w, "help", s->help);
    json_object_end(w);
    if (s->has_rate)
        json_member_int(w, "ratePerMinute", s->rate);
    json_member_str(w, "transport", s->transport);
    json_member_time(w, "createdOn", s->created);
    json_object_end(w);
}

static void answer_sender(struct request *req, int status, const struct sms_sender *s)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, SMS_ADMIN_TEXT_MAX);
    json_writer_init(&w, &out);
    write_sender(s, &w);
    answer_json_moved(req, status, &out);
}

/* ---- the list ---- */

static size_t rows_of_senders(const struct list_request *list, const struct sms_world *world,
                              struct sms_admin_row *rows)
{
    const struct uuid *resource = &list->req->principal->resource->id;
    size_t n = 0;

    for (size_t i = 0; i < world->senders_n; i++) {
        const struct sms_sender *s = &world->senders[i];

        if (uuid_eq(&s->resource, resource))
            rows[n++] = (struct sms_admin_row){s->created, s->sender, s};
    }
    return n;
}

static void write_sender_row(const void *row, struct json_writer *w)
{
    write_sender(row, w);
}

void sms_admin_senders_list(struct request *req)
{
    sms_admin_list_world(req, rows_of_senders, write_sender_row);
}

/* ---- one sender ---- */

void sms_admin_sender_get(struct request *req)
{
    const struct sms_world *world = sms_world_ref(req->site->sms);
    const struct sms_sender *s =
        sms_sender_find(world, &req->principal->resource->id, req->params[0]);

    if (s)
        answer_sender(req, 200, s);
    else
        sms_admin_not_found(req, no_such);
    sms_world_unref(world);
}

/* ---- writing ---- */

struct put {
    struct request *req;
    struct sms_sender_row row;
    struct sms_sender sender; /* the row, read again: what holds from now on */
    unsigned tries;
};

/* replies of the body, which leave it; absent members stay empty. */
static bool take_replies(struct request *req, json_t *obj, struct sms_sender *out,
                         struct refusal *why)
{
    static const struct str names[] = {STR_INIT("stop"), STR_INIT("start"), STR_INIT("help")};
    struct str *const texts[] = {&out->stop, &out->start, &out->help};
    json_t *replies = json_object_get(obj, "replies");

    if (!replies || json_is_null(replies))
        return true;
    if (!json_is_object(replies))
        return sms_admin_refuse(why, STR("replies must be an object."), "$.replies");
    if (!body_only(req, replies, names, ARRAY_LEN(names), why))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        enum rc rc = json_get_str(replies, names[i].ptr, texts[i]);

        if (rc == RC_INVALID || sms_utf16_units(*texts[i]) > REPLY_UNITS_MAX)
            return sms_admin_refuse(why, STR("A reply must be text of at most 1600 characters."),
                                    "$.replies");
    }
    return true;
}

static bool check_kind(struct str kind, enum sms_sender_kind form, struct sms_sender *out,
                       struct refusal *why)
{
    bool number = form == SMS_SENDER_TOLL_FREE || form == SMS_SENDER_LONG_CODE;

    out->kind = kind.ptr ? sms_sender_kind_from_name(kind) : form;
    if (out->kind == SMS_SENDER_NONE)
        return sms_admin_refuse(
            why, STR("kind must be tollFree, shortCode, alphanumeric or longCode."), "$.kind");
    if (out->kind == form ||
        (number && (out->kind == SMS_SENDER_TOLL_FREE || out->kind == SMS_SENDER_LONG_CODE)))
        return true;
    return sms_admin_refuse(why, STR("A sender of this form is of another kind."), "$.kind");
}

/* The body's members, as they are to be kept; null is absent. */
static bool read_members(struct request *req, json_t *obj, struct sms_sender *out,
                         bool *out_enforce, struct refusal *why)
{
    struct str kind = STR_EMPTY;
    int64_t rate = 0;
    enum rc rc = json_get_str(obj, "kind", &kind);

    if (rc == RC_INVALID)
        return sms_admin_refuse(why, STR("kind must be text."), "$.kind");
    if (!check_kind(kind, out->kind, out, why) || !take_replies(req, obj, out, why))
        return false;
    rc = json_get_bool(obj, "enforceOptOut", &out->enforce);
    if (rc == RC_INVALID)
        return sms_admin_refuse(why, STR("enforceOptOut must be true or false."),
                                "$.enforceOptOut");
    *out_enforce = rc == RC_OK;
    rc = json_get_int(obj, "ratePerMinute", &rate);
    if (rc == RC_INVALID || rate < 0 || rate > RATE_MAX)
        return sms_admin_refuse(why,
                                STR("ratePerMinute must be a number from 0 to 1000000; 0: no "
                                    "limit."),
                                "$.ratePerMinute");
    out->has_rate = rc == RC_OK;
    out->rate = (uint32_t)rate;
    if (json_get_str(obj, "transport", &out->transport) == RC_INVALID)
        return sms_admin_refuse(why, STR("transport must be the name of one."), "$.transport");
    return true;
}

/* What contradicts itself, or names what is not there. */
static bool check_members(struct request *req, const struct sms_sender *s, struct refusal *why)
{
    const struct sms_world *world = sms_world_ref(req->site->sms);
    bool known = !s->transport.len || sms_transport_find(world, s->transport);

    sms_world_unref(world);
    if (!known)
        return sms_admin_refuse(why,
                                STR("There is no such transport: `callgate transport list` shows "
                                    "them."),
                                "$.transport");
    if (s->kind != SMS_SENDER_ALPHANUMERIC)
        return true;
    if (s->enforce)
        return sms_admin_refuse(
            why, STR("An alphanumeric sender can't receive, so no opt-out binds it."),
            "$.enforceOptOut");
    if (s->stop.len || s->start.len || s->help.len)
        return sms_admin_refuse(
            why, STR("An alphanumeric sender can't receive, so it never replies."), "$.replies");
    return true;
}

/* What was given, nothing else: the rest is the kind's, also when that changes. */
static struct str document_of(struct request *req, const struct sms_sender *s, bool enforce_given)
{
    struct json_writer w;
    struct buf out;
    struct str text;

    buf_init(&out, SMS_ADMIN_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "kind", sms_sender_kind_name(s->kind));
    if (enforce_given)
        json_member_bool(&w, "enforceOptOut", s->enforce);
    json_name(&w, "replies");
    json_object_begin(&w);
    if (s->stop.len)
        json_member_str(&w, "stop", s->stop);
    if (s->start.len)
        json_member_str(&w, "start", s->start);
    if (s->help.len)
        json_member_str(&w, "help", s->help);
    json_object_end(&w);
    if (s->has_rate)
        json_member_int(&w, "ratePerMinute", s->rate);
    if (s->transport.len)
        json_member_str(&w, "transport", s->transport);
    json_object_end(&w);
    text = out.failed ? STR_EMPTY : arena_dup(req->arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

bool sms_admin_sender_read(struct request *req, json_t *obj, struct sms_sender_row *row,
                           struct refusal *why)
{
    static const struct str names[] = {STR_INIT("kind"), STR_INIT("enforceOptOut"),
                                       STR_INIT("replies"), STR_INIT("ratePerMinute"),
                                       STR_INIT("transport")};
    struct sms_sender s = {.sender = row->sender};
    bool enforce_given = false;

    s.kind = sms_sender_kind_of(s.sender, sms_options(req->site->sms)->numbers_strict);
    if (s.kind == SMS_SENDER_NONE)
        return sms_admin_refuse(why,
                                STR("A sender is a number with '+' and country code, a short code "
                                    "of 5 or 6 digits, or up to 11 letters, digits and blanks."),
                                "id");
    if (!body_only(req, obj, names, ARRAY_LEN(names), why) ||
        !read_members(req, obj, &s, &enforce_given, why) || !check_members(req, &s, why))
        return false;
    row->document = document_of(req, &s, enforce_given);
    return true;
}

bool sms_admin_sender_place(struct request *req, struct sms_sender_row *row, struct sms_sender *out,
                            struct refusal *why)
{
    const struct sms_world *world = sms_world_ref(req->site->sms);
    const struct sms_sender *old = sms_sender_find(world, &row->resource, row->sender);
    struct buf text;
    enum rc rc;

    row->version = old ? old->version + 1 : 1;
    row->created = old ? old->created : req->now;
    sms_world_unref(world);
    buf_init(&text, KIB);
    rc = sms_sender_read(req->site->sms, row, req->arena, out, &text);
    if (rc)
        (void)sms_admin_refuse(why, arena_dup(req->arena, buf_str(&text)), "$");
    buf_clear(&text);
    return rc == RC_OK;
}

static bool read_body(struct put *p, struct refusal *why)
{
    AUTO(json_freep) json_t *obj = NULL;

    if (!body_object(p->req, &obj, why))
        return false;
    if (!obj)
        obj = json_object(); /* nothing is said of it */
    return sms_admin_sender_read(p->req, obj, &p->row, why);
}

static void put_once(struct put *p);

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct put *p = ctx;

    if (rc == RC_CONFLICT && ++p->tries < TRIES_MAX) {
        put_once(p); /* another one was quicker: on top of that one */
        return;
    }
    if (rc) {
        answer_rc(p->req, rc);
        return;
    }
    sms_admin_log(p->req, "sms.sender.put", "sender", sms_masked(p->row.sender, p->req->arena));
    answer_sender(p->req, set->items[0].out_existed ? 200 : 201, &p->sender);
}

/* Who has a number gets what is sent to it, so a key takes it from nobody: two resources share one
 * when an administrator says so. */
static bool must_be_alone(const struct put *p)
{
    return p->req->principal->kind == PRINCIPAL_ACCESS_KEY && p->row.version == 1 &&
           p->sender.kind != SMS_SENDER_ALPHANUMERIC;
}

static bool is_anothers(const struct put *p)
{
    const struct request *req = p->req;
    const struct sms_world *world;
    bool taken;

    if (!p->row.alone)
        return false;
    world = sms_world_ref(req->site->sms);
    taken = sms_number_owner(req->site, world, p->row.sender, p->sender.transport) != NULL;
    sms_world_unref(world);
    return taken;
}

static void put_once(struct put *p)
{
    struct refusal why;

    if (!sms_admin_sender_place(p->req, &p->row, &p->sender, &why)) {
        answer_refusal(p->req, &why);
        return;
    }
    p->row.alone = must_be_alone(p); /* the store looks as well: two may come at once */
    if (is_anothers(p))
        sms_admin_conflict(p->req, STR("Another resource has this number. An administrator may "
                                       "give it to both: `callgate sender set`."));
    else
        sms_admin_commit(p->req,
                         &(struct change){.kind = CHANGE_SMS_SENDER_PUT, .u.sms_sender = p->row},
                         on_put, p);
}

void sms_admin_sender_put(struct request *req)
{
    struct put *p = arena_new(req->arena, struct put);
    struct refusal why;

    p->req = req;
    p->row = (struct sms_sender_row){.resource = req->principal->resource->id,
                                     .sender = arena_dup(req->arena, req->params[0])};
    if (read_body(p, &why))
        put_once(p);
    else
        answer_refusal(req, &why);
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;

    if (rc) {
        answer_rc(req, rc);
    } else if (!set->items[0].out_existed) {
        sms_admin_not_found(req, no_such);
    } else {
        sms_admin_log(req, "sms.sender.deleted", "sender",
                      sms_masked(set->items[0].u.sms_sender.sender, req->arena));
        answer_empty(req, 204);
    }
}

void sms_admin_sender_delete(struct request *req)
{
    const struct change change = {
        .kind = CHANGE_SMS_SENDER_DELETE,
        .u.sms_sender = {.resource = req->principal->resource->id,
                         .sender = arena_dup(req->arena, req->params[0])}};

    sms_admin_commit(req, &change, on_deleted, req);
}
