/* Fills struct cg_error: the one place that knows its sizes. */
#ifndef CLIENT_FAILURE_H
#define CLIENT_FAILURE_H

#include "base/str.h"
#include "callgate/base.h"

/** Copies `text` into `out`, cut to fit at a character's edge, controls as '?'. */
void text_store(char *out, size_t cap, struct str text);
/** Resets `err` (NULL is fine) to `status` and `message`; returns `status`. */
enum cg_status failure(struct cg_error *err, enum cg_status status, struct str message);
/** CG_INVALID: an argument that is needed is NULL. */
enum cg_status failure_missing(struct cg_error *err);
/** The status for an HTTP status of 300 or more. */
enum cg_status failure_of_http(int http_status);
/** Takes code and message from an error body: {"error":{"code","message"}}, OAuth's form, or lists
 * of texts by member, where the member's name is the code; what is no such JSON leaves `err` as it
 * was. */
void failure_read_body(struct cg_error *err, struct str body);

#endif
