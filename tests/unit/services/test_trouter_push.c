/* Pushes, octet by octet, and who gets which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/chat/trouter_push.h"

#define RESOURCE "11111111-2222-4333-8444-555555555555"
#define ANN      "aaaaaaaa-0000-4000-8000-000000000001"
#define BEN      "bbbbbbbb-0000-4000-8000-000000000002"
#define CAT      "cccccccc-0000-4000-8000-000000000003"
#define RAW(u)   "8:acs:" RESOURCE "_" u
#define THREAD   "19:abc@thread.v2"
#define NOON     ((unix_ms)1700000000123) /* 2023-11-14T22:13:20.123Z */
#define LATER    ((unix_ms)1700000060000) /* 2023-11-14T22:14:20.000Z */

static struct uuid id(const char *text)
{
    struct uuid u;

    assert_int_equal(uuid_parse(str_from(text), &u), RC_OK);
    return u;
}

static struct chat_notice notice(enum chat_event event)
{
    return (struct chat_notice){
        .base = {.resource = id(RESOURCE)},
        .event = event,
        .thread_id = STR(THREAD),
        .time = LATER,
        .actor = id(ANN),
    };
}

static struct chat_notice message(enum chat_event event)
{
    struct chat_notice n = notice(event);

    n.actor_name = STR("Ann \"A\"");
    n.message = NOON;
    n.version = NOON;
    n.type = CHAT_TEXT;
    n.content = STR("100% \"sure\"\n\\ \xF0\x9F\x98\x80");
    return n;
}

/* The packet that BEN gets. */
static void check_push(const struct chat_notice *n, enum push_form form, const char *wanted)
{
    struct str pieces[PUSH_PIECES];
    struct push_to to = {STR("7"), STR("conn-1"), STR(RAW(BEN))};
    struct buf rendered, whole;
    size_t count;

    buf_init(&rendered, MIB);
    buf_init(&whole, MIB);
    if (form == PUSH_EVENT)
        push_render_event(n, &rendered);
    else
        push_render_new_thread(n, &rendered);
    assert_int_equal(rendered.failed, RC_OK);
    count = push_pieces(n, form, buf_str(&rendered), &to, pieces);
    assert_true(count <= PUSH_PIECES);
    for (size_t i = 0; i < count; i++)
        buf_add(&whole, pieces[i]);
    assert_string_equal(buf_cstr(&whole), wanted);
    buf_clear(&rendered);
    buf_clear(&whole);
}

#define HEAD(name)                                                                                 \
    "3:::{\"id\":7,\"method\":\"POST\",\"url\":\"/v4/f/conn-1/" name                               \
    "\",\"headers\":{\"Content-Type\":\"application/json\"},\"body\":\"{"
#define SENDER                                                                                     \
    "\\\"senderId\\\":\\\"" RAW(                                                                   \
        ANN) "\\\",\\\"groupId\\\":\\\"" THREAD                                                    \
             "\\\",\\\"senderDisplayName\\\":\\\"Ann \\\\\\\"A\\\\\\\"\\\""
#define RECIPIENT ",\\\"recipientMri\\\":\\\"" RAW(BEN) "\\\"}\"}"

static void renders_a_message(void **state)
{
    struct chat_notice n = message(CHAT_EVENT_MESSAGE_RECEIVED);

    (void)state;
    check_push(
        &n, PUSH_EVENT,
        HEAD("chatMessageReceived") "\\\"eventId\\\":200," SENDER
                                    ",\\\"messageId\\\":\\\"1700000000123\\\",\\\"messageType\\\":"
                                    "\\\"Text\\\""
                                    ",\\\"version\\\":\\\"1700000000123\\\""
                                    ",\\\"originalArrivalTime\\\":\\\"2023-11-14T22:13:20.123Z\\\""
                                    ",\\\"messageBody\\\":\\\"100% "
                                    "\\\\\\\"sure\\\\\\\"\\\\n\\\\\\\\ \xF0\x9F\x98\x80\\\""
                                    ",\\\"acsChatMessageMetadata\\\":\\\"\\\"" RECIPIENT);
}

