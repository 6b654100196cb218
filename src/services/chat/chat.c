/* The shared part of the chat service: made once, lent to every loop. */
#include "services/chat/chat_keeper.h"
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
    return c;
}

void chat_start(struct chat *c, const struct site *site)
{
    chat_keeper_start(c->keeper, site);
}

void chat_stop(struct chat *c)
{
    chat_keeper_stop(c->keeper);
}

void chat_free(struct chat *c)
{
    if (!c)
        return;
    chat_keeper_free(c->keeper);
    chat_limits_free(c->limits);
    free(c);
}
