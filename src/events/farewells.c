/* The last message of a subscription: that it was deleted. Tried once, kept nowhere.
 * Source: wire/events §6. */
#include "events/dispatcher.h"

#include "events/envelope.h"

#include <stdlib.h>

#define BODY_MAX (64 * KIB)

struct farewell {
    struct endpoint_call out; /* first */
    struct list node;
    struct dispatcher *d;
    struct loop_task task;
    struct arena arena;
    struct buf body;
};

static void farewell_free(struct farewell *f)
{
    list_remove(&f->node);
    outbound_call_clear(&f->out.call);
    buf_clear(&f->body);
    arena_clear(&f->arena);
    free(f);
}

static void on_answer(void *ctx, struct outbound_call *call)
{
    (void)call; /* whatever it said, there is nothing left to do */
    farewell_free(ctx);
}

/* The event's data name the subscription as the cloud's do. */
static void make_body(struct farewell *f, const struct subscription *s, struct str topic)
{
    struct uuid id = uuid_random();
    char text[UUID_TEXT_LEN];
    struct event_row row = {
        .type = STR("Microsoft.EventGrid.SubscriptionDeletedEvent"),
        .subject = STR(""),
        .time = dispatcher_now(f->d),
    };
    const struct envelope e = {s->schema, s->batch_max > 1, topic};
    const struct event_row *one = &row;
    struct json_writer w;
    struct buf data;

    uuid_format(&id, text);
    row.event_id = str_of(text, sizeof text);
    buf_init(&data, 8 * KIB);
    json_writer_init(&w, &data);
    json_object_begin(&w);
    json_member_str(&w, "eventSubscriptionId",
                    arena_printf(&f->arena,
                                 STR_FMT
                                 "/providers/Microsoft.EventGrid/eventSubscriptions/" STR_FMT,
                                 STR_ARG(topic), STR_ARG(s->name)));
    json_object_end(&w);
    row.data = buf_str(&data);
    buf_init(&f->body, BODY_MAX);
    envelope_body(&f->body, &e, &one, 1);
    if (data.failed || f->body.failed)
        abort(); /* no memory */
    buf_clear(&data);
}

static void send_now(void *ctx)
{
    struct farewell *f = ctx;
    struct dispatcher *d = f->d;

    if (d->stopping) {
        farewell_free(f);
        return;
    }
    list_add(&d->farewells, &f->node);
    outbound_send(d->events->options.outbound, d->loop, &f->out.call);
}

void farewell_send(struct dispatcher *d, const struct subscription *s)
{
    struct farewell *f;
    struct str topic;

    if (!d->loop || d->stopping)
        return;
    f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->d = d;
    list_init(&f->node);
    arena_init(&f->arena);
    topic = events_topic(d->events, &s->resource, &f->arena);
    make_body(f, s, topic);
    endpoint_call_init(&f->out, &d->events->rules, subscription_url(s, &f->arena).ptr,
                       d->events->ca_file);
    endpoint_call_header(&f->out, STR("content-type"),
                         envelope_content_type(s->schema, s->batch_max > 1));
    lane_headers(&f->out, s, STR("SubscriptionDeletion"), &f->arena);
    if (s->schema == SCHEMA_CLOUD_EVENTS)
        endpoint_call_header(&f->out, STR("origin"), d->events->options.origin);
    f->out.call.body = buf_str(&f->body);
    f->out.call.done = on_answer;
    f->out.call.ctx = f;
    f->task = (struct loop_task){.run = send_now, .ctx = f};
    loop_post(d->loop, &f->task);
}

void farewells_stop(struct dispatcher *d)
{
    for (struct list *at = d->farewells.next; at != &d->farewells; at = at->next)
        outbound_cancel(d->events->options.outbound,
                        &list_entry(at, struct farewell, node)->out.call);
}
