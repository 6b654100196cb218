/* Which parts of a message have arrived: kept with its row (as the transport's `ref`), so that the
 * receipts of its parts add up across a restart. Source: wire/sms §6.2. */
#ifndef CARRIERS_PARTS_H
#define CARRIERS_PARTS_H

#include "base/arena.h"

/** For a message of `n` parts (2 … 64), none of which has arrived yet: "parts/3/0". In `arena`. */
struct str carrier_parts_new(uint32_t n, struct arena *arena) NODISCARD;
/** Part `part` (from 0) has arrived. True: with it all have, or `ref` counts no parts at all, so
 * that the message has arrived. False: others are to come, and *out_ref is what to keep now (equal
 * to `ref` when that part had arrived before). */
bool carrier_parts_arrived(struct str ref, uint32_t part, struct arena *arena,
                           struct str *out_ref) NODISCARD;

#endif
