/* A waiting list is parked: its findings are dropped, a timer looks whether anything was committed
 * since, and only then is it fetched again. */
#include "services/list.h"

#define LIST_LIMIT_DEFAULT ((uint32_t)100)
#define WAIT_MAX_MS        ((int64_t)60 * 1000)
#define LOOK_EVERY_MS      50
#define MS_NS              ((mono_ns)1000 * 1000)
#define LIST_TEXT_MAX      (8 * MIB)

static bool refuse(struct request *req, const char *name, const char *what)
{
    answer_invalid(req, arena_printf(req->arena, "%s must be %s.", name, what), str_from(name));
    return false;
}

/* A number from 1 to LIST_LIMIT_MAX; absent leaves *out as it was. */
static bool read_number(struct request *req, const char *name, uint32_t *out)
{
    struct str text = request_query(req, name);
    uint64_t value;

    if (!text.ptr)
        return true;
    if (str_to_u64(text, LIST_LIMIT_MAX, &value) || value == 0)
        return refuse(req, name, "a number from 1 to 1000");
    *out = (uint32_t)value;
    return true;
}

void list_wait(struct list_request *l, int64_t ms)
{
    l->waiting = ms > 0;
    l->deadline = clock_mono() + (mono_ns)ms * MS_NS;
}

static bool read_wait(struct list_request *l)
{
    struct str text = request_query(l->req, "wait");
    int64_t ms;

    if (!text.ptr)
        return true;
    if (duration_parse(text, &ms) || ms < 0 || ms > WAIT_MAX_MS)
        return refuse(l->req, "wait", "a duration of at most 60s, like 5s");
    list_wait(l, ms);
    return true;
}

bool list_begin(struct list_request *l, struct request *req, list_fetch_fn fetch,
                list_write_fn write)
{
    struct str since = request_query(req, "since");

    l->req = req;
    l->fetch = fetch;
    l->write = write;
    l->count = 1;
    if (!read_number(req, "count", &l->count))
        return false;
    l->limit = l->count > LIST_LIMIT_DEFAULT ? l->count : LIST_LIMIT_DEFAULT;
    if (!read_number(req, "limit", &l->limit) || !read_wait(l))
        return false;
    if (l->count > l->limit)
        return refuse(req, "count", "no larger than limit");
    if (since.len && time_from_iso8601(since, &l->since))
        l->since_id = arena_dup(req->arena, since); /* the query moves when the request is held */
    l->after = request_query(req, "after");
    if (l->after.len)
        l->after = arena_dup(req->arena, l->after);
    arena_init(&l->scratch);
    return true;
}

/* The address of the next page: the query of this one with another continuation. */
static struct str next_link(struct request *req, struct str after)
{
    static const char *const kept[] = {
        "resource", "limit",     "since", "createdSince", "prefix", "scope", "principal", "kind",
        "purpose",  "direction", "from",  "to",           "tag",    "state", "sender",    "user"};
    struct str origin = request_origin(req), link;
    struct buf out;

    buf_init(&out, 16 * KIB);
    buf_add(&out, origin);
    buf_add(&out, req->url.path);
    buf_add_char(&out, '?');
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        struct str value = request_query(req, kept[i]);

        if (!value.ptr)
            continue;
        buf_addf(&out, "%s=", kept[i]);
        url_encode_segment(value, &out);
        buf_add_char(&out, '&');
    }
    buf_add(&out, STR("after="));
    url_encode_segment(after, &out);
    link = arena_dup(req->arena, buf_str(&out));
    buf_clear(&out);
    return link;
}

static void release(struct list_request *l)
{
    l->req->on_gone = NULL;
    loop_timer_close(&l->timer);
    arena_clear(&l->scratch);
}

static void answer_alone(struct list_request *l, struct buf *out)
{
    struct request *req = l->req;
    int status = l->alone(l, out);

    release(l);
    if (status != 204) {
        answer_json_moved(req, status, out);
        return;
    }
    buf_wipe(out);
    answer_empty(req, status);
}

static void answer(struct list_request *l)
{
    struct request *req = l->req;
    struct json_writer w;
    struct str next;
    struct buf out;

    buf_init(&out, LIST_TEXT_MAX);
    if (l->alone) {
        answer_alone(l, &out);
        return;
    }
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "value");
    json_array_begin(&w);
    next = l->write(l, &w);
    json_array_end(&w);
    if (next.len)
        json_member_str(&w, "nextLink", next_link(req, next));
    json_object_end(&w);
    release(l);
    answer_json_moved(req, 200, &out);
}

static void fetch(struct list_request *l)
{
    l->seen = store_commits(l->req->site->store);
    l->fetch(l);
}

/* Nothing more to wait for: the time is over, nobody listens, or the server ends. */
static bool over(const struct list_request *l)
{
    const struct site_hooks *hooks = l->req->site->hooks;
    const char *why = NULL;

    return !l->waiting || l->req->gone || clock_mono() >= l->deadline ||
           !hooks->ready(hooks->ctx, &why);
}

static void look(void *ctx)
{
    struct list_request *l = ctx;

    if (!over(l) && store_commits(l->req->site->store) == l->seen)
        return;
    loop_timer_stop(&l->timer);
    l->req->on_gone = NULL;
    fetch(l);
}

static void park(struct list_request *l)
{
    arena_clear(&l->scratch);
    l->req->on_gone = look;
    l->req->on_gone_ctx = l;
    loop_timer_start(l->req->loop, &l->timer, LOOK_EVERY_MS, LOOK_EVERY_MS, look, l);
}

void list_run(struct list_request *l)
{
    request_hold(l->req);
    fetch(l);
}

void list_fetched(struct list_request *l, enum rc rc, size_t n)
{
    struct request *req = l->req;

    if (rc == RC_INVALID) {
        release(l);
        answer_invalid(req, STR("after must come from a nextLink."), STR("after"));
    } else if (rc) {
        release(l);
        answer_rc(req, rc);
    } else if (n >= l->count || over(l)) {
        answer(l);
    } else {
        park(l);
    }
}
