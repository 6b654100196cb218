/* The scope that a management path speaks of: what roles are looked up in. The row's path says how
 * far it goes, the request's segments say which: subscription, resource group, resource. What
 * stands below Microsoft.Authorization belongs to the scope before it.
 * Source: wire/managed-identity §3.4, §5.2, §6. */
#include "gate/gate.h"

#define SUBSCRIPTIONS STR("subscriptions")
#define GROUPS        STR("resourceGroups")
#define PROVIDERS     STR("providers")
#define AUTHORIZATION STR("Microsoft.Authorization")

/* Row and request, segment by segment: the request's as the router saw them, decoded. */
struct walk {
    struct str row; /* what is left of it */
    const struct url *url;
    size_t at; /* of the url's segments */
    struct str word, next, value, next_value;
};

static struct str cut_segment(struct str *rest)
{
    struct str head, tail = *rest;

    while (str_starts(tail, STR("/")))
        tail = str_from_index(tail, 1);
    (void)str_cut(tail, '/', &head, rest); /* without a slash: all of it, and the end */
    return head;
}

/* The next segment of the request; empty ones are passed over, as by the router. */
static struct str take_segment(struct walk *w)
{
    while (w->at < w->url->n && !w->url->segments[w->at].len)
        w->at++;
    return w->at < w->url->n ? w->url->segments[w->at++] : STR_EMPTY;
}

static bool is_parameter(struct str segment)
{
    return str_starts(segment, STR("{"));
}

/* The next two segments; false at the end. */
static bool take_pair(struct walk *w)
{
    w->word = cut_segment(&w->row);
    w->value = take_segment(w);
    w->next = cut_segment(&w->row);
    w->next_value = take_segment(w);
    return w->word.len && w->next.len;
}

static void add_pair(struct buf *out, struct str word, struct str value)
{
    buf_add_char(out, '/');
    buf_add(out, word);
    buf_add_char(out, '/');
    buf_add(out, value);
}

/* "providers/NAMESPACE/TYPE/{name}": an instance is a scope of its own, a collection is not. */
static void add_instance(struct walk *w, struct buf *out)
{
    struct str space = w->next;

    if (name_eq_nocase(space, AUTHORIZATION) || !take_pair(w) || !is_parameter(w->next))
        return;
    add_pair(out, PROVIDERS, space);
    add_pair(out, w->word, w->next_value);
}

struct str arm_scope(const struct request *req)
{
    struct walk w = {.row = str_from(req->route->path), .url = &req->url};
    struct buf out;
    struct str scope;

    buf_init(&out, SCOPE_MAX);
    while (take_pair(&w)) {
        if ((name_eq_nocase(w.word, SUBSCRIPTIONS) || name_eq_nocase(w.word, GROUPS)) &&
            is_parameter(w.next)) {
            add_pair(&out, w.word, w.next_value);
            continue;
        }
        if (name_eq_nocase(w.word, PROVIDERS))
            add_instance(&w, &out);
        break;
    }
    if (out.failed || !out.len || scope_normalise(buf_str(&out), req->arena, &scope))
        scope = STR("/"); /* too long for any assignment's but the root's */
    buf_clear(&out);
    return scope;
}
