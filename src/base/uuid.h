/* 16-octet ids and their text form (RFC 9562). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/clock.h"
#include "base/str.h"

struct uuid {
    uint8_t octets[16];
};

#define UUID_TEXT_LEN ((size_t)36)

/** Version 4. Thread-safe. */
struct uuid uuid_random(void) NODISCARD;
/** Version 7: sorts by time, also within one millisecond of one thread. Thread-safe. */
struct uuid uuid_ordered(unix_ms now) NODISCARD;
/** Where ids of `when` begin: what uuid_ordered() gave from then on is greater as octets. */
struct uuid uuid_first(unix_ms when) NODISCARD;
/** Lower case with hyphens; writes UUID_TEXT_LEN characters, no NUL. */
void uuid_format(const struct uuid *id, char out[static 36]);
/** Exactly 8-4-4-4-12 hexadecimal digits of either case. */
enum rc uuid_parse(struct str text, struct uuid *out) NODISCARD;
bool uuid_eq(const struct uuid *a, const struct uuid *b) NODISCARD;

#endif
