/* Lists of messages and opt-outs: order, filters, pages; clearing and pruning. */
#include "fixture.h"
#include "store/sqlite/sqlite_backend.h" /* LIST_SCAN_MAX, DELETE_STEP */

static void must(struct fixture *f, struct change c)
{
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
}

/** The number at the end of an id, as id_of() and id_at() put it there. */
static uint64_t number_of(const struct uuid *id)
{
    uint64_t n = 0;

    for (int i = 8; i < 16; i++)
        n = n << 8 | id->octets[i];
    return n;
}

static struct sms_page list(struct fixture *f, struct sms_query q)
{
    struct sms_page page;

    assert_int_equal(store_list_sms(f->reader, &q, &f->arena, &page), RC_OK);
    return page;
}

/** Fails unless the page holds these messages, by number: "3 1 2". */
static void check_page(const struct sms_page *page, const char *wanted)
{
    struct buf text;

    buf_init(&text, 16 * KIB);
    for (size_t i = 0; i < page->n; i++)
        buf_addf(&text, "%s%llu", i ? " " : "", (unsigned long long)number_of(&page->rows[i].id));
    check_text(buf_str(&text), str_from(wanted));
    buf_clear(&text);
}

/* ---- what is due ---- */

static struct sms_query due(struct str transport, enum sms_state state, unix_ms now)
{
    return (struct sms_query){.what = SMS_LIST_DUE,
                              .resource = id_of(1),
                              .transport = transport,
                              .state = state,
                              .now = now,
                              .limit = 100};
}

static void check_due(struct fixture *f, struct sms_query q, const char *wanted)
{
    struct sms_page page = list(f, q);

    check_page(&page, wanted);
    assert_false(page.more);
}

static void add_open(void *ctx, const struct sms_open_row *row)
{
    buf_addf(ctx, STR_FMT "%u=%llu ", STR_ARG(row->transport), (unsigned)row->resource.octets[0],
             (unsigned long long)row->n);
}

static void counts_open_ones_by_transport_and_resource(struct fixture *f)
{
    static const struct {
        struct str transport;
        enum sms_state state;
        struct uuid resource;
    } rows[] = {
        {STR_INIT("b"), SMS_QUEUED, {{2}}},    {STR_INIT("a"), SMS_SUBMITTING, {{1}}},
        {STR_INIT("b"), SMS_FAILED, {{1}}},    {STR_INIT("c"), SMS_DELIVERED, {{1}}},
        {STR_INIT("b"), SMS_SUBMITTED, {{2}}}, {STR_INIT("d"), SMS_RECEIVED, {{1}}},
        {STR_INIT("b"), SMS_QUEUED, {{1}}},
    };
    struct buf text;

    fixture_open(f);
    buf_init(&text, KIB);
    assert_int_equal(store_each_sms_open(f->reader, add_open, &text), RC_OK);
    assert_int_equal(text.len, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        must(f, (struct change){.kind = CHANGE_SMS_ADD,
                                .u.sms = {.id = uuid_ordered(1000),
                                          .resource = rows[i].resource,
                                          .state = rows[i].state,
                                          .transport = rows[i].transport}});
    assert_int_equal(store_each_sms_open(f->reader, add_open, &text), RC_OK);
    check_text(buf_str(&text), STR("a1=1 b1=1 b2=2 "));
    buf_clear(&text);
}

static void lists_what_is_due_by_transport_state_and_resource(struct fixture *f)
{
    static const struct {
        struct str transport;
        enum sms_state state;
        unix_ms due;
        bool others; /* of another resource */
    } rows[] = {
        {STR_INIT("a"), SMS_QUEUED, NOW + 5},     /* 0 */
        {STR_INIT("a"), SMS_QUEUED, NOW + 3},     /* 1 */
        {STR_INIT("a"), SMS_QUEUED, NOW + 5},     /* 2 */
        {STR_INIT("a"), SMS_SUBMITTING, NOW + 1}, /* 3 */
        {STR_INIT("b"), SMS_QUEUED, NOW + 1},     /* 4 */
        {STR_INIT("a"), SMS_SUBMITTED, NOW + 2},  /* 5 */
        {STR_INIT("a"), SMS_DELIVERED, NOW},      /* 6 */
        {STR_INIT("a"), SMS_FAILED, NOW},         /* 7 */
        {STR_INIT("a"), SMS_RECEIVED, NOW},       /* 8 */
        {STR_INIT("ab"), SMS_QUEUED, NOW},        /* 9 */
        {STR_INIT("a"), SMS_QUEUED, NOW, true},   /* 10 */
    };
    struct sms_query others;

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct change c = add_sms(i, NOW);

        c.u.sms.transport = rows[i].transport;
        c.u.sms.state = rows[i].state;
        c.u.sms.due = rows[i].due;
        c.u.sms.resource = id_of(rows[i].others ? 2 : 1);
        must(f, c);
    }
    others = due(STR("a"), SMS_QUEUED, NOW + 9);
    others.resource = id_of(2);
    check_due(f, others, "10");
    others.resource = id_of(3);
    check_due(f, others, "");
    check_due(f, due(STR("a"), SMS_QUEUED, NOW + 9), "1 0 2");
    check_due(f, due(STR("a"), SMS_QUEUED, NOW + 5), "1 0 2");
    check_due(f, due(STR("a"), SMS_QUEUED, NOW + 4), "1");
    check_due(f, due(STR("a"), SMS_QUEUED, NOW + 2), "");
    check_due(f, due(STR("a"), SMS_SUBMITTING, NOW + 9), "3");
    check_due(f, due(STR("a"), SMS_SUBMITTED, NOW + 9), "5");
    check_due(f, due(STR("b"), SMS_QUEUED, NOW + 9), "4");
    check_due(f, due(STR("c"), SMS_QUEUED, NOW + 9), "");
    check_due(f, due(STR_EMPTY, SMS_QUEUED, NOW + 9), "");
    check_due(f, due(STR("a"), SMS_DELIVERED, NOW + 9), ""); /* nothing is before it */
    check_due(f, due(STR("a"), SMS_RECEIVED, NOW + 9), "");
}

