/* Threads: list, get, change, delete. How they are made is chat_create.c. Source: wire/chat §2.3 to
 * §2.5. */
#include "services/chat/chat_wire.h"

#include <stdlib.h>

#define THREADS_PAGE    ((uint32_t)20)
#define THREAD_JSON_MAX ((size_t)1024)
#define ESCAPED_MAX     ((size_t)6)
#define DAY_MS          ((int64_t)24 * 60 * 60 * 1000)

void chat_thread_retain(struct chat_thread_row *row, uint32_t days)
{
    row->delete_after_days = days;
    row->expires = days ? row->created + days * DAY_MS : 0;
}

/* ---- get ---- */

void chat_thread_get(struct request *req)
{
    struct chat_place place;
    struct json_writer w;
    struct buf out;

    if (!chat_limits_allow(req, CHAT_LIMIT_GET_THREAD, NULL) || !chat_enter(req, &place))
        return;
    out = answer_buf(req, THREAD_JSON_MAX + ESCAPED_MAX * place.thread.topic.len +
                              place.thread.metadata.len);
    json_writer_init(&w, &out);
    chat_thread_write(&w, &place.thread);
    answer_json(req, 200, &out);
}

/* ---- list ---- */

/* A thread as the list orders it. */
struct entry {
    const struct chat_thread_row *thread;
    const struct chat_member_row *member;
    unix_ms active; /* of the newest message that he can know of */
};

struct thread_list {
    struct chat_listing base; /* first */
    struct str list;          /* what cursors are places in: this user's threads */
    bool continues;           /* behind `after` */
    uint64_t after[CHAT_PLACE_LEN];
};

static int newest_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->active != y->active)
        return x->active < y->active ? 1 : -1;
    return memcmp(&y->thread->key, &x->thread->key, sizeof x->thread->key);
}

static uint64_t half_of_key(const struct entry *e, size_t from)
{
    uint64_t half = 0;

    for (size_t i = from; i < from + sizeof half; i++)
        half = half << 8 | e->thread->key.octets[i];
    return half;
}

static void place_of(const struct entry *e, uint64_t out[static CHAT_PLACE_LEN])
{
    out[0] = (uint64_t)e->active;
    out[1] = half_of_key(e, 0);
    out[2] = half_of_key(e, sizeof(uint64_t));
}

static bool is_behind(const struct thread_list *t, const struct entry *e)
{
    uint64_t place[CHAT_PLACE_LEN];

    place_of(e, place);
    for (size_t i = 0; i < CHAT_PLACE_LEN && t->continues; i++)
        if (place[i] != t->after[i])
            return place[i] < t->after[i];
    return !t->continues;
}

/* Those that belong on this page or behind it, in order. */
static size_t gather(struct thread_list *t, struct entry *out)
{
    const struct chat_listing *l = &t->base;
    const struct chat_options *options = &l->req->site->chat->options;
    size_t n = 0;

    for (size_t i = 0; i < l->page.n; i++) {
        struct entry e = {&l->page.threads[i], &l->page.members[i], l->page.threads[i].last_id};

        if (e.member->left && !options->removed_reads)
            continue;
        if (e.member->left && e.member->left < e.active)
            e.active = e.member->left;
        if (e.active >= l->start && is_behind(t, &e))
            out[n++] = e;
    }
    if (n)
        qsort(out, n, sizeof *out, newest_first);
    return n;
}

static void write_item(const struct thread_list *t, const struct entry *e, struct json_writer *w)
{
    const struct chat_thread_row seen = chat_thread_for(e->thread, e->member);
    char id[CHAT_THREAD_ID_LEN];

    chat_thread_id_format(&seen.key, &seen.secret, id);
    json_object_begin(w);
    json_member_str(w, "id", str_of(id, sizeof id));
    json_member_str(w, "topic", seen.topic);
    chat_member_time(w, "lastMessageReceivedOn", e->active);
    if (t->base.req->site->chat->options.mark_active)
        json_member_bool(w, "isActive", !e->member->left);
    json_object_end(w);
}

static void write_threads(struct chat_listing *l, struct json_writer *w, struct str *out_place)
{
    struct thread_list *t = (struct thread_list *)l;
    struct entry *entries = arena_array(&l->arena, struct entry, l->page.n);
    size_t n = gather(t, entries), shown = n < l->size ? n : l->size;
    uint64_t place[CHAT_PLACE_LEN];

    for (size_t i = 0; i < shown; i++)
        write_item(t, &entries[i], w);
    if (shown == n)
        return;
    place_of(&entries[shown - 1], place);
    *out_place = chat_listing_cursor(l, t->list, place);
}

