/* Messages that have ended and were asked for more than once, as one reader remembers them.
 *
 * Nothing changes in a message once it has ended; it only goes. So what is kept holds until the
 * store's `sms_changes` moves (store_private.h). Not thread-safe: each reader has its own, a struct
 * memo. */
#ifndef STORE_SMS_MEMO_H
#define STORE_SMS_MEMO_H

#include "store/memo.h"
#include "store/sms.h"

/** Is the message remembered, as of `changes`? Its texts go to `arena`. */
bool sms_memo_find(struct memo *m, uint64_t changes, const struct uuid *id, struct arena *arena,
                   struct sms_row *out) NODISCARD;
/** Remembers a message that sms_memo_find() has just not found, and which was read after `changes`
 * was: from the second time on that it is offered, if it has ended and its texts are not long. */
void sms_memo_offer(struct memo *m, uint64_t changes, const struct sms_row *row);

#endif
