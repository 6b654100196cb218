/* What a connection reads: the head, and a chunked body. Octets as they come off the wire. */
#include "fuzz.h"

#include "net/chunks.h"

#define BODY_MAX    (4 * KIB)
#define TRAILER_MAX 512
#define LINES_MAX   16

/* The end of the head is the same wherever the octets were torn apart. */
static enum head_scan find_end(struct str octets, size_t *out_len)
{
    size_t whole_at = 0, torn_at = 0, torn_len = 0;
    enum head_scan whole = head_find_end(octets, &whole_at, out_len), torn = HEAD_INCOMPLETE;

    for (size_t n = 1; n <= octets.len && torn == HEAD_INCOMPLETE; n += 1 + n / 8)
        torn = head_find_end(str_head(octets, n), &torn_at, &torn_len);
    if (torn == HEAD_INCOMPLETE)
        torn = head_find_end(octets, &torn_at, &torn_len);
    if (torn == HEAD_COMPLETE)
        CHECK(whole == HEAD_COMPLETE && torn_len == *out_len);
    if (whole == HEAD_COMPLETE)
        CHECK(*out_len >= 2 && *out_len <= octets.len && torn != HEAD_INCOMPLETE);
    return whole;
}

/* The head, written again from what was read, reads the same. */
static void check_written_again(const struct head *head, struct arena *arena)
{
    struct header items[HEADERS_MAX];
    struct head again;
    llhttp_t parser;
    const struct head_reader reader = {HEADERS_MAX, &parser, arena, items};
    struct buf text;

    buf_init(&text, 256 * KIB);
    buf_add(&text, method_name(head->method));
    buf_add_char(&text, ' ');
    buf_add(&text, head->target);
    buf_add(&text, head->http_1_0 ? STR(" HTTP/1.0\r\n") : STR(" HTTP/1.1\r\n"));
    for (size_t i = 0; i < head->headers.n; i++) {
        buf_add(&text, head->headers.items[i].name);
        buf_add_char(&text, ':');
        buf_add(&text, head->headers.items[i].value);
        buf_add(&text, STR("\r\n"));
    }
    buf_add(&text, STR("\r\n"));
    CHECK(!text.failed);
    CHECK(!head_read(buf_str(&text), &reader, &again).error);
    CHECK(again.method == head->method && str_eq(again.target, head->target));
    CHECK(again.content_length == head->content_length && again.chunked == head->chunked);
    CHECK(again.keep_alive == head->keep_alive && again.http_1_0 == head->http_1_0);
    CHECK(again.headers.n == head->headers.n);
    for (size_t i = 0; i < head->headers.n; i++)
        CHECK(str_eq(items[i].name, head->headers.items[i].name) &&
              str_eq(items[i].value, head->headers.items[i].value));
    buf_clear(&text);
}

/* head_read() does not show llhttp every octet of a credential; of all of them it thinks the same.
 */
static void check_whole(const struct head *head, struct str octets)
{
    static const llhttp_settings_t settings = {NULL};
    llhttp_t parser;

    llhttp_init(&parser, HTTP_REQUEST, &settings);
    CHECK(llhttp_execute(&parser, octets.ptr, octets.len) == HPE_OK || parser.upgrade);
    CHECK(((parser.flags & F_CHUNKED) != 0) == head->chunked);
    CHECK(head->chunked || parser.content_length == head->content_length);
}

static void check_head(const struct head *head, struct str octets, struct arena *arena)
{
    CHECK(head->headers.n <= LINES_MAX && !(head->chunked && head->content_length));
    CHECK(!(head->http_1_0 && head->chunked));
    CHECK(head->headers.times[HEADER_HOST] == 1 || head->http_1_0);
    CHECK(head->target.len && head->target.ptr[0] == '/');
    for (size_t i = 0; i < head->headers.n; i++) {
        const struct header *h = &head->headers.items[i];

        CHECK(h->name.len && fuzz_lies_within(h->name, octets));
        CHECK(fuzz_lies_within(h->value, octets) && str_eq(h->value, str_trim(h->value)));
    }
    if (head->method != METHOD_OTHER)
        check_written_again(head, arena);
}

struct outcome {
    const struct api_error *error;
    bool done;
    size_t used;
};

static struct outcome read_chunks(const llhttp_t *parser, struct str octets, size_t piece,
                                  struct buf *body)
{
    struct outcome o = {0};
    struct chunks c;

    buf_init(body, BODY_MAX);
    chunks_init(&c, parser, body, LINES_MAX, TRAILER_MAX);
    while (o.used < octets.len && !o.done && !o.error) {
        struct str part = str_head(str_from_index(octets, o.used), piece);
        size_t used = 0;

        o.error = chunks_take(&c, part, &used, &o.done).error;
        CHECK(used <= part.len && (o.done || o.error || used == part.len));
        o.used += used;
    }
    return o;
}

/* Torn apart or whole, a body is the same and ends at the same octet, or is refused: the words may
 * differ, since two parsers look and either may be first. */
static void check_chunks(const llhttp_t *parser, struct str octets)
{
    static const size_t pieces[] = {1, 3, 64};
    struct buf whole, torn;
    struct outcome a = read_chunks(parser, octets, octets.len, &whole);

    CHECK(whole.len <= octets.len);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct outcome b = read_chunks(parser, octets, pieces[i], &torn);

        CHECK(!a.error == !b.error && a.done == b.done);
        CHECK(a.error || (a.used == b.used && str_eq(buf_str(&whole), buf_str(&torn))));
        buf_clear(&torn);
    }
    buf_clear(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str octets = str_of(data, size);
    struct header items[HEADERS_MAX];
    struct arena arena;
    struct head head;
    llhttp_t parser;
    const struct head_reader reader = {LINES_MAX, &parser, &arena, items};
    size_t len = 0;

    if (find_end(octets, &len) != HEAD_COMPLETE)
        return 0;
    arena_init(&arena);
    if (!head_read(str_head(octets, len), &reader, &head).error) {
        check_whole(&head, str_head(octets, len));
        check_head(&head, octets, &arena);
        if (head.chunked)
            check_chunks(&parser, str_from_index(octets, len));
    }
    arena_clear(&arena);
    return 0;
}
