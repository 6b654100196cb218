/* Catching up: pages, the pace of the reader, what comes live meanwhile; nothing lost, nothing
 * twice. The store is a log of one thread; the pool runs when the test says so. */
#include "unit/base/unit.h"

#include "services/chat/realtime.h"
#include "services/site.h"
#include "unit/request_fake.h"

#define LOG_MAX   5000
#define QUEUE_MAX ((size_t)256 * 1024)

static struct {
    int64_t first, last; /* of the log */
    enum rc failing;
    struct uuid thread, user, sender;
    size_t content_len;
    /* what the pool has to do */
    store_work_fn work;
    loop_fn done;
    void *ctx;
    size_t pages;
} world;

static char content[MIB];
static struct site site;
static struct sessions *sessions;
static struct request_fake fake;
static struct realtime *conn;

enum rc __wrap_store_list_chat(struct store_reader *r, const struct chat_query *query,
                               struct arena *arena, struct chat_page *out);
void __wrap_store_on_pool(struct store *s, struct loop *loop, store_work_fn work, loop_fn done,
                          void *ctx);
enum rc __wrap_store_chat_thread(struct store_reader *r, const struct uuid *key,
                                 struct arena *arena, struct chat_thread_row *out);
enum rc __wrap_store_chat_member(struct store_reader *r, const struct uuid *thread,
                                 const struct uuid *user, struct arena *arena,
                                 struct chat_member_row *out);
enum rc __wrap_store_chat_message(struct store_reader *r, const struct uuid *thread, unix_ms id,
                                  struct arena *arena, struct chat_message_row *out);

/* ---- the store ---- */

enum rc __wrap_store_list_chat(struct store_reader *r, const struct chat_query *query,
                               struct arena *arena, struct chat_page *out)
{
    int64_t order = query->after_order + 1;

    (void)r;
    if (world.failing)
        return world.failing;
    *out = (struct chat_page){.first_order = world.first, .last_order = world.last};
    out->log = arena_array(arena, struct chat_log_row, query->limit);
    for (; order <= world.last && out->n < query->limit; order++)
        out->log[out->n++] = (struct chat_log_row){.order = order,
                                                   .thread = world.thread,
                                                   .kind = CHAT_LOG_MESSAGE_RECEIVED,
                                                   .time = 1000 + order,
                                                   .message = order,
                                                   .actor = world.sender};
    return RC_OK;
}

void __wrap_store_on_pool(struct store *s, struct loop *loop, store_work_fn work, loop_fn done,
                          void *ctx)
{
    (void)s;
    (void)loop;
    assert_null(world.work);
    world.work = work;
    world.done = done;
    world.ctx = ctx;
}

enum rc __wrap_store_chat_thread(struct store_reader *r, const struct uuid *key,
                                 struct arena *arena, struct chat_thread_row *out)
{
    (void)r;
    (void)arena;
    *out = (struct chat_thread_row){.key = *key, .created = 1, .topic = STR("t")};
    return RC_OK;
}

enum rc __wrap_store_chat_member(struct store_reader *r, const struct uuid *thread,
                                 const struct uuid *user, struct arena *arena,
                                 struct chat_member_row *out)
{
    (void)r;
    (void)arena;
    *out = (struct chat_member_row){.thread = *thread, .user = *user, .joined = 1};
    return RC_OK;
}

enum rc __wrap_store_chat_message(struct store_reader *r, const struct uuid *thread, unix_ms id,
                                  struct arena *arena, struct chat_message_row *out)
{
    (void)r;
    (void)arena;
    *out = (struct chat_message_row){.thread = *thread,
                                     .id = id,
                                     .seq = id,
                                     .type = CHAT_TEXT,
                                     .sender = world.sender,
                                     .version = id,
                                     .content = str_of(content, world.content_len)};
    return RC_OK;
}

/* The pool does what it was given. False: nothing. */
static bool run_page(void)
{
    store_work_fn work = world.work;

    if (!work)
        return false;
    world.work = NULL;
    world.pages++;
    work(world.ctx, (struct store_reader *)&world); /* not NULL: nobody looks inside */
    world.done(world.ctx);
    return true;
}

/* ---- the connection ---- */

static void on_text(void *ctx, struct str message)
{
    realtime_text(ctx, message);
}

static void on_closed(void *ctx, uint16_t code, struct str reason)
{
    struct realtime *c = ctx;

    (void)code;
    (void)reason;
    c->ws = NULL;
    realtime_abandon(c);
}

static const struct ws_handler handler = {on_text, NULL, on_closed};

static void catch_up(int64_t cursor, int64_t until)
{
    conn->resumes = true;
    conn->cursor = cursor;
    realtime_catch_up(conn, until);
}

