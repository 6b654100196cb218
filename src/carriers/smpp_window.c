/* Messages to hand over: cut into parts, sent within the window and the rate, answered once.
 *
 * A message is accepted when all of its parts are, rejected when one is. A part that the peer is
 * too busy for stays at the front and goes again after a pause. What was sent and not answered is
 * unsure, for the peer may have it. Source: wire/sms §6.2. */
#include "carriers/gsm.h"
#include "carriers/smpp_private.h"

#define QUEUE_MS       20000 /* a message of which nothing was sent by then goes back */
#define PAUSE_MIN_MS   1000
#define PAUSE_MAX_MS   30000
#define PACE_BURST_US  50000 /* of the rate, what a late timer may make up for */
#define SEND_QUEUE_MAX (256 * KIB)
#define US_PER_S       1000000U

struct handover;

struct smpp_part {
    struct list link; /* in ready or flying; self-linked when answered */
    struct handover *owner;
    struct str pdu; /* its sequence number is written when it goes */
    uint32_t sequence;
    uint64_t sent_at;
    char id[SMPP_SPELLING_ROOM]; /* normal */
};

/* A message between submit() and submitted(). */
struct handover {
    struct list link; /* in held or finished */
    struct arena arena;
    struct uuid id;
    uint64_t since;
    uint32_t n, n_accepted, n_flying;
    struct smpp_part *parts;
    enum carrier_outcome outcome;
    uint32_t code;
    uint64_t retry_ms;
    bool refused;
    char detail[64];
};

/* ---- ids that the peer gave ---- */

static void remember_id(struct smpp *c, const char *normal)
{
    struct smpp_known_id *slot = &c->ids[c->ids_at];

    if (map_get(&c->ids_index, str_from(normal)))
        return;
    if (slot->text[0])
        (void)map_remove(&c->ids_index, str_from(slot->text));
    (void)snprintf(slot->text, sizeof slot->text, "%s", normal);
    (void)map_put(&c->ids_index, str_from(slot->text), slot);
    c->ids_at = (c->ids_at + 1) % SMPP_IDS_KEPT;
}

bool smpp_id_known(const struct smpp *c, const char *normal)
{
    return map_get(&c->ids_index, str_from(normal)) != NULL;
}

/* ---- the end of a handover ---- */

static void unlink_part(struct smpp *c, struct smpp_part *p)
{
    if (p->sequence) {
        c->n_flying--;
        p->owner->n_flying--;
        p->sequence = 0;
    } else if (!list_empty(&p->link)) {
        c->n_ready--;
    }
    list_remove(&p->link);
}

static void finish(struct smpp *c, struct handover *h, enum carrier_outcome outcome, uint32_t code,
                   const char *detail)
{
    for (uint32_t i = 0; i < h->n; i++) {
        if (h->parts[i].sequence)
            c->forgiven++;
        unlink_part(c, &h->parts[i]);
    }
    h->outcome = outcome;
    h->code = code;
    (void)snprintf(h->detail, sizeof h->detail, "%s", detail);
    list_remove(&h->link);
    list_add(&c->finished, &h->link);
}

/* Nothing of it was sent, or nothing of it was taken: it goes again. */
static void put_off(struct smpp *c, struct handover *h, const char *detail)
{
    if (c->paused_until > c->now)
        h->retry_ms = c->paused_until - c->now;
    finish(c, h, CARRIER_LATER, 5001, detail);
}

static void give_up(struct smpp *c, struct handover *h, const char *detail)
{
    if (h->n_accepted || h->n_flying) {
        c->n_unsure++;
        finish(c, h, CARRIER_UNSURE, 0, detail);
    } else {
        put_off(c, h, detail);
    }
}

/* The ids by which receipts will name it, each once: a peer may give one to all parts, since it
 * sees one message; to a part without an id no receipt can belong. */
static size_t ids_of(const struct handover *h, struct str *out)
{
    size_t n = 0;

    for (uint32_t i = 0; i < h->n; i++) {
        struct str id = str_from(h->parts[i].id);
        size_t at = 0;

        while (at < n && !name_eq(out[at], id))
            at++;
        if (id.len && at == n)
            out[n++] = id;
    }
    return n;
}

