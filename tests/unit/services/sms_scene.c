/* See sms_scene.h. */
#include "sms_scene.h"

#include "events/events.h"

#define SENDER    STR("+14255550100")
#define RECIPIENT STR("+14255550123")

struct carrier_state fake;
struct fixture fx;
struct sms *sms;

/* ---- the carrier ---- */

struct sms_row stored(const struct uuid *id)
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

void answer(const struct carrier_result *result)
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
    (void)snprintf(fake.ref, sizeof fake.ref, STR_FMT, STR_ARG(m->ref));
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

void run_sms(void)
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
    assert_int_equal(sms_recover(sms, fx.reader, &why), RC_OK);
    fx.site.sms = sms;
    sms_start(sms, &fx.site);
    buf_clear(&why);
}

void end_sms(void)
{
    sms_stop(sms);
    fixture_settle(&fx);
    (void)loop_settle(fx.loop); /* a look may be on the pool */
    sms_free(sms);
    sms = NULL;
}

void put_transport(uint32_t version)
{
    struct change c = {.kind = CHANGE_SMS_TRANSPORT_PUT};

    c.u.sms_transport = (struct sms_transport_row){.name = STR("carrier-a"),
                                                   .kind = STR("fake"),
                                                   .version = version,
                                                   .document = STR("{}"),
                                                   .created = START_MS};
    assert_int_equal(store_commit_wait(fx.store, &c, 1), RC_OK);
}

int sms_scene_open(void **state)
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

int sms_scene_close(void **state)
{
    (void)state;
    if (sms)
        end_sms();
    events_free(fx.site.events);
    watch(NULL, NULL, 0);
    fixture_close(&fx);
    return 0;
}

void advance(int64_t ms)
{
    atomic_fetch_add(&fx.clock.frozen_ms, ms);
    sms_wake(sms); /* it would look by itself, within a second */
}

struct uuid add_message(struct sms_row row)
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

void wait_for_submits(unsigned n)
{
    for (int i = 0; i < WAIT_STEPS && fake.submits < n; i++)
        fixture_spin(&fx, 5);
    assert_int_equal(fake.submits, n);
}

/* A message that the carrier has got, and has not answered. */
struct uuid handed_over(struct sms_row row)
{
    struct uuid id = add_message(row);

    wait_for_submits(1);
    return id;
}

struct sms_row wait_for_state(const struct uuid *id, enum sms_state wanted)
{
    struct sms_row row = stored(id);

    for (int i = 0; i < WAIT_STEPS && row.state != wanted; i++) {
        fixture_spin(&fx, 5);
        row = stored(id);
    }
    assert_int_equal(row.state, wanted);
    return row;
}

void report(struct str ref, bool delivered, uint32_t code)
{
    fake.host->report(
        fake.host,
        &(struct carrier_report){
            .refs = &ref, .n_refs = 1, .delivered = delivered, .final = true, .code = code},
        NULL, NULL);
}

void accept_with(const struct uuid *id, const struct str *refs, size_t n)
{
    answer(&(struct carrier_result){
        .id = *id, .outcome = CARRIER_ACCEPTED, .refs = refs, .n_refs = n});
}
