/* The words for results that appear in logs. */
#include "base/rc.h"

#include <string.h>

#include "base/banned.h"

const char *rc_name(enum rc rc)
{
    switch (rc) {
    case RC_OK:
        return "ok";
    case RC_INVALID:
        return "invalid";
    case RC_NOT_FOUND:
        return "not_found";
    case RC_CONFLICT:
        return "conflict";
    case RC_TOO_LARGE:
        return "too_large";
    case RC_BUSY:
        return "busy";
    case RC_FULL:
        return "full";
    case RC_DENIED:
        return "denied";
    case RC_IO:
        return "io";
    case RC_INTERNAL:
        return "internal";
    }
    return "unknown";
}

const char *os_error_text(int error)
{
    /* The C library's buffer is the thread's own. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    return strerror(error);
}