static void lists_a_message_where_its_last_step_put_it(struct fixture *f)
{
    struct change c = add_sms(1, NOW), step;
    struct sms_page page;

    fixture_open(f);
    must(f, c);
    step = step_sms(&c.u.sms.id, SMS_OPEN_STATES, SMS_SUBMITTING);
    step.u.sms_step.due = NOW + 60;
    must(f, step);
    check_due(f, due(STR("inbox"), SMS_QUEUED, NOW + 99), "");
    check_due(f, due(STR("inbox"), SMS_SUBMITTING, NOW + 59), "");
    fixture_reopen(f);
    page = list(f, due(STR("inbox"), SMS_SUBMITTING, NOW + 60));
    check_page(&page, "1");
    check_text(page.rows[0].text, STR("text"));
    check_text(page.rows[0].to, STR("+14255550124"));
    assert_int_equal(page.rows[0].attempts, 1);
    step.u.sms_step.to = SMS_DELIVERED;
    must(f, step);
    check_due(f, due(STR("inbox"), SMS_SUBMITTING, NOW + 99), "");
}

static void ends_a_list_of_what_is_due_at_its_limit(struct fixture *f)
{
    static const struct {
        uint32_t limit;
        const char *wanted;
        bool more;
    } cases[] = {
        {0, "0", true},
        {1, "0", true},
        {3, "0 1 2", true},
        {4, "0 1 2 3", false},
        {UINT32_MAX, "0 1 2 3", false},
    };

    fixture_open(f);
    for (uint64_t i = 0; i < 4; i++)
        must(f, add_sms(i, NOW + (unix_ms)i));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sms_query q = due(STR("inbox"), SMS_QUEUED, NOW + 9);
        struct sms_page page;

        q.limit = cases[i].limit;
        page = list(f, q);
        check_page(&page, cases[i].wanted);
        assert_int_equal(page.more, cases[i].more);
    }
}

/* ---- the newest ---- */

static struct sms_query newest(uint64_t resource)
{
    return (struct sms_query){.what = SMS_LIST_NEWEST, .resource = id_of(resource), .limit = 100};
}

/** Message `n`: of resource 1 or, every third, of 2; made at NOW + n. */
static void add_mixed(struct fixture *f, uint64_t n)
{
    static const struct str to[] = {STR_INIT("+1"), STR_INIT("+2")};
    struct change c = add_sms(n, NOW + (unix_ms)n);

    c.u.sms.resource = id_of(n % 3 ? 1 : 2);
    c.u.sms.state = n % 2 ? SMS_DELIVERED : SMS_RECEIVED;
    c.u.sms.to = to[n % 2];
    c.u.sms.from = n == 4 ? STR("OTHER") : STR("+9");
    c.u.sms.tag = n == 5 ? STR("tag") : STR_EMPTY;
    must(f, c);
}

