/* How a message ends: by a carrier's report, an administrator's word, or the engine's own finding.
 * The store makes the end unique: a step from an open state succeeds once. Reports of parts are
 * gathered, and those that come before the carrier's ids are in the store wait for them a while:
 * not acknowledged, since they are in memory alone. Source: wire/sms §3, §6. */
#include "services/sms/sms_core.h"

#define EARLY_MAX    ((size_t)4096)
#define EARLY_MS     ((uint64_t)5000) /* carriers don't wait for ever */
#define PARTS_PREFIX "parts:"
#define BITS_LEN     ((size_t)32)
#define REFS_MAX     ((size_t)8) /* spellings of one id */

struct verdict {
    struct arena arena;
    const struct site *site;
    struct str transport; /* empty: whichever it is */
    struct uuid id;
    struct str refs[REFS_MAX], secret;
    size_t n_refs;
    bool check_secret, final, late_is_ok;
    bool by_ref, waited; /* found by its ref; has waited for refs */
    struct sms_fate fate;
    uint32_t part, parts; /* parts 0: it speaks of the whole */
    struct sms_row row;
    struct change_list changes;
    struct change_set set;
    struct str opened; /* as of an arrival */
    carrier_done_fn done;
    void *ctx;
    enum rc rc;
    struct loop_task task;
    struct list node;           /* early */
    uint64_t after;             /* the last handover that it may be about */
    struct loop_timer too_long; /* that wait */
    bool reporting;             /* has the message's place in the map */
    struct verdict *waiting;    /* for that place, in order */
};

static void begin(struct verdict *v);

/* ---- parts ---- */

static bool is_set(const uint8_t *bits, uint32_t at)
{
    return bits[at / 8] >> at % 8 & 1;
}

struct str sms_parts_ref(uint32_t parts, const uint8_t done[static 32], struct str ref,
                         struct arena *arena)
{
    char bits[2 * BITS_LEN];

    if (parts < 2)
        return ref;
    hex_encode(done, BITS_LEN, bits);
    return arena_printf(arena, PARTS_PREFIX "%u:%.*s:" STR_FMT, parts, (int)(parts + 7) / 8 * 2,
                        bits, STR_ARG(ref));
}

uint32_t sms_parts_split(struct str kept, uint8_t done[static 32], struct str *out_ref)
{
    struct str count, bits, rest;
    uint64_t parts;

    memset(done, 0, BITS_LEN);
    *out_ref = kept;
    if (!str_starts(kept, STR(PARTS_PREFIX)))
        return 0;
    rest = str_from_index(kept, sizeof PARTS_PREFIX - 1);
    if (!str_cut(rest, ':', &count, &rest) || !str_cut(rest, ':', &bits, &rest) ||
        str_to_u64(count, SMS_PARTS_MAX, &parts) || bits.len > 2 * BITS_LEN ||
        hex_decode(bits, done, bits.len / 2))
        return 0;
    *out_ref = rest;
    return (uint32_t)parts;
}

/* ---- what goes into the commit ---- */

static void add_answer(const struct site *site, const struct sms_row *row, struct str text,
                       struct change_list *changes, struct str *out_opened)
{
    struct sms *s = site->sms;
    const struct sms_world *w = sms_world_ref(s);
    const struct carrier_inbound in = {.from = row->to, .to = row->from, .text = text};
    struct sms_sender owner;
    struct sms_arrival a = {.site = site,
                            .world = w,
                            .owner = &owner,
                            .transport = SMS_INBOX,
                            .now = row->finished,
                            .changes = changes};

    if (sms_sender_resolve(s, w, &row->resource, row->from, &owner) == RC_OK &&
        sms_sender_kind_of(row->from, false) != SMS_SENDER_ALPHANUMERIC)
        sms_arrival_add(&a, &in);
    *out_opened = a.opened;
    sms_world_unref(w);
}

void sms_end_add(const struct site *site, struct sms_row *row, const struct sms_fate *fate,
                 struct change_list *changes, struct str *out_opened)
{
    struct str text;

