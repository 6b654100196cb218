/* Clocks, and the wire forms of time: RFC 9110 §5.6.7 dates, RFC 3339 timestamps, durations.
 *
 * Calendar arithmetic is our own (proleptic Gregorian, UTC): libc's would read the environment and
 * take a lock. Years 0 to 9999; what lies outside is written as the nearest that fits. */
#include "base/clock.h"

#include <time.h>

#define DAY_MS      ((int64_t)86400000)
#define TIME_MIN_MS (-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define TIME_MAX_MS 253402300799999   /* 9999-12-31T23:59:59.999Z */

struct civil {
    int64_t days; /* since 1970-01-01 */
    unsigned year, month, day, hour, minute, second, ms;
};

struct scan {
    struct str rest;
    bool failed;
};

struct unit {
    struct str name;
    int64_t ms;
};

/* clang-format off */
static const char weekday_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const struct str weekdays_long[] = {
    STR_INIT("Sunday"), STR_INIT("Monday"), STR_INIT("Tuesday"), STR_INIT("Wednesday"),
    STR_INIT("Thursday"), STR_INIT("Friday"), STR_INIT("Saturday"),
};
static const struct unit units[] = { /* longest first, the order in which they must appear */
    {STR_INIT("d"), DAY_MS}, {STR_INIT("h"), 3600000}, {STR_INIT("m"), 60000},
    {STR_INIT("s"), 1000}, {STR_INIT("ms"), 1},
};
/* clang-format on */

