/* What every back end keeps of event subscriptions and of events on their way: rows, preconditions,
 * lists, pruning, the change log. */
#include "fixture.h"

static enum rc commit_one(struct fixture *f, struct change c, bool *out_existed)
{
    enum rc rc = fixture_commit(f, &c, 1);

    if (out_existed)
        *out_existed = c.out_existed;
    return rc;
}

static void must(struct fixture *f, struct change c)
{
    assert_int_equal(commit_one(f, c, NULL), RC_OK);
}

static enum rc find(struct fixture *f, const struct change *added, struct event_row *out)
{
    return store_event(f->reader, &added->u.event.subscription, &added->u.event.id, &f->arena, out);
}

static struct event_row must_find(struct fixture *f, const struct change *added)
{
    struct event_row row;

    assert_int_equal(find(f, added, &row), RC_OK);
    return row;
}

/* ---- subscriptions ---- */

struct table {
    struct subscription_row rows[4];
    size_t n;
};

static void see_subscription(void *ctx, const struct subscription_row *row)
{
    struct table *t = ctx;

    assert_true(t->n < ARRAY_LEN(t->rows));
    t->rows[t->n++] = *row;
}

static struct table subscriptions(struct fixture *f)
{
    struct table t = {0};

    assert_int_equal(store_each_subscription(f->reader, &f->arena, see_subscription, &t), RC_OK);
    return t;
}

static struct change delete_subscription(struct str name)
{
    return (struct change){.kind = CHANGE_SUBSCRIPTION_DELETE,
                           .u.subscription = {.resource = id_of(1), .name = name}};
}

static void check_subscription(const struct subscription_row *got,
                               const struct subscription_row *row)
{
    assert_true(uuid_eq(&got->resource, &row->resource));
    assert_true(uuid_eq(&got->id, &row->id));
    assert_int_equal(got->version, row->version);
    assert_int_equal(got->state, row->state);
    assert_int_equal(got->created, row->created);
    check_text(got->name, row->name);
    check_text(got->document, row->document);
    check_text(got->sealed, row->sealed);
    check_text(got->handshake, row->handshake);
    check_text(got->failure, row->failure);
}

static void keeps_subscriptions_and_their_changes(struct fixture *f)
{
    struct change c = put_subscription(5, STR("b"));
    struct change other = put_subscription(6, STR("b"));
    struct table t;

    fixture_open(f);
    other.u.subscription.resource = id_of(2);
    must(f, c);
    must(f, other);
    must(f, put_subscription(7, STR("a")));
    c.u.subscription.version = 2;
    c.u.subscription.state = SUBSCRIPTION_AWAITING;
    c.u.subscription.document = STR("{\"endpoint\":\"https://example.net/hook\"}");
    c.u.subscription.sealed = (struct str){"\0\xff", 2};
    c.u.subscription.handshake = STR("{\"code\":\"x\"}");
    c.u.subscription.failure = STR("no answer");
    must(f, c);
    for (int i = 0; i < 2; i++) {
        t = subscriptions(f);
        assert_int_equal(t.n, 3);
        check_text(t.rows[0].name, STR("a"));
        check_subscription(&t.rows[1], &c.u.subscription);
        check_subscription(&t.rows[2], &other.u.subscription);
        fixture_reopen(f);
    }
}

static void takes_a_subscription_when_its_version_follows(struct fixture *f)
{
    static const struct {
        uint32_t version;
        uint64_t id;
        enum rc rc;
    } cases[] = {
        {0, 5, RC_CONFLICT}, {2, 5, RC_CONFLICT}, {1, 9, RC_CONFLICT}, {1, 5, RC_OK},
        {1, 5, RC_CONFLICT}, {3, 5, RC_CONFLICT}, {2, 6, RC_INVALID},  {2, 5, RC_OK},
        {2, 5, RC_CONFLICT}, {3, 5, RC_OK},
    };
    bool existed, there = false;

    fixture_open(f);
    must(f, put_subscription(9, STR("other"))); /* whose id is taken */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = put_subscription(cases[i].id, STR("name"));

        c.u.subscription.version = cases[i].version;
        if (commit_one(f, c, &existed) != cases[i].rc || existed != there)
            fail_msg("case %zu", i);
        there = there || !cases[i].rc;
    }
    assert_int_equal(subscriptions(f).rows[0].version, 3);
}

