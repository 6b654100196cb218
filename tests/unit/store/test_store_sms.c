/* What every back end keeps of messages, repeatable requests, opt-outs, senders, transports and
 * carriers' ids: rows, preconditions, the change log. Lists and pruning: test_store_sms_lists.c. */
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

static enum rc find(struct fixture *f, const struct uuid *id, struct sms_row *out)
{
    return store_sms(f->reader, id, &f->arena, out);
}

static struct sms_row must_find(struct fixture *f, const struct uuid *id)
{
    struct sms_row row;

    assert_int_equal(find(f, id, &row), RC_OK);
    return row;
}

/* ---- messages ---- */

/** Every field of its own value; a text of 2,048 characters of four octets. */
static struct sms_row full_row(struct fixture *f)
{
    size_t len = (size_t)2048 * 4;
    char *text = arena_alloc(&f->arena, len);

    for (size_t i = 0; i < len; i += 4)
        memcpy(text + i, "\xf0\x9f\x98\x80", 4);
    return (struct sms_row){
        .id = id_at(NOW, 7),
        .resource = id_of(2),
        .state = SMS_FAILED,
        .created = NOW,
        .due = NOW + 1,
        .deadline = NOW + 2,
        .finished = NOW + 3,
        .attempts = UINT32_MAX,
        .code = 4007,
        .segments = 62,
        .segments_failed = 61,
        .ucs2 = true,
        .report = true,
        .unsure = true,
        .from = STR("CONTOSO"),
        .to = STR("+14255550124"),
        .text = str_of(text, len),
        .tag = STR("campaign \xc3\xbc"),
        .transport = STR("carrier-a"),
        .ref = {"a\0b", 3},
        .history = STR("[{\"segmentsFailed\":61}]"),
    };
}

static void keeps_a_message_as_it_was_given(struct fixture *f)
{
    struct change full = {.kind = CHANGE_SMS_ADD, .u.sms = full_row(f)};
    struct change empty = {.kind = CHANGE_SMS_ADD, .u.sms = {.id = id_of(9), .state = 1}};
    const struct uuid other = id_of(8);
    struct sms_row got;

    fixture_open(f);
    must(f, full);
    must(f, empty);
    for (int i = 0; i < 2; i++) {
        got = must_find(f, &full.u.sms.id);
        check_sms(&got, &full.u.sms);
        got = must_find(f, &empty.u.sms.id);
        check_sms(&got, &empty.u.sms);
        assert_int_equal(find(f, &other, &got), RC_NOT_FOUND);
        fixture_reopen(f);
    }
}

static void refuses_a_message_whose_id_is_taken_or_whose_state_is_none(struct fixture *f)
{
    static const struct {
        uint64_t n;
        int state;
        enum rc rc;
    } cases[] = {
        {1, SMS_QUEUED, RC_OK},           {1, SMS_QUEUED, RC_CONFLICT},
        {1, SMS_RECEIVED, RC_CONFLICT},   {2, SMS_STATE_NONE, RC_INVALID},
        {2, SMS_STATE_COUNT, RC_INVALID}, {2, -1, RC_INVALID},
        {2, SMS_RECEIVED, RC_OK},
    };
    const struct uuid first = id_at(NOW, 1);
    struct sms_row got;

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = add_sms(cases[i].n, NOW);

        c.u.sms.state = (enum sms_state)cases[i].state;
        if (commit_one(f, c, NULL) != cases[i].rc)
            fail_msg("case %zu", i);
    }
    got = must_find(f, &first);
    assert_int_equal(got.state, SMS_QUEUED);
}

