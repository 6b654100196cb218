/* Answers of the Chat service, taken apart. What was made so far stays in `out` on failure: the
 * caller clears it. */
#ifndef CLIENT_CHAT_READ_H
#define CLIENT_CHAT_READ_H

#include "base/json.h"
#include "callgate/chat.h"

/** CG_OK; CG_PROTOCOL; CG_NOMEM. So do all. */
enum cg_status chat_read_thread(const json_t *item, struct cg_chat_thread *out) NODISCARD;
enum cg_status chat_read_message(const json_t *item, struct cg_chat_message *out) NODISCARD;
/** The member `invalidParticipants`, which may be absent. */
enum cg_status chat_read_refusals(const json_t *answer, struct cg_chat_refusals *out) NODISCARD;

enum cg_status chat_read_threads(const json_t *page, struct cg_chat_threads *out) NODISCARD;
enum cg_status chat_read_messages(const json_t *page, struct cg_chat_messages *out) NODISCARD;
enum cg_status chat_read_participants(const json_t *page,
                                      struct cg_chat_participants *out) NODISCARD;
enum cg_status chat_read_receipts(const json_t *page, struct cg_chat_receipts *out) NODISCARD;

#endif
