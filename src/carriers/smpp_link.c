/* A connection: made, bound, kept alive, made again. Takes the octets apart into PDUs. Of a pair
 * each lives and dies alone.
 *
 * A peer that breaks the framing is left at once; one that does strange things is left after some.
 * What it said is answered within bounds: what waits to be sent is limited, and so are requests per
 * second. Source: wire/sms §6.2; SMPP 3.4 §2.2, §4.1, §4.11. */
#include "carriers/smpp_private.h"

#include "base/log.h"

#define CONNECT_MS       15000
#define BIND_MS          15000
#define BACKOFF_MIN_MS   1000
#define BACKOFF_MAX_MS   60000
#define STEADY_MS        30000 /* bound for so long: earlier failures are forgotten */
#define MISSES_MAX       2
#define STRIKES_MAX      32
#define ENQUIRIES_MAX    100 /* of the peer, per second */
#define STREAM_QUEUE_MAX (4 * MIB)
#define QUOTED_MAX       200
#define OUT_MAX          (2 * MIB)
#define IN_MAX           (SMPP_PDU_MAX + 64 * KIB)

/* ---- words ---- */

const char *smpp_link_name(const struct smpp_link *l)
{
    switch (l->command) {
    case SMPP_BIND_TRANSMITTER:
        return "transmitter";
    case SMPP_BIND_RECEIVER:
        return "receiver";
    default:
        return "transceiver";
    }
}

/* What an operator should look at when a bind is refused. */
static const char *advice(uint32_t status)
{
    switch (status) {
    case SMPP_RINVPASWD:
        return "check the password";
    case SMPP_RINVSYSID:
        return "check the system id";
    case SMPP_RBINDFAIL:
        return "check system id, password, system type, and whether the carrier knows our address";
    case SMPP_RALYBND:
        return "another connection has that system id";
    default:
        return "ask the carrier";
    }
}

static void note_error(struct smpp_link *l, const char *why)
{
    (void)snprintf(l->last_error, sizeof l->last_error, "%s", why);
    for (char *at = l->last_error; *at; at++) /* a certificate's names may stand in it */
        if (*at < ' ' || *at > '~')
            *at = '?';
}

static void log_lost(const struct smpp_link *l, const char *why, uint64_t delay_ms)
{
    char quoted[QUOTED_MAX];
    size_t len = log_quote(quoted, sizeof quoted, str_from(why), QUOTED_MAX / 2);

    log_warn(l->owner->host->log, "smpp.lost",
             "transport=" STR_FMT " bind=%s why=%.*s retry_ms=%llu", STR_ARG(l->owner->host->name),
             smpp_link_name(l), (int)len, quoted, (unsigned long long)delay_ms);
}

/* ---- ends ---- */

/* 1, 2, 4 … 60 s, each shortened by up to a quarter, so that many do not come back at once. */
static uint64_t backoff(struct smpp_link *l, uint64_t least)
{
    uint64_t delay = BACKOFF_MIN_MS << (l->failures < 6 ? l->failures : 6);
    uint64_t seed[2] = {l->owner->now, l->session};

    l->failures++;
    if (delay > BACKOFF_MAX_MS)
        delay = BACKOFF_MAX_MS;
    delay -= hash_keyed(seed, sizeof seed) % (delay / 4);
    delay = delay < BACKOFF_MIN_MS ? BACKOFF_MIN_MS : delay;
    return delay < least ? least : delay;
}

static void lose(struct smpp_link *l, const char *why, uint64_t least_ms)
{
    struct smpp *c = l->owner;
    uint64_t delay;

    if (l->state == SMPP_WAITING)
        return;
    if (l->state == SMPP_BOUND) {
        c->n_lost++;
        if (c->now - l->bound_at >= STEADY_MS)
            l->failures = 0;
    }
    delay = backoff(l, least_ms);
    note_error(l, why);
    c->host->streams->close(l->stream);
    l->stream = NULL;
    l->state = SMPP_WAITING;
    l->session++;
    l->connect_at = c->now + delay;
    buf_reset(&l->in);
    buf_reset(&l->out);
    log_lost(l, why, delay);
    if (l == c->tx)
        smpp_window_lost(c);
}

void smpp_strike(struct smpp_link *l, const char *what)
{
    if (++l->strikes == STRIKES_MAX)
        lose(l, what, 0);
}

/* ---- sending ---- */

uint32_t smpp_next_sequence(struct smpp_link *l)
{
    l->sequence = l->sequence < SMPP_SEQUENCE_MAX ? l->sequence + 1 : 1;
    return l->sequence;
}

bool smpp_flush(struct smpp_link *l)
{
    bool sent = l->stream && l->out.len && !l->out.failed &&
                l->owner->host->streams->send(l->stream, buf_str(&l->out));

    buf_reset(&l->out);
    return sent;
}

void smpp_flush_all(struct smpp *c)
{
    for (size_t i = 0; i < c->n_links; i++)
        (void)smpp_flush(&c->links[i]); /* a failure ends the connection */
}

