/* HTML of strangers, made harmless: what is on the list stays, all else goes.
 *
 * Nothing of the input is copied as markup. Tags are read, looked up and written anew; text is
 * copied with '<' and '>' escaped; attributes are decoded, judged and encoded. So what a browser
 * makes of the output is what stands here, whatever it would have made of the input. Elements are
 * closed in order, also where the input forgot to. What comes out goes in unchanged. */
#include "services/chat/chat_wire.h"

#define DEPTH_MAX ((size_t)32)
#define VALUE_MAX ((size_t)2048)

/* What may become of an element. Elements that are in no list lose their tags and keep what is in
 * them. */
enum kind {
    KIND_PAIR = 0, /* has an end */
    KIND_VOID,     /* has none */
    KIND_SWALLOWED /* goes with all that is in it: it is no text that anyone should see */
};

#define ATTR_HREF  0x01u
#define ATTR_SRC   0x02u
#define ATTR_ALT   0x04u
#define ATTR_TITLE 0x08u
#define ATTR_SIZE  0x10u /* width, height */
#define ATTR_SPAN  0x20u /* colspan, rowspan */

/* clang-format off */
static const struct element {
    const char *name;
    enum kind kind;
    unsigned attributes;
} elements[] = {
    {"a", KIND_PAIR, ATTR_HREF | ATTR_TITLE}, {"b", KIND_PAIR, 0}, {"blockquote", KIND_PAIR, 0},
    {"br", KIND_VOID, 0}, {"code", KIND_PAIR, 0}, {"del", KIND_PAIR, 0}, {"div", KIND_PAIR, 0},
    {"em", KIND_PAIR, 0}, {"h1", KIND_PAIR, 0}, {"h2", KIND_PAIR, 0}, {"h3", KIND_PAIR, 0},
    {"h4", KIND_PAIR, 0}, {"h5", KIND_PAIR, 0}, {"h6", KIND_PAIR, 0}, {"hr", KIND_VOID, 0},
    {"i", KIND_PAIR, 0}, {"img", KIND_VOID, ATTR_SRC | ATTR_ALT | ATTR_TITLE | ATTR_SIZE},
    {"ins", KIND_PAIR, 0}, {"li", KIND_PAIR, 0}, {"ol", KIND_PAIR, 0}, {"p", KIND_PAIR, 0},
    {"pre", KIND_PAIR, 0}, {"s", KIND_PAIR, 0}, {"small", KIND_PAIR, 0}, {"span", KIND_PAIR, 0},
    {"strike", KIND_PAIR, 0}, {"strong", KIND_PAIR, 0}, {"sub", KIND_PAIR, 0},
    {"sup", KIND_PAIR, 0}, {"table", KIND_PAIR, 0}, {"tbody", KIND_PAIR, 0},
    {"td", KIND_PAIR, ATTR_SPAN}, {"th", KIND_PAIR, ATTR_SPAN}, {"thead", KIND_PAIR, 0},
    {"tr", KIND_PAIR, 0}, {"u", KIND_PAIR, 0}, {"ul", KIND_PAIR, 0},
    {"iframe", KIND_SWALLOWED, 0}, {"math", KIND_SWALLOWED, 0}, {"noembed", KIND_SWALLOWED, 0},
    {"noframes", KIND_SWALLOWED, 0}, {"noscript", KIND_SWALLOWED, 0},
    {"object", KIND_SWALLOWED, 0}, {"plaintext", KIND_SWALLOWED, 0},
    {"script", KIND_SWALLOWED, 0}, {"style", KIND_SWALLOWED, 0}, {"svg", KIND_SWALLOWED, 0},
    {"template", KIND_SWALLOWED, 0}, {"textarea", KIND_SWALLOWED, 0},
    {"title", KIND_SWALLOWED, 0}, {"xmp", KIND_SWALLOWED, 0},
};
static const struct permitted {
    const char *name;
    unsigned bit;
} attributes[] = {
    {"href", ATTR_HREF}, {"src", ATTR_SRC}, {"alt", ATTR_ALT}, {"title", ATTR_TITLE},
    {"width", ATTR_SIZE}, {"height", ATTR_SIZE}, {"colspan", ATTR_SPAN}, {"rowspan", ATTR_SPAN},
};
static const struct {
    struct str name;
    char c;
} references[] = {
    {STR_INIT("amp;"), '&'}, {STR_INIT("lt;"), '<'}, {STR_INIT("gt;"), '>'},
    {STR_INIT("quot;"), '"'}, {STR_INIT("apos;"), '\''},
};
/* clang-format on */

struct cleaner {
    struct str rest;
    struct buf out;
    const struct element *open[DEPTH_MAX];
    size_t depth;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char peek(const struct cleaner *c, size_t at)
{
    if (at >= c->rest.len)
        return '\0';
    return c->rest.ptr[at];
}

static void skip(struct cleaner *c, size_t n)
{
    c->rest = str_from_index(c->rest, n);
}

static const struct element *find_element(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(elements); i++)
        if (name_eq_nocase(name, str_from(elements[i].name)))
            return &elements[i];
    return NULL;
}

