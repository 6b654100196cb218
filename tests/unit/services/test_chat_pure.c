/* What of the chat service needs neither store nor loop: ids, cursors, dates, metadata, windows,
 * limits, forms, notices and the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/chat/chat_wire.h"

#define SECOND ((mono_ns)1000 * 1000 * 1000)

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

/* ---- ids ---- */

static void thread_ids_read_as_they_are_written(void **state)
{
    struct chat_thread_row row = {.key = uuid_ordered(1), .secret = uuid_random()};
    struct str id = chat_thread_id(&row, &arena);
    struct uuid key, secret;

    (void)state;
    assert_int_equal(id.len, CHAT_THREAD_ID_LEN);
    assert_int_equal(chat_thread_id_parse(id, &key, &secret), RC_OK);
    assert_true(uuid_eq(&key, &row.key) && uuid_eq(&secret, &row.secret));
    assert_true(chat_thread_is(&row, &secret));
    assert_false(chat_thread_is(&row, &key));
}

static void no_other_text_is_a_thread_id(void **state)
{
    static const struct {
        const char *name, *id;
    } cases[] = {
        {"nothing", ""},
        {"a form of old", "19:00000000000000000000000000000000@thread.v2"},
        {"another number in front", "18:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1@thread.v2"},
        {"another last character", "19:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2@thread.v2"},
        {"another end", "19:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1@thread.v1"},
        {"bits that no octet has", "19:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB1@thread.v2"},
        {"the other alphabet", "19:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+/1@thread.v2"},
        {"a slash", "19:a/b"},
        {"too long", "19:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1@thread.v2x"},
    };
    struct uuid key, secret;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (chat_thread_id_parse(str_from(cases[i].id), &key, &secret) != RC_INVALID)
            fail_msg("%s is refused", cases[i].name);
}

static void message_ids(void **state)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "01",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "9223372036854775808",
                                      "99999999999999999999999"};
    unix_ms id;

    (void)state;
    assert_int_equal(chat_message_id_parse(STR("1623798249602"), &id), RC_OK);
    assert_int_equal(id, 1623798249602);
    assert_true(str_eq(chat_message_id(id, &arena), STR("1623798249602")));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (chat_message_id_parse(str_from(bad[i]), &id) != RC_INVALID)
            fail_msg("'%s' is refused", bad[i]);
}

/* ---- cursors ---- */

static void cursors_are_of_one_list(void **state)
{
    const uint64_t place[CHAT_PLACE_LEN] = {1, UINT64_MAX, 42};
    uint64_t got[CHAT_PLACE_LEN];
    char text[CHAT_CURSOR_LEN];
    struct str cursor = str_of(text, sizeof text);

    (void)state;
    chat_cursor_write(STR("this list"), place, text);
    assert_int_equal(chat_cursor_read(cursor, STR("this list"), got), RC_OK);
    assert_memory_equal(place, got, sizeof got);
    assert_int_equal(chat_cursor_read(cursor, STR("that list"), got), RC_INVALID);
    assert_int_equal(chat_cursor_read(str_head(cursor, cursor.len - 1), STR("this list"), got),
                     RC_INVALID);
    assert_int_equal(chat_cursor_read(STR_EMPTY, STR("this list"), got), RC_INVALID);
    for (size_t i = 0; i < sizeof text; i++) {
        char was = text[i];

        text[i] = was == '0' ? '1' : '0';
        assert_int_equal(chat_cursor_read(cursor, STR("this list"), got), RC_INVALID);
        text[i] = 'g';
        assert_int_equal(chat_cursor_read(cursor, STR("this list"), got), RC_INVALID);
        text[i] = was;
    }
}

/* ---- dates ---- */