bool smpp_is_bound(const struct smpp *c)
{
    return c->tx->state == SMPP_BOUND && c->rx->state == SMPP_BOUND;
}

static void send_plain(struct smpp_link *l, uint32_t command, uint32_t status, uint32_t sequence)
{
    smpp_plain_write(
        &l->out, (struct smpp_header){.command = command, .status = status, .sequence = sequence});
}

static void enquire(struct smpp_link *l)
{
    if (l->enquired && ++l->misses >= MISSES_MAX) {
        lose(l, "the peer does not answer any more", 0);
        return;
    }
    l->enquired = true;
    l->enquire_at = l->owner->now + (uint64_t)l->owner->config.enquire_s * 1000;
    send_plain(l, SMPP_ENQUIRE_LINK, SMPP_ROK, smpp_next_sequence(l));
}

/* Whatever comes shows that the peer is there. */
static void is_alive(struct smpp_link *l)
{
    l->enquired = false;
    l->misses = 0;
    l->enquire_at = l->owner->now + (uint64_t)l->owner->config.enquire_s * 1000;
}

/* ---- PDUs ---- */

static void on_bind_answer(struct smpp_link *l, const struct smpp_header *h)
{
    char why[160];

    if (h->sequence != l->bind_sequence) {
        lose(l, "the peer answered a bind that was not made", 0);
        return;
    }
    if (h->status != SMPP_ROK) {
        (void)snprintf(why, sizeof why, "the peer refused to bind, status 0x%08x: %s",
                       (unsigned)h->status, advice(h->status));
        lose(l, why, h->status == SMPP_RALYBND ? 0 : BACKOFF_MAX_MS);
        return;
    }
    l->state = SMPP_BOUND;
    l->bound_at = l->owner->now;
    l->last_error[0] = '\0';
    is_alive(l);
    log_info(l->owner->host->log, "smpp.bound", "transport=" STR_FMT " bind=%s",
             STR_ARG(l->owner->host->name), smpp_link_name(l));
}

static void on_binding(struct smpp_link *l, const struct smpp_header *h)
{
    if (h->command == (l->command | SMPP_RESPONSE) || h->command == SMPP_GENERIC_NACK)
        on_bind_answer(l, h);
    else if (h->command == SMPP_ENQUIRE_LINK)
        send_plain(l, SMPP_ENQUIRE_LINK | SMPP_RESPONSE, SMPP_ROK, h->sequence);
    else
        lose(l, "the peer spoke before it was bound", 0);
}

static void on_enquiry(struct smpp_link *l, const struct smpp_header *h)
{
    if (l->owner->now - l->second_began >= 1000) {
        l->second_began = l->owner->now;
        l->enquiries = 0;
    }
    if (++l->enquiries > ENQUIRIES_MAX)
        lose(l, "the peer asks for signs of life without end", BACKOFF_MAX_MS);
    else
        send_plain(l, SMPP_ENQUIRE_LINK | SMPP_RESPONSE, SMPP_ROK, h->sequence);
}

static void on_unbind(struct smpp_link *l, const struct smpp_header *h)
{
    send_plain(l, SMPP_UNBIND | SMPP_RESPONSE, SMPP_ROK, h->sequence);
    (void)smpp_flush(l); /* it is leaving anyway */
    lose(l, "the peer unbinds", 0);
}

static void on_stranger(struct smpp_link *l, const struct smpp_header *h)
{
    if (!(h->command & SMPP_RESPONSE))
        send_plain(l, SMPP_GENERIC_NACK, SMPP_RINVCMDID, h->sequence);
    smpp_strike(l, "the peer sends what is not sent on such a connection");
}

static void on_bound(struct smpp_link *l, const struct smpp_header *h, struct str body)
{
    struct smpp *c = l->owner;

    switch (h->command) {
    case SMPP_SUBMIT_SM | SMPP_RESPONSE:
    case SMPP_GENERIC_NACK:
        if (l != c->tx || !smpp_on_answer(c, h, body))
            smpp_strike(l, "the peer answers what was not asked");
        break;
    case SMPP_DELIVER_SM:
        if (l == c->rx)
            smpp_on_deliver(c, h, body);
        else
            on_stranger(l, h);
        break;
    case SMPP_ENQUIRE_LINK:
        on_enquiry(l, h);
        break;
    case SMPP_UNBIND:
        on_unbind(l, h);
        break;
    case SMPP_ENQUIRE_LINK | SMPP_RESPONSE: /* that anything came has been noted */
    case SMPP_ALERT_NOTIFICATION:
        break;
    default:
        on_stranger(l, h);
    }
}