static void moves_a_message_only_from_where_the_caller_believes(struct fixture *f)
{
    static const struct {
        int is, to;
        unsigned from;
        enum rc rc;
    } cases[] = {
        {SMS_QUEUED, SMS_SUBMITTING, SMS_STATE_BIT(SMS_QUEUED), RC_OK},
        {SMS_QUEUED, SMS_SUBMITTING, SMS_OPEN_STATES, RC_OK},
        {SMS_QUEUED, SMS_SUBMITTED, SMS_STATE_BIT(SMS_SUBMITTING), RC_CONFLICT},
        {SMS_SUBMITTING, SMS_QUEUED, SMS_STATE_BIT(SMS_SUBMITTING), RC_OK},
        {SMS_SUBMITTING, SMS_SUBMITTED, SMS_STATE_BIT(SMS_SUBMITTING), RC_OK},
        {SMS_SUBMITTED, SMS_DELIVERED, SMS_OPEN_STATES, RC_OK},
        {SMS_SUBMITTED, SMS_SUBMITTED, SMS_STATE_BIT(SMS_SUBMITTED), RC_OK},
        {SMS_DELIVERED, SMS_FAILED, SMS_OPEN_STATES, RC_CONFLICT},
        {SMS_FAILED, SMS_DELIVERED, SMS_OPEN_STATES, RC_CONFLICT},
        {SMS_RECEIVED, SMS_DELIVERED, SMS_OPEN_STATES, RC_CONFLICT},
        {SMS_DELIVERED, SMS_FAILED, ~0u, RC_OK},
        {SMS_QUEUED, SMS_DELIVERED, 0, RC_CONFLICT},
        {SMS_QUEUED, SMS_DELIVERED, 1, RC_CONFLICT},
        {SMS_QUEUED, SMS_STATE_NONE, ~0u, RC_INVALID},
        {SMS_QUEUED, SMS_STATE_COUNT, ~0u, RC_INVALID},
    };
    const struct uuid nobody = id_of(404);

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = add_sms(i, NOW);
        struct sms_row got;

        c.u.sms.state = (enum sms_state)cases[i].is;
        must(f, c);
        if (commit_one(f, step_sms(&c.u.sms.id, cases[i].from, (enum sms_state)cases[i].to),
                       NULL) != cases[i].rc)
            fail_msg("case %zu", i);
        got = must_find(f, &c.u.sms.id);
        assert_int_equal(got.state, cases[i].rc ? cases[i].is : cases[i].to);
        assert_int_equal(got.attempts, cases[i].rc ? 0 : 1);
    }
    assert_int_equal(commit_one(f, step_sms(&nobody, ~0u, SMS_QUEUED), NULL), RC_NOT_FOUND);
}

static void changes_by_a_step_what_the_step_names(struct fixture *f)
{
    struct change c = {.kind = CHANGE_SMS_ADD, .u.sms = full_row(f)};
    struct sms_row want = c.u.sms, got;
    struct change step = {.kind = CHANGE_SMS_STEP,
                          .u.sms_step = {.id = want.id,
                                         .from = SMS_STATE_BIT(SMS_FAILED),
                                         .to = SMS_SUBMITTED,
                                         .due = NOW + 50,
                                         .finished = NOW + 60,
                                         .attempts = 3,
                                         .code = 5001,
                                         .segments_failed = 2}};

    fixture_open(f);
    must(f, c);
    must(f, step);
    want.state = SMS_SUBMITTED;
    want.due = NOW + 50;
    want.finished = NOW + 60;
    want.attempts = 3;
    want.code = 5001;
    want.segments_failed = 2;
    got = must_find(f, &want.id);
    check_sms(&got, &want); /* ref, history and `unsure` stay */
    step.u.sms_step.from = SMS_STATE_BIT(SMS_SUBMITTED);
    step.u.sms_step.ref = want.ref = STR("new ref");
    step.u.sms_step.history = want.history = STR("[]");
    must(f, step);
    got = must_find(f, &want.id);
    check_sms(&got, &want);
    step.u.sms_step.ref = STR("");
    want.ref = STR_EMPTY;
    must(f, step);
    got = must_find(f, &want.id);
    check_sms(&got, &want);
}

static void marks_a_message_as_unsure_for_good(struct fixture *f)
{
    struct change c = add_sms(1, NOW);
    struct change step = step_sms(&c.u.sms.id, ~0u, SMS_SUBMITTED);

    fixture_open(f);
    must(f, c);
    must(f, step);
    assert_false(must_find(f, &c.u.sms.id).unsure);
    step.u.sms_step.unsure = true;
    must(f, step);
    assert_true(must_find(f, &c.u.sms.id).unsure);
    step.u.sms_step.unsure = false;
    must(f, step);
    assert_true(must_find(f, &c.u.sms.id).unsure);
}

