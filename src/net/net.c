/* The whole and its lanes: what is shared, what each loop has, and how it all comes to an end. */
#include "base/poison.h"
#include "net/net_internal.h"

#define OUT_MAX ((size_t)1 << 30) /* of answers in one buffer: what handlers return is capped */

struct net *net_new(const struct net_options *options)
{
    struct net *net = calloc(1, sizeof *net);

    if (!net)
        abort();
    net->options = *options;
    pthread_mutex_init(&net->lock, NULL);
    pthread_mutex_init(&net->crowd_lock, NULL);
    list_init(&net->doors);
    map_init(&net->crowd);
    snapshot_cell_init(&net->tls);
    net->bio_method = tls_bio_method_new();
    return net;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    while (!list_empty(&net->doors)) {
        struct net_door *door = list_entry(net->doors.next, struct net_door, link);

        list_remove(&door->link);
        door_unref(door);
    }
    crowd_clear(net);
    snapshot_cell_clear(&net->tls);
    tls_bio_method_free(net->bio_method);
    pthread_mutex_destroy(&net->lock);
    pthread_mutex_destroy(&net->crowd_lock);
    free(net->lanes);
    free(net);
}

/* ---- lanes ---- */

static void update_date(struct net_lane *lane)
{
    unix_ms wall = clock_wall();

    if (wall / 1000 == lane->date_second)
        return;
    lane->date_second = wall / 1000;
    time_to_http_date(wall, lane->date);
}

void lane_begin_batch(struct net_lane *lane)
{
    lane->now = clock_now(lane->clock);
    lane->mono = clock_mono();
}

static void resume_listeners(struct net_lane *lane)
{
    lane->some_paused = false;
    pthread_mutex_lock(&lane->net->lock);
    for (struct list *at = lane->listeners.next; at != &lane->listeners; at = at->next)
        listener_resume(list_entry(at, struct listener, link));
    pthread_mutex_unlock(&lane->net->lock);
}

static void sweep(void *ctx)
{
    struct net_lane *lane = ctx;

    update_date(lane);
    lane_begin_batch(lane);
    deadline_sweep(lane);
    if (lane->some_paused)
        resume_listeners(lane);
}

static void take_list(struct list *from, struct list *to)
{
    list_init(to);
    while (!list_empty(from)) {
        struct list *node = from->next;

        list_remove(node);
        list_add(to, node);
    }
}

/* What is queued meanwhile waits for its own turn. */
static void run_later(void *ctx)
{
    struct net_lane *lane = ctx;
    struct list resume, notify, flush;

    lane->later_queued = false;
    take_list(&lane->to_resume, &resume);
    take_list(&lane->to_notify, &notify);
    if (!list_empty(&resume))
        lane_begin_batch(lane);
    while (!list_empty(&resume)) {
        struct conn *c = list_entry(resume.next, struct conn, resume);

        list_remove(&c->resume);
        conn_input(c, STR_EMPTY);
        conn_settle(c);
    }
    while (!list_empty(&notify)) {
        struct exchange *ex = list_entry(notify.next, struct exchange, notify);

        list_remove(&ex->notify);
        exchange_notify(ex);
    }
    parked_tell(lane);
    take_list(&lane->to_flush, &flush); /* with what those before it have sent */
    while (!list_empty(&flush))
        ws_flush(ws_conn_of(flush.next));
}

void lane_buf_done(struct buf *b)
{
    if (b->len)
        explicit_bzero(b->ptr, b->len);
    if (b->cap > KEEP_BUFFER)
        buf_clear(b);
    buf_reset(b);
}

void lane_later(struct net_lane *lane)
{
    if (lane->later_queued)
        return;
    lane->later_queued = true;
    loop_defer(lane->loop, &lane->later);
}

static void make_buffers(struct net_lane *lane)
{
    buf_init(&lane->out, OUT_MAX);
    buf_init(&lane->scratch, OUT_MAX);
    buf_init(&lane->wire, OUT_MAX);
    lane->in = malloc(READ_BUFFER);
    lane->items = calloc(HEADERS_MAX, sizeof *lane->items);
    if (!lane->in || !lane->items)
        abort();
}

