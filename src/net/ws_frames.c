/* Frames are read by wslay's frame interface: it reads heads and lengths and takes masks off. Its
 * interface above that, for messages, costs 9 KB a connection while nothing comes; what a message
 * may be is therefore said here. A reader costs 4 KB, and is lent from the first octet of a frame
 * to its last. What we send is a head in front of the octets, written here: one message to many
 * listeners is as many frames.
 *
 * No extension is spoken. Compression (RFC 7692) would keep a window of up to 32 KB and some 256 KB
 * of zlib's for each connection, and length tells about secrets that share a message with a
 * stranger's text. Source: RFC 6455 §5, §7.4, §8.1; wire/http
 * §3. */
#include "net/ws_frames.h"

#include <wslay/wslay.h>

#define READERS_KEPT 8 /* free ones per lane */

/* ---- in: what reads ---- */

struct ws_reader {
    wslay_frame_context_ptr wslay;
    struct ws_reader *next_spare;
    struct str in;       /* not looked at yet; only within ws_frames_next() */
    uint8_t *low, *high; /* what was written of wslay's buffer: wiped before another gets it */
    size_t held;         /* octets that wslay has and has not told of */
    uint64_t left;       /* of the present frame's payload */
    bool in_frame;       /* its head was told of, its end not */
    uint8_t control_len;
    char control[WS_CONTROL_MAX];
};

static ssize_t give(uint8_t *to, size_t room, int flags, void *ctx)
{
    struct ws_reader *r = ctx;
    size_t n = r->in.len < room ? r->in.len : room;

    (void)flags;
    if (n == 0)
        return -1;
    memcpy(to, r->in.ptr, n);
    r->in = str_from_index(r->in, n);
    if (!r->low || to < r->low)
        r->low = to;
    if (to + n > r->high)
        r->high = to + n;
    r->held += n;
    return (ssize_t)n;
}

static struct ws_reader *reader_new(void)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = give};
    struct ws_reader *r = calloc(1, sizeof *r);

    if (!r || wslay_frame_context_init(&r->wslay, &callbacks, r))
        abort();
    return r;
}

static void reader_free(struct ws_reader *r)
{
    wslay_frame_context_free(r->wslay);
    free(r);
}

static void wipe(struct ws_reader *r)
{
    if (r->low)
        explicit_bzero(r->low, (size_t)(r->high - r->low));
    explicit_bzero(r->control, r->control_len);
    r->low = r->high = NULL;
    r->control_len = 0;
}

static struct ws_reader *borrow(struct ws_readers *pool)
{
    struct ws_reader *r = pool->spare;

    if (!r)
        return reader_new();
    pool->spare = r->next_spare;
    pool->n_spare--;
    return r;
}

static void give_back(struct ws_readers *pool, struct ws_reader *r)
{
    wipe(r);
    if (pool->n_spare >= READERS_KEPT) {
        reader_free(r);
        return;
    }
    r->next_spare = pool->spare;
    pool->spare = r;
    pool->n_spare++;
}

void ws_readers_clear(struct ws_readers *pool)
{
    while (pool->spare) {
        struct ws_reader *r = pool->spare;

        pool->spare = r->next_spare;
        reader_free(r);
    }
    pool->n_spare = 0;
}

void ws_frames_init(struct ws_frames *f, size_t message_max)
{
    *f = (struct ws_frames){.message_max = message_max};
    buf_init(&f->message, message_max);
}

void ws_frames_clear(struct ws_frames *f)
{
    if (f->reader) {
        wipe(f->reader);
        reader_free(f->reader);
        f->reader = NULL;
    }
    buf_wipe(&f->message);
}

/* ---- in: what a frame may be ---- */

static struct ws_event refused(enum ws_code code)
{
    return (struct ws_event){.kind = WS_REFUSED, .code = (uint16_t)code};
}

static bool is_control(uint8_t opcode)
{
    return wslay_is_ctrl_frame(opcode);
}