static void undoes_a_set_whose_last_step_conflicts(struct fixture *f)
{
    struct change before[2] = {add_sms(1, NOW), add_sms(2, NOW)};
    struct change set[4] = {
        step_sms(&before[0].u.sms.id, SMS_STATE_BIT(SMS_QUEUED), SMS_DELIVERED),
        add_event(1, 1, NOW),
        add_sms(3, NOW),
        step_sms(&before[1].u.sms.id, SMS_STATE_BIT(SMS_SUBMITTED), SMS_DELIVERED),
    };
    const struct uuid subscription = id_of(1);
    struct event_row event;
    struct sms_row row;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, before, 2), RC_OK);
    assert_int_equal(fixture_commit(f, set, 4), RC_CONFLICT);
    assert_int_equal(must_find(f, &before[0].u.sms.id).state, SMS_QUEUED);
    assert_int_equal(find(f, &set[2].u.sms.id, &row), RC_NOT_FOUND);
    assert_int_equal(store_event(f->reader, &subscription, &set[1].u.event.id, &f->arena, &event),
                     RC_NOT_FOUND);
    set[3].u.sms_step.from = SMS_OPEN_STATES;
    assert_int_equal(fixture_commit(f, set, 4), RC_OK);
    assert_int_equal(must_find(f, &before[1].u.sms.id).state, SMS_DELIVERED);
    assert_int_equal(store_event(f->reader, &subscription, &set[1].u.event.id, &f->arena, &event),
                     RC_OK);
}

static void lets_one_of_two_final_reports_in_a_batch_win(struct fixture *f)
{
    struct change added = add_sms(1, NOW);
    const struct uuid *id = &added.u.sms.id;
    struct change c[5] = {
        step_sms(id, SMS_STATE_BIT(SMS_SUBMITTED), SMS_DELIVERED),
        step_sms(id, SMS_STATE_BIT(SMS_QUEUED), SMS_SUBMITTED),
        step_sms(id, SMS_OPEN_STATES, SMS_FAILED),
        step_sms(id, SMS_OPEN_STATES, SMS_DELIVERED),
        add_sms(1, NOW),
    };
    static const enum rc wanted[] = {RC_CONFLICT, RC_OK, RC_OK, RC_CONFLICT, RC_CONFLICT};
    enum rc rcs[5];

    fixture_open(f);
    must(f, added);
    fixture_commit_as_one_batch(f, c, 5, rcs);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rcs[i], wanted[i]);
    assert_int_equal(must_find(f, id).state, SMS_FAILED);
}

static void lets_a_set_see_what_it_has_done_before(struct fixture *f)
{
    struct change c[2] = {add_sms(1, NOW)};

    fixture_open(f);
    c[1] = step_sms(&c[0].u.sms.id, SMS_STATE_BIT(SMS_QUEUED), SMS_SUBMITTED);
    assert_int_equal(fixture_commit(f, c, 2), RC_OK);
    assert_int_equal(must_find(f, &c[0].u.sms.id).state, SMS_SUBMITTED);
    c[0] = c[1] = add_sms(2, NOW);
    assert_int_equal(fixture_commit(f, c, 2), RC_CONFLICT);
    assert_int_equal(find(f, &c[0].u.sms.id, &(struct sms_row){0}), RC_NOT_FOUND);
}

/* ---- requests that may come again ---- */

static struct change add_repeat(uint64_t resource, uint64_t n, uint64_t message)
{
    struct change c = {.kind = CHANGE_SMS_REPEAT_ADD,
                       .u.sms_repeat = {.resource = id_of(resource),
                                        .id = id_of(n),
                                        .message = id_at(NOW, message),
                                        .created = NOW - 1,
                                        .kept_until = NOW + 1}};

    for (size_t i = 0; i < sizeof c.u.sms_repeat.digest; i++)
        c.u.sms_repeat.digest[i] = (uint8_t)(i * n);
    return c;
}

static enum rc find_repeat(struct fixture *f, uint64_t resource, uint64_t n,
                           struct sms_repeat_row *out)
{
    *out = (struct sms_repeat_row){.resource = id_of(resource), .id = id_of(n)};
    return store_sms_repeat(f->reader, out);
}

