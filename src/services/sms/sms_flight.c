/* Flights: what is done with a row that is due, and what its carrier makes of it. Each step is a
 * set of its own: the writer puts those that have gathered into one transaction, and one that comes
 * too late hurts no other. Source: wire/sms §3, §6. */
#include "services/sms/sms_engine.h"

#include "events/retry.h"

#define DEFER_MS     ((int64_t)30 * 1000) /* nobody can take it now */
#define NO_ROOM_MS   ((int64_t)1000)      /* there is somebody, who may soon have room */
#define ASK_AGAIN_MS ((uint64_t)5 * 1000)
#define REF_KEPT_MS  ((int64_t)24 * 60 * 60 * 1000) /* after the deadline */

int64_t sms_retry_delay(bool may_have_it, uint32_t attempts)
{
    int64_t delay = may_have_it ? SMS_UNSURE_MS : SMS_RETRY_MS;
    int64_t max = may_have_it ? SMS_UNSURE_MAX_MS : SMS_RETRY_MAX_MS;

    while (attempts-- > 1 && delay < max)
        delay *= 2;
    return delay < max ? delay : max;
}

static struct str key_of(const struct sms_flight *f)
{
    return str_of(f->row.id.octets, sizeof f->row.id.octets);
}

static unix_ms now_of(const struct sms_flight *f)
{
    return clock_now(f->engine->site->clock);
}

static unix_ms not_after(const struct sms_flight *f, unix_ms due)
{
    return due < f->row.deadline ? due : f->row.deadline;
}

/* What failed together does not come back at one moment: an id is as good as a random number. */
static unix_ms next_handover(const struct sms_flight *f, bool may_have_it)
{
    int64_t delay = sms_retry_delay(may_have_it, f->row.attempts);
    uint32_t random;

    memcpy(&random, f->row.id.octets + sizeof f->row.id.octets - sizeof random, sizeof random);
    return not_after(f, now_of(f) + delay + retry_jitter_ms(delay, random));
}

/* ---- life ---- */

static struct sms_flight *flight_new(struct sms_engine *e, struct sms_way *way,
                                     const struct sms_row *row)
{
    struct sms_flight *f = calloc(1, sizeof *f);

    if (!f)
        abort();
    arena_init(&f->arena);
    f->engine = e;
    f->way = way;
    f->row = *row;
    f->row.from = arena_dup(&f->arena, row->from);
    f->row.to = arena_dup(&f->arena, row->to);
    f->row.text = arena_dup(&f->arena, row->text);
    f->row.tag = arena_dup(&f->arena, row->tag);
    f->row.transport = arena_dup(&f->arena, row->transport);
    f->row.ref = arena_dup(&f->arena, row->ref);
    f->row.history = arena_dup(&f->arena, row->history);
    f->changes.arena = &f->arena;
    f->number = atomic_fetch_add(&e->sms->handovers, 1) + 1;
    list_add(&way->under_way, &f->in_way);
    map_put(&e->flights, key_of(f), f);
    sms_queue_flight(e->sms, &f->row, 1);
    return f;
}

/* `place`: a counter of its way, or NULL. */
static void take_place(struct sms_flight *f, size_t *place)
{
    if (f->place)
        --*f->place;
    f->place = place;
    if (place)
        ++*place;
}

static void flight_end(struct sms_flight *f, enum rc rc)
{
    (void)map_remove(&f->engine->flights, key_of(f)); /* is f */
    list_remove(&f->in_way);
    take_place(f, NULL);
    sms_queue_flight(f->engine->sms, &f->row, -1);
    sms_way_review(f->way, f->refs, f->refs_n);
    if (f->done)
        f->done(f->done_ctx, rc);
    arena_clear(&f->arena);
    free(f);
}

struct sms_flight *sms_flight_find(const struct sms_engine *e, const struct uuid *id)
{
    return map_get(&e->flights, str_of(id->octets, sizeof id->octets));
}

void sms_flights_clear(struct sms_engine *e)
{
    size_t at = 0;
    struct str key;
    void *value;

    while (map_next(&e->flights, &at, &key, &value)) {
        struct sms_flight *f = value;

        if (f->phase == SMS_PHASE_COMMIT)
            continue; /* comes back from the store */
        flight_end(f, RC_BUSY);
        at = 0; /* the map has moved */
    }
    e->stuck = NULL;
}

static void log_flight(const struct sms_flight *f, enum log_level level, const char *event,
                       const char *detail)
{
    char id[SMS_ID_LEN], quoted[200];
    size_t len = log_quote(quoted, sizeof quoted, str_from(detail ? detail : ""), 150);

    sms_id_format(false, &f->row.id, f->row.created, id);
    log_write(f->engine->site->log, level, event,
              "message=%.*s transport=" STR_FMT " attempt=%u detail=%.*s", (int)sizeof id, id,
              STR_ARG(f->row.transport), f->row.attempts, (int)len, quoted);
}

/* ---- commits ---- */

static void hand_over(struct sms_flight *f);
static void commit(struct sms_flight *f);

