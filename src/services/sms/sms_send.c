/* POST /sms: who may send, what each recipient's item says, one commit, one answer.
 *
 * An id that was used before gets the item that it had then. Most were not, so the commit is what
 * finds out: it fails as a whole when an id is taken, by an earlier request or by one of the same
 * time. Then the ids are looked up, those found get their item, and what is left is committed.
 * Source: wire/sms §2.3, §2.4, §2.6. */
#include "services/sms/sms_wire.h"

#define TRIES_MAX 8
/* A client's clock may be ahead: its date is no more than that later than ours. */
#define REPEAT_ROW_MS (SMS_REPEAT_KEPT_MS + SMS_REPEAT_AHEAD_MS)
#define ITEM_MAX      ((size_t)320) /* all but `to` */
#define ESCAPED_MAX   ((size_t)6)

static const struct str text_conflict = STR_INIT(
    "This repeatability-request-id was used before, with another sender, recipient, message or "
    "options.");
static const struct str text_busy = STR_INIT("ServiceUnavailable");
static const struct str text_internal = STR_INIT("Internal Server Error");

static struct sms *sms_of(const struct sms_sending *s)
{
    return s->req->site->sms;
}

static void release(struct sms_sending *s)
{
    sms_world_unref(s->world);
    s->world = NULL;
}

/* ---- digests ---- */

static void add_text(struct hash_work *w, struct str text)
{
    uint64_t len = text.len;

    sha256_add(w, str_of(&len, sizeof len));
    sha256_add(w, text);
}

/* What must be the same when an id comes again: not the time that the client says. */
static void digest(const struct sms_sending *s, struct hash_work *w, struct str to,
                   uint8_t out[static 32])
{
    sha256_begin(w);
    add_text(w, s->from);
    add_text(w, to);
    add_text(w, s->message);
    add_text(w, s->tag);
    add_text(w, s->connect);
    sha256_add(w, str_of(&s->timeout_s, sizeof s->timeout_s));
    sha256_add(w, s->report ? STR("1") : STR("0"));
    sha256_end(w, out);
}

/* ---- items ---- */

static void write_item(const struct sms_recipient *r, struct json_writer *w)
{
    char id[SMS_ID_LEN];

    json_object_begin(w);
    json_member_str(w, "to", r->to);
    if (r->status == 202) {
        sms_id_format(false, &r->row.id, r->row.created, id);
        json_member_str(w, "messageId", str_of(id, sizeof id));
    }
    json_member_int(w, "httpStatusCode", r->status);
    if (r->status != 202)
        json_member_str(w, "errorMessage", r->error);
    if (r->repeat != SMS_REPEAT_NONE)
        json_member_str(w, "repeatabilityResult",
                        r->repeat == SMS_REPEAT_ACCEPTED ? STR("accepted") : STR("rejected"));
    json_member_bool(w, "successful", r->status == 202);
    json_object_end(w);
}

static void make_item(const struct sms_sending *s, struct sms_recipient *r)
{
    struct buf out = answer_buf(s->req, ITEM_MAX + ESCAPED_MAX * r->to.len);
    struct json_writer w;

    json_writer_init(&w, &out);
    write_item(r, &w);
    r->item = buf_str(&out);
}

/* ---- what becomes of each recipient ---- */

static void refuse(struct sms_recipient *r, int status, struct str error,
                   enum sms_repeat_result repeat)
{
    r->status = status;
    r->error = error;
    r->repeat = repeat;
    r->is_new = false;
}

/* An id that this request has used already. */
static bool is_second(struct sms_sending *s, struct sms_recipient *r)
{
    for (struct sms_recipient *e = s->recipients; e < r; e++) {
        if (!e->repeatable || !uuid_eq(&e->repeat_id, &r->repeat_id))
            continue;
        if (memcmp(e->digest, r->digest, sizeof r->digest) != 0)
            refuse(r, 400, text_conflict, SMS_REPEAT_REJECTED);
        else
            r->same = e;
        return true;
    }
    return false;
}

