/* Templates: see http_template.h. A place is a word of letters, digits and dots between braces;
 * other braces are text, so that JSON can be written as it is. */
#include "carriers/http_template.h"

#include "http/url.h"

#define SECRET_PREFIX STR("secret.")
#define NUMBER_ROOM   24

enum place {
    PLACE_NONE = 0,
    PLACE_FROM,
    PLACE_TO,
    PLACE_FROM_DIGITS,
    PLACE_TO_DIGITS,
    PLACE_TEXT,
    PLACE_ID,
    PLACE_REPORT_URL,
    PLACE_SEGMENTS,
    PLACE_VALID_SECONDS,
    PLACE_SECRET,
};

static const struct {
    struct str word;
    enum place place;
} words[] = {
    {STR_INIT("from"), PLACE_FROM},
    {STR_INIT("to"), PLACE_TO},
    {STR_INIT("fromDigits"), PLACE_FROM_DIGITS},
    {STR_INIT("toDigits"), PLACE_TO_DIGITS},
    {STR_INIT("text"), PLACE_TEXT},
    {STR_INIT("id"), PLACE_ID},
    {STR_INIT("reportUrl"), PLACE_REPORT_URL},
    {STR_INIT("segments"), PLACE_SEGMENTS},
    {STR_INIT("validSeconds"), PLACE_VALID_SECONDS},
};

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_';
}

/* The next place of `text`: what stands before it, its word, what follows. False: there is none,
 * and `out_before` is all. */
static bool next_place(struct str text, struct str *out_before, struct str *out_word,
                       struct str *out_after)
{
    for (size_t open = 0; open < text.len; open++) {
        size_t end = open + 1;

        if (text.ptr[open] != '{')
            continue;
        while (end < text.len && is_word_char(text.ptr[end]))
            end++;
        if (end == open + 1 || end == text.len || text.ptr[end] != '}')
            continue;
        *out_before = str_head(text, open);
        *out_word = str_of(text.ptr + open + 1, end - open - 1);
        *out_after = str_from_index(text, end + 1);
        return true;
    }
    *out_before = text;
    return false;
}

static struct str secret_of(const json_t *secrets, struct str word)
{
    struct str name = str_from_index(word, SECRET_PREFIX.len);
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)secrets, key, value)
    {
        if (name_eq(name, str_from(key)))
            return str_of(json_string_value(value), json_string_length(value));
    }
    return STR_EMPTY;
}

static enum place place_of(struct str word)
{
    if (str_starts(word, SECRET_PREFIX))
        return PLACE_SECRET;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (name_eq(word, words[i].word))
            return words[i].place;
    return PLACE_NONE;
}

static const char *fault_of(struct str word, enum template_escape escape, const json_t *secrets)
{
    enum place place = place_of(word);

    if (place == PLACE_NONE)
        return "is no place that there is";
    if (place == PLACE_SECRET && !secret_of(secrets, word).len)
        return "is not among the secrets";
    if (place == PLACE_TEXT && escape == TEMPLATE_HEADER)
        return "can't stand in a header";
    return NULL;
}

enum rc template_check(struct str text, enum template_escape escape, const json_t *secrets,
                       struct buf *why)
{
    struct str before, word, rest = text;

    while (next_place(rest, &before, &word, &rest)) {
        const char *fault = fault_of(word, escape, secrets);

        if (fault) {
            buf_addf(why, "{" STR_FMT "} %s.", STR_ARG(str_head(word, 64)), fault);
            return RC_INVALID;
        }
    }
    return RC_OK;
}

/* ---- filling ---- */

static void add_xml(struct buf *out, struct str value)
{
    static const char special[] = "&<>\"'";
    static const struct str entities[] = {STR_INIT("&amp;"), STR_INIT("&lt;"), STR_INIT("&gt;"),
                                          STR_INIT("&quot;"), STR_INIT("&apos;")};

    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        const char *at = c ? strchr(special, c) : NULL;

        if (at)
            buf_add(out, entities[at - special]);
        else if ((unsigned char)c >= ' ' || c == '\t' || c == '\n' || c == '\r')
            buf_add_char(out, c); /* other controls can't stand in XML at all */
    }
}

static void add_value(struct buf *out, enum template_escape escape, struct str value)
{
    switch (escape) {
    case TEMPLATE_PLAIN:
    case TEMPLATE_HEADER:
        buf_add(out, value);
        break;
    case TEMPLATE_URL:
        url_encode_segment(value, out);
        break;
    case TEMPLATE_JSON:
        json_escape(out, value);
        break;
    case TEMPLATE_XML:
        add_xml(out, value);
        break;
    }
}

static struct str without_plus(struct str number)
{
    return str_starts(number, STR("+")) ? str_from_index(number, 1) : number;
}

static struct str text_of(const struct template_values *v, struct str word,
                          char number[static NUMBER_ROOM])
{
    switch (place_of(word)) {
    case PLACE_NONE:
        break;
    case PLACE_FROM:
        return v->message->from;
    case PLACE_TO:
        return v->message->to;
    case PLACE_FROM_DIGITS:
        return without_plus(v->message->from);
    case PLACE_TO_DIGITS:
        return without_plus(v->message->to);
    case PLACE_TEXT:
        return v->message->text;
    case PLACE_ID:
        return v->message->id_text;
    case PLACE_REPORT_URL:
        return v->report_url;
    case PLACE_SEGMENTS:
        (void)snprintf(number, NUMBER_ROOM, "%u", v->message->segments); /* fits */
        return str_from(number);
    case PLACE_VALID_SECONDS:
        (void)snprintf(number, NUMBER_ROOM, "%lld", (long long)v->valid_s); /* fits */
        return str_from(number);
    case PLACE_SECRET:
        return secret_of(v->secrets, word);
    }
    return STR_EMPTY;
}

void template_fill(struct str text, enum template_escape escape,
                   const struct template_values *values, struct buf *out)
{
    struct str before, word, rest = text;
    char number[NUMBER_ROOM];

    while (next_place(rest, &before, &word, &rest)) {
        buf_add(out, before);
        add_value(out, escape, text_of(values, word, number));
    }
    buf_add(out, before);
}