static void on_committed_ok(struct sms_flight *f)
{
    if (f->row.finished)
        sms_end_done(f->engine->sms, &f->row, f->opened);
    if (f->hand_over) {
        hand_over(f);
        return;
    }
    flight_end(f, RC_OK);
}

static void on_committed(void *ctx, enum rc rc, struct change_set *set)
{
    struct sms_flight *f = ctx;
    struct sms_engine *e = f->engine;

    (void)set;
    if (rc == RC_OK) {
        on_committed_ok(f);
    } else if (rc == RC_CONFLICT || rc == RC_NOT_FOUND) {
        log_flight(f, LOG_DEBUG, "sms.overtaken", rc_name(rc)); /* it has ended otherwise */
        flight_end(f, RC_OK);
    } else if (!atomic_load(&e->running)) {
        flight_end(f, rc);
    } else {
        f->phase = SMS_PHASE_STUCK;
        f->next = e->stuck;
        e->stuck = f;
    }
    sms_engine_wake(e);
}

static void commit(struct sms_flight *f)
{
    f->phase = SMS_PHASE_COMMIT;
    f->set = (struct change_set){.items = f->changes.items,
                                 .n = f->changes.n,
                                 .loop = f->engine->site->loop,
                                 .done = on_committed,
                                 .ctx = f};
    store_commit(f->engine->site->store, &f->set);
}

void sms_flights_retry(struct sms_engine *e)
{
    struct sms_flight *f = e->stuck;

    e->stuck = NULL;
    while (f) {
        struct sms_flight *next = f->next;

        f->next = NULL;
        commit(f);
        f = next;
    }
}

static void begin_changes(struct sms_flight *f)
{
    f->changes = (struct change_list){.arena = &f->arena};
    f->hand_over = false;
}

static void end_message(struct sms_flight *f, const struct sms_fate *fate)
{
    begin_changes(f);
    sms_end_add(f->engine->site, &f->row, fate, &f->changes, &f->opened);
    commit(f);
}

static void fail(struct sms_flight *f, uint32_t code)
{
    end_message(f, &(struct sms_fate){.code = code});
}

/* The same state, later. */
static void stay_until(struct sms_flight *f, unix_ms due)
{
    f->row.due = not_after(f, due);
    begin_changes(f);
    sms_step_add(&f->changes, SMS_STATE_BIT(f->row.state), &f->row);
    commit(f);
}

/* ---- to the carrier ---- */

static void ask_carrier(struct sms_flight *f, bool poll)
{
    const struct sms_row *row = &f->row;
    char id[SMS_ID_LEN], secret[SMS_SECRET_LEN];
    uint8_t parts[32];
    struct carrier_message m = {
        .id = row->id,
        .id_text = str_of(id, sizeof id),
        .from = row->from,
        .to = row->to,
        .text = row->text,
        .ucs2 = row->ucs2,
        .segments = row->segments,
        .created = row->created,
        .deadline = row->deadline,
        .attempt = row->attempts,
    };

    sms_id_format(false, &row->id, row->created, id);
    (void)sms_parts_split(row->ref, parts, &m.ref);
    if (!f->way->ops->immediate) {
        sms_message_secret(f->engine->sms, &row->id, secret);
        m.secret = str_of(secret, sizeof secret);
    }
    if (poll)
        f->way->ops->poll(f->way->carrier, &m);
    else
        f->way->ops->submit(f->way->carrier, &m);
}

/* The step is durable: from here on the carrier may have it. */
static void hand_over(struct sms_flight *f)
{
    f->hand_over = false;
    f->phase = SMS_PHASE_SUBMIT;
    take_place(f, &f->way->submitting);
    if (f->way->carrier) {
        ask_carrier(f, false);
        return;
    }
    sms_flight_result(f, &(struct carrier_result){.id = f->row.id,
                                                  .outcome = CARRIER_LATER,
                                                  .detail = "the transport has been closed"});
}

static void begin_hand_over(struct sms_flight *f)
{
    unsigned from = SMS_STATE_BIT(f->row.state);

    if (f->row.state == SMS_SUBMITTING) {
        f->row.unsure = true;
        log_flight(f, LOG_WARN, "sms.sent_again", "the last handover was not answered");
    }
    f->row.state = SMS_SUBMITTING;
    f->row.attempts++;
    f->row.due = next_handover(f, true); /* unless it is answered */
    take_place(f, &f->way->pending);
    begin_changes(f);
    sms_step_add(&f->changes, from, &f->row);
    f->hand_over = true;
    commit(f);
}

static void begin_poll(struct sms_flight *f)
{
    f->phase = SMS_PHASE_POLL;
    take_place(f, &f->way->polling);
    ask_carrier(f, true);
}

void sms_flight_begin(struct sms_engine *e, struct sms_way *way, const struct sms_row *row)
{
    struct sms_flight *f = flight_new(e, way, row);
    unix_ms now = now_of(f);
    bool polls = way->carrier && way->ops->poll;

    if (row->state == SMS_SUBMITTED) {
        if (row->due >= row->deadline)
            fail(f, SMS_CODE_NO_REPORT);
        else if (polls)
            begin_poll(f);
        else
            stay_until(f, way->carrier ? row->deadline : now + DEFER_MS);
        return;
    }
    if (row->deadline <= now)
        fail(f, row->state == SMS_QUEUED && row->code ? row->code : SMS_CODE_NO_REPORT);
    else if (sms_way_room(way) && !way->ops->immediate)
        begin_hand_over(f);
    else
        stay_until(f, now + (way->carrier && !way->ops->immediate ? NO_ROOM_MS : DEFER_MS));
}

