/* Latencies are counted in buckets that grow with them: a percentile costs no sorting, and a
 * million values no memory. */
#include "meter.h"

#include <time.h>

static size_t bucket_of(int64_t ns)
{
    uint64_t v = ns < 1 ? 1 : (uint64_t)ns;
    unsigned top = 63u - (unsigned)__builtin_clzll(v);
    uint64_t below = top >= 5 ? (v >> (top - 5)) & 31u : (v << (5 - top)) & 31u;
    size_t at = top * METER_PER_DOUBLING + below;

    return at < METER_BUCKETS ? at : METER_BUCKETS - 1;
}

static double value_of(size_t bucket)
{
    double base = (double)(1ULL << (bucket / METER_PER_DOUBLING));

    return base * (1.0 + ((double)(bucket % METER_PER_DOUBLING) + 0.5) / METER_PER_DOUBLING);
}

void meter_add(struct meter *m, int64_t ns)
{
    m->n++;
    m->buckets[bucket_of(ns)]++;
    if (ns > m->longest)
        m->longest = ns;
}

double meter_us(const struct meter *m, double part)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)m->n * part);

    for (size_t i = 0; i < METER_BUCKETS; i++) {
        seen += m->buckets[i];
        if (seen > wanted)
            return value_of(i) / 1000;
    }
    return (double)m->longest / 1000;
}

int64_t meter_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int64_t meter_cpu(long pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
