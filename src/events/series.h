/* Events that are alike, kept as one row until they are made. Private to src/events.
 *
 * One change may be told to very many: 200 people who come into a thread of 250 are 49,800 events
 * for each subscription. Few are made at once, in the commit of the change; of many one row is
 * kept, and the dispatcher makes them from it, a portion to a commit, before it sends what came
 * after. */
#ifndef EVENTS_SERIES_H
#define EVENTS_SERIES_H

#include "events/event.h"
#include "store/events.h"

/** What is made of a series at once, at most. */
#define SERIES_EVENTS_MAX ((size_t)500)
#define SERIES_OCTETS_MAX (1 * MIB)

size_t series_count(const struct event_series *s) NODISCARD;
/** Octets of data of event `k`. */
size_t series_data_len(const struct event_series *s, size_t k) NODISCARD;
/** More than is made at once. */
bool series_is_long(const struct event_series *s) NODISCARD;
/** Event `k`, with texts in the arena: the same `seed` gives it the same id for everybody. */
struct event series_event(const struct event_series *s, const struct uuid *seed, size_t k,
                          struct arena *arena) NODISCARD;

/** The row of a whole series: `data` is its text, it has no `event_id`, `attempts` counts the
 * events that were made. */
bool series_is_row(const struct event_row *row) NODISCARD;
struct str series_write(const struct event_series *s, const struct uuid *seed,
                        struct arena *arena) NODISCARD;
/** The other way. RC_INVALID: damaged. */
enum rc series_read(const struct event_row *row, struct arena *arena, struct event_series *out,
                    struct uuid *out_seed) NODISCARD;

#endif
