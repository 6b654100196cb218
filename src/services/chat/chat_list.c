/* Pages of lists: what the query asks, the store's answer from the pool, and the link to the next
 * page. A link repeats what this page was asked with, on the origin that the client used, with the
 * thread's id as it is: clients send it back octet by octet. Source: wire/chat §1.1, §2.6. */
#include "services/chat/chat_wire.h"

/* CHAT_PAGE_OCTETS, each of them escaped, and one message more. */
#define PAGE_TEXT_MAX (16 * MIB)
#define LINK_MAX      (32 * KIB)
#define SKIP_MAX      ((uint64_t)1000000)

static bool refuse(struct request *req, const char *name, const char *what)
{
    chat_answer_problem(req, arena_printf(req->arena, "%s must be %s.", name, what),
                        str_from(name));
    return false;
}

/* Decimal digits, however many: what is too large means `max`. */
static bool read_number(struct str text, uint64_t max, uint64_t *out)
{
    enum rc rc = RC_INVALID;

    if (!text.len)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    rc = str_to_u64(text, max, out);
    if (rc)
        *out = max;
    return true;
}

static bool read_size(struct chat_listing *l, uint32_t default_size)
{
    struct str text = request_query(l->req, "maxPageSize");
    uint64_t size = default_size;

    if (text.ptr && (!read_number(text, CHAT_PAGE_MAX, &size) || !size))
        return refuse(l->req, "maxPageSize", "a number from 1 to 200");
    l->size = (uint32_t)size;
    return true;
}

/* An offset whose plus sign was not encoded has become a blank. */
static struct str with_plus(struct request *req, struct str text)
{
    char *copy;

    if (text.len < 6 || text.ptr[text.len - 6] != ' ')
        return text;
    copy = arena_alloc(req->arena, text.len);
    memcpy(copy, text.ptr, text.len);
    copy[text.len - 6] = '+';
    return str_of(copy, text.len);
}

static bool read_start(struct chat_listing *l)
{
    struct str text = request_query(l->req, "startTime");

    if (!text.ptr || chat_time_parse(text, l->req->arena, &l->start) == RC_OK ||
        chat_time_parse(with_plus(l->req, text), l->req->arena, &l->start) == RC_OK)
        return true;
    return refuse(l->req, "startTime", "a date (RFC 3339)");
}

bool chat_listing_begin(struct chat_listing *l, struct request *req, uint32_t default_size)
{
    l->req = req;
    return read_size(l, default_size) && read_start(l);
}

bool chat_listing_skip(struct chat_listing *l)
{
    struct str text = request_query(l->req, "skip");
    uint64_t skip = 0;

    if (text.ptr && !read_number(text, SKIP_MAX, &skip))
        return refuse(l->req, "skip", "a number that is not negative");
    l->query.skip = (uint32_t)skip;
    return true;
}

bool chat_listing_place(struct chat_listing *l, struct str what, bool *out_given,
                        uint64_t out[static CHAT_PLACE_LEN])
{
    struct str text = request_query(l->req, "syncState");

    *out_given = text.ptr != NULL;
    if (!text.ptr || chat_cursor_read(text, what, out) == RC_OK)
        return true;
    return refuse(l->req, "syncState", "one of a nextLink");
}

struct str chat_listing_cursor(struct chat_listing *l, struct str what,
                               const uint64_t place[static CHAT_PLACE_LEN])
{
    char cursor[CHAT_CURSOR_LEN];

    chat_cursor_write(what, place, cursor);
    return arena_printf(l->req->arena, "syncState=%.*s", (int)sizeof cursor, cursor);
}

/* ---- links ---- */

static void add_path(struct chat_listing *l, struct buf *out)
{
    const struct url *url = &l->req->url;

    for (size_t i = 0; i < url->n; i++) {
        buf_add_char(out, '/');
        buf_add(out, url->segments[i]); /* of routes of ours: words, and an id that was parsed */
    }
}

static bool is_replaced(struct str pair)
{
    struct str name = str_head(pair, str_find(pair, '='));

    return name_eq(name, STR("syncState")) || name_eq(name, STR("skip")) ||
           name_eq(name, STR("maxPageSize"));
}

static struct str next_link(struct chat_listing *l, struct str place)
{
    struct str rest = l->req->url.query, pair, link = STR_EMPTY;
    bool more = rest.len > 0;
    struct buf out;

    buf_init(&out, LINK_MAX);
    buf_add(&out, request_origin(l->req));
    add_path(l, &out);
    buf_add_char(&out, '?');
    buf_add(&out, place);
    buf_addf(&out, "&maxPageSize=%u", l->size);
    while (more) {
        more = str_cut(rest, '&', &pair, &rest);
        if (!pair.len || is_replaced(pair))
            continue;
        buf_add_char(&out, '&');
        buf_add(&out, pair);
    }
    if (!out.failed)
        link = arena_dup(l->req->arena, buf_str(&out));
    buf_clear(&out);
    return link;
}

/* ---- the page ---- */

static void answer_page(struct chat_listing *l)
{
    struct str place = STR_EMPTY;
    struct json_writer w;
    struct buf out;

    buf_init(&out, PAGE_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "value");
    json_array_begin(&w);
    l->write(l, &w, &place);
    json_array_end(&w);
    if (place.len)
        json_member_str(&w, "nextLink", next_link(l, place));
    json_object_end(&w);
    arena_clear(&l->arena);
    answer_json_moved(l->req, 200, &out);
}

static void look_up(void *ctx, struct store_reader *r)
{
    struct chat_listing *l = ctx;

    l->rc = r ? store_list_chat(r, &l->query, &l->arena, &l->page) : RC_BUSY;
}

static void on_found(void *ctx)
{
    struct chat_listing *l = ctx;

    if (l->rc == RC_OK) {
        answer_page(l);
        return;
    }
    arena_clear(&l->arena);
    chat_answer_rc(l->req, l->rc);
}

void chat_listing_run(struct chat_listing *l)
{
    arena_init(&l->arena);
    request_hold(l->req);
    store_on_pool(l->req->site->store, l->req->loop, look_up, on_found, l);
}
