/* The life of messages with a carrier that does what a test tells it: handovers, results, reports,
 * crashes, deadlines. The clock stands still unless it is moved. */
#include "fixture.h"

#include "events/events.h"
#include "services/sms/sms_engine.h"

#define RECORDS_MAX 64
#define SENDER      STR("+14255550100")
#define RECIPIENT   STR("+14255550123")
#define START_MS    ((unix_ms)1770000000000)
#define MINUTE_MS   ((int64_t)60000)
#define WAIT_STEPS  1000

static struct carrier_state {
    struct carrier carrier;
    const struct carrier_host *host;
    size_t room;
    unsigned opened, closed;
    struct uuid at[RECORDS_MAX]; /* messages that it has not answered */
    size_t n;
    unsigned submits, polls;
    uint32_t attempt;        /* of the last message */
    enum sms_state in_store; /* what the store said of the last one */
    char ref[64];            /* of the last question */
    bool accepts;            /* at once, and says no more */
    bool says_later;         /* at once, to a question */
} fake;

static struct fixture fx;
static struct sms *sms;

/* ---- the carrier ---- */

static struct sms_row stored(const struct uuid *id)
{
    static struct arena arena;
    struct sms_row row = {0};

    arena_clear(&arena);
    arena_init(&arena);
    assert_int_equal(store_sms(fx.reader, id, &arena, &row), RC_OK);
    return row;
}

static enum rc fake_check(const json_t *config, const json_t *secrets, struct buf *why)
{
    (void)config;
    (void)secrets;
    (void)why;
    return RC_OK;
}

static struct carrier *fake_open(const struct carrier_host *host, const json_t *config,
                                 const json_t *secrets);

static void take_out(const struct uuid *id)
{
    for (size_t i = 0; i < fake.n; i++) {
        if (uuid_eq(&fake.at[i], id)) {
            fake.at[i] = fake.at[--fake.n];
            return;
        }
    }
}

static void answer(const struct carrier_result *result)
{
    take_out(&result->id);
    fake.host->submitted(fake.host, result);
}

static void fake_close(struct carrier *c)
{
    (void)c;
    while (fake.n)
        answer(&(struct carrier_result){.id = fake.at[0], .outcome = CARRIER_UNSURE});
    fake.closed++;
    fake.host = NULL;
}

static size_t fake_room(const struct carrier *c)
{
    (void)c;
    return fake.room > fake.n ? fake.room - fake.n : 0;
}

static void fake_submit(struct carrier *c, const struct carrier_message *m)
{
    (void)c;
    fake.submits++;
    fake.attempt = m->attempt;
    fake.in_store = stored(&m->id).state;
    fake.at[fake.n++] = m->id;
    if (fake.accepts)
        answer(&(struct carrier_result){.id = m->id, .outcome = CARRIER_ACCEPTED});
}

static void fake_poll(struct carrier *c, const struct carrier_message *m)
{
    (void)c;
    fake.polls++;
    snprintf(fake.ref, sizeof fake.ref, STR_FMT, STR_ARG(m->ref));
    fake.at[fake.n++] = m->id;
    if (fake.says_later)
        answer(&(struct carrier_result){.id = m->id, .outcome = CARRIER_ACCEPTED, .poll_ms = 1});
}

static void fake_status(const struct carrier *c, struct json_writer *w)
{
    (void)c;
    json_member_str(w, "state", STR("up"));
}

static const struct carrier_ops fake_ops = {
    .kind = "fake",
    .check = fake_check,
    .open = fake_open,
    .close = fake_close,
    .room = fake_room,
    .submit = fake_submit,
    .poll = fake_poll,
    .status = fake_status,
};

static struct carrier *fake_open(const struct carrier_host *host, const json_t *config,
                                 const json_t *secrets)
{
    (void)config;
    (void)secrets;
    fake.carrier.ops = &fake_ops;
    fake.host = host;
    fake.opened++;
    return &fake.carrier;
}

static const struct carrier_ops *find_fake(struct str kind)
{
    return str_eq(kind, STR("fake")) ? &fake_ops : NULL;
}

/* ---- the scene ---- */