/* One more event, in the log and live. */
static void happen(void)
{
    const struct chat_notice plain = {.base = {.kind = NOTICE_TOPIC, .order = ++world.last},
                                      .event = CHAT_EVENT_MESSAGE_RECEIVED,
                                      .thread_id = STR("19:x@thread.v2"),
                                      .actor = world.sender,
                                      .message = world.last,
                                      .seq = world.last,
                                      .type = CHAT_TEXT};
    struct chat_notice *n = chat_notice_make(&plain);

    conn->session.ops->deliver(&conn->session, n);
    notice_unref(&n->base);
}

/* Frames are lines: events from..to, `ready` behind the one numbered `ready_at`. */
static void assert_told(int64_t from, int64_t to, int64_t ready_at)
{
    struct str rest = buf_str(&fake.ws->sent), line;
    char want[64];

    for (int64_t order = from; order <= to; order++) {
        (void)str_cut(rest, '\n', &line, &rest);
        (void)snprintf(want, sizeof want, "\"cursor\":\"%lld\"", (long long)order);
        if (str_find_str(line, str_from(want)) == line.len)
            fail_msg("%s is missing in %.*s", want, (int)(line.len < 80 ? line.len : 80), line.ptr);
        assert_true(str_starts(line, STR("{\"type\":\"chatMessageReceived\"")));
        if (order != ready_at)
            continue;
        (void)str_cut(rest, '\n', &line, &rest);
        assert_true(str_starts(line, STR("{\"type\":\"ready\"")));
        assert_true(str_find_str(line, str_from(want)) < line.len);
    }
    assert_int_equal(rest.len, 0);
    assert_int_equal(conn->cursor, to);
}

/* ---- what is told ---- */

static void tells_pages_then_ready_then_what_came_meanwhile(void **state)
{
    (void)state;
    world.last = 1300;
    catch_up(100, 1300);
    for (int i = 0; i < 10; i++)
        happen();
    while (run_page())
        ;
    assert_told(101, 1310, 1300);
    assert_true(world.pages >= 3);
    happen();
    assert_told(101, 1311, 1300);
}

static void reads_further_when_too_much_came_meanwhile(void **state)
{
    (void)state;
    world.last = 700;
    catch_up(0, 700);
    for (int i = 0; i < 1000; i++)
        happen();
    assert_true(run_page());
    for (int i = 0; i < 1000; i++)
        happen();
    while (run_page())
        happen();
    assert_int_equal(conn->state, REALTIME_LIVE);
    assert_int_equal(conn->cursor, world.last);
    assert_true(fake.ws->n_sent == (size_t)world.last + 1);
}

static void goes_at_the_pace_of_its_reader(void **state)
{
    (void)state;
    world.last = 900;
    catch_up(0, 900);
    fake.ws->queued = QUEUE_MAX;
    assert_true(run_page());
    assert_false(run_page());
    assert_int_equal(fake.ws->n_sent, 0);
    happen();
    fake.ws->queued = 0;
    realtime_go_on(conn);
    while (run_page())
        ;
    assert_told(1, 901, 900);
    assert_int_equal(fake.ws->closing, 0);
}

static void lets_go_whose_queue_is_smaller_than_a_frame(void **state)
{
    (void)state;
    world.last = 3;
    world.content_len = QUEUE_MAX;
    catch_up(1, 3);
    assert_true(run_page());
    assert_int_equal(fake.ws->closing, 1013);
}

static void lets_go_of_a_slow_reader_with_his_last_cursor(void **state)
{
    struct sessions_figures f = {0};

    (void)state;
    world.last = 3;
    catch_up(1, 3);
    while (run_page())
        ;
    fake.ws->queued = QUEUE_MAX;
    happen();
    assert_int_equal(fake.ws->closing, 1013);
    assert_int_equal(conn->cursor, 3);
    sessions_figures(sessions, &f);
    assert_int_equal(f.slow, 1);
}

