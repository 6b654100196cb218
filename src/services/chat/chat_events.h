/* What happened in threads, told to who subscribed: from a notice to events of both levels, one for
 * each thread and one for each other participant. Source: wire/chat §5; wire/events. */
#ifndef SERVICES_CHAT_CHAT_EVENTS_H
#define SERVICES_CHAT_CHAT_EVENTS_H

#include "services/chat/chat_notice.h"

struct events;

/** Whether some subscription might want what goes to each participant: then `members` of the notice
 * must hold all who are in after the change (of a deleted thread: who were in; who has left is told
 * in any case). Any thread. */
bool chat_events_want_members(struct events *events, const struct uuid *resource,
                              enum chat_event event) NODISCARD;
/** Adds a CHANGE_EVENT_ADD for each event and each subscription that lets it through, in the order
 * of the calls as long as `now` does not go back. `what` need not have been made by
 * chat_notice_make(). Texts of the rows go to `arena`, that of the set. Costs a look when nobody
 * subscribed; what makes no events (typing, receipts, system messages) may be given too. Whoever
 * commits the set calls events_wake() afterwards. Any thread. */
void chat_events_publish(struct events *events, const struct chat_notice *what, unix_ms now,
                         struct change_set *set, struct arena *arena);

#endif