static void watch(void *ctx, const struct log_entry *entries, size_t n)
{
    static struct store_reader *reader;

    (void)ctx;
    if (!n) {
        store_reader_free(reader);
        reader = NULL;
        return;
    }
    reader = reader ? reader : store_reader_new(fx.store);
    if (sms)
        sms_on_commit(sms, entries, n, reader);
    store_reader_idle(reader);
}

static void run_sms(void)
{
    const struct sms_options options = {
        .store = fx.store,
        .events = fx.site.events,
        .clock = &fx.clock,
        .master = fx.master,
        .development = true,
        .senders_any = true,
        .sim_delay_ms = 500,
        .transport = STR("carrier-a"),
        .queue_max = 5000,
        .find_carrier = find_fake,
    };
    struct buf why;

    buf_init(&why, KIB);
    sms = sms_new(&options);
    assert_int_equal(sms_load(sms, fx.reader, &why), RC_OK);
    fx.site.sms = sms;
    sms_start(sms, &fx.site);
    buf_clear(&why);
}

static void end_sms(void)
{
    sms_stop(sms);
    fixture_settle(&fx);
    (void)loop_settle(fx.loop); /* a look may be on the pool */
    sms_free(sms);
    sms = NULL;
}

static void put_transport(uint32_t version)
{
    struct change c = {.kind = CHANGE_SMS_TRANSPORT_PUT};

    c.u.sms_transport = (struct sms_transport_row){.name = STR("carrier-a"),
                                                   .kind = STR("fake"),
                                                   .version = version,
                                                   .document = STR("{}"),
                                                   .created = START_MS};
    assert_int_equal(store_commit_wait(fx.store, &c, 1), RC_OK);
}

static int open_scene(void **state)
{
    (void)state;
    fixture_open(&fx, false);
    fx.site.events = events_new(&(struct events_options){.store = fx.store, .clock = &fx.clock});
    atomic_store(&fx.clock.frozen_ms, START_MS);
    store_watch(fx.store, watch, NULL);
    fake = (struct carrier_state){.room = 10};
    put_transport(1);
    run_sms();
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    if (sms)
        end_sms();
    events_free(fx.site.events);
    watch(NULL, NULL, 0);
    fixture_close(&fx);
    return 0;
}

static void advance(int64_t ms)
{
    atomic_fetch_add(&fx.clock.frozen_ms, ms);
    sms_wake(sms); /* it would look by itself, within a second */
}

static struct uuid add_message(struct sms_row row)
{
    struct change c = {.kind = CHANGE_SMS_ADD};
    unix_ms now = clock_now(&fx.clock);

    row.id = uuid_ordered(now);
    row.resource = row.resource.octets[0] ? row.resource : fx.resource;
    row.created = now;
    row.state = row.state ? row.state : SMS_QUEUED;
    row.due = row.due ? row.due : now;
    row.deadline = row.deadline ? row.deadline : now + 60 * MINUTE_MS;
    row.segments = row.segments ? row.segments : 1;
    row.from = SENDER;
    row.to = RECIPIENT;
    row.text = STR("hello");
    row.transport = row.transport.len ? row.transport : STR("carrier-a");
    c.u.sms = row;
    assert_int_equal(store_commit_wait(fx.store, &c, 1), RC_OK);
    sms_opened(sms, &row.resource, row.transport, 1);
    sms_wake(sms);
    return row.id;
}

