/* The Chat service of the library: what goes out, what is made of the answers, what is refused
 * before it is sent. */
#include "script.h"

#define MRI        "8:acs:r_u1"
#define THREAD     "19:abc_-1@thread.v2"
#define ENCODED    "19%3Aabc_-1%40thread.v2"
#define BASE       "https://localhost:8443/chat/threads"
#define VERSION    "?api-version=2025-03-15"
#define IDENTIFIER "{\"rawId\":\"" MRI "\",\"communicationUser\":{\"id\":\"" MRI "\"}}"
#define A_THREAD                                                                                   \
    "{\"id\":\"" THREAD "\",\"topic\":\"Lunch\",\"createdOn\":\"2026-11-23T15:00:00Z\","           \
    "\"createdByCommunicationIdentifier\":" IDENTIFIER                                             \
    ",\"metadata\":{\"k\":\"v\"},\"retentionPolicy\":{\"kind\":\"threadCreationDate\","            \
    "\"deleteThreadAfterDays\":60}}"
#define A_MESSAGE                                                                                  \
    "{\"id\":\"17\",\"type\":\"text\",\"sequenceId\":\"3\",\"version\":\"18\","                    \
    "\"content\":{\"message\":\"h\xc3\xa9\"},\"senderDisplayName\":\"Anna\","                      \
    "\"createdOn\":\"2026-11-23T15:00:01Z\",\"senderCommunicationIdentifier\":" IDENTIFIER         \
    ",\"editedOn\":\"2026-11-23T15:00:02Z\",\"metadata\":{\"a\":\"\"}}"

/* One client and a server that answers as the case says. */
struct scene {
    struct script s;
    struct cg_transport t;
    struct cg_client *c;
    struct cg_error err;
};

static struct scene *scene_of(int status, const char *body)
{
    static struct scene scene;

    memset(&scene, 0, sizeof scene);
    scene.s.answers[0].status = status;
    scene.s.answers[0].body = body;
    scene.t = transport_of(&scene.s);
    scene.c = client_of(&scene.t);
    return &scene;
}

static void check_sent(const struct scene *x, const char *method, const char *url, const char *body)
{
    assert_string_equal(x->s.method, method);
    assert_string_equal(x->s.url, url);
    assert_string_equal(x->s.body, body);
}

/* ---- threads ---- */

static const struct cg_chat_person person = {.user_id = MRI,
                                             .display_name = "B\"",
                                             .share_history_from = "2026-01-01T00:00:00Z",
                                             .metadata = "{\"p\":\"q\"}"};

static void makes_a_thread_that_may_come_twice(void **state)
{
    struct scene *x = scene_of(0, NULL);
    const struct cg_chat_thread_new thread = {.topic = "Lunch",
                                              .people = {&person, 1},
                                              .metadata = "{\"k\":\"v\"}",
                                              .delete_after_days = 60};
    struct cg_chat_thread made = {0};
    struct cg_chat_refusals refused = {0};
    char first[64];

    (void)state;
    x->s.connected = true; /* the first answer is lost */
    x->s.answers[1].status = 201;
    x->s.answers[1].body =
        "{\"chatThread\":" A_THREAD ",\"invalidParticipants\":[{\"code\":\"404\","
        "\"message\":\"no\",\"target\":\"8:acs:x\"}]}";
    assert_int_equal(cg_chat_create_thread(x->c, &thread, &made, &refused, &x->err), CG_OK);
    check_sent(x, "POST", BASE VERSION,
               "{\"topic\":\"Lunch\",\"participants\":[{\"communicationIdentifier\":" IDENTIFIER
               ",\"displayName\":\"B\\\"\",\"shareHistoryTime\":\"2026-01-01T00:00:00Z\","
               "\"metadata\":{\"p\":\"q\"}}],\"metadata\":{\"k\":\"v\"},\"retentionPolicy\":"
               "{\"kind\":\"threadCreationDate\",\"deleteThreadAfterDays\":60}}");
    assert_int_equal(x->s.sent, 2);
    assert_int_equal(strlen(x->s.repeat_ids[0]), 36);
    assert_string_equal(x->s.repeat_ids[0], x->s.repeat_ids[1]);
    (void)snprintf(first, sizeof first, "%s", x->s.repeat_ids[0]);
    assert_string_equal(made.id, THREAD);
    assert_string_equal(made.topic, "Lunch");
    assert_string_equal(made.created_on, "2026-11-23T15:00:00Z");
    assert_string_equal(made.created_by, MRI);
    assert_string_equal(made.metadata, "{\"k\":\"v\"}");
    assert_null(made.last_message);
    assert_int_equal(made.delete_after_days, 60);
    assert_int_equal(refused.count, 1);
    assert_string_equal(refused.items[0].user_id, "8:acs:x");
    assert_string_equal(refused.items[0].code, "404");
    assert_string_equal(refused.items[0].message, "no");
    cg_chat_refusals_clear(&refused);
    cg_chat_thread_clear(&made);
    cg_client_free(x->c);

    x = scene_of(201, "{\"chatThread\":" A_THREAD "}");
    assert_int_equal(
        cg_chat_create_thread(x->c, &(struct cg_chat_thread_new){.topic = "", .repeat_id = "mine"},
                              &made, NULL, NULL),
        CG_OK);
    assert_string_equal(x->s.body, "{\"topic\":\"\"}");
    assert_string_equal(x->s.repeat_ids[0], "mine");
    assert_string_not_equal(x->s.repeat_ids[0], first);
    cg_chat_thread_clear(&made);
    cg_client_free(x->c);
}

