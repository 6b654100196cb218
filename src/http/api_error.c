/* The errors of the wire contracts as values, and the only bridge to them from `enum rc`. */
#include "http/api_error.h"

#define X(name, status, code, text)                                                                \
    const struct api_error API_##name = {status, STR_INIT(code), STR_INIT(text)};
#include "http/api_error.def"
#undef X

const struct api_error *api_error_from_rc(enum rc rc)
{
    switch (rc) {
    case RC_OK:
        return NULL;
    case RC_INVALID:
        return &API_BAD_REQUEST;
    case RC_NOT_FOUND:
        return &API_NOT_FOUND;
    case RC_CONFLICT:
        return &API_CONFLICT;
    case RC_TOO_LARGE:
        return &API_TOO_LARGE;
    case RC_BUSY:
    case RC_IO: /* nothing was acknowledged: asking again is right, here or at another node */
        return &API_UNAVAILABLE;
    case RC_FULL:
        return &API_NO_SPACE;
    case RC_DENIED:
        return &API_DENIED;
    case RC_INTERNAL:
        break;
    }
    return &API_INTERNAL;
}
