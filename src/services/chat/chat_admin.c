/* /admin/chat: threads and messages as the owner of a resource or an administrator sees them, to
 * look and to moderate. Nobody in a thread learns that it was looked at, so each look at messages
 * is logged. Source: wire/administration §2; wire/chat §1.3. */
#include "services/chat/chat_wire.h"
#include "services/list.h"
#include "services/own_routes.h"

#include <stdlib.h>

#define LOOKS_MAX       64        /* reads of one fetch: a page of the store may be short */
#define PAGE_OCTETS_MAX (4 * MIB) /* a page ends early rather than grow beyond */
#define THREAD_TEXT_MAX (4 * MIB) /* one with 250 participants */
#define BODY            KIB

/* ---- the thread that the path names ---- */

/* False: answered. */
static bool find_thread(struct request *req, struct chat_thread_row *out)
{
    struct uuid key, secret;
    enum rc rc = chat_thread_id_parse(req->params[0], &key, &secret);

    if (!rc)
        rc = store_chat_thread(req->site->reader, &key, req->arena, out);
    if (!rc && (out->deleted || !chat_thread_is(out, &secret) ||
                !uuid_eq(&out->resource, &req->principal->resource->id)))
        rc = RC_NOT_FOUND;
    if (rc == RC_INVALID || rc == RC_NOT_FOUND)
        answer_refusal(
            req, &(struct refusal){&API_NOT_FOUND, STR("There is no such thread."), STR_EMPTY});
    else if (rc)
        answer_rc(req, rc);
    return rc == RC_OK;
}

static void log_act(struct request *req, const char *event, const struct uuid *thread)
{
    struct str by = principal_kind_name(req->principal->kind);
    char id[UUID_TEXT_LEN];

    uuid_format(thread, id); /* half of its id: it can't be entered by that */
    log_info(req->site->log, event, "request=" STR_FMT " by=" STR_FMT " thread=%.*s",
             STR_ARG(req->id), STR_ARG(by), (int)sizeof id, id);
}

static void write_thread(struct json_writer *w, const struct chat_thread_row *row)
{
    char id[CHAT_THREAD_ID_LEN];

    chat_thread_id_format(&row->key, &row->secret, id);
    json_member_str(w, "id", str_of(id, sizeof id));
    json_member_str(w, "topic", row->topic);
    chat_member_time(w, "createdOn", row->created);
    json_name(w, "createdByCommunicationIdentifier");
    chat_identifier_write(w, &row->resource, &row->created_by);
    json_member_int(w, "participantCount", row->members);
    if (row->last_id)
        chat_member_time(w, "lastMessageReceivedOn", row->last_id);
    if (row->metadata.len) {
        json_name(w, "metadata");
        json_raw(w, row->metadata);
    }
    json_name(w, "retentionPolicy");
    chat_retention_write(w, row->delete_after_days);
}

/* ---- the list of threads ---- */

struct threads {
    struct list_request list; /* first */
    struct chat_query query;
    enum rc rc;
    struct chat_thread_row *rows; /* in list.scratch */
    size_t n;
    bool more;
    struct uuid next; /* of the last one that was looked at */
};

/* Of the resource. */
static void read_all(struct threads *t, struct store_reader *r)
{
    struct chat_query q = t->query;

    t->rows = arena_array(&t->list.scratch, struct chat_thread_row, t->list.limit);
    t->more = true;
    for (unsigned i = 0; !t->rc && t->more && t->n < t->list.limit && i < LOOKS_MAX; i++) {
        struct chat_page page = {0};

        q.limit = t->list.limit - (uint32_t)t->n;
        t->rc = store_list_chat(r, &q, &t->list.scratch, &page);
        if (t->rc)
            break;
        if (page.n)
            memcpy(t->rows + t->n, page.threads, page.n * sizeof *page.threads);
        t->n += page.n;
        t->more = page.more;
        t->next = q.before = page.next_key;
    }
}

static int newer_first(const void *a, const void *b)
{
    const struct chat_thread_row *x = a, *y = b;

    return memcmp(&y->key, &x->key, sizeof x->key);
}

/* Of a user: the store has them in no order, and all of them. */
static void read_of_user(struct threads *t, struct store_reader *r)
{
    static const struct uuid none;
    const struct chat_query *q = &t->query;
    bool from_start = uuid_eq(&q->before, &none);
    struct chat_page page = {0};

    t->rc = store_list_chat(r, q, &t->list.scratch, &page);
    if (t->rc)
        return;
    if (page.n > 1)
        qsort(page.threads, page.n, sizeof *page.threads, newer_first);
    t->rows = page.threads;
    for (size_t i = 0; i < page.n; i++) {
        const struct chat_thread_row row = page.threads[i];

        if (memcmp(&row.key, &q->from, sizeof q->from) < 0 ||
            (!from_start && memcmp(&row.key, &q->before, sizeof q->before) >= 0))
            continue;
        t->more = t->n == t->list.limit;
        if (t->more)
            break;
        t->rows[t->n++] = row; /* moves to the front */
        t->next = row.key;
    }
}