static void lists_threads_page_by_page(void **state)
{
    struct scene *x =
        scene_of(200, "{\"value\":[{\"id\":\"a\",\"topic\":\"b\",\"lastMessageReceivedOn\":\"t\"}],"
                      "\"nextLink\":\"https://elsewhere.example:1/chat/threads?x=19:@&y=1\"}");
    const struct cg_chat_range range = {
        .since = "2026-11-23T15:00:00+01:00", .page_size = 2, .skip = 9};
    struct cg_chat_threads page = {0};
    struct cg_chat_range more = {0};

    (void)state;
    x->s.answers[1].status = 200;
    x->s.answers[1].body = "{\"value\":[]}";
    assert_int_equal(cg_chat_list_threads(x->c, &range, &page, NULL), CG_OK);
    check_sent(x, "GET", BASE VERSION "&maxPageSize=2&startTime=2026-11-23T15%3A00%3A00%2B01%3A00",
               "");
    assert_int_equal(page.count, 1);
    assert_string_equal(page.items[0].last_message, "t");
    assert_null(page.items[0].created_by);
    assert_string_equal(page.next, "/chat/threads?x=19:@&y=1");
    more.next = page.next;
    more.page_size = 7;
    {
        struct cg_chat_threads last = {0};

        assert_int_equal(cg_chat_list_threads(x->c, &more, &last, NULL), CG_OK);
        assert_string_equal(x->s.url, BASE "?x=19:@&y=1"); /* our own server, whatever it says */
        assert_int_equal(last.count, 0);
        assert_null(last.next);
        cg_chat_threads_clear(&last);
    }
    cg_chat_threads_clear(&page);
    cg_client_free(x->c);
}

static void reads_changes_and_deletes_a_thread(void **state)
{
    struct scene *x = scene_of(200, A_THREAD);
    struct cg_chat_thread thread = {0};

    (void)state;
    for (unsigned i = 1; i < 4; i++)
        x->s.answers[i].status = 204;
    assert_int_equal(cg_chat_get_thread(x->c, THREAD, &thread, NULL), CG_OK);
    check_sent(x, "GET", BASE "/" ENCODED VERSION, "");
    assert_string_equal(thread.created_by, MRI);
    cg_chat_thread_clear(&thread);
    assert_int_equal(
        cg_chat_update_thread(x->c, THREAD,
                              &(struct cg_chat_thread_change){"New", "{\"k\":\"\"}", -1}, NULL),
        CG_OK);
    check_sent(
        x, "PATCH", BASE "/" ENCODED VERSION,
        "{\"topic\":\"New\",\"metadata\":{\"k\":\"\"},\"retentionPolicy\":{\"kind\":\"none\"}}");
    assert_string_equal(x->s.content_type, "application/merge-patch+json");
    assert_int_equal(
        cg_chat_update_thread(x->c, THREAD, &(struct cg_chat_thread_change){NULL, NULL, 0}, NULL),
        CG_OK);
    assert_string_equal(x->s.body, "{}");
    assert_int_equal(cg_chat_delete_thread(x->c, THREAD, NULL), CG_OK);
    check_sent(x, "DELETE", BASE "/" ENCODED VERSION, "");
    cg_client_free(x->c);
}

