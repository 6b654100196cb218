/* From rows that are due to calls. One look at a time, for several lanes together; what may be
 * under way is bounded for each lane and for all. Source: wire/events §3, §6, §7. */
#include "events/dispatcher.h"

#include "events/envelope.h"
#include "events/retry.h"
#include "events/series.h"

#include <stdlib.h>

#define CALLS_MAX       256u /* of all lanes */
#define LANE_CALLS_MAX  16u
#define BATCH_CALLS_MAX 2u /* of a lane that batches */
#define BATCH_MAX       256u
#define OCTETS_MAX      (64 * MIB) /* of bodies under way */
#define TROUBLE_CALLS   2u         /* of a lane whose endpoint fails */
#define LOOK_LANES      32
#define LOOK_ROWS_MAX   1024u
#define OUTCOMES_MAX    ((size_t)2000) /* that wait for the store: beyond, nothing is sent */
#define TROUBLE_MS      ((int64_t)1000)
#define WAITING_MS      ((int64_t)60 * 1000)
#define MINUTE_NS       ((mono_ns)60 * 1000 * 1000 * 1000)

/* ---- calls ---- */

struct post {
    struct endpoint_call out; /* first */
    struct list node;
    struct lane *lane;
    struct uuid resource; /* the subscription may be gone before its answer comes */
    struct arena arena;   /* URL, headers */
    struct buf body;
    struct parcel **parcels;
    size_t n;
};

static void post_free(struct post *p)
{
    struct lane *lane = p->lane;

    list_remove(&p->node);
    lane->calls--;
    lane->dispatcher->calls--;
    lane->dispatcher->octets -= p->body.len;
    outbound_call_clear(&p->out.call);
    buf_clear(&p->body);
    arena_clear(&p->arena);
    free(p);
}

/* Body and answer are no business of ours: a status that came counts, however its body went on. */
static struct attempt attempt_of_call(const struct post *p)
{
    int status = endpoint_call_status(&p->out);

    if (p->out.call.rc == RC_TOO_LARGE && status)
        return (struct attempt){RC_OK, status, NULL};
    return (struct attempt){p->out.call.rc, p->out.call.status, p->out.call.reason};
}

static void note_health(struct lane *lane, const struct attempt *a, unix_ms now)
{
    int64_t pause;

    if (!attempt_blames_endpoint(a)) {
        lane->failures = 0;
        return;
    }
    lane->failures++;
    pause = retry_protection_ms(lane->failures);
    if (pause) {
        lane->blocked_until = now + pause;
        log_debug(lane->dispatcher->events->options.log, "events.endpoint_left_alone",
                  "failures=%u ms=%lld", lane->failures, (long long)pause);
    }
}

static void plan_parcel(struct parcel *parcel, const struct attempt *a, unix_ms now)
{
    struct lane *lane = parcel->lane;
    struct attempt_of of = {parcel->attempts, parcel->published, lane->sub->attempts_max,
                            lane->sub->ttl_minutes};
    struct retry_plan plan =
        retry_decide(a, &of, now, dispatcher_random(lane->dispatcher), &parcel->arena);

    parcel->step.to = plan.to;
    parcel->step.due = plan.due;
    parcel->step.outcome = plan.outcome;
    parcel->step.attempts = parcel->attempts;
    parcel->step.last_attempt = now;
}

static void on_posted(void *ctx, struct outbound_call *call)
{
    struct post *p = ctx;
    struct lane *lane = p->lane;
    struct dispatcher *d = lane->dispatcher;
    struct attempt a = attempt_of_call(p);
    unix_ms now = dispatcher_now(d);
    bool counts = lane->sub && !d->stopping; /* else: to nobody any more, or it goes again */

    (void)call;
    if (counts)
        note_health(lane, &a, now);
    for (size_t i = 0; i < p->n; i++) {
        if (counts) {
            plan_parcel(p->parcels[i], &a, now);
            outcomes_add(d, p->parcels[i]);
        } else {
            parcel_free(p->parcels[i]);
        }
    }
    post_free(p);
    lane->stale = true; /* there is room again */
    dispatcher_turn(d);
}

void lane_headers(struct endpoint_call *c, const struct subscription *s, struct str event_type,
                  struct arena *arena)
{
    char *name = arena_alloc(arena, s->name.len + 1);