static void read_threads(void *ctx, struct store_reader *r)
{
    struct threads *t = ctx;

    t->rc = r ? RC_OK : RC_IO;
    t->n = 0;
    t->more = false;
    if (t->rc)
        return;
    if (t->query.what == CHAT_LIST_ALL)
        read_all(t, r);
    else
        read_of_user(t, r);
}

static void on_threads(void *ctx)
{
    struct threads *t = ctx;

    list_fetched(&t->list, t->rc, t->n);
}

static void fetch_threads(struct list_request *list)
{
    store_on_pool(list->req->site->store, list->req->loop, read_threads, on_threads, list);
}

static struct str key_text(struct request *req, const struct uuid *key)
{
    char *text = arena_alloc(req->arena, UUID_TEXT_LEN);

    uuid_format(key, text);
    return str_of(text, UUID_TEXT_LEN);
}

static struct str write_threads(struct list_request *list, struct json_writer *w)
{
    struct threads *t = (struct threads *)list;

    for (size_t i = 0; i < t->n; i++) {
        json_object_begin(w);
        write_thread(w, &t->rows[i]);
        json_object_end(w);
        if (w->out->len > PAGE_OCTETS_MAX && i + 1 < t->n)
            return key_text(list->req, &t->rows[i].key);
    }
    return t->more ? key_text(list->req, &t->next) : STR_EMPTY;
}

/* since= a time, or the id of a thread: those made later. */
static bool read_since(struct threads *t)
{
    const struct list_request *list = &t->list;
    struct uuid key, secret;

    if (list->since)
        t->query.from = uuid_first(list->since);
    if (!list->since_id.len)
        return true;
    if (chat_thread_id_parse(list->since_id, &key, &secret)) {
        answer_invalid(list->req, STR("since must be a time, or the id of a thread."),
                       STR("since"));
        return false;
    }
    for (size_t i = sizeof key.octets; i-- > 0 && ++key.octets[i] == 0;)
        ; /* the one behind it */
    t->query.from = key;
    return true;
}

static bool read_user(struct threads *t)
{
    struct request *req = t->list.req;
    struct str text = request_query(req, "user");
    struct user_key user;

    if (!text.ptr)
        return true;
    if (user_id_parse(text, &user) || !uuid_eq(&user.resource, &req->principal->resource->id)) {
        answer_invalid(req, STR("user must be the id of a user of the resource."), STR("user"));
        return false;
    }
    t->query.what = CHAT_LIST_THREADS;
    t->query.user = user.user;
    return true;
}

static void chat_admin_threads_list(struct request *req)
{
    struct threads *t = arena_new(req->arena, struct threads);

    if (!list_begin(&t->list, req, fetch_threads, write_threads))
        return;
    t->query.what = CHAT_LIST_ALL;
    t->query.resource = req->principal->resource->id;
    if (t->list.after.len && uuid_parse(t->list.after, &t->query.before)) {
        answer_invalid(req, STR("after must come from a nextLink."), STR("after"));
        return;
    }
    if (read_since(t) && read_user(t))
        list_run(&t->list);
}

/* ---- one thread, with who is in it ---- */

struct look {
    struct request *req;
    struct chat_thread_row thread;
    struct chat_page members;
    struct arena arena;
    enum rc rc;
};

static void read_members(void *ctx, struct store_reader *r)
{
    struct look *l = ctx;
    const struct chat_query q = {
        .what = CHAT_LIST_MEMBERS, .thread = l->thread.key, .limit = CHAT_MEMBERS_MAX};

    l->rc = r ? store_list_chat(r, &q, &l->arena, &l->members) : RC_IO;
}