static void deletes_a_subscription_with_its_events(struct fixture *f)
{
    struct change c[5] = {put_subscription(5, STR("a")), put_subscription(6, STR("b")),
                          add_event(5, 1, NOW), add_event(5, 2, NOW), add_event(6, 1, NOW)};
    struct event_row row;
    bool existed;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 5), RC_OK);
    assert_int_equal(commit_one(f, delete_subscription(STR("a")), &existed), RC_OK);
    assert_true(existed);
    assert_int_equal(find(f, &c[2], &row), RC_NOT_FOUND);
    assert_int_equal(find(f, &c[3], &row), RC_NOT_FOUND);
    assert_int_equal(find(f, &c[4], &row), RC_OK);
    assert_int_equal(subscriptions(f).n, 1);
    assert_int_equal(commit_one(f, delete_subscription(STR("a")), &existed), RC_OK);
    assert_false(existed);
    must(f, put_subscription(7, STR("a"))); /* from the beginning, with an id of its own */
}

static void undoes_the_delete_of_a_subscription_as_a_whole(struct fixture *f)
{
    struct change before[2] = {put_subscription(5, STR("a")), add_event(5, 1, NOW)};
    struct change set[2] = {delete_subscription(STR("a")), add_event(6, 1, NOW)};
    struct event_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, before, 2), RC_OK);
    must(f, set[1]);
    assert_int_equal(fixture_commit(f, set, 2), RC_CONFLICT);
    assert_int_equal(find(f, &before[1], &row), RC_OK);
    assert_int_equal(subscriptions(f).n, 1);
}

static void tells_the_watch_of_subscriptions(struct fixture *f)
{
    struct change changed = put_subscription(5, STR("a"));
    changed.u.subscription.version = 2;
    const struct {
        const char *sentence;
        struct change c;
        enum rc rc;
        bool told;
    } cases[] = {
        {"a new one", put_subscription(5, STR("a")), RC_OK, true},
        {"a refused one", put_subscription(5, STR("a")), RC_CONFLICT, false},
        {"a changed one", changed, RC_OK, true},
        {"an event", add_event(5, 1, NOW), RC_OK, false},
        {"one gone", delete_subscription(STR("a")), RC_OK, true},
        {"none", delete_subscription(STR("a")), RC_OK, false},
    };
    struct told told;

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = cases[i].c;

        if (fixture_commit_watched(f, &c, &told) != cases[i].rc || told.n != cases[i].told)
            fail_msg("%s", cases[i].sentence);
        if (!told.n)
            continue;
        assert_int_equal(told.last.kind, LOG_SUBSCRIPTION);
        check_id(&told.last.resource, 1);
    }
}

/* ---- events ---- */

static void check_event(const struct event_row *got, const struct event_row *row)
{
    assert_true(uuid_eq(&got->subscription, &row->subscription));
    assert_true(uuid_eq(&got->id, &row->id));
    assert_true(uuid_eq(&got->resource, &row->resource));
    assert_int_equal(got->state, row->state);
    assert_int_equal(got->time, row->time);
    assert_int_equal(got->published, row->published);
    assert_int_equal(got->due, row->due);
    assert_int_equal(got->last_attempt, row->last_attempt);
    assert_int_equal(got->attempts, row->attempts);
    check_text(got->event_id, row->event_id);
    check_text(got->type, row->type);
    check_text(got->subject, row->subject);
    check_text(got->outcome, row->outcome);
    check_text(got->data, row->data);
}