static void tell_one(struct smpp *c, struct handover *h)
{
    struct str refs[CARRIER_REFS_MAX];
    struct carrier_result r = {.id = h->id,
                               .outcome = h->outcome,
                               .code = h->code,
                               .retry_ms = h->retry_ms,
                               .detail = h->detail};

    if (h->outcome == CARRIER_ACCEPTED) {
        r.refs = refs;
        r.n_refs = ids_of(h, refs);
        c->n_accepted++;
    }
    c->n_rejected += h->outcome == CARRIER_REJECTED;
    c->host->submitted(c->host, &r);
    arena_clear(&h->arena);
    free(h);
}

void smpp_tell(struct smpp *c)
{
    while (!list_empty(&c->finished)) {
        struct handover *h = list_entry(c->finished.next, struct handover, link);

        list_remove(&h->link);
        tell_one(c, h);
    }
    if (c->was_full && smpp_room(c) > 0) {
        c->was_full = false;
        c->host->ready(c->host);
    }
}

/* ---- from message to parts ---- */

static struct smpp_address source_address(const struct smpp_config *config, struct str from)
{
    const struct smpp_kind_of_address *kind = &config->alphanumeric;
    uint64_t n;

    if (str_starts(from, STR("+"))) {
        kind = &config->number;
        from = str_from_index(from, 1);
    } else if (str_to_u64(from, UINT64_MAX, &n) == RC_OK) {
        kind = &config->short_code;
    }
    return (struct smpp_address){(uint8_t)kind->ton, (uint8_t)kind->npi, from};
}

/* "YYMMDDhhmmss000+": absolute, in UTC. The deadline is of the service's clock, which may have been
 * moved; the peer's has not. */
static struct str validity(const struct smpp *c, unix_ms deadline, struct arena *arena)
{
    unix_ms wall = clock_wall() + (deadline - clock_now(c->host->clock));
    char iso[ISO8601_LEN];

    if (!c->config.validity || deadline == 0)
        return STR_EMPTY;
    time_to_iso8601(wall, iso); /* 2026-11-23T15:00:00.123Z */
    return arena_printf(arena, "%.2s%.2s%.2s%.2s%.2s%.2s000+", iso + 2, iso + 5, iso + 8, iso + 11,
                        iso + 14, iso + 17);
}

struct cut {
    struct gsm_parts text;
    uint32_t n;
    bool whole; /* one PDU, as message_payload */
};

static enum rc cut_text(struct smpp *c, struct str text, struct arena *arena, struct cut *out)
{
    enum rc rc = gsm_split(text, (uint8_t)++c->long_ref, arena, &out->text);

    if (rc)
        return rc;
    out->whole = out->text.n > 1 && c->config.long_messages == SMPP_LONG_PAYLOAD;
    out->n = out->whole ? 1 : out->text.n;
    return out->n > CARRIER_REFS_MAX || out->text.whole.len > UINT16_MAX ? RC_TOO_LARGE : RC_OK;
}

static void fill_text(const struct smpp *c, const struct cut *cut, uint32_t i,
                      struct smpp_message *m)
{
    if (cut->whole) {
        m->payload = cut->text.whole;
    } else if (cut->n > 1 && c->config.long_messages == SMPP_LONG_SAR) {
        m->text = str_from_index(cut->text.items[i], GSM_UDH_LEN);
        m->sar = true;
        m->sar_ref = c->long_ref;
        m->sar_total = (uint8_t)cut->n;
        m->sar_number = (uint8_t)(i + 1);
    } else {
        m->text = cut->text.items[i];
        m->esm_class = cut->n > 1 ? SMPP_ESM_UDH : 0;
    }
}

