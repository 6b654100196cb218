/* Text messages in a seed: {"senders":[…],"optouts":[…]}, each as its own route takes and gives it.
 * A reset takes messages along, as clearing the inbox does. Source: wire/administration §3. */
#include "services/seed.h"
#include "services/sms/sms_admin.h"

#define OPTOUTS_AT_ONCE ((uint32_t)500)

struct seeded_sms {
    size_t senders, optouts;
};

/* ---- in ---- */

/* A refusal that names a place below "$", or a member. */
static bool at_path(struct seeding *s, struct str path)
{
    struct str target = s->why.target;
    bool rooted = str_starts(target, STR("$"));

    s->why.target = arena_printf(s->req->arena, STR_FMT "%s" STR_FMT, STR_ARG(path),
                                 rooted ? "" : ".", STR_ARG(str_from_index(target, rooted)));
    return false;
}

/* The sender's id, which leaves the object: the rest is what its own route takes. */
static bool take_name(struct seeding *s, struct str path, json_t *value, struct str *out)
{
    if (!json_is_object(value))
        return seed_refuse(s, path, STR("It must be an object."));
    if (!seed_text(s, path, value, "sender", out))
        return false;
    if (!out->len)
        return seed_refuse(s, seed_member(s, path, "sender"), STR("It is required."));
    json_object_del(value, "sender");
    return true;
}

static bool read_sender(struct seeding *s, struct str path, json_t *value)
{
    struct sms_sender_row row = {.resource = s->req->principal->resource->id};
    struct sms_sender holds;

    if (!seed_count(s, path) || !take_name(s, path, value, &row.sender))
        return false;
    if (!sms_admin_sender_read(s->req, value, &row, &s->why) ||
        !sms_admin_sender_place(s->req, &row, &holds, &s->why)) {
        if (name_eq(s->why.target, STR("id")))
            s->why.target = STR("sender");
        return at_path(s, path);
    }
    change_list_add(&s->changes, CHANGE_SMS_SENDER_PUT)->u.sms_sender = row;
    return true;
}

static bool read_optout(struct seeding *s, struct str path, json_t *value)
{
    static const struct str names[] = {STR_INIT("sender"), STR_INIT("recipient"),
                                       STR_INIT("createdOn")};
    struct sms_optout_row row = {.resource = s->req->principal->resource->id,
                                 .created = s->req->now};

    if (!seed_count(s, path) || !seed_members(s, path, value, names, ARRAY_LEN(names)) ||
        !seed_text(s, path, value, "sender", &row.sender) ||
        !seed_text(s, path, value, "recipient", &row.recipient) ||
        !seed_time(s, path, value, "createdOn", &row.created))
        return false;
    if (!sms_admin_optout_check(s->req, &row, &s->why))
        return at_path(s, path);
    change_list_add(&s->changes, CHANGE_SMS_OPTOUT_PUT)->u.sms_optout = row;
    return true;
}

static bool read_each(struct seeding *s, struct str path, json_t *list,
                      bool (*one)(struct seeding *s, struct str path, json_t *value))
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!one(s, seed_item(s, path, i), json_array_get(list, i)))
            return false;
    return true;
}

static bool read(struct seeding *s, struct str path, json_t *value, void **out_state)
{
    static const struct str names[] = {STR_INIT("senders"), STR_INIT("optouts")};
    struct seeded_sms *made = arena_new(s->req->arena, struct seeded_sms);
    json_t *senders, *optouts;

    *out_state = made;
    if (!seed_members(s, path, value, names, ARRAY_LEN(names)) ||
        !seed_list(s, path, value, "senders", &senders) ||
        !seed_list(s, path, value, "optouts", &optouts) ||
        !read_each(s, seed_member(s, path, "senders"), senders, read_sender) ||
        !read_each(s, seed_member(s, path, "optouts"), optouts, read_optout))
        return false;
    *made = (struct seeded_sms){json_array_size(senders), json_array_size(optouts)};
    return true;
}

static void answer(const struct seeding *s, const void *state, struct json_writer *w)
{
    const struct seeded_sms *made = state;

    (void)s;
    json_object_begin(w);
    json_member_int(w, "senders", (int64_t)made->senders);
    json_member_int(w, "optouts", (int64_t)made->optouts);
    json_object_end(w);
}

/* ---- out, on the pool ---- */