    for (size_t i = 0; i < s->name.len; i++)
        name[i] = (char)(s->name.ptr[i] >= 'a' && s->name.ptr[i] <= 'z' ? s->name.ptr[i] - 'a' + 'A'
                                                                        : s->name.ptr[i]);
    endpoint_call_header(c, STR("aeg-event-type"), event_type);
    endpoint_call_header(c, STR("aeg-subscription-name"), str_of(name, s->name.len));
    for (size_t i = 0; i < s->headers_n; i++)
        endpoint_call_header(c, arena_dup(arena, s->headers[i].name),
                             arena_dup(arena, s->headers[i].value));
}

static uint32_t attempts_before(const struct post *p)
{
    uint32_t most = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->parcels[i]->attempts - 1 > most)
            most = p->parcels[i]->attempts - 1;
    return most;
}

static void notification_headers(struct post *p, const struct event_row *first)
{
    const struct subscription *s = p->lane->sub;
    bool cloud = s->schema == SCHEMA_CLOUD_EVENTS;

    endpoint_call_header(&p->out, STR("content-type"),
                         envelope_content_type(s->schema, s->batch_max > 1));
    endpoint_call_header(&p->out, STR("aeg-delivery-count"),
                         arena_printf(&p->arena, "%u", attempts_before(p)));
    endpoint_call_header(&p->out, STR("aeg-metadata-version"), cloud ? STR("1.0") : STR("1"));
    if (!cloud)
        endpoint_call_header(&p->out, STR("aeg-data-version"), STR("1.0"));
    else
        endpoint_call_header(&p->out, STR("origin"), p->lane->dispatcher->events->options.origin);
    if (p->n == 1)
        endpoint_call_header(&p->out, STR("aeg-output-event-id"),
                             arena_dup(&p->arena, first->event_id));
    lane_headers(&p->out, s, STR("Notification"), &p->arena);
}

static void make_body(struct post *p, struct str topic, const struct event_row *const *rows)
{
    const struct subscription *s = p->lane->sub;
    const struct envelope e = {s->schema, s->batch_max > 1, topic};
    size_t max = KIB;

    for (size_t i = 0; i < p->n; i++)
        max += envelope_size(rows[i]) + 6 * topic.len;
    buf_init(&p->body, max);
    envelope_body(&p->body, &e, rows, p->n);
    if (p->body.failed)
        abort(); /* no memory */
    p->lane->dispatcher->octets += p->body.len;
}

/* One call with `n` rows, each of which becomes a parcel. */
static void send_post(struct lane *lane, struct str topic, const struct event_row *const *rows,
                      size_t n)
{
    struct dispatcher *d = lane->dispatcher;
    const struct subscription *s = lane->sub;
    struct post *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    arena_init(&p->arena);
    p->lane = lane;
    p->resource = s->resource;
    p->n = n;
    p->parcels = arena_array(&p->arena, struct parcel *, n);
    for (size_t i = 0; i < n; i++) {
        p->parcels[i] = parcel_new(lane, rows[i]);
        p->parcels[i]->attempts++;
    }
    make_body(p, topic, rows);
    endpoint_call_init(&p->out, &d->events->rules, subscription_url(s, &p->arena).ptr,
                       d->events->ca_file);
    notification_headers(p, rows[0]);
    p->out.call.body = buf_str(&p->body);
    p->out.call.done = on_posted;
    p->out.call.ctx = p;
    list_add(&d->posts, &p->node);
    lane->calls++;
    d->calls++;
    if (s->rate)
        lane->rate_next = clock_mono() + MINUTE_NS / s->rate;
    outbound_send(d->events->options.outbound, d->loop, &p->out.call);
}

/* ---- what a lane may send ---- */

static unsigned calls_allowed(const struct lane *lane)
{
    if (lane->sub->rate || lane->blocked_until)
        return 1; /* paced, or tried out */
    if (lane->failures)
        return TROUBLE_CALLS;
    return lane->sub->batch_max > 1 ? BATCH_CALLS_MAX : LANE_CALLS_MAX;
}

