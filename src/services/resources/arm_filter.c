/* A small part of OData's filter language: what clients of the management API send. Quotes inside
 * texts are doubled. */
#include "services/resources/arm_filter.h"

#define FILTER_TEXT_MAX ((size_t)2048)

struct reading {
    struct str rest;
    struct arena *arena;
};

static void skip_blanks(struct reading *r)
{
    while (str_starts(r->rest, STR(" ")))
        r->rest = str_from_index(r->rest, 1);
}

/* The word, in any case, when it comes next. */
static bool take_word(struct reading *r, struct str word)
{
    skip_blanks(r);
    if (!str_starts_nocase(r->rest, word))
        return false;
    r->rest = str_from_index(r->rest, word.len);
    return true;
}

/* 'text', with '' for a quote in it. */
static bool take_text(struct reading *r, struct str *out)
{
    char *text = arena_alloc(r->arena, r->rest.len + 1);
    size_t len = 0, at = 1;

    skip_blanks(r);
    if (!str_starts(r->rest, STR("'")))
        return false;
    for (; at < r->rest.len; at++) {
        if (r->rest.ptr[at] == '\'') {
            if (at + 1 == r->rest.len || r->rest.ptr[at + 1] != '\'')
                break;
            at++;
        }
        text[len++] = r->rest.ptr[at];
    }
    if (at >= r->rest.len || !len)
        return false;
    r->rest = str_from_index(r->rest, at + 1);
    *out = str_of(text, len);
    return true;
}

static bool take_equal(struct reading *r, struct str name, struct str *out)
{
    return take_word(r, name) && take_word(r, STR("eq ")) && take_text(r, out);
}

static bool take_call(struct reading *r, struct str *out)
{
    return take_word(r, STR("(")) && take_text(r, out) && take_word(r, STR(")"));
}

/* Texts that are compared, and where in the filter they go. */
static const struct {
    struct str name;
    unsigned term;
    size_t at;
} compared[] = {
    {STR_INIT("roleName"), FILTER_ROLE_NAME, offsetof(struct arm_filter, role_name)},
    {STR_INIT("type"), FILTER_ROLE_TYPE, offsetof(struct arm_filter, role_type)},
    {STR_INIT("resourceType"), FILTER_RESOURCE_TYPE, offsetof(struct arm_filter, resource_type)},
    {STR_INIT("resourceGroup"), FILTER_RESOURCE_GROUP, offsetof(struct arm_filter, resource_group)},
    {STR_INIT("name"), FILTER_NAME, offsetof(struct arm_filter, name)},
};

/* One term: its bit, or 0. What it says goes to `out`. */
static unsigned take_term(struct reading *r, struct arm_filter *out)
{
    struct reading start = *r;
    struct str text;

    if (take_word(r, STR("atScope()")))
        return FILTER_AT_SCOPE;
    if (take_word(r, STR("assignedTo")))
        return take_call(r, &text) && !uuid_parse(text, &out->principal) ? FILTER_PRINCIPAL : 0;
    if (take_equal(r, STR("principalId"), &text))
        return uuid_parse(text, &out->principal) ? 0 : FILTER_PRINCIPAL;
    for (size_t i = 0; i < ARRAY_LEN(compared); i++) {
        *r = start;
        if (take_equal(r, compared[i].name, &text)) {
            *(struct str *)(void *)((char *)out + compared[i].at) = text;
            return compared[i].term;
        }
    }
    return 0;
}

enum rc arm_filter_read(struct request *req, unsigned known, struct arm_filter *out)
{
    struct reading r = {.arena = req->arena};
    enum rc rc = url_query(req->url.query, STR("$filter"), req->arena, &r.rest);

    *out = (struct arm_filter){0};
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc || r.rest.len > FILTER_TEXT_MAX)
        return RC_INVALID;
    skip_blanks(&r);
    while (r.rest.len) {
        unsigned term = take_term(&r, out);

        if (!(term & known) || term & out->has)
            return RC_INVALID;
        out->has |= term;
        skip_blanks(&r);
        if (r.rest.len && (!take_word(&r, STR("and ")) || !str_trim(r.rest).len))
            return RC_INVALID;
    }
    return RC_OK;
}