static void wait_for_submits(unsigned n)
{
    for (int i = 0; i < WAIT_STEPS && fake.submits < n; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(fake.submits, n);
}

/* A message that the carrier has got, and has not answered. */
static struct uuid handed_over(struct sms_row row)
{
    struct uuid id = add_message(row);

    wait_for_submits(1);
    return id;
}

static struct sms_row wait_for_state(const struct uuid *id, enum sms_state wanted)
{
    struct sms_row row = stored(id);

    for (int i = 0; i < WAIT_STEPS && row.state != wanted; i++) {
        fixture_spin(&fx, 5);
        row = stored(id);
    }
    assert_int_equal(row.state, wanted);
    return row;
}

static void report(struct str ref, bool delivered, uint32_t code)
{
    fake.host->report(
        fake.host,
        &(struct carrier_report){
            .refs = &ref, .n_refs = 1, .delivered = delivered, .final = true, .code = code},
        NULL, NULL);
}

static void accept_with(const struct uuid *id, const struct str *refs, size_t n)
{
    answer(&(struct carrier_result){
        .id = *id, .outcome = CARRIER_ACCEPTED, .refs = refs, .n_refs = n});
}

/* ---- handovers and results ---- */

static void the_step_is_durable_before_the_carrier_sees_it(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("r1");
    struct sms_row row;

    (void)state;
    assert_int_equal(fake.in_store, SMS_SUBMITTING);
    assert_int_equal(fake.attempt, 1);
    accept_with(&id, &ref, 1);
    row = wait_for_state(&id, SMS_SUBMITTED);
    assert_int_equal(row.due, row.deadline);
    report(ref, true, 0);
    row = wait_for_state(&id, SMS_DELIVERED);
    assert_int_equal(row.code, 2000);
    assert_false(row.unsure);
    report(ref, false, 4005); /* too late */
    fixture_spin(&fx, 50);
    assert_int_equal(stored(&id).state, SMS_DELIVERED);
}

static void note_rc(void *ctx, enum rc rc)
{
    *(int *)ctx = (int)rc;
}

static void report_early(const struct str *ref, int *rc)
{
    *rc = -1;
    fake.host->report(
        fake.host, &(struct carrier_report){.refs = ref, .n_refs = 1, .final = true, .code = 4006},
        note_rc, rc);
}

static void a_report_may_come_before_the_answer(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("early");
    int rc;

    (void)state;
    report_early(&ref, &rc);
    fixture_spin(&fx, 30);
    assert_int_equal(stored(&id).state, SMS_SUBMITTING);
    assert_int_equal(rc, -1); /* in memory alone: not acknowledged */
    accept_with(&id, &ref, 1);
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(stored(&id).code, 4006); /* durable before it was acknowledged */
}

static int wait_for_rc(const int *rc)
{
    for (int i = 0; i < 2 * WAIT_STEPS && *rc < 0; i++)
        fixture_spin(&fx, 5);
    return *rc;
}

static void a_report_of_nobody_waits_for_what_is_under_way(void **state)
{
    struct uuid id;
    const struct str ref = STR("stray"), other = STR("other");
    int rc;

    (void)state;
    fixture_spin(&fx, 50);
    report_early(&ref, &rc);
    assert_int_equal(wait_for_rc(&rc), RC_NOT_FOUND); /* nothing is under way */
    id = add_message((struct sms_row){0});
    wait_for_submits(1);
    report_early(&ref, &rc);
    fixture_spin(&fx, 100);
    assert_int_equal(rc, -1); /* it may be this one */
    (void)add_message((struct sms_row){0});
    wait_for_submits(2);
    accept_with(&id, &other, 1);
    assert_int_equal(wait_for_rc(&rc), RC_NOT_FOUND); /* the later one is not what it is about */
}

static void a_report_is_told_again_when_a_handover_takes_long(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("early");
    int rc;

    (void)state;
    report_early(&ref, &rc);
    assert_int_equal(wait_for_rc(&rc), RC_BUSY);
    accept_with(&id, &ref, 1);
    wait_for_state(&id, SMS_SUBMITTED);
    report_early(&ref, &rc);
    assert_int_equal(wait_for_rc(&rc), RC_OK);
    assert_int_equal(stored(&id).code, 4006);
}

static void the_end_of_the_service_lets_go_of_early_reports(void **state)
{
    const struct str ref = STR("early");
    int rc;

    (void)state;
    (void)add_message((struct sms_row){0});
    wait_for_submits(1);
    report_early(&ref, &rc);
    fixture_spin(&fx, 20);
    assert_int_equal(rc, -1);
    end_sms();
    assert_int_equal(rc, RC_BUSY);
}

static void a_report_by_id_during_the_handover_counts(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    fake.host->report(fake.host,
                      &(struct carrier_report){.id = id, .delivered = true, .final = true}, NULL,
                      NULL);
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_UNSURE});
    wait_for_state(&id, SMS_DELIVERED);
}