static void dates(void **state)
{
    static const struct {
        const char *text;
        unix_ms t; /* -1: refused */
    } cases[] = {
        {"2001-09-09T01:46:40Z", 1000000000000},
        {"2001-09-09T01:46:40.000Z", 1000000000000},
        {"2001-09-09T01:46:40.1234567Z", 1000000000123},
        {"2001-09-09T03:46:40+02:00", 1000000000000},
        {"1970-01-01T00:00:00Z", 0},
        {"0001-01-01T00:00:00Z", 0},
        {"1/1/1970 12:00:00 AM +00:00", 0},
        {"9/9/2001 1:46:40 AM +00:00", 1000000000000},
        {"9/9/2001 1:46:40 PM +12:00", 1000000000000},
        {"9/9/2001 12:46:40 PM +11:00", 1000000000000},
        {"", -1},
        {"yesterday", -1},
        {"2001-09-09", -1},
        {"2001-13-09T01:46:40Z", -1},
        {"13/1/1970 12:00:00 AM +00:00", -1},
        {"1/1/1970 13:00:00 AM +00:00", -1},
        {"1/1/1970 12:00:00 XM +00:00", -1},
        {"1/1/1970 12:00:00 AM", -1},
        {"2001-09-09T01:46:40.00000000000000000000000000000000000000Z", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unix_ms t = -1;
        enum rc rc = chat_time_parse(str_from(cases[i].text), &arena, &t);

        if ((rc == RC_OK) != (cases[i].t >= 0) || (rc == RC_OK && t != cases[i].t))
            fail_msg("'%s'", cases[i].text);
    }
}

/* ---- metadata ---- */

static void metadata_merges(void **state)
{
    static const struct {
        const char *name, *old, *patch, *merged;
    } cases[] = {
        {"a first one", "", "{\"a\":\"1\"}", "{\"a\":\"1\"}"},
        {"other names stay", "{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"3\",\"c\":\"4\"}",
         "{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}"},
        {"an empty text removes", "{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"\"}", "{\"b\":\"2\"}"},
        {"null removes", "{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":null}", "{\"b\":\"2\"}"},
        {"the last one leaves none", "{\"a\":\"1\"}", "{\"a\":\"\"}", ""},
        {"what is not there is no harm", "{\"a\":\"1\"}", "{\"z\":\"\"}", "{\"a\":\"1\"}"},
        {"null instead of an object removes all", "{\"a\":\"1\"}", "null", ""},
        {"nothing changes nothing", "{\"a\":\"1\"}", "{}", "{\"a\":\"1\"}"},
        {"any text is kept", "", "{\"\\u00e4\\\"\":\"\\n\"}", "{\"\xC3\xA4\\\"\":\"\\n\"}"},
    };
    struct str out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(chat_metadata_merge(str_from(cases[i].old), str_from(cases[i].patch), 100,
                                             &arena, &out),
                         RC_OK);
        if (!str_eq(out, str_from(cases[i].merged)))
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(out));
    }
    assert_int_equal(
        chat_metadata_merge(STR("{\"a\":\"12345\"}"), STR("{\"b\":\"1234\"}"), 10, &arena, &out),
        RC_TOO_LARGE);
    assert_int_equal(chat_metadata_merge(STR("{\"a\":\"12345\"}"), STR("{\"a\":\"123456789\"}"), 10,
                                         &arena, &out),
                     RC_OK);
}

/* ---- windows ---- */

static void windows(void **state)
{
    const struct chat_member_row here = {.joined = 1, .share_from = 100};
    const struct chat_member_row gone = {.joined = 1, .share_from = 100, .left = 200};
    unix_ms from, to;

    (void)state;
    assert_true(chat_sees(&here, 100) && chat_sees(&here, 1000) && !chat_sees(&here, 99));
    assert_true(chat_sees(&gone, 100) && chat_sees(&gone, 200) && !chat_sees(&gone, 201));
    chat_window(&gone, &from, &to);
    assert_int_equal(from, 100);
    assert_int_equal(to, 200);
}

/* ---- limits ---- */

static unsigned takes(struct chat_limits *l, const struct chat_limit_call *call, mono_ns now)
{
    unsigned n = 0;
    uint32_t retry_s;
    struct str name;

    while (n < 1000 && chat_limits_take(l, call, now, &retry_s, &name))
        n++;
    return n;
}

