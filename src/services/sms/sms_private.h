/* What the files of the SMS service share, and nobody else sees. Source: wire/sms.
 *
 * Three parts: what is known (senders and transports: one immutable snapshot, any thread), what may
 * be done with a message (its end, one that came in: any loop, with that loop's site), and the
 * engine (one loop). */
#ifndef SERVICES_SMS_PRIVATE_H
#define SERVICES_SMS_PRIVATE_H

#include "base/json.h"
#include "base/mutex.h"
#include "carriers/carrier.h"
#include "events/event.h"
#include "gate/gate.h"
#include "services/site.h"
#include "services/sms/sms.h"
#include "store/change_list.h"

#define SMS_RECIPIENTS_MAX  ((size_t)100)
#define SMS_TEXT_UNITS_MAX  ((size_t)2048) /* UTF-16 units */
#define SMS_TAG_MAX         ((size_t)1024)
#define SMS_NUMBER_MAX      ((size_t)16)
#define SMS_TIMEOUT_MIN_S   60
#define SMS_TIMEOUT_MAX_S   43200
#define SMS_TIMEOUT_S       18000
#define SMS_REPEAT_KEPT_MS  ((int64_t)24 * 60 * 60 * 1000)
#define SMS_REPEAT_AHEAD_MS ((int64_t)5 * 60 * 1000)
#define SMS_INBOX           STR("inbox") /* the transport that is always there */

/* deliveryStatusDetails. Source: wire/sms §3. */
#define SMS_CODE_DELIVERED 2000u
#define SMS_CODE_OPTED_OUT 4007u
#define SMS_CODE_PERMANENT 5000u
#define SMS_CODE_TEMPORARY 5001u
#define SMS_CODE_NO_REPORT 5002u
#define SMS_CODE_UNKNOWN   9999u

/* ---- numbers and senders: sms_numbers.c ---- */

enum sms_sender_kind {
    SMS_SENDER_NONE = 0,     /* not well-formed */
    SMS_SENDER_TOLL_FREE,    /* "+18005550100" */
    SMS_SENDER_SHORT_CODE,   /* "12345" */
    SMS_SENDER_ALPHANUMERIC, /* "Contoso" */
    SMS_SENDER_LONG_CODE,    /* "+14255550123" */
    SMS_SENDER_KIND_COUNT
};

/** '+' and 8 to 15 digits, 11 in all with country code 1; `strict`: there no area code nor exchange
 * that begins with 0 or 1. Source: wire/sms §4.1. */
bool sms_number_valid(struct str text, bool strict) NODISCARD;
/** Whom a message may come from: whatever a network can say. Besides numbers those are short codes
 * of any length and names with marks in them. */
bool sms_origin_valid(struct str text) NODISCARD;
/** What a well-formed sender is by its form. Source: wire/sms §4.2. */
enum sms_sender_kind sms_sender_kind_of(struct str sender, bool strict) NODISCARD;
/** "tollFree", "shortCode", "alphanumeric", "longCode". */
struct str sms_sender_kind_name(enum sms_sender_kind kind);
/** SMS_SENDER_NONE for strangers. */
enum sms_sender_kind sms_sender_kind_from_name(struct str name) NODISCARD;
/** A sender or number for the log: "+14…23" of what has a digit in it. Borrowed, or in the arena.
 */
struct str sms_masked(struct str id, struct arena *arena);
/** UTF-16 units of well-formed UTF-8. */
size_t sms_utf16_units(struct str text) NODISCARD;

/** Who may send, as the document of its row says it, with what it leaves out filled in. */
struct sms_sender {
    struct uuid resource;
    struct str sender;
    enum sms_sender_kind kind;
    bool enforce;         /* opt-outs bind it, and its keywords are acted on */
    struct str transport; /* never empty */
    bool has_rate;        /* ratePerMinute is given; 0: no limit */
    uint32_t rate;        /* segments a minute; without has_rate: what is documented for the kind */
    struct str stop, start, help; /* replies; empty: none */
    uint32_t version;             /* of the row; 0: there is none (senders = any) */
    struct str document;          /* of the row; empty: none */
    unix_ms created;
};

