/* Bodies of requests, as JSON objects. */
#ifndef SERVICES_BODY_H
#define SERVICES_BODY_H

#include "base/json.h"
#include "services/answer.h"

/** The body as an object: *out is owned (json_decref, AUTO(json_freep)), NULL when there is no
 * body, or the body is `null`. False with `why` when it is not JSON, not an object. */
bool body_object(struct request *req, json_t **out, struct refusal *why) NODISCARD;
/** For our own routes: reads the body by `fields` (ended by {0}) and refuses unknown members,
 * naming the nearest known one. No body counts as {}. Source: administration §1. */
bool body_fill(struct request *req, const struct json_field *fields, void *into,
               struct refusal *why) NODISCARD;
/** `obj` (may be NULL) has no members but `names`. */
bool body_only(struct request *req, json_t *obj, const struct str *names, size_t n,
               struct refusal *why) NODISCARD;
/** `text` cut to 64 octets at a character's edge: for messages that repeat what came. */
struct str body_excerpt(struct str text) NODISCARD;
/** The same cut to `max` octets: for what must be seen whole, to be compared with what is kept. */
struct str body_excerpt_within(struct str text, size_t max) NODISCARD;

#endif