    *out_opened = STR_EMPTY;
    sms_row_end(row, fate, clock_now(site->clock));
    sms_step_add(changes, SMS_OPEN_STATES, row);
    sms_report_publish(site->sms, row, changes);
    if (sms_sim_answer(row, &text))
        add_answer(site, row, text, changes, out_opened);
}

void sms_end_done(struct sms *s, const struct sms_row *row, struct str opened)
{
    sms_ended(s, &row->resource, row->transport);
    sms_opened(s, &row->resource, opened, opened.len > 0);
    sms_count(s, row->state, 1);
    events_wake(s->options.events);
}

/* ---- the way of a verdict ---- */

static void verdict_free(struct verdict *v)
{
    loop_timer_close(&v->too_long);
    arena_clear(&v->arena);
    free(v);
}

static void wake_begin(void *ctx)
{
    begin(ctx);
}

/* Gives the message's place to whoever waits for it. */
static void leave(struct verdict *v)
{
    struct sms *s = v->site->sms;
    struct verdict *next = v->waiting;

    if (!v->reporting)
        return;
    v->reporting = false;
    v->waiting = NULL;
    mutex_lock(&s->lock);
    (void)map_remove(&s->reporting, str_of(v->id.octets, sizeof v->id.octets)); /* is v */
    if (next) {
        next->reporting = true;
        map_put(&s->reporting, str_of(next->id.octets, sizeof next->id.octets), next);
    }
    mutex_unlock(&s->lock);
    if (!next)
        return;
    next->task = (struct loop_task){.run = wake_begin, .ctx = next};
    loop_post(next->site->loop, &next->task);
}

static void finish(struct verdict *v, enum rc rc)
{
    leave(v);
    if (v->done)
        v->done(v->ctx, rc);
    verdict_free(v);
}

static void finish_later(void *ctx)
{
    struct verdict *v = ctx;

    finish(v, v->rc);
}

/* Never before the caller's call returns. */
static void end(struct verdict *v, enum rc rc)
{
    v->rc = rc;
    v->task = (struct loop_task){.run = finish_later, .ctx = v};
    loop_defer(v->site->loop, &v->task);
}

static enum rc too_late(const struct verdict *v)
{
    char id[SMS_ID_LEN];

    sms_id_format(false, &v->row.id, v->row.created, id);
    log_info(v->site->log, "sms.late_report",
             "message=%.*s transport=" STR_FMT " code=%u action=ignored", (int)sizeof id, id,
             STR_ARG(v->row.transport), v->fate.code);
    return v->late_is_ok ? RC_OK : RC_CONFLICT;
}

static void on_committed(void *ctx, enum rc rc, struct change_set *set)
{
    struct verdict *v = ctx;
    struct sms *s = v->site->sms;

    (void)set;
    if (rc == RC_OK && v->row.finished) {
        sms_end_done(s, &v->row, v->opened);
        sms_wake(s);
    }
    finish(v, rc == RC_CONFLICT ? too_late(v) : rc);
}

static void commit(struct verdict *v)
{
    v->set = (struct change_set){.items = v->changes.items,
                                 .n = v->changes.n,
                                 .loop = v->site->loop,
                                 .done = on_committed,
                                 .ctx = v};
    store_commit(v->site->store, &v->set);
}

/* One part of several has arrived: true when others are still to come, and that is noted. */
static bool note_part(struct verdict *v)
{
    uint8_t done[BITS_LEN];
    struct str ref;
    uint32_t parts = sms_parts_split(v->row.ref, done, &ref);

    if (parts < 2 || v->part >= parts)
        return false;
    done[v->part / 8] |= (uint8_t)(1u << v->part % 8);
    for (uint32_t i = 0; i < parts; i++) {
        if (!is_set(done, i)) {
            v->row.ref = sms_parts_ref(parts, done, ref, &v->arena);
            sms_step_add(&v->changes, SMS_STATE_BIT(v->row.state), &v->row);
            return true;
        }
    }
    return false;
}