static void lists_the_newest_that_fit(struct fixture *f)
{
    struct sms_query q[12];
    static const char *const wanted[12] = {
        "8 7 5 4 2 1", "6 3", "", "7 5 1", "8 7 5 4 2 1", "8 4 2",
        "4",           "5",   "", "8 7 5", "8 7",         "2 1",
    };

    fixture_open(f);
    for (uint64_t n = 1; n <= 8; n++)
        add_mixed(f, n);
    for (size_t i = 0; i < ARRAY_LEN(q); i++)
        q[i] = newest(1);
    q[1].resource = id_of(2);
    q[2].resource = id_of(3);
    q[3].states = SMS_STATE_BIT(SMS_DELIVERED);
    q[4].states = SMS_STATE_BIT(SMS_DELIVERED) | SMS_STATE_BIT(SMS_RECEIVED);
    q[5].to = STR("+1");
    q[6].from = STR("OTHER");
    q[7].tag = STR("tag");
    q[8].tag = STR("tag");
    q[8].to = STR("+1");
    q[9].since = NOW + 5;
    q[10].after_id = id_at(NOW + 5, 5);
    q[11].before = id_at(NOW + 4, 4);
    for (size_t i = 0; i < ARRAY_LEN(q); i++) {
        struct sms_page page = list(f, q[i]);

        check_page(&page, wanted[i]);
        assert_false(page.more);
    }
    assert_int_equal(
        store_list_sms(f->reader, &(struct sms_query){0}, &f->arena, &(struct sms_page){0}),
        RC_INVALID);
}

static void pages_through_the_newest(struct fixture *f)
{
    static const char *const pages[] = {"8 7", "5 4", "2 1"};
    struct sms_query q = newest(1);
    struct sms_page page;

    fixture_open(f);
    for (uint64_t n = 0; n <= 8; n++) /* 0 is of resource 2: so there is something older */
        add_mixed(f, n);
    q.limit = 2;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        page = list(f, q);
        check_page(&page, pages[i]);
        assert_int_equal(page.more, i < 2);
        q.before = page.next;
        add_mixed(f, 100 + i); /* does not disturb */
    }
}

static void ends_a_page_that_looked_at_much_in_vain(struct fixture *f)
{
    enum { N = LIST_SCAN_MAX + 500, SET = 500 };
    struct change *c = calloc(SET, sizeof *c);
    struct sms_query q = newest(2);
    struct sms_page page;

    assert_non_null(c);
    fixture_open(f);
    for (uint64_t n = 0; n < N; n += SET) {
        for (uint64_t i = 0; i < SET; i++)
            c[i] = add_sms(n + i, NOW + (unix_ms)(n + i));
        if (n == 0)
            c[0].u.sms.resource = id_of(2);
        assert_int_equal(fixture_commit(f, c, SET), RC_OK);
    }
    free(c);
    page = list(f, q);
    assert_int_equal(page.n, 0);
    assert_true(page.more);
    assert_int_equal(number_of(&page.next), N - LIST_SCAN_MAX);
    q.before = page.next;
    page = list(f, q);
    check_page(&page, "0");
    assert_false(page.more);
    q.before = (struct uuid){{0}};
    q.since = NOW + N - 10; /* few are that new */
    page = list(f, q);
    assert_int_equal(page.n, 0);
    assert_false(page.more);
}

/* ---- clearing ---- */

static void clears_what_is_over_of_one_resource(struct fixture *f)
{
    struct change clear = {.kind = CHANGE_SMS_CLEAR,
                           .u.sms = {.resource = id_of(1), .created = NOW + 8}};
    struct change open = add_sms(50, NOW);
    struct sms_page page;

    fixture_open(f);
    must(f, clear); /* of nothing */
    must(f, open);
    for (uint64_t n = 1; n <= 8; n++)
        add_mixed(f, n);
    assert_int_equal(fixture_commit(f, &clear, 1), RC_OK);
    assert_false(clear.out_existed);
    page = list(f, newest(1));
    check_page(&page, "8 50"); /* made too late, and not over yet */
    page = list(f, newest(2));
    check_page(&page, "6 3");
}

