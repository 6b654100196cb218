/* What the files of the SMPP carrier share.
 *
 *   smpp.c          the carrier's table; time
 *   smpp_config.c   a configuration read and judged
 *   smpp_link.c     a connection: connects, binds, keeps alive, takes PDUs apart
 *   smpp_window.c   messages to hand over: parts, window, throttling
 *   smpp_inbound.c  deliver_sm: receipts and messages, answered when they are safe
 *   smpp_concat.c   messages that come in several parts
 *
 * All times are milliseconds of the monotonic clock. */
#ifndef CARRIERS_SMPP_PRIVATE_H
#define CARRIERS_SMPP_PRIVATE_H

#include "base/map.h"
#include "base/stream.h"
#include "carriers/carrier.h"
#include "carriers/smpp_pdu.h"
#include "carriers/smpp_receipt.h"

#define SMPP_TICK_MS     250
#define SMPP_RESPONSE_MS 60000 /* without an answer by then, nobody knows */
#define SMPP_IDS_KEPT    1024  /* newest ids that the peer gave: to learn how it spells them */

enum smpp_long { SMPP_LONG_UDH = 0, SMPP_LONG_PAYLOAD, SMPP_LONG_SAR };

struct smpp_kind_of_address {
    int64_t ton, npi;
};

/** Texts lie in the arena that was given to smpp_config_read(). */
struct smpp_config {
    struct str kind, host, system_id, password, system_type, address_range, service_type, ca_file,
        tls_name, bind_text, long_text, ids_text, alphabet, country;
    int64_t port, window, per_second, enquire_s, data_coding;
    struct smpp_kind_of_address number, short_code, alphanumeric, recipient;
    bool tls, validity;
    bool pair; /* a transmitter and a receiver, each on a connection of its own */
    enum smpp_long long_messages;
    enum smpp_ids ids;
    bool latin1; /* data_coding 0 of what comes in */
};

enum smpp_link_state { SMPP_WAITING = 0, SMPP_CONNECTING, SMPP_BINDING, SMPP_BOUND };
#define SMPP_LINKS_MAX 2

/** One connection: the transceiver, or one of a pair. */
struct smpp_link {
    struct smpp *owner;
    uint32_t command; /* that binds it */
    enum smpp_link_state state;
    struct stream *stream;
    uint32_t session; /* counts connections: answers to a former one are not sent */
    struct buf in, out;
    uint32_t sequence, bind_sequence;
    uint64_t connect_at, bind_until, bound_at, enquire_at, second_began;
    unsigned failures, misses, strikes, enquiries;
    unsigned refused; /* messages in a row */
    bool enquired;
    char last_error[160];
};

/** An id that the peer gave. */
struct smpp_known_id {
    char text[SMPP_SPELLING_ROOM];
};

struct smpp {
    struct carrier carrier; /* first */
    const struct carrier_host *host;
    struct arena arena;
    struct smpp_config config;
    uint64_t now;
    bool now_is_set; /* tests: time stands where it was put */
    struct loop_timer tick, kick;
    /* smpp_link.c */
    struct smpp_link links[SMPP_LINKS_MAX];
    size_t n_links;
    struct smpp_link *tx, *rx; /* what sends messages, and what gets them: a transceiver is both */
    /* smpp_window.c */
    struct list ready, flying;  /* of smpp_part.link */
    struct list held, finished; /* of handover.link */
    size_t n_ready, n_flying;
    uint64_t paused_until, pause_ms, pace_us;
    uint32_t forgiven; /* answers that may still come to what was given up */
    uint16_t long_ref;
    bool was_full;
    struct smpp_known_id *ids; /* a ring */
    size_t ids_at;
    struct map ids_index;
    enum smpp_ids ids_learnt;
    /* smpp_inbound.c, smpp_concat.c */
    struct list acks, partials;
    size_t n_acks, n_partials, partial_octets;
    /* counters */
    uint64_t n_submitted, n_accepted, n_rejected, n_throttled, n_unsure, n_receipts, n_inbound,
        n_lost;
};

