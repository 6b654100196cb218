/* The index over the route tables: a tree of path segments. Under each node literal segments come
 * first, then parameters with a literal end, then bare parameters; the first path that has the
 * method in the wanted version wins. Built and checked once, then only read. */
#include "http/route.h"

#include <assert.h>

enum segment_kind { SEGMENT_LITERAL = 0, SEGMENT_ENDING, SEGMENT_PARAM };

/* One row, in the list of its path and method. */
struct entry {
    const struct route *route;
    struct entry *next;
    size_t index;
};

struct node {
    enum segment_kind kind;
    struct str text; /* the literal; for SEGMENT_ENDING what follows the parameter */
    bool any_case;   /* of `text` */
    struct node *children, *next;
    struct entry *rows[METHOD_COUNT];
    unsigned methods; /* bits of rows; 0: no path ends here */
};

struct router {
    struct arena arena;
    struct node root;
    const struct route **rows; /* in table order */
    size_t n;
};

/* ---- building ---- */

static const char *action_problem(const struct route *row)
{
    if (row->action < ACTION_NONE || row->action >= ACTION_COUNT)
        return "has an unknown action";
    if (row->need == NEED_ARM && row->action == ACTION_NONE)
        return "needs a role but names no action";
    if (row->accept & ACCEPT_ARM && row->need != NEED_ARM && row->need != NEED_ANY)
        return "accepts management tokens but needs something else";
    return NULL;
}

/* Why a row is bad: a static phrase, or NULL. */
static const char *policy_problem(const struct route *row)
{
    if (row->method <= METHOD_UNSET || row->method >= METHOD_OTHER)
        return "has no method that can be served";
    if (!row->path)
        return "has no path";
    if (row->need <= NEED_UNSET || row->need >= NEED_COUNT)
        return "has no policy";
    if (row->accept == 0)
        return "names no accepted credential";
    if ((row->accept & ACCEPT_NOBODY) && row->accept != ACCEPT_NOBODY)
        return "accepts credentials and says that none is looked at";
    if ((row->accept & ACCEPT_PATH) && (row->accept != ACCEPT_PATH || row->need != NEED_NOTHING))
        return "has its secret in the path and wants another credential";
    if ((row->accept & ACCEPT_FRAME) &&
        (row->accept != (ACCEPT_USER | ACCEPT_FRAME) || row->kind != KIND_UPGRADE))
        return "takes a token in the first frame without being an upgrade of users alone";
    if ((row->accept & (ACCEPT_SKYPETOKEN | ACCEPT_QUERY)) &&
        (row->accept & ~ACCEPT_QUERY) != (ACCEPT_USER | ACCEPT_SKYPETOKEN))
        return "has a user's token in another header and wants another credential";
    if (row->plane <= PLANE_UNSET || row->plane > PLANE_IDENTITY)
        return "has no plane";
    if (row->kind <= KIND_UNSET || row->kind > KIND_UPGRADE)
        return "has no kind of answer";
    if (!row->run)
        return "has no handler";
    if (row->media < MEDIA_JSON || row->media > MEDIA_ANY)
        return "has an unknown media type";
    return action_problem(row);
}

static bool takes_body(enum http_method method)
{
    return method == POST || method == PUT || method == PATCH;
}

static const char *version_problem(const struct route *row)
{
    const struct api *api = row->api;

    if (!api || !api->service)
        return "has no versions";
    if (api->service->version_count == 0)
        return api->from || api->to ? "has versions but its service has none" : NULL;
    if (api->from == 0 || api->from > api->to || api->to > api->service->version_count)
        return "has an unknown version";
    return NULL;
}

static const char *row_problem(const struct route *row)
{
    const char *problem = policy_problem(row);

    if (!problem)
        problem = version_problem(row);
    if (!problem && row->body_max == 0 && takes_body(row->method))
        problem = "has a body limit of 0 though its method has a body";
    return problem;
}

static const char *parse_segment(struct str text, struct node *out)
{
    size_t end = str_find(text, '}');

    if (text.len == 0)
        return "has an empty path segment";
    out->kind = SEGMENT_LITERAL;
    out->text = text;
    if (text.ptr[0] != '{')
        return str_find(text, '{') < text.len || end < text.len
                   ? "has a parameter that does not start its path segment"
                   : NULL;
    if (end == text.len || end < 2)
        return "has a parameter without an end or a name";
    out->text = str_from_index(text, end + 1);
    out->kind = out->text.len ? SEGMENT_ENDING : SEGMENT_PARAM;
    return str_find(out->text, '{') < out->text.len || str_find(out->text, '}') < out->text.len
               ? "has two parameters in one path segment"
               : NULL;
}

