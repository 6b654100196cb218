/* Hash map from text to pointer: open addressing, SipHash under a random process key. Not
 * thread-safe. Out of memory aborts. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t count, cap;
};

void map_init(struct map *m);
/** Frees the table; keys and values are borrowed and stay. NULL and zeros are fine. */
void map_clear(struct map *m);
/** The value of `key`, or NULL. */
void *map_get(const struct map *m, struct str key) NODISCARD;
/** Sets `key` (borrowed: must outlive the entry) to `value` (not NULL); returns the former value.
 */
void *map_put(struct map *m, struct str key, void *value);
/** Removes `key`; returns its value or NULL. */
void *map_remove(struct map *m, struct str key);
/** Walks all entries: start with *at = 0; false at the end. No changes meanwhile. */
bool map_next(const struct map *m, size_t *at, struct str *out_key, void **out_value) NODISCARD;

/** SipHash-2-4 of `data` under the process key (random, made at first use, thread-safe). */
uint64_t hash_keyed(const void *data, size_t len) NODISCARD;
/** SipHash-2-4 under a stated 16-octet key: for vectors. */
uint64_t siphash(const uint8_t key[16], const void *data, size_t len) NODISCARD;

#endif