/* What is under way for the lane's resource leaves a quarter of the room to other resources. */
static bool resource_has_room(const struct lane *lane)
{
    struct list *posts = &lane->dispatcher->posts;
    unsigned calls = 0;
    size_t octets = 0;

    for (struct list *at = posts->next; at != posts; at = at->next) {
        const struct post *p = list_entry(at, struct post, node);

        if (!uuid_eq(&p->resource, &lane->sub->resource))
            continue;
        calls++;
        octets += p->body.len;
    }
    return calls < CALLS_MAX / 4 * 3 && octets < OCTETS_MAX / 4 * 3;
}

/* Half of the room is for first calls of lanes that don't fail: endpoints that let us wait, however
 * many events they have, leave it to the others. So does one resource, however many endpoints it
 * has. */
static bool has_room(const struct lane *lane)
{
    const struct dispatcher *d = lane->dispatcher;

    if (d->calls < CALLS_MAX / 2 && d->octets < OCTETS_MAX / 2)
        return true;
    return d->calls < CALLS_MAX && d->octets < OCTETS_MAX && !lane->calls && !lane->failures &&
           resource_has_room(lane);
}

/* How many calls may begin on it now. */
static unsigned calls_free(const struct lane *lane)
{
    const struct dispatcher *d = lane->dispatcher;
    unsigned allowed = calls_allowed(lane);

    if (lane->calls >= allowed || !has_room(lane) || d->save_after || d->outcomes_n >= OUTCOMES_MAX)
        return 0;
    if (lane->sub->rate && clock_mono() < lane->rate_next)
        return 0;
    return allowed - lane->calls;
}

static uint32_t batch_of(const struct subscription *s)
{
    return s->batch_max < BATCH_MAX ? s->batch_max : BATCH_MAX;
}

/* A block that the clock's movement made senseless ends, too. */
static bool is_blocked(struct lane *lane, unix_ms now)
{
    if (lane->blocked_until && lane->failures == 0)
        lane->blocked_until = 0;
    return lane->blocked_until > now &&
           lane->blocked_until - now <= retry_protection_ms(UINT32_MAX);
}

static bool wants_look(struct lane *lane, unix_ms now)
{
    if (!lane->sub || lane->deleting || !(lane->stale || now >= lane->next_due))
        return false;
    if (!subscription_collects(lane->sub)) {
        lane->stale = false; /* nothing is kept for it, or it has to be created anew */
        lane->next_due = NEVER;
        return false;
    }
    if (lane->sub->state != SUBSCRIPTION_SUCCEEDED)
        return now >= lane->next_due || lane->next_due == NEVER;
    return !is_blocked(lane, now) && calls_free(lane) > 0;
}

/* ---- looks ---- */

struct look {
    struct dispatcher *d;
    struct arena arena;
    struct look_item {
        struct uuid subscription;
        struct event_query query;
        struct event_page page;
        enum rc rc;
    } items[LOOK_LANES];
    size_t n;
};

/* On the pool. */
static void read_due(void *ctx, struct store_reader *r)
{
    struct look *look = ctx;

    for (size_t i = 0; i < look->n; i++) {
        struct look_item *item = &look->items[i];

        item->rc = r ? store_list_events(r, &item->query, &look->arena, &item->page) : RC_IO;
    }
}

/* Its time is over before an attempt. */
static void expire(struct lane *lane, const struct event_row *row)
{
    struct parcel *p = parcel_new(lane, row);
    struct str last, reason;
    struct retry_plan plan;

    outcome_split(row->outcome, &last, &reason);
    plan = retry_expired(last, &p->arena);
    p->step.to = plan.to;
    p->step.outcome = plan.outcome;
    outcomes_add(lane->dispatcher, p);
}

/* Rows of a page that are to go, in the order they are due. */
struct load {
    const struct event_row **rows;
    size_t n;
};

/* True: what is behind the page is not due, or waits until a series before it is unfolded. */
static bool sort_out(struct lane *lane, const struct event_page *page, unix_ms now,
                     struct load *load)
{
    bool waiting = lane->sub->state != SUBSCRIPTION_SUCCEEDED;

    for (size_t i = 0; i < page->n; i++) {
        const struct event_row *row = &page->rows[i];

        if (map_get(&lane->parcels, str_of(&row->id, sizeof row->id)))
            continue;
        if (row->due > now) {
            if (row->due < lane->next_due)
                lane->next_due = row->due;
            return true;
        }
        if (series_is_row(row)) {
            unfolding_begin(lane, row);
            return true;
        }
        if (retry_is_expired(row->published, lane->sub->ttl_minutes, now))
            expire(lane, row);
        else if (!waiting)
            load->rows[load->n++] = row;
    }
    return !page->more;
}

