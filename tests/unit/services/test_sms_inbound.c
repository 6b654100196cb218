/* Messages that come in: whose they are, what keywords do, what is answered, what comes twice. */
#include "fixture.h"

#include "events/events.h"
#include "services/sms/sms_core.h"

#define SHORT_CODE STR("12345")
#define SOMEBODY   STR("+14255550123")
#define START_MS   ((unix_ms)1770000000000)
#define WAIT_STEPS 1000

static struct fixture fx;
static struct sms *sms;
static struct arena arena;

/* ---- the scene ---- */

static void put_sender(const struct uuid *resource, struct str sender, struct str document)
{
    struct change c = {.kind = CHANGE_SMS_SENDER_PUT};
    struct buf why;

    c.u.sms_sender = (struct sms_sender_row){.resource = *resource,
                                             .sender = sender,
                                             .version = 1,
                                             .document = document,
                                             .created = START_MS};
    assert_int_equal(store_commit_wait(fx.store, &c, 1), RC_OK);
    buf_init(&why, KIB);
    assert_int_equal(sms_load(sms, fx.reader, &why), RC_OK);
    buf_clear(&why);
}

static void open_sms(bool senders_any)
{
    const struct sms_options options = {
        .store = fx.store,
        .events = fx.site.events,
        .clock = &fx.clock,
        .master = fx.master,
        .development = true,
        .senders_any = senders_any,
        .sim_delay_ms = 3600000, /* replies stay open */
        .transport = SMS_INBOX,
        .queue_max = 1000,
    };

    sms = sms_new(&options);
    fx.site.sms = sms;
    sms_start(sms, &fx.site);
}

static void open_scene(bool senders_any)
{
    fixture_open(&fx, false);
    arena_init(&arena);
    fx.site.events = events_new(&(struct events_options){.store = fx.store, .clock = &fx.clock});
    atomic_store(&fx.clock.frozen_ms, START_MS);
    open_sms(senders_any);
    put_sender(&fx.resource, SHORT_CODE,
               STR("{\"kind\":\"shortCode\",\"replies\":{\"stop\":\"You are out.\",\"start\":\"You "
                   "are in.\","
                   "\"help\":\"Ask us.\"}}"));
}

static int open_list(void **state)
{
    (void)state;
    open_scene(false);
    return 0;
}

static int open_any(void **state)
{
    (void)state;
    open_scene(true);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    sms_stop(sms);
    fixture_settle(&fx);
    fixture_spin(&fx, 20);
    sms_free(sms);
    events_free(fx.site.events);
    arena_clear(&arena);
    fixture_close(&fx);
    return 0;
}

static void note_rc(void *ctx, enum rc rc)
{
    *(int *)ctx = (int)rc;
}

static int take_all(const struct carrier_inbound *m)
{
    int rc = -1;

    sms_take_inbound(&fx.site, STR("carrier-a"), m, note_rc, &rc);
    assert_int_equal(rc, -1); /* never before the call returns */
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    return rc;
}

static int take(struct str to, struct str text)
{
    return take_all(&(struct carrier_inbound){.from = SOMEBODY, .to = to, .text = text});
}

/* All messages of a resource, newest first. */
struct listing {
    struct uuid resource;
    struct sms_page page;
    bool done;
};

static void list_work(void *ctx, struct store_reader *r)
{
    struct listing *l = ctx;
    const struct sms_query query = {.what = SMS_LIST_NEWEST, .resource = l->resource, .limit = 100};

    assert_int_equal(store_list_sms(r, &query, &arena, &l->page), RC_OK);
}

static void list_done(void *ctx)
{
    ((struct listing *)ctx)->done = true;
}

static struct sms_page all_of(const struct uuid *resource)
{
    struct listing l = {.resource = *resource};

    store_on_pool(fx.store, fx.loop, list_work, list_done, &l);
    for (int i = 0; i < WAIT_STEPS && !l.done; i++)
        fixture_spin(&fx, 5);
    assert_true(l.done);
    return l.page;
}

static bool is_out(struct str sender)
{
    const struct sms_optout_row key = {
        .resource = fx.resource, .sender = sender, .recipient = SOMEBODY};
    struct sms_optout_row found;

    return store_sms_optout(fx.reader, &key, &found) == RC_OK;
}