/* Whether `a` is tried before `b`: kinds in order, then exact spellings, then longer endings, since
 * ":ab" ends with "b". */
static bool goes_before(const struct node *a, const struct node *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind;
    if (a->any_case != b->any_case)
        return b->any_case;
    return a->kind == SEGMENT_ENDING && a->text.len > b->text.len;
}

static bool same_text(const struct node *node, struct str text)
{
    return node->any_case ? name_eq_nocase(node->text, text) : name_eq(node->text, text);
}

static struct node *child(struct router *r, struct node *parent, const struct node *wanted)
{
    struct node **at, *made;

    for (at = &parent->children; *at; at = &(*at)->next)
        if ((*at)->kind == wanted->kind && (*at)->any_case == wanted->any_case &&
            same_text(*at, wanted->text))
            return *at;
    at = &parent->children;
    while (*at && !goes_before(wanted, *at))
        at = &(*at)->next;
    made = arena_new(&r->arena, struct node);
    *made = *wanted;
    made->next = *at;
    *at = made;
    return made;
}

static const char *add_path(struct router *r, struct str path, bool any_case, struct node **out)
{
    struct node *node = &r->root;
    size_t at = 1, segments = 0, params = 0;

    if (path.len == 0 || path.ptr[0] != '/')
        return "has a path that does not start with a slash";
    while (path.len > 1 && at <= path.len) {
        struct str rest = {path.ptr + at, path.len - at};
        struct str segment = str_head(rest, str_find(rest, '/'));
        struct node wanted = {0};
        const char *problem = parse_segment(segment, &wanted);

        if (problem)
            return problem;
        wanted.any_case = any_case && wanted.kind != SEGMENT_PARAM;
        params += wanted.kind != SEGMENT_LITERAL;
        if (++segments > URL_SEGMENTS_MAX || params > ROUTE_PARAMS_MAX)
            return "has too many path segments or parameters";
        node = child(r, node, &wanted);
        at += segment.len + 1;
    }
    *out = node;
    return NULL;
}

static bool overlap(const struct api *a, const struct api *b)
{
    return a->from <= b->to && b->from <= a->to;
}

static const char *add_entry(struct router *r, struct node *node, const struct route *row)
{
    struct entry **at = &node->rows[row->method];
    struct entry *made;

    for (; *at; at = &(*at)->next) {
        const struct api *other = (*at)->route->api;

        if (other->service != row->api->service)
            return "is a duplicate in another service";
        if (overlap(other, row->api))
            return "is a duplicate";
    }
    made = arena_new(&r->arena, struct entry);
    *made = (struct entry){.route = row, .index = r->n};
    *at = made;
    node->methods |= 1U << row->method;
    return NULL;
}

static const char *add_row(struct router *r, const struct route *row)
{
    struct node *node = NULL;
    const char *problem = row_problem(row);

    if (!problem)
        problem = add_path(r, str_from(row->path), row->api->service->any_case, &node);
    if (!problem)
        problem = add_entry(r, node, row);
    if (!problem)
        r->rows[r->n++] = row;
    return problem;
}

static bool is_end(const struct route *row)
{
    return row->method == METHOD_UNSET && !row->path && !row->run && !row->api;
}

static size_t count_rows(const struct route *const *tables, size_t n)
{
    size_t rows = 0;

    for (size_t i = 0; i < n; i++)
        for (const struct route *row = tables[i]; !is_end(row); row++)
            rows++;
    return rows;
}

static void explain(struct buf *why, const struct route *row, const char *problem)
{
    struct str path = row->path ? str_from(row->path) : STR("(a row without a path)");

    buf_addf(why, "The route " STR_FMT " " STR_FMT " %s.", STR_ARG(method_name(row->method)),
             STR_ARG(path), problem);
}

struct router *router_new(const struct route *const *tables, size_t n, struct buf *why)
{
    struct router *r = calloc(1, sizeof *r);

    if (!r)
        abort();
    arena_init(&r->arena);
    r->rows = arena_array(&r->arena, const struct route *, count_rows(tables, n));
    for (size_t i = 0; i < n; i++) {
        for (const struct route *row = tables[i]; !is_end(row); row++) {
            const char *problem = add_row(r, row);

            if (problem) {
                explain(why, row, problem);
                router_free(r);
                return NULL;
            }
        }
    }
    return r;
}

void router_free(struct router *r)
{
    if (!r)
        return;
    arena_clear(&r->arena);
    free(r);
}