static void set_deadlines(struct net_lane *lane)
{
    const struct net_limits *limits = &lane->net->options.limits;

    lane->deadline_ms[DEADLINE_HANDSHAKE] = limits->tls_handshake_ms;
    lane->deadline_ms[DEADLINE_IDLE] = limits->idle_timeout_ms;
    lane->deadline_ms[DEADLINE_HEAD] = limits->head_timeout_ms;
    lane->deadline_ms[DEADLINE_BODY] = RATE_WINDOW_MS;
    lane->deadline_ms[DEADLINE_WRITE] = RATE_WINDOW_MS;
    lane->deadline_ms[DEADLINE_LINGER] = LINGER_MS;
    for (size_t i = 0; i < DEADLINE_COUNT; i++)
        list_init(&lane->waiting[i]);
}

static void make_id_text(struct net_lane *lane)
{
    struct uuid id = uuid_random();

    id.octets[6] = (uint8_t)(0x80 | (id.octets[6] & 0x0F)); /* version 8: ours (RFC 9562 5.8) */
    uuid_format(&id, lane->id_text);
}

static void add_lane(struct net *net, struct net_lane *lane)
{
    struct net_lane **lanes;

    pthread_mutex_lock(&net->lock);
    /* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    lanes = realloc(net->lanes, (net->n_lanes + 1) * sizeof *lanes);
    if (!lanes)
        abort();
    lanes[net->n_lanes++] = lane;
    net->lanes = lanes;
    pthread_mutex_unlock(&net->lock);
}

static void drain_lane(void *ctx);

struct net_lane *net_lane_new(struct net *net, struct loop *loop, void *lane_ctx,
                              const struct site *site, struct clock *clock)
{
    struct net_lane *lane = calloc(1, sizeof *lane);

    if (!lane)
        abort();
    lane->net = net;
    lane->loop = loop;
    lane->ctx = lane_ctx;
    lane->site = site;
    lane->clock = clock;
    list_init(&lane->listeners);
    list_init(&lane->conns);
    list_init(&lane->exchanges);
    list_init(&lane->to_resume);
    list_init(&lane->to_notify);
    list_init(&lane->to_flush);
    list_init(&lane->parked);
    list_init(&lane->to_tell);
    lane->later = (struct loop_task){.run = run_later, .ctx = lane};
    lane->drain_task = (struct loop_task){.run = drain_lane, .ctx = lane};
    make_buffers(lane);
    set_deadlines(lane);
    make_id_text(lane);
    update_date(lane);
    lane_begin_batch(lane);
    loop_timer_start(loop, &lane->sweep, SWEEP_MS, SWEEP_MS, sweep, lane);
    add_lane(net, lane);
    return lane;
}

static void free_spares(struct net_lane *lane)
{
    while (lane->spare) {
        struct exchange *ex = lane->spare;

        lane->spare = ex->next_spare;
        arena_clear(&ex->arena);
        free(ex);
    }
}

static void stop_listeners(struct net_lane *lane)
{
    pthread_mutex_lock(&lane->net->lock);
    for (struct list *at = lane->listeners.next; at != &lane->listeners; at = at->next)
        listener_stop(list_entry(at, struct listener, link));
    pthread_mutex_unlock(&lane->net->lock);
}

void net_lane_cut(struct net_lane *lane)
{
    lane->draining = lane->quiet = lane->parting = lane->drained = true; /* nobody waits for that */
    stop_listeners(lane);
    while (!list_empty(&lane->conns))
        conn_close(list_entry(lane->conns.next, struct conn, all));
}

void net_lane_free(struct net_lane *lane)
{
    if (!lane)
        return;
    net_lane_cut(lane);
    while (!list_empty(&lane->to_flush))
        ws_flush(ws_conn_of(lane->to_flush.next)); /* its peer was gone before it began */
    while (!list_empty(&lane->parked))
        parked_abandon(lane->parked.next);
    while (!list_empty(&lane->exchanges))
        exchange_abandon(list_entry(lane->exchanges.next, struct exchange, all));
    while (!list_empty(&lane->listeners))
        listener_release(list_entry(lane->listeners.next, struct listener, link));
    free_spares(lane);
    loop_timer_close(&lane->sweep);
    loop_timer_close(&lane->grace);
    loop_timer_close(&lane->patience);
    snapshot_view_clear(&lane->tls);
    buf_wipe(&lane->out);
    buf_wipe(&lane->scratch);
    buf_wipe(&lane->wire);
    ws_readers_clear(&lane->ws_readers);
    UNPOISON(lane->in, READ_BUFFER);
    explicit_bzero(lane->in, READ_BUFFER);
    free(lane->in);
    if (lane->plain) {
        UNPOISON(lane->plain, PLAIN_BUFFER);
        explicit_bzero(lane->plain, PLAIN_BUFFER);
    }
    free(lane->plain);
    free(lane->items);
    free(lane);
}

