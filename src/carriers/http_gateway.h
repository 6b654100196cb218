/* The configuration of the carrier "http", read. Source: wire/transports §3. */
#ifndef CARRIERS_HTTP_GATEWAY_H
#define CARRIERS_HTTP_GATEWAY_H

#include "carriers/carrier.h"
#include "carriers/http_config.h"
#include "carriers/http_template.h"

/** Texts and JSON are borrowed from what it was read from; lists are NULL when they are not given.
 */
struct http_gateway {
    struct http_settings common;
    struct str url, method, content_type;
    struct str body; /* template; ptr NULL: none */
    enum template_escape escape;
    const json_t *headers; /* name → template */
    const json_t *secrets; /* name → text */
    const json_t *accepted, *temporary, *permanent, *reports, *inbound;
};

/** RC_INVALID with a sentence in `why`. A body that is JSON is written as text into `arena`. */
enum rc http_gateway_read(const json_t *config, const json_t *secrets, struct arena *arena,
                          struct http_gateway *out, struct buf *why) NODISCARD;
/** A text member; empty when it is absent or no text. */
struct str http_gateway_text(const json_t *object, const char *name) NODISCARD;
/** Whether the list `object.name` has this number, or this text. */
bool http_gateway_has_number(const json_t *object, const char *name, int64_t number) NODISCARD;
bool http_gateway_has_text(const json_t *object, const char *name, struct str text) NODISCARD;
/** The code that the object `object.name` has for a text; 0: none. */
uint32_t http_gateway_code(const json_t *object, const char *name, struct str text) NODISCARD;

enum rc http_read_callback(const json_t *config, struct carrier_callback *cb) NODISCARD;

#endif
