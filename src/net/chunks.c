/* Chunked bodies. The guard is a small machine over the framing octets alone: sizes are one to 16
 * hexadecimal digits, every line ends in CR LF, nothing stands before a size, extensions hold no
 * controls, data is followed by its line end and by nothing else. Source: RFC 9112 §7.1;
 * wire/http §1. */
#include "net/chunks.h"

#define SIZE_DIGITS_MAX 16
/* Framing octets that a body may have beyond one per octet of data: else a body of empty promises
 * could be endless. */
#define OVERHEAD_MAX ((uint32_t)16384)

enum guard_state {
    AT_SIZE = 0,
    IN_EXTENSION,
    AT_SIZE_LF,
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    IN_TRAILER,
    AT_TRAILER_LF,
    AT_END_LF,
    AT_END,
};

static struct refusal bad(const char *why)
{
    return (struct refusal){&API_BAD_REQUEST, why};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A size is known: data, or the trailer part. */
static struct refusal begin_chunk(struct chunks *c)
{
    if (c->chunk_left > c->body->max || c->total + c->chunk_left > c->body->max)
        return (struct refusal){&API_TOO_LARGE, "body too large"};
    c->total += c->chunk_left;
    c->state = c->chunk_left ? IN_DATA : IN_TRAILER;
    c->line_len = 0;
    return REFUSAL_NONE;
}

static struct refusal take_size(struct chunks *c, char octet)
{
    int value = hex_value(octet);

    if (value >= 0) {
        if (c->digits == SIZE_DIGITS_MAX)
            return bad("chunk size too long");
        if (c->digits++ == 0)
            c->chunk_left = 0;
        c->chunk_left = c->chunk_left << 4 | (uint64_t)value;
        return REFUSAL_NONE;
    }
    if (c->digits == 0 || (octet != '\r' && octet != ';'))
        return bad("malformed chunk size");
    c->state = octet == ';' ? IN_EXTENSION : AT_SIZE_LF;
    c->digits = 0;
    return REFUSAL_NONE;
}

static struct refusal take_extension(struct chunks *c, char octet)
{
    if (octet == '\r') {
        c->state = AT_SIZE_LF;
        return REFUSAL_NONE;
    }
    if (((unsigned char)octet < 0x20 && octet != '\t') || (unsigned char)octet >= 0x7F)
        return bad("octet in chunk extension");
    return REFUSAL_NONE;
}

static struct refusal end_trailer_line(struct chunks *c)
{
    struct str line = {c->line, c->line_len < sizeof c->line ? c->line_len : sizeof c->line};
    struct str name, value;

    if (!header_line_is_sound(line, &name, &value))
        return bad("malformed trailer line");
    if (++c->trailer_lines > c->lines_max)
        return (struct refusal){&API_HEADERS_TOO_LARGE, "too many trailer lines"};
    c->line_len = 0;
    c->state = IN_TRAILER;
    return REFUSAL_NONE;
}

static struct refusal take_trailer(struct chunks *c, char octet)
{
    if (octet == '\r') {
        c->state = c->line_len ? AT_TRAILER_LF : AT_END_LF;
        return REFUSAL_NONE;
    }
    if (((unsigned char)octet < 0x20 && octet != '\t') || octet == 0x7F)
        return bad("octet in trailer");
    if (c->line_len < sizeof c->line)
        c->line[c->line_len] = octet;
    c->line_len++;
    return REFUSAL_NONE;
}

static struct refusal take_framing(struct chunks *c, char octet)
{
    switch ((enum guard_state)c->state) {
    case AT_SIZE:
        return take_size(c, octet);
    case IN_EXTENSION:
        return take_extension(c, octet);
    case AT_SIZE_LF:
        return octet == '\n' ? begin_chunk(c) : bad("line end after chunk size");
    case AT_DATA_CR:
        c->state = AT_DATA_LF;
        return octet == '\r' ? REFUSAL_NONE : bad("chunk longer than its size");
    case AT_DATA_LF:
        c->state = AT_SIZE;
        return octet == '\n' ? REFUSAL_NONE : bad("line end after chunk data");
    case IN_TRAILER:
        return take_trailer(c, octet);
    case AT_TRAILER_LF:
        return octet == '\n' ? end_trailer_line(c) : bad("line end in trailer");
    case AT_END_LF:
        c->state = AT_END;
        return octet == '\n' ? REFUSAL_NONE : bad("line end after last chunk");
    case IN_DATA:
    case AT_END:
        break;
    }
    return bad("chunk state");
}

static bool in_trailer(const struct chunks *c)
{
    return c->state == IN_TRAILER || c->state == AT_TRAILER_LF || c->state == AT_END_LF;
}

static struct refusal charge(struct chunks *c)
{
    uint32_t max = in_trailer(c) ? c->trailer_max : OVERHEAD_MAX;

    if (++c->overhead <= max)
        return REFUSAL_NONE;
    return in_trailer(c) ? (struct refusal){&API_HEADERS_TOO_LARGE, "trailer too large"}
                         : bad("chunk framing too large");
}

/* Data pays for framing octets, so that small chunks are fine for as long as they bring some. */
static void skip_data(struct chunks *c, size_t room, size_t *at)
{
    size_t n = c->chunk_left < room ? (size_t)c->chunk_left : room;

    c->chunk_left -= n;
    *at += n;
    c->overhead = c->overhead > n * 8 ? c->overhead - (uint32_t)(n * 8) : 0;
    if (c->chunk_left == 0)
        c->state = AT_DATA_CR;
}

static struct refusal guard(struct chunks *c, struct str data, size_t *out_used)
{
    size_t at = 0;

    while (at < data.len && c->state != AT_END) {
        struct refusal r;

        if (c->state == IN_DATA) {
            skip_data(c, data.len - at, &at);
            continue;
        }
        r = charge(c);
        if (!r.error)
            r = take_framing(c, data.ptr[at]);
        if (r.error)
            return r;
        at++;
    }
    *out_used = at;
    return REFUSAL_NONE;
}

/* ---- llhttp ---- */

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct chunks *c = parser->data;

    buf_add(c->body, (struct str){at, len});
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct chunks *c = parser->data;

    c->complete = true;
    return HPE_PAUSED; /* what follows is the next request's */
}

static const llhttp_settings_t body_settings = {
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void chunks_init(struct chunks *c, const llhttp_t *parser, struct buf *body, uint32_t lines_max,
                 uint32_t trailer_max)
{
    *c = (struct chunks){
        .parser = *parser, .body = body, .lines_max = lines_max, .trailer_max = trailer_max};
    /* llhttp keeps the settings in a pointer to non-const, and only reads them */
    c->parser.settings = (void *)(uintptr_t)&body_settings;
}

struct refusal chunks_take(struct chunks *c, struct str data, size_t *out_used, bool *out_done)
{
    struct refusal r = guard(c, data, out_used);
    llhttp_errno_t err;
    bool done = c->state == AT_END;

    if (r.error)
        return r;
    c->parser.data = c;
    err = llhttp_execute(&c->parser, data.ptr, *out_used);
    if (c->complete != done || err != (done ? HPE_PAUSED : HPE_OK))
        return bad("parsers differ on the body");
    if (c->body->failed)
        return (struct refusal){&API_TOO_LARGE, "body too large"};
    *out_done = done;
    return REFUSAL_NONE;
}