/* An id that an earlier request has used: true when that decides. */
static bool was_used(struct sms_sending *s, struct sms_recipient *r)
{
    struct request *req = s->req;
    struct sms_repeat_row row = {.resource = s->sender.resource, .id = r->repeat_id};
    enum rc rc = store_sms_repeat(req->site->reader, &row);

    if (rc == RC_NOT_FOUND || (rc == RC_OK && row.kept_until < req->now))
        return false;
    if (rc) {
        refuse(r, 503, text_busy, SMS_REPEAT_NONE);
    } else if (memcmp(row.digest, r->digest, sizeof row.digest) != 0) {
        refuse(r, 400, text_conflict, SMS_REPEAT_REJECTED);
    } else {
        r->status = 202;
        r->repeat = SMS_REPEAT_ACCEPTED;
        r->row.id = row.message;
        r->row.created = row.created;
        r->item = STR_EMPTY; /* the same again: all that differs between items is in the row */
        r->is_new = false;
    }
    return true;
}

static void take(struct sms_sending *s, struct sms_recipient *r)
{
    unix_ms now = s->req->now;

    r->status = 202;
    r->repeat = r->repeatable ? SMS_REPEAT_ACCEPTED : SMS_REPEAT_NONE;
    r->is_new = true;
    r->row = (struct sms_row){
        .id = uuid_ordered(now),
        .resource = s->sender.resource,
        .created = now,
        .deadline = now + s->timeout_s * 1000,
        .segments = s->segments,
        .ucs2 = s->ucs2,
        .report = s->report,
        .from = s->from,
        .to = r->to,
        .text = s->message,
        .tag = s->tag,
    };
    sms_row_open(sms_of(s), s->world, &s->sender, &r->row, now);
}

static bool is_simulated(const struct sms_sending *s)
{
    return name_eq(s->sender.transport, SMS_INBOX);
}

/* A new id is the rule: whether it was used is asked when the commit finds it taken, and before
 * only where a replay must not be refused. */
static bool looks_first(const struct sms_sending *s, const struct sms_recipient *r, int status)
{
    return s->tries || status != 202 || s->rate || (is_simulated(s) && sms_sim_may_throttle(r->to));
}

static bool is_one_of_many(const struct sms_sending *s)
{
    const struct directory *d = gate_directory(s->req->site->gate);
    size_t alive = 0;

    for (size_t i = 0; i < d->resources_count && alive < 2; i++)
        alive += d->resources[i].state == RESOURCE_ACTIVE;
    return alive > 1;
}

static void decide(struct sms_sending *s, struct sms_recipient *r, bool one_of_many)
{
    int status = is_simulated(s) ? sms_sim_status(r->to) : 202;

    if (status == 202 && sms_queue_full(sms_of(s), &s->sender.resource, one_of_many))
        status = 503;
    if (r->repeatable && (is_second(s, r) || (looks_first(s, r, status) && was_used(s, r))))
        return;
    if (status == 400)
        refuse(r, status, SMS_TEXT_TO, SMS_REPEAT_NONE);
    else if (status == 500)
        refuse(r, status, text_internal, SMS_REPEAT_NONE);
    else if (status != 202)
        refuse(r, 503, text_busy, SMS_REPEAT_NONE);
    else
        take(s, r);
}

/* Everything that the store may have changed since the last try is decided anew. */
static void decide_all(struct sms_sending *s)
{
    struct hash_work *w = gate_hash_work(s->req->site->gate);
    bool one_of_many = is_one_of_many(s);

    for (size_t i = 0; i < s->n; i++) {
        struct sms_recipient *r = &s->recipients[i];

        if (s->tries == 0 && r->status == 0 && r->repeatable)
            digest(s, w, r->to, r->digest);
        if (r->status == 0 || r->is_new)
            decide(s, r, one_of_many);
    }
}

/* ---- the commit ---- */

static bool is_opted_out(const struct sms_sending *s, const struct sms_recipient *r)
{
    const struct sms_optout_row key = {
        .resource = s->sender.resource, .sender = s->from, .recipient = r->to};
    struct sms_optout_row found;

    return s->sender.enforce && store_sms_optout(s->req->site->reader, &key, &found) == RC_OK;
}

