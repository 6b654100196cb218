/* Messages that come in: whose they are, what their keyword does, what is answered. One commit has
 * all of it. Source: wire/sms §4.4. */
#include "services/sms/sms_core.h"

#define INBOUND_TEXT_MAX (64 * KIB)
#define REF_MAX          ((size_t)256)

struct incoming {
    struct arena arena;
    const struct site *site;
    const struct sms_world *world;
    struct carrier_inbound in; /* texts in the arena */
    struct str transport;
    struct sms_sender owner;
    struct sms_row row;
    struct change_list changes;
    struct change_set set;
    struct str opened; /* as of an arrival */
    carrier_done_fn done;
    void *ctx;
    enum rc rc;
    struct loop_task task;
};

/* ---- what goes into the commit ---- */

static struct sms_row arrived_row(const struct sms_sender *owner, const struct carrier_inbound *m,
                                  struct str transport, unix_ms now, struct arena *arena)
{
    bool ucs2;
    uint32_t segments = sms_measure(m->text, &ucs2);

    return (struct sms_row){
        .id = uuid_ordered(now),
        .resource = owner->resource,
        .state = SMS_RECEIVED,
        .created = now,
        .segments = m->segments ? m->segments : segments,
        .ucs2 = ucs2,
        .from = arena_dup(arena, m->from),
        .to = arena_dup(arena, m->to),
        .text = arena_dup(arena, m->text),
        .transport = arena_dup(arena, transport),
    };
}

static void add_reply(struct sms_arrival *a, struct str text)
{
    const struct sms_row *in = &a->row;
    struct arena *arena = a->changes->arena;
    struct sms_row row = {
        .id = uuid_ordered(in->created),
        .resource = in->resource,
        .from = in->to,
        .to = in->from,
        .text = arena_dup(arena, text),
    };

    if (text.len == 0)
        return;
    sms_row_open(a->site->sms, a->world, a->owner, &row, in->created);
    row.transport = arena_dup(arena, row.transport);
    change_list_add(a->changes, CHANGE_SMS_ADD)->u.sms = row;
    a->opened = row.transport;
}

/* A second STOP is answered by nothing: the first one was. */
static void act_on_keyword(struct sms_arrival *a)
{
    const struct sms_row *in = &a->row;
    struct sms_optout_row optout = {
        .resource = in->resource, .sender = in->to, .recipient = in->from, .created = in->created};
    enum sms_keyword keyword = sms_keyword_of(in->text);
    struct sms_optout_row found;

    switch (keyword) {
    case SMS_KEYWORD_NONE:
        return;
    case SMS_KEYWORD_STOP:
        if (store_sms_optout(a->site->reader, &optout, &found) != RC_OK)
            add_reply(a, a->owner->stop);
        change_list_add(a->changes, CHANGE_SMS_OPTOUT_PUT)->u.sms_optout = optout;
        return;
    case SMS_KEYWORD_START:
        add_reply(a, a->owner->start);
        change_list_add(a->changes, CHANGE_SMS_OPTOUT_DELETE)->u.sms_optout = optout;
        return;
    case SMS_KEYWORD_HELP:
        add_reply(a, a->owner->help);
        return;
    }
}

void sms_arrival_add(struct sms_arrival *a, const struct carrier_inbound *m)
{
    a->row = arrived_row(a->owner, m, a->transport, a->now, a->changes->arena);
    change_list_add(a->changes, CHANGE_SMS_ADD)->u.sms = a->row;
    if (a->owner->enforce && sms_number_valid(m->from, false)) /* to others nothing can be sent */
        act_on_keyword(a);
    sms_received_publish(a->site->sms, &a->row, a->changes);
}

/* ---- whose it is ---- */

static bool is_alive(const struct site *site, const struct uuid *resource)
{
    const struct resource *r = directory_by_id(gate_directory(site->gate), resource);

    return r && r->state == RESOURCE_ACTIVE;
}

/* Of two that have the number. */
static bool comes_first(const struct sms_sender *s, const struct sms_sender *other,
                        struct str transport)
{
    bool ours = name_eq(s->transport, transport), theirs = name_eq(other->transport, transport);

    return ours == theirs ? s->created < other->created : ours;
}

const struct sms_sender *sms_number_owner(const struct site *site, const struct sms_world *w,
                                          struct str number, struct str transport)
{
    const struct sms_sender *found = NULL;

    for (size_t i = 0; i < w->senders_n; i++) {
        const struct sms_sender *s = &w->senders[i];

        if (name_eq(s->sender, number) && is_alive(site, &s->resource) &&
            (!found || comes_first(s, found, transport)))
            found = s;
    }
    return found;
}

static enum rc find_owner(struct incoming *a)
{
    const struct sms_sender *listed = sms_number_owner(a->site, a->world, a->in.to, a->transport);
    const struct resource *r = gate_directory(a->site->gate)->default_resource;

    if (listed) {
        a->owner = *listed;
        return RC_OK;
    }
    if (!r || r->state != RESOURCE_ACTIVE)
        return RC_NOT_FOUND;
    return sms_sender_resolve(a->site->sms, a->world, &r->id, a->in.to, &a->owner);
}

static bool is_acceptable(const struct sms *s, const struct carrier_inbound *m)
{
    enum sms_sender_kind to = sms_sender_kind_of(m->to, s->options.numbers_strict);

    return sms_origin_valid(m->from) && to != SMS_SENDER_NONE && to != SMS_SENDER_ALPHANUMERIC &&
           m->text.len <= INBOUND_TEXT_MAX && m->ref.len <= REF_MAX && str_is_utf8(m->text);
}

