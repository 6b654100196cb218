#include "smpp_fake.h"

#include "base/json.h"

struct stream {
    struct stream_options o;
    bool open, closed;
    struct buf sent;
    size_t taken;
};

/* In the order of their places; `stream` is the one that a test looks at: the newest, until it
 * chooses. */
static struct stream *places[SMPP_LINKS_MAX], *stream;
static unsigned connections;

static void forget(struct stream **place)
{
    if (*place)
        buf_clear(&(*place)->sent);
    free(*place);
    *place = NULL;
}

static struct stream *fake_stream_open(struct loop *loop, const struct stream_options *options)
{
    struct stream **place = &places[0];

    (void)loop;
    while (*place && !(*place)->closed && place < &places[SMPP_LINKS_MAX - 1])
        place++;
    assert_true(!*place || (*place)->closed);
    forget(place);
    *place = stream = calloc(1, sizeof *stream);
    stream->o = *options;
    buf_init(&stream->sent, 16 * MIB);
    connections++;
    return stream;
}

static bool fake_stream_send(struct stream *s, struct str data)
{
    assert_false(s->closed);
    if (s->open)
        buf_add(&s->sent, data);
    return s->open;
}

static size_t fake_stream_queued(const struct stream *s)
{
    (void)s;
    return 0;
}

static void fake_stream_close(struct stream *s)
{
    if (s)
        s->closed = true;
}

static const struct stream_ops streams = {fake_stream_open, fake_stream_send, fake_stream_queued,
                                          fake_stream_close};

unsigned fake_connections(void)
{
    return connections;
}

void fake_look_at(size_t place)
{
    stream = places[place];
}

bool fake_is_connected(void)
{
    return stream && stream->open && !stream->closed;
}

void fake_open(void)
{
    assert_true(stream && !stream->closed && !stream->open);
    stream->open = true;
    stream->o.on_open(stream->o.ctx);
}

void fake_break(void)
{
    stream->open = false;
    stream->o.on_end(stream->o.ctx, "it broke");
}

/* ---- the host ---- */

static void copy(char *out, size_t cap, struct str s)
{
    (void)snprintf(out, cap, STR_FMT, STR_ARG(s));
}

static void on_submitted(const struct carrier_host *host, const struct carrier_result *r)
{
    struct fake *f = host->ctx;
    struct fake_result *to = &f->results[f->n_results++];

    assert_true(f->n_results < RESULTS_MAX);
    *to = (struct fake_result){.outcome = r->outcome,
                               .first = r->id.octets[0],
                               .code = r->code,
                               .retry_ms = r->retry_ms,
                               .n_refs = r->n_refs};
    copy(to->ref, sizeof to->ref, r->ref);
    for (size_t i = 0; i < r->n_refs; i++)
        copy(to->refs[i], sizeof to->refs[i], r->refs[i]);
}

static void on_report(const struct carrier_host *host, const struct carrier_report *r,
                      carrier_done_fn done, void *done_ctx)
{
    struct fake *f = host->ctx;
    struct fake_event *to = &f->reports[f->n_reports++];
    size_t len = 0;

    assert_true(f->n_reports < EVENTS_MAX);
    *to = (struct fake_event){.delivered = r->delivered,
                              .final = r->final,
                              .code = r->code,
                              .done = done,
                              .done_ctx = done_ctx};
    for (size_t i = 0; i < r->n_refs; i++)
        len += (size_t)snprintf(to->refs + len, sizeof to->refs - len, "%s" STR_FMT, i ? "|" : "",
                                STR_ARG(r->refs[i]));
}

static void on_inbound(const struct carrier_host *host, const struct carrier_inbound *m,
                       carrier_done_fn done, void *done_ctx)
{
    struct fake *f = host->ctx;
    struct fake_event *to = &f->inbounds[f->n_inbounds++];

    assert_true(f->n_inbounds < EVENTS_MAX);
    *to = (struct fake_event){.segments = m->segments, .done = done, .done_ctx = done_ctx};
    copy(to->from, sizeof to->from, m->from);
    copy(to->to, sizeof to->to, m->to);
    copy(to->text, sizeof to->text, m->text);
}

static void on_ready(const struct carrier_host *host)
{
    struct fake *f = host->ctx;

    f->n_ready++;
}

/* ---- life ---- */

static json_t *json_of(const char *quoted)
{
    char *text = strdup(quoted);
    json_t *j = NULL;

    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    assert_int_equal(json_read(str_from(text), &j, NULL), RC_OK);
    free(text);
    return j;
}

struct fake *fake_new(const char *config)
{
    struct fake *f = calloc(1, sizeof *f);
    json_t *j = json_of(config), *secrets = json_of("{'password':'secret'}");