static void keeps_an_event_as_it_was_given(struct fixture *f)
{
    struct change c = add_event(5, 1, NOW), same = add_event(5, 1, NOW);
    struct event_row got;

    fixture_open(f);
    c.u.event.state = EVENT_DEAD;
    c.u.event.time = NOW + 1;
    c.u.event.published = NOW + 2;
    c.u.event.due = NOW + 3;
    c.u.event.last_attempt = NOW + 4;
    c.u.event.attempts = UINT32_MAX;
    c.u.event.outcome = STR("NotFound MaxDeliveryAttemptsExceeded");
    must(f, c);
    assert_int_equal(commit_one(f, same, NULL), RC_CONFLICT);
    same.u.event.subscription = id_of(6);
    must(f, same); /* on its way to another */
    for (int i = 0; i < 2; i++) {
        got = must_find(f, &c);
        check_event(&got, &c.u.event);
        got = must_find(f, &same);
        check_event(&got, &same.u.event);
        fixture_reopen(f);
    }
    c.u.event.id = id_of(1);
    c.u.event.state = EVENT_STATE_NONE;
    assert_int_equal(commit_one(f, c, NULL), RC_INVALID);
    c.u.event.state = EVENT_STATE_COUNT;
    assert_int_equal(commit_one(f, c, NULL), RC_INVALID);
    assert_int_equal(find(f, &c, &got), RC_NOT_FOUND);
}

static void moves_an_event_only_from_where_the_caller_believes(struct fixture *f)
{
    static const struct {
        int is, to;
        unsigned from;
        enum rc rc;
    } cases[] = {
        {EVENT_PENDING, EVENT_DELIVERED, EVENT_STATE_BIT(EVENT_PENDING), RC_OK},
        {EVENT_PENDING, EVENT_PENDING, EVENT_STATE_BIT(EVENT_PENDING), RC_OK},
        {EVENT_PENDING, EVENT_DEAD, ~0u, RC_OK},
        {EVENT_DEAD, EVENT_PENDING, EVENT_STATE_BIT(EVENT_DEAD), RC_OK},
        {EVENT_DEAD, EVENT_DELIVERED, EVENT_STATE_BIT(EVENT_PENDING), RC_CONFLICT},
        {EVENT_DELIVERED, EVENT_PENDING, EVENT_STATE_BIT(EVENT_DEAD), RC_CONFLICT},
        {EVENT_PENDING, EVENT_DELIVERED, 0, RC_CONFLICT},
        {EVENT_PENDING, EVENT_STATE_NONE, ~0u, RC_INVALID},
        {EVENT_PENDING, EVENT_STATE_COUNT, ~0u, RC_INVALID},
    };
    struct change nobody = add_event(5, 404, NOW);

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = add_event(5, i, NOW);

        c.u.event.state = (enum event_state)cases[i].is;
        must(f, c);
        if (commit_one(f, step_event(&c, cases[i].from, (enum event_state)cases[i].to), NULL) !=
            cases[i].rc)
            fail_msg("case %zu", i);
        assert_int_equal(must_find(f, &c).state, cases[i].rc ? cases[i].is : cases[i].to);
    }
    assert_int_equal(commit_one(f, step_event(&nobody, ~0u, EVENT_DEAD), NULL), RC_NOT_FOUND);
}

static void changes_by_a_step_what_the_step_names(struct fixture *f)
{
    struct change c = add_event(5, 1, NOW), step;
    struct event_row want = c.u.event, got;

    fixture_open(f);
    must(f, c);
    step = step_event(&c, ~0u, EVENT_DEAD);
    step.u.event_step.due = want.due = NOW + 1;
    step.u.event_step.last_attempt = want.last_attempt = NOW + 2;
    step.u.event_step.attempts = want.attempts = 7;
    step.u.event_step.outcome = want.outcome = STR("Busy");
    want.state = EVENT_DEAD;
    must(f, step);
    got = must_find(f, &c);
    check_event(&got, &want); /* `published` stays */
    step.u.event_step.published = want.published = NOW + 3;
    must(f, step);
    got = must_find(f, &c);
    check_event(&got, &want);
}

static void lets_one_of_two_steps_in_a_batch_win(struct fixture *f)
{
    struct change added = add_event(5, 1, NOW);
    struct change c[3] = {
        step_event(&added, EVENT_STATE_BIT(EVENT_PENDING), EVENT_DELIVERED),
        step_event(&added, EVENT_STATE_BIT(EVENT_PENDING), EVENT_DEAD),
        added,
    };
    enum rc rcs[3];

    fixture_open(f);
    must(f, added);
    fixture_commit_as_one_batch(f, c, 3, rcs);
    assert_int_equal(rcs[0], RC_OK);
    assert_int_equal(rcs[1], RC_CONFLICT);
    assert_int_equal(rcs[2], RC_CONFLICT);
    assert_int_equal(must_find(f, &added).state, EVENT_DELIVERED);
}