static void add_recipient(struct sms_sending *s, struct sms_recipient *r)
{
    struct change *c;

    if (is_opted_out(s, r)) {
        sms_row_end(&r->row, &(struct sms_fate){.code = SMS_CODE_OPTED_OUT}, s->req->now);
        sms_report_publish(sms_of(s), &r->row, &s->changes);
        s->opted_out++;
    } else {
        s->opened++;
    }
    c = change_list_add(&s->changes, CHANGE_SMS_ADD);
    c->u.sms = r->row;
    if (!r->repeatable)
        return;
    c = change_list_add(&s->changes, CHANGE_SMS_REPEAT_ADD);
    c->u.sms_repeat = (struct sms_repeat_row){.resource = s->sender.resource,
                                              .id = r->repeat_id,
                                              .message = r->row.id,
                                              .created = r->row.created,
                                              .kept_until = r->row.created + REPEAT_ROW_MS};
    memcpy(c->u.sms_repeat.digest, r->digest, sizeof c->u.sms_repeat.digest);
}

/* An id that should have been forgotten by now is not in the way of its next use. */
static void add_prune(struct sms_sending *s)
{
    struct change *c = change_list_add(&s->changes, CHANGE_SMS_PRUNE);

    c->u.sms_prune = (struct sms_prune){.now = s->req->now, .limit = 1000};
}

static void answer(struct sms_sending *s);

static void answer_2020(struct sms_sending *s)
{
    const struct sms_recipient *r = s->recipients;
    struct request *req = s->req;
    struct buf out = answer_buf(req, 128);
    char id[SMS_ID_LEN];
    struct json_writer w;

    if (r->status == 202) {
        sms_id_format(false, &r->row.id, r->row.created, id);
        json_writer_init(&w, &out);
        json_object_begin(&w);
        json_member_str(&w, "messageId", str_of(id, sizeof id));
        json_object_end(&w);
        answer_json(req, 200, &out);
    } else if (r->status == 400) {
        struct sms_problems p = {0};

        sms_problem_add(&p, "To", r->error);
        sms_answer_problems(req, &p);
    } else {
        sms_answer_rc(req, r->status == 503 ? RC_BUSY : RC_INTERNAL);
    }
}

/* The store refuses: what was to be written has not been accepted. What an earlier request has
 * stays true. */
static void fail(struct sms_sending *s, enum rc rc)
{
    bool others = false;

    if (s->tries++ == 0)
        decide_all(s); /* nobody has looked yet */
    for (size_t i = 0; i < s->n; i++)
        others = others || (s->recipients[i].status == 202 && !s->recipients[i].is_new);
    if (!others) {
        release(s);
        sms_answer_rc(s->req, rc);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->recipients[i].is_new)
            refuse(&s->recipients[i], 503, text_busy, SMS_REPEAT_NONE);
    answer(s);
}

static void commit(struct sms_sending *s);

static void on_committed(void *ctx, enum rc rc, struct change_set *set)
{
    struct sms_sending *s = ctx;
    struct sms *sms = sms_of(s);

    (void)set;
    if (rc == RC_CONFLICT && ++s->tries < TRIES_MAX) {
        decide_all(s);
        commit(s);
        return;
    }
    if (rc) {
        fail(s, rc);
        return;
    }
    sms_opened(sms, &s->sender.resource, s->sender.transport, s->opened);
    sms_count(sms, SMS_FAILED, s->opted_out);
    if ((size_t)s->opened < s->changes.n)
        events_wake(sms->options.events);
    sms_wake(sms);
    answer(s);
}

static void commit(struct sms_sending *s)
{
    s->changes = (struct change_list){.arena = s->req->arena};
    s->opened = 0;
    s->opted_out = 0;
    if (s->tries)
        add_prune(s);
    for (size_t i = 0; i < s->n; i++)
        if (s->recipients[i].is_new)
            add_recipient(s, &s->recipients[i]);
    if (s->changes.n <= (s->tries ? 1u : 0u)) {
        answer(s);
        return;
    }
    s->set = (struct change_set){.items = s->changes.items,
                                 .n = s->changes.n,
                                 .loop = s->req->loop,
                                 .done = on_committed,
                                 .ctx = s};
    request_hold(s->req);
    store_commit(s->req->site->store, &s->set);
}

/* ---- the answer ---- */

static struct str item_of(struct sms_sending *s, struct sms_recipient *r)
{
    while (r->same)
        r = r->same;
    if (!r->item.len)
        make_item(s, r);
    return r->item;
}