/* ---- the commit ---- */

static void finish(struct incoming *a, enum rc rc)
{
    sms_world_unref(a->world);
    if (a->done)
        a->done(a->ctx, rc);
    arena_clear(&a->arena);
    free(a);
}

static void refuse(void *ctx)
{
    struct incoming *a = ctx;

    finish(a, a->rc);
}

static void on_committed(void *ctx, enum rc rc, struct change_set *set)
{
    struct incoming *a = ctx;
    struct sms *s = a->site->sms;

    (void)set;
    if (rc == RC_CONFLICT && a->in.ref.len) {
        log_debug(a->site->log, "sms.inbound_again", "transport=" STR_FMT, STR_ARG(a->transport));
        rc = RC_OK; /* it came before */
    } else if (rc == RC_OK) {
        sms_opened(s, &a->row.resource, a->opened, a->opened.len > 0);
        sms_count(s, SMS_RECEIVED, 1);
        events_wake(s->options.events);
        sms_wake(s);
    }
    finish(a, rc);
}

/* What the carrier sends again is known by a row of its own: of two that are under way at once, one
 * commit fails. */
static void add_ref(struct incoming *a, unix_ms now)
{
    const struct sms_options *o = sms_options(a->site->sms);
    struct str key =
        arena_printf(&a->arena, STR_FMT " " STR_FMT, STR_ARG(a->transport), STR_ARG(a->in.ref));
    struct change *c;
    uint8_t mac[32];

    if (!a->in.ref.len)
        return;
    master_key_hash(o->master, STR("sms.inbound"), key, mac);
    c = change_list_add(&a->changes, CHANGE_SMS_REPEAT_ADD);
    c->u.sms_repeat = (struct sms_repeat_row){.resource = a->owner.resource,
                                              .message = a->row.id,
                                              .created = now,
                                              .kept_until = now + SMS_REPEAT_KEPT_MS};
    memcpy(c->u.sms_repeat.id.octets, mac, sizeof c->u.sms_repeat.id.octets);
    memcpy(c->u.sms_repeat.digest, mac + sizeof c->u.sms_repeat.id.octets,
           sizeof c->u.sms_repeat.digest);
}

static void commit(struct incoming *a)
{
    struct sms_arrival arrival = {.site = a->site,
                                  .world = a->world,
                                  .owner = &a->owner,
                                  .transport = a->transport,
                                  .now = clock_now(a->site->clock),
                                  .changes = &a->changes};

    a->changes.arena = &a->arena;
    sms_arrival_add(&arrival, &a->in);
    a->row = arrival.row;
    a->opened = arrival.opened;
    add_ref(a, arrival.now);
    a->set = (struct change_set){.items = a->changes.items,
                                 .n = a->changes.n,
                                 .loop = a->site->loop,
                                 .done = on_committed,
                                 .ctx = a};
    store_commit(a->site->store, &a->set);
}

static struct incoming *incoming_new(const struct site *site, const struct carrier_inbound *m,
                                     struct str transport, carrier_done_fn done, void *ctx)
{
    struct incoming *a = calloc(1, sizeof *a);

    if (!a)
        abort();
    arena_init(&a->arena);
    a->site = site;
    a->world = sms_world_ref(site->sms);
    a->transport = arena_dup(&a->arena, transport);
    a->in = (struct carrier_inbound){.from = arena_dup(&a->arena, m->from),
                                     .to = arena_dup(&a->arena, m->to),
                                     .text = arena_dup(&a->arena, m->text),
                                     .segments = m->segments,
                                     .ref = arena_dup(&a->arena, m->ref)};
    a->done = done;
    a->ctx = ctx;
    return a;
}

static void run(struct incoming *a, enum rc rc, char *out_id)
{
    if (rc) {
        a->rc = rc;
        a->task = (struct loop_task){.run = refuse, .ctx = a};
        loop_defer(a->site->loop, &a->task);
        return;
    }
    commit(a);
    if (out_id)
        sms_id_format(true, &a->row.id, a->row.created, out_id);
}

/* It is acknowledged, so this line is all that is left of it. What is malformed may hold anything,
 * and is not shown. */
static void tell_dropped(struct incoming *a, enum rc rc)
{
    if (rc == RC_NOT_FOUND)
        log_warn(a->site->log, "sms.inbound_dropped",
                 "transport=" STR_FMT " why=number_of_nobody to=" STR_FMT, STR_ARG(a->transport),
                 STR_ARG(sms_masked(a->in.to, &a->arena)));
    else
        log_warn(a->site->log, "sms.inbound_dropped", "transport=" STR_FMT " why=no_message",
                 STR_ARG(a->transport));
}

void sms_take_inbound(const struct site *site, struct str transport,
                      const struct carrier_inbound *message, carrier_done_fn done, void *ctx)
{
    struct incoming *a = incoming_new(site, message, transport, done, ctx);
    enum rc rc = is_acceptable(site->sms, message) ? find_owner(a) : RC_INVALID;

    if (rc)
        tell_dropped(a, rc);
    run(a, rc, NULL);
}

void sms_take_inbound_of(const struct site *site, const struct sms_let_in *in, carrier_done_fn done,
                         void *ctx)
{
    struct incoming *a = incoming_new(site, in->message, SMS_INBOX, done, ctx);
    enum rc rc = RC_INVALID;

    if (is_acceptable(site->sms, in->message))
        rc = sms_sender_resolve(site->sms, a->world, in->resource, in->message->to, &a->owner);
    run(a, rc, in->out_id);
}
