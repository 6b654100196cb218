/* Callers in threads who come again: which of them a reader remembers, and that it tells of none
 * that is other than he was. */
#include "chat_rows.h"
#include "store/chat_memo.h"

static struct chat_thread_row thread_of(const struct uuid *key)
{
    struct chat_thread_row row = put_thread(1).u.chat_thread;

    row.key = *key;
    row.metadata = STR("{\"a\":1}");
    return row;
}

static struct chat_member_row member_of(const struct uuid *thread, const struct uuid *user)
{
    return (struct chat_member_row){.thread = *thread,
                                    .user = *user,
                                    .joined = 5,
                                    .share_from = NOW,
                                    .display_name = STR("name"),
                                    .metadata = STR("{}"),
                                    .topic = STR("when he left")};
}

static void offer(struct memo *m, uint64_t changes, const struct uuid *key, const struct uuid *user)
{
    const struct chat_thread_row thread = thread_of(key);
    const struct chat_member_row member = member_of(key, user);

    chat_memo_offer(m, changes, &thread, &member);
}

static bool finds(struct memo *m, uint64_t changes, const struct uuid *key, const struct uuid *user)
{
    struct chat_member_row member = {.thread = *key, .user = *user};
    struct chat_thread_row thread;
    struct arena arena = {0};
    bool found = chat_memo_find(m, changes, &arena, &thread, &member);

    if (found) {
        const struct chat_thread_row wanted = thread_of(key);

        check_thread(&thread, &wanted);
        assert_true(uuid_eq(&member.thread, key) && uuid_eq(&member.user, user));
        assert_int_equal(member.joined, 5);
        assert_int_equal(member.share_from, NOW);
        check_text(member.display_name, STR("name"));
        check_text(member.metadata, STR("{}"));
        check_text(member.topic, STR("when he left"));
    }
    arena_clear(&arena);
    return found;
}

static void remembers_who_came_twice(void **state)
{
    const struct uuid key = uuid_ordered(NOW), user = uuid_random(), other = uuid_random();
    struct memo *m = memo_new();

    (void)state;
    offer(m, 3, &key, &user);
    assert_false(finds(m, 3, &key, &user));
    offer(m, 3, &key, &user);
    assert_true(finds(m, 3, &key, &user));
    assert_false(finds(m, 3, &key, &other));
    assert_false(finds(m, 3, &other, &user));
    assert_false(finds(m, 3, &user, &key)); /* the same octets choose the bucket */
    memo_free(m);
}

static void forgets_what_is_of_another_time(void **state)
{
    const struct uuid key = uuid_ordered(NOW), user = uuid_random();
    struct memo *m = memo_new();

    (void)state;
    for (int i = 0; i < 2; i++)
        offer(m, 3, &key, &user);
    assert_false(finds(m, 4, &key, &user));
    assert_false(finds(m, 3, &key, &user));
    offer(m, 4, &key, &user);
    assert_true(finds(m, 4, &key, &user));
    memo_free(m);
}

static void remembers_neither_strangers_nor_long_texts(void **state)
{
    const struct uuid key = uuid_ordered(NOW), user = uuid_random();
    struct chat_thread_row thread = thread_of(&key);
    struct chat_member_row member = {.thread = key, .user = user};
    static char text[2048];
    struct memo *m = memo_new();

    (void)state;
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 3; i++)
        chat_memo_offer(m, 0, &thread, &member);
    assert_false(finds(m, 0, &key, &user));
    member.joined = 1;
    thread.metadata = str_of(text, sizeof text);
    for (int i = 0; i < 3; i++)
        chat_memo_offer(m, 0, &thread, &member);
    assert_false(finds(m, 0, &key, &user));
    memo_free(m);
}

static void has_room_for_some_thousand(void **state)
{
    static struct uuid keys[100000];
    const struct uuid user = uuid_random();
    struct memo *m = memo_new();
    size_t found = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        keys[i] = uuid_ordered(NOW);
        offer(m, 0, &keys[i], &user);
        offer(m, 0, &keys[i], &user);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        found += finds(m, 0, &keys[i], &user);
    assert_in_range(found, 4000, 4096);
    memo_free(m);
}

/* ---- in a store ---- */

struct place {
    struct chat_thread_row thread;
    struct chat_member_row member;
};

static enum rc enter(struct fixture *f, uint64_t thread, uint64_t user, struct place *out)
{
    *out = (struct place){.member = {.thread = id_of(thread), .user = id_of(user)}};
    return store_chat_place(f->reader, &f->arena, &out->thread, &out->member);
}