/* When a message goes again, counted from now: a little later than that at most. */
static void check_due(const struct sms_row *row, int64_t wait_ms)
{
    unix_ms due = clock_now(&fx.clock) + wait_ms;

    assert_in_range(row->due, due, due + wait_ms / 20);
}

static void later_goes_again_later_each_time(void **state)
{
    struct uuid id = add_message((struct sms_row){0});
    struct sms_row row;

    (void)state;
    for (unsigned i = 1; i <= 10; i++) {
        wait_for_submits(i);
        assert_int_equal(fake.attempt, i);
        answer(&(struct carrier_result){.id = id, .outcome = CARRIER_LATER, .code = 5001});
        row = wait_for_state(&id, SMS_QUEUED);
        check_due(&row, i < 10 ? (int64_t)1000 << (i - 1) : 5 * MINUTE_MS);
        if (i == 1)
            fixture_spin(&fx, 300);
        assert_int_equal(fake.submits, i);
        advance(row.due - clock_now(&fx.clock));
    }
}

static void later_goes_again_when_the_carrier_wants_it(void **state)
{
    struct uuid id = add_message((struct sms_row){0});

    (void)state;
    for (unsigned i = 1; i <= 4; i++) {
        wait_for_submits(i);
        answer(&(struct carrier_result){.id = id, .outcome = CARRIER_LATER, .retry_ms = 2000});
        assert_int_equal(wait_for_state(&id, SMS_QUEUED).due, clock_now(&fx.clock) + 2000);
        advance(2000);
    }
}

static void rejected_is_final(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_REJECTED, .code = 4002});
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 4002);
}

/* Each may bring it to the recipient once more. */
static void unsure_goes_again_later_each_time(void **state)
{
    const unsigned minutes[] = {1, 2, 4, 8, 16, 30, 30};
    struct uuid id = add_message((struct sms_row){.deadline = START_MS + 125 * MINUTE_MS});
    struct sms_row row;

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(minutes); i++) {
        wait_for_submits(i + 1);
        answer(&(struct carrier_result){.id = id, .outcome = CARRIER_UNSURE});
        fixture_spin(&fx, 100);
        assert_int_equal(fake.submits, i + 1);
        row = stored(&id);
        assert_int_equal(row.state, SMS_SUBMITTING);
        assert_int_equal(row.unsure, i > 0);
        check_due(&row, minutes[i] * MINUTE_MS);
        advance(row.due - clock_now(&fx.clock));
    }
    wait_for_submits(ARRAY_LEN(minutes) + 1);
    accept_with(&id, NULL, 0);
    assert_true(wait_for_state(&id, SMS_SUBMITTED).unsure);
}

static void never_goes_again_after_the_deadline(void **state)
{
    static const struct {
        struct carrier_result result;
        uint32_t code; /* what it fails with then */
    } cases[] = {
        {{.outcome = CARRIER_UNSURE}, 5002},
        {{.outcome = CARRIER_LATER, .retry_ms = 90 * (uint64_t)MINUTE_MS, .code = 5001}, 5001}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        unix_ms deadline = clock_now(&fx.clock) + 30000;
        struct carrier_result result = cases[i].result;

        result.id = add_message((struct sms_row){.deadline = deadline});
        wait_for_submits(i + 1);
        answer(&result);
        fixture_spin(&fx, 100);
        assert_int_equal(stored(&result.id).due, deadline);
        advance(30000);
        assert_int_equal(wait_for_state(&result.id, SMS_FAILED).code, cases[i].code);
        assert_int_equal(fake.submits, i + 1);
    }
}

static void a_new_run_takes_up_what_was_left(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    struct sms_row row;

    (void)state;
    end_sms();
    assert_int_equal(stored(&id).state, SMS_SUBMITTING);
    run_sms();
    fixture_spin(&fx, 100);
    assert_int_equal(fake.submits, 1); /* it may have been taken: not before its time */
    row = stored(&id);
    check_due(&row, MINUTE_MS);
    advance(row.due - clock_now(&fx.clock));
    wait_for_submits(2);
    assert_true(stored(&id).unsure);
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
}

