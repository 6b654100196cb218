/* The sanitiser: whatever went in, what comes out has no markup but that of its list, and goes in
 * again unchanged. */
#include "fuzz.h"

#include "services/chat/chat_wire.h"

#define OUT_MAX (256 * KIB)

/* Each tag of the output is one of a few forms that are written here once more, by hand. */
static bool is_tag(struct str tag)
{
    static const char *const names[] = {
        "a",     "b",   "blockquote", "br",    "code", "del",    "div",    "em",  "h1",  "h2",
        "h3",    "h4",  "h5",         "h6",    "hr",   "i",      "img",    "ins", "li",  "ol",
        "p",     "pre", "s",          "small", "span", "strike", "strong", "sub", "sup", "table",
        "tbody", "td",  "th",         "thead", "tr",   "u",      "ul"};
    struct str name, attributes;

    if (str_starts(tag, STR("/")))
        tag = str_from_index(tag, 1);
    (void)str_cut(tag, ' ', &name, &attributes);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_from(names[i])))
            return true;
    return false;
}

static void check_attributes(struct str tag)
{
    static const struct str bad[] = {STR_INIT(" on"), STR_INIT(" style"), STR_INIT(" srcset"),
                                     STR_INIT("href=\"j"), STR_INIT("src=\"d")};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t at = str_find_str(tag, bad[i]);
        struct str before = str_head(tag, at);
        size_t quotes = 0;

        for (size_t j = 0; j < before.len; j++)
            quotes += before.ptr[j] == '"';
        CHECK(at == tag.len || quotes % 2 == 1); /* within a value it is text */
    }
}

static void check_markup(struct str text)
{
    while (text.len) {
        size_t open = str_find(text, '<');
        struct str tag;

        CHECK(str_find(str_head(text, open), '>') == (open < text.len ? open : text.len));
        text = str_from_index(text, open + 1);
        if (!text.ptr)
            break;
        tag = str_head(text, str_find(text, '>'));
        CHECK(tag.len < text.len && str_find(tag, '<') == tag.len);
        CHECK(is_tag(tag));
        check_attributes(tag);
        text = str_from_index(text, tag.len + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str out, again;

    arena_init(&arena);
    if (chat_html_clean(str_of(data, size), OUT_MAX, &arena, &out) == RC_OK) {
        check_markup(out);
        CHECK(chat_html_clean(out, OUT_MAX, &arena, &again) == RC_OK && str_eq(out, again));
        CHECK(!str_is_utf8(str_of(data, size)) || str_is_utf8(out));
    }
    arena_clear(&arena);
    return 0;
}
