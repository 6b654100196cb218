/* The threads of a user by activity, newest first: a page of them.
 *
 * Every message moves its thread to the top for each who is in it, up to 250: an index in this
 * order would cost each of them a row per message. So a page looks at all places of the user, but
 * in two narrow trees, of which it keeps two numbers each; a heap gives the newest of them, and
 * only those on the page are read. 20,000 places take some 6 ms, a few hundred less than their
 * page. Threads of the same millisecond come in the order of their keys, which are looked up for
 * those that are on the way alone. */
#include "store/sqlite/sqlite_chat.h"

#include <stdlib.h>

struct place {
    unix_ms active;
    int64_t number; /* of the thread */
};

/** A thread that lives. */
struct candidate {
    struct uuid key;
    int64_t number;
};

struct latest {
    struct backend_reader *r;
    uint64_t stamp;
    const struct chat_query *q;
    struct arena *arena;
    struct chat_page *out;
    struct place *heap; /* the newest first */
    size_t n, cap;
    struct candidate *tied; /* of one millisecond, highest key first */
    size_t n_tied, cap_tied;
    size_t cap_threads, cap_members;
};

/* ---- the heap ---- */

static void sift_down(struct place *heap, size_t n, size_t at)
{
    const struct place sinks = heap[at];

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && heap[child + 1].active > heap[child].active;
        if (heap[child].active <= sinks.active)
            break;
        heap[at] = heap[child];
    }
    heap[at] = sinks;
}

static int64_t take_newest(struct latest *l)
{
    int64_t number = l->heap[0].number;

    l->heap[0] = l->heap[--l->n];
    sift_down(l->heap, l->n, 0);
    return number;
}

/* ---- all places ---- */

static bool place_of_user(sqlite3_stmt *st, void *ctx)
{
    struct latest *l = ctx;
    unix_ms left = sqlite3_column_int64(st, 1), active = sqlite3_column_int64(st, 2);

    if (left && l->q->present)
        return true;
    if (left && left < active)
        active = left;
    if (active < l->q->active_from || (l->q->goes_on && active > l->q->active_to))
        return true;
    l->heap = scan_room(l->arena, l->heap, l->n, &l->cap, sizeof *l->heap);
    l->heap[l->n++] = (struct place){active, sqlite3_column_int64(st, 0)};
    return true;
}

static enum rc gather(struct latest *l)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_LIST_CHAT_LATEST);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, &l->q->user);
    rc = reader_walk(l->r, st, place_of_user, l);
    for (size_t at = l->n / 2; at-- > 0;)
        sift_down(l->heap, l->n, at);
    return rc;
}

/* ---- those of one millisecond ---- */

static int highest_key_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return memcmp(&y->key, &x->key, sizeof x->key);
}

/** Adds the thread if it lives, is of the resource and belongs here. */
static enum rc add_tied(struct latest *l, unix_ms active, int64_t number)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_CHAT_KEY);
    struct candidate c = {.number = number};
    enum rc rc;

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, number);
    bind_uuid(st, 2, &l->q->resource);
    rc = reader_step(l->r, st);
    if (rc)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    c.key = column_uuid(st, 0);
    sqlite3_reset(st);
    if (l->q->goes_on && active == l->q->active_to &&
        memcmp(&c.key, &l->q->before, sizeof c.key) >= 0)
        return RC_OK;
    l->tied = scan_room(l->arena, l->tied, l->n_tied, &l->cap_tied, sizeof *l->tied);
    l->tied[l->n_tied++] = c;
    return RC_OK;
}

static enum rc take_tied(struct latest *l)
{
    unix_ms active = l->heap[0].active;
    enum rc rc = RC_OK;

    l->n_tied = 0;
    while (!rc && l->n && l->heap[0].active == active)
        rc = add_tied(l, active, take_newest(l));
    if (!rc && l->n_tied > 1)
        qsort(l->tied, l->n_tied, sizeof *l->tied, highest_key_first);
    return rc;
}

/* ---- the page ---- */

static enum rc add_row(struct latest *l, int64_t number)
{
    sqlite3_stmt *st = reader_stmt(l->r, l->stamp, R_CHAT_PLACE);
    struct chat_page *out = l->out;
    enum rc rc;

    if (!st)
        return RC_IO;
    sqlite3_bind_int64(st, 1, number);
    bind_uuid(st, 2, &l->q->user);
    rc = reader_step(l->r, st);
    if (rc)
        return RC_IO; /* it was there a moment ago, in the same state */
    out->threads = scan_room(l->arena, out->threads, out->n, &l->cap_threads, sizeof *out->threads);
    out->members = scan_room(l->arena, out->members, out->n, &l->cap_members, sizeof *out->members);
    out->threads[out->n] = chat_thread_of(st, l->arena);
    out->members[out->n] =
        chat_member_of(st, CHAT_THREAD_WIDTH, &out->threads[out->n].key, l->arena);
    out->n++;
    sqlite3_reset(st);
    return RC_OK;
}

enum rc list_chat_latest(struct backend_reader *r, uint64_t stamp, const struct chat_query *q,
                         struct arena *arena, struct chat_page *out)
{
    struct latest l = {.r = r, .stamp = stamp, .q = q, .arena = arena, .out = out};
    uint32_t limit = scan_limit(q->limit);
    enum rc rc = gather(&l);

    while (!rc && l.n && !out->more) {
        rc = take_tied(&l);
        for (size_t i = 0; !rc && i < l.n_tied && !out->more; i++) {
            out->more = out->n >= limit;
            rc = out->more ? RC_OK : add_row(&l, l.tied[i].number);
        }
    }
    return rc;
}