static enum rc write_parts(struct smpp *c, struct handover *h, const struct carrier_message *from,
                           const struct cut *cut)
{
    struct smpp_message m = {
        .service_type = c->config.service_type,
        .source = source_address(&c->config, from->from),
        .destination = {(uint8_t)c->config.recipient.ton, (uint8_t)c->config.recipient.npi,
                        str_from_index(from->to, str_starts(from->to, STR("+")) ? 1 : 0)},
        .validity = validity(c, from->deadline, &h->arena),
        .registered = 1,
        .coding = cut->text.ucs2 ? 8 : (uint8_t)c->config.data_coding,
    };
    struct smpp_header header = {.command = SMPP_SUBMIT_SM};
    struct buf pdu;
    enum rc rc = RC_OK;

    buf_init(&pdu, SMPP_PDU_MAX);
    for (uint32_t i = 0; i < h->n && !rc; i++) {
        buf_reset(&pdu);
        fill_text(c, cut, i, &m);
        rc = smpp_message_write(&pdu, header, &m);
        h->parts[i].pdu = arena_dup(&h->arena, buf_str(&pdu));
    }
    buf_clear(&pdu);
    return rc;
}

void smpp_submit(struct smpp *c, const struct carrier_message *m)
{
    struct handover *h = calloc(1, sizeof *h);
    struct cut cut;

    if (!h)
        abort();
    arena_init(&h->arena);
    h->id = m->id;
    h->since = c->now;
    list_init(&h->link);
    list_add(&c->held, &h->link);
    c->n_submitted++;
    if (cut_text(c, m->text, &h->arena, &cut)) {
        finish(c, h, CARRIER_REJECTED, 5000, "the text can't be sent");
        return;
    }
    h->n = cut.n;
    h->parts = arena_array(&h->arena, struct smpp_part, cut.n);
    for (uint32_t i = 0; i < h->n; i++) {
        list_init(&h->parts[i].link);
        h->parts[i].owner = h;
    }
    if (write_parts(c, h, m, &cut)) {
        finish(c, h, CARRIER_REJECTED, 4001, "an address is too long");
        return;
    }
    for (uint32_t i = 0; i < h->n; i++)
        list_add(&c->ready, &h->parts[i].link);
    c->n_ready += h->n;
}

/* ---- sending ---- */

size_t smpp_room(const struct smpp *c)
{
    size_t most = 2 * (size_t)c->config.window, rate = 10 * (size_t)c->config.per_second;
    size_t held = c->n_ready + c->n_flying;

    if (!smpp_is_bound(c) || c->now < c->paused_until)
        return 0;
    if (rate && rate < most)
        most = rate;
    return held < most ? most - held : 0;
}

/* How long the next PDU has to wait for the rate: 0: not at all. */
static uint64_t pace_wait_ms(const struct smpp *c)
{
    uint64_t now_us = c->now * 1000;

    return c->config.per_second && c->pace_us > now_us ? (c->pace_us - now_us) / 1000 + 1 : 0;
}

static void pace_step(struct smpp *c)
{
    uint64_t now_us = c->now * 1000;
    uint64_t earliest = now_us > PACE_BURST_US ? now_us - PACE_BURST_US : 0;

    if (c->config.per_second == 0)
        return;
    if (c->pace_us < earliest)
        c->pace_us = earliest;
    c->pace_us += US_PER_S / (uint64_t)c->config.per_second;
}

static void send_part(struct smpp *c, struct smpp_part *p)
{
    list_remove(&p->link);
    c->n_ready--;
    p->sequence = smpp_next_sequence(c->tx);
    p->sent_at = c->now;
    smpp_set_sequence((char *)(uintptr_t)p->pdu.ptr, p->sequence);
    list_add(&c->flying, &p->link);
    c->n_flying++;
    p->owner->n_flying++;
    buf_add(&c->tx->out, p->pdu);
    pace_step(c);
}

void smpp_pump(struct smpp *c)
{
    uint64_t wait = 0;

    while (smpp_is_bound(c) && c->now >= c->paused_until && !list_empty(&c->ready) &&
           c->n_flying < (size_t)c->config.window && c->tx->out.len < SEND_QUEUE_MAX) {
        wait = pace_wait_ms(c);
        if (wait || c->host->streams->queued(c->tx->stream) > SEND_QUEUE_MAX)
            break;
        send_part(c, list_entry(c->ready.next, struct smpp_part, link));
    }
    smpp_flush_all(c);
    if (wait)
        smpp_kick(c, wait);
    c->was_full = c->was_full || smpp_room(c) == 0;
}