static void no_more_than_there_is_room_for(void **state)
{
    struct uuid ids[5];

    (void)state;
    fake.room = 2;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = add_message((struct sms_row){0});
    wait_for_submits(2);
    fixture_spin(&fx, 100);
    assert_int_equal(fake.submits, 2);
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        accept_with(&ids[i], NULL, 0);
        wait_for_submits(i + 3 < 5 ? i + 3 : 5);
    }
    assert_int_equal(wait_for_state(&ids[4], SMS_SUBMITTED).attempts, 1);
}

static void without_room_a_deadline_still_counts(void **state)
{
    struct uuid slow, quick;

    (void)state;
    fake.room = 0;
    slow = add_message((struct sms_row){0});
    quick = add_message((struct sms_row){.deadline = START_MS + MINUTE_MS});
    fixture_spin(&fx, 50);
    advance(MINUTE_MS);
    assert_int_equal(wait_for_state(&quick, SMS_FAILED).code, 5002);
    assert_int_equal(stored(&slow).state, SMS_QUEUED);
    fake.room = 1;
    fake.host->ready(fake.host);
    advance(MINUTE_MS);
    wait_for_submits(1);
    accept_with(&slow, NULL, 0);
    wait_for_state(&slow, SMS_SUBMITTED);
}

/* ---- parts ---- */

static void delivered_when_all_parts_are(void **state)
{
    const struct str refs[] = {STR_INIT("p0"), STR_INIT("p1"), STR_INIT("p2")};
    struct uuid id = handed_over((struct sms_row){.segments = 3});

    (void)state;
    accept_with(&id, refs, ARRAY_LEN(refs));
    wait_for_state(&id, SMS_SUBMITTED);
    report(refs[2], true, 0);
    report(refs[0], true, 0); /* both at once: neither forgets the other */
    report(refs[0], true, 0);
    fixture_spin(&fx, 50);
    assert_int_equal(stored(&id).state, SMS_SUBMITTED);
    report(refs[1], true, 0);
    wait_for_state(&id, SMS_DELIVERED);
}

static void failed_when_one_part_is(void **state)
{
    const struct str refs[] = {STR_INIT("q0"), STR_INIT("q1")};
    struct uuid id = handed_over((struct sms_row){.segments = 2});

    (void)state;
    accept_with(&id, refs, ARRAY_LEN(refs));
    wait_for_state(&id, SMS_SUBMITTED);
    report(refs[0], true, 0);
    report(refs[1], false, 4006);
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 4006);
}

/* ---- questions ---- */

static void asks_when_told_to(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    answer(&(struct carrier_result){
        .id = id, .outcome = CARRIER_ACCEPTED, .ref = STR("theirs"), .poll_ms = 1000});
    wait_for_state(&id, SMS_SUBMITTED);
    advance(1000);
    for (int i = 0; i < WAIT_STEPS && fake.polls < 1; i++)
        fixture_spin(&fx, 5);
    assert_string_equal(fake.ref, "theirs");
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_ACCEPTED, .poll_ms = 5000});
    fixture_spin(&fx, 50);
    assert_int_equal(stored(&id).due, START_MS + 6000);
    advance(5000);
    for (int i = 0; i < WAIT_STEPS && fake.polls < 2; i++)
        fixture_spin(&fx, 5);
    assert_string_equal(fake.ref, "theirs");
    fake.host->report(fake.host,
                      &(struct carrier_report){.id = id, .delivered = true, .final = true}, NULL,
                      NULL);
    answer(&(struct carrier_result){.id = id, .outcome = CARRIER_ACCEPTED});
    wait_for_state(&id, SMS_DELIVERED);
}

static void no_report_in_time(void **state)
{
    struct uuid id = handed_over((struct sms_row){.deadline = START_MS + MINUTE_MS});

    (void)state;
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
    advance(MINUTE_MS);
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 5002);
}

/* ---- transports that change ---- */

