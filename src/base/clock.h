/* Two clocks: the wall clock, and the service clock that an administrator may move in
 * development. Durations come from the monotonic clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

#include <stdatomic.h>

typedef int64_t unix_ms;  /* milliseconds since 1970-01-01T00:00:00Z */
typedef uint64_t mono_ns; /* nanoseconds of CLOCK_MONOTONIC */

struct clock {
    _Atomic int64_t offset_ms; /* added to the wall clock */
    _Atomic int64_t frozen_ms; /* unless 0: the time, standing still (tests) */
};

/** Service time: wall clock plus offset, or the frozen time. Thread-safe. */
unix_ms clock_now(const struct clock *c) NODISCARD;
/** The real time of day. */
unix_ms clock_wall(void) NODISCARD;
mono_ns clock_mono(void) NODISCARD;

#define HTTP_DATE_LEN ((size_t)29)
/** "Mon, 23 Nov 2026 15:00:00 GMT" (RFC 9110 IMF-fixdate); writes HTTP_DATE_LEN characters. */
void time_to_http_date(unix_ms t, char out[static 29]);
/** Reads IMF-fixdate (one-digit day too), RFC 850 and asctime forms; the weekday is not checked
 * against the date. */
enum rc time_from_http_date(struct str text, unix_ms *out) NODISCARD;

#define ISO8601_LEN ((size_t)24)
/** "2026-11-23T15:00:00.123Z"; writes ISO8601_LEN characters. */
void time_to_iso8601(unix_ms t, char out[static 24]);
#define ISO8601_TICKS_LEN ((size_t)33)
/** "2026-11-23T15:00:00.1230000+00:00": seven digits, as the Identity service writes. */
void time_to_iso8601_ticks(unix_ms t, char out[static 33]);
/** RFC 3339 with `Z` or an offset, fraction optional. */
enum rc time_from_iso8601(struct str text, unix_ms *out) NODISCARD;
/** "90s", "1h30m", "2d", "250ms", with an optional leading sign; a bare number is refused. */
enum rc duration_parse(struct str text, int64_t *out_ms) NODISCARD;

#endif
