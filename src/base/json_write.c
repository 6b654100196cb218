/* JSON (RFC 8259) out: straight into a buffer, in the order of the calls. */
#include "base/json.h"

#include "base/clock.h"

/* What stands for each octet below U+0020; 'u' means the six-character form. */
static const char short_escapes[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

/* Whether all eight octets are plain ASCII that needs no escape (sometimes says no without need).
 */
static bool is_plain_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
    uint64_t quotes = word ^ ones * '"', backslashes = word ^ ones * '\\';

    return ((word | (word - ones * 0x20) | ((quotes - ones) & ~quotes) |
             ((backslashes - ones) & ~backslashes)) &
            highs) == 0;
}

static uint64_t load_word(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

/* One to seven octets, some of them twice, as a word. */
static uint64_t short_word(struct str text)
{
    uint32_t first, last;
    unsigned char three[4];

    if (text.len >= sizeof first) {
        memcpy(&first, text.ptr, sizeof first);
        memcpy(&last, text.ptr + text.len - sizeof last, sizeof last);
        return (uint64_t)last << 32 | first;
    }
    three[0] = three[3] = (unsigned char)text.ptr[0];
    three[1] = (unsigned char)text.ptr[text.len / 2];
    three[2] = (unsigned char)text.ptr[text.len - 1];
    memcpy(&first, three, sizeof first);
    return (uint64_t)first << 32 | first;
}

/* Eight octets at a time, the last eight once more if need be. */
bool json_is_plain(struct str text)
{
    if (text.len < sizeof(uint64_t))
        return text.len == 0 || is_plain_word(short_word(text));
    for (size_t i = 0; text.len - i >= sizeof(uint64_t); i += sizeof(uint64_t))
        if (!is_plain_word(load_word(text.ptr + i)))
            return false;
    return is_plain_word(load_word(text.ptr + text.len - sizeof(uint64_t)));
}

/* Before every value and name: the comma that the former one left to write. */
static void separate(struct json_writer *w)
{
    if (w->comma)
        buf_add_char(w->out, ',');
    w->comma = true;
}

static void open_bracket(struct json_writer *w, char bracket)
{
    separate(w);
    buf_add_char(w->out, bracket);
    w->comma = false;
}

static void close_bracket(struct json_writer *w, char bracket)
{
    buf_add_char(w->out, bracket);
    w->comma = true;
}

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

void json_object_begin(struct json_writer *w)
{
    open_bracket(w, '{');
}

void json_object_end(struct json_writer *w)
{
    close_bracket(w, '}');
}

void json_array_begin(struct json_writer *w)
{
    open_bracket(w, '[');
}

void json_array_end(struct json_writer *w)
{
    close_bracket(w, ']');
}

/* In one piece where nothing needs an escape, which is nearly always. */
static void quote(struct buf *out, struct str text)
{
    char *at = text.len && json_is_plain(text) ? buf_reserve(out, text.len + 2) : NULL;

    if (at) {
        at[0] = '"';
        memcpy(at + 1, text.ptr, text.len);
        at[text.len + 1] = '"';
        buf_grown(out, text.len + 2);
        return;
    }
    buf_add_char(out, '"');
    json_escape(out, text);
    buf_add_char(out, '"');
}

void json_name(struct json_writer *w, const char *name)
{
    separate(w);
    quote(w->out, str_from(name));
    buf_add_char(w->out, ':');
    w->comma = false;
}

void json_str(struct json_writer *w, struct str value)
{
    separate(w);
    quote(w->out, value);
}

void json_int(struct json_writer *w, int64_t value)
{
    separate(w);
    if (value < 0)
        buf_add_char(w->out, '-');
    buf_add_u64(w->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_bool(struct json_writer *w, bool value)
{
    json_raw(w, value ? STR("true") : STR("false"));
}

void json_null_value(struct json_writer *w)
{
    json_raw(w, STR("null"));
}

void json_raw(struct json_writer *w, struct str value)
{
    separate(w);
    buf_add(w->out, value);
}

void json_member_str(struct json_writer *w, const char *name, struct str value)
{
    json_name(w, name);
    json_str(w, value);
}

void json_member_id(struct json_writer *w, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT_LEN];

    uuid_format(id, text);
    json_member_str(w, name, str_of(text, sizeof text));
}

void json_member_int(struct json_writer *w, const char *name, int64_t value)
{
    json_name(w, name);
    json_int(w, value);
}

void json_member_bool(struct json_writer *w, const char *name, bool value)
{
    json_name(w, name);
    json_bool(w, value);
}

void json_member_time(struct json_writer *w, const char *name, int64_t t)
{
    char text[24];

    json_name(w, name);
    if (t == 0) {
        json_null_value(w);
        return;
    }
    time_to_iso8601(t, text);
    json_str(w, (struct str){text, ISO8601_LEN});
}

static void escape_octet(struct buf *out, unsigned char c)
{
    char hex[2];

    buf_add_char(out, '\\');
    if (c == '"' || c == '\\') {
        buf_add_char(out, (char)c);
    } else if (short_escapes[c] != 'u') {
        buf_add_char(out, short_escapes[c]);
    } else {
        hex_encode(&c, 1, hex);
        buf_add(out, STR("u00"));
        buf_add(out, (struct str){hex, 2});
    }
}

static size_t plain_length(struct str text, size_t from)
{
    size_t i = from;

    while (text.len - i >= 8 && is_plain_word(load_word(text.ptr + i)))
        i += 8;
    return i - from;
}

void json_escape(struct buf *out, struct str text)
{
    size_t start = 0, i;

    if (json_is_plain(text)) {
        buf_add(out, text);
        return;
    }
    for (i = plain_length(text, 0); i < text.len;) {
        unsigned char c = (unsigned char)text.ptr[i];
        size_t len = c < 0x80 ? 1 : str_utf8_char((struct str){text.ptr + i, text.len - i});

        if (len && c >= 0x20 && c != '"' && c != '\\') {
            i += len;
            i += plain_length(text, i);
            continue;
        }
        buf_add(out, (struct str){text.ptr + start, i - start});
        if (len)
            escape_octet(out, c);
        else
            buf_add(out, STR("\xEF\xBF\xBD"));
        start = ++i;
    }
    if (start < text.len)
        buf_add(out, (struct str){text.ptr + start, text.len - start});
}