static void keeps_what_came_of_a_repeatable_request(struct fixture *f)
{
    struct change c = add_repeat(1, 5, 9);
    const struct sms_repeat_row *row = &c.u.sms_repeat;
    struct sms_repeat_row got;

    fixture_open(f);
    must(f, c);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(find_repeat(f, 1, 5, &got), RC_OK);
        assert_true(uuid_eq(&got.resource, &row->resource));
        assert_true(uuid_eq(&got.id, &row->id));
        assert_true(uuid_eq(&got.message, &row->message));
        assert_memory_equal(got.digest, row->digest, sizeof got.digest);
        assert_int_equal(got.created, row->created);
        assert_int_equal(got.kept_until, row->kept_until);
        assert_int_equal(find_repeat(f, 2, 5, &got), RC_NOT_FOUND);
        assert_int_equal(find_repeat(f, 1, 6, &got), RC_NOT_FOUND);
        fixture_reopen(f);
    }
}

static void sends_once_what_is_asked_twice_in_a_batch(struct fixture *f)
{
    struct change first[2] = {add_sms(1, NOW), add_repeat(1, 5, 1)};
    struct change again[2] = {add_sms(2, NOW), add_repeat(1, 5, 2)};
    struct change elsewhere[2] = {add_sms(3, NOW), add_repeat(2, 5, 3)};
    struct change_set sets[3] = {
        {.items = first, .n = 2}, {.items = again, .n = 2}, {.items = elsewhere, .n = 2}};
    struct sms_repeat_row got;
    enum rc rcs[3];

    fixture_open(f);
    fixture_commit_sets(f, sets, 3, rcs);
    assert_int_equal(rcs[0], RC_OK);
    assert_int_equal(rcs[1], RC_CONFLICT);
    assert_int_equal(rcs[2], RC_OK);
    assert_int_equal(find(f, &again[0].u.sms.id, &(struct sms_row){0}), RC_NOT_FOUND);
    assert_int_equal(find_repeat(f, 1, 5, &got), RC_OK);
    assert_true(uuid_eq(&got.message, &first[0].u.sms.id));
}

/* ---- opt-outs ---- */

static struct change optout(enum change_kind kind, uint64_t resource, struct str sender,
                            struct str recipient)
{
    return (struct change){
        .kind = kind,
        .u.sms_optout = {
            .resource = id_of(resource), .sender = sender, .recipient = recipient, .created = NOW}};
}

static enum rc find_optout(struct fixture *f, const struct change *c, struct sms_optout_row *out)
{
    return store_sms_optout(f->reader, &c->u.sms_optout, out);
}

static void keeps_an_optout_as_it_was_made_first(struct fixture *f)
{
    struct change put = optout(CHANGE_SMS_OPTOUT_PUT, 1, STR("+1"), STR("+2"));
    struct change gone = optout(CHANGE_SMS_OPTOUT_DELETE, 1, STR("+1"), STR("+2"));
    const struct change others[] = {optout(0, 2, STR("+1"), STR("+2")),
                                    optout(0, 1, STR("+2"), STR("+1")),
                                    optout(0, 1, STR("+1"), STR("+22"))};
    struct sms_optout_row got;
    bool existed;

    fixture_open(f);
    assert_int_equal(commit_one(f, gone, &existed), RC_OK);
    assert_false(existed);
    assert_int_equal(commit_one(f, put, &existed), RC_OK);
    assert_false(existed);
    put.u.sms_optout.created = NOW + 9;
    assert_int_equal(commit_one(f, put, &existed), RC_OK);
    assert_true(existed);
    fixture_reopen(f);
    assert_int_equal(find_optout(f, &put, &got), RC_OK);
    assert_int_equal(got.created, NOW);
    check_text(got.recipient, STR("+2"));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(find_optout(f, &others[i], &got), RC_NOT_FOUND);
    assert_int_equal(commit_one(f, gone, &existed), RC_OK);
    assert_true(existed);
    assert_int_equal(find_optout(f, &put, &got), RC_NOT_FOUND);
}

/* ---- senders and transports ---- */

static struct change put_sender(uint64_t resource, struct str sender, uint32_t version)
{
    return (struct change){.kind = CHANGE_SMS_SENDER_PUT,
                           .u.sms_sender = {.resource = id_of(resource),
                                            .sender = sender,
                                            .version = version,
                                            .document = STR("{\"kind\":\"tollFree\"}"),
                                            .created = NOW}};
}

static struct change delete_sender(uint64_t resource, struct str sender)
{
    return (struct change){.kind = CHANGE_SMS_SENDER_DELETE,
                           .u.sms_sender = {.resource = id_of(resource), .sender = sender}};
}

