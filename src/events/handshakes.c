/* The handshakes of subscriptions: tried when they are new or changed, three times, then given up;
 * consent that comes later is waited for. All that is kept is in the row, so that one that was cut
 * off by a stop begins again. Source: wire/events §4, §5. */
#include "events/dispatcher.h"

#include "events/handshake.h"

#include <stdlib.h>

#define BODY_MAX        (64 * KIB)
#define PAUSE_NS        ((mono_ns)1000 * 1000 * 1000)
#define TOO_LATE        "Consent did not come within 10 minutes: create the subscription again."
#define FAILURE_LEN_MAX 300

enum stage { STAGE_WAITING = 0, STAGE_CALLING, STAGE_ENDING };

struct shake {
    struct endpoint_call out; /* first */
    struct lane *lane;
    struct arena arena;
    struct buf body;
    uint32_t version; /* of the row that it is for */
    enum event_schema schema;
    struct str code;
    enum stage stage;
    unsigned tries;
    unix_ms next_try;
    struct change_set set;
    struct change change;
};

static void shake_free(struct shake *s)
{
    if (s->lane->shake == s)
        s->lane->shake = NULL;
    outbound_call_clear(&s->out.call);
    buf_clear(&s->body);
    arena_clear(&s->arena);
    free(s);
}

static struct shake *shake_new(struct lane *lane)
{
    struct shake *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    arena_init(&s->arena);
    s->lane = lane;
    s->version = lane->sub->version;
    s->schema = lane->sub->schema;
    s->code = arena_dup(&s->arena, lane->sub->code);
    lane->shake = s;
    return s;
}

/* ---- how it ends ---- */

static void on_ended(void *ctx, enum rc rc, struct change_set *set)
{
    struct shake *s = ctx;
    struct lane *lane = s->lane;

    (void)set;
    if (rc && rc != RC_CONFLICT && rc != RC_NOT_FOUND) /* those: it was changed or deleted */
        lane->shake_after = clock_mono() + PAUSE_NS;
    lane->stale = true;
    shake_free(s);
    dispatcher_turn(lane->dispatcher);
}

static void end_with(struct shake *s, enum subscription_state state, struct str failure,
                     uint32_t rate)
{
    struct dispatcher *d = s->lane->dispatcher;
    struct subscription next = *s->lane->sub;
    char name[64];

    next.version++;
    next.state = state;
    next.failure = failure;
    next.rate = rate;
    next.proven = next.proven || state == SUBSCRIPTION_SUCCEEDED;
    if (state == SUBSCRIPTION_AWAITING)
        next.until = dispatcher_now(d) + HANDSHAKE_AWAIT_MS;
    else
        next.code = STR_EMPTY;
    s->stage = STAGE_ENDING;
    s->change = (struct change){.kind = CHANGE_SUBSCRIPTION_PUT};
    events_write(d->events, &next, &s->arena, &s->change.u.subscription);
    s->set = (struct change_set){
        .items = &s->change, .n = 1, .loop = d->loop, .done = on_ended, .ctx = s};
    (void)snprintf(name, sizeof name, STR_FMT, STR_ARG(next.name));
    log_info(d->events->options.log, "events.handshake", "subscription=%s state=" STR_FMT, name,
             STR_ARG(subscription_state_name(state)));
    store_commit(d->events->options.store, &s->set);
}

/* ---- one try ---- */

static struct str failure_of(struct shake *s)
{
    const struct outbound_call *call = &s->out.call;

    if (call->rc)
        return arena_printf(&s->arena, "The endpoint was not reached: %.*s.", FAILURE_LEN_MAX,
                            call->reason);
    if (s->schema == SCHEMA_EVENT_GRID && call->status == 200)
        return STR("The endpoint answered with another validation code.");
    return arena_printf(&s->arena, "The endpoint answered the validation with status %d.",
                        call->status);
}

static enum handshake_verdict judge(const struct shake *s, uint32_t *out_rate)
{
    const struct outbound_call *call = &s->out.call;
    struct events *e = s->lane->dispatcher->events;
    enum handshake_verdict verdict;

    if (call->rc)
        return HANDSHAKE_AGAIN;
    if (s->schema == SCHEMA_EVENT_GRID)
        return handshake_judge(call->status, buf_str(&call->response), s->code);
    verdict = handshake_judge_origin(outbound_answer_header(call, STR("webhook-allowed-origin")),
                                     e->options.origin);
    if (verdict == HANDSHAKE_PASSED)
        *out_rate = handshake_rate(outbound_answer_header(call, STR("webhook-allowed-rate")));
    return verdict;
}

