/* Where a value stands in an answer or a callback: "json:/messages/0/id", "query:status",
 * "form:MessageSid", "header:X-Id", "text:ID: ", "body:". Source: wire/transports §3.2. */
#ifndef CARRIERS_HTTP_PLACE_H
#define CARRIERS_HTTP_PLACE_H

#include "base/json.h"
#include "carriers/carrier.h"
#include "http/outbound.h"

enum place_where { PLACE_IN_ANSWER = 1, PLACE_IN_CALLBACK };

/** What is looked into. Borrowed. */
struct place_source {
    const struct outbound_call *answer; /* or NULL */
    const struct carrier_callback *callback;
    struct str body;
    const json_t *json; /* the body read, or the item of a list in it; NULL: no JSON */
    struct arena *arena;
};

/** Whether `text` names a place that there can be. */
bool place_is_known(struct str text, enum place_where where) NODISCARD;
/** The value as text; numbers and true and false as JSON writes them. ptr NULL: it is not there, or
 * `place` is empty. In the source or the arena. */
struct str place_read(struct str place, const struct place_source *source) NODISCARD;
/** What a JSON pointer (RFC 6901) names; NULL: nothing. */
const json_t *place_find(const json_t *root, struct str pointer) NODISCARD;

#endif
