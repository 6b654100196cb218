/* What the chat service does by itself, on one loop: ends threads whose time is over, clears what
 * was deleted, forgets what is kept for a time only. Source: wire/chat §2.2, §2.5. */
#ifndef SERVICES_CHAT_KEEPER_H
#define SERVICES_CHAT_KEEPER_H

struct chat;
struct chat_keeper;
struct site;

/** Owned. */
struct chat_keeper *chat_keeper_new(struct chat *c);
/** On the loop of `site`, or before it runs. */
void chat_keeper_start(struct chat_keeper *k, const struct site *site);
/** On that thread, or after the loop has ended. Repeated calls are fine. */
void chat_keeper_stop(struct chat_keeper *k);
/** After store_stop(). NULL is fine. */
void chat_keeper_free(struct chat_keeper *k);

#endif