/* ---- messages ---- */

static void sends_once_even_when_the_answer_is_lost(void **state)
{
    struct scene *x = scene_of(201, "{\"id\":\"1623798249602\"}");
    const struct cg_chat_message_new text = {.text = "a\n\"b\""};
    const struct cg_chat_message_new html = {"<b>x</b>", 1, "Anna", "{\"t\":\"1\"}"};
    struct cg_chat_sent sent = {{0}};

    (void)state;
    x->s.answers[1].status = 201;
    x->s.answers[1].body = "{\"id\":\"2\"}";
    assert_int_equal(cg_chat_send_message(x->c, THREAD, &text, &sent, NULL), CG_OK);
    check_sent(x, "POST", BASE "/" ENCODED "/messages" VERSION,
               "{\"content\":\"a\\n\\\"b\\\"\",\"type\":\"text\"}");
    assert_string_equal(sent.id, "1623798249602");
    assert_int_equal(cg_chat_send_message(x->c, THREAD, &html, NULL, NULL), CG_OK);
    assert_string_equal(x->s.body, "{\"content\":\"<b>x</b>\",\"senderDisplayName\":\"Anna\","
                                   "\"type\":\"html\",\"metadata\":{\"t\":\"1\"}}");
    x->s.connected = true;
    assert_int_equal(cg_chat_send_message(x->c, THREAD, &text, &sent, &x->err), CG_NETWORK);
    assert_int_equal(x->s.sent, 3);
    cg_client_free(x->c);
}

static void lists_messages_of_every_kind(void **state)
{
    struct scene *x = scene_of(
        200,
        "{\"value\":[" A_MESSAGE
        ",{\"id\":\"16\",\"type\":\"participantAdded\",\"sequenceId\":\"1\","
        "\"version\":\"16\",\"content\":{\"participants\":[{\"communicationIdentifier\":{"
        "\"communicationUser\":{\"id\":\"8:acs:old\"}},\"displayName\":\"Ben\","
        "\"shareHistoryTime\":\"1970-01-01T00:00:00Z\"}],"
        "\"initiatorCommunicationIdentifier\":" IDENTIFIER
        "}},{\"id\":\"15\",\"type\":\"topicUpdated\",\"content\":{\"topic\":\"T\"}},"
        "{\"id\":\"14\",\"type\":\"text\",\"content\":{\"message\":\"\"},\"deletedOn\":\"d\"}],"
        "\"nextLink\":\"https://localhost:8443/chat/threads/" THREAD "/messages?syncState=1\"}");
    struct cg_chat_messages page = {0};

    (void)state;
    assert_int_equal(cg_chat_list_messages(x->c, THREAD, NULL, &page, NULL), CG_OK);
    check_sent(x, "GET", BASE "/" ENCODED "/messages" VERSION, "");
    assert_int_equal(page.count, 4);
    assert_string_equal(page.items[0].text, "h\xc3\xa9");
    assert_string_equal(page.items[0].sequence_id, "3");
    assert_string_equal(page.items[0].version, "18");
    assert_string_equal(page.items[0].sender_name, "Anna");
    assert_string_equal(page.items[0].sender_id, MRI);
    assert_string_equal(page.items[0].edited_on, "2026-11-23T15:00:02Z");
    assert_string_equal(page.items[0].metadata, "{\"a\":\"\"}");
    assert_null(page.items[0].topic);
    assert_null(page.items[0].deleted_on);
    assert_string_equal(page.items[1].sender_id, MRI); /* who did it */
    assert_int_equal(page.items[1].participant_count, 1);
    assert_string_equal(page.items[1].participants[0].user_id, "8:acs:old");
    assert_string_equal(page.items[1].participants[0].share_history_from, "1970-01-01T00:00:00Z");
    assert_null(page.items[1].text);
    assert_string_equal(page.items[2].topic, "T");
    assert_null(page.items[2].sender_id);
    assert_string_equal(page.items[3].text, "");
    assert_string_equal(page.items[3].deleted_on, "d");
    assert_string_equal(page.next, "/chat/threads/" THREAD "/messages?syncState=1");
    cg_chat_messages_clear(&page);
    cg_client_free(x->c);
}