/* ---- tests ---- */

static void keeps_what_came(void **state)
{
    struct sms_page page;

    (void)state;
    assert_int_equal(take(SHORT_CODE, STR("hello ж")), RC_OK);
    page = all_of(&fx.resource);
    assert_int_equal(page.n, 1);
    assert_int_equal(page.rows[0].state, SMS_RECEIVED);
    assert_true(page.rows[0].ucs2);
    assert_int_equal(page.rows[0].segments, 1);
    assert_true(str_eq(page.rows[0].from, SOMEBODY));
    assert_true(str_eq(page.rows[0].to, SHORT_CODE));
    assert_true(str_eq(page.rows[0].text, STR("hello ж")));
    assert_true(str_eq(page.rows[0].transport, STR("carrier-a")));
    assert_int_equal(page.rows[0].created, START_MS);
}

static void keywords_act_and_are_answered(void **state)
{
    static const struct {
        const char *text, *reply;
        bool out;
    } steps[] = {
        {" stop ", "You are out.", true}, {"STOP", NULL, true},
        {"Help", "Ask us.", true},        {"hello", NULL, true},
        {"start", "You are in.", false},  {"unsubscribe", "You are out.", true},
    };
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct sms_page page;

        assert_int_equal(take(SHORT_CODE, str_from(steps[i].text)), RC_OK);
        assert_int_equal(is_out(SHORT_CODE), steps[i].out);
        page = all_of(&fx.resource);
        n += steps[i].reply ? 2 : 1;
        if (page.n != n)
            fail_msg("%zu messages after '%s', not %zu", page.n, steps[i].text, n);
        if (!steps[i].reply)
            continue;
        assert_true(str_eq(page.rows[0].text, str_from(steps[i].reply)));
        assert_true(str_eq(page.rows[0].from, SHORT_CODE));
        assert_true(str_eq(page.rows[0].to, SOMEBODY));
        assert_false(page.rows[0].report);
        assert_int_equal(page.rows[0].state, SMS_SUBMITTED);
    }
    assert_int_equal(sms_open_count(sms), 4);
}

static void nothing_is_answered_unless_told_to(void **state)
{
    (void)state;
    put_sender(&fx.resource, STR("+18005550100"), STR("{}"));
    assert_int_equal(take(STR("+18005550100"), STR("STOP")), RC_OK);
    assert_true(is_out(STR("+18005550100")));
    assert_int_equal(all_of(&fx.resource).n, 1);
}

static void relays_alone_where_opt_outs_are_not_enforced(void **state)
{
    (void)state;
    put_sender(&fx.resource, STR("54321"),
               STR("{\"enforceOptOut\":false,\"replies\":{\"stop\":\"Bye.\"}}"));
    assert_int_equal(take(STR("54321"), STR("STOP")), RC_OK);
    assert_false(is_out(STR("54321")));
    assert_int_equal(all_of(&fx.resource).n, 1);
}

static void goes_to_whose_number_it_is(void **state)
{
    (void)state;
    put_sender(&fx.other, STR("+18005550177"), STR("{}"));
    assert_int_equal(take(STR("+18005550177"), STR("hello")), RC_OK);
    assert_int_equal(all_of(&fx.other).n, 1);
    assert_int_equal(all_of(&fx.resource).n, 0);
}

static void of_two_the_one_that_uses_the_transport(void **state)
{
    (void)state;
    put_sender(&fx.resource, STR("+18005550178"), STR("{}"));
    put_sender(&fx.other, STR("+18005550178"), STR("{\"transport\":\"Carrier-A\"}"));
    assert_int_equal(take(STR("+18005550178"), STR("hello")), RC_OK);
    assert_int_equal(all_of(&fx.other).n, 1);
    assert_int_equal(all_of(&fx.resource).n, 0);
}

static void nobodys_number(void **state)
{
    (void)state;
    assert_int_equal(take(STR("+18005550100"), STR("hello")), RC_NOT_FOUND);
    assert_int_equal(all_of(&fx.resource).n, 0);
}

static void any_number_is_the_default_resources(void **state)
{
    (void)state;
    assert_int_equal(take(STR("+18005550100"), STR("STOP")), RC_OK);
    assert_int_equal(all_of(&fx.resource).n, 1);
    assert_true(is_out(STR("+18005550100")));
}