static void renders_an_edited_message(void **state)
{
    struct chat_notice n = message(CHAT_EVENT_MESSAGE_EDITED);

    (void)state;
    n.type = CHAT_HTML;
    n.content = STR("<b>x</b>");
    n.metadata = STR("{\"k\":\"100%\"}");
    n.version = n.edited = LATER;
    check_push(
        &n, PUSH_EVENT,
        HEAD("chatMessageEdited") "\\\"eventId\\\":247," SENDER
                                  ",\\\"messageId\\\":\\\"1700000000123\\\",\\\"messageType\\\":"
                                  "\\\"RichText/Html\\\""
                                  ",\\\"version\\\":\\\"1700000060000\\\""
                                  ",\\\"originalArrivalTime\\\":\\\"2023-11-14T22:13:20.123Z\\\""
                                  ",\\\"messageBody\\\":\\\"<b>x</b>\\\""
                                  ",\\\"acsChatMessageMetadata\\\":\\\"{\\\\\\\"k\\\\\\\":"
                                  "\\\\\\\"100%\\\\\\\"}\\\""
                                  ",\\\"edittime\\\":\\\"2023-11-14T22:14:20.000Z\\\"" RECIPIENT);
}

static void renders_a_deleted_message(void **state)
{
    struct chat_notice n = message(CHAT_EVENT_MESSAGE_DELETED);

    (void)state;
    n.content = STR_EMPTY;
    n.version = n.deleted = LATER;
    check_push(
        &n, PUSH_EVENT,
        HEAD(
            "chatMessageDeleted") "\\\"eventId\\\":248," SENDER
                                  ",\\\"messageId\\\":\\\"1700000000123\\\",\\\"messageType\\\":"
                                  "\\\"Text\\\""
                                  ",\\\"version\\\":\\\"1700000060000\\\""
                                  ",\\\"originalArrivalTime\\\":\\\"2023-11-14T22:13:20.123Z\\\""
                                  ",\\\"deletetime\\\":\\\"2023-11-14T22:14:20.000Z\\\"" RECIPIENT);
}

static void renders_typing(void **state)
{
    struct chat_notice n = notice(CHAT_EVENT_TYPING);

    (void)state;
    n.actor_name = STR("Ann \"A\"");
    check_push(&n, PUSH_EVENT,
               HEAD("typingIndicatorReceived") "\\\"eventId\\\":245," SENDER
                                               ",\\\"version\\\":\\\"1700000060000\\\""
                                               ",\\\"originalArrivalTime\\\":\\\"2023-11-14T22:14:"
                                               "20.000Z\\\"" RECIPIENT);
}

static void renders_a_receipt(void **state)
{
    struct chat_notice n = notice(CHAT_EVENT_READ_RECEIPT);

    (void)state;
    n.actor_name = STR("Ann \"A\"");
    n.message = NOON;
    n.read_on = LATER;
    check_push(
        &n, PUSH_EVENT,
        HEAD("readReceiptReceived") "\\\"eventId\\\":246," SENDER
                                    ",\\\"messageId\\\":\\\"1700000000123\\\""
                                    ",\\\"messageBody\\\":\\\"{\\\\\\\"user\\\\\\\":\\\\\\\"" RAW(
                                        ANN) "\\\\\\\""
                                             ",\\\\\\\"consumptionhorizon\\\\\\\":"
                                             "\\\\\\\"1700000000123;1700000060000;1700000000123"
                                             "\\\\\\\",\\\\\\\"messageVisibilityTime\\\\\\\":"
                                             "1700000000123"
                                             ",\\\\\\\"version\\\\\\\":"
                                             "\\\\\\\"1700000060000\\\\\\\"}\\\"" RECIPIENT);
}

/* A quotation mark three strings deep. */
#define Q         "\\\\\\\""
#define OF_THREAD "\\\"threadId\\\":\\\"" THREAD "\\\",\\\"version\\\":\\\"1700000060000\\\""
#define ANN_E     "{" Q "participantId" Q ":" Q RAW(ANN) Q "," Q "displayName" Q ":" Q "Ann" Q "}"
#define BEN_E                                                                                      \
    "{" Q "participantId" Q ":" Q RAW(BEN) Q "," Q "displayName" Q ":" Q Q "," Q                   \
                                             "shareHistoryTime" Q ":" Q                            \
                                             "2023-11-14T22:13:20.123Z" Q "}"
#define TOPIC_E "{" Q "topic" Q ":" Q "100%2541 \xE2\x82\xAC" Q "}"

static struct chat_participant people[2];

static struct chat_notice of_thread(enum chat_event event)
{
    struct chat_notice n = notice(event);

    people[0] = (struct chat_participant){.user = id(ANN), .display_name = STR("Ann")};
    people[1] = (struct chat_participant){.user = id(BEN), .share_from = NOON};
    n.created = NOON;
    n.created_by = id(ANN);
    n.topic = STR("100%41 \xE2\x82\xAC");
    n.participants = people;
    n.n_participants = 2;
    return n;
}

