/* The connection: made, bound, kept alive, made again. Takes the octets apart into PDUs.
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

/* ---- words ---- */

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

static void note_error(struct smpp *c, const char *why)
{
    (void)snprintf(c->last_error, sizeof c->last_error, "%s", why);
    for (char *at = c->last_error; *at; at++) /* a certificate's names may stand in it */
        if (*at < ' ' || *at > '~')
            *at = '?';
}

static void log_lost(struct smpp *c, const char *why, uint64_t delay_ms)
{
    char quoted[QUOTED_MAX];
    size_t len = log_quote(quoted, sizeof quoted, str_from(why), QUOTED_MAX / 2);

    log_warn(c->host->log, "smpp.lost", "transport=" STR_FMT " why=%.*s retry_ms=%llu",
             STR_ARG(c->host->name), (int)len, quoted, (unsigned long long)delay_ms);
}

/* ---- ends ---- */

/* 1, 2, 4 … 60 s, each shortened by up to a quarter, so that many do not come back at once. */
static uint64_t backoff(struct smpp *c, uint64_t least)
{
    uint64_t delay = BACKOFF_MIN_MS << (c->failures < 6 ? c->failures : 6);
    uint64_t seed[2] = {c->now, c->session};

    c->failures++;
    if (delay > BACKOFF_MAX_MS)
        delay = BACKOFF_MAX_MS;
    delay -= hash_keyed(seed, sizeof seed) % (delay / 4);
    delay = delay < BACKOFF_MIN_MS ? BACKOFF_MIN_MS : delay;
    return delay < least ? least : delay;
}

static void lose(struct smpp *c, const char *why, uint64_t least_ms)
{
    uint64_t delay;

    if (c->link == SMPP_WAITING)
        return;
    if (c->link == SMPP_BOUND) {
        c->n_lost++;
        if (c->now - c->bound_at >= STEADY_MS)
            c->failures = 0;
    }
    delay = backoff(c, least_ms);
    note_error(c, why);
    c->host->streams->close(c->stream);
    c->stream = NULL;
    c->link = SMPP_WAITING;
    c->session++;
    c->connect_at = c->now + delay;
    buf_reset(&c->in);
    buf_reset(&c->out);
    log_lost(c, why, delay);
    smpp_window_lost(c);
}

void smpp_strike(struct smpp *c, const char *what)
{
    if (++c->strikes == STRIKES_MAX)
        lose(c, what, 0);
}

/* ---- sending ---- */

uint32_t smpp_next_sequence(struct smpp *c)
{
    c->sequence = c->sequence < SMPP_SEQUENCE_MAX ? c->sequence + 1 : 1;
    return c->sequence;
}

bool smpp_flush(struct smpp *c)
{
    bool sent = c->stream && c->out.len && !c->out.failed &&
                c->host->streams->send(c->stream, buf_str(&c->out));

    buf_reset(&c->out);
    return sent;
}

void smpp_send_plain(struct smpp *c, uint32_t command, uint32_t status, uint32_t sequence)
{
    smpp_plain_write(
        &c->out, (struct smpp_header){.command = command, .status = status, .sequence = sequence});
}

static void enquire(struct smpp *c)
{
    if (c->enquired && ++c->misses >= MISSES_MAX) {
        lose(c, "the peer does not answer any more", 0);
        return;
    }
    c->enquired = true;
    c->enquire_at = c->now + (uint64_t)c->config.enquire_s * 1000;
    smpp_send_plain(c, SMPP_ENQUIRE_LINK, SMPP_ROK, smpp_next_sequence(c));
}

/* Whatever comes shows that the peer is there. */
static void is_alive(struct smpp *c)
{
    c->enquired = false;
    c->misses = 0;
    c->enquire_at = c->now + (uint64_t)c->config.enquire_s * 1000;
}

/* ---- PDUs ---- */

static void on_bind_answer(struct smpp *c, const struct smpp_header *h)
{
    char why[160];

    if (h->sequence != c->bind_sequence) {
        lose(c, "the peer answered a bind that was not made", 0);
        return;
    }
    if (h->status != SMPP_ROK) {
        (void)snprintf(why, sizeof why, "the peer refused to bind, status 0x%08x: %s",
                       (unsigned)h->status, advice(h->status));
        lose(c, why, h->status == SMPP_RALYBND ? 0 : BACKOFF_MAX_MS);
        return;
    }
    c->link = SMPP_BOUND;
    c->bound_at = c->now;
    c->last_error[0] = '\0';
    is_alive(c);
    log_info(c->host->log, "smpp.bound", "transport=" STR_FMT, STR_ARG(c->host->name));
}

static void on_binding(struct smpp *c, const struct smpp_header *h)
{
    switch (h->command) {
    case SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE:
    case SMPP_GENERIC_NACK:
        on_bind_answer(c, h);
        break;
    case SMPP_ENQUIRE_LINK:
        smpp_send_plain(c, SMPP_ENQUIRE_LINK | SMPP_RESPONSE, SMPP_ROK, h->sequence);
        break;
    default:
        lose(c, "the peer spoke before it was bound", 0);
    }
}

static void on_enquiry(struct smpp *c, const struct smpp_header *h)
{
    if (c->now - c->second_began >= 1000) {
        c->second_began = c->now;
        c->enquiries = 0;
    }
    if (++c->enquiries > ENQUIRIES_MAX)
        lose(c, "the peer asks for signs of life without end", BACKOFF_MAX_MS);
    else
        smpp_send_plain(c, SMPP_ENQUIRE_LINK | SMPP_RESPONSE, SMPP_ROK, h->sequence);
}