    connections = 0;
    memset(places, 0, sizeof places); /* of a test that failed */
    f->loop = loop_new(0);            /* never runs: its timers only stand there */
    f->now = 1000000;
    f->host = (struct carrier_host){.name = STR("test"),
                                    .loop = f->loop,
                                    .clock = &f->clock,
                                    .streams = &streams,
                                    .private_ok = true,
                                    .ctx = f,
                                    .submitted = on_submitted,
                                    .report = on_report,
                                    .inbound = on_inbound,
                                    .ready = on_ready};
    f->carrier = smpp_carrier_ops.open(&f->host, j, secrets);
    json_decref(j);
    json_decref(secrets);
    fake_wait(f, 0);
    return f;
}

void fake_free(struct fake *f)
{
    if (f->carrier)
        smpp_carrier_ops.close(f->carrier);
    for (size_t i = 0; i < f->n_reports; i++)
        if (f->reports[i].done)
            f->reports[i].done(f->reports[i].done_ctx, RC_OK);
    for (size_t i = 0; i < f->n_inbounds; i++)
        if (f->inbounds[i].done)
            f->inbounds[i].done(f->inbounds[i].done_ctx, RC_OK);
    for (size_t i = 0; i < SMPP_LINKS_MAX; i++)
        forget(&places[i]);
    loop_free(f->loop);
    free(f);
}

void fake_wait(struct fake *f, uint64_t ms)
{
    uint64_t until = f->now + ms;

    while (f->now < until) {
        f->now += until - f->now < SMPP_TICK_MS ? until - f->now : SMPP_TICK_MS;
        smpp_set_time(f->carrier, f->now);
        smpp_tick((struct smpp *)f->carrier);
    }
    smpp_set_time(f->carrier, f->now);
    smpp_tick((struct smpp *)f->carrier);
}

void fake_bind_as(struct fake *f, uint32_t command)
{
    struct smpp_header h;

    fake_open();
    h = fake_expect("a bind", command, NULL);
    fake_send_text(command | SMPP_RESPONSE, SMPP_ROK, h.sequence, "peer");
    fake_wait(f, 0);
}

void fake_bind(struct fake *f)
{
    fake_bind_as(f, SMPP_BIND_TRANSCEIVER);
}

/* ---- PDUs ---- */

bool fake_take(struct smpp_header *out, struct str *out_body)
{
    struct str left = str_from_index(buf_str(&stream->sent), stream->taken);

    if (left.len == 0)
        return false;
    assert_int_equal(smpp_header_read(left, out), RC_OK);
    assert_true(left.len >= out->length);
    *out_body = str_of(left.ptr + SMPP_HEADER_LEN, out->length - SMPP_HEADER_LEN);
    stream->taken += out->length;
    return true;
}

struct smpp_header fake_expect(const char *name, uint32_t command, struct str *out_body)
{
    struct smpp_header h = {0};
    struct str body;

    check(name, fake_take(&h, out_body ? out_body : &body));
    if (h.command != command)
        fail_msg("%s: got 0x%08x", name, (unsigned)h.command);
    return h;
}

void fake_send(struct str octets)
{
    stream->o.on_data(stream->o.ctx, octets);
}

static void send_and_clear(struct buf *pdu)
{
    fake_send(buf_str(pdu));
    buf_clear(pdu);
}

void fake_send_text(uint32_t command, uint32_t status, uint32_t sequence, const char *text)
{
    struct smpp_header h = {.command = command, .status = status, .sequence = sequence};
    struct buf pdu;

    buf_init(&pdu, KIB);
    assert_int_equal(smpp_text_write(&pdu, h, str_from(text)), RC_OK);
    send_and_clear(&pdu);
}

void fake_send_plain(uint32_t command, uint32_t status, uint32_t sequence)
{
    struct buf pdu;

    buf_init(&pdu, KIB);
    smpp_plain_write(
        &pdu, (struct smpp_header){.command = command, .status = status, .sequence = sequence});
    send_and_clear(&pdu);
}

void fake_deliver(uint32_t sequence, const struct smpp_message *m)
{
    struct buf pdu;

    buf_init(&pdu, SMPP_PDU_MAX);
    assert_int_equal(
        smpp_message_write(
            &pdu, (struct smpp_header){.command = SMPP_DELIVER_SM, .sequence = sequence}, m),
        RC_OK);
    send_and_clear(&pdu);
}

void fake_receipt(uint32_t sequence, const char *text)
{
    fake_deliver(sequence, &(struct smpp_message){.source = {1, 1, STR("14255550123")},
                                                  .destination = {1, 1, STR("14255550100")},
                                                  .esm_class = SMPP_ESM_RECEIPT,
                                                  .text = str_from(text)});
}

void fake_submit(struct fake *f, uint8_t first, const char *from, const char *text)
{
    const struct carrier_message m = {.id = {.octets = {first}},
                                      .from = str_from(from),
                                      .to = STR("+14255550123"),
                                      .text = str_from(text),
                                      .deadline = clock_wall() + 3600 * 1000,
                                      .attempt = 1};

    smpp_carrier_ops.submit(f->carrier, &m);
}
