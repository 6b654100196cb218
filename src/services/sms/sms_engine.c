/* When the engine looks for what is due, what is forgotten by time, and the engine's own life.
 * Source: wire/sms §3. */
#include "services/sms/sms_engine.h"

#define LOOK_MAX_MS    ((int64_t)250) /* the clock may be moved: no longer while something is open */
#define MS_NS          ((mono_ns)1000 * 1000)
#define LOOK_MIN_NS    (2 * MS_NS)
#define RETRY_STUCK_NS (1000 * MS_NS)
#define TICK_MS        ((uint64_t)60 * 1000)
#define PRUNE_ROWS     1000
#define PRUNE_MS       ((int64_t)60 * 1000)

static void look(struct sms_engine *e);

static void on_timer(void *ctx)
{
    look(ctx);
}

static void schedule(struct sms_engine *e, uint64_t after_ms)
{
    if (atomic_load(&e->running))
        loop_timer_start(e->site->loop, &e->timer, after_ms, 0, on_timer, e);
}

/* When there may be something to do, in milliseconds; SMS_NEVER: when somebody says so. */
static int64_t next_look(const struct sms_engine *e, unix_ms next_due)
{
    int64_t wait;

    if (next_due == SMS_NEVER)
        return e->flights.count ? LOOK_MAX_MS : SMS_NEVER;
    wait = next_due - clock_now(e->site->clock);
    return wait < 1 ? 1 : wait < LOOK_MAX_MS ? wait : LOOK_MAX_MS;
}

void sms_engine_looked(struct sms_engine *e, const struct sms_looked *found)
{
    int64_t wait = found->waits ? LOOK_MAX_MS : next_look(e, found->next_due);

    if (e->again || found->more)
        schedule(e, LOOK_MIN_NS / MS_NS);
    else if (wait != SMS_NEVER)
        schedule(e, (uint64_t)wait);
    e->again = false;
}

/* ---- what is forgotten by time ---- */

static void prune(struct sms_engine *e);

static void on_pruned(void *ctx, enum rc rc, struct change_set *set)
{
    struct sms_engine *e = ctx;

    e->pruning = false;
    if (rc)
        log_warn(e->site->log, "sms.prune_failed", "rc=%s action=trying_again", rc_name(rc));
    else if (set->items[0].out_existed && atomic_load(&e->running))
        prune(e);
}

static void prune(struct sms_engine *e)
{
    const struct sms_options *o = &e->sms->options;
    unix_ms now = clock_now(e->site->clock);

    if (e->pruning)
        return;
    e->pruning = true;
    e->pruned = now;
    e->prune = (struct change){.kind = CHANGE_SMS_PRUNE,
                               .u.sms_prune = {.now = now,
                                               .messages_before = o->keep_ms ? now - o->keep_ms : 0,
                                               .limit = PRUNE_ROWS}};
    e->prune_set = (struct change_set){
        .items = &e->prune, .n = 1, .loop = e->site->loop, .done = on_pruned, .ctx = e};
    store_commit(e->site->store, &e->prune_set);
}

/* By the service's clock, which may be moved. */
static void prune_each_minute(struct sms_engine *e, unix_ms now)
{
    if (now - e->pruned >= PRUNE_MS || now < e->pruned)
        prune(e);
}

/* ---- one look ---- */

static void look(struct sms_engine *e)
{
    unix_ms now;

    if (!atomic_load(&e->running))
        return;
    if (e->look) {
        e->again = true;
        return;
    }
    sms_flights_retry(e);
    sms_ways_follow(e);
    now = clock_now(e->site->clock);
    prune_each_minute(e, now);
    e->looked = clock_mono();
    sms_look_begin(e, now);
}

/* ---- waking ---- */

static void on_woken(void *ctx)
{
    struct sms_engine *e = ctx;
    mono_ns since, least = e->stuck ? RETRY_STUCK_NS : LOOK_MIN_NS;

    atomic_store(&e->woken, false);
    if (!atomic_load(&e->running))
        return;
    since = clock_mono() - e->looked;
    if (since < least) /* however often it is woken meanwhile */
        schedule(e, (least - since) / MS_NS + 1);
    else
        look(e);
}

void sms_engine_wake(struct sms_engine *e)
{
    if (!atomic_load(&e->running) || atomic_exchange(&e->woken, true))
        return;
    loop_post(e->site->loop, &e->wake_task);
}

/* ---- the minute ---- */

static void on_tick(void *ctx)
{
    struct sms_engine *e = ctx;

    prune(e);
    look(e);
}

/* ---- life ---- */

struct sms_engine *sms_engine_new(struct sms *s)
{
    struct sms_engine *e = calloc(1, sizeof *e);

    if (!e)
        abort();
    e->sms = s;
    e->wake_task = (struct loop_task){.run = on_woken, .ctx = e};
    map_init(&e->flights);
    return e;
}

void sms_engine_start(struct sms_engine *e, const struct site *site)
{
    e->site = site;
    atomic_store(&e->running, true);
    loop_timer_start(site->loop, &e->tick, TICK_MS, TICK_MS, on_tick, e);
    schedule(e, 0);
}

void sms_engine_stop(struct sms_engine *e)
{
    if (!atomic_exchange(&e->running, false))
        return;
    loop_timer_close(&e->timer);
    loop_timer_close(&e->tick);
    sms_early_clear(e->sms); /* before the end of what they wait for makes them nobody's */
    sms_ways_close(e);
    sms_flights_clear(e);
}

void sms_engine_free(struct sms_engine *e)
{
    if (!e)
        return;
    sms_ways_free(e);
    map_clear(&e->flights);
    free(e);
}