static void refuses_what_is_no_message(void **state)
{
    static char long_text[65 * 1024];
    const struct {
        struct carrier_inbound in;
    } cases[] = {
        {{.from = STR("x\ny"), .to = SHORT_CODE, .text = STR("a")}},
        {{.from = STR("\xff"), .to = SHORT_CODE, .text = STR("a")}},
        {{.from = str_of(long_text, 65), .to = SHORT_CODE, .text = STR("a")}},
        {{.from = STR(""), .to = SHORT_CODE, .text = STR("a")}},
        {{.from = SOMEBODY, .to = STR("12"), .text = STR("a")}},
        {{.from = SOMEBODY, .to = STR("Contoso"), .text = STR("a")}},
        {{.from = SOMEBODY, .to = SHORT_CODE, .text = STR("\xff")}},
        {{.from = SOMEBODY, .to = SHORT_CODE, .text = str_of(long_text, sizeof long_text)}},
    };

    (void)state;
    memset(long_text, 'a', sizeof long_text);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(take_all(&cases[i].in), RC_INVALID);
    assert_int_equal(all_of(&fx.resource).n, 0);
}

/* They can't be written to: no keyword of theirs counts. */
static void takes_what_comes_from_no_number(void **state)
{
    static const struct str origins[] = {STR_INIT("611"), STR_INIT("1234"), STR_INIT("T-Mobile"),
                                         STR_INIT("Caf\xC3\xA9 & Co"), STR_INIT("+0049")};
    struct sms_optout_row key = {.resource = fx.resource, .sender = SHORT_CODE}, found;
    struct sms_page page;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        const struct carrier_inbound in = {
            .from = origins[i], .to = SHORT_CODE, .text = STR("STOP")};

        assert_int_equal(take_all(&in), RC_OK);
        key.recipient = origins[i];
        assert_int_equal(store_sms_optout(fx.reader, &key, &found), RC_NOT_FOUND);
    }
    page = all_of(&fx.resource);
    assert_int_equal(page.n, ARRAY_LEN(origins));
    assert_true(str_eq(page.rows[0].from, STR("+0049")));
}

static void what_comes_twice_is_taken_once(void **state)
{
    const struct carrier_inbound in = {
        .from = SOMEBODY, .to = SHORT_CODE, .text = STR("HELP"), .ref = STR("theirs-1")};
    int first = -1, second = -1;

    (void)state;
    sms_take_inbound(&fx.site, STR("carrier-a"), &in, note_rc, &first);
    sms_take_inbound(&fx.site, STR("carrier-a"), &in, note_rc, &second);
    for (int i = 0; i < WAIT_STEPS && (first < 0 || second < 0); i++)
        fixture_spin(&fx, 5);
    assert_int_equal(first, RC_OK);
    assert_int_equal(second, RC_OK);
    assert_int_equal(take_all(&in), RC_OK);
    assert_int_equal(all_of(&fx.resource).n, 2); /* the message and its answer */
    assert_int_equal(sms_open_count(sms), 1);
}

