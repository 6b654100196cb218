/* What is sent: both envelopes of an event, bodies of one or several, dead letters.
 * Source: wire/events §3, §8. */
#ifndef EVENTS_ENVELOPE_H
#define EVENTS_ENVELOPE_H

#include "base/json.h"
#include "events/subscription.h"

/** What bodies for a subscription have in common. */
struct envelope {
    enum event_schema schema;
    bool batched; /* an array even of one */
    struct str topic;
};

/** A body of `n` events. One of CloudEvents' is an object unless `batched`; all others are arrays.
 */
void envelope_body(struct buf *out, const struct envelope *e, const struct event_row *const *rows,
                   size_t n);
struct str envelope_content_type(enum event_schema schema, bool batched) NODISCARD;
/** One event, without brackets around it. */
void envelope_write(struct json_writer *w, enum event_schema schema, struct str topic,
                    const struct event_row *row);
/** The same with why it died. */
void envelope_write_dead(struct json_writer *w, enum event_schema schema, struct str topic,
                         const struct event_row *row);
/** At most so many octets has an event: without those of `topic`. */
size_t envelope_size(const struct event_row *row) NODISCARD;

/** A time with second precision, as in Event Grid's own events. */
void envelope_grid_time(struct json_writer *w, const char *name, unix_ms t);
/** "NotFound MaxDeliveryAttemptsExceeded" taken apart; the reason is empty while it lives. */
void outcome_split(struct str outcome, struct str *out_last, struct str *out_reason);

#endif