/** A way out, as configured. */
struct sms_transport {
    struct str name;
    struct str kind;               /* as it was given */
    const struct carrier_ops *ops; /* NULL: no kind of this program */
    uint32_t version;              /* of the row; 0: the built-in inbox */
    struct str document;           /* of the row */
    const json_t *config;          /* the same, read; never NULL */
    const json_t *secrets;         /* opened; NULL: none, or they don't open */
    bool sealed_elsewhere;         /* they don't open: the carrier stays closed */
    unix_ms created;
};

/** Senders and transports of one moment. Immutable; any thread. */
struct sms_world {
    struct snapshot snapshot; /* first */
    struct arena arena;
    struct sms_sender *senders; /* ordered by resource, then sender */
    size_t senders_n;
    struct map by_sender;             /* resource's octets and sender → struct sms_sender * */
    struct sms_transport *transports; /* by name; the built-in inbox too */
    size_t transports_n;
};

/** The world of now: sms_world_unref() when done. Any thread. */
const struct sms_world *sms_world_ref(struct sms *s);
/** NULL is fine. */
void sms_world_unref(const struct sms_world *w);
/** The sender as it is on the list of the resource; NULL: not there. Borrowed from the world. */
const struct sms_sender *sms_sender_find(const struct sms_world *w, const struct uuid *resource,
                                         struct str sender) NODISCARD;
/** The same, and with senders = any what a well-formed stranger gets. Texts live as long as the
 * world and `sender`. RC_INVALID: not well-formed; RC_NOT_FOUND: may not send. */
enum rc sms_sender_resolve(const struct sms *s, const struct sms_world *w,
                           const struct uuid *resource, struct str sender,
                           struct sms_sender *out) NODISCARD;
/** By name; NULL: there is none. Borrowed from the world. */
const struct sms_transport *sms_transport_find(const struct sms_world *w,
                                               struct str name) NODISCARD;
/** Fills `out` from the document of a row (texts in `arena`), for showing what holds. RC_INVALID:
 * no JSON object, or a member of another type: `why` gets one sentence. */
enum rc sms_sender_read(const struct sms *s, const struct sms_sender_row *row, struct arena *arena,
                        struct sms_sender *out, struct buf *why) NODISCARD;

const struct sms_options *sms_options(const struct sms *s);
/** Appends the sealed form of a transport's secrets: `json`, an object's text. */
enum rc sms_secrets_seal(const struct sms *s, struct str transport, struct str json,
                         struct buf *out) NODISCARD;

#define SMS_SECRET_LEN ((size_t)32)
/** What a callback's address must hold: a keyed hash of the transport's name, and of a message's
 * id. Characters of a URL's segment, no NUL. */
void sms_transport_secret(const struct sms *s, struct str name, char out[static SMS_SECRET_LEN]);
void sms_message_secret(const struct sms *s, const struct uuid *id,
                        char out[static SMS_SECRET_LEN]);
/** In time that does not depend on where they differ. */
bool sms_transport_secret_is(const struct sms *s, struct str name, struct str given) NODISCARD;
bool sms_message_secret_is(const struct sms *s, const struct uuid *id, struct str given) NODISCARD;

/* ---- ids and forms: sms_form.c ---- */

#define SMS_ID_LEN ((size_t)59)
/** "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32"; no NUL. Source: wire/sms §2.5. */
void sms_id_format(bool incoming, const struct uuid *id, unix_ms created,
                   char out[static SMS_ID_LEN]);
/** The id of a row, in the arena. */
struct str sms_id_of(const struct sms_row *row, struct arena *arena) NODISCARD;
/** Either kind, with or without a region at the end. RC_INVALID. */
enum rc sms_id_parse(struct str text, struct uuid *out) NODISCARD;
/** "queued", "submitting", "submitted", "delivered", "failed", "received". */
struct str sms_state_name(enum sms_state state);
/** A code that §3 knows, and no success. */
bool sms_code_is_failure(uint32_t code) NODISCARD;
/** "2000: No Error". In the arena, or static. */
struct str sms_details(const struct sms *s, uint32_t code, struct arena *arena) NODISCARD;
/** A message as our own lists show it: one object. `message` and `tag` stand as they are. Source:
 * wire/sms §8. */