static struct change put_transport(struct str name, uint32_t version)
{
    return (struct change){.kind = CHANGE_SMS_TRANSPORT_PUT,
                           .u.sms_transport = {.name = name,
                                               .kind = STR("smpp"),
                                               .version = version,
                                               .document = STR("{\"host\":\"smsc\"}"),
                                               .sealed = {"\0\xff", 2},
                                               .created = NOW}};
}

static struct change delete_transport(struct str name)
{
    return (struct change){.kind = CHANGE_SMS_TRANSPORT_DELETE, .u.sms_transport.name = name};
}

struct table {
    struct sms_sender_row sender[4];
    struct sms_transport_row transport[4];
    size_t n;
};

static void see_sender(void *ctx, const struct sms_sender_row *row)
{
    struct table *t = ctx;

    assert_true(t->n < ARRAY_LEN(t->sender));
    t->sender[t->n++] = *row;
}

static void see_transport(void *ctx, const struct sms_transport_row *row)
{
    struct table *t = ctx;

    assert_true(t->n < ARRAY_LEN(t->transport));
    t->transport[t->n++] = *row;
}

static struct table senders(struct fixture *f)
{
    struct table t = {0};

    assert_int_equal(store_each_sms_sender(f->reader, &f->arena, see_sender, &t), RC_OK);
    return t;
}

static struct table transports(struct fixture *f)
{
    struct table t = {0};

    assert_int_equal(store_each_sms_transport(f->reader, &f->arena, see_transport, &t), RC_OK);
    return t;
}

static void takes_a_sender_or_transport_when_its_version_follows(struct fixture *f)
{
    static const struct {
        uint32_t version;
        enum rc rc;
    } cases[] = {
        {0, RC_CONFLICT}, {2, RC_CONFLICT}, {UINT32_MAX, RC_CONFLICT},
        {1, RC_OK},       {1, RC_CONFLICT}, {3, RC_CONFLICT},
        {0, RC_CONFLICT}, {2, RC_OK},       {2, RC_CONFLICT},
        {1, RC_CONFLICT}, {3, RC_OK},
    };
    bool existed, there = false;

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (commit_one(f, put_sender(1, STR("+1"), cases[i].version), &existed) != cases[i].rc ||
            existed != there)
            fail_msg("sender, case %zu", i);
        if (commit_one(f, put_transport(STR("a"), cases[i].version), &existed) != cases[i].rc ||
            existed != there)
            fail_msg("transport, case %zu", i);
        there = there || !cases[i].rc;
    }
    assert_int_equal(senders(f).sender[0].version, 3);
    assert_int_equal(transports(f).transport[0].version, 3);
}

static void gives_a_sender_to_one_resource_alone(struct fixture *f)
{
    struct change alone = put_sender(2, STR("+1"), 1), gone = put_resource(1, STR("first"));

    fixture_open(f);
    must(f, put_resource(1, STR("first")));
    must(f, put_resource(2, STR("second")));
    must(f, put_sender(1, STR("+1"), 1));
    alone.u.sms_sender.alone = true;
    assert_int_equal(commit_one(f, alone, NULL), RC_CONFLICT);
    gone.u.resource.state = RESOURCE_DELETED;
    must(f, gone);
    assert_int_equal(commit_one(f, alone, NULL), RC_OK);
    alone.u.sms_sender.version = 2;
    assert_int_equal(commit_one(f, alone, NULL), RC_OK); /* it is nobody's but its own */
}

static void keeps_senders_of_each_resource(struct fixture *f)
{
    struct table t;
    bool existed;

    fixture_open(f);
    must(f, put_sender(2, STR("+1"), 1));
    must(f, put_sender(1, STR("CONTOSO"), 1));
    must(f, put_sender(1, STR("+1"), 1));
    fixture_reopen(f);
    t = senders(f);
    assert_int_equal(t.n, 3);
    check_text(t.sender[0].sender, STR("+1"));
    check_text(t.sender[1].sender, STR("CONTOSO"));
    check_text(t.sender[2].sender, STR("+1"));
    check_text(t.sender[0].document, STR("{\"kind\":\"tollFree\"}"));
    assert_int_equal(t.sender[0].created, NOW);
    check_id(&t.sender[2].resource, 2);
    assert_int_equal(commit_one(f, delete_sender(1, STR("+1")), &existed), RC_OK);
    assert_true(existed);
    assert_int_equal(commit_one(f, delete_sender(1, STR("+1")), &existed), RC_OK);
    assert_false(existed);
    assert_int_equal(senders(f).n, 2);
    must(f, put_sender(1, STR("+1"), 1)); /* from the beginning */
}