static void limits_are_those_of_the_documents(void **state)
{
    struct chat_limit_call call = {.op = CHAT_LIMIT_CHANGE_MESSAGES, .user.user = uuid_random()};
    struct chat_limits *l = chat_limits_new(1);
    mono_ns now = 1000 * SECOND;
    uint32_t retry_s = 0;
    struct str name;

    (void)state;
    assert_int_equal(takes(l, &call, now), 10);
    assert_false(chat_limits_take(l, &call, now + SECOND, &retry_s, &name));
    assert_int_equal(retry_s, 9);
    assert_true(str_eq(name, STR("send, edit and delete message: 10 in 10 s per thread")));
    call.user.user = uuid_random(); /* per thread: another user is no help */
    assert_int_equal(takes(l, &call, now), 0);
    call.thread = uuid_random(); /* but another thread is */
    assert_int_equal(takes(l, &call, now), 10);
    assert_int_equal(takes(l, &call, now + 10 * SECOND), 10);
    assert_int_equal(takes(l, &call, now + 20 * SECOND), 10);
    assert_int_equal(takes(l, &call, now + 30 * SECOND), 0); /* 30 in a minute */
    assert_false(chat_limits_take(l, &call, now + 30 * SECOND, &retry_s, &name));
    assert_int_equal(retry_s, 30);
    assert_int_equal(takes(l, &call, now + 60 * SECOND), 10);
    chat_limits_free(l);
}

static void limits_by_user_and_by_both(void **state)
{
    struct chat_limit_call call = {.op = CHAT_LIMIT_CREATE_THREAD, .user.user = uuid_random()};
    struct chat_limits *l = chat_limits_new(1);

    (void)state;
    assert_int_equal(takes(l, &call, SECOND), 10);
    call.user.user = uuid_random();
    assert_int_equal(takes(l, &call, SECOND), 10);
    call.user.resource = uuid_random(); /* of the same guid */
    assert_int_equal(takes(l, &call, SECOND), 10);
    call.op = CHAT_LIMIT_TYPING; /* 5 of a user in a thread, 10 of all in it */
    assert_int_equal(takes(l, &call, SECOND), 5);
    call.user.user = uuid_random();
    assert_int_equal(takes(l, &call, SECOND), 5);
    call.user.user = uuid_random();
    assert_int_equal(takes(l, &call, SECOND), 0);
    chat_limits_free(l);
}

static void a_factor_multiplies_limits(void **state)
{
    struct chat_limit_call call = {.op = CHAT_LIMIT_UPDATE_THREAD};
    struct chat_limits *l = chat_limits_new(3), *tiny = chat_limits_new(0.01);

    (void)state;
    assert_int_equal(takes(l, &call, SECOND), 15);
    assert_int_equal(takes(tiny, &call, SECOND), 1);
    chat_limits_free(l);
    chat_limits_free(tiny);
}

static void many_strangers_do_not_crowd_out_the_table(void **state)
{
    struct chat_limits *l = chat_limits_new(1);
    uint32_t retry_s;
    struct str name;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct chat_limit_call call = {.op = CHAT_LIMIT_CREATE_THREAD, .user.user = uuid_random()};

        assert_true(chat_limits_take(l, &call, SECOND, &retry_s, &name));
    }
    chat_limits_free(l);
}

/* ---- forms ---- */

static void messages_look_as_the_contract_says(void **state)
{
    struct chat_message_row row = {
        .id = 1623798249602,
        .seq = 10,
        .type = CHAT_TEXT,
        .version = 1623798250000,
        .edited = 1623798250000,
        .sender_name = STR("Alice"),
        .content = STR("hi"),
        .metadata = STR("{\"a\":\"b\"}"),
    };
    struct uuid resource = {{0}};
    struct json_writer w;
    struct buf out;

    (void)state;
    row.sender.octets[15] = 1;
    buf_init(&out, 4 * KIB);
    json_writer_init(&w, &out);
    chat_message_write(&w, &resource, &row);
    assert_string_equal(
        buf_cstr(&out),
        "{\"id\":\"1623798249602\",\"type\":\"text\",\"sequenceId\":\"10\","
        "\"version\":\"1623798250000\",\"content\":{\"message\":\"hi\"},"
        "\"senderDisplayName\":\"Alice\",\"createdOn\":\"2021-06-15T23:04:09Z\","
        "\"senderCommunicationIdentifier\":{\"rawId\":\"8:acs:00000000-0000-0000-0000-"
        "000000000000_00000000-0000-0000-0000-000000000001\",\"communicationUser\":{\"id\":"
        "\"8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000001\"}},"
        "\"editedOn\":\"2021-06-15T23:04:10Z\",\"metadata\":{\"a\":\"b\"}}");
    buf_reset(&out);
    json_writer_init(&w, &out);
    row.deleted = 1623798251000;
    row.content = STR_EMPTY;
    row.sender = resource;
    chat_message_write(&w, &resource, &row);
    assert_string_equal(buf_cstr(&out),
                        "{\"id\":\"1623798249602\",\"type\":\"text\",\"sequenceId\":\"10\","
                        "\"version\":\"1623798250000\",\"content\":{\"message\":\"\"},"
                        "\"senderDisplayName\":\"Alice\",\"createdOn\":\"2021-06-15T23:04:09Z\","
                        "\"deletedOn\":\"2021-06-15T23:04:11Z\"}");
    buf_clear(&out);
}

