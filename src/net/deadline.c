/* Deadlines: one list per kind and lane. All of a kind last equally long, so that a list is in
 * order by itself, setting one costs two pointers, and the sweep looks at heads only. */
#include "net/net_internal.h"

static uint64_t now_ms(const struct net_lane *lane)
{
    return uv_now(loop_engine(lane->loop));
}

void deadline_renew(struct conn *c)
{
    struct net_lane *lane = c->lane;

    c->window_octets = c->deadline == DEADLINE_WRITE ? conn_outstanding(c) : 0;
    c->expires_ms = now_ms(lane) + lane->deadline_ms[c->deadline];
    list_remove(&c->waiting);
    list_add(&lane->waiting[c->deadline], &c->waiting);
}

void deadline_set(struct conn *c, enum deadline kind)
{
    if (kind == c->deadline && kind != DEADLINE_IDLE)
        return;
    c->deadline = (uint8_t)kind;
    if (kind == DEADLINE_NONE)
        list_remove(&c->waiting);
    else
        deadline_renew(c);
}

void deadline_sweep(struct net_lane *lane)
{
    uint64_t now = now_ms(lane);

    for (enum deadline kind = DEADLINE_NONE + 1; kind < DEADLINE_COUNT; kind++) {
        struct list *due = &lane->waiting[kind];

        while (!list_empty(due)) {
            struct conn *c = list_entry(due->next, struct conn, waiting);

            if (c->expires_ms > now)
                break;
            list_remove(&c->waiting);
            conn_expire(c);
        }
    }
}