static bool is_known(uint8_t opcode)
{
    return opcode <= WSLAY_BINARY_FRAME ||
           (opcode >= WSLAY_CONNECTION_CLOSE && opcode <= WSLAY_PONG);
}

/* What the head says of itself and in its place: 0, or the code to refuse it by. */
static enum ws_code head_problem(const struct ws_frames *f, const struct wslay_frame_iocb *head)
{
    if (!head->mask || head->rsv || !is_known(head->opcode))
        return WS_PROTOCOL_ERROR;
    if (is_control(head->opcode))
        return 0; /* its length and end were wslay's to judge */
    if ((head->opcode == WSLAY_CONTINUATION_FRAME) != f->in_message)
        return WS_PROTOCOL_ERROR;
    if (head->opcode == WSLAY_BINARY_FRAME)
        return WS_UNSUPPORTED;
    return head->payload_length > f->message_max - f->message.len ? WS_TOO_LARGE : 0;
}

static size_t head_len(const struct wslay_frame_iocb *head)
{
    size_t length = head->payload_length < 126 ? 0 : head->payload_length < 65536 ? 2 : 8;

    return 2 + length + (head->mask ? 4 : 0);
}

static bool counts(const struct wslay_frame_iocb *head)
{
    return head->opcode != WSLAY_CONTINUATION_FRAME || (head->payload_length == 0 && !head->fin);
}

