/* GET /admin/users/{id}:export: everything kept about a user, as JSON lines. First the user, then
 * of each thread that he is or was in: the thread with his participation, his read receipt, the
 * messages he sent. Lines are made on the pool, piece by piece: memory holds one piece, and the
 * keys of his threads. Source: wire/administration §2. */
#include "services/chat/chat_private.h"
#include "services/users.h"

#include <stdlib.h>

#define PIECE_OCTETS (64 * KIB)      /* a piece ends with the message that reaches this */
#define LINE_MAX     (4 * MIB)       /* one that tells of 250 participants */
#define MESSAGES_MAX ((uint32_t)100) /* of one look into the store */

/* The pool's while it works, the loop's otherwise. */
struct export
{
    struct request *req;
    struct user_key user;
    struct uuid *threads; /* owned; once they are listed */
    size_t n, at;
    bool listed, entered; /* entered: of thread `at` messages come next, after id `after` */
    unix_ms after;
    struct buf piece;
    enum rc rc;
};

static void export_free(struct export *e)
{
    free(e->threads);
    buf_clear(&e->piece);
    free(e);
}

/* ---- lines, on the pool ---- */

static void end_line(struct export *e, struct json_writer *w)
{
    json_object_end(w);
    buf_add_char(&e->piece, '\n');
}

static struct json_writer begin_line(struct export *e, struct str kind)
{
    struct json_writer w;

    json_writer_init(&w, &e->piece);
    json_object_begin(&w);
    json_member_str(&w, "kind", kind);
    return w;
}

static void write_thread(struct export *e, const struct chat_thread_row *thread,
                         const struct chat_member_row *member)
{
    struct chat_participant participant = chat_participant_of(member);
    const struct chat_thread_row seen = chat_thread_for(thread, member);
    struct json_writer w = begin_line(e, STR("chatThread"));

    json_name(&w, "thread");
    chat_thread_write(&w, &seen);
    json_name(&w, "participant");
    chat_participant_write(&w, &thread->resource, &participant);
    if (member->left)
        chat_member_time(&w, "leftOn", member->left);
    end_line(e, &w);
}

static void write_receipt(struct export *e, struct str thread_id,
                          const struct chat_receipt_row *row, struct arena *arena)
{
    struct json_writer w = begin_line(e, STR("chatReadReceipt"));

    json_member_str(&w, "threadId", thread_id);
    json_member_str(&w, "chatMessageId", chat_message_id(row->message, arena));
    chat_member_time(&w, "readOn", row->read_on);
    end_line(e, &w);
}

static void write_message(struct export *e, struct str thread_id,
                          const struct chat_message_row *row)
{
    struct json_writer w = begin_line(e, STR("chatMessage"));

    json_member_str(&w, "threadId", thread_id);
    json_name(&w, "message");
    chat_message_write(&w, &e->user.resource, row);
    end_line(e, &w);
}

/* ---- what is found, on the pool ---- */

static enum rc list_threads(struct export *e, struct store_reader *r, struct arena *arena)
{
    const struct chat_query query = {
        .what = CHAT_LIST_THREADS, .resource = e->user.resource, .user = e->user.user};
    struct chat_page page;
    enum rc rc = store_list_chat(r, &query, arena, &page);

    if (rc)
        return rc;
    e->threads = calloc(page.n + 1, sizeof *e->threads);
    if (!e->threads)
        abort();
    for (size_t i = 0; i < page.n; i++)
        e->threads[e->n++] = page.threads[i].key;
    e->listed = true;
    return RC_OK;
}

static enum rc add_receipt(struct export *e, struct store_reader *r, struct str thread_id,
                           struct arena *arena)
{
    const struct chat_query query = {
        .what = CHAT_LIST_RECEIPTS, .thread = e->threads[e->at], .limit = STORE_ROWS_MAX};
    struct chat_page page;
    enum rc rc = store_list_chat(r, &query, arena, &page);

    for (size_t i = 0; !rc && i < page.n; i++)
        if (uuid_eq(&page.receipts[i].user, &e->user.user))
            write_receipt(e, thread_id, &page.receipts[i], arena);
    return rc;
}

/* RC_NOT_FOUND: it is gone meanwhile. */
static enum rc enter_thread(struct export *e, struct store_reader *r, struct str thread_id,
                            const struct chat_thread_row *thread, struct arena *arena)
{
    struct chat_member_row member;
    enum rc rc = store_chat_member(r, &thread->key, &e->user.user, arena, &member);

    if (rc)
        return rc;
    write_thread(e, thread, &member);
    e->entered = true;
    e->after = 0;
    return add_receipt(e, r, thread_id, arena);
}

