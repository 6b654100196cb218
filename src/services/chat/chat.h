/* The chat service as the application sees it. Source: wire/chat. */
#ifndef SERVICES_CHAT_CHAT_H
#define SERVICES_CHAT_CHAT_H

#include "http/route.h"
#include "store/store.h"

struct bus;
struct chat;
struct clock;
struct events;
struct hub;
struct log;
struct seed_part;
struct site;

/* clang-format off */
extern const struct route chat_routes[];       /* chat_routes.c: the contract's REST operations */
extern const struct route chat_admin_routes[]; /* chat_admin.c: our own, under /admin/chat */
extern const struct route trouter_routes[];    /* trouter_routes.c: realtime of the official client */
extern const struct seed_part seed_chat;       /* threads of a seed: chat_seed.c */
extern const struct route realtime_routes[];   /* realtime.c: /realtime, for clients in any language */
/* clang-format on */

struct chat_options {
    struct store *store;
    struct events *events;
    struct bus *bus;
    struct log *log;
    struct clock *clock;
    bool removed_reads; /* chat.removed_reads: who was removed still sees his history */
    bool hide_foreign;  /* chat.hide_foreign: 403 also for unknown threads */
    bool mark_active;   /* chat.mark_active: isActive in the list of threads */
    bool limits;        /* limits = azure: the documented limits hold */
    double limits_factor;
    uint32_t page_default; /* chat.page_size: messages, when maxPageSize is not given */
    int64_t log_keep_ms;   /* chat.log_keep: how far back clients may catch up */
};

/** Owned. Options are copied, what they point to is not. */
struct chat *chat_new(const struct chat_options *options);
/** Retention, clearing, pruning and letting go of deleted users live on the site's loop from here
 * on. */
void chat_start(struct chat *c, const struct site *site);
/** For the store's watch, on the writer thread: users may have been deleted. */
void chat_on_commit(struct chat *c, const struct log_entry *entries, size_t n);
/** On the loop's thread, or after it has ended. */
void chat_stop(struct chat *c);
/** NULL is fine. */
void chat_free(struct chat *c);

/** Realtime sessions of one loop, of both protocols: what trouter_…() and realtime_…() keep. Made
 * for each loop with its hub, freed after the loop has ended and before the hub is. */
struct sessions;
struct sessions_options {
    struct chat *chat;
    struct hub *hub;
    const struct site *site;
    struct sessions **all; /* those of all loops, by index: complete before the first loop runs */
    size_t n;
    struct str epoch;           /* of the store: numbers of its log belong to it */
    size_t queue_max;           /* chat.queue_max: octets that may wait for a slow reader */
    int64_t connection_age_ms;  /* chat.connection_age */
    const uint8_t *capsule_key; /* 32 octets, the same for all loops: seals session ids */
};
struct sessions *sessions_new(const struct sessions_options *options);
void sessions_free(struct sessions *h);

#endif
