/* What every unit test of this room includes first. */
#ifndef TESTS_UNIT_BASE_UNIT_H
#define TESTS_UNIT_BASE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

/** Fails unless `s` holds exactly the octets of `expected`, naming the case. */
static inline void check_str(const char *name, struct str s, struct str expected)
{
    if (!str_eq(s, expected))
        fail_msg("%s: got \"" STR_FMT "\", not \"" STR_FMT "\"", name, STR_ARG(s),
                 STR_ARG(expected));
}

/** Fails unless `ok`, naming the case. */
static inline void check(const char *name, bool ok)
{
    if (!ok)
        fail_msg("%s", name);
}

#endif
