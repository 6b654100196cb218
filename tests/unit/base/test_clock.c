/* Clocks, dates and durations. */
#include "unit.h"

#include "base/clock.h"

static void service_time_moves_and_stands_still(void **state)
{
    struct clock c = {0};
    unix_ms wall = clock_wall();

    (void)state;
    assert_true(clock_now(&c) >= wall);
    c.offset_ms = 3600000;
    assert_true(clock_now(&c) >= wall + 3600000);
    c.frozen_ms = 42;
    assert_true(clock_now(&c) == 42);
    assert_true(clock_mono() <= clock_mono());
}

static void writes_every_form(void **state)
{
    /* clang-format off */
    static const struct {
        unix_ms t;
        struct str http, iso, ticks;
    } cases[] = {
        {0, STR_INIT("Thu, 01 Jan 1970 00:00:00 GMT"), STR_INIT("1970-01-01T00:00:00.000Z"),
         STR_INIT("1970-01-01T00:00:00.0000000+00:00")},
        {1795446000123, STR_INIT("Mon, 23 Nov 2026 15:00:00 GMT"),
         STR_INIT("2026-11-23T15:00:00.123Z"), STR_INIT("2026-11-23T15:00:00.1230000+00:00")},
        {951782400000, STR_INIT("Tue, 29 Feb 2000 00:00:00 GMT"),
         STR_INIT("2000-02-29T00:00:00.000Z"), STR_INIT("2000-02-29T00:00:00.0000000+00:00")},
        {4107542399999, STR_INIT("Sun, 28 Feb 2100 23:59:59 GMT"),
         STR_INIT("2100-02-28T23:59:59.999Z"), STR_INIT("2100-02-28T23:59:59.9990000+00:00")},
        {4107542400000, STR_INIT("Mon, 01 Mar 2100 00:00:00 GMT"),
         STR_INIT("2100-03-01T00:00:00.000Z"), STR_INIT("2100-03-01T00:00:00.0000000+00:00")},
        {-1, STR_INIT("Wed, 31 Dec 1969 23:59:59 GMT"), STR_INIT("1969-12-31T23:59:59.999Z"),
         STR_INIT("1969-12-31T23:59:59.9990000+00:00")},
        {253402300799999, STR_INIT("Fri, 31 Dec 9999 23:59:59 GMT"),
         STR_INIT("9999-12-31T23:59:59.999Z"), STR_INIT("9999-12-31T23:59:59.9990000+00:00")},
        {INT64_MAX, STR_INIT("Fri, 31 Dec 9999 23:59:59 GMT"),
         STR_INIT("9999-12-31T23:59:59.999Z"), STR_INIT("9999-12-31T23:59:59.9990000+00:00")},
        {INT64_MIN, STR_INIT("Sat, 01 Jan 0000 00:00:00 GMT"),
         STR_INIT("0000-01-01T00:00:00.000Z"), STR_INIT("0000-01-01T00:00:00.0000000+00:00")},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char http[29], iso[24], ticks[33];

        time_to_http_date(cases[i].t, http);
        time_to_iso8601(cases[i].t, iso);
        time_to_iso8601_ticks(cases[i].t, ticks);
        check_str("HTTP date", str_of(http, HTTP_DATE_LEN), cases[i].http);
        check_str("RFC 3339", str_of(iso, ISO8601_LEN), cases[i].iso);
        check_str("with ticks", str_of(ticks, ISO8601_TICKS_LEN), cases[i].ticks);
    }
}

/* Every 1,000,003 seconds from year 1 to 9999: what is written reads as the same time. */
static void reads_what_it_writes(void **state)
{
    (void)state;
    for (unix_ms t = -62135596800000; t < 253402300800000; t += 1000003000) {
        char http[29], iso[24];
        unix_ms read = 0;

        time_to_http_date(t, http);
        assert_int_equal(time_from_http_date(str_of(http, HTTP_DATE_LEN), &read), RC_OK);
        assert_true(read == t);
        time_to_iso8601(t + 7, iso);
        assert_int_equal(time_from_iso8601(str_of(iso, ISO8601_LEN), &read), RC_OK);
        assert_true(read == t + 7);
    }
}

