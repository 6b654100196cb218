/* The SMS service: routes of the wire, the life of messages, what the application does with it.
 * Source: wire/sms. */
#ifndef SERVICES_SMS_H
#define SERVICES_SMS_H

#include "base/log.h"
#include "http/route.h"
#include "store/store.h"

struct carrier_ops;
struct events;
struct master_key;
struct outbound;
struct request;
struct seed_part;
struct site;
struct stream_ops;

extern const struct service sms_service;
extern const struct route sms_routes[];       /* the wire: send, opt-outs, reports */
extern const struct route sms_admin_routes[]; /* inbox, senders, transports, opt-outs */
extern const struct route carrier_routes[];   /* callbacks of carriers */
extern const struct seed_part seed_sms;       /* senders and opt-outs of a seed: sms_seed.c */

struct sms_options {
    struct store *store;
    struct events *events;
    struct outbound *outbound;
    const struct stream_ops *streams;
    struct log *log;
    struct clock *clock;
    struct master_key *master; /* seals secrets of transports */
    bool development;
    bool senders_any;         /* sms.senders = any: every well-formed sender may send */
    bool numbers_strict;      /* sms.number_check = strict */
    bool all_invalid_request; /* sms.all_invalid = request */
    bool details_legacy;      /* sms.details_style = legacy */
    bool events_plus;         /* sms.events_plus */
    bool rates;               /* per-sender limits */
    int64_t sim_delay_ms;     /* sms.sim_delay */
    int64_t keep_ms;          /* sms.keep: how long messages stay after their end; 0: for ever */
    struct str transport;     /* sms.transport: of senders that name none */
    struct str callback_url;  /* sms.callback_url: how carriers reach us; empty: the first plain
                               * listener on loopback */
    size_t queue_max;         /* sms.queue_max: open messages beyond which sends get 503 */
    /** Kinds of carriers; NULL: carrier_ops_find(). */
    const struct carrier_ops *(*find_carrier)(struct str kind);
};

/** The shared part; owned. Options are copied, what they point to is not. */
struct sms *sms_new(const struct sms_options *options);
/** Counts the messages that a former run has left. Once, before anybody can add to them. */
enum rc sms_recover(struct sms *s, struct store_reader *r, struct buf *why) NODISCARD;
/** Reads senders and transports. At start-up and on reload. */
enum rc sms_load(struct sms *s, struct store_reader *r, struct buf *why) NODISCARD;
/** Writer thread: the same, when an entry says that they have changed. `r` is the writer's. */
void sms_on_commit(struct sms *s, const struct log_entry *entries, size_t n,
                   struct store_reader *r);
/** The engine lives on the loop of `site` from here on: takes up what a former run left. On its
 * thread, or before it runs. */
void sms_start(struct sms *s, const struct site *site);
/** Closes the carriers. On that thread, or after the loop has ended. */
void sms_stop(struct sms *s);
/** Appends Prometheus text: messages by their end, and those that wait for it. Any thread. */
void sms_write_metrics(const struct sms *s, struct buf *out);
/** NULL is fine. */
void sms_free(struct sms *s);

#endif
