/* What a deleted user leaves behind in chat: who has yet to be let go, where he has a place, what
 * there is of him in messages, and that he is kept in mind until nothing is left. */
#include "fixture.h"

static void must(struct fixture *f, struct change c)
{
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
}

static struct change put_thread(uint64_t n, uint64_t resource)
{
    return (struct change){
        .kind = CHANGE_CHAT_THREAD_PUT,
        .u.chat_thread = {.key = id_of(n), .resource = id_of(resource), .created = NOW},
    };
}

static struct change put_member(uint64_t thread, uint64_t user, int64_t gone)
{
    return (struct change){
        .kind = CHANGE_CHAT_MEMBER_PUT,
        .u.chat_member = {.thread = id_of(thread),
                          .user = id_of(user),
                          .joined = 1,
                          .gone = gone,
                          .display_name = STR("Ben")},
    };
}

static struct change put_receipt(uint64_t thread, uint64_t user)
{
    return (struct change){
        .kind = CHANGE_CHAT_RECEIPT_PUT,
        .u.chat_receipt = {id_of(thread), id_of(user), NOW, NOW},
    };
}

static struct change drop_member(uint64_t thread, uint64_t user)
{
    return (struct change){.kind = CHANGE_CHAT_MEMBER_DELETE,
                           .u.chat_member_delete = {id_of(thread), id_of(user)}};
}

static struct change drop_leaver(uint64_t resource, uint64_t user)
{
    return (struct change){.kind = CHANGE_CHAT_LEAVER_DELETE,
                           .u.chat_leaver = {id_of(resource), id_of(user)}};
}

static struct chat_page must_list(struct fixture *f, struct chat_query query)
{
    struct chat_page page;

    assert_int_equal(store_list_chat(f->reader, &query, &f->arena, &page), RC_OK);
    return page;
}

static size_t leavers(struct fixture *f)
{
    return must_list(f, (struct chat_query){.what = CHAT_LIST_LEAVERS, .limit = 10}).n;
}

static size_t places(struct fixture *f, uint64_t resource, uint64_t user, bool present)
{
    return must_list(f, (struct chat_query){.what = CHAT_LIST_PLACES,
                                            .resource = id_of(resource),
                                            .user = id_of(user),
                                            .present = present,
                                            .limit = 10})
        .n;
}

/** User `user` of resource 1, and thread 1 of it, in which he is. */
static void begin(struct fixture *f, uint64_t user)
{
    fixture_open(f);
    must(f, add_user(key_of(1, user), NOW));
    must(f, put_thread(1, 1));
    must(f, put_member(1, user, 0));
}

static void remembers_a_deleted_user_who_has_a_place(struct fixture *f)
{
    struct chat_page page;
    const struct uuid resource = id_of(1), user = id_of(7);

    begin(f, 7);
    must(f, add_user(key_of(1, 8), NOW)); /* in no thread */
    assert_int_equal(leavers(f), 0);
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 8), NOW));
    assert_int_equal(leavers(f), 0);
    for (int i = 0; i < 2; i++)
        must(f, change_user(CHANGE_USER_DELETE, key_of(1, 7), NOW));
    fixture_reopen(f);
    page = must_list(f, (struct chat_query){.what = CHAT_LIST_LEAVERS, .limit = 10});
    assert_int_equal(page.n, 1);
    assert_true(uuid_eq(&page.leavers[0].resource, &resource));
    assert_true(uuid_eq(&page.leavers[0].user, &user));
}

static void remembers_who_came_in_when_he_was_deleted_already(struct fixture *f)
{
    fixture_open(f);
    must(f, add_user(key_of(1, 7), NOW));
    must(f, put_thread(1, 1));
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 7), NOW));
    assert_int_equal(leavers(f), 0);
    must(f, put_member(1, 7, 5)); /* left */
    assert_int_equal(leavers(f), 0);
    must(f, put_member(1, 7, 0));
    assert_int_equal(leavers(f), 1);
    must(f, put_member(1, 7, 0));
    assert_int_equal(leavers(f), 1);
}

