/* The table of subscriptions. A row that can't be read is left out and counted: one damaged row
 * must not silence the others. */
#include "events/subscriptions.h"

#include "events/handshake.h"

#include <stdlib.h>

/* While the rows are read: a chain, since their number is not known before. */
struct found {
    struct found *next;
    struct subscription s;
};
struct reading {
    struct subscriptions *table;
    const struct master_key *master;
    struct found *first;
};

void subscriptions_free(struct snapshot *snapshot)
{
    struct subscriptions *s = (struct subscriptions *)(void *)snapshot;

    arena_clear(&s->arena);
    free(s);
}

static void take_row(void *ctx, const struct subscription_row *row)
{
    struct reading *r = ctx;
    struct found *f = arena_new(&r->table->arena, struct found);

    if (subscription_read(row, r->master, &r->table->arena, &f->s)) {
        r->table->left_out++;
        return;
    }
    f->next = r->first;
    r->first = f;
    r->table->n++;
}

static int compare(const void *a, const void *b)
{
    const struct subscription *one = a, *two = b;
    int by_resource = name_cmp(str_of(&one->resource, sizeof one->resource),
                               str_of(&two->resource, sizeof two->resource));

    return by_resource ? by_resource : name_cmp(one->name, two->name);
}

enum rc subscriptions_load(struct store_reader *r, const struct master_key *master,
                           struct subscriptions **out)
{
    struct subscriptions *s = calloc(1, sizeof *s);
    struct reading reading = {.table = s, .master = master};
    struct arena scratch;
    size_t i = 0;
    enum rc rc;

    if (!s)
        abort();
    s->snapshot.refs = 1;
    s->snapshot.free = subscriptions_free;
    arena_init(&s->arena);
    arena_init(&scratch);
    rc = store_each_subscription(r, &scratch, take_row, &reading);
    arena_clear(&scratch);
    if (rc) {
        subscriptions_free(&s->snapshot);
        return rc;
    }
    s->items = arena_array(&s->arena, struct subscription, s->n + 1);
    for (const struct found *f = reading.first; f; f = f->next)
        s->items[i++] = f->s;
    if (s->n)
        qsort(s->items, s->n, sizeof *s->items, compare);
    *out = s;
    return RC_OK;
}

void subscriptions_unref(const struct subscriptions *s)
{
    snapshot_unref(s ? (struct snapshot *)(uintptr_t)&s->snapshot : NULL);
}

const struct subscription *subscriptions_of(const struct subscriptions *s,
                                            const struct uuid *resource, size_t *out_n)
{
    const struct subscription *first = NULL;

    *out_n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!uuid_eq(&s->items[i].resource, resource))
            continue;
        if (!first)
            first = &s->items[i];
        (*out_n)++;
    }
    return first;
}

const struct subscription *subscriptions_find(const struct subscriptions *s,
                                              const struct uuid *resource, struct str name)
{
    size_t n;
    const struct subscription *first = subscriptions_of(s, resource, &n);

    for (size_t i = 0; i < n; i++)
        if (name_eq_nocase(first[i].name, name))
            return &first[i];
    return NULL;
}

const struct subscription *subscriptions_by_token(const struct subscriptions *s,
                                                  const struct master_key *master, struct str token,
                                                  unix_ms now)
{
    const struct subscription *found = NULL;

    for (size_t i = 0; i < s->n; i++)
        if (handshake_token_fits(&s->items[i], master, token, now))
            found = &s->items[i];
    return found;
}