static void renders_a_new_thread(void **state)
{
    struct chat_notice n = of_thread(CHAT_EVENT_THREAD_CREATED);

    (void)state;
    check_push(&n, PUSH_EVENT,
               HEAD("chatThreadCreated") "\\\"eventId\\\":257," OF_THREAD
                                         ",\\\"createTime\\\":\\\"2023-11-14T22:13:20.123Z\\\","
                                         "\\\"createdBy\\\":\\\"" ANN_E
                                         "\\\",\\\"members\\\":\\\"[" ANN_E "," BEN_E
                                         "]\\\",\\\"properties\\\":\\\"" TOPIC_E "\\\"}\"}");
}

static void renders_changed_properties(void **state)
{
    struct chat_notice n = of_thread(CHAT_EVENT_THREAD_UPDATED);

    (void)state;
    n.n_participants = 0;
    n.topic = STR("t");
    n.thread_metadata = STR("{\"k\":\"v\"}");
    n.delete_after_days = 60;
    check_push(&n, PUSH_EVENT,
               HEAD("chatThreadPropertiesUpdated") "\\\"eventId\\\":258," OF_THREAD
                                                   ",\\\"editTime\\\":\\\"2023-11-14T22:14:20."
                                                   "000Z\\\",\\\"editedBy\\\":\\\"{" Q
                                                   "participantId" Q ":" Q RAW(ANN) Q
               "," Q "displayName" Q ":" Q Q "}\\\",\\\"properties\\\":\\\"{" Q "topic" Q ":" Q
               "t" Q "," Q "acsChatThreadMetadata" Q ":" Q "{\\\\\\\\" Q "k\\\\\\\\" Q ":\\\\\\\\" Q
               "v\\\\\\\\" Q "}" Q "," Q "retentionPolicy" Q ":" Q "{\\\\\\\\" Q
               "retentionPolicyType\\\\\\\\" Q ":\\\\\\\\" Q "DeleteAfterCreationTime\\\\\\\\" Q
               ",\\\\\\\\" Q "executeAfter\\\\\\\\" Q ":\\\\\\\\" Q "60.00:00:00\\\\\\\\" Q "}" Q
               "}\\\"}\"}");
}

static void renders_a_deleted_thread(void **state)
{
    struct chat_notice n = of_thread(CHAT_EVENT_THREAD_DELETED);

    (void)state;
    check_push(&n, PUSH_EVENT,
               HEAD("chatThreadDeleted") "\\\"eventId\\\":259," OF_THREAD
                                         ",\\\"deleteTime\\\":\\\"2023-11-14T22:14:20.000Z\\\","
                                         "\\\"deletedBy\\\":\\\"" ANN_E
                                         "\\\",\\\"reason\\\":\\\"deletedByUser\\\"}\"}");
    n.actor = (struct uuid){0};
    check_push(&n, PUSH_EVENT,
               HEAD("chatThreadDeleted") "\\\"eventId\\\":259," OF_THREAD
                                         ",\\\"deleteTime\\\":\\\"2023-11-14T22:14:20.000Z\\\""
                                         ",\\\"reason\\\":\\\"deletedByPolicy\\\"}\"}");
}

static void renders_who_came_and_left(void **state)
{
    struct chat_notice n = of_thread(CHAT_EVENT_PARTICIPANTS_ADDED);

    (void)state;
    n.participants = &people[1];
    n.n_participants = 1;
    n.members = people;
    n.n_members = 2;
    check_push(&n, PUSH_EVENT,
               HEAD("participantsAdded") "\\\"eventId\\\":260," OF_THREAD
                                         ",\\\"time\\\":\\\"2023-11-14T22:14:20.000Z\\\","
                                         "\\\"addedBy\\\":\\\"" ANN_E
                                         "\\\",\\\"participantsAdded\\\":\\\"[" BEN_E "]\\\"}\"}");
    check_push(&n, PUSH_NEW_THREAD,
               HEAD("chatThreadCreated") "\\\"eventId\\\":257," OF_THREAD
                                         ",\\\"createTime\\\":\\\"2023-11-14T22:13:20.123Z\\\","
                                         "\\\"createdBy\\\":\\\"" ANN_E
                                         "\\\",\\\"members\\\":\\\"[" ANN_E "," BEN_E
                                         "]\\\",\\\"properties\\\":\\\"" TOPIC_E "\\\"}\"}");
    n.event = CHAT_EVENT_PARTICIPANTS_REMOVED;
    check_push(&n, PUSH_EVENT,
               HEAD("participantsRemoved") "\\\"eventId\\\":261," OF_THREAD
                                           ",\\\"time\\\":\\\"2023-11-14T22:14:20.000Z\\\","
                                           "\\\"removedBy\\\":\\\"" ANN_E
                                           "\\\",\\\"participantsRemoved\\\":\\\"[" BEN_E
                                           "]\\\"}\"}");
}

