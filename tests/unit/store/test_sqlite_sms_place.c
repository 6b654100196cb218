/* Places of messages in the embedded back end's table: how they follow from ids, and that messages
 * which share one are kept, found, changed, listed and deleted as all others are. */
#include "fixture.h"
#include "store/sqlite/sqlite_backend.h"

enum { SAME = 12 }; /* messages at one place, more than few */

/** An id of NOW that says no more of its place than `n` others do. */
static struct uuid same(uint64_t n)
{
    return id_at(NOW, n);
}

static void must(struct fixture *f, struct change c)
{
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
}

static enum rc find(struct fixture *f, const struct uuid *id, struct sms_row *out)
{
    struct sms_row row;
    enum rc rc = store_sms(f->reader, id, &f->arena, out ? out : &row);

    if (!rc && out)
        assert_true(uuid_eq(&out->id, id));
    return rc;
}

static struct change over(uint64_t n, unix_ms when)
{
    struct change c = add_sms(n, when);

    c.u.sms.state = SMS_DELIVERED;
    return c;
}

/** Messages 1 to SAME at one place, their neighbours 0 before it and 100 behind. */
static void fill(struct fixture *f)
{
    fixture_open(f);
    must(f, over(0, NOW - 1));
    must(f, over(100, NOW + 1));
    for (uint64_t n = 1; n <= SAME; n++)
        must(f, over(n, NOW));
}

/** The numbers of a page's messages, newest first. */
static struct str listed(struct fixture *f, struct sms_query q, struct sms_page *out)
{
    struct buf text;
    struct str kept;

    q.what = SMS_LIST_NEWEST;
    q.resource = id_of(1);
    buf_init(&text, KIB);
    assert_int_equal(store_list_sms(f->reader, &q, &f->arena, out), RC_OK);
    for (size_t i = 0; i < out->n; i++)
        buf_addf(&text, "%s%d", i ? " " : "", out->rows[i].id.octets[15]);
    kept = arena_dup(&f->arena, buf_str(&text));
    buf_clear(&text);
    return kept;
}

static void check_all(struct fixture *f, struct sms_query q, const char *wanted)
{
    struct sms_page page;

    q.limit = 100;
    check_text(listed(f, q, &page), str_from(wanted));
}

/* ---- from ids ---- */

static void gives_an_even_place_in_the_order_of_time(struct fixture *f)
{
    static const struct {
        const char *name, *id;
        int64_t place;
    } cases[] = {
        {"the first", "00000000-0000-0000-0000-000000000000", 0},
        {"version and variant don't count", "00000000-0000-f000-cfff-ffffffffffff", 0},
        {"two random bits", "00000000-0000-7000-b000-000000000000", 6},
        {"the counter", "00000000-0000-7001-8000-000000000000", 1 << 3},
        {"its end", "00000000-0000-7fff-8000-000000000000", 0xfff << 3},
        {"the millisecond", "00000000-0001-7000-8000-000000000000", 1 << 15},
        {"of today", "018bcfe5-6800-7000-8000-000000000000", NOW << 15},
        {"the last", "ffffffff-ffff-ffff-ffff-ffffffffffff", INT64_MAX - 1},
    };

    (void)f;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct uuid id;

        assert_int_equal(uuid_parse(str_from(cases[i].id), &id), RC_OK);
        if (sms_place(&id) != cases[i].place)
            fail_msg("%s: %lld", cases[i].name, (long long)sms_place(&id));
    }
}

static void follows_the_order_of_ids_that_one_thread_makes(struct fixture *f)
{
    struct uuid before = uuid_ordered(NOW);

    (void)f;
    for (int i = 0; i < 10000; i++) {
        struct uuid id = uuid_ordered(NOW + i / 100);

        assert_true(sms_place(&id) > sms_place(&before));
        before = id;
    }
}

/* ---- at one place ---- */

