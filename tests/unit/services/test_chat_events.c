/* Events of chat, octet by octet: what each of the sixteen types says, and who gets how many. */
#include "unit/events/bench.h"

#include "events/envelope.h"
#include "services/chat/chat_events.h"

#define THREAD "19:dGhyZWFk1@thread.v2"
#define RES    "8:acs:11111111-1111-1111-1111-111111111111_"
#define ANNA   RES "aaaaaaaa-0000-0000-0000-000000000001"
#define BEN    RES "bbbbbbbb-0000-0000-0000-000000000002"
#define CLEO   RES "cccccccc-0000-0000-0000-000000000003"
#define P      "Microsoft.Communication."

/* Members of data, as they are written. */
#define ID(name, raw)                                                                              \
    "\"" name "\":{\"rawId\":\"" raw "\",\"communicationUser\":{\"id\":\"" raw "\"}}"
#define TO(raw)     ",\"recipientId\":\"" raw "\"," ID("recipientCommunicationIdentifier", raw)
#define END         ",\"transactionId\":\"T\",\"threadId\":\"" THREAD "\"}"
#define BY(name)    "\"" name "\":\"" ANNA "\"," BY_ID(name)
#define BY_ID(name) ID(name "CommunicationIdentifier", ANNA)
#define PERSON(shown, more, raw)                                                                   \
    "{\"displayName\":\"" shown "\"," more ID("participantCommunicationIdentifier", raw) "}"
#define CREATED  ",\"createTime\":\"2023-11-14T22:13:20.000Z\",\"version\":1700000500123"
#define TOPIC_IS "\"properties\":{\"topic\":\"Lunch \\\"today\\\"\"}"
#define PEOPLE                                                                                     \
    "\"participants\":[" PERSON("Anna", "", ANNA) "," PERSON("", "\"metadata\":{\"k\":\"v\"},",    \
                                                             BEN) "]"
#define SENDER                                                                                     \
    ID("senderCommunicationIdentifier", ANNA)                                                      \
    ",\"senderDisplayName\":\"Anna A.\","                                                          \
    "\"composeTime\":\"2023-11-14T22:15:00.007Z\","                                                \
    "\"type\":\"Text\",\"version\":"
#define BODY(meta)                                                                                 \
    "\"messageBody\":\"H\\n\xc3\xa9llo\",\"messageId\":\"1700000100007\",\"metadata\":" meta ","

static struct uuid id_of(const char *raw)
{
    struct uuid id = {{0}};

    assert_int_equal(uuid_parse(str_from_index(str_from(raw), sizeof RES - 1), &id), RC_OK);
    return id;
}

static struct chat_participant people[3];
static struct str wanted_type;

static int set_up(void **state)
{
    (void)state;
    bench_open();
    assert_int_equal(uuid_parse(STR("11111111-1111-1111-1111-111111111111"), &bench.resource),
                     RC_OK);
    people[0] = (struct chat_participant){.user = id_of(ANNA), .display_name = STR("Anna")};
    people[1] = (struct chat_participant){.user = id_of(BEN), .metadata = STR("{\"k\":\"v\"}")};
    people[2] = (struct chat_participant){.user = id_of(CLEO), .display_name = STR("Cl\xc3\xa9o")};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_close();
    return 0;
}

/* A thread of Anna and Ben, in which Anna has done something. */
static struct chat_notice notice_of(enum chat_event event)
{
    return (struct chat_notice){
        .base = {.resource = bench.resource},
        .event = event,
        .thread_id = STR(THREAD),
        .time = 1700000500123,
        .actor = id_of(ANNA),
        .created = 1700000000000,
        .created_by = id_of(ANNA),
        .topic = STR("Lunch \"today\""),
        .participants = people,
        .n_participants = 2,
        .members = people,
        .n_members = 2,
    };
}

static struct chat_notice message_of(enum chat_event event)
{
    struct chat_notice n = notice_of(event);

