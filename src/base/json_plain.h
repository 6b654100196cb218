/* The quick way for plain JSON texts; json.c alone includes this. */
#ifndef BASE_JSON_PLAIN_H
#define BASE_JSON_PLAIN_H

#include "base/json.h"

/** Reads the kind of text that tokens and our own records consist of: members of short names,
 * texts without escapes, whole numbers of at most 18 digits without a sign. NULL for anything
 * else, good or not: then the library decides. Never takes what that would refuse, and makes the
 * same of it, but takes nothing that is deeper than JSON_DEPTH_MAX. `text` is UTF-8. Owned:
 * json_decref(). */
json_t *json_read_plain(struct str text) NODISCARD;

#endif
