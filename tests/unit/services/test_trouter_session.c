/* A session of the realtime channel over a transport that writes down, with functions of the test's
 * own in place of the hub's: what it says, what it takes, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/chat/trouter_private.h"

#include <stdio.h>

#define CONNECTED "5:1::{\"name\":\"trouter.connected\",\"args\":[{\"ttl\":86400,\"dur\":\"5\"}]}\n"
#define RECONNECT "5:2::{\"name\":\"trouter.reconnect\",\"args\":[{\"target\":\"self\"}]}\n"
#define PING      "5:7+::{\"name\":\"ping\"}"

static const struct site site;

static struct bench {
    struct trouter home;
    struct trouter_session s;
    struct trouter_sid sid;
    struct buf said; /* each packet, and a line feed behind it */
    size_t packets;
    bool full; /* the transport takes no more */
    bool refuses;
    struct sessions_options options;
    unsigned opened, closed, slow, ends, drops;
    uint16_t code;
    char reason[64];
} b;

/* ---- in place of the service's own ---- */

enum rc sessions_open(struct sessions *h, struct session *s, const struct principal *p)
{
    (void)h;
    assert_int_equal(p->kind, PRINCIPAL_USER);
    assert_int_equal(p->expires, p->standing.exp * 1000);
    if (b.refuses)
        return RC_BUSY;
    s->listener.user = p->user;
    b.opened++;
    return RC_OK;
}

void sessions_close(struct session *s)
{
    assert_ptr_equal(s, &b.s.base);
    b.closed++;
}

const struct sessions_options *sessions_options(const struct sessions *h)
{
    (void)h;
    return &b.options;
}

void sessions_count_slow(struct sessions *h)
{
    (void)h;
    b.slow++;
}

struct str sessions_text(struct sessions *h, const struct chat_notice *n, unsigned form,
                         void (*render)(const struct chat_notice *n, struct buf *out))
{
    static struct buf text;

    (void)h;
    assert_true(form < PUSH_FORMS);
    buf_clear(&text);
    buf_init(&text, MIB);
    render(n, &text);
    return buf_str(&text);
}

void trouter_wake(struct trouter *t)
{
    (void)t;
}

/* ---- the transport ---- */

static enum rc take(struct trouter_session *s, const struct str *pieces, size_t n)
{
    assert_ptr_equal(s, &b.s);
    assert_false(s->over);
    if (b.full)
        return RC_TOO_LARGE;
    for (size_t i = 0; i < n; i++)
        buf_add(&b.said, pieces[i]);
    buf_add_char(&b.said, '\n');
    b.packets++;
    return RC_OK;
}

static void end(struct trouter_session *s, uint16_t code, struct str reason)
{
    (void)s;
    b.ends++;
    b.code = code;
    (void)snprintf(b.reason, sizeof b.reason, STR_FMT, STR_ARG(reason));
}

static void drop(struct trouter_session *s)
{
    (void)s;
    b.drops++;
}

static const struct trouter_transport transport = {take, end, drop};

/* ---- helpers ---- */

static int set_up(void **state)
{
    (void)state;
    memset(&b, 0, sizeof b);
    b.home.site = &site;
    b.options.connection_age_ms = INT64_C(23) * 60 * 60 * 1000;
    list_init(&b.home.aging);
    list_init(&b.home.beats);
    list_init(&b.home.leaving);
    buf_init(&b.said, 8 * MIB);
    b.sid.from.user.user = uuid_random();
    b.sid.from.standing.exp = 1700000000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    trouter_session_clear(&b.s);
    assert_true(list_empty(&b.home.beats));
    buf_clear(&b.said);
    return 0;
}

static void heard(const char *wanted)
{
    assert_string_equal(buf_cstr(&b.said), wanted);
    buf_reset(&b.said);
}

static void open_it(void)
{
    trouter_session_open(&b.s, &b.home, &transport, &b.sid);
    heard("1::\n");
    assert_int_equal(b.opened, 1);
    b.s.base.ops->ready(&b.s.base, 0);
    heard(CONNECTED);
}

static void say(const char *packet)
{
    trouter_session_take(&b.s, str_from(packet));
}

static void ended_with(unsigned code, const char *reason)
{
    assert_true(b.s.over);
    assert_int_equal(b.ends, 1);
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.code, code);
    assert_string_equal(b.reason, reason);
    say(PING); /* nothing more happens */
    trouter_session_end(&b.s, 1, STR("again"));
    assert_int_equal(b.ends, 1);
}