/* ---- draining ---- */

void lane_check_drained(struct net_lane *lane)
{
    struct net *net = lane->net;

    if (!lane->draining || lane->drained || !list_empty(&lane->conns))
        return;
    lane->drained = true;
    loop_timer_close(&lane->grace);
    loop_timer_close(&lane->patience);
    if (atomic_fetch_sub(&net->lanes_left, 1) == 1)
        loop_post(net->lanes[0]->loop, &net->drained);
}

static void end_grace(void *ctx)
{
    struct net_lane *lane = ctx;

    while (!list_empty(&lane->conns))
        conn_abort(list_entry(lane->conns.next, struct conn, all));
}

/* Each lane hears of it behind what the requests in flight have told it. */
void lane_check_quiet(struct net_lane *lane)
{
    struct net *net = lane->net;

    if (!lane->draining || lane->quiet || !list_empty(&lane->exchanges))
        return;
    lane->quiet = true;
    if (atomic_fetch_sub(&net->lanes_busy, 1) != 1)
        return;
    for (size_t i = 0; i < net->n_lanes; i++)
        loop_post(net->lanes[i]->loop, &net->lanes[i]->farewell_task);
}

static void drain_conns(struct net_lane *lane)
{
    struct list *at, *next;

    for (at = lane->conns.next; at != &lane->conns; at = next) {
        next = at->next;
        conn_drain(list_entry(at, struct conn, all));
    }
}

static void part(void *ctx)
{
    struct net_lane *lane = ctx;
    const struct net_handler *handler = lane->net->options.handler;

    if (lane->parting)
        return;
    lane->parting = true;
    loop_timer_close(&lane->patience);
    if (handler->farewell)
        handler->farewell(lane->ctx);
    drain_conns(lane);
}

static void drain_lane(void *ctx)
{
    struct net_lane *lane = ctx;

    lane->draining = true;
    lane->farewell_task = (struct loop_task){.run = part, .ctx = lane};
    loop_timer_start(lane->loop, &lane->grace, lane->grace_ms, 0, end_grace, lane);
    loop_timer_start(lane->loop, &lane->patience,
                     lane->grace_ms < PATIENCE_MS ? lane->grace_ms / 2 : PATIENCE_MS, 0, part,
                     lane);
    stop_listeners(lane);
    drain_conns(lane);
    lane_check_quiet(lane);
    lane_check_drained(lane);
}

void net_drain(struct net *net, uint32_t grace_ms, loop_fn done, void *ctx)
{
    if (atomic_exchange(&net->draining, true))
        return;
    net->drained = (struct loop_task){.run = done, .ctx = ctx};
    atomic_store(&net->lanes_left, net->n_lanes);
    atomic_store(&net->lanes_busy, net->n_lanes);
    for (size_t i = 0; i < net->n_lanes; i++) {
        net->lanes[i]->grace_ms = grace_ms;
        loop_post(net->lanes[i]->loop, &net->lanes[i]->drain_task);
    }
}

/* ---- figures ---- */

static uint64_t read_figure(const _Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

void net_figures(const struct net *net, struct net_figures *out)
{
    *out = (struct net_figures){0};
    for (size_t i = 0; i < net->n_lanes; i++) {
        const struct lane_figures *f = &net->lanes[i]->figures;
        uint64_t closed = read_figure(&f->closed), tls_closed = read_figure(&f->tls_closed);
        uint64_t ws_closed = read_figure(&f->ws_closed);

        out->accepted += read_figure(&f->accepted);
        out->open += read_figure(&f->accepted) - closed;
        out->tls_open += read_figure(&f->tls_accepted) - tls_closed;
        out->ws_open += read_figure(&f->ws_opened) - ws_closed;
        out->refused_full += read_figure(&f->refused_full);
        out->requests += read_figure(&f->requests);
        out->bytes_in += read_figure(&f->bytes_in);
        out->bytes_out += read_figure(&f->bytes_out);
        out->handshakes += read_figure(&f->handshakes);
        out->handshakes_failed += read_figure(&f->handshakes_failed);
        out->framing_refused += read_figure(&f->framing_refused);
        out->timed_out += read_figure(&f->timed_out);
    }
}
