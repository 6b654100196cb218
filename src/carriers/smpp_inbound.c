/* deliver_sm: receipts of what was sent, and messages.
 *
 * An answer tells the peer that it may forget, so it goes out when the store has what came, not
 * before; when the store can't, the answer says "later" and it comes again. Source: wire/sms §6.2.
 */
#include "base/log.h"
#include "carriers/gsm.h"
#include "carriers/smpp_private.h"

#define ACKS_MAX     1024 /* unanswered: beyond, the peer is told that we are full */
#define REFUSED_MAX  1000 /* in a row: it does not listen */
#define TEXT_MAX     (256 * KIB)
#define REF_IE_8     0x00
#define REF_IE_16    0x08
#define NUMBER_LEAST 7 /* digits: what is shorter is a short code */

/* ---- answers ---- */

struct smpp_ack *smpp_ack_new(struct smpp *c, uint32_t session, const uint32_t *sequences, size_t n)
{
    struct smpp_ack *ack = calloc(1, sizeof *ack);

    if (!ack || !(ack->sequences = calloc(n ? n : 1, sizeof *sequences)))
        abort();
    if (n)
        memcpy(ack->sequences, sequences, n * sizeof *sequences);
    ack->n = n;
    ack->owner = c;
    ack->session = session;
    list_add(&c->acks, &ack->link);
    c->n_acks++;
    return ack;
}

static void ack_free(struct smpp_ack *ack)
{
    if (ack->owner)
        ack->owner->n_acks--;
    list_remove(&ack->link);
    free(ack->sequences);
    free(ack);
}

static void answer(struct smpp *c, uint32_t status, uint32_t sequence)
{
    if (smpp_text_write(&c->rx->out,
                        (struct smpp_header){.command = SMPP_DELIVER_SM | SMPP_RESPONSE,
                                             .status = status,
                                             .sequence = sequence},
                        STR_EMPTY))
        c->rx->out.failed = RC_INTERNAL; /* the next flush fails, and ends it */
}

static void answer_all(struct smpp_ack *ack, uint32_t status)
{
    struct smpp *c = ack->owner;

    if (c && c->rx->state == SMPP_BOUND && c->rx->session == ack->session) {
        for (size_t i = 0; i < ack->n; i++)
            answer(c, status, ack->sequences[i]);
        smpp_kick(c, 0);
    }
    ack_free(ack);
}

static void on_done(void *ctx, enum rc rc)
{
    struct smpp_ack *ack = ctx;
    const struct smpp *c = ack->owner;
    bool again = rc && rc != RC_NOT_FOUND && rc != RC_INVALID; /* else it would come for ever */

    if (c && again)
        log_warn(c->host->log, "smpp.inbound_put_off", "transport=" STR_FMT " rc=%s",
                 STR_ARG(c->host->name), rc_name(rc));
    answer_all(ack, again ? SMPP_RX_T_APPN : SMPP_ROK);
}

/* ---- receipts ---- */

/* An id that was given lately, and its spelling here, show how the peer spells them. The same
 * spelling has the first word: numbers may be both. */
static void learn(struct smpp *c, const struct smpp_spellings *s)
{
    for (size_t i = 0; i < s->n && c->ids_learnt == SMPP_IDS_AUTO; i++)
        if (smpp_id_known(c, s->text[i]))
            c->ids_learnt = s->by[i];
}

static void tell_receipt(struct smpp *c, const struct smpp_receipt *receipt, struct smpp_ack *ack)
{
    struct smpp_spellings spelt;
    struct str refs[SMPP_SPELLINGS_MAX];
    char detail[48];
    struct carrier_report r = {.refs = refs, .detail = detail};

    smpp_id_spell(receipt->id, c->ids_learnt, &spelt);
    learn(c, &spelt);
    smpp_id_spell(receipt->id, c->ids_learnt, &spelt);
    for (size_t i = 0; i < spelt.n; i++)
        refs[i] = str_from(spelt.text[i]);
    r.n_refs = spelt.n;
    r.final = smpp_state_final(receipt->state, &r.delivered, &r.code) == RC_OK;
    (void)snprintf(detail, sizeof detail, "state=%d error=" STR_FMT, (int)receipt->state,
                   STR_ARG(receipt->error));
    c->host->report(c->host, &r, on_done, ack);
}

static void take_receipt(struct smpp *c, const struct smpp_header *h, const struct smpp_message *m)
{
    struct smpp_receipt receipt;

    smpp_receipt_read(m, &receipt);
    c->n_receipts++;
    if (receipt.id.len == 0) {
        log_warn(c->host->log, "smpp.receipt_without_id", "transport=" STR_FMT,
                 STR_ARG(c->host->name));
        answer(c, SMPP_ROK, h->sequence); /* it would say no more the next time */
        return;
    }
    tell_receipt(c, &receipt, smpp_ack_new(c, c->rx->session, &h->sequence, 1));
}

/* ---- messages ---- */

/* A name: SMPP says ASCII, and some say Latin-1. */
static struct str name(struct str octets, struct arena *arena)
{
    struct str text;
    struct buf out;

    if (str_is_utf8(octets))
        return octets;
    buf_init(&out, 3 * octets.len + 8);
    gsm_decode_latin1(octets, &out);
    text = arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

/* As the rest of the server writes numbers: "+1425…", or a short code. */
static struct str number(const struct smpp *c, const struct smpp_address *a, struct arena *arena)
{
    struct str digits = str_from_index(a->text, str_starts(a->text, STR("+")) ? 1 : 0);

