/* What a client missed: read from the log, page by page on the pool, up to the place from which its
 * session hears all, and told at the pace of its reader. What happens meanwhile is kept; when that
 * is too much, the log is read further. Source: wire/realtime §4. */
#include "services/chat/realtime.h"

#define PAGE_ENTRIES 500
#define PAGE_OCTETS  (256 * KIB)
#define FRAMES_MAX   (8 * MIB) /* of a page: its last frame may go beyond PAGE_OCTETS */
#define KEPT_MAX     ((size_t)256)
#define READERS_MAX  8                 /* pages of one loop at a time: the pool serves others too */
#define SCAN_MAX     ((int64_t)200000) /* entries of the log: whoever is further behind reads anew */

enum verdict { GOES_ON = 0, TOO_OLD, UNKNOWN, MALFORMED };

/** Whose turn it is, on one loop. */
struct turns {
    size_t reading;
    struct list waiting; /* of struct catch_up.link */
};

/** One page in the making, and being sent. */
struct catch_up {
    struct realtime *owner; /* NULL: gone while the pool worked */
    struct turns *turns;
    struct list link; /* in turns->waiting */
    const struct site *site;
    struct user_key user;
    bool waits;   /* for its turn */
    bool working; /* on the pool: the loop leaves all but `owner`, `kept` and its like alone */
    bool first;
    bool stranger;     /* its cursor is of another life of the store */
    int64_t from;      /* entries after it */
    int64_t until;     /* and up to it */
    int64_t kept_from; /* newest that came live and was not kept; 0: all were */
    enum verdict verdict;
    enum rc rc;
    struct arena arena;
    struct buf frames;                        /* each: size_t, int64_t order, octets */
    size_t sent;                              /* octets of `frames` */
    const struct chat_notice *kept[KEPT_MAX]; /* the loop's */
    size_t n_kept;
};

struct frame_head {
    size_t len;
    int64_t order;
};

/* ---- on the pool ---- */

static bool was_in(const struct chat_member_row *m, int64_t order)
{
    return m->joined && m->joined <= order && (!m->gone || m->gone >= order);
}

static bool among_people(const struct chat_notice *n, const struct uuid *user)
{
    for (size_t i = 0; i < n->n_participants; i++) {
        if (uuid_eq(&n->participants[i].user, user))
            return true;
    }
    return false;
}

/* RC_NOT_FOUND: the user was not in when it happened. Of a thread that is gone the log itself says
 * who was in: see is_told(). */
static enum rc find_membership(struct catch_up *u, struct store_reader *r,
                               const struct chat_log_row *e)
{
    struct chat_member_row m = {0};
    enum rc rc;

    if (e->kind == CHAT_LOG_THREAD_DELETED)
        return RC_OK;
    rc = store_chat_member(r, &e->thread, &u->user.user, &u->arena, &m);
    return rc || was_in(&m, e->order) ? rc : RC_NOT_FOUND;
}

static bool is_told(const struct catch_up *u, const struct chat_notice *n)
{
    if (n->event == CHAT_EVENT_THREAD_DELETED)
        return among_people(n, &u->user.user);
    return n->event != CHAT_EVENT_READ_RECEIPT || !uuid_eq(&n->actor, &u->user.user);
}

static void add_frame(struct catch_up *u, const struct chat_notice *n)
{
    struct frame_head head = {0, n->base.order};
    size_t at = u->frames.len;

    buf_add(&u->frames, str_of(&head, sizeof head));
    realtime_render(n, &u->frames);
    if (u->frames.failed)
        return;
    head.len = u->frames.len - at - sizeof head;
    memcpy(u->frames.ptr + at, &head, sizeof head);
}

/* RC_NOT_FOUND: there is nothing to tell. */
static enum rc tell(struct catch_up *u, struct store_reader *r, const struct chat_log_row *e)
{
    struct chat_thread_row thread = {0};
    struct chat_message_row message = {0};
    struct chat_notice n = {0};
    enum rc rc = find_membership(u, r, e); /* first: most of the log is other people's */

    if (rc)
        return rc;
    rc = store_chat_thread(r, &e->thread, &u->arena, &thread);
    if (rc == RC_OK && e->message)
        rc = store_chat_message(r, &e->thread, e->message, &u->arena, &message);
    if (rc && rc != RC_NOT_FOUND)
        return rc;
    rc = chat_notice_from_log(e, thread.created && !thread.deleted ? &thread : NULL,
                              message.id ? &message : NULL, &u->arena, &n);
    if (rc)
        return rc;
    n.base.order = e->order;
    if (uuid_eq(&n.base.resource, &u->user.resource) && is_told(u, &n))
        add_frame(u, &n);
    return RC_OK;
}

