/* The spellings of path and host that clients sign instead of what they send: the table of
 * wire/authentication §1.3. */
#ifndef GATE_CANDIDATES_H
#define GATE_CANDIDATES_H

#include "gate/scheme_key.h"

/** One pair to try. `counts` false: the work is done, a match means nothing. */
struct candidate {
    struct str path, host;
    bool counts;
};

/* At most 101: eight public names, a Host in upper case without a port, both H6 headers, P6. */
#define CANDIDATES_MAX 104

/** Every pair but P0 x H0 itself, in the order of the table; `host` is the Host header's value.
 * How many there are depends on the request and the settings, never on the resource. */
size_t candidates_list(const struct key_check *check, struct request *req, struct str host,
                       struct candidate out[static CANDIDATES_MAX]);

#endif