static void on_answer(void *ctx, struct outbound_call *call)
{
    struct shake *s = ctx;
    struct lane *lane = s->lane;
    struct dispatcher *d = lane->dispatcher;
    enum handshake_verdict verdict;
    uint32_t rate = 0;

    (void)call;
    s->stage = STAGE_WAITING;
    if (d->stopping || !lane->sub || lane->sub->version != s->version) {
        shake_free(s); /* the next turn begins what is wanted now */
        dispatcher_turn(d);
        return;
    }
    verdict = judge(s, &rate);
    s->tries++;
    if (verdict == HANDSHAKE_PASSED)
        end_with(s, SUBSCRIPTION_SUCCEEDED, STR_EMPTY, rate);
    else if (verdict == HANDSHAKE_MANUAL)
        end_with(s, SUBSCRIPTION_AWAITING, STR_EMPTY, 0);
    else if (s->tries >= HANDSHAKE_TRIES)
        end_with(s, SUBSCRIPTION_FAILED, failure_of(s), 0);
    else
        s->next_try = dispatcher_now(d) + HANDSHAKE_PAUSE_MS;
    dispatcher_turn(d);
}

static void fill_validation(struct shake *s, struct str url)
{
    struct lane *lane = s->lane;
    struct dispatcher *d = lane->dispatcher;

    buf_init(&s->body, BODY_MAX);
    handshake_body(&s->body, lane->sub, events_topic(d->events, &lane->sub->resource, &s->arena),
                   url, dispatcher_now(d));
    if (s->body.failed)
        abort(); /* no memory */
    s->out.call.body = buf_str(&s->body);
    endpoint_call_header(&s->out, STR("content-type"), STR("application/json; charset=utf-8"));
    endpoint_call_header(&s->out, STR("aeg-data-version"), STR("1"));
    endpoint_call_header(&s->out, STR("aeg-metadata-version"), STR("1"));
    endpoint_call_header(&s->out, STR("aeg-delivery-count"), STR("0"));
    lane_headers(&s->out, lane->sub, STR("SubscriptionValidation"), &s->arena);
}

static void fill_options(struct shake *s, struct str url)
{
    s->out.call.method = "OPTIONS";
    endpoint_call_header(&s->out, STR("WebHook-Request-Origin"),
                         s->lane->dispatcher->events->options.origin);
    endpoint_call_header(&s->out, STR("WebHook-Request-Callback"), url);
    lane_headers(&s->out, s->lane->sub, STR("SubscriptionValidation"), &s->arena);
}

static void try_once(struct shake *s)
{
    struct dispatcher *d = s->lane->dispatcher;
    struct str url = events_validation_url(d->events, s->lane->sub, &s->arena);

    outbound_call_clear(&s->out.call);
    buf_clear(&s->body);
    endpoint_call_init(&s->out, &d->events->rules, subscription_url(s->lane->sub, &s->arena).ptr,
                       d->events->ca_file);
    if (s->schema == SCHEMA_CLOUD_EVENTS)
        fill_options(s, url);
    else
        fill_validation(s, url);
    s->out.call.done = on_answer;
    s->out.call.ctx = s;
    s->stage = STAGE_CALLING;
    outbound_send(d->events->options.outbound, d->loop, &s->out.call);
}

/* ---- when ---- */

static bool is_new(const struct subscription *s)
{
    return s->state == SUBSCRIPTION_CREATING || s->state == SUBSCRIPTION_UPDATING;
}

static void follow_shake(struct lane *lane)
{
    struct shake *s = lane->shake;
    bool outdated = !lane->sub || lane->sub->version != s->version;

    if (s->stage == STAGE_ENDING)
        return;
    if (outdated && s->stage == STAGE_CALLING)
        outbound_cancel(lane->dispatcher->events->options.outbound, &s->out.call);
    else if (outdated)
        shake_free(s);
    else if (s->stage == STAGE_WAITING && dispatcher_now(lane->dispatcher) >= s->next_try)
        try_once(s);
}

void handshake_turn(struct lane *lane)
{
    const struct subscription *sub = lane->sub;

    if (lane->shake)
        follow_shake(lane);
    if (lane->shake || !sub || lane->deleting || clock_mono() < lane->shake_after)
        return;
    if (is_new(sub))
        try_once(shake_new(lane));
    else if (sub->state == SUBSCRIPTION_AWAITING && dispatcher_now(lane->dispatcher) >= sub->until)
        end_with(shake_new(lane), SUBSCRIPTION_FAILED, STR(TOO_LATE), 0);
}

bool handshake_pending(const struct lane *lane)
{
    return lane->shake ||
           (lane->sub && (is_new(lane->sub) || lane->sub->state == SUBSCRIPTION_AWAITING));
}

void handshakes_stop(struct dispatcher *d)
{
    for (struct list *at = d->lanes.next; at != &d->lanes; at = at->next) {
        struct shake *s = list_entry(at, struct lane, node)->shake;

        if (s && s->stage == STAGE_CALLING)
            outbound_cancel(d->events->options.outbound, &s->out.call);
        else if (s && s->stage == STAGE_WAITING)
            shake_free(s);
    }
}
