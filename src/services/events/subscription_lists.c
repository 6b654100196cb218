/* Lists: the subscriptions of a resource, what went out for one of them, what died, and how that is
 * given another life. Source: wire/events §1, §8. */
#include "services/events/subscription_handlers.h"

#include "events/envelope.h"
#include "services/body.h"

#include <stdlib.h>

#define REPLAY_IDS_MAX 1000
#define REPLAY_PAGE    250u
#define ITEM_JSON_MAX  ((size_t)8 * MIB)

/* ---- subscriptions ---- */

struct sub_list {
    struct list_request list; /* first */
    const struct subscriptions *table;
    const struct subscription **items;
    size_t n;
    bool more;
};

static int newest_first(const void *a, const void *b)
{
    const struct subscription *one = *(const struct subscription *const *)a;
    const struct subscription *two = *(const struct subscription *const *)b;

    if (one->created != two->created)
        return one->created < two->created ? 1 : -1;
    return name_cmp(one->name, two->name);
}

/* Those after the name that a former page ended with. */
static size_t start_of(const struct sub_list *l)
{
    for (size_t i = 0; l->list.after.len && i < l->n; i++)
        if (name_eq(l->items[i]->name, l->list.after))
            return i + 1;
    return 0;
}

static void fetch_subscriptions(struct list_request *list)
{
    struct sub_list *l = (struct sub_list *)list;
    const struct subscription *first;
    size_t all, start;

    subscriptions_unref(l->table);
    l->table = events_subscriptions(list->req->site->events);
    first = subscriptions_of(l->table, &list->req->principal->resource->id, &all);
    l->items = arena_array(&list->scratch, const struct subscription *, all + 1);
    l->n = 0;
    for (size_t i = 0; i < all; i++)
        if (first[i].created >= list->since)
            l->items[l->n++] = &first[i];
    if (l->n) /* an array of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
        qsort(l->items, l->n, sizeof *l->items, newest_first);
    start = start_of(l);
    l->items += start;
    l->n -= start;
    l->more = l->n > list->limit;
    if (l->more)
        l->n = list->limit;
    list_fetched(list, RC_OK, l->n);
}

static struct str write_subscriptions(struct list_request *list, struct json_writer *w)
{
    struct sub_list *l = (struct sub_list *)list;
    struct str next = STR_EMPTY;

    for (size_t i = 0; i < l->n; i++)
        subscription_write_json(list->req, l->items[i], w);
    if (l->more)
        next = arena_dup(list->req->arena, l->items[l->n - 1]->name);
    subscriptions_unref(l->table);
    l->table = NULL;
    return next;
}

static bool since_is_time(struct list_request *list)
{
    if (!list->since_id.len)
        return true;
    answer_invalid(list->req, STR("since must be an RFC 3339 time."), STR("since"));
    return false;
}

void subscription_list(struct request *req)
{
    struct sub_list *l = arena_new(req->arena, struct sub_list);

    if (list_begin(&l->list, req, fetch_subscriptions, write_subscriptions) &&
        since_is_time(&l->list))
        list_run(&l->list);
}

/* ---- events of a subscription ---- */

struct event_list {
    struct list_request list; /* first */
    struct subscription sub;
    struct event_query query;
    struct event_page page;
    struct uuid since; /* only newer ones; zeros: all */
    bool since_given;
    enum rc rc;
};

/* On the pool. */
static void read_events(void *ctx, struct store_reader *r)
{
    struct event_list *l = ctx;

    l->rc = r ? store_list_events(r, &l->query, &l->list.scratch, &l->page) : RC_IO;
}

static bool is_wanted(const struct event_list *l, const struct event_row *row)
{
    if (l->since_given && memcmp(&row->id, &l->since, sizeof row->id) <= 0)
        return false;
    return row->published >= l->list.since;
}

static void after_read(void *ctx)
{
    struct event_list *l = ctx;
    size_t n = 0, at = 0;

    if (l->rc) {
        list_fetched(&l->list, l->rc, 0);
        return;
    }
    for (; at < l->page.n && is_wanted(l, &l->page.rows[at]); at++)
        if (l->page.rows[at].event_id.len) /* else: no event, but what some are made from */
            l->page.rows[n++] = l->page.rows[at];
    if (at < l->page.n)
        l->page.more = false;
    l->page.n = n;
    list_fetched(&l->list, RC_OK, n);
}

static void fetch_events(struct list_request *list)
{
    struct event_list *l = (struct event_list *)list;

    l->query.limit = list->limit;
    store_on_pool(list->req->site->store, list->req->loop, read_events, after_read, l);
}

static struct str state_name(enum event_state state)
{
    return state == EVENT_PENDING     ? STR("Pending")
           : state == EVENT_DELIVERED ? STR("Delivered")
                                      : STR("DeadLettered");
}

static void write_common(struct json_writer *w, const struct event_row *row)
{
    struct str last, reason;

    outcome_split(row->outcome, &last, &reason);
    json_member_id(w, "id", &row->id);
    json_member_str(w, "eventId", row->event_id);
    json_member_str(w, "eventType", row->type);
    json_member_str(w, "subject", row->subject);
    json_member_str(w, "state", state_name(row->state));
    json_member_int(w, "attempts", row->attempts);
    if (last.len)
        json_member_str(w, "lastOutcome", last);
    if (reason.len)
        json_member_str(w, "deadLetterReason", reason);
    json_member_time(w, "publishedOn", row->published);
    if (row->last_attempt)
        json_member_time(w, "lastAttemptOn", row->last_attempt);
    if (row->state == EVENT_PENDING)
        json_member_time(w, "nextAttemptOn", row->due);
}

static struct str next_of(const struct event_list *l)
{
    char id[UUID_TEXT_LEN];

    if (!l->page.more)
        return STR_EMPTY;
    uuid_format(&l->page.next, id);
    return arena_dup(l->list.req->arena, str_of(id, sizeof id));
}

static struct str write_deliveries(struct list_request *list, struct json_writer *w)
{
    const struct event_list *l = (const struct event_list *)list;

    for (size_t i = 0; i < l->page.n; i++) {
        json_object_begin(w);
        write_common(w, &l->page.rows[i]);
        json_object_end(w);
    }
    return next_of(l);
}

static struct str write_dead_letters(struct list_request *list, struct json_writer *w)
{
    const struct event_list *l = (const struct event_list *)list;
    struct str topic = events_topic(list->req->site->events, &l->sub.resource, list->req->arena);

    for (size_t i = 0; i < l->page.n; i++) {
        json_object_begin(w);
        write_common(w, &l->page.rows[i]);
        json_name(w, "deadLetter");
        envelope_write_dead(w, l->sub.schema, topic, &l->page.rows[i]);
        json_object_end(w);
    }
    return next_of(l);
}

static bool id_given(struct request *req, struct str text, const char *name, struct uuid *out)
{
    if (!text.len || uuid_parse(text, out) == RC_OK)
        return true;
    answer_invalid(req,
                   arena_printf(req->arena, "%s must be the id of an item%s.", name,
                                name[0] == 's' ? ", or an RFC 3339 time" : ""),
                   str_from(name));
    return false;
}

static void list_events(struct request *req, unsigned states, list_write_fn write)
{
    struct event_list *l = arena_new(req->arena, struct event_list);

    if (!list_begin(&l->list, req, fetch_events, write) || !subscription_named(req, &l->sub) ||
        !id_given(req, l->list.since_id, "since", &l->since) ||
        !id_given(req, l->list.after, "after", &l->query.before))
        return;
    l->since_given = l->list.since_id.len > 0;
    l->query.what = EVENT_LIST_NEWEST;
    l->query.subscription = l->sub.id;
    l->query.states = states;
    list_run(&l->list);
}

void subscription_deliveries(struct request *req)
{
    list_events(req, 0, write_deliveries);
}

void subscription_dead_letters(struct request *req)
{
    list_events(req, EVENT_STATE_BIT(EVENT_DEAD), write_dead_letters);
}

/* ---- replay ---- */

struct replay {
    struct request *req;
    struct subscription sub;
    struct change_set set;
    struct change items[REPLAY_IDS_MAX];
    struct event_query query; /* all of them: the next page */
    struct event_page page;
    struct arena arena; /* of a page; given back before the answer */
    bool all;
    size_t done;
    enum rc rc;
};

static void answer_replayed(struct replay *p)
{
    struct buf out = answer_buf(p->req, 64);
    struct json_writer w;

    arena_clear(&p->arena);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_int(&w, "replayed", (int64_t)p->done);
    json_object_end(&w);
    answer_json(p->req, 202, &out);
}

/* It begins anew: attempts and time to live, too. */
static struct change step_of(const struct replay *p, const struct event_row *row)
{
    unix_ms now = clock_now(p->req->site->clock);

    return (struct change){.kind = CHANGE_EVENT_STEP,
                           .u.event_step = {.subscription = row->subscription,
                                            .id = row->id,
                                            .from = EVENT_STATE_BIT(EVENT_DEAD),
                                            .to = EVENT_PENDING,
                                            .due = now,
                                            .published = now}};
}

static void read_page(struct replay *p);

static void on_replayed(void *ctx, enum rc rc, struct change_set *set)
{
    struct replay *p = ctx;

    if (rc) {
        arena_clear(&p->arena);
        answer_rc(p->req, rc);
        return;
    }
    p->done += set->n;
    events_wake(p->req->site->events);
    if (p->all && p->page.more)
        read_page(p);
    else
        answer_replayed(p);
}

static void replay_commit(struct replay *p, size_t n)
{
    p->set = (struct change_set){
        .items = p->items, .n = n, .loop = p->req->loop, .done = on_replayed, .ctx = p};
    store_commit(p->req->site->store, &p->set);
}

/* On the pool. */
static void read_dead(void *ctx, struct store_reader *r)
{
    struct replay *p = ctx;

    p->rc = r ? store_list_events(r, &p->query, &p->arena, &p->page) : RC_IO;
}

static void after_dead(void *ctx)
{
    struct replay *p = ctx;

    if (p->rc) {
        arena_clear(&p->arena);
        answer_rc(p->req, p->rc);
        return;
    }
    p->query.before = p->page.next;
    if (!p->page.n) {
        if (p->page.more)
            read_page(p);
        else
            answer_replayed(p);
        return;
    }
    for (size_t i = 0; i < p->page.n; i++)
        p->items[i] = step_of(p, &p->page.rows[i]);
    replay_commit(p, p->page.n);
}

static void read_page(struct replay *p)
{
    arena_clear(&p->arena);
    store_on_pool(p->req->site->store, p->req->loop, read_dead, after_dead, p);
}

static bool refuse_id(struct request *req, const struct api_error *error, struct str id,
                      const char *what)
{
    answer_refusal(req, &(struct refusal){error,
                                          arena_printf(req->arena, "'" STR_FMT "' %s.",
                                                       STR_ARG(body_excerpt(id)), what),
                                          STR("$.ids")});
    return false;
}

/* False: it was answered. */
static bool add_id(struct replay *p, struct str text, size_t at)
{
    struct request *req = p->req;
    struct event_row row;
    struct uuid id;
    enum rc rc;

    if (uuid_parse(text, &id))
        return refuse_id(req, &API_VALIDATION, text, "is not the id of a dead letter");
    for (size_t i = 0; i < at; i++)
        if (uuid_eq(&p->items[i].u.event_step.id, &id))
            return refuse_id(req, &API_VALIDATION, text, "is there twice");
    rc = store_event(req->site->reader, &p->sub.id, &id, req->arena, &row);
    if (rc == RC_NOT_FOUND)
        return refuse_id(req, &API_NOT_FOUND, text, "is no event of this subscription");
    if (rc) {
        answer_rc(req, rc);
        return false;
    }
    if (row.state != EVENT_DEAD)
        return refuse_id(req, &API_CONFLICT, text, "is not a dead letter");
    p->items[at] = step_of(p, &row);
    return true;
}

struct replay_body {
    struct json_str_list ids;
};

/** POST …/deadletters:replay: those named, or all that there are. */
void subscription_replay(struct request *req)
{
    static const struct json_field fields[] = {
        {"ids", JSON_FIELD_STR_LIST, offsetof(struct replay_body, ids), 1, REPLAY_IDS_MAX, false},
        {0}};
    struct replay *p = arena_new(req->arena, struct replay);
    struct replay_body body = {0};
    struct refusal why;

    p->req = req;
    if (!subscription_named(req, &p->sub))
        return;
    if (!body_fill(req, fields, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    p->all = !body.ids.present;
    for (size_t i = 0; i < body.ids.n; i++)
        if (!add_id(p, body.ids.items[i], i))
            return;
    request_hold(req);
    arena_init(&p->arena);
    if (!p->all) {
        replay_commit(p, body.ids.n);
        return;
    }
    p->query = (struct event_query){.what = EVENT_LIST_NEWEST,
                                    .subscription = p->sub.id,
                                    .states = EVENT_STATE_BIT(EVENT_DEAD),
                                    .limit = REPLAY_PAGE};
    read_page(p);
}
