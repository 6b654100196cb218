/* The event module as the application sees it: made, loaded, started, stopped. What services use is
 * event.h; what the routes of subscriptions use is subscriptions.h. Source: wire/events. */
#ifndef EVENTS_EVENTS_H
#define EVENTS_EVENTS_H

#include "base/log.h"
#include "base/loop.h"
#include "events/event.h"
#include "store/store.h"

struct clock;
struct master_key;
struct outbound;

struct events_options {
    struct store *store;
    struct outbound *outbound;
    struct log *log;
    struct clock *clock;
    struct master_key *master; /* seals static headers and callback tokens */
    bool development;          /* http:// and addresses that are not public count */
    struct str *allowed_hosts; /* events.allowed_hosts: the same for these, in production too */
    size_t allowed_hosts_n;
    struct str origin;          /* events.origin: WebHook-Request-Origin */
    struct str ca_file;         /* events.ca_file: PEM besides the system's; empty: none */
    struct str dead_letter_dir; /* events.dead_letter_dir; empty: none */
    int64_t keep_ms;            /* events.keep: how long delivered ones stay in the log */
    void *ctx;
    /** What events of this resource say they come from; empty: it has been deleted. Any thread. */
    struct str (*topic)(void *ctx, const struct uuid *resource, struct arena *arena);
    /** Where the resource is reached from outside, for validationUrl: "https://localhost:8443". */
    struct str (*origin_of)(void *ctx, const struct uuid *resource, struct arena *arena);
};

/** Owned. Options are copied, what they point to is not. */
struct events *events_new(const struct events_options *options);
/** Reads the subscriptions. At start-up and on reload. */
enum rc events_load(struct events *e, struct store_reader *r) NODISCARD;
/** Writer thread: the same, when an entry says that they have changed. `r` is the writer's. */
void events_on_commit(struct events *e, const struct log_entry *entries, size_t n,
                      struct store_reader *r);
/** The dispatcher lives on `loop` from here on. On its thread, or before it runs. */
void events_start(struct events *e, struct loop *loop);
/** Cancels what is on its way, which goes again after the next start. On the loop's thread, or
 * after it has ended. */
void events_stop(struct events *e);
/** NULL is fine. */
void events_free(struct events *e);

#endif