static void lists_places_in_threads_that_live_of_the_resource(struct fixture *f)
{
    struct change deleted = put_thread(3, 1);
    struct chat_page page;

    deleted.u.chat_thread.deleted = NOW;
    begin(f, 7);
    must(f, put_thread(2, 1));
    must(f, put_member(2, 7, 9));
    must(f, deleted);
    must(f, put_member(3, 7, 0));
    must(f, put_thread(4, 2)); /* another user, of the same guid */
    must(f, put_member(4, 7, 0));
    assert_int_equal(places(f, 1, 7, false), 2);
    assert_int_equal(places(f, 1, 7, true), 1);
    assert_int_equal(places(f, 2, 7, true), 1);
    assert_int_equal(places(f, 1, 8, false), 0);
    page = must_list(
        f, (struct chat_query){
               .what = CHAT_LIST_PLACES, .resource = id_of(1), .user = id_of(7), .limit = 1});
    assert_int_equal(page.n, 1);
    assert_true(page.more);
    check_text(page.members[0].display_name, STR("Ben"));
    assert_int_equal(page.threads[0].created, NOW);
}

static void drops_a_membership_once_it_has_ended(struct fixture *f)
{
    const struct uuid thread = id_of(1), user = id_of(7);
    const struct chat_query receipts = {
        .what = CHAT_LIST_RECEIPTS, .thread = id_of(1), .limit = 10};
    struct chat_member_row row;

    begin(f, 7);
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 7), NOW));
    must(f, put_receipt(1, 7));
    must(f, put_receipt(1, 8));
    must(f, drop_member(1, 7)); /* he is in */
    assert_int_equal(store_chat_member(f->reader, &thread, &user, &f->arena, &row), RC_OK);
    assert_int_equal(must_list(f, receipts).n, 2);
    must(f, put_member(1, 7, 5));
    must(f, drop_member(1, 7));
    assert_int_equal(store_chat_member(f->reader, &thread, &user, &f->arena, &row), RC_NOT_FOUND);
    assert_int_equal(must_list(f, receipts).n, 1);
    must(f, drop_member(1, 7));
    must(f, drop_member(9, 7)); /* no such thread */
}

static enum rc decide_nothing(void *ctx, struct chat_turn *turn, struct change_set *set)
{
    (void)ctx, (void)turn, (void)set;
    return RC_OK;
}

/** Whether a turn of thread 1 says that user 7 has to be let go. */
static bool turn_sees_a_leaver(struct fixture *f, uint64_t resource)
{
    const struct chat_leaver_row who = {id_of(resource), id_of(7)};
    struct chat_turn turn = {
        .arena = &f->arena, .thread = id_of(1), .leaver = &who, .decide = decide_nothing};

    must(f, (struct change){.kind = CHANGE_CHAT_TURN, .u.chat_turn = &turn});
    return turn.is_leaver;
}

static void lets_nobody_go_who_lives_again(struct fixture *f)
{
    const struct uuid thread = id_of(1), user = id_of(7);
    struct change back = add_user(key_of(1, 7), NOW + 5);
    struct chat_member_row row;

    back.kind = CHANGE_USER_REVIVE;
    begin(f, 7);
    must(f, put_member(1, 7, 5)); /* he has left the thread */
    assert_false(turn_sees_a_leaver(f, 1));
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 7), NOW));
    assert_true(turn_sees_a_leaver(f, 1));
    assert_false(turn_sees_a_leaver(f, 2)); /* who has his guid there */
    must(f, back);
    assert_false(turn_sees_a_leaver(f, 1));
    must(f, drop_member(1, 7)); /* by who has looked before */
    assert_int_equal(store_chat_member(f->reader, &thread, &user, &f->arena, &row), RC_OK);
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 7), NOW + 6));
    must(f, drop_member(1, 7));
    assert_int_equal(store_chat_member(f->reader, &thread, &user, &f->arena, &row), RC_NOT_FOUND);
}

static void forgets_a_leaver_when_nothing_is_left_of_him(struct fixture *f)
{
    begin(f, 7);
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 7), NOW));
    must(f, drop_leaver(1, 7));
    assert_int_equal(leavers(f), 1);
    must(f, put_member(1, 7, 5));
    must(f, drop_leaver(1, 7));
    assert_int_equal(leavers(f), 1);
    must(f, drop_member(1, 7));
    must(f, drop_leaver(2, 7));
    assert_int_equal(leavers(f), 1);
    must(f, drop_leaver(1, 7));
    assert_int_equal(leavers(f), 0);
    must(f, drop_leaver(1, 7));
}

static void does_not_wait_for_deleted_threads(struct fixture *f)
{
    struct change deleted = put_thread(1, 1);

    deleted.u.chat_thread.deleted = NOW;
    begin(f, 7);
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 7), NOW));
    must(f, deleted);
    must(f, drop_leaver(1, 7));
    assert_int_equal(leavers(f), 0);
}