static void reads_texts_with_a_nul_in_them(void **state)
{
    struct scene *x = scene_of(200, "{\"value\":[{\"id\":\"1\",\"type\":\"text\",\"content\":"
                                    "{\"message\":\"\\u0000a\\u0000\"},\"senderDisplayName\":"
                                    "\"B\\u0000en\"}," A_MESSAGE "]}");
    struct cg_chat_messages page = {0};

    (void)state;
    assert_int_equal(cg_chat_list_messages(x->c, THREAD, NULL, &page, NULL), CG_OK);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.items[0].text, "\xef\xbf\xbd"
                                            "a\xef\xbf\xbd");
    assert_string_equal(page.items[0].sender_name, "B\xef\xbf\xbd"
                                                   "en");
    assert_string_equal(page.items[1].text, "h\xc3\xa9");
    cg_chat_messages_clear(&page);
    cg_client_free(x->c);
}

static void reads_edits_and_deletes_a_message(void **state)
{
    struct scene *x = scene_of(200, A_MESSAGE);
    struct cg_chat_message message = {0};

    (void)state;
    x->s.answers[1].status = x->s.answers[2].status = 204;
    assert_int_equal(cg_chat_get_message(x->c, THREAD, "17/..", &message, NULL), CG_OK);
    check_sent(x, "GET", BASE "/" ENCODED "/messages/17%2F.." VERSION, "");
    assert_string_equal(message.id, "17");
    cg_chat_message_clear(&message);
    assert_int_equal(cg_chat_update_message(x->c, THREAD, "17",
                                            &(struct cg_chat_message_change){"new", NULL}, NULL),
                     CG_OK);
    check_sent(x, "PATCH", BASE "/" ENCODED "/messages/17" VERSION, "{\"content\":\"new\"}");
    assert_string_equal(x->s.content_type, "application/merge-patch+json");
    assert_int_equal(cg_chat_delete_message(x->c, THREAD, "17", NULL), CG_OK);
    check_sent(x, "DELETE", BASE "/" ENCODED "/messages/17" VERSION, "");
    cg_client_free(x->c);
}

/* ---- participants, typing, receipts ---- */

static void lists_adds_and_removes_participants(void **state)
{
    struct scene *x =
        scene_of(200, "{\"value\":[{\"communicationIdentifier\":" IDENTIFIER ",\"metadata\":{}}]}");
    const struct cg_chat_range range = {.page_size = 5, .skip = 2, .since = "not looked at"};
    const struct cg_chat_people one = {&(const struct cg_chat_person){.user_id = MRI}, 1};
    struct cg_chat_participants page = {0};
    struct cg_chat_refusals refused = {0};

    (void)state;
    x->s.answers[1].status = 201;
    x->s.answers[1].body = "{}";
    x->s.answers[2].status = 201;
    x->s.answers[2].body =
        "{\"invalidParticipants\":[{\"code\":\"403\",\"message\":\"m\",\"target\":\"t\"}]}";
    x->s.answers[3].status = 204;
    assert_int_equal(cg_chat_list_participants(x->c, THREAD, &range, &page, NULL), CG_OK);
    check_sent(x, "GET", BASE "/" ENCODED "/participants" VERSION "&maxPageSize=5&skip=2", "");
    assert_string_equal(page.items[0].user_id, MRI);
    assert_string_equal(page.items[0].metadata, "{}");
    assert_null(page.items[0].display_name);
    cg_chat_participants_clear(&page);
    assert_int_equal(cg_chat_add_participants(x->c, THREAD, &one, &refused, NULL), CG_OK);
    check_sent(x, "POST", BASE "/" ENCODED "/participants/:add" VERSION,
               "{\"participants\":[{\"communicationIdentifier\":" IDENTIFIER "}]}");
    assert_int_equal(refused.count, 0);
    assert_int_equal(cg_chat_add_participants(x->c, THREAD, &one, NULL, NULL), CG_OK);
    assert_int_equal(cg_chat_remove_participant(x->c, THREAD, MRI, NULL), CG_OK);
    check_sent(x, "POST", BASE "/" ENCODED "/participants/:remove" VERSION, IDENTIFIER);
    assert_string_equal(x->s.content_type, "application/json");
    cg_client_free(x->c);
}