static bool may_be_received(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static struct ws_event closing(struct str payload)
{
    struct ws_event e = {.kind = WS_CLOSE, .code = WS_NO_CODE};

    if (payload.len == 0)
        return e;
    if (payload.len == 1)
        return refused(WS_PROTOCOL_ERROR);
    e.code = (uint16_t)((unsigned)(uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
    e.text = str_from_index(payload, 2);
    if (!may_be_received(e.code))
        return refused(WS_PROTOCOL_ERROR);
    return str_is_utf8(e.text) ? e : refused(WS_BAD_TEXT);
}

static struct ws_event control_event(uint8_t opcode, struct str payload)
{
    switch (opcode) {
    case WSLAY_PING:
        return (struct ws_event){.kind = WS_PING, .text = payload};
    case WSLAY_PONG:
        return (struct ws_event){.kind = WS_PONG, .text = payload};
    default:
        return closing(payload);
    }
}

/* ---- in: pieces of frames ---- */

static struct ws_event take_control(struct ws_reader *r, const struct wslay_frame_iocb *piece)
{
    if (piece->data_length)
        memcpy(r->control + r->control_len, piece->data, piece->data_length);
    r->control_len = (uint8_t)(r->control_len + piece->data_length);
    if (r->in_frame)
        return (struct ws_event){0};
    return control_event(piece->opcode, str_of(r->control, r->control_len));
}

static struct ws_event take_text(struct ws_frames *f, const struct wslay_frame_iocb *piece)
{
    struct str text = str_of(piece->data, piece->data_length);
    bool ends = !f->reader->in_frame && piece->fin;

    f->in_message = !ends;
    if (!ends || f->message.len) {
        buf_add(&f->message, text);
        if (f->message.failed)
            abort(); /* the length was within the limit: no memory */
        text = buf_str(&f->message);
    }
    if (!ends)
        return (struct ws_event){0};
    f->handed_over = true;
    return str_is_utf8(text) ? (struct ws_event){.kind = WS_TEXT, .text = text}
                             : refused(WS_BAD_TEXT);
}

static struct ws_event take_piece(struct ws_frames *f, const struct wslay_frame_iocb *piece)
{
    struct ws_reader *r = f->reader;

    if (!r->in_frame) {
        enum ws_code problem = head_problem(f, piece);

        if (problem)
            return refused(problem);
        r->held -= head_len(piece);
        r->left = piece->payload_length;
        r->control_len = 0;
        f->weight += counts(piece);
    }
    r->held -= piece->data_length;
    r->left -= piece->data_length;
    r->in_frame = r->left > 0;
    return is_control(piece->opcode) ? take_control(r, piece) : take_text(f, piece);
}

/* All octets are taken: between two frames nothing is kept. */
static void rest(struct ws_frames *f, struct ws_readers *pool)
{
    if (f->reader->in_frame || f->reader->held)
        return;
    give_back(pool, f->reader);
    f->reader = NULL;
}

/* The last event's text is no longer looked at. */
static void drop_message(struct ws_frames *f)
{
    if (!f->handed_over)
        return;
    f->handed_over = false;
    buf_wipe(&f->message);
    buf_init(&f->message, f->message_max);
}

struct ws_event ws_frames_next(struct ws_frames *f, struct ws_readers *pool, struct str *data)
{
    struct ws_event e = {0};

    drop_message(f);
    if (!f->reader)
        f->reader = borrow(pool);
    f->reader->in = *data;
    while (e.kind == WS_MORE) {
        struct wslay_frame_iocb piece;
        ssize_t n = wslay_frame_recv(f->reader->wslay, &piece);

        if (n == WSLAY_ERR_WANT_READ)
            break;
        e = n < 0 ? refused(WS_PROTOCOL_ERROR) : take_piece(f, &piece);
    }
    *data = f->reader->in;
    if (e.kind == WS_MORE)
        rest(f, pool);
    return e;
}

/* ---- out ---- */

#define FINAL        0x80
#define LEN_16       126 /* the length follows, in so many bits */
#define LEN_64       127
#define LEN_16_FIRST ((size_t)126)
#define LEN_64_FIRST ((size_t)65536)

/* In the shortest form of its length (RFC 6455 §5.2). */
static size_t write_head(uint8_t head[static WS_HEAD_MAX], enum wslay_opcode opcode, size_t len)
{
    size_t octets = len < LEN_16_FIRST ? 0 : len < LEN_64_FIRST ? 2 : 8;

    head[0] = (uint8_t)(FINAL | opcode);
    head[1] = octets == 0 ? (uint8_t)len : octets == 2 ? LEN_16 : LEN_64;
    for (size_t i = 0; i < octets; i++)
        head[2 + i] = (uint8_t)(len >> 8 * (octets - 1 - i));
    return 2 + octets;
}

/* Ours carry no mask: a head, and octets as they are. Room is made once for all of it. */
static void write_frame(enum wslay_opcode opcode, const struct str *pieces, size_t n,
                        struct buf *out)
{
    uint8_t head[WS_HEAD_MAX];
    size_t len = 0, head_len;

    for (size_t i = 0; i < n; i++)
        len += pieces[i].len;
    head_len = write_head(head, opcode, len);
    if (!buf_grow(out, head_len + len))
        return;
    buf_add(out, str_of(head, head_len));
    for (size_t i = 0; i < n; i++)
        buf_add(out, pieces[i]);
}

void ws_write_text(const struct str *pieces, size_t n, struct buf *out)
{
    write_frame(WSLAY_TEXT_FRAME, pieces, n, out);
}

void ws_write_ping(bool ping, struct str payload, struct buf *out)
{
    payload = str_head(payload, WS_CONTROL_MAX);
    write_frame(ping ? WSLAY_PING : WSLAY_PONG, &payload, 1, out);
}

static struct str cut_text(struct str text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xC0) == 0x80)
        max--;
    return str_head(text, max);
}

void ws_write_close(uint16_t code, struct str reason, struct buf *out)
{
    const char number[] = {(char)(code >> 8), (char)(code & 0xFF)};
    struct str pieces[] = {str_of(number, sizeof number),
                           cut_text(reason, WS_CONTROL_MAX - sizeof number)};

    write_frame(WSLAY_CONNECTION_CLOSE, pieces, code == WS_NO_CODE ? 0 : ARRAY_LEN(pieces), out);
}
