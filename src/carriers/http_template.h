/* Texts with places for a message's values: {from}, {to}, {text}, … Source: wire/transports §3.1.
 */
#ifndef CARRIERS_HTTP_TEMPLATE_H
#define CARRIERS_HTTP_TEMPLATE_H

#include "base/json.h"
#include "carriers/carrier.h"

/** How a value is written where it stands. */
enum template_escape {
    TEMPLATE_PLAIN = 0,
    TEMPLATE_HEADER, /* as PLAIN; {text} may not stand there */
    TEMPLATE_URL,    /* percent-encoded: URLs and forms */
    TEMPLATE_JSON,   /* inside quotes */
    TEMPLATE_XML,
};

/** What the places are filled from. Borrowed. */
struct template_values {
    const struct carrier_message *message;
    struct str report_url;
    int64_t valid_s;
    const json_t *secrets; /* {secret.NAME}: its members; NULL: none */
};

/** RC_INVALID: a {word} that there is not, or not here; its name in `why`. */
enum rc template_check(struct str text, enum template_escape escape, const json_t *secrets,
                       struct buf *why) NODISCARD;
/** Appends `text` with its places filled. Its syntax has been checked. */
void template_fill(struct str text, enum template_escape escape,
                   const struct template_values *values, struct buf *out);

#endif
