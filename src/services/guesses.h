/* Wrong credentials counted, so that nobody tries many. Source: wire/managed-identity §1.9. */
#ifndef SERVICES_GUESSES_H
#define SERVICES_GUESSES_H

#include "base/clock.h"

#define GUESS_WINDOW_S 60

/** What is counted against: a bounded table (GUESS_SLOTS; when it is crowded, the key with the
 * fewest failures is forgotten). Shared by all loops. */
struct guesses;
#define GUESS_SLOTS ((size_t)8192)

/** Owned. */
struct guesses *guesses_new(void);
/** NULL is fine. */
void guesses_free(struct guesses *g);
/** True when `key` has failed `limit` times in the window that began with its first failure;
 * out_retry_s (1..GUESS_WINDOW_S) is what is left of that. */
bool guesses_over(struct guesses *g, uint64_t key, uint32_t limit, mono_ns now,
                  uint32_t *out_retry_s) NODISCARD;
/** Counts a failure of `key`. `what` is a hash of what was tried: one of the last four again is no
 * new guess and is not counted. */
void guesses_failed(struct guesses *g, uint64_t key, uint64_t what, mono_ns now);
/** The right one came: forgets the failures of `key`. */
void guesses_forget(struct guesses *g, uint64_t key);

#endif
