/* The shared part of the chat service: made once, lent to every loop. */
#include "services/chat/chat_keeper.h"
#include "services/chat/chat_leavers.h"
#include "services/chat/chat_wire.h"

#include <stdlib.h>

struct chat *chat_new(const struct chat_options *options)
{
    struct chat *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    c->options = *options;
    if (options->limits)
        c->limits = chat_limits_new(options->limits_factor);
    c->keeper = chat_keeper_new(c);
    c->leavers = chat_leavers_new(c);
    return c;
}

void chat_start(struct chat *c, const struct site *site)
{
    chat_keeper_start(c->keeper, site);
    chat_leavers_start(c->leavers, site);
}

void chat_on_commit(struct chat *c, const struct log_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (entries[i].kind == LOG_USER) {
            chat_leavers_wake(c->leavers);
            return;
        }
}

void chat_stop(struct chat *c)
{
    chat_keeper_stop(c->keeper);
    chat_leavers_stop(c->leavers);
}

void chat_free(struct chat *c)
{
    if (!c)
        return;
    chat_keeper_free(c->keeper);
    chat_leavers_free(c->leavers);
    chat_limits_free(c->limits);
    free(c);
}