static void on_unbind(struct smpp *c, const struct smpp_header *h)
{
    smpp_send_plain(c, SMPP_UNBIND | SMPP_RESPONSE, SMPP_ROK, h->sequence);
    (void)smpp_flush(c); /* it is leaving anyway */
    lose(c, "the peer unbinds", 0);
}

static void on_bound(struct smpp *c, const struct smpp_header *h, struct str body)
{
    switch (h->command) {
    case SMPP_SUBMIT_SM | SMPP_RESPONSE:
    case SMPP_GENERIC_NACK:
        if (!smpp_on_answer(c, h, body))
            smpp_strike(c, "the peer answers what was not asked");
        break;
    case SMPP_DELIVER_SM:
        smpp_on_deliver(c, h, body);
        break;
    case SMPP_ENQUIRE_LINK:
        on_enquiry(c, h);
        break;
    case SMPP_UNBIND:
        on_unbind(c, h);
        break;
    case SMPP_ENQUIRE_LINK | SMPP_RESPONSE: /* that anything came has been noted */
    case SMPP_ALERT_NOTIFICATION:
        break;
    default:
        if (!(h->command & SMPP_RESPONSE))
            smpp_send_plain(c, SMPP_GENERIC_NACK, SMPP_RINVCMDID, h->sequence);
        smpp_strike(c, "the peer sends what a transceiver is not sent");
    }
}

/* Takes one PDU off. False: it is not complete, or the connection has been given up. */
static bool take_pdu(struct smpp *c, struct str *octets)
{
    struct smpp_header h;
    struct str body;

    if (octets->len < SMPP_HEADER_LEN)
        return false;
    if (smpp_header_read(*octets, &h)) {
        lose(c, "the peer sent a PDU of an impossible length or sequence", 0);
        return false;
    }
    if (octets->len < h.length)
        return false;
    body = str_of(octets->ptr + SMPP_HEADER_LEN, h.length - SMPP_HEADER_LEN);
    *octets = str_from_index(*octets, h.length);
    is_alive(c);
    if (c->link == SMPP_BINDING)
        on_binding(c, &h);
    else
        on_bound(c, &h, body);
    return c->link == SMPP_BINDING || c->link == SMPP_BOUND;
}

/* ---- the stream ---- */

static void on_open(void *ctx)
{
    struct smpp *c = ctx;
    const struct smpp_bind bind = {
        .system_id = c->config.system_id,
        .password = c->config.password,
        .system_type = c->config.system_type,
        .version = 0x34,
        .range = {0, 0, c->config.address_range},
    };

    smpp_touch(c);
    c->link = SMPP_BINDING;
    c->bind_until = c->now + BIND_MS;
    c->sequence = 0;
    c->bind_sequence = smpp_next_sequence(c);
    c->strikes = c->misses = c->enquiries = c->refused = 0;
    c->enquired = false;
    if (smpp_bind_write(
            &c->out,
            (struct smpp_header){.command = SMPP_BIND_TRANSCEIVER, .sequence = c->bind_sequence},
            &bind) ||
        !smpp_flush(c))
        lose(c, "the bind could not be sent", 0);
    smpp_tell(c);
}

/* What is not a whole PDU is kept; most come whole. */
static void on_data(void *ctx, struct str data)
{
    struct smpp *c = ctx;
    uint32_t session = c->session;
    bool kept = c->in.len > 0;
    struct str left = data;

    smpp_touch(c);
    if (kept) {
        buf_add(&c->in, data);
        left = buf_str(&c->in);
    }
    while (take_pdu(c, &left))
        ;
    if (c->session == session) {
        if (kept)
            buf_consume(&c->in, c->in.len - left.len);
        else
            buf_add(&c->in, left);
        if (c->in.failed)
            lose(c, "the peer sent more than can be kept", 0);
    }
    smpp_pump(c);
    smpp_tell(c);
}

static void on_end(void *ctx, const char *why)
{
    struct smpp *c = ctx;
    char copy[160]; /* it lies in the stream */

    (void)snprintf(copy, sizeof copy, "%s", why);
    smpp_touch(c);
    lose(c, copy, 0);
    smpp_tell(c);
}

static void connect_to(struct smpp *c)
{
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
        .ctx = c,
    };

    c->link = SMPP_CONNECTING;
    c->session++;
    c->stream = c->host->streams->open(c->host->loop, &options);
}

void smpp_link_tick(struct smpp *c)
{
    if (c->link == SMPP_WAITING && c->now >= c->connect_at)
        connect_to(c);
    else if (c->link == SMPP_BINDING && c->now >= c->bind_until)
        lose(c, "no answer to the bind", 0);
    else if (c->link == SMPP_BOUND && c->now >= c->enquire_at)
        enquire(c);
}

void smpp_link_close(struct smpp *c)
{
    if (c->link == SMPP_BOUND) {
        smpp_send_plain(c, SMPP_UNBIND, SMPP_ROK, smpp_next_sequence(c));
        (void)smpp_flush(c); /* a courtesy */
    }
    c->host->streams->close(c->stream);
    c->stream = NULL;
    c->link = SMPP_WAITING;
    c->session++;
}
