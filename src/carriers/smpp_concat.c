/* Inbound messages in several parts, put together.
 *
 * Parts are held back unanswered for a moment: when all come within it, none is answered before the
 * message is safe. A peer that sends the next part only after the answer to the last one gets its
 * answers then; such parts are in memory alone until the last one has come. What is never complete
 * is handed over as far as it came, rather than lost. Source: wire/sms §6.2; 3GPP 23.040
 * §9.2.3.24.1.
 */
#include "base/log.h"
#include "carriers/gsm.h"
#include "carriers/smpp_private.h"

#define HOLD_MS        2000
#define COMPLETE_MS    300000
#define PARTIALS_MAX   256
#define OCTETS_MAX     MIB
#define TEXT_MAX       (256 * KIB)
#define CLASS_CODING   0xF0 /* 1111 x8xx: a message class, with the alphabet in one bit */
#define CLASS_8_BIT    0x04
#define CODING_DEFAULT 0
#define CODING_UCS2    8

struct piece {
    bool here;
    uint8_t coding;
    char *octets;
    size_t len;
    uint32_t session, sequence;
    bool unanswered;
};

struct partial {
    struct list link;
    struct arena arena;
    struct str from, to;
    uint16_t ref;
    uint8_t total, come;
    size_t octets;
    uint64_t since;
    struct piece *pieces;
};

/* ---- alphabets ---- */

void smpp_decode(const struct smpp *c, uint8_t coding, struct str octets, struct buf *out)
{
    bool gsm = coding == CODING_DEFAULT ? !c->config.latin1
                                        : coding >= CLASS_CODING && !(coding & CLASS_8_BIT);

    if (coding == CODING_UCS2)
        gsm_decode_ucs2(octets, out);
    else if (gsm)
        gsm_decode(octets, out);
    else
        gsm_decode_latin1(octets, out); /* ASCII, Latin-1, 8 bit, and what nobody here knows */
}

/* Neighbours of one coding are decoded as one: a character may lie across their border. */
static void decode_all(const struct smpp *c, const struct partial *p, struct buf *out)
{
    struct buf raw;
    uint8_t coding = 0;

    buf_init(&raw, OCTETS_MAX);
    for (unsigned i = 0; i < p->total; i++) {
        const struct piece *piece = &p->pieces[i];

        if (!piece->here)
            continue;
        if (piece->coding != coding) {
            smpp_decode(c, coding, buf_str(&raw), out);
            buf_reset(&raw);
            coding = piece->coding;
        }
        buf_add(&raw, str_of(piece->octets, piece->len));
    }
    smpp_decode(c, coding, buf_str(&raw), out);
    buf_clear(&raw);
}

/* ---- partials ---- */

static void drop(struct smpp *c, struct partial *p)
{
    c->n_partials--;
    c->partial_octets -= p->octets;
    list_remove(&p->link);
    arena_clear(&p->arena);
    free(p);
}

/* All that came of it, as one message. */
static void hand_over(struct smpp *c, struct partial *p)
{
    uint32_t sequences[UINT8_MAX];
    size_t n = 0;
    struct buf text;

    for (unsigned i = 0; i < p->total; i++)
        if (p->pieces[i].unanswered && p->pieces[i].session == c->rx->session)
            sequences[n++] = p->pieces[i].sequence;
    buf_init(&text, TEXT_MAX);
    decode_all(c, p, &text);
    smpp_take_message(
        c,
        &(struct carrier_inbound){
            .from = p->from, .to = p->to, .text = buf_str(&text), .segments = p->come},
        smpp_ack_new(c, c->rx->session, sequences, n));
    buf_clear(&text);
    drop(c, p);
}

static void give_up(struct smpp *c, struct partial *p)
{
    log_warn(c->host->log, "smpp.inbound_incomplete", "transport=" STR_FMT " parts=%u of=%u",
             STR_ARG(c->host->name), (unsigned)p->come, (unsigned)p->total);
    hand_over(c, p);
}

static struct partial *find(const struct smpp *c, const struct smpp_place *place,
                            const struct smpp_piece *piece)
{
    for (struct list *at = c->partials.next; at != &c->partials; at = at->next) {
        struct partial *p = list_entry(at, struct partial, link);

        if (p->ref == place->ref && p->total == place->total && str_eq(p->from, piece->from) &&
            str_eq(p->to, piece->to))
            return p;
    }
    return NULL;
}

static struct partial *begin(struct smpp *c, const struct smpp_place *place,
                             const struct smpp_piece *piece)
{
    struct partial *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    arena_init(&p->arena);
    p->from = arena_dup(&p->arena, piece->from);
    p->to = arena_dup(&p->arena, piece->to);
    p->ref = place->ref;
    p->total = place->total;
    p->since = c->now;
    p->pieces = arena_array(&p->arena, struct piece, place->total);
    list_add(&c->partials, &p->link);
    c->n_partials++;
    return p;
}

static void answer_piece(struct smpp *c, struct piece *piece)
{
    if (piece->unanswered && piece->session == c->rx->session && c->rx->state == SMPP_BOUND)
        if (smpp_text_write(&c->rx->out,
                            (struct smpp_header){.command = SMPP_DELIVER_SM | SMPP_RESPONSE,
                                                 .sequence = piece->sequence},
                            STR_EMPTY))
            c->rx->out.failed = RC_INTERNAL; /* the next flush fails, and ends it */
    piece->unanswered = false;
}

void smpp_take_part(struct smpp *c, const struct smpp_place *place, const struct smpp_piece *from)
{
    struct partial *p = find(c, place, from);
    struct piece *piece;

    if (!p && c->n_partials >= PARTIALS_MAX)
        give_up(c, list_entry(c->partials.next, struct partial, link)); /* the oldest */
    p = p ? p : begin(c, place, from);
    piece = &p->pieces[place->number - 1];
    if (!piece->here) {
        piece->here = true;
        piece->coding = from->coding;
        piece->len = from->octets.len;
        piece->octets = arena_alloc(&p->arena, from->octets.len + 1);
        if (from->octets.len)
            memcpy(piece->octets, from->octets.ptr, from->octets.len);
        p->come++;
        p->octets += from->octets.len;
        c->partial_octets += from->octets.len;
    }
    answer_piece(c, piece); /* the same part again: the earlier one gets its answer now */
    piece->session = c->rx->session;
    piece->sequence = from->sequence;
    piece->unanswered = true;
    if (p->come == p->total)
        hand_over(c, p);
    while (c->partial_octets > OCTETS_MAX)
        give_up(c, list_entry(c->partials.next, struct partial, link));
}

void smpp_concat_tick(struct smpp *c)
{
    struct list *at = c->partials.next;

    while (at != &c->partials) {
        struct partial *p = list_entry(at, struct partial, link);

        at = at->next;
        if (c->now - p->since >= COMPLETE_MS) {
            give_up(c, p);
            continue;
        }
        for (unsigned i = 0; c->now - p->since >= HOLD_MS && i < p->total; i++)
            answer_piece(c, &p->pieces[i]);
    }
}

void smpp_concat_close(struct smpp *c)
{
    while (!list_empty(&c->partials)) {
        struct partial *p = list_entry(c->partials.next, struct partial, link);

        /* What was dropped is off the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        log_warn(c->host->log, "smpp.inbound_incomplete",
                 "transport=" STR_FMT " parts=%u of=%u lost=yes", STR_ARG(c->host->name),
                 (unsigned)p->come, (unsigned)p->total);
        drop(c, p);
    }
}
