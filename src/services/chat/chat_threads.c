/* Threads: list, get, change, delete. How they are made is chat_create.c. Source: wire/chat §2.3 to
 * §2.5. */
#include "services/chat/chat_wire.h"

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

struct thread_list {
    struct chat_listing base; /* first */
    struct str list;          /* what cursors are places in: this user's threads */
};

/* Of the newest message that he can know of, or when he left. */
static unix_ms active_of(const struct chat_thread_row *thread, const struct chat_member_row *member)
{
    return member->left && member->left < thread->last_id ? member->left : thread->last_id;
}

/* A place: the time, and both halves of the key. */
static uint64_t half_of(const struct uuid *key, size_t from)
{
    uint64_t half = 0;

    for (size_t i = from; i < from + sizeof half; i++)
        half = half << 8 | key->octets[i];
    return half;
}

static void put_half(struct uuid *key, size_t from, uint64_t half)
{
    for (size_t i = sizeof half; i-- > 0; half >>= 8)
        key->octets[from + i] = (uint8_t)half;
}

static void go_on_behind(struct chat_query *q, const uint64_t place[static CHAT_PLACE_LEN])
{
    q->goes_on = true;
    q->active_to = (unix_ms)place[0];
    put_half(&q->before, 0, place[1]);
    put_half(&q->before, sizeof(uint64_t), place[2]);
}

static void write_item(const struct chat_listing *l, size_t at, struct json_writer *w)
{
    const struct chat_member_row *member = &l->page.members[at];
    const struct chat_thread_row seen = chat_thread_for(&l->page.threads[at], member);
    char id[CHAT_THREAD_ID_LEN];

    chat_thread_id_format(&seen.key, &seen.secret, id);
    json_object_begin(w);
    json_member_str(w, "id", str_of(id, sizeof id));
    json_member_str(w, "topic", seen.topic);
    chat_member_time(w, "lastMessageReceivedOn", active_of(&seen, member));
    if (l->req->site->chat->options.mark_active)
        json_member_bool(w, "isActive", !member->left);
    json_object_end(w);
}

static void write_threads(struct chat_listing *l, struct json_writer *w, struct str *out_place)
{
    const struct thread_list *t = (const struct thread_list *)l;
    const struct chat_thread_row *last;

    for (size_t i = 0; i < l->page.n; i++)
        write_item(l, i, w);
    if (!l->page.more)
        return;
    last = &l->page.threads[l->page.n - 1];
    const uint64_t place[CHAT_PLACE_LEN] = {
        (uint64_t)active_of(last, &l->page.members[l->page.n - 1]), half_of(&last->key, 0),
        half_of(&last->key, sizeof(uint64_t))};

    *out_place = chat_listing_cursor(l, t->list, place);
}

void chat_threads_list(struct request *req)
{
    struct thread_list *t = arena_new(req->arena, struct thread_list);
    struct chat_query *q = &t->base.query;
    uint64_t place[CHAT_PLACE_LEN];
    bool given;

    if (!chat_limits_allow(req, CHAT_LIMIT_LIST_THREADS, NULL) ||
        !chat_listing_begin(&t->base, req, THREADS_PAGE))
        return;
    *q = (struct chat_query){.what = CHAT_LIST_LATEST,
                             .resource = req->principal->user.resource,
                             .user = req->principal->user.user,
                             .present = !req->site->chat->options.removed_reads,
                             .active_from = t->base.start,
                             .limit = t->base.size};
    t->base.write = write_threads;
    t->list = str_of(&q->user, sizeof q->user);
    if (!chat_listing_place(&t->base, t->list, &given, place))
        return;
    if (given)
        go_on_behind(q, place);
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
