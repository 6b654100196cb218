/* One line of the log for each request: what may be told of it, and nothing more. Telephone numbers
 * and secrets in paths are left out, and all of a query but what is on a list. */
#include "gate/access_line.h"

#include "gate/principal.h"

#define LINE_MAX_LEN    ((size_t)2048)
#define PATH_LOG_MAX    ((size_t)512)
#define EXPLAIN_LOG_MAX ((size_t)900)

struct line {
    char text[LINE_MAX_LEN];
    size_t len;
};

static void add(struct line *l, struct str s)
{
    size_t n = s.len < sizeof l->text - l->len ? s.len : sizeof l->text - l->len;

    if (n)
        memcpy(l->text + l->len, s.ptr, n);
    l->len += n;
}

static void add_number(struct line *l, uint64_t value)
{
    char digits[20];

    add(l, str_from_u64(value, digits));
}

static void add_quoted(struct line *l, struct str text, size_t max)
{
    l->len += log_quote(l->text + l->len, sizeof l->text - l->len, text, max);
}

static bool is_telephone(struct str segment)
{
    return str_starts(segment, STR("+")) || str_starts_nocase(segment, STR("%2B")) ||
           str_starts(segment, STR("4:+")) || str_starts_nocase(segment, STR("4%3A"));
}

static bool may_log(struct str name)
{
    return name_eq(name, STR("api-version")) || name_eq(name, STR("limit"));
}

struct target_text {
    char text[PATH_LOG_MAX];
    size_t len;
};

static void add_part(struct target_text *t, const char *separator, struct str part)
{
    size_t n = part.len;

    if (*separator && t->len < sizeof t->text)
        t->text[t->len++] = *separator;
    if (n > sizeof t->text - t->len)
        n = sizeof t->text - t->len;
    if (n)
        memcpy(t->text + t->len, part.ptr, n);
    t->len += n;
}

/* Whether a secret stands in the path. Also where no row fits: it may be one all the same. */
static bool has_secret_in_path(const struct request *req)
{
    static const struct str trees[] = {STR_INIT("carriers"), STR_INIT("socket.io")};

    for (size_t i = 0; req->url.n && i < ARRAY_LEN(trees); i++)
        if (name_eq_nocase(req->url.segments[0], trees[i]))
            return true;
    return req->route && req->route->accept & ACCEPT_PATH;
}

static void add_path(struct target_text *t, const struct request *req)
{
    bool secret = has_secret_in_path(req), first = true;
    struct str rest = req->url.path, part;
    const char *separator = "";

    for (bool more = rest.len > 0; more; separator = "/") {
        more = str_cut(rest, '/', &part, &rest);
        bool hidden = is_telephone(part) || (secret && !first && part.len);

        add_part(t, separator, hidden ? STR("REDACTED") : part);
        first = first && !part.len;
    }
}

/* What of the target may be logged: no telephone number, no secret, no query but what is on the
 * list. */
static void add_target(struct line *l, const struct request *req)
{
    struct target_text t __attribute__((uninitialized));
    struct str query = req->url.query, part, name, value;
    const char *separator;
    bool more;

    t.len = 0;
    add_path(&t, req);
    for (separator = "?", more = query.len > 0; more; separator = "&") {
        more = str_cut(query, '&', &part, &query);
        (void)str_cut(part, '=', &name, &value); /* without '=' all of it is the name */
        add_part(&t, separator, may_log(name) ? part : STR("REDACTED"));
    }
    add_quoted(l, str_of(t.text, t.len), sizeof t.text);
}

static void add_address(struct line *l, const struct address *a)
{
    char text[64], *at = text;
    const uint8_t *o = a->ip.s6_addr;

    if (a->uid != (uint32_t)-1) {
        add(l, STR("uid:"));
        add_number(l, a->uid);
        return;
    }
    if (IN6_IS_ADDR_V4MAPPED(&a->ip)) {
        for (int i = 12; i < 16; i++) {
            add(l, i > 12 ? STR(".") : STR_EMPTY);
            add_number(l, o[i]);
        }
        return;
    }
    for (size_t i = 0; i < 16; i += 2) { /* full form: eight groups of four digits */
        if (i)
            *at++ = ':';
        hex_encode(o + i, 2, at);
        at += 4;
    }
    add(l, str_of(text, (size_t)(at - text)));
}

static void add_who(struct line *l, const struct request *req)
{
    const struct principal *who = req->principal;

    add(l, STR(" by="));
    add(l, principal_kind_name(who ? who->kind : PRINCIPAL_NONE));
    if (who && who->resource) {
        add(l, STR(" resource="));
        add(l, who->resource->name);
    }
}

void access_line_write(struct log *log, const struct request *req, size_t octets, uint64_t us)
{
    struct line l __attribute__((uninitialized));

    l.len = 0;
    add(&l, STR("id="));
    add(&l, req->id);
    add(&l, STR(" method="));
    add(&l, method_name(req->method));
    add(&l, STR(" path="));
    add_target(&l, req);
    add(&l, STR(" status="));
    add_number(&l, (uint64_t)req->reply.status);
    add(&l, STR(" us="));
    add_number(&l, us);
    add(&l, STR(" bytes="));
    add_number(&l, octets);
    add(&l, STR(" peer="));
    add_address(&l, &req->client_addr);
    add_who(&l, req);
    if (req->route) {
        add(&l, STR(" route="));
        add_quoted(&l, str_from(req->route->path), PATH_LOG_MAX);
    }
    if (req->explain.len && req->reply.status >= 400) {
        add(&l, STR(" explain="));
        add_quoted(&l, req->explain, EXPLAIN_LOG_MAX);
    }
    log_write_raw(log, LOG_INFO, "http.request", str_of(l.text, l.len));
}