/** The place of user 2 in thread 1, remembered by the reader. */
static struct place remembered(struct fixture *f)
{
    struct place p;

    fixture_open(f);
    must(f, put_thread(1));
    must(f, put_member(1, 2, 5));
    for (int i = 0; i < 3; i++)
        assert_int_equal(enter(f, 1, 2, &p), RC_OK);
    return p;
}

static void finds_both_or_says_what_there_is_not(struct fixture *f)
{
    struct place p = remembered(f);
    const struct chat_thread_row wanted = put_thread(1).u.chat_thread;

    check_thread(&p.thread, &wanted);
    assert_int_equal(p.member.joined, 5);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(enter(f, 1, 3, &p), RC_OK);
        assert_int_equal(p.member.joined, 0);
        assert_int_equal(enter(f, 4, 2, &p), RC_NOT_FOUND);
    }
}

static void leaves_out_what_messages_move(struct fixture *f)
{
    struct place p = remembered(f);

    must(f, put_head(1, 8));
    assert_int_equal(enter(f, 1, 2, &p), RC_OK);
    assert_int_equal(p.thread.seq, 0);
    must(f, put_member(1, 3, 5));
    assert_int_equal(enter(f, 1, 3, &p), RC_OK);
    assert_int_equal(p.thread.seq, 0);
    assert_int_equal(p.thread.last_id, 0);
}

static void sees_each_change_of_a_place(struct fixture *f)
{
    struct place p = remembered(f);
    struct change thread = put_thread(1), left = put_member(1, 2, 5);
    struct change gone = {.kind = CHANGE_CHAT_MEMBER_DELETE,
                          .u.chat_member_delete = {id_of(1), id_of(2)}};
    struct change clear = {.kind = CHANGE_CHAT_CLEAR, .u.chat_clear.thread = id_of(1)};

    must(f, add_user(key_of(1, 2), NOW));
    must(f, change_user(CHANGE_USER_DELETE, key_of(1, 2), NOW)); /* else `gone` does nothing */
    for (int i = 0; i < 3; i++) {
        left.u.chat_member.gone = i % 2 ? 0 : 9;
        must(f, left);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(enter(f, 1, 2, &p), RC_OK);
            assert_int_equal(p.member.gone, left.u.chat_member.gone);
        }
    }
    must(f, gone);
    assert_int_equal(enter(f, 1, 2, &p), RC_OK);
    assert_int_equal(p.member.joined, 0);
    must(f, put_member(1, 2, 10));
    for (int k = 0; k < 3; k++)
        assert_int_equal(enter(f, 1, 2, &p), RC_OK);
    assert_int_equal(p.member.joined, 10);
    thread.u.chat_thread.deleted = NOW + 1;
    must(f, thread);
    for (int k = 0; k < 3; k++)
        assert_int_equal(enter(f, 1, 2, &p), RC_OK);
    assert_int_equal(p.thread.deleted, NOW + 1);
    must(f, clear);
    assert_int_equal(enter(f, 1, 2, &p), RC_NOT_FOUND);
}

static void stays_as_it_is_when_a_change_fails_with_its_set(struct fixture *f)
{
    struct place p = remembered(f);
    struct change set[2] = {put_member(1, 2, 7), put_member(1, 3, 0)}; /* the second is refused */

    assert_int_equal(fixture_commit(f, set, 2), RC_INVALID);
    assert_int_equal(enter(f, 1, 2, &p), RC_OK);
    assert_int_equal(p.member.joined, 5);
}

/* clang-format off */
static const struct CMUnitTest tests[] = {
    cmocka_unit_test(remembers_who_came_twice),
    cmocka_unit_test(forgets_what_is_of_another_time),
    cmocka_unit_test(remembers_neither_strangers_nor_long_texts),
    cmocka_unit_test(has_room_for_some_thousand),
};
static const struct store_case cases[] = {
    {"finds both, or says what there is not", finds_both_or_says_what_there_is_not},
    {"leaves out what messages move", leaves_out_what_messages_move},
    {"sees each change of a place", sees_each_change_of_a_place},
    {"stays as it is when a change fails with its set", stays_as_it_is_when_a_change_fails_with_its_set},
};
/* clang-format on */

int main(void)
{
    return cmocka_run_group_tests_name("chat memo alone", tests, NULL, NULL) +
           run_cases("chat memo", cases, ARRAY_LEN(cases));
}