static void keeps_transports_by_name(struct fixture *f)
{
    struct change c = put_transport(STR("b"), 1);
    struct table t;
    bool existed;

    fixture_open(f);
    must(f, c);
    must(f, put_transport(STR("a"), 1));
    c.u.sms_transport.version = 2;
    c.u.sms_transport.kind = STR("http");
    c.u.sms_transport.sealed = STR_EMPTY;
    c.u.sms_transport.document = STR("{}");
    must(f, c);
    fixture_reopen(f);
    t = transports(f);
    assert_int_equal(t.n, 2);
    check_text(t.transport[0].name, STR("a"));
    check_text(t.transport[0].kind, STR("smpp"));
    check_text(t.transport[0].sealed, (struct str){"\0\xff", 2});
    check_text(t.transport[0].document, STR("{\"host\":\"smsc\"}"));
    assert_int_equal(t.transport[0].created, NOW);
    check_text(t.transport[1].kind, STR("http"));
    check_text(t.transport[1].document, STR("{}"));
    assert_int_equal(t.transport[1].sealed.len, 0);
    assert_int_equal(commit_one(f, delete_transport(STR("b")), &existed), RC_OK);
    assert_true(existed);
    assert_int_equal(commit_one(f, delete_transport(STR("b")), &existed), RC_OK);
    assert_false(existed);
    assert_int_equal(transports(f).n, 1);
}

static void tells_the_watch_of_senders_and_transports(struct fixture *f)
{
    const struct {
        const char *sentence;
        struct change c;
        enum rc rc;
        int kind; /* 0: nothing to tell */
        uint64_t resource;
    } cases[] = {
        {"a new sender", put_sender(3, STR("+1"), 1), RC_OK, LOG_SMS_SENDER, 3},
        {"a refused one", put_sender(3, STR("+1"), 1), RC_CONFLICT, 0, 0},
        {"a changed one", put_sender(3, STR("+1"), 2), RC_OK, LOG_SMS_SENDER, 3},
        {"a sender gone", delete_sender(3, STR("+1")), RC_OK, LOG_SMS_SENDER, 3},
        {"no sender", delete_sender(3, STR("+1")), RC_OK, 0, 0},
        {"a new transport", put_transport(STR("a"), 1), RC_OK, LOG_SMS_TRANSPORT, 0},
        {"a refused one", put_transport(STR("a"), 3), RC_CONFLICT, 0, 0},
        {"a transport gone", delete_transport(STR("a")), RC_OK, LOG_SMS_TRANSPORT, 0},
        {"no transport", delete_transport(STR("a")), RC_OK, 0, 0},
        {"a message", add_sms(1, NOW), RC_OK, 0, 0},
        {"an opt-out", optout(CHANGE_SMS_OPTOUT_PUT, 1, STR("+1"), STR("+2")), RC_OK, 0, 0},
        {"a repeatable request", add_repeat(1, 1, 1), RC_OK, 0, 0},
    };
    struct told told;

    fixture_open(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = cases[i].c;
        const struct uuid resource = id_of(cases[i].resource);

        if (fixture_commit_watched(f, &c, &told) != cases[i].rc || told.n != (cases[i].kind != 0) ||
            (int)told.last.kind != cases[i].kind || !uuid_eq(&told.last.resource, &resource))
            fail_msg("%s", cases[i].sentence);
    }
}

/* ---- ids that carriers gave ---- */

static struct change put_ref(struct str transport, struct str ref, uint64_t message, uint32_t part)
{
    return (struct change){.kind = CHANGE_SMS_REF_PUT,
                           .u.sms_ref = {.transport = transport,
                                         .ref = ref,
                                         .message = id_of(message),
                                         .part = part,
                                         .kept_until = NOW + part}};
}

