/* Threads, each with what one user is in it, as one reader remembers them: whoever sends or lists
 * is looked for again with each request, and by the next commit SQLite has forgotten the pages.
 *
 * What is kept holds until the thread's `chat_changes` moves (store_private.h). Not thread-safe:
 * each reader has its own, a struct memo. */
#ifndef STORE_CHAT_MEMO_H
#define STORE_CHAT_MEMO_H

#include "store/chat.h"
#include "store/memo.h"

/** Fills the thread with that key and the membership of that user from what is remembered as of
 * `changes`; their texts go to `arena`. */
bool chat_memo_find(struct memo *m, uint64_t changes, struct arena *arena,
                    struct chat_thread_row *thread, struct chat_member_row *member) NODISCARD;
/** Remembers what chat_memo_find() has just not found, and which was read after `changes` was: from
 * the second time on, if he is or was in the thread and their texts are not long. */
void chat_memo_offer(struct memo *m, uint64_t changes, const struct chat_thread_row *thread,
                     const struct chat_member_row *member);

#endif