/* ---- text ---- */

static void add_escaped(struct buf *out, char c)
{
    switch (c) {
    case '<':
        buf_add(out, STR("&lt;"));
        break;
    case '>':
        buf_add(out, STR("&gt;"));
        break;
    case '"':
        buf_add(out, STR("&quot;"));
        break;
    case '&':
        buf_add(out, STR("&amp;"));
        break;
    default:
        buf_add_char(out, c);
    }
}

/* Character references stay as they are: none of them makes a tag. */
static void add_text(struct cleaner *c, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char now = text.ptr[i];

        if (now == '<' || now == '>')
            add_escaped(&c->out, now);
        else if (now != '\0')
            buf_add_char(&c->out, now);
    }
}

/* ---- attributes ---- */

struct attribute {
    struct str name, value; /* raw */
};

/* The next attribute of a tag; false at its end, which is left in place. */
static bool next_attribute(struct cleaner *c, struct attribute *out)
{
    size_t n = 0;
    char quote;

    while (is_space(peek(c, n)) || peek(c, n) == '/')
        n++;
    skip(c, n);
    if (!c->rest.len || peek(c, 0) == '>')
        return false;
    for (n = 1; n < c->rest.len && !is_space(peek(c, n)) && peek(c, n) != '/' &&
                peek(c, n) != '>' && peek(c, n) != '=';)
        n++;
    *out = (struct attribute){str_head(c->rest, n), STR_EMPTY};
    skip(c, n);
    for (n = 0; is_space(peek(c, n));)
        n++;
    if (peek(c, n) != '=')
        return true;
    for (n++; is_space(peek(c, n));)
        n++;
    skip(c, n);
    quote = peek(c, 0);
    if (quote == '"' || quote == '\'') {
        skip(c, 1);
        n = str_find(c->rest, quote);
        out->value = str_head(c->rest, n);
        skip(c, n + 1);
        return true;
    }
    for (n = 0; n < c->rest.len && !is_space(peek(c, n)) && peek(c, n) != '>';)
        n++;
    out->value = str_head(c->rest, n);
    skip(c, n);
    return true;
}

static void add_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
    } else if (c < 0x800) {
        buf_add_char(out, (char)(0xC0 | c >> 6));
        buf_add_char(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buf_add_char(out, (char)(0xE0 | c >> 12));
        buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (c & 0x3F)));
    } else {
        buf_add_char(out, (char)(0xF0 | c >> 18));
        buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (c & 0x3F)));
    }
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

/* "#65;" or "#x41" at the front of `text`: how many octets it takes, 0 when it is none. */
static size_t number_reference(struct str text, uint32_t *out)
{
    bool hex = text.len > 1 && (text.ptr[1] == 'x' || text.ptr[1] == 'X');
    unsigned base = hex ? 16 : 10;
    size_t from = hex ? 2 : 1, n = from;

    *out = 0;
    while (n < text.len && digit_value(text.ptr[n]) < base) {
        if (*out < 0x110000)
            *out = *out * base + digit_value(text.ptr[n]);
        n++;
    }
    if (n == from)
        return 0;
    return n + (n < text.len && text.ptr[n] == ';');
}

/* What follows an '&'; how many octets were taken. What we don't know stays text. */
static size_t decode_reference(struct str text, struct buf *out)
{
    uint32_t number;
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(references); i++) {
        if (str_starts(text, references[i].name)) {
            buf_add_char(out, references[i].c);
            return references[i].name.len;
        }
    }
    n = text.len && text.ptr[0] == '#' ? number_reference(text, &number) : 0;
    if (!n) {
        buf_add_char(out, '&');
        return 0;
    }
    if (number >= 0x20 && number != 0x7F && number < 0x110000 &&
        (number < 0xD800 || number > 0xDFFF))
        add_utf8(out, number);
    return n;
}

/* Into `out`, without control characters, which browsers skip in addresses. */
static void decode_value(struct str raw, struct buf *out)
{
    for (size_t i = 0; i < raw.len;) {
        char c = raw.ptr[i++];

        if (c == '&')
            i += decode_reference(str_from_index(raw, i), out);
        else if ((unsigned char)c >= 0x20 && c != 0x7F)
            buf_add_char(out, c);
    }
}

static bool is_number(struct str s)
{
    uint64_t value;

    return str_to_u64(s, 10000, &value) == RC_OK;
}

/* An allow-list: what does not begin with one of these goes, so nothing has to be recognised as
 * bad. */
static bool is_allowed(unsigned bit, struct str value)
{
    switch (bit) {
    case ATTR_HREF:
        if (str_starts_nocase(value, STR("mailto:")) || str_starts_nocase(value, STR("tel:")))
            return true;
        /* fall through */
    case ATTR_SRC:
        return str_starts_nocase(value, STR("https://")) ||
               str_starts_nocase(value, STR("http://"));
    case ATTR_SIZE:
    case ATTR_SPAN:
        return is_number(value);
    default:
        return true;
    }
}