static enum rc add_messages(struct export *e, struct store_reader *r, struct str thread_id,
                            struct arena *arena)
{
    const struct chat_query query = {.what = CHAT_LIST_SENT,
                                     .thread = e->threads[e->at],
                                     .user = e->user.user,
                                     .id_from = e->after,
                                     .limit = MESSAGES_MAX};
    struct chat_page page;
    enum rc rc = store_list_chat(r, &query, arena, &page);

    if (rc)
        return rc;
    e->after = page.more ? page.next_id : e->after;
    e->entered = page.more;
    for (size_t i = 0; i < page.n; i++) {
        write_message(e, thread_id, &page.messages[i]);
        if (e->piece.len >= PIECE_OCTETS && i + 1 < page.n) {
            e->after = page.messages[i].id;
            e->entered = true;
            break;
        }
    }
    e->at += !e->entered;
    return RC_OK;
}

static enum rc add_portion(struct export *e, struct store_reader *r, struct arena *arena)
{
    struct chat_thread_row thread;
    struct str id;
    enum rc rc;

    if (!e->listed)
        return list_threads(e, r, arena);
    rc = store_chat_thread(r, &e->threads[e->at], arena, &thread);
    id = chat_thread_id(&thread, arena);
    if (!rc && !e->entered)
        rc = enter_thread(e, r, id, &thread, arena);
    else if (!rc)
        rc = add_messages(e, r, id, arena);
    if (rc == RC_NOT_FOUND) {
        e->entered = false;
        e->at++;
        rc = RC_OK;
    }
    return rc;
}

/* Until a piece is full, or all has been said. */
static void make_piece(void *ctx, struct store_reader *r)
{
    struct export *e = ctx;
    struct arena arena;

    arena_init(&arena);
    e->rc = r ? RC_OK : RC_IO;
    while (!e->rc && e->piece.len < PIECE_OCTETS && (!e->listed || e->at < e->n)) {
        e->rc = add_portion(e, r, &arena);
        arena_reset(&arena);
    }
    arena_clear(&arena);
    if (!e->rc)
        e->rc = e->piece.failed;
}

/* ---- sending, on the loop ---- */

static void end(struct export *e, bool ok)
{
    struct request *req = e->req;

    export_free(e);
    req->ops->stream_end(req, ok);
}

static void send_piece(struct export *e)
{
    struct request *req = e->req;

    if (req->gone || e->rc) {
        end(e, false);
    } else if (!e->piece.len) {
        end(e, true);
    } else {
        req->ops->stream_piece(req, buf_str(&e->piece));
        buf_reset(&e->piece);
    }
}

static void on_piece(void *ctx)
{
    send_piece(ctx);
}

static void on_more(void *ctx)
{
    struct export *e = ctx;

    if (e->req->gone || e->piece.len) /* the first piece is there already */
        send_piece(e);
    else
        store_on_pool(e->req->site->store, e->req->loop, make_piece, on_piece, e);
}

static void on_first_piece(void *ctx)
{
    struct export *e = ctx;
    struct request *req = e->req;

    if (e->rc) {
        enum rc rc = e->rc;

        export_free(e);
        answer_rc(req, rc);
        return;
    }
    req->reply.status = 200;
    req->reply.content_type = STR("application/x-ndjson");
    req->reply.stream = true;
    req->reply.processed = true;
    req->ops->stream_begin(req, on_more, e);
}

static void write_user(struct export *e, const struct user_row *row)
{
    struct json_writer w = begin_line(e, STR("user"));

    json_member_int(&w, "tokenGeneration", row->generation);
    json_name(&w, "user");
    user_write(&w, row, e->req->arena);
    end_line(e, &w);
}

/* Deleted users too: what is left of them is kept about them. */
void chat_user_export(struct request *req)
{
    struct user_key key;
    struct user_row row;
    struct export *e;
    enum rc rc = user_key_of(req, req->params[0], &key);

    if (!rc)
        rc = store_user(req->site->reader, &key, req->arena, &row);
    if (rc) {
        user_answer_rc(req, rc);
        return;
    }
    e = calloc(1, sizeof *e);
    if (!e)
        abort();
    *e = (struct export){.req = req, .user = key};
    buf_init(&e->piece, PIECE_OCTETS + LINE_MAX);
    write_user(e, &row);
    request_hold(req);
    store_on_pool(req->site->store, req->loop, make_piece, on_first_piece, e);
}