    n.actor_name = STR("Anna A.");
    n.message = 1700000100007;
    n.version = 1700000500123;
    n.type = CHAT_TEXT;
    n.content = STR("H\n\xc3\xa9llo");
    return n;
}

static void wants_type(struct subscription *s)
{
    s->types = &wanted_type;
    s->types_n = 1;
}

/* Replaces the opaque number of a change by T. */
static struct str masked(struct str data)
{
    struct str name = STR("\"transactionId\":\"");
    size_t from = str_find_str(data, name) + name.len;
    struct str number =
        str_head(str_from_index(data, from), str_find(str_from_index(data, from), '"'));

    assert_true(from < data.len);
    check("begins with 22 characters and a dot", number.len > 23 && str_find(number, '.') == 22);
    return arena_printf(&bench.arena, STR_FMT "T" STR_FMT, STR_ARG(str_head(data, from)),
                        STR_ARG(str_from_index(data, from + number.len)));
}

static struct change_set publish(const struct chat_notice *n)
{
    struct change_set set = {.items = NULL};

    chat_events_publish(bench.events, n, NOW, &set, &bench.arena);
    return set;
}

struct expected {
    const char *type; /* without the prefix */
    enum chat_event event;
    const char *subject, *data; /* the only event there is with Anna, Ben and nobody else */
};

