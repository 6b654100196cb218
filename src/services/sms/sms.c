/* The shared part of the SMS service: made once, lent to every loop. */
#include "services/sms/sms_core.h"
#include "services/sms/sms_engine.h"

struct sms *sms_new(const struct sms_options *options)
{
    struct sms *s = calloc(1, sizeof *s);

    if (!s || pthread_mutex_init(&s->lock, NULL))
        abort();
    s->options = *options;
    map_init(&s->open_of);
    map_init(&s->reporting);
    list_init(&s->early);
    s->rates = sms_rates_new();
    sms_world_init(s);
    s->engine = sms_engine_new(s);
    return s;
}

/* Messages would wait for it without a word, or be reported delivered and never leave. */
static void tell_of_transport(struct sms *s)
{
    const struct sms_world *world = sms_world_ref(s);
    const struct sms_transport *t = sms_transport_find(world, s->options.transport);
    char quoted[128];
    size_t len = log_quote(quoted, sizeof quoted, s->options.transport, 60);

    if (!t)
        log_warn(s->options.log, "sms.transport_missing",
                 "transport=%.*s setting=sms.transport action=messages_wait do=transport_set",
                 (int)len, quoted);
    else if (!s->options.development && name_eq(t->kind, STR("inbox")))
        log_warn(s->options.log, "sms.transport_inbox",
                 "transport=%.*s setting=sms.transport action=nothing_leaves do=transport_set",
                 (int)len, quoted);
    sms_world_unref(world);
}

static void take_open(void *ctx, const struct sms_open_row *row)
{
    struct sms *s = ctx;

    sms_opened(s, &row->resource, row->transport, (int64_t)row->n);
}

enum rc sms_recover(struct sms *s, struct store_reader *r, struct buf *why)
{
    enum rc rc = store_each_sms_open(r, take_open, s);

    if (rc)
        buf_add(why, STR("the messages that have not ended can't be read."));
    return rc;
}

enum rc sms_load(struct sms *s, struct store_reader *r, struct buf *why)
{
    enum rc rc = sms_world_load(s, r);

    if (rc) {
        buf_add(why, STR("senders and transports can't be read."));
        return rc;
    }
    tell_of_transport(s);
    sms_wake(s);
    return RC_OK;
}

void sms_on_commit(struct sms *s, const struct log_entry *entries, size_t n, struct store_reader *r)
{
    bool changed = false;
    enum rc rc;

    for (size_t i = 0; i < n; i++)
        changed =
            changed || entries[i].kind == LOG_SMS_SENDER || entries[i].kind == LOG_SMS_TRANSPORT;
    if (!changed)
        return;
    rc = sms_world_load(s, r);
    if (rc)
        log_error(s->options.log, "sms.reload_failed",
                  "rc=%s action=kept_what_was do=reload_the_server", rc_name(rc));
    else
        sms_wake(s);
}

void sms_start(struct sms *s, const struct site *site)
{
    sms_engine_start(s->engine, site);
}

void sms_stop(struct sms *s)
{
    sms_engine_stop(s->engine);
}

void sms_free(struct sms *s)
{
    if (!s)
        return;
    sms_engine_free(s->engine);
    snapshot_cell_clear(&s->world);
    sms_rates_free(s->rates);
    sms_open_clear(s);
    map_clear(&s->reporting);
    (void)pthread_mutex_destroy(&s->lock); /* nobody holds it any more */
    free(s);
}

const struct sms_options *sms_options(const struct sms *s)
{
    return &s->options;
}

void sms_wake(struct sms *s)
{
    sms_engine_wake(s->engine);
}

/* ---- figures ---- */

void sms_write_metrics(const struct sms *s, struct buf *out)
{
    static const enum sms_state ends[] = {SMS_DELIVERED, SMS_FAILED, SMS_RECEIVED};

    buf_add(out, STR("# HELP callgate_sms_open Messages that have not ended.\n"
                     "# TYPE callgate_sms_open gauge\ncallgate_sms_open "));
    buf_add_u64(out, sms_open_count(s));
    buf_add(out, STR("\n# HELP callgate_sms_total Text messages by how they ended, since start.\n"
                     "# TYPE callgate_sms_total counter\n"));
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        buf_addf(out, "callgate_sms_total{state=\"" STR_FMT "\"} ",
                 STR_ARG(sms_state_name(ends[i])));
        buf_add_u64(out, atomic_load_explicit(&s->counts[ends[i]], memory_order_relaxed));
        buf_add_char(out, '\n');
    }
}

/* ---- secrets of addresses ---- */

static void keyed_secret(const struct sms *s, struct str purpose, struct str value, char *out)
{
    uint8_t mac[32];

    master_key_hash(s->options.master, purpose, value, mac);
    hex_encode(mac, SMS_SECRET_LEN / 2, out);
}

void sms_transport_secret(const struct sms *s, struct str name, char out[static SMS_SECRET_LEN])
{
    keyed_secret(s, STR("sms.transport"), name, out);
}

void sms_message_secret(const struct sms *s, const struct uuid *id, char out[static SMS_SECRET_LEN])
{
    keyed_secret(s, STR("sms.message"), str_of(id->octets, sizeof id->octets), out);
}

bool sms_transport_secret_is(const struct sms *s, struct str name, struct str given)
{
    char own[SMS_SECRET_LEN];

    sms_transport_secret(s, name, own);
    return ct_equal_str(str_of(own, sizeof own), given);
}

bool sms_message_secret_is(const struct sms *s, const struct uuid *id, struct str given)
{
    char own[SMS_SECRET_LEN];

    sms_message_secret(s, id, own);
    return ct_equal_str(str_of(own, sizeof own), given);
}
