/* Bodies in chunks: a guard reads the framing octets more strictly than llhttp does, llhttp
 * decodes, and both must find the same end. No sockets. */
#ifndef NET_CHUNKS_H
#define NET_CHUNKS_H

#include "base/buf.h"
#include "net/head.h"

struct chunks {
    llhttp_t parser;
    struct buf *body;    /* borrowed; its ceiling is the body limit */
    uint64_t chunk_left; /* octets of data of the present chunk */
    uint64_t total;      /* octets announced so far */
    uint32_t overhead;   /* framing octets since the last data that pays for them */
    uint32_t line_len;   /* of the trailer line being read */
    uint16_t trailer_lines;
    uint8_t digits;
    uint8_t state;
    bool complete; /* llhttp has seen the end */
    uint32_t lines_max, trailer_max;
    char line[256]; /* a trailer line, as far as it fits */
};

/** Starts where head_read() left `parser`. `trailer_max` octets and `lines_max` lines of trailer
 * fields are read and thrown away; more is refused. */
void chunks_init(struct chunks *c, const llhttp_t *parser, struct buf *body, uint32_t lines_max,
                 uint32_t trailer_max);
/** Takes what belongs to the body from `data`: out_used octets. True in `out_done` at its end. */
struct refusal chunks_take(struct chunks *c, struct str data, size_t *out_used,
                           bool *out_done) NODISCARD;

#endif