static void deliver(enum chat_event event, const struct uuid *actor,
                    const struct chat_participant *who, size_t n)
{
    struct chat_notice notice = {.event = event,
                                 .thread_id = STR("19:t@thread.v2"),
                                 .type = CHAT_TEXT,
                                 .actor = *actor,
                                 .participants = who,
                                 .n_participants = n};

    b.s.base.ops->deliver(&b.s.base, &notice);
}

/* ---- what it says ---- */

static void acknowledges_what_asks_for_it(void **state)
{
    static const struct {
        const char *said, *heard;
    } cases[] = {
        {"5:1+::{\"name\":\"user.activity\",\"args\":[{\"state\":\"active\"}]}", "6:::1+[]\n"},
        {PING, "6:::7+[\"pong\"]\n"},
        {"5:9999999999+::{\"name\":\"x\"}", "6:::9999999999+[]\n"},
        {"5:7::{\"name\":\"ping\"}", ""},
        {"2::", ""},
        {"3:::garbage", ""},
        {"0::/somewhere", ""},
        {"1::", ""},
        {"6:::1+[]", ""},
    };

    (void)state;
    open_it();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        say(cases[i].said);
        heard(cases[i].heard);
    }
    assert_false(b.s.over);
}

static void counts_pushes_and_their_answers(void **state)
{
    struct uuid other = uuid_random();
    struct chat_participant who = {.user = b.sid.from.user.user};

    (void)state;
    open_it();
    deliver(CHAT_EVENT_MESSAGE_RECEIVED, &other, NULL, 0);
    assert_non_null(strstr(buf_cstr(&b.said), "3:::{\"id\":1,"));
    assert_non_null(strstr(buf_cstr(&b.said), "/chatMessageReceived\""));
    buf_reset(&b.said);
    deliver(CHAT_EVENT_PARTICIPANTS_ADDED, &other, &who, 1); /* of himself: two */
    const char *thread = strstr(buf_cstr(&b.said), "\"id\":2,\"method\":\"POST\",\"url\":\"/v4/f/");
    const char *people = strstr(buf_cstr(&b.said), "\"id\":3,");
    assert_true(thread && people && thread < people);
    assert_non_null(strstr(thread, "/chatThreadCreated\""));
    assert_non_null(strstr(people, "/participantsAdded\""));
    deliver(CHAT_EVENT_READ_RECEIPT, &who.user, NULL, 0); /* one's own */
    assert_int_equal(b.s.pushes, 3);
    assert_int_equal(b.s.unanswered, 3);
    say("3:::{\"id\":1,\"status\":200}");
    say("3:::{\"id\":2,\"status\":404}");
    say("3:::{\"id\":2}");
    assert_int_equal(b.s.unanswered, 1);
    assert_int_equal(b.s.refused, 1);
}

static void beats_and_ends_without_an_answer(void **state)
{
    (void)state;
    open_it();
    trouter_sessions_tick(&b.home);
    heard("");
    for (int i = 0; i < 2; i++) {
        b.s.beat_at = 0;
        trouter_sessions_tick(&b.home);
        heard("2::\n");
    }
    say("2::");
    for (int i = 0; i < 2; i++) {
        b.s.beat_at = 0;
        trouter_sessions_tick(&b.home);
        heard("2::\n");
    }
    b.s.beat_at = 0;
    trouter_sessions_tick(&b.home);
    ended_with(1001, "no sign of life");
}

static void asks_once_for_a_new_connection_when_it_is_old(void **state)
{
    (void)state;
    open_it();
    b.s.old_at = 0;
    trouter_sessions_tick(&b.home);
    heard(RECONNECT);
    trouter_sessions_tick(&b.home);
    heard("");
    say(PING);
    heard("6:::7+[\"pong\"]\n");
    assert_false(b.s.over);
}

/* ---- how it ends ---- */