static void tells_of_typing_and_of_what_was_read(void **state)
{
    struct scene *x = scene_of(200, "");
    struct cg_chat_receipts page = {0};

    (void)state;
    x->s.answers[1].status = x->s.answers[2].status = x->s.answers[3].status = 200;
    x->s.answers[3].body = "{\"value\":[{\"senderCommunicationIdentifier\":" IDENTIFIER
                           ",\"chatMessageId\":\"17\",\"readOn\":\"r\"}]}";
    assert_int_equal(cg_chat_send_typing(x->c, THREAD, NULL, NULL), CG_OK);
    check_sent(x, "POST", BASE "/" ENCODED "/typing" VERSION, "{}");
    assert_int_equal(cg_chat_send_typing(x->c, THREAD, "Anna", NULL), CG_OK);
    assert_string_equal(x->s.body, "{\"senderDisplayName\":\"Anna\"}");
    assert_int_equal(cg_chat_send_receipt(x->c, THREAD, "17", NULL), CG_OK);
    check_sent(x, "POST", BASE "/" ENCODED "/readReceipts" VERSION, "{\"chatMessageId\":\"17\"}");
    assert_int_equal(cg_chat_list_receipts(x->c, THREAD, NULL, &page, NULL), CG_OK);
    check_sent(x, "GET", BASE "/" ENCODED "/readReceipts" VERSION, "");
    assert_string_equal(page.items[0].sender_id, MRI);
    assert_string_equal(page.items[0].message_id, "17");
    assert_string_equal(page.items[0].read_on, "r");
    cg_chat_receipts_clear(&page);
    cg_client_free(x->c);
}

/* ---- what goes wrong ---- */

static void tells_refusals_apart(void **state)
{
    static const struct {
        int http;
        enum cg_status status;
        const char *body, *code, *message;
    } cases[] = {
        {401, CG_DENIED, "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"no\"}}",
         "Unauthorized", "no"},
        {403, CG_FORBIDDEN, "{\"error\":{\"code\":\"Forbidden\",\"message\":\"not in\"}}",
         "Forbidden", "not in"},
        {404, CG_NOT_FOUND, "{\"CommunicationError\":{\"Code\":\"NotFound\",\"Message\":\"gone\"}}",
         "NotFound", "gone"},
        {400, CG_REFUSED, "{\"communicationError\":{\"code\":\"BadRequest\",\"message\":\"bad\"}}",
         "BadRequest", "bad"},
        {501, CG_SERVER_FAILED, "<html>", "", "the server answered 501"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene *x = scene_of(cases[i].http, cases[i].body);
        struct cg_chat_messages page = {0};

        assert_int_equal(cg_chat_list_messages(x->c, THREAD, NULL, &page, &x->err),
                         cases[i].status);
        assert_int_equal(x->err.http_status, cases[i].http);
        assert_string_equal(x->err.code, cases[i].code);
        assert_string_equal(x->err.message, cases[i].message);
        assert_null(page.items);
        cg_client_free(x->c);
    }
}

static void says_when_answers_make_no_sense(void **state)
{
    static const char *const pages[] = {
        "{}",
        "[]",
        "{\"value\":{}}",
        "{\"value\":[{\"id\":\"1\"}]}",
        "{\"value\":[7]}",
        "",
        "{\"value\":[],\"nextLink\":\"nowhere\"}",
        "{\"value\":[" A_MESSAGE ",{\"type\":\"text\"}]}",
        "{\"value\":[{\"id\":\"1\",\"type\":\"participantAdded\",\"content\":{\"participants\":[{}]"
        "}}]}",
    };
    static const char too_long[] =
        "{\"id\":\"0123456789012345678901234567890123456789012345678901234567890123\"}";
    static const char *const sent[] = {"{}", "{\"id\":7}", "{\"id\":\"\"}", too_long,
                                       "{\"id\":\"1\\u0000\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct scene *x = scene_of(200, pages[i]);
        struct cg_chat_messages page = {0};
        int status = (int)cg_chat_list_messages(x->c, THREAD, NULL, &page, &x->err);

        if (status != CG_PROTOCOL || page.items || page.next)
            fail_msg("%s: %d", pages[i], status);
        cg_client_free(x->c);
    }
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        struct scene *x = scene_of(201, sent[i]);
        struct cg_chat_sent id;

        if (cg_chat_send_message(x->c, THREAD, &(struct cg_chat_message_new){.text = ""}, &id,
                                 NULL) != CG_PROTOCOL)
            fail_msg("%s", sent[i]);
        cg_client_free(x->c);
    }
    {
        struct scene *x = scene_of(201, "{\"chatThread\":{\"id\":\"1\"}}");
        struct cg_chat_thread thread = {0};

        assert_int_equal(cg_chat_create_thread(x->c, &(struct cg_chat_thread_new){.topic = "t"},
                                               &thread, NULL, NULL),
                         CG_PROTOCOL);
        assert_null(thread.id);
        cg_client_free(x->c);
    }
}