static void clears_many_in_portions(struct fixture *f)
{
    enum { N = 2 * DELETE_STEP + 1, SET = DELETE_STEP };
    struct change *c = calloc(N, sizeof *c);
    struct change clear = {.kind = CHANGE_SMS_CLEAR,
                           .u.sms = {.resource = id_of(1), .created = NOW + N}};
    struct sms_page page;

    assert_non_null(c);
    fixture_open(f);
    for (uint64_t n = 0; n < N; n++) {
        c[n] = add_sms(n, NOW + (unix_ms)n);
        c[n].u.sms.state = SMS_DELIVERED;
        c[n].u.sms.resource = id_of(n == 3 ? 2 : 1);
    }
    assert_int_equal(fixture_commit(f, c, N), RC_OK);
    free(c);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture_commit(f, &clear, 1), RC_OK);
        assert_int_equal(clear.out_existed, i < 2);
        page = list(f, newest(1));
        assert_int_equal(page.n, i == 0 ? 100 : i == 1 ? 1 : 0);
    }
    page = list(f, newest(2));
    check_page(&page, "3");
}

/* ---- pruning ---- */

static struct change prune_at(unix_ms now, unix_ms messages_before, uint32_t limit)
{
    return (struct change){.kind = CHANGE_SMS_PRUNE, .u.sms_prune = {now, messages_before, limit}};
}

static void add_kept(struct fixture *f, uint64_t n)
{
    struct change c[2] = {
        {.kind = CHANGE_SMS_REPEAT_ADD,
         .u.sms_repeat = {.resource = id_of(1), .id = id_of(n), .kept_until = NOW + (unix_ms)n}},
        {.kind = CHANGE_SMS_REF_PUT,
         .u.sms_ref = {.transport = STR("a"),
                       .ref = arena_printf(&f->arena, "%d", (int)n),
                       .message = id_of(n),
                       .kept_until = NOW + (unix_ms)n}},
    };

    assert_int_equal(fixture_commit(f, c, 2), RC_OK);
}

/** Which of the first five repeats and refs are there: both alike. */
static unsigned kept(struct fixture *f)
{
    unsigned bits = 0;

    for (uint64_t n = 0; n < 5; n++) {
        struct sms_repeat_row repeat = {.resource = id_of(1), .id = id_of(n)};
        struct sms_ref_row ref = {.transport = STR("a"),
                                  .ref = arena_printf(&f->arena, "%d", (int)n)};
        enum rc rc = store_sms_repeat(f->reader, &repeat);

        assert_int_equal(store_sms_ref(f->reader, &ref), rc);
        bits |= rc ? 0 : 1u << n;
    }
    return bits;
}

static void forgets_repeats_and_refs_when_their_time_is_over(struct fixture *f)
{
    static const struct {
        unix_ms now;
        uint32_t limit;
        bool more;
        unsigned left;
    } cases[] = {
        {NOW, 100, false, 0x1f},  {NOW + 1, 100, false, 0x1e}, {NOW + 9, 0, false, 0x1e},
        {NOW + 4, 2, true, 0x18}, {NOW + 4, 2, false, 0x10},   {NOW + 9, 1, true, 0},
        {NOW + 9, 100, false, 0},
    };

    fixture_open(f);
    for (uint64_t n = 0; n < 5; n++)
        add_kept(f, n);
    must(f, add_sms(1, NOW));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = prune_at(cases[i].now, 0, cases[i].limit);

        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        if (c.out_existed != cases[i].more || kept(f) != cases[i].left)
            fail_msg("case %zu", i);
    }
    assert_int_equal(list(f, newest(1)).n, 1);
}

static void forgets_old_messages_that_are_over(struct fixture *f)
{
    static const int states[] = {SMS_QUEUED,    SMS_DELIVERED, SMS_SUBMITTING, SMS_FAILED,
                                 SMS_SUBMITTED, SMS_RECEIVED,  SMS_DELIVERED};
    static const struct {
        unix_ms before;
        uint32_t limit;
        bool more;
        const char *left;
    } cases[] = {
        {0, 100, false, "6 5 4 3 2 1 0"},       {-1, 100, false, "6 5 4 3 2 1 0"},
        {NOW + 1, 100, false, "6 5 4 3 2 1 0"}, {NOW + 6, 1, true, "6 5 4 3 2 0"},
        {NOW + 6, 2, true, "6 4 2 0"},          {NOW + 6, 2, false, "6 4 2 0"},
        {NOW + 7, 2, false, "4 2 0"},           {INT64_MAX, 2, false, "4 2 0"},
    };

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct change c = add_sms(i, NOW + (unix_ms)i);

        c.u.sms.state = (enum sms_state)states[i];
        must(f, c);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = prune_at(NOW, cases[i].before, cases[i].limit);
        struct sms_page page;

        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        assert_int_equal(c.out_existed, cases[i].more);
        page = list(f, newest(1));
        check_page(&page, cases[i].left);
    }
}