static void an_administrator_may_let_one_come_in(void **state)
{
    const struct carrier_inbound in = {.from = SOMEBODY, .to = SHORT_CODE, .text = STR("hello")};
    char id[SMS_ID_LEN];
    const struct sms_let_in ours = {.resource = &fx.resource, .message = &in, .out_id = id};
    const struct sms_let_in others = {.resource = &fx.other, .message = &in};
    struct sms_row row;
    struct uuid found;
    int rc = -1;

    (void)state;
    sms_take_inbound_of(&fx.site, &ours, note_rc, &rc);
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(sms_id_parse(str_of(id, sizeof id), &found), RC_OK);
    assert_int_equal(store_sms(fx.reader, &found, &arena, &row), RC_OK);
    assert_true(str_eq(sms_id_of(&row, &arena), str_of(id, sizeof id)));
    rc = -1;
    sms_take_inbound_of(&fx.site, &others, note_rc, &rc);
    for (int i = 0; i < WAIT_STEPS && rc < 0; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(rc, RC_NOT_FOUND); /* no sender of that resource */
}

/* ---- documents ---- */

static void reads_documents(void **state)
{
    static const struct {
        const char *name, *sender, *document;
        bool ok, enforce;
        uint32_t rate;
    } cases[] = {
        {"an empty one", "+18005550100", "{}", true, true, 0},
        {"a name is not bound", "Contoso", "{}", true, false, 0},
        {"a name may be", "Contoso", "{\"enforceOptOut\":true}", true, true, 0},
        {"a rate", "12345", "{\"ratePerMinute\":7}", true, true, 7},
        {"nulls", "12345", "{\"ratePerMinute\":null,\"replies\":null,\"transport\":null}", true,
         true, 0},
        {"a bad rate", "12345", "{\"ratePerMinute\":-1}", false, false, 0},
        {"a bad kind", "12345", "{\"kind\":\"pigeon\"}", false, false, 0},
        {"bad replies", "12345", "{\"replies\":[]}", false, false, 0},
        {"a bad reply", "12345", "{\"replies\":{\"stop\":5}}", false, false, 0},
        {"a bad flag", "12345", "{\"enforceOptOut\":\"yes\"}", false, false, 0},
        {"a bad transport", "12345", "{\"transport\":5}", false, false, 0},
        {"a list", "12345", "[]", false, false, 0},
        {"no JSON", "12345", "{", false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct sms_sender_row row = {.sender = str_from(cases[i].sender),
                                           .document = str_from(cases[i].document)};
        struct sms_sender found = {0};
        struct buf why;
        enum rc rc;

        buf_init(&why, KIB);
        rc = sms_sender_read(sms, &row, &arena, &found, &why);
        if ((rc == RC_OK) != cases[i].ok || (why.len > 0) == cases[i].ok ||
            (cases[i].ok && (found.enforce != cases[i].enforce || found.rate != cases[i].rate ||
                             !str_eq(found.transport, SMS_INBOX))))
            fail_msg("%s", cases[i].name);
        buf_clear(&why);
    }
}

static void secrets_open_for_their_own_transport(void **state)
{
    struct change c = {.kind = CHANGE_SMS_TRANSPORT_PUT};
    const struct sms_world *w;
    struct buf sealed, why;

    (void)state;
    buf_init(&sealed, KIB);
    buf_init(&why, KIB);
    assert_int_equal(
        sms_secrets_seal(sms, STR("carrier-b"), STR("{\"password\":\"hidden\"}"), &sealed), RC_OK);
    for (int i = 0; i < 2; i++) {
        c.u.sms_transport =
            (struct sms_transport_row){.name = i ? STR("carrier-c") : STR("carrier-b"),
                                       .kind = STR("pigeon"),
                                       .version = 1,
                                       .document = STR("{\"host\":\"h\"}"),
                                       .sealed = buf_str(&sealed)};
        assert_int_equal(store_commit_wait(fx.store, &c, 1), RC_OK);
    }
    assert_int_equal(sms_load(sms, fx.reader, &why), RC_OK);
    w = sms_world_ref(sms);
    assert_string_equal(json_string_value(json_object_get(
                            sms_transport_find(w, STR("carrier-b"))->secrets, "password")),
                        "hidden");
    assert_null(sms_transport_find(w, STR("carrier-c"))->secrets); /* sealed for another */
    assert_true(sms_transport_find(w, STR("carrier-c"))->sealed_elsewhere);
    assert_null(sms_transport_find(w, STR("carrier-b"))->ops);
    assert_non_null(sms_transport_find(w, SMS_INBOX));
    sms_world_unref(w);
    buf_clear(&sealed);
    buf_clear(&why);
}

#define LIST(name) cmocka_unit_test_setup_teardown(name, open_list, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIST(keeps_what_came),
        LIST(keywords_act_and_are_answered),
        LIST(nothing_is_answered_unless_told_to),
        LIST(relays_alone_where_opt_outs_are_not_enforced),
        LIST(goes_to_whose_number_it_is),
        LIST(of_two_the_one_that_uses_the_transport),
        LIST(nobodys_number),
        cmocka_unit_test_setup_teardown(any_number_is_the_default_resources, open_any, close_scene),
        LIST(refuses_what_is_no_message),
        LIST(takes_what_comes_from_no_number),
        LIST(what_comes_twice_is_taken_once),
        LIST(an_administrator_may_let_one_come_in),
        LIST(reads_documents),
        LIST(secrets_open_for_their_own_transport),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
