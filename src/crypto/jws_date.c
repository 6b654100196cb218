/* Dates in the payload of a token (RFC 7519 section 2): JSON numbers, fractional with some clients,
 * texts of digits in the assertions of an old one. What a date means for a token is the caller's.
 */
#include "crypto/jws.h"

#define SECONDS_MAX ((int64_t)253402300799) /* 9999-12-31T23:59:59Z */

static enum rc date_from_digits(const json_t *value, unix_ms *out)
{
    struct str text = str_of(json_string_value(value), json_string_length(value));
    uint64_t seconds;

    if (str_to_u64(text, (uint64_t)SECONDS_MAX, &seconds))
        return RC_INVALID;
    *out = (unix_ms)seconds * 1000;
    return RC_OK;
}

static enum rc date_from_integer(json_int_t seconds, unix_ms *out)
{
    if (seconds < 0 || seconds > SECONDS_MAX)
        return RC_INVALID;
    *out = (unix_ms)seconds * 1000;
    return RC_OK;
}

/* Written so that NaN is refused. */
static enum rc date_from_real(double seconds, unix_ms *out)
{
    if (!(seconds >= 0 && seconds < (double)(SECONDS_MAX + 1)))
        return RC_INVALID;
    *out = (unix_ms)(seconds * 1000);
    return RC_OK;
}

enum rc jws_numeric_date(const json_t *payload, const char *name, enum numeric_date_form form,
                         unix_ms *out)
{
    const json_t *value = json_object_get(payload, name);

    if (!value)
        return RC_NOT_FOUND;
    if (json_is_integer(value))
        return date_from_integer(json_integer_value(value), out);
    if (json_is_real(value))
        return date_from_real(json_real_value(value), out);
    return form == NUMERIC_DATE_OR_DIGITS && json_is_string(value) ? date_from_digits(value, out)
                                                                   : RC_INVALID;
}