static const struct expected expected[] = {
    {"ChatMessageReceived", CHAT_EVENT_MESSAGE_RECEIVED,
     "thread/" THREAD "/sender/" ANNA "/recipient/" BEN,
     "{" BODY("{}") "\"senderId\":\"" ANNA "\"," SENDER "1700000500123" TO(BEN) END},
    {"ChatMessageReceivedInThread", CHAT_EVENT_MESSAGE_RECEIVED, "thread/" THREAD "/sender/" ANNA,
     "{" BODY("{}") SENDER "\"1700000500123\"" END},
    {"ChatMessageEdited", CHAT_EVENT_MESSAGE_EDITED,
     "thread/" THREAD "/sender/" ANNA "/recipient/" BEN,
     "{\"editTime\":\"2023-11-14T22:21:40.123Z\"," BODY(
         "{\"a\":\"b\"}") "\"senderId\":\"" ANNA "\"," SENDER "1700000500123" TO(BEN) END},
    {"ChatMessageEditedInThread", CHAT_EVENT_MESSAGE_EDITED, "thread/" THREAD "/sender/" ANNA,
     "{\"editTime\":\"2023-11-14T22:21:40.123Z\"," BODY("{\"a\":\"b\"}") SENDER
     "\"1700000500123\"" END},
    {"ChatMessageDeleted", CHAT_EVENT_MESSAGE_DELETED,
     "thread/" THREAD "/sender/" ANNA "/recipient/" BEN,
     "{\"deleteTime\":\"2023-11-14T22:21:40.123Z\",\"messageId\":\"1700000100007\",\"senderId\":"
     "\"" ANNA "\"," SENDER "1700000500123" TO(BEN) END},
    {"ChatMessageDeletedInThread", CHAT_EVENT_MESSAGE_DELETED, "thread/" THREAD "/sender/" ANNA,
     "{\"deleteTime\":\"2023-11-14T22:21:40.123Z\",\"messageId\":\"1700000100007\"," SENDER
     "\"1700000500123\"" END},
    {"ChatThreadCreatedWithUser", CHAT_EVENT_THREAD_CREATED,
     "thread/" THREAD "/createdBy/" ANNA "/recipient/" BEN,
     "{" BY("createdBy") "," TOPIC_IS ",\"members\":[{\"displayName\":\"Anna\",\"memberId\":\"" ANNA
                         "\"},{\"displayName\":\"\",\"memberId\":\"" BEN
                         "\"}]," PEOPLE CREATED TO(BEN) END},
    {"ChatThreadCreated", CHAT_EVENT_THREAD_CREATED, "thread/" THREAD "/createdBy/" ANNA,
     "{" BY_ID("createdBy") "," TOPIC_IS "," PEOPLE CREATED END},
    {"ChatThreadWithUserDeleted", CHAT_EVENT_THREAD_DELETED,
     "thread/" THREAD "/deletedBy/" ANNA "/recipient/" BEN,
     "{" BY("deletedBy") ",\"deleteTime\":\"2023-11-14T22:21:40.123Z\"" CREATED TO(BEN) END},
    {"ChatThreadDeleted", CHAT_EVENT_THREAD_DELETED, "thread/" THREAD "/deletedBy/" ANNA,
     "{" BY_ID("deletedBy") ",\"deleteTime\":\"2023-11-14T22:21:40.123Z\"" CREATED END},
    {"ChatThreadPropertiesUpdatedPerUser", CHAT_EVENT_THREAD_UPDATED,
     "thread/" THREAD "/editedBy/" ANNA "/recipient/" BEN,
     "{" BY("editedBy") ",\"editTime\":\"2023-11-14T22:21:40.123Z\"," TOPIC_IS CREATED TO(BEN) END},
    {"ChatThreadPropertiesUpdated", CHAT_EVENT_THREAD_UPDATED, "thread/" THREAD "/editedBy/" ANNA,
     "{" BY_ID("editedBy") ",\"editTime\":\"2023-11-14T22:21:40.123Z\"," TOPIC_IS CREATED END},
    {"ChatParticipantAddedToThreadWithUser", CHAT_EVENT_PARTICIPANTS_ADDED,
     "thread/" THREAD "/participantAdded/" BEN "/recipient/" BEN,
     "{\"time\":\"2023-11-14T22:21:40.123Z\"," BY_ID("addedBy") ",\"participantAdded\":" PERSON(
         "", "\"metadata\":{\"k\":\"v\"},", BEN) CREATED
     "," ID("recipientCommunicationIdentifier", BEN) END},
    {"ChatThreadParticipantAdded", CHAT_EVENT_PARTICIPANTS_ADDED,
     "thread/" THREAD "/participantadded/" BEN,
     "{\"time\":\"2023-11-14T22:21:40.123Z\"," BY_ID("addedBy") ",\"participantAdded\":" PERSON(
         "", "\"metadata\":{\"k\":\"v\"},", BEN) CREATED END},
    {"ChatParticipantRemovedFromThreadWithUser", CHAT_EVENT_PARTICIPANTS_REMOVED,
     "thread/" THREAD "/participantRemoved/" BEN "/recipient/" BEN,
     "{\"time\":\"2023-11-14T22:21:40.123Z\"," BY_ID("removedBy") ",\"participantRemoved\":" PERSON(
         "", "\"metadata\":{\"k\":\"v\"},", BEN) CREATED
     "," ID("recipientCommunicationIdentifier", BEN) END},
    {"ChatThreadParticipantRemoved", CHAT_EVENT_PARTICIPANTS_REMOVED,
     "thread/" THREAD "/participantremoved/" BEN,
     "{\"time\":\"2023-11-14T22:21:40.123Z\"," BY_ID("removedBy") ",\"participantRemoved\":" PERSON(
         "", "\"metadata\":{\"k\":\"v\"},", BEN) CREATED END},
};

/* The notice of the table's row. */
static struct chat_notice notice_for(enum chat_event event)
{
    struct chat_notice n = message_of(event);

    if (event > CHAT_EVENT_MESSAGE_DELETED)
        n = notice_of(event);
    if (event == CHAT_EVENT_MESSAGE_EDITED)
        n.metadata = STR("{\"a\":\"b\"}");
    if (event == CHAT_EVENT_MESSAGE_DELETED)
        n.content = n.metadata = STR_EMPTY;
    n.edited = event == CHAT_EVENT_MESSAGE_EDITED ? n.time : 0;
    n.deleted = event == CHAT_EVENT_MESSAGE_DELETED ? n.time : 0;
    if (event == CHAT_EVENT_PARTICIPANTS_ADDED || event == CHAT_EVENT_PARTICIPANTS_REMOVED) {
        n.participants = &people[1];
        n.n_participants = 1;
    }
    if (event == CHAT_EVENT_PARTICIPANTS_REMOVED)
        n.n_members = 1;
    return n;
}

