/* Deleted users leave the threads that they were in, and what they said goes with them. Source:
 * wire/chat §2.10. */
#ifndef SERVICES_CHAT_LEAVERS_H
#define SERVICES_CHAT_LEAVERS_H

struct chat;
struct chat_leavers;
struct site;

/** Owned. */
struct chat_leavers *chat_leavers_new(struct chat *c);
/** On the loop of `site`, or before it runs. What an earlier run has left is taken up. */
void chat_leavers_start(struct chat_leavers *l, const struct site *site);
/** Somebody may have been deleted. Any thread, also before the start and after the stop. */
void chat_leavers_wake(struct chat_leavers *l);
/** On the loop's thread, or after the loop has ended. Repeated calls are fine. */
void chat_leavers_stop(struct chat_leavers *l);
/** After store_stop(). NULL is fine. */
void chat_leavers_free(struct chat_leavers *l);

#endif