static void reads_http_dates(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text;
        unix_ms t; /* -1: refused */
    } cases[] = {
        {"reads IMF-fixdate", STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000},
        {"reads a one-digit day", STR_INIT("Sun, 6 Nov 1994 08:49:37 GMT"), 784111777000},
        {"reads RFC 850", STR_INIT("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777000},
        {"reads asctime", STR_INIT("Sun Nov  6 08:49:37 1994"), 784111777000},
        {"reads asctime with two digits", STR_INIT("Wed Nov 16 08:49:37 1994"), 784975777000},
        {"does not check the weekday", STR_INIT("Mon, 06 Nov 1994 08:49:37 GMT"), 784111777000},
        {"takes a near year of two digits as this century",
         STR_INIT("Monday, 23-Nov-26 15:00:00 GMT"),
         1795446000000},
        {"reads a leap second", STR_INIT("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800000},
        {"reads a leap day", STR_INIT("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800000},
        {"refuses a leap day that is none", STR_INIT("Wed, 29 Feb 2023 00:00:00 GMT"), -1},
        {"refuses 1900 as a leap year", STR_INIT("Thu, 29 Feb 1900 00:00:00 GMT"), -1},
        {"refuses another zone", STR_INIT("Sun, 06 Nov 1994 08:49:37 UTC"), -1},
        {"refuses an offset", STR_INIT("Sun, 06 Nov 1994 08:49:37 +0000"), -1},
        {"refuses hour 24", STR_INIT("Sun, 06 Nov 1994 24:00:00 GMT"), -1},
        {"refuses minute 60", STR_INIT("Sun, 06 Nov 1994 08:60:00 GMT"), -1},
        {"refuses day 0", STR_INIT("Sun, 00 Nov 1994 08:49:37 GMT"), -1},
        {"refuses day 31 of November", STR_INIT("Sun, 31 Nov 1994 08:49:37 GMT"), -1},
        {"refuses an unknown month", STR_INIT("Sun, 06 Foo 1994 08:49:37 GMT"), -1},
        {"refuses an unknown weekday", STR_INIT("Xxx, 06 Nov 1994 08:49:37 GMT"), -1},
        {"refuses what follows", STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT "), -1},
        {"refuses a cut one", STR_INIT("Sun, 06 Nov 1994 08:49"), -1},
        {"refuses RFC 3339", STR_INIT("1994-11-06T08:49:37Z"), -1},
        {"refuses nothing", {NULL, 0}, -1},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unix_ms t = -1;
        enum rc rc = time_from_http_date(cases[i].text, &t);

        check(cases[i].name, t == cases[i].t && (rc == RC_OK) == (cases[i].t != -1));
    }
}

static void reads_rfc_3339(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text;
        unix_ms t; /* -1: refused */
    } cases[] = {
        {"reads Z", STR_INIT("2026-11-23T15:00:00Z"), 1795446000000},
        {"reads lower case", STR_INIT("2026-11-23t15:00:00z"), 1795446000000},
        {"reads milliseconds", STR_INIT("2026-11-23T15:00:00.123Z"), 1795446000123},
        {"reads one digit", STR_INIT("2026-11-23T15:00:00.1Z"), 1795446000100},
        {"drops digits past milliseconds",
         STR_INIT("2026-11-23T15:00:00.1239999+00:00"), 1795446000123},
        {"subtracts a positive offset", STR_INIT("2026-11-23T16:30:00+01:30"), 1795446000000},
        {"adds a negative offset", STR_INIT("2026-11-23T07:00:00-08:00"), 1795446000000},
        {"refuses no zone", STR_INIT("2026-11-23T15:00:00"), -1},
        {"refuses a fraction without digits", STR_INIT("2026-11-23T15:00:00.Z"), -1},
        {"refuses an offset without colon", STR_INIT("2026-11-23T15:00:00+0100"), -1},
        {"refuses an offset of 24 hours", STR_INIT("2026-11-23T15:00:00+24:00"), -1},
        {"refuses month 13", STR_INIT("2026-13-23T15:00:00Z"), -1},
        {"refuses month 0", STR_INIT("2026-00-23T15:00:00Z"), -1},
        {"refuses a date alone", STR_INIT("2026-11-23"), -1},
        {"refuses what follows", STR_INIT("2026-11-23T15:00:00Zx"), -1},
        {"refuses a blank for T", STR_INIT("2026-11-23 15:00:00Z"), -1},
        {"refuses letters for digits", STR_INIT("2026-1x-23T15:00:00Z"), -1},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unix_ms t = -1;
        enum rc rc = time_from_iso8601(cases[i].text, &t);

        check(cases[i].name, t == cases[i].t && (rc == RC_OK) == (cases[i].t != -1));
    }
}

static void reads_durations(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct str text;
        int64_t ms;
        bool ok;
    } cases[] = {
        {"seconds", STR_INIT("90s"), 90000, true},
        {"hours and minutes", STR_INIT("1h30m"), 5400000, true},
        {"days", STR_INIT("2d"), 172800000, true},
        {"milliseconds are not minutes", STR_INIT("250ms"), 250, true},
        {"all units", STR_INIT("1d2h3m4s5ms"), 93784005, true},
        {"a minus", STR_INIT("-24h"), -86400000, true},
        {"a plus", STR_INIT("+1s"), 1000, true},
        {"zero", STR_INIT("0s"), 0, true},
        {"refuses a bare number", STR_INIT("90"), 0, false},
        {"refuses zero without a unit", STR_INIT("0"), 0, false},
        {"refuses a unit alone", STR_INIT("s"), 0, false},
        {"refuses nothing", {NULL, 0}, 0, false},
        {"refuses a sign alone", STR_INIT("-"), 0, false},
        {"refuses two signs", STR_INIT("+-1s"), 0, false},
        {"refuses units out of order", STR_INIT("30m1h"), 0, false},
        {"refuses a unit twice", STR_INIT("1h1h"), 0, false},
        {"refuses an unknown unit", STR_INIT("1w"), 0, false},
        {"refuses blanks", STR_INIT("1h 30m"), 0, false},
        {"refuses fractions", STR_INIT("1.5h"), 0, false},
        {"refuses what does not fit", STR_INIT("9223372036854775807d"), 0, false},
        {"refuses a sum that does not fit", STR_INIT("106751991167d99999999999999s"), 0, false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 0;
        enum rc rc = duration_parse(cases[i].text, &ms);

        check(cases[i].name, (rc == RC_OK) == cases[i].ok && ms == cases[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service_time_moves_and_stands_still),
        cmocka_unit_test(writes_every_form),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(reads_http_dates),
        cmocka_unit_test(reads_rfc_3339),
        cmocka_unit_test(reads_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