static void keeps_all_messages_of_one_place(struct fixture *f)
{
    const struct uuid other = same(SAME + 1);
    struct sms_row row;

    fill(f);
    for (int i = 0; i < 2; i++) {
        for (uint64_t n = 1; n <= SAME; n++) {
            const struct uuid id = same(n);

            assert_int_equal(find(f, &id, &row), RC_OK);
        }
        assert_int_equal(find(f, &other, NULL), RC_NOT_FOUND);
        fixture_reopen(f);
    }
}

static void refuses_each_id_of_one_place_a_second_time(struct fixture *f)
{
    struct change gone = {.kind = CHANGE_SMS_PRUNE,
                          .u.sms_prune = {.messages_before = NOW + 1, .limit = 2}};

    fill(f);
    for (uint64_t n = 0; n <= SAME; n++) {
        struct change c = add_sms(n, n ? NOW : NOW - 1);

        assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
    }
    must(f, gone); /* 0 and 1: now the place itself is free */
    for (uint64_t n = 2; n <= SAME; n++) {
        struct change c = over(n, NOW);

        assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
    }
    must(f, over(1, NOW));
    check_all(f, (struct sms_query){0}, "100 12 11 10 9 8 7 6 5 4 3 2 1");
}

static void steps_each_message_of_one_place(struct fixture *f)
{
    const struct uuid other = same(SAME + 1);
    struct change c = step_sms(&other, ~0u, SMS_FAILED);
    struct sms_row row;

    fill(f);
    assert_int_equal(fixture_commit(f, &c, 1), RC_NOT_FOUND);
    for (uint64_t n = 1; n <= SAME; n++) {
        const struct uuid id = same(n);

        c = step_sms(&id, SMS_OPEN_STATES, SMS_FAILED);
        assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
        c.u.sms_step.from = SMS_STATE_BIT(SMS_DELIVERED);
        c.u.sms_step.code = (uint32_t)n;
        must(f, c);
    }
    for (uint64_t n = 1; n <= SAME; n++) {
        const struct uuid id = same(n);

        assert_int_equal(find(f, &id, &row), RC_OK);
        assert_int_equal(row.state, SMS_FAILED);
        assert_int_equal(row.code, n);
    }
}

static void leaves_the_places_of_others_alone(struct fixture *f)
{
    struct change near = add_sms(50, NOW);
    struct sms_row row;

    fill(f);
    near.u.sms.id.octets[8] = 0x10; /* the next place that isn't odd: strays are on either side */
    near.u.sms.resource = id_of(2);
    must(f, near);
    assert_int_equal(find(f, &near.u.sms.id, &row), RC_OK);
    near.u.sms.id.octets[15]++;
    must(f, near);
    assert_int_equal(find(f, &near.u.sms.id, &row), RC_OK);
    check_all(f, (struct sms_query){0}, "100 12 11 10 9 8 7 6 5 4 3 2 1 0");
}

static void refuses_what_no_place_is_left_for(struct fixture *f)
{
    struct change c = add_sms(1, NOW);

    fixture_open(f);
    memset(c.u.sms.id.octets, 0xff, sizeof c.u.sms.id.octets);
    must(f, c);
    c.u.sms.id.octets[15] = 0;
    must(f, c);
    c.u.sms.id.octets[15] = 1;
    assert_int_equal(fixture_commit(f, &c, 1), RC_CONFLICT);
}

/* ---- lists ---- */

static void lists_one_place_in_the_order_of_arrival(struct fixture *f)
{
    struct sms_query q = {.since = NOW};

    fill(f);
    check_all(f, (struct sms_query){0}, "100 12 11 10 9 8 7 6 5 4 3 2 1 0");
    check_all(f, q, "100 12 11 10 9 8 7 6 5 4 3 2 1");
    q.since = NOW + 1;
    check_all(f, q, "100");
    q.after_id = same(11);
    check_all(f, q, "100");
    q.since = 0;
    check_all(f, q, "100 12");
    q.after_id = same(1);
    check_all(f, q, "100 12 11 10 9 8 7 6 5 4 3 2");
    q.after_id = id_at(NOW - 1, 0);
    check_all(f, q, "100 12 11 10 9 8 7 6 5 4 3 2 1");
}

