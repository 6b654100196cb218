/* What every back end keeps of chat. Turns of threads: test_store_chat_turns.c; lists, clearing and
 * pruning: test_store_chat_lists.c. */
#include "chat_rows.h"

static struct change full_thread(void)
{
    return (struct change){
        .kind = CHANGE_CHAT_THREAD_PUT,
        .u.chat_thread = {.key = id_at(NOW, 1),
                          .secret = id_of(UINT64_MAX),
                          .resource = id_of(2),
                          .created_by = id_of(3),
                          .created = NOW,
                          .deleted = NOW + 1,
                          .seq = INT64_MAX,
                          .last_id = NOW + 2,
                          .members = UINT32_MAX,
                          .delete_after_days = 90,
                          .expires = NOW + 3,
                          .topic = STR("a \xc3\xbc topic"),
                          .metadata = {"{\"a\":\"\0\"}", 9}},
    };
}

static void keeps_a_thread_as_it_was_given_last(struct fixture *f)
{
    struct change full = full_thread(), changed[12];
    struct chat_thread_row got;

    fixture_open(f);
    assert_int_equal(store_chat_thread(f->reader, &full.u.chat_thread.key, &f->arena, &got),
                     RC_NOT_FOUND);
    assert_int_equal(got.created, 0);
    for (size_t i = 0; i < ARRAY_LEN(changed); i++)
        changed[i] = full;
    changed[1].u.chat_thread.secret = id_of(1);
    changed[2].u.chat_thread.resource = id_of(1);
    changed[3].u.chat_thread.created_by = id_of(1);
    changed[4].u.chat_thread.created = 1;
    changed[5].u.chat_thread.deleted = 1;
    changed[6].u.chat_thread.seq = 1;
    changed[7].u.chat_thread.last_id = 1;
    changed[8].u.chat_thread.members = 1;
    changed[9].u.chat_thread.delete_after_days = 1;
    changed[10].u.chat_thread.topic = STR_EMPTY;
    changed[11].u.chat_thread.metadata = STR("{}");
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        must(f, changed[i]);
        assert_int_equal(store_chat_thread(f->reader, &full.u.chat_thread.key, &f->arena, &got),
                         RC_OK);
        check_thread(&got, &changed[i].u.chat_thread);
        fixture_reopen(f);
    }
    full.u.chat_thread.expires = 1;
    must(f, full);
    assert_int_equal(store_chat_thread(f->reader, &full.u.chat_thread.key, &f->arena, &got), RC_OK);
    check_thread(&got, &full.u.chat_thread);
}

static void moves_the_head_of_a_thread_and_nothing_else(struct fixture *f)
{
    struct change c = put_thread(1);
    struct chat_thread_row got;

    fixture_open(f);
    must(f, c);
    must(f, put_head(1, 8));
    c.u.chat_thread.seq = 8;
    c.u.chat_thread.last_id = NOW;
    assert_int_equal(find_thread(f, 1, &got), RC_OK);
    check_thread(&got, &c.u.chat_thread);
}

static void keeps_a_membership_as_it_was_given_last(struct fixture *f)
{
    struct change c = put_member(1, 2, 5);
    struct chat_member_row got;

    fixture_open(f);
    must(f, put_thread(1));
    assert_int_equal(find_member(f, 1, 2, &got), RC_NOT_FOUND);
    assert_int_equal(got.joined, 0);
    c.u.chat_member.share_from = NOW;
    c.u.chat_member.display_name = STR("name");
    c.u.chat_member.metadata = STR("{\"a\":\"b\"}");
    for (int i = 0; i < 2; i++) {
        const struct chat_member_row *row = &c.u.chat_member;

        must(f, c);
        assert_int_equal(find_member(f, 1, 2, &got), RC_OK);
        assert_true(uuid_eq(&got.thread, &row->thread));
        assert_true(uuid_eq(&got.user, &row->user));
        assert_int_equal(got.joined, row->joined);
        assert_int_equal(got.gone, row->gone);
        assert_int_equal(got.left, row->left);
        assert_int_equal(got.share_from, row->share_from);
        check_text(got.display_name, row->display_name);
        check_text(got.metadata, row->metadata);
        check_text(got.topic, row->topic);
        c.u.chat_member = (struct chat_member_row){.thread = id_of(1),
                                                   .user = id_of(2),
                                                   .joined = 8,
                                                   .gone = 9,
                                                   .left = NOW + 1,
                                                   .topic = STR("as it was")};
    }
    c = put_member(1, 2, 10); /* he is back */
    must(f, c);
    assert_int_equal(find_member(f, 1, 2, &got), RC_OK);
    assert_int_equal(got.topic.len, 0);
    assert_int_equal(find_member(f, 1, 3, &got), RC_NOT_FOUND);
    assert_int_equal(find_member(f, 2, 2, &got), RC_NOT_FOUND);
}

static void keeps_a_message_as_it_was_given_last(struct fixture *f)
{
    struct change c = put_message(1, 1, NOW);
    size_t len = 28 * KIB;
    char *content = arena_alloc(&f->arena, len);
    struct chat_message_row got;

    memset(content, 'x', len);
    c.u.chat_message.type = CHAT_HTML;
    c.u.chat_message.sender_name = STR("name");
    c.u.chat_message.content = str_of(content, len);
    c.u.chat_message.metadata = STR("{\"a\":\"b\"}");
    fixture_open(f);
    must(f, put_thread(1));
    assert_int_equal(find_message(f, 1, NOW, &got), RC_NOT_FOUND);
    assert_int_equal(got.id, 0);
    for (int i = 0; i < 3; i++) {
        must(f, c);
        fixture_reopen(f);
        assert_int_equal(find_message(f, 1, NOW, &got), RC_OK);
        check_message(&got, &c.u.chat_message);
        c.u.chat_message.seq += 5;
        c.u.chat_message.edited = NOW + i;
        c.u.chat_message.version = NOW + i;
        c.u.chat_message.sender = id_of(8);
        c.u.chat_message.type = CHAT_PARTICIPANT_REMOVED;
        c.u.chat_message.content = i ? STR_EMPTY : STR("other");
        c.u.chat_message.deleted = i ? NOW : 0;
        c.u.chat_message.sender_name = STR_EMPTY;
        c.u.chat_message.metadata = STR_EMPTY;
    }
    assert_int_equal(find_message(f, 1, NOW + 1, &got), RC_NOT_FOUND);
    assert_int_equal(find_message(f, 2, NOW, &got), RC_NOT_FOUND);
}