static void check_event(const struct expected *e, const struct event_row *row)
{
    json_t *parsed = NULL;

    check_str(e->type, row->type, arena_printf(&bench.arena, P "%s", e->type));
    check_str(e->type, row->subject, str_from(e->subject));
    check_str(e->type, masked(row->data), str_from(e->data));
    assert_int_equal(row->time, 1700000500123);
    assert_int_equal(row->published, NOW);
    check(e->type, row->event_id.len == UUID_TEXT_LEN && !json_read(row->data, &parsed, NULL));
    json_decref(parsed);
}

static void says_what_the_contract_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct chat_notice n = notice_for(expected[i].event);
        struct change_set set;

        wanted_type = arena_printf(&bench.arena, P "%s", expected[i].type);
        bench_subscribe("one", wants_type);
        set = publish(&n);
        if (set.n != 1 || set.items[0].kind != CHANGE_EVENT_ADD)
            fail_msg("%s: %zu events", expected[i].type, set.n);
        check_event(&expected[i], &set.items[0].u.event);
        bench_unsubscribe("one");
    }
}

static void stands_in_both_envelopes(void **state)
{
    struct chat_notice n = message_of(CHAT_EVENT_MESSAGE_RECEIVED);
    struct change_set set;
    const struct event_row *row;

    (void)state;
    wanted_type = STR(P "ChatMessageReceivedInThread");
    bench_subscribe("one", wants_type);
    set = publish(&n);
    assert_int_equal(set.n, 1);
    row = &set.items[0].u.event;
    for (int schema = SCHEMA_EVENT_GRID; schema <= SCHEMA_CLOUD_EVENTS; schema++) {
        bool grid = schema == SCHEMA_EVENT_GRID;
        struct json_writer w;
        struct buf out;

        buf_init(&out, 64 * KIB);
        json_writer_init(&w, &out);
        envelope_write(&w, (enum event_schema)schema, STR(TOPIC), row);
        check_str(grid ? "Event Grid" : "CloudEvents", buf_str(&out),
                  arena_printf(
                      &bench.arena,
                      "{\"id\":\"" STR_FMT "\",\"%s\":\"" TOPIC "\",\"subject\":\"thread/" THREAD
                      "/sender/" ANNA "\",\"data\":" STR_FMT ",\"%s\":\"" P
                      "ChatMessageReceivedInThread\",%s",
                      STR_ARG(row->event_id), grid ? "topic" : "source", STR_ARG(row->data),
                      grid ? "eventType" : "type",
                      grid ? "\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\","
                             "\"eventTime\":\"2023-11-14T22:21:40.1230000Z\"}"
                           : "\"time\":\"2023-11-14T22:21:40.1230000Z\",\"specversion\":\"1.0\"}"));
        buf_clear(&out);
    }
}

static size_t count(const struct change_set *set, const char *type)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        n += name_eq(set->items[i].u.event.type, arena_printf(&bench.arena, P "%s", type));
    return n;
}

static void tells_all_but_who_did_it(void **state)
{
    struct chat_participant ten[10] = {{.display_name = STR("Anna")}};
    struct chat_notice n = message_of(CHAT_EVENT_MESSAGE_RECEIVED);
    struct change_set set;

    (void)state;
    bench_subscribe("all", NULL);
    ten[0].user = n.actor;
    for (size_t i = 1; i < ARRAY_LEN(ten); i++)
        ten[i].user = uuid_random();
    n.members = ten;
    n.n_members = ARRAY_LEN(ten);
    set = publish(&n);
    assert_int_equal(set.n, 10);
    assert_int_equal(count(&set, "ChatMessageReceived"), 9);
    assert_int_equal(count(&set, "ChatMessageReceivedInThread"), 1);
    for (size_t i = 1; i < set.n; i++) {
        assert_true(memcmp(&set.items[i - 1].u.event.id, &set.items[i].u.event.id, 16) < 0);
        assert_false(name_eq(set.items[i - 1].u.event.event_id, set.items[i].u.event.event_id));
    }
}

