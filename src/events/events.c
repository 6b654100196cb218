/* Subscriptions in memory, and what becomes of an event that is published. */
#include "events/events.h"

#include "store/change_list.h"

struct events {
    struct events_options options;
};

struct events *events_new(const struct events_options *options)
{
    struct events *e = calloc(1, sizeof *e);

    if (!e)
        abort();
    e->options = *options;
    return e;
}

enum rc events_load(struct events *e, struct store_reader *r)
{
    (void)e;
    (void)r;
    return RC_OK;
}

void events_on_commit(struct events *e, const struct log_entry *entries, size_t n,
                      struct store_reader *r)
{
    (void)e;
    (void)entries;
    (void)n;
    (void)r;
}

bool events_wanted(struct events *e, const struct uuid *resource, struct str type)
{
    (void)e;
    (void)resource;
    (void)type;
    return false;
}

void event_publish(struct events *e, const struct event *event, unix_ms now,
                   struct change_list *changes)
{
    (void)e;
    (void)event;
    (void)now;
    (void)changes;
}

void events_wake(struct events *e)
{
    (void)e;
}

void events_start(struct events *e, struct loop *loop)
{
    (void)e;
    (void)loop;
}

void events_stop(struct events *e)
{
    (void)e;
}

void events_free(struct events *e)
{
    free(e);
}