/* ---- smpp_config.c ---- */

/** RC_INVALID: one sentence in `why`. */
enum rc smpp_config_read(const json_t *config, const json_t *secrets, struct arena *arena,
                         struct smpp_config *out, struct buf *why) NODISCARD;

/* ---- smpp.c ---- */

/** Takes the time; at the start of whatever comes from outside. */
void smpp_touch(struct smpp *c);
/** Runs smpp_tick() in the next round, or after `ms`: what may not be told from within a call. */
void smpp_kick(struct smpp *c, uint64_t ms);
/** What time brings. */
void smpp_tick(struct smpp *c);
/** Tests: it is `ms` now. */
void smpp_set_time(struct carrier *carrier, uint64_t ms);

/* ---- smpp_link.c ---- */

void smpp_links_init(struct smpp *c);
void smpp_links_tick(struct smpp *c);
/** Takes leave, and frees. */
void smpp_links_close(struct smpp *c);
/** Both of a pair are there: what is sent may be answered and reported on. */
bool smpp_is_bound(const struct smpp *c);
/** "transceiver", "transmitter", "receiver". */
const char *smpp_link_name(const struct smpp_link *l);
/** Sends what stands in l->out and empties it. False: it did not go. */
bool smpp_flush(struct smpp_link *l);
/** That, of all. A failure ends the connection. */
void smpp_flush_all(struct smpp *c);
uint32_t smpp_next_sequence(struct smpp_link *l);
/** Something that a good peer does not do: too much of it ends the connection. */
void smpp_strike(struct smpp_link *l, const char *what);

/* ---- smpp_window.c ---- */

size_t smpp_room(const struct smpp *c);
void smpp_submit(struct smpp *c, const struct carrier_message *m);
/** The answer to a submit_sm, or a generic_nack. False: to none of ours. */
bool smpp_on_answer(struct smpp *c, const struct smpp_header *h, struct str body);
/** Sends what may be sent. */
void smpp_pump(struct smpp *c);
/** Gives up what is overdue. */
void smpp_window_tick(struct smpp *c);
/** The connection has gone: what is under way is unsure, what is not goes later. */
void smpp_window_lost(struct smpp *c);
/** Tells the host what became of messages. */
void smpp_tell(struct smpp *c);
/** Whether the peer gave that id lately. */
bool smpp_id_known(const struct smpp *c, const char *normal);

/* ---- smpp_inbound.c ---- */

/** What is answered later: one receipt, or one message with all its parts. */
struct smpp_ack {
    struct list link;
    struct smpp *owner; /* NULL: the carrier has gone */
    uint32_t session;
    uint32_t *sequences; /* owned */
    size_t n;
};

void smpp_on_deliver(struct smpp *c, const struct smpp_header *h, struct str body);
/** Hands a whole message over; `ack` is moved. */
void smpp_take_message(struct smpp *c, const struct carrier_inbound *m, struct smpp_ack *ack);
struct smpp_ack *smpp_ack_new(struct smpp *c, uint32_t session, const uint32_t *sequences,
                              size_t n);
void smpp_inbound_close(struct smpp *c);

/* ---- smpp_concat.c ---- */

/** Where a part belongs. */
struct smpp_place {
    uint16_t ref;
    uint8_t total, number; /* number from 1 */
};
/** What is common to the parts of a message. Borrowed. */
struct smpp_piece {
    struct str from, to, octets;
    uint8_t coding;
    uint32_t sequence;
};
/** Appends UTF-8. */
void smpp_decode(const struct smpp *c, uint8_t coding, struct str octets, struct buf *out);
/** Keeps a part; the last one makes the message. */
void smpp_take_part(struct smpp *c, const struct smpp_place *place, const struct smpp_piece *from);
void smpp_concat_tick(struct smpp *c);
void smpp_concat_close(struct smpp *c);

#endif
