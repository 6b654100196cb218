/* The live connections of one loop: found by their ids, counted, drained. What a connection speaks
 * is its protocol's business; who hears what is the hub's. */
#include "services/chat/sessions.h"

#include "base/map.h"
#include "services/site.h"

#define TEXT_MAX (4 * MIB) /* of a notice in any form: its parts have limits of their own */

/** A notice in the words of one form. */
struct text {
    const struct chat_notice *of; /* NULL: of none; referenced */
    struct buf buf;
};

struct protocol {
    struct map by_id;
    void *state;
    void (*free_state)(void *state);
};

struct sessions {
    struct sessions_options options;
    size_t index;
    bool draining;
    struct protocol protocols[SESSION_PROTOCOLS];
    struct text texts[SESSION_FORMS];
    struct {
        _Atomic uint64_t open[SESSION_PROTOCOLS], opened[SESSION_PROTOCOLS];
        _Atomic uint64_t refused, denied, expired, slow;
    } figures;
};

/* ---- figures: one thread writes ---- */

static uint64_t value(const _Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

static void add(_Atomic uint64_t *figure)
{
    atomic_store_explicit(figure, value(figure) + 1, memory_order_relaxed);
}

void sessions_count_slow(struct sessions *h)
{
    add(&h->figures.slow);
}

void sessions_figures(const struct sessions *h, struct sessions_figures *out)
{
    for (size_t i = 0; i < SESSION_PROTOCOLS; i++) {
        out->open[i] += value(&h->figures.open[i]);
        out->opened[i] += value(&h->figures.opened[i]);
    }
    out->refused += value(&h->figures.refused);
    out->denied += value(&h->figures.denied);
    out->expired += value(&h->figures.expired);
    out->slow += value(&h->figures.slow);
}

/* ---- the table ---- */

static struct protocol *protocol_of(const struct session *s)
{
    return &s->home->protocols[s->ops->protocol];
}

static struct str id_text(const struct uuid *id)
{
    return str_of(id, sizeof *id);
}

static void count_open(struct session *s)
{
    atomic_store_explicit(&s->home->figures.open[s->ops->protocol], protocol_of(s)->by_id.count,
                          memory_order_relaxed);
}

static void take_out(struct session *s)
{
    (void)map_remove(&protocol_of(s)->by_id, id_text(&s->id)); /* it is `s` */
    count_open(s);
    s->home = NULL;
}

/* ---- what the hub tells ---- */

static struct session *session_of(struct hub_listener *l)
{
    return (struct session *)l; /* its first member */
}

static void on_ready(struct hub_listener *l, int64_t order)
{
    struct session *s = session_of(l);

    s->ops->ready(s, order);
}

static void on_deliver(struct hub_listener *l, const struct notice *n)
{
    struct session *s = session_of(l);

    s->ops->deliver(s, (const struct chat_notice *)n);
}

static void on_ended(struct hub_listener *l, enum hub_end why)
{
    struct session *s = session_of(l);

    if (why == HUB_DENIED)
        add(&s->home->figures.denied);
    if (why == HUB_EXPIRED)
        add(&s->home->figures.expired);
    take_out(s);
    s->ops->ended(s, why);
}

static const struct hub_listener_ops listener_ops = {on_ready, on_deliver, on_ended};

/* ---- sessions ---- */

static void stand_on(struct session *s, const struct principal *p)
{
    s->standing = p->standing;
    s->scopes = p->scopes;
    s->listener.user = p->user;
    s->listener.expires = p->expires;
    s->listener.standing = &s->standing;
}

enum rc sessions_open(struct sessions *h, struct session *s, const struct principal *p)
{
    static const struct uuid none;
    enum rc rc = h->draining ? RC_BUSY : RC_OK;

    if (uuid_eq(&s->id, &none))
        s->id = uuid_random();
    if (!rc && map_get(&h->protocols[s->ops->protocol].by_id, id_text(&s->id)))
        return RC_CONFLICT;
    s->home = h;
    s->listener.ops = &listener_ops;
    stand_on(s, p);
    if (!rc)
        rc = hub_attach(h->options.hub, &s->listener);
    if (rc) {
        s->home = NULL;
        add(&h->figures.refused);
        return rc;
    }
    (void)map_put(&protocol_of(s)->by_id, id_text(&s->id), s); /* there was none */
    count_open(s);
    add(&h->figures.opened[s->ops->protocol]);
    return RC_OK;
}

void sessions_close(struct session *s)
{
    if (!s->home)
        return;
    hub_detach(s->home->options.hub, &s->listener);
    take_out(s);
}

enum rc sessions_renew(struct session *s, const struct principal *p)
{
    if (!uuid_eq(&p->user.user, &s->listener.user.user) ||
        !uuid_eq(&p->user.resource, &s->listener.user.resource))
        return RC_DENIED;
    stand_on(s, p);
    if (s->home)
        hub_renewed(s->home->options.hub, &s->listener);
    return RC_OK;
}

/* ---- texts ---- */

/* The reference keeps another notice from getting the same address. */
static void forget_text(struct text *t)
{
    notice_unref(t->of ? &t->of->base : NULL);
    t->of = NULL;
    if (t->buf.cap > 64 * KIB)
        buf_clear(&t->buf);
    else
        buf_reset(&t->buf);
}

struct str sessions_text(struct sessions *h, const struct chat_notice *n, unsigned form,
                         void (*render)(const struct chat_notice *n, struct buf *out))
{
    struct text *t = &h->texts[form];

    if (t->of != n) {
        forget_text(t);
        t->buf.max = TEXT_MAX;
        render(n, &t->buf);
        t->of = (const struct chat_notice *)notice_ref(&n->base);
    }
    return t->buf.failed ? STR_EMPTY : buf_str(&t->buf);
}

/* ---- what a protocol keeps ---- */

void *sessions_state(const struct sessions *h, enum session_protocol protocol)
{
    return h->protocols[protocol].state;
}

void sessions_state_set(struct sessions *h, enum session_protocol protocol, void *state,
                        void (*free_state)(void *state))
{
    h->protocols[protocol].state = state;
    h->protocols[protocol].free_state = free_state;
}

/* ---- the whole ---- */

struct sessions *sessions_new(const struct sessions_options *options)
{
    struct sessions *h = calloc(1, sizeof *h);

    if (!h)
        abort();
    h->options = *options;
    h->index = loop_index(options->site->loop);
    for (size_t i = 0; i < SESSION_PROTOCOLS; i++)
        map_init(&h->protocols[i].by_id);
    return h;
}

void sessions_free(struct sessions *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < SESSION_PROTOCOLS; i++) {
        struct protocol *p = &h->protocols[i];

        if (p->free_state)
            p->free_state(p->state);
        map_clear(&p->by_id);
    }
    for (size_t i = 0; i < SESSION_FORMS; i++) {
        forget_text(&h->texts[i]);
        buf_clear(&h->texts[i].buf);
    }
    free(h);
}

struct sessions *sessions_at(const struct sessions *h, size_t index)
{
    return h->options.all[index];
}

size_t sessions_loops(const struct sessions *h)
{
    return h->options.n;
}

size_t sessions_index(const struct sessions *h)
{
    return h->index;
}

const struct sessions_options *sessions_options(const struct sessions *h)
{
    return &h->options;
}

void sessions_drain(struct sessions *h)
{
    h->draining = true;
    hub_drain(h->options.hub);
}

bool sessions_draining(const struct sessions *h)
{
    return h->draining;
}