/* Days from 1970-01-01. Years are counted from March, so that the leap day comes last. */
static int64_t days_from_civil(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct civil civil_from_time(unix_ms t)
{
    struct civil c;
    uint32_t ms, day, era, day_of_era, year_of_era, day_of_year, month;

    if (t < TIME_MIN_MS)
        t = TIME_MIN_MS;
    if (t > TIME_MAX_MS)
        t = TIME_MAX_MS;
    t += 719468 * DAY_MS + 146097 * DAY_MS; /* from 0000-03-01, one era ahead: never negative */
    day = (uint32_t)(t / DAY_MS);
    ms = (uint32_t)(t % DAY_MS);
    era = day / 146097;
    day_of_era = day % 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;
    c.days = (int64_t)day - 719468 - 146097;
    c.day = day_of_year - (153 * month + 2) / 5 + 1;
    c.month = month < 10 ? month + 3 : month - 9;
    c.year = year_of_era + era * 400 + (c.month <= 2) - 400;
    c.hour = ms / 3600000;
    c.minute = ms / 60000 % 60;
    c.second = ms / 1000 % 60;
    c.ms = ms % 1000;
    return c;
}

static void put(char *out, struct str text)
{
    memcpy(out, text.ptr, text.len);
}

static void put_two(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

static void put_four(char *out, unsigned value)
{
    put_two(out, value / 100);
    put_two(out + 2, value % 100);
}

/* "2026-11-23T15:00:00.123" */
static void put_timestamp(char *out, unix_ms t)
{
    struct civil c = civil_from_time(t);

    put_four(out, c.year);
    out[4] = '-';
    put_two(out + 5, c.month);
    out[7] = '-';
    put_two(out + 8, c.day);
    out[10] = 'T';
    put_two(out + 11, c.hour);
    out[13] = ':';
    put_two(out + 14, c.minute);
    out[16] = ':';
    put_two(out + 17, c.second);
    out[19] = '.';
    out[20] = (char)('0' + c.ms / 100);
    put_two(out + 21, c.ms % 100);
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static enum rc time_from_civil(const struct civil *c, unix_ms *out)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (c->month < 1 || c->month > 12 || c->day < 1 || c->hour > 23 || c->minute > 59)
        return RC_INVALID;
    if (c->second > 60) /* 60: a leap second */
        return RC_INVALID;
    if (c->day > lengths[c->month - 1] + (unsigned)(c->month == 2 && is_leap(c->year)))
        return RC_INVALID;
    *out = days_from_civil(c->year, c->month, c->day) * DAY_MS + c->hour * 3600000LL +
           c->minute * 60000LL + c->second * 1000LL + c->ms;
    return RC_OK;
}

static char scan_peek(const struct scan *s)
{
    if (s->rest.len == 0)
        return '\0';
    return s->rest.ptr[0];
}

static bool scan_try(struct scan *s, struct str text)
{
    if (!str_starts(s->rest, text))
        return false;
    s->rest = str_from_index(s->rest, text.len);
    return true;
}

static void scan_text(struct scan *s, struct str text)
{
    if (!scan_try(s, text))
        s->failed = true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned scan_digits(struct scan *s, size_t n)
{
    unsigned value = 0;

    if (s->rest.len < n) {
        s->failed = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s->rest.ptr[i])) {
            s->failed = true;
            return 0;
        }
        value = value * 10 + (unsigned)(s->rest.ptr[i] - '0');
    }
    s->rest = str_from_index(s->rest, n);
    return value;
}

/* The place of a three-letter name among `names`, from 0. */
static unsigned scan_name(struct scan *s, const char *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (scan_try(s, (struct str){names + 3 * (size_t)i, 3}))
            return i;
    s->failed = true;
    return 0;
}

static void scan_clock(struct scan *s, struct civil *c)
{
    c->hour = scan_digits(s, 2);
    scan_text(s, STR(":"));
    c->minute = scan_digits(s, 2);
    scan_text(s, STR(":"));
    c->second = scan_digits(s, 2);
}

/* After "Mon, ": "23 Nov 2026 15:00:00 GMT". */
static void scan_imf(struct scan *s, struct civil *c)
{
    bool one_digit = s->rest.len > 1 && s->rest.ptr[1] == ' ';

    c->day = scan_digits(s, one_digit ? 1 : 2);
    scan_text(s, STR(" "));
    c->month = scan_name(s, month_names, 12) + 1;
    scan_text(s, STR(" "));
    c->year = scan_digits(s, 4);
    scan_text(s, STR(" "));
    scan_clock(s, c);
    scan_text(s, STR(" GMT"));
}

/* After "Monday, ": "23-Nov-26 15:00:00 GMT". A year that seems more than 50 years ahead is the
 * most recent one with these digits. */
static void scan_rfc850(struct scan *s, struct civil *c)
{
    unsigned present = civil_from_time(clock_wall()).year;

    c->day = scan_digits(s, 2);
    scan_text(s, STR("-"));
    c->month = scan_name(s, month_names, 12) + 1;
    scan_text(s, STR("-"));
    c->year = scan_digits(s, 2) + present / 100 * 100;
    if (c->year > present + 50)
        c->year -= 100;
    scan_text(s, STR(" "));
    scan_clock(s, c);
    scan_text(s, STR(" GMT"));
}

/* After "Mon ": "Nov 23 15:00:00 2026", the day padded with a blank. */
static void scan_asctime(struct scan *s, struct civil *c)
{
    c->month = scan_name(s, month_names, 12) + 1;
    scan_text(s, STR(" "));
    c->day = scan_digits(s, scan_try(s, STR(" ")) ? 1 : 2);
    scan_text(s, STR(" "));
    scan_clock(s, c);
    scan_text(s, STR(" "));
    c->year = scan_digits(s, 4);
}

/* Any number of digits; those past milliseconds are dropped. */
static unsigned scan_fraction(struct scan *s)
{
    unsigned ms = 0, weight = 100;

    if (!is_digit(scan_peek(s)))
        s->failed = true;
    while (is_digit(scan_peek(s))) {
        ms += weight * (unsigned)(scan_peek(s) - '0');
        weight /= 10;
        s->rest = str_from_index(s->rest, 1);
    }
    return ms;
}

/* "Z" or "+hh:mm"; the value is to be subtracted. */
static int64_t scan_zone_ms(struct scan *s)
{
    unsigned hours, minutes;
    int64_t sign;

    if (scan_try(s, STR("Z")) || scan_try(s, STR("z")))
        return 0;
    sign = scan_try(s, STR("-")) ? -1 : 1;
    if (sign > 0)
        scan_text(s, STR("+"));
    hours = scan_digits(s, 2);
    scan_text(s, STR(":"));
    minutes = scan_digits(s, 2);
    if (hours > 23 || minutes > 59)
        s->failed = true;
    return sign * (hours * 3600000LL + minutes * 60000LL);
}

/* Decimal digits up to the first other character; at least one, within int64. */
static int64_t scan_number(struct scan *s)
{
    size_t n = 0;
    uint64_t value = 0;

    while (n < s->rest.len && is_digit(s->rest.ptr[n]))
        n++;
    if (str_to_u64(str_head(s->rest, n), INT64_MAX, &value))
        s->failed = true;
    s->rest = str_from_index(s->rest, n);
    return (int64_t)value;
}

/* The unit at the front, among those from `from` on; "ms" is not "m". */
static size_t scan_unit(struct scan *s, size_t from)
{
    size_t n = 0;

    while (n < s->rest.len && !is_digit(s->rest.ptr[n]))
        n++;
    for (size_t i = from; i < ARRAY_LEN(units); i++) {
        if (str_eq(str_head(s->rest, n), units[i].name)) {
            s->rest = str_from_index(s->rest, n);
            return i;
        }
    }
    s->failed = true;
    return from;
}

unix_ms clock_wall(void)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts))
        abort();
    return (unix_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

mono_ns clock_mono(void)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_MONOTONIC, &ts))
        abort();
    return (mono_ns)ts.tv_sec * 1000000000U + (mono_ns)ts.tv_nsec;
}