static void pages_through_one_place(struct fixture *f)
{
    static const char *const pages[] = {"100 12 11 10 9", "8 7 6 5 4", "3 2 1 0"};
    struct sms_query q = {.limit = 5};
    struct sms_page page;

    fill(f);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        check_text(listed(f, q, &page), str_from(pages[i]));
        assert_int_equal(page.more, i + 1 < ARRAY_LEN(pages));
        q.before = page.next;
        must(f, over(101 + i, NOW + 2)); /* does not disturb */
    }
}

static void lists_the_oldest_possible_message(struct fixture *f)
{
    struct change c = add_sms(7, 0);

    fixture_open(f);
    must(f, c);
    check_all(f, (struct sms_query){0}, "7");
}

/* ---- deleting ---- */

static void prunes_and_clears_one_place(struct fixture *f)
{
    struct change prune = {.kind = CHANGE_SMS_PRUNE,
                           .u.sms_prune = {.messages_before = NOW + 1, .limit = 4}};
    struct change clear = {.kind = CHANGE_SMS_CLEAR,
                           .u.sms = {.resource = id_of(1), .created = NOW + 1}};
    const struct uuid open = same(50);

    fill(f);
    must(f, add_sms(50, NOW));
    assert_int_equal(fixture_commit(f, &prune, 1), RC_OK);
    assert_true(prune.out_existed);
    check_all(f, (struct sms_query){0}, "100 50 12 11 10 9 8 7 6 5 4");
    assert_int_equal(fixture_commit(f, &clear, 1), RC_OK);
    assert_false(clear.out_existed);
    check_all(f, (struct sms_query){0}, "100 50");
    assert_int_equal(find(f, &open, NULL), RC_OK);
}

static void clears_one_place_in_portions(struct fixture *f)
{
    enum { N = 2 * DELETE_STEP + 10 };
    struct change clear = {.kind = CHANGE_SMS_CLEAR,
                           .u.sms = {.resource = id_of(1), .created = NOW + N}};
    struct change *c = calloc(N, sizeof *c);
    struct sms_page page;
    int portions = 1;

    assert_non_null(c);
    fixture_open(f);
    for (uint64_t n = 0; n < N;
         n++) /* where a portion ends there are strays, some of them to stay */
        c[n] = n % DELETE_STEP < 20 ? over(n, NOW + (unix_ms)(n / DELETE_STEP))
                                    : over(n, NOW + (unix_ms)n);
    for (uint64_t n = DELETE_STEP - 10; n < DELETE_STEP + 30; n += 3)
        c[n].u.sms.resource = id_of(2);
    assert_int_equal(fixture_commit(f, c, N), RC_OK);
    free(c);
    for (; portions < 10; portions++) {
        assert_int_equal(fixture_commit(f, &clear, 1), RC_OK);
        if (!clear.out_existed)
            break;
    }
    assert_int_equal(portions, 3);
    assert_int_equal(listed(f, (struct sms_query){.limit = 100}, &page).len, 0);
    assert_int_equal(page.n, 0);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"gives an even place in the order of time", gives_an_even_place_in_the_order_of_time},
    {"follows the order of ids that one thread makes", follows_the_order_of_ids_that_one_thread_makes},
    {"keeps all messages of one place", keeps_all_messages_of_one_place},
    {"refuses each id of one place a second time", refuses_each_id_of_one_place_a_second_time},
    {"steps each message of one place", steps_each_message_of_one_place},
    {"leaves the places of others alone", leaves_the_places_of_others_alone},
    {"refuses what no place is left for", refuses_what_no_place_is_left_for},
    {"lists one place in the order of arrival", lists_one_place_in_the_order_of_arrival},
    {"pages through one place", pages_through_one_place},
    {"lists the oldest possible message", lists_the_oldest_possible_message},
    {"prunes and clears one place", prunes_and_clears_one_place},
    {"clears one place in portions", clears_one_place_in_portions},
};
/* clang-format on */

int main(void)
{
    return run_cases("sqlite sms place", cases, ARRAY_LEN(cases));
}