static void ends_for_what_is_no_packet(void **state)
{
    static const struct {
        const char *packet;
        unsigned code;
        const char *reason;
    } cases[] = {
        {"0::", 1000, ""},
        {"x", 1008, "malformed packet"},
        {"5:1+::{", 1008, "malformed event"},
        {"5:1+::[]", 1008, "malformed event"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_up(state);
        open_it();
        say(cases[i].packet);
        ended_with(cases[i].code, cases[i].reason);
        if (i + 1 < ARRAY_LEN(cases))
            tear_down(state);
    }
}

static void ends_a_flood_but_no_busy_client(void **state)
{
    struct uuid other = uuid_random();
    unsigned said = 0;

    (void)state;
    open_it();
    for (int i = 0; i < 2000; i++) { /* an answer and a ping each */
        deliver(CHAT_EVENT_MESSAGE_RECEIVED, &other, NULL, 0);
        say("3:::{\"id\":1,\"status\":200}");
        say(PING);
    }
    assert_false(b.s.over);
    b.s.credit = 100;
    for (; said < 2000 && !b.s.over; said++)
        say("2::");
    assert_true(said >= 100 && said < 1000);
    ended_with(1008, "too many packets");
}

static void ends_when_pushes_are_not_answered(void **state)
{
    struct uuid other = uuid_random();

    (void)state;
    open_it();
    for (unsigned i = 0; i < 4096; i++) {
        deliver(CHAT_EVENT_TYPING, &other, NULL, 0);
        buf_reset(&b.said);
    }
    assert_false(b.s.over);
    deliver(CHAT_EVENT_TYPING, &other, NULL, 0);
    ended_with(1008, "pushes are not answered");
}

static void ends_a_slow_reader(void **state)
{
    struct uuid other = uuid_random();
    struct chat_participant who = {.user = b.sid.from.user.user};

    (void)state;
    open_it();
    b.full = true;
    deliver(CHAT_EVENT_PARTICIPANTS_ADDED, &other, &who, 1);
    assert_int_equal(b.slow, 1);
    assert_int_equal(b.s.pushes, 1);
    ended_with(1008, "the reader is too slow");
}

static void ends_when_the_user_has_too_many(void **state)
{
    (void)state;
    b.refuses = true;
    trouter_session_open(&b.s, &b.home, &transport, &b.sid);
    ended_with(1013, "too many connections");
}

static void ends_as_the_hub_says(void **state)
{
    static const struct {
        enum hub_end why;
        const char *heard;
        bool later;
        unsigned code;
        const char *reason;
    } cases[] = {
        {HUB_DENIED, "0:::{\"reason\":\"unauthorized\"}\n", false, 1008, "unauthorized"},
        {HUB_EXPIRED, "0:::{\"reason\":\"unauthorized\"}\n", false, 1008, "unauthorized"},
        {HUB_SUPERSEDED, "", true, 1001, ""},
        {HUB_DRAIN, RECONNECT, true, 1001, ""},
        {HUB_OVERFLOW, "", false, 1013, "try again"},
        {HUB_FAILED, "", false, 1013, "try again"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_up(state);
        open_it();
        b.s.base.ops->ended(&b.s.base, cases[i].why);
        heard(cases[i].heard);
        if (cases[i].later) {
            trouter_sessions_tick(&b.home);
            assert_false(b.s.over);
            say(PING);
            heard("6:::7+[\"pong\"]\n");
            b.s.leave_at = 0;
            trouter_sessions_tick(&b.home);
        }
        ended_with(cases[i].code, cases[i].reason);
        if (i + 1 < ARRAY_LEN(cases))
            tear_down(state);
    }
}

static void is_dropped_when_its_last_words_have_had_their_time(void **state)
{
    (void)state;
    open_it();
    trouter_session_end(&b.s, 1000, STR_EMPTY);
    trouter_session_leave_in(&b.s, 5000);
    trouter_sessions_tick(&b.home);
    assert_int_equal(b.drops, 0);
    b.s.leave_at = 0;
    trouter_sessions_tick(&b.home);
    trouter_sessions_tick(&b.home);
    assert_int_equal(b.drops, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(acknowledges_what_asks_for_it),
        CASE(counts_pushes_and_their_answers),
        CASE(beats_and_ends_without_an_answer),
        CASE(asks_once_for_a_new_connection_when_it_is_old),
        CASE(ends_for_what_is_no_packet),
        CASE(ends_a_flood_but_no_busy_client),
        CASE(ends_when_pushes_are_not_answered),
        CASE(ends_a_slow_reader),
        CASE(ends_when_the_user_has_too_many),
        CASE(ends_as_the_hub_says),
        CASE(is_dropped_when_its_last_words_have_had_their_time),
    };
#undef CASE

    return cmocka_run_group_tests_name("trouter_session", tests, NULL, NULL);
}
