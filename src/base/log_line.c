/* The form of the log: quoted values, and a record as a line of text or of JSON. */
#include "base/log_line.h"

#include "base/json.h"

/* clang-format off */
static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};
static const struct str own_members[] = {STR_INIT("time"), STR_INIT("level"), STR_INIT("event")};
/* clang-format on */

/* The escape of one octet; the number of characters. */
static size_t escape(unsigned char c, char out[4])
{
    static const struct {
        unsigned char octet;
        char letter;
    } letters[] = {{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};

    out[0] = (char)c;
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        if (letters[i].octet == c) {
            out[0] = '\\';
            out[1] = letters[i].letter;
            return 2;
        }
    }
    if (c >= 0x20 && c < 0x7f)
        return 1;
    out[0] = '\\';
    out[1] = 'x';
    hex_encode(&c, 1, out + 2);
    return 4;
}

/* How many octets at the start of `text` stand for themselves between quotes. */
static size_t plain_length(struct str text)
{
    size_t i = 0;

    while (i < text.len && text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f && text.ptr[i] != '"' &&
           text.ptr[i] != '\\')
        i++;
    return i;
}

size_t log_quote(char *out, size_t cap, struct str text, size_t max)
{
    size_t len = 1, plain;

    if (cap < 2)
        return 0;
    text = str_head(text, max);
    out[0] = '"';
    plain = plain_length(str_head(text, cap - 2));
    if (plain)
        memcpy(out + 1, text.ptr, plain);
    len += plain;
    for (size_t i = plain; i < text.len; i++) {
        char escaped[4];
        size_t n = escape((unsigned char)text.ptr[i], escaped);

        if (n > cap - 1 - len)
            break;
        memcpy(out + len, escaped, n);
        len += n;
    }
    out[len++] = '"';
    return len;
}

void log_line_text(struct buf *out, const struct log_line *line)
{
    static const char blanks[] = "  ";
    struct str level = str_from(level_names[line->level]);
    size_t start;
    char time[24];

    time_to_iso8601(line->time, time);
    buf_add(out, str_of(time, ISO8601_LEN));
    buf_add_char(out, ' ');
    buf_add(out, level);
    buf_add(out, str_of(blanks, 6 - level.len));
    start = out->len;
    buf_add(out, line->event);
    if (line->fields.len)
        buf_add_char(out, ' ');
    buf_add(out, line->fields);
    for (size_t i = start; i < out->len; i++)
        if ((unsigned char)out->ptr[i] < 0x20 || out->ptr[i] == 0x7f)
            out->ptr[i] = '?';
    buf_add_char(out, '\n');
}

static bool is_plain_integer(struct str s)
{
    size_t first = s.ptr && s.len > 1 && s.ptr[0] == '-' ? 1 : 0;

    if (!s.ptr || s.len == 0 || s.len - first > 18)
        return false;
    if (s.ptr[first] == '0' && s.len - first > 1)
        return false;
    for (size_t i = first; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return !(first && s.ptr[first] == '0');
}

/* The inside of a quoted value. All escapes of log_quote() are JSON's too, but for \x, which stays
 * visible as it was written. */
static void add_quoted(struct buf *out, struct str inner)
{
    size_t at;

    while ((at = str_find(inner, '\\')) + 1 < inner.len) {
        json_escape(out, str_head(inner, at));
        buf_add(out, inner.ptr[at + 1] == 'x' ? STR("\\\\x") : (struct str){inner.ptr + at, 2});
        inner = str_from_index(inner, at + 2);
    }
    json_escape(out, inner);
}

static bool is_known_escape(char c)
{
    return c == '"' || c == '\\' || c == 'n' || c == 'r' || c == 't' || c == 'x';
}

/* The length of the value that `s` starts with: to the closing quote, else to a blank. *out_quoted
 * only for what log_quote() may have written. */
static size_t value_length(struct str s, bool *out_quoted)
{
    *out_quoted = false;
    if (s.len == 0 || s.ptr[0] != '"')
        return str_find(s, ' ');
    for (size_t i = 1 + plain_length(str_from_index(s, 1)); i < s.len; i++) {
        if (s.ptr[i] == '"') {
            *out_quoted = true;
            return i + 1;
        }
        if (s.ptr[i] == '\\' && (++i >= s.len || !is_known_escape(s.ptr[i])))
            break;
    }
    return str_find(s, ' ');
}

static void add_name(struct buf *out, struct str name)
{
    buf_add(out, STR(",\""));
    json_escape(out, name);
    for (size_t i = 0; i < ARRAY_LEN(own_members); i++)
        if (str_eq(name, own_members[i]))
            buf_add_char(out, '_'); /* a member name must not come twice */
    buf_add(out, STR("\":"));
}

/* One "key=value" as a member; what is left. */
static struct str add_field(struct buf *out, struct str fields)
{
    size_t name_len = 0, len;
    struct str rest;
    bool quoted;

    while (name_len < fields.len && fields.ptr[name_len] != '=' && fields.ptr[name_len] != ' ')
        name_len++;
    add_name(out, str_head(fields, name_len));
    rest = str_from_index(fields, name_len);
    if (str_starts(rest, STR("=")))
        rest = str_from_index(rest, 1);
    len = value_length(rest, &quoted);
    if (is_plain_integer(str_head(rest, len))) {
        buf_add(out, str_head(rest, len));
    } else {
        buf_add_char(out, '"');
        if (quoted)
            add_quoted(out, (struct str){rest.ptr + 1, len - 2});
        else
            json_escape(out, str_head(rest, len));
        buf_add_char(out, '"');
    }
    return str_from_index(rest, len);
}

/* The length of a member's name, if "name=" is what `s` starts with and no trouble is in it. */
static size_t plain_name_length(struct str s)
{
    size_t len = 0;

    while (len < s.len && (s.ptr[len] == '_' || (s.ptr[len] >= 'a' && s.ptr[len] <= 'z')))
        len++;
    if (len == 0 || len == s.len || s.ptr[len] != '=')
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(own_members); i++)
        if (name_eq(str_head(s, len), own_members[i]))
            return 0;
    return len;
}