    if (!str_is_digits(digits) || a->ton == 5)
        return name(a->text, arena);
    if (a->ton == 2 && c->config.country.len)
        return arena_printf(arena, "+" STR_FMT STR_FMT, STR_ARG(c->config.country),
                            STR_ARG(digits));
    if (digits.len == a->text.len &&
        (digits.len < NUMBER_LEAST || (a->ton != 1 && a->ton != 0 && a->ton != 2)))
        return digits;
    if (str_starts(digits, STR("00"))) /* by peers that call it international, too */
        digits = str_from_index(digits, 2);
    return arena_printf(arena, "+" STR_FMT, STR_ARG(digits));
}

/* Takes the header off; RC_OK: it says where the part belongs; RC_NOT_FOUND: it says other things;
 * RC_INVALID: it is longer than what holds it. */
static enum rc take_udh(struct str *octets, struct smpp_place *out)
{
    size_t len = octets->len ? (uint8_t)octets->ptr[0] : 0;
    struct str ies;
    enum rc rc = RC_NOT_FOUND;

    if (octets->len == 0 || len + 1 > octets->len)
        return RC_INVALID;
    ies = str_of(octets->ptr + 1, len);
    *octets = str_from_index(*octets, len + 1);
    while (ies.len >= 2) {
        const uint8_t *ie = (const uint8_t *)ies.ptr;
        size_t whole = 2 + (size_t)ie[1];

        if (whole > ies.len)
            return RC_INVALID;
        if (ie[0] == REF_IE_8 && ie[1] == 3) {
            *out = (struct smpp_place){ie[2], ie[3], ie[4]};
            rc = RC_OK;
        } else if (ie[0] == REF_IE_16 && ie[1] == 4) {
            *out = (struct smpp_place){(uint16_t)(ie[2] << 8 | ie[3]), ie[4], ie[5]};
            rc = RC_OK;
        }
        ies = str_from_index(ies, whole);
    }
    return ies.len ? RC_INVALID : rc;
}

void smpp_take_message(struct smpp *c, const struct carrier_inbound *m, struct smpp_ack *ack)
{
    c->n_inbound++;
    c->host->inbound(c->host, m, on_done, ack);
}

static void take_whole(struct smpp *c, const struct smpp_piece *piece)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    smpp_decode(c, piece->coding, piece->octets, &text);
    smpp_take_message(
        c,
        &(struct carrier_inbound){
            .from = piece->from, .to = piece->to, .text = buf_str(&text), .segments = 1},
        smpp_ack_new(c, c->rx->session, &piece->sequence, 1));
    buf_clear(&text);
}

static enum rc take_text(struct smpp *c, const struct smpp_header *h, const struct smpp_message *m,
                         struct arena *arena)
{
    struct smpp_place place = {m->sar_ref, m->sar_total, m->sar_number};
    struct smpp_piece piece = {
        .from = number(c, &m->source, arena),
        .to = number(c, &m->destination, arena),
        .octets = smpp_message_text(m),
        .coding = m->coding,
        .sequence = h->sequence,
    };
    enum rc rc = m->sar ? RC_OK : RC_NOT_FOUND;

    if (m->esm_class & SMPP_ESM_UDH)
        rc = take_udh(&piece.octets, &place);
    if (rc == RC_INVALID || piece.from.len == 0 || piece.to.len == 0)
        return RC_INVALID;
    if (rc == RC_OK && (place.number == 0 || place.number > place.total))
        return RC_INVALID;
    if (rc == RC_OK && place.total > 1)
        smpp_take_part(c, &place, &piece);
    else
        take_whole(c, &piece);
    return RC_OK;
}

/* ---- both ---- */

/* It would be as bad the next time, so it is refused for good. */
static void refuse(struct smpp *c, const struct smpp_header *h)
{
    log_warn(c->host->log, "smpp.inbound_malformed", "transport=" STR_FMT " octets=%u",
             STR_ARG(c->host->name), (unsigned)h->length);
    answer(c, SMPP_RINVCMDLEN, h->sequence);
    smpp_strike(c->rx, "the peer sends malformed messages");
}

void smpp_on_deliver(struct smpp *c, const struct smpp_header *h, struct str body)
{
    struct smpp_message m;
    struct arena arena;

    if (c->n_acks >= ACKS_MAX) {
        answer(c, SMPP_RMSGQFUL, h->sequence);
        if (++c->rx->refused >= REFUSED_MAX)
            smpp_strike(c->rx, "the peer sends on though we are full");
        return;
    }
    c->rx->refused = 0;
    if (smpp_message_read(body, &m)) {
        refuse(c, h);
        return;
    }
    if ((m.esm_class & SMPP_ESM_KIND) == SMPP_ESM_RECEIPT) {
        take_receipt(c, h, &m);
        return;
    }
    arena_init(&arena);
    if (take_text(c, h, &m, &arena))
        refuse(c, h);
    arena_clear(&arena);
}

/* The host still holds them all: each is freed when it lets go of it. */
void smpp_inbound_close(struct smpp *c)
{
    while (!list_empty(&c->acks)) {
        struct smpp_ack *ack = list_entry(c->acks.next, struct smpp_ack, link);

        list_remove(&ack->link);
        ack->owner = NULL;
    }
}