static void lists_what_there_is_of_him_in_messages(struct fixture *f)
{
    static const struct {
        struct str name, content;
        uint64_t sender;
        unix_ms deleted;
        enum chat_message_type type;
        bool wanted;
    } cases[] = {
        {{NULL, 0}, STR_INIT("his"), 7, 0, CHAT_TEXT, true},
        {{NULL, 0}, STR_INIT("his"), 7, 0, CHAT_HTML, true},
        {{NULL, 0}, STR_INIT("hers"), 8, 0, CHAT_TEXT, false},
        {{NULL, 0}, {NULL, 0}, 7, NOW, CHAT_TEXT, false},
        {STR_INIT("Ben"), {NULL, 0}, 7, NOW, CHAT_TEXT, true},
        {{NULL, 0}, STR_INIT("topic"), 7, 0, CHAT_TOPIC_UPDATED, false},
        {{NULL, 0},
         STR_INIT("[8:acs:x_00000000-0000-0000-0000-000000000007]"),
         8,
         0,
         CHAT_PARTICIPANT_ADDED,
         true},
        {{NULL, 0},
         STR_INIT("[8:acs:x_00000000-0000-0000-0000-000000000008]"),
         7,
         0,
         CHAT_PARTICIPANT_REMOVED,
         false},
    };
    struct chat_query q = {
        .what = CHAT_LIST_TRACES, .thread = id_of(1), .user = id_of(7), .limit = 2};
    struct chat_page page;
    size_t at = 0;

    begin(f, 7);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        must(f, (struct change){.kind = CHANGE_CHAT_MESSAGE_PUT,
                                .u.chat_message = {.thread = id_of(1),
                                                   .id = (unix_ms)i + 1,
                                                   .seq = (int64_t)i + 1,
                                                   .first_seq = (int64_t)i + 1,
                                                   .type = cases[i].type,
                                                   .sender = id_of(cases[i].sender),
                                                   .deleted = cases[i].deleted,
                                                   .sender_name = cases[i].name,
                                                   .content = cases[i].content}});
    do {
        page = must_list(f, q);
        for (size_t i = 0; i < page.n; i++, at++) {
            while (!cases[at].wanted)
                at++;
            assert_int_equal(page.messages[i].id, at + 1);
        }
        q.id_from = page.next_id;
    } while (page.more);
    while (at < ARRAY_LEN(cases))
        assert_false(cases[at++].wanted);
}

static void lets_a_deleted_user_live_again(struct fixture *f)
{
    const struct user_key key = key_of(1, 7);
    struct change c = add_user(key, NOW + 5);
    struct store_figures figures;
    struct user_row row;

    c.kind = CHANGE_USER_REVIVE;
    c.u.user.revoked = NOW + 6;
    c.u.user.external_id = STR("again");
    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_NOT_FOUND);
    must(f, add_user(key, NOW));
    must(f, put_thread(1, 1));
    must(f, put_member(1, 7, 0));
    assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT); /* he lives */
    must(f, change_user(CHANGE_USER_DELETE, key, NOW));
    assert_int_equal(leavers(f), 1);
    must(f, c);
    assert_int_equal(leavers(f), 0);
    assert_int_equal(fixture_user(f, &key, &row), RC_OK);
    assert_int_equal(row.deleted, 0);
    assert_int_equal(row.generation, 2);
    assert_int_equal(row.revoked, NOW + 6);
    assert_int_equal(row.created, NOW + 5);
    check_text(row.external_id, STR("again"));
    store_figures(f->store, &figures);
    assert_int_equal(figures.users, 1);
    assert_int_equal(figures.users_deleted, 0);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"remembers a deleted user who has a place", remembers_a_deleted_user_who_has_a_place},
    {"remembers who came in when he was deleted already", remembers_who_came_in_when_he_was_deleted_already},
    {"lists places in threads that live of the resource", lists_places_in_threads_that_live_of_the_resource},
    {"drops a membership once it has ended", drops_a_membership_once_it_has_ended},
    {"lets nobody go who lives again", lets_nobody_go_who_lives_again},
    {"forgets a leaver when nothing is left of him", forgets_a_leaver_when_nothing_is_left_of_him},
    {"does not wait for deleted threads", does_not_wait_for_deleted_threads},
    {"lists what there is of him in messages", lists_what_there_is_of_him_in_messages},
    {"lets a deleted user live again", lets_a_deleted_user_live_again},
};
/* clang-format on */

int main(void)
{
    return run_cases("leavers of chat", cases, ARRAY_LEN(cases));
}
