/* One loop's part of the realtime channel: made with its first request, ticking while it has
 * sessions. */
#include "services/chat/trouter_private.h"

#include <stdlib.h>

#define TICK_MS 1000

static void tick(void *ctx)
{
    struct trouter *t = ctx;

    trouter_sessions_tick(t);
    if (list_empty(&t->beats) && list_empty(&t->leaving)) {
        loop_timer_stop(&t->tick);
        t->ticking = false;
    }
}

void trouter_wake(struct trouter *t)
{
    if (t->ticking)
        return;
    t->ticking = true;
    loop_timer_start(t->site->loop, &t->tick, TICK_MS, TICK_MS, tick, t);
}

static void free_state(void *state)
{
    struct trouter *t = state;

    trouter_polls_clear(t);
    map_clear(&t->polls);
    loop_timer_close(&t->tick);
    capsule_key_free(t->key);
    free(t);
}

struct trouter *trouter_of(struct sessions *h)
{
    struct trouter *t = sessions_state(h, SESSION_TROUTER);
    const struct sessions_options *options = sessions_options(h);

    if (t)
        return t;
    t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->sessions = h;
    t->site = options->site;
    t->key = capsule_key_new(options->capsule_key);
    map_init(&t->polls);
    list_init(&t->visits);
    list_init(&t->beats);
    list_init(&t->leaving);
    list_init(&t->aging);
    sessions_state_set(h, SESSION_TROUTER, t, free_state);
    return t;
}