static void answer(struct sms_sending *s)
{
    struct request *req = s->req;
    size_t max = 64;
    struct json_writer w;
    struct buf out;

    release(s);
    if (s->in_2020) {
        answer_2020(s);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        max += item_of(s, &s->recipients[i]).len + 1;
    out = answer_buf(req, max);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "value");
    json_array_begin(&w);
    for (size_t i = 0; i < s->n; i++)
        json_raw(&w, item_of(s, &s->recipients[i]));
    json_array_end(&w);
    json_object_end(&w);
    answer_json(req, 202, &out);
}

/* ---- before the recipients ---- */

static size_t count_valid(const struct sms_sending *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->recipients[i].status == 0 || s->recipients[i].repeat != SMS_REPEAT_NONE;
    return n;
}

static void answer_throttled(struct request *req, uint32_t retry_s)
{
    reply_header(req, STR("Retry-After"), arena_printf(req->arena, "%u", retry_s));
    answer_error(req, &API_TOO_MANY_REQUESTS);
}

/* Whether the simulation wants this request to come again. */
static bool is_simulated_throttle(struct sms_sending *s)
{
    uint8_t sum[32];
    uint64_t key;

    if (!is_simulated(s))
        return false;
    for (size_t i = 0; i < s->n; i++) {
        const struct sms_recipient *r = &s->recipients[i];

        if (!sms_sim_may_throttle(r->to))
            continue;
        digest(s, gate_hash_work(s->req->site->gate), r->to, sum);
        for (size_t j = 0; j < sizeof r->repeat_id.octets; j++)
            sum[j] ^= r->repeat_id.octets[j];
        key = hash_keyed(sum, sizeof sum);
        if (sms_sim_throttles(sms_of(s), key))
            return true;
    }
    return false;
}

static size_t count_new(const struct sms_sending *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->recipients[i].is_new;
    return n;
}

/* Nothing but what earlier requests have sent already. */
static bool is_replay(const struct sms_sending *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct sms_recipient *r = &s->recipients[i];

        if (!r->same && (r->status != 202 || r->is_new))
            return false;
    }
    return true;
}

/* True: 429 has been answered. */
static bool is_throttled(struct sms_sending *s)
{
    struct sms *sms = sms_of(s);
    uint32_t units = s->segments * (uint32_t)count_new(s), retry_s = 0;

    if (is_replay(s))
        return false;
    if (is_simulated_throttle(s))
        retry_s = 1;
    else if (s->rate)
        retry_s = sms_rates_take(sms->rates, &s->sender, s->rate, units, s->req->now);
    if (!retry_s)
        return false;
    release(s);
    answer_throttled(s->req, retry_s);
    return true;
}

/* True: the sender may; else answered. */
static bool may_send(struct sms_sending *s)
{
    s->world = sms_world_ref(sms_of(s));
    if (sms_sender_resolve(sms_of(s), s->world, &s->req->principal->resource->id, s->from,
                           &s->sender) == RC_OK)
        return true;
    release(s);
    sms_answer_sender_unknown(s->req, s->from);
    return false;
}

static void carry_out(struct sms_sending *s)
{
    size_t valid = count_valid(s);

    s->segments = sms_measure(s->message, &s->ucs2);
    s->rate = sms_rate_of(sms_of(s), &s->sender);
    decide_all(s);
    if (is_throttled(s))
        return;
    if (valid == 0 && sms_of(s)->options.all_invalid_request) {
        release(s);
        answer_error(s->req, &API_INVALID_INPUT);
        return;
    }
    commit(s);
}

static void run(struct sms_sending *s, const struct sms_problems *p)
{
    if (p->n)
        sms_answer_problems(s->req, p);
    else if (may_send(s))
        carry_out(s);
}

void sms_send(struct request *req)
{
    struct sms_sending *s = arena_new(req->arena, struct sms_sending);
    struct sms_problems p = {0};

    s->req = req;
    if (sms_send_read(s, &p))
        run(s, &p);
}

void sms_send_2020(struct request *req)
{
    struct sms_sending *s = arena_new(req->arena, struct sms_sending);
    struct sms_problems p = {0};

    s->req = req;
    s->in_2020 = true;
    if (sms_send_read_2020(s, &p))
        run(s, &p);
}
