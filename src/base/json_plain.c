/* See json_plain.h. The library passes every octet through four functions, which for a token's
 * claims takes as long as half an RSA check. */
#include "base/json_plain.h"

#define NAME_ROOM  64
#define DIGITS_MAX 18 /* below 2^63, whatever they are */

struct reader {
    const char *at, *end;
    unsigned depth;
};

static json_t *read_value(struct reader *r);

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

/* Moves behind `c` if that comes next, blanks aside. */
static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, struct str word)
{
    if (!str_starts(str_of(r->at, (size_t)(r->end - r->at)), word))
        return false;
    r->at += word.len;
    return true;
}

static bool read_text(struct reader *r, struct str *out)
{
    const char *start;

    if (!take(r, '"'))
        return false;
    for (start = r->at; r->at < r->end; r->at++) {
        unsigned char c = (unsigned char)*r->at;

        if (c == '"') {
            *out = str_of(start, (size_t)(r->at++ - start));
            return true;
        }
        if (c == '\\' || c < 0x20)
            return false;
    }
    return false;
}

static json_t *read_string(struct reader *r)
{
    struct str text;

    return read_text(r, &text) ? json_stringn_nocheck(text.ptr, text.len) : NULL;
}

/* A fraction or an exponent behind the digits is no mark that read_members() goes on at. */
static json_t *read_number(struct reader *r)
{
    const char *start = r->at;
    json_int_t value = 0;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < DIGITS_MAX)
        value = value * 10 + (*r->at++ - '0');
    return r->at == start || (*start == '0' && r->at - start > 1) ? NULL : json_integer(value);
}

static bool read_member(struct reader *r, json_t *object)
{
    char name[NAME_ROOM];
    struct str text;
    json_t *value;

    if (!read_text(r, &text) || text.len >= sizeof name || !take(r, ':'))
        return false;
    if (text.len)
        memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    value = json_object_get(object, name) ? NULL : read_value(r);
    return value && json_object_set_new_nocheck(object, name, value) == 0;
}

static bool read_item(struct reader *r, json_t *array)
{
    json_t *value = read_value(r);

    return value && json_array_append_new(array, value) == 0;
}

/* What lies between the brackets, the first of which has been taken; takes `whole` over. */
static json_t *read_parts(struct reader *r, json_t *whole, char close,
                          bool (*read_part)(struct reader *r, json_t *whole))
{
    bool good = r->depth++ < JSON_DEPTH_MAX && whole, more = good && !take(r, close);

    while (more) {
        good = read_part(r, whole);
        more = good && take(r, ',');
        if (good && !more)
            good = take(r, close);
    }
    r->depth--;
    if (good)
        return whole;
    json_decref(whole);
    return NULL;
}

static json_t *read_value(struct reader *r)
{
    skip_blanks(r);
    if (r->at == r->end)
        return NULL;
    switch (*r->at) {
    case '"':
        return read_string(r);
    case '{':
        r->at++;
        return read_parts(r, json_object(), '}', read_member);
    case '[':
        r->at++;
        return read_parts(r, json_array(), ']', read_item);
    case 't':
        return take_word(r, STR("true")) ? json_true() : NULL;
    case 'f':
        return take_word(r, STR("false")) ? json_false() : NULL;
    case 'n':
        return take_word(r, STR("null")) ? json_null() : NULL;
    default:
        return read_number(r);
    }
}

json_t *json_read_plain(struct str text)
{
    struct reader r = {text.ptr, text.ptr + text.len, 0};
    json_t *value = read_value(&r);

    skip_blanks(&r);
    if (value && r.at == r.end)
        return value;
    json_decref(value);
    return NULL;
}