/* ---- finding ---- */

struct search {
    enum http_method method;
    const struct url *url;
    struct str version_text;
    struct str params[ROUTE_PARAMS_MAX];
    bool any_has_method;
    struct route_match *out;
};

static const struct entry *entry_in_version(const struct entry *entry, uint8_t version)
{
    for (; entry; entry = entry->next) {
        const struct api *api = entry->route->api;

        if (api->service->version_count == 0 || (version >= api->from && version <= api->to))
            return entry;
    }
    return NULL;
}

static const struct route *any_route(const struct node *node)
{
    for (size_t m = 0; m < METHOD_COUNT; m++)
        if (node->rows[m])
            return node->rows[m]->route;
    return NULL;
}

/* A path ends here and fits: true when it has the row. */
static bool take(struct search *s, const struct node *node)
{
    struct route_match *out = s->out;
    const struct entry *first = node->rows[s->method], *found;
    uint8_t version;

    out->methods |= node->methods;
    if (!first && s->method == HEAD)
        first = node->rows[GET];
    if (!first) {
        if (!out->any)
            out->any = any_route(node);
        return false;
    }
    version = s->version_text.ptr ? version_find(first->route->api->service, s->version_text) : 0;
    found = entry_in_version(first, version);
    if (found) {
        out->route = out->any = found->route;
        out->index = found->index;
        out->version = version;
        memcpy(out->params, s->params, sizeof out->params);
        return true;
    }
    if (!s->any_has_method) {
        s->any_has_method = true;
        out->any = first->route;
        out->version = version;
    }
    return false;
}

static bool ends_with(struct str segment, const struct node *node)
{
    return segment.len > node->text.len &&
           same_text(node, str_from_index(segment, segment.len - node->text.len));
}

/* Whether the node takes the segment; a parameter's value goes to `out_param`. */
static bool fits(const struct node *node, struct str segment, struct str *out_param)
{
    switch (node->kind) {
    case SEGMENT_LITERAL:
        return same_text(node, segment);
    case SEGMENT_ENDING:
        if (!ends_with(segment, node))
            return false;
        *out_param = str_head(segment, segment.len - node->text.len);
        return true;
    case SEGMENT_PARAM:
        *out_param = segment;
        return segment.len > 0;
    }
    return false;
}

/* Depth is bounded by URL_SEGMENTS_MAX; `params` by the templates. */
static bool walk(struct search *s, const struct node *node, size_t depth, size_t params)
{
    if (depth == s->url->n)
        return node->methods && take(s, node);
    if (node->any_case && !s->url->segments[depth].len)
        return walk(s, node, depth + 1, params); /* clients of these services double slashes */
    for (const struct node *at = node->children; at; at = at->next) {
        bool is_param = at->kind != SEGMENT_LITERAL;
        struct str value;

        if (!fits(at, s->url->segments[depth], &value))
            continue;
        if (is_param)
            s->params[params] = value;
        if (walk(s, at, depth + 1, params + is_param))
            return true;
        if (is_param)
            s->params[params] = STR_EMPTY;
    }
    return false;
}

void route_find(const struct router *r, enum http_method method, const struct url *url,
                struct str version_text, struct route_match *out)
{
    struct search s = {.method = method, .url = url, .version_text = version_text, .out = out};

    *out = (struct route_match){0};
    (void)walk(&s, &r->root, 0, 0); /* the outcome is in `out` */
    if (out->methods & 1U << GET)
        out->methods |= 1U << HEAD;
}

void router_each(const struct router *r, void (*each)(void *ctx, const struct route *row),
                 void *ctx)
{
    for (size_t i = 0; i < r->n; i++)
        each(ctx, r->rows[i]);
}

/* ---- methods ---- */

static const struct str names[METHOD_COUNT] = {
    [METHOD_UNSET] = STR_INIT(""), [GET] = STR_INIT("GET"),         [HEAD] = STR_INIT("HEAD"),
    [POST] = STR_INIT("POST"),     [PUT] = STR_INIT("PUT"),         [PATCH] = STR_INIT("PATCH"),
    [DELETE] = STR_INIT("DELETE"), [OPTIONS] = STR_INIT("OPTIONS"), [METHOD_OTHER] = STR_INIT(""),
};

struct str method_name(enum http_method method)
{
    return method > METHOD_UNSET && method < METHOD_COUNT ? names[method] : STR("");
}

enum http_method method_from_name(struct str name)
{
    for (enum http_method method = GET; method < METHOD_OTHER; method++)
        if (name_eq(names[method], name))
            return method;
    return METHOD_OTHER;
}