static void tells_of_each_who_came_or_left(void **state)
{
    struct chat_notice came = notice_of(CHAT_EVENT_PARTICIPANTS_ADDED);
    struct chat_notice left = notice_of(CHAT_EVENT_PARTICIPANTS_REMOVED);
    struct change_set set;

    (void)state;
    bench_subscribe("all", NULL);
    came.participants = &people[1];
    came.n_participants = 2;
    came.n_members = 3;
    set = publish(&came);
    assert_int_equal(count(&set, "ChatThreadParticipantAdded"), 2);
    assert_int_equal(count(&set, "ChatParticipantAddedToThreadWithUser"), 4);
    assert_int_equal(set.n, 6);
    left.participants = &people[2];
    left.n_participants = 1;
    set = publish(&left);
    assert_int_equal(count(&set, "ChatThreadParticipantRemoved"), 1);
    assert_int_equal(count(&set, "ChatParticipantRemovedFromThreadWithUser"), 2);
    left.members = people; /* whether those before the change or after it are given */
    left.n_members = 3;
    set = publish(&left);
    assert_int_equal(count(&set, "ChatParticipantRemovedFromThreadWithUser"), 2);
    left.n_members = 2;
    left.participants = &people[0]; /* by herself */
    left.members = &people[1];
    set = publish(&left);
    assert_int_equal(count(&set, "ChatThreadParticipantRemoved"), 1);
    assert_int_equal(count(&set, "ChatParticipantRemovedFromThreadWithUser"), 2);
}

static void names_nobody_when_retention_deletes(void **state)
{
    struct chat_notice n = notice_of(CHAT_EVENT_THREAD_DELETED);
    struct change_set set;

    (void)state;
    bench_subscribe("all", NULL);
    n.actor = (struct uuid){{0}};
    set = publish(&n);
    assert_int_equal(set.n, 3);
    check_str("thread", set.items[0].u.event.subject, STR("thread/" THREAD "/deletedBy/policy"));
    check_str("thread", masked(set.items[0].u.event.data),
              STR("{\"deleteTime\":\"2023-11-14T22:21:40.123Z\"" CREATED END));
    check_str("Anna", set.items[1].u.event.subject,
              STR("thread/" THREAD "/deletedBy/policy/recipient/" ANNA));
    check_str("Anna", masked(set.items[1].u.event.data),
              STR("{\"deleteTime\":\"2023-11-14T22:21:40.123Z\"" CREATED TO(ANNA) END));
    check_str("Ben", set.items[2].u.event.subject,
              STR("thread/" THREAD "/deletedBy/policy/recipient/" BEN));
}

static void shows_html_metadata_and_threads_without_people(void **state)
{
    struct chat_notice html = message_of(CHAT_EVENT_MESSAGE_RECEIVED);
    struct chat_notice alone = notice_of(CHAT_EVENT_THREAD_CREATED);
    struct change_set set;

    (void)state;
    bench_subscribe("all", NULL);
    html.type = CHAT_HTML;
    html.content = STR("<p>a\\b</p>");
    html.n_members = 0;
    html.actor_name = STR_EMPTY;
    set = publish(&html);
    assert_int_equal(set.n, 1);
    check("html", str_find_str(set.items[0].u.event.data,
                               STR("\"senderDisplayName\":\"\",\"composeTime\":"
                                   "\"2023-11-14T22:15:00.007Z\",\"type\":\"RichText/Html\"")) <
                      set.items[0].u.event.data.len);
    check("html",
          str_starts(set.items[0].u.event.data, STR("{\"messageBody\":\"<p>a\\\\b</p>\",")));
    alone.n_participants = 0;
    alone.thread_metadata = STR("{\"x\":\"y\"}");
    set = publish(&alone);
    assert_int_equal(set.n, 1);
    check_str(
        "alone", masked(set.items[0].u.event.data),
        STR("{" BY_ID("createdBy") "," TOPIC_IS
                                   ",\"metadata\":{\"x\":\"y\"},\"participants\":[]" CREATED END));
}

