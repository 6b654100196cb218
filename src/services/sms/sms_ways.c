/* Transports in operation: carriers are opened, closed and replaced as the configuration says, on
 * the engine's loop; and what they say is passed on. Source: wire/sms §6. */
#include "services/sms/sms_engine.h"

#define STATUS_MAX (16 * KIB)

/* ---- what carriers call ---- */

static struct sms_way *way_of(const struct carrier_host *host)
{
    return host->ctx;
}

static void on_submitted(const struct carrier_host *host, const struct carrier_result *result)
{
    struct sms_flight *f = sms_flight_find(way_of(host)->engine, &result->id);

    if (f)
        sms_flight_result(f, result);
}

/* A message that is at the carrier right now takes its report along with the answer to that. */
static void on_report(const struct carrier_host *host, const struct carrier_report *report,
                      carrier_done_fn done, void *ctx)
{
    struct sms_engine *e = way_of(host)->engine;
    struct sms_flight *f = sms_flight_find(e, &report->id);

    if (f && (f->phase == SMS_PHASE_SUBMIT || f->phase == SMS_PHASE_POLL))
        sms_flight_report(f, report, done, ctx);
    else
        sms_take_report(e->site, (struct sms_teller){.transport = host->name}, report, done, ctx);
}

static void on_inbound(const struct carrier_host *host, const struct carrier_inbound *message,
                       carrier_done_fn done, void *ctx)
{
    sms_take_inbound(way_of(host)->engine->site, host->name, message, done, ctx);
}

static void on_ready(const struct carrier_host *host)
{
    sms_engine_wake(way_of(host)->engine);
}

/* ---- opening and closing ---- */

struct sms_way *sms_way_find(const struct sms_engine *e, struct str name)
{
    for (struct sms_way *w = e->ways; w; w = w->next)
        if (name_eq(w->name, name))
            return w;
    return NULL;
}

static struct str owned(struct str text)
{
    char *copy = malloc(text.len + 1);

    if (!copy)
        abort();
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    NO_LEAK_BEGIN; /* the way keeps it, until disown() */
    return str_of(copy, text.len);
    NO_LEAK_END;
}

static void disown(struct str *text)
{
    free((char *)(uintptr_t)text->ptr);
    *text = STR_EMPTY;
}

static struct sms_way *way_of_name(struct sms_engine *e, struct str name)
{
    struct sms_way *w = sms_way_find(e, name);

    if (w)
        return w;
    w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->engine = e;
    w->name = owned(name);
    list_init(&w->under_way);
    w->next = e->ways;
    e->ways = w;
    return w;
}

void sms_way_review(const struct sms_way *way, const struct str *refs, size_t n)
{
    struct sms *s = way->engine->sms;
    uint64_t oldest = UINT64_MAX;

    if (!atomic_load(&s->early_n))
        return;
    if (!list_empty(&way->under_way))
        oldest = list_entry(way->under_way.next, struct sms_flight, in_way)->number;
    sms_early_review(s, way->name, oldest, refs, n);
}

struct sms_way *sms_way_note(struct sms_engine *e, struct str name)
{
    return way_of_name(e, name); /* without a carrier, until the world has it */
}

/* "http://127.0.0.1:8080/carriers/NAME/SECRET"; empty: nobody can reach us. */
static void set_callback_url(const struct sms_engine *e, struct sms_way *w)
{
    struct str base = e->sms->options.callback_url;
    uint16_t port = e->site->options->http_port;
    char secret[SMS_SECRET_LEN];
    struct arena arena;

    w->callback_url = STR_EMPTY;
    if (!base.len && !port)
        return;
    while (str_ends(base, STR("/")))
        base.len--;
    arena_init(&arena);
    if (!base.len)
        base = arena_printf(&arena, "http://127.0.0.1:%u", port);
    sms_transport_secret(e->sms, w->name, secret);
    w->callback_url =
        owned(arena_printf(&arena, STR_FMT "/carriers/" STR_FMT "/%.*s", STR_ARG(base),
                           STR_ARG(w->name), (int)sizeof secret, secret));
    arena_clear(&arena);
}

static void way_close(struct sms_way *w)
{
    struct carrier *c = w->carrier;

    w->carrier = NULL;
    if (c)
        c->ops->close(c); /* answers what is in flight */
    w->ops = NULL;
    disown(&w->callback_url);
}