static void write_attribute(struct cleaner *c, const char *name, struct str value)
{
    buf_addf(&c->out, " %s=\"", name);
    for (size_t i = 0; i < value.len; i++)
        add_escaped(&c->out, value.ptr[i]);
    buf_add_char(&c->out, '"');
}

static void add_attribute(struct cleaner *c, const struct permitted *p, struct str raw)
{
    struct buf decoded;

    buf_init(&decoded, VALUE_MAX);
    decode_value(raw, &decoded);
    if (!decoded.failed) {
        struct str value = str_trim(buf_str(&decoded));

        if (is_allowed(p->bit, value))
            write_attribute(c, p->name, value);
    }
    buf_clear(&decoded);
}

/* Reads the attributes up to the end of the tag; with `e`, writes those that it may have. */
static void take_attributes(struct cleaner *c, const struct element *e)
{
    bool seen[ARRAY_LEN(attributes)] = {0};
    struct attribute a = {0};

    while (next_attribute(c, &a)) {
        for (size_t i = 0; e && i < ARRAY_LEN(attributes); i++) {
            if (!(e->attributes & attributes[i].bit) || seen[i] ||
                !name_eq_nocase(a.name, str_from(attributes[i].name)))
                continue;
            seen[i] = true; /* of several, browsers take the first */
            add_attribute(c, &attributes[i], a.value);
        }
    }
    skip(c, 1); /* '>', or the text has ended */
}

/* ---- tags ---- */

static void close_to(struct cleaner *c, size_t depth)
{
    while (c->depth > depth)
        buf_addf(&c->out, "</%s>", c->open[--c->depth]->name);
}

/* Behind the end tag of an element whose content nobody shall see, or at the end of the text. */
static void swallow(struct cleaner *c, const struct element *e)
{
    struct str name = str_from(e->name);

    while (c->rest.len) {
        skip(c, str_find(c->rest, '<'));
        if (peek(c, 1) == '/' && str_starts_nocase(str_from_index(c->rest, 2), name) &&
            !is_letter(peek(c, 2 + name.len)))
            break;
        skip(c, 1);
    }
    skip(c, 2 + name.len);
    take_attributes(c, NULL);
}

static struct str take_name(struct cleaner *c)
{
    struct str name;
    size_t n = 0;

    while (n < c->rest.len && !is_space(peek(c, n)) && peek(c, n) != '/' && peek(c, n) != '>')
        n++;
    name = str_head(c->rest, n);
    skip(c, n);
    return name;
}

static void start_tag(struct cleaner *c)
{
    struct str name = take_name(c);
    const struct element *e = find_element(name);

    if (e && e->kind == KIND_SWALLOWED) {
        take_attributes(c, NULL);
        swallow(c, e);
    } else if (!e || (e->kind == KIND_PAIR && c->depth == DEPTH_MAX)) {
        take_attributes(c, NULL);
    } else {
        buf_addf(&c->out, "<%s", e->name);
        take_attributes(c, e);
        buf_add_char(&c->out, '>');
        if (e->kind == KIND_PAIR)
            c->open[c->depth++] = e;
    }
}

static void end_tag(struct cleaner *c)
{
    struct str name = take_name(c);
    const struct element *e = find_element(name);
    size_t depth = c->depth;

    take_attributes(c, NULL);
    while (depth > 0 && c->open[depth - 1] != e)
        depth--;
    if (e && depth > 0)
        close_to(c, depth - 1);
}

/* Comments, declarations and processing instructions. */
static void skip_declaration(struct cleaner *c)
{
    if (str_starts(c->rest, STR("<!--")))
        skip(c, 4 + str_find_str(str_from_index(c->rest, 4), STR("-->")) + 3);
    else
        skip(c, str_find(c->rest, '>') + 1);
}

static void take_markup(struct cleaner *c)
{
    char next = peek(c, 1);

    if (is_letter(next)) {
        skip(c, 1);
        start_tag(c);
    } else if (next == '/' && is_letter(peek(c, 2))) {
        skip(c, 2);
        end_tag(c);
    } else if (next == '!' || next == '?' || next == '/') {
        skip_declaration(c);
    } else {
        add_text(c, STR("<"));
        skip(c, 1);
    }
}

enum rc chat_html_clean(struct str html, size_t max, struct arena *arena, struct str *out)
{
    struct cleaner c = {.rest = html};
    enum rc rc;

    buf_init(&c.out, max);
    while (c.rest.len && !c.out.failed) {
        size_t n = str_find(c.rest, '<');

        add_text(&c, str_head(c.rest, n));
        skip(&c, n);
        if (c.rest.len)
            take_markup(&c);
    }
    close_to(&c, 0);
    rc = c.out.failed;
    if (!rc)
        *out = arena_dup(arena, buf_str(&c.out));
    buf_clear(&c.out);
    return rc;
}
