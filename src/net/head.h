/* The head of a request: found, checked octet by octet, and parsed. What llhttp lets pass and
 * should not is refused here; what either of the two refuses is refused. No sockets. */
#ifndef NET_HEAD_H
#define NET_HEAD_H

#include "base/arena.h"
#include "http/api_error.h"
#include "http/header.h"
#include "http/route.h"

#include <llhttp.h>

/** Why a stream can't be served; error NULL: nothing is wrong. */
struct refusal {
    const struct api_error *error;
    const char *why; /* static text, for log and metrics */
};
#define REFUSAL_NONE ((struct refusal){NULL, NULL})

enum head_scan { HEAD_INCOMPLETE = 0, HEAD_COMPLETE, HEAD_BROKEN };

/** Looks for the empty line. `*line_at` (0 at first) remembers where the first incomplete line
 * starts, so that what was seen is not looked at again. HEAD_COMPLETE: out_len octets are the
 * head. HEAD_BROKEN: a line end without CR, or an octet that no head contains. */
enum head_scan head_find_end(struct str data, size_t *line_at, size_t *out_len);

/** What one head is read with. Borrowed; the result points into `items` and the octets. */
struct head_reader {
    size_t lines_max;     /* header lines, at most HEADERS_MAX */
    llhttp_t *parser;     /* is left where the body starts */
    struct arena *arena;  /* for what has to be written anew */
    struct header *items; /* room for HEADERS_MAX */
};

struct head {
    enum http_method method;
    struct str target; /* origin-form, untouched octets */
    struct headers headers;
    uint64_t content_length;
    bool http_1_0;
    bool chunked;
    bool keep_alive;
    bool expect_continue;
};

/** Reads one whole head. `out->method` is set, if it can be told, also when the head is refused.
 * Source: http-and-security §1; RFC 9112. */
struct refusal head_read(struct str octets, const struct head_reader *reader,
                         struct head *out) NODISCARD;

/** One header or trailer line without its end: a token, a colon, a value without controls. */
bool header_line_is_sound(struct str line, struct str *out_name, struct str *out_value) NODISCARD;

#endif