static void a_changed_transport_is_opened_anew(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});

    (void)state;
    put_transport(2);
    for (int i = 0; i < WAIT_STEPS && fake.opened < 2; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(fake.closed, 1);
    assert_int_equal(fake.n, 0); /* answered: unsure */
    advance(stored(&id).due - clock_now(&fx.clock));
    wait_for_submits(2);
    accept_with(&id, NULL, 0);
    assert_true(wait_for_state(&id, SMS_SUBMITTED).unsure);
}

static void status_done(void *ctx)
{
    *(bool *)ctx = true;
}

static void check_status(struct str name, const char *wanted)
{
    bool done = false;
    struct sms_status_query q = {.name = name, .loop = fx.loop, .done = status_done, .ctx = &done};

    sms_transport_status(sms, &q);
    for (int i = 0; i < WAIT_STEPS && !done; i++)
        fixture_spin(&fx, 5);
    assert_true(done);
    assert_non_null(strstr(buf_cstr(&q.out), wanted));
    buf_clear(&q.out);
}

static void a_deleted_transport_lets_messages_wait(void **state)
{
    struct change c = {.kind = CHANGE_SMS_TRANSPORT_DELETE};
    struct uuid id;

    (void)state;
    fixture_spin(&fx, 50);
    check_status(STR("carrier-a"), "\"state\":\"up\"");
    c.u.sms_transport.name = STR("carrier-a");
    assert_int_equal(store_commit_wait(fx.store, &c, 1), RC_OK);
    for (int i = 0; i < WAIT_STEPS && !fake.closed; i++)
        fixture_spin(&fx, 5);
    id = add_message((struct sms_row){0});
    fixture_spin(&fx, 100);
    assert_int_equal(fake.submits, 0);
    assert_int_equal(stored(&id).state, SMS_QUEUED);
    check_status(STR("carrier-a"), "\"state\":\"missing\"");
    put_transport(1);
    advance(MINUTE_MS);
    wait_for_submits(1);
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
}

/* ---- the administrator's word ---- */

static int finish(const struct uuid *id, uint32_t code)
{
    int rc = -1;

    sms_finish(&fx.site, id, &(struct sms_fate){.code = code}, note_rc, &rc);
    assert_int_equal(rc, -1); /* never before the call returns */
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    return rc;
}

static void ends_once(void **state)
{
    struct uuid id = add_message((struct sms_row){0}), other = uuid_random();

    (void)state;
    wait_for_submits(1);
    assert_int_equal(finish(&id, 4005), RC_OK);
    assert_int_equal(finish(&id, 4006), RC_CONFLICT);
    assert_int_equal(finish(&other, 4006), RC_NOT_FOUND);
    accept_with(&id, NULL, 0); /* the carrier's answer changes nothing any more */
    fixture_spin(&fx, 50);
    assert_int_equal(wait_for_state(&id, SMS_FAILED).code, 4005);
}

static int take_report(const struct carrier_report *r)
{
    int rc = -1;

    sms_take_report(&fx.site,
                    (struct sms_teller){.transport = STR("carrier-a"), .check_secret = true}, r,
                    note_rc, &rc);
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    return rc;
}

static void callbacks_need_the_messages_secret(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    char secret[SMS_SECRET_LEN];
    struct carrier_report r = {.id = id, .delivered = true, .final = true};
    const struct str ref = STR("guess");

    (void)state;
    accept_with(&id, &ref, 1);
    wait_for_state(&id, SMS_SUBMITTED);
    assert_int_equal(take_report(&r), RC_DENIED);
    r.secret = STR("00000000000000000000000000000000");
    assert_int_equal(take_report(&r), RC_DENIED);
    sms_message_secret(sms, &id, secret);
    r.secret = str_of(secret, sizeof secret);
    r.id = (struct uuid){{0}};
    r.refs = &ref;
    r.n_refs = 1;
    assert_int_equal(take_report(&r), RC_DENIED); /* without its id */
    r.id = id;
    assert_int_equal(take_report(&r), RC_OK);
    assert_int_equal(take_report(&r), RC_OK); /* again: nothing new */
    wait_for_state(&id, SMS_DELIVERED);
}

/* ---- several resources ---- */

