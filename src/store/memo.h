/* What one reader remembers of rows that are asked for again and again: sms_memo.h, chat_memo.h.
 *
 * What is kept is found by octets that the server has chosen at random (a key ends in eight of
 * them) and told apart by whoever looks. It is kept from the second time on that it is offered, so
 * who asks for many rows, each of them once, pushes out nothing. Not thread-safe: each reader has
 * its own. */
#ifndef STORE_MEMO_H
#define STORE_MEMO_H

#include "base/str.h"
#include "base/uuid.h"

struct memo;

struct memo *memo_new(void);
/** NULL is fine. */
void memo_free(struct memo *m);

/** The random end of a key; of a key of two ids: both by exclusive or. */
uint64_t memo_octets(const struct uuid *id) NODISCARD;

/** Is this what `key` says? */
typedef bool (*memo_is_fn)(const void *kept, const void *key);

/** NULL: it is not remembered. Else good until the next call that changes the memo. */
void *memo_find(const struct memo *m, uint64_t octets, memo_is_fn is, const void *key) NODISCARD;
/** Notes that a row was asked for which memo_find() has just not found; true from the second time
 * on: memo_keep() it. */
bool memo_offer(struct memo *m, uint64_t octets) NODISCARD;
/** Takes `kept`, of malloc(), in the place of what has been there longest. */
void memo_keep(struct memo *m, uint64_t octets, void *kept);
/** Frees what memo_find() has found. */
void memo_drop(struct memo *m, uint64_t octets, void *kept);

/** The texts of a row are kept behind it, one after the other: this copies `n` of them to `at` and
 * has them point there. */
void memo_move_texts(struct str *const texts[], size_t n, char *at);
size_t memo_texts_len(struct str *const texts[], size_t n) NODISCARD;

#endif