static void write_sender(void *ctx, const struct sms_sender_row *row)
{
    struct seed_job *job = ctx;
    AUTO(json_freep) json_t *document = NULL;
    struct str inner;

    if (!uuid_eq(&row->resource, &job->resource) || json_read(row->document, &document, NULL) ||
        !json_is_object(document))
        return;
    job->items++; /* opt-outs come behind it: too many are found there */
    inner = str_from_index(row->document, 1); /* what was given, behind who it is about */
    inner = str_head(inner, inner.len - 1);
    json_raw(&job->w, arena_printf(&job->scratch, "{\"sender\":\"" STR_FMT "\"%s" STR_FMT "}",
                                   STR_ARG(row->sender), inner.len ? "," : "", STR_ARG(inner)));
}

static void write_optout(struct json_writer *w, const struct sms_optout_row *row)
{
    json_object_begin(w);
    json_member_str(w, "sender", row->sender);
    json_member_str(w, "recipient", row->recipient);
    json_member_time(w, "createdOn", row->created);
    json_object_end(w);
}

static enum rc write_optouts(struct seed_job *job, struct store_reader *r)
{
    struct sms_optout_query q = {.resource = job->resource, .limit = OPTOUTS_AT_ONCE};
    struct sms_optout_page page = {.more = true};
    enum rc rc = RC_OK;

    while (!rc && page.more) {
        rc = store_list_optouts(r, &q, &job->scratch, &page);
        if (!rc)
            rc = seed_job_count(job, page.n);
        for (size_t i = 0; !rc && i < page.n; i++) {
            write_optout(&job->w, &page.rows[i]);
            q.after_sender = page.rows[i].sender;
            q.after_recipient = page.rows[i].recipient;
        }
    }
    return rc;
}

static void write_all(void *ctx, struct store_reader *r)
{
    struct seed_job *job = ctx;

    job->rc = r ? RC_OK : RC_BUSY;
    if (job->rc)
        return;
    json_object_begin(&job->w);
    json_name(&job->w, "senders");
    json_array_begin(&job->w);
    job->rc = store_each_sms_sender(r, &job->scratch, write_sender, job);
    json_array_end(&job->w);
    json_name(&job->w, "optouts");
    json_array_begin(&job->w);
    if (!job->rc)
        job->rc = write_optouts(job, r);
    json_array_end(&job->w);
    json_object_end(&job->w);
}

static void on_written(void *ctx)
{
    struct seed_job *job = ctx;

    seed_job_done(job, job->rc);
}

static void write(struct seed_job *job)
{
    seed_job_look(job, write_all, on_written);
}

/* ---- away: senders and opt-outs in portions, then messages ---- */

static void reset(struct seed_job *job);

static void drop_sender(void *ctx, const struct sms_sender_row *row)
{
    struct seed_job *job = ctx;

    if (uuid_eq(&row->resource, &job->resource))
        change_list_add(&job->changes, CHANGE_SMS_SENDER_DELETE)->u.sms_sender =
            (struct sms_sender_row){.resource = row->resource, .sender = row->sender};
}

static void find(void *ctx, struct store_reader *r)
{
    struct seed_job *job = ctx;
    struct sms_optout_query q = {.resource = job->resource, .limit = OPTOUTS_AT_ONCE};
    struct sms_optout_page page = {0};

    job->rc = r ? store_each_sms_sender(r, &job->scratch, drop_sender, job) : RC_BUSY;
    if (!job->rc)
        job->rc = store_list_optouts(r, &q, &job->scratch, &page);
    for (size_t i = 0; i < page.n; i++)
        change_list_add(&job->changes, CHANGE_SMS_OPTOUT_DELETE)->u.sms_optout = page.rows[i];
}

static void on_cleared(struct seed_job *job)
{
    if (!job->rc && job->changes.items[0].out_existed)
        seed_job_commit(job, on_cleared); /* it goes on where it stands */
    else
        seed_job_done(job, job->rc);
}

static void clear_messages(struct seed_job *job)
{
    change_list_add(&job->changes, CHANGE_SMS_CLEAR)->u.sms =
        (struct sms_row){.resource = job->resource, .created = job->req->now + 1};
    seed_job_commit(job, on_cleared);
}

static void on_dropped(struct seed_job *job)
{
    if (job->rc)
        seed_job_done(job, job->rc);
    else
        reset(job);
}

static void on_found(void *ctx)
{
    struct seed_job *job = ctx;

    job->removed += job->changes.n;
    if (job->rc)
        seed_job_done(job, job->rc);
    else if (job->changes.n)
        seed_job_commit(job, on_dropped);
    else
        clear_messages(job);
}

static void reset(struct seed_job *job)
{
    seed_job_look(job, find, on_found);
}

const struct seed_part seed_sms = {
    .name = STR_INIT("sms"), .read = read, .answer = answer, .write = write, .reset = reset};