static void way_open(struct sms_engine *e, struct sms_way *w, const struct sms_transport *t)
{
    const struct sms_options *o = &e->sms->options;

    w->version = t->version;
    w->ops = t->sealed_elsewhere ? NULL : t->ops;
    if (!w->ops)
        return;
    set_callback_url(e, w);
    w->host = (struct carrier_host){
        .name = w->name,
        .loop = e->site->loop,
        .log = o->log,
        .clock = o->clock,
        .outbound = o->outbound,
        .streams = o->streams,
        .callback_url = w->callback_url,
        .plain_ok = true, /* an administrator has said where to */
        .private_ok = true,
        .ctx = w,
        .submitted = on_submitted,
        .report = on_report,
        .inbound = on_inbound,
        .ready = on_ready,
    };
    w->carrier = w->ops->open(&w->host, t->config, t->secrets);
    log_info(o->log, "sms.transport_open", "transport=" STR_FMT " kind=" STR_FMT, STR_ARG(w->name),
             STR_ARG(t->kind));
}

static void follow_one(struct sms_engine *e, const struct sms_transport *t)
{
    struct sms_way *w = way_of_name(e, t->name);

    w->is_configured = true;
    if (w->ops && w->ops == t->ops && w->version == t->version)
        return;
    way_close(w);
    way_open(e, w, t);
}

void sms_ways_follow(struct sms_engine *e)
{
    const struct sms_world *world = sms_world_ref(e->sms);

    if (world == e->world) {
        sms_world_unref(world);
        return;
    }
    for (struct sms_way *w = e->ways; w; w = w->next)
        w->is_configured = false;
    for (size_t i = 0; i < world->transports_n; i++)
        follow_one(e, &world->transports[i]);
    for (struct sms_way *w = e->ways; w; w = w->next) {
        if (w->is_configured || !w->carrier)
            continue;
        way_close(w);
        w->version = 0;
        log_info(e->sms->options.log, "sms.transport_closed", "transport=" STR_FMT,
                 STR_ARG(w->name));
    }
    sms_world_unref(e->world);
    e->world = world;
}

void sms_ways_close(struct sms_engine *e)
{
    for (struct sms_way *w = e->ways; w; w = w->next)
        way_close(w);
    sms_world_unref(e->world);
    e->world = NULL;
}

void sms_ways_free(struct sms_engine *e)
{
    while (e->ways) {
        struct sms_way *w = e->ways;

        e->ways = w->next;
        disown(&w->name);
        disown(&w->callback_url);
        free(w);
    }
}

size_t sms_way_room(const struct sms_way *way)
{
    size_t room = way->carrier ? way->ops->room(way->carrier) : 0;

    return room > way->pending ? room - way->pending : 0;
}

/* ---- how they are ---- */

static void write_status(const struct sms_engine *e, struct str name, struct buf *out)
{
    const struct sms_way *w = sms_way_find(e, name);
    struct json_writer writer;

    json_writer_init(&writer, out);
    json_object_begin(&writer);
    if (!w || !w->carrier)
        json_member_str(&writer, "state", STR("missing"));
    else
        w->ops->status(w->carrier, &writer);
    if (w)
        json_member_int(&writer, "inFlight", (int64_t)(w->pending + w->submitting + w->polling));
    json_object_end(&writer);
}

static void status_done(void *ctx)
{
    struct sms_status_query *q = ctx;

    q->done(q->ctx);
}

static void status_run(void *ctx)
{
    struct sms_status_query *q = ctx;
    struct sms_engine *e = q->sms->engine;

    if (atomic_load(&e->running))
        write_status(e, q->name, &q->out);
    q->task = (struct loop_task){.run = status_done, .ctx = q};
    loop_post(q->loop, &q->task);
}

void sms_transport_status(struct sms *s, struct sms_status_query *q)
{
    struct sms_engine *e = s->engine;

    buf_init(&q->out, STATUS_MAX);
    q->sms = s;
    if (!atomic_load(&e->running)) {
        q->task = (struct loop_task){.run = status_done, .ctx = q};
        loop_post(q->loop, &q->task);
        return;
    }
    q->task = (struct loop_task){.run = status_run, .ctx = q};
    loop_post(e->site->loop, &q->task);
}
