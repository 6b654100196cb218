/* Fixed windows of 30 seconds, one per resource. Taken only when limits = azure, which is a test
 * or a production choice: one lock is enough. */
#include "services/limits.h"

#include "base/map.h"
#include "services/answer.h"
#include "services/site.h"

#include <pthread.h>

#define WINDOW_NS ((mono_ns)30 * 1000 * 1000 * 1000)
#define SECOND_NS ((mono_ns)1000 * 1000 * 1000)

static const uint32_t documented[LIMIT_OP_COUNT] = {
    [LIMIT_CREATE] = 1000, [LIMIT_CREATE_WITH_TOKEN] = 1000,
    [LIMIT_ISSUE] = 1000,  [LIMIT_DELETE] = 500,
    [LIMIT_REVOKE] = 500,  [LIMIT_EXCHANGE] = 500,
};

struct window {
    struct uuid resource;
    mono_ns began;
    uint32_t used[LIMIT_OP_COUNT];
};

struct limiter {
    pthread_mutex_t lock;
    struct map windows; /* resource id → struct window */
    uint32_t share[LIMIT_OP_COUNT];
};

struct limiter *limiter_new(double factor)
{
    struct limiter *l = calloc(1, sizeof *l);

    if (!l)
        abort();
    pthread_mutex_init(&l->lock, NULL);
    map_init(&l->windows);
    for (size_t i = 0; i < LIMIT_OP_COUNT; i++) {
        double share = documented[i] * factor;

        l->share[i] = share < 1 ? 1 : share > 1e9 ? 1000000000u : (uint32_t)share;
    }
    return l;
}

void limiter_free(struct limiter *l)
{
    size_t at = 0;
    struct str key;
    void *window;

    if (!l)
        return;
    while (map_next(&l->windows, &at, &key, &window))
        free(window);
    map_clear(&l->windows);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct window *window_of(struct limiter *l, const struct uuid *resource, mono_ns now)
{
    struct window *w = map_get(&l->windows, str_of(resource->octets, sizeof resource->octets));

    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w)
            abort();
        w->resource = *resource;
        w->began = now;
        map_put(&l->windows, str_of(w->resource.octets, sizeof w->resource.octets), w);
    }
    if (now - w->began >= WINDOW_NS) {
        w->began = now;
        memset(w->used, 0, sizeof w->used);
    }
    return w;
}

bool limiter_take(struct limiter *l, const struct uuid *resource, enum limit_op op, mono_ns now,
                  uint32_t *out_retry_s)
{
    struct window *w;
    bool ok;

    pthread_mutex_lock(&l->lock);
    w = window_of(l, resource, now);
    ok = w->used[op] < l->share[op];
    if (ok)
        w->used[op]++;
    else
        *out_retry_s = (uint32_t)((WINDOW_NS - (now - w->began) + SECOND_NS - 1) / SECOND_NS);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

bool limits_allow(struct request *req, enum limit_op op)
{
    struct limiter *l = req->site->shared->limiter;
    const struct principal *p = req->principal;
    const struct resource *r = p && p->resource ? p->resource : req->resource;
    uint32_t retry_s = 0;

    if (!l || limiter_take(l, &r->id, op, clock_mono(), &retry_s))
        return true;
    reply_header(req, STR("Retry-After"), arena_printf(req->arena, "%u", retry_s));
    answer_error(req, &API_TOO_MANY_REQUESTS);
    return false;
}
