/* All subscriptions, in memory: an immutable table that is swapped whole. Also what the routes of
 * subscriptions use of the event module. Source: wire/events §1, §6. */
#ifndef EVENTS_SUBSCRIPTIONS_H
#define EVENTS_SUBSCRIPTIONS_H

#include "base/snapshot.h"
#include "events/subscription.h"
#include "store/store.h"

struct events;

struct subscriptions {
    struct snapshot snapshot; /* first */
    struct arena arena;
    struct subscription *items; /* by resource, then by name */
    size_t n, left_out;         /* left_out: rows that could not be read */
};

/** Reads the table. Owned: *out has one reference. */
enum rc subscriptions_load(struct store_reader *r, const struct master_key *master,
                           struct subscriptions **out) NODISCARD;
void subscriptions_unref(const struct subscriptions *s);
/** What a table's snapshot is freed by. */
void subscriptions_free(struct snapshot *snapshot);
/** NULL: there is none. `name` in any case. Borrowed from the table. */
const struct subscription *subscriptions_find(const struct subscriptions *s,
                                              const struct uuid *resource,
                                              struct str name) NODISCARD;
/** The first of a resource's, which follow each other; *out_n: how many. */
const struct subscription *subscriptions_of(const struct subscriptions *s,
                                            const struct uuid *resource, size_t *out_n);
/** The one that a token of validationUrl belongs to and that may be consented to now; NULL: none.
 * Looks at all of them, whichever matches. */
const struct subscription *subscriptions_by_token(const struct subscriptions *s,
                                                  const struct master_key *master, struct str token,
                                                  unix_ms now) NODISCARD;

/** The table as it is now: owned, subscriptions_unref(). Any thread. */
const struct subscriptions *events_subscriptions(struct events *e) NODISCARD;
/** subscriptions_by_token() with the module's key. Any thread. */
const struct subscription *events_by_token(struct events *e, const struct subscriptions *s,
                                           struct str token, unix_ms now) NODISCARD;
/** subscription_write() with the module's key. Any thread. */
void events_write(struct events *e, const struct subscription *s, struct arena *arena,
                  struct subscription_row *out);
/** Why an endpoint is refused; NULL: it is not, as far as can be told without asking a name server.
 * Any thread. */
const char *events_endpoint_against(struct events *e, struct str url) NODISCARD;
/** By which the owner of the endpoint consents; empty: nobody is waited for. In `arena`. */
struct str events_validation_url(struct events *e, const struct subscription *s,
                                 struct arena *arena) NODISCARD;
/** What events of this resource say they come from. In `arena`. */
struct str events_topic(struct events *e, const struct uuid *resource,
                        struct arena *arena) NODISCARD;
/** Tells the endpoint of a deleted subscription so, once, if it can be reached. Any thread. */
void events_tell_deleted(struct events *e, const struct subscription *s);

#endif
