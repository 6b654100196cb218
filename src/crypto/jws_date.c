/* Dates in the payload of a token (RFC 7519 section 2): JSON numbers, fractional with some clients,
 * texts of digits in the assertions of an old one. What a date means for a token is the caller's.
 */
#include "crypto/jws.h"

#define SECONDS_MAX ((int64_t)253402300799) /* 9999-12-31T23:59:59Z */

static enum rc date_from_digits(struct str text, unix_ms *out)
{
    uint64_t seconds;

    if (str_to_u64(text, (uint64_t)SECONDS_MAX, &seconds))
        return RC_INVALID;
    *out = (unix_ms)seconds * 1000;
    return RC_OK;
}

static enum rc date_from_integer(int64_t seconds, unix_ms *out)
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

enum rc jws_numeric_date(const struct claim *payload, struct str name, enum numeric_date_form form,
                         unix_ms *out)
{
    const struct claim *value = claim_get(payload, name);

    if (!value)
        return RC_NOT_FOUND;
    if (value->kind == CLAIM_INTEGER)
        return date_from_integer(value->u.integer, out);
    if (value->kind == CLAIM_REAL)
        return date_from_real(value->u.real, out);
    return form == NUMERIC_DATE_OR_DIGITS && value->kind == CLAIM_TEXT
               ? date_from_digits(value->u.text, out)
               : RC_INVALID;
}