static void on_members(void *ctx)
{
    struct look *l = ctx;
    struct json_writer w;
    struct buf out;

    if (l->rc) {
        arena_clear(&l->arena);
        answer_rc(l->req, l->rc);
        return;
    }
    buf_init(&out, THREAD_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    write_thread(&w, &l->thread);
    json_name(&w, "participants");
    json_array_begin(&w);
    for (size_t i = 0; i < l->members.n; i++) {
        struct chat_participant p = chat_participant_of(&l->members.members[i]);

        chat_participant_write(&w, &l->thread.resource, &p);
    }
    json_array_end(&w);
    json_object_end(&w);
    arena_clear(&l->arena);
    answer_json_moved(l->req, 200, &out);
}

static void chat_admin_thread_get(struct request *req)
{
    struct look *l = arena_new(req->arena, struct look);

    l->req = req;
    if (!find_thread(req, &l->thread))
        return;
    arena_init(&l->arena);
    request_hold(req);
    store_on_pool(req->site->store, req->loop, read_members, on_members, l);
}

/* ---- deleting it ---- */

static void on_deleted(struct chat_write *w)
{
    log_act(w->req, "chat.thread.deleted", &w->turn.thread);
    answer_empty(w->req, 204);
}

static void chat_admin_thread_delete(struct request *req)
{
    struct chat_write *w = arena_new(req->arena, struct chat_write);
    struct chat_place place = {0};

    if (!find_thread(req, &place.thread))
        return;
    place.secret = place.thread.secret;
    chat_write_begin(w, req, &place);
    w->actor = (struct user_key){.resource = req->principal->resource->id}; /* nobody in it */
    w->turn.n_users = 0;
    w->turn.all_members = true;
    w->decide = chat_thread_end;
    w->answer = on_deleted;
    chat_write_commit(w, CHAT_EVENT_THREAD_DELETED);
}

/* ---- its messages ---- */

struct messages {
    struct list_request list; /* first */
    struct chat_query query;
    enum rc rc;
    struct chat_message_row *rows; /* in list.scratch */
    size_t n;
    bool more;
    int64_t next;
};

static bool wants_more(const struct messages *m)
{
    return !m->rc && m->more && m->n < m->list.limit && m->list.scratch.total < PAGE_OCTETS_MAX;
}

static void read_messages(void *ctx, struct store_reader *r)
{
    struct messages *m = ctx;
    struct chat_query q = m->query;

    m->rc = r ? RC_OK : RC_IO;
    m->n = 0;
    m->more = true;
    m->rows = arena_array(&m->list.scratch, struct chat_message_row, m->list.limit);
    for (unsigned i = 0; wants_more(m) && i < LOOKS_MAX; i++) {
        struct chat_page page = {0};

        q.limit = m->list.limit - (uint32_t)m->n;
        m->rc = store_list_chat(r, &q, &m->list.scratch, &page);
        if (m->rc)
            break;
        if (page.n)
            memcpy(m->rows + m->n, page.messages, page.n * sizeof *page.messages);
        m->n += page.n;
        m->more = page.more;
        m->next = q.seq_below = page.next_seq;
    }
}

static void on_messages(void *ctx)
{
    struct messages *m = ctx;

    list_fetched(&m->list, m->rc, m->n);
}

static void fetch_messages(struct list_request *list)
{
    store_on_pool(list->req->site->store, list->req->loop, read_messages, on_messages, list);
}

static struct str write_messages(struct list_request *list, struct json_writer *w)
{
    struct messages *m = (struct messages *)list;

    for (size_t i = 0; i < m->n; i++) {
        chat_message_write(w, &m->query.resource, &m->rows[i]);
        if (w->out->len > PAGE_OCTETS_MAX && i + 1 < m->n)
            return chat_message_id(m->rows[i].seq, list->req->arena);
    }
    return m->more ? chat_message_id(m->next, list->req->arena) : STR_EMPTY;
}

/* since= a time, or the id of a message: those made later; after= of a nextLink. */
static bool read_place(struct messages *m)
{
    struct list_request *list = &m->list;
    unix_ms id = 0;

    m->query.id_from = list->since;
    if (list->since_id.len && chat_message_id_parse(list->since_id, &id)) {
        answer_invalid(list->req, STR("since must be a time, or the id of a message."),
                       STR("since"));
        return false;
    }
    if (list->since_id.len)
        m->query.id_from = id < INT64_MAX ? id + 1 : id;
    if (list->after.len && chat_message_id_parse(list->after, &m->query.seq_below)) {
        answer_invalid(list->req, STR("after must come from a nextLink."), STR("after"));
        return false;
    }
    return true;
}

static void chat_admin_messages_list(struct request *req)
{
    struct messages *m = arena_new(req->arena, struct messages);
    struct chat_thread_row thread;

    if (!list_begin(&m->list, req, fetch_messages, write_messages) || !read_place(m) ||
        !find_thread(req, &thread))
        return;
    m->query.what = CHAT_LIST_MESSAGES;
    m->query.thread = thread.key;
    m->query.resource = thread.resource;
    log_act(req, "chat.messages.read", &thread.key);
    list_run(&m->list);
}

/* ---- the table ---- */

static const struct api ANY = {&own_service, 0, 0};

#define ADMIN_OR_KEY (ACCEPT_ADMIN | ACCEPT_KEY)
#define THREAD       "/admin/chat/threads/{id}"

/* clang-format off */
const struct route chat_admin_routes[] = {
    /* method path                       versions credentials need           body  handler                    plane        kind */
    {GET,    "/admin/chat/threads",      &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, chat_admin_threads_list,  PLANE_ADMIN, KIND_POLL},
    {GET,    THREAD,                     &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, chat_admin_thread_get,    PLANE_ADMIN, KIND_REPLY},
    {DELETE, THREAD,                     &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, chat_admin_thread_delete, PLANE_ADMIN, KIND_REPLY},
    {GET,    THREAD "/messages",         &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, chat_admin_messages_list, PLANE_ADMIN, KIND_POLL},
    {GET,    "/admin/users/{id}:export", &ANY, ADMIN_OR_KEY, NEED_RESOURCE, BODY, chat_user_export,         PLANE_ADMIN, KIND_STREAM},
    {0},
};
/* clang-format on */