/* Takes one PDU off. False: it is not complete, or the connection has been given up. */
static bool take_pdu(struct smpp_link *l, struct str *octets)
{
    struct smpp_header h;
    struct str body;

    if (octets->len < SMPP_HEADER_LEN)
        return false;
    if (smpp_header_read(*octets, &h)) {
        lose(l, "the peer sent a PDU of an impossible length or sequence", 0);
        return false;
    }
    if (octets->len < h.length)
        return false;
    body = str_of(octets->ptr + SMPP_HEADER_LEN, h.length - SMPP_HEADER_LEN);
    *octets = str_from_index(*octets, h.length);
    is_alive(l);
    if (l->state == SMPP_BINDING)
        on_binding(l, &h);
    else
        on_bound(l, &h, body);
    return l->state == SMPP_BINDING || l->state == SMPP_BOUND;
}

/* ---- the stream ---- */

static void on_open(void *ctx)
{
    struct smpp_link *l = ctx;
    struct smpp *c = l->owner;
    const struct smpp_bind bind = {
        .system_id = c->config.system_id,
        .password = c->config.password,
        .system_type = c->config.system_type,
        .version = 0x34,
        .range = {0, 0, c->config.address_range},
    };

    smpp_touch(c);
    l->state = SMPP_BINDING;
    l->bind_until = c->now + BIND_MS;
    l->sequence = 0;
    l->bind_sequence = smpp_next_sequence(l);
    l->strikes = l->misses = l->enquiries = l->refused = 0;
    l->enquired = false;
    if (smpp_bind_write(&l->out,
                        (struct smpp_header){.command = l->command, .sequence = l->bind_sequence},
                        &bind) ||
        !smpp_flush(l))
        lose(l, "the bind could not be sent", 0);
    smpp_tell(c);
}

/* What is not a whole PDU is kept; most come whole. */
static void on_data(void *ctx, struct str data)
{
    struct smpp_link *l = ctx;
    uint32_t session = l->session;
    bool kept = l->in.len > 0;
    struct str left = data;

    smpp_touch(l->owner);
    if (kept) {
        buf_add(&l->in, data);
        left = buf_str(&l->in);
    }
    while (take_pdu(l, &left))
        ;
    if (l->session == session) {
        if (kept)
            buf_consume(&l->in, l->in.len - left.len);
        else
            buf_add(&l->in, left);
        if (l->in.failed)
            lose(l, "the peer sent more than can be kept", 0);
    }
    smpp_pump(l->owner);
    smpp_tell(l->owner);
}

static void on_end(void *ctx, const char *why)
{
    struct smpp_link *l = ctx;
    char copy[160]; /* it lies in the stream */

    (void)snprintf(copy, sizeof copy, "%s", why);
    smpp_touch(l->owner);
    lose(l, copy, 0);
    smpp_tell(l->owner);
}

static void connect_to(struct smpp_link *l)
{
    const struct smpp *c = l->owner;
    const struct stream_options options = {
        .host = c->config.host,
        .port = (uint16_t)c->config.port,
        .tls = c->config.tls,
        .ca_file = c->config.ca_file,
        .tls_name = c->config.tls_name,
        .connect_ms = CONNECT_MS,
        .private_ok = c->host->private_ok,
        .queue_max = STREAM_QUEUE_MAX,
        .on_open = on_open,
        .on_data = on_data,
        .on_end = on_end,
        .ctx = l,
    };

    l->state = SMPP_CONNECTING;
    l->session++;
    l->stream = c->host->streams->open(c->host->loop, &options);
}

static void tick_link(struct smpp_link *l)
{
    uint64_t now = l->owner->now;

    if (l->state == SMPP_WAITING && now >= l->connect_at)
        connect_to(l);
    else if (l->state == SMPP_BINDING && now >= l->bind_until)
        lose(l, "no answer to the bind", 0);
    else if (l->state == SMPP_BOUND && now >= l->enquire_at)
        enquire(l);
}

static void close_link(struct smpp_link *l)
{
    if (l->state == SMPP_BOUND) {
        send_plain(l, SMPP_UNBIND, SMPP_ROK, smpp_next_sequence(l));
        (void)smpp_flush(l); /* a courtesy */
    }
    l->owner->host->streams->close(l->stream);
    l->stream = NULL;
    l->state = SMPP_WAITING;
    l->session++;
}

/* ---- all of them ---- */

static struct smpp_link *add_link(struct smpp *c, uint32_t command)
{
    struct smpp_link *l = &c->links[c->n_links++];

    l->owner = c;
    l->command = command;
    buf_init(&l->in, IN_MAX);
    buf_init(&l->out, OUT_MAX);
    return l;
}

void smpp_links_init(struct smpp *c)
{
    c->tx = add_link(c, c->config.pair ? SMPP_BIND_TRANSMITTER : SMPP_BIND_TRANSCEIVER);
    c->rx = c->config.pair ? add_link(c, SMPP_BIND_RECEIVER) : c->tx;
}

void smpp_links_tick(struct smpp *c)
{
    for (size_t i = 0; i < c->n_links; i++)
        tick_link(&c->links[i]);
}

void smpp_links_close(struct smpp *c)
{
    for (size_t i = 0; i < c->n_links; i++) {
        close_link(&c->links[i]);
        buf_wipe(&c->links[i].in);
        buf_wipe(&c->links[i].out);
    }
}
