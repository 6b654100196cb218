/* What the peers of the bench share: a listener on loopback, one thread, counts that are told when
 * asked. On standard input: "?" asks, "h" counts anew and holds all answers back, "g" gives them.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_conn {
    int fd;
    size_t have, ready; /* octets read; octets to be written */
    size_t in_cap, out_cap;
    char *in, *out;
};

/** What a peer has seen since the last "h"; its time begins with "g". */
struct peer_counts {
    uint64_t requests, items; /* PDUs or HTTP requests; messages, receipts or events in them */
    int64_t first_ns, last_ns;
};

/** Takes what it can from the front of `c->in`: the octets used up, 0 when one is not whole. */
typedef size_t (*peer_take_fn)(struct peer_conn *c);

/** Prints its port, then serves until standard input ends. */
void peer_run(peer_take_fn take);
/** Appends to what goes out; it goes when all that was read is dealt with. */
void peer_say(struct peer_conn *c, const void *octets, size_t len);
/** Counts a request of `items`. */
void peer_count(uint64_t requests, uint64_t items);

#endif
