/* What happened, told to whoever subscribed: services publish, webhooks carry.
 *
 * An event becomes one row per subscription that wants it, in the change set of what caused it; a
 * dispatcher takes the rows from there. Source: design D24; wire/events. */
#ifndef EVENTS_EVENT_H
#define EVENTS_EVENT_H

#include "base/clock.h"
#include "base/uuid.h"

struct change_list;
struct events;

struct event {
    struct uuid resource;
    struct str id;      /* of the envelope: what receivers recognise a second delivery by */
    struct str type;    /* "Microsoft.Communication.SMSReceived" */
    struct str subject; /* "/phonenumber/14255550123" */
    struct str data;    /* JSON object; borrowed until the commit */
    unix_ms time;       /* when it happened */
};

/** What several events have in common: the beginning, or the middle, of subject and data. */
struct event_part {
    struct str subject, data;
};
/** An event for each of `firsts` with each of `seconds`: subject and data are those of both, in
 * that order, and of data the tail. */
struct event_series {
    struct uuid resource;
    struct str type;
    unix_ms time;
    const struct event_part *firsts, *seconds;
    size_t n_firsts, n_seconds;
    struct str tail;
};

/** True when some subscription of the resource might want events of that type: spares the making
 * of `data`. Any thread. */
bool events_wanted(struct events *e, const struct uuid *resource, struct str type) NODISCARD;
/** Adds a CHANGE_EVENT_ADD for each subscription whose filters let it through. Any thread. */
void event_publish(struct events *e, const struct event *event, unix_ms now,
                   struct change_list *changes);
/** The same for each event of a series. Of a long one a single row is added for each subscription,
 * from which the dispatcher makes them. */
void event_publish_series(struct events *e, const struct event_series *series, unix_ms now,
                          struct change_list *changes);
/** The set is committed: the dispatcher looks. Any thread, cheap, may be called too often. */
void events_wake(struct events *e);

#endif