/* The log may have been pruned since the page before. */
static bool has_a_gap(const struct catch_up *u, const struct chat_page *page)
{
    return u->from < u->until && (!page->first_order || page->first_order > u->from + 1);
}

static enum verdict judge(const struct catch_up *u, const struct chat_page *page)
{
    if (!u->first)
        return has_a_gap(u, page) ? TOO_OLD : GOES_ON;
    if (u->from < 0)
        return MALFORMED;
    if (u->stranger || u->from > u->until || u->from > page->last_order)
        return UNKNOWN;
    return has_a_gap(u, page) || u->until - u->from > SCAN_MAX ? TOO_OLD : GOES_ON;
}

static void read_page(void *ctx, struct store_reader *r)
{
    struct catch_up *u = ctx;
    struct chat_query query = {
        .what = CHAT_LIST_LOG, .after_order = u->from < 0 ? 0 : u->from, .limit = PAGE_ENTRIES};
    struct chat_page page = {0};

    u->rc = r ? store_list_chat(r, &query, &u->arena, &page) : RC_IO;
    if (u->rc)
        return;
    u->verdict = judge(u, &page);
    if (u->verdict)
        return;
    for (size_t i = 0; i < page.n && u->frames.len < PAGE_OCTETS && !u->rc; i++) {
        if (page.log[i].order > u->until) {
            u->from = u->until;
            break;
        }
        u->rc = tell(u, r, &page.log[i]);
        u->rc = u->rc == RC_NOT_FOUND || u->rc == RC_INVALID ? RC_OK : u->rc;
        u->from = page.log[i].order;
    }
    if (!page.n)
        u->from = u->until;
    if (!u->rc && u->frames.failed)
        u->rc = RC_TOO_LARGE;
}

/* ---- on the loop ---- */

static void on_page(void *ctx);

/* The waiting are waiting for the pool: nobody sends for them. */
static void next_page(struct catch_up *u)
{
    u->waits = true;
    u->sent = 0;
    buf_reset(&u->frames);
    arena_reset(&u->arena);
    list_add(&u->turns->waiting, &u->link);
}

static void start_reading(struct turns *t)
{
    while (t->reading < READERS_MAX && !list_empty(&t->waiting)) {
        struct catch_up *u = list_entry(t->waiting.next, struct catch_up, link);

        list_remove(&u->link);
        t->reading++;
        u->waits = false;
        u->working = true;
        store_on_pool(u->site->store, u->site->loop, read_page, on_page, u);
    }
}

static struct turns *turns_of(struct sessions *h)
{
    struct turns *t = sessions_state(h, SESSION_REALTIME);

    if (t)
        return t;
    t = calloc(1, sizeof *t);
    if (!t)
        abort();
    list_init(&t->waiting);
    sessions_state_set(h, SESSION_REALTIME, t, free);
    return t;
}

static void free_catch_up(struct catch_up *u)
{
    list_remove(&u->link);
    for (size_t i = 0; i < u->n_kept; i++)
        notice_unref(&u->kept[i]->base);
    buf_clear(&u->frames);
    arena_clear(&u->arena);
    free(u);
}

/* `drained` will come: else the frame is too large for the queue, and never goes. */
static bool will_drain(const struct realtime *c)
{
    return ws_queued(c->ws) > sessions_options(c->site->sessions)->queue_max / 4;
}

/* False: the reader has to catch its breath, or is gone. */
static bool send_page(struct catch_up *u)
{
    struct realtime *c = u->owner;
    enum rc rc;

    while (u->sent < u->frames.len) {
        const char *at = u->frames.ptr + u->sent;
        struct frame_head head;

        memcpy(&head, at, sizeof head);
        rc = ws_send(c->ws, str_of(at + sizeof head, head.len));
        if (rc == RC_TOO_LARGE && !will_drain(c))
            realtime_close_slow(c);
        if (rc)
            return false;
        c->cursor = head.order;
        u->sent += sizeof head + head.len;
    }
    return true;
}

static void send_kept(struct realtime *c, struct catch_up *u)
{
    for (size_t i = 0; i < u->n_kept && c->state == REALTIME_LIVE; i++) {
        struct buf frame;

        buf_init(&frame, FRAMES_MAX);
        realtime_render(u->kept[i], &frame);
        if (realtime_send(c, &frame))
            c->cursor = u->kept[i]->base.order;
        buf_clear(&frame);
    }
}