static void finds_a_message_by_what_the_carrier_called_it(struct fixture *f)
{
    struct change c[3] = {put_ref(STR("a"), STR("id-1"), 1, 0),
                          put_ref(STR("a"), STR("id-2"), 1, 1),
                          put_ref(STR("b"), STR("id-1"), 2, 7)};
    struct sms_ref_row key = {.transport = STR("b"), .ref = STR("id-1")};

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, 3), RC_OK);
    fixture_reopen(f);
    assert_int_equal(store_sms_ref(f->reader, &key), RC_OK);
    assert_true(uuid_eq(&key.message, &c[2].u.sms_ref.message));
    assert_int_equal(key.part, 7);
    assert_int_equal(key.kept_until, NOW + 7);
    must(f, put_ref(STR("b"), STR("id-1"), 3, 8)); /* the carrier has begun again */
    assert_int_equal(store_sms_ref(f->reader, &key), RC_OK);
    check_id(&key.message, 3);
    assert_int_equal(key.part, 8);
    key.ref = STR("id-2");
    assert_int_equal(store_sms_ref(f->reader, &key), RC_NOT_FOUND);
    key.ref = STR("ID-1");
    assert_int_equal(store_sms_ref(f->reader, &key), RC_NOT_FOUND);
}

/* ---- work of the pool ---- */

struct pool_work {
    struct fixture *f;
    struct uuid id;
    struct sms_row row;
    struct arena arena;
    enum rc rc;
    bool over;
};

static void look_on_pool(void *ctx, struct store_reader *r)
{
    struct pool_work *w = ctx;

    assert_non_null(r);
    assert_ptr_not_equal(r, w->f->reader);
    w->rc = store_sms(r, &w->id, &w->arena, &w->row);
}

static void stop_after_work(void *ctx)
{
    struct pool_work *w = ctx;

    w->over = true;
    loop_stop(w->f->loop);
}

static void works_on_the_pool_with_a_reader_of_its_own(struct fixture *f)
{
    struct change c = add_sms(1, NOW);
    struct pool_work w = {.f = f, .id = c.u.sms.id, .rc = RC_INTERNAL};

    arena_init(&w.arena);
    fixture_open(f);
    for (int i = 0; i < 3; i++) {
        w.over = false;
        store_on_pool(f->store, f->loop, look_on_pool, stop_after_work, &w);
        assert_false(w.over);
        fixture_run(f);
        assert_true(w.over);
        assert_int_equal(w.rc, i ? RC_OK : RC_NOT_FOUND);
        if (!i)
            must(f, c); /* seen by the next, by the same reader */
    }
    check_sms(&w.row, &c.u.sms);
    arena_clear(&w.arena);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"keeps a message as it was given, also after a restart", keeps_a_message_as_it_was_given},
    {"refuses a message whose id is taken or whose state is none", refuses_a_message_whose_id_is_taken_or_whose_state_is_none},
    {"moves a message only from where the caller believes", moves_a_message_only_from_where_the_caller_believes},
    {"changes by a step what the step names", changes_by_a_step_what_the_step_names},
    {"marks a message as unsure for good", marks_a_message_as_unsure_for_good},
    {"undoes a set whose last step conflicts", undoes_a_set_whose_last_step_conflicts},
    {"lets one of two final reports in a batch win", lets_one_of_two_final_reports_in_a_batch_win},
    {"lets a set see what it has done before", lets_a_set_see_what_it_has_done_before},
    {"keeps what came of a repeatable request", keeps_what_came_of_a_repeatable_request},
    {"sends once what is asked twice in a batch", sends_once_what_is_asked_twice_in_a_batch},
    {"keeps an opt-out as it was made first", keeps_an_optout_as_it_was_made_first},
    {"takes a sender or transport when its version follows", takes_a_sender_or_transport_when_its_version_follows},
    {"gives a sender to one resource alone", gives_a_sender_to_one_resource_alone},
    {"keeps senders of each resource", keeps_senders_of_each_resource},
    {"keeps transports by name", keeps_transports_by_name},
    {"tells the watch of senders and transports", tells_the_watch_of_senders_and_transports},
    {"finds a message by what the carrier called it", finds_a_message_by_what_the_carrier_called_it},
    {"works on the pool with a reader of its own", works_on_the_pool_with_a_reader_of_its_own},
};
/* clang-format on */

int main(void)
{
    return run_cases("store sms", cases, ARRAY_LEN(cases));
}
