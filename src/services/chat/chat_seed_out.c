/* The threads of a resource as a seed, and their end. A seed tells of those who are in, and of what
 * they said as it now reads; a thread in which nobody is is left out. Source: wire/administration
 * §3. */
#include "services/chat/chat_seed.h"

#include <stdlib.h>

#define THREADS_AT_ONCE  ((uint32_t)64)
#define MESSAGES_AT_ONCE ((uint32_t)1000)
#define ROWS_AT_ONCE     2000 /* that go in one commit */

/* ---- out, on the pool ---- */

struct out_thread {
    const struct chat_thread_row *row;
    struct chat_page members;
    struct chat_message_row *messages;
    size_t n, cap;
    size_t octets; /* of their texts */
};

static int by_user(const void *a, const void *b)
{
    const struct chat_member_row *x = a, *y = b;

    return memcmp(&x->user, &y->user, sizeof x->user);
}

static int by_id(const void *a, const void *b)
{
    const struct chat_message_row *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static bool is_in(const struct out_thread *t, const struct uuid *user)
{
    for (size_t i = 0; i < t->members.n; i++)
        if (uuid_eq(&t->members.members[i].user, user))
            return true;
    return false;
}

static bool is_told(const struct out_thread *t, const struct chat_message_row *m)
{
    return (m->type == CHAT_TEXT || m->type == CHAT_HTML) && !m->deleted && is_in(t, &m->sender);
}

static void keep_message(struct out_thread *t, const struct chat_message_row *m,
                         struct arena *arena)
{
    struct chat_message_row *kept;

    if (t->n == t->cap) {
        struct chat_message_row *all =
            arena_array(arena, struct chat_message_row, t->cap = t->cap ? 2 * t->cap : 64);

        if (t->n)
            memcpy(all, t->messages, t->n * sizeof *all);
        t->messages = all;
    }
    kept = &t->messages[t->n++];
    *kept = *m;
    kept->content = arena_dup(arena, m->content);
    kept->sender_name = arena_dup(arena, m->sender_name);
    kept->metadata = arena_dup(arena, m->metadata);
    t->octets += m->content.len + m->metadata.len;
}

/* The messages of a page that are told. */
static enum rc find_on_page(struct out_thread *t, struct store_reader *r, struct chat_query *in_out,
                            struct arena *arena, bool *out_more)
{
    struct chat_page page;
    struct arena found;
    enum rc rc;

    arena_init(&found);
    rc = store_list_chat(r, in_out, &found, &page);
    for (size_t i = 0; !rc && i < page.n; i++)
        if (is_told(t, &page.messages[i]))
            keep_message(t, &page.messages[i], arena);
    *out_more = page.more;
    in_out->seq_below = page.next_seq;
    arena_clear(&found);
    return rc;
}

/* All that are told, oldest first, unless no document could hold them. */
static enum rc find_messages(struct seed_job *job, struct store_reader *r, struct out_thread *t)
{
    struct chat_query q = {
        .what = CHAT_LIST_MESSAGES, .thread = t->row->key, .limit = MESSAGES_AT_ONCE};
    enum rc rc = RC_OK;

    for (bool more = true; !rc && more;) {
        rc = find_on_page(t, r, &q, &job->scratch, &more);
        if (!rc && (t->n > SEED_ITEMS_MAX || t->octets > SEED_OCTETS_MAX))
            rc = RC_TOO_LARGE;
    }
    if (!rc && t->n)
        qsort(t->messages, t->n, sizeof *t->messages, by_id);
    return rc;
}

static void write_text(struct json_writer *w, const char *name, struct str text)
{
    if (text.len)
        json_member_str(w, name, text);
}

static void write_json(struct json_writer *w, const char *name, struct str json)
{
    if (!json.len)
        return;
    json_name(w, name);
    json_raw(w, json);
}

static void write_member(struct json_writer *w, const struct chat_member_row *m)
{
    json_object_begin(w);
    json_member_id(w, "user", &m->user);
    write_text(w, "displayName", m->display_name);
    if (m->share_from)
        json_member_time(w, "shareHistoryTime", m->share_from);
    write_json(w, "metadata", m->metadata);
    json_object_end(w);
}

static void write_message(struct json_writer *w, const struct chat_message_row *m)
{
    json_object_begin(w);
    json_member_id(w, "sender", &m->sender);
    json_member_str(w, "type", chat_message_type_name(m->type));
    json_member_str(w, "content", m->content);
    write_text(w, "senderDisplayName", m->sender_name);
    write_json(w, "metadata", m->metadata);
    json_member_time(w, "createdOn", m->id);
    json_object_end(w);
}

static void write_thread(struct json_writer *w, const struct out_thread *t)
{
    const struct chat_thread_row *row = t->row;
    char id[CHAT_THREAD_ID_LEN];

    chat_thread_id_format(&row->key, &row->secret, id);
    json_object_begin(w);
    json_member_str(w, "id", str_of(id, sizeof id));
    json_member_str(w, "topic", row->topic);
    write_json(w, "metadata", row->metadata);
    if (row->delete_after_days) {
        json_name(w, "retentionPolicy");
        chat_retention_write(w, row->delete_after_days);
    }
    json_member_id(w, "createdBy",
                   is_in(t, &row->created_by) ? &row->created_by : &t->members.members[0].user);
    json_member_time(w, "createdOn", row->created);
    json_name(w, "participants");
    json_array_begin(w);
    for (size_t i = 0; i < t->members.n; i++)
        write_member(w, &t->members.members[i]);
    json_array_end(w);
    json_name(w, "messages");
    json_array_begin(w);
    for (size_t i = 0; i < t->n; i++)
        write_message(w, &t->messages[i]);
    json_array_end(w);
    json_object_end(w);
}

static enum rc tell_thread(struct seed_job *job, struct store_reader *r,
                           const struct chat_thread_row *row)
{
    const struct chat_query members = {
        .what = CHAT_LIST_MEMBERS, .thread = row->key, .limit = CHAT_MEMBERS_MAX};
    struct out_thread t = {.row = row};
    enum rc rc = store_list_chat(r, &members, &job->scratch, &t.members);

    if (rc || !t.members.n)
        return rc;
    qsort(t.members.members, t.members.n, sizeof *t.members.members, by_user);
    rc = find_messages(job, r, &t);
    if (!rc)
        rc = seed_job_count(job, 1 + t.members.n + t.n);
    if (rc)
        return rc;
    write_thread(&job->w, &t);
    return job->out.failed ? RC_TOO_LARGE : RC_OK;
}

/* A page of living threads, newest first; in_out_before: where the next goes on, *out_more: there
 * may be one. */
static enum rc list_threads(const struct seed_job *job, struct store_reader *r, struct arena *arena,
                            struct uuid *in_out_before, struct chat_page *out)
{
    const struct chat_query q = {.what = CHAT_LIST_ALL,
                                 .resource = job->resource,
                                 .before = *in_out_before,
                                 .limit = THREADS_AT_ONCE};
    enum rc rc = store_list_chat(r, &q, arena, out);

    if (!rc)
        *in_out_before = out->next_key;
    return rc;
}

static void write_all(void *ctx, struct store_reader *r)
{
    struct seed_job *job = ctx;
    struct chat_page page = {.more = true};
    struct uuid before = {0};

    job->rc = r ? RC_OK : RC_BUSY;
    json_object_begin(&job->w);
    json_name(&job->w, "threads");
    json_array_begin(&job->w);
    while (!job->rc && page.more) {
        arena_reset(&job->scratch);
        job->rc = list_threads(job, r, &job->scratch, &before, &page);
        for (size_t i = 0; !job->rc && i < page.n; i++)
            job->rc = tell_thread(job, r, &page.threads[i]);
    }
    json_array_end(&job->w);
    json_object_end(&job->w);
}

static void on_written(void *ctx)
{
    struct seed_job *job = ctx;

    seed_job_done(job, job->rc);
}

void seed_chat_write(struct seed_job *job)
{
    seed_job_look(job, write_all, on_written);
}

/* ---- away: threads end as the owner of the resource ends them, then their rows go ---- */

struct ending {
    struct uuid before; /* of the living ones those above have been looked at; zeros: none */
    bool over;          /* none lives any more */
    struct chat_page living, ended;
    size_t open;
};

/* Some that live, behind those that were ended; at last once more from the newest on, since some
 * may have been made meanwhile. */
static enum rc find_living(struct seed_job *job, struct store_reader *r)
{
    static const struct uuid newest;
    struct ending *e = job->state;
    bool again = !uuid_eq(&e->before, &newest);
    enum rc rc = RC_OK;

    e->living = (struct chat_page){.more = true};
    while (!rc && !e->living.n && e->living.more) {
        rc = list_threads(job, r, &job->scratch, &e->before, &e->living);
        if (again && !e->living.n && !e->living.more) {
            again = false;
            e->living.more = true;
            e->before = newest;
        }
    }
    e->over = !rc && !e->living.n;
    return rc;
}

/* Of the resource, with rows yet. The keeper clears them too: whoever comes first. */
static enum rc find_ended(const struct seed_job *job, struct store_reader *r, struct arena *arena,
                          struct chat_page *out)
{
    const struct chat_query q = {.what = CHAT_LIST_DELETED, .limit = STORE_ROWS_MAX};
    enum rc rc = store_list_chat(r, &q, arena, out);
    size_t n = 0;

    for (size_t i = 0; !rc && i < out->n; i++)
        if (uuid_eq(&out->threads[i].resource, &job->resource))
            out->threads[n++] = out->threads[i];
    out->n = n;
    return rc;
}

static void find(void *ctx, struct store_reader *r)
{
    struct seed_job *job = ctx;
    struct ending *e = job->state;

    job->rc = r ? RC_OK : RC_BUSY;
    if (!job->rc && !e->over)
        job->rc = find_living(job, r);
    if (!job->rc && e->over)
        job->rc = find_ended(job, r, &job->scratch, &e->ended);
}

static void on_ended(struct chat_write *w, enum rc rc)
{
    struct seed_job *job = w->ctx;
    struct ending *e = job->state;

    if (rc && !w->refused) /* else somebody else has ended it */
        job->rc = rc;
    if (--e->open > 0)
        return;
    if (job->rc)
        seed_job_done(job, job->rc);
    else
        seed_chat_reset(job);
}

/* The arena is the writer's from the first commit on: all are made before. */
static void end_threads(struct seed_job *job)
{
    struct ending *e = job->state;
    size_t n = e->living.n;
    struct chat_write *all = arena_array(&job->scratch, struct chat_write, n);

    for (size_t i = 0; i < n; i++) {
        all[i] = (struct chat_write){.chat = job->req->site->chat,
                                     .arena = &job->scratch,
                                     .now = job->req->now,
                                     .done = on_ended,
                                     .ctx = job,
                                     .set.loop = job->req->loop};
        chat_thread_end_begin(&all[i], &e->living.threads[i]);
    }
    job->removed += n;
    e->open = n;
    for (size_t i = 0; i < n; i++)
        chat_write_commit(&all[i], CHAT_EVENT_THREAD_DELETED);
}

static void on_cleared(struct seed_job *job)
{
    if (job->rc && job->rc != RC_CONFLICT)
        seed_job_done(job, job->rc);
    else
        seed_chat_reset(job);
}

/* As many threads as have a portion of rows, or some of a long one: so that others find their place
 * between, and small ones do not wait for a commit each. */
static void clear_some(struct seed_job *job)
{
    const struct ending *e = job->state;
    int64_t rows = 0;

    for (size_t i = 0; i < e->ended.n; i++) {
        const struct chat_thread_row *row = &e->ended.threads[i];

        rows += row->seq + row->members;
        if (i > 0 && rows > ROWS_AT_ONCE)
            break;
        change_list_add(&job->changes, CHANGE_CHAT_CLEAR)->u.chat_clear.thread = row->key;
    }
    seed_job_commit(job, on_cleared);
}

static void on_found(void *ctx)
{
    struct seed_job *job = ctx;
    const struct ending *e = job->state;

    if (job->rc || (e->over && !e->ended.n))
        seed_job_done(job, job->rc);
    else if (e->over)
        clear_some(job);
    else
        end_threads(job);
}

void seed_chat_reset(struct seed_job *job)
{
    if (!job->state)
        job->state = arena_new(job->req->arena, struct ending);
    seed_job_look(job, find, on_found);
}