/* ---- notices and the log ---- */

static struct chat_notice some_notice(enum chat_event event)
{
    static const struct uuid users[] = {{{1}}, {{2}}};
    static const struct chat_participant people[] = {
        {{{1}}, STR_INIT("Ann"), 5, STR_INIT("{\"k\":\"v\"}")}, {{{2}}, {NULL, 0}, 0, {NULL, 0}}};

    return (struct chat_notice){
        .base = {.kind = NOTICE_TOPIC,
                 .topic = {{7}},
                 .resource = {{8}},
                 .order = 12,
                 .users = users,
                 .n_users = 2},
        .event = event,
        .thread_id = STR("19:x"),
        .time = 99,
        .actor = {{3}},
        .actor_name = STR("Bob"),
        .content = STR("text"),
        .created = 50,
        .created_by = {{4}},
        .topic = STR("a \"topic\""),
        .thread_metadata = STR("{\"t\":\"u\"}"),
        .delete_after_days = 30,
        .participants = people,
        .n_participants = 2,
        .members = people,
        .n_members = 1,
    };
}

static void assert_people(const struct chat_participant *got, const struct chat_participant *want,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(uuid_eq(&got[i].user, &want[i].user));
        assert_true(str_eq(got[i].display_name, want[i].display_name));
        assert_true(str_eq(got[i].metadata, want[i].metadata));
        assert_int_equal(got[i].share_from, want[i].share_from);
    }
}

static void a_notice_is_a_deep_copy(void **state)
{
    struct chat_notice plain = some_notice(CHAT_EVENT_PARTICIPANTS_ADDED);
    struct chat_notice *made = chat_notice_make(&plain);

    (void)state;
    assert_true(made->base.users != plain.base.users && made->members != plain.members);
    assert_true(made->topic.ptr != plain.topic.ptr && made->content.ptr != plain.content.ptr);
    assert_true(str_eq(made->topic, plain.topic) && str_eq(made->thread_id, plain.thread_id));
    assert_true(str_eq(made->content, plain.content) &&
                str_eq(made->thread_metadata, plain.thread_metadata));
    assert_true(uuid_eq(&made->base.users[1], &plain.base.users[1]));
    assert_people(made->participants, plain.participants, 2);
    assert_people(made->members, plain.members, 1);
    assert_int_equal(made->base.order, 12);
    notice_unref(&made->base);
}

static void the_log_keeps_what_rows_do_not(void **state)
{
    struct chat_notice plain = some_notice(CHAT_EVENT_THREAD_DELETED), got;
    struct chat_log_row row = {.order = 12,
                               .thread = plain.base.topic,
                               .kind = CHAT_LOG_THREAD_DELETED,
                               .time = plain.time,
                               .actor = plain.actor,
                               .data = chat_log_data(&plain, &arena)};

    (void)state;
    assert_int_equal(chat_notice_from_log(&row, NULL, NULL, &arena, &got), RC_OK);
    assert_int_equal(got.event, CHAT_EVENT_THREAD_DELETED);
    assert_true(uuid_eq(&got.base.resource, &plain.base.resource));
    assert_true(str_eq(got.thread_id, plain.thread_id) && str_eq(got.topic, plain.topic));
    assert_true(str_eq(got.thread_metadata, plain.thread_metadata));
    assert_int_equal(got.delete_after_days, 30);
    assert_int_equal(got.created, 50);
    assert_true(uuid_eq(&got.created_by, &plain.created_by));
    assert_int_equal(got.n_participants, 2);
    assert_people(got.participants, plain.participants, 2);
    row.data = STR("no JSON");
    assert_int_equal(chat_notice_from_log(&row, NULL, NULL, &arena, &got), RC_INVALID);
    row.kind = CHAT_LOG_NONE;
    assert_int_equal(chat_notice_from_log(&row, NULL, NULL, &arena, &got), RC_INVALID);
}

