/* Frames of a WebSocket: the first octet says how the rest is cut, and however it is cut, the same
 * comes of it. Text is UTF-8 and within its limit; what is written again reads the same. */
#include "fuzz.h"

#include "net/ws_frames.h"

#define MESSAGE_MAX ((size_t)300)

static void check_event(const struct ws_event *e)
{
    switch (e->kind) {
    case WS_TEXT:
        CHECK(e->text.len <= MESSAGE_MAX && str_is_utf8(e->text));
        break;
    case WS_PING:
    case WS_PONG:
        CHECK(e->text.len <= WS_CONTROL_MAX);
        break;
    case WS_CLOSE:
        CHECK(e->code >= 1000 && e->code <= 4999 && e->code != WS_ABNORMAL);
        CHECK(e->text.len <= WS_CONTROL_MAX - 2 && str_is_utf8(e->text));
        break;
    case WS_REFUSED:
        CHECK(e->code == WS_PROTOCOL_ERROR || e->code == WS_UNSUPPORTED || e->code == WS_BAD_TEXT ||
              e->code == WS_TOO_LARGE);
        break;
    case WS_MORE:
        break;
    }
}

static void note(struct buf *seen, const struct ws_event *e)
{
    buf_addf(seen, "%d %u %zu:", (int)e->kind, (unsigned)e->code, e->text.len);
    buf_add(seen, e->text);
}

static void read_all(struct str data, size_t step, struct buf *seen)
{
    struct ws_readers pool = {0};
    struct ws_frames f;
    bool refused = false;

    ws_frames_init(&f, MESSAGE_MAX);
    while (data.len && !refused) {
        struct str part = str_head(data, step);
        struct ws_event e = {.kind = WS_PING};

        data = str_from_index(data, step);
        while (e.kind != WS_MORE && !refused) {
            e = ws_frames_next(&f, &pool, &part);
            check_event(&e);
            if (e.kind != WS_MORE)
                note(seen, &e);
            refused = e.kind == WS_REFUSED;
        }
        CHECK(refused || part.len == 0);
    }

    ws_frames_clear(&f);
    ws_readers_clear(&pool);
}

/* Ours carry no mask: the reader is a server's, and refuses what a server writes. */
static void write_all(struct str text)
{
    struct str pieces[] = {str_head(text, text.len / 2), str_from_index(text, text.len / 2)};
    struct buf out, seen;

    buf_init(&out, text.len + KIB);
    buf_init(&seen, KIB);
    ws_write_text(pieces, ARRAY_LEN(pieces), &out);
    CHECK(out.len > text.len && out.len <= text.len + WS_HEAD_MAX);
    read_all(buf_str(&out), out.len, &seen);
    CHECK(str_starts(buf_str(&seen), STR("5 1002 ")));
    buf_reset(&out);
    ws_write_ping(text.len % 2, text, &out);
    CHECK(out.len <= 2 + WS_CONTROL_MAX);
    buf_reset(&out);
    ws_write_close(text.len % 3 ? 1000 : WS_NO_CODE, text, &out);
    CHECK(out.len <= 2 + WS_CONTROL_MAX);
    buf_clear(&out);
    buf_clear(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_of(data, size);
    struct buf whole, cut;

    if (size == 0)
        return 0;
    buf_init(&whole, 64 * size + KIB);
    buf_init(&cut, 64 * size + KIB);
    read_all(str_from_index(all, 1), size, &whole);
    read_all(str_from_index(all, 1), data[0] ? data[0] : 1, &cut);
    CHECK(!whole.failed && str_eq(buf_str(&whole), buf_str(&cut)));
    write_all(all);
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