/* ---- lists ---- */

static struct event_page list(struct fixture *f, struct event_query q)
{
    struct event_page page;

    q.subscription = id_of(5);
    assert_int_equal(store_list_events(f->reader, &q, &f->arena, &page), RC_OK);
    return page;
}

/** Fails unless the page holds these events, by number: "3 1 2". */
static void check_page(const struct event_page *page, const char *wanted)
{
    struct buf text;

    buf_init(&text, 4 * KIB);
    for (size_t i = 0; i < page->n; i++)
        buf_addf(&text, "%s%u", i ? " " : "", page->rows[i].id.octets[15]);
    check_text(buf_str(&text), str_from(wanted));
    buf_clear(&text);
}

/** Events 1 to 8 of subscription 5, and as many of 4 and 6: every third dead, others by turns. */
static void add_mixed(struct fixture *f)
{
    for (uint64_t n = 1; n <= 8; n++)
        for (uint64_t subscription = 4; subscription <= 6; subscription++) {
            struct change c = add_event(subscription, n, NOW + (unix_ms)n);

            c.u.event.state = n % 3 == 0 ? EVENT_DEAD : n % 2 ? EVENT_PENDING : EVENT_DELIVERED;
            c.u.event.due = NOW + (n == 7 ? 2 : (unix_ms)n);
            must(f, c);
        }
}

static void lists_events_that_are_due(struct fixture *f)
{
    static const struct {
        unix_ms now;
        uint32_t limit;
        const char *wanted;
        bool more;
    } cases[] = {
        {NOW, 100, "", false},          {NOW + 1, 100, "1", false},   {NOW + 2, 100, "1 7", false},
        {NOW + 9, 100, "1 7 5", false}, {NOW + 9, 3, "1 7 5", false}, {NOW + 9, 2, "1 7", true},
        {NOW + 9, 0, "1", true},
    };
    struct event_page page;

    fixture_open(f);
    add_mixed(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        page = list(f, (struct event_query){
                           .what = EVENT_LIST_DUE, .now = cases[i].now, .limit = cases[i].limit});
        check_page(&page, cases[i].wanted);
        assert_int_equal(page.more, cases[i].more);
    }
    check_text(page.rows[0].type, STR("Microsoft.Communication.SMSReceived"));
    assert_int_equal(store_list_events(f->reader, &(struct event_query){0}, &f->arena, &page),
                     RC_INVALID);
}

static void lists_the_newest_events_in_pages(struct fixture *f)
{
    static const struct {
        unsigned states;
        uint32_t limit;
        const char *pages[5];
    } cases[] = {
        {0, 100, {"8 7 6 5 4 3 2 1"}},
        {0, 3, {"8 7 6", "5 4 3", "2 1"}},
        {EVENT_STATE_BIT(EVENT_DEAD), 100, {"6 3"}},
        {EVENT_STATE_BIT(EVENT_DEAD), 1, {"6", "3"}},
        {EVENT_STATE_BIT(EVENT_DELIVERED), 2, {"8 4", "2"}},
        {EVENT_STATE_BIT(EVENT_PENDING) | EVENT_STATE_BIT(EVENT_DEAD), 2, {"7 6", "5 3", "1"}},
    };

    fixture_open(f);
    add_mixed(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event_query q = {
            .what = EVENT_LIST_NEWEST, .states = cases[i].states, .limit = cases[i].limit};

        for (size_t n = 0; cases[i].pages[n]; n++) {
            struct event_page page = list(f, q);

            check_page(&page, cases[i].pages[n]);
            assert_int_equal(page.more, cases[i].pages[n + 1] != NULL);
            q.before = page.next;
        }
    }
}

/* ---- pruning ---- */

