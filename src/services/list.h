/* Lists of our own routes: limit, since, paging, and waiting until enough items are there.
 * Source: wire/administration §1. */
#ifndef SERVICES_LIST_H
#define SERVICES_LIST_H

#include "base/json.h"
#include "services/answer.h"
#include "services/site.h"

#define LIST_LIMIT_MAX ((uint32_t)1000)

struct list_request;
/** Finds the items, into list->scratch, and ends with list_fetched(): now or later. */
typedef void (*list_fetch_fn)(struct list_request *list);
/** Writes the items found last into the open array; the continuation, or empty. */
typedef struct str (*list_write_fn)(struct list_request *list, struct json_writer *w);

/** One list request; embedded in the list's own struct, in the request's arena. */
struct list_request {
    struct request *req;
    uint32_t limit;       /* items of one page */
    struct str after;     /* continuation of a former page; empty: the first */
    struct str since_id;  /* since=, when it is no time */
    unix_ms since;        /* since=, when it is a time: items of then or later; 0: all */
    struct arena scratch; /* what the fetch found; empty while the request is parked */
    /** Instead of {"value":[…]}: writes the whole body and returns the status; 204: none. May be
     * NULL; set it after list_begin(). */
    int (*alone)(struct list_request *list, struct buf *out);
    /* its own */
    list_fetch_fn fetch;
    list_write_fn write;
    uint32_t count;
    bool waiting;
    mono_ns deadline;
    uint64_t seen; /* store_commits() before the last fetch */
    struct loop_timer timer;
};

/** Reads the query; on false 400 has been answered. */
bool list_begin(struct list_request *list, struct request *req, list_fetch_fn fetch,
                list_write_fn write) NODISCARD;
/** Waits so long at most, as wait= would say it. */
void list_wait(struct list_request *list, int64_t ms);
/** Holds the request and fetches; the answer comes from here on without the caller. */
void list_run(struct list_request *list);
/** What a fetch found: `n` items, or why it failed. */
void list_fetched(struct list_request *list, enum rc rc, size_t n);

#endif
