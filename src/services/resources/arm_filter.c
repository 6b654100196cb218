/* The $filter of lists: the small part of OData that clients of these lists send. What a name means
 * is its list's business. Source: wire/managed-identity §6. */
#include "services/resources/arm_access.h"

#define FILTER_MAX ((size_t)1024)

static void skip_blanks(struct str *rest)
{
    while (str_starts(*rest, STR(" ")))
        *rest = str_from_index(*rest, 1);
}

/* A run of letters, digits, '.', '_' and '-'. */
static struct str take_word(struct str *rest)
{
    size_t n = 0;
    struct str word;

    while (n < rest->len) {
        char c = rest->ptr[n];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            break;
        n++;
    }
    word = str_head(*rest, n);
    *rest = str_from_index(*rest, n);
    return word;
}

/* 'text', where '' stands for one quote; or a word without quotes. */
static bool take_value(struct request *req, struct str *rest, struct str *out)
{
    char *text;
    size_t n = 0;

    if (!str_starts(*rest, STR("'"))) {
        *out = take_word(rest);
        return out->len > 0;
    }
    text = arena_alloc(req->arena, rest->len);
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->ptr[i] == '\'') {
            if (i + 1 >= rest->len || rest->ptr[i + 1] != '\'') {
                *rest = str_from_index(*rest, i + 1);
                *out = str_of(text, n);
                return true;
            }
            i++;
        }
        text[n++] = rest->ptr[i];
    }
    return false;
}

static bool take_call(struct request *req, struct str *rest, struct arm_term *out)
{
    *rest = str_from_index(*rest, 1);
    skip_blanks(rest);
    out->call = true;
    if (!str_starts(*rest, STR(")"))) {
        if (!take_value(req, rest, &out->value))
            return false;
        skip_blanks(rest);
    }
    if (!str_starts(*rest, STR(")")))
        return false;
    *rest = str_from_index(*rest, 1);
    return true;
}

static bool take_term(struct request *req, struct str *rest, struct arm_term *out)
{
    skip_blanks(rest);
    out->name = take_word(rest);
    if (!out->name.len)
        return false;
    if (str_starts(*rest, STR("(")))
        return take_call(req, rest, out);
    skip_blanks(rest);
    if (!name_eq_nocase(take_word(rest), STR("eq")))
        return false;
    skip_blanks(rest);
    return take_value(req, rest, &out->value);
}

static bool parse(struct request *req, struct str rest, struct arm_filter *out)
{
    for (;;) {
        if (out->n == ARM_FILTER_TERMS || !take_term(req, &rest, &out->terms[out->n++]))
            return false;
        if (!rest.len)
            return true;
        if (!str_starts(rest, STR(" ")))
            return false;
        skip_blanks(&rest);
        if (!name_eq_nocase(take_word(&rest), STR("and")) || !str_starts(rest, STR(" ")))
            return false;
    }
}

bool arm_filter_read(struct request *req, struct arm_filter *out)
{
    struct str text;
    enum rc rc = url_query(req->url.query, STR("$filter"), req->arena, &text);

    *out = (struct arm_filter){0};
    if (rc == RC_NOT_FOUND)
        return true;
    if (!rc) {
        text = str_trim(text);
        if (!text.len || (text.len <= FILTER_MAX && parse(req, text, out)))
            return true;
    }
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT,
               STR("The $filter is not understood: use up to 4 parts such as name eq 'value', "
                   "joined by 'and'."));
    return false;
}

const struct arm_term *arm_filter_take(struct arm_filter *f, const char *name, bool call)
{
    for (size_t i = 0; i < f->n; i++) {
        struct arm_term *t = &f->terms[i];

        if (!t->taken && t->call == call && name_eq_nocase(t->name, str_from(name))) {
            t->taken = true;
            return t;
        }
    }
    return NULL;
}

bool arm_filter_done(struct request *req, const struct arm_filter *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->terms[i].taken)
            continue;
        arm_refuse(req, &API_INVALID_REQUEST_CONTENT,
                   arena_printf(req->arena,
                                "This list can't be filtered by '" STR_FMT "', or not twice.",
                                STR_ARG(body_excerpt(f->terms[i].name))));
        return false;
    }
    return true;
}