/* As much metadata as a participant may have, of what takes most room when it is written. */
static struct str metadata_of_controls(void)
{
    struct buf out;
    struct str text;

    buf_init(&out, 64 * KIB);
    for (unsigned i = 0; i < CHAT_METADATA_MAX / 3; i++)
        buf_addf(&out, "%c\"\\u%04x\\u%04x\":\"\\u0001\"", i ? ',' : '{', 1 + i % 31, 1 + i / 31);
    buf_add_char(&out, '}');
    text = arena_dup(&arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

static void the_log_has_room_for_the_largest_thread(void **state)
{
    static char name[CHAT_NAME_MAX];
    struct chat_participant people[CHAT_MEMBERS_MAX];
    struct chat_notice plain = some_notice(CHAT_EVENT_THREAD_DELETED), got;
    struct chat_log_row row = {.kind = CHAT_LOG_THREAD_DELETED};
    struct str metadata = metadata_of_controls();

    (void)state;
    memset(name, 1, sizeof name);
    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        people[i] = (struct chat_participant){.user = {{(uint8_t)i}},
                                              .display_name = str_of(name, sizeof name),
                                              .metadata = metadata};
    plain.participants = people;
    plain.n_participants = ARRAY_LEN(people);
    row.data = chat_log_data(&plain, &arena);
    assert_int_equal(chat_notice_from_log(&row, NULL, NULL, &arena, &got), RC_OK);
    assert_int_equal(got.n_participants, ARRAY_LEN(people));
    assert_people(got.participants, people, ARRAY_LEN(people));
}

static void the_log_tells_messages_as_they_are_now(void **state)
{
    struct chat_notice plain = some_notice(CHAT_EVENT_MESSAGE_RECEIVED), got;
    const struct chat_thread_row thread = {.key = {{7}}, .created = 1};
    const struct chat_message_row message = {.id = 5, .seq = 3, .content = STR("now")};
    struct chat_log_row row = {.kind = CHAT_LOG_MESSAGE_RECEIVED, .message = 5, .time = 6};

    (void)state;
    assert_int_equal(chat_log_data(&plain, &arena).len, 0);
    assert_int_equal(chat_notice_from_log(&row, &thread, &message, &arena, &got), RC_OK);
    assert_true(str_eq(got.content, STR("now")));
    assert_int_equal(got.seq, 3);
    assert_int_equal(got.message, 5);
    assert_int_equal(chat_notice_from_log(&row, &thread, NULL, &arena, &got), RC_NOT_FOUND);
    assert_int_equal(chat_notice_from_log(&row, NULL, &message, &arena, &got), RC_NOT_FOUND);
    row.kind = CHAT_LOG_READ_RECEIPT;
    assert_int_equal(chat_notice_from_log(&row, &thread, NULL, &arena, &got), RC_OK);
    assert_int_equal(got.read_on, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_ids_read_as_they_are_written),
        cmocka_unit_test(no_other_text_is_a_thread_id),
        cmocka_unit_test(message_ids),
        cmocka_unit_test(cursors_are_of_one_list),
        cmocka_unit_test(dates),
        cmocka_unit_test(metadata_merges),
        cmocka_unit_test(windows),
        cmocka_unit_test(limits_are_those_of_the_documents),
        cmocka_unit_test(limits_by_user_and_by_both),
        cmocka_unit_test(a_factor_multiplies_limits),
        cmocka_unit_test(many_strangers_do_not_crowd_out_the_table),
        cmocka_unit_test(messages_look_as_the_contract_says),
        cmocka_unit_test(a_notice_is_a_deep_copy),
        cmocka_unit_test(the_log_keeps_what_rows_do_not),
        cmocka_unit_test(the_log_has_room_for_the_largest_thread),
        cmocka_unit_test(the_log_tells_messages_as_they_are_now),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