void chat_threads_list(struct request *req)
{
    struct thread_list *t = arena_new(req->arena, struct thread_list);

    if (!chat_limits_allow(req, CHAT_LIMIT_LIST_THREADS, NULL) ||
        !chat_listing_begin(&t->base, req, THREADS_PAGE))
        return;
    t->base.query = (struct chat_query){.what = CHAT_LIST_THREADS,
                                        .resource = req->principal->user.resource,
                                        .user = req->principal->user.user};
    t->base.write = write_threads;
    t->list = str_of(&t->base.query.user, sizeof t->base.query.user);
    if (chat_listing_place(&t->base, t->list, &t->continues, t->after))
        chat_listing_run(&t->base);
}

/* ---- change ---- */

struct change_of_thread {
    struct chat_write write; /* first */
    bool has_days;
    struct str topic, patch; /* empty: not given */
    uint32_t days;
};

static void add_topic_message(struct chat_write *w, struct change_set *set,
                              struct chat_thread_row *row)
{
    struct chat_message_row message = {
        .type = CHAT_TOPIC_UPDATED, .sender = w->actor.user, .content = row->topic};

    chat_write_number(w, row, &message);
    chat_write_message(w, set, &message);
}

static const struct api_error *decide_update(struct chat_write *w, struct change_set *set)
{
    struct change_of_thread *c = (struct change_of_thread *)w;
    const struct chat_thread_row *old = &w->turn.row;
    const struct api_error *error = NULL;
    struct chat_thread_row row = *old;

    if (c->topic.len)
        row.topic = c->topic;
    if (c->patch.len)
        error = chat_write_merge(w, old->metadata, c->patch, CHAT_METADATA_MAX, &row.metadata);
    if (error)
        return error;
    if (c->has_days)
        chat_thread_retain(&row, c->days);
    if (str_eq(old->topic, row.topic) && str_eq(old->metadata, row.metadata) &&
        old->delete_after_days == row.delete_after_days)
        return NULL;
    if (!str_eq(old->topic, row.topic))
        add_topic_message(w, set, &row);
    chat_write_thread(w, set, &row);
    w->notice = chat_write_notice(w, CHAT_EVENT_THREAD_UPDATED, &row);
    w->notice.members = chat_write_members(w, &w->notice.n_members);
    w->tells = true;
    return NULL;
}

static bool read_update(struct change_of_thread *c, struct request *req)
{
    struct chat_reading r;

    if (!chat_reading_begin(&r, req))
        return false;
    if (chat_reading_has(&r, "topic"))
        chat_read_topic(&r, &c->topic);
    chat_read_metadata_patch(&r, CHAT_METADATA_MAX, &c->patch);
    c->has_days = chat_read_retention(&r, &c->days);
    return chat_reading_end(&r);
}

void chat_thread_update(struct request *req)
{
    struct change_of_thread *c = arena_new(req->arena, struct change_of_thread);
    struct chat_place place;

    if (!chat_enter(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_UPDATE_THREAD, &place.thread.key) ||
        !read_update(c, req))
        return;
    chat_write_begin(&c->write, req, &place);
    c->write.decide = decide_update;
    c->write.answer = chat_write_answer_empty;
    chat_write_commit(&c->write, CHAT_EVENT_THREAD_UPDATED);
}

/* ---- delete ---- */

void chat_thread_end_begin(struct chat_write *w, const struct chat_thread_row *row)
{
    w->actor.resource = row->resource;
    w->secret = row->secret;
    w->turn.thread = row->key;
    w->turn.all_members = true;
    w->decide = chat_thread_end;
}

const struct api_error *chat_thread_end(struct chat_write *w, struct change_set *set)
{
    struct chat_thread_row row = w->turn.row;
    size_t n;
    struct chat_participant *members = chat_write_members(w, &n);
    struct uuid *users = arena_array(w->arena, struct uuid, n);

    for (size_t i = 0; i < n; i++)
        users[i] = members[i].user;
    row.deleted = w->now;
    chat_write_thread(w, set, &row);
    w->notice = chat_write_notice(w, CHAT_EVENT_THREAD_DELETED, &row);
    w->notice.base.effect = NOTICE_ENDS;
    w->notice.base.users = users;
    w->notice.base.n_users = n;
    w->notice.deleted = w->now;
    w->notice.participants = w->notice.members = members;
    w->notice.n_participants = w->notice.n_members = n;
    w->tells = true;
    return NULL;
}

void chat_thread_delete(struct request *req)
{
    struct chat_write *w = arena_new(req->arena, struct chat_write);
    struct chat_place place;

    if (!chat_limits_allow(req, CHAT_LIMIT_DELETE_THREAD, NULL) || !chat_enter(req, &place))
        return;
    chat_write_begin(w, req, &place);
    w->turn.all_members = true; /* the log keeps who was in */
    w->decide = chat_thread_end;
    w->answer = chat_write_answer_empty;
    chat_write_commit(w, CHAT_EVENT_THREAD_DELETED);
}