/* ---- answers ---- */

static struct smpp_part *find_flying(const struct smpp *c, uint32_t sequence)
{
    for (struct list *at = c->flying.next; at != &c->flying; at = at->next) {
        struct smpp_part *p = list_entry(at, struct smpp_part, link);

        if (p->sequence == sequence)
            return p;
    }
    return NULL;
}

static void on_accepted(struct smpp *c, struct smpp_part *p, struct str body)
{
    struct handover *h = p->owner;
    struct str id = STR_EMPTY;

    if (smpp_text_read(body, &id))
        id = STR_EMPTY; /* it has the message all the same; its receipt will find nobody */
    smpp_id_normal(id, p->id);
    if (p->id[0])
        remember_id(c, p->id);
    c->pause_ms = 0;
    h->n_accepted++;
}

/* The part waits at the front; so does all that is behind it. */
static void on_throttled(struct smpp *c, struct smpp_part *p)
{
    list_add(c->ready.next, &p->link);
    c->n_ready++;
    c->n_throttled++;
    if (c->now < c->paused_until)
        return;
    c->pause_ms = c->pause_ms ? c->pause_ms * 2 : PAUSE_MIN_MS;
    if (c->pause_ms > PAUSE_MAX_MS)
        c->pause_ms = PAUSE_MAX_MS;
    c->paused_until = c->now + c->pause_ms;
}

static void on_refused(struct smpp *c, struct handover *h, uint32_t status)
{
    h->refused = true;
    h->code = status == SMPP_RINVSRCADR ? 4001 : status == SMPP_RINVDSTADR ? 4002 : 5000;
    (void)snprintf(h->detail, sizeof h->detail, "status 0x%08x", (unsigned)status);
    for (uint32_t i = 0; i < h->n; i++) /* what has not gone does not go */
        if (h->parts[i].sequence == 0)
            unlink_part(c, &h->parts[i]);
}

static void settle(struct smpp *c, struct handover *h)
{
    char detail[sizeof h->detail];

    if (h->n_flying)
        return;
    (void)snprintf(detail, sizeof detail, "%s", h->detail);
    if (h->refused)
        finish(c, h, CARRIER_REJECTED, h->code, detail);
    else if (h->n_accepted == h->n)
        finish(c, h, CARRIER_ACCEPTED, 0, "");
}

bool smpp_on_answer(struct smpp *c, const struct smpp_header *h, struct str body)
{
    struct smpp_part *p = find_flying(c, h->sequence);

    if (!p) {
        if (c->forgiven == 0)
            return false;
        c->forgiven--;
        return true;
    }
    unlink_part(c, p);
    if (h->status == SMPP_ROK && h->command != SMPP_GENERIC_NACK)
        on_accepted(c, p, body);
    else if ((h->status == SMPP_RTHROTTLED || h->status == SMPP_RMSGQFUL) && !p->owner->refused)
        on_throttled(c, p);
    else
        on_refused(c, p->owner, h->status);
    settle(c, p->owner);
    return true;
}

/* ---- time ---- */

static bool is_overdue(const struct smpp *c, const struct handover *h)
{
    if (h->n_flying == 0)
        return c->now - h->since >= (h->n_accepted ? SMPP_RESPONSE_MS : QUEUE_MS);
    for (uint32_t i = 0; i < h->n; i++)
        if (h->parts[i].sequence && c->now - h->parts[i].sent_at >= SMPP_RESPONSE_MS)
            return true;
    return false;
}

void smpp_window_tick(struct smpp *c)
{
    struct list *at = c->held.next;

    while (at != &c->held) {
        struct handover *h = list_entry(at, struct handover, link);

        at = at->next;
        if (is_overdue(c, h))
            give_up(c, h, "no answer in time");
    }
    c->was_full = c->was_full || smpp_room(c) == 0;
}

void smpp_window_lost(struct smpp *c)
{
    while (!list_empty(&c->held))
        give_up(c, list_entry(c->held.next, struct handover, link), "the connection was lost");
    c->forgiven = 0;
    c->was_full = true;
}