/* 250 people whose names and metadata are as large as they may be, and all of it escaped. */
static void says_less_of_people_when_there_is_too_much(void **state)
{
    static struct chat_participant crowd[250];
    static char name[256], metadata[2 * 1024];
    struct chat_notice n = notice(CHAT_EVENT_PARTICIPANTS_ADDED);
    struct buf rendered;

    (void)state;
    memset(name, '\x01', sizeof name);
    memset(metadata, '"', sizeof metadata);
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
        crowd[i] = (struct chat_participant){uuid_random(), str_of(name, sizeof name), NOON,
                                             str_of(metadata, sizeof metadata)};
    n.members = n.participants = crowd;
    n.n_members = n.n_participants = ARRAY_LEN(crowd);
    for (int form = PUSH_EVENT; form < PUSH_FORMS; form++) {
        char last[UUID_TEXT_LEN];

        buf_init(&rendered, 8 * MIB);
        (form ? push_render_new_thread : push_render_event)(&n, &rendered);
        assert_int_equal(rendered.failed, RC_OK);
        assert_in_range(rendered.len, 64 * KIB, 512 * KIB);
        assert_true(str_find_str(buf_str(&rendered), STR("memberMetaData")) < rendered.len);
        uuid_format(&crowd[249].user, last);
        assert_true(str_find_str(buf_str(&rendered), str_of(last, sizeof last)) < rendered.len);
        buf_clear(&rendered);
    }
}

static void goes_to_whom_it_concerns(void **state)
{
    static const struct {
        const char *name;
        enum chat_event event;
        enum chat_message_type type;
        enum push_form form;
        const char *user;
        bool goes;
    } cases[] = {
        {"a message comes back to its sender", CHAT_EVENT_MESSAGE_RECEIVED, CHAT_TEXT, PUSH_EVENT,
         ANN, true},
        {"a message goes to others", CHAT_EVENT_MESSAGE_RECEIVED, CHAT_HTML, PUSH_EVENT, BEN, true},
        {"a system message goes to nobody", CHAT_EVENT_MESSAGE_RECEIVED, CHAT_TOPIC_UPDATED,
         PUSH_EVENT, BEN, false},
        {"typing comes back", CHAT_EVENT_TYPING, CHAT_MESSAGE_NONE, PUSH_EVENT, ANN, true},
        {"a receipt does not come back", CHAT_EVENT_READ_RECEIPT, CHAT_MESSAGE_NONE, PUSH_EVENT,
         ANN, false},
        {"a receipt goes to others", CHAT_EVENT_READ_RECEIPT, CHAT_MESSAGE_NONE, PUSH_EVENT, BEN,
         true},
        {"who came hears of the arrival", CHAT_EVENT_PARTICIPANTS_ADDED, CHAT_MESSAGE_NONE,
         PUSH_EVENT, BEN, true},
        {"who came hears of the thread", CHAT_EVENT_PARTICIPANTS_ADDED, CHAT_MESSAGE_NONE,
         PUSH_NEW_THREAD, BEN, true},
        {"who was there does not", CHAT_EVENT_PARTICIPANTS_ADDED, CHAT_MESSAGE_NONE,
         PUSH_NEW_THREAD, CAT, false},
        {"a creation is told once", CHAT_EVENT_THREAD_CREATED, CHAT_MESSAGE_NONE, PUSH_NEW_THREAD,
         BEN, false},
        {"nothing is nothing", CHAT_EVENT_NONE, CHAT_MESSAGE_NONE, PUSH_EVENT, BEN, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chat_notice n = of_thread(cases[i].event);
        struct uuid user = id(cases[i].user);

        print_message("%s\n", cases[i].name);
        n.type = cases[i].type;
        n.participants = &people[1];
        n.n_participants = 1;
        assert_int_equal(push_goes_to(&n, cases[i].form, &user), cases[i].goes);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_a_message),
        cmocka_unit_test(renders_an_edited_message),
        cmocka_unit_test(renders_a_deleted_message),
        cmocka_unit_test(renders_typing),
        cmocka_unit_test(renders_a_receipt),
        cmocka_unit_test(renders_a_new_thread),
        cmocka_unit_test(renders_changed_properties),
        cmocka_unit_test(renders_a_deleted_thread),
        cmocka_unit_test(renders_who_came_and_left),
        cmocka_unit_test(goes_to_whom_it_concerns),
        cmocka_unit_test(says_less_of_people_when_there_is_too_much),
    };

    return cmocka_run_group_tests_name("trouter_push", tests, NULL, NULL);
}