static void makes_none_of_what_is_no_event(void **state)
{
    static const enum chat_event silent[] = {CHAT_EVENT_NONE, CHAT_EVENT_TYPING,
                                             CHAT_EVENT_READ_RECEIPT};
    struct chat_notice n = message_of(CHAT_EVENT_MESSAGE_RECEIVED);

    (void)state;
    bench_subscribe("all", NULL);
    for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
        struct chat_notice quiet = message_of(silent[i]);

        assert_int_equal(publish(&quiet).n, 0);
        assert_false(chat_events_want_members(bench.events, &bench.resource, silent[i]));
    }
    for (int type = CHAT_TOPIC_UPDATED; type < CHAT_MESSAGE_TYPE_COUNT; type++) {
        n.type = (enum chat_message_type)type;
        assert_int_equal(publish(&n).n, 0);
    }
}

static void costs_nothing_when_nobody_subscribed(void **state)
{
    struct chat_notice n = message_of(CHAT_EVENT_MESSAGE_RECEIVED);
    size_t before = bench.arena.total;

    (void)state;
    assert_int_equal(publish(&n).n, 0);
    assert_int_equal(bench.arena.total, before);
    wanted_type = STR(P "ChatMessageReceivedInThread");
    bench_subscribe("one", wants_type);
    assert_false(chat_events_want_members(bench.events, &bench.resource, n.event));
    n.members = NULL; /* were not read, since nobody wants them */
    n.n_members = 0;
    assert_int_equal(publish(&n).n, 1);
    bench_unsubscribe("one");
    wanted_type = STR(P "ChatMessageReceived");
    bench_subscribe("one", wants_type);
    assert_true(chat_events_want_members(bench.events, &bench.resource, n.event));
    n.base.resource = uuid_random();
    assert_false(chat_events_want_members(bench.events, &n.base.resource, n.event));
    assert_int_equal(publish(&n).n, 0);
}

static void comes_behind_what_stands_in_the_set(void **state)
{
    struct chat_notice n = message_of(CHAT_EVENT_MESSAGE_RECEIVED);
    struct change first[3] = {{.kind = CHANGE_META_DELETE}, {.kind = CHANGE_META_PUT}};
    struct change_set full = {.items = first, .n = 2}, grown = {.items = NULL};

    (void)state;
    first[2].kind = CHANGE_NONE; /* not the set's: must stay */
    bench_subscribe("all", NULL);
    chat_events_publish(bench.events, &n, NOW, &full, &bench.arena);
    assert_int_equal(full.n, 4);
    assert_int_equal(full.items[0].kind, CHANGE_META_DELETE);
    assert_int_equal(full.items[1].kind, CHANGE_META_PUT);
    assert_int_equal(full.items[2].kind, CHANGE_EVENT_ADD);
    assert_int_equal(first[2].kind, CHANGE_NONE);
    change_set_add(&grown, &bench.arena, CHANGE_META_DELETE);
    chat_events_publish(bench.events, &n, NOW, &grown, &bench.arena);
    change_set_add(&grown, &bench.arena, CHANGE_META_PUT);
    assert_int_equal(grown.n, 4);
    assert_int_equal(grown.items[1].kind, CHANGE_EVENT_ADD);
    assert_int_equal(grown.items[3].kind, CHANGE_META_PUT);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(says_what_the_contract_says),
        CASE(stands_in_both_envelopes),
        CASE(tells_all_but_who_did_it),
        CASE(tells_of_each_who_came_or_left),
        CASE(names_nobody_when_retention_deletes),
        CASE(shows_html_metadata_and_threads_without_people),
        CASE(makes_none_of_what_is_no_event),
        CASE(costs_nothing_when_nobody_subscribed),
        CASE(comes_behind_what_stands_in_the_set),
    };

    return cmocka_run_group_tests_name("services_chat_events", tests, NULL, NULL);
}