/* ---- from the carrier ---- */

static void add_refs(struct sms_flight *f, const struct carrier_result *result)
{
    uint8_t none[32] = {0};
    size_t n = result->n_refs < SMS_PARTS_MAX ? result->n_refs : SMS_PARTS_MAX;

    f->row.ref = sms_parts_ref((uint32_t)n, none, arena_dup(&f->arena, result->ref), &f->arena);
    f->refs = arena_array(&f->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct change *c = change_list_add(&f->changes, CHANGE_SMS_REF_PUT);

        f->refs[f->refs_n] = arena_dup(&f->arena, result->refs[i]);
        c->u.sms_ref = (struct sms_ref_row){.transport = f->row.transport,
                                            .ref = f->refs[f->refs_n++],
                                            .message = f->row.id,
                                            .part = SMS_PART(i, n),
                                            .kept_until = f->row.deadline + REF_KEPT_MS};
    }
}

static unix_ms next_question(const struct sms_flight *f, uint64_t poll_ms)
{
    return poll_ms ? not_after(f, now_of(f) + (int64_t)poll_ms) : f->row.deadline;
}

static void taken(struct sms_flight *f, const struct carrier_result *result)
{
    f->row.state = SMS_SUBMITTED;
    f->row.code = 0;
    f->row.due = next_question(f, result->poll_ms);
    begin_changes(f);
    add_refs(f, result);
    sms_step_add(&f->changes, SMS_STATE_BIT(SMS_SUBMITTING), &f->row);
    commit(f);
}

static void not_taken(struct sms_flight *f, const struct carrier_result *result)
{
    log_flight(f, LOG_INFO, "sms.later", result->detail);
    f->row.state = SMS_QUEUED;
    f->row.code = result->code;
    f->row.due = result->retry_ms ? not_after(f, now_of(f) + (int64_t)result->retry_ms)
                                  : next_handover(f, false);
    begin_changes(f);
    sms_step_add(&f->changes, SMS_STATE_BIT(SMS_SUBMITTING), &f->row);
    commit(f);
}

static void submitted(struct sms_flight *f, const struct carrier_result *result)
{
    switch (result->outcome) {
    case CARRIER_ACCEPTED:
        taken(f, result);
        return;
    case CARRIER_LATER:
        not_taken(f, result);
        return;
    case CARRIER_REJECTED:
        log_flight(f, LOG_INFO, "sms.rejected", result->detail);
        fail(f, result->code ? result->code : SMS_CODE_PERMANENT);
        return;
    case CARRIER_UNSURE:
        break;
    }
    log_flight(f, LOG_WARN, "sms.unsure", result->detail);
    flight_end(f, RC_OK); /* goes again when its step is due */
}

static void asked(struct sms_flight *f, const struct carrier_result *result)
{
    uint64_t retry_ms = result->retry_ms > ASK_AGAIN_MS ? result->retry_ms : ASK_AGAIN_MS;

    switch (result->outcome) {
    case CARRIER_ACCEPTED:
        if (result->ref.len) {
            uint8_t done[32];
            struct str former;
            uint32_t parts = sms_parts_split(f->row.ref, done, &former);

            f->row.ref = sms_parts_ref(parts, done, arena_dup(&f->arena, result->ref), &f->arena);
        }
        stay_until(f, next_question(f, result->poll_ms));
        return;
    case CARRIER_REJECTED:
        fail(f, result->code ? result->code : SMS_CODE_PERMANENT);
        return;
    case CARRIER_LATER:
    case CARRIER_UNSURE:
        break;
    }
    stay_until(f, now_of(f) + (int64_t)retry_ms);
}

void sms_flight_result(struct sms_flight *f, const struct carrier_result *result)
{
    bool poll = f->phase == SMS_PHASE_POLL;

    if (f->phase != SMS_PHASE_SUBMIT && !poll)
        return; /* answered twice */
    take_place(f, NULL);
    if (!atomic_load(&f->engine->running))
        flight_end(f, RC_BUSY); /* as it stands in the store */
    else if (f->has_fate)
        end_message(f, &f->fate);
    else if (poll)
        asked(f, result);
    else
        submitted(f, result);
}

void sms_flight_report(struct sms_flight *f, const struct carrier_report *report,
                       carrier_done_fn done, void *ctx)
{
    if (report->final && !f->has_fate) {
        f->has_fate = true;
        f->fate = (struct sms_fate){.delivered = report->delivered,
                                    .code = report->code,
                                    .segments_failed = report->segments_failed};
        f->done = done;
        f->done_ctx = ctx;
        return;
    }
    if (!report->final && report->segments_failed)
        sms_row_attempt(&f->row, report->segments_failed, now_of(f), &f->arena);
    if (done)
        done(ctx, RC_OK);
}
