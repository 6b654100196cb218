/* Messages that have ended and were asked for more than once, as one reader remembers them.
 *
 * Nothing changes in a message once it has ended; it only goes. So what is remembered holds until
 * the store's `sms_changes` moves (store_private.h). Not thread-safe: each reader has its own. */
#ifndef STORE_SMS_MEMO_H
#define STORE_SMS_MEMO_H

#include "store/sms.h"

struct sms_memo;

struct sms_memo *sms_memo_new(void);
/** NULL is fine. */
void sms_memo_free(struct sms_memo *m);
/** Is the message remembered, as of `changes`? Its texts go to `arena`. Another value than before
 * forgets everything. */
bool sms_memo_find(struct sms_memo *m, uint64_t changes, const struct uuid *id, struct arena *arena,
                   struct sms_row *out) NODISCARD;
/** Remembers a message that sms_memo_find() has just not found, and which was read afterwards: from
 * the second time on that it is offered, if it has ended and its texts are not long. */
void sms_memo_offer(struct sms_memo *m, const struct sms_row *row);

#endif