/* ---- opt-outs ---- */

static void put_optout(struct fixture *f, uint64_t resource, struct str sender, uint64_t recipient)
{
    must(f, (struct change){
                .kind = CHANGE_SMS_OPTOUT_PUT,
                .u.sms_optout = {.resource = id_of(resource),
                                 .sender = sender,
                                 .recipient = arena_printf(&f->arena, "+%d", (int)recipient),
                                 .created = NOW + (unix_ms)recipient}});
}

/** Lists with pages of `limit`: "+1>+5 +1>+6 | +2>+5". */
static void check_optouts(struct fixture *f, struct sms_optout_query q, const char *wanted)
{
    struct sms_optout_page page = {.more = true};
    struct buf text;

    buf_init(&text, 4 * KIB);
    while (page.more) {
        assert_int_equal(store_list_optouts(f->reader, &q, &f->arena, &page), RC_OK);
        for (size_t i = 0; i < page.n; i++) {
            buf_addf(&text, "%s" STR_FMT ">" STR_FMT, text.len ? " " : "",
                     STR_ARG(page.rows[i].sender), STR_ARG(page.rows[i].recipient));
            assert_true(uuid_eq(&page.rows[i].resource, &q.resource));
            assert_in_range(page.rows[i].created, NOW + 5, NOW + 7);
        }
        if (!page.more)
            break;
        assert_int_equal(page.n, q.limit);
        q.after_sender = page.rows[page.n - 1].sender;
        q.after_recipient = page.rows[page.n - 1].recipient;
        buf_add(&text, STR(" |"));
    }
    check_text(buf_str(&text), str_from(wanted));
    buf_clear(&text);
}

static void lists_optouts_in_pages(struct fixture *f)
{
    static const struct {
        uint64_t resource;
        struct str sender;
        uint32_t limit;
        const char *wanted;
    } cases[] = {
        {1, {NULL, 0}, 100, "+1>+5 +1>+6 +1>+7 +2>+5 +2>+6"},
        {1, {NULL, 0}, 2, "+1>+5 +1>+6 | +1>+7 +2>+5 | +2>+6"},
        {1, {NULL, 0}, 5, "+1>+5 +1>+6 +1>+7 +2>+5 +2>+6"},
        {1, STR_INIT("+1"), 2, "+1>+5 +1>+6 | +1>+7"},
        {1, STR_INIT("+2"), 100, "+2>+5 +2>+6"},
        {1, STR_INIT("+3"), 100, ""},
        {2, {NULL, 0}, 1, "+1>+6"},
        {3, {NULL, 0}, 1, ""},
    };

    fixture_open(f);
    put_optout(f, 1, STR("+2"), 6);
    put_optout(f, 1, STR("+1"), 7);
    put_optout(f, 1, STR("+1"), 5);
    put_optout(f, 2, STR("+1"), 6);
    put_optout(f, 1, STR("+1"), 6);
    put_optout(f, 1, STR("+2"), 5);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_optouts(f,
                      (struct sms_optout_query){.resource = id_of(cases[i].resource),
                                                .sender = cases[i].sender,
                                                .limit = cases[i].limit},
                      cases[i].wanted);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"counts open ones by transport and resource", counts_open_ones_by_transport_and_resource},
    {"lists what is due by transport and state", lists_what_is_due_by_transport_state_and_resource},
    {"lists a message where its last step put it", lists_a_message_where_its_last_step_put_it},
    {"ends a list of what is due at its limit", ends_a_list_of_what_is_due_at_its_limit},
    {"lists the newest that fit", lists_the_newest_that_fit},
    {"pages through the newest", pages_through_the_newest},
    {"ends a page that looked at much in vain", ends_a_page_that_looked_at_much_in_vain},
    {"clears what is over of one resource", clears_what_is_over_of_one_resource},
    {"clears many in portions", clears_many_in_portions},
    {"forgets repeats and refs when their time is over", forgets_repeats_and_refs_when_their_time_is_over},
    {"forgets old messages that are over", forgets_old_messages_that_are_over},
    {"lists opt-outs in pages", lists_optouts_in_pages},
};
/* clang-format on */

int main(void)
{
    return run_cases("store sms lists", cases, ARRAY_LEN(cases));
}