void sms_row_write_json(const struct sms *s, const struct sms_row *row, struct arena *arena,
                        struct json_writer *w);
/** Members of a delivery report that events, reports and lists share: deliveryStatus,
 * deliveryStatusDetails, deliveryAttempts, receivedTimestamp. Of a final row. */
void sms_report_write(const struct sms *s, const struct sms_row *row, struct arena *arena,
                      struct json_writer *w);
/** Room that sms_row_write_json() needs at most. */
size_t sms_row_json_max(const struct sms_row *row) NODISCARD;

/* ---- the end of a message: sms_fate.c ---- */

struct sms_fate {
    bool delivered;
    uint32_t code;            /* not delivered: 4005, 9999, …; 0: 9999 */
    uint32_t segments_failed; /* not delivered; 0: all of them */
};

/** Ends the message, unless it has ended: one commit with its events. `done` comes on the site's
 * loop, never before this returns: RC_OK; RC_NOT_FOUND: no such outgoing message; RC_CONFLICT: it
 * had ended before; RC_IO, RC_FULL, RC_BUSY. Any loop. */
void sms_finish(const struct site *site, const struct uuid *id, const struct sms_fate *fate,
                carrier_done_fn done, void *ctx);
/** Who tells of a message. */
struct sms_teller {
    struct str transport;
    bool check_secret; /* who names a message must know its own secret */
};
/** What a carrier says of a message: found by its id, else by its refs. What is not final is
 * logged. `done` (may be NULL) as above, and RC_OK for what came too late; RC_DENIED: another
 * secret. Texts are copied. Any loop. */
void sms_take_report(const struct site *site, struct sms_teller teller,
                     const struct carrier_report *report, carrier_done_fn done, void *ctx);

/* ---- what comes in: sms_inbound.c ---- */

/** Of the living resources that have the number on their lists, the one to which a message belongs
 * that `transport` brings: that sends through it, then that had the number first; NULL: none.
 * Borrowed from the world. */
const struct sms_sender *sms_number_owner(const struct site *site, const struct sms_world *w,
                                          struct str number, struct str transport) NODISCARD;
/** Takes a message that `transport` brought: finds the resource that has its recipient as a sender,
 * acts on keywords, tells subscribers; all in one commit. What came before (by its ref) is taken
 * once. RC_NOT_FOUND: nobody's; RC_INVALID: no number, no UTF-8, too long. `done` may be NULL; else
 * on the site's loop, never before this returns. Texts are copied. Any loop. */
void sms_take_inbound(const struct site *site, struct str transport,
                      const struct carrier_inbound *message, carrier_done_fn done, void *ctx);
/** What an administrator lets come in for one resource. */
struct sms_let_in {
    const struct uuid *resource;
    const struct carrier_inbound *message;
    char *out_id; /* SMS_ID_LEN octets, written before the call returns; NULL: not wanted */
};
/** The same for one resource, whose own list (or senders = any) must have the recipient. */
void sms_take_inbound_of(const struct site *site, const struct sms_let_in *in, carrier_done_fn done,
                         void *ctx);

/* ---- the engine, as the rest sees it: sms_engine.c ---- */

/** Something was committed that the engine may have to do: it looks. Any thread, cheap. */
void sms_wake(struct sms *s);
/** How many messages have not ended. Any thread. */
size_t sms_open_count(const struct sms *s);
/** Whether no more messages of the resource are taken now: where there are others, a quarter of the
 * queue is theirs. Any thread. */
bool sms_queue_full(struct sms *s, const struct uuid *resource, bool is_shared) NODISCARD;

/** Asks how a transport is. Zeros but `name`, `loop`, `done` and `ctx`; the caller's until `done`,
 * which comes on `loop`. */
struct sms_status_query {
    struct str name;
    struct loop *loop;
    loop_fn done;
    void *ctx;
    struct buf out; /* a JSON object: {"state":"up", …}; owned by the asker from `done` on */
    /* its own */
    struct sms *sms;
    struct loop_task task;
};
void sms_transport_status(struct sms *s, struct sms_status_query *query);

#endif
