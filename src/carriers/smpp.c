/* SMPP 3.4 straight to a carrier: the table of its functions, and time.
 *
 * One transceiver connection, or a transmitter and a receiver, kept up as long as the transport is
 * there. Messages are the engine's; what is here is lost in a crash without harm, since nothing is
 * acknowledged to either side before the other has it. Source: wire/smpp §5. */
#include "carriers/smpp_private.h"

static const char *const secret_members[] = {"password", NULL};

/* ---- time ---- */

void smpp_touch(struct smpp *c)
{
    if (!c->now_is_set)
        c->now = clock_mono() / 1000000;
}

void smpp_set_time(struct carrier *carrier, uint64_t ms)
{
    struct smpp *c = (struct smpp *)carrier;

    c->now_is_set = true;
    c->now = ms;
}

void smpp_tick(struct smpp *c)
{
    smpp_touch(c);
    smpp_links_tick(c);
    smpp_window_tick(c);
    smpp_concat_tick(c);
    smpp_pump(c);
    smpp_tell(c);
}

static void on_timer(void *ctx)
{
    smpp_tick(ctx);
}

void smpp_kick(struct smpp *c, uint64_t ms)
{
    loop_timer_start(c->host->loop, &c->kick, ms, 0, on_timer, c);
}

/* ---- the table ---- */

static enum rc check(const json_t *config, const json_t *secrets, struct buf *why)
{
    struct smpp_config unused;
    struct arena arena;
    enum rc rc;

    arena_init(&arena);
    rc = smpp_config_read(config, secrets, &arena, &unused, why);
    arena_clear(&arena);
    return rc;
}

static struct carrier *open_it(const struct carrier_host *host, const json_t *config,
                               const json_t *secrets)
{
    struct smpp *c = calloc(1, sizeof *c);
    struct buf why;
    mono_ns opened;

    if (!c)
        abort();
    c->carrier.ops = &smpp_carrier_ops;
    c->host = host;
    arena_init(&c->arena);
    buf_init(&why, KIB);
    if (smpp_config_read(config, secrets, &c->arena, &c->config, &why))
        abort(); /* it has passed check() */
    buf_clear(&why);
    c->ids = calloc(SMPP_IDS_KEPT, sizeof *c->ids);
    if (!c->ids)
        abort();
    map_init(&c->ids_index);
    c->ids_learnt = c->config.ids;
    list_init(&c->ready);
    list_init(&c->flying);
    list_init(&c->held);
    list_init(&c->finished);
    list_init(&c->acks);
    list_init(&c->partials);
    smpp_links_init(c);
    opened = clock_mono();
    c->long_ref = (uint16_t)hash_keyed(&opened, sizeof opened); /* not the same after each start */
    c->was_full = true;
    loop_timer_start(host->loop, &c->tick, SMPP_TICK_MS, SMPP_TICK_MS, on_timer, c);
    smpp_kick(c, 0);
    return &c->carrier;
}

static void close_it(struct carrier *carrier)
{
    struct smpp *c = (struct smpp *)carrier;

    smpp_touch(c);
    smpp_links_close(c);
    smpp_window_lost(c);
    c->was_full = false; /* nobody is asked for more */
    smpp_tell(c);
    smpp_concat_close(c);
    smpp_inbound_close(c);
    loop_timer_close(&c->tick);
    loop_timer_close(&c->kick);
    map_clear(&c->ids_index);
    free(c->ids);
    arena_clear(&c->arena);
    free(c);
}

static size_t room(const struct carrier *carrier)
{
    return smpp_room((const struct smpp *)carrier);
}

static void submit(struct carrier *carrier, const struct carrier_message *m)
{
    struct smpp *c = (struct smpp *)carrier;

    smpp_touch(c);
    smpp_submit(c, m);
    smpp_kick(c, 0); /* several of one round go out together */
}

/* Of a pair the one that is further behind is what all waits for. */
static void write_state(const struct smpp *c, struct json_writer *w)
{
    static const char *const words[] = {"waiting", "connecting", "binding", "bound"};

    json_member_str(w, "state",
                    str_from(words[c->tx->state < c->rx->state ? c->tx->state : c->rx->state]));
    for (size_t i = 0; c->config.pair && i < c->n_links; i++)
        json_member_str(w, smpp_link_name(&c->links[i]), str_from(words[c->links[i].state]));
}

static void status(const struct carrier *carrier, struct json_writer *w)
{
    const struct smpp *c = (const struct smpp *)carrier;
    const char *problem = c->tx->last_error[0] ? c->tx->last_error : c->rx->last_error;

    write_state(c, w);
    json_member_int(w, "partsInFlight", (int64_t)c->n_flying);
    json_member_int(w, "partsQueued", (int64_t)c->n_ready);
    json_member_int(w, "submitted", (int64_t)c->n_submitted);
    json_member_int(w, "accepted", (int64_t)c->n_accepted);
    json_member_int(w, "rejected", (int64_t)c->n_rejected);
    json_member_int(w, "throttled", (int64_t)c->n_throttled);
    json_member_int(w, "unsure", (int64_t)c->n_unsure);
    json_member_int(w, "receipts", (int64_t)c->n_receipts);
    json_member_int(w, "inbound", (int64_t)c->n_inbound);
    json_member_int(w, "connectionsLost", (int64_t)c->n_lost);
    if (problem[0])
        json_member_str(w, "lastError", str_from(problem));
}

const struct carrier_ops smpp_carrier_ops = {
    .kind = "smpp",
    .check = check,
    .secret_members = secret_members,
    .open = open_it,
    .close = close_it,
    .room = room,
    .submit = submit,
    .status = status,
};
