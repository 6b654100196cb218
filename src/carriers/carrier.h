/* Ways out for text messages: one table per kind, one object per configured transport.
 *
 * A carrier lives on one loop. It keeps nothing that a crash may not take: the engine
 * (services/sms) owns each message's row, hands messages over, and hears of their fate. Source:
 * wire/sms §6. */
#ifndef CARRIERS_CARRIER_H
#define CARRIERS_CARRIER_H

#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/uuid.h"

struct carrier;
struct carrier_host;
struct clock;
struct outbound;
struct stream_ops;

/** A message to hand over; borrowed for the call. */
struct carrier_message {
    struct uuid id;
    struct str id_text;        /* "Outgoing_…" */
    struct str from, to, text; /* "+1425…" or an alphanumeric sender; UTF-8 */
    bool ucs2;
    uint32_t segments;
    unix_ms created, deadline;
    uint32_t attempt;  /* 1 at first */
    struct str ref;    /* poll: what the carrier gave at submit */
    struct str secret; /* for callback URLs: recognises this message's reports */
};

enum carrier_outcome {
    CARRIER_UNSURE = 0, /* no answer: it may have been taken; comes again, much later */
    CARRIER_ACCEPTED,   /* a report follows */
    CARRIER_LATER,      /* not taken for sure: it comes again */
    CARRIER_REJECTED,   /* never: failed with `code` */
};
#define CARRIER_REFS_MAX 64

/** What became of a handover. Texts are borrowed for the call. */
struct carrier_result {
    struct uuid id;
    enum carrier_outcome outcome;
    uint32_t code;     /* REJECTED: 4001, 5001, …; LATER: what it fails with at the deadline */
    uint64_t retry_ms; /* LATER: when the carrier wants it again; 0: longer each time */
    uint64_t poll_ms;  /* ACCEPTED: ask again after that; 0: a report comes by itself */
    struct str ref;    /* kept with the message, handed back at poll; empty: none */
    const struct str *refs; /* ids of its parts at the carrier, by which receipts name it */
    size_t n_refs;
    const char *detail; /* for logs: no number, no text */
};

/** What a carrier says of a message. Texts are borrowed for the call. */
struct carrier_report {
    struct uuid id;         /* zeros: `ref` names it */
    const struct str *refs; /* spellings of the carrier's id, any of which may be the kept one */
    size_t n_refs;
    struct str secret;        /* reports that came by a callback: the message's own */
    bool delivered, final;    /* not final: only logged, or "on its way" */
    uint32_t code;            /* final and not delivered: 4005, 9999, … */
    uint32_t segments_failed; /* not delivered: of this attempt; 0: all (not final: none is known,
                               * else it is told as an attempt before the last) */
    const char *detail;
};

/** A message that came in. Texts are borrowed for the call. */
struct carrier_inbound {
    struct str from, to, text; /* E.164 with '+', a short code, or (from) a name; UTF-8 */
    uint32_t segments;
    struct str ref; /* the carrier's id of it: what comes twice is taken once; empty: none */
};

/** Called once the store has it, or can't (RC_IO, RC_FULL…: the carrier must not acknowledge).
 * RC_NOT_FOUND: nobody's, RC_INVALID: no message of ours; acknowledge, or it comes for ever. */
typedef void (*carrier_done_fn)(void *ctx, enum rc rc);

/** What the engine lends to a carrier. All calls on `loop`, none before the carrier's own call has
 * returned. */
struct carrier_host {
    struct str name; /* of the transport */
    struct loop *loop;
    struct log *log;
    struct clock *clock;
    struct outbound *outbound;
    const struct stream_ops *streams;
    /* What callbacks begin with: "http://127.0.0.1:8080/carriers/NAME/SECRET". Empty: we don't know
     * how we are reached. */
    struct str callback_url;
    bool plain_ok, private_ok; /* http:// and addresses that are not public may be used */
    void *ctx;
    /** Exactly once for each submit and poll. A poll's ACCEPTED: nothing new. */
    void (*submitted)(const struct carrier_host *host, const struct carrier_result *result);
    void (*report)(const struct carrier_host *host, const struct carrier_report *report,
                   carrier_done_fn done, void *done_ctx); /* done may be NULL */
    void (*inbound)(const struct carrier_host *host, const struct carrier_inbound *message,
                    carrier_done_fn done, void *done_ctx);
    /** There is room again. */
    void (*ready)(const struct carrier_host *host);
};

/** A callback by HTTP: its kind reads it, the engine acts on it. In the request's arena. */
struct carrier_callback {
    struct str what; /* path segment behind the secret: "report", "inbound" */
    struct str body, content_type;
    struct str (*query)(void *ctx, const char *name); /* decoded; ptr NULL: absent */
    struct str (*header)(void *ctx, const char *name);
    void *ctx;
    struct arena *arena;
    /* filled */
    struct carrier_report *reports;
    size_t n_reports;
    struct carrier_inbound *inbound;
    size_t n_inbound;
    struct str answer; /* JSON to answer with when all is kept; empty: nothing */
};

struct carrier_ops {
    const char *kind; /* "smpp" */
    bool immediate;   /* takes every message as soon as it is stored, and is asked for its fate:
                       * only `poll` is called, `submit` never */
    /** Checks a configuration: one sentence in `why` when it won't do. Any thread. `secrets`: the
     * JSON object of its secret members, may be NULL. */
    enum rc (*check)(const json_t *config, const json_t *secrets, struct buf *why);
    /** Names of config members that are secrets: sealed, never shown. Ended by NULL. */
    const char *const *secret_members;
    /** `host` outlives the carrier; config and secrets have passed `check` and are borrowed for the
     * call. */
    struct carrier *(*open)(const struct carrier_host *host, const json_t *config,
                            const json_t *secrets);
    /** Answers what is in flight with CARRIER_UNSURE (before it returns), calls nothing
     * afterwards. */
    void (*close)(struct carrier *c);
    /** How many more messages it would take now. */
    size_t (*room)(const struct carrier *c);
    void (*submit)(struct carrier *c, const struct carrier_message *m);
    void (*poll)(struct carrier *c, const struct carrier_message *m); /* NULL: never asks */
    /** RC_INVALID: not a callback of this kind. Any thread. NULL: takes none. `config` as open. */
    enum rc (*read_callback)(const json_t *config, struct carrier_callback *cb);
    /** Members into an open object: "state", counters. */
    void (*status)(const struct carrier *c, struct json_writer *w);
};

/* First member of every carrier. */
struct carrier {
    const struct carrier_ops *ops;
};

/** "inbox", "smpp", "kannel", "http", "azure"; NULL for strangers. */
const struct carrier_ops *carrier_ops_find(struct str kind) NODISCARD;

extern const struct carrier_ops smpp_carrier_ops, kannel_carrier_ops, http_carrier_ops,
    azure_carrier_ops, inbox_carrier_ops;

#endif
