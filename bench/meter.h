/* What the drivers of the bench measure with: a clock, the server's CPU time, latencies in buckets.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stddef.h>
#include <stdint.h>

#define METER_PER_DOUBLING ((size_t)32) /* 3 % wide */
#define METER_BUCKETS      ((size_t)40 * METER_PER_DOUBLING)

/** Zeros: nothing yet. */
struct meter {
    uint64_t n, buckets[METER_BUCKETS];
    int64_t longest; /* ns */
};
void meter_add(struct meter *m, int64_t ns);
/** The percentile, `part` of 1, in microseconds; 0 when there is nothing. */
double meter_us(const struct meter *m, double part);

int64_t meter_now(void);
/** Of all threads of a process and its dead ones, in nanoseconds; -1: it can't be read. */
int64_t meter_cpu(long pid);

#endif
