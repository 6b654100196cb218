/* Ended messages that are asked for again: which of them a reader remembers, and that it tells of
 * none that is other than it was, or gone. */
#include "fixture.h"
#include "store/sms_memo.h"

#define MANY 100000

static const struct {
    const char *name;
    enum sms_state state;
    size_t text_len;
    unsigned offers;
    bool found;
} rows[] = {
    {"is not found before it is offered", SMS_DELIVERED, 10, 0, false},
    {"is not found after one offer", SMS_DELIVERED, 10, 1, false},
    {"is found after two", SMS_DELIVERED, 10, 2, true},
    {"is found after three", SMS_DELIVERED, 10, 3, true},
    {"failed", SMS_FAILED, 10, 2, true},
    {"has no text", SMS_FAILED, 0, 2, true},
    {"came in", SMS_RECEIVED, 10, 2, false},
    {"is queued", SMS_QUEUED, 10, 2, false},
    {"is on its way", SMS_SUBMITTING, 10, 2, false},
    {"waits for its report", SMS_SUBMITTED, 10, 2, false},
    {"has the longest texts", SMS_DELIVERED, 1024 - 12, 2, true},
    {"has longer texts", SMS_DELIVERED, 1024 - 11, 2, false},
};

/** Its texts but `text` have 12 octets. */
static struct sms_row row_of(const struct uuid *id, enum sms_state state, struct str text)
{
    return (struct sms_row){
        .id = *id,
        .resource = id_of(2),
        .state = state,
        .created = NOW,
        .due = NOW + 1,
        .deadline = NOW + 2,
        .finished = NOW + 3,
        .attempts = 4,
        .code = 4007,
        .segments = 62,
        .segments_failed = 61,
        .ucs2 = true,
        .report = true,
        .unsure = true,
        .from = STR("from"),
        .to = STR("to"),
        .text = text,
        .tag = STR("tag"),
        .ref = {"a\0b", 3},
    };
}

static bool finds(struct memo *m, uint64_t changes, const struct uuid *id)
{
    struct arena arena = {0};
    struct sms_row got;
    bool found = sms_memo_find(m, changes, id, &arena, &got);

    arena_clear(&arena);
    return found;
}

static void offer_twice(struct memo *m, const struct uuid *id)
{
    struct sms_row row = row_of(id, SMS_DELIVERED, STR("text"));

    sms_memo_offer(m, 0, &row);
    sms_memo_offer(m, 0, &row);
}

static void remembers_what_has_ended_and_was_asked_for_twice(void **state)
{
    struct arena arena = {0};
    static char text[2048];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct memo *m = memo_new();
        const struct uuid id = uuid_ordered(NOW);
        struct sms_row got, row = row_of(&id, rows[i].state, str_of(text, rows[i].text_len));

        for (unsigned k = 0; k < rows[i].offers; k++)
            sms_memo_offer(m, 0, &row);
        if (sms_memo_find(m, 0, &id, &arena, &got) != rows[i].found)
            fail_msg("a message that %s", rows[i].name);
        memo_free(m); /* what was found does not need it any more */
        if (rows[i].found)
            check_sms(&got, &row);
    }
    arena_clear(&arena);
}

static void tells_ids_apart(void **state)
{
    struct memo *m = memo_new();
    struct uuid ids[17];

    (void)state;
    ids[16] = uuid_ordered(NOW);
    offer_twice(m, &ids[16]);
    for (size_t i = 0; i < 16; i++) { /* most lie in the same bucket */
        ids[i] = ids[16];
        ids[i].octets[i] ^= 1;
        assert_false(finds(m, 0, &ids[i]));
    }
    assert_true(finds(m, 0, &ids[16]));
    memo_free(m);
}

static void forgets_all_when_changes_move(void **state)
{
    struct memo *m = memo_new();
    struct uuid ids[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = uuid_ordered(NOW);
        offer_twice(m, &ids[i]);
    }
    assert_true(finds(m, 0, &ids[99]));
    assert_false(finds(m, 1, &ids[99]));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_false(finds(m, 1, &ids[i]));
    assert_false(finds(m, 0, &ids[0])); /* nor does it come back */
    memo_free(m);
}

static void remembers_a_thousand_beside_many_that_are_asked_for_once(void **state)
{
    struct memo *m = memo_new();
    struct uuid ids[1000];
    size_t found = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = uuid_ordered(NOW);
        offer_twice(m, &ids[i]);
    }
    for (int i = 0; i < MANY; i++) {
        const struct uuid id = uuid_ordered(NOW);
        const struct sms_row row = row_of(&id, SMS_DELIVERED, STR("text"));

        sms_memo_offer(m, 0, &row);
    }
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        found += finds(m, 0, &ids[i]);
    assert_in_range(found, 950, ARRAY_LEN(ids));
    memo_free(m);
}