/* Where the value that `s` starts with ends, if it can be copied; 0 if it can't. */
static size_t plain_value_length(struct str s)
{
    size_t len;

    if (s.len && s.ptr[0] == '"') {
        len = str_find(str_from_index(s, 1), '"') + 1;
        return len < s.len && json_is_plain((struct str){s.ptr + 1, len - 1}) ? len + 1 : 0;
    }
    len = str_find(s, ' ');
    return json_is_plain(str_head(s, len)) ? len : 0;
}

static char *put(char *at, struct str s)
{
    memcpy(at, s.ptr, s.len);
    return at + s.len;
}

/* Most fields are of the kind that we write ourselves: they are copied, without a look at each
 * octet. At most MEMBER_MAX octets for each one of the field. Stops at the first of another kind.
 */
#define MEMBER_MAX 4
static char *put_plain_fields(char *at, struct str *fields)
{
    while (fields->len) {
        struct str s = *fields, value;
        size_t name_len = plain_name_length(s), len;
        bool bare;

        if (name_len == 0)
            break;
        value = str_from_index(s, name_len + 1);
        len = plain_value_length(value);
        if (!value.ptr || len == 0)
            break;
        value = str_head(value, len);
        bare = value.ptr[0] == '"' || is_plain_integer(value);
        at = put(put(put(at, STR(",\"")), str_head(s, name_len)), STR("\":"));
        *at = '"';
        at = put(at + !bare, value);
        *at = '"';
        at += !bare;
        s = str_from_index(s, name_len + 1 + len);
        if (s.len && s.ptr[0] == ' ')
            s = str_from_index(s, 1);
        *fields = s.len && s.ptr[0] <= ' ' ? str_trim(s) : s;
    }
    return at;
}

static void add_plain_fields(struct buf *out, struct str *fields)
{
    char *start = buf_reserve(out, fields->len * MEMBER_MAX + 1);

    if (start)
        buf_grown(out, (size_t)(put_plain_fields(start, fields) - start));
}

void log_line_json(struct buf *out, const struct log_line *line)
{
    struct str fields = str_trim(line->fields);
    char time[24];

    time_to_iso8601(line->time, time);
    buf_add(out, STR("{\"time\":\""));
    buf_add(out, str_of(time, ISO8601_LEN));
    buf_add(out, STR("\",\"level\":\""));
    buf_add(out, str_from(level_names[line->level]));
    buf_add(out, STR("\",\"event\":\""));
    json_escape(out, line->event);
    buf_add_char(out, '"');
    while (fields.len) {
        add_plain_fields(out, &fields);
        if (fields.len)
            fields = str_trim(add_field(out, fields));
    }
    buf_add(out, STR("}\n"));
}