/* So many of the rows as fit into one call. */
static size_t fitting(const struct subscription *s, const struct event_row *const *rows, size_t n)
{
    size_t most = batch_of(s), room = (size_t)s->batch_kib * KIB, taken = 0;

    while (taken < n && taken < most) {
        size_t size = envelope_size(rows[taken]);

        if (taken && size > room)
            break;
        room = size > room ? 0 : room - size;
        taken++;
    }
    return taken;
}

static void dispatch(struct lane *lane, const struct load *load, struct arena *arena)
{
    struct str topic = events_topic(lane->dispatcher->events, &lane->sub->resource, arena);
    size_t at = 0;

    if (!topic.len)
        return;
    while (at < load->n && calls_free(lane)) {
        size_t n = fitting(lane->sub, load->rows + at, load->n - at);

        send_post(lane, topic, load->rows + at, n);
        at += n;
    }
    if (at < load->n)
        lane->stale = true; /* they wait for room */
}

static void take_page(struct lane *lane, const struct look_item *item, struct arena *arena,
                      unix_ms now)
{
    struct load load = {.rows = arena_array(arena, const struct event_row *, item->page.n + 1)};

    if (item->rc) {
        lane->next_due = now + TROUBLE_MS;
        return;
    }
    /* A page of parcels alone: the lane is looked at again when one of them is settled. */
    if (!sort_out(lane, &item->page, now, &load) && load.n)
        lane->stale = true;
    if (lane->sub->state != SUBSCRIPTION_SUCCEEDED) {
        lane->stale = false;
        lane->next_due = now + WAITING_MS; /* whose time is over by then */
        return;
    }
    if (!is_blocked(lane, now))
        dispatch(lane, &load, arena);
    else if (load.n)
        lane->stale = true;
}

static void after_look(void *ctx)
{
    struct look *look = ctx;
    struct dispatcher *d = look->d;
    unix_ms now = dispatcher_now(d);

    d->look = NULL;
    for (size_t i = 0; i < look->n && !d->stopping; i++) {
        const struct look_item *item = &look->items[i];
        struct lane *lane =
            map_get(&d->lanes_by_id, str_of(&item->subscription, sizeof item->subscription));

        if (lane && lane->sub && subscription_collects(lane->sub))
            take_page(lane, item, &look->arena, now);
    }
    arena_clear(&look->arena);
    free(look);
    outcomes_forget(d);
    dispatcher_turn(d);
}

static void add_item(struct look *look, struct lane *lane)
{
    uint64_t limit = lane->parcels.count + 1 + (uint64_t)calls_free(lane) * batch_of(lane->sub);

    look->items[look->n++] = (struct look_item){
        .subscription = lane->id,
        .query = {.what = EVENT_LIST_DUE,
                  .subscription = lane->id,
                  .now = NEVER, /* also what is due later: when to look again */
                  .limit = limit < LOOK_ROWS_MAX ? (uint32_t)limit : LOOK_ROWS_MAX},
    };
    lane->stale = false;
    lane->next_due = NEVER;
}

void deliveries_look(struct dispatcher *d)
{
    unix_ms now = dispatcher_now(d);
    struct look *look;
    struct list *first = d->lanes.next;

    if (d->look || list_empty(&d->lanes))
        return;
    look = calloc(1, sizeof *look);
    if (!look)
        abort();
    look->d = d;
    arena_init(&look->arena);
    for (struct list *at = first; at != &d->lanes && look->n < LOOK_LANES; at = at->next) {
        struct lane *lane = list_entry(at, struct lane, node);

        if (wants_look(lane, now))
            add_item(look, lane);
    }
    if (!look->n) {
        free(look);
        return;
    }
    list_remove(first); /* the next look begins with another one */
    list_add(&d->lanes, first);
    d->look = look;
    store_on_pool(d->events->options.store, d->loop, read_due, after_look, look);
}

void deliveries_stop(struct dispatcher *d)
{
    for (struct list *at = d->posts.next; at != &d->posts; at = at->next)
        outbound_cancel(d->events->options.outbound, &list_entry(at, struct post, node)->out.call);
}