static void remembers_the_latest_of_many_and_no_more_than_it_has_room_for(void **state)
{
    struct memo *m = memo_new();
    struct uuid *ids = calloc(MANY, sizeof *ids);
    size_t found = 0;

    (void)state;
    assert_non_null(ids);
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = uuid_ordered(NOW);
        offer_twice(m, &ids[i]);
        assert_true(finds(m, 0, &ids[i]));
    }
    for (size_t i = 0; i < MANY; i++)
        found += finds(m, 0, &ids[i]);
    assert_in_range(found, 4000, 4096);
    free(ids);
    memo_free(m);
}

/* ---- in a store ---- */

static enum rc find(struct fixture *f, const struct uuid *id)
{
    struct sms_row row;

    return store_sms(f->reader, id, &f->arena, &row);
}

/** An ended message that the reader remembers. */
static struct change add_remembered(struct fixture *f, uint64_t n, unix_ms when)
{
    struct change c = add_sms(n, when);

    c.u.sms.state = SMS_DELIVERED;
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(find(f, &c.u.sms.id), RC_OK);
    return c;
}

static void does_not_find_what_was_cleared(struct fixture *f)
{
    struct change clear = {.kind = CHANGE_SMS_CLEAR,
                           .u.sms = {.resource = id_of(1), .created = NOW + 1}};
    struct change gone, stays;

    fixture_open(f);
    gone = add_remembered(f, 1, NOW);
    stays = add_remembered(f, 2, NOW + 2);
    assert_int_equal(fixture_commit(f, &clear, 1), RC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(find(f, &gone.u.sms.id), RC_NOT_FOUND);
        assert_int_equal(find(f, &stays.u.sms.id), RC_OK);
    }
}

static void does_not_find_what_was_pruned(struct fixture *f)
{
    struct change prune = {.kind = CHANGE_SMS_PRUNE,
                           .u.sms_prune = {.now = NOW, .messages_before = NOW + 1, .limit = 10}};
    struct change gone, stays;

    fixture_open(f);
    gone = add_remembered(f, 1, NOW);
    stays = add_remembered(f, 2, NOW + 2);
    assert_int_equal(fixture_commit(f, &prune, 1), RC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(find(f, &gone.u.sms.id), RC_NOT_FOUND);
        assert_int_equal(find(f, &stays.u.sms.id), RC_OK);
    }
}

static void sees_a_message_end_that_was_asked_for_before(struct fixture *f)
{
    struct change c = add_sms(1, NOW);
    struct change step = step_sms(&c.u.sms.id, SMS_OPEN_STATES, SMS_FAILED);
    struct sms_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(find(f, &c.u.sms.id), RC_OK);
    assert_int_equal(fixture_commit(f, &step, 1), RC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_sms(f->reader, &c.u.sms.id, &f->arena, &row), RC_OK);
        assert_int_equal(row.state, SMS_FAILED);
    }
}

static void sees_a_step_of_a_message_that_has_ended(struct fixture *f)
{
    struct change c, step;
    struct sms_row row;

    fixture_open(f);
    c = add_remembered(f, 1, NOW);
    step = step_sms(&c.u.sms.id, SMS_STATE_BIT(SMS_DELIVERED), SMS_FAILED);
    assert_int_equal(fixture_commit(f, &step, 1), RC_OK);
    assert_int_equal(store_sms(f->reader, &c.u.sms.id, &f->arena, &row), RC_OK);
    assert_int_equal(row.state, SMS_FAILED);
}

static void goes_on_when_a_clear_fails_with_its_set(struct fixture *f)
{
    struct change set[2], kept;

    fixture_open(f);
    kept = add_remembered(f, 1, NOW);
    set[0] = (struct change){.kind = CHANGE_SMS_CLEAR,
                             .u.sms = {.resource = id_of(1), .created = NOW + 1}};
    set[1] = kept;
    set[1].u.sms.state = SMS_STATE_NONE; /* refused */
    assert_int_equal(fixture_commit(f, set, 2), RC_INVALID);
    assert_int_equal(find(f, &kept.u.sms.id), RC_OK);
}

/* clang-format off */
static const struct CMUnitTest tests[] = {
    cmocka_unit_test(remembers_what_has_ended_and_was_asked_for_twice),
    cmocka_unit_test(tells_ids_apart),
    cmocka_unit_test(forgets_all_when_changes_move),
    cmocka_unit_test(remembers_a_thousand_beside_many_that_are_asked_for_once),
    cmocka_unit_test(remembers_the_latest_of_many_and_no_more_than_it_has_room_for),
};
static const struct store_case cases[] = {
    {"does not find what was cleared", does_not_find_what_was_cleared},
    {"does not find what was pruned", does_not_find_what_was_pruned},
    {"sees a message end that was asked for before", sees_a_message_end_that_was_asked_for_before},
    {"sees a step of a message that has ended", sees_a_step_of_a_message_that_has_ended},
    {"goes on when a clear fails with its set", goes_on_when_a_clear_fails_with_its_set},
};
/* clang-format on */

int main(void)
{
    return cmocka_run_group_tests_name("sms memo alone", tests, NULL, NULL) +
           run_cases("sms memo", cases, ARRAY_LEN(cases));
}