static void asks_to_read_anew_when_a_cursor_can_not_be_followed(void **state)
{
    static const struct {
        const char *name;
        int64_t first, last, cursor;
        const char *reason;
    } cases[] = {
        {"older than the log", 50, 100, 48, "tooOld"},
        {"just behind what the log has forgotten", 50, 100, 49, NULL},
        {"the log is empty, and something was", 0, 100, 99, "tooOld"},
        {"the log is empty, and nothing was missed", 0, 100, 100, NULL},
        {"of another store", 1, 100, 101, "unknown"},
        {"malformed", 1, 100, -1, "malformed"},
        {"far behind", 1, 1000000, 5, "tooOld"},
    };
    char want[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].name);
        conn->state = REALTIME_OPENING;
        world.first = cases[i].first;
        world.last = cases[i].last;
        buf_reset(&fake.ws->sent);
        catch_up(cases[i].cursor, cases[i].last);
        while (run_page())
            ;
        (void)snprintf(want, sizeof want, "{\"type\":\"resync\",\"reason\":\"%s\"}\n",
                       cases[i].reason ? cases[i].reason : "");
        assert_int_equal(str_starts(buf_str(&fake.ws->sent), str_from(want)),
                         cases[i].reason != NULL);
        assert_int_equal(conn->state, REALTIME_LIVE);
        assert_int_equal(conn->cursor, world.last);
    }
}

static void says_so_when_the_log_is_pruned_under_its_hands(void **state)
{
    static const char resync[] = "{\"type\":\"resync\",\"reason\":\"tooOld\"}\n";
    struct str sent;

    (void)state;
    world.last = 1200;
    catch_up(0, 1200);
    assert_true(run_page());
    world.first = 1150; /* and the next page began at 501 */
    while (run_page())
        ;
    sent = buf_str(&fake.ws->sent);
    assert_true(str_find_str(sent, str_from(resync)) < sent.len);
    assert_int_equal(fake.ws->n_sent, 502); /* a page, resync, ready */
    assert_int_equal(conn->cursor, 1200);
    assert_int_equal(conn->state, REALTIME_LIVE);
}

static void loses_nothing_that_came_while_a_cursor_was_refused(void **state)
{
    (void)state;
    world.last = 10;
    catch_up(99, 10);
    for (int i = 0; i < 600; i++)
        happen();
    while (run_page())
        ;
    assert_int_equal(fake.ws->n_sent, 602); /* resync, 600 events, ready */
    assert_int_equal(conn->cursor, 610);
}

static void ends_when_the_log_can_not_be_read(void **state)
{
    (void)state;
    world.last = 10;
    world.failing = RC_IO;
    catch_up(1, 10);
    assert_true(run_page());
    assert_int_equal(fake.ws->closing, 4409);
}

static void may_leave_while_the_pool_works(void **state)
{
    (void)state;
    world.last = 10;
    catch_up(1, 10);
    happen();
    ws_fake_end(fake.ws, 1006);
    assert_true(run_page());
    assert_false(run_page());
}

/* ---- the whole ---- */

static void deliver(struct session *s, const struct chat_notice *n)
{
    struct realtime *c = (struct realtime *)s;

    if (c->state == REALTIME_CATCHING_UP) {
        realtime_keep(c, n);
        return;
    }
    if (realtime_send_text(c, sessions_text(sessions, n, SESSION_FORM_REALTIME, realtime_render)))
        c->cursor = n->base.order;
}

static const struct session_ops ops = {SESSION_REALTIME, NULL, deliver, NULL};

static int set_up(void **state)
{
    struct ws_options options = {.message_max = KIB, .queue_max = QUEUE_MAX};
    struct sessions_options so = {.site = &site, .queue_max = QUEUE_MAX};

    (void)state;
    memset(&world, 0, sizeof world);
    memset(content, 'x', sizeof content);
    world.first = 1;
    world.thread.octets[0] = 't';
    world.user.octets[0] = 'u';
    world.sender.octets[0] = 's';
    site.loop = loop_new(0);
    site.sessions = sessions = sessions_new(&so);
    conn = calloc(1, sizeof *conn);
    assert_non_null(conn);
    conn->site = &site;
    conn->session.ops = &ops;
    conn->session.listener.user.user = world.user;
    request_fake_init(&fake, NULL);
    assert_int_equal(request_fake_parse(&fake, "GET /realtime HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                     RC_OK);
    conn->ws = ws_accept(&fake.req, &options, &handler, conn);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ws_fake_free(fake.ws);
    request_fake_clear(&fake);
    free(conn);
    sessions_free(sessions);
    loop_free(site.loop);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_pages_then_ready_then_what_came_meanwhile),
        TEST(reads_further_when_too_much_came_meanwhile),
        TEST(goes_at_the_pace_of_its_reader),
        TEST(lets_go_whose_queue_is_smaller_than_a_frame),
        TEST(lets_go_of_a_slow_reader_with_his_last_cursor),
        TEST(asks_to_read_anew_when_a_cursor_can_not_be_followed),
        TEST(says_so_when_the_log_is_pruned_under_its_hands),
        TEST(loses_nothing_that_came_while_a_cursor_was_refused),
        TEST(ends_when_the_log_can_not_be_read),
        TEST(may_leave_while_the_pool_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
