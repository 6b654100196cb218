/* Request targets: one split, one decode. Routing and authorisation use the same result. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/arena.h"
#include "base/buf.h"

#define URL_SEGMENTS_MAX 16

struct url {
    struct str path;  /* raw, up to the question mark */
    struct str query; /* raw, after it; ptr NULL when there is no question mark */
    struct str segments[URL_SEGMENTS_MAX]; /* decoded once; leading empty ones collapsed */
    size_t n;
    bool inner_slash; /* an escaped slash stands inside a segment: for services that allow it */
};

/** Splits an origin-form target. RC_INVALID: not starting with '/', octets outside printable ASCII,
 * '<', '>' or '#', a bad escape in the path, or an escape that decodes to NUL or another control
 * octet inside a segment; RC_TOO_LARGE: too many segments. A slash at the end starts no
 * segment; dot segments are not resolved. Escapes of the query are looked at by url_query().
 * Source: wire/http §1. */
enum rc url_split(struct str target, struct arena *arena, struct url *out) NODISCARD;
/** The first query parameter `name`, decoded ('+' is a blank); RC_NOT_FOUND, RC_INVALID (escape).
 */
enum rc url_query(struct str query, struct str name, struct arena *arena,
                  struct str *out) NODISCARD;
/** Whether `name` is there more than once. */
bool url_query_repeats(struct str query, struct str name, struct arena *arena) NODISCARD;
/** Appends `query` re-serialised the WHATWG application/x-www-form-urlencoded way. */
void url_query_as_form(struct str query, struct buf *out);
/** Appends `text` percent-encoded as one path segment (unreserved characters stay). */
void url_encode_segment(struct str text, struct buf *out);
/** Takes "host[:port]" or "[v6][:port]" apart; port 0 when absent. The host keeps its brackets
 * off. RC_INVALID for anything else. */
enum rc authority_split(struct str authority, struct str *out_host, uint16_t *out_port) NODISCARD;

#endif