/* Without a client, and without what each call needs besides. */
static void refuses_without(struct cg_client *c)
{
    const struct cg_chat_people hole = {NULL, 2};
    const struct cg_chat_thread_new holed = {.topic = "t", .people = hole};
    struct cg_chat_thread thread = {0};
    const enum cg_status all[] = {
        cg_chat_create_thread(c, NULL, &thread, NULL, NULL),
        cg_chat_create_thread(c, &(struct cg_chat_thread_new){.topic = "t"}, NULL, NULL, NULL),
        cg_chat_create_thread(c, &holed, &thread, NULL, NULL),
        cg_chat_list_threads(c, NULL, NULL, NULL),
        cg_chat_get_thread(c, THREAD, NULL, NULL),
        cg_chat_update_thread(c, THREAD, NULL, NULL),
        cg_chat_delete_thread(NULL, THREAD, NULL),
        cg_chat_send_message(c, THREAD, NULL, NULL, NULL),
        cg_chat_list_messages(c, THREAD, NULL, NULL, NULL),
        cg_chat_get_message(c, THREAD, "1", NULL, NULL),
        cg_chat_update_message(c, THREAD, "1", NULL, NULL),
        cg_chat_delete_message(NULL, THREAD, "1", NULL),
        cg_chat_list_participants(c, THREAD, NULL, NULL, NULL),
        cg_chat_add_participants(c, THREAD, NULL, NULL, NULL),
        cg_chat_add_participants(c, THREAD, &hole, NULL, NULL),
        cg_chat_remove_participant(NULL, THREAD, "x", NULL),
        cg_chat_send_typing(NULL, THREAD, NULL, NULL),
        cg_chat_send_receipt(NULL, THREAD, "1", NULL),
        cg_chat_list_receipts(c, THREAD, NULL, NULL, NULL),
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(all[i], CG_INVALID);
}

static void refuses_before_sending(void **state)
{
    static const char *const strangers[] = {"",
                                            "/sms?x=1",
                                            "https://x/chat/threads",
                                            "/chat/threads x",
                                            "/chat/threads\r\nHost: x",
                                            "/chat/threads#x"};
    static const char *const no_objects[] = {
        "", "[]", "7", "{", "{\"a\":\"b\"}}", "{\"a\":1,\"a\":2}"};
    static const char *const no_ids[] = {"", "a b", "a\r\nx-more: 1"};
    static const struct cg_chat_person nobody = {.display_name = "x"};
    struct scene *x = scene_of(200, "{}");
    struct cg_chat_thread thread = {0};
    struct cg_chat_threads threads = {0};
    struct cg_chat_message message = {0};
    char *long_id = malloc(10000);

    (void)state;
    assert_non_null(long_id);
    memset(long_id, 'a', 9999);
    long_id[9999] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        assert_int_equal(cg_chat_list_threads(x->c, &(struct cg_chat_range){.next = strangers[i]},
                                              &threads, NULL),
                         CG_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(no_objects); i++)
        assert_int_equal(cg_chat_send_message(
                             x->c, THREAD,
                             &(struct cg_chat_message_new){.text = "", .metadata = no_objects[i]},
                             NULL, NULL),
                         CG_INVALID);
    assert_int_equal(
        cg_chat_create_thread(x->c, &(struct cg_chat_thread_new){0}, &thread, NULL, &x->err),
        CG_INVALID);
    assert_string_equal(x->err.message, "a topic is needed");
    assert_int_equal(cg_chat_create_thread(
                         x->c, &(struct cg_chat_thread_new){.topic = "t", .people = {&nobody, 1}},
                         &thread, NULL, NULL),
                     CG_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(no_ids); i++)
        assert_int_equal(cg_chat_create_thread(
                             x->c,
                             &(struct cg_chat_thread_new){.topic = "t", .repeat_id = no_ids[i]},
                             &thread, NULL, NULL),
                         CG_INVALID);
    assert_int_equal(cg_chat_get_thread(x->c, NULL, &thread, NULL), CG_INVALID);
    assert_int_equal(cg_chat_get_thread(x->c, long_id, &thread, &x->err), CG_INVALID);
    assert_string_equal(x->err.message, "this is too much for one call");
    assert_int_equal(cg_chat_get_message(x->c, THREAD, "", &message, NULL), CG_INVALID);
    assert_int_equal(
        cg_chat_send_message(x->c, THREAD, &(struct cg_chat_message_new){0}, NULL, NULL),
        CG_INVALID);
    assert_int_equal(cg_chat_send_message(x->c, THREAD,
                                          &(struct cg_chat_message_new){.text = "caf\xe9"}, NULL,
                                          &x->err),
                     CG_INVALID);
    assert_string_equal(x->err.message, "texts are UTF-8");
    assert_int_equal(cg_chat_send_typing(x->c, THREAD, "\xff", NULL), CG_INVALID);
    assert_int_equal(
        cg_chat_add_participants(x->c, THREAD, &(struct cg_chat_people){0}, NULL, NULL),
        CG_INVALID);
    assert_int_equal(cg_chat_remove_participant(x->c, THREAD, NULL, NULL), CG_INVALID);
    assert_int_equal(cg_chat_send_receipt(x->c, THREAD, "", NULL), CG_INVALID);
    refuses_without(x->c);
    refuses_without(NULL);
    assert_int_equal(x->s.sent, 0);
    free(long_id);
    cg_client_free(x->c);
    cg_chat_thread_clear(NULL);
    cg_chat_threads_clear(NULL);
    cg_chat_refusals_clear(NULL);
    cg_chat_message_clear(NULL);
    cg_chat_messages_clear(NULL);
    cg_chat_participants_clear(NULL);
    cg_chat_receipts_clear(NULL);
}

static enum cg_status next_token(char *out, size_t cap, void *user)
{
    unsigned *asked = user;

    (void)snprintf(out, cap, "token%u", ++*asked);
    return CG_OK;
}

static void asks_for_a_token_before_each_attempt(void **state)
{
    struct script s = {.answers = {{503, NULL, NULL, ""}, {200, NULL, NULL, "{\"value\":[]}"}}};
    struct cg_transport t = transport_of(&s);
    unsigned asked = 0;
    struct cg_client_options o = {.endpoint = "https://chat.example/",
                                  .get_token = next_token,
                                  .get_token_user = &asked,
                                  .transport = &t,
                                  .retry_delay_ms = 1};
    struct cg_chat_threads page = {0};
    struct cg_client *c = NULL;

    (void)state;
    assert_int_equal(cg_client_new(&o, &c, NULL), CG_OK);
    assert_int_equal(cg_chat_list_threads(c, NULL, &page, NULL), CG_OK);
    assert_string_equal(s.url, "https://chat.example/chat/threads" VERSION);
    assert_string_equal(s.authorization, "Bearer token2");
    assert_int_equal(asked, 2);
    cg_chat_threads_clear(&page);
    cg_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_thread_that_may_come_twice),
        cmocka_unit_test(lists_threads_page_by_page),
        cmocka_unit_test(reads_changes_and_deletes_a_thread),
        cmocka_unit_test(sends_once_even_when_the_answer_is_lost),
        cmocka_unit_test(lists_messages_of_every_kind),
        cmocka_unit_test(reads_texts_with_a_nul_in_them),
        cmocka_unit_test(reads_edits_and_deletes_a_message),
        cmocka_unit_test(lists_adds_and_removes_participants),
        cmocka_unit_test(tells_of_typing_and_of_what_was_read),
        cmocka_unit_test(tells_refusals_apart),
        cmocka_unit_test(says_when_answers_make_no_sense),
        cmocka_unit_test(refuses_before_sending),
        cmocka_unit_test(asks_for_a_token_before_each_attempt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