/* Whose messages the carrier gets, one after the other: it answers each at once. */
static void work_off(size_t n, struct uuid *out_resources)
{
    for (size_t i = 0; i < n; i++) {
        struct uuid id;

        wait_for_submits((unsigned)i + 1);
        assert_int_equal(fake.n, 1);
        id = fake.at[0];
        out_resources[i] = stored(&id).resource;
        accept_with(&id, NULL, 0);
    }
}

static void resources_take_turns(void **state)
{
    static const struct uuid heavy = {{1}}, light = {{2}}, late = {{3}};
    struct uuid order[26];
    size_t last[4] = {0};

    (void)state;
    fake.room = 0;
    for (int i = 0; i < 20; i++)
        add_message((struct sms_row){.resource = heavy});
    for (int i = 0; i < 4; i++)
        add_message((struct sms_row){.resource = light});
    for (int i = 0; i < 2; i++)
        add_message((struct sms_row){.resource = late});
    fixture_spin(&fx, 20);
    fake.room = 1;
    advance(MINUTE_MS);
    work_off(ARRAY_LEN(order), order);
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        last[order[i].octets[0]] = i;
    assert_in_range(last[2], 0, 11); /* as if there were nobody else but two */
    assert_in_range(last[3], 0, 6);
    assert_int_equal(last[1], ARRAY_LEN(order) - 1);
}

/* Who is asked about in every look has its turn like the others. */
static void questions_are_no_turn(void **state)
{
    static const struct uuid asking = {{1}}, others[] = {{{2}}, {{3}}};
    size_t own = 0;

    (void)state;
    fake.says_later = true;
    fake.room = 0;
    add_message((struct sms_row){.resource = asking, .state = SMS_SUBMITTED});
    for (int i = 0; i < 15; i++)
        for (size_t j = 0; j < ARRAY_LEN(others); j++)
            add_message((struct sms_row){.resource = others[j]});
    for (int i = 0; i < 4; i++)
        add_message((struct sms_row){.resource = asking});
    fixture_spin(&fx, 20);
    fake.room = 1;
    advance(MINUTE_MS);
    for (unsigned i = 0; i < 20; i++) {
        struct uuid id;

        wait_for_submits(i + 1);
        id = fake.at[0];
        own += stored(&id).resource.octets[0] == asking.octets[0];
        atomic_fetch_add(&fx.clock.frozen_ms, 1);
        accept_with(&id, NULL, 0);
    }
    assert_int_equal(own, 4);
    assert_true(fake.polls > 10);
}

static size_t queues(void)
{
    struct arena arena;
    unix_ms next;
    size_t n;

    arena_init(&arena);
    (void)sms_queues(sms, SMS_NEVER, &arena, &n, &next);
    arena_clear(&arena);
    return n;
}

