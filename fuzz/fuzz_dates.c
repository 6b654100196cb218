/* Times and durations: what is read is written so that it reads the same. */
#include "fuzz.h"

#include <stdio.h>

static const unix_ms year_0 = -62167219200000, year_9999_end = 253402300799999;

static bool has_wire_form(unix_ms t)
{
    return t >= year_0 && t <= year_9999_end;
}

static void check_written_forms(unix_ms t)
{
    char date[HTTP_DATE_LEN], stamp[ISO8601_LEN], ticks[ISO8601_TICKS_LEN];
    unix_ms again;

    time_to_http_date(t, date);
    time_to_iso8601(t, stamp);
    time_to_iso8601_ticks(t, ticks);
    if (!has_wire_form(t))
        return;
    CHECK(time_from_http_date(str_of(date, sizeof date), &again) == RC_OK);
    CHECK(t - again >= 0 && t - again < 1000);
    CHECK(time_from_iso8601(str_of(stamp, sizeof stamp), &again) == RC_OK && again == t);
    CHECK(time_from_iso8601(str_of(ticks, sizeof ticks), &again) == RC_OK && again == t);
}

static void check_duration(struct str text)
{
    char plain[32];
    int64_t ms = 0, again = 0;

    if (duration_parse(text, &ms))
        return;
    int n = snprintf(plain, sizeof plain, "%lldms", (long long)ms);
    CHECK(duration_parse(str_of(plain, (size_t)n), &again) == RC_OK && again == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size);
    int64_t any = 0;
    unix_ms t;

    if (time_from_http_date(text, &t) == RC_OK) {
        CHECK(has_wire_form(t));
        check_written_forms(t);
    }
    if (time_from_iso8601(text, &t) == RC_OK)
        check_written_forms(t);
    if (size)
        memcpy(&any, data, size < sizeof any ? size : sizeof any);
    check_written_forms(any);
    check_duration(text);
    return 0;
}