/* The parts' reports of one message come one after the other: false when v waits for its turn. */
static bool take_turn(struct verdict *v)
{
    struct sms *s = v->site->sms;
    struct verdict *holder;

    if (v->parts < 2 || v->reporting)
        return true;
    mutex_lock(&s->lock);
    holder = map_get(&s->reporting, str_of(v->id.octets, sizeof v->id.octets));
    if (holder) {
        struct verdict **at = &holder->waiting;

        while (*at)
            at = &(*at)->waiting;
        *at = v;
    } else {
        v->reporting = true;
        map_put(&s->reporting, str_of(v->id.octets, sizeof v->id.octets), v);
    }
    mutex_unlock(&s->lock);
    return !holder;
}

/* An attempt that was not the last, or news on the way. */
static void take_news(struct verdict *v)
{
    char id[SMS_ID_LEN];

    sms_id_format(false, &v->row.id, v->row.created, id);
    log_debug(v->site->log, "sms.news", "message=%.*s transport=" STR_FMT " code=%u",
              (int)sizeof id, id, STR_ARG(v->row.transport), v->fate.code);
    if (!v->fate.segments_failed) {
        end(v, RC_OK);
        return;
    }
    sms_row_attempt(&v->row, v->fate.segments_failed, clock_now(v->site->clock), &v->arena);
    sms_step_add(&v->changes, SMS_STATE_BIT(v->row.state), &v->row);
    commit(v);
}

static bool is_open(const struct sms_row *row)
{
    return SMS_STATE_BIT(row->state) & SMS_OPEN_STATES;
}

/* ---- whose report it is ---- */

static enum rc find_by_ref(struct verdict *v)
{
    enum rc rc = RC_NOT_FOUND;

    for (size_t i = 0; i < v->n_refs; i++) {
        struct sms_ref_row key = {.transport = v->transport, .ref = v->refs[i]};

        rc = store_sms_ref(v->site->reader, &key);
        if (rc == RC_OK) {
            v->by_ref = true;
            v->id = key.message;
            v->part = key.part & 0xFFFFu;
            v->parts = key.part >> 16;
        }
        if (rc != RC_NOT_FOUND)
            return rc;
    }
    return rc;
}

static void settle(void *ctx)
{
    struct verdict *v = ctx;

    loop_timer_close(&v->too_long);
    if (find_by_ref(v) == RC_OK)
        begin(v);
    else
        finish(v, v->rc);
}

/* Under the lock. Whoever takes it off the list says what it is told when it is not found even now.
 */
static void take_off(struct sms *s, struct verdict *v, enum rc rc)
{
    list_remove(&v->node);
    s->early_n--;
    v->rc = rc;
    v->task = (struct loop_task){.run = settle, .ctx = v};
    loop_post(v->site->loop, &v->task);
}

/* It is in memory alone, so the carrier must tell it again. */
static void waited_too_long(void *ctx)
{
    struct verdict *v = ctx;
    struct sms *s = v->site->sms;

    mutex_lock(&s->lock);
    if (!list_empty(&v->node))
        take_off(s, v, RC_BUSY);
    mutex_unlock(&s->lock);
}

/* A handover that is under way may make its refs known: until all those have ended it is neither
 * kept nor acknowledged. */
static void wait_for_refs(void *ctx)
{
    struct verdict *v = ctx;
    struct sms *s = v->site->sms;

    v->waited = true;
    loop_timer_start(v->site->loop, &v->too_long, EARLY_MS, 0, waited_too_long, v);
    mutex_lock(&s->lock);
    list_add(&s->early, &v->node);
    s->early_n++;
    if (s->early_closed || s->early_n > EARLY_MAX)
        take_off(s, v, RC_BUSY);
    mutex_unlock(&s->lock);
    sms_wake(s);
}

static void await_refs(struct verdict *v)
{
    v->task = (struct loop_task){.run = wait_for_refs, .ctx = v};
    loop_defer(v->site->loop, &v->task);
}

/* Its end is known. But the carrier may have given its id again, to a message that is under way. */
static void take_late(struct verdict *v)
{
    if (v->final && v->by_ref && !v->waited) {
        leave(v);
        await_refs(v);
    } else {
        end(v, too_late(v));
    }
}

static bool has_id(const struct verdict *v)
{
    const struct uuid none = {{0}};

    return !uuid_eq(&v->id, &none);
}