static void a_queue_with_nothing_in_it_is_forgotten(void **state)
{
    struct uuid id = handed_over((struct sms_row){0});
    const struct str ref = STR("r1");

    (void)state;
    add_message((struct sms_row){.transport = STR("carrier-b")});
    fixture_spin(&fx, 20);
    assert_int_equal(queues(), 2);
    accept_with(&id, &ref, 1);
    wait_for_state(&id, SMS_SUBMITTED);
    assert_int_equal(queues(), 2); /* it waits for its report */
    report(ref, true, 0);
    wait_for_state(&id, SMS_DELIVERED);
    for (int i = 0; i < WAIT_STEPS && queues() == 2; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(queues(), 1); /* carrier-b is missing: its message waits */
    id = add_message((struct sms_row){0});
    wait_for_submits(2);
    assert_int_equal(queues(), 2);
    accept_with(&id, NULL, 0);
    wait_for_state(&id, SMS_SUBMITTED);
}

/* A message may change its state while a look reads one state after the other: it is in none then.
 */
static void a_queue_whose_message_moves_on_during_a_look_is_kept(void **state)
{
    const unsigned n = 1000;
    struct uuid id;

    (void)state;
    fake.accepts = true;
    fake.room = RECORDS_MAX;
    for (unsigned i = 0; i < n; i++) {
        id = add_message((struct sms_row){.resource = {{1, (uint8_t)(i >> 8), (uint8_t)i}}});
        if (i % 20 == 0)
            fixture_spin(&fx, 1);
    }
    wait_for_submits(n);
    wait_for_state(&id, SMS_SUBMITTED);
    fixture_spin(&fx, 50);
    assert_int_equal(queues(), n);
}

/* What a look says that has found nothing, or only something due later. */
static void looked_at(struct sms_queue *q, unix_ms next_due)
{
    for (size_t i = 0; i < SMS_LOOK_STATES; i++)
        q->next_due[i] = next_due;
    sms_queue_looked_at(sms, q);
}

static size_t queues_due(unix_ms now, struct sms_queue *out_first, unix_ms *out_next)
{
    struct sms_queue *found;
    struct arena arena;
    size_t n;

    arena_init(&arena);
    found = sms_queues(sms, now, &arena, &n, out_next);
    if (n)
        *out_first = found[0];
    arena_clear(&arena);
    out_first->transport = STR("carrier-c");
    return n;
}

/* What changed it came after the look began: that it found nothing says nothing of that. */
static void a_look_says_nothing_of_what_comes_meanwhile(void **state)
{
    const struct sms_row row = {.resource = {{9}}, .transport = STR_INIT("carrier-c")};
    struct sms_queue found = {0};
    unix_ms next;

    (void)state;
    sms_opened(sms, &row.resource, row.transport, 1);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    sms_opened(sms, &row.resource, row.transport, 1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    sms_queue_flight(sms, &row, 1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    looked_at(&found, SMS_NEVER); /* while it is under way, its row may be anywhere */
    assert_int_equal(queues(), 1);
    sms_queue_flight(sms, &row, -1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    sms_ended(sms, &row.resource, row.transport);
    looked_at(&found, START_MS + 9);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    looked_at(&found, SMS_NEVER);
    assert_int_equal(queues(), 0);
    looked_at(&found, START_MS); /* twice is fine */
    assert_int_equal(queues(), 0);
}

static void a_queue_is_looked_at_when_something_is_due(void **state)
{
    static const struct uuid other = {{9}};
    struct sms_queue found = {0};
    unix_ms next;

    (void)state;
    sms_opened(sms, &other, STR("carrier-c"), 1);
    assert_int_equal(queues_due(START_MS, &found, &next), 1);
    looked_at(&found, START_MS + 9);
    assert_int_equal(queues_due(START_MS + 8, &found, &next), 0);
    assert_int_equal(next, START_MS + 9);
    assert_int_equal(queues_due(START_MS + 9, &found, &next), 1);
    assert_int_equal(next, SMS_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_step_is_durable_before_the_carrier_sees_it),
        TEST(a_report_may_come_before_the_answer),
        TEST(a_report_of_nobody_waits_for_what_is_under_way),
        TEST(a_report_is_told_again_when_a_handover_takes_long),
        TEST(the_end_of_the_service_lets_go_of_early_reports),
        TEST(a_report_by_id_during_the_handover_counts),
        TEST(later_goes_again_later_each_time),
        TEST(later_goes_again_when_the_carrier_wants_it),
        TEST(rejected_is_final),
        TEST(unsure_goes_again_later_each_time),
        TEST(never_goes_again_after_the_deadline),
        TEST(a_new_run_takes_up_what_was_left),
        TEST(no_more_than_there_is_room_for),
        TEST(without_room_a_deadline_still_counts),
        TEST(delivered_when_all_parts_are),
        TEST(failed_when_one_part_is),
        TEST(asks_when_told_to),
        TEST(no_report_in_time),
        TEST(a_changed_transport_is_opened_anew),
        TEST(a_deleted_transport_lets_messages_wait),
        TEST(ends_once),
        TEST(callbacks_need_the_messages_secret),
        TEST(resources_take_turns),
        TEST(questions_are_no_turn),
        TEST(a_queue_with_nothing_in_it_is_forgotten),
        TEST(a_queue_whose_message_moves_on_during_a_look_is_kept),
        TEST(a_look_says_nothing_of_what_comes_meanwhile),
        TEST(a_queue_is_looked_at_when_something_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