static void refuses_messages_that_have_no_place(struct fixture *f)
{
    static const struct {
        int type;
        int64_t id, seq, first_seq;
        enum rc rc;
    } cases[] = {
        {CHAT_TEXT, NOW, 2, 2, RC_OK},
        {CHAT_TEXT, NOW, 3, 2, RC_OK},
        {CHAT_TEXT, NOW, 4, 4, RC_CONFLICT}, /* it was made as 2 */
        {CHAT_TEXT, NOW + 1, 4, 4, RC_OK},
        {CHAT_MESSAGE_NONE, NOW + 2, 5, 5, RC_INVALID},
        {CHAT_MESSAGE_TYPE_COUNT, NOW + 2, 5, 5, RC_INVALID},
        {-1, NOW + 2, 5, 5, RC_INVALID},
        {CHAT_TEXT, 0, 5, 5, RC_INVALID},
        {CHAT_TEXT, -1, 5, 5, RC_INVALID},
        {CHAT_TEXT, NOW + 2, 5, 6, RC_INVALID},
        {CHAT_TEXT, NOW + 2, 0, 0, RC_INVALID},
        {CHAT_TEXT, NOW + 2, 5, -5, RC_INVALID},
        {CHAT_PARTICIPANT_REMOVED, NOW + 2, 5, 5, RC_OK},
    };

    fixture_open(f);
    must(f, put_thread(1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = put_message(1, cases[i].seq, cases[i].id);

        c.u.chat_message.type = (enum chat_message_type)cases[i].type;
        c.u.chat_message.first_seq = cases[i].first_seq;
        if (fixture_commit(f, &c, 1) != cases[i].rc)
            fail_msg("case %zu", i);
    }
}

static void keeps_nothing_of_a_thread_that_there_is_not(struct fixture *f)
{
    struct change c[] = {put_member(1, 2, 1),
                         put_message(1, 1, NOW),
                         {.kind = CHANGE_CHAT_RECEIPT_PUT, .u.chat_receipt.thread = id_of(1)}};
    struct change never = put_member(1, 2, 0);

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        assert_int_equal(fixture_commit(f, &c[i], 1), RC_NOT_FOUND);
    must(f, put_thread(1));
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        assert_int_equal(fixture_commit(f, &c[i], 1), RC_OK);
    assert_int_equal(fixture_commit(f, &never, 1), RC_INVALID);
}

static struct change add_repeat(uint64_t user, uint8_t digest, uint64_t thread, unix_ms now)
{
    struct change c = {
        .kind = CHANGE_CHAT_REPEAT_ADD,
        .u.chat_repeat = {
            .user = id_of(user), .thread = id_of(thread), .now = now, .kept_until = now + 10}};

    memset(c.u.chat_repeat.digest, digest, sizeof c.u.chat_repeat.digest);
    return c;
}

static void keeps_a_repeatable_creation_until_its_time(struct fixture *f)
{
    static const struct {
        uint64_t user, thread;
        unix_ms now;
        enum rc rc;
        uint64_t found; /* afterwards */
    } cases[] = {
        {1, 1, NOW, RC_OK, 1}, {1, 2, NOW, RC_CONFLICT, 1}, {1, 2, NOW + 10, RC_CONFLICT, 1},
        {2, 2, NOW, RC_OK, 2}, {1, 3, NOW + 11, RC_OK, 3},  {1, 4, NOW + 12, RC_CONFLICT, 3},
    };
    struct change absent = add_repeat(1, 9, 0, NOW);

    fixture_open(f);
    assert_int_equal(store_chat_repeat(f->reader, &absent.u.chat_repeat), RC_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = add_repeat(cases[i].user, 7, cases[i].thread, cases[i].now);
        struct chat_repeat_row key = c.u.chat_repeat;

        if (fixture_commit(f, &c, 1) != cases[i].rc)
            fail_msg("case %zu", i);
        key.kept_until = 0;
        assert_int_equal(store_chat_repeat(f->reader, &key), RC_OK);
        check_id(&key.thread, cases[i].found);
        assert_true(key.kept_until > NOW);
    }
}

/* clang-format off */
static const struct store_case cases[] = {
    {"keeps a thread as it was given last", keeps_a_thread_as_it_was_given_last},
    {"moves the head of a thread and nothing else", moves_the_head_of_a_thread_and_nothing_else},
    {"keeps a membership as it was given last", keeps_a_membership_as_it_was_given_last},
    {"keeps a message as it was given last", keeps_a_message_as_it_was_given_last},
    {"refuses messages that have no place", refuses_messages_that_have_no_place},
    {"keeps nothing of a thread that there is not", keeps_nothing_of_a_thread_that_there_is_not},
    {"keeps a repeatable creation until its time", keeps_a_repeatable_creation_until_its_time},
};
/* clang-format on */

int main(void)
{
    return run_cases("chat", cases, ARRAY_LEN(cases));
}