static void say_resync(struct realtime *c, enum verdict verdict)
{
    static const struct str frames[] = {
        [TOO_OLD] = STR_INIT("{\"type\":\"resync\",\"reason\":\"tooOld\"}"),
        [UNKNOWN] = STR_INIT("{\"type\":\"resync\",\"reason\":\"unknown\"}"),
        [MALFORMED] = STR_INIT("{\"type\":\"resync\",\"reason\":\"malformed\"}"),
    };

    (void)realtime_send_text(c, frames[verdict]); /* not sent: that is the connection's end */
}

static void finish(struct realtime *c, struct catch_up *u)
{
    c->behind = NULL;
    c->cursor = u->until;
    realtime_ready(c);
    send_kept(c, u);
    free_catch_up(u);
}

/* What came live beyond what could be kept is in the log: it is read up to the newest of that. */
static void read_further(struct catch_up *u)
{
    for (size_t i = 0; i < u->n_kept; i++)
        notice_unref(&u->kept[i]->base);
    u->n_kept = 0;
    u->until = u->kept_from;
    u->kept_from = 0;
}

void realtime_go_on(struct realtime *c)
{
    struct catch_up *u = c->behind;
    struct turns *turns = u->turns;

    if (u->waits || u->working || !send_page(u))
        return;
    if (u->verdict) {
        say_resync(c, u->verdict);
        u->verdict = GOES_ON;
        u->from = u->until;
    }
    if (u->from >= u->until && u->kept_from)
        read_further(u);
    if (u->from >= u->until)
        finish(c, u);
    else
        next_page(u);
    start_reading(turns);
}

static void on_page(void *ctx)
{
    struct catch_up *u = ctx;
    struct realtime *c = u->owner;

    u->working = false;
    u->first = false;
    u->turns->reading--;
    start_reading(u->turns);
    if (!c) {
        free_catch_up(u);
        return;
    }
    if (u->rc && c->state != REALTIME_OVER)
        realtime_close(c, 4409, STR("the store can't be read"));
    if (c->state == REALTIME_CATCHING_UP)
        realtime_go_on(c);
}

void realtime_catch_up(struct realtime *c, int64_t until)
{
    struct catch_up *u = calloc(1, sizeof *u);

    if (!u)
        abort();
    u->owner = c;
    u->site = c->site;
    u->user = c->session.listener.user;
    u->turns = turns_of(c->site->sessions);
    list_init(&u->link);
    u->first = true;
    u->stranger = c->stranger;
    u->from = c->cursor;
    u->until = until;
    buf_init(&u->frames, FRAMES_MAX);
    arena_init(&u->arena);
    c->behind = u;
    c->state = REALTIME_CATCHING_UP;
    next_page(u);
    start_reading(u->turns);
}

void realtime_keep(struct realtime *c, const struct chat_notice *n)
{
    struct catch_up *u = c->behind;

    if (!n->base.order)
        return;
    if (u->n_kept < KEPT_MAX && !u->kept_from)
        u->kept[u->n_kept++] = (const struct chat_notice *)notice_ref(&n->base);
    else
        u->kept_from = n->base.order;
}

void realtime_ready(struct realtime *c)
{
    char cursor[24], time[ISO8601_LEN];
    int len = snprintf(cursor, sizeof cursor, "%lld", (long long)c->cursor);
    struct json_writer w;
    struct arena arena;
    struct buf out;

    c->state = REALTIME_LIVE;
    arena_init(&arena);
    buf_init(&out, 4 * KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "type", STR("ready"));
    json_member_str(&w, "cursor", str_of(cursor, (size_t)len));
    json_member_str(&w, "epoch", sessions_options(c->site->sessions)->epoch);
    json_member_str(&w, "user", user_id_format(&c->session.listener.user, &arena));
    time_to_iso8601(c->session.listener.expires, time);
    json_member_str(&w, "expiresOn", str_of(time, sizeof time));
    json_object_end(&w);
    (void)realtime_send(c, &out); /* if it can't be sent, that is the connection's end */
    buf_clear(&out);
    arena_clear(&arena);
}

void realtime_abandon(struct realtime *c)
{
    struct catch_up *u = c->behind;

    c->behind = NULL;
    if (u && u->working)
        u->owner = NULL;
    else if (u)
        free_catch_up(u);
}