unix_ms clock_now(const struct clock *c)
{
    int64_t frozen = atomic_load_explicit(&c->frozen_ms, memory_order_relaxed);

    if (frozen)
        return frozen;
    return clock_wall() + atomic_load_explicit(&c->offset_ms, memory_order_relaxed);
}

void time_to_http_date(unix_ms t, char out[static 29])
{
    struct civil c = civil_from_time(t);
    /* 0000-03-01 was a Wednesday, and an era is whole weeks: with one added nothing is negative. */
    size_t weekday = (size_t)((c.days + 719468 + 146097 + 3) % 7);

    put(out, (struct str){weekday_names + 3 * weekday, 3});
    put(out + 3, STR(", "));
    put_two(out + 5, c.day);
    out[7] = ' ';
    put(out + 8, (struct str){month_names + 3 * (size_t)(c.month - 1), 3});
    out[11] = ' ';
    put_four(out + 12, c.year);
    out[16] = ' ';
    put_two(out + 17, c.hour);
    out[19] = ':';
    put_two(out + 20, c.minute);
    out[22] = ':';
    put_two(out + 23, c.second);
    put(out + 25, STR(" GMT"));
}

enum rc time_from_http_date(struct str text, unix_ms *out)
{
    struct scan s = {.rest = text};
    struct civil c = {0};

    for (size_t i = 0; i < ARRAY_LEN(weekdays_long); i++) {
        if (!scan_try(&s, weekdays_long[i]))
            continue;
        scan_text(&s, STR(", "));
        scan_rfc850(&s, &c);
        return s.failed || s.rest.len ? RC_INVALID : time_from_civil(&c, out);
    }
    (void)scan_name(&s, weekday_names, 7); /* need not be the day of that date */
    if (scan_try(&s, STR(", "))) {
        scan_imf(&s, &c);
    } else {
        scan_text(&s, STR(" "));
        scan_asctime(&s, &c);
    }
    return s.failed || s.rest.len ? RC_INVALID : time_from_civil(&c, out);
}

void time_to_iso8601(unix_ms t, char out[static 24])
{
    put_timestamp(out, t);
    out[23] = 'Z';
}

void time_to_iso8601_ticks(unix_ms t, char out[static 33])
{
    put_timestamp(out, t);
    put(out + 23, STR("0000+00:00"));
}

enum rc time_from_iso8601(struct str text, unix_ms *out)
{
    struct scan s = {.rest = text};
    struct civil c = {0};
    int64_t zone_ms;
    unix_ms t;

    c.year = scan_digits(&s, 4);
    scan_text(&s, STR("-"));
    c.month = scan_digits(&s, 2);
    scan_text(&s, STR("-"));
    c.day = scan_digits(&s, 2);
    if (!scan_try(&s, STR("t")))
        scan_text(&s, STR("T"));
    scan_clock(&s, &c);
    if (scan_try(&s, STR(".")))
        c.ms = scan_fraction(&s);
    zone_ms = scan_zone_ms(&s);
    if (s.failed || s.rest.len || time_from_civil(&c, &t))
        return RC_INVALID;
    *out = t - zone_ms;
    return RC_OK;
}

enum rc duration_parse(struct str text, int64_t *out_ms)
{
    struct scan s = {.rest = text};
    bool negative = scan_try(&s, STR("-"));
    int64_t total = 0;
    size_t next = 0;

    if (!negative)
        (void)scan_try(&s, STR("+")); /* optional */
    do {
        int64_t number = scan_number(&s), part;
        size_t unit = scan_unit(&s, next);

        if (s.failed || __builtin_mul_overflow(number, units[unit].ms, &part) ||
            __builtin_add_overflow(total, part, &total))
            return RC_INVALID;
        next = unit + 1;
    } while (s.rest.len);
    *out_ms = negative ? -total : total;
    return RC_OK;
}