static void prune(struct fixture *f, struct event_prune what, bool more)
{
    struct change c = {.kind = CHANGE_EVENT_PRUNE, .u.event_prune = what};

    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    assert_int_equal(c.out_existed, more);
}

static void check_left(struct fixture *f, const char *wanted)
{
    struct event_page page = list(f, (struct event_query){.what = EVENT_LIST_NEWEST, .limit = 100});

    check_page(&page, wanted);
}

static void forgets_old_events_that_are_over(struct fixture *f)
{
    fixture_open(f);
    must(f, put_subscription(5, STR("five")));
    for (uint64_t n = 1; n <= 8; n++) {
        struct change c = add_event(5, n, NOW + (unix_ms)n);

        c.u.event.state = n % 3 == 0 ? EVENT_DEAD : n % 2 ? EVENT_PENDING : EVENT_DELIVERED;
        must(f, c);
    }
    prune(f, (struct event_prune){0, 0, 100}, false);
    prune(f, (struct event_prune){NOW + 2, NOW + 3, 100}, false);
    check_left(f, "8 7 6 5 4 3 2 1");
    prune(f, (struct event_prune){NOW + 9, 0, 2}, true);
    check_left(f, "8 7 6 5 3 1");
    prune(f, (struct event_prune){NOW + 9, NOW + 4, 2}, false);
    check_left(f, "7 6 5 1");
    prune(f, (struct event_prune){NOW + 9, NOW + 9, 1}, true);
    prune(f, (struct event_prune){NOW + 9, NOW + 9, 1}, false);
    check_left(f, "7 5 1"); /* on their way still */
}

static void keeps_a_replayed_event_from_its_new_beginning(struct fixture *f)
{
    struct change c = add_event(5, 1, NOW), step;

    fixture_open(f);
    must(f, put_subscription(5, STR("five")));
    must(f, c);
    step = step_event(&c, ~0u, EVENT_DEAD);
    step.u.event_step.published = NOW + 50;
    must(f, step);
    prune(f, (struct event_prune){NOW + 50, NOW + 50, 10}, false);
    check_left(f, "1");
    prune(f, (struct event_prune){NOW + 51, NOW + 51, 10}, false);
    check_left(f, "");
}

static void forgets_events_whose_subscription_is_gone(struct fixture *f)
{
    fixture_open(f);
    must(f, put_subscription(5, STR("five")));
    add_mixed(f);
    prune(f, (struct event_prune){0, 0, 15}, true);
    prune(f, (struct event_prune){0, 0, 15}, false);
    check_left(f, "8 7 6 5 4 3 2 1");
    must(f, delete_subscription(STR("five")));
    must(f, add_event(5, 9, NOW)); /* was on its way to the writer meanwhile */
    prune(f, (struct event_prune){0, 0, 15}, false);
    check_left(f, "");
}

/* clang-format off */
static const struct store_case cases[] = {
    {"keeps subscriptions and their changes", keeps_subscriptions_and_their_changes},
    {"takes a subscription when its version follows", takes_a_subscription_when_its_version_follows},
    {"deletes a subscription with its events", deletes_a_subscription_with_its_events},
    {"undoes the delete of a subscription as a whole", undoes_the_delete_of_a_subscription_as_a_whole},
    {"tells the watch of subscriptions", tells_the_watch_of_subscriptions},
    {"keeps an event as it was given, also after a restart", keeps_an_event_as_it_was_given},
    {"moves an event only from where the caller believes", moves_an_event_only_from_where_the_caller_believes},
    {"changes by a step what the step names", changes_by_a_step_what_the_step_names},
    {"lets one of two steps in a batch win", lets_one_of_two_steps_in_a_batch_win},
    {"lists events that are due", lists_events_that_are_due},
    {"lists the newest events in pages", lists_the_newest_events_in_pages},
    {"forgets old events that are over", forgets_old_events_that_are_over},
    {"keeps a replayed event from its new beginning", keeps_a_replayed_event_from_its_new_beginning},
    {"forgets events whose subscription is gone", forgets_events_whose_subscription_is_gone},
};
/* clang-format on */

int main(void)
{
    return run_cases("store events", cases, ARRAY_LEN(cases));
}