static enum rc find_row(struct verdict *v)
{
    enum rc rc;

    if (v->check_secret && !sms_message_secret_is(v->site->sms, &v->id, v->secret))
        return RC_DENIED;
    rc = store_sms(v->site->reader, &v->id, &v->arena, &v->row);
    if (rc)
        return rc;
    if (v->row.state == SMS_RECEIVED ||
        (v->transport.len && !name_eq(v->transport, v->row.transport)))
        return RC_NOT_FOUND;
    return RC_OK;
}

static void begin(struct verdict *v)
{
    enum rc rc;

    if (!has_id(v)) {
        rc = find_by_ref(v);
        if (rc == RC_NOT_FOUND && v->final && v->n_refs) {
            await_refs(v);
            return;
        }
        if (rc) {
            end(v, rc);
            return;
        }
    }
    if (!take_turn(v))
        return;
    v->changes = (struct change_list){.arena = &v->arena};
    rc = find_row(v);
    if (rc) {
        end(v, rc);
    } else if (!is_open(&v->row)) {
        take_late(v);
    } else if (!v->final) {
        take_news(v);
    } else {
        if (!v->fate.delivered || v->parts < 2 || !note_part(v))
            sms_end_add(v->site, &v->row, &v->fate, &v->changes, &v->opened);
        commit(v);
    }
}

static struct verdict *verdict_new(const struct site *site, carrier_done_fn done, void *ctx)
{
    struct verdict *v = calloc(1, sizeof *v);

    if (!v)
        abort();
    arena_init(&v->arena);
    list_init(&v->node);
    v->site = site;
    v->after = atomic_load(&site->sms->handovers);
    v->done = done;
    v->ctx = ctx;
    return v;
}

void sms_finish(const struct site *site, const struct uuid *id, const struct sms_fate *fate,
                carrier_done_fn done, void *ctx)
{
    struct verdict *v = verdict_new(site, done, ctx);

    v->id = *id;
    v->fate = *fate;
    v->final = true;
    begin(v);
}

void sms_take_report(const struct site *site, struct sms_teller teller,
                     const struct carrier_report *report, carrier_done_fn done, void *ctx)
{
    struct verdict *v = verdict_new(site, done, ctx);

    v->transport = arena_dup(&v->arena, teller.transport);
    v->id = report->id;
    v->secret = arena_dup(&v->arena, report->secret);
    v->check_secret = teller.check_secret;
    v->final = report->final;
    v->late_is_ok = true;
    v->fate = (struct sms_fate){.delivered = report->delivered,
                                .code = report->code,
                                .segments_failed = report->segments_failed};
    for (; v->n_refs < report->n_refs && v->n_refs < REFS_MAX; v->n_refs++)
        v->refs[v->n_refs] = arena_dup(&v->arena, report->refs[v->n_refs]);
    if (v->check_secret && !has_id(v))
        end(v, RC_DENIED); /* refs are no secret */
    else
        begin(v);
}

/* ---- reports that came early ---- */

static bool names_one_of(const struct verdict *v, const struct str *refs, size_t n)
{
    for (size_t i = 0; i < v->n_refs; i++)
        for (size_t j = 0; j < n; j++)
            if (name_eq(v->refs[i], refs[j]))
                return true;
    return false;
}

void sms_early_review(struct sms *s, struct str transport, uint64_t oldest, const struct str *refs,
                      size_t n)
{
    mutex_lock(&s->lock);
    for (struct list *at = s->early.next, *next; at != &s->early; at = next) {
        struct verdict *v = list_entry(at, struct verdict, node);

        next = at->next;
        if (name_eq(v->transport, transport) && (v->after < oldest || names_one_of(v, refs, n)))
            take_off(s, v, v->after < oldest ? RC_NOT_FOUND : RC_BUSY);
    }
    mutex_unlock(&s->lock);
}

void sms_early_clear(struct sms *s)
{
    mutex_lock(&s->lock);
    s->early_closed = true;
    while (!list_empty(&s->early))
        take_off(s, list_entry(s->early.next, struct verdict, node), RC_BUSY);
    mutex_unlock(&s->lock);
}
